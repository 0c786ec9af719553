//! What a worker process is told to do, and what it says while doing it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::suite::SetRef;
use crate::{Protocol, Row};

/// The first line that a worker is told: the set it works on. Each line after it is a [`Contender`] to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The set.
    pub set: SetRef,
    /// How, for all runs alike.
    pub plan: Plan,
}

/// What is the same for all runs of a benchmark.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// How sets are divided.
    pub protocol: Protocol,
    /// Rows of a table that take part at most.
    pub cap: usize,
    /// The seed of divisions and methods.
    pub seed: u64,
    /// Of the anomalies learned from, how many are known to be such, under protocols that give labels; all where absent.
    #[serde(default)]
    pub known: Option<usize>,
    /// Metrics to compute; all that apply where none is named.
    pub metrics: Vec<String>,
    /// Threads of a worker.
    pub n_threads: usize,
    /// A run that takes longer is ended and recorded as failed.
    pub time_limit: Duration,
    /// A run whose process holds more is ended and recorded as failed.
    pub memory_limit_bytes: Option<u64>,
}

/// Something that gives scores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contender {
    /// A method, a recipe or the path of a recipe file.
    Own(String),
    /// A command that reads and writes files.
    External {
        /// Its name in results.
        name: String,
        /// Its words, with `{train}`, `{test}` and `{out}` in them.
        template: Vec<String>,
    },
}

impl Contender {
    /// Its name in results.
    pub fn name(&self) -> &str {
        match self {
            Self::Own(name) | Self::External { name, .. } => name,
        }
    }
}

/// What a worker says, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It begins with a method: the set has been read.
    Begins,
    /// A run has ended.
    Done(Box<Row>),
}
