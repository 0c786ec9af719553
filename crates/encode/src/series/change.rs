//! What is looked at in place of a channel's values.

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Result, Run};
use anomalyst_kernels::period::ranked_period;
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
}

impl Change {
    /// The period of a channel, where it matters.
    pub(super) fn period(self, values: &[f64]) -> Option<usize> {
        if self != Self::Remainder || values.len() < 2 {
            return None;
        }
        let mut values = values.to_vec();
        fill(&mut values);
        Some(ranked_period(&values, 1))
    }

    /// Puts what is looked at in place of the values of one series; gaps are bridged before. A series without a value stays so.
    pub(super) fn apply(self, values: &mut [f64], period: Option<usize>, run: &Run) -> Result<()> {
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
            Self::Remainder => {
                let stl =
                    |period, len| Stl { n_inner: 1, n_outer: 5, ..Stl::with_seasonal(period, len).jumping() };
                let rest = mstl(values, &period.map_or_else(Vec::new, |p| vec![p]), stl, 1, run)?.residual;
                values.copy_from_slice(&rest);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_bridge_gaps_and_begin_at_zero() {
        let mut values = [3.0, f64::NAN, 7.0, 6.0];
        Change::Differences.apply(&mut values, None, &Run::new(0)).unwrap();
        assert_eq!(values, [0.0, 2.0, 2.0, -1.0]);
        let mut none = [f64::NAN; 2];
        Change::Differences.apply(&mut none, None, &Run::new(0)).unwrap();
        assert!(none.iter().all(|v| v.is_nan()));
    }

    #[test]
    fn the_remainder_has_neither_season_nor_trend() {
        let clean = |i: usize| 0.05 * i as f64 + 4.0 * (i as f64 / 12.0 * std::f64::consts::TAU).sin();
        let mut values: Vec<f64> = (0..240).map(clean).collect();
        values[100] += 3.0;
        let period = Change::Remainder.period(&values);
        assert_eq!(period, Some(12));
        Change::Remainder.apply(&mut values, period, &Run::new(0)).unwrap();
        assert!((values[100] - 3.0).abs() < 0.2, "{}", values[100]);
        let others = values.iter().enumerate().filter(|(i, _)| *i != 100).map(|(_, v)| v.abs());
        assert!(others.fold(0.0, f64::max) < 0.3);
        // Too short for a season: what is left beside the median.
        let mut short = [1.0, 2.0, 9.0];
        Change::Remainder.apply(&mut short, Some(12), &Run::new(0)).unwrap();
        assert_eq!(short, [-1.0, 0.0, 7.0]);
        assert_eq!(Change::None.period(&values), None);
    }
}
