//! Faults on demand, and the door that every request passes: journal first, then the next fault that is due.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State as Shared},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Simulator, anthropic, broken,
    credential::{Params, Presented},
    elevenlabs, google_ai, google_speech,
    journal::Arrival,
    keys::Provider,
    openai, origin, serpapi,
    state::now,
    twilio,
};

/// The size of a huge body unless told otherwise, in bytes.
const HUGE: u64 = 64 << 20;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The true answer, after a wait.
    Slow {
        /// The wait.
        milliseconds: u64,
    },
    /// No answer.
    NeverAnswers {},
    /// Another status, with `body` or else an error in the provider's form.
    Status {
        /// 200 to 599.
        status: u16,
        /// The body.
        body: Option<Value>,
    },
    /// The provider's answer to too many requests.
    TooManyRequests {},
    /// 200 that says it is JSON and is not.
    Garbage {},
    /// The connection closes, after the first bytes of the true answer's body or before any answer.
    HangUp {
        /// How many bytes of the body get through.
        #[serde(default)]
        after_bytes: usize,
    },
    /// 200 with an endless-looking body.
    Huge {
        /// Its size.
        bytes: Option<u64>,
    },
    /// The first bytes of the true answer's body and then nothing more, on a connection that stays open.
    Stall {
        /// How many bytes of the body get through.
        after_bytes: usize,
    },
    /// The first events of a stream and then the error that the provider sends within one; where it has none, the
    /// end of the connection.
    StreamError {
        /// How many events get through.
        after_events: usize,
    },
    /// The true answer, byte by byte.
    Drip {
        /// The wait before each byte.
        milliseconds: u64,
    },
    /// 302.
    Redirect {
        /// Where to; `/elsewhere` of the simulator unless told otherwise, so that the journal shows who follows.
        location: Option<String>,
    },
}

/// An order for a fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Whose requests.
    provider: Provider,
    /// Only those with this test key.
    key: Option<String>,
    /// Only those whose path contains this.
    path: Option<String>,
    /// How many requests; one unless told otherwise.
    #[serde(default = "once")]
    times: u32,
    /// What goes wrong with them.
    fault: Fault,
}

const fn once() -> u32 {
    1
}

impl Order {
    /// Why the order cannot be carried out.
    pub fn refusal(&self) -> Option<&'static str> {
        match &self.fault {
            Fault::Status { status, .. } if !(200..600).contains(status) => {
                Some("status must be between 200 and 599")
            }
            Fault::Redirect { location: Some(location) }
                if header::HeaderValue::try_from(location).is_err() =>
            {
                Some("location must be usable in a header")
            }
            _ => None,
        }
    }

    fn meets(&self, provider: Provider, key: Option<&str>, path: &str) -> bool {
        self.provider == provider
            && self.key.as_deref().is_none_or(|wanted| key == Some(wanted))
            && self.path.as_deref().is_none_or(|part| path.contains(part))
    }
}

/// The orders that are not used up.
#[derive(Default)]
pub struct Faults(Vec<Order>);

impl Faults {
    /// Adds an order after the others.
    pub fn add(&mut self, order: Order) {
        self.0.push(order);
    }

    /// The orders with the number of requests they still meet.
    pub fn orders(&self) -> &[Order] {
        &self.0
    }

    /// Forgets every order.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that meets this request, counted as used.
    fn take(&mut self, provider: Provider, key: Option<&str>, path: &str) -> Option<Fault> {
        self.0.retain(|order| order.times > 0);
        let order = self.0.iter_mut().find(|order| order.meets(provider, key, path))?;
        order.times -= 1;
        let fault = order.fault.clone();
        self.0.retain(|order| order.times > 0);
        Some(fault)
    }
}

/// Marks an answer that the client never sees.
#[derive(Clone)]
struct HungUp;

/// An answer whose body fails at once, upon which the server closes the connection before it has sent anything.
pub fn hang_up() -> Response {
    let mut response = Response::new(broken::nothing());
    response.extensions_mut().insert(HungUp);
    response
}

/// Never returns; the request ends when its client gives up.
pub async fn never() -> Response {
    std::future::pending().await
}

/// Writes the request down and lets it through, or lets the next due fault meet it.
pub async fn intercept(Shared(simulator): Shared<Simulator>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if path.starts_with("/_control/") {
        return next.run(request).await;
    }
    let params = Params::of(request.uri());
    let provider = Provider::at(&path);
    let credential = provider.and_then(|provider| Presented::of(provider, request.headers(), &params));
    let (number, fault) = {
        let mut state = simulator.lock();
        let key = provider
            .zip(credential.as_ref())
            .and_then(|(provider, credential)| state.find(provider, credential))
            .map(|(place, _)| state.accounts[place].entry.id);
        let number = state.journal.begin(&Arrival {
            at: now(),
            provider,
            method: request.method().as_str(),
            path: &path,
            params: &params,
            credential: credential.as_ref(),
            key,
        });
        (number, provider.and_then(|provider| Some((provider, state.faults.take(provider, key, &path)?))))
    };
    let mut response = match fault {
        None => next.run(request).await,
        Some((provider, fault)) => fault.happen(provider, request, next).await,
    };
    if let Some(provider) = provider {
        response = simulator.reword(provider, response).await;
    }
    if response.extensions().get::<HungUp>().is_none() {
        simulator.lock().journal.end(number, response.status().as_u16());
    }
    response
}

impl Fault {
    async fn happen(self, provider: Provider, request: Request, next: Next) -> Response {
        match self {
            Self::Slow { milliseconds } => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                next.run(request).await
            }
            Self::NeverAnswers {} => never().await,
            Self::Status { status, body } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                match (body, provider) {
                    (Some(body), _) => (status, axum::Json(body)).into_response(),
                    (None, provider) => ordered(provider, status),
                }
            }
            Self::TooManyRequests {} => match provider {
                Provider::Serpapi => serpapi::error(StatusCode::TOO_MANY_REQUESTS, serpapi::THROUGHPUT),
                Provider::Elevenlabs => elevenlabs::too_many_requests(),
                Provider::Openai => openai::too_many_requests(),
                Provider::Twilio => twilio::too_many_requests(),
                Provider::Anthropic => anthropic::too_many_requests(),
                Provider::GoogleAi => google_ai::too_many_requests(),
                Provider::GoogleSpeech => google_speech::too_many_requests(),
            },
            Self::Garbage {} => json(Body::from(&b"{\"error\": \xff\xfe<html>"[..])),
            Self::HangUp { after_bytes: 0 } => hang_up(),
            Self::HangUp { after_bytes } => {
                next.run(request).await.map(|body| broken::cut(body, after_bytes))
            }
            Self::Stall { after_bytes } => {
                next.run(request).await.map(|body| broken::stall(body, after_bytes))
            }
            Self::StreamError { after_events } => {
                let path = request.uri().path().to_owned();
                broken::fail(provider, &path, next.run(request).await, after_events)
            }
            Self::Huge { bytes } => json(Body::from_stream(padding(bytes.unwrap_or(HUGE)))),
            Self::Drip { milliseconds } => {
                let wait = Duration::from_millis(milliseconds);
                next.run(request).await.map(|body| broken::drip(body, wait))
            }
            Self::Redirect { location } => {
                let location = location.unwrap_or_else(|| format!("{}/elsewhere", origin(request.headers())));
                (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
            }
        }
    }
}

/// An error in the provider's form.
fn ordered(provider: Provider, status: StatusCode) -> Response {
    let message = "This answer was ordered.";
    match provider {
        Provider::Serpapi => serpapi::error(status, message),
        Provider::Elevenlabs => elevenlabs::error(status, "ordered", message),
        Provider::Openai => openai::error(status, "ordered", None, message),
        Provider::Twilio => twilio::error(status, 20_000 + u32::from(status.as_u16()), message),
        Provider::Anthropic => anthropic::error(status, "ordered", message),
        Provider::GoogleAi | Provider::GoogleSpeech => {
            google_ai::error(status, "ORDERED", message, serde_json::json!([]))
        }
    }
}

fn json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A JSON object of about `bytes` bytes, made while it is sent.
fn padding(bytes: u64) -> impl Stream<Item = Result<Bytes, Infallible>> {
    static BLOCK: [u8; 16 << 10] = [b'x'; 16 << 10];
    let block = Bytes::from_static(&BLOCK);
    let blocks = bytes.div_ceil(16 << 10);
    let middle = stream::iter(0..blocks).map(move |_| block.clone());
    let part = |text: &'static str| stream::iter([Bytes::from_static(text.as_bytes())]);
    part("{\"padding\":\"").chain(middle).chain(part("\"}")).map(Ok)
}
