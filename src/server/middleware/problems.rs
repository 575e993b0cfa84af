//! Writes errors out: with the names of providers, with the request's id, and as problem documents
//! where axum answered with bare text.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{StatusCode, header};

use super::{RequestId, Site, is_rest};
use crate::{
    api::accepts_html,
    model::error::{AppError, ErrorCode},
    server::problem::Problem,
};

pub(super) async fn write_out(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let rest = is_rest(request.uri().path());
    // Pages, and server functions called by a form without scripts; scripts accept JSON only.
    let for_people = !rest && accepts_html(request.headers());
    let id = request.extensions().get::<RequestId>().cloned();

    let mut response = next.run(request).await;
    let Some(Problem(mut error)) = response.extensions_mut().remove().or_else(|| {
        let bare = rest && (response.status().is_client_error() || response.status().is_server_error());
        bare.then(|| Problem(AppError::new(code_of(response.status()))))
    }) else {
        return response;
    };
    if error.code == ErrorCode::Internal && error.reference.is_none() {
        error.reference = id.map(|id| id.to_string());
    }
    let problem = Problem(error);
    let names = &*site.provider_names;
    let (new, body) = if for_people { problem.text(names) } else { problem.document(names) }.into_parts();

    // Cookies, `Allow` and the like stay.
    let (mut parts, _) = response.into_parts();
    parts.status = new.status;
    parts.headers.remove(header::CONTENT_LENGTH);
    // The compressed body is gone with the answer that it belonged to.
    parts.headers.remove(header::CONTENT_ENCODING);
    for (name, value) in new.headers {
        if let Some(name) = name {
            parts.headers.insert(name, value);
        }
    }
    Response::from_parts(parts, body)
}

/// What a bare status means.
fn code_of(status: StatusCode) -> ErrorCode {
    match status {
        StatusCode::UNAUTHORIZED => ErrorCode::Unauthenticated,
        StatusCode::FORBIDDEN => ErrorCode::Forbidden,
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
        StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Busy,
        status if status.is_client_error() => ErrorCode::BadRequest,
        _ => ErrorCode::Internal,
    }
}
