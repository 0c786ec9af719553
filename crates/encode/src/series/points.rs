//! Points in order: one row per point, one column per channel, the layout says which points follow each other.

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Dataset, Encode, Encoded, Encoder, Features, Layout, ModelReader, ModelWriter, Notices, Origin, Params,
    Result, Run, Wants,
};
use serde::{Deserialize, Serialize};

use super::change::Change;
use super::channels::{ChannelScale, Channels};

/// How points become features.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PointEncoder {
    /// Centre and unit of channels.
    pub scale: ChannelScale,
    /// What is looked at in place of the values.
    pub change: Change,
    /// Gives points up for rows without an order, for methods of tables.
    pub unordered: bool,
}

impl Params for PointEncoder {}

/// What was learned of every channel.
pub struct FittedPointEncoder {
    channels: Channels,
    unordered: bool,
    origins: Vec<Origin>,
}

impl Encoder for PointEncoder {
    const ID: &'static str = "points";
    type Fitted = FittedPointEncoder;

    fn fit(&self, data: &Dataset, _: Wants, run: &Run) -> Result<(FittedPointEncoder, Notices)> {
        run.check()?;
        let (channels, notices) = Channels::fit(data.as_series()?, self.scale, self.change, run)?;
        Ok((FittedPointEncoder::new(channels, self.unordered), notices))
    }
}

impl FittedPointEncoder {
    fn new(channels: Channels, unordered: bool) -> Self {
        let origins = channels.origins(&["value".to_owned()]);
        Self { channels, unordered, origins }
    }
}

impl Encode for FittedPointEncoder {
    fn encode(&self, data: &Dataset, run: &Run) -> Result<Encoded> {
        run.check()?;
        let series = data.as_series()?;
        let values = run.install(|| self.channels.measured(series, run))?;
        let layout =
            if self.unordered { Layout::Rows } else { Layout::Sequences { ends: series.ends.clone() } };
        let features = Features { values, codes: None, layout, labels: series.labels.clone() };
        Ok(Encoded { features, notices: Notices::default() })
    }

    fn value_origins(&self) -> &[Origin] {
        &self.origins
    }

    fn code_origins(&self) -> &[Origin] {
        &[]
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        self.channels.save(out)?;
        out.put_json("unordered", &self.unordered)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        Ok(Self::new(Channels::load(from)?, from.json("unordered")?))
    }
}
