//! Use cases of notices: the list, what its user wants to be told of, and where. What is told of a key is written by
//! `store`, in the transaction of the change, with a message to each of the user's places; `send` sends them.

mod channels;
mod mail;
mod message;
mod quiet;
mod rounds;
mod send;
mod sign;

use std::sync::Arc;

use crate::{
    account::{Limiter, internal},
    clock::Clock,
    keys::Keys,
    model::{
        error::{AppError, FieldError},
        ids::{NoticeId, UserId},
        notice::{
            ChannelState, MarkRead, NOTICES_SHOWN, NoticeKind, NoticeList, NoticeRules, NoticeView, words,
        },
    },
    providers::Outgoing,
    store::{NoticeRow, Store},
    vault::{AuditKey, Vault},
};

pub use mail::{MailError, Mailer};

/// Most notices that are marked at once, one by one.
const MARKED_MAX: usize = 100;

/// The use cases of notices.
pub struct Notices {
    store: Store,
    keys: Arc<Keys>,
    vault: Arc<Vault>,
    audit: Arc<AuditKey>,
    limiter: Limiter,
    clock: Arc<dyn Clock>,
    ways: Ways,
}

/// How messages leave.
#[derive(Debug)]
pub struct Ways {
    /// To addresses that users typed.
    pub outgoing: Outgoing,
    /// By e-mail, where the operator has a server for it.
    pub mailer: Option<Mailer>,
    /// The address of this installation, to which messages lead back.
    pub site: String,
}

impl Notices {
    /// The use cases over these rooms.
    pub fn new(
        store: Store,
        keys: Arc<Keys>,
        (vault, audit): (Arc<Vault>, Arc<AuditKey>),
        limiter: Limiter,
        clock: Arc<dyn Clock>,
        ways: Ways,
    ) -> Self {
        Self { store, keys, vault, audit, limiter, clock, ways }
    }

    /// A part of the user's notices, the latest first: those before `cursor`, or the first.
    pub async fn list(&self, user: UserId, cursor: Option<NoticeId>) -> Result<NoticeList, AppError> {
        let rows = self.store.notices(user, cursor, NOTICES_SHOWN + 1).await.map_err(|e| internal(&e))?;
        let shown = usize::try_from(NOTICES_SHOWN).unwrap_or(usize::MAX);
        let mut items: Vec<_> = rows.into_iter().map(|row| self.view_of(row)).collect();
        let more = items.len() > shown;
        items.truncate(shown);
        let next = items.last().map(|last| last.id).filter(|_| more);
        let mut given_up = self.store.channels(user).await.map_err(|e| internal(&e))?;
        given_up.retain(|place| place.state == ChannelState::Off);
        Ok(NoticeList { items, next, unread: self.unread(user).await?, given_up })
    }

    /// How many notices the user has not read.
    pub async fn unread(&self, user: UserId) -> Result<i64, AppError> {
        self.store.unread_notices(user).await.map_err(|e| internal(&e))
    }

    /// Marks notices as read.
    pub async fn mark_read(&self, user: UserId, which: &MarkRead) -> Result<(), AppError> {
        if which.ids.as_ref().is_some_and(|ids| ids.len() > MARKED_MAX) {
            return Err(AppError::field("ids", FieldError::TooLong));
        }
        let read = self.store.read_notices(user, which.ids.as_deref(), self.clock.now()).await;
        read.map_err(|e| internal(&e))
    }

    /// What the user wants to be told of.
    pub async fn rules(&self, user: UserId) -> Result<NoticeRules, AppError> {
        let (off, quiet) = self.store.silenced(user).await.map_err(|e| internal(&e))?;
        Ok(NoticeRules {
            on: NoticeKind::ALL.into_iter().filter(|kind| !off.contains(kind)).collect(),
            quiet,
        })
    }

    /// Changes what the user wants to be told of.
    pub async fn set_rules(&self, user: UserId, rules: &NoticeRules) -> Result<NoticeRules, AppError> {
        let off: Vec<_> = NoticeKind::ALL.into_iter().filter(|kind| !rules.on.contains(kind)).collect();
        if let Some(quiet) = &rules.quiet {
            quiet::check(quiet)?;
        }
        self.store.silence(user, &off, rules.quiet.as_ref()).await.map_err(|e| internal(&e))?;
        self.rules(user).await
    }

    fn view_of(&self, row: NoticeRow) -> NoticeView {
        let name = self.keys.provider_name(&row.provider);
        let words = words(row.kind, &name, row.reason, row.detail.as_deref());
        NoticeView {
            id: row.id,
            kind: row.kind,
            title: words.title,
            text: words.text,
            fix: row.kind.page(&row.provider),
            provider: row.provider,
            opened_at: row.opened_at,
            resolved_at: row.resolved_at,
            times: row.times,
            read: row.read_at.is_some(),
        }
    }
}
