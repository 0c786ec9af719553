//! What the models that are about as good as the best disagree about, from a table.

use anomalyst_core::{Notices, Result, Run, SourceSummary};
use anomalyst_decide::multiplicity::{Multiplicity, RiskRanges};
use anomalyst_explain::{InteractionRanges, Interactions};
use serde::Serialize;

use crate::labelled::{Labelled, fit_numbers, numbers};
use crate::options::Input;

/// Ranges of risk by row.
#[derive(Clone, Debug, Serialize)]
pub struct RangesReport {
    /// The ranges; `row` is the position in the whole table.
    pub ranges: RiskRanges,
    /// What a person calls each of those rows.
    pub items: Vec<String>,
    /// Rows with a label.
    pub n_labelled: usize,
    /// What was read.
    pub source: SourceSummary,
    /// What was noticed.
    pub notices: Notices,
}

/// Ranges of interactions by pair of features.
#[derive(Clone, Debug, Serialize)]
pub struct InteractionsReport {
    /// The ranges; features are positions in `names`.
    pub ranges: InteractionRanges,
    /// What a person calls each feature.
    pub names: Vec<String>,
    /// Rows that the models were fitted on.
    pub n_labelled: usize,
    /// What was read.
    pub source: SourceSummary,
    /// What was noticed.
    pub notices: Notices,
}

/// How far the risk of each labelled row of `input` can differ between competing models.
pub fn risk_ranges(input: Input, options: &Multiplicity, strict: bool, run: &Run) -> Result<RangesReport> {
    let Input { table, mut notices, source, .. } = input;
    let labelled = Labelled::of(&table, &mut notices)?;
    let (encoder, noticed) = fit_numbers(&labelled.table, run)?;
    notices.extend(noticed);
    if strict {
        notices.refuse_handled()?;
    }
    let x = numbers(&encoder, &labelled.table, run)?.x;
    let mut ranges = options.ranges(&x, &labelled.anomalous, run)?;
    let n_labelled = labelled.anomalous.len();
    if ranges.rows.len() < n_labelled {
        notices.info(
            None,
            format!(
                "{} of {n_labelled} rows, drawn by the seed, got a range; --max-rows gives more",
                ranges.rows.len()
            ),
        );
    }
    ranges.rows.iter_mut().for_each(|range| range.row = labelled.rows[range.row]);
    let items = ranges.rows.iter().map(|range| table.row_name(range.row)).collect();
    Ok(RangesReport { ranges, items, n_labelled, source, notices })
}

/// How strongly pairs of features act together over competing models.
pub fn interactions(
    input: Input,
    options: &Interactions,
    strict: bool,
    run: &Run,
) -> Result<InteractionsReport> {
    let Input { table, mut notices, source, .. } = input;
    let labelled = Labelled::of(&table, &mut notices)?;
    let (encoder, noticed) = fit_numbers(&labelled.table, run)?;
    notices.extend(noticed);
    if strict {
        notices.refuse_handled()?;
    }
    let numbers = numbers(&encoder, &labelled.table, run)?;
    let ranges = options.pairs(&numbers.x, &labelled.anomalous, &numbers.columns, run)?;
    if ranges.features.len() < numbers.names.len() {
        notices.info(
            None,
            format!(
                "the {} features with the largest single effects of {} were paired",
                ranges.features.len(),
                numbers.names.len()
            ),
        );
    }
    Ok(InteractionsReport {
        ranges,
        names: numbers.names,
        n_labelled: labelled.anomalous.len(),
        source,
        notices,
    })
}
