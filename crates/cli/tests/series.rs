//! Series through the command: what a person sees who uses it right, and who does not.

mod support;

use std::fmt::Write;

use support::Folder;

/// A wave of 24 points in two channels, one point a minute; from point `odd` on, for 30 points, `a` stands still.
fn wave(n: usize, odd: Option<usize>) -> String {
    let mut text = String::from("at,a,b\n");
    for i in 0..n {
        let noise = ((i * 7919) % 1000) as f64 / 1000.0 - 0.5;
        let t = i as f64 / 24.0 * std::f64::consts::TAU;
        let still = odd.is_some_and(|odd| (odd..odd + 30).contains(&i));
        let a = if still { 3.0 } else { t.sin() + 0.1 * noise };
        let _ = writeln!(
            text,
            "2024-03-{:02}T{:02}:{:02}:00Z,{a:.4},{:.4}",
            1 + i / 1440,
            i / 60 % 24,
            i % 60,
            t.cos() - 0.1 * noise
        );
    }
    text
}

#[test]
fn scan_finds_the_event_and_says_when() {
    let folder = Folder::new().with("s.csv", wave(2000, Some(1200)));
    let json = folder.run("scan s.csv --json --report s.html --out s.ndjson").ok().json();
    let event = &json["events"][0];
    let [first, last] = ["first", "last"].map(|key| event[key].as_u64().unwrap());
    assert!((1100..=1205).contains(&first) && (1220..1330).contains(&last), "{event}");
    assert!(event["start"].as_str().unwrap().starts_with("2024-03-01T"), "{event}");
    assert!(!event["sentence"].as_str().unwrap().is_empty());
    assert_eq!(folder.read("s.ndjson").lines().count(), 2000);
    let html = folder.read("s.html");
    assert!(
        html.contains("class=\"ev\"") && html.contains("id=\"event-1\"") && html.contains("1 Mar 2024"),
        "{html}"
    );
    let text = folder.run("scan s.csv").ok().stdout;
    assert!(text.contains("event") && text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

/// Twelve waves; `c3` jumps at point 1500, and `c4`, which follows it, one point later; each has done so before.
fn machine() -> String {
    let mut text = (1..=12).fold(String::from("at"), |text, c| format!("{text},c{c}"));
    text.push('\n');
    let noise =
        |i: usize, c: usize| ((i * 7919 + c * 104_729 + i * i % 977 * 31) % 1000) as f64 / 1000.0 - 0.5;
    let base = |i: usize| (i as f64 / 30.0 * std::f64::consts::TAU).sin();
    let odd = |i: usize| if (700..720).contains(&i) || (1500..1520).contains(&i) { 12.0 } else { 0.0 };
    let led = |i: usize| base(i) + noise(i, 3) + odd(i);
    for i in 0..2400 {
        let _ = write!(text, "{}", 1_700_000_000 + 60 * i);
        for c in 1..=12 {
            let value = match c {
                3 => led(i),
                4 => led(i.saturating_sub(1)) + 0.1 * noise(i, 4),
                c => base(i + c) + noise(i, c),
            };
            let _ = write!(text, ",{value:.4}");
        }
        text.push('\n');
    }
    text
}

#[test]
fn events_say_what_was_expected_who_left_first_and_what_is_alike() {
    let folder = Folder::new().with("m.csv", machine());
    let json = folder
        .run("scan m.csv --as series --time at --method rolling_mad --json --report m.html")
        .ok()
        .json();
    let events = json["events"].as_array().unwrap();
    let event = &events[0];
    let blamed = &event["channels"][0];
    assert!(["c3", "c4"].contains(&blamed["channel"].as_str().unwrap()), "{event}");
    let [low, middle, high] = ["low", "middle", "high"].map(|key| blamed["expected"][key].as_f64().unwrap());
    assert!(low < middle && middle < high && high < 12.0, "{blamed}");
    assert_eq!(event["departures"][0]["channel"], "c3", "{event}");
    assert_eq!(event["departures"][0]["related"], true);
    let at = event["departures"][0]["left_relations"]["point"].as_u64().unwrap();
    assert!(at == 700 || at == 1500, "{event}");
    assert!(
        event["sentence"].as_str().unwrap().contains("`c3` broke away from the others first, at 2023-"),
        "{event}"
    );
    let others: Vec<&serde_json::Value> =
        events[1..].iter().filter(|other| other["first"] == event["similar"][0]["first"]).collect();
    assert!(others.len() == 1, "{events:?}");
    let html = folder.read("m.html");
    for part in [
        "id=\"event-1\"",
        "href=\"#event-2\"",
        "class=\"legend\"",
        "Like the events of",
        "taken apart",
        "Who left first",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.len() < 1_000_000 && !html.contains("NaN"), "{}", html.len());
}

/// What a program reads of an event is what the documentation names.
#[test]
fn every_field_of_an_event_is_documented() {
    let docs = include_str!("../../../docs/series.md");
    let folder = Folder::new().with("m.csv", machine());
    let json = folder.run("scan m.csv --as series --time at --method rolling_mad --json").ok().json();
    let event = &json["events"][0];
    let mut parts = vec![event];
    parts.extend([
        &event["channels"][0],
        &event["channels"][0]["expected"],
        &event["departures"][0],
        &event["similar"][0],
    ]);
    parts.push(&event["departures"][0]["left_relations"]);
    for part in parts {
        for key in part.as_object().unwrap().keys() {
            assert!(docs.contains(&format!("`{key}`")), "{key}");
        }
    }
}

#[test]
fn a_model_of_series_scores_later_series() {
    let folder = Folder::new().with("good.csv", wave(3000, None)).with("new.csv", wave(1500, Some(700)));
    folder.run("fit good.csv --as series --model m.anomalyst").ok();
    let json = folder.run("score new.csv --model m.anomalyst --json").ok().json();
    assert!(json["n_events"].as_u64().unwrap() >= 1, "{json}");
    let first = json["events"][0]["first"].as_u64().unwrap();
    assert!((600..=735).contains(&first), "{json}");
    folder.run("fit good.csv --as series --model again.anomalyst --threads 1").ok();
    let bytes = |name: &str| std::fs::read(folder.path(name)).unwrap();
    assert!(bytes("m.anomalyst") == bytes("again.anomalyst"), "the model files differ");
    folder.run("explain new.csv --model m.anomalyst --item 3").fails(1, &["series"]);
}

#[test]
fn long_tables_are_many_series() {
    let mut text = String::from("at,machine,x\n");
    for i in 0..600 {
        for machine in ["m1", "m2"] {
            let odd = machine == "m2" && (300..320).contains(&i);
            let x = if odd { 5.0 } else { (i as f64 / 3.0).sin() };
            let _ = writeln!(text, "{},{machine},{x:.3}", 1_700_000_000 + 60 * i);
        }
    }
    let folder = Folder::new().with("l.csv", text);
    let json = folder.run("scan l.csv --as series --time at --key machine --json").ok().json();
    assert_eq!(json["events"][0]["series"], "m2", "{json}");
}

#[test]
fn a_column_of_names_tells_hundreds_of_short_series_apart() {
    let mut text = String::from("unit,at,x\n");
    for unit in 0..300 {
        for i in 0..4 {
            let _ = writeln!(text, "unit-{unit:04},{},{}", 1_700_000_000 + 60 * i, (unit * 7 + i * 3) % 5);
        }
    }
    let folder = Folder::new().with("l.csv", text);
    let told =
        |key: &str| folder.run(&format!("scan l.csv --as series --key {key} --method rolling_mad --json"));
    let json = told("unit").ok().json();
    assert!(json["notices"].to_string().contains("300 series"), "{json}");
    told("unti").fails(2, &["did you mean `unit`"]);
}

#[test]
fn what_cannot_be_a_series_is_said() {
    let folder = Folder::new()
        .with("words.csv", "at,x\n2024-01-01,red\n2024-01-02,blue\n2024-01-03,red\n2024-01-04,blue\n")
        .with("flat.csv", format!("x\n{}", "5\n".repeat(100)))
        .with("short.csv", "x\n1\n2\n3\n4\n5\n")
        .with(
            "empty.csv",
            format!("at,x\n{}", (1..50).map(|i| format!("2024-01-{:02},\n", i % 28 + 1)).collect::<String>()),
        )
        .with("huge.csv", format!("x\n{}1e300\n", "1\n2\n".repeat(200)));
    folder.run("scan words.csv --as series").fails(1, &["numbers"]);
    folder.run("scan short.csv --as series --time when").fails(2, &["when"]);
    folder.run("scan short.csv --as series --top 3").fails(2, &["--false-alarms-per-day"]);
    folder.run("scan short.csv --as series --set encoder.length=0").fails(2, &["length"]);
    // Data without an answer that can be given: nothing stands out, or a clear error.
    let text = folder.run("scan flat.csv --as series").ok().stdout;
    assert!(text.contains("No stretch stands out"), "{text}");
    folder
        .run("scan short.csv --as series --set encoder.length=100")
        .fails(1, &["window of 100", "encoder.length"]);
    folder.run("scan short.csv --as series").ok();
    folder.run("scan huge.csv --as series").ok();
    folder.run("scan empty.csv --as series").fails(1, &["no channel has a value"]);
}

#[test]
fn tables_stay_tables() {
    let folder = Folder::new().with("s.csv", wave(200, None));
    let json = folder.run("scan s.csv --as table --json").ok().json();
    assert!(json.get("events").is_none() && json["findings"].is_array());
    // A rule of rows says what the user has in mind.
    let json = folder.run("scan s.csv --top 3 --json").ok().json();
    assert_eq!(json["decision"]["n_anomalous"], 3);
}

/// `wave`, its rows from `rows` alone.
fn part(text: &str, rows: std::ops::Range<usize>) -> String {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let rows: Vec<&str> = lines.skip(rows.start).take(rows.len()).collect();
    format!("{header}\n{}\n", rows.join("\n"))
}

#[test]
fn a_folder_is_one_series_or_many() {
    let whole = wave(2000, Some(1200));
    let folder = Folder::new()
        .with("days/2.csv", part(&whole, 1000..2000))
        .with("days/1.csv", part(&whole, 0..1000))
        .with("machines/m1.csv", wave(1000, None))
        .with("machines/m2.csv", wave(1000, Some(600)));
    let json = folder.run("scan days --as series --json").ok().json();
    assert!(json["notices"].to_string().contains("follow each other"), "{}", json["notices"]);
    let first = json["events"][0]["first"].as_u64().unwrap();
    assert!((1100..=1205).contains(&first), "{first}");
    let json = folder.run("scan machines --as series --json").ok().json();
    assert_eq!(json["events"][0]["series"], "m2", "{json}");
}

#[test]
fn what_comes_before_is_learned_as_normal() {
    let folder =
        Folder::new().with("s.csv", wave(3000, Some(2500))).with("t.csv", "a,b\n1,2\n3,4\n".repeat(40));
    for until in ["0.5", "1500", "2024-03-02T01:00", "50%"] {
        let json = folder.run(&format!("scan s.csv --train-until {until} --json")).ok().json();
        let first = json["events"][0]["first"].as_u64().unwrap();
        assert!((2400..=2505).contains(&first), "{until}: {json}");
        assert!(json["notices"].to_string().contains("375 points"), "{until}: {}", json["notices"]);
    }
    folder.run("fit s.csv --train-until 0.5 --model half.anomalyst").ok();
    folder.run("score s.csv --model half.anomalyst").ok();
    folder.run("scan s.csv --train-until soon").fails(2, &["soon", "a share"]);
    folder.run("scan s.csv --train-until 1999-01-01").fails(1, &["nothing to learn from"]);
    folder.run("scan s.csv --as table --train-until 0.5").fails(2, &["train-until"]);
}

#[test]
fn rows_are_put_on_steps_in_the_zone_named() {
    let mut text = String::from("at,bytes,load\n");
    for i in 0..4000_u64 {
        // Uneven times, in the local time of a zone one hour ahead; a counter that starts anew.
        let second = i * 20 + i * 7919 % 13;
        let (bytes, load) = (i % 1500 * 100, i % 30);
        let _ = writeln!(
            text,
            "2024-01-{:02} {:02}:{:02}:{:02},{bytes},{load}",
            1 + second / 86_400,
            second / 3600 % 24,
            second / 60 % 60,
            second % 60
        );
    }
    let folder = Folder::new().with("s.csv", &text);
    let run =
        "scan s.csv --as series --every 1m --by max --counter bytes --tz Europe/Berlin --out s.ndjson --json";
    let json = folder.run(run).ok().json();
    let notices = json["notices"].to_string();
    assert!(notices.contains("steps of 1m, by their max") && notices.contains("anew 2 times"), "{notices}");
    assert_eq!(folder.read("s.ndjson").lines().count(), 4000, "a line per row, not per step");
    folder.run("fit s.csv --as series --every 1m --counter bytes --model m.anomalyst").ok();
    let json = folder.run("score s.csv --model m.anomalyst --json").ok().json();
    assert!(json["notices"].to_string().contains("steps of 1m"), "the model keeps its steps: {json}");
    folder.run("scan s.csv --as series --every 1w").fails(2, &["1w", "5m"]);
    folder.run("scan s.csv --as series --every 1m --by middle").fails(2, &["middle", "mean"]);
    folder.run("scan s.csv --as series --tz Europe/Berln").fails(2, &["Europe/Berlin"]);
    folder.run("scan s.csv --as series --counter bites").fails(2, &["bytes"]);
    let hint = folder.run("scan s.csv --as series --json").ok().json()["notices"].to_string();
    assert!(hint.contains("--counter 'bytes'"), "{hint}");
}

#[test]
fn one_wrong_time_is_not_filled_with_steps() {
    let text = format!("{}9000-12-31T00:00:00Z,0,0\n", wave(100, None));
    let folder = Folder::new().with("s.csv", text);
    folder.run("scan s.csv --as series --every 1s").fails(1, &["9000-12-31", "--every"]);
}

#[test]
fn channels_without_a_value_are_left_out_and_said() {
    let text = wave(300, None).replace("\n2024", ",\n2024").replacen("at,a,b", "at,a,b,c", 1);
    let folder = Folder::new().with("s.csv", text);
    let json = folder.run("scan s.csv --as series --json").ok().json();
    let notices = json["notices"].to_string();
    assert!(notices.contains("\"c\"") && json["n_events"].is_u64(), "{notices}");
}

#[test]
fn clocks_that_go_wrong_are_handled_and_said() {
    let whole = wave(600, Some(400));
    let lines: Vec<&str> = whole.lines().collect();
    // An hour that comes later in the file than it was.
    let back = [&lines[..200], &lines[300..], &lines[200..300]].concat().join("\n");
    let words = whole.replacen("2024-03-01T01:00:00Z", "yesterday", 1);
    let twice = format!("{whole}\n{}", lines[1..].join("\n"));
    // The same moments with other offsets in every other row.
    let mixed: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(i, line)| match line.split_once('T') {
            Some((day, rest)) if i % 2 == 1 && &rest[..2] < "22" => {
                let hour: u32 = rest[..2].parse().unwrap();
                format!("{day}T{:02}{}", hour + 2, rest[2..].replacen('Z', "+02:00", 1))
            }
            _ => (*line).to_owned(),
        })
        .collect();
    let folder = Folder::new()
        .with("whole.csv", &whole)
        .with("back.csv", back)
        .with("words.csv", words)
        .with("twice.csv", twice)
        .with("mixed.csv", mixed.join("\n"));
    let events = |file: &str| folder.run(&format!("scan {file} --as series --json")).ok().json();
    let want = events("whole.csv");
    assert!(want["n_events"].as_u64().unwrap() >= 1, "{want}");
    let back = events("back.csv");
    assert_eq!(back["events"], want["events"]);
    assert!(back["notices"].to_string().contains("put in the order of time"), "{}", back["notices"]);
    assert_eq!(events("mixed.csv")["events"], want["events"], "one moment, however it is written");
    folder.run("scan words.csv --as series").fails(1, &["`at`", "row 61", "--time"]);
    let twice = events("twice.csv");
    assert!(twice["notices"].to_string().contains("600 of 1200"), "{}", twice["notices"]);
    folder.run("scan back.csv --as series --strict").fails(1, &["order of time"]);
}

#[test]
fn thousands_of_channels_are_a_series_too() {
    let mut text = (0..10_000).map(|channel| format!("c{channel}")).collect::<Vec<_>>().join(",");
    for i in 0..60_usize {
        text.push('\n');
        let row: Vec<String> =
            (0..10_000_usize).map(|channel| ((i * (channel + 3)) % 17).to_string()).collect();
        text += &row.join(",");
    }
    let folder = Folder::new().with("wide.csv", text);
    let json = folder.run("scan wide.csv --as series --method rolling_mad --json").ok().json();
    assert!(json["n_events"].is_u64(), "{json}");
}

/// A temperature that follows its own past, and jumps where the heater pulses; `pump` pulses too, and does nothing.
fn telemetry() -> String {
    let mut text = String::from("at,temperature,heater,pump\n");
    let noise =
        |i: usize, c: usize| ((i * 7919 + c * 104_729 + i * i % 977 * 31) % 1000) as f64 / 1000.0 - 0.5;
    let pulse = |i: usize, every: usize| f64::from(u8::from(i >= 200 && (i - 200) % every < 3));
    for i in 0..3000 {
        let slow = (i as f64 / 300.0 * std::f64::consts::TAU).sin();
        let _ = writeln!(
            text,
            "{},{:.4},{:.4},{:.4}",
            1_700_000_000 + 60 * i,
            20.0 + slow + 0.2 * noise(i, 1) + 3.0 * pulse(i, 397),
            pulse(i, 397) + 0.1 * noise(i, 2),
            pulse(i, 263) + 0.1 * noise(i, 3),
        );
    }
    text
}

#[test]
fn a_forecast_names_what_an_event_goes_with() {
    let folder = Folder::new().with("t.csv", telemetry());
    let json = folder
        .run(
            "scan t.csv --as series --time at --method boosted_forecast --set response=temperature \
             --false-alarms-per-day 5 --json --report t.html",
        )
        .ok()
        .json();
    let event = &json["events"][0];
    let attributed = event["attributed"].as_array().unwrap();
    let others: Vec<&str> = attributed
        .iter()
        .map(|of| of["channel"].as_str().unwrap())
        .filter(|&channel| channel != "temperature")
        .collect();
    assert_eq!(others.first(), Some(&"heater"), "{event}");
    assert!(folder.read("t.html").contains("As the method itself divides it"));
    folder
        .run("scan t.csv --as series --time at --method boosted_forecast --set response=temprature")
        .fails(2, &["temperature"]);
}
