//! Closed forms, a naive search, and the conditions of optimality.

use super::*;
use ndarray::array;
use proptest::prelude::*;

#[test]
fn functions_do_not_overflow() {
    assert_eq!((sigmoid(-1000.0), sigmoid(0.0), sigmoid(1000.0)), (0.0, 0.5, 1.0));
    assert_eq!((softplus(-1000.0), softplus(1000.0)), (0.0, 1000.0));
    assert!((softplus(0.0) - 2.0_f64.ln()).abs() < 1e-15);
}

#[test]
fn a_table_of_four_cells_has_a_closed_form() {
    let problem = Logistic::new(array![[0.0], [1.0]], vec![2.0, 5.0], vec![6.0, 5.0], 0.0).unwrap();
    let fit = problem.fit(&Run::new(0)).unwrap();
    assert!((fit.weights[0] - (2.0_f64 / 6.0).ln()).abs() < 1e-9);
    assert!((fit.weights[1] + fit.weights[0]).abs() < 1e-9);
}

#[test]
fn wrong_input_is_an_error() {
    let x = array![[0.0], [1.0]];
    assert!(Logistic::new(x.clone(), vec![1.0], vec![1.0], 0.0).is_err());
    assert!(Logistic::new(x.clone(), vec![1.0, -1.0], vec![1.0, 1.0], 0.0).is_err());
    assert!(Logistic::new(x.clone(), vec![0.0; 2], vec![0.0; 2], 0.0).is_err());
    assert!(Logistic::new(array![[f64::NAN]], vec![1.0], vec![1.0], 0.0).is_err());
    assert!(Logistic::new(x, vec![1.0; 2], vec![1.0; 2], -1.0).is_err());
}

/// With one weight the level set of the intercept alone is an interval that bisection finds.
#[test]
fn an_intercept_alone_ends_where_its_loss_does() {
    let problem = Logistic::new(Array2::zeros((1, 0)), vec![3.0], vec![7.0], 0.0).unwrap();
    let run = Run::new(0);
    let minimum = problem.fit(&run).unwrap();
    let bound = 1.05 * minimum.value;
    for direction in [1.0, -1.0] {
        let found = problem.extreme(&minimum, &[direction], bound, &run).unwrap();
        let (mut inside, mut outside) = (minimum.weights[0], minimum.weights[0] - direction * 10.0);
        for _ in 0..200 {
            let middle = 0.5 * (inside + outside);
            if problem.value(&[middle]) <= bound { inside = middle } else { outside = middle }
        }
        assert!((found.weights[0] - inside).abs() < 1e-6, "{} {inside}", found.weights[0]);
    }
}

#[test]
fn separated_rows_have_an_edge_with_a_ridge() {
    let x = array![[-2.0], [-1.0], [1.0], [2.0]];
    let problem = Logistic::of_labels(x, &[false, false, true, true], 0.25).unwrap();
    let run = Run::new(0);
    let minimum = problem.fit(&run).unwrap();
    let bound = 1.5 * minimum.value;
    let least = problem.extreme(&minimum, &[0.0, 1.0], bound, &run).unwrap().value;
    let most = -problem.extreme(&minimum, &[0.0, -1.0], bound, &run).unwrap().value;
    assert!(least < minimum.weights[1] && most > minimum.weights[1]);
    let (newton, _) = problem.newton_to_edge(&minimum, &[0.0, 1.0], bound, &run).unwrap().unwrap();
    let (bisected, _) = problem.bisect_to_edge(&minimum, &[0.0, 1.0], bound, &run).unwrap();
    assert!((newton[1] - bisected[1]).abs() < 1e-5, "{newton:?} {bisected:?}");
}

#[test]
fn cancelling_stops_the_work() {
    let run = Run::new(0);
    let problem = Logistic::new(array![[0.0], [1.0]], vec![1.0, 3.0], vec![3.0, 1.0], 0.1).unwrap();
    let minimum = problem.fit(&run).unwrap();
    run.cancel().set();
    assert!(matches!(problem.extreme(&minimum, &[0.0, 1.0], 1.0, &run), Err(Error::Cancelled)));
    assert!(matches!(problem.fit(&run), Err(Error::Cancelled)));
}

fn problem_of(cells: &[f64], labels: &[bool]) -> Logistic {
    let x = Array2::from_shape_vec((labels.len(), 2), cells[..2 * labels.len()].to_vec()).unwrap();
    Logistic::of_labels(x, labels, 0.05).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// No step of a star around the fit is lower, and its gradient is 0.
    #[test]
    fn the_fit_is_the_least(cells in prop::collection::vec(-3.0..3.0_f64, 60), labels in prop::collection::vec(any::<bool>(), 4..30)) {
        // Labels of one kind have no least loss: the intercept is free.
        prop_assume!(labels.iter().any(|l| *l) && labels.iter().any(|l| !l));
        let problem = problem_of(&cells, &labels);
        let fit = problem.fit(&Run::new(0)).unwrap();
        prop_assert!(problem.gradient(&fit.weights).1.iter().all(|g| g.abs() < 1e-7));
        for j in 0..3 {
            for step in [-0.1, 0.1] {
                let mut moved = fit.weights.clone();
                moved[j] += step;
                prop_assert!(problem.value(&moved) > fit.value);
            }
        }
    }

    /// The edge keeps the bound, no random feasible model goes further, and neither does the Lagrangian bound.
    #[test]
    fn the_edge_is_the_furthest(
        cells in prop::collection::vec(-3.0..3.0_f64, 60),
        labels in prop::collection::vec(any::<bool>(), 4..30),
        direction in prop::collection::vec(-2.0..2.0_f64, 3),
        more in 0.005..0.5_f64,
        rays in prop::collection::vec(-1.0..1.0_f64, 3 * 40),
    ) {
        // Labels of one kind have no least loss: the intercept is free.
        prop_assume!(labels.iter().any(|l| *l) && labels.iter().any(|l| !l));
        let problem = problem_of(&cells, &labels);
        let run = Run::new(0);
        let minimum = problem.fit(&run).unwrap();
        let bound = (1.0 + more) * minimum.value;
        let found = problem.extreme(&minimum, &direction, bound, &run).unwrap();
        prop_assert!(found.loss <= bound);
        for ray in rays.chunks(3) {
            let at = |s: f64| -> Vec<f64> { minimum.weights.iter().zip(ray).map(|(w, r)| w + s * r).collect() };
            let (mut inside, mut outside) = (0.0, 1e3);
            for _ in 0..60 {
                let middle = 0.5 * (inside + outside);
                if problem.value(&at(middle)) <= bound { inside = middle } else { outside = middle }
            }
            prop_assert!(dot(Some(&direction), &at(inside)) >= found.value - 1e-6);
        }
        // Weak duality: least of c w + (F(w) - bound) / t over all w is no more than the constrained least.
        if found.multiplier > 0.0 {
            let tilt: Vec<f64> = direction.iter().map(|c| found.multiplier * c).collect();
            let (w, _) = problem.descend(found.weights.clone(), Some(&tilt), &run).unwrap();
            let dual = dot(Some(&direction), &w) + (problem.value(&w) - bound) / found.multiplier;
            prop_assert!(found.value - dual < 1e-5 * (1.0 + found.value.abs()), "{} {dual}", found.value);
        }
    }
}
