//! The way out: the only place that builds an HTTP client. It takes a realm's destination and a
//! path, never a URL; follows nothing; and tells of failures in a closed list. The one client besides, [`collector`],
//! has one address, and never sees a credential.

pub(crate) mod body;
pub(crate) mod breaker;
pub(crate) mod breakers;
pub(crate) mod bulkhead;
pub(crate) mod client;
pub(crate) mod collector;
pub(crate) mod credential;
pub(crate) mod lookups;
pub(crate) mod origin;
pub(crate) mod pace;
pub(crate) mod resolver;
pub(crate) mod scrub;
pub(crate) mod upload;

use std::time::Duration;

use crate::model::status::Reason;

/// Why there is no usable answer. Holds nothing of the request, of the answer or of an error's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection: refused, no such name, an address that is not allowed, no trust in the certificate.
    NoConnection,
    /// The connection broke, or what came was not HTTP.
    Broken,
    /// The budget's time is over.
    TimedOut,
    /// A redirect, with its status. None is followed: it would carry the credential along.
    Redirected(u16),
    /// The request could not be put together: a value does not fit where it belongs.
    NotSent,
    /// Nothing was sent: the destination failed several times in a row and is left alone for so long.
    Resting(Duration),
}

impl Fault {
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::NoConnection | Self::Broken => Reason::Unreachable,
            Self::TimedOut => Reason::TimedOut,
            Self::Redirected(_) | Self::NotSent => Reason::UnexpectedAnswer,
            Self::Resting(_) => Reason::NotAnswering,
        }
    }

    /// How long to wait, where that is known.
    pub(crate) const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Resting(left) => Some(left),
            _ => None,
        }
    }

    pub(crate) const fn http_status(self) -> Option<u16> {
        match self {
            Self::Redirected(status) => Some(status),
            _ => None,
        }
    }
}
