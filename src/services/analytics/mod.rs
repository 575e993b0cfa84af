//! Analytics: what a user's keys were used for, out of the ledger. Spends no key.

mod availability;
mod costs;
mod files;
mod quotas;
mod versions;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use self::files::UsageFile;

use crate::{
    account::internal,
    clock::Clock,
    model::{
        error::{AppError, ErrorCode, FieldError},
        ids::{ProviderId, UserId},
        key::Source,
        report::Failure,
        service::ServiceId,
        time::Timestamp,
        usage::{Histogram, OFFSETS, Operation, Range, Step, Totals, UsageReport, Window},
    },
    store::{NO_FAILURES, Store, UsageCell},
};

/// Reports on the ledger.
pub struct Analytics {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Analytics {
    /// Over the ledger in `store`.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// What was used in a range that ends now, in the zone that is `offset` minutes ahead of UTC; of one provider, or of
    /// all.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] for an offset that no zone has.
    pub async fn report(
        &self,
        user: UserId,
        range: Range,
        offset: i32,
        provider: Option<ProviderId>,
    ) -> Result<UsageReport, AppError> {
        if !OFFSETS.contains(&offset) {
            let mut wrong = AppError::new(ErrorCode::InvalidInput);
            wrong.errors.insert("offset".to_owned(), FieldError::OutOfRange);
            return Err(wrong);
        }
        let now = self.clock.now();
        let window = range.window(now, offset);
        // Once for all that is read below.
        self.store.write_usage_if_possible().await;
        let mut recent = self.store.usage_cells(user, window).await.map_err(|e| internal(&e))?;
        let mut before = self.store.usage_cells(user, window.before(now)).await.map_err(|e| internal(&e))?;
        let providers = providers(&recent, provider.as_ref());
        let wanted = |id: &str| provider.as_ref().is_none_or(|provider| provider.as_str() == id);
        recent.retain(|cell| wanted(&cell.provider));
        before.retain(|cell| wanted(&cell.provider));
        let steps = match &provider {
            None => self.store.usage_by_step(user, window).await,
            Some(provider) => self.store.usage_of_provider_by_step(user, provider, window).await,
        };
        let steps = steps.map_err(|e| internal(&e))?;
        let costs =
            self.store.usage_costs(user, window.begins, window.ends).await.map_err(|e| internal(&e))?;
        let mut costs = costs::costs(costs);
        costs.retain(|cost| wanted(cost.provider.as_str()));
        let mut quotas = self.quotas(user, window, now).await?;
        quotas.retain(|quota| wanted(quota.provider.as_str()));
        let mut availability = self.availability(user, offset, now).await?;
        availability.providers.retain(|of| wanted(of.provider.as_str()));
        let in_use = self.store.versions_in_use(user).await.map_err(|e| internal(&e))?;
        Ok(UsageReport {
            range,
            provider,
            providers,
            begins: window.begins,
            ends: window.ends,
            totals: Sum::of(&recent).totals(),
            before: Sum::of(&before).totals(),
            steps: every_step(window, &steps),
            operations: operations(&recent),
            costs,
            failures: failures(&recent),
            quotas,
            availability,
            versions: versions::versions(&recent, &in_use),
        })
    }
}

/// Calls that are added up.
#[derive(Default)]
struct Sum {
    totals: Totals,
    latencies: Histogram,
}

impl Sum {
    fn of<'a>(cells: impl IntoIterator<Item = &'a UsageCell>) -> Self {
        let mut sum = Self::default();
        for cell in cells {
            sum.add(cell);
        }
        sum
    }

    fn add(&mut self, cell: &UsageCell) {
        self.totals.calls += cell.calls;
        self.totals.units += cell.units;
        if is_failure(cell) {
            self.totals.failed += cell.calls;
        }
        self.latencies.add(cell.latency_le_us, cell.calls);
    }

    fn totals(&self) -> Totals {
        let at = |percent| self.latencies.percentile_ms(percent);
        Totals { p50_ms: at(50), p95_ms: at(95), p99_ms: at(99), ..self.totals }
    }
}

fn is_failure(cell: &UsageCell) -> bool {
    !NO_FAILURES.contains(&cell.outcome.as_str())
}

/// Whom a report can be narrowed down to: those that were called, and the one that is asked for.
fn providers(cells: &[UsageCell], asked: Option<&ProviderId>) -> Vec<ProviderId> {
    let called: BTreeSet<_> = cells.iter().map(|cell| cell.provider.as_str()).collect();
    let called = called.into_iter().filter_map(provider_of);
    called.chain(asked.cloned()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Each step of the range, those without a call as well.
fn every_step(window: Window, counted: &[(i64, i64, i64)]) -> Vec<Step> {
    let (length, step) = (window.ends.since(window.begins).as_micros(), window.step.as_micros().max(1));
    let count = i64::try_from(length / step).unwrap_or_default();
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    let of = |number: i64| counted.iter().find(|(known, ..)| *known == number);
    let steps = (0..count).map(|number| {
        let (calls, failed) = of(number).map_or((0, 0), |(_, calls, failed)| (*calls, *failed));
        Step { begins: Timestamp(window.begins.0 + number * step), calls, failed }
    });
    steps.collect()
}

fn operations(cells: &[UsageCell]) -> Vec<Operation> {
    let mut sums: BTreeMap<(&str, &str, &str), Sum> = BTreeMap::new();
    for cell in cells {
        sums.entry((&cell.provider, &cell.service, &cell.operation)).or_default().add(cell);
    }
    let operations = sums.into_iter().filter_map(|((provider, service, operation), sum)| {
        Some(Operation {
            provider: provider_of(provider)?,
            service: service.parse::<ServiceId>().ok(),
            operation: operation.to_owned(),
            totals: sum.totals(),
        })
    });
    let mut operations: Vec<_> = operations.collect();
    operations.sort_by_key(|operation| -operation.totals.calls);
    operations
}

fn failures(cells: &[UsageCell]) -> Vec<Failure> {
    let mut counts: BTreeMap<(&str, &str, &str, &str, bool), (i64, i64)> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| is_failure(cell)) {
        let is_own = cell.key_source != Source::Platform.code();
        let kind = (&*cell.provider, &*cell.service, &*cell.operation, &*cell.outcome, is_own);
        let (calls, last_at) = counts.entry(kind).or_default();
        *calls += cell.calls;
        *last_at = (*last_at).max(cell.last_at);
    }
    let failures = counts.into_iter().filter_map(|(kind, (calls, last_at))| {
        let (provider, service, operation, outcome, is_own) = kind;
        Some(Failure {
            provider: provider_of(provider)?,
            service: service.parse().ok(),
            operation: operation.to_owned(),
            outcome: outcome.to_owned(),
            key_source: if is_own { Source::User } else { Source::Platform },
            calls,
            last_at: Timestamp(last_at),
        })
    });
    let mut failures: Vec<_> = failures.collect();
    failures.sort_by_key(|failure| -failure.calls);
    failures
}

fn provider_of(text: &str) -> Option<ProviderId> {
    text.parse().inspect_err(|_| tracing::error!("the ledger names a provider that cannot be one")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn cell(provider: &str, service: &str, outcome: &str, bucket: i64, calls: i64) -> UsageCell {
        UsageCell {
            provider: provider.to_owned(),
            key_source: "user".to_owned(),
            key_id: uuid::Uuid::nil(),
            key_version: 0,
            service: service.to_owned(),
            operation: "search".to_owned(),
            outcome: outcome.to_owned(),
            latency_le_us: bucket,
            calls,
            units: calls,
            first_at: Some(calls),
            last_at: calls,
        }
    }

    #[test]
    fn calls_are_added_up_by_what_was_asked_and_by_how_it_failed() {
        let cells = [
            cell("serpapi", "data-scraper", "done", 1_000, 7),
            cell("serpapi", "data-scraper", "rate_limited", 1_500_000, 2),
            cell("serpapi", "data-scraper", "rate_limited", 2_000_000, 1),
            cell("serpapi", "", "cancelled", 2_000, 1),
            cell("twilio", "calling", "unreachable", 1_000, 20),
        ];
        let all = Sum::of(&cells).totals();
        assert_eq!((all.calls, all.failed, all.units), (31, 23, 31));
        let operations = operations(&cells);
        let kinds: Vec<_> = operations
            .iter()
            .map(|o| (o.provider.as_str(), o.service, o.totals.calls, o.totals.failed))
            .collect();
        assert_eq!(
            kinds,
            [
                ("twilio", Some(ServiceId::Calling), 20, 20),
                ("serpapi", Some(ServiceId::DataScraper), 10, 3),
                ("serpapi", None, 1, 0),
            ]
        );
        assert_eq!((operations[1].totals.p50_ms, operations[1].totals.p99_ms), (Some(1), Some(2_000)));
        let failures: Vec<_> =
            failures(&cells).into_iter().map(|f| (f.outcome, f.service, f.calls, f.last_at.0)).collect();
        let (unreachable, rate_limited) = ("unreachable".to_owned(), "rate_limited".to_owned());
        assert_eq!(
            failures,
            [
                (unreachable, Some(ServiceId::Calling), 20, 20),
                (rate_limited, Some(ServiceId::DataScraper), 3, 2)
            ]
        );
    }

    #[test]
    fn failures_of_the_operators_key_are_told_apart() {
        let own = cell("serpapi", "data-scraper", "exhausted", 1_000, 2);
        let operators = UsageCell { key_source: "platform".to_owned(), calls: 3, ..own.clone() };
        let failures = failures(&[own, operators]);
        let told: Vec<_> =
            failures.iter().map(|f| (f.calls, f.explanation().0, f.fix("SerpAPI").unwrap().0)).collect();
        let words = [
            "Nothing was left of the quota or the credit of the operator's key.",
            "Nothing was left of the quota or the credit.",
        ];
        let links = ["Use a key of SerpAPI of your own".to_owned(), "To the key of SerpAPI".to_owned()];
        let [first, second] = links;
        assert_eq!(told, [(3, words[0], first), (2, words[1], second)]);
        let away = Failure { outcome: "unreachable".to_owned(), ..failures[0].clone() };
        assert_eq!(away.fix("SerpAPI"), None);
    }

    #[test]
    fn steps_without_a_call_are_there() {
        let window = Range::Week.window(Timestamp::from_seconds(1_795_000_000), 0);
        let steps = every_step(window, &[(2, 5, 1)]);
        assert_eq!(steps.len(), 7);
        assert_eq!(steps.iter().map(|step| step.calls).collect::<Vec<_>>(), [0, 0, 5, 0, 0, 0, 0]);
        assert_eq!(steps[6].begins.plus(window.step), window.ends);
    }
}
