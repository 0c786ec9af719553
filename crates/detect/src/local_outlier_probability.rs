//! Local outlier probability (LoOP): how sure one can be that a row lies outside its neighbourhood.
//!
//! # Idea
//! Like `local_outlier_factor`, this compares how far a row's neighbours are with how far its neighbours' neighbours
//! are. Distances to neighbours are read as deviations of a half normal distribution, and the comparison is put in
//! units of its own spread over all rows, so that the score is a probability with the same meaning on any data.
//!
//! # Equations
//! With `N(x)` the `k` nearest reference rows; the paper's `lambda` is `extent` here:
//!
//! - standard distance: `sigma(x) = sqrt(mean_o d(x, o)^2)` over `o` in `N(x)`
//! - probabilistic local outlier factor: `PLOF(x) = sigma(x) / mean_o sigma(o) - 1`
//! - its spread: `nPLOF = extent sqrt(mean PLOF^2)` over all reference rows
//! - local outlier probability: `s(x) = max(0, erf(PLOF(x) / (nPLOF sqrt(2))))`
//!
//! Reference rows that are equal count as one place with a weight, and the means are weighted.
//!
//! # Score
//! A probability from 0 to 1. 0 for all rows whose neighbours are as near as usual or nearer, which is about half
//! of them; 1 for rows far outside. If all reference rows are equal, rows equal to them score 0, others 1.
//!
//! # Complexity
//! One exact neighbour search (see `k_nearest_neighbors`) over the reference rows at fit, O(n^2 d) where nothing
//! can be skipped, and one search per scored row. Memory O(n (d + k)).
//!
//! # Use when / Avoid when
//! Groups of different density, and a score is wanted that can be read by itself. Avoid where only the ranking
//! counts (the 0 of half the rows and the 1 of the farthest are ties), and where anomalies come in groups larger
//! than `k`.
//!
//! # Differences
//! - Duplicates: the paper's PLOF divides by 0 where more than `k` rows are equal. As in
//!   `local_outlier_factor`, neighbours are the `k` nearest different places, each weighted by how many rows lie
//!   there, and a row's own duplicates belong to its neighbourhood. Without duplicates nothing changes.
//! - Of equally near places those with the lower coordinates are taken, so the order of rows does not matter.
//! - New rows are compared with their own neighbours, and with the spread over the reference rows. PyNomaly's
//!   `stream` compares them with the mean over all rows.
//! - A spread below 1e-6, as of a regular lattice, counts as 1e-6: less is the rounding of distances.
//! - `fit_score` leaves each row out of its own neighbours; scoring it as if it were new meets the row itself.
//! - `k` is lowered to one less than the number of different places.
//! - `max_reference` keeps a random sample of the training rows; distances are then those of the sample.
//!
//! # References
//! Kriegel, Kröger, Schubert, Zimek 2009, LoOP: local outlier probabilities, CIKM. doi:10.1145/1645953.1646195
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::LocalOutlierProbability;
//! let rows = Features::rows(ndarray::array![[0.0_f32], [1.0], [2.0], [3.0], [9.0]]);
//! let detector = LocalOutlierProbability { n_neighbors: 2, extent: 2.0, ..Default::default() };
//! let (_, scores) = detector.fit_score_on(&rows, &Run::new(0)).unwrap();
//! assert!(scores[4] > 0.7 && scores[..4].iter().all(|&s| s < 0.2));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::places::{Near, Neighborhoods, Places, weighted_mean};

/// The smallest spread of PLOF that is not rounding: distances are in single precision.
const MIN_SPREAD: f64 = 1e-6;

/// How many neighbours make a neighbourhood, and how much deviation is usual.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LocalOutlierProbability {
    /// Neighbours per row: more than the rows of an anomalous group, fewer than those of a normal one.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_neighbors: usize,
    /// How many deviations are still usual, the paper's lambda. More gives lower probabilities in the same order.
    #[schemars(range(min = 0.1, max = 10.0))]
    pub extent: f64,
    /// Training rows to keep as reference, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

/// The different places of the reference rows, and how far their neighbours are.
pub struct LocalOutlierProbabilityModel {
    places: Places,
    /// Standard distance of the rows at each place; 0 only if there is one place.
    sigma: Vec<f64>,
    /// `sqrt(mean PLOF^2)` over the reference rows.
    spread: f64,
    extent: f64,
}

impl Default for LocalOutlierProbability {
    /// As many neighbours as `local_outlier_factor`, and three deviations as in PyNomaly.
    fn default() -> Self {
        Self { n_neighbors: 20, extent: 3.0, max_reference: None }
    }
}

impl Params for LocalOutlierProbability {}

impl Detector for LocalOutlierProbability {
    const CARD: Card = Card {
        id: "local_outlier_probability",
        title: "Local outlier probability (LoOP)",
        summary: "Rows farther from their neighbours than those are from theirs, as a probability.",
        paper: "Kriegel, Kröger, Schubert, Zimek 2009, CIKM. doi:10.1145/1645953.1646195",
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
    type Model = LocalOutlierProbabilityModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<LocalOutlierProbabilityModel> {
        Ok(self.fit_places(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(LocalOutlierProbabilityModel, Vec<f32>)> {
        let (model, hoods, factors) = self.fit_places(train, run)?;
        let of_places: Vec<f32> = factors.into_iter().map(|factor| model.probability(factor)).collect();
        let scores = Places::own_scores(&model, &of_places, &hoods, train, run)?;
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        Places::estimate(self.n_neighbors, self.max_reference, shape)
    }
}

impl LocalOutlierProbability {
    /// The model, the neighbourhoods it was learned from, and PLOF of the rows at each place.
    fn fit_places(
        &self,
        train: Checked<'_>,
        run: &Run,
    ) -> Result<(LocalOutlierProbabilityModel, Neighborhoods, Vec<f64>)> {
        let (places, hoods) = Places::fit(train, self.n_neighbors, self.max_reference, run)?;
        let sigma = |place| standard_distance(places.around_reference(place, &hoods));
        let sigma: Vec<f64> = (0..places.len()).into_par_iter().map(sigma).collect();
        let mut model = LocalOutlierProbabilityModel { places, sigma, spread: 0.0, extent: self.extent };
        let factor = |place| model.factor(model.places.around_reference(place, &hoods));
        let factors: Vec<f64> = (0..model.places.len()).into_par_iter().map(factor).collect();
        let squares = factors.iter().map(|factor| factor * factor);
        let weights = model.places.weight().iter().map(|&weight| f64::from(weight));
        model.spread = weighted_mean(squares.zip(weights)).sqrt().clamp(MIN_SPREAD, f64::MAX);
        Ok((model, hoods, factors))
    }
}

fn standard_distance(near: impl Iterator<Item = Near>) -> f64 {
    weighted_mean(near.map(|near| (near.distance * near.distance, near.weight))).sqrt()
}

impl LocalOutlierProbabilityModel {
    /// `PLOF`.
    fn factor(&self, near: impl Iterator<Item = Near> + Clone) -> f64 {
        let sigma = standard_distance(near.clone());
        let usual = weighted_mean(near.map(|near| (self.sigma[near.place], near.weight)));
        match (sigma > 0.0, usual > 0.0) {
            (_, true) => sigma / usual - 1.0,
            // A single place has no usual distance: any distance is beyond it.
            (true, false) => f64::INFINITY,
            (false, false) => 0.0,
        }
    }

    fn probability(&self, factor: f64) -> f32 {
        erf(factor.max(0.0) / (self.extent * self.spread * std::f64::consts::SQRT_2)) as f32
    }
}

/// The error function of numbers from 0, by its series of positive terms (Abramowitz and Stegun 1964, 7.1.6).
fn erf(x: f64) -> f64 {
    // From here on it is 1 in double precision.
    if x > 6.0 {
        return 1.0;
    }
    let mut term = std::f64::consts::FRAC_2_SQRT_PI * x * (-x * x).exp();
    let (mut sum, mut odd) = (term, 1.0);
    while term > sum * f64::EPSILON {
        odd += 2.0;
        term *= 2.0 * x * x / odd;
        sum += term;
    }
    sum.min(1.0)
}

impl Model for LocalOutlierProbabilityModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        self.places.map(rows, run, |_, near| self.probability(self.factor(self.places.around_new(near))))
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.places.save(out)?;
        out.put_list("sigma", &self.sigma);
        out.put_list("spread", &[self.spread]);
        out.put_json("extent", &self.extent)
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let places = Places::load(from, shape)?;
        let n = places.len();
        let sigma: Vec<f64> = from.list_of("sigma", n)?;
        let spread: Vec<f64> = from.list_of("spread", 1)?;
        let extent: f64 = from.json("extent")?;
        // A single place has no distance to others.
        let usable = |v: &f64| v.is_finite() && (*v > 0.0 || n == 1 && *v == 0.0);
        let positive = |v: f64| v.is_finite() && v > 0.0;
        if !sigma.iter().all(usable) || !spread.iter().all(|&v| positive(v)) || !positive(extent) {
            return Err(Error::model("distances, spread and extent must be positive and finite"));
        }
        Ok(Self { places, sigma, spread: spread[0], extent })
    }
}

impl Attribute for LocalOutlierProbabilityModel {
    /// See [`Places::shares`]: in which directions the neighbours are far.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        self.places.shares(rows, run, |_, near| self.probability(self.factor(self.places.around_new(near))))
    }
}

#[cfg(test)]
mod tests;
