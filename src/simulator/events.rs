//! Server-sent events.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::audio;

/// The type of a stream of events.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// A stream of events, each sent on its own.
#[derive(Default)]
pub struct Events(Vec<String>);

impl Events {
    /// Adds an event without a name.
    pub fn data(&mut self, data: &Value) {
        self.text(&data.to_string());
    }

    /// Adds an event with a name.
    pub fn named(&mut self, name: &str, data: &Value) {
        self.0.push(named(name, data));
    }

    /// Adds an event that is no JSON.
    pub fn text(&mut self, text: &str) {
        self.0.push(format!("data: {text}\n\n"));
    }
}

/// An event with a name, as it is sent.
pub fn named(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        let headers = [(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-cache")];
        (headers, audio::body(self.0.into_iter().map(Into::into))).into_response()
    }
}
