//! Closed forms, NumPy's numbers on given projections, counting as an oracle, and rows with gaps.

use super::*;
use anomalyst_core::{DetectorExt, Features};
use ndarray::array;
use proptest::prelude::*;

/// A model with given directions, from training rows.
fn fixed(rows: &Array2<f32>, n_bins: Option<usize>, weights: &[&[(u32, f32)]]) -> LodaModel {
    let projections: Vec<Projection> = weights.iter().map(|parts| Projection::new(parts.to_vec())).collect();
    let bars = fit::bars(rows.view(), &projections, n_bins, &Run::new(0)).unwrap();
    LodaModel { projections, bars }
}

fn scores(model: &LodaModel, rows: &Array2<f32>) -> Vec<f32> {
    let mut lanes = Lanes::default();
    lanes.fill(rows.view());
    model.score_lanes(&lanes)
}

fn close(got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len());
    assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-5), "{got:?} {want:?}");
}

/// One direction 2 x, two bars: values 0, 1, 2, 8 project to 0, 2, 4, 16, three of them below 8.
#[test]
fn closed_form() {
    let model = fixed(&array![[0.0], [1.0], [2.0], [8.0]], Some(2), &[&[(0, 2.0)]]);
    let (low, high, empty) = (-1.5_f32.ln(), -0.5_f32.ln(), -0.05_f32.ln());
    // Half a bar (2 of x) outside still belongs to the bar, more does not.
    let rows = array![[0.0], [3.9], [4.1], [8.0], [-1.9], [-2.1], [9.9], [10.1]];
    close(&scores(&model, &rows), &[low, low, high, high, low, empty, high, empty]);
    // A gap leaves no projection: the mean of the training rows.
    close(&scores(&model, &array![[f32::NAN]]), &[(3.0 * low + high) / 4.0]);
}

/// Only projections without the missing column count.
#[test]
fn gaps_leave_projections_out() {
    let train = array![[0.0, 0.0], [1.0, 1.0], [2.0, 9.0], [8.0, f32::NAN]];
    let model = fixed(&train, Some(2), &[&[(0, 1.0)], &[(1, -1.0)]]);
    let rows = array![[0.0, 0.0], [0.0, f32::NAN], [f32::NAN, 9.0]];
    let (three_of_four, two_of_three, one_of_three) =
        (-1.5_f32.ln(), -(4.0_f32 / 3.0).ln(), -(2.0_f32 / 3.0).ln());
    close(&scores(&model, &rows), &[(three_of_four + two_of_three) / 2.0, three_of_four, one_of_three]);
}

/// The data of `golden/loda.py`.
fn golden_rows() -> Array2<f32> {
    Array2::from_shape_fn((40, 3), |(i, j)| {
        let whole = [(37 * i * i + 11 * i) % 101, (53 * i * i + 29 * i) % 97, (i.pow(3) + 5) % 89][j];
        (whole * [64, 37, 41][j]) as f32 / 1024.0
    })
}

/// NumPy through `golden/loda.py`, minus ln 7 as heights are relative here. Projections are f32, hence 1e-5.
#[test]
fn matches_numpy_on_given_projections() {
    let want: [f64; 10] = [
        2.16156756, 1.85464523, 1.79885934, 1.78272471, 1.56668102, 1.65584976, 2.24369358, 2.28018205,
        1.71867837, 1.62557254,
    ];
    let weights: [&[(u32, f32)]; 4] =
        [&[(0, 0.75)], &[(1, -1.25)], &[(0, 0.5), (2, 1.5)], &[(1, 0.3), (2, -0.6)]];
    let model = fixed(&golden_rows(), Some(7), &weights);
    for (got, want) in scores(&model, &golden_rows()).into_iter().zip(want) {
        assert!((f64::from(got) + 7.0_f64.ln() - want).abs() < 1e-5, "{got} {want}");
    }
}

/// Even rows need one bar; the less even, the more.
#[test]
fn the_number_of_bars_follows_the_rows() {
    let n_bars = |rows: Array2<f32>| {
        let mut out = ModelWriter::new();
        bars::save(&fixed(&rows, None, &[&[(0, 1.0)]]).bars, &mut out);
        (out.finish().0["surprises"].shape[0] - 4) / 2
    };
    assert_eq!(n_bars(Array2::from_shape_fn((500, 1), |(i, _)| i as f32)), 1);
    // Two heaps without width: the most that n / ln n = 80.5 allows.
    assert_eq!(n_bars(Array2::from_shape_fn((500, 1), |(i, _)| (i % 2) as f32)), 64);
    assert!(n_bars(Array2::from_shape_fn((500, 1), |(i, _)| (i as f32 / 100.0).exp())) > 4);
    assert_eq!(n_bars(array![[3.0], [3.0]]), 1);
}

#[test]
fn degenerate_rows_have_an_answer() {
    let run = Run::new(0);
    let params = Loda { n_projections: 10, n_bins: Some(4) };
    // One bar of full height for a constant; anything else is outside.
    let (fitted, own) = params.fit_score_on(&Features::rows(Array2::from_elem((5, 1), 3.0)), &run).unwrap();
    close(&own, &[0.0; 5]);
    close(&fitted.score(&Features::rows(array![[3.0], [3.001]]), &run).unwrap(), &[0.0, -(0.02_f32).ln()]);
    for rows in [
        array![[f32::MAX, 1e-45], [f32::MIN, -1e-45], [0.0, 0.0]],
        Array2::from_elem((3, 2), f32::NAN),
        Array2::from_shape_fn((4, 60), |(i, j)| (i * j) as f32),
    ] {
        let far = Features::rows(Array2::from_elem((2, rows.ncols()), f32::MAX));
        let (fitted, own) = Loda::default().fit_score_on(&Features::rows(rows), &run).unwrap();
        assert!(own.iter().chain(&fitted.score(&far, &run).unwrap()).all(|s| s.is_finite()));
    }
}

/// A row whose third value is wild: the test statistic of that column is the largest, and positive.
#[test]
fn the_test_names_the_column() {
    let rows = Features::rows(anomalyst_testkit::normal_rows(500, 9, 1));
    let fitted = Loda::default().fit_on(&rows, &Run::new(0)).unwrap();
    let mut wild = Array2::zeros((1, 9));
    wild[[0, 2]] = 15.0;
    let shares = fitted.attribute(&Features::rows(wild), &Run::new(0)).unwrap().unwrap().values;
    let others =
        shares.iter().enumerate().filter(|(j, _)| *j != 2).fold(f32::MIN, |most, (_, &v)| most.max(v));
    assert!(shares[[0, 2]] > 3.0 && shares[[0, 2]] > 2.0 * others, "{shares}");
}

/// Three projections with and two without a column, by hand: means 2 and 0.5, variances of the means 1 and 0.25.
#[test]
fn welch_in_closed_form() {
    let group = |values: &[f64]| {
        let mut group = Group::default();
        values.iter().for_each(|&v| group.push(v));
        group
    };
    let (with, without) = (group(&[2.0, 2.0 - 3.0_f64.sqrt(), 2.0 + 3.0_f64.sqrt()]), group(&[0.0, 1.0]));
    assert!((with.excess(without) - 1.5 / 1.25_f64.sqrt()).abs() < 1e-12);
    assert_eq!((with.excess(Group::default()), Group::default().excess(with)), (with.mean(), 0.0));
}

proptest! {
    /// Against projecting and counting value by value in f64.
    #[test]
    fn equals_counting(
        n in 2..700_usize, n_bins in 2..12_usize, cells in prop::collection::vec(prop_oneof![9 => -5.0..5.0_f32, 1 => Just(f32::NAN)], 2100),
    ) {
        let rows = Array2::from_shape_fn((n, 3), |(i, j)| cells[i * 3 + j]);
        let weights: [&[(u32, f32)]; 3] = [&[(0, 0.7), (1, -1.1)], &[(2, 1.3)], &[(0, -0.4), (2, 0.9)]];
        let fitted = fixed(&rows, Some(n_bins), &weights);
        let got: Vec<f32> = rows.axis_chunks_iter(Axis(0), ROWS).flat_map(|block| scores(&fitted, &block.to_owned())).collect();
        let along: Vec<Vec<f64>> = weights.iter().map(|parts| rows.rows().into_iter().map(|row| {
            parts.iter().map(|&(j, w)| f64::from(w) * f64::from(row[j as usize])).sum()
        }).collect()).collect();
        for (i, got) in got.into_iter().enumerate() {
            let (mut sum, mut used, mut near_edge) = (0.0, 0.0, false);
            for z in along.iter().filter(|z| !z[i].is_nan()) {
                let seen: Vec<f64> = z.iter().copied().filter(|z| !z.is_nan()).collect();
                let (low, high) = seen.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &z| (l.min(z), h.max(z)));
                let place = |z: f64| (z - low) / (high - low) * n_bins as f64;
                let bar = |z: f64| (place(z) as usize).min(n_bins - 1);
                // Rounding decides on which side of an edge a value lies that is as good as on it.
                near_edge |= seen.iter().any(|&z| (place(z) - place(z).round()).abs() < 1e-4 && z != low && z != high);
                let count = seen.iter().filter(|&&other| bar(other) == bar(z[i])).count();
                sum -= if low == high { 0.0 } else { (n_bins as f64 * count as f64 / seen.len() as f64).ln() };
                used += 1.0;
            }
            prop_assert!(used == 0.0 || near_edge || (f64::from(got) - sum / used).abs() < 1e-4, "row {}: {} {}", i, got, sum / used);
        }
    }
}
