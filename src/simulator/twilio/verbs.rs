//! What TwiML says.

use axum::http::Method;

/// A code of Twilio's with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The code.
    pub code: u32,
    /// The text.
    pub message: String,
}

impl Trouble {
    /// A trouble.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Verb {
    /// Speak.
    Say { text: String, voice: Option<String>, language: Option<String>, times: u32 },
    /// Play a file; or press keys, where there are some.
    Play { url: String, digits: Option<String>, times: u32 },
    /// Wait.
    Pause { seconds: u32 },
    /// Listen.
    Gather(Box<Gather>),
    /// Record what is said.
    Record(Box<Record>),
    /// Go on elsewhere; where nothing is said, with the same document.
    Redirect { url: String, method: Method },
    /// Hang up.
    Hangup,
    /// Hang up too: a call that was answered cannot be rejected.
    Reject,
    /// Something that Twilio knows and the simulator does not.
    NotSimulated(String),
}

/// How to listen.
#[derive(Debug, Clone, PartialEq)]
pub struct Gather {
    /// `dtmf`, `speech`, or both.
    pub input: String,
    /// Who is told what was heard; the same document where nothing is said.
    pub action: String,
    /// How.
    pub method: Method,
    /// Seconds of silence, or between two keys.
    pub timeout: u32,
    /// Seconds of silence after speech; where absent, Twilio decides.
    pub speech_timeout: Option<u32>,
    /// Keys after which to stop.
    pub digits: Option<usize>,
    /// The key after which to stop.
    pub finish: Option<char>,
    /// To tell also that nothing was heard.
    pub empty_too: bool,
    /// Whether the callee may speak over the prompt.
    pub barge_in: bool,
    /// The language.
    pub language: Option<String>,
    /// Words to expect.
    pub hints: Option<String>,
    /// What to say and play first.
    pub prompt: Vec<Verb>,
}

impl Gather {
    /// Whether it listens for `what`.
    pub fn hears(&self, what: &str) -> bool {
        self.input.split_ascii_whitespace().any(|part| part == what)
    }
}

/// How to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who is told; the same document where nothing is said.
    pub action: String,
    /// How.
    pub method: Method,
    /// Seconds of silence after which to stop.
    pub timeout: u32,
    /// Seconds at most.
    pub longest: u32,
    /// Keys that stop it.
    pub finish: String,
    /// Who is told when the recording is ready.
    pub callback: Option<String>,
    /// How.
    pub callback_method: Method,
}
