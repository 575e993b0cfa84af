//! What users are told of their changes: numbered one by one for each user, in the order of the commits.

use sqlx::FromRow;

use super::{Store, StoreError, Tx, TxOn, sql};
use crate::model::{
    event::{Change, Event, Topic},
    ids::UserId,
    time::Timestamp,
};

/// Where a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Everything after this number follows.
    After(i64),
    /// What was asked for is not known any more; everything after this number follows.
    Lost(i64),
}

#[derive(FromRow)]
struct Row {
    seq: i64,
    topic: String,
    subject: String,
}

impl TryFrom<Row> for Event {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let topic = Topic::from_code(&row.topic).ok_or(StoreError::UnknownWord { column: "topic" })?;
        Ok(Self { seq: row.seq, topic, subject: row.subject })
    }
}

/// Appends an event, in the transaction of the change it tells of. Must be its last statement: the row of
/// the user's last number stays locked until the commit. That keeps the numbers in the order of the commits,
/// so that whoever has read up to a number never misses a smaller one, and what is locked last is never held
/// while waiting for something else.
pub(super) async fn append(
    tx: &mut Tx,
    user: UserId,
    change: Change<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    macro_rules! raise_head {
        () => {
            "INSERT INTO user_event_heads (user_id, seq, at) VALUES ($1, 1, $2)
             ON CONFLICT (user_id) DO UPDATE SET seq = user_event_heads.seq + 1, at = excluded.at RETURNING seq"
        };
    }
    let (topic, subject) = (change.topic().code(), change.subject());
    match &mut tx.on {
        TxOn::Sqlite(tx) => {
            let (seq,): (i64,) =
                sqlx::query_as(raise_head!()).bind(user.0).bind(now.0).fetch_one(&mut **tx).await?;
            sqlx::query(
                "INSERT INTO user_events (user_id, seq, topic, subject, at) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(user.0)
            .bind(seq)
            .bind(topic)
            .bind(subject)
            .bind(now.0)
            .execute(&mut **tx)
            .await?;
        }
        TxOn::Postgres(tx) => {
            // One round trip for both.
            sqlx::query(concat!(
                "WITH head AS (",
                raise_head!(),
                ") INSERT INTO user_events (user_id, seq, topic, subject, at) SELECT $1, seq, $3, $4, $2 FROM head"
            ))
            .bind(user.0)
            .bind(now.0)
            .bind(topic)
            .bind(subject)
            .execute(&mut **tx)
            .await?;
        }
    }
    tx.told = true;
    Ok(())
}

impl Store {
    /// Waits until an event was committed by this process, since the last time somebody waited.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// The owner's events after the number `after`, in order.
    pub async fn events(&self, user: UserId, after: i64, limit: i64) -> Result<Vec<Event>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            Row,
            "SELECT seq, topic, subject FROM user_events WHERE user_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            user.0,
            after,
            limit
        )?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Where a stream begins that has read up to `after`; one that has read nothing begins at the end.
    pub async fn event_position(&self, user: UserId, after: Option<i64>) -> Result<Position, StoreError> {
        let known = sql::fetch_optional!(
            self.reader(),
            (i64, Option<i64>),
            "SELECT seq, (SELECT MIN(seq) FROM user_events WHERE user_id = $1 AND seq > $2)
             FROM user_event_heads WHERE user_id = $1",
            user.0,
            after.unwrap_or_default()
        )?;
        let (head, next) = known.unwrap_or_default();
        Ok(match after {
            None => Position::After(head),
            Some(after) if after == head || next.is_some_and(|next| next == after.saturating_add(1)) => {
                Position::After(after)
            }
            Some(_) => Position::Lost(head),
        })
    }

    /// The number of the owner's last event before `since`: a page that is being put together may be older
    /// than an event that is not.
    pub async fn last_event_before(&self, user: UserId, since: Timestamp) -> Result<i64, StoreError> {
        let head = sql::fetch_optional!(
            self.reader(),
            (i64,),
            "SELECT seq - (SELECT COUNT(*) FROM user_events WHERE user_id = $1 AND at >= $2)
             FROM user_event_heads WHERE user_id = $1",
            user.0,
            since.0
        )?;
        Ok(head.map_or(0, |(seq,)| seq))
    }
}
