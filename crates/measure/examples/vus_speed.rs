//! How long both volumes under the surface take: `vus_speed FILE` with lines of `score,label`.
//!
//! golden/vus_speed.py writes such a file and times the authors' Python on it.

#![allow(clippy::print_stdout, reason = "an example that reports a time")]

use std::time::Instant;

use anomalyst_core::{Error, Result};
use anomalyst_measure::{Case, MetricExt, series};

fn main() -> Result<()> {
    let path = std::env::args().nth(1).ok_or_else(|| Error::Data("name a file of score,label".into()))?;
    let text = std::fs::read_to_string(&path).map_err(|error| Error::Data(format!("{path}: {error}")))?;
    let (mut scores, mut labels) = (Vec::new(), Vec::new());
    for (row, line) in text.lines().enumerate() {
        let parsed =
            line.split_once(',').and_then(|(s, l)| Some((s.trim().parse::<f64>().ok()?, l.trim() == "1")));
        let (score, label) = parsed.ok_or_else(|| Error::Data(format!("row {}: {line}", row + 1)))?;
        scores.push(score);
        labels.push(label);
    }
    let case = Case::new(labels).with_scores(scores)?;
    let start = Instant::now();
    let pr = series::VusPr { window_len: Some(100), ..series::VusPr::default() }.measure_on(&case)?;
    let roc = series::VusRoc { window_len: Some(100), ..series::VusRoc::default() }.measure_on(&case)?;
    println!("VUS-ROC {roc:.12}, VUS-PR {pr:.12} in {:.4} s", start.elapsed().as_secs_f64());
    Ok(())
}
