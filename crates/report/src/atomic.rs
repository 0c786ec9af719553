//! Files that appear whole or not at all.
//!
//! The content goes to a temporary file in the same folder, is flushed to the disk, and takes the final name by a
//! rename. Whatever fails on the way, an older file of that name stays as it was and no temporary file is left.
//! Devices and pipes (`/dev/stdout`, a named pipe) cannot be renamed over and are written to directly.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anomalyst_core::{Error, Result};
use tempfile::{Builder, NamedTempFile};

/// A file under construction; [`AtomicFile::commit`] gives it its name, dropping it leaves nothing behind.
#[derive(Debug)]
pub struct AtomicFile {
    /// As the user named it, for errors.
    path: PathBuf,
    out: Target,
}

#[derive(Debug)]
enum Target {
    /// The temporary file, and the place it will be renamed to.
    Renamed(BufWriter<NamedTempFile>, PathBuf),
    /// A device or a pipe.
    Direct(BufWriter<File>),
}

/// Buffers hold this much before they go to the system.
const BUFFER_BYTES: usize = 1 << 18;

impl AtomicFile {
    /// Begins a file that will be called `path`.
    pub fn create(path: &Path) -> Result<Self> {
        let out = open(path).map_err(|source| Error::io(path, source))?;
        Ok(Self { path: path.to_owned(), out })
    }

    /// Flushes everything to the disk and gives the file its name.
    pub fn commit(self) -> Result<()> {
        let Self { path, out } = self;
        let done = match out {
            Target::Renamed(buffer, target) => rename(buffer, &target),
            Target::Direct(mut buffer) => buffer.flush(),
        };
        done.map_err(|source| Error::io(path, source))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Target::Renamed(buffer, _) => buffer.write(bytes),
            Target::Direct(buffer) => buffer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Target::Renamed(buffer, _) => buffer.flush(),
            Target::Direct(buffer) => buffer.flush(),
        }
    }
}

/// Writes the file `path` through `content`: whole, or, when anything fails, not at all.
pub fn atomic_write(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    content(&mut file).map_err(|source| Error::io(path, source))?;
    file.commit()
}

fn open(path: &Path) -> io::Result<Target> {
    // A link is followed, so that the file it points to is replaced and the link stays.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let existing = fs::metadata(&target).ok();
    match &existing {
        Some(meta) if meta.is_dir() => {
            return Err(io::Error::new(ErrorKind::IsADirectory, "this is a folder; give the name of a file"));
        }
        Some(meta) if !meta.is_file() => {
            let file = fs::OpenOptions::new().write(true).open(&target)?;
            return Ok(Target::Direct(BufWriter::with_capacity(BUFFER_BYTES, file)));
        }
        Some(meta) if meta.permissions().readonly() => {
            return Err(io::Error::new(
                ErrorKind::PermissionDenied,
                "the file is there and write-protected; choose another name",
            ));
        }
        _ => {}
    }
    let file = temporary_beside(&target, existing.as_ref())?;
    Ok(Target::Renamed(BufWriter::with_capacity(BUFFER_BYTES, file), target))
}

fn temporary_beside(target: &Path, existing: Option<&fs::Metadata>) -> io::Result<NamedTempFile> {
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if target.file_name().is_none() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "this does not name a file"));
    }
    if !folder.is_dir() {
        let reason = format!("the folder `{}` does not exist; create it first", folder.display());
        return Err(io::Error::new(ErrorKind::NotFound, reason));
    }
    let mut builder = Builder::new();
    builder.prefix(".anomalyst-").suffix(".tmp");
    if let Some(permissions) = permissions(existing) {
        builder.permissions(permissions);
    }
    builder.tempfile_in(folder).map_err(|source| io::Error::new(source.kind(), hint(&source, folder)))
}

/// What a plain `open` would have given: the mode of the file that is replaced, or 0666 less the user's mask.
#[cfg(unix)]
fn permissions(existing: Option<&fs::Metadata>) -> Option<fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(existing.map_or_else(|| fs::Permissions::from_mode(0o666), fs::Metadata::permissions))
}

#[cfg(not(unix))]
fn permissions(_: Option<&fs::Metadata>) -> Option<fs::Permissions> {
    None
}

fn hint(source: &io::Error, folder: &Path) -> String {
    let reason = match source.kind() {
        ErrorKind::PermissionDenied => "no permission to write",
        ErrorKind::ReadOnlyFilesystem => "the disk is read-only, so nothing can be written",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "no space left",
        _ => return source.to_string(),
    };
    format!("{reason} in the folder `{}`; choose another place", folder.display())
}

fn rename(buffer: BufWriter<NamedTempFile>, target: &Path) -> io::Result<()> {
    let file = buffer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(target).map_err(|e| e.error)?;
    // The rename itself survives a power cut only once the folder is on the disk; not every system can do that,
    // and the file is already whole, so a refusal is no error.
    if let Some(folder) = target.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_a_file_whole_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        atomic_write(&path, |w| w.write_all(b"old")).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        }
        atomic_write(&path, |w| w.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.txt"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        }
    }

    #[test]
    fn an_error_midway_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "old").unwrap();
        let error = atomic_write(&path, |w| {
            w.write_all(&vec![b'x'; 3 * BUFFER_BYTES])?;
            Err(io::Error::from(ErrorKind::StorageFull))
        })
        .unwrap_err();
        assert!(error.to_string().contains("a.txt"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);

        let mut dropped = AtomicFile::create(&path).unwrap();
        dropped.write_all(b"half").unwrap();
        drop(dropped);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn refusals_name_the_path_and_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("taken");
        fs::create_dir(&inside).unwrap();
        let error = AtomicFile::create(&inside).unwrap_err().to_string();
        assert!(error.contains("taken: this is a folder"), "{error}");
        let error = AtomicFile::create(&folder.path().join("no/such.csv")).unwrap_err().to_string();
        assert!(error.contains("such.csv") && error.contains("does not exist; create it first"), "{error}");
        assert!(AtomicFile::create(Path::new("")).is_err());
        let path = folder.path().join("protected.csv");
        fs::write(&path, "old").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        let error = AtomicFile::create(&path).unwrap_err().to_string();
        assert!(error.contains("write-protected"), "{error}");
        assert_eq!(names(folder.path()), ["protected.csv", "taken"]);
    }

    /// The superuser may write everywhere but into the kernel's own folders, so the test uses one of those.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_takes_no_files_is_an_error() {
        let error = AtomicFile::create(Path::new("/proc/self/a.csv")).unwrap_err().to_string();
        assert!(error.starts_with("/proc/self/a.csv: "), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_device_is_an_error_and_stays_a_device() {
        use std::os::unix::fs::FileTypeExt;
        let full = Path::new("/dev/full");
        let error = atomic_write(full, |w| w.write_all(b"some")).unwrap_err().to_string();
        assert!(error.starts_with("/dev/full: ") && error.contains("No space left"), "{error}");
        assert!(fs::metadata(full).unwrap().file_type().is_char_device());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_its_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        atomic_write(&link, |w| w.write_all(b"new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }
}
