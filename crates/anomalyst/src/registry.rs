//! Everything that can be chosen by name: methods, encoders, recipes.

use std::sync::OnceLock;

use anomalyst_core::{EncoderEntry, Entry, Error, LayoutKind, Result, find_entry, nearest_name};
use include_dir::{Dir, include_dir};
use serde_json::{Map, Value};

use crate::combine::{COMBINATORS, CombinatorEntry};
use crate::recipe::{Modality, Recipe};

static RECIPES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../recipes");

/// The methods of every crate, sorted by id.
pub fn methods() -> &'static [Entry] {
    static ALL: OnceLock<Vec<Entry>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = [anomalyst_detect::METHODS, anomalyst_temporal::METHODS].concat();
        all.sort_by_key(|entry| entry.card.id);
        all
    })
}

/// Names of the methods and built-in recipes for data of `modality`, methods first.
pub fn names(modality: Modality) -> impl Iterator<Item = &'static str> {
    let layout = match modality {
        Modality::Table => LayoutKind::Rows,
        Modality::Series => LayoutKind::Sequences,
    };
    let methods = methods().iter().filter(move |entry| entry.card.accepts.contains(&layout));
    let recipes = recipes().iter().filter(move |recipe| recipe.modality == modality);
    methods.map(|entry| entry.card.id).chain(recipes.map(|recipe| recipe.name.as_str()))
}

/// The encoders of every crate.
pub fn encoders() -> &'static [EncoderEntry] {
    anomalyst_encode::ENCODERS
}

/// The built-in recipes, sorted by name.
pub fn recipes() -> &'static [Recipe] {
    static PARSED: OnceLock<Vec<Recipe>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let mut recipes: Vec<Recipe> = RECIPES
            .files()
            .filter_map(|file| file.contents_utf8())
            // A test holds that every file parses, so nothing is lost here.
            .filter_map(|text| Recipe::from_toml(text).ok())
            .collect();
        recipes.sort_by(|a, b| a.name.cmp(&b.name));
        recipes
    })
}

/// The encoder called `id`.
pub fn encoder(id: &str) -> Result<&'static EncoderEntry> {
    encoders().iter().find(|entry| entry.id == id).ok_or_else(|| Error::Unknown {
        what: "encoder",
        id: id.into(),
        nearest: nearest_name(id, encoders().iter().map(|entry| entry.id)).map(str::to_owned),
    })
}

/// The rules that make one score of several.
pub fn combinators() -> &'static [CombinatorEntry] {
    COMBINATORS
}

/// The rule called `id`.
pub fn combinator(id: &str) -> Result<&'static CombinatorEntry> {
    combinators().iter().find(|entry| entry.card.id == id).ok_or_else(|| Error::Unknown {
        what: "combination",
        id: id.into(),
        nearest: nearest_name(id, combinators().iter().map(|entry| entry.card.id)).map(str::to_owned),
    })
}

/// The method called `id`.
pub fn method(id: &str) -> Result<&'static Entry> {
    find_entry(methods(), id)
}

/// The parameters that a method takes where rows are known to be clean and nothing else is said.
pub fn on_clean(entry: &Entry) -> Map<String, Value> {
    of_json(entry.on_clean)
}

fn of_json(text: &str) -> Map<String, Value> {
    // A test holds that every entry's are an object of known parameters, so nothing is lost here.
    serde_json::from_str(text).unwrap_or_default()
}

/// What `auto` stands for, a recipe, or a single method as a recipe; also the path of a recipe file.
pub fn resolve(name: &str, task: Task, modality: Modality) -> Result<Recipe> {
    let name = match (name, task, modality) {
        ("auto", Task::Scan, Modality::Table) => "auto_scan",
        ("auto", Task::Fit, Modality::Table) => "auto_fit",
        ("auto", _, Modality::Series) => "auto_series",
        _ => name,
    };
    if let Some(recipe) = recipes().iter().find(|recipe| recipe.name == name) {
        return Ok(recipe.clone());
    }
    if let Ok(entry) = method(name) {
        let mut recipe = Recipe::of_method(entry.card, modality);
        if recipe.encoder.kind == "windows" {
            recipe.encoder.params = of_json(entry.on_series);
        }
        if task == Task::Fit {
            recipe.members.iter_mut().for_each(|member| member.detector.params = on_clean(entry));
        }
        return Ok(recipe);
    }
    if name.ends_with(".toml") {
        let text = std::fs::read_to_string(name).map_err(|e| Error::io(name, e))?;
        return Recipe::from_toml(&text).map_err(|e| Error::Parse {
            path: name.into(),
            line: None,
            column: None,
            reason: e.to_string(),
        });
    }
    let names = methods().iter().map(|entry| entry.card.id).chain(recipes().iter().map(|r| r.name.as_str()));
    Err(Error::Unknown {
        what: "method",
        id: name.into(),
        nearest: nearest_name(name, names.chain(["auto"])).map(str::to_owned),
    })
}

/// What a recipe is wanted for; `auto` differs between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Rank rows that may hold anomalies themselves.
    Scan,
    /// Learn from clean or mostly clean rows, to score others.
    Fit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_methods_want_of_clean_rows_is_allowed() {
        for entry in methods() {
            let parsed: Map<String, Value> = serde_json::from_str(entry.on_clean).unwrap();
            assert_eq!(parsed, on_clean(entry));
            for modality in [Modality::Table, Modality::Series] {
                resolve(entry.card.id, Task::Fit, modality).unwrap().check().unwrap();
            }
        }
        let [scan, fit] = [Task::Scan, Task::Fit].map(|task| resolve("mcd", task, Modality::Table).unwrap());
        assert!(scan.members[0].detector.params.is_empty());
        assert_eq!(fit.members[0].detector.params["support_share"], 0.75);
    }

    #[test]
    fn every_recipe_parses_and_names_what_exists() {
        assert_eq!(recipes().len(), RECIPES.files().count());
        for recipe in recipes() {
            recipe.check().unwrap_or_else(|e| panic!("{}: {e}", recipe.name));
        }
    }

    #[test]
    fn names_are_resolved_or_the_nearest_is_said() {
        assert_eq!(resolve("auto", Task::Scan, Modality::Table).unwrap().name, "auto_scan");
        assert_eq!(resolve("random", Task::Scan, Modality::Table).unwrap().members.len(), 1);
        let error = resolve("randon", Task::Scan, Modality::Table).unwrap_err().to_string();
        assert!(error.contains("did you mean `random`?"), "{error}");
    }
}
