//! The loop that asks providers about stored credentials when a check is due.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::{
    clock::Clock,
    keys::Keys,
    model::error::AppError,
    store::{KeyRow, Store},
};

/// How often the loop looks for due credentials.
const TICK: Duration = Duration::from_secs(5);
/// How many it checks at once.
const BATCH: i64 = 8;
/// How long a claim lasts. Longer than the longest check, which its budgets bound; a claim of a
/// process that died becomes due again when it ends.
const LEASE: Duration = Duration::from_secs(120);

/// The loop.
pub struct Recheck {
    store: Store,
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    enabled: bool,
}

impl Recheck {
    /// A loop over `store`; while checking is switched off it does nothing.
    pub fn new(store: Store, keys: Arc<Keys>, clock: Arc<dyn Clock>, enabled: bool) -> Self {
        Self { store, keys, clock, enabled }
    }

    /// Runs until it is dropped. Checks that are cut leave their claim, which ends by itself.
    pub async fn run(&self) {
        if !self.enabled {
            std::future::pending::<()>().await;
        }
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            while self.check_due().await >= usize::try_from(BATCH).unwrap_or(usize::MAX) {}
        }
    }

    /// Checks one batch of due credentials; answers how many there were.
    pub async fn check_due(&self) -> usize {
        let claimed = match self.store.claim_due_keys(BATCH, LEASE, self.clock.now()).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "due keys could not be claimed");
                return 0;
            }
        };
        let count = claimed.len() + self.keys.check_platform_keys().await;
        let mut checks = JoinSet::new();
        for key in claimed {
            let keys = self.keys.clone();
            checks.spawn(async move { (check(&keys, &key).await, key.provider) });
        }
        while let Some(done) = checks.join_next().await {
            match done {
                Ok((Ok(()), _)) => {}
                Ok((Err(error), provider)) => {
                    tracing::error!(%provider, %error, "a due key could not be checked")
                }
                Err(error) => tracing::error!(%error, "a check broke off"),
            }
        }
        count
    }
}

async fn check(keys: &Keys, key: &KeyRow) -> Result<(), AppError> {
    keys.check(key).await
}
