//! Numbers, times and one plain sentence about an event.

use anomalyst_core::{EventKind, Series};
use anomalyst_kernels::stats::median;

use super::blame::Suspect;
use super::channel::Scene;
use super::correlation::Broken;
use super::kind::Reading;
use super::relations::RootCause;
use crate::cells::{number_text, time_text};

/// Characters of a channel's name before it is cut.
const MAX_CHARS: usize = 60;
/// A number is given to this share of the band's width: what is finer says nothing.
const FINENESS: f64 = 20.0;
/// Narrower bands than this share of the values are one number.
const NARROW: f64 = 1e-5;
/// Changes beyond these factors are told by the factor.
const FACTORS: [f64; 2] = [0.01, 1000.0];
/// Points that give the level before something happened.
const BEFORE: usize = 20;

/// `value` as precise as the width of what is expected makes sense of.
pub(super) fn rounded(value: f64, width: f64) -> String {
    let unit = 10_f64.powf((width / FINENESS).log10().floor());
    let scaled = value / unit;
    // Beyond this many units the text has all its six digits anyway, and rounding could only overflow.
    if !scaled.is_finite() || scaled.abs() > 1e6 || unit <= 0.0 {
        return number_text(value);
    }
    // Whole tens and tenths are divided by, not multiplied with, so that 0.3 stays 0.3.
    let value = if unit < 1.0 { scaled.round() / (1.0 / unit).round() } else { scaled.round() * unit };
    number_text(if value == 0.0 { 0.0 } else { value })
}

/// The largest size of a channel's values in the event; 0 where all are missing.
pub(super) fn size(scene: &Scene<'_>, channel: usize) -> f64 {
    scene.event.clone().map(|point| scene.raw(channel, point).abs()).fold(0.0, f64::max)
}

/// A band so narrow beside values of `size` that its width says nothing is one number, as fine as they make sense of.
pub(super) fn legible([low, high]: [f64; 2], size: f64) -> [f64; 2] {
    let size = size.max(low.abs()).max(high.abs());
    let unit = 10_f64.powf((size * NARROW).log10().ceil());
    if high - low > size * NARROW || unit <= 0.0 || !unit.is_finite() {
        return [low, high];
    }
    let middle = ((low / 2.0 + high / 2.0) / unit).round() * unit;
    [if middle == 0.0 { 0.0 } else { middle }; 2]
}

/// When `point` of the scene is: a time, or its number in the series counted from 1.
fn when(scene: &Scene<'_>, first_of_series: usize, point: usize) -> String {
    when_in(scene.series, first_of_series, scene.points.start + point)
}

/// The same of a point of the series.
fn when_in(series: &Series, first_of_series: usize, at: usize) -> String {
    match &series.times {
        Some(times) => times.get(at).map_or_else(String::new, |&micros| time_text(micros)),
        None => format!("point {}", at + 1 - first_of_series),
    }
}

/// Which channels the others no longer told first, and when, as the end of a sentence; `None` where that says nothing:
/// where no other channel left what is usual, or where the first is told by no other.
pub(super) fn first_to_leave(
    series: &Series,
    first_of_series: usize,
    causes: &[RootCause],
) -> Option<String> {
    let at = causes.first().filter(|first| first.related)?.left_relations?;
    let left = |cause: &&RootCause| cause.left_relations.or(cause.left_band).is_some();
    // What is told by a channel that breaks away is no longer told either; only what left its own band went with it.
    let with_it = |cause: &&RootCause| {
        cause.left_relations == Some(at) && cause.left_band.is_some_and(|band| band <= at)
    };
    let together = 1 + causes[1..].iter().filter(with_it).count();
    if causes.iter().filter(left).count() < 2 {
        return None;
    }
    let who = match together {
        1 => String::new(),
        2 => " and 1 more channel".to_owned(),
        n => format!(" and {} more channels", n - 1),
    };
    let name = name_in(series, causes[0].channel);
    Some(format!("{name}{who} broke away from the others first, at {}", when_in(series, first_of_series, at)))
}

/// The name in the quotes of code, on one line.
pub(super) fn name(scene: &Scene<'_>, channel: usize) -> String {
    name_in(scene.series, channel)
}

fn name_in(series: &Series, channel: usize) -> String {
    let own = series.channels.get(channel).map_or("", String::as_str);
    let clean = |c: char| if c.is_control() || c == '`' { ' ' } else { c };
    let mut cut: String = own.chars().take(MAX_CHARS).map(clean).collect();
    if cut.len() < own.len() {
        cut.push_str("...");
    }
    format!("`{cut}`")
}

/// What is said about the most blamed channel.
pub(super) struct Story<'a> {
    pub(super) scene: &'a Scene<'a>,
    /// First point of the series that the event belongs to.
    pub(super) first_of_series: usize,
    pub(super) suspect: &'a Suspect,
    pub(super) reading: Reading,
    /// The channel that was left, for a correlation break.
    pub(super) broken: Option<(Broken, usize)>,
    /// Names of other channels that share the blame.
    pub(super) others: Vec<String>,
}

impl Story<'_> {
    pub(super) fn sentence(&self) -> String {
        let name = name(self.scene, self.suspect.channel.index);
        let mut text = match self.reading.kind {
            EventKind::Spike | EventKind::Dip => self.peaked(&name),
            EventKind::LevelShift => self.jumped(&name),
            EventKind::TrendChange => self.drifted(&name),
            EventKind::Amplitude => self.swung(&name, "widely"),
            EventKind::Frequency => self.swung(&name, "fast"),
            EventKind::Pattern => self.strange(&name),
            EventKind::Dropout => self.gone(&name),
            EventKind::Stuck => self.stood(&name),
            EventKind::CorrelationBreak => self.parted(&name),
        };
        match self.others.as_slice() {
            [] => {}
            [only] => text.push_str(&format!("; {only} took part")),
            [first, rest @ ..] => {
                let (n, s) = (rest.len(), if rest.len() == 1 { "" } else { "s" });
                text.push_str(&format!("; {first} and {n} more channel{s} took part"));
            }
        }
        text.push('.');
        text
    }

    /// Point of the scene at place `i` of the event.
    fn point(&self, i: usize) -> usize {
        self.scene.event.start + i
    }

    fn when(&self, point: usize) -> String {
        when(self.scene, self.first_of_series, point)
    }

    /// The event in time.
    fn span(&self) -> String {
        let (first, last) = (self.scene.event.start, self.scene.event.end - 1);
        let (from, to) = (self.when(first), self.when(last));
        if from == to {
            format!("at {from}")
        } else {
            format!("from {from} to {}", to.trim_start_matches("point "))
        }
    }

    /// Low and high of what was expected at `point`, in the channel's unit.
    fn band(&self, point: usize) -> Option<[f64; 2]> {
        let band = self.suspect.bands.get(point.checked_sub(self.scene.event.start)?)?;
        Some([band.low, band.high].map(|z| self.suspect.channel.value(z)))
    }

    fn width(&self) -> f64 {
        let band = self.band(self.scene.peak);
        band.map_or(0.0, |[low, high]| high / 2.0 - low / 2.0).min(f64::MAX / 4.0) * 2.0
    }

    fn number(&self, value: f64) -> String {
        rounded(value, self.width())
    }

    /// `; 1.9 to 2.3 was expected`, at `point`.
    fn expected(&self, point: usize) -> String {
        self.expectation(self.band(point))
    }

    fn expectation(&self, band: Option<[f64; 2]>) -> String {
        let Some(band) = band else { return String::new() };
        let [low, high] = legible(band, size(self.scene, self.suspect.channel.index)).map(|v| self.number(v));
        if low == high { format!("; {low} was expected") } else { format!("; {low} to {high} was expected") }
    }

    fn raw(&self, point: usize) -> f64 {
        self.scene.raw(self.suspect.channel.index, point)
    }

    /// Median of what is there of some points.
    fn level(&self, points: std::ops::Range<usize>) -> Option<f64> {
        // Halves, so that the middle of two large numbers is a number.
        let mut there: Vec<f64> = points.map(|p| self.raw(p) / 2.0).filter(|v| v.is_finite()).collect();
        (!there.is_empty()).then(|| median(&mut there) * 2.0)
    }

    /// The point of the reading that is furthest off.
    fn furthest(&self) -> usize {
        let Reading { first, len, .. } = self.reading;
        let off = |i: usize| {
            self.suspect.deviations.get(i).copied().filter(|d| d.is_finite()).map_or(0.0, f64::abs)
        };
        let last = (first + len).min(self.scene.event.len());
        self.point((first..last).max_by(|&a, &b| off(a).total_cmp(&off(b)).then(b.cmp(&a))).unwrap_or(first))
    }

    fn peaked(&self, name: &str) -> String {
        let verb = if self.reading.kind == EventKind::Spike { "rose" } else { "fell" };
        let top = self.furthest();
        let lasting = match self.reading.len {
            1 => String::new(),
            n => format!(" and was back after {n} points"),
        };
        let value = self.number(self.raw(top));
        format!("{name} {verb} to {value} at {}{lasting}{}", self.when(top), self.expected(top))
    }

    fn jumped(&self, name: &str) -> String {
        let Reading { first, len, .. } = self.reading;
        let start = self.point(first);
        let end = (start + len).min(self.scene.n_points());
        let after = self.level(start..end).unwrap_or(f64::NAN);
        let before = self.level(start.saturating_sub(BEFORE)..start);
        let usual = self.band(start).map(|[low, high]| low / 2.0 + high / 2.0);
        let verb = if before.or(usual).is_some_and(|before| before > after) { "dropped" } else { "jumped" };
        let from = before.map_or_else(String::new, |before| format!(" from about {}", self.number(before)));
        let (to, at) = (self.number(after), self.when(start));
        format!(
            "{name} {verb}{from} to {to} at {at} and stayed there for {len} points{}",
            self.expected(start)
        )
    }

    fn drifted(&self, name: &str) -> String {
        let first = self.reading.first.min(self.scene.event.len() - 1);
        let (start, end) = (self.point(first), self.scene.event.end);
        let third = (end - start).div_ceil(3);
        let slope = match (self.level(start..start + third), self.level(end - third..end)) {
            (Some(a), Some(b)) if end - start > third => (b - a) / (end - start - third) as f64,
            _ => 0.0,
        };
        let usual = self
            .suspect
            .expected
            .as_ref()
            .map_or(0.0, |expected| expected.forecast.slope() * self.suspect.channel.spread);
        let last = (start..end).rev().find(|&p| self.raw(p).is_finite()).unwrap_or(end - 1);
        let per_point = |slope: f64| rounded(slope, self.width() / (end - start) as f64);
        format!(
            "{name} changed its slope from {} to {} per point at {} and reached {} at {}{}",
            per_point(usual),
            per_point(slope),
            self.when(start),
            self.number(self.raw(last)),
            self.when(last),
            self.expected(last)
        )
    }

    fn swung(&self, name: &str, how: &str) -> String {
        let times = match self.reading.ratio {
            ratio if ratio < FACTORS[0] => format!("less than {}", FACTORS[0]),
            ratio if ratio > FACTORS[1] => format!("more than {}", FACTORS[1]),
            ratio => rounded(ratio, if ratio < 1.0 { 0.5 } else { 4.0 }),
        };
        let values = (self.scene.event.clone()).map(|p| self.raw(p)).filter(|v| v.is_finite());
        let [low, high] =
            values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)]);
        let (low, high, span) = (self.number(low), self.number(high), self.span());
        let bands = self.suspect.bands.iter().map(|band| [band.low, band.high]);
        let hull = bands.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]);
        let expected = self.expectation(hull.map(|hull| hull.map(|z| self.suspect.channel.value(z))));
        format!("{name} swung {times} times as {how} as usual {span}, between {low} and {high}{expected}")
    }

    fn strange(&self, name: &str) -> String {
        let peak = self.scene.peak;
        let value = self.raw(peak);
        if value.is_nan() {
            return format!("{name} took an unusual course {}", self.span());
        }
        let (value, at) = (self.number(value), self.when(peak));
        format!(
            "{name} took an unusual course {}: it was {value} at {at}{}",
            self.span(),
            self.expected(peak)
        )
    }

    fn gone(&self, name: &str) -> String {
        let (n, all) = (self.reading.len, self.scene.event.len());
        let how = match (n, all) {
            (1, 1) => String::new(),
            (n, all) if n == all => format!(" for {n} points"),
            _ => format!(" at {n} of {all} points"),
        };
        format!("{name} was missing{how} {}{}", self.span(), self.expected(self.point(self.reading.first)))
    }

    fn stood(&self, name: &str) -> String {
        let start = self.point(self.reading.first);
        let n = self.reading.len;
        let channel = &self.suspect.channel;
        let moves = |p: usize| channel.usual[p] && channel.usual[p - 1];
        let mut steps: Vec<f64> = (1..self.scene.n_points())
            .filter(|&p| moves(p))
            .map(|p| (channel.z[p] - channel.z[p - 1]).abs())
            .collect();
        let step = if steps.is_empty() { 0.0 } else { median(&mut steps) * channel.spread };
        let usually = if step > 0.0 {
            let step = rounded(step, step * 4.0);
            format!("; it usually moves by about {step} from point to point")
        } else {
            String::new()
        };
        format!(
            "{name} stayed at {} for {n} points from {}{usually}",
            number_text(self.raw(start)),
            self.when(start)
        )
    }

    fn parted(&self, name: &str) -> String {
        let Some((broken, partner)) = self.broken else { return self.strange(name) };
        let partner = self::name(self.scene, partner);
        format!(
            "{name} and {partner} no longer changed together {}: the correlation of their changes was {}, usually {}",
            self.span(),
            number_text((broken.now * 100.0).round() / 100.0),
            number_text((broken.usual * 100.0).round() / 100.0)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_fine_as_the_band() {
        assert_eq!(rounded(3.456_78, 0.4), "3.46");
        assert_eq!(rounded(0.299_999, 0.4), "0.3");
        assert_eq!(rounded(1234.567, 400.0), "1230");
        assert_eq!(rounded(-0.001, 4.0), "0");
        assert_eq!(rounded(1e300, 1.0), "1e300");
        assert_eq!(rounded(2.5, 0.0), "2.5");
        assert_eq!(rounded(2.5, f64::NAN), "2.5");
        assert_eq!(legible([-1e-291, 1e-291], 0.2), [0.0, 0.0]);
        assert_eq!(legible([4.999_999_9, 5.000_000_1], 5.0), [5.0, 5.0]);
        assert_eq!(legible([-0.1, 0.1], 3.0), [-0.1, 0.1]);
        assert_eq!(legible([0.0, 0.0], 0.0), [0.0, 0.0]);
        assert_eq!(legible([-1e300, 1e300], 0.0), [-1e300, 1e300]);
    }
}
