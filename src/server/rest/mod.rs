//! REST: everyone's way in who is not a browser with our pages.
//!
//! Bodies are JSON, unknown fields are refused, errors are problem documents, lists are
//! `{"items": […], "next": cursor or null}`.

pub(super) mod auth;
mod batches;
mod body;
mod calls;
mod channels;
mod events;
mod guard;
pub(super) mod keys;
mod notices;
mod operator;
mod results;
mod samples;
mod saved;
mod searches;
mod services;
mod system;
mod tokens;
mod usage;
mod voices;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use self::{
    body::{Body, Given, IdempotencyKey, PathId, read},
    guard::{Granted, Onlooker, Person, Protected, ServicesUser, Who, WithCredentials},
};
use super::{
    docs::Document,
    problem::Problem,
    state::{AppState, Stopping},
};
use crate::{model::error::ErrorCode, store::Store};

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<T> {
    /// The entries.
    pub(super) items: Vec<T>,
    /// The `cursor` of the next part; `null` when this is the last.
    pub(super) next: Option<String>,
}

impl<T> List<T> {
    /// A list that fits on one page.
    pub(super) fn whole(items: Vec<T>) -> Json<Self> {
        Json(Self { items, next: None })
    }
}

/// Every REST route.
pub(super) fn routes() -> Router<AppState> {
    Router::from(described()).method_not_allowed_fallback(method_not_allowed)
}

/// Every REST route with its description: neither exists without the other.
pub(super) fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(auth::register))
        .routes(routes!(auth::log_in))
        .routes(routes!(auth::log_out))
        .routes(routes!(auth::me))
        .routes(routes!(auth::change_password))
        .routes(routes!(auth::sessions, auth::end_other_sessions))
        .routes(routes!(auth::end_session))
        .routes(routes!(events::stream))
        .routes(routes!(keys::providers))
        .routes(routes!(keys::list))
        .routes(routes!(keys::store))
        .routes(routes!(keys::validate))
        .routes(routes!(keys::replace, keys::delete))
        .routes(routes!(keys::schedule))
        .routes(routes!(services::list))
        .routes(routes!(services::access))
        .routes(routes!(searches::list, searches::start))
        .routes(routes!(searches::get, searches::delete))
        .routes(routes!(results::of_search))
        .routes(routes!(results::search_csv))
        .routes(routes!(results::search_xlsx))
        .routes(routes!(results::search_json))
        .routes(routes!(searches::cancel))
        .routes(routes!(searches::resume))
        .routes(routes!(batches::start))
        .routes(routes!(batches::estimate))
        .routes(routes!(batches::get, batches::delete))
        .routes(routes!(results::of_batch))
        .routes(routes!(results::batch_csv))
        .routes(routes!(results::batch_xlsx))
        .routes(routes!(results::batch_json))
        .routes(routes!(batches::cancel))
        .routes(routes!(batches::resume))
        .routes(routes!(saved::list, saved::save))
        .routes(routes!(saved::get, saved::rename, saved::delete))
        .routes(routes!(saved::run))
        .routes(routes!(calls::account))
        .routes(routes!(calls::list, calls::place))
        .routes(routes!(calls::get, calls::delete))
        .routes(routes!(calls::hang_up))
        .routes(routes!(calls::recordings))
        .merge(with_samples())
        .routes(routes!(voices::rename, voices::delete))
        .routes(routes!(voices::preview))
        .routes(routes!(voices::speak))
        .routes(routes!(voices::studio))
        .routes(routes!(voices::clones))
        .routes(routes!(usage::report))
        .routes(routes!(notices::list))
        .routes(routes!(notices::mark_read))
        .routes(routes!(notices::rules, notices::set_rules))
        .routes(routes!(channels::list, channels::add))
        .routes(routes!(channels::delete))
        .routes(routes!(channels::test))
        .routes(routes!(channels::rotate))
        .routes(routes!(channels::enable))
        .routes(routes!(channels::messages))
        .routes(routes!(usage::csv))
        .routes(routes!(tokens::list, tokens::issue))
        .routes(routes!(tokens::revoke))
        .routes(routes!(operator::health))
        .routes(routes!(system::access))
        .routes(routes!(system::metrics))
        .routes(routes!(openapi))
        .routes(routes!(healthy))
        .routes(routes!(ready))
}

/// The route that takes more than others.
fn with_samples() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(voices::list, voices::clone_voice))
        .layer(DefaultBodyLimit::max(samples::FORM_MAX))
}

async fn method_not_allowed() -> Problem {
    ErrorCode::MethodNotAllowed.into()
}

/// Read this description
///
/// OpenAPI 3.1, made from the code of the running version. It needs no proof of who asks.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "read_description",
    tag = "Operations",
    responses(
        (status = 200, description = "The description.", body = Object, headers(("ETag" = String, description = "Names this version of the description."))),
        (status = 304, description = "The description is the one that `If-None-Match` names."),
    )
)]
async fn openapi(headers: HeaderMap) -> Response {
    let document = Document::get();
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| value == document.etag.as_str());
    let head = [(header::ETAG, document.etag.as_str()), (header::CACHE_CONTROL, "public, no-cache")];
    if known {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(header::CONTENT_TYPE, "application/json")], document.text.as_str()).into_response()
}

/// Ask whether the process runs
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "check_health",
    tag = "Operations",
    responses((status = 200, description = "It does.", body = String, content_type = "text/plain"))
)]
async fn healthy() -> &'static str {
    "ok\n"
}

/// Ask whether the process can work
///
/// It can while the database answers and no stop is under way.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "check_readiness",
    tag = "Operations",
    responses(
        (status = 200, description = "It can.", body = String, content_type = "text/plain"),
        (status = 503, description = "It cannot; the text says why.", body = String, content_type = "text/plain"),
    )
)]
async fn ready(State(store): State<Store>, State(Stopping(stopping)): State<Stopping>) -> Response {
    if stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(%error, "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}
