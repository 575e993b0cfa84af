//! Background work.

mod events;
mod messages;
mod recheck;
mod worker;

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

pub use events::{Call, EventWatch, Listener};
pub use messages::Messages;
pub use recheck::Recheck;
pub use worker::Worker;

use crate::{clock::Clock, store::Store};

/// Destroyed credentials and spent rows are swept this often.
const SWEEP: Duration = Duration::from_secs(3600);
/// A loop that broke down is started again after this long.
const RESTART: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 1000 });

/// The background work under way.
pub struct Jobs(JoinSet<()>);

impl Jobs {
    /// Waits until all of it has ended.
    pub async fn finish(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// Starts the background work; it ends when `stop` is cancelled.
pub fn spawn(
    recheck: Arc<Recheck>,
    events: Arc<EventWatch>,
    messages: Arc<Messages>,
    worker: Arc<Worker>,
    store: Store,
    clock: Arc<dyn Clock>,
    stop: &CancellationToken,
) -> Jobs {
    let mut jobs = JoinSet::new();
    jobs.spawn(keep_running("recheck", stop.clone(), move || {
        let recheck = recheck.clone();
        async move { recheck.run().await }
    }));
    jobs.spawn(keep_running("events", stop.clone(), move || {
        let events = events.clone();
        async move { events.run().await }
    }));
    let round = messages.clone();
    jobs.spawn(keep_running("rounds", stop.clone(), move || {
        let round = round.clone();
        async move { round.look_round().await }
    }));
    jobs.spawn(keep_running("messages", stop.clone(), move || {
        let messages = messages.clone();
        async move { messages.run().await }
    }));
    // Stops by itself, so that no job is lost between its claim and its beginning.
    jobs.spawn(keep_running("worker", CancellationToken::new(), move || {
        let worker = worker.clone();
        async move { worker.run().await }
    }));
    jobs.spawn(keep_running("sweep", stop.clone(), move || sweep(store.clone(), clock.clone())));
    Jobs(jobs)
}

/// Runs a loop until `stop`; one that panics is started again.
async fn keep_running<F>(name: &'static str, stop: CancellationToken, start: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let run = tokio::spawn(stop.clone().run_until_cancelled_owned(start()));
        match run.await {
            Ok(_) => return,
            Err(_) => tracing::error!(name, "a background loop broke down and is started again"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(RESTART)).await.is_none() {
            return;
        }
    }
}

async fn sweep(store: Store, clock: Arc<dyn Clock>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match store.sweep(clock.now()).await {
            Ok(0) => {}
            Ok(destroyed) => tracing::info!(destroyed, "replaced credentials were destroyed"),
            Err(error) => tracing::error!(%error, "the sweep failed"),
        }
        if let Err(error) = store.forget_webhook_secrets(clock.now()).await {
            tracing::error!(%error, "copies of replaced credentials could not be forgotten");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_loop_that_panics_is_started_again_and_stops_when_told() {
        let starts = Arc::new(AtomicUsize::new(0));
        let stop = CancellationToken::new();
        let (counted, ending) = (starts.clone(), stop.clone());
        keep_running("test", stop, move || {
            let (starts, stop) = (counted.clone(), ending.clone());
            async move {
                assert!(starts.fetch_add(1, Ordering::SeqCst) >= 2, "breaks down twice");
                stop.cancel();
                std::future::pending().await
            }
        })
        .await;
        assert_eq!(starts.load(Ordering::SeqCst), 3);
    }
}
