//! What users are told of.

use std::time::Duration;

use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use super::{
    Store, StoreError, Tx, TxOn, events,
    notice_messages::{News, queue},
    sql,
};
use crate::model::{
    event::Change,
    ids::{NoticeId, ProviderId, UserId},
    key::KeyMetadata,
    notice::{NoticeKind, Quiet, conditions},
    status::{KeyStatus, Reason},
    time::Timestamp,
};

/// A notice that comes back this soon after it was over is the same one: a key that goes to and fro does not fill
/// the list.
const SAME: Duration = Duration::from_secs(3600);

/// Whom something concerns, and what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct About {
    /// The user.
    pub user: UserId,
    /// The provider.
    pub provider: ProviderId,
    /// What it is.
    pub kind: NoticeKind,
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
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
    /// Until when.
    pub resolved_at: Option<Timestamp>,
    /// How often it came back soon.
    pub times: i64,
    /// When it was marked as read.
    pub read_at: Option<Timestamp>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    kind: String,
    provider: String,
    reason: Option<String>,
    detail: Option<String>,
    opened_at: i64,
    resolved_at: Option<i64>,
    times: i64,
    read_at: Option<i64>,
}

impl TryFrom<Row> for NoticeRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: NoticeId(row.id),
            kind: NoticeKind::from_code(&row.kind).ok_or(StoreError::UnknownWord { column: "kind" })?,
            provider: row.provider.parse().map_err(|_| StoreError::UnknownWord { column: "provider" })?,
            reason: row.reason.as_deref().and_then(Reason::from_code),
            detail: row.detail,
            opened_at: Timestamp(row.opened_at),
            resolved_at: row.resolved_at.map(Timestamp),
            times: row.times,
            read_at: row.read_at.map(Timestamp),
        })
    }
}

/// How a key stands, as far as its owner is told of it.
#[derive(Default)]
pub(super) struct Standing {
    kinds: Vec<NoticeKind>,
    reason: Option<Reason>,
    detail: Option<String>,
}

impl Standing {
    pub(super) fn of(
        (status, reason): (KeyStatus, Option<Reason>),
        undecryptable: bool,
        metadata: &KeyMetadata,
    ) -> Self {
        let quota = metadata.quota.as_ref();
        Self {
            kinds: conditions(status, undecryptable, quota),
            reason: reason.filter(|_| !undecryptable),
            detail: quota.and_then(crate::model::key::Quota::left_in_words),
        }
    }

    /// What the owner of a key is told of now. A check may have changed that since somebody read the key, so it is read
    /// again where the key goes.
    pub(super) async fn told(
        tx: &mut Tx,
        (user, provider): (UserId, &ProviderId),
    ) -> Result<Self, StoreError> {
        // Nobody else tells anything from here until it is over.
        lock(tx, user).await?;
        let open = sql::tx_fetch_all!(
            &mut *tx,
            (String,),
            "SELECT kind FROM notices WHERE user_id = $1 AND provider = $2 AND resolved_at IS NULL",
            user.0,
            provider.as_str()
        )?;
        let kinds = open.iter().filter_map(|(code,)| NoticeKind::from_code(code));
        Ok(Self { kinds: kinds.filter(|kind| kind.is_of_key()).collect(), ..Self::default() })
    }

    /// The part of it that was so before: what is new is no news to whoever has just stored the key.
    pub(super) fn known_from(mut self, before: &Self) -> Self {
        self.kinds.retain(|kind| before.kinds.contains(kind));
        self
    }
}

/// Lets the changes to one user's notices, places and messages happen one after the other, so that two of them neither
/// overlook each other nor wait for each other. Taken after the key's row and the audit chain, and before whatever it is
/// that changes; only the user's events come later. SQLite has one writer anyway.
pub(super) async fn lock(tx: &mut Tx, user: UserId) -> Result<(), StoreError> {
    if let TxOn::Postgres(tx) = &mut tx.on {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 43))")
            .bind(user.to_string())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Tells a key's owner what is new since `before`, in the transaction of the change and before its events; answers
/// whether there is anything, which takes an event of its own. Nothing is read or written where nothing is new.
pub(super) async fn follow(
    tx: &mut Tx,
    (user, provider): (UserId, &ProviderId),
    before: &Standing,
    after: &Standing,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if before.kinds == after.kinds {
        return Ok(false);
    }
    lock(tx, user).await?;
    let off = silenced(tx, user).await?;
    // What the owner does not want to hear of is nothing that keeps the rest from being well.
    let well = after.kinds.iter().all(|kind| off.contains(kind));
    let mut told = false;
    for kind in before.kinds.iter().filter(|kind| !after.kinds.contains(kind)) {
        told |= resolve(tx, user, provider, (*kind, well), now).await?;
    }
    for kind in after.kinds.iter().filter(|kind| !before.kinds.contains(kind) && !off.contains(kind)) {
        told |= open(tx, user, provider, (*kind, after), now).await?;
    }
    Ok(told)
}

async fn resolve(
    tx: &mut Tx,
    user: UserId,
    provider: &ProviderId,
    (kind, well): (NoticeKind, bool),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let over = sql::tx_fetch_optional!(
        &mut *tx,
        (Uuid,),
        "UPDATE notices SET resolved_at = $1 WHERE user_id = $2 AND provider = $3 AND kind = $4 AND resolved_at IS NULL
         RETURNING id",
        now.0,
        user.0,
        provider.as_str(),
        kind.code()
    )?;
    if let Some((id,)) = over {
        queue(tx, user, NoticeId(id), News::Over { well }, now).await?;
    }
    Ok(over.is_some())
}

async fn open(
    tx: &mut Tx,
    user: UserId,
    provider: &ProviderId,
    (kind, why): (NoticeKind, &Standing),
    now: Timestamp,
) -> Result<bool, StoreError> {
    // Of the state of a key the reason is told, of everything else what was counted.
    let by_state = kind.is_grave() || kind == NoticeKind::Limited;
    let detail = why.detail.as_deref().filter(|_| !by_state);
    let reason = why.reason.filter(|_| by_state).map(Reason::code);
    let again = sql::tx_fetch_optional!(
        &mut *tx,
        (Uuid,),
        "UPDATE notices SET resolved_at = NULL, read_at = NULL, times = times + 1, reason = $1, detail = $2
         WHERE id = (SELECT id FROM notices
                WHERE user_id = $3 AND provider = $4 AND kind = $5 AND resolved_at > $6 ORDER BY id DESC LIMIT 1)
            AND resolved_at > $6
            AND NOT EXISTS (SELECT 1 FROM notices
                WHERE user_id = $3 AND provider = $4 AND kind = $5 AND resolved_at IS NULL)
         RETURNING id",
        reason,
        detail,
        user.0,
        provider.as_str(),
        kind.code(),
        now.minus(SAME).0
    )?;
    if let Some((id,)) = again {
        queue(tx, user, NoticeId(id), News::Began, now).await?;
        return Ok(true);
    }
    let id = NoticeId::generate();
    let opened = sql::tx_execute!(
        &mut *tx,
        "INSERT INTO notices (id, user_id, kind, provider, reason, detail, opened_at, times)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1) ON CONFLICT DO NOTHING",
        id.0,
        user.0,
        kind.code(),
        provider.as_str(),
        reason,
        detail,
        now.0
    )?;
    if opened > 0 {
        queue(tx, user, id, News::Began, now).await?;
    }
    Ok(opened > 0)
}

/// What the user does not want to be told of.
async fn silenced(tx: &mut Tx, user: UserId) -> Result<Vec<NoticeKind>, StoreError> {
    let row = sql::tx_fetch_optional!(
        &mut *tx,
        (Json<Vec<String>>,),
        "SELECT off FROM notice_settings WHERE user_id = $1",
        user.0
    )?;
    Ok(row.map_or_else(Vec::new, |(off,)| kinds(&off.0)))
}

fn kinds(codes: &[String]) -> Vec<NoticeKind> {
    codes.iter().filter_map(|code| NoticeKind::from_code(code)).collect()
}

impl Store {
    /// Tells a user of something that was found by looking round, unless it is told already.
    pub async fn open_notice(
        &self,
        about: &About,
        detail: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        lock(&mut tx, about.user).await?;
        if silenced(&mut tx, about.user).await?.contains(&about.kind) {
            return Ok(());
        }
        let why = Standing { detail: detail.map(str::to_owned), ..Standing::default() };
        if open(&mut tx, about.user, &about.provider, (about.kind, &why), now).await? {
            events::append(&mut tx, about.user, Change::Notices, now).await?;
        }
        tx.commit().await
    }

    /// Says that it is over.
    pub async fn resolve_notice(&self, about: &About, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        lock(&mut tx, about.user).await?;
        if resolve(&mut tx, about.user, &about.provider, (about.kind, true), now).await? {
            events::append(&mut tx, about.user, Change::Notices, now).await?;
        }
        tx.commit().await
    }

    /// The user's notices, the latest first, those before `before` if given.
    pub async fn notices(
        &self,
        user: UserId,
        before: Option<NoticeId>,
        limit: i64,
    ) -> Result<Vec<NoticeRow>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            Row,
            "SELECT id, kind, provider, reason, detail, opened_at, resolved_at, times, read_at FROM notices
             WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            user.0,
            before.map_or(Uuid::max(), |id| id.0),
            limit
        )?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// How many notices the user has not read.
    pub async fn unread_notices(&self, user: UserId) -> Result<i64, StoreError> {
        let (unread,) = sql::fetch_one!(
            self.reader(),
            (i64,),
            "SELECT COUNT(*) FROM notices WHERE user_id = $1 AND read_at IS NULL",
            user.0
        )?;
        Ok(unread)
    }

    /// Marks notices of the user as read: these, or all.
    pub async fn read_notices(
        &self,
        user: UserId,
        ids: Option<&[NoticeId]>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        lock(&mut tx, user).await?;
        let mut read = 0;
        match ids {
            None => {
                read += sql::tx_execute!(
                    &mut tx,
                    "UPDATE notices SET read_at = $1 WHERE user_id = $2 AND read_at IS NULL",
                    now.0,
                    user.0
                )?;
            }
            Some(ids) => {
                for id in ids {
                    read += sql::tx_execute!(
                        &mut tx,
                        "UPDATE notices SET read_at = $1 WHERE user_id = $2 AND id = $3 AND read_at IS NULL",
                        now.0,
                        user.0,
                        id.0
                    )?;
                }
            }
        }
        if read > 0 {
            events::append(&mut tx, user, Change::Notices, now).await?;
        }
        tx.commit().await
    }

    /// What the user does not want to be told of, and when not.
    pub async fn silenced(&self, user: UserId) -> Result<(Vec<NoticeKind>, Option<Quiet>), StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            (Json<Vec<String>>, Option<Json<Quiet>>),
            "SELECT off, quiet FROM notice_settings WHERE user_id = $1",
            user.0
        )?;
        let Some((off, quiet)) = row else { return Ok((Vec::new(), None)) };
        Ok((kinds(&off.0), quiet.map(|quiet| quiet.0)))
    }

    /// Changes what the user does not want to be told of, and when not. What is open stays.
    pub async fn silence(
        &self,
        user: UserId,
        off: &[NoticeKind],
        quiet: Option<&Quiet>,
    ) -> Result<(), StoreError> {
        let codes: Vec<_> = off.iter().map(|kind| kind.code()).collect();
        sql::execute!(
            self.writer(),
            "INSERT INTO notice_settings (user_id, off, quiet) VALUES ($1, $2, $3)
             ON CONFLICT (user_id) DO UPDATE SET off = excluded.off, quiet = excluded.quiet",
            user.0,
            Json(codes),
            quiet.map(Json)
        )?;
        Ok(())
    }
}
