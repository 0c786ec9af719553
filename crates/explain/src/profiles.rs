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

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::MISSING_CODE;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn column(name: &str, kind: ColumnKind, data: ColumnData) -> Column {
        Column { name: name.into(), kind, data }
    }

    #[test]
    fn every_kind_of_column() {
        let levels = Arc::new(vec!["a".to_owned(), "b".into(), "unused".into()]);
        let table = Table::new(vec![
            column("x", ColumnKind::Number, ColumnData::Numbers(vec![0.0, 30.0, f64::NAN, 15.0])),
            column(
                "k",
                ColumnKind::Category,
                ColumnData::Codes { codes: vec![0, 1, 1, MISSING_CODE], levels },
            ),
            column("t", ColumnKind::Timestamp, ColumnData::Times(vec![5, 5, i64::MIN, 5])),
            column("id", ColumnKind::Identifier, ColumnData::Omitted),
            column("none", ColumnKind::Number, ColumnData::Numbers(vec![f64::NAN; 4])),
        ])
        .unwrap();
        let why_not = BTreeMap::from([("t".to_owned(), "it is constant".to_owned())]);
        let profiles = profiles(&table, &[1, 2, 99], &why_not, &Run::new(0)).unwrap();
        let ProfileValues::Numbers { min, median, max, bin_edges, bin_counts, odd, .. } = &profiles[0].values
        else {
            panic!()
        };
        assert_eq!((*min, *median, *max, odd.as_slice()), (0.0, 15.0, 30.0, [30.0].as_slice()));
        assert_eq!((bin_edges.len(), bin_edges[0], bin_edges[30]), (31, 0.0, 30.0));
        assert_eq!((bin_counts[0], bin_counts[15], bin_counts[29]), (1, 1, 1));
        assert_eq!((profiles[0].n_missing, profiles[0].n_distinct, profiles[0].used), (1, 3, true));
        let ProfileValues::Levels { common, n_other } = &profiles[1].values else { panic!() };
        let counts: Vec<_> = common.iter().map(|c| (c.level.as_str(), c.n_rows, c.n_odd)).collect();
        assert_eq!((counts, *n_other), (vec![("b", 2, 2), ("a", 1, 0)], 0));
        assert_eq!((profiles[2].used, profiles[2].why_not.as_str()), (false, "it is constant"));
        let ProfileValues::Numbers { bin_edges, bin_counts, .. } = &profiles[2].values else { panic!() };
        assert_eq!((bin_edges.as_slice(), bin_counts.as_slice()), ([5.0, 5.0].as_slice(), [3].as_slice()));
        assert_eq!((profiles[3].used, profiles[3].why_not.as_str()), (false, "it names the rows"));
        assert_eq!((profiles[4].n_missing, profiles[4].n_distinct), (4, 0));
    }

    #[test]
    fn distinct_values_are_counted_up_to_the_limit() {
        assert_eq!(count_distinct(&[1.0, 2.0, 1.0, -0.0, 0.0]), 3);
        let many: Vec<f64> = (0..20_000).map(f64::from).collect();
        assert_eq!(count_distinct(&many), MAX_DISTINCT + 1);
    }

    #[test]
    fn huge_ranges_have_finite_bins() {
        let (edges, counts) = histogram(&[-1.7e308, 0.0, 1.7e308], -1.7e308, 1.7e308);
        assert!(edges.iter().all(|v| v.is_finite()));
        assert_eq!((counts[0], counts[15], counts[29]), (1, 1, 1));
        let (_, counts) = histogram(&[0.0, 5e-324, 1e-323], 0.0, 1e-323);
        assert_eq!(counts.iter().sum::<u64>(), 3);
    }

    proptest! {
        #[test]
        fn bins_hold_every_value_once(values in prop::collection::vec(-1e9..1e9_f64, 2..100)) {
            let (min, max) = values.iter().fold((values[0], values[0]), |(a, b), &v| (a.min(v), b.max(v)));
            let (edges, counts) = histogram(&values, min, max);
            prop_assert_eq!(counts.iter().sum::<u64>(), values.len() as u64);
            prop_assert!(edges.is_sorted());
            // Away from the edges, where rounding decides, each count is that of the definition.
            for (bin, pair) in edges.windows(2).enumerate() {
                let margin = 1e-9 * (max - min);
                let inside = values.iter().filter(|&&v| v > pair[0] + margin && v < pair[1] - margin).count() as u64;
                prop_assert!(counts.get(bin).is_none_or(|&n| n >= inside));
            }
        }
    }
}
