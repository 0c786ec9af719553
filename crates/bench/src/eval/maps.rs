//! A folder of score maps beside a folder of masks, read one by one.
//!
//! Maps are NumPy arrays of two dimensions (`NAME.npy`); the mask of a map is `NAME.png` or `NAME_mask.png` (a pixel of at
//! least half brightness is anomalous) or `NAME.npy` (above 0.5). A map without a mask is that of a normal image. A folder
//! that holds folders of maps instead holds one scorer in each.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anomalyst::core::{ColumnData, Error, Result, Run};
use anomalyst::data::{Header, ReadOptions};
use anomalyst_measure::pixels::{MapSet, Maps, ScoredMap};

/// Pixels of a mask at most, checked before memory is taken.
const MOST_PIXELS: u64 = 1 << 28;

/// The scorers of `folder` beside the same masks.
pub(super) fn read(folder: &Path, masks: Option<&Path>) -> Result<Vec<(String, MapSet)>> {
    let masks = masks.ok_or_else(|| {
        Error::Data(format!("{}: maps need masks; name their folder with --labels", folder.display()))
    })?;
    let name =
        |path: &Path| path.file_name().map_or_else(|| "maps".into(), |name| name.to_string_lossy().into());
    let mut folders = vec![folder.to_owned()];
    if by_stem(folder, &["npy"])?.is_empty() {
        let io = |error| Error::io(folder, error);
        let entries =
            std::fs::read_dir(folder).map_err(io)?.collect::<std::io::Result<Vec<_>>>().map_err(io)?;
        let mut inner: Vec<PathBuf> =
            entries.iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        inner.sort();
        if !inner.is_empty() {
            folders = inner;
        }
    }
    folders.iter().map(|path| Ok((name(path), MapSet::new(MapFolder::find(path, masks)?)))).collect()
}

/// Maps and masks by name.
#[derive(Debug)]
struct MapFolder {
    files: Vec<(String, PathBuf, Option<PathBuf>)>,
}

impl MapFolder {
    /// Finds the maps of `folder` and their masks. A mask without a map is an error, since its defect would go unseen.
    fn find(folder: &Path, masks: &Path) -> Result<Self> {
        let maps = by_stem(folder, &["npy"])?;
        if maps.is_empty() {
            return Err(Error::Data(format!(
                "{}: there is no map, a file NAME.npy, in this folder",
                folder.display()
            )));
        }
        let mut masks: BTreeMap<String, PathBuf> = by_stem(masks, &["png", "npy"])?
            .into_iter()
            .map(|(stem, path)| (stem.strip_suffix("_mask").map(str::to_owned).unwrap_or(stem), path))
            .collect();
        let files = maps.into_iter().map(|(stem, path)| {
            let mask = masks.remove(&stem);
            (stem, path, mask)
        });
        let files = files.collect();
        match masks.values().next() {
            None => Ok(Self { files }),
            Some(path) => Err(Error::Data(format!(
                "{}: there is no map of this name in {}",
                path.display(),
                folder.display()
            ))),
        }
    }
}

impl Maps for MapFolder {
    fn n_maps(&self) -> usize {
        self.files.len()
    }

    fn name(&self, i: usize) -> String {
        self.files[i].0.clone()
    }

    fn get(&self, i: usize) -> Result<ScoredMap> {
        let (name, path, mask) = &self.files[i];
        let (width, height, scores) = array(path)?;
        let map =
            ScoredMap::new(name.as_str(), width, height, scores.into_iter().map(|s| s as f32).collect())?;
        let Some(path) = mask else { return Ok(map) };
        let (width, height, odd) = match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => {
                let (width, height, values) = array(path)?;
                (width, height, values.into_iter().map(|value| value > 0.5).collect())
            }
            _ => picture(path)?,
        };
        map.with_mask(width, height, odd)
    }
}

fn by_stem(folder: &Path, extensions: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let io = |error| Error::io(folder, error);
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if let (Some(stem), true) = (path.file_stem(), extensions.contains(&extension)) {
            found.insert(stem.to_string_lossy().into_owned(), path.clone());
        }
    }
    Ok(found)
}

/// Width, height and values row by row.
fn array(path: &Path) -> Result<(usize, usize, Vec<f64>)> {
    let run = Run::new(0).with_threads(1);
    let options = ReadOptions { header: Header::No, ..ReadOptions::default() };
    let source = anomalyst::data::open(&[path.display().to_string()], &options, &run)?;
    let table = anomalyst::read(&source, &run)?.table;
    let width = table.columns.len();
    let mut values = vec![0.0; width * table.n_rows];
    for (x, column) in table.columns.iter().enumerate() {
        for y in 0..table.n_rows {
            values[y * width + x] = match &column.data {
                ColumnData::Numbers(cells) => cells[y],
                // A column of two values is read as yes and no.
                other => other.text(y).parse().unwrap_or(f64::NAN),
            };
        }
    }
    Ok((width, table.n_rows, values))
}

/// Width, height and whether each pixel is at least half bright.
fn picture(path: &Path) -> Result<(usize, usize, Vec<bool>)> {
    let bad = |reason: String| Error::Parse { path: path.to_owned(), line: None, column: None, reason };
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    let mut decoder = png::Decoder::new(BufReader::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| bad(error.to_string()))?;
    let (width, height) = (reader.info().width, reader.info().height);
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(bad(format!("{width} x {height} pixels are more than a mask may have ({MOST_PIXELS})")));
    }
    let size = reader.output_buffer_size().ok_or_else(|| bad("its size overflows".into()))?;
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes).map_err(|error| bad(error.to_string()))?;
    let samples = info.color_type.samples();
    let odd = bytes[..info.buffer_size()].chunks_exact(samples).map(|pixel| pixel[0] >= 128).collect();
    Ok((width as usize, height as usize, odd))
}
