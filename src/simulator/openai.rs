//! OpenAI, the list of models. Sources: the published OpenAPI description, platform.openai.com/docs/guides/error-codes;
//! answers quoted in microsoft/PowerToys#32989 and ChatGPTNextWeb/NextChat#4175.

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
    keys::{Provider, Situation},
    single_key::situation,
};

const MODELS: [&str; 4] = ["gpt-5.2", "gpt-5.2-mini", "gpt-4o-transcribe", "text-embedding-3-small"];

/// OpenAI, below `/openai`.
pub fn router() -> Router<Simulator> {
    Router::new()
        .route("/v1/models", get(models))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "invalid_request_error", None, "Invalid URL") })
}

/// An error in OpenAI's form: all four members are always there.
pub fn error(status: StatusCode, kind: &str, code: Option<&str>, message: &str) -> Response {
    let body = json!({ "error": { "message": message, "type": kind, "param": null, "code": code } });
    (status, Json(body)).into_response()
}

/// The answer to too many requests.
pub fn too_many_requests() -> Response {
    let message = "Rate limit reached for requests. Please try again in 20s.";
    error(StatusCode::TOO_MANY_REQUESTS, "requests", Some("rate_limit_exceeded"), message)
}

async fn models(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    let situation = match situation(&simulator, Provider::Openai, &headers, &uri).await {
        Ok(situation) => situation,
        Err(answer) => return answer,
    };
    let bad = "invalid_request_error";
    match situation {
        None => {
            // The beginning and the end of what was sent come back, as OpenAI does it.
            let sent = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
            let key = sent.strip_prefix("Bearer ").unwrap_or_default();
            let (start, end) =
                (key.get(..8).unwrap_or_default(), key.get(key.len().max(4) - 4..).unwrap_or_default());
            let message = format!(
                "Incorrect API key provided: {start}***********{end}. You can find your API key at https://platform.openai.com/account/api-keys."
            );
            error(StatusCode::UNAUTHORIZED, bad, Some("invalid_api_key"), &message)
        }
        Some(Situation::Suspended) => {
            let message = "The OpenAI account associated with this API key has been deactivated.";
            error(StatusCode::UNAUTHORIZED, bad, Some("account_deactivated"), message)
        }
        Some(Situation::Restricted) => {
            let message = "You have insufficient permissions for this operation. Missing scopes: api.model.read. Check that you have the correct role in your organization.";
            error(StatusCode::FORBIDDEN, bad, None, message)
        }
        Some(Situation::CountryRefused) => error(
            StatusCode::FORBIDDEN,
            "request_forbidden",
            Some("unsupported_country_region_territory"),
            "Country, region, or territory not supported",
        ),
        Some(Situation::Exhausted) => error(
            StatusCode::TOO_MANY_REQUESTS,
            "insufficient_quota",
            Some("insufficient_quota"),
            "You exceeded your current quota, please check your plan and billing details.",
        ),
        Some(Situation::Throttled) => too_many_requests(),
        Some(Situation::Down) => {
            error(StatusCode::SERVICE_UNAVAILABLE, "server_error", None, "The server is overloaded.")
        }
        Some(_) => {
            let model = |id: &&str| json!({ "id": id, "object": "model", "created": 1_767_225_600, "owned_by": "system", "shutdown_date": null });
            let models: Vec<_> = MODELS.iter().map(model).collect();
            Json(json!({ "object": "list", "data": models })).into_response()
        }
    }
}
