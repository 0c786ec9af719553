//! The parameters of the table encoder.

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{Handles, Params, Wants};
use serde::{Deserialize, Serialize};

/// How columns become features. The defaults suit most tables.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TableEncoder {
    /// Centre and unit of number columns.
    pub scale: Scale,
    /// What becomes of categories.
    pub categories: Categories,
    /// With `auto`, categories of more levels than this are encoded by rarity instead of one column per level.
    #[schemars(range(min = 1, max = 1000))]
    pub max_one_hot_levels: usize,
    /// What becomes of missing values.
    pub missing: Missing,
}

/// Centre and unit of number columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Median, and a sixth of the range, held to at most 5/3 standard deviations and, where the interquartile range
    /// is not 0, to 20 deviations as it tells them: about a standard deviation, larger where tails are long.
    #[default]
    Span,
    /// Median, and the interquartile range as it relates to a standard deviation in normal data. Where the range
    /// is 0 (one value in at least half of the rows), the standard deviation.
    Robust,
    /// Mean and population standard deviation.
    Standard,
    /// Smallest value to 0, largest to 1.
    MinMax,
    /// Numbers as they are, narrowed to 32 bits (about seven digits).
    None,
}

/// What becomes of categories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Categories {
    /// Codes for methods that take them; otherwise one column per level, or rarity where there are many levels.
    #[default]
    Auto,
    /// One number: how rare the level is.
    Frequency,
    /// One column per level.
    OneHot,
    /// Codes, for methods that take them.
    Codes,
}

/// What becomes of missing values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// They stay missing for methods that handle them; otherwise as `impute`.
    #[default]
    Auto,
    /// The median stands in, and a column says where values were missing.
    Impute,
}

impl Default for TableEncoder {
    fn default() -> Self {
        Self {
            scale: Scale::default(),
            categories: Categories::default(),
            max_one_hot_levels: 12,
            missing: Missing::default(),
        }
    }
}

impl Params for TableEncoder {}

impl TableEncoder {
    /// Whether missing numbers stay missing for a method that wants `wants`.
    pub(super) fn keeps_missing(&self, wants: Wants) -> bool {
        self.missing == Missing::Auto && wants.missing == Handles::Native
    }
}

impl Scale {
    /// Half the distance between opposite states of a feature that takes values on both sides of 0, and the
    /// distance between the two states of a feature that has only two.
    ///
    /// Two values drawn from a column of unit variance differ by sqrt(2) in the root mean square. So do two
    /// levels in columns of 0 and 1 per level, and so shall the two states of a boolean. The sine of an evenly
    /// spread angle has variance 1/2, so the same factor gives it unit variance. Where the user asked for plain
    /// ranges or no scaling, the factor is 1.
    pub(super) const fn swing(self) -> f64 {
        match self {
            Self::Span | Self::Robust | Self::Standard => std::f64::consts::SQRT_2,
            Self::MinMax | Self::None => 1.0,
        }
    }
}
