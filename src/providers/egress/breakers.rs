//! The breakers of all destinations. Each user has one of their own at each, and all users together have another:
//! failures that only one user meets, for it may be their request that fails, close the way for nobody else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Fault,
    breaker::{Breaker, FAILURES, OF_ONE_USER, Pass},
    origin::Origin,
};
use crate::{
    clock::Clock,
    model::ids::{ProviderId, UserId},
    providers::rules::Reply,
};

/// Who asks; nobody for a check of the operator's own key.
type Who = Option<UserId>;

/// The destinations that failed of late. One that answers is not in here.
pub(crate) struct Breakers {
    troubled: Mutex<Troubled>,
    clock: Arc<dyn Clock>,
    failures: usize,
}

#[derive(Default)]
struct Troubled {
    breakers: HashMap<Key, Breaker<Who>>,
    tickets: u64,
}

/// One origin of one provider, for one user or for all. An address that a user typed, a region, and the address that
/// the operator set each have their own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    provider: ProviderId,
    origin: String,
    of: Option<Who>,
}

impl Key {
    fn breaker(&self, failures: usize) -> Breaker<Who> {
        Breaker::new(failures, if self.of.is_some() { failures } else { OF_ONE_USER })
    }
}

/// The way of one user to one destination.
pub(crate) struct Way<'a> {
    breakers: &'a Breakers,
    who: Who,
    keys: [Key; 2],
}

/// A request that may be sent. Dropped without a word, it has found nothing out.
pub(crate) struct Attempt<'a> {
    way: Way<'a>,
    passes: [Pass; 2],
    told: bool,
}

/// What the end of a request says of its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Answers,
    Fails,
    Nothing,
}

impl Breakers {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { troubled: Mutex::default(), clock, failures: FAILURES }
    }

    /// The same, for tests and measurements in which everything is sent, whatever fails.
    pub(crate) fn without_rest(clock: Arc<dyn Clock>) -> Self {
        Self { failures: usize::MAX, ..Self::new(clock) }
    }

    pub(crate) fn way(&self, provider: &ProviderId, origin: &Origin, who: Who) -> Way<'_> {
        let key = |of| Key { provider: provider.clone(), origin: origin.canonical(), of };
        Way { breakers: self, who, keys: [key(Some(who)), key(None)] }
    }

    // A panic elsewhere leaves the map whole: each change is one call.
    fn lock(&self) -> MutexGuard<'_, Troubled> {
        self.troubled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Way<'a> {
    /// Fails if nothing is to be sent now.
    pub(crate) fn look(&self) -> Result<(), Fault> {
        let now = self.breakers.clock.elapsed();
        let troubled = self.breakers.lock();
        let left = |key| troubled.breakers.get(key).and_then(|breaker| breaker.refuses(&self.who, now));
        match self.keys.iter().filter_map(left).max() {
            Some(left) => Err(Fault::Resting(left)),
            None => Ok(()),
        }
    }

    /// Lets one request through, or fails if nothing is to be sent now.
    pub(crate) fn enter(self) -> Result<Attempt<'a>, Fault> {
        let now = self.breakers.clock.elapsed();
        let mut troubled = self.breakers.lock();
        let Troubled { breakers, tickets } = &mut *troubled;
        *tickets += 1;
        let mut enter = |key| match breakers.get_mut(key) {
            Some(breaker) => breaker.enter(&self.who, now, *tickets),
            None => Ok(Pass::Ordinary),
        };
        let [own, everybody] = &self.keys;
        let resting = Fault::Resting;
        let first = enter(own).map_err(resting)?;
        let second = enter(everybody);
        if second.is_err()
            && let Some(breaker) = breakers.get_mut(own)
        {
            breaker.returned(first);
        }
        let passes = [first, second.map_err(resting)?];
        drop(troubled);
        Ok(Attempt { way: self, passes, told: false })
    }
}

impl Attempt<'_> {
    /// Notes how the request ended. `patient` says that it had time enough for an answer.
    pub(crate) fn ended(mut self, end: &Result<Reply, Fault>, patient: bool) {
        let Way { breakers, who, keys } = &self.way;
        let now = breakers.clock.elapsed();
        let mut troubled = breakers.lock();
        match sign(end, patient) {
            Sign::Answers => keys.iter().for_each(|key| drop(troubled.breakers.remove(key))),
            Sign::Fails => {
                troubled.breakers.retain(|_, breaker| !breaker.is_over(now));
                for (key, pass) in keys.iter().zip(self.passes) {
                    let breaker = troubled
                        .breakers
                        .entry(key.clone())
                        .or_insert_with(|| key.breaker(breakers.failures));
                    breaker.failed(who, now, pass);
                }
            }
            Sign::Nothing => return,
        }
        drop(troubled);
        self.told = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.told {
            return;
        }
        let mut troubled = self.way.breakers.lock();
        for (key, pass) in self.way.keys.iter().zip(self.passes) {
            if let Some(breaker) = troubled.breakers.get_mut(key) {
                breaker.returned(pass);
            }
        }
    }
}

/// An answer that only says no is an answer.
fn sign(end: &Result<Reply, Fault>, patient: bool) -> Sign {
    match end {
        Ok(reply) if reply.status >= 500 => Sign::Fails,
        Ok(_) | Err(Fault::Redirected(_)) => Sign::Answers,
        Err(Fault::NoConnection | Fault::Broken) => Sign::Fails,
        Err(Fault::TimedOut) if patient => Sign::Fails,
        Err(Fault::TimedOut | Fault::NotSent | Fault::Resting(_)) => Sign::Nothing,
    }
}

impl std::fmt::Debug for Breakers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Breakers").field("troubled", &self.lock().breakers.len()).finish_non_exhaustive()
    }
}

/// Whether a request that has until `left` is over has time enough for an answer. One that spent its time waiting for a
/// place among others says nothing of the provider when it ends.
pub(crate) fn is_patient(left: Duration) -> bool {
    left >= Duration::from_secs(2)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;
    use crate::{clock::ManualClock, model::time::Timestamp, providers::egress::body::Body};

    struct Bench {
        breakers: Breakers,
        clock: Arc<ManualClock>,
    }

    impl Bench {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
            Self { breakers: Breakers::new(clock.clone()), clock }
        }

        fn way(&self, origin: &str, who: Who) -> Way<'_> {
            let origin = Origin::try_from(origin.to_owned()).unwrap();
            self.breakers.way(&ProviderId::OPENAI, &origin, who)
        }

        fn ends(&self, origin: &str, who: Who, end: Result<u16, Fault>) -> Result<(), Fault> {
            let end =
                end.map(|status| Reply { status, headers: HeaderMap::new(), body: Body::new(Vec::new()) });
            self.way(origin, who).look()?;
            self.way(origin, who).enter()?.ended(&end, true);
            Ok(())
        }
    }

    const HERE: &str = "https://a.example.org";
    const THERE: &str = "https://b.example.org";

    #[test]
    fn only_an_outage_closes_the_way() {
        let (ana, bo) = (Some(UserId::generate()), Some(UserId::generate()));
        let failures = [Ok(500), Ok(503), Err(Fault::NoConnection), Err(Fault::Broken), Err(Fault::TimedOut)];
        for end in failures {
            let bench = Bench::new();
            for _ in 0..FAILURES {
                assert_eq!(bench.ends(HERE, ana, end), Ok(()), "{end:?}");
            }
            assert!(matches!(bench.way(HERE, ana).look(), Err(Fault::Resting(_))), "{end:?}");
            // Another user, and another origin of the same provider.
            assert_eq!(bench.way(HERE, bo).look(), Ok(()));
            assert_eq!(bench.way(THERE, ana).look(), Ok(()));
            bench.clock.advance(Duration::from_secs(30));
            assert_eq!(bench.ends(HERE, ana, Ok(401)), Ok(()));
            assert_eq!(bench.breakers.lock().breakers.len(), 0);
        }
        for end in [Ok(200), Ok(401), Ok(408), Ok(429), Err(Fault::Redirected(302)), Err(Fault::NotSent)] {
            let bench = Bench::new();
            for _ in 0..20 {
                assert_eq!(bench.ends(HERE, ana, end), Ok(()), "{end:?}");
            }
        }
    }

    #[test]
    fn an_outage_that_several_users_meet_spares_all_others() {
        let bench = Bench::new();
        for user in [UserId::generate(), UserId::generate(), UserId::generate()] {
            for _ in 0..2 {
                bench.ends(HERE, Some(user), Ok(503)).ok();
            }
        }
        let other = Some(UserId::generate());
        assert_eq!(bench.way(HERE, other).look(), Err(Fault::Resting(Duration::from_secs(30))));
        bench.clock.advance(Duration::from_secs(30));
        let probe = bench.way(HERE, other).enter().ok().unwrap();
        assert!(bench.way(HERE, None).enter().is_err(), "a second probe");
        drop(probe);
        assert_eq!(bench.ends(HERE, None, Ok(200)), Ok(()));
        assert_eq!(bench.way(HERE, other).look(), Ok(()));
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let bench = Bench::new();
        for _ in 0..50 {
            bench.ends(HERE, Some(UserId::generate()), Ok(500)).ok();
        }
        bench.clock.advance(Duration::from_secs(3600));
        bench.ends(THERE, None, Ok(500)).unwrap();
        assert_eq!(bench.breakers.lock().breakers.len(), 2);
    }

    #[test]
    fn who_had_no_time_left_says_nothing() {
        let bench = Bench::new();
        for _ in 0..20 {
            bench.way(HERE, None).enter().ok().unwrap().ended(&Err(Fault::TimedOut), false);
        }
        assert_eq!(bench.way(HERE, None).look(), Ok(()));
    }
}
