//! Closed forms, the definition as an oracle, gaps and codes, hostile files, scikit-learn's numbers.

mod kinds;

use super::lookup::{self, BLOCK};
use super::tree::{MAX_DEPTH, Node, Split, Step, Tree, average_path_length};
use super::walk;
use super::*;
use anomalyst_core::{
    DetectorExt, Features, Fitted, MISSING_CODE, Model, ModelReader, ModelWriter, UNSEEN_CODE,
};
use anomalyst_testkit::normal_rows;
use ndarray::{Array2, array};
use proptest::prelude::*;
use rand::RngExt;

fn fit(params: &IsolationForest, rows: &Features, seed: u64) -> Fitted<IsolationForest> {
    params.fit_on(rows, &Run::new(seed)).unwrap()
}

fn oddest(scores: &[f32]) -> usize {
    (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap()
}

/// Normal numbers with a share of gaps beside codes of three, mostly two, levels.
fn mixed(n: usize, d: usize, gaps: f64, seed: u64) -> Features {
    let mut values = normal_rows(n, d, seed);
    let mut random = Run::new(seed).random(1);
    values.mapv_inplace(|v| if random.random_bool(gaps) { f32::NAN } else { v });
    let codes = Array2::from_shape_simple_fn((n, 2), || {
        let n_levels = if random.random_bool(0.1) { 6 } else { 4 };
        [0, 0, 1, 1, 2, MISSING_CODE][random.random_range(0..n_levels)]
    });
    Features::rows(values).with_codes(codes).unwrap()
}

/// Two rows are always one cut apart and c(2) = 1; equal rows are never cut: both are 2^-1.
#[test]
fn two_rows_and_equal_rows() {
    let apart = Features::rows(array![[0.0_f32], [1.0]]);
    let equal = Features::rows(Array2::from_elem((300, 3), 7.0_f32));
    for rows in [apart, equal] {
        let scores = fit(&IsolationForest::default(), &rows, 1).score(&rows, &Run::new(1)).unwrap();
        assert!(scores.iter().all(|&s| s == 0.5), "{scores:?}");
    }
}

/// Rows 0, 1, 10: the first cut is below 1 with odds 1 : 9. So E[h] is 1.9, 2 and 1.1, and c(3) = 3 - 4/3.
/// The standard error of a mean path over 10,000 trees is 0.003.
#[test]
fn three_rows_by_hand() {
    let rows = Features::rows(array![[0.0_f32], [1.0], [10.0]]);
    let params = IsolationForest { n_trees: 10_000, ..IsolationForest::default() };
    let scores = fit(&params, &rows, 5).score(&rows, &Run::new(5)).unwrap();
    for (score, length) in scores.into_iter().zip([1.9, 2.0, 1.1]) {
        let got = -f64::from(score).log2() * (5.0 / 3.0);
        assert!((got - length).abs() < 0.012, "{got} instead of {length}");
    }
}

/// What the definition says, without the tricks: follow the splits, weigh both branches at a gap, and do not count
/// steps beyond the reach.
fn naive_value(tree: &Tree, at: usize, rows: &Features, row: usize) -> f64 {
    let node = &tree.nodes[at];
    let (left, right) = (node.left as usize, node.left as usize + 1);
    let reach = tree.reaches.get(at).map_or(f64::INFINITY, |&reach| f64::from(reach));
    let number = |column: u32| f64::from(rows.values[[row, column as usize]]);
    // How far above the threshold, where there is a distance.
    let (above, goes_left) = match node.split {
        Split::Leaf { value } => return f64::from(value),
        Split::Below { column, threshold } => {
            let above = number(column) - f64::from(threshold);
            (above, (!above.is_nan()).then_some(above < 0.0))
        }
        Split::Present { column } => (0.0, Some(!number(column).is_nan())),
        Split::Levels { column, start, middle, end } => {
            let code = rows.codes.as_ref().unwrap()[[row, column as usize]];
            let known = |a: u32, b: u32| tree.levels[a as usize..b as usize].contains(&code);
            let smaller = tree.nodes[left].count <= tree.nodes[right].count;
            (0.0, Some(known(start, middle) || (!known(middle, end) && smaller)))
        }
        Split::Plane { start, end, threshold } => {
            let parts: Vec<f64> = tree.terms[start as usize..end as usize]
                .iter()
                .filter(|t| !number(t.column).is_nan())
                .map(|t| f64::from(t.weight) * (number(t.column) - f64::from(t.center)))
                .collect();
            let above = parts.iter().sum::<f64>() - f64::from(threshold);
            (above, (!parts.is_empty()).then_some(above < 0.0))
        }
    };
    let follow = |child: usize| naive_value(tree, child, rows, row);
    let share = f64::from(tree.nodes[left].count) / f64::from(node.count);
    match goes_left {
        Some(left_side) => {
            let counts = -reach <= above && above < reach;
            follow(if left_side { left } else { right }) - if counts { 0.0 } else { 1.0 }
        }
        None => share * follow(left) + (1.0 - share) * follow(right),
    }
}

/// Sound trees: counts add up, children stand behind their parents, no path is too long.
fn assert_sound(tree: &Tree, n_rows: usize, max_depth: usize) {
    assert_eq!(tree.nodes[0].count as usize, n_rows);
    assert!(lookup::height(tree) <= max_depth);
    let leaves = tree.nodes.iter().filter(|node| matches!(node.split, Split::Leaf { .. }));
    assert_eq!(leaves.map(|leaf| leaf.count as usize).sum::<usize>(), n_rows);
    for (at, node) in tree.nodes.iter().enumerate() {
        assert!(node.count > 0);
        let split = !matches!(node.split, Split::Leaf { .. });
        let left = node.left as usize;
        assert!(!split || left > at);
        assert!(!split || tree.nodes[left].count + tree.nodes[left + 1].count == node.count);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Any mix of columns, gaps and oblique cuts: trees are sound, and every way to walk them agrees.
    #[test]
    fn trees_are_sound_and_walks_agree(
        n in 2_usize..400, d in 1_usize..5, gaps in 0.0..0.5, extension_level in 0_usize..3,
        sample_size in 2_usize..300, with_codes: bool, seed: u64,
    ) {
        let mut rows = mixed(n, d, gaps, seed % 1000);
        if !with_codes {
            rows.codes = None;
        }
        let params = IsolationForest { n_trees: 5, sample_size, extension_level, ..IsolationForest::default() };
        let fitted = fit(&params, &rows, seed);
        let model = fitted.model();
        model.trees.iter().for_each(|tree| assert_sound(tree, sample_size.min(n), params.plan(n).max_depth));
        prop_assert_eq!(model.lookup.is_none(), model.trees.iter().flat_map(|t| &t.nodes)
            .any(|node| matches!(node.split, Split::Plane { .. } | Split::Levels { .. })));
        let scores = fitted.score(&rows, &Run::new(0)).unwrap();
        for (row, score) in scores.into_iter().enumerate() {
            let sum: f64 = model.trees.iter().map(|t| naive_value(t, 0, &rows, row)).sum();
            let expected = (-sum / (5.0 * model.unit())).exp2();
            prop_assert!((f64::from(score) - expected).abs() < 1e-6, "row {}: {} or {}", row, score, expected);
        }
    }
}

/// The lookup gives the very bits of the general walk, at every depth it takes and beside gaps.
#[test]
fn lookup_gives_the_bits_of_the_walk() {
    for sample_size in [2, 3, 8, 20, 64, 100, 256, 500, 1000, 2000, 4000] {
        let rows = Features::rows(normal_rows(4500, 3, sample_size as u64));
        let params = IsolationForest { n_trees: 7, sample_size, ..IsolationForest::default() };
        let fitted = fit(&params, &rows, 3);
        let (model, scored) = (fitted.model(), mixed(300, 3, 0.02, 9));
        assert!(model.lookup.is_some(), "{sample_size}");
        let mut slow = vec![0.0; 300];
        model.walk_values(&scored, 0, &mut slow);
        let mut fast = vec![0.0; 300];
        let mut keys = lookup::new_keys().unwrap();
        for (block, sums) in fast.chunks_mut(BLOCK).enumerate() {
            model.add_values(&scored, block * BLOCK, Some(&mut keys), sums);
        }
        assert_eq!(slow, fast, "{sample_size}");
    }
    let rows = Features::rows(normal_rows(50_000, 2, 1));
    let deep = IsolationForest { n_trees: 2, sample_size: 5000, ..IsolationForest::default() };
    assert!(fit(&deep, &rows, 1).model().lookup.is_none());
}

/// A row of which nothing is known has the mean path of the sample: neither odd nor normal.
#[test]
fn an_empty_row_is_neutral() {
    let rows = Features::rows(normal_rows(500, 3, 1));
    for extension_level in [0, 2] {
        let params = IsolationForest { extension_level, ..IsolationForest::default() };
        let fitted = fit(&params, &rows, 1);
        let leaf = |node: &Node| match node.split {
            Split::Leaf { value } => f64::from(value) * f64::from(node.count),
            _ => 0.0,
        };
        let trees = &fitted.model().trees;
        let sum: f64 = trees.iter().map(|tree| tree.nodes.iter().map(leaf).sum::<f64>() / 256.0).sum();
        let expected = (-sum / (100.0 * fitted.model().unit())).exp2();
        let empty = Features::rows(array![[f32::NAN, f32::NAN, f32::NAN]]);
        let score = fitted.score(&empty, &Run::new(1)).unwrap()[0];
        assert!((f64::from(score) - expected).abs() < 1e-6, "{score} instead of {expected}");
    }
}

/// Gaps where the others have none are odd, and a wild value is found in spite of gaps.
#[test]
fn rare_gaps_and_wild_values_beside_gaps() {
    let mut values = normal_rows(300, 4, 2);
    (0..300).step_by(3).for_each(|row| values[[row, 0]] = f32::NAN);
    (1..4).for_each(|column| values[[77, column]] = f32::NAN);
    let rows = Features::rows(values.clone());
    let (_, scores) = IsolationForest::default().fit_score_on(&rows, &Run::new(1)).unwrap();
    assert_eq!(oddest(&scores), 77);
    values.row_mut(77).assign(&array![f32::NAN, 0.0, 12.0, f32::NAN]);
    let (_, scores) = IsolationForest::default().fit_score_on(&Features::rows(values), &Run::new(1)).unwrap();
    assert_eq!(oddest(&scores), 77);
}

/// How many cuts fewer than the other rows those with a gap in one column need, if every `step`-th row has one.
fn cuts_spared_by_gaps(step: usize) -> f64 {
    let mut sums = [0.0; 2];
    for seed in 0..10 {
        let mut values = normal_rows(600, 4, 100 + seed);
        (0..600).step_by(step).for_each(|row| values[[row, 0]] = f32::NAN);
        let (_, scores) =
            IsolationForest::default().fit_score_on(&Features::rows(values), &Run::new(seed)).unwrap();
        for (row, score) in scores.into_iter().enumerate() {
            let n = if row % step == 0 { 600 / step } else { 600 - 600 / step };
            sums[usize::from(row % step == 0)] += f64::from(score).log2() / n as f64 / 10.0;
        }
    }
    (sums[1] - sums[0]) * average_path_length(256)
}

/// A gap is a level: of no weight if half of the rows have one. If a third has, it spares less than the cut between
/// them and the rest would, which is c(171) - c(85) = 1.4 steps. The standard error of either figure is 0.05.
#[test]
fn frequent_gaps_weigh_little() {
    let (half, third) = (cuts_spared_by_gaps(2), cuts_spared_by_gaps(3));
    assert!(half.abs() < 0.2, "{half}");
    assert!((0.7..1.3).contains(&third), "{third}");
}

/// A level that one row has ranks first, its attribution names the code column, and so do those never met.
#[test]
fn rare_and_unseen_levels() {
    let codes = Array2::from_shape_fn((300, 2), |(row, column)| match (row, column) {
        (123, 1) => 9,
        _ => (row * (3 + column) % 7 % 3) as u32,
    });
    let rows = Features::rows(normal_rows(300, 1, 4)).with_codes(codes).unwrap();
    let fitted = fit(&IsolationForest::default(), &rows, 1);
    let scores = fitted.score(&rows, &Run::new(1)).unwrap();
    assert_eq!(oddest(&scores), 123);
    let shares = fitted.attribute(&rows.take(&[123]), &Run::new(1)).unwrap().unwrap();
    assert!(shares.codes[[0, 1]] > shares.codes[[0, 0]].max(shares.values[[0, 0]]), "{shares:?}");
    let new = Features::rows(array![[0.0_f32], [0.0], [0.0]]);
    let new = new.with_codes(array![[0, 0], [0, UNSEEN_CODE], [0, MISSING_CODE]]).unwrap();
    let scores = fitted.score(&new, &Run::new(1)).unwrap();
    assert!(scores[1] > scores[0] + 0.05 && scores[2] == scores[1], "{scores:?}");
}

/// Shares sum to log2(2 s) whatever the splits are.
#[test]
fn attributions_add_up() {
    let rows = mixed(400, 4, 0.1, 3);
    for extension_level in [0, 2] {
        let params = IsolationForest { extension_level, ..IsolationForest::default() };
        let fitted = fit(&params, &rows, 1);
        let scores = fitted.score(&rows, &Run::new(1)).unwrap();
        let shares = fitted.attribute(&rows, &Run::new(1)).unwrap().unwrap();
        for (row, score) in scores.into_iter().enumerate() {
            let sum = shares.values.row(row).sum() + shares.codes.row(row).sum();
            assert!((sum - (2.0 * score).log2()).abs() < 2e-6, "row {row}: {sum} for {score}");
        }
    }
}

/// Two clusters on a diagonal: parallel cuts think the empty corners half normal, oblique ones do not (figure 2 of
/// Hariri, Carrasco Kind, Brunner 2021).
#[test]
fn oblique_cuts_see_empty_corners() {
    let mut values = normal_rows(600, 2, 8);
    values.outer_iter_mut().enumerate().for_each(|(row, mut v)| v[row % 2] += 10.0);
    let (rows, corner) = (Features::rows(values), Features::rows(array![[0.0_f32, 0.0], [10.0, 10.0]]));
    let mean_of = |extension_level: usize| {
        let params = IsolationForest { n_trees: 300, extension_level, ..IsolationForest::default() };
        fit(&params, &rows, 1).score(&corner, &Run::new(1)).unwrap().iter().sum::<f32>() / 2.0
    };
    let (parallel, oblique) = (mean_of(0), mean_of(1));
    assert!(oblique > parallel + 0.05, "{parallel} parallel, {oblique} oblique");
}

fn saved(model: &IsolationForestModel) -> ModelWriter {
    let mut out = ModelWriter::new();
    model.save(&mut out).unwrap();
    out
}

/// Every kind of split survives with what belongs to it: the same bits for rows with gaps and codes, and the same
/// file when saved once more.
#[test]
fn round_trip() {
    let rows = mixed(400, 4, 0.1, 3);
    let bits = |model: &IsolationForestModel| -> Vec<u64> {
        let pairs = (0..400).flat_map(|row| model.trees.iter().map(move |tree| (row, tree)));
        pairs.map(|(row, tree)| walk::value(tree, &rows, row).to_bits()).collect()
    };
    for extension_level in [0, 2] {
        let params = IsolationForest { n_trees: 20, extension_level, ..IsolationForest::default() };
        let fitted = fit(&params, &rows, 1);
        let (tensors, json) = saved(fitted.model()).finish();
        let shape = fitted.shape();
        let loaded = IsolationForestModel::load(&ModelReader::new(&tensors, &json), shape).unwrap();
        assert_eq!(bits(fitted.model()), bits(&loaded));
        assert_eq!(saved(&loaded).finish().0, tensors);
        let narrow = Shape { n_codes: 0, ..shape };
        assert!(IsolationForestModel::load(&ModelReader::new(&tensors, &json), narrow).is_err());
    }
}

/// Each rule that scoring relies on, broken one at a time.
#[test]
fn hostile_trees_are_refused() {
    let rows = Features::rows(array![[0.0_f32, 5.0], [1.0, 9.0], [3.0, 2.0], [9.0, 1.0]]);
    let params = IsolationForest { n_trees: 1, ..IsolationForest::default() };
    let tree = fit(&params, &rows, 1).model().trees[0].clone();
    let load = |tree: Tree| {
        let (tensors, json) = saved(&IsolationForestModel { trees: vec![tree], lookup: None }).finish();
        IsolationForestModel::load(&ModelReader::new(&tensors, &json), Shape::of(&rows)).map(|_| ())
    };
    load(tree.clone()).unwrap();
    let inner = (1..tree.nodes.len()).find(|&at| tree.nodes[at].left > 0).unwrap();
    type Damage = (&'static str, fn(&mut Tree, usize));
    let damages: [Damage; 9] = [
        ("a loop", |t, at| t.nodes[at].left = 0),
        ("itself", |t, at| t.nodes[at].left = at as u32),
        ("a shared child", |t, at| t.nodes[at].left = t.nodes[0].left + 1),
        ("beyond the end", |t, at| t.nodes[at].left = t.nodes.len() as u32 - 1),
        ("overflow", |t, at| t.nodes[at].left = u32::MAX),
        ("no such column", |t, at| t.nodes[at].split = Split::Below { column: 2, threshold: 0.0 }),
        ("not a number", |t, at| t.nodes[at].split = Split::Below { column: 0, threshold: f32::NAN }),
        ("codes of a table without", |t, at| {
            t.nodes[at].split = Split::Levels { column: 0, start: 0, middle: 0, end: 0 };
        }),
        ("rows from nowhere", |t, at| t.nodes[at].count += 1),
    ];
    for (what, damage) in damages {
        let mut copy = tree.clone();
        damage(&mut copy, inner);
        assert!(load(copy).is_err(), "{what}");
    }
}

/// A chain as deep as it may be loads and is scored; one split more is refused.
#[test]
fn depth_is_bounded() {
    let chain = |depth: usize| {
        let mut nodes = vec![Node { split: Split::Leaf { value: 0.0 }, left: 0, count: depth as u32 + 1 }];
        for level in 0..depth {
            let parent = if level == 0 { 0 } else { nodes.len() - 1 };
            nodes[parent].split = Split::Below { column: 0, threshold: level as f32 };
            nodes[parent].left = nodes.len() as u32;
            let leaf = |count| Node { split: Split::Leaf { value: 0.0 }, left: 0, count };
            nodes.extend([leaf(1), leaf((depth - level) as u32)]);
        }
        let tree = Tree { nodes, ..Tree::default() };
        let (tensors, json) = saved(&IsolationForestModel { trees: vec![tree], lookup: None }).finish();
        let shape = Shape { n_parts: 9, n_values: 1, n_codes: 0 };
        IsolationForestModel::load(&ModelReader::new(&tensors, &json), shape)
    };
    let model = chain(MAX_DEPTH).unwrap();
    let rows = Features::rows(array![[f32::NAN], [1e9]]);
    assert_eq!(model.trees[0].step(0, &rows, 0), Step::Both(1));
    assert_eq!(walk::value(&model.trees[0], &rows, 1), MAX_DEPTH as f64);
    assert!(chain(MAX_DEPTH + 1).is_err());
}

/// 475 rows of four columns, each a sum of three pseudo-random integers, and 25 that spread 1.75 times as wide.
fn golden_rows() -> Array2<f32> {
    const PRIMES: [[u64; 3]; 4] = [
        [7919, 104_729, 1_299_709],
        [15_485_863, 32_452_843, 49_979_687],
        [67_867_967, 86_028_121, 982_451_653],
        [198_491_317, 217_645_177, 256_203_161],
    ];
    Array2::from_shape_fn((500, 4), |(row, column)| {
        let (i, p) = (row as u64 + 1, PRIMES[column]);
        let sum: u64 = (0..3).map(|k| (i * i * p[k] + i * p[(k + 2) % 3]) % 65536).sum();
        let value = (sum as f64 - 98304.0) / 32768.0;
        (if row < 475 { value } else { 1.75 * value }) as f32
    })
}

fn auroc(scores: &[f32], n_normal: usize) -> f64 {
    let (normal, odd) = scores.split_at(n_normal);
    let won: usize = odd.iter().map(|o| normal.iter().filter(|n| o > n).count()).sum();
    won as f64 / (normal.len() * odd.len()) as f64
}

/// Compares means over `n_seeds` seeds, whose standard error with 40 is up to 0.0024, with the reference's over 200: largest
/// difference, rank correlation, and difference of the AUROC.
pub(crate) fn compare<D: Detector>(
    params: &D,
    expected: &[f64; 73],
    auroc_wanted: f64,
    n_seeds: u64,
) -> (f64, f64, f64) {
    let rows = Features::rows(golden_rows());
    let (mut mean, mut mean_auroc) = (vec![0.0; 500], 0.0);
    for seed in 0..n_seeds {
        let (_, scores) = params.fit_score_on(&rows, &Run::new(seed)).unwrap();
        mean.iter_mut().zip(&scores).for_each(|(mean, &score)| *mean += f64::from(score) / n_seeds as f64);
        mean_auroc += auroc(&scores, 475) / n_seeds as f64;
    }
    let chosen: Vec<f64> = (0..475).step_by(10).chain(475..500).map(|row| mean[row]).collect();
    let worst = chosen.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    (worst, correlation(&ranks(&chosen), &ranks(expected)), (mean_auroc - auroc_wanted).abs())
}

/// scikit-learn 1.9.1, means over 200 seeds; the script is golden/isolation_forest.py. Its c(3) is 1.21 instead of 5/3
/// and its c(4) 1.85 instead of 13/6, which moves its scores by 0.004 beside the standard errors.
#[test]
fn matches_scikit_learn_on_average() {
    #[rustfmt::skip]
    let expected: [f64; 73] = [
        0.4420, 0.4140, 0.3940, 0.4338, 0.4887, 0.4204, 0.5151, 0.4284, 0.4581, 0.4538, 0.4686, 0.3938,
        0.4107, 0.4950, 0.3991, 0.4226, 0.4629, 0.4604, 0.4172, 0.4826, 0.4272, 0.4312, 0.3931, 0.4190,
        0.5119, 0.5118, 0.4659, 0.4364, 0.5008, 0.3890, 0.4288, 0.4043, 0.5007, 0.5211, 0.3955, 0.4635,
        0.5194, 0.4195, 0.4814, 0.4444, 0.4780, 0.4579, 0.4953, 0.4303, 0.4032, 0.3967, 0.4546, 0.3987,
        0.5068, 0.6992, 0.5224, 0.6053, 0.4594, 0.6345, 0.6723, 0.6231, 0.5062, 0.5293, 0.5692, 0.5792,
        0.4639, 0.5701, 0.5244, 0.5383, 0.6037, 0.5777, 0.5467, 0.6585, 0.4924, 0.4527, 0.5275, 0.6292,
        0.5166,
    ];
    let (worst, correlation, auroc) = compare(&IsolationForest::default(), &expected, 0.93010, 40);
    assert!(worst < 0.012 && correlation > 0.99 && auroc < 0.01, "{worst} {correlation} {auroc}");
}

/// isotree 0.6.1.post10 with cuts of two columns, means over 200 seeds; the script is golden/isolation_forest.py.
#[test]
fn oblique_cuts_match_isotree_on_average() {
    #[rustfmt::skip]
    let expected: [f64; 73] = [
        0.4314, 0.4029, 0.3814, 0.4210, 0.4745, 0.4088, 0.5043, 0.4135, 0.4431, 0.4394, 0.4529, 0.3815,
        0.3995, 0.4851, 0.3881, 0.4092, 0.4491, 0.4465, 0.4031, 0.4687, 0.4136, 0.4171, 0.3805, 0.4078,
        0.4946, 0.4993, 0.4530, 0.4250, 0.4821, 0.3765, 0.4177, 0.3931, 0.4866, 0.5036, 0.3824, 0.4477,
        0.5020, 0.4089, 0.4676, 0.4287, 0.4628, 0.4441, 0.4812, 0.4178, 0.3900, 0.3844, 0.4430, 0.3858,
        0.4960, 0.6822, 0.5107, 0.5987, 0.4488, 0.6393, 0.6403, 0.6228, 0.4921, 0.5141, 0.5523, 0.5622,
        0.4524, 0.5560, 0.5084, 0.5295, 0.6173, 0.5638, 0.5296, 0.6409, 0.4795, 0.4379, 0.5164, 0.6044,
        0.5047,
    ];
    let params = IsolationForest { extension_level: 1, ..IsolationForest::default() };
    let (worst, correlation, auroc) = compare(&params, &expected, 0.93159, 40);
    assert!(worst < 0.012 && correlation > 0.99 && auroc < 0.01, "{worst} {correlation} {auroc}");
}

fn ranks(values: &[f64]) -> Vec<f64> {
    values.iter().map(|v| values.iter().filter(|w| *w < v).count() as f64).collect()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let product = |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum()
    };
    product(a, ma, b, mb) / (product(a, ma, a, ma) * product(b, mb, b, mb)).sqrt()
}
