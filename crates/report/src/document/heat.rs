//! All channels of a series at once: rows of colours over time.

use std::fmt::Write as _;

use super::timeline::{NUMBERS, TIMES, numbers, picture, place, stretches, time_labels};
use super::{HeatMap, ticks};
use crate::html::svg::{at, escape};

/// Height of a row, with a gap that keeps rows apart.
const ROW: f64 = 14.0;
const GAP: f64 = 1.0;
/// From where on each colour begins, in usual spreads; what is below is usual and has none.
const LIMITS: [f32; 4] = [3.0, 5.0, 10.0, 20.0];
/// Marks of time on the axis.
const TICKS: usize = 6;

/// The map as two SVG pictures beside each other, and what the colours mean.
pub(super) fn heat(map: &HeatMap) -> String {
    let shown = &map.picture;
    let bottom = NUMBERS + shown.channels.len() as f64 * ROW + 4.0;
    let (mut left, mut lines) = (String::new(), String::new());
    let marks: Vec<_> = map.marked.iter().collect();
    let path = stretches(&shown.axis, &marks, [NUMBERS - 4.0, bottom]);
    let _ = write!(lines, "<path class=\"ev\" d=\"{path}\"/>");
    for (row, name) in shown.channels.iter().enumerate() {
        let y = NUMBERS + (row + 1) as f64 * ROW - 3.0;
        let name = escape(name);
        let _ = write!(left, "<text x=\"0\" y=\"{}\">{name}<title>{name}</title></text>", at(y));
    }
    for class in 0..=LIMITS.len() {
        let path = cells(map, class);
        if !path.is_empty() {
            let _ = write!(lines, "<path class=\"h{class}\" d=\"{path}\"/>");
        }
    }
    let times = ticks::along(&shown.axis, TICKS);
    let labels = numbers(&shown.axis, &map.marked) + &time_labels(&times, bottom);
    picture(&map.title, bottom + TIMES, &left, &lines, &labels, "ts hm") + &legend()
}

/// Runs of cells of one colour, row by row; colour 0 is for what is missing.
fn cells(map: &HeatMap, class: usize) -> String {
    let axis = &map.picture.axis;
    let edge = |i: usize| place(axis, axis.buckets.get(i).copied().unwrap_or(axis.n_points) as f64);
    let mut path = String::new();
    for (row, cells) in map.picture.cells.iter().enumerate() {
        let cells = &cells[..cells.len().min(axis.buckets.len())];
        let top = NUMBERS + row as f64 * ROW + GAP;
        let mut i = 0;
        while i < cells.len() {
            let end = (i..cells.len()).find(|&j| color(cells[j]) != color(cells[i])).unwrap_or(cells.len());
            if color(cells[i]) == Some(class) {
                let (from, to) = (at(edge(i)), at(edge(end)));
                let _ = write!(path, "M{from} {}H{to}v{}H{from}z", at(top), at(ROW - GAP));
            }
            i = end;
        }
    }
    path
}

/// `None` for what is usual.
fn color(cell: f32) -> Option<usize> {
    if cell.is_nan() {
        return Some(0);
    }
    let above = LIMITS.iter().take_while(|limit| cell > **limit).count();
    (above > 0).then_some(above)
}

fn legend() -> String {
    let swatch = |class: usize, text: String| {
        format!(
            "<span><svg class=\"sw\" height=\"12\" aria-hidden=\"true\"><rect class=\"h{class}\" width=\"12\" height=\"12\"/>\
             </svg> {text}</span>"
        )
    };
    let [a, b, c, d] = LIMITS;
    let ranges = [
        format!("{a} to {b} usual spreads off"),
        format!("{b} to {c}"),
        format!("{c} to {d}"),
        "more".to_owned(),
    ];
    let colors = ranges.into_iter().enumerate().map(|(i, text)| swatch(i + 1, text));
    let all: Vec<String> =
        std::iter::once(format!("<span>no colour: usual, up to {a}</span>")).chain(colors).collect();
    format!("<p class=\"legend\">{}{}</p>", all.join(""), swatch(0, "missing".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::{HeatPicture, PictureAxis};

    #[test]
    fn runs_of_one_colour_are_one_piece() {
        let axis = PictureAxis { n_points: 10, first: 1, buckets: vec![0, 2, 4, 6, 8], times: Vec::new() };
        let cells = vec![vec![0.0, 4.0, 5.0, 50.0, f32::NAN]];
        let picture = HeatPicture { axis, channels: vec!["<a>".into()], n_channels: 1, cells };
        let map = HeatMap { title: String::new(), picture, marked: Vec::new() };
        assert_eq!(super::cells(&map, 1), "M200 17H600v13H200z");
        assert_eq!(super::cells(&map, 4), "M600 17H800v13H600z");
        assert_eq!(super::cells(&map, 0), "M800 17H1000v13H800z");
        let html = heat(&map);
        assert!(html.contains("&lt;a&gt;") && html.contains("usual spreads") && !html.contains("NaN"));
    }
}
