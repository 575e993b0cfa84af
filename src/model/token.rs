//! Personal API tokens: what each may do, and how its owner sees it. Never the token itself, but once.

use std::{collections::BTreeSet, fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    error::{AppError, FieldError},
    ids::{InvalidId, TokenId},
    input,
    time::Timestamp,
};

/// How many days a token may live.
pub const LIFETIME_DAYS: RangeInclusive<u32> = 1..=365;
/// How many days a token lives when nobody says.
pub const DEFAULT_DAYS: u32 = 90;
/// The longest name, in characters.
pub const NAME_MAX: usize = 60;
/// How many live tokens one user may have.
pub const TOKENS_MAX: usize = 50;

/// What a token may do. Nothing follows from anything else.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Read keys (masked), services and what they made.
    #[serde(rename = "read")]
    Read,
    /// Store, check, replace and delete keys.
    #[serde(rename = "keys:write")]
    KeysWrite,
    /// Start, stop and delete the work of services, which spends keys.
    #[serde(rename = "services:use")]
    ServicesUse,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::KeysWrite, Self::ServicesUse];

    /// The word on the wire and in the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::KeysWrite => "keys:write",
            Self::ServicesUse => "services:use",
        }
    }

    /// What it allows, for people.
    pub const fn allows(self) -> &'static str {
        match self {
            Self::Read => "Read keys (masked), services and results",
            Self::KeysWrite => "Store, check, replace and delete keys",
            Self::ServicesUse => "Start, stop and delete the work of services",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Scope {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::ALL.into_iter().find(|scope| scope.code() == text).ok_or(InvalidId)
    }
}

/// A token as its owner sees it.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// Identifies it.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to within five minutes.
    pub last_used_at: Option<Timestamp>,
}

/// A token that was just made. The only thing that ever holds its text; its `Debug` does not show it.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// `kwd_` and 48 characters. Shown once.
    pub token: String,
    /// The rest.
    #[serde(flatten)]
    pub view: TokenView,
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken").field("view", &self.view).finish_non_exhaustive()
    }
}

/// A token as it is asked for.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// What its owner calls it.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true, min_length = 1, max_length = 60))]
    pub name: String,
    /// What it may do.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true, min_items = 1, value_type = Vec<Scope>))]
    pub scopes: BTreeSet<Scope>,
    /// How many days it lives; 90 unless set.
    #[serde(default, deserialize_with = "input::whole")]
    #[cfg_attr(feature = "ssr", schema(minimum = 1, maximum = 365))]
    pub expires_in_days: Option<u32>,
}

impl TokenRequest {
    /// The same with its name trimmed and its lifetime set, or everything that is wrong with it.
    pub fn checked(self) -> Result<Self, AppError> {
        let name = self.name.trim().to_owned();
        let days = self.expires_in_days.unwrap_or(DEFAULT_DAYS);
        let name_error = if name.is_empty() {
            Some(FieldError::Required)
        } else if name.chars().count() > NAME_MAX {
            Some(FieldError::TooLong)
        } else {
            name.chars().any(char::is_control).then_some(FieldError::ControlCharacters)
        };
        let errors = [
            ("name", name_error),
            ("scopes", self.scopes.is_empty().then_some(FieldError::Required)),
            ("expires_in_days", (!LIFETIME_DAYS.contains(&days)).then_some(FieldError::OutOfRange)),
        ];
        let errors = errors.into_iter().filter_map(|(field, error)| Some((field.to_owned(), error?)));
        AppError::fields(errors.collect())?;
        Ok(Self { name, scopes: self.scopes, expires_in_days: Some(days) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str, days: Option<u32>) -> TokenRequest {
        TokenRequest { name: name.into(), scopes: [Scope::Read].into(), expires_in_days: days }
    }

    #[test]
    fn scopes_come_back_from_their_words() {
        for scope in Scope::ALL {
            assert_eq!(scope.code().parse(), Ok(scope));
            assert_eq!(serde_json::to_string(&scope).ok(), Some(format!("\"{scope}\"")));
        }
        assert!("keys".parse::<Scope>().is_err());
    }

    #[test]
    fn a_request_is_judged_field_by_field() {
        let checked = request(" Nightly ", None).checked().unwrap();
        assert_eq!((checked.name.as_str(), checked.expires_in_days), ("Nightly", Some(DEFAULT_DAYS)));
        let wrong = TokenRequest { scopes: BTreeSet::new(), ..request(" ", Some(0)) }.checked().unwrap_err();
        assert_eq!(wrong.errors.keys().collect::<Vec<_>>(), ["expires_in_days", "name", "scopes"]);
        for (name, days, ok) in [
            ("a", 1, true),
            ("a", 365, true),
            ("a", 366, false),
            (&"n".repeat(61), 1, false),
            ("a\nb", 1, false),
        ] {
            assert_eq!(request(name, Some(days)).checked().is_ok(), ok, "{days}");
        }
    }

    #[test]
    fn a_fresh_token_is_not_printed() {
        let view = TokenView {
            id: "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001".parse().unwrap(),
            name: "Nightly".into(),
            scopes: BTreeSet::new(),
            created_at: Timestamp(0),
            expires_at: Timestamp(0),
            last_used_at: None,
        };
        let issued = IssuedToken { token: "kwd_secret".into(), view };
        assert!(!format!("{issued:?}").contains("kwd_"));
    }
}
