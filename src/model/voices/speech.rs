//! Speech from text: what is asked for, and what it costs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{
    error::{AppError, FieldError},
    input,
    time::Timestamp,
};

/// Longest text that is spoken at once, in characters. Some models take more; one request of Keyward does not.
pub const SPEECH_MAX: u32 = 10_000;

/// How the sound is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum SpeechFormat {
    /// MP3, 128 kbit/s.
    #[default]
    #[serde(rename = "mp3_44100_128")]
    Mp3,
    /// MP3, 192 kbit/s.
    #[serde(rename = "mp3_44100_192")]
    Mp3Best,
    /// MP3, 64 kbit/s.
    #[serde(rename = "mp3_44100_64")]
    Mp3Small,
    /// MP3, 32 kbit/s.
    #[serde(rename = "mp3_22050_32")]
    Mp3Smallest,
    /// Samples of 16 bits without any header, 24 kHz.
    #[serde(rename = "pcm_24000")]
    Pcm,
    /// µ-law without any header, 8 kHz: what telephones use.
    #[serde(rename = "ulaw_8000")]
    Ulaw,
}

impl SpeechFormat {
    /// Every format, in the order of the page.
    pub const ALL: [Self; 6] =
        [Self::Mp3, Self::Mp3Best, Self::Mp3Small, Self::Mp3Smallest, Self::Pcm, Self::Ulaw];

    /// ElevenLabs' word for it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3_44100_128",
            Self::Mp3Best => "mp3_44100_192",
            Self::Mp3Small => "mp3_44100_64",
            Self::Mp3Smallest => "mp3_22050_32",
            Self::Pcm => "pcm_24000",
            Self::Ulaw => "ulaw_8000",
        }
    }

    /// The words on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Mp3 => "MP3, 128 kbit/s",
            Self::Mp3Best => "MP3, 192 kbit/s (Creator plan or higher)",
            Self::Mp3Small => "MP3, 64 kbit/s",
            Self::Mp3Smallest => "MP3, 32 kbit/s",
            Self::Pcm => "PCM, 24 kHz, without header",
            Self::Ulaw => "µ-law, 8 kHz, for telephony",
        }
    }

    /// The end of a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Mp3 | Self::Mp3Best | Self::Mp3Small | Self::Mp3Smallest => "mp3",
            Self::Pcm => "pcm",
            Self::Ulaw => "ulaw",
        }
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Mp3 | Self::Mp3Best | Self::Mp3Small | Self::Mp3Smallest => "audio/mpeg",
            Self::Pcm => "audio/pcm",
            Self::Ulaw => "audio/basic",
        }
    }

    /// Whether browsers can play it.
    pub const fn plays(self) -> bool {
        !matches!(self, Self::Pcm | Self::Ulaw)
    }
}

/// Speech as it was asked for. Shares are whole per cents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SpeechInput {
    /// What is said.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(required = true, min_length = 1, max_length = 10000))]
    pub text: String,
    /// The model's id; empty for ElevenLabs' own choice.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(pattern = "^[A-Za-z0-9_]{0,64}$"))]
    pub model: String,
    /// How the sound is packed.
    #[serde(default)]
    pub format: SpeechFormat,
    /// How even the voice is.
    #[serde(default, deserialize_with = "input::whole")]
    #[cfg_attr(feature = "ssr", schema(minimum = 0, maximum = 100))]
    pub stability: Option<u32>,
    /// How close it stays to its samples.
    #[serde(default, deserialize_with = "input::whole")]
    #[cfg_attr(feature = "ssr", schema(minimum = 0, maximum = 100))]
    pub similarity: Option<u32>,
    /// How much of their style it takes on.
    #[serde(default, deserialize_with = "input::whole")]
    #[cfg_attr(feature = "ssr", schema(minimum = 0, maximum = 100))]
    pub style: Option<u32>,
    /// How fast it speaks; 100 is as it is.
    #[serde(default, deserialize_with = "input::whole")]
    #[cfg_attr(feature = "ssr", schema(minimum = 70, maximum = 120))]
    pub speed: Option<u32>,
}

/// Speech that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeechRequest {
    /// What is said.
    pub text: String,
    /// The model's id.
    pub model: Option<String>,
    /// How the sound is packed.
    pub format: SpeechFormat,
    /// ElevenLabs' settings by their names, in per cent.
    pub settings: Vec<(&'static str, u32)>,
}

impl SpeechInput {
    /// Checks every field.
    ///
    /// # Errors
    /// What is wrong with which field.
    pub fn check(&self) -> Result<SpeechRequest, AppError> {
        let mut errors = BTreeMap::new();
        let text = self.text.trim();
        if text.is_empty() {
            errors.insert("text".to_owned(), FieldError::Required);
        } else if text.chars().count() > SPEECH_MAX as usize {
            errors.insert("text".to_owned(), FieldError::TooLong);
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if self.model.len() > 64 || !self.model.bytes().all(plain) {
            errors.insert("model".to_owned(), FieldError::Malformed);
        }
        let mut settings = Vec::new();
        for (field, name, value, range) in [
            ("stability", "stability", self.stability, 0..=100),
            ("similarity", "similarity_boost", self.similarity, 0..=100),
            ("style", "style", self.style, 0..=100),
            ("speed", "speed", self.speed, 70..=120),
        ] {
            match value {
                Some(value) if range.contains(&value) => settings.push((name, value)),
                Some(_) => drop(errors.insert(field.to_owned(), FieldError::OutOfRange)),
                None => {}
            }
        }
        AppError::fields(errors)?;
        let model = Some(self.model.clone()).filter(|model| !model.is_empty());
        Ok(SpeechRequest { text: text.to_owned(), model, format: self.format, settings })
    }
}

/// A model that speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SpeechModel {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Characters in one request at the most, where that is told.
    pub longest: Option<u32>,
    /// What a thousand characters cost, in characters of the plan.
    pub per_thousand: u32,
}

impl SpeechModel {
    /// What a text of so many characters costs. Parts count as a whole one.
    pub fn cost(&self, characters: usize) -> i64 {
        let whole = (characters as u64).saturating_mul(u64::from(self.per_thousand)).div_ceil(1_000);
        i64::try_from(whole).unwrap_or(i64::MAX)
    }
}

/// The plan of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct PlanView {
    /// Its name.
    pub tier: String,
    /// Characters used in this period.
    pub used: i64,
    /// Characters of the plan.
    pub limit: i64,
    /// Whether it may go on beyond them, at a price.
    pub beyond: bool,
    /// When a new period begins.
    pub resets_at: Option<Timestamp>,
    /// Voices of its own.
    pub voices: Option<u32>,
    /// Voices of its own at the most.
    pub voices_max: Option<u32>,
}

impl PlanView {
    /// Characters left of the plan.
    pub fn left(&self) -> i64 {
        self.limit.saturating_sub(self.used).max(0)
    }

    /// Whether there is no place for another voice.
    pub fn is_full(&self) -> bool {
        self.voices.zip(self.voices_max).is_some_and(|(voices, most)| voices >= most)
    }
}

/// What the studio has to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct StudioView {
    /// The models that speak; none where the key may not list them (`models_read`).
    pub models: Option<Vec<SpeechModel>>,
    /// The plan; none where the key may not read it (`user_read`).
    pub plan: Option<PlanView>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_counts_as_a_whole_one() {
        let model = |per_thousand| SpeechModel {
            id: String::new(),
            name: String::new(),
            longest: None,
            per_thousand,
        };
        assert_eq!((model(500).cost(5), model(1_000).cost(5), model(500).cost(0)), (3, 5, 0));
    }

    #[test]
    fn formats_have_one_word_everywhere() {
        for format in SpeechFormat::ALL {
            assert_eq!(serde_json::to_string(&format).unwrap(), format!("\"{}\"", format.code()));
        }
    }

    #[test]
    fn every_field_is_looked_at() {
        let input = SpeechInput {
            stability: Some(101),
            speed: Some(69),
            model: "a b".to_owned(),
            ..SpeechInput::default()
        };
        let error = input.check().unwrap_err();
        let names: Vec<_> = error.errors.keys().map(String::as_str).collect();
        assert_eq!(names, ["model", "speed", "stability", "text"]);
        let good = SpeechInput { text: " hi ".to_owned(), similarity: Some(75), ..SpeechInput::default() };
        let request = good.check().unwrap();
        assert_eq!((request.text.as_str(), request.settings), ("hi", vec![("similarity_boost", 75)]));
    }
}
