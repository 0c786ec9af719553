//! The part of a series that is said to be normal.

use std::ops::Range;

use anomalyst_core::{Error, Result, Series};

/// How far a series is learned from as normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrainUntil {
    /// The first share of each series.
    Share(f64),
    /// The first so many points of each series.
    Points(usize),
    /// What comes before this time, in microseconds since 1970.
    Time(i64),
}

impl TrainUntil {
    /// Understands `0.3`, `30%`, `5000` and a time as files have it; one without a zone is in `zone`, or else UTC.
    pub fn parse(text: &str, zone: Option<&str>) -> Result<Self> {
        let wrong = || Error::BadParameter {
            name: "train-until".into(),
            got: format!("`{text}`"),
            want: "a share (0.3 or 30%), a number of points, or a time (2024-03-01T12:00)".into(),
        };
        let share = |share: f64| (share > 0.0 && share < 1.0).then_some(Self::Share(share)).ok_or_else(wrong);
        let text = text.trim();
        if let Some(percent) = text.strip_suffix('%') {
            return share(percent.trim().parse::<f64>().map_err(|_| wrong())? / 100.0);
        }
        if let Some(points) = text.parse::<usize>().ok().filter(|&points| points > 1) {
            return Ok(Self::Points(points));
        }
        if let Ok(number) = text.parse::<f64>() {
            return share(number);
        }
        anomalyst_data::parse_time(text, zone)?.map(Self::Time).ok_or_else(wrong)
    }

    /// How many points of the series at `range` it covers.
    fn n_points(self, series: &Series, range: &Range<usize>) -> Result<usize> {
        Ok(match self {
            Self::Share(share) => (range.len() as f64 * share).floor() as usize,
            Self::Points(points) => points.min(range.len()),
            Self::Time(time) => match &series.times {
                Some(times) => times[range.clone()].partition_point(|&at| at < time),
                None => return Err(Error::Data("--train-until with a time needs a column of times".into())),
            },
        })
    }

    /// The part of `series` to learn from.
    pub(super) fn part(self, series: &Series) -> Result<Series> {
        let mut points = Vec::new();
        for range in series.ranges() {
            let n = self.n_points(series, &range)?;
            points.extend(range.start..range.start + n);
        }
        if points.is_empty() {
            return Err(Error::Data(
                "no point lies before --train-until, so there is nothing to learn from".into(),
            ));
        }
        Ok(series.take(&points))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn ways_to_say_until_when() {
        let parse = |text: &str| TrainUntil::parse(text, None);
        assert_eq!(parse("0.25").unwrap(), TrainUntil::Share(0.25));
        assert_eq!(parse(" 25 %").unwrap(), TrainUntil::Share(0.25));
        assert_eq!(parse("4000").unwrap(), TrainUntil::Points(4000));
        assert_eq!(parse("1970-01-02").unwrap(), TrainUntil::Time(86_400_000_000));
        let berlin = TrainUntil::parse("1970-01-02 01:00", Some("Europe/Berlin")).unwrap();
        assert_eq!(berlin, TrainUntil::Time(86_400_000_000));
        for wrong in ["0", "1", "1.5", "-3", "120%", "soon", "NaN", ""] {
            assert!(parse(wrong).unwrap_err().to_string().contains("share"), "{wrong}");
        }
        assert!(TrainUntil::parse("1970-01-02", Some("Mars/Base")).is_err());
    }

    #[test]
    fn each_series_gives_its_beginning() {
        let mut series = Series::one(Array2::from_shape_fn((10, 1), |(i, _)| i as f64));
        series.ends = vec![4, 10];
        series.keys = vec!["a".into(), "b".into()];
        let values = |until: TrainUntil| until.part(&series).unwrap().values.into_raw_vec_and_offset().0;
        assert_eq!(values(TrainUntil::Share(0.5)), [0.0, 1.0, 4.0, 5.0, 6.0]);
        assert_eq!(values(TrainUntil::Points(5)), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        assert!(TrainUntil::Time(3).part(&series).is_err());
        series.times = Some((0..10).collect());
        assert_eq!(TrainUntil::Time(6).part(&series).unwrap().ends, [4, 6]);
        assert!(TrainUntil::Time(0).part(&series).is_err());
    }
}
