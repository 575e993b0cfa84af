//! The Gemini API, the list of models. Sources: the discovery document of generativelanguage v1beta,
//! ai.google.dev/gemini-api/docs/troubleshooting; answers quoted in PublicAffairs/openai-gemini#92.

use axum::{
    Json, Router,
    extract::State as Shared,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    Simulator,
    credential::Params,
    keys::{Provider, Situation},
    single_key::situation,
};

const MODELS: [(&str, &str); 3] = [
    ("models/gemini-3.8-flash", "Gemini 3.8 Flash"),
    ("models/gemini-3.8-pro", "Gemini 3.8 Pro"),
    ("models/gemini-embedding-001", "Gemini Embedding"),
];

/// The Gemini API, below `/google_ai`. Its SDKs differ in the version they ask for.
pub fn router() -> Router<Simulator> {
    Router::new()
        .route("/v1beta/models", get(models))
        .route("/v1/models", get(models))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "NOT_FOUND", "Not found.", json!([])) })
}

/// An error in Google's form.
pub fn error(status: StatusCode, name: &str, message: &str, details: Value) -> Response {
    let mut error = json!({ "code": status.as_u16(), "message": message, "status": name });
    if details.as_array().is_some_and(|details| !details.is_empty()) {
        error["details"] = details;
    }
    (status, Json(json!({ "error": error }))).into_response()
}

/// The answer to too many requests.
pub fn too_many_requests() -> Response {
    quota("GenerateRequestsPerMinutePerProjectPerModel", "20s")
}

fn quota(id: &str, delay: &str) -> Response {
    let details = json!([
        {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
                "quotaId": id,
                "quotaValue": "250",
            }],
        },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay },
    ]);
    let message = "You exceeded your current quota, please check your plan and billing details.";
    error(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", message, details)
}

/// The machine-readable half of an error.
fn reason(reason: &str) -> Value {
    json!([{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": { "service": "generativelanguage.googleapis.com" },
    }])
}

async fn models(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    let situation = match situation(&simulator, Provider::GoogleAi, &headers, &uri).await {
        Ok(situation) => situation,
        Err(answer) => return answer,
    };
    let denied = StatusCode::FORBIDDEN;
    match situation {
        None => error(
            StatusCode::BAD_REQUEST,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            reason("API_KEY_INVALID"),
        ),
        Some(Situation::WrongKind) => error(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
            reason("ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ),
        Some(Situation::ReportedLeaked) => error(
            denied,
            "PERMISSION_DENIED",
            "Your API key was reported as leaked. Please use another API key.",
            json!([]),
        ),
        Some(Situation::Suspended) => {
            // The whole key comes back, as Google does it.
            let key = headers.get("x-goog-api-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
            let message = format!("Permission denied: Consumer 'api_key:{key}' has been suspended.");
            error(denied, "PERMISSION_DENIED", &message, reason("CONSUMER_SUSPENDED"))
        }
        Some(Situation::Restricted) => error(
            denied,
            "PERMISSION_DENIED",
            "Requests to this API generativelanguage.googleapis.com are blocked.",
            reason("API_KEY_SERVICE_BLOCKED"),
        ),
        Some(Situation::CountryRefused) => error(
            StatusCode::BAD_REQUEST,
            "FAILED_PRECONDITION",
            "User location is not supported for the API use.",
            json!([]),
        ),
        Some(Situation::Exhausted) => quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "41820s"),
        Some(Situation::Throttled) => too_many_requests(),
        Some(Situation::Down) => error(
            StatusCode::SERVICE_UNAVAILABLE,
            "UNAVAILABLE",
            "The model is overloaded. Please try again later.",
            json!([]),
        ),
        Some(_) => {
            let asked = Params::of(&uri).get("pageSize").and_then(|size| size.parse::<usize>().ok());
            let shown = asked.unwrap_or(50).clamp(1, MODELS.len());
            let model = |(name, title): &(&str, &str)| json!({ "name": name, "version": "001", "displayName": title, "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536, "supportedGenerationMethods": ["generateContent", "countTokens"] });
            let models: Vec<_> = MODELS.iter().take(shown).map(model).collect();
            let mut body = json!({ "models": models });
            if shown < MODELS.len() {
                body["nextPageToken"] = "Ch9tb2RlbHM".into();
            }
            Json(body).into_response()
        }
    }
}
