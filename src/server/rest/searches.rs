//! Searches of the Data Scraper. Only starting one needs the service to be open.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderName, StatusCode, header};
use serde::Deserialize;

use super::{Body, Granted, List, PathId, Protected, ServicesUser, Who};
use crate::{
    api::context::UseCases,
    model::{
        error::{AppError, ErrorCode, FieldError},
        ids::SearchId,
        scraper::{ResultRow, SearchInput, SearchView, Sort},
        service::ServiceId,
    },
    server::problem::Problem,
};

/// Routes that spend the key of the Data Scraper.
pub(super) struct DataScraper;

impl Protected for DataScraper {
    const SERVICE: ServiceId = ServiceId::DataScraper;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResultsQuery {
    cursor: Option<String>,
    /// A column, with a minus before it for the highest first.
    sort: Option<String>,
    /// A text that the name, category, address, telephone number or website contains.
    #[serde(default)]
    filter: String,
}

/// A query string; what cannot be read is a bad request.
type Given<T> = Result<Query<T>, QueryRejection>;

fn read<T>(query: Given<T>) -> Result<T, AppError> {
    query.map(|Query(query)| query).map_err(|_| AppError::new(ErrorCode::BadRequest))
}

/// Reads an optional parameter of a query string.
fn parameter<T: std::str::FromStr>(name: &str, text: Option<&str>) -> Result<Option<T>, AppError> {
    text.map(str::parse).transpose().map_err(|_| AppError::field(name, FieldError::Malformed))
}

pub(super) async fn start(
    State(app): State<UseCases>,
    granted: Granted<DataScraper>,
    Body(input): Body<SearchInput>,
) -> Result<Response, Problem> {
    let search = app.scraper.start(&granted.0, &input).await?;
    let location = format!("/api/services/data-scraper/searches/{}", search.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(search)).into_response())
}

pub(super) async fn list(
    State(app): State<UseCases>,
    Who(who): Who,
    query: Given<ListQuery>,
) -> Result<Json<List<SearchView>>, Problem> {
    let before = parameter::<SearchId>("cursor", read(query)?.cursor.as_deref())?;
    let searches = app.scraper.list(who.user, before).await?;
    Ok(Json(List { items: searches.items, next: searches.next.map(|id| id.to_string()) }))
}

pub(super) async fn get(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<SearchId>,
) -> Result<Json<SearchView>, Problem> {
    Ok(Json(app.scraper.get(who.user, id).await?))
}

pub(super) async fn results(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<SearchId>,
    query: Given<ResultsQuery>,
) -> Result<Json<List<ResultRow>>, Problem> {
    let query = read(query)?;
    let sort = parameter::<Sort>("sort", query.sort.as_deref())?.unwrap_or_default();
    let after = parameter::<u32>("cursor", query.cursor.as_deref())?;
    let page = app.scraper.results(who.user, id, sort, &query.filter, after).await?;
    Ok(Json(List { items: page.items, next: page.next.map(|position| position.to_string()) }))
}

pub(super) async fn csv(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<SearchId>,
) -> Result<Response, Problem> {
    let file = app.scraper.csv(who.user, id).await?;
    let headers: [(HeaderName, String); 2] = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        // The name has no character that would need quoting.
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file.name)),
    ];
    Ok((headers, file.bytes).into_response())
}

pub(super) async fn cancel(
    State(app): State<UseCases>,
    ServicesUser(who): ServicesUser,
    PathId(id): PathId<SearchId>,
) -> Result<Json<SearchView>, Problem> {
    Ok(Json(app.scraper.cancel(who.user, id).await?))
}

pub(super) async fn delete(
    State(app): State<UseCases>,
    ServicesUser(who): ServicesUser,
    PathId(id): PathId<SearchId>,
) -> Result<StatusCode, Problem> {
    app.scraper.delete(who.user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
