//! Several searches that are started together.

use super::{Once, Scraper, known, spender};
use crate::{
    account::internal,
    keys::Grant,
    model::{
        error::{AppError, ErrorCode},
        ids::{BatchId, JobId, SearchId, UserId},
        scraper::{BatchEstimate, BatchInput, BatchView},
    },
    store::NewSearch,
};

impl Scraper {
    /// Searches left on the account, as far as known.
    pub async fn searches_left(&self, user: UserId) -> Option<i64> {
        self.source.searches_left(user).await
    }

    /// What a batch takes at the most, and what is left.
    pub async fn estimate(&self, user: UserId, input: &BatchInput) -> Result<BatchEstimate, AppError> {
        let requests = input.check()?;
        Ok(BatchEstimate {
            queries: u32::try_from(requests.len()).unwrap_or(u32::MAX),
            searches: requests.iter().map(|request| request.pages()).sum(),
            left: self.source.searches_left(user).await,
        })
    }

    /// Takes a batch on, all its searches or none. What was ordered before is answered as it stands now.
    pub async fn start_batch(
        &self,
        grant: &Grant,
        input: &BatchInput,
        once: &Once,
    ) -> Result<BatchView, AppError> {
        let user = spender(grant)?;
        let requests = input.check()?;
        let order = once.order("batch", &requests)?;
        let batch = BatchId::generate();
        let left_before = self.source.searches_left(user).await;
        let searches: Vec<_> = requests
            .iter()
            .map(|request| NewSearch {
                id: SearchId::generate(),
                user,
                request,
                left_before,
                batch: Some(batch),
            })
            .collect();
        let taken = self.store.insert_batch(&searches, order.as_ref(), self.clock.now()).await;
        if let Some(before) = known(taken.map_err(|e| internal(&e))?)? {
            return self.batch(user, BatchId(before)).await;
        }
        let begun = self.batch(user, batch).await;
        self.dispatch.call();
        begun
    }

    /// One batch.
    pub async fn batch(&self, user: UserId, batch: BatchId) -> Result<BatchView, AppError> {
        let searches = self.store.batch(user, batch).await.map_err(|e| internal(&e))?;
        if searches.is_empty() {
            return Err(AppError::new(ErrorCode::NotFound));
        }
        Ok(BatchView::new(batch, searches))
    }

    /// Stops what waits or runs of a batch. What had arrived is kept.
    pub async fn cancel_batch(&self, user: UserId, batch: BatchId) -> Result<BatchView, AppError> {
        let stopped = self.store.cancel_batch(user, batch, self.clock.now()).await;
        for search in stopped.map_err(|e| internal(&e))? {
            self.dispatch.stop(JobId(search.0));
        }
        self.batch(user, batch).await
    }

    /// Lets all searches of a batch go on that ended early, each with the page that is next.
    pub async fn resume_batch(&self, grant: &Grant, batch: BatchId) -> Result<BatchView, AppError> {
        let user = spender(grant)?;
        let can_resume = |view: &BatchView| view.missing_pages().is_some();
        if !can_resume(&self.batch(user, batch).await?) {
            return Err(AppError::new(ErrorCode::Conflict));
        }
        if !self.store.resume_batch(user, batch, self.clock.now()).await.map_err(|e| internal(&e))? {
            // Somebody was quicker, or there are too many.
            let can_resume = can_resume(&self.batch(user, batch).await?);
            let code = if can_resume { ErrorCode::TooManySearches } else { ErrorCode::Conflict };
            return Err(AppError::new(code));
        }
        let resumed = self.batch(user, batch).await;
        self.dispatch.call();
        resumed
    }

    /// Deletes a batch with its searches and their results.
    pub async fn delete_batch(&self, user: UserId, batch: BatchId) -> Result<(), AppError> {
        let deleted = self.store.delete_batch(user, batch, self.clock.now()).await;
        let deleted = deleted.map_err(|e| internal(&e))?;
        if deleted.is_empty() {
            return Err(AppError::new(ErrorCode::NotFound));
        }
        for search in deleted {
            self.dispatch.stop(JobId(search.0));
        }
        Ok(())
    }
}
