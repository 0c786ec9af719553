//! Against statsmodels, definitions, and on series with something odd.

use anomalyst_core::{DetectorExt, Features, Layout};
use ndarray::array;
use serde_json::json;

use super::*;
use crate::trials::{fit_score, highest, noise, stands};

/// The series of `golden/vector_autoregression.py`.
fn fixture() -> Array2<f64> {
    let a1 = array![[0.5, 0.2, 0.0], [-0.3, 0.4, 0.1], [0.0, 0.3, 0.2]];
    let a2 = array![[-0.2, 0.0, 0.1], [0.1, -0.3, 0.0], [0.2, 0.0, -0.1]];
    let mut y = Array2::<f64>::zeros((300, 3));
    for t in 0..300_usize {
        let of = |number: usize, by: usize| (number % by) as f64 / by as f64;
        let bits = [of(t * t * 7 + t * 13, 101), of(t * t * t + 5 * t, 89), of(t * t * 3 + 11 * t, 97)];
        let mut next = Array1::from(bits.to_vec()) + array![1.0, 0.0, 2.0];
        if t > 0 {
            next += &a1.dot(&y.row(t - 1));
        }
        if t > 1 {
            next += &a2.dot(&y.row(t - 2));
        }
        y.row_mut(t).assign(&next);
    }
    y
}

fn learned(points: &Array2<f64>, max_order: usize, criterion: Criterion) -> Part {
    let method = VectorAutoregression { max_order, criterion, ridge: 0.0 };
    let whole: Vec<Range<usize>> = std::iter::once(0..points.nrows()).collect();
    method.learned(points.clone(), &whole, &Run::new(0)).unwrap()
}

/// statsmodels 0.15.0, `crates/temporal/golden/vector_autoregression.py`: the constant and weights of each channel, errors,
/// their covariance. Both are exact to rounding; the printed digits are 12.
#[test]
fn matches_statsmodels() {
    let want = array![
        [
            1.7752732023,
            0.324243338647,
            0.141152227322,
            -0.0742142226911,
            -0.0300110855898,
            0.14742474085,
            0.0856180699371
        ],
        [
            0.54314952038,
            -0.252433536708,
            0.616798351827,
            0.082593295699,
            0.170021016032,
            -0.513656966045,
            -0.0901191697491
        ],
        [
            2.94820826538,
            0.0484160212948,
            0.288049229117,
            0.191902823508,
            0.211071644383,
            0.090038852051,
            -0.271682531098
        ]
    ];
    let errors = [
        (2, [0.103501453943, -0.260101188364, -0.327398265451]),
        (102, [-0.398137443174, 0.139352724444, -0.157048622785]),
        (299, [0.0232675222375, 0.493816793506, 0.447807760543]),
    ];
    let covariance = array![
        [0.0718905078719, -0.00574856838732, 0.00225113277238],
        [-0.00574856838732, 0.0810739804816, -0.00525579683402],
        [0.00225113277238, -0.00525579683402, 0.094359946125]
    ];
    let points = fixture();
    let part = learned(&points, 2, Criterion::Fixed);
    let order = &part.orders[2];
    let (first, second) = (order.weights.slice(s![.., 3..]), order.weights.slice(s![.., ..3]));
    // Measured from the means, the constants are others.
    let constants = &order.constants + &part.means - first.dot(&part.means) - second.dot(&part.means);
    for a in 0..3 {
        let row = std::iter::once(&constants[a]).chain(first.row(a)).chain(second.row(a));
        assert!(row.zip(want.row(a)).all(|(x, y)| (x - y).abs() < 1e-7));
        assert!((order.units[a].powi(2) - covariance[(a, a)]).abs() < 1e-9);
    }
    let flat: Vec<f64> = (&points - &part.means).iter().copied().collect();
    for (t, want) in errors {
        let (order, z) = part.errors(t, &flat);
        assert!((0..3).all(|a| (z[a] * order.units[a] - want[a]).abs() < 1e-7));
    }
    // From whitening back: units times the shrunk correlation times units.
    let inverse = order.whitening.t().dot(&order.whitening);
    let shrunk = Array2::from_shape_fn((3, 3), |(a, b)| {
        let r = covariance[(a, b)] / (covariance[(a, a)] * covariance[(b, b)]).sqrt();
        if a == b { 1.0 } else { r }
    });
    // Relations this weak are within what chance makes of 298 points: all of them are taken as independent.
    let apart = || shrunk.indexed_iter().filter(|((a, b), _)| a != b).map(|(_, r)| r * r);
    let share = (apart().map(|r2| (1.0 - r2).powi(2)).sum::<f64>() / (297.0 * apart().sum::<f64>())).min(1.0);
    let target = &shrunk * (1.0 - share) + Array2::<f64>::eye(3) * share;
    assert!((inverse.dot(&target) - Array2::<f64>::eye(3)).iter().all(|v| v.abs() < 1e-7), "{share}");
    let chosen = |criterion| learned(&points, 8, criterion).orders.len() - 1;
    assert_eq!([chosen(Criterion::Aic), chosen(Criterion::Bic)], [5, 2]);
}

/// Two errors of correlation 0.6 of many points: `sqrt(z' R^-1 z)` by hand.
#[test]
fn lengths_in_closed_form() {
    let correlation = array![[1.0, 0.6], [0.6, 1.0]];
    let order = Order {
        weights: Array2::zeros((2, 0)),
        constants: array![0.0, 0.0],
        units: array![1.0, 1.0],
        whitening: whitening(&correlation, 1 << 40).unwrap(),
    };
    // Apart: (1, -1) is an eigenvector of eigenvalue 0.4, (1, 1) of 1.6.
    assert!((squared_length(&order, &[1.0, -1.0]) - 2.0 / 0.4).abs() < 1e-4);
    assert!((squared_length(&order, &[1.0, 1.0]) - 2.0 / 1.6).abs() < 1e-4);
    let shares = given_others(&order, &[1.0, -1.0]);
    // Of an error -1 of the other, -0.6 is expected, with a deviation of 0.8.
    assert!(shares.iter().all(|share| (share - 1.6 / 0.8).abs() < 1e-4));
    let few = whitening(&correlation, 2).unwrap();
    assert!((few[(1, 0)]).abs() < (order.whitening[(1, 0)]).abs(), "of few points they are more independent");
}

fn many(n: usize, d: usize, value: impl Fn(usize, usize) -> f64) -> Features {
    let values = Array2::from_shape_fn((n, d), |(i, j)| value(i, j) as f32);
    Features { layout: Layout::Sequences { ends: vec![n] }, ..Features::rows(values) }
}

/// Channels that move together: no channel is out of its own range where one leaves the others, at the edges too.
#[test]
fn a_channel_that_leaves_the_others_is_found_and_named() {
    let run = Run::new(0);
    for at in [0, 1, 200, 399] {
        let value = |i: usize, j: usize| {
            let common = (0.2 * i as f64).sin() + noise(i) + 0.05 * noise(i * 7 + j + 1000);
            if i == at && j == 2 { common + if common > 0.0 { -0.8 } else { 0.8 } } else { common }
        };
        let data = many(400, 5, value);
        let (model, scores) = VectorAutoregression::default().fit_score_on(&data, &run).unwrap();
        assert_eq!(highest(&scores), at);
        let shares = model.attribute(&data, &run).unwrap().unwrap().values;
        assert_eq!((shares.dim(), highest(&shares.row(at).to_vec())), ((400, 5), 2));
    }
}

/// More channels than are forecast together, the same channels many times, and more channels than points.
#[test]
fn wide_series_have_an_answer() {
    let run = Run::new(0);
    for (n, d) in [(300, 600), (300, 20), (40, 300), (5, 3), (1, 2)] {
        let data =
            many(n, d, |i, j| noise(i * 31 + j % 7) + if i == n / 2 && j == d - 1 { 6.0 } else { 0.0 });
        let (model, scores) = fit_score("vector_autoregression", &json!({}), &data);
        assert!(scores.iter().all(|s| s.is_finite()));
        assert!(n < 40 || highest(&scores) == n / 2, "{n} {d}: {}", highest(&scores));
        let mut out = ModelWriter::new();
        model.save(&mut out).unwrap();
        let (tensors, json) = out.finish();
        let entry = crate::METHODS.iter().find(|entry| entry.card.id == "vector_autoregression").unwrap();
        let again = (entry.load)(&ModelReader::new(&tensors, &json)).unwrap();
        assert_eq!(again.score(&data, &run).unwrap(), scores);
    }
    assert_eq!(even_parts(600, 3).collect::<Vec<_>>(), [0..200, 200..400, 400..600]);
}

#[test]
fn stands_trials() {
    let params = [
        json!({}),
        json!({"criterion": "fixed", "max_order": 30}),
        json!({"max_order": 3, "criterion": "aic", "ridge": 0.5}),
    ];
    stands("vector_autoregression", &params);
}
