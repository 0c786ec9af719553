//! Clusters of rows around their means.
//!
//! Seeds are drawn by k-means++ (Arthur and Vassilvitskii 2007), then rows and means are assigned in turn (Lloyd
//! 1982). Bounds on distances (Hamerly 2010) spare most of the work of later rounds and change no result: a row is
//! only left where it is if no other centre can be as near.

use anomalyst_core::{Random, Result, Run};
use ndarray::{ArrayView1, ArrayView2, Axis};
use rand::RngExt;
use rayon::prelude::*;

/// Rows per task; a mean is the sum of the sums of as many rows.
const ROWS: usize = 8192;
/// Centres that a row meets at once; their distances stay in registers meanwhile.
const LANES: usize = 8;
/// Tasks whose sums are held at a time.
const TASKS: usize = 16;
/// How much nearer the own centre must be for a row to be left there unseen: more than bounds can err by rounding.
const MARGIN: f64 = 1.0 - 1e-9;

/// Clusters of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Clusters {
    /// The cluster of each row, from 0 without gaps: that of the nearest centre, the first of equally near ones.
    pub labels: Vec<u32>,
    /// The centre of each cluster.
    pub centers: Vec<Vec<f64>>,
}

/// How clusters are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// Most clusters.
    pub k: usize,
    /// Rows drawn for each seed, of which the one is taken that leaves rows nearest to their seeds; with 1 this is
    /// the algorithm as published, more find better clusters.
    pub n_candidates: usize,
    /// Most rounds.
    pub max_rounds: usize,
    /// The search ends once no more than this share of the rows changes its cluster in a round.
    pub steady_frac: f64,
}

/// At most `k` clusters of finite rows; fewer where rows do not differ enough, or where a cluster loses all rows.
///
/// Distances are Euclidean after every column is multiplied by its `scale`. Time O(n k d) per round at most and as
/// much for seeds with one candidate, memory O(n). The same on any number of threads.
pub fn kmeans(
    values: ArrayView2<'_, f32>,
    scale: &[f64],
    search: Search,
    random: &mut Random,
    run: &Run,
) -> Result<Clusters> {
    let seeds = seeds(values, scale, search, random, run)?;
    let mut centers = Centers::new(seeds, scale);
    let mut rows = vec![Assigned { label: 0, own: f64::INFINITY, other: 0.0 }; values.nrows()];
    let mut means = centers.assign(values, &mut rows, run)?.0;
    for _ in 0..search.max_rounds {
        let moved = centers.replace(means);
        let most = moved.iter().fold(0.0, |most: f64, &by| most.max(by));
        rows.par_chunks_mut(ROWS).flatten_iter().for_each(|row| {
            row.own += moved[row.label as usize];
            row.other -= most;
        });
        let (next, n_changed) = centers.assign(values, &mut rows, run)?;
        if n_changed as f64 <= search.steady_frac * values.nrows() as f64 {
            break;
        }
        means = next;
    }
    Ok(centers.clusters(&rows))
}

/// Draws each new seed with probability proportional to the squared distance from those there are.
fn seeds(
    values: ArrayView2<'_, f32>,
    scale: &[f64],
    search: Search,
    random: &mut Random,
    run: &Run,
) -> Result<Vec<Vec<f64>>> {
    let n = values.nrows();
    if n == 0 || search.k == 0 {
        return Ok(Vec::new());
    }
    let of_row = |row: usize| values.row(row).iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
    let mut seeds = vec![of_row(random.random_range(0..n))];
    let mut nearest = with_seed(values, scale, &vec![f64::INFINITY; n], &seeds[0]);
    while seeds.len() < search.k {
        let total: f64 = nearest.iter().sum();
        if total.is_nan() || total <= 0.0 {
            break;
        }
        let mut best: Option<(f64, Vec<f64>, Vec<f64>)> = None;
        for _ in 0..search.n_candidates.max(1) {
            run.check()?;
            let mut left = random.random::<f64>() * total;
            let drawn = nearest.iter().position(|&d| {
                left -= d;
                d > 0.0 && left <= 0.0
            });
            let last = || nearest.iter().rposition(|&d| d > 0.0);
            let Some(row) = drawn.or_else(last) else { break };
            let seed = of_row(row);
            let then = with_seed(values, scale, &nearest, &seed);
            let sum: f64 = then.iter().sum();
            if best.as_ref().is_none_or(|(least, ..)| sum < *least) {
                best = Some((sum, seed, then));
            }
        }
        let Some((_, seed, then)) = best else { break };
        seeds.push(seed);
        nearest = then;
    }
    Ok(seeds)
}

/// The squared distance of each row from its nearest seed, once there is one more.
fn with_seed(values: ArrayView2<'_, f32>, scale: &[f64], nearest: &[f64], seed: &[f64]) -> Vec<f64> {
    let mut then = nearest.to_vec();
    then.par_chunks_mut(ROWS).zip(values.axis_chunks_iter(Axis(0), ROWS)).for_each(|(then, rows)| {
        for (then, row) in then.iter_mut().zip(rows.rows()) {
            *then = then.min(squared_distance(row, seed, scale));
        }
    });
    then
}

/// The squared distance of a row from a centre, each column multiplied by its scale.
fn squared_distance(row: ArrayView1<'_, f32>, center: &[f64], scale: &[f64]) -> f64 {
    let square = |((&v, center), scale): ((&f32, &f64), &f64)| {
        let difference = (f64::from(v) - center) * scale;
        difference * difference
    };
    row.iter().zip(center).zip(scale).map(square).sum()
}

/// Where a row belongs.
#[derive(Clone, Copy)]
struct Assigned {
    label: u32,
    /// An upper bound on the distance from its own centre.
    own: f64,
    /// A lower bound on the distance from every other centre.
    other: f64,
}

/// Sums of rows and how many there are, cluster by cluster.
#[derive(Clone)]
struct Sums {
    sums: Vec<Vec<f64>>,
    counts: Vec<f64>,
}

impl Sums {
    fn new(k: usize, d: usize) -> Self {
        Self { sums: vec![vec![0.0; d]; k], counts: vec![0.0; k] }
    }

    fn merge(&mut self, other: &Self) {
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, other)| *count += other);
    }
}

struct Centers<'a> {
    centers: Vec<Vec<f64>>,
    /// The same, [`LANES`] centres after the other, each column by column; zeros where there are no more centres.
    lanes: Vec<[f64; LANES]>,
    /// Half the distance of each centre from the nearest other one.
    halves: Vec<f64>,
    scale: &'a [f64],
}

impl<'a> Centers<'a> {
    fn new(centers: Vec<Vec<f64>>, scale: &'a [f64]) -> Self {
        let column = |group: &[Vec<f64>], j: usize| {
            std::array::from_fn(|lane| group.get(lane).map_or(0.0, |center| center[j]))
        };
        let lanes =
            centers.chunks(LANES).flat_map(|group| (0..scale.len()).map(move |j| column(group, j))).collect();
        let square = |((a, b), scale): ((&f64, &f64), &f64)| ((a - b) * scale).powi(2);
        let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).zip(scale).map(square).sum::<f64>().sqrt();
        let half = |(i, own): (usize, &Vec<f64>)| {
            let others = centers.iter().enumerate().filter(|&(other, _)| other != i);
            others.map(|(_, other)| distance(own, other)).fold(f64::INFINITY, f64::min) / 2.0
        };
        let halves = centers.iter().enumerate().map(half).collect();
        Self { centers, lanes, halves, scale }
    }

    /// Moves centres to the means of their rows and says how far each went; one without rows stays.
    fn replace(&mut self, means: Sums) -> Vec<f64> {
        let mut moved = Vec::with_capacity(means.counts.len());
        let mut centers = Vec::with_capacity(means.counts.len());
        for ((sum, count), center) in means.sums.into_iter().zip(means.counts).zip(&self.centers) {
            let new: Vec<f64> =
                if count > 0.0 { sum.iter().map(|sum| sum / count).collect() } else { center.clone() };
            let square = |((a, b), scale): ((&f64, &f64), &f64)| ((a - b) * scale).powi(2);
            moved.push(new.iter().zip(center).zip(self.scale).map(square).sum::<f64>().sqrt());
            centers.push(new);
        }
        *self = Self::new(centers, self.scale);
        moved
    }

    /// Gives every row to its nearest centre; sums up the rows of each and counts those that changed.
    fn assign(&self, values: ArrayView2<'_, f32>, rows: &mut [Assigned], run: &Run) -> Result<(Sums, usize)> {
        let (k, d) = (self.centers.len(), self.scale.len());
        let (mut all, mut n_changed) = (Sums::new(k, d), 0);
        let blocks = values.axis_chunks_iter(Axis(0), ROWS * TASKS);
        for (values, rows) in blocks.zip(rows.chunks_mut(ROWS * TASKS)) {
            run.check()?;
            let tasks = values.axis_chunks_iter(Axis(0), ROWS).into_par_iter();
            let found: Vec<(Sums, usize)> = tasks
                .zip(rows.par_chunks_mut(ROWS))
                .map(|(values, rows)| {
                    let (mut sums, mut n_changed) = (Sums::new(k, d), 0);
                    for (value, row) in values.rows().into_iter().zip(rows) {
                        n_changed += usize::from(self.assign_row(value, row));
                        let label = row.label as usize;
                        sums.sums[label].iter_mut().zip(value).for_each(|(sum, &v)| *sum += f64::from(v));
                        sums.counts[label] += 1.0;
                    }
                    (sums, n_changed)
                })
                .collect();
            for (sums, changed) in &found {
                all.merge(sums);
                n_changed += changed;
            }
        }
        Ok((all, n_changed))
    }

    /// Whether the row changed its centre.
    fn assign_row(&self, value: ArrayView1<'_, f32>, row: &mut Assigned) -> bool {
        let label = row.label as usize;
        let near = self.halves[label].max(row.other) * MARGIN;
        if row.own < near {
            return false;
        }
        row.own = squared_distance(value, &self.centers[label], self.scale).sqrt();
        if row.own < near {
            return false;
        }
        let (mut best, mut second, mut label) = (f64::INFINITY, f64::INFINITY, 0);
        let mut take = |i: u32, distance: f64| {
            if distance < best {
                (second, best, label) = (best, distance, i);
            } else if distance < second {
                second = distance;
            }
        };
        let mut numbers = 0..self.centers.len() as u32;
        for group in self.lanes.chunks(self.scale.len().max(1)) {
            let mut distances = [0.0; LANES];
            for ((&v, &scale), centers) in value.iter().zip(self.scale).zip(group) {
                for (distance, center) in distances.iter_mut().zip(centers) {
                    let difference = (f64::from(v) - center) * scale;
                    *distance += difference * difference;
                }
            }
            distances.into_iter().zip(numbers.by_ref()).for_each(|(distance, i)| take(i, distance));
        }
        let changed = row.label != label;
        *row = Assigned { label, own: best.sqrt(), other: second.sqrt() };
        changed
    }

    /// Without centres that have no row.
    fn clusters(self, rows: &[Assigned]) -> Clusters {
        let mut is_used = vec![false; self.centers.len()];
        rows.iter().for_each(|row| is_used[row.label as usize] = true);
        let mut n_used = 0;
        let number: Vec<u32> = is_used
            .iter()
            .map(|&used| {
                n_used += u32::from(used);
                n_used.saturating_sub(1)
            })
            .collect();
        let labels = rows.iter().map(|row| number[row.label as usize]).collect();
        let centers =
            self.centers.into_iter().zip(is_used).filter_map(|(c, used)| used.then_some(c)).collect();
        Clusters { labels, centers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    fn search(k: usize, max_rounds: usize) -> Search {
        Search { k, n_candidates: 1, max_rounds, steady_frac: 0.0 }
    }

    fn found(rows: &Array2<f32>, k: usize, seed: u64) -> Clusters {
        let run = Run::new(seed);
        kmeans(rows.view(), &vec![1.0; rows.ncols()], search(k, 100), &mut run.random(0), &run).unwrap()
    }

    /// Heaps at 0 and 10 on a line: whichever seeds are drawn, means end at 0.5 and 10.
    #[test]
    fn two_heaps() {
        for seed in 0..20 {
            let clusters = found(&array![[0.0], [1.0], [10.0], [10.0]], 2, seed);
            let (low, high) = (clusters.labels[0], clusters.labels[2]);
            assert!(low != high && clusters.labels == [low, low, high, high]);
            assert_eq!(clusters.centers[low as usize], [0.5]);
            assert_eq!(clusters.centers[high as usize], [10.0]);
        }
    }

    /// A scale of 0 leaves a column out: only the second one says which rows are near.
    #[test]
    fn columns_have_their_scale() {
        let rows = array![[0.0, 0.0], [100.0, 0.0], [0.0, 1.0], [100.0, 1.0]];
        let run = Run::new(0);
        let clusters = kmeans(rows.view(), &[0.0, 1.0], search(2, 100), &mut run.random(0), &run).unwrap();
        assert!(clusters.labels[0] == clusters.labels[1] && clusters.labels[2] == clusters.labels[3]);
        assert_ne!(clusters.labels[0], clusters.labels[2]);
    }

    #[test]
    fn rows_that_do_not_differ_are_one_cluster() {
        assert_eq!(found(&Array2::from_elem((5, 2), 3.0), 4, 0).centers, [[3.0, 3.0]]);
        assert_eq!(found(&array![[1.0], [2.0]], 9, 0).centers.len(), 2);
        assert_eq!(found(&Array2::zeros((0, 2)), 3, 0), Clusters { labels: vec![], centers: vec![] });
    }

    /// Ten heaps of like size, far apart: one draw per seed often puts two seeds into one heap and none into
    /// another, the best of five seldom.
    #[test]
    fn more_candidates_find_better_seeds() {
        let rows = Array2::from_shape_fn((200, 2), |(i, j)| {
            let heap = (i % 10) as f32;
            if j == 0 { 100.0 * (heap % 4.0) } else { 100.0 * (heap / 4.0).floor() + (i / 10) as f32 * 0.1 }
        });
        let n_found = |n_candidates: usize| {
            let all_heaps = |seed: &u64| {
                let (run, search) = (Run::new(*seed), Search { n_candidates, ..search(10, 0) });
                let clusters = kmeans(rows.view(), &[1.0, 1.0], search, &mut run.random(0), &run).unwrap();
                (0..10).all(|i| clusters.labels.iter().filter(|&&l| l == clusters.labels[i]).count() == 20)
            };
            (0..30_u64).filter(all_heaps).count()
        };
        let (one, five) = (n_found(1), n_found(5));
        assert!(five > 25 && five >= one, "{one} {five}");
    }

    /// Lloyd's rounds without bounds, from the same seeds.
    fn lloyd(rows: &Array2<f32>, k: usize, max_rounds: usize, seed: u64) -> (Vec<u32>, Vec<Vec<f64>>) {
        let (run, scale) = (Run::new(seed), vec![1.0; rows.ncols()]);
        let mut centers = seeds(rows.view(), &scale, search(k, 0), &mut run.random(0), &run).unwrap();
        let nearest = |centers: &[Vec<f64>], row| {
            let distances = centers.iter().map(|center| squared_distance(row, center, &scale));
            (0_u32..)
                .zip(distances)
                .fold((0, f64::INFINITY), |best, (i, d)| if d < best.1 { (i, d) } else { best })
                .0
        };
        let assign = |centers: &[Vec<f64>]| -> Vec<u32> {
            rows.rows().into_iter().map(|row| nearest(centers, row)).collect()
        };
        let mut labels = assign(&centers);
        for _ in 0..max_rounds {
            for (i, center) in (0_u32..).zip(&mut centers) {
                let own: Vec<_> = rows.rows().into_iter().zip(&labels).filter(|(_, l)| **l == i).collect();
                for (j, center) in center.iter_mut().enumerate().filter(|_| !own.is_empty()) {
                    *center = own.iter().map(|(row, _)| f64::from(row[j])).sum::<f64>() / own.len() as f64;
                }
            }
            let before = std::mem::replace(&mut labels, assign(&centers));
            if before == labels {
                break;
            }
        }
        (labels, centers)
    }

    proptest! {
        /// Bounds change nothing, ties on a grid included; nor do threads.
        #[test]
        fn equals_lloyd(
            n in 1..150_usize, k in 1..20_usize, rounds in 0..12_usize, seed in 0..1000_u64,
            cells in prop::collection::vec(prop_oneof![(-4..4_i8).prop_map(f32::from), -4.0..4.0_f32], 300),
        ) {
            let rows = Array2::from_shape_fn((n, 2), |(i, j)| cells[i * 2 + j]);
            let (run, scale) = (Run::new(seed), [1.0, 1.0]);
            let on = |run: &Run| run.install(|| kmeans(rows.view(), &scale, search(k, rounds), &mut run.random(0), run)).unwrap();
            let clusters = on(&run);
            prop_assert_eq!(&clusters, &on(&Run::new(seed).with_threads(3)));
            let (labels, centers) = lloyd(&rows, k, rounds, seed);
            for (i, &label) in labels.iter().enumerate() {
                prop_assert_eq!(&clusters.centers[clusters.labels[i] as usize], &centers[label as usize]);
            }
        }
    }
}
