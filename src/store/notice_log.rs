//! What messages tell, and the log of those that were sent or are to be sent.

use sqlx::FromRow;
use uuid::Uuid;

use super::{Store, StoreError, TakenMessage, sql};
use crate::model::{
    ids::{ChannelId, MessageId, NoticeId, ProviderId, UserId},
    notice::{DeliveryFault, MessageEvent, MessageState, MessageView, NoticeKind},
    status::Reason,
    time::Timestamp,
};

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

pub(super) fn event(code: &str) -> Result<MessageEvent, StoreError> {
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

impl Store {
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
