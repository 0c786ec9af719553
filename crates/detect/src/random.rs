//! A random score: the control that every method must beat.
//!
//! # Idea
//! Each row gets a number that depends on nothing but its own values and the seed, so that equal rows get equal
//! scores and a row's score does not depend on its batch.
//!
//! # Score
//! Between 0 and 1, uniform over different rows; it means nothing.
//!
//! # Complexity
//! Fit O(1), score O(d) per row.
//!
//! # Use when
//! As a row in every benchmark table: a method near it has found nothing.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::Random;
//! let rows = Features::rows(ndarray::array![[0.0_f32], [1.0]]);
//! let scores = Random::default().fit_on(&rows, &Run::new(0)).unwrap().score(&rows, &Run::new(0)).unwrap();
//! assert!(scores.iter().all(|s| (0.0..1.0).contains(s)));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance, LayoutKind, Model, ModelReader,
    ModelWriter, Params, Result, Run, Shape,
};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// No parameters; the seed is the run's.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Random {}

/// The key of the hash.
pub struct RandomModel {
    key: u64,
}

impl Params for Random {}

impl Detector for Random {
    const CARD: Card = Card {
        id: "random",
        title: "Random score",
        summary: "A control: scores that mean nothing, which every method must beat.",
        paper: "none; a control",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Native,
        holds: &[Invariance::RowOrder],
        cost: Cost { fit: Growth::Constant, score: Growth::Constant },
        min_items: 1,
        control: true,
    };
    type Model = RandomModel;

    fn fit(&self, _: Checked<'_>, run: &Run) -> Result<RandomModel> {
        run.check()?;
        Ok(RandomModel { key: run.random(0).next_u64() })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        Estimate { bytes: 0, fit_nanos: 0.0, score_nanos_per_row: 2.0 * shape.n_columns() as f64 }
    }
}

impl Model for RandomModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        run.check()?;
        let mut scores = Vec::with_capacity(rows.n_parts());
        for (part, row) in rows.values.rows().into_iter().enumerate() {
            let numbers = row.iter().fold(self.key, |hash, v| mix(hash, v.to_bits()));
            let codes = rows.codes.iter().flat_map(|codes| codes.row(part).to_vec());
            scores.push((codes.fold(numbers, mix) >> 40) as f32 / (1_u64 << 24) as f32);
        }
        Ok(scores)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_list("key", &[self.key]);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, _: Shape) -> Result<Self> {
        Ok(Self { key: from.list_of("key", 1)?[0] })
    }
}

/// One round of the finaliser of SplitMix64 (Steele, Lea, Flood 2014) over the next word.
fn mix(hash: u64, word: u32) -> u64 {
    let z = (hash ^ u64::from(word)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::{DetectorExt, Features};
    use ndarray::Array2;

    #[test]
    fn uniform_over_different_rows() {
        let rows = Features::rows(Array2::from_shape_fn((10_000, 2), |(i, j)| (i * 3 + j) as f32));
        let scores =
            Random::default().fit_on(&rows, &Run::new(1)).unwrap().score(&rows, &Run::new(1)).unwrap();
        let mean = scores.iter().sum::<f32>() / 1e4;
        // The standard error of the mean of 10,000 uniform numbers is 0.0029.
        assert!((mean - 0.5).abs() < 0.012, "{mean}");
    }
}
