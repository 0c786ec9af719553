//! The page of series, from outcomes made by hand.

use anomalyst_core::{
    AttributedChannel, ChannelEvidence, ChannelPicture, Departure, Event, EventKind, EventMark, EventPicture,
    ExpectedBand, HeatPicture, Outcome, PartsPicture, PictureAxis, PointName, SeriesPicture, Severity,
    SimilarEvent,
};

use crate::report_html;

const EVIL: &str = "<script>alert(1)</script>\" onload=\"x";

fn axis(n_points: usize, n_buckets: usize) -> PictureAxis {
    PictureAxis {
        n_points,
        first: 1,
        buckets: (0..n_buckets).map(|i| i * n_points / n_buckets).collect(),
        times: (0..n_buckets)
            .map(|i| 1_700_000_000_000_000 + (i * n_points / n_buckets) as i64 * 60_000_000)
            .collect(),
    }
}

fn values(n: usize) -> Vec<[f64; 2]> {
    (0..n).map(|i| [(i * 7919 % 1009) as f64, (i * 104_729 % 997) as f64 + 1009.0]).collect()
}

fn event(i: usize) -> Event {
    let at = |point: usize| PointName { point, at: format!("at {point}") };
    Event {
        series: EVIL.into(),
        first: 1000 * i,
        last: 1000 * i + 30,
        peak: 1000 * i + 7,
        start: format!("start {i}"),
        end: format!("end {i}"),
        peak_at: String::new(),
        score: 5.0,
        p_value: Some(0.01),
        severity: Severity::High,
        kind: EventKind::Spike,
        channels: ["a", EVIL]
            .map(|channel| ChannelEvidence {
                channel: channel.into(),
                share: 0.5,
                value: "9".into(),
                low: "1".into(),
                high: "2".into(),
                expected: Some(ExpectedBand { low: 1.0, middle: 1.5, high: 2.0 }),
            })
            .to_vec(),
        departures: [true, false]
            .map(|related| Departure {
                channel: EVIL.into(),
                related,
                left_relations: Some(at(3)),
                left_band: None,
                surprise: 7.0,
            })
            .to_vec(),
        attributed: vec![AttributedChannel { channel: EVIL.into(), share: 0.75 }],
        similar: vec![SimilarEvent { first: 1000, last: 1030, start: "start 1".into() }],
        sentence: EVIL.into(),
    }
}

/// As much as there ever is of `n_channels`, `n_events` and `n_series`.
fn outcome(n_channels: usize, n_events: usize, n_series: usize) -> Outcome {
    let channel = |n: usize, expected: bool| ChannelPicture {
        channel: EVIL.into(),
        values: values(n),
        expected: if expected {
            values(n).iter().map(|v| [v[0], v[0] + 5.0, v[1]]).collect()
        } else {
            Vec::new()
        },
    };
    let parts = PartsPicture {
        channel: EVIL.into(),
        period: 1440,
        period_micros: Some(86_400_000_000),
        strength: 0.7,
        trend: values(1000),
        season: values(1000),
        rest: values(1000),
    };
    let heat = HeatPicture {
        axis: axis(1_000_000, 120),
        channels: vec![EVIL.into(); n_channels],
        n_channels: 4 * n_channels,
        cells: (0..n_channels).map(|i| (0..120).map(|j| (i * 7 + j * 13) as f32 % 25.0).collect()).collect(),
    };
    let picture = SeriesPicture {
        series: EVIL.into(),
        axis: axis(1_000_000, 1000),
        channels: vec![channel(1000, false); 8],
        scores: values(1000),
        events: (0..n_events)
            .map(|i| EventMark { first: 1000 * i, last: 1000 * i + 30, event: Some(i) })
            .collect(),
        heat: Some(heat),
        parts: Some(parts),
    };
    let zoom = |event: usize| EventPicture {
        event,
        axis: axis(600, 300),
        channels: vec![channel(300, true); 3],
        marked: [250, 280],
        peak: 257,
        others: vec![EventMark { first: 0, last: 5, event: Some(0) }],
    };
    Outcome {
        is_series: true,
        n_events,
        events: (0..n_events).map(event).collect(),
        pictures: vec![picture; n_series],
        zooms: (0..n_events.min(20)).map(zoom).collect(),
        ..Outcome::default()
    }
}

#[test]
fn the_page_shows_everything_and_nothing_of_the_data_acts() {
    let html = report_html(&outcome(12, 3, 1)).unwrap();
    assert!(!html.contains("<script>") && !html.contains("\" onload") && !html.contains("style="), "{html}");
    for part in [
        "id=\"event-3\"",
        "href=\"#event-2\"",
        "2, start 1",
        "left its relations at at 3",
        "left its own past at at 3",
        "1,440\u{a0}points (24 h)",
        "70\u{a0}% of its variance",
        "The 12 channels that are furthest off, of 48",
        "The events one by one",
        "class=\"ex\"",
        "Nov",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("NaN") && !html.contains("unknown"));
}

#[test]
fn the_largest_page_still_goes_through_a_mail_system() {
    let html = report_html(&outcome(40, 100, 12)).unwrap();
    assert!(html.len() < 1_900_000, "{}", html.len());
    assert!(html.contains("id=\"event-1\"") && html.contains("class=\"legend\""));
    // In full for one series, nothing has to be left out.
    let one = report_html(&outcome(40, 100, 1)).unwrap();
    assert!(one.contains("id=\"event-20\""), "{}", one.len());
}

#[test]
fn a_page_without_events_or_pictures_is_a_page() {
    let html = report_html(&Outcome { is_series: true, ..Outcome::default() }).unwrap();
    assert!(html.contains("How to get this again") && !html.contains("one by one"));
}
