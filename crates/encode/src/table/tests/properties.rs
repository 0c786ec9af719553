//! What holds for every table, on tables drawn at random.

use proptest::prelude::*;

use anomalyst_core::ColumnKind;
use anomalyst_kernels::stats::quantile_of_sorted;

use super::super::numbers::Scaler;
use super::super::{Categories, Missing, Scale};
use super::*;

/// Cells of a column, as small numbers that each kind of column reads in its own way.
fn cells(n_rows: usize) -> impl Strategy<Value = Vec<Option<i8>>> {
    prop::collection::vec(prop::option::weighted(0.9, -3..9_i8), n_rows)
}

/// A number, a category, a boolean and a time column, with gaps; the order of levels differs between tables.
pub(super) fn mixed(n_rows: usize) -> impl Strategy<Value = Vec<Column>> {
    let four = (cells(n_rows), cells(n_rows), cells(n_rows), cells(n_rows));
    four.prop_map(|(a, b, c, d)| {
        let text = |v: &Option<i8>| v.map_or(String::new(), |v| format!("l{v}"));
        let texts: Vec<String> = b.iter().map(text).collect();
        let yes = |v: &Option<i8>| v.map_or("", |v| if v > 3 { "yes" } else { "no" });
        let time = |v: &Option<i8>| v.map_or(i64::MIN, |v| i64::from(v) * 3_000_000_000_000);
        vec![
            numbers("n", &a.iter().map(|v| v.map_or(NAN, |v| 1e9 + f64::from(v) / 3.0)).collect::<Vec<_>>()),
            category("c", &texts.iter().map(String::as_str).collect::<Vec<_>>()),
            words("b", ColumnKind::Boolean, &c.iter().map(yes).collect::<Vec<_>>()),
            times("t", &d.iter().map(time).collect::<Vec<_>>()),
        ]
    })
}

pub(super) fn settings() -> impl Strategy<Value = (TableEncoder, Wants)> {
    let scale =
        prop::sample::select(vec![Scale::Span, Scale::Robust, Scale::Standard, Scale::MinMax, Scale::None]);
    let categories = prop::sample::select(vec![Categories::Auto, Categories::Frequency, Categories::OneHot]);
    let missing = prop::sample::select(vec![Missing::Auto, Missing::Impute]);
    let wants = prop::sample::select(vec![PLAIN, NATIVE]);
    (scale, categories, missing, wants).prop_map(|(scale, categories, missing, wants)| {
        (TableEncoder { scale, categories, missing, max_one_hot_levels: 5 }, wants)
    })
}

/// Rows as bits, so that missing equals missing.
pub(super) fn bits(encoded: &Encoded) -> Vec<(Vec<u32>, Vec<u32>)> {
    let features = &encoded.features;
    let codes = |row: usize| features.codes.as_ref().map(|c| c.row(row).to_vec()).unwrap_or_default();
    let values = |row: usize| features.values.row(row).iter().map(|v| v.to_bits()).collect();
    (0..features.n_parts()).map(|row| (values(row), codes(row))).collect()
}

fn inner(columns: Vec<Column>) -> Table {
    Table::new(columns).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_row_does_not_depend_on_its_batch(train in mixed(25), new in mixed(9), (params, wants) in settings()) {
        let Ok((fitted, _)) = params.fit(&table(train), wants, &Run::new(0)) else { return Ok(()) };
        let new = inner(new);
        let whole = bits(&encode(&fitted, &Dataset::Table(new.clone())));
        for (row, features) in whole.iter().enumerate() {
            let single = bits(&encode(&fitted, &Dataset::Table(new.take(&[row]))));
            prop_assert_eq!(&single[0], features);
        }
    }

    #[test]
    fn orders_do_not_matter(train in mixed(25), new in mixed(9), (params, wants) in settings()) {
        // Sums depend on the order of rows in their last bits, quantiles do not.
        prop_assume!(params.scale != Scale::Standard);
        let train = inner(train);
        let Ok((fitted, _)) = params.fit(&Dataset::Table(train.clone()), wants, &Run::new(0)) else { return Ok(()) };
        let backwards: Vec<usize> = (0..train.n_rows).rev().collect();
        let (again, _) = fit(&params, wants, &Dataset::Table(train.take(&backwards)));
        let mut turned = new.clone();
        turned.reverse();
        let (a, b) = (encode(&fitted, &table(new)), encode(&again, &table(turned)));
        prop_assert_eq!(a.features.codes, b.features.codes);
        a.features.values.iter().zip(&b.features.values).for_each(|(a, b)| {
            assert!((a - b).abs() <= 1e-5 * a.abs() || (a.is_nan() && b.is_nan()), "{a} {b}");
        });
    }

    #[test]
    fn widths_names_and_gaps_are_as_promised(train in mixed(25), new in mixed(9), (params, wants) in settings()) {
        let data = table(train);
        let Ok((fitted, _)) = params.fit(&data, wants, &Run::new(0)) else { return Ok(()) };
        let gaps = params.missing == Missing::Auto && wants.missing == Handles::Native;
        for data in [data, table(new)] {
            let features = encode(&fitted, &data).features;
            prop_assert_eq!(features.n_values(), fitted.value_origins().len());
            prop_assert_eq!(features.n_codes(), fitted.code_origins().len());
            prop_assert_eq!(features.first_not_finite(gaps), None);
        }
    }

    #[test]
    fn threads_do_not_matter(train in mixed(40), (params, wants) in settings()) {
        let data = table(train);
        let on = |n_threads: usize| {
            let run = Run::new(0).with_threads(n_threads);
            let (fitted, notices) = params.fit(&data, wants, &run).ok()?;
            Some((bits(&fitted.encode(&data, &run).unwrap()), notices))
        };
        prop_assert_eq!(on(1), on(4));
    }

    /// The sorted quantile of the kernels is the oracle; fewer than five rows are in the range.
    #[test]
    fn robust_units_are_exact(mut rows in prop::collection::vec(-1e6..1e6_f64, 2..40)) {
        let mut sorted = rows.clone();
        sorted.sort_by(f64::total_cmp);
        let [q1, median, q3] = [0.25, 0.5, 0.75].map(|q| quantile_of_sorted(&sorted, q));
        let fitted = Scaler::fit(&mut rows, Scale::Robust).unwrap();
        prop_assert_eq!(fitted.scaler.center, median);
        prop_assert_eq!(fitted.scaler.unit, (q3 - q1) * anomalyst_kernels::stats::IQR_TO_SIGMA);
    }
}
