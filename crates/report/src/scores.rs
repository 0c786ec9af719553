//! A number per row, where no verdicts are made: columns `item, score` by the file's extension.

use std::io::Write;
use std::path::Path;

use anomalyst_core::{Error, Result};
use serde::Serialize;

use crate::items::{ItemFormat, Items, csv_error};
use crate::{AtomicFile, atomic_write};

#[derive(Serialize)]
struct Record {
    item: String,
    score: f32,
}

/// Writes one score per row to `path`: .csv, .tsv, .ndjson or .json.
pub fn write_scores(path: &Path, items: Items<'_>, scores: &[f32]) -> Result<()> {
    let name = |i: usize| match items {
        Items::Ids(ids) => ids.get(i).cloned().unwrap_or_default(),
        Items::NumberedFrom(first) => (first + i).to_string(),
    };
    let record = |(i, &score): (usize, &f32)| Record { item: name(i), score };
    match ItemFormat::of(path)? {
        ItemFormat::Json => {
            let all: Vec<_> = scores.iter().enumerate().map(record).collect();
            atomic_write(path, |out| Ok(serde_json::to_writer(out, &all)?))
        }
        ItemFormat::Ndjson => {
            let mut out = AtomicFile::create(path)?;
            for record in scores.iter().enumerate().map(record) {
                let line = serde_json::to_string(&record).map_err(|e| Error::io(path, e.into()))?;
                writeln!(out, "{line}").map_err(|e| Error::io(path, e))?;
            }
            out.commit()
        }
        format @ (ItemFormat::Csv | ItemFormat::Tsv) => {
            let delimiter = if format == ItemFormat::Csv { b',' } else { b'\t' };
            let mut writer =
                csv::WriterBuilder::new().delimiter(delimiter).from_writer(AtomicFile::create(path)?);
            writer.write_record(["item", "score"]).map_err(|e| csv_error(path, e))?;
            for (i, score) in scores.iter().enumerate() {
                writer.write_record([name(i), score.to_string()]).map_err(|e| csv_error(path, e))?;
            }
            writer.into_inner().map_err(|e| Error::io(path, e.into_error()))?.commit()
        }
        ItemFormat::Parquet => Err(Error::BadParameter {
            name: "out".into(),
            got: format!("`{}`", path.display()),
            want: "a file name that ends in .csv, .tsv, .ndjson or .json".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_holds_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, items: Items<'_>| {
            let path = folder.path().join(name);
            write_scores(&path, items, &[0.5, 2.0]).map(|()| std::fs::read_to_string(path).unwrap())
        };
        let ids = ["a,b".to_owned(), "c".to_owned()];
        assert_eq!(write("s.csv", Items::Ids(&ids)).unwrap(), "item,score\n\"a,b\",0.5\nc,2\n");
        assert_eq!(write("s.tsv", Items::NumberedFrom(1)).unwrap(), "item\tscore\n1\t0.5\n2\t2\n");
        let lines = write("s.ndjson", Items::NumberedFrom(8)).unwrap();
        assert_eq!(lines, "{\"item\":\"8\",\"score\":0.5}\n{\"item\":\"9\",\"score\":2.0}\n");
        assert!(write("s.json", Items::Ids(&ids)).unwrap().starts_with("[{\"item\":\"a,b\""));
        let error = write("s.parquet", Items::NumberedFrom(1)).unwrap_err().to_string();
        assert!(error.contains(".ndjson"), "{error}");
    }
}
