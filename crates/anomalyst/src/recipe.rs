//! Named compositions of encoder, detectors and their combination.

use anomalyst_core::{Card, Dataset, Error, LayoutKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::combine::MemberScale;
use crate::{columns, registry};

/// A published system or a preset: what to encode with, what to detect with, how to combine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Its name: the file name without `.toml`.
    pub name: String,
    /// A few words.
    pub title: String,
    /// One sentence: what it finds.
    pub summary: String,
    /// Where it comes from.
    pub paper: String,
    /// The kind of data.
    pub modality: Modality,
    /// Why it is a good choice, in half a sentence; shown to the user.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Whether a single measured channel of a series is judged without the others, where these hold commands: at most
    /// two different values each.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub measured_alone: bool,
    /// The encoder of every member that names none of its own.
    pub encoder: Part,
    /// Passes before the fit: each ranks all rows and sets the oddest aside, so that what follows learns from rows
    /// that are mostly normal. All rows are scored in the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clean: Vec<CleaningPass>,
    /// The detectors.
    pub members: Vec<Member>,
    /// How their scores become one (see [`crate::combine`]).
    #[serde(default = "mean")]
    pub combine: Part,
}

/// The kinds of data that recipes are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Rows and typed columns.
    #[default]
    Table,
    /// Points in order.
    Series,
}

impl Modality {
    /// How it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Series => "series",
        }
    }
}

/// A registered part by name, with those parameters that differ from its defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its registered name.
    pub kind: String,
    /// Its parameters.
    #[serde(flatten)]
    pub params: Map<String, Value>,
}

/// One detector of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The detector.
    pub detector: Part,
    /// Its own encoder, if it needs another than the recipe's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<Part>,
    /// Of which series it is a member; of all where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Channels>,
    /// Its weight in the combination.
    #[serde(default = "one")]
    pub weight: f64,
    /// The scale that its scores are put on before they are combined.
    #[serde(default, skip_serializing_if = "MemberScale::is_default")]
    pub scale: MemberScale,
    /// Whether they are compressed to logarithms of their excess then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compress: bool,
    /// Single-core seconds it may take by its own estimate; above that it is fitted on a sample of the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_secs: Option<f64>,
}

/// How many channels a series has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channels {
    /// One.
    One,
    /// Several.
    Many,
}

/// A pass that ranks all rows by detectors of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CleaningPass {
    /// The share of the rows that is set aside.
    pub drop_frac: f64,
    /// The detectors that rank.
    pub members: Vec<Member>,
}

/// What a recipe that says nothing combines by.
fn mean() -> Part {
    Part::of("mean")
}

fn one() -> f64 {
    1.0
}

impl Part {
    /// A part with default parameters.
    pub fn of(kind: &str) -> Self {
        Self { kind: kind.into(), params: Map::new() }
    }

    /// The parameters as one JSON value.
    pub fn params(&self) -> Value {
        Value::Object(self.params.clone())
    }
}

impl Recipe {
    /// Reads the TOML form and checks every name and parameter in it.
    pub fn from_toml(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|e| Error::Data(format!("not a recipe: {e}")))
    }

    /// The TOML form.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).map_err(|e| Error::Data(format!("recipe `{}`: {e}", self.name)))
    }

    /// A single method with the encoder that suits it: of tables the table encoder; of series the points in order where
    /// the method takes them, else windows.
    pub fn of_method(card: &Card, modality: Modality) -> Self {
        let encoder = match modality {
            Modality::Table => "table",
            Modality::Series if card.accepts.contains(&LayoutKind::Sequences) => "points",
            Modality::Series => "windows",
        };
        let member = Member {
            detector: Part::of(card.id),
            encoder: None,
            when: None,
            weight: 1.0,
            scale: MemberScale::Robust,
            compress: false,
            budget_secs: None,
        };
        Self {
            name: card.id.into(),
            title: card.title.into(),
            summary: card.summary.into(),
            paper: card.paper.into(),
            modality,
            why: String::new(),
            measured_alone: false,
            encoder: Part::of(encoder),
            clean: Vec::new(),
            members: vec![member],
            combine: mean(),
        }
    }

    /// The recipe of those members that are for `data`.
    pub fn suited_to(&self, data: &Dataset) -> Self {
        let Dataset::Series(series) = data else { return self.clone() };
        let channels = if series.channels.len() == 1 { Channels::One } else { Channels::Many };
        let mut recipe = self.clone();
        recipe.members.retain(|member| member.when.is_none_or(|when| when == channels));
        recipe
    }

    /// That every part exists and every parameter is allowed.
    pub fn check(&self) -> Result<()> {
        (registry::encoder(&self.encoder.kind)?.from_json)(&self.encoder.params())?;
        (registry::combinator(&self.combine.kind)?.from_json)(&self.combine.params())?;
        for pass in &self.clean {
            within("drop_frac", pass.drop_frac, 0.0..1.0)?;
            self.check_members(&pass.members)?;
        }
        self.check_members(&self.members)
    }

    /// Whether a fit needs labels, because a member learns from them.
    pub fn learns_from_labels(&self) -> bool {
        let passes = self.clean.iter().flat_map(|pass| &pass.members);
        let learns =
            |member: &Member| registry::method(&member.detector.kind).is_ok_and(|m| m.learns_from_labels);
        passes.chain(&self.members).any(learns)
    }

    fn check_members(&self, members: &[Member]) -> Result<()> {
        if members.is_empty() {
            return Err(Error::Data(format!("recipe `{}` has no members", self.name)));
        }
        for member in members {
            let entry = registry::method(&member.detector.kind)?;
            // Which columns there are is known when data is; any name will do until then.
            (entry.from_json)(&columns::resolve(entry, &member.detector, |_, _| Ok(0))?)?;
            if let Some(encoder) = &member.encoder {
                (registry::encoder(&encoder.kind)?.from_json)(&encoder.params())?;
            }
            within("weight", member.weight, f64::MIN_POSITIVE..f64::INFINITY)?;
        }
        Ok(())
    }

    /// Every member, of passes and of the fit.
    fn all_members(&mut self) -> impl Iterator<Item = &mut Member> {
        self.clean.iter_mut().flat_map(|pass| &mut pass.members).chain(&mut self.members)
    }

    /// Sets one parameter from text: `n_trees=200` of the member that has it, `pca.use=minor` of that member,
    /// `encoder.scale=standard` of the encoder, `combine.kind=median` or `combine.n_buckets=3` of the combination.
    pub fn set(&mut self, key: &str, text: &str) -> Result<()> {
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.into()));
        let (owner, name) = key.split_once('.').map_or((None, key), |(owner, name)| (Some(owner), name));
        if owner == Some("encoder") {
            let default = self.encoder.clone();
            let set = |part: &mut Part| drop(part.params.insert(name.into(), value.clone()));
            set(&mut self.encoder);
            let own = self.all_members().filter_map(|member| member.encoder.as_mut());
            own.filter(|part| part.kind == default.kind).for_each(set);
            return self.check();
        }
        if owner == Some("combine") {
            match (name, value) {
                ("kind", Value::String(kind)) => self.combine = Part::of(&kind),
                (name, value) => drop(self.combine.params.insert(name.into(), value)),
            }
            return self.check();
        }
        let mut valid = Vec::new();
        let mut found = false;
        for member in self.all_members() {
            let kind = &member.detector.kind;
            if owner.is_some_and(|owner| owner != kind) {
                continue;
            }
            let schema = (registry::method(kind)?.schema)();
            let known = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
            if known.contains_key(name) {
                member.detector.params.insert(name.into(), value.clone());
                found = true;
            }
            valid.extend(known.keys().map(|known| format!("{kind}.{known}")));
        }
        if !found {
            valid.sort();
            valid.dedup();
            valid.extend(["encoder.*", "combine.*"].map(str::to_owned));
            return Err(Error::UnknownParameter { owner: self.name.clone(), name: key.into(), valid });
        }
        self.check()
    }
}

fn within(name: &str, value: f64, range: std::ops::Range<f64>) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let want = if range.end.is_finite() {
        format!("at least {} and below {}", range.start, range.end)
    } else {
        "a number above 0".into()
    };
    Err(Error::BadParameter { name: name.into(), got: value.to_string(), want })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_toml() {
        for recipe in registry::recipes() {
            assert_eq!(&Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
        }
    }

    #[test]
    fn set_reaches_members_and_encoder() {
        let card = registry::method("isolation_forest").unwrap().card;
        let mut recipe = Recipe::of_method(card, Modality::Table);
        recipe.set("n_trees", "7").unwrap();
        recipe.set("encoder.scale", "standard").unwrap();
        assert_eq!(recipe.members[0].detector.params["n_trees"], 7);
        let error = recipe.set("n_tree", "7").unwrap_err().to_string();
        assert!(error.contains("isolation_forest.n_trees"), "{error}");
        assert!(recipe.set("n_trees", "0").is_err());
        assert!(recipe.set("encoder.scale", "nonsense").is_err());
        let mut recipe = registry::recipes()[0].clone();
        recipe.set("combine.kind", "average_of_maximum").unwrap();
        recipe.set("combine.n_buckets", "3").unwrap();
        assert_eq!(recipe.combine.params["n_buckets"], 3);
        let error = recipe.set("combine.n_bucket", "3").unwrap_err().to_string();
        assert!(error.contains("n_buckets"), "{error}");
        let error = recipe.set("combine.kind", "medain").unwrap_err().to_string();
        assert!(error.contains("did you mean `median`?"), "{error}");
    }
}
