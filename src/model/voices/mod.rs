//! Voice Cloning: the voices of an account, speech made with them, and what was cloned.

mod clone;
mod speech;
mod voice;

pub use clone::{
    CONSENT, CloneList, CloneSource, CloneState, CloneView, ClonedVoice, Container, FILE_MAX, FILES_MAX,
    TOTAL_MAX, VoiceDraft,
};
pub use speech::{PlanView, SPEECH_MAX, SpeechFormat, SpeechInput, SpeechModel, SpeechRequest, StudioView};
pub use voice::{
    CURSOR_MAX, DESCRIPTION_MAX, NAME_MAX, SEARCH_MAX, VoiceCategory, VoiceInput, VoiceKind, VoicePage,
    VoiceQuery, VoiceView,
};

/// Voices in one part of the list.
pub const VOICES_SHOWN: u32 = 20;
/// Clones in one part of the history.
pub const CLONES_SHOWN: usize = 20;
