//! What a point is forecast from, and what its oddness is told from: rows for trees.

use std::ops::Range;

use anomalyst_core::{Checked, Error, Result};
use anomalyst_kernels::order::{float_key, key_float};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::parts::series_of;

use super::{Covariates, MOST_TOGETHER};

/// The points of each channel, and where each series is.
pub(super) struct Columns {
    channels: Vec<Vec<f32>>,
    series: Vec<Range<usize>>,
    pub(super) n_points: usize,
}

impl Columns {
    pub(super) fn of(rows: Checked<'_>) -> Self {
        let channel = |channel| rows.values.column(channel).to_vec();
        let series = series_of(rows).into_iter().filter(|range| !range.is_empty()).collect();
        let channels = (0..rows.n_values()).into_par_iter().map(channel).collect();
        Self { channels, series, n_points: rows.n_parts() }
    }

    pub(super) fn channel(&self, channel: usize) -> &[f32] {
        &self.channels[channel]
    }

    /// The points that have `reach` points before them.
    pub(super) fn whole(&self, reach: usize) -> impl Iterator<Item = usize> {
        self.series.iter().flat_map(move |range| range.start + reach.min(range.len())..range.end)
    }

    /// The series that holds `point`.
    fn series_of(&self, point: usize) -> Range<usize> {
        let at = self.series.partition_point(|range| range.end <= point);
        self.series.get(at).cloned().unwrap_or(0..self.n_points)
    }
}

/// Which channels are forecast, from what.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) n_channels: usize,
    pub(super) response: Option<usize>,
    pub(super) covariates: Covariates,
    pub(super) n_lags: usize,
    pub(super) n_covariate_lags: usize,
}

/// Which trees a row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To forecast the point.
    Forecast,
    /// To tell its oddness from the other channels.
    Oddness,
}

impl Plan {
    /// Refuses what no fit gives.
    pub(super) fn check(&self, n_channels: usize) -> Result<()> {
        let is_sound = self.n_channels == n_channels
            && self.response.is_none_or(|response| response < n_channels)
            && (1..=500).contains(&self.n_lags)
            && (1..=100).contains(&self.n_covariate_lags);
        if is_sound { Ok(()) } else { Err(Error::model("the columns of the forecasts are not possible")) }
    }

    /// The channels that are forecast.
    pub(super) fn targets(&self) -> Range<usize> {
        self.response.map_or(0..self.n_channels, |response| response..response + 1)
    }

    /// The channels that know of each other, `channel` among them.
    pub(super) fn part_of(&self, channel: usize) -> Range<usize> {
        let most = MOST_TOGETHER[usize::from(self.response.is_some())];
        let n_parts = self.n_channels.div_ceil(most).max(1);
        let start = |part: usize| (part as u128 * self.n_channels as u128 / n_parts as u128) as usize;
        // The last part that starts at the channel or before.
        let last = ((channel + 1) as u128 * n_parts as u128 - 1) / self.n_channels.max(1) as u128;
        let part = last as usize;
        start(part)..start(part + 1)
    }

    /// How many points back a row looks; a point later than that does not see another.
    pub(super) fn reach(&self) -> usize {
        match self.covariates {
            Covariates::None => self.n_lags,
            Covariates::Lagged => self.n_lags.max(self.n_covariate_lags + 1),
            Covariates::Now => self.n_lags.max(self.n_covariate_lags),
        }
    }

    fn knows_others(&self, purpose: Purpose) -> bool {
        purpose == Purpose::Oddness || self.covariates != Covariates::None
    }

    /// The channel that each column of a row is of.
    pub(super) fn owners(&self, target: usize, purpose: Purpose) -> Vec<usize> {
        let n_own = if purpose == Purpose::Forecast { 1 + self.n_lags } else { 0 };
        let mut owners = vec![target; n_own];
        if self.knows_others(purpose) {
            for other in self.part_of(target).filter(|&other| other != target) {
                owners.extend(std::iter::repeat_n(other, 1 + self.n_covariate_lags));
            }
        }
        owners
    }

    /// Puts the row of `point` into `row`, and says from where its value is measured.
    pub(super) fn fill(
        &self,
        columns: &Columns,
        (target, purpose): (usize, Purpose),
        point: usize,
        row: &mut Vec<f32>,
    ) -> f32 {
        row.clear();
        let at = Place::new(&columns.series_of(point), point, self.reach().max(self.n_covariate_lags));
        let own = columns.channel(target);
        let mut middle = own[point];
        if purpose == Purpose::Forecast {
            row.push(0.0);
            row.extend((1..=self.n_lags).map(|lag| at.value(own, lag)));
            middle = median_of_known(&row[1..]);
            row[0] = middle;
            if !middle.is_nan() {
                row[1..].iter_mut().for_each(|value| *value -= middle);
            }
        }
        if self.knows_others(purpose) {
            let newest = usize::from(purpose == Purpose::Forecast && self.covariates == Covariates::Lagged);
            for other in self.part_of(target).filter(|&other| other != target) {
                let points = columns.channel(other);
                let value = at.value(points, newest);
                row.push(value);
                row.extend((1..=self.n_covariate_lags).map(|lag| value - at.value(points, newest + lag)));
            }
        }
        // Differences of values near the end of the range of 32 bits.
        row.iter_mut().for_each(|value| *value = value.clamp(f32::MIN, f32::MAX));
        middle
    }
}

/// A point in its series, and which way it looks.
struct Place {
    first: usize,
    point: usize,
    /// Whether the points after it stand for those before.
    backwards: bool,
}

impl Place {
    fn new(series: &Range<usize>, point: usize, reach: usize) -> Self {
        let backwards = point - series.start < reach && point + reach < series.end;
        Self { first: series.start, point, backwards }
    }

    fn value(&self, points: &[f32], lag: usize) -> f32 {
        if self.backwards {
            points[self.point + lag]
        } else if self.point - self.first >= lag {
            points[self.point - lag]
        } else {
            f32::NAN
        }
    }
}

/// The lower median of what is not missing; missing where all is.
fn median_of_known(values: &[f32]) -> f32 {
    let mut keys: Vec<u32> = values.iter().filter(|v| !v.is_nan()).map(|&v| float_key(v)).collect();
    let Some(middle) = keys.len().checked_sub(1) else { return f32::NAN };
    let (_, &mut key, _) = keys.select_nth_unstable(middle / 2);
    key_float(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::{Features, Layout, ranges_of};
    use ndarray::Array2;

    fn columns(n: usize, d: usize, ends: Vec<usize>) -> Columns {
        let values = Array2::from_shape_fn((n, d), |(i, j)| (i * i + 100 * j) as f32);
        let features = Features { layout: Layout::Sequences { ends }, ..Features::rows(values) };
        let channel = |j| features.values.column(j).to_vec();
        let Layout::Sequences { ends } = &features.layout else { unreachable!() };
        Columns {
            channels: (0..d).map(channel).collect(),
            series: ranges_of(ends).filter(|range| !range.is_empty()).collect(),
            n_points: n,
        }
    }

    fn plan(covariates: Covariates) -> Plan {
        Plan { n_channels: 2, response: None, covariates, n_lags: 3, n_covariate_lags: 2 }
    }

    #[test]
    fn rows_by_hand() {
        let columns = columns(30, 2, vec![10, 10, 30]);
        let mut row = Vec::new();
        // 4, 9, 16 before; their middle is 9.
        assert_eq!(plan(Covariates::None).fill(&columns, (0, Purpose::Forecast), 5, &mut row), 9.0);
        assert_eq!(row, [9.0, 7.0, 0.0, -5.0]);
        plan(Covariates::Now).fill(&columns, (0, Purpose::Forecast), 5, &mut row);
        assert_eq!(row[4..], [125.0, 9.0, 16.0]);
        plan(Covariates::Lagged).fill(&columns, (0, Purpose::Forecast), 5, &mut row);
        assert_eq!(row[4..], [116.0, 7.0, 12.0]);
        plan(Covariates::None).fill(&columns, (1, Purpose::Oddness), 5, &mut row);
        assert_eq!(row, [25.0, 9.0, 16.0]);
        // The first point of the second series looks at those after it, never at the first series.
        assert_eq!(plan(Covariates::None).fill(&columns, (0, Purpose::Forecast), 10, &mut row), 144.0);
        assert_eq!(row, [144.0, -23.0, 0.0, 25.0]);
        for covariates in [Covariates::None, Covariates::Lagged, Covariates::Now] {
            for purpose in [Purpose::Forecast, Purpose::Oddness] {
                plan(covariates).fill(&columns, (0, purpose), 7, &mut row);
                assert_eq!(row.len(), plan(covariates).owners(0, purpose).len());
            }
        }
    }

    #[test]
    fn of_short_series_the_rest_is_missing() {
        let columns = columns(3, 1, vec![3]);
        let plan = Plan { n_channels: 1, ..plan(Covariates::None) };
        let mut row = Vec::new();
        assert!(plan.fill(&columns, (0, Purpose::Forecast), 0, &mut row).is_nan());
        assert!(row.iter().all(|v| v.is_nan()));
        assert_eq!(plan.fill(&columns, (0, Purpose::Forecast), 2, &mut row), 0.0);
        assert!(row[1] == 1.0 && row[2] == 0.0 && row[3].is_nan());
    }

    #[test]
    fn parts_hold_every_channel_once() {
        let plan = Plan { n_channels: 150, ..plan(Covariates::Now) };
        assert_eq!([0, 49, 50, 149].map(|c| plan.part_of(c)), [0..50, 0..50, 50..100, 100..150]);
        for c in 0..150 {
            assert!(plan.part_of(c).contains(&c));
        }
        let asked = Plan { response: Some(149), ..plan };
        assert_eq!((asked.part_of(149), asked.targets()), (0..150, 149..150));
    }
}
