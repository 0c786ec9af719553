//! Subspace outlier detection by randomized hashing (RS-Hash).
//!
//! # Idea
//! A random grid over a few random columns is thrown over a small sample; a row is odd if few sample rows lie in its
//! cell. Grids of all sizes in many subspaces are tried, and the mean decides. It is a density estimate in
//! subspaces at the price of a look-up per grid.
//!
//! # Equations
//! For each of `m` grids, from a sample of `t` rows drawn without repetition: `f` evenly between `1 / sqrt(t)` and
//! `1 - 1 / sqrt(t)`; `l = log t` to the base `max(2, 1 / f)`; `r` columns, a whole number evenly between
//! `1 + l / 2` and `l`, at most all; for each of them a shift `a_j` evenly between 0 and 1. In each of these columns,
//! the cell of `x` is `floor((x_j - min_j) / (f (max_j - min_j)) + a_j)`, with `min` and `max` over the sample. With
//! `c` sample rows in it, not counting `x` itself: `s(x) = log2(t + 1) - (1 / m) sum log2(c + 1)`.
//!
//! # Score
//! Bits, from 0 (all sample rows in its cell) to `log2(t + 1)` (always alone). A value far outside the sample's range
//! lies in a cell without sample rows. Missing values have a cell of their own in each column.
//!
//! # Complexity
//! Fit O(m t r), score O(m r) per row, memory O(m t), independent of the number of training rows.
//!
//! # Use when / Avoid when
//! Where anomalies show in a few columns together, with many rows. Avoid where one column of very many matters,
//! and where a column's range is stretched by one wild value, which leaves all others in one cell.
//!
//! # Differences
//! - Counts are exact. The paper counts in a count-min sketch, which errs seldom and only upwards; there are no more
//!   cells with sample rows than sample rows, so keeping those takes less memory.
//! - The score is turned round and starts at 0; the paper's mean of `log2(c + 1)` is low for outliers.
//! - A column that is constant in a sample is not left out: it separates no sample row, but shows rows that differ.
//!
//! # References
//! Sathe, Aggarwal 2016, Subspace outlier detection in linear time with randomized hashing, ICDM.
//! doi:10.1109/ICDM.2016.0057
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::RsHash;
//! let mut rows = ndarray::Array2::from_shape_fn((100, 2), |(i, j)| ((i * (7 + 6 * j)) % 100) as f32);
//! rows[[42, 1]] = 400.0;
//! let (_, scores) = RsHash::default().fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap();
//! let oddest = (0..100).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
//! assert_eq!(oddest, Some(42));
//! ```

mod grid;
#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, Model,
    ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use ndarray::{ArrayView2, Axis};
use rand::seq::index;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use grid::{Grid, Rows};

/// Rows that are looked up at a time, so that one grid's cells stay in the cache.
const ROWS: usize = 256;

/// How many grids, over how many rows.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RsHash {
    /// Grids. The spread of a score over seeds shrinks with the root of their number.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_grids: usize,
    /// Training rows drawn for each grid, without repetition; all, if there are fewer.
    #[schemars(range(min = 2, max = 1_000_000))]
    pub sample_size: usize,
}

impl Default for RsHash {
    /// As in public implementations of the paper.
    fn default() -> Self {
        Self { n_grids: 300, sample_size: 1000 }
    }
}

/// The grids with the cells that their samples lie in.
pub struct RsHashModel {
    grids: Vec<Grid>,
    /// Rows in a sample.
    sample_size: usize,
}

impl Params for RsHash {}

impl Detector for RsHash {
    const CARD: Card = Card {
        id: "rs_hash",
        title: "Randomized hashing in subspaces (RS-Hash)",
        summary: "Rows in sparse cells of random grids over a few columns each.",
        paper: "Sathe and Aggarwal 2016, ICDM. doi:10.1109/ICDM.2016.0057",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Refuses,
        holds: &[Invariance::Translation, Invariance::ColumnScale, Invariance::GlobalScaleRank],
        cost: Cost { fit: Growth::Constant, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = RsHashModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<RsHashModel> {
        Ok(self.fit_with_samples(train.features().values.view(), run)?.0)
    }

    /// A training row does not count itself in the grids whose sample it is in.
    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(RsHashModel, Vec<f32>)> {
        let values = train.features().values.view();
        let (model, samples) = self.fit_with_samples(values, run)?;
        let scores = model.scores(values, Some(&samples), run)?;
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (m, t) = (self.n_grids as f64, self.sample_size.min(shape.n_parts) as f64);
        let columns = t.max(2.0).log2().min(shape.n_values as f64);
        let per_grid = 6.0 + 3.0 * columns;
        Estimate {
            bytes: (64.0 * m * t) as u64 + 4 * shape.n_parts as u64,
            fit_nanos: m * t * (40.0 + 12.0 * columns) + 8.0 * m * shape.n_parts as f64 / 64.0,
            score_nanos_per_row: m * per_grid,
        }
    }
}

impl RsHash {
    /// The model, and the rows of each grid's sample, ascending.
    fn fit_with_samples(
        &self,
        values: ArrayView2<'_, f32>,
        run: &Run,
    ) -> Result<(RsHashModel, Vec<Vec<u32>>)> {
        let (n, sample_size) = (values.nrows(), self.sample_size.min(values.nrows()));
        if u32::try_from(n).is_err() {
            return Err(Error::Budget {
                what: "rs_hash".into(),
                need: format!("{n} rows"),
                limit: "4294967295 rows".into(),
                hint: "take a sample".into(),
            });
        }
        let stage = run.stage("filling grids", self.n_grids as u64);
        let fit = |i: usize| {
            run.check()?;
            let mut random = run.random(i as u64);
            let mut sample: Vec<u32> =
                index::sample(&mut random, n, sample_size).into_iter().map(|row| row as u32).collect();
            sample.sort_unstable();
            let rows: Vec<usize> = sample.iter().map(|&row| row as usize).collect();
            let grid = Grid::fit(values.select(Axis(0), &rows).view(), &mut random);
            stage.advance(1);
            Ok((grid, sample))
        };
        let found: Result<Vec<(Grid, Vec<u32>)>> = (0..self.n_grids).into_par_iter().map(fit).collect();
        let (grids, samples) = found?.into_iter().unzip();
        Ok((RsHashModel { grids, sample_size }, samples))
    }
}

impl RsHashModel {
    /// With `samples`, the rows are those trained on, and do not count themselves.
    fn scores(
        &self,
        values: ArrayView2<'_, f32>,
        samples: Option<&[Vec<u32>]>,
        run: &Run,
    ) -> Result<Vec<f32>> {
        let mut scores = vec![0.0; values.nrows()];
        let bits: Vec<f64> = (0..=self.sample_size).map(|count| (count as f64 + 1.0).log2()).collect();
        let all = bits[self.sample_size];
        let blocks = scores.par_chunks_mut(ROWS).zip(values.axis_chunks_iter(Axis(0), ROWS)).enumerate();
        blocks.try_for_each(|(at, (scores, block))| {
            run.check()?;
            let (rows, mut counts) = (Rows::new(block), vec![0_u32; block.nrows()]);
            let mut sums = vec![0.0; block.nrows()];
            for (i, grid) in self.grids.iter().enumerate() {
                grid.counts(&rows, &mut counts);
                if let Some(samples) = samples {
                    let (first, sample) = ((at * ROWS) as u32, &samples[i]);
                    let from = sample.partition_point(|&row| row < first);
                    let to = sample.partition_point(|&row| row < first + scores.len() as u32);
                    sample[from..to].iter().for_each(|row| counts[(row - first) as usize] -= 1);
                }
                sums.iter_mut().zip(&counts).for_each(|(sum, &count)| *sum += all - bits[count as usize]);
            }
            let mean = |(score, sum): (&mut f32, f64)| *score = (sum / self.grids.len() as f64) as f32;
            scores.iter_mut().zip(sums).for_each(mean);
            Ok(())
        })?;
        Ok(scores)
    }
}

impl Model for RsHashModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        self.scores(rows.features().values.view(), None, run)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("sample_size", &self.sample_size)?;
        grid::save(&self.grids, out);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let sample_size: usize = from.json("sample_size")?;
        if sample_size == 0 || sample_size > 1_000_000 {
            return Err(Error::model("a sample has between 1 and 1000000 rows"));
        }
        Ok(Self { grids: grid::load(from, shape.n_values, sample_size)?, sample_size })
    }
}
