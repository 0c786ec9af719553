//! Saving trees as a few flat tensors, and reading them back from a file that may be hostile.
//!
//! What can be derived is not saved: path lengths follow from depth and counts, densities from volumes and counts.
//! What scoring relies on is checked:
//! every node but the root has exactly one parent, which stands before it; counts add up; columns exist;
//! thresholds, weights and volumes are finite; level lists are sorted; no path is deeper than `MAX_DEPTH`.

use std::ops::Range;
use std::vec::IntoIter;

use anomalyst_core::{Error, ModelReader, ModelWriter, Result, Shape};

use super::tree::{MAX_DEPTH, Node, Split, Term, Tree};

/// What a node is, in the tensor `kind`.
const LEAF: u8 = 0;
const BELOW: u8 = 1;
const PRESENT: u8 = 2;
const LEVELS: u8 = 3;
const PLANE: u8 = 4;

/// Tensors that only some forests have.
const VOLUMES: &str = "log_volume";
const REACHES: &str = "reach";

/// Nodes of all trees in a row. `extra` holds, in the order of the nodes that have them, one entry per oblique
/// split (its number of terms) and two per category split (levels that go left, levels that go right).
#[derive(Default)]
struct Flat {
    kind: Vec<u8>,
    column: Vec<u32>,
    threshold: Vec<f32>,
    left: Vec<u32>,
    count: Vec<u32>,
    extra: Vec<u32>,
}

pub(super) fn save(trees: &[Tree], out: &mut ModelWriter) {
    let mut flat = Flat::default();
    let (mut terms, mut levels) = (Vec::<Term>::new(), Vec::<u32>::new());
    for tree in trees {
        for node in &tree.nodes {
            flat.push(node);
            // A tree grows branch by branch, which is not the order of its nodes; the reader goes by nodes.
            match node.split {
                Split::Plane { start, end, .. } => terms.extend(&tree.terms[start as usize..end as usize]),
                Split::Levels { start, end, .. } => levels.extend(&tree.levels[start as usize..end as usize]),
                Split::Leaf { .. } | Split::Below { .. } | Split::Present { .. } => {}
            }
        }
    }
    let sizes: Vec<u32> = trees.iter().map(|tree| tree.nodes.len() as u32).collect();
    out.put_list("tree_nodes", &sizes);
    out.put_list("kind", &flat.kind);
    out.put_list("column", &flat.column);
    out.put_list("threshold", &flat.threshold);
    out.put_list("left", &flat.left);
    out.put_list("count", &flat.count);
    out.put_list("extra", &flat.extra);
    out.put("term_column", &[terms.len()], terms.iter().map(|t| t.column));
    out.put("term_weight", &[terms.len()], terms.iter().map(|t| t.weight));
    out.put("term_center", &[terms.len()], terms.iter().map(|t| t.center));
    out.put_list("levels", &levels);
    for (name, numbers) in
        [(VOLUMES, per_node(trees, |t| &t.log_volumes)), (REACHES, per_node(trees, |t| &t.reaches))]
    {
        if !numbers.is_empty() {
            out.put_list(name, &numbers);
        }
    }
}

/// What some forests know of each node beyond its split, over all trees.
fn per_node(trees: &[Tree], of: impl Fn(&Tree) -> &Vec<f32>) -> Vec<f32> {
    trees.iter().flat_map(|tree| of(tree).iter().copied()).collect()
}

impl Flat {
    fn push(&mut self, node: &Node) {
        let (kind, column, threshold) = match node.split {
            Split::Leaf { .. } => (LEAF, 0, 0.0),
            Split::Below { column, threshold } => (BELOW, column, threshold),
            Split::Present { column } => (PRESENT, column, 0.0),
            Split::Levels { column, start, middle, end } => {
                self.extra.extend([middle - start, end - middle]);
                (LEVELS, column, 0.0)
            }
            Split::Plane { start, end, threshold } => {
                self.extra.push(end - start);
                (PLANE, 0, threshold)
            }
        };
        self.kind.push(kind);
        self.column.push(column);
        self.threshold.push(threshold);
        self.left.push(node.left);
        self.count.push(node.count);
    }
}

pub(super) fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Vec<Tree>> {
    let sizes: Vec<u32> = from.list("tree_nodes")?;
    let kind: Vec<u8> = from.list("kind")?;
    let n = kind.len();
    let total = sizes.iter().try_fold(0_usize, |sum, &size| sum.checked_add(size as usize));
    if total != Some(n) || sizes.contains(&0) || sizes.is_empty() {
        return Err(Error::model("the sizes of the trees do not add up to the number of nodes"));
    }
    let flat = Flat {
        kind,
        column: from.list_of("column", n)?,
        threshold: from.list_of("threshold", n)?,
        left: from.list_of("left", n)?,
        count: from.list_of("count", n)?,
        extra: from.list("extra")?,
    };
    let log_volumes = optional(from, VOLUMES, n, |v| v.is_finite())?;
    let reaches = optional(from, REACHES, n, |v| !v.is_nan())?;
    let mut reader = Reader {
        shape,
        extra: flat.extra.clone().into_iter(),
        terms: load_terms(from, shape)?.into_iter(),
        levels: from.list::<u32>("levels")?.into_iter(),
        flat: &flat,
    };
    let mut trees = Vec::with_capacity(sizes.len());
    let mut first = 0;
    for size in sizes {
        let nodes = first..first + size as usize;
        let of_tree =
            |all: &Option<Vec<f32>>| all.as_ref().map_or(Vec::new(), |all| all[nodes.clone()].to_vec());
        let tree = Tree { log_volumes: of_tree(&log_volumes), reaches: of_tree(&reaches), ..Tree::default() };
        trees.push(reader.fill(tree, nodes.clone())?);
        first = nodes.end;
    }
    if !(reader.extra.as_slice().is_empty()
        && reader.terms.as_slice().is_empty()
        && reader.levels.as_slice().is_empty())
    {
        return Err(Error::model("there is more split data than splits"));
    }
    let sample_size = trees[0].nodes[0].count;
    if sample_size < 2 || trees.iter().any(|tree| tree.nodes[0].count != sample_size) {
        return Err(Error::model("trees were grown on samples of different or no size"));
    }
    Ok(trees)
}

fn optional(
    from: &ModelReader<'_>,
    name: &str,
    n: usize,
    is_good: impl Fn(&f32) -> bool,
) -> Result<Option<Vec<f32>>> {
    if !from.has(name) {
        return Ok(None);
    }
    let numbers: Vec<f32> = from.list_of(name, n)?;
    if !numbers.iter().all(is_good) {
        return Err(Error::model(format!("`{name}` of a node is not a number that can be")));
    }
    Ok(Some(numbers))
}

fn load_terms(from: &ModelReader<'_>, shape: Shape) -> Result<Vec<Term>> {
    let column: Vec<u32> = from.list("term_column")?;
    let weight: Vec<f32> = from.list_of("term_weight", column.len())?;
    let center: Vec<f32> = from.list_of("term_center", column.len())?;
    let in_range = column.iter().all(|&column| (column as usize) < shape.n_values);
    if !in_range || weight.iter().chain(&center).any(|v| !v.is_finite()) {
        return Err(Error::model("an oblique split has a column or a weight that cannot be"));
    }
    let weights = weight.into_iter().zip(center);
    Ok(column
        .into_iter()
        .zip(weights)
        .map(|(column, (weight, center))| Term { column, weight, center })
        .collect())
}

struct Reader<'a> {
    shape: Shape,
    flat: &'a Flat,
    extra: IntoIter<u32>,
    terms: IntoIter<Term>,
    levels: IntoIter<u32>,
}

impl Reader<'_> {
    fn fill(&mut self, mut tree: Tree, nodes: Range<usize>) -> Result<Tree> {
        for i in nodes {
            let split = self.split(i, &mut tree)?;
            tree.nodes.push(Node { split, left: self.flat.left[i], count: self.flat.count[i] });
        }
        check_shape(&mut tree)?;
        Ok(tree)
    }

    fn split(&mut self, i: usize, tree: &mut Tree) -> Result<Split> {
        let (column, threshold) = (self.flat.column[i], self.flat.threshold[i]);
        let is_below = |n: usize| (column as usize) < n;
        let split = match self.flat.kind[i] {
            LEAF => Some(Split::Leaf { value: 0.0 }),
            BELOW if is_below(self.shape.n_values) => Some(Split::Below { column, threshold }),
            PRESENT if is_below(self.shape.n_values) => Some(Split::Present { column }),
            LEVELS if is_below(self.shape.n_codes) => self.levels(column, tree),
            PLANE => self.plane(threshold, tree),
            _ => None,
        };
        split
            .filter(|_| threshold.is_finite())
            .ok_or_else(|| Error::model(format!("node {i} of the forest is not a split that can be")))
    }

    fn levels(&mut self, column: u32, tree: &mut Tree) -> Option<Split> {
        let mut stretch = |n: u32| {
            let start = tree.levels.len();
            tree.levels.extend(self.levels.by_ref().take(n as usize));
            let got = &tree.levels[start..];
            (got.len() == n as usize && got.windows(2).all(|pair| pair[0] < pair[1])).then_some(start as u32)
        };
        let start = stretch(self.extra.next()?)?;
        let middle = stretch(self.extra.next()?)?;
        Some(Split::Levels { column, start, middle, end: tree.levels.len() as u32 })
    }

    fn plane(&mut self, threshold: f32, tree: &mut Tree) -> Option<Split> {
        let (n, start) = (self.extra.next()?, tree.terms.len());
        tree.terms.extend(self.terms.by_ref().take(n as usize));
        let end = tree.terms.len();
        (end - start == n as usize).then_some(Split::Plane {
            start: start as u32,
            end: end as u32,
            threshold,
        })
    }
}

/// Checks links and counts, and writes the values into the leaves.
fn check_shape(tree: &mut Tree) -> Result<()> {
    let n = tree.nodes.len();
    let mut depth: Vec<Option<usize>> = vec![None; n];
    depth[0] = Some(0);
    for at in 0..n {
        let node = tree.nodes[at];
        let here = depth[at].ok_or_else(|| Error::model("a node of a tree has no parent before it"))?;
        if node.count == 0 {
            return Err(Error::model("a node of a tree has no rows"));
        }
        if matches!(node.split, Split::Leaf { .. }) {
            tree.nodes[at].split = Split::Leaf { value: tree.leaf_value(at, here) };
            continue;
        }
        let left = node.left as usize;
        if left <= at || left + 1 >= n || depth[left].is_some() || depth[left + 1].is_some() {
            return Err(Error::model("a node of a tree has no proper children"));
        }
        if here >= MAX_DEPTH {
            return Err(Error::model(format!("a tree is deeper than {MAX_DEPTH}")));
        }
        if tree.nodes[left].count.checked_add(tree.nodes[left + 1].count) != Some(node.count) {
            return Err(Error::model("the rows of a node are not those of its children"));
        }
        depth[left] = Some(here + 1);
        depth[left + 1] = Some(here + 1);
    }
    Ok(())
}
