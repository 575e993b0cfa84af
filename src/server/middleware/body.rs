//! Reads the body whole before the handler runs, so that size and time are bounded in one place
//! and no handler ever waits for a slow client.

use std::sync::Arc;

use axum::{
    body::{Body, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use tokio::time::timeout;

use super::{Site, takes_files};
use crate::{model::error::ErrorCode, server::problem::Problem};

/// A body up to this many times too large is read to its end and thrown away: a client that is
/// still sending would not see the answer otherwise.
const PATIENCE: usize = 32;

pub(super) async fn read_whole(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() || takes_files(request.uri().path()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    match timeout(site.body_timeout, read(body, site.body_limit)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Ok(Err(code)) => Problem::from(code).into_response(),
        Err(_elapsed) => Problem::from(ErrorCode::BadRequest).into_response(),
    }
}

async fn read(body: Body, limit: usize) -> Result<Vec<u8>, ErrorCode> {
    let patience = limit.saturating_mul(PATIENCE);
    let announced = body.size_hint().lower();
    if announced > patience as u64 {
        return Err(ErrorCode::TooLarge);
    }
    let (mut bytes, mut seen) = (Vec::new(), 0_usize);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| ErrorCode::BadRequest)?;
        seen = seen.saturating_add(chunk.len());
        if seen > patience {
            break;
        }
        if seen <= limit {
            bytes.extend_from_slice(&chunk);
        }
    }
    if seen > limit { Err(ErrorCode::TooLarge) } else { Ok(bytes) }
}
