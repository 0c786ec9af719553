//! `model.anomalyst`: one safetensors file with arrays as tensors and the rest as JSON in its metadata.
//!
//! | metadata key | content |
//! | --- | --- |
//! | `format` | `anomalyst` |
//! | `format_version` | a whole number; a file with a higher one is from a newer release |
//! | `made_by` | the release that wrote it |
//! | `content` | one JSON object: recipe, parameters, schema, decision, statistics |
//! | `sha256` | checksum of all tensors and of `content` |
//!
//! Loading executes nothing. A file that is cut short, altered, foreign or newer gives an error that says which,
//! and no number in the file decides an allocation before it was compared with the file's size.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anomalyst_core::{ElementKind, Error, Result, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The version this release writes, and the newest it reads.
pub const FORMAT_VERSION: u32 = 1;

/// What a model file holds: arrays and JSON values by name.
pub type Content = (BTreeMap<String, Tensor>, BTreeMap<String, Value>);

/// Writes `content` to `path`, whole or not at all.
pub fn write(path: &Path, content: &Content) -> Result<()> {
    let bytes = to_bytes(content)?;
    anomalyst_report::atomic_write(path, |out| out.write_all(&bytes))
}

/// Reads a model file and checks its sum.
pub fn read(path: &Path) -> Result<Content> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
    from_bytes(&bytes).map_err(|reason| Error::ModelFile { path: path.into(), reason })
}

/// What `understand` makes of the content of the file at `path`; errors name the file.
pub(crate) fn load<T>(path: &Path, understand: impl FnOnce(&Content) -> Result<T>) -> Result<T> {
    understand(&read(path)?).map_err(|error| match error {
        Error::ModelFile { reason, .. } => Error::ModelFile { path: path.into(), reason },
        other => Error::ModelFile { path: path.into(), reason: other.to_string() },
    })
}

/// The bytes of a model file.
pub fn to_bytes((tensors, json): &Content) -> Result<Vec<u8>> {
    let content = serde_json::to_string(json).map_err(|e| Error::model(e.to_string()))?;
    let metadata = HashMap::from([
        ("format".to_owned(), "anomalyst".to_owned()),
        ("format_version".to_owned(), FORMAT_VERSION.to_string()),
        ("made_by".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("sha256".to_owned(), checksum(tensors, &content)),
        ("content".to_owned(), content),
    ]);
    let view = |t: &Tensor| TensorView::new(dtype(t.kind), t.shape.clone(), &t.bytes).map(|_| ());
    if let Some(error) = tensors.values().find_map(|t| view(t).err()) {
        return Err(Error::model(error.to_string()));
    }
    let views: Vec<(&String, TensorView<'_>)> = tensors
        .iter()
        .filter_map(|(name, t)| Some((name, TensorView::new(dtype(t.kind), t.shape.clone(), &t.bytes).ok()?)))
        .collect();
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|e| Error::model(e.to_string()))?;
    with_sorted_metadata(&bytes).ok_or_else(|| Error::model("the header cannot be put in order"))
}

/// The same file with the metadata's keys in order: they come out of a hash map, and equal models should be equal
/// files.
fn with_sorted_metadata(bytes: &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (header, data) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let mut header: serde_json::Map<String, Value> = serde_json::from_slice(header).ok()?;
    header.get_mut("__metadata__")?.as_object_mut()?.sort_keys();
    let mut header = serde_json::to_vec(&header).ok()?;
    // The format wants the data aligned.
    header.resize(header.len().next_multiple_of(8), b' ');
    Some([&(header.len() as u64).to_le_bytes()[..], &header, data].concat())
}

/// What `bytes` hold, or why they are not a model file of ours.
pub fn from_bytes(bytes: &[u8]) -> Result<Content, String> {
    let foreign = "this is not an Anomalyst model file; make one with `anomalyst fit DATA --model FILE`";
    let header = bytes.get(..8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
    match header {
        None => return Err(format!("the file is too short to be a model ({} bytes)", bytes.len())),
        Some(len) if len > bytes.len() as u64 => {
            let reason =
                if bytes.get(8) == Some(&b'{') { "the file is cut short; copy it again" } else { foreign };
            return Err(reason.into());
        }
        Some(_) => {}
    }
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| format!("{foreign} ({e})"))?;
    let entries = metadata.metadata().as_ref().ok_or(foreign)?;
    if entries.get("format").map(String::as_str) != Some("anomalyst") {
        return Err(foreign.into());
    }
    let version: u32 = entries.get("format_version").and_then(|v| v.parse().ok()).ok_or(foreign)?;
    if version > FORMAT_VERSION {
        let by = entries.get("made_by").map_or("a newer release", String::as_str);
        return Err(format!(
            "written by Anomalyst {by} in format {version}; this release reads up to {FORMAT_VERSION}: update it"
        ));
    }
    let file = SafeTensors::deserialize(bytes)
        .map_err(|e| format!("the file is damaged or cut short; copy it again ({e})"))?;
    let content = entries.get("content").ok_or("the file is damaged: its content entry is missing")?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        let kind = kind(view.dtype())
            .ok_or_else(|| format!("the array `{name}` has a kind that models do not use"))?;
        tensors.insert(
            name.to_owned(),
            Tensor { kind, shape: view.shape().to_vec(), bytes: view.data().to_vec() },
        );
    }
    if entries.get("sha256") != Some(&checksum(&tensors, content)) {
        return Err("the checksum does not match: the file was altered or damaged; fit the model again or copy it again".into());
    }
    let json = serde_json::from_str(content).map_err(|e| format!("the file's content is damaged: {e}"))?;
    Ok((tensors, json))
}

fn checksum(tensors: &BTreeMap<String, Tensor>, content: &str) -> String {
    let mut hash = Sha256::new();
    for (name, tensor) in tensors {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
        hash.update(format!("{:?}{:?}", tensor.kind, tensor.shape));
        hash.update((tensor.bytes.len() as u64).to_le_bytes());
        hash.update(&tensor.bytes);
    }
    hash.update(content.as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

const fn dtype(kind: ElementKind) -> Dtype {
    match kind {
        ElementKind::F32 => Dtype::F32,
        ElementKind::F64 => Dtype::F64,
        ElementKind::U32 => Dtype::U32,
        ElementKind::U64 => Dtype::U64,
        ElementKind::I64 => Dtype::I64,
        ElementKind::U8 => Dtype::U8,
    }
}

const fn kind(dtype: Dtype) -> Option<ElementKind> {
    Some(match dtype {
        Dtype::F32 => ElementKind::F32,
        Dtype::F64 => ElementKind::F64,
        Dtype::U32 => ElementKind::U32,
        Dtype::U64 => ElementKind::U64,
        Dtype::I64 => ElementKind::I64,
        Dtype::U8 => ElementKind::U8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::ModelWriter;

    fn sample() -> Vec<u8> {
        let mut out = ModelWriter::new();
        out.put_list("a", &[1.0_f32, 2.0, 3.0]);
        out.put_list("b", &[7_u64]);
        out.put_json("recipe", &"x").unwrap();
        to_bytes(&out.finish()).unwrap()
    }

    #[test]
    fn round_trip() {
        let (tensors, json) = from_bytes(&sample()).unwrap();
        assert_eq!(tensors["b"].bytes, 7_u64.to_le_bytes());
        assert_eq!(json["recipe"], "x");
    }

    #[test]
    fn equal_content_gives_equal_bytes() {
        // Hash maps differ in order even within one process.
        assert!((0..8).all(|_| sample() == sample()));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let good = sample();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                // The version of the writing release is information, not content.
                if let Ok(content) = from_bytes(&bad) {
                    assert_eq!(content, from_bytes(&good).unwrap(), "byte {at}, bit {bit}");
                }
            }
        }
    }

    #[test]
    fn every_truncation_is_noticed() {
        let good = sample();
        for len in 0..good.len() {
            assert!(from_bytes(&good[..len]).is_err(), "{len} of {} bytes", good.len());
        }
    }

    #[test]
    fn foreign_and_newer_files_are_named_as_such() {
        assert!(from_bytes(b"PK\x03\x04 some zip file").unwrap_err().contains("not an Anomalyst model"));
        assert!(from_bytes(b"").unwrap_err().contains("too short"));
        let foreign = safetensors::serialize(Vec::<(String, TensorView<'_>)>::new(), None).unwrap();
        assert!(from_bytes(&foreign).unwrap_err().contains("not an Anomalyst model"));
        let newer = HashMap::from([
            ("format".to_owned(), "anomalyst".to_owned()),
            ("format_version".to_owned(), "2".to_owned()),
        ]);
        let newer = safetensors::serialize(Vec::<(String, TensorView<'_>)>::new(), Some(newer)).unwrap();
        assert!(from_bytes(&newer).unwrap_err().contains("reads up to 1"));
        // A header length that no memory could hold.
        assert!(from_bytes(&[0xff; 16]).is_err());
    }
}
