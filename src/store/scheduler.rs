//! The statements that look across owners, because a scheduler must, or because a provider's report names a call and
//! not its owner. Nothing else in the room `store`
//! reads or writes a user's data without the owner's id.

use std::time::Duration;

use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    About, Claim, Db, Hold, KeyRow, Store, StoreError, TakenMessage, TxOn, jobs,
    key_rows::Row,
    notice_messages::{TakenRow, taken},
    sql,
};
use crate::model::{
    event::Change,
    ids::{CallId, JobId, ProviderId, UserId, WorkerId},
    job::{FAILURES_MAX, LEASE, LONGEST_WAIT, Lane, PER_USER},
    notice::NoticeKind,
    time::Timestamp,
};

/// Users that are told of the same in one transaction.
const TOLD_TOGETHER: i64 = 500;
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
pub(super) const REPORTS_FOLLOW: Duration = Duration::from_secs(3600);

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

macro_rules! claim_job {
    ($lock:literal) => {
        concat!(
            "UPDATE jobs SET state = 'running', attempt = attempt + 1, worker = $1, run_at = $2, updated_at = $3,
                failures = CASE WHEN state = 'running' THEN failures + 1 ELSE failures END
             WHERE id = (
                SELECT due.id FROM jobs AS due
                WHERE due.lane = $9 AND ((due.state = 'queued' AND (due.run_at <= $3 OR due.run_at > $4))
                    OR (due.state = 'running' AND (due.run_at <= $5 OR due.run_at > $6) AND due.failures + 1 < $7))
                    AND (SELECT COUNT(*) FROM jobs AS busy
                         WHERE busy.user_id = due.user_id AND busy.lane = due.lane AND busy.state = 'running'
                            AND busy.id <> due.id) < $8
                ORDER BY (SELECT COUNT(*) FROM jobs AS busy
                          WHERE busy.user_id = due.user_id AND busy.lane = due.lane AND busy.state = 'running'),
                    due.run_at, due.id
                LIMIT 1 ",
            $lock,
            ")
             RETURNING id, user_id, attempt, failures, work"
        )
    };
}

/// Users of keys that `$which` names, who have not been told of the kind `$2`, and want to be.
macro_rules! untold {
    ($which:literal, $order:literal) => {
        concat!(
            "SELECT k.user_id, k.provider FROM user_api_keys k
             WHERE ", $which, "
                AND NOT EXISTS (SELECT 1 FROM notices n
                    WHERE n.user_id = k.user_id AND n.provider = k.provider AND n.kind = $2 AND n.resolved_at IS NULL)
                AND NOT EXISTS (SELECT 1 FROM notice_settings s
                    WHERE s.user_id = k.user_id AND CAST(s.off AS TEXT) LIKE '%' || $2 || '%')
             ORDER BY ", $order, " LIMIT $3"
        )
    };
}

macro_rules! take_message {
    ($lock:literal) => {
        concat!(
            "UPDATE notice_messages SET attempts = attempts + 1, leased_until = $1
             WHERE id = (
                SELECT due.id FROM notice_messages AS due
                WHERE due.state = 'waiting' AND due.due_at <= $2 AND (due.leased_until IS NULL OR due.leased_until <= $2)
                    AND (SELECT COUNT(*) FROM notice_messages AS busy
                         WHERE busy.user_id = due.user_id AND busy.leased_until > $2) < $3
                    AND ($4 = 1 OR NOT EXISTS (SELECT 1 FROM notice_channels AS place
                         WHERE place.id = due.channel_id AND place.failing_since IS NOT NULL))
                ORDER BY due.due_at, due.id LIMIT 1 ",
            $lock,
            ") ",
            taken!()
        )
    };
}

/// Messages of one user that are sent at a time, so that slow receivers of one hold up nobody else's.
const MESSAGES_PER_USER: i64 = 2;

/// Somebody who claims jobs.
#[derive(Debug, Clone, Copy)]
pub struct Claiming {
    /// The process.
    pub worker: WorkerId,
    /// What its clock shows.
    pub now: Timestamp,
    /// Whether leases that seem to be over count as over: not just after the clock was set, when those who hold
    /// them may not have renewed them yet.
    pub judges_leases: bool,
}

/// Which leases count as over.
struct Windows {
    /// Those that end by then.
    over: Timestamp,
    /// Those that end after: they were written before a clock was set back.
    far: Timestamp,
}

impl Claiming {
    fn windows(&self) -> Windows {
        if self.judges_leases {
            Windows { over: self.now, far: self.now.plus(LEASE * 2) }
        } else {
            Windows { over: Timestamp(i64::MIN), far: Timestamp(i64::MAX) }
        }
    }
}

/// What a user's own key of a provider was used for in some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourOfUse {
    /// The user.
    pub user: UserId,
    /// The provider.
    pub provider: ProviderId,
    /// How many calls there were.
    pub calls: i64,
    /// How many of them failed, other than for what was asked for.
    pub failed: i64,
    /// How many did what was asked …
    pub done: i64,
    /// … and how many of these took a second or longer.
    pub slow: i64,
}

fn about(rows: Vec<(Uuid, String)>, kind: NoticeKind) -> Vec<About> {
    let read = |(user, provider): (Uuid, String)| {
        Some(About { user: UserId(user), provider: provider.parse().ok()?, kind })
    };
    rows.into_iter().filter_map(read).collect()
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

    /// Claims one due job of a lane: one that waits, or one whose holder has not been heard of for the time of its lease.
    /// Raises its attempt, which fences off whoever held it before. Users with fewer running jobs come first.
    pub async fn claim_job(&self, claim: &Claiming, lane: Lane) -> Result<Option<Claim>, StoreError> {
        let Windows { over, far } = claim.windows();
        let mut tx = self.begin().await?;
        // Claims come one by one, so that of two at once the second counts what the first has taken.
        if let TxOn::Postgres(tx) = &mut tx.on {
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('jobs', 42))")
                .execute(&mut **tx)
                .await?;
        }
        macro_rules! claim {
            ($tx:expr, $lock:literal) => {
                sqlx::query_as::<_, (Uuid, Uuid, i64, i64, Json<Value>)>(claim_job!($lock))
                    .bind(claim.worker.0)
                    .bind(claim.now.plus(LEASE).0)
                    .bind(claim.now.0)
                    .bind(claim.now.plus(LONGEST_WAIT * 2).0)
                    .bind(over.0)
                    .bind(far.0)
                    .bind(FAILURES_MAX)
                    .bind(PER_USER)
                    .bind(lane.code())
                    .fetch_optional(&mut **$tx)
                    .await?
            };
        }
        let row = match &mut tx.on {
            TxOn::Sqlite(tx) => claim!(tx, ""),
            TxOn::Postgres(tx) => claim!(tx, "FOR UPDATE OF due SKIP LOCKED"),
        };
        tx.commit().await?;
        Ok(row.map(|(job, user, attempt, failures, work)| Claim {
            hold: Hold { job: JobId(job), user: UserId(user), attempt },
            work: serde_json::from_value(work.0).ok(),
            failures,
        }))
    }

    /// Takes up one message that is due, perhaps none to a place that is failing, for the time of `lease`. That raises
    /// its attempts, which fences off whoever held it before.
    pub async fn take_message(
        &self,
        lease: Duration,
        also_failing: bool,
        now: Timestamp,
    ) -> Result<Option<TakenMessage>, StoreError> {
        macro_rules! take {
            ($pool:expr, $lock:literal) => {
                sqlx::query_as::<_, TakenRow>(take_message!($lock))
                    .bind(now.plus(lease).0)
                    .bind(now.0)
                    .bind(MESSAGES_PER_USER)
                    .bind(i64::from(also_failing))
                    .fetch_optional($pool)
                    .await?
            };
        }
        let row = match &self.db {
            Db::Sqlite { write, .. } => take!(write, ""),
            Db::Postgres(pool) => take!(pool, "FOR UPDATE OF due SKIP LOCKED"),
        };
        row.map(TryInto::try_into).transpose()
    }

    /// What users' own keys were used for since `since`, of those with at least `calls` calls of one provider.
    pub async fn hours_of_use(&self, since: Timestamp, calls: i64) -> Result<Vec<HourOfUse>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            (Uuid, String, i64, i64, i64, i64),
            "SELECT user_id, provider, COUNT(*),
                CAST(SUM(CASE WHEN outcome IN ('done', 'cancelled', 'bad_request') THEN 0 ELSE 1 END) AS BIGINT),
                CAST(SUM(CASE WHEN outcome = 'done' THEN 1 ELSE 0 END) AS BIGINT),
                CAST(SUM(CASE WHEN outcome = 'done' AND latency_us >= 1000000 THEN 1 ELSE 0 END) AS BIGINT)
             FROM usage_events WHERE at > $1 AND source = 'use' AND key_source = 'user'
             GROUP BY user_id, provider HAVING COUNT(*) >= $2",
            since.0,
            calls
        )?;
        let read = |(user, provider, calls, failed, done, slow): (Uuid, String, i64, i64, i64, i64)| {
            Some(HourOfUse {
                user: UserId(user),
                provider: provider.parse().ok()?,
                calls,
                failed,
                done,
                slow,
            })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Whom a notice of this kind is open for, and since when.
    pub async fn open_notices(&self, kind: NoticeKind) -> Result<Vec<(About, Timestamp)>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            (Uuid, String, i64),
            "SELECT user_id, provider, opened_at FROM notices WHERE kind = $1 AND resolved_at IS NULL",
            kind.code()
        )?;
        let read = |(user, provider, opened_at): (Uuid, String, i64)| {
            Some((About { user: UserId(user), provider: provider.parse().ok()?, kind }, Timestamp(opened_at)))
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Users with a key of this provider who have not been told of `kind`, and want to be, at most `limit`, of those
    /// after `after` if given.
    pub async fn untold_of(
        &self,
        provider: &ProviderId,
        kind: NoticeKind,
        after: Option<UserId>,
        limit: i64,
    ) -> Result<Vec<About>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            (Uuid, String),
            untold!("k.provider = $1 AND k.user_id > $4", "k.user_id"),
            provider.as_str(),
            kind.code(),
            limit,
            after.map_or(Uuid::nil(), |user| user.0)
        )?;
        Ok(about(rows, kind))
    }

    /// Keys that have been in use since before `before`, of users who want to be told and have not been, at most
    /// `limit`.
    pub async fn old_keys(&self, before: Timestamp, limit: i64) -> Result<Vec<About>, StoreError> {
        let kind = NoticeKind::ReplacementDue;
        let rows = sql::fetch_all!(
            self.reader(),
            (Uuid, String),
            untold!("k.stored_at <= $1", "k.stored_at"),
            before.0,
            kind.code(),
            limit
        )?;
        Ok(about(rows, kind))
    }

    /// Gives up the jobs whose holders have disappeared too often: they may be what makes a process break down.
    /// Answers how many.
    pub async fn bury_jobs(&self, claim: &Claiming) -> Result<u64, StoreError> {
        let Windows { over, far } = claim.windows();
        let mut tx = self.begin().await?;
        let mut dead = sql::tx_fetch_all!(
            &mut tx,
            (Uuid, Uuid),
            "UPDATE jobs SET state = 'dead', failures = failures + 1, worker = NULL, updated_at = $1
             WHERE state = 'running' AND (run_at <= $2 OR run_at > $3) AND failures + 1 >= $4
             RETURNING user_id, id",
            claim.now.0,
            over.0,
            far.0,
            FAILURES_MAX
        )?;
        // Two nodes that tell several users lock their numbers in one order, so that neither waits for the other.
        dead.sort_unstable();
        for (user, job) in &dead {
            jobs::give_up(&mut tx, UserId(*user), JobId(*job), claim.now).await?;
        }
        tx.commit().await?;
        Ok(u64::try_from(dead.len()).unwrap_or(u64::MAX))
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

    /// Whose call this is.
    pub async fn owner_of_call(&self, id: CallId) -> Result<Option<UserId>, StoreError> {
        let row =
            sql::fetch_optional!(self.reader(), (Uuid,), "SELECT user_id FROM calls WHERE id = $1", id.0)?;
        Ok(row.map(|(user,)| UserId(user)))
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
