//! The ledger of outbound calls.

use std::sync::Arc;

use async_trait::async_trait;

use super::{PlatformKeys, ease::Ease, transition::LONGEST_PAUSE};
use crate::{
    clock::Clock,
    model::{
        ids::{KeyId, ProviderId, UserId},
        key::{KeyVersion, Source},
        schedule::Schedules,
        service::ServiceId,
        time::Timestamp,
    },
    providers::{UsageEvent, UsageObserver, UsageOutcome, UsageSource},
    store::{NO_FAILURES, Store, UsageRow},
    telemetry::{
        metrics::Metrics,
        traces::{Call, Traces},
    },
};

/// Writes every outbound call to the ledger, makes a key due at once that its provider definitely refused in real
/// use, puts off the check of one that works, and keeps checks back where the provider asked for a pause.
pub struct Ledger {
    store: Store,
    platform: Arc<PlatformKeys>,
    metrics: Arc<Metrics>,
    traces: Traces,
    clock: Arc<dyn Clock>,
    ease: Arc<Ease>,
}

impl Ledger {
    /// A ledger in `store`.
    pub fn new(
        store: Store,
        platform: Arc<PlatformKeys>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let ease = Arc::new(Ease::new(store.clone(), Schedules::default()));
        Self { store, platform, metrics, traces: Traces::default(), clock, ease }
    }

    /// The same, where checks are made by these schedules.
    #[must_use]
    pub fn scheduled(self, schedules: Schedules) -> Self {
        Self { ease: Arc::new(Ease::new(self.store.clone(), schedules)), ..self }
    }

    /// The same, with a span for each call.
    #[must_use]
    pub fn traced(self, traces: Traces) -> Self {
        Self { traces, ..self }
    }

    /// The provider wants no more requests until then, so the key is not checked before either. `own` is the key of
    /// a user; without it, it was the operator's.
    async fn hold_back(&self, provider: &ProviderId, own: Option<(UserId, KeyId)>, until: Timestamp) {
        let Some((user, key)) = own else { return self.platform.hold_back(provider, until) };
        if let Err(error) = self.store.hold_back(user, key, until).await {
            tracing::error!(%error, "a key whose provider asked for a pause could not be held back");
        }
    }

    /// The provider refused the key, which is to be checked at once.
    async fn make_due(&self, event: &UsageEvent, own: Option<(UserId, KeyId)>, now: Timestamp) {
        let Some((user, key)) = own else { return self.platform.make_due(&event.provider, now) };
        let suspect = event.outcome.rejects_the_key();
        if let Err(error) = self.store.make_due(user, key, suspect, now).await {
            tracing::error!(%error, "a refused key could not be made due");
        }
    }

    /// Writes down a call made in the name of `user`.
    async fn write(&self, user: UserId, event: &UsageEvent) {
        let row = UsageRow {
            user,
            key: event.key.zip(event.key_version).map(|(id, version)| KeyVersion { id, version }),
            provider: event.provider.clone(),
            service: event.service,
            operation: event.operation.clone(),
            outcome: event.outcome.code(),
            latency_us: i64::try_from(event.latency.as_micros()).unwrap_or(i64::MAX),
            units: event.units,
            source: event.source.code(),
            key_source: event.key_source.code(),
            at: event.at,
        };
        self.store.note_usage(row).await;
    }
}

#[async_trait]
impl UsageObserver for Ledger {
    async fn observe(&self, event: UsageEvent) {
        self.metrics.call(event.provider.as_str(), event.source.code(), event.outcome.code(), event.latency);
        let call = Call {
            provider: event.provider.as_str(),
            operation: &event.operation,
            purpose: event.source.code(),
            service: event.service.map(ServiceId::slug),
            outcome: event.outcome.code(),
            succeeded: NO_FAILURES.contains(&event.outcome.code()),
        };
        self.traces.call(call, event.latency);
        // A check of the operator's key is made in nobody's name.
        if let Some(user) = event.user {
            self.write(user, &event).await;
        }
        // What a check brings is written down with the check.
        if event.source != UsageSource::Use {
            return;
        }
        let now = self.clock.now();
        let pause = event.retry_after.map(|asked| now.plus(asked.min(LONGEST_PAUSE)));
        let own = event.user.zip(event.key).filter(|_| event.key_source == Source::User);
        if let Some(until) = pause {
            self.hold_back(&event.provider, own, until).await;
        } else if event.outcome.refuses_the_key() {
            self.make_due(&event, own, now).await;
        } else if let (UsageOutcome::Done, Some(own)) = (event.outcome, own) {
            // The call does not wait for the database.
            let ease = self.ease.clone();
            tokio::spawn(async move {
                if let Err(error) = ease.note(own, &event.provider, now).await {
                    tracing::error!(%error, "the check of a key that works could not be put off");
                }
            });
        }
    }
}
