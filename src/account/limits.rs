//! Limits on attempts.

use std::{net::IpAddr, sync::Arc, time::Duration};

use sha2::{Digest, Sha256};

use super::internal;
use crate::{clock::Clock, config::Limits, model::error::AppError, store::Store};

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// A log-in.
    LogIn,
    /// A registration.
    Register,
    /// A new, replaced or candidate key of one user.
    KeysPerUser,
    /// A new, replaced or candidate key from one address.
    KeysPerAddress,
    /// A new, replaced or candidate key at all.
    Keys,
    /// A check of a stored key that its user asks for.
    Checks,
}

/// What counts as one client: an IPv4 address, or the /56 that an IPv6 customer is given.
pub fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{:x}:{:x}:{:x}:{:x}::/56", a, b, c, d & 0xff00)
        }
    }
}

/// Counts attempts in the database.
#[derive(Clone)]
pub struct Limiter {
    store: Store,
    settings: Limits,
    clock: Arc<dyn Clock>,
}

impl Limiter {
    /// Counters in `store`.
    pub fn new(store: Store, settings: Limits, clock: Arc<dyn Clock>) -> Self {
        Self { store, settings, clock }
    }

    /// Counts an attempt by whoever `subject` names; an error when there were too many.
    pub async fn check(&self, limit: Limit, subject: &[&str]) -> Result<(), AppError> {
        const HOUR: Duration = Duration::from_secs(3600);
        const MINUTE: Duration = Duration::from_secs(60);
        let (name, max, window) = match limit {
            Limit::LogIn => ("log-in", self.settings.login_per_minute, MINUTE),
            Limit::Register => ("register", self.settings.register_per_hour, HOUR),
            Limit::KeysPerUser => ("keys/user", self.settings.keys_per_user_per_hour, HOUR),
            Limit::KeysPerAddress => ("keys/address", self.settings.keys_per_address_per_hour, HOUR),
            Limit::Keys => ("keys", self.settings.keys_per_hour, HOUR),
            Limit::Checks => ("checks", self.settings.checks_per_user_per_hour, HOUR),
        };
        let mut hash = Sha256::new_with_prefix(name.as_bytes());
        for part in subject {
            hash.update([0]);
            hash.update(part.as_bytes());
        }
        let bucket: [u8; 32] = hash.finalize().into();
        match self.store.count_attempt(&bucket, max.get(), window, self.clock.now()).await {
            Ok(None) => Ok(()),
            Ok(Some(wait)) => Err(AppError::rate_limited(wait.as_secs().max(1))),
            Err(error) => Err(internal(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_customer_is_one_client() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:23ff::1"), "2001:db8:1:2300::/56");
        assert_eq!(network("2001:db8:1:2301:9::2"), network("2001:db8:1:23ff::1"));
        assert_ne!(network("2001:db8:1:2401::1"), network("2001:db8:1:2301::1"));
    }
}
