//! The four series behind the golden values; golden/series.py makes the same ones.

use anomalyst_core::Verdict;

use crate::Case;

fn series(n: usize, runs: &[(usize, usize)], above: f64, score: impl Fn(usize, f64) -> f64) -> Case {
    let labels: Vec<bool> = (0..n).map(|i| runs.iter().any(|&(a, b)| (a..b).contains(&i))).collect();
    let scores: Vec<f64> =
        labels.iter().enumerate().map(|(i, &odd)| score(i, f64::from(u8::from(odd)))).collect();
    let verdicts =
        scores.iter().map(|&s| if s > above { Verdict::Anomalous } else { Verdict::Normal }).collect();
    Case::new(labels).with_scores(scores).and_then(|case| case.with_verdicts(verdicts)).unwrap()
}

/// Several anomalies; anomalies at both ends with many ties; buffers that overlap; one anomaly found late.
pub(super) fn fixtures() -> [Case; 4] {
    [
        series(300, &[(40, 60), (100, 103), (150, 180), (183, 190)], 0.9, |i, odd| {
            ((i * i * 7 + i * 13) % 101) as f64 / 101.0 + 0.4 * odd
        }),
        series(200, &[(0, 10), (190, 200)], 4.5, |i, odd| ((i * i * 3 + i * 5) % 7) as f64 + 2.0 * odd),
        series(500, &[(50, 55), (60, 66), (70, 71), (300, 340)], 0.9, |i, odd| {
            ((i * i * 11 + i) % 251) as f64 / 251.0 + 0.2 * odd
        }),
        series(120, &[(30, 45)], 0.45, |i, _| {
            ((i * 37) % 50) as f64 / 100.0 + if (38..53).contains(&i) { 0.6 } else { 0.0 }
        }),
    ]
}

/// Eight points with anomalies at 1 to 3 and at 7, alarms at 2, 4 and 5: few enough to judge by hand.
pub(super) fn by_hand() -> Case {
    let labels = [0, 1, 1, 1, 0, 0, 0, 1].map(|odd| odd == 1);
    let scores = vec![0.0, 0.0, 5.0, 0.0, 4.0, 4.0, 0.0, 1.0];
    let verdicts =
        scores.iter().map(|&s| if s > 3.0 { Verdict::Anomalous } else { Verdict::Normal }).collect();
    Case::new(labels.to_vec()).with_scores(scores).and_then(|case| case.with_verdicts(verdicts)).unwrap()
}

/// Compares a metric's values on [`fixtures`] with `want`; `NaN` where the reference has no value.
pub(super) fn assert_golden(want: [f64; 4], tolerance: f64, value: impl Fn(&Case) -> f64) {
    for (i, (case, want)) in fixtures().iter().zip(want).enumerate() {
        let got = value(case);
        assert!(
            want.is_nan() || (got - want).abs() <= tolerance,
            "series {i}: {got}, the reference says {want}"
        );
    }
}
