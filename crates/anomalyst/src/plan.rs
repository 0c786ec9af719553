//! How much memory and time the work will take, and how many rows may take part in a fit.
//!
//! Estimates are formulas of the data's size, never measurements, so that a plan is the same on every run.

use anomalyst_core::{AnyDetector, Error, Result, Run, Shape};

/// How one member will be fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemberPlan {
    /// Rows to fit on; fewer than there are where the full fit would break a limit.
    pub fit_rows: usize,
    /// Working memory, in bytes.
    pub bytes: u64,
    /// Single-core seconds of fitting and of scoring all rows.
    pub secs: f64,
}

/// The fewest rows that a sampled fit still makes sense on.
pub const FEWEST_ROWS: usize = 512;

/// What a member may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Rows it may learn from.
    pub most_rows: usize,
    /// The fewest that a sample may have; as many as `most_rows` where rows follow each other.
    pub fewest_rows: usize,
    /// Single-core seconds that its recipe wishes it to keep to.
    pub secs: Option<f64>,
    /// Working memory.
    pub bytes: Option<u64>,
}

/// The largest fit within `budget` and the run's time left, where all rows of `shape` are scored.
pub fn plan_member(
    detector: &dyn AnyDetector,
    shape: Shape,
    budget: Budget,
    run: &Run,
) -> Result<MemberPlan> {
    let time_left = run.time_left().map(|left| left.as_secs_f64());
    let max_secs = budget.secs.into_iter().chain(time_left).min_by(f64::total_cmp);
    let mut fit_rows = budget.most_rows;
    loop {
        let plan = estimate(detector, shape, fit_rows);
        let fits =
            max_secs.is_none_or(|max| plan.secs <= max) && budget.bytes.is_none_or(|max| plan.bytes <= max);
        if fits {
            return Ok(plan);
        }
        if fit_rows <= budget.fewest_rows {
            // A recipe's own budget is a wish; what the user said is a limit.
            return match (time_left, budget.bytes) {
                (_, Some(max)) if plan.bytes > max => {
                    Err(over(detector, "memory", &bytes_text(plan.bytes), &bytes_text(max)))
                }
                (Some(left), _) if plan.secs > left => {
                    Err(over(detector, "time", &format!("{:.1} s", plan.secs), &format!("{left:.1} s")))
                }
                _ => Ok(plan),
            };
        }
        fit_rows = (fit_rows / 2).max(budget.fewest_rows);
    }
}

fn estimate(detector: &dyn AnyDetector, shape: Shape, fit_rows: usize) -> MemberPlan {
    let estimate = detector.estimate(Shape { n_parts: fit_rows, ..shape });
    let nanos = estimate.fit_nanos + estimate.score_nanos_per_row * shape.n_parts as f64;
    MemberPlan { fit_rows, bytes: estimate.bytes, secs: nanos * 1e-9 }
}

fn over(detector: &dyn AnyDetector, what: &str, need: &str, limit: &str) -> Error {
    Error::Budget {
        what: format!("{} ({what})", detector.card().id),
        need: need.into(),
        limit: limit.into(),
        hint: "raise the limit, or choose a cheaper method such as `ecod` or `hbos`".into(),
    }
}

/// Bytes as a person reads them.
pub fn bytes_text(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.0} MB", b / 1e6),
        b if b >= 1e3 => format!("{:.0} kB", b / 1e3),
        b => format!("{b:.0} bytes"),
    }
}
