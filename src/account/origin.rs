//! Where a request comes from, and whose it is.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use crate::model::ids::UserId;

/// The client's address, found by the server for every request: the peer's, or the one that a trusted
/// proxy names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// Where whoever finds out the user of a request notes it for the log. An extension of the request.
#[derive(Debug, Clone, Default)]
pub struct RequestUser(Arc<OnceLock<UserId>>);

impl RequestUser {
    /// The user that was noted.
    pub fn noted(&self) -> Option<&UserId> {
        self.0.get()
    }

    /// Notes the user; the first note stays.
    pub fn note(&self, user: UserId) {
        // A second note says the same: a request has one user.
        let _ = self.0.set(user);
    }
}

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// What the client calls itself.
    pub user_agent: String,
}

impl Origin {
    /// From the client's address and the request's headers.
    pub fn new(address: IpAddr, headers: &http::HeaderMap) -> Self {
        let user_agent = headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
        Self { address, user_agent: user_agent.unwrap_or_default().to_owned() }
    }
}
