//! The protected services and what each needs.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::ids::{InvalidId, ProviderId};

/// A service that opens once the keys it needs work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ServiceId {
    /// Businesses from Google Maps, and pages of the web.
    DataScraper,
    /// An agent that speaks on the telephone.
    AiCalling,
    /// Voices made from recordings.
    VoiceCloning,
    /// Calls and their logs.
    Calling,
    /// Usage, errors and key health.
    Analytics,
}

/// What a service needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Each of these that is not optional.
    Each(&'static [Requirement]),
    /// Any credential that the user stored, in whatever status.
    AnyStored,
}

/// One provider that a service needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    /// The provider.
    pub provider: &'static ProviderId,
    /// Capabilities that must not be a definite no.
    pub capabilities: &'static [&'static str],
    /// The unit of the quota that the service uses up, if it does.
    pub consumes: Option<&'static str>,
    /// The service works without it.
    pub optional: bool,
}

static SERPAPI: ProviderId = ProviderId::SERPAPI;
static TWILIO: ProviderId = ProviderId::TWILIO;
static ELEVENLABS: ProviderId = ProviderId::ELEVENLABS;
static OPENAI: ProviderId = ProviderId::OPENAI;
static ANTHROPIC: ProviderId = ProviderId::ANTHROPIC;
static GOOGLE_AI: ProviderId = ProviderId::GOOGLE_AI;

const fn required(provider: &'static ProviderId) -> Requirement {
    Requirement { provider, capabilities: &[], consumes: None, optional: false }
}

const fn optional(provider: &'static ProviderId) -> Requirement {
    Requirement { optional: true, ..required(provider) }
}

static DATA_SCRAPER: [Requirement; 1] = [Requirement { consumes: Some("searches"), ..required(&SERPAPI) }];
static AI_CALLING: [Requirement; 5] = [
    Requirement { consumes: Some("characters"), ..required(&ELEVENLABS) },
    Requirement { consumes: Some("credit"), ..required(&OPENAI) },
    Requirement { capabilities: &["voice_calls", "signed_webhooks"], ..required(&TWILIO) },
    optional(&ANTHROPIC),
    Requirement { capabilities: &["gemini_api"], ..optional(&GOOGLE_AI) },
];
static VOICE_CLONING: [Requirement; 1] =
    [Requirement { capabilities: &["instant_voice_cloning"], ..required(&ELEVENLABS) }];
static CALLING: [Requirement; 1] = [Requirement { capabilities: &["voice_calls"], ..required(&TWILIO) }];

impl ServiceId {
    /// Every service, in the order of the pages.
    pub const ALL: [Self; 5] =
        [Self::DataScraper, Self::AiCalling, Self::VoiceCloning, Self::Calling, Self::Analytics];

    /// The id in addresses and on the wire.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::DataScraper => "data-scraper",
            Self::AiCalling => "ai-calling",
            Self::VoiceCloning => "voice-cloning",
            Self::Calling => "calling",
            Self::Analytics => "analytics",
        }
    }

    /// The name on the pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DataScraper => "Data Scraper",
            Self::AiCalling => "AI Calling Agent",
            Self::VoiceCloning => "Voice Cloning",
            Self::Calling => "Calling Operations",
            Self::Analytics => "Analytics",
        }
    }

    /// What it does, in one sentence.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::DataScraper => {
                "Finds businesses on Google Maps and pages of the web through your SerpAPI account."
            }
            Self::AiCalling => {
                "Calls people for you: an ElevenLabs voice, an OpenAI model and your Twilio number."
            }
            Self::VoiceCloning => "Makes a voice from recordings through your ElevenLabs account.",
            Self::Calling => "Places, follows and ends calls through your Twilio account.",
            Self::Analytics => "Shows what was used, what failed and how your keys are.",
        }
    }

    /// The page.
    pub const fn path(self) -> &'static str {
        match self {
            Self::DataScraper => "/services/data-scraper",
            Self::AiCalling => "/services/ai-calling",
            Self::VoiceCloning => "/services/voice-cloning",
            Self::Calling => "/services/calling",
            Self::Analytics => "/analytics",
        }
    }

    /// The page that sets up the keys this service lacks, leading back to the service.
    pub fn setup_path(self) -> String {
        format!("/settings/api-keys?service={}&next={}", self.slug(), self.path())
    }

    /// What it needs.
    pub const fn needs(self) -> Needs {
        match self {
            Self::DataScraper => Needs::Each(&DATA_SCRAPER),
            Self::AiCalling => Needs::Each(&AI_CALLING),
            Self::VoiceCloning => Needs::Each(&VOICE_CLONING),
            Self::Calling => Needs::Each(&CALLING),
            Self::Analytics => Needs::AnyStored,
        }
    }

    /// The providers it needs, optional ones last; none where any will do.
    pub const fn requirements(self) -> &'static [Requirement] {
        match self.needs() {
            Needs::Each(requirements) => requirements,
            Needs::AnyStored => &[],
        }
    }
}

/// The words for a capability.
pub fn capability_label(capability: &str) -> Cow<'_, str> {
    Cow::Borrowed(match capability {
        "voice_calls" => "a number that can make voice calls",
        "signed_webhooks" => "the auth token that signs webhooks",
        "instant_voice_cloning" => "instant voice cloning",
        "calls_read" => "the permission to read calls",
        "models_read" => "the permission to list models",
        "user_read" => "the permission to read plan and quota (user_read)",
        "voices_read" => "the permission to list voices (voices_read)",
        "gemini_api" => "access to the Gemini API",
        "projects_read" => "the permission to list projects",
        "account_read" => "the permission to read the account",
        "domains_read" => "the permission to list domains",
        "scopes_read" => "the permission to list its own scopes",
        "mail_send" => "the permission to send mail",
        // One of the operator's own providers.
        other => return Cow::Owned(other.replace('_', " ")),
    })
}

/// What follows from lacking a capability: the end of a sentence that says that the key is accepted.
pub fn without_capability(capability: &str) -> Cow<'_, str> {
    Cow::Borrowed(match capability {
        "voice_calls" => "placing calls needs a number that can make voice calls, or a verified caller ID",
        "signed_webhooks" => "reports of calls are signed with the auth token, which was not given",
        "instant_voice_cloning" => "cloning voices needs the Starter plan or higher",
        "gemini_api" => "the key or its project is kept away from the Gemini API",
        other => return Cow::Owned(format!("it lacks {}", capability_label(other))),
    })
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

impl FromStr for ServiceId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::ALL.into_iter().find(|service| service.slug() == text).ok_or(InvalidId)
    }
}
