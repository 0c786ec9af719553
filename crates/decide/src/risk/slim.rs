//! The objective of SLIM: the share of wrong verdicts, a price per feature, and a trace of the points' size.

use anomalyst_core::{Result, Run};

use super::cells::{Cells, bits};
use super::search::{Found, Objective};

/// Points within limits that decide by a threshold on their sum.
pub(super) struct Slim {
    cells: Cells,
    low: Vec<i32>,
    high: Vec<i32>,
    price: f64,
    /// Price of one point; so small that it only decides between equals, which leaves no common divisor.
    trace: f64,
}

impl Slim {
    /// Limits per bit.
    pub(super) fn new(cells: Cells, low: Vec<i32>, high: Vec<i32>, price: f64, max_features: usize) -> Self {
        let largest = low.iter().chain(&high).map(|v| v.abs()).max().unwrap_or(1).max(1);
        let step = if price > 0.0 { price.min(1.0 / cells.total) } else { 1.0 / cells.total };
        // A tenth of the least difference of the other terms, shared by all points that a card can have.
        let trace = 0.1 * step / (f64::from(largest) * max_features.max(1) as f64);
        Self { cells, low, high, price, trace }
    }

    fn price_of(&self, set: u64) -> f64 {
        self.price * f64::from(set.count_ones())
    }
}

impl Objective for Slim {
    fn n_features(&self) -> usize {
        self.cells.n_bits
    }

    /// Rows that agree in every feature that the card may use get the same verdict, so the rarer label is wrong.
    fn bound(&self, certain: u64, free: u64, _: usize, _: f64) -> f64 {
        self.cells.project(certain | free).least_errors() / self.cells.total + self.price_of(certain)
    }

    fn bound_of_set(&self, set: u64, _: f64) -> f64 {
        let least_points = self.trace * f64::from(set.count_ones());
        self.cells.project(set).least_errors() / self.cells.total + self.price_of(set) + least_points
    }

    fn solve(&self, set: u64, below: f64, run: &Run) -> Result<Option<Found>> {
        let cells = self.cells.project(set);
        let limits: Vec<[i32; 2]> = bits(set).map(|bit| [self.low[bit], self.high[bit]]).collect();
        let mut rest = vec![vec![[0, 0]; cells.patterns.len()]];
        for (bit, [low, high]) in limits.iter().enumerate().rev() {
            let after = rest.last().cloned().unwrap_or_default();
            let with = |(cell, [a, b]): (usize, [i32; 2])| {
                let holds = (cells.patterns[cell] >> bit & 1) as i32;
                [a + holds * low, b + holds * high]
            };
            rest.push(after.into_iter().enumerate().map(with).collect());
        }
        rest.reverse();
        let mut walk = Walk {
            cells: &cells,
            limits,
            rest,
            per_error: 1.0 / cells.total,
            price: self.price_of(set),
            trace: self.trace,
            ceiling: below,
            points: Vec::new(),
            best: None,
            run,
            steps: 0,
        };
        walk.go(&vec![0; cells.patterns.len()], 0)?;
        Ok(walk.best.map(|(points, offset)| Found { set, points, offset, objective: walk.ceiling }))
    }
}

/// Depth-first search of one set's points.
struct Walk<'a> {
    cells: &'a Cells,
    limits: Vec<[i32; 2]>,
    /// `rest[i]` is the range of what features from `i` on can add to each cell.
    rest: Vec<Vec<[i32; 2]>>,
    per_error: f64,
    price: f64,
    trace: f64,
    ceiling: f64,
    points: Vec<i32>,
    best: Option<(Vec<i32>, i32)>,
    run: &'a Run,
    steps: u32,
}

impl Walk<'_> {
    fn go(&mut self, sums: &[i32], size: i32) -> Result<()> {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(256) {
            self.run.check()?;
        }
        let at = self.points.len();
        let (errors, threshold) = self.least_errors(sums, at);
        let to_come = (self.limits.len() - at) as f64;
        let objective = errors * self.per_error + self.price + self.trace * (f64::from(size) + to_come);
        // A margin below the trace of one point, above what rounding leaves.
        if objective >= self.ceiling - 1e-3 * self.trace {
            return Ok(());
        }
        let Some([low, high]) = self.limits.get(at).copied() else {
            self.ceiling = objective;
            self.best = Some((self.points.clone(), -threshold));
            return Ok(());
        };
        let mut values: Vec<i32> = (low..=high).filter(|v| *v != 0).collect();
        values.sort_by_key(|v| (v.abs(), *v < 0));
        for value in values {
            let holds = |cell: usize| (self.cells.patterns[cell] >> at & 1) as i32;
            let next: Vec<i32> = sums.iter().enumerate().map(|(c, sum)| sum + value * holds(c)).collect();
            self.points.push(value);
            self.go(&next, size + value.abs())?;
            self.points.pop();
        }
        Ok(())
    }

    /// Fewest errors of any threshold, each cell taking the better end of what its sum can still become; with the
    /// threshold, from which on rows are flagged.
    fn least_errors(&self, sums: &[i32], at: usize) -> (f64, i32) {
        let range = |cell: usize| {
            let [low, high] = self.rest[at][cell];
            (sums[cell] + low, sums[cell] + high)
        };
        let n = sums.len();
        let first = (0..n).map(|cell| range(cell).0).min().unwrap_or(0);
        let last = (0..n).map(|cell| range(cell).1).max().unwrap_or(0) + 1;
        // Changes of the number of errors from one threshold to the next.
        let mut changes = vec![0.0; (last - first) as usize + 2];
        let mut errors = 0.0;
        for cell in 0..n {
            let (low, high) = range(cell);
            let (a, b) = (self.cells.anomalous[cell], self.cells.normal[cell]);
            errors += b;
            changes[(low - first) as usize + 1] += a.min(b) - b;
            changes[(high - first) as usize + 1] += a - a.min(b);
        }
        let mut best = (f64::INFINITY, first);
        for threshold in first..=last {
            errors += changes[(threshold - first) as usize];
            if errors < best.0 {
                best = (errors, threshold);
            }
        }
        best
    }
}
