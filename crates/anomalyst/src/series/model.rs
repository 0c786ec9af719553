//! Trained models of series, and model files of any kind.

use std::path::Path;

use anomalyst_core::{Error, ModelReader, ModelWriter, Outcome, Result, Run, Schema, SourceSummary, Table};
use anomalyst_data::TableSource;
use anomalyst_decide::SeriesDecision;

use super::apply::score_series;
use super::reading::SeriesOptions;
use crate::model::TrainedModel;
use crate::model_file;
use crate::options::{Options, read};
use crate::pipeline::Pipeline;
use crate::recipe::Modality;
use crate::score::score;

/// A fitted pipeline for series with its decision.
pub struct TrainedSeries {
    /// Encoders and detectors.
    pub pipeline: Pipeline,
    /// How scores become events.
    pub decision: SeriesDecision,
    /// How rows become series.
    pub how: SeriesOptions,
    /// The columns it was fitted on.
    pub schema: Schema,
    /// What it was fitted on.
    pub source: SourceSummary,
    /// The seed of the fit.
    pub seed: u64,
}

/// What a model file holds.
pub enum AnyTrained {
    /// A model of rows.
    Table(Box<TrainedModel>),
    /// A model of series.
    Series(Box<TrainedSeries>),
}

impl TrainedSeries {
    pub(super) fn new(
        (pipeline, decision): (Pipeline, SeriesDecision),
        how: &SeriesOptions,
        (table, source): (&Table, SourceSummary),
        run: &Run,
    ) -> Self {
        Self { pipeline, decision, how: how.clone(), schema: table.schema(), source, seed: run.seed() }
    }

    /// Writes the model file, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        model_file::write(path, &self.content()?)
    }

    /// The bytes of the model file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        model_file::to_bytes(&self.content()?)
    }

    fn content(&self) -> Result<model_file::Content> {
        let mut out = ModelWriter::new();
        out.put_json("schema", &self.schema)?;
        out.put_json("source", &self.source)?;
        out.put_json("seed", &self.seed)?;
        out.put_json("series", &self.how)?;
        out.scope("pipeline", |out| self.pipeline.save(out))?;
        out.scope("decision", |out| self.decision.save(out))?;
        Ok(out.finish())
    }

    fn from_content((tensors, json): &model_file::Content) -> Result<Self> {
        let from = ModelReader::new(tensors, json);
        let pipeline = Pipeline::load(&from.scope("pipeline"))?;
        if pipeline.recipe().modality != Modality::Series {
            return Err(Error::model("it says that it is of series, and its recipe is not"));
        }
        Ok(Self {
            pipeline,
            decision: SeriesDecision::load(&from.scope("decision"))?,
            how: from.json("series")?,
            schema: from.json("schema")?,
            source: from.json("source")?,
            seed: from.json("seed")?,
        })
    }
}

impl AnyTrained {
    /// Reads a model file of either kind; damaged, foreign and newer files are refused with the reason.
    pub fn load(path: &Path) -> Result<Self> {
        model_file::load(path, Self::from_content)
    }

    /// A model from the bytes of its file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_content(&model_file::from_bytes(bytes).map_err(Error::model)?)
    }

    /// The bytes of the model file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        match self {
            Self::Table(model) => model.to_bytes(),
            Self::Series(model) => model.to_bytes(),
        }
    }

    /// The columns it was fitted on.
    pub fn schema(&self) -> &Schema {
        match self {
            Self::Table(model) => &model.schema,
            Self::Series(model) => &model.schema,
        }
    }

    /// Scores what is in `source`: rows batch by batch, series as a whole.
    pub fn score(&self, source: &TableSource, options: &Options, run: &Run) -> Result<Outcome> {
        match self {
            Self::Table(model) => score(model, source, options, run),
            Self::Series(model) => score_series(model, read(source, run)?, options, run),
        }
    }

    fn from_content(content: &model_file::Content) -> Result<Self> {
        Ok(if content.1.contains_key("series") {
            Self::Series(Box::new(TrainedSeries::from_content(content)?))
        } else {
            Self::Table(Box::new(TrainedModel::from_content(content)?))
        })
    }
}
