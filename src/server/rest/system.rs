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
    telemetry::metrics::{self, Now},
};

/// Ask whether a service is open for a user
///
/// For another back end of the operator's. Each question is written into the user's audit log.
#[utoipa::path(
    get,
    path = "/api/system/users/{user_id}/services/{service}/access",
    operation_id = "read_access_of_user",
    tag = "Operations",
    params(
        ("user_id" = UserId, Path, description = "The user."),
        ("service" = ServiceId, Path, description = "The service."),
    ),
    responses((status = 200, description = "The service is open for this user.", body = AccessDecision)),
    security(("system" = [])),
    extensions(("x-problems" = json!(["missing-api-keys", "not-found"])))
)]
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

/// Read the metrics
///
/// Counters of requests and of calls to providers, and how keys, services and checks stand now, in the OpenMetrics text
/// format. They name no user and no key; how keys and services stand is left out where fewer than five users stand behind
/// a figure.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "read_metrics",
    tag = "Operations",
    responses((status = 200, description = "The counters.", body = String, content_type = "application/openmetrics-text")),
    security(("metrics" = []))
)]
pub(super) async fn metrics(
    State(app): State<UseCases>,
    State(operations): State<Arc<Operations>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    operations.metrics_tokens.admit(&credentials::presented(&headers, app.secure)?)?;
    let text = operations.metrics.text(&now(&app).await).map_err(|_| AppError::new(ErrorCode::Internal))?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}

/// How things stand now. Without the database the counters are told all the same.
async fn now(app: &UseCases) -> Now {
    let mut now = Now::default();
    if let Ok(backlog) = app.overview.backlog().await {
        now.checks_due = Some(backlog.checks_due);
        now.checks_late = Some(backlog.checks_late);
        now.usage_waiting = i64::try_from(backlog.usage_waiting).ok();
    }
    if let Some(standing) = app.overview.standing_soon().await {
        let keys = standing.keys.iter();
        now.keys = keys.map(|(id, alike)| (id.to_string(), alike.standing.clone(), alike.keys)).collect();
        let open = standing.services.iter();
        now.open = open.filter_map(|reach| Some((reach.service.slug(), reach.open?))).collect();
        now.users = standing.users;
    }
    now
}
