//! The loops that send what users are told, and look for what nobody's check tells.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::{notices::Notices, store::TakenMessage};

/// How often the loop looks for messages that are due, besides whenever one has been sent.
const TICK: Duration = Duration::from_secs(1);
/// How often somebody looks round.
const ROUND: Duration = Duration::from_secs(60);
/// How many are sent at a time …
const AT_A_TIME: usize = 16;
/// … and how many of them to places that are failing: those may be slow until their time is over, and hold up nobody
/// else.
const FAILING_AT_A_TIME: usize = 8;

/// The loop.
pub struct Messages {
    notices: Arc<Notices>,
}

impl Messages {
    /// Sends what `notices` has.
    pub fn new(notices: Arc<Notices>) -> Self {
        Self { notices }
    }

    /// Runs until it is dropped. What is cut off is sent again when its lease is over.
    pub async fn run(&self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sending = JoinSet::new();
        let mut failing = HashSet::new();
        loop {
            let mut ended = tokio::select! {
                _ = ticks.tick() => None,
                Some(ended) = sending.join_next_with_id() => Some(ended),
            };
            while let Some(end) = ended {
                let id = match end {
                    Ok((id, ())) => id,
                    Err(error) => {
                        tracing::error!(%error, "sending a message broke off");
                        error.id()
                    }
                };
                failing.remove(&id);
                ended = sending.try_join_next_with_id();
            }
            while sending.len() < AT_A_TIME
                && let Some(taken) = self.take(failing.len() < FAILING_AT_A_TIME).await
            {
                let (notices, fails) = (self.notices.clone(), taken.iter().any(|one| one.failing));
                let task = sending.spawn(async move { notices.send(&taken).await });
                if fails {
                    failing.insert(task.id());
                }
            }
        }
    }

    /// Looks round now and then, until it is dropped.
    pub async fn look_round(&self) {
        let mut ticks = tokio::time::interval(ROUND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.notices.look_round().await {
                tracing::error!(%error, "looking round failed");
            }
        }
    }

    /// Sends all that is due, one after the other; answers how often it sent something.
    pub async fn send_due(&self) -> usize {
        let mut count = 0;
        while let Some(taken) = self.take(true).await {
            self.notices.send(&taken).await;
            count += 1;
        }
        count
    }

    async fn take(&self, also_failing: bool) -> Option<Vec<TakenMessage>> {
        self.notices.take(also_failing).await.unwrap_or_else(|error| {
            tracing::error!(%error, "messages could not be taken up");
            None
        })
    }
}
