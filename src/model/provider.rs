//! The catalogue as users and API clients see it. The server's half, with realms and probes, is in
//! the room `providers`.

use serde::{Deserialize, Serialize};

use super::{ids::ProviderId, service::ServiceId};

/// What a provider is for: pages group by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Models that write, read and reason.
    LanguageModels,
    /// Voices, and what was said as text.
    VoiceAndSpeech,
    /// Calls and short messages.
    Telephony,
    /// Search results, and pages as data.
    Search,
    /// Pictures and films.
    Images,
    /// Databases for vectors, and other stores.
    VectorsAndData,
    /// Money.
    Payments,
    /// Electronic mail.
    Mail,
    /// Code and what runs it.
    Development,
    /// None of the others.
    Other,
}

impl Category {
    /// Every category, in the order of the pages.
    pub const ALL: [Self; 10] = [
        Self::LanguageModels,
        Self::VoiceAndSpeech,
        Self::Telephony,
        Self::Search,
        Self::Images,
        Self::VectorsAndData,
        Self::Payments,
        Self::Mail,
        Self::Development,
        Self::Other,
    ];

    /// The word in catalogue files and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::LanguageModels => "language_models",
            Self::VoiceAndSpeech => "voice_and_speech",
            Self::Telephony => "telephony",
            Self::Search => "search",
            Self::Images => "images",
            Self::VectorsAndData => "vectors_and_data",
            Self::Payments => "payments",
            Self::Mail => "mail",
            Self::Development => "development",
            Self::Other => "other",
        }
    }

    /// The words on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::LanguageModels => "Language models",
            Self::VoiceAndSpeech => "Voice and speech",
            Self::Telephony => "Telephony",
            Self::Search => "Search and web data",
            Self::Images => "Images and video",
            Self::VectorsAndData => "Vectors and data",
            Self::Payments => "Payments",
            Self::Mail => "Mail",
            Self::Development => "Development",
            Self::Other => "Other",
        }
    }
}

/// What a call of a check costs at the provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Nothing.
    #[default]
    Free,
    /// It counts against an allowance, like any other request.
    Counts,
    /// Money. Keyward never makes such a call unless somebody agreed to it.
    Billed,
}

/// When a field is there: while another field of the form has one of a few values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FieldCondition {
    /// The other field, which has choices.
    pub field: String,
    /// The choices with which this field is there.
    pub is: Vec<String>,
}

impl FieldCondition {
    /// Whether it holds for the other field's value.
    pub fn holds(&self, value: Option<&str>) -> bool {
        value.is_some_and(|value| self.is.iter().any(|one| one == value))
    }
}

/// One input of a provider's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct FieldInfo {
    /// The name in `credentials`.
    pub name: String,
    /// The label on the form.
    pub label: String,
    /// Whether the value is sealed and never shown again.
    pub secret: bool,
    /// Whether the form can be sent without it.
    pub optional: bool,
    /// What a value looks like, shown in the empty input.
    pub placeholder: Option<String>,
    /// One sentence below the input.
    pub help: Option<String>,
    /// The usual forms. A value that has none of them is warned about and never refused, because providers
    /// change their formats without notice.
    pub shapes: Vec<Shape>,
    /// The choices, for a field that is one of a few; the first is the default.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// The field is there only while this holds; without it, always.
    #[serde(default)]
    pub when: Option<FieldCondition>,
}

/// The usual form of a field's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Values start with this.
    #[serde(default)]
    pub prefix: String,
    /// The whole length in characters, prefix included.
    pub length: Option<usize>,
    /// The smallest length in characters, prefix included.
    pub at_least: Option<usize>,
    /// The characters after the prefix: `hex`, `alphanumeric` or `token`.
    pub characters: Option<Characters>,
}

/// A set of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Characters {
    /// `0-9`, `a-f`, in either case.
    Hex,
    /// Letters and digits of ASCII.
    Alphanumeric,
    /// Letters and digits of ASCII, `-` and `_`.
    Token,
}

impl Shape {
    /// Whether `value` looks as values usually do.
    pub fn matches(&self, value: &str) -> bool {
        let Some(rest) = value.strip_prefix(self.prefix.as_str()) else { return false };
        let count = value.chars().count();
        self.length.is_none_or(|length| count == length)
            && self.at_least.is_none_or(|least| count >= least)
            && match self.characters {
                None => true,
                Some(Characters::Hex) => rest.bytes().all(|b| b.is_ascii_hexdigit()),
                Some(Characters::Alphanumeric) => rest.bytes().all(|b| b.is_ascii_alphanumeric()),
                Some(Characters::Token) => {
                    rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
                }
            }
    }
}

/// One choice of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The value that is stored.
    pub value: String,
    /// The text on the form.
    pub label: String,
}

/// One of the ways to give a provider's credential, such as an auth token or an API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct FormInfo {
    /// Identifies the form within the provider.
    pub id: String,
    /// The text that names it where there is more than one.
    pub label: String,
    /// The inputs, in order.
    pub fields: Vec<FieldInfo>,
}

/// A link to the provider's own pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// Where keys are made.
    pub keys: String,
    /// The API's documentation.
    pub documentation: String,
    /// Where credit is bought or the plan is changed.
    pub billing: String,
    /// Where a key is revoked.
    pub revoke: String,
    /// Where telephone numbers are bought and verified, for providers that have them.
    #[serde(default)]
    pub numbers: Option<String>,
}

/// A provider of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ProviderInfo {
    /// Its id.
    pub id: ProviderId,
    /// Its name as it writes it.
    pub name: String,
    /// One or two characters that stand for it in lists.
    pub monogram: String,
    /// What it is for: pages group by it.
    pub category: Category,
    /// What it is for, in a few words.
    pub summary: String,
    /// What the thing to store is called: `API key`, `credentials`.
    pub noun: String,
    /// The ways to give the credential; the first is the usual one.
    pub forms: Vec<FormInfo>,
    /// How to obtain it, one step each.
    pub steps: Vec<String>,
    /// How to make a key that can do no more than it must.
    pub least_privilege: Option<String>,
    /// What the dearest call that a check cannot do without costs.
    pub check_cost: Cost,
    /// Its pages.
    pub links: Links,
    /// The operator of the installation added it; it does not come with Keyward.
    pub by_operator: bool,
    /// The services that use it.
    pub used_by: Vec<ServiceId>,
    /// While in force: the operator's own address that replaces the provider's.
    pub base_url_override: Option<String>,
}

impl ProviderInfo {
    /// The operator's own address without the provider's id, where it ends with that.
    pub fn diverted(&self) -> Option<&str> {
        let address = self.base_url_override.as_deref()?;
        address.trim_end_matches('/').strip_suffix(self.id.as_str()).filter(|base| base.ends_with('/'))
    }
}

/// The other provider whose key `value` looks like most: what people paste into the wrong card. Prefixes of fewer than three characters tell too little.
pub fn lookalike<'p>(
    providers: impl IntoIterator<Item = &'p ProviderInfo>,
    own: &ProviderId,
    value: &str,
) -> Option<&'p ProviderInfo> {
    let mut best: Option<(&ProviderInfo, usize)> = None;
    for provider in providers {
        let fields = provider.forms.iter().flat_map(|form| &form.fields);
        for shape in fields.filter(|field| field.secret).flat_map(|field| &field.shapes) {
            let sure = shape.prefix.len();
            if sure >= 3 && shape.matches(value) && best.is_none_or(|(_, other)| sure > other) {
                best = Some((provider, sure));
            }
        }
    }
    best.map(|(provider, _)| provider).filter(|provider| provider.id != *own)
}

/// A provider's name for people, where no entry of the catalogue is at hand: in the browser, beside a
/// decision on a service. So it knows the providers that services name, and no others; everything else
/// takes the name from the entry. A test of the catalogue keeps the two alike.
pub fn provider_name(provider: &ProviderId) -> String {
    match provider.as_str() {
        "serpapi" => "SerpAPI".to_owned(),
        "twilio" => "Twilio".to_owned(),
        "elevenlabs" => "ElevenLabs".to_owned(),
        "openai" => "OpenAI".to_owned(),
        "anthropic" => "Anthropic".to_owned(),
        "google_ai" => "Google AI".to_owned(),
        other => {
            let mut words = other.replace('_', " ");
            if let Some(first) = words.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            words
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_without_an_entry_has_a_readable_name() {
        assert_eq!(provider_name(&ProviderId::GOOGLE_AI), "Google AI");
        assert_eq!("deep_gram".parse().map(|id| provider_name(&id)), Ok("Deep gram".to_owned()));
        assert_eq!("_".parse().map(|id| provider_name(&id)), Ok(" ".to_owned()));
    }

    #[test]
    fn a_category_has_one_word_everywhere() {
        for category in Category::ALL {
            assert_eq!(serde_json::to_string(&category).unwrap(), format!("\"{}\"", category.code()));
        }
    }

    #[test]
    fn a_shape_checks_prefix_length_and_characters() {
        let sid = Shape {
            prefix: "AC".into(),
            length: Some(34),
            at_least: None,
            characters: Some(Characters::Hex),
        };
        assert!(sid.matches(&format!("AC{}", "0a".repeat(16))));
        assert!(!sid.matches(&format!("SK{}", "0a".repeat(16))));
        assert!(!sid.matches("AC0a"));
        assert!(!sid.matches(&format!("AC{}", "0g".repeat(16))));
    }
}
