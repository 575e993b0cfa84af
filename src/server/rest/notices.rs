//! What the caller is told of.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Body, Given, List, Person, Who, read};
use crate::{
    api::context::UseCases,
    model::{
        error::{AppError, FieldError},
        ids::NoticeId,
        notice::{MarkRead, NoticeRules, NoticeView},
    },
    server::problem::Problem,
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct NoticesQuery {
    /// The `next` of the part before.
    #[param(value_type = NoticeId, required = false)]
    cursor: Option<String>,
}

/// List the notices, the latest first
///
/// A key that the provider rejects, an account that is suspended, an allowance that is used up or nearly, and until
/// when it was so. One that comes back within an hour is the same notice. Those that are over are kept for 90 days.
#[utoipa::path(
    get,
    path = "/api/notifications",
    operation_id = "list_notices",
    tag = "Notifications",
    params(NoticesQuery),
    responses((status = 200, description = "A part of the notices.", body = List<NoticeView>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["bad-request", "invalid-input"])))
)]
pub(super) async fn list(
    State(app): State<UseCases>,
    Who(who): Who,
    query: Given<NoticesQuery>,
) -> Result<Json<List<NoticeView>>, Problem> {
    let cursor = read(query)?.cursor.map(|cursor| cursor.parse()).transpose();
    let cursor = cursor.map_err(|_| AppError::field("cursor", FieldError::Malformed))?;
    let list = app.notices.list(who.user, cursor).await?;
    Ok(Json(List { items: list.items, next: list.next.map(|next| next.to_string()) }))
}

/// Mark notices as read
#[utoipa::path(
    post,
    path = "/api/notifications/read",
    operation_id = "mark_notices_read",
    tag = "Notifications",
    request_body(content = MarkRead, example = json!({})),
    responses((status = 204, description = "They are marked.")),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["invalid-input"])))
)]
pub(super) async fn mark_read(
    State(app): State<UseCases>,
    Person(who): Person,
    Body(which): Body<MarkRead>,
) -> Result<StatusCode, Problem> {
    app.notices.mark_read(who.user, &which).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read which rules are on
#[utoipa::path(
    get,
    path = "/api/notifications/rules",
    operation_id = "read_notice_rules",
    tag = "Notifications",
    responses((status = 200, description = "The rules.", body = NoticeRules)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"]))
)]
pub(super) async fn rules(State(app): State<UseCases>, Who(who): Who) -> Result<Json<NoticeRules>, Problem> {
    Ok(Json(app.notices.rules(who.user).await?))
}

/// Say which rules are on
///
/// All are at first. One that is off tells nothing new; what it has told stays.
#[utoipa::path(
    put,
    path = "/api/notifications/rules",
    operation_id = "set_notice_rules",
    tag = "Notifications",
    request_body(content = NoticeRules, example = json!({"on": ["key.invalid", "key.suspended"]})),
    responses((status = 200, description = "The rules as they are now.", body = NoticeRules)),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["invalid-input"])))
)]
pub(super) async fn set_rules(
    State(app): State<UseCases>,
    Person(who): Person,
    Body(rules): Body<NoticeRules>,
) -> Result<Json<NoticeRules>, Problem> {
    Ok(Json(app.notices.set_rules(who.user, &rules).await?))
}
