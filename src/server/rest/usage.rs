//! What keys were used for. Needs no key.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Given, Who, read, searches::parameter};
use crate::{
    api::context::UseCases,
    model::{ids::ProviderId, report::UsageTable, usage::UsageReport},
    server::problem::Problem,
};

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
    /// Only what concerns this provider.
    #[param(value_type = ProviderId, required = false)]
    provider: Option<String>,
}

/// Read what was used
///
/// Calls to providers made with the caller's keys: in all, step by step, by operation, and what failed; what
/// providers charged, where they say it call by call; the totals of as much of the range before, to compare with; and what
/// checks told of the quotas of the stored keys, over the range and at least over the last 14 days, with how long they last
/// at the pace of those; day by day, over the last 90 days, how many calls and checks each provider left unanswered; and how
/// the calls of each version of a key went. Days are those of one offset from UTC, also where the clocks of a zone were set
/// in between. Single calls and figures of quotas are kept for 90 days, what calls add up to for two years.
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
    let provider = parameter("provider", query.provider.as_deref())?;
    Ok(Json(app.analytics.report(who.user, range, offset, provider).await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FileQuery {
    /// Which table: `operations` unless given.
    #[param(value_type = String, required = false, pattern = "^(operations|steps|failures|costs|quotas|availability|versions)$", example = "operations")]
    table: Option<String>,
    /// How far back: `24h`, `7d`, `30d`, `90d` or `52w`; 30 days unless given.
    #[param(value_type = String, required = false, pattern = "^(24h|7d|30d|90d|52w)$", example = "7d")]
    range: Option<String>,
    /// Minutes that the zone in which days begin is ahead of UTC; 0 unless given.
    #[param(value_type = i32, required = false, minimum = -720, maximum = 840, example = 60)]
    offset: Option<String>,
    /// Only what concerns this provider.
    #[param(value_type = ProviderId, required = false)]
    provider: Option<String>,
}

/// Download what was used as CSV
///
/// One table of the report. Times are in UTC.
#[utoipa::path(
    get,
    path = "/api/usage.csv",
    operation_id = "download_usage",
    tag = "Analytics",
    params(FileQuery),
    responses((status = 200, description = "A file in UTF-8 with a line of headings. Cells that a spreadsheet could take for a formula begin with an apostrophe.", body = String, content_type = "text/csv", headers(("Content-Disposition" = String, description = "The name of the file.")))),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["bad-request", "invalid-input"])))
)]
pub(super) async fn csv(
    State(app): State<UseCases>,
    Who(who): Who,
    query: Given<FileQuery>,
) -> Result<Response, Problem> {
    let query = read(query)?;
    let table: UsageTable = parameter("table", query.table.as_deref())?.unwrap_or_default();
    let range = parameter("range", query.range.as_deref())?.unwrap_or_default();
    let offset = parameter("offset", query.offset.as_deref())?.unwrap_or_default();
    let provider = parameter("provider", query.provider.as_deref())?;
    let file = app.analytics.file(who.user, table, range, offset, provider).await?;
    // The name has no character that would need quoting.
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, file.content).into_response())
}
