//! Twilio's requests to the addresses it was given: signed, once more after a failed connection, 15 seconds at most
//! (<https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides>, `/docs/api/errors/11205`). Only
//! addresses of this machine are called.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{Method, Request as HttpRequest, header},
};
use futures::StreamExt as _;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use url::{Host, Url};

use super::{deliveries::Fault, signature::sign};
use crate::simulator::Simulator;

/// The largest TwiML that is taken, in bytes.
pub const DOCUMENT_LIMIT: usize = 64 << 10;
/// The largest media file that is taken, in bytes.
pub const MEDIA_LIMIT: usize = 40 << 20;
/// What a forged callback is signed with.
const WRONG_TOKEN: &str = "00000000000000000000000000000000";

/// An address and how to ask it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The address, without a fragment.
    pub url: Url,
    /// GET or POST.
    pub method: Method,
}

/// Where TwiML comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// From an address, which hears these parameters beside those of the call.
    Fetch(Kind, Webhook, Vec<(String, String)>),
    /// It is here.
    Inline(String),
}

/// The address that `text` names, if the simulator may call it: plain http on this machine, without a password.
pub fn callable(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    let here = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    url.set_fragment(None);
    (here && url.scheme() == "http" && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// TwiML: of a call, a redirect, or a fallback.
    Twiml,
    /// What a `Gather` or `Record` brought.
    Action,
    /// A change of a call's status.
    Status,
    /// A change of a recording's status.
    Recording,
    /// Who answered.
    MachineDetection,
    /// A file to play.
    Media,
}

/// A request that is to be made.
#[derive(Debug, Clone)]
pub struct Request {
    /// The call it belongs to.
    pub call: String,
    /// What it is for.
    pub kind: Kind,
    /// Where it goes.
    pub hook: Webhook,
    /// What it says.
    pub params: Vec<(String, String)>,
    /// What signs it.
    pub token: String,
}

/// What came back.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The content type, without parameters and in small letters.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection came about.
    Unreachable,
    /// The connection broke.
    Broken,
    /// It took too long.
    TimedOut,
    /// The body is larger than it may be.
    TooLarge,
}

/// Makes a request whose answer matters, with the fault that is due.
pub async fn ask(simulator: &Simulator, request: &Request) -> Result<Answer, Failure> {
    let fault = simulator.lock().telephony.callbacks.take(request);
    match &fault {
        Some(Fault::Lost {}) => {
            simulator.lock().telephony.callbacks.begin(request, fault.as_ref());
            return Err(Failure::Broken);
        }
        Some(Fault::Delayed { milliseconds }) => {
            tokio::time::sleep(Duration::from_millis(*milliseconds)).await
        }
        Some(Fault::Duplicate { milliseconds }) => {
            // The first answer does not reach Twilio.
            let _ = send(simulator, request, fault.as_ref()).await;
            tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
        }
        _ => {}
    }
    send(simulator, request, fault.as_ref()).await
}

/// Tells what arrives in `queue`, one after another unless a fault is due, and calls `failed` for what was not taken.
pub async fn tell(
    simulator: Simulator,
    mut queue: mpsc::UnboundedReceiver<Request>,
    failed: impl Fn(&Request),
) {
    let mut held: Option<Request> = None;
    while let Some(request) = queue.recv().await {
        // After a reset nobody waits for it any more.
        if simulator.lock().telephony.call(&request.call).is_none() {
            continue;
        }
        let fault = simulator.lock().telephony.callbacks.take(&request);
        let later = |milliseconds: u64| {
            let (simulator, request, fault) = (simulator.clone(), request.clone(), fault.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                send(&simulator, &request, fault.as_ref()).await
            });
        };
        match fault {
            Some(Fault::Lost {}) => {
                simulator.lock().telephony.callbacks.begin(&request, fault.as_ref());
            }
            Some(Fault::Reordered {}) if held.is_none() => {
                held = Some(request);
                continue;
            }
            Some(Fault::Delayed { milliseconds }) => later(milliseconds),
            _ => {
                if !send(&simulator, &request, fault.as_ref()).await.is_ok_and(|answer| answer.status < 400) {
                    failed(&request);
                }
                if let Some(Fault::Duplicate { milliseconds }) = fault {
                    later(milliseconds);
                }
            }
        }
        if let Some(late) = held.take() {
            let _ = send(&simulator, &late, Some(&Fault::Reordered {})).await;
        }
    }
    if let Some(late) = held {
        let _ = send(&simulator, &late, Some(&Fault::Reordered {})).await;
    }
}

/// Makes the request, once more if no connection came about.
async fn send(simulator: &Simulator, request: &Request, fault: Option<&Fault>) -> Result<Answer, Failure> {
    let (number, patience) = {
        let mut state = simulator.lock();
        let patience = Duration::from_millis(state.telephony.pace.webhook_timeout_ms);
        (state.telephony.callbacks.begin(request, fault), patience)
    };
    let attempts = async {
        let token = uuid::Uuid::new_v4().to_string();
        match attempt(request, fault, &token).await {
            Err(Failure::Unreachable) => attempt(request, fault, &token).await,
            other => other,
        }
    };
    let answer = tokio::time::timeout(patience, attempts).await.unwrap_or(Err(Failure::TimedOut))?;
    simulator.lock().telephony.callbacks.end(number, answer.status);
    Ok(answer)
}

async fn attempt(request: &Request, fault: Option<&Fault>, idempotency: &str) -> Result<Answer, Failure> {
    let mut url = request.hook.url.clone();
    let is_post = request.hook.method == Method::POST;
    if !is_post && !request.params.is_empty() {
        url.query_pairs_mut().extend_pairs(&request.params);
    }
    let mut params = request.params.clone();
    let signed: &[(String, String)] = if is_post { &params } else { &[] };
    let token = if matches!(fault, Some(Fault::Forged {})) { WRONG_TOKEN } else { request.token.as_str() };
    let signature = sign(token, url.as_str(), signed);
    if let Some(Fault::Tampered { name, value }) = fault {
        if is_post {
            params.retain(|(known, _)| known != name);
            params.push((name.clone(), value.clone()));
        } else {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    let mut builder = HttpRequest::builder()
        .method(request.hook.method.clone())
        .uri(url.as_str())
        .header(header::USER_AGENT, "TwilioProxy/1.1")
        .header(header::ACCEPT, "*/*")
        .header("i-twilio-idempotency-token", idempotency);
    if !matches!(fault, Some(Fault::Unsigned {})) {
        builder = builder.header("x-twilio-signature", signature);
    }
    let body = if is_post {
        builder = builder.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8");
        Body::from(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&params).finish())
    } else {
        Body::empty()
    };
    let ready = builder.body(body).map_err(|_| Failure::Unreachable)?;
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    let unanswered = |error: hyper_util::client::legacy::Error| {
        if error.is_connect() { Failure::Unreachable } else { Failure::Broken }
    };
    let (parts, body) = client.request(ready).await.map_err(unanswered)?.into_parts();
    let limit = if request.kind == Kind::Media { MEDIA_LIMIT } else { DOCUMENT_LIMIT };
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Ok(Answer {
        status: parts.status.as_u16(),
        content_type: content_type
            .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()),
        body: collect(Body::new(body), limit).await?,
    })
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, Failure> {
    let mut whole = Vec::new();
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        whole.extend_from_slice(&part.map_err(|_| Failure::Broken)?);
        if whole.len() > limit {
            return Err(Failure::TooLarge);
        }
    }
    Ok(whole.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_called() {
        for url in
            ["http://127.0.0.1:4000/a?b=c", "http://127.1.2.3/", "http://[::1]:80/", "http://localhost/x"]
        {
            assert!(callable(url).is_some(), "{url}");
        }
        for url in [
            "https://127.0.0.1/",
            "http://example.org/",
            "http://localhost.example/",
            "http://10.0.0.1/",
            "http://127.0.0.1.example/",
            "http://user:word@127.0.0.1/",
            "http://0.0.0.0/",
            "ftp://127.0.0.1/",
            "/twiml",
            "127.0.0.1:80",
            "",
        ] {
            assert!(callable(url).is_none(), "{url}");
        }
        assert_eq!(callable("http://127.0.0.1/a#rc=2").unwrap().as_str(), "http://127.0.0.1/a");
    }
}
