//! What detectors made of other detectors share: which method they are made of, and which columns each member sees.

use std::borrow::Cow;

use anomalyst_core::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use anomalyst_core::{
    AnyDetector, AnyModel, Detector, Entry, Error, Features, ModelReader, ModelWriter, Random, Result, Run,
    Shape, find_entry,
};
use ndarray::Axis;
use rand::RngExt;
use rand::seq::index;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::{FeatureBagging, Lscp, METHODS};

/// A method with those parameters that differ from its defaults: its name, or a table of `kind` and parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    /// The method's id.
    pub kind: String,
    /// Its parameters.
    pub params: Map<String, Value>,
}

impl Base {
    /// The method `kind` with default parameters.
    pub fn of(kind: &str) -> Self {
        Self { kind: kind.into(), params: Map::new() }
    }

    /// The same with a parameter set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }

    /// The detector; an error names the parameter `name` that this is the value of.
    pub(crate) fn detector(&self, name: &str) -> Result<Box<dyn AnyDetector>> {
        let made = entry(&self.kind).and_then(|entry| (entry.from_json)(&Value::Object(self.params.clone())));
        made.map_err(|error| Error::BadParameter {
            name: name.into(),
            got: json!(self).to_string(),
            want: format!("a method and its parameters: {error}"),
        })
    }
}

/// Why the method cannot be a base. Ensembles of ensembles would let a model file nest without end.
fn refused(entry: &Entry) -> Option<&'static str> {
    if [FeatureBagging::CARD.id, Lscp::CARD.id].contains(&entry.card.id) {
        return Some("is an ensemble itself");
    }
    entry.learns_from_labels.then_some("learns from labels")
}

fn entry(kind: &str) -> Result<&'static Entry> {
    let entry = find_entry(METHODS, kind)?;
    match refused(entry) {
        Some(why) => Err(Error::Data(format!("`{kind}` {why}"))),
        None => Ok(entry),
    }
}

impl Serialize for Base {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.params.is_empty() {
            return to.serialize_str(&self.kind);
        }
        let kind = [("kind".to_owned(), Value::String(self.kind.clone()))];
        to.collect_map(kind.into_iter().chain(self.params.clone()))
    }
}

impl<'de> Deserialize<'de> for Base {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::String(kind) => Ok(Self::of(&kind)),
            Value::Object(mut params) => match params.shift_remove("kind") {
                Some(Value::String(kind)) => Ok(Self { kind, params }),
                _ => Err(D::Error::custom("a table names its method as `kind`")),
            },
            _ => Err(D::Error::custom("a method's name, or a table of `kind` and its parameters")),
        }
    }
}

impl JsonSchema for Base {
    fn schema_name() -> Cow<'static, str> {
        "Base".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let ids = || METHODS.iter().filter(|entry| refused(entry).is_none()).map(|entry| entry.card.id);
        let mut choices: Vec<Value> = ids().map(|id| json!({ "const": id })).collect();
        choices.push(json!({
            "type": "object",
            "properties": { "kind": { "enum": ids().collect::<Vec<_>>() } },
            "required": ["kind"],
        }));
        json_schema!({ "oneOf": choices })
    }
}

/// From half of `d` columns to all but one, drawn at random, ascending; the only one where there is but one.
///
/// Lazarevic and Kumar 2005, figure 2; half is rounded down, as in PyOD.
pub(crate) fn draw_columns(d: usize, random: &mut Random) -> Vec<usize> {
    let (least, most) = ((d / 2).max(1), d.saturating_sub(1).max(1));
    let size = random.random_range(least..=most);
    let mut columns = index::sample(random, d, size).into_vec();
    columns.sort_unstable();
    columns
}

/// The mean number of columns that [`draw_columns`] gives.
pub(crate) const fn usual_columns(d: usize) -> usize {
    if d < 3 { 1 } else { (3 * d).div_ceil(4) }
}

/// The rows with some of their columns only.
pub(crate) fn project(features: &Features, columns: &[usize]) -> Features {
    Features::rows(features.values.select(Axis(1), columns))
}

/// Writes which columns each member or subspace sees.
pub(crate) fn save_columns<'a>(all: impl Iterator<Item = &'a [usize]>, out: &mut ModelWriter) {
    let (mut columns, mut ends) = (Vec::new(), Vec::new());
    for some in all {
        columns.extend(some.iter().map(|&j| j as u32));
        ends.push(columns.len() as u64);
    }
    out.put_list("columns", &columns);
    out.put_list("column_ends", &ends);
}

/// Reads them back: at least one subspace, each of some columns below `n_columns`, ascending.
pub(crate) fn load_columns(from: &ModelReader<'_>, n_columns: usize) -> Result<Vec<Vec<usize>>> {
    let columns: Vec<u32> = from.list("columns")?;
    let mut start = 0;
    let mut all = Vec::new();
    for end in from.list::<u64>("column_ends")? {
        let end = usize::try_from(end).unwrap_or(usize::MAX);
        let some: Vec<usize> =
            columns.get(start..end).unwrap_or_default().iter().map(|&j| j as usize).collect();
        if some.is_empty() || !some.is_sorted_by(|a, b| a < b) || some.iter().any(|&j| j >= n_columns) {
            return Err(Error::model(format!("a subspace is not one of {n_columns} columns")));
        }
        all.push(some);
        start = end;
    }
    if all.is_empty() {
        return Err(Error::model("there is no subspace"));
    }
    Ok(all)
}

/// Writes a member's method and state as number `i`.
pub(crate) fn save_member(i: usize, model: &dyn AnyModel, out: &mut ModelWriter) -> Result<()> {
    out.scope(&format!("member{i}"), |out| {
        out.put_json("kind", &model.card().id)?;
        model.save(out)
    })
}

/// Reads it back; it must have been fitted on `n_values` number columns.
pub(crate) fn load_member(i: usize, n_values: usize, from: &ModelReader<'_>) -> Result<Box<dyn AnyModel>> {
    let from = from.scope(&format!("member{i}"));
    let kind: String = from.json("kind")?;
    let entry = entry(&kind).map_err(|error| Error::model(format!("member {i}: {error}")))?;
    let model = (entry.load)(&from)?;
    let Shape { n_values: got, n_codes, .. } = model.shape();
    if (got, n_codes) != (n_values, 0) {
        return Err(Error::model(format!("member {i} was fitted on {got} columns, not {n_values}")));
    }
    Ok(model)
}

/// The run of member `i`.
pub(crate) fn member_run(run: &Run, i: usize) -> Run {
    run.child(i as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_half_to_all_but_one() {
        for (d, sizes) in [(1, 1..=1), (2, 1..=1), (3, 1..=2), (4, 2..=3), (9, 4..=8)] {
            let drawn: Vec<_> = (0..200).map(|i| draw_columns(d, &mut Run::new(i).random(0))).collect();
            for columns in &drawn {
                assert!(sizes.contains(&columns.len()) && columns.is_sorted_by(|a, b| a < b));
                assert!(columns.iter().all(|&j| j < d));
            }
            assert!(sizes.clone().all(|size| drawn.iter().any(|columns| columns.len() == size)), "{d}");
        }
    }

    #[test]
    fn a_base_is_a_name_or_a_table() {
        let read = |value: Value| serde_json::from_value::<Base>(value).map_err(|e| e.to_string());
        let table = json!({ "kind": "hbos", "n_bins": 7 });
        assert_eq!(read(json!("ecod")), Ok(Base::of("ecod")));
        assert_eq!(read(table.clone()), Ok(Base::of("hbos").with("n_bins", 7)));
        assert_eq!(json!([Base::of("ecod"), Base::of("hbos").with("n_bins", 7)]), json!(["ecod", table]));
        assert!(read(json!({ "n_bins": 7 })).unwrap_err().contains("kind"));
        let refused = |base: Base| base.detector("base").map(|_| ()).unwrap_err().to_string();
        assert!(refused(Base::of("feature_bagging")).contains("ensemble itself"));
        assert!(refused(Base::of("hbo")).contains("did you mean `hbos`?"));
        assert!(refused(Base::of("hbos").with("bins", 1)).contains("n_bins"));
    }
}
