//! A channel taken apart into trend, season and rest.

use anomalyst_core::{PartsPicture, Result, Run, Series};
use anomalyst_kernels::stats::Moments;
use anomalyst_kernels::stl::{Decomposition, Stl};

use super::Buckets;
use crate::series::outcome::period_of;
use crate::series::reading::usual_step;

/// Longer series are not taken apart: it would take longer than to find what is odd in them.
const MOST_POINTS: usize = 1_000_000;
/// Periods that are needed for a season to be told from chance.
const FEWEST_PERIODS: usize = 4;
/// Seasons over which a season is smoothed. With fewer it would follow noise: of pure noise the season takes a share of
/// about 1 by half of this.
const SMOOTHED: usize = 15;
/// Share of the variance around the trend from which on a channel is said to repeat itself.
const STRENGTH: f64 = 0.4;
/// Share of the values that may be missing.
const MOST_MISSING: f64 = 0.5;
/// Larger values have no squares.
const LARGEST: f64 = 1e150;

/// The parts of `channel`, by robust STL (Cleveland et al. 1990), where it repeats itself: where the season takes at
/// least [`STRENGTH`] of the variance around the trend (Wang, Smith, Hyndman 2006, section 2.2).
pub(super) fn parts(
    series: &Series,
    buckets: &Buckets,
    channel: usize,
    run: &Run,
) -> Result<Option<PartsPicture>> {
    let points = &buckets.points;
    if points.len() > MOST_POINTS {
        return Ok(None);
    }
    let values = points.clone().map(|point| series.values[(point, channel)]);
    let Some(values) = bridged(values.collect()) else { return Ok(None) };
    let Some(period) = period_of(&values)? else { return Ok(None) };
    if values.len() < FEWEST_PERIODS * period {
        return Ok(None);
    }
    let whole = Stl::with_seasonal(period, SMOOTHED).robust().jumping().decompose(&values, run)?;
    let Some(season) = whole.seasonal.first() else { return Ok(None) };
    let strength = strength(season, &whole);
    // Where nothing is left to vary there is no share of it.
    if strength.is_nan() || strength < STRENGTH {
        return Ok(None);
    }
    let drawn = |part: &[f64]| buckets.ends(|point| part[point - points.start]);
    let step = series.times.as_ref().and_then(|times| usual_step(&times[points.clone()]));
    Ok(Some(PartsPicture {
        channel: series.channels[channel].clone(),
        period,
        period_micros: step.map(|step| step.saturating_mul(period as i64)),
        strength,
        trend: drawn(&whole.trend),
        season: drawn(season),
        rest: drawn(&whole.residual),
    }))
}

/// Share of the variance without trend that recurs, among points that are not so odd that they had no weight.
fn strength(season: &[f64], whole: &Decomposition) -> f64 {
    let (mut both, mut rest) = (Moments::default(), Moments::default());
    for ((s, r), weight) in season.iter().zip(&whole.residual).zip(&whole.weights) {
        if *weight > 0.0 {
            both.push(s + r);
            rest.push(*r);
        }
    }
    (1.0 - rest.variance() / both.variance()).max(0.0)
}

/// The values with lines over what is missing; `None` where too much is, or where they are too large to be squared.
fn bridged(mut values: Vec<f64>) -> Option<Vec<f64>> {
    let known: Vec<usize> = (0..values.len()).filter(|&i| values[i].is_finite()).collect();
    let too_few = (known.len() as f64) < (1.0 - MOST_MISSING) * values.len() as f64;
    if known.is_empty() || too_few || known.iter().any(|&i| values[i].abs() > LARGEST) {
        return None;
    }
    let (first, last) = (known[0], known[known.len() - 1]);
    let (start, end) = (values[first], values[last]);
    values[..first].fill(start);
    values[last + 1..].fill(end);
    for pair in known.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let slope = (values[b] - values[a]) / (b - a) as f64;
        for i in a + 1..b {
            values[i] = values[a] + slope * (i - a) as f64;
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_kernels::draw::normal;
    use ndarray::Array2;

    fn parts_of(values: Vec<f64>) -> Option<PartsPicture> {
        let series = Series::one(Array2::from_shape_vec((values.len(), 1), values).unwrap());
        let buckets = Buckets::new(&(0..series.n_points()), 5000);
        parts(&series, &buckets, 0, &Run::new(0)).unwrap()
    }

    #[test]
    fn what_repeats_is_taken_apart_and_adds_up() {
        let mut random = Run::new(1).random(0);
        let wave = |i: usize| (std::f64::consts::TAU * i as f64 / 24.0).sin();
        let mut values: Vec<f64> =
            (0..2000).map(|i| 0.001 * i as f64 + wave(i) + 0.1 * normal(&mut random)).collect();
        (700..720).for_each(|i| values[i] = f64::NAN);
        // What is odd neither hides the season nor becomes one.
        (900..920).for_each(|i| values[i] += 30.0);
        let parts = parts_of(values.clone()).unwrap();
        assert_eq!(parts.period, 24);
        assert!(parts.strength > 0.9, "{}", parts.strength);
        for i in (0..2000).filter(|i| !(700..720).contains(i)) {
            let sum = parts.trend[i][0] + parts.season[i][0] + parts.rest[i][0];
            assert!((sum - values[i]).abs() < 1e-9, "{i}");
        }
    }

    #[test]
    fn noise_walks_and_huge_or_missing_values_have_no_season() {
        let mut random = Run::new(7).random(0);
        let noise: Vec<f64> = (0..3000).map(|_| normal(&mut random)).collect();
        let walk = noise.iter().scan(0.0, |at, step| {
            *at += step;
            Some(*at)
        });
        assert!(parts_of(walk.collect()).is_none());
        assert!(parts_of(noise).is_none());
        assert!(parts_of(vec![5.0; 1000]).is_none());
        assert!(parts_of((0..1000).map(|i| if i % 2 == 0 { 1e300 } else { -1e300 }).collect()).is_none());
        assert!(parts_of(vec![f64::NAN; 1000]).is_none());
    }
}
