//! How far the risk of a row can differ between logistic models that are about as good as the best.
//!
//! # Idea
//! Many models fit the same labels nearly equally well. Where they disagree about a row, its risk is a matter of which
//! of them was taken. For every row this finds the least and the largest risk that any model within a small
//! loss of the best gives it.
//!
//! # Equations
//! `L(w)` is the mean logistic loss with a ridge (`anomalyst_kernels::logistic`), `L*` its least, `w*` where it is, and
//! `H = {w : L(w) <= (1 + within) L*}` the competing models. With `r_w(x)` the risk of a row by `w`:
//! - viable range of row i: `[min over H of r_w(x_i), max over H of r_w(x_i)]`; the margin is linear in `w` and `H` convex, so both
//!   ends are exact
//! - ambiguity: share of rows for which some model of `H` changes the risk by at least `change`; of verdicts: for which
//!   some model is on the other side of the threshold than `w*`
//! - discrepancy: the largest share of rows that *one* model of `H` changes so
//!
//! # Complexity
//! O(n d^2) for the best model, about ten passes of O(n d) per end of a row's range.
//!
//! # Use when / Avoid when
//! Before a risk decides about single items. The ranges are those of linear models on these columns: other kinds of
//! models can disagree more. They say nothing about whether the labels are right, nor about rows to come.
//!
//! # Differences
//! - The paper minimises over a grid of fixed risks per row and by cutting planes; here each end is solved directly.
//! - The level set includes the ridge (`1 / n` on standardised columns, scikit-learn's `C = 1`), without which separable
//!   labels have no best model and every range is all of 0 to 1.
//! - Discrepancy needs an integer program; here it is the largest among the models at the ends of all ranges, so a
//!   lower bound, which ambiguity bounds from above.
//!
//! # References
//! Watson-Daniels, Parkes, Ustun 2023, Predictive Multiplicity in Probabilistic Classification, AAAI 37.
//! Marx, Calmon, Ustun 2020, Predictive Multiplicity in Classification, ICML.
//!
//! # Example
//! ```
//! use anomalyst_core::Run;
//! use anomalyst_decide::multiplicity::Multiplicity;
//! let x = ndarray::array![[-1.0], [-0.5], [0.0], [0.5], [1.0], [4.0]];
//! let labels = [false, false, true, false, true, true];
//! let found = Multiplicity::default().ranges(&x, &labels, &Run::new(0)).unwrap();
//! assert!(found.rows.iter().all(|row| row.low <= row.risk && row.risk <= row.high));
//! ```

use anomalyst_core::{Error, Result, Run};
use anomalyst_kernels::linalg::{Cholesky, covariance};
use anomalyst_kernels::logistic::{Logistic, Minimum, sigmoid};
use ndarray::Array2;
use rand::seq::index;
use rayon::prelude::*;
use serde::Serialize;

/// What counts as about as good, and as different.
#[derive(Clone, Debug)]
pub struct Multiplicity {
    /// Models with a loss of at most `1 + within` times the least compete.
    pub within: f64,
    /// A risk that moves by at least this much is another risk.
    pub change: f64,
    /// Risks from here on are flagged.
    pub threshold: f64,
    /// Weight of the ridge; `1 / n` where absent.
    pub ridge: Option<f64>,
    /// Rows that get a range, a random sample of that size where there are more.
    pub max_rows: usize,
}

impl Default for Multiplicity {
    fn default() -> Self {
        Self { within: 0.01, change: 0.1, threshold: 0.5, ridge: None, max_rows: 5000 }
    }
}

/// The risks that competing models give one row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RiskRange {
    /// Position of the row.
    pub row: usize,
    /// By the best model.
    pub risk: f64,
    /// Least of any competing model.
    pub low: f64,
    /// Largest of any competing model.
    pub high: f64,
    /// Whether a competing model decides otherwise than the best.
    pub changes: bool,
    /// How far the row is from the middle of all rows (Mahalanobis).
    pub distance: f64,
}

/// All ranges and what they add up to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RiskRanges {
    /// In the order of the rows.
    pub rows: Vec<RiskRange>,
    /// Loss of the best model, with its ridge.
    pub loss: f64,
    /// Loss up to which models compete.
    pub bound: f64,
    /// Weight of the ridge.
    pub ridge: f64,
    /// Share of rows whose risk some model changes by at least `change`.
    pub ambiguity: f64,
    /// Share of rows whose verdict some model changes.
    pub verdict_ambiguity: f64,
    /// One model changes the risks of at least this share of rows by `change`.
    pub discrepancy_at_least: f64,
    /// One model changes the verdicts of at least this share of rows.
    pub verdict_discrepancy_at_least: f64,
    /// Mean width of the ranges, in log odds, of the tenth of rows furthest from the middle.
    pub outlying_width: f64,
    /// The same of the other rows.
    pub other_width: f64,
}

/// The best model and the rows that it is compared on.
struct Best<'a> {
    problem: &'a Logistic,
    minimum: &'a Minimum,
    margins: Vec<f64>,
    rows: &'a [usize],
}

/// One row's ends and the most rows that the models there change.
struct Ends {
    range: RiskRange,
    width: f64,
    changed: usize,
    flipped: usize,
}

impl Multiplicity {
    /// The ranges of rows of standardised columns with their labels.
    pub fn ranges(&self, x: &Array2<f64>, labels: &[bool], run: &Run) -> Result<RiskRanges> {
        self.check(x, labels)?;
        let n = labels.len();
        let ridge = self.ridge.unwrap_or(1.0 / n as f64);
        let problem = Logistic::of_labels(x.clone(), labels, ridge)?;
        let minimum = problem.fit(run)?;
        let bound = (1.0 + self.within) * minimum.value;
        let rows: Vec<usize> = if n > self.max_rows {
            let mut rows = index::sample(&mut run.random(0), n, self.max_rows).into_vec();
            rows.sort_unstable();
            rows
        } else {
            (0..n).collect()
        };
        let distances = distances(x, &rows, run)?;
        let margins = problem.margins(&minimum.weights);
        let best = Best { problem: &problem, minimum: &minimum, margins, rows: &rows };
        let stage = run.stage("ranges of risk", rows.len() as u64);
        let one = |(i, row): (usize, &usize)| {
            let ends = self.ends(&best, *row, distances[i], run);
            stage.advance(1);
            ends
        };
        let ends: Vec<Ends> =
            run.install(|| rows.par_iter().enumerate().map(|(i, row)| one((i, row))).collect::<Result<_>>())?;
        let share = |count: usize| count as f64 / rows.len() as f64;
        let of = |test: &dyn Fn(&RiskRange) -> bool| share(ends.iter().filter(|e| test(&e.range)).count());
        let moved = |r: &RiskRange| r.high - r.risk >= self.change || r.risk - r.low >= self.change;
        let (outlying_width, other_width) = widths(&ends);
        Ok(RiskRanges {
            loss: minimum.value,
            bound,
            ridge,
            ambiguity: of(&moved),
            verdict_ambiguity: of(&|r| r.changes),
            discrepancy_at_least: share(ends.iter().map(|e| e.changed).max().unwrap_or(0)),
            verdict_discrepancy_at_least: share(ends.iter().map(|e| e.flipped).max().unwrap_or(0)),
            outlying_width,
            other_width,
            rows: ends.into_iter().map(|e| e.range).collect(),
        })
    }

    fn ends(&self, best: &Best<'_>, row: usize, distance: f64, run: &Run) -> Result<Ends> {
        let Best { problem, minimum, margins, rows } = best;
        let bound = (1.0 + self.within) * minimum.value;
        let edge = |side: f64| -> Result<(f64, usize, usize)> {
            let direction: Vec<f64> = problem.direction(row).into_iter().map(|v| side * v).collect();
            let found = problem.extreme(minimum, &direction, bound, run)?;
            let other = problem.margins(&found.weights);
            let (mut changed, mut flipped) = (0, 0);
            for at in *rows {
                let (now, then) = (sigmoid(margins[*at]), sigmoid(other[*at]));
                changed += usize::from((now - then).abs() >= self.change);
                flipped += usize::from((now >= self.threshold) != (then >= self.threshold));
            }
            Ok((other[row], changed, flipped))
        };
        let (least, most) = (edge(1.0)?, edge(-1.0)?);
        // The best model itself competes; rounding must not put it outside.
        let (low, high) = (least.0.min(margins[row]), most.0.max(margins[row]));
        let risk = sigmoid(margins[row]);
        let (low_risk, high_risk) = (sigmoid(low), sigmoid(high));
        let flagged = |risk: f64| risk >= self.threshold;
        let changes = flagged(low_risk) != flagged(risk) || flagged(high_risk) != flagged(risk);
        Ok(Ends {
            range: RiskRange { row, risk, low: low_risk, high: high_risk, changes, distance },
            width: high - low,
            changed: least.1.max(most.1),
            flipped: least.2.max(most.2),
        })
    }

    fn check(&self, x: &Array2<f64>, labels: &[bool]) -> Result<()> {
        let within = |name: &str, got: f64, want: &str, fits: bool| {
            if fits {
                Ok(())
            } else {
                Err(Error::BadParameter { name: name.into(), got: got.to_string(), want: want.into() })
            }
        };
        within("within", self.within, "above 0 and at most 1", self.within > 0.0 && self.within <= 1.0)?;
        within("change", self.change, "above 0 and at most 1", self.change > 0.0 && self.change <= 1.0)?;
        let fits = self.threshold > 0.0 && self.threshold < 1.0;
        within("threshold", self.threshold, "between 0 and 1", fits)?;
        if let Some(ridge) = self.ridge {
            within("ridge", ridge, "above 0 and finite", ridge > 0.0 && ridge.is_finite())?;
        }
        within("max-rows", self.max_rows as f64, "1 or more", self.max_rows > 0)?;
        if x.nrows() != labels.len() {
            return Err(Error::Data(format!("{} labels for {} rows", labels.len(), x.nrows())));
        }
        let n = labels.iter().filter(|l| **l).count();
        if n == 0 || n == labels.len() {
            return Err(Error::Data(format!(
                "competing models need rows of both labels, but {n} of {} rows are anomalous",
                labels.len()
            )));
        }
        Ok(())
    }
}

/// Mahalanobis distances of `rows` from the mean of all, with a little added to the variances, so that columns that
/// determine each other have one.
fn distances(x: &Array2<f64>, rows: &[usize], run: &Run) -> Result<Vec<f64>> {
    let narrow = x.mapv(|v| v as f32);
    let Some(means) = x.mean_axis(ndarray::Axis(0)) else { return Ok(vec![0.0; rows.len()]) };
    if x.ncols() == 0 {
        return Ok(vec![0.0; rows.len()]);
    }
    let mut spread = covariance(narrow.view(), run)?;
    spread.diag_mut().mapv_inplace(|v| v + 1e-6);
    let spread = Cholesky::new(spread.view())?;
    let one = |row: &usize| {
        let off: Vec<f64> = x.row(*row).iter().zip(&means).map(|(v, m)| v - m).collect();
        let solved = spread.solve(&off)?;
        Ok(off.iter().zip(&solved).map(|(a, b)| a * b).sum::<f64>().max(0.0).sqrt())
    };
    rows.iter().map(one).collect()
}

/// Mean widths of the tenth of rows that lie furthest out, and of the others.
fn widths(ends: &[Ends]) -> (f64, f64) {
    let mut order: Vec<&Ends> = ends.iter().collect();
    order.sort_by(|a, b| b.range.distance.total_cmp(&a.range.distance));
    let (outlying, others) = order.split_at(ends.len().div_ceil(10));
    let mean = |part: &[&Ends]| part.iter().map(|e| e.width).sum::<f64>() / part.len().max(1) as f64;
    (mean(outlying), mean(others))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::RngExt;

    /// A cloud in which one column matters, with labels by chance and some rows far out in the other column.
    fn cloud(n: usize, n_far: usize) -> (Array2<f64>, Vec<bool>) {
        let mut random = Run::new(5).random(0);
        let x = Array2::from_shape_fn((n, 2), |(i, j)| {
            let far = if i < n_far && j == 1 { 6.0 } else { 0.0 };
            far + (0..6).map(|_| random.random::<f64>() - 0.5).sum::<f64>()
        });
        let labels = (0..n).map(|i| random.random::<f64>() < sigmoid(2.0 * x[[i, 0]])).collect();
        (x, labels)
    }

    #[test]
    fn outlying_rows_have_wider_ranges_and_flips_are_flagged() {
        let (x, labels) = cloud(300, 6);
        let run = Run::new(0);
        let found = Multiplicity::default().ranges(&x, &labels, &run).unwrap();
        let width = |r: &RiskRange| r.high - r.low;
        let mean = |rows: &[RiskRange]| rows.iter().map(width).sum::<f64>() / rows.len() as f64;
        let (far, near) = found.rows.split_at(6);
        assert!(mean(far) > 2.0 * mean(near), "{} {}", mean(far), mean(near));
        assert!(found.outlying_width > 1.5 * found.other_width);
        let flips = found.rows.iter().filter(|r| r.changes).count();
        assert!(flips > 0 && found.rows.iter().all(|r| r.changes == (r.low < 0.5 && r.high >= 0.5)));
        assert_eq!(found.verdict_ambiguity, flips as f64 / 300.0);
        assert!(found.verdict_discrepancy_at_least <= found.verdict_ambiguity);
        assert!(found.discrepancy_at_least <= found.ambiguity && found.discrepancy_at_least > 0.0);
        // A wider set of models disagrees more, everywhere.
        let wide =
            Multiplicity { within: 0.05, ..Multiplicity::default() }.ranges(&x, &labels, &run).unwrap();
        assert!(wide.rows.iter().zip(&found.rows).all(|(w, r)| w.low < r.low && w.high > r.high));
    }

    #[test]
    fn a_sample_gets_the_same_ranges() {
        let (x, labels) = cloud(120, 3);
        let run = Run::new(0);
        let all = Multiplicity::default().ranges(&x, &labels, &run).unwrap();
        let some =
            Multiplicity { max_rows: 20, ..Multiplicity::default() }.ranges(&x, &labels, &run).unwrap();
        assert_eq!(some.rows.len(), 20);
        assert!(some.rows.iter().all(|r| all.rows[r.row].low == r.low && all.rows[r.row].high == r.high));
    }

    #[test]
    fn degenerate_input_has_an_answer() {
        let run = Run::new(0);
        // Separated labels, equal columns, a constant one.
        let x = Array2::from_shape_fn((20, 3), |(i, j)| if j == 2 { 0.0 } else { i as f64 / 10.0 - 1.0 });
        let labels: Vec<bool> = (0..20).map(|i| i >= 10).collect();
        let found = Multiplicity::default().ranges(&x, &labels, &run).unwrap();
        assert!(found.rows.iter().all(|r| r.low <= r.risk && r.risk <= r.high && r.high - r.low < 0.9));
        let none = Multiplicity::default()
            .ranges(&Array2::zeros((4, 0)), &[true, false, true, false], &run)
            .unwrap();
        assert!(none.rows.iter().all(|r| r.low < 0.5 && r.high > 0.5));
        let wrong = Multiplicity { within: f64::NAN, ..Multiplicity::default() };
        assert!(wrong.ranges(&x, &labels, &run).unwrap_err().to_string().contains("within"));
        assert!(
            Multiplicity::default().ranges(&x, &[true; 20], &run).unwrap_err().to_string().contains("both")
        );
    }

    /// scikit-learn 1.9.1 for the model and SciPy 1.17.1 (SLSQP) for the ends, by golden/multiplicity.py. SLSQP keeps
    /// the bound to 1e-11, which moves an end by less than 1e-8.
    #[test]
    fn matches_reference() {
        let x = ndarray::array![
            [0.5, 1.2],
            [-1.0, 0.3],
            [1.5, -0.7],
            [0.2, 2.1],
            [-0.4, -1.5],
            [2.2, 0.9],
            [-1.8, -0.2],
            [0.9, -1.1],
            [-0.6, 1.7],
            [1.1, 0.4],
            [-2.0, 1.0],
            [0.3, -0.8]
        ];
        let labels = [1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0].map(|l| l == 1);
        let found = Multiplicity::default().ranges(&x, &labels, &Run::new(0)).unwrap();
        assert!((found.loss - 0.580_745_457_612_472_6).abs() < 1e-12);
        let margin = |row: usize| -0.084_578_03 + 0.759_937_82 * x[[row, 0]] + 0.072_321_22 * x[[row, 1]];
        for (row, ends) in [
            (5, [1.182_074_659_081_469_2, 2.141_312_322_912_719]),
            (10, [-2.011_718_138_338_435, -1.073_939_503_456_003_5]),
        ] {
            let range = &found.rows[row];
            assert!((range.risk - sigmoid(margin(row))).abs() < 1e-7);
            assert!(
                (range.low - sigmoid(ends[0])).abs() < 1e-7 && (range.high - sigmoid(ends[1])).abs() < 1e-7
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// No model on a fine grid that competes gives a row a risk outside its range, and some come near the ends.
        #[test]
        fn a_grid_of_models_stays_within(cells in prop::collection::vec(-2.0..2.0_f64, 12), flip in 1..11_usize) {
            let x = Array2::from_shape_vec((12, 1), cells).unwrap();
            let labels: Vec<bool> = (0..12).map(|i| (x[[i, 0]] > 0.0) != (i == flip) || i == 0).collect();
            prop_assume!(labels.iter().any(|l| !l));
            let run = Run::new(0);
            let options = Multiplicity { within: 0.05, ridge: Some(0.02), ..Multiplicity::default() };
            let found = options.ranges(&x, &labels, &run).unwrap();
            let problem = Logistic::of_labels(x.clone(), &labels, 0.02).unwrap();
            let best = problem.fit(&run).unwrap();
            let mut seen = vec![[1.0_f64, 0.0_f64]; 12];
            for a in -150..=150 {
                for b in -150..=150 {
                    let w = [best.weights[0] + f64::from(a) / 50.0, best.weights[1] + f64::from(b) / 50.0];
                    if problem.value(&w) <= found.bound {
                        for (i, z) in problem.margins(&w).into_iter().enumerate() {
                            seen[i] = [seen[i][0].min(sigmoid(z)), seen[i][1].max(sigmoid(z))];
                        }
                    }
                }
            }
            for (row, [low, high]) in found.rows.iter().zip(seen) {
                prop_assert!(row.low <= low + 1e-7 && row.high >= high - 1e-7, "{row:?} {low} {high}");
                prop_assert!(low - row.low < 0.03 && row.high - high < 0.03, "{row:?} {low} {high}");
            }
        }
    }
}
