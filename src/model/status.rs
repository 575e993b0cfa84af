//! The status of a stored credential and the reason for it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is known of a credential. Only a definite answer of the provider changes it; an outage or
/// a rate limit leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// Nothing is stored.
    Missing,
    /// Stored; the provider has given no definite answer yet.
    Unverified,
    /// Accepted by the provider.
    Valid,
    /// Accepted, but a scope, plan or capability is missing.
    Limited,
    /// Accepted, but no credit or quota is left.
    Exhausted,
    /// Rejected or revoked.
    Invalid,
    /// The provider's account is suspended or closed.
    Suspended,
}

impl KeyStatus {
    /// Every status, in the order of the table in the documentation.
    pub const ALL: [Self; 7] = [
        Self::Missing,
        Self::Unverified,
        Self::Valid,
        Self::Limited,
        Self::Exhausted,
        Self::Invalid,
        Self::Suspended,
    ];

    /// The word used in the database and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unverified => "unverified",
            Self::Valid => "valid",
            Self::Limited => "limited",
            Self::Exhausted => "exhausted",
            Self::Invalid => "invalid",
            Self::Suspended => "suspended",
        }
    }

    /// Reads [`KeyStatus::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// Whether the provider accepted the credential when it last gave a definite answer.
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::Valid | Self::Limited | Self::Exhausted)
    }

    /// The word on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "Not set up",
            Self::Unverified => "Not checked yet",
            Self::Valid => "Valid",
            Self::Limited => "Limited",
            Self::Exhausted => "Nothing left",
            Self::Invalid => "Not accepted",
            Self::Suspended => "Suspended",
        }
    }
}

impl fmt::Display for KeyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why a check ended as it did: a closed list, so that nothing a provider wrote is ever passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The provider accepted the credential.
    Accepted,
    /// The provider does not know the credential.
    Rejected,
    /// The provider answers alike for a wrong credential and a suspended account.
    RejectedOrSuspended,
    /// The account has no permission; often it was deleted.
    NoPermission,
    /// The account is suspended.
    AccountSuspended,
    /// The account is closed.
    AccountClosed,
    /// The credential lacks permissions that Keyward's services need.
    MissingPermissions,
    /// No credit or quota is left.
    QuotaUsedUp,
    /// The provider asks for slower requests.
    RateLimited,
    /// No connection to the provider.
    Unreachable,
    /// The provider did not answer in time.
    TimedOut,
    /// The provider reported a fault of its own.
    ProviderFault,
    /// The provider's answer made no sense.
    UnexpectedAnswer,
    /// Checking is switched off on this installation.
    CheckingOff,
    /// The provider does not serve the country that this installation's requests come from.
    CountryRefused,
    /// The provider knows the kind of credential and does not take it here.
    WrongKind,
    /// The provider blocked the credential because it was found in public.
    ReportedLeaked,
    /// The user has used the installation's own key as often as a day allows.
    PlatformLimit,
    /// Every check of such a credential costs money, so nothing was asked.
    CheckCostsMoney,
    /// The provider failed several times in a row, so it is left alone for a while and nothing was asked.
    NotAnswering,
    /// The plan of the account does not include what was asked for.
    PlanNeeded,
    /// The account has as many of them as its plan allows.
    NoRoom,
    /// The provider does not have what was asked for.
    NotThere,
    /// The provider could make nothing of what was sent.
    ContentRefused,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 24] = [
        Self::Accepted,
        Self::Rejected,
        Self::RejectedOrSuspended,
        Self::NoPermission,
        Self::AccountSuspended,
        Self::AccountClosed,
        Self::MissingPermissions,
        Self::QuotaUsedUp,
        Self::RateLimited,
        Self::Unreachable,
        Self::TimedOut,
        Self::ProviderFault,
        Self::UnexpectedAnswer,
        Self::CheckingOff,
        Self::CountryRefused,
        Self::WrongKind,
        Self::ReportedLeaked,
        Self::PlatformLimit,
        Self::CheckCostsMoney,
        Self::NotAnswering,
        Self::PlanNeeded,
        Self::NoRoom,
        Self::NotThere,
        Self::ContentRefused,
    ];

    /// The word used in the database and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::RejectedOrSuspended => "rejected_or_suspended",
            Self::NoPermission => "no_permission",
            Self::AccountSuspended => "account_suspended",
            Self::AccountClosed => "account_closed",
            Self::MissingPermissions => "missing_permissions",
            Self::QuotaUsedUp => "quota_used_up",
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::ProviderFault => "provider_fault",
            Self::UnexpectedAnswer => "unexpected_answer",
            Self::CheckingOff => "checking_off",
            Self::CountryRefused => "country_refused",
            Self::WrongKind => "wrong_kind",
            Self::ReportedLeaked => "reported_leaked",
            Self::PlatformLimit => "platform_limit",
            Self::CheckCostsMoney => "check_costs_money",
            Self::NotAnswering => "not_answering",
            Self::PlanNeeded => "plan_needed",
            Self::NoRoom => "no_room",
            Self::NotThere => "not_there",
            Self::ContentRefused => "content_refused",
        }
    }

    /// Reads [`Reason::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// One sentence for people, with the provider's name first.
    pub fn sentence(self, provider: &str) -> String {
        match self {
            Self::Accepted => format!("{provider} accepted this key."),
            Self::Rejected => {
                format!("{provider} did not accept this key. It may have been deleted or copied in part.")
            }
            Self::RejectedOrSuspended => format!(
                "{provider} did not accept this key. Either it is wrong, or the account is suspended: {provider} answers alike for both."
            ),
            Self::NoPermission => format!("{provider} refuses this account. It may have been deleted."),
            Self::AccountSuspended => format!("{provider} has suspended this account."),
            Self::AccountClosed => format!("{provider} has closed this account."),
            Self::MissingPermissions => format!("{provider} accepted this key, but it lacks permissions."),
            Self::QuotaUsedUp => format!("{provider} accepted this key, but nothing is left on the account."),
            Self::RateLimited => format!("{provider} asked for slower requests."),
            Self::Unreachable => format!("{provider} could not be reached."),
            Self::TimedOut => format!("{provider} did not answer in time."),
            Self::ProviderFault => format!("{provider} reported a fault of its own."),
            Self::UnexpectedAnswer => format!("{provider} gave an answer that Keyward does not understand."),
            Self::CheckingOff => "Checking is switched off on this installation.".to_owned(),
            Self::CountryRefused => {
                format!("{provider} does not serve the country that this installation's requests come from.")
            }
            Self::WrongKind => {
                format!("{provider} does not take this kind of key. Make a new one on its key page.")
            }
            Self::PlatformLimit => format!(
                "You have used this installation's {provider} key as often as one day allows. Add a key of your own, or wait until midnight (UTC)."
            ),
            Self::CheckCostsMoney => format!(
                "{provider} offers no check without charge, and Keyward makes none that costs money unless you agree to it: this key has not been tried."
            ),
            Self::NotAnswering => format!(
                "{provider} does not answer at the moment, so Keyward waits a little before it asks again."
            ),
            Self::PlanNeeded => {
                format!("The plan of your account at {provider} does not include this.")
            }
            Self::NoRoom => {
                format!("Your account at {provider} has no place left. Delete something, or change the plan.")
            }
            Self::NotThere => format!("{provider} does not have this any more."),
            Self::ContentRefused => format!("{provider} could make nothing of what was sent."),
            Self::ReportedLeaked => {
                format!(
                    "{provider} blocked this key because it was found in public. Delete it there and make a new one."
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_come_back() {
        for status in KeyStatus::ALL {
            assert_eq!(KeyStatus::from_code(status.code()), Some(status));
            assert_eq!(serde_json::to_string(&status).ok(), Some(format!("\"{status}\"")));
        }
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            assert_eq!(serde_json::to_string(&reason).ok(), Some(format!("\"{}\"", reason.code())));
        }
    }
}
