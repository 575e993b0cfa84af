//! Counters for monitoring systems, in the OpenMetrics text format. They tell of routes, providers and
//! outcomes, never of users or keys.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
        info::Info,
    },
    registry::{Registry, Unit},
};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the histograms' buckets, in seconds.
const REQUEST: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
const CALL: [f64; 8] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    /// `2xx` and the like.
    status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    provider: String,
    purpose: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Provider {
    provider: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeysAlike {
    provider: String,
    status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Service {
    service: &'static str,
}

/// No labels: a figure of the whole installation, or of the whole process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Whole {}

/// What is as it is now, and read whenever it is asked for. What few users stand behind is not in it.
#[derive(Debug, Default)]
pub struct Now {
    /// Keys by provider and how they stand.
    pub keys: Vec<(String, String, i64)>,
    /// Users for whom a service is open, by its slug.
    pub open: Vec<(&'static str, i64)>,
    /// All users.
    pub users: Option<i64>,
    /// Checks whose time has come.
    pub checks_due: Option<i64>,
    /// Those whose time came more than five minutes ago.
    pub checks_late: Option<i64>,
    /// Calls that wait to be written to the ledger.
    pub usage_waiting: Option<i64>,
}

/// The gauges that show [`Now`]. One that is not known has no line.
#[derive(Default)]
struct Gauges {
    keys: Family<KeysAlike, Gauge>,
    open: Family<Service, Gauge>,
    users: Family<Whole, Gauge>,
    checks_due: Family<Whole, Gauge>,
    checks_late: Family<Whole, Gauge>,
    usage_waiting: Family<Whole, Gauge>,
}

impl Gauges {
    fn registered(registry: &mut Registry) -> Self {
        let gauges = Self::default();
        registry.register(
            "keys",
            "Stored keys by provider and status, where at least five users have such keys",
            gauges.keys.clone(),
        );
        registry.register(
            "service_open_users",
            "Users for whom a service is open, where those are at least five and all but five at most",
            gauges.open.clone(),
        );
        registry.register("users", "Users who are not shut out, if at least five", gauges.users.clone());
        registry.register("checks_due", "Checks of keys whose time has come", gauges.checks_due.clone());
        registry.register(
            "checks_late",
            "Checks of keys whose time came more than five minutes ago",
            gauges.checks_late.clone(),
        );
        registry.register(
            "usage_queue_calls",
            "Calls that this process is yet to write to the usage ledger",
            gauges.usage_waiting.clone(),
        );
        gauges
    }

    fn show(&self, now: &Now) {
        self.keys.clear();
        for (provider, status, number) in &now.keys {
            let alike = KeysAlike { provider: provider.clone(), status: status.clone() };
            self.keys.get_or_create(&alike).set(*number);
        }
        self.open.clear();
        for (service, number) in &now.open {
            self.open.get_or_create(&Service { service }).set(*number);
        }
        let single = [
            (&self.users, now.users),
            (&self.checks_due, now.checks_due),
            (&self.checks_late, now.checks_late),
            (&self.usage_waiting, now.usage_waiting),
        ];
        for (gauge, number) in single {
            gauge.clear();
            if let Some(number) = number {
                gauge.get_or_create(&Whole {}).set(number);
            }
        }
    }
}

/// The counters of this process.
pub struct Metrics {
    registry: Registry,
    /// Held while they are set and written: of two who ask at once, each gets a whole answer.
    gauges: Mutex<Gauges>,
    requests: Family<Request, Histogram, fn() -> Histogram>,
    calls: Family<Call, Counter>,
    call_times: Family<Provider, Histogram, fn() -> Histogram>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Counters that stand at zero; the process started `started` seconds after the epoch.
    pub fn new(started: i64) -> Self {
        let mut registry = Registry::with_prefix("keyward");
        let requests: Family<Request, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(REQUEST));
        let calls = Family::<Call, Counter>::default();
        let call_times: Family<Provider, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(CALL));
        registry.register(
            "build",
            "The running version",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register_with_unit(
            "start_time",
            "When the process started, since 1970",
            Unit::Seconds,
            ConstGauge::new(started),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Answered requests by route",
            Unit::Seconds,
            requests.clone(),
        );
        registry.register("provider_calls", "Outbound calls by how they ended", calls.clone());
        registry.register_with_unit(
            "provider_call_duration",
            "From sending a request to the end of the answer",
            Unit::Seconds,
            call_times.clone(),
        );
        let gauges = Mutex::new(Gauges::registered(&mut registry));
        Self { registry, gauges, requests, calls, call_times }
    }

    /// Counts an answered request. `route` is the route as it is written in the router: a bounded set.
    pub fn request(&self, method: &http::Method, route: &str, status: u16, took: Duration) {
        let labels = Request {
            method: known_method(method).to_owned(),
            route: route.to_owned(),
            status: format!("{}xx", status / 100),
        };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts an outbound call.
    pub fn call(&self, provider: &str, purpose: &'static str, outcome: &'static str, took: Duration) {
        let provider = provider.to_owned();
        self.calls.get_or_create(&Call { provider: provider.clone(), purpose, outcome }).inc();
        self.call_times.get_or_create(&Provider { provider }).observe(took.as_secs_f64());
    }

    /// Everything, in the OpenMetrics text format.
    pub fn text(&self, now: &Now) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.show(now);
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// The method, which is free text on the wire.
pub(super) fn known_method(method: &http::Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_in_the_text() {
        let metrics = Metrics::new(1_795_000_000);
        metrics.request(&http::Method::GET, "/api/services", 200, Duration::from_millis(3));
        metrics.request(&"BREW".parse().unwrap(), "/api/services", 405, Duration::from_millis(3));
        metrics.call("serpapi", "use", "done", Duration::from_millis(120));
        let now = Now {
            keys: vec![("serpapi".to_owned(), "valid".to_owned(), 7)],
            open: vec![("data-scraper", 6)],
            users: Some(12),
            checks_due: Some(3),
            ..Now::default()
        };
        let text = metrics.text(&now).unwrap();
        for line in [
            r#"keyward_http_request_duration_seconds_count{method="GET",route="/api/services",status="2xx"} 1"#,
            r#"keyward_http_request_duration_seconds_count{method="other",route="/api/services",status="4xx"} 1"#,
            r#"keyward_provider_calls_total{provider="serpapi",purpose="use",outcome="done"} 1"#,
            r#"keyward_provider_call_duration_seconds_bucket{le="0.25",provider="serpapi"} 1"#,
            "keyward_start_time_seconds 1795000000",
            r#"keyward_keys{provider="serpapi",status="valid"} 7"#,
            r#"keyward_service_open_users{service="data-scraper"} 6"#,
            "keyward_users 12",
            "keyward_checks_due 3",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        // What is not known any more is not told any more.
        let text = metrics.text(&Now::default()).unwrap();
        for name in ["keyward_keys", "keyward_service_open_users", "keyward_users", "keyward_checks_due"] {
            assert!(!text.lines().any(|line| line.starts_with(name)), "{name} is in\n{text}");
        }
    }
}
