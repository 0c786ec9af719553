//! Paired tests of scorers on the same labels.

use anomalyst::core::Result;
use anomalyst_measure::compare::{self, DeLong};
use anomalyst_measure::{Case, Subject};
use serde::Serialize;

use super::Judged;

/// Two scorers on the same labels.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The metric compared.
    pub metric: &'static str,
    /// The test.
    pub test: &'static str,
    /// The scorers.
    pub scorers: [String; 2],
    /// The value of the first less that of the second.
    pub difference: f64,
    /// Probability of a difference at least as large if they were equally good, adjusted by Holm for all pairs
    /// compared by this metric.
    pub p_value: f64,
}

/// A difference and its p-value before Holm.
struct Paired {
    difference: f64,
    p_value: f64,
}

/// DeLong's test of each pair of scorers of items.
pub(super) fn of_cases(subject: Subject, scorers: &[(String, Case)]) -> Result<Vec<Comparison>> {
    let ranked: Vec<&(String, Case)> = scorers.iter().filter(|(_, case)| !case.scores().is_empty()).collect();
    let both_classes = |case: &Case| (1..case.len()).contains(&case.n_odd());
    // Points of series hang together, which the test does not allow for.
    if ranked.len() < 2 || subject == Subject::Series || !both_classes(&ranked[0].1) {
        return Ok(Vec::new());
    }
    let scores: Vec<&[f64]> = ranked.iter().map(|(_, case)| case.scores()).collect();
    let delong = DeLong::new(ranked[0].1.labels(), &scores)?;
    let names: Vec<&str> = ranked.iter().map(|(name, _)| name.as_str()).collect();
    pairs("auroc", "DeLong", &names, |first, second| {
        let test = delong.test(first, second)?;
        Ok(Paired { difference: test.difference, p_value: test.p_value })
    })
}

/// Wilcoxon's test of each pair of scorers by the parts of every metric whose parts are independent, such as images.
pub(super) fn of_parts(scorers: &[Judged]) -> Result<Vec<Comparison>> {
    let names: Vec<&str> = scorers.iter().map(|judged| judged.scorer.as_str()).collect();
    let mut all = Vec::new();
    for judgement in scorers.iter().take(1).flat_map(|first| &first.metrics) {
        let same = |judged: &Judged| {
            let found = judged.metrics.iter().find(|other| other.metric == judgement.metric)?;
            found.independent_parts.clone()
        };
        let Some(parts) = scorers.iter().map(same).collect::<Option<Vec<Vec<f64>>>>() else { continue };
        all.extend(pairs(judgement.metric, "Wilcoxon", &names, |first, second| {
            let differences: Vec<f64> = parts[first].iter().zip(&parts[second]).map(|(a, b)| a - b).collect();
            let finite = || differences.iter().copied().filter(|d| d.is_finite());
            Ok(Paired {
                difference: finite().sum::<f64>() / finite().count().max(1) as f64,
                p_value: compare::wilcoxon(&differences).p_value,
            })
        })?);
    }
    Ok(all)
}

fn pairs(
    metric: &'static str,
    test: &'static str,
    names: &[&str],
    paired: impl Fn(usize, usize) -> Result<Paired>,
) -> Result<Vec<Comparison>> {
    let mut found = Vec::new();
    for first in 0..names.len() {
        for second in first + 1..names.len() {
            let Paired { difference, p_value } = paired(first, second)?;
            let scorers = [names[first].to_owned(), names[second].to_owned()];
            found.push(Comparison { metric, test, scorers, difference, p_value });
        }
    }
    let adjusted = compare::holm(&found.iter().map(|of| of.p_value).collect::<Vec<_>>());
    found.iter_mut().zip(adjusted).for_each(|(of, p_value)| of.p_value = p_value);
    Ok(found)
}
