//! The smallest change found under which a row would be normal.
//!
//! Greedy: of the eight columns with the largest shares, cells are replaced one after the other, each by the value
//! of the nearest normal row or else the typical one, whichever lowers the score most, until it is below the
//! threshold. Then changes that turn out not to be needed are taken back, and what remains of numbers and times is
//! moved back towards the row's own values by bisection. A smaller change may exist; none is claimed not to.

use anomalyst_core::{Change, ColumnData, Counterfactual, Result, Run, Table};

use crate::ablation::oddest_columns;
use crate::cells::{Cell, cell, number_text};
use crate::subject::{Subject, Variant, score_variants};
use crate::usual::{ColumnUsual, Values};
use crate::view::View;

/// Cells that may be changed.
const MAX_CHANGES: usize = 8;
/// Halvings of a change: what remains is within 1/256 of the smallest that works.
const N_HALVINGS: usize = 8;

/// What the search works on.
pub(crate) struct Search<'a> {
    pub(crate) subject: &'a dyn Subject,
    pub(crate) view: &'a View<'a>,
    pub(crate) block: &'a Table,
    pub(crate) threshold: f32,
}

/// One row on its way to normal. All rows of a block move in step, so that each step is one table to score.
struct Path {
    row: usize,
    score: f32,
    /// Columns still to try, the most promising first.
    candidates: Vec<usize>,
    changes: Vec<(usize, Cell)>,
}

impl Search<'_> {
    /// One answer per row of the block. `own` are the subject's scores of the unchanged rows, `ranked` their columns
    /// by share, `nearest` the sample rows most like them. `None` where nothing was found, or where the row is
    /// already below the threshold as a new row.
    pub(crate) fn run(
        &self,
        own: &[f32],
        ranked: &[Vec<(usize, f32)>],
        nearest: &[Option<usize>],
        run: &Run,
    ) -> Result<Vec<Option<Counterfactual>>> {
        let mut paths: Vec<Path> = (0..self.block.n_rows)
            .filter(|&row| own[row] >= self.threshold)
            .map(|row| {
                let candidates = self.candidates(row, &ranked[row]);
                Path { row, score: own[row], candidates, changes: Vec::new() }
            })
            .collect();
        self.grow(&mut paths, nearest, run)?;
        paths.retain(|path| path.score < self.threshold);
        self.prune(&mut paths, run)?;
        self.shrink(&mut paths, run)?;
        let mut found = vec![None; self.block.n_rows];
        for path in paths {
            found[path.row] = Some(self.told(&path));
        }
        Ok(found)
    }

    /// Known columns by share, then by how unusual the cell is.
    fn candidates(&self, row: usize, ranked: &[(usize, f32)]) -> Vec<usize> {
        let by_share = ranked.iter().map(|&(column, _)| column);
        let mut columns: Vec<usize> =
            by_share.filter(|&column| self.view.known[column].is_some()).take(MAX_CHANGES).collect();
        for column in oddest_columns(self.view, self.block, row) {
            if columns.len() < MAX_CHANGES && !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns
    }

    /// Adds one change per round to every path that is not there yet.
    fn grow(&self, paths: &mut [Path], nearest: &[Option<usize>], run: &Run) -> Result<()> {
        for _ in 0..MAX_CHANGES {
            let mut variants = Vec::new();
            let mut owners = Vec::new();
            for (i, path) in paths.iter().enumerate().filter(|(_, path)| path.score >= self.threshold) {
                for &column in &path.candidates {
                    for cell in self.donors(path.row, column, nearest[path.row]) {
                        let mut changes = path.changes.clone();
                        changes.push((column, cell));
                        variants.push(Variant { row: path.row, changes });
                        owners.push(i);
                    }
                }
            }
            if variants.is_empty() {
                return Ok(());
            }
            let scores = score_variants(self.subject, self.block, &variants, run)?;
            let mut at = 0;
            while at < owners.len() {
                let end = at + owners[at..].iter().take_while(|&&owner| owner == owners[at]).count();
                let low = scores[at..end].iter().position(|&score| score < self.threshold);
                let best =
                    low.or_else(|| (0..end - at).min_by(|&a, &b| scores[at + a].total_cmp(&scores[at + b])));
                if let Some(best) = best.map(|best| at + best) {
                    let path = &mut paths[owners[at]];
                    path.changes = variants[best].changes.clone();
                    path.score = scores[best];
                    path.candidates.retain(|c| path.changes.iter().all(|(changed, _)| changed != c));
                }
                at = end;
            }
        }
        Ok(())
    }

    /// What the cell may become: the nearest normal row's value, then the typical one.
    fn donors(&self, row: usize, column: usize, nearest: Option<usize>) -> Vec<Cell> {
        let (Some(known), Some(own)) =
            (&self.view.known[column], cell(&self.block.columns[column].data, row))
        else {
            return Vec::new();
        };
        let mut donors: Vec<Cell> = Vec::with_capacity(2);
        let near = nearest.and_then(|at| known.sample.get(at).copied());
        for donor in near.into_iter().chain([known.typical]).map(shown) {
            if !donor.same(own) && !donors.iter().any(|other| other.same(donor)) {
                donors.push(donor);
            }
        }
        donors
    }

    /// Takes back one change per round while the row stays normal without it.
    fn prune(&self, paths: &mut [Path], run: &Run) -> Result<()> {
        for _ in 1..MAX_CHANGES {
            let mut variants = Vec::new();
            let mut owners = Vec::new();
            for (i, path) in paths.iter().enumerate().filter(|(_, path)| path.changes.len() > 1) {
                for left_out in 0..path.changes.len() {
                    let mut changes = path.changes.clone();
                    changes.remove(left_out);
                    variants.push(Variant { row: path.row, changes });
                    owners.push(i);
                }
            }
            if variants.is_empty() {
                return Ok(());
            }
            let scores = score_variants(self.subject, self.block, &variants, run)?;
            let mut pruned = false;
            for ((variant, score), owner) in variants.into_iter().zip(scores).zip(owners) {
                let path = &mut paths[owner];
                let fewer = variant.changes.len() < path.changes.len();
                if score < self.threshold && (fewer || score < path.score) {
                    (path.changes, path.score, pruned) = (variant.changes, score, true);
                }
            }
            if !pruned {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Moves changed numbers and times back towards the row's own by the same share, as far as the row stays normal.
    fn shrink(&self, paths: &mut [Path], run: &Run) -> Result<()> {
        let full: Vec<Vec<(usize, Cell)>> = paths.iter().map(|path| path.changes.clone()).collect();
        let mut bounds = vec![(0.0, 1.0); paths.len()];
        for _ in 0..N_HALVINGS {
            let mut variants = Vec::new();
            let mut owners = Vec::new();
            for (i, path) in paths.iter().enumerate() {
                let share = (bounds[i].0 + bounds[i].1) / 2.0;
                let moved =
                    |&(column, to): &(usize, Cell)| (column, self.between(path.row, column, to, share));
                let changes: Vec<(usize, Cell)> = full[i].iter().map(moved).collect();
                if changes != path.changes {
                    variants.push(Variant { row: path.row, changes });
                    owners.push(i);
                }
            }
            if variants.is_empty() {
                return Ok(());
            }
            let scores = score_variants(self.subject, self.block, &variants, run)?;
            for ((variant, score), i) in variants.into_iter().zip(scores).zip(owners) {
                let share = (bounds[i].0 + bounds[i].1) / 2.0;
                if score < self.threshold {
                    bounds[i].1 = share;
                    (paths[i].changes, paths[i].score) = (variant.changes, score);
                } else {
                    bounds[i].0 = share;
                }
            }
        }
        Ok(())
    }

    /// `share` of the way from the row's own cell to `to`, as precise as the column's values are.
    fn between(&self, row: usize, column: usize, to: Cell, share: f64) -> Cell {
        let own = cell(&self.block.columns[column].data, row);
        let (Some(known), Some(from), Some(number)) =
            (&self.view.known[column], own.and_then(Cell::number), to.number())
        else {
            return to;
        };
        let step = grid(known.usual);
        let moved = from + (number - from) * share;
        let on_grid = (moved / step).round() * step;
        if !on_grid.is_finite() {
            return to;
        }
        match to {
            Cell::Time(_) => Cell::Time(on_grid as i64),
            _ => shown(Cell::Number(on_grid)),
        }
    }

    fn told(&self, path: &Path) -> Counterfactual {
        let change = |&(column, to): &(usize, Cell)| {
            let data: &ColumnData = &self.block.columns[column].data;
            Change {
                column: self.block.columns[column].name.clone(),
                from: cell(data, path.row).map_or_else(String::new, |from| self.view.text(column, from)),
                to: self.view.text(column, to),
            }
        };
        Counterfactual { changes: path.changes.iter().map(change).collect(), score: path.score }
    }
}

/// The cell that the text of `cell` means: what is shown is what was scored.
fn shown(cell: Cell) -> Cell {
    match cell {
        Cell::Number(v) if !v.is_nan() => Cell::Number(number_text(v).parse().unwrap_or(v)),
        other => other,
    }
}

/// The step between values as a person would choose it: decimals or whole days where the column has those, otherwise
/// a thousandth of the usual range.
fn grid(usual: &ColumnUsual) -> f64 {
    let all = |points: &[f64], unit: f64| points.iter().all(|v| (v / unit).round() * unit == *v);
    match &usual.values {
        Values::Times(points) => {
            let units = [86_400e6, 3_600e6, 60e6, 1e6];
            units.into_iter().find(|&unit| all(points, unit)).unwrap_or(1.0)
        }
        Values::Numbers(points) if !all(points, 1.0) => {
            let decimals = |v: f64, scale: f64| ((v * scale).round() / scale - v).abs() <= 1e-12 * v.abs();
            let fits = |scale: &f64| points.iter().all(|&v| decimals(v, *scale));
            let range = usual.range().map_or(0.0, |[low, _, high]| high - low);
            let fine = || 10.0_f64.powf((range / 1000.0).log10().floor()).max(f64::MIN_POSITIVE);
            [10.0, 100.0, 1e3, 1e4].into_iter().find(fits).map_or_else(fine, |scale| 1.0 / scale)
        }
        _ => 1.0,
    }
}
