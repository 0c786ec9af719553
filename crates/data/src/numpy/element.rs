//! Elements of NumPy arrays: their types, and their bytes as numbers.

/// An element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// What the bits mean.
    pub(crate) class: Class,
    /// Bytes of one element.
    pub(crate) size: usize,
    /// Whether the first byte is the most significant.
    pub(crate) big_endian: bool,
}

/// What the bits of an element mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// `true` or `false`.
    Boolean,
    /// With sign.
    Signed,
    /// Without sign.
    Unsigned,
    /// IEEE 754.
    Float,
}

impl Element {
    /// From NumPy's type string, such as `<f8`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (order, rest) = match text.as_bytes().first() {
            Some(b'<' | b'>' | b'|' | b'=') => text.split_at(1),
            _ => ("<", text),
        };
        let size = rest.get(1..).and_then(|s| s.parse::<usize>().ok());
        let class = match (rest.as_bytes().first(), size) {
            (Some(b'b'), Some(1)) | (Some(b'?'), None) => Class::Boolean,
            (Some(b'i'), Some(1 | 2 | 4 | 8)) => Class::Signed,
            (Some(b'u'), Some(1 | 2 | 4 | 8)) => Class::Unsigned,
            (Some(b'f'), Some(2 | 4 | 8)) => Class::Float,
            (Some(b'f'), Some(_)) => {
                return Err(format!(
                    "floats of the NumPy type `{}` mean different bits on different machines; save them as float64",
                    shorten(text)
                ));
            }
            (Some(b'O'), _) => {
                return Err(
                    "object arrays are not read, because loading them runs code; save numbers instead".into(),
                );
            }
            _ => {
                return Err(format!(
                    "elements of the NumPy type `{}` cannot be read; numbers and booleans can",
                    shorten(text)
                ));
            }
        };
        Ok(Self { class, size: size.unwrap_or(1), big_endian: order == ">" })
    }

    /// Gives every `step`-th of the elements in `bytes`, beginning with the `first`, to `take`.
    pub(crate) fn decode(self, bytes: &[u8], first: usize, step: usize, take: impl FnMut(f64)) {
        let walk = Walk { bytes, first, step, reversed: self.big_endian };
        match (self.class, self.size) {
            (Class::Boolean, _) => walk.each(|[b]| f64::from(u8::from(b != 0)), take),
            (Class::Unsigned, 1) => walk.each(|[b]| f64::from(b), take),
            (Class::Unsigned, 2) => walk.each(|b| f64::from(u16::from_le_bytes(b)), take),
            (Class::Unsigned, 4) => walk.each(|b| f64::from(u32::from_le_bytes(b)), take),
            (Class::Unsigned, _) => walk.each(|b| u64::from_le_bytes(b) as f64, take),
            (Class::Signed, 1) => walk.each(|b| f64::from(i8::from_le_bytes(b)), take),
            (Class::Signed, 2) => walk.each(|b| f64::from(i16::from_le_bytes(b)), take),
            (Class::Signed, 4) => walk.each(|b| f64::from(i32::from_le_bytes(b)), take),
            (Class::Signed, _) => walk.each(|b| i64::from_le_bytes(b) as f64, take),
            (Class::Float, 2) => walk.each(|b| half::f16::from_le_bytes(b).to_f64(), take),
            (Class::Float, 4) => walk.each(|b| f64::from(f32::from_le_bytes(b)), take),
            (Class::Float, _) => walk.each(f64::from_le_bytes, take),
        }
    }
}

/// Which elements of some bytes are wanted.
struct Walk<'a> {
    bytes: &'a [u8],
    first: usize,
    step: usize,
    /// Whether the most significant byte of each comes first.
    reversed: bool,
}

impl Walk<'_> {
    #[inline]
    fn each<const SIZE: usize>(self, number: impl Fn([u8; SIZE]) -> f64, mut take: impl FnMut(f64)) {
        let (cells, _) = self.bytes.as_chunks::<SIZE>();
        for &cell in cells.iter().skip(self.first).step_by(self.step.max(1)) {
            let mut cell = cell;
            if self.reversed {
                cell.reverse();
            }
            take(number(cell));
        }
    }
}

/// The beginning of a text that may be of any length.
pub(crate) fn shorten(text: &str) -> String {
    text.trim().chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_all_types() {
        let decode = |descr: &str, bytes: &[u8]| {
            let mut out = Vec::new();
            Element::parse(descr).unwrap().decode(bytes, 0, 1, |v| out.push(v));
            out
        };
        assert_eq!(decode("|b1", &[0, 1, 7]), [0.0, 1.0, 1.0]);
        assert_eq!(decode("?", &[0, 1]), [0.0, 1.0]);
        assert_eq!(decode("|i1", &[0xff, 0x7f]), [-1.0, 127.0]);
        assert_eq!(decode("|u1", &[0xff, 0x7f]), [255.0, 127.0]);
        assert_eq!(decode("<i2", &[0xfe, 0xff]), [-2.0]);
        assert_eq!(decode("<u2", &[0xfe, 0xff]), [65_534.0]);
        assert_eq!(decode(">i4", &[0xff, 0xff, 0xff, 0xfe]), [-2.0]);
        assert_eq!(decode(">u4", &[0, 0, 1, 0]), [256.0]);
        assert_eq!(decode("<i8", &(-5_i64).to_le_bytes()), [-5.0]);
        assert_eq!(decode("<u8", &u64::MAX.to_le_bytes()), [1.8446744073709552e19]);
        assert_eq!(decode("<f2", &[0x00, 0x3e]), [1.5]);
        assert_eq!(decode(">f4", &1.25_f32.to_be_bytes()), [1.25]);
        assert_eq!(decode("<f8", &0.1_f64.to_le_bytes()), [0.1]);
        assert!(Element::parse("<f16").unwrap_err().contains("float64"));
    }

    #[test]
    fn every_third_element_from_the_second() {
        let mut out = Vec::new();
        Element::parse("|u1").unwrap().decode(&[0, 1, 2, 3, 4, 5, 6], 1, 3, |v| out.push(v));
        assert_eq!(out, [1.0, 4.0]);
    }
}
