//! Conformal p-values for scores that depend on their neighbours: blocks of time are ranked instead of points.
//!
//! # Idea
//! Points of a series are not exchangeable: a high score is followed by high scores. Long stretches of it nearly are, once
//! they are longer than the memory of the process. So the highest score of a block is compared with those of
//! blocks known to be normal, and a stretch with all stretches of its length.
//!
//! # Equations
//! - Blocks: `p(x) = (1 + #{b : max of block b >= x}) / (B + 1)` over `B` whole blocks of `L` points. It answers for
//!   a stretch of `L` new normal points: the probability that one of them scores `x` or more. Exact where blocks are
//!   exchangeable, else up to the dependence across their borders.
//! - Shifts: the tested stretch of `m` points is appended to the normal ones, the whole is closed to a circle of `n`
//!   points and turned: `p = #{j : S(turned by j) >= S(not turned)} / n`, over all turns or, as blocks, over every `m`-th
//!   (Chernozhukov et al. 2018, moving-block and block permutations).
//!   `S` is the mean or the highest score of the last `m` points.
//!
//! # Score
//! No p-value is below `1 / (B + 1)`: what is rarer than once in all that is known to be normal, ranks cannot tell
//! apart. [`crate::SeriesDecision`] extrapolates, at the price of assuming a tail.
//!
//! # Complexity
//! O(n log n) for blocks, O(n) for shifts.
//!
//! # Differences
//! The paper refits the model on the series with the tested stretch in it; here scores are given. Then normal scores have to
//! be of points that were not fitted.
//!
//! # References
//! Chernozhukov, Wuthrich, Zhu 2018, Exact and robust conformal inference methods for predictive machine learning with
//! dependent data, COLT. Politis, Romano 1994, JASA 89 (circular blocks).
//!
//! # Example
//! ```
//! use anomalyst_decide::block_conformal::{block_maxima, Statistic, Turns, stretch_p_value};
//! assert_eq!(block_maxima(&[1.0, 5.0, 2.0, 2.0, 9.0], &[5], 2), [5.0, 2.0]);
//! let p = stretch_p_value(&[1.0, 2.0, 1.0, 2.0], &[7.0, 8.0], Statistic::Mean, Turns::Blocks).unwrap();
//! assert_eq!(p, 1.0 / 3.0);
//! ```

use std::collections::VecDeque;

use anomalyst_core::{Result, ranges_of};

use crate::calibration::{Calibration, check_scores};
use crate::conformal::p_value;
use crate::extremes::check_ends;

/// What is compared between stretches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// The mean score: for long mild events.
    Mean,
    /// The highest score: for short ones.
    Max,
}

/// Which turns of the circle are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// All of them: overlapping stretches, the finer p-value.
    All,
    /// By whole stretches: they do not overlap.
    Blocks,
}

/// The highest score of every whole block of `block_len` points; each series begins anew and its rest is left out.
pub fn block_maxima(scores: &[f32], ends: &[usize], block_len: usize) -> Vec<f32> {
    let of_series = |range: std::ops::Range<usize>| {
        let blocks = scores.get(range).unwrap_or(&[]).chunks_exact(block_len.max(1));
        blocks.map(|block| block.iter().copied().fold(f32::MIN, f32::max))
    };
    ranges_of(ends).flat_map(of_series).collect()
}

/// One p-value per score: the probability that a stretch of `block_len` normal points holds a score as high. `normal`
/// scores, at least one block, are in the order of time with ends of their own.
pub fn block_p_values(normal: &[f32], ends: &[usize], block_len: usize, scores: &[f32]) -> Result<Vec<f64>> {
    check_scores(normal)?;
    check_ends(ends, normal.len())?;
    let maxima = Calibration::new(&block_maxima(normal, ends, block_len))?;
    if !scores.is_empty() {
        check_scores(scores)?;
    }
    Ok(scores.iter().map(|&s| p_value(maxima.n_at_or_above(s), maxima.n())).collect())
}

/// The p-value of one tested stretch that follows normal scores.
pub fn stretch_p_value(normal: &[f32], tested: &[f32], statistic: Statistic, turns: Turns) -> Result<f64> {
    check_scores(normal)?;
    check_scores(tested)?;
    let (n, m) = (normal.len() + tested.len(), tested.len());
    // Turned by `j`, the last `m` points are those before the last `j`; they may reach around.
    let circle = |i: usize| if i < normal.len() { normal[i] } else { tested[i - normal.len()] };
    let of_start = match statistic {
        Statistic::Mean => sliding_sums(n, m, circle),
        Statistic::Max => sliding_maxima(n, m, circle),
    };
    let step = if turns == Turns::All { 1 } else { m };
    // The stretch itself is the first; with blocks a rest of fewer than `m` points at the beginning is left out.
    let starts: Vec<usize> = (0..n / step).map(|j| (2 * n - m - j * step) % n).collect();
    let own = of_start[n - m];
    // Sums of the same scores in another order may differ in their last digits.
    let at_least = own - 1e-12 * own.abs();
    let n_high = starts.iter().filter(|&&at| of_start[at] >= at_least).count();
    Ok(n_high as f64 / starts.len() as f64)
}

/// Sum of the `m` points from each start on around a circle of `n`.
fn sliding_sums(n: usize, m: usize, circle: impl Fn(usize) -> f32) -> Vec<f64> {
    let mut before = vec![0.0; n + m + 1];
    for i in 0..n + m {
        before[i + 1] = before[i] + f64::from(circle(i % n));
    }
    (0..n).map(|start| before[start + m] - before[start]).collect()
}

/// Highest of the `m` points from each start on around a circle of `n`, by a queue of falling candidates.
fn sliding_maxima(n: usize, m: usize, circle: impl Fn(usize) -> f32) -> Vec<f64> {
    let mut queue: VecDeque<usize> = VecDeque::new();
    let mut highest = vec![0.0; n];
    for i in 0..n + m - 1 {
        while queue.back().is_some_and(|&j| circle(j % n) <= circle(i % n)) {
            queue.pop_back();
        }
        queue.push_back(i);
        if queue.front().is_some_and(|&j| j + m <= i) {
            queue.pop_front();
        }
        if let (Some(start), Some(&j)) = ((i + 1).checked_sub(m), queue.front()) {
            highest[start] = f64::from(circle(j % n));
        }
    }
    highest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw;
    use anomalyst_core::{Random, Run};
    use proptest::prelude::*;

    fn autoregression(random: &mut Random, n: usize, memory: f64) -> Vec<f32> {
        let mut x = 0.0;
        let mut next = || {
            x = memory * x + draw::normal(random);
            x as f32
        };
        (0..100).for_each(|_| _ = next());
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn closed_forms() {
        assert_eq!(block_maxima(&[1.0, 3.0, 2.0, 4.0, 0.0, 0.0], &[3, 6], 2), [3.0, 4.0]);
        assert!(block_maxima(&[1.0], &[1], 5).is_empty());
        assert_eq!(block_p_values(&[1.0, 3.0, 2.0, 0.0], &[4], 2, &[2.0, 3.5]).unwrap(), [1.0, 1.0 / 3.0]);
        assert!(block_p_values(&[1.0], &[1], 5, &[0.0]).is_err());
        // Circle 1 2 3 | 4: one of four single points reaches 4; of stretches of 2 (sums 7, 5, 3, 5) all reach 3.
        let p = |normal: &[f32], tested: &[f32], statistic| {
            stretch_p_value(normal, tested, statistic, Turns::All).unwrap()
        };
        assert_eq!(p(&[1.0, 2.0, 3.0], &[4.0], Statistic::Max), 0.25);
        assert_eq!(p(&[3.0, 4.0], &[1.0, 2.0], Statistic::Mean), 1.0);
        assert_eq!(p(&[1.0, 2.0], &[3.0, 4.0], Statistic::Mean), 0.25);
        assert!(stretch_p_value(&[1.0], &[], Statistic::Max, Turns::All).is_err());
    }

    /// 1,500 series of AR(1) at 0.9: 49 blocks of 40 points and one more. The share of p-values at or below `a` is within
    /// four standard errors of at most `a`; points ranked as if independent are wrong four times as often.
    #[test]
    fn p_values_are_valid_under_dependence() {
        let n = 1_500.0;
        let (mut block, mut turn, mut point) = ([0.0_f64; 2], [0.0_f64; 2], 0.0);
        for seed in 0..1_500 {
            let scores = autoregression(&mut Run::new(seed).random(0), 2_000, 0.9);
            let (normal, new) = scores.split_at(1_960);
            let highest = new.iter().copied().fold(f32::MIN, f32::max);
            let by_block = block_p_values(normal, &[1_960], 40, &[highest]).unwrap()[0];
            let by_turn = stretch_p_value(normal, new, Statistic::Mean, Turns::All).unwrap();
            for (i, a) in [0.1, 0.3].into_iter().enumerate() {
                block[i] += f64::from(u8::from(by_block <= a)) / n;
                turn[i] += f64::from(u8::from(by_turn <= a)) / n;
            }
            let by_point = crate::conformal::split_p_values(normal, &[highest]).unwrap()[0];
            point += f64::from(u8::from(by_point <= 0.1)) / n;
        }
        println!("blocks {block:?}, turns {turn:?}, points {point}");
        for (i, a) in [0.1, 0.3_f64].into_iter().enumerate() {
            let error = 4.0 * (a * (1.0 - a) / n).sqrt();
            assert!((block[i] - a).abs() < error && (turn[i] - a).abs() < error + 0.01, "{a}");
        }
        assert!(point > 0.4, "{point}");
    }

    proptest! {
        #[test]
        fn equals_the_shortest_code(
            all in prop::collection::vec(0..9_u8, 2..40), m in 1..20_usize, mean in any::<bool>(), step in any::<bool>(),
        ) {
            let all: Vec<f32> = all.into_iter().map(f32::from).collect();
            let (n, m) = (all.len(), m.min(all.len() - 1));
            let statistic = if mean { Statistic::Mean } else { Statistic::Max };
            let turns = if step { Turns::Blocks } else { Turns::All };
            let got = stretch_p_value(&all[..n - m], &all[n - m..], statistic, turns).unwrap();
            let by = if step { m } else { 1 };
            let of = |j: usize| {
                let mut turned = all.clone();
                turned.rotate_right(j * by);
                let last = &turned[n - m..];
                if mean { last.iter().sum() } else { last.iter().copied().fold(0.0, f32::max) }
            };
            let n_turns = n / by;
            let high = (0..n_turns).filter(|&j| of(j) >= of(0)).count();
            prop_assert!((got - high as f64 / n_turns as f64).abs() < 1e-12);
            prop_assert!(got > 0.0);
        }
    }
}
