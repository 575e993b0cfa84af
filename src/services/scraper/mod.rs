//! The Data Scraper: businesses from Google Maps through the user's SerpAPI account.
//!
//! A search is started, runs in the background and keeps each page as it arrives. Starting asks the
//! evaluator, since it spends the key; everything else works without any key.

mod csv;
mod maps;
mod run;
mod source;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    run::Run,
    source::{MapsSource, SerpApi},
};
use crate::{
    account::internal,
    clock::Clock,
    keys::{Grant, Keys},
    model::{
        error::{AppError, ErrorCode},
        ids::{SearchId, UserId},
        scraper::{
            Notice, RUNNING_MAX, ResultsPage, SEARCHES_SHOWN, SearchInput, SearchList, SearchState,
            SearchView, Sort, arrange,
        },
        service::ServiceId,
    },
    providers::Providers,
    store::{NewSearch, Store},
};

/// A runner holds its search for this long and renews that before each call, so it must be longer than
/// the longest call takes (60 s in the catalogue).
const LEASE: Duration = Duration::from_secs(90);
/// How long the searches under way may take to write down their end when the server stops.
const FAREWELL: Duration = Duration::from_secs(3);

/// A file to be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Its name: ASCII letters, digits, `-` and `.`.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The use cases of the Data Scraper.
pub struct Scraper {
    store: Store,
    source: Arc<dyn MapsSource>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    stop: CancellationToken,
    running: Arc<Running>,
}

/// The searches that this process runs, and how to stop each.
#[derive(Default)]
struct Running(Mutex<HashMap<SearchId, CancellationToken>>);

impl Running {
    fn lock(&self) -> MutexGuard<'_, HashMap<SearchId, CancellationToken>> {
        // The map is whole after each statement, also if a panic came between two.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self, id: SearchId) {
        if let Some(token) = self.lock().get(&id) {
            token.cancel();
        }
    }
}

impl Scraper {
    /// The use cases over these rooms.
    pub fn new(store: Store, keys: Arc<Keys>, providers: Arc<Providers>, clock: Arc<dyn Clock>) -> Self {
        Self::over(store, Arc::new(SerpApi::new(keys, providers)), clock)
    }

    fn over(store: Store, source: Arc<dyn MapsSource>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            source,
            clock,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            running: Arc::default(),
        }
    }

    /// Starts a search with the user's key. At most two searches of a user run at a time.
    pub async fn start(&self, grant: &Grant, input: &SearchInput) -> Result<SearchView, AppError> {
        if grant.service() != ServiceId::DataScraper {
            return Err(AppError::new(ErrorCode::Forbidden));
        }
        self.begin(grant.user(), input).await
    }

    async fn begin(&self, user: UserId, input: &SearchInput) -> Result<SearchView, AppError> {
        let request = input.check()?;
        if self.stop.is_cancelled() {
            return Err(AppError::new(ErrorCode::Busy));
        }
        let now = self.clock.now();
        let search = NewSearch {
            id: SearchId::generate(),
            user,
            request: &request,
            left_before: self.source.searches_left(user).await,
            lease_until: now.plus(LEASE),
        };
        let id = search.id;
        if !self.store.insert_search(&search, RUNNING_MAX, now).await.map_err(|e| internal(&e))? {
            return Err(AppError::new(ErrorCode::TooManySearches));
        }
        // As it begins, not as far as it may have come by the time of the answer. Should this fail, the lease
        // ends the search.
        let begun = self.get(user, id).await?;
        let stop = self.stop.child_token();
        self.running.lock().insert(id, stop.clone());
        let run = Run {
            store: self.store.clone(),
            source: Arc::clone(&self.source),
            clock: Arc::clone(&self.clock),
            user,
            id,
            request,
            stop,
        };
        let running = Arc::clone(&self.running);
        self.tasks.spawn(async move {
            run.go().await;
            running.lock().remove(&id);
        });
        Ok(begun)
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

    /// A part of a search's results: those that contain `filter`, in the order of `sort`, after the row at
    /// the position `after`.
    pub async fn results(
        &self,
        user: UserId,
        id: SearchId,
        sort: Sort,
        filter: &str,
        after: Option<u32>,
    ) -> Result<ResultsPage, AppError> {
        self.get(user, id).await?;
        let rows = self.store.search_results(user, id).await.map_err(|e| internal(&e))?;
        Ok(arrange(rows, sort, filter, after))
    }

    /// All results of a search as a CSV file.
    pub async fn csv(&self, user: UserId, id: SearchId) -> Result<Download, AppError> {
        let search = self.get(user, id).await?;
        let rows = self.store.search_results(user, id).await.map_err(|e| internal(&e))?;
        let bytes = csv::write(&rows).map_err(|error| {
            tracing::error!(%error, "a table could not be written");
            AppError::new(ErrorCode::Internal)
        })?;
        Ok(Download { name: csv::file_name(&search), bytes })
    }

    /// Stops a search; one that has ended already is left as it is. What had arrived is kept.
    pub async fn cancel(&self, user: UserId, id: SearchId) -> Result<SearchView, AppError> {
        let (state, notice) = (SearchState::Cancelled, Some(Notice::Cancelled));
        let now = self.clock.now();
        if self.store.end_search(user, id, state, notice, now).await.map_err(|e| internal(&e))? {
            // A runner on another node finds out with its next write.
            self.running.stop(id);
        }
        self.get(user, id).await
    }

    /// Deletes a search with its results; a running one is stopped.
    pub async fn delete(&self, user: UserId, id: SearchId) -> Result<(), AppError> {
        if !self.store.delete_search(user, id, self.clock.now()).await.map_err(|e| internal(&e))? {
            return Err(AppError::new(ErrorCode::NotFound));
        }
        self.running.stop(id);
        Ok(())
    }

    /// Ends the searches of processes that are gone. Answers how many.
    pub async fn recover(&self) -> Result<u64, AppError> {
        self.store.end_abandoned_searches(self.clock.now()).await.map_err(|e| internal(&e))
    }

    /// Stops every search of this process, notes that they were interrupted, and takes no new ones.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(FAREWELL, self.tasks.wait()).await.is_err() {
            tracing::warn!("searches were still writing when the server stopped; they count as interrupted");
        }
    }
}
