//! Personal API tokens. Sessions make, list and revoke them; tokens cannot.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;

use super::{Body, List, PathId, Person};
use crate::{
    api::context::UseCases,
    model::{
        ids::TokenId,
        token::{IssuedToken, TokenRequest, TokenView},
    },
    server::problem::Problem,
};

/// List the API tokens
///
/// Those that are alive, without their texts.
#[utoipa::path(
    get,
    path = "/api/tokens",
    operation_id = "list_tokens",
    tag = "Accounts",
    responses((status = 200, description = "The tokens, the latest first.", body = List<TokenView>)),
    security(("session" = []), ("login_token" = []))
)]
pub(super) async fn list(
    State(app): State<UseCases>,
    Person(who): Person,
) -> Result<Json<List<TokenView>>, Problem> {
    Ok(List::whole(app.accounts.tokens(&who).await?))
}

/// Make an API token
///
/// For programs that act in your name. Give it no more scopes than it needs. Its text is in this answer and can
/// never be read again; it ends with your password.
#[utoipa::path(
    post,
    path = "/api/tokens",
    operation_id = "issue_token",
    tag = "Accounts",
    request_body(content = TokenRequest, example = json!({"name": "nightly report", "scopes": ["read"], "expires_in_days": 30})),
    responses((status = 201, description = "The token.", body = IssuedToken)),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["invalid-input", "too-many-tokens"])))
)]
pub(super) async fn issue(
    State(app): State<UseCases>,
    Person(who): Person,
    Body(request): Body<TokenRequest>,
) -> Result<Response, Problem> {
    let issued = app.accounts.issue_token(&who, request).await?;
    Ok((StatusCode::CREATED, Json(issued)).into_response())
}

/// Revoke an API token
#[utoipa::path(
    delete,
    path = "/api/tokens/{id}",
    operation_id = "revoke_token",
    tag = "Accounts",
    params(("id" = TokenId, Path, description = "The token.")),
    responses((status = 204, description = "It works no more.")),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn revoke(
    State(app): State<UseCases>,
    Person(who): Person,
    PathId(token): PathId<TokenId>,
) -> Result<StatusCode, Problem> {
    app.accounts.revoke_token(&who, token).await?;
    Ok(StatusCode::NO_CONTENT)
}
