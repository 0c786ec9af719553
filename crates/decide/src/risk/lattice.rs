//! The objective of RiskSLIM: logistic loss of whole points, and a price per feature.

use anomalyst_core::{Result, Run};

use super::cells::{Cells, bits};
use super::integer::best_integers;
use super::relax::{Node, relax};
use super::search::{Found, Objective};

/// Whole points within limits for the indicators of some cells.
pub(super) struct Lattice {
    cells: Cells,
    /// Per bit, and the intercept at the end.
    low: Vec<i32>,
    high: Vec<i32>,
    real: [Vec<f64>; 2],
    price: f64,
    /// Solves the relaxation without a limit on features; where others begin.
    root: Vec<f64>,
}

impl Lattice {
    pub(super) fn new(cells: Cells, low: Vec<i32>, high: Vec<i32>, price: f64) -> Self {
        let real = [&low, &high].map(|limits| limits.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>());
        let all = if cells.n_bits == 64 { u64::MAX } else { (1 << cells.n_bits) - 1 };
        let node =
            Node { cells: &cells, low: &real[0], high: &real[1], certain: all, free: 0, room: 0, price: 0.0 };
        let root = relax(&node, &vec![0.0; cells.n_bits + 1], f64::INFINITY).weights;
        Self { cells, low, high, real, price, root }
    }

    /// The limits of a set's bits and of the intercept.
    fn limits_of<T: Copy>(limits: &[T], set: u64) -> Vec<T> {
        bits(set).chain(limits.len().checked_sub(1)).map(|bit| limits[bit]).collect()
    }
}

impl Objective for Lattice {
    fn n_features(&self) -> usize {
        self.cells.n_bits
    }

    fn bound(&self, certain: u64, free: u64, room: usize, enough: f64) -> f64 {
        let [low, high] = &self.real;
        let node = Node { cells: &self.cells, low, high, certain, free, room, price: self.price };
        relax(&node, &self.root, enough).bound
    }

    fn bound_of_set(&self, set: u64, enough: f64) -> f64 {
        let cells = self.cells.project(set);
        let [low, high] = [0, 1].map(|side| Self::limits_of(&self.real[side], set));
        let start = Self::limits_of(&self.root, set);
        let certain = (1 << cells.n_bits) - 1;
        let node =
            Node { cells: &cells, low: &low, high: &high, certain, free: 0, room: 0, price: self.price };
        relax(&node, &start, enough).bound
    }

    fn solve(&self, set: u64, below: f64, run: &Run) -> Result<Option<Found>> {
        let cells = self.cells.project(set);
        let (low, high) = (Self::limits_of(&self.low, set), Self::limits_of(&self.high, set));
        let price = self.price * f64::from(set.count_ones());
        let Some(found) = best_integers(&cells, &low, &high, below - price, run)? else { return Ok(None) };
        let mut points = found.points;
        let offset = points.pop().unwrap_or_default();
        let n_used = points.iter().filter(|p| **p != 0).count();
        Ok(Some(Found { set, points, offset, objective: found.loss + self.price * n_used as f64 }))
    }
}
