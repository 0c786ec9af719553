//! The periods of a series, by which windows are chosen when nobody names a length.

/// What is answered where no period shows.
const NO_PERIOD: usize = 125;
/// Points that are looked at.
const MOST_POINTS: usize = 20_000;
/// Lags below this are not looked at: neighbours resemble each other in every smooth series.
const FIRST_LAG: usize = 3;
/// The longest lag that is looked at.
const LAST_LAG: usize = 400;
/// Periods that are believed, counted from `FIRST_LAG`.
const BELIEVED: std::ops::RangeInclusive<usize> = 3..=300;

/// The lag between 6 and 303 points at which `values` resemble themselves most; 125 where there is none.
///
/// The lag is the highest strict local maximum of the autocorrelation of the first 20,000 points at lags of 3 to 400.
/// Where it lies outside of 6 to 303 points, or where a value is not finite, the answer is 125. This is the window of
/// the benchmark TSB-AD (its `find_length_rank` of rank 1), so that values can be compared with published ones.
pub fn dominant_period(values: &[f64]) -> usize {
    ranked_period(values, 1)
}

/// The period of `rank`: of rank 1 the dominant one, of each later rank the strongest that is longer than the one before;
/// where there is no such period, the last one that there is.
///
/// Ranks 1 and 2 are those of TSB-AD.
pub fn ranked_period(values: &[f64], rank: usize) -> usize {
    let values = &values[..values.len().min(MOST_POINTS)];
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let centered: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let last = LAST_LAG.min(values.len().saturating_sub(1));
    // The sum over pairs is not divided by their number, so long lags weigh less, and the variance does not matter.
    let alike: Vec<f64> = (FIRST_LAG..=last).map(|lag| dot(&centered, &centered[lag..])).collect();
    let inner = 1..alike.len().saturating_sub(1);
    let peaks: Vec<usize> = inner.filter(|&i| alike[i] > alike[i - 1] && alike[i] > alike[i + 1]).collect();
    let highest = |after: Option<usize>| {
        let later = peaks.iter().copied().filter(|&peak| after.is_none_or(|after| peak > after));
        later.max_by(|&a, &b| alike[a].total_cmp(&alike[b]))
    };
    let mut best = highest(None);
    for _ in 1..rank {
        best = highest(best).or(best);
    }
    match best {
        Some(best) if BELIEVED.contains(&best) => best + FIRST_LAG,
        _ => NO_PERIOD,
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize, period: f64, noise: f64) -> Vec<f64> {
        let bit = |i: usize| ((i * i * 7 + i * 13) % 101) as f64 / 101.0 - 0.5;
        (0..n).map(|i| (std::f64::consts::TAU * i as f64 / period).sin() + noise * bit(i)).collect()
    }

    /// TSB-AD 1.5, `find_length_rank(data, rank=1)`; see `crates/measure/golden/series.py`.
    #[test]
    fn as_the_benchmark_says() {
        let cases = [
            (wave(1000, 24.0, 0.5), 24),
            (wave(30_000, 97.3, 1.0), 101),
            (wave(2_000, 350.0, 0.0), 125),
            (wave(500, 5.0, 0.2), 125),
            (wave(40, 12.0, 0.1), 12),
            (wave(700, 6.5, 4.0), 202),
        ];
        let got: Vec<usize> = cases.iter().map(|(values, _)| dominant_period(values)).collect();
        let want: Vec<usize> = cases.iter().map(|&(_, want)| want).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn later_ranks_are_longer() {
        let values = wave(1000, 24.0, 0.5);
        let periods: Vec<usize> = (1..4).map(|rank| ranked_period(&values, rank)).collect();
        assert_eq!(periods, [24, 48, 72]);
        assert_eq!(
            ranked_period(&wave(40, 12.0, 0.0), 9),
            ranked_period(&wave(40, 12.0, 0.0), 4),
            "the last there is"
        );
    }

    #[test]
    fn without_a_period() {
        assert_eq!(dominant_period(&[]), 125);
        assert_eq!(dominant_period(&[1.0; 3]), 125);
        assert_eq!(dominant_period(&[1.0; 1000]), 125);
        assert_eq!(dominant_period(&[f64::NAN; 50]), 125);
    }
}
