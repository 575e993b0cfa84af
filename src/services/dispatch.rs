//! Where the use cases and the worker of one process meet: it is called when work has come, and told what has been
//! stopped. Without it the worker finds out by itself, a little later.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::model::ids::JobId;

/// The meeting place.
#[derive(Debug, Default)]
pub struct Dispatch {
    called: Notify,
    held: Mutex<Vec<(JobId, i64, CancellationToken)>>,
}

/// The entry of a job that this process holds; it goes when this is dropped.
#[derive(Debug)]
pub struct Held {
    dispatch: Arc<Dispatch>,
    job: JobId,
    attempt: i64,
    stopped: CancellationToken,
}

impl Dispatch {
    /// There is work.
    pub fn call(&self) {
        self.called.notify_one();
    }

    /// Waits for [`Self::call`].
    pub async fn called(&self) {
        self.called.notified().await;
    }

    fn held(&self) -> MutexGuard<'_, Vec<(JobId, i64, CancellationToken)>> {
        // The list is whole after each statement, also if a panic came between two.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a job that this process holds.
    pub fn hold(self: &Arc<Self>, job: JobId, attempt: i64) -> Held {
        let stopped = CancellationToken::new();
        self.held().push((job, attempt, stopped.clone()));
        Held { dispatch: Arc::clone(self), job, attempt, stopped }
    }

    /// Tells whoever works on this job that its owner has stopped it.
    pub fn stop(&self, job: JobId) {
        for (_, _, stopped) in self.held().iter().filter(|(held, _, _)| *held == job) {
            stopped.cancel();
        }
    }
}

impl Held {
    /// Cancelled when the job's owner has stopped it.
    pub fn stopped(&self) -> CancellationToken {
        self.stopped.clone()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let own = (self.job, self.attempt);
        self.dispatch.held().retain(|(job, attempt, _)| (*job, *attempt) != own);
    }
}
