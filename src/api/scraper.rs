//! The Data Scraper. Starting a search and letting it go on spend the key, so they ask whether the service is open;
//! all the rest works without a key.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
use crate::model::{
    error::AppError,
    ids::{BatchId, SavedId, SearchId},
    scraper::{BatchView, Engine, Filter, ResultKey, ResultsPage, SavedView, SearchList, SearchView, Sort},
};
#[cfg(feature = "ssr")]
use crate::{
    model::{
        scraper::{self, BatchInput, ResultsOf, SavedInput, SavedName, SearchInput},
        service::ServiceId,
    },
    services::Once,
};

/// Starts a search and leads to its page.
#[server(prefix = "/api/rpc", endpoint = "start_search", protocol = Rpc)]
pub async fn start_search(
    #[server(default)] engine: Engine,
    query: String,
    #[server(default)] place: String,
    #[server(default)] language: String,
    #[server(default)] country: String,
    #[server(default)] limit: Option<u32>,
    #[server(default)] once: String,
) -> Result<SearchId, AppError> {
    let started = async {
        let who = principal().await?;
        let app = use_cases()?;
        let grant = app.keys.require(who.user, ServiceId::DataScraper).await?;
        let input = SearchInput { engine, query, place, language, country, limit };
        app.scraper.start(&grant, &input, &Once::form(once)).await
    };
    let search = started.await?;
    go_on(None, &search.path());
    Ok(search.id)
}

/// How a search stands.
#[server(name = ReadSearch, prefix = "/api/rpc", endpoint = "search", protocol = Rpc)]
pub async fn search(id: SearchId) -> Result<SearchView, AppError> {
    let who = principal().await?;
    use_cases()?.scraper.get(who.user, id).await
}

/// The history, the latest search first, those before `cursor` if given.
#[server(name = ListSearches, prefix = "/api/rpc", endpoint = "searches", protocol = Rpc)]
pub async fn searches(#[server(default)] cursor: Option<SearchId>) -> Result<SearchList, AppError> {
    let who = principal().await?;
    use_cases()?.scraper.list(who.user, cursor).await
}

/// A part of a search's results.
#[server(name = ReadResults, prefix = "/api/rpc", endpoint = "search_results", protocol = Rpc)]
pub async fn search_results(
    id: SearchId,
    #[server(default)] sort: Sort,
    #[server(default)] filter: Filter,
    #[server(default)] cursor: Option<ResultKey>,
) -> Result<ResultsPage, AppError> {
    let who = principal().await?;
    use_cases()?.scraper.results(who.user, ResultsOf::Search(id), sort, &filter, cursor).await
}

/// A part of a batch's results.
#[server(name = ReadBatchResults, prefix = "/api/rpc", endpoint = "batch_results", protocol = Rpc)]
pub async fn batch_results(
    id: BatchId,
    #[server(default)] sort: Sort,
    #[server(default)] filter: Filter,
    #[server(default)] cursor: Option<ResultKey>,
) -> Result<ResultsPage, AppError> {
    let who = principal().await?;
    use_cases()?.scraper.results(who.user, ResultsOf::Batch(id), sort, &filter, cursor).await
}

/// Stops a search. What had arrived is kept.
#[server(prefix = "/api/rpc", endpoint = "cancel_search", protocol = Rpc)]
pub async fn cancel_search(id: SearchId) -> Result<SearchView, AppError> {
    let who = principal().await?;
    use_cases()?.scraper.cancel(who.user, id).await
}

/// Lets a search go on that ended early.
#[server(prefix = "/api/rpc", endpoint = "resume_search", protocol = Rpc)]
pub async fn resume_search(id: SearchId) -> Result<SearchView, AppError> {
    let who = principal().await?;
    let app = use_cases()?;
    let grant = app.keys.require(who.user, ServiceId::DataScraper).await?;
    app.scraper.resume(&grant, id).await
}

/// Deletes a search with its results and leads back to the history.
#[server(prefix = "/api/rpc", endpoint = "delete_search", protocol = Rpc)]
pub async fn delete_search(id: SearchId) -> Result<(), AppError> {
    let who = principal().await?;
    use_cases()?.scraper.delete(who.user, id).await?;
    go_on(None, ServiceId::DataScraper.path());
    Ok(())
}

/// Searches left on the account, as far as known.
#[server(name = AskSearchesLeft, prefix = "/api/rpc", endpoint = "searches_left", protocol = Rpc)]
pub async fn searches_left() -> Result<Option<i64>, AppError> {
    let who = principal().await?;
    Ok(use_cases()?.scraper.searches_left(who.user).await)
}

/// Starts a search for each line of `queries` and leads to the page of all of them.
#[server(prefix = "/api/rpc", endpoint = "start_batch", protocol = Rpc)]
pub async fn start_batch(
    #[server(default)] engine: Engine,
    queries: String,
    #[server(default)] place: String,
    #[server(default)] language: String,
    #[server(default)] country: String,
    #[server(default)] limit: Option<u32>,
    #[server(default)] once: String,
) -> Result<BatchId, AppError> {
    let started = async {
        let who = principal().await?;
        let app = use_cases()?;
        let grant = app.keys.require(who.user, ServiceId::DataScraper).await?;
        let queries = scraper::queries(&queries);
        let input = BatchInput { engine, queries, place, language, country, limit };
        app.scraper.start_batch(&grant, &input, &Once::form(once)).await
    };
    let batch = started.await?;
    go_on(None, &batch.path());
    Ok(batch.id)
}

/// How a batch stands.
#[server(name = ReadBatch, prefix = "/api/rpc", endpoint = "batch", protocol = Rpc)]
pub async fn batch(id: BatchId) -> Result<BatchView, AppError> {
    let who = principal().await?;
    use_cases()?.scraper.batch(who.user, id).await
}

/// Stops what waits or runs of a batch. What had arrived is kept.
#[server(prefix = "/api/rpc", endpoint = "cancel_batch", protocol = Rpc)]
pub async fn cancel_batch(id: BatchId) -> Result<BatchView, AppError> {
    let who = principal().await?;
    use_cases()?.scraper.cancel_batch(who.user, id).await
}

/// Lets the searches of a batch go on that ended early.
#[server(prefix = "/api/rpc", endpoint = "resume_batch", protocol = Rpc)]
pub async fn resume_batch(id: BatchId) -> Result<BatchView, AppError> {
    let who = principal().await?;
    let app = use_cases()?;
    let grant = app.keys.require(who.user, ServiceId::DataScraper).await?;
    app.scraper.resume_batch(&grant, id).await
}

/// Deletes a batch with its searches and leads back to the history.
#[server(prefix = "/api/rpc", endpoint = "delete_batch", protocol = Rpc)]
pub async fn delete_batch(id: BatchId) -> Result<(), AppError> {
    let who = principal().await?;
    use_cases()?.scraper.delete_batch(who.user, id).await?;
    go_on(None, ServiceId::DataScraper.path());
    Ok(())
}

/// The saved searches, the latest first.
#[server(name = ListSaved, prefix = "/api/rpc", endpoint = "saved_searches", protocol = Rpc)]
pub async fn saved_searches() -> Result<Vec<SavedView>, AppError> {
    let who = principal().await?;
    use_cases()?.scraper.saved(who.user).await
}

/// Keeps a search under a name. Answers all that are saved now.
#[server(prefix = "/api/rpc", endpoint = "save_search", protocol = Rpc)]
pub async fn save_search(
    name: String,
    #[server(default)] engine: Engine,
    query: String,
    #[server(default)] place: String,
    #[server(default)] language: String,
    #[server(default)] country: String,
    #[server(default)] limit: Option<u32>,
) -> Result<Vec<SavedView>, AppError> {
    let who = principal().await?;
    let app = use_cases()?;
    let search = SearchInput { engine, query, place, language, country, limit };
    app.scraper.save(who.user, &SavedInput { name, search }).await?;
    app.scraper.saved(who.user).await
}

/// Gives a saved search another name. Answers all that are saved now.
#[server(prefix = "/api/rpc", endpoint = "rename_saved", protocol = Rpc)]
pub async fn rename_saved(id: SavedId, name: String) -> Result<Vec<SavedView>, AppError> {
    let who = principal().await?;
    let app = use_cases()?;
    app.scraper.rename_saved(who.user, id, &SavedName { name }).await?;
    app.scraper.saved(who.user).await
}

/// Deletes a saved search. Answers all that are saved now.
#[server(prefix = "/api/rpc", endpoint = "delete_saved", protocol = Rpc)]
pub async fn delete_saved(id: SavedId) -> Result<Vec<SavedView>, AppError> {
    let who = principal().await?;
    let app = use_cases()?;
    app.scraper.delete_saved(who.user, id).await?;
    app.scraper.saved(who.user).await
}

/// Starts a saved search and leads to its page.
#[server(prefix = "/api/rpc", endpoint = "run_saved", protocol = Rpc)]
pub async fn run_saved(id: SavedId, #[server(default)] once: String) -> Result<SearchId, AppError> {
    let who = principal().await?;
    let app = use_cases()?;
    let grant = app.keys.require(who.user, ServiceId::DataScraper).await?;
    let search = app.scraper.run_saved(&grant, id, &Once::form(once)).await?;
    go_on(None, &search.path());
    Ok(search.id)
}
