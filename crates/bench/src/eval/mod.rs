//! Judges scores that any tool made: which metrics apply, what they are, how sure that is, what chance would get.

mod columns;
mod document;
mod input;
mod labels;
mod maps;

use anomalyst::core::{Error, Interval, Result, Run, nearest_name};
use anomalyst_measure::compare::{self, Bootstrap};
use anomalyst_measure::groups;
use anomalyst_measure::noise::{self, NoiseRow};
use anomalyst_measure::{
    AnyMetric, Better, Case, Curve, Measurable, MetricCard, MetricEntry, Subject, items, pixels, series,
};
use serde::Serialize;
use serde_json::{Map, Value};

pub use document::document;
pub use input::{EvalFiles, EvalInput};

/// What is asked about scores.
#[derive(Clone, Debug)]
pub struct EvalOptions {
    /// Metrics by id; all that apply where none is named.
    pub metrics: Vec<String>,
    /// Parameters, as `vus_pr.window_len` and its value.
    pub set: Vec<(String, String)>,
    /// Probability with which an interval holds the value, such as 0.95; `None` computes no intervals.
    pub level: Option<f64>,
    /// Bootstrap replicates.
    pub n_replicates: usize,
    /// Whether to show what wrong labels would do to each metric.
    pub noise: bool,
    /// Whether curves are wanted.
    pub curves: bool,
}

/// The judgement of one file of scores.
#[derive(Debug, Serialize)]
pub struct Evaluation {
    /// What the labels are of.
    pub subject: Subject,
    /// Items judged.
    pub n: usize,
    /// How many of them are anomalous.
    pub n_odd: usize,
    /// Each scorer of the file.
    pub scorers: Vec<Judged>,
    /// Paired tests of scorers on the same labels.
    pub comparisons: Vec<Comparison>,
    /// What was noticed on the way.
    pub notices: Vec<String>,
}

/// One scorer.
#[derive(Debug, Serialize)]
pub struct Judged {
    /// Its name: the column it stands in.
    pub scorer: String,
    /// What each metric says.
    pub metrics: Vec<Judgement>,
    /// What wrong labels would do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub noise: Vec<NoiseRow>,
}

/// What a metric says about a scorer.
#[derive(Debug, Serialize)]
pub struct Judgement {
    /// The metric's id.
    pub metric: &'static str,
    /// The value; absent where there is none.
    pub value: Option<f64>,
    /// Where it lies with the probability asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// What a scorer that knows nothing gets on these labels.
    pub random: Option<f64>,
    /// The value in words.
    pub reading: String,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The curve behind it, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
    /// One value per series, level or map, where the value is a mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<f64>>,
    #[serde(skip)]
    pub(crate) card: &'static MetricCard,
}

impl Judgement {
    /// Nothing said yet.
    const fn blank(card: &'static MetricCard) -> Self {
        Self {
            metric: card.id,
            value: None,
            interval: None,
            random: None,
            reading: String::new(),
            error: None,
            curve: None,
            parts: None,
            card,
        }
    }
}

/// Two scorers on the same labels.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The scorers.
    pub scorers: [String; 2],
    /// AUROC of the first less that of the second.
    pub difference: f64,
    /// Probability of a difference at least as large if they were equally good (DeLong), adjusted by Holm for all
    /// pairs compared here.
    pub p_value: f64,
}

/// Judges every scorer of `input`.
pub fn evaluate(input: &EvalInput, options: &EvalOptions, run: &Run) -> Result<Evaluation> {
    if let Some(grouping) = &input.grouping {
        let judged = apart(groups::METRICS, grouping, "groups", options, run)?;
        return Ok(of_one(Subject::Groups, grouping.len(), judged, input));
    }
    if let Some(maps) = &input.maps {
        let judged = apart(pixels::METRICS, maps, "maps", options, run)?;
        return Ok(of_one(Subject::Maps, maps.n_maps(), judged, input));
    }
    let entries = chosen(input, options)?;
    let metrics: Vec<Box<dyn AnyMetric<Case>>> = entries
        .iter()
        .map(|entry| (entry.from_json)(&parameters(entry.card.id, options)))
        .collect::<Result<_>>()?;
    let stage = run.stage("measuring", (input.scorers.len() * metrics.len()) as u64);
    let mut scorers = Vec::new();
    for (name, case) in &input.scorers {
        let mut judged = Vec::new();
        for metric in &metrics {
            run.check()?;
            judged.push(judge(&**metric, case, input.subject, options, run)?);
            stage.advance(1);
        }
        let noise = if options.noise { noise::table(case, &metrics, run)? } else { Vec::new() };
        scorers.push(Judged { scorer: name.clone(), metrics: judged, noise });
    }
    let first = input.scorers.first().map(|(_, case)| case);
    Ok(Evaluation {
        subject: input.subject,
        n: first.map_or(0, Case::len),
        n_odd: first.map_or(0, Case::n_odd),
        comparisons: comparisons(input)?,
        scorers,
        notices: input.notices.clone(),
    })
}

/// Judges what is no case of items: groups, or maps. Its parts hang together, so no interval is drawn.
fn apart<I: Measurable + ?Sized>(
    family: &'static [MetricEntry<I>],
    input: &I,
    scorer: &str,
    options: &EvalOptions,
    run: &Run,
) -> Result<Judged> {
    let known = || family.iter().map(|entry| entry.card.id);
    if let Some(name) = options.metrics.iter().find(|name| !known().any(|id| id == **name)) {
        let nearest = nearest_name(name, known()).map(str::to_owned);
        return Err(Error::Unknown { what: "metric of these labels", id: name.clone(), nearest });
    }
    let mut judged = Vec::new();
    for entry in family {
        run.check()?;
        let is_named = options.metrics.iter().any(|name| name == entry.card.id);
        let applies = options.metrics.is_empty() && input.check(entry.card).is_ok();
        if !(is_named || applies) {
            continue;
        }
        let metric = (entry.from_json)(&parameters(entry.card.id, options))?;
        let mut judgement = Judgement::blank(entry.card);
        match metric.measure(input) {
            Ok(value) => {
                judgement.value = Some(value);
                judgement.random = metric.random_level(input, run)?;
                judgement.reading = reading(entry.card, value, judgement.random, None);
                judgement.parts = metric.parts(input)?.filter(|parts| parts.len() <= 1_000);
                judgement.curve = if options.curves { metric.curve(input)? } else { None };
            }
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => {
                judgement.reading = error.to_string();
                judgement.error = Some(error.to_string());
            }
        }
        judged.push(judgement);
    }
    Ok(Judged { scorer: scorer.into(), metrics: judged, noise: Vec::new() })
}

fn of_one(subject: Subject, n: usize, judged: Judged, input: &EvalInput) -> Evaluation {
    let notices = input.notices.clone();
    Evaluation { subject, n, n_odd: 0, scorers: vec![judged], comparisons: Vec::new(), notices }
}

/// All metrics for labels of this kind.
fn family(subject: Subject) -> Vec<&'static MetricEntry<Case>> {
    let of_points =
        items::METRICS.iter().filter(|entry| ["ap", "auroc", "oracle_f1"].contains(&entry.card.id));
    match subject {
        Subject::Series => of_points.chain(series::METRICS).collect(),
        _ => items::METRICS.iter().collect(),
    }
}

/// The metrics that were named, or all whose needs are met.
fn chosen(input: &EvalInput, options: &EvalOptions) -> Result<Vec<&'static MetricEntry<Case>>> {
    let known = || items::METRICS.iter().chain(series::METRICS);
    let names = options.metrics.iter().chain(options.set.iter().map(|(key, _)| key));
    for name in names.map(|name| name.split('.').next().unwrap_or(name)) {
        if !known().any(|entry| entry.card.id == name) {
            let nearest = nearest_name(name, known().map(|entry| entry.card.id)).map(str::to_owned);
            return Err(Error::Unknown { what: "metric", id: name.into(), nearest });
        }
    }
    if !options.metrics.is_empty() {
        let find = |id: &String| known().find(|entry| entry.card.id == id);
        return Ok(options.metrics.iter().filter_map(find).collect());
    }
    let some_case_has = |card: &MetricCard| input.scorers.iter().any(|(_, case)| case.has(card.needs));
    Ok(family(input.subject).into_iter().filter(|entry| some_case_has(entry.card)).collect())
}

/// Those of `--set` that are for the metric `id`.
fn parameters(id: &str, options: &EvalOptions) -> Value {
    let of_metric = options.set.iter().filter_map(|(key, value)| {
        let name = key.strip_prefix(id)?.strip_prefix('.')?;
        Some((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.as_str().into())))
    });
    Value::Object(of_metric.collect::<Map<String, Value>>())
}

fn judge(
    metric: &dyn AnyMetric<Case>,
    case: &Case,
    subject: Subject,
    options: &EvalOptions,
    run: &Run,
) -> Result<Judgement> {
    let card = metric.card();
    let mut judgement = Judgement::blank(card);
    let value = match metric.measure(case) {
        Ok(value) => value,
        // Metrics that were not named are left out by their needs; what is refused here has its reason in the data.
        Err(Error::Cancelled) => return Err(Error::Cancelled),
        Err(error) => {
            judgement.reading = error.to_string();
            judgement.error = Some(error.to_string());
            return Ok(judgement);
        }
    };
    judgement.value = Some(value);
    judgement.random = metric.random_level(case, run)?;
    if let Some(level) = options.level {
        let block = (subject == Subject::Series).then(|| compare::default_block_len(case));
        let plan = Bootstrap { n_replicates: options.n_replicates, level, block };
        judgement.interval = compare::bootstrap_interval(case, metric, plan, run)?.map(|of| of.interval);
    }
    if options.curves {
        judgement.curve = metric.curve(case)?;
    }
    judgement.parts = metric.parts(case)?.filter(|parts| parts.len() <= 1_000);
    judgement.reading = reading(card, value, judgement.random, judgement.interval.as_ref());
    Ok(judgement)
}

/// The value in words: where it stands between chance and the best there is.
fn reading(card: &MetricCard, value: f64, random: Option<f64>, interval: Option<&Interval>) -> String {
    if card.better == Better::Neither {
        return String::new();
    }
    let (Some(random), Some(best)) = (random, card.best()) else { return String::new() };
    if value == best {
        return "perfect on these items".into();
    }
    let is_above = |v: f64| if card.better == Better::Higher { v > random } else { v < random };
    let bound = interval.map_or(value, |i| if card.better == Better::Higher { i.low } else { i.high });
    if !is_above(value) {
        return "no better than chance".into();
    }
    if !is_above(bound) {
        return "not told apart from chance".into();
    }
    let way = (value - random) / (best - random);
    let word = match way {
        w if w < 0.1 => "barely better than chance",
        w if w < 0.5 => "better than chance",
        w if w < 0.9 => "far better than chance",
        _ => "close to perfect",
    };
    format!("{word} ({:.0} % of the way)", 100.0 * way)
}

/// DeLong's test of each pair of scorers, adjusted by Holm for their number.
fn comparisons(input: &EvalInput) -> Result<Vec<Comparison>> {
    let ranked: Vec<&(String, Case)> =
        input.scorers.iter().filter(|(_, case)| !case.scores().is_empty()).collect();
    let both_classes = |case: &Case| (1..case.len()).contains(&case.n_odd());
    // Points of series hang together, which the test does not allow for.
    if ranked.len() < 2 || input.subject == Subject::Series || !both_classes(&ranked[0].1) {
        return Ok(Vec::new());
    }
    let scores: Vec<&[f64]> = ranked.iter().map(|(_, case)| case.scores()).collect();
    let delong = compare::DeLong::new(ranked[0].1.labels(), &scores)?;
    let (mut pairs, mut p_values) = (Vec::new(), Vec::new());
    for first in 0..ranked.len() {
        for second in first + 1..ranked.len() {
            let test = delong.test(first, second)?;
            pairs.push(([ranked[first].0.clone(), ranked[second].0.clone()], test.difference));
            p_values.push(test.p_value);
        }
    }
    let adjusted = compare::holm(&p_values);
    let comparison = |((scorers, difference), p_value)| Comparison { scorers, difference, p_value };
    Ok(pairs.into_iter().zip(adjusted).map(comparison).collect())
}
