//! The bars of one column: how they are cut, filled, found and kept.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};
use ndarray::ArrayView1;

use super::{Binning, Hbos};

/// Fewest and most bars that a column chooses itself.
const FEWEST: usize = 5;
pub(super) const MOST: usize = 200;
/// Bars of a column whose middle half is one value, and which so has no width to go by; PyOD's default.
const WITHOUT_SPREAD: usize = 10;
/// How far outside, in widths of the outermost bar, a value still belongs to it; the tolerance of PyOD.
const TOLERANCE: f64 = 0.5;

/// The bars of a number column.
pub(super) struct NumberBars {
    /// Lowest and highest value for equal width, all edges for equal frequency; none if nothing was seen.
    edges: Vec<f32>,
    /// The surprise of each bar.
    bars: Vec<f32>,
    /// Bars per unit for equal width (infinite where the column is constant), 0 for equal frequency.
    per_unit: f64,
    missing: f32,
}

/// The bars of a code column.
pub(super) struct CodeBars {
    /// Ascending.
    levels: Vec<u32>,
    bars: Vec<f32>,
}

/// Bits of a bar of that relative height.
pub(super) fn surprise(height: f64, r: f64) -> f32 {
    -(height + r).log2() as f32
}

/// Bars of equal width between two values; `n_bars` is 1 where those are equal and 0 where there is no value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    low: f32,
    high: f32,
    /// Infinite where the column is constant.
    per_unit: f64,
    n_bars: usize,
}

impl Grid {
    pub(super) fn new(low: f32, high: f32, n_bars: usize) -> Self {
        Self { low, high, per_unit: n_bars as f64 / (f64::from(high) - f64::from(low)), n_bars }
    }

    pub(super) const fn n_bars(&self) -> usize {
        self.n_bars
    }

    /// Never for a missing value.
    pub(super) fn holds(&self, v: f32) -> bool {
        v >= self.low && v <= self.high
    }

    /// The bar of a value inside the range. In a constant column the product is NaN, which becomes 0.
    pub(super) fn bar(&self, v: f32) -> usize {
        let at = (f64::from(v) - f64::from(self.low)) * self.per_unit;
        (at as u32 as usize).min(self.n_bars - 1)
    }
}

impl NumberBars {
    /// Bars of equal frequency of one column.
    pub(super) fn equal_frequency(column: ArrayView1<'_, f32>, params: &Hbos) -> Self {
        let mut values: Vec<f32> = Vec::with_capacity(column.len());
        // Adding zero makes both zeros one value.
        values.extend(column.iter().filter(|v| !v.is_nan()).map(|v| v + 0.0));
        let (edges, counts, n_bins) = equal_frequency(&mut values, params.n_bins);
        let n_missing = (column.len() - values.len()) as u64;
        Self::new(
            Binning::EqualFrequency,
            (edges, &counts, n_bins),
            (column.len(), n_missing),
            params.regularization,
        )
    }

    /// From edges, the rows in each bar, and the number of bars wished for; of `n` rows, `n_missing` are in none.
    pub(super) fn new(
        binning: Binning,
        (edges, counts, n_bins): (Vec<f32>, &[u64], usize),
        (n, n_missing): (usize, u64),
        r: f64,
    ) -> Self {
        let (n, most) = (n as f64, n_bins as f64);
        let range = f64::from(edges.last().copied().unwrap_or(0.0))
            - f64::from(edges.first().copied().unwrap_or(0.0));
        let height = |(bar, &count): (usize, &u64)| {
            let share = count as f64 / n;
            let relative = match binning {
                Binning::EqualFrequency if range > 0.0 => {
                    range / (f64::from(edges[bar + 1]) - f64::from(edges[bar]))
                }
                _ => most,
            };
            surprise((share * relative).min(most), r)
        };
        let bars = counts.iter().enumerate().map(height).collect();
        let missing = surprise(n_missing as f64 / n * most, r);
        let mut fitted = Self { edges, bars, per_unit: 0.0, missing };
        if binning == Binning::EqualWidth {
            fitted.per_unit = fitted.equal_per_unit();
        }
        fitted
    }

    /// The grid of these bars and their surprises, if they are of equal width.
    pub(super) fn grid(&self) -> Option<(Grid, &[f32])> {
        match self.edges[..] {
            [low, high] if self.per_unit > 0.0 => Some((Grid::new(low, high, self.bars.len()), &self.bars)),
            _ => None,
        }
    }

    fn equal_per_unit(&self) -> f64 {
        match self.edges[..] {
            [low, high] => Grid::new(low, high, self.bars.len()).per_unit,
            _ => f64::INFINITY,
        }
    }

    pub(super) fn surprise(&self, v: f32, outside: f32) -> f32 {
        if v.is_nan() {
            return self.missing;
        }
        self.find(v).map_or(outside, |bar| self.bars[bar])
    }

    /// The bar that `v` falls into.
    fn find(&self, v: f32) -> Option<usize> {
        let (Some(&low), Some(&high), Some(last)) =
            (self.edges.first(), self.edges.last(), self.bars.len().checked_sub(1))
        else {
            return None;
        };
        if v < low {
            let unit = if self.per_unit > 0.0 { self.per_unit } else { per_unit(low, self.edges[1]) };
            return ((f64::from(low) - f64::from(v)) * unit <= TOLERANCE).then_some(0);
        }
        if v > high {
            let unit = if self.per_unit > 0.0 { self.per_unit } else { per_unit(self.edges[last], high) };
            return ((f64::from(v) - f64::from(high)) * unit <= TOLERANCE).then_some(last);
        }
        if self.per_unit > 0.0 {
            return Some(Grid { low, high, per_unit: self.per_unit, n_bars: last + 1 }.bar(v));
        }
        Some((self.edges.partition_point(|&edge| edge <= v).max(1) - 1).min(last))
    }
}

/// Bars per unit of one bar; infinite for no width.
fn per_unit(low: f32, high: f32) -> f64 {
    1.0 / (f64::from(high) - f64::from(low))
}

type Cut = (Vec<f32>, Vec<u64>, usize);

/// `range / (2 IQR n^(-1/3))` bars; the values are partly reordered.
pub(super) fn freedman_diaconis(values: &mut [f32], low: f32, high: f32) -> usize {
    let mut quartile = |share: f64| {
        let at = (share * values.len().saturating_sub(1) as f64).round() as usize;
        if values.is_empty() { 0.0 } else { f64::from(*values.select_nth_unstable_by(at, f32::total_cmp).1) }
    };
    let spread = quartile(0.75) - quartile(0.25);
    let width = 2.0 * spread / (values.len() as f64).cbrt();
    if width > 0.0 {
        (((f64::from(high) - f64::from(low)) / width).ceil() as usize).clamp(FEWEST, MOST)
    } else {
        WITHOUT_SPREAD
    }
}

/// Bars of `n / n_bins` successive values. Equal values stay together, so a bar may hold more; the next one starts
/// behind it with its full number again, as in the paper, and there are fewer bars.
fn equal_frequency(values: &mut [f32], n_bins: Option<usize>) -> Cut {
    values.sort_unstable_by(f32::total_cmp);
    let n = values.len();
    let n_bins = n_bins.unwrap_or_else(|| ((n as f64).sqrt().round() as usize).clamp(FEWEST, MOST));
    let (Some(&low), Some(&high)) = (values.first(), values.last()) else {
        return (Vec::new(), Vec::new(), n_bins);
    };
    let (mut edges, mut counts) = (vec![low], Vec::new());
    let (mut start, mut due) = (0, 0.0);
    while start < n {
        due += n as f64 / n_bins as f64;
        let want = (due.round() as usize).clamp(start + 1, n);
        let end = want - 1 + values[want - 1..].partition_point(|&v| v == values[want - 1]);
        counts.push((end - start) as u64);
        edges.push(values.get(end).map_or(high, |&next| between(values[end - 1], next)));
        due = if end > want { end as f64 } else { due };
        start = end;
    }
    (edges, counts, n_bins)
}

/// A number above `a` and not above `b`, half-way where there is one.
fn between(a: f32, b: f32) -> f32 {
    let middle = f32::midpoint(a, b);
    if middle > a && middle <= b { middle } else { b }
}

impl CodeBars {
    pub(super) fn fit(column: ArrayView1<'_, u32>, r: f64) -> Self {
        let mut codes = column.to_vec();
        codes.sort_unstable();
        let levels: Vec<(u32, usize)> =
            codes.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect();
        let unit = levels.len() as f64 / codes.len() as f64;
        Self {
            bars: levels.iter().map(|&(_, count)| surprise(count as f64 * unit, r)).collect(),
            levels: levels.into_iter().map(|(level, _)| level).collect(),
        }
    }

    pub(super) fn surprise(&self, code: u32, outside: f32) -> f32 {
        // Levels are numbered from 0 without gaps, so most stand where their number says.
        let at = code as usize;
        if self.levels.get(at) == Some(&code) {
            return self.bars[at];
        }
        self.levels.binary_search(&code).map_or(outside, |at| self.bars[at])
    }
}

/// Every list behind the one before, with the ends of each.
fn put_lists<'a>(out: &mut ModelWriter, name: &str, lists: impl Iterator<Item = &'a [f32]> + Clone) {
    let all: Vec<f32> = lists.clone().flatten().copied().collect();
    let ends: Vec<u64> = lists
        .scan(0, |end, list| {
            *end += list.len() as u64;
            Some(*end)
        })
        .collect();
    out.put_list(name, &all);
    out.put_list(&format!("{name}_ends"), &ends);
}

fn get_lists(from: &ModelReader<'_>, name: &str, n: usize) -> Result<Vec<Vec<f32>>> {
    let all = finite(from.list(name)?)?;
    let ends: Vec<u64> = from.list_of(&format!("{name}_ends"), n)?;
    split(&all, &ends)
}

/// Cuts `all` at `ends`, which must cover it.
fn split<T: Copy>(all: &[T], ends: &[u64]) -> Result<Vec<Vec<T>>> {
    let wrong = || Error::model("the bars of the columns do not fit together");
    let (mut lists, mut start) = (Vec::with_capacity(ends.len()), 0);
    for &end in ends {
        let end = usize::try_from(end).map_err(|_| wrong())?;
        lists.push(all.get(start..end).ok_or_else(wrong)?.to_vec());
        start = end;
    }
    if start == all.len() { Ok(lists) } else { Err(wrong()) }
}

pub(super) fn finite(list: Vec<f32>) -> Result<Vec<f32>> {
    // Sums of surprises must stay finite over any number of columns.
    if list.iter().all(|v| v.is_finite()) {
        return Ok(list);
    }
    Err(Error::model("a bar is not a finite number"))
}

pub(super) fn save_numbers(columns: &[NumberBars], out: &mut ModelWriter) {
    put_lists(out, "edges", columns.iter().map(|c| c.edges.as_slice()));
    put_lists(out, "bars", columns.iter().map(|c| c.bars.as_slice()));
    out.put("missing", &[columns.len()], columns.iter().map(|c| c.missing));
    out.put("equal_width", &[columns.len()], columns.iter().map(|c| u8::from(c.per_unit > 0.0)));
}

pub(super) fn load_numbers(from: &ModelReader<'_>, n: usize) -> Result<Vec<NumberBars>> {
    let missing = finite(from.list_of("missing", n)?)?;
    let equal: Vec<u8> = from.list_of("equal_width", n)?;
    let (edges, bars) = (get_lists(from, "edges", n)?, get_lists(from, "bars", n)?);
    let mut columns = Vec::with_capacity(n);
    for (((edges, bars), missing), equal) in edges.into_iter().zip(bars).zip(missing).zip(equal) {
        let fits = match (equal != 0, bars.len()) {
            (_, 0) => edges.is_empty(),
            (true, _) => edges.len() == 2,
            (false, b) => edges.len() == b + 1,
        };
        if !fits || !edges.is_sorted() {
            return Err(Error::model("the edges of a column do not fit its bars"));
        }
        let mut column = NumberBars { edges, bars, per_unit: 0.0, missing };
        if equal != 0 {
            column.per_unit = column.equal_per_unit();
        }
        columns.push(column);
    }
    Ok(columns)
}

pub(super) fn save_codes(columns: &[CodeBars], out: &mut ModelWriter) {
    put_lists(out, "code_bars", columns.iter().map(|c| c.bars.as_slice()));
    let levels: Vec<u32> = columns.iter().flat_map(|c| c.levels.iter().copied()).collect();
    out.put_list("levels", &levels);
}

pub(super) fn load_codes(from: &ModelReader<'_>, n: usize) -> Result<Vec<CodeBars>> {
    let levels: Vec<u32> = from.list("levels")?;
    let ends: Vec<u64> = from.list_of("code_bars_ends", n)?;
    let levels = split(&levels, &ends)?;
    if !levels.iter().all(|levels| levels.is_sorted_by(|a, b| a < b)) {
        return Err(Error::model("the levels of a code column are not ascending"));
    }
    let bars = get_lists(from, "code_bars", n)?;
    Ok(levels.into_iter().zip(bars).map(|(levels, bars)| CodeBars { levels, bars }).collect())
}
