//! Where the caller is told besides. Sessions only, but for reading: who may say where news of the keys go, may have
//! them sent to himself.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Body, Given, List, PathId, Person, Who, read};
use crate::{
    api::context::UseCases,
    model::{
        error::{AppError, FieldError},
        ids::{ChannelId, MessageId},
        notice::{ChannelInput, ChannelView, IssuedChannel, MessageView},
    },
    server::problem::Problem,
};

/// List the places
#[utoipa::path(
    get,
    path = "/api/notifications/channels",
    operation_id = "list_channels",
    tag = "Notifications",
    responses((status = 200, description = "All of them, at most five.", body = List<ChannelView>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"]))
)]
pub(super) async fn list(
    State(app): State<UseCases>,
    Who(who): Who,
) -> Result<Json<List<ChannelView>>, Problem> {
    Ok(List::whole(app.notices.channels(who.user).await?.channels))
}

/// Add a place
///
/// A webhook gets each notice as `{"type", "timestamp", "data"}`, signed as Standard Webhooks says, with the secret that
/// is in this answer and can never be read again. Redirects are not followed, and an address must be on the public
/// internet, unless the operator has named its origin. E-mail goes to the account's address, which is sent a code first:
/// give it back on the settings page.
#[utoipa::path(
    post,
    path = "/api/notifications/channels",
    operation_id = "add_channel",
    tag = "Notifications",
    request_body(content = ChannelInput, example = json!({"kind": "webhook", "address": "https://hooks.example.com/keyward"})),
    responses((
        status = 201,
        description = "It is added.",
        body = IssuedChannel,
        links(
            ("messages" = (operation_id = "list_messages", parameters(("id" = "$response.body#/id")))),
            ("rotate" = (operation_id = "rotate_channel", parameters(("id" = "$response.body#/id")))),
            ("enable" = (operation_id = "enable_channel", parameters(("id" = "$response.body#/id")))),
            ("delete" = (operation_id = "delete_channel", parameters(("id" = "$response.body#/id")))),
        ),
    )),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["invalid-input", "too-many-channels", "rate-limited"])))
)]
pub(super) async fn add(
    State(app): State<UseCases>,
    Person(who): Person,
    Body(input): Body<ChannelInput>,
) -> Result<Response, Problem> {
    let added = app.notices.add_channel((who.user, &who.email), &input).await?;
    Ok((StatusCode::CREATED, Json(added)).into_response())
}

/// Remove a place
///
/// With the log of what was sent there.
#[utoipa::path(
    delete,
    path = "/api/notifications/channels/{id}",
    operation_id = "delete_channel",
    tag = "Notifications",
    params(("id" = ChannelId, Path, description = "The place.")),
    responses((status = 204, description = "It is removed.")),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn delete(
    State(app): State<UseCases>,
    Person(who): Person,
    PathId(id): PathId<ChannelId>,
) -> Result<StatusCode, Problem> {
    app.notices.delete_channel(who.user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a test
///
/// At once, and once; the answer says what became of it.
#[utoipa::path(
    post,
    path = "/api/notifications/channels/{id}/test",
    operation_id = "test_channel",
    tag = "Notifications",
    params(("id" = ChannelId, Path, description = "The place.")),
    responses((status = 200, description = "It was tried.", body = MessageView)),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["not-found", "rate-limited"])))
)]
pub(super) async fn test(
    State(app): State<UseCases>,
    Person(who): Person,
    PathId(id): PathId<ChannelId>,
) -> Result<Json<MessageView>, Problem> {
    Ok(Json(app.notices.test_channel(who.user, id).await?))
}

/// Give a webhook another secret
///
/// It is in this answer and can never be read again. For a day messages carry a signature by the old one as well; of
/// several in a day, the last three.
#[utoipa::path(
    post,
    path = "/api/notifications/channels/{id}/rotate",
    operation_id = "rotate_channel",
    tag = "Notifications",
    params(("id" = ChannelId, Path, description = "The place.")),
    responses((status = 200, description = "It has another secret.", body = IssuedChannel)),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["not-found", "conflict"])))
)]
pub(super) async fn rotate(
    State(app): State<UseCases>,
    Person(who): Person,
    PathId(id): PathId<ChannelId>,
) -> Result<Json<IssuedChannel>, Problem> {
    Ok(Json(app.notices.rotate_channel(who.user, id).await?))
}

/// Send to a place again
///
/// One where nothing arrived for five days or more was given up, and so was one that answered 410.
#[utoipa::path(
    post,
    path = "/api/notifications/channels/{id}/enable",
    operation_id = "enable_channel",
    tag = "Notifications",
    params(("id" = ChannelId, Path, description = "The place.")),
    responses((status = 200, description = "Messages go there again.", body = ChannelView)),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn enable(
    State(app): State<UseCases>,
    Person(who): Person,
    PathId(id): PathId<ChannelId>,
) -> Result<Json<ChannelView>, Problem> {
    Ok(Json(app.notices.enable_channel(who.user, id).await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MessagesQuery {
    /// The `next` of the part before.
    #[param(value_type = MessageId, required = false)]
    cursor: Option<String>,
}

/// List what was sent to a place, the latest first
///
/// Kept for 30 days. What does not arrive is tried ten times over three days.
#[utoipa::path(
    get,
    path = "/api/notifications/channels/{id}/messages",
    operation_id = "list_messages",
    tag = "Notifications",
    params(("id" = ChannelId, Path, description = "The place."), MessagesQuery),
    responses((status = 200, description = "A part of the messages.", body = List<MessageView>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["bad-request", "not-found", "invalid-input"])))
)]
pub(super) async fn messages(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<ChannelId>,
    query: Given<MessagesQuery>,
) -> Result<Json<List<MessageView>>, Problem> {
    let cursor = read(query)?.cursor.map(|cursor| cursor.parse()).transpose();
    let cursor = cursor.map_err(|_| AppError::field("cursor", FieldError::Malformed))?;
    let list = app.notices.messages(who.user, id, cursor).await?;
    Ok(Json(List { items: list.items, next: list.next.map(|next| next.to_string()) }))
}
