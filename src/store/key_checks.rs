//! What checks of stored credentials leave.

use sqlx::types::Json;

use super::{
    CheckResult, KeyRow, SecurityEvent, Store, StoreError, audit,
    keys::tell,
    notices::{self, Standing},
    quotas, sql,
};
use crate::{
    model::{status::Reason, time::Timestamp},
    vault::AuditKey,
};

impl Store {
    /// Writes a check's result, unless the row has changed since it was read (`false`): then a newer
    /// answer, or a newer credential, stands.
    pub async fn record_check(
        &self,
        key: &KeyRow,
        result: &CheckResult,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let written = sql::tx_execute!(
            &mut tx,
            "UPDATE user_api_keys SET status = $1, status_reason = $2, last_result = $3, undecryptable = $4,
                is_active = $5, last_validated = $6, next_check_at = $7, due_since = $8, check_step = $9,
                metadata = $10, evidence = $11, not_before = $12, suspect = ($17 OR (suspect AND CAST($3 AS TEXT) IS NOT NULL)),
                revision = revision + 1, updated_at = $13
             WHERE id = $14 AND user_id = $15 AND revision = $16",
            result.status.code(),
            result.status_reason.map(Reason::code),
            result.last_result.map(Reason::code),
            false,
            result.status.is_accepted(),
            result.last_validated.map(|t| t.0),
            result.next_check_at.0,
            result.due_since.map(|t| t.0),
            result.check_step,
            Json(&result.metadata),
            result.evidence.as_ref().map(Json),
            result.not_before.map(|t| t.0),
            now.0,
            key.id.0,
            key.user.0,
            key.revision,
            result.suspect
        )?;
        if written == 0 {
            return Ok(false);
        }
        quotas::note(&mut tx, (key.user, key.id, key.credential_version), result, Some(key)).await?;
        if key.status != result.status {
            let change = format!("{} {} {}", key.provider, key.status, result.status);
            audit::append(
                &mut tx,
                audit_key,
                &SecurityEvent::new(key.user, "key.status_changed", change),
                now,
            )
            .await?;
        }
        if result.shows_on(key) {
            let whose = (key.user, &key.provider);
            let told = notices::follow(&mut tx, whose, &key.standing(), &result.standing(), now).await?;
            tell(&mut tx, whose, told, now).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Flags a row that this installation cannot open, and sets its next try. The row itself stays.
    pub async fn record_undecryptable(
        &self,
        key: &KeyRow,
        next_check_at: Timestamp,
        audit_key: &AuditKey,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let flagged = sql::tx_execute!(
            &mut tx,
            "UPDATE user_api_keys SET undecryptable = $1, next_check_at = $2, revision = revision + 1, updated_at = $3
             WHERE id = $4 AND user_id = $5 AND revision = $6",
            true,
            next_check_at.0,
            now.0,
            key.id.0,
            key.user.0,
            key.revision
        )?;
        if flagged > 0 && !key.undecryptable {
            let entry = SecurityEvent::new(key.user, "key.undecryptable", &key.provider);
            audit::append(&mut tx, audit_key, &entry, now).await?;
            let sealed = Standing::of((key.status, None), true, &key.metadata);
            let whose = (key.user, &key.provider);
            let told = notices::follow(&mut tx, whose, &key.standing(), &sealed, now).await?;
            tell(&mut tx, whose, told, now).await?;
        }
        tx.commit().await
    }
}
