//! Reference values, the paper's breadth-first list, and damaged models.

use std::collections::BTreeMap;

use anomalyst_core::{DetectorExt, Entry, Error, Tensor};
use ndarray::Array2;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

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
    let mut values = Array2::from_shape_fn((30, 4), value);
    values.row_mut(29).assign(&ndarray::array![20.0, -3.0, 9.0, 1.0]);
    Features::rows(values)
}

fn bagging(base: Base, combine: CombineMembers) -> FeatureBagging {
    FeatureBagging { base, n_members: 5, combine }
}

/// PyOD 3.6.7 through `golden/feature_bagging.py`, in the columns that it drew. Single-precision scores of the members.
#[test]
fn matches_reference() {
    let drawn = vec![vec![1, 2], vec![0, 2], vec![0, 1, 2, 3], vec![0, 1, 2, 3], vec![0, 1, 2, 3]];
    let want = [1.39378345, 1.17417794, 1.04303916, 7.97454656, 1.03661478, 3.7339129, 1.07536212];
    let detector =
        bagging(Base::of("local_outlier_factor").with("n_neighbors", 6), CombineMembers::CumulativeSum);
    let (rows, run) = (rows(), Run::new(0));
    let (model, own) = detector.fit_columns(&rows, drawn, &run).unwrap();
    let new = ndarray::array![[1.0, 2.0, 3.0, 4.0], [-10.0, 0.0, 0.0, 0.0]];
    let new = ndarray::concatenate![ndarray::Axis(0), new, rows.take(&[7]).values];
    let asked: Vec<Vec<f32>> = model
        .members
        .iter()
        .map(|bag| bag.model.score(&project(&Features::rows(new.clone()), &bag.columns), &run).unwrap())
        .collect();
    let scores = [0, 7, 15, 29].map(|i| own[i]).into_iter().chain(model.combine(&asked));
    for (got, want) in scores.zip(want) {
        assert!((f64::from(got) - want).abs() < 2e-6 * want, "{got} {want}");
    }
}

/// What the paper's figure 4 does: lists in descending order, read across.
fn breadth_first(scores: &[Vec<f32>]) -> Vec<usize> {
    let lists: Vec<Vec<usize>> = scores
        .iter()
        .map(|own| {
            let mut list: Vec<usize> = (0..own.len()).collect();
            list.sort_by(|&a, &b| own[b].total_cmp(&own[a]));
            list
        })
        .collect();
    let mut order = Vec::new();
    for place in 0..scores[0].len() {
        for list in &lists {
            if !order.contains(&list[place]) {
                order.push(list[place]);
            }
        }
    }
    order
}

proptest! {
    #[test]
    fn breadth_first_is_the_papers_order(keys in prop::collection::vec(prop::collection::vec(any::<u32>(), 12), 1..6)) {
        // Different scores within each member.
        let scores: Vec<Vec<f32>> =
            keys.iter().map(|own| own.iter().enumerate().map(|(i, k)| (k % 1000 * 16 + i as u32) as f32).collect()).collect();
        let rankings = scores.iter().cloned().filter_map(Ranking::new).collect();
        let model = FeatureBaggingModel { members: Vec::new(), rankings };
        let combined = model.combine(&scores);
        let mut order: Vec<usize> = (0..12).collect();
        order.sort_by(|&a, &b| combined[b].total_cmp(&combined[a]));
        prop_assert_eq!(order, breadth_first(&scores));
    }
}

/// Both ways find the planted row, each row's score is its own, and rows beyond all training rows do not tie.
#[test]
fn both_ways_find_the_planted_row() {
    let rows = rows();
    for combine in [CombineMembers::CumulativeSum, CombineMembers::BreadthFirst] {
        let detector = bagging(Base::of("k_nearest_neighbors"), combine);
        let (fitted, own) = detector.fit_score_on(&rows, &Run::new(4)).unwrap();
        assert!((0..29).all(|i| own[i] < own[29]), "{combine:?}");
        let far = ndarray::array![[40.0_f32, 40.0, 40.0, 40.0], [80.0, 80.0, 80.0, 80.0]];
        let far = Features::rows(far);
        let scores = fitted.score(&far, &Run::new(0)).unwrap();
        assert!(own[29] < scores[0] && scores[0] < scores[1], "{combine:?} {scores:?}");
        assert_eq!(fitted.score(&far.take(&[1]), &Run::new(0)).unwrap(), scores[1..]);
    }
}

#[test]
fn parameters_of_the_base_are_its_own() {
    let entry = Entry::of::<FeatureBagging>();
    let made = |value: Value| (entry.from_json)(&value).map_err(|e| e.to_string());
    let params = made(json!({ "base": { "kind": "hbos", "n_bins": 7 } })).map(|d| d.params()).unwrap();
    assert_eq!(params["base"], json!({ "kind": "hbos", "n_bins": 7 }));
    assert_eq!(made(json!({ "base": "ecod" })).map(|d| d.params()).unwrap()["base"], "ecod");
    for (base, why) in [
        (json!("feature_bagging"), "base"),
        (json!("hbso"), "did you mean `hbos`?"),
        (json!({ "kind": "hbos", "bins": 7 }), "n_bins"),
        (json!({ "kind": "lscp" }), "base"),
    ] {
        let error = made(json!({ "base": base })).err().unwrap_or_default();
        assert!(error.contains(why), "{base}: {error}");
    }
    let rust = FeatureBagging { base: Base::of("lscp"), ..FeatureBagging::default() };
    assert!(matches!(rust.fit_on(&rows(), &Run::new(0)).err(), Some(Error::BadParameter { .. })));
}

#[test]
fn damaged_models_are_refused_by_name() {
    let detector = bagging(Base::of("ecod"), CombineMembers::BreadthFirst);
    let entry = Entry::of::<FeatureBagging>();
    let params = serde_json::to_value(&detector).unwrap();
    let model = (entry.from_json)(&params).unwrap().fit(&rows(), &Run::new(0)).unwrap();
    let mut out = ModelWriter::new();
    model.save(&mut out).unwrap();
    let good = out.finish();
    let refused =
        |why: &str, damage: &dyn Fn(&mut BTreeMap<String, Tensor>, &mut BTreeMap<String, Value>)| {
            let (mut tensors, mut json) = good.clone();
            damage(&mut tensors, &mut json);
            let error = (entry.load)(&ModelReader::new(&tensors, &json)).err().map(|e| e.to_string());
            assert!(error.as_ref().is_some_and(|e| e.contains(why)), "{error:?} does not say `{why}`");
        };
    refused("ensemble", &|_, json| drop(json.insert("state/member1/kind".into(), json!("feature_bagging"))));
    refused("hbso", &|_, json| drop(json.insert("state/member1/kind".into(), json!("hbso"))));
    refused("columns", &|_, json| json.get_mut("state/member1/shape").unwrap()["n_values"] = json!(9));
    refused("subspace", &|tensors, _| tensors.get_mut("state/columns").unwrap().bytes[2] = 1);
    refused("subspace", &|tensors, _| tensors.get_mut("state/column_ends").unwrap().bytes.fill(0xff));
    refused("in order", &|tensors, _| tensors.get_mut("state/training_scores").unwrap().bytes[3] = 0x7f);
    refused("rankings", &|tensors, _| {
        let tensor = tensors.get_mut("state/training_scores").unwrap();
        tensor.shape = vec![tensor.shape[0] * 2, tensor.shape[1] / 2];
    });
}
