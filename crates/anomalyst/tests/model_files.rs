//! Model files of all releases load and score as they did; damaged ones are refused.
//!
//! `cargo xtask golden anomalyst/models` writes those of the present release.

#![allow(clippy::unwrap_used, reason = "a test stops where something fails")]

use std::path::{Path, PathBuf};

use anomalyst::core::Run;
use anomalyst::data::ReadOptions;
use anomalyst::recipe::Modality;
use anomalyst::series::AnyTrained;
use anomalyst::{Options, registry};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

fn models() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "anomalyst"))
        .collect();
    paths.sort();
    paths
}

/// Products and sums may be contracted differently by other processors, hence the tolerance.
#[test]
fn files_of_every_release_score_as_they_did() {
    let run = Run::new(0);
    let n_of_tables = registry::names(Modality::Table).count() + registry::combinators().len();
    let n_expected = n_of_tables + registry::names(Modality::Series).count();
    assert!(models().len() >= n_expected, "run `cargo xtask golden anomalyst/models`");
    for path in models() {
        let model = AnyTrained::load(&path).unwrap();
        let read = ReadOptions { expected: Some(model.schema().clone()), ..ReadOptions::default() };
        let data = match model {
            AnyTrained::Table(_) => "rows.csv",
            AnyTrained::Series(_) => "series.csv",
        };
        let data = folder().join(data).display().to_string();
        let source = anomalyst::data::open(&[data], &read, &run).unwrap();
        let outcome = model.score(&source, &Options::default(), &run).unwrap();
        let text = std::fs::read_to_string(path.with_extension("json")).unwrap();
        let expected: Vec<f32> = serde_json::from_str(&text).unwrap();
        assert_eq!(outcome.scores.len(), expected.len());
        for (&got, &want) in outcome.scores.iter().zip(&expected) {
            assert!((got - want).abs() <= 1e-4 * want.abs().max(1.0), "{}: {got} {want}", path.display());
        }
    }
}

#[test]
fn a_model_read_and_written_is_the_same_file() {
    for path in models() {
        let bytes = std::fs::read(&path).unwrap();
        assert!(AnyTrained::from_bytes(&bytes).unwrap().to_bytes().unwrap() == bytes, "{}", path.display());
    }
}

/// A small real file and how long its header is.
fn sample() -> (Vec<u8>, usize) {
    let path = models().into_iter().find(|path| path.ends_with("0.1.0-hbos.anomalyst")).unwrap();
    let bytes = std::fs::read(path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (bytes, 8 + header)
}

#[test]
fn every_byte_of_the_header_matters() {
    let (good, header) = sample();
    for at in 0..header {
        for flip in [0x01, 0x20, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            // Only the name of the writing release may change unnoticed: it is information, not content.
            if let Ok(model) = AnyTrained::from_bytes(&bad) {
                assert!(model.to_bytes().unwrap() == good, "byte {at} ^ {flip:#x}");
            }
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let (good, _) = sample();
    for part in 0..64 {
        let cut = &good[..good.len() * part / 64];
        assert!(AnyTrained::from_bytes(cut).is_err(), "{part}/64");
    }
    let longer = [&good[..], b"more"].concat();
    assert!(AnyTrained::from_bytes(&longer).is_err());
}

#[test]
fn foreign_and_newer_files_are_named_as_such() {
    let message = |bytes: &[u8]| AnyTrained::from_bytes(bytes).map(|_| ()).unwrap_err().to_string();
    let (good, _) = sample();
    assert!(message(b"\x80\x04\x95pickle").contains("not an Anomalyst model"));
    let text = b"\"format_version\":\"1\"";
    let at = good.windows(text.len()).position(|w| w == text).unwrap();
    let mut newer = good.clone();
    newer[at + text.len() - 2] = b'9';
    assert!(message(&newer).contains("update it"), "{}", message(&newer));
}
