//! Score panels with a known share of anomalies, for tests.

use anomalyst_core::{Label, Run};
use ndarray::Array2;

use crate::draw;

/// `n` rows of three detectors that see the same distance from the centre through different eyes: as it is,
/// squared, and as a logarithm, each with noise of its own. The first `bad` rows lie `shift` further out.
pub(crate) fn planted(n: usize, bad: usize, shift: f64, seed: u64) -> (Array2<f32>, Vec<Label>) {
    let mut random = Run::new(seed).random(77);
    let mut panel = Array2::zeros((n, 3));
    for (i, mut row) in panel.rows_mut().into_iter().enumerate() {
        let distance = (2.0 * draw::gamma(&mut random, 2.0)).sqrt();
        let further = if i < bad { shift * (1.0 + 0.25 * draw::normal(&mut random)).max(0.3) } else { 0.0 };
        let mut seen = || ((distance + further) * (0.1 * draw::normal(&mut random)).exp()) as f32;
        row[0] = seen();
        row[1] = seen().powi(2);
        row[2] = (1.0 + seen()).ln();
    }
    let labels = (0..n).map(|i| if i < bad { Label::Anomalous } else { Label::Normal }).collect();
    (panel, labels)
}
