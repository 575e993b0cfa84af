//! How many requests run at a time, for each provider on its own: one that is slow or means harm holds up
//! neither the others nor this machine's memory.

use std::collections::BTreeMap;

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use super::Fault;
use crate::model::ids::ProviderId;

/// Requests at a time to one provider. Each may hold an answer as long as its budget allows, which for the
/// most generous check is 1 MiB.
const PLACES: usize = 32;

/// The places of every provider.
#[derive(Debug)]
pub(crate) struct Bulkheads(BTreeMap<ProviderId, Semaphore>);

impl Bulkheads {
    pub(crate) fn new(providers: impl IntoIterator<Item = ProviderId>) -> Self {
        Self(providers.into_iter().map(|id| (id, Semaphore::new(PLACES))).collect())
    }

    /// Waits for a place, in the order of coming. Waiting counts against the request's time: whoever asks
    /// is told by the deadline, whatever others do.
    pub(crate) async fn enter(
        &self,
        provider: &ProviderId,
        deadline: Instant,
    ) -> Result<SemaphorePermit<'_>, Fault> {
        let places = self.0.get(provider).ok_or(Fault::NotSent)?;
        match timeout_at(deadline, places.acquire()).await {
            Ok(place) => place.map_err(|_| Fault::NotSent),
            Err(_) => Err(Fault::TimedOut),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_full_provider_makes_its_own_requests_wait_and_no_others() {
        let bulkheads = Bulkheads::new([ProviderId::OPENAI, ProviderId::TWILIO]);
        let soon = Instant::now() + Duration::from_millis(20);
        let later = soon + Duration::from_secs(60);
        let mut inside = Vec::new();
        for _ in 0..PLACES {
            inside.push(bulkheads.enter(&ProviderId::OPENAI, later).await.unwrap());
        }
        assert_eq!(bulkheads.enter(&ProviderId::OPENAI, soon).await.err(), Some(Fault::TimedOut));
        assert!(bulkheads.enter(&ProviderId::TWILIO, soon + Duration::from_secs(60)).await.is_ok());
        inside.pop();
        assert!(bulkheads.enter(&ProviderId::OPENAI, later).await.is_ok());
    }
}
