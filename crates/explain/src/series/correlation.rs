//! Channels that usually change together, and no longer do.
//!
//! Judged on first differences, because levels that drift correlate with anything that drifts. Differences are
//! standardised robustly and cut at [`CUT`] spreads, so that one jump does not make a correlation. Stretches
//! outside of events say how far the correlation of so few points usually is from the correlation of all.

use anomalyst_kernels::stats::{MAD_TO_SIGMA, median_and_mad};

use super::blame::{LIMIT, Suspect};
use super::channel::{Scene, center_and_spread};
use super::stretch::{FEWEST, Stretches};

/// Channels are partners where their changes correlate at least this much.
const PARTNERS: f64 = 0.5;
/// A correlation is broken only where it differs by this much from the usual one.
const BROKEN: f64 = 0.4;
/// Differences a correlation needs.
const SHORTEST: usize = 8;
/// Differences that the usual correlation is learned from, at most.
const LEARNED: usize = 2_000;
/// Stretches outside of events that are compared.
const COMPARED: usize = 40;
/// Spreads at which differences are cut.
const CUT: f64 = 4.0;
/// Correlations are kept this far from 1, where their transform is infinite.
const NEARLY_ONE: f64 = 0.999;

/// A channel that left its partners.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken {
    /// Place among the suspects.
    pub(super) who: usize,
    /// The partner it left most clearly, among the suspects.
    pub(super) partner: usize,
    /// Correlation of their changes in the event and otherwise.
    pub(super) now: f64,
    pub(super) usual: f64,
    /// Usual spreads that this is away from the usual, the mean over its partners.
    pub(super) spreads: f64,
}

/// One pair of channels.
struct Pair {
    a: usize,
    b: usize,
    now: f64,
    usual: f64,
    spreads: f64,
}

/// Those that left their partners, the clearest case first.
pub(super) fn broken(scene: &Scene<'_>, suspects: &[Suspect]) -> Vec<Broken> {
    let stretches = usual_stretches(scene);
    let part = stretches.part(scene);
    if part.len() <= SHORTEST || stretches.starts.len() < FEWEST {
        return Vec::new();
    }
    let changes: Vec<Vec<f64>> = suspects.iter().map(standardised_changes).collect();
    let quiet: Vec<usize> = (1..scene.n_points()).filter(|&i| scene.quiet[i] && scene.quiet[i - 1]).collect();
    let thin = quiet.len().div_ceil(LEARNED).max(1);
    let learned: Vec<usize> = quiet.into_iter().step_by(thin).collect();
    let mut pairs = Vec::new();
    for a in 0..suspects.len() {
        for b in 0..a {
            let of = |points: &mut dyn Iterator<Item = usize>| {
                correlation(points.map(|point| (changes[a][point], changes[b][point])))
            };
            let Some(usual) = of(&mut learned.iter().copied()).filter(|r| r.abs() >= PARTNERS) else {
                continue;
            };
            let Some(now) = of(&mut (part.start + 1..part.end)) else { continue };
            let starts = stretches.starts.iter();
            let mut others: Vec<f64> =
                starts.filter_map(|&s| of(&mut (s + 1..s + stretches.len))).map(fisher).collect();
            if others.len() < FEWEST {
                continue;
            }
            let (center, mad) = median_and_mad(&mut others);
            // Fisher 1915: the transform of n pairs has standard deviation 1 / sqrt(n - 3).
            let theory = 1.0 / (part.len() as f64 - 4.0).max(1.0).sqrt();
            let spreads = (center - fisher(now)) * usual.signum() / (mad * MAD_TO_SIGMA).max(theory);
            pairs.push(Pair { a, b, now, usual, spreads });
        }
    }
    by_channel(suspects.len(), &pairs)
}

/// The mean over each channel's partners: a channel that left all of them differs from those that only it left.
fn by_channel(n: usize, pairs: &[Pair]) -> Vec<Broken> {
    let mut found: Vec<Broken> = (0..n)
        .filter_map(|who| {
            let own: Vec<&Pair> = pairs.iter().filter(|pair| pair.a == who || pair.b == who).collect();
            let worst = own.iter().max_by(|x, y| x.spreads.total_cmp(&y.spreads))?;
            let partner = if worst.a == who { worst.b } else { worst.a };
            let spreads = own.iter().map(|pair| pair.spreads).sum::<f64>() / own.len() as f64;
            let is_broken = worst.spreads >= LIMIT && (worst.usual - worst.now).abs() >= BROKEN;
            is_broken.then_some(Broken { who, partner, now: worst.now, usual: worst.usual, spreads })
        })
        .collect();
    found.sort_by(|x, y| y.spreads.total_cmp(&x.spreads).then(x.who.cmp(&y.who)));
    found
}

fn usual_stretches(scene: &Scene<'_>) -> Stretches {
    Stretches::of(&scene.quiet, scene.event.len(), COMPARED)
}

/// One per point: the change to it, in robust spreads of usual changes; `NaN` where unknown.
fn standardised_changes(suspect: &Suspect) -> Vec<f64> {
    let channel = &suspect.channel;
    let change = |point: usize| channel.z[point] - channel.z[point - 1];
    let known: Vec<f64> = (1..channel.z.len())
        .filter(|&point| channel.usual[point] && channel.usual[point - 1])
        .map(change)
        .collect();
    let (center, spread) = center_and_spread(&known);
    let scaled = (1..channel.z.len()).map(|point| ((change(point) - center) / spread).clamp(-CUT, CUT));
    std::iter::once(f64::NAN).chain(scaled).collect()
}

/// Pearson's correlation where both are known; `None` where too few are. Where one of them never changes it is 0.
pub(super) fn correlation(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut n, mut x, mut y, mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (a, b) in pairs.filter(|(a, b)| a.is_finite() && b.is_finite()) {
        n += 1.0;
        x += a;
        y += b;
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    if n < SHORTEST as f64 {
        return None;
    }
    let (vx, vy) = (xx - x * x / n, yy - y * y / n);
    let both = vx * vy;
    Some(if vx <= 1e-12 * xx || vy <= 1e-12 * yy || both <= 0.0 {
        0.0
    } else {
        (xy - x * y / n) / both.sqrt()
    })
}

fn fisher(r: f64) -> f64 {
    r.clamp(-NEARLY_ONE, NEARLY_ONE).atanh()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_in_closed_form() {
        let line = (0..10).map(|i| (f64::from(i), -2.0 * f64::from(i)));
        assert!((correlation(line).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(correlation((0..10).map(|i| (1.0, f64::from(i)))), Some(0.0));
        assert_eq!(correlation((0..3).map(|i| (f64::from(i), f64::from(i)))), None);
        assert_eq!(correlation((0..20).map(|_| (f64::NAN, 1.0))), None);
    }
}
