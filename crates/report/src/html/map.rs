//! The rows in two dimensions as a picture.

use std::fmt::Write as _;

use anomalyst_core::{Finding, MapPoint, Outcome};
use serde::Serialize;

use super::svg::{at, escape};
use super::view::text;
use crate::terminal::grade;
use crate::text::shorten;

/// Points that are drawn; more would only make the file larger.
const MAX_POINTS: usize = 3_000;
const SIZE: (f64, f64) = (920.0, 480.0);
/// Findings that carry their rank on the picture.
const LABELLED: usize = 9;

/// The map's picture and what its axes are.
#[derive(Serialize)]
pub(super) struct MapView {
    pub(super) svg: minijinja::Value,
    pub(super) axes: [String; 2],
    pub(super) compressed: bool,
}

/// One axis: where a coordinate stands between 0 and 1.
struct Axis {
    centre: f64,
    unit: f64,
    low: f64,
    high: f64,
    compressed: bool,
}

impl Axis {
    /// Where a few far points would squeeze all others into one spot, distances from the centre are compressed.
    fn new(values: impl Iterator<Item = f32>) -> Self {
        let mut values: Vec<f64> = values.map(f64::from).collect();
        values.sort_by(f64::total_cmp);
        let at =
            |q: f64| values.get((q * values.len().saturating_sub(1) as f64) as usize).copied().unwrap_or(0.0);
        let (centre, bulk) = (at(0.5), at(0.98) - at(0.02));
        let compressed = at(1.0) - at(0.0) > 4.0 * bulk && bulk > 0.0;
        let mut axis = Self { centre, unit: bulk.max(f64::MIN_POSITIVE), low: 0.0, high: 1.0, compressed };
        let (low, high) = (axis.bent(at(0.0)), axis.bent(at(1.0)));
        let around = low.abs().max(1.0);
        (axis.low, axis.high) = if high > low { (low, high) } else { (low - around, low + around) };
        axis
    }

    fn bent(&self, value: f64) -> f64 {
        if self.compressed { (2.0 * (value - self.centre) / self.unit).asinh() } else { value }
    }

    fn place(&self, value: f32) -> f64 {
        (self.bent(f64::from(value)) - self.low) / (self.high - self.low)
    }
}

/// `None` where there is no map.
pub(super) fn map(outcome: &Outcome, findings: &[Finding]) -> Option<MapView> {
    let map = outcome.map.as_ref()?;
    let finite: Vec<&MapPoint> = map.points.iter().filter(|p| p.x.is_finite() && p.y.is_finite()).collect();
    if finite.is_empty() {
        return None;
    }
    let (x, y) = (Axis::new(finite.iter().map(|p| p.x)), Axis::new(finite.iter().map(|p| p.y)));
    let (width, height) = SIZE;
    let place =
        |p: &MapPoint| (20.0 + (width - 40.0) * x.place(p.x), height - 20.0 - (height - 40.0) * y.place(p.y));
    let rank = |p: &MapPoint| findings.iter().position(|f| f.row == p.row);
    let mut svg = format!(
        "<svg class=\"mp\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"Map of the rows; findings stand out\"><path class=\"dots\" d=\""
    );
    let step = finite.len().div_ceil(MAX_POINTS);
    for point in finite.iter().step_by(step).filter(|p| rank(p).is_none()) {
        let (left, top) = place(point);
        let _ = write!(svg, "M{} {}h0", at(left), at(top));
    }
    svg.push_str("\"/>");
    // The first findings are drawn last, so that they lie on top.
    let mut found: Vec<(usize, &MapPoint)> = finite.iter().filter_map(|p| Some((rank(p)?, *p))).collect();
    found.sort_by_key(|&(rank, _)| std::cmp::Reverse(rank));
    found.dedup_by_key(|&mut (rank, _)| rank);
    for (rank, point) in found {
        dot(&mut svg, rank, &findings[rank], place(point));
    }
    svg.push_str("</svg>");
    Some(MapView {
        svg: minijinja::Value::from_safe_string(svg),
        axes: map.axes.clone().map(|axis| text(&axis)),
        compressed: x.compressed || y.compressed,
    })
}

fn dot(svg: &mut String, rank: usize, finding: &Finding, (left, top): (f64, f64)) {
    let title =
        shorten(&format!("{}: {}", text(&finding.name), text(&finding.evidence.sentence)), 200, false);
    let _ = write!(
        svg,
        "<a href=\"#finding-{}\"><path class=\"dot {}\" d=\"M{} {}h0\"><title>{}. {}</title></path></a>",
        rank + 1,
        grade(finding),
        at(left),
        at(top),
        rank + 1,
        escape(&title)
    );
    if rank < LABELLED {
        let right = left > SIZE.0 - 30.0;
        let _ = write!(
            svg,
            "<text class=\"lb{}\" x=\"{}\" y=\"{}\">{}</text>",
            if right { " e" } else { "" },
            at(if right { left - 8.0 } else { left + 8.0 }),
            at(top + 4.0),
            rank + 1
        );
    }
}
