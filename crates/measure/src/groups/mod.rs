//! Metrics of groups of items: clusters of anomalies, templates of log lines. One file each.

mod ari;
mod clustering_f1;
mod fga;
mod fta;
mod grouping_accuracy;
mod hungarian;
mod nmi;
mod parsing_accuracy;

use anomalyst_core::{Error, Random, Result, Run};
use rand::seq::SliceRandom;

use crate::{Measurable, MetricCard, Need};

crate::metric::metrics! {
    Grouping;
    ari::Ari,
    clustering_f1::ClusteringF1,
    fga::Fga,
    fta::Fta,
    grouping_accuracy::GroupingAccuracy,
    nmi::Nmi,
    parsing_accuracy::ParsingAccuracy,
}

/// The group found and the true group of each item, with the texts of the groups where they are log templates.
#[derive(Clone, Debug, Default)]
pub struct Grouping {
    found: Vec<u32>,
    truth: Vec<u32>,
    texts: Option<[Vec<String>; 2]>,
}

/// How many items each pair of groups shares, groups numbered from 0 in the order of their names.
pub(crate) struct Table {
    /// Group found, true group, items in both; only where there are some.
    cells: Vec<(usize, usize, usize)>,
    found_sizes: Vec<usize>,
    true_sizes: Vec<usize>,
}

impl Grouping {
    /// Items by group found and true group; the numbers are names only.
    pub fn new(found: Vec<u32>, truth: Vec<u32>) -> Result<Self> {
        if found.len() != truth.len() {
            return Err(Error::Data(format!(
                "there are {} groups found and {} true ones; both must be of the same items in the same order",
                found.len(),
                truth.len()
            )));
        }
        Ok(Self { found, truth, texts: None })
    }

    /// With the template of each group: entry `g` is that of group `g`.
    pub fn with_texts(mut self, found: Vec<String>, truth: Vec<String>) -> Result<Self> {
        for (what, groups, texts) in [("found", &self.found, &found), ("true", &self.truth, &truth)] {
            if let Some(group) = groups.iter().find(|group| **group as usize >= texts.len()) {
                return Err(Error::Data(format!(
                    "there is no template of the {what} group {group}; there are {} templates, counted from 0",
                    texts.len()
                )));
            }
        }
        self.texts = Some([found, truth]);
        Ok(self)
    }

    /// How many items there are.
    pub const fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether there is no item.
    pub const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The same groups found, dealt out at random over the items.
    pub fn shuffled(&self, random: &mut Random) -> Self {
        let mut dealt = self.clone();
        dealt.found.shuffle(random);
        dealt
    }

    /// The mean of `measure` over [`Grouping::shuffled`]; fewer shuffles where there are many items.
    pub(crate) fn mean_over_shuffles(
        &self,
        run: &Run,
        measure: impl Fn(&Self) -> Result<f64>,
    ) -> Result<f64> {
        let n_shuffles = (200_000 / self.len().max(1)).clamp(5, 100);
        let mut total = 0.0;
        for i in 0..n_shuffles {
            run.check()?;
            total += measure(&self.shuffled(&mut run.random(i as u64)))?;
        }
        Ok(total / n_shuffles as f64)
    }

    /// Text found and true text of each item; none without texts.
    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().flat_map(|[found, truth]| {
            let items = self.found.iter().zip(&self.truth);
            items.map(|(&f, &t)| (found[f as usize].as_str(), truth[t as usize].as_str()))
        })
    }

    fn table(&self) -> Table {
        let (found, found_sizes) = numbered(&self.found);
        let (truth, true_sizes) = numbered(&self.truth);
        let mut pairs: Vec<(usize, usize)> = found.into_iter().zip(truth).collect();
        pairs.sort_unstable();
        let cells = pairs.chunk_by(|a, b| a == b).map(|run| (run[0].0, run[0].1, run.len())).collect();
        Table { cells, found_sizes, true_sizes }
    }
}

impl Table {
    /// Groups found that are the same set as a true group.
    fn same(&self) -> impl Iterator<Item = &(usize, usize, usize)> {
        self.cells.iter().filter(|&&(f, t, both)| both == self.found_sizes[f] && both == self.true_sizes[t])
    }
}

impl Measurable for Grouping {
    fn check(&self, card: &MetricCard) -> Result<()> {
        if self.is_empty() {
            return Err(Error::Data(format!("{}: there is no item to judge", card.id)));
        }
        for &need in card.needs {
            let there = match need {
                Need::Groups => true,
                Need::Templates => self.texts.is_some(),
                _ => false,
            };
            if !there {
                return Err(Error::Data(format!("{} needs {}, and there are none", card.id, need.as_str())));
            }
        }
        Ok(())
    }
}

/// Groups numbered from 0, and their sizes.
fn numbered(groups: &[u32]) -> (Vec<usize>, Vec<usize>) {
    let mut names = groups.to_vec();
    names.sort_unstable();
    let sizes = names.chunk_by(|a, b| a == b).map(<[u32]>::len).collect();
    names.dedup();
    (groups.iter().map(|group| names.partition_point(|name| name < group)).collect(), sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of golden/groups.py.
    pub(super) fn parsed() -> Grouping {
        let words = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Grouping::new(vec![0, 0, 0, 1, 1, 2, 3, 3, 4, 4, 5], vec![0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5])
            .unwrap()
            .with_texts(
                words(&["a <*>", "b <*>", "b c", "d", "e <*>", "f"]),
                words(&["a <*>", "b <*>", "d x", "e <*>", "g", "f"]),
            )
            .unwrap()
    }

    #[test]
    fn the_gate_names_what_is_missing() {
        assert!(Grouping::new(vec![0], vec![]).is_err());
        let bare = Grouping::new(vec![0, 3], vec![0, 0]).unwrap();
        let error = bare.with_texts(vec![String::new()], vec![String::new()]).unwrap_err().to_string();
        assert!(error.contains("found group 3"), "{error}");
    }
}
