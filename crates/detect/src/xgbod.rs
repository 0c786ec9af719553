//! Extreme gradient boosting outlier detection (XGBOD): boosted trees over columns and the scores of detectors that need
//! no labels.
//!
//! # Idea
//! With few known anomalies trees cannot learn what normal rows look like. Detectors can, without any label; their
//! scores become further columns, and the labels say which of them to believe, and where.
//!
//! # Equations
//! `Phi_j` are detectors fitted on all rows, `s(x) = F(x_1, ..., x_d, Phi_1(x), ..., Phi_m(x))` with `F` the boosted trees
//! of `gradient_boosting`. Of a training row, `Phi_j` is its rank among the others (neighbours leave it out).
//! The detectors: `k_nearest_neighbors` and `local_outlier_factor` with 5, 20 and 50 neighbours,
//! `isolation_forest`, `hbos`, `ecod`, `pca`, `linear_one_class_svm`.
//!
//! # Score
//! The natural logarithm of the odds of being anomalous, as in the training rows.
//!
//! # Complexity
//! That of its detectors, O(n^2 d) at worst, and of boosting over `d + 11` columns.
//!
//! # Use when / Avoid when
//! Some anomalies are known, from about ten on, and rows that are odd without being like them matter too. With many
//! labels `gradient_boosting` alone is faster and as good.
//!
//! # Differences
//! - The paper chooses among the scores by their accuracy, diversity or at random; here all take part, as in PyOD, and the
//!   trees choose. PyOD's pool has more settings of the same detectors, and its one-class SVM is exact.
//! - Rows of which nothing is known count as normal, and anomalous rows weigh more, as in `gradient_boosting`.
//! - Training rows are ranked by trees that have not seen their labels; the detectors' scores know no labels anyway.
//! - A detector that cannot work on the rows, such as for being too few, is left out.
//!
//! # References
//! Zhao, Hryniewicki 2018, XGBOD: improving supervised outlier detection with unsupervised representation learning,
//! IJCNN. doi:10.1109/IJCNN.2018.8489605
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Label, Run};
//! use anomalyst_detect::Xgbod;
//! // A grid of rows; the four in the far corner are known to be anomalous.
//! let mut rows = Features::rows(ndarray::Array2::from_shape_fn((104, 2), |(i, j)| match i {
//!     100.. => 30.0 + (i % 2) as f32,
//!     _ => [i / 10, i % 10][j] as f32,
//! }));
//! let label = |row| if row < 100 { Label::Unknown } else { Label::Anomalous };
//! rows.labels = Some((0..104).map(label).collect());
//! let run = Run::new(0);
//! let fitted = Xgbod::default().fit_on(&rows, &run).unwrap();
//! let scores = fitted.score(&Features::rows(ndarray::array![[5.0_f32, 5.0], [31.0, 30.0]]), &run).unwrap();
//! assert!(scores[1] > scores[0]);
//! ```

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    AnyModel, Card, Checked, Cost, Detector, DetectorExt, Entry, Error, Estimate, Features, Fitted, Growth,
    Handles, LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape, find_entry,
};
use ndarray::{Array2, ArrayView, Axis, concatenate};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::gradient_boosting::GradientBoosting;
use crate::labelled::out_of_fold;

/// How the trees grow; the detectors are fixed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Xgbod {
    /// Trees, grown one after another.
    #[schemars(range(min = 1, max = 10_000))]
    pub n_trees: usize,
    /// Share of its correction that each tree may make.
    #[schemars(range(min = 0.0001, max = 1.0))]
    pub learning_rate: f64,
    /// Leaves of a tree.
    #[schemars(range(min = 2, max = 1_024))]
    pub max_leaves: usize,
    /// How far anomalous rows make up in weight for being fewer: 0 not at all, 1 fully.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub balance: f64,
}

/// Detectors, and trees over what they say.
pub struct XgbodModel {
    members: Vec<Box<dyn AnyModel>>,
    trees: Box<dyn AnyModel>,
}

impl Default for Xgbod {
    /// PyOD's trees and rate; its depth of 3 has at most 8 leaves.
    fn default() -> Self {
        Self { n_trees: 100, learning_rate: 0.1, max_leaves: 8, balance: 0.5 }
    }
}

impl Params for Xgbod {}

/// The detectors and what differs from their defaults.
fn pool() -> [(&'static str, Value); 11] {
    let neighbors = |n: usize| json!({ "n_neighbors": n });
    [
        ("k_nearest_neighbors", neighbors(5)),
        ("k_nearest_neighbors", neighbors(20)),
        ("k_nearest_neighbors", neighbors(50)),
        ("local_outlier_factor", neighbors(5)),
        ("local_outlier_factor", neighbors(20)),
        ("local_outlier_factor", neighbors(50)),
        ("isolation_forest", json!({})),
        ("hbos", json!({})),
        ("ecod", json!({})),
        ("pca", json!({})),
        ("linear_one_class_svm", json!({})),
    ]
}

const TREES: Entry = Entry::of::<GradientBoosting>();

impl Xgbod {
    fn boosting(&self) -> GradientBoosting {
        GradientBoosting {
            n_trees: self.n_trees,
            learning_rate: self.learning_rate,
            max_leaves: self.max_leaves,
            balance: self.balance,
            ..GradientBoosting::default()
        }
    }

    /// Detectors fitted on all rows, and the rows with the scores beside them.
    fn lean(train: &Features, run: &Run) -> Result<(Vec<Box<dyn AnyModel>>, Features)> {
        let plain = Features::rows(train.values.clone());
        let (mut members, mut scores) = (Vec::new(), Vec::new());
        for (stream, (id, params)) in pool().into_iter().enumerate() {
            run.check()?;
            let detector = (find_entry(crate::METHODS, id)?.from_json)(&params)?;
            match detector.fit_score(&plain, &run.child(stream as u64)) {
                Ok((model, of_rows)) => {
                    members.push(model);
                    scores.push(of_rows);
                }
                Err(Error::TooFewItems { .. } | Error::Numeric { .. } | Error::Data(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let labels = train.labels.clone();
        Ok((members, Features { labels, ..beside(&train.values, &scores)? }))
    }
}

/// The columns of `values`, then one for each of `scores`.
fn beside(values: &Array2<f32>, scores: &[Vec<f32>]) -> Result<Features> {
    let columns = scores.iter().map(|scores| ArrayView::from(scores).insert_axis(Axis(1)));
    let parts: Vec<_> = std::iter::once(values.view()).chain(columns).collect();
    let all = concatenate(Axis(1), &parts).map_err(|error| Error::model(error.to_string()))?;
    Ok(Features::rows(all.as_standard_layout().into_owned()))
}

impl Detector for Xgbod {
    const CARD: Card = Card {
        id: "xgbod",
        title: "Boosting over detectors' scores (XGBOD)",
        summary: "Rows like those that are labelled anomalous, and rows as odd as those are to detectors.",
        paper: "Zhao, Hryniewicki 2018, IJCNN. doi:10.1109/IJCNN.2018.8489605",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[],
        cost: Cost { fit: Growth::Quadratic, score: Growth::Linear },
        min_items: 2,
        control: false,
    };
    const LEARNS_FROM_LABELS: bool = true;
    type Model = XgbodModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<XgbodModel> {
        let (members, leaned) = Self::lean(train.features(), run)?;
        Ok(XgbodModel { members, trees: Box::new(self.boosting().fit_on(&leaned, run)?) })
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(XgbodModel, Vec<f32>)> {
        let (members, leaned) = Self::lean(train.features(), run)?;
        let trees: Fitted<GradientBoosting> = self.boosting().fit_on(&leaned, run)?;
        let scores = match out_of_fold(&self.boosting(), &leaned, run)? {
            Some(scores) => scores,
            None => trees.score(&leaned, run)?,
        };
        Ok((XgbodModel { members, trees: Box::new(trees) }, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let members = pool();
        let of_trees = self.boosting().estimate(Shape { n_values: shape.n_values + members.len(), ..shape });
        let of_members = members.iter().filter_map(|(id, params)| {
            Some((find_entry(crate::METHODS, id).ok()?.from_json)(params).ok()?.estimate(shape))
        });
        of_members.fold(of_trees, |sum, one| Estimate {
            bytes: sum.bytes + one.bytes,
            fit_nanos: sum.fit_nanos + one.fit_nanos + one.score_nanos_per_row * shape.n_parts as f64,
            score_nanos_per_row: sum.score_nanos_per_row + one.score_nanos_per_row,
        })
    }
}

impl Model for XgbodModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        run.check()?;
        let plain = Features::rows(rows.features().values.clone());
        let scores = self.members.iter().map(|member| member.score(&plain, run));
        let scores = scores.collect::<Result<Vec<_>>>()?;
        self.trees.score(&beside(&plain.values, &scores)?, run)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        let ids: Vec<&str> = self.members.iter().map(|member| member.card().id).collect();
        out.put_json("members", &ids)?;
        for (i, member) in self.members.iter().enumerate() {
            out.scope(&format!("member{i}"), |out| member.save(out))?;
        }
        out.scope("trees", |out| self.trees.save(out))
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let ids: Vec<String> = from.json("members")?;
        let pool = pool();
        // Only what `fit` puts there: a model that held itself would be read without end.
        if ids.len() > pool.len() || !ids.iter().all(|id| pool.iter().any(|(known, _)| known == id)) {
            return Err(Error::model("a detector below the trees is none of those that may be there"));
        }
        let member = |(i, id): (usize, &String)| {
            (find_entry(crate::METHODS, id)?.load)(&from.scope(&format!("member{i}")))
        };
        let members = ids.iter().enumerate().map(member).collect::<Result<Vec<_>>>()?;
        let trees = (TREES.load)(&from.scope("trees"))?;
        let width = |model: &dyn AnyModel| (model.shape().n_values, model.shape().n_codes);
        if members.iter().any(|member| width(member.as_ref()) != (shape.n_values, 0))
            || width(trees.as_ref()) != (shape.n_values + members.len(), 0)
        {
            return Err(Error::model(
                "the trees and the detectors below them disagree on the number of columns",
            ));
        }
        Ok(Self { members, trees })
    }
}

#[cfg(test)]
mod tests;
