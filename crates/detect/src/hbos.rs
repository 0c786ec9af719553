//! Histogram-based outlier score (HBOS): histograms of single columns.
//!
//! # Idea
//! Each column gets a histogram. A row is odd when its values fall into low bars; the surprises of all columns are
//! added up, as if columns were independent. Missing values and categories are bars like any other.
//!
//! # Equations
//! `s(x) = sum_j -log2(h_j(x_j) + r)`, where `r` is `regularization` (PyOD's alpha) and `h_j` the height of the bar
//! that `x_j` falls into, relative to a flat histogram: for bars of equal width `h = B c / n` with `c` of `n`
//! training rows in one of `B` bars; for bars of equal frequency `h = min(B, (c / n) (range / width))`. A category's
//! bar is `h = L c / n` with `L` categories, and so is that of missing values, with `L = B` beside numbers.
//!
//! # Score
//! Bits; it may be negative, a row in bars of flat height has about 0. One column adds at most `-log2(r)`. A
//! value more than half a bar outside the training range, an unseen category, and a missing value where none was
//! missing in training fall into no bar: `h = 0`. A constant column has one full bar, and any other value is
//! outside.
//!
//! # Complexity
//! Fit O(n d) (equal frequency: O(n log n d)), score O(d) per row, memory O(B d).
//!
//! # Use when / Avoid when
//! Where speed matters, with mixed numbers and categories. Avoid where anomalies are combinations of ordinary
//! values; with bars of equal width, one wild value per column stretches the range until all others share a bar,
//! which the automatic number of bars softens.
//!
//! # Differences
//! - Heights are relative to a flat histogram, so that a column's unit does not matter; the paper divides by the
//!   highest bar, PyOD takes the density in the column's own unit. Over a range of 1 PyOD's is the same number.
//! - The number of bars follows the column by default (Freedman and Diaconis, 5 to 200 bars); PyOD has 10.
//! - A value on an edge is scored by the bar that counted it; PyOD scores it by the one below.
//! - Outside the range the height is 0; in PyOD it is that of the lowest bar.
//! - Bars of equal frequency hold `n / B` successive training values each, and more where values are equal, as in
//!   the paper. They end half-way to the next value and are no higher than the highest possible bar of equal width;
//!   in the paper a bar ends at its own last value, so that repeated values give bars without width. The paper's
//!   rule for their number, the root of `n`, is kept between 5 and 200.
//!
//! # References
//! - Goldstein, Dengel 2012, Histogram-based outlier score (HBOS), KI-2012 poster track, pages 59 to 63.
//! - Freedman, Diaconis 1981, On the histogram as a density estimator: L2 theory. doi:10.1007/BF01025868
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::Hbos;
//! let rows = Features::rows(ndarray::array![[0.0_f32], [0.1], [0.2], [1.0]]);
//! let params = Hbos { n_bins: Some(2), ..Hbos::default() };
//! let (_, scores) = params.fit_score_on(&rows, &Run::new(0)).unwrap();
//! assert!((scores[3] + 0.6_f32.log2()).abs() < 1e-6); // height 2 * 1/4, plus 0.1
//! ```

mod bars;
mod count;
#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use bars::{CodeBars, Grid, NumberBars};

/// Rows that are scored at a time.
const ROWS: usize = 2048;

/// How bars are cut, and how low the lowest counts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hbos {
    /// Bars of equal width or of equal frequency.
    pub binning: Binning,
    /// Bars per number column. Left out, each column chooses: by Freedman and Diaconis for equal width, the root
    /// of the number of rows for equal frequency; between 5 and 200.
    #[schemars(range(min = 2, max = 10_000))]
    pub n_bins: Option<usize>,
    /// What is added to every height; the smaller, the more a single empty bar weighs.
    #[schemars(range(min = 1e-9, max = 1.0))]
    pub regularization: f64,
}

impl Default for Hbos {
    fn default() -> Self {
        Self { binning: Binning::EqualWidth, n_bins: None, regularization: 0.1 }
    }
}

/// How the range of a column is cut into bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Binning {
    /// Bars of equal width, called static in the paper.
    #[default]
    EqualWidth,
    /// Bars that hold about equally many training values, called dynamic in the paper.
    EqualFrequency,
}

/// The bars of each column.
pub struct HbosModel {
    numbers: Vec<NumberBars>,
    codes: Vec<CodeBars>,
    /// The surprise of falling into no bar.
    outside: f32,
}

impl Params for Hbos {}

impl Detector for Hbos {
    const CARD: Card = Card {
        id: "hbos",
        title: "Histogram-based outlier score (HBOS)",
        summary: "Rows whose values are rare in single columns, also inside the range.",
        paper: "Goldstein and Dengel 2012, Histogram-based outlier score (HBOS), KI-2012 poster track",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Native,
        holds: &[
            Invariance::RowOrder,
            Invariance::ColumnOrder,
            Invariance::ColumnScale,
            Invariance::GlobalScaleRank,
        ],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = HbosModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<HbosModel> {
        let features = train.features();
        let values = features.values.view();
        let stage = run.stage("counting bars", 1);
        let numbers = match self.binning {
            Binning::EqualWidth => count::fit(values, self, run)?,
            Binning::EqualFrequency => {
                let fit = |column| {
                    run.check()?;
                    Ok(NumberBars::equal_frequency(column, self))
                };
                values.axis_iter(Axis(1)).into_par_iter().map(fit).collect::<Result<_>>()?
            }
        };
        stage.advance(1);
        let codes = match &features.codes {
            Some(codes) => codes
                .axis_iter(Axis(1))
                .into_par_iter()
                .map(|c| CodeBars::fit(c, self.regularization))
                .collect(),
            None => Vec::new(),
        };
        Ok(HbosModel { numbers, codes, outside: bars::surprise(0.0, self.regularization) })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_columns() as f64);
        let per_value = match self.binning {
            Binning::EqualWidth => 12.0,
            Binning::EqualFrequency => 10.0 + 2.0 * n.max(2.0).log2(),
        };
        let bars = self.n_bins.unwrap_or(bars::MOST);
        Estimate {
            bytes: 16 * (shape.n_parts as u64) + (8 * bars * shape.n_columns()) as u64,
            fit_nanos: n * d * per_value,
            score_nanos_per_row: 3.0 * d,
        }
    }
}

impl HbosModel {
    /// The surprise of every cell of a row, number columns before code columns, in the order of columns.
    fn surprises<'a>(
        &'a self,
        numbers: impl Iterator<Item = &'a f32> + 'a,
        codes: impl Iterator<Item = &'a u32> + 'a,
    ) -> impl Iterator<Item = f32> + 'a {
        let numbers = self.numbers.iter().zip(numbers).map(|(bars, &v)| bars.surprise(v, self.outside));
        let codes = self.codes.iter().zip(codes).map(|(bars, &code)| bars.surprise(code, self.outside));
        numbers.chain(codes)
    }

    /// The sum of the surprises of a row's numbers. `grids` are those of the columns, in which most values lie.
    fn numbers_sum(&self, grids: &[Option<(Grid, &[f32])>], row: &[f32]) -> f64 {
        let mut sum = 0.0;
        for ((grid, column), &v) in grids.iter().zip(&self.numbers).zip(row) {
            sum += f64::from(match grid {
                Some((grid, bars)) if grid.holds(v) => bars[grid.bar(v)],
                _ => column.surprise(v, self.outside),
            });
        }
        sum
    }
}

impl Model for HbosModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let features = rows.features();
        let (values, d) = (features.values.as_standard_layout(), self.numbers.len());
        let values = values.as_slice().unwrap_or_default();
        let grids: Vec<_> = self.numbers.iter().map(NumberBars::grid).collect();
        let mut scores = vec![0.0; rows.n_parts()];
        scores.par_chunks_mut(ROWS).enumerate().try_for_each(|(block, scores)| {
            run.check()?;
            for (i, score) in scores.iter_mut().enumerate() {
                let row = block * ROWS + i;
                let mut sum = self.numbers_sum(&grids, &values[row * d..(row + 1) * d]);
                if let Some(codes) = &features.codes {
                    sum += self.surprises([].iter(), codes.row(row).iter()).map(f64::from).sum::<f64>();
                }
                *score = sum as f32;
            }
            Ok(())
        })?;
        Ok(scores)
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_list("outside", &[self.outside]);
        bars::save_numbers(&self.numbers, out);
        bars::save_codes(&self.codes, out);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        Ok(Self {
            numbers: bars::load_numbers(from, shape.n_values)?,
            codes: bars::load_codes(from, shape.n_codes)?,
            outside: bars::finite(from.list_of("outside", 1)?)?[0],
        })
    }
}

impl Attribute for HbosModel {
    /// Each column's exact share; the shares of a row sum to its score.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        run.check()?;
        let mut values = Array2::zeros(rows.values.dim());
        let mut codes = Array2::zeros((rows.n_parts(), self.codes.len()));
        let none = Array2::zeros((rows.n_parts(), 0));
        let given = rows.features().codes.as_ref().unwrap_or(&none);
        for (i, row) in rows.values.rows().into_iter().enumerate() {
            let out = values.row_mut(i).into_iter().chain(codes.row_mut(i));
            out.zip(self.surprises(row.iter(), given.row(i).iter())).for_each(|(out, share)| *out = share);
        }
        Ok(Attributions { values, codes })
    }
}
