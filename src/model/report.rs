//! The tables of the analytics page, as files.

use std::str::FromStr;

use super::usage::Range;

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
}

/// The word names no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a table")]
pub struct InvalidTable;

impl UsageTable {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Operations, Self::Steps, Self::Failures, Self::Costs, Self::Quotas];

    /// The word in addresses and names of files.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Operations => "operations",
            Self::Steps => "steps",
            Self::Failures => "failures",
            Self::Costs => "costs",
            Self::Quotas => "quotas",
        }
    }

    /// Where the file is, for a range and a zone that is `offset` minutes ahead of UTC.
    pub fn path(self, range: Range, offset: i32) -> String {
        format!("/api/usage.csv?table={}&range={range}&offset={offset}", self.code())
    }
}

impl FromStr for UsageTable {
    type Err = InvalidTable;
    fn from_str(text: &str) -> Result<Self, InvalidTable> {
        Self::ALL.into_iter().find(|table| table.code() == text).ok_or(InvalidTable)
    }
}
