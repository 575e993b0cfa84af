//! Which stored credentials are checked next, and who is told of outages.

use std::time::Duration;

use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    model::{event::Change, ids::ProviderId, time::Timestamp},
    store::{Db, KeyRow, Store, StoreError, key_rows::Row, sql},
};

/// Users that are told of the same in one transaction.
const TOLD_TOGETHER: i64 = 500;

macro_rules! claim {
    ($which:literal, $lock:literal) => {
        concat!(
            "UPDATE user_api_keys SET next_check_at = $1, revision = revision + 1,
                due_since = COALESCE(due_since, next_check_at)
             WHERE id IN (
                SELECT id FROM user_api_keys WHERE ",
            $which,
            " LIMIT $3 ",
            $lock,
            ")
             RETURNING *,
                (SELECT version FROM deks WHERE deks.id = dek_id) AS dek_version,
                (SELECT kek_id FROM deks WHERE deks.id = dek_id) AS dek_kek_id,
                (SELECT wrapped FROM deks WHERE deks.id = dek_id) AS dek_wrapped"
        )
    };
}

/// A provider whose checks are held back: all that became due later than `until`, while its outage is on; afterwards
/// those for which nobody waits.
#[derive(serde::Serialize)]
struct Held {
    provider: String,
    until: i64,
    on: bool,
}

/// A row that cannot be read must not keep the others from being checked.
fn readable(rows: Vec<Row>) -> Vec<KeyRow> {
    let read = |row| {
        KeyRow::try_from(row).inspect_err(|error| tracing::error!(%error, "a due key cannot be read")).ok()
    };
    rows.into_iter().filter_map(read).collect()
}

impl Store {
    /// Claims up to `limit` credentials whose check is due, for the time of `lease`, of other providers than
    /// `crowded`, and none that an outage of its provider holds back. A claim raises the row's revision, which fences
    /// off whoever held it before; a claim that is never answered becomes due again by itself when the lease ends.
    pub async fn claim_due_keys(
        &self,
        limit: i64,
        lease: Duration,
        crowded: &[ProviderId],
        now: Timestamp,
    ) -> Result<Vec<KeyRow>, StoreError> {
        let crowded: Vec<_> = crowded.iter().map(ProviderId::as_str).collect();
        let held = self.held(now).await?;
        let rows = match &self.db {
            Db::Sqlite { write: pool, .. } => {
                sqlx::query_as::<_, Row>(claim!(
                    "next_check_at <= $2 AND provider NOT IN (SELECT value FROM json_each($4)) AND (suspect OR NOT EXISTS (
                        SELECT 1 FROM json_each($5) AS held
                        WHERE held.value ->> 'provider' = user_api_keys.provider
                            AND user_api_keys.next_check_at > held.value ->> 'until'
                            AND (held.value ->> 'on' OR user_api_keys.status <> 'unverified')))
                     ORDER BY next_check_at",
                    ""
                ))
                .bind(now.plus(lease).0)
                .bind(now.0)
                .bind(limit)
                .bind(Json(&crowded))
                .bind(Json(&held))
                .fetch_all(pool)
                .await?
            }
            Db::Postgres(pool) => {
                sqlx::query_as::<_, Row>(claim!(
                    "next_check_at <= $2 AND provider <> ALL ($4) AND (suspect OR NOT EXISTS (
                        SELECT 1 FROM UNNEST($5::text[], $6::bigint[], $7::boolean[]) AS held (provider, until, is_on)
                        WHERE held.provider = user_api_keys.provider AND user_api_keys.next_check_at > held.until
                            AND (held.is_on OR user_api_keys.status <> 'unverified')))
                     ORDER BY next_check_at",
                    "FOR UPDATE SKIP LOCKED"
                ))
                .bind(now.plus(lease).0)
                .bind(now.0)
                .bind(limit)
                .bind(&crowded)
                .bind(held.iter().map(|held| held.provider.clone()).collect::<Vec<_>>())
                .bind(held.iter().map(|held| held.until).collect::<Vec<_>>())
                .bind(held.iter().map(|held| held.on).collect::<Vec<_>>())
                .fetch_all(pool)
                .await?
            }
        };
        Ok(readable(rows))
    }

    /// Claims one credential of a provider that does not answer, to find out whether it does again: of those that are due
    /// another each time, for the trouble that is left may be that of one key; where none is, the one that will be first.
    pub async fn claim_scout(
        &self,
        provider: &ProviderId,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Option<KeyRow>, StoreError> {
        macro_rules! claim_one {
            ($which:literal) => {{
                macro_rules! on {
                    ($pool:expr, $lock:literal) => {
                        sqlx::query_as::<_, Row>(claim!($which, $lock))
                            .bind(now.plus(lease).0)
                            .bind(now.0)
                            .bind(1_i64)
                            .bind(provider.as_str())
                            .fetch_all($pool)
                            .await?
                    };
                }
                match &self.db {
                    Db::Sqlite { write: pool, .. } => on!(pool, ""),
                    Db::Postgres(pool) => on!(pool, "FOR UPDATE SKIP LOCKED"),
                }
            }};
        }
        let mut rows = claim_one!("next_check_at <= $2 AND provider = $4 ORDER BY updated_at");
        if rows.is_empty() {
            // One that is being checked has been due.
            rows = claim_one!(
                "next_check_at > $2 AND provider = $4 AND due_since IS NULL ORDER BY next_check_at"
            );
        }
        Ok(readable(rows).pop())
    }

    /// The providers whose checks are held back now.
    async fn held(&self, now: Timestamp) -> Result<Vec<Held>, StoreError> {
        let held = self.outages().await?.into_iter().filter_map(|outage| {
            let until = outage.due_until(now);
            (until < now).then(|| Held {
                provider: outage.provider.to_string(),
                until: until.0,
                on: outage.is_on(),
            })
        });
        Ok(held.collect())
    }

    /// Tells all owners of a key of this provider that it stands otherwise, some at a time.
    pub async fn tell_owners(&self, provider: &ProviderId, now: Timestamp) -> Result<(), StoreError> {
        let change = Change::Key(provider);
        let mut after = Uuid::nil();
        loop {
            let mut tx = self.begin().await?;
            let told = sql::tx_fetch_all!(
                &mut tx,
                (Uuid,),
                "INSERT INTO user_event_heads (user_id, seq, at)
                 SELECT user_id, 1, $1 FROM (
                    SELECT DISTINCT user_id FROM user_api_keys WHERE provider = $2 AND user_id > $3
                    ORDER BY user_id LIMIT $4) AS owners
                 WHERE TRUE
                 ON CONFLICT (user_id) DO UPDATE SET seq = user_event_heads.seq + 1, at = excluded.at
                 RETURNING user_id",
                now.0,
                provider.as_str(),
                after,
                TOLD_TOGETHER
            )?;
            let Some((last,)) = told.into_iter().max() else { return Ok(()) };
            sql::tx_execute!(
                &mut tx,
                "INSERT INTO user_events (user_id, seq, topic, subject, at)
                 SELECT user_id, seq, $1, $2, at FROM user_event_heads
                 WHERE user_id > $3 AND user_id <= $4 AND at = $5
                    AND user_id IN (SELECT user_id FROM user_api_keys WHERE provider = $6)
                 ON CONFLICT (user_id, seq) DO NOTHING",
                change.topic().code(),
                change.subject(),
                after,
                last,
                now.0,
                provider.as_str()
            )?;
            tx.told = true;
            tx.commit().await?;
            after = last;
        }
    }
}
