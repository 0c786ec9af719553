//! Closed forms, PyOD's numbers, counting as an oracle, and columns without width.

use super::*;
use anomalyst_core::{DetectorExt, Features, MISSING_CODE, UNSEEN_CODE};
use ndarray::array;
use proptest::prelude::*;

fn bits(height: f32) -> f32 {
    -(height + 0.1).log2()
}

fn close(got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len());
    assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-5), "{got:?} {want:?}");
}

fn two_bins(binning: Binning) -> Hbos {
    Hbos { binning, n_bins: Some(2), ..Hbos::default() }
}

/// Values 0, 1, 2, 4 in bars 0 to 2 and 2 to 4: the edge counts upwards, so both bars hold two of four.
#[test]
fn equal_width_in_closed_form() {
    let run = Run::new(0);
    let train = Features::rows(array![[0.0], [1.0], [2.0], [4.0], [0.5]]);
    let fitted = two_bins(Binning::EqualWidth).fit_on(&train, &run).unwrap();
    // Half a bar (1) outside still counts; 0.01 more does not, nor does a missing value.
    let rows = Features::rows(array![[1.5], [2.0], [-1.0], [-1.01], [5.0], [5.01], [f32::NAN]]);
    let (low, high, none) = (bits(2.0 * 3.0 / 5.0), bits(2.0 * 2.0 / 5.0), bits(0.0));
    close(&fitted.score(&rows, &run).unwrap(), &[low, high, low, none, high, none, none]);
}

/// Values 0, 1, 2, 8, one of them twice: bars 0 to 1.5 and 1.5 to 8, of densities 3/5 / 1.5 and 2/5 / 6.5 over a
/// range of 8.
#[test]
fn equal_frequency_in_closed_form() {
    let run = Run::new(0);
    let train = Features::rows(array![[0.0], [1.0], [1.0], [2.0], [8.0]]);
    let fitted = two_bins(Binning::EqualFrequency).fit_on(&train, &run).unwrap();
    let (low, high, none) = (bits(2.0), bits(8.0 / 6.5 * 0.4), bits(0.0));
    // The first bar would be 3.2 high; no bar of two can be higher than 2.
    let rows = Features::rows(array![[0.7], [1.5], [8.0], [-0.7], [-0.8], [11.0], [11.3]]);
    close(&fitted.score(&rows, &run).unwrap(), &[low, high, high, low, none, high, none]);
}

/// Twelve values in bars of two: five equal ones fill a bar of their own, and the next starts with two again.
#[test]
fn repeated_values_make_a_larger_bar_and_the_next_is_full_again() {
    let train = array![1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    let params = Hbos { binning: Binning::EqualFrequency, n_bins: Some(6), ..Hbos::default() };
    let rows = Features::rows(train.insert_axis(Axis(1)));
    let fitted = params.fit_on(&rows, &Run::new(0)).unwrap();
    let mut out = ModelWriter::new();
    fitted.model().save(&mut out).unwrap();
    let (tensors, json) = out.finish();
    let edges: Vec<f32> = ModelReader::new(&tensors, &json).list("edges").unwrap();
    assert_eq!(edges, [1.0, 1.5, 3.5, 5.5, 7.5, 8.0]);
}

/// Five bars at least: the root of four rows would be two.
#[test]
fn few_rows_still_have_five_bars() {
    let params = Hbos { binning: Binning::EqualFrequency, ..Hbos::default() };
    let rows = Features::rows(array![[0.0], [1.0], [2.0], [4.0]]);
    // Bars 0 to 0.5, to 1.5, to 3, to 4 of one row each, over a range of 4; the first is twice as high as a flat one.
    let (_, scores) = params.fit_score_on(&rows, &Run::new(0)).unwrap();
    close(&scores, &[bits(2.0), bits(1.0), bits(4.0 / 1.5 / 4.0), bits(1.0)]);
}

/// One value missing of four, and codes 0, 0, 1, missing: three levels.
#[test]
fn gaps_and_codes_are_bars() {
    let run = Run::new(0);
    let train = Features::rows(array![[0.0], [1.0], [1.0], [f32::NAN]])
        .with_codes(array![[0], [0], [1], [MISSING_CODE]])
        .unwrap();
    let fitted = two_bins(Binning::EqualWidth).fit_on(&train, &run).unwrap();
    let rows = Features::rows(array![[0.0], [1.0], [f32::NAN], [1.0]])
        .with_codes(array![[0], [1], [MISSING_CODE], [UNSEEN_CODE]])
        .unwrap();
    let (quarter, half) = (bits(0.5), bits(1.0));
    let (common, rare) = (bits(1.5), bits(0.75));
    let want = [quarter + common, half + rare, quarter + rare, half + bits(0.0)];
    close(&fitted.score(&rows, &run).unwrap(), &want);
    let shares = fitted.attribute(&rows, &run).unwrap().unwrap();
    close(&shares.values.column(0).to_vec(), &[quarter, half, quarter, half]);
    close(&shares.codes.column(0).to_vec(), &[common, rare, rare, bits(0.0)]);
}

/// PyOD 3.6.7 through `golden/hbos.py`. PyOD works in f64 and these scores are f32, hence 1e-5.
#[test]
fn matches_pyod() {
    let want = [
        -5.66607533,
        -3.19318297,
        1.19583123,
        -5.66607533,
        -0.614184021,
        1.80265628,
        -5.66607533,
        -0.339439031,
        2.50930958,
        -5.66607533,
        1.00344344,
        -5.66607533,
    ];
    let rows = Array2::from_shape_fn((101, 3), |(i, j)| {
        let k = (i * 37 % 101) as f64 / 100.0;
        [k * k, k * k * k, 1.0 - k * k][j] as f32
    });
    let params = Hbos { n_bins: Some(10), ..Hbos::default() };
    let (_, scores) = params.fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap();
    for (i, (got, want)) in scores.iter().zip(want).enumerate() {
        assert!((f64::from(*got) - want).abs() < 1e-5, "row {i}: {got} {want}");
    }
}

#[test]
fn degenerate_columns_have_an_answer() {
    let run = Run::new(0);
    for binning in [Binning::EqualWidth, Binning::EqualFrequency] {
        let train = Features::rows(array![[3.0, f32::NAN, 1e30], [3.0, f32::NAN, -1e30]]);
        let fitted = two_bins(binning).fit_on(&train, &run).unwrap();
        let shares = |row: [f32; 3]| {
            let row = Features::rows(Array2::from_shape_vec((1, 3), row.to_vec()).unwrap());
            fitted.attribute(&row, &run).unwrap().unwrap().values.row(0).to_vec()
        };
        // A constant has one full bar; a column never seen has only its gap.
        close(&shares([3.0, f32::NAN, 1e30]), &[bits(2.0), bits(2.0), bits(1.0)]);
        close(&shares([3.1, 5.0, 0.1]), &[bits(0.0), bits(0.0), bits(1.0)]);
    }
}

/// Quartiles 2 and 5 of 0 to 7, so a width of 3 and 5 bars at least; with a far value, 200 at most.
#[test]
fn the_number_of_bars_follows_the_column() {
    let run = Run::new(0);
    for (far, n_bars) in [(7.0, 5), (100.0, 34), (1e6, 200)] {
        let mut rows = Array2::from_shape_fn((8, 1), |(i, _)| i as f32);
        rows[[7, 0]] = far;
        let (fitted, scores) = Hbos::default().fit_score_on(&Features::rows(rows), &run).unwrap();
        close(&scores[7..], &[bits(n_bars as f32 * if far == 7.0 { 2.0 } else { 1.0 } / 8.0)]);
        let mut out = ModelWriter::new();
        fitted.model().save(&mut out).unwrap();
        assert_eq!(out.finish().0["bars"].shape, [n_bars]);
    }
}

proptest! {
    /// Against counting with plain comparisons, for both ways to cut; shares sum to scores.
    #[test]
    fn equals_counting(
        n in 1..60_usize, n_bins in 2..12_usize, equal_width in any::<bool>(),
        cells in prop::collection::vec((-40..40_i8).prop_map(|v| f32::from(v) / 3.0), 140),
    ) {
        let binning = if equal_width { Binning::EqualWidth } else { Binning::EqualFrequency };
        let params = Hbos { binning, n_bins: Some(n_bins), ..Hbos::default() };
        let train = Array2::from_shape_fn((n, 2), |(i, j)| cells[i * 2 + j]);
        let rows = Features::rows(Array2::from_shape_fn((10, 2), |(i, j)| cells[120 + i * 2 + j] * 1.2));
        let run = Run::new(0);
        let fitted = params.fit_on(&Features::rows(train.clone()), &run).unwrap();
        let scores = fitted.score(&rows, &run).unwrap();
        let shares = fitted.attribute(&rows, &run).unwrap().unwrap().values;
        for (i, score) in scores.iter().enumerate() {
            prop_assert!((shares.row(i).sum() - score).abs() < 1e-4);
            for j in 0..2 {
                let column = train.column(j).to_vec();
                let height = naive_height(&column, rows.values[[i, j]], n_bins, equal_width);
                let got = shares[[i, j]];
                prop_assert!(height.is_nan() || (got - bits(height)).abs() < 1e-3, "{} {} {:?}", got, bits(height), column);
            }
        }
    }
}

fn naive_height(column: &[f32], x: f32, n_bins: usize, equal_width: bool) -> f32 {
    let mut sorted: Vec<f64> = column.iter().map(|&v| f64::from(v)).collect();
    sorted.sort_by(f64::total_cmp);
    let (n, low, high, x) = (sorted.len(), sorted[0], sorted[sorted.len() - 1], f64::from(x));
    if low == high {
        return if x == low { n_bins as f32 } else { 0.0 };
    }
    let edges: Vec<f64> = if equal_width {
        (0..=n_bins).map(|b| low + (high - low) * b as f64 / n_bins as f64).collect()
    } else {
        // Values one after the other: a bar is full at its share of the rows, and closes once the value changes.
        let share = n as f64 / n_bins as f64;
        let (mut edges, mut first, mut due) = (vec![low], 0, share);
        for i in 1..n {
            if i > first && i as f64 >= due.round() && sorted[i] > sorted[i - 1] {
                edges.push((sorted[i - 1] + sorted[i]) / 2.0);
                due = if i as f64 > due.round() { i as f64 + share } else { due + share };
                first = i;
            }
        }
        edges.push(high);
        edges
    };
    let bars = edges.len() - 1;
    let (first, last) = (edges[1] - edges[0], edges[bars] - edges[bars - 1]);
    // Rounding decides on which side of an edge a value lies that is as good as on it; the oracle says nothing there.
    // Edges of equal frequency lie half-way between values, so only `x` can be that near; what an exact hit gives is
    // in the closed forms.
    let on_edge = |v: &f64| edges[1..bars].iter().any(|e| (e - v).abs() < 1e-4);
    if on_edge(&x) || equal_width && sorted.iter().any(on_edge) {
        return f32::NAN;
    }
    let beyond = (low - first / 2.0 - x).max(x - high - last / 2.0);
    // Nor does it where rounding decides whether a value is still within half a bar of the range.
    if beyond.abs() < 1e-4 {
        return f32::NAN;
    }
    if beyond > 0.0 {
        return 0.0;
    }
    let bar = edges[1..bars].iter().filter(|&&e| e <= x).count();
    let count = sorted.iter().filter(|&&v| edges[1..bars].iter().filter(|&&e| e <= v).count() == bar).count();
    let relative = if equal_width { n_bins as f64 } else { (high - low) / (edges[bar + 1] - edges[bar]) };
    (count as f64 / n as f64 * relative).min(n_bins as f64) as f32
}
