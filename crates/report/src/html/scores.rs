//! The distribution of the scores as a picture: log counts, the threshold as an edge between bins.

use std::fmt::Write as _;

use super::svg::at;
use crate::text::{count, number};

/// What the picture is made of.
pub(super) struct ScoreChart {
    /// Edges of the bins, on the axis (the logarithm of the score where `log`).
    low: f64,
    step: f64,
    counts: Vec<usize>,
    /// The first bin above the threshold.
    first_odd: usize,
    threshold: Option<f64>,
    /// Scores over several powers of ten stand on a logarithmic axis.
    pub(super) log: bool,
}

const BINS: f64 = 72.0;

impl ScoreChart {
    /// `None` where there is no finite score.
    pub(super) fn new(scores: &[f32], threshold: f32) -> Option<Self> {
        let mut values: Vec<f64> = scores.iter().filter(|s| s.is_finite()).map(|&s| f64::from(s)).collect();
        let n = values.len();
        if n == 0 {
            return None;
        }
        let middle = *values.select_nth_unstable_by(n / 2, f64::total_cmp).1;
        let (mut min, mut max) = bounds(&values);
        let threshold = Some(f64::from(threshold)).filter(|t| t.is_finite());
        let log = min > 0.0 && threshold.is_none_or(|t| t > 0.0) && max > 50.0 * middle;
        let axis = |v: f64| if log { v.log10() } else { v };
        (min, max) = (axis(min), axis(max));
        let range = if max > min { max - min } else { axis(middle).abs().max(1e-6) };
        // A threshold far outside would leave the scores no room; the caption still says it.
        let shown = threshold.map(axis).filter(|&t| t > min - range && t < max + range);
        if let Some(t) = shown {
            (min, max) = (min.min(t), max.max(t));
        }
        let step = ((max - min) / BINS).max(range / BINS).max(f64::MIN_POSITIVE);
        // Scores that equal the threshold are not flagged, so one bin always lies below it.
        let below = shown.map_or(0.0, |t| ((t - min) / step).ceil().max(1.0));
        let low = shown.map_or(min, |t| t - below * step);
        let n_bins = (((max - low) / step).floor().max(below) as usize + 1).min(2 * BINS as usize);
        let mut counts = vec![0; n_bins];
        let first_odd = if shown.is_some() { below as usize } else { n_bins };
        for value in values {
            let bin = ((axis(value) - low) / step).floor().max(0.0) as usize;
            // A score is flagged when above the threshold, whatever rounding says about the bin's edge.
            let odd = threshold.is_some_and(|t| value > t);
            let bin = if odd { bin.max(first_odd) } else { bin.min(first_odd.saturating_sub(1)) };
            counts[bin.min(n_bins - 1)] += 1;
        }
        Some(Self { low, step, counts, first_odd, threshold: shown, log })
    }

    /// The picture, `width` units wide; text keeps its size, so a narrow page takes a narrow picture.
    pub(super) fn svg(&self, width: f64, label: &str) -> String {
        let (left, right, top, height) = (46.0, 14.0, 26.0, 270.0);
        let base = height - 44.0;
        let n_bins = self.counts.len() as f64;
        let bar = (width - left - right) / n_bins;
        let place = |v: f64| left + (v - self.low) / self.step * bar;
        let most = self.counts.iter().copied().max().unwrap_or(1).max(1);
        let rise = |n: usize| (base - top) * (1.0 + n as f64).ln() / (1.0 + most as f64).ln();
        let mut svg = format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
            super::svg::escape(label)
        );
        let mut power = 1;
        while power <= most {
            let y = base - rise(power);
            let _ = write!(
                svg,
                "<path class=\"gr\" d=\"M{left} {}H{}\"/><text class=\"tk e\" x=\"{}\" y=\"{}\">{}</text>",
                at(y),
                at(width - right),
                at(left - 6.0),
                at(y + 4.0),
                count(power)
            );
            power = power.saturating_mul(10);
        }
        for (class, odd) in [("us", false), ("od", true)] {
            let _ = write!(svg, "<path class=\"{class}\" d=\"");
            for (i, &n) in self.counts.iter().enumerate() {
                if n > 0 && (i >= self.first_odd) == odd {
                    let wide = (bar - 1.0).max(0.8);
                    let x = left + bar * i as f64 + 0.5;
                    let _ = write!(
                        svg,
                        "M{} {}h{}V{}h-{}z",
                        at(x),
                        at(base - rise(n)),
                        at(wide),
                        at(base),
                        at(wide)
                    );
                }
            }
            svg.push_str("\"/>");
        }
        let _ = write!(svg, "<path class=\"ax\" d=\"M{left} {base}H{}\"/>", at(width - right));
        self.ticks(&mut svg, width, base, &place);
        if let Some(t) = self.threshold {
            let x = place(t);
            // The label stands where there is room for it.
            let (class, dx) = if x > width / 2.0 { ("th e", -6.0) } else { ("th", 6.0) };
            let shown = number(if self.log { 10_f64.powf(t) } else { t }, 4);
            let _ = write!(
                svg,
                "<path class=\"tl\" d=\"M{} 8V{}\"/><text class=\"{class}\" x=\"{}\" y=\"16\">threshold {shown}</text>",
                at(x),
                at(base + 4.0),
                at(x + dx)
            );
        }
        let _ = write!(
            svg,
            "<text class=\"tk\" x=\"0\" y=\"12\">rows</text><text class=\"tk e\" x=\"{}\" y=\"{}\">score</text></svg>",
            at(width - right),
            at(height - 4.0)
        );
        svg
    }

    fn ticks(&self, svg: &mut String, width: f64, base: f64, place: &impl Fn(f64) -> f64) {
        let high = self.low + self.step * self.counts.len() as f64;
        let wanted = (width / 90.0).max(2.0);
        let step = if self.log {
            ((high - self.low) / wanted).max(1.0).round()
        } else {
            nice((high - self.low) / wanted)
        };
        let mut tick = (self.low / step).ceil() * step;
        for _ in 0..20 {
            if tick > high {
                break;
            }
            let x = place(tick);
            let shown = if self.log { 10_f64.powf(tick) } else { tick };
            // Sums of steps carry rounding errors that four digits hide.
            let shown = if shown.abs() < step * 1e-6 && !self.log { 0.0 } else { shown };
            let _ = write!(
                svg,
                "<path class=\"ax\" d=\"M{} {base}v4\"/><text class=\"tk m\" x=\"{}\" y=\"{}\">{}</text>",
                at(x),
                at(x),
                at(base + 18.0),
                number(shown, 4)
            );
            tick += step;
        }
    }
}

fn bounds(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
}

/// The step of 1, 2 or 5 times a power of ten that is next to `rough`.
fn nice(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    steps.into_iter().map(|s| s * power).find(|&s| s >= rough * 0.999).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_every_score_on_its_side_of_the_threshold() {
        let scores: Vec<f32> = (0..1000).map(|i| (i as f32 / 1000.0).powi(2)).collect();
        for threshold in [0.5_f32, 0.25, -0.2, 0.0, 1.5, 40.0, f32::INFINITY] {
            let chart = ScoreChart::new(&scores, threshold).unwrap();
            assert_eq!(chart.counts.iter().sum::<usize>(), 1000);
            let odd: usize = chart.counts[chart.first_odd.min(chart.counts.len())..].iter().sum();
            assert_eq!(odd, scores.iter().filter(|&&s| s > threshold).count(), "{threshold}");
            assert!(!chart.svg(900.0, "x").contains("NaN"));
        }
    }

    #[test]
    fn long_tails_stand_on_a_logarithmic_axis() {
        let scores: Vec<f32> = (0..100).map(|i| 1.1_f32.powi(i)).collect();
        assert!(ScoreChart::new(&scores, 5000.0).unwrap().log);
        assert!(!ScoreChart::new(&[0.0, 1.0, 1e9], 5.0).unwrap().log);
    }

    #[test]
    fn degenerate_scores_have_a_picture_or_none() {
        assert!(ScoreChart::new(&[], 0.5).is_none());
        assert!(ScoreChart::new(&[f32::NAN], 0.5).is_none());
        for scores in [vec![0.0], vec![3.0; 50], vec![f32::MAX, f32::MIN_POSITIVE], vec![-f32::MAX, f32::MAX]]
        {
            for threshold in [0.0, 3.0, f32::NAN] {
                let svg = ScoreChart::new(&scores, threshold).unwrap().svg(360.0, "x");
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
}
