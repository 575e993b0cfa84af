//! A stand-in for the providers, for demonstrations and tests. It answers as their documentation says, accepts
//! only its own test keys ([`test_keys`]), and fails on demand.
//!
//! | path | what |
//! | --- | --- |
//! | `/serpapi/…` | SerpAPI: account, Google Maps and Google searches, archive, locations |
//! | `/elevenlabs/…` | ElevenLabs: subscription, models, voices and cloning, speech |
//! | `/openai/…` | OpenAI: models, chat completions, responses, transcriptions |
//! | `/anthropic/…` | Anthropic: models, messages, counting of tokens |
//! | `/google_ai/…` | the Gemini API: models, content, counting of tokens |
//! | `/google_speech/…` | Google Cloud: voices, speech, recognition |
//! | `/twilio/2010-04-01/…` | Twilio: account, telephone numbers, caller ids, balance; calls that are carried out, recordings |
//! | anything else | 401: a provider that is not simulated knows nobody's key |
//! | `/_control/…` | faults, the request journal, the state of the test keys, the script of the models, see `control.rs` |
//!
//! Everything it tells is made up: names are invented, telephone numbers come from the ranges that
//! regulators reserve for fiction, and websites end in `.example`. Language models say what a script tells them or
//! repeat what was said to them; speech is one tone for each letter, in real audio files. The same requests after a
//! reset get the same answers, but for the time.

#![expect(clippy::result_large_err, reason = "an answer that ends a request early is handed over once")]

mod anthropic;
mod audio;
mod broken;
mod control;
mod credential;
mod elevenlabs;
mod events;
mod faults;
mod google_ai;
mod google_speech;
mod journal;
mod keys;
mod language;
mod openai;
mod serpapi;
mod single_key;
mod state;
#[cfg(test)]
mod tests;
mod texts;
mod twilio;
mod upload;

use std::{
    future::IntoFuture,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{FromRequestParts, State as Shared},
    http::{HeaderMap, StatusCode, Uri},
    middleware,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use self::keys::{TestKey, test_keys};
use self::state::State;

/// How long open requests may go on once the simulator is told to stop.
const DRAIN: Duration = Duration::from_secs(1);

/// One simulator: a handle to its state, shared by all requests.
#[derive(Clone, Default)]
struct Simulator(Arc<Mutex<State>>);

impl Simulator {
    /// The state. A request that panicked while holding it leaves nothing half-done that matters here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is the same in every request.
#[derive(FromRequestParts)]
#[from_request(state(Simulator))]
struct Asked {
    #[from_request(via(Shared))]
    simulator: Simulator,
    headers: HeaderMap,
    uri: Uri,
}

/// An answer, or one that ends the request early.
type Answered = Result<Response, Response>;

/// A new simulator with every test key in its first state. Base addresses for the providers are
/// `http://HOST/serpapi`, `http://HOST/twilio` and so on, by the provider's id.
pub fn router() -> Router {
    let simulator = Simulator::default();
    Router::new()
        .nest("/serpapi", serpapi::router())
        .nest("/elevenlabs", elevenlabs::router())
        .nest("/openai", openai::router())
        .nest("/twilio", twilio::router())
        .nest("/anthropic", anthropic::router())
        .nest("/google_ai", google_ai::router())
        .nest("/google_speech", google_speech::router())
        .nest("/_control", control::router())
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(simulator.clone(), faults::intercept))
        .with_state(simulator)
}

/// The answer for a provider that is not simulated.
async fn unknown() -> impl IntoResponse {
    let body = json!({"error": "This provider is not simulated, so no key of it is known here."});
    (StatusCode::UNAUTHORIZED, Json(body))
}

/// Serves a new simulator until `stop` is cancelled; open requests then have one second. A connection that a
/// fault keeps open longer than that ends with its client or the runtime.
///
/// # Errors
/// `InvalidInput` when `listener` is reachable from outside this machine: whoever reaches the simulator
/// controls it.
pub async fn serve(listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
    if !listener.local_addr()?.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the simulator listens on loopback addresses only",
        ));
    }
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    let stopping = stop.clone().cancelled_owned();
    tokio::select! {
        served = axum::serve(listener, router()).with_graceful_shutdown(stopping).into_future() => served,
        () = drained => Ok(()),
    }
}

/// The simulator's own origin as the client wrote it, such as `http://127.0.0.1:4010`.
fn origin(headers: &HeaderMap) -> String {
    let host = headers.get("host").and_then(|value| value.to_str().ok()).unwrap_or("127.0.0.1");
    format!("http://{host}")
}
