//! The voices of an account: list, one of them, deletion, previews.

use std::cmp::Ordering;

use axum::{
    Json,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Value, json};

use super::{
    admit, error, invalid,
    studio::{Sample, Voice, premade},
    voice_not_found,
};
use crate::simulator::{
    Simulator,
    audio::{self, Format, Melody},
    credential::Params,
    origin,
};

/// What a preview sounds like: the melody of the voice's name.
const PREVIEW: Format = Format::Mp3 { rate: 44_100, kilobits: 128 };

/// All voices at once, as version 1 has it.
pub async fn all(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    let place = match admit(&simulator, &headers, &uri, "voices_read").await {
        Ok(place) => place,
        Err(refusal) => return refusal,
    };
    let voices = simulator.lock().accounts[place].studio.all();
    Json(json!({ "voices": describe_all(&voices, &headers) })).into_response()
}

/// A page of the voices that were asked for.
pub async fn search(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    let place = match admit(&simulator, &headers, &uri, "voices_read").await {
        Ok(place) => place,
        Err(refusal) => return refusal,
    };
    let params = Params::of(&uri);
    let size = match params.get("page_size").map(str::parse::<usize>) {
        None => 10,
        Some(Ok(size @ 1..=100)) => size,
        Some(Ok(0)) => {
            let message = "Input should be greater than or equal to 1";
            return invalid(["query", "page_size"], "greater_than_equal", message);
        }
        Some(Ok(_)) => {
            let message = "Input should be less than or equal to 100";
            return invalid(["query", "page_size"], "less_than_equal", message);
        }
        Some(Err(_)) => {
            let message = "Input should be a valid integer, unable to parse string as an integer";
            return invalid(["query", "page_size"], "int_parsing", message);
        }
    };
    let mut found = simulator.lock().accounts[place].studio.all();
    found.retain(|voice| asked_for(voice, &params));
    sort(&mut found, &params);
    // A token is the id of the last voice of the page before.
    let after = |token: &str| {
        let id = String::from_utf8(STANDARD_NO_PAD.decode(token).ok()?).ok()?;
        found.iter().position(|voice| voice.id == id)
    };
    let from = match params.get("next_page_token").map(after) {
        None => 0,
        Some(Some(place)) => place + 1,
        Some(None) => return error(StatusCode::BAD_REQUEST, "invalid_page_token", "Invalid page token."),
    };
    let shown = &found[from..(from + size).min(found.len())];
    let more = from + size < found.len();
    let next = shown.last().filter(|_| more).map(|voice| STANDARD_NO_PAD.encode(&voice.id));
    let counted = params.get("include_total_count") != Some("false");
    Json(json!({
        "voices": describe_all(shown, &headers),
        "has_more": more,
        "total_count": if counted { found.len() } else { 0 },
        "next_page_token": next,
    }))
    .into_response()
}

fn asked_for(voice: &Voice, params: &Params) -> bool {
    let words = params.get("search").unwrap_or_default().to_lowercase();
    let labels = voice.labels.values().filter_map(Value::as_str);
    let said = || std::iter::once(voice.name.as_str()).chain(voice.description.as_deref()).chain(labels);
    let mut ids = params.iter().filter(|(name, _)| *name == "voice_ids").map(|(_, id)| id).peekable();
    (words.is_empty() || said().any(|text| text.to_lowercase().contains(&words)))
        && params.get("category").is_none_or(|category| voice.category == category)
        && (ids.peek().is_none() || ids.any(|id| voice.id == id))
        && match params.get("voice_type") {
            Some("personal" | "non-default" | "workspace" | "saved" | "non-community") => {
                voice.created.is_some()
            }
            Some("default") => voice.created.is_none(),
            Some("community") => false,
            _ => true,
        }
}

fn sort(voices: &mut [Voice], params: &Params) {
    let order: fn(&Voice, &Voice) -> Ordering = match params.get("sort") {
        Some("name") => |a, b| a.name.to_lowercase().cmp(&b.name.to_lowercase()),
        Some("created_at_unix") => |a, b| a.created.cmp(&b.created),
        _ => return,
    };
    voices.sort_by(order);
    if params.get("sort_direction") == Some("desc") {
        voices.reverse();
    }
}

/// One voice.
pub async fn one(
    Shared(simulator): Shared<Simulator>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    match admit(&simulator, &headers, &uri, "voices_read").await {
        Err(refusal) => refusal,
        Ok(place) => {
            match simulator.lock().accounts[place].studio.all().iter().find(|voice| voice.id == id) {
                Some(voice) => Json(describe(voice, &origin(&headers))).into_response(),
                None => voice_not_found(&id),
            }
        }
    }
}

/// Deletes a voice of the account's own, which frees its slot.
pub async fn delete(
    Shared(simulator): Shared<Simulator>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let place = match admit(&simulator, &headers, &uri, "voices_write").await {
        Ok(place) => place,
        Err(refusal) => return refusal,
    };
    let voices = &mut simulator.lock().accounts[place].studio.voices;
    let before = voices.len();
    voices.retain(|voice| voice.id != id);
    if voices.len() < before { Json(json!({ "status": "ok" })).into_response() } else { voice_not_found(&id) }
}

/// The preview of any account's voice.
pub async fn preview(Shared(simulator): Shared<Simulator>, Path(file): Path<String>) -> Response {
    let id = file.strip_suffix(".mp3").unwrap_or_default();
    let own = |state: &crate::simulator::state::State| {
        state.accounts.iter().flat_map(|account| &account.studio.voices).find(|voice| voice.id == id).cloned()
    };
    let Some(voice) = own(&simulator.lock()).or_else(|| premade().find(|voice| voice.id == id)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let sound = Melody::of(&voice.name, 1.0).pieces(PREVIEW);
    ([(header::CONTENT_TYPE, "audio/mpeg")], audio::body(sound)).into_response()
}

fn describe_all(voices: &[Voice], headers: &HeaderMap) -> Vec<Value> {
    let origin = origin(headers);
    voices.iter().map(|voice| describe(voice, &origin)).collect()
}

fn describe(voice: &Voice, origin: &str) -> Value {
    let sample = |sample: &Sample| {
        json!({
            "sample_id": sample.id, "file_name": sample.name, "mime_type": sample.kind, "size_bytes": sample.size,
            "hash": sample.hash,
        })
    };
    json!({
        "voice_id": voice.id,
        "name": voice.name,
        "samples": voice.samples.iter().map(sample).collect::<Vec<_>>(),
        "category": voice.category,
        "fine_tuning": { "is_allowed_to_fine_tune": false, "state": {}, "language": null },
        "labels": voice.labels,
        "description": voice.description,
        "preview_url": format!("{origin}/elevenlabs/previews/{}.mp3", voice.id),
        "available_for_tiers": [],
        "settings": null,
        "sharing": null,
        "high_quality_base_model_ids": ["eleven_multilingual_v2", "eleven_flash_v2_5"],
        "verified_languages": [],
        "safety_control": null,
        "voice_verification": { "requires_verification": false, "is_verified": false, "verification_failures": [], "verification_attempts_count": 0 },
        "permission_on_resource": voice.created.map(|_| "admin"),
        "is_owner": voice.created.is_some(),
        "is_legacy": false,
        "is_mixed": false,
        "created_at_unix": voice.created,
    })
}
