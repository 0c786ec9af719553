//! Closed forms, the best cuts of long series, and series whose distribution changes.

use anomalyst_core::{Features, Layout, ranges_of};
use serde_json::json;

use super::*;
use crate::trials::{fit_score, highest, noise as bit, series, stands};

fn wide(rows: Array2<f64>) -> Features {
    let ends = vec![rows.nrows()];
    Features { layout: Layout::Sequences { ends }, ..Features::rows(rows.mapv(|v| v as f32)) }
}

fn fitted(data: &Features) -> (KernelChangePointsModel, Array2<f32>) {
    let Layout::Sequences { ends } = &data.layout else { unreachable!() };
    let series: Vec<_> = ranges_of(ends).collect();
    let model = KernelChangePoints::default().learned(data.values.view(), &series, &Run::new(0));
    let measured = model.measured(data.values.view());
    (model, measured)
}

/// Two values without noise and half the kernel between them: with means `1 - k` apart, squared and doubled, a cut in the
/// middle of 40 gains `20 * 20 / 40 * 2 (1 - k)`.
#[test]
fn gains_in_closed_form() {
    let rows = Array2::from_shape_fn((40, 1), |(i, _)| f32::from(u8::from(i >= 20)));
    let scale = Scale { gamma: 2.0_f64.ln(), unit: 0.5 };
    let model = KernelChangePointsModel {
        settings: Settings { penalty: 1.0, min_segment: 2, window: 4 },
        centers: vec![0.0],
        units: vec![1.0],
        together: scale,
        alone: vec![scale],
    };
    let segments = KernelSegments::new(PackedRows::new(rows.view()), scale.gamma);
    let cuts = model.cuts(&segments, &Run::new(0)).unwrap();
    assert_eq!(cuts, [[0, 20, 40]]);
    let scores = model.by(&segments, &cuts, 0.5, &Run::new(0)).unwrap();
    for (t, want) in [(15, 0.0), (16, 4.0), (19, 16.0), (20, 20.0), (21, 16.0), (24, 4.0), (25, 0.0)] {
        assert!((scores[t] - want).abs() < 1e-9, "{t} {}", scores[t]);
    }
}

/// White noise has its own variance in the kernel's space, and correlated noise a larger one.
#[test]
fn units_are_long_run_variances() {
    let unit = |points: Vec<f64>| fitted(&series(&[&points])).0.together;
    let white = unit((0..4000).map(bit).collect());
    let all: Vec<f64> = (0..1000).map(|i| bit(7 * i)).collect();
    // 1.4826 times the median absolute deviation of a uniform variable of width 1, a quarter.
    let unit_of = |x: f64| x / (1.4826 * 0.25);
    let pairs = all.iter().flat_map(|a| all.iter().map(move |b| (unit_of(*a) - unit_of(*b)).powi(2)));
    let mean = pairs.map(|square| (-white.gamma * square).exp()).sum::<f64>() / 1e6;
    assert!((white.unit / (1.0 - mean) - 1.0).abs() < 0.1, "{} {}", white.unit, 1.0 - mean);
    let mut last = 0.0;
    let slow: Vec<f64> = (0..4000)
        .map(|i| {
            last = 0.6 * last + bit(i);
            last
        })
        .collect();
    let slow = unit(slow).unit;
    assert!((1.2..4.0).contains(&(slow / white.unit)), "{slow} {}", white.unit);
    assert_eq!(unit(vec![1.0; 9]).unit, LEAST_UNIT);
}

/// Blocks are cut where the whole is, and their borders are no cuts where nothing changes.
#[test]
fn blocks_leave_no_trace() {
    let n = 3 * BLOCK;
    let level = |i: usize| if (2500..2 * BLOCK).contains(&i) { 1.0 } else { 0.0 };
    let (model, rows) = fitted(&series(&[&(0..n).map(|i| level(i) + 0.5 * bit(i)).collect::<Vec<_>>()]));
    let segments = KernelSegments::new(PackedRows::new(rows.view()), model.together.gamma);
    let run = Run::new(0);
    let cuts: Vec<usize> = model.cuts(&segments, &run).unwrap().into_iter().map(|cut| cut[1]).collect();
    let penalty = 2.0 * model.together.unit * (n as f64).ln();
    assert_eq!(cuts, pelt(segments.growing(0..n), 0..n, 2, penalty, &run).unwrap());
    assert_eq!(cuts, [2500, 2 * BLOCK]);
}

/// Level, size of noise, its form at the same level and size, and how two channels go together.
#[test]
fn changes_of_any_kind_are_found() {
    let two_points = |i: usize| if bit(i) > 0.0 { 0.288_675 } else { -0.288_675 };
    let form: Vec<f64> = (0..600).map(|i| if i < 400 { bit(i) } else { two_points(i) }).collect();
    let (_, scores) = fit_score("kernel_change_points", &json!({"bandwidth": 0.5}), &series(&[&form]));
    assert!(highest(&scores).abs_diff(400) <= 6, "{}", highest(&scores));
    let changes: [&dyn Fn(usize) -> [f64; 2]; 3] = [
        &|i| [bit(i) + if i < 200 { 0.0 } else { 1.0 }, bit(i + 999)],
        &|i| [bit(i) * if i < 200 { 1.0 } else { 4.0 }, bit(i + 999)],
        &|i| [bit(i), if i < 200 { bit(i) } else { -bit(i) } + 0.1 * bit(i + 999)],
    ];
    for (kind, change) in changes.iter().enumerate() {
        let data = wide(Array2::from_shape_fn((300, 2), |(i, j)| change(i)[j]));
        let (model, scores) = fit_score("kernel_change_points", &json!({}), &data);
        assert!(highest(&scores).abs_diff(200) <= 4, "{kind}: {}", highest(&scores));
        let shares = model.attribute(&data, &Run::new(0)).unwrap().unwrap().values;
        if kind < 2 {
            assert!(shares[[200, 0]] > 4.0 * shares[[200, 1]], "{kind} {}", shares.row(200));
        }
    }
}

/// On noise without changes the penalty leaves no cuts.
#[test]
fn noise_is_not_cut() {
    for first in [0, 10_000, 20_000] {
        let data = wide(Array2::from_shape_fn((2000, 3), |(i, j)| bit(first + i + 100_000 * j)));
        let (model, rows) = fitted(&data);
        let segments = KernelSegments::new(PackedRows::new(rows.view()), model.together.gamma);
        assert!(model.cuts(&segments, &Run::new(0)).unwrap().is_empty());
    }
}

#[test]
fn stands_trials() {
    let params = [
        json!({}),
        json!({"window": 9, "bandwidth": 0.1, "min_segment": 1}),
        json!({"penalty": 0.01, "min_segment": 7, "window": 1}),
    ];
    stands("kernel_change_points", &params);
}
