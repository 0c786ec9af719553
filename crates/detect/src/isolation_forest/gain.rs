//! Where a cut takes most of the spread away.

use super::plan::Guide;

/// A gap between neighbouring numbers, and the share of the spread that a cut there takes away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gap {
    pub(super) gain: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Gap {
    /// A 32-bit threshold within the gap, its middle where that can be; none where rounding leaves no room.
    pub(super) fn threshold(&self) -> Option<f32> {
        let fits = |v: &f32| self.low < f64::from(*v) && f64::from(*v) <= self.high;
        Some((self.low + (self.high - self.low) / 2.0) as f32)
            .filter(fits)
            .or(Some(self.high as f32).filter(fits))
    }
}

/// The gap of ascending numbers with the largest gain, the first of equal ones; none if all numbers are equal.
///
/// With the population deviation `sd`, the gain is `1 - (sd(left) + sd(right)) / (2 sd(all))`, averaged, or
/// `1 - (n_left sd(left) + n_right sd(right)) / (n sd(all))`, pooled.
pub(super) fn widest_gap(sorted: &[f64], guide: Guide) -> Option<Gap> {
    let n = sorted.len();
    let left = deviations(sorted.iter());
    let right = deviations(sorted.iter().rev());
    let all = left.last().copied().filter(|&all| all > 0.0)?;
    let mut best: Option<Gap> = None;
    for (i, pair) in (1..n).zip(sorted.windows(2)) {
        if pair[0] < pair[1] {
            let (l, r) = (left[i - 1], right[n - i - 1]);
            let rest = match guide {
                Guide::Averaged => (l + r) / 2.0,
                Guide::Pooled => (i as f64 * l + (n - i) as f64 * r) / n as f64,
            };
            let gain = 1.0 - rest / all;
            if best.is_none_or(|best| gain > best.gain) {
                best = Some(Gap { gain, low: pair[0], high: pair[1] });
            }
        }
    }
    best
}

/// The population deviation of the first number, of the first two, and so on (Welford 1962).
fn deviations<'a>(numbers: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    let (mut mean, mut squares) = (0.0, 0.0);
    let mut next = |(i, &x): (usize, &f64)| {
        let n = (i + 1) as f64;
        let before = x - mean;
        mean += before / n;
        squares += before * (x - mean);
        (squares / n).sqrt()
    };
    numbers.enumerate().map(&mut next).collect()
}

/// The population deviation of numbers in any order.
pub(super) fn deviation(numbers: &[f64]) -> f64 {
    deviations(numbers.iter()).last().copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 0, 1, 10 with variance (1 + 0 + 100) / 3 - (11 / 3)^2 = 182 / 9. Before 1: deviations 0 and 4.5; before 10: 0.5
    /// and 0. Averaged gains 1 - 2.25 / sd and 1 - 0.25 / sd, pooled 1 - 3 / sd and 1 - (1 / 3) / sd.
    #[test]
    fn three_numbers_by_hand() {
        let sd = (182.0_f64 / 9.0).sqrt();
        for (guide, rest) in [(Guide::Averaged, 0.25), (Guide::Pooled, 1.0 / 3.0)] {
            let gap = widest_gap(&[0.0, 1.0, 10.0], guide).unwrap();
            assert_eq!((gap.low, gap.high, gap.threshold()), (1.0, 10.0, Some(5.5)));
            assert!((gap.gain - 1.0 + rest / sd).abs() < 1e-14);
        }
    }

    /// -10 beside twenty each of 0 and 4. Cut off, -10 leaves a deviation of 2; between the clusters there remain 2.13
    /// and 0. The mean of two is less in the first case, 1 against 1.06; weighted by rows in the second, 1.09 against
    /// 1.95.
    #[test]
    fn averaged_gain_cuts_off_where_pooled_gain_divides() {
        let mut numbers = vec![-10.0];
        numbers.extend([0.0; 20]);
        numbers.extend([4.0; 20]);
        assert_eq!(widest_gap(&numbers, Guide::Averaged).unwrap().low, -10.0);
        assert_eq!(widest_gap(&numbers, Guide::Pooled).unwrap().low, 0.0);
    }

    #[test]
    fn equal_and_neighbouring_numbers() {
        for guide in [Guide::Averaged, Guide::Pooled] {
            assert_eq!(widest_gap(&[], guide), None);
            assert_eq!(widest_gap(&[3.0; 5], guide), None);
            let next = f32::from_bits(1.0_f32.to_bits() + 1);
            let gap = widest_gap(&[1.0, f64::from(next)], guide).unwrap();
            assert_eq!((gap.gain, gap.threshold()), (1.0, Some(next)));
        }
        // Nothing of 32 bits lies between these.
        assert_eq!(Gap { gain: 1.0, low: 1.0 + 1e-12, high: 1.0 + 2e-12 }.threshold(), None);
    }

    proptest! {
        /// The definition itself, over every gap.
        #[test]
        fn equals_the_plain_search(mut numbers in prop::collection::vec(-50..50_i32, 2..40), pooled: bool) {
            numbers.sort_unstable();
            let sorted: Vec<f64> = numbers.iter().map(|&v| f64::from(v) * 0.37 + 1e3).collect();
            let guide = if pooled { Guide::Pooled } else { Guide::Averaged };
            let sd = |v: &[f64]| {
                let mean = v.iter().sum::<f64>() / v.len() as f64;
                (v.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / v.len() as f64).sqrt()
            };
            let gain = |i: usize| {
                let ((l, r), n) = (sorted.split_at(i), sorted.len() as f64);
                let weights = if pooled { (l.len() as f64 / n, r.len() as f64 / n) } else { (0.5, 0.5) };
                1.0 - (weights.0 * sd(l) + weights.1 * sd(r)) / sd(&sorted)
            };
            let gains = (1..sorted.len()).filter(|&i| sorted[i - 1] < sorted[i]).map(gain);
            match widest_gap(&sorted, guide) {
                Some(gap) => prop_assert!((gap.gain - gains.fold(f64::NEG_INFINITY, f64::max)).abs() < 1e-9),
                None => prop_assert_eq!(gains.count(), 0),
            }
        }
    }
}
