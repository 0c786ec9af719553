//! The largest z-score of any column: the control of what needs no model.
//!
//! # Idea
//! Each column is measured in its own standard deviations from its own mean, and a row is as odd as its oddest
//! value. It sees nothing that lies in combinations of columns.
//!
//! # Equations
//! `s(x) = max_j |x_j - mu_j| / sigma_j`, with `mu_j` the mean and `sigma_j` the population standard deviation of
//! column `j`.
//!
//! # Score
//! Standard deviations, 0 and up; 0 is a row of means. A column without spread scores 0 at its value and counts
//! a deviation in units of the value's own size elsewhere. A missing value says nothing.
//!
//! # Complexity
//! Fit O(n d), score O(d) per row, memory O(d).
//!
//! # Use when / Avoid when
//! As a row in every benchmark table, and for single wild values. Avoid where anomalies are combinations.
//!
//! # References
//! Grubbs 1969, Technometrics 11(1), whose test statistic this is. doi:10.1080/00401706.1969.10490657
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::ColumnZScore;
//! let rows = Features::rows(ndarray::array![[0.0_f32], [0.0], [0.0], [4.0]]);
//! let run = Run::new(0);
//! let scores = ColumnZScore::default().fit_on(&rows, &run).unwrap().score(&rows, &run).unwrap();
//! assert!((scores[3] - 3.0_f32.sqrt()).abs() < 1e-6); // mean 1, deviation sqrt(3)
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::stats::Moments;
use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

/// No parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnZScore {}

/// Mean and standard deviation of each column.
pub struct ColumnZScoreModel {
    mean: Vec<f64>,
    std_dev: Vec<f64>,
}

impl Params for ColumnZScore {}

impl Detector for ColumnZScore {
    const CARD: Card = Card {
        id: "column_z_score",
        title: "Largest z-score of any column",
        summary: "A control: single wild values, nothing in combination.",
        paper: "Grubbs 1969, Technometrics. doi:10.1080/00401706.1969.10490657",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Refuses,
        holds: &[
            Invariance::RowOrder,
            Invariance::ColumnOrder,
            Invariance::Translation,
            Invariance::ColumnScale,
        ],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: true,
    };
    type Model = ColumnZScoreModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<ColumnZScoreModel> {
        run.check()?;
        let moments = |column: ArrayView1<'_, f32>| -> Moments {
            column.iter().filter(|v| !v.is_nan()).map(|&v| f64::from(v)).collect()
        };
        let moments: Vec<Moments> = train.values.columns().into_iter().map(moments).collect();
        Ok(ColumnZScoreModel {
            mean: moments.iter().map(Moments::mean).collect(),
            std_dev: moments.iter().map(Moments::std_dev).collect(),
        })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let d = shape.n_values as f64;
        Estimate {
            bytes: 16 * shape.n_values as u64,
            fit_nanos: 6.0 * d * shape.n_parts as f64,
            score_nanos_per_row: 2.0 * d,
        }
    }
}

impl ColumnZScoreModel {
    /// Absolute z-scores of a row; 0 where missing.
    fn deviations<'a>(&'a self, row: ArrayView1<'a, f32>) -> impl Iterator<Item = f32> + 'a {
        row.into_iter().zip(&self.mean).zip(&self.std_dev).map(|((&v, &mean), &std_dev)| {
            let deviation = (f64::from(v) - mean).abs();
            // Without spread, the unit is the size of the value itself, and rounding errors are not deviations.
            let unit = if std_dev > 1e-9 * mean.abs() {
                std_dev
            } else {
                mean.abs().max(f64::from(f32::MIN_POSITIVE))
            };
            if deviation.is_nan() || deviation <= 1e-9 * mean.abs() {
                0.0
            } else {
                (deviation / unit).min(1e30) as f32
            }
        })
    }
}

impl Model for ColumnZScoreModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        run.check()?;
        let largest = |row| self.deviations(row).fold(0.0_f32, f32::max);
        Ok(rows.features().values.rows().into_iter().map(largest).collect())
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_list("mean", &self.mean);
        out.put_list("std_dev", &self.std_dev);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let mean: Vec<f64> = from.list_of("mean", shape.n_values)?;
        let std_dev: Vec<f64> = from.list_of("std_dev", shape.n_values)?;
        if mean.iter().chain(&std_dev).any(|v| !v.is_finite()) || std_dev.iter().any(|&v| v < 0.0) {
            return Err(Error::model("means and deviations must be finite"));
        }
        Ok(Self { mean, std_dev })
    }
}

impl Attribute for ColumnZScoreModel {
    /// The z-scores themselves.
    fn attribute(&self, rows: Checked<'_>, _: &Run) -> Result<Attributions> {
        let mut values = Array2::zeros(rows.values.dim());
        for (row, mut out) in rows.features().values.rows().into_iter().zip(values.rows_mut()) {
            self.deviations(row).zip(&mut out).for_each(|(z, out)| *out = z);
        }
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), 0)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::{DetectorExt, Features};
    use ndarray::array;

    /// Columns 0, 2 and a constant 5: mean 1, deviation 1; the constant only speaks when it changes.
    #[test]
    fn closed_form() {
        let run = Run::new(0);
        let fitted =
            ColumnZScore::default().fit_on(&Features::rows(array![[0.0, 5.0], [2.0, 5.0]]), &run).unwrap();
        let rows = Features::rows(array![[1.0, 5.0], [4.0, 5.0], [1.0, 10.0], [f32::NAN, 5.0]]);
        assert_eq!(fitted.score(&rows, &run).unwrap(), [0.0, 3.0, 1.0, 0.0]);
    }
}
