//! Outages of providers: recognised by this process over the keys of several users, shared with the others through the
//! database. While one lasts, a single check at a time finds out whether it is over.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    clock::Clock,
    model::{
        check::CheckReport,
        ids::{ProviderId, UserId},
        outage::{Outage, Sign, Trouble},
        status::Reason,
        time::Timestamp,
    },
    store::{KeyRow, Store, StoreError},
};

/// How often a provider that does not answer is asked by schedule, by all nodes together.
const SCOUT_EVERY: Duration = Duration::from_secs(60);

/// What this process knows of outages.
pub struct Outages {
    store: Store,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    trouble: BTreeMap<ProviderId, Trouble>,
    /// As of the last look at the database: a hint, so that not every answer asks it.
    /// With it what they hold back.
    on: BTreeMap<ProviderId, Timestamp>,
}

impl Seen {
    /// These outages go on. What was seen before the end of another, which some other node found, says nothing now.
    fn look(&mut self, on: BTreeMap<ProviderId, Timestamp>) {
        let over = |provider: &ProviderId| self.on.contains_key(provider) && !on.contains_key(provider);
        self.trouble.retain(|provider, _| !over(provider));
        self.on = on;
    }
}

impl Outages {
    /// With what `store` knows.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, seen: Mutex::default() }
    }

    // A panic elsewhere leaves both maps whole: each change is one call.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what the check of a user's stored key that began at `asked_at` says of its provider.
    pub async fn note(
        &self,
        user: UserId,
        provider: &ProviderId,
        report: &CheckReport,
        asked_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (sign, now) = (Sign::from(report), self.clock.now());
        let (began, was_on) = {
            let mut seen = self.seen();
            let was_on = seen.on.contains_key(provider);
            (seen.trouble.entry(provider.clone()).or_default().note(user, sign, now), was_on)
        };
        match began {
            Some(began) if !was_on => self.begin(provider, began, now).await,
            None if was_on && sign == Sign::Answers => self.end(provider, asked_at, now).await,
            _ => Ok(()),
        }
    }

    /// Notes that the provider answered somebody whose key is not stored: what such a key meets begins no outage, but
    /// it ends one.
    pub async fn note_candidate(
        &self,
        user: UserId,
        provider: &ProviderId,
        report: &CheckReport,
        asked_at: Timestamp,
    ) -> Result<(), StoreError> {
        match Sign::from(report) {
            Sign::Answers => self.note(user, provider, report, asked_at).await,
            Sign::Fails | Sign::Nothing => Ok(()),
        }
    }

    async fn end(
        &self,
        provider: &ProviderId,
        asked_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.store.end_outage(provider, asked_at, now).await? {
            tracing::info!(%provider, "the provider answers again");
            self.seen().on.remove(provider);
            self.store.tell_owners(provider, now).await?;
        }
        Ok(())
    }

    async fn begin(
        &self,
        provider: &ProviderId,
        began_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let last = self.store.outages().await?.into_iter().find(|outage| outage.provider == *provider);
        // What an outage just before has held back has not all come back yet.
        let held_at = last.map_or(began_at, |last| last.due_until(began_at).min(began_at));
        let outage = Outage { provider: provider.clone(), began_at, ended_at: None, held_at };
        let has_begun = self.store.begin_outage(&outage, now.plus(SCOUT_EVERY)).await?;
        self.seen().on.insert(provider.clone(), held_at);
        if has_begun {
            tracing::warn!(%provider, "the provider does not answer: its checks wait");
            self.store.tell_owners(provider, now).await?;
        }
        Ok(())
    }

    /// Nobody asks by schedule any more, so nobody would find out that an outage is over.
    pub async fn end_all(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        for outage in self.store.outages().await?.iter().filter(|outage| outage.is_on()) {
            self.store.end_outage(&outage.provider, now, now).await?;
        }
        Ok(())
    }

    /// Where a due key waits that an outage has just kept from an answer: in its old place, so that the keys come back
    /// spread out as they were.
    pub fn place(&self, key: &KeyRow, report: &CheckReport) -> Option<Timestamp> {
        let kept = Sign::from(report) == Sign::Fails || report.reason == Reason::NotAnswering;
        let held_at = self.seen().on.get(&key.provider).copied().filter(|_| kept && !key.suspect)?;
        Some(key.due_since?.max(Timestamp(held_at.0.saturating_add(1))))
    }

    /// Claims keys whose check is due: of a provider that does not answer a single one, and of the others up to
    /// `limit`, for the time of `lease`.
    pub async fn claim(
        &self,
        limit: i64,
        lease: Duration,
        crowded: &[ProviderId],
    ) -> Result<Vec<KeyRow>, StoreError> {
        let now = self.clock.now();
        let outages = self.store.outages().await?;
        let on = outages.iter().filter(|outage| outage.is_on());
        let on: BTreeMap<_, _> = on.map(|outage| (outage.provider.clone(), outage.held_at)).collect();
        self.seen().look(on.clone());
        let mut claimed = Vec::new();
        for provider in on.keys().filter(|provider| !crowded.contains(provider)) {
            if self.store.take_scout(provider, now, now.plus(SCOUT_EVERY)).await? {
                claimed.extend(self.store.claim_scout(provider, lease, now).await?);
            }
        }
        claimed.extend(self.store.claim_due_keys(limit, lease, crowded, now).await?);
        Ok(claimed)
    }
}
