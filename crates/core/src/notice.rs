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
    /// The count, where it is one of rows; the sentence holds its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
}

/// How many rows of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows that something was noticed in.
    pub n: u64,
    /// All rows that were looked at.
    pub of: u64,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} row{}", self.n, self.of, if self.of == 1 { "" } else { "s" })
    }
}

impl Notice {
    /// What does not change from batch to batch: everything before the count.
    fn subject(&self) -> (NoticeKind, Option<&str>, &str) {
        let text = self.tally.map(|tally| tally.to_string());
        let end = text.and_then(|text| self.message.find(&text)).unwrap_or(self.message.len());
        (self.kind, self.column.as_deref(), &self.message[..end])
    }

    fn set_tally(&mut self, new: Tally) {
        if let Some(old) = self.tally.replace(new) {
            self.message = self.message.replacen(&old.to_string(), &new.to_string(), 1);
        }
    }
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
        self.push(NoticeKind::Info, column, message.into(), None);
    }

    /// Adds something that was repaired, replaced or left out.
    pub fn handled(&mut self, column: Option<&str>, message: impl Into<String>) {
        self.push(NoticeKind::Handled, column, message.into(), None);
    }

    /// Adds something about a number of rows; `message` is given the text of the count.
    pub fn counted(
        &mut self,
        kind: NoticeKind,
        column: Option<&str>,
        tally: Tally,
        message: impl FnOnce(&str) -> String,
    ) {
        self.push(kind, column, message(&tally.to_string()), Some(tally));
    }

    fn push(&mut self, kind: NoticeKind, column: Option<&str>, message: String, tally: Option<Tally>) {
        self.0.push(Notice { kind, column: column.map(str::to_owned), message, tally });
    }

    /// Adds those of a later batch of the same data: counts of the same thing are added up, and what was said before
    /// is not said again. The example in a sentence stays that of the first batch.
    pub fn merge(&mut self, later: Self) {
        for notice in later.0 {
            match self.0.iter_mut().find(|known| known.subject() == notice.subject()) {
                Some(known) => {
                    if let (Some(sum), Some(more)) = (known.tally, notice.tally) {
                        known.set_tally(Tally { n: sum.n + more.n, of: sum.of + more.of });
                    }
                }
                None => self.0.push(notice),
            }
        }
    }

    /// Counts become counts of so many rows: batches in which a thing did not occur have not counted themselves.
    pub fn out_of(&mut self, n_rows: u64) {
        let counted = self.0.iter_mut().filter_map(|notice| Some((notice.tally?, notice)));
        counted.for_each(|(tally, notice)| notice.set_tally(Tally { of: n_rows, ..tally }));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(n: u64, of: u64) -> Notices {
        let mut notices = Notices::default();
        notices.info(None, "ignored: `b`");
        notices.counted(NoticeKind::Handled, Some("a"), Tally { n, of }, |rows| {
            format!("{rows} hold a level unseen in training (such as `{n}` in row 1)")
        });
        notices
    }

    #[test]
    fn counts_of_batches_add_up() {
        let mut all = batch(1, 1);
        all.merge(batch(2, 10));
        all.out_of(30);
        let said: Vec<&str> = all.0.iter().map(|n| n.message.as_str()).collect();
        assert_eq!(
            said,
            ["ignored: `b`", "3 of 30 rows hold a level unseen in training (such as `1` in row 1)"]
        );
    }

    #[test]
    fn strict_names_the_column() {
        let error = batch(1, 2).refuse_handled().unwrap_err().to_string();
        assert!(error.contains("column `a`: 1 of 2 rows"), "{error}");
    }
}
