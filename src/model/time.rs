//! Points in time.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A point in time: microseconds since 1970-01-01T00:00:00Z. Both database engines sort and
/// compare it alike, and neither cuts it. On the wire it is RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[cfg_attr(
    feature = "ssr",
    derive(utoipa::ToSchema),
    schema(description = "A point in time: RFC 3339 in UTC.", value_type = String, format = DateTime, examples("2026-11-18T11:06:40.123456Z"))
)]
pub struct Timestamp(pub i64);

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
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| {
            let date =
                time::Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).ok()?;
            Some(date.midnight().assume_utc())
        })?;
        i64::try_from(moment.unix_timestamp_nanos() / 1_000).ok().map(Self)
    }

    fn moment(self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000).ok()
    }

    /// A form for people, in UTC: `1 Dec 2026, 14:02 UTC`. The browser replaces it by the user's own zone.
    pub fn for_people(self) -> String {
        self.moment()
            .and_then(|m| {
                m.format(time::macros::format_description!(
                    "[day padding:none] [month repr:short] [year], [hour]:[minute] UTC"
                ))
                .ok()
            })
            .unwrap_or_default()
    }

    /// The date for people, in UTC: `1 Dec 2026`.
    pub fn date_for_people(self) -> String {
        self.moment()
            .and_then(|m| {
                m.format(time::macros::format_description!("[day padding:none] [month repr:short] [year]"))
                    .ok()
            })
            .unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.moment().and_then(|m| m.format(&Rfc3339).ok()).ok_or(fmt::Error)?;
        f.write_str(&text)
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
        Self::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn arithmetic_saturates() {
        assert_eq!(Timestamp(i64::MAX).plus(Duration::from_secs(9)), Timestamp(i64::MAX));
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    }
}
