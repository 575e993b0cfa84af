//! What the ledger adds up to beside `usage.rs`: by the hour, all calls, those to each provider, and those made
//! with each version of a key.

use std::collections::BTreeMap;

use sqlx::FromRow;
use uuid::Uuid;

use super::{
    Store, StoreError, Tx, TxOn, sql,
    usage::{Noted, begin_of},
};
use crate::model::{
    ids::{ProviderId, UserId},
    report::VersionUse,
    time::Timestamp,
    usage::{HOUR_US, Window},
};

/// How a call ends that failed for the provider's sake.
const UNREACHABLE: &str = "unreachable";

/// Calls to a provider in a step of a time.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AnsweredRow {
    /// The provider.
    pub provider: String,
    /// The number of the step.
    pub step: i64,
    /// Calls.
    pub calls: i64,
    /// Those that failed for the provider's sake.
    pub unreachable: i64,
}

#[derive(FromRow)]
struct VersionRow {
    provider: String,
    version: i64,
    calls: i64,
    failed: i64,
    first_at: i64,
    last_at: i64,
    in_use: bool,
}

#[derive(Default, Clone, Copy)]
struct OfProvider {
    calls: i64,
    failed: i64,
    unreachable: i64,
}

#[derive(Default, Clone, Copy)]
struct OfVersion {
    calls: i64,
    failed: i64,
    first_at: i64,
    last_at: i64,
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
            "INSERT INTO usage_providers (user_id, provider, hour, calls, failed, unreachable) ",
            $rows,
            " ON CONFLICT (user_id, hour, provider) DO UPDATE
             SET calls = usage_providers.calls + excluded.calls, failed = usage_providers.failed + excluded.failed,
                unreachable = usage_providers.unreachable + excluded.unreachable"
        )
    };
}

macro_rules! add_to_versions {
    ($rows:literal) => {
        concat!(
            "INSERT INTO usage_versions (user_id, hour, key_id, version, provider, calls, failed, first_at, last_at) ",
            $rows,
            " ON CONFLICT (user_id, hour, key_id, version) DO UPDATE
             SET calls = usage_versions.calls + excluded.calls, failed = usage_versions.failed + excluded.failed,
                first_at = CASE WHEN excluded.first_at < usage_versions.first_at THEN excluded.first_at
                                ELSE usage_versions.first_at END,
                last_at = CASE WHEN excluded.last_at > usage_versions.last_at THEN excluded.last_at
                               ELSE usage_versions.last_at END"
        )
    };
}

/// Counts calls, in the transaction that writes them down. Rows are written in one order everywhere.
pub(super) async fn count(tx: &mut Tx, calls: &[Noted]) -> Result<(), StoreError> {
    let mut totals: BTreeMap<(Uuid, i64), (i64, i64)> = BTreeMap::new();
    let mut providers: BTreeMap<(Uuid, i64, &str), OfProvider> = BTreeMap::new();
    let mut versions: BTreeMap<(Uuid, i64, Uuid, i64, &str), OfVersion> = BTreeMap::new();
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
        if let Some(key) = row.key {
            let first = OfVersion { first_at: at, last_at: at, ..OfVersion::default() };
            let of = versions.entry((user, hour, key.id.0, key.version, provider)).or_insert(first);
            of.calls += 1;
            of.failed += i64::from(row.is_failure());
            (of.first_at, of.last_at) = (of.first_at.min(at), of.last_at.max(at));
        }
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
                sqlx::query(add_to_providers!("VALUES ($1, $2, $3, $4, $5, $6)"))
                    .bind(user)
                    .bind(provider)
                    .bind(hour)
                    .bind(of.calls)
                    .bind(of.failed)
                    .bind(of.unreachable)
                    .execute(&mut **tx)
                    .await?;
            }
            for ((user, hour, key, version, provider), of) in versions {
                sqlx::query(add_to_versions!("VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"))
                    .bind(user)
                    .bind(hour)
                    .bind(key)
                    .bind(version)
                    .bind(provider)
                    .bind(of.calls)
                    .bind(of.failed)
                    .bind(of.first_at)
                    .bind(of.last_at)
                    .execute(&mut **tx)
                    .await?;
            }
        }
        TxOn::Postgres(tx) => {
            // One round trip for all three.
            sqlx::query(concat!(
                "WITH totals AS (",
                add_to_totals!("SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[])"),
                "), versions AS (",
                add_to_versions!(
                    "SELECT * FROM UNNEST($5::uuid[], $6::bigint[], $7::uuid[], $8::bigint[], $9::text[], $10::bigint[],
                        $11::bigint[], $12::bigint[], $13::bigint[])"
                ),
                ") ",
                add_to_providers!(
                    "SELECT * FROM UNNEST($14::uuid[], $15::text[], $16::bigint[], $17::bigint[], $18::bigint[],
                        $19::bigint[])"
                )
            ))
            .bind(totals.keys().map(|(user, _)| *user).collect::<Vec<_>>())
            .bind(totals.keys().map(|(_, hour)| *hour).collect::<Vec<_>>())
            .bind(totals.values().map(|(calls, _)| *calls).collect::<Vec<_>>())
            .bind(totals.values().map(|(_, failed)| *failed).collect::<Vec<_>>())
            .bind(versions.keys().map(|(user, ..)| *user).collect::<Vec<_>>())
            .bind(versions.keys().map(|(_, hour, ..)| *hour).collect::<Vec<_>>())
            .bind(versions.keys().map(|(_, _, key, ..)| *key).collect::<Vec<_>>())
            .bind(versions.keys().map(|(.., version, _)| *version).collect::<Vec<_>>())
            .bind(versions.keys().map(|(.., provider)| *provider).collect::<Vec<_>>())
            .bind(versions.values().map(|of| of.calls).collect::<Vec<_>>())
            .bind(versions.values().map(|of| of.failed).collect::<Vec<_>>())
            .bind(versions.values().map(|of| of.first_at).collect::<Vec<_>>())
            .bind(versions.values().map(|of| of.last_at).collect::<Vec<_>>())
            .bind(providers.keys().map(|(user, ..)| *user).collect::<Vec<_>>())
            .bind(providers.keys().map(|(.., provider)| *provider).collect::<Vec<_>>())
            .bind(providers.keys().map(|(_, hour, _)| *hour).collect::<Vec<_>>())
            .bind(providers.values().map(|of| of.calls).collect::<Vec<_>>())
            .bind(providers.values().map(|of| of.failed).collect::<Vec<_>>())
            .bind(providers.values().map(|of| of.unreachable).collect::<Vec<_>>())
            .execute(&mut **tx)
            .await?;
        }
    }
    Ok(())
}

impl Store {
    /// The owner's calls in each step of a time that has any, by provider.
    pub async fn usage_by_provider(
        &self,
        user: UserId,
        window: Window,
    ) -> Result<Vec<AnsweredRow>, StoreError> {
        self.write_usage_if_possible().await;
        let step = i64::try_from(window.step.as_micros()).unwrap_or(i64::MAX);
        Ok(sql::fetch_all!(
            self.reader(),
            AnsweredRow,
            "SELECT provider, (hour - $1) / $2 AS step, CAST(SUM(calls) AS BIGINT) AS calls,
                CAST(SUM(unreachable) AS BIGINT) AS unreachable
             FROM usage_providers WHERE user_id = $3 AND hour >= $4 AND hour < $5 GROUP BY 1, 2 ORDER BY 1, 2",
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
        self.write_usage_if_possible().await;
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

    /// The versions of the owner's keys that were used in a range; by provider, the last used first.
    pub async fn usage_by_version(
        &self,
        user: UserId,
        window: Window,
    ) -> Result<Vec<VersionUse>, StoreError> {
        self.write_usage_if_possible().await;
        let rows = sql::fetch_all!(
            self.reader(),
            VersionRow,
            "SELECT u.provider, u.version, u.calls, u.failed, u.first_at, u.last_at, (k.id IS NOT NULL) AS in_use
             FROM (
                SELECT key_id, version, provider, CAST(SUM(calls) AS BIGINT) AS calls,
                    CAST(SUM(failed) AS BIGINT) AS failed, MIN(first_at) AS first_at, MAX(last_at) AS last_at
                FROM usage_versions WHERE user_id = $1 AND hour >= $2 AND hour < $3 GROUP BY key_id, version, provider
             ) AS u
             LEFT JOIN user_api_keys k ON k.id = u.key_id AND k.user_id = $1 AND k.credential_version = u.version
             ORDER BY u.provider, u.last_at DESC, u.version DESC",
            user.0,
            window.begins.0,
            window.ends.0
        )?;
        let version = |row: VersionRow| {
            let unknown = |_| StoreError::UnknownWord { column: "provider" };
            Ok(VersionUse {
                provider: row.provider.parse::<ProviderId>().map_err(unknown)?,
                version: row.version,
                in_use: row.in_use,
                calls: row.calls,
                failed: row.failed,
                first_at: Timestamp(row.first_at),
                last_at: Timestamp(row.last_at),
            })
        };
        rows.into_iter().map(version).collect()
    }
}
