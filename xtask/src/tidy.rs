//! House rules that a machine can check. Each finding names file and line and says what to do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anomalyst::registry;
use anyhow::{Context, Result, bail};

/// Files above this are split into a folder with the same face.
const MOST_LINES: usize = 500;

/// Headings of a method's page; a control may lack the middle ones.
const HEADINGS: [&str; 6] = ["# Idea", "# Score", "# Complexity", "# Use when", "# References", "# Example"];

/// Which crates of ours each crate may depend on. `testkit` is for tests and may be used by any.
const ARROWS: [(&str, &[&str]); 17] = [
    ("core", &[]),
    ("kernels", &["core"]),
    ("data", &["core"]),
    ("report", &["core"]),
    ("encode", &["core", "kernels"]),
    ("detect", &["core", "kernels"]),
    ("temporal", &["core", "kernels"]),
    ("decide", &["core", "kernels"]),
    ("explain", &["core", "kernels"]),
    ("drift", &["core", "kernels"]),
    ("measure", &["core", "kernels"]),
    ("synth", &["core", "kernels"]),
    (
        "anomalyst",
        &[
            "core", "kernels", "data", "report", "encode", "detect", "temporal", "decide", "drift",
            "explain", "synth",
        ],
    ),
    ("testkit", &["core"]),
    ("bench", &["anomalyst", "measure"]),
    ("cli", &["anomalyst", "bench", "measure"]),
    ("xtask", &["anomalyst", "cli", "measure"]),
];

/// Runs every check and fails with all findings.
pub(crate) fn run() -> Result<()> {
    let findings = findings()?;
    if !findings.is_empty() {
        bail!("{} untidy places\n{}", findings.len(), findings.join("\n"));
    }
    Ok(())
}

fn findings() -> Result<Vec<String>> {
    let root = crate::root();
    let mut found = Vec::new();
    let words = forbidden_words(&root)?;
    for path in rust_files(&root)? {
        let text = std::fs::read_to_string(&path)?;
        let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        check_file(&name, &text, &words, &mut found);
    }
    check_arrows(&root, &mut found)?;
    check_dependencies(&root, &mut found)?;
    check_methods(&root, &mut found)?;
    Ok(found)
}

fn check_file(name: &str, text: &str, words: &[(String, String)], found: &mut Vec<String>) {
    let is_test_or_main =
        name.contains("/tests/") || name.contains("/benches/") || name.contains("/examples/");
    if !text.starts_with("//!") {
        found.push(format!("{name}: a module begins with `//!` and what it is for"));
    }
    let n_lines = text.lines().count();
    if n_lines > MOST_LINES && !is_test_or_main {
        found.push(format!(
            "{name}: {n_lines} lines; above {MOST_LINES} it becomes a folder with the same face"
        ));
    }
    if name == "xtask/src/tidy.rs" {
        return;
    }
    for (i, line) in text.lines().enumerate() {
        let at = || format!("{name}:{}", i + 1);
        if ["TODO", "FIXME", "XXX"].iter().any(|mark| line.contains(mark)) {
            found.push(format!("{}: finish it, or say it in an issue", at()));
        }
        if line.contains("#[ignore") {
            found.push(format!("{}: a test runs or is deleted", at()));
        }
        if line.contains("allow(clippy::")
            && !line.contains("reason")
            && !text.lines().skip(i).take(8).any(|l| l.contains("reason ="))
        {
            found.push(format!("{}: an allowance gives its reason", at()));
        }
        // Comments may speak of other tools in those tools' words.
        let is_comment = line.trim_start().starts_with("//");
        for (word, instead) in words {
            if !is_comment && contains_word(line, word) {
                found.push(format!("{}: `{word}` is called `{instead}` here (docs/vocabulary.md)", at()));
            }
        }
    }
}

fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        // A method of somebody else's type keeps its name.
        let is_foreign = before.ends_with('.') && after.starts_with('(');
        edge(before.chars().next_back()) && edge(after.chars().next()) && !is_foreign
    })
}

/// The `instead of` column of the table in docs/vocabulary.md.
fn forbidden_words(root: &Path) -> Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(root.join("docs/vocabulary.md")).context("docs/vocabulary.md")?;
    let mut words = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, instead_of] = cells.as_slice() else { continue };
        let name = name.trim_matches('`');
        words.extend(
            instead_of
                .split(',')
                .map(|w| w.trim().trim_matches('`'))
                .filter(|w| !w.is_empty())
                .map(|w| (w.to_owned(), name.to_owned())),
        );
    }
    Ok(words)
}

fn check_arrows(root: &Path, found: &mut Vec<String>) -> Result<()> {
    for (name, allowed) in ARROWS {
        let folder = if name == "xtask" { "xtask".to_owned() } else { format!("crates/{name}") };
        let path = root.join(&folder).join("Cargo.toml");
        let manifest: toml::Table =
            std::fs::read_to_string(&path).with_context(|| path.display().to_string())?.parse()?;
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
        for dependency in dependencies.into_iter().flatten().map(|(name, _)| name) {
            let own = match dependency.strip_prefix("anomalyst-") {
                Some(own) => own,
                None if dependency == "anomalyst" => "anomalyst",
                None => continue,
            };
            if !allowed.contains(&own) {
                found.push(format!("{folder}/Cargo.toml: {name} may not depend on {own}; arrows point one way (ARCHITECTURE.md)"));
            }
        }
    }
    Ok(())
}

/// One line of reason for every dependency, and no line for what is gone.
fn check_dependencies(root: &Path, found: &mut Vec<String>) -> Result<()> {
    let manifest: toml::Table = std::fs::read_to_string(root.join("Cargo.toml"))?.parse()?;
    let declared: BTreeSet<String> = manifest
        .get("workspace")
        .and_then(|w| w.get("dependencies"))
        .and_then(toml::Value::as_table)
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .filter(|name| !name.starts_with("anomalyst"))
        .collect();
    let mut used = BTreeSet::new();
    for (name, _) in ARROWS {
        let folder = if name == "xtask" { root.join("xtask") } else { root.join("crates").join(name) };
        let manifest: toml::Table = std::fs::read_to_string(folder.join("Cargo.toml"))?.parse()?;
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            used.extend(
                manifest
                    .get(table)
                    .and_then(toml::Value::as_table)
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.clone()),
            );
        }
    }
    let page = std::fs::read_to_string(root.join("docs/dependencies.md")).context("docs/dependencies.md")?;
    let reasons: BTreeSet<String> = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned()))
        .collect();
    found.extend(declared.difference(&reasons).map(|d| format!("docs/dependencies.md: no reason for `{d}`")));
    found.extend(
        reasons
            .difference(&declared)
            .map(|d| format!("docs/dependencies.md: `{d}` is not a dependency any more")),
    );
    found.extend(declared.difference(&used).map(|d| format!("Cargo.toml: no crate uses `{d}`")));
    Ok(())
}

fn check_methods(root: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in registry::methods() {
        let file = crate::docs::source_file(entry.card.id);
        let text = std::fs::read_to_string(root.join(&file)).with_context(|| file.clone())?;
        let page: String =
            text.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n");
        let needed = HEADINGS.iter().filter(|heading| !(entry.card.control && **heading == "# References"));
        found
            .extend(needed.filter(|h| !page.contains(**h)).map(|h| format!("{file}: its page has no `{h}`")));
    }
    for entry in std::fs::read_dir(root.join("recipes"))? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        let recipe =
            anomalyst::recipe::Recipe::from_toml(&text).with_context(|| path.display().to_string())?;
        if path.file_stem().and_then(|stem| stem.to_str()) != Some(recipe.name.as_str()) {
            found.push(format!("recipes/{}: its name is `{}`", path.display(), recipe.name));
        }
    }
    Ok(())
}

fn rust_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.join("crates"), root.join("xtask"), root.join("fuzz")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        if let Err(error) = run() {
            panic!("{error}");
        }
    }

    #[test]
    fn untidy_places_are_found() {
        let mut found = Vec::new();
        let words = [("n_estimators".to_owned(), "n_trees".to_owned())];
        check_file(
            "crates/x/src/a.rs",
            "fn f(n_estimators: usize) {} // TODO later\nlet n_estimators_2 = 1;\n",
            &words,
            &mut found,
        );
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
