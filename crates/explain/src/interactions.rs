//! How strongly two features act together, over all models that are about as good as the best.
//!
//! # Idea
//! One well-fitted model can show an interaction that an equally good one does without. So the question is asked of
//! all of them: what is the least, and what the most, that a pair contributes beyond its two single effects? Only
//! where even the least is not 0 do the labels ask for the interaction.
//!
//! # Equations
//! - Models: `z = w_0 + sum w_i x_i + sum_{i<j} w_ij u_ij` with standardised features and products `u_ij`, the logistic
//!   loss `L` with a ridge. Competing: `L(w) <= (1 + within) L*`, a convex set.
//! - Strength of a pair: `|w_ij|`, in log odds per standard deviation of the product. Both ends of `w_ij` over the
//!   competing models are exact: the edge of a convex set in one direction (`anomalyst_kernels::logistic`). The least
//!   strength is 0 where the two ends differ in sign.
//! - Score of a pair in a model (Li et al.): `phi_ij - phi_i - phi_j`, where `phi_S` is how much the loss grows when the
//!   columns of `S` are shuffled together. Its range is over the models found: the best, the two ends of the pair, and
//!   the best with the pair's inputs masked, `x_i -> m_i x_i`, for a grid of masks that stay within the loss.
//!
//! # Complexity
//! `p = d (d + 1) / 2` terms: O(n p^2 + p^3) for the best model, about ten passes of O(n p) per end of a pair, and 28
//! models of 3 shuffles of O(n p) per pair for its scores.
//!
//! # Use when / Avoid when
//! To see whether a story about two columns is in the data or in one model. Columns that nearly repeat each other
//! make every interaction between them replaceable, so its least strength is 0: that is what it should be.
//!
//! # Differences
//! - The paper masks the inputs of one trained network, greedily, and takes the range of its score. That explores a curve
//!   through the set and its score is not 0 for additive models under a logistic loss. Here the range of the strength is
//!   exact for all pairwise models; the paper's score is given beside it.
//!
//! # References
//! Li, Wang, Deng, Barnard 2024, Exploring the cloud of feature interaction scores in a Rashomon set, ICLR.
//! Fisher, Rudin, Dominici 2019, JMLR 20(177).
//!
//! # Example
//! ```
//! use anomalyst_core::Run;
//! use anomalyst_explain::Interactions;
//! let x = ndarray::Array2::from_shape_fn((64, 2), |(i, j)| if (i >> j) % 2 == 0 { -1.0 } else { 1.0 });
//! // Anomalous where both signs agree, but for a few rows.
//! let labels: Vec<bool> = (0..64).map(|i| (x[[i, 0]] * x[[i, 1]] > 0.0) != (i % 16 == 0)).collect();
//! let found = Interactions::default().pairs(&x, &labels, &[0, 1], &Run::new(0)).unwrap();
//! assert!(found.pairs[0].least > 0.5);
//! ```

use anomalyst_core::{Error, Result, Run};
use anomalyst_kernels::logistic::{Logistic, softplus};
use ndarray::Array2;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::Serialize;

/// Masks per feature of a pair.
const N_MASKS: usize = 5;

/// Which models compete, and how many features are paired.
#[derive(Clone, Debug)]
pub struct Interactions {
    /// Models with a loss of at most `1 + within` times the least compete.
    pub within: f64,
    /// Weight of the ridge; `1 / n` where absent.
    pub ridge: Option<f64>,
    /// Features that are paired: those with the largest single effects, 2 to 20.
    pub max_features: usize,
}

impl Default for Interactions {
    fn default() -> Self {
        Self { within: 0.05, ridge: None, max_features: 12 }
    }
}

/// Two features and how they act together over the competing models.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairRange {
    /// Positions of the features.
    pub features: [usize; 2],
    /// Weight of the product in the best model.
    pub best: f64,
    /// Least and largest weight of any competing model.
    pub weight: [f64; 2],
    /// Least strength: 0 where some competing model does without the pair.
    pub least: f64,
    /// Largest strength.
    pub most: f64,
    /// Least and largest score of Li et al. among the models found.
    pub score: [f64; 2],
}

/// All pairs, the largest least strength first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InteractionRanges {
    /// The pairs.
    pub pairs: Vec<PairRange>,
    /// Features that were paired.
    pub features: Vec<usize>,
    /// Loss of the best model, with its ridge.
    pub loss: f64,
    /// Loss up to which models compete.
    pub bound: f64,
}

/// A model as a polynomial of the features.
struct Polynomial {
    constant: f64,
    single: Vec<f64>,
    /// `double[i][j]` for `i < j`.
    double: Vec<Vec<f64>>,
}

/// Rows and labels with what turns weights into polynomials.
struct Data<'a> {
    x: Array2<f64>,
    labels: &'a [bool],
    /// `(i, j, mean, unit)` of each product, in the order of the weights.
    products: Vec<(usize, usize, f64, f64)>,
    problem: Logistic,
    bound: f64,
}

impl Interactions {
    /// Every pair of the features that matter most. `columns[j]` says which column feature `j` is of: features of one
    /// column exclude each other and are not paired.
    pub fn pairs(
        &self,
        x: &Array2<f64>,
        labels: &[bool],
        columns: &[usize],
        run: &Run,
    ) -> Result<InteractionRanges> {
        self.check(x, labels, columns)?;
        let ridge = self.ridge.unwrap_or(1.0 / labels.len() as f64);
        let features = self.strongest(x, labels, ridge, run)?;
        let chosen = Array2::from_shape_fn((x.nrows(), features.len()), |(i, j)| x[[i, features[j]]]);
        let products = products(&chosen, |a, b| columns[features[a]] != columns[features[b]]);
        let d = features.len();
        let terms = Array2::from_shape_fn((x.nrows(), d + products.len()), |(row, term)| {
            if term < d {
                return chosen[[row, term]];
            }
            let (i, j, mean, unit) = products[term - d];
            (chosen[[row, i]] * chosen[[row, j]] - mean) / unit
        });
        let problem = Logistic::of_labels(terms, labels, ridge)?;
        let minimum = problem.fit(run)?;
        let bound = (1.0 + self.within) * minimum.value;
        let data = Data { x: chosen, labels, products, problem, bound };
        let stage = run.stage("interactions", data.products.len() as u64);
        let order = shuffle_of(labels.len(), run);
        let one = |at: usize| -> Result<PairRange> {
            let mut direction = vec![0.0; data.problem.n_weights()];
            let mut edge = |side: f64| {
                direction[1 + d + at] = side;
                data.problem.extreme(&minimum, &direction, bound, run)
            };
            let (low, high) = (edge(1.0)?, edge(-1.0)?);
            let best = minimum.weights[1 + d + at];
            let weight = [low.value.min(best), (-high.value).max(best)];
            let least =
                if weight[0] <= 0.0 && weight[1] >= 0.0 { 0.0 } else { weight[0].abs().min(weight[1].abs()) };
            let (i, j, ..) = data.products[at];
            let mut score = [f64::INFINITY, f64::NEG_INFINITY];
            let models = [&minimum.weights, &low.weights, &high.weights];
            let edges = models.into_iter().map(|w| data.polynomial(w));
            for model in edges.chain(data.masked(&minimum.weights, i, j)) {
                run.check()?;
                let value = data.score(&model, i, j, &order);
                score = [score[0].min(value), score[1].max(value)];
            }
            stage.advance(1);
            let most = weight[0].abs().max(weight[1].abs());
            Ok(PairRange { features: [features[i], features[j]], best, weight, least, most, score })
        };
        let mut pairs: Vec<PairRange> =
            run.install(|| (0..data.products.len()).into_par_iter().map(one).collect::<Result<_>>())?;
        let by_strength = |a: &PairRange, b: &PairRange| {
            b.least.total_cmp(&a.least).then(b.best.abs().total_cmp(&a.best.abs()))
        };
        pairs.sort_by(by_strength);
        Ok(InteractionRanges { pairs, features, loss: minimum.value, bound })
    }

    /// The features with the largest weights in a model without products, in their order.
    fn strongest(&self, x: &Array2<f64>, labels: &[bool], ridge: f64, run: &Run) -> Result<Vec<usize>> {
        let mut order: Vec<usize> = (0..x.ncols()).collect();
        if order.len() > self.max_features {
            let weights = Logistic::of_labels(x.clone(), labels, ridge)?.fit(run)?.weights;
            order.sort_by(|a, b| weights[b + 1].abs().total_cmp(&weights[a + 1].abs()).then(a.cmp(b)));
            order.truncate(self.max_features);
            order.sort_unstable();
        }
        Ok(order)
    }

    fn check(&self, x: &Array2<f64>, labels: &[bool], columns: &[usize]) -> Result<()> {
        let bad = |name: &str, got: String, want: &str| {
            Err(Error::BadParameter { name: name.into(), got, want: want.into() })
        };
        if !(self.within > 0.0 && self.within <= 1.0) {
            return bad("within", self.within.to_string(), "above 0 and at most 1");
        }
        if !(2..=20).contains(&self.max_features) {
            return bad("max-features", self.max_features.to_string(), "from 2 to 20");
        }
        if let Some(ridge) = self.ridge.filter(|r| !(*r > 0.0 && r.is_finite())) {
            return bad("ridge", ridge.to_string(), "above 0 and finite");
        }
        if x.nrows() != labels.len() || x.ncols() != columns.len() {
            return Err(Error::Data(format!(
                "{} labels and {} columns for {} rows of {} features",
                labels.len(),
                columns.len(),
                x.nrows(),
                x.ncols()
            )));
        }
        if x.ncols() < 2 {
            return Err(Error::Data("interactions need at least two features".into()));
        }
        let n = labels.iter().filter(|l| **l).count();
        if n == 0 || n == labels.len() {
            return Err(Error::Data(format!(
                "interactions need rows of both labels, but {n} of {} rows are anomalous",
                labels.len()
            )));
        }
        Ok(())
    }
}

/// Mean and unit of the product of every two features that may be paired; products without spread are left out.
fn products(x: &Array2<f64>, may: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize, f64, f64)> {
    let n = x.nrows() as f64;
    let mut found = Vec::new();
    for i in 0..x.ncols() {
        for j in (i + 1..x.ncols()).filter(|j| may(i, *j)) {
            let product = |row: usize| x[[row, i]] * x[[row, j]];
            let mean = (0..x.nrows()).map(product).sum::<f64>() / n;
            let spread = (0..x.nrows()).map(|row| (product(row) - mean).powi(2)).sum::<f64>() / n;
            if spread > 1e-12 {
                found.push((i, j, mean, spread.sqrt()));
            }
        }
    }
    found
}

/// The row whose cells each row gets when a feature is shuffled.
fn shuffle_of(n: usize, run: &Run) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut run.random(1));
    order
}

impl Data<'_> {
    fn polynomial(&self, weights: &[f64]) -> Polynomial {
        let d = self.x.ncols();
        let mut constant = weights[0];
        let mut double = vec![vec![0.0; d]; d];
        for ((i, j, mean, unit), w) in self.products.iter().zip(&weights[1 + d..]) {
            double[*i][*j] = w / unit;
            constant -= w * mean / unit;
        }
        Polynomial { constant, single: weights[1..=d].to_vec(), double }
    }

    /// The model of `weights` that sees `m_i x_i` and `m_j x_j`, for a grid of masks that keep the bound.
    fn masked(&self, weights: &[f64], i: usize, j: usize) -> Vec<Polynomial> {
        let with = |masks: &[(usize, f64)]| {
            let mut model = self.polynomial(weights);
            for (feature, mask) in masks {
                model.single[*feature] *= mask;
                for other in 0..self.x.ncols() {
                    model.double[(*feature).min(other)][(*feature).max(other)] *= mask;
                }
            }
            model
        };
        let competes = |model: &Polynomial| self.objective(model) <= self.bound;
        // Furthest mask on each side of 1 that competes, by halving.
        let end = |feature: usize, far: f64| {
            if competes(&with(&[(feature, far)])) {
                return far;
            }
            let (mut inside, mut outside) = (1.0, far);
            for _ in 0..12 {
                let middle = 0.5 * (inside + outside);
                if competes(&with(&[(feature, middle)])) { inside = middle } else { outside = middle }
            }
            inside
        };
        let grid = |feature: usize| -> Vec<f64> {
            let (low, high) = (end(feature, 0.0), end(feature, 2.0));
            (0..N_MASKS).map(|k| low + (high - low) * k as f64 / (N_MASKS - 1) as f64).collect()
        };
        let (of_i, of_j) = (grid(i), grid(j));
        let both = of_i.iter().flat_map(|a| of_j.iter().map(move |b| with(&[(i, *a), (j, *b)])));
        both.filter(competes).collect()
    }

    /// The loss with its ridge, of a model given as a polynomial.
    fn objective(&self, model: &Polynomial) -> f64 {
        let d = self.x.ncols();
        let mut weights = vec![model.constant];
        weights.extend(&model.single);
        for (i, j, mean, unit) in &self.products {
            weights.push(model.double[*i][*j] * unit);
            weights[0] += model.double[*i][*j] * mean;
        }
        debug_assert_eq!(weights.len(), 1 + d + self.products.len());
        self.problem.value(&weights)
    }

    /// Mean loss with the cells of some features taken from the rows of `order`.
    fn loss(&self, model: &Polynomial, moved: &[usize], order: &[usize]) -> f64 {
        let d = self.x.ncols();
        let mut row = vec![0.0; d];
        let mut sum = 0.0;
        for (at, label) in self.labels.iter().enumerate() {
            (0..d).for_each(|k| row[k] = self.x[[at, k]]);
            moved.iter().for_each(|k| row[*k] = self.x[[order[at], *k]]);
            let mut z = model.constant;
            for (i, value) in row.iter().enumerate() {
                let pairs: f64 = model.double[i][i + 1..].iter().zip(&row[i + 1..]).map(|(w, v)| w * v).sum();
                z += value * (model.single[i] + pairs);
            }
            sum += softplus(if *label { -z } else { z });
        }
        sum / self.labels.len() as f64
    }

    /// `phi_ij - phi_i - phi_j`.
    fn score(&self, model: &Polynomial, i: usize, j: usize, order: &[usize]) -> f64 {
        let plain = self.loss(model, &[], order);
        let phi = |moved: &[usize]| self.loss(model, moved, order) - plain;
        phi(&[i, j]) - phi(&[i]) - phi(&[j])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_kernels::logistic::sigmoid;
    use rand::RngExt;

    /// Four features; the first two act together, the third alone, the fourth not at all.
    fn planted(n: usize, strength: f64) -> (Array2<f64>, Vec<bool>) {
        let mut random = Run::new(11).random(0);
        let x = Array2::from_shape_fn((n, 4), |_| {
            1.4 * (0..6).map(|_| random.random::<f64>() - 0.5).sum::<f64>()
        });
        let z = |i: usize| strength * x[[i, 0]] * x[[i, 1]] + x[[i, 2]] + 0.5 * x[[i, 0]];
        let labels = (0..n).map(|i| random.random::<f64>() < sigmoid(z(i))).collect();
        (x, labels)
    }

    #[test]
    fn a_planted_interaction_keeps_a_least_strength_and_others_do_not() {
        let (x, labels) = planted(1500, 2.0);
        let found = Interactions::default().pairs(&x, &labels, &[0, 1, 2, 3], &Run::new(0)).unwrap();
        assert_eq!((found.pairs.len(), found.pairs[0].features), (6, [0, 1]));
        assert!(found.pairs[0].least > 0.5 && found.pairs[0].weight[0] > 0.0, "{:?}", found.pairs[0]);
        assert!(found.pairs[1..].iter().all(|p| p.least == 0.0 && p.most > 0.0), "{:?}", found.pairs);
        // Models in between differ, and so does the score of Li et al. over them.
        assert!(
            found
                .pairs
                .iter()
                .all(|p| p.weight[0] < p.best && p.best < p.weight[1] && p.score[0] < p.score[1])
        );
        // Nothing planted, nothing kept.
        let (x, labels) = planted(1500, 0.0);
        let none = Interactions::default().pairs(&x, &labels, &[0, 1, 2, 3], &Run::new(0)).unwrap();
        assert!(none.pairs.iter().all(|p| p.least == 0.0));
    }

    #[test]
    fn ends_are_on_the_bound_and_the_best_scores_between() {
        let (x, labels) = planted(300, 1.0);
        let run = Run::new(0);
        let narrow = Interactions { within: 0.01, ..Interactions::default() };
        let [narrow, wide] =
            [narrow, Interactions::default()].map(|o| o.pairs(&x, &labels, &[0, 1, 2, 3], &run).unwrap());
        for pair in &narrow.pairs {
            let same = wide.pairs.iter().find(|p| p.features == pair.features).unwrap();
            assert!(same.weight[0] < pair.weight[0] && same.weight[1] > pair.weight[1]);
        }
    }

    #[test]
    fn features_of_one_column_are_not_paired_and_few_are_chosen() {
        let (x, labels) = planted(200, 1.0);
        let run = Run::new(0);
        let found = Interactions::default().pairs(&x, &labels, &[0, 0, 1, 2], &run).unwrap();
        assert!(found.pairs.len() == 5 && found.pairs.iter().all(|p| p.features != [0, 1]));
        let two = Interactions { max_features: 2, ..Interactions::default() };
        assert_eq!(two.pairs(&x, &labels, &[0, 1, 2, 3], &run).unwrap().features, [0, 2]);
    }

    /// A polynomial that sees masked inputs is the model of the masked rows.
    #[test]
    fn masks_scale_inputs() {
        let (x, labels) = planted(50, 1.0);
        let products = products(&x, |_, _| true);
        let problem = Logistic::of_labels(Array2::zeros((50, 10)), &labels, 0.1).unwrap();
        let data = Data { x, labels: &labels, products, problem, bound: f64::INFINITY };
        let weights: Vec<f64> = (0..11).map(|k| f64::from(k) / 10.0 - 0.4).collect();
        let masked = data.masked(&weights, 1, 3).pop().unwrap();
        let (model, order) = (data.polynomial(&weights), (0..50).collect::<Vec<usize>>());
        let got = data.loss(&masked, &[], &order);
        let mut doubled = data;
        [1, 3].into_iter().for_each(|k| doubled.x.column_mut(k).mapv_inplace(|v| 2.0 * v));
        assert!((got - doubled.loss(&model, &[], &order)).abs() < 1e-12);
    }

    #[test]
    fn wrong_use_is_said() {
        let (x, labels) = planted(30, 1.0);
        let run = Run::new(0);
        let error = |o: Interactions| o.pairs(&x, &labels, &[0, 1, 2, 3], &run).unwrap_err().to_string();
        assert!(error(Interactions { within: 0.0, ..Interactions::default() }).contains("within"));
        assert!(error(Interactions { max_features: 1, ..Interactions::default() }).contains("max-features"));
        let one =
            Interactions::default().pairs(&x, &[true; 30], &[0, 1, 2, 3], &run).unwrap_err().to_string();
        assert!(one.contains("both"), "{one}");
    }
}
