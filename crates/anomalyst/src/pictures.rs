//! What a report draws: what is usual in every column, and where the rows lie.

use std::collections::BTreeMap;

use anomalyst_core::{ColumnProfile, Dataset, Notice, Notices, Result, RowMap, Run, Table};
use rand::seq::index;

use crate::pipeline::Pipeline;

/// Rows on the map besides the findings.
const MAP_ROWS: usize = 2_000;

/// Column profiles with the `flagged` rows marked, and a map of the rows with those `shown` on it.
pub(crate) fn pictures(
    pipeline: &Pipeline,
    table: &Table,
    (flagged, shown): (&[usize], &[usize]),
    notices: &Notices,
    run: &Run,
) -> Result<(Vec<ColumnProfile>, Option<RowMap>)> {
    let profiles = anomalyst_explain::profiles(table, flagged, &left_out(notices), run)?;
    Ok((profiles, Some(map(pipeline, table, shown, run)?)))
}

/// Why columns took no part, by name.
fn left_out(notices: &Notices) -> BTreeMap<String, String> {
    let about = |notice: &Notice| Some((notice.column.clone()?, notice.message.clone()));
    notices.0.iter().filter(|notice| notice.message.contains("left out")).filter_map(about).collect()
}

/// The findings and a sample of the other rows in two dimensions.
fn map(pipeline: &Pipeline, table: &Table, shown: &[usize], run: &Run) -> Result<RowMap> {
    let mut rows = shown.to_vec();
    let mut others =
        index::sample(&mut run.random(u64::MAX - 1), table.n_rows, MAP_ROWS.min(table.n_rows)).into_vec();
    others.sort_unstable();
    rows.extend(others.into_iter().filter(|row| !shown.contains(row)));
    let features = pipeline.features(&Dataset::Table(table.take(&rows)), run)?;
    let findings: Vec<usize> = (0..shown.len()).collect();
    let mut map = anomalyst_explain::row_map(&features, &findings, run)?;
    map.points.iter_mut().for_each(|point| point.row = rows[point.row]);
    Ok(map)
}
