//! References in model files.

use anomalyst_core::{ModelReader, ModelWriter, Run, Table};
use anomalyst_explain::{Depth, Reference};

use crate::subjects::{Additive, category_column, explain, number_column};

fn table() -> Table {
    let levels: Vec<String> = (0..1_500).map(|i| format!("level {}", (i * i) % 1_200)).collect();
    let mut table = Table::new(vec![
        number_column("x", (0..1_500).map(|i| f64::from(i % 97) / 4.0).collect()),
        category_column("k", &levels.iter().map(String::as_str).collect::<Vec<_>>()),
        number_column("y", (0..1_500).map(|i| f64::from(i * i % 31)).collect()),
    ])
    .unwrap();
    table.ids = Some((0..1_500).map(|i| format!("id{i}")).collect());
    table
}

#[test]
fn a_loaded_reference_says_the_same() {
    let table = table();
    let reference = Reference::learn(&table, |row| row > 5, &Run::new(0)).unwrap();
    let mut out = ModelWriter::new();
    out.scope("reference", |out| reference.save(out)).unwrap();
    let (tensors, json) = out.finish();
    let loaded = Reference::load(&ModelReader::new(&tensors, &json).scope("reference")).unwrap();
    let subject = Additive::learn(&table, false);
    let rows = [0, 3, 700];
    let before = explain(&subject, &reference, (&table, &rows), 2.0, Depth::Full);
    assert_eq!(before, explain(&subject, &loaded, (&table, &rows), 2.0, Depth::Full));
    assert!(before[0].nearest_normal.as_ref().unwrap().name.starts_with("id"));
    assert_eq!((loaded.n_rows(), loaded.only_normal()), (1_494, true));
    // Saving it again gives the same bytes.
    let mut again = ModelWriter::new();
    again.scope("reference", |out| loaded.save(out)).unwrap();
    assert_eq!(again.finish(), (tensors, json));
}

/// Every array shortened, lengthened or filled with ones, and every number in the head replaced.
#[test]
fn damaged_references_are_refused_or_harmless() {
    let table = table();
    let reference = Reference::learn(&table, |_| true, &Run::new(0)).unwrap();
    let mut out = ModelWriter::new();
    reference.save(&mut out).unwrap();
    let (tensors, json) = out.finish();
    let subject = Additive::learn(&table, true);
    let survive = |tensors: &_, json: &_| {
        let loaded = Reference::load(&ModelReader::new(tensors, json));
        loaded.map(|loaded| explain(&subject, &loaded, (&table, &[0, 1]), 1.0, Depth::Full)).is_err()
    };
    let mut refused = 0;
    for name in tensors.keys() {
        for harm in 0..3 {
            let mut tensors = tensors.clone();
            let tensor = tensors.get_mut(name).unwrap();
            let size = tensor.kind.size();
            match harm {
                0 if tensor.shape[0] > 0 => {
                    tensor.shape[0] -= 1;
                    tensor.bytes.truncate(tensor.shape[0] * size);
                }
                1 => {
                    tensor.shape[0] += 1;
                    tensor.bytes.resize(tensor.shape[0] * size, 0);
                }
                _ => tensor.bytes.fill(0xff),
            }
            refused += u32::from(survive(&tensors, &json));
        }
    }
    assert!(refused >= 9, "{refused}");
    let text = serde_text(&json["head"]);
    for (at, _) in text.match_indices(|c: char| c.is_ascii_digit()) {
        for digit in ["9", "0", "99999999999999", "-1"] {
            let changed = format!("{}{digit}{}", &text[..at], &text[at + 1..]);
            let Ok(value) = anomalyst_core::serde_json::from_str(&changed) else { continue };
            let mut json = json.clone();
            json.insert("head".into(), value);
            let _ = survive(&tensors, &json);
            if at > 500 {
                return;
            }
        }
    }
}

fn serde_text(value: &anomalyst_core::serde_json::Value) -> String {
    anomalyst_core::serde_json::to_string(value).unwrap()
}
