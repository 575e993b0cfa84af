//! The protected services, a folder each, and how their background work is handed over.

pub mod analytics;
pub mod calling;
mod dispatch;
mod once;
pub mod scraper;
mod sheet;
pub mod voices;

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

pub use dispatch::{Dispatch, Held};
pub use once::{NAME_MAX, Once};

use self::{calling::Calling, scraper::Scraper};
use crate::{model::job::Work, store::Hold};

/// How an attempt at a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The end of the job is written down, or when it goes on.
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

/// Whoever carries out the work of jobs.
#[async_trait]
pub trait Staff: Send + Sync {
    /// Carries out `work` as the holder of its job.
    async fn work(&self, work: &Work, hold: Hold, stops: Stops) -> Ended;
}

/// The services that work in the background.
pub struct Services {
    /// The Data Scraper.
    pub scraper: Arc<Scraper>,
    /// Calling Operations.
    pub calling: Arc<Calling>,
}

#[async_trait]
impl Staff for Services {
    async fn work(&self, work: &Work, hold: Hold, stops: Stops) -> Ended {
        match work {
            Work::Search { .. } => self.scraper.run(hold, stops).await,
            Work::Call { .. } => self.calling.run(hold, stops).await,
        }
    }
}
