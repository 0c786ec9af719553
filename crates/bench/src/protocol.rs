//! The protocols: which rows are learned from and which are scored. Named and fixed, so that numbers made elsewhere
//! under the same name are comparable.

use std::str::FromStr;

use anomalyst::core::{Error, Label, Random, Result, Run, Table};
use anomalyst::registry::Task;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

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
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Scan, Self::Fit, Self::Prefix, Self::Holdout];

    /// How it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Fit => "fit",
            Self::Prefix => "prefix",
            Self::Holdout => "holdout",
        }
    }

    /// Which `auto` it asks for.
    pub(crate) const fn task(self, learns_apart: bool) -> Task {
        match self {
            Self::Scan | Self::Holdout => Task::Scan,
            Self::Fit => Task::Fit,
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
            want: "one of scan, fit, prefix, holdout".into(),
        })
    }
}

/// A set divided: what is learned from (`None`: the very rows that are scored) and what is scored.
pub(crate) struct Split {
    pub(crate) train: Option<Table>,
    pub(crate) test: Table,
    /// Of the rows scored.
    pub(crate) labels: Vec<bool>,
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
        Ok(Self { train, test: part, labels: test.iter().map(|&row| odd[row]).collect() })
    }
}

fn odd_rows(table: &Table) -> Result<Vec<bool>> {
    let labels = table.labels.as_ref().ok_or_else(|| Error::Data("the table has no labels".into()))?;
    match labels.iter().position(|label| *label == Label::Unknown) {
        Some(row) => Err(Error::Data(format!("the label of row {} is missing", row + 1))),
        None => Ok(labels.iter().map(|label| *label == Label::Anomalous).collect()),
    }
}

/// Divides the rows of `table`, of which at most `cap` take part: a random sample with the same share of anomalies, but
/// no fewer than ten of them where there are ten.
pub(crate) fn split_table(table: &Table, protocol: Protocol, cap: usize, seed: u64) -> Result<Split> {
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
        Protocol::Holdout => {
            let ((a, b), (c, d)) = (odd.split_at(half(&odd)), normal.split_at(half(&normal)));
            (Some(sorted([a, c])), sorted([b, d]))
        }
        Protocol::Prefix => {
            let rows = sorted([&odd, &normal]);
            let (first, rest) = rows.split_at(half(&rows));
            (Some(first.to_vec()), rest.to_vec())
        }
    };
    Split::new(table, train.as_deref(), &test)
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

    fn rows(table: &Table) -> Vec<usize> {
        match &table.columns[0].data {
            anomalyst::core::ColumnData::Numbers(cells) => cells.iter().map(|&v| v as usize).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_protocol_divides_as_it_says() {
        let table = table(100);
        let split = |protocol| split_table(&table, protocol, 1000, 3).unwrap();
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
        let split = split_table(&table(1000), Protocol::Scan, 200, 1).unwrap();
        assert_eq!((split.test.n_rows, split.labels.iter().filter(|&&odd| odd).count()), (200, 20));
        let again = split_table(&table(1000), Protocol::Scan, 200, 1).unwrap();
        assert_eq!(rows(&split.test), rows(&again.test));
        let other = split_table(&table(1000), Protocol::Scan, 200, 2).unwrap();
        assert_ne!(rows(&split.test), rows(&other.test));
        let few = split_table(&table(1000), Protocol::Scan, 50, 1).unwrap();
        assert_eq!((few.test.n_rows, few.labels.iter().filter(|&&odd| odd).count()), (50, 10));
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
