//! Normalised mutual information of groups found and true groups.
//!
//! # Idea
//! How much knowing the group found says about the true group, as a share of the mean of what there is to know.
//!
//! # Equations
//! NMI = I(F; T) / ((H(F) + H(T)) / 2), natural logarithms of shares of items. Both one group: 1.
//!
//! # Range
//! 0 to 1; 1 for the same groups whatever they are called.
//!
//! # Random level
//! The mean over groups found dealt out at random over the items, sizes kept.
//!
//! # Known weakness
//! Many small groups share information by chance, so it rises with their number. `ari` is corrected for that.
//!
//! # References
//! Strehl, Ghosh 2002, Journal of Machine Learning Research 3, 583-617.
//! Vinh, Epps, Bailey 2010, Journal of Machine Learning Research 11, 2837-2854.
//!
//! # Example
//! ```
//! use anomalyst_measure::{MetricExt, groups::{Grouping, Nmi}};
//!
//! let grouping = Grouping::new(vec![7, 7, 8, 8], vec![0, 0, 1, 2])?;
//! assert!((Nmi {}.measure_on(&grouping)? - 0.8).abs() < 1e-9);
//! # Ok::<(), anomalyst_core::Error>(())
//! ```

use anomalyst_core::{Params, Result, Run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Grouping;
use crate::{Better, Metric, MetricCard, Need, Subject};

/// NMI; no parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Nmi {}

impl Params for Nmi {}

impl Metric for Nmi {
    const CARD: MetricCard = MetricCard {
        id: "nmi",
        title: "NMI",
        summary: "information that groups found and true groups share",
        paper: "Strehl, Ghosh 2002, Journal of Machine Learning Research 3",
        subject: Subject::Groups,
        needs: &[Need::Groups],
        range: (0.0, 1.0),
        better: Better::Higher,
        random: "more than 0: the more groups, the more",
        weakness: "rises with the number of groups, even of random ones; read it beside ari",
        monotone: false,
    };
    type Input = Grouping;

    fn measure(&self, grouping: &Grouping) -> Result<f64> {
        let table = grouping.table();
        let n = grouping.len() as f64;
        let entropy =
            |sizes: &[usize]| -> f64 { sizes.iter().map(|&s| -(s as f64 / n) * (s as f64 / n).ln()).sum() };
        let spread = f64::midpoint(entropy(&table.found_sizes), entropy(&table.true_sizes));
        if spread <= 0.0 {
            return Ok(1.0);
        }
        let shared: f64 = table
            .cells
            .iter()
            .map(|&(f, t, both)| {
                let expected = table.found_sizes[f] as f64 * table.true_sizes[t] as f64 / n;
                both as f64 / n * (both as f64 / expected).ln()
            })
            .sum();
        Ok((shared / spread).clamp(0.0, 1.0))
    }

    fn random_level(&self, grouping: &Grouping, run: &Run) -> Result<Option<f64>> {
        grouping.mean_over_shuffles(run, |dealt| self.measure(dealt)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetricExt;

    /// scikit-learn 1.9.1 normalized_mutual_info_score, golden/groups.py; the order of sums differs.
    #[test]
    fn matches_reference() {
        let grouping =
            Grouping::new(vec![0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4], vec![5, 5, 5, 1, 1, 1, 0, 0, 0, 2, 3, 3]);
        let got = Nmi {}.measure_on(&grouping.unwrap()).unwrap();
        assert!((got - 0.8108407565372273).abs() < 1e-12, "{got}");
    }
}
