//! NumPy arrays: `.npy`, and `.npz` with a matrix `X` and perhaps labels `y`.
//!
//! Rows are decoded some thousand at a time from all arrays together, whatever the order they are stored in, so that
//! memory stays bounded. Nothing is allocated on the word of a header alone.

mod element;
mod header;
mod stored;

use std::io::Read;
use std::sync::Arc;

use anomalyst_core::{Error, Notices, Result, Run};

use crate::Format;
use crate::block::Block;
use crate::cell::CellRules;
use crate::infer::ReadAs;
use crate::input::Input;
use crate::names::unique_names;
use crate::observe::{Declared, Observed};
use crate::source::{Blocks, FileReader, Opened};
use element::Class;
use header::Header;
use stored::{Entry, Place, Rows};

/// Cells of a block at most, unless one row has more.
const BLOCK_CELLS: usize = 512 << 10;

struct NumpyFile {
    input: Input,
    arrays: Vec<Array>,
}

/// An array that is part of the table.
#[derive(Clone, Debug)]
struct Array {
    /// Its name in the archive.
    name: String,
    place: Place,
    header: Header,
    /// How many columns it is.
    n_columns: usize,
}

/// Looks at the header of an array.
pub(crate) fn open_npy(input: &Input) -> Result<Opened> {
    let array = Array::new(input, String::new(), Place::File)?;
    opened(input, Format::Npy, vec![array], Notices::default())
}

/// Looks at the headers of the arrays in an archive.
pub(crate) fn open_npz(input: &Input) -> Result<Opened> {
    let mut archive = zip::ZipArchive::new(input.seekable()?).map_err(|e| zip_fault(input, &e))?;
    if archive.is_empty() {
        return Err(input.bad("the zip archive is empty; save arrays in it with numpy.savez"));
    }
    let mut arrays = Vec::new();
    let mut notices = Notices::default();
    for i in 0..archive.len() {
        // Raw, because the reader unpacks several arrays side by side by itself.
        let file = archive.by_index_raw(i).map_err(|e| zip_fault(input, &e))?;
        let name = file.name().map_err(|e| zip_fault(input, &e))?;
        let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else { continue };
        let entry = Entry::of(&file).map_err(|reason| input.bad(reason));
        match entry.and_then(|entry| Array::new(input, name.clone(), Place::Entry(entry))) {
            Ok(array) => arrays.push(array),
            // An archive may hold other things beside its matrix.
            Err(Error::Parse { reason, .. }) => notices.handled(Some(&name), format!("left out: {reason}")),
            Err(e) => return Err(e),
        }
    }
    let arrays = of_one_length(input, arrays, &mut notices)?;
    opened(input, Format::Npz, arrays, notices)
}

fn zip_fault(input: &Input, error: &zip::result::ZipError) -> Error {
    input.bad(format!("the zip archive is damaged or cut short ({error}); get the file again"))
}

/// The arrays that are as long as the matrix.
fn of_one_length(input: &Input, arrays: Vec<Array>, notices: &mut Notices) -> Result<Vec<Array>> {
    let list = |arrays: &[Array]| {
        let describe = |a: &Array| format!("{} {:?}", a.name, a.header.shape);
        arrays.iter().map(describe).collect::<Vec<_>>().join(", ")
    };
    let matrices: Vec<&Array> = arrays.iter().filter(|a| a.header.shape.len() == 2).collect();
    let main = arrays
        .iter()
        .find(|a| a.name.eq_ignore_ascii_case("x"))
        .or(matrices.first().copied())
        .or(arrays.first());
    let Some(main) = main else {
        let why = notices.0.first().map_or(String::new(), |n| {
            format!("; `{}`: {}", n.column.clone().unwrap_or_default(), n.message)
        });
        return Err(input.bad(format!("the archive holds no array of numbers{why}")));
    };
    let n_rows = main.n_rows();
    let is_x = main.name.eq_ignore_ascii_case("x");
    if !is_x && matrices.iter().any(|a| a.n_rows() != n_rows) {
        return Err(input.bad(format!(
            "the archive holds matrices of different lengths and none is called X: {}",
            list(&arrays)
        )));
    }
    let (fits, others): (Vec<Array>, Vec<Array>) = arrays.into_iter().partition(|a| a.n_rows() == n_rows);
    if !others.is_empty() {
        notices
            .handled(None, format!("arrays of another length than {n_rows} are left out: {}", list(&others)));
    }
    Ok(fits)
}

fn opened(input: &Input, format: Format, arrays: Vec<Array>, mut notices: Notices) -> Result<Opened> {
    input.refuse_too_wide(arrays.iter().fold(0, |n: usize, a| n.saturating_add(a.n_columns)))?;
    let mut names = Vec::new();
    let mut seen = Vec::new();
    let n_rows = arrays.first().map_or(0, Array::n_rows);
    for array in &arrays {
        let is_main = array.name.is_empty() || array.name.eq_ignore_ascii_case("x");
        if array.header.shape.len() < 2 && !array.name.is_empty() {
            names.push(array.name.clone());
        } else {
            let prefix = if is_main { "x".to_owned() } else { format!("{}_", array.name) };
            names.extend((1..=array.n_columns).map(|i| format!("{prefix}{i}")));
        }
        let declared = match array.header.element.class {
            Class::Boolean => Declared::Boolean,
            _ => Declared::Number,
        };
        seen.resize(names.len(), Observed::declared(declared));
    }
    if n_rows == 0 || names.is_empty() {
        return Err(input.bad("the array has no rows or no columns"));
    }
    let is_label =
        |a: &&Array| a.header.shape.len() == 1 && a.name.eq_ignore_ascii_case("y") && arrays.len() > 1;
    let label = arrays.iter().find(is_label).map(|a| a.name.clone());
    Ok(Opened {
        names: unique_names(names, &mut notices),
        seen,
        estimated_rows: Some(n_rows as u64),
        format: (format, format.to_string()),
        notices,
        label,
        place: "row",
        reader: Box::new(NumpyFile { input: input.clone(), arrays }),
    })
}

impl Array {
    fn new(input: &Input, name: String, place: Place) -> Result<Self> {
        let header = read_header(input, &mut place.stream(input)?, place.most_bytes(input))?;
        let n_columns = match header.shape[..] {
            [_] => 1,
            [_, n] => n,
            _ => {
                return Err(input
                    .bad(format!("an array of {} axes is no table; reshape it to two", header.shape.len())));
            }
        };
        Ok(Self { name, place, header, n_columns })
    }

    fn n_rows(&self) -> usize {
        self.header.shape.first().copied().unwrap_or(0)
    }
}

/// The header, whose claims must fit into the `n_bytes` that there are.
fn read_header(input: &Input, stream: &mut dyn Read, n_bytes: u64) -> Result<Header> {
    let fail = |e| input.failed(e);
    let mut start = vec![0; 12];
    stream.read_exact(&mut start).map_err(fail)?;
    let needs =
        Header::needs(&start).ok_or_else(|| input.bad("this is no NumPy array of format 1, 2 or 3"))?;
    let have = start.len();
    if needs > have {
        start.resize(needs, 0);
        stream.read_exact(&mut start[have..]).map_err(fail)?;
    }
    let header = Header::parse(&start).map_err(|reason| input.bad(reason))?;
    let claims = header.n_bytes().map(|n| n as u64 + header.offset as u64);
    if claims.is_none_or(|n| n > n_bytes) {
        let shape = &header.shape;
        return Err(input.bad(format!("the header claims an array of shape {shape:?}, which is more than the {n_bytes} bytes that there are; the file is damaged or cut short")));
    }
    // Axes of no length may hide claims about the others.
    if header.n_elements() == Some(0) {
        return Err(input.bad("the array has no elements"));
    }
    Ok(header)
}

impl FileReader for NumpyFile {
    fn blocks<'a>(
        &'a self,
        read_as: Arc<[ReadAs]>,
        rules: &'a CellRules,
        run: &'a Run,
    ) -> Result<Blocks<'a>> {
        let n_rows = self.arrays.first().map_or(0, Array::n_rows);
        let rows_at_once = (BLOCK_CELLS / read_as.len().max(1)).max(1);
        let mut wanted = self.wanted(&read_as, run)?;
        let stage = run.stage("reading", n_rows as u64);
        let mut first = 0;
        Ok(Box::new(std::iter::from_fn(move || {
            if first >= n_rows {
                return None;
            }
            let n = rows_at_once.min(n_rows - first);
            let block = run.check().and_then(|()| block(&mut wanted, &read_as, rules, first, n));
            // After a fault there is nothing more.
            first = if block.is_ok() { first + n } else { n_rows };
            stage.advance(n as u64);
            Some(block)
        })))
    }
}

impl NumpyFile {
    /// The arrays of which any column is read, and the position of their first column.
    fn wanted(&self, read_as: &[ReadAs], run: &Run) -> Result<Vec<(usize, Rows<'_>)>> {
        let mut wanted = Vec::new();
        let mut first = 0;
        for array in &self.arrays {
            let columns = first..first + array.n_columns;
            if read_as[columns.clone()].iter().any(|&r| r != ReadAs::Nothing) {
                wanted.push((first, Rows::new(&self.input, array.place, &array.header, run)?));
            }
            first = columns.end;
        }
        Ok(wanted)
    }
}

/// The next `n` rows of all arrays, of which `first` is the first.
fn block(
    arrays: &mut [(usize, Rows<'_>)],
    read_as: &[ReadAs],
    rules: &CellRules,
    first: usize,
    n: usize,
) -> Result<Block> {
    let mut block = Block::new(read_as);
    block.n_rows = n;
    for (first_column, rows) in arrays {
        let piece = rows.next(n)?;
        for (i, column) in block.columns.iter_mut().skip(*first_column).take(piece.n_columns()).enumerate() {
            column.cells.reserve(n);
            let mut row = first as u64;
            piece.column(i, |value| {
                row += 1;
                column.push_number(value, rules, || row);
            });
        }
    }
    Ok(block)
}

#[cfg(test)]
mod tests;
