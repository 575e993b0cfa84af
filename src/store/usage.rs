//! The ledger of outbound calls.

use sqlx::FromRow;
use uuid::Uuid;

use super::{Store, StoreError, sql};
use crate::model::{
    ids::{KeyId, UserId},
    time::Timestamp,
    usage::{HOUR_US, Window, latency_bucket},
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
    /// When it was asked for.
    pub at: Timestamp,
}

/// Calls of one kind that ended in one way and took about as long, in a range or the one before.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct UsageCell {
    /// Whether they are of the range itself.
    pub is_recent: bool,
    /// The provider.
    pub provider: String,
    /// The service; empty for a check.
    pub service: String,
    /// The operation's name in the catalogue.
    pub operation: String,
    /// How they ended.
    pub outcome: String,
    /// The bucket of their latency.
    pub latency_le_us: i64,
    /// How many.
    pub calls: i64,
    /// What they cost.
    pub units: i64,
    /// When the last one was asked for.
    pub last_at: i64,
}

/// Outcomes that are no failures. The statements below repeat them.
pub const NO_FAILURES: [&str; 2] = ["done", "cancelled"];

impl Store {
    /// Appends to the ledger, and counts the call in its hour.
    pub async fn insert_usage(&self, row: &UsageRow<'_>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sql::tx_execute!(
            &mut tx,
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
        sql::tx_execute!(
            &mut tx,
            "INSERT INTO usage_hours (user_id, hour, provider, service, operation, outcome, latency_le_us, calls, units,
                                      last_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9)
             ON CONFLICT (user_id, hour, provider, service, operation, outcome, latency_le_us) DO UPDATE
             SET calls = usage_hours.calls + 1, units = usage_hours.units + excluded.units,
                last_at = CASE WHEN usage_hours.last_at < excluded.last_at THEN excluded.last_at
                               ELSE usage_hours.last_at END",
            row.user.0,
            row.at.0.div_euclid(HOUR_US) * HOUR_US,
            row.provider,
            row.service.unwrap_or_default(),
            row.operation,
            row.outcome,
            latency_bucket(row.latency_us),
            row.units,
            row.at.0
        )?;
        tx.commit().await
    }

    /// The owner's calls and failures in each step of a range that has any, by the number of the step.
    pub async fn usage_by_step(
        &self,
        user: UserId,
        window: Window,
    ) -> Result<Vec<(i64, i64, i64)>, StoreError> {
        let step = i64::try_from(window.step.as_micros()).unwrap_or(i64::MAX);
        Ok(sql::fetch_all!(
            self.reader(),
            (i64, i64, i64),
            "SELECT (hour - $1) / $2, CAST(SUM(calls) AS BIGINT),
                CAST(SUM(CASE WHEN outcome IN ('done', 'cancelled') THEN 0 ELSE calls END) AS BIGINT)
             FROM usage_hours WHERE user_id = $3 AND hour >= $4 AND hour < $5 GROUP BY 1 ORDER BY 1",
            window.begins.0,
            step,
            user.0,
            window.begins.0,
            window.ends.0
        )?)
    }

    /// The owner's calls in a range and in the one before, added up over its hours.
    pub async fn usage_cells(&self, user: UserId, window: Window) -> Result<Vec<UsageCell>, StoreError> {
        Ok(sql::fetch_all!(
            self.reader(),
            UsageCell,
            "SELECT hour >= $1 AS is_recent, provider, service, operation, outcome, latency_le_us,
                CAST(SUM(calls) AS BIGINT) AS calls, CAST(SUM(units) AS BIGINT) AS units, MAX(last_at) AS last_at
             FROM usage_hours WHERE user_id = $2 AND hour >= $3 AND hour < $4 GROUP BY 1, 2, 3, 4, 5, 6",
            window.begins.0,
            user.0,
            window.before().begins.0,
            window.ends.0
        )?)
    }
}
