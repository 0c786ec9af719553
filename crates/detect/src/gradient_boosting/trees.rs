//! Trees as flat lists: how they score, and how they are saved and read back from a file that may be hostile.

use std::ops::Range;

use anomalyst_core::{Error, ModelReader, ModelWriter, Result};
use forust_ml::tree::Tree;

/// A sum of trees. Of a node that splits, `left` and `left + 1` are the children; of a leaf `left` is 0, which no node
/// has as its child.
pub(crate) struct Trees {
    base: f64,
    /// Nodes of each tree.
    sizes: Vec<u32>,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy)]
struct Node {
    /// From here on values go right; of a leaf what it adds.
    number: f32,
    column: u32,
    left: u32,
    missing_goes_left: bool,
}

impl Trees {
    /// No tree: every row scores `base`.
    pub(crate) fn new(base: f64) -> Self {
        Self { base, sizes: Vec::new(), nodes: Vec::new() }
    }

    /// Adds a grown tree and says where its nodes are.
    pub(super) fn push(&mut self, tree: &Tree) -> Result<Range<usize>> {
        let first = self.nodes.len();
        for (at, node) in tree.nodes.iter().enumerate() {
            let is_pair = node.right_child == node.left_child + 1 && node.left_child > at;
            if !node.is_leaf && !is_pair {
                return Err(Error::Numeric {
                    method: "gradient_boosting".into(),
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
        }
        self.sizes.push(tree.nodes.len() as u32);
        Ok(first..self.nodes.len())
    }

    /// What the tree with these nodes adds to the score of `row`.
    pub(super) fn leaf(&self, nodes: Range<usize>, row: &[f32]) -> f32 {
        let nodes = &self.nodes[nodes];
        let mut node = nodes[0];
        while node.left > 0 {
            let value = row[node.column as usize];
            let goes_left = if value.is_nan() { node.missing_goes_left } else { value < node.number };
            node = nodes[node.left as usize + usize::from(!goes_left)];
        }
        node.number
    }

    /// The score of one row, which is as wide as the training rows.
    pub(crate) fn score_row(&self, row: &[f32]) -> f32 {
        let mut first = 0;
        let mut sum = self.base;
        for &size in &self.sizes {
            let end = first + size as usize;
            sum += f64::from(self.leaf(first..end, row));
            first = end;
        }
        sum.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
    }

    pub(crate) fn save(&self, out: &mut ModelWriter) {
        let n = [self.nodes.len()];
        out.put_list("base", &[self.base]);
        out.put_list("tree_nodes", &self.sizes);
        out.put("number", &n, self.nodes.iter().map(|node| node.number));
        out.put("column", &n, self.nodes.iter().map(|node| node.column));
        out.put("left", &n, self.nodes.iter().map(|node| node.left));
        out.put("missing_goes_left", &n, self.nodes.iter().map(|node| u8::from(node.missing_goes_left)));
    }

    /// Children stand behind their parent and inside their tree, so every walk ends in a leaf; columns exist; what
    /// leaves add is finite.
    pub(crate) fn load(from: &ModelReader<'_>, n_columns: usize) -> Result<Self> {
        let base: f64 = from.list_of("base", 1)?[0];
        let sizes: Vec<u32> = from.list("tree_nodes")?;
        let numbers: Vec<f32> = from.list("number")?;
        let n = numbers.len();
        let columns: Vec<u32> = from.list_of("column", n)?;
        let lefts: Vec<u32> = from.list_of("left", n)?;
        let missing: Vec<u8> = from.list_of("missing_goes_left", n)?;
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
        let trees = Self { base, nodes: nodes.map(node).collect(), sizes };
        let mut first = 0;
        for &size in &trees.sizes {
            for (at, node) in trees.nodes[first..first + size as usize].iter().enumerate() {
                let left = node.left as usize;
                let is_sound = if left == 0 {
                    node.number.is_finite() && node.column == 0 && !node.missing_goes_left
                } else {
                    left > at
                        && left + 1 < size as usize
                        && (node.column as usize) < n_columns
                        && !node.number.is_nan()
                };
                if !is_sound {
                    return Err(Error::model(
                        "a tree has a node that leads nowhere or adds no finite number",
                    ));
                }
            }
            first += size as usize;
        }
        Ok(trees)
    }
}
