//! Modified z-scores: deviations from the median in units of the median absolute deviation (MAD).
//!
//! # Idea
//! As z-scores, but centre and unit are medians, which up to half of the rows being anomalies cannot move. A row
//! takes its oddest value, or the mean of all.
//!
//! # Equations
//! `M_j = 0.6745 |x_j - m_j| / MAD_j`, with `m_j` the median of column `j` and `MAD_j` the median of `|x_j - m_j|`;
//! `s(x) = max_j M_j`, or the mean over columns. 0.6745 makes `M` count standard deviations in normal data.
//!
//! # Score
//! Standard deviations of normal data, 0 and up; Iglewicz and Hoaglin call values above 3.5 outliers. Where more
//! than half of the values are equal, `MAD_j` is 0, and the unit is 1.2533 times the mean absolute deviation, which
//! in normal data also is one standard deviation. A constant column scores 0 at its value and counts in units of
//! that value's own size elsewhere. A missing value says nothing: it is left out of the maximum and of the mean.
//!
//! # Complexity
//! Fit O(n d), score O(d) per row, memory O(n) per column at work.
//!
//! # Use when / Avoid when
//! For single wild values, when many rows may be wild, and as a rule that anybody can check. Avoid where anomalies
//! are combinations, and for columns of two heaps, whose median is in one of them.
//!
//! # Differences
//! - The source has one column; several are put together by `combine`. PyOD takes only one.
//! - The mean absolute deviation steps in for a MAD of 0, where PyOD divides by 0.
//!
//! # References
//! - Iglewicz, Hoaglin 1993, How to detect and handle outliers, ASQC basic references in quality control 16.
//! - Leys, Ley, Klein, Bernard, Licata 2013, Detecting outliers: do not use standard deviation around the mean, use
//!   absolute deviation around the median. doi:10.1016/j.jesp.2013.03.013
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::MedianAbsoluteDeviation;
//! let rows = Features::rows(ndarray::array![[1.0_f32], [2.0], [3.0], [4.0], [100.0]]);
//! let run = Run::new(0);
//! let (_, scores) = MedianAbsoluteDeviation::default().fit_score_on(&rows, &run).unwrap();
//! assert!((scores[4] - 0.6745 * 97.0).abs() < 1e-4); // median 3, MAD 1
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::stats::median;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::quadratic::unit_scale;

/// Phi^-1(3/4) to four digits, as in the source.
const NORMAL_MAD: f64 = 0.6745;
/// The root of 2 / pi: the mean absolute deviation of a standard normal number.
const NORMAL_MEAN_DEVIATION: f64 = 0.797_884_560_802_865_4;
/// Scores end here, so that sums of them stay finite.
const MOST: f64 = 1e30;
/// Rows that are scored at a time.
const ROWS: usize = 4096;

/// How columns are put together.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MedianAbsoluteDeviation {
    /// The largest or the mean of a row's modified z-scores.
    pub combine: Combine,
}

/// The largest or the mean of a row's modified z-scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The largest: one wild value is enough.
    #[default]
    Maximum,
    /// The mean: many unusual values weigh more than one wild one.
    Mean,
}

/// Median and unit of each column.
pub struct MedianAbsoluteDeviationModel {
    median: Vec<f64>,
    /// Modified z-scores per unit of the column.
    scale: Vec<f64>,
    combine: Combine,
}

impl Params for MedianAbsoluteDeviation {}

impl Detector for MedianAbsoluteDeviation {
    const CARD: Card = Card {
        id: "median_absolute_deviation",
        title: "Modified z-scores (MAD)",
        summary: "Rows with values many robust deviations from the median of a column.",
        paper: "Iglewicz and Hoaglin 1993, How to detect and handle outliers, ASQC",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Refuses,
        holds: &[
            Invariance::RowOrder,
            Invariance::ColumnOrder,
            Invariance::Translation,
            Invariance::ColumnScale,
            Invariance::GlobalScaleRank,
        ],
        cost: Cost { fit: Growth::Linear, score: Growth::Constant },
        min_items: 1,
        control: false,
    };
    type Model = MedianAbsoluteDeviationModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<MedianAbsoluteDeviationModel> {
        let values = train.features().values.view();
        let (median, scale) = robust_units(values, run)?;
        Ok(MedianAbsoluteDeviationModel { median, scale, combine: self.combine })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        Estimate {
            bytes: (8 * shape.n_parts * shape.n_values.min(16)) as u64,
            fit_nanos: 30.0 * n * d,
            score_nanos_per_row: 2.0 * d,
        }
    }
}

/// The median of each column and its modified z-scores per unit; missing values are left out.
pub(crate) fn robust_units(values: ArrayView2<'_, f32>, run: &Run) -> Result<(Vec<f64>, Vec<f64>)> {
    let stage = run.stage("medians", values.ncols() as u64);
    let of_column = |column: ArrayView1<'_, f32>| {
        run.check()?;
        let mut present: Vec<f64> = column.iter().filter(|v| !v.is_nan()).map(|&v| f64::from(v)).collect();
        stage.advance(1);
        Ok(median_and_scale(&mut present))
    };
    let found: Result<Vec<(f64, f64)>> = values.axis_iter(Axis(1)).into_par_iter().map(of_column).collect();
    Ok(found?.into_iter().unzip())
}

/// The median and the modified z-scores per unit; the values are overwritten.
fn median_and_scale(values: &mut [f64]) -> (f64, f64) {
    if values.is_empty() {
        return (0.0, 1.0);
    }
    let center = median(values);
    values.iter_mut().for_each(|v| *v = (*v - center).abs());
    let mad = median(values);
    if mad > 0.0 {
        return (center, NORMAL_MAD / mad);
    }
    // In the order that the median left them; sorted, so that the order of rows does not matter.
    values.sort_unstable_by(f64::total_cmp);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (center, if mean > 0.0 { NORMAL_MEAN_DEVIATION / mean } else { unit_scale(center, 0.0) })
}

impl MedianAbsoluteDeviationModel {
    /// The modified z-scores of a row; NaN where missing.
    fn deviations<'a>(&'a self, row: ArrayView1<'a, f32>) -> impl Iterator<Item = f64> + 'a {
        let deviation = |((&v, median), scale): ((&f32, &f64), &f64)| {
            let deviation = (f64::from(v) - median).abs() * scale;
            if deviation > MOST { MOST } else { deviation }
        };
        row.into_iter().zip(&self.median).zip(&self.scale).map(deviation)
    }

    fn score_row(&self, row: ArrayView1<'_, f32>) -> f32 {
        let (mut most, mut sum, mut n) = (0.0_f64, 0.0, 0.0);
        for deviation in self.deviations(row).filter(|v| !v.is_nan()) {
            most = most.max(deviation);
            sum += deviation;
            n += 1.0;
        }
        match self.combine {
            Combine::Maximum => most as f32,
            Combine::Mean => (sum / f64::max(n, 1.0)) as f32,
        }
    }
}

impl Model for MedianAbsoluteDeviationModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = &rows.features().values;
        let mut scores = vec![0.0; values.nrows()];
        scores.par_chunks_mut(ROWS).zip(values.axis_chunks_iter(Axis(0), ROWS)).try_for_each(
            |(scores, block)| {
                run.check()?;
                scores.iter_mut().zip(block.rows()).for_each(|(score, row)| *score = self.score_row(row));
                Ok(())
            },
        )?;
        Ok(scores)
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_list("median", &self.median);
        out.put_list("scale", &self.scale);
        out.put_json("combine", &self.combine)
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let median: Vec<f64> = from.list_of("median", shape.n_values)?;
        let scale: Vec<f64> = from.list_of("scale", shape.n_values)?;
        if median.iter().chain(&scale).any(|v| !v.is_finite()) || scale.iter().any(|&v| v < 0.0) {
            return Err(Error::model("medians and scales must be finite"));
        }
        Ok(Self { median, scale, combine: from.json("combine")? })
    }
}

impl Attribute for MedianAbsoluteDeviationModel {
    /// The modified z-scores themselves.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        run.check()?;
        let mut values = Array2::zeros(rows.values.dim());
        for (row, mut out) in rows.features().values.rows().into_iter().zip(values.rows_mut()) {
            let present = |v: f64| if v.is_nan() { 0.0 } else { v as f32 };
            out.iter_mut().zip(self.deviations(row)).for_each(|(out, v)| *out = present(v));
        }
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), 0)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::{DetectorExt, Features};
    use ndarray::array;
    use proptest::prelude::*;

    fn with(combine: Combine) -> MedianAbsoluteDeviation {
        MedianAbsoluteDeviation { combine }
    }

    /// Medians 3 and 10, MADs 1 and 2; the mean of a row with a gap is over the rest.
    #[test]
    fn closed_form() {
        let (run, nan) = (Run::new(0), f32::NAN);
        let train = Features::rows(array![[1.0, 10.0], [2.0, 12.0], [3.0, 8.0], [4.0, nan], [100.0, nan]]);
        let rows = Features::rows(array![[3.0, 10.0], [5.0, 20.0], [5.0, nan], [nan, nan]]);
        let score = |combine| with(combine).fit_on(&train, &run).unwrap().score(&rows, &run).unwrap();
        for (combine, want) in
            [(Combine::Maximum, [0.0, 5.0, 2.0, 0.0]), (Combine::Mean, [0.0, 3.5, 2.0, 0.0])]
        {
            let pairs = score(combine).into_iter().zip(want);
            pairs.for_each(|(got, want)| assert!((got / 0.6745 - want).abs() < 1e-6, "{got} {want}"));
        }
    }

    /// PyOD 3.6.7 through `golden/median_absolute_deviation.py`; scores are f32, hence the relative 1e-6.
    #[test]
    fn matches_pyod() {
        let want = [
            2.698,
            0.465172414,
            0.511689655,
            0.232586207,
            1.30248276,
            0.604724138,
            1.25596552,
            0.651241379,
            1.20944828,
            0.372137931,
            0.697758621,
            0.232586207,
            2.41889655,
            1.16293103,
        ];
        let rows = Array2::from_shape_fn((14, 1), |(i, _)| ((37 * i * i + 11 * i) % 101) as f32 / 4.0);
        let (_, scores) =
            MedianAbsoluteDeviation::default().fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap();
        for (got, want) in scores.iter().zip(want) {
            assert!((f64::from(*got) - want).abs() <= 1e-6 * want, "{got} {want}");
        }
    }

    /// More than half equal: mean deviation (0 + 0 + 0 + 4) / 4 = 1. A constant counts in units of its own size.
    #[test]
    fn columns_without_a_deviation_have_an_answer() {
        let run = Run::new(0);
        let train =
            Features::rows(array![[5.0, 3.0, 0.0], [5.0, 3.0, 0.0], [5.0, 3.0, 0.0], [9.0, 3.0, 0.0]]);
        let fitted = MedianAbsoluteDeviation::default().fit_on(&train, &run).unwrap();
        let rows = Features::rows(array![[9.0, 3.0, 0.0], [5.0, 6.0, 0.0], [5.0, 3.0, 7.0], [5.0, 3.0, 0.0]]);
        let unit = (2.0 / std::f64::consts::PI).sqrt() as f32;
        assert_eq!(fitted.score(&rows, &run).unwrap(), [4.0 * unit, 1.0, 7.0, 0.0]);
        let ends = Features::rows(array![[f32::MAX], [f32::MIN], [1e-45]]);
        let (_, own) = MedianAbsoluteDeviation::default().fit_score_on(&ends, &run).unwrap();
        assert!(own.iter().all(|s| s.is_finite()));
    }

    /// Half of the rows wild, one short: a z-score sees nothing, the median does.
    #[test]
    fn nearly_half_of_the_rows_may_be_wild() {
        let rows = Array2::from_shape_fn((99, 1), |(i, _)| if i < 49 { 1e6 } else { (i % 7) as f32 });
        let (_, scores) =
            MedianAbsoluteDeviation::default().fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap();
        assert!(scores[..49].iter().all(|&s| s > 1e4) && scores[49..].iter().all(|&s| s < 5.0));
    }

    proptest! {
        /// Against sorting, with ties and gaps; the largest share is the score.
        #[test]
        fn equals_the_definition(cells in prop::collection::vec(prop_oneof![8 => (-20..20_i8).prop_map(f32::from), 1 => Just(f32::NAN)], 2..120)) {
            let n = cells.len() / 2;
            let rows = Array2::from_shape_fn((n, 2), |(i, j)| cells[i * 2 + j]);
            let features = Features::rows(rows.clone());
            let run = Run::new(0);
            let (fitted, own) = MedianAbsoluteDeviation::default().fit_score_on(&features, &run).unwrap();
            let middle = |mut values: Vec<f64>| {
                values.sort_by(f64::total_cmp);
                if values.is_empty() { 0.0 } else { (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0 }
            };
            let shares = fitted.attribute(&features, &run).unwrap().unwrap().values;
            for (j, column) in rows.columns().into_iter().enumerate() {
                let seen: Vec<f64> = column.iter().filter(|v| !v.is_nan()).map(|&v| f64::from(v)).collect();
                let center = middle(seen.clone());
                let mad = middle(seen.iter().map(|v| (v - center).abs()).collect());
                for (i, &v) in column.iter().enumerate().filter(|_| mad > 0.0) {
                    let want = if v.is_nan() { 0.0 } else { 0.6745 * (f64::from(v) - center).abs() / mad };
                    prop_assert!((f64::from(shares[[i, j]]) - want).abs() < 1e-4, "{} {}", shares[[i, j]], want);
                }
            }
            for (score, shares) in own.iter().zip(shares.rows()) {
                prop_assert_eq!(*score, shares.iter().copied().fold(0.0, f32::max));
            }
        }
    }
}
