//! The header of a NumPy array file (NEP 1): element type, order and shape.

use super::element::{Element, shorten};

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

#[cfg(test)]
mod tests {
    use super::super::element::Class;
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
}
