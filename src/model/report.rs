//! What the analytics page shows beside what was used, and its tables as files.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    access::AccessDecision,
    ids::ProviderId,
    number::grouped,
    time::Timestamp,
    usage::{Range, Step, UsageReport},
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
    /// Calls and checks in all.
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
    pub fn troubled(&self) -> impl DoubleEndedIterator<Item = &Step> {
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
    /// Calls, checks included.
    pub calls: i64,
    /// Those that failed.
    pub failed: i64,
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
