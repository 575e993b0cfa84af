//! What other programs of the operator's ask: whether a service is open for a user, and the metrics. Each has
//! tokens of its own, which open nothing else.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};

use crate::{
    account::credentials,
    api::context::UseCases,
    model::{
        access::AccessDecision,
        error::{AppError, ErrorCode},
        ids::UserId,
        service::ServiceId,
    },
    server::{problem::Problem, state::Operations},
    telemetry::metrics,
};

pub(super) async fn access(
    State(app): State<UseCases>,
    State(operations): State<Arc<Operations>>,
    Path((user, service)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<AccessDecision>, Problem> {
    operations.system.admit(&credentials::presented(&headers, app.secure)?)?;
    let missing = |_| AppError::new(ErrorCode::NotFound);
    let user: UserId = user.parse().map_err(missing)?;
    let service: ServiceId = service.parse().map_err(missing)?;
    app.accounts.note_system_access(user, service).await?;
    Ok(Json(app.keys.require(user, service).await?.into_decision()))
}

pub(super) async fn metrics(
    State(app): State<UseCases>,
    State(operations): State<Arc<Operations>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    operations.metrics_tokens.admit(&credentials::presented(&headers, app.secure)?)?;
    let text = operations.metrics.text().map_err(|_| AppError::new(ErrorCode::Internal))?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}
