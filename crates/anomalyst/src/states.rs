//! A measured channel told from those that hold commands.
//!
//! Telemetry comes as one measurement beside dozens of commands, 0 or 1. Windows of all of them together are ruled by the
//! commands; the measurement alone can be judged as the one channel that it is.

use std::borrow::Cow;

use anomalyst_core::{Dataset, Notices, Series};
use ndarray::{ArrayView1, Axis};

use crate::recipe::Recipe;

/// A channel of at most this many different values holds commands: on or off.
const MOST_STATES: usize = 2;

/// What of `data` the recipe judges. The notice says what was chosen and why.
pub(crate) fn judged<'a>(recipe: &Recipe, data: &'a Dataset, notices: &mut Notices) -> Cow<'a, Dataset> {
    if recipe.measured_alone { leave_out(data, notices) } else { Cow::Borrowed(data) }
}

/// The one measured channel of `data` alone, where it is a series that has nothing but commands beside it; else all of
/// `data`.
fn leave_out<'a>(data: &'a Dataset, notices: &mut Notices) -> Cow<'a, Dataset> {
    let Dataset::Series(series) = data else { return Cow::Borrowed(data) };
    let n_channels = series.channels.len();
    let mut measured = (0..n_channels).filter(|&i| is_measured(series.values.column(i)));
    let (Some(only), None, true) = (measured.next(), measured.next(), n_channels > 1) else {
        return Cow::Borrowed(data);
    };
    notices.info(
        Some(&series.channels[only]),
        format!(
            "judged alone, as one channel: the other {} take at most {MOST_STATES} values each (commands); name a method \
             to judge all together",
            n_channels - 1
        ),
    );
    Cow::Owned(Dataset::Series(Series {
        channels: vec![series.channels[only].clone()],
        values: series.values.select(Axis(1), &[only]),
        ends: series.ends.clone(),
        keys: series.keys.clone(),
        times: series.times.clone(),
        labels: series.labels.clone(),
    }))
}

/// Whether a channel takes more values than commands do.
fn is_measured(channel: ArrayView1<'_, f64>) -> bool {
    let mut seen: Vec<f64> = Vec::with_capacity(MOST_STATES + 1);
    for &value in channel.iter().filter(|value| value.is_finite()) {
        if !seen.contains(&value) {
            seen.push(value);
        }
        if seen.len() > MOST_STATES {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Pipeline;
    use crate::recipe::Modality;
    use crate::registry::{self, Task};
    use anomalyst_core::Run;
    use ndarray::Array2;

    fn data(n_values: &[usize]) -> Dataset {
        let cell = |(point, channel): (usize, usize)| (point % n_values[channel]) as f64;
        Dataset::Series(Series::one(Array2::from_shape_fn((60, n_values.len()), cell)))
    }

    fn left(data: &Dataset) -> (Vec<String>, usize) {
        let mut notices = Notices::default();
        let left = leave_out(data, &mut notices);
        let Dataset::Series(series) = &*left else { panic!("not a series") };
        assert_eq!(series.values.ncols(), series.channels.len());
        (series.channels.clone(), notices.0.len())
    }

    #[test]
    fn one_measurement_is_judged_alone() {
        assert_eq!(left(&data(&[2, 3, 2, 1])), (vec!["x2".into()], 1));
        for all in [&[60][..], &[2], &[1], &[2, 3, 60], &[2, 1], &[2, 2]] {
            assert_eq!(left(&data(all)), ((1..=all.len()).map(|i| format!("x{i}")).collect(), 0), "{all:?}");
        }
    }

    #[test]
    fn missing_cells_are_no_values() {
        let mut values = Array2::from_elem((40, 2), f64::NAN);
        (0..40).for_each(|point| values[(point, 1)] = point as f64);
        (0..2).for_each(|point| values[(point, 0)] = point as f64);
        assert_eq!(left(&Dataset::Series(Series::one(values))).0, ["x2"]);
    }

    /// What commands do changes nothing then, and new data with all channels is scored by the one that was learned.
    #[test]
    fn auto_scores_the_measurement() {
        let wave =
            |point: usize| (point as f64 * 0.3).sin() + if (300..310).contains(&point) { 3.0 } else { 0.0 };
        let run = Run::new(0);
        let recipe = registry::resolve("auto", Task::Scan, Modality::Series).unwrap();
        let of = |command: &dyn Fn(usize) -> f64| {
            let cell =
                |(point, channel): (usize, usize)| if channel == 1 { wave(point) } else { command(point) };
            let data = Dataset::Series(Series::one(Array2::from_shape_fn((600, 3), cell)));
            let (pipeline, report) = Pipeline::fit(&recipe, &data, &run).unwrap();
            assert_eq!(report.notices.0.iter().filter(|n| n.message.contains("judged alone")).count(), 1);
            assert_eq!(pipeline.score(&data, &run).unwrap().0.len(), 600);
            report.scores
        };
        let scores = of(&|point| (point / 50 % 2) as f64);
        assert_eq!(scores, of(&|_| 0.0));
        let peak = (0..600).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
        assert!((280..330).contains(&peak), "{peak}");
    }
}
