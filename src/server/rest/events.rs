//! The caller's events as they happen, as server-sent events. `Last-Event-ID`, or `?after=` where that header
//! cannot be set, goes on after what was read before.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{self, Sse},
    },
};
use http::{HeaderMap, HeaderName, header};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Given, Onlooker, read};
use crate::{
    account::{Accounts, credentials::Presented, internal},
    api::context::UseCases,
    jobs::{Call, EventWatch, Listener},
    model::{
        error::{AppError, ErrorCode},
        event::{Event, Topic},
        ids::UserId,
    },
    server::{problem::Problem, state::Stopping},
    store::Position,
};

/// A sign of life for proxies and for the write timeout, and the time between two looks at the session.
const BEAT: Duration = Duration::from_secs(15);
/// A session that could not be looked up is looked up again after this long.
const AGAIN: Duration = Duration::from_secs(2);
/// A client that lost its connection comes back after this long.
const RETRY: Duration = Duration::from_secs(2);
/// One that was crowded out waits longer, so that nine browsers do not push each other out all the time.
const CROWDED_RETRY: Duration = Duration::from_secs(60);
/// One whose session has ended as well: by then its page knows whether there is another one to come back with.
const ENDED_RETRY: Duration = Duration::from_secs(5);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// What nginx and its like take as the order not to collect the answer first.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Deserialize)]
pub(super) struct Resume {
    after: Option<String>,
}

/// Follow what changes
///
/// Server-sent events: `hello` at once, then `keys`, `searches`, `calls`, `notices` and `account` as they happen. Each has its
/// number as `id`, and as `data` a JSON object with `seq`, `topic` and, where there are several, the `subject`: a
/// provider, a search or a call, to be read again in the ordinary way. After `reset`, read everything again. The stream ends with the
/// session or token that opened it.
#[utoipa::path(
    get,
    path = "/api/events",
    operation_id = "follow_events",
    tag = "Accounts",
    params(
        ("after" = Option<String>, Query, description = "Go on after the event with this number.", example = "42"),
        ("Last-Event-ID" = Option<String>, Header, description = "The same, as browsers send it; it comes before `after`."),
    ),
    responses((status = 200, description = "The events.", body = String, content_type = "text/event-stream")),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["bad-request"])))
)]
pub(super) async fn stream(
    State(app): State<UseCases>,
    State(watch): State<Arc<EventWatch>>,
    State(Stopping(stop)): State<Stopping>,
    Onlooker { who, presented }: Onlooker,
    resume: Given<Resume>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let resume = read(resume)?;
    if stop.is_cancelled() {
        return Err(ErrorCode::Busy.into());
    }
    let listener = watch.listen(who.user).ok_or_else(|| AppError::new(ErrorCode::Busy))?;
    // A browser that reconnects repeats the address it began with; its header is the newer one.
    let header = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or_default());
    // What is no number of ours is unknown, as one that is forgotten.
    let after = header.or(resume.after.as_deref()).map(|text| text.parse().unwrap_or(-1));
    let (topic, seq) = match listener.position(after).await.map_err(|error| internal(&error))? {
        Position::After(seq) => (Topic::Hello, seq),
        Position::Lost(head) => (Topic::Reset, head),
    };
    let now = Instant::now();
    let stream = Stream {
        accounts: app.accounts,
        presented,
        user: who.user,
        listener,
        stop,
        seq,
        ready: VecDeque::from([Event { seq, topic, subject: String::new() }]),
        unread: true,
        over: false,
        beat_at: now + BEAT,
        check_at: now + BEAT,
    };
    let lines = futures::stream::unfold(stream, |mut stream| async move {
        let line = stream.next().await?;
        Some((Ok::<_, Infallible>(line), stream))
    });
    let headers = [(header::CACHE_CONTROL, "no-store"), (X_ACCEL_BUFFERING, "no")];
    Ok((headers, Sse::new(lines)).into_response())
}

struct Stream {
    accounts: Arc<Accounts>,
    presented: Presented,
    user: UserId,
    listener: Listener,
    stop: CancellationToken,
    /// The last event that was sent.
    seq: i64,
    ready: VecDeque<Event>,
    /// There may be events that were not read.
    unread: bool,
    over: bool,
    beat_at: Instant,
    check_at: Instant,
}

impl Stream {
    /// The next line; none when the stream is over.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if self.over {
                return None;
            }
            if Instant::now() >= self.check_at && !self.may_go_on().await {
                self.over = true;
                return Some(sse::Event::default().retry(ENDED_RETRY));
            }
            if let Some(event) = self.ready.pop_front() {
                self.seq = event.seq;
                if event.topic == Topic::Account {
                    // The session may be among those that have ended: nothing else is sent before that is known.
                    self.check_at = Instant::now();
                }
                return Some(line(&event));
            }
            if self.unread {
                match self.listener.read(self.seq).await {
                    Ok((ready, more)) => (self.ready, self.unread) = (ready, more),
                    Err(error) => {
                        tracing::warn!(%error, "events could not be read, the next beat tries again");
                        self.unread = false;
                    }
                }
                if !self.ready.is_empty() {
                    continue;
                }
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                call = self.listener.called() => match call {
                    Call::News => self.unread = true,
                    Call::CrowdedOut => {
                        self.over = true;
                        return Some(sse::Event::default().retry(CROWDED_RETRY));
                    }
                },
                () = sleep_until(self.beat_at) => {
                    self.beat_at = Instant::now() + BEAT;
                    self.check_at = Instant::now();
                    self.unread = true;
                    return Some(sse::Event::default().comment(""));
                }
            }
        }
    }

    /// Whether the session that opened the stream still lives. A database that does not answer decides nothing.
    async fn may_go_on(&mut self) -> bool {
        match self.accounts.identify(&self.presented).await {
            Ok(Some(who)) if who.user == self.user => {
                self.check_at = self.beat_at;
                true
            }
            Ok(_) => false,
            Err(_) => {
                self.check_at = Instant::now() + AGAIN;
                true
            }
        }
    }
}

fn line(event: &Event) -> sse::Event {
    let line = sse::Event::default().id(event.seq.to_string()).event(event.topic.code());
    let line = if event.topic == Topic::Hello { line.retry(RETRY) } else { line };
    // Numbers and words: writing them cannot fail.
    line.data(serde_json::to_string(event).unwrap_or_default())
}
