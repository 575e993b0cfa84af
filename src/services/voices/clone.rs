//! Voices from samples. What was declared is written down before anything is sent.

use std::sync::Arc;

use bytes::Bytes;
use tracing::Instrument;

use super::{
    Voices, call,
    problem::{Doing, is_definite, refused},
    spender,
};
use crate::{
    account::internal,
    keys::Grant,
    model::{
        error::{AppError, ErrorCode},
        ids::{CloneId, ProviderId, UserId, VoiceId},
        voices::{
            CLONES_SHOWN, CONSENT, CloneList, CloneState, CloneView, ClonedVoice, Container, VoiceDraft,
            VoiceInput,
        },
    },
    providers::{Call, Providers, Usable},
    store::Store,
};

/// The samples of one voice.
pub type Samples = Vec<Bytes>;

impl Voices {
    /// Makes a voice from samples. The consent is kept with the time, however it ends. `turn` is held until then, also
    /// where whoever asked has left.
    pub async fn clone_voice(
        &self,
        grant: &Grant,
        draft: &VoiceDraft,
        samples: Samples,
        turn: impl Send + 'static,
    ) -> Result<ClonedVoice, AppError> {
        let user = spender(grant)?;
        let (voice, kinds) = draft.check(samples.iter().map(|sample| &sample[..]))?;
        let credential = self.keys.credential(user, &ProviderId::ELEVENLABS).await?;
        let clone = CloneView {
            id: CloneId::generate(),
            name: voice.name.clone(),
            statement: CONSENT.to_owned(),
            consented_at: self.clock.now(),
            source: draft.source,
            files: u32::try_from(samples.len()).unwrap_or(u32::MAX),
            bytes: samples.iter().map(|sample| i64::try_from(sample.len()).unwrap_or_default()).sum(),
            state: CloneState::Sent,
            voice: None,
        };
        let call = upload(voice, draft.remove_noise, kinds, samples);
        let (store, providers) = (self.store.clone(), Arc::clone(&self.providers));
        let cloning = Cloning { store, providers, user, credential, clone };
        // In a task of its own: whoever leaves takes neither the samples back that were sent, nor the note of how it
        // ended along.
        let ended = tokio::spawn(
            async move {
                let _turn = turn;
                cloning.run(call).await
            }
            .in_current_span(),
        );
        // The task ends without a word only when it panics or the process ends.
        ended.await.map_err(|_| AppError::new(ErrorCode::Internal))?
    }

    /// What was cloned, the latest first, those before `before` if given. Needs no key.
    pub async fn clones(&self, user: UserId, before: Option<CloneId>) -> Result<CloneList, AppError> {
        let limit = i64::try_from(CLONES_SHOWN + 1).unwrap_or(i64::MAX);
        let mut items = self.store.clones(user, before, limit).await.map_err(|e| internal(&e))?;
        let more = items.len() > CLONES_SHOWN;
        items.truncate(CLONES_SHOWN);
        let next = items.last().filter(|_| more).map(|clone| clone.id);
        Ok(CloneList { items, next })
    }
}

/// A voice on its way.
struct Cloning {
    store: Store,
    providers: Arc<Providers>,
    user: UserId,
    credential: Usable,
    clone: CloneView,
}

impl Cloning {
    /// Writes down what was declared, sends the samples, and writes down how it ended.
    async fn run(self, call: Call) -> Result<ClonedVoice, AppError> {
        self.store.insert_clone(self.user, &self.clone).await.map_err(|e| internal(&e))?;
        let made = match self.providers.call(&self.credential, call).await {
            Ok(answer) => {
                let id = answer.body["voice_id"].as_str().and_then(|id| id.parse::<VoiceId>().ok());
                let requires_verification =
                    answer.body["requires_verification"].as_bool().unwrap_or_default();
                id.map(|id| ClonedVoice { id, requires_verification })
                    .ok_or_else(|| AppError::new(ErrorCode::ProviderUnreachable))
            }
            Err(error) => {
                if is_definite(&error) {
                    self.end(CloneState::Refused, None).await?;
                }
                Err(refused(&error, Doing::Cloning))
            }
        }?;
        self.end(CloneState::Made, Some(&made.id)).await?;
        Ok(made)
    }

    async fn end(&self, state: CloneState, voice: Option<&VoiceId>) -> Result<(), AppError> {
        self.store.end_clone(self.user, self.clone.id, state, voice).await.map_err(|e| internal(&e))
    }
}

/// The form that ElevenLabs takes. Files get names of Keyward's own: those they had are nobody else's business.
fn upload(voice: VoiceInput, remove_noise: bool, kinds: Vec<Container>, samples: Samples) -> Call {
    let mut call = call("clone").part("name", voice.name);
    if !voice.description.is_empty() {
        call = call.part("description", voice.description);
    }
    if remove_noise {
        call = call.part("remove_background_noise", "true");
    }
    for (number, (kind, sample)) in kinds.into_iter().zip(samples).enumerate() {
        let name = format!("sample-{}.{}", number + 1, kind.extension());
        call = call.file("files", name, kind.media_type(), sample);
    }
    call
}
