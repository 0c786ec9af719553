//! Seeded samples of row positions.

use anomalyst_core::Random;
use rand::Rng;

/// `count` of the positions `0..n`, ascending: one at random from each of `count` strata of equal size, so that
/// neither an order nor a period of the rows biases it. All positions where there are no more than `count`.
pub(crate) fn spread_sample(n: usize, count: usize, random: &mut Random) -> Vec<usize> {
    if n <= count {
        return (0..n).collect();
    }
    let edge = |i: usize| (i as u128 * n as u128 / count as u128) as usize;
    let draw = |i: usize| {
        let (low, high) = (edge(i), edge(i + 1));
        low + (random.next_u64() % (high - low).max(1) as u64) as usize
    };
    (0..count).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anomalyst_core::Run;

    #[test]
    fn one_from_each_stratum() {
        let sample = spread_sample(1_000, 10, &mut Run::new(1).random(0));
        assert!(sample.iter().enumerate().all(|(i, &at)| at / 100 == i), "{sample:?}");
        assert_ne!(sample, spread_sample(1_000, 10, &mut Run::new(2).random(0)));
        assert_eq!(spread_sample(3, 10, &mut Run::new(1).random(0)), [0, 1, 2]);
        assert!(spread_sample(0, 10, &mut Run::new(1).random(0)).is_empty());
    }
}
