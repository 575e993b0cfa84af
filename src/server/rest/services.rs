//! Access to services.

use axum::{Json, extract::State};

use super::{List, PathId, WithCredentials};
use crate::{
    api::context::UseCases,
    model::{access::AccessDecision, service::ServiceId},
    server::problem::Problem,
};

/// List the services, each with whether it is open
#[utoipa::path(
    get,
    path = "/api/services",
    operation_id = "list_services",
    tag = "Services",
    responses((status = 200, description = "The decision on every service.", body = List<AccessDecision>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"]))
)]
pub(super) async fn list(
    State(app): State<UseCases>,
    WithCredentials(who): WithCredentials,
) -> Result<Json<List<AccessDecision>>, Problem> {
    Ok(List::whole(app.keys.decide_all(who.principal.user, &who.credentials).await?))
}

/// Ask whether a service is open
///
/// A closed service answers 403 and says which keys it lacks, and where to set them up.
#[utoipa::path(
    get,
    path = "/api/services/{service}/access",
    operation_id = "read_access",
    tag = "Services",
    params(("service" = ServiceId, Path, description = "The service.")),
    responses((status = 200, description = "The service is open.", body = AccessDecision)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["missing-api-keys", "not-found"])))
)]
pub(super) async fn access(
    State(app): State<UseCases>,
    WithCredentials(who): WithCredentials,
    PathId(service): PathId<ServiceId>,
) -> Result<Json<AccessDecision>, Problem> {
    let grant = app.keys.require_with(who.principal.user, service, &who.credentials).await?;
    Ok(Json(grant.into_decision()))
}
