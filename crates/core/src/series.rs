//! Series in memory: channels measured at points in time.

use std::ops::Range;

use ndarray::{Array2, Axis};

use crate::{ColumnData, ColumnKind, Error, Label, Result, Table};

/// One series or several with the same channels, one after the other, each in the order of time.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Names of the channels.
    pub channels: Vec<String>,
    /// Points x channels; `NaN` is missing.
    pub values: Array2<f64>,
    /// One past the last point of each series.
    pub ends: Vec<usize>,
    /// What the user calls each series; empty where there is one and it has no name.
    pub keys: Vec<String>,
    /// Microseconds since 1970-01-01 00:00 UTC, one per point, where times are known.
    pub times: Option<Vec<i64>>,
    /// What is known about each point.
    pub labels: Option<Vec<Label>>,
}

impl Series {
    /// One series of channels called `x1`, `x2`, ...
    pub fn one(values: Array2<f64>) -> Self {
        Self {
            channels: (1..=values.ncols()).map(|i| format!("x{i}")).collect(),
            ends: vec![values.nrows()],
            keys: vec![String::new()],
            values,
            times: None,
            labels: None,
        }
    }

    /// One series whose channels are the number columns of `table`, in its order, and whose times are its first
    /// column of times, where every row has one.
    pub fn of_table(table: &Table) -> Result<Self> {
        let mut channels = Vec::new();
        let mut cells: Vec<&[f64]> = Vec::new();
        let mut times = None;
        for column in &table.columns {
            match &column.data {
                ColumnData::Numbers(numbers) => {
                    channels.push(column.name.clone());
                    cells.push(numbers);
                }
                ColumnData::Times(of) if column.kind == ColumnKind::Timestamp && times.is_none() => {
                    times = of.iter().all(|&t| t != i64::MIN).then(|| of.clone());
                }
                _ => {}
            }
        }
        if channels.is_empty() {
            return Err(Error::Data("a series needs a column of numbers, and there is none".into()));
        }
        let values =
            Array2::from_shape_fn((table.n_rows, cells.len()), |(point, channel)| cells[channel][point]);
        Ok(Self { channels, times, labels: table.labels.clone(), ..Self::one(values) })
    }

    /// How many points there are in all series.
    pub fn n_points(&self) -> usize {
        self.values.nrows()
    }

    /// The points of each series.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        ranges_of(&self.ends)
    }

    /// The points at `points`, in that order; points of one series that follow each other stay one series.
    pub fn take(&self, points: &[usize]) -> Self {
        let series_of = |point: usize| self.ends.partition_point(|&end| end <= point);
        let (mut ends, mut keys) = (Vec::new(), Vec::new());
        for (i, &point) in points.iter().enumerate() {
            let of = series_of(point);
            if i == 0 || series_of(points[i - 1]) != of {
                ends.push(i + 1);
                keys.push(self.keys.get(of).cloned().unwrap_or_default());
            } else if let Some(end) = ends.last_mut() {
                *end = i + 1;
            }
        }
        Self {
            channels: self.channels.clone(),
            values: self.values.select(Axis(0), points),
            ends,
            keys,
            times: self.times.as_ref().map(|times| points.iter().map(|&point| times[point]).collect()),
            labels: self.labels.as_ref().map(|labels| points.iter().map(|&point| labels[point]).collect()),
        }
    }
}

/// The ranges that `ends` divide.
pub fn ranges_of(ends: &[usize]) -> impl Iterator<Item = Range<usize>> + '_ {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(start, &end)| start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn points_that_are_taken_stay_in_their_series() {
        let mut series = Series::one(array![[0.0], [1.0], [2.0], [3.0], [4.0]]);
        series.ends = vec![3, 5];
        series.keys = vec!["a".into(), "b".into()];
        let part = series.take(&[1, 2, 4]);
        assert_eq!((part.ends, part.keys), (vec![2, 3], vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(part.values, array![[1.0], [2.0], [4.0]]);
        assert_eq!(series.ranges().collect::<Vec<_>>(), [0..3, 3..5]);
    }

    #[test]
    fn tables_become_series_of_their_numbers() {
        let table = Table::from_matrix(&array![[1.0, 5.0], [2.0, 6.0]]);
        let series = Series::of_table(&table).unwrap();
        assert_eq!((series.channels, series.ends), (vec!["x1".to_owned(), "x2".to_owned()], vec![2]));
        assert!(Series::of_table(&Table::default()).is_err());
    }
}
