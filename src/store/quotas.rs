//! What checks told of quotas over time.

use std::time::Duration;

use sqlx::FromRow;

use super::{CheckResult, KeyRow, Store, StoreError, Tx, sql};
use crate::model::{
    ids::{KeyId, ProviderId, UserId},
    key::Quota,
    quota::QuotaPoint,
    time::Timestamp,
};

/// A figure that has not changed is written down again after this long.
const UNCHANGED: Duration = Duration::from_secs(3600);

/// The quota of a stored credential over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaSeries {
    /// The provider.
    pub provider: ProviderId,
    /// What is counted.
    pub unit: String,
    /// What checks told of the present credential in this unit, the oldest first.
    pub points: Vec<QuotaPoint>,
}

#[derive(FromRow)]
struct Row {
    provider: String,
    at: i64,
    unit: String,
    used: i64,
    units_max: Option<i64>,
    resets_at: Option<i64>,
}

impl Store {
    /// What checks told since then of the quotas of the owner's credentials, and at least the last three figures of each:
    /// some are checked once a week.
    pub async fn quota_points(&self, user: UserId, since: Timestamp) -> Result<Vec<QuotaSeries>, StoreError> {
        // Key by key, in this order: SQLite would rather read all that was ever told.
        let rows = sql::fetch_all!(
            self.reader(),
            Row,
            "WITH known AS MATERIALIZED (
                SELECT k.id, k.provider, k.credential_version, COALESCE((
                    SELECT MIN(last.at) FROM (
                        SELECT at FROM quota_points told
                        WHERE told.user_id = $1 AND told.key_id = k.id AND told.version = k.credential_version
                        ORDER BY at DESC LIMIT 3) AS last), $2) AS third
                FROM user_api_keys k WHERE k.user_id = $1)
             SELECT known.provider, q.at, q.unit, q.used, q.units_max, q.resets_at
             FROM known CROSS JOIN quota_points q
             WHERE q.user_id = $1 AND q.key_id = known.id AND q.version = known.credential_version
                AND q.at >= CASE WHEN known.third < $2 THEN known.third ELSE $2 END
             ORDER BY known.provider, q.at",
            user.0,
            since.0
        )?;
        series(rows)
    }

    /// The same over a longer time, up to `ends`, with at most one figure, the last, in each `step`.
    pub async fn quota_points_by_step(
        &self,
        user: UserId,
        (begins, ends): (Timestamp, Timestamp),
        step: Duration,
    ) -> Result<Vec<QuotaSeries>, StoreError> {
        let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX).max(1);
        let rows = sql::fetch_all!(
            self.reader(),
            Row,
            "WITH RECURSIVE steps (begins) AS (
                SELECT CAST($2 AS BIGINT) UNION ALL SELECT begins + $3 FROM steps WHERE begins + $3 < $4),
             last AS MATERIALIZED (
                SELECT k.id, k.provider, k.credential_version, (
                    SELECT MAX(told.at) FROM quota_points told
                    WHERE told.user_id = $1 AND told.key_id = k.id AND told.version = k.credential_version
                        AND told.at >= steps.begins AND told.at < steps.begins + $3) AS at
                FROM user_api_keys k CROSS JOIN steps WHERE k.user_id = $1)
             SELECT last.provider, q.at, q.unit, q.used, q.units_max, q.resets_at
             FROM last CROSS JOIN quota_points q
             WHERE q.user_id = $1 AND q.key_id = last.id AND q.version = last.credential_version AND q.at = last.at
             ORDER BY last.provider, q.at",
            user.0,
            begins.0,
            step,
            ends.0
        )?;
        series(rows)
    }
}

/// Rows in the order of their providers, provider by provider.
fn series(rows: Vec<Row>) -> Result<Vec<QuotaSeries>, StoreError> {
    let mut all: Vec<QuotaSeries> = Vec::new();
    for row in rows {
        let point = QuotaPoint {
            at: Timestamp(row.at),
            used: row.used,
            limit: row.units_max,
            resets_at: row.resets_at.map(Timestamp),
        };
        match all.last_mut().filter(|series| series.provider.as_str() == row.provider) {
            Some(series) => {
                // A plan that counts something else begins anew.
                if series.unit != row.unit {
                    series.unit = row.unit;
                    series.points.clear();
                }
                series.points.push(point);
            }
            None => {
                let provider =
                    row.provider.parse().map_err(|_| StoreError::UnknownWord { column: "provider" })?;
                all.push(QuotaSeries { provider, unit: row.unit, points: vec![point] });
            }
        }
    }
    Ok(all)
}

/// Writes down what a check told of the quota, in the transaction that records it. `key` is the row as it was before;
/// none for a credential that is new.
pub(super) async fn note(
    tx: &mut Tx,
    (user, id, version): (UserId, KeyId, i64),
    check: &CheckResult,
    key: Option<&KeyRow>,
) -> Result<(), StoreError> {
    // After anything but a definite yes, what is known of the account is what was known before.
    let told_at = check.last_validated.filter(|_| check.status.is_accepted());
    let told_at = told_at.filter(|at| key.is_none_or(|key| key.last_validated != Some(*at)));
    let (Some(at), Some(quota)) = (told_at, &check.metadata.quota) else { return Ok(()) };
    let Some(used) = quota.used else { return Ok(()) };
    let figures = |quota: &Quota| (quota.used, quota.limit, quota.unit.clone());
    let before = key.and_then(|key| key.metadata.quota.as_ref());
    let is_new = before.is_none_or(|before| figures(before) != figures(quota));
    sql::tx_execute!(
        &mut *tx,
        "INSERT INTO quota_points (user_id, key_id, version, at, unit, used, units_max, resets_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8
         WHERE $9 OR NOT EXISTS (
            SELECT 1 FROM quota_points WHERE user_id = $1 AND key_id = $2 AND version = $3 AND at > $10 AND at <= $4)
         ON CONFLICT (user_id, key_id, version, at) DO NOTHING",
        user.0,
        id.0,
        version,
        at.0,
        quota.unit.as_str(),
        used,
        quota.limit,
        quota.resets_at.map(|at| at.0),
        is_new,
        at.minus(UNCHANGED).0
    )?;
    Ok(())
}
