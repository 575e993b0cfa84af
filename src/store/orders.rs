//! Orders that name themselves, so that one which arrives twice counts once.

use uuid::Uuid;

use super::{StoreError, Tx, sql};
use crate::model::{ids::UserId, time::Timestamp};

/// What an order is recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// SHA-256 of its name.
    pub name: [u8; 32],
    /// SHA-256 of what is ordered.
    pub content: [u8; 32],
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was taken on.
    New,
    /// It had been taken on before, as this.
    Known(Uuid),
    /// Its name had been used for something else.
    Reused,
    /// Too much of the user's is waiting.
    Full,
}

/// What an order became before, if it did. The user's row must be locked, so that of two at once the second finds the
/// first.
pub(super) async fn recall(
    tx: &mut Tx,
    user: UserId,
    order: Option<&Order>,
) -> Result<Option<Taken>, StoreError> {
    let Some(Order { name, content }) = order else { return Ok(None) };
    let known = sql::tx_fetch_optional!(
        &mut *tx,
        (Vec<u8>, Uuid),
        "SELECT content, subject FROM orders WHERE user_id = $1 AND name = $2",
        user.0,
        &name[..]
    )?;
    Ok(known.map(|(known, subject)| if known == content { Taken::Known(subject) } else { Taken::Reused }))
}

/// Writes down what an order has become, in the transaction that takes it on.
pub(super) async fn note(
    tx: &mut Tx,
    user: UserId,
    order: Option<&Order>,
    subject: Uuid,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(Order { name, content }) = order else { return Ok(()) };
    sql::tx_execute!(
        &mut *tx,
        "INSERT INTO orders (user_id, name, content, subject, created_at) VALUES ($1, $2, $3, $4, $5)",
        user.0,
        &name[..],
        &content[..],
        subject,
        now.0
    )?;
    Ok(())
}
