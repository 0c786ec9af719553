//! `anomalyst risk-score`.

use std::process::ExitCode;

use anomalyst::core::{Cancel, Notices};
use anomalyst::decide::risk::{Certificate, Kind, RiskCard};
use anomalyst::report::{self, Block, Document, Grid, Section, metric_value};
use anomalyst::{Judged, Quality, RiskReport};
use serde_json::Value;

use crate::args::RiskScoreArgs;
use crate::commands::records::{self, Form};
use crate::console;

pub(crate) fn run(args: &RiskScoreArgs, cancel: Cancel) -> anyhow::Result<ExitCode> {
    let run = console::run_of(&args.run, cancel);
    let form = args.out.as_deref().map(Form::of).transpose()?;
    let source = anomalyst::data::open(&args.read.data, &args.read.options(), &run)?;
    let input = anomalyst::read(&source, &run)?;
    let table = form.map(|_| input.table.clone());
    let made = anomalyst::risk_score(input, &args.score(), args.folds, args.run.strict, &run)?;
    if let (Some(path), Some(form), Some(table)) = (&args.out, form, table) {
        let totals = made.card.totals_of(&table);
        let row = |(row, total): (usize, i32)| {
            let risk = made.card.risk(total).map_or(Value::Null, Value::from);
            let verdict = if made.card.flags(total) { "anomalous" } else { "normal" };
            vec![table.row_name(row).into(), total.into(), risk, verdict.into()]
        };
        let rows: Vec<Vec<Value>> = totals.into_iter().enumerate().map(row).collect();
        records::write(path, form, &["item", "total", "risk", "verdict"], &rows)?;
    }
    let page = document(&made);
    if let Some(path) = &args.report {
        report::write_document(&page, path)?;
    }
    if args.json {
        console::print(&serde_json::to_string_pretty(&made)?)?;
    } else {
        console::print(&report::document_text(&page, &console::style(args.run.color, 0)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn document(made: &RiskReport) -> Document {
    let card = &made.card;
    let what = match card.kind {
        Kind::Risk => "the risk of being anomalous",
        Kind::Verdict => "a verdict",
    };
    let lead = format!(
        "A card for {what}, from {} labelled rows, {} of them anomalous. Add up the points of what holds for a row.",
        made.n_labelled, made.n_anomalous
    );
    let mut sections = vec![
        Section { title: "Card".into(), blocks: points(card) },
        Section { title: "What a total means".into(), blocks: totals(card) },
        Section { title: "How far from the best possible".into(), blocks: certificate(&card.certificate) },
    ];
    sections.extend(made.judged.as_ref().map(judged));
    sections.extend(noticed(&made.notices));
    Document { title: "Risk card".into(), lead, sections }
}

fn points(card: &RiskCard) -> Vec<Block> {
    if card.items.is_empty() {
        return vec![Block::Text("No statement is worth a point: every row gets a total of 0.".into())];
    }
    let row = |item: &anomalyst::decide::risk::CardItem| {
        vec![item.indicator.to_string(), format!("{:+}", item.points)]
    };
    let mut blocks =
        vec![grid(&[("statement", false), ("points", true)], card.items.iter().map(row).collect())];
    if card.kind == Kind::Verdict {
        blocks.push(Block::Text(format!("Anomalous is what has a total of at least {}.", -card.offset)));
    }
    blocks
}

fn totals(card: &RiskCard) -> Vec<Block> {
    let is_risk = card.kind == Kind::Risk;
    let mut columns = vec![("total", true)];
    columns.push(if is_risk { ("risk", true) } else { ("verdict", false) });
    columns.extend([("rows", true), ("anomalous", true), ("share", true)]);
    let row = |t: &anomalyst::decide::risk::CardTotal| {
        let verdict = if t.flagged { "anomalous" } else { "normal" };
        vec![
            t.total.to_string(),
            t.risk.map_or_else(|| verdict.to_owned(), percent),
            t.n_rows.to_string(),
            t.n_anomalous.to_string(),
            percent(t.n_anomalous as f64 / t.n_rows.max(1) as f64),
        ]
    };
    vec![grid(&columns, card.totals.iter().map(row).collect())]
}

fn certificate(c: &Certificate) -> Vec<Block> {
    let searched = if c.n_searched < c.n_indicators {
        format!(
            "the {} statements of {} that help a logistic model most; --max-indicators takes more",
            c.n_searched, c.n_indicators
        )
    } else {
        format!("all {} statements", c.n_indicators)
    };
    let proof = match &c.stopped {
        None => "No card within these limits is better".to_owned(),
        Some(limit) => {
            let gap = 100.0 * c.gap;
            format!("{limit} ended the search: the best card can be better by at most {gap:.2} %")
                .replacen("the ", "The ", 1)
        }
    };
    vec![Block::Text(format!(
        "{proof}. Objective {}, lower bound {}, optimality gap {:.2} %. {} sets of statements were bounded or solved, out of {searched}.",
        metric_value(c.objective),
        metric_value(c.lower_bound),
        100.0 * c.gap,
        c.n_sets
    ))]
}

fn judged(judged: &Judged) -> Section {
    let columns = [
        ("", false),
        ("calibration error", true),
        ("log loss", true),
        ("AUROC", true),
        ("accuracy", true),
        ("balanced", true),
    ];
    let row = |(name, q): (&str, &Quality)| {
        let value = |v: Option<f64>| v.map(metric_value).unwrap_or_default();
        vec![
            name.into(),
            q.calibration_error.map(percent).unwrap_or_default(),
            value(q.log_loss),
            value(q.auroc),
            percent(q.accuracy),
            percent(q.balanced_accuracy),
        ]
    };
    let rows =
        [("cards", &judged.card), ("logistic regression", &judged.logistic), ("constant", &judged.constant)];
    let text = format!(
        "In {} parts, each judged by a card made from the others. Calibration error: mean distance of risk and share of anomalous rows.",
        judged.n_folds
    );
    Section {
        title: "On rows that the card was not made from".into(),
        blocks: vec![Block::Text(text), grid(&columns, rows.into_iter().map(row).collect())],
    }
}

/// What was noticed, as a section.
pub(super) fn noticed(notices: &Notices) -> Option<Section> {
    let line = |n: &anomalyst::core::Notice| {
        let column = n.column.as_ref().map(|c| format!("{c}: ")).unwrap_or_default();
        Block::Text(format!("{column}{}.", n.message.trim_end_matches('.')))
    };
    let blocks: Vec<Block> = notices.0.iter().map(line).collect();
    (!blocks.is_empty()).then(|| Section { title: "Noticed".into(), blocks })
}

pub(super) fn grid(columns: &[(&str, bool)], rows: Vec<Vec<String>>) -> Block {
    Block::Grid(Grid {
        columns: columns.iter().map(|(title, right)| ((*title).to_owned(), *right)).collect(),
        rows,
    })
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
