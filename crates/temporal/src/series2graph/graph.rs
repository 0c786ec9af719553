//! The places that a line passes, and the ways between them.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use anomalyst_core::{Error, ModelReader, ModelWriter, Result, Run};
use anomalyst_kernels::stats::Moments;

/// Cells of the grid on which densities are summed.
const CELLS: usize = 512;
/// Widths of the density within which a crossing counts.
const REACH: f64 = 3.0;
/// The most rays.
const MOST_RAYS: usize = 1000;

/// Places on rays and how often one comes after the other.
#[derive(Debug, PartialEq)]
pub(super) struct Graph {
    rays: Vec<Ray>,
    /// For each pair of places that come after each other, the times that they do.
    ways: BTreeMap<(u32, u32), f64>,
    /// The ways that lead to each place or leave it.
    degrees: Vec<f64>,
}

/// One ray.
#[derive(Clone, Debug, Default, PartialEq)]
struct Ray {
    /// The number of its first place.
    first: u32,
    /// How far the places are from the origin, nearest first.
    places: Vec<f64>,
    /// How near and how far a crossing may be.
    reach: [f64; 2],
}

/// Where a line crosses a ray.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Crossing {
    /// The step from one point of the line to the next.
    step: usize,
    ray: usize,
    distance: f64,
}

impl Graph {
    /// Of the lines of some series.
    pub(super) fn learn(lines: &[Vec<[f64; 2]>], n_rays: usize, run: &Run) -> Result<Self> {
        let mut distances = vec![Vec::new(); n_rays];
        for line in lines {
            run.check()?;
            crossings(line, n_rays, |crossing| distances[crossing.ray].push(crossing.distance));
        }
        let (mut rays, mut first) = (Vec::with_capacity(n_rays), 0);
        for own in &distances {
            run.check()?;
            let ray = Ray { first, ..Ray::learn(own) };
            first += ray.places.len() as u32;
            rays.push(ray);
        }
        let mut graph = Self { rays, ways: BTreeMap::new(), degrees: Vec::new() };
        for line in lines {
            run.check()?;
            let mut before = None;
            crossings(line, n_rays, |crossing| {
                let place = graph.rays[crossing.ray].place(crossing.distance);
                if let (Some(from), Some(to)) = (before, place) {
                    *graph.ways.entry((from, to)).or_insert(0.0) += 1.0;
                }
                before = place;
            });
        }
        graph.count(first);
        Ok(graph)
    }

    fn count(&mut self, n_places: u32) {
        self.degrees = vec![0.0; n_places as usize];
        for &(from, to) in self.ways.keys() {
            self.degrees[from as usize] += 1.0;
            self.degrees[to as usize] += 1.0;
        }
    }

    /// What the ways add to normality that each step from one point of a line to the next ends; `None` where it ends none.
    pub(super) fn steps(&self, line: &[[f64; 2]]) -> Vec<Option<f64>> {
        let mut steps = vec![None; line.len().saturating_sub(1)];
        let mut before: Option<Option<u32>> = None;
        crossings(line, self.rays.len(), |crossing| {
            let place = self.rays[crossing.ray].place(crossing.distance);
            if let Some(from) = before {
                let of =
                    |way: (u32, u32)| self.ways.get(&way).map(|w| w * (self.degrees[way.0 as usize] - 1.0));
                let own = from.zip(place).and_then(of).unwrap_or(0.0);
                let step: &mut Option<f64> = &mut steps[crossing.step];
                *step = Some(step.unwrap_or(0.0) + own);
            }
            before = Some(place);
        });
        steps
    }

    pub(super) fn save(&self, out: &mut ModelWriter) -> Result<()> {
        let counts: Vec<u32> = self.rays.iter().map(|ray| ray.places.len() as u32).collect();
        let places: Vec<f64> = self.rays.iter().flat_map(|ray| ray.places.iter().copied()).collect();
        let reach: Vec<f64> = self.rays.iter().flat_map(|ray| ray.reach).collect();
        out.put_list("places_of_rays", &counts);
        out.put_list("places", &places);
        out.put_list("reach", &reach);
        out.put_list("from", &self.ways.keys().map(|way| way.0).collect::<Vec<_>>());
        out.put_list("to", &self.ways.keys().map(|way| way.1).collect::<Vec<_>>());
        out.put_list("times", &self.ways.values().copied().collect::<Vec<_>>());
        Ok(())
    }

    pub(super) fn load(from: &ModelReader<'_>) -> Result<Self> {
        let bad = || Error::model("the places and ways of a channel do not hold together");
        let (counts, places): (Vec<u32>, Vec<f64>) = (from.list("places_of_rays")?, from.list("places")?);
        let total: u64 = counts.iter().map(|&count| u64::from(count)).sum();
        let reach: Vec<f64> = from.list_of("reach", 2 * counts.len())?;
        let finite = places.iter().chain(&reach).all(|v| v.is_finite());
        let most = u64::from(u32::MAX);
        if !(1..=MOST_RAYS).contains(&counts.len()) || total != places.len() as u64 || total > most || !finite
        {
            return Err(bad());
        }
        let (mut rays, mut first) = (Vec::with_capacity(counts.len()), 0);
        for (&count, reach) in counts.iter().zip(reach.chunks_exact(2)) {
            let own = places[first as usize..(first + count) as usize].to_vec();
            if !own.is_sorted() {
                return Err(bad());
            }
            rays.push(Ray { first, places: own, reach: [reach[0], reach[1]] });
            first += count;
        }
        let (a, b): (Vec<u32>, Vec<u32>) = (from.list("from")?, from.list("to")?);
        let times: Vec<f64> = from.list_of("times", a.len())?;
        let is_place = |place: &u32| *place < first;
        // Whole numbers that a series can be long enough for, so that sums of them are exact.
        let is_count = |times: &f64| times.fract() == 0.0 && (0.0..=1e12).contains(times);
        if a.len() != b.len() || !a.iter().chain(&b).all(is_place) || !times.iter().all(is_count) {
            return Err(bad());
        }
        let ways = a.into_iter().zip(b).zip(times).collect();
        let mut graph = Self { rays, ways, degrees: Vec::new() };
        graph.count(first);
        Ok(graph)
    }
}

impl Ray {
    /// Places are where the density of crossings is highest.
    fn learn(crossings: &[f64]) -> Self {
        let moments: Moments = crossings.iter().copied().collect();
        if moments.count() == 0 {
            return Self { reach: [0.0; 2], ..Self::default() };
        }
        let least = crossings.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = crossings.iter().copied().fold(0.0, f64::max);
        let width = moments.std_dev() * (moments.count() as f64).powf(-0.2);
        // What rounding makes of one distance is one.
        if width <= 1e-12 * largest {
            let slack = 1e-9 * largest;
            return Self { places: vec![moments.mean()], reach: [least - slack, largest + slack], first: 0 };
        }
        let (from, to) = (least - REACH * width, largest + REACH * width);
        let cell = (to - from) / (CELLS - 1) as f64;
        let mut counts = vec![0.0; CELLS];
        for &distance in crossings {
            let at = (distance - from) / cell;
            let below = (at as usize).min(CELLS - 2);
            counts[below] += 1.0 - (at - below as f64);
            counts[below + 1] += at - below as f64;
        }
        let kernel: Vec<f64> = (0..CELLS).map(|i| (-0.5 * (i as f64 * cell / width).powi(2)).exp()).collect();
        let used: Vec<usize> = (0..CELLS).filter(|&i| counts[i] > 0.0).collect();
        let density = |i: usize| used.iter().map(|&j| counts[j] * kernel[i.abs_diff(j)]).sum::<f64>();
        let density: Vec<f64> = (0..CELLS).map(density).collect();
        let is_highest = |i: &usize| density[*i] > density[i - 1] && density[*i] >= density[i + 1];
        let places = (1..CELLS - 1).filter(is_highest).map(|i| from + i as f64 * cell).collect();
        Self { places, reach: [from, to], first: 0 }
    }

    /// The nearest place to a crossing, if it is within reach.
    fn place(&self, distance: f64) -> Option<u32> {
        if !(self.reach[0]..=self.reach[1]).contains(&distance) {
            return None;
        }
        let above = self.places.partition_point(|&place| place < distance);
        let near = |i: usize| self.places.get(i).map(|place| (place - distance).abs());
        let below = above.checked_sub(1);
        let nearest = match (below.and_then(near), near(above)) {
            (Some(a), Some(b)) if b < a => above,
            (Some(_), _) => above - 1,
            (None, Some(_)) => above,
            (None, None) => return None,
        };
        Some(self.first + nearest as u32)
    }
}

/// Hands every crossing of a line with the rays to `take`, in the order of the line. A point on a ray counts where the line
/// arrives at it, and points at the origin lie in no direction.
fn crossings(line: &[[f64; 2]], n_rays: usize, mut take: impl FnMut(Crossing)) {
    let unit = TAU / n_rays as f64;
    // Angles in units of the rays', 0 to n_rays.
    let angle = |at: [f64; 2]| (at != [0.0; 2]).then(|| at[1].atan2(at[0]).rem_euclid(TAU) / unit);
    let directions: Vec<[f64; 2]> =
        (0..n_rays).map(|ray| [(ray as f64 * unit).cos(), (ray as f64 * unit).sin()]).collect();
    let n = n_rays as f64;
    for (step, pair) in line.windows(2).enumerate() {
        let (Some(from), Some(to)) = (angle(pair[0]), angle(pair[1])) else { continue };
        let turn = (to - from + 1.5 * n).rem_euclid(n) - 0.5 * n;
        let (a, d) = (pair[0], [pair[1][0] - pair[0][0], pair[1][1] - pair[0][1]]);
        let mut cross = |number: f64| {
            let ray = number.rem_euclid(n) as usize % n_rays;
            let [x, y] = directions[ray];
            // `a + s d = r u` has `r = (a x d) / (u x d)`; the line hardly turns only where it hardly moves.
            let across = x * d[1] - y * d[0];
            let distance = (a[0] * d[1] - a[1] * d[0]) / across;
            let largest = a[0].hypot(a[1]).max(pair[1][0].hypot(pair[1][1]));
            let distance = if distance.is_finite() { distance.clamp(0.0, largest) } else { largest };
            take(Crossing { step, ray, distance });
        };
        if turn > 0.0 {
            let (mut number, last) = (from.floor() + 1.0, from + turn);
            while number <= last {
                cross(number);
                number += 1.0;
            }
        } else {
            let (mut number, last) = (from.ceil() - 1.0, from + turn);
            while number >= last {
                cross(number);
                number -= 1.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(line: &[[f64; 2]], n_rays: usize) -> Vec<(usize, usize, f64)> {
        let mut out = Vec::new();
        crossings(line, n_rays, |c| out.push((c.step, c.ray, (c.distance * 1e9).round() / 1e9)));
        out
    }

    /// Four rays along the axes: a square around the origin, there and back, and a step past it.
    #[test]
    fn lines_cross_rays() {
        let square = [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [1.0, 1.0]];
        assert_eq!(all(&square, 4), [(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (3, 0, 1.0)]);
        let back: Vec<[f64; 2]> = square.iter().rev().copied().collect();
        assert_eq!(all(&back, 4), [(0, 0, 1.0), (1, 3, 1.0), (2, 2, 1.0), (3, 1, 1.0)]);
        // Onto a ray and on, and onto it and back: one crossing each.
        assert_eq!(all(&[[1.0, 1.0], [0.0, 2.0], [-1.0, 1.0]], 4), [(0, 1, 2.0)]);
        assert_eq!(all(&[[1.0, 1.0], [0.0, 2.0], [1.0, 1.0]], 4), [(0, 1, 2.0)]);
        assert_eq!(all(&[[3.0, 1.0], [-1.0, 2.0]], 8).len(), 2);
        assert!(all(&[[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]], 4).is_empty() && all(&[[1.0, 2.0]], 4).is_empty());
    }

    #[test]
    fn places_are_where_crossings_gather() {
        let crossings: Vec<f64> =
            (0..60).map(|i| if i % 3 == 0 { 5.0 } else { 2.0 } + f64::from(i) * 1e-3).collect();
        let ray = Ray::learn(&crossings);
        assert!(ray.places.len() == 2, "{ray:?}");
        assert!((ray.places[0] - 2.03).abs() < 0.05 && (ray.places[1] - 5.03).abs() < 0.05, "{ray:?}");
        assert_eq!([ray.place(1.9), ray.place(4.0), ray.place(99.0)], [Some(0), Some(1), None]);
        assert_eq!(Ray::learn(&[3.0, 3.0]).places, [3.0]);
        assert_eq!(Ray::learn(&[]).place(0.0), None);
    }

    /// Three rounds of a square and one step back: ways and degrees counted by hand.
    #[test]
    fn ways_are_counted() {
        let square = [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]];
        let mut line: Vec<[f64; 2]> = square.iter().cycle().take(13).copied().collect();
        line.push([1.0, -1.0]);
        let graph = Graph::learn(&[line.clone()], 4, &Run::new(0)).unwrap();
        // Places are numbered by ray; the first crossing is of ray 1, the last two of ray 0.
        let ways: Vec<((u32, u32), f64)> = graph.ways.iter().map(|(&way, &times)| (way, times)).collect();
        assert_eq!(ways, [((0, 0), 1.0), ((0, 1), 2.0), ((1, 2), 3.0), ((2, 3), 3.0), ((3, 0), 3.0)]);
        assert_eq!(graph.degrees, [4.0, 2.0, 2.0, 2.0]);
        let steps = graph.steps(&line);
        assert_eq!(steps[..5], [None, Some(3.0), Some(3.0), Some(3.0), Some(6.0)]);
        assert_eq!(steps[12], Some(3.0));
    }

    #[test]
    fn what_is_saved_is_the_same() {
        let line: Vec<[f64; 2]> =
            (0..300).map(|i| [(i as f64 * 0.2).sin(), (i as f64 * 0.21).cos()]).collect();
        let graph = Graph::learn(&[line], 9, &Run::new(0)).unwrap();
        let mut out = ModelWriter::new();
        graph.save(&mut out).unwrap();
        let (tensors, json) = out.finish();
        assert_eq!(Graph::load(&ModelReader::new(&tensors, &json)).unwrap(), graph);
    }
}
