//! What every request passes, and every answer: errors and panics included.
//!
//! From the outside in: the request's id and its line in the log; security headers; errors as
//! problem documents; panics caught; the client's address and whether the request is admitted
//! (host, other sites, content type); the body, read whole within its limits.

mod admit;
mod body;
mod client;
mod content_type;
mod cross_site;
mod headers;
mod host;
mod log;
mod problems;
mod recover;
#[cfg(test)]
pub(super) mod tests;
mod typed;

use std::{sync::Arc, time::Duration};

use axum::{Router, middleware::from_fn_with_state};
use ipnet::IpNet;

pub(super) use self::headers::SOUND_POLICY;
pub use self::log::RequestId;
use super::problem::ProviderNames;
use crate::{
    config::{Config, PublicUrl},
    telemetry::{metrics::Metrics, traces::Traces},
};

/// What the middleware has to know of the installation.
#[derive(Clone)]
pub struct Site {
    /// The installation's address.
    pub public_url: PublicUrl,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The name of the session cookie.
    pub session_cookie: &'static str,
    /// The names of providers, for error texts.
    pub provider_names: ProviderNames,
    /// Counts requests.
    pub metrics: Arc<Metrics>,
    /// Where their spans go.
    pub traces: Traces,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
}

impl Site {
    /// The installation of `config`: bodies of 64 KiB at most, within 30 s.
    pub fn new(
        config: &Config,
        session_cookie: &'static str,
        provider_names: ProviderNames,
        metrics: Arc<Metrics>,
        traces: Traces,
    ) -> Self {
        Self {
            metrics,
            traces,
            public_url: config.public_url.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            session_cookie,
            provider_names,
            body_limit: 64 * 1024,
            body_timeout: Duration::from_secs(30),
        }
    }
}

/// Puts the middleware around all routes and fallbacks of `router`; to be called last.
pub fn around<S: Clone + Send + Sync + 'static>(router: Router<S>, site: Site) -> Router<S> {
    let site = Arc::new(site);
    router
        .layer(axum::middleware::from_fn(typed::give_back))
        .layer(from_fn_with_state(site.clone(), body::read_whole))
        .layer(from_fn_with_state(site.clone(), admit::admit))
        .layer(axum::middleware::from_fn(recover::recover))
        .layer(from_fn_with_state(site.clone(), problems::write_out))
        .layer(from_fn_with_state(site.clone(), headers::secure))
        .layer(from_fn_with_state(site, log::log))
}

/// Whether `path` belongs to the REST interface.
fn is_rest(path: &str) -> bool {
    path.starts_with("/api/") && !is_server_function(path)
}

/// Whether `path` takes a form with files. It is larger than any other body, so it is not read before it is known who
/// sends it; its route has limits of its own.
fn takes_files(path: &str) -> bool {
    path == "/api/services/voice-cloning/voices"
}

/// Whether `path` belongs to the server functions, the browser's way in.
fn is_server_function(path: &str) -> bool {
    path.starts_with("/api/rpc/")
}
