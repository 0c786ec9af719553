//! Distance to the nearest neighbours.
//!
//! # Idea
//! A row that belongs has others close by; a row that does not is far from all of them. The score is how far the
//! k-th nearest row is, or how far the k nearest are on average.
//!
//! # Equations
//! With `d_1 <= ... <= d_k` the Euclidean distances from `x` to its `k` nearest reference rows:
//! `s(x) = d_k` (`largest`, Ramaswamy et al.), `s(x) = (d_1 + ... + d_k) / k` (`mean`, Angiulli and Pizzuti, there
//! as a sum), or `s(x)` the median of `d_1 ... d_k` (`median`).
//!
//! # Score
//! A distance in the units of the features, 0 and up; 0 means that at least `k` reference rows (half of them for
//! `median`) equal `x`.
//!
//! # Complexity
//! The search is exact. Where the k-d tree pays (few columns, or rows that lie in clusters) fit is O(n log n) and a
//! score about O(log n); elsewhere a score is O(n d), computed as blocked matrix products. Memory O(n d).
//!
//! # Use when / Avoid when
//! A strong first choice whenever distances mean something: columns on comparable scales, up to some hundreds of
//! columns. Avoid where groups of different density matter (`local_outlier_factor` compares locally), and where
//! anomalies come in groups of more than `k` rows, which are then each other's neighbours.
//!
//! # Differences
//! - `fit_score` leaves each row out of its own neighbours, once: of two equal rows each is the other's neighbour at
//!   distance 0. Scoring a training row as if it were new meets the row itself. PyOD does the same.
//! - `k` is lowered to the number of rows there are.
//! - Of rows at equal distance the choice does not matter, since only distances count.
//! - `max_reference` keeps a random sample of the training rows. With a share `q` kept, the k-th neighbour is about
//!   the `k/q`-th of all rows, so scores grow smoother and larger; it is off by default.
//! - Distances beyond `f32::MAX` count as `f32::MAX`.
//!
//! # References
//! Ramaswamy, Rastogi, Shim 2000, Efficient algorithms for mining outliers from large data sets, SIGMOD.
//! doi:10.1145/342009.335437. Angiulli, Pizzuti 2002, Fast outlier detection in high dimensional spaces, PKDD.
//! doi:10.1007/3-540-45681-3_2
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::KNearestNeighbors;
//! let rows = Features::rows(ndarray::array![[0.0_f32], [1.0], [3.0]]);
//! let nearest = KNearestNeighbors { n_neighbors: 1, ..Default::default() };
//! let run = Run::new(0);
//! let (fitted, own) = nearest.fit_score_on(&rows, &run).unwrap();
//! assert_eq!(own, [1.0, 1.0, 2.0]); // each leaves itself out
//! assert_eq!(fitted.score(&Features::rows(ndarray::array![[7.0_f32]]), &run).unwrap(), [4.0]);
//! ```

#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::neighbors::{Neighbor, NeighborIndex, Skip, search_estimate};
use ndarray::{Array2, ArrayView2, Axis};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// How many neighbours, and which of their distances is the score.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KNearestNeighbors {
    /// Neighbours per row. More is smoother; groups of more than this many anomalies are missed.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_neighbors: usize,
    /// Which distance is the score.
    pub take: Take,
    /// Training rows to keep as reference, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

/// What becomes of the distances to the neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The largest: the distance to the k-th neighbour.
    #[default]
    Largest,
    /// Their mean: steadier than the largest.
    Mean,
    /// Their median.
    Median,
}

/// The reference rows in a search index.
pub struct KNearestNeighborsModel {
    index: NeighborIndex,
    n_neighbors: usize,
    take: Take,
}

impl Default for KNearestNeighbors {
    /// PyOD's defaults.
    fn default() -> Self {
        Self { n_neighbors: 5, take: Take::Largest, max_reference: None }
    }
}

impl Params for KNearestNeighbors {}

impl Detector for KNearestNeighbors {
    const CARD: Card = Card {
        id: "k_nearest_neighbors",
        title: "Distance to the nearest neighbours",
        summary: "Rows far from their nearest other rows, by exact search.",
        paper: "Ramaswamy, Rastogi, Shim 2000, SIGMOD. doi:10.1145/342009.335437",
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
        cost: Cost { fit: Growth::Linearithmic, score: Growth::Linear },
        min_items: 2,
        control: false,
    };
    type Model = KNearestNeighborsModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<KNearestNeighborsModel> {
        let rows = reference_rows(train.n_parts(), self.max_reference, run);
        self.fit_rows(train, rows.as_deref())
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(KNearestNeighborsModel, Vec<f32>)> {
        let rows = reference_rows(train.n_parts(), self.max_reference, run);
        let model = self.fit_rows(train, rows.as_deref())?;
        let own = rows.map(|rows| own_numbers(train.n_parts(), &rows));
        let skip = own.as_deref().map_or(Skip::SameIndex, Skip::Each);
        let scores = model.distances(train.features().values.view(), skip, run)?;
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n = self.max_reference.map_or(shape.n_parts, |most| most.min(shape.n_parts));
        search_estimate(n, shape.n_values, self.n_neighbors)
    }
}

/// The numbers of the rows to keep, ascending; `None` keeps all.
///
/// Selection sampling (Knuth, The Art of Computer Programming 2, section 3.4.2, algorithm S).
pub(crate) fn reference_rows(n: usize, most: Option<usize>, run: &Run) -> Option<Vec<usize>> {
    let most = most.filter(|&most| most < n)?;
    let mut random = run.random(0);
    let mut rows = Vec::with_capacity(most);
    for row in 0..n {
        if random.random_range(0..n - row) < most - rows.len() {
            rows.push(row);
        }
    }
    Some(rows)
}

/// For each of `n` rows its number among the reference rows, if it is one of them: what it leaves out when it is
/// ranked itself (see [`Skip::Each`]).
pub(crate) fn own_numbers(n: usize, reference: &[usize]) -> Vec<u32> {
    let mut own = vec![u32::MAX; n];
    reference.iter().enumerate().for_each(|(at, &row)| own[row] = at as u32);
    own
}

/// Squared differences to the `k` nearest points by column, averaged over those; they sum to the mean squared
/// distance.
///
/// One neighbour at distance 0 is left out, since a training row that asks for reasons meets itself.
pub(crate) fn mean_squared_differences(
    index: &NeighborIndex,
    k: usize,
    values: &Array2<f32>,
    run: &Run,
) -> Result<Attributions> {
    // A model file may ask for any number of neighbours; there are never more than points.
    let shares = index.map(values.view(), k.saturating_add(1), Skip::None, run, |row, near| {
        let skip_self = usize::from(near.first().is_some_and(|first| first.squared == 0.0));
        let near = near.get(skip_self..).unwrap_or_default();
        let near = &near[..near.len().min(k)];
        let mut shares = vec![0.0_f64; values.ncols()];
        for neighbor in near {
            let other = index.point(neighbor.index);
            for ((share, &a), &b) in shares.iter_mut().zip(values.row(row)).zip(other) {
                *share += (f64::from(a) - f64::from(b)).powi(2) / near.len() as f64;
            }
        }
        shares
    })?;
    let share = |(i, j): (usize, usize)| shares[i][j].min(f64::from(f32::MAX)) as f32;
    Ok(Attributions {
        values: Array2::from_shape_fn(values.dim(), share),
        codes: Array2::zeros((values.nrows(), 0)),
    })
}

impl KNearestNeighbors {
    fn fit_rows(&self, train: Checked<'_>, rows: Option<&[usize]>) -> Result<KNearestNeighborsModel> {
        let values = &train.features().values;
        let index = match rows {
            Some(rows) => NeighborIndex::new(values.select(Axis(0), rows).view())?,
            None => NeighborIndex::new(values.view())?,
        };
        Ok(KNearestNeighborsModel { index, n_neighbors: self.n_neighbors, take: self.take })
    }
}

impl KNearestNeighborsModel {
    fn distances(&self, rows: ArrayView2<'_, f32>, skip: Skip<'_>, run: &Run) -> Result<Vec<f32>> {
        self.index.map(rows, self.n_neighbors, skip, run, |_, near| self.take.of(near))
    }

    /// The reference rows in a search index, for evidence such as the nearest normal row.
    pub const fn index(&self) -> &NeighborIndex {
        &self.index
    }
}

impl Take {
    fn of(self, near: &[Neighbor]) -> f32 {
        let Some(last) = near.last() else { return 0.0 };
        let score = match self {
            Self::Largest => last.distance(),
            Self::Mean => near.iter().map(Neighbor::distance).sum::<f64>() / near.len() as f64,
            Self::Median => {
                let (low, high) = (near[(near.len() - 1) / 2], near[near.len() / 2]);
                low.distance() / 2.0 + high.distance() / 2.0
            }
        };
        score.min(f64::from(f32::MAX)) as f32
    }
}

impl Model for KNearestNeighborsModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        self.distances(rows.features().values.view(), Skip::None, run)
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_matrix("reference", &self.index.points());
        out.put_json("n_neighbors", &self.n_neighbors)?;
        out.put_json("take", &self.take)
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let reference = from.finite_matrix("reference", shape.n_values)?;
        let n_neighbors = from.json("n_neighbors")?;
        if reference.nrows() == 0 || n_neighbors == 0 {
            return Err(Error::model("there is no reference row or no neighbour to look for"));
        }
        Ok(Self { index: NeighborIndex::new(reference.view())?, n_neighbors, take: from.json("take")? })
    }
}

impl Attribute for KNearestNeighborsModel {
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        mean_squared_differences(&self.index, self.n_neighbors, &rows.features().values, run)
    }
}
