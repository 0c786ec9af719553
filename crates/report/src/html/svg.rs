//! Small pictures as SVG text: bars, ranges, histograms. All text in them is escaped, and none of them carries a
//! style of its own, so that the page's rules give both colour schemes.

use std::fmt::Write as _;

use anomalyst_core::{ColumnData, ColumnKind, LevelCount};

use crate::text::number;

/// Text as it may stand between tags and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A coordinate with one decimal, without a trailing zero.
pub(crate) fn at(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A value of a column in its own units, no finer than a picture over `span` of them can show: four digits, times
/// to the second, or to the day where they lie weeks apart.
pub(super) fn value_text(kind: ColumnKind, value: f64, span: f64) -> String {
    if kind != ColumnKind::Timestamp {
        return number(value, 4);
    }
    let text = ColumnData::Times(vec![(value / 1e6).floor() as i64 * 1_000_000]).text(0);
    match text.split_once('T') {
        Some((day, _)) if span > 20.0 * 86_400e6 => day.to_owned(),
        _ => text,
    }
}

/// The number or the time (microseconds since 1970) that a value's text says; none for other text.
pub(super) fn value_of(text: &str) -> Option<f64> {
    text.parse().ok().filter(|v: &f64| v.is_finite()).or_else(|| time_of(text))
}

/// `2024-01-31`, `2024-01-31T10:20:30Z` or with a fraction of the second.
fn time_of(text: &str) -> Option<f64> {
    let (date, clock) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let mut parts = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let mut parts = clock.strip_suffix('Z')?.splitn(3, ':');
    let (hour, minute) = (parts.next()?.parse::<i64>().ok()?, parts.next()?.parse::<i64>().ok()?);
    let second: f64 = parts.next()?.parse().ok()?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(-9999..=9999).contains(&year) {
        return None;
    }
    // Days from civil (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year_of_era = y - era * 400;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60) as f64 * 1e6 + second * 1e6)
}

/// Width of the small pictures in the evidence tables.
const SMALL: f64 = 132.0;

/// Where a value lies beside the usual range: the range is the middle third; outside it, distances are compressed
/// so that even the wildest value stays on the picture.
pub(super) fn range(low: f64, typical: f64, high: f64, value: Option<f64>) -> String {
    let third = SMALL / 3.0;
    let span = high - low;
    // A range without width takes the size of its value as the unit.
    let unit = if span > 0.0 { span } else { high.abs().max(1.0) };
    let outside = |d: f64| (third - 5.0) * (1.0 - 1.0 / (1.0 + d / unit));
    let place = |v: f64| {
        if v < low {
            third - outside(low - v)
        } else if v > high {
            2.0 * third + outside(v - high)
        } else if span > 0.0 {
            third + third * (v - low) / span
        } else {
            1.5 * third
        }
    };
    let mut svg = format!(
        "<svg class=\"r\" viewBox=\"0 0 {SMALL} 16\" aria-hidden=\"true\"><path class=\"ax\" d=\"M0 8h{SMALL}\"/>"
    );
    let _ = write!(svg, "<rect class=\"us\" x=\"{third}\" y=\"4\" width=\"{third}\" height=\"8\" rx=\"2\"/>");
    let _ = write!(svg, "<path class=\"md\" d=\"M{} 4v8\"/>", at(place(typical)));
    if let Some(value) = value {
        let _ = write!(svg, "<circle class=\"od\" cx=\"{}\" cy=\"8\" r=\"4\"/>", at(place(value)));
    }
    svg + "</svg>"
}

/// The usual levels as a stacked bar, the item's own one marked.
pub(super) fn level_bar(common: &[(String, f64)], own_level: &str, own: f64) -> String {
    let mut svg = format!(
        "<svg class=\"r\" viewBox=\"0 0 {SMALL} 16\" aria-hidden=\"true\"><rect class=\"tr\" y=\"4\" width=\"{SMALL}\" height=\"8\" rx=\"2\"/>"
    );
    let (mut x, mut marked) = (0.0, false);
    for (level, share) in common {
        let width = SMALL * share.clamp(0.0, 1.0);
        let class = if level == own_level { "od" } else { "us" };
        marked |= level == own_level;
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{}\" y=\"4\" width=\"{}\" height=\"8\"/>",
            at(x),
            at((width - 1.0).max(0.6))
        );
        x += width;
    }
    if !marked {
        let width = (SMALL * own.clamp(0.0, 1.0)).max(2.5);
        let _ = write!(
            svg,
            "<rect class=\"od\" x=\"{}\" y=\"2\" width=\"{}\" height=\"12\"/>",
            at((SMALL - width).min(x)),
            at(width)
        );
    }
    svg + "</svg>"
}

/// A share of 1 as a filled bar; `class` colours the filled part.
pub(super) fn share(share: f64, class: &str) -> String {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    format!(
        "<svg class=\"s\" viewBox=\"0 0 60 8\" aria-hidden=\"true\"><rect class=\"tr\" width=\"60\" height=\"8\" rx=\"2\"/><rect class=\"{class}\" width=\"{}\" height=\"8\" rx=\"2\"/></svg>",
        at(60.0 * share)
    )
}

/// The size of a column's picture.
const PROFILE: (f64, f64) = (300.0, 84.0);

/// A column's histogram on a square-root scale, its usual range as a band, odd values as marks below.
pub(super) fn histogram(counts: &[u64], span: (f64, f64), usual: (f64, f64), odd: &[f64]) -> String {
    let (width, height) = PROFILE;
    let base = height - 14.0;
    let (min, max) = span;
    let place =
        |v: f64| if max > min { width * ((v - min) / (max - min)).clamp(0.0, 1.0) } else { width / 2.0 };
    let (left, right) = (place(usual.0), place(usual.1));
    let mut svg = format!(
        "<svg class=\"h\" viewBox=\"0 0 {width} {height}\" aria-hidden=\"true\"><rect class=\"bd\" x=\"{}\" y=\"0\" width=\"{}\" height=\"{base}\"/>",
        at(left),
        at((right - left).max(1.0))
    );
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let step = width / counts.len().max(1) as f64;
    svg.push_str("<path class=\"us\" d=\"");
    for (i, &count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
        // The square root keeps single rows visible beside thousands.
        let tall = ((count as f64 / most).sqrt() * (base - 4.0)).max(1.5);
        let wide = (step - 1.0).max(0.8);
        let _ = write!(
            svg,
            "M{} {}h{}v{}h-{}z",
            at(i as f64 * step),
            at(base - tall),
            at(wide),
            at(tall),
            at(wide)
        );
    }
    let _ = write!(svg, "\"/><path class=\"ax\" d=\"M0 {base}h{width}\"/><path class=\"om\" d=\"");
    let mut marks: Vec<i64> =
        odd.iter().filter(|v| v.is_finite()).map(|&v| (2.0 * place(v)) as i64).collect();
    marks.sort_unstable();
    marks.dedup();
    for mark in marks {
        let _ = write!(svg, "M{} {}l-3 8h6z", at(mark as f64 / 2.0), at(base + 3.0));
    }
    svg + "\"/></svg>"
}

/// A level's bar: all rows, and the flagged ones among them.
pub(super) fn level_row(level: &LevelCount, most: usize) -> String {
    let most = most.max(1) as f64;
    let wide = |n: usize, least: f64| if n == 0 { 0.0 } else { (120.0 * n as f64 / most).max(least) };
    format!(
        "<svg class=\"lv\" viewBox=\"0 0 120 10\" aria-hidden=\"true\"><rect class=\"us\" width=\"{}\" height=\"10\"/><rect class=\"od\" width=\"{}\" height=\"10\"/></svg>",
        at(wide(level.n_rows, 1.0)),
        at(wide(level.n_odd, 2.0))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_as_they_were_written() {
        for micros in [0_i64, 1_700_000_000_000_000, -1, -86_400_000_000 * 900, 4_102_444_800_000_000] {
            let text = ColumnData::Times(vec![micros]).text(0);
            assert_eq!(value_of(&text), Some(micros as f64), "{text}");
        }
        let noon = 1_700_000_000_123_456.0;
        assert_eq!(value_text(ColumnKind::Timestamp, noon, 1e9), "2023-11-14T22:13:20Z");
        assert_eq!(value_text(ColumnKind::Timestamp, noon, 1e14), "2023-11-14");
        assert_eq!(value_of("-1.5e3"), Some(-1500.0));
        for text in ["", "FI", "2024", "2024-13-01", "NaN", "inf", "1-1", "2024-01-01T10:00"] {
            assert!(value_of(text).is_none() || text == "2024", "{text}");
        }
    }

    #[test]
    fn the_range_picture_keeps_order_and_stays_inside() {
        let centre = |value: f64| -> f64 {
            let svg = range(0.0, 5.0, 10.0, Some(value));
            svg.split("cx=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let places: Vec<f64> =
            [-1e300, -100.0, -1.0, 0.0, 5.0, 10.0, 11.0, 100.0, 1e300].map(centre).to_vec();
        assert!(places.windows(2).all(|w| w[0] < w[1]), "{places:?}");
        assert!(places[0] >= 4.0 && places[8] <= SMALL - 4.0, "{places:?}");
        assert_eq!(places[4], 66.0);
        assert!(range(3.0, 3.0, 3.0, Some(4.0)).contains("cx=\""));
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
    }
}
