//! What was used: calls to providers, how many failed, how long they took.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    ids::ProviderId,
    money::Charge,
    quota::QuotaHistory,
    report::{Availability, Failure, VersionUse},
    service::ServiceId,
    time::Timestamp,
};

/// The buckets of the histograms of latency: a call is counted in the first that it fits, in microseconds. Each ends at
/// most two thirds later than the one before, so a percentile read from them is too long by no more than that.
pub const LATENCY_BUCKETS_US: [i64; 31] = [
    1_000,
    1_500,
    2_000,
    3_000,
    5_000,
    7_000,
    10_000,
    15_000,
    20_000,
    30_000,
    50_000,
    70_000,
    100_000,
    150_000,
    200_000,
    300_000,
    500_000,
    700_000,
    1_000_000,
    1_500_000,
    2_000_000,
    3_000_000,
    5_000_000,
    7_000_000,
    10_000_000,
    15_000_000,
    20_000_000,
    30_000_000,
    50_000_000,
    70_000_000,
    100_000_000,
];

/// The bucket of a call that took this long; the last one has no end.
pub fn latency_bucket(latency_us: i64) -> i64 {
    let last = LATENCY_BUCKETS_US[LATENCY_BUCKETS_US.len() - 1];
    LATENCY_BUCKETS_US.into_iter().find(|bucket| latency_us <= *bucket).unwrap_or(last)
}

/// An hour, in the ledger's microseconds.
pub const HOUR_US: i64 = 3_600_000_000;
/// A day of UTC, in the same.
pub const DAY_US: i64 = 24 * HOUR_US;
/// The furthest zones are 14 hours ahead of and 12 hours behind UTC.
pub const OFFSETS: std::ops::RangeInclusive<i32> = -720..=840;

/// How far back a report looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Range {
    /// 24 hours, hour by hour.
    Day,
    /// Seven days.
    Week,
    /// 30 days.
    #[default]
    Month,
    /// 90 days.
    Quarter,
    /// 52 weeks, week by week.
    Year,
}

/// A word that names no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("none of 24h, 7d, 30d, 90d and 52w")]
pub struct InvalidRange;

impl Range {
    /// From the shortest to the longest.
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The word on the wire and in addresses.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
            Self::Year => "52w",
        }
    }

    /// The name on pages.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Quarter => "90 days",
            Self::Year => "52 weeks",
        }
    }

    /// What one bar stands for: its name, its length, and how many there are.
    const fn step(self) -> (&'static str, i64, i64) {
        match self {
            Self::Day => ("Hour", HOUR_US, 24),
            Self::Week => ("Day", DAY_US, 7),
            Self::Month => ("Day", DAY_US, 30),
            Self::Quarter => ("Day", DAY_US, 90),
            Self::Year => ("Week from", 7 * DAY_US, 52),
        }
    }

    /// The name of one of its steps.
    pub const fn step_name(self) -> &'static str {
        self.step().0
    }

    /// The name of the step that begins at `begins`, in the zone that is `offset` minutes ahead of UTC.
    pub fn step_label(self, begins: Timestamp, offset: i32) -> String {
        let local = Timestamp(begins.0.saturating_add(i64::from(offset) * 60_000_000));
        match self {
            Self::Day => local.to_string().get(11..16).unwrap_or_default().to_owned(),
            _ => local.date_for_people(),
        }
    }

    /// The range that ends with the step that `now` is in. Days begin at midnight of the zone that is `offset` minutes
    /// ahead of UTC, as far as whole hours can tell.
    pub fn window(self, now: Timestamp, offset: i32) -> Window {
        let (_, step, count) = self.step();
        let hours = i64::from(offset).div_euclid(60) * HOUR_US;
        // Weeks end with today, not with the calendar's week.
        let unit = step.min(DAY_US);
        let ends = (now.0.saturating_add(hours)).div_euclid(unit).saturating_add(1) * unit - hours;
        Window {
            begins: Timestamp(ends - step * count),
            ends: Timestamp(ends),
            step: Duration::from_micros(step.unsigned_abs()),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Range {
    type Err = InvalidRange;
    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        Self::ALL.into_iter().find(|range| range.code() == text).ok_or(InvalidRange)
    }
}

impl TryFrom<String> for Range {
    type Error = InvalidRange;
    fn try_from(text: String) -> Result<Self, InvalidRange> {
        text.parse()
    }
}

impl From<Range> for String {
    fn from(range: Range) -> Self {
        range.code().to_owned()
    }
}

/// A time in equal steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning, which belongs to it.
    pub begins: Timestamp,
    /// Its end, which does not.
    pub ends: Timestamp,
    /// One step.
    pub step: Duration,
}

impl Window {
    /// The time before it to compare it with at `now`: as long, up to the hour that is as far into it as `now` is into this
    /// one, for what is still to come cannot be compared.
    pub fn before(self, now: Timestamp) -> Self {
        let length = self.ends.since(self.begins);
        let hour = now.0.saturating_add(HOUR_US / 2).div_euclid(HOUR_US) * HOUR_US;
        let ends = Timestamp(hour).clamp(self.begins, self.ends);
        Self { begins: self.begins.minus(length), ends: ends.minus(length), ..self }
    }
}

/// Calls in one step of the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Step {
    /// When it begins.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub begins: Timestamp,
    /// Calls to providers.
    pub calls: i64,
    /// Those that failed.
    pub failed: i64,
}

/// How calls went. Percentiles come from a histogram and are rounded up to the end of their bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Totals {
    /// Calls to providers.
    pub calls: i64,
    /// Those that failed. Calls that were called off are no failures.
    pub failed: i64,
    /// What they used up, in the units of the providers' quotas.
    pub units: i64,
    /// Milliseconds that half of the calls took at the most; none without a call.
    pub p50_ms: Option<i64>,
    /// The same for 95 of a hundred.
    pub p95_ms: Option<i64>,
    /// The same for 99 of a hundred.
    pub p99_ms: Option<i64>,
}

impl Totals {
    /// Calls of a hundred that did not fail; none without a call.
    pub fn success_percent(&self) -> Option<f64> {
        (self.calls > 0).then(|| (self.calls - self.failed) as f64 * 100.0 / self.calls as f64)
    }
}

/// The calls of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Operation {
    /// Who was asked.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "serpapi"))]
    pub provider: ProviderId,
    /// For which service; none for a check of a key.
    pub service: Option<ServiceId>,
    /// What was asked, as the catalogue calls it.
    #[cfg_attr(feature = "ssr", schema(example = "search"))]
    pub operation: String,
    /// How it went.
    #[serde(flatten)]
    pub totals: Totals,
}

/// What was used in a range, and in the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct UsageReport {
    /// How far back it looks: `24h`, `7d`, `30d`, `90d` or `52w`.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "30d"))]
    pub range: Range,
    /// The one provider that all of it is about; none for all of them.
    #[cfg_attr(feature = "ssr", schema(value_type = Option<String>, example = "serpapi"))]
    pub provider: Option<ProviderId>,
    /// The providers that were called in the range, by which it can be narrowed down.
    #[cfg_attr(feature = "ssr", schema(value_type = Vec<String>, example = json!(["serpapi", "twilio"])))]
    pub providers: Vec<ProviderId>,
    /// The beginning of the range.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub begins: Timestamp,
    /// Its end, which is ahead: the present step counts as a whole.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub ends: Timestamp,
    /// All of it.
    pub totals: Totals,
    /// All of the range before, up to the hour that is as far into it as now is into this one.
    pub before: Totals,
    /// Step by step, those without a call as well.
    pub steps: Vec<Step>,
    /// By provider, service and operation, the most calls first.
    pub operations: Vec<Operation>,
    /// What providers have charged so far for what was ordered in the range, where they say it call by call.
    pub costs: Vec<Charge>,
    /// What failed, the most frequent first.
    pub failures: Vec<Failure>,
    /// The quotas of the stored keys over the range, and how long they last.
    pub quotas: Vec<QuotaHistory>,
    /// Whether providers answered, day by day.
    pub availability: Availability,
    /// The versions of keys that were used in the range.
    pub versions: Vec<VersionUse>,
}

/// Counts by bucket, from which percentiles are read. Two of them add up to the one of both.
#[derive(Debug, Clone, Copy, Default)]
pub struct Histogram([i64; LATENCY_BUCKETS_US.len()]);

impl Histogram {
    /// Counts `calls` in the bucket that ends with `bucket`; one that is not known here counts in the next.
    pub fn add(&mut self, bucket: i64, calls: i64) {
        let last = self.0.len() - 1;
        let index = LATENCY_BUCKETS_US.iter().position(|known| bucket <= *known).unwrap_or(last);
        self.0[index] += calls;
    }

    /// Milliseconds that `percent` of a hundred calls took at the most, rounded up to the end of a bucket.
    pub fn percentile_ms(&self, percent: i64) -> Option<i64> {
        let all: i64 = self.0.iter().sum();
        let wanted = (all * percent + 99) / 100;
        let mut below = 0;
        let found = self.0.iter().position(|count| {
            below += count;
            below >= wanted
        });
        found.filter(|_| all > 0).map(|index| (LATENCY_BUCKETS_US[index] + 999) / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn days_begin_at_midnight_of_the_zone() {
        let now = at("2026-11-26T23:30:00Z");
        let window = Range::Week.window(now, 0);
        assert_eq!((window.begins, window.ends), (at("2026-11-20"), at("2026-11-27")));
        let window = Range::Week.window(now, 60);
        assert_eq!((window.begins, window.ends), (at("2026-11-20T23:00:00Z"), at("2026-11-27T23:00:00Z")));
        let window = Range::Week.window(now, -480);
        assert_eq!(window.ends, at("2026-11-27T08:00:00Z"));
        let window = Range::Day.window(now, 330);
        assert_eq!((window.begins, window.ends), (at("2026-11-26"), at("2026-11-27")));
        assert_eq!(Range::Year.window(now, 0).ends, at("2026-11-27"));
    }

    #[test]
    fn what_is_compared_is_as_far_into_its_time() {
        // Just after midnight the seventh day has hardly begun, a week ago as well.
        let midnight = at("2026-11-27T00:10:00Z");
        let before = Range::Week.window(midnight, 0).before(midnight);
        assert_eq!((before.begins, before.ends), (at("2026-11-14"), at("2026-11-20")));
        let now = at("2026-11-26T23:30:00Z");
        let before = Range::Week.window(now, 0).before(now);
        assert_eq!((before.begins, before.ends), (at("2026-11-13"), at("2026-11-20")));
        let before = Range::Day.window(now, 330).before(now);
        assert_eq!((before.begins, before.ends), (at("2026-11-25"), at("2026-11-26")));
    }

    #[test]
    fn percentiles_are_the_ends_of_their_buckets() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile_ms(50), None);
        histogram.add(latency_bucket(900), 94);
        histogram.add(latency_bucket(120_000), 5);
        histogram.add(latency_bucket(i64::MAX), 1);
        assert_eq!(
            [50, 94, 95, 99, 100].map(|percent| histogram.percentile_ms(percent)),
            [Some(1), Some(1), Some(150), Some(150), Some(100_000)]
        );
    }

    proptest! {
        #[test]
        fn a_window_holds_the_present_and_is_whole(
            micros in 0..4_000_000_000_000_000_i64, offset in OFFSETS, range in prop::sample::select(Range::ALL.to_vec()),
        ) {
            let now = Timestamp(micros);
            let window = range.window(now, offset);
            prop_assert!(window.begins < now && now < window.ends);
            prop_assert!(window.ends.since(now) <= Duration::from_secs(24 * 3_600));
            prop_assert_eq!(window.begins.0 % HOUR_US, 0);
            prop_assert_eq!(range.code().parse(), Ok(range));
        }

        #[test]
        fn a_percentile_is_never_too_short_and_at_most_seven_tenths_too_long(
            mut latencies in prop::collection::vec(1_000..100_000_000_i64, 1..200), percent in 1..=100_i64,
        ) {
            let mut histogram = Histogram::default();
            for latency in &latencies {
                histogram.add(latency_bucket(*latency), 1);
            }
            latencies.sort_unstable();
            let rank = (latencies.len() as i64 * percent + 99) / 100 - 1;
            let truth = latencies[rank as usize];
            let read = histogram.percentile_ms(percent).unwrap() * 1_000;
            prop_assert!(truth <= read && read <= truth * 17 / 10 + 1_000, "{truth} read as {read}");
        }
    }
}
