//! Somebody to whom notices are sent.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, response::IntoResponse};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;
use tokio::net::TcpListener;

/// What was received.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Inner {
    received: Vec<Received>,
    answers: VecDeque<u16>,
}

/// An HTTP server on loopback. It answers 204 unless it is told otherwise.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

/// What it answers to be silent.
pub const NEVER: u16 = 0;

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), inner: Arc::default() };
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The statuses of the next answers.
    pub fn answer(&self, statuses: &[u16]) {
        self.inner.lock().unwrap().answers = statuses.iter().copied().collect();
    }

    /// What has arrived since the last time.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.inner.lock().unwrap().received)
    }
}

async fn receive(
    State(receiver): State<Receiver>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let status = {
        let mut inner = receiver.inner.lock().unwrap();
        inner.received.push(Received { path: uri.path().to_owned(), headers, body: body.to_vec() });
        inner.answers.pop_front().unwrap_or(204)
    };
    if status == NEVER {
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    let to =
        [("location", format!("http://{}/elsewhere", receiver.address)), ("retry-after", "600".to_owned())];
    (StatusCode::from_u16(status).unwrap(), to)
}
