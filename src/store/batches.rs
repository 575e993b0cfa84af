//! Searches that were started together.

use uuid::Uuid;

use super::{
    NewSearch, Order, Store, StoreError, Taken, jobs, orders,
    searches::{Row, insert, lock_user, resume, tell, tell_if},
    sql,
};
use crate::model::{
    ids::{BatchId, JobId, SearchId, UserId},
    scraper::SearchView,
    time::Timestamp,
};

impl Store {
    /// Takes several searches of one user on, all or none, unless their order was taken on before.
    pub async fn insert_batch(
        &self,
        searches: &[NewSearch<'_>],
        order: Option<&Order>,
        now: Timestamp,
    ) -> Result<Taken, StoreError> {
        let Some((last, batch)) = searches.last().and_then(|last| Some((last, last.batch?))) else {
            return Ok(Taken::Full);
        };
        let mut tx = self.begin().await?;
        lock_user(&mut tx, last.user).await?;
        if let Some(before) = orders::recall(&mut tx, last.user, order).await? {
            return Ok(before);
        }
        for search in searches {
            if !insert(&mut tx, search, now).await? {
                return Ok(Taken::Full);
            }
        }
        orders::note(&mut tx, last.user, order, batch.0, now).await?;
        tell(&mut tx, last.user, last.id, now).await?;
        tx.commit().await?;
        Ok(Taken::New)
    }

    /// The searches of a batch of the user, in the order of the queries. None when there is no such batch.
    pub async fn batch(&self, user: UserId, batch: BatchId) -> Result<Vec<SearchView>, StoreError> {
        let rows = sql::fetch_all!(
            self.reader(),
            Row,
            "SELECT * FROM searches WHERE user_id = $1 AND batch_id = $2 ORDER BY id",
            user.0,
            batch.0
        )?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Stops the searches of a batch that wait or run, with their jobs. Answers which.
    pub async fn cancel_batch(
        &self,
        user: UserId,
        batch: BatchId,
        now: Timestamp,
    ) -> Result<Vec<SearchId>, StoreError> {
        let mut tx = self.begin().await?;
        let open = sql::tx_fetch_all!(
            &mut tx,
            (Uuid,),
            "SELECT id FROM searches WHERE user_id = $1 AND batch_id = $2 AND state IN ('queued', 'running')
             ORDER BY id",
            user.0,
            batch.0
        )?;
        for (id,) in &open {
            jobs::cancel(&mut tx, user, JobId(*id), now).await?;
        }
        let cancelled = sql::tx_execute!(
            &mut tx,
            "UPDATE searches SET state = 'cancelled', notice = 'cancelled', finished_at = $1
             WHERE user_id = $2 AND batch_id = $3 AND state IN ('queued', 'running')",
            now.0,
            user.0,
            batch.0
        )?;
        if let Some((last,)) = open.last() {
            tell_if(tx, cancelled.min(1), user, SearchId(*last), now).await?;
        }
        Ok(open.into_iter().map(|(id,)| SearchId(id)).collect())
    }

    /// Lets the searches of a batch go on that ended early, all of them or none. Answers whether they do: there must be
    /// some, and not too many of the user's under way.
    pub async fn resume_batch(
        &self,
        user: UserId,
        batch: BatchId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        lock_user(&mut tx, user).await?;
        let stopped = sql::tx_fetch_all!(
            &mut tx,
            (Uuid,),
            "SELECT id FROM searches WHERE user_id = $1 AND batch_id = $2 AND state IN ('partial', 'failed')
                AND next_page IS NOT NULL ORDER BY id",
            user.0,
            batch.0
        )?;
        let Some((last,)) = stopped.last().copied() else { return Ok(false) };
        for (id,) in stopped {
            if !resume(&mut tx, user, SearchId(id), now).await? {
                return Ok(false);
            }
        }
        tell_if(tx, 1, user, SearchId(last), now).await
    }

    /// Deletes a batch with its searches, results and jobs. Answers which searches.
    pub async fn delete_batch(
        &self,
        user: UserId,
        batch: BatchId,
        now: Timestamp,
    ) -> Result<Vec<SearchId>, StoreError> {
        let mut tx = self.begin().await?;
        let all = sql::tx_fetch_all!(
            &mut tx,
            (Uuid,),
            "SELECT id FROM searches WHERE user_id = $1 AND batch_id = $2 ORDER BY id",
            user.0,
            batch.0
        )?;
        for (id,) in &all {
            jobs::forget(&mut tx, user, JobId(*id)).await?;
        }
        let deleted = sql::tx_execute!(
            &mut tx,
            "DELETE FROM searches WHERE user_id = $1 AND batch_id = $2",
            user.0,
            batch.0
        )?;
        if let Some((last,)) = all.last() {
            tell_if(tx, deleted.min(1), user, SearchId(*last), now).await?;
        }
        Ok(all.into_iter().map(|(id,)| SearchId(id)).collect())
    }
}
