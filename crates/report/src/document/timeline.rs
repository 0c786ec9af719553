//! Channels over time as SVG text: what a million points look like on as many pixels as there are.
//!
//! A picture has two columns: values at the left, and lines at the right, which stretch with the page while all text
//! keeps its size. So one picture suits a desk and a telephone.

use std::fmt::Write as _;

use anomalyst_core::PictureAxis;

use super::{Lane, Mark, Strip, ticks};
use crate::html::svg::{at, escape};

/// Width of the stretched part in its own units.
pub(super) const WIDE: f64 = 1000.0;
/// Room for the name above a lane, and below it.
const NAME: f64 = 18.0;
const GAP: f64 = 10.0;
/// Room for the numbers of events above, and for times below.
pub(super) const NUMBERS: f64 = 16.0;
pub(super) const TIMES: f64 = 34.0;
/// Marks of time on an axis.
const TICKS: usize = 6;
/// Numbers of events keep this share of the width between them.
const APART: f64 = 0.035;
/// A band reaches beyond the values by at most this share of their height: what is expected long ahead is wide.
const BEYOND: f64 = 0.6;
/// Values beyond are drawn as far: their differences stay finite.
const FARTHEST: f64 = 1e300;

/// Places along an axis, 0 to [`WIDE`].
pub(super) fn place(axis: &PictureAxis, position: f64) -> f64 {
    WIDE * (position / axis.n_points.max(1) as f64).clamp(0.0, 1.0)
}

/// The strip as two SVG pictures beside each other.
pub(super) fn strip(strip: &Strip) -> String {
    let has_numbers = strip.marked.iter().any(|mark| !mark.label.is_empty());
    let top = if has_numbers { NUMBERS } else { 0.0 };
    let lane_height = strip.lane_height as f64 + NAME + GAP;
    let bottom = top + strip.lanes.len() as f64 * lane_height;
    let height = bottom + TIMES;
    let (mut left, mut lines, mut labels) = (String::new(), String::new(), String::new());
    let marks: [Vec<&Mark>; 2] =
        [true, false].map(|own| strip.marked.iter().filter(|mark| mark.is_other != own).collect());
    for (class, marks) in ["ev", "ot"].iter().zip(&marks) {
        let path = stretches(&strip.axis, marks, [top, bottom - GAP]);
        if !path.is_empty() {
            let _ = write!(lines, "<path class=\"{class}\" d=\"{path}\"/>");
        }
    }
    let times = ticks::along(&strip.axis, TICKS);
    for tick in &times {
        let x = at(WIDE * tick.share);
        let _ = write!(lines, "<path class=\"gr\" d=\"M{x} {}V{}\"/>", at(top), at(bottom - GAP));
    }
    for (i, lane) in strip.lanes.iter().enumerate() {
        let from = top + i as f64 * lane_height + NAME;
        let ends = [from + strip.lane_height as f64, from];
        let name = escape(&lane.name);
        let _ = write!(labels, "<text class=\"nm\" x=\"0\" y=\"{}\">{name}</text>", at(from - 6.0));
        draw(lane, strip, ends, (&mut left, &mut lines, &mut labels), &marks[0]);
    }
    labels.push_str(&numbers(&strip.axis, &strip.marked));
    labels.push_str(&time_labels(&times, bottom - GAP));
    picture(&strip.title, height, &left, &lines, &labels, "ts")
}

/// Both columns; `lines` stretch, `left` and `labels` do not.
pub(super) fn picture(
    title: &str,
    height: f64,
    left: &str,
    lines: &str,
    labels: &str,
    class: &str,
) -> String {
    let height = at(height);
    format!(
        "<div class=\"{class}\"><svg class=\"lf\" height=\"{height}\" aria-hidden=\"true\">{left}</svg>\
         <svg height=\"{height}\" role=\"img\" aria-label=\"{}\"><svg class=\"in\" width=\"100%\" height=\"{height}\" \
         viewBox=\"0 0 {WIDE} {height}\" preserveAspectRatio=\"none\">{lines}</svg>{labels}</svg></div>",
        escape(title)
    )
}

/// One lane: what was expected, the values, their axis at the left, and the highest point of the event.
fn draw(
    lane: &Lane,
    strip: &Strip,
    ends: [f64; 2],
    (left, lines, labels): (&mut String, &mut String, &mut String),
    marks: &[&Mark],
) {
    let axis = &strip.axis;
    let Some([low, high]) = extent(lane) else {
        let _ = write!(labels, "<text x=\"0\" y=\"{}\">no values</text>", at(ends[1] + 16.0));
        let _ = write!(lines, "<path class=\"gr\" d=\"M0 {0}H{WIDE}\"/>", at(ends[0]));
        return;
    };
    let half = (high / 2.0 - low / 2.0).max(f64::MIN_POSITIVE);
    let y = |v: f64| {
        let share = (v.clamp(low, high) / 2.0 - low / 2.0) / half;
        ends[0] - 2.0 - (ends[0] - ends[1] - 4.0) * if high > low { share } else { 0.5 }
    };
    let most = (strip.lane_height / 26).clamp(2, 4);
    for (value, text) in ticks::values(low, high, most) {
        let py = y(value);
        let _ = write!(lines, "<path class=\"gr\" d=\"M0 {0}H{WIDE}\"/>", at(py));
        let _ = write!(left, "<text class=\"e\" x=\"100%\" y=\"{}\">{text}</text>", at(py + 4.0));
    }
    let ends_of = |i: usize| {
        let end = axis.buckets.get(i + 1).copied().unwrap_or(axis.n_points);
        [axis.buckets[i], end.max(axis.buckets[i] + 1)]
    };
    let x = |i: usize| place(axis, (ends_of(i)[0] + ends_of(i)[1]) as f64 / 2.0);
    let n = axis.buckets.len();
    if lane.expected.len() == n {
        let _ = write!(lines, "<path class=\"ex\" d=\"{}\"/>", band(&lane.expected, x, y));
        let middle: Vec<[f64; 2]> = lane.expected.iter().map(|band| [band[1]; 2]).collect();
        let _ = write!(lines, "<path class=\"mi\" d=\"{}\"/>", line(&middle, |_| true, x, y));
    }
    let values = &lane.values[..lane.values.len().min(n)];
    let _ = write!(lines, "<path class=\"ln\" d=\"{}\"/>", line(values, |_| true, x, y));
    let is_odd: Vec<bool> = (0..n)
        .map(|i| marks.iter().any(|mark| mark.first < ends_of(i)[1] && mark.last >= ends_of(i)[0]))
        .collect();
    let odd = line(values, |i| is_odd[i], x, y);
    if !odd.is_empty() {
        let _ = write!(lines, "<path class=\"lo\" d=\"{odd}\"/>");
    }
    if let Some(peak) = strip.peak {
        let bucket = axis.buckets.partition_point(|&start| start <= peak).saturating_sub(1);
        let Some([low, high]) = values.get(bucket).filter(|ends| ends[0].is_finite()) else { return };
        let middle = lane.expected.get(bucket).map_or((low + high) / 2.0, |band| band[1]);
        let far = if (high - middle).abs() >= (low - middle).abs() { high } else { low };
        let share = x(bucket) / WIDE * 100.0;
        let _ =
            write!(labels, "<circle class=\"pk\" cx=\"{}%\" cy=\"{}\" r=\"3.5\"/>", at2(share), at(y(*far)));
    }
}

/// Lowest and highest of what a lane shows; `None` where there is no value.
fn extent(lane: &Lane) -> Option<[f64; 2]> {
    let hull = |values: &mut dyn Iterator<Item = f64>| {
        let finite = values.filter(|v| v.is_finite()).map(|v| v.clamp(-FARTHEST, FARTHEST));
        finite.fold(None, |ends: Option<[f64; 2]>, v| {
            Some(ends.map_or([v, v], |[low, high]| [low.min(v), high.max(v)]))
        })
    };
    let [mut low, mut high] = hull(&mut lane.values.iter().flatten().copied())?;
    if let Some([least, most]) = hull(&mut lane.expected.iter().flat_map(|band| [band[0], band[2]])) {
        let room = BEYOND * (high - low);
        // Values that do not move give no measure; the band has one.
        let room = if room > 0.0 { room } else { most - least };
        (low, high) = (low.min(least.max(low - room)), high.max(most.min(high + room)));
    }
    Some([low, high])
}

/// One line through the lowest and highest value of every bucket that is `wanted`; it breaks where a bucket has none.
fn line(
    values: &[[f64; 2]],
    wanted: impl Fn(usize) -> bool,
    x: impl Fn(usize) -> f64,
    y: impl Fn(f64) -> f64,
) -> String {
    let mut path = String::new();
    let mut before: Option<[f64; 2]> = None;
    let mut is_alone = false;
    for (i, &[low, high]) in values.iter().enumerate() {
        let is_known = low.is_finite() && high.is_finite();
        // The way into what is wanted and out of it belongs to it.
        let is_wanted = wanted(i) || i > 0 && wanted(i - 1) || i + 1 < values.len() && wanted(i + 1);
        if !is_known || !is_wanted {
            if is_alone {
                path.push_str("h0");
            }
            (before, is_alone) = (None, false);
            continue;
        }
        // The end nearer to where the line is comes first, so that it does not jump back and forth.
        let middle = before.map(|[l, h]| l / 2.0 + h / 2.0);
        let rising = middle.is_none_or(|middle| (low - middle).abs() <= (high - middle).abs());
        let [first, second] = if rising { [low, high] } else { [high, low] };
        let (first, second) = (at(y(first)), at(y(second)));
        let _ = write!(path, "{}{} {first}", if before.is_some() { 'L' } else { 'M' }, at(x(i)));
        if second != first {
            let _ = write!(path, "V{second}");
        }
        is_alone = before.is_none() && second == first;
        before = Some([low, high]);
    }
    if is_alone {
        path.push_str("h0");
    }
    path
}

/// The area between low and high, in as many pieces as there are.
fn band(expected: &[[f64; 3]], x: impl Fn(usize) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    let is_known = |i: usize| expected[i].iter().all(|v| v.is_finite());
    let mut i = 0;
    while i < expected.len() {
        let end = (i..expected.len()).find(|&j| !is_known(j)).unwrap_or(expected.len());
        let there = (i..end).map(|j| (j, expected[j][2]));
        let back = (i..end).rev().map(|j| (j, expected[j][0]));
        for (k, (j, v)) in there.chain(back).enumerate() {
            let _ = write!(path, "{}{} {}", if k == 0 { 'M' } else { 'L' }, at(x(j)), at(y(v)));
        }
        path.push_str(if end > i { "Z" } else { "" });
        i = end + 1;
    }
    path
}

/// Marked stretches as one path; those that touch are one.
pub(super) fn stretches(axis: &PictureAxis, marks: &[&Mark], ends: [f64; 2]) -> String {
    let mut spans: Vec<[f64; 2]> = marks
        .iter()
        .map(|mark| [place(axis, mark.first as f64), place(axis, (mark.last + 1) as f64)])
        .collect();
    spans.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let mut joined: Vec<[f64; 2]> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if span[0] <= last[1] + 0.05 => last[1] = last[1].max(span[1]),
            _ => joined.push(span),
        }
    }
    let mut path = String::new();
    for [from, to] in joined {
        let _ = write!(path, "M{0} {1}H{2}V{3}H{0}Z", at(from), at(ends[0]), at(to), at(ends[1]));
    }
    path
}

/// The numbers of events above, those of the highest where they would cover each other.
pub(super) fn numbers(axis: &PictureAxis, marks: &[Mark]) -> String {
    let mut labels = String::new();
    let mut taken: Vec<f64> = Vec::new();
    let mut order: Vec<&Mark> = marks.iter().filter(|mark| !mark.label.is_empty()).collect();
    order.sort_by_key(|mark| (mark.label.parse().unwrap_or(usize::MAX), mark.first));
    for mark in order {
        let share = place(axis, (mark.first + mark.last + 1) as f64 / 2.0) / WIDE;
        if taken.iter().any(|other| (other - share).abs() < APART) {
            continue;
        }
        taken.push(share);
        let text = format!(
            "<text class=\"no m\" x=\"{}%\" y=\"11\">{}</text>",
            at2(100.0 * share),
            escape(&mark.label)
        );
        let _ = match mark.target.as_str() {
            "" => write!(labels, "{text}"),
            target => write!(labels, "<a href=\"#{}\">{text}</a>", escape(target)),
        };
    }
    labels
}

/// Times below.
pub(super) fn time_labels(times: &[ticks::Tick], bottom: f64) -> String {
    let mut labels = String::new();
    for tick in times {
        // What stands at an edge stays inside.
        let class = match tick.share {
            share if share < 0.04 => "",
            share if share > 0.96 => "e",
            _ => "m",
        };
        for (text, y) in [(&tick.text, bottom + 15.0), (&tick.under, bottom + 29.0)] {
            if !text.is_empty() {
                let share = at2(100.0 * tick.share);
                let _ = write!(
                    labels,
                    "<text class=\"{class}\" x=\"{share}%\" y=\"{}\">{}</text>",
                    at(y),
                    escape(text)
                );
            }
        }
    }
    labels
}

/// A share in per cent, finer than a pixel.
fn at2(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(n_points: usize, buckets: Vec<usize>) -> PictureAxis {
        PictureAxis { n_points, first: 1, buckets, times: Vec::new() }
    }

    #[test]
    fn lines_break_where_values_are_missing() {
        let values = [[0.0, 1.0], [f64::NAN; 2], [1.0, 1.0], [0.0, 0.0], [f64::NAN; 2], [3.0, 3.0]];
        let x = |i: usize| i as f64;
        assert_eq!(line(&values, |_| true, x, |v| v), "M0 0V1M2 1L3 0M5 3h0");
        assert_eq!(line(&values, |i| i == 5, x, |v| v), "M5 3h0");
    }

    #[test]
    fn bands_break_where_nothing_is_expected() {
        let bands = [[0.0, 1.0, 2.0], [f64::NAN; 3], [4.0, 5.0, 6.0], [3.0, 5.0, 7.0]];
        assert_eq!(band(&bands, |i| i as f64, |v| v), "M0 2L0 0ZM2 6L3 7L3 3L2 4Z");
        assert_eq!(band(&[], |i| i as f64, |v| v), "");
    }

    #[test]
    fn marks_that_touch_are_one_and_single_points_are_there() {
        let mark = |first, last| Mark { first, last, ..Mark::default() };
        let marks = [mark(500, 599), mark(600, 700), mark(10, 10)];
        let path = stretches(&axis(1000, vec![0]), &marks.iter().collect::<Vec<_>>(), [0.0, 9.0]);
        assert_eq!(path, "M10 0H11V9H10ZM500 0H701V9H500Z");
    }

    #[test]
    fn numbers_of_the_highest_events_win() {
        let mark = |first: usize, label: &str| Mark {
            first,
            last: first,
            label: label.into(),
            target: "t".into(),
            is_other: false,
        };
        let labels = numbers(&axis(1000, vec![0]), &[mark(500, "12"), mark(505, "3"), mark(900, "<b>")]);
        assert!(
            labels.contains(">3<") && !labels.contains(">12<") && labels.contains("&lt;b&gt;"),
            "{labels}"
        );
    }

    #[test]
    fn whatever_the_values_the_picture_has_numbers() {
        let cases = [
            vec![[1e300, 1e300], [-1e300, -1e300]],
            vec![[f64::NAN; 2]; 2],
            vec![[5.0; 2]; 2],
            vec![[f64::MAX, f64::MAX], [f64::MIN, f64::MIN_POSITIVE]],
        ];
        for values in cases {
            for expected in [vec![], vec![[-1e308, 0.0, 1e308]; 2], vec![[f64::NAN; 3]; 2]] {
                let lane = Lane { name: "<b>".into(), values: values.clone(), expected };
                let picture = Strip {
                    axis: axis(2, vec![0, 1]),
                    lanes: vec![lane],
                    lane_height: 60,
                    peak: Some(1),
                    marked: vec![Mark { first: 1, last: 1, ..Mark::default() }],
                    ..Strip::default()
                };
                let svg = strip(&picture);
                assert!(!svg.contains("NaN") && !svg.contains("inf") && svg.contains("&lt;b&gt;"), "{svg}");
            }
        }
    }
}
