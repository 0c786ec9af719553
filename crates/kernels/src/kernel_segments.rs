//! Costs of segments in the space of a kernel: what differs in distribution differs in mean there.
//!
//! With `k` a kernel with `k(x, x) = 1`, a segment of `l` rows costs the squares of the deviations of its rows from their
//! mean in the kernel's space, `l - (1 / l) sum_ij k(x_i, x_j)`. Sums of kernels are exact: for segments that end at a row
//! they follow from those that end at the row before by one row of kernels, so that no matrix of all pairs is held.

use std::ops::Range;

use anomalyst_core::{Result, Run};
use rayon::prelude::*;

use crate::change_points::SegmentCosts;
use crate::kernel_matrix::{Kernel, PackedRows, product};

/// Rows in order, and the width of the kernel `exp(-gamma |x - y|^2)` that compares them.
pub struct KernelSegments {
    rows: PackedRows,
    kernel: Kernel,
}

/// The costs of segments of some rows, for [`crate::change_points::pelt`].
pub struct GrowingSegments<'a> {
    of: &'a KernelSegments,
    range: Range<usize>,
    end: usize,
    /// Sums of kernels of all pairs of rows from each start up to `end`.
    sums: Vec<f64>,
    query: Vec<f64>,
    buffer: Vec<f64>,
}

impl KernelSegments {
    /// Of finite rows.
    pub const fn new(rows: PackedRows, gamma: f64) -> Self {
        Self { rows, kernel: Kernel::Rbf { gamma } }
    }

    /// Rows in all.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The costs of segments within `range`.
    pub fn growing(&self, range: Range<usize>) -> GrowingSegments<'_> {
        let sums = vec![0.0; range.len()];
        GrowingSegments { of: self, end: range.start, range, sums, query: Vec::new(), buffer: Vec::new() }
    }

    /// What a cut at `at` saves within `from..to`: the squared distance of the means of both sides times `l r / (l + r)`
    /// with `l` and `r` their rows. Time O((to - from)^2).
    pub fn gain(&self, from: usize, at: usize, to: usize, run: &Run) -> Result<f64> {
        if from >= at || at >= to {
            return Ok(0.0);
        }
        // Of each row, the sums with later ones on the left and on the right.
        let of_row = |i: usize| {
            run.check()?;
            let mut buffer = Vec::new();
            let kernels = self.kernels(i, i + 1..to, &mut buffer);
            let (left, right) = kernels.split_at(at.saturating_sub(i + 1));
            Ok([sum(left), sum(right)])
        };
        let sums: Vec<[f64; 2]> = (from..to).into_par_iter().map(of_row).collect::<Result<_>>()?;
        let (left_rows, right_rows) = sums.split_at(at - from);
        let (l, r) = (left_rows.len() as f64, right_rows.len() as f64);
        let left = l + 2.0 * left_rows.iter().map(|s| s[0]).sum::<f64>();
        let right = r + 2.0 * right_rows.iter().map(|s| s[1]).sum::<f64>();
        let between: f64 = left_rows.iter().map(|s| s[1]).sum();
        Ok(gain_of([l, r], [left, right], between))
    }

    /// What a cut at each row saves within `reach` rows to each side of it, as far as there are so many: [`Self::gain`].
    ///
    /// Time O(n reach), memory O(n). Sums move along the rows, each row's kernels once on and once off.
    pub fn local_gains(&self, reach: usize, run: &Run) -> Result<Vec<f64>> {
        let (n, h) = (self.len(), reach.clamp(1, self.len().max(1)));
        let near: Vec<Near> =
            (0..n).into_par_iter().map(|row| self.near(row, h, run)).collect::<Result<_>>()?;
        // Of the rows from `t - h` up to `t`, as far as there are.
        let mut within = vec![0.0; n + h + 1];
        for t in 0..n + h {
            let joins = near.get(t).map_or(0.0, |near| 1.0 + 2.0 * near.before);
            let leaves = t.checked_sub(h).map_or(0.0, |row| 1.0 + 2.0 * near[row].after);
            within[t + 1] = within[t] + joins - leaves;
        }
        let mut between = 0.0;
        let mut gains = Vec::with_capacity(n);
        for t in 0..n {
            let sides = [t.min(h) as f64, (n - t).min(h) as f64];
            let gain = if t == 0 { 0.0 } else { gain_of(sides, [within[t], within[t + h]], between) };
            gains.push(gain);
            between += near[t].after - near[t].before;
            between += near.get(t + h).map_or(0.0, |near| near.far_before);
            between -= t.checked_sub(h).map_or(0.0, |row| near[row].far_after);
        }
        Ok(gains)
    }

    fn near(&self, row: usize, h: usize, run: &Run) -> Result<Near> {
        if row.is_multiple_of(64) {
            run.check()?;
        }
        let mut buffer = Vec::new();
        let first = (row + 1).saturating_sub(2 * h);
        let kernels = self.kernels(row, first..(row + 2 * h).min(self.len()), &mut buffer);
        let own = row - first;
        let (far, near) = kernels[..own].split_at(own.min((row + 1).saturating_sub(h).saturating_sub(first)));
        let (after, far_after) = kernels[own + 1..].split_at((kernels.len() - own - 1).min(h - 1));
        Ok(Near { before: sum(near), far_before: sum(far), after: sum(after), far_after: sum(far_after) })
    }

    fn kernels<'b>(&self, row: usize, range: Range<usize>, buffer: &'b mut Vec<f64>) -> &'b [f64] {
        let query: Vec<f64> = self.rows.row(row).map(f64::from).collect();
        self.rows.kernels_of(self.kernel, &query, range, buffer)
    }
}

/// Sums of the kernels of a row with those around it.
struct Near {
    /// With the `h - 1` before it.
    before: f64,
    /// With the `h` before those.
    far_before: f64,
    /// With the `h - 1` after it.
    after: f64,
    /// With the `h` after those.
    far_after: f64,
}

fn gain_of([l, r]: [f64; 2], [left, right]: [f64; 2], between: f64) -> f64 {
    (left / l + right / r - (left + right + 2.0 * between) / (l + r)).max(0.0)
}

fn sum(values: &[f64]) -> f64 {
    let (eights, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        sums.iter_mut().zip(eight).for_each(|(sum, v)| *sum += v);
    }
    sums.iter().sum::<f64>() + rest.iter().sum::<f64>()
}

impl SegmentCosts for GrowingSegments<'_> {
    fn count(&self) -> usize {
        self.range.end
    }

    fn reach(&mut self, from: usize, to: usize) {
        while self.end < to.min(self.range.end) {
            let (row, first) = (self.end, from.clamp(self.range.start, self.end));
            self.query.clear();
            self.query.extend(self.of.rows.row(row).map(f64::from));
            let of = self.of;
            let kernels = of.rows.kernels_of(of.kernel, &self.query, first..row, &mut self.buffer);
            let mut with_row = 0.0;
            let sums = &mut self.sums[first - self.range.start..=row - self.range.start];
            // The row itself is a segment of one.
            if let Some((own, before)) = sums.split_last_mut() {
                *own += 1.0;
                for (sum, kernel) in before.iter_mut().zip(kernels).rev() {
                    with_row += kernel;
                    *sum += 1.0 + 2.0 * with_row;
                }
            }
            self.end += 1;
        }
    }

    /// Of segments up to the end that was last said.
    fn cost(&self, from: usize, to: usize) -> f64 {
        let length = to.saturating_sub(from).max(1) as f64;
        length - self.sums[from - self.range.start] / length
    }
}

/// The mean of `k(x_t, x_(t + lag))` over all rows that have such a later one; 1 where there is none.
pub fn mean_kernel(rows: &PackedRows, gamma: f64, lag: usize) -> f64 {
    let n = rows.len().saturating_sub(lag);
    let square =
        |t: usize| rows.row(t).zip(rows.row(t + lag)).map(|(x, y)| (f64::from(x) - f64::from(y)).powi(2));
    let kernels: Vec<f64> = (0..n).into_par_iter().map(|t| (-gamma * square(t).sum::<f64>()).exp()).collect();
    if n == 0 { 1.0 } else { product(&kernels, &vec![1.0; n]) / n as f64 }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;
    use crate::change_points::pelt;

    fn packed(rows: &Array2<f32>) -> PackedRows {
        PackedRows::new(rows.view())
    }

    /// The matrix of all kernels and the definition.
    fn plain_cost(rows: &Array2<f32>, gamma: f64, range: Range<usize>) -> f64 {
        let squares = |i: usize, j: usize| {
            rows.row(i)
                .iter()
                .zip(rows.row(j))
                .map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2))
                .sum::<f64>()
        };
        let pairs = range.clone().flat_map(|i| range.clone().map(move |j| (i, j)));
        let total: f64 = pairs.map(|(i, j)| (-gamma * squares(i, j)).exp()).sum();
        if range.is_empty() { 0.0 } else { range.len() as f64 - total / range.len() as f64 }
    }

    fn plain_gain(rows: &Array2<f32>, gamma: f64, [from, at, to]: [usize; 3]) -> f64 {
        let cost = |range| plain_cost(rows, gamma, range);
        cost(from..to) - cost(from..at) - cost(at..to)
    }

    /// Two rows with kernel `e^-1`: together they cost `2 - (2 + 2/e) / 2`, apart nothing.
    #[test]
    fn closed_form() {
        let rows = array![[0.0_f32], [1.0]];
        let segments = KernelSegments::new(packed(&rows), 1.0);
        let want = 1.0 - (-1.0_f64).exp();
        assert!((segments.gain(0, 1, 2, &Run::new(0)).unwrap() - want).abs() < 1e-15);
        let mut growing = segments.growing(0..2);
        growing.reach(0, 2);
        assert!((growing.cost(0, 2) - want).abs() < 1e-15);
        assert_eq!((growing.cost(1, 2), growing.count()), (0.0, 2));
        let local = segments.local_gains(5, &Run::new(0)).unwrap();
        assert!(local[0] == 0.0 && (local[1] - want).abs() < 1e-15);
        assert_eq!(segments.gain(0, 0, 2, &Run::new(0)).unwrap(), 0.0);
        let one = packed(&rows);
        assert!((mean_kernel(&one, 1.0, 1) - (-1.0_f64).exp()).abs() < 1e-15);
        assert_eq!(mean_kernel(&one, 1.0, 2), 1.0);
    }

    proptest! {
        #[test]
        fn sums_equal_the_definition(
            values in prop::collection::vec(prop::sample::select(vec![0.0_f32, 0.3, 1.0, -2.0, 7.0]), 3..60),
            d in 1..3_usize, gamma in 0.05..2.0_f64, h in 1..30_usize, cuts in any::<[prop::sample::Index; 3]>(),
        ) {
            let n = values.len() / d;
            let rows = Array2::from_shape_vec((n, d), values[..n * d].to_vec()).unwrap();
            let segments = KernelSegments::new(packed(&rows), gamma);
            let run = Run::new(0);
            let mut at = cuts.map(|cut| cut.index(n + 1));
            at.sort_unstable();
            let (got, want) = (segments.gain(at[0], at[1], at[2], &run).unwrap(), plain_gain(&rows, gamma, at));
            prop_assert!((got - want).abs() < 1e-10, "{} {}", got, want);
            for (t, got) in segments.local_gains(h, &run).unwrap().into_iter().enumerate() {
                let want = plain_gain(&rows, gamma, [t.saturating_sub(h), t, (t + h).min(n)]);
                prop_assert!((got - want).abs() < 1e-10, "{} of {}, {}: {} {}", t, n, h, got, want);
            }
            let mut growing = segments.growing(1..n);
            for to in 2..=n {
                growing.reach(1, to);
                for from in 1..to {
                    let (got, want) = (growing.cost(from, to), plain_cost(&rows, gamma, from..to));
                    prop_assert!((got - want).abs() < 1e-10, "{} {} {} {}", from, to, got, want);
                }
            }
        }

        /// The best of all ways to cut, by costs of the definition.
        #[test]
        fn cuts_are_the_best_ones(
            values in prop::collection::vec(prop::sample::select(vec![0.0_f32, 0.1, 1.0, 1.2, -3.0]), 2..40),
            min_len in 1..4_usize, penalty in 0.01..3.0_f64,
        ) {
            let n = values.len();
            let rows = Array2::from_shape_vec((n, 1), values).unwrap();
            let segments = KernelSegments::new(packed(&rows), 0.7);
            let cuts = pelt(segments.growing(0..n), 0..n, min_len, penalty, &Run::new(0)).unwrap();
            let mut best = vec![f64::INFINITY; n + 1];
            best[0] = -penalty;
            for to in min_len..=n {
                let of = |from: usize| best[from] + plain_cost(&rows, 0.7, from..to) + penalty;
                best[to] = (0..=to - min_len).map(of).fold(f64::INFINITY, f64::min);
            }
            if n >= 2 * min_len {
                let edges: Vec<usize> = std::iter::once(0).chain(cuts.iter().copied()).chain([n]).collect();
                let costs: f64 = edges.windows(2).map(|e| plain_cost(&rows, 0.7, e[0]..e[1])).sum();
                let got = costs + penalty * cuts.len() as f64;
                prop_assert!((got - best[n]).abs() < 1e-9, "{} {}", got, best[n]);
            }
        }
    }

    /// ruptures 1.1.10 KernelCPD, `crates/kernels/golden/change_points.py`.
    #[test]
    fn matches_ruptures() {
        let bit = |i: usize| {
            [((i * i * 7 + i * 13) % 101) as f64 / 101.0, ((i * i * i + 5 * i) % 89) as f64 / 89.0]
        };
        let levels = [
            (0, 0.0, 1.0),
            (60, 2.0, 1.0),
            (61, 0.0, 1.0),
            (130, 0.6, 1.0),
            (170, 0.6, 4.0),
            (240, -1.0, 0.3),
        ];
        let level = |i: usize| levels.iter().rev().find(|l| i >= l.0).copied().unwrap_or_default();
        let one = Array2::from_shape_fn((300, 1), |(i, _)| {
            (level(i).1 + level(i).2 * (bit(i)[0] + bit(i)[1] - 1.0)) as f32
        });
        let two = Array2::from_shape_fn((300, 2), |(i, j)| {
            let [a, b] = bit(i);
            let with = if i < 110 {
                a
            } else if i < 200 {
                1.0 - a
            } else {
                b
            };
            (if j == 0 { a } else { with + 0.2 * b }) as f32
        });
        let cuts = |rows: &Array2<f32>, min_len, penalty, gamma| {
            let segments = KernelSegments::new(packed(rows), gamma);
            pelt(segments.growing(0..300), 0..300, min_len, penalty, &Run::new(0)).unwrap()
        };
        assert_eq!(cuts(&one, 2, 1.5, 1.0), [129, 170, 189, 191, 195, 240]);
        assert_eq!(cuts(&one, 2, 2.0, 4.0), [129, 170, 240]);
        assert_eq!(cuts(&one, 5, 4.0, 0.3), [129, 170, 240]);
        assert_eq!(cuts(&one, 1, 6.0, 4.0), [129, 170, 240]);
        assert_eq!(cuts(&one, 20, 0.5, 1.0), [129, 170, 197, 240]);
        assert_eq!(cuts(&two, 2, 1.5, 1.0), [110]);
        assert_eq!(cuts(&two, 2, 2.0, 4.0), [110, 199, 206]);
        assert!(cuts(&two, 5, 4.0, 0.3).is_empty());
        assert_eq!(cuts(&two, 1, 6.0, 4.0), [110]);
        assert_eq!(cuts(&two, 20, 0.5, 1.0), [33, 88, 111, 134, 197, 223, 246]);
    }

    #[test]
    fn threads_change_no_bit() {
        let rows = Array2::from_shape_fn((300, 2), |(i, j)| ((i * i * 7 + i * 13 + j) % 101) as f32 / 101.0);
        let segments = KernelSegments::new(packed(&rows), 1.0);
        let on = |threads| {
            let run = Run::new(0).with_threads(threads);
            let of = || (segments.local_gains(20, &run).unwrap(), segments.gain(3, 100, 280, &run).unwrap());
            run.install(of)
        };
        assert_eq!(on(1), on(4));
    }
}
