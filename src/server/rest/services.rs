//! Access to services.

use axum::{Json, extract::State};

use super::{List, PathId, Who};
use crate::{
    api::context::UseCases,
    model::{access::AccessDecision, service::ServiceId},
    server::problem::Problem,
};

pub(super) async fn list(
    State(app): State<UseCases>,
    Who(who): Who,
) -> Result<Json<List<AccessDecision>>, Problem> {
    Ok(List::whole(app.keys.decide_all(who.user).await?))
}

pub(super) async fn access(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(service): PathId<ServiceId>,
) -> Result<Json<AccessDecision>, Problem> {
    Ok(Json(app.keys.require(who.user, service).await?.into_decision()))
}
