//! Growing trees, one after another. The crate finds the splits; the loop is here, so that a run can be stopped and
//! says how far it is.

use anomalyst_core::{Error, Result, Run};
use forust_ml::Matrix;
use forust_ml::binning::bin_matrix;
use forust_ml::constraints::ConstraintMap;
use forust_ml::gradientbooster::GrowPolicy;
use forust_ml::sampler::SampleMethod;
use forust_ml::splitter::MissingImputerSplitter;
use forust_ml::tree::Tree;
use ndarray::Array2;
use rayon::prelude::*;

use super::{BLOCK, GradientBoosting, Trees};

/// With no `l2` at all the gain of an empty side is 0 / 0, and splits of missing from present values are not found.
const LEAST_L2: f32 = 1e-6;

impl GradientBoosting {
    /// Trees that tell rows with `is_odd` from the others, of which there must be some of each.
    pub(crate) fn grow(&self, values: &Array2<f32>, is_odd: &[bool], run: &Run) -> Result<Trees> {
        run.check()?;
        let stage = run.stage("growing trees", self.n_trees as u64);
        let values = values.as_standard_layout();
        let (n, d) = values.dim();
        let n_odd = is_odd.iter().filter(|&&odd| odd).count() as f64;
        let n_normal = n as f64 - n_odd;
        let ratio = (n_normal / n_odd).powf(self.balance);
        let weights = [1.0, ratio].map(|weight| weight * n as f64 / (n_normal + ratio * n_odd));
        let base = (ratio * n_odd / n_normal).ln();

        let columns: Vec<f64> = values
            .columns()
            .into_iter()
            .flat_map(|column| column.into_iter().map(|&v| f64::from(v)))
            .collect();
        let equal = vec![1.0; n];
        let binned =
            bin_matrix(&Matrix::new(&columns, n, d), &equal, self.n_bins as u16, f64::NAN, true).map_err(
                |error| Error::Numeric { method: "gradient_boosting".into(), what: error.to_string() },
            )?;
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
        let mut trees = Trees::new(base - ratio.ln());
        let mut sums = vec![base; n];
        let (mut slopes, mut curvatures) = (vec![0.0_f32; n], vec![0.0_f32; n]);
        for _ in 0..self.n_trees {
            run.check()?;
            let targets = sums.par_iter().zip(is_odd.par_iter());
            slopes.par_iter_mut().zip(&mut curvatures).zip(targets).with_min_len(BLOCK).for_each(
                |((slope, curvature), (sum, &odd))| {
                    let (p, weight) = (1.0 / (1.0 + (-sum).exp()), weights[usize::from(odd)]);
                    *slope = (weight * (p - f64::from(u8::from(odd)))) as f32;
                    *curvature = (weight * p * (1.0 - p)) as f32;
                },
            );
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
                true,
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
}
