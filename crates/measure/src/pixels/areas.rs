//! What `pixel_auroc` and `pixel_ap` read off one walk over all pixels.

use std::ops::ControlFlow;
use std::sync::Arc;

use anomalyst_core::Result;

use super::set::MapSet;
use super::sweep::{Corners, Sweep};

/// Areas under the two curves, and the curves.
pub(super) struct Areas {
    pub(super) auroc: f64,
    pub(super) ap: f64,
    /// False-alarm rate, share of anomalous pixels found.
    pub(super) roc: Vec<[f64; 2]>,
    /// Share of anomalous pixels found, precision.
    pub(super) precision_recall: Vec<[f64; 2]>,
}

/// Both areas, made once per set of maps.
pub(super) fn areas(set: &MapSet) -> Result<Arc<Areas>> {
    set.memo.shared("", || {
        let survey = set.survey()?;
        let (n_odd, n_normal) = (survey.n_odd, survey.n_normal);
        let (mut hits, mut alarms, mut twice_won, mut ap) = (0_u64, 0_u64, 0_u128, 0.0);
        let (mut roc, mut precision_recall) = (Corners::default(), Corners::default());
        roc.push([0.0, 0.0]);
        Sweep::over_all(set, &|_, _| 0, |step| {
            let odd = step.n_odd();
            roc.push([(alarms + step.above) as f64 / n_normal as f64, hits as f64 / n_odd as f64]);
            hits += odd;
            alarms += step.above + step.tied;
            twice_won += u128::from(odd) * u128::from(2 * (n_normal - alarms) + step.tied);
            let precision = hits as f64 / (hits + alarms) as f64;
            ap += odd as f64 / n_odd as f64 * precision;
            roc.push([alarms as f64 / n_normal as f64, hits as f64 / n_odd as f64]);
            precision_recall.push([hits as f64 / n_odd as f64, precision]);
            ControlFlow::Continue(())
        })?;
        roc.push([1.0, 1.0]);
        let auroc = twice_won as f64 / (2.0 * n_odd as f64 * n_normal as f64);
        let ap = f64::min(ap, 1.0);
        Ok(Areas { auroc, ap, roc: roc.thin(), precision_recall: precision_recall.thin() })
    })
}
