//! The Data Scraper. Starting a search and letting it go on spend the key, so they ask whether the service is open;
//! all the rest works without a key.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
use crate::model::{
    error::AppError,
    ids::SearchId,
    scraper::{ResultsPage, SearchList, SearchView, Sort},
};
#[cfg(feature = "ssr")]
use crate::model::{scraper::SearchInput, service::ServiceId};

/// Starts a search and leads to its page.
#[server(prefix = "/api/rpc", endpoint = "start_search", protocol = Rpc)]
pub async fn start_search(
    query: String,
    place: String,
    #[server(default)] language: String,
    #[server(default)] country: String,
    #[server(default)] limit: Option<u32>,
) -> Result<SearchId, AppError> {
    let started = async {
        let who = principal().await?;
        let app = use_cases()?;
        let grant = app.keys.require(who.user, ServiceId::DataScraper).await?;
        app.scraper.start(&grant, &SearchInput { query, place, language, country, limit }).await
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
    #[server(default)] filter: String,
    #[server(default)] cursor: Option<u32>,
) -> Result<ResultsPage, AppError> {
    let who = principal().await?;
    use_cases()?.scraper.results(who.user, id, sort, &filter, cursor).await
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
