//! Charts and rank plots as SVG text. Colours come from the page's rules; all text is escaped.

use std::fmt::Write as _;

use super::{Axis, Chart, Ranks};
use crate::html::svg::{at, escape};
use crate::text::number;

/// Size of a chart and the room around its axes.
const SIZE: [f64; 2] = [640.0, 380.0];
const LEFT: f64 = 64.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 48.0;
/// How many colours the page has for series; further ones begin anew.
const N_COLORS: usize = 8;
/// Ranks that are written along their line at most.
const MOST_RANKS: usize = 15;

/// Where values lie on an axis.
struct Scale {
    ends: [f64; 2],
    logarithmic: bool,
    pixels: [f64; 2],
}

impl Scale {
    fn new(axis: &Axis, values: impl Iterator<Item = f64>, pixels: [f64; 2]) -> Self {
        let usable = values.filter(|v| v.is_finite() && (!axis.logarithmic || *v > 0.0));
        let found = usable.fold([f64::MAX, f64::MIN], |[low, high], v| [low.min(v), high.max(v)]);
        let [low, high] = axis.range.unwrap_or(if found[0] <= found[1] { found } else { [0.0, 1.0] });
        let ends = match (axis.logarithmic, low < high) {
            (true, _) => [10_f64.powf(low.log10().floor()), 10_f64.powf((high * 1.000_001).log10().ceil())],
            // Room at both ends, so that no point lies on the frame; ends that were asked for stay.
            (false, true) => {
                let room = if axis.range.is_none() { 0.05 * (high - low) } else { 0.0 };
                [low - room, high + room]
            }
            (false, false) => [low - 0.5, low + 0.5],
        };
        Self { ends, logarithmic: axis.logarithmic, pixels }
    }

    fn at(&self, value: f64) -> Option<f64> {
        let bend = |v: f64| if self.logarithmic { v.log10() } else { v };
        let share = (bend(value) - bend(self.ends[0])) / (bend(self.ends[1]) - bend(self.ends[0]));
        share.is_finite().then(|| self.pixels[0] + share.clamp(0.0, 1.0) * (self.pixels[1] - self.pixels[0]))
    }

    /// Round values along the axis.
    fn ticks(&self) -> Vec<f64> {
        let [low, high] = self.ends;
        if self.logarithmic {
            let (first, last) = (low.log10().round() as i32, high.log10().round() as i32);
            return (first..=last).map(|power| 10_f64.powi(power)).collect();
        }
        let raw = (high - low) / 5.0;
        let power = 10_f64.powf(raw.log10().floor());
        let step = power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * power >= raw).unwrap_or(10.0);
        let first = (low / step).ceil() as i64;
        (first..).map(|i| i as f64 * step).take_while(|v| *v <= high + step * 1e-9).take(12).collect()
    }
}

/// The chart as an SVG picture.
pub(super) fn chart(chart: &Chart) -> String {
    let along =
        |axis: usize| chart.series.iter().flat_map(move |(_, points)| points.iter().map(move |p| p[axis]));
    let x = Scale::new(&chart.axes[0], along(0), [LEFT, SIZE[0] - RIGHT]);
    let y = Scale::new(&chart.axes[1], along(1), [SIZE[1] - BOTTOM, TOP]);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">",
        SIZE[0],
        SIZE[1],
        escape(&chart.title)
    );
    let (bottom, right) = (SIZE[1] - BOTTOM, SIZE[0] - RIGHT);
    for (value, px) in x.ticks().into_iter().filter_map(|v| Some((v, x.at(v)?))) {
        let px = at(px);
        let _ = write!(
            svg,
            "<path class=\"gr\" d=\"M{px} {TOP}V{bottom}\"/><text class=\"m\" x=\"{px}\" y=\"{}\">{}</text>",
            bottom + 16.0,
            number(value, 4)
        );
    }
    for (value, py) in y.ticks().into_iter().filter_map(|v| Some((v, y.at(v)?))) {
        let _ = write!(
            svg,
            "<path class=\"gr\" d=\"M{LEFT} {0}H{right}\"/><text class=\"e\" x=\"{1}\" y=\"{2}\">{3}</text>",
            at(py),
            LEFT - 8.0,
            at(py + 4.0),
            number(value, 4)
        );
    }
    let _ = write!(
        svg,
        "<path class=\"ax\" d=\"M{LEFT} {TOP}V{bottom}H{right}\"/><text class=\"m\" x=\"{}\" y=\"{}\">{}</text>\
         <text class=\"m\" transform=\"translate(14 {}) rotate(-90)\">{}</text>",
        at((LEFT + right) / 2.0),
        SIZE[1] - 10.0,
        escape(&chart.axes[0].label),
        at((TOP + bottom) / 2.0),
        escape(&chart.axes[1].label)
    );
    let mut labels = Vec::new();
    for (i, (name, points)) in chart.series.iter().enumerate() {
        let placed: Vec<[f64; 2]> = points.iter().filter_map(|p| Some([x.at(p[0])?, y.at(p[1])?])).collect();
        let color = i % N_COLORS;
        if chart.joined {
            let path: Vec<String> =
                placed.iter().map(|[px, py]| format!("{} {}", at(*px), at(*py))).collect();
            let _ = write!(svg, "<polyline class=\"c{color}\" points=\"{}\"/>", path.join(" "));
        } else {
            for [px, py] in &placed {
                let _ = write!(
                    svg,
                    "<circle class=\"p{color}\" cx=\"{}\" cy=\"{}\" r=\"4.5\"><title>{}</title></circle>",
                    at(*px),
                    at(*py),
                    escape(name)
                );
            }
        }
        let anchor = if chart.joined { placed.last() } else { placed.first() };
        labels.extend(anchor.map(|[px, py]| (*px, *py, name.as_str(), color)));
    }
    svg.push_str(&beside(labels, chart.joined, right));
    svg + "</svg>"
}

/// Names at the right of what they name, moved down where they would cover each other. Of points, the first names are placed
/// first, and one that would have to move far is left to be shown on pointing at it.
fn beside(mut labels: Vec<(f64, f64, &str, usize)>, joined: bool, right: f64) -> String {
    const LINE: f64 = 14.0;
    const FAR: f64 = 2.0 * LINE;
    if joined {
        labels.sort_by(|a, b| a.1.total_cmp(&b.1));
    }
    let mut svg = String::new();
    let mut taken: Vec<[f64; 3]> = Vec::new();
    for (px, py, name, color) in labels {
        let x = if joined { right } else { px } + 9.0;
        let room = 6.5 * name.chars().count() as f64;
        let is_taken = |y: f64| {
            let covers =
                |[from, to, at]: &[f64; 3]| (at - y).abs() < LINE && x < *to && *from < x + room.max(60.0);
            taken.iter().any(covers)
        };
        let Some(y) = (0..).map(|step| py + 4.0 + 2.0 * f64::from(step)).find(|&y| !is_taken(y)) else {
            continue;
        };
        if !joined && y - py > FAR {
            continue;
        }
        taken.push([x, x + room.max(60.0), y]);
        let _ =
            write!(svg, "<text class=\"t{color}\" x=\"{}\" y=\"{}\">{}</text>", at(x), at(y), escape(name));
    }
    svg
}

/// Mean ranks along a line, names left and right of it, bars over groups (Demsar 2006).
pub(super) fn ranks(ranks: &Ranks) -> String {
    let n = ranks.methods.len();
    let last = ranks.methods.iter().map(|m| m.1).fold(2.0, f64::max).ceil();
    let scale = Scale { ends: [1.0, last], logarithmic: false, pixels: [190.0, 610.0] };
    let half = n.div_ceil(2);
    let bars = 16.0 * ranks.groups.len() as f64;
    let height = 60.0 + bars + 20.0 * half as f64;
    let mut svg = format!(
        "<svg viewBox=\"0 0 800 {height}\" role=\"img\" aria-label=\"{}\"><path class=\"ax\" d=\"M190 30H610\"/>",
        escape(&ranks.title)
    );
    let step =
        [1, 2, 5, 10, 20, 50].into_iter().find(|step| last as usize / step <= MOST_RANKS).unwrap_or(100);
    for tick in std::iter::once(1).chain((step..=last as usize).step_by(step).skip(usize::from(step == 1))) {
        if let Some(px) = scale.at(tick as f64) {
            let _ = write!(
                svg,
                "<path class=\"ax\" d=\"M{0} 25V30\"/><text class=\"m\" x=\"{0}\" y=\"18\">{tick}</text>",
                at(px)
            );
        }
    }
    for (i, (name, rank)) in ranks.methods.iter().enumerate() {
        let Some(px) = scale.at(*rank) else { continue };
        let is_left = i < half;
        let row = if is_left { i } else { n - 1 - i };
        let py = 48.0 + bars + 20.0 * row as f64;
        let (end, class, at_text) = if is_left { (186.0, "e", 180.0) } else { (614.0, "", 620.0) };
        let _ = write!(
            svg,
            "<path class=\"ax\" d=\"M{0} 30V{py}H{end}\"/><text class=\"{class}\" x=\"{at_text}\" y=\"{1}\">{2} {3}</text>",
            at(px),
            at(py + 4.0),
            escape(name),
            number(*rank, 3)
        );
    }
    for (i, [first, end]) in ranks.groups.iter().enumerate() {
        let ends = [first, end].map(|m| ranks.methods.get(*m).and_then(|(_, rank)| scale.at(*rank)));
        if let [Some(a), Some(b)] = ends {
            let y = 38.0 + 16.0 * i as f64;
            let _ = write!(svg, "<path class=\"group\" d=\"M{} {y}H{}\"/>", at(a - 4.0), at(b + 4.0));
        }
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_room_are_shown_on_pointing_alone() {
        let series = (0..20).map(|i| (format!("method{i}"), vec![[0.5, 0.5]])).collect();
        let axis = |label: &str| Axis { label: label.into(), range: Some([0.0, 1.0]), logarithmic: false };
        let axes = [axis("x"), axis("y")];
        let svg = chart(&Chart { title: "t".into(), axes, series, joined: false });
        let n_written = svg.matches("<text class=\"t").count();
        assert!((1..5).contains(&n_written), "{n_written}");
        assert!(svg.contains(">method0</text>") && svg.contains("<title>method19</title>"));
    }

    #[test]
    fn ranks_along_the_line_do_not_cover_each_other() {
        let of = |n: u32| {
            let methods = (1..=n).map(|i| (format!("m{i}"), f64::from(i))).collect();
            ranks(&Ranks { title: "t".into(), methods, groups: Vec::new() })
        };
        assert_eq!(of(9).matches("class=\"m\"").count(), 9);
        assert_eq!(of(38).matches("class=\"m\"").count(), 1 + 38 / 5);
    }
}
