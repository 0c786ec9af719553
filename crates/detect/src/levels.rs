//! Cells as levels: every cell of a table is one of finitely many, so that what counts categories takes numbers too.
//!
//! A category has the levels seen in training, missing among them. A number has one level for missing values, bins
//! that hold about equally many training values, and two bins on each side beyond the fences of Tukey (1977), 1.5
//! and 3 interquartile ranges off the quartiles, so that far values do not share a bin with ordinary ones. Where the
//! interquartile range is 0, the least and the greatest training value are the fences.

use std::ops::Range;

use anomalyst_core::{Attributions, Error, Features, ModelReader, ModelWriter, Result, Run};
use anomalyst_kernels::stats::quantile_of_sorted;
use ndarray::Array2;
use rayon::prelude::*;

/// The level of a category that training rows do not hold.
pub(crate) const UNSEEN: u32 = u32::MAX;
/// How far off the quartiles the fences stand, in interquartile ranges.
const FENCES: [f64; 2] = [1.5, 3.0];

/// The levels of every column, numbers before codes, counted through over all columns.
pub(crate) struct Levels {
    columns: Vec<Column>,
    /// The first level of each column, and one past the last of all.
    starts: Vec<u32>,
}

enum Column {
    /// Where bins end, ascending; a value on an edge belongs to the bin above it.
    Numbers(Vec<f32>),
    /// Codes, ascending.
    Codes(Vec<u32>),
}

impl Levels {
    pub(crate) fn fit(features: &Features, n_bins: usize, run: &Run) -> Result<Self> {
        let numbers = (0..features.n_values()).into_par_iter().map(|j| {
            run.check()?;
            let mut values: Vec<f32> =
                features.values.column(j).iter().copied().filter(|v| !v.is_nan()).collect();
            values.par_sort_unstable_by(f32::total_cmp);
            Ok(Column::Numbers(edges(&values, n_bins)))
        });
        let codes = (0..features.n_codes()).into_par_iter().map(|j| {
            run.check()?;
            let mut codes: Vec<u32> =
                features.codes.iter().flat_map(|codes| codes.column(j).to_vec()).collect();
            codes.par_sort_unstable();
            codes.dedup();
            Ok(Column::Codes(codes))
        });
        let columns: Result<Vec<Column>> = numbers.chain(codes).collect();
        Self::of(columns?)
    }

    fn of(columns: Vec<Column>) -> Result<Self> {
        let mut starts = vec![0_u32];
        for column in &columns {
            let end = u64::from(starts[starts.len() - 1]) + column.n_levels() as u64;
            let end = u32::try_from(end).ok().filter(|&end| end < UNSEEN);
            starts.push(end.ok_or_else(|| Error::Budget {
                what: "levels of all columns together".into(),
                need: "more".into(),
                limit: "4294967294".into(),
                hint: "leave out columns in which almost every row has its own category".into(),
            })?);
        }
        Ok(Self { columns, starts })
    }

    pub(crate) fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// Of all columns together.
    pub(crate) fn n_levels(&self) -> usize {
        self.starts[self.columns.len()] as usize
    }

    /// The first level of each column, and one past the last of all.
    pub(crate) fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The levels of each column.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        self.starts.windows(2).map(|pair| pair[0] as usize..pair[1] as usize)
    }

    /// How many rows have each level; at most `u32::MAX` rows.
    pub(crate) fn count(&self, features: &Features, run: &Run) -> Result<Vec<u32>> {
        let of_column = |(column, range): (usize, Range<usize>)| {
            run.check()?;
            let mut counts = vec![0_u32; range.len()];
            for row in 0..features.n_parts() {
                let level = self.of_cell(features, row, column) as usize;
                counts.get_mut(level.wrapping_sub(range.start)).into_iter().for_each(|count| *count += 1);
            }
            Ok(counts)
        };
        let columns: Vec<(usize, Range<usize>)> = self.ranges().enumerate().collect();
        let counts: Vec<Vec<u32>> = columns.into_par_iter().map(of_column).collect::<Result<_>>()?;
        Ok(counts.concat())
    }

    /// Attributions from what `shares` says of each column of each row, starting from zeros.
    pub(crate) fn attributions(
        &self,
        n_rows: usize,
        mut shares: impl FnMut(usize, &mut [f64]) -> Result<()>,
    ) -> Result<Attributions> {
        let n_values = self.columns.iter().filter(|column| matches!(column, Column::Numbers(_))).count();
        let mut values = Array2::zeros((n_rows, n_values));
        let mut codes = Array2::zeros((n_rows, self.columns.len() - n_values));
        let mut of_row = vec![0.0; self.columns.len()];
        for row in 0..n_rows {
            of_row.fill(0.0);
            shares(row, &mut of_row)?;
            let out = values.row_mut(row).into_iter().chain(codes.row_mut(row));
            out.zip(&of_row).for_each(|(out, share)| *out = *share as f32);
        }
        Ok(Attributions { values, codes })
    }

    /// The level of one cell, or [`UNSEEN`].
    pub(crate) fn of_cell(&self, features: &Features, row: usize, column: usize) -> u32 {
        let at = match &self.columns[column] {
            Column::Numbers(edges) => match features.values[[row, column]] {
                v if v.is_nan() => Some(0),
                v => Some(1 + edges.partition_point(|&edge| edge <= v)),
            },
            Column::Codes(levels) => {
                let code = features.codes.as_ref().map(|codes| codes[[row, column - features.n_values()]]);
                code.and_then(|code| levels.binary_search(&code).ok())
            }
        };
        at.map_or(UNSEEN, |at| self.starts[column] + at as u32)
    }

    pub(crate) fn save(&self, out: &mut ModelWriter) {
        let (mut edges, mut codes) = (Vec::<f32>::new(), Vec::<u32>::new());
        let (mut n_edges, mut n_codes) = (Vec::new(), Vec::new());
        for column in &self.columns {
            match column {
                Column::Numbers(list) => {
                    edges.extend(list);
                    n_edges.push(list.len() as u64);
                }
                Column::Codes(list) => {
                    codes.extend(list);
                    n_codes.push(list.len() as u64);
                }
            }
        }
        out.put_list("edges", &edges);
        out.put_list("n_edges", &n_edges);
        out.put_list("codes", &codes);
        out.put_list("n_codes", &n_codes);
    }

    /// For `n_values` number columns and `n_codes` code columns.
    pub(crate) fn load(from: &ModelReader<'_>, n_values: usize, n_codes: usize) -> Result<Self> {
        let edges = split(&from.list::<f32>("edges")?, &from.list_of("n_edges", n_values)?)?;
        let codes = split(&from.list::<u32>("codes")?, &from.list_of("n_codes", n_codes)?)?;
        let ascends = edges.iter().all(|e| e.iter().all(|v| v.is_finite()) && e.is_sorted_by(|a, b| a < b))
            && codes.iter().all(|codes| codes.is_sorted_by(|a, b| a < b));
        if !ascends {
            return Err(Error::model("the levels of a column do not ascend"));
        }
        Self::of(edges.into_iter().map(Column::Numbers).chain(codes.into_iter().map(Column::Codes)).collect())
    }
}

impl Column {
    fn n_levels(&self) -> usize {
        match self {
            Self::Numbers(edges) => edges.len() + 2,
            Self::Codes(levels) => levels.len(),
        }
    }
}

/// Where the bins of ascending values end.
fn edges(sorted: &[f32], n_bins: usize) -> Vec<f32> {
    let (n, Some(&low), Some(&high)) = (sorted.len(), sorted.first(), sorted.last()) else {
        return Vec::new();
    };
    let mut edges = Vec::with_capacity(n_bins + 3);
    for bin in 1..n_bins {
        let want = (n as f64 * bin as f64 / n_bins as f64).round() as usize;
        // Equal values stay together.
        let last = sorted[want.max(1) - 1];
        let end = sorted.partition_point(|&v| v <= last);
        edges.extend(sorted.get(end).map(|&next| between(last, next)));
    }
    let quartile = |q: f64| {
        let (below, above) = ((q * (n - 1) as f64).floor() as usize, (q * (n - 1) as f64).ceil() as usize);
        let pair = [f64::from(sorted[below]), f64::from(sorted[above])];
        quantile_of_sorted(&pair, (q * (n - 1) as f64).fract())
    };
    let (q1, q3) = (quartile(0.25), quartile(0.75));
    if q3 > q1 {
        edges.extend(FENCES.iter().flat_map(|f| [q1 - f * (q3 - q1), q3 + f * (q3 - q1)]).map(|e| e as f32));
    } else {
        edges.extend([low, high.next_up()]);
    }
    edges.retain(|edge| edge.is_finite());
    edges.sort_unstable_by(f32::total_cmp);
    edges.dedup();
    edges
}

/// A number above `a` and not above `b`, half-way where there is one.
fn between(a: f32, b: f32) -> f32 {
    let middle = f32::midpoint(a, b);
    if middle > a && middle <= b { middle } else { b }
}

/// Cuts `all` into lists of the given lengths, which must cover it.
fn split<T: Copy>(all: &[T], lengths: &[u64]) -> Result<Vec<Vec<T>>> {
    let wrong = || Error::model("the levels of the columns do not fit together");
    let (mut lists, mut rest) = (Vec::with_capacity(lengths.len()), all);
    for &length in lengths {
        let length = usize::try_from(length).map_err(|_| wrong())?;
        let (list, after) = rest.split_at_checked(length).ok_or_else(wrong)?;
        lists.push(list.to_vec());
        rest = after;
    }
    if rest.is_empty() { Ok(lists) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::{MISSING_CODE, UNSEEN_CODE};
    use ndarray::array;

    /// Quartiles of 1 to 8 are 2.75 and 6.25: fences at -2.5, -7.75, 11.5 and 16.75; two bins meet at 4.5.
    #[test]
    fn bins_and_fences_in_closed_form() {
        assert_eq!(edges(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 2), [-7.75, -2.5, 4.5, 11.5, 16.75]);
    }

    /// More than half of the values are equal: the range stands in for the fences, and a value outside has a level
    /// of its own on each side.
    #[test]
    fn without_spread_the_range_is_the_fence() {
        let edges = edges(&[0.0, 0.0, 0.0, 0.0, 0.0, 5.0], 3);
        assert_eq!(edges, [0.0, 2.5, 5.0_f32.next_up()]);
        assert_eq!(super::edges(&[], 3), [0.0_f32; 0]);
        assert_eq!(super::edges(&[7.0], 3), [7.0, 7.0_f32.next_up()]);
    }

    #[test]
    fn every_cell_has_a_level() {
        let train = Features::rows(array![[1.0], [2.0], [f32::NAN]])
            .with_codes(array![[5], [MISSING_CODE], [0]])
            .unwrap();
        let levels = Levels::fit(&train, 2, &Run::new(0)).unwrap();
        // Edges -0.25, 0.5, 1.5, 2.5, 3.25 and the gap: 7 levels of numbers, then three of codes.
        assert_eq!(levels.starts(), [0, 7, 10]);
        let rows = Features::rows(array![[1.0], [f32::NAN], [-1e9], [1e9]])
            .with_codes(array![[0], [MISSING_CODE], [5], [UNSEEN_CODE]])
            .unwrap();
        let of = |row| [0, 1].map(|column| levels.of_cell(&rows, row, column));
        assert_eq!([of(0), of(1), of(2), of(3)], [[3, 7], [0, 9], [1, 8], [6, UNSEEN]]);
    }
}
