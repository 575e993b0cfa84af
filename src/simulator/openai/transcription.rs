//! `POST /audio/transcriptions`. What a recording says is scripted, or else how long it is.

use axum::{
    Json,
    extract::{Request, State as Shared},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{For, MODELS, admit, counted, error, missing, refuse, unknown_model};
use crate::simulator::{
    Simulator,
    audio::Recording,
    events::Events,
    language::tokens,
    state::now,
    upload::{File, Upload},
};

/// The largest file, in bytes.
const LIMIT: usize = 25 << 20;
/// What a second of sound counts for.
const TOKENS_A_SECOND: f64 = 10.0;
const ENDINGS: [&str; 10] = ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];

/// Writes down what a recording says.
pub async fn transcribe(Shared(simulator): Shared<Simulator>, request: Request) -> Response {
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    let place = match admit(&simulator, &headers, &uri, For::Generation).await {
        Ok(place) => place,
        Err(refusal) => return refusal,
    };
    let Some(form) = Upload::of(request).await else {
        return refuse(None, None, "Could not parse multipart form");
    };
    let wish = match Wish::of(&form) {
        Ok(wish) => wish,
        Err(refusal) => return refusal,
    };
    let transcript = {
        let mut state = simulator.lock();
        let text = state.transcripts.take(wish.seconds);
        let heard = (wish.seconds * TOKENS_A_SECOND).ceil() as u64;
        let transcript = Transcript { heard, written: tokens(&text).count() as u64, text };
        state.accounts[place].allowance.take(now(), transcript.heard + transcript.written);
        transcript
    };
    counted(&simulator, place, transcript.answer(&wish))
}

/// What is asked for.
struct Wish {
    model: String,
    seconds: f64,
    format: String,
    language: String,
    stream: bool,
}

impl Wish {
    fn of(form: &Upload) -> Result<Self, Response> {
        let Some(model) = form.text("model") else { return Err(missing("model")) };
        let hears = model.starts_with("whisper") || model.ends_with("transcribe");
        if !MODELS.contains(&model) || !hears {
            return Err(unknown_model(model));
        }
        let Some(file) = form.files.iter().find(|file| file.part == "file") else {
            return Err(missing("file"));
        };
        let seconds = length(file)?;
        let whisper = model.starts_with("whisper");
        let format = form.text("response_format").unwrap_or("json");
        let known: &[&str] =
            if whisper { &["json", "text", "srt", "verbose_json", "vtt"] } else { &["json", "text"] };
        if !known.contains(&format) {
            let message = format!(
                "response_format '{format}' is not compatible with model '{model}'. Use 'json' or 'text' instead."
            );
            return Err(refuse(Some("response_format"), Some("unsupported_value"), &message));
        }
        Ok(Self {
            model: model.to_owned(),
            seconds,
            format: format.to_owned(),
            language: form.text("language").unwrap_or("en").to_owned(),
            // Whisper does not stream and says nothing of it.
            stream: !whisper && form.text("stream") == Some("true"),
        })
    }
}

/// The length of a recording that can be heard, in seconds.
fn length(file: &File) -> Result<f64, Response> {
    if file.bytes.len() > LIMIT {
        let message =
            format!("Maximum content size limit ({LIMIT}) exceeded ({} bytes read)", file.bytes.len());
        return Err(error(StatusCode::PAYLOAD_TOO_LARGE, "server_error", None, &message));
    }
    let ending = file.name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    if !ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
        let message = format!("Unrecognized file format. Supported formats: {ENDINGS:?}").replace('"', "'");
        return Err(refuse(None, None, &message));
    }
    match Recording::read(&file.bytes) {
        None => {
            let message = "Audio file might be corrupted or unsupported";
            Err(refuse(Some("file"), Some("invalid_value"), message))
        }
        Some(recording) if recording.seconds < 0.1 => {
            let message = "Audio file is too short. Minimum audio length is 0.1 seconds.";
            Err(refuse(Some("file"), Some("audio_too_short"), message))
        }
        Some(recording) => Ok(recording.seconds),
    }
}

struct Transcript {
    text: String,
    /// Tokens of the recording.
    heard: u64,
    /// Tokens of the text.
    written: u64,
}

impl Transcript {
    fn usage(&self) -> Value {
        json!({
            "type": "tokens",
            "input_tokens": self.heard,
            "input_token_details": { "text_tokens": 0, "audio_tokens": self.heard },
            "output_tokens": self.written,
            "total_tokens": self.heard + self.written,
        })
    }

    fn answer(&self, wish: &Wish) -> Response {
        if wish.stream {
            return self.stream().into_response();
        }
        let text = &self.text;
        let duration = json!({ "type": "duration", "seconds": wish.seconds.ceil() });
        let usage = if wish.model.starts_with("whisper") { duration.clone() } else { self.usage() };
        let end = |dot: char| stamp(wish.seconds, dot);
        match wish.format.as_str() {
            "text" => plain(format!("{text}\n")),
            "srt" => plain(format!("1\n00:00:00,000 --> {}\n{text}\n\n\n", end(','))),
            "vtt" => plain(format!("WEBVTT\n\n00:00:00.000 --> {}\n{text}\n\n", end('.'))),
            "verbose_json" => {
                let segment = json!({
                    "id": 0, "seek": 0, "start": 0.0, "end": wish.seconds, "text": text, "tokens": [],
                    "temperature": 0.0, "avg_logprob": -0.2, "compression_ratio": 1.0, "no_speech_prob": 0.01,
                });
                Json(json!({
                    "task": "transcribe", "language": wish.language, "duration": wish.seconds, "text": text,
                    "segments": [segment], "usage": duration,
                }))
                .into_response()
            }
            _ => Json(json!({ "text": text, "usage": usage })).into_response(),
        }
    }

    fn stream(&self) -> Events {
        let mut events = Events::default();
        for token in tokens(&self.text) {
            events.data(&json!({ "type": "transcript.text.delta", "delta": token }));
        }
        events.data(&json!({ "type": "transcript.text.done", "text": self.text, "usage": self.usage() }));
        events
    }
}

fn plain(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// A time as subtitles write it.
fn stamp(seconds: f64, dot: char) -> String {
    let milliseconds = (seconds * 1_000.0).round() as u64;
    let (minutes, rest) = (milliseconds / 60_000, milliseconds % 60_000);
    format!("{:02}:{:02}:{:02}{dot}{:03}", minutes / 60, minutes % 60, rest / 1_000, rest % 1_000)
}
