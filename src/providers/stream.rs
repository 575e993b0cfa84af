//! Calls whose answer is handed on while it comes: sound, and whatever else is no JSON.
//!
//! A task of its own carries the answer, so that the call is reported however it ends: whoever waits may go away at
//! any time. What it has read is never more than a few pieces ahead of them.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use reqwest::{Request, header::CONTENT_TYPE};
use serde_json::Value;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};
use url::Url;
use zeroize::Zeroizing;

use super::{
    Providers,
    call::{self, Call, CallError},
    catalogue::{
        rule::Then,
        schema::{Budget, LinkRule, Method},
    },
    egress::{
        Fault,
        breakers::{Attempt, is_patient},
        bulkhead::{SMALL, StreamPlace},
        client::{Accept, Begun, Patience},
        origin::{Destination, Origin},
        scrub::Scrubber,
    },
    exchange::{Caller, Outgoing},
    forms::Credential,
    rules::{Finding, Reply, judge},
    stored::Usable,
    usage::{Pending, UsageOutcome},
};
use crate::model::{ids::ProviderId, status::Reason};

/// Pieces that may wait for the reader.
const AHEAD: usize = 2;
/// The head of the answer comes within this, however long the rest may take.
const HEAD: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 30 });

/// A successful answer, on its way. Its `Debug` shows the head only.
pub struct Stream {
    /// Its media type, without parameters.
    pub media_type: String,
    /// What it used up, in the unit of the provider's quota.
    pub units: i64,
    pieces: mpsc::Receiver<Bytes>,
    /// Set once the last piece is on its way.
    whole: Arc<AtomicBool>,
}

/// The answer ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer was cut off")]
pub struct CutOff;

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("media_type", &self.media_type)
            .field("units", &self.units)
            .finish_non_exhaustive()
    }
}

impl Stream {
    /// The next piece; nothing at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, CutOff>> {
        match self.pieces.recv().await {
            Some(piece) => Some(Ok(piece)),
            // Said once; then it has ended.
            None => (!self.whole.swap(true, Ordering::Relaxed)).then_some(Err(CutOff)),
        }
    }
}

/// What is asked for, by whom.
struct Order {
    usable: Usable,
    call: Call,
    link: Option<Link>,
}

/// An address from an answer.
struct Link {
    url: Url,
    origin: Origin,
    by_operator: bool,
}

/// How a call ended that was sent.
struct Ended {
    pending: Pending,
    outcome: UsageOutcome,
    finding: Option<Finding>,
    units: i64,
}

/// Why an answer stopped.
enum Stopped {
    Fault(Fault),
    /// Longer than allowed, or with a secret in it.
    NotFit,
    /// Whoever reads it takes too long.
    Slow,
}

/// A successful answer that is still to be read.
struct Streaming<'a> {
    begun: Begun,
    head: Reply,
    attempt: Attempt<'a>,
    patient: bool,
    place: StreamPlace<'a>,
}

/// A request that was sent.
enum Sent<'a> {
    /// Its answer is a success, and still to be read.
    Streams(Box<Streaming<'a>>),
    /// Its answer is something else.
    Whole(Reply),
}

impl Providers {
    /// Makes a call whose answer is handed on as it comes, and is reported once it ended. An operation with a
    /// `link` is two calls: the answer of the first leads to what is asked for.
    ///
    /// # Errors
    /// See [`CallError`]. An answer that ends early later says so itself.
    pub async fn stream(self: &Arc<Self>, usable: &Usable, call: Call) -> Result<Stream, CallError> {
        let (operation, _) = self.operation(usable, &call)?;
        let link = match &operation.link {
            Some(rule) => {
                let answer = self.call(usable, call.clone()).await?;
                Some(self.follow(usable.provider(), rule, &answer.body)?)
            }
            None => None,
        };
        let (to_head, head) = oneshot::channel();
        let (to_pieces, pieces) = mpsc::channel(AHEAD);
        let whole = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&whole);
        let (this, order) = (Arc::clone(self), Order { usable: usable.clone(), call, link });
        tokio::spawn(async move {
            let carried = tokio::select! {
                biased;
                end = this.carry(&order, to_head, &to_pieces) => end,
                // The call is dropped, and reports itself as cancelled.
                () = to_pieces.closed() => None,
            };
            if let Some(Ended { pending, outcome, finding, units }) = carried {
                ended.store(outcome == UsageOutcome::Done, Ordering::Relaxed);
                let retry_after = finding.and_then(|finding| finding.retry_after);
                pending.finish(outcome, units, retry_after).await;
            }
        });
        // The task ends without a word only when the process does.
        let (media_type, units) = head.await.map_err(|_| CallError::Misfit)??;
        Ok(Stream { media_type, units, pieces, whole })
    }

    /// The address that an answer holds, if it is one that may be fetched.
    fn follow(&self, provider: &ProviderId, rule: &LinkRule, answer: &Value) -> Result<Link, CallError> {
        let missing = CallError::NotUnderstood { reason: Reason::NotThere, http_status: None, code: None };
        let url = rule.pointer.first(answer).and_then(Value::as_str).ok_or(missing)?;
        let url = Url::parse(url).map_err(|_| missing)?;
        let origin = Origin::try_from(url.origin().ascii_serialization()).map_err(|_| missing)?;
        let by_operator = self.settings.base_urls.get(provider).is_some_and(|base| base.is_at(&origin));
        let named = origin.is_https() && origin.port() == 443 && rule.allows(origin.host());
        let plain = url.username().is_empty() && url.password().is_none();
        if plain && (named || by_operator) {
            Ok(Link { url, origin, by_operator })
        } else {
            tracing::warn!(%provider, "an answer leads to an address that is not allowed");
            Err(missing)
        }
    }

    /// Sends the request, tells the head, and hands the pieces on. Answers how it ended, if it was sent.
    async fn carry(
        &self,
        order: &Order,
        head: oneshot::Sender<Result<(String, i64), CallError>>,
        pieces: &mpsc::Sender<Bytes>,
    ) -> Option<Ended> {
        let credential = match self.open_usable(&order.usable) {
            Ok(credential) => credential,
            Err(error) => {
                let _ = head.send(Err(error.into()));
                return None;
            }
        };
        let outgoing = match self.ordered(&credential, order) {
            Ok(outgoing) => outgoing,
            Err(error) => {
                let _ = head.send(Err(error));
                return None;
            }
        };
        let caller = order.usable.caller(order.call.service);
        let Some(place) = self.bulkheads.listen(credential.provider(), caller.user) else {
            let _ = head.send(Err(CallError::Busy));
            return None;
        };
        let mut pending = self.pending(&credential, caller, outgoing.operation);
        match Box::pin(self.begin(&credential, (caller, place), order, &outgoing)).await {
            Ok(Sent::Streams(streaming)) => {
                let Streaming { mut begun, head: first, attempt, patient, place } = *streaming;
                let units = outgoing.cost(&first);
                pending.spend(units);
                // Nobody waits any more: the first piece finds out.
                let _ = head.send(Ok((media_type(&first), units)));
                let scrubber = credential.scrubber();
                let end = hand_on(&mut begun, outgoing.max_bytes, &scrubber, pieces).await;
                drop(place);
                let (sign, outcome) = match end {
                    Ok(()) => (Ok(first), UsageOutcome::Done),
                    Err(Stopped::Slow) => (Ok(first), UsageOutcome::Cancelled),
                    Err(Stopped::NotFit) => (Ok(first), UsageOutcome::Unreachable),
                    Err(Stopped::Fault(fault)) => (Err(fault), UsageOutcome::Unreachable),
                };
                attempt.ended(&sign, patient);
                Some(Ended { pending, outcome, finding: None, units })
            }
            Ok(Sent::Whole(reply)) => {
                let mut finding = judge(outgoing.rules, &reply, self.clock.now());
                if finding.then == Then::Accepted {
                    // Its head said so, but its body is no stream that can be handed on.
                    finding.then = Then::Unreachable;
                    finding.reason = Reason::UnexpectedAnswer;
                }
                let _ = head.send(Err(call::refusal(&finding)));
                Some(Ended { pending, outcome: finding.then.into(), finding: Some(finding), units: 0 })
            }
            Err(fault) => {
                let finding = Finding::from(fault);
                let _ = head.send(Err(call::refusal(&finding)));
                if matches!(fault, Fault::Resting(_)) {
                    pending.withdraw();
                    return None;
                }
                Some(Ended { pending, outcome: finding.then.into(), finding: Some(finding), units: 0 })
            }
        }
    }

    /// Sends the request and looks at the head of the answer; reads all of it where that is no success.
    async fn begin<'a>(
        &'a self,
        credential: &Credential,
        (caller, place): (Caller, StreamPlace<'a>),
        order: &Order,
        outgoing: &Outgoing<'_>,
    ) -> Result<Sent<'a>, Fault> {
        let destination = match &order.link {
            Some(link) => Destination::link(&link.origin, link.by_operator),
            None => self.destination(credential).ok_or(Fault::NotSent)?,
        };
        let way = self.breakers.way(credential.provider(), destination.origin, caller.user);
        let attempt = way.enter()?;
        let request = match &order.link {
            Some(link) => Request::new(reqwest::Method::GET, link.url.clone()),
            None => self.request(credential, destination, outgoing)?,
        };
        let now = Instant::now();
        let soon = outgoing.deadline.min(now + HEAD);
        let patient = is_patient(soon.saturating_duration_since(now));
        let patience = Patience { all: soon, first: None };
        let (upload, accept) = (outgoing.upload, Accept::Anything);
        let begun = match self.client.begin(destination, request, upload, accept, patience).await {
            Ok(begun) => begun,
            Err(fault) => {
                attempt.ended(&Err(fault), patient);
                return Err(fault);
            }
        };
        let head = begun.head();
        let accepted = judge(outgoing.rules, &head, self.clock.now()).then == Then::Accepted;
        if accepted && begun.is_plain(outgoing.max_bytes) {
            let begun = begun.until(outgoing.deadline);
            return Ok(Sent::Streams(Box::new(Streaming { begun, head, attempt, patient, place })));
        }
        let end = begun.whole(place.as_place(), SMALL).await;
        attempt.ended(&end, patient);
        end.map(Sent::Whole)
    }

    /// The request of an order: the operation's own, or that for the address it led to.
    fn ordered<'a>(&'a self, credential: &Credential, order: &'a Order) -> Result<Outgoing<'a>, CallError> {
        let (operation, budget) = self.operation(&order.usable, &order.call)?;
        let Some(rule) = operation.link.as_ref().filter(|_| order.link.is_some()) else {
            return call::outgoing(credential, operation, budget, &order.call);
        };
        let provider = self.catalogue.get(order.usable.provider()).ok_or(CallError::Misfit)?;
        let budget: Budget = provider.file.budgets.get(&rule.budget).copied().ok_or(CallError::Misfit)?;
        Ok(Outgoing {
            operation: order.call.operation,
            method: Method::Get,
            path: None,
            query: Vec::new(),
            body: None,
            form: &[],
            upload: None,
            rules: &rule.rules,
            max_bytes: budget.max_bytes,
            deadline: Instant::now() + budget.deadline(),
            units: 0,
            cost_header: None,
        })
    }
}

/// Hands the body on, piece by piece.
async fn hand_on(
    begun: &mut Begun,
    max_bytes: usize,
    scrubber: &Scrubber,
    pieces: &mpsc::Sender<Bytes>,
) -> Result<(), Stopped> {
    let mut watch = Watch { scrubber, left: max_bytes, tail: Zeroizing::default() };
    while let Some(chunk) = begun.chunk().await.map_err(Stopped::Fault)? {
        if !watch.passes(&chunk) {
            return Err(Stopped::NotFit);
        }
        // Whoever is gone is noticed elsewhere.
        if timeout_at(begun.deadline(), pieces.send(chunk)).await.is_err() {
            return Err(Stopped::Slow);
        }
    }
    Ok(())
}

/// Looks at what passes: how much it is, and that no secret is in it, not even over the seam of two pieces.
struct Watch<'a> {
    scrubber: &'a Scrubber,
    left: usize,
    tail: Zeroizing<Vec<u8>>,
}

impl Watch<'_> {
    fn passes(&mut self, chunk: &Bytes) -> bool {
        let Some(left) = self.left.checked_sub(chunk.len()) else { return false };
        self.left = left;
        let keep = self.scrubber.longest().saturating_sub(1);
        self.tail.extend_from_slice(chunk);
        let clean = !self.scrubber.finds_in_bytes(&self.tail);
        let cut = self.tail.len().saturating_sub(keep);
        self.tail.drain(..cut);
        clean
    }
}

/// The media type of an answer, without parameters.
fn media_type(reply: &Reply) -> String {
    let value = reply.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.and_then(|text| text.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase()
}
