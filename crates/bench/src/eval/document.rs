//! A judgement as a page.

use anomalyst::report::{Axis, Block, Chart, Document, Grid, Section, metric_value};

use anomalyst_measure::Subject;
use anomalyst_measure::forecasts::PowerRow;

use super::{Evaluation, Judged, Judgement};

/// The page of `evaluation`: a table per scorer, what is told apart, curves.
pub fn document(evaluation: &Evaluation, title: &str) -> Document {
    let share = 100.0 * evaluation.n_odd as f64 / evaluation.n.max(1) as f64;
    let mut document = Document {
        title: title.to_owned(),
        lead: match evaluation.subject {
            Subject::Groups => format!("{} items in groups.", evaluation.n),
            Subject::Maps => format!("{} maps of scores.{}", evaluation.n, drawn_images(evaluation)),
            Subject::Forecasts => format!("{} steps were forecast.", evaluation.n),
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
    if !evaluation.power.is_empty() {
        document.sections.push(power(evaluation));
    }
    document.sections.extend(curves(evaluation));
    document.sections.extend(meanings(evaluation));
    document
}

/// How intervals of maps came about, where there are any.
fn drawn_images(evaluation: &Evaluation) -> &'static str {
    let mut all = evaluation.scorers.iter().flat_map(|judged| &judged.metrics);
    if all.any(|judgement| judgement.interval.is_some()) {
        " Whole images were drawn again for the intervals, those with a defect and those without apart."
    } else {
        ""
    }
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
        let interval =
            judgement.interval.map(|i| format!("{} - {}", metric_value(i.low), metric_value(i.high)));
        vec![
            judgement.metric.to_owned(),
            judgement.value.map_or_else(|| "none".into(), metric_value),
            interval.unwrap_or_default(),
            judgement.random.map(metric_value).unwrap_or_default(),
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
            row.map(|row| format!("{} ± {}", metric_value(row.mean), metric_value(row.sd)))
                .unwrap_or_default()
        };
        std::iter::once(judgement.metric.to_owned()).chain(shares.iter().map(value)).collect()
    };
    let known = |judgement: &&Judgement| judged.noise.iter().any(|row| row.metric == judgement.metric);
    Grid { columns, rows: judged.metrics.iter().filter(known).map(of_metric).collect() }
}

fn compared(evaluation: &Evaluation) -> Section {
    let columns = [
        ("first", false),
        ("second", false),
        ("metric", false),
        ("difference", true),
        ("p", true),
        ("reading", false),
    ];
    let rows = evaluation.comparisons.iter().map(|of| {
        let [first, second] = &of.scorers;
        let better = if of.difference > 0.0 { first } else { second };
        let reading = if of.p_value < 0.05 {
            format!("{better} is better")
        } else {
            "not told apart on these items".into()
        };
        vec![
            first.clone(),
            second.clone(),
            of.metric.to_owned(),
            metric_value(of.difference),
            format!("{:.2e}", of.p_value),
            reading,
        ]
    });
    let grid = Grid {
        columns: columns.map(|(title, is_number)| (title.to_owned(), is_number)).into(),
        rows: rows.collect(),
    };
    let how = match evaluation.subject {
        Subject::Maps => "Paired signed-rank test of the images, Wilcoxon (1945)",
        _ => "Paired test of DeLong, DeLong and Clarke-Pearson (1988)",
    };
    let how = format!("{how}; p adjusted by Holm for all pairs.");
    Section { title: "Are they different?".into(), blocks: vec![Block::Text(how), Block::Grid(grid)] }
}

/// Which rule can be relied on to notice what, at this size.
fn power(evaluation: &Evaluation) -> Section {
    let columns = [("rule", false), ("flaw", false), ("the true one is better", true), ("and told so", true)];
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let row = |row: &PowerRow| {
        vec![row.rule.into(), row.flaw.as_str().into(), percent(row.better), percent(row.power)]
    };
    let grid = Grid {
        columns: columns.map(|(title, is_number)| (title.to_owned(), is_number)).into(),
        rows: evaluation.power.iter().map(row).collect(),
    };
    let size = evaluation.power.first().map_or_else(String::new, |row| {
        let size = row.size;
        format!("{} steps of {} dimensions with {} samples", size.n_steps, size.n_dims, size.n_samples)
    });
    let how = format!(
        "On made-up data of {size}: how often each rule gives the true forecaster the better mean score than one with a \
         flaw, and how often a paired t test at 0.05 says so. A rule at 50 % and 5 % cannot see the flaw."
    );
    Section { title: "What the rules notice".into(), blocks: vec![Block::Text(how), Block::Grid(grid)] }
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
