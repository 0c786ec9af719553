//! The header of a NumPy array file (NEP 1): element type, order and shape.

/// Headers may not be longer than this; real ones have about 100 bytes.
const MAX_HEADER: usize = 1 << 20;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The element type.
    pub(crate) element: Element,
    /// Whether columns rather than rows are stored one after the other.
    pub(crate) fortran: bool,
    /// The lengths of the axes.
    pub(crate) shape: Vec<usize>,
    /// Where the elements begin.
    pub(crate) offset: usize,
}

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

impl Header {
    /// How many elements there are, if that fits in memory at all.
    pub(crate) fn n_elements(&self) -> Option<usize> {
        self.shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d))
    }

    /// How many bytes they have.
    pub(crate) fn n_bytes(&self) -> Option<usize> {
        self.n_elements()?.checked_mul(self.element.size)
    }

    /// How many bytes of `start`, the beginning of a file, are needed to parse its header; `None` if it is no
    /// NumPy array.
    pub(crate) fn needs(start: &[u8]) -> Option<usize> {
        let n = match start {
            [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => {
                10 + usize::from(u16::from_le_bytes([*a, *b]))
            }
            [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
                12_usize.checked_add(usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).ok()?)?
            }
            _ => return None,
        };
        (n <= MAX_HEADER).then_some(n)
    }

    /// From the whole header.
    pub(crate) fn parse(start: &[u8]) -> Result<Self, String> {
        let offset = Self::needs(start).ok_or("this is no NumPy array of format 1, 2 or 3")?;
        let skip = if start[6] == 1 { 10 } else { 12 };
        let text = start.get(skip..offset).and_then(|t| std::str::from_utf8(t).ok());
        let text = text.ok_or("the header of the NumPy array is cut short or no text")?;
        let fault =
            |what: &str| format!("the header of the NumPy array has no valid `{what}`: {}", shorten(text));
        let descr = value_of(text, "descr").ok_or_else(|| fault("descr"))?;
        let fortran = match value_of(text, "fortran_order").ok_or_else(|| fault("fortran_order"))? {
            v if v.starts_with("True") => true,
            v if v.starts_with("False") => false,
            _ => return Err(fault("fortran_order")),
        };
        let shape = value_of(text, "shape").and_then(shape).ok_or_else(|| fault("shape"))?;
        let quoted = descr.strip_prefix(['\'', '"']).and_then(|d| d.split(['\'', '"']).next());
        let quoted = quoted
            .ok_or("structured NumPy arrays cannot be read; save their fields as arrays of their own")?;
        Ok(Self { element: Element::parse(quoted)?, fortran, shape, offset })
    }
}

/// What follows `'key':` in the dictionary.
fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let quoted = ["'", "\""].map(|q| format!("{q}{key}{q}"));
    let at = quoted.iter().find_map(|k| text.find(k.as_str()).map(|p| p + k.len()))?;
    text[at..].trim_start().strip_prefix(':').map(str::trim_start)
}

fn shape(text: &str) -> Option<Vec<usize>> {
    let inner = text.strip_prefix('(')?.split(')').next()?;
    let axes = inner.split(',').map(str::trim).filter(|a| !a.is_empty());
    axes.map(|a| a.trim_end_matches('L').parse().ok()).collect()
}

fn shorten(text: &str) -> String {
    text.trim().chars().take(120).collect()
}

impl Element {
    /// From NumPy's type string, such as `<f8`.
    fn parse(text: &str) -> Result<Self, String> {
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

    /// Appends the numbers in `bytes`, which are whole elements.
    pub(crate) fn decode(self, bytes: &[u8], mut take: impl FnMut(f64)) {
        for raw in bytes.chunks_exact(self.size) {
            let mut word = [0_u8; 8];
            for (i, &b) in raw.iter().enumerate() {
                word[if self.big_endian { self.size - 1 - i } else { i }] = b;
            }
            let bits = u64::from_le_bytes(word);
            take(match (self.class, self.size) {
                (Class::Boolean, _) => f64::from(u8::from(bits != 0)),
                (Class::Unsigned, _) => bits as f64,
                (Class::Signed, size) => {
                    let spare = 64 - 8 * size as u32;
                    ((bits << spare) as i64 >> spare) as f64
                }
                (Class::Float, 2) => half::f16::from_bits(bits as u16).to_f64(),
                (Class::Float, 4) => f64::from(f32::from_bits(bits as u32)),
                (Class::Float, _) => f64::from_bits(bits),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(descr: &str, version: u8) -> Result<Header, String> {
        let text = format!("{{'descr': {descr}, 'fortran_order': True, 'shape': (3, 2), }}\n");
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        let n = text.len() as u32;
        bytes.extend(&n.to_le_bytes()[..if version == 1 { 2 } else { 4 }]);
        bytes.extend(text.as_bytes());
        Header::parse(&bytes)
    }

    #[test]
    fn versions_and_types() {
        for version in 1..=3 {
            let header = parse("'>i2'", version).unwrap();
            assert_eq!(header.element, Element { class: Class::Signed, size: 2, big_endian: true });
            assert_eq!((header.fortran, &header.shape[..]), (true, &[3, 2][..]));
        }
        assert!(parse("'|O'", 1).unwrap_err().contains("runs code"));
        assert!(parse("[('a', '<f8')]", 1).unwrap_err().contains("structured"));
        assert!(parse("'<U5'", 1).unwrap_err().contains("<U5"));
        assert!(parse("'<f8'", 4).is_err());
    }

    #[test]
    fn elements_of_all_types() {
        let decode = |descr: &str, bytes: &[u8]| {
            let mut out = Vec::new();
            Element::parse(descr).unwrap().decode(bytes, |v| out.push(v));
            out
        };
        assert_eq!(decode("|b1", &[0, 1, 7]), [0.0, 1.0, 1.0]);
        assert_eq!(decode("|i1", &[0xff, 0x7f]), [-1.0, 127.0]);
        assert_eq!(decode("<i2", &[0xfe, 0xff]), [-2.0]);
        assert_eq!(decode(">u4", &[0, 0, 1, 0]), [256.0]);
        assert_eq!(decode("<i8", &(-5_i64).to_le_bytes()), [-5.0]);
        assert_eq!(decode("<u8", &u64::MAX.to_le_bytes()), [1.8446744073709552e19]);
        assert_eq!(decode("<f2", &[0x00, 0x3e]), [1.5]);
        assert_eq!(decode(">f4", &1.25_f32.to_be_bytes()), [1.25]);
        assert_eq!(decode("<f8", &0.1_f64.to_le_bytes()), [0.1]);
    }
}
