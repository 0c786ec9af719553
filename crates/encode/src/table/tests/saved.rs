//! Fitted encoders written and read back, also from files that lie.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use anomalyst_core::{ColumnKind, Encode, ModelReader, ModelWriter, Result};

use super::properties::{bits, mixed, settings};
use super::*;

fn written(fitted: &FittedTableEncoder) -> BTreeMap<String, Value> {
    let mut out = ModelWriter::new();
    fitted.save(&mut out).unwrap();
    out.finish().1
}

/// Through text, as in a file.
fn read(json: &BTreeMap<String, Value>) -> Result<FittedTableEncoder> {
    let text = serde_json::to_string(json).unwrap();
    let json: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    FittedTableEncoder::load(&ModelReader::new(&BTreeMap::new(), &json))
}

fn mixed_table() -> Dataset {
    table(vec![
        numbers("n", &[1.0, NAN, 3.5, 4.0]),
        category("c", &["a", "b", "b", "d"]),
        words("b", ColumnKind::Boolean, &["y", "n", "y", "y"]),
        times("t", &[0, 5, 200_000_000_000, 400_000_000_001]),
        numbers("k", &[2.0; 4]),
        numbers("m", &[1.0, NAN, 3.5, 4.0]),
    ])
}

/// Every place in a value that holds something.
fn places(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Array(list) => list.iter().enumerate().for_each(|(i, v)| places(v, &format!("{at}/{i}"), out)),
        Value::Object(map) => map.iter().for_each(|(k, v)| places(v, &format!("{at}/{k}"), out)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn reading_back_gives_the_same_bits(train in mixed(25), new in mixed(9), (params, wants) in settings()) {
        let Ok((fitted, _)) = params.fit(&table(train), wants, &Run::new(0)) else { return Ok(()) };
        let loaded = read(&written(&fitted)).unwrap();
        let new = table(new);
        let (a, b) = (encode(&fitted, &new), encode(&loaded, &new));
        prop_assert_eq!(bits(&a), bits(&b));
        prop_assert_eq!(a.notices, b.notices);
        prop_assert_eq!(fitted.value_origins(), loaded.value_origins());
        prop_assert_eq!(fitted.code_origins(), loaded.code_origins());
    }
}

/// Whatever stands at any place of the file, loading refuses or encoding stays finite.
#[test]
fn no_lie_gets_through() {
    let data = mixed_table();
    let lies = [
        json!(null),
        json!(0),
        json!(-1),
        json!(1e308),
        json!(-1e-320),
        json!(u64::MAX),
        json!("?"),
        json!([]),
        json!({}),
        json!(true),
        json!([["a"], [1]]),
    ];
    let mut refused = 0;
    for wants in [PLAIN, NATIVE] {
        let json = written(&fit(&TableEncoder::default(), wants, &data).0);
        let keeps = wants == NATIVE;
        for key in json.keys() {
            let mut pointers = Vec::new();
            places(&json[key], "", &mut pointers);
            for (pointer, lie) in pointers.iter().flat_map(|p| lies.iter().map(move |lie| (p, lie))) {
                let mut changed = json.clone();
                *changed.get_mut(key).unwrap().pointer_mut(pointer).unwrap() = lie.clone();
                match read(&changed) {
                    Err(_) => refused += 1,
                    Ok(fitted) => {
                        let features = encode(&fitted, &data).features;
                        assert_eq!(
                            features.first_not_finite(keeps || key == "keeps_missing"),
                            None,
                            "{pointer} {lie}"
                        );
                    }
                }
            }
        }
    }
    assert!(refused > 500, "only {refused} refused");
}

#[test]
fn contradictions_are_named() {
    let json = written(&fit(&TableEncoder::default(), PLAIN, &mixed_table()).0);
    let message = |pointer: &str, value: Value| {
        let mut changed = json.clone();
        *changed.get_mut("columns").unwrap().pointer_mut(pointer).unwrap() = value;
        read(&changed).map(|_| ()).unwrap_err().to_string()
    };
    assert!(message("/0/name", json!("c")).contains("`c` is there twice"));
    assert!(message("/0/plan/number/unit", json!(0.0)).contains("`n` does not hold together"));
    assert!(message("/0/plan/number/factor", json!(-1.0)).contains("does not hold together"));
    assert!(message("/1/plan/one_hot/names", json!(["b", "a", "d"])).contains("does not hold together"));
    assert!(message("/1/plan/one_hot/counts", json!([1])).contains("does not hold together"));
    assert!(
        message("/2/plan/boolean", json!({"names": ["y"], "counts": [1]})).contains("does not hold together")
    );
    assert!(message("", json!([])).contains("no feature"));
    let mut without = json.clone();
    without.remove("scale");
    assert!(read(&without).map(|_| ()).unwrap_err().to_string().contains("`scale` is missing"));
}

/// The registry's way in: parameters from JSON, fitting and loading without knowing the type.
#[test]
fn registry_entry_works() {
    let entry = crate::ENCODERS.iter().find(|e| e.id == "table").unwrap();
    let encoder = (entry.from_json)(&json!({"scale": "min_max"})).unwrap();
    let data = mixed_table();
    let (fitted, _) = encoder.fit(&data, PLAIN, &Run::new(0)).unwrap();
    let mut out = ModelWriter::new();
    fitted.save(&mut out).unwrap();
    let (tensors, json) = out.finish();
    let loaded = (entry.load)(&ModelReader::new(&tensors, &json)).unwrap();
    let run = Run::new(0);
    assert_eq!(bits(&fitted.encode(&data, &run).unwrap()), bits(&loaded.encode(&data, &run).unwrap()));
    let error = (entry.from_json)(&json!({"max_one_hot_levels": 0})).map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        error,
        "parameter `max_one_hot_levels` is 0; it must be a whole number, at least 1 and at most 1000"
    );
    assert!((entry.from_json)(&json!({"scale": "robus"})).is_err());
}
