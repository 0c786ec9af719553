//! Sorting numbers by their bits.

/// Below this many keys the comparison sort of the standard library is faster.
const FEW: usize = 2048;
/// Keys that are sorted by insertion at most.
const INSERTED: usize = 16;
/// Bits per pass; its counters fit the first-level cache.
const DIGIT: u32 = 12;
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
/// again, which is that of `spare`: sorting many columns with the same one spares the system handing out pages. Numbers in the lower bits that ascend before therefore ascend among equals after.
///
/// Two passes sort by the 24 bits from the highest that differs; what is still out of order after them, a few
/// neighbours as a rule, is sorted by comparison.
pub fn sort_by_upper_half(keys: &mut Vec<u64>, spare: &mut Vec<u64>) {
    let Some(&first) = keys.first() else { return };
    if keys.len() < FEW || u32::try_from(keys.len()).is_err() {
        return keys.sort_by_key(|key| key >> 32);
    }
    let differing = keys.iter().fold(0, |all, key| all | (key ^ first)) >> 32;
    let shift = 32 + (u64::BITS - differing.leading_zeros()).saturating_sub(2 * DIGIT);
    let digit = |key: u64, pass: u32| (key >> (shift + DIGIT * pass)) as usize & (WIDTH - 1);
    let mut counts = [[0_u32; WIDTH]; 2];
    for &key in keys.iter() {
        (0..2).for_each(|pass| counts[pass as usize][digit(key, pass)] += 1);
    }
    spare.resize(keys.len(), 0);
    for (pass, counts) in (0..).zip(&mut counts) {
        let mut start = 0;
        counts.iter_mut().for_each(|count| start += std::mem::replace(count, start));
        for &key in keys.iter() {
            let place = &mut counts[digit(key, pass)];
            spare[*place as usize] = key;
            *place += 1;
        }
        std::mem::swap(keys, spare);
    }
    let mut at = 1;
    while at < keys.len() {
        if keys[at - 1] >> 32 <= keys[at] >> 32 {
            at += 1;
            continue;
        }
        // All that the passes took for equal; what was gone through already is in order and put in its place again.
        let same = keys[at] >> shift;
        let from = at - keys[..at].iter().rev().take_while(|&&key| key >> shift == same).count();
        let end = at + keys[at..].iter().take_while(|&&key| key >> shift == same).count();
        sort_few(&mut keys[from..end]);
        at = end;
    }
}

/// By insertion where that is fastest; stable.
fn sort_few(keys: &mut [u64]) {
    if keys.len() > INSERTED {
        return keys.sort_by_key(|key| key >> 32);
    }
    for last in 1..keys.len() {
        let key = keys[last];
        let mut at = last;
        while at > 0 && keys[at - 1] >> 32 > key >> 32 {
            keys[at] = keys[at - 1];
            at -= 1;
        }
        keys[at] = key;
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
        fn equals_the_stable_sort(n in 0..6000_usize, mask in prop::sample::select(vec![u32::MAX, 0xff, 0xfff0_0000, 0x8000_00ff, 0xf000_001f, 0]), seed: u64) {
            let key = |i: usize| {
                let mixed = (i as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                u64::from((mixed >> 20) as u32 & mask) << 32 | i as u64
            };
            let mut keys: Vec<u64> = (0..n).map(key).collect();
            let mut want = keys.clone();
            want.sort_by_key(|key| key >> 32);
            sort_by_upper_half(&mut keys, &mut vec![7; 100]);
            prop_assert_eq!(keys, want);
        }
    }
}
