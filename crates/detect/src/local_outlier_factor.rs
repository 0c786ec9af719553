//! Local outlier factor: how much thinner the data is around a row than around its neighbours.
//!
//! # Idea
//! Distance alone cannot say what is far: what is far in a dense group is near in a loose one. So each row's
//! neighbourhood is compared with the neighbourhoods of its neighbours, and a row is odd when it lies in a much
//! thinner place than they do.
//!
//! # Equations
//! `kd(o)` is the distance from the reference row `o` to its k-th neighbour. In the numbers of Breunig et al.:
//!
//! - reachability (def. 5): `r(x, o) = max(kd(o), d(x, o))`
//! - local reachability density (def. 6): `lrd(x) = 1 / mean_o r(x, o)` over the neighbours `o` of `x`
//! - local outlier factor (def. 7): `s(x) = mean_o lrd(o) / lrd(x)`
//!
//! Reference rows that are equal count as one place with a weight, and the means are weighted.
//!
//! # Score
//! A ratio above 0, at most 1e30. About 1 in the middle of a group, however dense; 2 where the data is half as
//! dense as around the neighbours. If all reference rows are equal there is no density to compare: rows equal to
//! them score 1, others 1 plus their distance.
//!
//! # Complexity
//! One exact neighbour search (see `k_nearest_neighbors`) over the reference rows at fit, O(n^2 d) where nothing
//! can be skipped, and one search per scored row. Memory O(n (d + k)).
//!
//! # Use when / Avoid when
//! Groups of different density, or anomalies just outside a dense group. Avoid where anomalies are plainly far from
//! everything, which `k_nearest_neighbors` finds more steadily, and where anomalies come in groups larger than `k`.
//!
//! # Differences
//! - Exactly `k` neighbours, as in scikit-learn; def. 4 of the paper takes all that are as near as the k-th. Of
//!   equally near places those with the lower coordinates are taken, so the order of rows does not matter.
//! - Duplicates: the paper's def. 6 divides by 0 where more than `k` rows are equal, and scikit-learn adds 1e-10,
//!   which turns factors near a heap of equal rows into 1e7. Here neighbours are the `k` nearest different places
//!   (the paper's k-distinct-distance, remark after def. 6), each weighted by how many rows lie there, and a row's
//!   own duplicates belong to its neighbourhood. A heap then is a dense group like any other: its rows score about
//!   1, a row beside it scores by its distance in units of the distances around the heap. Without duplicates
//!   nothing changes.
//! - `fit_score` leaves each row out of its own neighbours (scikit-learn's `negative_outlier_factor_`, negated).
//!   Scoring a training row as if it were new meets the row itself (`novelty=True`).
//! - `k` is lowered to one less than the number of different places.
//! - `max_reference` keeps a random sample of the training rows; densities are then those of the sample.
//!
//! # References
//! Breunig, Kriegel, Ng, Sander 2000, LOF: identifying density-based local outliers, SIGMOD.
//! doi:10.1145/342009.335388
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::LocalOutlierFactor;
//! let rows = Features::rows(ndarray::array![[0.0_f32], [1.0], [2.0], [3.0], [9.0]]);
//! let detector = LocalOutlierFactor { n_neighbors: 2, ..Default::default() };
//! let (_, scores) = detector.fit_score_on(&rows, &Run::new(0)).unwrap();
//! assert!(scores[4] > 3.0 && scores[..4].iter().all(|&s| s < 1.2));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::places::{Near, Neighborhoods, Places, weighted_mean};

/// The highest score: a ratio of densities has no bound of its own.
const MAX_SCORE: f64 = 1e30;

/// How many neighbours make a neighbourhood.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LocalOutlierFactor {
    /// Neighbours per row: more than the rows of an anomalous group, fewer than those of a normal one.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_neighbors: usize,
    /// Training rows to keep as reference, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

/// The different places of the reference rows, and how dense the data is at each.
pub struct LocalOutlierFactorModel {
    places: Places,
    /// Distance from each place to its k-th other place; 0 only if there is one place.
    k_distance: Vec<f64>,
    /// Local reachability density of the rows at each place; 0 only if there is one place.
    density: Vec<f64>,
}

impl Default for LocalOutlierFactor {
    /// The defaults of scikit-learn and PyOD.
    fn default() -> Self {
        Self { n_neighbors: 20, max_reference: None }
    }
}

impl Params for LocalOutlierFactor {}

impl Detector for LocalOutlierFactor {
    const CARD: Card = Card {
        id: "local_outlier_factor",
        title: "Local outlier factor",
        summary: "Rows in thinner places than their neighbours, by exact search.",
        paper: "Breunig, Kriegel, Ng, Sander 2000, SIGMOD. doi:10.1145/342009.335388",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[
            Invariance::RowOrder,
            Invariance::ColumnOrder,
            Invariance::Translation,
            Invariance::Rotation,
            Invariance::GlobalScaleRank,
        ],
        cost: Cost { fit: Growth::Quadratic, score: Growth::Linear },
        min_items: 2,
        control: false,
    };
    type Model = LocalOutlierFactorModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<LocalOutlierFactorModel> {
        Ok(self.fit_places(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(LocalOutlierFactorModel, Vec<f32>)> {
        let (model, hoods) = self.fit_places(train, run)?;
        let factor = |place| model.factor(model.places.around_reference(place, &hoods));
        let factors: Vec<f32> = (0..model.places.len()).into_par_iter().map(factor).collect();
        let scores = Places::own_scores(&model, &factors, &hoods, train, run)?;
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        Places::estimate(self.n_neighbors, self.max_reference, shape)
    }
}

impl LocalOutlierFactor {
    fn fit_places(&self, train: Checked<'_>, run: &Run) -> Result<(LocalOutlierFactorModel, Neighborhoods)> {
        let (places, hoods) = Places::fit(train, self.n_neighbors, self.max_reference, run)?;
        let k_distance = hoods.k_distances();
        let mut model = LocalOutlierFactorModel { places, k_distance, density: Vec::new() };
        let density = |place| {
            let reach = model.mean_reach(model.places.around_reference(place, &hoods));
            if reach > 0.0 { reach.recip() } else { 0.0 }
        };
        model.density = (0..model.places.len()).into_par_iter().map(density).collect();
        Ok((model, hoods))
    }
}

impl LocalOutlierFactorModel {
    /// `mean_o r(x, o)`.
    fn mean_reach(&self, near: impl Iterator<Item = Near>) -> f64 {
        let reach = |near: Near| self.k_distance[near.place].max(near.distance);
        weighted_mean(near.map(|near| (reach(near), near.weight)))
    }

    /// `mean_o lrd(o) / lrd(x)`, written without a division.
    fn factor(&self, near: impl Iterator<Item = Near> + Clone) -> f32 {
        let reach = self.mean_reach(near.clone());
        if self.places.len() == 1 {
            return (1.0 + reach).min(MAX_SCORE) as f32;
        }
        let density = weighted_mean(near.map(|near| (self.density[near.place], near.weight)));
        (density * reach).min(MAX_SCORE) as f32
    }
}

impl Model for LocalOutlierFactorModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        self.places.map(rows, run, |_, near| self.factor(self.places.around_new(near)))
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.places.save(out)?;
        out.put_list("k_distance", &self.k_distance);
        out.put_list("density", &self.density);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let places = Places::load(from, shape)?;
        let n = places.len();
        let k_distance: Vec<f64> = from.list_of("k_distance", n)?;
        let density: Vec<f64> = from.list_of("density", n)?;
        // A single place has neither distance nor density.
        let usable = |v: &f64| v.is_finite() && (*v > 0.0 || n == 1 && *v == 0.0);
        if !k_distance.iter().chain(&density).all(usable) {
            return Err(Error::model("distances and densities must be positive and finite"));
        }
        Ok(Self { places, k_distance, density })
    }
}

impl Attribute for LocalOutlierFactorModel {
    /// See [`Places::shares`]: in which directions the neighbours are far.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        self.places.shares(rows, run, |_, near| self.factor(self.places.around_new(near)))
    }
}

#[cfg(test)]
mod tests;
