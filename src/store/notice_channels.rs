//! Where users are told of their notices, besides the pages.

use sqlx::FromRow;
use uuid::Uuid;

use super::{SecurityEvent, Store, StoreError, audit, deks::DekRow, notices, searches::lock_user, sql};
use crate::{
    model::{
        ids::{ChannelId, UserId},
        notice::{CHANNELS_MAX, ChannelKind, ChannelState, ChannelView},
        time::Timestamp,
    },
    vault::{AuditKey, WrappedDek},
};

/// A place to be.
#[derive(Debug)]
pub struct NewChannel<'a> {
    /// The row, part of the sealing context.
    pub id: ChannelId,
    /// Whose.
    pub user: UserId,
    /// Its kind.
    pub kind: ChannelKind,
    /// What may be shown of its address.
    pub label: &'a str,
    /// Address and secrets, with the DEK that sealed them; none for e-mail.
    pub sealed: Option<(&'a WrappedDek, Vec<u8>)>,
    /// SHA-256 of the code that proves an e-mail address.
    pub confirm_hash: Option<[u8; 32]>,
}

/// A place with its address, sealed.
#[derive(Debug, Clone)]
pub struct SealedChannel {
    /// Its kind.
    pub kind: ChannelKind,
    /// What may be shown of the address.
    pub label: String,
    /// The envelope of type 05.
    pub envelope: Vec<u8>,
    /// The DEK that sealed it.
    pub dek: WrappedDek,
    /// Its version.
    pub version: i64,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    kind: String,
    label: String,
    rotating_until: Option<i64>,
    confirmed_at: Option<i64>,
    failing_since: Option<i64>,
    disabled_at: Option<i64>,
    created_at: i64,
}

impl TryFrom<Row> for ChannelView {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = match row {
            Row { confirmed_at: None, .. } => ChannelState::Unconfirmed,
            Row { disabled_at: Some(_), .. } => ChannelState::Off,
            Row { failing_since: Some(_), .. } => ChannelState::Failing,
            _ => ChannelState::Active,
        };
        Ok(Self {
            id: ChannelId(row.id),
            kind: kind(&row.kind)?,
            label: row.label,
            state,
            failing_since: row.failing_since.map(Timestamp),
            rotating_until: row.rotating_until.map(Timestamp),
            created_at: Timestamp(row.created_at),
        })
    }
}

#[derive(FromRow)]
struct SealedRow {
    kind: String,
    label: String,
    sealed: Vec<u8>,
    version: i64,
    #[sqlx(flatten)]
    dek: DekRow,
}

pub(super) fn kind(code: &str) -> Result<ChannelKind, StoreError> {
    ChannelKind::from_code(code).ok_or(StoreError::UnknownWord { column: "kind" })
}

impl Store {
    /// Adds a place; `false` when the user has as many as anybody may.
    pub async fn insert_channel(
        &self,
        new: &NewChannel<'_>,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        lock_user(&mut tx, new.user).await?;
        let count = sql::tx_fetch_optional!(
            &mut tx,
            (i64,),
            "SELECT COUNT(*) FROM notice_channels WHERE user_id = $1",
            new.user.0
        )?;
        if count.is_some_and(|(count,)| count >= CHANNELS_MAX) {
            return Ok(false);
        }
        sql::tx_execute!(
            &mut tx,
            "INSERT INTO notice_channels (id, user_id, kind, label, dek_id, sealed, version, confirm_hash, confirmed_at,
                created_at)
             VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9)",
            new.id.0,
            new.user.0,
            new.kind.code(),
            new.label,
            new.sealed.as_ref().map(|(dek, _)| dek.id.0),
            new.sealed.as_ref().map(|(_, sealed)| sealed.as_slice()),
            new.confirm_hash.as_ref().map(|hash| hash.as_slice()),
            new.confirm_hash.is_none().then_some(now.0),
            now.0
        )?;
        let entry =
            SecurityEvent::new(new.user, "channel.created", format!("{} {}", new.kind.code(), new.id));
        audit::append(&mut tx, audit_key, &entry, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The user's places, the first first.
    pub async fn channels(&self, user: UserId) -> Result<Vec<ChannelView>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            Row,
            "SELECT id, kind, label, rotating_until, confirmed_at, failing_since, disabled_at, created_at
             FROM notice_channels WHERE user_id = $1 ORDER BY id",
            user.0
        )?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// One of the user's places.
    pub async fn channel(&self, user: UserId, id: ChannelId) -> Result<Option<ChannelView>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            Row,
            "SELECT id, kind, label, rotating_until, confirmed_at, failing_since, disabled_at, created_at
             FROM notice_channels WHERE user_id = $1 AND id = $2",
            user.0,
            id.0
        )?;
        row.map(TryInto::try_into).transpose()
    }

    /// The sealed address of one of the user's places; none for e-mail.
    pub async fn sealed_channel(
        &self,
        user: UserId,
        id: ChannelId,
    ) -> Result<Option<SealedChannel>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            SealedRow,
            "SELECT c.kind, c.label, c.sealed, c.version,
                d.id AS dek_id, d.version AS dek_version, d.kek_id AS dek_kek_id, d.wrapped AS dek_wrapped
             FROM notice_channels c JOIN deks d ON d.id = c.dek_id WHERE c.user_id = $1 AND c.id = $2",
            user.0,
            id.0
        )?;
        row.map(|row| {
            Ok(SealedChannel {
                kind: kind(&row.kind)?,
                label: row.label,
                envelope: row.sealed,
                version: row.version,
                dek: row.dek.into_dek()?,
            })
        })
        .transpose()
    }

    /// Puts another secret in the place of the one of `version`; `false` when that is not the current one any more.
    pub async fn reseal_channel(
        &self,
        user: UserId,
        id: ChannelId,
        (version, dek, sealed): (i64, &WrappedDek, &[u8]),
        rotating_until: Timestamp,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let entry = SecurityEvent::new(user, "channel.secret_rotated", id);
        audit::append(&mut tx, audit_key, &entry, now).await?;
        let changed = sql::tx_execute!(
            &mut tx,
            "UPDATE notice_channels SET dek_id = $1, sealed = $2, version = version + 1, rotating_until = $3
             WHERE user_id = $4 AND id = $5 AND version = $6",
            dek.id.0,
            sealed,
            rotating_until.0,
            user.0,
            id.0,
            version
        )?;
        if changed == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Believes the e-mail address of the place for which this code was made; `false` when there is none.
    pub async fn confirm_channel(
        &self,
        user: UserId,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let confirmed = sql::execute!(
            self.writer(),
            "UPDATE notice_channels SET confirm_hash = NULL, confirmed_at = $1 WHERE user_id = $2 AND confirm_hash = $3",
            now.0,
            user.0,
            hash.as_slice()
        )?;
        Ok(confirmed > 0)
    }

    /// Sends to a place again that was given up; `false` when there is none.
    pub async fn enable_channel(&self, user: UserId, id: ChannelId) -> Result<bool, StoreError> {
        let enabled = sql::execute!(
            self.writer(),
            "UPDATE notice_channels SET failing_since = NULL, disabled_at = NULL WHERE user_id = $1 AND id = $2",
            user.0,
            id.0
        )?;
        Ok(enabled > 0)
    }

    /// Removes a place with its log; `false` when there is none.
    pub async fn delete_channel(
        &self,
        user: UserId,
        id: ChannelId,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let entry = SecurityEvent::new(user, "channel.deleted", id);
        audit::append(&mut tx, audit_key, &entry, now).await?;
        notices::lock(&mut tx, user).await?;
        let deleted = sql::tx_execute!(
            &mut tx,
            "DELETE FROM notice_channels WHERE user_id = $1 AND id = $2",
            user.0,
            id.0
        )?;
        if deleted == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }
}
