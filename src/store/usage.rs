//! The ledger of outbound calls, and what it adds up to.
//!
//! A call is counted three times: in its hour and in its day, by provider, key, service, operation, outcome and bucket of
//! latency, and in the totals of its hour. Days are those of UTC; what is asked for from a midnight elsewhere is read
//! from whole days and the hours at both ends. So two years of a user are some thousand rows to read, and not some
//! hundred thousand.

use std::collections::BTreeMap;

use sqlx::FromRow;
use uuid::Uuid;

use super::{Store, StoreError, TxOn, sql, usage_sums};
use crate::model::{
    ids::{ProviderId, UserId},
    key::KeyVersion,
    service::ServiceId,
    time::Timestamp,
    usage::{DAY_US, HOUR_US, Window, latency_bucket},
};

/// One outbound call made with a user's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Whose key.
    pub user: UserId,
    /// Which key; `None` for a candidate that was not stored.
    pub key: Option<KeyVersion>,
    /// The provider.
    pub provider: ProviderId,
    /// The service it was for.
    pub service: Option<ServiceId>,
    /// The operation's name in the catalogue.
    pub operation: String,
    /// How it ended.
    pub outcome: &'static str,
    /// From sending to the end of the answer, in microseconds.
    pub latency_us: i64,
    /// What it cost, in the quota's units.
    pub units: i64,
    /// Use, scheduled check, or candidate.
    pub source: &'static str,
    /// Who supplied the key.
    pub key_source: &'static str,
    /// When it was asked for.
    pub at: Timestamp,
}

impl UsageRow {
    fn service(&self) -> Option<&'static str> {
        self.service.map(ServiceId::slug)
    }

    pub(super) fn is_failure(&self) -> bool {
        !NO_FAILURES.contains(&self.outcome)
    }
}

/// A call under the id that it will have, so that it is not counted twice when it is not known whether it was written.
pub(super) type Noted = (Uuid, UsageRow);

/// Calls of one kind that ended in one way and took about as long.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct UsageCell {
    /// The provider.
    pub provider: String,
    /// Who supplied the key.
    pub key_source: String,
    /// Which key of the user's; zeros for one that is not stored.
    pub key_id: Uuid,
    /// Its version; 0 for one that is not stored.
    pub key_version: i64,
    /// The service; empty for a check.
    pub service: String,
    /// The operation's name in the catalogue.
    pub operation: String,
    /// How they ended.
    pub outcome: String,
    /// The bucket of their latency.
    pub latency_le_us: i64,
    /// How many.
    #[sqlx(rename = "number")]
    pub calls: i64,
    /// What they cost.
    pub units: i64,
    /// When the first one was asked for; not known of calls from before that was noted.
    pub first_at: Option<i64>,
    /// When the last one was asked for.
    pub last_at: i64,
}

/// Outcomes that are no failures. The migrations repeat them.
pub const NO_FAILURES: [&str; 2] = ["done", "cancelled"];

/// What is counted apart. Its order is that in which rows are written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kind<'a> {
    user: Uuid,
    begins: i64,
    provider: &'a str,
    key_source: &'a str,
    key: Uuid,
    version: i64,
    service: &'a str,
    operation: &'a str,
    outcome: &'a str,
    bucket: i64,
}

/// Calls that are added to the counts of their kind.
#[derive(Clone, Copy)]
struct Count {
    calls: i64,
    units: i64,
    first_at: i64,
    last_at: i64,
}

/// A column of a statement for PostgreSQL.
macro_rules! column {
    ($rows:expr, $field:ident) => {
        $rows.map(|row| row.$field).collect::<Vec<_>>()
    };
}

/// Adds counts of a kind to those of a table, whose rows are of some time each.
macro_rules! add_counts {
    ($table:literal, $time:literal, $rows:literal) => {
        concat!(
            "INSERT INTO ", $table, " (user_id, ", $time, ", provider, key_source, key_id, key_version, service,
                operation, outcome, latency_le_us, calls, units, first_at, last_at) ", $rows,
            " ON CONFLICT (user_id, ", $time, ", provider, key_source, key_id, key_version, service, operation,
                outcome, latency_le_us) DO UPDATE
             SET calls = ", $table, ".calls + excluded.calls, units = ", $table, ".units + excluded.units,
                first_at = CASE WHEN ", $table, ".first_at <= excluded.first_at THEN ", $table, ".first_at
                                ELSE excluded.first_at END,
                last_at = CASE WHEN ", $table, ".last_at < excluded.last_at THEN excluded.last_at
                               ELSE ", $table, ".last_at END"
        )
    };
    ($tx:ident, $table:literal, $time:literal, $counts:ident) => {
        match &mut $tx.on {
            TxOn::Sqlite(tx) => {
                for (kind, count) in &$counts {
                    sqlx::query(add_counts!(
                        $table,
                        $time,
                        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
                    ))
                    .bind(kind.user)
                    .bind(kind.begins)
                    .bind(kind.provider)
                    .bind(kind.key_source)
                    .bind(kind.key)
                    .bind(kind.version)
                    .bind(kind.service)
                    .bind(kind.operation)
                    .bind(kind.outcome)
                    .bind(kind.bucket)
                    .bind(count.calls)
                    .bind(count.units)
                    .bind(count.first_at)
                    .bind(count.last_at)
                    .execute(&mut **tx)
                    .await?;
                }
            }
            TxOn::Postgres(tx) => {
                sqlx::query(add_counts!(
                    $table,
                    $time,
                    "SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::uuid[], $6::bigint[],
                        $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
                        $14::bigint[])"
                ))
                .bind(column!($counts.keys(), user))
                .bind(column!($counts.keys(), begins))
                .bind(column!($counts.keys(), provider))
                .bind(column!($counts.keys(), key_source))
                .bind(column!($counts.keys(), key))
                .bind(column!($counts.keys(), version))
                .bind(column!($counts.keys(), service))
                .bind(column!($counts.keys(), operation))
                .bind(column!($counts.keys(), outcome))
                .bind(column!($counts.keys(), bucket))
                .bind(column!($counts.values(), calls))
                .bind(column!($counts.values(), units))
                .bind(column!($counts.values(), first_at))
                .bind(column!($counts.values(), last_at))
                .execute(&mut **tx)
                .await?;
            }
        }
    };
}

/// The owner's cells of a table whose rows are of some time each.
macro_rules! cells {
    ($store:ident, $table:literal, $time:literal, $user:ident, $begins:ident, $ends:ident) => {
        sql::fetch_all!(
            $store.reader(),
            UsageCell,
            concat!(
                "SELECT provider, key_source, key_id, key_version, service, operation, outcome, latency_le_us,
                    CAST(SUM(calls) AS BIGINT) AS number, CAST(SUM(units) AS BIGINT) AS units,
                    MIN(first_at) AS first_at, MAX(last_at) AS last_at
                 FROM ", $table, " WHERE user_id = $1 AND ", $time, " >= $2 AND ", $time, " < $3
                 GROUP BY provider, key_source, key_id, key_version, service, operation, outcome, latency_le_us"
            ),
            $user.0,
            $begins,
            $ends
        )
    };
}

impl Store {
    /// Appends calls to the ledger, and counts them, all or none. Rows that several calls count in are written once,
    /// and in one order everywhere, so that two nodes do not wait for each other.
    pub(super) async fn insert_usage(&self, calls: &[Noted]) -> Result<(), StoreError> {
        let (hours, days) = (counts(calls, HOUR_US), counts(calls, DAY_US));
        let mut tx = self.begin().await?;
        append(&mut tx.on, calls).await?;
        add_counts!(tx, "usage_hours", "hour", hours);
        add_counts!(tx, "usage_days", "day", days);
        usage_sums::count(&mut tx, calls).await?;
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
            "SELECT (hour - $1) / $2, CAST(SUM(calls) AS BIGINT), CAST(SUM(failed) AS BIGINT)
             FROM usage_totals WHERE user_id = $3 AND hour >= $4 AND hour < $5 GROUP BY 1 ORDER BY 1",
            window.begins.0,
            step,
            user.0,
            window.begins.0,
            window.ends.0
        )?)
    }

    /// The owner's calls in a range. Those of one kind can be in several cells, which add up.
    pub async fn usage_cells(&self, user: UserId, window: Window) -> Result<Vec<UsageCell>, StoreError> {
        let (begins, ends) = (window.begins.0, window.ends.0);
        let (first, last) = (begin_of(begins + DAY_US - 1, DAY_US), begin_of(ends, DAY_US));
        if last <= first {
            return self.cells_of_hours(user, begins, ends).await;
        }
        let mut cells = self.cells_of_days(user, first, last).await?;
        for (begins, ends) in [(begins, first), (last, ends)] {
            if begins < ends {
                cells.extend(self.cells_of_hours(user, begins, ends).await?);
            }
        }
        Ok(cells)
    }

    async fn cells_of_days(
        &self,
        user: UserId,
        begins: i64,
        ends: i64,
    ) -> Result<Vec<UsageCell>, StoreError> {
        Ok(cells!(self, "usage_days", "day", user, begins, ends)?)
    }

    async fn cells_of_hours(
        &self,
        user: UserId,
        begins: i64,
        ends: i64,
    ) -> Result<Vec<UsageCell>, StoreError> {
        Ok(cells!(self, "usage_hours", "hour", user, begins, ends)?)
    }
}

pub(super) fn begin_of(at: i64, length: i64) -> i64 {
    at.div_euclid(length) * length
}

fn counts(calls: &[Noted], length: i64) -> BTreeMap<Kind<'_>, Count> {
    let mut counts: BTreeMap<_, Count> = BTreeMap::new();
    for (_, row) in calls {
        let at = row.at.0;
        let kind = Kind {
            user: row.user.0,
            begins: begin_of(at, length),
            provider: row.provider.as_str(),
            key_source: row.key_source,
            key: row.key.map_or(Uuid::nil(), |key| key.id.0),
            version: row.key.map_or(0, |key| key.version),
            service: row.service().unwrap_or_default(),
            operation: &row.operation,
            outcome: row.outcome,
            bucket: latency_bucket(row.latency_us),
        };
        let none = Count { calls: 0, units: 0, first_at: at, last_at: at };
        let count = counts.entry(kind).or_insert(none);
        count.calls += 1;
        count.units += row.units;
        (count.first_at, count.last_at) = (count.first_at.min(at), count.last_at.max(at));
    }
    counts
}

/// One statement for all on PostgreSQL, for which each is a round trip.
async fn append(tx: &mut TxOn, calls: &[Noted]) -> Result<(), StoreError> {
    match tx {
        TxOn::Sqlite(tx) => {
            for (id, row) in calls {
                sqlx::query(
                    "INSERT INTO usage_events (id, user_id, key_id, provider, service, operation, outcome, latency_us,
                                               units, source, key_source, at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                )
                .bind(id)
                .bind(row.user.0)
                .bind(row.key.map(|key| key.id.0))
                .bind(row.provider.as_str())
                .bind(row.service())
                .bind(row.operation.as_str())
                .bind(row.outcome)
                .bind(row.latency_us)
                .bind(row.units)
                .bind(row.source)
                .bind(row.key_source)
                .bind(row.at.0)
                .execute(&mut **tx)
                .await?;
            }
        }
        TxOn::Postgres(tx) => {
            let rows = || calls.iter().map(|(_, row)| row);
            sqlx::query(
                "INSERT INTO usage_events (id, user_id, key_id, provider, service, operation, outcome, latency_us,
                                           units, source, key_source, at)
                 SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                    $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::bigint[])",
            )
            .bind(calls.iter().map(|(id, _)| *id).collect::<Vec<_>>())
            .bind(rows().map(|row| row.user.0).collect::<Vec<_>>())
            .bind(rows().map(|row| row.key.map(|key| key.id.0)).collect::<Vec<_>>())
            .bind(rows().map(|row| row.provider.as_str()).collect::<Vec<_>>())
            .bind(rows().map(UsageRow::service).collect::<Vec<_>>())
            .bind(rows().map(|row| row.operation.as_str()).collect::<Vec<_>>())
            .bind(column!(rows(), outcome))
            .bind(column!(rows(), latency_us))
            .bind(column!(rows(), units))
            .bind(column!(rows(), source))
            .bind(column!(rows(), key_source))
            .bind(rows().map(|row| row.at.0).collect::<Vec<_>>())
            .execute(&mut **tx)
            .await?;
        }
    }
    Ok(())
}
