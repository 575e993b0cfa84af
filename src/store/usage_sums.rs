//! What the ledger adds up to beside `usage.rs`: by the hour, all calls, and those to each provider.

use std::collections::BTreeMap;

use sqlx::FromRow;
use uuid::Uuid;

use super::{
    Store, StoreError, Tx, TxOn, sql,
    usage::{Noted, begin_of},
};
use crate::model::{
    ids::{KeyId, ProviderId, UserId},
    key::KeyVersion,
    time::Timestamp,
    usage::{HOUR_US, Histogram, Window},
};

/// How a call ends that failed for the provider's sake.
const UNREACHABLE: &str = "unreachable";
/// How it ends when nobody waited for the end.
const CANCELLED: &str = "cancelled";

/// Calls to a provider in a step of a time.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AnsweredRow {
    /// The provider.
    pub provider: String,
    /// The number of the step.
    pub step: i64,
    /// Calls, without those that were called off, which tell nothing of the provider.
    pub calls: i64,
    /// Those that failed for the provider's sake.
    pub unreachable: i64,
}

#[derive(Default, Clone, Copy)]
struct OfProvider {
    calls: i64,
    failed: i64,
    unreachable: i64,
    cancelled: i64,
}

macro_rules! add_to_totals {
    ($rows:literal) => {
        concat!(
            "INSERT INTO usage_totals (user_id, hour, calls, failed) ",
            $rows,
            " ON CONFLICT (user_id, hour) DO UPDATE
             SET calls = usage_totals.calls + excluded.calls, failed = usage_totals.failed + excluded.failed"
        )
    };
}

macro_rules! add_to_providers {
    ($rows:literal) => {
        concat!(
            "INSERT INTO usage_providers (user_id, provider, hour, calls, failed, unreachable, cancelled) ",
            $rows,
            " ON CONFLICT (user_id, hour, provider) DO UPDATE
             SET calls = usage_providers.calls + excluded.calls, failed = usage_providers.failed + excluded.failed,
                unreachable = usage_providers.unreachable + excluded.unreachable,
                cancelled = usage_providers.cancelled + excluded.cancelled"
        )
    };
}

/// Counts calls, in the transaction that writes them down. Rows are written in one order everywhere.
pub(super) async fn count(tx: &mut Tx, calls: &[Noted]) -> Result<(), StoreError> {
    let mut totals: BTreeMap<(Uuid, i64), (i64, i64)> = BTreeMap::new();
    let mut providers: BTreeMap<(Uuid, i64, &str), OfProvider> = BTreeMap::new();
    for (_, row) in calls {
        let (user, provider, at) = (row.user.0, row.provider.as_str(), row.at.0);
        let hour = begin_of(at, HOUR_US);
        let total = totals.entry((user, hour)).or_default();
        total.0 += 1;
        total.1 += i64::from(row.is_failure());
        let of = providers.entry((user, hour, provider)).or_default();
        of.calls += 1;
        of.failed += i64::from(row.is_failure());
        of.unreachable += i64::from(row.outcome == UNREACHABLE);
        of.cancelled += i64::from(row.outcome == CANCELLED);
    }
    match &mut tx.on {
        TxOn::Sqlite(tx) => {
            for ((user, hour), (calls, failed)) in totals {
                sqlx::query(add_to_totals!("VALUES ($1, $2, $3, $4)"))
                    .bind(user)
                    .bind(hour)
                    .bind(calls)
                    .bind(failed)
                    .execute(&mut **tx)
                    .await?;
            }
            for ((user, hour, provider), of) in providers {
                sqlx::query(add_to_providers!("VALUES ($1, $2, $3, $4, $5, $6, $7)"))
                    .bind(user)
                    .bind(provider)
                    .bind(hour)
                    .bind(of.calls)
                    .bind(of.failed)
                    .bind(of.unreachable)
                    .bind(of.cancelled)
                    .execute(&mut **tx)
                    .await?;
            }
        }
        TxOn::Postgres(tx) => {
            // One round trip for both.
            sqlx::query(concat!(
                "WITH totals AS (",
                add_to_totals!("SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[])"),
                ") ",
                add_to_providers!(
                    "SELECT * FROM UNNEST($5::uuid[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[],
                        $10::bigint[], $11::bigint[])"
                )
            ))
            .bind(totals.keys().map(|(user, _)| *user).collect::<Vec<_>>())
            .bind(totals.keys().map(|(_, hour)| *hour).collect::<Vec<_>>())
            .bind(totals.values().map(|(calls, _)| *calls).collect::<Vec<_>>())
            .bind(totals.values().map(|(_, failed)| *failed).collect::<Vec<_>>())
            .bind(providers.keys().map(|(user, ..)| *user).collect::<Vec<_>>())
            .bind(providers.keys().map(|(.., provider)| *provider).collect::<Vec<_>>())
            .bind(providers.keys().map(|(_, hour, _)| *hour).collect::<Vec<_>>())
            .bind(providers.values().map(|of| of.calls).collect::<Vec<_>>())
            .bind(providers.values().map(|of| of.failed).collect::<Vec<_>>())
            .bind(providers.values().map(|of| of.unreachable).collect::<Vec<_>>())
            .bind(providers.values().map(|of| of.cancelled).collect::<Vec<_>>())
            .execute(&mut **tx)
            .await?;
        }
    }
    Ok(())
}

impl Store {
    /// The owner's calls in each step of a time that has any but those that were called off, by provider.
    pub async fn usage_by_provider(
        &self,
        user: UserId,
        window: Window,
    ) -> Result<Vec<AnsweredRow>, StoreError> {
        let step = i64::try_from(window.step.as_micros()).unwrap_or(i64::MAX);
        Ok(sql::fetch_all!(
            self.reader(),
            AnsweredRow,
            "SELECT provider, (hour - $1) / $2 AS step, CAST(SUM(calls - cancelled) AS BIGINT) AS calls,
                CAST(SUM(unreachable) AS BIGINT) AS unreachable
             FROM usage_providers WHERE user_id = $3 AND hour >= $4 AND hour < $5 AND calls > cancelled
             GROUP BY 1, 2 ORDER BY 1, 2",
            window.begins.0,
            step,
            user.0,
            window.begins.0,
            window.ends.0
        )?)
    }

    /// The owner's calls to a provider and the failures among them in each step of a time that has any, by the number of
    /// the step.
    pub async fn usage_of_provider_by_step(
        &self,
        user: UserId,
        provider: &ProviderId,
        window: Window,
    ) -> Result<Vec<(i64, i64, i64)>, StoreError> {
        let step = i64::try_from(window.step.as_micros()).unwrap_or(i64::MAX);
        Ok(sql::fetch_all!(
            self.reader(),
            (i64, i64, i64),
            "SELECT (hour - $1) / $2, CAST(SUM(calls) AS BIGINT), CAST(SUM(failed) AS BIGINT)
             FROM usage_providers WHERE user_id = $3 AND hour >= $4 AND hour < $5 AND provider = $6
             GROUP BY 1 ORDER BY 1",
            window.begins.0,
            step,
            user.0,
            window.begins.0,
            window.ends.0,
            provider.as_str()
        )?)
    }

    /// How long the user's calls of a provider took that did what was asked, in the hours between `from` and `to`, and how
    /// many there were.
    pub async fn latencies(
        &self,
        user: UserId,
        provider: &ProviderId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(Histogram, i64), StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            (i64, i64),
            "SELECT latency_le_us, CAST(SUM(calls) AS BIGINT) FROM usage_hours
             WHERE user_id = $1 AND provider = $2 AND service <> '' AND outcome = 'done' AND hour >= $3 AND hour < $4
             GROUP BY latency_le_us",
            user.0,
            provider.as_str(),
            from.0,
            to.0
        )?;
        let mut histogram = Histogram::default();
        rows.iter().for_each(|(bucket, calls)| histogram.add(*bucket, *calls));
        Ok((histogram, rows.iter().map(|(_, calls)| calls).sum()))
    }

    /// The calls of the busiest hour in which the user used a provider with a key of their own between `from` and `to`, and
    /// the first of these hours; nothing when there is none.
    pub async fn busiest_hour(
        &self,
        user: UserId,
        provider: &ProviderId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Option<(i64, Timestamp)>, StoreError> {
        let (most, first) = sql::fetch_one!(
            self.reader(),
            (Option<i64>, Option<i64>),
            "SELECT CAST(MAX(calls) AS BIGINT), MIN(hour) FROM (
                SELECT hour, SUM(calls) AS calls FROM usage_hours
                WHERE user_id = $1 AND provider = $2 AND key_source = 'user' AND service <> '' AND hour >= $3 AND hour < $4
                GROUP BY hour
             ) AS hours",
            user.0,
            provider.as_str(),
            from.0,
            to.0
        )?;
        Ok(most.zip(first.map(Timestamp)))
    }

    /// The version of each of the owner's keys that is stored now.
    pub async fn versions_in_use(&self, user: UserId) -> Result<Vec<KeyVersion>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            (Uuid, i64),
            "SELECT id, credential_version FROM user_api_keys WHERE user_id = $1",
            user.0
        )?;
        Ok(rows.into_iter().map(|(id, version)| KeyVersion { id: KeyId(id), version }).collect())
    }
}
