//! How many requests run at a time, for each provider on its own: one that is slow or means harm holds up
//! neither the others nor this machine's memory. Checks, use and streams have places of their own, so that none
//! waits for another.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use super::Fault;
use crate::{
    model::ids::{ProviderId, UserId},
    providers::usage::UsageSource,
};

/// Checks at a time of one provider.
pub(crate) const CHECKS: usize = 8;
/// Calls of services at a time to one provider.
const CALLS: usize = 32;
/// Streams at a time from one provider, which last as long as somebody listens …
const STREAMS: usize = 32;
/// … and those of one user among them.
pub(crate) const STREAMS_PER_USER: usize = 4;
/// Answers at a time, in each of the two, that are longer than [`SMALL`].
const LARGE_PLACES: usize = 2;
/// The longest answer that every request may have. Most are shorter; the longest allowed takes 4 MiB.
pub(crate) const SMALL: usize = 64 << 10;

/// The places of every provider.
#[derive(Debug)]
pub(crate) struct Bulkheads(BTreeMap<ProviderId, Bulkhead>);

#[derive(Debug)]
struct Bulkhead {
    checks: Lane,
    calls: Lane,
    streams: Lane,
    /// For whom the streams under way are, each as often as there are streams.
    listeners: Mutex<Vec<Option<UserId>>>,
}

impl Bulkhead {
    fn new() -> Self {
        Self {
            checks: Lane::new(CHECKS),
            calls: Lane::new(CALLS),
            streams: Lane::new(STREAMS),
            listeners: Mutex::default(),
        }
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Option<UserId>>> {
        // A panic elsewhere leaves the list whole: each change is one call.
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Lane {
    requests: Semaphore,
    large_answers: Semaphore,
}

impl Lane {
    fn new(places: usize) -> Self {
        Self { requests: Semaphore::new(places), large_answers: Semaphore::new(LARGE_PLACES) }
    }
}

/// One request's place.
pub(crate) struct Place<'a> {
    _request: SemaphorePermit<'a>,
    lane: &'a Lane,
}

/// One stream's place.
pub(crate) struct StreamPlace<'a> {
    place: Place<'a>,
    bulkhead: &'a Bulkhead,
    user: Option<UserId>,
}

impl<'a> StreamPlace<'a> {
    pub(crate) fn as_place(&self) -> &Place<'a> {
        &self.place
    }
}

impl Drop for StreamPlace<'_> {
    fn drop(&mut self) {
        let mut listeners = self.bulkhead.listeners();
        if let Some(own) = listeners.iter().position(|user| *user == self.user) {
            listeners.swap_remove(own);
        }
    }
}

impl Bulkheads {
    pub(crate) fn new(providers: impl IntoIterator<Item = ProviderId>) -> Self {
        Self(providers.into_iter().map(|id| (id, Bulkhead::new())).collect())
    }

    /// A place for a stream; none where there are too many. Nobody waits: others may listen for minutes.
    pub(crate) fn listen(&self, provider: &ProviderId, user: Option<UserId>) -> Option<StreamPlace<'_>> {
        let bulkhead = self.0.get(provider)?;
        let mut listeners = bulkhead.listeners();
        if listeners.iter().filter(|listener| **listener == user).count() >= STREAMS_PER_USER {
            return None;
        }
        let request = bulkhead.streams.requests.try_acquire().ok()?;
        listeners.push(user);
        Some(StreamPlace { place: Place { _request: request, lane: &bulkhead.streams }, bulkhead, user })
    }

    /// Waits for a place, in the order of coming. Waiting counts against the request's time: whoever asks
    /// is told by the deadline, whatever others do.
    pub(crate) async fn enter(
        &self,
        provider: &ProviderId,
        source: UsageSource,
        deadline: Instant,
    ) -> Result<Place<'_>, Fault> {
        let bulkhead = self.0.get(provider).ok_or(Fault::NotSent)?;
        let lane = match source {
            UsageSource::Check | UsageSource::Candidate => &bulkhead.checks,
            UsageSource::Use => &bulkhead.calls,
        };
        match timeout_at(deadline, lane.requests.acquire()).await {
            Ok(request) => Ok(Place { _request: request.map_err(|_| Fault::NotSent)?, lane }),
            Err(_) => Err(Fault::TimedOut),
        }
    }
}

impl Place<'_> {
    /// Waits until an answer may be longer than [`SMALL`].
    pub(crate) async fn large_answer(&self) -> Result<SemaphorePermit<'_>, Fault> {
        self.lane.large_answers.acquire().await.map_err(|_| Fault::Broken)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn listeners_have_places_apart_and_each_user_a_few_of_them() {
        let provider = ProviderId::ELEVENLABS;
        let bulkheads = Bulkheads::new([provider.clone()]);
        let users: Vec<_> = (0..STREAMS / STREAMS_PER_USER).map(|_| Some(UserId::generate())).collect();
        let mut all = Vec::new();
        for user in &users {
            for _ in 0..STREAMS_PER_USER {
                all.push(bulkheads.listen(&provider, *user).unwrap());
            }
            assert!(bulkheads.listen(&provider, *user).is_none());
        }
        let other = Some(UserId::generate());
        assert!(bulkheads.listen(&provider, other).is_none());
        let now = Instant::now();
        for source in [UsageSource::Use, UsageSource::Check] {
            assert!(bulkheads.enter(&provider, source, now).await.is_ok());
        }
        all.pop();
        assert!(bulkheads.listen(&provider, users[0]).is_none());
        assert!(bulkheads.listen(&provider, other).is_some());
    }

    #[tokio::test]
    async fn a_full_provider_makes_its_own_checks_wait_and_nothing_else() {
        let (full, other) = (ProviderId::OPENAI, ProviderId::TWILIO);
        let bulkheads = Bulkheads::new([full.clone(), other.clone()]);
        let soon = Instant::now() + Duration::from_millis(20);
        let later = soon + Duration::from_secs(60);
        let check = |provider, until| bulkheads.enter(provider, UsageSource::Candidate, until);
        let mut inside = Vec::new();
        for _ in 0..CHECKS {
            inside.push(check(&full, later).await.unwrap());
        }
        assert_eq!(check(&full, soon).await.err(), Some(Fault::TimedOut));
        assert!(check(&other, later).await.is_ok());
        assert!(bulkheads.enter(&full, UsageSource::Use, later).await.is_ok());
        inside.pop();
        inside.push(check(&full, later).await.unwrap());

        let (first, others) = inside.split_first().unwrap();
        let mut large = Vec::new();
        for place in others.iter().take(LARGE_PLACES) {
            large.push(place.large_answer().await.unwrap());
        }
        assert!(timeout_at(Instant::now(), first.large_answer()).await.is_err());
        large.pop();
        assert!(first.large_answer().await.is_ok());
    }
}
