//! What is looked at in place of a channel's values.

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Result, Run};
use anomalyst_kernels::period::ranked_period;
use anomalyst_kernels::stats::Moments;
use anomalyst_kernels::stl::{Stl, mstl};
use serde::{Deserialize, Serialize};

use super::channels::fill;

/// What is looked at in place of a channel's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The values.
    #[default]
    None,
    /// The difference from the point before, 0 at the first: levels and slow trends do not count.
    Differences,
    /// What a robust decomposition by local regression (STL) leaves beside season and trend; beside the median where the
    /// series is shorter than two periods.
    Remainder,
    /// The same with up to three seasons, a day and a week for example (MSTL): each further period is that of what the
    /// seasons before it leave, and counts where its season is strong.
    RemainderOfSeveral,
}

/// The most seasons of a channel.
pub(super) const MOST_SEASONS: usize = 3;
/// The strength from which on a further season counts: `1 - var(R) / var(S + R)` (Wang, Smith, Hyndman 2006), with the
/// threshold that the forecast package for R takes for seasonal differences.
const STRONG: f64 = 0.64;
/// Where less than this share of the variance is left, no further season is looked for.
const LEAST_SHARE: f64 = 1e-6;
/// Passes over all seasons, as Bandara, Hyndman, Bergmeir 2021 and statsmodels have it.
const N_ROUNDS: usize = 2;

impl Change {
    /// The periods of a channel, where they matter.
    pub(super) fn periods(self, values: &[f64], run: &Run) -> Result<Vec<usize>> {
        let most = match self {
            Self::None | Self::Differences => 0,
            Self::Remainder => 1,
            Self::RemainderOfSeveral => MOST_SEASONS,
        };
        if most == 0 || values.len() < 2 {
            return Ok(Vec::new());
        }
        let mut values = values.to_vec();
        fill(&mut values);
        let mut periods = vec![ranked_period(&values, 1)];
        while periods.len() < most {
            let parts = mstl(&values, &periods, robust, N_ROUNDS, run)?;
            // The trend stays: of a long season it is a part.
            let rest: Vec<f64> = parts.trend.iter().zip(&parts.residual).map(|(t, r)| t + r).collect();
            let rest = without_line(&rest);
            if variance(&rest) <= LEAST_SHARE * variance(&values) {
                break;
            }
            let next = ranked_period(&rest, 1);
            if periods.contains(&next) || strength(&rest, next, run)? < STRONG {
                break;
            }
            periods.push(next);
        }
        Ok(periods)
    }

    /// Puts what is looked at in place of the values of one series; gaps are bridged before. A series without a value stays so.
    pub(super) fn apply(self, values: &mut [f64], periods: &[usize], run: &Run) -> Result<()> {
        if self == Self::None || values.iter().all(|v| v.is_nan()) {
            return Ok(());
        }
        fill(values);
        match self {
            Self::None => {}
            Self::Differences => {
                for i in (1..values.len()).rev() {
                    values[i] -= values[i - 1];
                }
                values[0] = 0.0;
            }
            Self::Remainder | Self::RemainderOfSeveral => {
                values.copy_from_slice(&mstl(values, periods, robust, N_ROUNDS, run)?.residual);
            }
        }
        Ok(())
    }
}

/// A decomposition that single points do not bend, with seasons smoothed over `len` of them.
fn robust(period: usize, len: usize) -> Stl {
    Stl { n_inner: 1, n_outer: 5, ..Stl::with_seasonal(period, len).jumping() }
}

/// What the line of least squares leaves: a slope moves the places where a series resembles itself.
fn without_line(values: &[f64]) -> Vec<f64> {
    let middle = (values.len().max(1) - 1) as f64 / 2.0;
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let along: f64 = values.iter().enumerate().map(|(i, v)| (i as f64 - middle) * (v - mean)).sum();
    let squares: f64 = (0..values.len()).map(|i| (i as f64 - middle).powi(2)).sum();
    let slope = if squares > 0.0 { along / squares } else { 0.0 };
    values.iter().enumerate().map(|(i, v)| v - mean - slope * (i as f64 - middle)).collect()
}

fn variance(values: &[f64]) -> f64 {
    values.iter().copied().collect::<Moments>().variance()
}

/// How much of what is not trend is season, 0 to 1; 0 where the series is too short for the period.
fn strength(values: &[f64], period: usize, run: &Run) -> Result<f64> {
    let parts = mstl(values, &[period], robust, 1, run)?;
    let Some(season) = parts.seasonal.first() else { return Ok(0.0) };
    let both: Vec<f64> = parts.residual.iter().zip(season).map(|(r, s)| r + s).collect();
    let (rest, all) = (variance(&parts.residual), variance(&both));
    Ok(if all > 0.0 { (1.0 - rest / all).max(0.0) } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_bridge_gaps_and_begin_at_zero() {
        let mut values = [3.0, f64::NAN, 7.0, 6.0];
        Change::Differences.apply(&mut values, &[], &Run::new(0)).unwrap();
        assert_eq!(values, [0.0, 2.0, 2.0, -1.0]);
        let mut none = [f64::NAN; 2];
        Change::Differences.apply(&mut none, &[], &Run::new(0)).unwrap();
        assert!(none.iter().all(|v| v.is_nan()));
    }

    #[test]
    fn the_remainder_has_neither_season_nor_trend() {
        let clean = |i: usize| 0.05 * i as f64 + 4.0 * (i as f64 / 12.0 * std::f64::consts::TAU).sin();
        let mut values: Vec<f64> = (0..240).map(clean).collect();
        values[100] += 3.0;
        let periods = Change::Remainder.periods(&values, &Run::new(0)).unwrap();
        assert_eq!(periods, [12]);
        Change::Remainder.apply(&mut values, &periods, &Run::new(0)).unwrap();
        assert!((values[100] - 3.0).abs() < 0.2, "{}", values[100]);
        let others = values.iter().enumerate().filter(|(i, _)| *i != 100).map(|(_, v)| v.abs());
        assert!(others.fold(0.0, f64::max) < 0.3);
        // Too short for a season: what is left beside the median.
        let mut short = [1.0, 2.0, 9.0];
        Change::Remainder.apply(&mut short, &[12], &Run::new(0)).unwrap();
        assert_eq!(short, [-1.0, 0.0, 7.0]);
        assert!(Change::None.periods(&values, &Run::new(0)).unwrap().is_empty());
    }

    /// A day and a week of hours: one season leaves the other, two leave the spike.
    #[test]
    fn several_seasons_are_taken_away() {
        let run = Run::new(0);
        let bit = |i: usize| {
            let mixed = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        let wave = |i: usize, period: f64| (i as f64 / period * std::f64::consts::TAU).sin();
        let clean = |i: usize| 4.0 * wave(i, 24.0) + 2.0 * wave(i, 168.0) + 0.01 * i as f64 + 0.2 * bit(i);
        let mut values: Vec<f64> = (0..1680).map(clean).collect();
        values[800] += 3.0;
        let periods = Change::RemainderOfSeveral.periods(&values, &run).unwrap();
        assert_eq!(periods, [24, 168]);
        let rest = |change: Change| {
            let mut rest = values.clone();
            change.apply(&mut rest, &change.periods(&values, &run).unwrap(), &run).unwrap();
            let others: Moments =
                rest.iter().enumerate().filter(|(i, _)| *i != 800).map(|(_, v)| *v).collect();
            (rest[800], others.std_dev())
        };
        let (spike, spread) = rest(Change::RemainderOfSeveral);
        assert!((spike - 3.0).abs() < 0.4 && spread < 0.1, "{spike} {spread}");
        // Noise has no further season, and a single wave no second one.
        for values in
            [(0..900).map(bit).collect::<Vec<_>>(), (0..900).map(|i| wave(i, 24.0) + 0.3 * bit(i)).collect()]
        {
            assert_eq!(Change::RemainderOfSeveral.periods(&values, &run).unwrap().len(), 1);
        }
        for values in [vec![1.0; 50], vec![1.0, 2.0], vec![f64::NAN; 9], vec![5.0]] {
            let mut rest = values.clone();
            let periods = Change::RemainderOfSeveral.periods(&values, &run).unwrap();
            Change::RemainderOfSeveral.apply(&mut rest, &periods, &run).unwrap();
            assert!(rest.iter().all(|v| v.is_finite()) || values[0].is_nan());
        }
    }
}
