//! What there is to tell users, and which messages are sent next.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    model::{
        ids::{ProviderId, UserId},
        notice::NoticeKind,
        time::Timestamp,
    },
    store::{
        About, Db, Store, StoreError, TakenMessage,
        notice_messages::{TakenRow, taken},
        sql,
    },
};

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

impl Store {
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
}
