//! Several searches of the Data Scraper that are started together. Only starting them needs the service to be open.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};

use super::{Body, Granted, IdempotencyKey, PathId, ServicesUser, Who, searches::DataScraper};
use crate::{
    api::context::UseCases,
    model::{
        ids::BatchId,
        scraper::{BatchEstimate, BatchInput, BatchView},
    },
    server::problem::Problem,
};

/// Start several searches at once
///
/// A search for each query, all or none. A result that several of them find counts for the first that finds it. At
/// most two searches of a user run at the same time; the others wait. Each can be read, stopped and deleted by itself as
/// well.
#[utoipa::path(
    post,
    path = "/api/services/data-scraper/batches",
    operation_id = "start_batch",
    tag = "Data Scraper",
    params(IdempotencyKey),
    request_body(content = BatchInput, example = json!({"queries": ["bakery", "pastry shop"], "place": "Berlin", "limit": 20})),
    responses((
        status = 201,
        description = "The searches are running, or wait.",
        body = BatchView,
        headers(("Location" = String, description = "The address of the batch.")),
    )),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["invalid-input", "missing-api-keys", "too-many-searches", "idempotency-key-reused"])))
)]
pub(super) async fn start(
    State(app): State<UseCases>,
    granted: Granted<DataScraper>,
    IdempotencyKey(once): IdempotencyKey,
    Body(input): Body<BatchInput>,
) -> Result<Response, Problem> {
    let batch = app.scraper.start_batch(&granted.0, &input, &once).await?;
    let location = format!("/api/services/data-scraper/batches/{}", batch.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(batch)).into_response())
}

/// Ask what a batch would cost
///
/// Starts nothing. `searches` is the most that it can take; pages that SerpAPI still has from the last hour cost nothing.
#[utoipa::path(
    post,
    path = "/api/services/data-scraper/batches/estimate",
    operation_id = "estimate_batch",
    tag = "Data Scraper",
    request_body(content = BatchInput, example = json!({"queries": ["bakery", "pastry shop"], "place": "Berlin", "limit": 60})),
    responses((status = 200, description = "The estimate.", body = BatchEstimate)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["invalid-input"])))
)]
pub(super) async fn estimate(
    State(app): State<UseCases>,
    Who(who): Who,
    Body(input): Body<BatchInput>,
) -> Result<Json<BatchEstimate>, Problem> {
    Ok(Json(app.scraper.estimate(who.user, &input).await?))
}

/// Read how a batch stands
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/batches/{id}",
    operation_id = "read_batch",
    tag = "Data Scraper",
    params(("id" = BatchId, Path, description = "The batch.")),
    responses((status = 200, description = "The batch.", body = BatchView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn get(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<BatchId>,
) -> Result<Json<BatchView>, Problem> {
    Ok(Json(app.scraper.batch(who.user, id).await?))
}

/// Stop a batch
///
/// What had arrived is kept. Searches that have ended stay as they are.
#[utoipa::path(
    post,
    path = "/api/services/data-scraper/batches/{id}/cancel",
    operation_id = "cancel_batch",
    tag = "Data Scraper",
    params(("id" = BatchId, Path, description = "The batch.")),
    responses((status = 200, description = "The batch, of which nothing runs any more.", body = BatchView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn cancel(
    State(app): State<UseCases>,
    ServicesUser(who): ServicesUser,
    PathId(id): PathId<BatchId>,
) -> Result<Json<BatchView>, Problem> {
    Ok(Json(app.scraper.cancel_batch(who.user, id).await?))
}

/// Let the searches of a batch go on that ended early
///
/// All of them, each with the page that is next: what had arrived is kept, and not paid for again. `can_resume` of a search
/// says whether it has such a page.
#[utoipa::path(
    post,
    path = "/api/services/data-scraper/batches/{id}/resume",
    operation_id = "resume_batch",
    tag = "Data Scraper",
    params(("id" = BatchId, Path, description = "The batch.")),
    responses((status = 200, description = "The batch, whose searches are running, or wait.", body = BatchView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["missing-api-keys", "not-found", "conflict", "too-many-searches"])))
)]
pub(super) async fn resume(
    State(app): State<UseCases>,
    granted: Granted<DataScraper>,
    PathId(id): PathId<BatchId>,
) -> Result<Json<BatchView>, Problem> {
    Ok(Json(app.scraper.resume_batch(&granted.0, id).await?))
}

/// Delete a batch with its searches and their results
#[utoipa::path(
    delete,
    path = "/api/services/data-scraper/batches/{id}",
    operation_id = "delete_batch",
    tag = "Data Scraper",
    params(("id" = BatchId, Path, description = "The batch.")),
    responses((status = 204, description = "The batch is deleted.")),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn delete(
    State(app): State<UseCases>,
    ServicesUser(who): ServicesUser,
    PathId(id): PathId<BatchId>,
) -> Result<StatusCode, Problem> {
    app.scraper.delete_batch(who.user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
