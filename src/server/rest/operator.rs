//! How the installation does, for its operator.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Given, Person, read, searches::parameter};
use crate::{api::context::UseCases, model::operator::HealthReport, server::problem::Problem};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HealthQuery {
    /// How far back calls are counted: `24h`, `7d` or `30d`; 30 days unless given.
    #[param(value_type = String, required = false, pattern = "^(24h|7d|30d)$", example = "7d")]
    range: Option<String>,
}

/// Read how the installation does
///
/// For operators: calls to each provider, how they went and how long they took, keys by how they stand, and for how many
/// users each service is open; over all users, and without telling anything of a single one: a figure behind which fewer
/// than five users stand is `null` or left out.
#[utoipa::path(
    get,
    path = "/api/operator/health",
    operation_id = "read_installation_health",
    tag = "Operations",
    params(HealthQuery),
    responses((status = 200, description = "The figures.", body = HealthReport)),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["bad-request", "invalid-input", "forbidden"])))
)]
pub(super) async fn health(
    State(app): State<UseCases>,
    Person(who): Person,
    query: Given<HealthQuery>,
) -> Result<Json<HealthReport>, Problem> {
    app.accounts.operator(&who).await?;
    let range = parameter("range", read(query)?.range.as_deref())?.unwrap_or_default();
    Ok(Json(app.overview.report(range).await?))
}
