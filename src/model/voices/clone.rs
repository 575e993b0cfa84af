//! Cloning: samples, consent, and what is kept of both.

use serde::{Deserialize, Serialize};

use crate::model::{
    error::{AppError, ErrorCode, FieldError},
    ids::{CloneId, VoiceId},
    scraper::words,
    time::Timestamp,
};

use super::VoiceInput;

/// Samples of one voice at the most.
pub const FILES_MAX: usize = 25;
/// The largest sample, in bytes.
pub const FILE_MAX: usize = 10 << 20;
/// All samples of one voice together, in bytes.
pub const TOTAL_MAX: usize = 25 << 20;

/// What whoever clones a voice declares. It is kept word for word with each clone.
pub const CONSENT: &str = "This is my own voice, or I have the express consent of the person whose voice it is to clone it and to use the clone.";

/// How a sample is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// MPEG layer III.
    Mp3,
    /// RIFF WAVE.
    Wav,
    /// MPEG-4.
    M4a,
    /// Free Lossless Audio Codec.
    Flac,
    /// Ogg.
    Ogg,
    /// WebM.
    Webm,
}

impl Container {
    /// The kinds that are taken, in words.
    pub const NAMES: &str = "MP3, WAV, M4A, FLAC, OGG or WebM";

    /// By the first bytes of a file.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        Some(match bytes {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Self::Wav,
            [b'f', b'L', b'a', b'C', ..] => Self::Flac,
            [b'O', b'g', b'g', b'S', ..] => Self::Ogg,
            [0x1a, 0x45, 0xdf, 0xa3, ..] => Self::Webm,
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Self::M4a,
            [b'I', b'D', b'3', ..] => Self::Mp3,
            // The eleven bits at the start of every frame, and a layer.
            [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 != 0 => Self::Mp3,
            _ => return None,
        })
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
            Self::M4a => "audio/mp4",
            Self::Flac => "audio/flac",
            Self::Ogg => "audio/ogg",
            Self::Webm => "audio/webm",
        }
    }

    /// The end of a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
            Self::M4a => "m4a",
            Self::Flac => "flac",
            Self::Ogg => "ogg",
            Self::Webm => "webm",
        }
    }
}

words! {
    /// Where samples come from.
    #[derive(Default)]
    CloneSource {
        /// Files.
        #[default]
        Files "files",
        /// The microphone.
        Microphone "microphone",
    }
}

impl CloneSource {
    /// The words on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Files => "from files",
            Self::Microphone => "from the microphone",
        }
    }
}

words! {
    /// How a clone ended.
    #[derive(Default)]
    CloneState {
        /// The samples were on their way when it was last heard of.
        #[default]
        Sent "sent",
        /// The voice was made.
        Made "made",
        /// It was refused.
        Refused "refused",
    }
}

impl CloneState {
    /// The words on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sent => "Not known whether it was made",
            Self::Made => "Made",
            Self::Refused => "Refused",
        }
    }
}

/// A voice to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VoiceDraft {
    /// What it is to be called.
    pub voice: VoiceInput,
    /// Whether background noise is to be taken out.
    pub remove_noise: bool,
    /// Where the samples come from.
    pub source: CloneSource,
    /// Whether the consent was declared.
    pub consent: bool,
}

impl VoiceDraft {
    /// Checks every field and every sample's size and kind. Answers the kinds.
    ///
    /// # Errors
    /// What is wrong with which field.
    pub fn check<'b>(
        &self,
        samples: impl IntoIterator<Item = &'b [u8]>,
    ) -> Result<(VoiceInput, Vec<Container>), AppError> {
        self.check_heads(samples.into_iter().map(|sample| (sample, sample.len())))
    }

    /// The same, of each sample the first bytes and the size.
    ///
    /// # Errors
    /// What is wrong with which field.
    pub fn check_heads<'b>(
        &self,
        samples: impl IntoIterator<Item = (&'b [u8], usize)>,
    ) -> Result<(VoiceInput, Vec<Container>), AppError> {
        let voice = self.voice.check();
        let nothing = AppError::new(ErrorCode::InvalidInput);
        let mut error = voice.as_ref().err().cloned().unwrap_or(nothing);
        if !self.consent {
            error.errors.insert("consent".to_owned(), FieldError::Required);
        }
        let (mut kinds, mut total) = (Vec::new(), 0);
        let mut wrong = None;
        for (head, size) in samples {
            total += size;
            match Container::of(head) {
                _ if size > FILE_MAX => wrong = Some(FieldError::TooLong),
                Some(kind) => kinds.push(kind),
                None => wrong = Some(FieldError::Malformed),
            }
        }
        if kinds.len() > FILES_MAX || total > TOTAL_MAX {
            wrong = Some(FieldError::TooLong);
        } else if kinds.is_empty() && wrong.is_none() {
            wrong = Some(FieldError::Required);
        }
        if let Some(wrong) = wrong {
            error.errors.insert("files".to_owned(), wrong);
        }
        match voice {
            Ok(voice) if error.errors.is_empty() => Ok((voice, kinds)),
            _ => Err(error),
        }
    }
}

/// A voice that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ClonedVoice {
    /// The voice.
    pub id: VoiceId,
    /// Whether ElevenLabs wants it verified before it speaks.
    pub requires_verification: bool,
}

/// What is kept of a clone: who declared what, and when. The samples are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct CloneView {
    /// The clone.
    pub id: CloneId,
    /// The name that was asked for.
    pub name: String,
    /// What was declared, word for word.
    pub statement: String,
    /// When.
    pub consented_at: Timestamp,
    /// Where the samples came from.
    pub source: CloneSource,
    /// How many there were.
    pub files: u32,
    /// How many bytes they had together.
    pub bytes: i64,
    /// How it ended.
    pub state: CloneState,
    /// The voice that was made.
    pub voice: Option<VoiceId>,
}

/// A part of what was cloned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloneList {
    /// The clones, the latest first.
    pub items: Vec<CloneView>,
    /// The last one, where there are more before it.
    pub next: Option<CloneId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAV: &[u8] = b"RIFF\0\0\0\0WAVEfmt ";

    fn draft(consent: bool) -> VoiceDraft {
        let voice = VoiceInput { name: "Ana".to_owned(), ..VoiceInput::default() };
        VoiceDraft { voice, consent, ..VoiceDraft::default() }
    }

    fn wrong(draft: &VoiceDraft, samples: &[&[u8]]) -> Vec<(String, FieldError)> {
        let checked = draft.check(samples.iter().copied());
        checked.map_or_else(|error| error.errors.into_iter().collect(), |_| Vec::new())
    }

    #[test]
    fn nothing_is_sent_without_consent_and_samples_that_are_sound() {
        let files = |error| vec![("files".to_owned(), error)];
        assert_eq!(wrong(&draft(true), &[WAV]), []);
        assert_eq!(wrong(&draft(false), &[WAV]), [("consent".to_owned(), FieldError::Required)]);
        assert_eq!(wrong(&draft(true), &[]), files(FieldError::Required));
        assert_eq!(wrong(&draft(true), &[WAV, b"%PDF-1.7"]), files(FieldError::Malformed));
        assert_eq!(wrong(&draft(true), &[WAV; 26]), files(FieldError::TooLong));
        let large = [WAV, &vec![0; FILE_MAX]].concat();
        assert_eq!(wrong(&draft(true), &[&large]), files(FieldError::TooLong));
        let half = [WAV, &vec![0; FILE_MAX - WAV.len()]].concat();
        assert_eq!(wrong(&draft(true), &[&half, &half, &half]), files(FieldError::TooLong));
        assert_eq!(wrong(&VoiceDraft::default(), &[]).len(), 3);
    }

    #[test]
    fn a_kind_is_known_by_its_first_bytes() {
        for (bytes, kind) in [
            (WAV, Some(Container::Wav)),
            (b"ID3\x04", Some(Container::Mp3)),
            (b"\xff\xfb\x90", Some(Container::Mp3)),
            (b"\x1a\x45\xdf\xa3", Some(Container::Webm)),
            (b"\0\0\0\x20ftypM4A ", Some(Container::M4a)),
            (b"<html>", None),
            (b"", None),
            (b"\xff\xff\xff\xff\0\x05", Some(Container::Mp3)),
        ] {
            assert_eq!(Container::of(bytes), kind, "{bytes:?}");
        }
    }

    #[test]
    fn words_come_back() {
        for state in [CloneState::Sent, CloneState::Made, CloneState::Refused] {
            assert_eq!(CloneState::from_code(state.code()), Some(state));
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.code()));
        }
        for source in [CloneSource::Files, CloneSource::Microphone] {
            assert_eq!(CloneSource::from_code(source.code()), Some(source));
        }
    }
}
