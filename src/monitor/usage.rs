//! The ledger of outbound calls.

use async_trait::async_trait;

use crate::{
    clock::Clock,
    model::{key::Source, service::ServiceId},
    providers::{UsageEvent, UsageObserver, UsageSource},
    store::{Store, UsageRow},
};
use std::sync::Arc;

/// Writes every outbound call to the ledger, and makes a key due at once that its provider
/// definitely refused in real use.
pub struct Ledger {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Ledger {
    /// A ledger in `store`.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }
}

#[async_trait]
impl UsageObserver for Ledger {
    async fn observe(&self, event: UsageEvent) {
        let row = UsageRow {
            user: event.user,
            key: event.key,
            provider: event.provider.as_str(),
            service: event.service.map(ServiceId::slug),
            operation: &event.operation,
            outcome: event.outcome.code(),
            latency_us: i64::try_from(event.latency.as_micros()).unwrap_or(i64::MAX),
            units: event.units,
            source: event.source.code(),
            key_source: match event.key_source {
                Source::User => "user",
                Source::Platform => "platform",
            },
            at: event.at,
        };
        if let Err(error) = self.store.insert_usage(&row).await {
            tracing::error!(%error, "a call could not be written to the usage ledger");
        }
        if event.source == UsageSource::Use
            && event.outcome.refuses_the_key()
            && let Some(key) = event.key
            && let Err(error) = self.store.make_due(event.user, key, self.clock.now()).await
        {
            tracing::error!(%error, "a refused key could not be made due");
        }
    }
}
