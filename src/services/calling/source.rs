//! What is asked of Twilio, with the user's key.

use std::sync::Arc;

use serde_json::Value;

use super::read;
use crate::{
    keys::Keys,
    model::{
        access::{Block, ProviderVerdict, Verdict},
        calling::{AccountView, CallNotice, CallRequest, NumberView},
        check::Outcome,
        error::{AppError, ErrorCode},
        ids::{ProviderId, UserId},
        service::ServiceId,
        status::Reason,
    },
    providers::{Call, CallError, Providers, Stream, Usable},
};

/// Numbers that are asked for. Who has more chooses among the first.
const NUMBERS: &str = "200";
/// Calls that are looked at to find the one that was ordered.
const CALLS: &str = "100";
/// The longest call in seconds, whatever becomes of the message.
const TIME_LIMIT: &str = "3600";

/// Twilio.
pub(super) struct Twilio {
    keys: Arc<Keys>,
    providers: Arc<Providers>,
}

/// Where Twilio reports to.
pub(super) struct ReportTo {
    pub(super) status: String,
    pub(super) recording: String,
}

fn ask(operation: &'static str) -> Call {
    Call::new(ServiceId::Calling, operation).units(0)
}

impl Twilio {
    pub(super) fn new(keys: Arc<Keys>, providers: Arc<Providers>) -> Self {
        Self { keys, providers }
    }

    /// Whether the user's key may be spent now, which may have changed while the call waited.
    pub(super) async fn open(&self, user: UserId) -> Result<(), CallNotice> {
        match self.keys.decide(user, ServiceId::Calling).await {
            Ok(decision) if decision.granted => Ok(()),
            Ok(decision) => Err(decision.blocking().find_map(closed).unwrap_or(CallNotice::KeyUnusable)),
            Err(_) => Err(CallNotice::OurFault),
        }
    }

    /// Reads the key for each use anew: one that was deleted is not used any more. It does not count, since a call that
    /// was placed must be followed to its end, and can be hung up.
    pub(super) async fn credential(&self, user: UserId) -> Result<Usable, CallNotice> {
        self.keys.credential_at_hand(user, &ProviderId::TWILIO).await.map_err(|error| no_credential(&error))
    }

    /// Counts an order, where the key is the operator's.
    pub(super) async fn count(&self, key: &Usable) -> Result<(), CallNotice> {
        self.keys.count_use(key).await.map_err(|error| no_credential(&error))
    }

    /// Numbers and balance. What the key may not read is left out; without the numbers there is nothing to show.
    pub(super) async fn account(&self, key: &Usable) -> Result<AccountView, AppError> {
        let list = |operation| self.providers.call(key, ask(operation).query("PageSize", NUMBERS));
        let (own, verified, balance) =
            tokio::join!(list("numbers"), list("caller_ids"), self.providers.call(key, ask("balance")),);
        let (own, verified) = match (own, verified) {
            (Err(error), Err(_)) => return Err(refusal(&error)),
            (own, verified) => (own.ok(), verified.ok()),
        };
        let read = |answer: &Option<crate::providers::Answer>, verified_only| -> Vec<NumberView> {
            answer.as_ref().map(|answer| read::numbers(&answer.body, verified_only)).unwrap_or_default()
        };
        let more = [&own, &verified].into_iter().flatten().any(|answer| read::has_more(&answer.body));
        let mut numbers = read(&own, false);
        numbers.extend(read(&verified, true));
        let balance = balance.ok().and_then(|answer| read::balance(&answer.body));
        let (balance, currency) = balance.unzip();
        Ok(AccountView { numbers, more_numbers: more, balance, currency, trial: None, reports: false })
    }

    /// Orders a call. `speech` is where Twilio fetches what it plays, in place of reading the message.
    pub(super) async fn create(
        &self,
        key: &Usable,
        request: &CallRequest,
        speech: Option<&str>,
        reports: Option<&ReportTo>,
    ) -> Result<Value, CallError> {
        let mut call = Call::new(ServiceId::Calling, "create_call")
            .form("To", &request.to)
            .form("From", &request.from)
            .form("Twiml", read::markup(request, speech))
            .form("TimeLimit", TIME_LIMIT);
        if request.record {
            call = call.form("Record", "true");
        }
        if let Some(to) = reports {
            call = call.form("StatusCallback", &to.status).form("StatusCallbackMethod", "POST");
            for event in ["initiated", "ringing", "answered", "completed"] {
                call = call.form("StatusCallbackEvent", event);
            }
            if request.record {
                call = call
                    .form("RecordingStatusCallback", &to.recording)
                    .form("RecordingStatusCallbackMethod", "POST");
            }
        }
        self.providers.call(key, call).await.map(|answer| answer.body)
    }

    /// Calls between the numbers of `request`, the latest first.
    pub(super) async fn between(&self, key: &Usable, request: &CallRequest) -> Result<Value, CallError> {
        let call = ask("calls").query("To", &request.to).query("From", &request.from);
        self.providers.call(key, call.query("PageSize", CALLS)).await.map(|answer| answer.body)
    }

    /// How a call stands.
    pub(super) async fn fetch(&self, key: &Usable, sid: &str) -> Result<Value, CallError> {
        self.providers.call(key, ask("fetch_call").path("call_sid", sid)).await.map(|answer| answer.body)
    }

    /// Ends a call, before or after it was answered.
    pub(super) async fn hang_up(&self, key: &Usable, sid: &str) -> Result<Value, CallError> {
        let call = ask("update_call").path("call_sid", sid).form("Status", "completed");
        self.providers.call(key, call).await.map(|answer| answer.body)
    }

    /// The recordings of a call.
    pub(super) async fn recordings(&self, key: &Usable, sid: &str) -> Result<Value, CallError> {
        self.providers.call(key, ask("recordings").path("call_sid", sid)).await.map(|answer| answer.body)
    }

    /// The sound of a recording, as it comes.
    pub(super) async fn sound(&self, key: &Usable, sid: &str) -> Result<Stream, AppError> {
        let call = ask("recording").path("recording_sid", sid);
        self.providers.stream(key, call).await.map_err(|error| refusal(&error))
    }
}

fn no_credential(error: &AppError) -> CallNotice {
    match error.code {
        ErrorCode::NotFound => CallNotice::KeyGone,
        ErrorCode::PlatformLimit => CallNotice::PlatformLimit,
        _ => CallNotice::OurFault,
    }
}

/// Why the provider keeps the service closed, if it does.
fn closed(verdict: &ProviderVerdict) -> Option<CallNotice> {
    let Verdict::Blocked { block, .. } = &verdict.verdict else { return None };
    Some(match block {
        Block::Missing => CallNotice::KeyGone,
        Block::Invalid => CallNotice::KeyRejected,
        Block::LacksCapability => CallNotice::NoPermission,
        Block::Suspended => CallNotice::AccountSuspended,
        Block::Undecryptable => CallNotice::KeyUnusable,
        Block::Unverified => CallNotice::Unreachable,
        Block::Exhausted if verdict.reason == Some(Reason::PlatformLimit) => CallNotice::PlatformLimit,
        Block::Exhausted => CallNotice::AccountSuspended,
    })
}

/// What a call that failed means for whoever ordered it.
pub(super) fn notice(error: &CallError) -> CallNotice {
    match error {
        CallError::Undecryptable => CallNotice::KeyUnusable,
        CallError::Busy => CallNotice::Unreachable,
        CallError::Misfit => {
            tracing::error!("a call of Calling Operations does not fit the catalogue");
            CallNotice::OurFault
        }
        // twilio.com/docs/api/errors
        CallError::NotUnderstood { code, .. } => match code {
            Some(21_219) => CallNotice::NotVerified,
            Some(21_201 | 21_211 | 21_214 | 21_217) => CallNotice::NumberRefused,
            Some(21_210 | 21_212 | 21_213) => CallNotice::CallerRefused,
            Some(21_215 | 21_216) => CallNotice::CountryRefused,
            _ => CallNotice::NotUnderstood,
        },
        CallError::Refused { outcome, .. } => match outcome {
            Outcome::Invalid => CallNotice::KeyRejected,
            Outcome::Limited => CallNotice::NoPermission,
            Outcome::Suspended | Outcome::Exhausted => CallNotice::AccountSuspended,
            Outcome::Valid | Outcome::RateLimited | Outcome::Unreachable | Outcome::NotAsked => {
                CallNotice::Unreachable
            }
        },
    }
}

/// The same for whoever waits for the answer.
pub(super) fn refusal(error: &CallError) -> AppError {
    let provider = ProviderId::TWILIO;
    match error {
        CallError::Refused { reason, retry_after, .. } => AppError {
            retry_after: retry_after.map(|wait| wait.as_secs() + 1),
            ..AppError::refused(ErrorCode::ProviderUnreachable, provider, None, *reason)
        },
        CallError::NotUnderstood { reason, .. } => {
            AppError::refused(ErrorCode::ProviderUnreachable, provider, None, *reason)
        }
        CallError::Busy => AppError::new(ErrorCode::Busy),
        CallError::Undecryptable | CallError::Misfit => AppError::new(ErrorCode::Internal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_understood(status: u16, code: Option<u32>) -> CallError {
        let reason = Reason::UnexpectedAnswer;
        CallError::NotUnderstood { reason, http_status: Some(status), code }
    }

    #[test]
    fn twilio_s_codes_have_their_own_words() {
        let notice = |code| notice(&not_understood(400, code));
        assert_eq!(notice(Some(21_219)), CallNotice::NotVerified);
        assert_eq!(notice(Some(21_211)), CallNotice::NumberRefused);
        assert_eq!(notice(Some(21_210)), CallNotice::CallerRefused);
        assert_eq!(notice(Some(21_215)), CallNotice::CountryRefused);
        assert_eq!(notice(Some(20_001)), CallNotice::NotUnderstood);
        assert_eq!(notice(None), CallNotice::NotUnderstood);
    }

    #[test]
    fn only_a_definite_answer_says_that_nothing_was_placed() {
        let refused = |outcome| CallError::Refused {
            outcome,
            reason: Reason::Unreachable,
            retry_after: None,
            http_status: None,
        };
        assert!(refused(Outcome::Unreachable).may_have_worked());
        assert!(not_understood(201, None).may_have_worked());
        for surely_not in [
            refused(Outcome::NotAsked),
            refused(Outcome::RateLimited),
            refused(Outcome::Invalid),
            not_understood(400, Some(21_211)),
            CallError::Misfit,
        ] {
            assert!(!surely_not.may_have_worked(), "{surely_not:?}");
        }
    }
}
