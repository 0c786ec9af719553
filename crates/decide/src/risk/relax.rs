//! The convex relaxation of a card: real points within their limits, and a lower bound that holds wherever the
//! work on it stops.
//!
//! A node of the search holds features that are on the card, features that may come, and how many may. Allowing
//! real points and replacing "at most `room` features" by `sum |w_j| / limit_j <= room` gives a convex problem; its
//! constraint is priced by a multiplier, its loss is minimised by Newton steps whose quadratic model is solved by
//! coordinate descent within the limits.
//!
//! The bound: the loss is convex, so at any `v` it is at least `l(v) + g (w - v)`. The least of that over all *integer*
//! cards of the node is found term by term: each sure feature and the intercept take the better end of their
//! limits, and the `room` most useful of the others do. So the bound is valid however rough the relaxation's solution is.

use anomalyst_kernels::logistic::{sigmoid, softplus};

use super::cells::{Cells, bits};

/// Most Newton steps of one relaxation; it converges in about six.
const MAX_STEPS: usize = 25;
/// Steps per multiplier, each from the solution of the last one.
const STEPS_PER_MULTIPLIER: usize = 3;
/// Multipliers that are tried.
const N_MULTIPLIERS: usize = 8;
/// A step whose every entry is below this has converged.
const STILL: f64 = 1e-8;

/// A set of cards.
pub(super) struct Node<'a> {
    pub(super) cells: &'a Cells,
    /// Least points of each bit, and of the intercept at the end.
    pub(super) low: &'a [f64],
    pub(super) high: &'a [f64],
    /// Bits that are on the card.
    pub(super) certain: u64,
    /// Bits of which `room` may come.
    pub(super) free: u64,
    pub(super) room: usize,
    /// What a feature costs.
    pub(super) price: f64,
}

/// What is known of a node.
pub(super) struct Relaxed {
    /// No integer card of the node has a lower objective.
    pub(super) bound: f64,
    /// One weight per bit of the cells, and the intercept; 0 for bits outside the node.
    pub(super) weights: Vec<f64>,
}

/// Loss, gradient and Hessian (lower triangle, by slots) at some weights.
struct Local {
    loss: f64,
    gradient: Vec<f64>,
    hessian: Vec<f64>,
}

struct Solver<'a> {
    node: &'a Node<'a>,
    /// Bits in the node, ascending; the slot after them is the intercept.
    active: Vec<usize>,
    slot_of: [u8; 64],
}

/// The loss of a card's points and intercept.
pub(super) fn loss(cells: &Cells, points: impl Fn(usize) -> f64, intercept: f64) -> f64 {
    let each = cells.patterns.iter().zip(cells.anomalous.iter().zip(&cells.normal));
    let sum: f64 = each
        .map(|(pattern, (a, n))| {
            let z = intercept + bits(*pattern).map(&points).sum::<f64>();
            a * softplus(-z) + n * softplus(z)
        })
        .sum();
    sum / cells.total
}

/// Solves the relaxation from `start` (as [`Relaxed::weights`]) until it is solved or its bound reaches `enough`.
pub(super) fn relax(node: &Node<'_>, start: &[f64], enough: f64) -> Relaxed {
    let active: Vec<usize> = bits(node.certain | node.free).collect();
    let mut slot_of = [0_u8; 64];
    active.iter().enumerate().for_each(|(slot, bit)| slot_of[*bit] = slot as u8);
    let solver = Solver { node, active, slot_of };
    let n_bits = node.cells.n_bits;
    let source = |slot: usize| solver.active.get(slot).copied().unwrap_or(n_bits);
    let mut w: Vec<f64> = (0..=solver.active.len())
        .map(|slot| start[source(slot)].clamp(node.low[source(slot)], node.high[source(slot)]))
        .collect();
    let mut bound = f64::NEG_INFINITY;
    solver.descend(&mut w, 0.0, MAX_STEPS, enough, &mut bound);
    let room = node.room as f64;
    if node.free != 0 && bound < enough && solver.used(&w) > room + 1e-6 {
        let (mut low, mut high) = (0.0, f64::INFINITY);
        let mut multiplier = 1e-3;
        for _ in 0..N_MULTIPLIERS {
            solver.descend(&mut w, multiplier, STEPS_PER_MULTIPLIER, enough, &mut bound);
            if bound >= enough {
                break;
            }
            if solver.used(&w) > room {
                low = multiplier
            } else {
                high = multiplier
            }
            multiplier = if high.is_finite() { 0.5 * (low + high) } else { 4.0 * multiplier };
        }
    }
    let mut weights = vec![0.0; n_bits + 1];
    w.iter().enumerate().for_each(|(slot, value)| weights[source(slot)] = *value);
    Relaxed { bound, weights }
}

impl Solver<'_> {
    /// The bit of a slot; the position after all bits for the intercept.
    fn bit(&self, slot: usize) -> usize {
        self.active.get(slot).copied().unwrap_or(self.node.cells.n_bits)
    }

    fn is_free(&self, slot: usize) -> bool {
        self.active.get(slot).is_some_and(|bit| self.node.free >> bit & 1 == 1)
    }

    /// `sum |w_j| / limit_j` over the free features.
    fn used(&self, w: &[f64]) -> f64 {
        let share = |slot: usize| {
            let limit = if w[slot] > 0.0 { self.node.high } else { self.node.low }[self.bit(slot)];
            if w[slot] == 0.0 { 0.0 } else { w[slot] / limit }
        };
        (0..self.active.len()).filter(|slot| self.is_free(*slot)).map(share).sum()
    }

    fn at(&self, w: &[f64], with_hessian: bool) -> Local {
        let d = w.len();
        let mut local = Local { loss: 0.0, gradient: vec![0.0; d], hessian: vec![0.0; d * d] };
        let Cells { patterns, anomalous, normal, total, .. } = self.node.cells;
        let mask = self.node.certain | self.node.free;
        let mut slots: Vec<usize> = Vec::with_capacity(d);
        for (i, pattern) in patterns.iter().enumerate() {
            slots.clear();
            slots.extend(bits(pattern & mask).map(|bit| usize::from(self.slot_of[bit])));
            slots.push(d - 1);
            let z: f64 = slots.iter().map(|slot| w[*slot]).sum();
            let p = sigmoid(z);
            let n = anomalous[i] + normal[i];
            local.loss += anomalous[i] * softplus(-z) + normal[i] * softplus(z);
            let (slope, bend) = ((n * p - anomalous[i]) / total, n * p * (1.0 - p) / total);
            for (k, slot) in slots.iter().enumerate() {
                local.gradient[*slot] += slope;
                if with_hessian {
                    slots[..=k].iter().for_each(|other| local.hessian[slot * d + other] += bend);
                }
            }
        }
        local.loss /= total;
        local
    }

    /// Newton steps on the loss and `multiplier` times [`Solver::used`]; raises `bound` on the way.
    fn descend(&self, w: &mut Vec<f64>, multiplier: f64, n_steps: usize, enough: f64, bound: &mut f64) {
        for _ in 0..n_steps {
            let local = self.at(w, true);
            *bound = bound.max(self.bound(w, &local));
            if *bound >= enough {
                return;
            }
            let step = self.model_step(w, &local, multiplier);
            let largest = step.iter().fold(0.0_f64, |a, s| a.max(s.abs()));
            if largest < STILL {
                return;
            }
            let now = local.loss + multiplier * self.used(w);
            let mut length = 1.0;
            loop {
                let next: Vec<f64> = w.iter().zip(&step).map(|(w, s)| w + length * s).collect();
                if self.at(&next, false).loss + multiplier * self.used(&next) < now {
                    *w = next;
                    break;
                }
                length *= 0.5;
                // Nothing is left to gain that rounding does not hide.
                if length < 1e-6 {
                    return;
                }
            }
        }
        let local = self.at(w, false);
        *bound = bound.max(self.bound(w, &local));
    }

    /// Coordinate descent on the quadratic model within the limits.
    fn model_step(&self, w: &[f64], local: &Local, multiplier: f64) -> Vec<f64> {
        let d = w.len();
        let entry = |a: usize, b: usize| local.hessian[a.max(b) * d + a.min(b)];
        let mut step = vec![0.0; d];
        let mut slope = local.gradient.clone();
        for _ in 0..100 {
            let mut moved = 0.0_f64;
            for slot in (0..d).rev() {
                let bit = self.bit(slot);
                let (low, high) = (self.node.low[bit], self.node.high[bit]);
                let bend = entry(slot, slot) + 1e-12;
                let now = w[slot] + step[slot];
                let mut target = now - slope[slot] / bend;
                if self.is_free(slot) && multiplier > 0.0 {
                    let pull =
                        |limit: f64| if limit == 0.0 { 0.0 } else { multiplier / (limit.abs() * bend) };
                    target = if target > 0.0 {
                        (target - pull(high)).max(0.0)
                    } else {
                        (target + pull(low)).min(0.0)
                    };
                }
                let change = target.clamp(low, high) - now;
                if change != 0.0 {
                    step[slot] += change;
                    (0..d).for_each(|other| slope[other] += change * entry(slot, other));
                    moved = moved.max(change.abs());
                }
            }
            if moved < 1e-10 {
                break;
            }
        }
        step
    }

    /// Least objective of an integer card of the node by the tangent at `w`.
    fn bound(&self, w: &[f64], local: &Local) -> f64 {
        let mut sum = local.loss + self.node.price * f64::from(self.node.certain.count_ones());
        let mut gains: Vec<f64> = Vec::new();
        for (slot, g) in local.gradient.iter().enumerate() {
            let bit = self.bit(slot);
            let least = (g * self.node.low[bit]).min(g * self.node.high[bit]);
            sum -= g * w[slot];
            if self.is_free(slot) { gains.push(least + self.node.price) } else { sum += least }
        }
        gains.retain(|gain| *gain < 0.0);
        gains.sort_unstable_by(f64::total_cmp);
        sum + gains.iter().take(self.node.room).sum::<f64>()
    }
}
