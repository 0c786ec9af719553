//! The score of the Numenta Anomaly Benchmark, the profile that dislikes false alarms.
//!
//! # Idea
//! Each anomaly is a window that earns by its earliest alarm, more at its start and nothing at its end; a miss costs,
//! and so does each alarmed point outside of windows, less right behind one.
//!
//! # Equations
//! With s(p) = 2 / (1 + exp(5 p)) - 1 and s(p) = -1 for p > 3: a window of w points whose first alarm comes r points
//! before its end (r = w for its first point) earns s(-r / w) / s(-1); a window without alarm costs 1.0. A false
//! alarm q points behind the last point of a window of w points costs 0.22 times -s(q / (w - 1)), and 0.22 before the
//! first window or behind a window of one point, where the authors' code divides by zero. The first 15 % of each
//! series, at most 750 points, are not judged. The value is 100 (earned - null) / (perfect - null), where null never
//! alarms and perfect earns 1 per window. Windows are runs of anomalous points, verdicts those of the decision: no
//! threshold is sought. Several series: all that is earned over all of them, as in the benchmark.
//!
//! # Range
//! Up to 100, which is finding each window at its first point without false alarm; 0 is never alarming; without lower
//! bound.
//!
//! # Random level
//! Computed by shuffling the verdicts.
//!
//! # Known weakness
//! Its sum of false alarms grows with the length of a series, so values of different data are not comparable; runs of
//! false alarms cost point by point. The benchmark widens its windows around events, which labels elsewhere do not.
//!
//! # References
//! Lavin, Ahmad 2015, Evaluating real-time anomaly detection algorithms, ICMLA. doi:10.1109/ICMLA.2015.141
//! Values equal those of numenta/NAB, nab/sweeper.py and the normalization of nab/runner.py.
//!
//! # Example
//! ```
//! use anomalyst_core::Verdict::{Anomalous, Normal};
//! use anomalyst_measure::{Case, MetricExt, series::NabLowFp};
//!
//! let case = Case::new(vec![false, true, true, true, false]);
//! let case = case.with_verdicts(vec![Normal, Normal, Anomalous, Normal, Normal])?;
//! let value = NabLowFp::default().measure_on(&case)?;
//! assert!(value > 90.0 && value < 100.0, "{value}");
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::nab::{self, Profile};
use crate::{Better, Case, Metric, MetricCard, Need, Subject};

/// NAB low FP; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NabLowFp {}

impl Params for NabLowFp {}

impl Metric for NabLowFp {
    const CARD: MetricCard = MetricCard {
        id: "nab_low_fp",
        title: "NAB low FP",
        summary: "worth of alarms where false alarms weigh twice: early ones earn, false ones cost, silence is 0 and perfect 100",
        paper: "Lavin, Ahmad 2015, ICMLA. doi:10.1109/ICMLA.2015.141",
        subject: Subject::Series,
        needs: &[Need::BothClasses, Need::Verdicts],
        range: (f64::NEG_INFINITY, 100.0),
        better: Better::Higher,
        random: "below 0 where alarms are frequent; computed by shuffling",
        weakness: "false alarms cost point by point, so values of data with different lengths are not comparable",
        monotone: false,
    };
    type Input = Case;

    fn measure(&self, case: &Case) -> Result<f64> {
        nab::score(Self::CARD.id, case, Profile { false_alarm: 0.22, miss: 1.0 })
    }

    fn random_level(&self, case: &Case, run: &Run) -> Result<Option<f64>> {
        case.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::assert_golden;
    use super::*;
    use crate::MetricExt;

    /// numenta/NAB ea702d7, nab/sweeper.py; see golden/series.py. The same sums, hence 1e-9 on a scale of 100.
    /// The third series has a window of one point, behind which NAB divides by zero.
    #[test]
    fn matches_reference() {
        assert_golden([78.30244827153035, -408.2925438509914, f64::NAN, -30.031178547823956], 1e-9, |case| {
            NabLowFp {}.measure_on(case).unwrap()
        });
    }

    #[test]
    fn closed_form() {
        use anomalyst_core::Verdict::{Anomalous, Normal};
        let labels: Vec<bool> = (0..20).map(|i| (5..9).contains(&i)).collect();
        let score = |alarmed: &[usize]| {
            let verdicts = (0..20).map(|i| if alarmed.contains(&i) { Anomalous } else { Normal }).collect();
            let case = Case::new(labels.clone()).with_verdicts(verdicts).unwrap();
            NabLowFp {}.measure_on(&case).unwrap()
        };
        assert_eq!((score(&[]), score(&[5]), score(&[2, 5, 8])), (0.0, 100.0, 100.0));
        // An alarm long before the window costs the whole price of a false alarm.
        assert!((score(&[3, 5]) - 100.0 * (1.0 + 1.0 - 0.22) / (1.0 + 1.0)).abs() < 1e-12);
    }
}
