//! Where a picture's axes have their marks: round times, round numbers of points, round values.

use anomalyst_core::{PictureAxis, time_text};

use crate::text::{count, number};

/// Micro-seconds of a second and a day.
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Steps between marks that a reader of clocks and calendars calls round, in micro-seconds.
const STEPS: [i64; 32] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    SECOND / 2,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    60 * SECOND,
    120 * SECOND,
    300 * SECOND,
    600 * SECOND,
    900 * SECOND,
    1_800 * SECOND,
    3_600 * SECOND,
    2 * 3_600 * SECOND,
    3 * 3_600 * SECOND,
    6 * 3_600 * SECOND,
    12 * 3_600 * SECOND,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    i64::MAX - 3,
    i64::MAX - 2,
    i64::MAX - 1,
    i64::MAX,
];
/// Months of the last four steps, whose length in micro-seconds differs.
const MONTHS: [i64; 4] = [1, 3, 12, 120];
/// The first Monday after the beginning of 1970, so that weeks begin with one.
const MONDAY: i64 = 4 * DAY;
const NAMES: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A mark on the axis of time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// Where, as a share of the width.
    pub(super) share: f64,
    pub(super) text: String,
    /// A second line, where it changes: the day of a clock, the year of a day.
    pub(super) under: String,
}

/// At most `most` round marks along `axis`.
pub(super) fn along(axis: &PictureAxis, most: usize) -> Vec<Tick> {
    let mut ticks = if axis.times.len() == axis.buckets.len() && !axis.times.is_empty() {
        clock(axis, most)
    } else {
        points(axis, most)
    };
    let mut before = String::new();
    for tick in &mut ticks {
        if tick.under == before {
            tick.under.clear();
        } else {
            before.clone_from(&tick.under);
        }
    }
    ticks
}

fn points(axis: &PictureAxis, most: usize) -> Vec<Tick> {
    let n = axis.n_points.max(1);
    let steps = (0..18).flat_map(|power| [1, 2, 5].map(|m| m * 10_usize.pow(power)));
    let step = steps.into_iter().find(|step| n.div_ceil(*step) <= most).unwrap_or(n);
    let first = axis.first.div_ceil(step) * step;
    let tick = |at: usize| Tick {
        share: ((at - axis.first) as f64 + 0.5) / n as f64,
        text: count(at),
        under: "point".into(),
    };
    (first..axis.first + n).step_by(step).take(most).map(tick).collect()
}

fn clock(axis: &PictureAxis, most: usize) -> Vec<Tick> {
    let place = |i: usize| axis.buckets[i] as f64 / axis.n_points.max(1) as f64;
    // Where a step begins, in its own unit.
    let key = |time: i64, step: usize| match step.checked_sub(STEPS.len() - MONTHS.len()) {
        Some(of) => month(time).div_euclid(MONTHS[of]),
        None if STEPS[step] > DAY => time.saturating_sub(MONDAY).div_euclid(STEPS[step]),
        None => time.div_euclid(STEPS[step]),
    };
    for (step, &size) in STEPS.iter().enumerate() {
        let begins = |i: usize| match i.checked_sub(1) {
            Some(before) => key(axis.times[i], step) > key(axis.times[before], step),
            None => axis.times[0]
                .checked_sub(1)
                .is_some_and(|before| key(axis.times[0], step) > key(before, step)),
        };
        let mut found = (0..axis.times.len()).filter(|&i| begins(i));
        let begun: Vec<usize> = found.by_ref().take(most).collect();
        if found.next().is_some() {
            continue;
        }
        if begun.is_empty() {
            break;
        }
        let tick = |i: usize| {
            let time = axis.times[i];
            let round = match size {
                size if size > 14 * DAY => time,
                size if size > DAY => key(time, step).saturating_mul(size).saturating_add(MONDAY),
                size => key(time, step).saturating_mul(size),
            };
            let (text, under) = words(round, step);
            Tick { share: place(i), text, under }
        };
        return begun.into_iter().map(tick).collect();
    }
    // No round time lies inside, such as in a picture of one point.
    let text = time_text(axis.times[0]);
    vec![Tick { share: place(0), text, under: String::new() }]
}

/// Months since the year 0.
fn month(time: i64) -> i64 {
    let [year, month, _] = date(time);
    year * 12 + month - 1
}

/// Year, month and day.
fn date(time: i64) -> [i64; 3] {
    let text = time_text(time.div_euclid(DAY) * DAY);
    // A year before 0 has a sign in front.
    let (sign, text) = text.strip_prefix('-').map_or((1, text.as_str()), |rest| (-1, rest));
    let mut parts = text.split('-').map(|part| part.parse().unwrap_or(1));
    let [year, month, day] = [(); 3].map(|()| parts.next().unwrap_or(1));
    [sign * year, month, day]
}

/// What a mark at `time` says, and the line below it.
fn words(time: i64, step: usize) -> (String, String) {
    let [year, month, day] = date(time);
    let name = NAMES[(month - 1).clamp(0, 11) as usize];
    match step.checked_sub(STEPS.len() - MONTHS.len()) {
        Some(0 | 1) => (name.into(), year.to_string()),
        Some(_) => (year.to_string(), String::new()),
        None if STEPS[step] >= DAY => (format!("{day} {name}"), year.to_string()),
        None => {
            let rest = time.rem_euclid(DAY);
            let seconds = rest / SECOND;
            let mut text = format!("{:02}:{:02}", seconds / 3_600, seconds / 60 % 60);
            if STEPS[step] < 60 * SECOND {
                text.push_str(&format!(":{:02}", seconds % 60));
            }
            if STEPS[step] < SECOND {
                let fraction = format!(".{:06}", rest % SECOND);
                text.push_str(fraction.trim_end_matches('0').trim_end_matches('.'));
            }
            (text, format!("{day} {name} {year}"))
        }
    }
}

/// Two to `most` round values within `low` to `high`, with their texts; one where both are equal.
pub(super) fn values(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let span = high / 2.0 - low / 2.0;
    if span.is_nan() || span <= 0.0 {
        return vec![(low, number(low, 6))];
    }
    let power = 10_f64.powf((span / most.max(2) as f64).log10().floor());
    // The finest step whose marks are not too many; a span of any place holds two marks of half of that.
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0].map(|m| m * power);
    let marks = |step: f64| {
        let first = (low / step).ceil();
        let marks = (0..=most).map(move |i| (first + i as f64) * step);
        marks.filter(|v| *v <= high && *v >= low).collect::<Vec<f64>>()
    };
    let step = steps.into_iter().find(|&step| marks(step).len() <= most).unwrap_or(steps[5]);
    marks(step).into_iter().map(|v| (v, text(v, step))).collect()
}

/// `value` with as many digits as steps of `step` need.
fn text(value: f64, step: f64) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    let decimals = -step.log10().floor();
    if value.abs() < 1e7 && (0.0..=6.0).contains(&decimals) && value.fract() != 0.0 {
        return format!("{value:.*}", decimals as usize);
    }
    let digits = (value.abs().log10().floor() + decimals).clamp(0.0, 15.0) as usize + 1;
    number(value, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(start: i64, step: i64, n: usize) -> PictureAxis {
        PictureAxis {
            n_points: n,
            first: 1,
            buckets: (0..n).collect(),
            times: (0..n as i64).map(|i| start + i * step).collect(),
        }
    }

    fn texts(ticks: &[Tick]) -> Vec<String> {
        ticks.iter().map(|tick| format!("{}|{}", tick.text, tick.under)).collect()
    }

    /// 2014-04-10T00:04:00Z is 1397088240 seconds after 1970 began.
    const APRIL: i64 = 1_397_088_240 * SECOND;

    #[test]
    fn times_are_round_and_days_are_said_once() {
        let day = along(&axis(APRIL, 300 * SECOND, 290), 5);
        assert_eq!(texts(&day), ["06:00|10 Apr 2014", "12:00|", "18:00|", "00:00|11 Apr 2014"]);
        assert!((day[0].share - 72.0 / 290.0).abs() < 1e-9, "{day:?}");
        let weeks = along(&axis(APRIL, 3_600 * SECOND, 24 * 20), 5);
        assert_eq!(texts(&weeks), ["14 Apr|2014", "21 Apr|", "28 Apr|"]);
        let years = along(&axis(APRIL, 7 * DAY, 300), 6);
        assert_eq!(years[0].text, "2015");
        let months = along(&axis(APRIL, DAY, 150), 6);
        assert_eq!(texts(&months), ["May|2014", "Jun|", "Jul|", "Aug|", "Sep|"]);
        let fine = along(&axis(APRIL, 250_000, 9), 5);
        assert_eq!(texts(&fine)[1], "00:04:00.5|");
    }

    #[test]
    fn points_are_counted_where_there_are_no_times() {
        let axis = PictureAxis { n_points: 1000, first: 951, buckets: vec![0], times: Vec::new() };
        let ticks = along(&axis, 5);
        assert_eq!(texts(&ticks), ["1,000|point", "1,200|", "1,400|", "1,600|", "1,800|"]);
        assert!((ticks[0].share - 0.0495).abs() < 1e-9);
    }

    #[test]
    fn every_axis_has_few_marks_inside() {
        for step in [0, 1, 999, SECOND, 61 * SECOND, DAY, 33 * DAY, 4_000 * DAY, i64::MAX / 100] {
            for n in [1, 2, 60] {
                let ticks = along(&axis(-5 * DAY, step, n), 5);
                assert!((1..=5).contains(&ticks.len()), "{step} {n}");
                assert!(ticks.iter().all(|tick| (0.0..1.0).contains(&tick.share)), "{ticks:?}");
            }
        }
        let none = PictureAxis::default();
        assert!(along(&none, 5).len() <= 5);
    }

    #[test]
    fn values_are_round_and_differ() {
        let texts = |low, high| values(low, high, 3).into_iter().map(|v| v.1).collect::<Vec<_>>();
        assert_eq!(texts(0.0, 1.0), ["0", "0.5", "1"]);
        assert_eq!(texts(1_000_000.1, 1_000_000.4), ["1000000.2", "1000000.4"]);
        assert_eq!(texts(-3.0, 47_000.0), ["0", "20,000", "40,000"]);
        assert_eq!(texts(5.0, 5.0), ["5"]);
        assert_eq!(texts(8.0, 19.0), ["10", "15"]);
        assert_eq!(texts(80_000_000.0, 190_000_000.0), ["1e8", "1.5e8"]);
        for (low, high) in [(-1e300, 1e300), (1e-300, 2e-300), (1e15, 1e15 + 4.0), (-7.0, -6.9)] {
            let ticks = values(low, high, 3);
            assert!((1..=3).contains(&ticks.len()), "{low} {high} {ticks:?}");
            assert!(ticks.iter().all(|t| t.0 >= low && t.0 <= high && !t.1.contains("unknown")));
        }
    }
}
