//! Decompositions against statsmodels, their definition and their limits.

use super::*;
use proptest::prelude::*;

fn fixture() -> Vec<f64> {
    let season = [3.0, 1.0, -2.0, 0.0, 4.0, -1.0, -3.0];
    let at = |i: usize| {
        let t = i as f64;
        let bit = ((i * i * 7 + i * 13) % 101) as f64 / 101.0;
        0.02 * t + season[i % 7] * (1.0 + t / 300.0) + bit + (t / 17.0).cos()
    };
    let mut values: Vec<f64> = (0..150).map(at).collect();
    for (i, by) in [(40, 15.0), (41, -9.0), (90, 12.0)] {
        values[i] += by;
    }
    values
}

/// The points that `golden/stl.py` prints.
const AT: [usize; 7] = [0, 3, 40, 77, 90, 148, 149];

/// Seasons, trend and weights.
type Rows = &'static [[f64; 7]];

/// statsmodels 0.15.0, `crates/kernels/golden/stl.py`.
#[rustfmt::skip]
const GOLDEN: [(&str, Rows); 6] = [
    ("plain", &[
        [2.45426132704, -0.604543876341, 2.36263064676, 3.38770833157, -1.31807087716, 0.654375115399, -3.09881653858],
        [1.51272222802, 1.62374911137, 1.79227291718, 2.29797186914, 4.80859878239, 3.17053696247, 3.14118327008],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ]),
    ("robust", &[
        [2.52865911706, -0.56948033916, -0.984343221475, 3.54898823514, -4.16872990945, 0.592281557806, -3.0980561112],
        [1.49151755959, 1.61132360637, 1.02242014533, 2.36022249932, 3.21046439771, 3.23059336281, 3.22282528043],
        [0.980576085468, 0.992532160876, 0.0, 0.883730364569, 0.0, 0.966836194274, 0.799066874234],
    ]),
    ("jumps", &[
        [2.54147515121, -0.613516790478, -1.40411878587, 3.49614668828, -4.24522694328, 0.757568843769, -3.18964141008],
        [1.46796184793, 1.60708999947, 1.05079473013, 2.37997549746, 3.23031621989, 3.18975555913, 3.16912724435],
        [0.998745410594, 0.994302889187, 0.0, 0.942200262389, 0.0, 0.907570442151, 0.908376710934],
    ]),
    ("constants", &[
        [2.7169584534, -0.53885812185, 2.35642130045, 3.36679092119, -1.33568683727, 0.842091123441, -3.27834595885],
        [1.6875547019, 1.69861881256, 1.53136260769, 2.24347599552, 4.31442081518, 3.32386067827, 3.31980546126],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ]),
    ("short", &[
        [3.82727236743, 0.790815421565, 12.6125248354, 3.42002518997, 8.4487913105, -1.09311138814, -4.91858716092],
        [0.146439742354, 0.239748204627, 1.39529295522, 2.56542554313, 2.99118256146, 4.91481003631, 4.94816417626],
        [0.0, 0.833782530526, 0.968823864941, 0.0, 0.993404392258, 0.0, 0.785292306742],
    ]),
    ("mstl", &[
        [2.58783052423, -0.800016495548, -1.40462707001, 3.53422416524, -4.265633663, 0.738449276144, -3.16155718213],
        [-0.675263443122, -0.038683381499, 3.03755122268, 0.0299246913392, -0.0554732103786, -0.0421288879781, 0.299494137696],
        [2.01652117931, 1.95032888183, 1.24676378237, 2.36960616979, 3.11479431481, 3.06102356613, 3.03049587171],
        [0.975359776, 0.983909086536, 0.0, 0.996684776372, 0.0, 0.958738329358, 0.940931328468],
    ]),
];

fn decomposed(name: &str) -> Decomposition {
    let (values, run) = (fixture(), Run::new(0));
    let constant = |window_len, jump| Loess { window_len, line: false, jump };
    let stl = match name {
        "plain" => Stl::new(7),
        "robust" => Stl::new(7).robust(),
        "short" => Stl::new(70).robust(),
        "jumps" => {
            let Stl { seasonal, trend, low_pass, .. } = Stl::with_seasonal(7, 13);
            Stl {
                seasonal: seasonal.map(|loess| Loess { jump: 2, ..loess }),
                trend: Loess { jump: 3, ..trend },
                low_pass: Loess { jump: 4, ..low_pass },
                n_inner: 1,
                n_outer: 3,
                ..Stl::new(7)
            }
        }
        "constants" => Stl {
            seasonal: Some(constant(7, 1)),
            trend: constant(21, 2),
            low_pass: constant(9, 1),
            ..Stl::new(7)
        },
        _ => return mstl(&values, &[30, 7], |p, w| Stl::with_seasonal(p, w).robust(), 2, &run).unwrap(),
    };
    stl.decompose(&values, &run).unwrap()
}

#[test]
fn matches_statsmodels() {
    for (name, want) in GOLDEN {
        let got = decomposed(name);
        let rows = got.seasonal.iter().chain([&got.trend, &got.weights]);
        assert_eq!(got.seasonal.len() + 2, want.len());
        for (k, (row, want)) in rows.zip(want).enumerate() {
            for (i, want) in AT.iter().zip(want) {
                assert!((row[*i] - want).abs() < 1e-6, "{name} {k} at {i}: {} instead of {want}", row[*i]);
            }
        }
    }
}

fn assert_adds_up(parts: &Decomposition, values: &[f64]) {
    let largest = values.iter().fold(1.0, |most: f64, v| most.max(v.abs()));
    for (i, value) in values.iter().enumerate() {
        let season: f64 = parts.seasonal.iter().map(|s| s[i]).sum();
        assert!((season + parts.trend[i] + parts.residual[i] - value).abs() < 1e-9 * largest);
    }
}

/// Seasons that are all alike on a line leave nothing.
#[test]
fn exact_seasons_leave_nothing() {
    let season = [2.0, -1.0, -1.0, 0.0];
    let values: Vec<f64> = (0..80).map(|i| season[i % 4] + 0.1 * i as f64).collect();
    for stl in [Stl::new(4), Stl::periodic(4)] {
        let parts = stl.decompose(&values, &Run::new(0)).unwrap();
        assert!(parts.residual.iter().all(|r| r.abs() < 0.02), "{stl:?} {:?}", parts.residual);
        assert_adds_up(&parts, &values);
    }
}

/// With the same windows, periodic seasons are those of a window far longer than the series.
#[test]
fn periodic_is_the_limit() {
    let values = fixture();
    let long = Loess { window_len: 100_001, line: false, jump: 1 };
    let run = Run::new(0);
    let periodic = Stl::periodic(7).robust();
    let limit = Stl { seasonal: Some(long), ..periodic };
    let (a, b) = (periodic.decompose(&values, &run).unwrap(), limit.decompose(&values, &run).unwrap());
    assert!(a.residual.iter().zip(&b.residual).all(|(a, b)| (a - b).abs() < 1e-6));
    assert!((0..143).all(|i| (a.seasonal[0][i] - a.seasonal[0][i + 7]).abs() < 0.2));
}

#[test]
fn too_short_series() {
    let run = Run::new(0);
    assert!(Stl::new(10).decompose(&[1.0; 19], &run).is_err());
    assert!(Stl::new(1).decompose(&[1.0; 19], &run).is_err());
    let parts = mstl(&[1.0, 2.0, 6.0], &[2, 50], |p, _| Stl::new(p), 2, &run).unwrap();
    assert_eq!((parts.trend, parts.residual), (vec![2.0; 3], vec![-1.0, 0.0, 4.0]));
    assert!(mstl(&[], &[2], |p, _| Stl::new(p), 2, &run).unwrap().residual.is_empty());
}

/// Fits at a tenth of the points of a neighbourhood are close to fits at all.
#[test]
fn jumps_change_little() {
    let values: Vec<f64> = (0..2000).map(|i| (i as f64 / 50.0).sin() + f64::from(i % 20 == 0)).collect();
    let (run, stl) = (Run::new(0), Stl::new(20));
    assert_eq!((stl.jumping().trend.jump, stl.jumping().low_pass.jump), (4, 3));
    let (all, some) =
        (stl.decompose(&values, &run).unwrap(), stl.jumping().decompose(&values, &run).unwrap());
    assert!(all.trend.iter().zip(&some.trend).all(|(a, b)| (a - b).abs() < 0.005));
}

proptest! {
    #[test]
    fn parts_add_up(
        values in prop::collection::vec(prop_oneof![-3.0..3.0_f64, Just(0.0), Just(1e9)], 8..120),
        period in 2..20_usize, robust: bool, jump: bool,
    ) {
        let build = |p, w| {
            let stl = Stl::with_seasonal(p, w);
            let stl = if robust { stl.robust() } else { stl };
            if jump { stl.jumping() } else { stl }
        };
        let parts = mstl(&values, &[period, 2 * period + 1], build, 2, &Run::new(0)).unwrap();
        prop_assert!(parts.residual.iter().all(|r| r.is_finite()));
        assert_adds_up(&parts, &values);
    }
}
