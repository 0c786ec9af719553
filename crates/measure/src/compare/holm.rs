//! Holm's step-down correction of several p-values: the chance of any false finding stays below the level.
//!
//! Holm 1979, Scandinavian Journal of Statistics 6, 65-70.

/// Adjusted p-values in the order of `p_values`: the smallest times m, the next times m - 1, and so on, never falling
/// and at most 1.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut highest = 0.0_f64;
    for (rank, &at) in order.iter().enumerate() {
        highest = highest.max((p_values.len() - rank) as f64 * p_values[at]).min(1.0);
        adjusted[at] = highest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// statsmodels multipletests(method="holm"), golden/compare.py.
    #[test]
    fn matches_reference() {
        let got = holm(&[0.01, 0.04, 0.03, 0.005, 0.6]);
        let want = [0.04, 0.09, 0.09, 0.025, 0.6];
        assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-15), "{got:?}");
        assert!(holm(&[]).is_empty());
    }
}
