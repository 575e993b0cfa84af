//! The Data Scraper: businesses from Google Maps and pages of the web, through the user's SerpAPI account.
//!
//! A search is taken on, fetched in the background and keeps each page as it arrives. Starting and going on ask
//! the evaluator, since they spend the key; everything else works without any key.

mod batch;
mod email;
mod export;
mod maps;
mod run;
mod saved;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod web;
mod xlsx;

use std::sync::Arc;

use tokio::sync::Semaphore;
use uuid::Uuid;

pub use self::export::Download;
use self::{
    run::Run,
    source::{SerpApi, Source},
};
use super::{Dispatch, Ended, Once, Stops};
use crate::{
    account::internal,
    clock::Clock,
    keys::{Grant, Keys},
    model::{
        error::{AppError, ErrorCode},
        ids::{JobId, SearchId, UserId},
        scraper::{
            Filter, RESULTS_SHOWN, ResultKey, ResultsOf, ResultsPage, SEARCHES_SHOWN, SearchInput,
            SearchList, SearchRequest, SearchView, Sort,
        },
        service::ServiceId,
    },
    providers::Providers,
    store::{Hold, NewSearch, Order, Store, Taken},
};

/// The use cases of the Data Scraper.
pub struct Scraper {
    store: Store,
    source: Arc<dyn Source>,
    clock: Arc<dyn Clock>,
    dispatch: Arc<Dispatch>,
    /// Places for workbooks under way.
    workbooks: Arc<Semaphore>,
}

impl Scraper {
    /// The use cases over these rooms.
    pub fn new(
        store: Store,
        keys: Arc<Keys>,
        providers: Arc<Providers>,
        clock: Arc<dyn Clock>,
        dispatch: Arc<Dispatch>,
    ) -> Self {
        let workbooks = Arc::new(Semaphore::new(xlsx::AT_A_TIME));
        Self { store, source: Arc::new(SerpApi::new(keys, providers)), clock, dispatch, workbooks }
    }

    /// Takes a search on with the user's key. It waits while two others of the user run. What was ordered before is
    /// answered as it stands now.
    pub async fn start(
        &self,
        grant: &Grant,
        input: &SearchInput,
        once: &Once,
    ) -> Result<SearchView, AppError> {
        self.begin(spender(grant)?, input, once).await
    }

    async fn begin(&self, user: UserId, input: &SearchInput, once: &Once) -> Result<SearchView, AppError> {
        let request = input.check()?;
        let order = once.order("search", &request)?;
        self.begin_request(user, &request, order.as_ref()).await
    }

    async fn begin_request(
        &self,
        user: UserId,
        request: &SearchRequest,
        order: Option<&Order>,
    ) -> Result<SearchView, AppError> {
        let search = NewSearch {
            id: SearchId::generate(),
            user,
            request,
            left_before: self.source.searches_left(user).await,
            batch: None,
        };
        let taken = self.store.insert_search(&search, order, self.clock.now()).await;
        if let Some(before) = known(taken.map_err(|e| internal(&e))?)? {
            return self.get(user, SearchId(before)).await;
        }
        // As it begins, not as far as it may have come by the time of the answer.
        let begun = self.get(user, search.id).await;
        self.dispatch.call();
        begun
    }

    /// Lets a search go on that ended early, with the page that is next.
    pub async fn resume(&self, grant: &Grant, id: SearchId) -> Result<SearchView, AppError> {
        self.go_on(spender(grant)?, id).await
    }

    async fn go_on(&self, user: UserId, id: SearchId) -> Result<SearchView, AppError> {
        if !self.get(user, id).await?.can_resume {
            return Err(AppError::new(ErrorCode::Conflict));
        }
        if !self.store.resume_search(user, id, self.clock.now()).await.map_err(|e| internal(&e))? {
            // Somebody was quicker, or there are too many.
            let now = self.get(user, id).await?;
            let code = if now.can_resume { ErrorCode::TooManySearches } else { ErrorCode::Conflict };
            return Err(AppError::new(code));
        }
        let resumed = self.get(user, id).await;
        self.dispatch.call();
        resumed
    }

    /// Works on a search as the holder of its job.
    pub async fn run(&self, hold: Hold, stops: Stops) -> Ended {
        let run = Run {
            store: self.store.clone(),
            source: Arc::clone(&self.source),
            clock: Arc::clone(&self.clock),
            hold,
            stops,
        };
        run.go().await
    }

    /// One search.
    pub async fn get(&self, user: UserId, id: SearchId) -> Result<SearchView, AppError> {
        let search = self.store.search(user, id).await.map_err(|e| internal(&e))?;
        search.ok_or_else(|| AppError::new(ErrorCode::NotFound))
    }

    /// The history, the latest first, those before `before` if given.
    pub async fn list(&self, user: UserId, before: Option<SearchId>) -> Result<SearchList, AppError> {
        let limit = i64::try_from(SEARCHES_SHOWN + 1).unwrap_or(i64::MAX);
        let mut items = self.store.searches(user, before, limit).await.map_err(|e| internal(&e))?;
        let more = items.len() > SEARCHES_SHOWN;
        items.truncate(SEARCHES_SHOWN);
        let next = items.last().filter(|_| more).map(|search| search.id);
        Ok(SearchList { items, next })
    }

    /// A part of what was found: what passes the filter, in the order of `sort`, after a row if given.
    pub async fn results(
        &self,
        user: UserId,
        of: ResultsOf,
        sort: Sort,
        filter: &Filter,
        after: Option<ResultKey>,
    ) -> Result<ResultsPage, AppError> {
        filter.check()?;
        let found = match of {
            ResultsOf::Search(id) => self.get(user, id).await?.found,
            ResultsOf::Batch(id) => self.batch(user, id).await?.found,
        };
        let limit = i64::try_from(RESULTS_SHOWN + 1).unwrap_or(i64::MAX);
        let items = self.store.results(user, of, sort, filter, after, limit).await;
        let mut items = items.map_err(|e| internal(&e))?;
        let more = items.len() > RESULTS_SHOWN;
        items.truncate(RESULTS_SHOWN);
        let next = items.last().filter(|_| more).map(|(key, _)| *key);
        let matching = if filter.is_empty() {
            found
        } else {
            let matching = self.store.results_matching(user, of, filter).await;
            u32::try_from(matching.map_err(|e| internal(&e))?).unwrap_or(u32::MAX)
        };
        Ok(ResultsPage { items, next, matching })
    }

    /// Stops a search; one that has ended already is left as it is. What had arrived is kept.
    pub async fn cancel(&self, user: UserId, id: SearchId) -> Result<SearchView, AppError> {
        if self.store.cancel_search(user, id, self.clock.now()).await.map_err(|e| internal(&e))? {
            // A worker of another process finds out when it renews its hold.
            self.dispatch.stop(JobId(id.0));
        }
        self.get(user, id).await
    }

    /// Deletes a search with its results; a running one is stopped.
    pub async fn delete(&self, user: UserId, id: SearchId) -> Result<(), AppError> {
        if !self.store.delete_search(user, id, self.clock.now()).await.map_err(|e| internal(&e))? {
            return Err(AppError::new(ErrorCode::NotFound));
        }
        self.dispatch.stop(JobId(id.0));
        Ok(())
    }
}

/// What an order had become before; nothing where it was taken on now.
fn known(taken: Taken) -> Result<Option<Uuid>, AppError> {
    match taken {
        Taken::New => Ok(None),
        Taken::Known(before) => Ok(Some(before)),
        Taken::Reused => Err(AppError::new(ErrorCode::IdempotencyKeyReused)),
        Taken::Full => Err(AppError::new(ErrorCode::TooManySearches)),
    }
}

fn spender(grant: &Grant) -> Result<UserId, AppError> {
    if grant.service() == ServiceId::DataScraper {
        Ok(grant.user())
    } else {
        Err(AppError::new(ErrorCode::Forbidden))
    }
}
