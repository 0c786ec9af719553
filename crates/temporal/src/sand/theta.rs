//! The clusters that follow a series.

use anomalyst_core::Result;
use anomalyst_kernels::k_shape::{Correlator, Prepared, ShapeClusters, common_shape, shifted};

use crate::k_shape::weights;
use crate::normal_model::{NormalModel, Sample};

/// The most clusters that are remembered.
const MOST_CLUSTERS: usize = 100;
/// The most stretches that a cluster remembers.
const MOST_ROWS: usize = 1000;

/// What was read in a batch.
pub(super) struct Read {
    pub(super) sample: Sample,
    pub(super) clusters: ShapeClusters,
    /// The point of its series that starts are counted from.
    pub(super) begin: usize,
}

/// The clusters after some batches.
pub(super) struct Theta {
    plan: Correlator,
    batch: usize,
    update: f64,
    clusters: Vec<Cluster>,
}

/// One cluster.
#[derive(Clone)]
struct Cluster {
    centre: Vec<f64>,
    /// Its stretches, each shifted to fit the centre; none of stretches without a shape.
    rows: Vec<Vec<f64>>,
    /// How many stretches there ever were.
    count: f64,
    /// Where the last of them begins.
    last: usize,
    /// Their mean distance from the centre.
    radius: f64,
    /// The weight after the last batch; none yet for a new one.
    weight: Option<f64>,
}

impl Cluster {
    fn is_flat(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Theta {
    /// Of stretches of `len` points.
    pub(super) fn new(len: usize, batch: usize, update: f64) -> Self {
        Self { plan: Correlator::new(len), batch, update, clusters: Vec::new() }
    }

    /// Takes what was read in a batch that ends at `end`, in a series that begins at `first`.
    pub(super) fn take(&mut self, read: Read, first: usize, end: usize) -> Result<()> {
        let is_first = self.clusters.is_empty();
        let mut join: Vec<Vec<Cluster>> = vec![Vec::new(); self.clusters.len()];
        let mut new = Vec::new();
        let ready: Vec<Prepared> =
            self.clusters.iter().map(|c| self.plan.prepare(&c.centre)).collect::<Result<_>>()?;
        for cluster in self.of(&read, first + read.begin) {
            let near = if is_first { None } else { self.nearest(&cluster, &ready)? };
            match near {
                Some(near) => join[near].push(cluster),
                None => new.push(cluster),
            }
        }
        for (place, joining) in join.into_iter().enumerate().filter(|(_, joining)| !joining.is_empty()) {
            self.join(place, &ready[place], joining)?;
        }
        self.clusters.extend(new);
        self.weigh(end)
    }

    /// The clusters of a batch by themselves.
    fn of(&self, read: &Read, first: usize) -> Vec<Cluster> {
        let (sample, found) = (&read.sample, &read.clusters);
        let cluster = |(label, centre): (usize, &Vec<f64>)| {
            let own: Vec<usize> = (0..sample.shapes.len()).filter(|&i| found.labels[i] == label).collect();
            let count = own.len() as f64;
            Cluster {
                centre: centre.clone(),
                rows: own.iter().map(|&i| shifted(&sample.shapes[i], found.fits[i].shift)).collect(),
                count,
                last: first + own.iter().map(|&i| sample.starts[i]).max().unwrap_or(0),
                radius: own.iter().map(|&i| found.fits[i].distance).sum::<f64>() / count.max(1.0),
                weight: None,
            }
        };
        let mut all: Vec<Cluster> = found.centers.iter().enumerate().map(cluster).collect();
        if let Some(&last) = sample.flat.last() {
            all.push(Cluster {
                centre: vec![0.0; self.plan.len()],
                rows: Vec::new(),
                count: sample.flat.len() as f64,
                last: first + last,
                radius: 0.0,
                weight: None,
            });
        }
        all
    }

    /// The cluster that one of a batch belongs to.
    fn nearest(&self, cluster: &Cluster, ready: &[Prepared]) -> Result<Option<usize>> {
        if cluster.is_flat() {
            return Ok(self.clusters.iter().position(Cluster::is_flat));
        }
        let own = self.plan.prepare(&cluster.centre)?;
        let mut best: Option<(usize, f64)> = None;
        for (place, other) in ready.iter().enumerate() {
            let distance = self.plan.fit_prepared(other, &own)?.distance;
            if best.is_none_or(|(_, least)| distance < least) {
                best = Some((place, distance));
            }
        }
        Ok(best.filter(|&(place, distance)| distance < self.clusters[place].radius).map(|(place, _)| place))
    }

    fn join(&mut self, place: usize, centre: &Prepared, joining: Vec<Cluster>) -> Result<()> {
        let cluster = &mut self.clusters[place];
        let (mut far, mut count) = (0.0, 0.0);
        for other in joining {
            count += other.count;
            cluster.last = cluster.last.max(other.last);
            for row in other.rows {
                let fit = self.plan.fit_prepared(centre, &self.plan.prepare(&row)?)?;
                far += fit.distance;
                cluster.rows.push(shifted(&row, fit.shift));
            }
        }
        let share = cluster.count / (cluster.count + count);
        cluster.count += count;
        if !cluster.rows.is_empty() {
            let forgotten = cluster.rows.len().saturating_sub(MOST_ROWS);
            cluster.rows.drain(..forgotten);
            cluster.centre = common_shape(&cluster.rows, &cluster.centre)?;
            cluster.radius = share * cluster.radius + (1.0 - share) * far / count.max(1.0);
        }
        Ok(())
    }

    /// The weights after a batch that ends at `end`.
    fn weigh(&mut self, end: usize) -> Result<()> {
        let centres: Vec<Vec<f64>> = self.clusters.iter().map(|cluster| cluster.centre.clone()).collect();
        let counts: Vec<f64> = self.clusters.iter().map(|cluster| cluster.count).collect();
        for (cluster, own) in self.clusters.iter_mut().zip(weights(&centres, &counts)?) {
            let unseen = end.saturating_sub(cluster.last).saturating_sub(self.batch);
            let now = own / (1.0 + unseen as f64);
            cluster.weight = Some((1.0 - self.update) * cluster.weight.unwrap_or(own) + self.update * now);
        }
        while self.clusters.len() > MOST_CLUSTERS {
            let weight = |i: usize| self.clusters[i].weight.unwrap_or(0.0);
            let least = (0..self.clusters.len()).min_by(|&a, &b| weight(a).total_cmp(&weight(b)));
            self.clusters.remove(least.unwrap_or(0));
        }
        Ok(())
    }

    /// What windows of `len` points are judged by.
    pub(super) fn normal_model(&self, len: usize) -> Result<NormalModel> {
        // A weight may be too small to be told from none.
        let weight = |cluster: &Cluster| cluster.weight.unwrap_or(0.0).max(f64::MIN_POSITIVE);
        NormalModel::new(len, self.clusters.iter().map(|c| (c.centre.clone(), weight(c))).collect())
    }
}

#[cfg(test)]
mod tests {
    use anomalyst_core::Run;
    use anomalyst_kernels::k_shape::{k_shape, standardized};

    use super::*;

    /// Shapes of one kind each, with a little noise, at every tenth point.
    fn read(kinds: &[usize], seed: usize) -> Read {
        let shape = |(i, &kind): (usize, &usize)| {
            let value = |t: usize| {
                let t = t as f64;
                let wave = [(t * 0.4).sin(), (-(t - 16.0).powi(2) / 6.0).exp(), (t / 5.0).floor()][kind];
                wave + 0.1 * crate::trials::noise(t as usize + 100 * (i + seed))
            };
            standardized(&(0..32).map(value).collect::<Vec<_>>())
        };
        let shapes: Vec<Vec<f64>> = kinds.iter().enumerate().map(shape).collect();
        let run = Run::new(1);
        let clusters = k_shape(&shapes, 2, 50, &mut run.random(0), &run).unwrap();
        let starts = (0..shapes.len()).map(|i| 10 * i).collect();
        Read { sample: Sample { shapes, starts, flat: Vec::new() }, clusters, begin: 0 }
    }

    /// What is like a cluster joins it, what is not is new; what is not seen loses weight.
    #[test]
    fn batches_join_or_add() {
        let mut theta = Theta::new(32, 100, 0.5);
        theta.take(read(&[0, 1, 0, 1, 0, 1, 0, 1, 0, 1], 0), 0, 100).unwrap();
        assert_eq!(theta.clusters.iter().map(|c| c.count).sum::<f64>(), 10.0);
        let before: Vec<f64> = theta.clusters.iter().filter_map(|c| c.weight).collect();
        assert_eq!(theta.clusters.len(), 2);
        // Widened, so that noise alone makes no cluster new.
        theta.clusters.iter_mut().for_each(|c| c.radius = 0.2);
        theta.take(read(&[0; 10], 50), 100, 200).unwrap();
        theta.take(read(&[2; 10], 90), 200, 300).unwrap();
        let counts: Vec<f64> = theta.clusters.iter().map(|c| c.count).collect();
        assert!(counts.contains(&15.0) && counts.contains(&5.0) && counts.len() > 2, "{counts:?}");
        let lost = counts.iter().position(|&count| count == 5.0).unwrap();
        assert!(theta.clusters[lost].weight.unwrap() < 0.6 * before[lost]);
        assert!(theta.normal_model(16).is_ok());
    }

    #[test]
    fn stillness_joins_stillness() {
        let mut theta = Theta::new(32, 100, 0.5);
        let flat = |begin| Read {
            sample: Sample { shapes: Vec::new(), starts: Vec::new(), flat: vec![0, 10] },
            clusters: ShapeClusters { labels: Vec::new(), centers: Vec::new(), fits: Vec::new() },
            begin,
        };
        theta.take(flat(0), 0, 100).unwrap();
        theta.take(flat(100), 0, 200).unwrap();
        assert_eq!((theta.clusters.len(), theta.clusters[0].count, theta.clusters[0].last), (1, 4.0, 110));
    }
}
