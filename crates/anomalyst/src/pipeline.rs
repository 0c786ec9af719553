//! A recipe put to work: encoders and models that were fitted together and score together.

use anomalyst_core::{
    AnyModel, Dataset, Encode, Error, Features, MemberSummary, MethodSummary, ModelReader, ModelWriter,
    Notices, Result, Run, Shape, Table, Wants,
};
use ndarray::Array2;
use rand::seq::index;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::combine::{Combination, ScoreScale};
use crate::recipe::{Member, Part, Recipe};
use crate::{registry, states};

mod rows;

use rows::{Held, Rows};

/// A fitted recipe. Its scores are higher for more anomalous rows; a row's score never depends on its batch.
pub struct Pipeline {
    recipe: Recipe,
    views: Vec<View>,
    members: Vec<FittedMember>,
    combination: Combination,
}

/// The data as some members see it. Members that want the same share one.
struct View {
    part: Part,
    encoder: Box<dyn Encode>,
}

struct FittedMember {
    view: usize,
    model: Box<dyn AnyModel>,
    scale: ScoreScale,
}

/// What a fit gives besides the pipeline.
pub struct FitReport {
    /// How each training row ranks; neighbours leave a row out of its own neighbourhood.
    pub scores: Vec<f32>,
    /// What encoders left out or repaired, and which members saw a sample only.
    pub notices: Notices,
}

impl Pipeline {
    /// Fits every member of `recipe` on the rows of `data` that its passes leave, within the run's limits.
    pub fn fit(recipe: &Recipe, data: &Dataset, run: &Run) -> Result<(Self, FitReport)> {
        let mut notices = Notices::default();
        let judged = states::judged(recipe, data, &mut notices);
        let data: &Dataset = &judged;
        let recipe = &recipe.suited_to(data);
        recipe.check()?;
        let n_rows = data.n_items();
        let mut kept: Option<Vec<usize>> = None;
        if !recipe.clean.is_empty() && matches!(data, Dataset::Series(_)) {
            return Err(Error::Data(format!(
                "recipe `{}` sets rows aside, and points of a series cannot be: they follow each other",
                recipe.name
            )));
        }
        if !recipe.clean.is_empty() && n_rows >= FEWEST_TO_CLEAN {
            let cleaned = Self::clean(recipe, data, run)?;
            notices.info(
                None,
                format!(
                    "{} of {n_rows} rows were learned from: the oddest at first sight are scored only{}",
                    cleaned.len(),
                    if n_rows > MOST_TO_CLEAN { ", and a sample is enough" } else { "" }
                ),
            );
            kept = Some(cleaned);
        }
        let (pipeline, report) = Self::fit_on(recipe, data, kept.as_deref(), run)?;
        notices.extend(report.notices);
        Ok((pipeline, FitReport { notices, ..report }))
    }

    /// The rows that the passes of `recipe` leave, in order; of a large table, of a random sample.
    fn clean(recipe: &Recipe, data: &Dataset, run: &Run) -> Result<Vec<usize>> {
        let n_rows = data.n_items();
        let sample = (n_rows > MOST_TO_CLEAN).then(|| {
            let mut rows = index::sample(&mut run.random(u64::MAX), n_rows, MOST_TO_CLEAN).into_vec();
            rows.sort_unstable();
            rows
        });
        let sampled = sample.as_ref().map(|rows| data.take(rows));
        let mut kept: Option<Vec<usize>> = None;
        for (i, pass) in recipe.clean.iter().enumerate() {
            let _stage = run.stage("setting the oddest rows aside", 0);
            let ranking = Recipe { members: pass.members.clone(), clean: Vec::new(), ..recipe.clone() };
            let of_pass = run.child(u64::MAX - 1 - i as u64);
            let (_, ranked) =
                Self::fit_on(&ranking, sampled.as_ref().unwrap_or(data), kept.as_deref(), &of_pass)?;
            kept = Some(least_odd(&ranked.scores, pass.drop_frac));
        }
        let kept = kept.unwrap_or_default();
        Ok(match sample {
            Some(rows) => kept.into_iter().map(|at| rows[at]).collect(),
            None => kept,
        })
    }

    /// Fits on the rows `kept` (all of them where `None`) and ranks all rows.
    fn fit_on(
        recipe: &Recipe,
        data: &Dataset,
        kept: Option<&[usize]>,
        run: &Run,
    ) -> Result<(Self, FitReport)> {
        let mut notices = Notices::default();
        let mut views: Vec<View> = Vec::new();
        let mut members: Vec<Option<(FittedMember, Vec<f32>)>> =
            recipe.members.iter().map(|_| None).collect();
        let mut groups: Vec<(Part, Wants, Vec<usize>)> = Vec::new();
        for (i, member) in recipe.members.iter().enumerate() {
            let part = member.encoder.clone().unwrap_or_else(|| recipe.encoder.clone());
            let wants = Wants::of(registry::method(&member.detector.kind)?.card);
            match groups.iter_mut().find(|(p, w, _)| *p == part && *w == wants) {
                Some((_, _, group)) => group.push(i),
                None => groups.push((part, wants, vec![i])),
            }
        }
        let combination = Combination::fit(&recipe.combine, &recipe.members, run)?;
        let learned = kept.map(|kept| data.take(kept));
        // One view at a time is in memory.
        for (part, wants, group) in groups {
            let encoder = (registry::encoder(&part.kind)?.from_json)(&part.params())?;
            let (encoder, noticed) = encoder.fit(learned.as_ref().unwrap_or(data), wants, run)?;
            add_new(&mut notices, noticed);
            let held = Held::new(&*encoder, data, kept.is_none(), run)?;
            let rows = Rows { held: &held, encoder: &*encoder, kept };
            add_new(&mut notices, held.notices());
            for i in group {
                let member = &recipe.members[i];
                let (model, scores) = rows.fit_member(member, &run.child(i as u64), &mut notices)?;
                let scores = encoder.pool(data, scores)?;
                let scale = ScoreScale::of(&scores, combination.scale(member.scale), member.compress);
                members[i] = Some((FittedMember { view: views.len(), model, scale }, scores));
            }
            drop(held);
            views.push(View { part, encoder });
        }
        let (members, scores): (Vec<_>, Vec<_>) = members.into_iter().flatten().unzip();
        let pipeline = Self { recipe: recipe.clone(), views, members, combination };
        let scores = pipeline.merge(scores, run);
        Ok((pipeline, FitReport { scores, notices }))
    }

    /// One score per item of `data`; the notices count unseen levels, missing columns and the like.
    pub fn score(&self, data: &Dataset, run: &Run) -> Result<(Vec<f32>, Notices)> {
        let mut notices = Notices::default();
        let mut scores: Vec<Vec<f32>> = vec![Vec::new(); self.members.len()];
        for (v, view) in self.views.iter().enumerate() {
            let held = Held::new(&*view.encoder, data, true, run)?;
            add_new(&mut notices, held.notices());
            for (member, scores) in
                self.members.iter().zip(&mut scores).filter(|(member, _)| member.view == v)
            {
                *scores = view.encoder.pool(data, held.score(&*member.model, run)?)?;
            }
        }
        Ok((self.merge(scores, run), notices))
    }

    /// Exact contributions of the table's columns to each row's score, rows x columns; `None` where a member
    /// has no exact answer. Each member's say is its share of the combined score.
    pub fn attribute(&self, table: &Table, run: &Run) -> Result<Option<Array2<f32>>> {
        let data = Dataset::Table(table.clone());
        let mut total = Array2::zeros((table.n_rows, table.columns.len()));
        for (v, view) in self.views.iter().enumerate() {
            let features = view.encoder.encode(&data, run)?.features;
            let position =
                |origin: &anomalyst_core::Origin| table.columns.iter().position(|c| c.name == origin.column);
            let values: Vec<Option<usize>> = view.encoder.value_origins().iter().map(position).collect();
            let codes: Vec<Option<usize>> = view.encoder.code_origins().iter().map(position).collect();
            for (member, recipe) in self.members.iter().zip(&self.recipe.members).filter(|(m, _)| m.view == v)
            {
                let Some(shares) = member.model.attribute(&features, run) else { return Ok(None) };
                let shares = shares?;
                let scores = member.model.score(&features, run)?;
                for (row, mut out) in total.rows_mut().into_iter().enumerate() {
                    let mut own = vec![0.0_f32; table.columns.len()];
                    let cells = shares
                        .values
                        .row(row)
                        .into_iter()
                        .zip(&values)
                        .chain(shares.codes.row(row).into_iter().zip(&codes));
                    cells.for_each(|(&share, at)| at.iter().for_each(|&at| own[at] += share));
                    let positive: f32 = own.iter().filter(|s| **s > 0.0).sum();
                    if positive > 0.0 {
                        let say = (recipe.weight * member.scale.say(scores[row]).max(1e-3)) as f32;
                        out.iter_mut().zip(&own).for_each(|(out, share)| *out += say * share / positive);
                    }
                }
            }
        }
        Ok(Some(total))
    }

    /// Exact contributions of the channels of series to each point's score, points x `channels`; `None` where there are several
    /// members, where points are judged by windows, or where the member has no exact answer.
    pub fn attribute_points(
        &self,
        data: &Dataset,
        channels: &[String],
        run: &Run,
    ) -> Result<Option<Array2<f32>>> {
        let ([view], [member]) = (self.views.as_slice(), self.members.as_slice()) else { return Ok(None) };
        if view.encoder.span() != 1 {
            return Ok(None);
        }
        let features = view.encoder.encode(data, run)?.features;
        let Some(shares) = member.model.attribute(&features, run) else { return Ok(None) };
        let shares = shares?.values;
        let mut of_channels = Array2::zeros((shares.nrows(), channels.len()));
        for (origin, shares) in view.encoder.value_origins().iter().zip(shares.columns()) {
            if let Some(at) = channels.iter().position(|name| *name == origin.column) {
                of_channels.column_mut(at).zip_mut_with(&shares, |sum: &mut f32, share| *sum += share);
            }
        }
        Ok(Some(of_channels))
    }

    /// The features of the first view, for drawing.
    pub fn features(&self, table: &Dataset, run: &Run) -> Result<Features> {
        match self.views.first() {
            Some(view) => Ok(view.encoder.encode(table, run)?.features),
            None => Err(Error::model("the model has no members")),
        }
    }

    /// The most items that one score looks at.
    pub fn span(&self) -> usize {
        self.views.iter().map(|view| view.encoder.span()).max().unwrap_or(1)
    }

    /// The recipe it was fitted from.
    pub const fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What looked at the data.
    pub fn summary(&self) -> MethodSummary {
        let member = |(member, recipe): (&FittedMember, &Member)| MemberSummary {
            id: member.model.card().id.into(),
            title: member.model.card().title.into(),
            params: member.model.params(),
            weight: recipe.weight,
        };
        MethodSummary {
            id: self.recipe.name.clone(),
            title: self.recipe.title.clone(),
            why: self.recipe.why.clone(),
            members: self.members.iter().zip(&self.recipe.members).map(member).collect(),
        }
    }

    fn merge(&self, scores: Vec<Vec<f32>>, run: &Run) -> Vec<f32> {
        let scales = self.members.iter().map(|member| &member.scale);
        self.combination.merge(scores.into_iter().zip(scales).collect(), run)
    }

    /// Writes recipe, encoders and models.
    pub fn save(&self, out: &mut ModelWriter) -> Result<()> {
        out.put_json("recipe", &self.recipe)?;
        for (i, view) in self.views.iter().enumerate() {
            out.put_json(&format!("view{i}"), &view.part)?;
            out.scope(&format!("view{i}"), |out| view.encoder.save(out))?;
        }
        for (i, member) in self.members.iter().enumerate() {
            let scale = out.scope(&format!("member{i}"), |out| {
                member.model.save(out)?;
                member.scale.save(out)
            })?;
            out.put_json(&format!("member{i}"), &SavedMember { view: member.view, scale })?;
        }
        out.scope("combine", |out| self.combination.save(out))
    }

    /// Reads them back.
    pub fn load(from: &ModelReader<'_>) -> Result<Self> {
        let recipe: Recipe = from.json("recipe")?;
        recipe.check()?;
        let combination = Combination::load(&recipe.combine, &recipe.members, &from.scope("combine"))?;
        let mut views = Vec::new();
        let mut members = Vec::new();
        for (i, member) in recipe.members.iter().enumerate() {
            let SavedMember { view, scale } = from.json(&format!("member{i}"))?;
            if view > i {
                return Err(Error::model(format!("member {i} is not consistent")));
            }
            let from = from.scope(&format!("member{i}"));
            let scale = ScoreScale::load(&scale, combination.scale(member.scale), &from)?;
            let entry = registry::method(&member.detector.kind)?;
            members.push(FittedMember { view, model: (entry.load)(&from)?, scale });
        }
        let n_views = members.iter().map(|member| member.view + 1).max().unwrap_or(0);
        for i in 0..n_views {
            let part: Part = from.json(&format!("view{i}"))?;
            let encoder = (registry::encoder(&part.kind)?.load)(&from.scope(&format!("view{i}")))?;
            views.push(View { part, encoder });
        }
        for member in &members {
            let view = &views[member.view].encoder;
            let (got, shape) =
                ((view.value_origins().len(), view.code_origins().len()), member.model.shape());
            if got != (shape.n_values, shape.n_codes) {
                return Err(Error::model("a detector and its encoder disagree on the number of features"));
            }
        }
        Ok(Self { recipe, views, members, combination })
    }
}

#[derive(Serialize, Deserialize)]
struct SavedMember {
    view: usize,
    scale: Value,
}

/// Tables of fewer rows have none to spare: passes are left out.
const FEWEST_TO_CLEAN: usize = 32;
/// Of tables of more rows a sample is enough to learn from, once it is clean.
const MOST_TO_CLEAN: usize = 40_000;

/// All rows but the share `drop_frac` of highest score, in order; of equal scores the earlier row stays.
fn least_odd(scores: &[f32], drop_frac: f64) -> Vec<usize> {
    let n_kept = scores.len() - (drop_frac * scores.len() as f64) as usize;
    let mut rows: Vec<usize> = (0..scores.len()).collect();
    rows.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    rows.truncate(n_kept);
    rows.sort_unstable();
    rows
}

/// Bytes of the encoded features.
pub fn features_bytes(shape: Shape) -> u64 {
    4 * shape.n_parts as u64 * shape.n_columns() as u64
}

/// Views repeat each other's notices; each is said once.
fn add_new(notices: &mut Notices, more: Notices) {
    for notice in more.0 {
        if !notices.0.contains(&notice) {
            notices.0.push(notice);
        }
    }
}
