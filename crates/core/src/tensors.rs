//! What a saved model consists of: named arrays and small JSON values, in nested scopes.
//!
//! Writing to and reading from a file is the facade's work; here is only the content. A reader trusts nothing:
//! lengths and kinds are checked against what the caller expects.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Error, Result};

/// The number kinds that tensors hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementKind {
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 32-bit unsigned.
    U32,
    /// 64-bit unsigned.
    U64,
    /// 64-bit signed.
    I64,
    /// Byte.
    U8,
}

impl ElementKind {
    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            Self::F32 | Self::U32 => 4,
            Self::F64 | Self::U64 | Self::I64 => 8,
            Self::U8 => 1,
        }
    }
}

/// A number that tensors can hold.
pub trait Element: Copy {
    /// Its kind.
    const KIND: ElementKind;
    /// Little-endian bytes of `self`, appended to `out`.
    fn write(self, out: &mut Vec<u8>);
    /// From exactly `KIND.size()` little-endian bytes.
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! element {
    ($type:ty, $kind:ident) => {
        impl Element for $type {
            const KIND: ElementKind = ElementKind::$kind;
            fn write(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn read(bytes: &[u8]) -> Self {
                let mut buffer = [0; size_of::<$type>()];
                buffer.copy_from_slice(bytes);
                Self::from_le_bytes(buffer)
            }
        }
    };
}
element!(f32, F32);
element!(f64, F64);
element!(u32, U32);
element!(u64, U64);
element!(i64, I64);
element!(u8, U8);

/// An array as raw little-endian bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// What the bytes are.
    pub kind: ElementKind,
    /// Row-major shape.
    pub shape: Vec<usize>,
    /// The elements.
    pub bytes: Vec<u8>,
}

/// Collects what a model saves.
#[derive(Debug, Default)]
pub struct ModelWriter {
    tensors: BTreeMap<String, Tensor>,
    json: BTreeMap<String, Value>,
    scope: String,
}

impl ModelWriter {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Saves an array of any shape, row-major.
    pub fn put<T: Element>(&mut self, name: &str, shape: &[usize], data: impl IntoIterator<Item = T>) {
        let mut bytes = Vec::with_capacity(shape.iter().product::<usize>() * T::KIND.size());
        data.into_iter().for_each(|v| v.write(&mut bytes));
        let tensor = Tensor { kind: T::KIND, shape: shape.to_vec(), bytes };
        self.tensors.insert(format!("{}{name}", self.scope), tensor);
    }

    /// Saves a list.
    pub fn put_list<T: Element>(&mut self, name: &str, data: &[T]) {
        self.put(name, &[data.len()], data.iter().copied());
    }

    /// Saves a matrix.
    pub fn put_matrix<T: Element>(&mut self, name: &str, data: &Array2<T>) {
        self.put(name, data.shape(), data.iter().copied());
    }

    /// Saves a small value as JSON; floats in it keep all their bits, but cannot be NaN or infinite.
    pub fn put_json<T: Serialize>(&mut self, name: &str, value: &T) -> Result<()> {
        let value =
            serde_json::to_value(value).map_err(|e| Error::model(format!("cannot save `{name}`: {e}")))?;
        self.json.insert(format!("{}{name}", self.scope), value);
        Ok(())
    }

    /// Lets `part` save under `name/`.
    pub fn scope<T>(&mut self, name: &str, part: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let outer = self.scope.clone();
        self.scope = format!("{outer}{name}/");
        let result = part(self);
        self.scope = outer;
        result
    }

    /// Everything saved: arrays and JSON values by full name.
    pub fn finish(self) -> (BTreeMap<String, Tensor>, BTreeMap<String, Value>) {
        (self.tensors, self.json)
    }
}

/// Gives a model back what it saved.
#[derive(Clone, Debug)]
pub struct ModelReader<'a> {
    tensors: &'a BTreeMap<String, Tensor>,
    json: &'a BTreeMap<String, Value>,
    scope: String,
}

impl<'a> ModelReader<'a> {
    /// Over what [`ModelWriter::finish`] gave.
    pub const fn new(tensors: &'a BTreeMap<String, Tensor>, json: &'a BTreeMap<String, Value>) -> Self {
        Self { tensors, json, scope: String::new() }
    }

    /// What was saved under `name/`.
    pub fn scope(&self, name: &str) -> Self {
        Self { scope: format!("{}{name}/", self.scope), ..*self }
    }

    /// Whether a JSON value of that name is there.
    pub fn has_json(&self, name: &str) -> bool {
        self.json.contains_key(&format!("{}{name}", self.scope))
    }

    /// Whether an array of that name is there.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(&format!("{}{name}", self.scope))
    }

    /// Shape and elements of an array.
    pub fn get<T: Element>(&self, name: &str) -> Result<(Vec<usize>, Vec<T>)> {
        let full = format!("{}{name}", self.scope);
        let tensor =
            self.tensors.get(&full).ok_or_else(|| Error::model(format!("the array `{full}` is missing")))?;
        let count = tensor.shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
        let size = T::KIND.size();
        if tensor.kind != T::KIND || count.and_then(|n| n.checked_mul(size)) != Some(tensor.bytes.len()) {
            return Err(Error::model(format!("the array `{full}` has another kind or size than it should")));
        }
        Ok((tensor.shape.clone(), tensor.bytes.chunks_exact(size).map(T::read).collect()))
    }

    /// A list, of any length.
    pub fn list<T: Element>(&self, name: &str) -> Result<Vec<T>> {
        match self.get(name)? {
            (shape, data) if shape.len() == 1 => Ok(data),
            (shape, _) => Err(Error::model(format!("the array `{}{name}` has shape {shape:?}", self.scope))),
        }
    }

    /// A list of exactly `len` elements.
    pub fn list_of<T: Element>(&self, name: &str, len: usize) -> Result<Vec<T>> {
        let list = self.list(name)?;
        if list.len() != len {
            let got = list.len();
            return Err(Error::model(format!(
                "the array `{}{name}` has {got} entries, not {len}",
                self.scope
            )));
        }
        Ok(list)
    }

    /// A list as an array.
    pub fn array1<T: Element>(&self, name: &str) -> Result<Array1<T>> {
        Ok(Array1::from(self.list(name)?))
    }

    /// A matrix, of any size.
    pub fn matrix<T: Element>(&self, name: &str) -> Result<Array2<T>> {
        match self.get(name)? {
            (shape, data) if shape.len() == 2 => Array2::from_shape_vec((shape[0], shape[1]), data)
                .map_err(|e| Error::model(format!("the array `{}{name}`: {e}", self.scope))),
            (shape, _) => Err(Error::model(format!("the array `{}{name}` has shape {shape:?}", self.scope))),
        }
    }

    /// A matrix of finite numbers with `width` columns.
    pub fn finite_matrix(&self, name: &str, width: usize) -> Result<Array2<f32>> {
        let matrix = self.matrix::<f32>(name)?;
        if matrix.ncols() != width || matrix.iter().any(|v| !v.is_finite()) {
            return Err(Error::model(format!(
                "the array `{}{name}` is not a finite matrix of {width} columns",
                self.scope
            )));
        }
        Ok(matrix)
    }

    /// A small value.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let full = format!("{}{name}", self.scope);
        let value =
            self.json.get(&full).ok_or_else(|| Error::model(format!("the entry `{full}` is missing")))?;
        T::deserialize(value).map_err(|e| Error::model(format!("the entry `{full}`: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_in_scopes() {
        let mut out = ModelWriter::new();
        out.scope("a", |out| {
            out.put_list("x", &[1.5_f32, -2.0]);
            out.put_json("n", &3)
        })
        .unwrap();
        let (tensors, json) = out.finish();
        let reader = ModelReader::new(&tensors, &json).scope("a");
        assert_eq!(reader.list::<f32>("x").unwrap(), [1.5, -2.0]);
        assert_eq!(reader.json::<u32>("n").unwrap(), 3);
        assert!(reader.list::<u32>("x").is_err());
        assert!(reader.list_of::<f32>("x", 3).is_err());
        assert!(reader.list::<f32>("y").is_err());
    }
}
