//! REST: everyone's way in who is not a browser with our pages.
//!
//! Bodies are JSON, unknown fields are refused, errors are problem documents, lists are
//! `{"items": […], "next": cursor or null}`.

mod auth;
mod body;
mod events;
mod guard;
mod keys;
mod searches;
mod services;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use http::StatusCode;
use serde::Serialize;

pub(super) use self::{
    body::{Body, PathId},
    guard::{Granted, Onlooker, Protected, Who, WithCredentials},
};
use super::{
    problem::Problem,
    state::{AppState, Stopping},
};
use crate::{model::error::ErrorCode, store::Store};

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
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
    Router::new()
        .route("/api/auth/register", post(auth::register))
        .route("/api/auth/login", post(auth::log_in))
        .route("/api/auth/logout", post(auth::log_out))
        .route("/api/auth/me", get(auth::me))
        .route("/api/auth/password", put(auth::change_password))
        .route("/api/auth/sessions", get(auth::sessions).delete(auth::end_other_sessions))
        .route("/api/auth/sessions/{id}", delete(auth::end_session))
        .route("/api/events", get(events::stream))
        .route("/api/providers", get(keys::providers))
        .route("/api/user-api-keys", get(keys::list))
        .route("/api/user-api-keys/store", post(keys::store))
        .route("/api/user-api-keys/validate", post(keys::validate))
        .route("/api/user-api-keys/{provider}", put(keys::replace).delete(keys::delete))
        .route("/api/services", get(services::list))
        .route("/api/services/{service}/access", get(services::access))
        .route("/api/services/data-scraper/searches", get(searches::list).post(searches::start))
        .route("/api/services/data-scraper/searches/{id}", get(searches::get).delete(searches::delete))
        .route("/api/services/data-scraper/searches/{id}/results", get(searches::results))
        .route("/api/services/data-scraper/searches/{id}/results.csv", get(searches::csv))
        .route("/api/services/data-scraper/searches/{id}/cancel", post(searches::cancel))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .method_not_allowed_fallback(method_not_allowed)
}

async fn method_not_allowed() -> Problem {
    ErrorCode::MethodNotAllowed.into()
}

/// The process answers.
async fn healthy() -> &'static str {
    "ok\n"
}

/// The process can work: the database answers, and no stop is under way.
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
