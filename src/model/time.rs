//! Points in time.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// 1 January 1970 was the first of these.
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A point in time: microseconds since 1970-01-01T00:00:00Z. Both database engines sort and
/// compare it alike, and neither cuts it. On the wire it is RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[cfg_attr(
    feature = "ssr",
    derive(utoipa::ToSchema),
    schema(description = "A point in time: RFC 3339 in UTC.", value_type = String, format = DateTime, examples("2026-11-18T11:06:40.123456Z"))
)]
pub struct Timestamp(pub i64);

/// 1 January 1971 and 1 January 9999.
const FIRST_DAY: Timestamp = Timestamp::from_seconds(31_536_000);
const LAST_DAY: Timestamp = Timestamp::from_seconds(253_370_764_800);

impl Timestamp {
    /// The point `seconds` after the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This point moved forward by `by`.
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This point moved back by `by`.
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads RFC 3339, or a plain date (midnight UTC), as providers write them.
    #[cfg(feature = "ssr")]
    pub fn parse(text: &str) -> Option<Self> {
        use time::{OffsetDateTime, format_description::well_known::Rfc3339};

        let moment = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| {
            let date =
                time::Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).ok()?;
            Some(date.midnight().assume_utc())
        })?;
        i64::try_from(moment.unix_timestamp_nanos() / 1_000).ok().map(Self)
    }

    /// Reads the wire form, and no other. The crate `time` reads everything, but is too large for the browser.
    fn of_wire(text: &str) -> Option<Self> {
        let (whole, rest) = text.split_at_checked(19)?;
        let number = |range: std::ops::Range<usize>| digits(whole.get(range)?);
        let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if !marks.iter().all(|(at, mark)| whole.as_bytes()[*at] == *mark) {
            return None;
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        let days = days_since_epoch(year, month, day);
        let exists = (1..=12).contains(&month) && civil(days) == (year, month, day);
        if !exists || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let fraction = rest.strip_suffix('Z')?;
        let micros = match fraction.strip_prefix('.') {
            Some(fraction) if (1..=6).contains(&fraction.len()) => {
                digits(fraction)? * 10_i64.pow(6 - fraction.len() as u32)
            }
            None if fraction.is_empty() => 0,
            _ => return None,
        };
        Some(Self((days * DAY + hour * HOUR + minute * MINUTE + second) * 1_000_000 + micros))
    }

    /// Midnight UTC of a date such as `2026-12-01`, as forms send it. From 1971 to 9998, so that midnight of any zone,
    /// and of the day after, can be written as well.
    pub fn midnight(date: &str) -> Option<Self> {
        Self::of_wire(&format!("{date}T00:00:00Z")).filter(|day| (FIRST_DAY..LAST_DAY).contains(day))
    }

    /// The date in UTC, as forms send it.
    pub fn iso_date(self) -> String {
        self.to_string().get(..10).unwrap_or_default().to_owned()
    }

    /// Year, month and day in UTC, in the years that have four digits.
    fn date(self) -> Option<(i64, i64, i64)> {
        Some(civil(self.seconds().div_euclid(DAY))).filter(|(year, ..)| (0..=9_999).contains(year))
    }

    /// A form for people, in UTC: `1 Dec 2026, 14:02 UTC`. The browser replaces it by the user's own zone.
    pub fn for_people(self) -> String {
        let date = self.date_for_people();
        if date.is_empty() {
            return date;
        }
        let second = self.seconds().rem_euclid(DAY);
        format!("{date}, {:02}:{:02} UTC", second / HOUR, second % HOUR / MINUTE)
    }

    /// The day for people, as it is seen from `now` in the zone that is `offset` minutes ahead of UTC: `today`, `on
    /// Thursday`, `on 1 Dec 2026`.
    pub fn day_from(self, now: Self, offset: i32) -> String {
        let local = |at: Self| Self(at.0.saturating_add(i64::from(offset) * 60_000_000));
        let day = |at: Self| at.seconds().div_euclid(DAY);
        let (then, today) = (day(local(self)), day(local(now)));
        match then - today {
            0 => "today".to_owned(),
            1 => "tomorrow".to_owned(),
            2..=6 => {
                let weekday = usize::try_from(then.rem_euclid(7)).ok().and_then(|day| WEEKDAYS.get(day));
                format!("on {}", weekday.copied().unwrap_or_default())
            }
            _ => format!("on {}", local(self).date_for_people()),
        }
    }

    /// The date for people, in UTC: `1 Dec 2026`.
    pub fn date_for_people(self) -> String {
        let Some((year, month, day)) = self.date() else { return String::new() };
        let month = usize::try_from(month - 1).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"");
        format!("{day} {month} {year:04}")
    }
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The date of a day counted from 1970-01-01, in the Gregorian calendar: years are counted from March, so that
/// the day that only leap years have is their last; 400 of them always have 146,097 days.
fn civil(days: i64) -> (i64, i64, i64) {
    let from_march = days + 719_468;
    let (era, day) = (from_march.div_euclid(146_097), from_march.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// The other way round.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let month = if month > 2 { month - 3 } else { month + 9 };
    era * 146_097 + year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1 - 719_468
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date().ok_or(fmt::Error)?;
        let second = self.seconds().rem_euclid(DAY);
        let (hour, minute, second) = (second / HOUR, second % HOUR / MINUTE, second % MINUTE);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        let micros = self.0.rem_euclid(1_000_000);
        if micros > 0 {
            write!(f, ".{}", format!("{micros:06}").trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::of_wire(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

    use super::*;

    proptest! {
        /// Every moment of the years that have four digits.
        #[test]
        fn forms_are_those_of_the_crate_time(micros in -62_167_219_200_000_000_i64..=253_402_300_799_999_999) {
            let at = Timestamp(micros);
            let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap();
            prop_assert_eq!(at.to_string(), moment.format(&Rfc3339).unwrap());
            prop_assert_eq!(Timestamp::of_wire(&at.to_string()), Some(at));
            let people = format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute] UTC");
            prop_assert_eq!(at.for_people(), moment.format(people).unwrap());
        }

        #[test]
        fn what_is_read_from_the_wire_is_rfc_3339(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,7})?Z") {
            if let Some(at) = Timestamp::of_wire(&text) {
                prop_assert_eq!(Timestamp::parse(&text), Some(at));
            }
        }
    }

    #[test]
    fn nothing_else_is_read_from_the_wire() {
        for other in [
            "",
            "soon",
            "2026-12-01",
            "2026-02-29T00:00:00Z",
            "2026-12-01T00:00:00",
            "2026-12-01T00:00:00+00:00",
            "2026-12-01T00:00:00.Z",
            "2026-12-01T24:00:00Z",
            "2026-13-01T00:00:00Z",
            "+026-12-01T00:00:00Z",
            "2026-12-01T00:00:00.-1Z",
            "2026-12-01T00:00:0€Z",
        ] {
            assert_eq!(Timestamp::of_wire(other), None, "{other}");
        }
        assert_eq!(Timestamp(i64::MAX).for_people(), "");
    }

    #[test]
    fn the_wire_form_is_rfc_3339_in_utc_and_comes_back_whole() {
        let at = Timestamp(1_795_000_000_123_456);
        assert_eq!(at.to_string(), "2026-11-18T11:06:40.123456Z");
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
        assert_eq!(
            Timestamp::parse("2026-12-01").map(|t| t.to_string()),
            Some("2026-12-01T00:00:00Z".to_owned())
        );
        assert_eq!(Timestamp::parse("soon"), None);
    }

    #[test]
    fn dates_of_forms_are_midnights() {
        let day = Timestamp::midnight("2026-11-30").unwrap();
        assert!(["1971-01-01", "9998-12-31"].into_iter().all(|date| Timestamp::midnight(date).is_some()));
        assert_eq!(
            (day.to_string().as_str(), day.iso_date().as_str()),
            ("2026-11-30T00:00:00Z", "2026-11-30")
        );
        for other in [
            "1970-12-31",
            "9999-01-01",
            "",
            "2026-11-31",
            "2026-11-3",
            "20261-1-30",
            "2026-11-30 ",
            "30.11.2026",
            "2026-11-30T00:00:00Z",
        ] {
            assert_eq!(Timestamp::midnight(other), None, "{other}");
        }
    }

    #[test]
    fn a_day_near_by_has_its_name() {
        let now = Timestamp::parse("2026-11-18T11:06:40Z").unwrap();
        let day = |text: &str, offset| Timestamp::parse(text).unwrap().day_from(now, offset);
        assert_eq!(day("2026-11-18T23:59:59Z", 0), "today");
        assert_eq!(day("2026-11-18T23:59:59Z", 60), "tomorrow");
        assert_eq!(day("2026-11-20", 0), "on Friday");
        assert_eq!(day("2026-11-20", -60), "tomorrow");
        assert_eq!(day("2026-11-24T23:00:00Z", 0), "on Tuesday");
        assert_eq!(day("2026-11-25", 0), "on 25 Nov 2026");
        assert_eq!(day("2026-11-17", 0), "on 17 Nov 2026");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp(i64::MAX).plus(Duration::from_secs(9)), Timestamp(i64::MAX));
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    }
}
