//! The documented answers, asked of the router as a client would.

mod calls;
mod control;
mod elevenlabs;
mod google_speech;
mod language;
mod serpapi;
mod twilio;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use tower::ServiceExt as _;

use super::{
    keys::{ENTRIES, Entry},
    router,
};
use crate::model::ids::ProviderId;

/// An answer, read to its end.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    /// Null when the body is not JSON.
    json: Value,
    text: String,
}

/// A client of one simulator.
struct Client(Router);

impl Client {
    fn new() -> Self {
        Self(router())
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 128 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            json: serde_json::from_slice(&bytes).unwrap_or_default(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, "127.0.0.1:4010");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A POST of `body` with some headers.
    async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::post(path).header(header::HOST, "127.0.0.1:4010");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// A POST of JSON to a provider with the test key `id`, in the header where the provider looks for it.
    async fn ask(&self, provider: &ProviderId, id: &str, path: &str, body: Value) -> Answer {
        let key = field(provider, id, "api_key");
        let bearer = format!("Bearer {key}");
        let name = match provider.as_str() {
            "elevenlabs" => ("xi-api-key", key.as_str()),
            "openai" => ("authorization", bearer.as_str()),
            "anthropic" => ("x-api-key", key.as_str()),
            _ => ("x-goog-api-key", key.as_str()),
        };
        let headers = [name, ("content-type", "application/json"), ("anthropic-version", "2023-06-01")];
        self.post(&format!("/{provider}{path}"), &headers, body.to_string()).await
    }

    /// A control call; its status must be a success.
    async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let request = Request::builder().method(method).uri(format!("/_control{path}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let answer = self.send(request.body(Body::from(body.to_string())).unwrap()).await;
        assert!(answer.status.is_success(), "{} {}", answer.status, answer.text);
        answer.json
    }

    /// A SerpAPI call with the test key `id`.
    async fn serpapi(&self, id: &str, path: &str, query: &str) -> Answer {
        let key = field(&ProviderId::SERPAPI, id, "api_key");
        self.get(&format!("/serpapi{path}?api_key={key}&{query}")).await
    }

    /// A Twilio call below the account of the test key `id`, such as `.json` or `/Calls.json`, by API key if it has one.
    async fn twilio(&self, id: &str, rest: &str) -> Answer {
        let value = |name: &str| optional_field(&ProviderId::TWILIO, id, name);
        let sid = value("account_sid").unwrap();
        let user = value("api_key_sid").unwrap_or_else(|| sid.clone());
        let password = value("api_key_secret").or_else(|| value("auth_token")).unwrap();
        self.twilio_as(&user, &password, &format!("/{sid}{rest}")).await
    }

    async fn twilio_as(&self, user: &str, password: &str, rest: &str) -> Answer {
        let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let request = Request::get(format!("/twilio/2010-04-01/Accounts{rest}"));
        let request = request.header(header::AUTHORIZATION, basic);
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

fn optional_field(provider: &ProviderId, id: &str, name: &str) -> Option<String> {
    let key =
        ENTRIES.iter().map(Entry::test_key).find(|key| key.provider == *provider && key.id == id).unwrap();
    key.fields.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn field(provider: &ProviderId, id: &str, name: &str) -> String {
    optional_field(provider, id, name).unwrap()
}
