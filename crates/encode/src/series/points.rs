//! Points in order: one row per point, one column per channel, the layout says which points follow each other.

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Dataset, Encode, Encoded, Encoder, Error, Features, Layout, ModelReader, ModelWriter, Notices, Origin,
    Params, Result, Run, Wants,
};
use ndarray::{Array2, Axis, concatenate};
use serde::{Deserialize, Serialize};

use super::calendar::Calendar;
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
    /// Adds the place of each point in the day, the week and the year as sines and cosines, in UTC, where the series is longer
    /// than two of them: for methods that judge all channels together.
    pub calendar: bool,
    /// Gives points up for rows without an order, for methods of tables.
    pub unordered: bool,
}

impl Params for PointEncoder {}

/// What was learned of every channel.
pub struct FittedPointEncoder {
    channels: Channels,
    calendar: Calendar,
    unordered: bool,
    origins: Vec<Origin>,
}

impl Encoder for PointEncoder {
    const ID: &'static str = "points";
    type Fitted = FittedPointEncoder;

    fn fit(&self, data: &Dataset, _: Wants, run: &Run) -> Result<(FittedPointEncoder, Notices)> {
        run.check()?;
        let series = data.as_series()?;
        let (channels, mut notices) = Channels::fit(series, self.scale, self.change, run)?;
        let calendar = if self.calendar { Calendar::fit(series, &mut notices) } else { Calendar::default() };
        Ok((FittedPointEncoder::new(channels, calendar, self.unordered), notices))
    }
}

impl FittedPointEncoder {
    fn new(channels: Channels, calendar: Calendar, unordered: bool) -> Self {
        let mut origins = channels.origins(&["value".to_owned()]);
        origins.extend(calendar.origins());
        Self { channels, calendar, unordered, origins }
    }
}

impl Encode for FittedPointEncoder {
    fn encode(&self, data: &Dataset, run: &Run) -> Result<Encoded> {
        run.check()?;
        let series = data.as_series()?;
        let mut values = run.install(|| self.channels.measured(series, run))?;
        if self.calendar.width() > 0 {
            let times = self.calendar.times(series)?;
            let mut parts = Array2::zeros((series.n_points(), self.calendar.width()));
            for (mut row, &time) in parts.rows_mut().into_iter().zip(times) {
                self.calendar.write(time, row.as_slice_mut().unwrap_or_default());
            }
            values = concatenate(Axis(1), &[values.view(), parts.view()])
                .map_err(|e| Error::Data(format!("calendar parts of points: {e}")))?;
        }
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
        self.calendar.save(out)?;
        out.put_json("unordered", &self.unordered)
    }

    fn load(from: &ModelReader<'_>) -> Result<Self> {
        Ok(Self::new(Channels::load(from)?, Calendar::load(from)?, from.json("unordered")?))
    }
}
