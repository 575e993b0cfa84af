//! Turns a panic into an answer that says nothing but the request's id.

use std::panic::AssertUnwindSafe;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;

use crate::{model::error::ErrorCode, server::problem::Problem};

pub(super) async fn recover(request: Request, next: Next) -> Response {
    // Nothing of the broken request is looked at again, so no half-made change of it can be seen.
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        // The payload may hold what the code had in hands; the panic hook has logged the place.
        Err(_payload) => Problem::from(ErrorCode::Internal).into_response(),
    }
}
