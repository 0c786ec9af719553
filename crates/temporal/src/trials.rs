//! What the tests of methods here share: series, and trials that every method must stand.

use std::collections::BTreeMap;

use anomalyst_core::{AnyModel, Entry, Features, Layout, ModelReader, ModelWriter, Run, Tensor};
use ndarray::Array2;
use serde_json::{Value, json};

/// Series of one channel, one after the other.
pub(crate) fn series(parts: &[&[f64]]) -> Features {
    let points: Vec<f32> = parts.concat().iter().map(|&v| v as f32).collect();
    let ends = parts
        .iter()
        .scan(0, |end, part| {
            *end += part.len();
            Some(*end)
        })
        .collect();
    let values = Array2::from_shape_vec((points.len(), 1), points).unwrap();
    Features { layout: Layout::Sequences { ends }, ..Features::rows(values) }
}

/// Noise without a pattern, roughly uniform from -0.5 to 0.5, always the same.
pub(crate) fn noise(i: usize) -> f64 {
    let mixed = (i as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 29)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
}

/// A wave of that period with noise of that size.
pub(crate) fn wave(n: usize, period: f64, size: f64) -> Vec<f64> {
    (0..n).map(|i| (std::f64::consts::TAU * i as f64 / period).sin() + size * noise(i)).collect()
}

/// The place of the highest score.
pub(crate) fn highest(scores: &[f32]) -> usize {
    (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap()
}

/// Fits and ranks by name.
pub(crate) fn fit_score(id: &str, params: &Value, data: &Features) -> (Box<dyn AnyModel>, Vec<f32>) {
    (entry(id).from_json)(params).unwrap().fit_score(data, &Run::new(1)).unwrap()
}

fn entry(id: &str) -> &'static Entry {
    crate::METHODS.iter().find(|entry| entry.card.id == id).unwrap()
}

/// With each of `params`: finite scores on degenerate series; series that do not mix; the same bits on more threads and
/// after saving and loading; no harm from damaged models.
pub(crate) fn stands(id: &str, params: &[Value]) {
    for params in params {
        degenerate(id, params);
        series_stay_apart(id, params);
        saved_is_the_same(id, params);
    }
}

fn assert_finite(scores: &[f32], n: usize, what: &str) {
    assert!(scores.len() == n && scores.iter().all(|s| s.is_finite()), "{what}");
}

fn degenerate(id: &str, params: &Value) {
    let wavy = wave(300, 20.0, 0.1);
    let mut flat = wavy.clone();
    flat[100..200].fill(0.25);
    let mut wild = wavy.clone();
    (wild[150], wild[151]) = (1e9, -1e9);
    let steps: Vec<f64> = (0..300).map(|i| f64::from(i / 100)).collect();
    let huge: Vec<f64> = wavy.iter().map(|v| v * 1e15).collect();
    let tiny: Vec<f64> = wavy.iter().map(|v| v * 1e-15).collect();
    let exact = wave(300, 20.0, 0.0);
    let line: Vec<f64> = (0..300).map(f64::from).collect();
    let mut data = vec![flat, wild, steps, huge, tiny, exact, line, vec![3.0; 300], vec![0.0; 50], wavy];
    data.extend((1..14).map(|n| wave(n, 5.0, 1.0)));
    for (i, points) in data.iter().enumerate() {
        let what = format!("{id} {params} on series {i} of {}", points.len());
        let n = points.len();
        let need = entry(id).card.min_items;
        if n < need {
            continue;
        }
        let (model, own) = fit_score(id, params, &series(&[points]));
        assert_finite(&own, n, &what);
        for other in &data {
            let scores = model.score(&series(&[other]), &Run::new(1)).unwrap();
            assert_finite(&scores, other.len(), &what);
        }
        let none = model.score(&series(&[]), &Run::new(1)).unwrap();
        assert!(none.is_empty());
    }
}

fn series_stay_apart(id: &str, params: &Value) {
    let (a, b) = (wave(260, 20.0, 0.3), wave(97, 13.0, 0.5));
    let (model, own) = fit_score(id, params, &series(&[&a, &b, &[0.3]]));
    assert_finite(&own, 358, id);
    let run = Run::new(1).with_threads(3);
    let together = model.score(&series(&[&b, &a, &[]]), &run).unwrap();
    let apart = [&b, &a].map(|part| model.score(&series(&[part]), &Run::new(1)).unwrap()).concat();
    assert!(together.iter().zip(&apart).all(|(x, y)| x.to_bits() == y.to_bits()), "{id} {params}");
    let wide = {
        let points: Vec<f32> = [&a, &a].iter().flat_map(|v| v.iter().map(|&x| x as f32)).collect();
        let values = Array2::from_shape_vec((260, 2), points).unwrap();
        Features { layout: Layout::Sequences { ends: vec![260] }, ..Features::rows(values) }
    };
    let on = |threads| {
        let run = Run::new(1).with_threads(threads);
        (entry(id).from_json)(params).unwrap().fit_score(&wide, &run).unwrap().1
    };
    assert!(on(1).iter().zip(&on(4)).all(|(x, y)| x.to_bits() == y.to_bits()), "{id} {params}");
}

type Saved = (BTreeMap<String, Tensor>, BTreeMap<String, Value>);

fn saved_is_the_same(id: &str, params: &Value) {
    let data = series(&[&wave(260, 20.0, 0.3)]);
    let new = series(&[&wave(90, 20.0, 0.4), &[1.0]]);
    let (model, _) = fit_score(id, params, &data);
    let mut out = ModelWriter::new();
    model.save(&mut out).unwrap();
    let saved = out.finish();
    let load = |(tensors, json): &Saved| (entry(id).load)(&ModelReader::new(tensors, json));
    let score = |model: &dyn AnyModel| model.score(&new, &Run::new(1));
    let want = score(model.as_ref()).unwrap();
    let again = score(load(&saved).unwrap().as_ref()).unwrap();
    assert!(want.iter().zip(&again).all(|(x, y)| x.to_bits() == y.to_bits()), "{id} {params}");
    for damaged in damages(&saved) {
        if let Ok(model) = load(&damaged)
            && let Ok(scores) = score(model.as_ref())
        {
            assert_finite(&scores, 91, &format!("{id} {params}: a damaged model gives {scores:?}"));
        }
    }
}

/// Copies with one number or list replaced each.
fn damages(saved: &Saved) -> Vec<Saved> {
    let mut all = Vec::new();
    for (name, tensor) in &saved.0 {
        for byte in [0x00, 0xff, 0x7e] {
            let mut copy = saved.clone();
            let mut bad = tensor.clone();
            bad.bytes.fill(byte);
            copy.0.insert(name.clone(), bad);
            all.push(copy);
        }
        let mut copy = saved.clone();
        let mut bad = tensor.clone();
        (bad.bytes, bad.shape) = (Vec::new(), vec![0]);
        copy.0.insert(name.clone(), bad);
        all.push(copy);
    }
    for (name, value) in &saved.1 {
        // What the gate keeps is not the method's.
        if name == "shape" || name == "params" {
            continue;
        }
        for path in numbers(value, String::new()) {
            for bad in [json!(0), json!(-1), json!(1e300), json!(1_u64 << 62), json!(null), json!([])] {
                let mut copy = saved.clone();
                *copy.1.get_mut(name).unwrap().pointer_mut(&path).unwrap() = bad;
                all.push(copy);
            }
        }
    }
    all
}

fn numbers(value: &Value, path: String) -> Vec<String> {
    match value {
        Value::Number(_) => vec![path],
        Value::Array(list) => {
            let first = list.iter().take(3).enumerate();
            let inner = first.flat_map(|(i, v)| numbers(v, format!("{path}/{i}")));
            inner.chain([path.clone()]).collect()
        }
        Value::Object(map) => map.iter().flat_map(|(k, v)| numbers(v, format!("{path}/{k}"))).collect(),
        _ => Vec::new(),
    }
}
