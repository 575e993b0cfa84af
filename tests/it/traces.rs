//! Traces that arrive at a collector, and what is not in them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, any_value::Value as Any},
};
use prost::Message;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{App, DAY, Engine, PASSWORD, Process, both};

/// What a collector was sent.
pub type Received = Arc<Mutex<Vec<Bytes>>>;

/// A span, as the collector has it.
#[derive(Debug)]
struct Span {
    name: String,
    id: Vec<u8>,
    parent: Vec<u8>,
    trace: Vec<u8>,
    attributes: BTreeMap<String, String>,
    is_error: bool,
}

impl Span {
    fn has(&self, name: &str, value: &str) -> bool {
        self.attributes.get(name).is_some_and(|found| found == value)
    }
}

/// A collector on this machine.
pub async fn collector() -> (SocketAddr, Received) {
    let received = Received::default();
    let take = |State(received): State<Received>, body: Bytes| async move {
        received.lock().unwrap().push(body);
    };
    let routes = Router::new().route("/v1/traces", post(take)).with_state(received.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, received)
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// All spans, and the attributes of whoever sent them.
fn spans(received: &Received) -> (Vec<Span>, BTreeMap<String, String>) {
    let (mut spans, mut resource) = (Vec::new(), BTreeMap::new());
    for body in received.lock().unwrap().iter() {
        let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
        for sent in request.resource_spans {
            resource.extend(
                sent.resource.unwrap().attributes.into_iter().map(|pair| (pair.key, text(pair.value))),
            );
            for span in sent.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
                assert!(span.events.is_empty(), "what is logged is not in traces");
                spans.push(Span {
                    is_error: span.status.is_some_and(|status| status.code == 2),
                    name: span.name,
                    id: span.span_id,
                    parent: span.parent_span_id,
                    trace: span.trace_id,
                    attributes: span
                        .attributes
                        .into_iter()
                        .map(|pair| (pair.key, text(pair.value)))
                        .collect(),
                });
            }
        }
    }
    (spans, resource)
}

#[track_caller]
fn one<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

/// An installation that sends traces, and what it has sent.
struct Traced {
    app: App,
    received: Received,
}

impl Traced {
    async fn start(engine: Engine) -> Self {
        let (address, received) = collector().await;
        let endpoint = format!("http://{address}/");
        let settings =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_SERVICE_NAME", "keyward-test")];
        Self { app: App::start_with(engine, &settings).await, received }
    }
}

both! {
    async fn spans_tell_of_requests_calls_checks_and_jobs_and_of_no_secret(traced: Traced) {
        let Traced { app, received } = traced;
        let mut ana = app.user("ana").await;
        let key = App::test_key("serpapi", "plenty");
        ana.post("/api/user-api-keys/store", &json!({"provider": "serpapi", "credentials": key})).await.expect(201);
        let refused = App::test_key("serpapi", "invalid");
        let body = json!({"credentials": refused});
        ana.put("/api/user-api-keys/serpapi", &body).await.problem(422, "invalid-api-key");
        let usage = ana.get("/api/usage?range=7d&offset=77").await.expect(200);
        let search = json!({"query": "few distinctive cakes", "place": "52.52, 13.405"});
        let search = ana.post("/api/services/data-scraper/searches", &search).await.expect(201);
        let address = search.location().to_owned();
        while ana.get(&address).await.expect(200).json()["state"] != "finished" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let user = ana.get("/api/auth/me").await.json()["id"].as_str().unwrap().to_owned();
        let cookie = ana.cookie.clone().unwrap().split('=').nth(1).unwrap().to_owned();
        app.pass(2 * DAY).await;
        ana.get("/nowhere/secret-path-of-ana").await.expect(404);
        ana.get("/healthz").await.expect(200);
        app.traces.finish().await;

        let (spans, resource) = spans(&received);
        assert_eq!((resource["service.name"].as_str(), resource["service.version"].as_str()), ("keyward-test", env!("CARGO_PKG_VERSION")));

        let stored = one(&spans, "POST /api/user-api-keys/store");
        assert!(stored.parent.is_empty() && !stored.is_error, "{stored:?}");
        for (name, value) in [
            ("http.request.method", "POST"),
            ("http.route", "/api/user-api-keys/store"),
            ("http.response.status_code", "201"),
        ] {
            assert!(stored.has(name, value), "{name} of {stored:?}");
        }
        let calls: Vec<_> = spans.iter().filter(|span| span.attributes.contains_key("keyward.outcome")).collect();
        let asked = calls.iter().find(|span| span.parent == stored.id).unwrap();
        assert_eq!(asked.trace, stored.trace);
        for (name, value) in [("keyward.provider", "serpapi"), ("keyward.purpose", "candidate"), ("keyward.outcome", "done")] {
            assert!(asked.has(name, value), "{name} of {asked:?}");
        }
        assert!(asked.name.starts_with("serpapi ") && !asked.is_error);
        let replaced = one(&spans, "PUT /api/user-api-keys/{provider}");
        let turned_down = calls.iter().find(|span| span.parent == replaced.id).unwrap();
        assert!(turned_down.has("keyward.outcome", "invalid") && turned_down.is_error);

        // The request's id leads from an answer, or a line of the log, to its span.
        let id = usage.headers["x-request-id"].to_str().unwrap();
        assert!(one(&spans, "GET /api/usage").has("keyward.request.id", id));

        let check = spans.iter().find(|span| span.name == "check serpapi").unwrap();
        assert!(check.parent.is_empty() && check.has("keyward.provider", "serpapi") && check.has("keyward.ended", "accepted"), "{check:?}");
        assert!(calls.iter().any(|call| call.parent == check.id && call.has("keyward.purpose", "check")));
        let job = spans.iter().find(|span| span.name == "job search").unwrap();
        assert!(job.has("keyward.ended", "finished") && job.has("keyward.attempt", "1"), "{job:?}");
        let searched = calls.iter().find(|call| call.has("keyward.service", "data-scraper")).unwrap();
        assert!(searched.parent == job.id && searched.has("keyward.operation", "search"), "{searched:?}");
        assert!(spans.iter().any(|span| span.has("http.route", "none") && span.has("http.response.status_code", "404")));
        assert!(!spans.iter().any(|span| span.name.contains("healthz")));

        let everything = received.lock().unwrap().concat();
        let secret = |key: &serde_json::Value| key["api_key"].as_str().unwrap().to_owned();
        let search = address.rsplit('/').next().unwrap().to_owned();
        for private in [
            secret(&key), secret(&refused), PASSWORD.to_owned(), cookie, user, search,
            "ana@example.org".to_owned(), "distinctive".to_owned(), "offset".to_owned(), "secret-path".to_owned(),
        ] {
            assert!(memchr::memmem::find(&everything, private.as_bytes()).is_none(), "{private} is in the traces");
        }
    }
}

/// An installation whose collector is nobody, or somebody who never answers, and how long its end takes.
async fn with_collector_at(address: SocketAddr) -> Duration {
    let endpoint = format!("http://{address}");
    let app = App::start_with(Engine::Sqlite, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).await;
    let mut ana = app.user("ana").await;
    // More than there is room for.
    let begin = Instant::now();
    for _ in 0..2_500 {
        ana.get("/api/auth/me").await.expect(200);
    }
    assert!(begin.elapsed() < Duration::from_secs(60));
    let begin = Instant::now();
    app.traces.finish().await;
    // What comes later is nothing.
    ana.get("/api/auth/me").await.expect(200);
    begin.elapsed()
}

#[test]
fn a_collector_that_is_not_there_harms_nothing() {
    crate::support::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(with_collector_at(address).await < Duration::from_secs(5));
    });
}

#[test]
fn a_collector_that_hangs_harms_nothing() {
    crate::support::run(async {
        // Connections are taken by the system and answered by nobody.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert!(with_collector_at(listener.local_addr().unwrap()).await < Duration::from_secs(5));
    });
}

#[test]
fn what_is_left_is_sent_when_the_program_ends() {
    crate::support::run(async {
        let app = App::start(Engine::Sqlite).await;
        let (address, received) = collector().await;
        let dir = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", dir.path().join("keyward.db").display());
        let (endpoint, log) = (format!("http://{address}"), dir.path().join("log"));
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
        let process = Process::start_with(&database, dir.path(), app.simulator, &log, &variables).await;
        assert!(process.register("ana").await.is_some());
        let code = tokio::task::spawn_blocking(move || process.stop()).await.unwrap();
        assert_eq!(code, Some(0));
        let (spans, resource) = spans(&received);
        one(&spans, "POST /api/auth/register");
        assert_eq!(resource["service.name"], "keyward");
    });
}

#[test]
fn without_a_collector_there_are_no_traces() {
    crate::support::run(async {
        let app = App::start(Engine::Sqlite).await;
        assert_eq!(format!("{:?}", app.traces), "Traces(off)");
    });
}
