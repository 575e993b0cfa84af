//! What the simulated language models have in common: what they say, how it is counted, and what a key has left.

pub mod allowance;
pub mod replies;

use serde_json::Value;

use self::replies::Call;
use super::{Simulator, keys::Provider};

/// What the model answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Last {
    /// The user's last message.
    User(String),
    /// What a tool answered.
    Tool(String),
}

/// A conversation as a request brings it.
#[derive(Debug)]
pub struct Prompt {
    /// Its texts, instructions included.
    pub texts: Vec<String>,
    /// The last of them.
    pub last: Last,
    /// The names of the tools that the model may call.
    pub tools: Vec<String>,
    /// How many tokens the answer may have.
    pub most: Option<usize>,
    /// Texts before which the answer ends.
    pub stops: Vec<String>,
}

impl Prompt {
    /// Its tokens.
    pub fn tokens(&self) -> u64 {
        self.texts.iter().map(|text| tokens(text).count() as u64).sum()
    }
}

/// Why an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All is said.
    Finished,
    /// It may not be longer.
    Length,
    /// This text would have come next.
    Stop(String),
    /// A tool is to be called.
    Call(Call),
    /// The model refuses.
    Refused,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// Its tokens.
    pub tokens: Vec<String>,
    /// Why it ends.
    pub end: End,
    /// The tokens of the prompt.
    pub input: u64,
    /// The tokens of the answer, a call's arguments included.
    pub output: u64,
}

impl Spoken {
    /// The whole text.
    pub fn text(&self) -> String {
        self.tokens.concat()
    }

    /// The tool that is to be called.
    pub fn call(&self) -> Option<&Call> {
        if let End::Call(call) = &self.end { Some(call) } else { None }
    }

    /// All tokens.
    pub fn total(&self) -> u64 {
        self.input + self.output
    }
}

/// The tokens of a text: its words, each with the space that follows it.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// Answers a prompt, by the script if it says what, and counts the tokens on the account at `place`.
pub fn speak(simulator: &Simulator, provider: Provider, place: usize, prompt: &Prompt) -> Spoken {
    let mut state = simulator.lock();
    let reply = state.replies.take(provider, prompt);
    let stop = prompt.stops.iter().filter(|stop| !stop.is_empty());
    let stop = stop.filter_map(|stop| Some((reply.text.find(stop.as_str())?, stop))).min();
    let text = stop.map_or(reply.text.as_str(), |(at, _)| &reply.text[..at]);
    let all: Vec<String> = tokens(text).map(str::to_owned).collect();
    let most = prompt.most.unwrap_or(usize::MAX);
    let end = match (reply.call, stop) {
        _ if all.len() > most => End::Length,
        (Some(call), _) => End::Call(call),
        (None, Some((_, stop))) => End::Stop(stop.clone()),
        (None, None) if reply.refuse => End::Refused,
        (None, None) => End::Finished,
    };
    let said: Vec<_> = all.into_iter().take(most).collect();
    let called = if let End::Call(call) = &end { tokens(&call.written()).count() } else { 0 };
    let spoken = Spoken { input: prompt.tokens(), output: (said.len() + called) as u64, tokens: said, end };
    if let Some(account) = state.accounts.get_mut(place) {
        account.allowance.take(super::state::now(), spoken.total());
    }
    spoken
}

/// The texts in the content of a message: the text itself, or those among its parts.
pub fn texts(content: &Value) -> Vec<String> {
    match content {
        Value::String(text) => vec![text.clone()],
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// The names at `pointer` in each element of a list.
pub fn names(list: &Value, pointer: &str) -> Vec<String> {
    let name = |item: &Value| item.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    list.as_array().into_iter().flatten().filter_map(name).collect()
}

/// A number of tokens.
pub fn count(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|count| usize::try_from(count).ok())
}
