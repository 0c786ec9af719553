//! Other events that look like this one in the channel that is most to blame.

use std::ops::Range;

use super::EventQuestion;
use super::channel::Channel;
use super::correlation::correlation;
use super::stretch::Texture;
use anomalyst_kernels::stats::median;

/// Similar events that are named at most.
const NAMED: usize = 5;
/// Events that are compared, the nearest in time.
const COMPARED: usize = 500;
/// Points at which two courses are compared.
const POINTS: usize = 32;
/// Courses are alike where they correlate at least this much, ...
const ALIKE: f64 = 0.8;
/// ... and where length, and height or texture, differ by at most this factor.
const FACTOR: f64 = 2.0;
/// Points before an event that give the level its height is measured from.
const BEFORE: usize = 20;

/// An event reduced to what is compared.
struct Profile {
    len: usize,
    course: Vec<f64>,
    height: f64,
    texture: Texture,
    missing: f64,
}

/// Events of the same series that are alike, most alike first, and at most five.
///
/// Two events are alike where their lengths differ by at most a factor of two and either their courses, stretched
/// to one length and with a bit of what lies around them, correlate and reach a like height, or both are equally
/// missing, or both swing as widely and as fast. `texture` says that the last is what the event is about.
pub(super) fn similar(question: &EventQuestion<'_>, channel: &Channel, texture: bool) -> Vec<Range<usize>> {
    let event = &question.event;
    let apart = |other: &&Range<usize>| {
        let inside = other.start >= question.range.start && other.end <= question.range.end;
        inside && other.start < other.end && (other.end <= event.start || other.start >= event.end)
    };
    let mut others: Vec<Range<usize>> = question.others.iter().filter(apart).cloned().collect();
    others.sort_by_key(|other| (other.start.abs_diff(event.start), other.start, other.end));
    others.dedup();
    others.truncate(COMPARED);
    let Some(own) = profile(question, channel, event) else { return Vec::new() };
    let mut found: Vec<(f64, Range<usize>)> = others
        .into_iter()
        .filter_map(|other| {
            let likeness = likeness(&own, &profile(question, channel, &other)?, texture)?;
            Some((likeness, other))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.start.cmp(&b.1.start)));
    found.into_iter().take(NAMED).map(|(_, other)| other).collect()
}

fn profile(question: &EventQuestion<'_>, channel: &Channel, event: &Range<usize>) -> Option<Profile> {
    let values = question.series.values.column(channel.index);
    let z = |point: usize| {
        let value = values[point];
        if value.is_finite() {
            (value / channel.spread - channel.center / channel.spread).clamp(-1e9, 1e9)
        } else {
            f64::NAN
        }
    };
    let margin = (event.len() / 2).clamp(2, 100);
    let from = event.start.saturating_sub(margin).max(question.range.start);
    let until = (event.end + margin).min(question.range.end);
    let earlier = event.start.saturating_sub(BEFORE).max(question.range.start)..event.start;
    let mut before: Vec<f64> = earlier.map(z).filter(|v| v.is_finite()).collect();
    let inside: Vec<f64> = event.clone().map(z).collect();
    let gone = inside.iter().filter(|v| v.is_nan()).count();
    let base = if before.is_empty() { 0.0 } else { median(&mut before) };
    let height = inside.iter().map(|v| v - base).filter(|v| v.is_finite());
    let height = height.max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
    let n = until - from;
    let course = (0..POINTS).map(|i| z(from + (i * (n - 1) + POINTS / 2) / (POINTS - 1))).collect();
    let texture = Texture::of(&inside, false).ok()?;
    Some(Profile { len: event.len(), course, height, texture, missing: gone as f64 / event.len() as f64 })
}

/// How alike two events are, 0 to 1; `None` where they are not.
fn likeness(a: &Profile, b: &Profile, texture: bool) -> Option<f64> {
    let near = |x: f64, y: f64| x / y <= FACTOR && y / x <= FACTOR;
    if !near(a.len as f64, b.len as f64) {
        return None;
    }
    if a.missing >= 0.3 || b.missing >= 0.3 {
        let difference = (a.missing - b.missing).abs();
        return (difference <= 0.3).then_some(1.0 - difference);
    }
    if texture {
        let gap = |x: Option<f64>, y: Option<f64>| Some((x? - y?).abs());
        let gaps = [gap(a.texture.swing, b.texture.swing)?, gap(a.texture.speed, b.texture.speed)?];
        let alike = gaps.iter().all(|gap| gap.exp() <= FACTOR.sqrt());
        return alike.then(|| 1.0 / (1.0 + gaps[0] + gaps[1]));
    }
    let alike = correlation(a.course.iter().copied().zip(b.course.iter().copied()))?;
    (alike >= ALIKE && near(a.height, b.height)).then_some(alike)
}
