//! Affiliation: how near alarms are to anomalies and anomalies to alarms, against chance within the zone of each
//! anomaly.
//!
//! A point i is the interval from i to i + 1. All integrands are linear between known breaks, so that trapezoids are
//! exact; each zone sees only the runs that reach into it, so the cost is linear.

use std::ops::Range;
use std::sync::Arc;

use anomalyst_core::Result;

use super::runs::{by_alarms, runs};
use crate::Case;

/// An interval of time, in points.
#[derive(Clone, Copy)]
struct Span {
    from: f64,
    to: f64,
}

impl Span {
    fn new(points: &Range<usize>) -> Self {
        Self { from: points.start as f64, to: points.end as f64 }
    }

    const fn len(self) -> f64 {
        self.to - self.from
    }

    fn and(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }

    fn distance(self, at: f64) -> f64 {
        (self.from - at).max(at - self.to).max(0.0)
    }
}

/// Precision and recall of each series.
pub(super) struct Affiliation {
    pub precision: Vec<f64>,
    pub recall: Vec<f64>,
}

/// Both, computed once per case; `NaN` for series without anomaly.
pub(super) fn affiliation(case: &Case) -> Result<Arc<Affiliation>> {
    case.shared("affiliation", || {
        Ok(Affiliation {
            precision: by_alarms(case, |labels, alarms| over_zones(labels, alarms, precision)),
            recall: by_alarms(case, |labels, alarms| {
                over_zones(labels, alarms, |near, odd, zone| Some(recall(near, odd, zone)))
            }),
        })
    })
}

/// The mean over zones that have a value; 0 where none has.
fn over_zones(labels: &[bool], alarms: &[bool], value: impl Fn(&[Span], Span, Span) -> Option<f64>) -> f64 {
    let odd: Vec<Span> = runs(labels).iter().map(Span::new).collect();
    let alarms: Vec<Span> = runs(alarms).iter().map(Span::new).collect();
    let zones = halfway(&odd, Span { from: 0.0, to: labels.len() as f64 });
    let (mut total, mut n, mut first) = (0.0, 0_usize, 0);
    for (&odd, &zone) in odd.iter().zip(&zones) {
        first += alarms[first..].partition_point(|alarm| alarm.to <= zone.from);
        let inside = alarms[first..].iter().take_while(|alarm| alarm.from < zone.to);
        let near: Vec<Span> = inside.map(|&alarm| alarm.and(zone)).collect();
        if let Some(value) = value(&near, odd, zone) {
            total += value;
            n += 1;
        }
    }
    total / n.max(1) as f64
}

/// For each span the part of `whole` that is nearer to it than to the others.
fn halfway(spans: &[Span], whole: Span) -> Vec<Span> {
    let inner = spans.windows(2).map(|pair| (pair[0].to + pair[1].from) / 2.0);
    let mut edges = vec![whole.from];
    edges.extend(inner.chain([whole.to]));
    edges.windows(2).map(|edge| Span { from: edge[0], to: edge[1] }).collect()
}

/// The mean over alarmed time of the chance that a random moment of the zone is farther from the anomaly.
fn precision(near: &[Span], odd: Span, zone: Span) -> Option<f64> {
    let margin = (odd.from - zone.from).min(zone.to - odd.to);
    let nearer = |at: f64| {
        let distance = odd.distance(at);
        distance.min(margin) + distance + odd.len()
    };
    let breaks = [odd.from - margin, odd.to + margin];
    let (mut won, mut total) = (0.0, 0.0);
    for alarm in near {
        let before = Span { from: alarm.from, to: alarm.to.min(odd.from) };
        let after = Span { from: alarm.from.max(odd.to), to: alarm.to };
        let lost = integral(before, &breaks, nearer) + integral(after, &breaks, nearer);
        won += alarm.len() - lost / zone.len();
        total += alarm.len();
    }
    (total > 0.0).then(|| won / total)
}

/// The mean over the anomaly of the chance that a random moment of the zone is farther from it than the alarms are.
fn recall(near: &[Span], odd: Span, zone: Span) -> f64 {
    let mut won = 0.0;
    for (alarm, part) in near.iter().zip(halfway(near, zone)) {
        let part = odd.and(part);
        if part.from >= part.to {
            continue;
        }
        let nearer = |at: f64| {
            let distance = alarm.distance(at);
            distance.min((at - zone.from).min(zone.to - at)) + distance
        };
        let center = (zone.from + zone.to) / 2.0;
        let before = Span { from: part.from, to: part.to.min(alarm.from) };
        let after = Span { from: part.from.max(alarm.to), to: part.to };
        let breaks = |pivot: f64| sorted([(zone.from + pivot) / 2.0, center, (zone.to + pivot) / 2.0]);
        let lost = integral(before, &breaks(alarm.from), nearer) + integral(after, &breaks(alarm.to), nearer);
        won += part.len() - lost / zone.len();
    }
    won / odd.len()
}

fn sorted(mut breaks: [f64; 3]) -> [f64; 3] {
    breaks.sort_unstable_by(f64::total_cmp);
    breaks
}

/// The integral over `span` of a function that is linear between sorted `breaks`; 0 for an empty span.
fn integral(span: Span, breaks: &[f64], value: impl Fn(f64) -> f64) -> f64 {
    if span.from >= span.to {
        return 0.0;
    }
    let mut total = 0.0;
    let mut from = span.from;
    for &to in breaks.iter().filter(|&&at| at > span.from && at < span.to).chain([&span.to]) {
        total += (to - from) * (value(from) + value(to)) / 2.0;
        from = to;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Steps per point of the sums that stand for integrals.
    const STEPS: usize = 20;

    /// The moments of a span, at the middle of each step.
    fn moments(span: Span) -> Vec<f64> {
        let n = (span.len() * STEPS as f64).round() as usize;
        (0..n).map(|i| span.from + (i as f64 + 0.5) / STEPS as f64).collect()
    }

    /// The share of the zone that is farther, in steps, ties half.
    fn chance(zone: &[f64], distance: f64, to: impl Fn(f64) -> f64) -> f64 {
        let ahead = |&at: &f64| {
            let other = to(at);
            if (other - distance).abs() < 1e-9 { 0.5 } else { f64::from(u8::from(other > distance)) }
        };
        zone.iter().map(ahead).sum::<f64>() / zone.len() as f64
    }

    fn naive(near: &[Span], odd: Span, zone: Span) -> [f64; 2] {
        let everywhere = moments(zone);
        let one = |at: f64| {
            if odd.distance(at) == 0.0 {
                1.0
            } else {
                chance(&everywhere, odd.distance(at), |t| odd.distance(t))
            }
        };
        let alarmed: Vec<f64> = near.iter().flat_map(|&alarm| moments(alarm)).collect();
        let precision = alarmed.iter().map(|&at| one(at)).sum::<f64>() / alarmed.len() as f64;
        let points = moments(odd);
        let found = |at: f64| {
            let distance = near.iter().map(|alarm| alarm.distance(at)).fold(f64::INFINITY, f64::min);
            if distance == 0.0 { 1.0 } else { chance(&everywhere, distance, |t| (t - at).abs()) }
        };
        let recall = points.iter().map(|&at| found(at)).sum::<f64>() / points.len() as f64;
        [precision, recall]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn is_the_chance_that_a_random_moment_is_farther(
            alarms in prop::collection::vec(any::<bool>(), 4..24),
            from in 0_usize..20,
            len in 1_usize..6,
        ) {
            let n = alarms.len();
            let odd = from % n..(from % n + len).min(n);
            prop_assume!(alarms.contains(&true));
            let near: Vec<Span> = runs(&alarms).iter().map(Span::new).collect();
            let (odd, zone) = (Span::new(&odd), Span { from: 0.0, to: n as f64 });
            let want = naive(&near, odd, zone);
            let got = [precision(&near, odd, zone).unwrap_or(f64::NAN), recall(&near, odd, zone)];
            for (got, want) in got.iter().zip(want) {
                prop_assert!((got - want).abs() < 2.0 / STEPS as f64 / n as f64 * 2.0, "{got} {want}");
            }
        }
    }
}
