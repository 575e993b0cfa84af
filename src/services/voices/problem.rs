//! Why a call failed, in Keyward's own words.

use crate::{
    model::{
        check::Outcome,
        error::{AppError, ErrorCode, FieldError},
        ids::ProviderId,
        status::Reason,
    },
    providers::CallError,
};

/// What was being done: it decides what a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Nothing is changed and nothing costs.
    Reading,
    /// Characters are spent.
    Speaking,
    /// Something changes at the provider.
    Changing,
    /// Samples become a voice.
    Cloning,
}

pub(super) fn refused(error: &CallError, doing: Doing) -> AppError {
    let about = |code, reason| AppError::refused(code, ProviderId::ELEVENLABS, None, reason);
    match *error {
        CallError::Undecryptable | CallError::Misfit => {
            tracing::error!(%error, ?doing, "a call of Voice Cloning could not be made");
            AppError::new(ErrorCode::Internal)
        }
        CallError::Busy => AppError::new(ErrorCode::Busy),
        CallError::NotUnderstood { reason: Reason::NotThere, .. } => {
            AppError { provider: Some(ProviderId::ELEVENLABS), ..AppError::new(ErrorCode::NotFound) }
        }
        CallError::NotUnderstood { reason: Reason::ContentRefused, .. } if doing == Doing::Cloning => {
            AppError::field("files", FieldError::Malformed)
        }
        CallError::NotUnderstood { reason, .. } => about(ErrorCode::ProviderRefused, reason),
        CallError::Refused { outcome, reason, retry_after, .. } => match outcome {
            Outcome::RateLimited => AppError {
                retry_after: retry_after.map(|wait| wait.as_secs() + 1),
                ..about(ErrorCode::RateLimited, reason)
            },
            Outcome::NotAsked => AppError {
                retry_after: retry_after.map(|wait| wait.as_secs() + 1),
                ..about(ErrorCode::ProviderUnreachable, reason)
            },
            Outcome::Unreachable if doing == Doing::Reading => about(ErrorCode::ProviderUnreachable, reason),
            // It may have been done all the same.
            Outcome::Unreachable => about(ErrorCode::ProviderRefused, reason),
            Outcome::Valid
            | Outcome::Limited
            | Outcome::Exhausted
            | Outcome::Invalid
            | Outcome::Suspended => {
                AppError { key_status: outcome.status(), ..about(ErrorCode::ProviderRefused, reason) }
            }
        },
    }
}

/// Whether it is certain that nothing was done.
pub(super) fn is_definite(error: &CallError) -> bool {
    !matches!(error, CallError::Refused { outcome: Outcome::Unreachable, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_is_said() {
        let failed =
            |outcome, reason| CallError::Refused { outcome, reason, retry_after: None, http_status: None };
        let timed_out = failed(Outcome::Unreachable, Reason::TimedOut);
        assert_eq!(refused(&timed_out, Doing::Reading).code, ErrorCode::ProviderUnreachable);
        let unsure = refused(&timed_out, Doing::Cloning);
        assert!(unsure.detail(Some("ElevenLabs")).contains("is not known"), "{unsure:?}");
        let empty = refused(&failed(Outcome::Exhausted, Reason::QuotaUsedUp), Doing::Speaking);
        assert!(!empty.detail(Some("ElevenLabs")).contains("is not known"), "{empty:?}");
        assert!(is_definite(&failed(Outcome::Limited, Reason::NoRoom)) && !is_definite(&timed_out));
    }
}
