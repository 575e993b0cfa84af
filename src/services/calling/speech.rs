//! Messages that a voice of the user's speaks. They are spoken once, before the call is taken on: what cannot be spoken
//! is said at once, and no call is silent, nor paid for twice, because something broke in between.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex, MutexGuard};

use super::Calling;
use crate::{
    account::{Media, internal},
    model::{
        calling::CallVoice,
        error::{AppError, ErrorCode, FieldError},
        ids::{CallId, ProviderId, UserId, VoiceId},
        service::ServiceId,
        status::Reason,
        time::Timestamp,
        voices::{SpeechFormat, SpeechInput, VoiceQuery},
    },
    store::Order,
};

/// What the address of speech names in place of a recording.
const SPEECH: &str = "speech";
/// Twilio fetches speech when somebody answers. An account that places one call a second may keep it waiting.
const FETCHED: Duration = Duration::from_secs(3600);
/// Longest speech, in bytes. The longest message takes about a quarter of that.
const SPEECH_MAX: usize = 2 << 20;

/// Places for orders that are spoken. The same order always has the same; others share it now and then.
pub(super) type Turns = [Mutex<()>; 32];

impl Calling {
    /// Waits until this order is not being spoken in this process; one without a name waits for nobody.
    pub(super) async fn turn(&self, order: Option<&Order>) -> Option<MutexGuard<'_, ()>> {
        let place = usize::from(order?.name[0]) % self.turns.len();
        Some(self.turns[place].lock().await)
    }

    /// The first of the voices that can speak the user's calls. None while Voice Cloning is closed, or where Twilio does
    /// not reach this installation.
    pub async fn own_voices(&self, user: UserId) -> Result<Vec<CallVoice>, AppError> {
        if self.origin.is_none() {
            return Ok(Vec::new());
        }
        let grant = match self.keys.require(user, ServiceId::VoiceCloning).await {
            Err(error) if error.code == ErrorCode::MissingApiKeys => return Ok(Vec::new()),
            grant => grant?,
        };
        let page = self.voices.list(&grant, &VoiceQuery::default()).await?;
        Ok(page.items.into_iter().map(|voice| CallVoice { id: voice.id, name: voice.name }).collect())
    }

    /// The message, spoken by a voice of the user's.
    pub(super) async fn spoken(
        &self,
        user: UserId,
        voice: &VoiceId,
        message: &str,
    ) -> Result<Bytes, AppError> {
        if self.origin.is_none() {
            return Err(AppError::field("voice", FieldError::OutOfReach));
        }
        let grant = self.keys.require(user, ServiceId::VoiceCloning).await?;
        // As good as a telephone can be.
        let format = SpeechFormat::Mp3Smallest;
        let input = SpeechInput { text: message.to_owned(), format, ..SpeechInput::default() };
        let mut sound = self.voices.speak(&grant, voice, &input).await?.stream;
        let cut_off =
            |reason| AppError::refused(ErrorCode::ProviderUnreachable, ProviderId::ELEVENLABS, None, reason);
        let mut whole = Vec::new();
        while let Some(piece) = sound.next().await {
            let piece = piece.map_err(|_| cut_off(Reason::Unreachable))?;
            if whole.len() + piece.len() > SPEECH_MAX {
                return Err(cut_off(Reason::UnexpectedAnswer));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    }

    /// Where Twilio fetches what is spoken in a call.
    pub(super) fn speech_url(&self, user: UserId, call: CallId, now: Timestamp) -> Option<String> {
        let origin = self.origin.as_deref()?;
        let media = Media { user, call, recording: SPEECH.to_owned() };
        Some(format!("{origin}/media/speech/{}", self.media.sign(&media, now.plus(FETCHED))))
    }

    /// What is spoken in a call, for whoever has its address.
    pub async fn speech(&self, link: &str) -> Result<Bytes, AppError> {
        let missing = || AppError::new(ErrorCode::NotFound);
        let media = self.media.verify(link, self.clock.now());
        let media = media.filter(|media| media.recording == SPEECH).ok_or_else(missing)?;
        let sound = self.store.call_speech(media.user, media.call).await.map_err(|e| internal(&e))?;
        sound.map(Into::into).ok_or_else(missing)
    }
}
