//! OpenAI: models, chat completions, responses and transcriptions. Sources: the published OpenAPI description,
//! platform.openai.com/docs/guides/error-codes, /docs/guides/rate-limits; answers quoted in
//! microsoft/PowerToys#32989 and ChatGPTNextWeb/NextChat#4175.

mod chat;
mod responses;
mod transcription;

use axum::{
    Json, Router,
    extract::{Path, State as Shared},
    http::{HeaderMap, HeaderValue, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    Asked, Simulator,
    keys::{Provider, Situation},
    language::allowance::{REQUESTS, Refusal, TOKENS},
    single_key::caller,
    state::now,
    upload::large_bodies,
};

/// How the names of reasoning models begin.
const REASONING: &str = "gpt-5";
const MODELS: [&str; 6] =
    ["gpt-5.2", "gpt-5.2-mini", "gpt-4o-transcribe", "text-embedding-3-small", "gpt-4.1-mini", "whisper-1"];
/// The type of most errors.
const BAD_REQUEST: &str = "invalid_request_error";

/// OpenAI, below `/openai`.
pub fn router() -> Router<Simulator> {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{id}", get(model))
        .route("/v1/chat/completions", post(chat::completions))
        .route("/v1/responses", post(responses::create))
        .route("/v1/audio/transcriptions", post(transcription::transcribe))
        .fallback(|| async { error(StatusCode::NOT_FOUND, BAD_REQUEST, None, "Invalid URL") })
        .layer(large_bodies())
}

/// An error in OpenAI's form: all four members are always there.
pub fn error(status: StatusCode, kind: &str, code: Option<&str>, message: &str) -> Response {
    let body = json!({ "error": { "message": message, "type": kind, "param": null, "code": code } });
    (status, Json(body)).into_response()
}

/// The answer to too many requests.
pub fn too_many_requests() -> Response {
    slow_down(20)
}

fn slow_down(seconds: u64) -> Response {
    let message = format!("Rate limit reached for requests. Please try again in {seconds}s.");
    let answer = error(StatusCode::TOO_MANY_REQUESTS, "requests", Some("rate_limit_exceeded"), &message);
    ([("retry-after", seconds.to_string())], answer).into_response()
}

/// The refusal of a request that cannot be understood.
fn refuse(param: Option<&str>, code: Option<&str>, message: &str) -> Response {
    let error = json!({ "message": message, "type": BAD_REQUEST, "param": param, "code": code });
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
}

fn missing(param: &str) -> Response {
    let message = format!("Missing required parameter: '{param}'.");
    refuse(Some(param), Some("missing_required_parameter"), &message)
}

fn unknown_model(id: &str) -> Response {
    let message = format!("The model `{id}` does not exist or you do not have access to it.");
    error(StatusCode::NOT_FOUND, BAD_REQUEST, Some("model_not_found"), &message)
}

fn no_credit() -> Response {
    let kind = "insufficient_quota";
    let message = "You exceeded your current quota, please check your plan and billing details.";
    let answer = error(StatusCode::TOO_MANY_REQUESTS, kind, Some(kind), message);
    // Keeps the SDKs from trying again.
    ([("x-should-retry", "false")], answer).into_response()
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
) -> Result<usize, Response> {
    let Some((place, situation)) = caller(simulator, Provider::Openai, headers, uri).await? else {
        return Err(unknown_key(headers));
    };
    match situation {
        Situation::Suspended => {
            let message = "The OpenAI account associated with this API key has been deactivated.";
            Err(error(StatusCode::UNAUTHORIZED, BAD_REQUEST, Some("account_deactivated"), message))
        }
        Situation::Restricted if purpose == For::Models => {
            let message = "You have insufficient permissions for this operation. Missing scopes: api.model.read. Check that you have the correct role in your organization.";
            Err(error(StatusCode::FORBIDDEN, BAD_REQUEST, None, message))
        }
        Situation::CountryRefused => Err(error(
            StatusCode::FORBIDDEN,
            "request_forbidden",
            Some("unsupported_country_region_territory"),
            "Country, region, or territory not supported",
        )),
        Situation::Exhausted => Err(no_credit()),
        Situation::Throttled => Err(too_many_requests()),
        Situation::Down => {
            Err(error(StatusCode::SERVICE_UNAVAILABLE, "server_error", None, "The server is overloaded."))
        }
        _ if purpose == For::Models => Ok(place),
        _ => match simulator.lock().accounts[place].allowance.refusal(now()) {
            Some(Refusal::Credit) => Err(no_credit()),
            Some(Refusal::Pace(seconds)) => Err(slow_down(seconds)),
            None => Ok(place),
        },
    }
}

/// Who asks for something to be generated, what is asked and of which model.
async fn enter(
    Asked { simulator, headers, uri }: &Asked,
    body: &[u8],
) -> Result<(usize, Value, String), Response> {
    let place = admit(simulator, headers, uri, For::Generation).await?;
    let (body, model) = understand(body)?;
    Ok((place, body, model))
}

/// The beginning and the end of what was sent come back, as OpenAI does it.
fn unknown_key(headers: &HeaderMap) -> Response {
    let sent = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = sent.strip_prefix("Bearer ").unwrap_or_default();
    let (start, end) =
        (key.get(..8).unwrap_or_default(), key.get(key.len().max(4) - 4..).unwrap_or_default());
    let message = format!(
        "Incorrect API key provided: {start}***********{end}. You can find your API key at https://platform.openai.com/account/api-keys."
    );
    error(StatusCode::UNAUTHORIZED, BAD_REQUEST, Some("invalid_api_key"), &message)
}

/// The headers of an answer that was counted.
fn counted(simulator: &Simulator, place: usize, answer: Response) -> Response {
    let (left, id) = {
        let mut state = simulator.lock();
        (state.accounts[place].allowance.left(now()), state.fresh())
    };
    let reset = format!("{}s", left.seconds);
    let headers = [
        ("x-ratelimit-limit-requests", REQUESTS.to_string()),
        ("x-ratelimit-limit-tokens", TOKENS.to_string()),
        ("x-ratelimit-remaining-requests", left.requests.to_string()),
        ("x-ratelimit-remaining-tokens", left.tokens.to_string()),
        ("x-ratelimit-reset-requests", reset.clone()),
        ("x-ratelimit-reset-tokens", reset),
        ("x-request-id", format!("req_{id}")),
    ];
    let mut answer = (headers, answer).into_response();
    answer.headers_mut().insert("openai-version", HeaderValue::from_static("2020-10-01"));
    answer
}

/// The body of a generation with the model it names, or the answer that refuses it.
fn understand(body: &[u8]) -> Result<(Value, String), Response> {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        let message = "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)";
        return Err(refuse(None, None, message));
    };
    let body = Value::Object(members);
    match body["model"].as_str() {
        None => Err(refuse(None, None, "you must provide a model parameter")),
        Some(id) if !MODELS.contains(&id) => Err(unknown_model(id)),
        Some(id) if !id.starts_with("gpt-") || id.ends_with("transcribe") => {
            let message = "This is not a chat model and thus not supported in this endpoint.";
            Err(error(StatusCode::NOT_FOUND, BAD_REQUEST, None, message))
        }
        Some(id) => {
            let id = id.to_owned();
            Ok((body, id))
        }
    }
}

async fn models(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    match admit(&simulator, &headers, &uri, For::Models).await {
        Err(refusal) => refusal,
        Ok(_) => {
            let models: Vec<_> = MODELS.iter().map(|id| describe(id)).collect();
            Json(json!({ "object": "list", "data": models })).into_response()
        }
    }
}

async fn model(
    Shared(simulator): Shared<Simulator>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    match admit(&simulator, &headers, &uri, For::Models).await {
        Err(refusal) => refusal,
        Ok(_) if MODELS.contains(&id.as_str()) => Json(describe(&id)).into_response(),
        Ok(_) => unknown_model(&id),
    }
}

fn describe(id: &str) -> Value {
    json!({ "id": id, "object": "model", "created": 1_767_225_600, "owned_by": "system", "shutdown_date": null })
}
