//! A client that keeps its cookie, as a browser does.

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::{EventStream, description};

/// A client of one installation.
#[derive(Clone)]
pub struct Client {
    router: Router,
    pub cookie: Option<String>,
    pub peer: SocketAddr,
    /// The host it asks.
    pub host: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Client {
    pub fn new(router: Router) -> Self {
        Self { router, cookie: None, peer: ([127, 0, 0, 1], 40000).into(), host: "127.0.0.1:3000".to_owned() }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], Vec::new()).await
    }

    pub async fn delete(&mut self, path: &str) -> Answer {
        self.send("DELETE", path, &[], Vec::new()).await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().into()).await
    }

    pub async fn put(&mut self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[("content-type", "application/json")], body.to_string().into()).await
    }

    /// Posts a form as a browser without JavaScript does, from the page `referer`.
    pub async fn form(&mut self, path: &str, referer: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let referer = format!("http://127.0.0.1:3000{referer}");
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "text/html,application/xhtml+xml"),
            ("referer", referer.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send("POST", path, &headers, body.into()).await
    }

    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let (parts, body) = self.begin(method, path, headers, body).await.into_parts();
        // A stream has no end to wait for.
        let endless = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let bytes = if endless { Bytes::new() } else { body.collect().await.unwrap().to_bytes() };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        description::check(method, path, parts.status.as_u16(), &parts.headers, &text);
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// Opens the stream of events; `query` is added to the address.
    pub async fn events(&mut self, query: &str, headers: &[(&str, &str)]) -> EventStream {
        let response = self.begin("GET", &format!("/api/events{query}"), headers, Vec::new()).await;
        assert_eq!(response.status(), 200);
        EventStream::new(response)
    }

    /// Sends a request; the answer's body is still to be read.
    async fn begin(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Response<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::USER_AGENT, "Keyward tests");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
            // What a page of this very site would send.
            if !headers.iter().any(|(name, _)| matches!(*name, "sec-fetch-site" | "origin")) {
                request = request.header("sec-fetch-site", "same-origin");
            }
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
        }
        response
    }
}

impl Answer {
    /// Fails unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The JSON body.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// Fails unless it is a problem document with this status and code; answers the document.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{}", self.text);
        let document = self.json();
        assert_eq!(document["code"], code, "{document}");
        assert_eq!(document["type"], format!("/problems/{code}"));
        assert_eq!(document["status"], status);
        document
    }

    /// Fails unless the answer carries every security header, and its cookies every attribute, whatever it
    /// is an answer to.
    #[track_caller]
    pub fn is_guarded(&self, what: &str) {
        let header = |name: &str| {
            self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let policy = header("content-security-policy");
        for part in ["default-src", "frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part) || policy.contains("default-src 'none'"), "{what}: {policy}");
        }
        assert!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{what}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(header("referrer-policy"), "same-origin", "{what}");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{what}");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{what}");
        assert_eq!(header("access-control-allow-origin"), "", "{what}");
        let stays = ["no-store", "public, no-cache", "no-cache"].contains(&header("cache-control").as_str());
        let public = what.contains("/api/openapi.json") || what.contains("/docs/api");
        assert!(
            stays && (public || header("cache-control") == "no-store"),
            "{what}: {}",
            header("cache-control")
        );
        assert!(!header("x-request-id").is_empty(), "{what}");
        for cookie in self.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax"] {
                assert!(cookie.contains(attribute), "{what}: {attribute}");
            }
        }
        if header("content-type").starts_with("text/html") && policy.contains("'nonce-") {
            let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
            let inline = self.text.matches("<script").count();
            assert_eq!(self.text.matches(&format!("nonce=\"{nonce}\"")).count(), inline, "{what}");
        }
        assert!(!self.text.contains(" style=\""), "{what} has an inline style");
    }

    /// Where it sends the browser.
    #[track_caller]
    pub fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }
}

/// Speaks to the simulator's control interface.
pub async fn control(address: SocketAddr, method: &str, path: &str, body: Option<Value>) -> Value {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = format!(
        "{method} /_control{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 2"), "{answer}");
    serde_json::from_str(body).unwrap_or(Value::Null)
}
