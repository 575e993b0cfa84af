//! Hours in which nobody wants to be disturbed, in the user's own time zone. The tables of time zones are part of the
//! program, so that they do not depend on the machine.

use jiff::{ToSpan, tz::TimeZone};

use crate::model::{
    error::{AppError, FieldError},
    notice::Quiet,
    time::Timestamp,
};

/// Whether the hours can be understood.
pub(super) fn check(quiet: &Quiet) -> Result<(), AppError> {
    let mut errors = std::collections::BTreeMap::new();
    for (name, hour) in [("quiet_from", quiet.from), ("quiet_to", quiet.to)] {
        if hour > 23 {
            errors.insert(name.to_owned(), FieldError::OutOfRange);
        }
    }
    if quiet.from == quiet.to {
        errors.entry("quiet_to".to_owned()).or_insert(FieldError::SameHour);
    }
    if TimeZone::get(&quiet.zone).is_err() {
        errors.insert("zone".to_owned(), FieldError::NoZone);
    }
    AppError::fields(errors)
}

/// When the quiet hours end that it is now; nothing where it is none of them.
pub(super) fn ends_at(quiet: &Quiet, now: Timestamp) -> Option<Timestamp> {
    let zone = TimeZone::get(&quiet.zone).ok()?;
    let here = jiff::Timestamp::from_microsecond(now.0).ok()?.to_zoned_datetime(zone);
    let (from, to) = (i8::try_from(quiet.from).ok()?, i8::try_from(quiet.to).ok()?);
    let hour = here.hour();
    let is_quiet = if from <= to { (from..to).contains(&hour) } else { hour >= from || hour < to };
    if !is_quiet {
        return None;
    }
    let date = if hour < to { here.date() } else { here.date().checked_add(1.day()).ok()? };
    // An hour that the clocks skip begins with the next one.
    let end = date.at(to, 0, 0, 0).to_zoned_datetime(here.time_zone().clone()).ok()?;
    Some(Timestamp(end.timestamp().as_microsecond())).filter(|end| *end > now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn quiet(from: u8, to: u8, zone: &str) -> Quiet {
        Quiet { from, to, zone: zone.to_owned() }
    }

    #[test]
    fn they_are_those_of_the_user_s_clock() {
        let berlin = quiet(22, 7, "Europe/Berlin");
        assert_eq!(ends_at(&berlin, at("2026-11-26T20:59:59Z")), None);
        assert_eq!(ends_at(&berlin, at("2026-11-26T21:00:00Z")), Some(at("2026-11-27T06:00:00Z")));
        assert_eq!(ends_at(&berlin, at("2026-11-27T05:59:59Z")), Some(at("2026-11-27T06:00:00Z")));
        assert_eq!(ends_at(&berlin, at("2026-11-27T06:00:00Z")), None);
        // The night in which the clocks are set forward is an hour shorter.
        assert_eq!(ends_at(&berlin, at("2026-03-28T21:30:00Z")), Some(at("2026-03-29T05:00:00Z")));
        let noon = quiet(12, 13, "Asia/Kolkata");
        assert_eq!(ends_at(&noon, at("2026-11-26T06:30:00Z")), Some(at("2026-11-26T07:30:00Z")));
        assert_eq!(ends_at(&quiet(8, 8, "UTC"), at("2026-11-26T08:30:00Z")), None);
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        assert!(check(&quiet(22, 7, "Europe/Berlin")).is_ok());
        for (wrong, field) in [
            (quiet(24, 7, "UTC"), "quiet_from"),
            (quiet(1, 24, "UTC"), "quiet_to"),
            (quiet(8, 8, "UTC"), "quiet_to"),
            (quiet(1, 2, "Mars/Olympus"), "zone"),
            (quiet(1, 2, ""), "zone"),
            (quiet(1, 2, "../etc/passwd"), "zone"),
        ] {
            assert!(check(&wrong).unwrap_err().errors.contains_key(field), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn they_end_within_a_day_and_are_over_then(
            from in 0u8..24,
            to in 0u8..24,
            seconds in 1_700_000_000i64..1_900_000_000,
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
        ) {
            let (quiet, now) = (quiet(from, to, zone), Timestamp::from_seconds(seconds));
            if let Some(end) = ends_at(&quiet, now) {
                prop_assert!(end > now && end.since(now) <= Duration::from_secs(25 * 3_600));
                prop_assert_eq!(ends_at(&quiet, end), None);
            }
        }
    }
}
