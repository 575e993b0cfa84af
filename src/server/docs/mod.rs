//! The description of the REST interface (OpenAPI 3.1), and the page that shows it.
//!
//! Both are made from the code: the routes bring their descriptions along, the page is made from the
//! description. The page has no script and takes nothing from elsewhere.

mod complete;
mod document;
mod examples;
mod guide;
mod operation;
mod page;
mod problems;
mod schema;

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use http::header;
use leptos::config::LeptosOptions;

pub use self::document::Document;
use super::{problem::Problem, state::AppState};
use crate::model::error::ErrorCode;

/// The page, and the addresses that the `type` of a problem names.
pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/docs/api", get(read)).route("/problems/{code}", get(explain))
}

/// What the page needs: its own stylesheet and pictures, and no script.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                      frame-ancestors 'none'; form-action 'none'";

async fn read(State(options): State<LeptosOptions>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, page::html(options)).into_response()
}

/// Leads to the paragraph about a problem's code.
async fn explain(Path(code): Path<String>) -> Response {
    match ErrorCode::ALL.iter().find(|known| known.code() == code) {
        Some(known) => Redirect::to(&format!("/docs/api#problem-{}", known.code())).into_response(),
        None => Problem::from(ErrorCode::NotFound).into_response(),
    }
}
