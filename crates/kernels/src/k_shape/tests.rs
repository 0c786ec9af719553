//! Shape-based distances, extraction and clusters against definitions, oracles and tslearn.

use proptest::prelude::*;

use super::*;

/// The definition: every shift, every product.
fn plainly(x: &[f64], y: &[f64]) -> f64 {
    let last = x.len() as isize - 1;
    let at = |shift| dot(x, &shifted(y, shift));
    let best = (-last..=last).map(at).fold(f64::NEG_INFINITY, f64::max);
    let norms = (dot(x, x) * dot(y, y)).sqrt();
    if norms > 0.0 { 1.0 - best / norms } else { 1.0 }
}

fn row(i: usize, len: usize) -> Vec<f64> {
    let value = |t: usize| {
        let wave = match i % 3 {
            0 => (std::f64::consts::TAU * (t + i) as f64 / 16.0).sin(),
            1 => f64::from(u8::from((t + 3 * i) % 16 < 4)),
            _ => ((t + 2 * i) % 16) as f64 / 16.0,
        };
        wave + 0.3 * ((t * t * 7 + t * 13 + i * 29) % 101) as f64 / 101.0
    };
    standardized(&(0..len).map(value).collect::<Vec<_>>())
}

#[test]
fn rows_are_shifted() {
    assert_eq!(shifted(&[1.0, 2.0, 3.0], 1), [0.0, 1.0, 2.0]);
    assert_eq!(shifted(&[1.0, 2.0, 3.0], -2), [3.0, 0.0, 0.0]);
    assert_eq!(shifted(&[1.0, 2.0, 3.0], 5), [0.0; 3]);
}

#[test]
fn zeros_are_like_nothing() {
    let plan = Correlator::new(3);
    assert_eq!(plan.fit(&[0.0; 3], &[1.0, 2.0, -3.0]).unwrap(), Fit { distance: 1.0, shift: 0 });
    assert!(plan.fit(&[0.0; 2], &[0.0; 3]).is_err());
    assert_eq!(Correlator::new(1).fit(&[2.0], &[3.0]).unwrap().distance, 0.0);
    assert_eq!(standardized(&[0.7; 8]), [0.0; 8]);
    assert_eq!(common_shape(&[vec![1.0; 3]], &[0.0; 3]).unwrap(), [0.0; 3]);
}

/// Copies of one shape, each upside down or not: the sign is that of most of them.
#[test]
fn the_shape_of_copies_is_theirs() {
    let shape = standardized(&[0.0, 1.0, 3.0, 1.0, 0.0, -2.0]);
    let down: Vec<f64> = shape.iter().map(|v| -v).collect();
    let got = common_shape(&[shape.clone(), down, shape.clone()], &[0.0; 6]).unwrap();
    assert!(got.iter().zip(&shape).all(|(a, b)| (a - b).abs() < 1e-9), "{got:?}");
}

#[test]
fn clusters_of_nothing_and_of_one() {
    let run = Run::new(0);
    let found = k_shape(&[], 3, 10, &mut run.random(0), &run).unwrap();
    assert!(found.labels.is_empty() && found.centers.is_empty());
    let same = k_shape(&vec![row(0, 16); 4], 3, 10, &mut run.random(0), &run).unwrap();
    assert_eq!((same.labels, same.centers.len()), (vec![0; 4], 1));
}

/// Kinds of rows that are shifted are told apart, on any number of threads.
#[test]
fn kinds_are_told_apart() {
    let bump = |i: usize| {
        let at = 12 + (i * 5) % 9;
        let height = |t: usize| match i % 2 {
            0 => (-((t as f64 - at as f64) / 2.0).powi(2)).exp(),
            _ => (t as f64 - at as f64) * (-((t as f64 - at as f64) / 2.0).powi(2)).exp(),
        };
        standardized(&(0..32).map(height).collect::<Vec<_>>())
    };
    let rows: Vec<Vec<f64>> = (0..40).map(bump).collect();
    let on = |threads| {
        let run = Run::new(5).with_threads(threads);
        run.install(|| k_shape(&rows, 2, 50, &mut run.random(0), &run)).unwrap()
    };
    let found = on(1);
    assert_eq!(found, on(3));
    assert!((0..40).all(|i| (found.labels[i] == found.labels[0]) == (i % 2 == 0)), "{:?}", found.labels);
}

proptest! {
    #[test]
    fn distances_are_their_definition(len in 1..24_usize, cells in prop::collection::vec(-3.0..3.0_f64, 48)) {
        let (x, y) = (&cells[..len], &cells[24..24 + len]);
        let fit = Correlator::new(len).fit(x, y).unwrap();
        prop_assert!((fit.distance - plainly(x, y)).abs() < 1e-9);
        let norms = (dot(x, x) * dot(y, y)).sqrt();
        prop_assert!(norms == 0.0 || (1.0 - dot(x, &shifted(y, fit.shift)) / norms - fit.distance).abs() < 1e-9);
    }
}

/// tslearn 0.10.0; see `crates/temporal/golden/k_shape.py`.
#[test]
fn equals_the_reference() {
    let rows: Vec<Vec<f64>> = (0..18).map(|i| row(i, 16)).collect();
    let close = |a: f64, b: f64, tolerance: f64| assert!((a - b).abs() < tolerance, "{a} {b}");
    let distances = [
        [0.0925698459001, 0.33980775362, 0.26636261379],
        [0.552974744415, 0.302035393087, 0.658620256263],
        [0.384271948109, 0.505167931482, 0.183732147352],
    ];
    let plan = Correlator::new(16);
    for (i, line) in distances.iter().enumerate() {
        for (j, &want) in line.iter().enumerate() {
            close(plan.fit(&rows[i], &rows[3 + j]).unwrap().distance, want, 1e-9);
        }
    }
    let fit = |row: &Vec<f64>| shifted(row, plan.fit(&rows[0], row).unwrap().shift);
    let shape = common_shape(&rows.iter().map(fit).collect::<Vec<_>>(), &rows[0]).unwrap();
    let want = [
        -0.335308712562,
        -0.18491803669,
        0.516859704508,
        1.44551429064,
        1.62986109127,
        1.56285070588,
        1.3191583949,
        0.50116960257,
        -0.136922684985,
        -1.0598177713,
        -1.14992770456,
        -1.09831114754,
        -1.21779371151,
        -0.84451564129,
        -0.686495687886,
        -0.26140269145,
    ];
    shape.iter().zip(want).for_each(|(&a, b)| close(a, b, 1e-7));
    let found = k_shape_from(&rows, rows[..3].to_vec(), 100, &Run::new(0)).unwrap();
    assert_eq!(found.labels, [0, 1, 2, 0, 0, 2, 1, 1, 1, 1, 0, 2, 1, 1, 2, 0, 0, 2]);
    let centers = [
        [-0.187105968566, 1.55539059795, -0.490049638153],
        [0.452429437413, -0.845991803225, 1.684471327],
        [-0.352225151711, 0.128431227138, -1.13094145778],
    ];
    for (center, want) in found.centers.iter().zip(centers) {
        [0, 5, 15].iter().zip(want).for_each(|(&t, b)| close(center[t], b, 1e-6));
    }
}
