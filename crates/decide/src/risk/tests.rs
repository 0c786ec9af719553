//! Every card of small problems is tried; the search must find the best one and bound it truly.

use super::cells::bits;
use super::lattice::Lattice;
use super::slim::Slim;
use super::*;
use anomalyst_core::{Column, ColumnData, ColumnKind};
use proptest::prelude::*;
use rand::RngExt;

fn numbers(name: &str, cells: Vec<f64>) -> Column {
    Column { name: name.into(), kind: ColumnKind::Number, data: ColumnData::Numbers(cells) }
}

/// Columns of 0 and 1 called `f0`, `f1`, ...
fn table_of(patterns: &[u64], n_bits: usize) -> Table {
    let cells = |bit: usize| patterns.iter().map(|p| (p >> bit & 1) as f64).collect();
    Table::new((0..n_bits).map(|bit| numbers(&format!("f{bit}"), cells(bit))).collect()).unwrap()
}

/// All whole vectors within the limits.
fn vectors(low: &[i32], high: &[i32]) -> Vec<Vec<i32>> {
    let mut all = vec![Vec::new()];
    for (low, high) in low.iter().zip(high) {
        let longer = |v: &Vec<i32>| (*low..=*high).map(|x| [v.clone(), vec![x]].concat()).collect::<Vec<_>>();
        all = all.iter().flat_map(longer).collect();
    }
    all
}

fn used(points: &[i32]) -> u64 {
    points.iter().enumerate().map(|(j, p)| u64::from(*p != 0) << j).sum()
}

fn risk_objective(cells: &Cells, card: &[i32], price: f64) -> f64 {
    let (points, offset) = card.split_at(cells.n_bits);
    let loss = relax::loss(cells, |bit| f64::from(points[bit]), f64::from(offset[0]));
    loss + price * f64::from(used(points).count_ones())
}

fn errors(cells: &Cells, points: &[i32], threshold: i32) -> f64 {
    let wrong = |i: usize| {
        let total: i32 = bits(cells.patterns[i]).map(|bit| points[bit]).sum();
        if total >= threshold { cells.normal[i] } else { cells.anomalous[i] }
    };
    (0..cells.patterns.len()).map(wrong).sum()
}

/// Rows as (pattern, label) of at most 4 bits.
fn rows() -> impl Strategy<Value = Vec<(u64, bool)>> {
    prop::collection::vec((0..16_u64, any::<bool>()), 6..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_risk_card_is_the_best_of_all(rows in rows(), k in 1..4_usize, price in prop::sample::select(vec![1e-6, 0.01, 0.05])) {
        let cells = Cells::count(rows.into_iter(), 4);
        let (low, high) = (vec![-2, -2, 0, -2, -3], vec![2, 2, 2, 0, 3]);
        let best = vectors(&low, &high).into_iter()
            .filter(|card| used(&card[..4]).count_ones() as usize <= k)
            .map(|card| risk_objective(&cells, &card, price))
            .fold(f64::INFINITY, f64::min);
        let run = Run::new(0).with_threads(1);
        let found = search(&Lattice::new(cells.clone(), low, high, price), k, &run, &run).unwrap();
        prop_assert!((found.best.objective - best).abs() < 1e-7, "{} {best}", found.best.objective);
        prop_assert!(found.lower <= best + 1e-12 && found.lower >= best - 1e-7 && found.stopped.is_none());
    }

    /// A bound of a node is below every card of the node, also where the relaxation is not solved.
    #[test]
    fn bounds_hold(rows in rows(), certain in 0..16_u64, free in 0..16_u64, room in 0..3_usize) {
        let cells = Cells::count(rows.into_iter(), 4);
        let (low, high) = (vec![-2, -1, 0, -2, -3], vec![2, 2, 2, 1, 3]);
        let free = free & !certain;
        let lattice = Lattice::new(cells.clone(), low.clone(), high.clone(), 0.02);
        let bound = lattice.bound(certain, free, room, f64::INFINITY);
        let of_set = lattice.bound_of_set(certain, f64::INFINITY);
        for card in vectors(&low, &high) {
            let set = used(&card[..4]);
            let objective = risk_objective(&cells, &card, 0.02);
            if set & certain == certain && set & !(certain | free) == 0 && (set & free).count_ones() as usize <= room {
                prop_assert!(bound <= objective + 1e-9, "{bound} {objective} {card:?}");
            }
            prop_assert!(set != certain || of_set <= objective + 1e-9);
        }
    }

    #[test]
    fn the_card_for_verdicts_is_the_best_of_all(rows in rows(), k in 1..4_usize, price in prop::sample::select(vec![0.0, 0.02, 0.1])) {
        let cells = Cells::count(rows.into_iter(), 4);
        let (low, high) = (vec![-2, -2, 0, -2], vec![2, 2, 2, 0]);
        let best = vectors(&low, &high).into_iter()
            .filter(|points| used(points).count_ones() as usize <= k)
            .map(|points| {
                let errors = (-9..=9).map(|t| errors(&cells, &points, t)).fold(f64::INFINITY, f64::min);
                errors / cells.total + price * f64::from(used(&points).count_ones())
            })
            .fold(f64::INFINITY, f64::min);
        let run = Run::new(0).with_threads(1);
        let found = search(&Slim::new(cells.clone(), low, high, price, k), k, &run, &run).unwrap().best;
        let points: Vec<i32> = (0..4).map(|j| bits(found.set).position(|b| b == j).map_or(0, |at| found.points[at])).collect();
        let now = errors(&cells, &points, -found.offset) / cells.total + price * f64::from(used(&points).count_ones());
        prop_assert!((now - best).abs() < 1e-9, "{now} {best}");
        // Between equals the smallest points win, so that no divisor is left.
        prop_assert!(points.iter().fold(0, |a, b| divisor(a, *b)) <= 1, "{points:?}");
    }
}

/// Rows whose labels follow a card of three features, between twelve that mean nothing.
fn planted(n: usize) -> (Table, Vec<bool>) {
    let mut random = Run::new(3).random(0);
    let patterns: Vec<u64> = (0..n).map(|_| random.random_range(0..1_u64 << 15)).collect();
    let risk =
        |p: &u64| sigmoid(3.0 * (p & 1) as f64 + 2.0 * (p >> 4 & 1) as f64 - 2.0 * (p >> 9 & 1) as f64 - 2.0);
    let labels = patterns.iter().map(|p| random.random::<f64>() < risk(p)).collect();
    (table_of(&patterns, 15), labels)
}

#[test]
fn a_planted_card_is_found_and_proven() {
    let (table, labels) = planted(3000);
    let (card, _) =
        RiskScore { max_features: 3, ..RiskScore::default() }.fit(&table, &labels, &Run::new(0)).unwrap();
    let lines: Vec<(String, i32)> = card.items.iter().map(|i| (i.indicator.to_string(), i.points)).collect();
    assert_eq!(lines, [("f0 >= 1".into(), 3), ("f4 >= 1".into(), 2), ("f9 >= 1".into(), -2)]);
    assert_eq!((card.offset, card.certificate.gap, &card.certificate.stopped), (-2, 0.0, &None));
    // Risks by the card are near the shares that were seen.
    for total in card.totals.iter().filter(|t| t.n_rows >= 300) {
        let seen = total.n_anomalous as f64 / total.n_rows as f64;
        assert!((total.risk.unwrap() - seen).abs() < 0.07, "{total:?}");
    }
}

#[test]
fn limits_are_kept_and_reduce_what_can_be_reached() {
    let (table, labels) = planted(1500);
    let free = RiskScore { max_features: 3, ..RiskScore::default() };
    let signs = vec![("f9".to_owned(), Sign::Positive), ("f4".to_owned(), Sign::Negative)];
    let held = RiskScore { signs, points: [-1, 2], ..free.clone() };
    let run = Run::new(0);
    let (free, held) =
        (free.fit(&table, &labels, &run).unwrap().0, held.fit(&table, &labels, &run).unwrap().0);
    assert!(held.items.iter().all(|i| (-1..=2).contains(&i.points) && i.indicator.column != "f9"));
    assert!(held.items.iter().all(|i| i.indicator.column != "f4" || i.points < 0));
    assert!(held.certificate.objective > free.certificate.objective);
}

#[test]
fn a_card_for_verdicts_separates_what_can_be_separated() {
    let patterns: Vec<u64> = (0..256).collect();
    // Flagged where two of three hold.
    let labels: Vec<bool> = patterns.iter().map(|p| (p & 0b10101).count_ones() >= 2).collect();
    let score = RiskScore { kind: Kind::Verdict, ..RiskScore::default() };
    let (card, _) = score.fit(&table_of(&patterns, 8), &labels, &Run::new(0)).unwrap();
    let lines: Vec<(String, i32)> =
        card.items.iter().map(|i| (i.indicator.column.clone(), i.points)).collect();
    assert_eq!(lines, [("f0".into(), 1), ("f2".into(), 1), ("f4".into(), 1)]);
    assert_eq!((card.offset, card.certificate.gap), (-2, 0.0));
    assert!(card.totals.iter().all(|t| t.risk.is_none() && (t.n_anomalous == t.n_rows) == t.flagged));
}

#[test]
fn without_time_there_is_a_card_and_an_honest_gap() {
    let (table, labels) = planted(1000);
    let score = RiskScore { time_limit: Duration::ZERO, ..RiskScore::default() };
    let run = Run::new(0);
    let short = score.fit(&table, &labels, &run).unwrap().0;
    assert_eq!(short.certificate.stopped.as_deref(), Some("the time limit"));
    assert!(short.certificate.gap > 0.0);
    let full = RiskScore::default().fit(&table, &labels, &run).unwrap().0;
    assert!(short.certificate.lower_bound <= full.certificate.objective);
    assert!(full.certificate.objective <= short.certificate.objective);
    run.cancel().set();
    assert!(matches!(score.fit(&table, &labels, &run), Err(Error::Cancelled)));
}

#[test]
fn threads_change_nothing() {
    let (table, labels) = planted(600);
    let on =
        |threads| RiskScore::default().fit(&table, &labels, &Run::new(0).with_threads(threads)).unwrap().0;
    assert_eq!(on(1), on(4));
}

#[test]
fn wrong_use_is_said() {
    let (table, labels) = planted(60);
    let run = Run::new(0);
    let fails = |score: RiskScore, word: &str| {
        let error = score.fit(&table, &labels, &run).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    fails(RiskScore { max_features: 0, ..RiskScore::default() }, "max-features");
    fails(RiskScore { max_indicators: 65, ..RiskScore::default() }, "max-indicators");
    fails(RiskScore { points: [1, 5], ..RiskScore::default() }, "around 0");
    fails(RiskScore { price: Some(f64::NAN), ..RiskScore::default() }, "price");
    fails(RiskScore { signs: vec![("f99".into(), Sign::Positive)], ..RiskScore::default() }, "f99");
    let one = RiskScore::default().fit(&table, &[false; 60], &run).unwrap_err().to_string();
    assert!(one.contains("both labels"), "{one}");
}

#[test]
fn columns_that_say_nothing_leave_the_intercept() {
    let table = Table::new(vec![numbers("x", vec![1.0; 8])]).unwrap();
    let labels = [true, false, false, false, false, false, false, false];
    let card = RiskScore::default().fit(&table, &labels, &Run::new(0)).unwrap().0;
    assert!(card.items.is_empty());
    // ln(1/7) is -1.95.
    assert_eq!((card.offset, card.certificate.gap), (-2, 0.0));
    assert_eq!(card.totals.len(), 1);
}
