//! What is learned of each channel, and how its cells become numbers without gaps.

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Dataset, Error, Notices, Result, Series};
use anomalyst_kernels::stats::{Moments, quantile};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Measured values are held to this many units from the centre, so that squares stay finite in 32 bits.
const FARTHEST: f64 = 1e9;

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

/// A channel that takes part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Channel {
    pub(super) name: String,
    pub(super) center: f64,
    pub(super) unit: f64,
}

/// The channels of `series` that differ within themselves; where none does, those that have a value, in units of 1, so
/// that a flat series is all alike and not an error.
pub(super) fn fit(series: &Series, scale: ChannelScale) -> Result<(Vec<Channel>, Notices)> {
    let mut notices = Notices::default();
    let learned: Vec<Option<Channel>> = (0..series.channels.len())
        .into_par_iter()
        .map(|channel| learn(&series.channels[channel], cells(series, channel), scale))
        .collect();
    for (name, learned) in series.channels.iter().zip(&learned) {
        if learned.is_none() {
            notices.info(Some(name), "left out: it has no two values that differ");
        }
    }
    let mut channels: Vec<Channel> = learned.into_iter().flatten().collect();
    if channels.is_empty() {
        notices = Notices::default();
        notices.handled(None, "no channel has two values that differ, so no point stands out");
        let flat = |i: usize| {
            let center = *cells(series, i).first()?;
            Some(Channel { name: series.channels[i].clone(), center, unit: 1.0 })
        };
        channels = (0..series.channels.len()).filter_map(flat).collect();
    }
    if channels.is_empty() {
        return Err(Error::Data("no channel has a value, so there is nothing to learn from".into()));
    }
    Ok((channels, notices))
}

fn cells(series: &Series, channel: usize) -> Vec<f64> {
    series.values.column(channel).iter().copied().filter(|v| v.is_finite()).collect()
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
    Some(Channel { name: name.into(), center, unit })
}

/// The series of a dataset.
pub(super) fn series_of(data: &Dataset) -> Result<&Series> {
    match data {
        Dataset::Series(series) => Ok(series),
        _ => Err(Error::Data(
            "this encoder takes series; say --as series if the rows are points in time".into(),
        )),
    }
}

/// The channels of `series` in their own units, points x channels, without gaps: between two values the line that joins
/// them, before the first and after the last the nearest one, in a series without any the centre.
pub(super) fn measured(channels: &[Channel], series: &Series) -> Result<Array2<f32>> {
    let place = |channel: &Channel| {
        series.channels.iter().position(|name| *name == channel.name).ok_or_else(|| {
            Error::Data(format!("there is no channel `{}`, which was learned from", channel.name))
        })
    };
    let places: Vec<usize> = channels.iter().map(place).collect::<Result<_>>()?;
    let columns: Vec<Vec<f32>> = channels
        .par_iter()
        .zip(&places)
        .map(|(channel, &place)| {
            let z = |v: &f64| {
                let z = (v - channel.center) / channel.unit;
                if v.is_finite() { z.clamp(-FARTHEST, FARTHEST) as f32 } else { f32::NAN }
            };
            let mut column: Vec<f32> = series.values.column(place).iter().map(z).collect();
            series.ranges().for_each(|range| fill(&mut column[range]));
            column
        })
        .collect();
    Ok(Array2::from_shape_fn((series.n_points(), channels.len()), |(point, channel)| columns[channel][point]))
}

/// Fills gaps by the line between their ends.
fn fill(values: &mut [f32]) {
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
                let (from, step) = (values[last], (values[i] - values[last]) / (i - last) as f32);
                (last + 1..i).for_each(|at| values[at] = from + step * (at - last) as f32);
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

/// Channels as a model file holds them, checked.
pub(super) fn sound(channels: &[Channel]) -> Result<()> {
    let is_sound =
        |channel: &Channel| channel.center.is_finite() && channel.unit.is_finite() && channel.unit > 0.0;
    let mut names: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
    names.sort_unstable();
    if channels.is_empty()
        || !channels.iter().all(is_sound)
        || names.windows(2).any(|pair| pair[0] == pair[1])
    {
        return Err(Error::model("the channels of the series do not hold together"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_flat_series_is_all_alike() {
        let flat = Series::one(array![[5.0], [5.0]]);
        let (channels, _) = fit(&flat, ChannelScale::Standard).unwrap();
        assert_eq!(measured(&channels, &flat).unwrap(), array![[0.0], [0.0]]);
        assert!(fit(&Series::one(array![[f64::NAN]]), ChannelScale::Standard).is_err());
    }

    #[test]
    fn gaps_are_bridged() {
        let mut values = [f32::NAN, 1.0, f32::NAN, f32::NAN, 4.0, f32::NAN];
        fill(&mut values);
        assert_eq!(values, [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
        let mut none = [f32::NAN; 3];
        fill(&mut none);
        assert_eq!(none, [0.0; 3]);
    }

    #[test]
    fn channels_are_measured_in_their_own_units() {
        let series =
            Series::one(array![[1.0, 5.0, f64::NAN], [3.0, 5.0, f64::NAN], [f64::NAN, 5.0, f64::NAN]]);
        let (channels, notices) = fit(&series, ChannelScale::Standard).unwrap();
        assert_eq!((channels.len(), notices.0.len()), (1, 2));
        assert_eq!(measured(&channels, &series).unwrap(), array![[-1.0], [1.0], [1.0]]);
        let huge = Series::one(array![[1e300], [-1e300], [0.0]]);
        let (channels, _) = fit(&huge, ChannelScale::Standard).unwrap();
        assert!(measured(&channels, &huge).unwrap().iter().all(|v| v.abs() <= 1.5));
    }
}
