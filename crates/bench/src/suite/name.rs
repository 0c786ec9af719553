//! Names of sets, and what names of files tell.

use std::path::Path;

/// Endings that are no part of a name. Any other dot is, as in `solar-flare_FvsAll-cleaned` or `exp.1_v2`.
const EXTENSIONS: [&str; 20] = [
    "csv", "tsv", "txt", "out", "data", "dat", "ascii", "arff", "npz", "npy", "mat", "parquet", "pq",
    "arrow", "feather", "ndjson", "jsonl", "json", "gz", "zst",
];

/// Without the extensions at the end, however many there are.
pub(super) fn without_extensions(name: &str) -> &str {
    let mut name = name;
    while let Some((stem, ending)) = name.rsplit_once('.') {
        if stem.is_empty() || stem.ends_with('/') || !is_extension(ending) {
            break;
        }
        name = stem;
    }
    name
}

fn is_extension(ending: &str) -> bool {
    EXTENSIONS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// The last part of a path without extensions.
pub(crate) fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    without_extensions(&name).to_owned()
}

/// The path below `root` without extensions, with `/` on every system.
pub(super) fn below(path: &Path, root: &Path) -> String {
    let parts: Vec<String> = path
        .strip_prefix(root)
        .unwrap_or(path)
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if parts.is_empty() { stem(root) } else { without_extensions(&parts.join("/")).to_owned() }
}

/// What a name of the UCR anomaly archive says: `ID_UCR_Anomaly_NAME_TRAIN_BEGIN_END`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UcrName {
    /// Points for training.
    pub(super) train_end: usize,
    /// First and last anomalous point, counted from 1.
    pub(super) bounds: (usize, usize),
}

/// Of a file of the archive.
pub(super) fn ucr_name(stem: &str) -> Option<UcrName> {
    if !stem.contains("UCR_Anomaly") {
        return None;
    }
    let mut last = stem.rsplit('_').map(|part| part.parse::<usize>().ok());
    let (end, begin, train_end) = (last.next()??, last.next()??, last.next()??);
    Some(UcrName { train_end, bounds: (begin, end) })
}

/// The number behind `tr_` in a name of TSB-AD.
pub(super) fn tsb_ad_train_end(stem: &str) -> Option<usize> {
    let mut parts = stem.split('_');
    parts.find(|part| *part == "tr")?;
    parts.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_endings_go() {
        for (name, wanted) in [
            ("a.csv.gz", "a"),
            ("solar.v2.ARFF.gz", "solar.v2"),
            ("exp.1_v2", "exp.1_v2"),
            ("3.csv", "3"),
            ("Symbols_2_0.02_5.out.gz", "Symbols_2_0.02_5"),
            (".csv", ".csv"),
            ("a/.csv", "a/.csv"),
        ] {
            assert_eq!(without_extensions(name), wanted);
        }
        assert_eq!(below(Path::new("/d/g/1.csv.gz"), Path::new("/d")), "g/1");
        assert_eq!(below(Path::new("/d/bottle"), Path::new("/d/bottle")), "bottle");
    }

    #[test]
    fn names_that_tell_bounds() {
        let told = UcrName { train_end: 1200, bounds: (4187, 4199) };
        assert_eq!(ucr_name("135_UCR_Anomaly_InternalBleeding16_1200_4187_4199"), Some(told));
        assert_eq!(ucr_name("135_UCR_Anomaly_x_1200_4187"), None);
        assert_eq!(ucr_name("a_1_2_3"), None);
        assert_eq!(tsb_ad_train_end("001_NAB_id_1_Facility_tr_1007_1st_2014"), Some(1007));
        assert_eq!(tsb_ad_train_end("001_tr_x"), None);
    }
}
