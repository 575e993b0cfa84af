//! Speech from text, whole, streamed, and with the time of each character.

use axum::{
    Json,
    body::Bytes,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    admit, error, invalid, paid_plan_required,
    studio::{LIBRARY, MODELS, Studio},
    voice_not_found,
};
use crate::simulator::{
    Answered, Asked,
    audio::{self, Format, Melody},
    credential::Params,
};

/// The bit rates of MP3 by sample rate.
const MP3: [(u32, &[u32]); 3] = [(22_050, &[32]), (24_000, &[48]), (44_100, &[32, 64, 96, 128, 192])];
const RATES: [u32; 7] = [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

/// How the sound is asked for.
struct Output {
    format: Format,
    /// Whether a WAV header comes first.
    wav: bool,
    kind: &'static str,
}

impl Output {
    /// By the name of the format, such as `mp3_44100_128`.
    fn named(name: &str) -> Option<Self> {
        let mut parts = name.split('_');
        let codec = parts.next()?;
        let rate: u32 = parts.next()?.parse().ok()?;
        let rest = parts.next().map(str::parse::<u32>);
        let pcm = RATES.contains(&rate).then_some(Format::Pcm { rate });
        let (format, kind) = match (codec, rest) {
            ("mp3", Some(Ok(kilobits))) => {
                MP3.iter().find(|(known, kinds)| *known == rate && kinds.contains(&kilobits))?;
                (Format::Mp3 { rate, kilobits }, "audio/mpeg")
            }
            ("pcm", None) => (pcm?, "audio/pcm"),
            ("wav", None) => (pcm?, "audio/wav"),
            ("ulaw", None) if rate == 8_000 => (Format::Ulaw { rate }, "audio/basic"),
            ("alaw", None) if rate == 8_000 => (Format::Alaw { rate }, "audio/x-alaw-basic"),
            _ => return None,
        };
        Some(Self { format, wav: codec == "wav", kind })
    }

    /// The plan that the format needs beyond `tier`.
    fn beyond(&self, tier: &str) -> Option<&'static str> {
        match self.format {
            Format::Mp3 { kilobits: 192, .. } if tier == "free" => Some("creator"),
            Format::Pcm { rate } if rate >= 44_100 && matches!(tier, "free" | "creator") => Some("pro"),
            _ => None,
        }
    }
}

/// Speech that was paid for.
struct Speech {
    text: String,
    melody: Melody,
    output: Output,
    cost: u64,
    request: String,
}

impl Speech {
    /// The sound in pieces.
    fn pieces(&self) -> impl Iterator<Item = Bytes> + Send + use<> {
        let header = self.melody.wav_header(self.output.format).filter(|_| self.output.wav);
        let header = header.map(|header| Bytes::copy_from_slice(&header));
        header.into_iter().chain(self.melody.clone().pieces(self.output.format))
    }

    fn headers(&self) -> [(&'static str, String); 2] {
        [("character-cost", self.cost.to_string()), ("request-id", self.request.clone())]
    }

    /// When the characters from `from` to `to` are heard.
    fn alignment(&self, from: usize, to: usize) -> Value {
        let times: Vec<_> = self.melody.times().take(to).skip(from).collect();
        let characters: Vec<_> = self.text.chars().take(to).skip(from).map(String::from).collect();
        json!({
            "characters": characters,
            "character_start_times_seconds": times.iter().map(|(start, _)| start).collect::<Vec<_>>(),
            "character_end_times_seconds": times.iter().map(|(_, end)| end).collect::<Vec<_>>(),
        })
    }

    fn timed(&self, sound: &[u8], from: usize, to: usize) -> Value {
        let alignment = self.alignment(from, to);
        json!({
            "audio_base64": STANDARD.encode(sound), "alignment": alignment, "normalized_alignment": alignment,
        })
    }
}

/// The sound, whole or in a stream: both come in pieces.
pub async fn convert(asked: Asked, Path(id): Path<String>, body: Bytes) -> Answered {
    let speech = speak(&asked, &id, &body).await?;
    let kind = [(header::CONTENT_TYPE, speech.output.kind)];
    Ok((speech.headers(), kind, audio::body(speech.pieces())).into_response())
}

/// The sound and the times as one JSON document.
pub async fn with_timestamps(asked: Asked, Path(id): Path<String>, body: Bytes) -> Answered {
    let speech = speak(&asked, &id, &body).await?;
    let sound: Vec<u8> = speech.pieces().flatten().collect();
    Ok((speech.headers(), Json(speech.timed(&sound, 0, usize::MAX))).into_response())
}

/// The sound and the times in a stream of JSON documents, one a line.
pub async fn stream_with_timestamps(asked: Asked, Path(id): Path<String>, body: Bytes) -> Answered {
    let speech = speak(&asked, &id, &body).await?;
    let (headers, kind) = (speech.headers(), [(header::CONTENT_TYPE, "application/json")]);
    let count = speech.pieces().count().max(1);
    let share = speech.text.chars().count().div_ceil(count);
    let lines = (0..count).zip(speech.pieces()).map(move |(place, piece)| {
        Bytes::from(format!("{}\n", speech.timed(&piece, place * share, (place + 1) * share)))
    });
    Ok((headers, kind, audio::body(lines)).into_response())
}

/// Checks a request for speech and takes its credits.
async fn speak(Asked { simulator, headers, uri }: &Asked, id: &str, body: &[u8]) -> Result<Speech, Response> {
    let place = admit(simulator, headers, uri, "text_to_speech").await?;
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| invalid(["body", "0"], "json_invalid", "JSON decode error"))?;
    let Some(text) = body["text"].as_str() else {
        return Err(invalid(["body", "text"], "missing", "Field required"));
    };
    let asked = Params::of(uri);
    let name = asked.get("output_format").unwrap_or("mp3_44100_128");
    let Some(output) = Output::named(name) else {
        let message = if name.starts_with("opus_") {
            "The simulator does not write Opus."
        } else {
            "Input should be one of the documented formats"
        };
        return Err(invalid(["query", "output_format"], "enum", message));
    };
    let model = body["model_id"].as_str().unwrap_or(MODELS[1].id);
    let Some(model) = MODELS.iter().find(|known| known.id == model) else {
        let message = format!("A model with model ID {model} does not exist.");
        return Err(error(StatusCode::BAD_REQUEST, "model_not_found", &message));
    };
    let speed = settings(&body["voice_settings"])?;
    let length = text.chars().count();
    if length > model.longest {
        let message = format!(
            "This request's text has {length} characters and exceeds the character limit of {} characters for model '{}'.",
            model.longest, model.id
        );
        return Err(error(StatusCode::BAD_REQUEST, "max_character_limit_exceeded", &message));
    }
    if text.trim().is_empty() {
        return Err(error(StatusCode::BAD_REQUEST, "input_text_empty", "The input text must not be empty."));
    }
    let cost = (length as u64 * model.halves).div_ceil(2);
    let mut state = simulator.lock();
    let request = state.fresh();
    let studio = &mut state.accounts[place].studio;
    allowed(studio, id, &output, cost)?;
    studio.used += cost;
    Ok(Speech { text: text.to_owned(), melody: Melody::of(text, speed), output, cost, request })
}

/// The speed of the voice, after its settings were checked.
fn settings(settings: &Value) -> Result<f64, Response> {
    for (name, least, most) in
        [("stability", 0.0, 1.0), ("similarity_boost", 0.0, 1.0), ("style", 0.0, 1.0), ("speed", 0.7, 1.2)]
    {
        if let Some(value) = settings[name].as_f64().filter(|value| !(least..=most).contains(value)) {
            let message = format!(
                "Invalid setting for {name} received, expected to be greater or equal to {least:?} and less or equal to {most:?}, received {value:?}."
            );
            return Err(error(StatusCode::BAD_REQUEST, "invalid_voice_settings", &message));
        }
    }
    Ok(settings["speed"].as_f64().unwrap_or(1.0))
}

/// Whether the account has the voice, the format and the credits.
fn allowed(studio: &Studio, voice: &str, output: &Output, cost: u64) -> Result<(), Response> {
    if voice == LIBRARY && studio.tier == "free" {
        return Err(paid_plan_required(
            "Free users cannot use library voices via the API. Please upgrade your subscription to use this voice.",
        ));
    }
    if voice != LIBRARY && !studio.all().iter().any(|known| known.id == voice) {
        return Err(voice_not_found(voice));
    }
    if let Some(tier) = output.beyond(studio.tier) {
        let message = format!("This output format is only allowed for the {tier} tier and above.");
        return Err(error(StatusCode::FORBIDDEN, &format!("only_for_{tier}+"), &message));
    }
    if !studio.affords(cost) {
        let message = format!(
            "This request exceeds your quota of {}. You have {} credits remaining, while {cost} credits are required for this request.",
            studio.limit,
            studio.left()
        );
        return Err(error(StatusCode::UNAUTHORIZED, "quota_exceeded", &message));
    }
    Ok(())
}
