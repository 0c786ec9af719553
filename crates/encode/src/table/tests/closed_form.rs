//! Each encoding on a few rows solved by hand.

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

use anomalyst_core::{ColumnKind, MISSING_CODE};
use anomalyst_kernels::stats::IQR_TO_SIGMA;

use super::super::{Categories, Missing, Scale};
use super::*;

fn with_scale(scale: Scale) -> TableEncoder {
    TableEncoder { scale, ..TableEncoder::default() }
}

fn values(params: &TableEncoder, wants: Wants, columns: Vec<Column>) -> Vec<f32> {
    let data = table(columns);
    encode(&fit(params, wants, &data).0, &data).features.values.into_raw_vec_and_offset().0
}

/// Rows 1, 2, 3, 4, 10: median 3, quartiles 2 and 4.
#[test]
fn scales() {
    let rows = [4.0, 1.0, 10.0, 2.0, 3.0];
    let column = || vec![numbers("x", &rows)];
    let unit = 2.0 * IQR_TO_SIGMA;
    let robust: Vec<f32> = rows.iter().map(|x| ((x - 3.0) / unit) as f32).collect();
    assert_eq!(values(&with_scale(Scale::Robust), PLAIN, column()), robust);
    // The range is 9, the standard deviation sqrt(10), so a sixth of the range is the smallest.
    let span: Vec<f32> = rows.iter().map(|x| ((x - 3.0) / 1.5) as f32).collect();
    assert_eq!(values(&with_scale(Scale::Span), PLAIN, column()), span);
    // Mean 4; squared deviations 0, 9, 36, 4, 1 sum to 50.
    let standard: Vec<f32> = rows.iter().map(|x| ((x - 4.0) / 10.0_f64.sqrt()) as f32).collect();
    assert_eq!(values(&with_scale(Scale::Standard), PLAIN, column()), standard);
    let min_max: Vec<f32> = rows.iter().map(|x| ((x - 1.0) / 9.0) as f32).collect();
    assert_eq!(values(&with_scale(Scale::MinMax), PLAIN, column()), min_max);
    assert_eq!(values(&with_scale(Scale::None), PLAIN, column()), rows.map(|x| x as f32));
}

/// The numbers 0 to 98 and one as large as `wild`: a unit is at most 5/3 standard deviations, and at most 20 robust
/// ones, so that the others keep their differences.
#[test]
fn wild_values_stretch_a_span_only_so_far() {
    let unit = |wild: f64| {
        let mut rows: Vec<f64> = (0..99).map(f64::from).collect();
        rows.push(wild);
        let got = values(&with_scale(Scale::Span), PLAIN, vec![numbers("x", &rows)]);
        1.0 / f64::from(got[1] - got[0])
    };
    let close = |got: f64, want: f64| assert!((got - want).abs() < 1e-3 * want, "{got} {want}");
    close(unit(99.0), 16.5);
    // Mean 58.51, standard deviation 98.803, 5/3 of it 164.67; a sixth of the range is 166.7.
    close(unit(1000.0), 5.0 / 3.0 * 98.803);
    // Quartiles 24.75 and 74.25.
    close(unit(1e9), 20.0 * 49.5 * IQR_TO_SIGMA);
}

/// Three zeros and a 4: the quartiles are 0, the mean is 1, the deviation is sqrt(3).
#[test]
fn a_sparse_column_is_measured_by_its_deviation() {
    let data = table(vec![numbers("x", &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0, 0.0])]);
    let (fitted, notices) = fit(&with_scale(Scale::Robust), PLAIN, &data);
    let feature = encode(&fitted, &data).features.values[[6, 0]];
    assert_eq!(feature, (8.0 / 7.0_f64.sqrt()) as f32);
    assert_eq!(
        said(&notices),
        [
            "info -: 1 column (`x`): at least half of the rows hold one value, so the unit is the standard deviation"
        ]
    );
}

/// Two of eight rows are missing: p = 1/4, the indicator is -1/4 or 3/4 over sqrt(3)/4.
#[test]
fn missing_numbers_are_imputed_and_marked() {
    let column = || vec![numbers("x", &[1.0, NAN, 3.0, 4.0, NAN, 2.0, 5.0, 9.0])];
    let got = encoded(PLAIN, column()).features.values;
    let (present, missing) = (-1.0 / 3.0_f32.sqrt(), 3.0_f32.sqrt());
    assert_eq!(got.dim(), (8, 2));
    assert_eq!(got[[1, 0]], 0.0);
    assert!((got[[1, 1]] - missing).abs() < 1e-6 && (got[[0, 1]] - present).abs() < 1e-6);
    let native = encoded(NATIVE, column()).features.values;
    assert_eq!(native.dim(), (8, 1));
    assert!(native[[1, 0]].is_nan() && !native[[0, 0]].is_nan());
    let asked = TableEncoder { missing: Missing::Impute, ..TableEncoder::default() };
    assert_eq!(values(&asked, NATIVE, column()), got.into_raw_vec_and_offset().0);
}

#[test]
fn categories_four_ways() {
    let column = || vec![category("c", &["red", "blue", "red", "red", "", "green"])];
    let data = table(column());
    let (fitted, _) = fit(&TableEncoder::default(), PLAIN, &data);
    assert_eq!(names(fitted.value_origins()), ["c:level=blue", "c:level=green", "c:level=red", "c:missing"]);
    let rows = encode(&fitted, &data).features.values;
    assert_eq!(rows.row(0).as_slice().unwrap()[..3], [0.0, 0.0, 1.0]);
    assert_eq!(rows.row(1).as_slice().unwrap()[..3], [1.0, 0.0, 0.0]);
    assert_eq!(rows.row(4).as_slice().unwrap()[..3], [0.0, 0.0, 0.0]);

    let (fitted, _) = fit(&TableEncoder::default(), NATIVE, &data);
    assert_eq!(names(fitted.code_origins()), ["c:level"]);
    let codes = encode(&fitted, &data).features.codes.unwrap();
    assert_eq!(codes.into_raw_vec_and_offset().0, [2, 0, 2, 2, MISSING_CODE, 1]);

    // Five rows, three levels: the shares are 3.5 / 7, 1.5 / 7 and 1.5 / 7; a level never seen has 0.5 / 7.
    let rarity =
        TableEncoder { categories: Categories::Frequency, scale: Scale::None, ..TableEncoder::default() };
    let (fitted, notices) = fit(&rarity, PLAIN, &data);
    let rows = encode(&fitted, &data).features.values;
    let [common, rare] = [-(3.5_f64 / 7.0).ln() as f32, -(1.5_f64 / 7.0).ln() as f32];
    assert_eq!(rows.column(0).to_vec(), [common, rare, common, common, common, rare]);
    assert_eq!(said(&notices)[0], "info c: 3 levels, encoded by how rare each is");
    let new = encode(&fitted, &table(vec![category("c", &["pink"])]));
    assert_eq!(new.features.values[[0, 0]], -(0.5_f64 / 7.0).ln() as f32);
}

/// Two states are as far apart as two levels with a column each.
#[test]
fn booleans_take_one_column() {
    let column = || vec![words("b", ColumnKind::Boolean, &["yes", "no", "yes"])];
    assert_eq!(encoded(PLAIN, column()).features.values.column(0).to_vec(), [SQRT_2, 0.0, SQRT_2]);
    assert_eq!(values(&with_scale(Scale::None), PLAIN, column()), [1.0, 0.0, 1.0]);
    let (fitted, _) = fit(&TableEncoder::default(), PLAIN, &table(column()));
    let new = encode(&fitted, &table(vec![words("b", ColumnKind::Boolean, &["maybe", ""])]));
    assert_eq!(new.features.values.column(0).to_vec(), [FRAC_1_SQRT_2, SQRT_2]);
}

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Unscaled, so that seconds, sines and cosines can be read off.
fn time_rows(cells: &[i64]) -> (Vec<String>, Vec<Vec<f32>>) {
    let data = table(vec![times("t", cells)]);
    let (fitted, _) = fit(&with_scale(Scale::None), PLAIN, &data);
    let rows = encode(&fitted, &data).features.values;
    (names(fitted.value_origins()), rows.rows().into_iter().map(|r| r.to_vec()).collect())
}

#[test]
fn times_of_day_on_a_circle() {
    // Three days from 1970-01-01, midnight, six, noon.
    let (names, rows) = time_rows(&[0, DAY + 6 * HOUR, 2 * DAY + 12 * HOUR]);
    assert_eq!(names, ["t:elapsed", "t:hour_sin", "t:hour_cos"]);
    let want = [[0.0, 0.0, 1.0], [108_000.0, 1.0, 0.0], [216_000.0, 0.0, -1.0]];
    for (row, want) in rows.iter().zip(want) {
        row.iter().zip(want).for_each(|(got, want)| assert!((got - want).abs() < 1e-6, "{row:?}"));
    }
}

#[test]
fn circles_need_two_turns_and_change() {
    // Dates only, 20 days: no time of day. Every seventh day, two years: no weekday either.
    let daily: Vec<i64> = (0..20).map(|i| i * DAY).collect();
    assert_eq!(time_rows(&daily).0, ["t:elapsed", "t:weekday_sin", "t:weekday_cos"]);
    let weekly: Vec<i64> = (0..104).map(|i| i * 7 * DAY).collect();
    let (names, rows) = time_rows(&weekly);
    assert_eq!(names, ["t:elapsed", "t:year_day_sin", "t:year_day_cos"]);
    // 1970-01-01 is at the top of the circle; 26 weeks later, day 182 of 365, nearly opposite.
    assert_eq!(rows[0][1..], [0.0, 1.0]);
    let angle = std::f32::consts::TAU * 182.0 / 365.0;
    assert!((rows[26][1] - angle.sin()).abs() < 1e-6 && (rows[26][2] - angle.cos()).abs() < 1e-6);
    // Hours within one day: the elapsed time says it all.
    assert_eq!(time_rows(&[0, HOUR, 5 * HOUR]).0, ["t:elapsed"]);
}

/// Mondays are at angle 0: 1970-01-05 was one, and 2000-02-28 (day 11,015) was another; leap days count.
#[test]
fn calendar() {
    let (_, rows) = time_rows(&[4 * DAY, 11_015 * DAY, 11_016 * DAY, 10_957 * DAY, 11_322 * DAY]);
    let weekday = |row: &[f32]| (row[1], row[2]);
    assert_eq!(weekday(&rows[0]), (0.0, 1.0));
    assert_eq!(weekday(&rows[1]), (0.0, 1.0));
    assert_ne!(weekday(&rows[2]), (0.0, 1.0));
    // 2000-01-01 and, 365 days later, 2000-12-31: the last of 366 days.
    assert_eq!((rows[3][3], rows[3][4]), (0.0, 1.0));
    let angle = std::f32::consts::TAU * 365.0 / 366.0;
    assert!((rows[4][3] - angle.sin()).abs() < 1e-6);
}

/// A missing time is the median time at the centre of every circle.
#[test]
fn missing_times() {
    let cells = [0, 3 * DAY + HOUR, i64::MIN, 5 * DAY];
    let got = encoded(PLAIN, vec![times("t", &cells)]).features.values;
    assert_eq!(got.row(2).to_vec(), [0.0, 0.0, 0.0, 3.0_f32.sqrt()]);
    assert!(encoded(NATIVE, vec![times("t", &cells)]).features.values.row(2).iter().all(|v| v.is_nan()));
}
