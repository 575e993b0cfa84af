//! Calling Operations: telephone calls through the user's Twilio account.
//!
//! A call is taken on, placed in the background and followed to its end: Twilio reports, signed, where it can reach
//! Keyward, and is asked otherwise. Placing a call and asking for the account need the service to be open, since they
//! spend the key; the history needs no key.

mod number;
mod read;
mod run;
mod source;

use std::sync::Arc;

use self::{run::Run, source::Twilio};
use super::{Dispatch, Ended, Once, Stops};
use crate::{
    account::{Media, MediaKey, internal},
    clock::Clock,
    keys::{Grant, Keys},
    model::{
        calling::{
            AccountView, CALLS_SHOWN, CallFilter, CallInput, CallList, CallRequest, CallState, CallView,
            LANGUAGES, Recording, RecordingLink,
        },
        error::{AppError, ErrorCode, FieldError},
        ids::{CallId, JobId, ProviderId, UserId},
        service::ServiceId,
    },
    providers::{Inbound, Parameters, Providers, SealedWebhookSecret, Stream},
    store::{Effect, Heard, Hold, Store, Taken, WebhookSecretRow},
};

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// How the call stands.
    Status,
    /// A recording of it.
    Recording,
}

impl About {
    /// The last part of the address.
    const fn slug(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Recording => "recording",
        }
    }
}

/// A report as it came.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Every signature it carries.
    pub signatures: &'a [&'a [u8]],
    /// The type of the body.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// The use cases of Calling Operations.
pub struct Calling {
    store: Store,
    keys: Arc<Keys>,
    providers: Arc<Providers>,
    twilio: Twilio,
    clock: Arc<dyn Clock>,
    dispatch: Arc<Dispatch>,
    media: MediaKey,
    /// Where Twilio reaches this installation, if it does.
    origin: Option<String>,
}

impl Calling {
    /// The use cases over these rooms. `origin` is where Twilio can report to.
    pub fn new(
        (store, keys, providers): (Store, Arc<Keys>, Arc<Providers>),
        clock: Arc<dyn Clock>,
        dispatch: Arc<Dispatch>,
        media: MediaKey,
        origin: Option<String>,
    ) -> Self {
        let twilio = Twilio::new(keys.clone(), providers.clone());
        Self { store, keys, providers, twilio, clock, dispatch, media, origin }
    }

    /// What there is to call with, as Twilio tells of it now.
    pub async fn account(&self, grant: &Grant) -> Result<AccountView, AppError> {
        let user = spender(grant)?;
        let provider = ProviderId::TWILIO;
        let credential = self.keys.credential(user, &provider).await?;
        let reports = self.reports(user, credential.own()).await?;
        let own = self.keys.view(user, &provider).await.ok();
        let plan = own.and_then(|key| key.metadata.plan);
        let trial = plan.map(|plan| plan.eq_ignore_ascii_case("trial"));
        let told = self.twilio.account(&credential).await?;
        Ok(AccountView { trial, reports, ..told })
    }

    /// Whether Twilio can report to this installation on calls that are placed with this credential.
    async fn reports(
        &self,
        user: UserId,
        key: Option<(crate::model::ids::KeyId, i64)>,
    ) -> Result<bool, AppError> {
        let (Some(_), Some((key, version))) = (&self.origin, key) else { return Ok(false) };
        self.store.verifies_webhooks(user, key, version).await.map_err(|e| internal(&e))
    }

    /// Takes a call on. It is placed as soon as the calls before it are. What was ordered before is answered as it stands
    /// now.
    pub async fn place(&self, grant: &Grant, input: &CallInput, once: &Once) -> Result<CallView, AppError> {
        let user = spender(grant)?;
        let request = request(input)?;
        let id = CallId::generate();
        let order = once.order("call", &request)?;
        let taken = self.store.insert_call(user, id, &request, order.as_ref(), self.clock.now()).await;
        match taken.map_err(|e| internal(&e))? {
            Taken::New => {}
            Taken::Known(before) => return self.get(user, CallId(before)).await,
            Taken::Reused => return Err(AppError::new(ErrorCode::IdempotencyKeyReused)),
            Taken::Full => return Err(AppError::new(ErrorCode::TooManyCalls)),
        }
        // As it begins, not as far as it may have come by the time of the answer.
        let begun = self.get(user, id).await;
        self.dispatch.call();
        begun
    }

    /// Works on a call as the holder of its job.
    pub async fn run(&self, hold: Hold, stops: Stops) -> Ended {
        Run { calling: self, hold, stops }.go().await
    }

    /// One call, with what was heard of it.
    pub async fn get(&self, user: UserId, id: CallId) -> Result<CallView, AppError> {
        let call = self.store.call(user, id).await.map_err(|e| internal(&e))?;
        call.ok_or_else(|| AppError::new(ErrorCode::NotFound))
    }

    /// The history, the latest first, those before `before` if given.
    pub async fn list(
        &self,
        user: UserId,
        filter: &CallFilter,
        before: Option<CallId>,
    ) -> Result<CallList, AppError> {
        let limit = i64::try_from(CALLS_SHOWN + 1).unwrap_or(i64::MAX);
        let mut items = self.store.calls(user, filter, before, limit).await.map_err(|e| internal(&e))?;
        let more = items.len() > CALLS_SHOWN;
        items.truncate(CALLS_SHOWN);
        let next = items.last().filter(|_| more).map(|call| call.id);
        Ok(CallList { items, next })
    }

    /// Ends a call. One that waits is never placed; any other takes the key, however that stands, and ends at Twilio in
    /// a moment. A call that is over stays as it is.
    pub async fn hang_up(&self, user: UserId, id: CallId) -> Result<CallView, AppError> {
        let before = self.get(user, id).await?;
        if !before.state.is_open() {
            return Ok(before);
        }
        if before.state != CallState::Queued
            && let Err(error) = self.keys.credential_at_hand(user, &ProviderId::TWILIO).await
        {
            // Without a key the service is closed, and the answer says what is missing.
            self.keys.require(user, ServiceId::Calling).await?;
            return Err(error);
        }
        if self.store.hang_up_call(user, id, self.clock.now()).await.map_err(|e| internal(&e))? {
            self.dispatch.call();
        }
        self.get(user, id).await
    }

    /// Deletes a call that is over from the history. What Twilio keeps of it stays there.
    pub async fn delete(&self, user: UserId, id: CallId) -> Result<(), AppError> {
        if self.store.delete_call(user, id, self.clock.now()).await.map_err(|e| internal(&e))? {
            self.dispatch.stop(JobId(id.0));
            return Ok(());
        }
        self.get(user, id).await?;
        Err(AppError::new(ErrorCode::Conflict))
    }

    /// The recordings of a call, each with an address under which it can be heard for a few minutes. Listening takes
    /// the key.
    pub async fn recordings(&self, grant: &Grant, id: CallId) -> Result<Vec<RecordingLink>, AppError> {
        let user = spender(grant)?;
        let now = self.clock.now();
        let recordings = self.get(user, id).await?.recordings.into_iter();
        let links = recordings.map(|Recording { sid, seconds }| {
            let media = Media { user, call: id, recording: sid.clone() };
            RecordingLink { url: format!("/media/recordings/{}", self.media.sign(&media, now)), sid, seconds }
        });
        Ok(links.collect())
    }

    /// The sound behind such an address, from Twilio as it comes.
    pub async fn sound(&self, link: &str) -> Result<Stream, AppError> {
        let missing = || AppError::new(ErrorCode::NotFound);
        let Media { user, call, recording } =
            self.media.verify(link, self.clock.now()).ok_or_else(missing)?;
        if !self.get(user, call).await?.recordings.iter().any(|known| known.sid == recording) {
            return Err(missing());
        }
        self.keys.require(user, ServiceId::Calling).await?;
        let provider = ProviderId::TWILIO;
        let key = self.keys.credential(user, &provider).await?;
        let known = self.store.call_secrets(user, call, &provider).await.map_err(|e| internal(&e))?;
        // Another account has no such recording.
        if known.and_then(|known| known.account) != key.open_field("account_sid") {
            return Err(missing());
        }
        self.twilio.sound(&key, &recording).await
    }

    /// Takes a report of Twilio's. What is not signed for this very call is refused, and nobody is told why.
    pub async fn report(&self, id: CallId, about: About, report: Report<'_>) -> Result<(), AppError> {
        let refused = || AppError::new(ErrorCode::Unauthenticated);
        let provider = ProviderId::TWILIO;
        let url = self.report_url(id, about).ok_or_else(refused)?;
        let owner = self.store.owner_of_call(id).await.map_err(|e| internal(&e))?.ok_or_else(refused)?;
        let known = self.store.call_secrets(owner, id, &provider).await.map_err(|e| internal(&e))?;
        let known = known.ok_or_else(refused)?;
        let account = known.account.ok_or_else(refused)?;
        let own = known.secrets.into_iter().filter(|secret| account_of(secret) == Some(&account));
        let secrets: Vec<_> = own.map(|secret| sealed(owner, secret)).collect();
        let Report { signatures, content_type, body } = report;
        let request = Inbound { url: &url, signatures, content_type, body };
        let Ok(params) = self.providers.verify_webhook(&secrets, &request) else {
            tracing::warn!(call = %id, "a report that is not signed by Twilio was refused");
            return Err(refused());
        };
        let named = params.get("CallSid").filter(|sid| read::is_sid(sid, "CA"));
        let sid = named.filter(|_| params.get("AccountSid") == Some(&account)).ok_or_else(refused)?;
        let now = self.clock.now();
        let effect = match about {
            About::Status => match status(&params) {
                Some(heard) => self.store.report_call(owner, id, sid, &heard, now).await,
                None => return Ok(()),
            },
            About::Recording => match recording(&params) {
                Some(recording) => self.store.report_recording(owner, id, sid, &recording, now).await,
                None => return Ok(()),
            },
        };
        match effect.map_err(|e| internal(&e))? {
            Effect::New | Effect::Known => Ok(()),
            Effect::Foreign => {
                tracing::error!(call = %id, "Twilio reports on a call under another name than it gave");
                Err(refused())
            }
        }
    }

    /// Where Twilio reports on a call.
    fn report_url(&self, id: CallId, about: About) -> Option<String> {
        let origin = self.origin.as_deref()?;
        Some(format!("{origin}/webhooks/twilio/calls/{id}/{}", about.slug()))
    }
}

/// Checks a call that was sent.
fn request(input: &CallInput) -> Result<CallRequest, AppError> {
    let mut wrong = input.check().err().unwrap_or_else(|| AppError::new(ErrorCode::InvalidInput));
    let from = input.from.trim();
    if !wrong.errors.contains_key("from") && !number::is_e164(from) {
        wrong.errors.insert("from".to_owned(), FieldError::NoPhoneNumber);
    }
    let to = match number::read(&input.to, &input.country) {
        Ok(to) => Some(to),
        Err(error) => {
            wrong.errors.entry("to".to_owned()).or_insert(error);
            None
        }
    };
    match to {
        Some(to) if wrong.errors.is_empty() => Ok(CallRequest {
            to: to.number,
            country: to.country,
            from: from.to_owned(),
            message: input.message.trim().replace("\r\n", "\n"),
            language: match input.language.as_str() {
                "" => LANGUAGES[0].0.to_owned(),
                language => language.to_owned(),
            },
            record: input.record,
        }),
        _ => Err(wrong),
    }
}

fn account_of(secret: &WebhookSecretRow) -> Option<&str> {
    secret.config.get("account_sid")?.as_str()
}

fn sealed(owner: UserId, secret: WebhookSecretRow) -> SealedWebhookSecret {
    let WebhookSecretRow { key, provider, version, config, sealed, dek } = secret;
    SealedWebhookSecret { owner, row_id: key, provider, config, version, envelope: sealed, dek }
}

/// How the call stands by a report; nothing where this version does not know the words.
fn status(params: &Parameters) -> Option<Heard> {
    let state = CallState::from_twilio(params.get("CallStatus")?)?;
    let sequence = params.get("SequenceNumber")?.parse().ok().filter(|sequence| *sequence >= 0)?;
    let seconds = params.get("CallDuration").and_then(|seconds| seconds.parse().ok());
    Some(Heard { state, sequence, seconds })
}

/// The recording of a report, once it is ready.
fn recording(params: &Parameters) -> Option<Recording> {
    let sid = params.get("RecordingSid").filter(|sid| read::is_sid(sid, "RE"))?;
    let ready = params.get("RecordingStatus") == Some("completed");
    let seconds = params.get("RecordingDuration")?.parse().ok().filter(|seconds| *seconds >= 0)?;
    ready.then(|| Recording { sid: sid.to_owned(), seconds })
}

fn spender(grant: &Grant) -> Result<UserId, AppError> {
    if grant.service() == ServiceId::Calling {
        Ok(grant.user())
    } else {
        Err(AppError::new(ErrorCode::Forbidden))
    }
}
