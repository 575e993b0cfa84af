//! What the simulated telephone network remembers: calls, recordings, who answers how, what was called back.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::{callbacks::Source, create::Plan, deliveries::Callbacks, recordings::Recording};
use crate::model::time::Timestamp;

/// How fast things go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// What a second of a call takes, in milliseconds.
    pub second_ms: u64,
    /// How long a callback may take, in true milliseconds. Twilio gives it 15 seconds.
    pub webhook_timeout_ms: u64,
    /// Seconds of a call from its end until its price is known.
    pub price_after: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { second_ms: 50, webhook_timeout_ms: 15_000, price_after: 10.0 }
    }
}

impl Pace {
    /// What `seconds` of a call take.
    pub fn of(self, seconds: f64) -> Duration {
        Duration::from_millis(self.second_ms).mul_f64(seconds.clamp(0.0, 1e6))
    }

    /// How many seconds of a call `time` is.
    pub fn seconds(self, time: Duration) -> f64 {
        time.as_secs_f64() * 1000.0 / self.second_ms.max(1) as f64
    }
}

/// Who or what takes the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A human.
    #[default]
    Human,
    /// An answering machine.
    Machine,
    /// A fax.
    Fax,
    /// The line is busy.
    Busy,
    /// Nobody.
    NoAnswer,
    /// The number cannot be reached.
    Failed,
}

/// What the callee does at one `Gather` or `Record`. Nothing at all is silence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// Says it.
    pub says: Option<String>,
    /// How sure the recognition is, from 0 to 1.
    pub confidence: Option<f64>,
    /// Presses these keys.
    pub presses: Option<String>,
    /// Seconds until the callee begins.
    pub after: f64,
    /// Does not wait until the prompt is over.
    pub interrupts: bool,
    /// Hangs up instead.
    pub hangs_up: bool,
}

/// Whoever answers at a number.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Callee {
    /// Who takes the call.
    pub outcome: Outcome,
    /// Seconds of ringing until then; three unless told otherwise.
    pub rings: Option<f64>,
    /// What the callee does, turn by turn; silent afterwards.
    pub turns: Vec<Turn>,
    /// Hangs up so many seconds after answering, whatever is going on.
    pub hangs_up_after: Option<f64>,
}

/// The numbers that behave in a way of their own. All others are answered by a human who keeps silent. Those below
/// `+15005550010` that cannot be called are Twilio's test numbers and refused in [`super::create`].
pub const MAGIC: [(&str, Outcome); 5] = [
    ("+15005550010", Outcome::Busy),
    ("+15005550011", Outcome::NoAnswer),
    ("+15005550012", Outcome::Failed),
    ("+15005550013", Outcome::Machine),
    ("+15005550014", Outcome::Fax),
];

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Waits to be dialled.
    Queued,
    /// Rings.
    Ringing,
    /// Was answered.
    InProgress,
    /// Over.
    Completed,
    /// The callee was busy.
    Busy,
    /// Could not be connected.
    Failed,
    /// Nobody answered.
    NoAnswer,
    /// Ended by its owner before it was answered.
    Canceled,
}

impl Status {
    /// As Twilio writes it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing comes after it.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Ringing | Self::InProgress)
    }
}

/// What the owner of a call orders while it lasts; the sender hears when it is done.
pub enum Order {
    /// To hang up.
    End(oneshot::Sender<()>),
    /// To go on with other TwiML.
    Redirect(Source, oneshot::Sender<()>),
}

/// Something that happened in a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "does", rename_all = "snake_case")]
pub enum Happening {
    /// The status changed.
    Status { status: Status },
    /// TwiML was asked for.
    Fetch { url: String, status: Option<u16> },
    /// Twilio speaks.
    Say { text: String, voice: Option<String>, language: Option<String> },
    /// Twilio plays what it fetched.
    Play { url: String, content_type: Option<String>, bytes: usize },
    /// Twilio presses keys.
    Press { digits: String },
    /// Twilio waits.
    Pause { seconds: f64 },
    /// Twilio listens.
    Gather { input: String, language: Option<String>, hints: Option<String> },
    /// The callee spoke over what was said.
    Interrupted {},
    /// The callee was heard.
    Heard { speech: Option<String>, confidence: Option<f64>, digits: Option<String> },
    /// The callee was not heard.
    Silence {},
    /// A recording was made.
    Recorded { recording: String, seconds: u64 },
    /// The call goes on elsewhere.
    Redirect { url: String },
    /// Twilio hangs up.
    Hangup {},
    /// The callee hangs up.
    CalleeHangsUp {},
    /// The call goes on in spite of it.
    Warning { code: u32, message: String },
    /// The call ends because of it, unless a fallback helps.
    Error { code: u32, message: String },
    /// TwiML that Twilio knows and the simulator does not; the call ends.
    NotSimulated { verb: String },
}

/// One line of a call's journal.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Seconds of the call since it was made.
    pub second: f64,
    /// What happened.
    #[serde(flatten)]
    pub happening: Happening,
}

/// A call.
pub struct Call {
    /// Its SID.
    pub sid: String,
    /// The place of its account.
    pub owner: usize,
    /// What was ordered.
    pub plan: Arc<Plan>,
    /// Where it is.
    pub status: Status,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// When it was answered.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// Who answered, where that was to be found out.
    pub answered_by: Option<&'static str>,
    /// What it cost.
    pub price: Option<String>,
    /// How long it waited to be dialled, in milliseconds.
    pub queued_ms: u64,
    /// What happened.
    pub journal: Vec<Entry>,
    /// What was wrong, with a code of Twilio's and the address it is about.
    pub notifications: Vec<Notification>,
    /// To whoever carries it out.
    pub orders: mpsc::UnboundedSender<Order>,
}

/// A warning or an error.
#[derive(Debug, Clone)]
pub struct Notification {
    /// Its SID.
    pub sid: String,
    /// Twilio's code.
    pub code: u32,
    /// Its text.
    pub message: String,
    /// The address it is about.
    pub url: String,
    /// Whether it is an error.
    pub is_error: bool,
    /// When.
    pub at: Timestamp,
}

/// The simulated telephone network.
#[derive(Default)]
pub struct Exchange {
    /// How fast things go.
    pub pace: Pace,
    /// Scripts by number.
    pub callees: HashMap<String, Callee>,
    /// The calls, oldest first.
    pub calls: Vec<Call>,
    /// Past calls that were deleted.
    pub deleted: HashSet<String>,
    /// The recordings, oldest first.
    pub recordings: Vec<Recording>,
    /// What was called back, and what goes wrong with it.
    pub callbacks: Callbacks,
    /// When each account's next call may be dialled.
    dialled: HashMap<usize, Instant>,
}

impl Exchange {
    /// The call `sid`.
    pub fn call(&mut self, sid: &str) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.sid == sid)
    }

    /// Whoever answers at `number`.
    pub fn callee(&self, number: &str) -> Callee {
        self.callees.get(number).cloned().unwrap_or_else(|| {
            let magic = MAGIC.iter().find(|(known, _)| *known == number);
            Callee { outcome: magic.map_or(Outcome::Human, |(_, outcome)| *outcome), ..Callee::default() }
        })
    }

    /// How long a new call of the account at `owner` waits: calls are dialled one a second.
    pub fn queue(&mut self, owner: usize) -> Duration {
        let now = Instant::now();
        let turn = self.dialled.get(&owner).map_or(now, |next| (*next).max(now));
        self.dialled.insert(owner, turn + self.pace.of(1.0));
        turn - now
    }
}
