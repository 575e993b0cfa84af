//! ElevenLabs: subscription, models, voices, instant cloning and speech. Sources: elevenlabs.io/docs/api-reference
//! (user/subscription/get, voices, text-to-speech), /docs/eleven-api/resources/errors; help.elevenlabs.io/hc/en-us/articles/19572237925521;
//! elevenlabs-python 2.78.0; answers quoted in home-assistant/core#160414, danielmiessler/LifeOS#667,
//! receptron/mulmocast-app#1466, elevenlabs/elevenlabs-python#203 and elevenlabs/elevenlabs-js#76. Which words refuse
//! a file that is too large or no sound is not documented: they are the simulator's own. Opus is not written.

mod cloning;
mod speech;
pub mod studio;
mod subscription;
mod voices;

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;

use super::{
    Simulator,
    keys::{Provider, Situation},
    single_key::caller,
    upload::large_bodies,
};

/// ElevenLabs, below `/elevenlabs`. Previews lie elsewhere in reality, and need no key there either.
pub fn router() -> Router<Simulator> {
    Router::new()
        .route("/v1/user", get(subscription::user))
        .route("/v1/user/subscription", get(subscription::subscription))
        .route("/v1/models", get(subscription::models))
        .route("/v1/voices", get(voices::all))
        .route("/v2/voices", get(voices::search))
        .route("/v1/voices/add", post(cloning::add))
        .route("/v1/voices/{id}", get(voices::one).delete(voices::delete))
        .route("/v1/voices/{id}/edit", post(cloning::edit))
        .route("/v1/text-to-speech/{id}", post(speech::convert))
        .route("/v1/text-to-speech/{id}/stream", post(speech::convert))
        .route("/v1/text-to-speech/{id}/with-timestamps", post(speech::with_timestamps))
        .route("/v1/text-to-speech/{id}/stream/with-timestamps", post(speech::stream_with_timestamps))
        .route("/previews/{file}", get(voices::preview))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "not_found", "Not Found") })
        .layer(large_bodies())
}

/// An error in the form that most answers still have.
pub fn error(status: StatusCode, name: &str, message: &str) -> Response {
    (status, Json(json!({ "detail": { "status": name, "message": message } }))).into_response()
}

/// The answer to a part of a request that is missing or wrong.
fn invalid(place: [&str; 2], kind: &str, message: &str) -> Response {
    let problem = json!({ "loc": place, "msg": message, "type": kind });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "detail": [problem] }))).into_response()
}

/// The answer to what the plan does not include.
fn paid_plan_required(message: &str) -> Response {
    let detail = json!({
        "type": "payment_required", "code": "paid_plan_required", "status": "payment_required", "message": message,
    });
    (StatusCode::PAYMENT_REQUIRED, Json(json!({ "detail": detail }))).into_response()
}

fn voice_not_found(id: &str) -> Response {
    let message = format!("A voice with voice_id '{id}' was not found.");
    error(StatusCode::NOT_FOUND, "voice_not_found", &message)
}

/// The answer to too many requests.
pub fn too_many_requests() -> Response {
    let message = "Too many concurrent requests. Your current subscription is associated with a maximum of 10 concurrent requests.";
    error(StatusCode::TOO_MANY_REQUESTS, "too_many_concurrent_requests", message)
}

/// The place of the account that may go on, after the permission `needed` was looked at, or the refusal.
async fn admit(
    simulator: &Simulator,
    headers: &HeaderMap,
    uri: &Uri,
    needed: &str,
) -> Result<usize, Response> {
    let unauthorized = StatusCode::UNAUTHORIZED;
    let Some((place, situation)) = caller(simulator, Provider::Elevenlabs, headers, uri).await? else {
        return Err(error(unauthorized, "invalid_api_key", "Invalid API key"));
    };
    match situation {
        Situation::Suspended => Err(error(
            unauthorized,
            "detected_unusual_activity",
            "Unusual activity detected. Free Tier usage disabled.",
        )),
        Situation::Restricted | Situation::NothingReadable
            if needed == "user_read"
                || situation == Situation::NothingReadable && needed.ends_with("_read") =>
        {
            let message =
                format!("The API key you used is missing the permission {needed} to execute this operation.");
            Err(error(unauthorized, "missing_permissions", &message))
        }
        Situation::Throttled => Err(too_many_requests()),
        Situation::Down => Err(error(StatusCode::SERVICE_UNAVAILABLE, "system_busy", "The system is busy.")),
        _ => Ok(place),
    }
}
