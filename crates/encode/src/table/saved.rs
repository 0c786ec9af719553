//! How a fitted encoder is kept in a model file.

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};
use rustc_hash::FxHashSet;

use super::column::{FittedColumn, Plan};
use super::{FittedTableEncoder, Scale};

/// Writes everything as small JSON values, which keep all bits of finite numbers.
pub(super) fn save(encoder: &FittedTableEncoder, out: &mut ModelWriter) -> Result<()> {
    out.put_json("columns", &encoder.columns)?;
    out.put_json("keeps_missing", &encoder.keeps_missing)?;
    out.put_json("scale", &encoder.scale)
}

/// Reads it back. Positions and widths are derived from the columns, so a file cannot contradict itself in them.
pub(super) fn load(from: &ModelReader<'_>) -> Result<FittedTableEncoder> {
    let columns: Vec<FittedColumn> = from.json("columns")?;
    let keeps_missing: bool = from.json("keeps_missing")?;
    let scale: Scale = from.json("scale")?;
    let mut names = FxHashSet::default();
    for column in &columns {
        let unsound =
            |what: &str| Err(Error::model(format!("the encoding of column `{}` {what}", column.name)));
        if !names.insert(column.name.as_str()) {
            return unsound("is there twice");
        }
        if !column.plan.is_sound() {
            return unsound("does not hold together");
        }
        if let Some(indicator) = column.indicator {
            let has_none =
                matches!(column.plan, Plan::Codes(_) | Plan::Empty | Plan::Twin(_) | Plan::Omitted);
            if has_none || !indicator.present.is_finite() || !indicator.missing.is_finite() {
                return unsound("marks missing values in a way it cannot");
            }
        }
    }
    let encoder = FittedTableEncoder::new(columns, keeps_missing, scale);
    if encoder.value_origins.is_empty() && encoder.code_origins.is_empty() {
        return Err(Error::model("the encoding has no feature"));
    }
    Ok(encoder)
}
