//! Calling Operations: what is ordered, how a call stands, and what there is to call with.

mod account;
mod call;
mod request;

pub use account::{AccountView, CallVoice, NumberView};
pub use call::{CallEvent, CallList, CallNotice, CallState, CallView, EventSource, Recording, RecordingLink};
pub use request::{CallFilter, CallInput, CallRequest, Group, LANGUAGES};

/// Calls of one user that may wait or be under way at the same time.
pub const OPEN_MAX: i64 = 100;
/// Calls in one part of the history.
pub const CALLS_SHOWN: usize = 20;
/// The longest message, in characters. Twilio takes 4,000 characters of markup.
pub const MESSAGE_MAX: usize = 1_500;
