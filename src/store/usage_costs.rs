//! What providers charged for calls, each of which costs once.

use sqlx::FromRow;

use super::{Store, StoreError, Tx, sql};
use crate::model::{
    ids::{CallId, UserId},
    money::Amount,
    time::Timestamp,
    usage::HOUR_US,
};

/// What calls of one kind cost together, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CostRow {
    /// The provider.
    pub provider: String,
    /// The service.
    pub service: String,
    /// The operation's name in the catalogue.
    pub operation: String,
    /// The currency.
    pub currency: String,
    /// How many have a price.
    pub calls: i64,
    /// The sum's whole units …
    pub whole: i64,
    /// … and billionths.
    pub billionths: i64,
}

impl Store {
    /// What the owner has paid for what was ordered in this time, with keys of their own.
    pub async fn usage_costs(
        &self,
        user: UserId,
        begins: Timestamp,
        ends: Timestamp,
    ) -> Result<Vec<CostRow>, StoreError> {
        Ok(sql::fetch_all!(
            self.reader(),
            CostRow,
            "SELECT provider, service, operation, currency, COUNT(*) AS calls,
                CAST(SUM(whole) AS BIGINT) AS whole, CAST(SUM(billionths) AS BIGINT) AS billionths
             FROM usage_costs WHERE user_id = $1 AND hour >= $2 AND hour < $3 AND key_source = 'user'
             GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
            user.0,
            begins.0,
            ends.0
        )?)
    }
}

/// Counts what a telephone call cost, in the hour in which it was ordered at Twilio.
pub(super) async fn note_call(
    tx: &mut Tx,
    user: UserId,
    id: CallId,
    amount: Amount,
    currency: &str,
) -> Result<(), StoreError> {
    sql::tx_execute!(
        &mut *tx,
        "INSERT INTO usage_costs (user_id, subject, hour, provider, service, operation, key_source, currency, whole,
                                  billionths)
         SELECT user_id, id, COALESCE(sent_at, created_at) / $1 * $1, 'twilio', 'calling', 'create_call',
            CASE WHEN key_id IS NULL THEN 'platform' ELSE 'user' END, $2, $3, $4
         FROM calls WHERE user_id = $5 AND id = $6
         ON CONFLICT (user_id, subject) DO NOTHING",
        HOUR_US,
        currency,
        amount.whole,
        amount.billionths,
        user.0,
        id.0
    )?;
    Ok(())
}
