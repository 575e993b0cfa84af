//! Stored credentials.

use serde_json::Value;
use sqlx::types::Json;

use super::{
    SecurityEvent, Store, StoreError, audit, events,
    key_rows::{KeyRow, NewKey, Replacement, Row, StateRow, WebhookCopy},
    notices::{self, Standing},
    quotas,
    scheduler::REPORTS_FOLLOW,
    sql,
};
use crate::{
    model::{
        access::CredentialState,
        event::Change,
        ids::{KeyId, ProviderId, UserId},
        status::Reason,
        time::Timestamp,
    },
    vault::{AuditKey, WrappedDek},
};

impl Store {
    /// All of the owner's credentials, by provider.
    pub async fn keys(&self, user: UserId) -> Result<Vec<KeyRow>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            Row,
            "SELECT k.*, d.version AS dek_version, d.kek_id AS dek_kek_id, d.wrapped AS dek_wrapped
             FROM user_api_keys k JOIN deks d ON d.id = k.dek_id
             WHERE k.user_id = $1 ORDER BY k.provider, k.slot",
            user.0
        )?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The owner's credential for a provider.
    pub async fn key(&self, user: UserId, provider: &ProviderId) -> Result<Option<KeyRow>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            Row,
            "SELECT k.*, d.version AS dek_version, d.kek_id AS dek_kek_id, d.wrapped AS dek_wrapped
             FROM user_api_keys k JOIN deks d ON d.id = k.dek_id
             WHERE k.user_id = $1 AND k.provider = $2 AND k.slot = 'default'",
            user.0,
            provider.as_str()
        )?;
        row.map(TryInto::try_into).transpose()
    }

    /// What the evaluator needs of the owner's credentials.
    pub async fn credential_states(&self, user: UserId) -> Result<Vec<CredentialState>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            StateRow,
            "SELECT provider, status, status_reason, undecryptable, metadata
             FROM user_api_keys WHERE user_id = $1 ORDER BY provider, slot",
            user.0
        )?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Stores a credential; [`StoreError::Duplicate`] when the owner has one for this provider.
    pub async fn insert_key(
        &self,
        key: &NewKey<'_>,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sql::tx_execute!(
            &mut tx,
            "INSERT INTO user_api_keys (id, user_id, provider, slot, encrypted_key, dek_id, config, metadata, hint,
                status, status_reason, last_result, undecryptable, is_active, last_validated, next_check_at,
                due_since, check_step, evidence, not_before, revision, credential_version, created_at, updated_at, stored_at)
             VALUES ($1, $2, $3, 'default', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 1, 1,
                $20, $20, $20)",
            key.id.0,
            key.user.0,
            key.provider.as_str(),
            key.encrypted_key,
            key.dek.id.0,
            Json(key.config),
            Json(&key.check.metadata),
            key.hint,
            key.check.status.code(),
            key.check.status_reason.map(Reason::code),
            key.check.last_result.map(Reason::code),
            false,
            key.check.status.is_accepted(),
            key.check.last_validated.map(|t| t.0),
            key.check.next_check_at.0,
            key.check.due_since.map(|t| t.0),
            key.check.check_step,
            key.check.evidence.as_ref().map(Json),
            key.check.not_before.map(|t| t.0),
            now.0
        )?;
        insert_webhook_copy(&mut tx, key.user, (key.id, 1, key.config), key.dek, key.webhook.as_ref())
            .await?;
        quotas::note(&mut tx, (key.user, key.id, 1), key.check, None).await?;
        let entry = SecurityEvent::new(key.user, "key.created", key.provider);
        audit::append(&mut tx, audit_key, &entry, now).await?;
        events::append(&mut tx, key.user, Change::Key(key.provider), now).await?;
        tx.commit().await
    }

    /// Puts a new credential in the place of a stored one, unless that one has changed meanwhile
    /// (`false`). The old one is kept, re-sealed, until its time is over.
    pub async fn replace_key(
        &self,
        new: &Replacement<'_>,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let old = new.old;
        let mut tx = self.begin().await?;
        let swapped = sql::tx_execute!(
            &mut tx,
            "UPDATE user_api_keys SET encrypted_key = $1, dek_id = $2, config = $3, metadata = $4, hint = $5,
                status = $6, status_reason = $7, last_result = $8, undecryptable = $9, is_active = $10,
                last_validated = $11, next_check_at = $12, due_since = $13, check_step = $14, evidence = $15,
                not_before = $16, suspect = FALSE, revision = revision + 1, credential_version = credential_version + 1,
                updated_at = $17, stored_at = $17
             WHERE id = $18 AND user_id = $19 AND credential_version = $20",
            new.encrypted_key,
            new.dek.id.0,
            Json(new.config),
            Json(&new.check.metadata),
            new.hint,
            new.check.status.code(),
            new.check.status_reason.map(Reason::code),
            new.check.last_result.map(Reason::code),
            false,
            new.check.status.is_accepted(),
            new.check.last_validated.map(|t| t.0),
            new.check.next_check_at.0,
            new.check.due_since.map(|t| t.0),
            new.check.check_step,
            new.check.evidence.as_ref().map(Json),
            new.check.not_before.map(|t| t.0),
            now.0,
            old.id.0,
            old.user.0,
            old.credential_version
        )?;
        if swapped == 0 {
            return Ok(false);
        }
        if let Some((id, sealed)) = &new.retired {
            sql::tx_execute!(
                &mut tx,
                "INSERT INTO retired_credentials (id, user_id, key_id, provider, slot, encrypted_key, dek_id, config,
                    hint, credential_version, retired_at, destroy_after)
                 VALUES ($1, $2, $3, $4, 'default', $5, $6, $7, $8, $9, $10, $11)",
                id,
                old.user.0,
                old.id.0,
                old.provider.as_str(),
                sealed,
                old.dek.id.0,
                Json(&old.config),
                &old.hint,
                old.credential_version,
                now.0,
                new.destroy_after.0
            )?;
        }
        sql::tx_execute!(
            &mut tx,
            "DELETE FROM webhook_secrets
             WHERE key_id = $1 AND user_id = $2 AND NOT EXISTS (
                SELECT 1 FROM calls c
                WHERE c.user_id = $2 AND c.key_id = $1 AND c.key_version = webhook_secrets.version
                    AND (c.ended_at IS NULL OR c.ended_at > $3))",
            old.id.0,
            old.user.0,
            now.minus(REPORTS_FOLLOW).0
        )?;
        let version = old.credential_version.saturating_add(1);
        let place = (old.id, version, new.config);
        insert_webhook_copy(&mut tx, old.user, place, new.dek, new.webhook.as_ref()).await?;
        quotas::note(&mut tx, (old.user, old.id, version), new.check, None).await?;
        let entry = SecurityEvent::new(old.user, "key.replaced", &old.provider);
        audit::append(&mut tx, audit_key, &entry, now).await?;
        let whose = (old.user, &old.provider);
        let before = Standing::told(&mut tx, whose).await?;
        let after = new.check.standing().known_from(&before);
        let told = notices::follow(&mut tx, whose, &before, &after, now).await?;
        tell(&mut tx, whose, told, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes the owner's credential for a provider with everything sealed beside it; `false` when
    /// there is none.
    pub async fn delete_key(
        &self,
        user: UserId,
        provider: &ProviderId,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let deleted = sql::tx_execute!(
            &mut tx,
            "DELETE FROM user_api_keys WHERE user_id = $1 AND provider = $2 AND slot = 'default'",
            user.0,
            provider.as_str()
        )?;
        if deleted == 0 {
            return Ok(false);
        }
        audit::append(&mut tx, audit_key, &SecurityEvent::new(user, "key.deleted", provider), now).await?;
        let whose = (user, provider);
        let before = Standing::told(&mut tx, whose).await?;
        let told = notices::follow(&mut tx, whose, &before, &Standing::default(), now).await?;
        tell(&mut tx, whose, told, now).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Says that a key stands otherwise, and perhaps that there is a notice of it. The last statements of a transaction.
pub(super) async fn tell(
    tx: &mut super::Tx,
    (user, provider): (UserId, &ProviderId),
    noticed: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    events::append(tx, user, Change::Key(provider), now).await?;
    if noticed {
        events::append(tx, user, Change::Notices, now).await?;
    }
    Ok(())
}

async fn insert_webhook_copy(
    tx: &mut super::Tx,
    user: UserId,
    (key, version, config): (KeyId, i64, &Value),
    dek: &WrappedDek,
    copy: Option<&WebhookCopy>,
) -> Result<(), StoreError> {
    if let Some(copy) = copy {
        sql::tx_execute!(
            &mut *tx,
            "INSERT INTO webhook_secrets (key_id, user_id, version, config, dek_id, sealed)
             VALUES ($1, $2, $3, $4, $5, $6)",
            key.0,
            user.0,
            version,
            Json(config),
            dek.id.0,
            &copy.sealed
        )?;
    }
    Ok(())
}
