//! What a catalogue file may say about answers: conditions, and what they mean.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    model::{check::Outcome, status::Reason},
    providers::template::Pointer,
};

/// What an answer means. The first rule whose conditions all hold decides.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The HTTP status is one of these.
    pub(crate) status: Statuses,
    /// Some value the pointer leads to passes the test.
    #[serde(default)]
    pub(crate) json: BTreeMap<Pointer, Test>,
    /// The header is there and passes the test.
    #[serde(default)]
    pub(crate) header: BTreeMap<String, Test>,
    /// The body as text passes the test.
    pub(crate) text: Option<Test>,
    pub(crate) then: Then,
    /// Why; each `then` has a usual reason.
    pub(crate) reason: Option<Reason>,
    /// Capabilities that are missing, then.
    #[serde(default)]
    pub(crate) lacks: Vec<String>,
    /// The next deciding call may know better.
    #[serde(default)]
    pub(crate) ask_on: bool,
    /// When to try again, for a provider that does not say so itself.
    pub(crate) retry_after: Option<RetryAfter>,
}

impl Rule {
    pub(crate) fn reason(&self) -> Reason {
        self.reason.unwrap_or(self.then.usual_reason())
    }
}

/// One status, or a list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Statuses {
    One(u16),
    Several(Vec<u16>),
}

impl Statuses {
    pub(crate) fn as_slice(&self) -> &[u16] {
        match self {
            Self::One(status) => std::slice::from_ref(status),
            Self::Several(statuses) => statuses,
        }
    }
}

/// A test of one value. Texts are compared without regard to case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Test {
    /// It is a text that contains this one.
    Contains(String),
    /// It is this.
    Equals(Scalar),
    /// It is one of these.
    OneOf(Vec<Scalar>),
    /// It is a number, or a text that is one, and not above this.
    AtMost(i64),
    /// It is a number, and not below the number that is here.
    Reaches(Pointer),
    /// It is there and not `null`.
    Exists(bool),
}

/// A plain value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Scalar {
    Yes(bool),
    Number(i64),
    Text(String),
}

/// The meaning of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Then {
    /// The credential works; for an operation: it succeeded.
    Accepted,
    /// The credential works, but not for this.
    Limited,
    Exhausted,
    Invalid,
    Suspended,
    RateLimited,
    /// Nothing is known: an outage, or an answer that makes no sense.
    Unreachable,
    /// The request was wrong, not the credential. Only for operations.
    BadRequest,
}

impl Then {
    const fn usual_reason(self) -> Reason {
        match self {
            Self::Accepted => Reason::Accepted,
            Self::Limited => Reason::MissingPermissions,
            Self::Exhausted => Reason::QuotaUsedUp,
            Self::Invalid => Reason::Rejected,
            Self::Suspended => Reason::AccountSuspended,
            Self::RateLimited => Reason::RateLimited,
            Self::Unreachable | Self::BadRequest => Reason::UnexpectedAnswer,
        }
    }

    /// Whether `reason` can be the reason for it.
    pub(crate) const fn allows(self, reason: Reason) -> bool {
        match self {
            Self::Accepted => matches!(reason, Reason::Accepted),
            Self::Limited => matches!(
                reason,
                Reason::MissingPermissions | Reason::Accepted | Reason::PlanNeeded | Reason::NoRoom
            ),
            Self::Exhausted => matches!(reason, Reason::QuotaUsedUp),
            Self::Invalid => {
                matches!(
                    reason,
                    Reason::Rejected
                        | Reason::RejectedOrSuspended
                        | Reason::NoPermission
                        | Reason::WrongKind
                        | Reason::ReportedLeaked
                )
            }
            Self::Suspended => matches!(reason, Reason::AccountSuspended | Reason::AccountClosed),
            Self::RateLimited => matches!(reason, Reason::RateLimited),
            Self::Unreachable => matches!(
                reason,
                Reason::Unreachable
                    | Reason::TimedOut
                    | Reason::ProviderFault
                    | Reason::UnexpectedAnswer
                    | Reason::CountryRefused
            ),
            Self::BadRequest => {
                matches!(reason, Reason::UnexpectedAnswer | Reason::NotThere | Reason::ContentRefused)
            }
        }
    }

    /// Whether it says that the credential works.
    pub(crate) const fn is_accepted(self) -> bool {
        matches!(self, Self::Accepted | Self::Limited | Self::Exhausted)
    }

    /// Whether it says that the credential does not work.
    pub(crate) const fn is_refused(self) -> bool {
        matches!(self, Self::Invalid | Self::Suspended)
    }

    /// What it means for the credential. A request that was wrong says nothing about it.
    pub(crate) const fn outcome(self) -> Outcome {
        match self {
            Self::Accepted => Outcome::Valid,
            Self::Limited => Outcome::Limited,
            Self::Exhausted => Outcome::Exhausted,
            Self::Invalid => Outcome::Invalid,
            Self::Suspended => Outcome::Suspended,
            Self::RateLimited => Outcome::RateLimited,
            Self::Unreachable | Self::BadRequest => Outcome::Unreachable,
        }
    }
}

/// A time that a provider implies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RetryAfter {
    /// The start of the next hour, UTC.
    NextHour,
}
