//! Recipes of published systems reach what their papers claim, on simulated data of the kind.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops where something fails")]

use anomalyst::core::{Random, Run, Verdict};
use anomalyst::data::{ReadOptions, open_bytes};
use anomalyst::decide::{DecideOptions, Rule};
use anomalyst::{Options, fit, read, score};
use rand::{RngExt, SeedableRng};

fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

/// Core temperature, supply current, clock of a ring oscillator and core voltage of a chip under changing load. From
/// `ONSET` on, dose builds up until the chip stops at the end: more leakage, slower gates, a sagging supply. Load moves
/// current and clock much further than dose does, so every reading stays in its range until shortly before the end.
fn chip_log(seed: u64) -> Vec<[f64; 4]> {
    let mut random = Random::seed_from_u64(seed);
    let mut row = |i: usize| {
        let t = i as f64;
        let wander = 0.05 * normal(&mut random);
        let load =
            (0.5 + 0.35 * (t / 37.0).sin() + 0.15 * (t / 11.0 + seed as f64).sin() + wander).clamp(0.0, 1.0);
        let dose = dose(i);
        let heat = 25.0 * load + 3.0 * (t / 29.0).sin() + 0.5 * normal(&mut random);
        [
            40.0 + heat,
            0.8 + 0.6 * load + 0.004 * heat + 0.02 * normal(&mut random) + 0.35 * dose,
            500.0 - 30.0 * load - 0.2 * heat + normal(&mut random) - 22.0 * dose,
            1.0 - 0.02 * load + 0.002 * normal(&mut random) - 0.015 * dose,
        ]
    };
    (0..N).map(&mut row).collect()
}

const N: usize = 2000;
const HEALTHY: usize = 900;
const ONSET: usize = 1100;

fn dose(i: usize) -> f64 {
    (i as f64 - ONSET as f64).max(0.0) / (N - ONSET) as f64
}

fn csv(header: &str, rows: &[[f64; 4]]) -> Vec<u8> {
    let line = |row: &[f64; 4]| row.map(|v| format!("{v:.5}")).join(",") + "\n";
    (header.to_owned() + &rows.iter().map(line).collect::<String>()).into_bytes()
}

/// Verdicts on the rest of the log after learning from its healthy part.
fn alarms(method: &str, log: &[[f64; 4]]) -> Vec<bool> {
    let run = Run::new(0);
    let header = "temperature,current,clock,voltage\n";
    let source = |rows| open_bytes("log", csv(header, rows), &ReadOptions::default(), &run).unwrap();
    let decide = DecideOptions {
        rule: Some(Rule::AlertRate { share: 0.02 }),
        abstain: Some(false),
        ..DecideOptions::default()
    };
    let options = Options { method: method.into(), decide, ..Options::default() };
    let (_, model) = fit(read(&source(&log[..HEALTHY]), &run).unwrap(), &options, &run).unwrap();
    let outcome = score(&model, &source(&log[HEALTHY..]), &Options::default(), &run).unwrap();
    outcome.decisions.verdict.iter().map(|&verdict| verdict == Verdict::Anomalous).collect()
}

/// The paper reports a recall of 0.95, and alarms before every failure. Readings are labelled anomalous from a third of
/// the dose that stops the chip; five alarms in a row count as a warning.
#[test]
fn sensor_boundary_warns_before_the_failure() {
    for seed in 0..5 {
        let log = chip_log(seed);
        let share = |alarms: &[bool], from: usize, until: usize| {
            let part = &alarms[from - HEALTHY..until - HEALTHY];
            part.iter().filter(|&&alarm| alarm).count() as f64 / part.len() as f64
        };
        let labelled = (ONSET..N).find(|&i| dose(i) > 1.0 / 3.0).unwrap();
        let (own, control) = (alarms("sensor_boundary", &log), alarms("column_z_score", &log));
        let recall = [&own, &control].map(|alarms| share(alarms, labelled, N));
        let false_alarms = [&own, &control].map(|alarms| share(alarms, HEALTHY, ONSET));
        let warned = own[ONSET - HEALTHY..].windows(5).position(|five| five.iter().all(|&a| a));
        println!(
            "seed {seed}: recall {recall:.3?}, false alarms {false_alarms:.3?}, warned {warned:?} of 900 rows"
        );
        assert!(recall[0] >= 0.9, "seed {seed}: recall {:.3}", recall[0]);
        assert!(recall[1] < recall[0] - 0.2, "seed {seed}: the control's recall is {:.3}", recall[1]);
        assert!(false_alarms[0] <= 0.1, "seed {seed}: {:.3} of healthy readings alarm", false_alarms[0]);
        assert!(warned.is_some_and(|at| at < 450), "seed {seed}: warned {warned:?} rows after the onset");
    }
}

/// Shipments of three products among 40 countries in four regions; trade between regions goes through a hub each, as
/// sizes of countries fall off like 1 / rank. Three routes carry foil at 8 to 20 times its price.
fn trade(seed: u64) -> (Vec<u8>, Vec<bool>) {
    let mut random = Random::seed_from_u64(seed);
    let products = [("primary", 2.4), ("scrap", 1.2), ("foil", 8.0)];
    let mut text = String::from("exporter,importer,product,quantity,unit_price,value\n");
    let mut planted = Vec::new();
    let country = |random: &mut Random, region: usize| {
        let rank = (1.0 / (1.0 - 0.91 * random.random::<f64>())).floor() as usize;
        region + 4 * (rank - 1).min(9)
    };
    for row in 0..5000 {
        let wrong = row % 139 == 70;
        let region = random.random_range(0..4);
        let mut from = country(&mut random, region);
        let mut to = country(&mut random, region);
        match random.random_range(0..6) {
            0 => (from, to) = (from, (region + 1) % 4),
            1 => (from, to) = ((region + 3) % 4, to),
            _ => {}
        }
        let (mut product, mut price) = products[random.random_range(0..3)];
        let mut factor = (0.15 * normal(&mut random)).exp();
        if wrong {
            (from, to) = [(13, 2), (22, 3), (31, 1)][row / 139 % 3];
            (product, price) = products[2];
            factor *= 8.0 + 12.0 * random.random::<f64>();
        }
        let quantity = (7.0 + 1.5 * normal(&mut random)).exp();
        price *= factor;
        text += &format!("C{from:02},C{to:02},{product},{quantity:.1},{price:.3},{:.2}\n", quantity * price);
        planted.push(wrong);
    }
    (text.into_bytes(), planted)
}

/// Every mispriced shipment is in the top 1 %, and its price is the first reason. The digits are no use alone.
#[test]
fn trade_prices_names_the_price_of_mispriced_routes() {
    let run = Run::new(0);
    for seed in 0..3 {
        let (text, planted) = trade(seed);
        let source = open_bytes("trade", text, &ReadOptions::default(), &run).unwrap();
        let ranks = |method: &str, n_findings: usize| {
            let options = Options {
                method: method.into(),
                n_findings,
                decide: DecideOptions {
                    rule: Some(Rule::TopK { k: 50 }),
                    abstain: Some(false),
                    ..DecideOptions::default()
                },
                ..Options::default()
            };
            let outcome = anomalyst::scan(read(&source, &run).unwrap(), &options, &run).unwrap().0;
            let mut order: Vec<usize> = (0..planted.len()).collect();
            order.sort_by(|&a, &b| outcome.scores[b].total_cmp(&outcome.scores[a]));
            let found = order[..50].iter().filter(|&&row| planted[row]).count();
            (outcome, found)
        };
        let n_planted = planted.iter().filter(|&&wrong| wrong).count();
        let (outcome, found) = ranks("trade_prices", 50);
        println!("seed {seed}: {found} of {n_planted} in the top 50; {:?}", outcome.notices[0].message);
        assert_eq!(found, n_planted, "seed {seed}");
        for finding in outcome.findings.iter().filter(|finding| planted[finding.row]) {
            let first = &finding.evidence.columns[0].column;
            assert_eq!(
                first, "unit_price",
                "seed {seed}, row {}: {}",
                finding.row, finding.evidence.sentence
            );
        }
        let hubs = outcome.notices.iter().find(|n| n.message.starts_with("hubs")).map(|n| n.message.clone());
        assert!(hubs.is_some_and(|hubs| ["C00", "C01", "C02", "C03"].iter().all(|hub| hubs.contains(hub))));
        let control = ranks("column_z_score", 1).1;
        println!("seed {seed}: column_z_score finds {control}");
        assert!(control < n_planted, "the control finds {control} of {n_planted}");
    }
}
