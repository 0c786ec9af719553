//! Hierarchical clusters by complete linkage: clusters are as far apart as their farthest members.
//!
//! Chains of nearest neighbours (Benzécri 1982; Murtagh 1983) find all merges in O(n^2), in another order than by distance;
//! they are put in order after.
//!
//! ```
//! use anomalyst_kernels::linkage::complete_linkage;
//! let at = [0.0_f64, 1.0, 5.0];
//! let merges = complete_linkage(3, |i, j| (at[i] - at[j]).abs());
//! assert_eq!((merges[0].distance, merges[1].distance), (1.0, 5.0));
//! ```

/// Two clusters that become one. Each is named by its first member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Merge {
    /// The first member of the one that begins earlier.
    pub first: usize,
    /// The first member of the other.
    pub second: usize,
    /// How far their farthest members are apart.
    pub distance: f64,
}

/// The merges of `n` items until they are one cluster, nearest first. `distance(i, j)`, which must be a number, is asked
/// once for each pair `i > j`. Memory O(n^2).
pub fn complete_linkage(n: usize, distance: impl Fn(usize, usize) -> f64) -> Vec<Merge> {
    let mut far: Vec<Vec<f64>> = (0..n).map(|i| (0..i).map(|j| distance(i, j)).collect()).collect();
    let mut open: Vec<usize> = (0..n).collect();
    let (mut chain, mut merges): (Vec<usize>, Vec<Merge>) = (Vec::new(), Vec::new());
    while open.len() > 1 {
        let last = *chain.last().unwrap_or(&open[0]);
        if chain.is_empty() {
            chain.push(last);
        }
        let before = chain.len().checked_sub(2).map(|at| chain[at]);
        // The one before in the chain wins ties, so that chains end.
        let mut best = before.map(|other| (other, between(&far, last, other)));
        for &other in open.iter().filter(|&&other| other != last) {
            let d = between(&far, last, other);
            if best.is_none_or(|(_, least)| d < least) {
                best = Some((other, d));
            }
        }
        let Some((nearest, d)) = best else { break };
        if before != Some(nearest) {
            chain.push(nearest);
            continue;
        }
        chain.truncate(chain.len() - 2);
        let (first, second) = (last.min(nearest), last.max(nearest));
        merges.push(Merge { first, second, distance: d });
        open.retain(|&other| other != second);
        for &other in open.iter().filter(|&&other| other != first) {
            let farther = between(&far, first, other).max(between(&far, second, other));
            far[first.max(other)][first.min(other)] = farther;
        }
    }
    // A stable sort leaves merges of one distance in the order in which they are possible.
    merges.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    merges
}

fn between(far: &[Vec<f64>], i: usize, j: usize) -> f64 {
    far[i.max(j)][i.min(j)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The nearest pair of clusters, again and again.
    fn plainly(n: usize, distance: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let mut clusters: Vec<Vec<usize>> = (0..n).map(|i| vec![i]).collect();
        let mut heights = Vec::new();
        while clusters.len() > 1 {
            let mut best = (f64::INFINITY, 0, 0);
            for a in 0..clusters.len() {
                for b in 0..a {
                    let pairs = clusters[a].iter().flat_map(|&i| clusters[b].iter().map(move |&j| (i, j)));
                    let far = pairs.map(|(i, j)| distance(i.max(j), i.min(j))).fold(0.0, f64::max);
                    if far < best.0 {
                        best = (far, a, b);
                    }
                }
            }
            let gone = clusters.remove(best.1);
            clusters[best.2].extend(gone);
            heights.push(best.0);
        }
        heights
    }

    #[test]
    fn few_items() {
        assert!(complete_linkage(0, |_, _| 0.0).is_empty() && complete_linkage(1, |_, _| 0.0).is_empty());
        assert_eq!(complete_linkage(2, |_, _| 3.0), [Merge { first: 0, second: 1, distance: 3.0 }]);
    }

    /// scipy 1.17.1; see `crates/temporal/golden/linkage.py`.
    #[test]
    fn equals_the_reference() {
        let point = |i: usize| {
            [((i * i * 7 + i * 13) % 101) as f64 / 101.0, ((i * i * i + 5 * i) % 89) as f64 / 89.0]
        };
        let distance = |i: usize, j: usize| {
            let (a, b) = (point(i), point(j));
            (a[0] - b[0]).hypot(a[1] - b[1])
        };
        let merges = complete_linkage(12, distance);
        let heights = [
            0.059891237236659,
            0.069306930693069,
            0.12711457608563,
            0.19421701127158,
            0.20523672214382,
            0.36263169483509,
            0.41139303966093,
            0.42400186652732,
            0.57162772350455,
            0.79850826745151,
            1.1313161002118,
        ];
        assert!(merges.iter().zip(heights).all(|(merge, want)| (merge.distance - want).abs() < 1e-12));
        let mut group: Vec<usize> = (0..12).collect();
        for merge in &merges[..9] {
            group.iter_mut().filter(|of| **of == merge.second).for_each(|of| *of = merge.first);
        }
        assert_eq!(group, [0, 0, 0, 3, 4, 3, 3, 0, 0, 4, 3, 4]);
    }

    proptest! {
        /// Items without ties, whose tree is one only.
        #[test]
        fn merges_are_the_nearest(at in prop::collection::vec(0.0..1.0_f64, 2..24)) {
            let distance = |i: usize, j: usize| (at[i] - at[j]).abs();
            let merges = complete_linkage(at.len(), distance);
            let heights: Vec<f64> = merges.iter().map(|merge| merge.distance).collect();
            prop_assert_eq!(heights, plainly(at.len(), distance));
            // Every merge names two clusters that there are then.
            let mut open = vec![true; at.len()];
            for merge in merges {
                prop_assert!(merge.first < merge.second && open[merge.first] && open[merge.second]);
                open[merge.second] = false;
            }
        }

        #[test]
        fn ties_end(cells in prop::collection::vec(0..3_u8, 1..20)) {
            let merges = complete_linkage(cells.len(), |i, j| f64::from(cells[i].abs_diff(cells[j])));
            prop_assert_eq!(merges.len(), cells.len() - 1);
        }
    }
}
