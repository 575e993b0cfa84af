//! How a quota was used up over time, and how long it lasts at this pace. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ids::ProviderId, time::Timestamp};

const DAY: Duration = Duration::from_secs(86_400);
/// The pace is that of so many days at the most: older habits say little about the next days.
pub const LOOK_BACK: Duration = Duration::from_secs(14 * 86_400);
/// … or of more, where a key is checked too rarely for that; but never of more than so many.
pub const LOOK_BACK_MAX: Duration = Duration::from_secs(35 * 86_400);
/// A pace is read from so many figures at least …
const FIGURES_MIN: usize = 3;
/// … over this time at least: what was used in one busy hour is no pace.
const SPAN_MIN: Duration = Duration::from_secs(12 * 3_600);
/// An older figure says nothing about the present, unless the next is not expected yet.
const OUTDATED_AFTER: Duration = Duration::from_secs(3 * 86_400);
/// Nobody plans further ahead.
const FAR: Duration = Duration::from_secs(365 * 86_400);

/// What a check told of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct QuotaPoint {
    /// When.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Units used in the period.
    pub used: i64,
    /// Units in the period altogether; none where the provider does not tell.
    pub limit: Option<i64>,
    /// When the allowance is renewed; none where the provider does not tell.
    #[cfg_attr(feature = "ssr", schema(value_type = Option<String>, format = DateTime))]
    pub resets_at: Option<Timestamp>,
}

impl QuotaPoint {
    /// Units left; never negative.
    pub fn left(&self) -> Option<i64> {
        Some(self.limit?.saturating_sub(self.used).max(0))
    }

    /// The renewal that was ahead then. One that was over already is a mistake of the provider's.
    fn renewal(&self) -> Option<Timestamp> {
        self.resets_at.filter(|at| *at > self.at)
    }

    /// Whether the quota was renewed between this figure and the next.
    fn is_renewed_by(&self, next: &Self) -> bool {
        next.used < self.used || self.renewal().is_some_and(|at| at <= next.at)
    }
}

/// How long a quota lasts, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outlook {
    /// It ends at `at`.
    Ends,
    /// It is renewed at `at`, before it ends.
    LastsUntilRenewal,
    /// It lasts for more than a year.
    LastsLong,
    /// Nothing was used lately.
    Unused,
    /// Nothing is left; it is renewed at `at`, if the provider tells.
    UsedUp,
    /// There are too few figures since it was last renewed.
    TooEarly,
    /// The last figure is too old, or from before a renewal.
    Outdated,
}

/// How long a quota lasts if it is used up as it was lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Forecast {
    /// The answer.
    pub outlook: Outlook,
    /// The end, or the renewal.
    #[cfg_attr(feature = "ssr", schema(value_type = Option<String>, format = DateTime))]
    pub at: Option<Timestamp>,
    /// Units used a day, rounded up; none where there is no pace.
    pub per_day: Option<i64>,
    /// What is counted, in the plural.
    #[cfg_attr(feature = "ssr", schema(example = "searches"))]
    pub unit: String,
    /// When it was made.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub made_at: Timestamp,
}

impl Forecast {
    /// The sentence that says it, up to the day and the full stop; and the day, where one is named.
    pub fn words(&self, provider: &str) -> (String, Option<Timestamp>) {
        let (what, begin) = (format!("your {provider} {}", self.unit), "At this pace");
        let text = match self.outlook {
            Outlook::Ends => format!("{begin} {what} end"),
            Outlook::LastsUntilRenewal => format!("{begin} {what} last until they are renewed"),
            Outlook::LastsLong => format!("{begin} {what} last for more than a year"),
            Outlook::Unused => format!("None of {what} were used lately, so no end is in sight"),
            Outlook::UsedUp if self.at.is_some() => {
                format!("All {what} are used up; they are renewed")
            }
            Outlook::UsedUp => format!("All {what} are used up"),
            Outlook::TooEarly => format!("There are too few figures yet to say how long {what} last"),
            Outlook::Outdated => format!("The last figure is too old to say how long {what} last"),
        };
        (text, self.at)
    }
}

/// A quota over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct QuotaHistory {
    /// Whose quota.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "serpapi"))]
    pub provider: ProviderId,
    /// What is counted, in the plural.
    #[cfg_attr(feature = "ssr", schema(example = "searches"))]
    pub unit: String,
    /// The figures in the range, the oldest first; at most one for each hundredth of it.
    pub points: Vec<QuotaPoint>,
    /// How long it lasts; none where the provider does not tell what is left.
    pub forecast: Option<Forecast>,
}

/// How long a quota lasts, out of what checks told of it, the oldest first. None where nothing tells what is left.
pub fn forecast(points: &[QuotaPoint], unit: &str, now: Timestamp) -> Option<Forecast> {
    let last = points.last()?;
    let left = last.left()?;
    let renewal = last.renewal();
    let say =
        |outlook, at, per_day| Some(Forecast { outlook, at, per_day, unit: unit.to_owned(), made_at: now });
    if now.since(last.at) > outdated_after(points) || renewal.is_some_and(|at| at <= now) {
        return say(Outlook::Outdated, None, None);
    }
    if left == 0 {
        return say(Outlook::UsedUp, renewal, None);
    }
    let since_renewal =
        points.windows(2).rev().take_while(|pair| !pair[0].is_renewed_by(&pair[1])).enumerate().take_while(
            |(index, pair)| {
                let back = if index + 1 < FIGURES_MIN { LOOK_BACK_MAX } else { LOOK_BACK };
                last.at.since(pair[0].at) <= back
            },
        );
    let (figures, first) = since_renewal.fold((1, last), |(count, _), (_, pair)| (count + 1, &pair[0]));
    let span = last.at.since(first.at);
    if figures < FIGURES_MIN || span < SPAN_MIN {
        return say(Outlook::TooEarly, None, None);
    }
    let used = i128::from(last.used) - i128::from(first.used);
    if used <= 0 {
        return say(Outlook::Unused, None, None);
    }
    let micros = |time: Duration| i128::try_from(time.as_micros()).unwrap_or(i128::MAX);
    let per_day = (used * micros(DAY) + micros(span) - 1) / micros(span);
    let per_day = i64::try_from(per_day).ok();
    let lasts = i128::from(left) * micros(span) / used;
    let end = i64::try_from(i128::from(last.at.0) + lasts).map_or(Timestamp(i64::MAX), Timestamp).max(now);
    match renewal {
        Some(renewal) if renewal <= end => say(Outlook::LastsUntilRenewal, Some(renewal), per_day),
        _ if end.since(now) > FAR => say(Outlook::LastsLong, None, per_day),
        _ => say(Outlook::Ends, Some(end), per_day),
    }
}

/// After how long the last figure is too old: half as long again as it took from the one before, if that is longer.
fn outdated_after(points: &[QuotaPoint]) -> Duration {
    let took = points.windows(2).next_back().map(|pair| pair[1].at.since(pair[0].at));
    took.map_or(OUTDATED_AFTER, |took| OUTDATED_AFTER.max(took.min(LOOK_BACK) * 3 / 2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    /// Figures a day apart, the last one now.
    fn daily(used: &[i64], resets_at: Option<Timestamp>) -> Vec<QuotaPoint> {
        let days = (0..used.len() as u32).rev();
        let point =
            |(used, ago)| QuotaPoint { at: NOW.minus(DAY * ago), used, limit: Some(1_000), resets_at };
        used.iter().copied().zip(days).map(point).collect()
    }

    fn said(points: &[QuotaPoint], now: Timestamp) -> (Outlook, Option<Timestamp>) {
        let forecast = forecast(points, "searches", now).unwrap();
        (forecast.outlook, forecast.at)
    }

    #[test]
    fn the_pace_says_when_it_ends_or_that_it_is_renewed_before() {
        let (soon, late) = (Some(NOW.plus(DAY * 4)), Some(NOW.plus(DAY * 40)));
        let points = daily(&[300, 400, 500], late);
        assert_eq!(said(&points, NOW), (Outlook::Ends, Some(NOW.plus(DAY * 5))));
        assert_eq!(forecast(&points, "searches", NOW).unwrap().per_day, Some(100));
        assert_eq!(said(&daily(&[300, 400, 500], None), NOW).0, Outlook::Ends);
        assert_eq!(said(&daily(&[300, 400, 500], soon), NOW), (Outlook::LastsUntilRenewal, soon));
        assert_eq!(said(&daily(&[1, 1, 2], None), NOW), (Outlook::LastsLong, None));
        assert_eq!(said(&daily(&[1, 1, 2], late), NOW), (Outlook::LastsUntilRenewal, late));
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        assert_eq!(forecast(&[], "searches", NOW), None);
        let mut points = daily(&[300, 400, 500], None);
        points[2].limit = None;
        assert_eq!(forecast(&points, "searches", NOW), None);
        assert_eq!(said(&daily(&[300, 400], None), NOW).0, Outlook::TooEarly);
        assert_eq!(said(&daily(&[400, 400, 400], None), NOW).0, Outlook::Unused);
        assert_eq!(said(&daily(&[999, 1_000], None), NOW), (Outlook::UsedUp, None));
        let tomorrow = Some(NOW.plus(DAY));
        assert_eq!(said(&daily(&[1_001], tomorrow), NOW), (Outlook::UsedUp, tomorrow));
        // Many figures of one busy hour.
        let busy: Vec<_> = (0..20)
            .map(|n| QuotaPoint {
                at: NOW.minus(DAY / 24 * (20 - n) / 20),
                used: n.into(),
                limit: Some(50),
                resets_at: None,
            })
            .collect();
        assert_eq!(said(&busy, NOW).0, Outlook::TooEarly);
        // The key was not checked for days; and the quota was renewed since the last check.
        let points = daily(&[300, 400, 500], None);
        assert_eq!(said(&points, NOW.plus(DAY * 4)).0, Outlook::Outdated);
        assert_eq!(said(&daily(&[300, 400, 500], tomorrow), NOW.plus(DAY)).0, Outlook::Outdated);
    }

    #[test]
    fn a_renewal_in_between_begins_anew() {
        assert_eq!(said(&daily(&[700, 800, 900, 10], None), NOW).0, Outlook::TooEarly);
        assert_eq!(said(&daily(&[900, 100, 200, 300], None), NOW), (Outlook::Ends, Some(NOW.plus(DAY * 7))));
        // So much was used since that the figure does not tell, but the date does.
        let mut points = daily(&[100, 400, 500, 600], None);
        points[0].resets_at = Some(NOW.minus(DAY * 5 / 2));
        assert_eq!(said(&points, NOW), (Outlook::Ends, Some(NOW.plus(DAY * 4))));
        // A date that was over when it was told says nothing.
        points[2].resets_at = Some(NOW.minus(DAY * 9));
        assert_eq!(said(&points, NOW), (Outlook::Ends, Some(NOW.plus(DAY * 4))));
    }

    #[test]
    fn a_sentence_names_the_day_of_the_zone() {
        let forecast = forecast(&daily(&[300, 400, 500], None), "searches", NOW).unwrap();
        let (text, at) = forecast.words("SerpAPI");
        assert_eq!(text, "At this pace your SerpAPI searches end");
        // 18 November 2026 is a Wednesday, and it is 11:06.
        let day = |offset| at.unwrap().day_from(forecast.made_at, offset);
        assert_eq!((day(0).as_str(), day(780).as_str()), ("on Monday", "on Tuesday"));
    }

    #[test]
    fn a_key_that_is_checked_once_a_week_has_a_pace_as_well() {
        // Checks come up to a fifth later than they should.
        let week = DAY * 42 / 5;
        let point = |ago: u32, used| QuotaPoint {
            at: NOW.minus(week * ago),
            used,
            limit: Some(1_000),
            resets_at: None,
        };
        let points = [point(3, 0), point(2, 100), point(1, 200), point(0, 300)];
        assert_eq!(said(&points, NOW), (Outlook::Ends, Some(NOW.plus(week * 7))));
        assert_eq!(said(&points, NOW.plus(week)).0, Outlook::Ends);
        assert_eq!(said(&points, NOW.plus(week * 2)).0, Outlook::Outdated);
        assert_eq!(said(&points[2..], NOW).0, Outlook::TooEarly);
    }

    fn points() -> impl Strategy<Value = Vec<QuotaPoint>> {
        let times = prop_oneof![Just(NOW.0), NOW.0 - 2_000_000_000_000..NOW.0 + 10, any::<i64>()];
        let counts = prop_oneof![0..2_000_i64, any::<i64>()];
        let point = (times.clone(), counts.clone(), prop::option::of(counts), prop::option::of(times));
        prop::collection::vec(point, 0..20).prop_map(|points| {
            let point = |(at, used, limit, resets_at): (i64, i64, Option<i64>, Option<i64>)| QuotaPoint {
                at: Timestamp(at),
                used,
                limit,
                resets_at: resets_at.map(Timestamp),
            };
            let mut points: Vec<_> = points.into_iter().map(point).collect();
            points.sort_by_key(|point| point.at);
            points
        })
    }

    proptest! {
        /// Whatever providers tell.
        #[test]
        fn a_forecast_is_never_nonsense(points in points(), now in prop_oneof![Just(NOW.0), any::<i64>()]) {
            let now = Timestamp(now);
            let Some(forecast) = forecast(&points, "searches", now) else {
                prop_assert!(points.last().is_none_or(|last| last.limit.is_none()));
                return Ok(());
            };
            let last = points.last().unwrap();
            let renewal = last.resets_at.filter(|at| *at > last.at);
            match forecast.outlook {
                Outlook::Ends => {
                    let end = forecast.at.unwrap();
                    prop_assert!(now <= end && end.since(now) <= FAR);
                    prop_assert!(renewal.is_none_or(|renewal| end < renewal));
                }
                Outlook::LastsUntilRenewal => {
                    prop_assert_eq!(forecast.at, renewal);
                    prop_assert!(renewal.is_some_and(|renewal| now < renewal));
                }
                Outlook::UsedUp => prop_assert_eq!(last.left(), Some(0)),
                Outlook::LastsLong | Outlook::Unused | Outlook::TooEarly | Outlook::Outdated => {
                    prop_assert_eq!(forecast.at, None);
                }
            }
            prop_assert!(forecast.per_day.is_none_or(|count| count > 0));
        }

        /// However irregularly it is looked at: what is used up evenly ends when it ends.
        #[test]
        fn an_even_pace_is_found_again(
            hours in prop::collection::btree_set(0..300_u64, 4..40), per_hour in 1..500_i64, left in 1..20_000_i64,
        ) {
            let hours: Vec<_> = hours.into_iter().collect();
            let (first, last) = (hours[0], hours[hours.len() - 1]);
            prop_assume!(last - first >= 12);
            let at = |hour: u64| NOW.plus(Duration::from_secs(hour * 3_600));
            let limit = Some(per_hour * last as i64 + left);
            let points: Vec<_> = hours.iter().map(|hour| QuotaPoint { at: at(*hour), used: per_hour * *hour as i64, limit, resets_at: None }).collect();
            let truth = Timestamp(at(last).0 + left * 3_600_000_000 / per_hour);
            match said(&points, at(last)) {
                (Outlook::Ends, Some(end)) => prop_assert!((end.0 - truth.0).abs() <= 1, "{} for {}", end, truth),
                (outlook, _) => prop_assert!(outlook == Outlook::LastsLong && truth.since(at(last)) > FAR),
            }
        }

        /// More left never ends earlier, and what was before a renewal never matters.
        #[test]
        fn more_lasts_longer_and_the_time_before_a_renewal_is_forgotten(
            steps in prop::collection::vec(0..100_i64, 3..10), left in 1..500_i64, more in 0..500_i64, older in prop::collection::vec(2_000..3_000_i64, 0..5),
        ) {
            let used: Vec<i64> = steps.iter().scan(0, |sum, step| { *sum += step; Some(*sum) }).collect();
            let with = |used: &[i64], left: i64| {
                let limit = Some(used[used.len() - 1] + left);
                let points: Vec<_> = daily(used, None).into_iter().map(|point| QuotaPoint { limit, ..point }).collect();
                said(&points, NOW)
            };
            let (short, long) = (with(&used, left), with(&used, left + more));
            if let ((Outlook::Ends, Some(short)), (Outlook::Ends, Some(long))) = (short, long) {
                prop_assert!(short <= long);
            }
            let all: Vec<i64> = older.into_iter().chain(used).collect();
            prop_assert_eq!(with(&all, left), short);
        }
    }
}
