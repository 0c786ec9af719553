//! What a user or a program may say about decisions on series.

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Error, Params, Result};
use serde::{Deserialize, Serialize};

/// Without times, alarms are counted per so many points.
const POINTS: f64 = 1_000.0;
/// False events expected in the scanned data where nothing is asked for.
const IN_DATA: f64 = 0.5;

/// How scores of points become decisions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeriesDecisionOptions {
    /// False alarms a day that are acceptable; without `points_per_day`, per 1,000 points. Not given: half a one in
    /// all the scanned points, and at most one per 1,000.
    #[schemars(range(min = 1e-9, max = 1e9))]
    pub false_alarms_per_day: Option<f64>,
    /// Points of all series together that one day has, where times are known.
    #[schemars(range(min = 1e-6, max = 1e12))]
    pub points_per_day: Option<f64>,
    /// How many leading points of each series are known to be normal and were not fitted: one number for all, or one
    /// per series. Empty: nothing is known.
    pub clean_lens: Vec<usize>,
    /// Points that one score looks at; exceedances so close are one event. Not given: estimated.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub window_len: Option<usize>,
    /// Points that p-values and the default number of false alarms are about. Not given: those that are not in the clean
    /// part, or all where all are.
    #[schemars(range(min = 1))]
    pub horizon_len: Option<usize>,
}

impl Params for SeriesDecisionOptions {
    fn check(&self) -> Result<()> {
        let numbers =
            [("false_alarms_per_day", self.false_alarms_per_day), ("points_per_day", self.points_per_day)];
        for (name, value) in numbers {
            if let Some(value) = value.filter(|v| !(v.is_finite() && *v > 0.0)) {
                let want = "a finite number above 0".into();
                return Err(Error::BadParameter { name: name.into(), got: value.to_string(), want });
            }
        }
        Ok(())
    }
}

impl SeriesDecisionOptions {
    /// Points that the user's number of alarms is about.
    pub(super) fn unit_len(&self) -> f64 {
        self.points_per_day.unwrap_or(POINTS)
    }

    /// Events per point asked for, when so many points are looked at.
    pub(super) fn rate(&self, horizon_len: usize) -> f64 {
        let default = || (IN_DATA / horizon_len.max(1) as f64).min(1.0 / POINTS);
        self.false_alarms_per_day.map_or_else(default, |n| n / self.unit_len())
    }
}
