//! Multivariate matrix profile: how far the shapes of all channels are from the nearest place where they go together.
//!
//! # Idea
//! A stretch is usual where there is another place at which the channels have the same shapes at the same time. Each channel
//! may have its shape somewhere: what is odd is that they do not come together, which no profile of one channel sees. How
//! many channels have to be alike at that place is a parameter: all, so that one odd channel is enough, or only some.
//!
//! # Equations
//! `d_c(a, b)` is the distance of the shapes of channel `c` in windows `a` and `b` as in `matrix_profile`. With
//! `n_channels` `k` and the channels in the order of `d_c`, `D(a, b)` is the mean of the `k` largest (`farthest`) or of the
//! `k` smallest (`nearest`). `s(a) = min over b of D(a, b)`, over `b` that begin more than `ceil(m / 4)` points from `a`.
//! With `k` all channels both are the mean of all.
//!
//! # Score
//! A distance, 0 to `2 sqrt(m)`; 0 means that the channels that count have the same shapes together elsewhere. It stands at
//! the middle of the window; points at the edges get the nearest window's. Training series are compared with themselves and
//! each other, new ones with the training series. The share of a channel is its distance from the place that was found
//! where it is one of those that count, the sub-space, and 0 elsewhere.
//!
//! # Complexity
//! Fit O(n^2 d) for `d` channels, about two nanoseconds per pair and channel, with `k = 1` and `k = d` the fastest and
//! `k = d / 2` the slowest; score O(n d) per point. Memory O(n d).
//!
//! # Use when / Avoid when
//! For machines and bodies whose channels repeat together. With `farthest`, 1 finds a single channel that leaves the others,
//! more find what shows in several; `nearest` finds what shows in nearly all, whatever a few noisy channels do. Avoid where
//! level or size is what is odd, which shapes do not show.
//!
//! # Differences
//! mSTAMP's profiles are of the `k` nearest channels, which suits motifs; of the `k` farthest they are those of stumpy's
//! `discords`. Windows whose deviation is at most 1e-5 of the channel's count as without deviation. Without a window the
//! period of the longest series is taken, of several channels the median, at most a third of that series.
//!
//! # References
//! Yeh, Kavantzas, Keogh 2017, Matrix profile VI: meaningful multidimensional motif discovery, ICDM.
//! doi:10.1109/ICDM.2017.66. The update: Zimmerman et al. 2019, Matrix profile XIV, SoCC. doi:10.1145/3357223.3362721.
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Layout, Run};
//! use anomalyst_temporal::JointMatrixProfile;
//! // Two channels of one course each, and once they do not come together.
//! let beat = |t: usize| if t % 40 < 20 { (t as f32 * std::f32::consts::TAU / 20.0).sin() } else { 0.0 };
//! let value = |(i, j): (usize, usize)| beat(if j == 1 && (400..440).contains(&i) { i + 20 } else { i });
//! let values = ndarray::Array2::from_shape_fn((800, 2), value);
//! let series = Features { layout: Layout::Sequences { ends: vec![800] }, ..Features::rows(values) };
//! let method = JointMatrixProfile { window: Some(20), ..JointMatrixProfile::default() };
//! let (_, scores) = method.fit_score_on(&series, &Run::new(0)).unwrap();
//! let highest = (0..800).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
//! assert!((390..450).contains(&highest));
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::matrix_profile::{Neighbor, Subspace, Windows, channel_distances, joint_neighbors};
use anomalyst_kernels::stats::median;
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::parts::series_of;
use crate::shapes;

/// Which windows are compared, and by which channels.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JointMatrixProfile {
    /// Points of a window. Left out, the period of the longest training series, at most a third of it; of several channels
    /// the median.
    #[schemars(range(min = 3, max = 100_000))]
    pub window: Option<usize>,
    /// How many channels count between two windows; more than there are is all.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_channels: usize,
    /// Which channels count.
    pub channels: CountedChannels,
}

/// Which channels count between two windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountedChannels {
    /// Those that are least alike: so many odd channels are enough.
    #[default]
    Farthest,
    /// Those that are most alike: where so many channels go together the rest does not matter.
    Nearest,
}

impl Default for JointMatrixProfile {
    fn default() -> Self {
        Self { window: None, n_channels: 1, channels: CountedChannels::default() }
    }
}

impl Params for JointMatrixProfile {}

/// The training series of all channels.
pub struct JointMatrixProfileModel {
    /// Channel by channel, series by series.
    series: Vec<Vec<Vec<f64>>>,
    windows: Vec<Windows>,
    subspace: Subspace,
}

impl Detector for JointMatrixProfile {
    const CARD: Card = Card {
        id: "joint_matrix_profile",
        title: "Multivariate matrix profile (mSTAMP)",
        summary: "Stretches at which the shapes of the channels do not come together anywhere else.",
        paper: "Yeh, Kavantzas, Keogh 2017, ICDM. doi:10.1109/ICDM.2017.66",
        since: "NEXT",
        accepts: &[LayoutKind::Sequences],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::ColumnOrder, Invariance::Translation, Invariance::ColumnScale],
        cost: Cost { fit: Growth::Quadratic, score: Growth::Linear },
        min_items: 4,
        control: false,
    };
    type Model = JointMatrixProfileModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<Self::Model> {
        run.check()?;
        let series = channels_of(train);
        let mut lengths: Vec<f64> =
            series.par_iter().map(|series| shapes::window_len(self.window, series) as f64).collect();
        let len = (median(&mut lengths) as usize).max(shapes::SHORTEST);
        let windows = windows_of(&series, len)?;
        let subspace = match self.channels {
            CountedChannels::Farthest => Subspace::Farthest(self.n_channels),
            CountedChannels::Nearest => Subspace::Nearest(self.n_channels),
        };
        Ok(JointMatrixProfileModel { series, windows, subspace })
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(Self::Model, Vec<f32>)> {
        let model = self.fit(train, run)?;
        let found = joint_neighbors(&model.windows, &model.windows, model.subspace, true, run)?;
        let scores = at_points(&found, &model.series, model.len());
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        let kept = (self.n_channels as f64).min(d / 2.0).min((d - self.n_channels as f64).max(1.0));
        let pair_nanos = d * (2.0 + 0.5 * kept);
        Estimate {
            bytes: 100 * shape.n_parts as u64 * shape.n_values as u64,
            fit_nanos: pair_nanos * n * n,
            score_nanos_per_row: pair_nanos * n,
        }
    }
}

/// Channel by channel, the points of each series.
fn channels_of(rows: Checked<'_>) -> Vec<Vec<Vec<f64>>> {
    let ranges = series_of(rows);
    let of_channel = |column: ndarray::ArrayView1<'_, f32>| {
        ranges.iter().map(|range| range.clone().map(|t| f64::from(column[t])).collect()).collect()
    };
    rows.values.columns().into_iter().map(of_channel).collect()
}

/// Each series alone, channel by channel.
fn one_by_one(channels: &[Vec<Vec<f64>>]) -> impl Iterator<Item = Vec<Vec<Vec<f64>>>> + '_ {
    let n_series = channels.first().map_or(0, Vec::len);
    (0..n_series).map(|i| channels.iter().map(|series| vec![series[i].clone()]).collect())
}

fn windows_of(series: &[Vec<Vec<f64>>], len: usize) -> Result<Vec<Windows>> {
    series.par_iter().map(|series| shapes::windows_of(series, len)).collect()
}

/// Distances of windows at the points of their series.
fn at_points(found: &[Neighbor], series: &[Vec<Vec<f64>>], len: usize) -> Vec<f32> {
    let Some(series) = series.first() else { return Vec::new() };
    let points = shapes::back_to_points(&shapes::distances(found, 1), series, len);
    points.into_iter().flatten().map(|score| score as f32).collect()
}

impl JointMatrixProfileModel {
    fn len(&self) -> usize {
        self.windows.first().map_or(shapes::SHORTEST, Windows::len)
    }

    /// Of each window, how far each channel that counts is from the place that was found, and 0 of the others.
    fn shares(&self, series: &[Vec<Vec<f64>>], run: &Run) -> Result<Vec<Vec<f64>>> {
        let queries = windows_of(series, self.len())?;
        let found = joint_neighbors(&queries, &self.windows, self.subspace, false, run)?;
        let starts: Vec<usize> = queries.first().map_or_else(Vec::new, |w| w.starts().collect());
        let share = |(&row, near): (&usize, &Neighbor)| {
            let mut shares = vec![0.0; series.len()];
            if near.start != Neighbor::NOBODY {
                let distances = channel_distances(&queries, row, &self.windows, near.start)?;
                self.subspace.places(&distances).into_iter().for_each(|c| shares[c] = distances[c]);
            }
            Ok(shares)
        };
        starts.par_iter().zip(&found).map(share).collect()
    }
}

impl Model for JointMatrixProfileModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let (mut scores, len) = (Vec::with_capacity(rows.n_parts()), self.len());
        // Series by series: rounding depends on the values that windows are measured with.
        for series in one_by_one(&channels_of(rows)) {
            let queries = windows_of(&series, len)?;
            let found = joint_neighbors(&queries, &self.windows, self.subspace, false, run)?;
            scores.extend(at_points(&found, &series, len));
        }
        Ok(scores)
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        for (i, series) in self.series.iter().enumerate() {
            out.scope(&format!("channel{i}"), |out| {
                shapes::save_series(series, out);
                Ok(())
            })?;
        }
        let (n_channels, is_farthest) = match self.subspace {
            Subspace::Farthest(count) => (count, true),
            Subspace::Nearest(count) => (count, false),
        };
        out.put_json("window", &self.len())?;
        out.put_json("n_channels", &n_channels)?;
        out.put_json("farthest", &is_farthest)
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let len = shapes::possible(from.json("window")?)?;
        let n_channels: usize = from.json("n_channels")?;
        if !(1..=10_000).contains(&n_channels) {
            return Err(Error::model(format!("{n_channels} channels cannot count")));
        }
        let subspace = match from.json("farthest")? {
            true => Subspace::Farthest(n_channels),
            false => Subspace::Nearest(n_channels),
        };
        let load = |i: usize| shapes::load_series(&from.scope(&format!("channel{i}")));
        let series: Vec<_> = (0..shape.n_values).map(load).collect::<Result<_>>()?;
        let lengths = |series: &Vec<Vec<f64>>| series.iter().map(Vec::len).collect::<Vec<_>>();
        if series.windows(2).any(|pair| lengths(&pair[0]) != lengths(&pair[1])) {
            return Err(Error::model("the training series of the channels are not of one length"));
        }
        let windows = windows_of(&series, len)?;
        Ok(Self { series, windows, subspace })
    }
}

impl Attribute for JointMatrixProfileModel {
    /// The distances of the channels that count from the place that was found.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let (d, mut first) = (rows.n_values(), 0);
        let mut values = Array2::zeros((rows.n_parts(), d));
        for series in one_by_one(&channels_of(rows)) {
            let shares = self.shares(&series, run)?;
            for (channel, series) in series.iter().enumerate() {
                let own: Vec<f64> = shares.iter().map(|shares| shares[channel]).collect();
                let points = shapes::back_to_points(&own, series, self.len()).concat();
                for (t, share) in points.into_iter().enumerate() {
                    values[[first + t, channel]] = share as f32;
                }
            }
            first += series.first().map_or(0, |series| series[0].len());
        }
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), 0)) })
    }
}

#[cfg(test)]
mod tests {
    use anomalyst_core::{Features, Layout};
    use serde_json::json;

    use super::*;
    use crate::trials::{fit_score, highest, noise, series, stands};

    fn wide(n: usize, channels: &[&dyn Fn(usize) -> f64]) -> Features {
        let values = Array2::from_shape_fn((n, channels.len()), |(i, j)| channels[j](i) as f32);
        Features { layout: Layout::Sequences { ends: vec![n] }, ..Features::rows(values) }
    }

    /// Beats of one course at even, of another at odd places; `odd` begins the other way round.
    fn beat(i: usize, odd: bool) -> f64 {
        let (phase, up) = ((i % 20) as f64, (i / 20).is_multiple_of(2) != odd);
        if up { (-(phase - 6.0).powi(2) / 8.0).exp() } else { -(-(phase - 12.0).powi(2) / 6.0).exp() }
    }

    /// Each channel's shapes are there elsewhere, but not at one time: only together they are odd.
    #[test]
    fn what_does_not_come_together_is_found() {
        let data = wide(
            800,
            &[
                &|i| beat(i, false) + 0.1 * noise(i),
                &|i| beat(i, (400..440).contains(&i)) + 0.1 * noise(i + 5000),
                &|i| beat(i, false) + 0.1 * noise(i + 9000),
            ],
        );
        let params = json!({"window": 20});
        let (model, scores) = fit_score("joint_matrix_profile", &params, &data);
        assert!((395..445).contains(&highest(&scores)), "{}", highest(&scores));
        let normal: f32 = scores[600..700].iter().copied().fold(0.0, f32::max);
        assert!(scores[420] > 2.0 * normal, "{} {normal}", scores[420]);
        let shares = model.attribute(&data, &Run::new(0)).unwrap().unwrap().values;
        // What was learned is found where it is.
        assert!(shares.iter().all(|&share| share < 1e-3));
        let usual = wide(
            800,
            &[
                &|i| beat(i, false) + 0.1 * noise(i + 20_000),
                &|i| beat(i, false) + 0.1 * noise(i + 25_000),
                &|i| beat(i, false) + 0.1 * noise(i + 29_000),
            ],
        );
        // Where two of three are at home, the third is not.
        let params = json!({"window": 20, "n_channels": 3});
        let (model, _) = fit_score("joint_matrix_profile", &params, &usual);
        let shares = model.attribute(&data, &Run::new(0)).unwrap().unwrap().values;
        let [first, odd, last] = [0, 1, 2].map(|channel| shares[[420, channel]]);
        assert!(odd > 3.0 * first.max(last), "{}", shares.row(420));
        let params = json!({"window": 20, "n_channels": 2, "channels": "nearest"});
        let (model, _) = fit_score("joint_matrix_profile", &params, &usual);
        let shares = model.attribute(&data, &Run::new(0)).unwrap().unwrap().values;
        assert!(shares[[420, 1]] == 0.0 && shares[[420, 0]] > 0.0, "{}", shares.row(420));
    }

    /// With the nearest, one odd channel of three does not matter while two go together.
    #[test]
    fn so_many_channels_are_enough() {
        let odd = |i: usize| {
            let own = if (400..420).contains(&i) { noise(3 * i) } else { beat(i, false) };
            own + 0.1 * noise(i + 9000)
        };
        let data = wide(
            800,
            &[&|i| beat(i, false) + 0.1 * noise(i), &|i| beat(i, false) + 0.1 * noise(i + 5000), &odd],
        );
        let score = |n_channels: usize, channels: &str| {
            let params = json!({"window": 20, "n_channels": n_channels, "channels": channels});
            let scores = fit_score("joint_matrix_profile", &params, &data).1;
            scores[410] / median(&mut scores.iter().map(|&v| f64::from(v)).collect::<Vec<_>>()) as f32
        };
        assert!(score(2, "nearest") < 1.5 && score(3, "nearest") > 2.0 && score(1, "farthest") > 3.0);
        assert_eq!(score(3, "nearest"), score(3, "farthest"));
        assert_eq!(score(9, "nearest"), score(3, "farthest"));
    }

    #[test]
    fn stands_trials() {
        let params = [json!({}), json!({"window": 9, "n_channels": 2, "channels": "nearest"})];
        stands("joint_matrix_profile", &params);
        // One channel is the profile of one channel.
        let one: Vec<f64> = (0..300).map(|i| beat(i, i > 200) + 0.2 * noise(i)).collect();
        let of = |id: &str| fit_score(id, &json!({"window": 20}), &series(&[&one])).1;
        let (joint, alone) = (of("joint_matrix_profile"), of("matrix_profile"));
        assert!(joint.iter().zip(&alone).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}
