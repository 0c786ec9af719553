//! What holds for methods of points in order.

use anomalyst_core::{Entry, Features, Layout, Run};
use ndarray::Array2;
use serde_json::Value;

use super::{assert_finite, to_bits};
use crate::normal_rows;

/// A season of 25 points in every channel, with noise.
fn season(n: usize, channels: usize, seed: u64) -> Array2<f32> {
    let wave = |(t, j): (usize, usize)| ((t as f32 * std::f32::consts::TAU / 25.0) + j as f32).sin();
    Array2::from_shape_fn((n, channels), wave) + normal_rows(n, channels, seed) * 0.1
}

fn sequences(values: Array2<f32>, ends: Vec<usize>) -> Features {
    Features { layout: Layout::Sequences { ends }, ..Features::rows(values) }
}

/// What a series scores does not depend on the series scored beside it.
pub fn series_do_not_touch(entry: &Entry) {
    let run = Run::new(1);
    let detector = (entry.from_json)(&Value::Null).unwrap();
    let model = detector.fit(&sequences(season(600, 2, 1), vec![300, 600]), &run).unwrap();
    let values = season(500, 2, 2);
    let together = model.score(&sequences(values.clone(), vec![260, 261, 500]), &run).unwrap();
    let mut apart = Vec::new();
    for range in [0..260, 260..261, 261..500] {
        let part = values.slice(ndarray::s![range.clone(), ..]).to_owned();
        apart.extend(model.score(&sequences(part, vec![range.len()]), &run).unwrap());
    }
    assert!(to_bits(together) == to_bits(apart), "a series scores otherwise beside others");
}

/// Where a season stops for a while, with a wild value in between, scores are highest; in one channel and in several.
pub fn a_break_stands_out(entry: &Entry) {
    let run = Run::new(1);
    for channels in [1, 3] {
        let mut values = season(1_000, channels, 3);
        values.slice_mut(ndarray::s![700..725, 0]).fill(2.0);
        values[[712, 0]] = 9.0;
        let detector = (entry.from_json)(&Value::Null).unwrap();
        let broken = sequences(values, vec![1_000]);
        let (_, own) = detector.fit_score(&broken, &run).unwrap();
        let model = detector.fit(&sequences(season(1_000, channels, 4), vec![1_000]), &run).unwrap();
        for (what, scores) in [("ranked with the rest", own), ("as new", model.score(&broken, &run).unwrap())]
        {
            assert_finite(&scores, 1_000);
            let highest = (0..1_000).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
            assert!(
                (675..800).contains(&highest),
                "{what}, {channels} channels: point {highest} scores highest, the break is 700 to 725"
            );
        }
    }
}

/// Series shorter than any window get an answer.
pub fn short_series_have_an_answer(entry: &Entry) {
    let run = Run::new(1);
    let detector = (entry.from_json)(&Value::Null).unwrap();
    let model = detector.fit(&sequences(season(400, 1, 1), vec![400]), &run).unwrap();
    for n in 1..8 {
        assert_finite(&model.score(&sequences(season(n, 1, 2), vec![n]), &run).unwrap(), n);
        let n_train = n.max(entry.card.min_items);
        if let Ok((_, scores)) = detector.fit_score(&sequences(season(n_train, 1, 2), vec![n_train]), &run) {
            assert_finite(&scores, n_train);
        }
    }
}
