//! How many requests run at a time, for each provider on its own: one that is slow or means harm holds up
//! neither the others nor this machine's memory. Checks and use have places of their own, so that neither waits
//! for the other.

use std::collections::BTreeMap;

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use super::Fault;
use crate::{model::ids::ProviderId, providers::usage::UsageSource};

/// Checks at a time of one provider.
pub(crate) const CHECKS: usize = 8;
/// Calls of services at a time to one provider.
const CALLS: usize = 32;
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

impl Bulkheads {
    pub(crate) fn new(providers: impl IntoIterator<Item = ProviderId>) -> Self {
        let bulkhead = || Bulkhead { checks: Lane::new(CHECKS), calls: Lane::new(CALLS) };
        Self(providers.into_iter().map(|id| (id, bulkhead())).collect())
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
