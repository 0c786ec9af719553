//! Suites: lists of sets in a TOML file, with defaults for how to run them.

use std::path::Path;

use anomalyst::core::{Error, Result};
use serde::Deserialize;

use super::{Kind, SetRef, bad, discover};

/// What is to be run together.
#[derive(Clone, Debug)]
pub struct Suite {
    /// What it is called.
    pub name: String,
    /// What its sets are made of.
    pub kind: Kind,
    /// In the order of the file.
    pub sets: Vec<SuiteSet>,
    /// How sets are split.
    pub protocol: Option<String>,
    /// What is run on them.
    pub methods: Vec<String>,
    /// How many rows of a set at most.
    pub cap: Option<usize>,
    /// Where random numbers begin.
    pub seed: Option<u64>,
}

/// One set of a suite, or why there is none.
#[derive(Clone, Debug)]
pub struct SuiteSet {
    /// What it is called in results.
    pub name: String,
    /// The set. A missing file spoils only its own set, and its error stands in the results.
    pub set: std::result::Result<SetRef, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    kind: Kind,
    #[serde(default, rename = "set")]
    sets: Vec<WrittenSet>,
    protocol: Option<String>,
    #[serde(default)]
    methods: Vec<String>,
    cap: Option<usize>,
    seed: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSet {
    path: String,
    name: Option<String>,
}

/// Reads a suite; paths in it are relative to its file, and a path may stand for a folder or a pattern.
///
/// ```toml
/// name = "small"
/// kind = "table"
/// methods = ["auto", "random"]
///
/// [[set]]
/// path = "data/wine.npz"
/// name = "wine"
/// ```
pub fn load_suite(path: &Path) -> Result<Suite> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
    let written: Written = toml::from_str(&text).map_err(|e| bad(path, e.to_string()))?;
    if written.sets.is_empty() {
        return Err(bad(path, "the suite names no set; add [[set]] with a path"));
    }
    let base = path.parent().unwrap_or(Path::new(""));
    let sets: Vec<SuiteSet> =
        written.sets.into_iter().flat_map(|set| resolve(written.kind, base, set)).collect();
    let mut names: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(bad(path, format!("two sets are called `{}`; give one another name", pair[0])));
    }
    Ok(Suite {
        name: written.name,
        kind: written.kind,
        sets,
        protocol: written.protocol,
        methods: written.methods,
        cap: written.cap,
        seed: written.seed,
    })
}

/// A file is called as the suite says; sets of a folder have that as their beginning.
fn resolve(kind: Kind, base: &Path, written: WrittenSet) -> Vec<SuiteSet> {
    let path = base.join(&written.path);
    let found = match discover(kind, &[path.to_string_lossy().into_owned()]) {
        Ok(found) => found.sets,
        Err(error) => {
            let name = written.name.unwrap_or_else(|| super::name::stem(&path));
            return vec![SuiteSet { name, set: Err(error.to_string()) }];
        }
    };
    let is_one = found.len() == 1;
    let named = |set: SetRef| {
        let name = match &written.name {
            Some(name) if is_one => name.clone(),
            Some(name) => format!("{name}/{}", set.name),
            None => set.name.clone(),
        };
        SuiteSet { name: name.clone(), set: Ok(SetRef { name, ..set }) }
    };
    found.into_iter().map(named).collect()
}
