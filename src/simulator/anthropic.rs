//! Anthropic, the list of models. Sources: platform.claude.com/docs/en/api/errors, /models-list, /versioning.

use axum::{
    Json, Router,
    extract::State as Shared,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

use super::{
    Simulator,
    credential::Params,
    keys::{Provider, Situation},
    single_key::situation,
};

const MODELS: [(&str, &str); 3] = [
    ("claude-opus-5-5", "Claude Opus 5.5"),
    ("claude-sonnet-5-5", "Claude Sonnet 5.5"),
    ("claude-haiku-4-5", "Claude Haiku 4.5"),
];

/// Anthropic, below `/anthropic`.
pub fn router() -> Router<Simulator> {
    Router::new()
        .route("/v1/models", get(models))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "not_found_error", "Not found") })
}

/// An error in Anthropic's form.
pub fn error(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({
        "type": "error",
        "error": { "type": kind, "message": message },
        "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    });
    (status, Json(body)).into_response()
}

/// The answer to too many requests.
pub fn too_many_requests() -> Response {
    let mut response = error(
        StatusCode::TOO_MANY_REQUESTS,
        "rate_limit_error",
        "This request would exceed your rate limit.",
    );
    response.headers_mut().insert("retry-after", axum::http::HeaderValue::from_static("20"));
    response
}

async fn models(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    if !headers.contains_key("anthropic-version") {
        return error(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            "anthropic-version: header is required",
        );
    }
    let situation = match situation(&simulator, Provider::Anthropic, &headers, &uri).await {
        Ok(situation) => situation,
        Err(answer) => return answer,
    };
    match situation {
        None => error(StatusCode::UNAUTHORIZED, "authentication_error", "invalid x-api-key"),
        Some(Situation::Suspended) => {
            error(StatusCode::BAD_REQUEST, "invalid_request_error", "This organization has been disabled.")
        }
        Some(Situation::Exhausted) => error(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
        ),
        Some(Situation::Restricted) => error(
            StatusCode::FORBIDDEN,
            "permission_error",
            "Your API key does not have permission to use the specified resource.",
        ),
        Some(Situation::CountryRefused) => error(StatusCode::FORBIDDEN, "forbidden", "Request not allowed"),
        Some(Situation::Throttled) => too_many_requests(),
        Some(Situation::Down) => {
            let overloaded = StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            error(overloaded, "overloaded_error", "Overloaded")
        }
        Some(_) => {
            let asked = Params::of(&uri).get("limit").and_then(|limit| limit.parse::<usize>().ok());
            let shown = asked.unwrap_or(20).clamp(1, MODELS.len());
            let model = |(id, name): &(&str, &str)| json!({ "type": "model", "id": id, "display_name": name, "created_at": "2025-10-01T00:00:00Z" });
            let models: Vec<_> = MODELS.iter().take(shown).map(model).collect();
            Json(json!({
                "data": models,
                "has_more": shown < MODELS.len(),
                "first_id": MODELS[0].0,
                "last_id": MODELS[shown - 1].0,
            }))
            .into_response()
        }
    }
}
