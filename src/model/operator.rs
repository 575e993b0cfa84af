//! How an installation does, over all users and without telling anything of a single one.

use serde::{Deserialize, Serialize};

use super::{ids::ProviderId, service::ServiceId, time::Timestamp, usage::Range};

/// A figure is shown when so many users stand behind it.
pub const ENOUGH_USERS: i64 = 5;

/// What is said in place of one that is not.
pub const FEW_USERS: &str = "fewer than 5 users";
/// The same in a narrow place.
pub const FEW: &str = "few";

/// How far back the operator looks.
pub const RANGES: [Range; 3] = [Range::Day, Range::Week, Range::Month];

/// How the installation does. A figure behind which fewer than five users stand is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct HealthReport {
    /// How far back calls are counted: `24h`, `7d` or `30d`.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "7d"))]
    pub range: Range,
    /// The beginning of the range.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub begins: Timestamp,
    /// When the figures were read. They are kept for a minute, or longer where reading them takes long.
    #[cfg_attr(feature = "ssr", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Users who are not shut out.
    pub users: Option<i64>,
    /// The providers that services need, and those that at least five users called or have keys of.
    pub providers: Vec<ProviderHealth>,
    /// For how many users each service is open.
    pub services: Vec<ServiceReach>,
}

/// How a provider does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ProviderHealth {
    /// The provider.
    #[cfg_attr(feature = "ssr", schema(value_type = String, example = "serpapi"))]
    pub provider: ProviderId,
    /// Its name.
    #[cfg_attr(feature = "ssr", schema(example = "SerpAPI"))]
    pub name: String,
    /// Its calls in the range, of users who number five at least.
    pub calls: Option<CallHealth>,
    /// Keys by how they stand, where at least five users have such keys.
    pub keys: Vec<KeysAlike>,
}

/// How calls of many users went. Calls that Keyward stopped waiting for tell nothing of the provider, and are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct CallHealth {
    /// All of them.
    pub calls: i64,
    /// Those that failed. `null` where fewer than five users had any, and where it would tell how many calls of fewer than
    /// five users were refused.
    pub failed: Option<i64>,
    /// Those that failed for the provider's sake: no connection, no answer in time, or a fault of its own. `null` where fewer
    /// than five users had any.
    pub unanswered: Option<i64>,
    /// Milliseconds that half of the calls took at the most. `null` where fewer than five users had calls that took so long.
    pub p50_ms: Option<i64>,
    /// The same for 95 of a hundred.
    pub p95_ms: Option<i64>,
    /// The same for 99 of a hundred.
    pub p99_ms: Option<i64>,
}

impl CallHealth {
    /// Calls of a hundred that were done, as far as that may be told.
    pub fn success_percent(&self) -> Option<f64> {
        self.percent_without(self.failed?)
    }

    /// Calls of a hundred that the provider answered, whatever it said, as far as that may be told.
    pub fn available_percent(&self) -> Option<f64> {
        self.percent_without(self.unanswered?)
    }

    fn percent_without(&self, those: i64) -> Option<f64> {
        (self.calls > 0).then(|| (self.calls - those) as f64 * 100.0 / self.calls as f64)
    }
}

/// Keys that stand alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct KeysAlike {
    /// A status; `undecryptable` for keys that the installation cannot open; or `unanswered` for those whose last check
    /// had no definite answer, which are counted under their status as well.
    #[cfg_attr(feature = "ssr", schema(example = "valid"))]
    pub standing: String,
    /// How many.
    pub keys: i64,
}

impl KeysAlike {
    /// The words on the page.
    pub fn label(&self) -> &str {
        match self.standing.as_str() {
            "unverified" => "not checked yet",
            "valid" => "valid",
            "limited" => "limited",
            "exhausted" => "with nothing left",
            "invalid" => "not accepted",
            "suspended" => "suspended",
            "undecryptable" => "that cannot be opened",
            "unanswered" => "whose last check had no answer",
            other => other,
        }
    }
}

/// For how many users a service is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ServiceReach {
    /// The service.
    pub service: ServiceId,
    /// Users for whom it is open. `null` as well where it is open for all but fewer than five.
    pub open: Option<i64>,
    /// It is open for all, or all but fewer than five, of at least five users.
    pub nearly_all: bool,
}

impl ServiceReach {
    /// What may be told of a service that is open for `open` of `users`: neither of those for whom it is open, nor of
    /// those for whom it is not, if they are few.
    pub fn of(service: ServiceId, open: i64, users: i64) -> Self {
        let nearly_all = open >= ENOUGH_USERS && users - open < ENOUGH_USERS;
        Self { service, open: enough(open, open).filter(|_| !nearly_all), nearly_all }
    }

    /// The same in words.
    pub fn told(&self, users: Option<i64>) -> String {
        match (self.open, self.nearly_all, users) {
            (Some(open), _, Some(users)) => format!("{open} of {users} users"),
            (_, true, Some(users)) => format!("all of {users} users, or all but {FEW_USERS}"),
            _ => FEW_USERS.to_owned(),
        }
    }
}

/// The figure, if enough users stand behind it.
pub fn enough<T>(users: i64, figure: T) -> Option<T> {
    (users >= ENOUGH_USERS).then_some(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_tells_neither_of_few_who_have_it_nor_of_few_who_have_not() {
        let told = |open, users| ServiceReach::of(ServiceId::Calling, open, users).told(enough(users, users));
        for (open, users) in [(0, 0), (4, 4), (0, 900), (4, 900)] {
            assert_eq!(told(open, users), FEW_USERS);
        }
        assert_eq!(told(5, 10), "5 of 10 users");
        assert_eq!(told(895, 900), "895 of 900 users");
        for open in [896, 899, 900] {
            assert_eq!(told(open, 900), "all of 900 users, or all but fewer than 5 users");
        }
        assert_eq!(told(5, 5), "all of 5 users, or all but fewer than 5 users");
    }
}
