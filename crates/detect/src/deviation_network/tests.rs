//! The gradient against differences of the loss, the prior, and what few labels teach.

use super::*;
use anomalyst_core::{DetectorExt, Features, Label};
use anomalyst_testkit::normal_rows;
use proptest::prelude::*;

fn loss(network: &Network, rows: &Array2<f64>, is_odd: &[bool], prior: Prior, margin: f64, l2: f64) -> f64 {
    let of = |(row, &odd): (ArrayView1<'_, f64>, &bool)| {
        let deviation = prior.deviation(network.output(&row.to_owned()));
        if odd { (margin - deviation).max(0.0) } else { deviation.abs() }
    };
    let mean = rows.rows().into_iter().zip(is_odd).map(of).sum::<f64>() / is_odd.len() as f64;
    mean + l2 * network.hidden.iter().map(|w| w * w).sum::<f64>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Along a random direction the loss changes as the gradient says; corners of the loss are passed by.
    #[test]
    fn the_gradient_is_the_slope_of_the_loss(seed in any::<u64>(), margin in 0.5_f64..6.0, l2 in 0.0_f64..0.1) {
        let run = Run::new(seed);
        let network = Network::new(3, 4, &mut run.random(0));
        let direction = Network::new(3, 4, &mut run.random(1));
        let rows = normal_rows(12, 3, seed).mapv(f64::from);
        let is_odd: Vec<bool> = (0..12).map(|i| i % 3 == 0).collect();
        let prior = Prior { mean: 0.02, spread: 1.01 };
        let moved = |by: f64| Network {
            hidden: &network.hidden + &(&direction.hidden * by),
            hidden_bias: &network.hidden_bias + &(&direction.hidden_bias * by),
            out: &network.out + &(&direction.out * by),
            out_bias: &network.out_bias + &(&direction.out_bias * by),
        };
        let at = |by: f64| loss(&moved(by), &rows, &is_odd, prior, margin, l2);
        let (h, g) = (1e-6, network.gradient(&rows, &is_odd, prior, (margin, l2)));
        let (right, left) = ((at(h) - at(0.0)) / h, (at(0.0) - at(-h)) / h);
        prop_assume!((right - left).abs() < 1e-4);
        let want = (&g.hidden * &direction.hidden).sum() + g.hidden_bias.dot(&direction.hidden_bias)
            + g.out.dot(&direction.out) + g.out_bias.dot(&direction.out_bias);
        prop_assert!(((right + left) / 2.0 - want).abs() < 1e-4 * want.abs().max(1.0), "{right} {left} {want}");
    }
}

/// 5000 draws: the standard errors of mean and deviation are 0.014 and 0.01.
#[test]
fn the_prior_is_standard_normal() {
    let prior = Prior::draw(&mut Run::new(2).random(0));
    assert!(prior.mean.abs() < 0.06 && (prior.spread - 1.0).abs() < 0.04, "{} {}", prior.mean, prior.spread);
}

/// Rows that lean to one side in all of 20 columns, none of which shows it; ten are known.
#[test]
fn a_direction_is_learned_from_ten_labels() {
    let mut values = normal_rows(800, 20, 5);
    (0..800).step_by(20).for_each(|row| values.row_mut(row).iter_mut().for_each(|v| *v += 1.2));
    let label =
        |row: usize| if row.is_multiple_of(20) && row < 200 { Label::Anomalous } else { Label::Unknown };
    let rows = Features { labels: Some((0..800).map(label).collect()), ..Features::rows(values) };
    let run = Run::new(0);
    let (fitted, own) = DeviationNetwork::default().fit_score_on(&rows, &run).unwrap();
    let new = fitted.score(&rows, &run).unwrap();
    let mean = |rows: &mut dyn Iterator<Item = usize>| {
        let scores: Vec<f32> = rows.map(|row| own[row]).collect();
        scores.iter().sum::<f32>() / scores.len() as f32
    };
    let (hidden, normal) =
        (mean(&mut (200..800).step_by(20)), mean(&mut (200..800).filter(|row| row % 20 != 0)));
    assert!(hidden > normal + 1.0, "{hidden} {normal}");
    let known: f32 = (0..200).step_by(20).map(|row| new[row]).sum::<f32>() / 10.0;
    assert!((known - 5.0).abs() < 1.5, "known anomalies are near the margin: {known}");
    assert!(own[0] != new[0], "training rows are not scored as if they were new");
}

#[test]
fn a_wild_value_grows_with_its_logarithm() {
    let scale = Scale { center: vec![1.0], spread: vec![2.0] };
    let z = |v: f32| scale.apply(ndarray::array![v].view())[0];
    assert_eq!((z(1.0), z(5.0), z(21.0)), (0.0, 2.0, 10.0));
    assert!((z(201.0) - (10.0 + 10.0_f64.ln())).abs() < 1e-9 && z(-199.0) == -z(201.0));
}
