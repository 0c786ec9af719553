//! Which detectors agree with the pseudo ground truth of a region.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};
use ndarray::Array2;

/// The members' training scores, standardised.
pub(super) struct Competence {
    /// As the members gave them: training rows x members.
    raw: Array2<f32>,
    standard: Array2<f64>,
    /// The largest of each training row.
    truth: Vec<f64>,
    /// Mean and deviation of each member's scores of all training rows.
    lines: Vec<(f64, f64)>,
    n_bins: usize,
}

/// Mean and deviation, 1 where the scores are the same but for rounding.
pub(super) fn line(mean: f64, deviation: f64) -> (f64, f64) {
    (mean, if deviation > 1e-9 * mean.abs() { deviation } else { 1.0 })
}

impl Competence {
    pub(super) fn new(raw: Array2<f32>, lines: Vec<(f64, f64)>, n_bins: usize) -> Self {
        let standard =
            Array2::from_shape_fn(raw.dim(), |(i, j)| standardise(f64::from(raw[[i, j]]), lines[j]));
        let truth =
            standard.rows().into_iter().map(|row| row.iter().copied().fold(f64::MIN, f64::max)).collect();
        Self { raw, standard, truth, lines, n_bins }
    }

    pub(super) fn n_members(&self) -> usize {
        self.lines.len()
    }

    /// The mean of the standardised scores `own` of those members that are competent in `region`.
    pub(super) fn score(&self, region: &[u32], own: impl Fn(usize) -> f64) -> f64 {
        let truth: Vec<f64> = region.iter().map(|&i| self.truth[i as usize]).collect();
        let mut scores = Vec::with_capacity(region.len());
        let competence: Vec<f64> = (0..self.n_members())
            .map(|j| {
                scores.clear();
                scores.extend(region.iter().map(|&i| self.standard[[i as usize, j]]));
                correlation(&scores, &truth)
            })
            .collect();
        let selected = select(&competence, self.n_bins);
        selected.iter().map(|&j| standardise(own(j), self.lines[j])).sum::<f64>() / selected.len() as f64
    }

    pub(super) fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_matrix("training_scores", &self.raw);
        out.put_list("means", &self.lines.iter().map(|line| line.0).collect::<Vec<_>>());
        out.put_list("deviations", &self.lines.iter().map(|line| line.1).collect::<Vec<_>>());
        out.put_json("n_bins", &self.n_bins)
    }

    pub(super) fn load(from: &ModelReader<'_>, n_rows: usize) -> Result<Self> {
        let means: Vec<f64> = from.list("means")?;
        let deviations: Vec<f64> = from.list_of("deviations", means.len())?;
        let raw = from.finite_matrix("training_scores", means.len())?;
        let n_bins = from.json("n_bins")?;
        // Scores are single precision; a deviation beyond these bounds would make infinities of them.
        let usable =
            means.iter().all(|m| m.abs() < 1e40) && deviations.iter().all(|s| (1e-60..1e60).contains(s));
        if raw.nrows() != n_rows || means.is_empty() || !usable || n_bins == 0 {
            return Err(Error::model("the training scores of the members do not fit the training rows"));
        }
        Ok(Self::new(raw, means.into_iter().zip(deviations).collect(), n_bins))
    }
}

fn standardise(score: f64, (mean, deviation): (f64, f64)) -> f64 {
    (score - mean) / deviation
}

/// Pearson's correlation; 0 where either side is constant.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().max(1) as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().map(|x| x - mean_a).zip(b.iter().map(|y| y - mean_b)) {
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    let is_constant = |v: &[f64]| v.iter().all(|x| *x == v[0]);
    if is_constant(a) || is_constant(b) {
        return 0.0;
    }
    // The roots are taken apart: the product of two large sums of squares may not be finite.
    let r = ab / (aa.sqrt() * bb.sqrt());
    if r.is_finite() { r.clamp(-1.0, 1.0) } else { 0.0 }
}

/// The numbers of the values in the highest bars of their histogram; never none of at least one.
///
/// NumPy's histogram: bars of equal width from the least to the greatest value, each with its lower border.
fn select(values: &[f64], n_bins: usize) -> Vec<usize> {
    let n_bins = n_bins.min(values.len());
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    if n_bins < 2 || high <= low {
        return (0..values.len()).collect();
    }
    let step = (high - low) / n_bins as f64;
    let border = |bar: usize| if bar == n_bins { high } else { low + bar as f64 * step };
    let bar = |v: f64| {
        let guess = (((v - low) / (high - low) * n_bins as f64) as usize).min(n_bins - 1);
        // Rounding may put a value beside its bar.
        if v < border(guess) {
            guess - 1
        } else if guess + 1 < n_bins && v >= border(guess + 1) {
            guess + 1
        } else {
            guess
        }
    };
    let bars: Vec<usize> = values.iter().map(|&v| bar(v)).collect();
    let mut counts = vec![0; n_bins];
    bars.iter().for_each(|&bar| counts[bar] += 1);
    let most = counts.iter().copied().max().unwrap_or(0);
    (0..values.len()).filter(|&j| counts[bars[j]] == most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_in_closed_form() {
        assert_eq!(correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]), 1.0);
        assert_eq!(correlation(&[1.0, 2.0, 3.0], &[1.0, 0.0, -1.0]), -1.0);
        assert_eq!(correlation(&[1.0, 0.0, 1.0, 0.0], &[1.0, 1.0, 0.0, 0.0]), 0.0);
        assert_eq!(correlation(&[0.1; 3], &[1.0, 2.0, 4.0]), 0.0);
        assert_eq!(correlation(&[], &[]), 0.0);
        assert_eq!(correlation(&[1e200, -1e200], &[1e200, -1e200]), 0.0, "beyond what scores can be");
    }

    #[test]
    fn the_highest_bars_are_selected() {
        assert_eq!(select(&[0.0, 0.9, 1.0, 0.95], 10), [1, 2, 3]);
        assert_eq!(select(&[0.0, 0.1, 0.5, 1.0], 2), [0, 1, 2, 3]);
        assert_eq!(select(&[0.3; 3], 10), [0, 1, 2]);
        assert_eq!(select(&[0.2, 0.7], 10), [0, 1], "two bars of one each are both highest");
        assert_eq!(select(&[0.0, 0.5, 0.6, 1.0], 1), [0, 1, 2, 3]);
        assert_eq!(select(&[-0.5], 10), [0]);
    }
}
