//! What a metric says about itself; every claim that a test can check is checked by the conformance suite.

use serde::Serialize;

/// The description of a metric that feeds the catalogue, the command, the reports and the tests.
#[derive(Clone, Debug, Serialize)]
pub struct MetricCard {
    /// File name, registry key, command word, name in results.
    pub id: &'static str,
    /// How the field writes it.
    pub title: &'static str,
    /// One sentence: what it measures, in words that a reader of a result needs.
    pub summary: &'static str,
    /// Authors, year, venue, DOI; for textbook measures the textbook name.
    pub paper: &'static str,
    /// The kind of labels it is made for.
    pub subject: Subject,
    /// What it cannot do without; the gate refuses what lacks it.
    pub needs: &'static [Need],
    /// Smallest and largest value; infinite where there is no bound.
    pub range: (f64, f64),
    /// Which end is good.
    pub better: Better,
    /// What a scorer that knows nothing gets, in words.
    pub random: &'static str,
    /// Its known weakness, in one sentence: when it misleads.
    pub weakness: &'static str,
    /// Whether strictly increasing transforms of the scores leave it as it is.
    pub monotone: bool,
}

/// The kind of labels a metric is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Rows, images, sessions: each normal or anomalous, in no order.
    Items,
    /// Points of a series in time order.
    Series,
    /// Maps of scores beside masks.
    Maps,
    /// Groups of items: clusters, log templates.
    Groups,
    /// Ensembles of forecasts beside what came.
    Forecasts,
}

/// Something a metric cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Normal or anomalous, for each item.
    Labels,
    /// At least one normal and one anomalous item.
    BothClasses,
    /// A score for each item.
    Scores,
    /// A probability of being anomalous for each item.
    Probabilities,
    /// A p-value for each item.
    PValues,
    /// A verdict for each item.
    Verdicts,
    /// A level of severity for each item, 0 for normal.
    Levels,
    /// The time of each point.
    Times,
    /// A group found and a true group for each item.
    Groups,
    /// A template found and a true template for each group.
    Templates,
}

impl Need {
    /// How a person calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Labels => "labels",
            Self::BothClasses => "normal and anomalous items",
            Self::Scores => "scores",
            Self::Probabilities => "probabilities",
            Self::PValues => "p-values",
            Self::Verdicts => "verdicts",
            Self::Levels => "levels of severity",
            Self::Times => "times",
            Self::Groups => "groups",
            Self::Templates => "templates",
        }
    }
}

/// Which end of a metric's range is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Neither: a plain count or rate, to be read beside another.
    Neither,
}

impl MetricCard {
    /// The best value there is, where one end is good and bounded.
    pub fn best(&self) -> Option<f64> {
        let end = match self.better {
            Better::Higher => self.range.1,
            Better::Lower => self.range.0,
            Better::Neither => return None,
        };
        end.is_finite().then_some(end)
    }
}
