//! Wrapped data encryption keys, one row per owner and version.

use sqlx::FromRow;
use uuid::Uuid;

use super::{Store, StoreError, sql};
use crate::{
    model::{ids::DekId, time::Timestamp},
    vault::{KekId, WrappedDek},
};

#[derive(FromRow)]
pub(super) struct DekRow {
    pub(super) dek_id: Uuid,
    pub(super) dek_version: i64,
    pub(super) dek_kek_id: String,
    pub(super) dek_wrapped: Vec<u8>,
}

impl DekRow {
    pub(super) fn into_dek(self) -> Result<WrappedDek, StoreError> {
        Ok(WrappedDek {
            id: DekId(self.dek_id),
            version: self.dek_version,
            kek_id: kek_id(&self.dek_kek_id)?,
            blob: self.dek_wrapped,
        })
    }
}

/// Reads a KEK's fingerprint from its column.
pub(super) fn kek_id(text: &str) -> Result<KekId, StoreError> {
    text.parse().map_err(|_| StoreError::UnknownWord { column: "kek_id" })
}

impl Store {
    /// The owner's newest DEK. Looks through the writer, so that a DEK just made is seen.
    pub async fn current_dek(&self, owner: &str) -> Result<Option<WrappedDek>, StoreError> {
        sql::fetch_optional!(
            self.writer(),
            DekRow,
            "SELECT id AS dek_id, version AS dek_version, kek_id AS dek_kek_id, wrapped AS dek_wrapped
             FROM deks WHERE owner = $1 ORDER BY version DESC LIMIT 1",
            owner
        )?
        .map(DekRow::into_dek)
        .transpose()
    }

    /// Stores the owner's DEK unless this version exists; answers the one that counts. Two first
    /// stores at once thus end with one DEK.
    pub async fn insert_dek(
        &self,
        owner: &str,
        dek: &WrappedDek,
        now: Timestamp,
    ) -> Result<WrappedDek, StoreError> {
        sql::execute!(
            self.writer(),
            "INSERT INTO deks (id, owner, version, kek_id, wrapped, created_at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (owner, version) DO NOTHING",
            dek.id.0,
            owner,
            dek.version,
            dek.kek_id.to_string(),
            &dek.blob,
            now.0
        )?;
        let current = self.current_dek(owner).await?;
        current.ok_or(StoreError::Database(sqlx::Error::RowNotFound))
    }

    /// The fingerprints of the KEKs that wrap DEKs now.
    pub async fn kek_ids_in_use(&self) -> Result<Vec<KekId>, StoreError> {
        let rows = sql::fetch_all!(self.reader(), (String,), "SELECT DISTINCT kek_id FROM deks")?;
        rows.iter().map(|(id,)| kek_id(id)).collect()
    }
}
