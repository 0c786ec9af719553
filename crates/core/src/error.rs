//! One error type for every library of the project.

use std::path::PathBuf;

/// The result of anything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, the limit, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter has a value its schema refuses.
    #[error("parameter `{name}` is {got}; it must be {want}")]
    BadParameter {
        /// Parameter name, dotted for nested ones.
        name: String,
        /// The value given.
        got: String,
        /// What is allowed.
        want: String,
    },
    /// A parameter that the method does not have.
    #[error("`{owner}` has no parameter `{name}`; it has: {}", valid.join(", "))]
    UnknownParameter {
        /// Method or encoder id.
        owner: String,
        /// The name given.
        name: String,
        /// The names it has.
        valid: Vec<String>,
    },
    /// Fewer rows than the work needs.
    #[error("{what} needs at least {need} row{}, but there {}", if *need == 1 { "" } else { "s" }, if *got == 1 { "is 1".to_owned() } else { format!("are {got}") })]
    TooFewItems {
        /// Who needs them.
        what: String,
        /// How many there are.
        got: usize,
        /// How many it takes.
        need: usize,
    },
    /// A value that is not a finite number reached a method that cannot take it.
    #[error(
        "row {row}, feature {column} is not a finite number; impute it or choose a method that takes missing values"
    )]
    NotFinite {
        /// Row, counted from 0.
        row: usize,
        /// Feature column, counted from 0.
        column: usize,
    },
    /// Features of another width than the model was fitted on.
    #[error("the model was fitted on {fitted} features, but the data has {got}")]
    WidthMismatch {
        /// Width at fitting.
        fitted: usize,
        /// Width given.
        got: usize,
    },
    /// No method, encoder, recipe, metric or column of that name.
    #[error("there is no {what} `{id}`{}{}", nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default(), listed_by(what))]
    Unknown {
        /// What was looked for: `method`, `recipe`, `encoder`, `combination`, `metric`, `column`.
        what: &'static str,
        /// The name given.
        id: String,
        /// The closest existing name.
        nearest: Option<String>,
    },
    /// The method cannot work on data laid out like this.
    #[error("`{method}` cannot work on {got}; it takes {want}")]
    UnsupportedLayout {
        /// Method id.
        method: String,
        /// What was given.
        got: String,
        /// What it takes.
        want: String,
    },
    /// A model file that cannot be used.
    #[error("{}: {reason}", path.display())]
    ModelFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// The user interrupted the run.
    #[error("interrupted")]
    Cancelled,
    /// The work does not fit the memory or time that the user allowed.
    #[error("{what} needs about {need}, the limit is {limit}; {hint}")]
    Budget {
        /// Which work.
        what: String,
        /// How much it needs, with unit.
        need: String,
        /// The limit, with unit.
        limit: String,
        /// What to do.
        hint: String,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own error.
        source: std::io::Error,
    },
    /// A file that does not hold what its format says.
    #[error("{}{}{}: {reason}", path.display(), line.map(|l| format!(", line {l}")).unwrap_or_default(), column.as_ref().map(|c| format!(", column {c}")).unwrap_or_default())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1, where known.
        line: Option<u64>,
        /// Column name or position, where known.
        column: Option<String>,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The data is readable but not usable for the work.
    #[error("{0}")]
    Data(String),
    /// Handling that `--strict` turned into an error.
    #[error("strict: {0}")]
    Strict(String),
    /// A computation had no answer.
    #[error("{method}: {what}")]
    Numeric {
        /// Who computed.
        method: String,
        /// What failed and what to do.
        what: String,
    },
}

/// The kinds of [`Error`], for programs; one table maps them to every face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The call was wrong: a parameter, a name, a combination.
    Usage,
    /// The data was wrong or not enough.
    Data,
    /// A file could not be read or written.
    Io,
    /// A model file was damaged, foreign or newer.
    Model,
    /// A limit of memory or time.
    Budget,
    /// The user's interruption.
    Cancelled,
    /// A computation without an answer.
    Numeric,
}

impl ErrorKind {
    /// `(exit status of the command, HTTP status, Python exception)`.
    pub const fn faces(self) -> (u8, u16, &'static str) {
        match self {
            Self::Usage => (2, 400, "ValueError"),
            Self::Data => (1, 422, "ValueError"),
            Self::Io => (1, 404, "OSError"),
            Self::Model => (1, 409, "ValueError"),
            Self::Budget => (1, 413, "MemoryError"),
            Self::Cancelled => (130, 499, "KeyboardInterrupt"),
            Self::Numeric => (1, 500, "ArithmeticError"),
        }
    }
}

/// Where the names of such things can be read, as the end of a sentence.
fn listed_by(what: &str) -> &'static str {
    if matches!(what, "method" | "recipe" | "encoder" | "combination") {
        "; `anomalyst methods` lists them"
    } else {
        ""
    }
}

impl Error {
    /// Which kind this is.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::BadParameter { .. } | Self::UnknownParameter { .. } | Self::Unknown { .. } => {
                ErrorKind::Usage
            }
            Self::TooFewItems { .. }
            | Self::NotFinite { .. }
            | Self::WidthMismatch { .. }
            | Self::UnsupportedLayout { .. }
            | Self::Parse { .. }
            | Self::Data(_)
            | Self::Strict(_) => ErrorKind::Data,
            Self::ModelFile { .. } => ErrorKind::Model,
            Self::Cancelled => ErrorKind::Cancelled,
            Self::Budget { .. } => ErrorKind::Budget,
            Self::Io { .. } => ErrorKind::Io,
            Self::Numeric { .. } => ErrorKind::Numeric,
        }
    }

    /// An I/O error that names its file.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }

    /// A model that does not hold together; the file name is added where it is known.
    pub fn model(reason: impl Into<String>) -> Self {
        Self::ModelFile { path: PathBuf::from("model"), reason: reason.into() }
    }
}
