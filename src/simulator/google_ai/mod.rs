//! The Gemini API: models, content and the counting of tokens. Sources: the discovery document of
//! generativelanguage v1beta, ai.google.dev/gemini-api/docs/troubleshooting; answers quoted in
//! PublicAffairs/openai-gemini#92.

mod content;

use axum::{
    Json, Router,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Value, json};

use super::{
    Simulator,
    credential::{Params, Presented},
    keys::{Provider, Situation},
    language::allowance::{REQUESTS, Refusal},
    single_key::caller,
    state::now,
    upload::large_bodies,
};

/// The service's name in errors.
const SERVICE: &str = "generativelanguage.googleapis.com";

/// A model.
struct Model {
    name: &'static str,
    title: &'static str,
    methods: &'static [&'static str],
}

const MODELS: [Model; 3] = [
    Model {
        name: "models/gemini-3.8-flash",
        title: "Gemini 3.8 Flash",
        methods: &["generateContent", "countTokens"],
    },
    Model {
        name: "models/gemini-3.8-pro",
        title: "Gemini 3.8 Pro",
        methods: &["generateContent", "countTokens"],
    },
    Model { name: "models/gemini-embedding-001", title: "Gemini Embedding", methods: &["embedContent"] },
];

/// The Gemini API, below `/google_ai`. Its SDKs differ in the version they ask for.
pub fn router() -> Router<Simulator> {
    let mut router = Router::new();
    for version in ["/v1beta", "/v1"] {
        let routes = Router::new()
            .route("/models", get(models))
            .route("/models/{call}", get(model).post(content::call));
        router = router.nest(version, routes);
    }
    router.fallback(|| async { not_found("Not found.") }).layer(large_bodies())
}

/// An error in Google's form.
pub fn error(status: StatusCode, name: &str, message: &str, details: Value) -> Response {
    let mut error = json!({ "code": status.as_u16(), "message": message, "status": name });
    if details.as_array().is_some_and(|details| !details.is_empty()) {
        error["details"] = details;
    }
    (status, Json(json!({ "error": error }))).into_response()
}

/// A request that cannot be understood.
pub fn refuse(message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message, json!([]))
}

/// Something that does not exist.
pub fn not_found(message: &str) -> Response {
    error(StatusCode::NOT_FOUND, "NOT_FOUND", message, json!([]))
}

/// The answer to too many requests.
pub fn too_many_requests() -> Response {
    per_minute(20)
}

fn per_minute(seconds: u64) -> Response {
    quota(
        "generativelanguage.googleapis.com/generate_content_requests",
        "GenerateRequestsPerMinutePerProjectPerModel",
        seconds,
    )
}

/// A quota that is used up, for so many seconds.
pub fn quota(metric: &str, id: &str, seconds: u64) -> Response {
    let violation = json!({ "quotaMetric": metric, "quotaId": id, "quotaValue": REQUESTS.to_string() });
    let details = json!([
        { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation] },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s") },
    ]);
    let message = "You exceeded your current quota, please check your plan and billing details.";
    error(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", message, details)
}

fn per_day() -> Response {
    quota(
        "generativelanguage.googleapis.com/generate_content_free_tier_requests",
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
        41_820,
    )
}

/// The machine-readable half of an error.
fn reason(service: &str, reason: &str) -> Value {
    json!([{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": { "service": service },
    }])
}

/// The refusal of a key that `service` does not let in; nothing where it does or where the situation is of another kind.
pub fn refusal(
    service: &str,
    situation: Option<Situation>,
    presented: Option<Presented>,
) -> Option<Response> {
    let denied =
        |message: &str, details| Some(error(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message, details));
    match (situation, presented) {
        (None, None) => denied(
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
            json!([]),
        ),
        (None, Some(_)) => Some(error(
            StatusCode::BAD_REQUEST,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            reason(service, "API_KEY_INVALID"),
        )),
        (Some(Situation::WrongKind), _) => Some(error(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
            reason(service, "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        )),
        (Some(Situation::ReportedLeaked), _) => {
            denied("Your API key was reported as leaked. Please use another API key.", json!([]))
        }
        // The whole key comes back, as Google does it.
        (Some(Situation::Suspended), Some(Presented::ApiKey(key))) => denied(
            &format!("Permission denied: Consumer 'api_key:{key}' has been suspended."),
            reason(service, "CONSUMER_SUSPENDED"),
        ),
        (Some(Situation::Restricted), _) => denied(
            &format!("Requests to this API {service} are blocked."),
            reason(service, "API_KEY_SERVICE_BLOCKED"),
        ),
        (Some(Situation::CountryRefused), _) => Some(error(
            StatusCode::BAD_REQUEST,
            "FAILED_PRECONDITION",
            "User location is not supported for the API use.",
            json!([]),
        )),
        (Some(Situation::Down), _) => Some(error(
            StatusCode::SERVICE_UNAVAILABLE,
            "UNAVAILABLE",
            "The model is overloaded. Please try again later.",
            json!([]),
        )),
        _ => None,
    }
}

/// The place of the account that may go on, or the answer that ends the request.
async fn admit(simulator: &Simulator, headers: &HeaderMap, uri: &Uri) -> Result<usize, Response> {
    let found = caller(simulator, Provider::GoogleAi, headers, uri).await?;
    let presented = Presented::of(Provider::GoogleAi, headers, &Params::of(uri));
    if let Some(refusal) = refusal(SERVICE, found.map(|(_, situation)| situation), presented) {
        return Err(refusal);
    }
    match found {
        Some((_, Situation::Exhausted)) => Err(per_day()),
        Some((place, situation)) if situation != Situation::Throttled => Ok(place),
        _ => Err(too_many_requests()),
    }
}

/// As [`admit`], of a request that counts.
async fn admit_generation(simulator: &Simulator, headers: &HeaderMap, uri: &Uri) -> Result<usize, Response> {
    let place = admit(simulator, headers, uri).await?;
    match simulator.lock().accounts[place].allowance.refusal(now()) {
        Some(Refusal::Credit) => Err(per_day()),
        Some(Refusal::Pace(seconds)) => Err(per_minute(seconds)),
        None => Ok(place),
    }
}

fn describe(model: &Model) -> Value {
    json!({
        "name": model.name,
        "version": "001",
        "displayName": model.title,
        "description": format!("A stand-in for {}.", model.title),
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": model.methods,
        "temperature": 1.0,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2.0,
        "thinking": true,
    })
}

async fn models(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    if let Err(refusal) = admit(&simulator, &headers, &uri).await {
        return refusal;
    }
    let params = Params::of(&uri);
    let size = match params.get("pageSize").map(str::parse::<usize>) {
        None | Some(Ok(0)) => 50,
        Some(Ok(size)) => size.min(1_000),
        Some(Err(_)) => return refuse("Invalid value at 'page_size'."),
    };
    // A token is the name of the last model of the page before.
    let after = |token: &str| {
        let name = String::from_utf8(STANDARD_NO_PAD.decode(token).ok()?).ok()?;
        MODELS.iter().position(|model| model.name == name)
    };
    let from = match params.get("pageToken").filter(|token| !token.is_empty()).map(after) {
        None => 0,
        Some(Some(place)) => place + 1,
        Some(None) => return refuse("Invalid page token."),
    };
    let shown = &MODELS[from..(from + size).min(MODELS.len())];
    let mut body = json!({ "models": shown.iter().map(describe).collect::<Vec<_>>() });
    if let Some(last) = shown.last().filter(|_| from + size < MODELS.len()) {
        body["nextPageToken"] = STANDARD_NO_PAD.encode(last.name).into();
    }
    Json(body).into_response()
}

async fn model(
    Shared(simulator): Shared<Simulator>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    match admit(&simulator, &headers, &uri).await {
        Err(refusal) => refusal,
        Ok(_) => match find(&id) {
            Some(model) => Json(describe(model)).into_response(),
            None => not_found(&format!("Model is not found: models/{id} for api version v1beta")),
        },
    }
}

fn find(id: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.name.strip_prefix("models/") == Some(id))
}
