//! MATLAB files of level 5, as ODDS publishes its tables.

use std::io::Read;
use std::path::Path;

use anomalyst::core::{Error, Result, Table};

use super::bad;

/// Whether a file begins like MATLAB's.
pub(super) fn is_mat(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, e))?;
    file.take(8).read_to_end(&mut start).map_err(|e| Error::io(path, e))?;
    Ok(start.starts_with(b"MATLAB ") || start.starts_with(b"\x89HDF"))
}

/// The matrix `X` with the labels `y`.
pub(super) fn read(path: &Path) -> Result<Table> {
    Err(bad(path, "this layout cannot be read yet"))
}
