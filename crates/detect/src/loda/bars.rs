//! The histogram of one projection.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};

use super::project::ROWS;

/// Bars that are counted where their number is to be chosen: a power of two, so that bars of half, a quarter and so
/// on of their number have the same edges to the last bit.
pub(super) const FINE: usize = 1024;
/// What part of a row an empty bar counts as; below 1, so that what was never met is odder than what was met once.
const EMPTY: f64 = 0.1;

/// Bars of equal width, in halves; half a bar beyond either end; and the outside on either side.
#[derive(Debug)]
pub(super) struct Bars {
    grid: Grid,
    /// In nats: outside, half a bar before the first, two halves of each bar, half a bar behind the last, outside.
    surprises: Vec<f32>,
    /// The mean surprise of the training rows.
    pub(super) typical: f32,
}

/// Bars of equal width, the first from `low` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    low: f32,
    /// Bars per unit.
    per_unit: f32,
}

impl Grid {
    /// Where values span 0, any other value is far from them, and they lie in the first bar.
    pub(super) fn new(low: f32, high: f32, n_bars: usize) -> Self {
        let per_unit = n_bars as f64 / (f64::from(high) - f64::from(low));
        Self { low, per_unit: per_unit.min(f64::from(f32::MAX / 4.0)) as f32 }
    }

    /// The grid of every `step`-th edge, for powers of two.
    fn coarser(self, step: usize) -> Self {
        Self { per_unit: self.per_unit / step as f32, ..self }
    }

    /// The bars of values within the range; any bar for what is missing.
    pub(super) fn bars(self, z: &[f32], n_bars: usize, at: &mut [i32; ROWS]) {
        let last = (n_bars - 1) as f32;
        for (at, &z) in at.iter_mut().zip(z) {
            *at = within((z - self.low) * self.per_unit, last);
        }
    }
}

/// Rounded down, from 0 to `last`. Written out, because these comparisons are one instruction each; NaN fails them.
fn within(place: f32, last: f32) -> i32 {
    let place = if place > 0.0 { place } else { 0.0 };
    (if place < last { place } else { last }) as i32
}

impl Bars {
    /// Of training values counted in a grid.
    pub(super) fn new(grid: Grid, counts: &[u64]) -> Self {
        let (n_bars, n) = (counts.len() as f64, counts.iter().sum::<u64>().max(1) as f64);
        let of = |count: u64| -(n_bars * if count > 0 { count as f64 } else { EMPTY } / n).ln();
        let mut surprises = vec![of(0) as f32];
        surprises.extend(counts.first().map(|&count| of(count) as f32));
        surprises.extend(counts.iter().flat_map(|&count| [of(count) as f32; 2]));
        surprises.extend(counts.last().map(|&count| of(count) as f32));
        surprises.push(of(0) as f32);
        let typical = counts.iter().map(|&count| count as f64 / n * of(count)).sum::<f64>() as f32;
        Self { grid, surprises, typical }
    }

    /// As many bars as the method chooses, of those counted.
    pub(super) fn chosen(grid: Grid, fine: &[u64]) -> Self {
        let n_bars = best_number(fine);
        Self::new(grid.coarser(fine.len() / n_bars), &merged(fine, n_bars).collect::<Vec<_>>())
    }

    /// Where among the surprises each value stands; anywhere for what is missing.
    pub(super) fn places(&self, z: &[f32], at: &mut [i32; ROWS]) {
        let last = (self.surprises.len() - 3) as f32;
        for (at, &z) in at.iter_mut().zip(z) {
            let halves = (z - self.grid.low) * self.grid.per_unit * 2.0;
            *at = within(halves, last) + 2 - i32::from(halves < 0.0) - i32::from(halves < -1.0);
        }
    }

    pub(super) fn at(&self, place: i32) -> f32 {
        self.surprises[place as usize]
    }
}

/// The number of bars of Birgé and Rozenholc among the powers of two.
fn best_number(fine: &[u64]) -> usize {
    let n = fine.iter().sum::<u64>() as f64;
    let most = n / n.ln().max(1.0);
    let penalised = |n_bars: usize| {
        let b = n_bars as f64;
        let term = |count: u64| if count > 0 { count as f64 * (b * count as f64 / n).ln() } else { 0.0 };
        merged(fine, n_bars).map(term).sum::<f64>() - (b - 1.0 + b.ln().powf(2.5))
    };
    let mut best = (1, penalised(1));
    for n_bars in (1..).map(|power| 1 << power).take_while(|&b| b <= fine.len() && b as f64 <= most) {
        let found = penalised(n_bars);
        best = if found > best.1 { (n_bars, found) } else { best };
    }
    best.0
}

/// `counts` put together to `n_bars` bars, a divisor of their number.
fn merged(counts: &[u64], n_bars: usize) -> impl Iterator<Item = u64> + '_ {
    counts.chunks(counts.len() / n_bars).map(|of_bar| of_bar.iter().sum())
}

pub(super) fn save(all: &[Bars], out: &mut ModelWriter) {
    out.put("low", &[all.len()], all.iter().map(|bars| bars.grid.low));
    out.put("per_unit", &[all.len()], all.iter().map(|bars| bars.grid.per_unit));
    out.put("typical", &[all.len()], all.iter().map(|bars| bars.typical));
    out.put("n_places", &[all.len()], all.iter().map(|bars| bars.surprises.len() as u32));
    let surprises: Vec<f32> = all.iter().flat_map(|bars| bars.surprises.iter().copied()).collect();
    out.put_list("surprises", &surprises);
}

/// Refuses numbers that are not finite and histograms without a bar.
pub(super) fn load(from: &ModelReader<'_>, n: usize) -> Result<Vec<Bars>> {
    let low: Vec<f32> = from.list_of("low", n)?;
    let per_unit: Vec<f32> = from.list_of("per_unit", n)?;
    let typical: Vec<f32> = from.list_of("typical", n)?;
    let n_places: Vec<u32> = from.list_of("n_places", n)?;
    let surprises: Vec<f32> = from.list("surprises")?;
    let wrong = || Error::model("the bars of the projections do not fit together or are not finite");
    if low.iter().chain(&per_unit).chain(&typical).chain(&surprises).any(|v| !v.is_finite()) {
        return Err(wrong());
    }
    let (mut rest, mut all) = (surprises.as_slice(), Vec::with_capacity(n));
    for i in 0..n {
        let (own, others) = rest.split_at_checked(n_places[i] as usize).ok_or_else(wrong)?;
        if own.len() < 6 {
            return Err(wrong());
        }
        let grid = Grid { low: low[i], per_unit: per_unit[i] };
        all.push(Bars { grid, surprises: own.to_vec(), typical: typical[i] });
        rest = others;
    }
    if rest.is_empty() { Ok(all) } else { Err(wrong()) }
}
