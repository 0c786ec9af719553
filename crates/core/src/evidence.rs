//! Why an item got its verdict.

use serde::{Deserialize, Serialize};

/// Everything that is said about one item.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The columns that made it odd, strongest first.
    pub columns: Vec<ColumnEvidence>,
    /// How the shares of the columns were found.
    pub exactness: Exactness,
    /// The most similar row with a normal verdict.
    pub nearest_normal: Option<NearestRow>,
    /// The smallest change found that would make it normal.
    pub counterfactual: Option<Counterfactual>,
    /// One plain sentence.
    pub sentence: String,
}

/// How contributions were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exactness {
    /// The method's own decomposition of its score.
    #[default]
    Exact,
    /// Each column was replaced by typical values and the row scored again.
    Ablation,
}

/// What one column says about an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnEvidence {
    /// Name of the column.
    pub column: String,
    /// The item's value as a person would write it; empty where missing.
    pub value: String,
    /// Share of the positive contributions, 0 to 1.
    pub share: f32,
    /// What is usual there.
    pub expected: Expected,
}

/// What is usual in a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Expected {
    /// Between these, in the column's own units or ISO 8601.
    Range {
        /// 2.5 % quantile.
        low: String,
        /// Median.
        typical: String,
        /// 97.5 % quantile.
        high: String,
        /// Share of values outside the item's side, that is, at least as extreme as it; 0 to 1.
        tail: f64,
    },
    /// The most frequent levels with their shares, and the share of the item's own level.
    Levels {
        /// Up to five, most frequent first.
        common: Vec<(String, f64)>,
        /// Share of the item's own level; 0 for one never seen.
        own: f64,
    },
    /// The item lacks a value that most rows have, or has one that most rows lack.
    Missing {
        /// Share of rows in which it is missing.
        missing: f64,
    },
}

/// A row to compare with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NearestRow {
    /// Its position, counted from 0.
    pub row: usize,
    /// What the user calls it.
    pub name: String,
    /// Its values in the columns of [`Evidence::columns`], in that order.
    pub values: Vec<String>,
}

/// A change under which the verdict would be normal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counterfactual {
    /// The cells to change; as few as were found.
    pub changes: Vec<Change>,
    /// The score after the change.
    pub score: f32,
}

/// One changed cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Name of the column.
    pub column: String,
    /// The value now.
    pub from: String,
    /// The value that would be normal.
    pub to: String,
}
