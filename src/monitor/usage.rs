//! The ledger of outbound calls.

use std::sync::Arc;

use async_trait::async_trait;

use super::PlatformKeys;
use crate::{
    clock::Clock,
    model::{ids::UserId, key::Source, service::ServiceId},
    providers::{UsageEvent, UsageObserver, UsageSource},
    store::{Store, UsageRow},
    telemetry::metrics::Metrics,
};

/// Writes every outbound call to the ledger, and makes a key due at once that its provider
/// definitely refused in real use.
pub struct Ledger {
    store: Store,
    platform: Arc<PlatformKeys>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl Ledger {
    /// A ledger in `store`.
    pub fn new(
        store: Store,
        platform: Arc<PlatformKeys>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, platform, metrics, clock }
    }

    /// Writes down a call made in the name of `user`.
    async fn write(&self, user: UserId, event: &UsageEvent) {
        let row = UsageRow {
            user,
            key: event.key,
            provider: event.provider.as_str(),
            service: event.service.map(ServiceId::slug),
            operation: &event.operation,
            outcome: event.outcome.code(),
            latency_us: i64::try_from(event.latency.as_micros()).unwrap_or(i64::MAX),
            units: event.units,
            source: event.source.code(),
            key_source: event.key_source.code(),
            at: event.at,
        };
        if let Err(error) = self.store.insert_usage(&row).await {
            tracing::error!(%error, "a call could not be written to the usage ledger");
        }
    }
}

#[async_trait]
impl UsageObserver for Ledger {
    async fn observe(&self, event: UsageEvent) {
        self.metrics.call(event.provider.as_str(), event.source.code(), event.outcome.code(), event.latency);
        // A check of the operator's key is made in nobody's name.
        if let Some(user) = event.user {
            self.write(user, &event).await;
        }
        if event.source != UsageSource::Use || !event.outcome.refuses_the_key() {
            return;
        }
        let now = self.clock.now();
        if event.key_source == Source::Platform {
            self.platform.make_due(&event.provider, now);
        } else if let (Some(user), Some(key)) = (event.user, event.key)
            && let Err(error) = self.store.make_due(user, key, now).await
        {
            tracing::error!(%error, "a refused key could not be made due");
        }
    }
}
