//! How numbers and the user's own text are written for people; shared by the terminal and the page.

/// Keeps a number and its unit on one line; the terminal writes it as a space.
pub(crate) const NO_BREAK: char = '\u{a0}';

/// A whole number with commas at the thousands.
pub(crate) fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 row`, `2,000 rows`.
pub(crate) fn counted(n: usize, one: &str) -> String {
    format!("{}{NO_BREAK}{one}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A share of 1 in per cent with two or three digits that matter; never rounded up to all or down to none.
pub(crate) fn percent(share: f64) -> String {
    let p = 100.0 * share;
    let number = if !p.is_finite() {
        return "unknown".into();
    } else if p <= 0.0 {
        "0".into()
    } else if p < 0.01 {
        "<0.01".into()
    } else if p < 0.995 {
        trimmed(p, 2)
    } else if p < 9.95 {
        trimmed(p, 1)
    } else if p <= 99.0 {
        format!("{p:.0}")
    } else if p <= 99.94 {
        trimmed(p, 1)
    } else if p < 100.0 {
        ">99.9".into()
    } else {
        "100".into()
    };
    format!("{number}{NO_BREAK}%")
}

/// A p-value with two digits that matter.
pub(crate) fn p_value(p: f64) -> String {
    if !p.is_finite() {
        "unknown".into()
    } else if p > 0.0 && p < 0.0001 {
        "<0.0001".into()
    } else if p < 0.1 {
        number(p, 2)
    } else {
        trimmed(p, 2)
    }
}

/// A number with at most `digits` digits that matter.
pub(crate) fn number(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "unknown".into();
    }
    let text = format!("{value:.*e}", digits.saturating_sub(1));
    let rounded: f64 = text.parse().unwrap_or(value);
    if rounded == 0.0 || (1e-4..1e7).contains(&rounded.abs()) {
        let text = rounded.to_string();
        match (text.split_once('.'), rounded.abs() >= 10_000.0) {
            (None, true) => {
                format!("{}{}", if rounded < 0.0 { "-" } else { "" }, count(rounded.abs() as usize))
            }
            _ => text,
        }
    } else {
        format!("{rounded:e}")
    }
}

/// The value of a metric, such that a column of them reads: three decimals where they say something.
pub fn metric_value(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "none".into(),
        size if size > 0.0 && size < 0.0005 => format!("{value:.1e}"),
        size if size >= 10_000.0 || (size > 1.0 && value.fract() == 0.0) => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// How the scores of one page are written: all with the same number of decimals, so that a column of them reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScoreFormat {
    decimals: Option<usize>,
}

impl ScoreFormat {
    /// Four digits that matter in the largest of `scores`.
    pub(crate) fn of(scores: impl IntoIterator<Item = f32>) -> Self {
        let finite = scores.into_iter().filter(|s| s.is_finite());
        let largest = f64::from(finite.fold(0.0_f32, |most, s| most.max(s.abs())));
        let decimals = match largest {
            0.0 => Some(1),
            m if !(1e-3..1e6).contains(&m) => None,
            m => Some((3 - m.log10().floor() as i32).clamp(0, 6) as usize),
        };
        Self { decimals }
    }

    /// `score` in this form.
    pub(crate) fn text(self, score: f32) -> String {
        match self.decimals {
            _ if !score.is_finite() => "unknown".into(),
            Some(decimals) => format!("{score:.decimals$}"),
            None => format!("{score:.3e}"),
        }
    }
}

/// The user's text without what would act on a terminal or turn the reading direction: control characters are
/// written as escapes. With `ascii`, so is everything that is not ASCII.
pub(crate) fn clean(text: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if hidden || (ascii && !c.is_ascii()) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// At most `limit` characters of `text`, with `...` or `…` where it was cut.
pub(crate) fn shorten(text: &str, limit: usize, ascii: bool) -> String {
    let ellipsis = if ascii { "..." } else { "\u{2026}" };
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => {
            let keep = limit.saturating_sub(ellipsis.chars().count());
            text.chars().take(keep).chain(ellipsis.chars()).collect()
        }
    }
}

/// Files as a title: one by its name, several by their number.
pub(crate) fn source_name(paths: &[String]) -> String {
    match paths {
        [] => "the data".into(),
        [one] if one == "-" => "standard input".into(),
        [one] => one.clone(),
        [first, ..] => format!("{} files from {first}", count(paths.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_metrics_read_in_a_column() {
        let texts =
            [0.0, 1.0, 0.51234, 1e-5, -0.25, 12.0, 12.5, 250.04, 123_456.7, f64::NAN].map(metric_value);
        assert_eq!(
            texts,
            ["0.000", "1.000", "0.512", "1.0e-5", "-0.250", "12", "12.500", "250.0", "123457", "none"]
        );
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        let percents =
            [0.0, 1e-9, 0.0005, 0.0062, 0.00999, 0.042, 0.5, 0.99, 0.9912, 0.99999, 1.0].map(percent);
        let percents: Vec<String> = percents.iter().map(|p| p.replace("\u{a0}%", "")).collect();
        assert_eq!(percents, ["0", "<0.01", "0.05", "0.62", "1", "4.2", "50", "99", "99.1", ">99.9", "100"]);
        assert_eq!(percent(f64::NAN), "unknown");
        assert_eq!(
            [0.00001, 0.00049, 0.051, 0.5, 1.0].map(p_value),
            ["<0.0001", "0.00049", "0.051", "0.5", "1"]
        );
        assert_eq!(number(-123_456.0, 3), "-123,000");
        assert_eq!(number(1e-9, 3), "1e-9");
        assert_eq!(number(0.1 + 0.2, 4), "0.3");
    }

    #[test]
    fn scores_share_their_decimals() {
        let format = ScoreFormat::of([0.98123, 0.5]);
        assert_eq!([format.text(0.98123), format.text(0.5)], ["0.9812", "0.5000"]);
        assert_eq!(ScoreFormat::of([123.45]).text(2.0), "2.0");
        assert_eq!(ScoreFormat::of([3e8]).text(3e8), "3.000e8");
        assert_eq!(ScoreFormat::of([]).text(0.0), "0.0");
    }

    #[test]
    fn text_that_acts_is_shown() {
        assert_eq!(clean("a\u{1b}[31m\nb\u{202e}c", false), "a\\u{1b}[31m\\nb\\u{202e}c");
        assert_eq!(clean("Zürich", false), "Zürich");
        assert_eq!(clean("Zürich", true), "Z\\u{fc}rich");
        assert_eq!(shorten("abcdef", 4, false), "abc\u{2026}");
        assert_eq!(shorten("abcd", 4, true), "abcd");
    }
}
