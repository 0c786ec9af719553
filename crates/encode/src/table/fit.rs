//! What is learnt of each training column.

use anomalyst_core::{Column, ColumnData, ColumnKind, Error, Handles, Notices, Result, Run, Table, Wants};
use rayon::prelude::*;

use super::categories::Levels;
use super::column::{Cell, FittedColumn, Indicator, Plan};
use super::notices::{Remark, Said, explain, number, report};
use super::numbers::Scaler;
use super::params::{Categories, Scale, TableEncoder};
use super::times::Times;
use super::twins;

/// Indicators stay within this many units, so that one missing value among a million present ones does not
/// outweigh every number in its row.
const INDICATOR_LIMIT: f64 = 10.0;

/// What is settled before any column is looked at.
struct Plans<'a> {
    params: &'a TableEncoder,
    wants: Wants,
    n_rows: usize,
}

/// A column's plan and what there is to say about it.
struct Draft {
    plan: Plan,
    n_missing: usize,
    remark: Option<Remark>,
}

/// Fits every column; an error that names each column where none is of use.
pub(super) fn fit_columns(
    params: &TableEncoder,
    wants: Wants,
    table: &Table,
    run: &Run,
) -> Result<(Vec<FittedColumn>, Notices)> {
    if params.categories == Categories::Codes && wants.codes == Handles::Refuses {
        return Err(Error::BadParameter {
            name: "categories".into(),
            got: "codes".into(),
            want: "auto, frequency or one_hot, because the method does not take codes".into(),
        });
    }
    if table.n_rows == 0 {
        return Err(Error::TooFewItems { what: "learning how to encode a table".into(), got: 0, need: 1 });
    }
    let plans = Plans { params, wants, n_rows: table.n_rows };
    let fit = |column: &Column| run.check().map(|()| plans.draft(column));
    let mut drafts: Vec<Draft> = table.columns.par_iter().map(fit).collect::<Result<_>>()?;
    leave_out_twins(table, &mut drafts, run)?;

    let (columns, remarks): (Vec<_>, Vec<_>) = table
        .columns
        .iter()
        .zip(drafts)
        .map(|(column, draft)| {
            let indicator = plans.indicator(&draft);
            let Draft { plan, n_missing, remark } = draft;
            (FittedColumn { name: column.name.clone(), n_missing, plan, indicator }, remark)
        })
        .unzip();
    if !columns.iter().any(FittedColumn::gives_features) {
        return Err(Error::Data(explain(&columns, table.n_rows)));
    }
    let mut said: Vec<Said<'_>> = Vec::new();
    for (column, remark) in columns.iter().zip(remarks) {
        let (name, n_missing) = (column.name.as_str(), column.n_missing);
        said.extend(remark.map(|remark| Said { name, remark }));
        if column.indicator.is_some() {
            said.push(Said {
                name,
                remark: Remark::Missing { n_missing, left_out: column.plan.n_values() == 0 },
            });
        }
    }
    let notices = report(&said, table.n_rows);
    Ok((columns, notices))
}

/// Of columns that hold the same in every row, only the first stays.
fn leave_out_twins(table: &Table, drafts: &mut [Draft], run: &Run) -> Result<()> {
    let candidates: Vec<usize> = (0..drafts.len())
        .filter(|&i| drafts[i].plan.n_values() > 0 || matches!(drafts[i].plan, Plan::Codes(_)))
        .collect();
    for (twin, first) in twins::find(&table.columns, &candidates, run)? {
        let of = table.columns[first].name.clone();
        drafts[twin].remark = Some(Remark::Twin { of: of.clone() });
        drafts[twin].plan = Plan::Twin(of);
    }
    Ok(())
}

impl Plans<'_> {
    fn draft(&self, column: &Column) -> Draft {
        match &column.data {
            ColumnData::Numbers(cells) => self.numbers(cells),
            ColumnData::Codes { codes, levels } => {
                let (levels, n_missing) = Levels::count(codes, levels);
                self.levels(levels, n_missing, column.kind == ColumnKind::Boolean)
            }
            ColumnData::Times(cells) => self.times(cells),
            ColumnData::Omitted => Draft { plan: Plan::Omitted, n_missing: self.n_rows, remark: None },
        }
    }

    fn numbers(&self, cells: &[f64]) -> Draft {
        let mut present = Vec::with_capacity(cells.len());
        present.extend(cells.iter().copied().filter(|v| v.is_finite()));
        let n_missing = cells.len() - present.len();
        let Some(&first) = present.first() else { return self.empty() };
        match Scaler::fit(&mut present, self.params.scale) {
            Some(fitted) => {
                let remark = fitted.by_deviation.then_some(Remark::ByDeviation);
                Draft { plan: Plan::Number(fitted.scaler), n_missing, remark }
            }
            None => self.constant(Cell::Number(first), n_missing, number(first)),
        }
    }

    fn levels(&self, levels: Levels, n_missing: usize, is_boolean: bool) -> Draft {
        let native = self.wants.codes == Handles::Native
            && matches!(self.params.categories, Categories::Auto | Categories::Codes);
        let remark = None;
        match levels.len() {
            0 => self.empty(),
            1 if !native || n_missing == 0 => {
                let text = format!("`{}`", levels.names[0]);
                self.constant(Cell::Level(levels), n_missing, text)
            }
            _ if native => Draft { plan: Plan::Codes(levels), n_missing, remark },
            2 if is_boolean => Draft { plan: Plan::Boolean(levels), n_missing, remark },
            n => match self.params.categories {
                Categories::OneHot => Draft { plan: Plan::OneHot(levels), n_missing, remark },
                Categories::Auto if n <= self.params.max_one_hot_levels => {
                    Draft { plan: Plan::OneHot(levels), n_missing, remark }
                }
                _ => self.rarity(levels, n_missing),
            },
        }
    }

    fn rarity(&self, levels: Levels, n_missing: usize) -> Draft {
        let n_levels = levels.len();
        if levels.are_even() {
            let remark = Some(Remark::Even { n_levels });
            return Draft { plan: Plan::Even(levels), n_missing, remark };
        }
        let repeat = |(rarity, &count): (f64, &u64)| std::iter::repeat_n(rarity, count as usize);
        let mut rows: Vec<f64> = levels.rarities().into_iter().zip(&levels.counts).flat_map(repeat).collect();
        match Scaler::fit(&mut rows, self.params.scale) {
            Some(fitted) => {
                let remark = Some(Remark::Rarity { n_levels });
                Draft { plan: Plan::Rarity(levels, fitted.scaler), n_missing, remark }
            }
            // Counts so large that their shares differ by less than a rounding step.
            None => Draft { plan: Plan::Even(levels), n_missing, remark: Some(Remark::Even { n_levels }) },
        }
    }

    fn times(&self, cells: &[i64]) -> Draft {
        let present: Vec<i64> = cells.iter().copied().filter(|&t| t != i64::MIN).collect();
        let n_missing = cells.len() - present.len();
        let Some(&first) = present.first() else { return self.empty() };
        match Times::fit(&present, self.params.scale) {
            Some((times, by_deviation)) => {
                let remark = by_deviation.then_some(Remark::ByDeviation);
                Draft { plan: Plan::Times(times), n_missing, remark }
            }
            None => self.constant(Cell::Time(first), n_missing, ColumnData::Times(vec![first]).text(0)),
        }
    }

    fn empty(&self) -> Draft {
        Draft { plan: Plan::Empty, n_missing: self.n_rows, remark: Some(Remark::Empty) }
    }

    fn constant(&self, cell: Cell, n_missing: usize, text: String) -> Draft {
        Draft { plan: Plan::Constant(cell), n_missing, remark: Some(Remark::Constant { text, n_missing }) }
    }

    /// Where some values were missing: a feature for that, unless the method sees it in the column itself.
    fn indicator(&self, draft: &Draft) -> Option<Indicator> {
        let in_column = match draft.plan {
            Plan::Codes(_) | Plan::Empty | Plan::Twin(_) | Plan::Omitted => true,
            Plan::Constant(_) | Plan::Even(_) => false,
            _ => self.params.keeps_missing(self.wants),
        };
        if draft.n_missing == 0 || in_column {
            return None;
        }
        Some(match self.params.scale {
            Scale::MinMax | Scale::None => Indicator { present: 0.0, missing: 1.0 },
            Scale::Span | Scale::Robust | Scale::Standard => {
                let share = draft.n_missing as f64 / self.n_rows as f64;
                let unit = (share * (1.0 - share)).sqrt();
                let scaled = |v: f64| ((v - share) / unit).clamp(-INDICATOR_LIMIT, INDICATOR_LIMIT) as f32;
                Indicator { present: scaled(0.0), missing: scaled(1.0) }
            }
        })
    }
}
