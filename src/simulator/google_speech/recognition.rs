//! Speech-to-Text: `POST /v1/speech:recognize` and `GET /v1/operations`. What a recording says is scripted, or else
//! how long it is.

use axum::{
    Json,
    body::Bytes,
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{RECOGNITION, admit, name, parse, refuse};
use crate::simulator::{Simulator, audio::Recording};

/// The longest recording that is recognised at once, in seconds.
const LIMIT: f64 = 60.0;
/// The encodings that raw samples can have, by their number.
const ENCODINGS: [&str; 4] = ["", "LINEAR16", "", "MULAW"];

/// Writes down what a recording says.
pub async fn recognize(
    Shared(simulator): Shared<Simulator>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response {
    let heard = match admit(&simulator, RECOGNITION, &headers, &uri).await {
        Ok(()) => parse(&body).and_then(|body| listen(&body)),
        Err(refusal) => Err(refusal),
    };
    let (seconds, language) = match heard {
        Ok(heard) => heard,
        Err(refusal) => return refusal,
    };
    let billed = format!("{}s", seconds.ceil());
    let mut state = simulator.lock();
    let id = u32::from_str_radix(state.fresh().get(..7).unwrap_or_default(), 16).unwrap_or_default();
    let mut answer = json!({ "totalBilledTime": billed, "requestId": id.to_string() });
    // Silence has no results at all.
    if seconds > 0.0 {
        let transcript = state.transcripts.take(seconds);
        answer["results"] = json!([{
            "alternatives": [{ "transcript": transcript, "confidence": 0.9 }],
            "resultEndTime": format!("{seconds:.3}s"),
            "languageCode": language.to_lowercase(),
        }]);
    }
    Json(answer).into_response()
}

/// The length of the recording in seconds, and its language.
fn listen(body: &Value) -> Result<(f64, String), Response> {
    let config = &body["config"];
    let Some(language) = config["languageCode"].as_str().filter(|code| !code.is_empty()) else {
        return Err(refuse("Invalid recognition 'config': bad or missing language code."));
    };
    let Some(content) = body["audio"]["content"].as_str() else {
        return Err(refuse("RecognitionAudio not set."));
    };
    let Ok(audio) = STANDARD.decode(content) else {
        return Err(refuse("Invalid value at 'audio.content' (TYPE_BYTES), Base64 decoding failed."));
    };
    let file = || Recording::read(&audio).map(|recording| recording.seconds);
    // A WAV header may stand before raw samples, and its own word counts.
    let width = match name(&config["encoding"], &ENCODINGS) {
        Some("LINEAR16") => Some(2.0),
        Some("MULAW" | "ALAW") => Some(1.0),
        _ => None,
    };
    let seconds = match (width, file()) {
        (Some(width), _) if !audio.starts_with(b"RIFF") => raw(&audio, config)? / width,
        (_, Some(seconds)) => seconds,
        (_, None) => return Err(refuse("Invalid recognition 'config': bad encoding.")),
    };
    if seconds > LIMIT {
        return Err(refuse(
            "Sync input too long. For audio longer than 1 min use LongRunningRecognize with a 'uri' parameter.",
        ));
    }
    Ok((seconds, language.to_owned()))
}

/// The length in seconds of raw samples of one byte.
fn raw(audio: &[u8], config: &Value) -> Result<f64, Response> {
    match config["sampleRateHertz"].as_f64() {
        Some(rate) if (8_000.0..=48_000.0).contains(&rate) => Ok(audio.len() as f64 / rate),
        _ => Err(refuse("Invalid recognition 'config': bad sample rate hertz.")),
    }
}

/// The recognitions that take longer: none.
pub async fn operations(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    match admit(&simulator, RECOGNITION, &headers, &uri).await {
        Ok(()) => Json(json!({})).into_response(),
        Err(refusal) => refusal,
    }
}
