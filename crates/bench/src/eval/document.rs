//! A judgement as a page.

use anomalyst::report::{Axis, Block, Chart, Document, Grid, Section};

use anomalyst_measure::Subject;

use super::{Evaluation, Judged, Judgement};

/// The page of `evaluation`: a table per scorer, what is told apart, curves.
pub fn document(evaluation: &Evaluation, title: &str) -> Document {
    let share = 100.0 * evaluation.n_odd as f64 / evaluation.n.max(1) as f64;
    let mut document = Document {
        title: title.to_owned(),
        lead: match evaluation.subject {
            Subject::Groups => format!("{} items in groups.", evaluation.n),
            Subject::Maps => format!("{} maps of scores.", evaluation.n),
            _ => format!("{} items, {} of them anomalous ({share:.2} %).", evaluation.n, evaluation.n_odd),
        },
        sections: Vec::new(),
    };
    for notice in &evaluation.notices {
        document.lead += &format!(" {notice}.");
    }
    for judged in &evaluation.scorers {
        document.sections.push(of_scorer(judged));
    }
    if !evaluation.comparisons.is_empty() {
        document.sections.push(compared(evaluation));
    }
    document.sections.extend(curves(evaluation));
    document.sections.extend(meanings(evaluation));
    document
}

/// What each metric measures and when it misleads.
fn meanings(evaluation: &Evaluation) -> Option<Section> {
    let judged = evaluation.scorers.first()?;
    let columns = [("metric", false), ("what it is", false), ("beware: it", false)];
    let row = |of: &Judgement| vec![of.card.title.into(), of.card.summary.into(), of.card.weakness.into()];
    let grid = Grid {
        columns: columns.map(|(title, is_number)| (title.to_owned(), is_number)).into(),
        rows: judged.metrics.iter().map(row).collect(),
    };
    Some(Section { title: "What the metrics mean".into(), blocks: vec![Block::Grid(grid)] })
}

fn of_scorer(judged: &Judged) -> Section {
    let columns =
        [("metric", false), ("value", true), ("interval", true), ("chance", true), ("reading", false)];
    let row = |judgement: &Judgement| {
        let interval = judgement.interval.map(|i| format!("{} - {}", number(i.low), number(i.high)));
        vec![
            judgement.metric.to_owned(),
            judgement.value.map_or_else(|| "none".into(), number),
            interval.unwrap_or_default(),
            judgement.random.map(number).unwrap_or_default(),
            judgement.reading.clone(),
        ]
    };
    let grid = Grid {
        columns: columns.map(|(title, is_number)| (title.to_owned(), is_number)).into(),
        rows: judged.metrics.iter().map(row).collect(),
    };
    let mut blocks = vec![Block::Grid(grid)];
    if !judged.noise.is_empty() {
        blocks.push(Block::Text(
            "What each metric would say if a share of the labels were wrong (mean over trials):".into(),
        ));
        blocks.push(Block::Grid(noise(judged)));
    }
    Section { title: format!("Scorer {}", judged.scorer), blocks }
}

/// One row per metric, one column per share of wrong labels.
fn noise(judged: &Judged) -> Grid {
    let mut shares: Vec<f64> = judged.noise.iter().map(|row| row.flip_frac).collect();
    shares.sort_by(f64::total_cmp);
    shares.dedup();
    let mut columns = vec![("metric".to_owned(), false)];
    columns.extend(shares.iter().map(|share| (format!("{:.0} % wrong", 100.0 * share), true)));
    let of_metric = |judgement: &Judgement| {
        let value = |share: &f64| {
            let row =
                judged.noise.iter().find(|row| row.metric == judgement.metric && row.flip_frac == *share);
            row.map(|row| format!("{} ± {}", number(row.mean), number(row.sd))).unwrap_or_default()
        };
        std::iter::once(judgement.metric.to_owned()).chain(shares.iter().map(value)).collect()
    };
    let known = |judgement: &&Judgement| judged.noise.iter().any(|row| row.metric == judgement.metric);
    Grid { columns, rows: judged.metrics.iter().filter(known).map(of_metric).collect() }
}

fn compared(evaluation: &Evaluation) -> Section {
    let columns =
        [("first", false), ("second", false), ("AUROC difference", true), ("p", true), ("reading", false)];
    let rows = evaluation.comparisons.iter().map(|of| {
        let [first, second] = &of.scorers;
        let better = if of.difference > 0.0 { first } else { second };
        let reading = if of.p_value < 0.05 {
            format!("{better} is better")
        } else {
            "not told apart on these items".into()
        };
        vec![first.clone(), second.clone(), number(of.difference), format!("{:.2e}", of.p_value), reading]
    });
    let grid = Grid {
        columns: columns.map(|(title, is_number)| (title.to_owned(), is_number)).into(),
        rows: rows.collect(),
    };
    let how = "Paired test of DeLong, DeLong and Clarke-Pearson (1988); p adjusted by Holm for all pairs.";
    Section { title: "Are they different?".into(), blocks: vec![Block::Text(how.into()), Block::Grid(grid)] }
}

/// One chart for each kind of curve, with a line per scorer.
fn curves(evaluation: &Evaluation) -> Option<Section> {
    let mut charts: Vec<Chart> = Vec::new();
    for judged in &evaluation.scorers {
        for curve in judged.metrics.iter().filter_map(|judgement| judgement.curve.as_ref()) {
            let axis =
                |i: usize| Axis { label: curve.axes[i].into(), range: Some([0.0, 1.0]), logarithmic: false };
            let line = (judged.scorer.clone(), curve.points.clone());
            match charts.iter_mut().find(|chart| chart.title == curve.title) {
                Some(chart) => chart.series.push(line),
                None => charts.push(Chart {
                    title: curve.title.into(),
                    axes: [axis(0), axis(1)],
                    series: vec![line],
                    joined: true,
                }),
            }
        }
    }
    (!charts.is_empty())
        .then(|| Section { title: "Curves".into(), blocks: charts.into_iter().map(Block::Chart).collect() })
}

fn number(value: f64) -> String {
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e9 {
        format!("{value:.0}")
    } else if size >= 0.001 {
        format!("{value:.3}")
    } else {
        format!("{value:.1e}")
    }
}
