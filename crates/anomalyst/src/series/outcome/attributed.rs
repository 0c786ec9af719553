//! What the method itself says of the channels of events.

use anomalyst_core::{AttributedChannel, Dataset, Event, Result, Run};

use crate::pipeline::Pipeline;

/// Channels that are named per event.
const MOST_NAMED: usize = 5;
/// Shares below this are not named.
const LEAST_SHARE: f32 = 0.01;

/// Says for each of `events` how the method divides the scores of its points among the channels, where it can.
pub(super) fn add(pipeline: &Pipeline, data: &Dataset, events: &mut [Event], run: &Run) -> Result<()> {
    let channels = &data.as_series()?.channels;
    if channels.len() < 2 || events.is_empty() {
        return Ok(());
    }
    let Some(shares) = pipeline.attribute_points(data, channels, run)? else { return Ok(()) };
    for event in events {
        let of_channel = |channel: usize| -> f64 {
            (event.first..=event.last).map(|point| f64::from(shares[[point, channel]].max(0.0))).sum()
        };
        let sums: Vec<f64> = (0..channels.len()).map(of_channel).collect();
        let all: f64 = sums.iter().sum();
        if all <= 0.0 || !all.is_finite() {
            continue;
        }
        let mut named: Vec<AttributedChannel> = channels
            .iter()
            .zip(sums)
            .map(|(channel, sum)| AttributedChannel { channel: channel.clone(), share: (sum / all) as f32 })
            .filter(|named| named.share >= LEAST_SHARE)
            .collect();
        named.sort_by(|a, b| b.share.total_cmp(&a.share));
        named.truncate(MOST_NAMED);
        event.attributed = named;
    }
    Ok(())
}
