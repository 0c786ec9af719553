//! The fitted forest, which all kinds of isolation forest share: trees, and how their leaves become scores.

use anomalyst_core::{
    Attribute, Attributions, Checked, Features, Model, ModelReader, ModelWriter, Result, Run, Shape,
};
use ndarray::Array2;
use rayon::prelude::*;

use super::lookup::{self, BLOCK, Keys, Lookup};
use super::plan::Plan;
use super::tree::{Tree, average_path_length};
use super::{grow, persist, walk};

/// Blocks that a thread scores before it takes the next.
const BLOCKS: usize = 16;

/// The trees, and their fast form where they have one.
pub struct IsolationForestModel {
    pub(super) trees: Vec<Tree>,
    pub(super) lookup: Option<Lookup>,
}

impl IsolationForestModel {
    /// Grows the trees of a plan.
    pub(crate) fn grow(plan: &Plan, rows: &Features, run: &Run) -> Result<Self> {
        let stage = run.stage("growing trees", plan.n_trees as u64);
        let grow = |number| {
            run.check()?;
            let tree = grow::grow(plan, rows, run.random(number as u64));
            stage.advance(1);
            Ok(tree)
        };
        let trees = (0..plan.n_trees).into_par_iter().map(grow).collect::<Result<Vec<Tree>>>()?;
        Ok(Self::new(trees, rows.n_values()))
    }

    fn new(trees: Vec<Tree>, n_values: usize) -> Self {
        let lookup = Lookup::new(&trees, n_values);
        Self { trees, lookup }
    }

    /// Leaves hold log densities instead of path lengths.
    fn is_density(&self) -> bool {
        self.trees[0].has_volumes()
    }

    /// What a tree's path lengths are measured in: their mean, or 1 for log densities.
    pub(super) fn unit(&self) -> f64 {
        if self.is_density() { 1.0 } else { average_path_length(self.trees[0].nodes[0].count) }
    }

    /// Leaf values of rows `first..`, one per sum, added up over the trees in their order.
    pub(super) fn add_values(
        &self,
        rows: &Features,
        first: usize,
        keys: Option<&mut Keys>,
        sums: &mut [f64],
    ) {
        let (Some(lookup), Some(keys)) = (&self.lookup, keys) else {
            return self.walk_values(rows, first, sums);
        };
        let mut all = [0.0; BLOCK];
        let has_gaps = lookup::fill(keys, rows, first, sums.len());
        lookup.add(keys, &mut all);
        sums.copy_from_slice(&all[..sums.len()]);
        for (i, sum) in sums.iter_mut().enumerate() {
            if has_gaps[i] {
                *sum = 0.0;
                self.walk_values(rows, first + i, std::slice::from_mut(sum));
            }
        }
    }

    /// The same for any tree and any row.
    pub(super) fn walk_values(&self, rows: &Features, first: usize, sums: &mut [f64]) {
        for tree in &self.trees {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum += walk::value(tree, rows, first + i);
            }
        }
    }
}

impl Model for IsolationForestModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let per_row = -1.0 / (self.trees.len() as f64 * self.unit());
        let is_density = self.is_density();
        let mut scores = vec![0.0_f32; rows.n_parts()];
        // A block for a handful of rows would be work for nothing.
        let pays = self.lookup.is_some() && rows.n_parts() >= BLOCK / 8;
        scores.par_chunks_mut(BLOCKS * BLOCK).enumerate().try_for_each(|(task, scores)| {
            let mut keys = if pays { lookup::new_keys() } else { None };
            for (block, scores) in scores.chunks_mut(BLOCK).enumerate() {
                run.check()?;
                let mut sums = [0.0; BLOCK];
                let sums = &mut sums[..scores.len()];
                let first = (task * BLOCKS + block) * BLOCK;
                self.add_values(rows.features(), first, keys.as_deref_mut(), sums);
                if is_density {
                    scores.iter_mut().zip(sums).for_each(|(score, sum)| *score = (*sum * per_row) as f32);
                } else {
                    scores
                        .iter_mut()
                        .zip(sums)
                        .for_each(|(score, sum)| *score = (*sum * per_row).exp2() as f32);
                }
            }
            Ok(())
        })?;
        Ok(scores)
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        persist::save(&self.trees, out);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        Ok(Self::new(persist::load(from, shape)?, shape.n_values))
    }
}

impl Attribute for IsolationForestModel {
    /// What each column adds to `log2(2 score)`, or to the score if it is a density's.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let (features, n_values) = (rows.features(), rows.n_values());
        let width = n_values + rows.n_codes();
        let mut shares = Array2::<f32>::zeros((rows.n_parts(), width));
        let per_row = 1.0 / (self.trees.len() as f64 * self.unit());
        let mut lines: Vec<_> = shares.rows_mut().into_iter().collect();
        lines.par_iter_mut().enumerate().try_for_each(|(row, out)| {
            run.check()?;
            let mut sums = vec![0.0; width];
            let mut ledger = walk::Ledger { rows: features, row, sums: &mut sums };
            self.trees.iter().for_each(|tree| ledger.book(tree));
            out.iter_mut().zip(sums).for_each(|(share, sum)| *share = (sum * per_row) as f32);
            Ok(())
        })?;
        let codes = shares.slice(ndarray::s![.., n_values..]).to_owned();
        Ok(Attributions { values: shares.slice(ndarray::s![.., ..n_values]).to_owned(), codes })
    }
}
