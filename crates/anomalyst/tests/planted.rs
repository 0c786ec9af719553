//! Planted anomalies are found by the methods that their kind is made for, and not by those it is made against.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where something fails")]

use anomalyst::core::{Features, Label, Run};
use anomalyst::registry;
use anomalyst::synth::{Kind, plant};
use anomalyst_core::serde_json::json;

/// AUROC of a method that learns from 400 rows of two related columns and two without relation, on 400 fresh ones with
/// planted rows among them.
fn auroc(method: &str, kind: Kind) -> f64 {
    let rows = |seed| {
        let mut rows = anomalyst_testkit::normal_rows(400, 4, seed);
        let first = rows.column(0).to_owned();
        rows.column_mut(1).zip_mut_with(&first, |v, x| *v = 0.1 * *v + 0.99 * x);
        rows
    };
    let run = Run::new(1);
    let (values, labels) = plant(rows(2).view(), kind, 0.2, &run).unwrap();
    let detector = (registry::method(method).unwrap().from_json)(&json!({})).unwrap();
    let model = detector.fit(&Features::rows(rows(1)), &run).unwrap();
    let scores = model.score(&Features::rows(values), &run).unwrap();
    let of = |wanted| scores.iter().zip(&labels).filter(move |(_, label)| **label == wanted).map(|(s, _)| *s);
    let wins: f64 = of(Label::Anomalous)
        .flat_map(|odd| {
            of(Label::Normal).map(move |normal| {
                if odd > normal {
                    1.0
                } else if odd == normal {
                    0.5
                } else {
                    0.0
                }
            })
        })
        .sum();
    wins / (of(Label::Anomalous).count() * of(Label::Normal).count()) as f64
}

#[test]
fn each_kind_is_found_by_what_it_is_made_for() {
    for (method, kind) in [
        ("k_nearest_neighbors", Kind::Local),
        ("ecod", Kind::Global),
        ("isolation_forest", Kind::Cluster),
        ("mahalanobis", Kind::Dependency),
    ] {
        let found = auroc(method, kind);
        assert!(found > 0.8, "{method} {kind}: {found}");
    }
}

/// What looks at one column at a time cannot see that columns are wrong together.
#[test]
fn dependency_is_hidden_from_single_columns() {
    for method in ["column_z_score", "ecod", "hbos"] {
        let found = auroc(method, Kind::Dependency);
        assert!((0.4..0.6).contains(&found), "{method}: {found}");
    }
}
