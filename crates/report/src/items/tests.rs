//! Every format reads back as what was written.

use std::fs::{self, File};
use std::sync::{Arc, Mutex};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int8Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::fixture;

/// Rows whose ids, reasons and numbers are as awkward as they come.
fn awkward() -> Outcome {
    let mut outcome = fixture::outcome_of(6);
    outcome.ids =
        Some(["=1+1", "a,b\"c", "line\nbreak", "", "\ttab \u{1b}", "日本"].map(str::to_owned).to_vec());
    outcome.reasons = ["-x", "a;b,c", "two\r\nlines", "", "é", "@sum"].map(str::to_owned).to_vec();
    outcome.scores = vec![0.1, -0.0, f32::MIN_POSITIVE, f32::MAX, 1e-45, 16_777_216.0];
    let decisions = &mut outcome.decisions;
    decisions.p_value = Some(vec![0.1, 1e-300, 5e-324, 1.0 / 3.0, 0.0, 1.0]);
    decisions.probability = None;
    decisions.confidence = Some(vec![0.5, f64::NAN, 0.25, 0.1 + 0.2, 1.0 - f64::EPSILON / 2.0, 0.0]);
    decisions.verdict = [Verdict::Normal, Verdict::Anomalous, Verdict::Abstain].repeat(2);
    decisions.severity = vec![
        Severity::None,
        Severity::Critical,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::None,
    ];
    outcome
}

/// What a reader of the file sees, as bits.
#[derive(Debug, PartialEq)]
struct Row {
    item: String,
    score: u32,
    optional: [Option<u64>; 3],
    words: [String; 2],
    reason: String,
}

fn expected(outcome: &Outcome) -> Vec<Row> {
    let d = &outcome.decisions;
    let bits = |list: &Option<Vec<f64>>, i: usize| {
        list.as_ref().map(|l| l[i]).filter(|v| !v.is_nan()).map(f64::to_bits)
    };
    (0..outcome.scores.len())
        .map(|i| Row {
            item: outcome.ids.as_ref().map_or((i + 1).to_string(), |ids| ids[i].clone()),
            score: outcome.scores[i].to_bits(),
            optional: [bits(&d.p_value, i), bits(&d.probability, i), bits(&d.confidence, i)],
            words: [d.verdict[i].as_str().into(), d.severity[i].as_str().into()],
            reason: outcome.reasons[i].clone(),
        })
        .collect()
}

fn written(outcome: &Outcome, name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write_items(outcome, &path).unwrap();
    (folder, path)
}

fn read_delimited(path: &Path, delimiter: u8) -> Vec<Row> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_path(path).unwrap();
    assert_eq!(reader.headers().unwrap(), COLUMNS.as_slice());
    let optional = |text: &str| (!text.is_empty()).then(|| text.parse::<f64>().unwrap().to_bits());
    reader
        .records()
        .map(|record| {
            let r = record.unwrap();
            Row {
                item: r[0].into(),
                score: r[1].parse::<f32>().unwrap().to_bits(),
                optional: [optional(&r[2]), optional(&r[3]), optional(&r[4])],
                words: [r[5].into(), r[6].into()],
                reason: r[7].into(),
            }
        })
        .collect()
}

fn from_json(value: &serde_json::Value) -> Row {
    let text = |name: &str| value[name].as_str().unwrap().to_owned();
    let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(keys, COLUMNS);
    Row {
        item: text("item"),
        score: (value["score"].as_f64().unwrap() as f32).to_bits(),
        optional: ["p_value", "probability", "confidence"].map(|name| value[name].as_f64().map(f64::to_bits)),
        words: [text("verdict"), text("severity")],
        reason: text("reason"),
    }
}

fn read_parquet(path: &Path) -> Vec<Row> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    reader.flat_map(|batch| from_batch(&batch.unwrap())).collect()
}

fn from_batch(batch: &RecordBatch) -> Vec<Row> {
    let schema = batch.schema();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, COLUMNS);
    let word = |column: usize, i: usize| {
        let dictionary = batch.column(column).as_dictionary::<Int8Type>();
        dictionary.values().as_string::<i32>().value(dictionary.keys().value(i) as usize).to_owned()
    };
    let optional = |column: usize, i: usize| {
        let column = batch.column(column).as_primitive::<Float64Type>();
        (!column.is_null(i)).then(|| column.value(i).to_bits())
    };
    (0..batch.num_rows())
        .map(|i| Row {
            item: batch.column(0).as_string::<i32>().value(i).into(),
            score: batch.column(1).as_primitive::<Float32Type>().value(i).to_bits(),
            optional: [optional(2, i), optional(3, i), optional(4, i)],
            words: [word(5, i), word(6, i)],
            reason: batch.column(7).as_string::<i32>().value(i).into(),
        })
        .collect()
}

#[test]
fn every_format_gives_back_every_bit() {
    for outcome in [awkward(), Outcome { ids: None, ..fixture::outcome_of(3000) }] {
        let rows = expected(&outcome);
        let (_folder, path) = written(&outcome, "a.csv");
        assert_eq!(read_delimited(&path, b','), rows);
        let (_folder, path) = written(&outcome, "a.TSV");
        assert_eq!(read_delimited(&path, b'\t'), rows);
        let (_folder, path) = written(&outcome, "a.ndjson");
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().map(|line| from_json(&serde_json::from_str(line).unwrap()));
        assert_eq!(lines.collect::<Vec<_>>(), rows);
        let (_folder, path) = written(&outcome, "a.json");
        let list: Vec<serde_json::Value> = serde_json::from_reader(File::open(&path).unwrap()).unwrap();
        assert_eq!(list.iter().map(from_json).collect::<Vec<_>>(), rows);
        let (_folder, path) = written(&outcome, "a.parquet");
        assert_eq!(read_parquet(&path), rows);
    }
}

#[test]
fn the_text_forms_are_plain() {
    let (_folder, path) = written(&awkward(), "a.csv");
    let text = fs::read_to_string(path).unwrap();
    assert!(text.starts_with(
        "item,score,p_value,probability,confidence,verdict,severity,reason\n\
         =1+1,0.1,0.1,,0.5,normal,none,-x\n\
         \"a,b\"\"c\",-0,1e-300,,,anomalous,critical,\"a;b,c\"\n"
    ));
    assert!(!text.contains("NaN"));
}

#[test]
fn no_items_are_still_a_file_of_its_format() {
    let outcome = Outcome::default();
    let (_folder, path) = written(&outcome, "a.json");
    assert_eq!(fs::read_to_string(path).unwrap(), "[]\n");
    let (_folder, path) = written(&outcome, "a.parquet");
    assert_eq!(read_parquet(&path), []);
    let (_folder, path) = written(&outcome, "a.csv");
    assert_eq!(read_delimited(&path, b','), []);
}

#[test]
fn other_extensions_are_refused_by_name() {
    for name in ["a.xlsx", "a", "csv", "a.csv.gz"] {
        let error = write_items(&Outcome::default(), Path::new(name)).unwrap_err();
        assert_eq!(error.kind(), anomalyst_core::ErrorKind::Usage);
        let text = error.to_string();
        assert!(text.contains(name) && text.contains(".csv, .tsv, .parquet, .ndjson or .json"), "{text}");
    }
}

/// Batches give the same bytes as one call, in every format but Parquet, whose rows are compared.
#[test]
fn batches_are_the_same_as_one_call() {
    let outcome = fixture::outcome_of(1000);
    let part = |list: &Option<Vec<f64>>, from: usize, to: usize| list.as_ref().map(|l| l[from..to].to_vec());
    for name in ["a.csv", "a.ndjson", "a.json", "a.parquet"] {
        let (folder, whole) = written(&Outcome { ids: None, ..outcome.clone() }, name);
        let path = folder.path().join(format!("batches-{name}"));
        let mut writer = ItemWriter::create(&path).unwrap();
        for (from, to) in [(0, 1), (1, 400), (400, 400), (400, 1000)] {
            let d = &outcome.decisions;
            let decisions = Decisions {
                p_value: part(&d.p_value, from, to),
                probability: part(&d.probability, from, to),
                confidence: part(&d.confidence, from, to),
                verdict: d.verdict[from..to].to_vec(),
                severity: d.severity[from..to].to_vec(),
            };
            let items = Items::NumberedFrom(from + 1);
            writer.write(items, &outcome.scores[from..to], &decisions, &outcome.reasons[from..to]).unwrap();
        }
        assert!(!path.exists());
        writer.finish().unwrap();
        if name == "a.parquet" {
            assert_eq!(read_parquet(&path), read_parquet(&whole));
        } else {
            assert_eq!(fs::read(&path).unwrap(), fs::read(&whole).unwrap());
        }
    }
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let outcome = fixture::outcome_of(5000);
    for name in ["a.csv", "a.json", "a.parquet"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, "old").unwrap();
        let mut writer = ItemWriter::create(&path).unwrap();
        writer.write(Items::NumberedFrom(1), &outcome.scores, &outcome.decisions, &[]).unwrap();
        drop(writer);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_batch_of_unequal_parts_is_an_error() {
    let outcome = fixture::outcome_of(10);
    let folder = tempfile::tempdir().unwrap();
    let mut writer = ItemWriter::create(&folder.path().join("a.csv")).unwrap();
    let ids = vec![String::new(); 9];
    let error = writer.write(Items::Ids(&ids), &outcome.scores, &outcome.decisions, &[]).unwrap_err();
    assert!(error.to_string().contains("10 scores but 9 ids"), "{error}");
    let error =
        writer.write(Items::NumberedFrom(1), &outcome.scores[1..], &outcome.decisions, &[]).unwrap_err();
    assert!(error.to_string().contains("9 scores but 10 verdicts"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_in_every_format() {
    let outcome = fixture::outcome_of(3000);
    let formats =
        [ItemFormat::Csv, ItemFormat::Tsv, ItemFormat::Ndjson, ItemFormat::Json, ItemFormat::Parquet];
    for format in formats {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut writer = match ItemWriter::to_stream(format, "disk", Box::new(full)) {
            Ok(writer) => writer,
            Err(error) => {
                assert!(error.to_string().contains("No space left"), "{error}");
                continue;
            }
        };
        let done = writer
            .write(Items::NumberedFrom(1), &outcome.scores, &outcome.decisions, &outcome.reasons)
            .and_then(|()| writer.finish());
        let error = done.unwrap_err();
        assert!(error.to_string().starts_with("disk: No space left"), "{format:?}: {error}");
        assert_eq!(error.kind(), anomalyst_core::ErrorKind::Io);
    }
}

/// A broken pipe keeps its kind, so that the command can end quietly.
#[test]
fn a_stream_gets_the_bytes_and_its_errors_come_back() {
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let outcome = Outcome { ids: None, ..fixture::outcome_of(100) };
    let write = |out: Box<dyn Write + Send>| {
        let mut writer = ItemWriter::to_stream(ItemFormat::Csv, "standard output", out)?;
        writer.write(Items::NumberedFrom(1), &outcome.scores, &outcome.decisions, &outcome.reasons)?;
        writer.finish()
    };
    let shared = Shared::default();
    write(Box::new(shared.clone())).unwrap();
    let (_folder, path) = written(&outcome, "a.csv");
    assert_eq!(*shared.0.lock().unwrap(), fs::read(path).unwrap());
    let error = write(Box::new(Broken)).unwrap_err();
    assert!(matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe));
}
