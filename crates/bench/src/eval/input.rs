//! Files of scores and labels, brought into line with each other.

use std::path::{Path, PathBuf};

use anomalyst::core::{ColumnData, Error, Result, Run};
use anomalyst_measure::forecasts::Forecasts;
use anomalyst_measure::groups::Grouping;
use anomalyst_measure::pixels::MapSet;
use anomalyst_measure::{Case, Subject};

use super::columns::{Columns, Role, role};
use super::labels::{self, Truth, Windows, positions};
use super::{forecasts, maps};

/// What is to be judged, beside the truth.
pub struct EvalInput {
    /// What the files hold.
    pub scored: Scored,
    /// What was noticed on the way.
    pub notices: Vec<String>,
}

/// Answers beside the truth, each scorer by its name: its column, or its folder.
pub enum Scored {
    /// Scores, p-values, verdicts of items or of points of series.
    Cases(Subject, Vec<(String, Case)>),
    /// Groups found beside true groups.
    Groups(Grouping),
    /// Maps of scores beside masks.
    Maps(Vec<(String, MapSet)>),
    /// Ensembles beside what came.
    Forecasts(Forecasts),
}

/// Where scores and labels are, and what the files do not say themselves.
#[derive(Clone, Debug, Default)]
pub struct EvalFiles {
    /// The file of scores.
    pub scores: PathBuf,
    /// The file of labels; the file of scores itself where absent.
    pub labels: Option<PathBuf>,
    /// The column of labels.
    pub label: Option<String>,
    /// The column by which both files name the items; the order of rows decides where absent.
    pub id: Option<String>,
    /// What the labels are of, where they do not tell.
    pub subject: Option<Subject>,
    /// The dominant period of a series in points.
    pub period: Option<usize>,
    /// Scores are high for what is normal, as in scikit-learn.
    pub higher_is_normal: bool,
}

impl EvalInput {
    /// Reads both files.
    pub fn read(files: &EvalFiles, run: &Run) -> Result<Self> {
        let of = |scored| Ok(Self { scored, notices: Vec::new() });
        if files.scores.is_dir() {
            return of(Scored::Maps(maps::read(&files.scores, files.labels.as_deref())?));
        }
        if files.subject == Some(Subject::Forecasts) {
            return of(Scored::Forecasts(forecasts::read(files, run)?));
        }
        let columns = Columns::read(&files.scores, files.label.as_deref(), files.id.as_deref(), run)?;
        let mut notices = Vec::new();
        let truth = truth(files, &columns, run, &mut notices)?;
        let labels_file = files.labels.as_deref().unwrap_or(&files.scores);
        let at = match (&columns.ids, &truth.ids) {
            (Some(scored), Some(known)) if files.labels.is_some() => {
                positions(scored, known, [&columns.file, &labels_file.display().to_string()])?
            }
            _ => in_order(&columns, &truth, labels_file)?,
        };
        if let Some(grouping) = grouping(&columns, &truth, &at)? {
            return Ok(Self { scored: Scored::Groups(grouping), notices });
        }
        cases(files, &columns, &truth, &at, notices)
    }
}

/// A case for each scorer among `columns`; row `i` of the scores is row `at[i]` of the truth.
fn cases(
    files: &EvalFiles,
    columns: &Columns,
    truth: &Truth,
    at: &[usize],
    mut notices: Vec<String>,
) -> Result<EvalInput> {
    let kept: Vec<usize> = (0..at.len()).filter(|&row| truth.odd[at[row]].is_some()).collect();
    if kept.len() < at.len() {
        notices.push(format!("{} items without a label are left out", at.len() - kept.len()));
    }
    let odd: Vec<bool> = kept.iter().map(|&row| truth.odd[at[row]] == Some(true)).collect();
    let subject = files.subject.unwrap_or(if truth.is_series() { Subject::Series } else { Subject::Items });
    let times = match columns.of_role(Role::Time) {
        Some(column) if subject == Subject::Series => Some(columns.times(column)?),
        _ => truth.times.as_ref().map(|times| at.iter().map(|&row| times[row]).collect()),
    };
    let base = || -> Result<Case> {
        let mut case = Case::new(odd.clone());
        if let Some(levels) = &truth.levels {
            case = case.with_levels(kept.iter().map(|&row| levels[at[row]]).collect())?;
        }
        if let (Some(times), Subject::Series) = (&times, subject) {
            case = case.with_times(kept.iter().map(|&row| times[row]).collect())?;
        }
        Ok(match files.period {
            Some(period) => case.with_period(period),
            None => case,
        })
    };
    let named = |error: Error| {
        let text = error.to_string();
        // What is wrong with a cell already says of which file.
        if text.starts_with(&columns.file) { error } else { Error::Data(format!("{}: {text}", columns.file)) }
    };
    let scorers = scorers(columns, files, &kept, &base).map_err(named)?;
    Ok(EvalInput { scored: Scored::Cases(subject, scorers), notices })
}

/// Row `i` of the scores is row `i` of the labels.
fn in_order(columns: &Columns, truth: &Truth, labels_file: &Path) -> Result<Vec<usize>> {
    let n_labels = truth.len();
    if columns.n_rows != n_labels {
        return Err(Error::Data(format!(
            "{} has {} rows and {} has {} labels; both must be of the same items in the same order, or name them in a \
             column that --id names",
            columns.file,
            columns.n_rows,
            labels_file.display(),
            n_labels
        )));
    }
    Ok((0..columns.n_rows).collect())
}

/// The groups of both files, where the labels are groups and nothing else.
fn grouping(columns: &Columns, truth: &Truth, at: &[usize]) -> Result<Option<Grouping>> {
    let (Some(known), true) = (&truth.groups, truth.odd.is_empty()) else { return Ok(None) };
    let pick = |from: &[String]| -> Vec<String> { at.iter().map(|&row| from[row].clone()).collect() };
    let templates = columns.of_role(Role::Template).map(|column| columns.texts(column));
    let found = match columns.of_role(Role::Group) {
        Some(column) => columns.texts(column),
        None => templates.clone().ok_or_else(|| {
            Error::Data(format!(
                "{}: there is no column called group, cluster, EventId or template",
                columns.file
            ))
        })?,
    };
    let grouping = Grouping::new(&found, &pick(known))?;
    Ok(Some(match (templates, &truth.templates) {
        (Some(found), Some(known)) => grouping.with_templates(found, pick(known))?,
        _ => grouping,
    }))
}

fn truth(files: &EvalFiles, columns: &Columns, run: &Run, notices: &mut Vec<String>) -> Result<Truth> {
    let Some(path) = &files.labels else { return Truth::of(columns, files.label.as_deref()) };
    if path.extension().is_some_and(|extension| extension == "json") {
        let windows = Windows::read(path, &files.scores)?;
        let times = columns.of_role(Role::Time).map(|column| columns.times(column)).transpose()?;
        let labels = windows.labels(columns.n_rows, times.as_deref());
        if times.is_none() {
            notices.push("the scores have no time column, so windows are taken as row numbers from 0".into());
        }
        return Ok(Truth { odd: labels.into_iter().map(Some).collect(), windows: true, ..Truth::default() });
    }
    labels::read(path, files.label.as_deref(), files.id.as_deref(), run)
}

/// A case for each column of scores; what is no score (verdicts, p-values) goes with the only or first one.
fn scorers(
    columns: &Columns,
    files: &EvalFiles,
    kept: &[usize],
    base: &dyn Fn() -> Result<Case>,
) -> Result<Vec<(String, Case)>> {
    let pick = |values: Vec<f64>| -> Vec<f64> { kept.iter().map(|&row| values[row]).collect() };
    let is_label = |name: &str| files.label.as_deref() == Some(name);
    let of_role = |wanted: Role| {
        columns.columns.iter().filter(move |column| role(&column.name) == wanted && !is_label(&column.name))
    };
    let mut names: Vec<_> = of_role(Role::Score).collect();
    if names.is_empty() {
        names = of_role(Role::Unknown).filter(|c| matches!(c.data, ColumnData::Numbers(_))).collect();
    }
    let mut cases = Vec::new();
    for column in names {
        let mut scores = pick(columns.numbers(column)?);
        if files.higher_is_normal {
            scores.iter_mut().for_each(|score| *score = -*score);
        }
        cases.push((column.name.clone(), base()?.with_scores(scores)?));
    }
    let others: [Option<_>; 3] =
        [Role::Probability, Role::PValue, Role::Verdict].map(|wanted| of_role(wanted).next());
    if cases.is_empty() {
        if let Some(column) = others.iter().flatten().next() {
            cases.push((column.name.clone(), base()?));
        } else {
            return Err(Error::Data(
                "there is no column of scores; a column called score, probability, p_value or verdict, or any column \
                 of numbers, is one"
                    .into(),
            ));
        }
    }
    let (name, mut case) = cases.remove(0);
    if let Some(column) = others[0] {
        case = case.with_probabilities(pick(columns.numbers(column)?))?;
    }
    if let Some(column) = others[1] {
        case = case.with_p_values(pick(columns.numbers(column)?))?;
    }
    if let Some(column) = others[2] {
        let verdicts = columns.verdicts(column)?;
        case = case.with_verdicts(kept.iter().map(|&row| verdicts[row]).collect())?;
    }
    cases.insert(0, (name, case));
    Ok(cases)
}
