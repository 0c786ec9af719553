//! Windows cut, described and pooled: closed forms, degenerate series, model files.

use super::*;
use anomalyst_core::{Handles, Label};
use ndarray::Array2;

const WANTS: Wants = Wants { missing: Handles::Refuses, codes: Handles::Refuses };

fn series(values: &[f64], ends: &[usize]) -> Dataset {
    let values = Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
    let keys = vec![String::new(); ends.len()];
    Dataset::Series(Series { ends: ends.to_vec(), keys, ..Series::one(values) })
}

fn fit(params: &WindowEncoder, data: &Dataset) -> FittedWindowEncoder {
    params.fit(data, WANTS, &Run::new(0)).unwrap().0
}

#[test]
fn windows_stay_in_their_series() {
    let data = series(&[-1.0, 1.0, -1.0, 1.0, -1.0, 1.0], &[4, 6]);
    let params = WindowEncoder { length: Some(3), spread: Spread::Center, ..WindowEncoder::default() };
    let fitted = fit(&params, &data);
    let encoded = fitted.encode(&data, &Run::new(0)).unwrap().features.values;
    // The second series is one point short and goes on as it ended.
    assert_eq!(encoded, ndarray::array![[-1.0, 1.0, -1.0], [1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]]);
    assert_eq!(fitted.pool(&data, vec![1.0, 2.0, 5.0]).unwrap(), [1.0, 1.0, 2.0, 2.0, 5.0, 5.0]);
    assert!(fitted.pool(&data, vec![1.0]).is_err());
}

#[test]
fn scores_go_back_to_their_points() {
    let mut out = Vec::new();
    center(&[7.0, 8.0, 9.0], 6, &mut out);
    assert_eq!(out, [7.0, 7.0, 7.0, 8.0, 9.0, 9.0], "a window of 4 points has its later middle at its third");
    out.clear();
    mean(&[2.0, 4.0, 9.0], 2, 4, &mut out);
    assert_eq!(out, [2.0, 3.0, 6.5, 9.0]);
    out.clear();
    mean(&[2.0], 5, 3, &mut out);
    assert_eq!(out, [2.0; 3]);
}

/// The mean of three points, twice, is the triangle 1, 2, 3, 2, 1 of ninths; series do not run into each other.
#[test]
fn scores_are_carried_to_neighbours() {
    let data = series(&[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 5.0, 6.0], &[9, 11]);
    let params = WindowEncoder { length: Some(1), smooth_frac: 0.25, ..WindowEncoder::default() };
    let fitted = fit(&params, &data);
    assert_eq!((fitted.shape.reach, fitted.span()), (1, 5));
    let mut windows = vec![0.0; 11];
    (windows[4], windows[10]) = (9.0, 2.0);
    let scores = fitted.pool(&data, windows).unwrap();
    assert_eq!(scores, [0.0, 0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
    let far = WindowEncoder { smooth_frac: 0.5, ..params };
    let long = series(&(0..5000).map(f64::from).collect::<Vec<_>>(), &[5000]);
    assert_eq!(fit(&far, &long).shape.reach, FARTHEST_REACH);
}

#[test]
fn shapes_can_be_all_that_counts() {
    let data = series(&[0.0, 1.0, 100.0, 102.0, 5.0, 5.0], &[6]);
    let params = WindowEncoder { length: Some(2), normalize: Normalize::Window, ..WindowEncoder::default() };
    let encoded = fit(&params, &data).encode(&data, &Run::new(0)).unwrap().features.values;
    assert!((encoded[(0, 1)] - 1.0).abs() < 1e-5 && (encoded[(2, 1)] - 1.0).abs() < 1e-5);
    assert_eq!((encoded[(4, 0)], encoded[(4, 1)]), (0.0, 0.0), "a flat window has no shape");
}

#[test]
fn the_length_is_the_period() {
    let values: Vec<f64> = (0..500).map(|i| (std::f64::consts::TAU * i as f64 / 20.0).sin()).collect();
    let data = series(&values, &[500]);
    let fitted = fit(&WindowEncoder::default(), &data);
    assert_eq!(fitted.shape.length, 20);
    let mut out = ModelWriter::new();
    fitted.save(&mut out).unwrap();
    let (tensors, json) = out.finish();
    let again = FittedWindowEncoder::load(&ModelReader::new(&tensors, &json)).unwrap();
    let run = Run::new(0);
    assert_eq!(
        again.encode(&data, &run).unwrap().features.values,
        fitted.encode(&data, &run).unwrap().features.values
    );
}

#[test]
fn delays_reach_further_by_as_few_points() {
    let data = series(&[-1.0, 1.0, -1.0, 1.0, -1.0, 1.0], &[6]);
    let params = WindowEncoder { length: Some(2), delay: 3, ..WindowEncoder::default() };
    let fitted = fit(&params, &data);
    let encoded = fitted.encode(&data, &Run::new(0)).unwrap().features.values;
    assert_eq!(encoded, ndarray::array![[-1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]]);
    assert_eq!(fitted.span(), 4);
    assert_eq!(fitted.pool(&data, vec![1.0, 4.0, 7.0]).unwrap(), [1.0, 2.5, 4.0, 4.0, 5.5, 7.0]);
}

#[test]
fn windows_are_described_in_their_own_units_and_saved() {
    let wave = |i: usize| (i as f64 / 8.0 * std::f64::consts::TAU).sin() + (i * 7919 % 13) as f64 / 40.0;
    let values = Array2::from_shape_fn((200, 2), |(i, channel)| wave(i + 3 * channel) * (1 + channel) as f64);
    let data = Dataset::Series(Series::one(values));
    for describe in [Describe::Spectrum, Describe::Wavelets, Describe::Statistics] {
        for change in [Change::None, Change::Differences, Change::Remainder, Change::RemainderOfSeveral] {
            let params = WindowEncoder { length: Some(16), describe, change, ..WindowEncoder::default() };
            let fitted = fit(&params, &data);
            let encoded = fitted.encode(&data, &Run::new(0)).unwrap().features.values;
            assert_eq!(encoded.ncols(), fitted.value_origins().len());
            assert_eq!(fitted.value_origins()[0].column, "x1");
            for column in encoded.columns() {
                let moments: Moments = column.iter().map(|&v| f64::from(v)).collect();
                let is_unit = (moments.std_dev() - 1.0).abs() < 1e-3 || moments.std_dev() < 1e-3;
                assert!(moments.mean().abs() < 1e-3 && is_unit, "{describe:?} {change:?}");
            }
            let mut out = ModelWriter::new();
            fitted.save(&mut out).unwrap();
            let (tensors, json) = out.finish();
            let again = FittedWindowEncoder::load(&ModelReader::new(&tensors, &json)).unwrap();
            assert_eq!(again.encode(&data, &Run::new(0)).unwrap().features.values, encoded);
        }
    }
}

/// Windows that are cut when they are asked for are those that are cut at once, in any order, with their labels.
#[test]
fn parts_are_the_whole() {
    let cell =
        |(point, channel): (usize, usize)| ((point * point * 7 + point * 13 + channel * 5) % 101) as f64;
    let mut series = Series::one(Array2::from_shape_fn((60, 2), cell));
    // One series is shorter than the window, and one has no point.
    series.ends = vec![25, 28, 28, 60];
    series.keys = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let label = |point| if point % 17 == 3 { Label::Anomalous } else { Label::Normal };
    series.labels = Some((0..60).map(label).collect());
    series.times = Some((0..60).map(|i| i * 3_600_000_000).collect());
    let data = Dataset::Series(series);
    for describe in [Describe::Values, Describe::Statistics] {
        let encoder =
            WindowEncoder { length: Some(7), delay: 2, describe, calendar: true, ..WindowEncoder::default() };
        let (fitted, _) = encoder.fit(&data, WANTS, &Run::new(0)).unwrap();
        let whole = fitted.encode(&data, &Run::new(0)).unwrap().features;
        let parts = fitted.in_parts(&data, &Run::new(0)).unwrap().unwrap();
        assert_eq!(parts.n_parts(), whole.n_parts());
        assert_eq!(parts.known_anomalous(), whole.known_anomalous());
        let backwards: Vec<usize> = (0..parts.n_parts()).rev().step_by(3).collect();
        let (got, want) = (parts.take(&backwards).unwrap(), whole.take(&backwards));
        assert_eq!((got.values, got.labels), (want.values, want.labels));
    }
}

/// The third of four points is the later middle; the values beside are those without a calendar.
#[test]
fn calendar_parts_stand_beside_windows() {
    let hours = |n: i64| {
        let wave = |i: usize| (i as f64 / 24.0 * std::f64::consts::TAU).sin();
        let values = Array2::from_shape_fn((n as usize, 1), |(i, _)| wave(i));
        Series { times: Some((0..n).map(|i| i * 3_600_000_000).collect()), ..Series::one(values) }
    };
    let data = Dataset::Series(hours(480));
    for describe in [Describe::Values, Describe::Statistics] {
        let params = WindowEncoder { length: Some(4), describe, ..WindowEncoder::default() };
        let plain = fit(&params, &data).encode(&data, &Run::new(0)).unwrap().features.values;
        let fitted = fit(&WindowEncoder { calendar: true, ..params }, &data);
        let encoded = fitted.encode(&data, &Run::new(0)).unwrap().features.values;
        let width = plain.ncols();
        assert_eq!(encoded.slice(s![.., ..width]), plain);
        assert_eq!((encoded.ncols(), fitted.value_origins()[width].aspect.as_str()), (width + 4, "hour_sin"));
        // Window 4 has its middle at 6 o'clock, a quarter of a day.
        assert!((f64::from(encoded[[4, width]]) - std::f64::consts::SQRT_2).abs() < 1e-6);
        let mut out = ModelWriter::new();
        fitted.save(&mut out).unwrap();
        let (tensors, json) = out.finish();
        let again = FittedWindowEncoder::load(&ModelReader::new(&tensors, &json)).unwrap();
        assert_eq!(again.encode(&data, &Run::new(0)).unwrap().features.values, encoded);
        let timeless = Dataset::Series(Series { times: None, ..hours(480) });
        assert!(again.encode(&timeless, &Run::new(0)).is_err());
        let short = Dataset::Series(hours(3));
        assert_eq!(again.encode(&short, &Run::new(0)).unwrap().features.values.dim(), (1, width + 4));
    }
}
