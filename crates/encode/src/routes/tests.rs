//! Hubs and routes of small graphs whose answer is known; damaged encoders.

use super::*;
use anomalyst_core::{ColumnKind, Handles};
use proptest::prelude::*;

fn text(name: &str, cells: &[&str]) -> Column {
    let mut levels: Vec<String> = cells.iter().map(|c| (*c).to_owned()).collect();
    levels.sort_unstable();
    levels.dedup();
    let code = |cell: &&str| levels.binary_search(&(*cell).to_owned()).unwrap() as u32;
    let codes = cells.iter().map(code).collect();
    let data = ColumnData::Codes { codes, levels: std::sync::Arc::new(levels.clone()) };
    Column { name: name.into(), kind: ColumnKind::Category, data }
}

fn number(name: &str, cells: Vec<f64>) -> Column {
    Column { name: name.into(), kind: ColumnKind::Number, data: ColumnData::Numbers(cells) }
}

fn table(from: &[&str], to: &[&str], price: Vec<f64>) -> Dataset {
    Dataset::Table(
        Table::new(vec![text("exporter", from), text("importer", to), number("unit_price", price)]).unwrap(),
    )
}

fn fit(params: &RouteEncoder, data: &Dataset) -> Result<(FittedRouteEncoder, Notices)> {
    params.fit(data, Wants { missing: Handles::Refuses, codes: Handles::Refuses }, &Run::new(0))
}

/// a -> h -> b and a -> h -> c: both ways from a pass h, and no other place is passed.
#[test]
fn closed_form_of_hub_and_route() {
    let data = table(&["a", "a", "h", "h"], &["h", "h", "b", "c"], vec![1.0, 2.0, 3.0, 4.0]);
    let (fitted, notices) = fit(&RouteEncoder::default(), &data).unwrap();
    assert!(notices.0[0].message.ends_with("h (100 %)"), "{notices:?}");
    let values = fitted.encode(&data, &Run::new(0)).unwrap().features.values;
    let row = |i: usize| values.row(i).to_vec();
    let close = |got: f32, want: f64| assert!((f64::from(got) - want).abs() < 1e-6, "{got} {want}");
    // Twice on a route of two rows from a and two to h: expected 2 * 2 / 4 = 1.
    close(row(0)[1], 0.0);
    close(row(0)[2], 3.0_f64.ln());
    close(row(0)[3], -(3.0_f64 / 2.0).ln());
    close(row(2)[1], 3.0_f64.ln());
    close(row(2)[3], -(2.0_f64 / 1.5).ln());
}

/// Prices of 1 and 1000 are each usual for their product, and 1000 is not for the other.
#[test]
fn prices_are_compared_within_products() {
    let product: Vec<&str> = (0..40).map(|i| if i % 2 == 0 { "scrap" } else { "foil" }).collect();
    let around = |i: usize| 1.0 + 0.01 * (i / 2) as f64;
    let mut price: Vec<f64> = (0..40).map(|i| around(i) * if i % 2 == 0 { 1.0 } else { 1000.0 }).collect();
    (price[6], price[8], price[10]) = (1000.0, f64::NAN, -5.0);
    let Dataset::Table(mut plain) = table(&["a"; 40], &["b"; 40], price) else { return };
    plain.columns.push(text("product", &product));
    let data = Dataset::Table(plain);
    let encoder = RouteEncoder { part: RoutePart::Price, ..RouteEncoder::default() };
    let (fitted, _) = fit(&encoder, &data).unwrap();
    let values = fitted.encode(&data, &Run::new(0)).unwrap().features.values;
    assert_eq!(values.ncols(), 1);
    assert!(values[[6, 0]] > 3.0 && (0..40).all(|i| i == 6 || values[[i, 0]].abs() < 2.0), "{values}");
    assert_eq!((values[[8, 0]], values[[10, 0]]), (0.0, 0.0));
}

#[test]
fn a_saved_encoder_is_the_same_and_a_damaged_one_is_refused() {
    let data = table(&["a", "b", "c"], &["b", "c", "a"], vec![1.0, 2.0, 9.0]);
    let (fitted, _) = fit(&RouteEncoder::default(), &data).unwrap();
    let mut out = ModelWriter::new();
    fitted.save(&mut out).unwrap();
    let (tensors, mut json) = out.finish();
    let loaded = FittedRouteEncoder::load(&ModelReader::new(&tensors, &json)).unwrap();
    let run = Run::new(0);
    let later = table(&["a", "new"], &["new", "b"], vec![5.0, 5.0]);
    let values = |of: &FittedRouteEncoder| of.encode(&later, &run).unwrap().features.values;
    assert_eq!(values(&fitted), values(&loaded));
    json.get_mut("routes").unwrap()["usual"][1] = 0.0.into();
    assert!(FittedRouteEncoder::load(&ModelReader::new(&tensors, &json)).is_err());
}

#[test]
fn columns_that_are_not_there_are_named() {
    let data = Dataset::Table(Table::new(vec![number("cost", vec![1.0, 2.0])]).unwrap());
    let message = |params: &RouteEncoder| fit(params, &data).map(|_| ()).unwrap_err().to_string();
    assert!(message(&RouteEncoder::default()).contains("encoder.from=COLUMN"));
    let named = RouteEncoder { from: Some("costs".into()), ..RouteEncoder::default() };
    assert!(message(&named).contains("`cost`"), "{}", message(&named));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    /// Against all pairs by the definition: `sum w(s, v) w(v, t) / w(s, t)` over pairs whose shortest way passes `v`.
    #[test]
    fn betweenness_equals_its_definition(n in 2..8_usize, pairs in prop::collection::vec((0..8_u32, 0..8_u32), 0..20)) {
        let mut edges: Vec<(u32, u32)> =
            pairs.into_iter().filter(|(a, b)| a != b && (*a as usize) < n && (*b as usize) < n).collect();
        edges.sort_unstable();
        edges.dedup();
        let far = 1000;
        let mut distance = vec![vec![far; n]; n];
        (0..n).for_each(|i| distance[i][i] = 0);
        edges.iter().for_each(|&(a, b)| distance[a as usize][b as usize] = 1);
        for (k, i, j) in (0..n * n * n).map(|x| (x / (n * n), x / n % n, x % n)) {
            distance[i][j] = distance[i][j].min(distance[i][k] + distance[k][j]);
        }
        // Ways of each length, by walking edge after edge along distances.
        let mut ways = vec![vec![0.0; n]; n];
        for s in 0..n {
            ways[s][s] = 1.0;
            for length in 1..n {
                for t in (0..n).filter(|&t| distance[s][t] == length) {
                    let before = edges.iter().filter(|e| e.1 as usize == t && distance[s][e.0 as usize] + 1 == length);
                    ways[s][t] = before.map(|e| ways[s][e.0 as usize]).sum();
                }
            }
        }
        let got = betweenness(n, &edges, &Run::new(0)).unwrap();
        for v in 0..n {
            let mut want = 0.0;
            for (s, t) in (0..n * n).map(|x| (x / n, x % n)) {
                let passes = s != v && t != v && s != t && distance[s][t] < far
                    && distance[s][v] + distance[v][t] == distance[s][t];
                if passes {
                    want += ways[s][v] * ways[v][t] / ways[s][t];
                }
            }
            prop_assert!((got[v] - want).abs() < 1e-9, "node {}: {} {}", v, got[v], want);
        }
    }
}
