//! Scores that exceed a level come in clusters: how large these are, and which points make one.
//!
//! # Idea
//! One odd minute raises the scores of many points, by overlapping windows or because the process itself remembers.
//! Counting points then counts the same event many times. The extremal index is one over the mean size of a cluster, and
//! a run length says which exceedances belong together.
//!
//! # Equations
//! With `T_i` the distances of `N` successive exceedances, the intervals estimator is
//! `2 (sum T_i)^2 / ((N - 1) sum T_i^2)` if no distance is above 2, else
//! `2 (sum (T_i - 1))^2 / ((N - 1) sum (T_i - 1)(T_i - 2))`, at most 1. The distances between clusters are
//! the `C - 1` longest ones, `C = floor(index N) + 1`, lowered until the `C - 1`-th is longer than the `C`-th; the latter is the run length: exceedances at most that far apart are one cluster.
//!
//! # Complexity
//! O(n + N log N).
//!
//! # Differences
//! Distances are never taken across the ends of series; the sums run over all series.
//!
//! # References
//! Ferro, Segers 2003, Inference for clusters of extreme values, JRSS B 65(2), doi:10.1111/1467-9868.00401.
//!
//! # Example
//! ```
//! use anomalyst_decide::extremes::Clustering;
//! let mut scores = vec![0.0; 100];
//! for i in [10, 11, 40, 41, 80, 81] {
//!     scores[i] = 1.0;
//! }
//! let found = Clustering::of(&scores, &[100], 0.5);
//! assert_eq!((found.run_len, found.n_clusters), (1, 3));
//! ```

use anomalyst_core::ranges_of;

/// How exceedances of a level hang together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clustering {
    /// Extremal index by the intervals estimator: 1 for independent scores, one over the mean cluster size else.
    pub index: f64,
    /// Exceedances at most this many points apart belong to one cluster; 0 where each stands alone.
    pub run_len: usize,
    /// Points above the level.
    pub n_exceedances: usize,
    /// Clusters by that run length.
    pub n_clusters: usize,
}

/// A run of exceedances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its first point above the level.
    pub first: usize,
    /// Its last point above the level.
    pub last: usize,
    /// Its highest point, the first of equal ones.
    pub peak: usize,
}

impl Clustering {
    /// Of the scores above `level`; each series ends at one of `ends`. Fewer than three exceedances count as
    /// independent.
    pub fn of(scores: &[f32], ends: &[usize], level: f32) -> Self {
        let (mut distances, mut n) = (Vec::new(), 0);
        for range in ranges_of(ends) {
            let mut before = None;
            for at in range.filter(|&at| scores[at] > level) {
                n += 1;
                if let Some(before) = before.replace(at) {
                    distances.push(at - before);
                }
            }
        }
        let index = extremal_index(&distances);
        let run_len = run_len(distances, index, n);
        let n_clusters = clusters(scores, ends, level, run_len).len();
        Self { index, run_len, n_exceedances: n, n_clusters }
    }
}

/// The intervals estimator, from distances between successive exceedances; 1 for fewer than two.
pub fn extremal_index(distances: &[usize]) -> f64 {
    let Some(&longest) = distances.iter().max() else { return 1.0 };
    if distances.len() < 2 {
        return 1.0;
    }
    let n = distances.len() as f64;
    let less = if longest <= 2 { 0.0 } else { 1.0 };
    let (mut sum, mut squares) = (0.0, 0.0);
    for &t in distances {
        let t = t as f64;
        sum += t - less;
        squares += (t - less) * (t - 2.0 * less);
    }
    (2.0 * sum * sum / (n * squares)).min(1.0)
}

fn run_len(mut distances: Vec<usize>, index: f64, n: usize) -> usize {
    distances.sort_unstable_by(|a, b| b.cmp(a));
    // Place `C`, counted from 1; beyond the last distance there is nothing to join.
    let mut at = (index * n as f64) as usize + 1;
    if at > distances.len() {
        return 0;
    }
    while at > 1 && distances[at - 2] == distances[at - 1] {
        at -= 1;
    }
    // All of the longest distances are equal: nothing tells those within clusters from those between.
    if at == 1 { 0 } else { distances[at - 1] }
}

/// Runs declustering: exceedances of `level` at most `run_len` points apart are one cluster, within each series.
pub fn clusters(scores: &[f32], ends: &[usize], level: f32, run_len: usize) -> Vec<Cluster> {
    let mut found: Vec<Cluster> = Vec::new();
    for range in ranges_of(ends) {
        let start = range.start;
        for at in range.filter(|&at| scores[at] > level) {
            match found.last_mut() {
                Some(open) if open.last >= start && at - open.last <= run_len => {
                    open.last = at;
                    if scores[at] > scores[open.peak] {
                        open.peak = at;
                    }
                }
                _ => found.push(Cluster { first: at, last: at, peak: at }),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw;
    use anomalyst_core::Run;
    use proptest::prelude::*;

    fn at(points: &[usize], n: usize) -> Vec<f32> {
        let mut scores = vec![0.0; n];
        points.iter().for_each(|&p| scores[p] = 1.0);
        scores
    }

    /// The formula in NumPy, golden/extremes.py; run lengths by hand.
    #[test]
    fn matches_the_formula() {
        for (points, index, run_len, n_clusters) in [
            (vec![0, 1, 2, 50, 51, 120, 121, 122, 300], 0.5628729865328757, 1, 4),
            (vec![0, 1, 3, 4, 6], 1.0, 0, 5),
            (vec![3, 10, 30, 60], 1.0, 0, 4),
            (vec![], 1.0, 0, 0),
            (vec![7], 1.0, 0, 1),
        ] {
            let found = Clustering::of(&at(&points, 400), &[400], 0.5);
            assert!((found.index - index).abs() < 1e-14, "{found:?}");
            assert_eq!(
                (found.run_len, found.n_clusters, found.n_exceedances),
                (run_len, n_clusters, points.len())
            );
        }
    }

    #[test]
    fn series_do_not_share_clusters() {
        let scores = at(&[4, 5], 10);
        assert_eq!(clusters(&scores, &[10], 0.5, 3).len(), 1);
        let apart = clusters(&scores, &[5, 10], 0.5, 3);
        assert_eq!(apart, [Cluster { first: 4, last: 4, peak: 4 }, Cluster { first: 5, last: 5, peak: 5 }]);
    }

    /// `X_i = max(a X_(i-1), (1 - a) Z_i)` with unit Frechet `Z` has the extremal index `1 - a` (Davis, Resnick 1989).
    #[test]
    fn finds_a_known_index() {
        for a in [0.0, 0.3, 0.7] {
            let mut random = Run::new(5).random(0);
            let mut x = 1.0_f64;
            let scores: Vec<f32> = (0..100_000)
                .map(|_| {
                    let z = -1.0 / draw::uniform(&mut random).ln();
                    x = (a * x).max((1.0 - a) * z);
                    x as f32
                })
                .collect();
            let found = Clustering::of(&scores, &[scores.len()], 100.0);
            assert!((found.index - (1.0 - a)).abs() < 0.06, "{found:?} for {a}");
            let share = found.n_clusters as f64 / found.n_exceedances as f64;
            assert!((share - (1.0 - a)).abs() < 0.06, "{share} for {a}");
        }
    }

    proptest! {
        /// Every exceedance is in exactly one cluster, and clusters are further apart than the run length.
        #[test]
        fn clusters_partition(scores in prop::collection::vec(0..9_u8, 1..80), cut in 0..80_usize, run in 0..6_usize) {
            let scores: Vec<f32> = scores.into_iter().map(f32::from).collect();
            let cut = cut.min(scores.len());
            let ends = [cut, scores.len()];
            let found = clusters(&scores, &ends, 5.0, run);
            for (i, &score) in scores.iter().enumerate() {
                let n = found.iter().filter(|c| (c.first..=c.last).contains(&i)).count();
                prop_assert!(n == 1 || (score <= 5.0 && n == 0));
            }
            for pair in found.windows(2) {
                let across = pair[0].last < cut && cut <= pair[1].first;
                prop_assert!(across || pair[1].first - pair[0].last > run);
            }
            prop_assert!(found.iter().all(|c| scores[c.first..=c.last].iter().all(|&s| s <= scores[c.peak])));
        }
    }
}
