//! Answers that go wrong on their way.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::header,
    response::Response,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use super::{events, keys::Provider};

/// Lets what was sent leave before the connection closes.
const LINGER: Duration = Duration::from_millis(20);

/// The first bytes of a body, and then the end of the connection.
pub fn cut(body: Body, bytes: usize) -> Body {
    Body::from_stream(first(body, bytes).chain(closing()))
}

/// The first bytes of a body, and then nothing more.
pub fn stall(body: Body, bytes: usize) -> Body {
    Body::from_stream(first(body, bytes).chain(stream::pending()))
}

/// A body byte by byte, each after a wait.
pub fn drip(body: Body, wait: Duration) -> Body {
    let drops =
        body.into_data_stream().map_ok(|piece| stream::iter(piece).map(Ok::<u8, axum::Error>)).try_flatten();
    Body::from_stream(drops.and_then(move |byte| async move {
        tokio::time::sleep(wait).await;
        Ok(Bytes::copy_from_slice(&[byte]))
    }))
}

/// The first events of a stream, and then the error that the provider sends within one. What is no stream of
/// events ends with its connection, after as many pieces.
pub fn fail(provider: Provider, path: &str, answer: Response, after: usize) -> Response {
    let (parts, body) = answer.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let error =
        kind.filter(|kind| kind.starts_with(events::CONTENT_TYPE)).and_then(|_| error(provider, path, after));
    let pieces = body.into_data_stream().map_err(io::Error::other).take(after);
    let body = match error {
        Some(error) => Body::from_stream(pieces.chain(stream::iter([Ok(Bytes::from(error))]))),
        None => Body::from_stream(pieces.chain(closing())),
    };
    Response::from_parts(parts, body)
}

/// An error as an event of a stream, in the form of the providers that have one.
fn error(provider: Provider, path: &str, after: usize) -> Option<String> {
    let message = "The server had an error while processing your request.";
    match provider {
        Provider::Openai if path.ends_with("/responses") => {
            let data = json!({ "type": "error", "code": "server_error", "message": message, "param": null, "sequence_number": after });
            Some(events::named("error", &data))
        }
        Provider::Openai => {
            let error = json!({ "message": message, "type": "server_error", "param": null, "code": null });
            Some(format!("data: {}\n\n", json!({ "error": error })))
        }
        Provider::Anthropic => {
            let error = json!({ "type": "overloaded_error", "message": "Overloaded" });
            Some(events::named("error", &json!({ "type": "error", "error": error })))
        }
        Provider::GoogleAi => {
            let error = json!({ "code": 503, "message": "The model is overloaded. Please try again later.", "status": "UNAVAILABLE" });
            Some(format!("data: {}\n\n", json!({ "error": error })))
        }
        _ => None,
    }
}

fn first(body: Body, bytes: usize) -> impl futures::Stream<Item = io::Result<Bytes>> {
    let mut left = bytes;
    body.into_data_stream()
        .map_err(io::Error::other)
        .map_ok(move |mut piece| {
            piece.truncate(left);
            left -= piece.len();
            (piece, left)
        })
        .scan(false, |done, piece| {
            let over = std::mem::replace(done, matches!(piece, Ok((_, 0))));
            std::future::ready((!over).then(|| piece.map(|(piece, _)| piece)))
        })
}

fn closing() -> impl futures::Stream<Item = io::Result<Bytes>> {
    stream::once(async {
        tokio::time::sleep(LINGER).await;
        Err(io::ErrorKind::ConnectionAborted.into())
    })
}

/// A body that fails at once, upon which the server closes the connection before it has sent anything.
pub fn nothing() -> Body {
    Body::from_stream(stream::iter([Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionAborted))]))
}
