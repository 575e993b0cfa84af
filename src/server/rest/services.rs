//! Access to services.

use axum::{Json, extract::State};

use super::{List, PathId, WithCredentials};
use crate::{
    api::context::UseCases,
    model::{access::AccessDecision, service::ServiceId},
    server::problem::Problem,
};

pub(super) async fn list(
    State(app): State<UseCases>,
    WithCredentials(who): WithCredentials,
) -> Result<Json<List<AccessDecision>>, Problem> {
    Ok(List::whole(app.keys.decide_all(who.principal.user, &who.credentials).await?))
}

pub(super) async fn access(
    State(app): State<UseCases>,
    WithCredentials(who): WithCredentials,
    PathId(service): PathId<ServiceId>,
) -> Result<Json<AccessDecision>, Problem> {
    let grant = app.keys.require_with(who.principal.user, service, &who.credentials).await?;
    Ok(Json(grant.into_decision()))
}
