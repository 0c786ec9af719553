//! Which score finds which flaw with how much data: the regions of reliability of Marcotte et al.
//!
//! # Idea
//! Gaussian data, one forecaster that knows its distribution and one that is wrong in one way. The share of trials in
//! which a score prefers the first says whether it can be relied on with so many times and dimensions; 0.5 is a coin.
//!
//! # Differences
//! The paper reports the power of a test at level 0.05; the share of trials needs no distribution under the null.
//!
//! # References
//! Marcotte, Zantedeschi, Drouin, Chapados 2023, Regions of Reliability in the Evaluation of Multivariate
//! Probabilistic Forecasts, ICML.

use anomalyst_core::{Random, Result, Run};
use ndarray::{Array2, Array3, ArrayViewMut1};
use rand::RngExt;
use serde::Serialize;

use super::{Forecasts, METRICS};

/// How the wrong forecaster is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// Half a standard deviation too high in every dimension.
    Mean,
    /// Half the standard deviation.
    Variance,
    /// Independent dimensions, where they are correlated.
    Dependence,
}

/// The sizes to try.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PowerPlan {
    /// Numbers of times.
    pub n_times: Vec<usize>,
    /// Numbers of dimensions.
    pub n_columns: Vec<usize>,
    /// Members per ensemble.
    pub n_members: usize,
    /// Trials per cell.
    pub n_trials: usize,
    /// Correlation of any two dimensions of the data, from 0 to 1.
    pub correlation: f64,
}

impl Default for PowerPlan {
    fn default() -> Self {
        Self { n_times: vec![10, 40], n_columns: vec![2, 8], n_members: 32, n_trials: 50, correlation: 0.7 }
    }
}

/// One score, one flaw, one size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PowerCell {
    /// The flaw of the wrong forecaster.
    pub flaw: Flaw,
    /// Number of times.
    pub n_times: usize,
    /// Number of dimensions.
    pub n_columns: usize,
    /// Id of the score.
    pub rule: &'static str,
    /// Share of trials in which the forecaster that is right has the lower score; ties count half.
    pub share: f64,
}

/// All cells of the plan, scores innermost; the same for the same seed.
pub fn power_table(plan: &PowerPlan, run: &Run) -> Result<Vec<PowerCell>> {
    let mut cells = Vec::new();
    let mut stream = 0;
    for flaw in [Flaw::Mean, Flaw::Variance, Flaw::Dependence] {
        for &n_times in &plan.n_times {
            for &n_columns in &plan.n_columns {
                let mut wins = vec![0.0; METRICS.len()];
                for _ in 0..plan.n_trials {
                    run.check()?;
                    trial(plan, flaw, (n_times, n_columns), &mut run.random(stream), &mut wins)?;
                    stream += 1;
                }
                cells.extend(METRICS.iter().zip(wins).map(|(entry, won)| PowerCell {
                    flaw,
                    n_times,
                    n_columns,
                    rule: entry.card.id,
                    share: won / plan.n_trials.max(1) as f64,
                }));
            }
        }
    }
    Ok(cells)
}

/// Adds to `wins` which scores prefer the forecaster that is right.
fn trial(
    plan: &PowerPlan,
    flaw: Flaw,
    (n_times, n_columns): (usize, usize),
    random: &mut Random,
    wins: &mut [f64],
) -> Result<()> {
    let right = (0.0, 1.0, plan.correlation.clamp(0.0, 1.0));
    let wrong = match flaw {
        Flaw::Mean => (0.5, right.1, right.2),
        Flaw::Variance => (right.0, 0.5, right.2),
        Flaw::Dependence => (right.0, right.1, 0.0),
    };
    let mut observed = Array2::zeros((n_times, n_columns));
    for row in observed.rows_mut() {
        draw(right, row, random);
    }
    let mut judge = |gaussian| {
        let mut samples = Array3::zeros((n_times, plan.n_members, n_columns));
        for row in samples.rows_mut() {
            draw(gaussian, row, random);
        }
        Forecasts::new(observed.clone(), samples)
    };
    let judged = [judge(right)?, judge(wrong)?];
    for (entry, won) in METRICS.iter().zip(wins) {
        let metric = entry.default()?;
        let (good, bad) = (metric.measure(&judged[0])?, metric.measure(&judged[1])?);
        *won += if good < bad { 1.0 } else { f64::from(u8::from(good == bad)) / 2.0 };
    }
    Ok(())
}

/// Fills `row` with a Gaussian vector of a mean, a standard deviation and a correlation of any two dimensions.
fn draw((mean, deviation, correlation): (f64, f64, f64), row: ArrayViewMut1<'_, f64>, random: &mut Random) {
    let common = correlation.sqrt() * normal(random);
    let own = (1.0 - correlation).sqrt();
    for to in row {
        *to = mean + deviation * (common + own * normal(random));
    }
}

/// A standard normal variable after Box and Muller.
fn normal(random: &mut Random) -> f64 {
    let radius = (-2.0 * (1.0 - random.random_range(0.0..1.0_f64)).ln()).sqrt();
    radius * (2.0 * std::f64::consts::PI * random.random_range(0.0..1.0_f64)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variogram_score_finds_wrong_dependence_best_and_crps_not_at_all() {
        let plan = PowerPlan { n_times: vec![20], n_columns: vec![6], ..PowerPlan::default() };
        let table = power_table(&plan, &Run::new(1)).unwrap();
        assert_eq!(table, power_table(&plan, &Run::new(1)).unwrap());
        let share = |flaw, rule| {
            table.iter().find(|cell| cell.flaw == flaw && cell.rule == rule).map(|cell| cell.share).unwrap()
        };
        // Over 300 trials: variogram 1.00, energy 0.81, CRPS 0.45; the energy score is weaker, not blind.
        let all = METRICS.iter().map(|entry| share(Flaw::Dependence, entry.card.id)).collect::<Vec<f64>>();
        assert!(share(Flaw::Dependence, "variogram_score") > 0.95, "{all:?}");
        assert!(share(Flaw::Dependence, "crps") < 0.75, "{all:?}");
        assert!(share(Flaw::Dependence, "energy_score") < 0.95, "{all:?}");
        // A shift of all dimensions is what it cannot see.
        assert!(share(Flaw::Mean, "variogram_score") < 0.75 && share(Flaw::Mean, "crps") > 0.85);
        assert!(share(Flaw::Variance, "crps") > 0.7);
    }
}
