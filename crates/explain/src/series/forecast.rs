//! Three plain forecasts, the choice between them, and how far the chosen one is usually off.
//!
//! The level, the line and the last value are right for steady, drifting and wandering channels. Which of these a
//! channel is, its own past says: each forecast is made at many earlier points, and the one that was off least is
//! taken. How far it was off, by how far ahead it looked, is the expected band.

use anomalyst_kernels::stats::{median, quantile_of_sorted};

/// Points that a level or a line is learned from, at least and at most; twice the event's length in between.
const LEAST_LEARNED: usize = 20;
const MOST_LEARNED: usize = 200;
/// Points of the past that are used at most, the nearest ones.
const MOST_PAST: usize = 6_000;
/// Earlier points at which forecasts are made.
const TRIALS: usize = 120;
/// Steps ahead that are looked at in each trial, at most.
const STEPS: usize = 96;
/// The less simple forecast is taken only if it is off by less than this share of the simpler one's error.
const SIMPLER: f64 = 0.9;
/// The last value is the median of this many, so that a single odd point does not move all that follows.
const LAST: usize = 3;
/// The band holds the middle 95 %, two numbers of which are these many standard deviations apart at the normal.
const TAIL: f64 = 0.025;
const BAND_TO_SIGMA: f64 = 3.919_927_969_080_109;
/// The least half width of a band, in spreads of the channel, so that nothing is divided by 0.
const LEAST_SIGMA: f64 = 1e-3;

/// What continues a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The median of the last points.
    Level,
    /// The last value.
    Last,
    /// A resistant line through the last points.
    Line,
}

/// Learnable points in the order in which the forecast meets them; times fall where it goes backwards.
pub(super) struct Past {
    pub(super) at: Vec<f64>,
    pub(super) y: Vec<f64>,
}

impl Past {
    /// Keeps the nearest points only.
    pub(super) fn trimmed(mut self) -> Self {
        let cut = self.y.len().saturating_sub(MOST_PAST);
        self.at.drain(..cut);
        self.y.drain(..cut);
        self
    }
}

/// A forecast with its usual errors.
pub(super) struct Forecast {
    pub(super) rule: Rule,
    past: Past,
    n_learned: usize,
    /// Steps ahead, low and high error; ascending.
    errors: Vec<(f64, f64, f64)>,
    /// For each trial the excess of its path, to compare an event's with.
    pub(super) usual_excess: Vec<f64>,
}

/// Start and slope of what is expected next.
struct Path {
    origin: f64,
    level: f64,
    slope: f64,
}

impl Path {
    fn at(&self, time: f64) -> f64 {
        self.level + self.slope * (time - self.origin)
    }
}

/// The mean of the most deviating tenth: one number for short and long stretches that a single point of a long one
/// does not decide.
pub(super) fn excess(mut deviations: Vec<f64>) -> f64 {
    let n = deviations.len().div_ceil(10);
    if n == 0 {
        return 0.0;
    }
    deviations.iter_mut().for_each(|d| *d = d.abs());
    deviations.sort_unstable_by(|a, b| b.total_cmp(a));
    deviations[..n].iter().sum::<f64>() / n as f64
}

impl Forecast {
    /// Learns from `past` to look `ahead` steps forward; `None` where there is no past.
    pub(super) fn learn(past: Past, ahead: usize) -> Option<Self> {
        let n = past.y.len();
        if n == 0 {
            return None;
        }
        let n_learned = (2 * ahead).clamp(LEAST_LEARNED, MOST_LEARNED).min((n / 3).max(1));
        let horizon = ahead.min(n / 3).max(1);
        let steps = steps_to(horizon);
        let last_origin = n.saturating_sub(horizon);
        let first_origin = n_learned.min(last_origin);
        let n_trials = TRIALS.min(last_origin - first_origin + 1);
        let origins: Vec<usize> = (0..n_trials)
            .map(|i| first_origin + (last_origin - first_origin) * i / n_trials.max(2).saturating_sub(1))
            .filter(|&origin| origin > 0 && origin < n)
            .collect();
        let mut best: Option<(Rule, Vec<Vec<f64>>, f64)> = None;
        for rule in [Rule::Level, Rule::Last, Rule::Line] {
            let errors: Vec<Vec<f64>> = origins
                .iter()
                .map(|&origin| {
                    let path = path(rule, &past, origin, n_learned);
                    let ahead = steps.iter().map(|step| origin + step - 1).filter(|&i| i < n);
                    ahead.map(|i| past.y[i] - path.at(past.at[i])).collect()
                })
                .collect();
            let off = mean_median_error(&errors, steps.len());
            if best.as_ref().is_none_or(|best| off < best.2 * SIMPLER) {
                best = Some((rule, errors, off));
            }
        }
        let (rule, errors, _) = best?;
        let mut forecast = Self { rule, past, n_learned, errors: Vec::new(), usual_excess: Vec::new() };
        forecast.learn_errors(&steps, &errors);
        forecast.usual_excess = errors
            .iter()
            .map(|errors| {
                let ahead = errors.iter().zip(&steps);
                excess(ahead.map(|(error, &step)| error / forecast.sigma(step as f64)).collect())
            })
            .collect();
        Some(forecast)
    }

    /// Quantiles of the errors by how far ahead they are, neighbours pooled.
    fn learn_errors(&mut self, steps: &[usize], errors: &[Vec<f64>]) {
        let mut edge = 1;
        while edge <= steps.last().copied().unwrap_or(1) {
            let inside = |step: usize| step >= edge.div_ceil(2) && step < edge * 2;
            let mut pooled: Vec<f64> = errors
                .iter()
                .flat_map(|errors| errors.iter().zip(steps).filter(|(_, s)| inside(**s)).map(|(e, _)| *e))
                .collect();
            pooled.sort_unstable_by(f64::total_cmp);
            if !pooled.is_empty() {
                let at = |q| quantile_of_sorted(&pooled, q);
                self.errors.push((edge as f64, at(TAIL), at(1.0 - TAIL)));
            }
            edge *= 2;
        }
        if self.errors.is_empty() {
            self.errors.push((1.0, 0.0, 0.0));
        }
        for (_, low, high) in &mut self.errors {
            let lack = (LEAST_SIGMA * BAND_TO_SIGMA - (*high - *low)).max(0.0) / 2.0;
            (*low, *high) = ((*low - lack).min(-LEAST_SIGMA), (*high + lack).max(LEAST_SIGMA));
        }
    }

    /// Low and high error `step` steps ahead. Beyond what was tried a walk spreads with the root of the time, a line
    /// with the time, a level not at all.
    pub(super) fn band(&self, step: f64) -> (f64, f64) {
        let next = self.errors.partition_point(|e| e.0 <= step);
        match (next.checked_sub(1).map(|i| self.errors[i]), self.errors.get(next)) {
            (Some(a), Some(&b)) => {
                let share = (step / a.0).ln() / (b.0 / a.0).ln();
                (a.1 + (b.1 - a.1) * share, a.2 + (b.2 - a.2) * share)
            }
            (Some(last), None) => {
                let grown = match self.rule {
                    Rule::Level => 1.0,
                    Rule::Last => (step / last.0).sqrt(),
                    Rule::Line => step / last.0,
                };
                (last.1 * grown, last.2 * grown)
            }
            (None, Some(&first)) => (first.1, first.2),
            (None, None) => (-LEAST_SIGMA, LEAST_SIGMA),
        }
    }

    /// The standard deviation that a normal of that band would have.
    pub(super) fn sigma(&self, step: f64) -> f64 {
        let (low, high) = self.band(step);
        ((high - low) / BAND_TO_SIGMA).max(LEAST_SIGMA)
    }

    /// What is expected at each of `times`, and how many steps ahead that is.
    pub(super) fn expected(&self, times: impl Iterator<Item = f64>) -> Vec<(f64, f64)> {
        let path = path(self.rule, &self.past, self.past.y.len(), self.n_learned);
        times.map(|time| (path.at(time), (time - path.origin).abs().max(1.0))).collect()
    }

    /// Slope per point that the past had at its end.
    pub(super) fn slope(&self) -> f64 {
        path(Rule::Line, &self.past, self.past.y.len(), self.n_learned).slope
    }
}

/// All steps up to a horizon, or as many of them evenly spread.
fn steps_to(horizon: usize) -> Vec<usize> {
    let n = horizon.min(STEPS);
    (1..=n).map(|i| i * horizon / n).collect()
}

/// What `rule` expects after the first `origin` points of `past`.
fn path(rule: Rule, past: &Past, origin: usize, n_learned: usize) -> Path {
    let learned = origin.saturating_sub(n_learned)..origin;
    let end = past.at[origin - 1];
    let level = |from: usize| median(&mut past.y[from..origin].to_vec());
    match rule {
        Rule::Level => Path { origin: end, level: level(learned.start), slope: 0.0 },
        Rule::Last => Path { origin: end, level: level(origin.saturating_sub(LAST)), slope: 0.0 },
        Rule::Line => {
            // Tukey's resistant line: the medians of the outer thirds give the slope, all points the level.
            let third = (learned.len() / 3).max(1);
            let of = |values: &[f64], from: usize| median(&mut values[from..from + third].to_vec());
            let late = learned.end - third;
            let run = of(&past.at, late) - of(&past.at, learned.start);
            let rise = of(&past.y, late) - of(&past.y, learned.start);
            let slope = if run == 0.0 { 0.0 } else { rise / run };
            let mut rest: Vec<f64> = learned.map(|i| past.y[i] - slope * (past.at[i] - end)).collect();
            Path { origin: end, level: median(&mut rest), slope }
        }
    }
}

/// The mean over steps of the median absolute error.
fn mean_median_error(errors: &[Vec<f64>], n_steps: usize) -> f64 {
    let at = |step: usize| {
        let mut off: Vec<f64> = errors.iter().filter_map(|e| e.get(step)).map(|e| e.abs()).collect();
        if off.is_empty() { 0.0 } else { median(&mut off) }
    };
    (0..n_steps).map(at).sum::<f64>() / n_steps.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::Run;
    use anomalyst_kernels::draw::normal;

    fn past(y: Vec<f64>) -> Past {
        Past { at: (0..y.len()).map(|i| i as f64).collect(), y }
    }

    #[test]
    fn each_base_has_its_rule() {
        let mut random = Run::new(3).random(0);
        let noise: Vec<f64> = (0..400).map(|_| normal(&mut random)).collect();
        let walk: Vec<f64> = noise
            .iter()
            .scan(0.0, |sum, step| {
                *sum += step;
                Some(*sum)
            })
            .collect();
        let trend = noise.iter().enumerate().map(|(i, e)| 0.1 * i as f64 + e).collect();
        let learn = |y| Forecast::learn(past(y), 40).expect("there is a past");
        let level = learn(noise);
        assert_eq!(level.rule, Rule::Level);
        assert!((level.sigma(10.0) - 1.0).abs() < 0.3, "{}", level.sigma(10.0));
        let line = learn(trend);
        assert_eq!(line.rule, Rule::Line);
        assert!((line.expected(std::iter::once(420.0))[0].0 - 42.0).abs() < 2.0);
        let last = learn(walk);
        assert_eq!(last.rule, Rule::Last);
        assert!(last.sigma(32.0) > 2.0 * last.sigma(1.0), "a walk spreads");
    }

    #[test]
    fn little_past_is_enough_for_an_answer() {
        assert!(Forecast::learn(past(vec![]), 5).is_none());
        for n in 1..8 {
            let forecast = Forecast::learn(past(vec![2.0; n]), 5).expect("there is a past");
            assert_eq!(forecast.expected(std::iter::once(9.0))[0].0, 2.0);
            assert!(forecast.sigma(1.0) > 0.0);
        }
    }

    #[test]
    fn the_most_deviating_tenth() {
        assert_eq!(excess(vec![-3.0, 1.0]), 3.0);
        assert_eq!(excess((0..20).map(f64::from).collect()), 18.5);
        assert_eq!(excess(vec![]), 0.0);
    }
}
