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
        token::{TokenRequest, TokenView},
    },
    server::problem::Problem,
};

pub(super) async fn list(
    State(app): State<UseCases>,
    Person(who): Person,
) -> Result<Json<List<TokenView>>, Problem> {
    Ok(List::whole(app.accounts.tokens(&who).await?))
}

pub(super) async fn issue(
    State(app): State<UseCases>,
    Person(who): Person,
    Body(request): Body<TokenRequest>,
) -> Result<Response, Problem> {
    let issued = app.accounts.issue_token(&who, request).await?;
    Ok((StatusCode::CREATED, Json(issued)).into_response())
}

pub(super) async fn revoke(
    State(app): State<UseCases>,
    Person(who): Person,
    PathId(token): PathId<TokenId>,
) -> Result<StatusCode, Problem> {
    app.accounts.revoke_token(&who, token).await?;
    Ok(StatusCode::NO_CONTENT)
}
