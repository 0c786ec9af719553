//! What becomes of every column: decided when a source is opened, from names, options and what was seen.

use std::sync::Arc;

use anomalyst_core::{ColumnKind, ColumnSpec, Notices, Result, Schema};
use rustc_hash::FxHashMap;

use crate::ReadOptions;
use crate::infer::{self, ReadAs, day_and_month_are_ambiguous};
use crate::names::find;
use crate::observe::{Declared, Observed};
use crate::time::TimeFormat;

/// What becomes of every column of a table.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// In the order of the table.
    pub(crate) columns: Vec<Planned>,
    /// What to expect of it.
    pub(crate) schema: Schema,
}

/// What becomes of a column.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// Its name.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) role: Role,
    /// How its cells are read.
    pub(crate) read_as: ReadAs,
    /// What it is expected to be when all of it is read.
    pub(crate) foreseen: ColumnKind,
    /// Whether options or a model say what it is, so that its cells have no say.
    pub(crate) forced: bool,
    /// Whether it was found to be no numbers or times by reading all of it.
    pub(crate) reread: bool,
    /// What was seen of it.
    pub(crate) seen: Observed,
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Judged.
    Feature,
    /// Says which rows are anomalous; an error if it does not.
    Label,
    /// Says so by convention; left out if it does not.
    MaybeLabel,
    /// Names the rows.
    Id,
    /// Nothing.
    LeftOut,
}

impl Plan {
    /// For columns that were seen like this. `label` is the label column by convention of the format.
    pub(crate) fn new(
        names: &[String],
        seen: Vec<Observed>,
        label: Option<&str>,
        options: &ReadOptions,
        notices: &mut Notices,
    ) -> Result<Self> {
        let infer_column = |(i, (name, seen)): (usize, (&String, Observed))| {
            let read_as = infer::infer(name, &seen);
            let foreseen = infer::foresee(name, i, read_as, &seen);
            Planned {
                name: name.clone(),
                role: Role::Feature,
                read_as,
                foreseen,
                forced: false,
                reread: false,
                seen,
            }
        };
        let columns = names.iter().zip(seen).enumerate().map(infer_column).collect();
        let mut plan = Self { columns, schema: Schema::default() };
        let mut places: FxHashMap<String, usize> =
            names.iter().enumerate().map(|(i, name)| (name.clone(), i)).collect();
        if let Some(expected) = &options.expected {
            plan.expect(expected, &mut places, notices);
        }
        for (name, kind) in &options.types {
            plan.columns[find(name, &places)?].force(*kind);
        }
        for name in &options.ignore {
            // A model's columns may be ignored in data that has none of them.
            match find(name, &places) {
                Ok(column) => plan.columns[column].role = Role::LeftOut,
                Err(e) if options.expected.is_none() => return Err(e),
                Err(_) => {}
            }
        }
        plan.assign_roles(&places, label, options)?;
        plan.say_about_dates(notices);
        plan.set_schema();
        Ok(plan)
    }

    fn assign_roles(
        &mut self,
        places: &FxHashMap<String, usize>,
        label: Option<&str>,
        options: &ReadOptions,
    ) -> Result<()> {
        if let Some(name) = &options.label {
            self.columns[find(name, places)?].assign(Role::Label, ReadAs::Category);
        } else if let Some(&column) = label.and_then(|name| places.get(name))
            && self.columns[column].role == Role::Feature
            && !self.columns[column].forced
        {
            self.columns[column].assign(Role::MaybeLabel, ReadAs::Category);
        }
        if let Some(name) = &options.id {
            self.columns[find(name, places)?].assign(Role::Id, ReadAs::Text);
        }
        Ok(())
    }

    /// Reads the columns of a model as what they were when it was fitted, and no others.
    fn expect(&mut self, expected: &Schema, places: &mut FxHashMap<String, usize>, notices: &mut Notices) {
        let mut extra: Vec<bool> = vec![true; self.columns.len()];
        let mut absent = Vec::new();
        for spec in &expected.columns {
            match places.get(&spec.name) {
                Some(&column) => {
                    extra[column] = false;
                    self.columns[column].force(spec.kind);
                    if !spec.used {
                        self.columns[column].role = Role::LeftOut;
                    }
                }
                None if spec.used => absent.push(spec),
                None => {}
            }
        }
        let mut n_extra = 0;
        let mut first_extra = "";
        for (column, _) in self.columns.iter_mut().zip(extra).filter(|(_, extra)| *extra) {
            column.role = Role::LeftOut;
            n_extra += 1;
            if first_extra.is_empty() {
                first_extra = &column.name;
            }
        }
        if n_extra > 0 {
            notices.info(
                None,
                format!(
                    "{n_extra} columns that the model does not know are ignored, the first is `{first_extra}`"
                ),
            );
        }
        for (i, spec) in absent.iter().enumerate() {
            if i < 20 {
                notices.handled(Some(&spec.name), "the model knows this column, but the data has none of that name; all its values count as missing");
            }
            let mut column = Planned {
                name: spec.name.clone(),
                role: Role::Feature,
                read_as: ReadAs::Number,
                foreseen: spec.kind,
                forced: true,
                reread: false,
                seen: Observed::default(),
            };
            column.force(spec.kind);
            places.insert(spec.name.clone(), self.columns.len());
            self.columns.push(column);
        }
        if absent.len() > 20 {
            notices.handled(
                None,
                format!(
                    "{} more columns of the model are not in the data; their values count as missing",
                    absent.len() - 20
                ),
            );
        }
    }

    fn say_about_dates(&self, notices: &mut Notices) {
        for column in self.columns.iter().filter(|c| c.role == Role::Feature) {
            let ReadAs::Time(format) = column.read_as else { continue };
            if matches!(format, TimeFormat::MonthFirst) && day_and_month_are_ambiguous(&column.seen) {
                notices.info(Some(&column.name), "the dates could be month/day or day/month; they are read as month/day, write year-month-day to be certain");
            } else if !matches!(format, TimeFormat::YearFirst) {
                notices.info(Some(&column.name), format!("times are read as {}", format.as_str()));
            }
        }
    }

    fn set_schema(&mut self) {
        let spec = |c: &Planned| ColumnSpec {
            name: c.name.clone(),
            kind: c.kind(),
            used: c.role == Role::Feature && !matches!(c.foreseen, ColumnKind::Identifier | ColumnKind::Text),
        };
        self.schema = Schema { columns: self.columns.iter().map(spec).collect() };
    }

    /// How the columns of a file are read that are these columns of the table.
    pub(crate) fn read_as(&self, targets: &[usize]) -> Arc<[ReadAs]> {
        targets.iter().map(|&t| self.columns[t].effective()).collect()
    }

    /// Takes a column for strings after all.
    pub(crate) fn reread_as_category(&mut self, column: usize) {
        let column = &mut self.columns[column];
        (column.read_as, column.foreseen, column.reread) = (ReadAs::Category, ColumnKind::Category, true);
    }

    /// The same without columns that are foreseen to be left out.
    pub(crate) fn as_foreseen(&self) -> Self {
        let mut plan = self.clone();
        for column in &mut plan.columns {
            if column.role == Role::Feature && column.foreseen != column.read_as.kind() {
                column.role = Role::LeftOut;
            }
        }
        plan
    }

    /// The same without anything but labels.
    pub(crate) fn only_labels(&self) -> Self {
        let mut plan = self.clone();
        for column in &mut plan.columns {
            if !matches!(column.role, Role::Label | Role::MaybeLabel) {
                column.role = Role::LeftOut;
            }
        }
        plan
    }
}

impl Planned {
    /// How its cells are read, in its role.
    pub(crate) fn effective(&self) -> ReadAs {
        if self.role == Role::LeftOut { ReadAs::Nothing } else { self.read_as }
    }

    /// What it is, in its role.
    pub(crate) fn kind(&self) -> ColumnKind {
        if self.role == Role::Id { ColumnKind::Identifier } else { self.foreseen }
    }

    fn assign(&mut self, role: Role, read_as: ReadAs) {
        self.role = role;
        self.read_as = read_as;
        self.forced = true;
    }

    fn force(&mut self, kind: ColumnKind) {
        self.forced = true;
        self.foreseen = kind;
        self.read_as = match kind {
            ColumnKind::Number => ReadAs::Number,
            ColumnKind::Category => ReadAs::Category,
            ColumnKind::Boolean => ReadAs::Boolean,
            ColumnKind::Timestamp => ReadAs::Time(self.time_format()),
            ColumnKind::Identifier | ColumnKind::Text => ReadAs::Nothing,
        };
    }

    /// The way to write times that fits most cells.
    fn time_format(&self) -> TimeFormat {
        let best = (0..self.seen.n_times.len())
            .max_by_key(|&i| (self.seen.n_times[i], std::cmp::Reverse(i)))
            .filter(|&i| self.seen.n_times[i] > 0);
        let of_numbers = || {
            let whole = |v: f64| TimeFormat::Compact.parse(format!("{v}").as_bytes()).is_some();
            if whole(self.seen.smallest) && whole(self.seen.largest) {
                return TimeFormat::Compact;
            }
            TimeFormat::of_epoch(self.seen.smallest, self.seen.largest).unwrap_or(TimeFormat::EpochSecs)
        };
        match best {
            Some(i) => TimeFormat::OF_TEXT[i],
            None if self.seen.n_numbers > 0 && self.seen.declared != Some(Declared::Time) => of_numbers(),
            None => TimeFormat::YearFirst,
        }
    }
}
