//! Figures over all users, for the operator's page and for the metrics. None of them tells anything of a single user:
//! one behind which fewer than five stand is withheld (`model::operator::enough`).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

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
        usage::{Histogram, Range, Totals},
    },
    store::{
        NO_FAILURES, Store, StoreError,
        operator::{EverybodysCalls, EverybodysKeys},
    },
};

/// Figures are read again after this long, or after many times what reading them took.
const KEPT: Duration = Duration::from_secs(60);
const TIMES: u32 = 20;
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

/// Figures, and when they were read.
struct Kept<T> {
    figures: Arc<T>,
    at: Timestamp,
    until: Timestamp,
}

type Shelf<K, T> = Mutex<BTreeMap<K, Kept<T>>>;
type Calls = BTreeMap<ProviderId, CallHealth>;

/// Reads the figures, and keeps them for a minute: reading them takes long where there are many users.
pub struct Overview {
    store: Store,
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    standing: Shelf<(), Standing>,
    calls: Shelf<&'static str, Calls>,
}

impl Overview {
    /// Over the users of `store`.
    pub fn new(store: Store, keys: Arc<Keys>, clock: Arc<dyn Clock>) -> Self {
        Self { store, keys, clock, standing: Mutex::default(), calls: Mutex::default() }
    }

    /// How the installation does, with the calls of a range that ends now.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`](crate::model::error::ErrorCode::InvalidInput) for a range that is not one of the
    /// operator's.
    pub async fn report(&self, range: Range) -> Result<HealthReport, AppError> {
        if !RANGES.contains(&range) {
            return Err(AppError::field("range", FieldError::OutOfRange));
        }
        let (standing, read) = self.standing_and_when().await?;
        let (calls, at) = self.kept(&self.calls, range.code(), self.read_calls(range)).await?;
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

    /// How everybody's keys stand, and for how many users services are open.
    pub async fn standing(&self) -> Result<Arc<Standing>, AppError> {
        Ok(self.standing_and_when().await?.0)
    }

    /// What waits to be done now.
    pub async fn backlog(&self) -> Result<Backlog, AppError> {
        let now = self.clock.now();
        let waiting = self.store.checks_waiting(now, now.minus(LATE)).await;
        let (checks_due, checks_late) = waiting.map_err(|e| internal(&e))?;
        Ok(Backlog { checks_due, checks_late, usage_waiting: self.store.usage_waiting() })
    }

    async fn standing_and_when(&self) -> Result<(Arc<Standing>, Timestamp), AppError> {
        self.kept(&self.standing, (), self.read_standing()).await
    }

    /// What is kept, unless it is too old. Of several who ask at once, one reads.
    async fn kept<K: Ord, T>(
        &self,
        shelf: &Shelf<K, T>,
        key: K,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<(Arc<T>, Timestamp), AppError> {
        let mut shelf = shelf.lock().await;
        let now = self.clock.now();
        // A clock that was set back must not keep them for good.
        if let Some(kept) = shelf.get(&key).filter(|kept| kept.at <= now && now < kept.until) {
            return Ok((kept.figures.clone(), kept.at));
        }
        let begin = Instant::now();
        let figures = Arc::new(read.await.map_err(|e| internal(&e))?);
        let until = now.plus(KEPT.max(begin.elapsed() * TIMES));
        shelf.insert(key, Kept { figures: figures.clone(), at: now, until });
        Ok((figures, now))
    }

    async fn read_standing(&self) -> Result<Standing, StoreError> {
        let mut open = [0; ServiceId::ALL.len()];
        let users = self.store.credentials_of_everybody(|credentials| {
            for service in self.keys.open_services(credentials) {
                if let Some(index) = ServiceId::ALL.iter().position(|known| *known == service) {
                    open[index] += 1;
                }
            }
        });
        let users = users.await?;
        let services = ServiceId::ALL.into_iter().zip(open);
        let services = services.map(|(service, open)| ServiceReach::of(service, open, users)).collect();
        let keys = self.store.keys_of_everybody().await?.into_iter().filter_map(alike).collect();
        Ok(Standing { users: enough(users, users), services, keys })
    }

    async fn read_calls(&self, range: Range) -> Result<Calls, StoreError> {
        let window = range.window(self.clock.now(), 0);
        // Callers first: whoever calls meanwhile must not lift the calls of few over the bar.
        let (callers, calls) = match range {
            Range::Day => {
                let callers = self.store.callers_by_hour(window).await?;
                (callers, self.store.calls_of_everybody_by_hour(window).await?)
            }
            _ => {
                let callers = self.store.callers_by_day(window).await?;
                (callers, self.store.calls_of_everybody_by_day(window).await?)
            }
        };
        let calls = healths(&calls).into_iter().filter_map(|(provider, health)| {
            let users = callers.get(provider).copied().unwrap_or_default();
            Some((provider.parse().ok()?, enough(users, health)?))
        });
        Ok(calls.collect())
    }
}

fn alike(row: EverybodysKeys) -> Option<(ProviderId, KeysAlike)> {
    let EverybodysKeys { provider, standing, keys, users } = row;
    Some((provider.parse().ok()?, enough(users, KeysAlike { standing, keys })?))
}

/// What calls add up to, by provider.
fn healths(calls: &[EverybodysCalls]) -> BTreeMap<&str, CallHealth> {
    let mut sums: BTreeMap<&str, (CallHealth, Histogram)> = BTreeMap::new();
    for row in calls {
        let empty = CallHealth { totals: Totals::default(), unanswered: 0, called_off: 0 };
        let (health, latencies) = sums.entry(&row.provider).or_insert((empty, Histogram::default()));
        health.totals.calls += row.calls;
        if !NO_FAILURES.contains(&row.outcome.as_str()) {
            health.totals.failed += row.calls;
        }
        match row.outcome.as_str() {
            "unreachable" => health.unanswered += row.calls,
            "cancelled" => health.called_off += row.calls,
            _ => {}
        }
        latencies.add(row.latency_le_us, row.calls);
    }
    let healths = sums.into_iter().map(|(provider, (health, latencies))| {
        let at = |percent| latencies.percentile_ms(percent);
        let totals = Totals { p50_ms: at(50), p95_ms: at(95), p99_ms: at(99), ..health.totals };
        (provider, CallHealth { totals, ..health })
    });
    healths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_all_users_add_up_by_provider() {
        let row = |provider: &str, outcome: &str, latency_le_us, calls| EverybodysCalls {
            provider: provider.to_owned(),
            outcome: outcome.to_owned(),
            latency_le_us,
            calls,
        };
        let rows = [
            row("serpapi", "done", 100_000, 90),
            row("serpapi", "rate_limited", 150_000, 4),
            row("serpapi", "unreachable", 10_000_000, 4),
            row("serpapi", "cancelled", 300_000, 2),
            row("twilio", "done", 1_000, 1),
        ];
        let healths = healths(&rows);
        let serpapi = healths["serpapi"];
        assert_eq!((serpapi.totals.calls, serpapi.totals.failed, serpapi.unanswered), (100, 8, 4));
        assert_eq!(serpapi.called_off, 2);
        assert_eq!(
            [serpapi.totals.p50_ms, serpapi.totals.p95_ms, serpapi.totals.p99_ms],
            [Some(100), Some(300), Some(10_000)]
        );
        assert_eq!(healths["twilio"].totals.calls, 1);
    }
}
