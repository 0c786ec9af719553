//! Which of a pool of made anomalies are worth learning from.

use anomalyst_core::{Dataset, Error, Handles, Label, Notices, Result, Run, Table, Wants};
use anomalyst_synth::{ExpectedAnomalyPosterior, Rows};

use crate::options::Options;
use crate::pipeline::Pipeline;
use crate::registry::{self, Task};

/// Detectors learn from at least so many rows of a subset, where there are as many.
const FEWEST_ROWS: usize = 30;

/// The quality of each row of `pool` beside the normal rows of `data`, from 0 to 1, by the method of `options`; rows of
/// `data` that are labelled anomalous count as known anomalies. `pool` has the columns of `data`.
pub fn judge(
    data: &Table,
    pool: &Table,
    params: &ExpectedAnomalyPosterior,
    options: &Options,
    run: &Run,
) -> Result<(Vec<f64>, Notices)> {
    let recipe = options.recipe(Task::Fit)?;
    let is_known = |row: usize| data.labels.as_ref().is_some_and(|labels| labels[row] == Label::Anomalous);
    let (known, normal): (Vec<usize>, Vec<usize>) = (0..data.n_rows).partition(|&row| is_known(row));
    let (known, normal) = (Dataset::Table(data.take(&known)), data.take(&normal));
    if pool.n_rows == 0 {
        return Err(Error::TooFewItems { what: "the pool".into(), got: 0, need: 1 });
    }
    // Distances need complete rows of numbers, whatever the method takes.
    let entry = registry::encoder("table")?;
    let wants = Wants { missing: Handles::Refuses, codes: Handles::Refuses };
    let of_normal = Dataset::Table(normal);
    let encoder = (entry.from_json)(&anomalyst_core::serde_json::json!({}))?;
    let (encoder, mut notices) = encoder.fit(&of_normal, wants, run)?;
    let Dataset::Table(normal) = of_normal else { return Err(Error::Data("not a table".into())) };
    let features = |data: &Dataset| -> Result<_> { Ok(encoder.encode(data, run)?.features.values) };
    let pool = Dataset::Table(pool.clone());
    let encoded = encoder.encode(&pool, run)?;
    notices.extend(encoded.notices);
    options.accept(&notices)?;
    let (normal_values, known) = (features(&Dataset::Table(normal.clone()))?, features(&known)?);
    let rows =
        Rows { normal: normal_values.view(), known: known.view(), pool: encoded.features.values.view() };
    let params =
        ExpectedAnomalyPosterior { min_rows: params.min_rows.max(FEWEST_ROWS).min(normal.n_rows), ..*params };
    let scorer = |rows: &[usize]| {
        let (pipeline, report) = Pipeline::fit(&recipe, &Dataset::Table(normal.take(rows)), run)?;
        Ok((report.scores, pipeline.score(&pool, run)?.0))
    };
    Ok((anomalyst_synth::judge(&rows, &params, &scorer, run)?, notices))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::{Column, ColumnData, ColumnKind};
    use std::sync::Arc;

    /// `n` rows of two related numbers and a category that goes with them, moved by `(x, y)`.
    fn table(n: usize, (x, y): (f64, f64), seed: u64) -> Table {
        let noise = anomalyst_testkit::normal_rows(n, 2, seed);
        let of = |j: usize, by: f64| noise.column(j).iter().map(|&v| f64::from(v) + by).collect::<Vec<_>>();
        let number = |name: &str, cells| Column {
            name: name.into(),
            kind: ColumnKind::Number,
            data: ColumnData::Numbers(cells),
        };
        let codes = (0..n).map(|i| (i % 3) as u32).collect();
        let levels = Arc::new(vec!["a".into(), "b".into(), "c".into()]);
        let level = Column {
            name: "c".into(),
            kind: ColumnKind::Category,
            data: ColumnData::Codes { codes, levels },
        };
        Table::new(vec![number("x", of(0, x)), number("y", of(1, y)), level]).unwrap()
    }

    /// Rows like the normal ones and rows a hundred deviations away are worse than rows four deviations away.
    #[test]
    fn both_sorts_of_bad_rows_are_worse() {
        let run = Run::new(1);
        let options = Options { method: "k_nearest_neighbors".into(), ..Options::default() };
        let params = ExpectedAnomalyPosterior { n_subsets: 20, ..ExpectedAnomalyPosterior::default() };
        let mean = |pool: &Table| {
            let quality = judge(&table(300, (0.0, 0.0), 1), pool, &params, &options, &run).unwrap().0;
            quality.iter().sum::<f64>() / quality.len() as f64
        };
        let (alike, good, absurd) = (
            mean(&table(40, (0.0, 0.0), 2)),
            mean(&table(40, (4.0, 0.0), 3)),
            mean(&table(40, (100.0, -100.0), 4)),
        );
        assert!(good > 2.0 * alike && good > 10.0 * absurd, "{alike} {good} {absurd}");
    }

    #[test]
    fn wrong_names_and_empty_pools_are_said() {
        let (data, run) = (table(50, (0.0, 0.0), 1), Run::new(0));
        let of = |pool: &Table, method: &str| {
            let options = Options { method: method.into(), ..Options::default() };
            judge(&data, pool, &ExpectedAnomalyPosterior::default(), &options, &run).unwrap_err().to_string()
        };
        assert!(of(&data.take(&[]), "ecod").contains("pool"));
        assert!(of(&data, "ecot").contains("ecod"));
    }
}
