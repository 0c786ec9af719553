//! Connectivity-based outlier factor (COF): how loosely a row hangs on to its neighbourhood.
//!
//! # Idea
//! Normal rows often lie along lines or other thin patterns, where density says little. So distances are not
//! measured straight to the row but along a chain: from the row to its nearest neighbour, from those two to the next
//! nearest, and so on. A row is odd when its chain has longer links, above all at its beginning, than the chains of
//! its neighbours.
//!
//! # Equations
//! Of a row `x` and its `k` nearest reference rows, `r = k + 1` rows in all:
//!
//! - set-based nearest path: starts at `x`; each next row is the one nearest to any row on the path so far,
//!   and `e_i` is that distance, the cost of the i-th link
//! - average chaining distance: `ac(x) = sum_i 2 (r - i) / (r (r - 1)) e_i` for `i = 1 ... r - 1`
//! - connectivity-based outlier factor: `s(x) = ac(x) / mean_o ac(o)` over the neighbours `o` of `x`
//!
//! # Score
//! A ratio above 0, at most 1e30. About 1 inside a pattern; 2 where the links are twice as long as those of the
//! neighbours. If all reference rows are equal there is nothing to compare: rows equal to them score 1, others 1
//! plus their distance.
//!
//! # Complexity
//! One exact neighbour search (see `k_nearest_neighbors`) over the reference rows at fit, O(n^2 d) where nothing
//! can be skipped, and O(k^2 d) per row for its path; one search and one path per scored row. Memory O(n (d + k)).
//!
//! # Use when / Avoid when
//! Normal rows along curves or in groups of different density, and anomalies that deviate from the pattern without
//! lying far from it. Avoid where anomalies are plainly far from everything, which `k_nearest_neighbors` finds more
//! steadily, where anomalies come in groups larger than `k`, and with hundreds of neighbours.
//!
//! # Differences
//! - Equal rows are one place: connectivity asks where rows lie, not how many. With duplicates on the path, the
//!   paper's chains have length 0 and the factor divides by 0. A row that equals a reference row is scored as that
//!   place, in training and later alike.
//! - Exactly `k` neighbours; the paper's neighbourhood takes all that are as near as the k-th. Of equally near
//!   places those with the lower coordinates are taken, so the order of rows does not matter.
//! - PyOD orders the path by distance from `x` instead of distance from the path, which agrees with the paper for
//!   `k` up to 2 only.
//! - `k` is lowered to one less than the number of different places.
//! - `max_reference` keeps a random sample of the training rows; chains are then those of the sample.
//!
//! # References
//! Tang, Chen, Fu, Cheung 2002, Enhancing effectiveness of outlier detections for low density patterns, PAKDD.
//! doi:10.1007/3-540-47887-6_53
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::ConnectivityOutlierFactor;
//! let rows = Features::rows(ndarray::array![[0.0_f32], [1.0], [2.0], [3.0], [9.0]]);
//! let detector = ConnectivityOutlierFactor { n_neighbors: 2, ..Default::default() };
//! let (_, scores) = detector.fit_score_on(&rows, &Run::new(0)).unwrap();
//! assert!(scores[4] > 4.0 && scores[..4].iter().all(|&s| s == 1.0));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::neighbors::{Neighbor, squared_distance};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::places::{Neighborhoods, Places};

/// The highest score: a ratio of distances has no bound of its own.
const MAX_SCORE: f64 = 1e30;
/// Rows whose paths are followed between two looks at whether the run is to stop.
const BLOCK: usize = 256;
/// Time for one distance on a path, per column and in all, for estimates.
const LINK_NANOS: [f64; 2] = [0.7, 4.0];

/// How many neighbours make a path.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectivityOutlierFactor {
    /// Neighbours per row: more than the rows of an anomalous group, fewer than those of a normal one.
    #[schemars(range(min = 1, max = 1_000))]
    pub n_neighbors: usize,
    /// Training rows to keep as reference, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

/// The different places of the reference rows, and how closely each is chained to its neighbours.
pub struct ConnectivityOutlierFactorModel {
    places: Places,
    /// Average chaining distance of each place; 0 only if there is one place.
    chaining: Vec<f64>,
}

impl Default for ConnectivityOutlierFactor {
    /// PyOD's default.
    fn default() -> Self {
        Self { n_neighbors: 20, max_reference: None }
    }
}

impl Params for ConnectivityOutlierFactor {}

impl Detector for ConnectivityOutlierFactor {
    const CARD: Card = Card {
        id: "connectivity_outlier_factor",
        title: "Connectivity-based outlier factor (COF)",
        summary: "Rows that hang more loosely on to their neighbours than those do on to theirs.",
        paper: "Tang, Chen, Fu, Cheung 2002, PAKDD. doi:10.1007/3-540-47887-6_53",
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
    type Model = ConnectivityOutlierFactorModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<ConnectivityOutlierFactorModel> {
        Ok(self.fit_places(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(ConnectivityOutlierFactorModel, Vec<f32>)> {
        let (model, hoods) = self.fit_places(train, run)?;
        let factor = |place| {
            let near: Vec<u32> = hoods.others(place).map(|(place, _)| place).collect();
            model.factor(model.chaining[place], &near)
        };
        let factors: Vec<f32> = (0..model.places.len()).into_par_iter().map(factor).collect();
        let scores = Places::own_scores(&model, &factors, &hoods, train, run)?;
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let search = Places::estimate(self.n_neighbors, self.max_reference, shape);
        let n = self.max_reference.map_or(shape.n_parts, |most| most.min(shape.n_parts)) as f64;
        let links = (self.n_neighbors * self.n_neighbors) as f64 / 2.0;
        let path = links * (LINK_NANOS[0] * shape.n_values as f64 + LINK_NANOS[1]);
        Estimate {
            bytes: search.bytes,
            fit_nanos: search.fit_nanos + n * path,
            score_nanos_per_row: search.score_nanos_per_row + path,
        }
    }
}

impl ConnectivityOutlierFactor {
    fn fit_places(
        &self,
        train: Checked<'_>,
        run: &Run,
    ) -> Result<(ConnectivityOutlierFactorModel, Neighborhoods)> {
        let (places, hoods) = Places::fit(train, self.n_neighbors, self.max_reference, run)?;
        let stage = run.stage("following paths", places.len() as u64);
        let mut chaining = vec![0.0; places.len()];
        chaining.par_chunks_mut(BLOCK).enumerate().try_for_each(|(block, chaining)| {
            run.check()?;
            for (i, chaining) in chaining.iter_mut().enumerate() {
                let place = block * BLOCK + i;
                let near: Vec<u32> = hoods.others(place).map(|(place, _)| place).collect();
                *chaining = chaining_distance(&places, places.point(place as u32), &near);
            }
            stage.advance(chaining.len() as u64);
            Ok(())
        })?;
        Ok((ConnectivityOutlierFactorModel { places, chaining }, hoods))
    }
}

/// `ac(x)`: links of the path from `row` through the places near it, the early ones counting more.
///
/// The path is the order in which Prim's algorithm adds rows to a minimum spanning tree.
fn chaining_distance(places: &Places, row: &[f32], near: &[u32]) -> f64 {
    let r = near.len() as f64 + 1.0;
    // The places not on the path yet, and their squared distances from it.
    let mut ahead: Vec<(f64, &[f32])> = near
        .iter()
        .map(|&place| {
            let point = places.point(place);
            (squared_distance(row, point), point)
        })
        .collect();
    let mut sum = 0.0;
    for i in 1..=near.len() {
        // Among equals the first: the order of the rest is kept, so this is the one nearest to the row.
        let Some(next) = (0..ahead.len()).min_by(|&a, &b| ahead[a].0.total_cmp(&ahead[b].0)) else { break };
        let (squared, reached) = ahead.remove(next);
        sum += 2.0 * (r - i as f64) / (r * (r - 1.0)) * squared.sqrt();
        for (squared, point) in &mut ahead {
            *squared = squared.min(squared_distance(reached, point));
        }
    }
    sum
}

impl ConnectivityOutlierFactorModel {
    /// `ac(x) / mean_o ac(o)`.
    fn factor(&self, chaining: f64, near: &[u32]) -> f32 {
        if self.places.len() == 1 {
            return (1.0 + chaining).min(MAX_SCORE) as f32;
        }
        let sum: f64 = near.iter().map(|&place| self.chaining[place as usize]).sum();
        let usual = sum / near.len().max(1) as f64;
        (chaining / usual).min(MAX_SCORE) as f32
    }

    /// The factor of a new row from its neighbours.
    fn score_row(&self, row: &[f32], near: &[Neighbor]) -> f32 {
        let near: Vec<u32> = near.iter().map(|near| near.index).collect();
        self.factor(chaining_distance(&self.places, row, &near), &near)
    }
}

impl Model for ConnectivityOutlierFactorModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = rows.features().values.as_standard_layout();
        let row = |i: usize| values.row(i).to_slice().unwrap_or_default();
        self.places.map_apart(rows, run, |i, near| self.score_row(row(i), near))
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.places.save(out)?;
        out.put_list("chaining", &self.chaining);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let places = Places::load(from, shape)?;
        let chaining: Vec<f64> = from.list_of("chaining", places.len())?;
        // A single place is chained to nothing.
        let usable = |v: &f64| v.is_finite() && (*v > 0.0 || places.len() == 1 && *v == 0.0);
        if !chaining.iter().all(usable) {
            return Err(Error::model("chaining distances must be positive and finite"));
        }
        Ok(Self { places, chaining })
    }
}

impl Attribute for ConnectivityOutlierFactorModel {
    /// See [`Places::shares`]: in which directions the neighbours are far.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let values = rows.features().values.as_standard_layout();
        let row = |i: usize| values.row(i).to_slice().unwrap_or_default();
        self.places.shares(rows, run, |i, near| self.score_row(row(i), self.places.apart(near)))
    }
}

#[cfg(test)]
mod tests;
