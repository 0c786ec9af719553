//! Quantiles, robust scales and stable moments.
//!
//! All functions ignore nothing: callers remove missing values first.

/// Consistency factor of the median absolute deviation at the normal distribution, 1 / Phi^-1(3/4).
pub const MAD_TO_SIGMA: f64 = 1.482_602_218_505_602;
/// Consistency factor of the interquartile range at the normal distribution, 1 / (2 Phi^-1(3/4)).
pub const IQR_TO_SIGMA: f64 = 0.741_301_109_252_801;

/// The `q` quantile (0 to 1) of ascending values by linear interpolation between order statistics
/// (Hyndman and Fan 1996, type 7, the default of R and NumPy); `NaN` for no values.
pub fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    let (a, b) = (sorted[low], sorted[high]);
    if low == high || a == b { a } else { a + (b - a) * (at - low as f64) }
}

/// The `q` quantile of values in any order; they are partly reordered. `NaN` for no values.
pub fn quantile(values: &mut [f64], q: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let low = at.floor() as usize;
    let (_, &mut a, rest) = values.select_nth_unstable_by(low, f64::total_cmp);
    let share = at - low as f64;
    if share == 0.0 {
        return a;
    }
    let b = rest.iter().copied().min_by(f64::total_cmp).unwrap_or(a);
    if a == b { a } else { a + (b - a) * share }
}

/// The median; the values are partly reordered. `NaN` for no values.
pub fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// Median and median absolute deviation (not scaled to sigma); the values are overwritten.
pub fn median_and_mad(values: &mut [f64]) -> (f64, f64) {
    let center = median(values);
    values.iter_mut().for_each(|v| *v = (*v - center).abs());
    (center, median(values))
}

/// Count, mean and centred second moment, updated one value at a time (Welford 1962) and merged pairwise
/// (Chan, Golub, LeVeque 1979), so that large offsets lose nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    count: u64,
    mean: f64,
    m2: f64,
}

impl Moments {
    /// Takes one more value.
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.m2 += delta * (value - self.mean);
    }

    /// Takes all that `other` took.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let total = self.count + other.count;
        let delta = other.mean - self.mean;
        self.m2 += other.m2 + delta * delta * (self.count as f64 * other.count as f64 / total as f64);
        self.mean += delta * other.count as f64 / total as f64;
        self.count = total;
    }

    /// How many values were taken.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; 0 for none.
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// Their variance divided by n (population); 0 for none.
    pub fn variance(&self) -> f64 {
        if self.count == 0 { 0.0 } else { (self.m2 / self.count as f64).max(0.0) }
    }

    /// The root of [`Self::variance`].
    pub fn std_dev(&self) -> f64 {
        self.variance().sqrt()
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut moments = Self::default();
        values.into_iter().for_each(|v| moments.push(v));
        moments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_in_closed_form() {
        assert_eq!(quantile_of_sorted(&[1.0, 2.0, 3.0, 4.0], 0.25), 1.75);
        assert_eq!(median(&mut [5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&mut [4.0, 1.0]), 2.5);
        assert!(median(&mut []).is_nan());
        assert_eq!(median_and_mad(&mut [1.0, 2.0, 3.0, 100.0]), (2.5, 1.0));
    }

    #[test]
    fn moments_survive_a_large_offset() {
        let moments: Moments = [1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0].into_iter().collect();
        assert!((moments.variance() - 2.0 / 3.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn quantile_equals_the_sorted_one(mut values in prop::collection::vec(-1e6..1e6_f64, 1..50), q in 0.0..=1.0_f64) {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            prop_assert_eq!(quantile(&mut values, q), quantile_of_sorted(&sorted, q));
        }

        #[test]
        fn merging_equals_pushing(a in prop::collection::vec(-1e3..1e3_f64, 0..20), b in prop::collection::vec(-1e3..1e3_f64, 0..20)) {
            let mut merged: Moments = a.iter().copied().collect();
            merged.merge(&b.iter().copied().collect());
            let all: Moments = a.iter().chain(&b).copied().collect();
            prop_assert!((merged.mean() - all.mean()).abs() < 1e-9 && (merged.variance() - all.variance()).abs() < 1e-6);
        }
    }
}
