//! The ledger of outbound calls.

use uuid::Uuid;

use super::{Store, StoreError, sql};
use crate::model::{
    ids::{KeyId, UserId},
    time::Timestamp,
};

/// One outbound call made with a user's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow<'a> {
    /// Whose key.
    pub user: UserId,
    /// Which key; `None` for a candidate that was not stored.
    pub key: Option<KeyId>,
    /// The provider.
    pub provider: &'a str,
    /// The service it was for.
    pub service: Option<&'a str>,
    /// The operation's name in the catalogue.
    pub operation: &'a str,
    /// How it ended.
    pub outcome: &'a str,
    /// From sending to the end of the answer, in microseconds.
    pub latency_us: i64,
    /// What it cost, in the quota's units.
    pub units: i64,
    /// Use, scheduled check, or candidate.
    pub source: &'a str,
    /// Who supplied the key.
    pub key_source: &'a str,
    /// When it ended.
    pub at: Timestamp,
}

impl Store {
    /// Appends to the ledger.
    pub async fn insert_usage(&self, row: &UsageRow<'_>) -> Result<(), StoreError> {
        sql::execute!(
            self.writer(),
            "INSERT INTO usage_events (id, user_id, key_id, provider, service, operation, outcome, latency_us,
                                       units, source, key_source, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            Uuid::now_v7(),
            row.user.0,
            row.key.map(|key| key.0),
            row.provider,
            row.service,
            row.operation,
            row.outcome,
            row.latency_us,
            row.units,
            row.source,
            row.key_source,
            row.at.0
        )?;
        Ok(())
    }
}
