//! How often normal stretches have an event above a score, learned from scores that may hold anomalies.

use anomalyst_core::Result;
use serde::{Deserialize, Serialize};

use crate::extremes::{Censored, Cluster, GeneralizedPareto, PredictiveTail, clusters};
use crate::special::ln_gamma;

/// Clusters above the level that are looked for: with fewer the tail is vague, with more it begins too low.
const ENOUGH: f64 = 300.0;
/// Once a tenth of all points are above the level, this many do.
const FEW_ENOUGH: f64 = 30.0;
/// The largest share of points above the level.
const MOST_ABOVE: f64 = 0.5;
/// Shares of the clusters that may be set aside; the smaller one, looked at where the larger one shows nothing, leaves
/// a better known tail for few anomalies to stand out from.
const MOST_ASIDE: [f64; 2] = [0.3, 0.1];
/// Clusters that are never set aside.
const KEPT: usize = 8;
/// The probability of so many so high clusters below which they are set aside. It is small because the most unlikely of
/// up to ninety counts is taken.
const UNLIKELY: f64 = 1e-3;
/// Excesses that a tail is fitted to.
const MOST_FITTED: usize = 3_000;
/// Points below which a flat series says nothing.
const FLAT_POINTS: usize = 100;

/// Events per point above any score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum EventTail {
    /// A tail was fitted.
    Fitted {
        /// It begins here.
        level: f32,
        /// Events per point above it.
        rate: f64,
        /// How far their peaks are above it.
        tail: PredictiveTail,
        /// The lowest peak that was set aside as no part of the normal tail.
        cut: Option<f32>,
    },
    /// Half of the scores or more equal the level, and a handful of events rise above it.
    Flat {
        /// The level.
        level: f32,
    },
    /// Too little to tell.
    Undecided {
        /// The highest score.
        max: f32,
    },
}

/// What a tail is learned from.
pub(super) struct Scores<'a> {
    pub(super) scores: &'a [f32],
    pub(super) ends: &'a [usize],
    /// Ascending.
    pub(super) sorted: &'a [f32],
    pub(super) run_len: usize,
    /// Whether anomalies may be among them.
    pub(super) may_be_anomalous: bool,
}

/// Clusters above a level, and which of them are no part of the normal tail.
struct Peaks {
    level: f32,
    clusters: Vec<Cluster>,
    /// Excesses, highest first.
    excesses: Vec<f64>,
    /// Whether the next three are known.
    is_sorted_out: bool,
    n_aside: usize,
    /// How many of those set aside are normal all the same, as the tail has it.
    n_normal: f64,
    /// Whether as many were set aside as may be.
    is_full: bool,
}

impl EventTail {
    /// `rate` is what will be asked for, in events per point: the level is low enough for it.
    pub(super) fn learn(of: &Scores<'_>, rate: f64) -> Result<Self> {
        let n = of.scores.len() as f64;
        let wanted = 2.0 * rate * n;
        let mut share = (ENOUGH / n).min(0.1);
        let mut best = of.peaks(share);
        loop {
            let enough = if share < 0.1 { ENOUGH } else { FEW_ENOUGH };
            if best.n_usable() >= enough.max(wanted) {
                best.set_aside(of)?;
                if !best.is_full && best.n_usable() >= wanted {
                    break;
                }
            }
            if share >= MOST_ABOVE {
                break;
            }
            share = (1.5 * share).min(MOST_ABOVE);
            let next = of.peaks(share);
            // Where scores wander slowly, a lower level joins clusters instead of finding more.
            if best.is_full || next.n_usable() > best.n_usable() {
                best = next;
            }
        }
        best.set_aside(of)?;
        let n_peaks = best.excesses.len();
        let n_equal =
            of.sorted.partition_point(|&s| s <= best.level) - of.sorted.partition_point(|&s| s < best.level);
        let is_flat = 2 * n_equal >= of.scores.len() && of.scores.len() >= FLAT_POINTS;
        if of.may_be_anomalous && is_flat && (1..KEPT).contains(&n_peaks) {
            return Ok(Self::Flat { level: best.level });
        }
        if n_peaks < 2 {
            return Ok(Self::Undecided { max: of.sorted.last().copied().unwrap_or(0.0) });
        }
        best.fit(of.scores)
    }

    /// Expected events above `score` per point, for scores above the level.
    pub(super) fn rate_above(&self, score: f32, n_points: usize) -> f64 {
        let once = 1.0 / n_points as f64;
        match self {
            Self::Fitted { level, rate, tail, .. } => {
                rate * tail.survival(f64::from(score) - f64::from(*level))
            }
            // No normal event was seen at all: less often than once in so many stretches as there are points.
            Self::Flat { .. } => once / n_points as f64,
            Self::Undecided { .. } => once,
        }
    }

    /// Expected events above the level per point; `None` where no tail was fitted.
    pub(super) fn rate_at_level(&self) -> Option<f64> {
        if let Self::Fitted { rate, .. } = self { Some(*rate) } else { None }
    }

    /// Where the tail begins; scores at or below it are ordinary.
    pub(super) fn level(&self) -> f32 {
        match self {
            Self::Fitted { level, .. } | Self::Flat { level } => *level,
            Self::Undecided { max } => *max,
        }
    }

    /// Whether all numbers are ones that fitting can give.
    pub(super) fn is_usable(&self) -> bool {
        match self {
            Self::Fitted { level, rate, tail, cut } => {
                let is_tail = |(w, of): &(f64, GeneralizedPareto)| {
                    *w > 0.0 && *w <= 1.0 && of.shape.is_finite() && of.scale.is_finite() && of.scale > 0.0
                };
                let is_rate = *rate > 0.0 && rate.is_finite();
                is_rate
                    && level.is_finite()
                    && cut.is_none_or(f32::is_finite)
                    && !tail.nodes().is_empty()
                    && tail.nodes().iter().all(is_tail)
            }
            Self::Flat { level: at } | Self::Undecided { max: at } => at.is_finite(),
        }
    }

    /// The score that normal events exceed at this rate per point, or the level where it is exceeded less often.
    pub(super) fn return_level(&self, rate: f64) -> f32 {
        match self {
            Self::Fitted { level, rate: at_level, tail, .. } if rate < *at_level => {
                let value = f64::from(*level) + tail.quantile(rate / at_level);
                value.min(f64::from(f32::MAX)) as f32
            }
            _ => self.level(),
        }
    }
}

impl Scores<'_> {
    /// The peaks above the level that a share of the points exceeds.
    fn peaks(&self, share: f64) -> Peaks {
        let n = self.sorted.len();
        let level = self.sorted[n - 1 - ((share * n as f64) as usize).min(n - 1)];
        let clusters = clusters(self.scores, self.ends, level, self.run_len);
        let above = |c: &Cluster| f64::from(self.scores[c.peak]) - f64::from(level);
        let mut excesses: Vec<f64> = clusters.iter().map(above).collect();
        excesses.sort_unstable_by(|a, b| b.total_cmp(a));
        Peaks { level, clusters, excesses, is_sorted_out: false, n_aside: 0, n_normal: 0.0, is_full: false }
    }
}

impl Peaks {
    /// Finds what is no part of the normal tail, unless that was done.
    fn set_aside(&mut self, of: &Scores<'_>) -> Result<()> {
        if of.may_be_anomalous && !self.is_sorted_out {
            (self.n_aside, self.n_normal, self.is_full) = set_aside(&self.excesses)?;
        }
        self.is_sorted_out = true;
        Ok(())
    }

    fn n_usable(&self) -> f64 {
        (self.excesses.len() - self.n_aside) as f64
    }

    fn fit(&self, scores: &[f32]) -> Result<EventTail> {
        let kept = &self.excesses[self.n_aside..];
        let lowest = self.n_aside.checked_sub(1).and_then(|last| self.excesses.get(last));
        let cut = lowest.map(|&y| (f64::from(self.level) + y) as f32);
        let censored = cut.and_then(|_| kept.first()).map(|&above| Censored { count: self.n_normal, above });
        let is_aside = |c: &&Cluster| cut.is_some_and(|cut| scores[c.peak] >= cut);
        let n_odd: usize = self.clusters.iter().filter(is_aside).map(|c| c.last - c.first + 1).sum();
        // Where odd stretches cover nearly all points, the rate is still a rate.
        let n_points = scores.len().saturating_sub(n_odd).max(scores.len() / 2);
        let rate = (kept.len() as f64 + self.n_normal) / n_points as f64;
        let tail = thinned(kept, censored)?;
        Ok(EventTail::Fitted { level: self.level, rate, tail, cut })
    }
}

/// The tail of every so many-th of sorted excesses where there are many: the time stays bounded, and the tail is known no
/// better than so many excesses tell.
fn thinned(falling: &[f64], censored: Option<Censored>) -> Result<PredictiveTail> {
    let step = falling.len().div_ceil(MOST_FITTED);
    let kept: Vec<f64> = falling.iter().copied().skip(step / 2).step_by(step.max(1)).collect();
    let censored = censored.map(|c| Censored { count: c.count / step as f64, ..c });
    PredictiveTail::fit(&kept, censored)
}

/// How many of the highest excesses are no part of the tail of the others, how many normal ones are expected among
/// them, and whether there may be more.
fn set_aside(falling: &[f64]) -> Result<(usize, f64, bool)> {
    let [most, fewer] = MOST_ASIDE;
    let found = set_aside_of(falling, most)?;
    if found.0 > 0 {
        return Ok(found);
    }
    let (n, normal, _) = set_aside_of(falling, fewer)?;
    Ok((n, normal, false))
}

fn set_aside_of(falling: &[f64], share: f64) -> Result<(usize, f64, bool)> {
    let m = falling.len();
    let most = ((share * m as f64) as usize).min(m.saturating_sub(KEPT));
    if most == 0 {
        return Ok((0, 0.0, false));
    }
    let (suspects, rest) = falling.split_at(most);
    let above = rest[0];
    // At first all suspects count as normal, known only to lie above the rest; then those that are expected.
    let (mut count, mut found) = (most as f64, (0, 0.0, false));
    for _ in 0..5 {
        let tail = thinned(rest, Some(Censored { count, above }))?;
        let n_normal = rest.len() as f64 + count;
        let surprise = |i: usize| {
            let terms = tail
                .nodes()
                .iter()
                .map(|(w, of)| w.ln() + ln_poisson_tail(i + 1, n_normal * of.survival(suspects[i])));
            ln_sum(terms.collect())
        };
        let most_surprising = counts(most).map(|i| (surprise(i), i)).min_by(|a, b| a.0.total_cmp(&b.0));
        let before = count;
        match most_surprising {
            Some((ln_p, i)) if ln_p < UNLIKELY.ln() => {
                let expected = (n_normal * tail.survival(suspects[i])).min((i + 1) as f64);
                found = (i + 1, expected, counts(most).last() == Some(i));
                count = most as f64 - (i + 1) as f64 + expected;
            }
            _ => {
                found = (0, 0.0, false);
                count = most as f64;
            }
        }
        if (count - before).abs() < 0.5 {
            break;
        }
    }
    Ok(found)
}

/// Places below `most`: all of the first fifty, then ever sparser by a fiftieth.
fn counts(most: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(0), |&i| Some(i + 1 + i / 50)).take_while(move |&i| i < most)
}

/// `ln P(N >= i)` for a Poisson number with that mean.
fn ln_poisson_tail(i: usize, mean: f64) -> f64 {
    let at = i as f64;
    if mean >= at {
        return 0.0;
    }
    if mean <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let (mut sum, mut term, mut j) = (1.0_f64, 1.0_f64, at);
    while term > 1e-12 * sum {
        j += 1.0;
        term *= mean / j;
        sum += term;
    }
    (at * mean.ln() - mean - ln_gamma(at + 1.0) + sum.ln()).min(0.0)
}

fn ln_sum(terms: Vec<f64>) -> f64 {
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top.is_finite() { top + terms.iter().map(|t| (t - top).exp()).sum::<f64>().ln() } else { top }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw;
    use anomalyst_core::Run;

    /// `P(N >= 1) = 1 - e^-m`; `P(N >= 3)` at mean 1 is `1 - 2.5 / e`.
    #[test]
    fn poisson_tails() {
        assert!((ln_poisson_tail(1, 0.5) - (1.0 - (-0.5_f64).exp()).ln()).abs() < 1e-10);
        assert!((ln_poisson_tail(3, 1.0) - (1.0 - 2.5 / 1.0_f64.exp()).ln()).abs() < 1e-10);
        assert_eq!((ln_poisson_tail(3, 5.0), ln_poisson_tail(3, 0.0)), (0.0, f64::NEG_INFINITY));
        assert!(ln_poisson_tail(80, 0.1) < -400.0);
        assert!((ln_sum(vec![0.0, 0.0]) - 2.0_f64.ln()).abs() < 1e-15);
    }

    fn falling(n: usize, seed: u64, odd: &[f64]) -> Vec<f64> {
        let mut random = Run::new(seed).random(0);
        let mut y: Vec<f64> = (0..n).map(|_| -draw::uniform(&mut random).ln()).collect();
        y.extend_from_slice(odd);
        y.sort_unstable_by(|a, b| b.total_cmp(a));
        y
    }

    /// 300 exponential tails of 200: seldom is anything set aside. With 3, 10 or 40 far ones these are, and few others.
    #[test]
    fn sets_aside_what_was_planted() {
        let clean = (0..300).filter(|&seed| set_aside(&falling(200, seed, &[])).unwrap().0 > 0).count();
        println!("{clean} of 300 clean tails");
        assert!(clean <= 4, "{clean}");
        for n_odd in [1, 3, 10, 40] {
            let mut exact = 0;
            for seed in 0..50 {
                let odd: Vec<f64> = (0..n_odd).map(|i| 25.0 + f64::from(i)).collect();
                let (n, normal, _) = set_aside(&falling(200, seed, &odd)).unwrap();
                exact += usize::from(n >= n_odd as usize && n <= n_odd as usize + 2 && normal < 1.0);
            }
            println!("{n_odd} odd: {exact} of 50");
            assert!(n_odd == 1 || exact >= 45, "{exact} of 50 with {n_odd}");
        }
        assert_eq!(set_aside(&[3.0, 2.0, 1.0]).unwrap(), (0, 0.0, false));
    }
}
