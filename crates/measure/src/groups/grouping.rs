//! Groups found beside true groups: the gate of the metrics of groups.

use std::collections::HashMap;
use std::hash::Hash;

use anomalyst_core::{Error, Random, Result, Run};
use rand::seq::SliceRandom;

use crate::compare::drawn_in_blocks;
use crate::{Measurable, MetricCard, Need, Redraw};

/// More items than these would make the exact counts of pairs overflow.
const MAX_ITEMS: usize = 1 << 31;

/// The group found and the true group of each item, and their templates where there are some.
///
/// Only which items share a group matters, not how the groups are called; templates are compared letter by letter.
#[derive(Clone, Debug)]
pub struct Grouping {
    groups: Pairs,
    templates: Option<Pairs>,
}

/// Two numberings of the same items and how often each pair of numbers occurs.
#[derive(Clone, Debug)]
pub(super) struct Pairs {
    found: Vec<u32>,
    truth: Vec<u32>,
    /// Found number, true number, how many items have both; sorted, so that sums are the same bits each time.
    pub(super) cells: Vec<Cell>,
    /// How many items each found number has; 0 for numbers that only the truth has.
    pub(super) found_sizes: Vec<u64>,
    /// How many items each true number has; 0 for numbers that were only found.
    pub(super) true_sizes: Vec<u64>,
}

/// Items that were found in group `found` and belong to group `truth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    pub(super) found: usize,
    pub(super) truth: usize,
    pub(super) count: u64,
}

impl Grouping {
    /// The group found and the true group of each item, by any name.
    pub fn new(found: &[String], truth: &[String]) -> Result<Self> {
        check_lens("groups", found.len(), truth.len())?;
        if found.is_empty() {
            return Err(Error::Data("there is no item to judge".into()));
        }
        if found.len() > MAX_ITEMS {
            return Err(Error::Data(format!(
                "there are {} items; the pairs of more than {MAX_ITEMS} cannot be counted exactly",
                found.len()
            )));
        }
        Ok(Self { groups: Pairs::new(numbers([found]), numbers([truth])), templates: None })
    }

    /// With the text of the template found and of the true template of each item.
    pub fn with_templates(mut self, found: Vec<String>, truth: Vec<String>) -> Result<Self> {
        check_lens("templates", found.len(), truth.len())?;
        if found.len() != self.len() {
            return Err(Error::Data(format!(
                "there are {} templates and {} items; both must be of the same items in the same order",
                found.len(),
                self.len()
            )));
        }
        let mut both = numbers([&found, &truth]);
        let truth = both.split_off(self.len());
        self.templates = Some(Pairs::new(both, truth));
        Ok(self)
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.groups.found.len()
    }

    /// Whether there is no item; never, since the gate refuses that.
    pub fn is_empty(&self) -> bool {
        self.groups.found.is_empty()
    }

    /// The groups found and the true ones.
    pub(super) fn groups(&self) -> &Pairs {
        &self.groups
    }

    /// The templates found and the true ones, numbered alike; `id` is who needs them.
    pub(super) fn templates(&self, id: &str) -> Result<&Pairs> {
        self.templates.as_ref().ok_or_else(|| missing(id, Need::Templates))
    }

    /// The same truth, with the groups and templates found dealt out to the items at random.
    pub fn shuffled(&self, random: &mut Random) -> Self {
        let mut rows: Vec<usize> = (0..self.len()).collect();
        rows.shuffle(random);
        Self {
            groups: self.groups.dealt(&rows),
            templates: self.templates.as_ref().map(|pairs| pairs.dealt(&rows)),
        }
    }

    /// The mean of `measure` over [`Grouping::shuffled`] answers; the fewer, the more items there are.
    pub(super) fn mean_over_shuffles(
        &self,
        run: &Run,
        measure: impl Fn(&Self) -> Result<f64>,
    ) -> Result<Option<f64>> {
        let n_shuffles = (200_000 / self.len()).clamp(5, 100);
        let mut total = 0.0;
        for i in 0..n_shuffles {
            run.check()?;
            total += measure(&self.shuffled(&mut run.random(i as u64)))?;
        }
        Ok(Some(total / n_shuffles as f64))
    }
}

impl Redraw for Grouping {
    fn n_units(&self) -> usize {
        self.len()
    }

    fn redrawn(&self, block: Option<usize>, random: &mut Random) -> Result<Self> {
        let rows = drawn_in_blocks(self.len(), block.unwrap_or(1), random);
        let pick = |numbers: &[u32]| -> Vec<u32> { rows.iter().map(|&row| numbers[row]).collect() };
        // Groups are numbered without gaps, whichever were drawn.
        let groups = Pairs::new(dense(&pick(&self.groups.found)), dense(&pick(&self.groups.truth)));
        let templates = self.templates.as_ref().map(|of| Pairs::new(pick(&of.found), pick(&of.truth)));
        Ok(Self { groups, templates })
    }
}

impl Measurable for Grouping {
    fn check(&self, card: &MetricCard) -> Result<()> {
        for &need in card.needs {
            let there = match need {
                Need::Groups => true,
                Need::Templates => self.templates.is_some(),
                _ => false,
            };
            if !there {
                return Err(missing(card.id, need));
            }
        }
        Ok(())
    }
}

impl Pairs {
    fn new(found: Vec<u32>, truth: Vec<u32>) -> Self {
        let mut pairs: Vec<(u32, u32)> = found.iter().copied().zip(truth.iter().copied()).collect();
        pairs.sort_unstable();
        let cells = pairs.chunk_by(|a, b| a == b).map(|same| Cell {
            found: same[0].0 as usize,
            truth: same[0].1 as usize,
            count: same.len() as u64,
        });
        let cells = cells.collect();
        let (found_sizes, true_sizes) = (sizes(&found), sizes(&truth));
        Self { found, truth, cells, found_sizes, true_sizes }
    }

    fn dealt(&self, rows: &[usize]) -> Self {
        Self::new(rows.iter().map(|&row| self.found[row]).collect(), self.truth.clone())
    }

    /// How many groups were found.
    pub(super) fn n_found(&self) -> u64 {
        self.found_sizes.iter().filter(|&&size| size > 0).count() as u64
    }

    /// How many true groups there are.
    pub(super) fn n_true(&self) -> u64 {
        self.true_sizes.iter().filter(|&&size| size > 0).count() as u64
    }

    /// The cells whose group found is exactly the true group.
    pub(super) fn exact(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| {
            self.found_sizes[cell.found] == cell.count && self.true_sizes[cell.truth] == cell.count
        })
    }
}

/// Numbers the names of all lists together, in the order of their first appearance.
fn numbers<const N: usize>(lists: [&[String]; N]) -> Vec<u32> {
    number_all(lists.into_iter().flatten())
}

/// The same numbers without gaps, in the order of their first appearance.
fn dense(numbers: &[u32]) -> Vec<u32> {
    number_all(numbers.iter())
}

fn number_all<T: Eq + Hash>(names: impl Iterator<Item = T>) -> Vec<u32> {
    let mut known: HashMap<T, u32> = HashMap::new();
    names
        .map(|name| {
            let next = known.len() as u32;
            *known.entry(name).or_insert(next)
        })
        .collect()
}

fn sizes(numbers: &[u32]) -> Vec<u64> {
    let mut sizes = vec![0; numbers.iter().max().map_or(0, |&last| last as usize + 1)];
    for &number in numbers {
        sizes[number as usize] += 1;
    }
    sizes
}

fn check_lens(what: &str, n_found: usize, n_true: usize) -> Result<()> {
    if n_found == n_true {
        return Ok(());
    }
    Err(Error::Data(format!(
        "there are {n_found} {what} found and {n_true} true ones; both must be of the same items in the same order"
    )))
}

fn missing(id: &str, need: Need) -> Error {
    Error::Data(format!("{id} needs {}, and there are none", need.as_str()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::groups) fn names(ids: impl IntoIterator<Item = usize>) -> Vec<String> {
        ids.into_iter().map(|id| id.to_string()).collect()
    }

    pub(in crate::groups) fn grouping(found: &[usize], truth: &[usize]) -> Grouping {
        Grouping::new(&names(found.iter().copied()), &names(truth.iter().copied())).unwrap()
    }

    /// As groups and as templates.
    pub(in crate::groups) fn with_templates(found: &[usize], truth: &[usize]) -> Grouping {
        let (f, t) = (names(found.iter().copied()), names(truth.iter().copied()));
        grouping(found, truth).with_templates(f, t).unwrap()
    }

    /// What golden/groups.py computes the golden values of: some groups split, some merged, some exact, templates
    /// right and wrong; one group found; each item alone; a mix by chance.
    pub(in crate::groups) fn fixtures() -> [Grouping; 4] {
        let truth: Vec<usize> = (0..400).map(|i| (i * i + 3 * i) % 23 % 12).collect();
        let split = |i: usize, t: usize| match t {
            2 | 5 => 2,
            7 => 20 + i % 3,
            9 if i.is_multiple_of(9) => 1,
            11 => 40,
            t => t,
        };
        let found: Vec<usize> = truth.iter().enumerate().map(|(i, &t)| split(i, t)).collect();
        let chance: Vec<usize> = (0..400).map(|i| (i * 7 + i * i / 5) % 17).collect();
        [
            with_templates(&found, &truth),
            with_templates(&[4; 400], &truth),
            with_templates(&(0..400).collect::<Vec<_>>(), &truth),
            with_templates(&chance, &truth),
        ]
    }

    /// Compares values on [`fixtures`] with the reference's; the sums are the same in another order, hence 1e-12.
    pub(in crate::groups) fn assert_golden(want: [f64; 4], value: impl Fn(&Grouping) -> f64) {
        for (i, (grouping, want)) in fixtures().iter().zip(want).enumerate() {
            let got = value(grouping);
            assert!((got - want).abs() <= 1e-12, "fixture {i}: {got}, the reference says {want}");
        }
    }

    #[test]
    fn the_gate_names_what_is_wrong() {
        let refused = |result: Result<Grouping>| result.unwrap_err().to_string();
        assert!(refused(Grouping::new(&names([1]), &names([1, 2]))).contains("1 groups found and 2 true"));
        assert!(refused(Grouping::new(&[], &[])).contains("no item"));
        let two = || grouping(&[1, 2], &[1, 1]);
        assert!(refused(two().with_templates(names([1]), names([1]))).contains("1 templates and 2 items"));
        assert!(refused(two().with_templates(names([1, 2]), names([1]))).contains("2 templates found"));
    }

    #[test]
    fn cells_count_what_falls_together() {
        let grouping = grouping(&[5, 5, 3, 3, 3], &[1, 2, 2, 2, 2]);
        let cells: Vec<(usize, usize, u64)> =
            grouping.groups().cells.iter().map(|cell| (cell.found, cell.truth, cell.count)).collect();
        assert_eq!(cells, [(0, 0, 1), (0, 1, 1), (1, 1, 3)]);
        assert_eq!((grouping.groups().n_found(), grouping.groups().n_true()), (2, 2));
        let dealt = grouping.shuffled(&mut Run::new(1).random(0));
        assert_eq!(dealt.groups().found_sizes, [2, 3]);
        assert_eq!(dealt.groups().true_sizes, [1, 4]);
        // Each draw of five has both true groups or one; whatever it has, numbers stay without gaps.
        for i in 0..50 {
            let redrawn = grouping.redrawn(None, &mut Run::new(1).random(i)).unwrap();
            let groups = redrawn.groups();
            assert_eq!(redrawn.len(), 5);
            assert!(groups.found_sizes.iter().chain(&groups.true_sizes).all(|&size| size > 0));
        }
    }
}
