//! A decision in a model file.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result, check_params};

use super::{Contamination, Decision};
use crate::calibration::Calibration;
use crate::probability::ProbabilityMap;

impl Decision {
    /// Saves everything.
    pub fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("mode", &self.mode)?;
        out.put_json("options", &self.options)?;
        out.put_json("contamination", &self.contamination)?;
        out.put_json("threshold", &self.threshold)?;
        out.put_json("has", &(self.anomalous.is_some(), self.map.is_some()))?;
        out.scope("reference", |out| {
            self.reference.save(out);
            Ok(())
        })?;
        if let Some(anomalous) = &self.anomalous {
            out.scope("anomalous", |out| {
                anomalous.save(out);
                Ok(())
            })?;
        }
        self.map.as_ref().map_or(Ok(()), |map| out.scope("probability", |out| map.save(out)))
    }

    /// Reads what [`Self::save`] wrote, and checks that it holds together.
    pub fn load(from: &ModelReader<'_>) -> Result<Self> {
        let (has_anomalous, has_map): (bool, bool) = from.json("has")?;
        let loaded = Self {
            mode: from.json("mode")?,
            options: from.json("options")?,
            contamination: from.json("contamination")?,
            threshold: from.json("threshold")?,
            reference: Calibration::load(&from.scope("reference"))?,
            anomalous: has_anomalous.then(|| Calibration::load(&from.scope("anomalous"))).transpose()?,
            map: has_map.then(|| ProbabilityMap::load(&from.scope("probability"))).transpose()?,
        };
        check_params("decision", &loaded.options)?;
        loaded.threshold.rule.check()?;
        let share = |c: Contamination| [c.interval.mean, c.p_none].iter().all(|v| (0.0..=1.0).contains(v));
        if !loaded.threshold.value.is_finite() || !loaded.contamination.is_none_or(share) {
            return Err(Error::model("the threshold or the share of anomalies is not a usable number"));
        }
        Ok(loaded)
    }
}
