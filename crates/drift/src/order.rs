//! Is this table in order? A test of rows for drift, change points and autocorrelation by their nearest neighbours.
//!
//! # Idea
//! If rows were drawn independently from one distribution, the rows most like a row would lie anywhere in the table.
//! Where the data drifts, jumps or remembers, they lie near it. So distances in the table between neighbours in space
//! are compared with those between any two rows, and shuffling the rows tells how large a difference chance makes.
//!
//! # Equations
//! For `n` rows with `k` nearest neighbours each, `F(d)` is the share of the `n k` pairs whose places differ by at most
//! `d`, and `G(d) = d (2 n - d - 1) / (n (n - 1))` that share among all pairs.
//!
//! - statistic `T = max_d |F(d) - G(d)|` (Kolmogorov, Smirnov)
//! - `p = (1 + #{b : T_b >= T}) / (B + 1)` with `T_b` after one of `B` random permutations of the places
//! - score of row `i`: the area between the share of its own `k` neighbours within `d` and that of all other rows,
//!   summed over the stretches between its neighbours, divided by `max(i, n - i)`, the rows on its longer side
//! - crossing at row `t`: pairs with one row before `t`, divided by the `2 n k t (n - t) / (n (n - 1))` to be expected;
//!   where it is least the rows before differ most from those after
//!
//! # Score
//! 0 and up, larger where a row's neighbours crowd at some distance from it. A table gets one verdict, `p`; scores
//! say where to look, and are no verdicts on rows.
//!
//! # Complexity
//! O(k n log n) for the neighbours in few dimensions, O(n^2 d) in many, and O(B n k) for the permutations. Above
//! `max_rows` evenly spaced rows are tested.
//!
//! # Use when / Avoid when
//! Before rows are split by chance, sampled or treated as exchangeable, and to learn whether a log drifted. Leave out
//! columns that count rows or tell the time: they are in order by definition. It does not see a change that leaves
//! every row with neighbours all over the table, such as rows that only become rarer.
//!
//! # Differences
//! - `p` counts permutations (Phipson, Smyth 2010), which is exact and never 0; the authors' tool (cleanlab) fits a
//!   density to 25 of them.
//! - `T` is taken at every distance; cleanlab takes `F` just before the distances that occur, which differs by no more
//!   than `1 / (n k) + 2 / n`.
//! - Rows equally near are taken in random order. Taken in the order of the table, duplicates would find each other
//!   side by side, and shuffled tables would be called ordered.
//!
//! # References
//! - Cummings, Snorrason, Mueller 2023, Detecting dataset drift and non-IID sampling via k-nearest neighbors.
//!   doi:10.48550/arXiv.2305.15696
//! - Friedman, Rafsky 1979, Multivariate generalizations of the Wald-Wolfowitz and Smirnov two-sample tests, Annals of
//!   Statistics 7, for counting pairs that cross. doi:10.1214/aos/1176344722
//! - Phipson, Smyth 2010, Permutation p-values should never be zero. doi:10.2202/1544-6115.1585
//!
//! # Example
//! ```
//! use anomalyst_core::Run;
//! use anomalyst_drift::OrderTest;
//! let drifting = ndarray::Array2::from_shape_fn((100, 1), |(i, _)| (i * 37 % 100) as f32 + i as f32);
//! let order = OrderTest::default().test(drifting.view(), &Run::new(0)).unwrap();
//! assert!(order.p_value < 0.05);
//! ```

#[cfg(test)]
mod tests;

use anomalyst_core::{Error, Result, Run};
use anomalyst_kernels::neighbors::{NeighborIndex, Skip};
use ndarray::{Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::Serialize;

/// Fewer rows have no order worth a test.
const FEWEST: usize = 10;
/// The share of the rows at either end where no break is looked for.
const ENDS_FRAC: f64 = 0.05;

/// How closely to look.
#[derive(Clone, Copy, Debug)]
pub struct OrderTest {
    /// Neighbours per row; at most half of the rows are taken.
    pub n_neighbors: usize,
    /// Permutations; the least p-value is one over one more.
    pub n_permutations: usize,
    /// Most rows to test; of more, evenly spaced ones are.
    pub max_rows: usize,
}

impl Default for OrderTest {
    fn default() -> Self {
        Self { n_neighbors: 10, n_permutations: 999, max_rows: 20_000 }
    }
}

/// What the test found.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    /// Rows that were tested.
    pub n_rows_tested: usize,
    /// Neighbours of each.
    pub n_neighbors: usize,
    /// Largest difference of the shares, 0 to 1.
    pub statistic: f64,
    /// Mean statistic of shuffled rows.
    pub shuffled_statistic: f64,
    /// Probability of a statistic as large if the order meant nothing.
    pub p_value: f64,
    /// Median distance in rows from a row to its neighbours, and what it is where the order means nothing.
    pub neighbor_distance: f64,
    /// See `neighbor_distance`.
    pub expected_distance: f64,
    /// Where neighbours cross least.
    pub sharpest_break: Break,
    /// One score per row given.
    #[serde(skip)]
    pub scores: Vec<f32>,
}

/// A place between two rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Break {
    /// Rows before it.
    pub n_before: usize,
    /// Pairs of neighbours that cross it, as a share of those expected.
    pub crossing: f64,
}

impl OrderTest {
    /// Tests finite rows in the order given.
    pub fn test(&self, rows: ArrayView2<'_, f32>, run: &Run) -> Result<Order> {
        run.install(|| self.run(rows, run))
    }

    fn run(&self, rows: ArrayView2<'_, f32>, run: &Run) -> Result<Order> {
        let n_given = rows.nrows();
        if n_given < FEWEST {
            return Err(Error::TooFewItems { what: "a test of order".into(), got: n_given, need: FEWEST });
        }
        for (name, value) in [("n_neighbors", self.n_neighbors), ("n_permutations", self.n_permutations)] {
            if value == 0 {
                return Err(Error::BadParameter {
                    name: name.into(),
                    got: "0".into(),
                    want: "at least 1".into(),
                });
            }
        }
        let n = n_given.min(self.max_rows.max(FEWEST));
        let kept: Vec<usize> = (0..n).map(|i| (i as u128 * n_given as u128 / n as u128) as usize).collect();
        let k = self.n_neighbors.min((n - 1) / 2).max(1);
        let near = neighbors(&rows.select(Axis(0), &kept), k, run)?;
        let mut counts = vec![0_u32; n];
        let statistic = statistic(&near, |i| i, &mut counts);
        let half = counts.iter().scan(0_u64, |sum, &c| {
            *sum += u64::from(c);
            Some(*sum)
        });
        let middle = half.take_while(|&sum| 2 * sum < (n * k) as u64).count();
        let stage = run.stage("shuffling the rows", self.n_permutations as u64);
        let shuffled: Vec<f64> = (0..self.n_permutations)
            .into_par_iter()
            .map_init(
                || ((0..n as u32).collect::<Vec<u32>>(), vec![0_u32; n]),
                |(places, counts), number| {
                    run.check()?;
                    // From the same start each time, so that the order of work does not matter.
                    places.iter_mut().zip(0..).for_each(|(place, i)| *place = i);
                    places.shuffle(&mut run.random(1 + number as u64));
                    stage.advance(1);
                    Ok(self::statistic(&near, |i| places[i] as usize, counts))
                },
            )
            .collect::<Result<_>>()?;
        let n_as_large = shuffled.iter().filter(|&&other| other >= statistic - 1e-12).count();
        let spacing = n_given as f64 / n as f64;
        let own = scores(&near);
        let mut at = 0;
        let score = |row: usize| {
            while at + 1 < n && kept[at + 1] <= row {
                at += 1;
            }
            own[at]
        };
        let (place, crossing) = sharpest_break(&near);
        Ok(Order {
            n_rows_tested: n,
            n_neighbors: k,
            statistic,
            shuffled_statistic: shuffled.iter().sum::<f64>() / shuffled.len() as f64,
            p_value: (1 + n_as_large) as f64 / (1 + self.n_permutations) as f64,
            neighbor_distance: middle as f64 * spacing,
            // Half of all pairs lie within d where d (2 n - d - 1) = n (n - 1) / 2.
            expected_distance: n_given as f64 * (1.0 - 0.5_f64.sqrt()),
            sharpest_break: Break { n_before: kept[place], crossing },
            scores: (0..n_given).map(score).collect(),
        })
    }
}

/// The `k` nearest other rows of each row; among equally near ones chance decides.
fn neighbors(rows: &Array2<f32>, k: usize, run: &Run) -> Result<Array2<u32>> {
    let mut order: Vec<usize> = (0..rows.nrows()).collect();
    order.shuffle(&mut run.random(0));
    let points = rows.select(Axis(0), &order);
    let found = NeighborIndex::new(points.view())?.search(points.view(), k, Skip::SameIndex, run)?;
    let mut near = Array2::zeros((rows.nrows(), k));
    for (shuffled, of) in found.indices.rows().into_iter().enumerate() {
        let mut own = near.row_mut(order[shuffled]);
        own.iter_mut().zip(of).for_each(|(to, &other)| *to = order[other as usize] as u32);
    }
    Ok(near)
}

/// The largest difference between the shares of neighbours and of all pairs within a distance, with rows at these
/// places; `counts` is left with how many neighbours there are at each distance.
fn statistic(near: &Array2<u32>, place: impl Fn(usize) -> usize, counts: &mut [u32]) -> f64 {
    counts.fill(0);
    for (i, others) in near.rows().into_iter().enumerate() {
        let own = place(i);
        others.iter().for_each(|&other| counts[own.abs_diff(place(other as usize))] += 1);
    }
    let (n, n_pairs) = (counts.len() as f64, near.len() as f64);
    let (mut within, mut largest) = (0.0, 0.0_f64);
    for (d, &count) in counts.iter().enumerate() {
        within += f64::from(count);
        let d = d as f64;
        largest = largest.max((within / n_pairs - d * (2.0 * n - d - 1.0) / (n * (n - 1.0))).abs());
    }
    largest
}

/// The area between each row's own curve and that of all other rows.
fn scores(near: &Array2<u32>) -> Vec<f32> {
    let (n, k) = near.dim();
    let last = (n - 1) as f64;
    let score = |i: usize| {
        let mut distances: Vec<f64> =
            near.row(i).iter().map(|&other| i.abs_diff(other as usize) as f64).chain([last]).collect();
        distances.sort_unstable_by(f64::total_cmp);
        // Up to `both` rows there is one on either side, up to `far` on one side.
        let both = i.min(n - 1 - i) as f64;
        let far = last - both;
        let background = |d: f64| {
            let near = d.min(both);
            let middle = d.clamp(both, far);
            let one_side = (middle - both) * (middle + 3.0 * both) / 2.0;
            (near * near + one_side) / last + (d - far).max(0.0)
        };
        let (mut from, mut area) = (0.0, 0.0);
        for (passed, &to) in distances.iter().enumerate() {
            let own = passed as f64 / k as f64 * (to - from);
            area += (own - (background(to) - background(from))).abs();
            from = to;
        }
        (area / i.max(n - i) as f64) as f32
    };
    (0..n).into_par_iter().map(score).collect()
}

/// Where the fewest pairs of neighbours cross, as a share of those expected.
fn sharpest_break(near: &Array2<u32>) -> (usize, f64) {
    let (n, k) = near.dim();
    // Pairs open at a place: those that began before it and end at it or later.
    let mut change = vec![0_i64; n + 1];
    for (i, others) in near.rows().into_iter().enumerate() {
        for &other in others {
            let (low, high) = (i.min(other as usize), i.max(other as usize));
            change[low + 1] += 1;
            change[high + 1] -= 1;
        }
    }
    let ends = ((ENDS_FRAC * n as f64) as usize).max(1);
    let (mut open, mut best) = (0_i64, (ends, f64::INFINITY));
    for (t, change) in change.iter().enumerate().take(n - ends + 1) {
        open += change;
        if t < ends {
            continue;
        }
        let expected = 2.0 * k as f64 * t as f64 * (n - t) as f64 / (n - 1) as f64;
        let crossing = open as f64 / expected;
        if crossing < best.1 {
            best = (t, crossing);
        }
    }
    best
}
