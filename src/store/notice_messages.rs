//! Messages to the places where users are told of their notices. Each is written in the transaction of what it tells
//! of, and sent by whichever process takes it up.

use std::time::Duration;

use sqlx::FromRow;
use uuid::Uuid;

use super::{Db, Store, StoreError, Tx, events, notice_channels, notice_log, notices, sql};
use crate::model::{
    event::Change,
    ids::{ChannelId, MessageId, NoticeId, UserId},
    notice::{ChannelKind, DeliveryFault, MessageEvent, MessageState},
    time::Timestamp,
};

/// What is read by people waits for this long, so that what happens together is told together.
const GATHER: Duration = Duration::from_secs(30);
/// Messages about the same notice to the same place come at least this far apart, however often it comes and goes.
const APART: Duration = Duration::from_secs(600);
/// A place where nothing has arrived for this long is given up with the next message that has no attempt left.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5 * 86_400);
/// Most messages that are told together: as many as Slack and Teams take in one of theirs.
pub const TOGETHER_MAX: usize = 20;

/// A message that was taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenMessage {
    /// The message.
    pub id: MessageId,
    /// Whose.
    pub user: UserId,
    /// Where to.
    pub channel: ChannelId,
    /// The kind of that place.
    pub kind: ChannelKind,
    /// Whether the last message to it did not arrive.
    pub failing: bool,
    /// What it is about.
    pub event: MessageEvent,
    /// The fencing token: how often it was taken up.
    pub attempt: i64,
}

#[derive(FromRow)]
pub(super) struct TakenRow {
    id: Uuid,
    user_id: Uuid,
    channel_id: Uuid,
    kind: String,
    failing: bool,
    event: String,
    attempts: i64,
}

/// What is read of a message that is taken up.
macro_rules! taken {
    () => {
        "RETURNING id, user_id, channel_id, event, attempts,
            (SELECT c.kind FROM notice_channels c WHERE c.id = channel_id) AS kind,
            (SELECT c.failing_since IS NOT NULL FROM notice_channels c WHERE c.id = channel_id) AS failing"
    };
}
pub(super) use taken;

macro_rules! take_together {
    ($lock:literal) => {
        concat!(
            "UPDATE notice_messages SET attempts = attempts + 1, leased_until = $1
             WHERE id IN (SELECT id FROM notice_messages
                    WHERE user_id = $2 AND channel_id = $3 AND state = 'waiting' AND notice_id IS NOT NULL
                        AND due_at <= $4 AND (leased_until IS NULL OR leased_until <= $4)
                    ORDER BY id LIMIT $5 ",
            $lock,
            ") ",
            taken!()
        )
    };
}

impl TryFrom<TakenRow> for TakenMessage {
    type Error = StoreError;

    fn try_from(row: TakenRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: MessageId(row.id),
            user: UserId(row.user_id),
            channel: ChannelId(row.channel_id),
            kind: notice_channels::kind(&row.kind)?,
            failing: row.failing,
            event: notice_log::event(&row.event)?,
            attempt: row.attempts,
        })
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempted {
    /// The HTTP status, where one came.
    pub http_status: Option<u16>,
    /// Why it did not arrive; nothing when it did.
    pub fault: Option<DeliveryFault>,
    /// Whether it says something of the place.
    pub counts: bool,
}

/// What there is to tell of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// It began.
    Began,
    /// It is over, and perhaps the key is `well` altogether.
    Over { well: bool },
}

impl News {
    const fn event(self) -> MessageEvent {
        match self {
            Self::Began => MessageEvent::Opened,
            Self::Over { .. } => MessageEvent::Resolved,
        }
    }
}

#[derive(FromRow)]
struct PlaceRow {
    id: Uuid,
    kind: String,
    /// When the last message about the notice was written that was taken up to be sent there …
    told_at: Option<i64>,
    /// … and whether it has arrived, and told the same as is to be told now.
    knows: Option<bool>,
}

/// Writes a message to each of the user's places that something began, or is over, in the transaction of that, which
/// holds the lock of the user's notices. A place that heard what came before, and has not been sent the contrary yet,
/// hears nothing: what it knows is right again. That something is over is told to programs in any case, and to people
/// only where the key is well altogether.
pub(super) async fn queue(
    tx: &mut Tx,
    user: UserId,
    notice: NoticeId,
    news: News,
    now: Timestamp,
) -> Result<(), StoreError> {
    let dropped = sql::tx_fetch_all!(
        &mut *tx,
        (Uuid, i64),
        "UPDATE notice_messages SET state = 'dropped', ended_at = $1, leased_until = NULL
         WHERE user_id = $2 AND notice_id = $3 AND state = 'waiting' RETURNING channel_id, attempts",
        now.0,
        user.0,
        notice.0
    )?;
    let places = sql::tx_fetch_all!(
        &mut *tx,
        PlaceRow,
        "SELECT c.id, c.kind,
            (SELECT MAX(m.created_at) FROM notice_messages m
             WHERE m.channel_id = c.id AND m.notice_id = $2 AND m.attempts > 0) AS told_at,
            (SELECT m.state = 'sent' AND m.event = $3 FROM notice_messages m
             WHERE m.channel_id = c.id AND m.notice_id = $2 AND m.attempts > 0
             ORDER BY m.created_at DESC, m.id DESC LIMIT 1) AS knows
         FROM notice_channels c
         WHERE c.user_id = $1 AND c.confirmed_at IS NOT NULL AND c.disabled_at IS NULL",
        user.0,
        notice.0,
        news.event().code()
    )?;
    for place in places {
        let kind = notice_channels::kind(&place.kind)?;
        let unsent = dropped.iter().any(|(channel, attempts)| *channel == place.id && *attempts == 0);
        // Whether one that was tried and dropped has arrived, nobody knows.
        let knows = place.knows.unwrap_or(true);
        let skip = match news {
            News::Began => false,
            News::Over { well } => place.told_at.is_none() || !well && kind.is_read_by_people(),
        };
        if unsent && knows || skip {
            continue;
        }
        let soonest = if kind.is_read_by_people() { now.plus(GATHER) } else { now };
        let due = place.told_at.map_or(soonest, |told| soonest.max(Timestamp(told).plus(APART)));
        insert(tx, user, (ChannelId(place.id), Some(notice)), news.event(), (now, due)).await?;
    }
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    user: UserId,
    (channel, notice): (ChannelId, Option<NoticeId>),
    event: MessageEvent,
    (now, due): (Timestamp, Timestamp),
) -> Result<MessageId, StoreError> {
    let id = MessageId::generate();
    sql::tx_execute!(
        &mut *tx,
        "INSERT INTO notice_messages (id, user_id, channel_id, notice_id, event, state, attempts, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $6, $7)",
        id.0,
        user.0,
        channel.0,
        notice.map(|notice| notice.0),
        event.code(),
        due.0,
        now.0
    )?;
    Ok(id)
}

impl Store {
    /// Writes a message that shows whether messages arrive, taken up already; nothing when the user has no such place, or
    /// none that is confirmed.
    pub async fn queue_test(
        &self,
        user: UserId,
        channel: ChannelId,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Option<TakenMessage>, StoreError> {
        let mut tx = self.begin().await?;
        notices::lock(&mut tx, user).await?;
        let there = sql::tx_fetch_optional!(
            &mut tx,
            (Uuid,),
            "SELECT id FROM notice_channels WHERE user_id = $1 AND id = $2 AND confirmed_at IS NOT NULL",
            user.0,
            channel.0
        )?;
        if there.is_none() {
            return Ok(None);
        }
        let id = insert(&mut tx, user, (channel, None), MessageEvent::Test, (now, now)).await?;
        let taken = sql::tx_fetch_optional!(
            &mut tx,
            TakenRow,
            concat!(
                "UPDATE notice_messages SET attempts = 1, leased_until = $1 WHERE user_id = $2 AND id = $3 ",
                taken!()
            ),
            now.plus(lease).0,
            user.0,
            id.0
        )?;
        tx.commit().await?;
        taken.map(TryInto::try_into).transpose()
    }

    /// Takes up all else that is due for the same place, to be told together with `first`.
    pub async fn take_together(
        &self,
        first: TakenMessage,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<TakenMessage>, StoreError> {
        macro_rules! take {
            ($pool:expr, $lock:literal) => {
                sqlx::query_as::<_, TakenRow>(take_together!($lock))
                    .bind(now.plus(lease).0)
                    .bind(first.user.0)
                    .bind(first.channel.0)
                    .bind(now.0)
                    .bind(i64::try_from(TOGETHER_MAX - 1).unwrap_or_default())
                    .fetch_all($pool)
                    .await?
            };
        }
        let rows = match &self.db {
            Db::Sqlite { write, .. } => take!(write, ""),
            Db::Postgres(pool) => take!(pool, "FOR UPDATE SKIP LOCKED"),
        };
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Puts messages back that were taken up, until `until`, as if they had not been.
    pub async fn postpone_messages(
        &self,
        taken: &[TakenMessage],
        until: Timestamp,
    ) -> Result<(), StoreError> {
        for message in taken {
            sql::execute!(
                self.writer(),
                "UPDATE notice_messages SET due_at = $1, leased_until = NULL, attempts = attempts - 1
                 WHERE user_id = $2 AND id = $3 AND attempts = $4 AND state = 'waiting'",
                until.0,
                message.user.0,
                message.id.0,
                message.attempt
            )?;
        }
        Ok(())
    }

    /// Writes how an attempt to send messages ended, each unless somebody else has taken it up meanwhile, with when it
    /// is tried again, if it is. What arrived has arrived, even where it was dropped meanwhile. A place that wants
    /// nothing more, or where nothing has arrived for days until a message has no attempt left, is given up with all
    /// that waits for it.
    pub async fn finish_messages(
        &self,
        taken: &[(TakenMessage, Option<Timestamp>)],
        end: &Attempted,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some((first, _)) = taken.first() else { return Ok(()) };
        let mut tx = self.begin().await?;
        notices::lock(&mut tx, first.user).await?;
        let arrived = end.fault.is_none();
        let mut written = 0;
        for (message, again_at) in taken {
            let state = match again_at {
                _ if arrived => MessageState::Sent,
                Some(_) => MessageState::Waiting,
                None => MessageState::Failed,
            };
            written += sql::tx_execute!(
                &mut tx,
                "UPDATE notice_messages SET state = $1, leased_until = NULL, due_at = COALESCE($2, due_at),
                    http_status = $3, fault = $4, ended_at = $5
                 WHERE user_id = $6 AND id = $7 AND attempts = $8 AND (state = 'waiting' OR $9 = 1)",
                state.code(),
                again_at.filter(|_| !arrived).map(|at| at.0),
                end.http_status.map(i64::from),
                end.fault.map(DeliveryFault::code),
                (state != MessageState::Waiting).then_some(now.0),
                message.user.0,
                message.id.0,
                message.attempt,
                i64::from(arrived)
            )?;
        }
        if written == 0 {
            tracing::warn!(channel = %first.channel, "fenced: a message was taken up by somebody else, or dropped, meanwhile");
            return Ok(());
        }
        if !end.counts {
            return tx.commit().await;
        }
        let gone = end.fault == Some(DeliveryFault::Gone);
        let last = taken.iter().any(|(_, again_at)| again_at.is_none());
        let place = sql::tx_fetch_optional!(
            &mut tx,
            (Option<i64>,),
            "UPDATE notice_channels
             SET disabled_at = CASE WHEN $1 = 0 THEN disabled_at
                    WHEN $2 = 1 OR ($3 = 1 AND failing_since <= $4) THEN COALESCE(disabled_at, $5) ELSE disabled_at END,
                failing_since = CASE WHEN $1 = 0 THEN NULL ELSE COALESCE(failing_since, $5) END
             WHERE user_id = $6 AND id = $7 RETURNING disabled_at",
            i64::from(!arrived),
            i64::from(gone),
            i64::from(last),
            now.minus(GIVEN_UP_AFTER).0,
            now.0,
            first.user.0,
            first.channel.0
        )?;
        if place == Some((Some(now.0),)) {
            sql::tx_execute!(
                &mut tx,
                "UPDATE notice_messages SET state = 'failed', ended_at = $1, leased_until = NULL
                 WHERE user_id = $2 AND channel_id = $3 AND state = 'waiting'",
                now.0,
                first.user.0,
                first.channel.0
            )?;
            events::append(&mut tx, first.user, Change::Notices, now).await?;
        }
        tx.commit().await
    }
}
