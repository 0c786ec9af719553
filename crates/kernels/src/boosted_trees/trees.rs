//! Trees as flat lists: how they score, and how they are saved and read back from a file that may be hostile.

use std::ops::Range;

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};
use forust_ml::tree::Tree;

/// The deepest tree that is read back with what Shapley values need: they walk down one call a level.
const DEEPEST: u32 = 1_024;

/// A sum of trees. Of a node that splits, `left` and `left + 1` are the children; of a leaf `left` is 0, which no node
/// has as its child.
pub struct Trees {
    pub(super) base: f64,
    /// Nodes of each tree.
    pub(super) sizes: Vec<u32>,
    pub(super) nodes: Vec<Node>,
    /// The curvature of the training rows that came to a node; none where nothing is to be explained.
    pub(super) covers: Vec<f32>,
}

#[derive(Clone, Copy)]
pub(super) struct Node {
    /// From here on values go right; of a leaf what it adds.
    pub(super) number: f32,
    pub(super) column: u32,
    pub(super) left: u32,
    pub(super) missing_goes_left: bool,
}

impl Node {
    /// The child that `row` goes to, of a node that splits.
    pub(super) fn child(self, row: &[f32]) -> usize {
        let value = row[self.column as usize];
        let goes_left = if value.is_nan() { self.missing_goes_left } else { value < self.number };
        self.left as usize + usize::from(!goes_left)
    }
}

impl Trees {
    /// No tree: every row scores `base`.
    pub const fn new(base: f64) -> Self {
        Self { base, sizes: Vec::new(), nodes: Vec::new(), covers: Vec::new() }
    }

    /// The same trees on another base and without what only Shapley values need.
    #[must_use]
    pub fn only_sums(self, base: f64) -> Self {
        Self { base, covers: Vec::new(), ..self }
    }

    /// Adds a grown tree and says where its nodes are.
    pub(super) fn push(&mut self, tree: &Tree) -> Result<Range<usize>> {
        let first = self.nodes.len();
        for (at, node) in tree.nodes.iter().enumerate() {
            let is_pair = node.right_child == node.left_child + 1 && node.left_child > at;
            if !node.is_leaf && !is_pair {
                return Err(Error::Numeric {
                    method: "boosted trees".into(),
                    what: "the children of a node do not stand together, which is a bug; please report it"
                        .into(),
                });
            }
            self.nodes.push(Node {
                // Cuts are values of the training rows, so they are numbers of 32 bits, or above all of them.
                number: if node.is_leaf { node.weight_value } else { node.split_value as f32 },
                column: if node.is_leaf { 0 } else { node.split_feature as u32 },
                left: if node.is_leaf { 0 } else { node.left_child as u32 },
                missing_goes_left: !node.is_leaf && node.missing_node == node.left_child,
            });
            // A side that only missing values could go to, of which there were none, has no cover.
            self.covers.push(node.hessian_sum.max(f32::MIN_POSITIVE));
        }
        self.sizes.push(tree.nodes.len() as u32);
        Ok(first..self.nodes.len())
    }

    /// What the tree with these nodes adds to the score of `row`.
    pub(super) fn leaf(&self, nodes: Range<usize>, row: &[f32]) -> f32 {
        let nodes = &self.nodes[nodes];
        let mut node = nodes[0];
        while node.left > 0 {
            node = nodes[node.child(row)];
        }
        node.number
    }

    /// Where the nodes of each tree are.
    pub(super) fn each(&self) -> impl Iterator<Item = Range<usize>> {
        self.sizes.iter().scan(0, |first, &size| {
            let start = *first;
            *first += size as usize;
            Some(start..*first)
        })
    }

    /// The sum for one row, which is as wide as the training rows.
    pub fn sum(&self, row: &[f32]) -> f64 {
        self.each().fold(self.base, |sum, nodes| sum + f64::from(self.leaf(nodes, row)))
    }

    /// [`Self::sum`] within the range of 32 bits.
    pub fn score_row(&self, row: &[f32]) -> f32 {
        self.sum(row).clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
    }

    /// Writes everything that [`Self::load`] needs.
    pub fn save(&self, out: &mut ModelWriter) {
        let n = [self.nodes.len()];
        out.put_list("base", &[self.base]);
        out.put_list("tree_nodes", &self.sizes);
        out.put("number", &n, self.nodes.iter().map(|node| node.number));
        out.put("column", &n, self.nodes.iter().map(|node| node.column));
        out.put("left", &n, self.nodes.iter().map(|node| node.left));
        out.put("missing_goes_left", &n, self.nodes.iter().map(|node| u8::from(node.missing_goes_left)));
        if !self.covers.is_empty() {
            out.put_list("cover", &self.covers);
        }
    }

    /// Children stand behind their parent and inside their tree, so every walk ends in a leaf; columns exist; what
    /// leaves add is finite.
    ///
    /// # Errors
    /// Where any of this does not hold.
    pub fn load(from: &ModelReader<'_>, n_columns: usize) -> Result<Self> {
        let base: f64 = from.list_of("base", 1)?[0];
        let sizes: Vec<u32> = from.list("tree_nodes")?;
        let numbers: Vec<f32> = from.list("number")?;
        let n = numbers.len();
        let columns: Vec<u32> = from.list_of("column", n)?;
        let lefts: Vec<u32> = from.list_of("left", n)?;
        let missing: Vec<u8> = from.list_of("missing_goes_left", n)?;
        let covers: Vec<f32> = if from.has("cover") { from.list_of("cover", n)? } else { Vec::new() };
        let total = sizes.iter().try_fold(0_usize, |sum, &size| sum.checked_add(size as usize));
        if total != Some(n) || sizes.contains(&0) || !base.is_finite() {
            return Err(Error::model("the sizes of the trees do not add up, or their base is not finite"));
        }
        let nodes = numbers.into_iter().zip(columns).zip(lefts).zip(missing);
        let node = |(((number, column), left), missing): (((f32, u32), u32), u8)| Node {
            number,
            column,
            left,
            missing_goes_left: missing != 0,
        };
        let trees = Self { base, nodes: nodes.map(node).collect(), sizes, covers };
        for nodes in trees.each() {
            let size = nodes.len();
            for (at, node) in trees.nodes[nodes].iter().enumerate() {
                let left = node.left as usize;
                let is_sound = if left == 0 {
                    node.number.is_finite() && node.column == 0 && !node.missing_goes_left
                } else {
                    left > at
                        && left + 1 < size
                        && (node.column as usize) < n_columns
                        && !node.number.is_nan()
                };
                if !is_sound {
                    return Err(Error::model(
                        "a tree has a node that leads nowhere or adds no finite number",
                    ));
                }
            }
        }
        trees.check_covers()?;
        Ok(trees)
    }

    /// Where there are covers they are positive, and no tree has a node with two parents, which would make walks over all
    /// nodes as long as a hostile file likes.
    fn check_covers(&self) -> Result<()> {
        if self.covers.is_empty() {
            return Ok(());
        }
        let refused = || Error::model("a tree is too deep, knotted, or has a node that no row came to");
        if !self.covers.iter().all(|&cover| cover > 0.0 && cover.is_finite()) {
            return Err(refused());
        }
        for nodes in self.each() {
            let mut depths = vec![0_u32; nodes.len()];
            for (at, node) in self.nodes[nodes].iter().enumerate().filter(|(_, node)| node.left > 0) {
                for child in [node.left as usize, node.left as usize + 1] {
                    if depths[child] > 0 || depths[at] == DEEPEST {
                        return Err(refused());
                    }
                    depths[child] = depths[at] + 1;
                }
            }
        }
        Ok(())
    }
}
