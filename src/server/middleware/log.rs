//! The request's id, and one line of log for each request: no query, no headers, no body.

use std::{fmt, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue};
use tracing::{Instrument, error_span};
use uuid::Uuid;

use super::Site;
use crate::{account::RequestUser, telemetry::traces::Piece};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of one request: made here, never taken from outside. An extension of the request, the
/// header `x-request-id` of the answer, and a field of everything logged meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) async fn log(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let id = RequestId(Uuid::now_v7().hyphenated().to_string().into());
    let user = RequestUser::default();
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(user.clone());
    let method = request.method().clone();
    let route = route_of(&request);
    let matched = request.extensions().get::<MatchedPath>().cloned();

    let template = matched.as_ref().map_or("none", MatchedPath::as_str);
    let piece = match template {
        // Somebody asks for these all the time, and there is nothing to see.
        "/healthz" | "/readyz" | "/metrics" => Piece::nothing(),
        _ => site.traces.request(&method, template, &id),
    };
    // A span of the highest level, so that no filter takes the id off the errors inside.
    let span = error_span!(target: "keyward::request", "request", %id);
    async move {
        let mut response = piece.around(next.run(request)).await;
        if let Ok(value) = HeaderValue::from_str(&id.0) {
            response.headers_mut().insert(HEADER, value);
        }
        let status = response.status().as_u16();
        let took = begin.elapsed();
        site.metrics.request(&method, template, status, took);
        piece.answered(status);
        let latency_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let user = user.noted().map(tracing::field::display);
        if matches!(route.as_str(), "/healthz" | "/readyz" | "/metrics") {
            tracing::debug!(target: "keyward::request", %method, route, status, latency_ms, user, "answered");
        } else {
            tracing::info!(target: "keyward::request", %method, route, status, latency_ms, user, "answered");
        }
        response
    }
    .instrument(span)
    .await
}

/// The route as it is written in the router, which holds no values; the path where there is no such
/// route or it ends in a wildcard.
fn route_of(request: &Request) -> String {
    const LONGEST: usize = 200;
    match request.extensions().get::<MatchedPath>() {
        Some(route) if !route.as_str().contains("{*") => route.as_str().to_owned(),
        _ => request.uri().path().chars().take(LONGEST).collect(),
    }
}
