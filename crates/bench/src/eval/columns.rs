//! Columns of a table file by what they are called.

use std::path::Path;

use anomalyst::core::{Column, ColumnData, ColumnKind, Error, Result, Run, Verdict};
use anomalyst::data::ReadOptions;

/// What a column of a file of scores is, judged by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Score,
    Probability,
    PValue,
    Verdict,
    Time,
    Label,
    Group,
    Template,
    /// Something else that our own files hold beside scores.
    Aside,
    /// Not known by name: a scorer where it holds numbers.
    Unknown,
}

/// What is called so in the files of this and other tools.
pub(super) fn role(name: &str) -> Role {
    let name = name.trim().to_ascii_lowercase().replace(['-', ' '], "_");
    match name.as_str() {
        "score" | "scores" | "anomaly_score" | "anomaly_scores" | "outlier_score" | "decision_scores"
        | "decision_scores_" | "decision_function" => Role::Score,
        "probability" | "proba" | "anomaly_probability" => Role::Probability,
        "p_value" | "pvalue" | "p_values" => Role::PValue,
        "verdict" | "prediction" | "predicted" | "pred" | "y_pred" | "pred_label" => Role::Verdict,
        "timestamp" | "time" | "datetime" | "date" | "ts" => Role::Time,
        "label" | "labels" | "y" | "y_true" | "is_anomaly" | "is_outlier" | "anomaly" | "anomalous"
        | "outlier" | "ground_truth" | "truth" | "target" | "level" | "severity_level" => Role::Label,
        "group" | "cluster" | "eventid" | "event_id" => Role::Group,
        "template" | "eventtemplate" | "event_template" => Role::Template,
        "item" | "id" | "row" | "confidence" | "severity" | "reason" | "lineid" | "content" => Role::Aside,
        _ => Role::Unknown,
    }
}

/// The columns of a file, each in the form its role asks for.
pub(super) struct Columns {
    pub(super) file: String,
    pub(super) n_rows: usize,
    pub(super) columns: Vec<Column>,
    /// The entries of the column that names the items, where one was named.
    pub(super) ids: Option<Vec<String>>,
    /// Of arrays that carry their own labels.
    pub(super) labels: Option<Vec<anomalyst::core::Label>>,
}

impl Columns {
    /// Reads `path`; `label` and `id` are the names of columns that the user gave.
    pub(super) fn read(path: &Path, label: Option<&str>, id: Option<&str>, run: &Run) -> Result<Self> {
        // Names say more than values here: a score may look like a category, a group like a number.
        let kind = |name: &str, found: ColumnKind| match role(name) {
            _ if label == Some(name) => ColumnKind::Category,
            Role::Score | Role::Probability | Role::PValue => ColumnKind::Number,
            Role::Verdict | Role::Label | Role::Group | Role::Template => ColumnKind::Category,
            Role::Unknown if found == ColumnKind::Identifier => ColumnKind::Number,
            _ => found,
        };
        Self::read_as(path, id, &kind, run)
    }

    /// Reads `path`, whose columns are measurements whatever they are called; `id` names the one that is not.
    pub(super) fn read_measurements(path: &Path, id: &str, run: &Run) -> Result<Self> {
        let kind = |_: &str, found: ColumnKind| match found {
            ColumnKind::Identifier | ColumnKind::Boolean => ColumnKind::Number,
            other => other,
        };
        Self::read_as(path, Some(id), &kind, run)
    }

    /// `kind` says what a column is, from its name and what its values look like.
    fn read_as(
        path: &Path,
        id: Option<&str>,
        kind: &dyn Fn(&str, ColumnKind) -> ColumnKind,
        run: &Run,
    ) -> Result<Self> {
        let input = [path.display().to_string()];
        let id = id.map(str::to_owned);
        let first =
            anomalyst::data::open(&input, &ReadOptions { id: id.clone(), ..ReadOptions::default() }, run)?;
        let kinds = first.schema().columns.iter().filter_map(|column| {
            let kind = kind(&column.name, column.kind);
            (kind != column.kind).then(|| (column.name.clone(), kind))
        });
        let types: Vec<(String, ColumnKind)> = kinds.collect();
        let source = if types.is_empty() {
            first
        } else {
            anomalyst::data::open(&input, &ReadOptions { id, types, ..ReadOptions::default() }, run)?
        };
        let table = anomalyst::read(&source, run)?.table;
        Ok(Self {
            file: input[0].clone(),
            n_rows: table.n_rows,
            columns: table.columns,
            ids: table.ids,
            labels: table.labels,
        })
    }

    /// The first column of that role.
    pub(super) fn of_role(&self, wanted: Role) -> Option<&Column> {
        self.columns.iter().find(|column| role(&column.name) == wanted)
    }

    /// The cells of a number column, none missing.
    pub(super) fn numbers(&self, column: &Column) -> Result<Vec<f64>> {
        match &column.data {
            ColumnData::Numbers(cells) => match cells.iter().position(|cell| cell.is_nan()) {
                None => Ok(cells.clone()),
                Some(row) => Err(self.refuse(row, column, "there is no number; every item needs one")),
            },
            _ => Err(Error::Data(format!("{}: column `{}` does not hold numbers", self.file, column.name))),
        }
    }

    /// The cells as text; empty where missing.
    pub(super) fn texts(&self, column: &Column) -> Vec<String> {
        (0..self.n_rows).map(|row| column.data.text(row)).collect()
    }

    /// Seconds since 1970, or the numbers of a column of numbers.
    pub(super) fn times(&self, column: &Column) -> Result<Vec<f64>> {
        match &column.data {
            ColumnData::Times(cells) => match cells.iter().position(|&cell| cell == i64::MIN) {
                None => Ok(cells.iter().map(|&micros| micros as f64 / 1e6).collect()),
                Some(row) => Err(self.refuse(row, column, "there is no time")),
            },
            _ => self.numbers(column),
        }
    }

    /// Verdicts in the words of this and other tools. Of -1 and 1 alone, -1 is anomalous (scikit-learn); -2 is
    /// a withheld verdict (PyOD).
    pub(super) fn verdicts(&self, column: &Column) -> Result<Vec<Verdict>> {
        let texts = self.texts(column);
        let is_minus_one_odd = texts.iter().any(|text| text == "-1");
        let verdict = |(row, text): (usize, &String)| match text.to_ascii_lowercase().as_str() {
            "abstain" | "-2" => Ok(Verdict::Abstain),
            "-1" => Ok(Verdict::Anomalous),
            "1" if is_minus_one_odd => Ok(Verdict::Normal),
            "anomalous" | "anomaly" | "outlier" | "1" | "true" | "yes" => Ok(Verdict::Anomalous),
            "normal" | "inlier" | "0" | "false" | "no" => Ok(Verdict::Normal),
            other => Err(self.refuse(
                row,
                column,
                &format!("`{other}` is no verdict; write normal, anomalous or abstain"),
            )),
        };
        texts.iter().enumerate().map(verdict).collect()
    }

    pub(super) fn refuse(&self, row: usize, column: &Column, reason: &str) -> Error {
        Error::Data(format!("{}: row {}, column `{}`: {reason}", self.file, row + 1, column.name))
    }
}
