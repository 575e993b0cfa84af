//! Keys that work in real use are checked less.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{
    jitter,
    transition::{Known, after_use},
};
use crate::{
    model::{
        ids::{KeyId, ProviderId, UserId},
        schedule::Schedules,
        time::Timestamp,
    },
    store::{Store, StoreError},
};

/// A key is looked at once in so long, however often it is used: less than the part of the shortest interval in which its
/// check can be put off.
const AGAIN: Duration = Duration::from_secs(10 * 60);
/// Beyond so many, those that may be looked at again are forgotten; where all are used as busily, all.
const MANY: usize = 10_000;

/// Notes which keys work.
pub(super) struct Ease {
    store: Store,
    schedules: Schedules,
    looked: Mutex<BTreeMap<KeyId, Timestamp>>,
}

impl Ease {
    pub(super) fn new(store: Store, schedules: Schedules) -> Self {
        Self { store, schedules, looked: Mutex::default() }
    }

    /// The key has just worked: what a check would find out is known.
    pub(super) async fn note(
        &self,
        (user, key): (UserId, KeyId),
        provider: &ProviderId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !self.looks(key, now) {
            return Ok(());
        }
        // It may be another by now.
        let Some(row) = self.store.key(user, provider).await?.filter(|row| row.id == key) else {
            return Ok(());
        };
        let known = Known::of(&row, self.schedules.of(provider, row.check_every));
        match after_use(&known, now, jitter()) {
            Some(next) => self.store.put_off_check(&row, next).await,
            None => Ok(()),
        }
    }

    fn looks(&self, key: KeyId, now: Timestamp) -> bool {
        // A panic elsewhere leaves the map whole: each change is one call.
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = |at: &Timestamp| *at <= now && now.since(*at) < AGAIN;
        if looked.get(&key).is_some_and(lately) {
            return false;
        }
        if looked.len() >= MANY {
            looked.retain(|_, at| lately(at));
            if looked.len() >= MANY {
                looked.clear();
            }
        }
        looked.insert(key, now);
        true
    }
}
