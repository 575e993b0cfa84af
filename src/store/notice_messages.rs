//! Messages to the places where users are told of their notices. Each is written in the transaction of what it tells
//! of, and sent by whichever process takes it up.

use std::time::Duration;

use sqlx::FromRow;
use uuid::Uuid;

use super::{Store, StoreError, Tx, notice_channels, sql};
use crate::model::{
    ids::{ChannelId, MessageId, NoticeId, ProviderId, UserId},
    notice::{ChannelKind, DeliveryFault, MessageEvent, MessageState, MessageView, NoticeKind},
    status::Reason,
    time::Timestamp,
};

/// What is read by people waits for this long, so that what happens together is told together.
const GATHER: Duration = Duration::from_secs(30);
/// Messages about the same notice to the same place come at least this far apart, however often it comes and goes.
const APART: Duration = Duration::from_secs(600);
/// A place where nothing has arrived for this long is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5 * 86_400);
/// Most messages that are told together.
const TOGETHER_MAX: i64 = 50;

/// A message that was taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenMessage {
    /// The message.
    pub id: MessageId,
    /// Whose.
    pub user: UserId,
    /// Where to.
    pub channel: ChannelId,
    /// The fencing token: how often it was taken up.
    pub attempt: i64,
}

#[derive(FromRow)]
pub(super) struct TakenRow {
    id: Uuid,
    user_id: Uuid,
    channel_id: Uuid,
    attempts: i64,
}

impl From<TakenRow> for TakenMessage {
    fn from(row: TakenRow) -> Self {
        Self {
            id: MessageId(row.id),
            user: UserId(row.user_id),
            channel: ChannelId(row.channel_id),
            attempt: row.attempts,
        }
    }
}

/// What a message tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageContent {
    /// The message.
    pub id: MessageId,
    /// What it is about.
    pub event: MessageEvent,
    /// When that was.
    pub created_at: Timestamp,
    /// What it tells of; none in tests.
    pub notice: Option<ToldNotice>,
}

/// A notice as far as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldNotice {
    /// The notice.
    pub id: NoticeId,
    /// What it tells of.
    pub kind: NoticeKind,
    /// The provider whose key it is about.
    pub provider: ProviderId,
    /// Why it is so.
    pub reason: Option<Reason>,
    /// What was left of the allowance.
    pub detail: Option<String>,
    /// Since when.
    pub opened_at: Timestamp,
}

#[derive(FromRow)]
struct ContentRow {
    id: Uuid,
    event: String,
    created_at: i64,
    notice_id: Option<Uuid>,
    kind: Option<String>,
    provider: Option<String>,
    reason: Option<String>,
    detail: Option<String>,
    opened_at: Option<i64>,
}

impl TryFrom<ContentRow> for MessageContent {
    type Error = StoreError;

    fn try_from(row: ContentRow) -> Result<Self, StoreError> {
        let notice = match (row.notice_id, row.kind, row.provider) {
            (Some(id), Some(kind), Some(provider)) => Some(ToldNotice {
                id: NoticeId(id),
                kind: notice_kind(&kind)?,
                provider: provider.parse().map_err(|_| StoreError::UnknownWord { column: "provider" })?,
                reason: row.reason.as_deref().and_then(Reason::from_code),
                detail: row.detail,
                opened_at: Timestamp(row.opened_at.unwrap_or_default()),
            }),
            _ => None,
        };
        Ok(Self {
            id: MessageId(row.id),
            event: event(&row.event)?,
            created_at: Timestamp(row.created_at),
            notice,
        })
    }
}

fn notice_kind(code: &str) -> Result<NoticeKind, StoreError> {
    NoticeKind::from_code(code).ok_or(StoreError::UnknownWord { column: "kind" })
}

fn event(code: &str) -> Result<MessageEvent, StoreError> {
    MessageEvent::from_code(code).ok_or(StoreError::UnknownWord { column: "event" })
}

#[derive(FromRow)]
struct LogRow {
    id: Uuid,
    channel_id: Uuid,
    event: String,
    kind: Option<String>,
    state: String,
    attempts: i64,
    due_at: i64,
    http_status: Option<i64>,
    fault: Option<String>,
    created_at: i64,
}

impl TryFrom<LogRow> for MessageView {
    type Error = StoreError;

    fn try_from(row: LogRow) -> Result<Self, StoreError> {
        let state = MessageState::from_code(&row.state).ok_or(StoreError::UnknownWord { column: "state" })?;
        Ok(Self {
            id: MessageId(row.id),
            channel: ChannelId(row.channel_id),
            event: event(&row.event)?,
            kind: row.kind.as_deref().map(notice_kind).transpose()?,
            state,
            attempts: row.attempts,
            http_status: row.http_status.and_then(|status| status.try_into().ok()),
            fault: row.fault.as_deref().and_then(DeliveryFault::from_code),
            next_at: (state == MessageState::Waiting).then_some(Timestamp(row.due_at)),
            created_at: Timestamp(row.created_at),
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
    /// When to try again; nothing when it is not.
    pub again_at: Option<Timestamp>,
    /// Whether it says something of the place: a test does not.
    pub counts: bool,
}

#[derive(FromRow)]
struct PlaceRow {
    id: Uuid,
    kind: String,
    /// When the last message about the notice went there that was taken up.
    told_at: Option<i64>,
}

/// Writes a message to each of the user's places that something began, or is over, in the transaction of that. A place
/// that has not been told of the contrary yet hears nothing: what it knows is right again. That something is over is
/// told to programs in any case, and to people only where the key is `well` altogether.
pub(super) async fn queue(
    tx: &mut Tx,
    user: UserId,
    notice: NoticeId,
    (event, well): (MessageEvent, bool),
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
        "SELECT c.id, c.kind, (SELECT MAX(m.created_at) FROM notice_messages m
                WHERE m.channel_id = c.id AND m.notice_id = $2 AND m.attempts > 0) AS told_at
         FROM notice_channels c
         WHERE c.user_id = $1 AND c.confirmed_at IS NOT NULL AND c.disabled_at IS NULL",
        user.0,
        notice.0
    )?;
    for place in places {
        let knows = dropped.iter().any(|(channel, attempts)| *channel == place.id && *attempts == 0);
        let kind = notice_channels::kind(&place.kind)?;
        let over = event == MessageEvent::Resolved;
        if knows || over && (place.told_at.is_none() || !well && kind.is_read_by_people()) {
            continue;
        }
        let soonest = if kind.is_read_by_people() { now.plus(GATHER) } else { now };
        let due = place.told_at.map_or(soonest, |told| soonest.max(Timestamp(told).plus(APART)));
        insert(tx, user, (ChannelId(place.id), Some(notice)), event, (now, due)).await?;
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
        sql::tx_execute!(
            &mut tx,
            "UPDATE notice_messages SET attempts = 1, leased_until = $1 WHERE user_id = $2 AND id = $3",
            now.plus(lease).0,
            user.0,
            id.0
        )?;
        tx.commit().await?;
        Ok(Some(TakenMessage { id, user, channel, attempt: 1 }))
    }

    /// Takes up all else that is due for the same place, to be told together.
    pub async fn take_together(
        &self,
        first: TakenMessage,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<TakenMessage>, StoreError> {
        let rows = sql::fetch_all!(
            self.writer(),
            TakenRow,
            "UPDATE notice_messages SET attempts = attempts + 1, leased_until = $1
             WHERE id IN (SELECT id FROM notice_messages
                    WHERE user_id = $2 AND channel_id = $3 AND state = 'waiting' AND due_at <= $4
                        AND (leased_until IS NULL OR leased_until <= $4) ORDER BY id LIMIT $5)
             RETURNING id, user_id, channel_id, attempts",
            now.plus(lease).0,
            first.user.0,
            first.channel.0,
            now.0,
            TOGETHER_MAX
        )?;
        Ok(rows.into_iter().map(Into::into).collect())
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

    /// Where a message goes: the kind of the place, what is shown of it, and the user's e-mail address.
    pub async fn message_place(
        &self,
        taken: TakenMessage,
    ) -> Result<Option<(ChannelKind, String, String)>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            (String, String, String),
            "SELECT c.kind, c.label, u.email FROM notice_channels c JOIN users u ON u.id = c.user_id
             WHERE c.user_id = $1 AND c.id = $2",
            taken.user.0,
            taken.channel.0
        )?;
        row.map(|(kind, label, email)| Ok((notice_channels::kind(&kind)?, label, email))).transpose()
    }

    /// What a message tells; nothing when it is gone.
    pub async fn message_content(&self, taken: TakenMessage) -> Result<Option<MessageContent>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            ContentRow,
            "SELECT m.id, m.event, m.created_at, m.notice_id, n.kind, n.provider, n.reason, n.detail, n.opened_at
             FROM notice_messages m LEFT JOIN notices n ON n.id = m.notice_id
             WHERE m.user_id = $1 AND m.id = $2",
            taken.user.0,
            taken.id.0
        )?;
        row.map(TryInto::try_into).transpose()
    }

    /// Writes how an attempt to send messages ended, each unless somebody else has taken it up meanwhile. A place where
    /// nothing has arrived for days, or that wants nothing more, is given up with all that waits for it.
    pub async fn finish_messages(
        &self,
        taken: &[TakenMessage],
        end: &Attempted,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(first) = taken.first() else { return Ok(()) };
        let mut tx = self.begin().await?;
        let state = match end {
            Attempted { fault: None, .. } => MessageState::Sent,
            Attempted { again_at: Some(_), .. } => MessageState::Waiting,
            _ => MessageState::Failed,
        };
        let mut written = 0;
        for message in taken {
            written += sql::tx_execute!(
                &mut tx,
                "UPDATE notice_messages SET state = $1, leased_until = NULL, due_at = COALESCE($2, due_at),
                    http_status = $3, fault = $4, ended_at = $5
                 WHERE user_id = $6 AND id = $7 AND attempts = $8 AND state = 'waiting'",
                state.code(),
                end.again_at.map(|at| at.0),
                end.http_status.map(i64::from),
                end.fault.map(DeliveryFault::code),
                (state != MessageState::Waiting).then_some(now.0),
                message.user.0,
                message.id.0,
                message.attempt
            )?;
        }
        if written == 0 {
            tracing::warn!(channel = %first.channel, "fenced: a message was taken up by somebody else meanwhile");
            return Ok(());
        }
        if !end.counts {
            return tx.commit().await;
        }
        let gone = end.fault == Some(DeliveryFault::Gone);
        let given_up = sql::tx_fetch_optional!(
            &mut tx,
            (Option<i64>,),
            "UPDATE notice_channels
             SET disabled_at = CASE WHEN $1 = 0 THEN disabled_at
                    WHEN $2 = 1 OR failing_since <= $3 THEN COALESCE(disabled_at, $4) ELSE disabled_at END,
                failing_since = CASE WHEN $1 = 0 THEN NULL ELSE COALESCE(failing_since, $4) END
             WHERE user_id = $5 AND id = $6 RETURNING disabled_at",
            i64::from(end.fault.is_some()),
            i64::from(gone),
            now.minus(GIVEN_UP_AFTER).0,
            now.0,
            first.user.0,
            first.channel.0
        )?;
        if given_up.is_some_and(|(disabled,)| disabled.is_some()) {
            sql::tx_execute!(
                &mut tx,
                "UPDATE notice_messages SET state = 'dropped', ended_at = $1, leased_until = NULL
                 WHERE user_id = $2 AND channel_id = $3 AND state = 'waiting'",
                now.0,
                first.user.0,
                first.channel.0
            )?;
        }
        tx.commit().await
    }

    /// The messages to one of the user's places, the latest first, those before `before` if given.
    pub async fn messages(
        &self,
        user: UserId,
        channel: ChannelId,
        before: Option<MessageId>,
        limit: i64,
    ) -> Result<Vec<MessageView>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            LogRow,
            "SELECT m.id, m.channel_id, m.event, n.kind, m.state, m.attempts, m.due_at, m.http_status, m.fault, m.created_at
             FROM notice_messages m LEFT JOIN notices n ON n.id = m.notice_id
             WHERE m.user_id = $1 AND m.channel_id = $2 AND m.id < $3 ORDER BY m.id DESC LIMIT $4",
            user.0,
            channel.0,
            before.map_or(Uuid::max(), |id| id.0),
            limit
        )?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}
