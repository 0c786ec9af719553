//! The features themselves, in blocks of rows.

use anomalyst_core::{MISSING_CODE, Result, Run, UNSEEN_CODE};
use rayon::prelude::*;

use super::bind::Cells;
use super::column::{FittedColumn, Indicator, Plan};
use super::numbers::Scaler;

/// About this many bytes of features are made at a time, so that they stay in a core's cache.
const BLOCK_BYTES: usize = 1 << 17;

/// How features are made of cells.
pub(super) struct Writer<'a> {
    pub(super) columns: &'a [FittedColumn],
    pub(super) cells: &'a [Cells<'a>],
    /// Missing numbers stay `NaN`.
    pub(super) keeps_missing: bool,
    /// See `Scale::swing`.
    pub(super) swing: f64,
}

impl Writer<'_> {
    /// The number features, row after row.
    pub(super) fn values(&self, n_rows: usize, run: &Run) -> Result<Vec<f32>> {
        let width: usize = self.columns.iter().map(FittedColumn::n_values).sum();
        let mut out = vec![0.0_f32; n_rows * width];
        if width == 0 {
            return Ok(out);
        }
        let block_rows = (BLOCK_BYTES / 4 / width).max(1);
        out.par_chunks_mut(block_rows * width).enumerate().try_for_each(|(block, out)| {
            run.check()?;
            let mut at = 0;
            for (column, cells) in self.columns.iter().zip(self.cells) {
                let n_values = column.n_values();
                if n_values > 0 {
                    let slots = Slots { out, width, at, n_values, first_row: block * block_rows };
                    self.column(column, cells, slots);
                }
                at += n_values;
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// The codes, row after row.
    pub(super) fn codes(&self, n_rows: usize, run: &Run) -> Result<Vec<u32>> {
        let of_codes = |(column, cells)| FittedColumn::has_codes(column).then_some(cells);
        let cells: Vec<&Cells<'_>> = self.columns.iter().zip(self.cells).filter_map(of_codes).collect();
        let mut out = vec![0_u32; n_rows * cells.len()];
        if cells.is_empty() {
            return Ok(out);
        }
        let block_rows = (BLOCK_BYTES / 4 / cells.len()).max(1);
        out.par_chunks_mut(block_rows * cells.len()).enumerate().try_for_each(|(block, out)| {
            run.check()?;
            for (row, out) in (block * block_rows..).zip(out.chunks_exact_mut(cells.len())) {
                out.iter_mut().zip(&cells).for_each(|(out, cells)| *out = cells.code(row));
            }
            Ok(())
        })?;
        Ok(out)
    }

    fn column(&self, column: &FittedColumn, cells: &Cells<'_>, slots: Slots<'_>) {
        let indicator = column.indicator;
        match (&column.plan, cells) {
            (Plan::Number(scaler), Cells::Numbers(numbers)) => {
                let blank = self.blank(scaler.fill);
                slots.fill(indicator, |row, out| {
                    let cell = numbers[row];
                    out[0] = if cell.is_finite() { scaler.feature(cell) } else { blank };
                    !cell.is_finite()
                });
            }
            (Plan::Times(times), Cells::Times(cells)) => slots.fill(indicator, |row, out| {
                let is_missing = cells[row] == i64::MIN;
                match is_missing {
                    false => times.write(cells[row], self.swing, out),
                    true if self.keeps_missing => out.fill(f32::NAN),
                    true => times.write_fill(out),
                }
                is_missing
            }),
            (Plan::Times(times), _) => slots.fill(indicator, |_, out| {
                if self.keeps_missing {
                    out.fill(f32::NAN)
                } else {
                    times.write_fill(out)
                }
                true
            }),
            (Plan::Number(scaler), _) => {
                let blank = self.blank(scaler.fill);
                slots.fill(indicator, |_, out| {
                    out[0] = blank;
                    true
                });
            }
            (Plan::OneHot(levels), _) => slots.fill(indicator, |row, out| {
                let code = cells.code(row);
                out.fill(if code == MISSING_CODE { self.blank(0.0) } else { 0.0 });
                if (code as usize) < levels.len() {
                    out[code as usize] = 1.0;
                }
                code == MISSING_CODE
            }),
            (Plan::Rarity(levels, scaler), _) => {
                self.looked_up(&rarities(levels.rarities(), scaler), scaler.fill, cells, indicator, slots);
            }
            (Plan::Boolean(levels), _) => {
                let states = [0.0, self.swing as f32, (self.swing / 2.0) as f32];
                let fill = if levels.counts[1] > levels.counts[0] { states[1] } else { states[0] };
                self.looked_up(&states, fill, cells, indicator, slots);
            }
            // Only the indicator.
            (_, Cells::Numbers(cells)) => slots.fill(indicator, |row, _| !cells[row].is_finite()),
            (_, Cells::Times(cells)) => slots.fill(indicator, |row, _| cells[row] == i64::MIN),
            (_, _) => slots.fill(indicator, |row, _| cells.code(row) == MISSING_CODE),
        }
    }

    /// One feature per level; the last of `features` is that of unseen levels.
    fn looked_up(
        &self,
        features: &[f32],
        fill: f32,
        cells: &Cells<'_>,
        indicator: Option<Indicator>,
        slots: Slots<'_>,
    ) {
        let blank = self.blank(fill);
        let unseen = features.last().copied().unwrap_or(blank);
        slots.fill(indicator, |row, out| {
            let code = cells.code(row);
            out[0] = match code {
                MISSING_CODE => blank,
                UNSEEN_CODE => unseen,
                code => features.get(code as usize).copied().unwrap_or(unseen),
            };
            code == MISSING_CODE
        });
    }

    fn blank(&self, fill: f32) -> f32 {
        if self.keeps_missing { f32::NAN } else { fill }
    }
}

fn rarities(rarities: Vec<f64>, scaler: &Scaler) -> Vec<f32> {
    rarities.into_iter().map(|rarity| scaler.feature(rarity)).collect()
}

/// Where a column's features stand in a block of rows.
struct Slots<'a> {
    out: &'a mut [f32],
    width: usize,
    at: usize,
    n_values: usize,
    first_row: usize,
}

impl Slots<'_> {
    /// Lets `write` fill each row's features; it says whether the value is missing.
    fn fill(self, indicator: Option<Indicator>, write: impl Fn(usize, &mut [f32]) -> bool) {
        let n_plan = self.n_values - usize::from(indicator.is_some());
        for (row, out) in (self.first_row..).zip(self.out.chunks_exact_mut(self.width)) {
            let out = &mut out[self.at..self.at + self.n_values];
            let is_missing = write(row, &mut out[..n_plan]);
            if let Some(indicator) = indicator {
                out[n_plan] = if is_missing { indicator.missing } else { indicator.present };
            }
        }
    }
}
