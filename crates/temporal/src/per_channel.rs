//! Methods that look at one channel at a time, on series of any number of channels.
//!
//! With one channel the score of a point is what the method says. With several, each channel's scores are put on one scale,
//! their excess over the channel's usual score in units of its spread, both as in training, and a point's score is the mean
//! of the excesses: a channel that is as usual adds nothing, and none outweighs the others for its unit.

use anomalyst_core::{
    Attribute, Attributions, Checked, Error, Model, ModelReader, ModelWriter, Result, Run, Shape,
};
use anomalyst_kernels::stats::{median, quantile};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::parts::series_of;

/// What a method learned of one channel.
pub trait ChannelModel: Send + Sync + Sized + 'static {
    /// One score per point of one series.
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>>;
    /// Writes everything that `load` needs.
    fn save(&self, out: &mut ModelWriter) -> Result<()>;
    /// Reads it back, checked.
    fn load(from: &ModelReader<'_>) -> Result<Self>;
}

/// A model of each channel.
pub struct PerChannel<M> {
    channels: Vec<Channel<M>>,
}

struct Channel<M> {
    model: M,
    usual: Usual,
}

/// The scores of training points of one channel.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Usual {
    median: f64,
    spread: f64,
}

/// Scores beyond this many spreads count as this many, so that sums stay finite.
const MOST: f64 = 1e12;

impl Usual {
    fn of(scores: &[f64]) -> Self {
        let mut scores = scores.to_vec();
        let median = median(&mut scores);
        let spread = quantile(&mut scores, 0.75) - median;
        if spread > 0.0 {
            return Self { median, spread };
        }
        // Most points score alike: the mean excess of the others is the unit.
        let above: Vec<f64> = scores.iter().map(|s| s - median).filter(|&excess| excess > 0.0).collect();
        let mean = above.iter().sum::<f64>() / above.len().max(1) as f64;
        Self { median, spread: if mean > 0.0 { mean } else { 1.0 } }
    }

    fn excess(self, score: f64) -> f64 {
        ((score - self.median) / self.spread).clamp(0.0, MOST)
    }
}

/// One column of `rows`, series by series.
fn column(rows: Checked<'_>, channel: usize) -> Vec<Vec<f64>> {
    let column = rows.values.column(channel);
    let part = |range: std::ops::Range<usize>| range.map(|point| f64::from(column[point])).collect();
    series_of(rows).into_iter().map(part).collect()
}

/// Learns each channel by `learn`, which is given the series one by one and answers with what it learned and the scores of
/// their points, and combines the scores.
pub(crate) fn fit_score<M: ChannelModel>(
    train: Checked<'_>,
    run: &Run,
    learn: impl Fn(&[Vec<f64>], &Run) -> Result<(M, Vec<Vec<f64>>)> + Sync,
) -> Result<(PerChannel<M>, Vec<f32>)> {
    let stage = run.stage("learning channels", train.n_values() as u64);
    let learned: Vec<(Channel<M>, Vec<f64>)> = (0..train.n_values())
        .into_par_iter()
        .map(|channel| {
            run.check()?;
            let (model, scores) = learn(&column(train, channel), run)?;
            let scores = scores.concat();
            stage.advance(1);
            Ok((Channel { model, usual: Usual::of(&scores) }, scores))
        })
        .collect::<Result<_>>()?;
    let (channels, scores): (Vec<_>, Vec<_>) = learned.into_iter().unzip();
    let model = PerChannel { channels };
    let scores = model.combine(&scores);
    Ok((model, scores))
}

impl<M: ChannelModel> PerChannel<M> {
    /// The scores of every channel, channel by channel.
    fn by_channel(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<Vec<f64>>> {
        let of = |(channel, own): (usize, &Channel<M>)| {
            run.check()?;
            let parts = column(rows, channel);
            let scores: Vec<Vec<f64>> =
                parts.iter().map(|points| own.model.score(points, run)).collect::<Result<_>>()?;
            Ok(scores.concat())
        };
        self.channels.par_iter().enumerate().map(|(i, own)| of((i, own))).collect()
    }

    fn combine(&self, scores: &[Vec<f64>]) -> Vec<f32> {
        let [only] = scores else {
            let n_points = scores.first().map_or(0, Vec::len);
            let excess = |point: usize| -> f64 {
                let excesses = self.channels.iter().zip(scores).map(|(own, of)| own.usual.excess(of[point]));
                excesses.sum::<f64>() / scores.len() as f64
            };
            return (0..n_points).into_par_iter().map(|point| excess(point) as f32).collect();
        };
        only.iter().map(|&score| score.clamp(-MOST, MOST) as f32).collect()
    }
}

impl<M: ChannelModel> Model for PerChannel<M> {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        Ok(self.combine(&self.by_channel(rows, run)?))
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        for (i, channel) in self.channels.iter().enumerate() {
            out.put_json(&format!("usual{i}"), &channel.usual)?;
            out.scope(&format!("channel{i}"), |out| channel.model.save(out))?;
        }
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let load = |i: usize| {
            let usual: Usual = from.json(&format!("usual{i}"))?;
            if !(usual.median.is_finite() && usual.spread.is_finite() && usual.spread > 0.0) {
                return Err(Error::model("the usual scores of a channel must be finite"));
            }
            Ok(Channel { model: M::load(&from.scope(&format!("channel{i}")))?, usual })
        };
        Ok(Self { channels: (0..shape.n_values).map(load).collect::<Result<_>>()? })
    }
}

impl<M: ChannelModel> Attribute for PerChannel<M> {
    /// The excess of each channel.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let scores = self.by_channel(rows, run)?;
        let share = |(point, channel): (usize, usize)| {
            self.channels[channel].usual.excess(scores[channel][point]) as f32
        };
        Ok(Attributions {
            values: Array2::from_shape_fn((rows.n_parts(), self.channels.len()), share),
            codes: Array2::zeros((rows.n_parts(), 0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excess_is_measured_by_what_is_usual() {
        let usual = Usual::of(&[0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!([usual.excess(1.0), usual.excess(2.0), usual.excess(4.0)], [0.0, 0.0, 2.0]);
        let alike = Usual::of(&[1.0, 1.0, 1.0, 1.0, 3.0]);
        assert_eq!([alike.excess(1.0), alike.excess(5.0)], [0.0, 2.0]);
        assert_eq!(Usual::of(&[5.0; 4]).excess(6.0), 1.0);
    }
}
