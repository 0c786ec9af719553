//! One channel: a forecast from its last points, and how large its errors usually are.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};

use super::state::{MOST_VALUE, Settings};
use super::{MOST, WARM};

/// Deviations above the mean of the averages where the threshold is.
const DEVIATIONS: f64 = 3.0;
/// The least threshold, as a share of the deviation of the points.
const LEAST_SHARE: f64 = 1e-6;
/// The share by which the variance of lags is raised, so that those that tell nothing new have an answer.
const RIDGE: f64 = 1e-6;

/// What is kept of a channel.
#[derive(Clone)]
pub(super) struct Channel {
    settings: Settings,
    /// From where values are measured: the very first one.
    reference: Option<f64>,
    /// Fading sums of products of 1, the lags (the newest first) and the point; the lower triangle.
    products: Vec<f64>,
    averages: Recent,
    /// Of the present series: values before, the newest first; the last value as it was; the last errors.
    lags: Vec<f64>,
    last: f64,
    errors: Vec<f64>,
    /// What the weights are found in.
    system: Vec<f64>,
    weights: Vec<f64>,
}

impl Channel {
    pub(super) fn new(settings: Settings) -> Self {
        let size = settings.n_lags + 2;
        Self {
            settings,
            reference: None,
            products: vec![0.0; size * size],
            averages: Recent::new(settings.window_len),
            lags: Vec::with_capacity(size),
            last: 0.0,
            errors: Vec::with_capacity(settings.n_errors + 1),
            system: Vec::new(),
            weights: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self) {
        self.lags.clear();
        self.errors.clear();
        self.averages.sum_up();
    }

    /// The value measured from the first one that was ever seen.
    pub(super) fn relative(&mut self, value: f64) -> f64 {
        value - *self.reference.get_or_insert(value)
    }

    /// How many thresholds the average of the last errors is, 0 where that cannot be said yet. `near` stands for the value
    /// in what is learned.
    pub(super) fn judge(&mut self, value: f64, near: f64, deviation: f64) -> f64 {
        let mut excess = 0.0;
        if self.lags.len() == self.settings.n_lags {
            // Enough points to learn from, in what fading leaves of them.
            let need = (self.settings.n_lags + WARM / 2).min(self.settings.window_len / 2);
            if self.products[0] >= need as f64 {
                excess = self.excess(value, deviation);
            }
            self.learn(near);
            self.lags.pop();
        }
        self.lags.insert(0, near);
        self.last = value;
        excess
    }

    fn excess(&mut self, value: f64, deviation: f64) -> f64 {
        let mut error = (value - self.forecast()).abs();
        let before: f64 = self.errors.iter().sum();
        let n = (self.errors.len() + 1) as f64;
        let mut average = (before + error) / n;
        let mut excess = 0.0;
        if self.averages.len >= WARM {
            let threshold = (self.averages.mean() + DEVIATIONS * self.averages.deviation())
                .max(LEAST_SHARE * deviation)
                .max(f64::from(f32::MIN_POSITIVE));
            if average > threshold {
                // The forecaster may be what is wrong: one that knows the last point alone is asked too.
                error = error.min((value - self.last).abs());
                average = (before + error) / n;
            }
            excess = (average / threshold).min(MOST);
            // What is odd raises the threshold, but one wild point does not for all the stretch.
            average = average.min(2.0 * threshold);
        }
        self.averages.push(average.min(MOST_VALUE));
        self.errors.push(error);
        if self.errors.len() >= self.settings.n_errors {
            self.errors.remove(0);
        }
        excess
    }

    /// Least squares of the fading sums.
    fn forecast(&mut self) -> f64 {
        let p = self.settings.n_lags;
        let size = p + 2;
        let weight = self.products[0];
        let mean = |i: usize| self.products[i * size] / weight;
        self.system.clear();
        self.weights.clear();
        for i in 1..=p + 1 {
            for j in 1..=i {
                self.system.push(self.products[i * size + j] / weight - mean(i) * mean(j));
            }
        }
        let (means, target) = ((1..=p).map(mean), mean(p + 1));
        let centered = self.lags.iter().zip(means).map(|(lag, mean)| lag - mean);
        solve(&mut self.system, p, &mut self.weights);
        target + self.weights.iter().zip(centered).map(|(w, x)| w * x).sum::<f64>()
    }

    /// Takes the point into the fading sums.
    fn learn(&mut self, near: f64) {
        let p = self.settings.n_lags;
        let size = p + 2;
        let fade = 1.0 - 1.0 / self.settings.window_len as f64;
        let lags = &self.lags;
        let of = |i: usize| {
            if i == 0 {
                1.0
            } else if i <= p {
                lags[i - 1]
            } else {
                near
            }
        };
        for i in 0..size {
            for j in 0..=i {
                let product = &mut self.products[i * size + j];
                *product = fade * *product + of(i) * of(j);
            }
        }
    }

    pub(super) fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("place", &[self.averages.len, self.averages.at])?;
        out.put_list("reference", self.reference.as_slice());
        out.put_list("products", &self.products);
        out.put_list("averages", &self.averages.values);
        Ok(())
    }

    pub(super) fn load(from: &ModelReader<'_>, settings: Settings) -> Result<Self> {
        let [len, at]: [usize; 2] = from.json("place")?;
        let reference: Vec<f64> = from.list("reference")?;
        let mut channel = Self::new(settings);
        let products: Vec<f64> = from.list_of("products", channel.products.len())?;
        let values: Vec<f64> = from.list_of("averages", settings.window_len)?;
        let all = || reference.iter().chain(&values);
        let is_sound = reference.len() <= 1
            && len <= settings.window_len
            && at < settings.window_len
            && all().all(|value| value.abs() <= MOST_VALUE)
            && products.iter().all(|product| product.abs() <= 1e90)
            && products[0] >= 0.0;
        if !is_sound {
            return Err(Error::model("what is kept of a channel is not possible"));
        }
        channel.reference = reference.first().copied();
        channel.products = products;
        channel.averages = Recent { values, len, at, ..Recent::new(settings.window_len) };
        Ok(channel)
    }
}

/// Solves for the weights of `p` columns by Cholesky, the rows of the lower triangle one after another, the target last;
/// columns that tell nothing new have a weight of 0.
fn solve(system: &mut [f64], p: usize, weights: &mut Vec<f64>) {
    let row = |i: usize| i * (i + 1) / 2;
    for i in 0..=p {
        for j in 0..=i.min(p - 1) {
            let done: f64 = (0..j).map(|k| system[row(i) + k] * system[row(j) + k]).sum();
            let left = system[row(i) + j] - done;
            system[row(i) + j] = if i == j {
                let raised = left + RIDGE * system[row(i) + i].max(0.0);
                // What rounding leaves of a constant tells nothing.
                if raised > f64::MIN_POSITIVE { raised.sqrt() } else { 0.0 }
            } else if system[row(j) + j] > 0.0 {
                left / system[row(j) + j]
            } else {
                0.0
            };
        }
    }
    weights.resize(p, 0.0);
    for i in (0..p).rev() {
        let later: f64 = (i + 1..p).map(|k| system[row(k) + i] * weights[k]).sum();
        let own = system[row(i) + i];
        weights[i] = if own > 0.0 { (system[row(p) + i] - later) / own } else { 0.0 };
    }
}

/// Mean and deviation of the last values.
#[derive(Clone)]
struct Recent {
    values: Vec<f64>,
    len: usize,
    at: usize,
    sum: f64,
    squares: f64,
    since_summed: usize,
}

impl Recent {
    fn new(window_len: usize) -> Self {
        Self { values: vec![0.0; window_len], len: 0, at: 0, sum: 0.0, squares: 0.0, since_summed: 0 }
    }

    fn push(&mut self, value: f64) {
        let old = if self.len == self.values.len() { self.values[self.at] } else { 0.0 };
        self.sum += value - old;
        self.squares += value * value - old * old;
        self.values[self.at] = value;
        self.len = (self.len + 1).min(self.values.len());
        self.at = (self.at + 1) % self.values.len();
        self.since_summed += 1;
        if self.since_summed == self.values.len() {
            self.sum_up();
        }
    }

    /// Sums anew, since rounding adds up in what is added and taken away.
    fn sum_up(&mut self) {
        let values = &self.values[..self.len];
        self.sum = values.iter().sum();
        self.squares = values.iter().map(|value| value * value).sum();
        self.since_summed = 0;
    }

    fn mean(&self) -> f64 {
        self.sum / self.len.max(1) as f64
    }

    fn deviation(&self) -> f64 {
        let mean = self.mean();
        (self.squares / self.len.max(1) as f64 - mean * mean).max(0.0).sqrt()
    }
}
