//! All channels at once: colours where something was planted, and none where nothing was.

use std::ops::Range;

use anomalyst_core::{Cancel, Run, Series};
use anomalyst_explain::series::{Heat, heat};
use anomalyst_kernels::draw::normal;
use ndarray::Array2;

const N: usize = 3_000;
const EVENT: Range<usize> = 1_500..1_600;

fn noise(channels: usize, seed: u64) -> Array2<f64> {
    let mut random = Run::new(seed).random(0);
    Array2::from_shape_simple_fn((N, channels), || normal(&mut random))
}

fn heat_of(values: Array2<f64>) -> Heat {
    let series = Series::one(values);
    heat(&series, &(0..N), &[EVENT], &Run::new(0)).unwrap()
}

/// The cells of a channel, and which of them touch the event.
fn cells(heat: &Heat, channel: usize) -> (Vec<f32>, Vec<f32>) {
    let row = &heat.cells[heat.channels.iter().position(|&c| c == channel).unwrap()];
    let is_in = |i: usize| {
        let end = heat.starts.get(i + 1).copied().unwrap_or(N);
        heat.starts[i] < EVENT.end && end > EVENT.start
    };
    let (inside, outside): (Vec<usize>, Vec<usize>) = (0..row.len()).partition(|&i| is_in(i));
    let take = |of: Vec<usize>| of.into_iter().map(|i| row[i]).collect();
    (take(inside), take(outside))
}

#[test]
fn what_was_planted_glows_and_noise_does_not() {
    let mut values = noise(10, 3);
    for point in EVENT {
        values[[point, 2]] += 6.0;
        values[[point, 4]] = 0.3;
        values[[point, 6]] = f64::NAN;
    }
    let heat = heat_of(values);
    assert_eq!((heat.channels.len(), heat.starts.len(), heat.cells[0].len()), (10, 120, 120));
    for channel in 0..10 {
        let (inside, outside) = cells(&heat, channel);
        let n_odd = outside.iter().filter(|&&cell| cell > 3.0).count();
        assert!(n_odd * 20 <= outside.len() + 20, "channel {channel}: {n_odd} of {}", outside.len());
        let hottest = inside.iter().fold(0.0_f32, |most, &cell| most.max(cell));
        match channel {
            2 | 4 => assert!(hottest > 6.0, "channel {channel}: {hottest}"),
            6 => assert!(inside.iter().all(|cell| cell.is_nan()), "{inside:?}"),
            _ => assert!(hottest < 5.0, "channel {channel}: {hottest}"),
        }
    }
}

#[test]
fn of_many_channels_those_that_are_off_are_kept_in_order() {
    let mut values = noise(75, 5);
    EVENT.for_each(|point| [3, 70].iter().for_each(|&c| values[[point, c]] -= 9.0));
    let heat = heat_of(values);
    assert_eq!(heat.channels.len(), 40);
    assert!(heat.channels.is_sorted() && heat.channels.contains(&3) && heat.channels.contains(&70));
}

#[test]
fn degenerate_channels_have_an_answer() {
    let mut values = noise(5, 1);
    values.column_mut(0).fill(7.0);
    values.column_mut(1).fill(f64::NAN);
    values
        .column_mut(2)
        .iter_mut()
        .enumerate()
        .for_each(|(i, v)| *v = if i % 2 == 0 { 1e308 } else { -1e308 });
    values[[10, 3]] = f64::INFINITY;
    let map = heat_of(values);
    let all = |channel: usize, is: &dyn Fn(f32) -> bool| map.cells[channel].iter().all(|&cell| is(cell));
    assert!(all(0, &|cell| cell == 0.0), "never moves");
    assert!(all(1, &f32::is_nan), "is never there");
    assert!(all(2, &|cell| cell.is_finite() && cell >= 0.0) && all(3, &|cell| cell.is_finite()));
    for n in [1, 2, 3, 9] {
        let short = Series::one(noise(2, 2).slice(ndarray::s![..n, ..]).to_owned());
        let short = heat(&short, &(0..n), &[], &Run::new(0)).unwrap();
        assert!(short.cells.iter().flatten().all(|cell| cell.is_finite()), "{n}");
    }
}

#[test]
fn threads_change_nothing_and_what_does_not_fit_is_an_error() {
    let series = Series::one(noise(30, 8));
    let with = |n: usize| heat(&series, &(100..2_900), &[EVENT], &Run::new(0).with_threads(n)).unwrap();
    assert_eq!(with(1), with(4));
    assert!(heat(&series, &(0..N + 1), &[], &Run::new(0)).is_err());
    assert!(heat(&series, &(5..5), &[], &Run::new(0)).is_err());
    let cancel = Cancel::default();
    cancel.set();
    assert!(heat(&series, &(0..N), &[], &Run::new(0).with_cancel(cancel)).is_err());
}
