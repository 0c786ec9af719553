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
use anomalyst_kernels::neighbors::{NeighborIndex, Neighbors, Skip, search_estimate};
use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::k_nearest_neighbors::reference_rows;

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
    index: NeighborIndex,
    /// How many reference rows lie at each place.
    weight: Vec<u32>,
    /// Distance from each place to its k-th other place; 0 only if there is one place.
    k_distance: Vec<f64>,
    /// Local reachability density of the rows at each place; 0 only if there is one place.
    density: Vec<f64>,
    n_neighbors: usize,
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
        let (model, places, near) = self.fit_places(train, run)?;
        let factor = |place| model.factor(model.around_reference(place, &near));
        let factors: Vec<f32> = (0..model.weight.len()).into_par_iter().map(factor).collect();
        let Some(rows) = reference_rows(train.n_parts(), self.max_reference, run) else {
            return Ok((model, places.into_iter().map(|place| factors[place as usize]).collect()));
        };
        // Rows outside the sample were not learned from, and are scored like new ones.
        let mut scores = model.score(train, run)?;
        rows.iter().zip(places).for_each(|(&row, place)| scores[row] = factors[place as usize]);
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n = self.max_reference.map_or(shape.n_parts, |most| most.min(shape.n_parts));
        let search = search_estimate(n, shape.n_values, self.n_neighbors);
        let neighbors = 8 * (n * self.n_neighbors.min(n)) as u64;
        Estimate {
            bytes: search.bytes + neighbors + 32 * n as u64,
            fit_nanos: search.fit_nanos + n as f64 * search.score_nanos_per_row,
            score_nanos_per_row: search.score_nanos_per_row,
        }
    }
}

impl LocalOutlierFactor {
    /// The model, the place of each reference row, and the other places near each place.
    fn fit_places(
        &self,
        train: Checked<'_>,
        run: &Run,
    ) -> Result<(LocalOutlierFactorModel, Vec<u32>, Neighbors)> {
        let values = &train.features().values;
        let rows = reference_rows(train.n_parts(), self.max_reference, run);
        let sample = rows.map(|rows| values.select(Axis(0), &rows));
        let (points, weight, places) = different_places(sample.as_ref().unwrap_or(values));
        let index = NeighborIndex::new(points.view())?;
        let near = index.search(points.view(), self.n_neighbors, Skip::SameIndex, run)?;
        let k_distance: Vec<f64> =
            near.distances.rows().into_iter().map(|row| row.last().copied().map_or(0.0, f64::from)).collect();
        let n_neighbors = near.indices.ncols().max(1);
        let mut model =
            LocalOutlierFactorModel { index, weight, k_distance, density: Vec::new(), n_neighbors };
        let density = |place| {
            let reach = model.mean_reach(model.around_reference(place, &near));
            if reach > 0.0 { reach.recip() } else { 0.0 }
        };
        model.density = (0..model.weight.len()).into_par_iter().map(density).collect();
        Ok((model, places, near))
    }
}

/// The different rows in lexicographic order, how often each occurs, and which one each row is.
fn different_places(rows: &Array2<f32>) -> (Array2<f32>, Vec<u32>, Vec<u32>) {
    // Adding 0 makes one zero of the two.
    let row = |i: u32| rows.row(i as usize).into_iter().map(|v| v + 0.0);
    let compare = |&a: &u32, &b: &u32| {
        let mut pairs = row(a).zip(row(b)).map(|(a, b)| a.total_cmp(&b));
        pairs.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    };
    let mut order: Vec<u32> = (0..rows.nrows() as u32).collect();
    order.par_sort_unstable_by(compare);
    let (mut weight, mut firsts, mut places) = (Vec::new(), Vec::new(), vec![0; order.len()]);
    for equal in order.chunk_by(|a, b| compare(a, b).is_eq()) {
        equal.iter().for_each(|&i| places[i as usize] = weight.len() as u32);
        firsts.push(equal[0] as usize);
        weight.push(equal.len() as u32);
    }
    (rows.select(Axis(0), &firsts), weight, places)
}

/// One place in a neighbourhood.
#[derive(Clone, Copy)]
struct Near {
    place: usize,
    distance: f64,
    /// How many neighbours lie there.
    weight: f64,
}

impl LocalOutlierFactorModel {
    /// The neighbourhood of one reference row: the others at its own place, then other places.
    fn around_reference<'a>(
        &'a self,
        place: usize,
        near: &'a Neighbors,
    ) -> impl Iterator<Item = Near> + Clone + 'a {
        let own = Near { place, distance: 0.0, weight: f64::from(self.weight[place]) - 1.0 };
        let others = near.indices.row(place).into_iter().zip(near.distances.row(place));
        std::iter::once(own).chain(others.map(|(&place, &distance)| self.near(place, distance)))
    }

    fn near(&self, place: u32, distance: f32) -> Near {
        let place = place as usize;
        Near { place, distance: f64::from(distance), weight: f64::from(self.weight[place]) }
    }

    /// `mean_o r(x, o)`.
    fn mean_reach(&self, near: impl Iterator<Item = Near>) -> f64 {
        let reach = |near: Near| self.k_distance[near.place].max(near.distance);
        weighted_mean(near.map(|near| (reach(near), near.weight)))
    }

    /// `mean_o lrd(o) / lrd(x)`, written without a division.
    fn factor(&self, near: impl Iterator<Item = Near> + Clone) -> f32 {
        let reach = self.mean_reach(near.clone());
        if self.weight.len() == 1 {
            return (1.0 + reach).min(MAX_SCORE) as f32;
        }
        let density = weighted_mean(near.map(|near| (self.density[near.place], near.weight)));
        (density * reach).min(MAX_SCORE) as f32
    }
}

/// 0 where there is no weight.
fn weighted_mean(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, weight) =
        values.fold((0.0, 0.0), |(sum, total), (v, weight)| (sum + v * weight, total + weight));
    if weight > 0.0 { sum / weight } else { 0.0 }
}

impl Model for LocalOutlierFactorModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = rows.features().values.view();
        self.index.map(values, self.n_neighbors, Skip::None, run, |_, near| {
            self.factor(near.iter().map(|near| self.near(near.index, near.distance_f32())))
        })
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_matrix("places", &self.index.points());
        out.put_list("weight", &self.weight);
        out.put_list("k_distance", &self.k_distance);
        out.put_list("density", &self.density);
        out.put_json("n_neighbors", &self.n_neighbors)
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let places = from.finite_matrix("places", shape.n_values)?;
        let n = places.nrows();
        let weight: Vec<u32> = from.list_of("weight", n)?;
        let k_distance: Vec<f64> = from.list_of("k_distance", n)?;
        let density: Vec<f64> = from.list_of("density", n)?;
        let n_neighbors = from.json("n_neighbors")?;
        // A single place has neither distance nor density.
        let usable = |v: &f64| v.is_finite() && (*v > 0.0 || n == 1 && *v == 0.0);
        if n == 0
            || n_neighbors == 0
            || weight.contains(&0)
            || !k_distance.iter().all(usable)
            || !density.iter().all(usable)
        {
            return Err(Error::model("weights, distances and densities must be positive and finite"));
        }
        let index = NeighborIndex::new(places.view())?;
        Ok(Self { index, weight, k_distance, density, n_neighbors })
    }
}

impl Attribute for LocalOutlierFactorModel {
    /// The score, divided among columns by their part in the squared distances to the neighbours.
    ///
    /// A factor is a ratio and has no exact sum over columns; this says in which directions the neighbours are far.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let values = &rows.features().values;
        // A model file may ask for any number of neighbours; there are never more than places.
        let n_neighbors = self.n_neighbors.saturating_add(1);
        let shares = self.index.map(values.view(), n_neighbors, Skip::None, run, |row, near| {
            // A training row meets itself at distance 0, which adds nothing here.
            let score =
                self.factor(near.iter().take(self.n_neighbors).map(|n| self.near(n.index, n.distance_f32())));
            let mut shares = vec![0.0_f64; values.ncols()];
            for neighbor in near {
                let weight = f64::from(self.weight[neighbor.index as usize]);
                let other = self.index.point(neighbor.index);
                for ((share, &a), &b) in shares.iter_mut().zip(values.row(row)).zip(other) {
                    *share += weight * (f64::from(a) - f64::from(b)).powi(2);
                }
            }
            let total: f64 = shares.iter().sum();
            let scale = if total > 0.0 { f64::from(score) / total } else { 0.0 };
            shares.iter_mut().for_each(|share| *share *= scale);
            shares
        })?;
        Ok(Attributions {
            values: Array2::from_shape_fn(values.dim(), |(i, j)| shares[i][j] as f32),
            codes: Array2::zeros((values.nrows(), 0)),
        })
    }
}

#[cfg(test)]
mod tests;
