//! Anthropic: models, messages and the counting of tokens. Sources: platform.claude.com/docs/en/api/errors,
//! /models-list, /versioning, /messages, /messages-streaming, /rate-limits, /migration-2026-10-21.

mod messages;

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    Simulator,
    credential::Params,
    keys::{Provider, Situation},
    language::allowance::{REQUESTS, Refusal, TOKENS},
    single_key::caller,
    state::now,
    upload::large_bodies,
};

const MODELS: [(&str, &str); 3] = [
    ("claude-opus-5-5", "Claude Opus 5.5"),
    ("claude-sonnet-5-5", "Claude Sonnet 5.5"),
    ("claude-haiku-4-5", "Claude Haiku 4.5"),
];
/// The type of an error in the request.
const BAD_REQUEST: &str = "invalid_request_error";

/// Anthropic, below `/anthropic`.
pub fn router() -> Router<Simulator> {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{id}", get(model))
        .route("/v1/messages", post(messages::create))
        .route("/v1/messages/count_tokens", post(messages::count_tokens))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "not_found_error", "Not found") })
        .layer(large_bodies())
}

/// An error in Anthropic's form.
pub fn error(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({
        "type": "error",
        "error": { "type": kind, "message": message },
        "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    });
    (status, [("request-id", "req_011CSHoEeqs5C35K2UUqR7Fy")], Json(body)).into_response()
}

/// The answer to too many requests.
pub fn too_many_requests() -> Response {
    slow_down(20)
}

fn slow_down(seconds: u64) -> Response {
    let message = "This request would exceed your rate limit.";
    let answer = error(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", message);
    ([("retry-after", seconds.to_string())], answer).into_response()
}

fn refuse(message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, BAD_REQUEST, message)
}

fn no_credit() -> Response {
    refuse(
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
    )
}

/// The version of the API that a request is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// 2023-06-01.
    First,
    /// 2026-10-21.
    Second,
}

impl Version {
    fn of(headers: &HeaderMap) -> Result<Self, Response> {
        match headers.get("anthropic-version").and_then(|value| value.to_str().ok()) {
            None => Err(refuse("anthropic-version: header is required")),
            Some("2023-06-01") => Ok(Self::First),
            Some("2026-10-21") => Ok(Self::Second),
            Some(other) => Err(refuse(&format!("anthropic-version: \"{other}\" is not a valid version"))),
        }
    }
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Models,
    Generation,
}

/// The place of the account that may go on, or the answer that ends the request.
async fn admit(
    simulator: &Simulator,
    headers: &HeaderMap,
    uri: &Uri,
    purpose: For,
) -> Result<(usize, Version), Response> {
    let version = Version::of(headers)?;
    let Some((place, situation)) = caller(simulator, Provider::Anthropic, headers, uri).await? else {
        return Err(error(StatusCode::UNAUTHORIZED, "authentication_error", "invalid x-api-key"));
    };
    match situation {
        Situation::Suspended => Err(refuse("This organization has been disabled.")),
        Situation::Exhausted => Err(no_credit()),
        Situation::Restricted if purpose == For::Models => Err(error(
            StatusCode::FORBIDDEN,
            "permission_error",
            "Your API key does not have permission to use the specified resource.",
        )),
        Situation::CountryRefused => Err(error(StatusCode::FORBIDDEN, "forbidden", "Request not allowed")),
        Situation::Throttled => Err(too_many_requests()),
        Situation::Down => {
            let overloaded = StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            Err(error(overloaded, "overloaded_error", "Overloaded"))
        }
        _ if purpose == For::Models => Ok((place, version)),
        _ => match simulator.lock().accounts[place].allowance.refusal(now()) {
            Some(Refusal::Credit) => Err(no_credit()),
            Some(Refusal::Pace(seconds)) => Err(slow_down(seconds)),
            None => Ok((place, version)),
        },
    }
}

/// The headers of an answer that was counted.
fn counted(simulator: &Simulator, place: usize, answer: Response) -> Response {
    let (left, id) = {
        let mut state = simulator.lock();
        (state.accounts[place].allowance.left(now()), state.fresh())
    };
    let reset = now().plus(Duration::from_secs(left.seconds)).to_string();
    let headers = [
        ("anthropic-ratelimit-requests-limit", REQUESTS.to_string()),
        ("anthropic-ratelimit-requests-remaining", left.requests.to_string()),
        ("anthropic-ratelimit-requests-reset", reset.clone()),
        ("anthropic-ratelimit-tokens-limit", TOKENS.to_string()),
        ("anthropic-ratelimit-tokens-remaining", left.tokens.to_string()),
        ("anthropic-ratelimit-tokens-reset", reset),
        ("request-id", format!("req_{id}")),
    ];
    (headers, answer).into_response()
}

fn describe((id, name): &(&str, &str), version: Version) -> Value {
    let mut model =
        json!({ "type": "model", "id": id, "display_name": name, "created_at": "2025-10-01T00:00:00Z" });
    if version == Version::Second {
        model["max_input_tokens"] = 200_000.into();
        model["max_tokens"] = 64_000.into();
        model["lifecycle"] = "active".into();
        model["deprecated_at"] = Value::Null;
        model["retires_at"] = Value::Null;
    }
    model
}

async fn models(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    let (_, version) = match admit(&simulator, &headers, &uri, For::Models).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let params = Params::of(&uri);
    let limit = match params.get("limit").map(str::parse::<usize>) {
        None => 20,
        Some(Ok(limit @ 1..=1_000)) => limit,
        Some(_) => return refuse("limit: Input should be a number from 1 to 1000"),
    };
    let place = |id: &str| MODELS.iter().position(|(known, _)| *known == id);
    let unknown = |name: &str| refuse(&format!("{name}: no such model"));
    let (from, to) = match (params.get("after_id"), params.get("before_id")) {
        (Some(_), Some(_)) => return refuse("Only one of after_id and before_id may be given"),
        (Some(id), None) => match place(id) {
            Some(place) => (place + 1, (place + 1 + limit).min(MODELS.len())),
            None => return unknown("after_id"),
        },
        (None, Some(id)) => match place(id) {
            Some(place) => (place.saturating_sub(limit), place),
            None => return unknown("before_id"),
        },
        (None, None) => (0, limit.min(MODELS.len())),
    };
    let shown = &MODELS[from..to];
    let more = if params.get("before_id").is_some() { from > 0 } else { to < MODELS.len() };
    Json(json!({
        "data": shown.iter().map(|model| describe(model, version)).collect::<Vec<_>>(),
        "has_more": more,
        "first_id": shown.first().map(|(id, _)| id),
        "last_id": shown.last().map(|(id, _)| id),
    }))
    .into_response()
}

async fn model(
    Shared(simulator): Shared<Simulator>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    match admit(&simulator, &headers, &uri, For::Models).await {
        Err(refusal) => refusal,
        Ok((_, version)) => match MODELS.iter().find(|(known, _)| *known == id) {
            Some(model) => Json(describe(model, version)).into_response(),
            None => unknown_model(&id),
        },
    }
}

fn unknown_model(id: &str) -> Response {
    error(StatusCode::NOT_FOUND, "not_found_error", &format!("model: {id}"))
}
