//! What the models say and what recordings say: by the script of whoever tests, or else made from what was sent.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Last, Prompt};
use crate::simulator::keys::Provider;

/// The call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The tool's name.
    pub name: String,
    /// What it is called with.
    pub arguments: Value,
}

impl Call {
    /// The arguments as JSON.
    pub fn written(&self) -> String {
        self.arguments.to_string()
    }
}

/// A line of the script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Only this provider says it.
    provider: Option<Provider>,
    /// Only in answer to a last message that contains this, in capitals or not.
    to: Option<String>,
    /// How often; always unless told otherwise.
    times: Option<u32>,
    /// What is said.
    #[serde(default)]
    pub text: String,
    /// The tool that is called after it, if the request offers that tool.
    pub call: Option<Call>,
    /// Whether the model refuses in the provider's form.
    #[serde(default)]
    pub refuse: bool,
}

impl Reply {
    fn meets(&self, provider: Provider, prompt: &Prompt) -> bool {
        let (Last::User(last) | Last::Tool(last)) = &prompt.last;
        let contains = |part: &String| last.to_lowercase().contains(&part.to_lowercase());
        self.times != Some(0)
            && self.provider.is_none_or(|own| own == provider)
            && self.to.as_ref().is_none_or(contains)
            && self.call.as_ref().is_none_or(|call| prompt.tools.contains(&call.name))
    }
}

/// The script of the models.
#[derive(Default)]
pub struct Replies(Vec<Reply>);

impl Replies {
    /// Adds a line after the others.
    pub fn add(&mut self, reply: Reply) {
        self.0.push(reply);
    }

    /// The lines.
    pub fn lines(&self) -> &[Reply] {
        &self.0
    }

    /// Forgets every line.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The first line that fits, counted as used; without one, the last message comes back.
    pub fn take(&mut self, provider: Provider, prompt: &Prompt) -> Reply {
        if let Some(line) = self.0.iter_mut().find(|line| line.meets(provider, prompt)) {
            line.times = line.times.map(|times| times.saturating_sub(1));
            return line.clone();
        }
        let text = match &prompt.last {
            Last::User(last) => format!("You said: {last}"),
            Last::Tool(last) => format!("The tool answered: {last}"),
        };
        Reply { provider: None, to: None, times: None, text, call: None, refuse: false }
    }
}

/// What the next recordings say.
#[derive(Default)]
pub struct Transcripts(VecDeque<String>);

impl Transcripts {
    /// Adds what a later recording says.
    pub fn add(&mut self, text: String) {
        self.0.push_back(text);
    }

    /// Forgets what was to come.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What the next recording says: the next text, or else how long it is.
    pub fn take(&mut self, seconds: f64) -> String {
        self.0.pop_front().unwrap_or_else(|| format!("This is a recording of {seconds:.1} seconds."))
    }
}
