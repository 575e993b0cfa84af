//! What was typed comes back with the error. Without JavaScript, a form that is refused is answered with its page once
//! more; what the page fills in from its address is put there. Only the fields named here are: no secret is among them.

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::HeaderValue,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::header::LOCATION;
use leptos::server_fn::ServerFn;
use url::{Url, form_urlencoded};

use crate::{
    api::{
        accepts_html,
        calling::PlaceCall,
        scraper::{SaveSearch, StartBatch, StartSearch},
    },
    model::error::ErrorCode,
    server::problem::Problem,
};

/// The forms, and their fields.
const TYPED: [(&str, &[&str]); 4] = [
    (StartSearch::PATH, &["engine", "query", "place", "language", "country", "limit"]),
    (StartBatch::PATH, &["engine", "queries", "place", "language", "country", "limit"]),
    (SaveSearch::PATH, &["name", "engine", "query", "place", "language", "country", "limit"]),
    (PlaceCall::PATH, &["to", "country", "from", "message", "language", "record", "voice"]),
];

/// A field longer than this does not come back: browsers and proxies refuse longer addresses.
const LONGEST: usize = 4 * 1024;

pub(super) async fn give_back(request: Request, next: Next) -> Response {
    let form = TYPED.iter().find(|(path, _)| *path == request.uri().path());
    let Some((_, names)) = form.filter(|_| accepts_html(request.headers())) else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    // It was read before, and was not too large.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Problem::from(ErrorCode::BadRequest).into_response();
    };
    let mut response = next.run(Request::from_parts(parts, Body::from(body.clone()))).await;
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    if let Some(location) = location.and_then(|location| filled_in(location, &body, names)) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// The address that leads back to the form after an error, with what was typed.
fn filled_in(location: &str, body: &[u8], names: &[&str]) -> Option<HeaderValue> {
    let mut address = Url::parse(location).ok()?;
    if !address.query_pairs().any(|(name, _)| name == "__err") {
        return None;
    }
    let is_typed = |name: &str| names.contains(&name);
    let typed = form_urlencoded::parse(body).filter(|(name, value)| is_typed(name) && value.len() <= LONGEST);
    let pairs: Vec<_> = address.query_pairs().filter(|(name, _)| !is_typed(name)).chain(typed).collect();
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    address.set_query(Some(&query));
    HeaderValue::from_str(address.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(location: &str, body: &str) -> Option<String> {
        let value = filled_in(location, body.as_bytes(), &["to", "message"])?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn what_was_typed_comes_back_and_nothing_else() {
        let page = "http://127.0.0.1:3000/services/calling";
        let back =
            led(&format!("{page}?to=old&call=1&__path=p&__err=e"), "to=%2B49+1&message=a%26b&key=sk-1");
        assert_eq!(back.unwrap(), format!("{page}?call=1&__path=p&__err=e&to=%2B49+1&message=a%26b"));
        assert_eq!(led(&format!("{page}/3"), "to=1"), None);
        assert_eq!(led("/services/calling?__err=e", "to=1"), None);
        let long = format!("to=1&message={}", "a".repeat(LONGEST + 1));
        assert_eq!(led(&format!("{page}?__err=e"), &long).unwrap(), format!("{page}?__err=e&to=1"));
    }
}
