//! How far values can be trusted: intervals by drawing the data again.

use anomalyst::core::{Result, Run};
use anomalyst_measure::compare::{Bootstrap, bootstrap_intervals};
use anomalyst_measure::{AnyMetric, Redraw};

use super::{EvalOptions, Judgement, reading};

/// Gives each judgement that has a value its interval, and its words anew; the metric stands beside it.
///
/// Neighbours that hang together are drawn in blocks.
pub(super) fn with_intervals<I: Redraw>(
    mut said: Vec<(Judgement, &dyn AnyMetric<I>)>,
    input: &I,
    block: Option<usize>,
    options: &EvalOptions,
    run: &Run,
) -> Result<Vec<Judgement>> {
    let metrics: Vec<&dyn AnyMetric<I>> =
        said.iter().filter(|(judgement, _)| judgement.value.is_some()).map(|(_, metric)| *metric).collect();
    if let Some(level) = options.level {
        let plan = Bootstrap { n_replicates: options.n_replicates, level, block };
        let intervals = bootstrap_intervals(input, &metrics, plan, run)?;
        let with_value = said.iter_mut().filter(|(judgement, _)| judgement.value.is_some());
        for ((judgement, _), of) in with_value.zip(intervals) {
            judgement.interval = of.map(|of| of.interval);
            judgement.reading = reading(judgement);
        }
    }
    Ok(said.into_iter().map(|(judgement, _)| judgement).collect())
}
