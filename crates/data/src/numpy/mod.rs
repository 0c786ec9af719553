//! NumPy arrays: `.npy`, and `.npz` with a matrix `X` and perhaps labels `y`.
//!
//! Arrays are decoded column by column into memory, because those in Fortran order hold the first row only at the
//! end of their first column, and so on. Nothing is allocated on the word of a header alone.

mod header;

use std::io::Read;
use std::sync::Arc;

use anomalyst_core::{Error, Notices, Result, Run};

use crate::Format;
use crate::block::{Block, Value};
use crate::cell::CellRules;
use crate::infer::ReadAs;
use crate::input::Input;
use crate::names::unique_names;
use crate::observe::{Declared, Observed};
use crate::source::{Blocks, FileReader, Opened};
use header::{Class, Header};

/// Bytes that are decoded at a time.
const CHUNK: usize = 1 << 20;
/// Deflate cannot shrink data by more than this factor (1032, rounded up), so that a larger claim is a lie.
const MAX_RATIO: u64 = 1100;

struct NumpyFile {
    input: Input,
    is_archive: bool,
    arrays: Vec<Array>,
}

/// An array that is part of the table.
#[derive(Clone, Debug)]
struct Array {
    /// Its name in the archive.
    name: String,
    header: Header,
    /// How many columns it is.
    n_columns: usize,
}

/// Looks at the header of an array.
pub(crate) fn open_npy(input: &Input) -> Result<Opened> {
    let header = read_header(input, &mut input.stream()?, input.n_bytes)?;
    let array = Array::new(input, String::new(), header)?;
    opened(input, false, vec![array], Notices::default())
}

/// Looks at the headers of the arrays in an archive.
pub(crate) fn open_npz(input: &Input) -> Result<Opened> {
    let mut archive = zip::ZipArchive::new(input.seekable()?).map_err(|e| zip_fault(input, &e))?;
    let mut arrays = Vec::new();
    let mut notices = Notices::default();
    for i in 0..archive.len() {
        let mut file = archive.by_index(i).map_err(|e| zip_fault(input, &e))?;
        let name = file.name().map_err(|e| zip_fault(input, &e))?;
        let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else { continue };
        let size = file.size().min(file.compressed_size().saturating_mul(MAX_RATIO));
        let array = read_header(input, &mut file, size).and_then(|h| Array::new(input, name.clone(), h));
        match array {
            Ok(array) => arrays.push(array),
            // An archive may hold other things beside its matrix.
            Err(Error::Parse { reason, .. }) => notices.handled(Some(&name), format!("left out: {reason}")),
            Err(e) => return Err(e),
        }
    }
    let arrays = of_one_length(input, arrays, &mut notices)?;
    opened(input, true, arrays, notices)
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

fn opened(input: &Input, is_archive: bool, arrays: Vec<Array>, mut notices: Notices) -> Result<Opened> {
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
    let format = if is_archive { Format::Npz } else { Format::Npy };
    Ok(Opened {
        names: unique_names(names, &mut notices),
        seen,
        estimated_rows: Some(n_rows as u64),
        format: (format, format.to_string()),
        notices,
        label,
        place: "row",
        reader: Box::new(NumpyFile { input: input.clone(), is_archive, arrays }),
    })
}

impl Array {
    fn new(input: &Input, name: String, header: Header) -> Result<Self> {
        let n_columns = match header.shape[..] {
            [_] => 1,
            [_, n] => n,
            _ => {
                return Err(input
                    .bad(format!("an array of {} axes is no table; reshape it to two", header.shape.len())));
            }
        };
        Ok(Self { name, header, n_columns })
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
        let mut done = false;
        Ok(Box::new(std::iter::from_fn(move || {
            (!std::mem::replace(&mut done, true)).then(|| self.block(&read_as, rules, run))
        })))
    }
}

impl NumpyFile {
    fn block(&self, read_as: &[ReadAs], rules: &CellRules, run: &Run) -> Result<Block> {
        let mut block = Block::new(read_as);
        let stage = run.stage("reading", self.input.n_bytes);
        let mut first = 0;
        for array in &self.arrays {
            let columns = first..first + array.n_columns;
            first = columns.end;
            if read_as[columns.clone()].iter().all(|&r| r == ReadAs::Nothing) {
                continue;
            }
            let mut pushed = Columns { block: &mut block, first: columns.start, rules };
            if self.is_archive {
                let mut archive =
                    zip::ZipArchive::new(self.input.seekable()?).map_err(|e| zip_fault(&self.input, &e))?;
                let name = format!("{}.npy", array.name);
                let mut file = archive.by_name(&name).map_err(|e| zip_fault(&self.input, &e))?;
                self.decode(array, &mut file, &mut pushed, run)?;
            } else {
                self.decode(array, &mut self.input.stream()?, &mut pushed, run)?;
            }
        }
        stage.advance(self.input.n_bytes);
        block.n_rows = self.arrays.first().map_or(0, Array::n_rows);
        Ok(block)
    }

    /// Decodes one array from the start of its file.
    fn decode(&self, array: &Array, stream: &mut dyn Read, out: &mut Columns<'_>, run: &Run) -> Result<()> {
        let fail = |e| self.input.failed(e);
        std::io::copy(&mut stream.take(array.header.offset as u64), &mut std::io::sink()).map_err(fail)?;
        let size = array.header.element.size;
        let mut left = array.header.n_bytes().unwrap_or(0);
        let mut chunk = vec![0; CHUNK.min(left)];
        let (n_rows, n_columns) = (array.n_rows(), array.n_columns);
        let (mut row, mut column) = (0, 0);
        while left > 0 {
            run.check()?;
            let n = (chunk.len() / size * size).min(left);
            stream.read_exact(&mut chunk[..n]).map_err(fail)?;
            left -= n;
            array.header.element.decode(&chunk[..n], |value| {
                out.push(column, value, row);
                if array.header.fortran {
                    row += 1;
                    if row == n_rows {
                        (row, column) = (0, column + 1);
                    }
                } else {
                    column += 1;
                    if column == n_columns {
                        (row, column) = (row + 1, 0);
                    }
                }
            });
        }
        Ok(())
    }
}

/// The columns that an array is.
struct Columns<'a> {
    block: &'a mut Block,
    first: usize,
    rules: &'a CellRules,
}

impl Columns<'_> {
    fn push(&mut self, column: usize, value: f64, row: usize) {
        if let Some(column) = self.block.columns.get_mut(self.first + column) {
            let value = if value.is_nan() { Value::Missing } else { Value::Number(value) };
            column.push(value, self.rules, || row as u64 + 1);
        }
    }
}

#[cfg(test)]
mod tests;
