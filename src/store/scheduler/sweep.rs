//! What is forgotten when its time is over.

use std::time::Duration;

use crate::{
    model::time::Timestamp,
    store::{Store, StoreError, sql},
};

/// Events are kept for this long. Whoever was away for longer reads everything again.
const EVENTS_KEPT: Duration = Duration::from_secs(3600);
/// For how long an order that arrives again is recognised.
const ORDERS_KEPT: Duration = Duration::from_secs(86_400);
/// How long single calls, and what checks told of quotas, are kept …
const USAGE_KEPT: Duration = Duration::from_secs(90 * 86_400);
/// … and how long their hours: two years, so that one can be compared with the one before.
const USAGE_HOURS_KEPT: Duration = Duration::from_secs(2 * 366 * 86_400);

/// How long messages are kept that were sent, or given up.
const MESSAGES_KEPT: Duration = Duration::from_secs(30 * 86_400);
/// How long notices are kept that are over.
const NOTICES_KEPT: Duration = Duration::from_secs(90 * 86_400);

/// Reports on a call may follow for this long after its end.
pub(in crate::store) const REPORTS_FOLLOW: Duration = Duration::from_secs(3600);

impl Store {
    /// Destroys replaced credentials whose time is over, and forgets spent sessions, tokens, counters,
    /// invitations and events, and what was used long ago. Answers how many credentials were destroyed.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let destroyed =
            sql::execute!(self.writer(), "DELETE FROM retired_credentials WHERE destroy_after <= $1", now.0)?;
        sql::execute!(self.writer(), "DELETE FROM sessions WHERE expires_at <= $1", now.0)?;
        sql::execute!(self.writer(), "DELETE FROM api_tokens WHERE expires_at <= $1", now.0)?;
        sql::execute!(self.writer(), "DELETE FROM rate_limits WHERE forget_after <= $1", now.0)?;
        sql::execute!(self.writer(), "DELETE FROM invitations WHERE expires_at <= $1", now.0)?;
        let forgotten = now.minus(EVENTS_KEPT);
        sql::execute!(self.writer(), "DELETE FROM user_events WHERE at <= $1", forgotten.0)?;
        sql::execute!(
            self.writer(),
            "DELETE FROM call_speech WHERE call_id IN (SELECT id FROM calls WHERE ended_at IS NOT NULL)"
        )?;
        let forgotten = now.minus(ORDERS_KEPT);
        sql::execute!(self.writer(), "DELETE FROM orders WHERE created_at <= $1", forgotten.0)?;
        let forgotten = now.minus(NOTICES_KEPT);
        sql::execute!(self.writer(), "DELETE FROM notices WHERE resolved_at <= $1", forgotten.0)?;
        let forgotten = now.minus(MESSAGES_KEPT);
        sql::execute!(self.writer(), "DELETE FROM notice_messages WHERE ended_at <= $1", forgotten.0)?;
        let forgotten = now.minus(USAGE_KEPT);
        sql::execute!(self.writer(), "DELETE FROM usage_events WHERE at <= $1", forgotten.0)?;
        sql::execute!(self.writer(), "DELETE FROM quota_points WHERE at <= $1", forgotten.0)?;
        let forgotten = now.minus(USAGE_HOURS_KEPT);
        sql::execute!(self.writer(), "DELETE FROM usage_hours WHERE hour <= $1", forgotten.0)?;
        sql::execute!(self.writer(), "DELETE FROM usage_days WHERE day <= $1", forgotten.0)?;
        sql::execute!(self.writer(), "DELETE FROM usage_totals WHERE hour <= $1", forgotten.0)?;
        sql::execute!(self.writer(), "DELETE FROM usage_costs WHERE hour <= $1", forgotten.0)?;
        sql::execute!(self.writer(), "DELETE FROM usage_providers WHERE hour <= $1", forgotten.0)?;
        Ok(destroyed)
    }

    /// Forgets copies of replaced credentials that no call needs any more: all but the current one, and those of calls
    /// that have not been over for an hour, of which recordings may still be reported. Answers how many.
    pub async fn forget_webhook_secrets(&self, now: Timestamp) -> Result<u64, StoreError> {
        let long_over = now.minus(REPORTS_FOLLOW);
        Ok(sql::execute!(
            self.writer(),
            "DELETE FROM webhook_secrets
             WHERE version <> (SELECT credential_version FROM user_api_keys k WHERE k.id = webhook_secrets.key_id)
                AND NOT EXISTS (
                    SELECT 1 FROM calls c
                    WHERE c.key_id = webhook_secrets.key_id AND c.key_version = webhook_secrets.version
                        AND (c.ended_at IS NULL OR c.ended_at > $1))",
            long_over.0
        )?)
    }
}
