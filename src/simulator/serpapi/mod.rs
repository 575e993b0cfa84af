//! SerpAPI. Sources: <https://serpapi.com/account-api>, `/api-status-and-error-codes`, `/google-maps-api`,
//! `/maps-local-results`, `/search-api`, `/organic-results`. Texts that the documentation does not give word for
//! word (403, hourly limit, wrong parameter values) are the simulator's own.

pub mod archive;
mod business;
mod locations;
mod organic;
mod places;
pub mod quota;
mod search;
mod written;

use axum::{
    Json, Router,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    Simulator,
    credential::{Params, Presented, sha256_hex},
    faults,
    keys::{Provider, Situation},
    state::{Account, now},
};
use crate::model::time::Timestamp;

/// The error of a key that is missing or not accepted.
const INVALID_KEY: &str = "Invalid API key. Your API key should be here: https://serpapi.com/manage-api-key";
/// The error of an account without searches left.
const USED_UP: &str = "Your account has run out of searches.";
/// The error when the hour's limit is reached.
pub const THROUGHPUT: &str = "You have exceeded the hourly throughput limit of your account.";

/// SerpAPI, below `/serpapi`.
pub fn router() -> Router<Simulator> {
    Router::new()
        .route("/account.json", get(account))
        .route("/account", get(account))
        .route("/search.json", get(search::search))
        .route("/search", get(search::search))
        .route("/searches/{id}", get(archived))
        .route("/locations.json", get(locations::locations))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "Not found.") })
}

/// An error in SerpAPI's form.
pub fn error(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}

/// The place of the account that may go on, or the answer that ends the request.
async fn admit(simulator: &Simulator, headers: &HeaderMap, params: &Params) -> Result<usize, Response> {
    let found = {
        let state = simulator.lock();
        Presented::of(Provider::Serpapi, headers, params)
            .and_then(|presented| state.find(Provider::Serpapi, &presented))
            .map(|(place, _)| (place, state.accounts[place].situation))
    };
    match found {
        None | Some((_, Situation::Invalid)) => Err(error(StatusCode::UNAUTHORIZED, INVALID_KEY)),
        Some((_, Situation::NoPermission)) => {
            Err(error(StatusCode::FORBIDDEN, "Your account does not have permission to make this request."))
        }
        Some((_, Situation::Down)) => {
            Err(error(StatusCode::SERVICE_UNAVAILABLE, "The service is temporarily unavailable."))
        }
        Some((_, Situation::HangsUp)) => Err(faults::hang_up()),
        Some((_, Situation::NeverAnswers)) => Err(faults::never().await),
        Some((place, _)) => Ok(place),
    }
}

async fn account(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    let params = Params::of(&uri);
    match admit(&simulator, &headers, &params).await {
        Err(refusal) => refusal,
        Ok(place) => {
            // The key comes back in the body, as SerpAPI does it.
            let key = params.get("api_key").or_else(|| params.get("serp_api_key")).unwrap_or_default();
            Json(account_body(&simulator.lock().accounts[place], key, now())).into_response()
        }
    }
}

fn account_body(account: &Account, key: &str, now: Timestamp) -> Value {
    let id = account.entry.id;
    let quota = &account.quota;
    let plan = quota.plan();
    json!({
        "account_id": &sha256_hex(id)[..24],
        "api_key": key,
        "account_email": format!("{id}@accounts.example"),
        "account_status": "Active",
        "plan_id": plan.id,
        "plan_name": plan.name,
        "plan_monthly_price": plan.monthly_price,
        "plan_renewal_date": quota::renewal_date(now),
        "searches_per_month": plan.per_month,
        "plan_searches_left": quota.left(),
        "extra_credits": 0,
        "total_searches_left": quota.left(),
        "this_month_usage": quota.used(),
        "this_hour_searches": quota.this_hour(now),
        "last_hour_searches": quota.last_hour(now),
        "account_rate_limit_per_hour": plan.per_hour,
    })
}

async fn archived(
    Shared(simulator): Shared<Simulator>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let params = Params::of(&uri);
    match admit(&simulator, &headers, &params).await {
        Err(refusal) => refusal,
        Ok(place) => {
            let known = id.split('.').next().unwrap_or_default();
            match simulator.lock().archive.get(place, known) {
                Some(body) => written::written(body, written::output(&params, &id)),
                None => error(StatusCode::NOT_FOUND, "The requested search does not exist."),
            }
        }
    }
}
