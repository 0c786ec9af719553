//! Points that may be among the nearest of a query, by bounds on their distances.

use super::best::{Best, Neighbor};

/// Points that wait, beyond those looked for, before the limit is lowered.
fn room(k: usize) -> usize {
    (k / 2).max(48)
}

/// A point, and what its squared distance is at least and at most, both less a number that the query has in common.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    low: f32,
    high: f32,
    place: u32,
}

/// What a search knows about one query.
pub(super) struct Candidates {
    best: Best,
    waiting: Vec<Candidate>,
    /// What [`Candidate::low`] may be at most.
    limit: f32,
    /// What the squared distance of the k-th nearest point is at most, as far as the bounds tell.
    within: f64,
    /// What squared distances are more than bounds: the query's norm, less the room for rounding.
    base: f64,
    /// The squared norm of the query, from which follows how much the bounds of a pair differ.
    norm: f32,
}

/// How bounds err.
#[derive(Clone, Copy)]
pub(super) struct Rounding {
    /// By at most this share of both norms.
    pub(super) share: f32,
    /// And by this much, where squares are too small for f32.
    pub(super) tiny: f32,
}

/// Norms beyond this could overflow in the product; such pairs are all measured.
pub(super) const MAX_NORM: f32 = 1e36;

impl Candidates {
    pub(super) fn new(k: usize) -> Self {
        let best = Best::new(k);
        Self { best, waiting: Vec::new(), limit: f32::INFINITY, within: f64::INFINITY, base: 0.0, norm: 0.0 }
    }

    /// Begins a new query of that squared norm, which must not meet the point `skip`.
    pub(super) fn restart(&mut self, skip: u32, norm: f32, rounding: Rounding) {
        self.best.restart(skip);
        self.waiting.clear();
        (self.limit, self.within, self.norm) = (f32::INFINITY, f64::INFINITY, norm);
        self.base = f64::from((1.0 - rounding.share) * norm);
    }

    /// What the lower bound of a point may be at most; never NaN.
    pub(super) const fn limit(&self) -> f32 {
        self.limit
    }

    /// Whether no point at this squared distance or beyond can be among the nearest.
    pub(super) fn is_nearer_than(&self, squared: f64) -> bool {
        self.best.worst().min(self.within) < squared
    }

    /// See [`Best::is_settled_before`].
    pub(super) fn is_settled_before(&self, first: u32) -> bool {
        self.best.is_settled_before(first)
    }

    /// Lets the point `id` at `place` wait, whose lower bound is `low` and whose squared norm is `norm`. `measure` gives
    /// the squared distance and the number of the point at a place.
    #[inline]
    pub(super) fn offer(
        &mut self,
        (place, id): (u32, u32),
        (low, norm): (f32, f32),
        rounding: Rounding,
        measure: impl Fn(u32) -> (f64, u32),
    ) {
        if id == self.best.skip() || self.best.is_settled_before(id) {
            return;
        }
        // Written so that NaN, the mark of an overflow, is measured.
        if !(self.norm < MAX_NORM && low.is_finite()) {
            self.measure(place, rounding, &measure);
            return;
        }
        // Twice what the bounds can be apart, which covers the rounding of this sum.
        let high = low + 4.0 * rounding.share * (self.norm + norm) + 2.0 * rounding.tiny;
        self.waiting.push(Candidate { low, high, place });
        let k = self.best.k();
        if self.waiting.len() >= k + room(k) {
            self.narrow(rounding);
            if self.waiting.len() > k + room(k) / 2 {
                self.measure_all(rounding, &measure);
            }
        }
    }

    /// Lowers the limit to what `k` of the waiting points surely keep, and forgets those beyond it.
    fn narrow(&mut self, rounding: Rounding) {
        let k = self.best.k();
        if self.waiting.len() < k {
            return;
        }
        let by_high = |a: &Candidate, b: &Candidate| a.high.total_cmp(&b.high);
        let kth = self.waiting.select_nth_unstable_by(k - 1, by_high).1.high;
        self.within = self.within.min(f64::from(kth) + self.base + 2.0 * f64::from(rounding.tiny));
        let limit = self.limit.min(kth);
        self.limit = limit;
        self.waiting.retain(|candidate| candidate.low <= limit);
    }

    fn measure(&mut self, place: u32, rounding: Rounding, measure: &impl Fn(u32) -> (f64, u32)) {
        let (squared, id) = measure(place);
        if self.best.offer(squared, id) && self.norm < MAX_NORM {
            let limit = (self.best.worst() + f64::from(rounding.tiny) - self.base) as f32;
            self.limit = self.limit.min(limit.next_up());
        }
    }

    /// Measures what still waits and is within the limit.
    fn measure_all(&mut self, rounding: Rounding, measure: &impl Fn(u32) -> (f64, u32)) {
        let waiting = std::mem::take(&mut self.waiting);
        for candidate in &waiting {
            if candidate.low <= self.limit {
                self.measure(candidate.place, rounding, measure);
            }
        }
        self.waiting = waiting;
        self.waiting.clear();
    }

    /// Measures what still waits and writes the points found, nearest first.
    pub(super) fn take_into(
        &mut self,
        rounding: Rounding,
        measure: &impl Fn(u32) -> (f64, u32),
        out: &mut [Neighbor],
    ) {
        self.narrow(rounding);
        self.measure_all(rounding, measure);
        self.best.take_into(out);
    }
}
