//! What a user's browsers and programs are told when something of theirs has changed. An event names a topic
//! and an id and never any content: it is a hint to read again in the ordinary way.

use serde::{Deserialize, Serialize};

use super::ids::{CallId, ProviderId, SearchId};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// The first line of a stream: everything after its number follows.
    Hello,
    /// What lies between the number asked for and this one is not known any more: read everything again.
    Reset,
    /// A stored key was added, replaced, deleted, or found to stand otherwise. The subject is the provider.
    Keys,
    /// A search began, went on, ended or was deleted. The subject is the search.
    Searches,
    /// A call began, went on, ended, was priced or deleted. The subject is the call.
    Calls,
    /// The user was told of something, or has read it.
    Notices,
    /// Sessions or API tokens have ended, or a token was made.
    Account,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 7] =
        [Self::Hello, Self::Reset, Self::Keys, Self::Searches, Self::Calls, Self::Notices, Self::Account];

    /// The word in the database and in the stream.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Reset => "reset",
            Self::Keys => "keys",
            Self::Searches => "searches",
            Self::Calls => "calls",
            Self::Notices => "notices",
            Self::Account => "account",
        }
    }

    /// The topic with this word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.code() == code)
    }
}

/// One line of a user's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number. A user's events are numbered one by one.
    pub seq: i64,
    /// What it is about.
    pub topic: Topic,
    /// Which of these; empty where there is only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
}

/// A change that a user is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// The key of this provider.
    Key(&'a ProviderId),
    /// This search.
    Search(SearchId),
    /// This call.
    Call(CallId),
    /// What the user is told of.
    Notices,
    /// Sessions have ended.
    Account,
}

impl Change<'_> {
    /// What the event is about.
    pub const fn topic(self) -> Topic {
        match self {
            Self::Key(_) => Topic::Keys,
            Self::Search(_) => Topic::Searches,
            Self::Call(_) => Topic::Calls,
            Self::Notices => Topic::Notices,
            Self::Account => Topic::Account,
        }
    }

    /// Which of these.
    pub fn subject(self) -> String {
        match self {
            Self::Key(provider) => provider.to_string(),
            Self::Search(search) => search.to_string(),
            Self::Call(call) => call.to_string(),
            Self::Notices | Self::Account => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_has_one_word_everywhere() {
        for topic in Topic::ALL {
            assert_eq!(Topic::from_code(topic.code()), Some(topic));
            assert_eq!(serde_json::to_string(&topic).unwrap(), format!("\"{}\"", topic.code()));
        }
        assert_eq!(Topic::from_code("Keys"), None);
    }

    #[test]
    fn an_event_without_a_subject_does_not_write_one() {
        let event = Event { seq: 7, topic: Topic::Account, subject: String::new() };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(text, r#"{"seq":7,"topic":"account"}"#);
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}
