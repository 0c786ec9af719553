//! Sorting numbers by their bits.

/// Below this many keys the comparison sort of the standard library is faster.
const FEW: usize = 2048;
/// Bits per pass; its counters fit the first-level cache.
const DIGIT: u32 = 11;
/// Values of a digit.
const WIDTH: usize = 1 << DIGIT;

/// An integer that sorts as the float does; both zeros are one.
pub fn float_key(v: f32) -> u32 {
    let bits = (v + 0.0).to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

/// The float of a [`float_key`].
pub const fn key_float(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 0 { !key } else { key & !(1 << 31) })
}

/// Sorts by the upper 32 bits and keeps the order of keys in which those are equal, in O(n) time and as much memory
/// again. Numbers in the lower bits that ascend before therefore ascend among equals after.
pub fn sort_by_upper_half(keys: &mut Vec<u64>) {
    if keys.len() < FEW {
        return keys.sort_by_key(|key| key >> 32);
    }
    let digit = |key: u64, pass: u32| (key >> (32 + DIGIT * pass)) as usize & (WIDTH - 1);
    let mut counts = [[0_usize; WIDTH]; 3];
    for &key in keys.iter() {
        (0..3).for_each(|pass| counts[pass as usize][digit(key, pass)] += 1);
    }
    let mut other = vec![0_u64; keys.len()];
    for (pass, counts) in (0..).zip(&mut counts) {
        if counts.contains(&keys.len()) {
            continue; // All keys share this digit.
        }
        let mut start = 0;
        counts.iter_mut().for_each(|count| start += std::mem::replace(count, start));
        for &key in keys.iter() {
            let place = &mut counts[digit(key, pass)];
            other[*place] = key;
            *place += 1;
        }
        std::mem::swap(keys, &mut other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_sort_as_values_do() {
        let values = [-f32::MAX, -1.0, -f32::MIN_POSITIVE, 0.0, f32::MIN_POSITIVE, 1.0, f32::MAX];
        assert!(values.is_sorted_by(|&a, &b| float_key(a) < float_key(b)));
        assert!(values.iter().all(|&v| key_float(float_key(v)) == v));
        assert_eq!(float_key(-0.0), float_key(0.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        /// Against the stable sort of the standard library, below and above the limit, with many ties.
        #[test]
        fn equals_the_stable_sort(n in 0..6000_usize, mask in prop::sample::select(vec![u32::MAX, 0xff, 0xfff0_0000, 0]), seed: u64) {
            let key = |i: usize| {
                let mixed = (i as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                u64::from((mixed >> 20) as u32 & mask) << 32 | i as u64
            };
            let mut keys: Vec<u64> = (0..n).map(key).collect();
            let mut want = keys.clone();
            want.sort_by_key(|key| key >> 32);
            sort_by_upper_half(&mut keys);
            prop_assert_eq!(keys, want);
        }
    }
}
