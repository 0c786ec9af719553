//! What the levels of a label column say about their rows.

use anomalyst_core::{Error, Label, Notices, Result};

const NORMAL: [&str; 14] = [
    "0",
    "false",
    "no",
    "n",
    "normal",
    "inlier",
    "ok",
    "good",
    "benign",
    "legit",
    "legitimate",
    "negative",
    "nominal",
    "regular",
];
const ANOMALOUS: [&str; 22] = [
    "1",
    "true",
    "yes",
    "y",
    "anomaly",
    "anomalous",
    "anomalies",
    "outlier",
    "outliers",
    "attack",
    "abnormal",
    "fraud",
    "fraudulent",
    "malicious",
    "malware",
    "bad",
    "defect",
    "defective",
    "noise",
    "intrusion",
    "positive",
    "novelty",
];

/// How levels become labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LabelRule {
    /// Every level is a known word.
    #[default]
    Words,
    /// Normal rows are marked as such; every other level is a kind of anomaly.
    OthersAnomalous,
    /// Anomalies are marked as such; every other level is a kind of normal.
    OthersNormal,
}

impl LabelRule {
    /// The rule that gives every level a meaning.
    pub(crate) fn of<'a>(
        column: &str,
        levels: impl Iterator<Item = &'a str> + Clone,
        notices: &mut Notices,
    ) -> Result<Self> {
        let known = |label| levels.clone().filter(move |l| word(l) == Some(label)).count();
        let (n_normal, n_anomalous) = (known(Label::Normal), known(Label::Anomalous));
        let unknown: Vec<&str> = levels.clone().filter(|l| word(l).is_none()).collect();
        let shown = || {
            let more = if unknown.len() > 8 { ", ..." } else { "" };
            format!("`{}`{more}", unknown[..unknown.len().min(8)].join("`, `"))
        };
        // Numbers other than 0 and 1 are classes or codes; which of them are anomalies is a guess.
        let are_words = unknown.iter().all(|l| l.parse::<f64>().is_err());
        if unknown.is_empty() {
            return Ok(Self::Words);
        }
        if are_words && n_normal > 0 && n_anomalous == 0 {
            notices.info(
                Some(column),
                format!(
                    "labels {} are taken as kinds of anomaly, because others say that a row is normal",
                    shown()
                ),
            );
            return Ok(Self::OthersAnomalous);
        }
        if are_words && n_anomalous > 0 && n_normal == 0 {
            notices.info(
                Some(column),
                format!(
                    "labels {} are taken as kinds of normal, because others say that a row is anomalous",
                    shown()
                ),
            );
            return Ok(Self::OthersNormal);
        }
        Err(Error::Data(format!(
            "column `{column}` cannot be the label: {} neither says normal nor anomalous; write 0 or normal, 1 or anomaly, or nothing where it is unknown",
            shown()
        )))
    }

    /// What `level` says; `None` where the rule has no answer.
    pub(crate) fn label(self, level: &str) -> Option<Label> {
        word(level).or(match self {
            Self::Words => None,
            Self::OthersAnomalous => Some(Label::Anomalous),
            Self::OthersNormal => Some(Label::Normal),
        })
    }
}

/// What a word says of its row: 0 and normal and the like, 1 and anomaly and the like.
pub fn word(level: &str) -> Option<Label> {
    let level = level.trim().trim_end_matches('.');
    let level = level.strip_suffix(".0").unwrap_or(level);
    let is = |words: &[&str]| words.iter().any(|w| w.eq_ignore_ascii_case(level));
    if is(&NORMAL) {
        Some(Label::Normal)
    } else if is(&ANOMALOUS) {
        Some(Label::Anomalous)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(levels: &[&str]) -> Result<LabelRule> {
        LabelRule::of("y", levels.iter().copied(), &mut Notices::default())
    }

    #[test]
    fn words_of_both_kinds() {
        for levels in [["0", "1"], ["False", "TRUE"], ["normal", "attack"], ["0.0", "1.0"], ["no", "yes"]] {
            let rule = rule(&levels).unwrap();
            assert_eq!(
                levels.map(|l| rule.label(l).unwrap()),
                [Label::Normal, Label::Anomalous],
                "{levels:?}"
            );
        }
        assert_eq!(rule(&["1"]).unwrap(), LabelRule::Words);
    }

    #[test]
    fn one_side_named() {
        assert_eq!(rule(&["normal.", "smurf.", "neptune."]).unwrap().label("smurf."), Some(Label::Anomalous));
        assert_eq!(rule(&["Noise", "Cluster1"]).unwrap().label("Cluster1"), Some(Label::Normal));
    }

    #[test]
    fn classes_are_refused_by_name() {
        for levels in [&["1", "2", "3"][..], &["-1", "1"], &["red", "green"]] {
            assert!(
                rule(levels)
                    .unwrap_err()
                    .to_string()
                    .contains(levels[levels.len() - 2].trim_start_matches('1'))
            );
        }
    }
}
