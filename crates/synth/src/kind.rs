//! The kinds of anomalies that can be planted.

use std::fmt;
use std::str::FromStr;

use anomalyst_core::{Error, Result, nearest_name};

/// What sets a planted row apart from normal rows (Han et al. 2022, section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Near a cloud of normal rows, but further from its centre than its rows are.
    Local,
    /// Anywhere in the range of the columns and a little beyond.
    Global,
    /// Close to each other, in clouds away from those of normal rows.
    Cluster,
    /// Each column as in normal rows, but without what relates the columns.
    Dependency,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Local, Self::Global, Self::Cluster, Self::Dependency];

    /// Its name in options and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Global => "global",
            Self::Cluster => "cluster",
            Self::Dependency => "dependency",
        }
    }

    /// The published strength: what covariances (local), half the range (global) and distances of means (cluster) are
    /// multiplied by. Dependency has none.
    pub const fn default_factor(self) -> f64 {
        match self {
            Self::Local | Self::Cluster => 5.0,
            Self::Global => 1.1,
            Self::Dependency => 1.0,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| Error::Unknown {
            what: "kind of anomaly",
            id: name.into(),
            nearest: nearest_name(name, Self::ALL.into_iter().map(Self::as_str)).map(str::to_owned),
        })
    }
}
