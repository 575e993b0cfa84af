//! What searches of the Data Scraper found, in parts and as files. Needs no key.

use axum::{
    Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures::TryStreamExt;
use http::header;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Given, List, PathId, Who, read, searches::parameter};
use crate::{
    api::context::UseCases,
    model::{
        error::AppError,
        ids::{BatchId, SearchId, UserId},
        scraper::{FileKind, Filter, ResultRow, ResultsOf},
    },
    server::problem::Problem,
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ResultsQuery {
    /// The `next` of the part before.
    #[param(value_type = String, required = false, pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\.[0-9]{1,9}$")]
    cursor: Option<String>,
    /// A column, with a minus before it for the highest first.
    #[param(
        value_type = String,
        required = false,
        pattern = "^-?(position|name|category|address|phone|website|email|rating|reviews)$",
        example = "-rating"
    )]
    sort: Option<String>,
    /// A text that the name, category, address, telephone number, website, e-mail address or snippet contains.
    #[serde(default)]
    #[param(required = false, max_length = 200, pattern = "^[^\\u0000]*$")]
    filter: String,
    /// Only those with a telephone number.
    #[param(value_type = bool, required = false)]
    phone: Option<String>,
    /// Only those with a website.
    #[param(value_type = bool, required = false)]
    website: Option<String>,
    /// Only those with an e-mail address.
    #[param(value_type = bool, required = false)]
    email: Option<String>,
    /// Only those with at least so many stars.
    #[param(value_type = f64, required = false, minimum = 1, maximum = 5)]
    rating: Option<String>,
}

async fn part(
    app: &UseCases,
    user: UserId,
    of: ResultsOf,
    query: Given<ResultsQuery>,
) -> Result<Json<List<ResultRow>>, Problem> {
    let query = read(query)?;
    let flag = |name: &str, text: &Option<String>| -> Result<bool, AppError> {
        Ok(parameter(name, text.as_deref())?.unwrap_or_default())
    };
    let filter = Filter {
        text: query.filter,
        phone: flag("phone", &query.phone)?,
        website: flag("website", &query.website)?,
        email: flag("email", &query.email)?,
        rating: parameter("rating", query.rating.as_deref())?,
    };
    let sort = parameter("sort", query.sort.as_deref())?.unwrap_or_default();
    let after = parameter("cursor", query.cursor.as_deref())?;
    let page = app.scraper.results(user, of, sort, &filter, after).await?;
    let items = page.items.into_iter().map(|(_, row)| row).collect();
    Ok(Json(List { items, next: page.next.map(|key| key.to_string()) }))
}

/// A file, sent as it is made. An error in the middle ends the connection.
async fn file(app: &UseCases, user: UserId, of: ResultsOf, kind: FileKind) -> Result<Response, Problem> {
    let download = app.scraper.download(user, of, kind).await?;
    let content_type = match kind {
        FileKind::Csv => "text/csv; charset=utf-8; header=present",
        FileKind::Json => "application/json",
        FileKind::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    };
    // The name has no character that would need quoting.
    let disposition = format!("attachment; filename=\"{}\"", download.name);
    let headers =
        [(header::CONTENT_TYPE, content_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    let content = download.content.inspect_err(|error| tracing::warn!(%error, "a download broke off"));
    Ok((headers, Body::from_stream(content)).into_response())
}

/// List what a search found
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/searches/{id}/results",
    operation_id = "list_results",
    tag = "Data Scraper",
    params(("id" = SearchId, Path, description = "The search."), ResultsQuery),
    responses((status = 200, description = "At most 60 results.", body = List<ResultRow>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["bad-request", "invalid-input", "not-found"])))
)]
pub(super) async fn of_search(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<SearchId>,
    query: Given<ResultsQuery>,
) -> Result<Json<List<ResultRow>>, Problem> {
    part(&app, who.user, ResultsOf::Search(id), query).await
}

/// List what a batch found
///
/// Each result once, search by search unless sorted. `position` counts within the search, which `query` names.
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/batches/{id}/results",
    operation_id = "list_batch_results",
    tag = "Data Scraper",
    params(("id" = BatchId, Path, description = "The batch."), ResultsQuery),
    responses((status = 200, description = "At most 60 results.", body = List<ResultRow>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["bad-request", "invalid-input", "not-found"])))
)]
pub(super) async fn of_batch(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<BatchId>,
    query: Given<ResultsQuery>,
) -> Result<Json<List<ResultRow>>, Problem> {
    part(&app, who.user, ResultsOf::Batch(id), query).await
}

/// Download what a search found as CSV
///
/// All results, each once, in the order of their positions; sent as it is made.
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/searches/{id}/results.csv",
    operation_id = "download_results",
    tag = "Data Scraper",
    params(("id" = SearchId, Path, description = "The search.")),
    responses((status = 200, description = "A file in UTF-8 with a line of headings. Cells that a spreadsheet could take for a formula begin with an apostrophe.", body = String, content_type = "text/csv", headers(("Content-Disposition" = String, description = "The name of the file.")))),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn search_csv(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<SearchId>,
) -> Result<Response, Problem> {
    file(&app, who.user, ResultsOf::Search(id), FileKind::Csv).await
}

/// Download what a search found as a workbook
///
/// The same rows as the CSV file.
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/searches/{id}/results.xlsx",
    operation_id = "download_results_workbook",
    tag = "Data Scraper",
    params(("id" = SearchId, Path, description = "The search.")),
    responses((status = 200, description = "A workbook of Excel with one sheet. Its cells are those of the CSV file.", body = String, content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", headers(("Content-Disposition" = String, description = "The name of the file.")))),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn search_xlsx(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<SearchId>,
) -> Result<Response, Problem> {
    file(&app, who.user, ResultsOf::Search(id), FileKind::Xlsx).await
}

/// Download what a search found as JSON
///
/// The same rows as the CSV file; sent as it is made.
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/searches/{id}/results.json",
    operation_id = "download_results_json",
    tag = "Data Scraper",
    params(("id" = SearchId, Path, description = "The search.")),
    responses((status = 200, description = "An array of results, with their texts unchanged.", body = Vec<ResultRow>, content_type = "application/json", headers(("Content-Disposition" = String, description = "The name of the file.")))),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn search_json(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<SearchId>,
) -> Result<Response, Problem> {
    file(&app, who.user, ResultsOf::Search(id), FileKind::Json).await
}

/// Download what a batch found as CSV
///
/// All results, each once, search by search and numbered through; sent as it is made.
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/batches/{id}/results.csv",
    operation_id = "download_batch",
    tag = "Data Scraper",
    params(("id" = BatchId, Path, description = "The batch.")),
    responses((status = 200, description = "A file in UTF-8 with a line of headings. Cells that a spreadsheet could take for a formula begin with an apostrophe.", body = String, content_type = "text/csv", headers(("Content-Disposition" = String, description = "The name of the file.")))),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn batch_csv(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<BatchId>,
) -> Result<Response, Problem> {
    file(&app, who.user, ResultsOf::Batch(id), FileKind::Csv).await
}

/// Download what a batch found as a workbook
///
/// The same rows as the CSV file.
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/batches/{id}/results.xlsx",
    operation_id = "download_batch_workbook",
    tag = "Data Scraper",
    params(("id" = BatchId, Path, description = "The batch.")),
    responses((status = 200, description = "A workbook of Excel with one sheet. Its cells are those of the CSV file.", body = String, content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", headers(("Content-Disposition" = String, description = "The name of the file.")))),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn batch_xlsx(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<BatchId>,
) -> Result<Response, Problem> {
    file(&app, who.user, ResultsOf::Batch(id), FileKind::Xlsx).await
}

/// Download what a batch found as JSON
///
/// The same rows as the CSV file; sent as it is made.
#[utoipa::path(
    get,
    path = "/api/services/data-scraper/batches/{id}/results.json",
    operation_id = "download_batch_json",
    tag = "Data Scraper",
    params(("id" = BatchId, Path, description = "The batch.")),
    responses((status = 200, description = "An array of results, with their texts unchanged.", body = Vec<ResultRow>, content_type = "application/json", headers(("Content-Disposition" = String, description = "The name of the file.")))),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn batch_json(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<BatchId>,
) -> Result<Response, Problem> {
    file(&app, who.user, ResultsOf::Batch(id), FileKind::Json).await
}
