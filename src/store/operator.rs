//! What is read over all users, for the operator's page and for the metrics. Beside the scheduler's (`scheduler/`) these
//! are the only statements without an owner's id, and they only read.
//!
//! Each figure comes with the number of users behind it, by which the room `operator` decides whether it is shown. One
//! statement answers rows of single users, [`Store::credentials_of_everybody`]: whether a service is open is decided
//! in code. What is made of them are counts.

use std::collections::BTreeMap;

use sqlx::FromRow;
use uuid::Uuid;

use super::{Store, StoreError, key_rows::StateRow, sql};
use crate::model::{access::CredentialState, ids::UserId, time::Timestamp, usage::Window};

/// Users that are read at a time.
const CHUNK: i64 = 1_000;

/// Calls of all users to one provider that ended in one way and took about as long. Those that were called off tell nothing
/// of the provider, and are not among them.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EverybodysCalls {
    /// The provider.
    pub provider: String,
    /// How they ended.
    pub outcome: String,
    /// The bucket of their latency.
    pub latency_le_us: i64,
    /// How many.
    #[sqlx(rename = "number")]
    pub calls: i64,
}

/// Users of one provider whose slowest call took about as long. Calls that were called off do not count.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Callers {
    /// The provider.
    pub provider: String,
    /// The bucket of the latency of their slowest call.
    pub slowest_le_us: i64,
    /// How many users.
    pub users: i64,
    /// How many of them have calls that failed for the provider's sake …
    pub unanswered: i64,
    /// … that were refused, or failed for any other reason …
    pub refused: i64,
    /// … or either.
    pub failed: i64,
}

/// Keys of all users for one provider that stand alike.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EverybodysKeys {
    /// The provider.
    pub provider: String,
    /// The status; `undecryptable` for those that do not open, whatever their status; `unanswered` for those whose last
    /// check had no definite answer, which are counted under their status as well.
    pub standing: String,
    /// How many keys.
    #[sqlx(rename = "number")]
    pub keys: i64,
    /// How many users have them.
    pub users: i64,
}

#[derive(FromRow)]
struct OwnedState {
    user_id: Uuid,
    #[sqlx(flatten)]
    state: StateRow,
}

/// Everybody's calls of a table whose rows are of some time each.
macro_rules! calls {
    ($store:ident, $window:ident, $table:literal, $time:literal) => {
        sql::fetch_all!(
            $store.reader(),
            EverybodysCalls,
            concat!(
                "SELECT provider, outcome, latency_le_us, CAST(SUM(calls) AS BIGINT) AS number
                 FROM ",
                $table,
                " WHERE ",
                $time,
                " >= $1 AND ",
                $time,
                " < $2 AND outcome <> 'cancelled'
                 GROUP BY provider, outcome, latency_le_us"
            ),
            $window.begins.0,
            $window.ends.0
        )
    };
}

/// The same, counting users.
macro_rules! callers {
    ($store:ident, $window:ident, $table:literal, $time:literal) => {
        sql::fetch_all!(
            $store.reader(),
            Callers,
            concat!(
                "SELECT provider, slowest_le_us, COUNT(*) AS users, CAST(SUM(unanswered) AS BIGINT) AS unanswered,
                    CAST(SUM(refused) AS BIGINT) AS refused, CAST(SUM(failed) AS BIGINT) AS failed
                 FROM (
                    SELECT provider, user_id, MAX(latency_le_us) AS slowest_le_us,
                        MAX(CASE WHEN outcome = 'unreachable' THEN 1 ELSE 0 END) AS unanswered,
                        MAX(CASE WHEN outcome IN ('done', 'unreachable') THEN 0 ELSE 1 END) AS refused,
                        MAX(CASE WHEN outcome = 'done' THEN 0 ELSE 1 END) AS failed
                    FROM ", $table, " WHERE ", $time, " >= $1 AND ", $time, " < $2 AND outcome <> 'cancelled'
                    GROUP BY provider, user_id
                 ) AS callers GROUP BY provider, slowest_le_us"
            ),
            $window.begins.0,
            $window.ends.0
        )
    };
}

impl Store {
    /// Everybody's calls in a window of whole hours.
    pub async fn calls_of_everybody_by_hour(
        &self,
        window: Window,
    ) -> Result<Vec<EverybodysCalls>, StoreError> {
        Ok(calls!(self, window, "usage_hours", "hour")?)
    }

    /// The same in a window of whole days of UTC.
    pub async fn calls_of_everybody_by_day(
        &self,
        window: Window,
    ) -> Result<Vec<EverybodysCalls>, StoreError> {
        Ok(calls!(self, window, "usage_days", "day")?)
    }

    /// How many users called each provider in a window of whole hours, and what became of it.
    pub async fn callers_by_hour(&self, window: Window) -> Result<Vec<Callers>, StoreError> {
        Ok(callers!(self, window, "usage_hours", "hour")?)
    }

    /// The same in a window of whole days of UTC.
    pub async fn callers_by_day(&self, window: Window) -> Result<Vec<Callers>, StoreError> {
        Ok(callers!(self, window, "usage_days", "day")?)
    }

    /// How everybody's keys stand.
    pub async fn keys_of_everybody(&self) -> Result<Vec<EverybodysKeys>, StoreError> {
        Ok(sql::fetch_all!(
            self.reader(),
            EverybodysKeys,
            "SELECT provider, CASE WHEN undecryptable THEN 'undecryptable' ELSE status END AS standing,
                COUNT(*) AS number, COUNT(DISTINCT user_id) AS users
             FROM user_api_keys GROUP BY 1, 2
             UNION ALL
             SELECT provider, 'unanswered', COUNT(*), COUNT(DISTINCT user_id)
             FROM user_api_keys WHERE last_result IS NOT NULL GROUP BY 1"
        )?)
    }

    /// Hands `count` the credentials of every user who is not shut out, user by user; of those who have none, nothing.
    /// Answers how many users there are. A thousand users are in memory at a time.
    pub async fn credentials_of_everybody(
        &self,
        mut count: impl FnMut(&[CredentialState]),
    ) -> Result<i64, StoreError> {
        let (mut after, mut users) = (Uuid::nil(), 0);
        loop {
            let ids = sql::fetch_all!(
                self.reader(),
                (Uuid,),
                "SELECT id FROM users WHERE id > $1 AND NOT disabled ORDER BY id LIMIT $2",
                after,
                CHUNK
            )?;
            let Some((last,)) = ids.last().copied() else { return Ok(users) };
            let mut owned: BTreeMap<UserId, Vec<CredentialState>> =
                ids.into_iter().map(|(id,)| (UserId(id), Vec::new())).collect();
            let states = sql::fetch_all!(
                self.reader(),
                OwnedState,
                "SELECT user_id, provider, status, status_reason, undecryptable, metadata
                 FROM user_api_keys WHERE user_id > $1 AND user_id <= $2",
                after,
                last
            )?;
            for OwnedState { user_id, state } in states {
                if let Some(states) = owned.get_mut(&UserId(user_id)) {
                    states.push(state.try_into()?);
                }
            }
            users += i64::try_from(owned.len()).unwrap_or(i64::MAX);
            owned.values().for_each(|states| count(states));
            after = last;
        }
    }

    /// How many checks are due at `now`, and how many were at `late` already.
    pub async fn checks_waiting(&self, now: Timestamp, late: Timestamp) -> Result<(i64, i64), StoreError> {
        Ok(sql::fetch_one!(
            self.reader(),
            (i64, i64),
            "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN next_check_at <= $1 THEN 1 ELSE 0 END), 0) AS BIGINT)
             FROM user_api_keys WHERE next_check_at <= $2",
            late.0,
            now.0
        )?)
    }
}
