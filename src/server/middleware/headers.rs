//! Security headers on every answer.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

use super::Site;

/// The same for every answer.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // With `no-referrer`, browsers send `Origin: null` on form posts.
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

macro_rules! nothing_but {
    ($microphone:literal) => {
        HeaderValue::from_static(concat!(
            "browsing-topics=(), camera=(), display-capture=(), geolocation=(), hid=(), midi=(), payment=(), \
             publickey-credentials-create=(), publickey-credentials-get=(), serial=(), usb=(), microphone=",
            $microphone
        ))
    };
}

const NOTHING: HeaderValue = nothing_but!("()");
/// For the page that records.
const MICROPHONE: HeaderValue = nothing_but!("(self)");

/// For answers that are no pages: nothing in them may run or be framed.
const NOT_A_PAGE: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// For sound: a browser that opens it by its own address makes a page of it, which may play it and do nothing else.
pub(in crate::server) const SOUND_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; media-src 'self'; frame-ancestors 'none'");

/// A year, without subdomains: those are not Keyward's to decide on.
const ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Kept, but asked for again each time: the names of the files stay when their content changes.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

pub(super) async fn secure(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let file = is_public_file(request.uri().path());
    let records = request.uri().path() == "/services/voice-cloning/new";
    let mut response = next.run(request).await;
    let fresh = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    headers.insert(PERMISSIONS_POLICY, if records { MICROPHONE } else { NOTHING });
    if site.public_url.is_https() {
        headers.insert(STRICT_TRANSPORT_SECURITY, ONE_YEAR);
    }
    insert_missing(headers, CONTENT_SECURITY_POLICY, NOT_A_PAGE);
    insert_missing(headers, CACHE_CONTROL, if file && fresh { REVALIDATE } else { NO_STORE });
    response
}

fn insert_missing(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}

/// The built site, and files beside it at the top: `/favicon.svg`, `/robots.txt`.
fn is_public_file(path: &str) -> bool {
    let top = path.strip_prefix('/').filter(|name| !name.contains('/'));
    path.starts_with("/pkg/") || top.is_some_and(|name| name.contains('.'))
}
