//! What is expected of a channel around an event.

use std::ops::Range;

use anomalyst_core::Result;
use anomalyst_kernels::stats::median;

use super::EventQuestion;
use super::channel::{Channel, Scene};
use super::forecast::{Forecast, Past};
use super::season::Season;

/// Points before an event that are enough to expect from; where there are fewer, those after it are asked too.
const ENOUGH: usize = 12;
/// A picture shows at least this many points on each side.
const LEAST_DRAWN: usize = 20;
/// Outside of the event the level is that of this many points on each side.
const NEAR: usize = 10;

/// Season, level and usual errors of a channel.
pub(super) struct Expected {
    season: Option<Season>,
    pub(super) forecast: Forecast,
    /// -1 where the series is read from its end, because there is nothing before the event.
    direction: f64,
    start: usize,
}

/// Band at one point, in spreads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    pub(super) low: f64,
    pub(super) middle: f64,
    pub(super) high: f64,
    /// Steps from the last point that was learned from.
    pub(super) step: f64,
}

impl Expected {
    /// `None` where there is no point to learn from.
    pub(super) fn learn(scene: &Scene<'_>, channel: &Channel) -> Option<Self> {
        let event = &scene.event;
        let season = scene.period.and_then(|period| Season::learn(channel, period, event.start));
        let rest = |point: usize| channel.z[point] - season.as_ref().map_or(0.0, |s| s.middle(point));
        let points = |range: Range<usize>| range.filter(|&point| channel.usual[point]);
        let before: Vec<usize> = points(0..event.start).collect();
        let after: Vec<usize> = points(event.end..channel.z.len()).collect();
        let forward = before.len() >= ENOUGH || before.len() >= after.len();
        let direction = if forward { 1.0 } else { -1.0 };
        let order: Vec<usize> = if forward { before } else { after.into_iter().rev().collect() };
        let past = Past {
            at: order.iter().map(|&point| point as f64 * direction).collect(),
            y: order.iter().map(|&point| rest(point)).collect(),
        };
        let forecast = Forecast::learn(past.trimmed(), event.len())?;
        let start = event.start;
        Some(Self { season, forecast, direction, start })
    }

    /// The season's part at `point`; 0 where there is none.
    pub(super) fn seasonal(&self, point: usize) -> f64 {
        self.season.as_ref().map_or(0.0, |season| season.middle(point))
    }

    /// Whether it is the past that is expected from.
    pub(super) fn is_forward(&self) -> bool {
        self.direction > 0.0
    }

    /// The band at `points`, as it is forecast.
    pub(super) fn bands(&self, points: Range<usize>) -> Vec<Band> {
        let times = points.clone().map(|point| point as f64 * self.direction);
        let paths = self.forecast.expected(times);
        points.zip(paths).map(|(point, (level, step))| self.band(point, level, step)).collect()
    }

    fn band(&self, point: usize, level: f64, step: f64) -> Band {
        let (low, high) = self.forecast.band(step);
        let width = self.season.as_ref().map_or(1.0, |season| season.width(point));
        let middle = level + self.seasonal(point);
        Band { low: middle + low * width, middle, high: middle + high * width, step }
    }

    /// For each of `points` by how many usual errors it is off; `NaN` where missing.
    pub(super) fn deviations(&self, channel: &Channel, points: Range<usize>) -> Vec<f64> {
        let bands = self.bands(points.clone());
        points
            .zip(bands)
            .map(|(p, band)| (channel.z[p] - band.middle) / self.forecast.sigma(band.step))
            .collect()
    }

    /// The band for a picture: forecast from the event on, around the local level before it.
    fn drawn(&self, channel: &Channel, points: Range<usize>) -> Vec<Band> {
        let mut bands = self.bands(points.clone());
        let in_picture = |point: usize| (point < self.start) == self.is_forward();
        for (band, point) in bands.iter_mut().zip(points).filter(|(_, point)| in_picture(*point)) {
            let near = point.saturating_sub(NEAR)..(point + NEAR + 1).min(channel.z.len());
            let usual = near.filter(|&p| channel.usual[p]);
            let mut rest: Vec<f64> = usual.map(|p| channel.z[p] - self.seasonal(p)).collect();
            if !rest.is_empty() {
                *band = self.band(point, median(&mut rest), 1.0);
            }
        }
        bands
    }
}

/// The points that a picture of the event shows: the event, and on each side as much again, a period, or 20 points,
/// whichever is most.
pub fn drawn_points(question: &EventQuestion<'_>) -> Range<usize> {
    let EventQuestion { range, event, .. } = question;
    let period = question.period.filter(|&p| p <= range.len() / 2).unwrap_or(0);
    let side = event.len().max(period).max(LEAST_DRAWN);
    event.start.saturating_sub(side).max(range.start)..event.end.saturating_add(side).min(range.end)
}

/// Low, middle and high of what was expected of `channel` at each of [`drawn_points`], in the channel's unit; `NaN`
/// where there is nothing to expect from.
pub fn expected_band(question: &EventQuestion<'_>, channel: usize) -> Result<Vec<[f64; 3]>> {
    let scene = Scene::new(question)?;
    let drawn = drawn_points(question);
    if channel >= question.series.values.ncols() {
        let n = question.series.values.ncols();
        return Err(anomalyst_core::Error::Data(format!("channel {channel} is not among {n}")));
    }
    let channel = Channel::new(&scene, channel);
    let Some(expected) = Expected::learn(&scene, &channel) else {
        return Ok(vec![[f64::NAN; 3]; drawn.len()]);
    };
    // The scene reaches further than the picture, except around an event longer than its sides.
    let inside = |point: usize| point.clamp(scene.points.start, scene.points.end) - scene.points.start;
    let (from, until) = (inside(drawn.start), inside(drawn.end));
    let mut bands = vec![[f64::NAN; 3]; drawn.len()];
    let first = scene.points.start + from - drawn.start;
    for (to, band) in bands[first..].iter_mut().zip(expected.drawn(&channel, from..until)) {
        *to = [band.low, band.middle, band.high].map(|z| channel.value(z));
    }
    Ok(bands)
}
