//! Column names: unique, not empty, and found by whoever mistypes one.

use anomalyst_core::{Error, Notices, Result, nearest_name};
use rustc_hash::{FxHashMap, FxHashSet};

/// Makes names different and non-empty, and says what was changed.
pub(crate) fn unique_names(names: Vec<String>, notices: &mut Notices) -> Vec<String> {
    let taken: FxHashSet<String> = names.iter().map(|n| n.trim().to_owned()).collect();
    let mut seen: FxHashSet<String> = FxHashSet::default();
    let mut copies: FxHashMap<String, usize> = FxHashMap::default();
    let (mut n_empty, mut n_double, mut first_double) = (0_usize, 0_usize, None);
    let mut out = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        let name = name.trim();
        let base = if name.is_empty() {
            n_empty += 1;
            format!("column {}", i + 1)
        } else {
            name.to_owned()
        };
        if (!name.is_empty() || !taken.contains(&base)) && seen.insert(base.clone()) {
            out.push(base);
            continue;
        }
        if !name.is_empty() {
            n_double += 1;
            first_double.get_or_insert_with(|| base.clone());
        }
        // The counter goes on per name, so that many equal names cost no more than different ones.
        let counter = copies.entry(base.clone()).or_insert(1);
        let fresh = loop {
            *counter += 1;
            let candidate = format!("{base}_{counter}");
            if !taken.contains(&candidate) && seen.insert(candidate.clone()) {
                break candidate;
            }
        };
        out.push(fresh);
    }
    if n_empty > 0 {
        notices.info(
            None,
            format!("{n_empty} columns have no name; they are called by their position, such as `column 1`"),
        );
    }
    if let Some(name) = first_double {
        notices.handled(None, format!("{n_double} column names occur more than once, the first is `{name}`; the later ones were given numbers, such as `{name}_2`"));
    }
    out
}

/// Names for `n` columns without a header.
pub(crate) fn numbered(n: usize) -> Vec<String> {
    (1..=n).map(|i| format!("x{i}")).collect()
}

/// The position of `name`, or an error with the nearest name there is.
pub(crate) fn find(name: &str, names: &FxHashMap<String, usize>) -> Result<usize> {
    names.get(name).copied().ok_or_else(|| Error::Unknown {
        what: "column",
        id: name.to_owned(),
        nearest: nearest_name(name, names.keys().map(String::as_str)).map(str::to_owned),
    })
}

/// The words of a name in lower case: `sampleID` and `sample_id` are both `sample`, `id`.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        before_lower = c.is_lowercase();
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_and_gaps_get_names() {
        let mut notices = Notices::default();
        let names = ["a", "", "a", "a_2", "a"].map(str::to_owned).to_vec();
        assert_eq!(unique_names(names, &mut notices), ["a", "column 2", "a_3", "a_2", "a_4"]);
        assert_eq!(notices.0.len(), 2);
        let names = ["column 2", ""].map(str::to_owned).to_vec();
        assert_eq!(unique_names(names, &mut notices), ["column 2", "column 2_2"]);
    }

    #[test]
    fn many_equal_names_stay_fast() {
        let names = unique_names(vec!["x".to_owned(); 100_000], &mut Notices::default());
        assert_eq!(names[99_999], "x_100000");
    }

    #[test]
    fn names_fall_into_words() {
        assert_eq!(words("sampleID no"), ["sample", "id", "no"]);
        assert_eq!(words("Unnamed: 0"), ["unnamed", "0"]);
    }

    #[test]
    fn a_mistyped_name_is_met_with_the_nearest() {
        let names = FxHashMap::from_iter([("price".to_owned(), 0), ("colour".to_owned(), 1)]);
        match find("prise", &names) {
            Err(Error::Unknown { nearest: Some(nearest), .. }) => assert_eq!(nearest, "price"),
            other => panic!("{other:?}"),
        }
    }
}
