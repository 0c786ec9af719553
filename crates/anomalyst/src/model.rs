//! A trained model: everything that scoring, deciding and explaining new rows needs, in one file.

use std::path::Path;

use anomalyst_core::{Error, ModelReader, ModelWriter, Result, Schema, SourceSummary};
use anomalyst_decide::Decision;
use anomalyst_explain::{Explainer, Reference};

use crate::model_file;
use crate::pipeline::Pipeline;

/// A fitted pipeline with its decision, what is usual, and the columns it expects.
pub struct TrainedModel {
    /// Encoders and detectors.
    pub pipeline: Pipeline,
    /// How scores become verdicts; replaceable without a new fit.
    pub decision: Decision,
    /// What is usual, for reasons.
    pub reference: Reference,
    /// The columns it was fitted on.
    pub schema: Schema,
    /// What it was fitted on.
    pub source: SourceSummary,
    /// The seed of the fit.
    pub seed: u64,
}

impl TrainedModel {
    /// Writes the model file, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        model_file::write(path, &self.content()?)
    }

    /// Reads a model file; damaged, foreign and newer files are refused with the reason.
    pub fn load(path: &Path) -> Result<Self> {
        model_file::load(path, Self::from_content)
    }

    /// The bytes of the model file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        model_file::to_bytes(&self.content()?)
    }

    /// A model from the bytes of its file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_content(&model_file::from_bytes(bytes).map_err(Error::model)?)
    }

    /// Says why rows are odd.
    pub fn explainer(&self) -> Explainer<'_> {
        Explainer {
            subject: &self.pipeline,
            reference: &self.reference,
            threshold: self.decision.threshold().value,
        }
    }

    fn content(&self) -> Result<model_file::Content> {
        let mut out = ModelWriter::new();
        out.put_json("schema", &self.schema)?;
        out.put_json("source", &self.source)?;
        out.put_json("seed", &self.seed)?;
        out.scope("pipeline", |out| self.pipeline.save(out))?;
        out.scope("decision", |out| self.decision.save(out))?;
        out.scope("reference", |out| self.reference.save(out))?;
        Ok(out.finish())
    }

    pub(crate) fn from_content((tensors, json): &model_file::Content) -> Result<Self> {
        let from = ModelReader::new(tensors, json);
        Ok(Self {
            pipeline: Pipeline::load(&from.scope("pipeline"))?,
            decision: Decision::load(&from.scope("decision"))?,
            reference: Reference::load(&from.scope("reference"))?,
            schema: from.json("schema")?,
            source: from.json("source")?,
            seed: from.json("seed")?,
        })
    }
}
