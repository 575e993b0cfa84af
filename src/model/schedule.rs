//! How often a stored key is checked: what its owner chose, within the operator's bounds. Pure.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{ids::ProviderId, key::Quota};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The time from one check of an accepted key to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// An hour.
    Hour,
    /// Six hours.
    SixHours,
    /// A day: where neither the owner nor the catalogue says otherwise.
    Day,
    /// A week.
    Week,
}

impl Every {
    /// The times to choose from, the shortest first.
    pub const ALL: [Self; 4] = [Self::Hour, Self::SixHours, Self::Day, Self::Week];

    /// The word in the database, on the wire and in settings.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::SixHours => "six_hours",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// Reads [`Every::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|every| every.code() == code)
    }

    /// After "every" on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::SixHours => "6 hours",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// How long it is.
    pub const fn time(self) -> Duration {
        Duration::from_secs(match self {
            Self::Hour => HOUR,
            Self::SixHours => 6 * HOUR,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
        })
    }

    const fn shorter(self) -> Self {
        match self {
            Self::Hour | Self::SixHours => Self::Hour,
            Self::Day => Self::SixHours,
            Self::Week => Self::Day,
        }
    }
}

/// What the operator lets users choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    shortest: Every,
    longest: Every,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { shortest: Every::Hour, longest: Every::Week }
    }
}

impl Bounds {
    /// From the shortest to the longest; nothing when that is the wrong way round.
    pub fn new(shortest: Every, longest: Every) -> Option<Self> {
        (shortest <= longest).then_some(Self { shortest, longest })
    }

    /// What may be chosen, the shortest first.
    pub fn choices(self) -> Vec<Every> {
        Every::ALL.into_iter().filter(|every| self.allows(*every)).collect()
    }

    /// Whether this may be chosen.
    pub fn allows(self, every: Every) -> bool {
        (self.shortest..=self.longest).contains(&every)
    }

    /// How a key is checked for which this was chosen. A choice of times with other bounds is moved to the nearest.
    pub fn schedule(self, choice: Option<Every>) -> Schedule {
        let every = choice.unwrap_or(Every::Day).clamp(self.shortest, self.longest);
        Schedule { every, shortest: self.shortest }
    }
}

/// How often the keys of an installation are checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedules {
    /// What the operator lets users choose.
    pub bounds: Bounds,
    /// What the catalogue chooses for keys whose owners have chosen nothing.
    pub by_provider: BTreeMap<ProviderId, Every>,
}

impl Schedules {
    /// How a key of this provider is checked, with the choice of its owner.
    pub fn of(&self, provider: &ProviderId, choice: Option<Every>) -> Schedule {
        self.bounds.schedule(choice.or_else(|| self.by_provider.get(provider).copied()))
    }
}

/// How often one key is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    every: Every,
    shortest: Every,
}

impl Default for Schedule {
    fn default() -> Self {
        Bounds::default().schedule(None)
    }
}

impl Schedule {
    /// What is in force.
    pub const fn every(self) -> Every {
        self.every
    }

    /// From one check to the next: a step shorter, as far as the operator lets it, near the end of the key's quota.
    pub fn interval(self, quota: Option<&Quota>) -> Duration {
        if quota.is_some_and(is_nearly_used_up) {
            return self.every.shorter().max(self.shortest).time();
        }
        self.every.time()
    }
}

/// Whether less than a tenth is left.
pub fn is_nearly_used_up(quota: &Quota) -> bool {
    let tenth_of = |limit: i64| limit / 10 + i64::from(limit % 10 > 0);
    quota.left().zip(quota.limit).is_some_and(|(left, limit)| limit > 0 && left < tenth_of(limit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quota(used: i64, limit: i64) -> Quota {
        Quota { used: Some(used), limit: Some(limit), ..Quota::default() }
    }

    fn every() -> impl Strategy<Value = Every> {
        prop::sample::select(Every::ALL.to_vec())
    }

    proptest! {
        /// Whatever was chosen and whatever is left, a key is checked within the operator's bounds.
        #[test]
        fn the_operators_bounds_hold(
            shortest in every(),
            longest in every(),
            choice in prop::option::of(every()),
            used in any::<i64>(),
            limit in any::<i64>(),
        ) {
            let Some(bounds) = Bounds::new(shortest, longest) else {
                prop_assert!(shortest > longest);
                return Ok(());
            };
            let schedule = bounds.schedule(choice);
            prop_assert!(bounds.allows(schedule.every()));
            if let Some(choice) = choice.filter(|choice| bounds.allows(*choice)) {
                prop_assert_eq!(schedule.every(), choice);
            }
            let quota = quota(used, limit);
            for interval in [schedule.interval(None), schedule.interval(Some(&quota))] {
                prop_assert!(interval >= shortest.time() && interval <= longest.time());
            }
            // Near the end of a quota never less often than else.
            prop_assert!(schedule.interval(Some(&quota)) <= schedule.interval(None));
        }

        /// A tenth is told apart exactly, also for the largest numbers.
        #[test]
        fn less_than_a_tenth_is_nearly_used_up(left in 0..=i64::MAX, limit in 1..=i64::MAX) {
            let left = left.min(limit);
            let near = i128::from(left) * 10 < i128::from(limit);
            prop_assert_eq!(is_nearly_used_up(&quota(limit - left, limit)), near);
        }
    }

    #[test]
    fn a_day_is_checked_every_six_hours_near_the_end_of_the_quota() {
        let hours = |schedule: Schedule, quota: &Quota| schedule.interval(Some(quota)).as_secs() / HOUR;
        let daily = Schedule::default();
        assert_eq!((hours(daily, &quota(900, 1000)), hours(daily, &quota(901, 1000))), (24, 6));
        assert_eq!(hours(daily, &Quota::default()), 24);
        let bounds = Bounds::new(Every::Day, Every::Week).unwrap();
        assert_eq!(hours(bounds.schedule(Some(Every::Hour)), &quota(999, 1000)), 24);
        assert_eq!(bounds.choices(), [Every::Day, Every::Week]);
    }

    #[test]
    fn owners_choose_before_the_catalogue_and_both_within_the_bounds() {
        let schedules = Schedules {
            bounds: Bounds::new(Every::SixHours, Every::Day).unwrap(),
            by_provider: [(ProviderId::SERPAPI, Every::Hour), (ProviderId::TWILIO, Every::Week)].into(),
        };
        let every = |provider, choice| schedules.of(&provider, choice).every();
        assert_eq!(every(ProviderId::SERPAPI, None), Every::SixHours);
        assert_eq!(every(ProviderId::SERPAPI, Some(Every::Day)), Every::Day);
        assert_eq!(every(ProviderId::TWILIO, None), Every::Day);
        assert_eq!(every(ProviderId::TWILIO, Some(Every::Hour)), Every::SixHours);
        assert_eq!(every(ProviderId::OPENAI, None), Every::Day);
    }

    #[test]
    fn the_words_are_those_of_the_wire() {
        for every in Every::ALL {
            assert_eq!(serde_json::to_value(every).unwrap(), every.code());
            assert_eq!(Every::from_code(every.code()), Some(every));
        }
    }
}
