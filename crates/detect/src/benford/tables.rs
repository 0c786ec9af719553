//! The tests of one column of amounts, for reports.

use anomalyst_kernels::distributions::chi_squared_cdf;
use serde::{Deserialize, Serialize};

use super::GROUPS;
use super::digits::{Reader, last_two};

/// Most recurring amounts in a table.
const DUPLICATES: usize = 20;

/// How close the digits of a column are to Benford's law by their mean absolute deviation (Nigrini 2012, table 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conformity {
    /// Close conformity.
    Close,
    /// Acceptable conformity.
    Acceptable,
    /// Marginally acceptable conformity.
    Marginal,
    /// Nonconformity.
    None,
}

/// The test of one kind of digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DigitTest {
    /// Amounts that have such digits.
    pub n: u64,
    /// The first group of digits: 1 for first digits, 10 for first two, 0 for last two.
    pub first_group: usize,
    /// Amounts with each group of digits.
    pub counts: Vec<u64>,
    /// Their shares.
    pub found: Vec<f64>,
    /// The shares expected.
    pub expected: Vec<f64>,
    /// The Z statistic of each share, 0 and up, with the correction for continuity where it is the smaller number.
    pub z: Vec<f64>,
    /// Pearson's statistic; one degree of freedom less than groups.
    pub chi_squared: f64,
    /// Its p-value, to about 1e-15; smaller ones are 0. In large tables it is small for deviations that nobody cares about, which is what `mad` is for.
    pub p_value: f64,
    /// Mean absolute deviation of the shares found from those expected.
    pub mad: f64,
    /// What that says; none for digits without published limits and for no amounts.
    pub conformity: Option<Conformity>,
}

/// The summation test: under the law, the amounts of every pair of first digits have the same sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summation {
    /// The share of each pair, 10 to 99, in the sum of all amounts; 1/90 is expected.
    pub shares: Vec<f64>,
    /// Mean absolute deviation of the shares from 1/90. Few columns of real amounts come near 0: one large amount
    /// is enough.
    pub mad: f64,
}

/// An amount and how often it occurs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The amount, with its sign.
    pub amount: f64,
    /// Rows that have it.
    pub count: u64,
}

/// All tests of one column of amounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AmountTests {
    /// First digits.
    pub first: DigitTest,
    /// First two digits; the main test.
    pub first_two: DigitTest,
    /// Last two digits, evenly spread where nothing is rounded or invented.
    pub last_two: DigitTest,
    /// Sums of amounts by first two digits.
    pub summation: Summation,
    /// The number duplication test: up to 20 amounts that occur more than once, most frequent first.
    pub duplicates: Vec<Duplicate>,
}

/// Tests one column. Signs count only among duplicates; zeros and what is not finite are left out. Last digits are those
/// of whole units of `10^-decimals` (2: cents; at most 9), of amounts that have at least three digits in these units.
///
/// Without amounts all shares and statistics are 0 and p-values 1.
pub fn amount_tests(amounts: &[f64], decimals: u32) -> AmountTests {
    let mut amounts: Vec<f64> = amounts.iter().copied().filter(|v| v.is_finite() && *v != 0.0).collect();
    amounts.sort_unstable_by(f64::total_cmp);
    let mut reader = Reader::default();
    let (mut first, mut pairs, mut last) = (vec![0_u64; 9], vec![0_u64; GROUPS], vec![0_u64; 100]);
    let mut sums = vec![0.0_f64; GROUPS];
    // Sums of amounts must stay finite.
    let scale = amounts.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    for &v in &amounts {
        if let Some(group) = reader.group(v) {
            first[(group + 10) / 10 - 1] += 1;
            pairs[group] += 1;
            sums[group] += v.abs() / scale;
        }
        // The last two digits of shorter numbers are the first ones too.
        if v.abs() * 10.0_f64.powi(decimals.min(9) as i32) >= 99.5
            && let Some(digits) = last_two(v, decimals)
        {
            last[digits] += 1;
        }
    }
    AmountTests {
        first: DigitTest::new(first, 1, benford(1..10), Some([0.006, 0.012, 0.015])),
        first_two: DigitTest::first_two(pairs),
        last_two: DigitTest::new(last, 0, vec![0.01; 100], None),
        summation: Summation::new(&sums),
        duplicates: duplicates(&amounts),
    }
}

/// The shares of leading numbers under the law.
fn benford(groups: std::ops::Range<u32>) -> Vec<f64> {
    groups.map(|d| (1.0 / f64::from(d)).ln_1p() / std::f64::consts::LN_10).collect()
}

fn duplicates(sorted: &[f64]) -> Vec<Duplicate> {
    let runs = sorted.chunk_by(|a, b| a == b).filter(|run| run.len() > 1);
    let mut all: Vec<Duplicate> =
        runs.map(|run| Duplicate { amount: run[0], count: run.len() as u64 }).collect();
    // The sort is stable, so that among equally frequent amounts the smaller stands first.
    all.sort_by_key(|duplicate| std::cmp::Reverse(duplicate.count));
    all.truncate(DUPLICATES);
    all
}

impl DigitTest {
    /// The test of first two digits, from counts of 10 to 99.
    pub(super) fn first_two(counts: Vec<u64>) -> Self {
        Self::new(counts, 10, benford(10..100), Some([0.0012, 0.0018, 0.0022]))
    }

    /// `limits` are the greatest deviations of close, acceptable and marginal conformity.
    fn new(counts: Vec<u64>, first_group: usize, expected: Vec<f64>, limits: Option<[f64; 3]>) -> Self {
        let n: u64 = counts.iter().sum();
        let total = n.max(1) as f64;
        let found: Vec<f64> = counts.iter().map(|&count| count as f64 / total).collect();
        let pairs = || found.iter().zip(&expected).filter(|_| n > 0);
        let z = |(p, e): (&f64, &f64)| {
            let (off, correction) = ((p - e).abs(), 0.5 / total);
            (if correction < off { off - correction } else { off }) / (e * (1.0 - e) / total).sqrt()
        };
        let mut scores: Vec<f64> = pairs().map(z).collect();
        scores.resize(expected.len(), 0.0);
        let chi_squared: f64 = pairs().map(|(p, e)| total * (p - e).powi(2) / e).sum();
        let mad = pairs().map(|(p, e)| (p - e).abs()).sum::<f64>() / expected.len() as f64;
        let p_value = (1.0 - chi_squared_cdf(chi_squared, expected.len() - 1)).clamp(0.0, 1.0);
        let conformity = limits.filter(|_| n > 0).map(|[close, acceptable, marginal]| match mad {
            mad if mad <= close => Conformity::Close,
            mad if mad <= acceptable => Conformity::Acceptable,
            mad if mad <= marginal => Conformity::Marginal,
            _ => Conformity::None,
        });
        Self { n, first_group, counts, found, expected, z: scores, chi_squared, p_value, mad, conformity }
    }
}

impl Summation {
    fn new(sums: &[f64]) -> Self {
        let total: f64 = sums.iter().sum();
        if total == 0.0 {
            return Self { shares: vec![0.0; sums.len()], mad: 0.0 };
        }
        let even = 1.0 / sums.len() as f64;
        let shares: Vec<f64> = sums.iter().map(|sum| sum / total).collect();
        let mad = shares.iter().map(|share| (share - even).abs()).sum::<f64>() * even;
        Self { shares, mad }
    }
}
