//! ElevenLabs: subscription, models and voices. Sources: elevenlabs.io/docs/api-reference/user/subscription/get,
//! /docs/eleven-api/resources/errors; answers quoted in home-assistant/core#160414 and danielmiessler/LifeOS#667.

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
    keys::{Provider, Situation},
    single_key::situation,
};

/// ElevenLabs, below `/elevenlabs`.
pub fn router() -> Router<Simulator> {
    Router::new()
        .route("/v1/user/subscription", get(subscription))
        .route("/v1/models", get(models))
        .route("/v2/voices", get(voices))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "not_found", "Not Found") })
}

/// An error in the form that most answers still have.
pub fn error(status: StatusCode, name: &str, message: &str) -> Response {
    (status, Json(json!({ "detail": { "status": name, "message": message } }))).into_response()
}

/// The answer to too many requests.
pub fn too_many_requests() -> Response {
    let message = "Too many concurrent requests. Your current subscription is associated with a maximum of 10 concurrent requests.";
    error(StatusCode::TOO_MANY_REQUESTS, "too_many_concurrent_requests", message)
}

/// What the key is in for, after the permission `needed` was looked at, or the refusal.
async fn admit(
    simulator: &Simulator,
    headers: &HeaderMap,
    uri: &Uri,
    needed: &str,
) -> Result<Situation, Response> {
    let unauthorized = StatusCode::UNAUTHORIZED;
    match situation(simulator, Provider::Elevenlabs, headers, uri).await? {
        None => Err(error(unauthorized, "invalid_api_key", "Invalid API key")),
        Some(Situation::Suspended) => Err(error(
            unauthorized,
            "detected_unusual_activity",
            "Unusual activity detected. Free Tier usage disabled.",
        )),
        Some(situation @ (Situation::Restricted | Situation::NothingReadable))
            if needed == "user_read" || situation == Situation::NothingReadable =>
        {
            let message =
                format!("The API key you used is missing the permission {needed} to execute this operation.");
            Err(error(unauthorized, "missing_permissions", &message))
        }
        Some(Situation::Throttled) => Err(too_many_requests()),
        Some(Situation::Down) => {
            Err(error(StatusCode::SERVICE_UNAVAILABLE, "system_busy", "The system is busy."))
        }
        Some(situation) => Ok(situation),
    }
}

async fn subscription(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    match admit(&simulator, &headers, &uri, "user_read").await {
        Ok(situation) => Json(plan(situation)).into_response(),
        Err(refusal) => refusal,
    }
}

fn plan(situation: Situation) -> Value {
    let (tier, used, limit, cloning, beyond) = match situation {
        Situation::FreePlan => ("free", 1_204, 10_000, false, json!(0)),
        Situation::Exhausted => ("creator", 100_000, 100_000, true, json!(0)),
        Situation::Overage => ("creator", 100_412, 100_000, true, json!("unlimited")),
        _ => ("creator", 17_231, 100_000, true, json!(0)),
    };
    json!({
        "tier": tier,
        "status": if tier == "free" { "free" } else { "active" },
        "character_count": used,
        "character_limit": limit,
        "max_credit_limit_extension": beyond,
        "next_character_count_reset_unix": 1_797_552_000,
        "voice_slots_used": 3,
        "voice_limit": if tier == "free" { 3 } else { 30 },
        "professional_voice_slots_used": 0,
        "professional_voice_limit": i32::from(tier != "free"),
        "can_extend_voice_limit": false,
        "can_use_instant_voice_cloning": cloning,
        "can_use_professional_voice_cloning": cloning,
        "currency": "usd",
        "billing_period": "monthly_period",
        "character_refresh_period": "monthly_period",
        "has_open_invoices": false,
    })
}

async fn models(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    if let Err(refusal) = admit(&simulator, &headers, &uri, "models_read").await {
        return refusal;
    }
    Json(json!([{
        "model_id": "eleven_flash_v2_5",
        "name": "Eleven Flash v2.5",
        "can_do_text_to_speech": true,
        "token_cost_factor": 1.0,
        "maximum_text_length_per_request": 40_000,
        "languages": [{ "language_id": "en", "name": "English" }],
        "model_rates": { "character_cost_multiplier": 0.5 },
        "concurrency_group": "turbo",
    }]))
    .into_response()
}

async fn voices(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    if let Err(refusal) = admit(&simulator, &headers, &uri, "voices_read").await {
        return refusal;
    }
    Json(json!({
        "voices": [{
            "voice_id": "EXAVITQu4vr4xnSDxMaL",
            "name": "Sarah",
            "category": "premade",
            "labels": { "accent": "american" },
            "description": "A calm voice.",
        }],
        "has_more": false,
        "total_count": 1,
        "next_page_token": null,
    }))
    .into_response()
}
