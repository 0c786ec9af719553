//! Channels over time as SVG text: what a million points look like on as many pixels as there are.

use std::fmt::Write as _;

use super::Strip;
use crate::html::svg::{at, escape};
use crate::text::number;

/// Width of the picture, room for names at the left, and room at the right.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 12.0;
/// Height of a channel, and of the gap below it.
const ROW: f64 = 84.0;
const GAP: f64 = 14.0;
/// What is marked is at least as wide, so that a single point can be seen.
const LEAST: f64 = 2.5;

/// The strip as an SVG picture.
pub(super) fn strip(strip: &Strip) -> String {
    let height = strip.rows.len() as f64 * (ROW + GAP) + 26.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">",
        escape(&strip.title)
    );
    let x = |position: f64| LEFT + (WIDTH - LEFT - RIGHT) * position / strip.n_points.max(1) as f64;
    let bottom = height - 26.0 - GAP;
    for [first, last] in &strip.marked {
        let (from, to) = (x(*first as f64), x((last + 1) as f64));
        let wide = (to - from).max(LEAST);
        let left = (from + to - wide) / 2.0;
        let _ = write!(
            svg,
            "<rect class=\"odd\" x=\"{}\" y=\"0\" width=\"{}\" height=\"{bottom}\"/>",
            at(left),
            at(wide)
        );
    }
    for (i, (name, values)) in strip.rows.iter().enumerate() {
        let top = i as f64 * (ROW + GAP);
        let _ = write!(svg, "<path class=\"ax\" d=\"M{LEFT} {}H{}\"/>", at(top + ROW), WIDTH - RIGHT);
        let known = || values.iter().flatten().copied().filter(|v| v.is_finite());
        let (low, high) = known().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let _ =
            write!(svg, "<text x=\"0\" y=\"{}\">{}</text>", at(top + ROW / 2.0 + 4.0), escape(&short(name)));
        if low > high {
            continue;
        }
        let (low, high) = (f64::from(low), f64::from(high));
        let span = if high > low { high - low } else { 1.0 };
        let y = |v: f32| top + ROW - 4.0 - (ROW - 8.0) * (f64::from(v) - low) / span;
        for (value, py) in [(high, top + 12.0), (low, top + ROW - 2.0)] {
            let _ = write!(
                svg,
                "<text class=\"e\" x=\"{}\" y=\"{}\">{}</text>",
                LEFT - 6.0,
                at(py),
                number(value, 4)
            );
        }
        let _ = write!(svg, "<path class=\"c0\" d=\"{}\"/>", line(values, &strip.buckets, x, y));
    }
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"{0}\">{1}</text><text class=\"e\" x=\"{2}\" y=\"{0}\">{3}</text>",
        height - 8.0,
        escape(&strip.ends[0]),
        WIDTH - RIGHT,
        escape(&strip.ends[1])
    );
    svg + "</svg>"
}

/// One line through the lowest and highest value of every bucket; it breaks where a bucket has none.
fn line(values: &[[f32; 2]], buckets: &[usize], x: impl Fn(f64) -> f64, y: impl Fn(f32) -> f64) -> String {
    let mut path = String::new();
    let mut before: Option<[f32; 2]> = None;
    for (&[low, high], &bucket) in values.iter().zip(buckets) {
        if !(low.is_finite() && high.is_finite()) {
            before = None;
            continue;
        }
        // The end nearer to where the line is comes first, so that it does not jump back and forth.
        let rising = before.is_none_or(|[l, h]| (low - (l + h) / 2.0).abs() <= (high - (l + h) / 2.0).abs());
        let [first, second] = if rising { [low, high] } else { [high, low] };
        let px = at(x(bucket as f64 + 0.5));
        let _ = write!(path, "{}{px} {}", if before.is_some() { 'L' } else { 'M' }, at(y(first)));
        if second != first {
            let _ = write!(path, "V{}", at(y(second)));
        }
        before = Some([low, high]);
    }
    path
}

fn short(name: &str) -> String {
    const MOST: usize = 16;
    if name.chars().count() <= MOST {
        name.to_owned()
    } else {
        name.chars().take(MOST - 1).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_where_values_are_missing() {
        let values = [[0.0, 1.0], [f32::NAN; 2], [1.0, 1.0], [0.0, 0.0]];
        assert_eq!(line(&values, &[0, 1, 2, 3], |p| p, f64::from), "M0.5 0V1M2.5 1L3.5 0");
    }

    #[test]
    fn names_are_escaped_and_single_points_are_seen() {
        let picture = Strip {
            n_points: 1_000_000,
            buckets: vec![0],
            rows: vec![("<b>".into(), vec![[1.0, 2.0]])],
            marked: vec![[500, 500]],
            ..Strip::default()
        };
        let svg = strip(&picture);
        assert!(svg.contains("&lt;b&gt;") && svg.contains("width=\"2.5\""), "{svg}");
    }
}
