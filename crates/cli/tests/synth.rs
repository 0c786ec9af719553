//! What `synth` does: planted kinds, SMOTE, judged pools, and what is read back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where something fails")]

mod support;

use support::{Folder, penguins, sample_csv};

/// The rows of a CSV without quotes, and its header.
fn rows(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    (lines.next().unwrap(), lines.collect())
}

fn column(text: &str, name: &str) -> Vec<String> {
    let (header, rows) = rows(text);
    let at = header.iter().position(|column| column == name).unwrap_or_else(|| panic!("no {name}"));
    rows.into_iter().map(|row| row[at].clone()).collect()
}

#[test]
fn planted_files_are_read_by_every_command() {
    let folder = Folder::new().with("a.csv", sample_csv(190));
    let ran = folder.run("synth a.csv --kind local,global,cluster,dependency --share 0.05 --out p.csv").ok();
    assert!(ran.stdout.contains("190 normal rows (5.00 % of 200)"), "{}", ran.stdout);
    let text = folder.read("p.csv");
    assert_eq!(rows(&text).0, ["length", "width", "weight", "color", "label", "anomaly"]);
    let (labels, kinds) = (column(&text, "label"), column(&text, "anomaly"));
    assert_eq!(labels.iter().filter(|label| *label == "1").count(), 10);
    for (label, kind) in labels.iter().zip(&kinds) {
        assert_eq!(label == "1", kind != "normal");
    }
    for kind in ["local", "global", "cluster", "dependency"] {
        assert!((2..=3).contains(&kinds.iter().filter(|of| *of == kind).count()), "{kinds:?}");
    }
    // Cells that were there are written as they were.
    let of_normal = text.lines().filter(|line| line.ends_with(",0,normal")).count();
    assert_eq!(of_normal, 190);
    assert!(text.contains("\n95.5,-40.25,3.5,red,0,normal\n"));
    folder.run("scan p.csv --label label --ignore anomaly --method ecod --out s.csv").ok();
    let judged = folder.run("eval s.csv --labels p.csv --metrics auroc --json").ok().json();
    assert_eq!((judged["n"].as_u64(), judged["n_odd"].as_u64()), (Some(200), Some(10)));
    let ran = folder.run("bench --kind table --data p.csv --methods ecod --out r.ndjson").ok();
    assert!(ran.stdout.contains("ecod"));
    let row: serde_json::Value =
        serde_json::from_str(folder.read("r.ndjson").lines().find(|l| l.contains("\"ecod\"")).unwrap())
            .unwrap();
    assert_eq!(row["d"], 4, "neither label nor kind is a feature: {row}");
}

#[test]
fn seeds_and_formats() {
    let folder = Folder::new().with("a.csv", sample_csv(60));
    let line = "synth a.csv --kind local,dependency --share 0.2";
    folder.run(&format!("{line} --out 1.csv")).ok();
    folder.run(&format!("{line} --out 2.csv --threads 1")).ok();
    folder.run(&format!("{line} --out 3.csv --seed 9")).ok();
    assert_eq!(folder.read("1.csv"), folder.read("2.csv"));
    assert_ne!(folder.read("1.csv"), folder.read("3.csv"));
    for name in ["1.tsv", "1.parquet", "1.ndjson", "1.json"] {
        folder.run(&format!("{line} --out {name}")).ok();
        folder.run(&format!("synth {name} --label label --ignore anomaly --kind global --out back.csv")).ok();
        // The same 60 normal rows come back from every format.
        let lengths = |text: &str| {
            let (labels, lengths) = (column(text, "label"), column(text, "length"));
            let normal = labels.into_iter().zip(lengths).filter(|(label, _)| label == "0");
            normal.map(|(_, length)| length).collect::<Vec<_>>()
        };
        assert_eq!(lengths(&folder.read("back.csv")), lengths(&folder.read("1.csv")), "{name}");
    }
    let json = folder.run(&format!("{line} --out 1.csv --json")).ok().json();
    assert_eq!((json["n_planted"].as_u64(), json["kinds"]["local"].as_u64()), (Some(15), Some(8)));
}

/// Categories, missing cells, and columns that new rows cannot have.
#[test]
fn penguins_have_planted_ones_among_them() {
    let folder = Folder::new();
    let line = format!("synth {} --kind cluster,dependency --share 0.1 --out p.ndjson", penguins().display());
    folder.run(&line).ok();
    let text = folder.read("p.ndjson");
    let parsed: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (odd, normal): (Vec<_>, Vec<_>) = parsed.iter().partition(|row| row["label"] == 1.0);
    assert!(odd.len() > 30 && odd.len() * 9 >= normal.len() - 9);
    for key in ["Species", "Island"] {
        for row in &odd {
            assert!(row[key].is_string() && normal.iter().any(|other| other[key] == row[key]), "{row}");
        }
    }
}

#[test]
fn smote_balances_classes() {
    let mut text = String::from("x,y,kind,fraud\n");
    for i in 0..100 {
        let odd = i % 10 == 0;
        text += &format!("{},{},{},{}\n", i % 17, i * 7 % 23, ["a", "b"][i % 2], u8::from(odd));
    }
    let folder = Folder::new().with("t.csv", text);
    let ran = folder.run("synth t.csv --label fraud --kind smote --keep 0.5 --out b.csv").ok();
    assert!(ran.stdout.contains("35 anomalous rows") && ran.stdout.contains("45 of 90"), "{}", ran.stdout);
    let text = folder.read("b.csv");
    let (labels, origins) = (column(&text, "label"), column(&text, "origin"));
    assert_eq!(labels.iter().filter(|label| *label == "1").count(), 45);
    assert_eq!(origins.iter().filter(|origin| *origin == "smote").count(), 35);
    assert!(labels.iter().zip(&origins).all(|(label, origin)| label == "1" || origin == "observed"));
    folder.run("synth t.csv --kind smote --out c.csv").fails(1, &["--label"]);
    folder
        .run("synth t.csv --label fraud --kind smote --share 0.05 --out c.csv")
        .fails(2, &["share", "0.1000"]);
    assert!(!folder.exists("c.csv"));
}

#[test]
fn pools_are_judged() {
    let mut pool = String::from("length,width,weight,color\n");
    for i in 0..30 {
        let u = |a: f64| (f64::from(i) * a).fract();
        let (by, far) = match i % 3 {
            0 => (0.0, 0.0),
            1 => (1.6, 0.0),
            _ => (0.0, 5000.0),
        };
        pool += &format!(
            "{:.4},{:.4},{:.4},red\n",
            10.0 + u(0.41) + by + far,
            5.0 + u(0.73) - far,
            2.0 + u(0.618)
        );
    }
    let folder = Folder::new().with("a.csv", sample_csv(200)).with("pool.csv", pool);
    let ran = folder.run("synth a.csv --judge pool.csv --best 0.3 --out best.csv").ok();
    assert!(ran.stdout.contains("30 rows") && ran.stdout.contains("9 kept"), "{}", ran.stdout);
    let text = folder.read("best.csv");
    assert_eq!(rows(&text).0, ["row", "quality", "length", "width", "weight", "color"]);
    // Row numbers count from 1: those that are neither like normal rows nor absurd leave the rest 2 when divided by 3.
    let good = column(&text, "row").iter().filter(|row| row.parse::<usize>().unwrap() % 3 == 2).count();
    assert!(good >= 8, "{text}");
    let json = folder.run("synth a.csv --judge pool.csv --method ecod --json").ok().json();
    assert_eq!(json["rows"].as_array().unwrap().len(), 30);
    folder.run("synth a.csv --judge pool.csv --method no_such").fails(2, &["no_such"]);
    folder.run("synth a.csv --judge gone.csv").fails(1, &["gone.csv"]);
}

#[test]
fn wrong_use_is_said_and_leaves_nothing() {
    let folder = Folder::new()
        .with("a.csv", sample_csv(50))
        .with("one.csv", "x,y\n1,2\n")
        .with("levels.csv", "x,y\na,b\nb,b\na,c\nb,c\na,b\n")
        .with("taken.csv", "x,label\n1,5\n2,6\n3,7\n4,8\n5,9\n6,5\n");
    let before = folder.names();
    folder.run("synth a.csv --out p.csv").fails(2, &["--kind"]);
    folder.run("synth a.csv --kind local").fails(2, &["--out"]);
    folder.run("synth a.csv --kind locl --out p.csv").fails(2, &["locl", "local"]);
    folder.run("synth a.csv --kind local,smote --out p.csv").fails(2, &["smote alone"]);
    folder.run("synth a.csv --kind local,local --out p.csv").fails(2, &["twice"]);
    folder.run("synth a.csv --kind local --share 0.7 --out p.csv").fails(2, &["share", "0.5"]);
    folder.run("synth a.csv --kind local --share 1.5 --out p.csv").fails(2, &["1.5"]);
    folder.run("synth a.csv --kind local --factor 0 --out p.csv").fails(2, &["factor"]);
    folder.run("synth a.csv --kind smote --label color --out p.csv").fails(1, &["color"]);
    folder.run("synth a.csv --kind smote --factor 2 --out p.csv").fails(2, &["factor", "smote"]);
    folder.run("synth a.csv --kind local --keep 0.5 --out p.csv").fails(2, &["keep", "--kind smote"]);
    folder.run("synth a.csv --kind local --method ecod --out p.csv").fails(2, &["method", "--judge"]);
    folder.run("synth a.csv --kind local --out p.xlsx").fails(2, &["p.xlsx", ".parquet"]);
    folder.run("synth a.csv --kind local --out no/p.csv").fails(1, &["no"]);
    folder.run("synth one.csv --kind local --out p.csv").fails(1, &["at least 2 rows"]);
    folder.run("synth levels.csv --kind local --out p.csv").fails(1, &["dependency"]);
    folder.run("synth taken.csv --kind local --out p.csv").fails(1, &["`label`", "--ignore"]);
    folder.run("synth a.csv --kind local --judge a.csv --out p.csv").fails(2, &["--judge"]);
    folder.run("synth gone.csv --kind local --out p.csv").fails(1, &["gone.csv"]);
    assert_eq!(folder.names(), before);
}
