//! Plants anomalies of known kinds into normal rows.
//!
//! # Idea
//! A set-up can be tested on its own data when odd rows are put there on purpose and their labels are kept. Planted
//! rows are drawn from what was learned of the normal ones, so that they differ in one way only.
//!
//! # Equations
//! Clouds `(p_k, m_k, S_k)` are a Gaussian mixture of full covariances whose number, 1 to 9, has the least criterion of
//! Schwarz; `l` and `h` are the least and greatest value of a column; `a` is the factor.
//! - local: `N(m_k, a S_k)`, `a = 5`
//! - cluster: `N(l + a (m_k - l), S_k)`, `a = 5`
//! - global: uniform between `(l + h) / 2 - a (h - l) / 2` and `(l + h) / 2 + a (h - l) / 2`, `a = 1.1`
//! - dependency: every column drawn from its own observed cells, independently
//!
//! Each planted row has a host, a normal row drawn at random, and is missing what its host is missing. Local and cluster
//! rows come from a cloud drawn by its share in the host, and take the host's categories and times, so that a level
//! stays with the cloud it belongs to. Global rows take any observed level and any time in the range. Dependency rows
//! take every cell, missing ones too, from a row of its own.
//!
//! The share is exact: of `n` normal rows and share `s`, `round(s n / (1 - s))` rows are planted, at least one. In
//! tables they stand at random places; several kinds get equal parts.
//!
//! # Complexity
//! Local and cluster O(k r d^2) for each of r rounds on at most 10,000 rows, k up to 9, and O(d^2) per planted row;
//! the others O(d) per row.
//!
//! # Use when / Avoid when
//! To compare methods, thresholds and encoders on the user's own data before real anomalies are known. What is found
//! among planted rows says nothing about anomalies of another nature. Dependency anomalies do not differ where columns
//! are independent; cluster anomalies not where all rows are equal.
//!
//! # Differences
//! - Normal rows are the given ones. The paper draws them from the mixture or, for dependency, from a vine copula.
//! - ADBench multiplies the least and greatest value by 1.1, and means by 5, as they are, so that anomalies change with
//!   the origin of the unit: a range from 100 to 200 becomes 110 to 220, and means of 0 do not move. Here ranges grow
//!   about their middle, which is the same for ranges about 0, and means move away from the least value, which is the
//!   same for columns that begin at 0.
//! - Dependency draws observed cells; ADBench draws from kernel densities of each column, which also widens the columns
//!   and makes values that no row has.
//! - Numbers are rounded to the decimals of their column; columns of one value keep it.
//! - The search for the number of clouds ends after two numbers without improvement.
//!
//! # References
//! - Han, Hu, Huang, Jiang, Zhao 2022, ADBench: Anomaly Detection Benchmark, NeurIPS, section 3.3. arXiv:2206.09426
//! - Steinbuss, Boehm 2021, Benchmarking unsupervised outlier detection with realistic synthetic data, ACM TKDD 15(4).
//!   doi:10.1145/3441453
//!
//! # Example
//! ```
//! use anomalyst_core::{Label, Run};
//! use anomalyst_synth::{Kind, plant};
//! let rows = ndarray::Array2::from_shape_fn((95, 2), |(i, j)| ((i * (7 + j)) % 19) as f32);
//! let (values, labels) = plant(rows.view(), Kind::Global, 0.05, &Run::new(0)).unwrap();
//! assert_eq!(values.nrows(), 100);
//! assert_eq!(labels.iter().filter(|label| **label == Label::Anomalous).count(), 5);
//! ```

use anomalyst_core::{
    ColumnData, Error, Label, MISSING_CODE, NoticeKind, Notices, Random, Result, Run, Table, Tally,
};
use anomalyst_kernels::draw::{below, uniform};
use anomalyst_kernels::stats::Moments;
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::seq::{SliceRandom, index};

use crate::Kind;
use crate::rows::{append, check_memory, decimals, extend, labelled, round, time_unit, with_cells};
use crate::source::Source;

/// Above this share, planted rows would be what is normal.
const MOST_SHARE: f64 = 0.5;
/// Random streams of planted rows begin here, away from those of the search for clouds.
const STREAM: u64 = 1 << 32;

/// What to plant into a table.
#[derive(Clone, Debug)]
pub struct Planting {
    /// The kinds, in equal parts.
    pub kinds: Vec<Kind>,
    /// The share of planted rows among all rows of the result.
    pub share: f64,
    /// Instead of each kind's published strength ([`Kind::default_factor`]).
    pub factor: Option<f64>,
}

/// A table with planted rows.
#[derive(Clone, Debug)]
pub struct Planted {
    /// All rows, with labels; columns that were not read are left out.
    pub table: Table,
    /// What each row is: `None` for the normal rows.
    pub kinds: Vec<Option<Kind>>,
}

/// The rows of `values`, then planted rows of `kind` that make up the share `share` of all; and what each row is.
///
/// `NaN` is missing. For checking a detector on the features it would learn from.
pub fn plant(
    values: ArrayView2<'_, f32>,
    kind: Kind,
    share: f64,
    run: &Run,
) -> Result<(Array2<f32>, Vec<Label>)> {
    let n = values.nrows();
    let n_planted = n_planted(n, share)?;
    check_memory(n_planted, values.ncols(), run)?;
    let mut random = run.random(STREAM);
    let hosts: Vec<usize> = (0..n_planted).map(|_| below(&mut random, n)).collect();
    let planted = Source::fit(values, kind, None, run)?.draw(&hosts, &mut random, run)?;
    let all = concatenate(Axis(0), &[values, planted.view()])
        .map_err(|e| Error::Data(format!("planted rows: {e}")))?;
    let labels = (0..n + n_planted).map(|i| if i < n { Label::Normal } else { Label::Anomalous }).collect();
    Ok((all, labels))
}

/// The normal rows of `table`, in their order, with planted rows between them. Rows labelled anomalous are left out:
/// they would be of another kind.
pub fn plant_table(table: &Table, planting: &Planting, run: &Run) -> Result<(Planted, Notices)> {
    planting.check()?;
    let (table, mut notices) = with_cells(table)?;
    let normal = normal_rows(table, &mut notices);
    let n = normal.n_rows;
    let n_planted = n_planted(n, planting.share)?;
    check_memory(n + n_planted, normal.columns.len(), run)?;
    let (units, values) = standardised(&normal);
    let mut below_columns: Vec<ColumnData> = normal.columns.iter().map(|c| c.data.take(&[])).collect();
    let mut kinds: Vec<Option<Kind>> = vec![None; n];
    for (i, &kind) in planting.kinds.iter().enumerate() {
        run.check()?;
        let n_kinds = planting.kinds.len();
        let n_own = n_planted / n_kinds + usize::from(i < n_planted % n_kinds);
        let mut random = run.random(STREAM + i as u64);
        let drawn =
            of_kind(&normal, (&units, values.view()), (kind, planting.factor), n_own, &mut random, run)?;
        below_columns.iter_mut().zip(drawn).for_each(|(column, more)| extend(column, more));
        kinds.extend(std::iter::repeat_n(Some(kind), n_own));
    }
    let mut all = append(normal, below_columns, n_planted, "planted");
    let order = order(n, n_planted, &mut run.random(STREAM - 1));
    let kinds: Vec<Option<Kind>> = order.iter().map(|&row| kinds[row]).collect();
    all.labels = None;
    all = all.take(&order);
    let label = |kind: &Option<Kind>| if kind.is_some() { Label::Anomalous } else { Label::Normal };
    all.labels = Some(kinds.iter().map(label).collect());
    Ok((Planted { table: all, kinds }, notices))
}

impl Planted {
    /// The columns, then `label` (0 or 1) and `anomaly` (`normal` or the kind); ids first, in a column of that name.
    pub fn into_labelled(self, id: &str) -> Result<Table> {
        let words: Vec<&str> = self.kinds.iter().map(|kind| kind.map_or("normal", Kind::as_str)).collect();
        labelled(self.table, id, ("anomaly", &words))
    }
}

impl Planting {
    fn check(&self) -> Result<()> {
        let bad = |name: &str, got: String, want: &str| {
            Err(Error::BadParameter { name: name.into(), got, want: want.into() })
        };
        if self.kinds.is_empty() {
            return bad("kind", "empty".into(), "one or more of local, global, cluster, dependency");
        }
        if let Some(i) = (1..self.kinds.len()).find(|&i| self.kinds[..i].contains(&self.kinds[i])) {
            return bad("kind", format!("`{}` twice", self.kinds[i]), "different kinds");
        }
        match self.factor {
            Some(factor) if !(factor > 0.0 && factor <= 1e6) => {
                bad("factor", factor.to_string(), "above 0 and at most a million")
            }
            Some(_) if self.kinds == [Kind::Dependency] => {
                bad("factor", "given".into(), "left out: dependency anomalies have no strength")
            }
            _ => Ok(()),
        }
    }
}

/// How many planted rows beside `n` normal ones make up `share`.
fn n_planted(n: usize, share: f64) -> Result<usize> {
    if !(share > 0.0 && share <= MOST_SHARE) {
        return Err(Error::BadParameter {
            name: "share".into(),
            got: share.to_string(),
            want: format!("above 0 and at most {MOST_SHARE}"),
        });
    }
    if n < 2 {
        return Err(Error::TooFewItems { what: "planting".into(), got: n, need: 2 });
    }
    Ok(((share * n as f64 / (1.0 - share)).round() as usize).clamp(1, n))
}

/// Without what is labelled anomalous.
fn normal_rows(table: Table, notices: &mut Notices) -> Table {
    let Some(labels) = &table.labels else { return table };
    let rows: Vec<usize> = (0..table.n_rows).filter(|&row| labels[row] != Label::Anomalous).collect();
    let n_left_out = table.n_rows - rows.len();
    if n_left_out == 0 {
        return table;
    }
    let tally = Tally { n: n_left_out as u64, of: table.n_rows as u64 };
    notices.counted(NoticeKind::Info, None, tally, |rows| {
        format!("{rows} left out: they are labelled anomalous, and only planted anomalies are wanted")
    });
    table.take(&rows)
}

/// What standardises a number column, and how its cells are written.
struct Unit {
    /// Among the table's columns.
    column: usize,
    mean: f64,
    std_dev: f64,
    decimals: Option<i32>,
}

/// The number columns, standardised in 64 bits before they are narrowed.
fn standardised(table: &Table) -> (Vec<Unit>, Array2<f32>) {
    let mut units = Vec::new();
    for (column, of) in table.columns.iter().enumerate() {
        let ColumnData::Numbers(cells) = &of.data else { continue };
        let moments: Moments = cells.iter().copied().filter(|v| !v.is_nan()).collect();
        let std_dev = Some(moments.std_dev()).filter(|v| v.is_normal()).unwrap_or(1.0);
        let mean = Some(moments.mean()).filter(|v| v.is_finite()).unwrap_or(0.0);
        units.push(Unit { column, mean, std_dev, decimals: decimals(cells) });
    }
    let mut values = Array2::zeros((table.n_rows, units.len()));
    for (unit, mut out) in units.iter().zip(values.columns_mut()) {
        let ColumnData::Numbers(cells) = &table.columns[unit.column].data else { continue };
        let narrow = |v: f64| v.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
        out.iter_mut().zip(cells).for_each(|(out, v)| *out = narrow((v - unit.mean) / unit.std_dev));
    }
    (units, values)
}

/// `n` planted rows, column by column.
fn of_kind(
    table: &Table,
    (units, values): (&[Unit], ArrayView2<'_, f32>),
    (kind, factor): (Kind, Option<f64>),
    n: usize,
    random: &mut Random,
    run: &Run,
) -> Result<Vec<ColumnData>> {
    let hosts = |random: &mut Random| -> Vec<usize> { (0..n).map(|_| below(random, table.n_rows)).collect() };
    if kind == Kind::Dependency {
        return Ok(table.columns.iter().map(|column| column.data.take(&hosts(random))).collect());
    }
    if units.is_empty() && kind != Kind::Global {
        return Err(Error::Data(format!(
            "{kind} anomalies need a column of numbers; plant global or dependency anomalies here"
        )));
    }
    let hosts = hosts(random);
    let numbers = Source::fit(values, kind, factor, run)?.draw(&hosts, random, run)?;
    let mut columns: Vec<ColumnData> = table.columns.iter().map(|column| column.data.take(&hosts)).collect();
    for (unit, drawn) in units.iter().zip(numbers.columns()) {
        let ColumnData::Numbers(cells) = &mut columns[unit.column] else { continue };
        for (cell, &v) in cells.iter_mut().zip(drawn).filter(|(cell, _)| !cell.is_nan()) {
            let v = (unit.mean + f64::from(v) * unit.std_dev).clamp(f64::MIN, f64::MAX);
            *cell = unit.decimals.map_or(v, |places| round(v, places));
        }
    }
    if kind == Kind::Global {
        for (column, drawn) in table.columns.iter().zip(&mut columns) {
            anywhere(&column.data, drawn, random);
        }
    }
    Ok(columns)
}

/// Puts any observed level and any time of the range where the drawn cells are not missing.
fn anywhere(observed: &ColumnData, drawn: &mut ColumnData, random: &mut Random) {
    match (observed, drawn) {
        (ColumnData::Codes { codes, .. }, ColumnData::Codes { codes: drawn, .. }) => {
            let mut levels: Vec<u32> = codes.iter().copied().filter(|&code| code != MISSING_CODE).collect();
            levels.sort_unstable();
            levels.dedup();
            for code in drawn.iter_mut().filter(|code| **code != MISSING_CODE) {
                *code = levels[below(random, levels.len())];
            }
        }
        (ColumnData::Times(cells), ColumnData::Times(drawn)) => {
            let unit = time_unit(cells);
            let known = || cells.iter().copied().filter(|&t| t != i64::MIN);
            let (low, high) = (known().min().unwrap_or(0) / unit, known().max().unwrap_or(0) / unit);
            let span = high.abs_diff(low) as f64 + 1.0;
            for t in drawn.iter_mut().filter(|t| **t != i64::MIN) {
                *t = low.saturating_add((uniform(random) * span) as i64).min(high) * unit;
            }
        }
        _ => {}
    }
}

/// The `n` normal rows in their order, and planted rows in any order at random places between them.
fn order(n: usize, n_planted: usize, random: &mut Random) -> Vec<usize> {
    let mut is_planted = vec![false; n + n_planted];
    index::sample(random, n + n_planted, n_planted).into_iter().for_each(|place| is_planted[place] = true);
    let mut planted: Vec<usize> = (n..n + n_planted).collect();
    planted.shuffle(random);
    let (mut normal, mut planted) = (0..n, planted.into_iter());
    let next = |planted_here| if planted_here { planted.next() } else { normal.next() };
    is_planted.into_iter().filter_map(next).collect()
}

#[cfg(test)]
mod tests;
