//! The example behind the golden values; golden/ranking.py makes the same one.

use anomalyst_core::Verdict;

use crate::Case;

/// 200 items with 101 distinct scores, so nearly all are tied; 35 anomalies, 60 alarms and some abstentions.
pub(super) fn tied() -> Case {
    let scores: Vec<u32> = (0..200).map(|i| i * 7919 % 101).collect();
    let labels = scores.iter().zip(0..).map(|(&s, i)| s + i * 31 % 97 > 140).collect();
    let verdict = |&s: &u32| match s {
        71.. => Verdict::Anomalous,
        66..=70 => Verdict::Abstain,
        _ => Verdict::Normal,
    };
    let verdicts = scores.iter().map(verdict).collect();
    let scores = scores.iter().map(|&s| f64::from(s)).collect();
    Case::new(labels).with_scores(scores).and_then(|case| case.with_verdicts(verdicts)).unwrap()
}
