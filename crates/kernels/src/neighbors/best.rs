//! The nearest points found so far, and the distance that decides.

use std::collections::BinaryHeap;

/// A point and its squared distance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Neighbor {
    /// The point's number.
    pub index: u32,
    /// Squared Euclidean distance.
    pub squared: f64,
}

impl Neighbor {
    /// Euclidean distance.
    pub fn distance(&self) -> f64 {
        self.squared.sqrt()
    }

    /// Euclidean distance in single precision, at most `f32::MAX`.
    pub fn distance_f32(&self) -> f32 {
        self.distance().min(f64::from(f32::MAX)) as f32
    }
}

/// The squared distance of two rows in f64; exactly 0 for equal rows.
#[inline]
pub fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    // Four sums that do not wait for each other; their order is fixed, so that equal input gives equal bits.
    let mut sums = [0.0_f64; 4];
    let (a, b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest = a.remainder().iter().zip(b.remainder());
    let rest: f64 = rest.map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..4 {
            sums[lane] += square(f64::from(a[lane]) - f64::from(b[lane]));
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

fn square(v: f64) -> f64 {
    v * v
}

/// The `k` nearest points found so far of one query.
///
/// Squared distances are not negative, so their bits order like their values, and a pair of bits and point number
/// orders by distance, then by number.
pub(super) struct Best {
    k: usize,
    skip: u32,
    heap: BinaryHeap<(u64, u32)>,
    /// The squared distance and the number that a new point must be below.
    worst: f64,
    worst_index: u32,
}

impl Best {
    pub(super) fn new(k: usize) -> Self {
        let heap = BinaryHeap::with_capacity(k);
        Self { k, skip: super::NO_SKIP, heap, worst: f64::INFINITY, worst_index: u32::MAX }
    }

    /// Begins a new query that must not meet the point `skip`.
    pub(super) fn restart(&mut self, skip: u32) {
        self.heap.clear();
        (self.skip, self.worst, self.worst_index) = (skip, f64::INFINITY, u32::MAX);
    }

    /// The squared distance of the k-th nearest; infinite until there are as many.
    pub(super) const fn worst(&self) -> f64 {
        self.worst
    }

    pub(super) const fn k(&self) -> usize {
        self.k
    }

    /// The point that the query must not meet.
    pub(super) const fn skip(&self) -> u32 {
        self.skip
    }

    /// Whether only a point of distance 0 and a number below every one from `first` on could still get in.
    #[inline]
    pub(super) fn is_settled_before(&self, first: u32) -> bool {
        self.worst == 0.0 && first > self.worst_index
    }

    /// Takes the point if it is among the nearest; says whether [`Self::worst`] changed.
    #[inline]
    pub(super) fn offer(&mut self, squared: f64, index: u32) -> bool {
        let new = (squared.to_bits(), index);
        if index == self.skip {
            return false;
        }
        if self.heap.len() < self.k {
            self.heap.push(new);
            if self.heap.len() < self.k {
                return false;
            }
        } else if new < (self.worst.to_bits(), self.worst_index) {
            if let Some(mut top) = self.heap.peek_mut() {
                *top = new;
            }
        } else {
            return false;
        }
        if let Some(&(bits, index)) = self.heap.peek() {
            (self.worst, self.worst_index) = (f64::from_bits(bits), index);
        }
        true
    }

    /// Writes the points found, nearest first, and forgets them.
    pub(super) fn take_into(&mut self, out: &mut [Neighbor]) {
        for out in out[..self.heap.len()].iter_mut().rev() {
            if let Some((bits, index)) = self.heap.pop() {
                *out = Neighbor { index, squared: f64::from_bits(bits) };
            }
        }
    }
}
