//! What the routes share.

use std::sync::Arc;

use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use tokio_util::sync::CancellationToken;

use crate::{api::context::UseCases, jobs::EventWatch, store::Store};

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
}

/// Cancelled when the server is about to stop.
#[derive(Clone)]
pub struct Stopping(pub CancellationToken);
