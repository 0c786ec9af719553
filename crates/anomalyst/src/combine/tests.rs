//! Closed forms, reference values and properties of scales and rules.

use anomalyst_kernels::distributions::normal_quantile;
use anomalyst_kernels::stats::IQR_TO_SIGMA;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn robust(scores: &[f32]) -> ScoreScale {
    ScoreScale::of(scores, MemberScale::Robust, false)
}

/// `kind` with `params`, its groups as given, on scores that stay as they are.
fn combined(kind: &str, weights: &[f64], groups: &[Vec<usize>], rows: &[Vec<f64>]) -> Vec<f64> {
    let rule = (registry::combinator(kind).unwrap().from_json)(&Value::Null).unwrap();
    let row = |row: &Vec<f64>| rule.combine(&mut MemberScores { scores: &mut row.clone(), weights, groups });
    rows.iter().map(row).collect()
}

fn merged(kind: &str, members: &[(Vec<f32>, &ScoreScale, f64)]) -> Vec<f32> {
    let weights = members.iter().map(|(_, _, weight)| *weight).collect();
    let rule = (registry::combinator(kind).unwrap().from_json)(&Value::Null).unwrap();
    let combination = Combination { rule, weights, groups: Vec::new() };
    combination.merge(members.iter().map(|(own, scale, _)| (own.clone(), *scale)).collect(), &Run::new(0))
}

fn draw(kind: &str, params: &Value, n_members: usize, seed: u64) -> Vec<Vec<usize>> {
    let rule = (registry::combinator(kind).unwrap().from_json)(params).unwrap();
    rule.draw(n_members, &mut Run::new(seed).random(0))
}

#[test]
fn registry_is_sorted_and_described() {
    assert!(COMBINATORS.is_sorted_by(|a, b| a.card.id < b.card.id));
    for entry in COMBINATORS {
        assert!(entry.card.summary.ends_with('.') && !entry.card.paper.is_empty());
        let properties = (entry.schema)()["properties"].clone();
        for (name, property) in properties.as_object().into_iter().flatten() {
            let is_documented = property.get("description").is_some() || property.get("$ref").is_some();
            assert!(is_documented, "{}.{name}", entry.card.id);
        }
        let error = (entry.from_json)(&json!({ "no_such_parameter": 1 })).err().unwrap().to_string();
        assert!(error.contains("no_such_parameter") && error.contains(entry.card.id), "{error}");
    }
}

#[test]
fn closed_form() {
    // Median 2, quartiles 1 and 3.
    let scale = robust(&[0.0, 1.0, 2.0, 3.0, 4.0]);
    assert!((scale.apply(2.0 + IQR_TO_SIGMA as f32 * 2.0) - 1.0).abs() < 1e-6);
    let twice = merged("mean", &[(vec![2.0, 4.0], &scale, 1.0), (vec![2.0, 2.0], &scale, 3.0)]);
    assert_eq!(twice[0], 0.0);
    assert!((f64::from(twice[1]) - scale.apply(4.0) / 4.0).abs() < 1e-6);
    let most = merged("maximum", &[(vec![2.0], &scale, 1.0), (vec![4.0], &scale, 1.0)]);
    assert!((f64::from(most[0]) - scale.apply(4.0)).abs() < 1e-6);
}

#[test]
fn ties_and_constants_have_a_spread() {
    assert_eq!(robust(&[5.0; 4]).apply(6.0), 1.0);
    assert!(robust(&[0.0, 0.0, 0.0, 0.0, 9.0]).apply(9.0).is_finite());
    for kind in [MemberScale::Robust, MemberScale::Ranks, MemberScale::NormalRanks] {
        for scores in [&[][..], &[5.0], &[5.0; 4], &[f32::MIN, f32::MAX]] {
            let scale = ScoreScale::of(scores, kind, true);
            assert!([f32::MIN, 5.0, 6.0, f32::MAX].iter().all(|&s| scale.apply(s).is_finite()), "{kind:?}");
        }
    }
}

/// Of 1, 2, 3, 4 the second is the third from the top of five places; 7 is 4.5 from the median where 4 is 1.5.
#[test]
fn rank_scales_in_closed_form() {
    let scores = [4.0, 2.0, 1.0, 3.0];
    let ranks = ScoreScale::of(&scores, MemberScale::Ranks, false);
    assert_eq!([2.0, 4.0].map(|s| ranks.apply(s)), [-0.6, -0.2]);
    assert!((ranks.apply(7.0) + 1.0 / 15.0).abs() < 1e-15 && (ranks.say(7.0) - 14.0 / 15.0).abs() < 1e-15);
    let normal = ScoreScale::of(&scores, MemberScale::NormalRanks, false);
    assert!((normal.apply(7.0) - normal_quantile(14.0 / 15.0)).abs() < 1e-12);
    assert!((normal.apply(1.5) + normal.apply(3.5)).abs() < 1e-12);
    let compressed = ScoreScale::of(&scores, MemberScale::NormalRanks, true);
    assert_eq!(compressed.apply(7.0), normal.apply(7.0).ln_1p());
}

/// combo 0.1.3 and SciPy 1.17.1 through `golden/combine.py`; nine digits are printed.
#[test]
fn matches_reference() {
    let z = |i: i64, j: i64| ((37 * i * i + 11 * i * j + 53 * j * j + 29 * i) % 101) as f64 / 32.0 - 1.0;
    let rows: Vec<Vec<f64>> = (0..7).map(|i| (0..6).map(|j| z(i, j)).collect()).collect();
    let order = [0, 1, 5, 2, 4, 3];
    let buckets = |size: usize| order.chunks(size).map(<[usize]>::to_vec).collect::<Vec<_>>();
    let close = |got: Vec<f64>, want: [f64; 7]| {
        assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() <= 1e-8 * w.abs().max(0.1)), "{got:?}");
    };
    for (kind, size, want) in REFERENCE {
        let groups = if size == 0 { Vec::new() } else { buckets(size) };
        close(combined(kind, &[1.0; 6], &groups, &rows), want);
    }
    let column = |j: usize| rows.iter().map(|row| row[j] as f32).collect::<Vec<_>>();
    let with = |kind: &str, scale: MemberScale| {
        let scales: Vec<_> = (0..6).map(|j| ScoreScale::of(&column(j), scale, false)).collect();
        let members: Vec<_> = (0..6).map(|j| (column(j), &scales[j], 1.0)).collect();
        merged(kind, &members).into_iter().map(f64::from).collect::<Vec<_>>()
    };
    let from_top = with("rank", MemberScale::Ranks).into_iter().map(|s| (8.0 + 8.0 * s) * (1.0 + 1e-12));
    let far = |got: f64, want: f64| (got - want).abs() > 2e-6;
    assert!(!from_top.zip(MEAN_RANK).any(|(got, want)| far(got, want)));
    assert!(!with("mean", MemberScale::NormalRanks).into_iter().zip(NORMAL_SCORES).any(|(g, w)| far(g, w)));
}

const REFERENCE: [(&str, usize, [f64; 7]); 7] = [
    ("mean", 0, [-0.0208333333, 0.796875, 0.244791667, 0.953125, 0.291666667, 0.890625, 0.645833333]),
    ("maximum", 0, [1.28125, 2.0625, 1.46875, 1.875, 2.09375, 2.0, 1.90625]),
    ("median", 0, [-0.1875, 0.796875, 0.140625, 1.71875, -0.28125, 0.984375, 0.4375]),
    ("average_of_maximum", 3, [0.96875, 1.5625, 1.140625, 1.875, 2.078125, 1.546875, 1.890625]),
    ("maximum_of_average", 3, [0.28125, 1.27083333, 0.364583333, 1.77083333, 0.354166667, 1.0, 0.927083333]),
    ("average_of_maximum", 2, [0.4375, 1.44791667, 0.864583333, 1.03125, 1.20833333, 1.52083333, 1.26041667]),
    ("maximum_of_average", 2, [0.765625, 1.03125, 0.296875, 1.875, 1.03125, 0.984375, 1.390625]),
];
const MEAN_RANK: [f64; 7] = [2.66666667, 4.83333333, 3.16666667, 4.83333333, 3.66666667, 4.83333333, 4.0];
const NORMAL_SCORES: [f64; 7] =
    [-0.52206813, 0.277936477, -0.27173464, 0.277936477, -0.112414958, 0.297938018, 0.0524067554];

#[test]
fn buckets_are_as_the_page_says() {
    for kind in ["average_of_maximum", "maximum_of_average"] {
        let sizes = |params: Value, n| {
            let mut sizes: Vec<usize> = draw(kind, &params, n, 3).iter().map(Vec::len).collect();
            sizes.sort_unstable();
            sizes
        };
        assert_eq!(sizes(json!({}), 20), [4; 5]);
        assert_eq!(sizes(json!({}), 7), [2, 2, 3]);
        assert_eq!(sizes(json!({}), 1), [1]);
        assert_eq!(sizes(json!({"n_buckets": 9}), 4), [1; 4]);
        assert!(sizes(json!({"n_buckets": 50, "sizes": "random"}), 9).iter().all(|s| (2..=4).contains(s)));
        assert_eq!(sizes(json!({"n_buckets": 2, "sizes": "random"}), 2), [2, 2]);
        assert_eq!(draw(kind, &json!({}), 8, 1), draw(kind, &json!({}), 8, 1));
        assert_ne!(draw(kind, &json!({}), 8, 1), draw(kind, &json!({}), 8, 2));
    }
    for kind in ["mean", "maximum", "median", "rank"] {
        assert!(draw(kind, &json!({}), 8, 1).is_empty());
    }
}

proptest! {
    /// Every member in one bucket, and the inequalities between the rules.
    #[test]
    fn rules_are_ordered(rows in prop::collection::vec(prop::collection::vec(-5.0..5.0_f64, 9), 1..8), seed: u64, n in 1..10_u64) {
        let groups = draw("average_of_maximum", &json!({ "n_buckets": n }), 9, seed);
        let mut all: Vec<usize> = groups.concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..9).collect::<Vec<_>>());
        let of = |kind| combined(kind, &[1.0; 9], &groups, &rows);
        let (mean, maximum) = (of("mean"), of("maximum"));
        for (kind, scores) in [("aom", of("average_of_maximum")), ("moa", of("maximum_of_average"))] {
            for ((low, high), s) in mean.iter().zip(&maximum).zip(&scores) {
                // Buckets differ in size by one at most, so AOM may fall short of the mean by the spread of small buckets.
                prop_assert!(*s <= high + 1e-12, "{kind}");
                prop_assert!(kind == "aom" || *s >= low - 1e-12, "{kind} {s} {low}");
            }
        }
        let limit = |kind: &str, n| combined(kind, &[1.0; 9], &draw(kind, &json!({ "n_buckets": n }), 9, seed), &rows);
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        prop_assert!(near(&limit("average_of_maximum", 1), &maximum) && near(&limit("average_of_maximum", 9), &mean));
        prop_assert!(near(&limit("maximum_of_average", 9), &maximum) && near(&limit("maximum_of_average", 1), &mean));
    }

    /// No scale changes the order of a member's scores, on either side of the training scores.
    #[test]
    fn scales_keep_the_order(train in prop::collection::vec(-9.0..9.0_f32, 2..40), a in -40.0..40.0_f32, by in 0.01..30.0_f32, compress: bool) {
        for kind in [MemberScale::Robust, MemberScale::Ranks, MemberScale::NormalRanks] {
            let scale = ScoreScale::of(&train, kind, compress);
            let (low, high) = (scale.apply(a), scale.apply(a + by));
            prop_assert!(low < high, "{:?} {} {}", kind, low, high);
        }
    }
}
