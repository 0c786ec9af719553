//! What is kept of the points so far, of channels that are compared with each other: as much after a million points as after
//! a thousand.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};

use super::WARM;
use super::channel::Channel;

/// Values further than so many deviations from the mean of the stretch count as there.
const FAR: f64 = 3.0;

/// What every part is told.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Settings {
    pub(super) window_len: usize,
    pub(super) n_lags: usize,
    pub(super) n_errors: usize,
    pub(super) min_correlation: f64,
}

/// Channels that are compared with each other.
#[derive(Clone)]
pub(super) struct Part {
    settings: Settings,
    channels: Vec<Channel>,
    /// The last points of all channels, a row each, the oldest overwritten first.
    ring: Vec<f64>,
    len: usize,
    at: usize,
    /// Of the points in the ring: sums, and sums of products, the lower triangle.
    sums: Vec<f64>,
    products: Vec<f64>,
    since_summed: usize,
    /// Excesses of the present point, and what a group is collected in.
    excesses: Vec<f64>,
    group: Vec<f64>,
    row: Vec<f64>,
}

/// The most of what more than half of the values reach: the value that so many are not below.
pub(super) fn majority(values: &mut [f64]) -> f64 {
    let more_than_half = values.len() / 2;
    *values.select_nth_unstable_by(more_than_half, |a, b| b.total_cmp(a)).1
}

impl Part {
    pub(super) fn new(settings: Settings, n_channels: usize) -> Self {
        Self {
            settings,
            channels: vec![Channel::new(settings); n_channels],
            ring: vec![0.0; settings.window_len * n_channels],
            len: 0,
            at: 0,
            sums: vec![0.0; n_channels],
            products: vec![0.0; n_channels * n_channels],
            since_summed: 0,
            excesses: vec![0.0; n_channels],
            group: Vec::with_capacity(n_channels),
            row: vec![0.0; n_channels],
        }
    }

    /// The excesses of the point just taken.
    #[cfg(test)]
    pub(super) fn excesses(&self) -> &[f64] {
        &self.excesses
    }

    /// Another series begins: what was learned stays, but nothing can be forecast from the last points of the series before.
    pub(super) fn begin(&mut self) {
        self.channels.iter_mut().for_each(Channel::begin);
        self.sum_up();
    }

    /// Takes the next point of all channels and says how odd it is.
    pub(super) fn step(&mut self, point: impl Iterator<Item = f32>) -> f64 {
        let n = self.len.max(1) as f64;
        for (c, value) in point.enumerate().take(self.channels.len()) {
            let channel = &mut self.channels[c];
            let value = channel.relative(f64::from(value));
            let mean = self.sums[c] / n;
            let deviation = self.variance(c).sqrt();
            let near = if self.len >= WARM && deviation > 0.0 {
                value.clamp(mean - FAR * deviation, mean + FAR * deviation)
            } else {
                value
            };
            self.row[c] = near;
            self.excesses[c] = self.channels[c].judge(value, near, deviation);
        }
        let score = self.highest().0;
        self.push();
        score
    }

    fn variance(&self, c: usize) -> f64 {
        let (n, d) = (self.len.max(1) as f64, self.channels.len());
        let mean = self.sums[c] / n;
        let square = self.products[c * d + c] / n;
        let variance = square - mean * mean;
        // What rounding leaves of a constant is none.
        if variance > 1e-13 * square { variance } else { 0.0 }
    }

    /// The most that more than half of a group reach, and the channel whose group that is.
    fn highest(&mut self) -> (f64, usize) {
        let mut best = (-1.0, 0);
        for c in 0..self.channels.len() {
            let mut group = std::mem::take(&mut self.group);
            group.clear();
            group.extend(
                (0..self.channels.len()).filter(|&j| self.go_together(c, j)).map(|j| self.excesses[j]),
            );
            let reached = majority(&mut group);
            self.group = group;
            if reached > best.0 {
                best = (reached, c);
            }
        }
        (best.0.max(0.0), best.1)
    }

    /// Whether the channels are correlated in the points of the ring; with itself every one is.
    fn go_together(&self, a: usize, b: usize) -> bool {
        if a == b {
            return true;
        }
        let (a, b, d, n) = (a.max(b), a.min(b), self.channels.len(), self.len as f64);
        let variances = self.variance(a) * self.variance(b);
        if self.len < WARM || variances <= 0.0 {
            return false;
        }
        let covariance = self.products[a * d + b] / n - self.sums[a] / n * (self.sums[b] / n);
        covariance * covariance >= self.settings.min_correlation.powi(2) * variances
    }

    /// The excesses that make the score of the point just taken: those of the group that reach it; 0 of other channels.
    pub(super) fn voters(&mut self) -> Vec<f64> {
        let (reached, leader) = self.highest();
        let of = |j: usize| {
            let takes_part = self.excesses[j] >= reached && self.go_together(leader, j);
            if takes_part { self.excesses[j] } else { 0.0 }
        };
        (0..self.channels.len()).map(of).collect()
    }

    /// Puts the point into the ring, over the oldest one.
    fn push(&mut self) {
        let (d, w) = (self.channels.len(), self.settings.window_len);
        let old = &mut self.ring[self.at * d..(self.at + 1) * d];
        let is_full = self.len == w;
        for a in 0..d {
            let (new_a, old_a) = (self.row[a], if is_full { old[a] } else { 0.0 });
            self.sums[a] += new_a - old_a;
            let products = &mut self.products[a * d..=a * d + a];
            for ((product, new), old) in products.iter_mut().zip(&self.row).zip(old.iter()) {
                *product += new_a * new - old_a * old;
            }
        }
        old.copy_from_slice(&self.row);
        self.len = (self.len + 1).min(w);
        self.at = (self.at + 1) % w;
        self.since_summed += 1;
        if self.since_summed == w {
            self.sum_up();
        }
    }

    /// Sums anew, since rounding adds up in what is added and taken away.
    fn sum_up(&mut self) {
        let d = self.channels.len();
        self.sums.fill(0.0);
        self.products.fill(0.0);
        for row in self.ring.chunks_exact(d.max(1)).take(self.len) {
            for a in 0..d {
                self.sums[a] += row[a];
                let products = &mut self.products[a * d..=a * d + a];
                products.iter_mut().zip(row).for_each(|(product, value)| *product += row[a] * value);
            }
        }
        self.since_summed = 0;
    }

    pub(super) fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("place", &[self.len, self.at])?;
        out.put_list("ring", &self.ring);
        for (c, channel) in self.channels.iter().enumerate() {
            out.scope(&format!("channel{c}"), |out| channel.save(out))?;
        }
        Ok(())
    }

    pub(super) fn load(from: &ModelReader<'_>, settings: Settings, n_channels: usize) -> Result<Self> {
        let [len, at]: [usize; 2] = from.json("place")?;
        let ring: Vec<f64> = from.list_of("ring", settings.window_len.saturating_mul(n_channels))?;
        let is_sound = ring.iter().all(|value| value.abs() <= MOST_VALUE);
        if !is_sound || len > settings.window_len || at >= settings.window_len {
            return Err(Error::model("the last points of a series are not possible"));
        }
        let load = |c: usize| Channel::load(&from.scope(&format!("channel{c}")), settings);
        let channels = (0..n_channels).map(load).collect::<Result<_>>()?;
        let mut part = Self { channels, ..Self::new(settings, n_channels) };
        (part.ring, part.len, part.at) = (ring, len, at);
        Ok(part)
    }
}

/// Larger values than 32 bits hold, measured from another such, are in no file that was written here.
pub(super) const MOST_VALUE: f64 = 1e39;
