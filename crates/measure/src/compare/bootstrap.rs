//! Intervals by the bootstrap: over items, over blocks of series, over data sets.
//!
//! # Idea
//! Items drawn again with replacement stand for other data of the kind; the spread of a metric over many such draws
//! is how far its value can be trusted.
//!
//! # What is drawn
//! Items: within each class, so that the share of anomalies stays. Series: blocks of neighbouring points, wrapping at
//! the end of each series (the circular block bootstrap of Politis and Romano 1992), since neighbours are not
//! independent; steps of forecasts likewise. Items in groups: one by one. Maps of scores: whole, those with a defect and
//! those without apart. Data sets: whole.
//!
//! # Work
//! Where replicates times items would pass 5e8, fewer replicates are drawn: 500 of a million items, 50 of ten
//! million. Percentiles of fewer than 50 values mean nothing, so then there is no interval.
//!
//! # References
//! Efron 1987, JASA 82. doi:10.2307/2289144 (the interval of means)
//! Politis, Romano 1992, A circular block-resampling procedure for stationary data, in Exploring the Limits of Bootstrap.

use anomalyst_core::{Error, Interval, Random, Result, Run};
use rand::RngExt;
use rayon::prelude::*;
use serde::Serialize;

use super::delong::check_level;
use super::special::{normal_quantile, normal_tail};
use crate::{AnyMetric, Case, Redraw};

/// Items drawn in all, at most.
const MAX_WORK: usize = 500_000_000;
/// Values that percentiles need at least.
const MIN_REPLICATES: usize = 50;

/// How to draw again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bootstrap {
    /// How many times.
    pub n_replicates: usize,
    /// Probability that the interval holds the value, such as 0.95.
    pub level: f64,
    /// Points per block for series, such as [`default_block_len`]; `None` draws items one by one.
    pub block: Option<usize>,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { n_replicates: 1000, level: 0.95, block: None }
    }
}

/// An interval and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Resampled {
    /// The percentiles of the replicates around the value on the data itself, which a skewed metric can leave outside.
    pub interval: Interval,
    /// Replicates that have a value.
    pub n_used: usize,
    /// Replicates in which the metric has none.
    pub n_left_out: usize,
}

/// The percentile interval of `metric` on `input`; the same on any number of threads.
///
/// `None` where fewer than 50 replicates are affordable or have a value, or where draws would tell nothing.
pub fn bootstrap_interval<I: Redraw>(
    input: &I,
    metric: &dyn AnyMetric<I>,
    plan: Bootstrap,
    run: &Run,
) -> Result<Option<Resampled>> {
    Ok(bootstrap_intervals(input, &[metric], plan, run)?.pop().flatten())
}

/// The percentile interval of each metric, all on the same draws; that of a metric is the same whichever others are
/// asked for, and work that metrics share is done once per draw.
pub fn bootstrap_intervals<I: Redraw>(
    input: &I,
    metrics: &[&dyn AnyMetric<I>],
    plan: Bootstrap,
    run: &Run,
) -> Result<Vec<Option<Resampled>>> {
    check_level(plan.level)?;
    run.install(|| {
        let means: Vec<f64> = metrics.iter().map(|metric| metric.measure(input)).collect::<Result<_>>()?;
        if plan.n_replicates < MIN_REPLICATES || metrics.is_empty() {
            return Ok(vec![None; metrics.len()]);
        }
        if !input.prepare(plan.block)? {
            return Ok(vec![None; metrics.len()]);
        }
        let n_replicates = plan.n_replicates.min(MAX_WORK / input.n_units().max(1));
        if n_replicates < MIN_REPLICATES {
            return Ok(vec![None; metrics.len()]);
        }
        let n_at_once = input.n_at_once().max(1);
        let some = |first: usize| -> Result<Vec<Vec<Option<f64>>>> {
            let replicates = first * n_at_once..((first + 1) * n_at_once).min(n_replicates);
            let mut randoms: Vec<Random> = replicates.map(|i| run.random(i as u64)).collect();
            let drawn = input.redrawn_at_once(plan.block, &mut randoms)?;
            drawn.iter().map(|drawn| replicate(drawn, metrics, run)).collect()
        };
        let n_parts = n_replicates.div_ceil(n_at_once);
        let drawn: Vec<_> = (0..n_parts).into_par_iter().map(some).collect::<Result<_>>()?;
        let drawn = drawn.concat();
        let of_metric = |(at, &mean): (usize, &f64)| {
            let values = drawn.iter().filter_map(|values| values[at]).collect();
            resampled(values, n_replicates, mean, plan.level)
        };
        Ok(means.iter().enumerate().map(of_metric).collect())
    })
}

/// The value of each metric on a draw, where it has one.
fn replicate<I>(drawn: &I, metrics: &[&dyn AnyMetric<I>], run: &Run) -> Result<Vec<Option<f64>>> {
    let value = |metric: &&dyn AnyMetric<I>| {
        run.check()?;
        match metric.measure(drawn) {
            Ok(value) => Ok(value.is_finite().then_some(value)),
            Err(stop @ (Error::Cancelled | Error::Budget { .. })) => Err(stop),
            Err(_) => Ok(None),
        }
    };
    metrics.iter().map(value).collect()
}

/// Percentiles of the replicates that have a value.
fn resampled(mut values: Vec<f64>, n_replicates: usize, mean: f64, level: f64) -> Option<Resampled> {
    if values.len() < MIN_REPLICATES {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    let interval =
        Interval { low: quantile(&values, tail), mean, high: quantile(&values, 1.0 - tail), level };
    Some(Resampled { interval, n_used: values.len(), n_left_out: n_replicates - values.len() })
}

/// Positions of `n` neighbours drawn with replacement in blocks of `block_len` that wrap at the end.
pub(crate) fn drawn_in_blocks(n: usize, block_len: usize, random: &mut Random) -> Vec<usize> {
    let block_len = block_len.clamp(1, n.max(1));
    let mut drawn = Vec::with_capacity(n + block_len);
    while drawn.len() < n {
        let start = random.random_range(0..n);
        drawn.extend((start..start + block_len).map(|at| at % n));
    }
    drawn.truncate(n);
    drawn
}

/// A block length that keeps what belongs together: the longest anomaly, a whole period, and at least the cube root
/// of the points, whichever is longest, but at most a quarter of the points, so that draws differ.
pub fn default_block_len(case: &Case) -> usize {
    let longest_of = |labels: &[bool]| labels.split(|odd| !odd).map(<[bool]>::len).max().unwrap_or(0);
    let longest = case.series().map(|series| longest_of(series.labels)).max().unwrap_or(0);
    let period = case.series().find_map(|series| series.period).unwrap_or(0);
    let root = (case.len() as f64).cbrt().ceil() as usize;
    longest.max(period).max(root).min(case.len() / 4).max(1)
}

/// The mean of one value per data set, with its BCa interval from 10,000 draws of data sets.
///
/// `None` below two values or where one is not finite; values that are all alike give that value alone.
pub fn mean_interval(values: &[f64], level: f64, run: &Run) -> Result<Option<Interval>> {
    const N_DRAWS: usize = 10_000;
    check_level(level)?;
    let n = values.len();
    if n < 2 || !values.iter().all(|v| v.is_finite()) {
        return Ok(None);
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let spread: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    if spread <= f64::EPSILON * mean * mean {
        return Ok(Some(Interval { low: mean, mean, high: mean, level }));
    }
    let random = &mut run.random(0);
    let mut means = Vec::with_capacity(N_DRAWS);
    for _ in 0..N_DRAWS {
        run.check()?;
        means.push((0..n).map(|_| values[random.random_range(0..n)]).sum::<f64>() / n as f64);
    }
    means.sort_unstable_by(f64::total_cmp);
    // Means equal to the value count half, as draws of few data sets often repeat it.
    let below = means.partition_point(|m| *m < mean) as f64;
    let equal = means.partition_point(|m| *m <= mean) as f64 - below;
    let bias = normal_quantile(((below + equal / 2.0) / N_DRAWS as f64).clamp(1e-4, 1.0 - 1e-4));
    // The jackknife's skewness; for a mean, what leaving out value i moves is in proportion to v_i - mean.
    let skew: f64 = values.iter().map(|v| (v - mean).powi(3)).sum::<f64>() / (6.0 * spread.powf(1.5));
    let corrected = |z: f64| {
        let moved = bias + z;
        let stretch = (1.0 - skew * moved).max(1e-9);
        quantile(&means, normal_tail(-(bias + moved / stretch)))
    };
    let z = normal_quantile(f64::midpoint(1.0, level));
    Ok(Some(Interval { low: corrected(-z), mean, high: corrected(z), level }))
}

/// Between the two nearest of `sorted`, in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items;

    fn auroc() -> Box<dyn AnyMetric<Case>> {
        items::METRICS.iter().find(|entry| entry.card.id == "auroc").unwrap().default().unwrap()
    }

    fn case(n: usize, run: &Run) -> Case {
        let random = &mut run.random(99);
        let labels: Vec<bool> = (0..n).map(|row| row % 20 < 5).collect();
        let scores = labels
            .iter()
            .map(|&odd| f64::from(u8::from(odd)) * 0.5 + random.random_range(0.0..1.0))
            .collect();
        Case::new(labels).with_scores(scores).unwrap()
    }

    #[test]
    fn the_same_on_any_number_of_threads_and_near_delong() {
        let run = Run::new(4);
        let case = case(400, &run);
        let by = |n_threads| {
            bootstrap_interval(&case, &*auroc(), Bootstrap::default(), &run.clone().with_threads(n_threads))
                .unwrap()
                .unwrap()
        };
        let drawn = by(1);
        assert_eq!(drawn, by(3));
        assert_eq!((drawn.n_used, drawn.n_left_out), (1000, 0));
        let delong =
            super::super::DeLong::new(case.labels(), &[case.scores()]).unwrap().interval(0, 0.95).unwrap();
        let got = drawn.interval;
        assert!(
            (got.low - delong.low).abs() < 0.01 && (got.high - delong.high).abs() < 0.01,
            "{got:?} {delong:?}"
        );
    }

    #[test]
    fn blocks_keep_series_and_count_what_has_no_value() {
        let run = Run::new(4);
        let labels: Vec<bool> = (0..40).map(|row| row == 7).collect();
        let times = (0..40).map(f64::from).collect();
        let case = Case::new(labels)
            .with_scores((0..40).map(f64::from).collect())
            .and_then(|case| case.with_series(vec![15, 40]))
            .and_then(|case| case.with_times(times))
            .unwrap();
        let drawn = case.redrawn(Some(4), &mut run.random(0)).unwrap();
        assert_eq!(drawn.series_ranges(), case.series_ranges());
        assert!(
            drawn.scores()[..15].iter().all(|s| *s < 15.0) && drawn.scores()[15..].iter().all(|s| *s >= 15.0)
        );
        assert!(drawn.scores()[..4].windows(2).all(|pair| pair[1] == (pair[0] + 1.0) % 15.0));
        let plan = Bootstrap { n_replicates: 400, block: Some(4), ..Bootstrap::default() };
        let got = bootstrap_interval(&case, &*auroc(), plan, &run).unwrap().unwrap();
        assert!(got.n_left_out > 50 && got.n_used + got.n_left_out == 400, "{got:?}");
        assert_eq!(default_block_len(&case), 4);
        assert_eq!(default_block_len(&case.with_period(7)), 7);
    }

    #[test]
    fn too_few_replicates_give_no_interval() {
        let run = Run::new(1);
        let plan = Bootstrap { n_replicates: 10, ..Bootstrap::default() };
        assert_eq!(bootstrap_interval(&case(40, &run), &*auroc(), plan, &run).unwrap(), None);
        let plan = Bootstrap { level: 1.0, ..Bootstrap::default() };
        assert!(bootstrap_interval(&case(40, &run), &*auroc(), plan, &run).is_err());
    }

    /// scipy.stats.bootstrap(method="BCa"), golden/compare.py; both draw at random, hence 0.01.
    #[test]
    fn means_match_reference() {
        let run = Run::new(2);
        let values = [0.9, 0.85, 0.4, 0.95, 0.7, 0.88, 0.92, 0.6];
        let got = mean_interval(&values, 0.95, &run).unwrap().unwrap();
        assert!((got.low - 0.6125).abs() < 0.01 && (got.high - 0.875).abs() < 0.01, "{got:?}");
        assert_eq!(mean_interval(&[0.5], 0.95, &run).unwrap(), None);
        assert_eq!(mean_interval(&[0.5; 3], 0.95, &run).unwrap().map(|i| (i.low, i.high)), Some((0.5, 0.5)));
    }
}
