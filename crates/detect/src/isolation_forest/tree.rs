//! One tree: what its nodes ask, and where a row goes.

use anomalyst_core::Features;

/// Trees are no deeper, so that walking both branches of every split stays bounded.
pub(super) const MAX_DEPTH: usize = 64;

/// What a node asks of a row; the answer "yes" goes left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Split {
    /// Nothing: the path ends here. `value` is its length, with the unbuilt rest of the tree counted in, or the
    /// logarithm of the density.
    Leaf { value: f32 },
    /// Is the number below the threshold?
    Below { column: u32, threshold: f32 },
    /// Is the number there at all?
    Present { column: u32 },
    /// Is the code among `levels[start..middle]`? Those that went right are `levels[middle..end]`; both are sorted.
    Levels { column: u32, start: u32, middle: u32, end: u32 },
    /// Is the weighted sum of `terms[start..end]` below the threshold?
    Plane { start: u32, end: u32, threshold: f32 },
}

/// A split, its two children at `left` and `left + 1`, and how many rows of the sample passed through it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) split: Split,
    pub(super) left: u32,
    pub(super) count: u32,
}

/// One column's part in an oblique split: `weight * (x - center)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Term {
    pub(super) column: u32,
    pub(super) weight: f32,
    pub(super) center: f32,
}

/// Children stand behind their parents; the root is node 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) terms: Vec<Term>,
    pub(super) levels: Vec<u32>,
    /// The logarithm of each node's share of the space, where leaves hold densities; else empty.
    pub(super) log_volumes: Vec<f32>,
    /// How far from its threshold each node's answer counts as a step, where that is limited; else empty.
    pub(super) reaches: Vec<f32>,
}

/// Where a row goes from a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// Nowhere: the leaf has this value.
    End(f32),
    /// To this node.
    To(usize),
    /// The value asked for is missing: to both children, in the shares of the sample.
    Both(usize),
}

impl Tree {
    /// Where row `row` of `rows` goes from node `at`.
    pub(super) fn step(&self, at: usize, rows: &Features, row: usize) -> Step {
        let node = self.nodes[at];
        let left = node.left as usize;
        let branch = |goes_right: bool| Step::To(left + usize::from(goes_right));
        match node.split {
            Split::Leaf { value } => Step::End(value),
            Split::Below { column, threshold } => {
                let value = rows.values[[row, column as usize]];
                if value.is_nan() { Step::Both(left) } else { branch(value >= threshold) }
            }
            Split::Present { column } => branch(rows.values[[row, column as usize]].is_nan()),
            Split::Levels { column, start, middle, end } => {
                let (start, middle, end) = (start as usize, middle as usize, end as usize);
                let code = code_at(rows, row, column);
                if self.levels[start..middle].binary_search(&code).is_ok() {
                    branch(false)
                } else if self.levels[middle..end].binary_search(&code).is_ok() {
                    branch(true)
                } else {
                    // What this node never met is rarer than everything it met.
                    branch(self.nodes[left + 1].count < self.nodes[left].count)
                }
            }
            Split::Plane { start, end, threshold } => {
                match project(&self.terms[start as usize..end as usize], rows, row) {
                    Some(sum) => branch(sum >= f64::from(threshold)),
                    None => Step::Both(left),
                }
            }
        }
    }

    /// Whether the number asked for at node `at` is so far from the threshold that the step does not count.
    pub(super) fn is_out_of_reach(&self, at: usize, rows: &Features, row: usize) -> bool {
        let Some(&reach) = self.reaches.get(at) else { return false };
        let (number, threshold) = match self.nodes[at].split {
            Split::Below { column, threshold } => {
                (Some(f64::from(rows.values[[row, column as usize]])), threshold)
            }
            Split::Plane { start, end, threshold } => {
                (project(&self.terms[start as usize..end as usize], rows, row), threshold)
            }
            Split::Leaf { .. } | Split::Present { .. } | Split::Levels { .. } => return false,
        };
        let above = number.map_or(0.0, |number| number - f64::from(threshold));
        above >= f64::from(reach) || above < -f64::from(reach)
    }

    pub(super) fn has_volumes(&self) -> bool {
        !self.log_volumes.is_empty()
    }

    /// What a leaf at `at`, `depth` steps below the root, holds.
    pub(super) fn leaf_value(&self, at: usize, depth: usize) -> f32 {
        let count = self.nodes[at].count;
        match self.log_volumes.get(at) {
            Some(&volume) => {
                ((f64::from(count) / f64::from(self.nodes[0].count)).ln() - f64::from(volume)) as f32
            }
            None => (depth as f64 + average_path_length(count)) as f32,
        }
    }

    /// The share of the sample that went left at the parent of `left`.
    pub(super) fn left_share(&self, left: usize) -> f64 {
        let (l, r) = (f64::from(self.nodes[left].count), f64::from(self.nodes[left + 1].count));
        l / (l + r)
    }
}

/// The code in a row; only called for trees that were grown on code columns.
pub(super) fn code_at(rows: &Features, row: usize, column: u32) -> u32 {
    rows.codes.as_ref().map_or(0, |codes| codes[[row, column as usize]])
}

/// The weighted sum of a row; what is missing counts as the node's mean. `None` if all of it is missing.
pub(super) fn project(terms: &[Term], rows: &Features, row: usize) -> Option<f64> {
    let mut sum = None;
    for term in terms {
        if let Some(part) = term.of(rows, row) {
            sum = Some(sum.unwrap_or(0.0) + part);
        }
    }
    sum
}

impl Term {
    /// This column's part in the sum of a row, unless it is missing there.
    pub(super) fn of(&self, rows: &Features, row: usize) -> Option<f64> {
        let value = rows.values[[row, self.column as usize]];
        (!value.is_nan()).then(|| f64::from(self.weight) * (f64::from(value) - f64::from(self.center)))
    }
}

/// `c(n)`: how many steps isolating a row of `n` takes on average when nothing is odd, which is the mean length
/// of an unsuccessful search in a binary search tree (equation 1 of Liu, Ting, Zhou 2008).
///
/// `c(n) = 2 H(n - 1) - 2 (n - 1) / n`, with the harmonic number itself instead of its logarithm.
pub(super) fn average_path_length(n: u32) -> f64 {
    if n < 2 {
        return 0.0;
    }
    2.0 * harmonic(n - 1) - 2.0 * f64::from(n - 1) / f64::from(n)
}

/// `1 + 1/2 + ... + 1/n`; from 16 up by the Euler-Maclaurin series, whose next term is below 1e-12 there.
fn harmonic(n: u32) -> f64 {
    if n < 16 {
        return (1..=n).rev().map(|k| 1.0 / f64::from(k)).sum();
    }
    let n = f64::from(n);
    let square = 1.0 / (n * n);
    n.ln() + std::f64::consts::EULER_GAMMA + 0.5 / n
        - square * (1.0 / 12.0 - square * (1.0 / 120.0 - square / 252.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// c(2) = 1, c(5) = 2 (1 + 1/2 + 1/3 + 1/4) - 8/5, and the sum itself for 17, 18 and 999.
    #[test]
    fn average_path_length_closed_form() {
        assert_eq!(average_path_length(0), 0.0);
        assert_eq!(average_path_length(1), 0.0);
        assert_eq!(average_path_length(2), 1.0);
        assert!((average_path_length(5) - (25.0 / 6.0 - 1.6)).abs() < 1e-14);
        for n in [16, 17, 18, 256, 999] {
            let harmonic: f64 = (1..n).map(|k| 1.0 / f64::from(k)).sum();
            let expected = 2.0 * harmonic - 2.0 * f64::from(n - 1) / f64::from(n);
            assert!((average_path_length(n) - expected).abs() < 1e-11, "{n}");
        }
    }
}
