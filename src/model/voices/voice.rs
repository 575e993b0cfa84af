//! Voices, and which of them are asked for.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::model::{
    error::{AppError, FieldError},
    ids::{InvalidId, VoiceId},
    input::line,
    time::Timestamp,
};

/// Longest name of a voice, in characters: ElevenLabs takes no longer one.
pub const NAME_MAX: usize = 100;
/// Longest description, in characters.
pub const DESCRIPTION_MAX: usize = 500;
/// Longest text to search for, in characters.
pub const SEARCH_MAX: usize = 100;
/// Longest cursor, in bytes. It is ElevenLabs' own.
pub const CURSOR_MAX: usize = 512;

/// Which voices are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VoiceKind {
    /// Every voice of the account.
    #[default]
    All,
    /// Those that the account has made.
    Own,
    /// Those that every account has.
    ReadyMade,
}

impl VoiceKind {
    /// Every kind, in the order of the page.
    pub const ALL: [Self; 3] = [Self::All, Self::Own, Self::ReadyMade];

    /// The word in addresses and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Own => "own",
            Self::ReadyMade => "ready_made",
        }
    }

    /// The words on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::All => "All voices",
            Self::Own => "Your own",
            Self::ReadyMade => "Ready-made",
        }
    }
}

impl FromStr for VoiceKind {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::ALL.into_iter().find(|kind| kind.code() == text).ok_or(InvalidId)
    }
}

/// Which part of the voices is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VoiceQuery {
    /// Words in name, description or labels; empty for all.
    #[serde(default)]
    pub search: String,
    /// Which kind.
    #[serde(default)]
    pub kind: VoiceKind,
    /// The `next` of the part before.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl VoiceQuery {
    /// Checks every field.
    ///
    /// # Errors
    /// What is wrong with which field.
    pub fn check(&self) -> Result<(), AppError> {
        if self.search.chars().count() > SEARCH_MAX {
            return Err(AppError::field("search", FieldError::TooLong));
        }
        let plain = |cursor: &String| {
            (1..=CURSOR_MAX).contains(&cursor.len()) && cursor.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if self.cursor.as_ref().is_some_and(|cursor| !plain(cursor)) {
            return Err(AppError::field("cursor", FieldError::Malformed));
        }
        Ok(())
    }
}

/// Where a voice comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VoiceCategory {
    /// Made from recordings.
    Cloned,
    /// Trained on many recordings.
    Professional,
    /// Designed from words.
    Generated,
    /// One that every account has.
    ReadyMade,
    /// Anything else, such as voices of the library.
    Other,
}

impl VoiceCategory {
    /// The word on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Cloned => "Cloned",
            Self::Professional => "Professional clone",
            Self::Generated => "Designed",
            Self::ReadyMade => "Ready-made",
            Self::Other => "Library",
        }
    }
}

/// A voice, as ElevenLabs tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct VoiceView {
    /// The voice.
    pub id: VoiceId,
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub category: VoiceCategory,
    /// What it is like.
    pub description: Option<String>,
    /// What it is like in single words, by what they are about.
    pub labels: BTreeMap<String, String>,
    /// Whether it is the account's own, and can be renamed and deleted.
    pub own: bool,
    /// Whether there is something to listen to.
    pub has_preview: bool,
    /// When it was made, where that is told.
    pub created_at: Option<Timestamp>,
}

/// A part of the voices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoicePage {
    /// The voices.
    pub items: Vec<VoiceView>,
    /// The cursor of the next part; none when this is the last.
    pub next: Option<String>,
    /// How many there are in all, where that is told.
    pub total: Option<u32>,
}

/// What a voice is to be called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct VoiceInput {
    /// The name.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true, min_length = 1, max_length = 100))]
    pub name: String,
    /// What it is like; what ElevenLabs has stays where this is empty.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(max_length = 500))]
    pub description: String,
}

impl VoiceInput {
    /// The same, trimmed, once both are in order.
    ///
    /// # Errors
    /// What is wrong with which field.
    pub fn check(&self) -> Result<Self, AppError> {
        let mut errors = BTreeMap::new();
        let name = line(&self.name, NAME_MAX);
        let description = match self.description.trim() {
            "" => Ok(""),
            text => line(text, DESCRIPTION_MAX),
        };
        for (field, error) in [("name", name.err()), ("description", description.err())] {
            errors.extend(error.map(|error| (field.to_owned(), error)));
        }
        AppError::fields(errors)?;
        Ok(Self {
            name: name.unwrap_or_default().to_owned(),
            description: description.unwrap_or_default().to_owned(),
        })
    }
}

impl fmt::Display for VoiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(name: &str, description: &str) -> Vec<(String, FieldError)> {
        let input = VoiceInput { name: name.to_owned(), description: description.to_owned() };
        input.check().map_or_else(|error| error.errors.into_iter().collect(), |_| Vec::new())
    }

    #[test]
    fn a_voice_needs_a_name_of_one_line() {
        let named = |name: &str, error| vec![(name.to_owned(), error)];
        assert_eq!(wrong(" Ana ", ""), []);
        assert_eq!(wrong("  ", ""), named("name", FieldError::Required));
        assert_eq!(wrong(&"ä".repeat(101), ""), named("name", FieldError::TooLong));
        assert_eq!(wrong("a\nb", ""), named("name", FieldError::ControlCharacters));
        assert_eq!(wrong("Ana", &"x".repeat(501)), named("description", FieldError::TooLong));
    }

    #[test]
    fn a_cursor_is_short_and_plain() {
        let query = |cursor: &str| VoiceQuery { cursor: Some(cursor.to_owned()), ..VoiceQuery::default() };
        assert_eq!(query("bm8").check(), Ok(()));
        for bad in ["", "a b", "ä", &"a".repeat(513)] {
            assert!(query(bad).check().is_err(), "{bad}");
        }
    }
}
