//! Writes the file of a new method and its lines in the registry, so that only the method itself is left to write.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// Adds the detector `id` to `crates/detect`.
pub(crate) fn detector(id: &str) -> Result<()> {
    let name = type_name(id)?;
    let folder = crate::root().join("crates/detect/src");
    let file = folder.join(format!("{id}.rs"));
    if file.exists() || folder.join(id).exists() {
        bail!("{} exists already", file.display());
    }
    let registry = folder.join("lib.rs");
    let before = std::fs::read_to_string(&registry).with_context(|| registry.display().to_string())?;
    let after = with_line(
        &with_line(&before, "mod ", &format!("mod {id};"))?,
        "    ",
        &format!("    {id}::{name},"),
    )?;
    std::fs::write(&file, TEMPLATE.replace("{id}", id).replace("{Name}", &name))?;
    std::fs::write(&registry, after)?;
    println!("wrote {} and its two lines in {}", short(&file), short(&registry));
    println!(
        "next: fill in the page and the method; `cargo xtask tidy` and the conformance suite say what is left"
    );
    Ok(())
}

fn short(path: &Path) -> String {
    path.strip_prefix(crate::root()).unwrap_or(path).display().to_string()
}

fn type_name(id: &str) -> Result<String> {
    let word = |w: &str| {
        w.chars().next().is_some_and(|c| c.is_ascii_lowercase())
            && w.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    if !id.split('_').all(word) {
        bail!(
            "`{id}` is not an id; write words in lower case joined by underscores, such as `k_nearest_neighbors`"
        );
    }
    let upper = |w: &str| w[..1].to_ascii_uppercase() + &w[1..];
    Ok(id.split('_').map(upper).collect())
}

/// `text` with `line` put in order into the first block of lines that begin with `start` and look like it.
fn with_line(text: &str, start: &str, line: &str) -> Result<String> {
    let like = |l: &str| l.starts_with(start) && (start != "    " || (l.contains("::") && l.ends_with(',')));
    let mut lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(|l| like(l)).with_context(|| format!("no place for `{line}`"))?;
    let block = lines[first..].iter().take_while(|l| like(l)).count();
    let at = lines[first..first + block].iter().position(|l| *l > line).unwrap_or(block);
    lines.insert(first + at, line);
    Ok(lines.join("\n") + "\n")
}

const TEMPLATE: &str = include_str!("detector.rs.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_places() {
        assert_eq!(type_name("k_nearest_neighbors").unwrap(), "KNearestNeighbors");
        assert!(type_name("kNN").is_err() && type_name("").is_err() && type_name("a__b").is_err());
        let text = "mod a;\nmod c;\n\nx! {\n    a::A,\n    c::C,\n}\n";
        let text = with_line(text, "mod ", "mod b;").unwrap();
        assert_eq!(
            with_line(&text, "    ", "    b::B,").unwrap(),
            "mod a;\nmod b;\nmod c;\n\nx! {\n    a::A,\n    b::B,\n    c::C,\n}\n"
        );
    }
}
