//! Methods that predict each point and score it by how far it is from that: errors in units of training errors.

use anomalyst_core::{Checked, Error, ModelReader, ModelWriter, Result, Run};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::errors::ErrorScale;
use crate::per_channel::{self, ChannelModel, PerChannel};

/// What was learned to predict the points of one channel.
pub trait Predict: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// One error per point of one series, with its sign; finite for finite points.
    fn errors(&self, points: &[f64], run: &Run) -> Result<Vec<f64>>;
    /// Whether [`Self::errors`] can work with what a file said.
    fn is_sound(&self) -> bool;
}

/// A predictor and how large its errors usually are.
pub struct Residuals<P> {
    predictor: P,
    scale: ErrorScale,
}

/// Learns a predictor of each channel from its series; scores are distances of errors from the usual one in robust
/// deviations of the training errors.
pub(crate) fn fit_score<P: Predict>(
    train: Checked<'_>,
    run: &Run,
    learn: impl Fn(&[Vec<f64>], &Run) -> Result<P> + Sync,
) -> Result<(PerChannel<Residuals<P>>, Vec<f32>)> {
    per_channel::fit_score(train, run, |series, run| {
        let predictor = learn(series, run)?;
        let errors: Vec<Vec<f64>> =
            series.iter().map(|points| predictor.errors(points, run)).collect::<Result<_>>()?;
        let scale = ErrorScale::robust(errors.iter().flatten(), series.iter().flatten());
        let distances = |errors: &Vec<f64>| errors.iter().map(|&error| scale.distance(error)).collect();
        let scores = errors.iter().map(distances).collect();
        Ok((Residuals { predictor, scale }, scores))
    })
}

impl<P: Predict> ChannelModel for Residuals<P> {
    fn score(&self, points: &[f64], run: &Run) -> Result<Vec<f64>> {
        let errors = self.predictor.errors(points, run)?;
        Ok(errors.into_iter().map(|error| self.scale.distance(error)).collect())
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("predictor", &self.predictor)?;
        out.put_json("scale", &self.scale)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let predictor: P = from.json("predictor")?;
        if !predictor.is_sound() {
            return Err(Error::model("what was learned of a channel is not possible"));
        }
        Ok(Self { predictor, scale: from.json::<ErrorScale>("scale")?.sound()? })
    }
}
