//! What the analytics page shows beside what was used, and its tables as files.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    access::AccessDecision,
    ids::ProviderId,
    key::Source,
    number::grouped,
    service::ServiceId,
    time::Timestamp,
    usage::{Range, Step, Totals, UsageReport},
};

/// A table of the analytics page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageTable {
    /// What was asked, and how it went.
    #[default]
    Operations,
    /// Calls over time.
    Steps,
    /// What failed.
    Failures,
    /// What it cost.
    Costs,
    /// What is left of quotas.
    Quotas,
    /// Whether providers answered.
    Availability,
    /// How each version of a key did.
    Versions,
}

/// The word names no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a table")]
pub struct InvalidTable;

impl UsageTable {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Operations,
        Self::Steps,
        Self::Failures,
        Self::Costs,
        Self::Quotas,
        Self::Availability,
        Self::Versions,
    ];

    /// The word in addresses and names of files.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Operations => "operations",
            Self::Steps => "steps",
            Self::Failures => "failures",
            Self::Costs => "costs",
            Self::Quotas => "quotas",
            Self::Availability => "availability",
            Self::Versions => "versions",
        }
    }

    /// Where the file is, for a range, a zone that is `offset` minutes ahead of UTC, and a provider if it is about one.
    pub fn path(self, range: Range, offset: i32, provider: Option<&ProviderId>) -> String {
        let provider = provider.map(|provider| format!("&provider={provider}")).unwrap_or_default();
        format!("/api/usage.csv?table={}&range={range}&offset={offset}{provider}", self.code())
    }
}

impl FromStr for UsageTable {
    type Err = InvalidTable;
    fn from_str(text: &str) -> Result<Self, InvalidTable> {
        Self::ALL.into_iter().find(|table| table.code() == text).ok_or(InvalidTable)
    }
}

/// Calls of one kind that failed in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Failure {
    /// Who refused.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "serpapi"))]
    pub provider: ProviderId,
    /// For which service; none for a check of a key.
    pub service: Option<ServiceId>,
    /// What was asked, as the catalogue calls it.
    #[cfg_attr(feature = "ssr", schema(example = "search"))]
    pub operation: String,
    /// How, in one word.
    #[cfg_attr(feature = "ssr", schema(example = "rate_limited"))]
    pub outcome: String,
    /// Whose key it was: the operator's own stands in where the user has none. Calls from before that was counted are told
    /// as the user's.
    pub key_source: Source,
    /// How often.
    pub calls: i64,
    /// When last.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub last_at: Timestamp,
}

impl Failure {
    /// What happened, and what helps.
    pub fn explanation(&self) -> (&'static str, &'static str) {
        const OWN: &str = "Use a key of your own, or tell whoever runs this Keyward.";
        match (self.outcome.as_str(), self.key_source) {
            ("limited", Source::User) => (
                "The key may not do this.",
                "Give the key the permission at the provider, or use another plan.",
            ),
            ("limited", Source::Platform) => ("The operator's key may not do this.", OWN),
            ("exhausted", Source::User) => (
                "Nothing was left of the quota or the credit.",
                "Top up at the provider, or wait until the quota is renewed.",
            ),
            ("exhausted", Source::Platform) => {
                ("Nothing was left of the quota or the credit of the operator's key.", OWN)
            }
            ("invalid", Source::User) => ("The key was not accepted.", "Replace the key."),
            ("invalid", Source::Platform) => ("The operator's key was not accepted.", OWN),
            ("suspended", Source::User) => {
                ("The account is suspended or closed.", "Settle it with the provider.")
            }
            ("suspended", Source::Platform) => ("The operator's account is suspended or closed.", OWN),
            ("rate_limited", Source::User) => (
                "Too many requests at a time.",
                "Keyward waits as long as the provider asks; fewer searches or calls at once help.",
            ),
            ("rate_limited", Source::Platform) => (
                "Too many requests at a time with the operator's key, which others use as well.",
                "Keyward waits as long as the provider asks; a key of your own is not shared.",
            ),
            ("unreachable", _) => (
                "No connection, no answer in time, or a fault of the provider.",
                "Nothing is to be done unless it lasts; look at the provider's status page.",
            ),
            ("bad_request", _) => (
                "The provider did not understand the request.",
                "Check what was typed; if that is right, report it to whoever runs this Keyward.",
            ),
            _ => ("It is not known how the call ended.", "Look at the provider's own log."),
        }
    }

    /// Where something can be done about it: the page of the service where the request was at fault, else the key; nothing
    /// where it was the operator's, and another would not help.
    pub fn fix(&self, provider: &str) -> Option<(String, String)> {
        if let Some(service) = self.service.filter(|_| self.outcome == "bad_request") {
            return Some((format!("To {}", service.name()), service.path().to_owned()));
        }
        let label = match (self.key_source, self.outcome.as_str()) {
            (Source::User, _) => format!("To the key of {provider}"),
            (Source::Platform, "limited" | "exhausted" | "invalid" | "suspended" | "rate_limited") => {
                format!("Use a key of {provider} of your own")
            }
            (Source::Platform, _) => return None,
        };
        Some((label, format!("/settings/api-keys#card-{}", self.provider)))
    }
}

/// Whether providers answered, over the last 90 days whatever the range is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Availability {
    /// The beginning of the first day.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub begins: Timestamp,
    /// The end of today.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub ends: Timestamp,
    /// Those that were called.
    pub providers: Vec<ProviderDays>,
}

/// How often a provider answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ProviderDays {
    /// The provider.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "serpapi"))]
    pub provider: ProviderId,
    /// Calls and checks in all, without those that were called off, which tell nothing of the provider.
    pub calls: i64,
    /// Those that failed for the provider's sake: no connection, no answer in time, or a fault of its own.
    pub failed: i64,
    /// The days that had any, counted in the same way.
    pub days: Vec<Step>,
}

impl ProviderDays {
    /// What was answered, in words: `99.2 % of 1,204 calls were answered`. Never rounded up to all.
    pub fn words(&self) -> String {
        let calls = grouped(self.calls);
        match (self.calls, self.failed) {
            (1, 0) => return "The only call was answered".to_owned(),
            (1, _) => return "The only call was not answered".to_owned(),
            (_, 0) => return format!("All of {calls} calls were answered"),
            _ => {}
        }
        let tenths = i128::from(self.calls - self.failed) * 1_000 / i128::from(self.calls.max(1));
        format!("{}.{} % of {calls} calls were answered", tenths / 10, tenths % 10)
    }

    /// The days on which something was not answered.
    pub fn troubled(&self) -> impl Iterator<Item = &Step> {
        self.days.iter().filter(|day| day.failed > 0)
    }
}

/// The calls of a range that were made with one version of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct VersionUse {
    /// Whose key.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "serpapi"))]
    pub provider: ProviderId,
    /// The version: 1 for the key as it was first stored, raised by every replacement.
    pub version: i64,
    /// It is the one that is stored now.
    pub in_use: bool,
    /// How its calls went, checks included.
    #[serde(flatten)]
    pub totals: Totals,
    /// How most of those ended that failed, in one word; none where nothing failed.
    #[cfg_attr(feature = "ssr", schema(example = "rate_limited"))]
    pub failure: Option<String>,
    /// When the first was asked for.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub first_at: Timestamp,
    /// When the last was asked for.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub last_at: Timestamp,
}

/// All that the analytics page shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalyticsPage {
    /// What was used.
    pub usage: UsageReport,
    /// Which services are open, and what closes the others.
    pub services: Vec<AccessDecision>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_failure_is_rounded_away() {
        let days =
            |calls, failed| ProviderDays { provider: ProviderId::SERPAPI, calls, failed, days: Vec::new() };
        assert_eq!(days(1, 0).words(), "The only call was answered");
        assert_eq!(days(2, 0).words(), "All of 2 calls were answered");
        assert_eq!(days(10_000, 1).words(), "99.9 % of 10,000 calls were answered");
        assert_eq!(days(3, 3).words(), "0.0 % of 3 calls were answered");
    }
}
