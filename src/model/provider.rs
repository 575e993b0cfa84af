//! The catalogue as users and API clients see it. The server's half, with realms and probes, is in
//! the room `providers`.

use serde::{Deserialize, Serialize};

use super::{ids::ProviderId, service::ServiceId};

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
}

/// The usual form of a field's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
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
    /// What it is for, in a few words.
    pub summary: String,
    /// What the thing to store is called: `API key`, `credentials`.
    pub noun: String,
    /// The ways to give the credential; the first is the usual one.
    pub forms: Vec<FormInfo>,
    /// How to obtain it, one step each.
    pub steps: Vec<String>,
    /// Its pages.
    pub links: Links,
    /// The services that use it.
    pub used_by: Vec<ServiceId>,
    /// While in force: the operator's own address that replaces the provider's.
    pub base_url_override: Option<String>,
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

/// A provider's name for people, for places that have no catalogue entry at hand.
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
