//! Locally selective combination in parallel outlier ensembles (LSCP).
//!
//! # Idea
//! No detector is the best everywhere. For each row the detectors are asked who agrees with the loudest voice among the
//! training rows nearby, and only those speak for the row.
//!
//! # Equations
//! Detector `j` of `m` has training scores `S_ij` and scores `s_j(x)`, both standardised by mean and deviation of the
//! training scores. Pseudo ground truth: `g_i = max_j S_ij`. For a row `x`:
//!
//! 1. Local region: in each of `T` random subspaces of half to all but one of the columns, the `k` training rows nearest
//!    to `x`. The region `R` holds the rows that are met in more than `T / 2` subspaces; while these are fewer than
//!    two, in one less.
//! 2. Competence: `c_j` is the Pearson correlation over `R` of `S_ij` with `g_i`, and 0 where either is constant.
//! 3. Selection: a histogram of `c_1 .. c_m` with `b` bars of equal width; the detectors in the highest bar, of all bars
//!    that are highest.
//! 4. `s(x)` is the mean of `s_j(x)` over those (LSCP_A of the paper's pseudo ground truth by maximum: its LSCP_AOM).
//!
//! # Score
//! Deviations above the mean of the training scores; 0 is a usual row.
//!
//! # Complexity
//! The fits and scores of the detectors, and `T` exact neighbour searches per row (see `k_nearest_neighbors`). Memory:
//! the detectors' models; `T` search indices over the training rows, about `T (7.5 d + 16) n` bytes; the training
//! scores, 12 m n bytes. The model file holds the training rows once. `max_reference` bounds all but the first.
//!
//! # Use when / Avoid when
//! Many detectors of one kind with different parameters, on data whose regions differ in density. Avoid where few rows
//! make the correlations noise, and for speed: a mean of the same detectors is often as good.
//!
//! # Differences
//! - Subspaces are drawn once, at the fit, and kept; PyOD draws them anew for every batch, so that there the same row has
//!   another score each time.
//! - `fit_score` leaves each row out of its own region and takes the detectors' leave-one-out scores; PyOD scores
//!   training rows as if they were new. `score` is PyOD's.
//! - A competence on the border of two bars belongs to one of them; in PyOD it is selected with either.
//! - `max_reference` keeps a random sample of the training rows for the regions; the detectors learn from all.
//! - The paper draws 50 local outlier factors with `k` from 5 to 200 at random; the default here is five of them, which
//!   PyOD's example has among its ten.
//! - Missing values and categories are encoded, whatever the detectors could take themselves.
//! - The card's invariances and costs are those of the default detectors.
//!
//! # References
//! Zhao, Nasrullah, Hryniewicki, Li 2019, LSCP: locally selective combination in parallel outlier ensembles, SDM.
//! doi:10.1137/1.9781611975673.66
//!
//! # Example
//! ```
//! use anomalyst_core::{DetectorExt, Features, Run};
//! use anomalyst_detect::Lscp;
//! let mut rows = ndarray::Array2::from_shape_fn((100, 4), |(i, j)| ((i * (7 + 2 * j)) % 100) as f32);
//! rows[[42, 1]] = 400.0;
//! let (_, scores) = Lscp::default().fit_score_on(&Features::rows(rows), &Run::new(0)).unwrap();
//! assert_eq!((0..100).max_by(|&a, &b| scores[a].total_cmp(&scores[b])), Some(42));
//! ```

mod competence;
mod region;
#[cfg(test)]
mod tests;

use anomalyst_core::schemars::{self, JsonSchema};
use anomalyst_core::{
    AnyModel, Card, Checked, Cost, Detector, Error, Estimate, Features, Growth, Handles, Invariance,
    LayoutKind, Model, ModelReader, ModelWriter, Params, Result, Run, Shape,
};
use anomalyst_kernels::neighbors::{Skip, search_estimate};
use anomalyst_kernels::stats::Moments;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::ensemble::{
    Base, draw_columns, load_columns, load_member, member_run, save_columns, save_member, usual_columns,
};
use crate::k_nearest_neighbors::{own_numbers, reference_rows};
use competence::Competence;
use region::Regions;

/// Which detectors, and how the neighbourhood that they are judged by is found.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lscp {
    /// The detectors, at most a thousand: names, or tables of `kind` and parameters.
    #[schemars(schema_with = "bases_schema")]
    pub bases: Vec<Base>,
    /// Training rows nearest to a row in each subspace. The authors advise 30 to 200.
    #[schemars(range(min = 2, max = 10_000))]
    pub n_neighbors: usize,
    /// Random subspaces in which neighbours are looked for.
    #[schemars(range(min = 1, max = 1_000))]
    pub n_subspaces: usize,
    /// Bars of the histogram of competence, never more than detectors. More select fewer detectors.
    #[schemars(range(min = 1, max = 1_000))]
    pub n_bins: usize,
    /// Training rows that regions are made of, drawn at random; all of them if not given.
    #[schemars(range(min = 2))]
    pub max_reference: Option<usize>,
}

/// The detectors and the training rows by which they are judged.
pub struct LscpModel {
    members: Vec<Box<dyn AnyModel>>,
    regions: Regions,
    competence: Competence,
}

fn bases() -> Vec<Base> {
    [10, 20, 30, 40, 50].map(|k| Base::of("local_outlier_factor").with("n_neighbors", k)).into()
}

/// The default list, or any list of methods.
fn bases_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let items = generator.subschema_for::<Base>();
    schemars::json_schema!({ "oneOf": [{ "const": bases() }, { "type": "array", "items": items }] })
}

impl Default for Lscp {
    /// PyOD's defaults.
    fn default() -> Self {
        Self { bases: bases(), n_neighbors: 30, n_subspaces: 20, n_bins: 10, max_reference: None }
    }
}

impl Params for Lscp {
    fn check(&self) -> Result<()> {
        let n = self.bases.len();
        if !(2..=1_000).contains(&n) {
            let want = "2 to 1,000 detectors, of which to select".into();
            return Err(Error::BadParameter { name: "bases".into(), got: format!("a list of {n}"), want });
        }
        self.bases
            .iter()
            .enumerate()
            .try_for_each(|(j, base)| base.detector(&format!("bases[{j}]")).map(|_| ()))
    }
}

impl Detector for Lscp {
    const CARD: Card = Card {
        id: "lscp",
        title: "Locally selective combination (LSCP)",
        summary: "Rows that are odd to the detectors which are competent in their neighbourhood.",
        paper: "Zhao, Nasrullah, Hryniewicki, Li 2019, SDM. doi:10.1137/1.9781611975673.66",
        since: "NEXT",
        accepts: &[LayoutKind::Rows],
        missing: Handles::Refuses,
        codes: Handles::Refuses,
        holds: &[Invariance::GlobalScaleRank],
        cost: Cost { fit: Growth::Quadratic, score: Growth::Linear },
        min_items: 2,
        control: false,
    };
    type Model = LscpModel;

    fn fit(&self, train: Checked<'_>, run: &Run) -> Result<LscpModel> {
        let subspaces = self.draw_subspaces(train.n_values(), run);
        Ok(self.fit_in(train.features(), subspaces, run)?.0)
    }

    fn fit_score(&self, train: Checked<'_>, run: &Run) -> Result<(LscpModel, Vec<f32>)> {
        let subspaces = self.draw_subspaces(train.n_values(), run);
        let (model, scores, reference) = self.fit_in(train.features(), subspaces, run)?;
        let own = reference.map(|rows| own_numbers(train.n_parts(), &rows));
        let skip = own.as_deref().map_or(Skip::SameIndex, Skip::Each);
        let scores = model.combine(train.features(), &scores, skip, run)?;
        Ok((model, scores))
    }

    fn estimate(&self, shape: Shape) -> Estimate {
        let n = shape.n_parts as u64;
        let n_reference = self.max_reference.map_or(shape.n_parts, |most| most.min(shape.n_parts));
        let search = search_estimate(n_reference, usual_columns(shape.n_values), self.n_neighbors);
        let times = self.n_subspaces as f64;
        let met = (self.n_subspaces * self.n_neighbors) as f64;
        let kept = 12 * self.bases.len() as u64 * n + 4 * n_reference as u64 * shape.n_values as u64;
        let mut all = Estimate {
            bytes: search.bytes.saturating_mul(self.n_subspaces as u64).saturating_add(kept)
                + region::block_bytes(self.n_subspaces, self.n_neighbors),
            fit_nanos: search.fit_nanos * times,
            score_nanos_per_row: search.score_nanos_per_row * times + 20.0 * met,
        };
        for base in self.bases.iter().filter_map(|base| base.detector("bases").ok()) {
            let one = base.estimate(shape);
            all.bytes = all.bytes.saturating_add(one.bytes);
            all.fit_nanos += one.fit_nanos + one.score_nanos_per_row * n as f64;
            all.score_nanos_per_row += one.score_nanos_per_row;
        }
        all
    }
}

impl Lscp {
    fn draw_subspaces(&self, d: usize, run: &Run) -> Vec<Vec<usize>> {
        // The stream 0 draws the reference rows.
        (0..self.n_subspaces).map(|t| draw_columns(d, &mut run.random(1 + t as u64))).collect()
    }

    /// The model, the members' scores of the training rows, and which of these are kept as reference.
    #[expect(clippy::type_complexity, reason = "three answers of one fit")]
    fn fit_in(
        &self,
        train: &Features,
        subspaces: Vec<Vec<usize>>,
        run: &Run,
    ) -> Result<(LscpModel, Vec<Vec<f32>>, Option<Vec<usize>>)> {
        let stage = run.stage("fitting detectors", self.bases.len() as u64);
        let (mut members, mut scores) = (Vec::new(), Vec::new());
        for (j, base) in self.bases.iter().enumerate() {
            run.check()?;
            let (model, own) = base.detector("bases")?.fit_score(train, &member_run(run, j))?;
            members.push(model);
            scores.push(own);
            stage.advance(1);
        }
        let reference = reference_rows(train.n_parts(), self.max_reference, run);
        let moments: Vec<Moments> =
            scores.iter().map(|own| own.iter().map(|&s| f64::from(s)).collect()).collect();
        let all = || (0..train.n_parts()).collect();
        let rows = reference.clone().unwrap_or_else(all);
        let kept = Array2::from_shape_fn((rows.len(), scores.len()), |(i, j)| scores[j][rows[i]]);
        let line = |m: &Moments| competence::line(m.mean(), m.std_dev());
        let competence = Competence::new(kept, moments.iter().map(line).collect(), self.n_bins);
        let regions = Regions::new(train.values.select(Axis(0), &rows), subspaces, self.n_neighbors)?;
        Ok((LscpModel { members, regions, competence }, scores, reference))
    }
}

impl LscpModel {
    /// One score per row from each member's scores of all rows.
    fn combine(&self, rows: &Features, scores: &[Vec<f32>], skip: Skip<'_>, run: &Run) -> Result<Vec<f32>> {
        let score = |row: usize, region: &[u32]| {
            let own = |j: usize| f64::from(scores[j][row]);
            self.competence.score(region, own).clamp(-1e30, 1e30) as f32
        };
        self.regions.map(&rows.values, skip, run, score)
    }
}

impl Model for LscpModel {
    fn score(&self, rows: Checked<'_>, run: &Run) -> Result<Vec<f32>> {
        let ask = |model: &Box<dyn AnyModel>| {
            run.check()?;
            model.score(rows.features(), run)
        };
        let scores: Vec<Vec<f32>> = self.members.iter().map(ask).collect::<Result<_>>()?;
        self.combine(rows.features(), &scores, Skip::None, run)
    }

    fn save(&self, out: &mut ModelWriter) -> Result<()> {
        for (j, model) in self.members.iter().enumerate() {
            save_member(j, model.as_ref(), out)?;
        }
        out.put_json("n_members", &self.members.len())?;
        out.put_json("n_neighbors", &self.regions.n_neighbors)?;
        out.put_matrix("reference", &self.regions.reference);
        save_columns(self.regions.subspaces.iter().map(Vec::as_slice), out);
        self.competence.save(out)
    }

    fn load(from: &ModelReader<'_>, shape: Shape) -> Result<Self> {
        let reference = from.finite_matrix("reference", shape.n_values)?;
        let competence = Competence::load(from, reference.nrows())?;
        let n_members: usize = from.json("n_members")?;
        let n_neighbors: usize = from.json("n_neighbors")?;
        if reference.nrows() == 0 || n_neighbors == 0 || n_members != competence.n_members() {
            return Err(Error::model(
                "there is no training row, no neighbour to look for, or a member too many",
            ));
        }
        let load = |j| load_member(j, shape.n_values, from);
        let members = (0..n_members).map(load).collect::<Result<_>>()?;
        let subspaces = load_columns(from, shape.n_values)?;
        Ok(Self { members, regions: Regions::new(reference, subspaces, n_neighbors)?, competence })
    }
}
