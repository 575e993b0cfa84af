//! Limits on attempts.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use sha2::{Digest, Sha256};

use super::internal;
use crate::{clock::Clock, config::Limits, model::error::AppError, store::Store};

/// How often one user may do in an hour what sends something to somebody: add a place for notices, or try one.
const CHANNELS_PER_HOUR: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);

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
    /// A call that a user makes with one of the operator's keys.
    PlatformCalls,
    /// A place that a user adds for notices, or confirms.
    Channels,
    /// A message sent there to see whether it arrives.
    ChannelTests,
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
        let Rule { name, max, window } = self.rule(limit);
        let counted = self.store.count_attempt(&bucket(name, subject), max, window, self.clock.now()).await;
        match counted {
            Ok(None) => Ok(()),
            Ok(Some(wait)) => Err(AppError::rate_limited(wait.as_secs().max(1))),
            Err(error) => Err(internal(&error)),
        }
    }

    /// Whether the next attempt by whoever `subject` names would be one too many. Counts nothing.
    pub async fn is_full(&self, limit: Limit, subject: &[&str]) -> Result<bool, AppError> {
        let Rule { name, max, window } = self.rule(limit);
        let counted = self.store.attempts(&bucket(name, subject), window, self.clock.now()).await;
        counted.map(|attempts| attempts >= i64::from(max)).map_err(|error| internal(&error))
    }

    fn rule(&self, limit: Limit) -> Rule {
        const MINUTE: Duration = Duration::from_secs(60);
        const HOUR: Duration = Duration::from_secs(3600);
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let (name, max, window) = match limit {
            Limit::LogIn => ("log-in", self.settings.login_per_minute, MINUTE),
            Limit::Register => ("register", self.settings.register_per_hour, HOUR),
            Limit::KeysPerUser => ("keys/user", self.settings.keys_per_user_per_hour, HOUR),
            Limit::KeysPerAddress => ("keys/address", self.settings.keys_per_address_per_hour, HOUR),
            Limit::Keys => ("keys", self.settings.keys_per_hour, HOUR),
            Limit::Checks => ("checks", self.settings.checks_per_user_per_hour, HOUR),
            Limit::Channels => ("channels", CHANNELS_PER_HOUR, HOUR),
            Limit::ChannelTests => ("channels/tests", CHANNELS_PER_HOUR, HOUR),
            Limit::PlatformCalls => ("platform", self.settings.platform_calls_per_user_per_day, DAY),
        };
        Rule { name, max: max.get(), window }
    }
}

struct Rule {
    name: &'static str,
    max: u32,
    window: Duration,
}

/// The name of a counter, in which nobody can be recognised.
fn bucket(name: &str, subject: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(name.as_bytes());
    for part in subject {
        hash.update([0]);
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
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
