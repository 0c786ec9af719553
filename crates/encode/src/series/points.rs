//! Points in order: one row per point, one column per channel, the layout says which points follow each other.

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Dataset, Encode, Encoded, Encoder, Features, Layout, ModelReader, ModelWriter, Notices, Origin, Params,
    Result, Run, Wants,
};
use serde::{Deserialize, Serialize};

use super::channels::{self, Channel, ChannelScale};

/// How points become features.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PointEncoder {
    /// Centre and unit of channels.
    pub scale: ChannelScale,
    /// Gives points up for rows without an order, for methods of tables.
    pub unordered: bool,
}

impl Params for PointEncoder {}

/// What was learned of every channel.
pub struct FittedPointEncoder {
    channels: Vec<Channel>,
    unordered: bool,
    origins: Vec<Origin>,
}

impl Encoder for PointEncoder {
    const ID: &'static str = "points";
    type Fitted = FittedPointEncoder;

    fn fit(&self, data: &Dataset, _: Wants, run: &Run) -> Result<(FittedPointEncoder, Notices)> {
        run.check()?;
        let (channels, notices) = channels::fit(channels::series_of(data)?, self.scale)?;
        Ok((FittedPointEncoder::new(channels, self.unordered), notices))
    }
}

impl FittedPointEncoder {
    fn new(channels: Vec<Channel>, unordered: bool) -> Self {
        let origin = |channel: &Channel| Origin { column: channel.name.clone(), aspect: "value".into() };
        let origins = channels.iter().map(origin).collect();
        Self { channels, unordered, origins }
    }
}

impl Encode for FittedPointEncoder {
    fn encode(&self, data: &Dataset, run: &Run) -> Result<Encoded> {
        run.check()?;
        let series = channels::series_of(data)?;
        let values = run.install(|| channels::measured(&self.channels, series))?;
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
        out.put_json("channels", &self.channels)?;
        out.put_json("unordered", &self.unordered)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        let channels: Vec<Channel> = from.json("channels")?;
        channels::sound(&channels)?;
        Ok(Self::new(channels, from.json("unordered")?))
    }
}
