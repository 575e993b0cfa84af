//! Searches of the Data Scraper. Only starting one, or letting it go on, needs the service to be open.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Body, Given, Granted, IdempotencyKey, List, PathId, Protected, ServicesUser, Who, read};
use crate::{
    api::context::UseCases,
    model::{
        error::{AppError, FieldError},
        ids::SearchId,
        scraper::{SearchInput, SearchView},
        service::ServiceId,
    },
    server::problem::Problem,
};

/// Routes that spend the key of the Data Scraper.
pub(super) struct DataScraper;

impl Protected for DataScraper {
    const SERVICE: ServiceId = ServiceId::DataScraper;
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// The `next` of the part before.
    #[param(value_type = SearchId, required = false)]
    cursor: Option<String>,
}

/// Reads an optional parameter of a query string.
pub(super) fn parameter<T: std::str::FromStr>(name: &str, text: Option<&str>) -> Result<Option<T>, AppError> {
    text.map(str::parse).transpose().map_err(|_| AppError::field(name, FieldError::Malformed))
}

/// Start a search
///
/// Finds businesses on Google Maps, or pages of the web, with the user's SerpAPI key. The answer comes at once; the search
/// runs on, also over a restart of the server. Each page costs one search at SerpAPI: 20 businesses, or 10 pages of the
/// web. At most two searches of a user run at
/// the same time; others wait in the state `queued`, and begin by themselves.
#[utoipa::path(
    post,
    path = "/api/services/data-scraper/searches",
    operation_id = "start_search",
    tag = "Data Scraper",
    params(IdempotencyKey),
    request_body(content = SearchInput, example = json!({"query": "bakery", "place": "Berlin", "limit": 20})),
    responses((
        status = 201,
        description = "The search is running, or waits.",
        body = SearchView,
        headers(("Location" = String, description = "The address of the search.")),
        links(
            ("how it stands" = (operation_id = "read_search", parameters(("id" = "$response.body#/id")))),
            ("what it found" = (operation_id = "list_results", parameters(("id" = "$response.body#/id")))),
            ("the same as a file" = (operation_id = "download_results", parameters(("id" = "$response.body#/id")))),
            ("stop" = (operation_id = "cancel_search", parameters(("id" = "$response.body#/id")))),
            ("delete" = (operation_id = "delete_search", parameters(("id" = "$response.body#/id")))),
        ),
    )),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["invalid-input", "missing-api-keys", "too-many-searches", "idempotency-key-reused"])))
)]
pub(super) async fn start(
    State(app): State<UseCases>,
    granted: Granted<DataScraper>,
    IdempotencyKey(once): IdempotencyKey,
    Body(input): Body<SearchInput>,
) -> Result<Response, Problem> {
    let search = app.scraper.start(&granted.0, &input, &once).await?;
    let location = format!("/api/services/data-scraper/searches/{}", search.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(search)).into_response())
}

/// List the searches, the latest first
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/searches",
    operation_id = "list_searches",
    tag = "Data Scraper",
    params(ListQuery),
    responses((status = 200, description = "At most 20 searches.", body = List<SearchView>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["bad-request", "invalid-input"])))
)]
pub(super) async fn list(
    State(app): State<UseCases>,
    Who(who): Who,
    query: Given<ListQuery>,
) -> Result<Json<List<SearchView>>, Problem> {
    let before = parameter::<SearchId>("cursor", read(query)?.cursor.as_deref())?;
    let searches = app.scraper.list(who.user, before).await?;
    Ok(Json(List { items: searches.items, next: searches.next.map(|id| id.to_string()) }))
}

/// Read how a search stands
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/searches/{id}",
    operation_id = "read_search",
    tag = "Data Scraper",
    params(("id" = SearchId, Path, description = "The search.")),
    responses((status = 200, description = "The search.", body = SearchView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn get(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<SearchId>,
) -> Result<Json<SearchView>, Problem> {
    Ok(Json(app.scraper.get(who.user, id).await?))
}

/// Stop a search
///
/// What had arrived is kept. A search that has ended stays as it is.
#[utoipa::path(
    post,
    path = "/api/services/data-scraper/searches/{id}/cancel",
    operation_id = "cancel_search",
    tag = "Data Scraper",
    params(("id" = SearchId, Path, description = "The search.")),
    responses((status = 200, description = "The search, which runs no more.", body = SearchView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn cancel(
    State(app): State<UseCases>,
    ServicesUser(who): ServicesUser,
    PathId(id): PathId<SearchId>,
) -> Result<Json<SearchView>, Problem> {
    Ok(Json(app.scraper.cancel(who.user, id).await?))
}

/// Let a search go on that ended early
///
/// It goes on with the page that is next: what had arrived is kept, and not paid for again. `can_resume` says whether
/// there is such a page.
#[utoipa::path(
    post,
    path = "/api/services/data-scraper/searches/{id}/resume",
    operation_id = "resume_search",
    tag = "Data Scraper",
    params(("id" = SearchId, Path, description = "The search.")),
    responses((status = 200, description = "The search, which is running, or waits.", body = SearchView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["missing-api-keys", "not-found", "conflict", "too-many-searches"])))
)]
pub(super) async fn resume(
    State(app): State<UseCases>,
    granted: Granted<DataScraper>,
    PathId(id): PathId<SearchId>,
) -> Result<Json<SearchView>, Problem> {
    Ok(Json(app.scraper.resume(&granted.0, id).await?))
}

/// Delete a search with its results
#[utoipa::path(
    delete,
    path = "/api/services/data-scraper/searches/{id}",
    operation_id = "delete_search",
    tag = "Data Scraper",
    params(("id" = SearchId, Path, description = "The search.")),
    responses((status = 204, description = "The search is deleted.")),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn delete(
    State(app): State<UseCases>,
    ServicesUser(who): ServicesUser,
    PathId(id): PathId<SearchId>,
) -> Result<StatusCode, Problem> {
    app.scraper.delete(who.user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
