//! The leaderboard: how methods compare over all sets, how sure that is, and what it cost.

use std::collections::BTreeSet;

use anomalyst::core::{Interval, Run};
use anomalyst::report::{Axis, Block, Chart, Document, Grid, Ranks, Section, metric_value};
use anomalyst_measure::compare::{self, Leaderboard};
use anomalyst_measure::{Better, MetricCard};

use crate::measured::{metrics_of, name_in_results};
use crate::suite::Kind;
use crate::{CONTROLS, Row};

/// Probability with which an interval of the leaderboard holds the mean.
const LEVEL: f64 = 0.95;
/// Failures that are written out; the file of results has them all.
const SHOWN_FAILURES: usize = 10;

/// Methods by one metric over the sets that all of them did.
pub struct Board<'a> {
    /// The metric, as results call it.
    pub metric: String,
    /// The best mean first.
    pub lines: Vec<Line<'a>>,
    /// Mean ranks and what is told apart, of the methods that did most sets; absent with fewer than two methods or
    /// sets.
    pub ranked: Option<Leaderboard>,
    rows: &'a [Row],
}

/// One method.
pub struct Line<'a> {
    /// Its name.
    pub method: &'a str,
    /// Mean over the sets it did.
    pub mean: f64,
    /// Where the mean over sets of the kind lies.
    pub interval: Option<Interval>,
    /// Sets it did.
    pub n_sets: usize,
    /// Sets it failed on.
    pub n_failed: usize,
    /// Fit and score, over all sets.
    pub secs: f64,
    /// The largest of all sets.
    pub peak_bytes: Option<u64>,
    /// Mean rank among the methods, 1 for the best.
    pub mean_rank: Option<f64>,
}

impl<'a> Board<'a> {
    /// Ranks the methods of `rows` by `metric`.
    pub fn new(rows: &'a [Row], metric: &str, run: &Run) -> Self {
        let methods = in_order(rows.iter().map(|row| row.method.as_str()));
        let sets = in_order(rows.iter().map(|row| row.set.as_str()));
        let value = |set: &str, method: &str| {
            rows.iter().find(|row| row.set == set && row.method == method).and_then(|row| row.metric(metric))
        };
        let values_of =
            |method: &str| -> Vec<f64> { sets.iter().filter_map(|set| value(set, method)).collect() };
        let lower = card(rows, metric).is_some_and(|card| card.better == Better::Lower);
        let mut lines: Vec<Line<'a>> = methods
            .iter()
            .map(|&method| {
                let of_method = || rows.iter().filter(|row| row.method == method);
                let values = values_of(method);
                Line {
                    method,
                    mean: values.iter().sum::<f64>() / values.len() as f64,
                    interval: compare::mean_interval(&values, LEVEL, run).ok().flatten(),
                    n_sets: values.len(),
                    n_failed: of_method().filter(|row| row.error.is_some()).count(),
                    secs: of_method().filter_map(|row| Some(row.fit_secs? + row.score_secs?)).sum(),
                    peak_bytes: of_method().filter_map(|row| row.peak_bytes).max(),
                    mean_rank: None,
                }
            })
            .collect();
        // A method that failed on most sets would leave too few sets to rank the others on.
        let most = lines.iter().map(|line| line.n_sets).max().unwrap_or(0);
        let ranked: Vec<String> =
            lines.iter().filter(|line| 2 * line.n_sets > most).map(|line| line.method.to_owned()).collect();
        let table: Vec<Vec<Option<f64>>> =
            sets.iter().map(|set| ranked.iter().map(|method| value(set, method)).collect()).collect();
        let better = if lower { Better::Lower } else { Better::Higher };
        // With one method or one set there is nothing to rank, which is no failure.
        let ranked = compare::leaderboard(&ranked, &table, better, 1.0 - LEVEL, run).ok();
        for line in &mut lines {
            let standings = ranked.iter().flat_map(|ranked| &ranked.standings);
            line.mean_rank = standings.clone().find(|s| s.method == line.method).map(|s| s.mean_rank);
        }
        lines.sort_by(|a, b| {
            let better = if lower { a.mean.total_cmp(&b.mean) } else { b.mean.total_cmp(&a.mean) };
            a.mean.is_nan().cmp(&b.mean.is_nan()).then(better)
        });
        Self { metric: metric.into(), lines, ranked, rows }
    }

    fn grid(&self) -> Grid {
        let columns = [
            ("method", false),
            (self.metric.as_str(), true),
            ("95 % interval", true),
            ("mean rank", true),
            ("sets", true),
            ("failed", true),
            ("seconds", true),
            ("peak MB", true),
        ];
        let line = |line: &Line<'_>| {
            let is_control = CONTROLS.contains(&line.method);
            vec![
                if is_control { format!("{} (control)", line.method) } else { line.method.to_owned() },
                metric_value(line.mean),
                line.interval.map(|i| format!("{:.3} - {:.3}", i.low, i.high)).unwrap_or_default(),
                line.mean_rank.map(|rank| format!("{rank:.2}")).unwrap_or_default(),
                line.n_sets.to_string(),
                line.n_failed.to_string(),
                format!("{:.2}", line.secs + 0.0),
                line.peak_bytes.map(|bytes| (bytes >> 20).to_string()).unwrap_or_default(),
            ]
        };
        Grid {
            columns: columns.map(|(title, is_number)| (title.to_owned(), is_number)).into(),
            rows: self.lines.iter().map(line).collect(),
        }
    }

    /// Which methods are not told apart from the best, in words; the picture of ranks has all groups.
    fn rivals(&self) -> Vec<String> {
        let Some(ranked) = &self.ranked else { return Vec::new() };
        let Some(difference) = ranked.critical_difference else { return Vec::new() };
        let method = |at: usize| ranked.standings[at].method.as_str();
        let rivals = |groups: &[Vec<usize>]| {
            let mut with_best: Vec<usize> = groups
                .iter()
                .filter(|group| group.contains(&0))
                .flatten()
                .copied()
                .filter(|&at| at != 0)
                .collect();
            with_best.sort_unstable();
            with_best.dedup();
            match with_best.as_slice() {
                [] => format!("all others are told apart from the best, {}", method(0)),
                some => {
                    let names: Vec<&str> = some.iter().map(|&at| method(at)).collect();
                    format!("not told apart from the best, {}: {}", method(0), names.join(", "))
                }
            }
        };
        vec![
            format!(
                "By mean ranks over the {} sets that all of them did (Nemenyi, 0.05, critical difference {difference:.2}; \
                 Friedman p = {:.1e}), {}.",
                ranked.n_sets,
                ranked.friedman.p_value,
                rivals(&ranked.nemenyi_groups)
            ),
            format!("By paired tests (Wilcoxon, Holm, 0.05), {}.", rivals(&ranked.wilcoxon_groups)),
        ]
    }

    fn ranks(&self) -> Option<Ranks> {
        let ranked = self.ranked.as_ref()?;
        let span = |group: &Vec<usize>| Some([*group.iter().min()?, *group.iter().max()?]);
        Some(Ranks {
            title: format!(
                "Mean ranks by {}, the best at the left; a bar joins methods that are not told apart (Nemenyi)",
                self.metric
            ),
            methods: ranked.standings.iter().map(|s| (s.method.clone(), s.mean_rank)).collect(),
            groups: ranked.nemenyi_groups.iter().filter_map(span).collect(),
        })
    }

    fn speed(&self) -> Chart {
        let point = |line: &Line<'_>| {
            (line.method.to_owned(), vec![[line.secs / line.n_sets.max(1) as f64, line.mean]])
        };
        Chart {
            title: "Seconds of fit and score per set, and quality: best is top left. Names without room show on pointing"
                .into(),
            axes: [
                Axis { label: "seconds per set".into(), range: None, logarithmic: true },
                Axis { label: format!("mean {}", self.metric), range: None, logarithmic: false },
            ],
            series: self.lines.iter().filter(|line| line.n_sets > 0).map(point).collect(),
            joined: false,
        }
    }

    /// The board: a table, what is told apart, ranks, speed beside quality.
    fn section(&self) -> Section {
        let about = card(self.rows, &self.metric).map(|card| {
            Block::Text(format!(
                "{}: {}. Chance: {}. Beware: it {}.",
                card.title, card.summary, card.random, card.weakness
            ))
        });
        let blocks = about.into_iter().chain([Block::Grid(self.grid())]);
        let blocks = blocks.chain(self.rivals().into_iter().map(Block::Text));
        let blocks = blocks.chain(self.ranks().map(Block::Ranks)).chain([Block::Chart(self.speed())]);
        Section { title: self.metric.clone(), blocks: blocks.collect() }
    }

    /// The value of every method on every set, for a page; a terminal shows the means.
    pub fn each_set(&self) -> Section {
        let sets = in_order(self.rows.iter().map(|row| row.set.as_str()));
        let mut columns = vec![("set".to_owned(), false), ("n".into(), true), ("anomalous".into(), true)];
        columns.extend(self.lines.iter().map(|line| (line.method.to_owned(), true)));
        let line = |set: &&str| {
            let of_set = || self.rows.iter().filter(|row| row.set == **set);
            let done = of_set().find(|row| row.n > 0);
            let mut cells = vec![(*set).to_owned()];
            cells.push(done.map(|row| row.n.to_string()).unwrap_or_default());
            cells.push(done.map(|row| row.n_odd.to_string()).unwrap_or_default());
            cells.extend(self.lines.iter().map(|line| {
                let row = of_set().find(|row| row.method == line.method);
                row.and_then(|row| row.metric(&self.metric)).map_or_else(|| "failed".into(), metric_value)
            }));
            cells
        };
        let grid = Grid { columns, rows: sets.iter().map(line).collect() };
        Section { title: format!("{} of each set", self.metric), blocks: vec![Block::Grid(grid)] }
    }
}

/// A board for each of `metrics` that some run has: the kind's usual two where none is named.
pub fn boards<'a>(rows: &'a [Row], metrics: &[String], run: &Run) -> Vec<Board<'a>> {
    let usual: &[&str] = match rows.first().map(|row| row.kind) {
        None => &[],
        Some(Kind::Table) => &["auroc", "ap"],
        Some(Kind::Series) => &["vus_pr", "vus_roc"],
        Some(Kind::Image) => &["image_auroc", "pixel_auroc"],
    };
    let named = metrics.iter().map(String::as_str);
    let metrics: Vec<&str> = if metrics.is_empty() { usual.to_vec() } else { named.collect() };
    let known = metrics.into_iter().filter(|metric| rows.iter().any(|row| row.metric(metric).is_some()));
    known.map(|metric| Board::new(rows, metric, run)).collect()
}

/// The page of a benchmark: what every method did, what is told apart, what failed.
pub fn leaderboard(rows: &[Row], boards: &[Board<'_>]) -> Document {
    let Some(first) = rows.first() else { return Document::default() };
    Document {
        title: format!("Leaderboard, protocol {}", first.protocol.as_str()),
        lead: lead(rows),
        sections: boards
            .iter()
            .map(Board::section)
            .chain(crate::periods::sections(rows))
            .chain(doubts(rows))
            .collect(),
    }
}

fn lead(rows: &[Row]) -> String {
    let n_sets = in_order(rows.iter().map(|row| row.set.as_str())).len();
    let n_methods = in_order(rows.iter().map(|row| row.method.as_str())).len();
    let n_failed = rows.iter().filter(|row| row.error.is_some()).count();
    let failed =
        if n_failed == 0 { String::new() } else { format!(" {n_failed} of {} runs failed.", rows.len()) };
    let at = rows
        .first()
        .map(|row| {
            let known = row.known.map(|n| format!(", {n} anomalies known")).unwrap_or_default();
            format!("seed {}, at most {} rows of a table{known}", row.seed, row.cap)
        })
        .unwrap_or_default();
    format!("{n_methods} methods on {n_sets} sets; {at}; nothing was tuned.{failed}")
}

/// Failures and warnings, each once.
fn doubts(rows: &[Row]) -> Option<Section> {
    let failures =
        rows.iter().filter_map(|row| Some(format!("{} on {}: {}", row.method, row.set, row.error.as_ref()?)));
    let failures: Vec<String> = failures.collect();
    let warnings: BTreeSet<String> =
        rows.iter().flat_map(|row| row.warnings.iter().map(|text| format!("{}: {text}", row.set))).collect();
    let more = failures.len().saturating_sub(SHOWN_FAILURES);
    let mut blocks: Vec<Block> = failures.into_iter().take(SHOWN_FAILURES).map(Block::Text).collect();
    if more > 0 {
        blocks.push(Block::Text(format!("{more} more failures are in the results.")));
    }
    let more = warnings.len().saturating_sub(SHOWN_FAILURES);
    blocks.extend(warnings.into_iter().take(SHOWN_FAILURES).map(Block::Text));
    if more > 0 {
        blocks.push(Block::Text(format!("{more} more warnings are in the results.")));
    }
    (!blocks.is_empty()).then(|| Section { title: "Failures and doubts".into(), blocks })
}

fn card(rows: &[Row], metric: &str) -> Option<&'static MetricCard> {
    let kind = rows.first()?.kind;
    metrics_of(kind).iter().map(|entry| entry.card).find(|card| name_in_results(kind, card.id) == metric)
}

/// Each once, in the order of their first place.
fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = std::collections::HashSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::tests::row;
    use anomalyst::report::{Terminal, document_text};

    #[test]
    fn better_methods_stand_higher_and_failures_are_said() {
        let mut rows = Vec::new();
        for (i, set) in ["s1", "s2", "s3", "s4"].iter().enumerate() {
            let shift = i as f64 / 100.0;
            rows.push(row(set, "weak", Some(0.6 + shift)));
            rows.push(row(set, "strong", Some(0.9 - shift)));
            rows.push(row(set, "random", Some(0.5)));
        }
        rows.push(row("s5", "weak", None));
        let run = Run::new(0);
        let board = Board::new(&rows, "auroc", &run);
        let order: Vec<&str> = board.lines.iter().map(|line| line.method).collect();
        assert_eq!(order, ["strong", "weak", "random"]);
        assert_eq!((board.lines[1].n_sets, board.lines[1].n_failed), (4, 1));
        assert_eq!(board.ranked.as_ref().map(|ranked| ranked.n_sets), Some(4));
        let text = document_text(
            &leaderboard(&rows, &boards(&rows, &[], &run)),
            &Terminal { width: 100, ..Terminal::default() },
        );
        assert!(text.contains("random (control)") && text.contains("weak on s5: it failed"), "{text}");
        assert!(text.contains("1 of 13 runs failed"), "{text}");
    }
}
