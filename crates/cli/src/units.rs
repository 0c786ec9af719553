//! Sizes, times and `name=value` pairs as people type them.

use std::time::Duration;

use anomalyst::core::ColumnKind;
use anomalyst::decide::risk::Sign;
use anomalyst::series::Aggregate;

/// `4G`, `500MB`, `1.5GiB`, `1000000`: bytes. K, M, G, T count in thousands, Ki, Mi, ... in 1024s.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 =
        number.parse().map_err(|_| format!("`{text}` is not a size; write 4G, 500M or 1GiB"))?;
    let factor = match unit.trim().to_ascii_lowercase().trim_end_matches('b') {
        "" => 1.0,
        "k" => 1e3,
        "m" => 1e6,
        "g" => 1e9,
        "t" => 1e12,
        "ki" => 1024.0,
        "mi" => 1024.0 * 1024.0,
        "gi" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(format!("`{text}` is not a size; write 4G, 500M or 1GiB")),
    };
    Ok((number * factor) as u64)
}

/// `30s`, `5m`, `1h`, `90`: a time, in seconds where no unit is given.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time; write 30s, 5m or 1h");
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let factor = match unit.trim() {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * factor).map_err(|_| wrong())
}

/// A step of time in microseconds.
pub(crate) fn step(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is not a step of time; write 30s, 5m, 1h or 1d");
    let micros = match text.trim().strip_suffix('d') {
        Some(days) => days.trim().parse::<f64>().map_err(|_| wrong())? * 86_400e6,
        None => duration(text).map_err(|_| wrong())?.as_secs_f64() * 1e6,
    };
    // A thousand years is more than any file covers.
    if (1.0..3.2e16).contains(&micros) { Ok(micros.round() as i64) } else { Err(wrong()) }
}

/// What stands for several values.
pub(crate) fn aggregate(text: &str) -> Result<Aggregate, String> {
    let names = Aggregate::ALL.map(Aggregate::as_str);
    let at = names.iter().position(|name| *name == text);
    at.map(|at| Aggregate::ALL[at]).ok_or_else(|| format!("`{text}` is not one of {}", names.join(", ")))
}

/// `name=value`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().into(), value.trim().into())),
        _ => Err(format!("`{text}` is not of the form name=value")),
    }
}

/// `column=kind`.
pub(crate) fn column_kind(text: &str) -> Result<(String, ColumnKind), String> {
    let (name, kind) =
        text.rsplit_once('=').ok_or_else(|| format!("`{text}` is not of the form column=kind"))?;
    let kind = match kind.trim() {
        "number" => ColumnKind::Number,
        "category" => ColumnKind::Category,
        "boolean" => ColumnKind::Boolean,
        "timestamp" => ColumnKind::Timestamp,
        "identifier" => ColumnKind::Identifier,
        "text" => ColumnKind::Text,
        other => {
            return Err(format!(
                "`{other}` is not a kind of column; it is one of number, category, boolean, timestamp, identifier, text"
            ));
        }
    };
    Ok((name.into(), kind))
}

/// One byte: `,`, `;`, `|`, `tab`, `space` or any other single character.
pub(crate) fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" => Ok(b'\t'),
        "space" => Ok(b' '),
        _ => match text.as_bytes() {
            [byte] => Ok(*byte),
            _ => Err(format!("`{text}` is not a delimiter; write one character, `tab` or `space`")),
        },
    }
}

/// A share between 0 and 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err(format!("`{text}` is not a share; write a number above 0 and below 1, such as 0.05")),
    }
}

/// A finite number above 0.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err(format!("`{text}` is not a number above 0")),
    }
}

/// `false_alarm:miss`: two costs.
pub(crate) fn costs(text: &str) -> Result<(f64, f64), String> {
    let wrong = || format!("`{text}` is not a pair of costs; write FALSE_ALARM:MISS, such as 1:50");
    let (a, b) = text.split_once(':').ok_or_else(wrong)?;
    let cost = |t: &str| t.trim().parse::<f64>().ok().filter(|c| c.is_finite() && *c > 0.0).ok_or_else(wrong);
    Ok((cost(a)?, cost(b)?))
}

/// `low..high`: two whole numbers.
pub(crate) fn points(text: &str) -> Result<[i32; 2], String> {
    let wrong = || format!("`{text}` is not a range of points; write LOW..HIGH, such as -5..5");
    let (low, high) = text.split_once("..").ok_or_else(wrong)?;
    let number = |t: &str| t.trim().parse::<i32>().map_err(|_| wrong());
    Ok([number(low)?, number(high)?])
}

/// `column=positive` or `column=negative`.
pub(crate) fn sign(text: &str) -> Result<(String, Sign), String> {
    match text.rsplit_once('=') {
        Some((column, "positive" | "+")) => Ok((column.into(), Sign::Positive)),
        Some((column, "negative" | "-")) => Ok((column.into(), Sign::Negative)),
        _ => Err(format!("`{text}` is not of the form COLUMN=positive or COLUMN=negative")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type() {
        assert_eq!(bytes("4G"), Ok(4_000_000_000));
        assert_eq!(bytes("1.5GiB"), Ok(1_610_612_736));
        assert_eq!(bytes("100"), Ok(100));
        assert!(bytes("many").is_err() && bytes("4X").is_err() && bytes("").is_err());
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("-1").is_err() && duration("1y").is_err());
        assert_eq!(column_kind("a=b=category"), Ok(("a=b".into(), ColumnKind::Category)));
        assert!(share("0").is_err() && share("1").is_err() && share("nan").is_err() && share("0.1").is_ok());
        assert_eq!(costs("1:50"), Ok((1.0, 50.0)));
        assert!(costs("1").is_err() && costs("0:1").is_err());
        assert_eq!((points("-5..5"), points("0..3")), (Ok([-5, 5]), Ok([0, 3])));
        assert!(points("5").is_err() && points("a..b").is_err());
        assert_eq!(sign("a=b=negative"), Ok(("a=b".into(), Sign::Negative)));
        assert!(sign("a=up").is_err() && sign("a").is_err());
        assert_eq!(delimiter("tab"), Ok(b'\t'));
        assert!(delimiter("ab").is_err());
    }
}
