//! Columns that hold the same in every row.

use std::hash::Hasher;

use anomalyst_core::{Column, ColumnData, MISSING_CODE, Result, Run};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHasher};

/// Pairs of a column and the first column that equals it, both out of `candidates`.
///
/// Equal hashes only nominate; every pair is compared cell by cell.
pub(super) fn find(columns: &[Column], candidates: &[usize], run: &Run) -> Result<Vec<(usize, usize)>> {
    let hash = |&i: &usize| run.check().map(|()| hash(&columns[i].data));
    let hashes: Vec<u64> = candidates.par_iter().map(hash).collect::<Result<_>>()?;
    let mut firsts: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
    let mut pairs = Vec::new();
    for (&i, hash) in candidates.iter().zip(hashes) {
        let same = firsts.entry(hash).or_default();
        match same.iter().find(|&&first| same_cells(&columns[first].data, &columns[i].data)) {
            Some(&first) => pairs.push((i, first)),
            None => same.push(i),
        }
    }
    Ok(pairs)
}

fn same_cells(a: &ColumnData, b: &ColumnData) -> bool {
    differences(a, b).is_some_and(|(count, _)| count == 0)
}

/// In how many rows two columns of one type and length differ, and the first of them.
pub(super) fn differences(a: &ColumnData, b: &ColumnData) -> Option<(usize, usize)> {
    match (a, b) {
        (ColumnData::Numbers(a), ColumnData::Numbers(b)) => {
            count(a.len(), b.len(), |i| a[i] == b[i] || (a[i].is_nan() && b[i].is_nan()))
        }
        (ColumnData::Times(a), ColumnData::Times(b)) => count(a.len(), b.len(), |i| a[i] == b[i]),
        (ColumnData::Codes { codes: a, levels: x }, ColumnData::Codes { codes: b, levels: y }) => {
            // Codes mean levels only within their column.
            let codes: FxHashMap<&str, u32> = x.iter().map(String::as_str).zip(0..).collect();
            let translated: Vec<u32> =
                y.iter().map(|name| codes.get(name.as_str()).copied().unwrap_or(MISSING_CODE - 1)).collect();
            let of_b = |i: usize| translated.get(b[i] as usize).copied().unwrap_or(MISSING_CODE);
            count(a.len(), b.len(), |i| a[i] == of_b(i))
        }
        _ => None,
    }
}

fn count(n: usize, m: usize, same: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
    if n != m {
        return None;
    }
    let mut differing = (0..n).filter(|&i| !same(i));
    let first = differing.next();
    Some((differing.count() + usize::from(first.is_some()), first.unwrap_or(0)))
}

/// A number that equal columns share.
fn hash(data: &ColumnData) -> u64 {
    let mut hasher = FxHasher::default();
    match data {
        // Adding 0 makes negative zero positive, which compares equal to it.
        ColumnData::Numbers(cells) => cells.iter().for_each(|&v| {
            hasher.write_u64(if v.is_nan() { u64::MAX } else { (v + 0.0).to_bits() });
        }),
        ColumnData::Times(cells) => cells.iter().for_each(|&t| hasher.write_i64(t)),
        ColumnData::Codes { codes, levels } => {
            let names: Vec<u64> = levels.iter().map(|name| hash_text(name)).collect();
            codes.iter().for_each(|&c| hasher.write_u64(names.get(c as usize).copied().unwrap_or(0)));
        }
        ColumnData::Omitted => {}
    }
    hasher.finish()
}

fn hash_text(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}
