//! What was asked of the simulator. Credentials appear as fingerprints only.

use std::collections::VecDeque;

use serde::Serialize;

use super::{
    credential::{Params, Presented},
    keys::Provider,
};
use crate::model::time::Timestamp;

/// Older requests are forgotten.
const CAPACITY: usize = 10_000;

/// The parameters that are written down. A list of what may be, so that no credential gets in under a new name.
const WRITTEN: [&str; 21] = [
    "engine",
    "type",
    "q",
    "ll",
    "location",
    "start",
    "num",
    "hl",
    "gl",
    "no_cache",
    "async",
    "output",
    "limit",
    "PageSize",
    "Page",
    "Status",
    "output_format",
    "page_size",
    "pageSize",
    "alt",
    "languageCode",
];

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    number: u64,
    at: Timestamp,
    provider: Option<Provider>,
    method: String,
    path: String,
    parameters: Vec<(String, String)>,
    /// The key that was sent, if it is a test key.
    key: Option<&'static str>,
    /// Twelve digits of the SHA-256 of the credential.
    credential: Option<String>,
    /// Absent while unanswered, and for good when there was no answer.
    status: Option<u16>,
}

/// The requests since the start or the last reset.
#[derive(Default)]
pub struct Journal {
    requests: VecDeque<Request>,
    last: u64,
}

/// What [`Journal::begin`] writes down.
pub struct Arrival<'a> {
    /// When it arrived.
    pub at: Timestamp,
    /// The provider it was meant for.
    pub provider: Option<Provider>,
    /// The method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// All parameters; only harmless ones are kept.
    pub params: &'a Params,
    /// The credential; only its fingerprint is kept.
    pub credential: Option<&'a Presented>,
    /// The test key that the credential opens.
    pub key: Option<&'static str>,
}

impl Journal {
    /// Writes down a request before it is answered and returns its number.
    pub fn begin(&mut self, arrival: &Arrival<'_>) -> u64 {
        if self.requests.len() == CAPACITY {
            self.requests.pop_front();
        }
        self.last += 1;
        let written = arrival.params.iter().filter(|(name, _)| WRITTEN.contains(name));
        self.requests.push_back(Request {
            number: self.last,
            at: arrival.at,
            provider: arrival.provider,
            method: arrival.method.to_owned(),
            path: arrival.path.to_owned(),
            parameters: written.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            key: arrival.key,
            credential: arrival.credential.map(Presented::fingerprint),
            status: None,
        });
        self.last
    }

    /// Adds the status of the answer to request `number`.
    pub fn end(&mut self, number: u64, status: u16) {
        if let Some(request) = self.requests.iter_mut().rev().find(|request| request.number == number) {
            request.status = Some(status);
        }
    }

    /// The requests, oldest first.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter()
    }

    /// Forgets every request. Numbers go on, so that an answer under way finds no other request's line.
    pub fn clear(&mut self) {
        self.requests.clear();
    }
}
