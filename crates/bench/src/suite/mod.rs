//! The field's benchmark layouts, as labelled sets.
//!
//! [`discover`] finds sets in files, folders and patterns without reading them whole; [`read`] reads one;
//! [`load_suite`] takes a list of sets from a TOML file. A label column is never a feature.
//!
//! | layout | labels | `train_end` |
//! | --- | --- | --- |
//! | `train_test` | `test_label`; the training part is normal | length of `train`; the values of both follow each other |
//! | `smd_text` | the file in `test_label` | length of the file in `train` |
//! | `nab` | windows, both ends included | the probation of NAB: 15 % of the points, at most 750 |
//! | `ucr` | from the name, counted from 1, both ends included | from the name |
//! | `tsb_ad` | column `Label` | the number behind `tr_` in the name, else 0 |
//! | `tsb_uad` | second column | from a name like those of UCR, else 0 |
//! | `skab` | column `anomaly` | 0 |
//! | `time_eval` | column `is_anomaly` | length of the `.train.csv` beside a `.test.csv`, else 0 |

mod discover;
mod image;
mod list;
mod mat;
mod name;
mod series;
mod sniff;
mod table;
mod text;

use std::path::PathBuf;

use anomalyst::core::{Error, Result, Run, Table};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

pub use discover::{Found, discover};
pub use list::{Suite, SuiteSet, load_suite};
pub use mat::mat_table;
pub(crate) use name::stem;

/// What a set is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Rows and typed columns.
    Table,
    /// Points in order.
    Series,
    /// Pictures.
    Image,
}

impl Kind {
    /// Its name in options and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Series => "series",
            Self::Image => "image",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Kind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::Table, Self::Series, Self::Image].into_iter().find(|kind| kind.as_str() == name).ok_or_else(
            || Error::BadParameter {
                name: "kind".into(),
                got: format!("`{name}`"),
                want: "one of table, series, image".into(),
            },
        )
    }
}

/// How the files of a set are laid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// A file that the project's own readers open: NumPy `X` and `y`, ARFF, CSV, Parquet, the text of ELKI.
    Table {
        /// The column of labels; `None` where the format itself says which.
        label: Option<String>,
    },
    /// MATLAB level 5 with `X` and `y`, as ODDS publishes.
    Mat,
    /// TSB-AD: channels and a last column `Label`.
    TsbAd,
    /// TSB-UAD: value and label without a header.
    TsbUad,
    /// The UCR anomaly archive: values alone, with training part and anomaly in the name.
    Ucr,
    /// NAB: `timestamp,value`.
    Nab {
        /// The file `combined_windows.json` that has the labels.
        windows: PathBuf,
    },
    /// `TimeEval`: a time, channels and a last column `is_anomaly`.
    TimeEval,
    /// NumPy `train`, `test`, `test_label`: SMD, ASD, SMAP, MSL.
    TrainTest,
    /// Text in folders `train`, `test` and `test_label`, as `OmniAnomaly` publishes SMD.
    SmdText,
    /// SKAB: columns divided by `;`, of which `anomaly` is the label and `changepoint` is left out.
    Skab,
    /// A category of MVTec AD: `train/good`, `test/DEFECT`, `ground_truth/DEFECT`.
    ImageFolder,
    /// A list `path,split,label,mask,kind` with paths relative to it.
    ImageList,
}

/// A set that was found and not yet read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRef {
    /// For a file its stem, for what was found in a folder the path below it; without extensions.
    pub name: String,
    /// What it is made of.
    pub kind: Kind,
    /// Its file or folder.
    pub path: PathBuf,
    /// How to read it.
    pub layout: Layout,
}

impl SetRef {
    /// The size of its file; 0 of a folder.
    pub(crate) fn n_bytes(&self) -> u64 {
        std::fs::metadata(&self.path).ok().filter(std::fs::Metadata::is_file).map_or(0, |file| file.len())
    }
}

/// A set in memory.
#[derive(Clone, Debug)]
pub enum LabelledSet {
    /// Rows with [`Table::labels`].
    Table(Table),
    /// Points in order.
    Series(LabelledSeries),
    /// Paths of pictures.
    Images(ImageSet),
}

/// A series of which every point is known to be normal or not.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledSeries {
    /// Points by channels; `NaN` where a cell is empty.
    pub values: Array2<f64>,
    /// Whether each point is anomalous.
    pub labels: Vec<bool>,
    /// How many points at the beginning are for training; 0 where the layout tells of none.
    pub train_end: usize,
    /// Seconds since 1970, where every point has a time.
    pub times: Option<Vec<f64>>,
}

/// Pictures of which the test part is labelled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageSet {
    /// Training pictures first, each part in the order of the layout.
    pub entries: Vec<ImageEntry>,
}

/// Which part a picture belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// For fitting; normal unless labelled otherwise.
    Train,
    /// For scoring.
    Test,
}

/// One picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageEntry {
    /// The file.
    pub path: PathBuf,
    /// Its part.
    pub split: Split,
    /// Whether it shows an anomaly.
    pub anomalous: bool,
    /// Where the anomaly is, where that was published.
    pub mask: Option<PathBuf>,
    /// What kind of anomaly; empty for a normal picture.
    pub defect: String,
}

/// Reads a set whole.
pub fn read(set: &SetRef, run: &Run) -> Result<LabelledSet> {
    run.check()?;
    let path = &set.path;
    Ok(match &set.layout {
        Layout::Table { label } => LabelledSet::Table(table::read(path, label.as_deref(), run)?),
        Layout::Mat => LabelledSet::Table(mat::read(path)?),
        Layout::TsbAd => LabelledSet::Series(series::tsb_ad(path)?),
        Layout::TsbUad => LabelledSet::Series(series::tsb_uad(path)?),
        Layout::Ucr => LabelledSet::Series(series::ucr(path)?),
        Layout::Nab { windows } => LabelledSet::Series(series::nab(path, windows)?),
        Layout::TimeEval => LabelledSet::Series(series::time_eval(path)?),
        Layout::TrainTest => LabelledSet::Series(series::train_test(path, run)?),
        Layout::SmdText => LabelledSet::Series(series::smd_text(path)?),
        Layout::Skab => LabelledSet::Series(series::skab(path)?),
        Layout::ImageFolder => LabelledSet::Images(image::folder(path)?),
        Layout::ImageList => LabelledSet::Images(image::list(path)?),
    })
}

fn bad(path: impl Into<PathBuf>, reason: impl Into<String>) -> Error {
    Error::Parse { path: path.into(), line: None, column: None, reason: reason.into() }
}
