//! One line of results.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anomalyst::core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::suite::Kind;
use crate::{OfPeriod, Protocol};

/// What one method did on one set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The set's name.
    pub set: String,
    /// The kind of data.
    pub kind: Kind,
    /// How it was divided.
    pub protocol: Protocol,
    /// The method as it was named.
    pub method: String,
    /// What the name stood for: the recipe with all parameters that differ from defaults, or the command.
    pub parameters: Value,
    /// Parameters tried on labelled data before this run. Always 0: nothing is tuned here.
    pub tuning_budget: u32,
    /// The seed.
    pub seed: u64,
    /// Rows that could take part at most.
    pub cap: usize,
    /// Of the anomalies learned from, how many were to be known, where it was not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<usize>,
    /// Rows scored.
    #[serde(default)]
    pub n: usize,
    /// Feature columns.
    #[serde(default)]
    pub d: usize,
    /// Rows learned from; 0 where they are the rows scored.
    #[serde(default)]
    pub n_train: usize,
    /// Anomalies that were known to be such when learning.
    #[serde(default)]
    pub n_known: usize,
    /// Anomalous rows among those scored.
    #[serde(default)]
    pub n_odd: usize,
    /// Seconds of the fit; where the rows learned from are scored at once, of both.
    pub fit_secs: Option<f64>,
    /// Seconds of scoring.
    pub score_secs: Option<f64>,
    /// Seconds of computing the metrics.
    pub measure_secs: Option<f64>,
    /// Most memory the process held during the run, the data included; absent where the system does not say.
    pub peak_bytes: Option<u64>,
    /// The program's version.
    pub version: String,
    /// What makes the numbers doubtful, such as rows that are learned from and scored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why there are no numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Under protocol `time`, how it did in each period.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub periods: Vec<OfPeriod>,
    /// Metrics by name.
    #[serde(flatten)]
    pub metrics: Map<String, Value>,
}

impl Row {
    /// The value of a metric, if it has one.
    pub fn metric(&self, id: &str) -> Option<f64> {
        self.metrics.get(id).and_then(Value::as_f64)
    }

    /// Whether this is the result of the same piece of work as `other`.
    pub fn is_same_work(&self, other: &Self) -> bool {
        self.set == other.set
            && self.kind == other.kind
            && self.protocol == other.protocol
            && self.method == other.method
            && self.parameters == other.parameters
            && (self.seed, self.cap, self.known) == (other.seed, other.cap, other.known)
            && self.version == other.version
    }
}

/// A file of rows, one JSON object per line, that grows as runs end.
pub struct RowFile {
    path: PathBuf,
    file: File,
}

impl RowFile {
    /// Opens `path` to go on with it, and reads the rows that are there. A line cut short by an interruption is
    /// removed; anything else that is not a row is an error.
    pub fn open(path: &Path) -> Result<(Self, Vec<Row>)> {
        let io = |error| Error::io(path, error);
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(io)?;
        let (mut rows, mut whole_bytes) = (Vec::new(), 0);
        let mut reader = BufReader::new(&file);
        let mut line = String::new();
        for number in 1.. {
            line.clear();
            let n_bytes = reader.read_line(&mut line).map_err(io)?;
            if n_bytes == 0 {
                break;
            }
            if !line.ends_with('\n') {
                file.set_len(whole_bytes).map_err(io)?;
                break;
            }
            whole_bytes += n_bytes as u64;
            rows.push(serde_json::from_str(&line).map_err(|error| Error::Parse {
                path: path.to_owned(),
                line: Some(number),
                column: None,
                reason: format!("not a result of `bench`, so nothing is added to this file: {error}"),
            })?);
        }
        drop(reader);
        Ok((Self { path: path.to_owned(), file }, rows))
    }

    /// Adds a row as one whole line.
    pub fn push(&mut self, row: &Row) -> Result<()> {
        let mut line = serde_json::to_string(row).map_err(|error| Error::Data(error.to_string()))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(|error| Error::io(&self.path, error))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// A row with one metric.
    pub(crate) fn row(set: &str, method: &str, auroc: Option<f64>) -> Row {
        Row {
            set: set.into(),
            kind: Kind::Table,
            protocol: Protocol::Scan,
            method: method.into(),
            parameters: json!({}),
            tuning_budget: 0,
            seed: 0,
            cap: 100,
            known: None,
            n: 10,
            d: 2,
            n_train: 0,
            n_known: 0,
            n_odd: 1,
            fit_secs: Some(0.5),
            score_secs: Some(0.25),
            measure_secs: Some(0.0),
            peak_bytes: Some(1 << 20),
            version: "1".into(),
            warnings: Vec::new(),
            periods: Vec::new(),
            error: auroc.is_none().then(|| "it failed".into()),
            metrics: auroc.map(|v| ("auroc".to_owned(), json!(v))).into_iter().collect(),
        }
    }

    #[test]
    fn rows_survive_their_file_and_a_cut_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson");
        let rows = [row("a", "m", Some(0.5)), row("b", "m", None)];
        let (mut file, found) = RowFile::open(&path).unwrap();
        assert!(found.is_empty());
        rows.iter().for_each(|row| file.push(row).unwrap());
        drop(file);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], b"{\"set\": \"c"].concat()).unwrap();
        let (mut file, found) = RowFile::open(&path).unwrap();
        assert_eq!(found, rows);
        file.push(&rows[0]).unwrap();
        assert_eq!(RowFile::open(&path).unwrap().1.len(), 3);
    }

    #[test]
    fn a_foreign_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson");
        std::fs::write(&path, "not,mine\n1,2\n").unwrap();
        let error = RowFile::open(&path).err().unwrap().to_string();
        assert!(error.contains("r.ndjson") && error.contains("line 1"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"not,mine\n1,2\n");
    }
}
