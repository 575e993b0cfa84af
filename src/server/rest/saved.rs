//! Searches of the Data Scraper that are kept under a name. Only running one needs the service to be open.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};

use super::{Body, Granted, IdempotencyKey, List, PathId, ServicesUser, Who, searches::DataScraper};
use crate::{
    api::context::UseCases,
    model::{
        ids::SavedId,
        scraper::{SavedInput, SavedName, SavedView, SearchView},
    },
    server::problem::Problem,
};

/// List the saved searches, the latest first
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/saved-searches",
    operation_id = "list_saved",
    tag = "Data Scraper",
    responses((status = 200, description = "All of them, at most 100.", body = List<SavedView>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"]))
)]
pub(super) async fn list(
    State(app): State<UseCases>,
    Who(who): Who,
) -> Result<Json<List<SavedView>>, Problem> {
    Ok(List::whole(app.scraper.saved(who.user).await?))
}

/// Save a search under a name
///
/// Starts nothing and spends nothing.
#[utoipa::path(
    post,
    path = "/api/services/data-scraper/saved-searches",
    operation_id = "save_search",
    tag = "Data Scraper",
    request_body(content = SavedInput, example = json!({"name": "Bakers", "search": {"query": "bakery", "place": "Berlin", "limit": 20}})),
    responses((
        status = 201,
        description = "It is saved.",
        body = SavedView,
        headers(("Location" = String, description = "The address of the saved search.")),
        links(
            ("read" = (operation_id = "read_saved", parameters(("id" = "$response.body#/id")))),
            ("run" = (operation_id = "run_saved", parameters(("id" = "$response.body#/id")))),
            ("rename" = (operation_id = "rename_saved", parameters(("id" = "$response.body#/id")))),
            ("delete" = (operation_id = "delete_saved", parameters(("id" = "$response.body#/id")))),
        ),
    )),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["invalid-input", "too-many-saved"])))
)]
pub(super) async fn save(
    State(app): State<UseCases>,
    ServicesUser(who): ServicesUser,
    Body(input): Body<SavedInput>,
) -> Result<Response, Problem> {
    let saved = app.scraper.save(who.user, &input).await?;
    let location = format!("/api/services/data-scraper/saved-searches/{}", saved.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(saved)).into_response())
}

/// Read a saved search
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/saved-searches/{id}",
    operation_id = "read_saved",
    tag = "Data Scraper",
    params(("id" = SavedId, Path, description = "The saved search.")),
    responses((status = 200, description = "The saved search.", body = SavedView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn get(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<SavedId>,
) -> Result<Json<SavedView>, Problem> {
    Ok(Json(app.scraper.saved_search(who.user, id).await?))
}

/// Give a saved search another name
#[utoipa::path(
    put,
    path = "/api/services/data-scraper/saved-searches/{id}",
    operation_id = "rename_saved",
    tag = "Data Scraper",
    params(("id" = SavedId, Path, description = "The saved search.")),
    request_body(content = SavedName, example = json!({"name": "Bakers of Berlin"})),
    responses((status = 200, description = "The saved search with its new name.", body = SavedView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["invalid-input", "not-found"])))
)]
pub(super) async fn rename(
    State(app): State<UseCases>,
    ServicesUser(who): ServicesUser,
    PathId(id): PathId<SavedId>,
    Body(input): Body<SavedName>,
) -> Result<Json<SavedView>, Problem> {
    Ok(Json(app.scraper.rename_saved(who.user, id, &input).await?))
}

/// Delete a saved search
///
/// What it found stays.
#[utoipa::path(
    delete,
    path = "/api/services/data-scraper/saved-searches/{id}",
    operation_id = "delete_saved",
    tag = "Data Scraper",
    params(("id" = SavedId, Path, description = "The saved search.")),
    responses((status = 204, description = "The saved search is deleted.")),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn delete(
    State(app): State<UseCases>,
    ServicesUser(who): ServicesUser,
    PathId(id): PathId<SavedId>,
) -> Result<StatusCode, Problem> {
    app.scraper.delete_saved(who.user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Run a saved search
///
/// Starts a search as it was saved; it costs what any search costs.
#[utoipa::path(
    post,
    path = "/api/services/data-scraper/saved-searches/{id}/run",
    operation_id = "run_saved",
    tag = "Data Scraper",
    params(("id" = SavedId, Path, description = "The saved search."), IdempotencyKey),
    responses((
        status = 201,
        description = "The search is running, or waits.",
        body = SearchView,
        headers(("Location" = String, description = "The address of the search.")),
    )),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["missing-api-keys", "not-found", "too-many-searches", "idempotency-key-reused"])))
)]
pub(super) async fn run(
    State(app): State<UseCases>,
    granted: Granted<DataScraper>,
    PathId(id): PathId<SavedId>,
    IdempotencyKey(once): IdempotencyKey,
) -> Result<Response, Problem> {
    let search = app.scraper.run_saved(&granted.0, id, &once).await?;
    let location = format!("/api/services/data-scraper/searches/{}", search.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(search)).into_response())
}
