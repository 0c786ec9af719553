//! What is remembered of one training column, and the features it gives.

use serde::{Deserialize, Serialize};

use super::categories::Levels;
use super::numbers::Scaler;
use super::times::Times;

/// One training column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FittedColumn {
    pub(super) name: String,
    /// How many training rows had no value.
    pub(super) n_missing: usize,
    pub(super) plan: Plan,
    /// A last feature that says whether the value is missing.
    pub(super) indicator: Option<Indicator>,
}

/// How a column's cells become features, or why they do not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Plan {
    /// One scaled number.
    Number(Scaler),
    /// The scaled rarity of the level.
    Rarity(Levels, Scaler),
    /// 0 or 1 for each level.
    OneHot(Levels),
    /// One number for two levels.
    Boolean(Levels),
    /// One code.
    Codes(Levels),
    /// Elapsed time and places on circles.
    Times(Times),
    /// Left out: one value in all training rows.
    Constant(Cell),
    /// Left out: encoding by rarity, and no level was rarer than another.
    Even(Levels),
    /// Left out: no value in any training row.
    Empty,
    /// Left out: the same as the column of that name.
    Twin(String),
    /// Left out by the reader.
    Omitted,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cell {
    Number(f64),
    Level(Levels),
    Time(i64),
}

/// The two values of a feature that says whether a value is missing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Indicator {
    pub(super) present: f32,
    pub(super) missing: f32,
}

impl Plan {
    /// Number features, without the indicator.
    pub(super) fn n_values(&self) -> usize {
        match self {
            Self::Number(_) | Self::Rarity(..) | Self::Boolean(_) => 1,
            Self::OneHot(levels) => levels.len(),
            Self::Times(times) => times.width(),
            Self::Codes(_) | Self::Constant(_) | Self::Even(_) => 0,
            Self::Empty | Self::Twin(_) | Self::Omitted => 0,
        }
    }

    /// What each number feature is called, without the indicator.
    fn aspects(&self) -> Vec<String> {
        match self {
            Self::Number(_) | Self::Boolean(_) => vec!["value".into()],
            Self::Rarity(..) => vec!["rarity".into()],
            Self::OneHot(levels) => levels.names.iter().map(|name| format!("level={name}")).collect(),
            Self::Times(times) => times.aspects(),
            Self::Codes(_) | Self::Constant(_) | Self::Even(_) => Vec::new(),
            Self::Empty | Self::Twin(_) | Self::Omitted => Vec::new(),
        }
    }

    /// The levels by which cells are read, for plans that read levels.
    pub(super) fn levels(&self) -> Option<&Levels> {
        match self {
            Self::Rarity(levels, _)
            | Self::OneHot(levels)
            | Self::Boolean(levels)
            | Self::Codes(levels)
            | Self::Even(levels)
            | Self::Constant(Cell::Level(levels)) => Some(levels),
            _ => None,
        }
    }

    /// Whether every feature it gives is finite and of the width it says; a file may hold anything.
    pub(super) fn is_sound(&self) -> bool {
        let levels = self.levels().is_none_or(Levels::is_sound);
        levels
            && match self {
                Self::Number(scaler) => scaler.is_sound(),
                Self::Rarity(levels, scaler) => levels.len() > 0 && scaler.is_sound(),
                Self::Times(times) => times.elapsed.is_sound() && times.cycles.len() <= 3,
                Self::Boolean(levels) => levels.len() == 2,
                Self::Constant(Cell::Level(levels)) => levels.len() == 1,
                Self::Constant(Cell::Number(value)) => value.is_finite(),
                _ => true,
            }
    }
}

impl FittedColumn {
    /// Number features, with the indicator.
    pub(super) fn n_values(&self) -> usize {
        self.plan.n_values() + usize::from(self.indicator.is_some())
    }

    /// What each number feature is called.
    pub(super) fn aspects(&self) -> impl Iterator<Item = String> {
        self.plan.aspects().into_iter().chain(self.indicator.map(|_| "missing".to_owned()))
    }

    /// Whether it takes part.
    pub(super) fn gives_features(&self) -> bool {
        self.n_values() > 0 || self.has_codes()
    }

    /// Whether it gives a code column.
    pub(super) const fn has_codes(&self) -> bool {
        matches!(self.plan, Plan::Codes(_))
    }
}
