//! What keys were used for. Needs no key.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Given, Who, read, searches::parameter};
use crate::{api::context::UseCases, model::usage::UsageReport, server::problem::Problem};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UsageQuery {
    /// How far back: `24h`, `7d`, `30d`, `90d` or `52w`; 30 days unless given.
    #[param(value_type = String, required = false, pattern = "^(24h|7d|30d|90d|52w)$", example = "7d")]
    range: Option<String>,
    /// Minutes that the zone in which days begin is ahead of UTC; 0 unless given.
    #[param(value_type = i32, required = false, minimum = -720, maximum = 840, example = 60)]
    offset: Option<String>,
}

/// Read what was used
///
/// Calls to providers made with the caller's keys: in all, step by step, by operation, and what failed; what
/// providers charged, where they say it call by call; and the totals of the range before, to compare with. Single calls
/// are kept for 90 days, what they add up to for two years.
#[utoipa::path(
    get,
    path = "/api/usage",
    operation_id = "read_usage",
    tag = "Analytics",
    params(UsageQuery),
    responses((status = 200, description = "The report.", body = UsageReport)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["bad-request", "invalid-input"])))
)]
pub(super) async fn report(
    State(app): State<UseCases>,
    Who(who): Who,
    query: Given<UsageQuery>,
) -> Result<Json<UsageReport>, Problem> {
    let query = read(query)?;
    let range = parameter("range", query.range.as_deref())?.unwrap_or_default();
    let offset = parameter("offset", query.offset.as_deref())?.unwrap_or_default();
    Ok(Json(app.analytics.report(who.user, range, offset).await?))
}
