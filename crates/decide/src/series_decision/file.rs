//! A decision on series in a model file.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result, check_params};

use super::SeriesDecision;
use crate::calibration::Calibration;

impl SeriesDecision {
    /// Saves everything.
    pub fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("options", &self.options)?;
        out.put_json("lens", &(self.n_points, self.horizon_len, self.run_len))?;
        out.put_json("tail", &self.tail)?;
        out.put_json("threshold", &self.threshold)?;
        out.put_json("block_len", &self.block_len())?;
        out.scope("reference", |out| {
            self.reference.save(out);
            Ok(())
        })?;
        self.blocks.as_ref().map_or(Ok(()), |(maxima, _)| {
            out.scope("blocks", |out| {
                maxima.save(out);
                Ok(())
            })
        })
    }

    /// Reads what [`Self::save`] wrote, and checks that it holds together.
    pub fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (n_points, horizon_len, run_len) = from.json("lens")?;
        let block_len: Option<usize> = from.json("block_len")?;
        let maxima = |len| Calibration::load(&from.scope("blocks")).map(|maxima| (maxima, len));
        let loaded = Self {
            options: from.json("options")?,
            reference: Calibration::load(&from.scope("reference"))?,
            n_points,
            horizon_len,
            run_len,
            tail: from.json("tail")?,
            blocks: block_len.map(maxima).transpose()?,
            threshold: from.json("threshold")?,
        };
        check_params("series_decision", &loaded.options)?;
        if !loaded.threshold.is_finite() || n_points == 0 || !loaded.tail.is_usable() {
            return Err(Error::model("the threshold or the tail of scores is not usable"));
        }
        Ok(loaded)
    }
}
