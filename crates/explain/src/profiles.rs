//! Column profiles for the report.

use std::collections::{BTreeMap, HashSet};

use anomalyst_core::{
    Column, ColumnData, ColumnKind, ColumnProfile, LevelCount, ProfileValues, Result, Run, Table,
};
use anomalyst_kernels::stats::quantile;
use rayon::prelude::*;

/// Different values are counted up to here.
const MAX_DISTINCT: usize = 10_000;
/// Bins of a histogram.
const N_BINS: usize = 30;
/// Values of flagged rows that are marked.
const MAX_ODD: usize = 200;
/// Levels that are listed.
const MAX_LEVELS: usize = 20;

/// Every column of `table` in its order; `flagged` are the rows to mark, the most important first.
///
/// `why_not` says by name which columns took no part and why; columns without cells took none in any case. The
/// histogram has 30 equal bins from the smallest to the largest value, which one far outlier can empty: `low` and
/// `high` say where to cut an axis.
pub fn profiles(
    table: &Table,
    flagged: &[usize],
    why_not: &BTreeMap<String, String>,
    run: &Run,
) -> Result<Vec<ColumnProfile>> {
    let flagged: Vec<usize> = flagged.iter().copied().filter(|&row| row < table.n_rows).collect();
    let one = |column: &Column| {
        run.check()?;
        let (n_missing, n_distinct, values) = match &column.data {
            ColumnData::Numbers(cells) => numbers(cells.iter().copied(), &|row| cells[row], &flagged),
            ColumnData::Times(cells) => {
                let number = |v: i64| if v == i64::MIN { f64::NAN } else { v as f64 };
                numbers(cells.iter().map(|&v| number(v)), &|row| number(cells[row]), &flagged)
            }
            ColumnData::Codes { codes, levels } => level_counts(codes, levels, &flagged),
            ColumnData::Omitted => (0, 0, ProfileValues::Nothing),
        };
        let omitted = matches!(column.data, ColumnData::Omitted);
        let why_not = why_not.get(&column.name).cloned();
        Ok(ColumnProfile {
            name: column.name.clone(),
            kind: column.kind,
            used: why_not.is_none() && !omitted,
            why_not: why_not.or_else(|| omitted.then(|| left_out(column.kind))).unwrap_or_default(),
            n_missing,
            n_distinct,
            values,
        })
    };
    run.install(|| table.columns.par_iter().map(one).collect())
}

/// Why a column without cells took no part, where nobody said more.
fn left_out(kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Identifier => "it names the rows",
        ColumnKind::Text => "it is free text",
        _ => "it was left out on reading",
    }
    .into()
}

/// Missing cells, different values, and their shape.
fn numbers(
    cells: impl Iterator<Item = f64>,
    at: &dyn Fn(usize) -> f64,
    flagged: &[usize],
) -> (usize, usize, ProfileValues) {
    let mut n = 0;
    let mut values: Vec<f64> = cells.inspect(|_| n += 1).filter(|v| !v.is_nan()).collect();
    let n_missing = n - values.len();
    if values.is_empty() {
        return (n_missing, 0, ProfileValues::Nothing);
    }
    let n_distinct = count_distinct(&values);
    let (min, max) = values.iter().fold((values[0], values[0]), |(low, high), &v| (low.min(v), high.max(v)));
    let (bin_edges, bin_counts) = histogram(&values, min, max);
    let [median, low, high] = [0.5, 0.025, 0.975].map(|q| quantile(&mut values, q));
    let odd = flagged.iter().map(|&row| at(row)).filter(|v| !v.is_nan()).take(MAX_ODD).collect();
    (
        n_missing,
        n_distinct,
        ProfileValues::Numbers { min, low, median, high, max, bin_edges, bin_counts, odd },
    )
}

/// Exact up to [`MAX_DISTINCT`], and one more beyond.
fn count_distinct(values: &[f64]) -> usize {
    let mut seen = HashSet::with_capacity(1_024);
    let mut last = None;
    for v in values {
        // Minus zero is zero.
        let bits = (v + 0.0).to_bits();
        if last != Some(bits) && seen.insert(bits) && seen.len() > MAX_DISTINCT {
            break;
        }
        last = Some(bits);
    }
    seen.len()
}

/// Edges and counts; one bin without width where all values are equal.
fn histogram(values: &[f64], min: f64, max: f64) -> (Vec<f64>, Vec<u64>) {
    // Halves, because the difference of two huge numbers may not be a number.
    let half_width = max / 2.0 - min / 2.0;
    if half_width <= 0.0 {
        return (vec![min, max], vec![values.len() as u64]);
    }
    let mut counts = vec![0; N_BINS];
    let scale = N_BINS as f64 / half_width;
    for v in values {
        let bin = if scale.is_finite() {
            (v / 2.0 - min / 2.0) * scale
        } else {
            (v / 2.0 - min / 2.0) / half_width * N_BINS as f64
        };
        counts[(bin as usize).min(N_BINS - 1)] += 1;
    }
    let edge = |i: usize| {
        let share = i as f64 / N_BINS as f64;
        min * (1.0 - share) + max * share
    };
    ((0..=N_BINS).map(edge).collect(), counts)
}

fn level_counts(codes: &[u32], levels: &[String], flagged: &[usize]) -> (usize, usize, ProfileValues) {
    let count = |rows: &mut dyn Iterator<Item = u32>| {
        let mut counts = vec![0_usize; levels.len()];
        let mut n_missing = 0;
        for code in rows {
            match counts.get_mut(code as usize) {
                Some(count) => *count += 1,
                None => n_missing += 1,
            }
        }
        (counts, n_missing)
    };
    let (counts, n_missing) = count(&mut codes.iter().copied());
    let (odd, _) = count(&mut flagged.iter().map(|&row| codes[row]));
    let mut seen: Vec<usize> = (0..levels.len()).filter(|&code| counts[code] > 0).collect();
    if seen.is_empty() {
        return (n_missing, 0, ProfileValues::Nothing);
    }
    seen.sort_unstable_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| levels[a].cmp(&levels[b])));
    let (common, other) = seen.split_at(seen.len().min(MAX_LEVELS));
    let entry =
        |&code: &usize| LevelCount { level: levels[code].clone(), n_rows: counts[code], n_odd: odd[code] };
    let common = common.iter().map(entry).collect();
    let n_other = other.iter().map(|&code| counts[code]).sum();
    (n_missing, seen.len(), ProfileValues::Levels { common, n_other })
}
