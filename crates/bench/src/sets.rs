//! The sets that were named, whether they can be found or not.

use std::path::{Path, PathBuf};

use anomalyst::core::{Error, Result};

use crate::suite::{self, Kind, Layout, SetRef, Suite};

/// Sets to run on, and files that are none.
#[derive(Debug, Default)]
pub struct Sets {
    /// Each with the reason why it cannot be run on, if there is one.
    pub sets: Vec<(SetRef, Option<String>)>,
    /// Files in folders that are no labelled sets, and why.
    pub skipped: Vec<(PathBuf, String)>,
}

impl Sets {
    /// Files, folders and patterns. What is not there is a set that fails, so that the others still run; only when
    /// nothing at all is found is that an error.
    pub fn find(kind: Kind, data: &[String]) -> Result<Self> {
        let mut found = Self::default();
        let mut last = None;
        for text in data {
            match suite::discover(kind, std::slice::from_ref(text)) {
                Ok(more) => {
                    found.sets.extend(more.sets.into_iter().map(|set| (set, None)));
                    found.skipped.extend(more.skipped);
                }
                Err(error) => {
                    found
                        .sets
                        .push((missing(kind, suite::stem(Path::new(text)), text), Some(error.to_string())));
                    last = Some(error);
                }
            }
        }
        match last {
            Some(error) if found.sets.iter().all(|(_, reason)| reason.is_some()) => Err(error),
            _ if found.sets.is_empty() => {
                Err(Error::Data(format!("there is no labelled set in {}", data.join(", "))))
            }
            _ => Ok(found),
        }
    }

    /// Those of a suite.
    pub fn of_suite(suite: &Suite) -> Self {
        let entry = |set: &suite::SuiteSet| match &set.set {
            Ok(found) => (found.clone(), None),
            Err(reason) => (missing(suite.kind, set.name.clone(), &set.name), Some(reason.clone())),
        };
        Self { sets: suite.sets.iter().map(entry).collect(), skipped: Vec::new() }
    }
}

fn missing(kind: Kind, name: String, path: &str) -> SetRef {
    SetRef { name, kind, path: path.into(), layout: Layout::Table { label: None } }
}
