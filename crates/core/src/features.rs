//! Located feature vectors: what encoders make and detectors take.

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The code of a missing category.
pub const MISSING_CODE: u32 = u32::MAX;
/// The code of a category that was not there when the encoder was fitted.
pub const UNSEEN_CODE: u32 = u32::MAX - 1;

/// One row per part, and where each part sits.
///
/// A `NaN` in `values` means missing, and nothing else: the gate refuses infinities, and refuses `NaN` for
/// methods whose card does not say that they handle missing values. [`MISSING_CODE`] and [`UNSEEN_CODE`] play
/// the same role in `codes`.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// Numbers, parts x dimensions.
    pub values: Array2<f32>,
    /// Categories, templates, entity ids; parts x code columns. Levels are counted from 0.
    pub codes: Option<Array2<u32>>,
    /// Where each part sits.
    pub layout: Layout,
    /// What is known about each part, for methods that learn from labels.
    pub labels: Option<Vec<Label>>,
}

/// How parts make up items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// Every part is an item.
    #[default]
    Rows,
    /// Item `i` owns rows `ends[i - 1]..ends[i]`, in time order.
    Sequences {
        /// One past the last row of each item.
        ends: Vec<usize>,
    },
}

/// The kinds of [`Layout`], for cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LayoutKind {
    /// Independent rows.
    Rows,
    /// Rows in time order.
    Sequences,
}

/// What is known about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Known to be normal.
    Normal,
    /// Known to be anomalous.
    Anomalous,
    /// Nothing is known.
    Unknown,
}

impl Layout {
    /// Which kind this is.
    pub const fn kind(&self) -> LayoutKind {
        match self {
            Self::Rows => LayoutKind::Rows,
            Self::Sequences { .. } => LayoutKind::Sequences,
        }
    }
}

impl Features {
    /// Independent rows of numbers.
    pub fn rows(values: Array2<f32>) -> Self {
        Self { values, codes: None, layout: Layout::Rows, labels: None }
    }

    /// The same with code columns beside the numbers; both must have as many rows.
    pub fn with_codes(mut self, codes: Array2<u32>) -> Result<Self> {
        if codes.nrows() != self.values.nrows() {
            return Err(Error::Data(format!(
                "{} rows of codes beside {} rows of numbers",
                codes.nrows(),
                self.values.nrows()
            )));
        }
        self.codes = Some(codes);
        Ok(self)
    }

    /// How many parts there are.
    pub fn n_parts(&self) -> usize {
        self.values.nrows()
    }

    /// How many number columns there are.
    pub fn n_values(&self) -> usize {
        self.values.ncols()
    }

    /// How many code columns there are.
    pub fn n_codes(&self) -> usize {
        self.codes.as_ref().map_or(0, Array2::ncols)
    }

    /// Which parts are known to be anomalous; none where there are no labels.
    pub fn known_anomalous(&self) -> Vec<bool> {
        let labels = |labels: &Vec<Label>| labels.iter().map(|l| *l == Label::Anomalous).collect();
        self.labels.as_ref().map_or_else(|| vec![false; self.n_parts()], labels)
    }

    /// The parts at `rows`, in that order, as independent rows.
    pub fn take(&self, rows: &[usize]) -> Self {
        Self {
            values: self.values.select(Axis(0), rows),
            codes: self.codes.as_ref().map(|codes| codes.select(Axis(0), rows)),
            layout: Layout::Rows,
            labels: self.labels.as_ref().map(|labels| rows.iter().map(|&row| labels[row]).collect()),
        }
    }

    /// Row and column of the first value that is infinite, or that is missing where `allow_missing` is false.
    pub fn first_not_finite(&self, allow_missing: bool) -> Option<(usize, usize)> {
        let bad = |v: &f32| if allow_missing { v.is_infinite() } else { !v.is_finite() };
        if let Some(flat) = self.values.as_slice() {
            // Whole chunks are judged without a branch in them, which is several times faster than looking for the first.
            let (c, chunk) = flat
                .chunks(4096)
                .enumerate()
                .find(|(_, chunk)| chunk.iter().fold(false, |found, v| found | bad(v)))?;
            let at = c * 4096 + chunk.iter().position(bad)?;
            return Some((at / self.n_values(), at % self.n_values()));
        }
        self.values.indexed_iter().find(|(_, v)| bad(v)).map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn finds_the_first_bad_value() {
        let features = Features::rows(array![[1.0, 2.0], [f32::NAN, f32::INFINITY]]);
        assert_eq!(features.first_not_finite(false), Some((1, 0)));
        assert_eq!(features.first_not_finite(true), Some((1, 1)));
        assert_eq!(Features::rows(array![[1.0_f32]]).first_not_finite(false), None);
    }

    #[test]
    fn codes_must_match_in_length() {
        assert!(Features::rows(array![[1.0_f32]]).with_codes(array![[1], [2]]).is_err());
    }
}
