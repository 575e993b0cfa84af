//! Outages of providers, shared by all nodes. Only changes are written, and none that is older than what stands.

use super::{Store, StoreError, sql};
use crate::model::{ids::ProviderId, outage::Outage, time::Timestamp};

type Row = (String, i64, Option<i64>, i64);

impl Store {
    /// The last outage of each provider that had one.
    pub async fn outages(&self) -> Result<Vec<Outage>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            Row,
            "SELECT provider, began_at, ended_at, held_at FROM provider_outages ORDER BY provider"
        )?;
        let read = |(provider, began, ended, held): Row| {
            Some(Outage {
                provider: provider.parse().ok()?,
                began_at: Timestamp(began),
                ended_at: ended.map(Timestamp),
                held_at: Timestamp(held),
            })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Notes that an outage has begun, unless one goes on, or one ended after this began (`false`): whoever saw that
    /// was late.
    pub async fn begin_outage(&self, outage: &Outage, scout_at: Timestamp) -> Result<bool, StoreError> {
        let written = sql::execute!(
            self.writer(),
            "INSERT INTO provider_outages (provider, began_at, ended_at, held_at, scout_at)
             VALUES ($1, $2, NULL, $3, $4)
             ON CONFLICT (provider) DO UPDATE SET began_at = excluded.began_at, ended_at = NULL,
                held_at = excluded.held_at, scout_at = excluded.scout_at
             WHERE provider_outages.ended_at <= excluded.began_at",
            outage.provider.as_str(),
            outage.began_at.0,
            outage.held_at.0,
            scout_at.0
        )?;
        Ok(written > 0)
    }

    /// Notes that the provider answered somebody who asked at `asked_at`, which ends an outage that had begun by then;
    /// also one that began later than now, before the clock was set back.
    pub async fn end_outage(
        &self,
        provider: &ProviderId,
        asked_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let written = sql::execute!(
            self.writer(),
            "UPDATE provider_outages SET ended_at = $2
             WHERE provider = $1 AND ended_at IS NULL AND (began_at <= $3 OR began_at > $2)",
            provider.as_str(),
            now.0,
            asked_at.0
        )?;
        Ok(written > 0)
    }

    /// Takes the turn to find out whether an outage is over; the next is at `next`. Of several nodes one gets it.
    pub async fn take_scout(
        &self,
        provider: &ProviderId,
        now: Timestamp,
        next: Timestamp,
    ) -> Result<bool, StoreError> {
        let taken = sql::execute!(
            self.writer(),
            "UPDATE provider_outages SET scout_at = $3
             WHERE provider = $1 AND ended_at IS NULL AND (scout_at <= $2 OR scout_at > $3)",
            provider.as_str(),
            now.0,
            next.0
        )?;
        Ok(taken > 0)
    }
}
