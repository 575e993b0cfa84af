//! A stored credential as users and API clients see it. Never the secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ability::ServiceAbilities,
    check::Evidence,
    ids::{KeyId, ProviderId},
    number::grouped,
    quota::Forecast,
    schedule::Every,
    status::KeyStatus,
    time::Timestamp,
};

/// Who supplied a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The user.
    #[default]
    User,
    /// The operator of the installation.
    Platform,
}

impl Source {
    /// The word in the usage ledger and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Platform => "platform",
        }
    }
}

/// A version of a stored credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyVersion {
    /// The credential.
    pub id: KeyId,
    /// Raised by every replacement.
    pub version: i64,
}

/// A provider's allowance. Numbers that the provider did not tell are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Quota {
    /// Units used in this period.
    pub used: Option<i64>,
    /// Units in this period altogether, extras included.
    pub limit: Option<i64>,
    /// What is counted, in the plural: `searches`, `characters`.
    pub unit: String,
    /// When the allowance is renewed.
    pub resets_at: Option<Timestamp>,
}

impl Quota {
    /// Units left; never negative.
    pub fn left(&self) -> Option<i64> {
        Some(self.limit?.saturating_sub(self.used?).max(0))
    }

    /// What is left in words: `958 of 1,000 searches left`. None where the provider does not tell.
    pub fn left_in_words(&self) -> Option<String> {
        let (left, limit) = (grouped(self.left()?), grouped(self.limit?));
        Some(format!("{left} of {limit} {} left", self.unit))
    }
}

/// What the provider told of the account behind a credential.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct KeyMetadata {
    /// The account, masked: `a…@example.org`, `AC…9f31`.
    pub account: Option<String>,
    /// The plan's name.
    pub plan: Option<String>,
    /// The allowance.
    pub quota: Option<Quota>,
    /// Capabilities by name: yes, no, or unknown (`null`).
    #[serde(default)]
    pub capabilities: BTreeMap<String, Option<bool>>,
    /// Further facts by label, for people: `Balance` → `12.35 USD`.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
}

/// A stored credential, masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct KeyView {
    /// The provider.
    pub provider: ProviderId,
    /// The provider's name.
    pub name: String,
    /// What is known of the credential.
    pub status: KeyStatus,
    /// One sentence that explains the status or the last check; absent where the status says it all.
    pub status_reason: Option<String>,
    /// Accepted when the provider last gave a definite answer.
    pub is_active: bool,
    /// This installation cannot open the stored value now.
    pub undecryptable: bool,
    /// No definite answer for 24 h although a check was due.
    pub stale: bool,
    /// Since when the provider answers nobody, while it does not: trouble that is not this credential's.
    #[serde(default)]
    pub provider_down_since: Option<Timestamp>,
    /// The last four characters of the secret: `…a1b2`.
    pub hint: String,
    /// Which of the provider's forms was filled in, by its id.
    pub form: String,
    /// The provider's region, for providers that have regions.
    pub region: Option<String>,
    /// When the provider last gave a definite answer.
    pub last_validated: Option<Timestamp>,
    /// When the next check is due.
    pub next_check_at: Option<Timestamp>,
    /// How often it is checked while it is accepted: more often near the end of its quota, less while it works in use.
    pub check_every: Every,
    /// How often it may be; nothing where it is not checked by schedule, or not the user's own.
    pub check_choices: Vec<Every>,
    /// What the provider told of the account.
    pub metadata: KeyMetadata,
    /// How long the allowance lasts at the pace of the last days; absent where the provider does not tell what is left.
    #[serde(default)]
    pub forecast: Option<Forecast>,
    /// What it can and cannot do, for each service that can use it.
    #[serde(default)]
    pub services: Vec<ServiceAbilities>,
    /// What the last check rests on; absent before the first.
    #[serde(default)]
    pub evidence: Option<Evidence>,
    /// Who supplied it.
    pub source: Source,
    /// Raised by every replacement.
    pub version: i64,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Masks a secret down to its last four characters; short secrets show nothing.
pub fn hint(secret: &str) -> String {
    let count = secret.chars().count();
    if count < 12 {
        return "…".to_owned();
    }
    std::iter::once('…').chain(secret.chars().skip(count - 4)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_four_characters_of_a_long_secret_and_nothing_of_a_short_one() {
        assert_eq!(hint("0123456789abcdef"), "…cdef");
        assert_eq!(hint("0123456789ä€"), "…89ä€");
        assert_eq!(hint("hunter2"), "…");
        assert_eq!(hint(""), "…");
    }

    #[test]
    fn left_is_never_negative() {
        let quota = Quota { used: Some(12), limit: Some(10), ..Quota::default() };
        assert_eq!(quota.left(), Some(0));
        assert_eq!(Quota::default().left(), None);
    }
}
