//! Rounding down many numbers at once.

/// Beyond this the result of [`floor`] is not the number rounded down.
pub const FLOOR_LIMIT: f32 = 4_194_304.0;
/// From here on, up to 2^24, neighbouring floats are 1 apart, and so are their bits.
const SHIFT: f32 = 12_582_912.0;

/// The number rounded down, for numbers between `-FLOOR_LIMIT` and `FLOOR_LIMIT`; any number for others and for NaN.
///
/// `as i32` checks every number for the ends of `i32`, which processors without the newest instructions do one by one.
/// Adding 1.5 * 2^23 leaves the nearest whole number in the lower bits; if that is above, it is one too many.
#[inline]
pub fn floor(v: f32) -> i32 {
    let shifted = v + SHIFT;
    let nearest = shifted.to_bits().wrapping_sub(SHIFT.to_bits()).cast_signed();
    nearest.wrapping_sub(i32::from(shifted - SHIFT > v))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn closed_form() {
        let below_one = 1.0_f32.next_down();
        assert_eq!([0.0, -0.0, 0.5, below_one, 1.0, 1.5, 2.5].map(floor), [0, 0, 0, 0, 1, 1, 2]);
        assert_eq!([-1e-30, -0.5, -1.0, -1.5, -2.5].map(floor), [-1, -1, -1, -2, -3]);
        assert_eq!([FLOOR_LIMIT, -FLOOR_LIMIT].map(floor), [1 << 22, -(1 << 22)]);
        // Whatever the answer, there is one.
        let _ = [f32::NAN, f32::INFINITY, f32::MIN].map(floor);
    }

    proptest! {
        #[test]
        fn equals_rounding_down(v in -FLOOR_LIMIT..=FLOOR_LIMIT, near in -5000..5000_i32) {
            let near = near as f32 / 16.0;
            for v in [v, near, near.next_down(), near.next_up()] {
                prop_assert_eq!(floor(v), v.floor() as i32);
            }
        }
    }
}
