//! What the user may say about how to read.

use std::fmt;
use std::str::FromStr;

use anomalyst_core::{ColumnKind, Error, Result, Schema};

/// How to read; the default finds everything out by itself.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The format, instead of looking at the content.
    pub format: Option<Format>,
    /// Kinds of columns by name, instead of inferring them.
    pub types: Vec<(String, ColumnKind)>,
    /// Columns to leave out.
    pub ignore: Vec<String>,
    /// The column that says which rows are known to be anomalous.
    pub label: Option<String>,
    /// The column that says what the user calls each row.
    pub id: Option<String>,
    /// The delimiter of delimited text; a blank stands for any run of blanks and tabs.
    pub delimiter: Option<u8>,
    /// Whether delimited text begins with names.
    pub header: Header,
    /// Numbers are written `3,14`.
    pub decimal_comma: bool,
    /// What stands between the thousands of a number, such as `,` in `1,234,567`.
    pub thousands: Option<char>,
    /// Further spellings of a missing value, beside the usual ones.
    pub missing: Vec<String>,
    /// The time zone of times that name none, as in `Europe/Berlin`; UTC where nothing is said.
    pub time_zone: Option<String>,
    /// From a model: columns of these names are read as these kinds, and no others.
    pub expected: Option<Schema>,
}

/// Whether delimited text begins with a line of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// Look at the first lines.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It does not; columns are called `x1`, `x2`, ...
    No,
}

/// The formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Delimited text: CSV, TSV and the like.
    Csv,
    /// One JSON object per line.
    Ndjson,
    /// One JSON array of objects.
    Json,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow IPC: a file (also called Feather) or a stream.
    ArrowIpc,
    /// The attribute-relation format of Weka.
    Arff,
    /// A zip archive of NumPy arrays.
    Npz,
    /// One NumPy array.
    Npy,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Csv,
        Self::Ndjson,
        Self::Json,
        Self::Parquet,
        Self::ArrowIpc,
        Self::Arff,
        Self::Npz,
        Self::Npy,
    ];

    /// Its name in options and summaries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Json => "json",
            Self::Parquet => "parquet",
            Self::ArrowIpc => "arrow",
            Self::Arff => "arff",
            Self::Npz => "npz",
            Self::Npy => "npy",
        }
    }

    /// What a file name promises, after any `.gz` or `.zst`.
    pub(crate) fn from_file_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" | "tsv" | "tab" | "psv" | "txt" | "dat" | "data" | "ascii" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "json" => Some(Self::Json),
            "parquet" | "pq" => Some(Self::Parquet),
            "arrow" | "arrows" | "feather" | "ipc" => Some(Self::ArrowIpc),
            "arff" => Some(Self::Arff),
            "npz" => Some(Self::Npz),
            "npy" => Some(Self::Npy),
            _ => None,
        }
    }

    /// Whether it is made of characters, and so may be compressed and decoded.
    pub(crate) const fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Ndjson | Self::Json | Self::Arff)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "csv" | "tsv" | "text" => Ok(Self::Csv),
            "ndjson" | "jsonl" => Ok(Self::Ndjson),
            "json" => Ok(Self::Json),
            "parquet" => Ok(Self::Parquet),
            "arrow" | "ipc" | "feather" => Ok(Self::ArrowIpc),
            "arff" => Ok(Self::Arff),
            "npz" => Ok(Self::Npz),
            "npy" => Ok(Self::Npy),
            _ => Err(Error::BadParameter {
                name: "format".into(),
                got: format!("`{name}`"),
                want: format!("one of {}", Self::ALL.map(Self::as_str).join(", ")),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        }
        assert!("xlsx".parse::<Format>().unwrap_err().to_string().contains("parquet"));
        assert_eq!(Format::from_file_name("a.b.CSV.gz"), Some(Format::Csv));
        assert_eq!(Format::from_file_name("csv"), None);
    }
}
