//! Seasonal-trend decomposition by local regression: STL, and MSTL for several periods.
//!
//! References: Cleveland, Cleveland, McRae, Terpenning 1990, STL: a seasonal-trend decomposition procedure based on loess,
//! Journal of Official Statistics 6(1); Bandara, Hyndman, Bergmeir 2021, MSTL, arXiv:2107.13462. Defaults, the weights of
//! loess and of robustness and what happens at the ends are those of the authors' program (netlib), which statsmodels
//! follows too.

mod loess;

use anomalyst_core::{Error, Result, Run};
pub use loess::Loess;
use loess::{Points, fit_at, smooth};

use crate::stats::median;

/// How a series is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stl {
    /// Points of a season; 2 and up.
    pub period: usize,
    /// What smooths the points of one phase over the seasons; `None` for seasons that are all alike.
    pub seasonal: Option<Loess>,
    /// What makes the trend.
    pub trend: Loess,
    /// What takes the trend out of the seasons.
    pub low_pass: Loess,
    /// Times that season and trend are made from each other.
    pub n_inner: usize,
    /// Times that points are weighted anew by how well they were met; 0 for no weights.
    pub n_outer: usize,
}

/// A series in parts that add up to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decomposition {
    /// What recurs, one for each period in ascending order.
    pub seasonal: Vec<Vec<f64>>,
    /// What changes slowly.
    pub trend: Vec<f64>,
    /// What is left.
    pub residual: Vec<f64>,
    /// How much each point counted in the end, 0 to 1.
    pub weights: Vec<f64>,
}

impl Stl {
    /// Seasons smoothed over 7 of them, lines everywhere, fits at every point, without weights.
    pub fn new(period: usize) -> Self {
        Self::with_seasonal(period, 7)
    }

    /// The same with seasons smoothed over `window_len` of them, which is made odd.
    pub fn with_seasonal(period: usize, window_len: usize) -> Self {
        let seasonal = Loess::lines(window_len.max(3) | 1);
        // Section 3.5 of the paper, equation 11.
        let trend = 1.5 * period as f64 / (1.0 - 1.5 / seasonal.window_len as f64);
        Self {
            period,
            seasonal: Some(seasonal),
            trend: Loess::lines(trend.ceil() as usize | 1),
            low_pass: Loess::lines((period + 1) | 1),
            n_inner: 5,
            n_outer: 0,
        }
    }

    /// Seasons that are all alike: means of phases.
    pub fn periodic(period: usize) -> Self {
        // What equation 11 comes to for a window without end.
        let trend = Loess::lines((1.5 * period as f64).ceil() as usize | 1);
        Self { seasonal: None, trend, ..Self::new(period) }
    }

    /// With weights, so that odd points do not draw season and trend to them.
    pub const fn robust(self) -> Self {
        Self { n_inner: 2, n_outer: 15, ..self }
    }

    /// With a fit at every tenth of a neighbourhood and values between them interpolated.
    pub fn jumping(self) -> Self {
        Self {
            seasonal: self.seasonal.map(Loess::jumping),
            trend: self.trend.jumping(),
            low_pass: self.low_pass.jumping(),
            ..self
        }
    }

    /// Takes `values` apart. They must be finite and at least two periods.
    ///
    /// O(n w / j) per pass with windows of `w` points and jumps of `j`.
    pub fn decompose(&self, values: &[f64], run: &Run) -> Result<Decomposition> {
        let need = self.period.saturating_mul(2).max(4);
        if values.len() < need || self.period < 2 {
            return Err(Error::TooFewItems { what: "STL".into(), got: values.len(), need });
        }
        let mut work = Work::new(self, values);
        for outer in 0..=self.n_outer {
            for _ in 0..self.n_inner {
                run.check()?;
                work.pass(outer > 0);
            }
            if outer < self.n_outer {
                work.weigh();
            }
        }
        Ok(work.done())
    }
}

/// Takes `values` apart into seasons of each of `periods`, a trend and the rest, each season by `stl` of what the others
/// leave, `n_rounds` times; with one period once.
///
/// `stl` is given the period and the points over which its seasons are smoothed (7 + 4 i for the i-th, table 1 of the
/// paper). Periods of half of the series and longer are left out; with none left, the parts are a median and the rest.
pub fn mstl(
    values: &[f64],
    periods: &[usize],
    stl: impl Fn(usize, usize) -> Stl,
    n_rounds: usize,
    run: &Run,
) -> Result<Decomposition> {
    let mut periods: Vec<usize> =
        periods.iter().copied().filter(|p| p * 2 < values.len() && *p > 1).collect();
    periods.sort_unstable();
    periods.dedup();
    if periods.is_empty() {
        return Ok(level(values));
    }
    let n_rounds = if periods.len() == 1 { 1 } else { n_rounds.max(1) };
    let mut seasonal = vec![vec![0.0; values.len()]; periods.len()];
    let mut rest = values.to_vec();
    let mut last = Decomposition::default();
    for _ in 0..n_rounds {
        for (i, (&period, own)) in periods.iter().zip(&mut seasonal).enumerate() {
            rest.iter_mut().zip(&*own).for_each(|(r, s)| *r += s);
            last = stl(period, 7 + 4 * (i + 1)).decompose(&rest, run)?;
            *own = last.seasonal.swap_remove(0);
            rest.iter_mut().zip(&*own).for_each(|(r, s)| *r -= s);
        }
    }
    let residual = rest.iter().zip(&last.trend).map(|(r, t)| r - t).collect();
    Ok(Decomposition { seasonal, residual, ..last })
}

/// A series that is too short for seasons: its median and the rest.
fn level(values: &[f64]) -> Decomposition {
    let center = if values.is_empty() { 0.0 } else { median(&mut values.to_vec()) };
    Decomposition {
        seasonal: Vec::new(),
        trend: vec![center; values.len()],
        residual: values.iter().map(|v| v - center).collect(),
        weights: vec![1.0; values.len()],
    }
}

/// What a decomposition works on.
struct Work<'a> {
    stl: &'a Stl,
    values: &'a [f64],
    trend: Vec<f64>,
    season: Vec<f64>,
    weights: Vec<f64>,
    /// Seasons with one more before and after the series.
    cycles: Vec<f64>,
    /// Two more of that length.
    spare: [Vec<f64>; 2],
    tables: [Vec<f64>; 3],
    phase: Phase,
}

/// The points of one phase and what becomes of them.
#[derive(Default)]
struct Phase {
    values: Vec<f64>,
    weights: Vec<f64>,
    smooth: Vec<f64>,
}

impl<'a> Work<'a> {
    fn new(stl: &'a Stl, values: &'a [f64]) -> Self {
        let n = values.len();
        let long = || vec![0.0; n + 2 * stl.period];
        let seasonal = stl.seasonal.map_or(Vec::new(), |loess| loess.table());
        Self {
            stl,
            values,
            trend: vec![0.0; n],
            season: vec![0.0; n],
            weights: vec![1.0; n],
            cycles: long(),
            spare: [long(), long()],
            tables: [seasonal, stl.trend.table(), stl.low_pass.table()],
            phase: Phase::default(),
        }
    }

    /// The inner loop, section 2.2: season from the series without trend, trend from the series without season.
    fn pass(&mut self, weighted: bool) {
        let (n, period) = (self.values.len(), self.stl.period);
        let detrended = &mut self.spare[0];
        detrended.clear();
        detrended.extend(self.values.iter().zip(&self.trend).map(|(v, t)| v - t));
        for phase in 0..period {
            self.smooth_phase(phase, weighted);
        }
        let [a, b] = &mut self.spare;
        moving_mean(&self.cycles, period, a);
        moving_mean(a, period, b);
        moving_mean(b, 3, a);
        b.resize(n, 0.0);
        smooth(Points { values: a, weights: None }, self.stl.low_pass, &self.tables[2], b);
        for (i, season) in self.season.iter_mut().enumerate() {
            *season = self.cycles[period + i] - b[i];
        }
        a.clear();
        a.extend(self.values.iter().zip(&self.season).map(|(v, s)| v - s));
        let points = Points { values: a, weights: weighted.then_some(&self.weights) };
        smooth(points, self.stl.trend, &self.tables[1], &mut self.trend);
    }

    /// Smooths the points of one phase, and one place before and after them, into `cycles`.
    fn smooth_phase(&mut self, phase: usize, weighted: bool) {
        let period = self.stl.period;
        let Phase { values, weights, smooth: out } = &mut self.phase;
        values.clear();
        values.extend(self.spare[0][phase..].iter().step_by(period));
        if weighted {
            weights.clear();
            weights.extend(self.weights[phase..].iter().step_by(period));
        }
        let points = Points { values, weights: weighted.then_some(&*weights) };
        let k = values.len();
        let mut place = self.cycles[phase..].iter_mut().step_by(period);
        let Some(loess) = self.stl.seasonal else {
            let mean = weighted_mean(points);
            place.for_each(|p| *p = mean);
            return;
        };
        out.resize(k, 0.0);
        smooth(points, loess, &self.tables[0], out);
        let window_len = loess.window_len.min(k);
        let before = fit_at(points, loess, -1, (0, window_len)).unwrap_or(out[0]);
        let after = fit_at(points, loess, k as isize, (k - window_len, k)).unwrap_or(out[k - 1]);
        let all = std::iter::once(&before).chain(&*out).chain(std::iter::once(&after));
        place.by_ref().zip(all).for_each(|(p, v)| *p = *v);
    }

    /// Bisquare weights of the residuals, section 2.3: none beyond six medians.
    fn weigh(&mut self) {
        let residual = |i: usize| (self.values[i] - (self.trend[i] + self.season[i])).abs();
        let residuals = &mut self.spare[0];
        residuals.clear();
        residuals.extend((0..self.values.len()).map(residual));
        let reach = 6.0 * median(&mut residuals.clone());
        for (weight, r) in self.weights.iter_mut().zip(&*residuals) {
            *weight = if *r <= 0.001 * reach {
                1.0
            } else if *r <= 0.999 * reach {
                (1.0 - (r / reach).powi(2)).powi(2)
            } else {
                0.0
            };
        }
    }

    fn done(self) -> Decomposition {
        let parts = self.values.iter().zip(&self.season).zip(&self.trend);
        let residual = parts.map(|((v, s), t)| v - s - t).collect();
        Decomposition { seasonal: vec![self.season], trend: self.trend, residual, weights: self.weights }
    }
}

fn weighted_mean(points: Points<'_>) -> f64 {
    let plain = || points.values.iter().sum::<f64>() / points.values.len() as f64;
    let Some(weights) = points.weights else { return plain() };
    let (mut sum, mut total) = (0.0, 0.0);
    for (v, w) in points.values.iter().zip(weights) {
        sum += w * v;
        total += w;
    }
    if total > 0.0 { sum / total } else { plain() }
}

/// Means of all `len` neighbours.
fn moving_mean(values: &[f64], len: usize, out: &mut Vec<f64>) {
    out.clear();
    let mut sum: f64 = values[..len].iter().sum();
    out.push(sum / len as f64);
    for (new, old) in values[len..].iter().zip(values) {
        sum += new - old;
        out.push(sum / len as f64);
    }
}

#[cfg(test)]
mod tests;
