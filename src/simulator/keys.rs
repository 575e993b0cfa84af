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
    /// ElevenLabs.
    Elevenlabs,
    /// OpenAI.
    Openai,
    /// Twilio.
    Twilio,
    /// Anthropic.
    Anthropic,
    /// The Gemini API.
    GoogleAi,
    /// Google's speech services. No catalogue file describes them, so no demonstration shows their keys.
    GoogleSpeech,
}

impl Provider {
    /// Every provider.
    const ALL: [Self; 7] = [
        Self::Serpapi,
        Self::Elevenlabs,
        Self::Openai,
        Self::Twilio,
        Self::Anthropic,
        Self::GoogleAi,
        Self::GoogleSpeech,
    ];

    /// The provider whose simulation answers at `path`.
    pub fn at(path: &str) -> Option<Self> {
        let first = path.split('/').nth(1)?;
        Self::ALL.into_iter().find(|provider| provider.id().as_str() == first)
    }

    /// The catalogue's id.
    pub fn id(self) -> ProviderId {
        match self {
            Self::Serpapi => ProviderId::SERPAPI,
            Self::Elevenlabs => ProviderId::ELEVENLABS,
            Self::Openai => ProviderId::OPENAI,
            Self::Twilio => ProviderId::TWILIO,
            Self::Anthropic => ProviderId::ANTHROPIC,
            Self::GoogleAi => ProviderId::GOOGLE_AI,
            Self::GoogleSpeech => ProviderId::GOOGLE_SPEECH,
        }
    }
}

/// What becomes of a request with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Situation {
    /// All: not accepted.
    Invalid,
    /// All: too many requests (429). SerpAPI's account call still answers.
    Throttled,
    /// All: the provider answers that it is unavailable.
    Down,
    /// All: the connection closes without an answer.
    HangsUp,
    /// All: no answer, ever.
    NeverAnswers,

    /// Nothing is wrong with it. SerpAPI: 958 of 1,000 searches left; ElevenLabs: a paying plan.
    Plenty,
    /// SerpAPI: 3 of 250 searches left.
    NearlyUsedUp,
    /// All but Twilio: nothing left.
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
    /// All but SerpAPI: the account is suspended. Twilio's account call says so, everything else answers 401.
    Suspended,
    /// Twilio: the account call says `closed`, everything else answers 401.
    Closed,
    /// Twilio: the API key may list calls and nothing else.
    CallsOnly,
    /// Twilio: the API key may do everything but make, read, change or list calls.
    NoCalls,
    /// Twilio: a subaccount, which has no balance of its own.
    Subaccount,
    /// Twilio: the balance is below zero.
    NegativeBalance,

    /// A key without the permission that the check asks for first. ElevenLabs: it may read all but the plan.
    Restricted,
    /// OpenAI, Anthropic, the Gemini API: the country is not served.
    CountryRefused,
    /// ElevenLabs: the free plan, without cloning.
    FreePlan,
    /// ElevenLabs: the quota is used up, and more is allowed.
    Overage,
    /// ElevenLabs: the key may read nothing.
    NothingReadable,
    /// The Gemini API: a kind of key that is no longer taken.
    WrongKind,
    /// The Gemini API: found in public.
    ReportedLeaked,
}

impl Situation {
    /// Whether a key of `provider` can be in it.
    pub fn fits(self, provider: Provider) -> bool {
        use Provider::{Anthropic, Elevenlabs, GoogleAi, GoogleSpeech, Openai, Serpapi, Twilio};
        match self {
            Self::Invalid | Self::Throttled | Self::Down | Self::HangsUp | Self::NeverAnswers => true,
            Self::Plenty | Self::Exhausted => provider != Twilio,
            Self::NearlyUsedUp | Self::NoPermission => provider == Serpapi,
            Self::Suspended => provider != Serpapi,
            Self::Full
            | Self::Trial
            | Self::CallerIdOnly
            | Self::NoVoiceNumber
            | Self::Closed
            | Self::CallsOnly
            | Self::NoCalls
            | Self::Subaccount
            | Self::NegativeBalance => provider == Twilio,
            Self::Restricted => matches!(provider, Elevenlabs | Openai | Anthropic | GoogleAi | GoogleSpeech),
            Self::CountryRefused => matches!(provider, Openai | Anthropic | GoogleAi),
            Self::FreePlan | Self::Overage | Self::NothingReadable => provider == Elevenlabs,
            Self::WrongKind | Self::ReportedLeaked => provider == GoogleAi,
        }
    }
}

/// Which fields of a credential a test key shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The one key of all but Twilio.
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

const fn key(
    provider: Provider,
    id: &'static str,
    situation: Situation,
    label: &'static str,
    shows: &'static str,
) -> Entry {
    Entry { provider, id, situation, label, form: Form::ApiKey, shows }
}

const fn serpapi(id: &'static str, situation: Situation, label: &'static str, shows: &'static str) -> Entry {
    key(Provider::Serpapi, id, situation, label, shows)
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
    key(Provider::Elevenlabs, "plenty", Situation::Plenty, "Creator plan", "A working key of a paying plan, with cloning and 82,769 characters left."),
    key(Provider::Elevenlabs, "free_plan", Situation::FreePlan, "Free plan", "A working key of the free plan, which cannot clone voices."),
    key(Provider::Elevenlabs, "exhausted", Situation::Exhausted, "Used up", "A key that ElevenLabs accepts, with no character left this month."),
    key(Provider::Elevenlabs, "overage", Situation::Overage, "Over the limit", "A key whose plan is used up and may go on beyond it."),
    key(Provider::Elevenlabs, "restricted", Situation::Restricted, "Restricted key", "A working key that may not read plan and quota."),
    key(Provider::Elevenlabs, "nothing_readable", Situation::NothingReadable, "Write-only key", "A key that ElevenLabs accepts and that may read nothing."),
    key(Provider::Elevenlabs, "suspended", Situation::Suspended, "Blocked", "A key whose account was blocked for unusual activity."),
    key(Provider::Elevenlabs, "invalid", Situation::Invalid, "Invalid", "A key that ElevenLabs does not know."),
    key(Provider::Elevenlabs, "throttled", Situation::Throttled, "Too many requests", "ElevenLabs refuses every request as one too many at a time, so the key cannot be checked."),
    key(Provider::Elevenlabs, "down", Situation::Down, "Provider down", "ElevenLabs answers that it is unavailable, so the key cannot be checked."),
    key(Provider::Openai, "plenty", Situation::Plenty, "Project key", "A working key of a project."),
    key(Provider::Openai, "restricted", Situation::Restricted, "Restricted key", "A working key that may not list models."),
    key(Provider::Openai, "exhausted", Situation::Exhausted, "No credit", "A key that OpenAI accepts, whose account has no credit."),
    key(Provider::Openai, "suspended", Situation::Suspended, "Deactivated", "A key whose account was deactivated."),
    key(Provider::Openai, "country_refused", Situation::CountryRefused, "Country not served", "OpenAI does not serve the country that the request comes from, so the key cannot be checked."),
    key(Provider::Openai, "invalid", Situation::Invalid, "Invalid", "A key that OpenAI does not know."),
    key(Provider::Openai, "throttled", Situation::Throttled, "Too many requests", "OpenAI asks for slower requests, so the key cannot be checked."),
    key(Provider::Openai, "down", Situation::Down, "Provider down", "OpenAI answers that it is overloaded, so the key cannot be checked."),
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
    key(Provider::Anthropic, "plenty", Situation::Plenty, "Workspace key", "A working key of a workspace."),
    key(Provider::Anthropic, "restricted", Situation::Restricted, "Restricted key", "A key that Anthropic accepts and that may not list models."),
    key(Provider::Anthropic, "exhausted", Situation::Exhausted, "No credit", "A key that Anthropic accepts, whose account has no credit."),
    key(Provider::Anthropic, "suspended", Situation::Suspended, "Organisation disabled", "A key whose organisation was disabled."),
    key(Provider::Anthropic, "invalid", Situation::Invalid, "Invalid", "A key that Anthropic does not know."),
    key(Provider::Anthropic, "throttled", Situation::Throttled, "Too many requests", "Anthropic asks for slower requests, so the key cannot be checked."),
    key(Provider::Anthropic, "down", Situation::Down, "Overloaded", "Anthropic answers that it is overloaded, so the key cannot be checked."),
    key(Provider::GoogleAi, "plenty", Situation::Plenty, "AI Studio key", "A working key of Google AI Studio."),
    key(Provider::GoogleAi, "restricted", Situation::Restricted, "Restricted key", "A key that Google accepts, kept away from the Gemini API."),
    key(Provider::GoogleAi, "exhausted", Situation::Exhausted, "Day's quota used up", "A key of the free plan whose requests of the day are used up."),
    key(Provider::GoogleAi, "wrong_kind", Situation::WrongKind, "Old kind of key", "A kind of key that the Gemini API no longer takes."),
    key(Provider::GoogleAi, "reported_leaked", Situation::ReportedLeaked, "Reported as leaked", "A key that Google blocked because it was found in public."),
    key(Provider::GoogleAi, "suspended", Situation::Suspended, "Suspended", "A key whose project was suspended; the answer repeats the whole key."),
    key(Provider::GoogleAi, "invalid", Situation::Invalid, "Invalid", "A key that Google does not know; it answers 400, not 401."),
    key(Provider::GoogleAi, "throttled", Situation::Throttled, "Too many requests", "Google asks for slower requests, so the key cannot be checked."),
    key(Provider::GoogleAi, "down", Situation::Down, "Provider down", "Google answers that it is overloaded, so the key cannot be checked."),
    key(Provider::GoogleSpeech, "plenty", Situation::Plenty, "Cloud key", "A working key of a Google Cloud project."),
    key(Provider::GoogleSpeech, "restricted", Situation::Restricted, "Restricted key", "A key that Google accepts, kept away from the speech services."),
    key(Provider::GoogleSpeech, "exhausted", Situation::Exhausted, "Quota used up", "A key of a project whose requests of the day are used up."),
    key(Provider::GoogleSpeech, "suspended", Situation::Suspended, "Suspended", "A key whose project was suspended; the answer repeats the whole key."),
    key(Provider::GoogleSpeech, "invalid", Situation::Invalid, "Invalid", "A key that Google does not know; it answers 400, not 401."),
    key(Provider::GoogleSpeech, "throttled", Situation::Throttled, "Too many requests", "Google asks for slower requests, so the key cannot be checked."),
    key(Provider::GoogleSpeech, "down", Situation::Down, "Provider down", "Google answers that it is unavailable, so the key cannot be checked."),
];

/// The values of a test key.
pub enum Credential {
    /// The one key of all but Twilio.
    ApiKey(String),
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
    /// The one key, or Twilio's auth token.
    Account,
    /// A Twilio API key.
    ApiKey,
}

impl Credential {
    /// How `presented` opens the account, if it does.
    pub fn opened_by(&self, presented: &Presented) -> Option<Via> {
        match (self, presented) {
            (Self::ApiKey(own), Presented::ApiKey(key)) => (own == key).then_some(Via::Account),
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
        let seed = format!("keyward simulator/{}/{}/{what}", self.provider.id(), self.id);
        // Twice as much as most keys need.
        let noise = format!("{}{}", sha256_hex(&seed), sha256_hex(&format!("{seed}/more")));
        format!("decafbad{}{:04}", &noise[..length - 12], self.number())
    }

    /// The values of the key.
    pub fn credential(&self) -> Credential {
        let pair = matches!(self.form, Form::KeyPair | Form::KeyPairAndToken);
        match self.provider {
            Provider::Serpapi => Credential::ApiKey(self.digits("api_key", 64)),
            Provider::Elevenlabs => Credential::ApiKey(format!("sk_{}", self.digits("api_key", 48))),
            Provider::Openai => Credential::ApiKey(format!("sk-proj-{}", self.digits("api_key", 120))),
            Provider::Anthropic => Credential::ApiKey(format!("sk-ant-api03-{}", self.digits("api_key", 95))),
            Provider::GoogleAi => Credential::ApiKey(format!("AQ.{}", self.digits("api_key", 50))),
            Provider::GoogleSpeech => Credential::ApiKey(format!("AIza{}", self.digits("api_key", 35))),
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
            Credential::ApiKey(key) => vec![("api_key", key)],
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

/// Every test key of a provider in the catalogue, grouped by provider.
pub fn test_keys() -> Vec<TestKey> {
    ENTRIES.iter().filter(|entry| entry.provider != Provider::GoogleSpeech).map(Entry::test_key).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_keys_share_a_name_or_a_value() {
        let (mut names, mut values) = (HashSet::new(), HashSet::new());
        for key in ENTRIES.iter().map(Entry::test_key) {
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
