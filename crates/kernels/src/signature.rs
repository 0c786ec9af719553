//! Path signatures: the iterated integrals of a path of several channels, up to a depth.
//!
//! The path goes straight from point to point. Its signature is the product of those of its pieces (Chen 1958), and a piece
//! has the powers of its step, divided by factorials. The logarithm of a signature, a Lie element, is known by its numbers
//! at Lyndon words alone.
//!
//! ```
//! use anomalyst_kernels::signature::signature;
//! // A step of 2: 2, then 2^2 / 2!, then 2^3 / 3!.
//! let got = signature(ndarray::array![[1.0], [3.0]].view(), 3).unwrap();
//! assert_eq!(got, [2.0, 2.0, 8.0 / 6.0]);
//! ```

use anomalyst_core::{Error, Result};
use ndarray::{Array2, ArrayView2};

/// The most numbers of a signature.
pub const MOST: usize = 1 << 22;

/// Numbers of a signature without the leading 1: all words of one to `depth` channels. `None` beyond [`MOST`].
pub fn signature_len(n_channels: usize, depth: usize) -> Option<usize> {
    let (mut level, mut sum) = (1_usize, 0_usize);
    for _ in 0..depth {
        level = level.checked_mul(n_channels)?;
        sum = sum.checked_add(level)?;
        if sum > MOST {
            return None;
        }
        // No channels, or one, give nothing new however deep.
        if level == 0 {
            break;
        }
    }
    Some(sum)
}

/// The signature of a path, points x channels: level by level, within a level by word, the last channel of a word
/// fastest. All 0 for fewer than two points.
///
/// Time O(n d^depth), memory O(d^depth).
pub fn signature(path: ArrayView2<'_, f64>, depth: usize) -> Result<Vec<f64>> {
    let d = path.ncols();
    let levels = Levels::new(d, depth)?;
    let mut sums = vec![0.0; levels.len()];
    let mut step = vec![0.0; d];
    // Two products of words, each as long as the longest level.
    let longest = levels.ends.last().map_or(0, |end| end - levels.start(depth));
    let mut scratch = [vec![0.0; longest], vec![0.0; longest]];
    for point in 1..path.nrows() {
        let (before, now) = (path.row(point - 1), path.row(point));
        step.iter_mut().zip(before).zip(now).for_each(|((step, a), b)| *step = b - a);
        levels.take_step(&mut sums, &step, &mut scratch);
    }
    Ok(sums)
}

/// The logarithm of a signature, with the numbers of all words.
pub fn logarithm(signature: &[f64], n_channels: usize, depth: usize) -> Result<Vec<f64>> {
    let levels = Levels::new(n_channels, depth)?;
    if signature.len() != levels.len() {
        return Err(Error::Data(format!("a signature of {} numbers, not {}", signature.len(), levels.len())));
    }
    // ln(1 + x) = x (1 - x (1/2 - x (1/3 - ..))), where products of more than `depth` factors vanish.
    let mut inner = (1.0 / depth.max(1) as f64, vec![0.0; signature.len()]);
    for n in (1..depth).rev() {
        let product = levels.product(signature, &inner);
        inner = (1.0 / n as f64, product.into_iter().map(|v| -v).collect());
    }
    Ok(levels.product(signature, &inner))
}

/// The log-signature of a path: the numbers of the logarithm of its signature at Lyndon words, which determine all
/// others, words by length and then in order.
pub fn log_signature(path: ArrayView2<'_, f64>, depth: usize) -> Result<Vec<f64>> {
    let d = path.ncols();
    let logarithm = logarithm(&signature(path, depth)?, d, depth)?;
    let levels = Levels::new(d, depth)?;
    let place = |word: &Vec<usize>| levels.start(word.len()) + word.iter().fold(0, |sum, c| sum * d + c);
    Ok(lyndon_words(d, depth).iter().map(|word| logarithm[place(word)]).collect())
}

/// Words of up to `depth` of `n_channels` letters that are less than all their rotations, by length and then in order.
pub fn lyndon_words(n_channels: usize, depth: usize) -> Vec<Vec<usize>> {
    let mut words = Vec::new();
    if n_channels == 0 || depth == 0 {
        return words;
    }
    // Duval's generation in order: repeat the word to full length, drop last letters, raise the last.
    let mut word = vec![0];
    loop {
        words.push(word.clone());
        let period = word.len();
        while word.len() < depth {
            word.push(word[word.len() - period]);
        }
        while word.last() == Some(&(n_channels - 1)) {
            word.pop();
        }
        match word.last_mut() {
            Some(last) => *last += 1,
            None => break,
        }
    }
    words.sort_by_key(Vec::len);
    words
}

/// The path with a channel before the others that goes from 0 to 1 at even steps.
pub fn with_time(path: ArrayView2<'_, f64>) -> Array2<f64> {
    let (n, d) = path.dim();
    let last = n.saturating_sub(1).max(1) as f64;
    Array2::from_shape_fn((n, d + 1), |(i, j)| if j == 0 { i as f64 / last } else { path[(i, j - 1)] })
}

/// Where levels of words lie.
struct Levels {
    n_channels: usize,
    /// Of the levels from 1 on.
    ends: Vec<usize>,
}

impl Levels {
    fn new(n_channels: usize, depth: usize) -> Result<Self> {
        if depth > 64 || signature_len(n_channels, depth).is_none() {
            return Err(Error::Data(format!(
                "a signature of {n_channels} channels to depth {depth} is too large; choose a smaller depth"
            )));
        }
        let mut level = 1;
        let next = |end: &mut usize, _| {
            level *= n_channels;
            *end += level;
            Some(*end)
        };
        Ok(Self { n_channels, ends: (0..depth).scan(0, next).collect() })
    }

    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Where words of that many letters begin.
    fn start(&self, level: usize) -> usize {
        if level < 2 { 0 } else { self.ends[level - 2] }
    }

    fn of<'a>(&self, level: usize, sums: &'a [f64]) -> &'a [f64] {
        &sums[self.start(level)..self.ends[level - 1]]
    }

    /// Multiplies a signature by that of a straight step: at level `k` the sum over `i` of level `k - i` times the step's
    /// `i`-th power over `i!`, by Horner's rule. From the deepest level on, so that lower ones are still those before.
    fn take_step(&self, sums: &mut [f64], step: &[f64], [a, b]: &mut [Vec<f64>; 2]) {
        let d = self.n_channels;
        for level in (1..=self.ends.len()).rev() {
            let mut len = d;
            a[..d].iter_mut().zip(step).for_each(|(out, step)| *out = step / level as f64);
            for lower in 1..level {
                let share = 1.0 / (level - lower) as f64;
                let below = self.of(lower, sums);
                for ((out, a), below) in b.chunks_exact_mut(d.max(1)).zip(&a[..len]).zip(below) {
                    let factor = (a + below) * share;
                    out.iter_mut().zip(step).for_each(|(out, step)| *out = factor * step);
                }
                len *= d;
                std::mem::swap(a, b);
            }
            let (start, end) = (self.start(level), self.ends[level - 1]);
            sums[start..end].iter_mut().zip(&a[..len]).for_each(|(sum, v)| *sum += v);
        }
    }

    /// `x (c + y)` of `x` and `y` without a number at the empty word.
    fn product(&self, x: &[f64], (c, y): &(f64, Vec<f64>)) -> Vec<f64> {
        let mut out: Vec<f64> = x.iter().map(|v| c * v).collect();
        for level in 2..=self.ends.len() {
            for left in 1..level {
                let (x, y) = (self.of(left, x), self.of(level - left, y));
                let out = &mut out[self.start(level)..self.ends[level - 1]];
                for (out, x) in out.chunks_exact_mut(y.len().max(1)).zip(x) {
                    out.iter_mut().zip(y).for_each(|(out, y)| *out += x * y);
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, concatenate, s};
    use proptest::prelude::*;

    /// Iterated integrals by the definition, over pieces that the path is cut into: in each, the last letter's piece is
    /// times the sum of what came before, and powers of one piece over factorials.
    fn plain(path: &Array2<f64>, word: &[usize]) -> f64 {
        // sums[k] is the integral of the first k letters up to the current point.
        let mut sums = vec![0.0; word.len() + 1];
        sums[0] = 1.0;
        for t in 1..path.nrows() {
            let step = |c: usize| path[(t, c)] - path[(t - 1, c)];
            for k in (1..=word.len()).rev() {
                let mut power = 1.0;
                for i in 1..=k {
                    power *= step(word[k - i]) / i as f64;
                    sums[k] += sums[k - i] * power;
                }
            }
        }
        sums[word.len()]
    }

    fn words(d: usize, depth: usize) -> Vec<Vec<usize>> {
        let of_level = |level: u32| {
            (0..d.pow(level)).map(move |i| (0..level).rev().map(|k| i / d.pow(k) % d).collect::<Vec<_>>())
        };
        (1..=depth as u32).flat_map(of_level).collect()
    }

    fn path(n: usize, d: usize, cells: &[f64]) -> Array2<f64> {
        Array2::from_shape_fn((n, d), |(i, j)| cells[i * d + j])
    }

    proptest! {
        #[test]
        fn is_its_definition(n in 0..7_usize, d in 1..4_usize, depth in 0..5_usize, cells in prop::collection::vec(-2.0..2.0_f64, 21)) {
            let path = path(n, d, &cells);
            let got = signature(path.view(), depth).unwrap();
            prop_assert_eq!(Some(got.len()), signature_len(d, depth));
            for (word, got) in words(d, depth).iter().zip(&got) {
                let want = plain(&path, word);
                prop_assert!((got - want).abs() < 1e-9 * want.abs().max(1.0), "{:?}: {} {}", word, got, want);
            }
        }

        /// The product of two words' integrals is the sum over all their shuffles; here of two letters.
        #[test]
        fn letters_shuffle(cells in prop::collection::vec(-2.0..2.0_f64, 18)) {
            let got = signature(path(6, 3, &cells).view(), 2).unwrap();
            for (a, b) in [(0, 1), (1, 2), (2, 2)] {
                let both = got[3 + 3 * a + b] + got[3 + 3 * b + a];
                prop_assert!((got[a] * got[b] - both).abs() < 1e-9);
            }
        }

        /// Points between, points twice and another place change nothing; the way back undoes everything.
        #[test]
        fn only_the_course_counts(cells in prop::collection::vec(-2.0..2.0_f64, 10), share in 0.0..1.0_f64) {
            let plain = path(5, 2, &cells);
            let between = &plain.slice(s![2, ..]) * share + &plain.slice(s![3, ..]) * (1.0 - share);
            let between = between.insert_axis(ndarray::Axis(0));
            let twice = concatenate![ndarray::Axis(0), plain.slice(s![..3, ..]), between, between, plain.slice(s![3.., ..])];
            let want = signature(plain.view(), 4).unwrap();
            let got = signature((twice + 7.0).view(), 4).unwrap();
            prop_assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-8));
            let back = concatenate![ndarray::Axis(0), plain, plain.slice(s![..;-1, ..])];
            prop_assert!(signature(back.view(), 4).unwrap().iter().all(|v| v.abs() < 1e-8));
        }
    }

    #[test]
    fn lyndon_words_are_less_than_their_rotations() {
        for (d, depth, counts) in [(2, 5, vec![2, 1, 2, 3, 6]), (3, 4, vec![3, 3, 8, 18])] {
            let got = lyndon_words(d, depth);
            let rotations = |word: &[usize]| {
                (1..word.len()).map(|k| [&word[k..], &word[..k]].concat()).collect::<Vec<_>>()
            };
            let want: Vec<Vec<usize>> =
                words(d, depth).into_iter().filter(|word| rotations(word).iter().all(|r| word < r)).collect();
            assert_eq!(got, want);
            let count = |level: usize| got.iter().filter(|word| word.len() == level).count();
            assert_eq!((1..=depth).map(count).collect::<Vec<_>>(), counts);
        }
        assert!(lyndon_words(0, 3).is_empty() && lyndon_words(3, 0).is_empty());
    }

    /// A straight path has only its step; of one corner, half of the area comes second.
    #[test]
    fn logarithms_in_closed_form() {
        let straight = log_signature(array![[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]].view(), 3).unwrap();
        assert!(straight.iter().zip([2.0, 4.0, 0.0, 0.0, 0.0]).all(|(a, b)| (a - b).abs() < 1e-12));
        let corner = log_signature(array![[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]].view(), 2).unwrap();
        assert_eq!(corner, [3.0, 4.0, 6.0]);
    }

    #[test]
    fn sizes_are_bounded_before_anything_is_allocated() {
        assert_eq!(signature_len(2, 3), Some(14));
        assert_eq!((signature_len(0, 9), signature_len(1, 9)), (Some(0), Some(9)));
        assert_eq!((signature_len(1000, 3), signature_len(usize::MAX, 2)), (None, None));
        let wide = Array2::zeros((2, 1000));
        assert!(signature(wide.view(), 3).is_err() && logarithm(&[0.0; 3], 2, 2).is_err());
        assert_eq!(signature(Array2::zeros((3, 0)).view(), 2).unwrap(), [0.0; 0]);
        assert_eq!(with_time(array![[5.0], [6.0], [7.0]].view()), array![[0.0, 5.0], [0.5, 6.0], [1.0, 7.0]]);
        assert_eq!(with_time(array![[5.0]].view()), array![[0.0, 5.0]]);
    }

    /// RoughPy 0.3.0, `crates/kernels/golden/signature.py`. Both are exact to rounding; the printed digits are 10.
    #[test]
    fn matches_roughpy() {
        let bit = |i: usize| ((i * i * 7 + i * 13) % 101) as f64 / 101.0;
        let path = Array2::from_shape_fn((20, 3), |(i, j)| bit(3 * i + j));
        let got = signature(path.view(), 3).unwrap();
        let log = log_signature(path.view(), 3).unwrap();
        assert!(got.len() == SIGNATURE.len() && log.len() == LOGARITHM.len());
        assert!(got.iter().zip(SIGNATURE).all(|(a, b)| (a - b).abs() < 1e-8), "{got:?}");
        assert!(log.iter().zip(LOGARITHM).all(|(a, b)| (a - b).abs() < 1e-8), "{log:?}");
    }

    const SIGNATURE: [f64; 39] = [
        0.5148514851,
        0.4158415842,
        0.3168316832,
        0.1325360259,
        -0.1626801294,
        0.3688363886,
        0.3767767866,
        0.08646211156,
        0.2020880306,
        -0.205715126,
        -0.07033624154,
        0.05019115773,
        0.02274545659,
        -0.09378327304,
        0.095311629,
        0.1038104399,
        -0.0005338245814,
        -0.06903193015,
        -0.0007272955508,
        -0.02568780062,
        0.1576646048,
        0.04508682414,
        -0.06658151356,
        0.2480972389,
        0.1116304847,
        0.01198484715,
        0.04294731993,
        -0.07501998607,
        -0.001858033073,
        0.02498493159,
        -0.05259272129,
        0.04317751156,
        -0.1984701558,
        -0.05370242935,
        -0.01369535052,
        0.0140580277,
        0.0666465431,
        -0.01817138875,
        0.005300716328,
    ];
    const LOGARITHM: [f64; 14] = [
        0.5148514851,
        0.4158415842,
        0.3168316832,
        -0.269728458,
        0.2872757573,
        0.1362121361,
        -0.04271955477,
        0.007362249802,
        0.04070994787,
        -0.0726726138,
        -0.06165932739,
        0.1035419099,
        0.005494672592,
        -0.003550418761,
    ];
}
