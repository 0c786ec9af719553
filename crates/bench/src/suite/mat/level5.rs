//! The elements of a MATLAB file of level 5 ("MAT-File Format", `MathWorks`, chapter 1).

use std::borrow::Cow;
use std::io::Read;

/// Text, a place for subsystem data, version and order of bytes.
const HEADER_BYTES: usize = 128;
/// Deflate cannot shrink data by more than this factor (1032, rounded up), so that a larger claim is a lie.
const MAX_RATIO: usize = 1100;
const HDF5: &str = "this is a MATLAB file of version 7.3 (HDF5), which cannot be read; convert it in MATLAB with save(file, 'X', 'y', '-v7'), or in Python with h5py and numpy.savez";

const MI_INT8: u32 = 1;
const MI_INT32: u32 = 5;
const MI_UINT32: u32 = 6;
const MI_MATRIX: u32 = 14;
const MI_COMPRESSED: u32 = 15;
/// Classes of arrays: double is the first with numbers, uint64 the last.
const NUMERIC: std::ops::RangeInclusive<u32> = 6..=15;
const SPARSE: u32 = 5;
const COMPLEX: u32 = 0x0800;

/// A matrix of numbers, column after column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    pub(super) name: String,
    pub(super) n_rows: usize,
    pub(super) n_columns: usize,
    pub(super) cells: Vec<f64>,
}

/// The matrices of these names, whatever their case; others are passed over.
pub(super) fn matrices(bytes: &[u8], wanted: &[&str]) -> Result<Vec<Matrix>, String> {
    let Some((header, mut rest)) = bytes.split_at_checked(HEADER_BYTES) else {
        return Err("this is no MATLAB file, or it is cut short".into());
    };
    if header.starts_with(b"\x89HDF") || header.starts_with(b"MATLAB 7.3") {
        return Err(HDF5.into());
    }
    let little = match &header[126..] {
        b"IM" => true,
        b"MI" => false,
        _ => return Err("this is no MATLAB file of level 5; save it with '-v7'".into()),
    };
    let mut found = Vec::new();
    while rest.len() >= 8 {
        let (tag, content) = element(&mut rest, little, true)?;
        let inner = match tag {
            MI_COMPRESSED => unpacked(content, little)?,
            MI_MATRIX => Cow::Borrowed(content),
            _ => continue,
        };
        found.extend(matrix(&inner, little, wanted)?);
    }
    Ok(found)
}

/// Takes the next element off `rest`: its type and content. Elements begin at multiples of eight bytes, but not
/// after compressed ones.
fn element<'a>(rest: &mut &'a [u8], little: bool, outermost: bool) -> Result<(u32, &'a [u8]), String> {
    let cut = || "an element is cut short; get the file again".to_owned();
    let (tag, after) = rest.split_at_checked(8).ok_or_else(cut)?;
    let (first, second) = (word(&tag[..4], little), word(&tag[4..], little));
    // Up to four bytes of content may stand in the tag itself, with their number in its upper half.
    let small = (first >> 16) as usize;
    if small > 0 {
        *rest = after;
        return Ok((first & 0xffff, tag.get(4..4 + small).ok_or_else(cut)?));
    }
    let n = usize::try_from(second).map_err(|_| cut())?;
    let content = after.get(..n).ok_or_else(cut)?;
    let padded = if outermost && first == MI_COMPRESSED { n } else { n.next_multiple_of(8) };
    *rest = after.get(padded..).unwrap_or(&[]);
    Ok((first, content))
}

fn word(bytes: &[u8], little: bool) -> u32 {
    let bytes: [u8; 4] = bytes.try_into().unwrap_or_default();
    if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
}

/// The content of the array in a compressed element.
fn unpacked(content: &[u8], little: bool) -> Result<Cow<'_, [u8]>, String> {
    let failed = |e: std::io::Error| format!("a compressed element is damaged ({e}); get the file again");
    let mut stream = flate2::read::ZlibDecoder::new(content);
    let mut tag = [0; 8];
    stream.read_exact(&mut tag).map_err(failed)?;
    if word(&tag[..4], little) != MI_MATRIX {
        return Ok(Cow::Borrowed(&[]));
    }
    let n = word(&tag[4..], little) as usize;
    if n > content.len().saturating_mul(MAX_RATIO) {
        return Err(format!("{} compressed bytes claim to be {n}; the file is damaged", content.len()));
    }
    let mut bytes = Vec::new();
    stream.take(n as u64).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() < n {
        return Err("a compressed element is cut short; get the file again".into());
    }
    Ok(Cow::Owned(bytes))
}

/// One array, if it is wanted.
fn matrix(mut rest: &[u8], little: bool, wanted: &[&str]) -> Result<Option<Matrix>, String> {
    if rest.is_empty() {
        return Ok(None);
    }
    let (tag, flags) = element(&mut rest, little, false)?;
    if tag != MI_UINT32 || flags.len() < 8 {
        return Err("an array has no flags; the file is damaged".into());
    }
    let flags = word(&flags[..4], little);
    let (tag, shape) = element(&mut rest, little, false)?;
    // Opaque objects of newer versions have no shape here.
    if tag != MI_INT32 {
        return Ok(None);
    }
    let (tag, name) = element(&mut rest, little, false)?;
    let name = String::from_utf8_lossy(name).into_owned();
    if tag != MI_INT8 || !wanted.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)) {
        return Ok(None);
    }
    let class = flags & 0xff;
    if class == SPARSE || !NUMERIC.contains(&class) || flags & COMPLEX != 0 {
        let what = if class == SPARSE { "sparse; write full(...)" } else { "no matrix of real numbers" };
        return Err(format!("`{name}` is {what}"));
    }
    let axes: Vec<usize> =
        shape.chunks_exact(4).map(|axis| usize::try_from(word(axis, little)).unwrap_or(usize::MAX)).collect();
    let &[n_rows, n_columns] = &axes[..] else {
        return Err(format!("`{name}` has {} axes; a table has two", axes.len()));
    };
    let n = n_rows.checked_mul(n_columns).ok_or_else(|| format!("`{name}` claims to be too large"))?;
    let (tag, content) = element(&mut rest, little, false)?;
    let cells = numbers(tag, content, little)
        .ok_or_else(|| format!("the elements of `{name}` are of an unknown type {tag}"))?;
    if cells.len() != n {
        let got = cells.len();
        return Err(format!("`{name}` claims {n_rows} x {n_columns} elements, but there are {got}"));
    }
    Ok(Some(Matrix { name, n_rows, n_columns, cells }))
}

/// Elements as they are stored, which may be in fewer bytes than their class has. Integers beyond 2^53 are rounded.
fn numbers(tag: u32, content: &[u8], little: bool) -> Option<Vec<f64>> {
    macro_rules! decode {
        ($number:ty) => {
            content
                .chunks_exact(size_of::<$number>())
                .map(|bytes| {
                    let bytes = bytes.try_into().unwrap_or_default();
                    (if little { <$number>::from_le_bytes(bytes) } else { <$number>::from_be_bytes(bytes) })
                        as f64
                })
                .collect()
        };
    }
    Some(match tag {
        1 => decode!(i8),
        2 => decode!(u8),
        3 => decode!(i16),
        4 => decode!(u16),
        5 => decode!(i32),
        6 => decode!(u32),
        7 => decode!(f32),
        9 => decode!(f64),
        12 => decode!(i64),
        13 => decode!(u64),
        _ => return None,
    })
}
