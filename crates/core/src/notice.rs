//! What was noticed or handled on the way, so that nothing is dropped silently.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Something the user should know about the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Whether it only informs or something was changed or left out.
    pub kind: NoticeKind,
    /// The column it is about, if one.
    pub column: Option<String>,
    /// A plain sentence with its count.
    pub message: String,
}

/// How grave a [`Notice`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Nothing was changed.
    Info,
    /// Data was repaired, replaced or left out; an error under `--strict`.
    Handled,
}

/// All notices of a run, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices(pub Vec<Notice>);

impl Notices {
    /// Adds something that only informs.
    pub fn info(&mut self, column: Option<&str>, message: impl Into<String>) {
        self.push(NoticeKind::Info, column, message.into());
    }

    /// Adds something that was repaired, replaced or left out.
    pub fn handled(&mut self, column: Option<&str>, message: impl Into<String>) {
        self.push(NoticeKind::Handled, column, message.into());
    }

    fn push(&mut self, kind: NoticeKind, column: Option<&str>, message: String) {
        self.0.push(Notice { kind, column: column.map(str::to_owned), message });
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Under `--strict`, the first handled notice is an error.
    pub fn refuse_handled(&self) -> Result<()> {
        match self.0.iter().find(|n| n.kind == NoticeKind::Handled) {
            Some(Notice { column: Some(column), message, .. }) => {
                Err(Error::Strict(format!("column `{column}`: {message}")))
            }
            Some(Notice { message, .. }) => Err(Error::Strict(message.clone())),
            None => Ok(()),
        }
    }
}
