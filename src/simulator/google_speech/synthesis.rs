//! Text-to-Speech: `GET /v1/voices` and `POST /v1/text:synthesize`.

use axum::{
    Json,
    body::Bytes,
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{SYNTHESIS, admit, name, parse, refuse};
use crate::simulator::{
    Simulator,
    audio::{Format, Melody},
    credential::Params,
};

/// The longest input, in bytes.
const LIMIT: usize = 5_000;
/// The encodings by their number.
const ENCODINGS: [&str; 9] = ["", "LINEAR16", "MP3", "OGG_OPUS", "", "MULAW", "ALAW", "PCM", "M4A"];
/// Name, language and gender; the name begins with the language.
const VOICES: [(&str, &str, &str); 4] = [
    ("en-US-Standard-C", "en-US", "FEMALE"),
    ("en-US-Standard-D", "en-US", "MALE"),
    ("en-GB-Standard-A", "en-GB", "FEMALE"),
    ("de-DE-Standard-B", "de-DE", "MALE"),
];

/// The voices, or those of a language.
pub async fn voices(Shared(simulator): Shared<Simulator>, headers: HeaderMap, uri: Uri) -> Response {
    if let Err(refusal) = admit(&simulator, SYNTHESIS, &headers, &uri).await {
        return refusal;
    }
    let params = Params::of(&uri);
    let asked = params.get("languageCode").unwrap_or_default().to_lowercase();
    let describe = |(name, language, gender): &(&str, &str, &str)| json!({ "languageCodes": [language], "name": name, "ssmlGender": gender, "naturalSampleRateHertz": 24_000 });
    let found = VOICES.iter().filter(|(_, language, _)| language.to_lowercase().starts_with(&asked));
    let found: Vec<Value> = found.map(describe).collect();
    Json(if found.is_empty() { json!({}) } else { json!({ "voices": found }) }).into_response()
}

/// Speaks a text.
pub async fn synthesize(
    Shared(simulator): Shared<Simulator>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response {
    let spoken = match admit(&simulator, SYNTHESIS, &headers, &uri).await {
        Ok(()) => parse(&body).and_then(|body| speak(&body)),
        Err(refusal) => Err(refusal),
    };
    match spoken {
        Ok(audio) => Json(json!({ "audioContent": STANDARD.encode(audio) })).into_response(),
        Err(refusal) => refusal,
    }
}

fn speak(body: &Value) -> Result<Vec<u8>, Response> {
    let input = &body["input"];
    let (text, words) = match (input["text"].as_str(), input["ssml"].as_str()) {
        (Some(text), None) => (text, text.to_owned()),
        (None, Some(ssml)) => (ssml, without_tags(ssml)),
        _ => return Err(refuse("Either `input.text` or `input.ssml` must be set.")),
    };
    if text.len() > LIMIT {
        return Err(refuse(
            "Either `input.text` or `input.ssml` is longer than the limit of 5000 bytes. This limit is different from quotas. To fix, reduce the byte length of the characters in this request, or consider using the Long Audio API.",
        ));
    }
    let voice = &body["voice"];
    let Some(language) = voice["languageCode"].as_str().filter(|code| !code.is_empty()) else {
        return Err(refuse("Voice language code is required."));
    };
    let (wanted, language) = (voice["name"].as_str().unwrap_or_default(), language.to_lowercase());
    if !VOICES.iter().any(|(known, own, _)| {
        (wanted.is_empty() || *known == wanted) && own.to_lowercase().starts_with(&language)
    }) {
        return Err(refuse(&format!("Voice '{wanted}' does not exist. Is it misspelled?")));
    }
    let config = &body["audioConfig"];
    let speed = config["speakingRate"].as_f64().filter(|rate| *rate != 0.0).unwrap_or(1.0);
    if !(0.25..=2.0).contains(&speed) {
        return Err(refuse("Speaking rate must be in [0.25, 2.0]."));
    }
    let rate = config["sampleRateHertz"].as_u64().and_then(|rate| u32::try_from(rate).ok());
    let rate = rate.filter(|rate| *rate != 0).unwrap_or(24_000);
    if !(8_000..=48_000).contains(&rate) {
        return Err(refuse("Invalid sampling rate."));
    }
    let (format, header) = match name(&config["audioEncoding"], &ENCODINGS).unwrap_or_default() {
        "LINEAR16" => (Format::Pcm { rate }, true),
        "MULAW" => (Format::Ulaw { rate }, true),
        "ALAW" => (Format::Alaw { rate }, true),
        "PCM" => (Format::Pcm { rate }, false),
        "MP3" => (Format::Mp3 { rate: 24_000, kilobits: 32 }, false),
        "OGG_OPUS" | "M4A" => return Err(refuse("The simulator writes neither OGG_OPUS nor M4A.")),
        other => return Err(refuse(&format!("Invalid value at 'audio_config.audio_encoding', \"{other}\""))),
    };
    let melody = Melody::of(&words, speed);
    let header = melody.wav_header(format).filter(|_| header);
    Ok(header.into_iter().flatten().chain(melody.bytes(format)).collect())
}

/// What is read aloud of a text with marks.
fn without_tags(ssml: &str) -> String {
    let mut inside = false;
    ssml.chars()
        .filter(|c| {
            inside = *c == '<' || (inside && *c != '>');
            !inside && *c != '>'
        })
        .collect()
}
