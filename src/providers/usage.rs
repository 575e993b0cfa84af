//! One usage event for each outbound call, also when nobody waits for the answer any more.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;

use super::catalogue::rule::Then;
use crate::model::{
    check::Outcome,
    ids::{KeyId, ProviderId, UserId},
    key::Source,
    service::ServiceId,
    time::Timestamp,
};

/// One outbound call made with somebody's credential. Holds nothing of the credential, the request
/// or the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageEvent {
    /// When it was asked for.
    pub at: Timestamp,
    /// On whose behalf; nobody's for a check of the operator's own key.
    pub user: Option<UserId>,
    /// The stored credential; none for a candidate.
    pub key: Option<KeyId>,
    /// Its version, where it is stored.
    pub key_version: Option<i64>,
    /// The provider.
    pub provider: ProviderId,
    /// The service that asked for it; none for a check.
    pub service: Option<ServiceId>,
    /// The catalogue's name for the call: `search`, `account`.
    pub operation: String,
    /// How it ended.
    pub outcome: UsageOutcome,
    /// From asking for a place among the provider's requests to reading the whole answer.
    pub latency: Duration,
    /// What it used up, in the unit of the provider's quota; 0 unless it succeeded, or began to.
    pub units: i64,
    /// How long the provider asked to be left alone, if it did.
    pub retry_after: Option<Duration>,
    /// What it was for.
    pub source: UsageSource,
    /// Who supplied the credential.
    pub key_source: Source,
}

/// How an outbound call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageOutcome {
    /// The provider did what was asked.
    Done,
    /// Definite: the credential may not do this.
    Limited,
    /// Definite: nothing is left.
    Exhausted,
    /// Definite: the credential was rejected.
    Invalid,
    /// Definite: the account is suspended or closed.
    Suspended,
    /// Too many requests.
    RateLimited,
    /// No connection, a timeout, a fault, or nonsense.
    Unreachable,
    /// The provider did not understand the request.
    BadRequest,
    /// Keyward stopped waiting; what the provider did is not known.
    Cancelled,
}

impl UsageOutcome {
    /// The word used in the ledger.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Limited => "limited",
            Self::Exhausted => "exhausted",
            Self::Invalid => "invalid",
            Self::Suspended => "suspended",
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "unreachable",
            Self::BadRequest => "bad_request",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the provider refused the credential itself for good, so that it is due for a check.
    pub const fn refuses_the_key(self) -> bool {
        self.rejects_the_key() || matches!(self, Self::Exhausted)
    }

    /// Whether it refused it as such, and not for what is left on its account.
    pub const fn rejects_the_key(self) -> bool {
        matches!(self, Self::Invalid | Self::Suspended)
    }
}

impl From<Then> for UsageOutcome {
    fn from(then: Then) -> Self {
        match (then, then.outcome()) {
            (Then::BadRequest, _) => Self::BadRequest,
            (_, Outcome::Valid) => Self::Done,
            (_, Outcome::Limited) => Self::Limited,
            (_, Outcome::Exhausted) => Self::Exhausted,
            (_, Outcome::Invalid) => Self::Invalid,
            (_, Outcome::Suspended) => Self::Suspended,
            (_, Outcome::RateLimited) => Self::RateLimited,
            (_, Outcome::Unreachable | Outcome::NotAsked) => Self::Unreachable,
        }
    }
}

/// What an outbound call was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsageSource {
    /// A service.
    Use,
    /// A check of a stored credential.
    Check,
    /// A check of a credential that is not stored.
    Candidate,
}

impl UsageSource {
    /// The word used in the ledger.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Check => "check",
            Self::Candidate => "candidate",
        }
    }

    /// Whether it is a check and not use.
    pub(crate) const fn is_check(self) -> bool {
        matches!(self, Self::Check | Self::Candidate)
    }
}

/// Takes note of usage.
#[async_trait]
pub trait UsageObserver: Send + Sync + 'static {
    /// Called once for each outbound call, after it ended.
    async fn observe(&self, event: UsageEvent);
}

/// A call that is under way. Dropped unfinished, it reports itself as cancelled.
pub(crate) struct Pending {
    observer: Arc<dyn UsageObserver>,
    started: Instant,
    event: Option<UsageEvent>,
}

impl Pending {
    /// `event` as it would be if the call were cancelled at once.
    pub(crate) fn start(observer: Arc<dyn UsageObserver>, event: UsageEvent) -> Self {
        Self { observer, started: Instant::now(), event: Some(event) }
    }

    /// What is used up already, however the rest ends.
    pub(crate) fn spend(&mut self, units: i64) {
        if let Some(event) = &mut self.event {
            event.units = units;
        }
    }

    /// Reports the end.
    pub(crate) async fn finish(mut self, outcome: UsageOutcome, units: i64, retry_after: Option<Duration>) {
        if let Some(event) = self.event.take() {
            let event = UsageEvent { outcome, units, retry_after, latency: self.started.elapsed(), ..event };
            self.observer.observe(event).await;
        }
    }
}

impl Pending {
    /// Nothing was sent, so there is nothing to report.
    pub(crate) fn withdraw(mut self) {
        self.event = None;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let Some(event) = self.event.take() else { return };
        let event = UsageEvent { outcome: UsageOutcome::Cancelled, latency: self.started.elapsed(), ..event };
        // Without a runtime the process is about to end, and there is nobody left to write it down.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let observer = Arc::clone(&self.observer);
            runtime.spawn(async move { observer.observe(event).await });
        }
    }
}
