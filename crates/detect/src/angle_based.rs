//! Angle-based outlier detection on nearest neighbours (FastABOD).
//!
//! # Idea
//! Seen from a row inside a group, its neighbours lie in all directions; seen from a row outside, they all lie the
//! same way. So a row is odd when the angles between its neighbours vary little.
//!
//! # Equations
//! With `a` and `b` the differences from `x` to two of its `k` nearest reference rows:
//!
//! - `ABOF(x) = Var <a, b> / (|a|^2 |b|^2)` over all pairs of neighbours, each pair weighted by `1 / (|a| |b|)`
//!   unless `weighted` is off
//! - `s(x) = -ln ABOF(x)`
//!
//! # Score
//! Nats, of either sign: only differences mean something. Scaling all columns by `c` adds `4 ln c`. Cosines that
//! vary by less than 1e-15 count as varying by 1e-15, which also is the answer where there are fewer than two pairs.
//! A row that has no neighbour at another place scores -349, below any row that has.
//!
//! # Complexity
//! Fit O(n log n d). A score is one exact neighbour search (see `k_nearest_neighbors`) and O(k^2 d). Memory O(n d).
//!
//! # Use when / Avoid when
//! Anomalies at the border of a group or outside it, in up to some tens of columns. Avoid where anomalies lie
//! between groups, which are seen from there in all directions, and in one column, where there are only two.
//!
//! # Differences
//! - The paper ranks by ABOF itself, lowest first. Its negative logarithm is the same order, rising, and can be told
//!   apart in single precision: ABOF is a fourth power of a distance.
//! - The paper weights pairs; PyOD does not, which `weighted = false` repeats.
//! - Equal rows are one place: rows equal to `x` form no angle with it. So a training row scores the same in training
//!   and later. PyOD counts the row itself as one of the `k` neighbours when it scores its training rows.
//! - The paper's bound for leaving out rows (LB-ABOD) is not needed to score all rows.
//! - `k` is lowered to the number of other places.
//! - `max_reference` keeps a random sample of the training rows; neighbours are then farther, and rows at the border
//!   of a group stand out less.
//!
//! # References
//! Kriegel, Schubert, Zimek 2008, Angle-based outlier detection in high-dimensional data, KDD.
//! doi:10.1145/1401890.1401946
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::AngleBased;
//! let rows = ndarray::array![[0.0_f32, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.4], [5.0, 5.0]];
//! let detector = AngleBased { n_neighbors: 4, ..Default::default() };
//! let (_, scores) = detector.fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap();
//! assert!(scores[..5].iter().all(|&s| s < scores[5] - 5.0));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance, LayoutKind, Model,
    ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::neighbors::{Neighbor, NeighborIndex, Skip, search_estimate};
use ndarray::Axis;
use serde::{Deserialize, Serialize};

use crate::k_nearest_neighbors::reference_rows;
use crate::places::different_places;

/// Cosines that vary by less than this do so by rounding.
const MIN_DEVIATION: f64 = 1e-15;
/// Time of a pair of neighbours, per column and in all, for estimates.
const PAIR_NANOS: [f64; 2] = [1.0, 5.0];

/// How many neighbours are looked at, and whether near ones count more.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AngleBased {
    /// Neighbours per row; time grows with its square.
    #[schemars(range(min = 3, max = 1_000))]
    pub n_neighbors: usize,
    /// Whether pairs of near neighbours count more, as in the paper; PyOD counts all pairs alike.
    pub weighted: bool,
    /// Training rows to keep as reference, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

/// The different places of the reference rows in a search index.
pub struct AngleBasedModel {
    index: NeighborIndex,
    n_neighbors: usize,
    weighted: bool,
}

impl Default for AngleBased {
    /// Ten neighbours have 45 angles; weights as in the paper.
    fn default() -> Self {
        Self { n_neighbors: 10, weighted: true, max_reference: None }
    }
}

impl Params for AngleBased {}

impl Detector for AngleBased {
    const CARD: Card = Card {
        id: "angle_based",
        title: "Angle-based outliers (FastABOD)",
        summary: "Rows whose neighbours all lie in the same direction.",
        paper: "Kriegel, Schubert, Zimek 2008, KDD. doi:10.1145/1401890.1401946",
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
    type Model = AngleBasedModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<AngleBasedModel> {
        run.check()?;
        let values = &train.features().values;
        let rows = reference_rows(train.n_parts(), self.max_reference, run);
        let sample = rows.map(|rows| values.select(Axis(0), &rows));
        let (points, ..) = different_places(sample.as_ref().unwrap_or(values));
        let index = NeighborIndex::new(points.view())?;
        Ok(AngleBasedModel { index, n_neighbors: self.n_neighbors, weighted: self.weighted })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n = self.max_reference.map_or(shape.n_parts, |most| most.min(shape.n_parts));
        let search = search_estimate(n, shape.n_values, self.n_neighbors);
        let pairs = (self.n_neighbors * self.n_neighbors) as f64 / 2.0;
        let angles = pairs * (PAIR_NANOS[0] * shape.n_values as f64 + PAIR_NANOS[1]);
        // Finding the places takes a copy of them and three numbers per row.
        Estimate {
            bytes: search.bytes + (4 * shape.n_values as u64 + 12) * n as u64,
            fit_nanos: 2.0 * search.fit_nanos,
            score_nanos_per_row: search.score_nanos_per_row + angles,
        }
    }
}

/// A neighbour as seen from the row.
struct Seen {
    difference: Vec<f64>,
    /// Distance in units of that of the nearest neighbour, at least 1.
    distance: f64,
}

impl AngleBasedModel {
    /// `-ln ABOF`.
    fn score_row(&self, row: &[f64], near: &[Neighbor]) -> f32 {
        let own = usize::from(near.first().is_some_and(|first| first.squared == 0.0));
        let near = near.get(own..).unwrap_or_default();
        let near = &near[..near.len().min(self.n_neighbors)];
        // In units of the nearest distance nothing overflows, whatever the scale of the data.
        let unit = near.first().map_or(f64::from(f32::MIN_POSITIVE), Neighbor::distance);
        let see = |near: &Neighbor| {
            let point = self.index.point(near.index).iter().map(|&v| f64::from(v));
            let difference = point.zip(row).map(|(a, b)| (a - b) / unit).collect();
            Seen { difference, distance: near.distance() / unit }
        };
        let seen: Vec<Seen> = near.iter().map(see).collect();
        let relative = if near.is_empty() { 0.0 } else { log_variance(&seen, self.weighted) };
        (4.0 * unit.ln() - relative) as f32
    }
}

/// The logarithm of ABOF, not below what rounding of the cosines gives.
fn log_variance(seen: &[Seen], weighted: bool) -> f64 {
    let mut pairs = Vec::with_capacity(seen.len() * seen.len() / 2);
    for (i, a) in seen.iter().enumerate() {
        for b in &seen[..i] {
            let product: f64 = a.difference.iter().zip(&b.difference).map(|(a, b)| a * b).sum();
            let lengths = a.distance * b.distance;
            let weight = if weighted { lengths.recip() } else { 1.0 };
            // The cosine over the lengths, and what it would be for a cosine of 1.
            pairs.push((product / lengths / lengths, lengths.recip(), weight));
        }
    }
    let total: f64 = pairs.iter().map(|(.., weight)| weight).sum();
    if total <= 0.0 {
        return 2.0 * MIN_DEVIATION.ln();
    }
    let mean = |of: &dyn Fn(f64, f64) -> f64| {
        pairs.iter().map(|&(angle, most, weight)| of(angle, most) * weight).sum::<f64>() / total
    };
    let center = mean(&|angle, _| angle);
    let variance = mean(&|angle, _| (angle - center).powi(2));
    let least = MIN_DEVIATION.powi(2) * mean(&|_, most| most.powi(2));
    variance.max(least).max(f64::MIN_POSITIVE).ln()
}

impl Model for AngleBasedModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = &rows.features().values;
        // A model file may ask for any number of neighbours; there are never more than places.
        let n_neighbors = self.n_neighbors.saturating_add(1);
        self.index.map(values.view(), n_neighbors, Skip::None, run, |i, near| {
            let row: Vec<f64> = values.row(i).iter().map(|&v| f64::from(v)).collect();
            self.score_row(&row, near)
        })
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_matrix("places", &self.index.points());
        out.put_json("n_neighbors", &self.n_neighbors)?;
        out.put_json("weighted", &self.weighted)
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let places = from.finite_matrix("places", shape.n_values)?;
        let n_neighbors = from.json("n_neighbors")?;
        if places.nrows() == 0 || n_neighbors == 0 {
            return Err(Error::model("there is no place or no neighbour to look for"));
        }
        Ok(Self { index: NeighborIndex::new(places.view())?, n_neighbors, weighted: from.json("weighted")? })
    }
}

#[cfg(test)]
mod tests;
