//! The form with the samples of a voice. It is far larger than any other body, so it is read here, once it is known
//! who asks, and a few at a time.

use std::{
    collections::HashSet,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::extract::{
    Multipart,
    multipart::{Field, MultipartError, MultipartRejection},
};
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use serde::Deserialize;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use utoipa::ToSchema;

use crate::{
    model::{
        error::{AppError, ErrorCode, FieldError},
        ids::UserId,
        voices::{CloneSource, FILE_MAX, FILES_MAX, TOTAL_MAX, VoiceDraft},
    },
    services::voices::Samples,
};

/// The largest form, in bytes: the samples and what is around them.
pub(super) const FORM_MAX: usize = TOTAL_MAX + (64 << 10);
/// Forms that are read and passed on at the same time.
const AT_A_TIME: usize = 4;
/// How long a form may take to arrive.
const PATIENCE: Duration = Duration::from_secs(300);
/// The longest text of a form, in bytes.
const TEXT_MAX: usize = 4 << 10;

static TURNS: Semaphore = Semaphore::const_new(AT_A_TIME);
/// Who sends one. Nobody sends two at a time, so that the turns of a process are not all one user's.
static SENDERS: LazyLock<Mutex<HashSet<UserId>>> = LazyLock::new(Mutex::default);

/// A form for a voice.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what is read part by part")]
pub(super) struct VoiceForm {
    /// What the voice is to be called.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it is like.
    #[schema(required = false, max_length = 500)]
    description: String,
    /// Whether background noise is to be taken out.
    #[schema(required = false)]
    remove_noise: bool,
    /// Where the samples come from.
    #[schema(required = false)]
    source: CloneSource,
    /// `true` declares: this is my own voice, or I have the express consent of the person whose voice it is to clone it
    /// and to use the clone.
    consent: bool,
    /// The samples, each a part of its own: 10 MiB at most, 25 MiB together.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 25)]
    files: Vec<String>,
}

/// The permission to send a form, for as long as it is held.
pub(super) struct Turn {
    user: UserId,
    _place: SemaphorePermit<'static>,
}

impl Turn {
    pub(super) fn of(user: UserId) -> Result<Self, AppError> {
        let busy = || AppError::new(ErrorCode::Busy);
        let place = TURNS.try_acquire().map_err(|_| busy())?;
        if senders().insert(user) { Ok(Self { user, _place: place }) } else { Err(busy()) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        senders().remove(&self.user);
    }
}

// A panic elsewhere leaves the set whole: each change is one call.
fn senders() -> MutexGuard<'static, HashSet<UserId>> {
    SENDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a form.
pub(super) async fn read(
    form: Result<Multipart, MultipartRejection>,
) -> Result<(VoiceDraft, Samples), AppError> {
    let form = form.map_err(|_| AppError::new(ErrorCode::BadRequest))?;
    timeout(PATIENCE, parts(form)).await.map_err(|_| AppError::new(ErrorCode::BadRequest))?
}

async fn parts(mut form: Multipart) -> Result<(VoiceDraft, Samples), AppError> {
    let (mut draft, mut samples) = (VoiceDraft::default(), Samples::new());
    while let Some(mut field) = form.next_field().await.map_err(|error| broken(&error))? {
        let name = field.name().map(str::to_owned).unwrap_or_default();
        if name == "files" {
            let sample = bytes(&mut field, FILE_MAX).await?;
            // A browser sends an empty part where no file was chosen.
            if !sample.is_empty() {
                samples.push(sample);
            }
            if samples.len() > FILES_MAX {
                return Err(AppError::field("files", FieldError::TooLong));
            }
            continue;
        }
        let text = bytes(&mut field, TEXT_MAX).await?;
        let text = str::from_utf8(&text).map_err(|_| AppError::field(&name, FieldError::Malformed))?;
        let yes = || match text {
            "true" | "on" => Ok(true),
            "false" | "" => Ok(false),
            _ => Err(AppError::field(&name, FieldError::Malformed)),
        };
        match name.as_str() {
            "name" => draft.voice.name = text.to_owned(),
            "description" => draft.voice.description = text.to_owned(),
            "remove_noise" => draft.remove_noise = yes()?,
            "consent" => draft.consent = yes()?,
            "source" => {
                draft.source = CloneSource::from_code(text)
                    .ok_or_else(|| AppError::field("source", FieldError::Malformed))?;
            }
            _ => return Err(AppError::new(ErrorCode::BadRequest)),
        }
    }
    Ok((draft, samples))
}

/// A part of the form, `most` bytes long at most.
async fn bytes(field: &mut Field<'_>, most: usize) -> Result<Bytes, AppError> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        if whole.len() + chunk.len() > most {
            let name = field.name().unwrap_or_default();
            return Err(AppError::field(name, FieldError::TooLong));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// The error itself is dropped: its text may quote what was sent.
fn broken(error: &MultipartError) -> AppError {
    AppError::new(match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        _ => ErrorCode::BadRequest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_two_turns_at_a_time() {
        let [one, other] = [UserId::generate(), UserId::generate()];
        let turn = Turn::of(one).unwrap();
        assert_eq!(Turn::of(one).err().map(|error| error.code), Some(ErrorCode::Busy));
        assert!(Turn::of(other).is_ok());
        drop(turn);
        assert!(Turn::of(one).is_ok());
    }
}
