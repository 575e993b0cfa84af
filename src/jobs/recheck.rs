//! The loop that asks providers about stored credentials when a check is due.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::MissedTickBehavior,
};

use crate::{
    keys::Keys,
    model::{check::LEASE, error::AppError, ids::ProviderId},
    store::KeyRow,
};

/// How often the loop looks for due credentials.
const TICK: Duration = Duration::from_secs(5);
/// How many it claims at once.
const BATCH: i64 = 8;
/// A provider with so many checks under way has no more claimed.
const OF_ONE: usize = 4;

/// The loop.
pub struct Recheck {
    keys: Arc<Keys>,
    enabled: bool,
}

impl Recheck {
    /// A loop over stored credentials; while checking is switched off it does nothing.
    pub fn new(keys: Arc<Keys>, enabled: bool) -> Self {
        Self { keys, enabled }
    }

    /// Runs until it is dropped. Checks that are cut leave their claim, which ends by itself.
    pub async fn run(&self) {
        if !self.enabled {
            std::future::pending::<()>().await;
        }
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Checks under way do not keep the next ones waiting: a provider that is slow holds up its own keys only.
        let mut checks = Checks::default();
        let mut platform = JoinSet::new();
        loop {
            ticks.tick().await;
            checks.note_those_done();
            while self.begin_due(&mut checks).await >= usize::try_from(BATCH).unwrap_or(usize::MAX) {}
            // One round at a time, or a key whose check is under way would be checked again.
            platform.try_join_next();
            if platform.is_empty() {
                let keys = self.keys.clone();
                platform.spawn(async move { keys.check_platform_keys().await });
            }
        }
    }

    /// Checks one batch of due credentials to the end; answers how many there were.
    pub async fn check_due(&self) -> usize {
        let mut checks = Checks::default();
        let count = self.begin_due(&mut checks).await + self.keys.check_platform_keys().await;
        checks.finish().await;
        count
    }

    /// Begins the checks of one batch of due credentials, of providers that are not asked enough already.
    async fn begin_due(&self, checks: &mut Checks) -> usize {
        let crowded: Vec<_> = self.keys.crowded().into_iter().chain(checks.crowded()).collect();
        let claimed = match self.keys.claim_due(BATCH, LEASE, &crowded).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "due keys could not be claimed");
                return 0;
            }
        };
        let count = claimed.len();
        for key in claimed {
            checks.begin(&self.keys, key);
        }
        count
    }
}

/// The checks under way.
#[derive(Default)]
struct Checks {
    tasks: JoinSet<Result<(), AppError>>,
    providers: HashMap<Id, ProviderId>,
}

impl Checks {
    fn begin(&mut self, keys: &Arc<Keys>, key: KeyRow) {
        let (keys, provider) = (keys.clone(), key.provider.clone());
        let task = self.tasks.spawn(async move { keys.check(&key).await });
        self.providers.insert(task.id(), provider);
    }

    /// The providers with as many checks under way as run at a time.
    fn crowded(&self) -> Vec<ProviderId> {
        let mut counts = BTreeMap::<_, usize>::new();
        self.providers.values().for_each(|provider| *counts.entry(provider).or_default() += 1);
        counts
            .into_iter()
            .filter(|(_, count)| *count >= OF_ONE)
            .map(|(provider, _)| provider.clone())
            .collect()
    }

    fn note_those_done(&mut self) {
        while let Some(done) = self.tasks.try_join_next_with_id() {
            self.note(done);
        }
    }

    async fn finish(mut self) {
        while let Some(done) = self.tasks.join_next_with_id().await {
            self.note(done);
        }
    }

    fn note(&mut self, done: Result<(Id, Result<(), AppError>), JoinError>) {
        let id = done.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let provider = self.providers.remove(&id);
        let provider = provider.as_ref().map(ProviderId::as_str);
        match done {
            Ok((_, Ok(()))) => {}
            Ok((_, Err(error))) => tracing::error!(provider, %error, "a due key could not be checked"),
            Err(error) => tracing::error!(provider, %error, "a check broke off"),
        }
    }
}
