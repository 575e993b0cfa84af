//! What the routes share.

use std::sync::Arc;

use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use tokio_util::sync::CancellationToken;

use crate::{
    account::SystemTokens, api::context::UseCases, jobs::EventWatch, store::Store,
    telemetry::metrics::Metrics,
};

/// What the routes share.
#[derive(Clone, FromRef)]
pub struct AppState {
    /// The use cases.
    pub use_cases: UseCases,
    /// The settings of the site's files.
    pub leptos: LeptosOptions,
    /// For the readiness probe.
    pub store: Store,
    /// The open event streams.
    pub events: Arc<EventWatch>,
    /// Cancelled when the server is about to stop.
    pub stopping: Stopping,
    /// For other programs of the operator's.
    pub operations: Arc<Operations>,
}

/// What other programs of the operator's may ask, and with which tokens.
#[derive(Debug)]
pub struct Operations {
    /// Open the questions about users' access.
    pub system: SystemTokens,
    /// Open the metrics.
    pub metrics_tokens: SystemTokens,
    /// The counters of this process.
    pub metrics: Arc<Metrics>,
}

/// Cancelled when the server is about to stop.
#[derive(Clone)]
pub struct Stopping(pub CancellationToken);
