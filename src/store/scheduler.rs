//! The statements that look across owners, because a scheduler must. Nothing else in the room `store`
//! reads or writes a user's data without the owner's id.

use std::time::Duration;

use sqlx::types::Json;
use uuid::Uuid;

use super::{Db, KeyRow, Store, StoreError, events, keys::Row, sql};
use crate::model::{
    event::Change,
    ids::{ProviderId, SearchId, UserId},
    time::Timestamp,
};

/// Events are kept for this long. Whoever was away for longer reads everything again.
const EVENTS_KEPT: Duration = Duration::from_secs(3600);

macro_rules! claim {
    ($not_among:literal, $lock:literal) => {
        concat!(
            "UPDATE user_api_keys SET next_check_at = $1, revision = revision + 1,
                due_since = COALESCE(due_since, next_check_at)
             WHERE id IN (
                SELECT id FROM user_api_keys WHERE next_check_at <= $2 AND ",
            $not_among,
            " ORDER BY next_check_at LIMIT $3 ",
            $lock,
            ")
             RETURNING *,
                (SELECT version FROM deks WHERE deks.id = dek_id) AS dek_version,
                (SELECT kek_id FROM deks WHERE deks.id = dek_id) AS dek_kek_id,
                (SELECT wrapped FROM deks WHERE deks.id = dek_id) AS dek_wrapped"
        )
    };
}

impl Store {
    /// Claims up to `limit` credentials whose check is due, for the time of `lease`, of other providers than
    /// `crowded`. A claim raises the
    /// row's revision, which fences off whoever held it before; a claim that is never answered becomes
    /// due again by itself when the lease ends.
    pub async fn claim_due_keys(
        &self,
        limit: i64,
        lease: Duration,
        crowded: &[ProviderId],
        now: Timestamp,
    ) -> Result<Vec<KeyRow>, StoreError> {
        let crowded: Vec<_> = crowded.iter().map(ProviderId::as_str).collect();
        let rows = match &self.db {
            Db::Sqlite { write: pool, .. } => {
                sqlx::query_as::<_, Row>(claim!("provider NOT IN (SELECT value FROM json_each($4))", ""))
                    .bind(now.plus(lease).0)
                    .bind(now.0)
                    .bind(limit)
                    .bind(Json(&crowded))
                    .fetch_all(pool)
                    .await?
            }
            Db::Postgres(pool) => {
                sqlx::query_as::<_, Row>(claim!("provider <> ALL ($4)", "FOR UPDATE SKIP LOCKED"))
                    .bind(now.plus(lease).0)
                    .bind(now.0)
                    .bind(limit)
                    .bind(&crowded)
                    .fetch_all(pool)
                    .await?
            }
        };
        // A row that cannot be read must not keep the others from being checked.
        let readable = rows.into_iter().filter_map(|row| {
            KeyRow::try_from(row)
                .inspect_err(|error| tracing::error!(%error, "a due key cannot be read"))
                .ok()
        });
        Ok(readable.collect())
    }

    /// Destroys replaced credentials whose time is over, and forgets spent sessions, tokens, counters,
    /// invitations and events. Answers how many credentials were destroyed.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let destroyed =
            sql::execute!(self.writer(), "DELETE FROM retired_credentials WHERE destroy_after <= $1", now.0)?;
        sql::execute!(self.writer(), "DELETE FROM sessions WHERE expires_at <= $1", now.0)?;
        sql::execute!(self.writer(), "DELETE FROM api_tokens WHERE expires_at <= $1", now.0)?;
        sql::execute!(self.writer(), "DELETE FROM rate_limits WHERE forget_after <= $1", now.0)?;
        sql::execute!(self.writer(), "DELETE FROM invitations WHERE expires_at <= $1", now.0)?;
        let forgotten = now.minus(EVENTS_KEPT);
        sql::execute!(self.writer(), "DELETE FROM user_events WHERE at <= $1", forgotten.0)?;
        Ok(destroyed)
    }

    /// Ends the searches whose runner has not been heard of for the time of its lease: the process that
    /// ran them is gone, or slept too long. Their results are kept, and nothing is run again, because
    /// pages cost money. A runner that wakes up finds its search ended and stops. Answers how many.
    pub async fn end_abandoned_searches(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let mut ended: Vec<(Uuid, Uuid)> = sql::tx_fetch_all!(
            &mut tx,
            (Uuid, Uuid),
            "UPDATE searches SET state = CASE WHEN found > 0 THEN 'partial' ELSE 'failed' END,
                notice = 'interrupted', finished_at = $1
             WHERE state = 'running' AND lease_until <= $2 RETURNING user_id, id",
            now.0,
            now.0
        )?;
        // Two nodes that tell several users lock their numbers in one order, so that neither waits for the other.
        ended.sort_unstable();
        for (user, search) in &ended {
            events::append(&mut tx, UserId(*user), Change::Search(SearchId(*search)), now).await?;
        }
        tx.commit().await?;
        Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
    }

    /// The users with events since `since`, each with the number of the last one.
    pub async fn event_heads(&self, since: Timestamp) -> Result<Vec<(UserId, i64)>, StoreError> {
        let heads = sql::fetch_all!(
            self.reader(),
            (Uuid, i64),
            "SELECT user_id, seq FROM user_event_heads WHERE at >= $1",
            since.0
        )?;
        Ok(heads.into_iter().map(|(user, seq)| (UserId(user), seq)).collect())
    }
}
