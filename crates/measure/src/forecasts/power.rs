//! Which score notices what at which size: the power of the metrics of forecasts on made-up errors.
//!
//! # Idea
//! A proper score is best for the true forecaster on average, but with few forecasts, few samples and many dimensions
//! the average may hide in noise. So a true forecaster and one with a planted flaw forecast the same Gaussian data
//! many times over, and each rule says who was better.
//!
//! # Equations
//! What comes is Gaussian in d dimensions with mean 0, variance 1 and the same correlation r between any two. The true
//! forecaster draws m samples of it for each of n steps; the flawed one has a mean of `mean_shift` in each dimension,
//! or `spread` times the standard deviation, or no correlation. `better` is the share of trials in which the mean score
//! of the true forecaster is the better one (equal ones count half), `power` the share in which the paired one-sided t
//! test of the scores per step says so at 0.05. A rule that cannot see the flaw has 0.5 and 0.05; below 0.5 it prefers
//! the flaw.
//!
//! # References
//! Marcotte, Zantedeschi, Drouin, Chapados 2023, Regions of reliability in the evaluation of multivariate probabilistic
//! forecasts, ICML.
//!
//! # Example
//! ```
//! use anomalyst_core::Run;
//! use anomalyst_measure::forecasts::{Flaw, PowerPlan, power_table};
//!
//! let plan = PowerPlan { flaws: vec![Flaw::Mean], mean_shift: 1.0, n_trials: 20, ..PowerPlan::default() };
//! let rows = power_table(&plan, &Run::new(1))?;
//! assert!(rows.iter().any(|row| row.rule == "crps" && row.better > 0.9));
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Random, Result, Run, check_params};
use ndarray::{Array2, Array3};
use rand::RngExt;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ensembles::mean;
use super::{Forecasts, METRICS};
use crate::{AnyMetric, Better};

/// The standard normal's 95th percentile.
const NORMAL_95: f64 = 1.644_853_626_951_472_2;

/// What is tried, and how often.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PowerPlan {
    /// The sizes tried.
    pub sizes: Vec<PowerSize>,
    /// The flaws tried.
    pub flaws: Vec<Flaw>,
    /// Trials for each size; the standard error of a share is at most 0.5 over the root of them.
    #[schemars(range(min = 1, max = 100_000))]
    pub n_trials: usize,
    /// The true correlation between any two dimensions.
    #[schemars(range(min = 0, max = 1))]
    pub correlation: f64,
    /// The wrong mean, in standard deviations.
    #[schemars(range(min = -10, max = 10))]
    pub mean_shift: f64,
    /// The wrong standard deviation, in true ones.
    #[schemars(range(min = 0, max = 10))]
    pub spread: f64,
}

impl Default for PowerPlan {
    fn default() -> Self {
        let size = |n_dims| PowerSize { n_steps: 30, n_dims, n_samples: 50 };
        Self {
            sizes: vec![size(2), size(10)],
            flaws: vec![Flaw::Mean, Flaw::Variance, Flaw::Dependence],
            n_trials: 100,
            correlation: 0.8,
            mean_shift: 0.5,
            spread: 1.5,
        }
    }
}

impl Params for PowerPlan {}

/// How much data a rule has to tell forecasters apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerSize {
    /// Forecasts whose scores are averaged.
    #[schemars(range(min = 5, max = 100_000))]
    pub n_steps: usize,
    /// Dimensions of each.
    #[schemars(range(min = 2, max = 1_000))]
    pub n_dims: usize,
    /// Samples of each.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_samples: usize,
}

/// What is wrong with the flawed forecaster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// The mean of each dimension.
    Mean,
    /// The variance of each dimension.
    Variance,
    /// The dependence: each dimension is right, and they are independent.
    Dependence,
}

impl Flaw {
    /// How tables write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Variance => "variance",
            Self::Dependence => "dependence",
        }
    }
}

/// How well a rule notices a flaw at a size.
#[derive(Clone, Debug, Serialize)]
pub struct PowerRow {
    /// The metric's id.
    pub rule: &'static str,
    /// What was wrong.
    pub flaw: Flaw,
    /// How much data there was.
    pub size: PowerSize,
    /// The share of trials in which the true forecaster had the better mean score.
    pub better: f64,
    /// The share of trials in which a paired t test at 0.05 said so.
    pub power: f64,
}

/// Every metric of forecasts with its default parameters, on each flaw and size of the plan.
pub fn power_table(plan: &PowerPlan, run: &Run) -> Result<Vec<PowerRow>> {
    check_params("power_table", plan)?;
    let rules: Vec<Box<dyn AnyMetric<Forecasts>>> =
        METRICS.iter().map(|entry| entry.default()).collect::<Result<_>>()?;
    let mut rows = Vec::with_capacity(plan.sizes.len() * plan.flaws.len() * rules.len());
    for (i, &size) in plan.sizes.iter().enumerate() {
        let sized = run.child(i as u64);
        let trials: Vec<Vec<Outcome>> = run.install(|| {
            let trials = (0..plan.n_trials as u64).into_par_iter();
            trials
                .map(|trial| {
                    run.check()?;
                    one_trial(plan, size, &rules, &mut sized.random(trial))
                })
                .collect::<Result<_>>()
        })?;
        let share = |at: usize, of: fn(&Outcome) -> f64| {
            trials.iter().map(|outcomes| of(&outcomes[at])).sum::<f64>() / plan.n_trials as f64
        };
        let pairs = plan.flaws.iter().flat_map(|&flaw| rules.iter().map(move |rule| (flaw, rule)));
        rows.extend(pairs.enumerate().map(|(at, (flaw, rule))| PowerRow {
            rule: rule.card().id,
            flaw,
            size,
            better: share(at, |outcome| outcome.better),
            power: share(at, |outcome| outcome.significant),
        }));
    }
    Ok(rows)
}

/// What one rule said of one flaw in one trial; 1 for yes.
struct Outcome {
    better: f64,
    significant: f64,
}

/// One outcome for each flaw and rule, rules running fastest.
fn one_trial(
    plan: &PowerPlan,
    size: PowerSize,
    rules: &[Box<dyn AnyMetric<Forecasts>>],
    random: &mut Random,
) -> Result<Vec<Outcome>> {
    let came = draw(size.n_steps, size.n_dims, plan.correlation, random);
    let ensemble = |flaw: Option<Flaw>, random: &mut Random| {
        let correlation = if flaw == Some(Flaw::Dependence) { 0.0 } else { plan.correlation };
        let shift = if flaw == Some(Flaw::Mean) { plan.mean_shift } else { 0.0 };
        let spread = if flaw == Some(Flaw::Variance) { plan.spread } else { 1.0 };
        let drawn = draw(size.n_steps * size.n_samples, size.n_dims, correlation, random);
        let samples =
            Array3::from_shape_fn((size.n_steps, size.n_samples, size.n_dims), |(step, sample, dim)| {
                shift + spread * drawn[[step * size.n_samples + sample, dim]]
            });
        Forecasts::new(came.clone(), samples)
    };
    let scores = |forecasts: &Forecasts| -> Result<Vec<Vec<f64>>> {
        rules.iter().map(|rule| rule.parts(forecasts).map(Option::unwrap_or_default)).collect()
    };
    let right = scores(&ensemble(None, random)?)?;
    let mut outcomes = Vec::with_capacity(plan.flaws.len() * rules.len());
    for &flaw in &plan.flaws {
        let wrong = scores(&ensemble(Some(flaw), random)?)?;
        for (rule, (right, wrong)) in rules.iter().zip(right.iter().zip(&wrong)) {
            let sign = if rule.card().better == Better::Lower { 1.0 } else { -1.0 };
            let gains: Vec<f64> =
                right.iter().zip(wrong).map(|(right, wrong)| sign * (wrong - right)).collect();
            outcomes.push(judge(&gains));
        }
    }
    Ok(outcomes)
}

/// Whether the mean gain is above 0, and significantly so.
fn judge(gains: &[f64]) -> Outcome {
    let (n, gain) = (gains.len() as f64, mean(gains));
    let better = if gain > 0.0 {
        1.0
    } else if gain == 0.0 {
        0.5
    } else {
        0.0
    };
    let variance = gains.iter().map(|g| (g - gain).powi(2)).sum::<f64>() / (n - 1.0);
    let significant = gain > 0.0 && gain > t_95(n - 1.0) * (variance / n).sqrt();
    Outcome { better, significant: f64::from(u8::from(significant)) }
}

/// The 95th percentile of Student's t with that many degrees of freedom, at least 4: the expansion around the normal
/// one (Abramowitz and Stegun 1964, 26.7.5), 0.002 off at 4 and 0.0001 at 10.
fn t_95(degrees: f64) -> f64 {
    let z = NORMAL_95;
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / degrees + second / degrees.powi(2) + third / degrees.powi(3)
}

/// Rows of standard normals, any two of a row with that correlation: a part that the row shares and one of each.
fn draw(n_rows: usize, n_dims: usize, correlation: f64, random: &mut Random) -> Array2<f64> {
    let (together, alone) = (correlation.sqrt(), (1.0 - correlation).sqrt());
    let mut rows = Array2::zeros((n_rows, n_dims));
    for mut row in rows.rows_mut() {
        let shared = normal(random);
        row.map_inplace(|value| *value = together * shared + alone * normal(random));
    }
    rows
}

/// Standard normal, by the polar method (Marsaglia and Bray 1964).
fn normal(random: &mut Random) -> f64 {
    loop {
        let (a, b) = (random.random_range(-1.0..1.0_f64), random.random_range(-1.0..1.0_f64));
        let square = a * a + b * b;
        if square < 1.0 && square > 0.0 {
            return a * (-2.0 * square.ln() / square).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(rows: &'a [PowerRow], rule: &str, flaw: Flaw) -> &'a PowerRow {
        rows.iter().find(|row| row.rule == rule && row.flaw == flaw).unwrap()
    }

    fn plan(n_dims: usize, n_trials: usize) -> PowerPlan {
        let sizes = vec![PowerSize { n_steps: 30, n_dims, n_samples: 40 }];
        PowerPlan { sizes, n_trials, ..PowerPlan::default() }
    }

    /// The finding of the paper, on data of our own.
    #[test]
    fn the_variogram_sees_dependence_and_the_crps_does_not() {
        let rows = power_table(&plan(5, 200), &Run::new(4)).unwrap();
        let variogram = row(&rows, "variogram_score", Flaw::Dependence);
        assert!(variogram.better > 0.95 && variogram.power > 0.8, "{variogram:?}");
        let crps = row(&rows, "crps", Flaw::Dependence);
        // Chance is 0.5 and 0.05; four standard errors of 200 trials.
        assert!((crps.better - 0.5).abs() < 0.15 && crps.power < 0.12, "{crps:?}");
        // An error that all dimensions share is the other way round.
        let (crps, variogram) = (row(&rows, "crps", Flaw::Mean), row(&rows, "variogram_score", Flaw::Mean));
        assert!(crps.better > 0.9 && (variogram.better - 0.5).abs() < 0.15, "{crps:?} {variogram:?}");
        for rule in ["crps", "energy_score", "variogram_score"] {
            assert!(row(&rows, rule, Flaw::Variance).better > 0.6, "{rule}");
        }
    }

    #[test]
    fn without_a_flaw_there_is_nothing_to_see() {
        let plan = PowerPlan { correlation: 0.0, mean_shift: 0.0, spread: 1.0, ..plan(3, 200) };
        for row in power_table(&plan, &Run::new(5)).unwrap() {
            assert!((row.better - 0.5).abs() < 0.15 && row.power < 0.12, "{row:?}");
        }
    }

    #[test]
    fn threads_do_not_matter_and_bad_plans_are_refused() {
        let table = |n_threads| {
            let rows = power_table(&plan(2, 10), &Run::new(6).with_threads(n_threads)).unwrap();
            serde_json::to_string(&rows).unwrap()
        };
        assert_eq!(table(1), table(4));
        assert_eq!(
            power_table(&PowerPlan { n_trials: 5, ..PowerPlan::default() }, &Run::new(0)).unwrap().len(),
            18
        );
        for bad in [plan(1, 10), plan(2, 0), PowerPlan { correlation: 1.5, ..plan(2, 10) }] {
            assert!(power_table(&bad, &Run::new(0)).is_err(), "{bad:?}");
        }
    }

    /// Tables of Student's t.
    #[test]
    fn percentiles_of_t() {
        for (degrees, want, margin) in
            [(4.0, 2.131_846_8, 2e-3), (10.0, 1.812_461_1, 1e-4), (29.0, 1.699_127_0, 1e-5)]
        {
            assert!((t_95(degrees) - want).abs() < margin, "{}", t_95(degrees));
        }
    }
}
