//! The vocabulary of Anomalyst: what every stage of the flow hands to the next.
//!
//! ```text
//! source --read--> dataset --encode--> features --fit/score--> scores --decide--> verdicts --explain--> evidence
//! ```
//!
//! This crate holds types and the gates between them, and does no input or output. Start with
//! [`Features`], then [`Detector`] and [`Model`], then [`Run`].

mod card;
mod decision;
mod detector;
mod encoder;
mod erased;
mod error;
mod event;
mod evidence;
mod features;
mod notice;
mod outcome;
mod params;
mod picture;
mod run;
mod series;
mod table;
mod tensors;

pub use card::{Card, Cost, Estimate, Growth, Handles, Invariance};
pub use decision::{Decisions, Interval, Severity, Verdict};
pub use detector::{Attribute, Attributions, Checked, Detector, DetectorExt, Fitted, Model, Shape};
pub use encoder::{AnyEncoder, Encode, Encoded, Encoder, EncoderEntry, Origin, Parts, Wants};
pub use erased::{AnyDetector, AnyModel, Entry, find_entry, nearest_name};
pub use error::{Error, ErrorKind, Result};
pub use event::{
    AttributedChannel, ChannelEvidence, Departure, Event, EventKind, ExpectedBand, PointName, SimilarEvent,
};
pub use evidence::{Change, ColumnEvidence, Counterfactual, Evidence, Exactness, Expected, NearestRow};
pub use features::{Features, Label, Layout, LayoutKind, MISSING_CODE, UNSEEN_CODE};
pub use notice::{Notice, NoticeKind, Notices, Tally};
pub use outcome::{
    AbstentionSummary, ColumnProfile, DecisionSummary, Finding, LevelCount, MapPoint, MemberSummary,
    MethodSummary, Outcome, ProfileValues, Reproduce, RowMap, SourceSummary, ThresholdSummary, Timing,
};
pub use params::{Params, check_params, params_from_json, params_schema};
pub use picture::{
    ChannelPicture, EventMark, EventPicture, HeatPicture, PartsPicture, PictureAxis, SeriesPicture,
};
pub use run::{Cancel, Progress, Random, Run, Silent, Stage};
pub use series::{Series, ranges_of};
pub use table::{Batches, Column, ColumnData, ColumnKind, ColumnSpec, Dataset, Schema, Table, time_text};
pub use tensors::{Element, ElementKind, ModelReader, ModelWriter, Tensor};

pub use {schemars, serde, serde_json};
