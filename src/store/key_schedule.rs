//! How often stored credentials are checked.

use super::{KeyRow, Store, StoreError, events, sql};
use crate::model::{event::Change, schedule::Every, time::Timestamp};

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
            "UPDATE user_api_keys SET check_every = $1,
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
}
