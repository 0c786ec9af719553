//! Where a point is in the day, the week and the year, beside the values of channels: what is usual at noon may be odd at
//! night.

use anomalyst_core::{Error, ModelReader, ModelWriter, Notices, Origin, Result, Series};

use crate::table::Cycle;

/// The column that calendar parts are said to come from.
const COLUMN: &str = "time";
/// Sines and cosines of even phases have a deviation of `1 / sqrt(2)`; channels have one of 1.
const SWING: f64 = std::f64::consts::SQRT_2;

/// The circles on which points have a place; each gives a sine and a cosine.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Calendar {
    cycles: Vec<Cycle>,
}

impl Calendar {
    /// The day, the week and the year, each where the series is longer than two, one and a half of the year, and its points
    /// are not all at one place of it; none where times are not known.
    pub(super) fn fit(series: &Series, notices: &mut Notices) -> Self {
        let Some(times) = series.times.as_deref().filter(|times| !times.is_empty()) else {
            notices.handled(None, "no calendar parts: the points have no times");
            return Self::default();
        };
        Self { cycles: Cycle::useful(times) }
    }

    /// Numbers of a point.
    pub(super) fn width(&self) -> usize {
        2 * self.cycles.len()
    }

    /// The times of `series`, where they are needed.
    pub(super) fn times<'a>(&self, series: &'a Series) -> Result<&'a [i64]> {
        match &series.times {
            Some(times) => Ok(times),
            None if self.cycles.is_empty() => Ok(&[]),
            None => Err(Error::Data("points have no times, and calendar parts were learned from".into())),
        }
    }

    /// The numbers of a point at `time`.
    pub(super) fn write(&self, time: i64, out: &mut [f32]) {
        for (cycle, out) in self.cycles.iter().zip(out.chunks_exact_mut(2)) {
            let (sin, cos) = (std::f64::consts::TAU * cycle.phase(time)).sin_cos();
            (out[0], out[1]) = ((SWING * sin) as f32, (SWING * cos) as f32);
        }
    }

    /// What the numbers are called.
    pub(super) fn origins(&self) -> Vec<Origin> {
        let of = |cycle: &Cycle| {
            ["sin", "cos"]
                .map(|part| Origin { column: COLUMN.into(), aspect: format!("{}_{part}", cycle.name()) })
        };
        self.cycles.iter().flat_map(of).collect()
    }

    /// Writes nothing where there is nothing.
    pub(super) fn save(&self, out: &mut ModelWriter) -> Result<()> {
        if self.cycles.is_empty() { Ok(()) } else { out.put_json("calendar", &self.cycles) }
    }

    /// Reads it back, checked.
    pub(super) fn load(from: &ModelReader<'_>) -> Result<Self> {
        let cycles: Vec<Cycle> = if from.has_json("calendar") { from.json("calendar")? } else { Vec::new() };
        if cycles.len() > Cycle::ALL.len() {
            return Err(Error::model("there are not so many parts of a calendar"));
        }
        Ok(Self { cycles })
    }
}

#[cfg(test)]
mod tests {
    use anomalyst_core::{Dataset, Encode, Encoder, Handles, Run, Wants};
    use ndarray::Array2;

    use super::super::{FittedPointEncoder, PointEncoder};
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn series(n: usize, step: i64) -> Series {
        let times = (0..n as i64).map(|i| i * step).collect();
        Series { times: Some(times), ..Series::one(Array2::zeros((n, 1))) }
    }

    /// 1970-01-01 was a Thursday: three sevenths of a week that begins on Monday.
    #[test]
    fn places_on_circles() {
        let mut notices = Notices::default();
        let hours = series(24 * 15, HOUR);
        let calendar = Calendar::fit(&hours, &mut notices);
        let aspects: Vec<String> = calendar.origins().into_iter().map(|origin| origin.aspect).collect();
        assert_eq!(aspects, ["hour_sin", "hour_cos", "weekday_sin", "weekday_cos"]);
        let mut out = [0.0; 4];
        calendar.write(6 * HOUR, &mut out);
        let week = std::f64::consts::TAU * 3.0 / 7.0;
        let want = [SWING, 0.0, SWING * week.sin(), SWING * week.cos()];
        assert!(out.iter().zip(want).all(|(got, want)| (f64::from(*got) - want).abs() < 1e-6), "{out:?}");
        assert_eq!((calendar.width(), notices.0.len()), (4, 0));
        // Days at one hour tell nothing by the hour, a day of hours nothing by the day.
        let aspects = |series: &Series| Calendar::fit(series, &mut Notices::default()).origins().len();
        assert_eq!((aspects(&series(20, 24 * HOUR)), aspects(&series(24, HOUR))), (2, 0));
    }

    #[test]
    fn series_without_times() {
        let mut notices = Notices::default();
        let none = Series::one(Array2::zeros((3, 1)));
        let calendar = Calendar::fit(&none, &mut notices);
        assert_eq!((calendar.width(), notices.0.len()), (0, 1));
        assert!(calendar.times(&none).unwrap().is_empty());
        assert!(Calendar::fit(&series(999, HOUR), &mut notices).times(&none).is_err());
    }

    /// They stand after the channels, and come back from a file.
    #[test]
    fn points_have_it_beside_their_channels() {
        let data = Dataset::Series(series(24 * 15, HOUR));
        let wants = Wants { missing: Handles::Refuses, codes: Handles::Refuses };
        let encoder = PointEncoder { calendar: true, unordered: true, ..PointEncoder::default() };
        let (fitted, _) = encoder.fit(&data, wants, &Run::new(0)).unwrap();
        let encoded = fitted.encode(&data, &Run::new(0)).unwrap().features.values;
        assert_eq!((encoded.dim(), fitted.value_origins().len()), ((24 * 15, 5), 5));
        assert!((f64::from(encoded[[6, 1]]) - SWING).abs() < 1e-6);
        let mut out = ModelWriter::new();
        fitted.save(&mut out).unwrap();
        let (tensors, json) = out.finish();
        let again = FittedPointEncoder::load(&ModelReader::new(&tensors, &json)).unwrap();
        assert_eq!(again.encode(&data, &Run::new(0)).unwrap().features.values, encoded);
    }

    #[test]
    fn saved_and_damaged() {
        let calendar = Calendar::fit(&series(24 * 15, HOUR), &mut Notices::default());
        let saved = |calendar: &Calendar| {
            let mut out = ModelWriter::new();
            calendar.save(&mut out).unwrap();
            out.finish()
        };
        let (tensors, mut json) = saved(&calendar);
        assert_eq!(Calendar::load(&ModelReader::new(&tensors, &json)).unwrap(), calendar);
        json.insert("calendar".into(), serde_json::json!(["hour", "hour", "hour", "hour"]));
        assert!(Calendar::load(&ModelReader::new(&tensors, &json)).is_err());
        assert!(saved(&Calendar::default()).1.is_empty());
    }
}
