//! Series with labels, of every layout.

mod archive;
mod delimited;
mod nab;
mod parts;

use std::path::Path;

use anomalyst::core::Result;
use ndarray::Array2;

use super::{LabelledSeries, bad, text};

pub(super) use archive::{tsb_uad, ucr};
pub(super) use delimited::{skab, time_eval, tsb_ad};
pub(super) use nab::{has_entry, nab};
pub(super) use parts::{names_in_archive, smd_text, train_test};

/// A series of checked lengths.
fn series(
    path: &Path,
    cells: Vec<f64>,
    n_channels: usize,
    labels: Vec<bool>,
    train_end: usize,
) -> Result<LabelledSeries> {
    let n = labels.len();
    if n == 0 || n_channels == 0 {
        return Err(bad(path, "the series has no points or no channels"));
    }
    if train_end >= n {
        return Err(bad(path, format!("the training part of {train_end} points leaves nothing of {n}")));
    }
    let n_cells = cells.len();
    let values = Array2::from_shape_vec((n, n_channels), cells).map_err(|_| {
        bad(path, format!("{n_cells} values do not make {n} labelled points of {n_channels} channels"))
    })?;
    Ok(LabelledSeries { values, labels, train_end, times: None })
}
