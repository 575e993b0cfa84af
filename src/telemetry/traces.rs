//! Traces for a collector that the operator names (OTLP): what was asked of Keyward, what Keyward asked of providers,
//! its checks and its jobs. Without a collector all of this is nothing.
//!
//! What a span can tell is what the functions here take: words of closed lists, the catalogue's names, and the id of a
//! request. They stand beside the log and depend on none of its filters. No trace is continued that comes from outside.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context, KeyValue, Value,
    context::FutureExt as _,
    trace::{Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _},
};
use opentelemetry_http::HttpClient;
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};

use super::metrics::known_method;

/// What is left when the server stops may take this long to be sent.
const FAREWELL: Duration = Duration::from_secs(3);

/// Why there are no traces although they were asked for.
#[derive(Debug, thiserror::Error)]
#[error("The traces cannot be set up: {0}")]
pub struct TracesError(#[from] ExporterBuildError);

/// Where spans go; by default nowhere.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Sending>>);

struct Sending {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Traces" } else { "Traces(off)" })
    }
}

/// A call to a provider that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The provider.
    pub provider: &'a str,
    /// What was asked, as the catalogue calls it.
    pub operation: &'a str,
    /// Use, check or candidate.
    pub purpose: &'static str,
    /// For which service, if for any.
    pub service: Option<&'static str>,
    /// How it ended.
    pub outcome: &'static str,
    /// It did what was asked.
    pub succeeded: bool,
}

impl Traces {
    /// Sends spans by `client` to `endpoint`, in the name of `service`. Spans wait in a queue of 2,048, and are dropped
    /// where there is no room: nothing waits for the collector.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn to(endpoint: &str, service: &str, client: impl HttpClient + 'static) -> Result<Self, TracesError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(endpoint)
            .with_protocol(Protocol::HttpBinary)
            .build()?;
        let resource = Resource::builder()
            .with_service_name(service.to_owned())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        let tracer = provider.tracer("keyward");
        Ok(Self(Some(Arc::new(Sending { provider, tracer }))))
    }

    /// A request that begins. `route` is the route as it is written in the router.
    pub fn request(&self, method: &http::Method, route: &str, id: impl fmt::Display) -> Piece {
        let method = known_method(method);
        self.begin(SpanKind::Server, || {
            let known = [
                KeyValue::new("http.request.method", method),
                KeyValue::new("http.route", route.to_owned()),
                KeyValue::new("keyward.request.id", id.to_string()),
            ];
            (format!("{method} {route}"), known.into())
        })
    }

    /// A check of a key of this provider, which begins.
    pub fn check(&self, provider: impl fmt::Display) -> Piece {
        self.begin(SpanKind::Internal, || {
            let provider = provider.to_string();
            (format!("check {provider}"), vec![KeyValue::new("keyward.provider", provider)])
        })
    }

    /// An attempt at a job, which begins.
    pub fn job(&self, lane: &'static str, attempt: i64) -> Piece {
        self.begin(SpanKind::Internal, || {
            let known = [KeyValue::new("keyward.lane", lane), KeyValue::new("keyward.attempt", attempt)];
            (format!("job {lane}"), known.into())
        })
    }

    /// A call to a provider that has just ended and took so long. It belongs to whatever is around it.
    pub fn call(&self, call: Call<'_>, took: Duration) {
        let Some(sending) = &self.0 else { return };
        let mut known = vec![
            KeyValue::new("keyward.provider", call.provider.to_owned()),
            KeyValue::new("keyward.operation", call.operation.to_owned()),
            KeyValue::new("keyward.purpose", call.purpose),
            KeyValue::new("keyward.outcome", call.outcome),
        ];
        known.extend(call.service.map(|service| KeyValue::new("keyward.service", service)));
        let end = SystemTime::now();
        let mut span = sending
            .tracer
            .span_builder(format!("{} {}", call.provider, call.operation))
            .with_kind(SpanKind::Client)
            .with_start_time(end.checked_sub(took).unwrap_or(end))
            .with_attributes(known)
            .start(&sending.tracer);
        if !call.succeeded {
            span.set_status(Status::error(call.outcome));
        }
        span.end_with_timestamp(end);
    }

    /// Sends what is left, for as long as the server's end may wait for it. Nothing is sent afterwards.
    pub async fn finish(&self) {
        let Some(sending) = self.0.clone() else { return };
        // It waits for a thread of its own.
        let sent =
            tokio::task::spawn_blocking(move || sending.provider.shutdown_with_timeout(FAREWELL)).await;
        if !matches!(sent, Ok(Ok(()))) {
            tracing::warn!("the last traces could not be sent");
        }
    }

    fn begin(&self, kind: SpanKind, what: impl FnOnce() -> (String, Vec<KeyValue>)) -> Piece {
        let Some(sending) = &self.0 else { return Piece(None) };
        let (name, known) = what();
        let span = sending.tracer.span_builder(name).with_kind(kind).with_attributes(known);
        Piece(Some(Context::current_with_span(span.start(&sending.tracer))))
    }
}

/// A span under way. It ends when this is dropped.
#[must_use]
pub struct Piece(Option<Context>);

impl Piece {
    /// Nothing that anybody hears of.
    pub const fn nothing() -> Self {
        Self(None)
    }

    /// What is done meanwhile belongs to it.
    pub async fn around<F: Future>(&self, work: F) -> F::Output {
        match &self.0 {
            Some(context) => work.with_context(context.clone()).await,
            None => work.await,
        }
    }

    /// How a request was answered.
    pub fn answered(&self, status: u16) {
        self.note("http.response.status_code", i64::from(status));
        if status >= 500 {
            self.fail("answered with a fault");
        }
    }

    /// How a check or a job ended.
    pub fn ended(&self, how: &'static str, well: bool) {
        self.note("keyward.ended", how);
        if !well {
            self.fail(how);
        }
    }

    fn note(&self, name: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(name, value));
        }
    }

    fn fail(&self, how: &'static str) {
        if let Some(context) = &self.0 {
            context.span().set_status(Status::error(how));
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}
