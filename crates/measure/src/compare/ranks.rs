//! Many methods on many data sets: mean ranks, the Friedman test, and groups of methods that do not differ.
//!
//! # Idea
//! Values of different data sets are not comparable, ranks within each are. Groups are shown both by Nemenyi's
//! critical difference of mean ranks and by Wilcoxon tests of all pairs with Holm's correction; the second does not
//! depend on which other methods are in the race (Benavoli et al. 2016).
//!
//! # Equations
//! Friedman: chi2 = (12 / (n k (k+1)) sum R_j^2 - 3 n (k+1)) / (1 - sum(t^3 - t) / (n (k^3 - k))), R_j sums of ranks of
//! k methods on n sets, t runs of ties. Nemenyi: CD = q / sqrt(2) sqrt(k (k+1) / (6 n)), q the upper point of the
//! studentized range.
//!
//! # References
//! Demsar 2006, JMLR 7, 1-30.
//! Benavoli, Corani, Mangili 2016, JMLR 17(5), 1-10.

use anomalyst_core::{Error, Interval, Result, Run};
use serde::Serialize;

use super::special::{chi_squared_tail, studentized_range_quantile};
use super::{holm, mean_interval, wilcoxon};
use crate::Better;

/// The outcome of a Friedman test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Friedman {
    /// Chi-squared with k - 1 degrees of freedom.
    pub statistic: f64,
    /// Probability of so large a statistic were all methods alike.
    pub p_value: f64,
}

/// One method's place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Its name.
    pub method: String,
    /// Mean value over the sets.
    pub mean: f64,
    /// Bootstrap interval of the mean over sets; `None` below two sets.
    pub interval: Option<Interval>,
    /// Mean rank; 1 is best.
    pub mean_rank: f64,
}

/// Methods from best to worst mean rank.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leaderboard {
    /// From the best mean rank down.
    pub standings: Vec<Standing>,
    /// Sets that all methods have a value for.
    pub n_sets: usize,
    /// Sets that lack a method and are left out.
    pub n_left_out: usize,
    /// Whether any method differs.
    pub friedman: Friedman,
    /// Mean ranks nearer than this do not differ by Nemenyi's test; `None` for one method.
    pub critical_difference: Option<f64>,
    /// Largest runs of two or more places in which no pair differs by Nemenyi's test.
    pub nemenyi_groups: Vec<Vec<usize>>,
    /// The same by Wilcoxon tests with Holm's correction.
    pub wilcoxon_groups: Vec<Vec<usize>>,
}

/// The leaderboard of `methods` at significance `alpha`; `values[set][method]` may lack some.
pub fn leaderboard(
    methods: &[String],
    values: &[Vec<Option<f64>>],
    better: Better,
    alpha: f64,
    run: &Run,
) -> Result<Leaderboard> {
    let sets = complete_sets(methods, values, alpha)?;
    let ranks = mean_ranks(&sets, better)?;
    let mut order: Vec<usize> = (0..methods.len()).collect();
    order.sort_by(|&a, &b| ranks[a].total_cmp(&ranks[b]).then(a.cmp(&b)));
    let columns: Vec<Vec<f64>> = order.iter().map(|&at| sets.iter().map(|set| set[at]).collect()).collect();
    let mut standings = Vec::with_capacity(methods.len());
    for (&at, column) in order.iter().zip(&columns) {
        standings.push(Standing {
            method: methods[at].clone(),
            mean: column.iter().sum::<f64>() / column.len() as f64,
            interval: mean_interval(column, 1.0 - alpha, run)?,
            mean_rank: ranks[at],
        });
    }
    let critical_difference = nemenyi_difference(methods.len(), sets.len(), alpha);
    let close = |a: usize, b: usize| {
        let apart = (standings[a].mean_rank - standings[b].mean_rank).abs();
        critical_difference.is_some_and(|most| apart <= most)
    };
    let nemenyi_groups = groups(methods.len(), close);
    let p_values = pairwise(&columns);
    let wilcoxon_groups = groups(methods.len(), |a, b| p_values[pair_at(a, b)] > alpha);
    Ok(Leaderboard {
        n_sets: sets.len(),
        n_left_out: values.len() - sets.len(),
        friedman: friedman(&sets)?,
        critical_difference,
        nemenyi_groups,
        wilcoxon_groups,
        standings,
    })
}

/// Mean ranks of methods over sets, `values[set][method]`; 1 is best and ties share their mean rank.
pub fn mean_ranks(values: &[Vec<f64>], better: Better) -> Result<Vec<f64>> {
    let n_methods = check_table(values)?;
    let sign = match better {
        Better::Higher => -1.0,
        Better::Lower => 1.0,
        Better::Neither => {
            return Err(Error::Data("no end of this metric is good, so it ranks nothing".into()));
        }
    };
    let mut sums = vec![0.0; n_methods];
    for set in values {
        let signed: Vec<f64> = set.iter().map(|v| sign * v).collect();
        for (sum, rank) in sums.iter_mut().zip(midranks(&signed).0) {
            *sum += rank;
        }
    }
    Ok(sums.into_iter().map(|sum| sum / values.len() as f64).collect())
}

/// Friedman's test; where all values of every set are tied the statistic is 0 and p is 1.
pub fn friedman(values: &[Vec<f64>]) -> Result<Friedman> {
    let n_methods = check_table(values)?;
    let (n, k) = (values.len() as f64, n_methods as f64);
    let (mut sums, mut all_ties) = (vec![0.0; n_methods], 0.0);
    for set in values {
        let (ranks, ties) = midranks(set);
        all_ties += ties;
        for (sum, rank) in sums.iter_mut().zip(ranks) {
            *sum += rank;
        }
    }
    let untied = 1.0 - all_ties / (n * (k * k * k - k)).max(1.0);
    if n_methods < 2 || untied <= 1e-12 {
        return Ok(Friedman { statistic: 0.0, p_value: 1.0 });
    }
    let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
    let statistic = ((12.0 / (n * k * (k + 1.0)) * squares - 3.0 * n * (k + 1.0)) / untied).max(0.0);
    Ok(Friedman { statistic, p_value: chi_squared_tail(statistic, n_methods - 1) })
}

/// Nemenyi's critical difference of mean ranks; `None` for fewer than two methods or no set.
pub fn nemenyi_difference(n_methods: usize, n_sets: usize, alpha: f64) -> Option<f64> {
    if n_methods < 2 || n_sets == 0 || !(alpha > 0.0 && alpha < 1.0) {
        return None;
    }
    let k = n_methods as f64;
    let q = studentized_range_quantile(alpha, n_methods) / 2.0_f64.sqrt();
    Some(q * (k * (k + 1.0) / (6.0 * n_sets as f64)).sqrt())
}

/// Ranks from 1 up, ties sharing their mean, and the sum of t^3 - t over runs of t ties.
pub(super) fn midranks(values: &[f64]) -> (Vec<f64>, f64) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| (values[a] + 0.0).total_cmp(&(values[b] + 0.0)));
    let (mut ranks, mut ties, mut seen) = (vec![0.0; values.len()], 0.0, 0);
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let t = tied.len() as f64;
        for &at in tied {
            ranks[at] = seen as f64 + f64::midpoint(1.0, t);
        }
        ties += t * t * t - t;
        seen += tied.len();
    }
    (ranks, ties)
}

fn complete_sets(methods: &[String], values: &[Vec<Option<f64>>], alpha: f64) -> Result<Vec<Vec<f64>>> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Error::Data(format!("alpha must lie between 0 and 1, and is {alpha}")));
    }
    if let Some(at) = values.iter().position(|set| set.len() != methods.len()) {
        return Err(Error::Data(format!(
            "set {} must have an entry for each of the {} methods",
            at + 1,
            methods.len()
        )));
    }
    let whole = |set: &Vec<Option<f64>>| set.iter().copied().map(|v| v.filter(|v| v.is_finite())).collect();
    Ok(values.iter().filter_map(whole).collect())
}

fn check_table(values: &[Vec<f64>]) -> Result<usize> {
    let n_methods = values.first().map_or(0, Vec::len);
    if n_methods == 0 {
        return Err(Error::Data("there is no data set that every method has a value for".into()));
    }
    if values.iter().any(|set| set.len() != n_methods || !set.iter().all(|v| v.is_finite())) {
        return Err(Error::Data("every data set must have a finite value for each method".into()));
    }
    Ok(n_methods)
}

/// Holm-adjusted p-values of all pairs `a < b` of columns, in the order of [`pair_at`].
fn pairwise(columns: &[Vec<f64>]) -> Vec<f64> {
    let mut p_values = Vec::new();
    for b in 0..columns.len() {
        for a in 0..b {
            let differences: Vec<f64> = columns[a].iter().zip(&columns[b]).map(|(x, y)| x - y).collect();
            p_values.push(wilcoxon(&differences).p_value);
        }
    }
    holm(&p_values)
}

/// Where the pair `a < b` stands.
const fn pair_at(a: usize, b: usize) -> usize {
    b * (b - 1) / 2 + a
}

/// The largest runs of two or more places in which `alike` holds for all pairs.
fn groups(n_places: usize, alike: impl Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    let mut reached = 0;
    for first in 0..n_places {
        let fits = |last: &usize| (first..*last).all(|place| alike(place, *last));
        let end = first + 1 + (first + 1..n_places).take_while(fits).count();
        if end > first + 1 && end > reached {
            found.push((first..end).collect());
            reached = end;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: [[f64; 3]; 6] = [
        [0.9, 0.8, 0.7],
        [0.6, 0.6, 0.5],
        [0.7, 0.75, 0.2],
        [0.95, 0.9, 0.9],
        [0.5, 0.4, 0.3],
        [0.8, 0.7, 0.75],
    ];

    /// scipy 1.17.1 friedmanchisquare and studentized_range.ppf, golden/compare.py.
    #[test]
    fn matches_reference() {
        let values: Vec<Vec<f64>> = BOARD.iter().map(|set| set.to_vec()).collect();
        let got = friedman(&values).unwrap();
        assert!((got.statistic - 7.363_636_363_636_364).abs() < 1e-12, "{got:?}");
        assert!((got.p_value - 0.025_177_156_546_593_128).abs() < 1e-12, "{got:?}");
        for (k, q) in [(3, 3.314_493_155_398_122), (12, 4.621_655_471_868_518), (50, 5.646_026_026_380_527)] {
            let want = q / 2.0_f64.sqrt() * (f64::from(k) * f64::from(k + 1) / 60.0).sqrt();
            // Both integrate numerically.
            assert!((nemenyi_difference(k as usize, 10, 0.05).unwrap() / want - 1.0).abs() < 1e-6, "{k}");
        }
        let ranks = mean_ranks(&values, Better::Higher).unwrap();
        let want = 1.25;
        assert!(
            (ranks[0] - want).abs() < 1e-8 && (ranks.iter().sum::<f64>() - 6.0).abs() < 1e-12,
            "{ranks:?}"
        );
    }

    #[test]
    fn a_board_orders_methods_and_leaves_out_what_lacks_one() {
        let methods = ["bad", "good", "same"].map(String::from);
        let mut values: Vec<Vec<Option<f64>>> = (0..20)
            .map(|set| {
                let base = f64::from(set) / 50.0;
                vec![Some(base), Some(base + 0.3), Some(base + 0.3 + if set % 2 == 0 { 0.01 } else { -0.01 })]
            })
            .collect();
        values.push(vec![None, Some(1.0), Some(f64::NAN)]);
        let board = leaderboard(&methods, &values, Better::Higher, 0.05, &Run::new(0)).unwrap();
        assert_eq!((board.n_sets, board.n_left_out), (20, 1));
        assert_eq!(board.standings[2].method, "bad");
        assert_eq!(board.nemenyi_groups, [[0, 1]]);
        assert_eq!(board.wilcoxon_groups, [[0, 1]]);
        assert!(board.friedman.p_value < 1e-4);
        let low = leaderboard(&methods, &values, Better::Lower, 0.05, &Run::new(0)).unwrap();
        assert_eq!(low.standings[0].method, "bad");
        assert!(leaderboard(&methods, &values[20..], Better::Lower, 0.05, &Run::new(0)).is_err());
        assert!(leaderboard(&methods, &values, Better::Neither, 0.05, &Run::new(0)).is_err());
        let one = leaderboard(&methods[..1], &[vec![Some(1.0)]], Better::Lower, 0.05, &Run::new(0)).unwrap();
        assert!(one.critical_difference.is_none() && one.standings[0].interval.is_none());
    }

    #[test]
    fn groups_are_the_largest_runs() {
        assert_eq!(groups(5, |a, b| b - a <= 1 && b != 4), [vec![0, 1], vec![1, 2], vec![2, 3]]);
        assert_eq!(groups(3, |_, _| true), [vec![0, 1, 2]]);
        assert!(groups(3, |_, _| false).is_empty() && groups(0, |_, _| true).is_empty());
    }
}
