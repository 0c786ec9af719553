//! Influenced outlierness (INFLO): the density at a row against that of all rows it has to do with.
//!
//! # Idea
//! A row between a dense and a loose group has its neighbours in the dense one and looks odd beside them, although
//! rows of the loose group count it among theirs. So a row is compared not only with its neighbours, but also with
//! the rows that have it as a neighbour.
//!
//! # Equations
//! `kd(x)` is the distance from `x` to its k-th neighbour, and `den(x) = 1 / kd(x)`.
//!
//! - influence space: `IS(x)` is the `k` nearest reference rows of `x` together with its reverse neighbours, the
//!   reference rows `o` that have `x` among their own `k` nearest, `d(x, o) <= kd(o)`
//! - influenced outlierness: `s(x) = mean_o den(o) / den(x)` over `o` in `IS(x)`
//!
//! Reference rows that are equal count as one place with a weight, and the mean is weighted.
//!
//! # Score
//! A ratio from 0 to 1e30. About 1 in the middle of a group, however dense; 2 where the data is half as dense as
//! around it. If all reference rows are equal there is no density to compare: rows equal to them score 1, others 1
//! plus their distance.
//!
//! # Complexity
//! One exact neighbour search (see `k_nearest_neighbors`) over the reference rows at fit, O(n^2 d) where nothing
//! can be skipped; its lists, turned round, give the reverse neighbours. A new row is searched for and then measured
//! against all places, O(n d), since any of them may have it as a neighbour. Memory O(n (d + k)).
//!
//! # Use when / Avoid when
//! Groups of different density that lie close together. Avoid for scoring many new rows against many reference
//! rows (`local_outlier_factor` is quicker there, or set `max_reference`), and where anomalies come in groups larger
//! than `k`.
//!
//! # Differences
//! - Duplicates: the paper's densities are infinite where more than `k` rows are equal. As in
//!   `local_outlier_factor`, neighbours are the `k` nearest different places, each weighted by how many rows lie
//!   there, and a row's own duplicates belong to its influence space. Without duplicates nothing changes.
//! - Exactly `k` neighbours in training; the paper takes all that are as near as the k-th. Of equally near places
//!   those with the lower coordinates are taken, so the order of rows does not matter.
//! - The paper ranks the rows it has and prunes to find the top ones. Here all rows are scored, and new ones too.
//!   Scoring a training row as if it were new meets the row itself.
//! - `k` is lowered to one less than the number of different places.
//! - `max_reference` keeps a random sample of the training rows; densities are then those of the sample.
//!
//! # References
//! Jin, Tung, Han, Wang 2006, Ranking outliers using symmetric neighborhood relationship, PAKDD.
//! doi:10.1007/11731139_68
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::InfluencedOutlierness;
//! let rows = Features::rows(ndarray::array![[0.0_f32], [1.0], [2.0], [3.0], [9.0]]);
//! let detector = InfluencedOutlierness { n_neighbors: 2, ..Default::default() };
//! let (_, scores) = detector.fit_score_on(&rows, &Run::new(0)).unwrap();
//! assert!(scores[4] > 4.0 && scores[..4].iter().all(|&s| s <= 2.0));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::neighbors::Neighbor;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::places::{Neighborhoods, Places, weighted_mean};

/// The highest score: a ratio of densities has no bound of its own.
const MAX_SCORE: f64 = 1e30;
/// How many neighbours make a neighbourhood.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InfluencedOutlierness {
    /// Neighbours per row: more than the rows of an anomalous group, fewer than those of a normal one.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_neighbors: usize,
    /// Training rows to keep as reference, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

/// The different places of the reference rows, and how far their neighbours are.
pub struct InfluencedOutliernessModel {
    places: Places,
    /// Distance from each place to its k-th other place; 0 only if there is one place.
    k_distance: Vec<f64>,
}

impl Default for InfluencedOutlierness {
    /// As many neighbours as `local_outlier_factor`.
    fn default() -> Self {
        Self { n_neighbors: 20, max_reference: None }
    }
}

impl Params for InfluencedOutlierness {}

impl Detector for InfluencedOutlierness {
    const CARD: Card = Card {
        id: "influenced_outlierness",
        title: "Influenced outlierness (INFLO)",
        summary: "Rows in thinner places than their neighbours and than the rows they are neighbours of.",
        paper: "Jin, Tung, Han, Wang 2006, PAKDD. doi:10.1007/11731139_68",
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
    type Model = InfluencedOutliernessModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<InfluencedOutliernessModel> {
        Ok(self.fit_places(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(InfluencedOutliernessModel, Vec<f32>)> {
        let (model, hoods) = self.fit_places(train, run)?;
        let reverse = reverse_lists(model.places.len(), &hoods);
        let score = |place: usize| model.score_place(place, &hoods, &reverse[place]);
        let of_places: Vec<f32> = (0..model.places.len()).into_par_iter().map(score).collect();
        let scores = Places::own_scores(&model, &of_places, &hoods, train, run)?;
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let search = Places::estimate(self.n_neighbors, self.max_reference, shape);
        let n = self.max_reference.map_or(shape.n_parts, |most| most.min(shape.n_parts));
        let scan = Places::reverse_nanos(n, shape.n_values);
        // The reverse lists hold as many numbers as the lists.
        let reverse = (4 * n * self.n_neighbors.min(n) + 24 * n) as u64;
        Estimate {
            bytes: search.bytes + reverse,
            fit_nanos: search.fit_nanos,
            score_nanos_per_row: search.score_nanos_per_row + scan,
        }
    }
}

impl InfluencedOutlierness {
    fn fit_places(
        &self,
        train: Checked<'_>,
        run: &Run,
    ) -> Result<(InfluencedOutliernessModel, Neighborhoods)> {
        let (places, hoods) = Places::fit(train, self.n_neighbors, self.max_reference, run)?;
        let k_distance = hoods.k_distances();
        Ok((InfluencedOutliernessModel { places, k_distance }, hoods))
    }
}

/// For each place the places that have it among their neighbours, ascending.
fn reverse_lists(n: usize, hoods: &Neighborhoods) -> Vec<Vec<u32>> {
    let mut reverse = vec![Vec::new(); n];
    for place in 0..n {
        hoods.others(place).for_each(|(other, _)| reverse[other as usize].push(place as u32));
    }
    reverse
}

impl InfluencedOutliernessModel {
    /// The outlierness of the rows at one reference place.
    fn score_place(&self, place: usize, hoods: &Neighborhoods, reverse: &[u32]) -> f32 {
        let near: Vec<u32> = hoods.others(place).map(|(other, _)| other).collect();
        let own = f64::from(self.places.weight()[place]) - 1.0;
        self.compare(self.k_distance[place], near, reverse.iter().copied(), Some((place, own)))
    }

    /// The outlierness of a new row.
    fn score_row(&self, row: &[f32], near: &[Neighbor]) -> f32 {
        let near = &near[..near.len().min(self.places.n_neighbors())];
        let k_distance = near.last().map_or(0.0, |last| f64::from(last.distance_f32()));
        let near: Vec<u32> = near.iter().map(|near| near.index).collect();
        let reverse = self.places.reverse(row, &self.k_distance);
        self.compare(k_distance, near, reverse, None)
    }

    /// `mean_o den(o) / den(x)`, where `own` are the other rows at the place of `x` and their number.
    fn compare(
        &self,
        k_distance: f64,
        near: Vec<u32>,
        reverse: impl Iterator<Item = u32>,
        own: Option<(usize, f64)>,
    ) -> f32 {
        if self.places.len() == 1 {
            return (1.0 + k_distance).min(MAX_SCORE) as f32;
        }
        let mut known = near.clone();
        known.sort_unstable();
        let new = reverse.filter(|place| known.binary_search(place).is_err());
        let others = near.iter().copied().chain(new).map(|place| {
            let place = place as usize;
            (place, f64::from(self.places.weight()[place]))
        });
        let space = own.into_iter().chain(others);
        // Densities in units of this row's, so that nothing overflows.
        let density =
            weighted_mean(space.map(|(place, weight)| (k_distance / self.k_distance[place], weight)));
        density.min(MAX_SCORE) as f32
    }
}

impl Model for InfluencedOutliernessModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = rows.features().values.as_standard_layout();
        let row = |i: usize| values.row(i).to_slice().unwrap_or_default();
        self.places.map(rows, run, |i, near| self.score_row(row(i), near))
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.places.save(out)?;
        out.put_list("k_distance", &self.k_distance);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let places = Places::load(from, shape)?;
        let k_distance: Vec<f64> = from.list_of("k_distance", places.len())?;
        // A single place has no other.
        let usable = |v: &f64| v.is_finite() && (*v > 0.0 || places.len() == 1 && *v == 0.0);
        if !k_distance.iter().all(usable) {
            return Err(Error::model("distances to neighbours must be positive and finite"));
        }
        Ok(Self { places, k_distance })
    }
}

impl Attribute for InfluencedOutliernessModel {
    /// See [`Places::shares`]: in which directions the neighbours are far.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let values = rows.features().values.as_standard_layout();
        let row = |i: usize| values.row(i).to_slice().unwrap_or_default();
        self.places.shares(rows, run, |i, near| self.score_row(row(i), near))
    }
}

#[cfg(test)]
mod tests;
