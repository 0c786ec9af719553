//! Feature bagging: one method many times, each on a random part of the columns.
//!
//! # Idea
//! Distances over many columns drown what is odd in a few of them. Members that each see another random half or more
//! of the columns meet the odd ones without the noise of the others now and then, and together they are steadier
//! than any of them.
//!
//! # Equations
//! Member `t` of `T` is the base method, fitted on `N_t` columns drawn without replacement, `N_t` even between half of
//! `d` (rounded down) and `d - 1`. With `a_t(x)` its score, `n` training rows and `r_t(x)` the rank of `a_t(x)` counted
//! from the greatest of its training scores (interpolated between them, falling on beyond):
//!
//! - `cumulative_sum` (figure 3 of the paper): `s(x) = (1 / T) sum_t a_t(x)`;
//! - `breadth_first` (figure 4): the greatest of every member come first, then every member's second, and so on; a row
//!   stands where it comes first: `p(x) = min_t (r_t(x) + (t - 1) / T)` and `s(x) = -ln(p(x) / (n + 1))`.
//!
//! # Score
//! `cumulative_sum`: the unit of the base. `breadth_first`: nats from about 0 up; 2.3 more means ten times as far up the
//! list.
//!
//! # Complexity
//! `T` fits and `T` scores of the base on about three quarters of the columns, one after the other, each on all threads.
//! Memory: the `T` models, one copy of the columns of the member at work (4 bytes times rows times columns), and with
//! `breadth_first` the training scores, 4 n T bytes.
//!
//! # Use when / Avoid when
//! Ten to some hundreds of columns of which many say nothing, with bases that measure distance or density. Avoid with few
//! columns, or where anomalies are combinations that need all columns at once, and with bases that look at each
//! column alone (`ecod`, `hbos`), which gain nothing.
//!
//! # Differences
//! - The cumulative sum is divided by the number of members, as in PyOD; the order is the same. The scores of members are
//!   summed as they are: with a base whose unit depends on the number of columns, wider members weigh more.
//! - Breadth-first ranks a row against the training scores and not within its batch, so that a row's score is its own.
//!   For the training rows the order is the paper's. PyOD has no breadth-first.
//! - PyOD draws up to all columns; here, as in the paper, all but one.
//! - `fit_score` takes the members' own leave-one-out scores.
//! - Missing values and categories are encoded, whatever the base could take itself.
//! - The card's invariances and costs are those with the default base.
//!
//! # References
//! Lazarevic, Kumar 2005, Feature bagging for outlier detection, KDD. doi:10.1145/1081870.1081891
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::{Base, FeatureBagging};
//! let mut rows = ndarray::Array2::from_shape_fn((60, 6), |(i, j)| ((i * (7 + 2 * j)) % 60) as f32);
//! rows[[42, 1]] = 400.0;
//! let detector = FeatureBagging { base: Base::of("k_nearest_neighbors"), ..Default::default() };
//! let (_, scores) = detector.fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap();
//! assert_eq!((0..60).max_by(|&a, &b| scores[a].total_cmp(&scores[b])), Some(42));
//! ```

#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    AnyModel, Card, Checked, Cost, Detector, Error, Estimate, Features, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::ranking::Ranking;
use serde::{Deserialize, Serialize};

use crate::ensemble::{
    Base, draw_columns, load_columns, load_member, member_run, project, save_columns, save_member,
    usual_columns,
};

/// Which method, how often, and how its scores become one.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureBagging {
    /// The method of every member: its name, or a table of `kind` and parameters.
    pub base: Base,
    /// Members. The spread of a score over seeds shrinks with the root of their number.
    #[schemars(range(min = 1, max = 1_000))]
    pub n_members: usize,
    /// How their scores become one.
    pub combine: CombineMembers,
}

/// How the members' scores become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CombineMembers {
    /// Their mean.
    #[default]
    CumulativeSum,
    /// The best rank that any of them gives.
    BreadthFirst,
}

/// The members, each with the columns that it sees.
pub struct FeatureBaggingModel {
    members: Vec<Bag>,
    /// What `breadth_first` ranks against, one per member; empty for `cumulative_sum`.
    rankings: Vec<Ranking>,
}

struct Bag {
    columns: Vec<usize>,
    model: Box<dyn AnyModel>,
}

impl Default for FeatureBagging {
    /// PyOD's defaults; the paper has 50 members.
    fn default() -> Self {
        Self { base: Base::of("local_outlier_factor"), n_members: 10, combine: CombineMembers::CumulativeSum }
    }
}

impl Params for FeatureBagging {
    fn check(&self) -> Result<()> {
        self.base.detector("base").map(|_| ())
    }
}

impl Detector for FeatureBagging {
    const CARD: Card = Card {
        id: "feature_bagging",
        title: "Feature bagging",
        summary: "Rows that a method finds odd on many random parts of the columns.",
        paper: "Lazarevic, Kumar 2005, KDD. doi:10.1145/1081870.1081891",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::RowOrder, Invariance::Translation, Invariance::GlobalScaleRank],
        cost: Cost { fit: Growth::Quadratic, score: Growth::Linear },
        min_items: 2,
        control: false,
    };
    type Model = FeatureBaggingModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<FeatureBaggingModel> {
        Ok(self.fit_score(train, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(FeatureBaggingModel, Vec<f32>)> {
        let d = train.n_values();
        let columns = (0..self.n_members).map(|t| draw_columns(d, &mut run.random(t as u64))).collect();
        self.fit_columns(train.features(), columns, run)
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let Ok(base) = self.base.detector("base") else { return Estimate::default() };
        let n_values = usual_columns(shape.n_values);
        let one = base.estimate(Shape { n_values, ..shape });
        let (n, times) = (shape.n_parts as u64, self.n_members as f64);
        Estimate {
            bytes: one.bytes.saturating_add(4 * n).saturating_mul(self.n_members as u64)
                + 4 * n * n_values as u64,
            fit_nanos: one.fit_nanos * times + one.score_nanos_per_row * times * n as f64,
            score_nanos_per_row: (one.score_nanos_per_row + n_values as f64) * times,
        }
    }
}

impl FeatureBagging {
    fn fit_columns(
        &self,
        train: &Features,
        columns: Vec<Vec<usize>>,
        run: &Run,
    ) -> Result<(FeatureBaggingModel, Vec<f32>)> {
        let base = self.base.detector("base")?;
        let stage = run.stage("fitting members", columns.len() as u64);
        let (mut members, mut scores) = (Vec::new(), Vec::new());
        for (t, columns) in columns.into_iter().enumerate() {
            run.check()?;
            let (model, own) = base.fit_score(&project(train, &columns), &member_run(run, t))?;
            members.push(Bag { columns, model });
            scores.push(own);
            stage.advance(1);
        }
        let rankings = match self.combine {
            CombineMembers::CumulativeSum => Vec::new(),
            CombineMembers::BreadthFirst => scores.iter().cloned().filter_map(Ranking::new).collect(),
        };
        let model = FeatureBaggingModel { members, rankings };
        let scores = model.combine(&scores);
        Ok((model, scores))
    }
}

impl FeatureBaggingModel {
    /// One score per row from each member's scores of all rows.
    fn combine(&self, scores: &[Vec<f32>]) -> Vec<f32> {
        let n_members = scores.len() as f64;
        let n_rows = scores.first().map_or(0, Vec::len);
        let row = |i: usize| {
            if self.rankings.is_empty() {
                return scores.iter().map(|own| f64::from(own[i])).sum::<f64>() / n_members;
            }
            let position = |(t, (ranking, own)): (usize, (&Ranking, &Vec<f32>))| {
                ranking.from_top(own[i]) + t as f64 / n_members
            };
            let n_places = self.rankings[0].scores().len() + 1;
            let first =
                self.rankings.iter().zip(scores).enumerate().map(position).fold(f64::INFINITY, f64::min);
            -(first / n_places as f64).max(f64::MIN_POSITIVE).ln()
        };
        (0..n_rows).map(|i| row(i).clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32).collect()
    }
}

impl Model for FeatureBaggingModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let stage = run.stage("asking members", self.members.len() as u64);
        let ask = |bag: &Bag| {
            run.check()?;
            let scores = bag.model.score(&project(rows.features(), &bag.columns), run);
            stage.advance(1);
            scores
        };
        let scores: Vec<Vec<f32>> = self.members.iter().map(ask).collect::<Result<_>>()?;
        Ok(self.combine(&scores))
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        save_columns(self.members.iter().map(|bag| &bag.columns[..]), out);
        for (t, bag) in self.members.iter().enumerate() {
            save_member(t, bag.model.as_ref(), out)?;
        }
        let scores = self.rankings.iter().flat_map(|ranking| ranking.scores().iter().copied());
        let n_rows = self.rankings.first().map_or(0, |ranking| ranking.scores().len());
        out.put("training_scores", &[self.rankings.len(), n_rows], scores);
        Ok(())
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let load = |(t, columns): (usize, Vec<usize>)| {
            let model = load_member(t, columns.len(), from)?;
            Ok(Bag { columns, model })
        };
        let members: Vec<Bag> =
            load_columns(from, shape.n_values)?.into_iter().enumerate().map(load).collect::<Result<_>>()?;
        let scores = from.matrix::<f32>("training_scores")?;
        if scores.nrows() != 0 && scores.nrows() != members.len() {
            return Err(Error::model("there are not as many rankings as members"));
        }
        let ranking = |row: ndarray::ArrayView1<'_, f32>| {
            let scores = Some(row.to_vec()).filter(|scores| scores.is_sorted());
            let ranking = scores.and_then(Ranking::new);
            ranking.ok_or_else(|| Error::model("training scores are not finite and in order"))
        };
        let rankings = scores.rows().into_iter().map(ranking).collect::<Result<_>>()?;
        Ok(Self { members, rankings })
    }
}
