//! The digits of numbers as a person would write them.

use std::fmt::{LowerExp, Write};

/// Reads digits off the shortest decimal form that gives the number back: 0.35 has the digits 3 and 5, although the
/// nearest binary number is a little less.
#[derive(Default)]
pub(super) struct Reader {
    text: String,
}

impl Reader {
    /// The first two digits, less 10; a missing second one is 0. None for 0 and what is not finite.
    pub(super) fn group<T: LowerExp>(&mut self, v: T) -> Option<usize> {
        self.text.clear();
        // Writing to a string does not fail.
        let _ = write!(self.text, "{v:e}");
        let mantissa = self.text.trim_start_matches('-').split('e').next()?;
        let mut digits = mantissa.chars().filter_map(|c| c.to_digit(10)).map(|digit| digit as usize);
        let first = digits.next()?;
        let second = digits.next().unwrap_or(0);
        (first > 0).then(|| first * 10 + second - 10)
    }
}

/// The last two digits of the whole number of units of `10^-decimals`; none where 64 bits do not hold that number
/// exactly.
pub(super) fn last_two(v: f64, decimals: u32) -> Option<usize> {
    let units = (v.abs() * 10.0_f64.powi(decimals.min(9) as i32)).round();
    (units <= 2.0_f64.powi(53)).then_some((units as u64 % 100) as usize)
}
