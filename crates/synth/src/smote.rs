//! Rows between those of a rare class: SMOTE, and SMOTE-NC where columns are categories.
//!
//! # Idea
//! A learner that sees few rows of a class and many of the other learns the few by heart. New rows on the straight
//! lines between neighbours of the rare class fill the region where it lives; leaving out some of the common class
//! makes the two alike in number.
//!
//! # Equations
//! For a row `x` of the rare class and one of its `k` nearest rows `y` of the same class, drawn at random, with `u` uniform
//! between 0 and 1: the new row is `x + u (y - x)` in numbers and times. A category is the commonest level of the `k`
//! neighbours. Distances are Euclidean over columns divided by their deviation in the rare class; a category that
//! differs adds the square of the median of these deviations, which is 1 after the division.
//!
//! Of the common class a random share `keep` stays. New rows are made until the rare class makes up `share` of both.
//!
//! # Complexity
//! O(m d) memory and a neighbour search among the m rows of the rare class; a category counts as many columns as it
//! has levels there.
//!
//! # Use when / Avoid when
//! To learn from labelled rows of which few are anomalous. Never on rows that measure how good the learner is: split
//! first. Avoid where the rare class has no regions, so that lines between its rows cross what is normal.
//!
//! # Differences
//! - Columns are measured by their deviation; the paper leaves the unit to the user.
//! - One `u` per new row, as the text of the paper and imbalanced-learn have it; the paper's listing draws one per column,
//!   which leaves the line.
//! - Every row is the base of as many new rows as any other, up to one; imbalanced-learn draws bases at random.
//! - Fewer rows than `n_neighbors + 1` use the neighbours there are.
//! - Where levels are equally common among neighbours, the row's own level wins if it is one of them, else that of the
//!   nearest.
//! - A missing number is the mean for distances; a new cell between a missing and a known one is that of the nearer end.
//!
//! # References
//! - Chawla, Bowyer, Hall, Kegelmeyer 2002, SMOTE: synthetic minority over-sampling technique, JAIR 16, sections 4 and 6.1.
//!   doi:10.1613/jair.953
//!
//! # Example
//! ```
//! use anomalyst_core::{Label, Run, Table};
//! use anomalyst_synth::{Smote, smote};
//! let mut table = Table::from_matrix(&ndarray::Array2::from_shape_fn((20, 2), |(i, j)| (i * (j + 2) % 7) as f64));
//! table.labels = Some((0..20).map(|i| if i % 5 == 0 { Label::Anomalous } else { Label::Normal }).collect());
//! let (made, _) = smote(&table, &Smote::default(), &Run::new(0)).unwrap();
//! assert_eq!(made.table.n_rows, 32); // 16 of each class
//! assert_eq!(made.is_new.iter().filter(|is_new| **is_new).count(), 12);
//! ```

use anomalyst_core::{
    Column, ColumnData, Error, Label, NoticeKind, Notices, Random, Result, Run, Table, Tally,
};
use anomalyst_kernels::draw::{below, uniform};
use anomalyst_kernels::neighbors::{NeighborIndex, Skip};
use anomalyst_kernels::stats::Moments;
use ndarray::{Array2, ArrayView1};
use rand::seq::index;
use rustc_hash::FxHashMap;

use crate::rows::{append, check_memory, labelled, with_cells};

/// The random stream of what is kept and made.
const STREAM: u64 = 2 << 32;
/// The largest share of a class that was rare.
const MOST_SHARE: f64 = 0.9;

/// How many rows are made and kept.
#[derive(Clone, Copy, Debug)]
pub struct Smote {
    /// Neighbours between which and a row new rows may lie.
    pub n_neighbors: usize,
    /// The share of the rare class among labelled rows afterwards.
    pub share: f64,
    /// The share of the common class that stays.
    pub keep: f64,
}

impl Default for Smote {
    fn default() -> Self {
        Self { n_neighbors: 5, share: 0.5, keep: 1.0 }
    }
}

/// A table with rows that were made.
#[derive(Clone, Debug)]
pub struct Oversampled {
    /// The rows that stay, in their order, then the new ones; with labels.
    pub table: Table,
    /// Whether each row was made.
    pub is_new: Vec<bool>,
    /// The class that was rare.
    pub rare: Label,
}

/// Makes rows of the rarer class of a labelled table, and thins out the other. Rows of unknown class stay.
pub fn smote(table: &Table, params: &Smote, run: &Run) -> Result<(Oversampled, Notices)> {
    params.check()?;
    let (table, mut notices) = with_cells(table)?;
    let labels = table.labels.clone().ok_or_else(|| {
        Error::Data(
            "SMOTE needs labels; name the column that says which rows are anomalous with --label".into(),
        )
    })?;
    let of = |wanted: Label| -> Vec<usize> { (0..table.n_rows).filter(|&i| labels[i] == wanted).collect() };
    let (normal, anomalous) = (of(Label::Normal), of(Label::Anomalous));
    let (rare, minority, majority) = if normal.len() < anomalous.len() {
        (Label::Normal, normal, anomalous)
    } else {
        (Label::Anomalous, anomalous, normal)
    };
    if minority.len() < 2 {
        return Err(Error::TooFewItems {
            what: "SMOTE of the rarer class".into(),
            got: minority.len(),
            need: 2,
        });
    }
    let mut random = run.random(STREAM);
    let n_kept = ((params.keep * majority.len() as f64).round() as usize).clamp(1, majority.len());
    let n_new = params.n_new(minority.len(), n_kept)?;
    check_memory(table.n_rows + n_new, table.columns.len(), run)?;

    let made = make(&table, &minority, (params.n_neighbors, n_new), &mut random, &mut notices, run)?;
    let mut stays = vec![true; table.n_rows];
    majority.iter().for_each(|&row| stays[row] = false);
    index::sample(&mut random, majority.len(), n_kept).into_iter().for_each(|i| stays[majority[i]] = true);
    let rows: Vec<usize> = (0..table.n_rows).filter(|&row| stays[row]).collect();
    let mut labels: Vec<Label> = rows.iter().map(|&row| labels[row]).collect();
    labels.extend(std::iter::repeat_n(rare, n_new));
    if n_kept < majority.len() {
        let tally = Tally { n: (majority.len() - n_kept) as u64, of: majority.len() as u64 };
        notices
            .counted(NoticeKind::Info, None, tally, |rows| format!("{rows} of the commoner class left out"));
    }
    let mut all = append(table.take(&rows), made, n_new, "new");
    all.labels = Some(labels);
    Ok((
        Oversampled { is_new: (0..all.n_rows).map(|i| i >= rows.len()).collect(), table: all, rare },
        notices,
    ))
}

impl Oversampled {
    /// The columns, then `label` (0 or 1) and `origin` (`observed` or `smote`); ids first, in a column of that name.
    pub fn into_labelled(self, id: &str) -> Result<Table> {
        let words: Vec<&str> =
            self.is_new.iter().map(|&new| if new { "smote" } else { "observed" }).collect();
        labelled(self.table, id, ("origin", &words))
    }
}

impl Smote {
    fn check(&self) -> Result<()> {
        let bad =
            |name: &str, got: String, want: String| Err(Error::BadParameter { name: name.into(), got, want });
        if !(self.share > 0.0 && self.share <= MOST_SHARE) {
            return bad("share", self.share.to_string(), format!("above 0 and at most {MOST_SHARE}"));
        }
        if !(self.keep > 0.0 && self.keep <= 1.0) {
            return bad("keep", self.keep.to_string(), "above 0 and at most 1".into());
        }
        if self.n_neighbors == 0 || self.n_neighbors > 10_000 {
            return bad("n_neighbors", self.n_neighbors.to_string(), "1 to 10000".into());
        }
        Ok(())
    }

    /// How many rows are missing to the share.
    fn n_new(&self, n_rare: usize, n_common: usize) -> Result<usize> {
        let wanted = (self.share * n_common as f64 / (1.0 - self.share)).round() as usize;
        wanted.checked_sub(n_rare).ok_or_else(|| {
            let now = n_rare as f64 / (n_rare + n_common) as f64;
            Error::BadParameter {
                name: "share".into(),
                got: self.share.to_string(),
                want: format!("at least {now:.4}, which the rarer class has already; ask for more, or keep more of the other class"),
            }
        })
    }
}

/// `n` new rows between those at `minority`.
fn make(
    table: &Table,
    minority: &[usize],
    (n_neighbors, n): (usize, usize),
    random: &mut Random,
    notices: &mut Notices,
    run: &Run,
) -> Result<Vec<ColumnData>> {
    let rare: Vec<Column> = table
        .columns
        .iter()
        .map(|c| Column { name: c.name.clone(), kind: c.kind, data: c.data.take(minority) })
        .collect();
    let points = points(&rare, minority.len(), run)?;
    let index = NeighborIndex::new(points.view())?;
    let neighbors = index.search(points.view(), n_neighbors, Skip::SameIndex, run)?.indices;
    if neighbors.ncols() < n_neighbors {
        notices.info(
            None,
            format!(
                "{} rows of the rarer class have {} neighbours, not {n_neighbors}",
                minority.len(),
                neighbors.ncols()
            ),
        );
    }
    // Every row is a base equally often, up to one.
    let mut bases: Vec<usize> = (0..n - n % minority.len()).map(|i| i % minority.len()).collect();
    bases.extend(index::sample(random, minority.len(), n % minority.len()));
    let between =
        |base: usize| (base, neighbors[[base, below(random, neighbors.ncols())]] as usize, uniform(random));
    let steps: Vec<(usize, usize, f64)> = bases.into_iter().map(between).collect();
    run.check()?;
    Ok(rare.iter().map(|column| cells(&column.data, &steps, &neighbors)).collect())
}

/// Rows in which Euclidean distance is that of the page.
fn points(rare: &[Column], n: usize, run: &Run) -> Result<Array2<f32>> {
    let mut columns: Vec<Vec<f32>> = Vec::new();
    for column in rare {
        match &column.data {
            ColumnData::Numbers(cells) => columns.push(standard(cells.iter().copied())),
            ColumnData::Times(cells) => {
                columns
                    .push(standard(cells.iter().map(|&t| if t == i64::MIN { f64::NAN } else { t as f64 })));
            }
            ColumnData::Codes { codes, .. } => {
                let mut places: FxHashMap<u32, usize> = FxHashMap::default();
                for &code in codes {
                    let next = places.len();
                    places.entry(code).or_insert(next);
                }
                check_memory(n, columns.len() + places.len(), run)?;
                let first = columns.len();
                columns.resize_with(first + places.len(), || vec![0.0; n]);
                // Two levels that differ are two columns that differ by this: 1 together.
                let at = std::f32::consts::FRAC_1_SQRT_2;
                (0..).zip(codes).for_each(|(row, code): (usize, _)| columns[first + places[code]][row] = at);
            }
            ColumnData::Omitted => {}
        }
    }
    Ok(Array2::from_shape_fn((n, columns.len()), |(i, j)| columns[j][i]))
}

/// Divided by the deviation; 0 where missing, and everywhere in a column of one value.
fn standard(cells: impl Iterator<Item = f64> + Clone) -> Vec<f32> {
    let moments: Moments = cells.clone().filter(|v| !v.is_nan()).collect();
    let (mean, std_dev) = (moments.mean(), moments.std_dev());
    let unit = if std_dev.is_normal() { 1.0 / std_dev } else { 0.0 };
    cells.map(|v| if v.is_nan() { 0.0 } else { ((v - mean) * unit) as f32 }).map(finite).collect()
}

fn finite(v: f32) -> f32 {
    if v.is_finite() { v } else { 0.0 }
}

/// The cells of new rows, each a share of the way from one row to another.
fn cells(data: &ColumnData, steps: &[(usize, usize, f64)], neighbors: &Array2<u32>) -> ColumnData {
    match data {
        ColumnData::Numbers(cells) => {
            let between = |&(from, to, share): &(usize, usize, f64)| {
                let (from, to) = (cells[from], cells[to]);
                if from.is_nan() || to.is_nan() {
                    return if share < 0.5 { from } else { to };
                }
                // Weights instead of a difference, which could overflow; held between the ends against rounding.
                ((1.0 - share) * from + share * to).clamp(from.min(to), from.max(to))
            };
            ColumnData::Numbers(steps.iter().map(between).collect())
        }
        ColumnData::Times(cells) => {
            let between = |&(from, to, share): &(usize, usize, f64)| {
                let (from, to) = (cells[from], cells[to]);
                if from == i64::MIN || to == i64::MIN {
                    return if share < 0.5 { from } else { to };
                }
                from.saturating_add((share * to.saturating_sub(from) as f64) as i64)
                    .clamp(from.min(to), from.max(to))
            };
            ColumnData::Times(steps.iter().map(between).collect())
        }
        ColumnData::Codes { codes, levels } => {
            let new = steps.iter().map(|&(from, ..)| commonest(codes, from, neighbors.row(from))).collect();
            ColumnData::Codes { codes: new, levels: levels.clone() }
        }
        ColumnData::Omitted => ColumnData::Omitted,
    }
}

/// The level that most of the neighbours have.
fn commonest(codes: &[u32], from: usize, neighbors: ArrayView1<'_, u32>) -> u32 {
    let of = |&neighbor: &u32| codes[neighbor as usize];
    let mut counts: FxHashMap<u32, usize> = FxHashMap::default();
    neighbors.iter().for_each(|neighbor| *counts.entry(of(neighbor)).or_default() += 1);
    let most = counts.values().copied().max().unwrap_or(0);
    let is_most = |level: &u32| counts.get(level) == Some(&most);
    Some(codes[from])
        .filter(is_most)
        .or_else(|| neighbors.iter().map(of).find(is_most))
        .unwrap_or(codes[from])
}

#[cfg(test)]
mod tests;
