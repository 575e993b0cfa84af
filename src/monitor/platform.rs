//! The operator's own keys: what is known of each, and when to ask again. Kept in memory: every node reads the
//! same file at start and asks for itself, so nothing of them is ever in the database.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::transition::{self, Known};
use crate::{
    model::{check::CheckReport, ids::ProviderId, schedule::Schedule, time::Timestamp},
    providers::Candidate,
};

/// One of the operator's keys.
#[derive(Debug, Clone)]
pub struct PlatformKey {
    /// The credential.
    pub credential: Arc<Candidate>,
    /// What is known of it.
    pub known: Known,
    /// Since when it is there: the start of this process.
    pub since: Timestamp,
}

/// The operator's keys, by provider.
#[derive(Debug, Default)]
pub struct PlatformKeys(RwLock<BTreeMap<ProviderId, PlatformKey>>);

impl PlatformKeys {
    /// Puts in a key about which nothing is known yet, so that it is due at once, and then by this schedule.
    pub fn supply(&self, credential: Candidate, schedule: Schedule, now: Timestamp) {
        let provider = credential.provider().clone();
        let known = Known { schedule, ..Known::candidate(now) };
        let key = PlatformKey { credential: Arc::new(credential), known, since: now };
        self.write().insert(provider, key);
    }

    /// Whether there are none, as in most installations.
    pub fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    /// The key for one provider.
    pub fn get(&self, provider: &ProviderId) -> Option<PlatformKey> {
        self.read().get(provider).cloned()
    }

    /// All of them.
    pub fn all(&self) -> Vec<PlatformKey> {
        self.read().values().cloned().collect()
    }

    /// Those whose check is due.
    pub fn due(&self, now: Timestamp) -> Vec<PlatformKey> {
        self.read().values().filter(|key| key.known.next_check_at <= now).cloned().collect()
    }

    /// Makes a key due at once, after its provider refused it in real use.
    pub fn make_due(&self, provider: &ProviderId, now: Timestamp) {
        if let Some(key) = self.write().get_mut(provider) {
            let soonest = key.known.not_before.map_or(now, |until| until.max(now));
            key.known.next_check_at = key.known.next_check_at.min(soonest);
        }
    }

    /// Keeps checks of a key back until `until`, after its provider asked in real use to be left alone.
    pub fn hold_back(&self, provider: &ProviderId, until: Timestamp) {
        if let Some(key) = self.write().get_mut(provider) {
            key.known.not_before = key.known.not_before.max(Some(until));
            key.known.next_check_at = key.known.next_check_at.max(until);
        }
    }

    /// Writes down what a check found out.
    pub fn record(&self, provider: &ProviderId, report: &CheckReport, now: Timestamp, jitter: f64) {
        if let Some(key) = self.write().get_mut(provider) {
            let result = transition::after_check(&key.known, report, now, jitter);
            key.known = Known::after(result, key.known.schedule);
        }
    }

    // A panic elsewhere leaves the map whole: each change is one assignment.
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<ProviderId, PlatformKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<ProviderId, PlatformKey>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
