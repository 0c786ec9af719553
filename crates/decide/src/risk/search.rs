//! Best-first branch and bound over sets of features, with a certificate.
//!
//! Every node is a set that is on the card and a position from which more may come, so each set is met once. Nodes
//! with many sets below get a bound of their own, others inherit it; each single set is bounded before it is solved.
//! The least bound of what was not looked at is the lower end of the gap.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use anomalyst_core::{Error, Result, Run};
use rayon::prelude::*;

use super::integer::TOLERANCE;

/// Nodes looked at together; fixed, so that the number of threads changes nothing.
const BATCH: usize = 8;
/// Nodes that wait at most: 32 bytes each.
const MAX_NODES: usize = 4_000_000;
/// Nodes with fewer sets below are not worth a relaxation.
const MANY_SETS: f64 = 1500.0;

/// What a search minimises.
pub(super) trait Objective: Sync {
    /// How many features there are; bit `j` of a set is feature `j`, the strongest first.
    fn n_features(&self) -> usize;
    /// No card with the features `certain` and at most `room` of `free` is below this. May stop at `enough`.
    fn bound(&self, certain: u64, free: u64, room: usize, enough: f64) -> f64;
    /// No card with exactly these features is below this. May stop at `enough`.
    fn bound_of_set(&self, set: u64, enough: f64) -> f64;
    /// The best card with these features (or some of them), if it is below `below`.
    fn solve(&self, set: u64, below: f64, run: &Run) -> Result<Option<Found>>;
}

/// A card.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// Its features, and the points of each in the order of their bits.
    pub(super) set: u64,
    pub(super) points: Vec<i32>,
    /// Added to the points that apply.
    pub(super) offset: i32,
    pub(super) objective: f64,
}

/// The best card and how good it is.
pub(super) struct Searched {
    pub(super) best: Found,
    /// No card within the limits has a lower objective.
    pub(super) lower: f64,
    /// Sets of features that were bounded or solved.
    pub(super) n_sets: u64,
    /// What ended the search before it was complete.
    pub(super) stopped: Option<&'static str>,
}

struct Waiting {
    bound: f64,
    number: u64,
    set: u64,
    next: usize,
}

struct Expanded {
    children: Vec<Waiting>,
    best: Option<Found>,
    n_sets: u64,
    is_complete: bool,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound.total_cmp(&other.bound).then(self.number.cmp(&other.number))
    }
}

/// Looks for the best card with at most `max_features` until it is proven or the time of `limit` is over.
/// Interrupting `run` is an error, running out of `limit` is not.
pub(super) fn search(
    objective: &dyn Objective,
    max_features: usize,
    run: &Run,
    limit: &Run,
) -> Result<Searched> {
    let n = objective.n_features();
    let k = max_features.min(n);
    let mut n_sets = 1;
    // A card without features needs no time to speak of, so there is always an answer.
    let mut best = objective.solve(0, f64::INFINITY, run)?.ok_or_else(|| Error::Numeric {
        method: "risk score".into(),
        what: "no card has a finite loss".into(),
    })?;
    let all = if n == 64 { u64::MAX } else { (1 << n) - 1 };
    let root = objective.bound(0, all, k, f64::INFINITY);
    n_sets += begin(objective, k, &mut best, run, limit)?;
    let mut heap = BinaryHeap::from([Reverse(Waiting { bound: root, number: 0, set: 0, next: 0 })]);
    let mut number = 0;
    let mut stopped = None;
    let mut left_open = f64::INFINITY;
    while stopped.is_none() {
        run.check()?;
        stopped = limit.check().is_err().then_some("the time limit");
        if heap.len() > MAX_NODES {
            stopped = Some("the limit of waiting nodes");
        }
        let mut batch = Vec::new();
        while stopped.is_none() && batch.len() < BATCH {
            match heap.pop() {
                Some(Reverse(node)) if node.bound < best.objective - TOLERANCE => batch.push(node),
                // All that wait behind it are no better.
                Some(_) => heap.clear(),
                None => break,
            }
        }
        if batch.is_empty() {
            break;
        }
        let work = || batch.par_iter().map(|node| expand(objective, node, k, &best, limit)).collect();
        let expanded: Vec<Result<Expanded>> = limit.install(work);
        for (node, found) in batch.into_iter().zip(expanded) {
            let found = found?;
            n_sets += found.n_sets;
            if !found.is_complete {
                left_open = left_open.min(node.bound);
            }
            if let Some(card) = found.best.filter(|card| card.objective < best.objective) {
                best = card;
            }
            for mut child in found.children {
                number += 1;
                child.number = number;
                heap.push(Reverse(child));
            }
        }
    }
    run.check()?;
    let waiting = heap.into_iter().map(|node| node.0.bound).fold(left_open, f64::min);
    Ok(Searched { lower: best.objective.min(waiting), best, n_sets, stopped })
}

/// Forward selection and exchange by the bounds of sets, each best set solved.
fn begin(objective: &dyn Objective, k: usize, best: &mut Found, run: &Run, limit: &Run) -> Result<u64> {
    let n = objective.n_features();
    let (mut set, mut n_sets) = (0_u64, 0);
    let least = |sets: Vec<u64>| -> Option<(f64, u64)> {
        let bounds = |set: &u64| (objective.bound_of_set(*set, f64::INFINITY), *set);
        let found: Vec<(f64, u64)> = limit.install(|| sets.par_iter().map(bounds).collect());
        found.into_iter().min_by(|a, b| a.0.total_cmp(&b.0))
    };
    let keep = |set: u64, best: &mut Found| -> Result<()> {
        match objective.solve(set, best.objective, limit) {
            Ok(Some(card)) => *best = card,
            Ok(None) => {}
            Err(_) => run.check()?,
        }
        Ok(())
    };
    for _ in 0..k {
        run.check()?;
        let wider: Vec<u64> = (0..n).map(|j| set | 1 << j).filter(|wider| *wider != set).collect();
        n_sets += wider.len() as u64;
        let Some((mut now, chosen)) = least(wider) else { break };
        set = chosen;
        while limit.check().is_ok() {
            let out = super::cells::bits(set);
            let swaps: Vec<u64> = out
                .flat_map(|i| {
                    (0..n).filter(move |j| set >> j & 1 == 0).map(move |j| set ^ (1 << i) ^ (1 << j))
                })
                .collect();
            n_sets += swaps.len() as u64;
            match least(swaps) {
                Some((bound, swapped)) if bound < now - TOLERANCE => (now, set) = (bound, swapped),
                _ => break,
            }
        }
        keep(set, best)?;
    }
    Ok(n_sets)
}

/// How many sets a node stands for that add 1 to `room` of `n` features.
fn n_below(n: usize, room: usize) -> f64 {
    let mut term = 1.0;
    let mut sum = 0.0;
    for i in 0..room.min(n) {
        term *= (n - i) as f64 / (i + 1) as f64;
        sum += term;
    }
    sum
}

fn expand(
    objective: &dyn Objective,
    node: &Waiting,
    k: usize,
    best: &Found,
    limit: &Run,
) -> Result<Expanded> {
    let n = objective.n_features();
    let mut out = Expanded { children: Vec::new(), best: None, n_sets: 0, is_complete: true };
    let mut ceiling = best.objective;
    let room = k - node.set.count_ones() as usize;
    for j in node.next..n {
        if limit.check().is_err() {
            return Ok(Expanded { children: Vec::new(), is_complete: false, ..out });
        }
        let set = node.set | 1 << j;
        out.n_sets += 1;
        if node.bound.max(objective.bound_of_set(set, ceiling - TOLERANCE)) < ceiling - TOLERANCE {
            match objective.solve(set, ceiling, limit) {
                Ok(Some(card)) => {
                    ceiling = card.objective;
                    out.best = Some(card);
                }
                Ok(None) => {}
                // Only the limit stops a solution; what was found before it counts.
                Err(_) => return Ok(Expanded { children: Vec::new(), is_complete: false, ..out }),
            }
        }
        let (rest, room) = (n - j - 1, room - 1);
        if rest == 0 || room == 0 {
            continue;
        }
        let mut bound = node.bound;
        if n_below(rest, room) > MANY_SETS {
            let free = if j + 1 >= 64 { 0 } else { (u64::MAX << (j + 1)) & (u64::MAX >> (64 - n)) };
            bound = bound.max(objective.bound(set, free, room, ceiling - TOLERANCE));
        }
        if bound < ceiling - TOLERANCE {
            out.children.push(Waiting { bound, number: 0, set, next: j + 1 });
        }
    }
    Ok(out)
}
