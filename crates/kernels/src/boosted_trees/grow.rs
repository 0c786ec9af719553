//! Growing trees, one after another. The crate finds the splits; the loop is here, so that a run can be stopped and
//! says how far it is.

use anomalyst_core::{Error, Result, Run, Stage};
use forust_ml::Matrix;
use forust_ml::binning::bin_matrix;
use forust_ml::constraints::ConstraintMap;
use forust_ml::gradientbooster::GrowPolicy;
use forust_ml::sampler::SampleMethod;
use forust_ml::splitter::MissingImputerSplitter;
use forust_ml::tree::Tree;
use ndarray::ArrayView2;
use rayon::prelude::*;

use super::{BLOCK, Boosting, Trees};

/// Cells from which on it pays to share the work of a tree among threads; what is grown is the same.
const MANY_CELLS: usize = 1 << 17;
/// With no `l2` at all the gain of an empty side is 0 / 0, and splits of missing from present values are not found.
const LEAST_L2: f32 = 1e-6;

impl Boosting {
    /// Trees over the rows of `values` (finite or NaN), of which there must be one. Sums begin at `base`; `loss` gives
    /// slope and curvature of the loss of a row at a sum. `stage` advances by one for each tree. Ends early where a tree
    /// has nothing to split.
    ///
    /// # Errors
    /// Where the run is stopped or columns cannot be cut into bins.
    pub fn grow(
        &self,
        values: ArrayView2<'_, f32>,
        base: f64,
        loss: impl Fn(usize, f64) -> (f32, f32) + Sync,
        stage: &Stage,
        run: &Run,
    ) -> Result<Trees> {
        run.check()?;
        let values = values.as_standard_layout();
        let (n, d) = values.dim();
        let columns: Vec<f64> = values
            .columns()
            .into_iter()
            .flat_map(|column| column.into_iter().map(|&v| f64::from(v)))
            .collect();
        let equal = vec![1.0; n];
        let parallel = n * d >= MANY_CELLS;
        let binned = bin_matrix(&Matrix::new(&columns, n, d), &equal, self.n_bins as u16, f64::NAN, parallel)
            .map_err(|error| Error::Numeric { method: "boosted trees".into(), what: error.to_string() })?;
        drop(columns);
        let bins = Matrix::new(&binned.binned_data, n, d);
        let splitter = MissingImputerSplitter {
            l1: 0.0,
            l2: (self.l2 as f32).max(LEAST_L2),
            max_delta_step: 0.0,
            gamma: 0.0,
            min_leaf_weight: self.min_leaf_weight as f32,
            learning_rate: self.learning_rate as f32,
            allow_missing_splits: true,
            constraints_map: ConstraintMap::new(),
        };
        let column_order: Vec<usize> = (0..d).collect();
        let mut trees = Trees::new(base);
        let mut sums = vec![base; n];
        let (mut slopes, mut curvatures) = (vec![0.0_f32; n], vec![0.0_f32; n]);
        for _ in 0..self.n_trees {
            run.check()?;
            slopes
                .par_iter_mut()
                .zip(&mut curvatures)
                .zip(&sums)
                .enumerate()
                .with_min_len(BLOCK)
                .for_each(|(row, ((slope, curvature), &sum))| (*slope, *curvature) = loss(row, sum));
            let mut tree = Tree::new();
            tree.fit(
                &bins,
                (0..n).collect(),
                &column_order,
                &binned.cuts,
                &slopes,
                &curvatures,
                &splitter,
                self.max_leaves,
                usize::MAX,
                parallel,
                &SampleMethod::None,
                &GrowPolicy::LossGuide,
            );
            stage.advance(1);
            // A tree without a split adds nothing, nor would any after it.
            if tree.nodes.len() < 2 {
                break;
            }
            let added = trees.push(&tree)?;
            sums.par_chunks_mut(BLOCK).enumerate().for_each(|(block, sums)| {
                for (i, sum) in sums.iter_mut().enumerate() {
                    let row = values.row(block * BLOCK + i);
                    *sum += f64::from(trees.leaf(added.clone(), row.to_slice().unwrap_or_default()));
                }
            });
        }
        Ok(trees)
    }

    /// Trees that predict `targets`, one for each row, by least squares from their mean; [`Trees`] keep what Shapley
    /// values need. Targets should be about 1 in size: slopes are kept in 32 bits.
    ///
    /// # Errors
    /// Where the run is stopped or columns cannot be cut into bins.
    pub fn regress(
        &self,
        values: ArrayView2<'_, f32>,
        targets: &[f64],
        stage: &Stage,
        run: &Run,
    ) -> Result<Trees> {
        let mean = targets.iter().sum::<f64>() / targets.len().max(1) as f64;
        self.grow(values, mean, |row, sum| ((sum - targets[row]) as f32, 1.0), stage, run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn regress(boosting: Boosting, values: &Array2<f32>, targets: &[f64]) -> Trees {
        let run = Run::new(0);
        boosting.regress(values.view(), targets, &run.stage("", 0), &run).unwrap()
    }

    const ONE: Boosting = Boosting {
        n_trees: 1,
        learning_rate: 1.0,
        max_leaves: 2,
        min_leaf_weight: 1.0,
        l2: 0.0,
        n_bins: 255,
    };

    /// The mean is 4; the best cut leaves means 1 and 7, and half a step goes half the way.
    #[test]
    fn one_step_of_least_squares() {
        let (values, targets) = (array![[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 6.0, 8.0]);
        let full = regress(ONE, &values, &targets);
        let half = regress(Boosting { learning_rate: 0.5, ..ONE }, &values, &targets);
        for (x, want) in [(-9.0, 1.0), (1.0, 1.0), (2.0, 7.0), (99.0, 7.0)] {
            assert!((full.sum(&[x]) - want).abs() < 1e-4);
            assert!((half.sum(&[x]) - (2.0 + want / 2.0)).abs() < 1e-4);
        }
    }

    /// Least squares of many trees comes arbitrarily close; of what no column tells, the mean is left.
    #[test]
    fn many_trees_learn_what_columns_tell() {
        let values = Array2::from_shape_fn((200, 2), |(i, j)| [(i % 17) as f32, (i * 7 % 11) as f32][j]);
        let targets: Vec<f64> = values.rows().into_iter().map(|row| f64::from(row[0] * row[1])).collect();
        let many = Boosting { n_trees: 300, learning_rate: 0.2, max_leaves: 8, ..ONE };
        let trees = regress(many, &values, &targets);
        let mean = targets.iter().sum::<f64>() / 200.0;
        let sum = |row: ndarray::ArrayView1<'_, f32>| trees.sum(row.to_slice().unwrap());
        let left: f64 = values.rows().into_iter().zip(&targets).map(|(row, y)| (sum(row) - y).powi(2)).sum();
        let all: f64 = targets.iter().map(|y| (y - mean).powi(2)).sum();
        assert!(left < 1e-3 * all, "{left} of {all}");
        let nothing = regress(many, &Array2::zeros((200, 2)), &targets);
        assert!((nothing.sum(&[5.0, 5.0]) - mean).abs() < 1e-9);
    }
}
