//! Local regression on points that are one apart.

/// A smoother by local regression with tricube weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loess {
    /// Points of a neighbourhood; odd.
    pub window_len: usize,
    /// Whether a line is fitted to a neighbourhood, or a constant.
    pub line: bool,
    /// Every how many points a fit is made; between them, values are interpolated.
    pub jump: usize,
}

impl Loess {
    /// Lines at every point.
    pub const fn lines(window_len: usize) -> Self {
        Self { window_len, line: true, jump: 1 }
    }

    /// With a fit at every tenth of a neighbourhood.
    pub const fn jumping(self) -> Self {
        Self { jump: self.window_len.div_ceil(10), ..self }
    }

    /// Weights of distances from the middle of a neighbourhood that does not touch an end.
    pub(super) fn table(&self) -> Vec<f64> {
        let half = self.window_len / 2;
        (0..=half).map(|distance| tricube(distance as f64, half as f64)).collect()
    }
}

/// Full weight below a thousandth of the reach `h`, none beyond 0.999 of it.
fn tricube(distance: f64, h: f64) -> f64 {
    if distance > 0.999 * h {
        return 0.0;
    }
    if distance <= 0.001 * h {
        return 1.0;
    }
    let share = distance / h;
    (1.0 - share * share * share).powi(3)
}

/// Values and their weights, of which none means 1.
#[derive(Clone, Copy)]
pub(super) struct Points<'a> {
    pub(super) values: &'a [f64],
    pub(super) weights: Option<&'a [f64]>,
}

/// Sums over a neighbourhood, of weights and weighted values, with distances from the place that is fitted.
#[derive(Default)]
struct Sums {
    weight: f64,
    distance: f64,
    square: f64,
    value: f64,
    product: f64,
}

impl Sums {
    fn add(&mut self, weight: f64, distance: f64, value: f64) {
        let of_distance = weight * distance;
        self.weight += weight;
        self.distance += of_distance;
        self.square += of_distance * distance;
        self.value += weight * value;
        self.product += of_distance * value;
    }

    /// The fit at distance 0; `None` where nothing has weight. Points that lie closer together than `least` have no slope.
    fn fit(&self, line: bool, least: f64) -> Option<f64> {
        if self.weight <= 0.0 {
            return None;
        }
        let (mean, value) = (self.distance / self.weight, self.value / self.weight);
        let spread = self.square / self.weight - mean * mean;
        if !line || spread.max(0.0).sqrt() <= least {
            return Some(value);
        }
        Some(value - mean * (self.product / self.weight - mean * value) / spread)
    }
}

/// The fit at place `at` (-1 and `n` are allowed) from the points `first..end`; `None` where none of them has weight.
pub(super) fn fit_at(points: Points<'_>, loess: Loess, at: isize, range: (usize, usize)) -> Option<f64> {
    let n = points.values.len();
    let (first, end) = range;
    let distance = |j: usize| j as f64 - at as f64;
    let reach = distance(first).abs().max(distance(end - 1).abs());
    // A neighbourhood that is longer than the series reaches beyond it.
    let reach = reach + (loess.window_len.saturating_sub(n) / 2) as f64;
    let mut sums = Sums::default();
    for j in first..end {
        let weight = tricube(distance(j).abs(), reach) * points.weights.map_or(1.0, |w| w[j]);
        sums.add(weight, distance(j), points.values[j]);
    }
    sums.fit(loess.line, least_spread(n))
}

/// Below this spread of places a line has no slope: a thousandth of the range of all places, as in the authors' program.
fn least_spread(n: usize) -> f64 {
    0.001 * (n - 1) as f64
}

/// Smooths `points` into `out`. Where nothing near a point has weight, it stays as it is.
pub(super) fn smooth(points: Points<'_>, loess: Loess, table: &[f64], out: &mut [f64]) {
    let n = points.values.len();
    if n < 2 {
        out.copy_from_slice(points.values);
        return;
    }
    let jump = loess.jump.clamp(1, n - 1);
    let half = loess.window_len / 2;
    let range = |i: usize| {
        if loess.window_len >= n {
            return (0, n);
        }
        let first = i.saturating_sub(half).min(n - loess.window_len);
        (first, first + loess.window_len)
    };
    let fit = |i: usize, range: (usize, usize)| {
        let is_inner = loess.window_len < n && i >= half && i + half < n;
        let fit =
            if is_inner { inner(points, loess, table, i) } else { fit_at(points, loess, i as isize, range) };
        fit.unwrap_or(points.values[i])
    };
    for i in (0..n).step_by(jump) {
        out[i] = fit(i, range(i));
    }
    if jump == 1 {
        return;
    }
    let last = (n - 1) / jump * jump;
    for from in (0..last).step_by(jump) {
        between(out, from, from + jump);
    }
    if last != n - 1 {
        // The authors' program keeps the neighbourhood of the last fit here.
        out[n - 1] = match range(last) {
            own if own == range(n - 1) => fit(n - 1, own),
            stale => fit_at(points, loess, n as isize - 1, stale).unwrap_or(points.values[n - 1]),
        };
        between(out, last, n - 1);
    }
}

/// The fit in the middle of a neighbourhood that does not touch an end.
fn inner(points: Points<'_>, loess: Loess, table: &[f64], at: usize) -> Option<f64> {
    let half = table.len() - 1;
    let values = &points.values[at - half..=at + half];
    let Some(weights) = points.weights else {
        // The slope of a symmetric neighbourhood does not matter in its middle.
        let (left, right) = (values[..half].iter().rev(), &values[half + 1..]);
        let pairs = left.zip(right).zip(&table[1..]);
        let (sum, weight) =
            pairs.fold((0.0, 0.0), |(sum, weight), ((a, b), w)| (sum + w * (a + b), weight + w));
        return Some((sum + table[0] * values[half]) / (2.0 * weight + table[0]));
    };
    let weights = &weights[at - half..=at + half];
    let mut sums = Sums::default();
    sums.add(table[0] * weights[half], 0.0, values[half]);
    for (d, &weight) in table.iter().enumerate().skip(1) {
        sums.add(weight * weights[half - d], -(d as f64), values[half - d]);
        sums.add(weight * weights[half + d], d as f64, values[half + d]);
    }
    sums.fit(loess.line, least_spread(points.values.len()))
}

/// Values on the line between two places.
fn between(out: &mut [f64], from: usize, to: usize) {
    let slope = (out[to] - out[from]) / (to - from) as f64;
    for i in from + 1..to {
        out[i] = out[from] + slope * (i - from) as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn smoothed(values: &[f64], weights: Option<&[f64]>, loess: Loess) -> Vec<f64> {
        let mut out = vec![0.0; values.len()];
        smooth(Points { values, weights }, loess, &loess.table(), &mut out);
        out
    }

    proptest! {
        /// A line is its own local regression, with any weights and jumps.
        #[test]
        fn lines_stay_lines(
            n in 1..80_usize, half in 1..30_usize, jump in 1..20_usize, weights in prop::collection::vec(0.1..1.0_f64, 80),
        ) {
            let line: Vec<f64> = (0..n).map(|i| 3.0 - 0.5 * i as f64).collect();
            let loess = Loess { jump, ..Loess::lines(2 * half + 1) };
            for weights in [None, Some(&weights[..n])] {
                let out = smoothed(&line, weights, loess);
                prop_assert!(out.iter().zip(&line).all(|(a, b)| (a - b).abs() < 1e-9), "{:?}", out);
            }
        }

        /// The short way in the middle is the long way.
        #[test]
        fn tables_change_nothing(values in prop::collection::vec(-2.0..2.0_f64, 40), half in 1..15_usize, line: bool) {
            let loess = Loess { line, ..Loess::lines(2 * half + 1) };
            let weights: Vec<f64> = values.iter().map(|v| v.abs() / 2.0).collect();
            for weights in [None, Some(&weights[..])] {
                let points = Points { values: &values, weights };
                let range = (20 - half, 21 + half);
                let (short, long) = (inner(points, loess, &loess.table(), 20), fit_at(points, loess, 20, range));
                prop_assert!((short.unwrap_or(0.0) - long.unwrap_or(0.0)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn without_weight_points_stay() {
        let values = [1.0, 5.0, 2.0, 8.0, 3.0];
        assert_eq!(smoothed(&values, Some(&[0.0; 5]), Loess::lines(3)), values);
        assert_eq!(smoothed(&[4.0], None, Loess::lines(3)), [4.0]);
    }
}
