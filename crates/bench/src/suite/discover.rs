//! Finds sets in what the user names, by the same rules on every machine.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anomalyst::core::{Error, Result, Run};

use super::name::{below, stem};
use super::{Kind, Layout, SetRef, image, sniff};

/// Folders deeper than this are not entered.
const MAX_DEPTH: usize = 16;

/// What there is to run on.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// In the order of their names, all different.
    pub sets: Vec<SetRef>,
    /// Files in folders that are no sets, and why.
    pub skipped: Vec<(PathBuf, String)>,
}

/// Finds the sets in files, folders and patterns. Folders are searched through, and files in them that are no
/// labelled sets of this kind are skipped; a file that is named itself must be one.
///
/// ```
/// use anomalyst_bench::suite::{Kind, discover};
/// let error = discover(Kind::Series, &["no/such/folder".to_owned()]).unwrap_err();
/// assert!(error.to_string().starts_with("no/such/folder"));
/// ```
pub fn discover(kind: Kind, data: &[String]) -> Result<Found> {
    let mut search = Search { kind, run: Run::new(0), found: Found::default(), roots: Vec::new() };
    for name in data {
        let path = Path::new(name);
        match std::fs::metadata(path) {
            Ok(_) => search.named(path)?,
            Err(error) if error.kind() == ErrorKind::NotFound && name.contains(['*', '?', '[']) => {
                for path in matching(name)? {
                    search.named(&path)?;
                }
            }
            Err(error) => return Err(Error::io(path, error)),
        }
    }
    if search.found.sets.is_empty() {
        return Err(Error::Data("no data was named; give files, folders or patterns".into()));
    }
    search.finish()
}

fn matching(pattern: &str) -> Result<Vec<PathBuf>> {
    let bad = |kind, reason: String| Error::io(pattern, std::io::Error::new(kind, reason));
    let paths =
        glob::glob(pattern).map_err(|e| bad(ErrorKind::InvalidInput, format!("not a pattern: {e}")))?;
    let mut paths: Vec<PathBuf> = paths.flatten().filter(|path| !is_hidden(path)).collect();
    paths.sort();
    if paths.is_empty() {
        return Err(bad(ErrorKind::NotFound, "no file matches this pattern".into()));
    }
    Ok(paths)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

struct Search {
    kind: Kind,
    run: Run,
    found: Found,
    /// What was named, for each set.
    roots: Vec<PathBuf>,
}

impl Search {
    /// What the user named.
    fn named(&mut self, path: &Path) -> Result<()> {
        if path.is_dir() {
            let before = self.found.sets.len();
            let skipped = self.found.skipped.len();
            self.folder(path, path, 0)?;
            if self.found.sets.len() == before {
                return Err(Error::Data(self.nothing_in(path, skipped)));
            }
            return Ok(());
        }
        let layout = sniff::file(self.kind, path, &self.run).map_err(|e| sniff::with_known(self.kind, e))?;
        self.add(stem(path), path, layout, path);
        Ok(())
    }

    fn nothing_in(&self, path: &Path, first: usize) -> String {
        let kind = self.kind;
        let said = match self.found.skipped.get(first) {
            Some((file, reason)) => {
                format!("; of the files that were skipped, the first: {}: {reason}", file.display())
            }
            None => ": it is empty".into(),
        };
        format!("{}: the folder holds no set of kind {kind}{said}", path.display())
    }

    fn add(&mut self, name: String, path: &Path, layout: Layout, root: &Path) {
        self.found.sets.push(SetRef { name, kind: self.kind, path: path.to_owned(), layout });
        self.roots.push(root.to_owned());
    }

    fn folder(&mut self, path: &Path, root: &Path, depth: usize) -> Result<()> {
        if self.kind == Kind::Image && image::is_folder(path) {
            self.add(below(path, root), path, Layout::ImageFolder, root);
            return Ok(());
        }
        if self.kind == Kind::Series && is_smd_text(path) {
            for file in entries(&path.join("test"))? {
                let base = path.join(file.file_name().unwrap_or_default());
                self.add(below(&base, root), &file, Layout::SmdText, root);
            }
            return Ok(());
        }
        for entry in entries(path)? {
            if !entry.is_dir() {
                self.file(&entry, root)?;
            } else if depth < MAX_DEPTH {
                self.folder(&entry, root, depth + 1)?;
            } else {
                self.found.skipped.push((entry, format!("folders deeper than {MAX_DEPTH} are not entered")));
            }
        }
        Ok(())
    }

    /// A file in a folder.
    fn file(&mut self, path: &Path, root: &Path) -> Result<()> {
        if self.kind == Kind::Image && !has_csv_ending(path) {
            return Ok(());
        }
        if self.kind == Kind::Series && is_train_of_test(path) {
            return Ok(());
        }
        match sniff::file(self.kind, path, &self.run) {
            Ok(layout) => self.add(below(path, root), path, layout, root),
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            // The path stands beside it already.
            Err(Error::Parse { line: None, reason, .. }) => {
                self.found.skipped.push((path.to_owned(), reason));
            }
            Err(error) => self.found.skipped.push((path.to_owned(), error.to_string())),
        }
        Ok(())
    }

    /// Makes names unique and puts them in order; the same file named twice is one set.
    fn finish(mut self) -> Result<Found> {
        let mut counts: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for set in &self.found.sets {
            let paths = counts.entry(set.name.clone()).or_default();
            if !paths.contains(&set.path) {
                paths.push(set.path.clone());
            }
        }
        for (set, root) in self.found.sets.iter_mut().zip(&self.roots) {
            if counts.get(&set.name).is_some_and(|paths| paths.len() > 1) {
                // The folder that was named, or that of the file that was named, tells them apart.
                let folder = if root.is_dir() { Some(root.as_path()) } else { root.parent() };
                let prefix = folder.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
                set.name = format!("{}/{}", prefix.unwrap_or_default(), set.name);
            }
        }
        self.found.sets.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
        self.found.sets.dedup_by(|a, b| a.path == b.path && a.name == b.name);
        let same = self.found.sets.windows(2).find(|pair| pair[0].name == pair[1].name);
        if let Some([a, b]) = same {
            let (name, a, b) = (&a.name, a.path.display(), b.path.display());
            return Err(Error::Data(format!(
                "two sets are called `{name}`: {a} and {b}; rename one, or name a folder above both"
            )));
        }
        self.found.skipped.sort();
        self.found.skipped.dedup();
        Ok(self.found)
    }
}

/// What is in a folder, in the order of the names; hidden files are left out.
pub(super) fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e| Error::io(path, e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        found.push(entry.map_err(failed)?.path());
    }
    found.retain(|entry| !is_hidden(entry));
    found.sort();
    Ok(found)
}

/// Whether a folder is as `OmniAnomaly` publishes SMD.
fn is_smd_text(path: &Path) -> bool {
    let texts = entries(&path.join("test")).unwrap_or_default();
    let has = |folder: &str| {
        let beside = |file: &PathBuf| file.file_name().is_some_and(|n| path.join(folder).join(n).is_file());
        !texts.is_empty() && texts.iter().all(beside)
    };
    has("train") && has("test_label")
}

fn has_csv_ending(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"))
}

/// Whether this is the training part of a test file beside it.
fn is_train_of_test(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let parts = name.and_then(|name| name.split_once(".train."));
    parts.is_some_and(|(stem, ending)| path.with_file_name(format!("{stem}.test.{ending}")).is_file())
}
