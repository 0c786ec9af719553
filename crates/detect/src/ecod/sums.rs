//! Sums of tails over the columns of a row: what the methods of this family share.

use anomalyst_core::{
    Attribute, Attributions, Checked, Error, Estimate, ModelReader, ModelWriter, Result, Run, Shape,
};
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::tails::{self, Blend, Nats, Scratch, Surprise, Tails};

/// Columns that are sorted at a time at most, one per thread; bounds the working memory of a fit.
const COLUMNS: usize = 8;
/// Columns that are taken from the rows at a time at least.
const TAKEN: usize = 4;
/// Rows that are scored at a time, column by column, so that one column's values stay in the cache.
const ROWS: usize = 4096;

/// The training distribution of each column.
pub(crate) struct TailSums {
    columns: Vec<Tails>,
}

/// A row's sums over columns, in f64 so that their order hardly matters.
#[derive(Clone, Copy, Default)]
struct Sum {
    left: f64,
    right: f64,
    skewed: f64,
}

impl Sum {
    /// Where tails are blended for each column, the blend stands on both sides of a [`Surprise`], so all three sums
    /// are the same.
    fn add(&mut self, surprise: Surprise, tails: &Tails) {
        self.left += f64::from(surprise.left);
        self.right += f64::from(surprise.right);
        self.skewed += f64::from(tails.skewed(surprise));
    }

    fn score(&self) -> f32 {
        self.left.max(self.right).max(self.skewed) as f32
    }
}

impl TailSums {
    /// The distributions, and the scores of the very rows.
    pub(crate) fn fit_score(
        values: ArrayView2<'_, f32>,
        blend: Blend,
        tail_error: f64,
        run: &Run,
    ) -> Result<(Self, Vec<f32>)> {
        if u32::try_from(values.nrows()).is_err() {
            return Err(Error::Budget {
                what: "sorting columns".into(),
                need: format!("{} rows", values.nrows()),
                limit: "4294967295 rows".into(),
                hint: "take a sample".into(),
            });
        }
        let stage = run.stage("sorting columns", values.ncols() as u64);
        let nats = Nats::new(values.nrows() as u32);
        // Tails that are blended for each column have one sum; else there are those of left, right and skewed tails.
        let n_sums = if blend == Blend::Apart { 3 } else { 1 };
        // Block by block of rows, one sum after the other.
        let mut sums = vec![0.0_f64; n_sums * values.nrows()];
        let mut columns = Vec::with_capacity(values.ncols());
        let at_once = run.n_threads().clamp(1, COLUMNS);
        let mut scratch: Vec<Scratch> = (0..at_once).map(|_| Scratch::default()).collect();
        let mut taken = vec![vec![0.0; values.nrows()]; at_once.max(TAKEN).min(values.ncols())];
        for block in values.axis_chunks_iter(Axis(1), at_once.max(TAKEN)) {
            for block in columns_of(block, &mut taken).chunks(at_once) {
                run.check()?;
                let fitted: Vec<Tails> = block
                    .par_iter()
                    .zip(&mut scratch)
                    .map(|(column, scratch)| Tails::fit(column, blend, tail_error, &nats, scratch))
                    .collect();
                sums.par_chunks_mut(n_sums * ROWS).enumerate().for_each(|(b, sums)| {
                    let n_rows = sums.len() / n_sums;
                    let rows = b * ROWS..b * ROWS + n_rows;
                    for (tails, Scratch { left, right, .. }) in fitted.iter().zip(&scratch) {
                        let skewed = if tails.is_left_skewed { left } else { right };
                        for (sums, of) in sums.chunks_exact_mut(n_rows).zip([left, right, skewed]) {
                            sums.iter_mut()
                                .zip(&of[rows.clone()])
                                .for_each(|(sum, &surprise)| *sum += f64::from(surprise));
                        }
                    }
                });
                stage.advance(fitted.len() as u64);
                columns.extend(fitted);
            }
        }
        let mut scores = Vec::with_capacity(values.nrows());
        for sums in sums.chunks(n_sums * ROWS) {
            let n_rows = sums.len() / n_sums;
            let score = |row: usize| sums[row..].iter().step_by(n_rows).copied().fold(0.0, f64::max) as f32;
            scores.extend((0..n_rows).map(score));
        }
        Ok((Self { columns }, scores))
    }

    pub(crate) fn estimate(shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        let at_once = shape.n_values.min(COLUMNS) as u64;
        Estimate {
            bytes: shape.n_parts as u64 * (24 + 48 * at_once)
                + 20 * (shape.n_parts.min(tails::EXACT_POINTS) * shape.n_values) as u64,
            fit_nanos: n * d * (15.0 + 2.0 * n.max(2.0).log2()),
            score_nanos_per_row: d * (5.0 + 1.5 * n.max(2.0).log2()),
        }
    }

    fn sums(&self, rows: ArrayView2<'_, f32>) -> Vec<Sum> {
        let mut sums = vec![Sum::default(); rows.nrows()];
        for (tails, column) in self.columns.iter().zip(rows.columns()) {
            sums.iter_mut().zip(column).for_each(|(sum, &v)| sum.add(tails.surprise(v), tails));
        }
        sums
    }

    pub(crate) fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = &rows.features().values;
        let blocks: Vec<Result<Vec<f32>>> = values
            .axis_chunks_iter(Axis(0), ROWS)
            .into_par_iter()
            .map(|block| {
                run.check()?;
                Ok(self.sums(block).iter().map(Sum::score).collect())
            })
            .collect();
        Ok(blocks.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    pub(crate) fn save(&self, out: &mut ModelWriter) {
        tails::save(&self.columns, out);
    }

    pub(crate) fn load(from: &ModelReader<'_>, n_columns: usize, blend: Blend) -> Result<Self> {
        Ok(Self { columns: tails::load(from, n_columns, blend)? })
    }
}

/// The columns, each by itself, in `taken`. Going through the rows once for several columns spares fetching each of their
/// lines from memory once per column.
fn columns_of<'a>(values: ArrayView2<'_, f32>, taken: &'a mut [Vec<f32>]) -> &'a [Vec<f32>] {
    let columns = &mut taken[..values.ncols()];
    for (i, row) in values.rows().into_iter().enumerate() {
        columns.iter_mut().zip(row).for_each(|(column, &v)| column[i] = v);
    }
    columns
}

impl Attribute for TailSums {
    /// Each column's exact share; the shares of a row sum to its score.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let mut values = Array2::zeros(rows.values.dim());
        for start in (0..rows.n_parts()).step_by(ROWS) {
            run.check()?;
            let block = start..(start + ROWS).min(rows.n_parts());
            let cells = rows.values.slice(s![block.clone(), ..]);
            let sums = self.sums(cells);
            let mut out = values.slice_mut(s![block, ..]);
            for ((tails, column), mut out) in self.columns.iter().zip(cells.columns()).zip(out.columns_mut())
            {
                for ((sum, &v), out) in sums.iter().zip(column).zip(&mut out) {
                    let surprise = tails.surprise(v);
                    *out = if sum.left >= sum.right && sum.left >= sum.skewed {
                        surprise.left
                    } else if sum.right >= sum.skewed {
                        surprise.right
                    } else {
                        tails.skewed(surprise)
                    };
                }
            }
        }
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), 0)) })
    }
}
