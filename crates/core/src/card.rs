//! What a method says about itself; every claim here is tested by the conformance suite.

use serde::Serialize;

use crate::LayoutKind;

/// The description of a method that feeds the catalogue, the command, the docs and the tests.
#[derive(Clone, Debug, Serialize)]
pub struct Card {
    /// File name, registry key, command word, docs page.
    pub id: &'static str,
    /// A few words for the catalogue.
    pub title: &'static str,
    /// One sentence: what it finds.
    pub summary: &'static str,
    /// Authors, year, venue, DOI of the paper the mechanism comes from.
    pub paper: &'static str,
    /// The release that brought it; `NEXT` until then.
    pub since: &'static str,
    /// The layouts it takes.
    pub accepts: &'static [LayoutKind],
    /// What it does with missing numbers.
    pub missing: Handles,
    /// What it does with code columns (categories).
    pub codes: Handles,
    /// Changes of the data under which scores stay the same.
    pub holds: &'static [Invariance],
    /// How time grows with the number of rows.
    pub cost: Cost,
    /// The fewest rows that a fit makes sense on; the gate refuses fewer.
    pub min_items: usize,
    /// A yardstick that every useful method must beat.
    pub control: bool,
}

impl Card {
    /// Whether it judges points by their order, and rows not at all.
    pub const fn is_of_series(&self) -> bool {
        matches!(self.accepts, [LayoutKind::Sequences])
    }
}

/// Whether a method takes something itself or needs the encoder to remove it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Handles {
    /// The method has its own, tested way.
    Native,
    /// The gate refuses; the encoder imputes or turns into numbers.
    Refuses,
}

/// A change of the data that leaves scores as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Invariance {
    /// The order of training rows does not matter.
    RowOrder,
    /// The order of columns does not matter.
    ColumnOrder,
    /// Adding a constant to a column does not matter.
    Translation,
    /// Multiplying one column by a positive constant does not matter.
    ColumnScale,
    /// Multiplying all columns by one positive constant leaves the ranking.
    GlobalScaleRank,
    /// Rotating the space does not matter.
    Rotation,
}

/// How time grows with the number of rows `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Of a fit, in training rows.
    pub fit: Growth,
    /// Of one scored row, in training rows.
    pub score: Growth,
}

/// A growth rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Growth {
    /// O(1).
    Constant,
    /// O(log n).
    Logarithmic,
    /// O(n).
    Linear,
    /// O(n log n).
    Linearithmic,
    /// O(n^2) in time; memory stays bounded.
    Quadratic,
}

impl Growth {
    /// The exponent that the scaling test allows, before its margin.
    pub const fn exponent(self) -> f64 {
        match self {
            Self::Constant | Self::Logarithmic => 0.0,
            Self::Linear | Self::Linearithmic => 1.0,
            Self::Quadratic => 2.0,
        }
    }

    /// How the docs write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Constant => "O(1)",
            Self::Logarithmic => "O(log n)",
            Self::Linear => "O(n)",
            Self::Linearithmic => "O(n log n)",
            Self::Quadratic => "O(n^2)",
        }
    }
}

/// What a run is expected to take, said before it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Working memory of fit and score beyond the features themselves, in bytes.
    pub bytes: u64,
    /// Time of the fit on one core, in nanoseconds.
    pub fit_nanos: f64,
    /// Time to score one row on one core, in nanoseconds.
    pub score_nanos_per_row: f64,
}
