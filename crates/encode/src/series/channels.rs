//! What is learned of each channel, and how its cells become numbers without gaps.

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Error, ModelReader, ModelWriter, Notices, Origin, Result, Run, Series};
use anomalyst_kernels::stats::{Moments, quantile};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::change::{Change, MOST_SEASONS};

/// Measured values are held to this many units from the centre, so that squares stay finite in 32 bits.
pub(super) const FARTHEST: f64 = 1e9;
/// Periods that a model file may hold.
const LONGEST_PERIOD: usize = 1 << 24;

/// Centre and unit of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelScale {
    /// Mean and standard deviation.
    #[default]
    Standard,
    /// Median, and the interquartile range as it relates to a standard deviation in normal data.
    Robust,
    /// Smallest value and range, for all channels alike: rare commands and states do not outweigh measurements.
    Range,
    /// Values as they are.
    None,
}

/// The channels that take part, and what is looked at of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Channels {
    pub(super) each: Vec<Channel>,
    change: Change,
}

/// A channel that takes part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Channel {
    pub(super) name: String,
    center: f64,
    unit: f64,
    /// The period of its season, where that is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<usize>,
    /// The periods of further seasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    further_periods: Vec<usize>,
}

impl Channel {
    fn periods(&self) -> Vec<usize> {
        self.period.iter().chain(&self.further_periods).copied().collect()
    }
}

impl Channels {
    /// The channels of `series` that differ within themselves; where none does, those that have a value, in units of 1, so
    /// that a flat series is all alike and not an error.
    pub(super) fn fit(
        series: &Series,
        scale: ChannelScale,
        change: Change,
        run: &Run,
    ) -> Result<(Self, Notices)> {
        let mut notices = Notices::default();
        let learned: Vec<Option<Channel>> = (0..series.channels.len())
            .into_par_iter()
            .map(|channel| {
                let column = series.values.column(channel);
                let mut cells: Vec<f64> =
                    column.iter().map(|v| if v.is_finite() { *v } else { f64::NAN }).collect();
                let first = series.ranges().next().unwrap_or_default();
                let periods = change.periods(&cells[first], run)?;
                series.ranges().try_for_each(|range| change.apply(&mut cells[range], &periods, run))?;
                cells.retain(|v| v.is_finite());
                let learned = learn(&series.channels[channel], cells, scale);
                let (period, further) = (periods.first().copied(), periods.iter().skip(1).copied().collect());
                Ok(learned.map(|learned| Channel { period, further_periods: further, ..learned }))
            })
            .collect::<Result<_>>()?;
        for (name, learned) in series.channels.iter().zip(&learned) {
            if learned.is_none() {
                notices.info(Some(name), "left out: it has no two values that differ");
            }
        }
        let mut each: Vec<Channel> = learned.into_iter().flatten().collect();
        if each.is_empty() {
            notices = Notices::default();
            notices.handled(None, "no channel has two values that differ, so no point stands out");
            let flat = |i: usize| {
                let center = *series.values.column(i).iter().find(|v| v.is_finite())?;
                let center = if change == Change::None { center } else { 0.0 };
                let name = series.channels[i].clone();
                Some(Channel { name, center, unit: 1.0, period: None, further_periods: Vec::new() })
            };
            each = (0..series.channels.len()).filter_map(flat).collect();
        }
        if each.is_empty() {
            return Err(Error::Data("no channel has a value, so there is nothing to learn from".into()));
        }
        Ok((Self { each, change }, notices))
    }

    /// The channels of `series` in their own units, points x channels, without gaps: between two values the line that joins
    /// them, before the first and after the last the nearest one, in a series without any the centre.
    pub(super) fn measured(&self, series: &Series, run: &Run) -> Result<Array2<f32>> {
        let place = |channel: &Channel| {
            series.channels.iter().position(|name| *name == channel.name).ok_or_else(|| {
                Error::Data(format!("there is no channel `{}`, which was learned from", channel.name))
            })
        };
        let places: Vec<usize> = self.each.iter().map(place).collect::<Result<_>>()?;
        let columns: Vec<Vec<f32>> = self
            .each
            .par_iter()
            .zip(&places)
            .map(|(channel, &place)| {
                let column = series.values.column(place);
                let mut cells: Vec<f64> =
                    column.iter().map(|v| if v.is_finite() { *v } else { f64::NAN }).collect();
                let periods = channel.periods();
                for range in series.ranges() {
                    let own = &mut cells[range];
                    self.change.apply(own, &periods, run)?;
                    own.iter_mut().filter(|v| !v.is_nan()).for_each(|v| {
                        *v = ((*v - channel.center) / channel.unit).clamp(-FARTHEST, FARTHEST);
                    });
                    fill(own);
                }
                Ok(cells.into_iter().map(|v| v as f32).collect())
            })
            .collect::<Result<_>>()?;
        Ok(Array2::from_shape_fn((series.n_points(), columns.len()), |(point, channel)| {
            columns[channel][point]
        }))
    }

    /// The aspects of each channel, one channel after the other.
    pub(super) fn origins(&self, aspects: &[String]) -> Vec<Origin> {
        let of = |channel: &Channel| {
            let column = channel.name.clone();
            aspects.iter().map(move |aspect| Origin { column: column.clone(), aspect: aspect.clone() })
        };
        self.each.iter().flat_map(of).collect()
    }

    pub(super) fn save(&self, out: &mut ModelWriter) -> Result<()> {
        if self.change != Change::None {
            out.put_json("change", &self.change)?;
        }
        out.put_json("channels", &self.each)
    }

    /// Reads them back, checked.
    pub(super) fn load(from: &ModelReader<'_>) -> Result<Self> {
        let each: Vec<Channel> = from.json("channels")?;
        let change = if from.has_json("change") { from.json("change")? } else { Change::None };
        let is_sound = |channel: &Channel| {
            let is_possible = channel.further_periods.len() < MOST_SEASONS
                && channel.periods().iter().all(|period| (1..=LONGEST_PERIOD).contains(period));
            channel.center.is_finite() && channel.unit.is_finite() && channel.unit > 0.0 && is_possible
        };
        let mut names: Vec<&str> = each.iter().map(|channel| channel.name.as_str()).collect();
        names.sort_unstable();
        if each.is_empty() || !each.iter().all(is_sound) || names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::model("the channels of the series do not hold together"));
        }
        Ok(Self { each, change })
    }
}

fn learn(name: &str, mut cells: Vec<f64>, scale: ChannelScale) -> Option<Channel> {
    let first = *cells.first()?;
    if cells.iter().all(|&v| v == first) {
        return None;
    }
    let moments: Moments = cells.iter().copied().collect();
    let (mut center, mut unit) = (moments.mean(), moments.std_dev());
    if scale == ChannelScale::Robust {
        let [low, median, high] = [0.25, 0.5, 0.75].map(|q| quantile(&mut cells, q));
        // The interquartile range of normal data is 1.349 standard deviations.
        (center, unit) = (median, if high > low { (high - low) / 1.349 } else { unit });
    }
    if scale == ChannelScale::Range {
        let [low, high] = [f64::min, f64::max].map(|pick| cells.iter().copied().fold(first, pick));
        (center, unit) = (low, high - low);
    }
    if scale == ChannelScale::None {
        (center, unit) = (0.0, 1.0);
    }
    // Squares of very large values overflow; then the largest value is the unit.
    if !(center.is_finite() && unit.is_finite() && unit > 0.0) {
        let largest = cells.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
        (center, unit) = (0.0, largest.max(f64::MIN_POSITIVE));
    }
    Some(Channel { name: name.into(), center, unit, period: None, further_periods: Vec::new() })
}

/// Fills gaps by the line between their ends.
pub(super) fn fill(values: &mut [f64]) {
    let mut last: Option<usize> = None;
    for i in 0..values.len() {
        if values[i].is_nan() {
            continue;
        }
        match last {
            None => {
                let value = values[i];
                values[..i].fill(value);
            }
            Some(last) if last + 1 < i => {
                let (from, step) = (values[last], (values[i] - values[last]) / (i - last) as f64);
                (last + 1..i).for_each(|at| values[at] = from + step * (at - last) as f64);
            }
            Some(_) => {}
        }
        last = Some(i);
    }
    match last {
        Some(last) => {
            let value = values[last];
            values[last + 1..].fill(value);
        }
        None => values.fill(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn fit(series: &Series) -> Result<(Channels, Notices)> {
        Channels::fit(series, ChannelScale::Standard, Change::None, &Run::new(0))
    }

    #[test]
    fn a_flat_series_is_all_alike() {
        let flat = Series::one(array![[5.0], [5.0]]);
        let (channels, _) = fit(&flat).unwrap();
        assert_eq!(channels.measured(&flat, &Run::new(0)).unwrap(), array![[0.0], [0.0]]);
        assert!(fit(&Series::one(array![[f64::NAN]])).is_err());
    }

    /// What was written before channels had several seasons is read and written as it was.
    #[test]
    fn seasons_are_saved() {
        let files = [
            (r#"{"name":"x1","center":1.0,"unit":2.0}"#, vec![]),
            (r#"{"name":"x1","center":1.0,"unit":2.0,"period":24}"#, vec![24]),
            (r#"{"name":"x1","center":1.0,"unit":2.0,"period":24,"further_periods":[168]}"#, vec![24, 168]),
        ];
        for (file, periods) in files {
            let channel: Channel = serde_json::from_str(file).unwrap();
            assert_eq!(channel.periods(), periods);
            assert_eq!(serde_json::to_string(&channel).unwrap(), file);
        }
    }

    #[test]
    fn gaps_are_bridged() {
        let mut values = [f64::NAN, 1.0, f64::NAN, f64::NAN, 4.0, f64::NAN];
        fill(&mut values);
        assert_eq!(values, [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
        let mut none = [f64::NAN; 3];
        fill(&mut none);
        assert_eq!(none, [0.0; 3]);
    }

    #[test]
    fn channels_are_measured_in_their_own_units() {
        let series =
            Series::one(array![[1.0, 5.0, f64::NAN], [3.0, 5.0, f64::NAN], [f64::NAN, 5.0, f64::NAN]]);
        let (channels, notices) = fit(&series).unwrap();
        assert_eq!((channels.each.len(), notices.0.len()), (1, 2));
        assert_eq!(channels.measured(&series, &Run::new(0)).unwrap(), array![[-1.0], [1.0], [1.0]]);
        let huge = Series::one(array![[1e300], [-1e300], [0.0]]);
        let (channels, _) = fit(&huge).unwrap();
        assert!(channels.measured(&huge, &Run::new(0)).unwrap().iter().all(|v| v.abs() <= 1.5));
    }
}
