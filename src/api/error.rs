//! The wire error of server functions.

use leptos::{prelude::FromServerFnError, server_fn::error::ServerFnErrorErr};

use super::wire::JsonText;
use crate::model::error::{AppError, ErrorCode};

impl FromServerFnError for AppError {
    type Encoder = JsonText;

    /// Maps the framework's own errors. Their texts stay behind: some quote what was submitted.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        Self::new(match error {
            ServerFnErrorErr::Request(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_)
            | ServerFnErrorErr::Serialization(_) => ErrorCode::Transport,
            // A body that is no text; answers are read in `wire`.
            ServerFnErrorErr::Deserialization(_)
            | ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_) => ErrorCode::BadRequest,
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_)
            | ServerFnErrorErr::Response(_) => ErrorCode::Internal,
        })
    }
}

/// Gives the answer of a server function its error's HTTP status, except to a plain form post: there the browser
/// has to follow the redirect back to the form, which another status than 302 would prevent.
#[cfg(feature = "ssr")]
pub(super) fn with_status(error: AppError) -> AppError {
    use leptos::prelude::use_context;

    // Neither a form post without scripts nor a page that is rendered on the way.
    let called_by_script = use_context::<http::request::Parts>()
        .is_some_and(|parts| parts.uri.path().starts_with("/api/rpc/") && !accepts_html(&parts.headers));
    if called_by_script
        && let Some(response) = use_context::<leptos_axum::ResponseOptions>()
        && let Ok(status) = http::StatusCode::from_u16(error.code.status())
    {
        response.set_status(status);
    }
    error
}

/// Whether the request is a browser's own navigation or form post.
#[cfg(feature = "ssr")]
pub fn accepts_html(headers: &http::HeaderMap) -> bool {
    headers
        .get_all(http::header::ACCEPT)
        .iter()
        .any(|accept| accept.to_str().is_ok_and(|text| text.contains("text/html")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frameworks_texts_do_not_cross() {
        let secret = "sk-canary".to_owned();
        let cases = [
            (ServerFnErrorErr::Args(secret.clone()), ErrorCode::BadRequest),
            (ServerFnErrorErr::MissingArg(secret.clone()), ErrorCode::BadRequest),
            (ServerFnErrorErr::Request(secret.clone()), ErrorCode::Transport),
            (ServerFnErrorErr::Deserialization(secret.clone()), ErrorCode::BadRequest),
            (ServerFnErrorErr::ServerError(secret.clone()), ErrorCode::Internal),
            (ServerFnErrorErr::MiddlewareError(secret), ErrorCode::Internal),
        ];
        for (framework, code) in cases {
            let error = AppError::from_server_fn_error(framework);
            assert_eq!(error, AppError::new(code));
        }
    }

    #[test]
    fn an_error_comes_back_from_its_wire_form() {
        let error = AppError::field("email", crate::model::error::FieldError::Malformed);
        assert_eq!(AppError::de(error.ser()), error);
    }
}
