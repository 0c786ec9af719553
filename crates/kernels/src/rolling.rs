//! Medians and median absolute deviations of all windows of a series.

/// Windows that share one sorted stretch at least; short windows would sort too often.
const LEAST_BLOCK: usize = 512;

/// Median and median absolute deviation (not scaled to sigma) of every window of `window_len` values, in steps of one
/// value: as many pairs as windows. A window longer than the series is the series.
///
/// Values are sorted in stretches of about two windows, and the window moves over the sorted places as a set of bits with
/// counts, in which the k-th value is found in O(log w). The values closest to the median are neighbours in that order, so
/// their interval is sought from where it was one step before: O(n log w) while medians move little, O(n log^2 w) at worst.
///
/// ```
/// use anomalyst_kernels::rolling::medians_and_mads;
/// assert_eq!(medians_and_mads(&[1.0, 2.0, 9.0, 3.0], 3), [(2.0, 1.0), (3.0, 1.0)]);
/// ```
pub fn medians_and_mads(values: &[f64], window_len: usize) -> Vec<(f64, f64)> {
    let window_len = window_len.clamp(1, values.len().max(1));
    let n_windows = (values.len() + 1).saturating_sub(window_len).min(values.len());
    let mut out = Vec::with_capacity(n_windows);
    let block = window_len.max(LEAST_BLOCK);
    while out.len() < n_windows {
        let first = out.len();
        let last = (first + block).min(n_windows);
        slide(&values[first..last - 1 + window_len], window_len, &mut out);
    }
    out
}

/// All windows of a short stretch.
fn slide(values: &[f64], window_len: usize, out: &mut Vec<(f64, f64)>) {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]).then(a.cmp(&b)));
    let mut place = vec![0; values.len()];
    order.iter().enumerate().for_each(|(at, &i)| place[i as usize] = at);
    let sorted: Vec<f64> = order.iter().map(|&i| values[i as usize]).collect();
    let mut present = Places::new(values.len());
    place[..window_len].iter().for_each(|&at| present.add(at));
    // Where the interval of the values closest to the median began.
    let mut begin = 0;
    for next in window_len..=values.len() {
        let window = Window { sorted: &sorted, present: &present, len: window_len };
        let median = window.median();
        out.push((median, window.deviation(median, &mut begin)));
        if next < values.len() {
            present.remove(place[next - window_len]);
            present.add(place[next]);
        }
    }
}

struct Window<'a> {
    sorted: &'a [f64],
    present: &'a Places,
    len: usize,
}

impl Window<'_> {
    fn at(&self, rank: usize) -> f64 {
        self.sorted[self.present.select(rank)]
    }

    fn median(&self) -> f64 {
        let (low, high) = (self.at((self.len - 1) / 2), self.at(self.len / 2));
        middle(low, high)
    }

    /// The median of the distances from `median`: the `k` closest values are those of ranks `i..i + k`.
    fn deviation(&self, median: f64, begin: &mut usize) -> f64 {
        let k = (self.len - 1) / 2 + 1;
        let last = self.len - k;
        // Whether the value behind the interval is closer than its first.
        let later = |i: usize| i < last && self.at(i + k) - median < median - self.at(i);
        let (mut low, mut high, mut step) = ((*begin).min(last), (*begin).min(last), 1);
        if later(low) {
            low += 1;
            high = low;
            while later(high) {
                low = high + 1;
                high = (high + step).min(last);
                step *= 2;
            }
        } else {
            while low > 0 && !later(low - 1) {
                high = low - 1;
                low = low.saturating_sub(step);
                step *= 2;
            }
        }
        while low < high {
            let mid = low.midpoint(high);
            if later(mid) {
                low = mid + 1;
            } else {
                high = mid;
            }
        }
        *begin = low;
        let distance = |rank: usize| (self.at(rank) - median).abs();
        let inner = distance(low).max(distance(low + k - 1));
        if self.len % 2 == 1 {
            return inner;
        }
        let before = if low > 0 { distance(low - 1) } else { f64::INFINITY };
        let after = if low + k < self.len { distance(low + k) } else { f64::INFINITY };
        middle(inner, before.min(after))
    }
}

/// As [`crate::stats::median`] has it: the lower one and half of the way to the higher one.
fn middle(low: f64, high: f64) -> f64 {
    if low == high { low } else { low + (high - low) * 0.5 }
}

/// A set of places, in which the place of a rank is found fast.
struct Places {
    words: Vec<u64>,
    /// Sums of counts of words as in a binary indexed tree (Fenwick 1994).
    sums: Vec<u32>,
    /// The largest power of two that is no more than the number of words.
    top: usize,
}

impl Places {
    fn new(n: usize) -> Self {
        let n_words = n.div_ceil(64).max(1);
        Self { words: vec![0; n_words], sums: vec![0; n_words + 1], top: 1 << n_words.ilog2() }
    }

    fn add(&mut self, place: usize) {
        self.words[place / 64] |= 1 << (place % 64);
        let mut i = place / 64 + 1;
        while i < self.sums.len() {
            self.sums[i] += 1;
            i += i & i.wrapping_neg();
        }
    }

    fn remove(&mut self, place: usize) {
        self.words[place / 64] &= !(1 << (place % 64));
        let mut i = place / 64 + 1;
        while i < self.sums.len() {
            self.sums[i] -= 1;
            i += i & i.wrapping_neg();
        }
    }

    /// The place with `rank` places before it; there must be one.
    fn select(&self, rank: usize) -> usize {
        let (mut word, mut rest, mut step) = (0, rank as u32, self.top);
        while step > 0 {
            if word + step < self.sums.len() && self.sums[word + step] <= rest {
                word += step;
                rest -= self.sums[word];
            }
            step /= 2;
        }
        let bits = self.words[word];
        let mut at = 0;
        for half in [32, 16, 8, 4, 2, 1] {
            let below = (bits >> at & ((1 << half) - 1)).count_ones();
            if rest >= below {
                rest -= below;
                at += half;
            }
        }
        word * 64 + at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::median_and_mad;
    use proptest::prelude::*;

    fn plainly(values: &[f64], window_len: usize) -> Vec<(f64, f64)> {
        let window_len = window_len.min(values.len()).max(1);
        values.windows(window_len).map(|w| median_and_mad(&mut w.to_vec())).collect()
    }

    #[test]
    fn short_series_have_an_answer() {
        assert!(medians_and_mads(&[], 3).is_empty());
        assert_eq!(medians_and_mads(&[5.0], 3), [(5.0, 0.0)]);
        assert_eq!(medians_and_mads(&[1.0, 4.0], 9), [(2.5, 1.5)]);
        assert_eq!(medians_and_mads(&[7.0; 4], 2), [(7.0, 0.0); 3]);
    }

    /// Medians that jump between two far levels at every step.
    #[test]
    fn long_windows_are_the_plain_ones() {
        let values: Vec<f64> = (0..3000_i64).map(|i| (i * i * 37 % 1009 + 5000 * (i % 2)) as f64).collect();
        for window_len in [2, 64, 501, 1500] {
            assert_eq!(medians_and_mads(&values, window_len), plainly(&values, window_len), "{window_len}");
        }
    }

    proptest! {
        #[test]
        fn equals_every_window_by_itself(
            values in prop::collection::vec(prop_oneof![-3.0..3.0_f64, (0..3_i32).prop_map(f64::from)], 1..200),
            window_len in 1..60_usize,
        ) {
            prop_assert_eq!(medians_and_mads(&values, window_len), plainly(&values, window_len));
        }
    }
}
