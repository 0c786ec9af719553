//! Every rule of combination and every scale in a whole pipeline: batches, model files, damage.

#![allow(clippy::unwrap_used, reason = "a test stops where something fails")]

use std::collections::BTreeMap;

use anomalyst::core::{Dataset, ModelReader, ModelWriter, Run, Tensor};
use anomalyst::data::{ReadOptions, open_bytes};
use anomalyst::pipeline::Pipeline;
use anomalyst::recipe::Recipe;
use anomalyst::registry;
use serde_json::{Value, json};

const N: usize = 120;

fn table(n: usize, shift: f64) -> Dataset {
    let mut text = String::from("a,b,c\n");
    for i in 0..n {
        let u = |a: f64| ((i as f64 + shift) * a).fract();
        let far = if i % 40 == 17 { 4.0 } else { 0.0 };
        text += &format!("{:.4},{:.4},{:.4}\n", u(0.618) + far, u(0.414) * u(0.618), u(0.732) - far);
    }
    let run = Run::new(0);
    let source = open_bytes("table", text.into_bytes(), &ReadOptions::default(), &run).unwrap();
    Dataset::Table(anomalyst::read(&source, &run).unwrap().table)
}

/// Six cheap members, one on each scale and with each kind of compression.
fn recipe(kind: &str) -> Recipe {
    let member = |detector: &str, more: &str| {
        format!("[[members]]\n{more}\n[members.detector]\nkind = \"{detector}\"\n")
    };
    let text = [
        "name = \"six\"\ntitle = \"t\"\nsummary = \"s\"\npaper = \"p\"\nmodality = \"table\"\n[encoder]\nkind = \"table\"\n",
        &member("column_z_score", ""),
        &member("hbos", "scale = \"normal_ranks\""),
        &member("median_absolute_deviation", "compress = true"),
        &member("ecod", "scale = \"ranks\"\nweight = 2.0"),
        &member("k_nearest_neighbors", "scale = \"normal_ranks\"\ncompress = true"),
        &member("pca", "scale = \"robust\""),
        &format!("[combine]\nkind = \"{kind}\"\n"),
    ];
    Recipe::from_toml(&text.concat()).unwrap()
}

type Saved = (BTreeMap<String, Tensor>, BTreeMap<String, Value>);

fn saved(pipeline: &Pipeline) -> Saved {
    let mut out = ModelWriter::new();
    pipeline.save(&mut out).unwrap();
    out.finish()
}

fn load((tensors, json): &Saved) -> Result<Pipeline, String> {
    Pipeline::load(&ModelReader::new(tensors, json)).map_err(|e| e.to_string())
}

#[test]
fn a_row_scores_the_same_in_any_batch_and_after_loading() {
    let run = Run::new(3);
    let new = table(50, 0.37);
    for entry in registry::combinators() {
        let kind = entry.card.id;
        let (pipeline, report) = Pipeline::fit(&recipe(kind), &table(N, 0.0), &run).unwrap();
        assert!(report.scores.iter().all(|s| s.is_finite()), "{kind}");
        let mut order: Vec<usize> = (0..N).collect();
        order.sort_by(|&a, &b| report.scores[b].total_cmp(&report.scores[a]));
        assert!(order[..3].iter().all(|i| i % 40 == 17), "{kind}: {:?}", &order[..3]);
        let together = pipeline.score(&new, &run).unwrap().0;
        for (i, want) in together.iter().enumerate() {
            let alone = pipeline.score(&new.take(&[i]), &run).unwrap().0;
            assert_eq!(alone[0].to_bits(), want.to_bits(), "{kind}, row {i}");
        }
        let files = saved(&pipeline);
        let loaded = load(&files).unwrap();
        assert_eq!(loaded.score(&new, &run.child(7)).unwrap().0, together, "{kind}");
        assert_eq!(saved(&loaded), files, "{kind}");
        let one_thread = Pipeline::fit(&recipe(kind), &table(N, 0.0), &run.clone().with_threads(1)).unwrap();
        assert_eq!(one_thread.1.scores, report.scores, "{kind}");
    }
}

#[test]
fn damaged_combinations_are_refused_by_name() {
    let pipeline = Pipeline::fit(&recipe("average_of_maximum"), &table(N, 0.0), &Run::new(3)).unwrap().0;
    let good = saved(&pipeline);
    let refused = |why: &str, damage: &dyn Fn(&mut Saved)| {
        let mut bad = good.clone();
        damage(&mut bad);
        let error = load(&bad).err().unwrap_or_default();
        assert!(error.contains(why), "`{error}` does not say `{why}`");
    };
    for groups in [json!([]), json!([[0, 1], []]), json!([[0, 6]])] {
        refused("groups", &|bad| drop(bad.1.insert("combine/groups".into(), groups.clone())));
    }
    refused("groups", &|bad| drop(bad.1.remove("combine/groups")));
    refused("combine/groups", &|bad| drop(bad.1.insert("combine/groups".into(), json!("x"))));
    let scores = "member1/training_scores";
    assert_eq!(good.0[scores].shape, [N]);
    refused("training_scores", &|bad| drop(bad.0.remove(scores)));
    refused("in order", &|bad| bad.0.get_mut(scores).unwrap().bytes[3] ^= 0x40);
    refused("not finite", &|bad| bad.0.get_mut(scores).unwrap().bytes[N * 4 - 4..].fill(0x7f));
    refused("not finite", &|bad| {
        let tensor = bad.0.get_mut(scores).unwrap();
        tensor.bytes.clear();
        tensor.shape = vec![0];
    });
    let spread =
        |v: Value| move |bad: &mut Saved| bad.1.get_mut("member0").unwrap()["scale"]["spread"] = v.clone();
    refused("scale", &spread(json!(0.0)));
    refused("scale", &spread(json!("x")));
    refused("`averag_of_maximum`, did you mean `average_of_maximum`?", &|bad| {
        bad.1.get_mut("recipe").unwrap()["combine"]["kind"] = json!("averag_of_maximum");
    });
    refused("n_buckets", &|bad| bad.1.get_mut("recipe").unwrap()["combine"]["n_buckets"] = json!(0));
}
