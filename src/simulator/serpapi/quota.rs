//! Searches used and left. Only a successful search that no cache answers counts.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use time::{Date, OffsetDateTime};

use crate::{model::time::Timestamp, simulator::keys::Situation};

const HOUR: Duration = Duration::from_secs(3_600);

/// A plan.
#[derive(Debug)]
pub struct Plan {
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// In US dollars.
    pub monthly_price: f64,
    /// Searches in a month.
    pub per_month: u32,
    /// Searches in an hour.
    pub per_hour: u32,
}

const FREE: Plan = Plan { id: "free", name: "Free Plan", monthly_price: 0.0, per_month: 250, per_hour: 50 };
const STARTER: Plan =
    Plan { id: "starter_v4", name: "Starter", monthly_price: 25.0, per_month: 1_000, per_hour: 200 };

/// Why a search is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No search left.
    UsedUp,
    /// Too many within an hour.
    Throughput,
}

/// The searches of one account.
#[derive(Debug)]
pub struct Quota {
    plan: &'static Plan,
    used: u32,
    throttled: bool,
    /// When the searches of the last two hours were counted.
    counted: VecDeque<Timestamp>,
    /// Exact parameter sets with the time of their search and its id.
    cache: HashMap<String, (Timestamp, String)>,
}

impl Quota {
    /// The quota of an account in `situation`.
    pub fn of(situation: Situation) -> Self {
        let (plan, used) = match situation {
            Situation::NearlyUsedUp => (&FREE, 247),
            Situation::Exhausted => (&FREE, 250),
            _ => (&STARTER, 42),
        };
        let throttled = situation == Situation::Throttled;
        Self { plan, used, throttled, counted: VecDeque::new(), cache: HashMap::new() }
    }

    /// The plan.
    pub fn plan(&self) -> &'static Plan {
        self.plan
    }

    /// Searches used this month.
    pub fn used(&self) -> u32 {
        self.used
    }

    /// Searches left this month.
    pub fn left(&self) -> u32 {
        self.plan.per_month.saturating_sub(self.used)
    }

    /// Sets the searches left, at most those of the plan.
    pub fn set_left(&mut self, left: u32) {
        self.used = self.plan.per_month.saturating_sub(left);
    }

    /// Searches counted since the full hour.
    pub fn this_hour(&self, now: Timestamp) -> usize {
        let hour = now.seconds().div_euclid(3_600);
        self.counted.iter().filter(|at| at.seconds().div_euclid(3_600) == hour).count()
    }

    /// Searches counted within the last sixty minutes.
    pub fn last_hour(&self, now: Timestamp) -> usize {
        let counted = self.counted.iter().filter(|at| now.since(**at) < HOUR).count();
        if self.throttled { counted.max(self.plan.per_hour as usize) } else { counted }
    }

    /// Why a search would be refused now.
    pub fn refusal(&self, now: Timestamp) -> Option<Refusal> {
        if self.left() == 0 {
            Some(Refusal::UsedUp)
        } else if self.last_hour(now) >= self.plan.per_hour as usize {
            Some(Refusal::Throughput)
        } else {
            None
        }
    }

    /// The id of the search that answered the same parameters within the last hour.
    pub fn cached(&self, parameters: &str, now: Timestamp) -> Option<&str> {
        self.cache.get(parameters).filter(|(at, _)| now.since(*at) < HOUR).map(|(_, id)| id.as_str())
    }

    /// Counts the search `id` and remembers it for an hour.
    pub fn count(&mut self, parameters: String, id: String, now: Timestamp) {
        self.used += 1;
        self.counted.retain(|at| now.since(*at) < 2 * HOUR);
        self.counted.push_back(now);
        self.cache.retain(|_, (at, _)| now.since(*at) < HOUR);
        self.cache.insert(parameters, (now, id));
    }
}

/// The first day of the next month, as `YYYY-MM-DD`.
pub fn renewal_date(now: Timestamp) -> Option<String> {
    let today = OffsetDateTime::from_unix_timestamp(now.seconds()).ok()?.date();
    let year = if today.month() == time::Month::December { today.year() + 1 } else { today.year() };
    let date = Date::from_calendar_date(year, today.month().next(), 1).ok()?;
    date.format(time::macros::format_description!("[year]-[month]-[day]")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    #[test]
    fn the_same_parameters_are_free_for_one_hour() {
        let mut quota = Quota::of(Situation::Plenty);
        quota.count("q=coffee".to_owned(), "a".to_owned(), NOW);
        assert_eq!((quota.used(), quota.left()), (43, 957));
        let nearly = NOW.plus(HOUR - Duration::from_secs(1));
        assert_eq!(quota.cached("q=coffee", nearly), Some("a"));
        assert_eq!(quota.cached("q=tea", nearly), None);
        assert_eq!(quota.cached("q=coffee", NOW.plus(HOUR)), None);
    }

    #[test]
    fn searches_run_out_before_the_hour_does() {
        let mut quota = Quota::of(Situation::NearlyUsedUp);
        for search in 0..3 {
            assert_eq!(quota.refusal(NOW), None);
            quota.count(search.to_string(), search.to_string(), NOW);
        }
        assert_eq!(quota.refusal(NOW), Some(Refusal::UsedUp));
        assert_eq!(quota.left(), 0);
    }

    #[test]
    fn the_hourly_limit_is_lifted_after_an_hour() {
        let mut quota = Quota::of(Situation::Plenty);
        for search in 0..200 {
            assert_eq!(quota.refusal(NOW), None);
            quota.count(search.to_string(), search.to_string(), NOW);
        }
        assert_eq!(quota.refusal(NOW), Some(Refusal::Throughput));
        assert_eq!(quota.refusal(NOW.plus(HOUR)), None);
        assert_eq!(Quota::of(Situation::Throttled).refusal(NOW), Some(Refusal::Throughput));
    }

    #[test]
    fn the_plan_renews_on_the_first_of_the_next_month() {
        let at = |text: &str| Timestamp::parse(text).and_then(renewal_date);
        assert_eq!(at("2026-11-22").as_deref(), Some("2026-12-01"));
        assert_eq!(at("2026-12-31").as_deref(), Some("2027-01-01"));
    }
}
