//! Judges scores that any tool made: which metrics apply, what they are, how sure that is, what chance would get.

mod columns;
mod compare;
mod document;
mod forecasts;
mod input;
mod labels;
mod maps;
mod spread;

use anomalyst::core::{Error, Interval, Result, Run, nearest_name};
use anomalyst_measure::compare::default_block_len;
use anomalyst_measure::forecasts::{Forecasts, PowerPlan, PowerRow, PowerSize, power_table};
use anomalyst_measure::noise::{self, NoiseRow};
use anomalyst_measure::pixels::MapSet;
use anomalyst_measure::{
    AnyMetric, Better, Case, Curve, Measurable, MetricCard, MetricEntry, Redraw, Subject, groups, items,
    pixels, series,
};
use serde::Serialize;
use serde_json::{Map, Value};
use spread::with_intervals;

pub use compare::Comparison;
pub use document::document;
pub use input::{EvalFiles, EvalInput, Scored};

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
    /// Whether to try which rule notices which flaw of a forecaster at the size of the data.
    pub power: bool,
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
    /// Which rule notices which flaw of a forecaster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub power: Vec<PowerRow>,
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
    /// Those of them that are independent of each other: all of them, however many.
    #[serde(skip)]
    pub(crate) independent_parts: Option<Vec<f64>>,
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
            independent_parts: None,
            card,
        }
    }
}

/// Judges every scorer of `input`.
pub fn evaluate(input: &EvalInput, options: &EvalOptions, run: &Run) -> Result<Evaluation> {
    let mut evaluation = match &input.scored {
        Scored::Cases(subject, scorers) => of_cases(*subject, scorers, options, run)?,
        Scored::Groups(grouping) => {
            let judged = apart(groups::METRICS, "groups", grouping, None, options, run)?;
            Evaluation::of(Subject::Groups, grouping.len(), vec![judged])
        }
        Scored::Maps(scorers) => of_maps(scorers, options, run)?,
        Scored::Forecasts(forecasts) => of_forecasts(forecasts, options, run)?,
    };
    evaluation.notices.clone_from(&input.notices);
    Ok(evaluation)
}

impl Evaluation {
    fn of(subject: Subject, n: usize, scorers: Vec<Judged>) -> Self {
        let (comparisons, power, notices) = (Vec::new(), Vec::new(), Vec::new());
        Self { subject, n, n_odd: 0, scorers, comparisons, power, notices }
    }
}

fn of_cases(
    subject: Subject,
    scorers: &[(String, Case)],
    options: &EvalOptions,
    run: &Run,
) -> Result<Evaluation> {
    let entries = chosen(subject, scorers, options)?;
    let metrics: Vec<Box<dyn AnyMetric<Case>>> = entries
        .iter()
        .map(|entry| (entry.from_json)(&parameters(entry.card.id, options)))
        .collect::<Result<_>>()?;
    let stage = run.stage("measuring", (scorers.len() * metrics.len()) as u64);
    let mut judged = Vec::new();
    for (name, case) in scorers {
        let block = (subject == Subject::Series).then(|| default_block_len(case));
        let mut judgements = Vec::new();
        for metric in &metrics {
            run.check()?;
            let said = judge(&**metric, case, options, run)?;
            judgements.extend(with_intervals(vec![(said, &**metric)], case, block, options, run)?);
            stage.advance(1);
        }
        let noise = if options.noise { noise::table(case, &metrics, run)? } else { Vec::new() };
        judged.push(Judged { scorer: name.clone(), metrics: judgements, noise });
    }
    let first = scorers.first().map(|(_, case)| case);
    Ok(Evaluation {
        n_odd: first.map_or(0, Case::n_odd),
        comparisons: compare::of_cases(subject, scorers)?,
        ..Evaluation::of(subject, first.map_or(0, Case::len), judged)
    })
}

fn of_maps(scorers: &[(String, MapSet)], options: &EvalOptions, run: &Run) -> Result<Evaluation> {
    let judged: Vec<Judged> = scorers
        .iter()
        .map(|(name, maps)| apart(pixels::METRICS, name, maps, None, options, run))
        .collect::<Result<_>>()?;
    let n_maps = scorers.first().map_or(0, |(_, maps)| maps.n_maps());
    let comparisons = compare::of_parts(&judged)?;
    Ok(Evaluation { comparisons, ..Evaluation::of(Subject::Maps, n_maps, judged) })
}

fn of_forecasts(forecasts: &Forecasts, options: &EvalOptions, run: &Run) -> Result<Evaluation> {
    // Neighbouring steps of a series are forecast alike, so they are drawn together.
    let block = (forecasts.n_steps() as f64).cbrt().ceil() as usize;
    let family = anomalyst_measure::forecasts::METRICS;
    let judged = apart(family, "ensemble", forecasts, Some(block), options, run)?;
    let mut power = Vec::new();
    if options.power {
        let size = PowerSize {
            n_steps: forecasts.n_steps().clamp(5, 1_000),
            n_dims: forecasts.n_dims().clamp(2, 100),
            n_samples: forecasts.n_samples().min(1_000),
        };
        power = power_table(&PowerPlan { sizes: vec![size], ..PowerPlan::default() }, run)?;
    }
    Ok(Evaluation { power, ..Evaluation::of(Subject::Forecasts, forecasts.n_steps(), vec![judged]) })
}

/// Judges by a family of its own: the metrics named, or all of it whose needs are met.
fn apart<I: Redraw>(
    family: &'static [MetricEntry<I>],
    scorer: &str,
    input: &I,
    block: Option<usize>,
    options: &EvalOptions,
    run: &Run,
) -> Result<Judged> {
    let known = || family.iter().map(|entry| entry.card.id);
    if let Some(name) = options.metrics.iter().find(|name| !known().any(|id| id == **name)) {
        let nearest = nearest_name(name, known()).map(str::to_owned);
        return Err(Error::Unknown { what: "metric of these labels", id: name.clone(), nearest });
    }
    let (mut judged, mut metrics) = (Vec::new(), Vec::new());
    for entry in family {
        run.check()?;
        let is_named = options.metrics.iter().any(|name| name == entry.card.id);
        let applies = options.metrics.is_empty() && input.check(entry.card).is_ok();
        if is_named || applies {
            let metric = (entry.from_json)(&parameters(entry.card.id, options))?;
            judged.push(judge(&*metric, input, options, run)?);
            metrics.push(metric);
        }
    }
    if judged.is_empty() {
        return Err(refusal(&family.iter().collect::<Vec<_>>(), input));
    }
    let said = judged.into_iter().zip(metrics.iter().map(|metric| &**metric)).collect();
    let metrics = with_intervals(said, input, block, options, run)?;
    Ok(Judged { scorer: scorer.into(), metrics, noise: Vec::new() })
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
fn chosen(
    subject: Subject,
    scorers: &[(String, Case)],
    options: &EvalOptions,
) -> Result<Vec<&'static MetricEntry<Case>>> {
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
    let some_case_has = |card: &MetricCard| scorers.iter().any(|(_, case)| case.has(card.needs));
    let all = family(subject);
    let apply: Vec<_> = all.iter().copied().filter(|entry| some_case_has(entry.card)).collect();
    match scorers.first() {
        Some((_, case)) if apply.is_empty() => Err(refusal(&all, case)),
        _ => Ok(apply),
    }
}

/// Why no metric of a family applies: what the first of them lacks.
fn refusal<I: Measurable>(family: &[&MetricEntry<I>], input: &I) -> Error {
    let lacks = family.iter().find_map(|entry| input.check(entry.card).err());
    let lacks = lacks.map_or_else(String::new, |error| format!(": {error}"));
    Error::Data(format!("there is nothing to judge by{lacks}"))
}

/// Those of `--set` that are for the metric `id`.
fn parameters(id: &str, options: &EvalOptions) -> Value {
    let of_metric = options.set.iter().filter_map(|(key, value)| {
        let name = key.strip_prefix(id)?.strip_prefix('.')?;
        Some((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.as_str().into())))
    });
    Value::Object(of_metric.collect::<Map<String, Value>>())
}

/// Parts that are printed at most.
const SHOWN_PARTS: usize = 1_000;

/// What `metric` says, without its interval.
fn judge<I>(metric: &dyn AnyMetric<I>, input: &I, options: &EvalOptions, run: &Run) -> Result<Judgement> {
    let card = metric.card();
    let mut judgement = Judgement::blank(card);
    let value = match metric.measure(input) {
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
    judgement.random = metric.random_level(input, run)?;
    judgement.curve = if options.curves { metric.curve(input)? } else { None };
    let parts = metric.parts(input)?;
    judgement.independent_parts = parts.clone().filter(|_| metric.has_independent_parts());
    judgement.parts = parts.filter(|parts| parts.len() <= SHOWN_PARTS);
    judgement.reading = reading(&judgement);
    Ok(judgement)
}

/// The value in words: where it stands between chance and the best there is.
fn reading(judgement: &Judgement) -> String {
    let (card, interval) = (judgement.card, judgement.interval.as_ref());
    if card.better == Better::Neither {
        return String::new();
    }
    let (Some(value), Some(random), Some(best)) = (judgement.value, judgement.random, card.best()) else {
        return String::new();
    };
    if value == best {
        return "perfect on these items".into();
    }
    // What rounding alone tells apart is equal.
    let margin = 1e-9 * random.abs();
    let is_above =
        |v: f64| if card.better == Better::Higher { v > random + margin } else { v < random - margin };
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
