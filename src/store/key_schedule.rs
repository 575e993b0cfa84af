//! When stored credentials are checked. Whatever a check under way could not know of raises the row's revision, which
//! fences its answer off: the key is asked about again when its claim is over.

use super::{KeyRow, Store, StoreError, events, sql};
use crate::model::{
    check::LEASE,
    event::Change,
    ids::{KeyId, UserId},
    schedule::Every,
    time::Timestamp,
};

impl Store {
    /// Writes down how often the owner wants a credential checked, and with it when its next check is due, unless one
    /// is under way or waited for.
    pub async fn schedule_key(
        &self,
        key: &KeyRow,
        every: Option<Every>,
        next_check_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let written = sql::tx_execute!(
            &mut tx,
            "UPDATE user_api_keys SET check_every = $1, revision = revision + 1,
                next_check_at = CASE WHEN revision <> $2 OR due_since IS NOT NULL OR suspect THEN next_check_at
                    WHEN not_before > $3 THEN not_before ELSE $3 END
             WHERE id = $4 AND user_id = $5",
            every.map(Every::code),
            key.revision,
            next_check_at.0,
            key.id.0,
            key.user.0
        )?;
        if written > 0 {
            events::append(&mut tx, key.user, Change::Key(&key.provider), now).await?;
        }
        tx.commit().await
    }

    /// Puts off the next check of a credential that works in real use, unless the row has changed since it was read, or a
    /// check is under way or waited for.
    pub async fn put_off_check(&self, key: &KeyRow, next_check_at: Timestamp) -> Result<(), StoreError> {
        sql::execute!(
            self.writer(),
            "UPDATE user_api_keys SET next_check_at = $1
             WHERE id = $2 AND user_id = $3 AND revision = $4 AND due_since IS NULL AND NOT suspect
                AND next_check_at < $1",
            next_check_at.0,
            key.id.0,
            key.user.0,
            key.revision
        )?;
        Ok(())
    }

    /// Makes a credential due at once, after the provider refused it in real use; or as soon as the provider
    /// wants to be asked again. One that was refused as such, `suspect`, is believed to be bad by the next check that says
    /// so. A check that is about to come, or under way for this reason, is not called for again.
    pub async fn make_due(
        &self,
        user: UserId,
        key: KeyId,
        suspect: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql::execute!(
            self.writer(),
            "UPDATE user_api_keys SET suspect = (suspect OR $1),
                revision = CASE WHEN $1 AND NOT suspect THEN revision + 1 ELSE revision END,
                next_check_at = CASE WHEN next_check_at <= $2 THEN next_check_at
                    WHEN not_before > $2 THEN not_before ELSE $2 END
             WHERE id = $3 AND user_id = $4 AND (($1 AND NOT suspect)
                OR (next_check_at > $5 AND (not_before IS NULL OR next_check_at > not_before)))",
            suspect,
            now.0,
            key.0,
            user.0,
            now.plus(LEASE).0
        )?;
        Ok(())
    }

    /// Keeps checks of a credential back until `until`, after the provider asked in real use to be left alone.
    pub async fn hold_back(&self, user: UserId, key: KeyId, until: Timestamp) -> Result<(), StoreError> {
        sql::execute!(
            self.writer(),
            "UPDATE user_api_keys SET not_before = $1, revision = revision + 1,
                next_check_at = CASE WHEN next_check_at < $1 THEN $1 ELSE next_check_at END
             WHERE id = $2 AND user_id = $3 AND (not_before IS NULL OR not_before < $1)",
            until.0,
            key.0,
            user.0
        )?;
        Ok(())
    }
}
