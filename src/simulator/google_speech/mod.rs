//! Google Cloud Text-to-Speech and Speech-to-Text, version 1 of both, whose addresses do not meet. Sources: the
//! discovery documents of texttospeech v1 and speech v1.

mod recognition;
mod synthesis;

use axum::{
    Router,
    http::{HeaderMap, Uri},
    response::Response,
    routing::{get, post},
};
use serde_json::Value;

use super::{
    Simulator,
    credential::{Params, Presented},
    google_ai::{not_found, quota, refusal, refuse},
    keys::{Provider, Situation},
    single_key::caller,
    upload::large_bodies,
};

/// The services' names in errors.
const SYNTHESIS: &str = "texttospeech.googleapis.com";
const RECOGNITION: &str = "speech.googleapis.com";

/// Google's speech services, below `/google_speech`.
pub fn router() -> Router<Simulator> {
    Router::new()
        .route("/v1/voices", get(synthesis::voices))
        .route("/v1/text:synthesize", post(synthesis::synthesize))
        .route("/v1/speech:recognize", post(recognition::recognize))
        .route("/v1/operations", get(recognition::operations))
        .fallback(|| async { not_found("Not found.") })
        .layer(large_bodies())
}

/// The answer to too many requests.
pub fn too_many_requests() -> Response {
    quota("speech.googleapis.com/default_requests", "DefaultRequestsPerMinutePerProject", 20)
}

/// Nothing where the request may go on, or the answer that ends it.
async fn admit(simulator: &Simulator, service: &str, headers: &HeaderMap, uri: &Uri) -> Result<(), Response> {
    let found = caller(simulator, Provider::GoogleSpeech, headers, uri).await?;
    let situation = found.map(|(_, situation)| situation);
    let presented = Presented::of(Provider::GoogleSpeech, headers, &Params::of(uri));
    match (refusal(service, situation, presented), situation) {
        (Some(refusal), _) => Err(refusal),
        (None, Some(Situation::Throttled)) => Err(too_many_requests()),
        (None, Some(Situation::Exhausted)) => {
            Err(quota("speech.googleapis.com/default_requests", "DefaultRequestsPerDayPerProject", 41_820))
        }
        (None, _) => Ok(()),
    }
}

fn parse(body: &[u8]) -> Result<Value, Response> {
    match serde_json::from_slice(body) {
        Ok(body @ Value::Object(_)) => Ok(body),
        _ => Err(refuse("Invalid JSON payload received. Unexpected token.")),
    }
}

/// The name of a value of a closed list. Google's clients send its place in the list instead.
fn name<'n>(value: &'n Value, list: &[&'n str]) -> Option<&'n str> {
    let place = || list.get(usize::try_from(value.as_u64()?).ok()?).copied();
    value.as_str().or_else(place)
}
