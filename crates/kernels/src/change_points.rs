//! Where a series is best cut into segments: exact segmentation with pruning.

use std::ops::Range;

use anomalyst_core::{Result, Run};

/// Costs of segments that [`pelt`] sums up: cutting a segment must never make its parts dearer than it was.
pub trait SegmentCosts {
    /// Values in all.
    fn count(&self) -> usize;
    /// Says that segments that end before `to` are asked for next, and from now on none that begins before `from`. Neither
    /// ever falls.
    fn reach(&mut self, _from: usize, _to: usize) {}
    /// The cost of the values from `from` up to, without, `to`.
    fn cost(&self, from: usize, to: usize) -> f64;
}

/// What a segment costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SegmentCost {
    /// The squares of its deviations from its mean: changes of the mean.
    Mean,
    /// Minus twice its log likelihood with a mean and a variance of its own, but for constants: changes of either. Variances
    /// below the one given do not count as smaller.
    Normal(f64),
}

/// The costs of all segments of a series.
#[derive(Clone, Debug)]
pub struct Segments {
    /// Sums and sums of squares of the first values.
    sums: Vec<[f64; 2]>,
    cost: SegmentCost,
}

impl Segments {
    /// Of `values`, which should be measured from about their mean.
    pub fn new(values: &[f64], cost: SegmentCost) -> Self {
        let mut sums = Vec::with_capacity(values.len() + 1);
        let mut last = [0.0; 2];
        sums.push(last);
        sums.extend(values.iter().map(|v| {
            last = [last[0] + v, last[1] + v * v];
            last
        }));
        Self { sums, cost }
    }

    /// Values in all.
    pub fn len(&self) -> usize {
        self.sums.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cost of the values from `from` up to, without, `to`; 0 of none.
    pub fn cost(&self, from: usize, to: usize) -> f64 {
        if from >= to {
            return 0.0;
        }
        let (a, b, n) = (self.sums[from], self.sums[to], (to - from) as f64);
        let sum = b[0] - a[0];
        let squares = (b[1] - a[1] - sum * sum / n).max(0.0);
        match self.cost {
            SegmentCost::Mean => squares,
            SegmentCost::Normal(least) => {
                // The variance that is most likely of those that are allowed, so that two segments never cost more than one.
                let variance = (squares / n).max(least);
                n * (variance.ln() - 1.0) + squares / variance
            }
        }
    }

    /// What a cut at `at` saves within `from..to`.
    pub fn gain(&self, from: usize, at: usize, to: usize) -> f64 {
        self.cost(from, to) - self.cost(from, at) - self.cost(at, to)
    }
}

impl SegmentCosts for &Segments {
    fn count(&self) -> usize {
        Segments::len(self)
    }

    fn cost(&self, from: usize, to: usize) -> f64 {
        Segments::cost(self, from, to)
    }
}

/// The places where the segments after the first begin, ascending: of all ways to cut the values of `range` into
/// segments of at least `min_len` values, one with the least sum of costs and `penalty` for each cut.
///
/// PELT (Killick, Fearnhead, Eckley 2012): a last cut that costs more than cutting now, even without the penalty, can be
/// the last cut of nothing later; with a least length of segments, of nothing that much later. O(n) steps where cuts come
/// at a rate, O(n^2) where there are none; memory O(n).
pub fn pelt(
    mut segments: impl SegmentCosts,
    range: Range<usize>,
    min_len: usize,
    penalty: f64,
    run: &Run,
) -> Result<Vec<usize>> {
    let min_len = min_len.max(1);
    let (start, n) = (range.start, range.end.min(segments.count()).saturating_sub(range.start));
    if n < 2 * min_len {
        return Ok(Vec::new());
    }
    let mut best = vec![f64::INFINITY; n + 1];
    let mut last = vec![0_usize; n + 1];
    best[0] = -penalty;
    // Places of last cuts that are still possible, with the end from which on they are not.
    let mut possible: Vec<(usize, usize)> = Vec::new();
    for to in min_len..=n {
        if to % 64 == 0 {
            run.check()?;
        }
        let new = to - min_len;
        if best[new].is_finite() {
            possible.push((new, usize::MAX));
        }
        segments.reach(start + possible.first().map_or(to, |&(from, _)| from), start + to);
        let (mut least, mut place) = (f64::INFINITY, 0);
        for &(from, _) in &possible {
            let value = best[from] + segments.cost(start + from, start + to);
            if value < least {
                (least, place) = (value, from);
            }
        }
        (best[to], last[to]) = (least + penalty, place);
        let limit = least + penalty;
        possible.retain_mut(|(from, until)| {
            if *until == usize::MAX && best[*from] + segments.cost(start + *from, start + to) > limit {
                *until = to + min_len;
            }
            *until > to + 1
        });
    }
    let mut cuts = Vec::new();
    let mut at = last[n];
    while at > 0 {
        cuts.push(start + at);
        at = last[at];
    }
    cuts.reverse();
    Ok(cuts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The cost of a way to cut.
    fn total(segments: &Segments, cuts: &[usize], penalty: f64) -> f64 {
        let edges: Vec<usize> =
            std::iter::once(0).chain(cuts.iter().copied()).chain([segments.len()]).collect();
        edges.windows(2).map(|e| segments.cost(e[0], e[1])).sum::<f64>() + penalty * cuts.len() as f64
    }

    /// Every last cut is tried for every end.
    fn plain(segments: &Segments, min_len: usize, penalty: f64) -> f64 {
        let n = segments.len();
        let mut best = vec![f64::INFINITY; n + 1];
        best[0] = -penalty;
        for to in min_len..=n {
            let values = (0..=to - min_len).map(|from| best[from] + segments.cost(from, to) + penalty);
            best[to] = values.fold(f64::INFINITY, f64::min);
        }
        best[n]
    }

    #[test]
    fn costs_in_closed_form() {
        let values = [1.0, 3.0, 5.0, 5.0];
        let mean = Segments::new(&values, SegmentCost::Mean);
        assert_eq!(
            (mean.cost(0, 2), mean.cost(2, 4), mean.cost(0, 4), mean.gain(0, 2, 4)),
            (2.0, 0.0, 11.0, 9.0)
        );
        assert_eq!((mean.cost(1, 1), mean.len(), mean.is_empty()), (0.0, 4, false));
        let normal = Segments::new(&values, SegmentCost::Normal(0.25));
        // Variance 1: nothing but the two values; variance 0 counts as a quarter.
        assert!(normal.cost(0, 2).abs() < 1e-12);
        assert!((normal.cost(2, 4) - 2.0 * (0.25_f64.ln() - 1.0)).abs() < 1e-12);
    }

    /// The series of `golden/change_points.py`.
    fn fixture() -> Vec<f64> {
        let levels = [
            (0, 0.0, 1.0),
            (60, 2.0, 1.0),
            (61, 0.0, 1.0),
            (130, 0.6, 1.0),
            (170, 0.6, 4.0),
            (240, -1.0, 0.3),
        ];
        let bit = |i: usize| {
            ((i * i * 7 + i * 13) % 101) as f64 / 101.0 + ((i * i * i + 5 * i) % 89) as f64 / 89.0 - 1.0
        };
        let level = |i: usize| levels.iter().rev().find(|l| i >= l.0).copied().unwrap_or_default();
        (0..300).map(|i| level(i).1 + level(i).2 * bit(i)).collect()
    }

    proptest! {
        #[test]
        fn pruning_loses_nothing(
            values in prop::collection::vec(prop::sample::select(vec![0.0, 0.1, 1.0, 1.2, -3.0, 8.0]), 2..70),
            min_len in 1..6_usize, penalty in 0.01..20.0_f64, normal in any::<bool>(),
        ) {
            let cost = if normal { SegmentCost::Normal(0.01) } else { SegmentCost::Mean };
            let segments = Segments::new(&values, cost);
            let cuts = pelt(&segments, 0..values.len(), min_len, penalty, &Run::new(0)).unwrap();
            let edges: Vec<usize> = std::iter::once(0).chain(cuts.iter().copied()).chain([values.len()]).collect();
            prop_assert!(cuts.is_empty() || edges.windows(2).all(|e| e[1] - e[0] >= min_len));
            if values.len() >= 2 * min_len {
                let (got, want) = (total(&segments, &cuts, penalty), plain(&segments, min_len, penalty));
                prop_assert!((got - want).abs() < 1e-8 * want.abs().max(1.0), "{} {}", got, want);
            }
        }
    }

    #[test]
    fn parts_are_cut_as_alone() {
        let values = fixture();
        let cuts = |values: &[f64], range: Range<usize>| {
            pelt(&Segments::new(values, SegmentCost::Mean), range, 2, 3.0, &Run::new(0)).unwrap()
        };
        let alone: Vec<usize> = cuts(&values[100..280], 0..180).iter().map(|cut| cut + 100).collect();
        assert_eq!(cuts(&values, 100..280), alone);
        assert!(cuts(&values, 0..3).is_empty() && cuts(&[], 0..0).is_empty());
    }

    /// ruptures 1.1.10, `crates/kernels/golden/change_points.py`.
    #[test]
    fn matches_ruptures() {
        let cuts = |cost, min_len, penalty| {
            pelt(&Segments::new(&fixture(), cost), 0..300, min_len, penalty, &Run::new(0)).unwrap()
        };
        assert_eq!(cuts(SegmentCost::Mean, 1, 8.0), [130, 197, 200, 240]);
        assert_eq!(
            cuts(SegmentCost::Mean, 2, 4.0),
            [129, 170, 172, 187, 189, 191, 197, 200, 208, 210, 214, 216, 222, 230, 232, 236, 240]
        );
        assert_eq!(cuts(SegmentCost::Mean, 3, 4.0), [130, 197, 200, 210, 222, 236, 240]);
        assert_eq!(cuts(SegmentCost::Mean, 10, 2.0), [129, 181, 197, 210, 222, 240]);
        assert_eq!(cuts(SegmentCost::Normal(1e-12), 3, 16.0), [129, 170, 240]);
        assert_eq!(cuts(SegmentCost::Normal(1e-12), 10, 10.0), [129, 170, 240]);
        assert_eq!(cuts(SegmentCost::Normal(1e-12), 20, 30.0), [129, 170, 240]);
    }
}
