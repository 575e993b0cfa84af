//! What the installation knows of itself.

use sqlx::FromRow;
use uuid::Uuid;

use super::{Db, Store, StoreError, deks::kek_id, sql};
use crate::{model::time::Timestamp, vault::KekId};

/// The installation's own row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installation {
    /// The database belongs to a demonstration and holds no real keys.
    pub demo: bool,
    /// When checking was last switched on again after it had been off.
    pub checking_on_since: Option<Timestamp>,
}

/// A secret of the installation, sealed under the instance's DEK.
#[derive(Debug, Clone, FromRow)]
pub struct InstanceSecret {
    /// The DEK that sealed it.
    pub dek_id: Uuid,
    /// The envelope.
    pub sealed: Vec<u8>,
}

impl Store {
    /// Whether this database has never been started.
    pub async fn is_new(&self) -> Result<bool, StoreError> {
        let (tables,): (i64,) = match &self.db {
            Db::Sqlite { read, .. } => {
                let query = sqlx::query_as(
                    "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'kek_checks'",
                );
                sql::read!(read, fetch_one, query)?
            }
            Db::Postgres(pool) => {
                sqlx::query_as(
                    "SELECT COUNT(*) FROM information_schema.tables
                     WHERE table_schema = current_schema() AND table_name = 'kek_checks'",
                )
                .fetch_one(pool)
                .await?
            }
        };
        Ok(tables == 0)
    }

    /// The installation, if this database was started before.
    pub async fn installation(&self) -> Result<Option<Installation>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            (bool, Option<i64>),
            "SELECT demo, checking_on_since FROM installation WHERE id = 1"
        )?;
        Ok(row.map(|(demo, since)| Installation { demo, checking_on_since: since.map(Timestamp) }))
    }

    /// Notes the settings this start has, and when checking was switched on again.
    pub async fn note_start(
        &self,
        demo: bool,
        checking: bool,
        now: Timestamp,
    ) -> Result<Installation, StoreError> {
        let (demo, since) = sql::fetch_one!(
            self.writer(),
            (bool, Option<i64>),
            "INSERT INTO installation (id, demo, checking, created_at) VALUES (1, $1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET
                checking_on_since = CASE WHEN excluded.checking AND NOT installation.checking THEN $3
                                         ELSE installation.checking_on_since END,
                checking = excluded.checking
             RETURNING demo, checking_on_since",
            demo,
            checking,
            now.0
        )?;
        Ok(Installation { demo, checking_on_since: since.map(Timestamp) })
    }

    /// The KEK fingerprints this database was used with, each with its sealed constant.
    pub async fn kek_checks(&self) -> Result<Vec<(KekId, Vec<u8>)>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            (String, Vec<u8>),
            "SELECT kek_id, sealed FROM kek_checks ORDER BY created_at"
        )?;
        rows.into_iter().map(|(id, sealed)| Ok((kek_id(&id)?, sealed))).collect()
    }

    /// Remembers a KEK by its fingerprint.
    pub async fn add_kek_check(
        &self,
        kek_id: KekId,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql::execute!(
            self.writer(),
            "INSERT INTO kek_checks (kek_id, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT (kek_id) DO NOTHING",
            kek_id.to_string(),
            sealed,
            now.0
        )?;
        Ok(())
    }

    /// A sealed secret of the installation.
    pub async fn instance_secret(&self, name: &str) -> Result<Option<InstanceSecret>, StoreError> {
        Ok(sql::fetch_optional!(
            self.reader(),
            InstanceSecret,
            "SELECT dek_id, sealed FROM instance_secrets WHERE name = $1",
            name
        )?)
    }

    /// Stores a sealed secret of the installation unless it has one of this name; answers the one it has.
    pub async fn insert_instance_secret(
        &self,
        name: &str,
        secret: &InstanceSecret,
        now: Timestamp,
    ) -> Result<InstanceSecret, StoreError> {
        sql::execute!(
            self.writer(),
            "INSERT INTO instance_secrets (name, dek_id, sealed, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO NOTHING",
            name,
            secret.dek_id,
            &secret.sealed,
            now.0
        )?;
        Ok(sql::fetch_one!(
            self.writer(),
            InstanceSecret,
            "SELECT dek_id, sealed FROM instance_secrets WHERE name = $1",
            name
        )?)
    }
}
