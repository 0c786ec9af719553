//! Reference values, a naive oracle, and damaged models.

use std::collections::BTreeMap;

use anomalyst_core::{DetectorExt, Entry, Tensor};
use serde_json::{Value, json};

use super::*;

/// The rows of `golden/lscp.py`.
fn rows() -> Features {
    let value = |(i, j): (usize, usize)| {
        let i = i as u64;
        let whole = [
            (37 * i * i + 11 * i) % 101,
            (53 * i * i + 29 * i) % 97,
            (i * i * i + 5) % 89,
            (17 * i * i + 3 * i) % 83,
        ];
        (whole[j] * [64, 37, 41, 53][j]) as f32 / 1024.0
    };
    let mut values = Array2::from_shape_fn((60, 4), value);
    values.row_mut(59).assign(&ndarray::array![20.0, -3.0, 9.0, 1.0]);
    Features::rows(values)
}

fn lofs(n_neighbors: &[u64]) -> Vec<Base> {
    n_neighbors.iter().map(|&k| Base::of("local_outlier_factor").with("n_neighbors", k)).collect()
}

/// PyOD 3.6.7 through `golden/lscp.py`: 30 training rows as new ones and four new rows, all columns in every subspace.
/// Single-precision scores of the members.
#[test]
fn matches_reference() {
    let (rows, run) = (rows(), Run::new(0));
    let new = ndarray::array![
        [1.0, 2.0, 3.0, 4.0],
        [-10.0, 0.0, 0.0, 0.0],
        [4.0, 4.0, 2.0, 2.0],
        [3.0, 3.0, 3.0, 9.0]
    ];
    let asked = ndarray::concatenate![Axis(0), rows.values.slice(ndarray::s![..30, ..]), new];
    for (n_bins, want) in [(10, REFERENCE_10), (2, REFERENCE_2)] {
        let detector = Lscp { bases: lofs(&[3, 6, 10, 15]), n_neighbors: 12, n_bins, ..Lscp::default() };
        let (model, _, _) = detector.fit_in(&rows, vec![vec![0, 1, 2, 3]; 20], &run).unwrap();
        let features = Features::rows(asked.clone());
        let scores: Vec<Vec<f32>> =
            model.members.iter().map(|model| model.score(&features, &run).unwrap()).collect();
        let got = model.combine(&features, &scores, Skip::None, &run).unwrap();
        for (i, (got, want)) in got.iter().zip(want).enumerate() {
            assert!((got - want).abs() < 1e-5, "{n_bins} bars, row {i}: {got} {want}");
        }
    }
}

const REFERENCE_10: [f32; 34] = [
    0.00846429,
    -0.09885952,
    -0.1741387,
    -0.2019052,
    -0.1447821,
    -0.1853422,
    -0.1490096,
    -0.2222496,
    -0.1975542,
    -0.1912316,
    -0.1519323,
    -0.1533821,
    -0.04615798,
    -0.1765227,
    -0.2002241,
    -0.03669677,
    -0.1196719,
    -0.1801882,
    -0.1967722,
    -0.08252153,
    -0.1475943,
    -0.1362794,
    -0.1041351,
    -0.1797954,
    -0.1744636,
    -0.06394275,
    -0.1809833,
    -0.1802928,
    -0.1830677,
    -0.1720804,
    -0.102134,
    4.278038,
    0.1081401,
    2.314211,
];
const REFERENCE_2: [f32; 34] = [
    0.00846429,
    -0.09885952,
    -0.1741387,
    -0.2019052,
    -0.1898921,
    -0.1853422,
    -0.1490096,
    -0.1761232,
    -0.2030454,
    -0.1912316,
    -0.1519323,
    -0.1405798,
    -0.03793325,
    -0.1765227,
    -0.1979372,
    -0.07624543,
    -0.1264671,
    -0.1801882,
    -0.1967722,
    -0.08369166,
    -0.1475943,
    -0.1362794,
    -0.1041351,
    -0.1674438,
    -0.1744636,
    -0.06394275,
    -0.1888075,
    -0.1802928,
    -0.1927941,
    -0.1720804,
    -0.102134,
    4.475608,
    -0.006004996,
    2.314211,
];

/// Step by step as the page says, with sorted lists of all distances, for the training rows left out of their own regions.
fn naive(detector: &Lscp, model: &LscpModel, scores: &[Vec<f32>], values: &Array2<f32>) -> Vec<f64> {
    let (n, m) = (values.nrows(), scores.len());
    let standard: Vec<Vec<f64>> = scores
        .iter()
        .map(|own| {
            let mean = own.iter().map(|&s| f64::from(s)).sum::<f64>() / n as f64;
            let variance = own.iter().map(|&s| (f64::from(s) - mean).powi(2)).sum::<f64>() / n as f64;
            own.iter().map(|&s| (f64::from(s) - mean) / variance.sqrt()).collect()
        })
        .collect();
    let truth: Vec<f64> =
        (0..n).map(|i| standard.iter().map(|own| own[i]).fold(f64::MIN, f64::max)).collect();
    let score = |x: usize| {
        let mut met = vec![0; n];
        for columns in &model.regions.subspaces {
            let distance = |i: usize| -> f64 {
                columns.iter().map(|&j| (f64::from(values[[i, j]]) - f64::from(values[[x, j]])).powi(2)).sum()
            };
            let mut others: Vec<usize> = (0..n).filter(|&i| i != x).collect();
            others.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)));
            others[..detector.n_neighbors].iter().for_each(|&i| met[i] += 1);
        }
        let region = (0..=detector.n_subspaces / 2)
            .rev()
            .map(|least| (0..n).filter(|&i| met[i] > least).collect::<Vec<_>>())
            .find(|region| region.len() >= 2)
            .unwrap();
        let pearson = |own: &Vec<f64>| {
            let mean = |v: &[f64]| region.iter().map(|&i| v[i]).sum::<f64>() / region.len() as f64;
            let (a, b) = (mean(own), mean(&truth));
            let sum = |f: &dyn Fn(usize) -> f64| region.iter().map(|&i| f(i)).sum::<f64>();
            let ab = sum(&|i| (own[i] - a) * (truth[i] - b));
            ab / (sum(&|i| (own[i] - a).powi(2)) * sum(&|i| (truth[i] - b).powi(2))).sqrt()
        };
        let competence: Vec<f64> = standard.iter().map(pearson).collect();
        let (low, high) = competence.iter().fold((2.0_f64, -2.0_f64), |(l, h), &c| (l.min(c), h.max(c)));
        let bars = detector.n_bins.min(m);
        let bar = |c: f64| (((c - low) / (high - low) * bars as f64) as usize).min(bars - 1);
        let count = |b: usize| competence.iter().filter(|&&c| bar(c) == b).count();
        let most = (0..bars).map(count).max().unwrap();
        let chosen: Vec<usize> = (0..m).filter(|&j| count(bar(competence[j])) == most).collect();
        chosen.iter().map(|&j| standard[j][x]).sum::<f64>() / chosen.len() as f64
    };
    (0..n).map(score).collect()
}

#[test]
fn equals_the_naive_way_in_random_subspaces() {
    let rows = rows();
    for seed in 0..4 {
        let detector =
            Lscp { bases: lofs(&[3, 6, 10, 15, 20]), n_neighbors: 9, n_bins: 3, ..Lscp::default() };
        let run = Run::new(seed);
        let (fitted, own) = detector.fit_score_on(&rows, &run).unwrap();
        let subspaces = detector.draw_subspaces(4, &run);
        let scores = detector.fit_in(&rows, subspaces, &run).unwrap().1;
        let want = naive(&detector, fitted.model(), &scores, &rows.values);
        for (i, (got, want)) in own.iter().zip(want).enumerate() {
            assert!((f64::from(*got) - want).abs() < 1e-5, "seed {seed}, row {i}: {got} {want}");
        }
    }
}

/// Different kinds of detectors, a sample as reference, and regions that leave each row out.
#[test]
fn kinds_mix_and_a_sample_may_be_the_reference() {
    let rows = rows();
    let bases = vec![Base::of("k_nearest_neighbors"), Base::of("ecod"), Base::of("pca")];
    for max_reference in [None, Some(25), Some(2)] {
        let detector = Lscp { bases: bases.clone(), max_reference, ..Lscp::default() };
        let (fitted, own) = detector.fit_score_on(&rows, &Run::new(2)).unwrap();
        assert!((0..59).all(|i| own[i] < own[59]), "{max_reference:?}");
        let n_kept = max_reference.unwrap_or(60);
        assert_eq!(fitted.model().regions.reference.dim(), (n_kept, 4));
    }
}

#[test]
fn bad_detectors_are_refused_by_name() {
    let entry = Entry::of::<Lscp>();
    for (bases, why) in [
        (json!(["ecod"]), "2 to 1,000"),
        (json!(["ecod", "lscp"]), "bases"),
        (json!(["ecod", { "kind": "hbos", "bins": 3 }]), "bases[1]"),
        (json!("ecod"), "bases"),
    ] {
        let error = (entry.from_json)(&json!({ "bases": bases })).err().map(|e| e.to_string());
        assert!(error.as_ref().is_some_and(|e| e.contains(why)), "{bases}: {error:?}");
    }
}

#[test]
fn damaged_models_are_refused_by_name() {
    let entry = Entry::of::<Lscp>();
    let detector = (entry.from_json)(&json!({ "bases": ["ecod", "pca"] })).unwrap();
    let mut out = ModelWriter::new();
    detector.fit(&rows(), &Run::new(0)).unwrap().save(&mut out).unwrap();
    let good = out.finish();
    type Damage = dyn Fn(&mut BTreeMap<String, Tensor>, &mut BTreeMap<String, Value>);
    let refused = |why: &str, damage: &Damage| {
        let (mut tensors, mut json) = good.clone();
        damage(&mut tensors, &mut json);
        let error = (entry.load)(&ModelReader::new(&tensors, &json)).err().map(|e| e.to_string());
        assert!(error.as_ref().is_some_and(|e| e.contains(why)), "{error:?} does not say `{why}`");
    };
    refused("ensemble", &|_, json| drop(json.insert("state/member1/kind".into(), json!("lscp"))));
    refused("neighbour", &|_, json| drop(json.insert("state/n_neighbors".into(), json!(0))));
    refused("member too many", &|_, json| drop(json.insert("state/n_members".into(), json!(1_u64 << 60))));
    refused("training scores", &|_, json| drop(json.insert("state/n_bins".into(), json!(0))));
    refused("training scores", &|tensors, _| tensors.get_mut("state/deviations").unwrap().bytes.fill(0));
    refused("training scores", &|tensors, _| tensors.get_mut("state/means").unwrap().bytes[6..8].fill(0x7f));
    refused("subspace", &|tensors, _| {
        tensors.get_mut("state/column_ends").unwrap().bytes.clear();
        tensors.get_mut("state/column_ends").unwrap().shape = vec![0];
    });
    refused("training scores", &|tensors, _| {
        let tensor = tensors.get_mut("state/training_scores").unwrap();
        tensor.shape[0] -= 1;
        tensor.bytes.truncate(tensor.bytes.len() - 8);
    });
}
