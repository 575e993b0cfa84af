//! The course of one call: dialled, answered or not, carried out, ended, priced. Whoever owns it may end or redirect
//! it meanwhile, and hears of it by callbacks (<https://www.twilio.com/docs/voice/api/call-resource#statuscallback>).

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    callbacks::{Request, tell},
    create::{Event, Plan},
    exchange::{Call, Callee, Entry, Happening, Notification, Order, Outcome, Pace, Status, Turn},
    sid,
};
use crate::simulator::{Simulator, state::now};

/// Longer journals are cut.
const JOURNAL: usize = 5_000;
/// What a minute costs.
const PRICE: f64 = 0.014;

/// A call while it lasts.
pub struct Line {
    pub(super) simulator: Simulator,
    pub(super) call: String,
    pub(super) owner: usize,
    pub(super) plan: Arc<Plan>,
    pub(super) pace: Pace,
    pub(super) turns: VecDeque<Turn>,
    /// What is told and expects no answer.
    pub(super) told: mpsc::UnboundedSender<Request>,
    /// Who answered, and how many milliseconds it took to find out.
    pub(super) answered_by: Option<(&'static str, u64)>,
    made: Instant,
    answered: Option<Instant>,
    pub(super) sequence: u32,
    recording: Option<String>,
}

/// How a call ended, and who waits to hear it.
struct End {
    status: Status,
    waiting: Option<oneshot::Sender<()>>,
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self { status, waiting: None }
    }
}

/// Begins the call that `plan` orders for the account at `owner`, and answers its SID.
pub fn begin(simulator: &Simulator, owner: usize, plan: Plan) -> String {
    let plan = Arc::new(plan);
    let (orders, heard) = mpsc::unbounded_channel();
    let (told, queue) = mpsc::unbounded_channel();
    let at = now();
    let mut state = simulator.lock();
    let exchange = &mut state.telephony;
    let (callee, queued) = (exchange.callee(&plan.to), exchange.queue(owner));
    let line = Line {
        simulator: simulator.clone(),
        call: sid("CA"),
        owner,
        plan: Arc::clone(&plan),
        pace: exchange.pace,
        turns: callee.turns.clone().into(),
        told,
        answered_by: None,
        made: Instant::now(),
        answered: None,
        sequence: 0,
        recording: None,
    };
    let call = line.call.clone();
    exchange.calls.push(Call {
        sid: call.clone(),
        owner,
        plan,
        status: Status::Queued,
        created: at,
        updated: at,
        started: None,
        ended: None,
        seconds: 0,
        answered_by: None,
        price: None,
        queued_ms: (exchange.pace.seconds(queued) * 1000.0) as u64,
        journal: Vec::new(),
        notifications: Vec::new(),
        orders,
    });
    drop(state);
    let (failing, known) = (simulator.clone(), call.clone());
    tokio::spawn(tell(simulator.clone(), queue, move |request| {
        complain(
            &failing,
            &known,
            15_003,
            "Call Progress: Warning Response to Callback URL",
            request.hook.url.as_str(),
            false,
        );
    }));
    tokio::spawn(line.run(callee, queued, heard));
    call
}

/// Writes down what is wrong with a call.
fn complain(simulator: &Simulator, call: &str, code: u32, message: &str, url: &str, is_error: bool) {
    if let Some(call) = simulator.lock().telephony.call(call) {
        call.notifications.push(Notification {
            sid: sid("NO"),
            code,
            message: message.to_owned(),
            url: url.to_owned(),
            is_error,
            at: now(),
        });
    }
}

impl Line {
    async fn run(mut self, callee: Callee, queued: Duration, mut orders: mpsc::UnboundedReceiver<Order>) {
        if let Some(event) = self.plan.unknown_event.clone() {
            self.trouble(21_626, &format!("Invalid status callback event: {event}"), "", false);
        }
        let connected = tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(Order::End(waiting)) => Err(End { status: Status::Canceled, waiting: Some(waiting) }),
                // A call that was not answered is not redirected, and after a reset there is no call.
                _ => return,
            },
            connected = self.connect(&callee, queued) => connected.map_err(End::from),
        };
        let end = match connected {
            Err(end) => end,
            Ok(()) => match self.talk(&callee, &mut orders).await {
                Some(end) => end,
                None => return,
            },
        };
        self.finish(end).await;
    }

    /// # Errors
    /// How the call ended without an answer.
    async fn connect(&mut self, callee: &Callee, queued: Duration) -> Result<(), Status> {
        tokio::time::sleep(queued).await;
        self.fire(Event::Initiated, "initiated", Vec::new());
        self.pass(1.0).await;
        match callee.outcome {
            Outcome::Failed => return Err(Status::Failed),
            Outcome::Busy => return Err(Status::Busy),
            _ => {}
        }
        self.enter(Status::Ringing);
        self.fire(Event::Ringing, "ringing", Vec::new());
        let patience = f64::from(self.plan.timeout);
        let rings = callee.rings.unwrap_or(3.0);
        if callee.outcome == Outcome::NoAnswer || rings >= patience {
            self.pass(patience).await;
            return Err(Status::NoAnswer);
        }
        self.pass(rings).await;
        Ok(())
    }

    /// Carries the call out. Nothing after a reset.
    async fn talk(&mut self, callee: &Callee, orders: &mut mpsc::UnboundedReceiver<Order>) -> Option<End> {
        self.answer().await;
        let mut source = self.plan.source.clone();
        let hangs_up = callee.hangs_up_after.unwrap_or(1e6);
        let patience = tokio::time::sleep(self.pace.of(hangs_up));
        let limit = tokio::time::sleep(self.pace.of(f64::from(self.plan.time_limit)));
        tokio::pin!(patience, limit);
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => match order? {
                    Order::End(waiting) => return Some(End { status: Status::Completed, waiting: Some(waiting) }),
                    Order::Redirect(other, done) => {
                        source = other;
                        // Whoever ordered it may have gone.
                        let _ = done.send(());
                    }
                },
                () = &mut patience => {
                    self.note(Happening::CalleeHangsUp {});
                    return Some(Status::Completed.into());
                }
                () = &mut limit => return Some(Status::Completed.into()),
                () = self.perform(source.clone(), callee.outcome) => return Some(Status::Completed.into()),
            }
        }
    }

    async fn answer(&mut self) {
        self.answered = Some(Instant::now());
        if let Some(call) = self.simulator.lock().telephony.call(&self.call) {
            call.started = Some(now());
        }
        self.enter(Status::InProgress);
        self.fire(Event::Answered, "in-progress", Vec::new());
        if let Some(record) = &self.plan.record {
            let recording = self.recording("OutboundAPI", record.channels, 0);
            self.tell_recording(&recording, "in-progress", record.callback.as_ref());
            self.recording = Some(recording);
        }
        if let Some(digits) = self.plan.digits.clone() {
            let waits = digits.chars().filter(|c| c.eq_ignore_ascii_case(&'w')).count();
            self.note(Happening::Press { digits });
            self.pass(0.5 * waits as f64).await;
        }
    }

    /// Ends the call, and lets recording and price follow.
    async fn finish(mut self, End { status, waiting }: End) {
        let seconds = match self.answered {
            Some(answered) => (self.pace.seconds(answered.elapsed()).ceil() as u64).max(1),
            None => 0,
        };
        if let Some(call) = self.simulator.lock().telephony.call(&self.call) {
            call.ended = Some(now());
            call.seconds = seconds;
        }
        self.enter(status);
        let sip = match status {
            Status::Completed => "200",
            Status::Busy => "486",
            Status::Failed => "404",
            _ => "487",
        };
        let mut more = vec![("SipResponseCode".to_owned(), sip.to_owned())];
        if status == Status::Completed {
            more.push(("CallDuration".to_owned(), seconds.to_string()));
            more.push(("Duration".to_owned(), seconds.div_ceil(60).to_string()));
        }
        if let Some(recording) = &self.recording {
            more.push(("RecordingUrl".to_owned(), self.recording_url(recording)));
            more.push(("RecordingSid".to_owned(), recording.clone()));
            more.push(("RecordingDuration".to_owned(), seconds.to_string()));
        }
        self.fire(Event::Completed, status.text(), more);
        if let Some(waiting) = waiting {
            let _ = waiting.send(());
        }
        if let Some(recording) = self.recording.take() {
            let callback = self.plan.record.as_ref().and_then(|record| record.callback.clone());
            self.complete(&recording, seconds, callback.as_ref()).await;
        }
        self.pass((self.pace.price_after).max(0.0)).await;
        if status == Status::Completed
            && let Some(call) = self.simulator.lock().telephony.call(&self.call)
        {
            call.price = Some(format!("-{:.5}", PRICE * seconds.div_ceil(60) as f64));
            call.updated = now();
        }
    }

    fn enter(&self, status: Status) {
        if let Some(call) = self.simulator.lock().telephony.call(&self.call) {
            call.status = status;
            call.updated = now();
        }
        self.note(Happening::Status { status });
    }

    /// Writes down what happened.
    pub(super) fn note(&self, happening: Happening) {
        let second = (self.pace.seconds(self.made.elapsed()) * 10.0).round() / 10.0;
        if let Some(call) = self.simulator.lock().telephony.call(&self.call)
            && call.journal.len() < JOURNAL
        {
            call.journal.push(Entry { second, happening });
        }
    }

    /// Writes down what is wrong.
    pub(super) fn trouble(&self, code: u32, message: &str, url: &str, is_error: bool) {
        complain(&self.simulator, &self.call, code, message, url, is_error);
        let message = message.to_owned();
        self.note(if is_error {
            Happening::Error { code, message }
        } else {
            Happening::Warning { code, message }
        });
    }

    /// Lets seconds of the call pass.
    pub(super) async fn pass(&self, seconds: f64) {
        tokio::time::sleep(self.pace.of(seconds)).await;
    }
}
