//! Cells of Arrow arrays, and structs as several columns with dotted names.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, Decimal128Type, Float16Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, DictionaryArray, LargeBinaryArray,
    LargeStringArray, PrimitiveArray, RecordBatch, StringArray, StringViewArray, StructArray,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Fields, TimeUnit};

use crate::block::Value;
use crate::observe::Declared;
use crate::text::decode;

/// Columns of a schema after structs were taken apart.
pub(crate) struct Leaf {
    /// Its dotted name.
    pub(crate) name: String,
    /// What inference is told of it.
    pub(crate) declared: Option<Declared>,
    /// Which field of the schema it is in.
    pub(crate) root: usize,
}

/// The leaves of `fields`, in order.
pub(crate) fn leaves(fields: &Fields) -> Vec<Leaf> {
    let mut out = Vec::new();
    for (root, field) in fields.iter().enumerate() {
        add_leaves(field.name(), field.data_type(), root, &mut out);
    }
    out
}

fn add_leaves(name: &str, kind: &DataType, root: usize, out: &mut Vec<Leaf>) {
    if let DataType::Struct(fields) = kind {
        for field in fields {
            add_leaves(&format!("{name}.{}", field.name()), field.data_type(), root, out);
        }
    } else {
        out.push(Leaf { name: name.to_owned(), declared: declared(kind), root });
    }
}

fn declared(kind: &DataType) -> Option<Declared> {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => None,
        // Older writers of Parquet do not say that their strings are text.
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => None,
        DataType::Dictionary(_, values) => match **values {
            DataType::Utf8 | DataType::LargeUtf8 => Some(Declared::Category),
            _ => Some(Declared::Nested),
        },
        DataType::Boolean => Some(Declared::Boolean),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Some(Declared::Time),
        DataType::Null
        | DataType::Decimal128(..)
        | DataType::Float16
        | DataType::Float32
        | DataType::Float64 => Some(Declared::Number),
        kind if kind.is_integer() => Some(Declared::Number),
        DataType::Duration(_) | DataType::Time32(_) | DataType::Time64(_) => Some(Declared::Number),
        _ => Some(Declared::Nested),
    }
}

/// The leaves of one root column of a batch, with the nulls of the structs around them.
pub(crate) fn leaf_arrays(
    array: &ArrayRef,
    nulls: Option<&NullBuffer>,
    out: &mut Vec<(ArrayRef, Option<NullBuffer>)>,
) {
    let nulls = NullBuffer::union(nulls, array.nulls());
    match array.as_any().downcast_ref::<StructArray>() {
        Some(inner) => inner.columns().iter().for_each(|a| leaf_arrays(a, nulls.as_ref(), out)),
        None => out.push((array.clone(), nulls)),
    }
}

/// All leaves of a batch.
pub(crate) fn batch_leaves(batch: &RecordBatch) -> Vec<(ArrayRef, Option<NullBuffer>)> {
    let mut out = Vec::new();
    batch.columns().iter().for_each(|column| leaf_arrays(column, None, &mut out));
    out
}

/// Gives every cell of `array` to `take`.
pub(crate) fn each_value<'a>(
    array: &'a dyn Array,
    nulls: Option<&NullBuffer>,
    mut take: impl FnMut(Value<'a>),
) {
    let value_at = reader(array);
    for row in 0..array.len() {
        let is_null = nulls.is_some_and(|n| n.is_null(row));
        take(if is_null { Value::Missing } else { value_at(row) });
    }
}

type ValueAt<'a> = Box<dyn Fn(usize) -> Value<'a> + 'a>;

fn reader(array: &dyn Array) -> ValueAt<'_> {
    match array.data_type() {
        DataType::Boolean => match array.as_any().downcast_ref::<BooleanArray>() {
            Some(array) => Box::new(|row| Value::Boolean(array.value(row))),
            None => Box::new(|_| Value::Missing),
        },
        DataType::Utf8 => strings(array.as_any().downcast_ref::<StringArray>(), |a, row| a.value(row)),
        DataType::LargeUtf8 => {
            strings(array.as_any().downcast_ref::<LargeStringArray>(), |a, row| a.value(row))
        }
        DataType::Utf8View => {
            strings(array.as_any().downcast_ref::<StringViewArray>(), |a, row| a.value(row))
        }
        DataType::Binary => binary(array.as_any().downcast_ref::<BinaryArray>(), |a, row| a.value(row)),
        DataType::LargeBinary => {
            binary(array.as_any().downcast_ref::<LargeBinaryArray>(), |a, row| a.value(row))
        }
        DataType::BinaryView => {
            binary(array.as_any().downcast_ref::<BinaryViewArray>(), |a, row| a.value(row))
        }
        DataType::Int8 => numbers::<Int8Type>(array, f64::from),
        DataType::Int16 => numbers::<Int16Type>(array, f64::from),
        DataType::Int32 => numbers::<Int32Type>(array, f64::from),
        DataType::Int64 => numbers::<Int64Type>(array, |v| v as f64),
        DataType::UInt8 => numbers::<UInt8Type>(array, f64::from),
        DataType::UInt16 => numbers::<UInt16Type>(array, f64::from),
        DataType::UInt32 => numbers::<UInt32Type>(array, f64::from),
        DataType::UInt64 => numbers::<UInt64Type>(array, |v| v as f64),
        DataType::Float16 => numbers::<Float16Type>(array, f64::from),
        DataType::Float32 => numbers::<Float32Type>(array, f64::from),
        DataType::Float64 => numbers::<Float64Type>(array, |v| v),
        DataType::Decimal128(_, scale) => {
            let unit = 10_f64.powi(i32::from(*scale));
            numbers::<Decimal128Type>(array, move |v| v as f64 / unit)
        }
        kind => other(array, kind),
    }
}

/// Times, durations and dictionaries.
fn other<'a>(array: &'a dyn Array, kind: &DataType) -> ValueAt<'a> {
    use arrow_array::types as t;
    const DAY: i64 = 86_400_000_000;
    match kind {
        DataType::Date32 => times::<t::Date32Type>(array, |v| i64::from(v).checked_mul(DAY)),
        DataType::Date64 => times::<t::Date64Type>(array, |v| v.checked_mul(1000)),
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => times::<t::TimestampSecondType>(array, |v| v.checked_mul(1_000_000)),
            TimeUnit::Millisecond => times::<t::TimestampMillisecondType>(array, |v| v.checked_mul(1000)),
            TimeUnit::Microsecond => times::<t::TimestampMicrosecondType>(array, Some),
            TimeUnit::Nanosecond => times::<t::TimestampNanosecondType>(array, |v| Some(v.div_euclid(1000))),
        },
        DataType::Duration(TimeUnit::Second) => numbers::<t::DurationSecondType>(array, |v| v as f64),
        DataType::Duration(TimeUnit::Millisecond) => {
            numbers::<t::DurationMillisecondType>(array, |v| v as f64)
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            numbers::<t::DurationMicrosecondType>(array, |v| v as f64)
        }
        DataType::Duration(TimeUnit::Nanosecond) => numbers::<t::DurationNanosecondType>(array, |v| v as f64),
        DataType::Time32(TimeUnit::Second) => numbers::<t::Time32SecondType>(array, f64::from),
        DataType::Time32(_) => numbers::<t::Time32MillisecondType>(array, f64::from),
        DataType::Time64(TimeUnit::Microsecond) => numbers::<t::Time64MicrosecondType>(array, |v| v as f64),
        DataType::Time64(_) => numbers::<t::Time64NanosecondType>(array, |v| v as f64),
        DataType::Dictionary(keys, _) => match **keys {
            DataType::Int8 => dictionary::<Int8Type>(array),
            DataType::Int16 => dictionary::<Int16Type>(array),
            DataType::Int32 => dictionary::<Int32Type>(array),
            DataType::Int64 => dictionary::<Int64Type>(array),
            DataType::UInt8 => dictionary::<UInt8Type>(array),
            DataType::UInt16 => dictionary::<UInt16Type>(array),
            DataType::UInt32 => dictionary::<UInt32Type>(array),
            _ => dictionary::<UInt64Type>(array),
        },
        _ => Box::new(|_| Value::Missing),
    }
}

fn strings<'a, A>(array: Option<&'a A>, value: fn(&'a A, usize) -> &'a str) -> ValueAt<'a> {
    match array {
        Some(array) => Box::new(move |row| Value::Text(Cow::Borrowed(value(array, row)))),
        None => Box::new(|_| Value::Missing),
    }
}

fn binary<'a, A>(array: Option<&'a A>, value: fn(&'a A, usize) -> &'a [u8]) -> ValueAt<'a> {
    match array {
        Some(array) => Box::new(move |row| Value::Text(decode(value(array, row)))),
        None => Box::new(|_| Value::Missing),
    }
}

fn numbers<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    number: impl Fn(T::Native) -> f64 + 'a,
) -> ValueAt<'a> {
    match array.as_any().downcast_ref::<PrimitiveArray<T>>() {
        Some(array) => Box::new(move |row| match number(array.value(row)) {
            value if value.is_nan() => Value::Missing,
            value => Value::Number(value),
        }),
        None => Box::new(|_| Value::Missing),
    }
}

fn times<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    micros: impl Fn(T::Native) -> Option<i64> + 'a,
) -> ValueAt<'a> {
    match array.as_any().downcast_ref::<PrimitiveArray<T>>() {
        Some(array) => Box::new(move |row| micros(array.value(row)).map_or(Value::Missing, Value::Time)),
        None => Box::new(|_| Value::Missing),
    }
}

fn dictionary<T: ArrowDictionaryKeyType>(array: &dyn Array) -> ValueAt<'_> {
    let Some(array) = array.as_any().downcast_ref::<DictionaryArray<T>>() else {
        return Box::new(|_| Value::Missing);
    };
    let values = array.values();
    let text: Vec<Option<&str>> = if let Some(values) = values.as_string_opt::<i32>() {
        values.iter().collect()
    } else if let Some(values) = values.as_string_opt::<i64>() {
        values.iter().collect()
    } else {
        Vec::new()
    };
    Box::new(move |row| {
        let level = array.key(row).and_then(|key| text.get(key).copied().flatten());
        level.map_or(Value::Missing, |level| Value::Text(Cow::Borrowed(level)))
    })
}
