//! A provider that answers nobody: how that is told from a single key's trouble, and how checks come back after it. Pure.

use std::{collections::BTreeMap, time::Duration};

use super::{
    check::CheckReport,
    ids::{ProviderId, UserId},
    status::Reason,
    time::Timestamp,
};

/// So many users meet trouble, and nobody an answer …
const USERS: usize = 3;
/// … within so long: then it is the provider's.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Checks come back over so many times what was held back, an eighth above their usual pace …
const CATCH_UP: u32 = 8;
/// … but not later than this …
const LONGEST_CATCH_UP: Duration = Duration::from_secs(24 * 3600);
/// … unless that is less than so many times, or they would come at more than half above their usual pace.
const LEAST_CATCH_UP: u32 = 2;

/// What a check says of its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It answers, be it with a refusal.
    Answers,
    /// It cannot be reached, or reports a fault.
    Fails,
    /// Nobody was asked, or the answer made no sense.
    Nothing,
}

impl From<&CheckReport> for Sign {
    fn from(report: &CheckReport) -> Self {
        match report.reason {
            Reason::Unreachable | Reason::TimedOut | Reason::ProviderFault => Self::Fails,
            Reason::RateLimited => Self::Answers,
            _ if report.outcome.status().is_some() => Self::Answers,
            _ => Self::Nothing,
        }
    }
}

/// Who met trouble with one provider since it last answered. It holds no more than it takes to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trouble(BTreeMap<UserId, Timestamp>);

impl Trouble {
    /// Notes a check. Answers when the outage began, if there is one.
    pub fn note(&mut self, user: UserId, sign: Sign, now: Timestamp) -> Option<Timestamp> {
        match sign {
            Sign::Nothing => return None,
            Sign::Answers => self.0.clear(),
            Sign::Fails => {
                self.0.retain(|_, at| *at <= now && now.since(*at) < WINDOW);
                if self.0.len() < USERS {
                    self.0.entry(user).or_insert(now);
                }
            }
        }
        (self.0.len() >= USERS).then(|| self.0.values().min().copied().unwrap_or(now))
    }
}

/// An outage of a provider, over or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// The provider.
    pub provider: ProviderId,
    /// When the first of those who met it did.
    pub began_at: Timestamp,
    /// When the first answer came.
    pub ended_at: Option<Timestamp>,
    /// Checks that were due by then are not held back.
    pub held_at: Timestamp,
}

impl Outage {
    /// Whether the provider still does not answer.
    pub fn is_on(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Ordinary checks that were due by this time may be made. It stands still while the outage lasts, and then runs a
    /// little faster than time does, until it has caught up: so what was held back comes back spread out as it was.
    pub fn due_until(&self, now: Timestamp) -> Timestamp {
        let Some(ended) = self.ended_at else { return self.held_at.min(now) };
        let lag = ended.since(self.held_at);
        let catch_up = (lag * CATCH_UP).min(LONGEST_CATCH_UP).max(lag * LEAST_CATCH_UP);
        let passed = now.since(ended);
        // A clock that was set back holds nothing up.
        if now < ended || passed >= catch_up {
            return now;
        }
        now.minus(lag.mul_f64(1.0 - passed.as_secs_f64() / catch_up.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn after(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn three_users_make_an_outage_and_one_does_not() {
        let [ana, ben, eve] = [(); 3].map(|()| UserId::generate());
        let mut trouble = Trouble::default();
        for second in 0..100 {
            assert_eq!(trouble.note(ana, Sign::Fails, after(second)), None);
        }
        assert_eq!(trouble.note(ben, Sign::Fails, after(100)), None);
        assert_eq!(trouble.note(eve, Sign::Nothing, after(101)), None);
        assert_eq!(trouble.note(eve, Sign::Fails, after(102)), Some(NOW));
        // An answer ends it, and what was seen before does not count any more.
        assert_eq!(trouble.note(ben, Sign::Answers, after(103)), None);
        assert_eq!(trouble.note(eve, Sign::Fails, after(104)), None);
        assert_eq!(trouble.note(ana, Sign::Fails, after(105)), None);
        // Nor does what is long ago.
        assert_eq!(trouble.note(ben, Sign::Fails, after(105 + WINDOW.as_secs())), None);
    }

    #[test]
    fn an_hour_is_caught_up_in_eight_and_a_long_outage_in_twice_its_time() {
        let outage = |hours: u64| Outage {
            provider: ProviderId::OPENAI,
            began_at: NOW,
            held_at: NOW,
            ended_at: Some(after(hours * 3600)),
        };
        let hour = outage(1);
        assert_eq!(hour.due_until(after(3600)), NOW);
        assert_eq!(hour.due_until(after(5 * 3600)), after(16_200));
        assert_eq!(hour.due_until(after(9 * 3600)), after(9 * 3600));
        let week = outage(7 * 24);
        assert!(week.due_until(after(20 * 24 * 3600)) < after(20 * 24 * 3600));
        assert_eq!(week.due_until(after(21 * 24 * 3600)), after(21 * 24 * 3600));
        let four = outage(4);
        assert!(four.due_until(after(27 * 3600)) < after(27 * 3600));
        assert_eq!(four.due_until(after(28 * 3600)), after(28 * 3600));
        assert_eq!(Outage { ended_at: None, ..hour }.due_until(after(7 * 3600)), NOW);
    }

    proptest! {
        /// Time runs forward for checks too, never ahead of the clock, and at most half again as fast.
        #[test]
        fn checks_come_back_in_order(lag in 0_u64..1_000_000, steps in prop::collection::vec(0_u64..10_000, 1..60)) {
            let outage = Outage {
                provider: ProviderId::OPENAI,
                began_at: NOW,
                held_at: NOW,
                ended_at: Some(after(lag)),
            };
            let (mut second, mut due) = (lag, outage.due_until(after(lag)));
            prop_assert_eq!(due, NOW);
            for step in steps {
                second += step;
                let next = outage.due_until(after(second));
                prop_assert!(next >= due && next <= after(second));
                let most = if lag <= 3 * 3600 { 1.126 } else { 1.0 + lag as f64 / (2 * lag).max(24 * 3600) as f64 };
                prop_assert!(most <= 1.5);
                prop_assert!(next.since(due).as_secs_f64() <= step as f64 * most + 0.001);
                due = next;
            }
            let end = lag + (2 * lag).max(24 * 3600);
            prop_assert_eq!(outage.due_until(after(end)), after(end));
        }

        /// Whoever fails as often as they like, it takes three, with no answer in between.
        #[test]
        fn an_outage_takes_three_users_without_an_answer(
            notes in prop::collection::vec((0_usize..4, 0_u8..3, 0_u64..400), 1..80),
        ) {
            let users = [(); 4].map(|()| UserId::generate());
            let (mut trouble, mut now) = (Trouble::default(), NOW);
            let mut seen: Vec<(usize, Timestamp)> = Vec::new();
            for (user, sign, pause) in notes {
                now = now.plus(Duration::from_secs(pause));
                let sign = [Sign::Answers, Sign::Fails, Sign::Nothing][usize::from(sign)];
                let found = trouble.note(users[user], sign, now);
                match sign {
                    Sign::Answers => seen.clear(),
                    Sign::Fails => seen.push((user, now)),
                    Sign::Nothing => {}
                }
                if let Some(began) = found {
                    let within = seen.iter().filter(|(_, at)| now.since(*at) < WINDOW && *at >= began);
                    let who: std::collections::BTreeSet<_> = within.map(|(user, _)| user).collect();
                    prop_assert!(who.len() >= USERS && began <= now && now.since(began) < WINDOW);
                }
                prop_assert!(trouble.0.len() <= USERS);
            }
        }
    }
}
