//! What each service does with each provider's key, and what decides whether a key can.

use crate::model::{ids::ProviderId, service::ServiceId};

/// One thing that a service does with a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    pub(super) id: &'static str,
    pub(super) label: &'static str,
    /// The capability that decides.
    pub(super) capability: Option<&'static str>,
    /// What to do where it is lacking.
    pub(super) remedy: Remedy,
    /// Said after the reason why it is lacking.
    pub(super) instead: &'static str,
    /// It is a matter of the plan.
    pub(super) by_plan: bool,
    /// The unit of what it uses up.
    pub(super) consumes: Option<&'static str>,
    /// A permission without which the key cannot read what decides, and the sentence about that.
    pub(super) unread: Option<(&'static str, &'static str)>,
    /// What the provider never tells, after its name.
    pub(super) hidden: Option<&'static str>,
    /// A capability whose absence leaves it open, and the sentence about that.
    pub(super) doubt: Option<(&'static str, &'static str)>,
    /// The facts that tell how many places are taken, and of how many.
    pub(super) room: Option<(&'static str, &'static str)>,
    /// The facts, one of which tells where calls come from.
    pub(super) from: &'static [&'static str],
    /// Money that is owed may prevent it.
    pub(super) by_balance: bool,
    /// A plan on which it is possible with a limit, and the limit.
    pub(super) on_plan: Option<(&'static str, &'static str)>,
}

/// What can be done about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Store another key.
    Replace,
    /// Ask the provider why the account is suspended.
    Settle,
    /// Buy more of what is used up, or wait.
    More,
    /// Change the plan.
    Plan,
    /// Delete something, or change the plan.
    Room,
    /// Give the key a permission.
    Permission,
    /// Buy or verify a telephone number.
    Number,
    /// Give the auth token with the key.
    Token,
}

const NOTHING: Spec = Spec {
    id: "",
    label: "",
    capability: None,
    remedy: Remedy::Permission,
    instead: "",
    by_plan: false,
    consumes: None,
    unread: None,
    hidden: None,
    doubt: None,
    room: None,
    from: &[],
    by_balance: false,
    on_plan: None,
};

const LIST_MODELS: Spec =
    Spec { id: "list_models", label: "List the models", capability: Some("models_read"), ..NOTHING };
const CONVERSE: Spec = Spec { id: "converse", label: "Hold a conversation", ..NOTHING };
const PLACE_CALLS: Spec = Spec {
    id: "place_calls",
    label: "Place calls",
    capability: Some("voice_calls"),
    remedy: Remedy::Number,
    doubt: Some((
        "calls_read",
        "The key may not read calls, and Twilio does not reveal whether it may place them.",
    )),
    from: &["Phone number", "Caller ID"],
    by_balance: true,
    on_plan: Some(("trial", "A trial account calls verified numbers only.")),
    ..NOTHING
};
const SIGNED_REPORTS: Spec = Spec {
    id: "signed_reports",
    label: "Receive signed reports of calls",
    capability: Some("signed_webhooks"),
    remedy: Remedy::Token,
    ..NOTHING
};

static SEARCHES: [Spec; 1] =
    [Spec { id: "search_maps", label: "Search Google Maps", consumes: Some("searches"), ..NOTHING }];

static VOICES: [Spec; 2] = [
    Spec {
        id: "speak",
        label: "Speak",
        consumes: Some("characters"),
        unread: Some((
            "user_read",
            "The key may not read the plan, so how many characters are left is not known.",
        )),
        ..NOTHING
    },
    Spec { id: "list_voices", label: "List your voices", capability: Some("voices_read"), ..NOTHING },
];

static CLONING: [Spec; 1] = [Spec {
    id: "clone_voices",
    label: "Clone voices from recordings",
    capability: Some("instant_voice_cloning"),
    remedy: Remedy::Plan,
    by_plan: true,
    unread: Some(("user_read", "The key may not read the plan, so whether it may clone is not known.")),
    room: Some(("Voices in use", "Voices allowed")),
    ..NOTHING
}];

/// An account without credit lists models too.
static MODELS: [Spec; 2] = [
    Spec {
        consumes: Some("credit"),
        hidden: Some("does not reveal before the first request whether the account has credit."),
        ..CONVERSE
    },
    LIST_MODELS,
];

static GEMINI: [Spec; 1] = [Spec { capability: Some("gemini_api"), consumes: Some("requests"), ..CONVERSE }];

static CALLS_WITH_VOICE: [Spec; 2] = [PLACE_CALLS, SIGNED_REPORTS];

static CALLS: [Spec; 3] = [
    PLACE_CALLS,
    Spec { id: "read_calls", label: "Read the log of calls", capability: Some("calls_read"), ..NOTHING },
    Spec { instead: " Calling Operations works without it.", ..SIGNED_REPORTS },
];

/// What `service` does with a key of `provider`.
pub(super) fn of(service: ServiceId, provider: &ProviderId) -> &'static [Spec] {
    match (service, provider.as_str()) {
        (ServiceId::DataScraper, "serpapi") => &SEARCHES,
        (ServiceId::AiCalling, "elevenlabs") => &VOICES,
        (ServiceId::AiCalling, "openai" | "anthropic") => &MODELS,
        (ServiceId::AiCalling, "google_ai") => &GEMINI,
        (ServiceId::AiCalling, "twilio") => &CALLS_WITH_VOICE,
        (ServiceId::VoiceCloning, "elevenlabs") => &CLONING,
        (ServiceId::Calling, "twilio") => &CALLS,
        _ => &[],
    }
}
