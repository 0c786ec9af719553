//! Pairs of columns: how often their levels meet, which pairs tell something, and what each meeting adds to a score.

use anomalyst_core::{Error, Features, ModelReader, ModelWriter, Result, Run};
use rayon::prelude::*;

use super::CoOccurrence;
use crate::levels::{Levels, UNSEEN};

/// Largest term that a model file may hold; no count of rows has a larger logarithm.
const MAX_TERM: f32 = 64.0;

/// The pairs that count. A level has a place in the tables of its column: 0 for all rare ones and for levels never
/// seen, then the frequent ones.
pub(super) struct Pairs {
    /// Most informative first; the lower column first.
    pub(super) columns: Vec<(u32, u32)>,
    /// The place of each level.
    places: Vec<u16>,
    /// Places of each column.
    n_places: Vec<usize>,
    /// What meetings add, table behind table, row by row of the first column's places.
    terms: Vec<f32>,
    /// Where each table begins.
    starts: Vec<usize>,
}

/// The table of two columns: rows that have both, and either.
struct Table {
    both: Vec<u32>,
    first: Vec<u32>,
    second: Vec<u32>,
    n: f64,
}

impl Pairs {
    /// `levels` come with the number of rows that have each.
    pub(super) fn fit(
        (levels, counts): (&Levels, &[u32]),
        features: &Features,
        params: &CoOccurrence,
        run: &Run,
    ) -> Result<Self> {
        let (places, n_places) = places(levels, counts, params.max_levels);
        let cells = cells(levels, &places, features, run)?;
        let d = levels.n_columns() as u32;
        let table = |(a, b): (u32, u32)| {
            let (a, b) = (a as usize, b as usize);
            Table::count((&cells[a], n_places[a]), (&cells[b], n_places[b]))
        };
        let informative = |pair| {
            run.check()?;
            let information = table(pair).information();
            Ok((information >= params.min_information).then_some((information, pair)))
        };
        let of_first = |a| (a + 1..d).map(|b| informative((a, b))).collect::<Result<Vec<_>>>();
        let found: Vec<Vec<_>> = (0..d).into_par_iter().map(of_first).collect::<Result<_>>()?;
        let mut found: Vec<(f64, (u32, u32))> = found.into_iter().flatten().flatten().collect();
        found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(params.max_pairs);
        let columns: Vec<(u32, u32)> = found.into_iter().map(|(_, pair)| pair).collect();
        let terms = |&pair: &(u32, u32)| run.check().map(|()| table(pair).terms());
        let terms: Vec<Vec<f32>> = columns.par_iter().map(terms).collect::<Result<_>>()?;
        let starts = starts(&columns, &n_places).ok_or_else(too_large)?;
        Ok(Self { columns, places, n_places, terms: terms.concat(), starts })
    }

    /// Where a level stands in the tables of its column.
    pub(super) fn place(&self, level: u32) -> u16 {
        if level == UNSEEN { 0 } else { self.places[level as usize] }
    }

    /// The pairs whose meeting adds something, given the place in each column.
    pub(super) fn each(&self, places: &[u16], mut take: impl FnMut(usize, f32)) {
        for (pair, (&(a, b), start)) in self.columns.iter().zip(&self.starts).enumerate() {
            let (a, b) = (a as usize, b as usize);
            let term = self.terms[start + places[a] as usize * self.n_places[b] + places[b] as usize];
            if term > 0.0 {
                take(pair, term);
            }
        }
    }

    pub(super) fn save(&self, out: &mut ModelWriter) {
        out.put("first", &[self.columns.len()], self.columns.iter().map(|pair| pair.0));
        out.put("second", &[self.columns.len()], self.columns.iter().map(|pair| pair.1));
        out.put("places", &[self.places.len()], self.places.iter().map(|&place| u32::from(place)));
        out.put_list("terms", &self.terms);
    }

    pub(super) fn load(from: &ModelReader<'_>, levels: &Levels) -> Result<Self> {
        let first: Vec<u32> = from.list("first")?;
        let second: Vec<u32> = from.list_of("second", first.len())?;
        let columns: Vec<(u32, u32)> = first.into_iter().zip(second).collect();
        let places: Vec<u32> = from.list_of("places", levels.n_levels())?;
        let places: Option<Vec<u16>> = places.into_iter().map(|place| u16::try_from(place).ok()).collect();
        let terms: Vec<f32> = from.list("terms")?;
        let wrong = || Error::model("the tables of pairs do not fit the columns");
        let places = places.ok_or_else(wrong)?;
        let n_places = n_places(levels, &places);
        if columns.iter().any(|&(a, b)| a >= b || b as usize >= levels.n_columns()) {
            return Err(wrong());
        }
        let starts = starts(&columns, &n_places).ok_or_else(wrong)?;
        if starts.last() != Some(&terms.len()) || !terms.iter().all(|&term| is_sound(term)) {
            return Err(wrong());
        }
        Ok(Self { columns, places, n_places, terms, starts })
    }
}

/// Whether a term read from a file can be one.
pub(super) fn is_sound(term: f32) -> bool {
    (0.0..=MAX_TERM).contains(&term)
}

fn too_large() -> Error {
    Error::Budget {
        what: "co_occurrence".into(),
        need: "tables beyond all memory".into(),
        limit: "this machine".into(),
        hint: "lower max_levels or max_pairs".into(),
    }
}

/// Where each table begins, and where the last ends.
fn starts(columns: &[(u32, u32)], n_places: &[usize]) -> Option<Vec<usize>> {
    let mut starts = vec![0_usize];
    for &(a, b) in columns {
        let size = n_places[a as usize].checked_mul(n_places[b as usize])?;
        starts.push(starts[starts.len() - 1].checked_add(size)?);
    }
    Some(starts)
}

/// The most frequent levels of each column get places of their own.
fn places(levels: &Levels, counts: &[u32], max_levels: usize) -> (Vec<u16>, Vec<usize>) {
    let mut places = vec![0_u16; counts.len()];
    for range in levels.ranges() {
        let mut order: Vec<usize> = range.filter(|&level| counts[level] > 0).collect();
        order.sort_by_key(|&level| std::cmp::Reverse(counts[level]));
        order.truncate(max_levels - 1);
        order.sort_unstable();
        order.into_iter().zip(1_u16..).for_each(|(level, place)| places[level] = place);
    }
    let n_places = n_places(levels, &places);
    (places, n_places)
}

/// One more than the last place of each column.
fn n_places(levels: &Levels, places: &[u16]) -> Vec<usize> {
    levels.ranges().map(|range| 1 + places[range].iter().copied().max().map_or(0, usize::from)).collect()
}

/// The place of every cell, column by column.
fn cells(levels: &Levels, places: &[u16], features: &Features, run: &Run) -> Result<Vec<Vec<u16>>> {
    let of_column = |column| {
        run.check()?;
        let place = |row| places[levels.of_cell(features, row, column) as usize];
        Ok((0..features.n_parts()).map(place).collect())
    };
    (0..levels.n_columns()).into_par_iter().map(of_column).collect()
}

impl Table {
    fn count((a, n_first): (&[u16], usize), (b, n_second): (&[u16], usize)) -> Self {
        let mut both = vec![0_u32; n_first * n_second];
        a.iter().zip(b).for_each(|(&a, &b)| both[usize::from(a) * n_second + usize::from(b)] += 1);
        let first = both.chunks(n_second).map(|row| row.iter().sum()).collect();
        let mut second = vec![0; n_second];
        both.chunks(n_second).for_each(|row| second.iter_mut().zip(row).for_each(|(sum, v)| *sum += v));
        Self { both, first, second, n: a.len() as f64 }
    }

    /// Rows that meet, and that would by chance, for every pair of places.
    fn cells(&self) -> impl Iterator<Item = (f64, f64)> {
        let expected = |&a: &u32, &b: &u32| f64::from(a) * f64::from(b) / self.n;
        self.both.chunks(self.second.len()).zip(&self.first).flat_map(move |(row, a)| {
            row.iter().zip(&self.second).map(move |(&met, b)| (f64::from(met), expected(a, b)))
        })
    }

    /// Mutual information in nats, less its bias.
    fn information(&self) -> f64 {
        let plain: f64 =
            self.cells().filter(|(met, _)| *met > 0.0).map(|(met, e)| met / self.n * (met / e).ln()).sum();
        let free =
            |counts: &[u32]| counts.iter().filter(|&&count| count > 0).count().saturating_sub(1) as f64;
        plain - free(&self.first) * free(&self.second) / (2.0 * self.n)
    }

    /// `-ln r` where it is above 0.
    fn terms(&self) -> Vec<f32> {
        self.cells().map(|(met, expected)| ((expected + 1.0) / (met + 1.0)).ln().max(0.0) as f32).collect()
    }
}
