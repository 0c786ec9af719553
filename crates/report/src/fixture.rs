//! A self-made outcome for the tests: orders of a shop, mixed types, missing values, twelve odd ones.

use anomalyst_core::{
    AbstentionSummary, Change, ColumnEvidence, ColumnKind, ColumnProfile, Counterfactual, DecisionSummary,
    Decisions, Evidence, Exactness, Expected, Finding, Interval, LevelCount, MapPoint, MemberSummary,
    MethodSummary, NearestRow, Notice, NoticeKind, Outcome, ProfileValues, Reproduce, RowMap, Severity,
    SourceSummary, ThresholdSummary, Timing, Verdict,
};
use serde_json::json;

/// Uniform numbers from a linear congruential generator (Knuth's MMIX constants).
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal: the sum of twelve uniforms less six.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// What an odd row is made of: its sentence, its columns with value and share, and what would make it normal.
struct Odd {
    sentence: &'static str,
    columns: &'static [(&'static str, &'static str, f32)],
    change: Option<(&'static str, &'static str)>,
}

const ODD: [Odd; 12] = [
    Odd {
        sentence: "amount is 98211.5, usually 12.4 to 480; country NZ is in 0.05 % of rows; weight_kg is 0.02, usually 0.3 to 12.",
        columns: &[
            ("amount", "98211.5", 0.71),
            ("country", "NZ", 0.18),
            ("weight_kg", "0.02", 0.08),
            ("channel", "phone", 0.03),
        ],
        change: Some(("amount", "463.2")),
    },
    Odd {
        sentence: "items is 410, usually 1 to 9, and delivery_days is missing, as in 6 % of rows.",
        columns: &[("items", "410", 0.86), ("delivery_days", "", 0.14)],
        change: Some(("items", "8")),
    },
    Odd {
        sentence: "delivery_days is -14; it is never below 0 elsewhere.",
        columns: &[("delivery_days", "-14", 0.94), ("express", "yes", 0.06)],
        change: Some(("delivery_days", "1.5")),
    },
    Odd {
        sentence: "placed_at is 1970-01-01; other orders are from 2024-01-03 to 2024-12-29.",
        columns: &[("placed_at", "1970-01-01", 0.97), ("amount", "55.2", 0.03)],
        change: Some(("placed_at", "2024-01-09T07:12:00Z")),
    },
    Odd {
        sentence: "discount is 100 for an amount of 455.1; discounts of amounts like this are 0 to 15.",
        columns: &[("discount", "100", 0.64), ("amount", "455.1", 0.33), ("items", "9", 0.03)],
        change: Some(("discount", "14.5")),
    },
    Odd {
        sentence: "weight_kg is 74.2, usually 0.3 to 12, although items is only 1.",
        columns: &[("weight_kg", "74.2", 0.79), ("items", "1", 0.21)],
        change: Some(("weight_kg", "11.2")),
    },
    Odd {
        sentence: "channel fax is in 0.1 % of rows.",
        columns: &[("channel", "fax", 0.9), ("country", "SE", 0.1)],
        change: None,
    },
    Odd {
        sentence: "express orders are delivered in 0.5 to 2 days, this one in 19.",
        columns: &[("delivery_days", "19", 0.58), ("express", "yes", 0.42)],
        change: Some(("express", "no")),
    },
    Odd {
        sentence: "country NZ is in 0.05 % of rows and amount is 470.9, usually 12.4 to 480.",
        columns: &[("country", "NZ", 0.77), ("amount", "470.9", 0.23)],
        change: Some(("country", "FI")),
    },
    Odd {
        sentence: "items is 24, usually 1 to 9.",
        columns: &[("items", "24", 0.8), ("amount", "18.3", 0.2)],
        change: Some(("items", "9")),
    },
    Odd {
        sentence: "discount is 62.5, usually 0 to 20.",
        columns: &[("discount", "62.5", 1.0)],
        change: Some(("discount", "21.0")),
    },
    Odd {
        sentence: "amount is 3.1, usually 12.4 to 480, at a weight_kg of 11.8.",
        columns: &[("amount", "3.1", 0.51), ("weight_kg", "11.8", 0.49)],
        change: Some(("amount", "12.9")),
    },
];

/// Two thousand orders.
pub(crate) fn outcome() -> Outcome {
    outcome_of(2_000)
}

/// `n_rows` orders, of which twelve are flagged and two left to a person; scores have a long tail.
pub(crate) fn outcome_of(n_rows: usize) -> Outcome {
    let mut random = Uniform(7);
    let mut scores: Vec<f32> =
        (0..n_rows).map(|_| (0.34 + 0.06 * random.normal() + 0.12 * random.next().powi(6)) as f32).collect();
    let odd_rows: Vec<usize> = (0..ODD.len()).map(|i| (i * 157 + 41) % n_rows).collect();
    for (i, &row) in odd_rows.iter().enumerate() {
        scores[row] = 0.9321 - 0.0211 * i as f32 - 0.003 * (i % 3) as f32;
    }
    let findings: Vec<Finding> =
        odd_rows.iter().enumerate().map(|(i, &row)| finding(i, row, &scores)).collect();
    let mut decisions = decisions(&scores);
    for finding in &findings {
        decisions.verdict[finding.row] = finding.verdict;
        decisions.severity[finding.row] = finding.severity;
    }
    let mut reasons = vec![String::new(); n_rows];
    findings.iter().for_each(|f| reasons[f.row].clone_from(&f.evidence.sentence));
    Outcome {
        source: SourceSummary {
            paths: vec!["orders-2024.csv".into()],
            format: "csv, delimiter ';', gzip".into(),
            n_rows,
            n_columns: 12,
            n_used: 9,
            n_bytes: 187_312,
        },
        method: method(),
        decision: decision(),
        ids: Some((0..n_rows).map(|row| format!("A-{:05}", 10_000 + row)).collect()),
        map: Some(map(&findings, n_rows, &mut random)),
        scores,
        decisions,
        reasons,
        findings,
        profiles: profiles(n_rows, &mut random),
        notices: notices(),
        reproduce: reproduce(),
        timing: [
            ("read", 0.0113),
            ("encode", 0.0041),
            ("fit and score", 0.2218),
            ("decide", 0.0612),
            ("explain", 0.0391),
        ]
        .map(|(stage, secs)| Timing { stage: stage.into(), secs })
        .to_vec(),
        ..Outcome::default()
    }
}

fn decisions(scores: &[f32]) -> Decisions {
    let logistic = |s: f32| 1.0 / (1.0 + (-30.0 * (f64::from(s) - 0.66)).exp());
    let p = |s: f32| (1.0 - f64::from(s)).powi(9);
    Decisions {
        p_value: Some(scores.iter().map(|&s| p(s)).collect()),
        probability: Some(scores.iter().map(|&s| logistic(s)).collect()),
        confidence: Some(scores.iter().map(|&s| logistic(s).max(1.0 - logistic(s))).collect()),
        verdict: vec![Verdict::Normal; scores.len()],
        severity: vec![Severity::None; scores.len()],
    }
}

fn finding(i: usize, row: usize, scores: &[f32]) -> Finding {
    let odd = &ODD[i];
    let severity = match i {
        0 | 1 => Severity::Critical,
        2..=4 => Severity::High,
        5..=8 => Severity::Medium,
        _ => Severity::Low,
    };
    let value =
        |name: &str| odd.columns.iter().find(|(column, ..)| *column == name).map_or("", |(_, v, _)| v);
    let columns = odd.columns.iter().map(|&(column, value, share)| ColumnEvidence {
        column: column.into(),
        value: value.into(),
        share,
        expected: expected(column, value),
    });
    let near = |(column, ..): &(&str, &str, f32)| typical(column).to_owned();
    let probability = [0.9994, 0.9991, 0.991, 0.986, 0.97, 0.95, 0.94, 0.91, 0.88, 0.84, 0.8, 0.71][i];
    Finding {
        row,
        name: format!("A-{:05}", 10_000 + row),
        score: scores[row],
        p_value: Some(0.00003 * (i + 1) as f64),
        probability: Some(probability),
        confidence: Some(1.0 - 0.035 * i as f64),
        verdict: Verdict::Anomalous,
        severity,
        evidence: Evidence {
            columns: columns.collect(),
            exactness: if i.is_multiple_of(2) { Exactness::Exact } else { Exactness::Ablation },
            nearest_normal: Some(NearestRow {
                row: 512 + i,
                name: format!("A-{:05}", 10_512 + i),
                values: odd.columns.iter().map(near).collect(),
            }),
            counterfactual: odd.change.map(|(column, to)| Counterfactual {
                changes: vec![Change { column: column.into(), from: value(column).into(), to: to.into() }],
                score: 0.551 + 0.004 * i as f32,
            }),
            sentence: odd.sentence.into(),
        },
    }
}

fn typical(column: &str) -> &'static str {
    match column {
        "amount" => "88.4",
        "items" => "2",
        "weight_kg" => "2.6",
        "delivery_days" => "3.5",
        "discount" => "5",
        "placed_at" => "2024-06-18T10:31:07Z",
        "country" => "FI",
        "channel" => "web",
        _ => "no",
    }
}

fn expected(column: &str, value: &str) -> Expected {
    let range = |low: &str, high: &str| Expected::Range {
        low: low.into(),
        typical: typical(column).into(),
        high: high.into(),
        tail: 0.0005,
    };
    let levels = |common: &[(&str, f64)]| Expected::Levels {
        common: common.iter().map(|&(level, share)| (level.to_owned(), share)).collect(),
        own: common.iter().find(|(level, _)| *level == value).map_or(0.0005, |&(_, share)| share),
    };
    match column {
        _ if value.is_empty() => Expected::Missing { missing: 0.061 },
        "amount" => range("12.4", "480"),
        "items" => range("1", "9"),
        "weight_kg" => range("0.3", "12"),
        "delivery_days" => range("0.5", "9"),
        "discount" => range("0", "20"),
        "placed_at" => range("2024-01-10T02:11:54Z", "2024-12-21T19:40:02Z"),
        "country" => levels(&[("FI", 0.62), ("SE", 0.21), ("NO", 0.09), ("DE", 0.05), ("EE", 0.02)]),
        "channel" => levels(&[("web", 0.71), ("app", 0.25), ("phone", 0.04)]),
        _ => levels(&[("no", 0.83), ("yes", 0.17)]),
    }
}

fn method() -> MethodSummary {
    let member = |id: &str, title: &str, params| MemberSummary {
        id: id.into(),
        title: title.into(),
        params,
        weight: 1.0 / 3.0,
    };
    MethodSummary {
        id: "auto".into(),
        title: "Isolation forest, ECOD and nearest neighbours combined".into(),
        why: "2,000 rows of mixed types with missing values, which these three judge from different sides"
            .into(),
        members: vec![
            member(
                "isolation_forest",
                "Isolation forest",
                json!({"n_trees": 200, "sample_size": 256, "extension": 0}),
            ),
            member("ecod", "Empirical cumulative distributions", json!({})),
            member(
                "k_nearest_neighbors",
                "Distance to the k-th neighbour",
                json!({"n_neighbors": 10, "take": "mean"}),
            ),
        ],
    }
}

fn decision() -> DecisionSummary {
    DecisionSummary {
        threshold: ThresholdSummary {
            name: "contamination posterior".into(),
            value: 0.6544,
            expected_alert_rate: Some(Interval { low: 0.0008, mean: 0.0017, high: 0.0031, level: 0.9 }),
        },
        contamination: Some(Interval { low: 0.0038, mean: 0.0062, high: 0.0104, level: 0.9 }),
        p_value_meaning: "Share of normal rows that score at least this high, each row judged by models that did not see it.".into(),
        probability_meaning: "Posterior probability of being anomalous, given the scores of all members.".into(),
        alert_rate_meaning: "of normal rows".into(),
        abstention: Some(AbstentionSummary { rate: 0.01, rate_bound: 0.03, cost_bound: 0.012, costs: [1.0, 1.0, 0.1] }),
        n_anomalous: 12,
        n_abstain: 2,
    }
}

fn map(findings: &[Finding], n_rows: usize, random: &mut Uniform) -> RowMap {
    let mut points: Vec<MapPoint> = (0..n_rows.min(2_500))
        .map(|row| {
            let group = if row % 3 == 0 { 2.4 } else { -1.2 };
            MapPoint {
                row: row + findings.len() * 200,
                x: (group + random.normal()) as f32,
                y: (0.4 * group + 0.8 * random.normal()) as f32,
            }
        })
        .collect();
    points.extend(findings.iter().enumerate().map(|(i, f)| MapPoint {
        row: f.row,
        x: 9.0 - 1.3 * i as f32,
        y: if i % 2 == 0 { 5.5 - 0.2 * i as f32 } else { -4.5 + 0.1 * i as f32 },
    }));
    RowMap {
        axes: [
            "first principal component (31 % of the variance)".into(),
            "second principal component (17 % of the variance)".into(),
        ],
        points,
    }
}

fn profile(
    name: &str,
    kind: ColumnKind,
    n_missing: usize,
    n_distinct: usize,
    values: ProfileValues,
) -> ColumnProfile {
    ColumnProfile {
        name: name.into(),
        kind,
        used: true,
        why_not: String::new(),
        n_missing,
        n_distinct,
        values,
    }
}

fn numbers(cells: &mut [f64], odd: &[f64]) -> ProfileValues {
    cells.sort_by(f64::total_cmp);
    let at = |q: f64| cells[((cells.len() - 1) as f64 * q) as usize];
    let min = odd.iter().copied().fold(at(0.0), f64::min);
    let max = odd.iter().copied().fold(at(1.0), f64::max);
    let n_bins = 40;
    let bin_edges: Vec<f64> = (0..=n_bins).map(|i| min + (max - min) * i as f64 / n_bins as f64).collect();
    let mut bin_counts = vec![0; n_bins];
    for &cell in cells.iter().chain(odd) {
        let bin = ((cell - min) / (max - min) * n_bins as f64) as usize;
        bin_counts[bin.min(n_bins - 1)] += 1;
    }
    let (low, median, high) = (at(0.025), at(0.5), at(0.975));
    ProfileValues::Numbers { min, low, median, high, max, bin_edges, bin_counts, odd: odd.to_vec() }
}

fn levels(rows: &[(&str, usize, usize)]) -> ProfileValues {
    let level =
        |&(level, n_rows, n_odd): &(&str, usize, usize)| LevelCount { level: level.into(), n_rows, n_odd };
    ProfileValues::Levels { common: rows.iter().map(level).collect(), n_other: 3 }
}

fn profiles(n_rows: usize, random: &mut Uniform) -> Vec<ColumnProfile> {
    use ColumnKind::{Boolean, Category, Identifier, Number, Text, Timestamp};
    let mut draw = |cell: &dyn Fn(f64, f64) -> f64, odd: &[f64]| {
        let mut cells: Vec<f64> = (0..n_rows).map(|_| cell(random.normal(), random.next())).collect();
        numbers(&mut cells, odd)
    };
    let jan = 1_704_067_200e6;
    let placed = draw(&|_, u| jan + 364.0 * 86_400e6 * u, &[]);
    let amount = draw(&|z, _| (4.4 + 0.9 * z).exp(), &[3.1, 455.1, 470.9, 2211.5]);
    let items = draw(&|_, u| (1.0 - 3.0 * (1.0 - u).ln()).floor(), &[24.0, 1.0, 9.0]);
    let discount = draw(&|_, u| if u < 0.6 { 0.0 } else { (50.0 * (u - 0.6)).floor() }, &[62.5, 100.0]);
    let weight = draw(&|z, _| (1.0 + 0.8 * z).exp(), &[74.2, 0.02, 11.8]);
    let days = draw(&|z, _| (3.5 + 1.6 * z).abs(), &[-14.0, 19.0]);
    let left_out = |name: &str, kind, why_not: &str| ColumnProfile {
        used: false,
        why_not: why_not.into(),
        ..profile(name, kind, 0, n_rows, ProfileValues::Nothing)
    };
    vec![
        left_out("order_id", Identifier, "a different value in every row; it names the rows"),
        profile("placed_at", Timestamp, 0, n_rows - 3, placed),
        profile("amount", Number, 0, 1_931, amount),
        profile("items", Number, 4, 21, items),
        profile("discount", Number, 311, 23, discount),
        profile(
            "country",
            Category,
            0,
            9,
            levels(&[
                ("FI", 1240, 3),
                ("SE", 420, 2),
                ("NO", 180, 1),
                ("DE", 100, 0),
                ("EE", 40, 0),
                ("NZ", 2, 2),
            ]),
        ),
        profile(
            "channel",
            Category,
            17,
            4,
            levels(&[("web", 1420, 6), ("app", 500, 3), ("phone", 78, 1), ("fax", 2, 1)]),
        ),
        profile("express", Boolean, 0, 2, levels(&[("no", 1660, 7), ("yes", 340, 5)])),
        profile("weight_kg", Number, 88, 1_804, weight),
        profile("delivery_days", Number, 122, 1_877, days),
        left_out("note", Text, "free text"),
        left_out("currency", Category, "one value in every row"),
    ]
}

fn notices() -> Vec<Notice> {
    let notice = |kind, column: Option<&str>, message: &str| Notice {
        kind,
        column: column.map(str::to_owned),
        message: message.into(),
        tally: None,
    };
    vec![
        notice(NoticeKind::Info, None, "The delimiter is `;` and numbers use a decimal point."),
        notice(
            NoticeKind::Handled,
            Some("order_id"),
            "Left out: a different value in every row names the rows.",
        ),
        notice(NoticeKind::Handled, Some("note"), "Left out: free text (1,204 different values)."),
        notice(NoticeKind::Handled, Some("currency"), "Left out: `EUR` in every row."),
        notice(
            NoticeKind::Handled,
            Some("discount"),
            "311 missing values (16 %) replaced by the median for methods that need all; an indicator column was added.",
        ),
        notice(NoticeKind::Handled, Some("weight_kg"), "2 cells `n.a.` and `-` read as missing."),
        notice(NoticeKind::Info, Some("placed_at"), "Times without a zone are taken as UTC."),
        notice(NoticeKind::Handled, None, "1 row was shorter than the header; the rest of it is missing."),
    ]
}

fn reproduce() -> Reproduce {
    Reproduce {
        version: "0.1.0".into(),
        command: "anomalyst scan orders-2024.csv.gz --id order_id --report orders.html".into(),
        seed: 42,
        recipe: "name = \"auto\"\nmodality = \"table\"\n\n[encoder]\nkind = \"table\"\nscale = \"robust\"\n\n[detector]\nkind = \"combine\"\nmembers = [\"isolation_forest\", \"ecod\", \"k_nearest_neighbors\"]\n\n[decision]\nkind = \"contamination_posterior\"\n".into(),
        inputs: vec![(
            "orders-2024.csv.gz".into(),
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        )],
    }
}
