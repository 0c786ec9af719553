//! Lightweight on-line detector of anomalies (LODA): histograms of sparse random projections.
//!
//! # Idea
//! Many random directions, each mixing only a few columns. Along every one of them a histogram says how common a
//! place is. Each histogram alone is weak; their mean is not, and it sees combinations of columns.
//!
//! # Equations
//! Projection `i` of `k` is `z = sum_j w_ij x_j` with standard normal `w_ij` for about the root of `d` columns drawn
//! evenly, and 0 for the others. Its histogram has `B` bars of equal width between the least and the greatest
//! training value, `c` of `n` training rows in the bar of `z`: `h_i = B c / n`.
//! `s(x) = -(1 / |I|) sum_{i in I} ln h_i(z_i)`, where `I` are the projections that use no missing value of `x`.
//! Left out, `B` maximises `sum c ln h - (B - 1 + (ln B)^2.5)` (Birgé and Rozenholc), as in the paper.
//!
//! # Score
//! Nats; it may be negative, a row in bars of flat height has 0. An empty bar, and a place more than half a bar
//! outside the training range, counts as a tenth of a row. A row that leaves no projection scores the mean of
//! the training rows.
//!
//! # Complexity
//! Fit and score O(k sqrt(d)) per row, memory O(k B). Two passes over the rows for the range and the counts.
//!
//! # Attribution
//! The paper's one-tailed test: for column `j` the `t` statistic (Welch) of `-ln h` in projections that use the
//! column against those that do not. Large where projections are low because of this column. With one column, its
//! share is the score.
//!
//! # Use when / Avoid when
//! Where speed matters and columns are related, with many gaps, with columns of like scale (the encoder sees to
//! that). Avoid where one column of very many matters, and for anomalies within the bulk.
//!
//! # Differences
//! - Bars are those of a whole table; the paper also has bars that follow a stream.
//! - Heights are relative to a flat histogram, so that projections left out do not shift a score. The paper's mean
//!   of `-ln p` with the share `p = c / n` is greater by the mean of `ln B`. PyOD 3.6.7 divides by `k` twice, and
//!   looks most values up in the bar above their own (`golden/loda.py` shows it); its numbers are no reference.
//! - `B` is chosen among the powers of two up to 1,024, so that all are counted at once; PyOD has 10 bars.
//! - What is outside the range falls into no bar; in PyOD it falls into the outermost one.
//!
//! # References
//! - Pevny 2016, Loda: lightweight on-line detector of anomalies, Machine Learning 102. doi:10.1007/s10994-015-5521-0
//! - Birgé, Rozenholc 2006, How many bins should be put in a regular histogram. doi:10.1051/ps:2006001
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::Loda;
//! let mut rows = ndarray::Array2::from_shape_fn((100, 4), |(i, j)| ((i * (7 + 2 * j)) % 100) as f32);
//! rows[[42, 1]] = 400.0;
//! let (_, scores) = Loda::default().fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap();
//! let oddest = (0..100).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
//! assert_eq!(oddest, Some(42));
//! ```

mod bars;
mod fit;
mod project;
#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use bars::Bars;
use project::{Lanes, Projection, ROWS};

/// How many directions, and how finely each is looked at.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Loda {
    /// Random projections. The spread of a score over seeds shrinks with the root of their number.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_projections: usize,
    /// Bars per histogram. Left out, each chooses by penalised likelihood.
    #[schemars(range(min = 2, max = 10_000))]
    pub n_bins: Option<usize>,
}

impl Default for Loda {
    fn default() -> Self {
        Self { n_projections: 100, n_bins: None }
    }
}

/// The projections and their histograms.
pub struct LodaModel {
    projections: Vec<Projection>,
    bars: Vec<Bars>,
}

impl Params for Loda {}

impl Detector for Loda {
    const CARD: Card = Card {
        id: "loda",
        title: "Histograms of random projections (LODA)",
        summary: "Rows in rarely met places along many random directions.",
        paper: "Pevny 2016, Loda, Machine Learning. doi:10.1007/s10994-015-5521-0",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Refuses,
        holds: &[Invariance::RowOrder, Invariance::Translation, Invariance::GlobalScaleRank],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = LodaModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<LodaModel> {
        let values = train.features().values.view();
        let projections: Vec<Projection> =
            (0..self.n_projections).map(|i| Projection::draw(values.ncols(), run.random(i as u64))).collect();
        let bars = fit::bars(values, &projections, self.n_bins, run)?;
        Ok(LodaModel { projections, bars })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, k) = (shape.n_parts as f64, self.n_projections as f64);
        let per_row = 2.0 * shape.n_values as f64 + k * (1.0 + 0.3 * (shape.n_values as f64).sqrt());
        let n_bars = self.n_projections * self.n_bins.unwrap_or(bars::FINE);
        Estimate {
            bytes: 4 * shape.n_parts as u64 + fit::bytes(n_bars),
            fit_nanos: 2.0 * n * per_row + 50_000.0 * k,
            score_nanos_per_row: per_row,
        }
    }
}

impl LodaModel {
    /// What a row scores that leaves no projection.
    fn typical(&self) -> f64 {
        self.bars.iter().map(|bars| f64::from(bars.typical)).sum::<f64>() / self.bars.len().max(1) as f64
    }

    /// Hands each projection's surprises of a block's rows to `take`; NaN where the projection needs a missing value.
    fn each_projection(&self, lanes: &Lanes, mut take: impl FnMut(&Projection, &[f32])) {
        let (mut z, mut at, mut found) = ([0.0; ROWS], [0; ROWS], [0.0; ROWS]);
        let n = lanes.n_rows();
        for (projection, bars) in self.projections.iter().zip(&self.bars) {
            projection.of(lanes, &mut z[..n]);
            bars.places(&z[..n], &mut at);
            found[..n].iter_mut().zip(&at).for_each(|(found, &at)| *found = bars.at(at));
            if lanes.has_gaps() {
                found.iter_mut().zip(&z[..n]).filter(|(_, z)| z.is_nan()).for_each(|(found, &z)| *found = z);
            }
            take(projection, &found[..n]);
        }
    }

    fn score_lanes(&self, lanes: &Lanes) -> Vec<f32> {
        let mut sums = vec![0.0_f64; lanes.n_rows()];
        if !lanes.has_gaps() {
            self.each_projection(lanes, |_, found| {
                sums.iter_mut().zip(found).for_each(|(sum, &v)| *sum += f64::from(v));
            });
            let n_all = self.projections.len() as f64;
            return sums.into_iter().map(|sum| (sum / n_all) as f32).collect();
        }
        let mut n_used = vec![0.0_f64; lanes.n_rows()];
        self.each_projection(lanes, |_, found| {
            for ((sum, n), &v) in sums.iter_mut().zip(&mut n_used).zip(found) {
                if !v.is_nan() {
                    *sum += f64::from(v);
                    *n += 1.0;
                }
            }
        });
        let typical = self.typical();
        let mean = |(sum, n): (f64, f64)| if n > 0.0 { sum / n } else { typical };
        sums.into_iter().zip(n_used).map(|of| mean(of) as f32).collect()
    }
}

impl Model for LodaModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = &rows.features().values;
        let mut scores = vec![0.0; values.nrows()];
        scores.par_chunks_mut(ROWS).zip(values.axis_chunks_iter(Axis(0), ROWS)).try_for_each_init(
            Lanes::default,
            |lanes, (scores, block)| {
                run.check()?;
                lanes.fill(block);
                scores.copy_from_slice(&self.score_lanes(lanes));
                Ok(())
            },
        )?;
        Ok(scores)
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        project::save(&self.projections, out);
        bars::save(&self.bars, out);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let projections = project::load(from, shape.n_values)?;
        let bars = bars::load(from, projections.len())?;
        if projections.is_empty() {
            return Err(Error::model("there is no projection"));
        }
        Ok(Self { projections, bars })
    }
}

/// Count, sum and sum of squares.
#[derive(Clone, Copy, Default)]
struct Group {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Group {
    fn push(&mut self, v: f64) {
        self.n += 1.0;
        self.sum += v;
        self.squares += v * v;
    }

    fn without(self, part: Self) -> Self {
        Self { n: self.n - part.n, sum: self.sum - part.sum, squares: self.squares - part.squares }
    }

    fn mean(self) -> f64 {
        self.sum / self.n
    }

    /// The variance of the mean.
    fn error(self) -> f64 {
        (self.squares / self.n - self.mean().powi(2)).max(0.0) / (self.n - 1.0).max(1.0)
    }

    /// Welch's `t` of this group against another; the mean alone where there is no other, 0 for an empty group.
    fn excess(self, other: Self) -> f64 {
        if self.n == 0.0 {
            return 0.0;
        }
        if other.n == 0.0 {
            return self.mean();
        }
        // Equal surprises in all projections have no error; what they differ by then counts in thousandths of a nat.
        (self.mean() - other.mean()) / (self.error() + other.error()).sqrt().max(1e-3)
    }
}

impl Attribute for LodaModel {
    /// The test statistic of each column, see the head of this page.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let cells = &rows.features().values;
        let mut values = Array2::zeros(cells.dim());
        let mut lanes = Lanes::default();
        for (block, mut out) in
            cells.axis_chunks_iter(Axis(0), ROWS).zip(values.axis_chunks_iter_mut(Axis(0), ROWS))
        {
            run.check()?;
            lanes.fill(block);
            let mut all = vec![Group::default(); block.nrows()];
            let mut with = Array2::from_elem(block.dim(), Group::default());
            self.each_projection(&lanes, |projection, found| {
                for (i, &v) in found.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
                    all[i].push(f64::from(v));
                    projection.columns().for_each(|j| with[[i, j]].push(f64::from(v)));
                }
            });
            for ((i, j), out) in out.indexed_iter_mut() {
                *out = with[[i, j]].excess(all[i].without(with[[i, j]])) as f32;
            }
        }
        Ok(Attributions { values, codes: Array2::zeros((cells.nrows(), 0)) })
    }
}
