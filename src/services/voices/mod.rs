//! Voice Cloning: the voices of the user's ElevenLabs account, speech made with them, and new ones made from samples.
//!
//! Everything but the history of clones spends the key, so it asks the evaluator. Of speech nothing is kept: it is
//! handed on as it comes. Of a clone is kept who declared what, and when, not the samples.

mod clone;
mod problem;
mod read;

use std::sync::Arc;

use serde_json::{Map, Value, json};

pub use self::clone::Samples;
use self::problem::{Doing, refused};
use crate::{
    clock::Clock,
    keys::{Grant, Keys},
    model::{
        check::Outcome,
        error::{AppError, ErrorCode},
        ids::{ProviderId, UserId, VoiceId},
        service::ServiceId,
        voices::{
            SpeechInput, SpeechRequest, StudioView, VOICES_SHOWN, VoiceInput, VoiceKind, VoicePage,
            VoiceQuery,
        },
    },
    providers::{Call, CallError, Providers, Stream},
    store::Store,
};

/// Sound on its way.
#[derive(Debug)]
pub struct Sound {
    /// The name of a file for it: ASCII letters, digits, `-` and `.`.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// What comes.
    pub stream: Stream,
}

/// The use cases of Voice Cloning.
pub struct Voices {
    store: Store,
    keys: Arc<Keys>,
    providers: Arc<Providers>,
    clock: Arc<dyn Clock>,
}

impl Voices {
    /// The use cases over these rooms.
    pub fn new(store: Store, keys: Arc<Keys>, providers: Arc<Providers>, clock: Arc<dyn Clock>) -> Self {
        Self { store, keys, providers, clock }
    }

    /// A part of the account's voices.
    pub async fn list(&self, grant: &Grant, query: &VoiceQuery) -> Result<VoicePage, AppError> {
        let user = spender(grant)?;
        query.check()?;
        let mut call = call("list_voices")
            .query("page_size", VOICES_SHOWN.to_string())
            .query("include_total_count", "true");
        let search = query.search.trim();
        if !search.is_empty() {
            call = call.query("search", search);
        }
        call = match query.kind {
            VoiceKind::All => call,
            VoiceKind::Own => call.query("voice_type", "personal"),
            VoiceKind::ReadyMade => call.query("voice_type", "default"),
        };
        if let Some(cursor) = &query.cursor {
            call = call.query("next_page_token", cursor);
        }
        self.ask(user, call, Doing::Reading).await.map(|body| read::page(&body))
    }

    /// The models and the plan, as far as the key may read them.
    pub async fn studio(&self, grant: &Grant) -> Result<StudioView, AppError> {
        let user = spender(grant)?;
        let (models, plan) = tokio::join!(
            self.ask_if_allowed(user, call("models")),
            self.ask_if_allowed(user, call("subscription"))
        );
        Ok(StudioView {
            models: models?.map(|body| read::models(&body)),
            plan: plan?.and_then(|body| read::plan(&body)),
        })
    }

    /// What a voice sounds like.
    pub async fn preview(&self, grant: &Grant, voice: &VoiceId) -> Result<Sound, AppError> {
        let user = spender(grant)?;
        let call = call("preview").path("voice_id", voice.as_str());
        let stream = self.sound(user, call, Doing::Reading).await?;
        // A preview is MP3 unless it says otherwise.
        let (media_type, extension) = match stream.media_type.as_str() {
            "audio/wav" | "audio/x-wav" | "audio/wave" => ("audio/wav", "wav"),
            "audio/ogg" => ("audio/ogg", "ogg"),
            "audio/mp4" | "audio/x-m4a" => ("audio/mp4", "m4a"),
            _ => ("audio/mpeg", "mp3"),
        };
        Ok(Sound { name: format!("preview.{extension}"), media_type, stream })
    }

    /// A text, spoken.
    pub async fn speak(
        &self,
        grant: &Grant,
        voice: &VoiceId,
        input: &SpeechInput,
    ) -> Result<Sound, AppError> {
        let user = spender(grant)?;
        let SpeechRequest { text, model, format, settings } = input.check()?;
        // Where the answer does not tell what it cost: no model costs more than a character for a character.
        let most = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        let mut call = call("speak")
            .path("voice_id", voice.as_str())
            .query("output_format", format.code())
            .member("text", text)
            .units(most);
        if let Some(model) = model {
            call = call.member("model_id", model);
        }
        if !settings.is_empty() {
            let shares = settings.into_iter().map(|(name, share)| (name.to_owned(), share_of_one(share)));
            call = call.member("voice_settings", shares.collect::<Map<_, _>>());
        }
        let stream = self.sound(user, call, Doing::Speaking).await?;
        Ok(Sound { name: format!("speech.{}", format.extension()), media_type: format.media_type(), stream })
    }

    /// Calls a voice something else.
    pub async fn rename(&self, grant: &Grant, voice: &VoiceId, input: &VoiceInput) -> Result<(), AppError> {
        let user = spender(grant)?;
        let VoiceInput { name, description } = input.check()?;
        let mut call = call("rename").path("voice_id", voice.as_str()).part("name", name);
        if !description.is_empty() {
            call = call.part("description", description);
        }
        self.ask(user, call, Doing::Changing).await.map(drop)
    }

    /// Deletes a voice at ElevenLabs, for good.
    pub async fn delete(&self, grant: &Grant, voice: &VoiceId) -> Result<(), AppError> {
        let user = spender(grant)?;
        let call = call("delete").path("voice_id", voice.as_str());
        self.ask(user, call, Doing::Changing).await.map(drop)
    }

    async fn ask(&self, user: UserId, call: Call, doing: Doing) -> Result<Value, AppError> {
        let credential = self.keys.credential(user, &ProviderId::ELEVENLABS).await?;
        let answer = self.providers.call(&credential, call).await;
        answer.map(|answer| answer.body).map_err(|error| refused(&error, doing))
    }

    /// Nothing where the key lacks the permission.
    async fn ask_if_allowed(&self, user: UserId, call: Call) -> Result<Option<Value>, AppError> {
        let credential = self.keys.credential(user, &ProviderId::ELEVENLABS).await?;
        match self.providers.call(&credential, call).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(CallError::Refused { outcome: Outcome::Limited, .. }) => Ok(None),
            Err(error) => Err(refused(&error, Doing::Reading)),
        }
    }

    async fn sound(&self, user: UserId, call: Call, doing: Doing) -> Result<Stream, AppError> {
        let credential = self.keys.credential(user, &ProviderId::ELEVENLABS).await?;
        self.providers.stream(&credential, call).await.map_err(|error| refused(&error, doing))
    }
}

fn call(operation: &'static str) -> Call {
    Call::new(ServiceId::VoiceCloning, operation).units(0)
}

/// Per cents as ElevenLabs writes them.
fn share_of_one(percent: u32) -> Value {
    json!(f64::from(percent) / 100.0)
}

fn spender(grant: &Grant) -> Result<UserId, AppError> {
    if grant.service() == ServiceId::VoiceCloning {
        Ok(grant.user())
    } else {
        Err(AppError::new(ErrorCode::Forbidden))
    }
}
