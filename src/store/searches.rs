//! Searches of the Data Scraper and their results, as their users see and change them. What the job writes that
//! fetches a search is in `store/search_runs.rs`.

use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use super::{Order, Store, StoreError, Taken, Tx, events, jobs, orders, sql};
use crate::model::{
    event::Change,
    ids::{BatchId, JobId, SearchId, UserId},
    job::{PER_USER, Work},
    scraper::{Notice, OPEN_MAX, SearchRequest, SearchState, SearchView},
    time::Timestamp,
};

/// A search that begins.
#[derive(Debug)]
pub struct NewSearch<'a> {
    /// The search.
    pub id: SearchId,
    /// Whose it is.
    pub user: UserId,
    /// What is searched for.
    pub request: &'a SearchRequest,
    /// Searches left on the account, as far as known.
    pub left_before: Option<i64>,
    /// The batch it belongs to.
    pub batch: Option<BatchId>,
}

#[derive(FromRow)]
pub(super) struct Row {
    id: Uuid,
    request: Json<SearchRequest>,
    state: String,
    notice: Option<String>,
    resolved_place: Option<String>,
    place_unknown: bool,
    pages_done: i64,
    pages_planned: i64,
    found: i64,
    searches_left_before: Option<i64>,
    searches_left_after: Option<i64>,
    created_at: i64,
    finished_at: Option<i64>,
    next_page: Option<i64>,
    batch_id: Option<Uuid>,
}

pub(super) fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

impl TryFrom<Row> for SearchView {
    type Error = StoreError;
    fn try_from(row: Row) -> Result<Self, StoreError> {
        let notice = row.notice.map(|code| {
            Notice::from_code(&code).ok_or(StoreError::UnknownWord { column: "searches.notice" })
        });
        let state =
            SearchState::from_code(&row.state).ok_or(StoreError::UnknownWord { column: "searches.state" })?;
        let ended_early = matches!(state, SearchState::Partial | SearchState::Failed);
        Ok(Self {
            id: SearchId(row.id),
            request: row.request.0,
            state,
            notice: notice.transpose()?,
            resolved_place: row.resolved_place,
            place_unknown: row.place_unknown,
            pages_done: small(row.pages_done),
            pages_planned: small(row.pages_planned),
            found: small(row.found),
            searches_left_before: row.searches_left_before,
            searches_left_after: row.searches_left_after,
            created_at: Timestamp(row.created_at),
            finished_at: row.finished_at.map(Timestamp),
            can_resume: ended_early && row.next_page.is_some(),
            batch: row.batch_id.map(BatchId),
        })
    }
}

impl Store {
    /// Takes a search on unless its order was taken on before, or too many of the user's searches are under way. It waits
    /// while as many as may run at the same time do.
    pub async fn insert_search(
        &self,
        search: &NewSearch<'_>,
        order: Option<&Order>,
        now: Timestamp,
    ) -> Result<Taken, StoreError> {
        let mut tx = self.begin().await?;
        lock_user(&mut tx, search.user).await?;
        if let Some(before) = orders::recall(&mut tx, search.user, order).await? {
            return Ok(before);
        }
        if !insert(&mut tx, search, now).await? {
            return Ok(Taken::Full);
        }
        orders::note(&mut tx, search.user, order, search.id.0, now).await?;
        tell(&mut tx, search.user, search.id, now).await?;
        tx.commit().await?;
        Ok(Taken::New)
    }

    /// Lets a search go on that ended early. Answers whether it does: it must have a next page, and not too many of
    /// the user's may be under way.
    pub async fn resume_search(
        &self,
        user: UserId,
        id: SearchId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        lock_user(&mut tx, user).await?;
        let resumed = resume(&mut tx, user, id, now).await?;
        tell_if(tx, u64::from(resumed), user, id, now).await
    }

    /// One search of the user.
    pub async fn search(&self, user: UserId, id: SearchId) -> Result<Option<SearchView>, StoreError> {
        let row = sql::fetch_optional!(
            self.reader(),
            Row,
            "SELECT * FROM searches WHERE user_id = $1 AND id = $2",
            user.0,
            id.0
        )?;
        row.map(TryInto::try_into).transpose()
    }

    /// The user's searches, the latest first, those before `before` if given.
    pub async fn searches(
        &self,
        user: UserId,
        before: Option<SearchId>,
        limit: i64,
    ) -> Result<Vec<SearchView>, StoreError> {
        // Ids of version 7 sort by time; the largest one lies before nothing.
        let before = before.map_or(Uuid::max(), |id| id.0);
        let rows = sql::fetch_all!(
            self.reader(),
            Row,
            "SELECT * FROM searches WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            user.0,
            before,
            limit
        )?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Stops a search that waits or runs, with its job. Answers whether it did.
    pub async fn cancel_search(
        &self,
        user: UserId,
        id: SearchId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        jobs::cancel(&mut tx, user, JobId(id.0), now).await?;
        let cancelled = sql::tx_execute!(
            &mut tx,
            "UPDATE searches SET state = 'cancelled', notice = 'cancelled', finished_at = $1
             WHERE user_id = $2 AND id = $3 AND state IN ('queued', 'running')",
            now.0,
            user.0,
            id.0
        )?;
        tell_if(tx, cancelled, user, id, now).await
    }

    /// Deletes a search with its results and its job. Answers whether there was one.
    pub async fn delete_search(
        &self,
        user: UserId,
        id: SearchId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        jobs::forget(&mut tx, user, JobId(id.0)).await?;
        let deleted =
            sql::tx_execute!(&mut tx, "DELETE FROM searches WHERE user_id = $1 AND id = $2", user.0, id.0)?;
        tell_if(tx, deleted, user, id, now).await
    }
}

/// Takes a search on, with its job, unless too many of the user's are under way. The user's row must be locked.
pub(super) async fn insert(tx: &mut Tx, search: &NewSearch<'_>, now: Timestamp) -> Result<bool, StoreError> {
    let inserted = sql::tx_execute!(
        &mut *tx,
        "INSERT INTO searches (id, user_id, batch_id, request, state, place_unknown, pages_done, pages_planned,
                               found, searches_left_before, created_at, next_page)
         SELECT $1, $2, $3, $4,
            CASE WHEN (SELECT COUNT(*) FROM searches WHERE user_id = $5 AND state = 'running') < $6
                THEN 'running' ELSE 'queued' END,
            FALSE, 0, $7, 0, $8, $9, 0
         WHERE (SELECT COUNT(*) FROM searches
                WHERE user_id = $10 AND state IN ('queued', 'running')) < $11",
        search.id.0,
        search.user.0,
        search.batch.map(|batch| batch.0),
        Json(search.request),
        search.user.0,
        PER_USER,
        i64::from(search.request.pages()),
        search.left_before,
        now.0,
        search.user.0,
        OPEN_MAX
    )?;
    if inserted == 1 {
        jobs::enqueue(tx, search.user, &Work::Search { search: search.id }, now).await?;
    }
    Ok(inserted == 1)
}

/// Lets a search go on that ended early and has a next page, unless too many of the user's are under way. The user's row
/// must be locked.
pub(super) async fn resume(
    tx: &mut Tx,
    user: UserId,
    id: SearchId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let resumed = sql::tx_execute!(
        &mut *tx,
        "UPDATE searches SET notice = NULL, finished_at = NULL,
            state = CASE WHEN (SELECT COUNT(*) FROM searches WHERE user_id = $1 AND state = 'running') < $2
                THEN 'running' ELSE 'queued' END
         WHERE user_id = $3 AND id = $4 AND state IN ('partial', 'failed') AND next_page IS NOT NULL
            AND (SELECT COUNT(*) FROM searches
                 WHERE user_id = $5 AND state IN ('queued', 'running')) < $6",
        user.0,
        PER_USER,
        user.0,
        id.0,
        user.0,
        OPEN_MAX
    )?;
    if resumed == 1 {
        jobs::enqueue(tx, user, &Work::Search { search: id }, now).await?;
    }
    Ok(resumed == 1)
}

/// Of two starts at once the second one counts the first.
pub(super) async fn lock_user(tx: &mut Tx, user: UserId) -> Result<(), StoreError> {
    sql::tx_execute!(&mut *tx, "UPDATE users SET updated_at = updated_at WHERE id = $1", user.0)?;
    Ok(())
}

pub(super) async fn tell(tx: &mut Tx, user: UserId, id: SearchId, now: Timestamp) -> Result<(), StoreError> {
    events::append(tx, user, Change::Search(id), now).await
}

/// Ends the transaction of a change to one search, and tells of it if there was such a search. Answers whether
/// there was.
pub(super) async fn tell_if(
    mut tx: Tx,
    changed: u64,
    user: UserId,
    id: SearchId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if changed == 1 {
        tell(&mut tx, user, id, now).await?;
    }
    tx.commit().await?;
    Ok(changed == 1)
}
