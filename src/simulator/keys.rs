//! The test keys: shaped like real ones, worthless, and the same on every start. Each begins with `decafbad`
//! (after the prefix its provider writes) and ends with its number, which is what a masked key shows.

use serde::{Deserialize, Serialize};

use super::credential::{Presented, sha256_hex};
use crate::model::ids::ProviderId;

/// A simulated provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// SerpAPI.
    Serpapi,
    /// Twilio.
    Twilio,
}

impl Provider {
    /// The provider whose simulation answers at `path`.
    pub fn at(path: &str) -> Option<Self> {
        match path.split('/').nth(1)? {
            "serpapi" => Some(Self::Serpapi),
            "twilio" => Some(Self::Twilio),
            _ => None,
        }
    }

    /// The catalogue's id.
    pub fn id(self) -> ProviderId {
        match self {
            Self::Serpapi => ProviderId::SERPAPI,
            Self::Twilio => ProviderId::TWILIO,
        }
    }
}

/// What becomes of a request with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Situation {
    /// Both: not accepted (401).
    Invalid,
    /// Both: too many requests (429). SerpAPI's account call still answers.
    Throttled,
    /// Both: the provider answers 503.
    Down,
    /// Both: the connection closes without an answer.
    HangsUp,
    /// Both: no answer, ever.
    NeverAnswers,

    /// SerpAPI: 958 of 1,000 searches left.
    Plenty,
    /// SerpAPI: 3 of 250 searches left.
    NearlyUsedUp,
    /// SerpAPI: no search left.
    Exhausted,
    /// SerpAPI: the account has no permission (403), as when it was deleted.
    NoPermission,

    /// Twilio: a paying account with a voice number.
    Full,
    /// Twilio: a trial account with a voice number.
    Trial,
    /// Twilio: no number of its own, one verified caller id.
    CallerIdOnly,
    /// Twilio: a number that takes messages only, no verified caller id.
    NoVoiceNumber,
    /// Twilio: the account call says `suspended`, everything else answers 401.
    Suspended,
    /// Twilio: the account call says `closed`, everything else answers 401.
    Closed,
    /// Twilio: the API key may list calls and nothing else.
    CallsOnly,
    /// Twilio: the API key may do everything but list calls.
    NoCalls,
    /// Twilio: a subaccount, which has no balance of its own.
    Subaccount,
    /// Twilio: the balance is below zero.
    NegativeBalance,
}

impl Situation {
    /// Whether a key of `provider` can be in it.
    pub fn fits(self, provider: Provider) -> bool {
        match self {
            Self::Invalid | Self::Throttled | Self::Down | Self::HangsUp | Self::NeverAnswers => true,
            Self::Plenty | Self::NearlyUsedUp | Self::Exhausted | Self::NoPermission => {
                provider == Provider::Serpapi
            }
            Self::Full
            | Self::Trial
            | Self::CallerIdOnly
            | Self::NoVoiceNumber
            | Self::Suspended
            | Self::Closed
            | Self::CallsOnly
            | Self::NoCalls
            | Self::Subaccount
            | Self::NegativeBalance => provider == Provider::Twilio,
        }
    }
}

/// Which fields of a credential a test key shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// SerpAPI's one key.
    ApiKey,
    /// Twilio's account SID and auth token.
    AuthToken,
    /// Twilio's account SID with an API key.
    KeyPair,
    /// Twilio's account SID with an API key, and the auth token for webhooks.
    KeyPairAndToken,
}

/// One line of the table of test keys.
#[derive(Debug)]
pub struct Entry {
    /// The provider it belongs to.
    pub provider: Provider,
    /// Its name for the control API, unique within the provider.
    pub id: &'static str,
    /// The situation at the start.
    pub situation: Situation,
    label: &'static str,
    form: Form,
    shows: &'static str,
}

const fn serpapi(id: &'static str, situation: Situation, label: &'static str, shows: &'static str) -> Entry {
    Entry { provider: Provider::Serpapi, id, situation, label, form: Form::ApiKey, shows }
}

const fn twilio(
    id: &'static str,
    situation: Situation,
    form: Form,
    label: &'static str,
    shows: &'static str,
) -> Entry {
    Entry { provider: Provider::Twilio, id, situation, label, form, shows }
}

/// Every test key, grouped by provider. A key's number is its place in its group, so a new one goes to the end.
#[rustfmt::skip]
pub const ENTRIES: &[Entry] = &[
    serpapi("plenty", Situation::Plenty, "Plenty left", "A working key with 958 of 1,000 searches left this month."),
    serpapi("nearly_used_up", Situation::NearlyUsedUp, "Nearly used up", "A working key of the free plan with 3 searches left, so a longer search runs out half-way."),
    serpapi("exhausted", Situation::Exhausted, "Used up", "A key that SerpAPI accepts, with no search left this month."),
    serpapi("invalid", Situation::Invalid, "Invalid", "A key that SerpAPI does not know."),
    serpapi("no_permission", Situation::NoPermission, "No permission", "A key whose account was deleted or blocked."),
    serpapi("throttled", Situation::Throttled, "Hourly limit reached", "A working key whose searches are refused because the hour's limit is reached."),
    serpapi("down", Situation::Down, "Provider down", "SerpAPI answers that it is unavailable, so the key cannot be checked."),
    serpapi("hangs_up", Situation::HangsUp, "Connection lost", "SerpAPI closes the connection without an answer."),
    serpapi("never_answers", Situation::NeverAnswers, "No answer", "SerpAPI takes the request and never answers, until Keyward gives up waiting."),
    twilio("full", Situation::Full, Form::AuthToken, "Full account", "A paying account with a voice number, by auth token."),
    twilio("trial", Situation::Trial, Form::AuthToken, "Trial account", "A trial account with a voice number, which can call verified numbers only."),
    twilio("api_key_and_token", Situation::Full, Form::KeyPairAndToken, "API key and auth token", "A paying account by API key, with the auth token that verifies webhooks."),
    twilio("api_key", Situation::Full, Form::KeyPair, "API key only", "A paying account by API key, without the auth token."),
    twilio("caller_id_only", Situation::CallerIdOnly, Form::AuthToken, "Verified caller id", "An account without a number of its own that can call from a verified caller id."),
    twilio("no_voice_number", Situation::NoVoiceNumber, Form::AuthToken, "No voice number", "An account whose only number takes messages but no calls."),
    twilio("suspended", Situation::Suspended, Form::AuthToken, "Suspended", "An account that Twilio has suspended."),
    twilio("closed", Situation::Closed, Form::AuthToken, "Closed", "An account that has been closed."),
    twilio("calls_only", Situation::CallsOnly, Form::KeyPair, "Restricted API key", "An API key that may list calls but sees neither numbers nor balance."),
    twilio("no_calls", Situation::NoCalls, Form::KeyPair, "API key without calls", "An API key that sees numbers and balance but may not list calls."),
    twilio("subaccount", Situation::Subaccount, Form::AuthToken, "Subaccount", "A subaccount, which works and has no balance of its own."),
    twilio("negative_balance", Situation::NegativeBalance, Form::AuthToken, "In debt", "A working account whose balance is below zero."),
    twilio("invalid", Situation::Invalid, Form::AuthToken, "Invalid", "An account SID and auth token that Twilio does not know."),
    twilio("throttled", Situation::Throttled, Form::AuthToken, "Too many requests", "Twilio refuses every request as one too many at a time, so the key cannot be checked."),
    twilio("down", Situation::Down, Form::AuthToken, "Provider down", "Twilio answers that it is unavailable, so the key cannot be checked."),
];

/// The values of a test key.
pub enum Credential {
    /// SerpAPI's.
    Serpapi {
        /// 64 hexadecimal digits.
        api_key: String,
    },
    /// Twilio's.
    Twilio {
        /// `AC` and 32 hexadecimal digits.
        account_sid: String,
        /// 32 hexadecimal digits.
        auth_token: String,
        /// `SK` and 32 hexadecimal digits, where the account has an API key.
        key_sid: Option<String>,
        /// The API key's secret, 32 letters and digits.
        key_secret: Option<String>,
    },
}

/// Which credential of an account was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// SerpAPI's key, or Twilio's auth token.
    Account,
    /// A Twilio API key.
    ApiKey,
}

impl Credential {
    /// How `presented` opens the account, if it does.
    pub fn opened_by(&self, presented: &Presented) -> Option<Via> {
        match (self, presented) {
            (Self::Serpapi { api_key }, Presented::ApiKey(key)) => (api_key == key).then_some(Via::Account),
            (
                Self::Twilio { account_sid, auth_token, key_sid, key_secret },
                Presented::Basic { user, password },
            ) => {
                if account_sid == user && auth_token == password {
                    Some(Via::Account)
                } else if key_sid.as_ref() == Some(user) && key_secret.as_ref() == Some(password) {
                    Some(Via::ApiKey)
                } else {
                    None
                }
            }
            _ => None,
        }
    }
}

impl Entry {
    fn number(&self) -> usize {
        let same = |entry: &&Entry| entry.provider == self.provider;
        ENTRIES.iter().filter(same).position(|entry| entry.id == self.id).map_or(0, |place| place + 1)
    }

    /// `length` hexadecimal digits that are the same on every start.
    fn digits(&self, what: &str, length: usize) -> String {
        let noise = sha256_hex(&format!("keyward simulator/{}/{}/{what}", self.provider.id(), self.id));
        format!("decafbad{}{:04}", &noise[..length - 12], self.number())
    }

    /// The values of the key.
    pub fn credential(&self) -> Credential {
        let pair = matches!(self.form, Form::KeyPair | Form::KeyPairAndToken);
        match self.provider {
            Provider::Serpapi => Credential::Serpapi { api_key: self.digits("api_key", 64) },
            Provider::Twilio => Credential::Twilio {
                account_sid: format!("AC{}", self.digits("account_sid", 32)),
                auth_token: self.digits("auth_token", 32),
                key_sid: pair.then(|| format!("SK{}", self.digits("key_sid", 32))),
                key_secret: pair.then(|| self.digits("key_secret", 32)),
            },
        }
    }

    /// The key as the demonstration shows it.
    pub fn test_key(&self) -> TestKey {
        let fields = match self.credential() {
            Credential::Serpapi { api_key } => vec![("api_key", api_key)],
            Credential::Twilio { account_sid, auth_token, key_sid, key_secret } => {
                let token = (self.form != Form::KeyPair).then_some(("auth_token", auth_token));
                std::iter::once(("account_sid", account_sid))
                    .chain(key_sid.map(|sid| ("api_key_sid", sid)))
                    .chain(key_secret.map(|secret| ("api_key_secret", secret)))
                    .chain(token)
                    .collect()
            }
        };
        TestKey { provider: self.provider.id(), id: self.id, label: self.label, fields, shows: self.shows }
    }
}

/// A key that only the simulator accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestKey {
    /// The provider it belongs to.
    pub provider: ProviderId,
    /// Its name for the control API, unique within the provider.
    pub id: &'static str,
    /// A few words that name it.
    pub label: &'static str,
    /// The names and values of the fields to fill in.
    pub fields: Vec<(&'static str, String)>,
    /// One sentence on what it shows.
    pub shows: &'static str,
}

/// Every test key, grouped by provider.
pub fn test_keys() -> Vec<TestKey> {
    ENTRIES.iter().map(Entry::test_key).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_key_has_the_shape_its_provider_uses() {
        let hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        for key in test_keys() {
            for (name, value) in &key.fields {
                let shaped = match *name {
                    "api_key" => hex(value, 64),
                    "account_sid" => value.strip_prefix("AC").is_some_and(|rest| hex(rest, 32)),
                    "api_key_sid" => value.strip_prefix("SK").is_some_and(|rest| hex(rest, 32)),
                    "auth_token" | "api_key_secret" => hex(value, 32),
                    _ => false,
                };
                assert!(shaped, "{} {} {name}", key.provider, key.id);
            }
        }
    }

    #[test]
    fn no_two_keys_share_a_name_or_a_value() {
        let (mut names, mut values) = (HashSet::new(), HashSet::new());
        for key in test_keys() {
            assert!(names.insert((key.provider.clone(), key.id)), "{}", key.id);
            for (_, value) in key.fields {
                assert!(values.insert(value), "{}", key.id);
            }
        }
    }

    #[test]
    fn the_keys_are_the_same_on_every_start() {
        let keys = test_keys();
        assert_eq!(keys[0].fields[0].1, "decafbad4a89a9edec9bd6634df7940e42c1151f6cfa1f06c87635a8b6850001");
    }

    #[test]
    fn every_first_situation_fits_its_provider() {
        for entry in ENTRIES {
            assert!(entry.situation.fits(entry.provider), "{:?}", entry.id);
        }
    }
}
