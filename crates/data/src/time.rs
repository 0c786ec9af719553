//! Points in time, as people write them.

use anomalyst_core::{Error, Result, nearest_name};
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

/// A way to write a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TimeFormat {
    /// `2014-04-01`, `2014/04/01 12:30`, `2014-04-01T12:30:00.25+02:00`.
    YearFirst,
    /// `04/01/2014 12:30`.
    MonthFirst,
    /// `01.04.2014 12:30`.
    DayFirst,
    /// `1 Apr 2014`, `Tue, 01 Apr 2014 12:30:00 GMT`, `01-Apr-2014`.
    DayMonthName,
    /// `Apr 1, 2014 12:30:00`.
    MonthNameDay,
    /// `20140401`; only where the column's name says so.
    Compact,
    /// Seconds since 1970; only where the column's name says so.
    EpochSecs,
    /// Milliseconds since 1970.
    EpochMillis,
    /// Microseconds since 1970.
    EpochMicros,
}

impl TimeFormat {
    /// The ones that text may have, the more certain first.
    pub(crate) const OF_TEXT: [Self; 5] =
        [Self::YearFirst, Self::MonthFirst, Self::DayFirst, Self::DayMonthName, Self::MonthNameDay];

    /// How to name it to the user.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::YearFirst => "year-month-day",
            Self::MonthFirst => "month/day/year",
            Self::DayFirst => "day/month/year",
            Self::DayMonthName => "day, name of the month, year",
            Self::MonthNameDay => "name of the month, day, year",
            Self::Compact => "yyyymmdd",
            Self::EpochSecs => "seconds since 1970",
            Self::EpochMillis => "milliseconds since 1970",
            Self::EpochMicros => "microseconds since 1970",
        }
    }

    /// The epoch unit that brings a number of this size to this age, if one does.
    pub(crate) fn of_epoch(smallest: f64, largest: f64) -> Option<Self> {
        // 1973 to 2100 in seconds; the other units do not overlap with it.
        let fits = |unit: f64| smallest >= 1e8 * unit && largest <= 4.2e9 * unit;
        [(1.0, Self::EpochSecs), (1e3, Self::EpochMillis), (1e6, Self::EpochMicros)]
            .into_iter()
            .find_map(|(unit, format)| fits(unit).then_some(format))
    }

    /// Microseconds since 1970 of a trimmed cell; times without a zone are taken as UTC.
    pub(crate) fn parse(self, cell: &[u8]) -> Option<i64> {
        self.parse_in(cell, None)
    }

    /// Microseconds since 1970 of a trimmed cell; times without a zone are taken as being in `zone`, or else UTC.
    pub(crate) fn parse_in(self, cell: &[u8], zone: Option<&TimeZone>) -> Option<i64> {
        let epoch = |unit: f64| {
            let micros = fast_float2::parse::<f64, _>(cell).ok()? * unit;
            (micros.abs() < 9e17).then(|| micros.round() as i64)
        };
        match self {
            Self::EpochSecs => return epoch(1e6),
            Self::EpochMillis => return epoch(1e3),
            Self::EpochMicros => return epoch(1.0),
            _ => {}
        }
        if !(6..=48).contains(&cell.len()) || !cell.is_ascii() {
            return None;
        }
        let mut scan = Scan(cell);
        let date = match self {
            Self::Compact => scan.compact()?,
            Self::YearFirst => scan.numeric([2, 1, 0])?,
            Self::MonthFirst => scan.numeric([1, 0, 2])?,
            Self::DayFirst => scan.numeric([0, 1, 2])?,
            Self::DayMonthName => scan.named(true)?,
            _ => scan.named(false)?,
        };
        scan.clock(date, zone)
    }
}

/// What is left of a cell.
struct Scan<'a>(&'a [u8]);

impl<'a> Scan<'a> {
    fn take_if(&mut self, accepted: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        accepted.contains(&first).then(|| {
            self.0 = rest;
            first
        })
    }

    fn skip(&mut self, accepted: &[u8]) {
        while self.take_if(accepted).is_some() {}
    }

    /// Between `min` and `max` digits as a number.
    fn digits(&mut self, min: usize, max: usize) -> Option<i32> {
        let n = self.0.iter().take(max).take_while(|b| b.is_ascii_digit()).count();
        if n < min {
            return None;
        }
        let (digits, rest) = self.0.split_at(n);
        self.0 = rest;
        Some(digits.iter().fold(0, |sum, b| sum * 10 + i32::from(b - b'0')))
    }

    fn word(&mut self) -> &'a [u8] {
        let n = self.0.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let (word, rest) = self.0.split_at(n);
        self.0 = rest;
        word
    }

    /// Three numbers; `order` says where day, month and year stand among them.
    fn numeric(&mut self, order: [usize; 3]) -> Option<Date> {
        let mut numbers = [0; 3];
        let mut mark = None;
        for (i, number) in numbers.iter_mut().enumerate() {
            *number = if order[2] == i { self.digits(4, 4)? } else { self.digits(1, 2)? };
            if i < 2 {
                let this = self.take_if(b"-/.")?;
                if *mark.get_or_insert(this) != this {
                    return None;
                }
            }
        }
        let [day, month, year] = order.map(|i| numbers[i]);
        date(year, month, day)
    }

    fn compact(&mut self) -> Option<Date> {
        let (year, month, day) = (self.digits(4, 4)?, self.digits(2, 2)?, self.digits(2, 2)?);
        date(year, month, day)
    }

    /// Day, month and year with the month in letters, after the name of a weekday or not.
    fn named(&mut self, day_first: bool) -> Option<Date> {
        const BETWEEN: &[u8] = b" -/.,";
        let before = self.0;
        let word = self.word();
        self.skip(BETWEEN);
        if word.is_empty() || month_number(word).is_some() {
            self.0 = before;
        }
        let (day, month);
        if day_first {
            day = self.digits(1, 2)?;
            self.skip(BETWEEN);
            month = month_number(self.word())?;
        } else {
            month = month_number(self.word())?;
            self.skip(BETWEEN);
            day = self.digits(1, 2)?;
        }
        self.take_if(BETWEEN)?;
        self.skip(BETWEEN);
        date(self.digits(4, 4)?, month, day)
    }

    /// The time of day and the zone, either of which may be absent, and nothing after them.
    fn clock(mut self, date: Date, zone: Option<&TimeZone>) -> Option<i64> {
        let mut time = DateTime::from_parts(date, jiff::civil::Time::midnight());
        let mut micros = 0;
        if !self.0.is_empty() {
            self.take_if(b"T t")?;
            self.skip(b" ");
            let (mut hour, minute) = (self.digits(1, 2)?, self.after_colon()?);
            let second = if self.0.first() == Some(&b':') { self.after_colon()? } else { 0 };
            if self.take_if(b".,").is_some() {
                let mut unit = 100_000;
                let n = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
                for b in &self.0[..n] {
                    micros += i64::from(b - b'0') * unit;
                    unit /= 10;
                }
                self.0 = &self.0[n..];
            }
            self.skip(b" ");
            if let [a @ (b'A' | b'P' | b'a' | b'p'), b'M' | b'm', ..] = *self.0 {
                hour = hour % 12 + if a.eq_ignore_ascii_case(&b'p') { 12 } else { 0 };
                self.0 = &self.0[2..];
            }
            // A leap second is counted as the second before it.
            let (hour, minute, second) = (i8::try_from(hour).ok()?, minute as i8, second.min(59) as i8);
            time = DateTime::from_parts(date, jiff::civil::Time::new(hour, minute, second, 0).ok()?);
        }
        let stamp = match self.offset()? {
            Some(offset) => offset.to_timestamp(time),
            // A time that the clock skips in spring is taken as an hour later, one that it shows twice as the first.
            None => zone.unwrap_or(&TimeZone::UTC).to_timestamp(time),
        };
        self.0.is_empty().then_some(stamp.ok()?.as_microsecond() + micros)
    }

    fn after_colon(&mut self) -> Option<i32> {
        self.take_if(b":")?;
        self.digits(2, 2).filter(|&n| n <= 60)
    }

    /// What is written of the zone; nothing may be.
    fn offset(&mut self) -> Option<Option<Offset>> {
        self.skip(b" ");
        let Some(sign) = self.take_if(b"+-") else {
            let word = self.word();
            if word.is_empty() {
                return Some(None);
            }
            let is_utc = [&b"Z"[..], b"UTC", b"GMT"].iter().any(|w| w.eq_ignore_ascii_case(word));
            return is_utc.then_some(Some(Offset::UTC));
        };
        let hours = self.digits(2, 2)?;
        self.skip(b":");
        let minutes = self.digits(2, 2).unwrap_or(0);
        let seconds = (hours * 60 + minutes) * 60;
        Offset::from_seconds(if sign == b'-' { -seconds } else { seconds }).ok().map(Some)
    }
}

/// The time zone of this name in the IANA data base.
pub(crate) fn time_zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|_| {
        let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        Error::Unknown {
            what: "time zone",
            id: name.into(),
            nearest: nearest_name(name, known.iter().map(String::as_str)).map(str::to_owned),
        }
    })
}

/// Microseconds since 1970 of a time as people write it, if it is one; one without a zone is in that of this name, or
/// else UTC.
///
/// ```
/// assert_eq!(anomalyst_data::parse_time("1970-01-01T01:00+01:00", None).unwrap(), Some(0));
/// assert_eq!(anomalyst_data::parse_time("1970-01-01 01:00", Some("Europe/Berlin")).unwrap(), Some(0));
/// assert_eq!(anomalyst_data::parse_time("soon", None).unwrap(), None);
/// ```
pub fn parse_time(text: &str, zone: Option<&str>) -> Result<Option<i64>> {
    let zone = zone.map(time_zone).transpose()?;
    let cell = text.trim().as_bytes();
    Ok(TimeFormat::OF_TEXT.iter().find_map(|format| format.parse_in(cell, zone.as_ref())))
}

fn date(year: i32, month: i32, day: i32) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn month_number(word: &[u8]) -> Option<i32> {
    const MONTHS: [&[u8]; 12] = [
        b"january",
        b"february",
        b"march",
        b"april",
        b"may",
        b"june",
        b"july",
        b"august",
        b"september",
        b"october",
        b"november",
        b"december",
    ];
    let fits = |month: &&[u8]| {
        word.len() >= 3 && word.len() <= month.len() && month[..word.len()].eq_ignore_ascii_case(word)
    };
    MONTHS.iter().position(fits).map(|i| i as i32 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2014-04-01T12:30:00Z, from `date -u -d '2014-04-01 12:30' +%s`.
    const HALF_PAST: i64 = 1_396_355_400_000_000;

    #[test]
    fn ways_to_write_one_moment() {
        use TimeFormat as F;
        for (format, text) in [
            (F::YearFirst, "2014-04-01T12:30:00Z"),
            (F::YearFirst, "2014-04-01 12:30"),
            (F::YearFirst, "2014/4/1 14:30:00+02:00"),
            (F::YearFirst, "2014-04-01T12:30:00.000000000-0000"),
            (F::YearFirst, "2014-04-01 12:30:00 UTC"),
            (F::MonthFirst, "04/01/2014 12:30 PM"),
            (F::DayFirst, "01.04.2014 12:30:00"),
            (F::DayMonthName, "Tue, 01 Apr 2014 12:30:00 GMT"),
            (F::DayMonthName, "01-Apr-2014 12:30"),
            (F::MonthNameDay, "April 1, 2014 12:30:00"),
            (F::EpochSecs, "1396355400"),
            (F::EpochMillis, "1396355400000"),
        ] {
            assert_eq!(format.parse(text.as_bytes()), Some(HALF_PAST), "{text}");
        }
        assert_eq!(F::Compact.parse(b"20140401"), Some(HALF_PAST - 45_000_000_000));
        assert_eq!(F::YearFirst.parse(b"2014-04-01 12:30:00.25"), Some(HALF_PAST + 250_000));
    }

    #[test]
    fn times_without_a_zone_are_in_the_one_named() {
        let berlin = time_zone("Europe/Berlin").unwrap();
        let at = |text: &str| TimeFormat::YearFirst.parse_in(text.as_bytes(), Some(&berlin));
        assert_eq!(at("2014-04-01 14:30"), Some(HALF_PAST), "two hours ahead in summer");
        assert_eq!(at("2014-04-01 12:30Z"), Some(HALF_PAST));
        assert_eq!(at("2014-04-01 12:30+00:00"), Some(HALF_PAST));
        // The clock goes from 02:00 to 03:00 on 30 March 2014.
        assert_eq!(at("2014-03-30 02:30"), at("2014-03-30 03:30"));
        let wrong = time_zone("Europe/Berln").unwrap_err().to_string();
        assert!(wrong.contains("Europe/Berlin"), "{wrong}");
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "2014-13-01",
            "2014-02-30",
            "2014-04",
            "2014-04/01",
            "2014-04-01x",
            "2014-04-01 25:00",
            "1.2.3.4",
            "14-04-01",
        ] {
            assert!(TimeFormat::OF_TEXT.iter().all(|f| f.parse(text.as_bytes()).is_none()), "{text}");
        }
    }

    #[test]
    fn epochs_are_told_by_their_size() {
        assert_eq!(TimeFormat::of_epoch(1.4e9, 1.5e9), Some(TimeFormat::EpochSecs));
        assert_eq!(TimeFormat::of_epoch(1.4e12, 1.5e12), Some(TimeFormat::EpochMillis));
        assert_eq!(TimeFormat::of_epoch(1.0, 1.5e12), None);
    }
}
