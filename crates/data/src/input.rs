//! What the user named, as streams that can be read from the start more than once.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anomalyst_core::{Error, Result, Run, nearest_name};
use rustc_hash::FxHashMap;

use crate::options::Format;
use crate::source::Fault;

/// Tables with more columns are refused; the widest that are made, of genomes, have about as many.
pub(crate) const MAX_COLUMNS: usize = 1 << 20;

/// One input that can be read from the start as often as needed.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// What the user calls it.
    pub(crate) name: String,
    /// How many bytes it has.
    pub(crate) n_bytes: u64,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Path(PathBuf),
    Memory(Arc<[u8]>),
    /// What came through a pipe; the file is removed with the last owner.
    Spool(Arc<tempfile::NamedTempFile>),
}

/// A stream that can go back.
pub(crate) trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

impl Input {
    /// Bytes in memory.
    pub(crate) fn memory(name: &str, bytes: Arc<[u8]>) -> Self {
        Self { name: name.to_owned(), n_bytes: bytes.len() as u64, place: Place::Memory(bytes) }
    }

    /// All that comes out of a stream, kept in a temporary file.
    pub(crate) fn spooled(name: &str, mut stream: impl Read, run: &Run) -> Result<Self> {
        let failed = |e| Error::io(name, e);
        let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
        let mut block = vec![0; 1 << 20];
        let mut n_bytes = 0;
        let stage = run.stage("receiving", 0);
        loop {
            run.check()?;
            match stream.read(&mut block) {
                Ok(0) => break,
                Ok(n) => {
                    io::Write::write_all(&mut file, &block[..n]).map_err(failed)?;
                    n_bytes += n as u64;
                    stage.advance(n as u64);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Ok(Self { name: name.to_owned(), n_bytes, place: Place::Spool(Arc::new(file)) })
    }

    /// From the start.
    pub(crate) fn stream(&self) -> Result<Box<dyn Read + Send>> {
        Ok(match &self.place {
            Place::Memory(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
            _ => Box::new(self.file()?),
        })
    }

    /// From the start, able to go back.
    pub(crate) fn seekable(&self) -> Result<Box<dyn ReadSeek>> {
        Ok(match &self.place {
            Place::Memory(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
            _ => Box::new(self.file()?),
        })
    }

    /// As a file of the system; bytes in memory are written to one.
    pub(crate) fn file(&self) -> Result<File> {
        let failed = |e| Error::io(&self.name, e);
        match &self.place {
            Place::Path(path) => File::open(path).map_err(failed),
            Place::Spool(file) => file.reopen().map_err(failed),
            Place::Memory(bytes) => {
                let mut file = tempfile::tempfile().map_err(failed)?;
                io::Write::write_all(&mut file, bytes).map_err(failed)?;
                file.rewind().map_err(failed)?;
                Ok(file)
            }
        }
    }

    /// A failure to read this input.
    pub(crate) fn failed(&self, error: io::Error) -> Error {
        use io::ErrorKind as K;
        match error.kind() {
            K::InvalidData | K::UnexpectedEof | K::InvalidInput | K::Other => {
                self.bad(format!("the compressed data is damaged or cut short ({error}); get the file again"))
            }
            _ => Error::io(&self.name, error),
        }
    }

    /// An error about the content as a whole.
    pub(crate) fn bad(&self, reason: impl Into<String>) -> Error {
        Error::Parse { path: (&self.name).into(), line: None, column: None, reason: reason.into() }
    }

    /// There are no rows in what is otherwise sound.
    pub(crate) fn no_rows(&self, reason: impl Into<String>) -> Fault {
        Fault::NoRows(self.bad(reason))
    }

    /// Refuses a table with so many columns that only what is kept about each would fill the memory.
    pub(crate) fn refuse_too_wide(&self, n_columns: usize) -> Result<()> {
        if n_columns <= MAX_COLUMNS {
            return Ok(());
        }
        Err(self.bad(format!(
            "there are more than {MAX_COLUMNS} columns, the limit; is this a table, and is its delimiter right?"
        )))
    }

    /// An error about a line, counted from 1.
    pub(crate) fn bad_line(&self, line: u64, reason: impl Into<String>) -> Error {
        Error::Parse { path: (&self.name).into(), line: Some(line), column: None, reason: reason.into() }
    }
}

/// Everything that `names` stand for: files, patterns, folders of files of one kind, `-` for the standard input.
pub(crate) fn resolve(names: &[String], run: &Run) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for name in names {
        if name == "-" {
            inputs.push(Input::spooled("standard input", io::stdin().lock(), run)?);
            continue;
        }
        let path = Path::new(name);
        match std::fs::metadata(path) {
            Ok(about) if about.is_dir() => {
                for path in folder(path)? {
                    inputs.push(at_path(&path, run)?);
                }
            }
            Ok(_) => inputs.push(at_path(path, run)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound && name.contains(['*', '?', '[']) => {
                for path in matching(name)? {
                    inputs.push(at_path(&path, run)?);
                }
            }
            Err(error) => return Err(missing(path, error)),
        }
    }
    if inputs.is_empty() {
        return Err(Error::Data(
            "no file was named; give a file, a folder, a pattern, or `-` for the standard input".into(),
        ));
    }
    Ok(inputs)
}

fn at_path(path: &Path, run: &Run) -> Result<Input> {
    let name = path.to_string_lossy().into_owned();
    let about = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
    if about.is_dir() {
        return Err(Error::io(path, io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    if !about.is_file() {
        return Input::spooled(&name, file, run);
    }
    Ok(Input { name, n_bytes: about.len(), place: Place::Path(path.to_owned()) })
}

/// The files of a folder, which must be of one kind.
fn folder(path: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e| Error::io(path, e);
    let mut kinds: FxHashMap<Format, Vec<PathBuf>> = FxHashMap::default();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?.path();
        let name = entry.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(format) = Format::from_file_name(&name)
            && entry.is_file()
            && !name.starts_with('.')
        {
            kinds.entry(format).or_default().push(entry);
        }
    }
    let mut kinds: Vec<(Format, Vec<PathBuf>)> = kinds.into_iter().collect();
    kinds.sort_by_key(|(format, _)| format.as_str());
    match &mut kinds[..] {
        [] => Err(failed(io::Error::other("the folder holds no file of a known kind; name a file"))),
        [(_, files)] => {
            files.sort();
            Ok(std::mem::take(files))
        }
        _ => {
            let found: Vec<String> =
                kinds.iter().map(|(kind, files)| format!("{} {kind}", files.len())).collect();
            let reason = format!(
                "the folder holds files of several kinds ({}); name files or a pattern, such as `*.csv`",
                found.join(", ")
            );
            Err(failed(io::Error::other(reason)))
        }
    }
}

/// The files that a pattern stands for, in the order of their names. As in a shell, hidden files are meant only
/// where the last part of the pattern itself begins with the dot.
fn matching(pattern: &str) -> Result<Vec<PathBuf>> {
    let bad = |reason: String| Error::io(pattern, io::Error::new(io::ErrorKind::InvalidInput, reason));
    let is_hidden =
        |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let means_hidden = is_hidden(Path::new(pattern));
    let paths = glob::glob(pattern).map_err(|e| bad(format!("not a pattern: {e}")))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|e| Error::io(e.path().to_owned(), io::Error::from(e.error().kind())))?;
        if path.is_file() && (means_hidden || !is_hidden(&path)) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Error::io(
            pattern,
            io::Error::new(io::ErrorKind::NotFound, "no file matches this pattern"),
        ));
    }
    Ok(files)
}

/// The system's error; for a file that is not there, with the nearest name in its folder.
fn missing(path: &Path, error: io::Error) -> Error {
    let text = |name: Option<OsString>| name.map(|n| n.to_string_lossy().into_owned());
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (Some(name), io::ErrorKind::NotFound) = (text(path.file_name().map(Into::into)), error.kind()) else {
        return Error::io(path, error);
    };
    let Ok(entries) = std::fs::read_dir(parent) else {
        let reason = format!("the folder `{}` does not exist or cannot be read", parent.display());
        return Error::io(path, io::Error::new(error.kind(), reason));
    };
    let mut names: Vec<String> = entries.flatten().filter_map(|e| text(Some(e.file_name()))).collect();
    names.sort();
    let reason = match nearest_name(&name, names.iter().map(String::as_str)) {
        Some(nearest) => format!("no such file; did you mean `{nearest}`?"),
        None => "no such file".to_owned(),
    };
    Error::io(path, io::Error::new(error.kind(), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(inputs: Result<Vec<Input>>) -> Vec<String> {
        let base = |i: &Input| i.name.rsplit('/').next().unwrap_or_default().to_owned();
        inputs.unwrap().iter().map(base).collect()
    }

    #[test]
    fn files_patterns_and_folders() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        for name in ["b.csv", "a.csv", ".hidden.csv", "notes.md"] {
            std::fs::write(at(name), "x\n1\n").unwrap();
        }
        let run = Run::new(0);
        assert_eq!(names(resolve(&[at("")], &run)), ["a.csv", "b.csv"]);
        assert_eq!(names(resolve(&[at("*.csv")], &run)), ["a.csv", "b.csv"]);
        assert_eq!(names(resolve(&[at(".*.csv")], &run)), [".hidden.csv"]);
        assert_eq!(names(resolve(&[at("b.csv"), at("a.csv")], &run)), ["b.csv", "a.csv"]);
        std::fs::write(at("c.json"), "[]").unwrap();
        assert!(resolve(&[at("")], &run).unwrap_err().to_string().contains("2 csv, 1 json"));
    }

    #[test]
    fn what_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        std::fs::write(at("measurements.csv"), "x\n").unwrap();
        let message = |name: &str| resolve(&[at(name)], &Run::new(0)).unwrap_err().to_string();
        assert!(message("measurments.csv").contains("did you mean `measurements.csv`?"));
        assert!(message("*.parquet").contains("no file matches"));
        assert!(message("gone/x.csv").contains("folder"));
        std::fs::create_dir(at("empty")).unwrap();
        assert!(message("empty").contains("no file of a known kind"));
        assert!(resolve(&[], &Run::new(0)).is_err());
    }

    #[test]
    fn streams_can_be_read_again() {
        let inputs = [
            Input::memory("m", Arc::from(&b"abc"[..])),
            Input::spooled("s", &b"abc"[..], &Run::new(0)).unwrap(),
        ];
        for input in inputs {
            for _ in 0..2 {
                let mut text = String::new();
                input.stream().unwrap().read_to_string(&mut text).unwrap();
                assert_eq!(text, "abc");
                text.clear();
                input.file().unwrap().read_to_string(&mut text).unwrap();
                assert_eq!(text, "abc");
            }
        }
    }
}
