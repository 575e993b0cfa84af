//! The pace of checks that nobody waits for: so many at a time, and so many a minute, of each provider. Calls that
//! somebody waits for are not counted and not held up.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{clock::Clock, model::ids::ProviderId};

/// Background checks at a time of one provider.
const PLACES: usize = 4;
/// What a provider may be asked in a minute, unless its catalogue file says otherwise.
pub(crate) const CHECKS_PER_MINUTE: u32 = 120;
/// What was not used up of the last so many seconds may be used at once.
const SAVED: Duration = Duration::from_secs(10);

/// The paces of every provider.
pub(crate) struct Paces {
    providers: BTreeMap<ProviderId, Pace>,
    clock: Arc<dyn Clock>,
}

struct Pace {
    places: Semaphore,
    /// Held by whoever waits for the bucket. Only who has waited to the end takes something out of it: one that goes
    /// away while it waits has used up nothing.
    turn: tokio::sync::Mutex<()>,
    bucket: Mutex<Bucket>,
}

impl Pace {
    // A panic elsewhere leaves the bucket whole: each change is one assignment.
    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permission to make one background check.
#[derive(Debug)]
pub(crate) struct BackgroundPlace<'a>(#[expect(dead_code, reason = "held, not read")] SemaphorePermit<'a>);

impl Paces {
    /// With the checks that each provider may be asked in a minute.
    pub(crate) fn new(providers: impl IntoIterator<Item = (ProviderId, u32)>, clock: Arc<dyn Clock>) -> Self {
        let pace = |per_minute| Pace {
            places: Semaphore::new(PLACES),
            turn: tokio::sync::Mutex::new(()),
            bucket: Mutex::new(Bucket::new(per_minute, SAVED)),
        };
        let providers = providers.into_iter().map(|(id, per_minute)| (id, pace(per_minute))).collect();
        Self { providers, clock }
    }

    /// Waits until a background check may be made.
    pub(crate) async fn enter(&self, provider: &ProviderId) -> Option<BackgroundPlace<'_>> {
        let pace = self.providers.get(provider)?;
        let place = pace.places.acquire().await.ok()?;
        let _turn = pace.turn.lock().await;
        let now = self.clock.elapsed();
        let wait = pace.bucket().wait(now);
        tokio::time::sleep(wait).await;
        pace.bucket().take(now + wait);
        Some(BackgroundPlace(place))
    }

    /// The providers of which a background check would have to wait now.
    pub(crate) fn crowded(&self) -> Vec<ProviderId> {
        let now = self.clock.elapsed();
        let full = |pace: &Pace| pace.places.available_permits() == 0 || !pace.bucket().wait(now).is_zero();
        self.providers.iter().filter(|(_, pace)| full(pace)).map(|(id, _)| id.clone()).collect()
    }
}

impl std::fmt::Debug for Paces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Paces").field("providers", &self.providers.len()).finish_non_exhaustive()
    }
}

/// A token bucket, kept as the time at which it would be full again. Pure: the time is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bucket {
    every: Duration,
    /// How far ahead of its time one may be.
    ahead: Duration,
    full_at: Duration,
}

impl Bucket {
    /// So many a minute, and what was not used up of the last `saved` at once, but one at least.
    pub(crate) fn new(per_minute: u32, saved: Duration) -> Self {
        let every = Duration::from_secs(60) / per_minute.max(1);
        Self { every, ahead: saved.saturating_sub(every), full_at: Duration::ZERO }
    }

    /// How long the next one would have to wait.
    fn wait(&self, now: Duration) -> Duration {
        self.full_at.saturating_sub(now + self.ahead)
    }

    /// Takes one, and tells how long to wait for it.
    pub(crate) fn take(&mut self, now: Duration) -> Duration {
        let wait = self.wait(now);
        self.full_at = self.full_at.max(now) + self.every;
        wait
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::timeout;

    use super::*;
    use crate::{
        clock::{ManualClock, SystemClock},
        model::time::Timestamp,
    };

    #[test]
    fn a_bucket_gives_what_was_saved_and_then_one_at_a_time() {
        let second = Duration::from_secs(1);
        let mut bucket = Bucket::new(60, 3 * second);
        let waits: Vec<_> = (0..5).map(|_| bucket.take(100 * second).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 1, 2]);
        assert_eq!(bucket.take(200 * second), Duration::ZERO);
        // A budget so small that nothing can be saved still gives one.
        let mut slow = Bucket::new(1, 3 * second);
        assert_eq!([slow.take(second), slow.take(second)], [Duration::ZERO, 60 * second]);
    }

    proptest! {
        /// In no stretch of time are there more than what was saved and what came in.
        #[test]
        fn no_stretch_of_time_sees_more_than_its_share(
            per_minute in 1_u32..600,
            saved in 1_u64..30,
            pauses in prop::collection::vec(0_u64..20_000, 1..80),
        ) {
            let saved = Duration::from_secs(saved);
            let mut bucket = Bucket::new(per_minute, saved);
            let mut now = Duration::from_secs(1000);
            let mut starts: Vec<Duration> = Vec::new();
            for pause in pauses {
                now += Duration::from_millis(pause);
                let wait = bucket.take(now);
                starts.push(now + wait);
            }
            for (first, begin) in starts.iter().enumerate() {
                for (last, end) in starts.iter().enumerate().skip(first) {
                    let share = (*end - *begin + saved).as_secs_f64() * f64::from(per_minute) / 60.0;
                    let count = u32::try_from(last - first + 1).unwrap();
                    prop_assert!(f64::from(count) <= share.max(1.0) + 1.000_1, "{count} of {share}");
                }
            }
            prop_assert!(starts.is_sorted());
        }
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_uses_up_nothing() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1000)));
        // One in ten seconds, and nothing saved.
        let paces = Paces::new([(ProviderId::OPENAI, 6)], Arc::clone(&clock) as Arc<dyn Clock>);
        let openai = ProviderId::OPENAI;
        let (soon, enough) = (Duration::from_millis(20), Duration::from_secs(5));
        assert!(timeout(enough, paces.enter(&ProviderId::OPENAI)).await.is_ok());
        for _ in 0..3 {
            let waiting = [(); 4].map(|()| timeout(soon, paces.enter(&openai)));
            let ended = futures::future::join_all(waiting).await;
            assert!(ended.iter().all(Result::is_err), "{ended:?}");
        }
        clock.advance(Duration::from_secs(10));
        assert!(paces.crowded().is_empty());
        assert!(timeout(enough, paces.enter(&ProviderId::OPENAI)).await.is_ok());
        // And no more than that one.
        assert!(timeout(soon, paces.enter(&ProviderId::OPENAI)).await.is_err());
    }

    #[tokio::test]
    async fn a_fifth_waits_and_other_providers_do_not() {
        let paces =
            Paces::new([(ProviderId::OPENAI, 6000), (ProviderId::TWILIO, 6000)], Arc::new(SystemClock));
        let soon = Duration::from_millis(20);
        let mut inside = Vec::new();
        for _ in 0..PLACES {
            inside.push(paces.enter(&ProviderId::OPENAI).await.unwrap());
        }
        assert!(timeout(soon, paces.enter(&ProviderId::OPENAI)).await.is_err());
        assert_eq!(paces.crowded(), [ProviderId::OPENAI]);
        assert!(timeout(soon, paces.enter(&ProviderId::TWILIO)).await.is_ok());
        inside.pop();
        assert!(timeout(soon, paces.enter(&ProviderId::OPENAI)).await.is_ok());
        assert!(paces.crowded().is_empty());
        assert!(paces.enter(&"nobody".parse().unwrap()).await.is_none());
    }
}
