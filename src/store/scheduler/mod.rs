//! The statements that look across owners, because a scheduler must, or because a provider's report names a call and
//! not its owner. Nothing else in the room `store` reads or writes a user's data without the owner's id.

mod checks;
mod jobs;
mod notices;
mod sweep;

use uuid::Uuid;

use super::{Store, StoreError, sql};
use crate::model::{
    ids::{CallId, UserId},
    time::Timestamp,
};

pub(super) use self::sweep::REPORTS_FOLLOW;
pub use self::{jobs::Claiming, notices::HourOfUse};

impl Store {
    /// Whose call this is.
    pub async fn owner_of_call(&self, id: CallId) -> Result<Option<UserId>, StoreError> {
        let row =
            sql::fetch_optional!(self.reader(), (Uuid,), "SELECT user_id FROM calls WHERE id = $1", id.0)?;
        Ok(row.map(|(user,)| UserId(user)))
    }

    /// The users with events since `since`, each with the number of the last one.
    pub async fn event_heads(&self, since: Timestamp) -> Result<Vec<(UserId, i64)>, StoreError> {
        let heads = sql::fetch_all!(
            self.reader(),
            (Uuid, i64),
            "SELECT user_id, seq FROM user_event_heads WHERE at >= $1",
            since.0
        )?;
        Ok(heads.into_iter().map(|(user, seq)| (UserId(user), seq)).collect())
    }
}
