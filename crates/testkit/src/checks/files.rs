//! Saved models: the same bits after loading, and no harm from damaged ones.

use std::collections::BTreeMap;

use anomalyst_core::{AnyModel, ElementKind, Entry, ModelReader, ModelWriter, Run, Tensor};
use rand::RngExt;
use serde_json::{Value, json};

use super::parameters::variants;
use super::{N, assert_finite, fit, rich_rows, to_bits};

/// Every setting fits, scores, and gives the same bits after saving and loading, on all that the method takes.
pub fn save_and_load(entry: &Entry) {
    let (train, rows, run) = (rich_rows(entry, N, 1), rich_rows(entry, 60, 2), Run::new(9));
    for params in variants(entry) {
        let detector = (entry.from_json)(&params).unwrap_or_else(|e| panic!("{params}: {e}"));
        let (model, own) = detector.fit_score(&train, &run).unwrap_or_else(|e| panic!("{params}: {e}"));
        assert_finite(&own, N);
        let (tensors, json) = saved(model.as_ref());
        let loaded = (entry.load)(&ModelReader::new(&tensors, &json));
        let loaded = loaded.unwrap_or_else(|e| panic!("{params}: {e}"));
        let bits = |m: &dyn AnyModel| to_bits(m.score(&rows, &run).unwrap());
        assert_eq!(bits(model.as_ref()), bits(loaded.as_ref()), "{params}");
        assert_eq!(model.params(), loaded.params());
        assert_eq!(model.shape(), loaded.shape());
        assert!(saved(loaded.as_ref()).0 == tensors, "{params}: saved again, the file is another");
    }
}

type Saved = (BTreeMap<String, Tensor>, BTreeMap<String, Value>);

fn saved(model: &dyn AnyModel) -> Saved {
    let mut out = ModelWriter::new();
    model.save(&mut out).unwrap();
    out.finish()
}

/// A damaged model is refused, or at least never panics and never gives a score that is not finite.
pub fn hostile_models_are_harmless(entry: &Entry) {
    let model = fit(entry, &rich_rows(entry, 40, 1));
    let (tensors, json) = saved(model.as_ref());
    let rows = rich_rows(entry, 20, 2);
    let mut random = Run::new(11).random(0);
    for name in tensors.keys() {
        let damages: [fn(&mut Tensor); 6] = [
            |t| t.bytes.clear(),
            |t| {
                let half = t.bytes.len() / t.kind.size() / 2;
                t.bytes.truncate(half * t.kind.size());
                t.shape = vec![half];
            },
            |t| t.bytes.fill(0xff),
            |t| t.bytes.fill(0),
            |t| t.bytes.fill(0x7e),
            |t| t.kind = if t.kind == ElementKind::F32 { ElementKind::U32 } else { ElementKind::F32 },
        ];
        let mut attempts: Vec<BTreeMap<String, Tensor>> = Vec::new();
        for damage in damages {
            let mut copy = tensors.clone();
            damage(copy.get_mut(name).unwrap());
            attempts.push(copy);
        }
        for _ in 0..20 {
            let mut copy = tensors.clone();
            let bytes = &mut copy.get_mut(name).unwrap().bytes;
            if !bytes.is_empty() {
                let at = random.random_range(0..bytes.len());
                bytes[at] ^= 1 << random.random_range(0..8);
            }
            attempts.push(copy);
        }
        for copy in attempts {
            // An error is the expected answer; a score of a model that still loads must be well-formed.
            if let Ok(model) = (entry.load)(&ModelReader::new(&copy, &json)) {
                if let Ok(scores) = model.score(&rows, &Run::new(0)) {
                    assert_finite(&scores, 20);
                }
                let _ = model.attribute(&rows, &Run::new(0));
            }
        }
    }
    let mut wider = json.clone();
    wider.insert("shape".into(), json!({"n_parts": 40, "n_values": 1_u64 << 40, "n_codes": rows.n_codes()}));
    if let Ok(model) = (entry.load)(&ModelReader::new(&tensors, &wider)) {
        assert!(
            model.score(&rows, &Run::new(0)).is_err(),
            "scored rows of another width than the model claims"
        );
    }
}
