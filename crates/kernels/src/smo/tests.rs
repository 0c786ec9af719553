//! Closed forms, the conditions of a minimum on random problems, and data without a unique one.

use super::*;
use ndarray::{Array2, array};
use proptest::prelude::*;

fn solve_rbf(rows: &Array2<f32>, gamma: f64, total: f64, tolerance: f64) -> Solution {
    let problem =
        Problem { rows: rows.view(), kernel: Kernel::Rbf { gamma }, linear: None, total, tolerance };
    solve(problem, &Run::new(0)).unwrap()
}

/// `K w + p` from the definition.
fn gradient(problem: &Problem<'_>, weights: &[f64]) -> Vec<f64> {
    let packed = PackedRows::new(problem.rows);
    let mut sums = packed.weighted_sums(problem.kernel, weights, problem.rows, &Run::new(0)).unwrap();
    sums.iter_mut().zip(problem.linear.into_iter().flatten()).for_each(|(sum, p)| *sum += p);
    sums
}

/// Rows that take more weight have no lower gradient than rows that give some, up to `slack`.
fn is_minimum(problem: &Problem<'_>, solution: &Solution, slack: f64) {
    let g = gradient(problem, &solution.weights);
    let total: f64 = solution.weights.iter().sum();
    assert!((total - problem.total).abs() < 1e-9 * problem.total.max(1.0), "{total}");
    assert!(solution.weights.iter().all(|w| (0.0..=1.0).contains(w)));
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for (&w, &g) in solution.weights.iter().zip(&g) {
        low = if w < 1.0 { low.min(g) } else { low };
        high = if w > 0.0 { high.max(g) } else { high };
    }
    assert!(high - low <= slack, "{high} {low}");
    assert!(solution.level >= low - slack || solution.level <= high + slack);
}

/// Two rows at 0 and one at distance 1 with k = e^-1: by symmetry the heap shares. With weights a, a, b and
/// 2 a + b = 1.5: gradients 2 a + b / e and 2 a / e + b are alike at 2 a = b = 0.75.
#[test]
fn closed_form_on_three_rows() {
    let solution = solve_rbf(&array![[0.0], [0.0], [1.0]], 1.0, 1.5, 1e-9);
    let [a, b, c] = solution.weights[..] else { panic!() };
    assert!((a + b - 0.75).abs() < 1e-7 && (c - 0.75).abs() < 1e-7, "{:?}", solution.weights);
    assert!((solution.level - 0.75 * (1.0 + (-1.0_f64).exp())).abs() < 1e-7);
}

#[test]
fn bounds_leave_no_choice() {
    let rows = array![[0.0], [1.0], [5.0]];
    assert_eq!(solve_rbf(&rows, 1.0, 3.0, 1e-3).weights, [1.0; 3]);
    let one = solve_rbf(&array![[4.0]], 1.0, 0.5, 1e-3);
    assert_eq!((one.weights, one.level), (vec![0.5], 0.5));
    // All rows equal: every division of the weight is as good as any.
    let equal = solve_rbf(&Array2::from_elem((40, 2), 3.0), 0.5, 20.0, 1e-3);
    assert!((equal.level - 20.0).abs() < 1e-6 && equal.n_steps == 0);
}

#[test]
fn kernels_beyond_single_precision_are_refused() {
    let rows = array![[1e20_f32], [1.0]];
    let problem =
        Problem { rows: rows.view(), kernel: Kernel::Linear, linear: None, total: 1.0, tolerance: 1e-3 };
    assert!(matches!(solve(problem, &Run::new(0)), Err(Error::Numeric { .. })));
}

/// Enough rows and so small a tolerance that rows are put aside and taken back.
#[test]
fn a_problem_that_shrinks_is_solved_as_well() {
    let rows = Array2::from_shape_fn((3000, 3), |(i, j)| {
        let x = ((i * [7919, 104_729, 1_299_709][j] + i * i * 31) % 10_007) as f32 / 10_007.0;
        3.0 * (x - 0.5) * (x - 0.5).abs() * 4.0
    });
    for (gamma, total) in [(0.33, 1500.0), (5.0, 150.0)] {
        let solution = solve_rbf(&rows, gamma, total, 1e-5);
        let kernel = Kernel::Rbf { gamma };
        let problem = Problem { rows: rows.view(), kernel, linear: None, total, tolerance: 1e-5 };
        // Kernels in single precision add some 1e-8 per unit of weight.
        is_minimum(&problem, &solution, 1e-5 + 3e-8 * total);
        assert!(solution.n_steps > 100);
    }
}

/// A cache of two rows gives the rows that were asked for last and nothing else.
#[test]
fn the_cache_keeps_what_was_used_last() {
    let mut cache = RowCache::new(4, 0);
    let mut filled = Vec::new();
    for i in [0, 1, 0, 2, 0, 1] {
        let slot = cache.slot(i, |out| {
            filled.push(i);
            (0..4).for_each(|k| out[k] = (10 * i + k) as f32);
        });
        assert_eq!(cache.row(slot), [0, 1, 2, 3].map(|k| (10 * i + k) as f32));
    }
    assert_eq!(filled, [0, 1, 2, 1]);
    cache.keep(&[1, 3]);
    let slot = cache.slot(0, |_| panic!("row 1 was kept"));
    assert_eq!(cache.row(slot), [11.0, 13.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn solutions_are_minima(
        flat in prop::collection::vec(-3.0..3.0_f32, 4..160), share in 0.01..1.0_f64, kind in 0..4_usize,
    ) {
        let rows = Array2::from_shape_fn((flat.len() / 2, 2), |(i, j)| flat[i * 2 + j]);
        let kernel = [
            Kernel::Rbf { gamma: 0.5 },
            Kernel::Linear,
            Kernel::Polynomial { gamma: 0.5, coef0: 1.0, degree: 2 },
            Kernel::Rbf { gamma: 20.0 },
        ][kind];
        let linear: Vec<f64> = (0..rows.nrows()).map(|i| (i % 3) as f64 * 0.2).collect();
        let total = share * rows.nrows() as f64;
        let linear = (kind % 2 == 0).then_some(linear.as_slice());
        let problem = Problem { rows: rows.view(), kernel, linear, total, tolerance: 1e-4 };
        let solution = solve(problem, &Run::new(0)).unwrap();
        let largest = kernel.of_each_with_itself(rows.view()).into_iter().fold(1.0, f64::max);
        is_minimum(&problem, &solution, 1e-4 + 1e-6 * largest * total);
    }
}
