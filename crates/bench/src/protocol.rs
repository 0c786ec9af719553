//! The protocols: which rows are learned from and which are scored. Named and fixed, so that numbers made elsewhere
//! under the same name are comparable.

use std::collections::HashSet;
use std::str::FromStr;

use anomalyst::core::{Error, Label, Random, Result, Run, Table};
use anomalyst::registry::Task;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::job::Plan;
use crate::periods::{Period, in_time, periods};

/// How a labelled set is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Fit on all rows and rank the same rows: what is odd in here?
    Scan,
    /// Fit on a random half of the normal rows and score all others; of series, fit on the training part and score
    /// the whole; of images, fit on the training images and score the others.
    Fit,
    /// Of series: methods that need a normal part get the training part, the others see the whole; the whole is
    /// scored. Of tables: fit on the first half of the rows and score the rest.
    Prefix,
    /// Fit on a random half of the rows, anomalies among them, and score the other half; of series, fit on the
    /// training part and score what follows it.
    Holdout,
    /// Of tables: as `holdout`, and the labels of the half that is learned from are given, all of them or those of some
    /// anomalies alone. Methods that do not learn from labels learn from the rows that are not known to be anomalous.
    Labelled,
    /// Of tables: learn from the earlier half, with labels as under `labelled`, and score the later half period by period.
    Time,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Scan, Self::Fit, Self::Prefix, Self::Holdout, Self::Labelled, Self::Time];

    /// How it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Fit => "fit",
            Self::Prefix => "prefix",
            Self::Holdout => "holdout",
            Self::Labelled => "labelled",
            Self::Time => "time",
        }
    }

    /// Whether the rows that are learned from come with labels.
    pub const fn gives_labels(self) -> bool {
        matches!(self, Self::Labelled | Self::Time)
    }

    /// Which `auto` it asks for.
    pub(crate) const fn task(self, learns_apart: bool) -> Task {
        match self {
            Self::Scan | Self::Holdout => Task::Scan,
            Self::Fit | Self::Labelled | Self::Time => Task::Fit,
            Self::Prefix => {
                if learns_apart {
                    Task::Fit
                } else {
                    Task::Scan
                }
            }
        }
    }
}

impl FromStr for Protocol {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.as_str() == text).ok_or_else(|| Error::BadParameter {
            name: "protocol".into(),
            got: text.into(),
            want: "one of scan, fit, prefix, holdout, labelled, time".into(),
        })
    }
}

/// A set divided: what is learned from (`None`: the very rows that are scored) and what is scored.
pub(crate) struct Split {
    /// With labels under protocols that give them.
    pub(crate) train: Option<Table>,
    pub(crate) test: Table,
    /// Of the rows scored.
    pub(crate) labels: Vec<bool>,
    /// Of the rows scored, under [`Protocol::Time`].
    pub(crate) periods: Vec<Period>,
}

impl Split {
    fn new(table: &Table, train: Option<&[usize]>, test: &[usize]) -> Result<Self> {
        let odd = odd_rows(table)?;
        let mut part = table.take(test);
        part.labels = None;
        let train = train.map(|rows| {
            let mut part = table.take(rows);
            part.labels = None;
            part
        });
        let labels = test.iter().map(|&row| odd[row]).collect();
        Ok(Self { train, test: part, labels, periods: Vec::new() })
    }

    /// Labels for the rows learned from, which are `rows` of `table`: all of them, or `known` anomalies, of which
    /// `order` says which, and nothing else.
    fn give_labels(&mut self, table: &Table, rows: &[usize], order: &[usize], known: Option<usize>) {
        let (Some(train), Some(labels)) = (&mut self.train, &table.labels) else { return };
        let learned: HashSet<usize> = rows.iter().copied().collect();
        let some = known.map(|n| -> HashSet<usize> {
            order.iter().copied().filter(|row| learned.contains(row)).take(n).collect()
        });
        let label = |row: &usize| match &some {
            None => labels[*row],
            Some(some) if some.contains(row) => Label::Anomalous,
            Some(_) => Label::Unknown,
        };
        train.labels = Some(rows.iter().map(label).collect());
    }

    /// How many anomalies are known to those who learn.
    pub(crate) fn n_known(&self) -> usize {
        let labels = self.train.iter().flat_map(|train| train.labels.iter().flatten());
        labels.filter(|label| **label == Label::Anomalous).count()
    }

    /// The rows to learn from: with their labels, or for those who cannot use them without the anomalies that the
    /// labels tell of.
    pub(crate) fn train_for(&self, learns_from_labels: bool) -> Table {
        let train = self.train.as_ref().unwrap_or(&self.test);
        match &train.labels {
            Some(labels) if !learns_from_labels => {
                let rows: Vec<usize> =
                    (0..train.n_rows).filter(|&row| labels[row] != Label::Anomalous).collect();
                Table { labels: None, ..train.take(&rows) }
            }
            _ => train.clone(),
        }
    }
}

fn odd_rows(table: &Table) -> Result<Vec<bool>> {
    let labels = table.labels.as_ref().ok_or_else(|| Error::Data("the table has no labels".into()))?;
    match labels.iter().position(|label| *label == Label::Unknown) {
        Some(row) => Err(Error::Data(format!("the label of row {} is missing", row + 1))),
        None => Ok(labels.iter().map(|label| *label == Label::Anomalous).collect()),
    }
}

/// Divides the rows of `table`, of which at most `plan.cap` take part: a random sample with the same share of anomalies,
/// but no fewer than ten of them where there are ten.
pub(crate) fn split_table(table: &Table, plan: &Plan) -> Result<Split> {
    let Plan { protocol, cap, seed, known, .. } = *plan;
    let is_odd = odd_rows(table)?;
    let mut random = Run::new(seed).random(0);
    let [odd, normal] = sample(&is_odd, cap, &mut random);
    let sorted = |parts: [&[usize]; 2]| {
        let mut rows = parts.concat();
        rows.sort_unstable();
        rows
    };
    let half = |rows: &[usize]| rows.len() / 2;
    let (train, test) = match protocol {
        Protocol::Scan => (None, sorted([&odd, &normal])),
        Protocol::Fit => {
            let (learned, rest) = normal.split_at(half(&normal));
            (Some(sorted([learned, &[]])), sorted([rest, &odd]))
        }
        Protocol::Holdout | Protocol::Labelled => {
            let ((a, b), (c, d)) = (odd.split_at(half(&odd)), normal.split_at(half(&normal)));
            (Some(sorted([a, c])), sorted([b, d]))
        }
        Protocol::Prefix => {
            let rows = sorted([&odd, &normal]);
            let (first, rest) = rows.split_at(half(&rows));
            (Some(first.to_vec()), rest.to_vec())
        }
        Protocol::Time => {
            let rows = in_time(table, sorted([&odd, &normal]));
            let (first, rest) = rows.split_at(half(&rows));
            (Some(first.to_vec()), rest.to_vec())
        }
    };
    let mut split = Split::new(table, train.as_deref(), &test)?;
    if protocol.gives_labels() {
        split.give_labels(table, &train.unwrap_or_default(), &odd, known);
    }
    if protocol == Protocol::Time {
        split.periods = periods(&split.test);
    }
    Ok(split)
}

/// Divides a series whose first `train_end` points are its training part.
pub(crate) fn split_series(table: &Table, protocol: Protocol, train_end: usize) -> Result<Split> {
    let whole: Vec<usize> = (0..table.n_rows).collect();
    let (train, rest) = whole.split_at(train_end.min(whole.len()));
    let need_train = |what: &str| {
        if train.is_empty() {
            return Err(Error::Data(format!(
                "the series has no training part, which protocol `{what}` learns from; use scan or prefix"
            )));
        }
        Ok(())
    };
    match protocol {
        // No method here needs a normal part, so all see the whole series.
        Protocol::Scan | Protocol::Prefix => Split::new(table, None, &whole),
        Protocol::Fit => need_train("fit").and_then(|()| Split::new(table, Some(train), &whole)),
        Protocol::Holdout => need_train("holdout").and_then(|()| Split::new(table, Some(train), rest)),
        Protocol::Labelled | Protocol::Time => {
            Err(Error::Data(format!("protocol `{}` is for tables", protocol.as_str())))
        }
    }
}

/// The fewest anomalies a sample keeps, where there are as many: of two or three no metric says anything.
const FEWEST_ODD: usize = 10;

/// Rows of each class in random order, the anomalous first; at most `cap` together.
fn sample(is_odd: &[bool], cap: usize, random: &mut Random) -> [Vec<usize>; 2] {
    let (mut odd, mut normal): (Vec<usize>, Vec<usize>) = (0..is_odd.len()).partition(|&row| is_odd[row]);
    odd.shuffle(random);
    normal.shuffle(random);
    if is_odd.len() > cap {
        let n_odd = (odd.len() * cap / is_odd.len()).max(FEWEST_ODD).min(odd.len()).min(cap);
        odd.truncate(n_odd);
        normal.truncate(cap - n_odd);
    }
    [odd, normal]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// Row number as the value; every tenth row is anomalous.
    fn table(n: usize) -> Table {
        let mut table = Table::from_matrix(&Array2::from_shape_fn((n, 1), |(row, _)| row as f64));
        let label = |row: usize| if row.is_multiple_of(10) { Label::Anomalous } else { Label::Normal };
        table.labels = Some((0..n).map(label).collect());
        table
    }

    fn plan(protocol: Protocol, cap: usize, seed: u64) -> Plan {
        Plan {
            protocol,
            cap,
            seed,
            known: None,
            metrics: Vec::new(),
            n_threads: 1,
            time_limit: std::time::Duration::from_secs(60),
            memory_limit_bytes: None,
        }
    }

    fn rows(table: &Table) -> Vec<usize> {
        match &table.columns[0].data {
            anomalyst::core::ColumnData::Numbers(cells) => cells.iter().map(|&v| v as usize).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_protocol_divides_as_it_says() {
        let table = table(100);
        let split = |protocol| split_table(&table, &plan(protocol, 1000, 3)).unwrap();
        let scan = split(Protocol::Scan);
        assert!(scan.train.is_none() && rows(&scan.test) == (0..100).collect::<Vec<_>>());
        let fit = split(Protocol::Fit);
        let train = rows(fit.train.as_ref().unwrap());
        assert!(train.len() == 45 && train.iter().all(|row| row % 10 != 0));
        assert_eq!((fit.labels.len(), fit.labels.iter().filter(|&&odd| odd).count()), (55, 10));
        let holdout = split(Protocol::Holdout);
        assert_eq!((holdout.train.as_ref().unwrap().n_rows, holdout.test.n_rows), (50, 50));
        for split in [&fit, &holdout] {
            let train = rows(split.train.as_ref().unwrap());
            assert!(rows(&split.test).iter().all(|row| !train.contains(row)), "a row is on both sides");
            assert!(split.test.labels.is_none(), "labels do not travel with what is scored");
        }
        assert_eq!(rows(&split(Protocol::Prefix).test), (50..100).collect::<Vec<_>>());
    }

    #[test]
    fn the_cap_keeps_the_share_of_anomalies() {
        let split = split_table(&table(1000), &plan(Protocol::Scan, 200, 1)).unwrap();
        assert_eq!((split.test.n_rows, split.labels.iter().filter(|&&odd| odd).count()), (200, 20));
        let again = split_table(&table(1000), &plan(Protocol::Scan, 200, 1)).unwrap();
        assert_eq!(rows(&split.test), rows(&again.test));
        let other = split_table(&table(1000), &plan(Protocol::Scan, 200, 2)).unwrap();
        assert_ne!(rows(&split.test), rows(&other.test));
        let few = split_table(&table(1000), &plan(Protocol::Scan, 50, 1)).unwrap();
        assert_eq!((few.test.n_rows, few.labels.iter().filter(|&&odd| odd).count()), (50, 10));
    }

    /// Labels stay on the side that is learned from, those asked for and no others; who cannot use them does not see
    /// the anomalies that they tell of.
    #[test]
    fn labels_are_given_to_those_who_learn_from_them() {
        let table = table(100);
        let split = split_table(&table, &plan(Protocol::Labelled, 1000, 3)).unwrap();
        let train = split.train_for(true);
        let labels = train.labels.clone().unwrap();
        assert!((0..50).all(|i| (labels[i] == Label::Anomalous) == rows(&train)[i].is_multiple_of(10)));
        assert!(split.test.labels.is_none() && split.n_known() == 5);
        assert!(rows(&split.test).iter().all(|row| !rows(&train).contains(row)));
        let without = split.train_for(false);
        assert!(without.labels.is_none() && rows(&without).iter().all(|row| row % 10 != 0));
        let few = Plan { known: Some(2), ..plan(Protocol::Labelled, 1000, 3) };
        let few = split_table(&table, &few).unwrap();
        let labels = few.train_for(true).labels.unwrap();
        assert_eq!((few.n_known(), labels.iter().filter(|l| **l == Label::Normal).count()), (2, 0));
        assert_eq!(few.train_for(false).n_rows, 48, "anomalies of which nobody knows stay");
        assert_eq!(rows(&few.test), rows(&split.test), "the rows scored are the same");
    }

    #[test]
    fn time_goes_forward() {
        let split = split_table(&table(120), &plan(Protocol::Time, 1000, 3)).unwrap();
        assert_eq!(rows(&split.train_for(true)), (0..60).collect::<Vec<_>>());
        assert_eq!(rows(&split.test), (60..120).collect::<Vec<_>>());
        let sizes: Vec<usize> = split.periods.iter().map(|period| period.rows.len()).collect();
        assert_eq!(sizes, [10; 6]);
    }

    #[test]
    fn series_need_a_training_part_where_one_is_learned_from() {
        let table = table(20);
        assert!(split_series(&table, Protocol::Fit, 0).is_err());
        assert_eq!(split_series(&table, Protocol::Holdout, 5).unwrap().test.n_rows, 15);
        assert_eq!(split_series(&table, Protocol::Fit, 5).unwrap().test.n_rows, 20);
        assert!(split_series(&table, Protocol::Prefix, 5).unwrap().train.is_none());
    }
}
