//! What providers report of their own accord. Not part of the description: the only callers are the providers, which
//! get these addresses with what they are asked for. Nothing is believed that is not signed.

use axum::{Router, extract::State, routing::post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use super::{problem::Problem, rest::PathId, state::AppState};
use crate::{
    api::context::UseCases,
    model::{error::ErrorCode, ids::CallId},
    services::calling::{About, Report},
};

const SIGNATURE: &str = "x-twilio-signature";

/// The addresses that providers are given.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/webhooks/twilio/calls/{id}/status", post(status))
        .route("/webhooks/twilio/calls/{id}/recording", post(recording))
}

async fn status(
    State(app): State<UseCases>,
    PathId(id): PathId<CallId>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    take(&app, id, About::Status, &headers, &body).await
}

async fn recording(
    State(app): State<UseCases>,
    PathId(id): PathId<CallId>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    take(&app, id, About::Recording, &headers, &body).await
}

async fn take(
    app: &UseCases,
    id: CallId,
    about: About,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<StatusCode, Problem> {
    let signatures: Vec<_> = headers.get_all(SIGNATURE).iter().map(|value| value.as_bytes()).collect();
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let content_type = match (types.next(), types.next()) {
        (Some(one), None) => one.to_str().ok(),
        (None, _) => None,
        (Some(_), Some(_)) => return Err(ErrorCode::Unauthenticated.into()),
    };
    app.calling.report(id, about, Report { signatures: &signatures, content_type, body }).await?;
    Ok(StatusCode::NO_CONTENT)
}
