//! The plan with its quota, and the models.

use axum::{
    Json,
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    admit,
    studio::{MODELS, Model, Studio},
};
use crate::simulator::{Simulator, credential::sha256_hex};

/// The subscription.
pub async fn subscription(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    match admit(&simulator, &headers, &uri, "user_read").await {
        Ok(place) => Json(plan(&simulator.lock().accounts[place].studio)).into_response(),
        Err(refusal) => refusal,
    }
}

/// The user with the subscription.
pub async fn user(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    let place = match admit(&simulator, &headers, &uri, "user_read").await {
        Ok(place) => place,
        Err(refusal) => return refusal,
    };
    let state = simulator.lock();
    let account = &state.accounts[place];
    let id = sha256_hex(account.entry.id);
    Json(json!({
        "user_id": &id[..28],
        "workspace_id": &id[28..56],
        "subscription": plan(&account.studio),
        "is_new_user": false,
        "can_use_delayed_payment_methods": false,
        "is_onboarding_completed": true,
        "is_onboarding_checklist_completed": true,
        "is_api_key_hashed": true,
        "xi_api_key_preview": format!("...{}", &id[..4]),
        "first_name": "Test",
        "created_at": 1_767_225_600,
        "seat_type": "workspace_admin",
    }))
    .into_response()
}

fn plan(studio: &Studio) -> Value {
    let paying = studio.clones();
    json!({
        "tier": studio.tier,
        "status": if paying { "active" } else { "free" },
        "character_count": studio.used,
        "character_limit": studio.limit,
        "max_credit_limit_extension": if studio.beyond { json!("unlimited") } else { json!(0) },
        "can_extend_character_limit": paying,
        "allowed_to_extend_character_limit": studio.beyond,
        "next_character_count_reset_unix": 1_797_552_000,
        "voice_slots_used": studio.voices.len(),
        "voice_limit": studio.slots,
        "max_voice_add_edits": if paying { 95 } else { 10 },
        "voice_add_edit_counter": studio.edits,
        "professional_voice_slots_used": 0,
        "professional_voice_slots_used_in_workspace": 0,
        "professional_voice_limit": i32::from(paying),
        "can_extend_voice_limit": false,
        "can_use_instant_voice_cloning": paying,
        "can_use_professional_voice_cloning": paying,
        "currency": "usd",
        "current_overage": { "amount": "0", "currency": "usd" },
        "billing_period": "monthly_period",
        "character_refresh_period": "monthly_period",
        "has_open_invoices": false,
        "open_invoices": [],
    })
}

/// The models.
pub async fn models(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    if let Err(refusal) = admit(&simulator, &headers, &uri, "models_read").await {
        return refusal;
    }
    let describe = |model: &Model| {
        json!({
            "model_id": model.id,
            "name": model.name,
            "can_be_finetuned": false,
            "can_do_text_to_speech": true,
            "can_do_voice_conversion": false,
            "can_use_style": model.halves > 1,
            "can_use_speaker_boost": model.halves > 1,
            "serves_pro_voices": false,
            "token_cost_factor": 1.0,
            "requires_alpha_access": false,
            "maximum_text_length_per_request": model.longest,
            "languages": [{ "language_id": "en", "name": "English" }, { "language_id": "de", "name": "German" }],
            "model_rates": { "character_cost_multiplier": model.halves as f64 / 2.0 },
            "concurrency_group": model.group,
        })
    };
    Json(MODELS.iter().map(describe).collect::<Vec<_>>()).into_response()
}
