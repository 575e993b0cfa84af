//! Figures over all users, for the operator's page and for the metrics. None of them tells anything of a single user:
//! one behind which fewer than five stand is withheld (`model::operator::enough`).

mod shelf;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::timeout;

use self::shelf::{Shelf, kept};
use crate::{
    account::internal,
    clock::Clock,
    keys::Keys,
    model::{
        error::{AppError, FieldError},
        ids::ProviderId,
        operator::{CallHealth, HealthReport, KeysAlike, ProviderHealth, RANGES, ServiceReach, enough},
        service::ServiceId,
        time::Timestamp,
        usage::{Histogram, Range},
    },
    store::{
        NO_FAILURES, Store, StoreError,
        operator::{Callers, EverybodysCalls, EverybodysKeys},
    },
};

/// Whoever collects metrics waits so long for figures that take long to read.
const PATIENCE: Duration = Duration::from_secs(2);
/// A check that is due for longer is late.
const LATE: Duration = Duration::from_secs(300);

/// How everybody's keys and services stand, as far as that may be told.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Users who are not shut out; nothing for few.
    pub users: Option<i64>,
    /// For how many each service is open.
    pub services: Vec<ServiceReach>,
    /// Keys by provider and how they stand, without those that few users have.
    pub keys: Vec<(ProviderId, KeysAlike)>,
}

/// What waits to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Checks whose time has come.
    pub checks_due: i64,
    /// Those whose time came more than five minutes ago.
    pub checks_late: i64,
    /// Calls that this process is yet to write to the ledger.
    pub usage_waiting: usize,
}

type Calls = BTreeMap<ProviderId, CallHealth>;

/// Reads the figures, and keeps them for a minute: reading them takes long where there are many users.
pub struct Overview {
    store: Store,
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    standing: Arc<Shelf<Standing>>,
    /// One for each of [`RANGES`], so that a long one does not hold up a short one.
    calls: [Arc<Shelf<Calls>>; RANGES.len()],
}

impl Overview {
    /// Over the users of `store`.
    pub fn new(store: Store, keys: Arc<Keys>, clock: Arc<dyn Clock>) -> Self {
        Self { store, keys, clock, standing: Arc::default(), calls: Default::default() }
    }

    /// How the installation does, with the calls of a range that ends now.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`](crate::model::error::ErrorCode::InvalidInput) for a range that is not one of the operator's.
    pub async fn report(&self, range: Range) -> Result<HealthReport, AppError> {
        let shelf = RANGES.iter().zip(&self.calls).find(|(known, _)| **known == range);
        let (_, shelf) = shelf.ok_or_else(|| AppError::field("range", FieldError::OutOfRange))?;
        let (standing, read) = self.standing_and_when().await?;
        let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
        let reading = async move { read_calls(&store, range, clock.now()).await };
        let (calls, at) = kept(shelf, &self.clock, reading).await?;
        let needed = ServiceId::ALL.iter().flat_map(|service| service.requirements());
        let mut listed: BTreeSet<&ProviderId> = needed.map(|requirement| requirement.provider).collect();
        listed.extend(calls.keys());
        listed.extend(standing.keys.iter().map(|(provider, _)| provider));
        let providers = listed.into_iter().map(|provider| ProviderHealth {
            provider: provider.clone(),
            name: self.keys.provider_name(provider),
            calls: calls.get(provider).copied(),
            keys: standing
                .keys
                .iter()
                .filter(|(known, _)| known == provider)
                .map(|(_, alike)| alike.clone())
                .collect(),
        });
        Ok(HealthReport {
            range,
            begins: range.window(at, 0).begins,
            at: at.min(read),
            users: standing.users,
            providers: providers.collect(),
            services: standing.services.clone(),
        })
    }

    /// How everybody's keys stand, and for how many users services are open. Where reading that takes long, what was read
    /// last, if anything was: whoever collects metrics does not wait.
    pub async fn standing_soon(&self) -> Option<Arc<Standing>> {
        match timeout(PATIENCE, self.standing_and_when()).await {
            Ok(standing) => Some(standing.ok()?.0),
            Err(_) => Some(self.standing.last()?.figures),
        }
    }

    /// What waits to be done now.
    pub async fn backlog(&self) -> Result<Backlog, AppError> {
        let now = self.clock.now();
        let waiting = self.store.checks_waiting(now, now.minus(LATE)).await;
        let (checks_due, checks_late) = waiting.map_err(|e| internal(&e))?;
        Ok(Backlog { checks_due, checks_late, usage_waiting: self.store.usage_waiting() })
    }

    async fn standing_and_when(&self) -> Result<(Arc<Standing>, Timestamp), AppError> {
        let (store, keys) = (self.store.clone(), Arc::clone(&self.keys));
        let reading = async move { read_standing(&store, &keys).await };
        kept(&self.standing, &self.clock, reading).await
    }
}

async fn read_standing(store: &Store, keys: &Keys) -> Result<Standing, StoreError> {
    let mut open = [0; ServiceId::ALL.len()];
    let users = store.credentials_of_everybody(|credentials| {
        for service in keys.open_services(credentials) {
            if let Some(index) = ServiceId::ALL.iter().position(|known| *known == service) {
                open[index] += 1;
            }
        }
    });
    let users = users.await?;
    let services = ServiceId::ALL.into_iter().zip(open);
    let services = services.map(|(service, open)| ServiceReach::of(service, open, users)).collect();
    let keys = store.keys_of_everybody().await?.into_iter().filter_map(alike).collect();
    Ok(Standing { users: enough(users, users), services, keys })
}

async fn read_calls(store: &Store, range: Range, now: Timestamp) -> Result<Calls, StoreError> {
    let window = range.window(now, 0);
    store.write_usage_if_possible().await;
    // Callers first: whoever calls meanwhile must not lift the calls of few over the bar.
    let (callers, calls) = match range {
        Range::Day => (store.callers_by_hour(window).await?, store.calls_of_everybody_by_hour(window).await?),
        _ => (store.callers_by_day(window).await?, store.calls_of_everybody_by_day(window).await?),
    };
    Ok(healths(&calls, &callers))
}

fn alike(row: EverybodysKeys) -> Option<(ProviderId, KeysAlike)> {
    let EverybodysKeys { provider, standing, keys, users } = row;
    Some((provider.parse().ok()?, enough(users, KeysAlike { standing, keys })?))
}

/// What calls add up to, by provider, as far as enough users stand behind it.
fn healths(calls: &[EverybodysCalls], callers: &[Callers]) -> Calls {
    let mut sums: BTreeMap<&str, (CallHealth, Histogram)> = BTreeMap::new();
    for row in calls {
        let none = CallHealth {
            calls: 0,
            failed: Some(0),
            unanswered: Some(0),
            p50_ms: None,
            p95_ms: None,
            p99_ms: None,
        };
        let (health, latencies) = sums.entry(&row.provider).or_insert((none, Histogram::default()));
        health.calls += row.calls;
        let add = |sum: Option<i64>, counts: bool| sum.map(|sum| if counts { sum + row.calls } else { sum });
        health.failed = add(health.failed, !NO_FAILURES.contains(&row.outcome.as_str()));
        health.unanswered = add(health.unanswered, row.outcome == "unreachable");
        latencies.add(row.latency_le_us, row.calls);
    }
    let healths = sums.into_iter().filter_map(|(provider, (health, latencies))| {
        let callers: Vec<_> = callers.iter().filter(|row| row.provider == provider).collect();
        Some((provider.parse().ok()?, told(health, &latencies, &callers)?))
    });
    healths.collect()
}

/// What of it may be told: each figure if enough users stand behind what it counts.
fn told(health: CallHealth, latencies: &Histogram, callers: &[&Callers]) -> Option<CallHealth> {
    let sum = |of: fn(&Callers) -> i64| callers.iter().map(|row| of(row)).sum::<i64>();
    let unanswered = enough(sum(|row| row.unanswered), health.unanswered?);
    // The difference of the two is a figure as well.
    let refused = sum(|row| row.refused);
    let differs_by_few = unanswered.is_some() && refused > 0 && enough(refused, ()).is_none();
    let failed = enough(sum(|row| row.failed), health.failed?).filter(|_| !differs_by_few);
    let at = |percent| {
        let took = latencies.percentile_ms(percent)?;
        let as_slow = callers.iter().filter(|row| (row.slowest_le_us + 999) / 1_000 >= took);
        enough(as_slow.map(|row| row.users).sum(), took)
    };
    let health = CallHealth { failed, unanswered, p50_ms: at(50), p95_ms: at(95), p99_ms: at(99), ..health };
    enough(sum(|row| row.users), health)
}

#[cfg(test)]
mod tests;
