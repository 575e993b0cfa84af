//! The result of asking a provider whether a credential works.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    key::KeyMetadata,
    status::{KeyStatus, Reason},
    time::Timestamp,
};

/// How long somebody who checks a stored credential may take for it: longer than the longest check, which its wait for
/// its turn and its budgets bound. The claim of a process that died is over then.
pub const LEASE: Duration = Duration::from_secs(120);

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A definite answer: the credential is accepted and complete.
    Valid,
    /// A definite answer: accepted, but something is missing.
    Limited,
    /// A definite answer: accepted, but nothing is left.
    Exhausted,
    /// A definite answer: rejected.
    Invalid,
    /// A definite answer: the account is suspended or closed.
    Suspended,
    /// No answer about the credential: too many requests.
    RateLimited,
    /// No answer about the credential: no connection, a timeout, a fault, or nonsense.
    Unreachable,
    /// No answer about the credential: nothing was asked, because asking costs money or because the provider does
    /// not answer at the moment.
    NotAsked,
}

impl Outcome {
    /// The status a definite answer leads to; `None` leaves the status as it is.
    pub const fn status(self) -> Option<KeyStatus> {
        match self {
            Self::Valid => Some(KeyStatus::Valid),
            Self::Limited => Some(KeyStatus::Limited),
            Self::Exhausted => Some(KeyStatus::Exhausted),
            Self::Invalid => Some(KeyStatus::Invalid),
            Self::Suspended => Some(KeyStatus::Suspended),
            Self::RateLimited | Self::Unreachable | Self::NotAsked => None,
        }
    }

    /// The word used in the usage ledger.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Limited => "limited",
            Self::Exhausted => "exhausted",
            Self::Invalid => "invalid",
            Self::Suspended => "suspended",
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "unreachable",
            Self::NotAsked => "not_asked",
        }
    }
}

/// What a check found out. Holds nothing secret and nothing the provider wrote freely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// What the provider told of the account. Empty unless the answer was definite and positive.
    pub metadata: KeyMetadata,
    /// The HTTP status of the deciding answer, if there was one.
    pub http_status: Option<u16>,
    /// The provider's own code in the deciding answer, if it is one that the catalogue knows: taken from the
    /// catalogue, never from the answer.
    pub provider_code: Option<String>,
    /// How long the provider asked to wait, if it did.
    pub retry_after: Option<Duration>,
    /// Time from the first request to the decision.
    pub latency: Duration,
}

/// What is kept of the last check, beside the status it led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Evidence {
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The HTTP status of the deciding answer, if there was one.
    pub http_status: Option<u16>,
    /// The provider's own code, if it is one that the catalogue knows.
    pub provider_code: Option<String>,
    /// Milliseconds from the first request to the decision.
    pub latency_ms: u64,
    /// When it was.
    pub at: Timestamp,
}

impl Evidence {
    /// What to keep of `report`.
    pub fn of(report: &CheckReport, at: Timestamp) -> Self {
        Self {
            outcome: report.outcome,
            reason: report.reason,
            http_status: report.http_status,
            provider_code: report.provider_code.clone(),
            latency_ms: u64::try_from(report.latency.as_millis()).unwrap_or(u64::MAX),
            at,
        }
    }
}
