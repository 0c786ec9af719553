//! The scores that later scores are compared with, sorted and, where there are many, thinned.
//!
//! # Idea
//! Every p-value, confidence and threshold asks how many known scores lie below or above a value. Up to 10,000
//! scores all are kept and every count is exact. Of more, the 1,000 highest are kept, and below them order
//! statistics whose distance grows with the count above them, so that every tail count is known to the same
//! relative precision.
//!
//! # Equations
//! Kept are the positions `n - t` with `t = 0` and then `t <- max(t + 1, t r)`, rounded down, where
//! `r = (n / 1000)^(1 / 9000)`. A count above a value is rounded up, by a factor of at most `r` (0.08 % at
//! a million scores, 0.16 % at 1e9) and one: p-values made from it are never too small.
//!
//! # Complexity
//! Build O(n log n), count O(log 10,000), memory 120 kB.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};
use rayon::prelude::*;

const EXACT: usize = 1_000;
const KEPT: usize = 10_000;

/// Sorted scores, thinned where there are more than 10,000.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Ascending scores.
    points: Vec<f32>,
    /// Position of each among all scores, counted from 1; the last is their number.
    positions: Vec<u64>,
}

/// Refuses an empty list and scores that are not finite.
pub(crate) fn check_scores(scores: &[f32]) -> Result<()> {
    if scores.is_empty() {
        return Err(Error::TooFewItems { what: "a decision".into(), got: 0, need: 1 });
    }
    match scores.iter().position(|s| !s.is_finite()) {
        None => Ok(()),
        Some(row) => Err(Error::Data(format!(
            "the score of row {row} is {}; scores must be finite numbers",
            scores[row]
        ))),
    }
}

impl Calibration {
    /// Keeps these scores; they must be finite and at least one.
    pub fn new(scores: &[f32]) -> Result<Self> {
        check_scores(scores)?;
        let mut sorted = scores.to_vec();
        // -0 and 0 are the same score.
        sorted.iter_mut().for_each(|s| *s += 0.0);
        sorted.par_sort_unstable_by(f32::total_cmp);
        let n = sorted.len();
        if n <= KEPT {
            return Ok(Self { points: sorted, positions: (1..=n as u64).collect() });
        }
        let ratio = (n as f64 / EXACT as f64).powf(1.0 / (KEPT - EXACT) as f64);
        let (mut positions, mut tail) = (Vec::with_capacity(KEPT + 1), 0.0_f64);
        while tail < n as f64 {
            positions.push(n as u64 - tail as u64);
            tail = (tail * ratio).max(tail + 1.0);
        }
        if positions.last() != Some(&1) {
            positions.push(1);
        }
        positions.reverse();
        let points = positions.iter().map(|&at| sorted[at as usize - 1]).collect();
        Ok(Self { points, positions })
    }

    /// How many scores there were.
    pub fn n(&self) -> u64 {
        self.positions.last().copied().unwrap_or(0)
    }

    /// The kept scores, ascending.
    pub fn points(&self) -> &[f32] {
        &self.points
    }

    /// Position of kept score `slot - 1`; 0 for slot 0, which stands for everything below the lowest score.
    pub fn position(&self, slot: usize) -> u64 {
        slot.checked_sub(1).and_then(|at| self.positions.get(at)).copied().unwrap_or(0)
    }

    /// How many kept scores are below `score`.
    pub fn slot_below(&self, score: f32) -> usize {
        self.points.partition_point(|&p| p < score)
    }

    /// How many kept scores are at or below `score`.
    pub fn slot_up_to(&self, score: f32) -> usize {
        self.points.partition_point(|&p| p <= score)
    }

    /// How many scores are at or above `score`, rounded up where scores were thinned.
    pub fn n_at_or_above(&self, score: f32) -> u64 {
        self.n() - self.position(self.slot_below(score))
    }

    /// How many scores are above `score`, rounded up where scores were thinned.
    pub fn n_above(&self, score: f32) -> u64 {
        self.n() - self.position(self.slot_up_to(score))
    }

    /// The lowest kept score that at most `count` scores exceed.
    pub fn exceeded_by(&self, count: u64) -> f32 {
        let position = self.n().saturating_sub(count).max(1);
        let at = self.positions.partition_point(|&p| p < position);
        self.points.get(at).or(self.points.last()).copied().unwrap_or(0.0)
    }

    /// The highest score.
    pub fn max(&self) -> f32 {
        self.exceeded_by(0)
    }

    /// The score below which the share `q` lies.
    pub fn quantile(&self, q: f64) -> f32 {
        self.exceeded_by(((1.0 - q.clamp(0.0, 1.0)) * self.n() as f64) as u64)
    }

    /// Saves both lists.
    pub fn save(&self, out: &mut ModelWriter) {
        out.put_list("points", &self.points);
        out.put_list("positions", &self.positions);
    }

    /// Reads both lists and refuses any that could not have been saved.
    pub fn load(from: &ModelReader<'_>) -> Result<Self> {
        let points: Vec<f32> = from.list("points")?;
        let positions: Vec<u64> = from.list_of("positions", points.len())?;
        let ascending = points.is_sorted() && positions.windows(2).all(|w| w[0] < w[1]);
        let in_range =
            positions.first().is_some_and(|&p| p >= 1) && positions.last().is_some_and(|&p| p < 1 << 53);
        if !ascending || !in_range || points.iter().any(|p| !p.is_finite()) {
            return Err(Error::model("calibration scores must be finite, ascending and counted upwards"));
        }
        Ok(Self { points, positions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_in_closed_form() {
        let c = Calibration::new(&[2.0, 1.0, 2.0, 5.0]).unwrap();
        assert_eq!((c.n_at_or_above(2.0), c.n_above(2.0)), (3, 1));
        assert_eq!((c.n_at_or_above(9.0), c.n_above(0.0)), (0, 4));
        assert_eq!(
            (c.exceeded_by(0), c.exceeded_by(1), c.exceeded_by(2), c.exceeded_by(9)),
            (5.0, 2.0, 2.0, 1.0)
        );
        assert!(Calibration::new(&[]).is_err());
        assert!(Calibration::new(&[1.0, f32::NAN]).unwrap_err().to_string().contains("row 1"));
    }

    /// A thinned calibration counts up, by no more than the stated factor.
    #[test]
    fn thinning_keeps_its_stated_precision() {
        let n = 200_000_u64;
        let scores: Vec<f32> = (0..n).map(|i| ((i * 7919) % n) as f32).collect();
        let c = Calibration::new(&scores).unwrap();
        assert!(c.points().len() <= 10_001 && c.n() == n);
        let ratio = (n as f64 / 1000.0).powf(1.0 / 9000.0);
        for score in (0..n).step_by(37) {
            let exact = n - score;
            let got = c.n_at_or_above(score as f32);
            assert!(got >= exact && got as f64 <= (exact as f64 * ratio + 2.0), "{score}: {got} for {exact}");
        }
    }

    proptest! {
        #[test]
        fn equals_counting(scores in prop::collection::vec(-5..5_i8, 1..40), at in -6..6_i8) {
            let scores: Vec<f32> = scores.into_iter().map(f32::from).collect();
            let (c, at) = (Calibration::new(&scores).unwrap(), f32::from(at));
            prop_assert_eq!(c.n_at_or_above(at), scores.iter().filter(|&&s| s >= at).count() as u64);
            prop_assert_eq!(c.n_above(at), scores.iter().filter(|&&s| s > at).count() as u64);
        }
    }
}
