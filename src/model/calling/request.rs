//! What is ordered, and which calls are looked for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::MESSAGE_MAX;
use crate::model::{
    error::{AppError, FieldError},
    ids::VoiceId,
    time::Timestamp,
};

/// The languages in which messages are read out, by Twilio's codes.
/// Source: <https://www.twilio.com/docs/voice/twiml/say>.
pub const LANGUAGES: [(&str, &str); 16] = [
    ("en-US", "English (United States)"),
    ("en-GB", "English (United Kingdom)"),
    ("da-DK", "Danish"),
    ("de-DE", "German"),
    ("es-ES", "Spanish (Spain)"),
    ("es-MX", "Spanish (Mexico)"),
    ("fi-FI", "Finnish"),
    ("fr-FR", "French"),
    ("it-IT", "Italian"),
    ("ja-JP", "Japanese"),
    ("nb-NO", "Norwegian"),
    ("nl-NL", "Dutch"),
    ("pl-PL", "Polish"),
    ("pt-BR", "Portuguese (Brazil)"),
    ("pt-PT", "Portuguese (Portugal)"),
    ("sv-SE", "Swedish"),
];

/// Longest text that is taken for a telephone number, in bytes.
const NUMBER_MAX: usize = 40;

/// A call as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CallInput {
    /// Whom: with the country code, or as it is dialled in the country.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true, min_length = 1, max_length = 40))]
    pub to: String,
    /// The country of a number without country code.
    #[serde(default)]
    pub country: String,
    /// From which number of the account, in E.164.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true, min_length = 1, max_length = 40))]
    pub from: String,
    /// What is said.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true, min_length = 1, max_length = 1500))]
    pub message: String,
    /// In which language; `en-US` unless given.
    #[serde(default)]
    pub language: String,
    /// Whether the call is recorded.
    #[serde(default)]
    pub record: bool,
    /// The voice of the user's ElevenLabs account that speaks the message; Twilio's own unless given.
    #[serde(default)]
    pub voice: String,
}

/// A call that can be ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct CallRequest {
    /// Whom, in E.164.
    pub to: String,
    /// The country of that number, by its two letters, where there is one.
    pub country: Option<String>,
    /// From which number, in E.164.
    pub from: String,
    /// What is said.
    pub message: String,
    /// In which language.
    pub language: String,
    /// Whether the call is recorded.
    pub record: bool,
    /// The voice of the user's ElevenLabs account that speaks; Twilio's own unless given.
    #[serde(default)]
    pub voice: Option<VoiceId>,
}

impl CallInput {
    /// Checks what can be checked without the world's numbering plans.
    pub fn check(&self) -> Result<(), AppError> {
        let mut errors = BTreeMap::new();
        for (name, text) in [("to", &self.to), ("from", &self.from)] {
            let wrong = match text.trim() {
                "" => Some(FieldError::Required),
                text if text.len() > NUMBER_MAX => Some(FieldError::TooLong),
                text if text.chars().any(char::is_control) => Some(FieldError::ControlCharacters),
                _ => None,
            };
            errors.extend(wrong.map(|wrong| (name.to_owned(), wrong)));
        }
        if let Some(wrong) = wrong_message(&self.message) {
            errors.insert("message".to_owned(), wrong);
        }
        if !self.language.is_empty() && LANGUAGES.iter().all(|(code, _)| *code != self.language) {
            errors.insert("language".to_owned(), FieldError::OutOfRange);
        }
        let letters = self.country.len() == 2 && self.country.bytes().all(|b| b.is_ascii_alphabetic());
        if !self.country.is_empty() && !letters {
            errors.insert("country".to_owned(), FieldError::Malformed);
        }
        if !self.voice.is_empty() && self.voice.parse::<VoiceId>().is_err() {
            errors.insert("voice".to_owned(), FieldError::Malformed);
        }
        AppError::fields(errors)
    }
}

fn wrong_message(text: &str) -> Option<FieldError> {
    let text = text.trim();
    // Lines are pauses; other control characters are nothing that can be said, nor can they be written in XML.
    let unsaid = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    if text.is_empty() {
        Some(FieldError::Required)
    } else if text.chars().count() > MESSAGE_MAX {
        Some(FieldError::TooLong)
    } else if text.chars().any(unsaid) {
        Some(FieldError::ControlCharacters)
    } else {
        None
    }
}

/// Calls that stand alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Waiting or under way.
    Open,
    /// Answered, and over.
    Completed,
    /// Over without an answer, or never placed.
    Failed,
}

impl Group {
    /// Every group, with its words on the page.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Open, "Under way"), (Self::Completed, "Completed"), (Self::Failed, "Not answered or failed")];

    /// The word in addresses.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

impl std::str::FromStr for Group {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().map(|(group, _)| group).find(|group| group.code() == text).ok_or(())
    }
}

/// Which calls are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CallFilter {
    /// Part of either number: digits, and perhaps a plus.
    pub number: String,
    /// How they stand.
    pub group: Option<Group>,
    /// Ordered then or later.
    pub since: Option<Timestamp>,
    /// Ordered before.
    pub until: Option<Timestamp>,
}

impl CallFilter {
    /// The part of a number that is looked for, from the ways in which people write one.
    pub fn digits(text: &str) -> String {
        text.chars().filter(|c| c.is_ascii_digit() || *c == '+').take(20).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_judged_at_once() {
        let wrong = CallInput {
            to: " ".to_owned(),
            from: "+1".repeat(40),
            message: "a\u{7}".to_owned(),
            language: "xx".to_owned(),
            country: "Germany".to_owned(),
            record: false,
            voice: "no such voice".to_owned(),
        };
        let errors = wrong.check().unwrap_err().errors;
        let names: Vec<_> = errors.keys().map(String::as_str).collect();
        assert_eq!(names, ["country", "from", "language", "message", "to", "voice"]);
        assert_eq!((errors["to"], errors["from"]), (FieldError::Required, FieldError::TooLong));
        let right = CallInput {
            to: "+49 30 901820".to_owned(),
            from: "+12025550142".to_owned(),
            message: "Hello,\nthis is Ana.".to_owned(),
            ..CallInput::default()
        };
        assert_eq!(right.check(), Ok(()));
        let long = CallInput { message: "é".repeat(MESSAGE_MAX + 1), ..right };
        assert_eq!(long.check().unwrap_err().errors["message"], FieldError::TooLong);
    }
}
