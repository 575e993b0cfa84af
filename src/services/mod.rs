//! The protected services, a folder each, and how their background work is handed over.

pub mod analytics;
mod dispatch;
pub mod scraper;

use tokio_util::sync::CancellationToken;

pub use dispatch::{Dispatch, Held};

/// How an attempt at a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The end of the job is written down.
    Finished,
    /// The server stops; the job is to be given back.
    Interrupted,
    /// The job is not held any more: somebody else has claimed, stopped or deleted it.
    Fenced,
    /// Something broke here. The log has the cause; the job is tried again.
    Broken,
}

/// What tells a job to stop.
#[derive(Debug, Clone)]
pub struct Stops {
    /// Its owner has stopped it: at once.
    pub owner: CancellationToken,
    /// The server stops: after the call under way, which may have cost something.
    pub server: CancellationToken,
}
