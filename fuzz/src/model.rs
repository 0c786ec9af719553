//! Model files: one small model per method, and mutations of what it holds.
//!
//! A checksum guards a model file, so that random bytes never get past it. The mutations therefore change the
//! content, and the file is written anew with a checksum that is right for it: what remains between a hostile file
//! and the methods is only what they check themselves.

use anomalyst::core::{ElementKind, Run, Tensor};
use anomalyst::data::{ReadOptions, open_bytes};
use anomalyst::model_file::{Content, from_bytes, to_bytes};
use anomalyst::recipe::Modality;
use anomalyst::series::{AnyTrained, SeriesOptions, fit_series};
use anomalyst::{Options, fit, read, registry};
use serde_json::{Number, Value};

/// Tensors that mutations make are not larger than this.
const MOST_BYTES: usize = 1 << 16;

/// The contents of fitted models, and what scores them.
pub struct Models {
    contents: Vec<Content>,
    rows: String,
    series: String,
    run: Run,
}

impl Models {
    /// One model of every method and recipe that can learn from a small table or a short series.
    pub fn fit() -> Self {
        let run = Run::new(1).with_threads(1);
        let content = |modality: Modality, name: &str, set: &[(&str, &str)]| {
            let set = set.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            let options = Options { modality, method: name.into(), set, ..Options::default() };
            let text = if modality == Modality::Table { table(48) } else { wave(96) };
            let source = open_bytes("t.csv", text.as_bytes(), &ReadOptions::default(), &run).ok()?;
            let input = read(&source, &run).ok()?;
            let bytes = match modality {
                Modality::Table => fit(input, &options, &run).ok()?.1.to_bytes(),
                Modality::Series => fit_series(input, &SeriesOptions::default(), &options, &run).ok()?.1.to_bytes(),
            };
            from_bytes(&bytes.ok()?).ok()
        };
        // Few trees are as good as many here, and more inputs are tried in the same time.
        let contents: Vec<Content> = [Modality::Table, Modality::Series]
            .into_iter()
            .flat_map(|modality| registry::names(modality).map(move |name| (modality, name)))
            .filter_map(|(modality, name)| {
                content(modality, name, &[("n_trees", "4")]).or_else(|| content(modality, name, &[]))
            })
            .collect();
        assert!(!contents.is_empty(), "no method can be fitted");
        Self { contents, rows: table(10), series: wave(60), run }
    }

    /// The content of the model of that number, counted round and round.
    pub fn content(&self, number: usize) -> Content {
        self.contents[number % self.contents.len()].clone()
    }
}

/// Rows of all kinds of columns.
fn table(n_rows: u32) -> String {
    let mut text = "a,b,colour,flag,when\n".to_owned();
    for i in 0..n_rows {
        let a = i * 37 % 64;
        let b = f64::from(i * 11 % 64) / 7.0;
        let colour = ["red", "green", "blue"][(i * i) as usize % 3];
        text.push_str(&format!("{a},{b},{colour},{},2024-01-{:02}\n", i % 5 == 0, 1 + i % 28));
    }
    text
}

/// A wave of 12 points.
fn wave(n_points: u32) -> String {
    let mut text = "when,a\n".to_owned();
    for i in 0..n_points {
        let a = i % 12 + i * 7 % 5;
        text.push_str(&format!("2024-01-{:02}T{:02}:00:00Z,{a}\n", 1 + i / 24, i % 24));
    }
    text
}

/// Loads the file of `content`, and scores a few rows or points where it loads.
pub fn score(models: &Models, content: &Content) {
    // On the run's own thread, where no piece of work has to wait for another thread to wake up.
    models.run.install(|| score_here(models, content));
}

fn score_here(models: &Models, content: &Content) {
    // What cannot be written, such as a shape that contradicts its bytes, is no file.
    let Ok(bytes) = to_bytes(content) else { return };
    let Ok(model) = AnyTrained::from_bytes(&bytes) else { return };
    let read = ReadOptions { expected: Some(model.schema().clone()), ..ReadOptions::default() };
    let text = match model {
        AnyTrained::Table(_) => &models.rows,
        AnyTrained::Series(_) => &models.series,
    };
    let Ok(source) = open_bytes("t.csv", text.as_bytes(), &read, &models.run) else { return };
    let options = Options { n_findings: 1, ..Options::default() };
    if let Ok(outcome) = model.score(&source, &options, &models.run) {
        assert!(outcome.scores.iter().all(|s| s.is_finite()), "a score is not finite");
    }
}

/// Changes `content` as `program` says, a few bytes per change.
pub fn mutate(content: &mut Content, program: &[u8]) {
    for step in program.chunks(STEP) {
        let mut padded = [0; STEP];
        padded[..step.len()].copy_from_slice(step);
        let [kind, a, b, c, d, value @ ..] = padded;
        let (place, detail) = (u16::from_le_bytes([a, b]).into(), u16::from_le_bytes([c, d]).into());
        let value = u64::from_le_bytes(value);
        if kind % 2 == 0 {
            mutate_json(&mut content.1, kind / 2, place, value);
        } else {
            mutate_tensor(&mut content.0, kind / 2, (place, detail), value);
        }
    }
}

/// Bytes of one change: its kind, two places, a value.
const STEP: usize = 13;

type Json = std::collections::BTreeMap<String, Value>;
type Tensors = std::collections::BTreeMap<String, Tensor>;

/// The values that are most likely to be mishandled, and any other.
fn number(value: u64) -> Number {
    let any = f64::from_bits(value);
    let floats = [1e300, -1e300, 1e-300, -0.0, 0.5, 1e38, any];
    match value % 16 {
        0..=6 => {
            Number::from([0, 1, 2, 255, u64::from(u32::MAX), i64::MAX as u64, u64::MAX][value as usize % 7])
        }
        7 => Number::from(-1),
        8 => Number::from(value >> 8),
        n => Number::from_f64(floats[n as usize - 9]).unwrap_or_else(|| Number::from(0)),
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(entries) => entries.values().map(count).sum(),
        _ => 0,
    }
}

/// The value of that number, counted in the order of writing.
fn at(value: &mut Value, n: usize) -> Option<&mut Value> {
    if n == 0 {
        return Some(value);
    }
    let mut left = n - 1;
    let inner: Box<dyn Iterator<Item = &mut Value>> = match value {
        Value::Array(items) => Box::new(items.iter_mut()),
        Value::Object(entries) => Box::new(entries.values_mut()),
        _ => return None,
    };
    for item in inner {
        let here = count(item);
        if left < here {
            return at(item, left);
        }
        left -= here;
    }
    None
}

fn json_at(json: &mut Json, mut n: usize) -> Option<&mut Value> {
    let total: usize = json.values().map(count).sum();
    n %= total.max(1);
    for value in json.values_mut() {
        let here = count(value);
        if n < here {
            return at(value, n);
        }
        n -= here;
    }
    None
}

fn mutate_json(json: &mut Json, kind: u8, place: usize, value: u64) {
    let other = json_at(json, value as usize % 4096).map(|v| v.clone());
    let Some(target) = json_at(json, place) else { return };
    match (kind % 8, target) {
        (0, target) => *target = Value::Null,
        (1, target) => *target = other.unwrap_or(Value::Null),
        (2, Value::Array(items)) => items.clear(),
        (3, Value::Array(items)) => items.truncate(value as usize % (items.len() + 1)),
        (_, Value::Array(items)) => {
            let copy = items.get(value as usize % items.len().max(1)).cloned();
            items.extend(copy);
        }
        (2, Value::Object(entries)) => entries.clear(),
        (_, Value::Object(entries)) => {
            let key = entries.keys().nth(value as usize % entries.len().max(1)).cloned();
            key.and_then(|key| entries.remove(&key));
        }
        (_, Value::Bool(flag)) => *flag = !*flag,
        (_, Value::String(text)) => {
            let ids: Vec<&str> = registry::methods().iter().map(|e| e.card.id).collect();
            *text = match value % 3 {
                0 => String::new(),
                1 => ids[(value >> 8) as usize % ids.len()].to_owned(),
                _ => text.repeat(2),
            };
        }
        (_, target) => *target = Value::Number(number(value)),
    }
}

fn mutate_tensor(tensors: &mut Tensors, kind: u8, (place, detail): (usize, usize), value: u64) {
    let n = tensors.len().max(1);
    let other = tensors.values().nth(value as usize % n).cloned();
    let Some(name) = tensors.keys().nth(place % n).cloned() else { return };
    let Some(tensor) = tensors.get_mut(&name) else { return };
    let size = tensor.kind.size();
    match kind % 8 {
        0 => *tensor = other.unwrap_or_else(|| tensor.clone()),
        1 => {
            tensors.remove(&name);
        }
        2 => tensor.shape.reverse(),
        3 => tensor.shape = vec![tensor.bytes.len() / size],
        4 => resize(tensor, detail, value as usize % 300),
        5 => {
            tensor.kind = match tensor.kind {
                ElementKind::F32 => ElementKind::U32,
                ElementKind::U32 => ElementKind::F32,
                ElementKind::F64 => ElementKind::U64,
                ElementKind::U64 => ElementKind::I64,
                ElementKind::I64 => ElementKind::F64,
                ElementKind::U8 => ElementKind::U8,
            };
        }
        _ => set_element(tensor, detail, value),
    }
}

/// Gives an axis another length; what is new is zero.
fn resize(tensor: &mut Tensor, axis: usize, len: usize) {
    let n_axes = tensor.shape.len().max(1);
    if let Some(axis) = tensor.shape.get_mut(axis % n_axes) {
        *axis = len;
    }
    let n = tensor.shape.iter().try_fold(tensor.kind.size(), |n, &axis| n.checked_mul(axis));
    match n {
        Some(n) if n <= MOST_BYTES => tensor.bytes.resize(n, 0),
        _ => tensor.shape = vec![tensor.bytes.len() / tensor.kind.size()],
    }
}

fn set_element(tensor: &mut Tensor, element: usize, value: u64) {
    let size = tensor.kind.size();
    let at = element % (tensor.bytes.len() / size).max(1) * size;
    let float = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1.0, f64::from_bits(value)];
    let whole = [0, 1, u64::MAX, u64::from(u32::MAX), i64::MAX as u64, 1 << 63, value >> 8, value >> 48];
    let pick = value as usize % 8;
    let bytes = match tensor.kind {
        ElementKind::F32 => (float[pick] as f32).to_le_bytes().to_vec(),
        ElementKind::F64 => float[pick].to_le_bytes().to_vec(),
        _ => whole[pick].to_le_bytes()[..size].to_vec(),
    };
    if let Some(into) = tensor.bytes.get_mut(at..at + size) {
        into.copy_from_slice(&bytes);
    }
}
