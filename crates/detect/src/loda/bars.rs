//! The histogram of one projection.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};
use anomalyst_kernels::lanes;

use super::project::ROWS;

/// Bars that are counted where their number is to be chosen: a power of two, so that bars of half, a quarter and so
/// on of their number have the same edges to the last bit.
pub(super) const FINE: usize = 1024;
/// The most places of a histogram; cells beside it count too, and must stay far below the limit of [`lanes::cells`].
const MOST_PLACES: usize = 1 << 20;
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

/// Bars of equal width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// As far below the first bar as all bars are wide, so that what lies beside them can be told without signs.
    origin: f32,
    /// Bars per unit.
    per_unit: f32,
}

impl Grid {
    /// Where values span 0, any other value is far from them, and they lie in the first bar.
    pub(super) fn new((low, high): (f32, f32), n_bars: usize) -> Self {
        let width = if low < high {
            f64::from(high) - f64::from(low)
        } else {
            f64::from(low.abs().max(1e-20)) * 1e-6
        };
        let per_unit = (n_bars as f64 / width).min(f64::from(f32::MAX / 4.0)) as f32;
        Self { origin: (f64::from(low) - width) as f32, per_unit }
    }

    /// The grid of every `step`-th edge, for powers of two.
    fn coarser(self, step: usize) -> Self {
        Self { per_unit: self.per_unit / step as f32, ..self }
    }

    /// The bars of values within the range; any bar for what is missing.
    pub(super) fn bars(self, z: &[f32], n_bars: usize, at: &mut [i32; ROWS]) {
        self.cells(z, 1.0, (n_bars, 2 * n_bars - 1), at);
    }

    /// Rounded down, kept between two cells, and counted from the first of them; `per_bar` is a power of two, so that
    /// the edges of bars are the same to the last bit.
    fn cells(self, z: &[f32], per_bar: f32, (first, last): (usize, usize), at: &mut [i32; ROWS]) {
        let ends = (first as u32, last as u32);
        lanes::cells(z, (self.origin, self.per_unit * per_bar), ends, at);
    }
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
        // Two halves beside the bars on either side.
        let n_halves = self.surprises.len() - 4;
        self.grid.cells(z, 2.0, (n_halves - 2, 2 * n_halves + 1), at);
    }

    pub(super) fn at(&self, place: i32) -> f32 {
        self.surprises[place as usize]
    }
}

/// The number of bars of Birgé and Rozenholc among the powers of two, given counts of as many bars as the most.
fn best_number(fine: &[u64]) -> usize {
    let n = fine.iter().sum::<u64>() as f64;
    let most = n / n.ln().max(1.0);
    let penalised = |counts: &[u64]| {
        let b = counts.len() as f64;
        let term = |&count: &u64| if count > 0 { count as f64 * (b * count as f64 / n).ln() } else { 0.0 };
        counts.iter().map(term).sum::<f64>() - (b - 1.0 + b.ln().powf(2.5))
    };
    let (mut counts, mut best) = (fine.to_vec(), (1, f64::NEG_INFINITY));
    loop {
        if counts.len() == 1 || counts.len() as f64 <= most {
            let found = penalised(&counts);
            best = if found >= best.1 { (counts.len(), found) } else { best };
        }
        if counts.len() == 1 {
            return best.0;
        }
        counts = merged(&counts, counts.len() / 2).collect();
    }
}

/// `counts` put together to `n_bars` bars, a divisor of their number.
fn merged(counts: &[u64], n_bars: usize) -> impl Iterator<Item = u64> + '_ {
    counts.chunks(counts.len() / n_bars).map(|of_bar| of_bar.iter().sum())
}

pub(super) fn save(all: &[Bars], out: &mut ModelWriter) {
    out.put("origin", &[all.len()], all.iter().map(|bars| bars.grid.origin));
    out.put("per_unit", &[all.len()], all.iter().map(|bars| bars.grid.per_unit));
    out.put("typical", &[all.len()], all.iter().map(|bars| bars.typical));
    out.put("n_places", &[all.len()], all.iter().map(|bars| bars.surprises.len() as u32));
    let surprises: Vec<f32> = all.iter().flat_map(|bars| bars.surprises.iter().copied()).collect();
    out.put_list("surprises", &surprises);
}

/// Refuses numbers that are not finite and histograms without a bar.
pub(super) fn load(from: &ModelReader<'_>, n: usize) -> Result<Vec<Bars>> {
    let origin: Vec<f32> = from.list_of("origin", n)?;
    let per_unit: Vec<f32> = from.list_of("per_unit", n)?;
    let typical: Vec<f32> = from.list_of("typical", n)?;
    let n_places: Vec<u32> = from.list_of("n_places", n)?;
    let surprises: Vec<f32> = from.list("surprises")?;
    let wrong = || Error::model("the bars of the projections do not fit together or are not finite");
    if origin.iter().chain(&per_unit).chain(&typical).chain(&surprises).any(|v| !v.is_finite()) {
        return Err(wrong());
    }
    let (mut rest, mut all) = (surprises.as_slice(), Vec::with_capacity(n));
    for i in 0..n {
        let (own, others) = rest.split_at_checked(n_places[i] as usize).ok_or_else(wrong)?;
        if own.len() < 6 || own.len() > MOST_PLACES {
            return Err(wrong());
        }
        let grid = Grid { origin: origin[i], per_unit: per_unit[i] };
        all.push(Bars { grid, surprises: own.to_vec(), typical: typical[i] });
        rest = others;
    }
    if rest.is_empty() { Ok(all) } else { Err(wrong()) }
}
