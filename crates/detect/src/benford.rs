//! Amounts whose leading digits, repetitions or size do not fit Benford's law.
//!
//! # Idea
//! Amounts that grow out of many causes (invoices, populations, payments) have leading digits that follow Benford's
//! law: 1 leads six times as often as 9. Invented and repeated amounts do not. Where a column as a whole departs from
//! the law, the rows that make up the excess are the ones to look at; so are amounts that recur far more often than
//! others, and amounts that are large beside all others. [`amount_tests`] gives the table of tests of a whole column.
//!
//! # Equations
//! For the first two digits `d` (10 to 99), `e_d = log10(1 + 1 / d)` is their share under the law, `c_d` the number of
//! training amounts that have them, out of `n`, and `p_d = c_d / n`. A row's score is the sum over its columns of
//! - digits: `ln(p_d / e_d)`, if there are 1,000 amounts or more, the column's chi-squared test rejects the law at level
//!   `alpha`, and `p_d` is above `e_d` with a Z statistic beyond level `alpha / 90`; otherwise 0. `1 - e_d / p_d` is the share of these rows that are
//!   too many.
//! - duplication: `ln(m / M)` where positive, for an amount that occurs `m` times, with `M = sum m^2 / n` that of the
//!   average row.
//! - summation: `ln(1 + 90 |x| / T)` with the sum `T` of all amounts. Under the law each pair of first digits has the sum
//!   `T / 90`, so this says what one amount alone makes of it.
//!
//! # Score
//! Nats, 0 and up. Signs are ignored. Zeros, missing values and categories are no amounts and add 0.
//!
//! # Complexity
//! Fit O(n log n d), score O(log n d) per row. The model holds the amounts that recur more than the average.
//!
//! # Use when / Avoid when
//! Columns of amounts over several orders of magnitude, a thousand rows or more, in ledgers, expenses, tax, trade and
//! election returns. Avoid for numbers that are assigned (prices, identifiers, dates), bounded, or measured around one
//! size (heights): they never follow the law. Digits must reach the method as they are: set `encoder.scale=none`.
//!
//! # Differences
//! - The tests judge a column; the papers draw samples from digit groups that stand out. A row here takes the excess of
//!   its group as its score, which ranks the same groups first.
//! - Numbers are read with the digits of their shortest decimal form. Features are 32-bit: the first two digits are
//!   safe, recurring amounts of more than seven digits may merge.
//! - The last two digits have a test in the table but no part in the score.
//!
//! # References
//! - Nigrini 2012, Benford's law: applications for forensic accounting, auditing, and fraud detection, Wiley.
//!   doi:10.1002/9781119203094 (tests, table 7.1 of conformity)
//! - Benford 1938, The law of anomalous numbers, Proc. American Philosophical Society 78(4).
//! - Nigrini 1992, The detection of income tax evasion through an analysis of digital distributions (summation).
//!
//! # Example
//! ```
//! use anomalyst_detect::benford::{Conformity, amount_tests};
//! // Powers of two follow the law closely.
//! let powers: Vec<f64> = (0..1000).map(|i| 2.0_f64.powi(i)).collect();
//! let tests = amount_tests(&powers, 0);
//! assert_eq!(tests.first.conformity, Some(Conformity::Close));
//! assert!(tests.first_two.p_value > 0.99);
//! // Numbers from 100 to 999 do not.
//! let even: Vec<f64> = (100..1000).map(f64::from).collect();
//! assert_eq!(amount_tests(&even, 0).first_two.conformity, Some(Conformity::None));
//! ```

mod digits;
mod tables;
#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    Attribute, Attributions, Card, Checked, Cost, Detector, Error, Estimate, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::distributions::normal_quantile;
use ndarray::{Array2, ArrayView1, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use digits::Reader;
pub use tables::{AmountTests, Conformity, DigitTest, Duplicate, Summation, amount_tests};

/// Pairs of first digits, 10 to 99.
const GROUPS: usize = 90;
/// Fewest amounts whose digits count: with fewer, most pairs are expected less than ten times, which neither test is made
/// for, and Nigrini (2012) does not expect amounts to follow the law closely.
const FEWEST: u64 = 1000;
/// Rows that are scored at a time.
const ROWS: usize = 1024;
/// Largest term of digits or duplication that a model file may hold; no count of rows has a larger logarithm.
const MAX_TERM: f32 = 64.0;

/// When digits count as departing from the law.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Benford {
    /// Level of the test that a column must fail before its digits count, and with a correction for 90 groups of the
    /// test that a group must fail.
    #[schemars(range(min = 1e-12, max = 0.5))]
    pub alpha: f64,
}

impl Default for Benford {
    fn default() -> Self {
        Self { alpha: 0.01 }
    }
}

/// What digits, recurrence and size add in each column.
pub struct BenfordModel {
    columns: Vec<Amounts>,
    n_codes: usize,
}

struct Amounts {
    /// The term of each pair of first digits.
    digits: Vec<f32>,
    /// Amounts that recur more than that of the average row, ascending, and their terms.
    recurring: Vec<f32>,
    duplication: Vec<f32>,
    /// The sum of a pair of first digits under the law; 0 where there are no amounts.
    group_sum: f64,
}

impl Params for Benford {}

impl Detector for Benford {
    const CARD: Card = Card {
        id: "benford",
        title: "Benford's law of digits",
        summary: "Amounts with digits that are too frequent, that recur too often, or that dwarf all others.",
        paper: "Nigrini 2012, Benford's law, Wiley. doi:10.1002/9781119203094",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Native,
        codes: Handles::Native,
        holds: &[Invariance::RowOrder, Invariance::ColumnOrder],
        cost: Cost { fit: Growth::Linearithmic, score: Growth::Logarithmic },
        min_items: 1,
        control: false,
    };
    type Model = BenfordModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<BenfordModel> {
        let stage = run.stage("reading digits", train.n_values() as u64);
        let fit = |column| {
            run.check()?;
            let fitted = Amounts::fit(column, self.alpha);
            stage.advance(1);
            Ok(fitted)
        };
        let columns = train.features().values.axis_iter(Axis(1)).into_par_iter().map(fit);
        Ok(BenfordModel { columns: columns.collect::<Result<_>>()?, n_codes: train.n_codes() })
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let (n, d) = (shape.n_parts as f64, shape.n_values as f64);
        Estimate {
            // Amounts that recur are at most half as many as rows.
            bytes: (4.0 * n * (d + rayon::current_num_threads() as f64)) as u64,
            fit_nanos: n * d * (150.0 + 2.0 * n.max(2.0).log2()),
            score_nanos_per_row: d * (150.0 + 1.5 * n.max(2.0).log2()),
        }
    }
}

impl Amounts {
    fn fit(column: ArrayView1<'_, f32>, alpha: f64) -> Self {
        let mut amounts: Vec<f32> = column.iter().map(|v| v.abs()).filter(|v| *v > 0.0).collect();
        amounts.sort_unstable_by(f32::total_cmp);
        let mut reader = Reader::default();
        let mut counts = vec![0_u64; GROUPS];
        amounts.iter().filter_map(|&v| reader.group(v)).for_each(|group| counts[group] += 1);
        let group_sum = amounts.iter().map(|&v| f64::from(v)).sum::<f64>() / GROUPS as f64;
        let n = amounts.len().max(1) as f64;
        let runs = || amounts.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as f64));
        let average = runs().map(|(_, m)| m * m).sum::<f64>() / n;
        let (recurring, duplication) =
            runs().filter(|(_, m)| *m > average).map(|(v, m)| (v, (m / average).ln() as f32)).unzip();
        Self { digits: excess(DigitTest::first_two(counts), alpha), recurring, duplication, group_sum }
    }

    /// The three terms of one cell together.
    fn term(&self, v: f32, reader: &mut Reader) -> f64 {
        let v = v.abs();
        // Neither zeros nor missing values are amounts.
        if v.is_nan() || v == 0.0 {
            return 0.0;
        }
        let digits = reader.group(v).map_or(0.0, |group| self.digits[group]);
        let at = self.recurring.binary_search_by(|amount| amount.total_cmp(&v));
        let duplication = at.map_or(0.0, |at| self.duplication[at]);
        // Where training has no amounts, any amount is beside nothing.
        let sum = self.group_sum.max(f64::from(f32::MIN_POSITIVE));
        f64::from(digits) + f64::from(duplication) + (f64::from(v) / sum).ln_1p()
    }
}

/// What each pair of first digits adds: the logarithm of its excess, where test and group are beyond their levels.
fn excess(test: DigitTest, alpha: f64) -> Vec<f32> {
    let critical = normal_quantile(1.0 - alpha / GROUPS as f64);
    let term = |group: usize| {
        let (p, e) = (test.found[group], test.expected[group]);
        if p > e && test.z[group] > critical { (p / e).ln() as f32 } else { 0.0 }
    };
    let counts = test.n >= FEWEST && test.p_value < alpha;
    if counts { (0..GROUPS).map(term).collect() } else { vec![0.0; GROUPS] }
}

impl Model for BenfordModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let values = &rows.features().values;
        let mut scores = vec![0.0; rows.n_parts()];
        scores.par_chunks_mut(ROWS).enumerate().try_for_each(|(block, scores)| {
            run.check()?;
            let mut reader = Reader::default();
            for (i, score) in scores.iter_mut().enumerate() {
                let cells = self.columns.iter().zip(values.row(block * ROWS + i));
                *score = cells.map(|(column, &v)| column.term(v, &mut reader)).sum::<f64>() as f32;
            }
            Ok(())
        })?;
        Ok(scores)
    }

    fn as_attribute(&self) -> Option<&dyn Attribute> {
        Some(self)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        let n = self.columns.len();
        out.put("digits", &[n, GROUPS], self.columns.iter().flat_map(|c| c.digits.iter().copied()));
        let recurring: Vec<f32> = self.columns.iter().flat_map(|c| c.recurring.iter().copied()).collect();
        let terms: Vec<f32> = self.columns.iter().flat_map(|c| c.duplication.iter().copied()).collect();
        out.put_list("recurring", &recurring);
        out.put_list("duplication", &terms);
        out.put("n_recurring", &[n], self.columns.iter().map(|c| c.recurring.len() as u64));
        out.put("group_sum", &[n], self.columns.iter().map(|c| c.group_sum));
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let wrong = || Error::model("the digits and amounts of the columns do not fit together");
        let digits: Array2<f32> = from.matrix("digits")?;
        let recurring: Vec<f32> = from.list("recurring")?;
        let terms: Vec<f32> = from.list_of("duplication", recurring.len())?;
        let lengths: Vec<u64> = from.list_of("n_recurring", shape.n_values)?;
        let sums: Vec<f64> = from.list_of("group_sum", shape.n_values)?;
        let sound = digits.iter().chain(&terms).all(|term| (0.0..=MAX_TERM).contains(term))
            && sums.iter().all(|sum| sum.is_finite() && *sum >= 0.0);
        if digits.dim() != (shape.n_values, GROUPS) || !sound {
            return Err(wrong());
        }
        let mut columns = Vec::with_capacity(sums.len());
        let (mut amounts, mut terms) = (recurring.as_slice(), terms.as_slice());
        for ((digits, group_sum), length) in digits.rows().into_iter().zip(sums).zip(lengths) {
            let length = usize::try_from(length).map_err(|_| wrong())?;
            let (own, rest) = amounts.split_at_checked(length).ok_or_else(wrong)?;
            let (own_terms, rest_terms) = terms.split_at_checked(length).ok_or_else(wrong)?;
            if !own.is_sorted_by(|a, b| a < b) {
                return Err(wrong());
            }
            let (recurring, duplication) = (own.to_vec(), own_terms.to_vec());
            columns.push(Amounts { digits: digits.to_vec(), recurring, duplication, group_sum });
            (amounts, terms) = (rest, rest_terms);
        }
        if amounts.is_empty() { Ok(Self { columns, n_codes: shape.n_codes }) } else { Err(wrong()) }
    }
}

impl Attribute for BenfordModel {
    /// Each column's exact share; the shares of a row sum to its score.
    fn attribute(&self, rows: Checked<'_>, run: &Run) -> Result<Attributions> {
        let mut values = Array2::zeros(rows.values.dim());
        let mut reader = Reader::default();
        for (row, mut out) in rows.values.rows().into_iter().zip(values.rows_mut()) {
            run.check()?;
            for ((column, &v), out) in self.columns.iter().zip(row).zip(&mut out) {
                *out = column.term(v, &mut reader) as f32;
            }
        }
        Ok(Attributions { values, codes: Array2::zeros((rows.n_parts(), self.n_codes)) })
    }
}
