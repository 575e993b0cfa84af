//! One step of a call's job: placing it, finding out whether Twilio has it, or asking how it stands. Between steps the
//! job waits in the queue, so that a long call holds up nobody.
//!
//! Twilio takes no key by which an order would count once. So it is written down that a call is being placed before
//! Twilio is asked (`Store::send_call`), and its name as soon as that is known. Whoever finds a call in between, after a
//! crash or an answer that was lost, does not call again: Twilio reports, or is asked for its calls between the same
//! numbers, of which Keyward places one at a time. One that is found is the call; none, once an order under way must
//! have arrived, means that it was never placed, and it is; several leave it in doubt, and it stays unplaced.

use std::time::Duration;

use super::{
    About, Calling, read,
    source::{ReportTo, notice},
};
use crate::{
    model::{
        calling::{CallNotice, CallState},
        check::Outcome,
        ids::CallId,
        job::LEASE,
        time::Timestamp,
    },
    providers::{CallError, Usable},
    services::{Ended, Stops},
    store::{Answered, CallRun, Heard, Hold, Next, Sending, StoreError, Turn},
};

/// How often Twilio is asked about a call on which it does not report, …
const ASK: Duration = Duration::from_secs(2);
/// … and about one on which it does, in case a report was lost.
const ASK_ANYWAY: Duration = Duration::from_secs(15);
/// The wait for another call between the same numbers.
const TURN: Duration = Duration::from_secs(1);
/// The wait after an answer that was lost, or where nobody answers.
const DOUBT: Duration = Duration::from_secs(5);
/// An order that is not at Twilio after this long will not arrive there any more: it takes 20 s at the most.
const SETTLED: Duration = Duration::from_secs(25);
/// A call that could not be placed for so long is not wanted any more.
const STALE: Duration = Duration::from_secs(3600);
/// A call of which nothing was heard for so long is given up. It lasts an hour at the most.
const LOST: Duration = Duration::from_secs(3 * 3600);
/// How far Twilio's clock and Keyward's may differ, seconds that are cut included.
const CLOCKS: Duration = Duration::from_secs(600);
/// Price and recordings are asked for until then.
const PRICED: Duration = Duration::from_secs(2 * 3600);

/// A step of a call's job.
pub(super) struct Run<'a> {
    pub(super) calling: &'a Calling,
    pub(super) hold: Hold,
    pub(super) stops: Stops,
}

/// The step was cut short.
struct Break(Ended);

impl From<StoreError> for Break {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a call could not be written down");
        Self(Ended::Broken)
    }
}

type Step = Result<Ended, Break>;

const fn held(held: bool) -> Ended {
    if held { Ended::Finished } else { Ended::Fenced }
}

impl Run<'_> {
    pub(super) async fn go(self) -> Ended {
        self.step().await.unwrap_or_else(|Break(ended)| ended)
    }

    fn now(&self) -> Timestamp {
        self.calling.clock.now()
    }

    async fn step(&self) -> Step {
        let begun = self.calling.store.begin_call(self.hold, self.now()).await?;
        let Some(call) = begun else { return Ok(Ended::Fenced) };
        match (&call.sid, call.state) {
            (Some(sid), _) => self.follow(&call, sid).await,
            (None, CallState::Queued) => self.place(&call).await,
            (None, CallState::Placing) => self.find(&call).await,
            (None, _) => self.write(Answered::default(), Next::Done, &call).await,
        }
    }

    /// Writes down what was heard of a call, which was `call` when the step began.
    async fn write(&self, answered: Answered, next: Next, call: &CallRun) -> Step {
        let answered = Answered { heeds_hang_up: call.hang_up, ..answered };
        Ok(held(self.calling.store.record_call(self.hold, &answered, next, self.now()).await?))
    }

    async fn later(&self, wait: Duration, call: &CallRun) -> Step {
        self.write(Answered::default(), Next::At(self.now().plus(wait)), call).await
    }

    async fn end(&self, state: CallState, notice: CallNotice) -> Step {
        if notice == CallNotice::OurFault {
            // It may be whole again in a moment.
            return Err(Break(Ended::Broken));
        }
        Ok(held(self.calling.store.end_call(self.hold, state, Some(notice), self.now()).await?))
    }

    /// Places a call that Twilio surely does not have.
    async fn place(&self, call: &CallRun) -> Step {
        let Hold { user, job, .. } = self.hold;
        let twilio = &self.calling.twilio;
        if call.hang_up {
            let canceled = self.calling.store.end_call(self.hold, CallState::Canceled, None, self.now());
            return Ok(held(canceled.await?));
        }
        if self.now().since(call.created_at) > STALE {
            return self.end(CallState::NotPlaced, CallNotice::Unreachable).await;
        }
        if let Err(notice) = twilio.open(user).await {
            return self.end(CallState::NotPlaced, notice).await;
        }
        let key = match twilio.credential(user).await {
            Ok(key) => key,
            Err(notice) => return self.end(CallState::NotPlaced, notice).await,
        };
        let Some(account) = key.open_field("account_sid") else {
            return self.end(CallState::NotPlaced, CallNotice::KeyUnusable).await;
        };
        let reported = self.calling.reports(user, key.own()).await.map_err(|_| Break(Ended::Broken))?;
        let report_to = self.report_to(CallId(job.0)).filter(|_| reported);
        if self.stops.server.is_cancelled() {
            return Ok(Ended::Interrupted);
        }
        let sending = Sending { key: key.own(), account, reported };
        let until = self.now().plus(LEASE);
        match self.calling.store.send_call(self.hold, &sending, until, self.now()).await? {
            Turn::Now => {}
            Turn::Later => return self.later(TURN, call).await,
            Turn::Lost => return Ok(Ended::Fenced),
        }
        // Only what is ordered counts; where that is too much, nothing was.
        if let Err(notice) = twilio.count(&key).await {
            return self.end(CallState::NotPlaced, notice).await;
        }
        let speech = call
            .request
            .voice
            .as_ref()
            .and_then(|_| self.calling.speech_url(user, CallId(job.0), self.now()));
        // From here on Twilio may have it, until it is known better.
        match twilio.create(&key, &call.request, speech.as_deref(), report_to.as_ref()).await {
            Ok(body) => match read::call_sid(&body) {
                Some(sid) => self.placed(sid, read::heard(&body), reported).await,
                None => self.later(DOUBT, call).await,
            },
            Err(error) if error.may_have_worked() => self.later(DOUBT, call).await,
            Err(CallError::Refused {
                outcome: Outcome::RateLimited | Outcome::NotAsked,
                retry_after,
                ..
            }) => {
                let (now, wait) = (self.now(), retry_after.unwrap_or(DOUBT).clamp(DOUBT, STALE / 6));
                Ok(held(self.calling.store.unsend_call(self.hold, now.plus(wait), now).await?))
            }
            Err(error) => self.end(CallState::NotPlaced, notice(&error)).await,
        }
    }

    fn report_to(&self, id: CallId) -> Option<ReportTo> {
        Some(ReportTo {
            status: self.calling.report_url(id, About::Status)?,
            recording: self.calling.report_url(id, About::Recording)?,
        })
    }

    async fn placed(&self, sid: String, heard: Option<Heard>, reported: bool) -> Step {
        let wait = if reported { ASK_ANYWAY } else { ASK };
        // A hang-up that was noted before can be carried out only now.
        let answered = Answered { sid: Some(sid), heard, ..Answered::default() };
        let next = Next::At(self.now().plus(wait));
        Ok(held(self.calling.store.record_call(self.hold, &answered, next, self.now()).await?))
    }

    /// The key, if it still belongs to the account that the call was placed with.
    async fn key_of(&self, call: &CallRun) -> Result<Usable, CallNotice> {
        let key = self.calling.twilio.credential(self.hold.user).await?;
        match key.open_field("account_sid") == call.account {
            true => Ok(key),
            false => Err(CallNotice::OtherAccount),
        }
    }

    /// Finds out whether Twilio has a call that was being placed.
    async fn find(&self, call: &CallRun) -> Step {
        let sent_at = call.sent_at.unwrap_or(call.created_at);
        let key = match self.key_of(call).await {
            Ok(key) => key,
            Err(notice) => return self.end(CallState::Unknown, notice).await,
        };
        let Ok(list) = self.calling.twilio.between(&key, &call.request).await else {
            if self.now().since(sent_at) > STALE {
                return self.end(CallState::Unknown, CallNotice::Unreachable).await;
            }
            return self.later(DOUBT, call).await;
        };
        let mut found = read::candidates(&list, &call.request, sent_at.minus(CLOCKS));
        let sids: Vec<_> = found.iter().map(|(sid, _)| sid.clone()).collect();
        let others = self.calling.store.known_sids(self.hold.user, &sids).await?;
        found.retain(|(sid, _)| !others.contains(sid));
        match (found.pop(), found.is_empty()) {
            (Some((sid, heard)), true) => {
                tracing::info!(job = %self.hold.job, "a call that was being placed was found at Twilio");
                self.placed(sid, heard, call.reported).await
            }
            (Some(_), false) => self.end(CallState::Unknown, CallNotice::InDoubt).await,
            (None, _) => {
                let settled = sent_at.plus(SETTLED);
                let now = self.now();
                if now < settled {
                    self.later(settled.since(now), call).await
                } else {
                    self.place(call).await
                }
            }
        }
    }

    /// Asks how a call stands that Twilio has, and hangs up where that is wanted.
    async fn follow(&self, call: &CallRun, sid: &str) -> Step {
        let twilio = &self.calling.twilio;
        let key = match self.key_of(call).await {
            Ok(key) => key,
            Err(notice) => return self.lost(call, notice).await,
        };
        if call.hang_up && call.ended_at.is_none() {
            // One that is over already cannot be ended; how it stands is asked next.
            if let Err(error) = twilio.hang_up(&key, sid).await {
                tracing::info!(reason = %error, "a call could not be ended");
            }
        }
        let body = match twilio.fetch(&key, sid).await {
            Ok(body) => body,
            Err(error @ CallError::NotUnderstood { .. }) => return self.lost(call, notice(&error)).await,
            Err(error) => {
                let since = call.ended_at.or(call.sent_at).unwrap_or(call.created_at);
                let wait = match self.now().since(since) {
                    age if age > LOST => return self.lost(call, notice(&error)).await,
                    age => (age / 4).clamp(DOUBT, Duration::from_secs(300)),
                };
                return self.later(wait, call).await;
            }
        };
        let heard = read::heard(&body);
        let state = heard.as_ref().map_or(call.state, |heard| heard.state);
        let mut answered = Answered { heard, price: read::price(&body), ..Answered::default() };
        let missing = call.request.record && call.recordings == 0 && state == CallState::Completed;
        if missing && let Ok(list) = twilio.recordings(&key, sid).await {
            answered.recordings = read::recordings(&list);
        }
        let complete =
            (call.priced || answered.price.is_some()) && (!missing || !answered.recordings.is_empty());
        let next = self.next(call, state, complete);
        self.write(answered, next, call).await
    }

    /// When Twilio is asked again.
    fn next(&self, call: &CallRun, state: CallState, complete: bool) -> Next {
        let now = self.now();
        if state.is_open() {
            let wait = if call.reported && !call.hang_up { ASK_ANYWAY } else { ASK };
            return Next::At(now.plus(wait));
        }
        let over_for = call.ended_at.map_or(Duration::ZERO, |ended| now.since(ended));
        // A call that was not answered costs nothing.
        if complete || state != CallState::Completed || over_for > PRICED {
            return Next::Done;
        }
        Next::At(now.plus((over_for / 2).clamp(Duration::from_secs(3), Duration::from_secs(300))))
    }

    /// Nothing more is heard of a call. Where it was over, only its price stays unknown.
    async fn lost(&self, call: &CallRun, notice: CallNotice) -> Step {
        if call.ended_at.is_some() && notice != CallNotice::OurFault {
            return self.write(Answered::default(), Next::Done, call).await;
        }
        self.end(CallState::Unknown, notice).await
    }
}
