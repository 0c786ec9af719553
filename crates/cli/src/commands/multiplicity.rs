//! `anomalyst multiplicity`.

use std::process::ExitCode;

use anomalyst::core::{Cancel, Run};
use anomalyst::decide::multiplicity::{Multiplicity, RiskRange};
use anomalyst::report::{self, Block, Document, Section, metric_value};
use anomalyst::{Interactions, InteractionsReport, PairRange, RangesReport};
use serde_json::Value;

use crate::args::MultiplicityArgs;
use crate::commands::records::{self, Form};
use crate::commands::risk_score::{grid, noticed, percent};
use crate::console;

pub(crate) fn run(args: &MultiplicityArgs, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let run = console::run_of(&args.run, cancel);
    let form = args.out.as_deref().map(Form::of).transpose()?;
    let source = anomalyst::data::open(&args.read.data, &args.read.options(), &run)?;
    let input = anomalyst::read(&source, &run)?;
    let (page, json) = if args.interactions {
        interactions(args, input, form, &run)?
    } else {
        ranges(args, input, form, &run)?
    };
    if let Some(path) = &args.report {
        report::write_document(&page, path)?;
    }
    if args.json {
        console::print(&serde_json::to_string_pretty(&json)?)?;
    } else {
        console::print(&report::document_text(&page, &console::style(args.run.color, 0)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn ranges(
    args: &MultiplicityArgs,
    input: anomalyst::Input,
    form: Option<Form>,
    run: &Run,
) -> anyhow::Result<(Document, Value)> {
    let options = Multiplicity {
        within: args.within.unwrap_or(Multiplicity::default().within),
        change: args.change,
        threshold: args.threshold,
        ridge: args.ridge,
        max_rows: args.max_rows,
    };
    let found = anomalyst::risk_ranges(input, &options, args.run.strict, run)?;
    if let (Some(path), Some(form)) = (&args.out, form) {
        let row = |(range, item): (&RiskRange, &String)| {
            let RiskRange { risk, low, high, changes, distance, .. } = *range;
            vec![item.clone().into(), risk.into(), low.into(), high.into(), changes.into(), distance.into()]
        };
        let rows: Vec<Vec<Value>> = found.ranges.rows.iter().zip(&found.items).map(row).collect();
        records::write(path, form, &["item", "risk", "low", "high", "changes", "distance"], &rows)?;
    }
    Ok((ranges_page(args, &options, &found), serde_json::to_value(&found)?))
}

fn ranges_page(args: &MultiplicityArgs, options: &Multiplicity, found: &RangesReport) -> Document {
    let r = &found.ranges;
    let lead = format!(
        "Logistic models with a loss within {} of the best ({}) on {} labelled rows, and what risks they give.",
        percent(options.within),
        metric_value(r.loss),
        found.n_labelled
    );
    let at_least = |v: f64| format!("at least {}", percent(v));
    let change = format!("risk moves by {} or more", metric_value(options.change));
    let summary = grid(
        &[("share of rows", false), ("by some model", true), ("by one model", true)],
        vec![
            vec![
                "verdict changes".into(),
                percent(r.verdict_ambiguity),
                at_least(r.verdict_discrepancy_at_least),
            ],
            vec![change, percent(r.ambiguity), at_least(r.discrepancy_at_least)],
        ],
    );
    let widths = Block::Text(format!(
        "Ranges of the tenth of rows furthest from the middle are {} wide on average in log odds, others {}.",
        metric_value(r.outlying_width),
        metric_value(r.other_width)
    ));
    let mut order: Vec<usize> = (0..r.rows.len()).collect();
    let width = |at: &usize| r.rows[*at].high - r.rows[*at].low;
    order.sort_by(|a, b| {
        r.rows[*b].changes.cmp(&r.rows[*a].changes).then(width(b).total_cmp(&width(a))).then(a.cmp(b))
    });
    let row = |at: usize| {
        let range = &r.rows[at];
        vec![
            found.items[at].clone(),
            percent(range.risk),
            format!("{} - {}", percent(range.low), percent(range.high)),
            if range.changes { "changes" } else { "" }.into(),
            metric_value(range.distance),
        ]
    };
    let columns = [("row", false), ("risk", true), ("range", true), ("verdict", false), ("distance", true)];
    let shown = grid(&columns, order.into_iter().take(args.show).map(row).collect());
    let mut sections = vec![
        Section { title: "How much the models disagree".into(), blocks: vec![summary, widths] },
        Section { title: "Rows whose verdict changes, then the widest ranges".into(), blocks: vec![shown] },
    ];
    sections.extend(noticed(&found.notices));
    Document { title: "Range of risk over models that are about as good".into(), lead, sections }
}

fn interactions(
    args: &MultiplicityArgs,
    input: anomalyst::Input,
    form: Option<Form>,
    run: &Run,
) -> anyhow::Result<(Document, Value)> {
    let options = Interactions {
        within: args.within.unwrap_or(Interactions::default().within),
        ridge: args.ridge,
        max_features: args.max_features,
    };
    let found = anomalyst::interactions(input, &options, args.run.strict, run)?;
    let name = |pair: &PairRange, side: usize| found.names[pair.features[side]].clone();
    if let (Some(path), Some(form)) = (&args.out, form) {
        let row = |pair: &PairRange| -> Vec<Value> {
            let mut cells = vec![name(pair, 0).into(), name(pair, 1).into()];
            let [low, high] = pair.weight;
            let [score_low, score_high] = pair.score;
            let numbers = [pair.least, pair.most, pair.best, low, high, score_low, score_high];
            cells.extend(numbers.map(Value::from));
            cells
        };
        let columns = [
            "first",
            "second",
            "least",
            "most",
            "best",
            "weight_low",
            "weight_high",
            "score_low",
            "score_high",
        ];
        records::write(path, form, &columns, &found.ranges.pairs.iter().map(row).collect::<Vec<_>>())?;
    }
    Ok((interactions_page(args, &options, &found), serde_json::to_value(&found)?))
}

fn interactions_page(
    args: &MultiplicityArgs,
    options: &Interactions,
    found: &InteractionsReport,
) -> Document {
    let kept = found.ranges.pairs.iter().filter(|pair| pair.least > 0.0).count();
    let lead = format!(
        "Logistic models with products of pairs, with a loss within {} of the best ({}) on {} labelled rows. {kept} of {} pairs act together in every such model.",
        percent(options.within),
        metric_value(found.ranges.loss),
        found.n_labelled,
        found.ranges.pairs.len()
    );
    let range = |[low, high]: [f64; 2]| format!("{} - {}", metric_value(low), metric_value(high));
    let row = |pair: &PairRange| {
        vec![
            found.names[pair.features[0]].clone(),
            found.names[pair.features[1]].clone(),
            range([pair.least, pair.most]),
            metric_value(pair.best),
            range(pair.score),
        ]
    };
    let columns =
        [("feature", false), ("with", false), ("strength", true), ("best model", true), ("score", true)];
    let meaning = "Strength: size of the product's weight, in log odds per standard deviation, least and most over the models; 0 where some model does without it. Score: what shuffling both costs beyond shuffling each, over the models found.";
    let shown = found.ranges.pairs.iter().take(args.show).map(row).collect();
    let blocks = vec![Block::Text(meaning.into()), grid(&columns, shown)];
    let mut sections = vec![Section { title: "Pairs".into(), blocks }];
    sections.extend(noticed(&found.notices));
    Document { title: "Range of interactions over models that are about as good".into(), lead, sections }
}
