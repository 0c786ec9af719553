//! Outlier detection by indegree in the nearest-neighbour graph (ODIN).
//!
//! # Idea
//! Draw an arrow from every row to each of its nearest neighbours. Rows inside a group are named by many others; a
//! row that nobody names belongs nowhere, however near or far its own neighbours are.
//!
//! # Equations
//! With `kd(o)` the distance from the reference row `o` to its k-th neighbour, the indegree `i(x)` is the number of
//! reference rows `o` that have `x` among their `k` nearest, `d(x, o) <= kd(o)`, and `s(x) = 1 / (1 + i(x))`.
//! Reference rows that are equal count as one place with a weight.
//!
//! # Score
//! Between 0 and 1: 1 where no row names `x`, 1/2 where one does, about `1 / (1 + k)` inside a group. Counts are
//! whole numbers, so rows tie.
//!
//! # Complexity
//! One exact neighbour search (see `k_nearest_neighbors`) over the reference rows at fit, O(n^2 d) where nothing
//! can be skipped. A new row is measured against all places, O(n d). Memory O(n (d + k)).
//!
//! # Use when / Avoid when
//! Groups of very different density, and a count is wanted that anybody can check. Avoid where the ranking of the
//! farthest rows matters, which all score 1, in hundreds of columns, where even normal rows are named by nobody,
//! and for scoring many new rows against many reference rows.
//!
//! # Differences
//! - The paper calls rows outliers whose indegree is at most a threshold. Here the indegree is the score, turned so
//!   that rare is high.
//! - Neighbours are the `k` nearest different places, as in `local_outlier_factor`; a row's own duplicates name it.
//!   Of equally near places those with the lower coordinates are taken, so the order of rows does not matter.
//! - A new row is named by all rows that it is near enough to. Scoring a training row as if it were new meets the
//!   row itself, which counts.
//! - `k` is lowered to one less than the number of different places.
//! - `max_reference` keeps a random sample of the training rows; the graph is then that of the sample.
//!
//! # References
//! Hautamäki, Kärkkäinen, Fränti 2004, Outlier detection using k-nearest neighbour graph, ICPR.
//! doi:10.1109/ICPR.2004.1334558
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::Odin;
//! let rows = Features::rows(ndarray::array![[0.0_f32], [1.0], [2.0], [9.0]]);
//! let detector = Odin { n_neighbors: 1, ..Default::default() };
//! let (_, scores) = detector.fit_score_on(&rows, &Run::new(0)).unwrap();
//! assert_eq!(scores, [0.5, 1.0 / 3.0, 0.5, 1.0]); // 9 is the nearest row of nobody
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, Model,
    ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::places::{Neighborhoods, Places};

/// Rows that are scored between two looks at whether the run is to stop.
const BLOCK: usize = 64;

/// How many rows each row names.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Odin {
    /// Neighbours per row: more than the rows of an anomalous group, fewer than those of a normal one. Few make
    /// many ties.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_neighbors: usize,
    /// Training rows to keep as reference, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

/// The different places of the reference rows, and how far they name others.
pub struct OdinModel {
    places: Places,
    /// Distance from each place to its k-th other place; 0 only if there is one place.
    k_distance: Vec<f64>,
}

impl Default for Odin {
    /// As many neighbours as `local_outlier_factor`.
    fn default() -> Self {
        Self { n_neighbors: 20, max_reference: None }
    }
}

impl Params for Odin {}

impl Detector for Odin {
    const CARD: Card = Card {
        id: "odin",
        title: "Indegree in the neighbour graph (ODIN)",
        summary: "Rows that few or no other rows have among their nearest.",
        paper: "Hautamäki, Kärkkäinen, Fränti 2004, ICPR. doi:10.1109/ICPR.2004.1334558",
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
    type Model = OdinModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<OdinModel> {
        Ok(self.fit_places(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(OdinModel, Vec<f32>)> {
        let (model, hoods) = self.fit_places(train, run)?;
        let weight = model.places.weight();
        let mut indegree: Vec<u64> = weight.iter().map(|&weight| u64::from(weight) - 1).collect();
        for (place, &weight) in weight.iter().enumerate() {
            hoods.others(place).for_each(|(other, _)| indegree[other as usize] += u64::from(weight));
        }
        let of_places: Vec<f32> = indegree.into_iter().map(rarity).collect();
        let scores = Places::own_scores(&model, &of_places, &hoods, train, run)?;
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let search = Places::estimate(self.n_neighbors, self.max_reference, shape);
        let n = self.max_reference.map_or(shape.n_parts, |most| most.min(shape.n_parts));
        Estimate { score_nanos_per_row: Places::reverse_nanos(n, shape.n_values), ..search }
    }
}

impl Odin {
    fn fit_places(&self, train: Checked<'_>, run: &Run) -> Result<(OdinModel, Neighborhoods)> {
        let (places, hoods) = Places::fit(train, self.n_neighbors, self.max_reference, run)?;
        let k_distance = hoods.k_distances();
        Ok((OdinModel { places, k_distance }, hoods))
    }
}

fn rarity(indegree: u64) -> f32 {
    (1.0 + indegree as f64).recip() as f32
}

impl Model for OdinModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = rows.features().values.as_standard_layout();
        let stage = run.stage("counting reverse neighbours", values.nrows() as u64);
        let mut scores = vec![0.0; values.nrows()];
        scores.par_chunks_mut(BLOCK).enumerate().try_for_each(|(block, scores)| {
            run.check()?;
            for (i, score) in scores.iter_mut().enumerate() {
                let row = values.row(block * BLOCK + i).to_slice().unwrap_or_default();
                let named = self.places.reverse(row, &self.k_distance);
                *score = rarity(named.map(|place| u64::from(self.places.weight()[place as usize])).sum());
            }
            stage.advance(scores.len() as u64);
            Ok(())
        })?;
        Ok(scores)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.places.save(out)?;
        out.put_list("k_distance", &self.k_distance);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let places = Places::load(from, shape)?;
        let k_distance: Vec<f64> = from.list_of("k_distance", places.len())?;
        if !k_distance.iter().all(|v| v.is_finite() && *v >= 0.0) {
            return Err(Error::model("distances to neighbours must be finite and not negative"));
        }
        Ok(Self { places, k_distance })
    }
}

#[cfg(test)]
mod tests;
