//! Sets of pictures: folders like those of MVTec AD, and lists.

use std::path::{Path, PathBuf};

use anomalyst::core::Result;

use super::discover::entries;
use super::{ImageEntry, ImageSet, Split, bad, text};

/// Endings of pictures.
const PICTURES: [&str; 7] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "webp"];

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
    PICTURES.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Whether a folder is a category of MVTec AD.
pub(super) fn is_folder(path: &Path) -> bool {
    path.join("train").join("good").is_dir() && path.join("test").is_dir()
}

/// Whether a file begins like a list of pictures.
pub(super) fn is_list(path: &Path) -> Result<bool> {
    let start = text::start(path)?;
    let first = start.lines().next().unwrap_or("").to_ascii_lowercase();
    let names: Vec<&str> = first.split(',').map(str::trim).collect();
    Ok(["path", "split", "label"].iter().all(|name| names.contains(name)))
}

/// `train/good`, `test/DEFECT` with `good` among them, and masks `ground_truth/DEFECT/NAME_mask.png`.
pub(super) fn folder(path: &Path) -> Result<ImageSet> {
    let mut set = ImageSet::default();
    for picture in entries(&path.join("train").join("good"))?.into_iter().filter(|p| is_picture(p)) {
        set.entries.push(entry(picture, Split::Train));
    }
    for folder in entries(&path.join("test"))?.into_iter().filter(|folder| folder.is_dir()) {
        let defect = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_good = defect == "good";
        let masks = path.join("ground_truth").join(&defect);
        for picture in entries(&folder)?.into_iter().filter(|p| is_picture(p)) {
            let mask = if is_good { None } else { mask_of(&picture, &masks) };
            let defect = if is_good { String::new() } else { defect.clone() };
            set.entries.push(ImageEntry { anomalous: !is_good, mask, defect, ..entry(picture, Split::Test) });
        }
    }
    checked(path, set)
}

fn entry(path: PathBuf, split: Split) -> ImageEntry {
    ImageEntry { path, split, anomalous: false, mask: None, defect: String::new() }
}

fn mask_of(picture: &Path, masks: &Path) -> Option<PathBuf> {
    let stem = picture.file_stem()?.to_string_lossy();
    // MVTec AD adds `_mask`; sets made after its model often do not.
    [format!("{stem}_mask.png"), format!("{stem}.png")]
        .map(|name| masks.join(name))
        .into_iter()
        .find(|mask| mask.is_file())
}

fn checked(path: &Path, set: ImageSet) -> Result<ImageSet> {
    for (split, name) in [(Split::Train, "training"), (Split::Test, "test")] {
        if set.entries.iter().all(|entry| entry.split != split) {
            return Err(bad(path, format!("there are no {name} pictures")));
        }
    }
    Ok(set)
}

/// `path,split,label,mask,kind`; paths are relative to the list, the last two may be empty or absent.
pub(super) fn list(path: &Path) -> Result<ImageSet> {
    let table = text::cells(path, b',', true)?;
    let place = |name: &str| table.names.iter().position(|have| have.eq_ignore_ascii_case(name));
    let need = |name: &str| place(name).ok_or_else(|| bad(path, format!("there is no column `{name}`")));
    let (picture, split, label) = (need("path")?, need("split")?, need("label")?);
    let (mask, kind) = (place("mask"), place("kind"));
    let base = path.parent().unwrap_or(Path::new(""));
    let mut set = ImageSet::default();
    for (line, row) in &table.rows {
        let cell = |place: usize| row.get(place).unwrap_or("");
        if cell(picture).is_empty() {
            return Err(text::bad_cell(path, *line, "path", "", "path of a picture"));
        }
        let split = match cell(split) {
            "train" => Split::Train,
            "test" => Split::Test,
            other => return Err(text::bad_cell(path, *line, "split", other, "part; write train or test")),
        };
        let anomalous = text::label(cell(label))
            .ok_or_else(|| text::bad_cell(path, *line, "label", cell(label), "label; write 0 or 1"))?;
        let mask = mask.map(cell).filter(|mask| !mask.is_empty()).map(|mask| base.join(mask));
        let defect = kind.map(cell).unwrap_or("").to_owned();
        set.entries.push(ImageEntry { path: base.join(cell(picture)), split, anomalous, mask, defect });
    }
    set.entries.sort_by_key(|entry| entry.split);
    checked(path, set)
}
