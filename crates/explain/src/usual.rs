//! What is usual in one column: quantiles of numbers and times, counts of levels, the share of missing cells.

use std::collections::HashMap;

use anomalyst_core::{Column, ColumnData, ColumnKind, MISSING_CODE};

use crate::cells::{Cell, number_text, time_text};

/// Levels that are counted by name; the others are counted together.
pub(crate) const MAX_LEVELS: usize = 1_000;
/// Values outside the range that is shown, 2.5 % to 97.5 %, are called odd.
const RANGE: (f64, f64) = (0.025, 0.975);
/// Levels, and presence or absence, are called odd where no more than this share of rows is as rare.
const RARE: f64 = 0.05;
/// A value inside the usual range that is this part of it away from any usual value lies in a gap.
const GAP: f64 = 0.1;
/// Fewer values have gaps by chance: 50 uniform ones have such a gap around a given place in less than 1 of 1,000.
const MIN_FOR_GAP: usize = 50;

/// One column of the reference rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ColumnUsual {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
    /// Reference rows.
    pub(crate) n_rows: u64,
    /// Those in which it is missing.
    pub(crate) n_missing: u64,
    pub(crate) values: Values,
}

/// The values that are there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    /// Ascending order statistics with smallest and largest: all values where they are few.
    Numbers(Vec<f64>),
    /// The same of microseconds since 1970.
    Times(Vec<f64>),
    Levels(Levels),
    /// The column was left out.
    Nothing,
}

/// Counts of levels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Levels {
    /// The most frequent, most frequent first; equal ones by name.
    pub(crate) common: Vec<(String, u64)>,
    /// Rows with any other level.
    pub(crate) n_other: u64,
    /// How many other levels there are.
    pub(crate) n_other_levels: u64,
    /// Where each name stands in `common`.
    index: HashMap<String, usize>,
    /// Rows with the levels from here to the end and all others; one longer than `common`.
    rest: Vec<u64>,
}

/// How a cell compares with what is usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Share of reference rows at least as extreme, 0 to 1.
    pub(crate) tail: f64,
    /// Whether it is unusual by itself.
    pub(crate) odd: bool,
    pub(crate) what: What,
}

/// What a reading is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum What {
    Missing,
    Present,
    Above,
    Below,
    /// In a gap between two usual values.
    Between(f64, f64),
    Level,
}

/// Which rows a column is learned from.
pub(crate) struct Source<'a> {
    /// All reference rows.
    pub(crate) rows: &'a [usize],
    /// A sample of them, for the quantiles of long columns.
    pub(crate) sample: &'a [usize],
    /// Order statistics to keep.
    pub(crate) max_points: usize,
}

impl ColumnUsual {
    pub(crate) fn learn(column: &Column, source: &Source<'_>) -> Self {
        let (n_missing, values) = match &column.data {
            ColumnData::Numbers(cells) => {
                let (n_missing, points) = order_statistics(source, |row| cells[row]);
                (n_missing, Values::Numbers(points))
            }
            ColumnData::Times(cells) => {
                let number = |row: usize| if cells[row] == i64::MIN { f64::NAN } else { cells[row] as f64 };
                let (n_missing, points) = order_statistics(source, number);
                (n_missing, Values::Times(points))
            }
            ColumnData::Codes { codes, levels } => {
                let (n_missing, levels) = count_levels(source.rows, codes, levels);
                (n_missing, Values::Levels(levels))
            }
            ColumnData::Omitted => (0, Values::Nothing),
        };
        let n_rows = source.rows.len() as u64;
        Self { name: column.name.clone(), kind: column.kind, n_rows, n_missing, values }
    }

    /// Whether cells of `data` can be compared with this column.
    pub(crate) fn fits(&self, data: &ColumnData) -> bool {
        matches!(
            (&self.values, data),
            (Values::Numbers(_), ColumnData::Numbers(_))
                | (Values::Times(_), ColumnData::Times(_))
                | (Values::Levels(_), ColumnData::Codes { .. })
        )
    }

    /// Share of rows without a value; 1 without any row.
    pub(crate) fn missing_share(&self) -> f64 {
        if self.n_rows == 0 { 1.0 } else { self.n_missing as f64 / self.n_rows as f64 }
    }

    /// The value at quantile `q`: one that occurs, never one between.
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        let (Values::Numbers(points) | Values::Times(points)) = &self.values else { return None };
        points.get((q * points.len().saturating_sub(1) as f64).round() as usize).copied()
    }

    /// Ends of the usual range and its middle.
    pub(crate) fn range(&self) -> Option<[f64; 3]> {
        Some([self.quantile(RANGE.0)?, self.quantile(0.5)?, self.quantile(RANGE.1)?])
    }

    /// A number of this column as text.
    pub(crate) fn number_text(&self, value: f64) -> String {
        if matches!(self.values, Values::Times(_)) { time_text(value as i64) } else { number_text(value) }
    }

    /// How `cell` compares; `level` is the name of a code's level.
    pub(crate) fn read(&self, cell: Cell, level: &str) -> Reading {
        let missing = self.missing_share();
        if cell.is_missing() {
            return Reading { tail: missing, odd: missing <= RARE, what: What::Missing };
        }
        if 1.0 - missing <= RARE {
            return Reading { tail: 1.0 - missing, odd: true, what: What::Present };
        }
        match (&self.values, cell.number()) {
            (Values::Numbers(points) | Values::Times(points), Some(v)) => self.read_number(points, v),
            (Values::Levels(levels), None) => {
                let tail = levels.rarer_share(level);
                Reading { tail, odd: tail <= RARE, what: What::Level }
            }
            _ => Reading { tail: 1.0, odd: false, what: What::Level },
        }
    }

    fn read_number(&self, points: &[f64], v: f64) -> Reading {
        let Some([low, median, high]) = self.range() else {
            return Reading { tail: 0.0, odd: true, what: What::Present };
        };
        let n = points.len();
        let (below, up_to) = (points.partition_point(|&p| p < v), points.partition_point(|&p| p <= v));
        if below == up_to && n >= MIN_FOR_GAP && (low..=high).contains(&v) {
            let (left, right) = (points[below - 1], points[below]);
            if (v - left).min(right - v) > GAP * (high - low) {
                let tail = if v >= median { 1.0 - below as f64 / n as f64 } else { below as f64 / n as f64 };
                return Reading { tail, odd: true, what: What::Between(left, right) };
            }
        }
        if v >= median {
            Reading { tail: 1.0 - below as f64 / n as f64, odd: v > high, what: What::Above }
        } else {
            Reading { tail: up_to as f64 / n as f64, odd: v < low, what: What::Below }
        }
    }
}

impl Levels {
    /// `common` is in descending order of counts.
    pub(crate) fn new(common: Vec<(String, u64)>, n_other: u64, n_other_levels: u64) -> Self {
        let index = common.iter().enumerate().map(|(i, (name, _))| (name.clone(), i)).collect();
        let mut rest = vec![n_other; common.len() + 1];
        for i in (0..common.len()).rev() {
            rest[i] = rest[i + 1].saturating_add(common[i].1);
        }
        Self { common, n_other, n_other_levels, index, rest }
    }

    /// Rows with any level.
    pub(crate) fn n(&self) -> u64 {
        self.rest.first().copied().unwrap_or(0)
    }

    /// Rows with that level; for one that is not counted by name, the mean of the others.
    fn count(&self, level: &str) -> f64 {
        match self.index.get(level) {
            Some(&i) => self.common[i].1 as f64,
            None if self.n_other_levels == 0 => 0.0,
            None => self.n_other as f64 / self.n_other_levels as f64,
        }
    }

    /// Share of rows with that level among those that have one.
    pub(crate) fn own_share(&self, level: &str) -> f64 {
        self.count(level) / (self.n() as f64).max(1.0)
    }

    /// Share of rows whose level is as rare or rarer.
    fn rarer_share(&self, level: &str) -> f64 {
        let own = self.count(level);
        if own == 0.0 {
            return 0.0;
        }
        let from = self.common.partition_point(|&(_, count)| count as f64 > own);
        self.rest[from] as f64 / (self.n() as f64).max(1.0)
    }
}

/// How many cells are missing, and at most `max_points` order statistics of the rest, evenly spread over the
/// ranks; of a sample where the column is long, though smallest and largest are always those of all rows.
fn order_statistics(source: &Source<'_>, cell: impl Fn(usize) -> f64) -> (u64, Vec<f64>) {
    let (mut n_missing, mut min, mut max) = (0_u64, f64::INFINITY, f64::NEG_INFINITY);
    for &row in source.rows {
        let v = cell(row);
        n_missing += u64::from(v.is_nan());
        (min, max) = (min.min(v), max.max(v));
    }
    let n_present = source.rows.len() - n_missing as usize;
    let gather = |rows: &[usize]| rows.iter().map(|&row| cell(row)).filter(|v| !v.is_nan()).collect();
    let short = n_present <= source.sample.len();
    let mut values: Vec<f64> = gather(if short { source.rows } else { source.sample });
    if n_present > 0 && !short {
        values.extend([min, max]);
    }
    values.sort_unstable_by(f64::total_cmp);
    let (n, keep) = (values.len(), source.max_points);
    if n > keep {
        let at = |i: usize| values[(i as f64 * (n - 1) as f64 / (keep - 1) as f64).round() as usize];
        values = (0..keep).map(at).collect();
    }
    (n_missing, values)
}

fn count_levels(rows: &[usize], codes: &[u32], levels: &[String]) -> (u64, Levels) {
    let mut counts = vec![0_u64; levels.len()];
    let mut n_missing = 0;
    for &row in rows {
        match counts.get_mut(codes[row] as usize) {
            Some(count) if codes[row] != MISSING_CODE => *count += 1,
            _ => n_missing += 1,
        }
    }
    let mut seen: Vec<usize> = (0..levels.len()).filter(|&code| counts[code] > 0).collect();
    seen.sort_unstable_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| levels[a].cmp(&levels[b])));
    let (common, other) = seen.split_at(seen.len().min(MAX_LEVELS));
    let common = common.iter().map(|&code| (levels[code].clone(), counts[code])).collect();
    let n_other = other.iter().map(|&code| counts[code]).sum();
    (n_missing, Levels::new(common, n_other, other.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn learned(data: ColumnData, n: usize) -> ColumnUsual {
        let rows: Vec<usize> = (0..n).collect();
        let column = Column { name: "c".into(), kind: ColumnKind::Number, data };
        ColumnUsual::learn(&column, &Source { rows: &rows, sample: &rows, max_points: 1_001 })
    }

    /// The values 1 to 100: 96 has five at least as large, 3 has three at least as small.
    #[test]
    fn tails_of_few_values_are_exact() {
        let usual = learned(ColumnData::Numbers((1..=100).map(f64::from).collect()), 100);
        let read = |v| usual.read(Cell::Number(v), "");
        assert!((read(96.0).tail - 0.05).abs() < 1e-12);
        assert_eq!(read(3.0), Reading { tail: 0.03, odd: false, what: What::Below });
        assert_eq!(read(1.0), Reading { tail: 0.01, odd: true, what: What::Below });
        assert_eq!(read(101.0), Reading { tail: 0.0, odd: true, what: What::Above });
        assert_eq!(usual.range(), Some([3.0, 51.0, 98.0]));
    }

    /// A sketch of 50,000 values knows every tail to 1 in 1,000, and the extremes exactly.
    #[test]
    fn tails_of_many_values_are_known_to_a_thousandth() {
        let usual = learned(ColumnData::Numbers((0..50_000).map(f64::from).collect()), 50_000);
        for v in [25_000.0, 40_000.5, 49_900.0, 49_999.0] {
            let exact = (50_000.0 - f64::ceil(v)) / 50_000.0;
            let got = usual.read(Cell::Number(v), "").tail;
            assert!((got - exact).abs() <= 1.0 / 1_000.0, "{v}: {got} {exact}");
        }
        assert_eq!(usual.read(Cell::Number(50_000.0), "").tail, 0.0);
    }

    #[test]
    fn gaps_are_seen() {
        let two_bumps = (0..100).map(|i| f64::from(i % 10) / 10.0 + if i < 50 { 0.0 } else { 9.0 }).collect();
        let usual = learned(ColumnData::Numbers(two_bumps), 100);
        let reading = usual.read(Cell::Number(5.0), "");
        assert!(reading.odd);
        assert_eq!(reading.what, What::Between(0.9, 9.0));
        assert!(!usual.read(Cell::Number(0.55), "").odd);
    }

    /// Of 200 rows, 150 are red, 48 blue, 1 white, and 1 has none.
    #[test]
    fn levels_count_with_the_rarer_ones() {
        let levels = Arc::new(["red", "blue", "white", "green"].map(String::from).to_vec());
        let codes = (0..200).map(|i| match i {
            0 => MISSING_CODE,
            1 => 2,
            i if i < 50 => 1,
            _ => 0,
        });
        let usual = learned(ColumnData::Codes { codes: codes.collect(), levels }, 200);
        let Values::Levels(levels) = &usual.values else { panic!() };
        let names: Vec<_> = levels.common.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        assert_eq!(names, [("red", 150), ("blue", 48), ("white", 1)]);
        let read = |code, name| usual.read(Cell::Code(code), name);
        assert_eq!(read(3, "green"), Reading { tail: 0.0, odd: true, what: What::Level });
        assert_eq!(read(2, "white").tail, 1.0 / 199.0);
        assert_eq!(read(1, "blue"), Reading { tail: 49.0 / 199.0, odd: false, what: What::Level });
        assert_eq!(read(MISSING_CODE, ""), Reading { tail: 0.005, odd: true, what: What::Missing });
        assert_eq!(levels.own_share("blue"), 48.0 / 199.0);
    }

    #[test]
    fn nothing_is_usual_without_values() {
        let usual = learned(ColumnData::Numbers(vec![f64::NAN; 5]), 5);
        assert_eq!(usual.read(Cell::Number(1.0), "").what, What::Present);
        assert!(!usual.read(Cell::Number(f64::NAN), "").odd);
        assert_eq!(learned(ColumnData::Times(Vec::new()), 0).range(), None);
    }
}
