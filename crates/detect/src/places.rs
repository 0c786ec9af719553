//! The different places of the reference rows and the neighbourhoods of those places, which methods that compare a
//! row's surroundings with its neighbours' surroundings share.
//!
//! Rows that are equal have no distance between them, so densities around them would be infinite. Here they are one
//! place with a weight; neighbours are the nearest different places (the k-distinct-distance of Breunig, Kriegel, Ng
//! and Sander 2000), and all distances between places are above 0.

use anomalyst_core::{
    Attributions, Checked, Error, Estimate, Model, ModelReader, ModelWriter, Result, Run, Shape,
};
use anomalyst_kernels::neighbors::{
    Neighbor, NeighborIndex, Neighbors, Skip, search_estimate, squared_distance,
};
use ndarray::{Array2, Axis};
use rayon::prelude::*;

use crate::k_nearest_neighbors::reference_rows;

/// Different places in a search index, with how many reference rows lie at each.
pub(crate) struct Places {
    index: NeighborIndex,
    weight: Vec<u32>,
    n_neighbors: usize,
}

/// What is known while fitting and not kept: where the training rows lie, and which places are near each place.
pub(crate) struct Neighborhoods {
    /// The training rows that were kept as reference; `None` if all were.
    rows: Option<Vec<usize>>,
    /// The place of each reference row.
    place_of: Vec<u32>,
    near: Neighbors,
}

/// One place in a neighbourhood.
#[derive(Clone, Copy)]
pub(crate) struct Near {
    pub(crate) place: usize,
    pub(crate) distance: f64,
    /// How many neighbours lie there.
    pub(crate) weight: f64,
}

impl Places {
    /// Finds the places of the training rows, or of a random sample of `max_reference` of them, and for each the
    /// `n_neighbors` other places that are nearest: fewer where there are not as many. Of equally near places those
    /// with the lower coordinates are taken, so the order of rows does not matter.
    pub(crate) fn fit(
        train: Checked<'_>,
        n_neighbors: usize,
        max_reference: Option<usize>,
        run: &Run,
    ) -> Result<(Self, Neighborhoods)> {
        let values = &train.features().values;
        let rows = reference_rows(train.n_parts(), max_reference, run);
        let sample = rows.as_ref().map(|rows| values.select(Axis(0), rows));
        let (points, weight, place_of) = different_places(sample.as_ref().unwrap_or(values));
        let index = NeighborIndex::new(points.view())?;
        let near = index.search(points.view(), n_neighbors, Skip::SameIndex, run)?;
        let n_neighbors = near.indices.ncols().max(1);
        Ok((Self { index, weight, n_neighbors }, Neighborhoods { rows, place_of, near }))
    }

    /// Memory and time of [`Self::fit`] and of searching for a scored row.
    pub(crate) fn estimate(n_neighbors: usize, max_reference: Option<usize>, shape: Shape) -> Estimate {
        let n = max_reference.map_or(shape.n_parts, |most| most.min(shape.n_parts));
        let search = search_estimate(n, shape.n_values, n_neighbors);
        let neighbors = 8 * (n * n_neighbors.min(n)) as u64;
        Estimate {
            bytes: search.bytes + neighbors + 32 * n as u64,
            fit_nanos: search.fit_nanos + n as f64 * search.score_nanos_per_row,
            score_nanos_per_row: search.score_nanos_per_row,
        }
    }

    /// How many places there are.
    pub(crate) fn len(&self) -> usize {
        self.weight.len()
    }

    /// The values of a place.
    pub(crate) fn point(&self, place: u32) -> &[f32] {
        self.index.point(place)
    }

    /// How many reference rows lie at each place.
    pub(crate) fn weight(&self) -> &[u32] {
        &self.weight
    }

    /// Neighbours that a new row is compared with; never more than there are places.
    pub(crate) fn n_neighbors(&self) -> usize {
        self.n_neighbors
    }

    /// The neighbourhood of one reference row: the others at its own place, then other places, nearest first.
    pub(crate) fn around_reference<'a>(
        &'a self,
        place: usize,
        hoods: &'a Neighborhoods,
    ) -> impl Iterator<Item = Near> + Clone + 'a {
        let own = Near { place, distance: 0.0, weight: f64::from(self.weight[place]) - 1.0 };
        std::iter::once(own).chain(hoods.others(place).map(|(place, distance)| self.near(place, distance)))
    }

    /// The neighbourhood of a new row, from what a search found: its own place first, if it is one.
    pub(crate) fn around_new<'a>(&'a self, near: &'a [Neighbor]) -> impl Iterator<Item = Near> + Clone + 'a {
        near.iter().take(self.n_neighbors).map(|near| self.near(near.index, near.distance_f32()))
    }

    fn near(&self, place: u32, distance: f32) -> Near {
        let place = place as usize;
        Near { place, distance: f64::from(distance), weight: f64::from(self.weight[place]) }
    }

    /// The neighbours of a new row among one more than are needed: a place where the row lies itself is none.
    pub(crate) fn apart<'a>(&self, near: &'a [Neighbor]) -> &'a [Neighbor] {
        let own = usize::from(near.first().is_some_and(|first| first.squared == 0.0));
        let near = near.get(own..).unwrap_or_default();
        &near[..near.len().min(self.n_neighbors)]
    }

    /// What `make` makes of each new row's number and its nearest places, its own included.
    pub(crate) fn map<T: Send>(
        &self,
        rows: Checked<'_>,
        run: &Run,
        make: impl Fn(usize, &[Neighbor]) -> T + Sync,
    ) -> Result<Vec<T>> {
        self.index.map(rows.features().values.view(), self.n_neighbors, Skip::None, run, make)
    }

    /// What `make` makes of each new row's number and its nearest places, its own left out, so that a row which
    /// equals a reference row is seen as that reference row was.
    pub(crate) fn map_apart<T: Send>(
        &self,
        rows: Checked<'_>,
        run: &Run,
        make: impl Fn(usize, &[Neighbor]) -> T + Sync,
    ) -> Result<Vec<T>> {
        let values = rows.features().values.view();
        self.index.map(values, self.n_neighbors + 1, Skip::None, run, |i, near| make(i, self.apart(near)))
    }

    /// Reverse neighbours of a new row: the places that would have it among their nearest, as it lies no farther than
    /// their k-th neighbour. Any place may be one, so all are measured.
    pub(crate) fn reverse(&self, row: &[f32], k_distance: &[f64]) -> impl Iterator<Item = u32> {
        let has_row = |&place: &u32| {
            let squared = squared_distance(row, self.point(place));
            // Rounded as the distances of the places were.
            let distance = Neighbor { index: place, squared }.distance_f32();
            k_distance.get(place as usize).is_some_and(|&k_distance| f64::from(distance) <= k_distance)
        };
        (0..self.len() as u32).filter(has_row)
    }

    /// Time of [`Self::reverse`] among `n` places.
    pub(crate) fn reverse_nanos(n: usize, n_columns: usize) -> f64 {
        n as f64 * (4.0 + 0.7 * n_columns as f64)
    }

    /// Scores of the training rows from those of the places. Rows outside the sample were not learned from, and are
    /// scored by `model` like new ones.
    pub(crate) fn own_scores<M: Model>(
        model: &M,
        of_places: &[f32],
        hoods: &Neighborhoods,
        train: Checked<'_>,
        run: &Run,
    ) -> Result<Vec<f32>> {
        let own = hoods.place_of.iter().map(|&place| of_places[place as usize]);
        let Some(rows) = &hoods.rows else { return Ok(own.collect()) };
        let mut scores = model.score(train, run)?;
        rows.iter().zip(own).for_each(|(&row, score)| scores[row] = score);
        Ok(scores)
    }

    /// Each row's score, divided among columns by their part in the squared distances to the neighbours.
    ///
    /// A ratio has no exact sum over columns; this says in which directions the neighbours are far. `score` is given
    /// a row's number and one neighbour more than are needed, as a training row meets itself.
    pub(crate) fn shares(
        &self,
        rows: Checked<'_>,
        run: &Run,
        score: impl Fn(usize, &[Neighbor]) -> f32 + Sync,
    ) -> Result<Attributions> {
        let values = &rows.features().values;
        let shares = self.index.map(values.view(), self.n_neighbors + 1, Skip::None, run, |row, near| {
            let score = score(row, near);
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

    pub(crate) fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_matrix("places", &self.index.points());
        out.put_list("weight", &self.weight);
        out.put_json("n_neighbors", &self.n_neighbors)
    }

    pub(crate) fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let points = from.finite_matrix("places", shape.n_values)?;
        let weight: Vec<u32> = from.list_of("weight", points.nrows())?;
        let n_neighbors: usize = from.json("n_neighbors")?;
        if weight.is_empty() || n_neighbors == 0 || weight.contains(&0) {
            return Err(Error::model("there must be places with weights and a neighbour to look for"));
        }
        // A file may ask for any number of neighbours; there are never more than places.
        let n_neighbors = n_neighbors.min(weight.len());
        Ok(Self { index: NeighborIndex::new(points.view())?, weight, n_neighbors })
    }
}

impl Neighborhoods {
    /// Numbers and distances of the places near a place, nearest first.
    pub(crate) fn others(&self, place: usize) -> impl Iterator<Item = (u32, f32)> + Clone {
        self.near
            .indices
            .row(place)
            .into_iter()
            .copied()
            .zip(self.near.distances.row(place).into_iter().copied())
    }

    /// Distance from each place to the last of its neighbours; 0 only if there is one place.
    pub(crate) fn k_distances(&self) -> Vec<f64> {
        let last = |row: ndarray::ArrayView1<'_, f32>| row.last().copied().map_or(0.0, f64::from);
        self.near.distances.rows().into_iter().map(last).collect()
    }
}

/// 0 where there is no weight.
pub(crate) fn weighted_mean(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, weight) =
        values.fold((0.0, 0.0), |(sum, total), (v, weight)| (sum + v * weight, total + weight));
    if weight > 0.0 { sum / weight } else { 0.0 }
}

/// The different rows in lexicographic order, how often each occurs, and which one each row is.
pub(crate) fn different_places(rows: &Array2<f32>) -> (Array2<f32>, Vec<u32>, Vec<u32>) {
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
