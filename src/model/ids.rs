//! Identifiers. Each is a UUID written as 36 lower-case characters, and a type of its own,
//! so that a session id cannot stand where a user id belongs.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not an identifier of the expected kind. Holds nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid identifier")]
pub struct InvalidId;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(
            feature = "ssr",
            derive(utoipa::ToSchema),
            schema(value_type = String, format = "uuid", examples("0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001"))
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier; ids made later sort later.
            #[cfg(feature = "ssr")]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // Only the canonical form: one id has one spelling.
                match Uuid::try_parse(text) {
                    Ok(id) if id.hyphenated().to_string() == text => Ok(Self(id)),
                    _ => Err(InvalidId),
                }
            }
        }
    )*};
}

uuid_id! {
    /// A user, the owner of keys and of everything made with them.
    UserId;
    /// A stored credential.
    KeyId;
    /// A log-in session. Not the token in the cookie.
    SessionId;
    /// A version of an owner's data encryption key.
    DekId;
    /// A search of the Data Scraper.
    SearchId;
    /// Searches of the Data Scraper that were started together.
    BatchId;
    /// A search that is kept under a name.
    SavedId;
    /// A call of Calling Operations.
    CallId;
    /// A voice that was cloned here, with the consent that was declared.
    CloneId;
    /// A personal API token. Not its text.
    TokenId;
    /// Something that a user was told of.
    NoticeId;
    /// Where a user is told of it.
    ChannelId;
    /// A message to such a place: the `webhook-id` of Standard Webhooks.
    MessageId;
    /// A piece of background work. The same as the id of what it works on.
    JobId;
    /// A process that does background work. New with each start.
    WorkerId;
}

/// A provider of the catalogue, such as `serpapi`: 1 to 40 of `a-z`, `0-9` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "ssr",
    derive(utoipa::ToSchema),
    schema(value_type = String, pattern = "^[a-z0-9_]{1,40}$", examples("serpapi"))
)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderId(Cow<'static, str>);

impl ProviderId {
    /// SerpAPI.
    pub const SERPAPI: Self = Self::known("serpapi");
    /// Twilio.
    pub const TWILIO: Self = Self::known("twilio");
    /// ElevenLabs.
    pub const ELEVENLABS: Self = Self::known("elevenlabs");
    /// OpenAI.
    pub const OPENAI: Self = Self::known("openai");
    /// Anthropic.
    pub const ANTHROPIC: Self = Self::known("anthropic");
    /// Google AI.
    pub const GOOGLE_AI: Self = Self::known("google_ai");
    /// Google's speech services.
    pub const GOOGLE_SPEECH: Self = Self::known("google_speech");

    const fn known(id: &'static str) -> Self {
        Self(Cow::Borrowed(id))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A voice at ElevenLabs: 1 to 64 letters, digits, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "ssr",
    derive(utoipa::ToSchema),
    schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$", examples("EXAVITQu4vr4xnSDxMaL"))
)]
#[serde(try_from = "String", into = "String")]
pub struct VoiceId(String);

impl VoiceId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VoiceId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for VoiceId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text))
        } else {
            Err(InvalidId)
        }
    }
}

impl From<VoiceId> for String {
    fn from(id: VoiceId) -> Self {
        id.0
    }
}

impl fmt::Display for VoiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProviderId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let shaped = (1..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if shaped { Ok(Self(Cow::Owned(text.to_owned()))) } else { Err(InvalidId) }
    }
}

impl TryFrom<String> for ProviderId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ProviderId> for String {
    fn from(id: ProviderId) -> Self {
        id.0.into_owned()
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let text = "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001";
        assert_eq!(text.parse::<UserId>().map(|id| id.to_string()), Ok(text.to_owned()));
        for other in [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), format!("{text} ")] {
            assert_eq!(other.parse::<UserId>(), Err(InvalidId), "{other}");
        }
    }

    #[test]
    fn a_provider_id_is_a_short_plain_word() {
        assert_eq!("serpapi".parse(), Ok(ProviderId::SERPAPI));
        for bad in ["", "Serpapi", "serp-api", "serp api", "../serpapi", &"a".repeat(41)] {
            assert_eq!(bad.parse::<ProviderId>(), Err(InvalidId), "{bad}");
        }
    }
}
