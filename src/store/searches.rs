//! Searches of the Data Scraper and their results. What a runner writes carries `state = 'running'`: once
//! a search has ended, was stopped or deleted, its runner's writes change nothing and tell it to stop.

use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use super::{Store, StoreError, Tx, events, sql};
use crate::model::{
    event::Change,
    ids::{SearchId, UserId},
    scraper::{Notice, ResultRow, SearchRequest, SearchState, SearchView},
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
    /// When its runner counts as gone.
    pub lease_until: Timestamp,
}

/// What became of the place that was named.
#[derive(Debug)]
pub struct FoundPlace<'a> {
    /// The place as SerpAPI names it; none when its name was made part of the query.
    pub resolved: Option<&'a str>,
    /// Pages that the search takes at the most.
    pub pages_planned: u32,
}

/// A page that has arrived.
#[derive(Debug)]
pub struct PageOfResults<'a> {
    /// What makes a place the same on two pages, and the place.
    pub rows: &'a [(String, ResultRow)],
    /// Results of the search at the most.
    pub limit: u32,
    /// When its runner counts as gone.
    pub lease_until: Timestamp,
}

#[derive(FromRow)]
struct Row {
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
}

fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

impl TryFrom<Row> for SearchView {
    type Error = StoreError;
    fn try_from(row: Row) -> Result<Self, StoreError> {
        let notice = row.notice.map(|code| {
            Notice::from_code(&code).ok_or(StoreError::UnknownWord { column: "searches.notice" })
        });
        Ok(Self {
            id: SearchId(row.id),
            request: row.request.0,
            state: SearchState::from_code(&row.state)
                .ok_or(StoreError::UnknownWord { column: "searches.state" })?,
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
        })
    }
}

impl Store {
    /// Begins a search unless `running_max` searches of the user are running. Answers whether it did.
    pub async fn insert_search(
        &self,
        search: &NewSearch<'_>,
        running_max: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        // Locks the user's row, so that of two starts at once the second one counts the first.
        sql::tx_execute!(&mut tx, "UPDATE users SET updated_at = updated_at WHERE id = $1", search.user.0)?;
        let inserted = sql::tx_execute!(
            &mut tx,
            "INSERT INTO searches (id, user_id, request, state, place_unknown, pages_done, pages_planned, found,
                                   searches_left_before, lease_until, created_at)
             SELECT $1, $2, $3, 'running', FALSE, 0, $4, 0, $5, $6, $7
             WHERE (SELECT COUNT(*) FROM searches
                    WHERE user_id = $8 AND state = 'running' AND lease_until > $9) < $10",
            search.id.0,
            search.user.0,
            Json(search.request),
            i64::from(search.request.pages()),
            search.left_before,
            search.lease_until.0,
            now.0,
            search.user.0,
            now.0,
            running_max
        )?;
        if inserted == 1 {
            tell(&mut tx, search.user, search.id, now).await?;
        }
        tx.commit().await?;
        Ok(inserted == 1)
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

    /// The results of a search of the user, in the order they arrived.
    pub async fn search_results(&self, user: UserId, id: SearchId) -> Result<Vec<ResultRow>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            (Json<ResultRow>,),
            "SELECT result FROM search_results WHERE user_id = $1 AND search_id = $2 ORDER BY position",
            user.0,
            id.0
        )?;
        Ok(rows.into_iter().map(|(row,)| row.0).collect())
    }

    /// Holds on to a running search for longer. Answers whether it still runs.
    pub async fn renew_search(
        &self,
        user: UserId,
        id: SearchId,
        lease_until: Timestamp,
    ) -> Result<bool, StoreError> {
        let renewed = sql::execute!(
            self.writer(),
            "UPDATE searches SET lease_until = $1 WHERE user_id = $2 AND id = $3 AND state = 'running'",
            lease_until.0,
            user.0,
            id.0
        )?;
        Ok(renewed == 1)
    }

    /// Notes what became of the place. Answers whether the search still runs.
    pub async fn record_place(
        &self,
        user: UserId,
        id: SearchId,
        place: &FoundPlace<'_>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let recorded = sql::tx_execute!(
            &mut tx,
            "UPDATE searches SET resolved_place = $1, place_unknown = $2, pages_planned = $3
             WHERE user_id = $4 AND id = $5 AND state = 'running'",
            place.resolved,
            place.resolved.is_none(),
            i64::from(place.pages_planned),
            user.0,
            id.0
        )?;
        tell_if(tx, recorded, user, id, now).await
    }

    /// Keeps a page of results together with the progress. A place that an earlier page had is left out.
    /// Answers how many results there are now; none when the search does not run any more.
    pub async fn save_page(
        &self,
        user: UserId,
        id: SearchId,
        page: &PageOfResults<'_>,
        now: Timestamp,
    ) -> Result<Option<u32>, StoreError> {
        let mut tx = self.begin().await?;
        let search = sql::tx_fetch_optional!(
            &mut tx,
            (i64,),
            "UPDATE searches SET pages_done = pages_done + 1, lease_until = $1
             WHERE user_id = $2 AND id = $3 AND state = 'running' RETURNING found",
            page.lease_until.0,
            user.0,
            id.0
        )?;
        let Some((before,)) = search else { return Ok(None) };
        let mut found = before;
        for (key, row) in page.rows {
            if found >= i64::from(page.limit) {
                break;
            }
            let row = ResultRow { position: small(found.saturating_add(1)), ..row.clone() };
            let inserted = sql::tx_execute!(
                &mut tx,
                "INSERT INTO search_results (search_id, user_id, position, place_key, result)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (search_id, place_key) DO NOTHING",
                id.0,
                user.0,
                i64::from(row.position),
                key,
                Json(&row)
            )?;
            found = found.saturating_add(i64::try_from(inserted).unwrap_or_default());
        }
        sql::tx_execute!(
            &mut tx,
            "UPDATE searches SET found = $1 WHERE user_id = $2 AND id = $3",
            found,
            user.0,
            id.0
        )?;
        tell(&mut tx, user, id, now).await?;
        tx.commit().await?;
        Ok(Some(small(found)))
    }

    /// Ends a running search. Answers whether it was running.
    pub async fn end_search(
        &self,
        user: UserId,
        id: SearchId,
        state: SearchState,
        notice: Option<Notice>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let ended = sql::tx_execute!(
            &mut tx,
            "UPDATE searches SET state = $1, notice = $2, finished_at = $3
             WHERE user_id = $4 AND id = $5 AND state = 'running'",
            state.code(),
            notice.map(Notice::code),
            now.0,
            user.0,
            id.0
        )?;
        tell_if(tx, ended, user, id, now).await
    }

    /// Ends a running search before all its pages arrived; the results it has are kept. Answers whether it
    /// was running.
    pub async fn end_search_early(
        &self,
        user: UserId,
        id: SearchId,
        notice: Notice,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let ended = sql::tx_execute!(
            &mut tx,
            "UPDATE searches SET state = CASE WHEN found > 0 THEN 'partial' ELSE 'failed' END,
                notice = $1, finished_at = $2
             WHERE user_id = $3 AND id = $4 AND state = 'running'",
            notice.code(),
            now.0,
            user.0,
            id.0
        )?;
        tell_if(tx, ended, user, id, now).await
    }

    /// Notes how many searches the account has left now.
    pub async fn record_searches_left(
        &self,
        user: UserId,
        id: SearchId,
        left: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let noted = sql::tx_execute!(
            &mut tx,
            "UPDATE searches SET searches_left_after = $1 WHERE user_id = $2 AND id = $3",
            left,
            user.0,
            id.0
        )?;
        tell_if(tx, noted, user, id, now).await?;
        Ok(())
    }

    /// Deletes a search with its results. Answers whether there was one.
    pub async fn delete_search(
        &self,
        user: UserId,
        id: SearchId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let deleted =
            sql::tx_execute!(&mut tx, "DELETE FROM searches WHERE user_id = $1 AND id = $2", user.0, id.0)?;
        tell_if(tx, deleted, user, id, now).await
    }
}

async fn tell(tx: &mut Tx, user: UserId, id: SearchId, now: Timestamp) -> Result<(), StoreError> {
    events::append(tx, user, Change::Search(id), now).await
}

/// Ends the transaction of a change to one search, and tells of it if there was such a search. Answers whether
/// there was.
async fn tell_if(
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
