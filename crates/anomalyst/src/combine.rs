//! Scores of several members made one.
//!
//! Members score in units of their own, so each is first put on a scale that its training scores define
//! ([`ScoreScale`]); then a rule makes one score of them. Scale and rule are fixed by the fit, so a row's score never
//! depends on its batch. A rule is its file, its `mod` line and its line in [`COMBINATORS`].
//!
//! Writing `z_j(x)` for the score of member `j` of `m` on its scale and `w_j` for its weight, the rules are equations in
//! these; the page of each stands at the head of its file.

mod average_of_maximum;
mod buckets;
mod maximum;
mod maximum_of_average;
mod mean;
mod median;
mod rank;
mod scale;

use anomalyst_core::{
    Error, ModelReader, ModelWriter, Params, Random, Result, Run, params_from_json, params_schema,
};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;

use crate::recipe::{Member, Part};
use crate::registry;

pub use scale::{MemberScale, ScoreScale};

/// The rules of every recipe, sorted by name.
pub const COMBINATORS: &[CombinatorEntry] = &[
    CombinatorEntry::of::<average_of_maximum::AverageOfMaximum>(),
    CombinatorEntry::of::<maximum::Maximum>(),
    CombinatorEntry::of::<maximum_of_average::MaximumOfAverage>(),
    CombinatorEntry::of::<mean::Mean>(),
    CombinatorEntry::of::<median::Median>(),
    CombinatorEntry::of::<rank::Rank>(),
];

/// A rule that makes one score of those of all members.
pub trait Combinator: Send + Sync {
    /// The scale it puts a member on that asks for `wanted`.
    fn scale(&self, wanted: MemberScale) -> MemberScale {
        wanted
    }

    /// The groups of members that it works with, each a list of their numbers; drawn once, at the fit. Rules that
    /// look at all members alike draw none.
    fn draw(&self, n_members: usize, random: &mut Random) -> Vec<Vec<usize>> {
        let _ = (n_members, random);
        Vec::new()
    }

    /// One score from those of a row's members.
    fn combine(&self, row: &mut MemberScores<'_>) -> f64;
}

/// What the members say of one row. There is at least one member, and no group is empty.
pub struct MemberScores<'a> {
    /// On their scales; may be put in any order.
    pub scores: &'a mut [f64],
    /// One weight above 0 per member.
    pub weights: &'a [f64],
    /// What [`Combinator::draw`] drew.
    pub groups: &'a [Vec<usize>],
}

/// What a rule says about itself.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CombinatorCard {
    /// Its name in recipes, and of its file.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// One sentence: what it does.
    pub summary: &'static str,
    /// Where it comes from.
    pub paper: &'static str,
}

/// A rule with parameters and a card: what the registry takes.
pub trait Registered: Combinator + Params {
    /// Name, title, source.
    const CARD: CombinatorCard;
}

/// One line of the registry of rules.
pub struct CombinatorEntry {
    /// What the rule says about itself.
    pub card: &'static CombinatorCard,
    /// A rule from JSON parameters.
    pub from_json: fn(&Value) -> Result<Box<dyn Combinator>>,
    /// The JSON schema of its parameters.
    pub schema: fn() -> Value,
}

impl CombinatorEntry {
    const fn of<C: Registered + 'static>() -> Self {
        Self {
            card: &C::CARD,
            from_json: |value| Ok(Box::new(params_from_json::<C>(C::CARD.id, value)?)),
            schema: params_schema::<C>,
        }
    }
}

/// A rule ready to combine: with the weights of its members and the groups that it drew.
pub struct Combination {
    rule: Box<dyn Combinator>,
    weights: Vec<f64>,
    groups: Vec<Vec<usize>>,
}

impl Combination {
    /// The rule of `part` for `members`.
    pub fn fit(part: &Part, members: &[Member], run: &Run) -> Result<Self> {
        let mut combination = Self::without_groups(part, members)?;
        // The streams from 0 on are the members'.
        combination.groups = combination.rule.draw(members.len(), &mut run.random(u64::MAX - 2));
        Ok(combination)
    }

    fn without_groups(part: &Part, members: &[Member]) -> Result<Self> {
        let rule = (registry::combinator(&part.kind)?.from_json)(&part.params())?;
        let weights = members.iter().map(|member| member.weight).collect();
        Ok(Self { rule, weights, groups: Vec::new() })
    }

    /// The scale of a member that asks for `wanted`.
    pub fn scale(&self, wanted: MemberScale) -> MemberScale {
        self.rule.scale(wanted)
    }

    /// One score per row from the members' scores; those of a single member stay as they are.
    pub fn merge(&self, mut members: Vec<(Vec<f32>, &ScoreScale)>, run: &Run) -> Vec<f32> {
        if members.len() == 1 {
            return members.swap_remove(0).0;
        }
        let n = members.first().map_or(0, |(scores, _)| scores.len());
        let row = |scores: &mut Vec<f64>, i: usize| {
            scores.clear();
            scores.extend(members.iter().map(|(own, scale)| scale.apply(own[i])));
            let mut row = MemberScores { scores, weights: &self.weights, groups: &self.groups };
            // Far beyond anything that ranks, but finite in f32.
            self.rule.combine(&mut row).clamp(-1e30, 1e30) as f32
        };
        run.install(|| (0..n).into_par_iter().with_min_len(1024).map_init(Vec::new, row).collect())
    }

    /// Writes what was drawn, where anything was.
    pub fn save(&self, out: &mut ModelWriter) -> Result<()> {
        if self.groups.is_empty() { Ok(()) } else { out.put_json("groups", &self.groups) }
    }

    /// Reads it back; a rule that draws must find groups of members that exist.
    pub fn load(part: &Part, members: &[Member], from: &ModelReader<'_>) -> Result<Self> {
        let mut combination = Self::without_groups(part, members)?;
        let n_members = members.len();
        if !combination.rule.draw(n_members, &mut Run::new(0).random(0)).is_empty() {
            let groups: Vec<Vec<usize>> = from.json("groups")?;
            let is_whole = |group: &Vec<usize>| !group.is_empty() && group.iter().all(|&j| j < n_members);
            if groups.is_empty() || !groups.iter().all(is_whole) {
                return Err(Error::model(format!(
                    "the groups of `{}` do not fit its {n_members} members; fit the model again",
                    part.kind
                )));
            }
            combination.groups = groups;
        }
        Ok(combination)
    }
}

#[cfg(test)]
mod tests;
