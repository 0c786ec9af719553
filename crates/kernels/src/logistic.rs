//! Logistic regression on counted rows, and the models whose loss stays below a bound.
//!
//! # Equations
//! With `z = w_0 + x w`, `p` positive and `q` negative counts of a row and `N` the sum of all counts:
//! `F(w) = (1/N) sum (p ln(1 + e^-z) + q ln(1 + e^z)) + (ridge / 2) sum_{j > 0} w_j^2`.
//! - [`Logistic::fit`]: Newton's method with backtracking.
//! - [`Logistic::extreme`]: least `c w` among the models with `F(w) <= bound`. At the solution
//!   `grad F(w) = -t c` with `t > 0` and `F(w) = bound`; Newton's method on both at once from the solution for the
//!   quadratic model at the minimum, with a new Hessian only where the last one converges slowly. Where that fails,
//!   bisection of `t`, for which the least of `F(w) + t c w` has a growing `F`.
//!
//! # Complexity
//! O(n d^2 + d^3) per Hessian, O(n d) per step without one.
//!
//! ```
//! use anomalyst_kernels::logistic::Logistic;
//! let x = ndarray::array![[0.0], [1.0]];
//! // One in four rows with x = 0 is positive, three in four with x = 1: the slope is ln 9.
//! let problem = Logistic::new(x, vec![1.0, 3.0], vec![3.0, 1.0], 0.0).unwrap();
//! let fit = problem.fit(&anomalyst_core::Run::new(0)).unwrap();
//! assert!((fit.weights[1] - 9.0_f64.ln()).abs() < 1e-9);
//! ```

use anomalyst_core::{Error, Result, Run};
use ndarray::Array2;

use crate::linalg::Cholesky;

/// Most Newton steps; a problem with a ridge needs about ten.
const MAX_STEPS: usize = 200;
/// A gradient whose every entry is below this is taken for 0.
const FLAT: f64 = 1e-11;

/// `1 / (1 + e^-z)` without overflow.
pub fn sigmoid(z: f64) -> f64 {
    if z >= 0.0 {
        1.0 / (1.0 + (-z).exp())
    } else {
        let e = z.exp();
        e / (1.0 + e)
    }
}

/// `ln(1 + e^z)` without overflow.
pub fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// A loss over rows that stand for counts of positive and negative ones.
#[derive(Clone, Debug)]
pub struct Logistic {
    x: Array2<f64>,
    positive: Vec<f64>,
    negative: Vec<f64>,
    total: f64,
    ridge: f64,
}

/// The least loss.
#[derive(Clone, Debug)]
pub struct Minimum {
    /// The intercept, then one weight per column.
    pub weights: Vec<f64>,
    /// `F` there.
    pub value: f64,
    /// Of the Hessian there.
    curvature: Cholesky,
}

/// The model at the edge of a level set that is furthest in a direction.
#[derive(Clone, Debug)]
pub struct Extreme {
    /// The intercept, then one weight per column.
    pub weights: Vec<f64>,
    /// `c w`.
    pub value: f64,
    /// `F` there; at most the bound.
    pub loss: f64,
    /// The `t` of the conditions above: what makes `F(w) + t c w` least near `w`.
    pub multiplier: f64,
}

impl Logistic {
    /// Rows, how many positive and negative ones each stands for, and the weight of the penalty.
    pub fn new(x: Array2<f64>, positive: Vec<f64>, negative: Vec<f64>, ridge: f64) -> Result<Self> {
        if positive.len() != x.nrows() || negative.len() != x.nrows() {
            return Err(Error::Data(format!(
                "logistic regression: {} and {} counts for {} rows",
                positive.len(),
                negative.len(),
                x.nrows()
            )));
        }
        let counts = || positive.iter().chain(&negative);
        let total: f64 = counts().sum();
        let counted = total > 0.0 && total.is_finite() && counts().all(|c| *c >= 0.0);
        let is_sound = counted && x.iter().all(|v| v.is_finite()) && ridge >= 0.0 && ridge.is_finite();
        if !is_sound {
            return Err(Error::Data("logistic regression needs finite numbers and counts from 0 on".into()));
        }
        Ok(Self { x: x.as_standard_layout().into_owned(), positive, negative, total, ridge })
    }

    /// Rows of 0 and 1 labels.
    pub fn of_labels(x: Array2<f64>, labels: &[bool], ridge: f64) -> Result<Self> {
        let count = |wanted: bool| labels.iter().map(|l| f64::from(*l == wanted)).collect();
        Self::new(x, count(true), count(false), ridge)
    }

    /// How many weights there are, with the intercept.
    pub fn n_weights(&self) -> usize {
        self.x.ncols() + 1
    }

    /// `w_0 + x w` of every row.
    pub fn margins(&self, weights: &[f64]) -> Vec<f64> {
        self.x.rows().into_iter().map(|row| weights[0] + dot(row.as_slice(), &weights[1..])).collect()
    }

    /// What a row's margin is linear in: 1, then its columns.
    pub fn direction(&self, row: usize) -> Vec<f64> {
        std::iter::once(1.0).chain(self.x.row(row).iter().copied()).collect()
    }

    /// `F(w)`.
    pub fn value(&self, weights: &[f64]) -> f64 {
        let counts = self.positive.iter().zip(&self.negative);
        let data: f64 = (self.margins(weights).iter().zip(counts))
            .map(|(z, (p, q))| p * softplus(-z) + q * softplus(*z))
            .sum();
        data / self.total + self.penalty(weights)
    }

    /// `F(w)` and its gradient.
    pub fn gradient(&self, weights: &[f64]) -> (f64, Vec<f64>) {
        let mut gradient = vec![0.0; self.n_weights()];
        let mut value = 0.0;
        for (i, row) in self.x.rows().into_iter().enumerate() {
            let z = weights[0] + dot(row.as_slice(), &weights[1..]);
            let (p, q) = (self.positive[i], self.negative[i]);
            value += p * softplus(-z) + q * softplus(z);
            let slope = ((p + q) * sigmoid(z) - p) / self.total;
            gradient[0] += slope;
            add_scaled(&mut gradient[1..], slope, row.as_slice());
        }
        for (g, w) in gradient.iter_mut().zip(weights).skip(1) {
            *g += self.ridge * w;
        }
        (value / self.total + self.penalty(weights), gradient)
    }

    /// The Hessian of `F`, only whose lower triangle is filled.
    fn hessian(&self, weights: &[f64]) -> Array2<f64> {
        let d = self.n_weights();
        let mut hessian = vec![0.0; d * d];
        for (i, row) in self.x.rows().into_iter().enumerate() {
            let Some(row) = row.to_slice() else { continue };
            let p = sigmoid(weights[0] + dot(Some(row), &weights[1..]));
            let weight = (self.positive[i] + self.negative[i]) * p * (1.0 - p) / self.total;
            hessian[0] += weight;
            for (j, value) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                let line = &mut hessian[(j + 1) * d..(j + 1) * d + j + 2];
                line[0] += weight * value;
                add_scaled(&mut line[1..], weight * value, Some(&row[..=j]));
            }
        }
        (1..d).for_each(|j| hessian[j * d + j] += self.ridge);
        Array2::from_shape_vec((d, d), hessian).unwrap_or_default()
    }

    fn penalty(&self, weights: &[f64]) -> f64 {
        0.5 * self.ridge * weights[1..].iter().map(|w| w * w).sum::<f64>()
    }

    /// Decomposes the Hessian, with as much added to its diagonal as that needs where rows leave it singular.
    fn curvature(&self, weights: &[f64]) -> Result<Cholesky> {
        let mut hessian = self.hessian(weights);
        let scale = hessian.diag().iter().fold(1e-12_f64, |a, v| a.max(*v));
        let mut added = 0.0;
        for power in [0.0, 1e-13, 1e-11, 1e-9, 1e-7, 1e-5] {
            let more = power * scale - added;
            hessian.diag_mut().mapv_inplace(|v| v + more);
            added += more;
            if let Ok(found) = Cholesky::new(hessian.view()) {
                return Ok(found);
            }
        }
        Err(numeric("the Hessian is singular; leave out columns that repeat others, or raise the ridge"))
    }

    /// The least `F`. Without a ridge, rows that a plane separates have none and the work ends far out.
    pub fn fit(&self, run: &Run) -> Result<Minimum> {
        let positive: f64 = self.positive.iter().sum();
        let mut weights = vec![0.0; self.n_weights()];
        weights[0] = ((positive + 0.5) / (self.total - positive + 0.5)).ln();
        let (weights, curvature) = self.descend(weights, None, run)?;
        Ok(Minimum { value: self.value(&weights), weights, curvature })
    }

    /// Newton's method on `F(w) + tilt w`.
    fn descend(&self, mut w: Vec<f64>, tilt: Option<&[f64]>, run: &Run) -> Result<(Vec<f64>, Cholesky)> {
        let tilted = |w: &[f64]| tilt.map_or(0.0, |tilt| dot(Some(tilt), w));
        let mut curvature = self.curvature(&w)?;
        for _ in 0..MAX_STEPS {
            run.check()?;
            let (value, mut gradient) = self.gradient(&w);
            if let Some(tilt) = tilt {
                add_scaled(&mut gradient, 1.0, Some(tilt));
            }
            if gradient.iter().all(|g| g.abs() < FLAT) {
                break;
            }
            curvature = self.curvature(&w)?;
            let step = curvature.solve(&gradient)?;
            let (now, slope) = (value + tilted(&w), dot(Some(&gradient), &step));
            let mut length = 1.0;
            let next = loop {
                let next: Vec<f64> = w.iter().zip(&step).map(|(w, s)| w - length * s).collect();
                if self.value(&next) + tilted(&next) <= now - 1e-4 * length * slope {
                    break Some(next);
                }
                length *= 0.5;
                // Rounding hides what further steps would gain.
                if length < 1e-8 {
                    break None;
                }
            };
            match next {
                Some(next) => w = next,
                None => break,
            }
        }
        Ok((w, curvature))
    }

    /// The least `direction w` among the models with `F(w) <= bound`.
    pub fn extreme(&self, minimum: &Minimum, direction: &[f64], bound: f64, run: &Run) -> Result<Extreme> {
        let slack = bound - minimum.value;
        if direction.len() != self.n_weights() || direction.iter().any(|c| !c.is_finite()) {
            return Err(numeric("a direction needs one finite number per weight"));
        }
        if slack.is_nan() || slack <= 0.0 || direction.iter().all(|c| *c == 0.0) {
            let value = dot(Some(direction), &minimum.weights);
            let (weights, loss) = (minimum.weights.clone(), minimum.value);
            return Ok(Extreme { weights, value, loss, multiplier: 0.0 });
        }
        let (weights, multiplier) = match self.newton_to_edge(minimum, direction, bound, run)? {
            Some(found) => found,
            None => self.bisect_to_edge(minimum, direction, bound, run)?,
        };
        let weights = self.pull_inside(minimum, weights, bound);
        let loss = self.value(&weights);
        Ok(Extreme { value: dot(Some(direction), &weights), weights, loss, multiplier })
    }

    fn newton_to_edge(
        &self,
        minimum: &Minimum,
        c: &[f64],
        bound: f64,
        run: &Run,
    ) -> Result<Option<(Vec<f64>, f64)>> {
        let slack = bound - minimum.value;
        let mut renewed: Option<Cholesky> = None;
        let mut toward = minimum.curvature.solve(c)?;
        let mut t = (2.0 * slack / dot(Some(c), &toward)).sqrt();
        if !t.is_finite() {
            return Ok(None);
        }
        let mut w: Vec<f64> = minimum.weights.iter().zip(&toward).map(|(w, s)| w - t * s).collect();
        let mut last = f64::INFINITY;
        for _ in 0..60 {
            run.check()?;
            let (value, gradient) = self.gradient(&w);
            let rest: Vec<f64> = gradient.iter().zip(c).map(|(g, c)| g + t * c).collect();
            let mut corrected = renewed.as_ref().unwrap_or(&minimum.curvature).solve(&rest)?;
            // The Newton decrement and the miss of the bound, both in units of the slack.
            let off = dot(Some(&rest), &corrected).abs() / slack + ((value - bound) / slack).abs();
            if !off.is_finite() {
                return Ok(None);
            }
            if off < 1e-9 {
                return Ok((t > 0.0).then_some((w, t)));
            }
            if off > 0.2 * last {
                let curvature = self.curvature(&w)?;
                toward = curvature.solve(c)?;
                corrected = curvature.solve(&rest)?;
                renewed = Some(curvature);
            }
            last = off;
            let along = dot(Some(&gradient), &toward);
            let dt = (value - bound - dot(Some(&gradient), &corrected)) / along;
            t += dt;
            for ((w, a), b) in w.iter_mut().zip(&corrected).zip(&toward) {
                *w -= a + dt * b;
            }
        }
        Ok(None)
    }

    fn bisect_to_edge(&self, minimum: &Minimum, c: &[f64], bound: f64, run: &Run) -> Result<(Vec<f64>, f64)> {
        let at = |t: f64, from: Vec<f64>| {
            let tilt: Vec<f64> = c.iter().map(|c| t * c).collect();
            self.descend(from, Some(&tilt), run).map(|(w, _)| w)
        };
        let (mut low, mut high) = (0.0, 1e-6);
        let mut best = minimum.weights.clone();
        for _ in 0..60 {
            let w = at(high, best.clone())?;
            let value = self.value(&w);
            if value.is_nan() || value > bound {
                break;
            }
            (low, high, best) = (high, 4.0 * high, w);
        }
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            let w = at(middle, best.clone())?;
            if self.value(&w) <= bound { (low, best) = (middle, w) } else { high = middle }
        }
        Ok((best, low))
    }

    /// The last point on the way from the minimum to `w` that keeps the bound.
    fn pull_inside(&self, minimum: &Minimum, w: Vec<f64>, bound: f64) -> Vec<f64> {
        let between =
            |s: f64| -> Vec<f64> { minimum.weights.iter().zip(&w).map(|(a, b)| a + s * (b - a)).collect() };
        let mut short = 1e-12;
        while self.value(&w) > bound && short < 1.0 {
            let inside = between(1.0 - short);
            if self.value(&inside) <= bound {
                return inside;
            }
            short *= 4.0;
        }
        if self.value(&w) <= bound { w } else { minimum.weights.clone() }
    }
}

fn dot(a: Option<&[f64]>, b: &[f64]) -> f64 {
    a.unwrap_or_default().iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add_scaled(to: &mut [f64], factor: f64, row: Option<&[f64]>) {
    for (to, value) in to.iter_mut().zip(row.unwrap_or_default()) {
        *to += factor * value;
    }
}

fn numeric(what: &str) -> Error {
    Error::Numeric { method: "logistic regression".into(), what: what.into() }
}

#[cfg(test)]
mod tests;
