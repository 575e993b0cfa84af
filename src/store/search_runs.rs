//! What the job of a search writes. The job has the search's id, and everything depends on its holder's hold
//! (`store/jobs.rs`), in one transaction.

use sqlx::{FromRow, types::Json};
use uuid::Uuid;

use super::{
    Hold, Store, StoreError, Tx, jobs,
    results::{self, NewResult},
    searches::{lock_user, small, tell, tell_if},
    sql,
};
use crate::model::{
    ids::{BatchId, JobId, SearchId, UserId},
    scraper::{Coordinates, Notice, Place, ResultRow, SearchRequest},
    time::Timestamp,
};

/// What became of the place that was named.
#[derive(Debug)]
pub struct FoundPlace<'a> {
    /// The place as SerpAPI names it, and its middle; none when its name was made part of the query.
    pub resolved: Option<(&'a str, Coordinates)>,
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
    /// The page after this one, if there is one.
    pub next: Option<u32>,
    /// When its holder counts as gone.
    pub lease_until: Timestamp,
    /// The query, where rows have to tell which of several found them.
    pub query: Option<&'a str>,
}

/// A search that is to be fetched, and how far it has come.
#[derive(Debug)]
pub struct SearchRun {
    /// What is searched for.
    pub request: SearchRequest,
    /// The place as SerpAPI names it, once it was found.
    pub resolved: Option<String>,
    /// The middle of the place that was named, once it was found.
    pub point: Option<Coordinates>,
    /// The place was looked for and not found.
    pub place_unknown: bool,
    /// The page to ask for, counted from 0; none when all have arrived.
    pub next_page: Option<u32>,
    /// Results that have arrived.
    pub found: u32,
    /// It was started together with others.
    pub in_batch: bool,
}

/// How a search ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With all there is.
    Complete(Option<Notice>),
    /// Before all its pages arrived; the results it has are kept.
    Early(Notice),
}

#[derive(FromRow)]
struct RunRow {
    request: Json<SearchRequest>,
    resolved_place: Option<String>,
    point: Option<String>,
    place_unknown: bool,
    next_page: Option<i64>,
    found: i64,
    batch_id: Option<Uuid>,
}

impl TryFrom<RunRow> for SearchRun {
    type Error = StoreError;
    fn try_from(row: RunRow) -> Result<Self, StoreError> {
        let point = row.point.map(|text| match text.parse() {
            Ok(Place::Coordinates(point)) => Ok(point),
            _ => Err(StoreError::UnknownWord { column: "searches.point" }),
        });
        Ok(Self {
            request: row.request.0,
            resolved: row.resolved_place,
            point: point.transpose()?,
            place_unknown: row.place_unknown,
            next_page: row.next_page.map(small),
            found: small(row.found),
            in_batch: row.batch_id.is_some(),
        })
    }
}

impl Store {
    /// What the holder of a search's job has to do. None when the job is not held any more.
    pub async fn begin_search(&self, hold: Hold, now: Timestamp) -> Result<Option<SearchRun>, StoreError> {
        let (user, id) = subject(hold);
        let mut tx = self.begin().await?;
        if !jobs::confirm(&mut tx, hold, now).await? {
            return Ok(None);
        }
        let left_the_queue = sql::tx_execute!(
            &mut tx,
            "UPDATE searches SET state = 'running' WHERE user_id = $1 AND id = $2 AND state = 'queued'",
            user.0,
            id.0
        )?;
        let row = sql::tx_fetch_optional!(
            &mut tx,
            RunRow,
            "SELECT request, resolved_place, point, place_unknown, next_page, found, batch_id FROM searches
             WHERE user_id = $1 AND id = $2",
            user.0,
            id.0
        )?;
        tell_if(tx, left_the_queue, user, id, now).await?;
        row.map(TryInto::try_into).transpose()
    }

    /// Notes what became of the place. Answers whether the job is still held.
    pub async fn record_place(
        &self,
        hold: Hold,
        place: &FoundPlace<'_>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (user, id) = subject(hold);
        let mut tx = self.begin().await?;
        if !jobs::confirm(&mut tx, hold, now).await? {
            return Ok(false);
        }
        let recorded = sql::tx_execute!(
            &mut tx,
            "UPDATE searches SET resolved_place = $1, point = $2, place_unknown = $3, pages_planned = $4
             WHERE user_id = $5 AND id = $6",
            place.resolved.map(|(name, _)| name),
            place.resolved.map(|(_, point)| Place::Coordinates(point).to_string()),
            place.resolved.is_none(),
            i64::from(place.pages_planned),
            user.0,
            id.0
        )?;
        tell_if(tx, recorded, user, id, now).await
    }

    /// Keeps a page of results together with the progress. A place that an earlier page had, or another search of
    /// the batch, is left out.
    /// Answers how many results there are now; none when the job is not held any more.
    pub async fn save_page(
        &self,
        hold: Hold,
        page: &PageOfResults<'_>,
        now: Timestamp,
    ) -> Result<Option<u32>, StoreError> {
        let (user, id) = subject(hold);
        let mut tx = self.begin().await?;
        if !jobs::advance(&mut tx, hold, page.lease_until, now).await? {
            return Ok(None);
        }
        let search = sql::tx_fetch_optional!(
            &mut tx,
            (i64, Option<Uuid>),
            "SELECT found, batch_id FROM searches WHERE user_id = $1 AND id = $2",
            user.0,
            id.0
        )?;
        let Some((before, batch)) = search else { return Ok(None) };
        if batch.is_some() {
            // Two searches that find the same places must not wait for each other's.
            lock_user(&mut tx, user).await?;
        }
        let limit = i64::from(page.limit);
        let mut found = before;
        for (key, row) in page.rows {
            if found >= limit {
                break;
            }
            let query = page.query.map(str::to_owned);
            let row = ResultRow { position: small(found.saturating_add(1)), query, ..row.clone() };
            let new = NewResult { user, search: id, batch: batch.map(BatchId), key, row: &row };
            found = found.saturating_add(i64::from(results::insert(&mut tx, &new).await?));
        }
        let next = page.next.filter(|_| found < limit).map(i64::from);
        sql::tx_execute!(
            &mut tx,
            "UPDATE searches SET found = $1, pages_done = pages_done + 1, next_page = $2
             WHERE user_id = $3 AND id = $4",
            found,
            next,
            user.0,
            id.0
        )?;
        tell(&mut tx, user, id, now).await?;
        tx.commit().await?;
        Ok(Some(small(found)))
    }

    /// Notes how many searches the account has left now, also once the search was stopped, unless somebody else has
    /// worked on it since.
    pub async fn record_searches_left(
        &self,
        hold: Hold,
        left: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (user, id) = subject(hold);
        let mut tx = self.begin().await?;
        let noted = sql::tx_execute!(
            &mut tx,
            "UPDATE searches SET searches_left_after = $1 WHERE user_id = $2 AND id = $3
                AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = searches.id AND attempt = $4)",
            left,
            user.0,
            id.0,
            hold.attempt
        )?;
        tell_if(tx, noted, user, id, now).await?;
        Ok(())
    }

    /// Ends a search and its job. Answers whether the job was still held.
    pub async fn end_search(&self, hold: Hold, end: End, now: Timestamp) -> Result<bool, StoreError> {
        let (user, id) = subject(hold);
        let mut tx = self.begin().await?;
        if !jobs::finish(&mut tx, hold, now).await? {
            return Ok(false);
        }
        match end {
            End::Early(notice) => end_early(&mut tx, user, hold.job, notice, now).await?,
            End::Complete(notice) => {
                sql::tx_execute!(
                    &mut tx,
                    "UPDATE searches SET state = 'finished', notice = $1, finished_at = $2, next_page = NULL
                     WHERE user_id = $3 AND id = $4",
                    notice.map(Notice::code),
                    now.0,
                    user.0,
                    id.0
                )?;
                tell(&mut tx, user, id, now).await?;
            }
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// The search that a job fetches.
const fn subject(hold: Hold) -> (UserId, SearchId) {
    (hold.user, SearchId(hold.job.0))
}

/// Ends the search of a job before all its pages arrived. Does nothing where the job fetches no search.
pub(super) async fn end_early(
    tx: &mut Tx,
    user: UserId,
    job: JobId,
    notice: Notice,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ended = sql::tx_execute!(
        &mut *tx,
        "UPDATE searches SET state = CASE WHEN found > 0 THEN 'partial' ELSE 'failed' END,
            notice = $1, finished_at = $2
         WHERE user_id = $3 AND id = $4 AND state IN ('queued', 'running')",
        notice.code(),
        now.0,
        user.0,
        job.0
    )?;
    if ended == 1 {
        tell(tx, user, SearchId(job.0), now).await?;
    }
    Ok(())
}
