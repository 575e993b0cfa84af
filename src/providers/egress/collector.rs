//! The way to the collector of traces that the operator names. It is no provider, and nothing of a user's goes there; it
//! is here because HTTP clients are built nowhere else. Its address is the operator's own choice, so it may be private,
//! and plain where the operator's network is trusted.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Response, StatusCode};
use opentelemetry_http::{HttpClient, HttpError, Request};
use tokio::runtime::Handle;
use url::Url;

/// Everything, from connecting to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a collector says is read no further, and is not used.
const ANSWER_MAX: usize = 64 << 10;

/// Sends traces to one address, and follows nothing.
pub struct Collector {
    client: reqwest::Client,
    to: Url,
    /// The exporter has a thread of its own, outside of the runtime.
    runtime: Handle,
    /// The last attempt failed, and the log says so already.
    failing: AtomicBool,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

/// Why traces were not taken. Nothing of the answer is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the collector of traces does not answer")]
struct NoAnswer;

impl Collector {
    /// The way to `to`. To be called inside of the runtime.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn new(to: Url) -> reqwest::Result<Self> {
        let client = super::client::builder(None)?.timeout(PATIENCE).build()?;
        Ok(Self { client, to, runtime: Handle::current(), failing: AtomicBool::new(false) })
    }

    async fn send(client: reqwest::Client, request: reqwest::Request) -> reqwest::Result<reqwest::Response> {
        let mut response = client.execute(request).await?;
        // Read, so that the connection can be used again.
        let mut read = 0;
        while let Some(piece) = response.chunk().await? {
            read += piece.len();
            if read > ANSWER_MAX {
                break;
            }
        }
        Ok(response)
    }

    /// Once, when it begins to fail, and once when it works again.
    fn note(&self, status: Option<StatusCode>) {
        let works = status.is_some_and(|status| status.is_success());
        if self.failing.swap(!works, Ordering::Relaxed) == works {
            match (works, status) {
                (true, _) => tracing::info!("the collector of traces takes them again"),
                (false, status) => {
                    let status = status.map(|status| status.as_u16());
                    tracing::warn!(
                        status,
                        "the collector of traces does not take them; they are lost meanwhile"
                    );
                }
            }
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut request = reqwest::Request::try_from(request)?;
        *request.url_mut() = self.to.clone();
        let sent = self.runtime.spawn(Self::send(self.client.clone(), request)).await;
        let answer = sent.ok().and_then(Result::ok);
        self.note(answer.as_ref().map(reqwest::Response::status));
        let answer = answer.ok_or(NoAnswer)?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}
