//! Where users are told of what happens, besides the pages.

use serde::{Deserialize, Serialize};

use super::NoticeKind;
use crate::model::{
    ids::{ChannelId, MessageId},
    time::Timestamp,
};

/// The most places that one user may have.
pub const CHANNELS_MAX: i64 = 5;
/// The longest address, in characters.
pub const ADDRESS_MAX: usize = 2_048;
/// Messages for each part of a log.
pub const MESSAGES_SHOWN: i64 = 30;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident $code:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {$(
            $(#[$item_doc])*
            $item,
        )*}

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$item),*];

            /// The word in the database and on the wire.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$item => $code),* }
            }

            /// Reads its word.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.code() == code)
            }
        }
    )*};
}

words! {
    /// A kind of place.
    ChannelKind {
        /// The account's e-mail address.
        Email "email",
        /// A program that takes signed webhooks (Standard Webhooks).
        Webhook "webhook",
        /// A channel of Slack, by an incoming webhook.
        Slack "slack",
        /// A channel of Discord, by a webhook.
        Discord "discord",
        /// A channel of Microsoft Teams, by a workflow.
        Teams "teams",
    }

    /// How a place stands.
    ChannelState {
        /// The code in the e-mail that was sent to it has yet to be given back.
        Unconfirmed "unconfirmed",
        /// Messages go there.
        Active "active",
        /// The last message did not arrive. Messages go there all the same.
        Failing "failing",
        /// Nothing arrived for five days or more, or the receiver wants nothing more: nothing is sent until it is
        /// switched on again.
        Off "off",
    }

    /// What a message is about.
    MessageEvent {
        /// Something began.
        Opened "opened",
        /// It is over.
        Resolved "resolved",
        /// Somebody wants to see whether messages arrive.
        Test "test",
    }

    /// How a message stands.
    MessageState {
        /// It is to be sent, perhaps again.
        Waiting "waiting",
        /// It arrived.
        Sent "sent",
        /// It did not arrive, and is not tried again.
        Failed "failed",
        /// It is not sent, or not again, for what it tells was no longer so.
        Dropped "dropped",
    }

    /// Why a message did not arrive.
    DeliveryFault {
        /// No connection: refused, no such name, an address that is not allowed, no trust in the certificate.
        NoConnection "no_connection",
        /// Nothing came back within 15 seconds.
        TimedOut "timed_out",
        /// A redirect, which is not followed.
        Redirected "redirected",
        /// The receiver did not take it.
        Refused "refused",
        /// The receiver wants nothing more (410).
        Gone "gone",
        /// The sealed address could not be opened.
        Undecryptable "undecryptable",
        /// The installation sends no e-mail.
        NoMail "no_mail",
        /// The installation's mail server does not answer, or takes nothing from it for now.
        MailAway "mail_away",
    }
}

impl ChannelKind {
    /// The name for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Email => "E-mail",
            Self::Webhook => "Webhook",
            Self::Slack => "Slack",
            Self::Discord => "Discord",
            Self::Teams => "Microsoft Teams",
        }
    }

    /// Whether somebody reads it, rather than a program: then what happens together is told together, and quiet hours
    /// count.
    pub const fn is_read_by_people(self) -> bool {
        !matches!(self, Self::Webhook)
    }
}

impl DeliveryFault {
    /// One sentence for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoConnection => "No connection: the address is wrong, not public, or nobody answers there.",
            Self::TimedOut => "No answer within 15 seconds.",
            Self::Redirected => "The receiver answered with a redirect, which is not followed.",
            Self::Refused => "The receiver did not take it.",
            Self::Gone => "The receiver wants no more messages.",
            Self::Undecryptable => "The stored address cannot be opened. Remove it and add it again.",
            Self::NoMail => "This installation sends no e-mail.",
            Self::MailAway => "The mail server of this installation did not take it.",
        }
    }

    /// Whether it says nothing of the place, for the trouble is on this side.
    pub const fn is_of_installation(self) -> bool {
        matches!(self, Self::Undecryptable | Self::NoMail | Self::MailAway)
    }
}

/// A place, without its address, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ChannelView {
    /// The place.
    pub id: ChannelId,
    /// Its kind.
    pub kind: ChannelKind,
    /// The receiver's host, or the e-mail address.
    pub label: String,
    /// How it stands.
    pub state: ChannelState,
    /// Since when nothing has arrived.
    pub failing_since: Option<Timestamp>,
    /// Until when messages are signed with the old secret too.
    pub rotating_until: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A place to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChannelInput {
    /// Its kind.
    pub kind: ChannelKind,
    /// Where messages are sent. None for e-mail, which goes to the account's address.
    #[serde(default)]
    #[cfg_attr(feature = "ssr", schema(max_length = 2048))]
    pub address: String,
}

/// A place, and the secret that signs what is sent there. The secret is in this answer and can never be read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct IssuedChannel {
    /// The secret, as Standard Webhooks writes it; absent where nothing is signed.
    pub secret: Option<String>,
    /// The place.
    #[serde(flatten)]
    pub view: ChannelView,
}

/// A message, as the log shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct MessageView {
    /// The message: the header `webhook-id`.
    pub id: MessageId,
    /// The place.
    pub channel: ChannelId,
    /// What it is about.
    pub event: MessageEvent,
    /// The kind of the notice; absent in tests.
    pub kind: Option<NoticeKind>,
    /// How it stands.
    pub state: MessageState,
    /// How often it was tried.
    pub attempts: i64,
    /// The HTTP status of the last answer.
    pub http_status: Option<u16>,
    /// Why the last attempt failed.
    pub fault: Option<DeliveryFault>,
    /// When it is tried next, while it waits.
    pub next_at: Option<Timestamp>,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A part of a log, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageList {
    /// The messages.
    pub items: Vec<MessageView>,
    /// Where the next part begins; none when this is the last.
    pub next: Option<MessageId>,
}

/// What the settings show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelPage {
    /// The places.
    pub channels: Vec<ChannelView>,
    /// Whether this installation sends e-mail.
    pub mail: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_wire() {
        for kind in ChannelKind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.code()));
        }
        for state in ChannelState::ALL {
            assert_eq!(serde_json::to_string(state).unwrap(), format!("\"{}\"", state.code()));
        }
        for fault in DeliveryFault::ALL {
            assert_eq!(serde_json::to_string(fault).unwrap(), format!("\"{}\"", fault.code()));
            assert_eq!(DeliveryFault::from_code(fault.code()), Some(*fault));
        }
        for state in MessageState::ALL {
            assert_eq!(serde_json::to_string(state).unwrap(), format!("\"{}\"", state.code()));
        }
        for event in MessageEvent::ALL {
            assert_eq!(serde_json::to_string(event).unwrap(), format!("\"{}\"", event.code()));
        }
    }
}
