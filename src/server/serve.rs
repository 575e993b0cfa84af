//! The loop that accepts connections and ends them, HTTP/1.1 only: Keyward speaks plain text, to a
//! proxy or on loopback, and browsers use HTTP/2 over TLS only. With one version there is nothing
//! to guess from the first bytes, so the header deadline holds from the moment of connecting.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::write_timeout::WriteTimeout;

/// The loop's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeSettings {
    /// From connecting, or from the last answer, to the end of the next request's header.
    pub header_timeout: Duration,
    /// How long a client may leave its answer unread.
    pub write_timeout: Duration,
    /// Connections at a time; more wait in the system's queue.
    pub max_connections: usize,
    /// From the order to stop, when readiness says so, to the last connection accepted: the time a
    /// load balancer needs to look elsewhere.
    pub notice: Duration,
    /// From then on, what running requests have left. Whatever runs longer is cut.
    pub drain: Duration,
}

impl ServeSettings {
    /// The limits of an installation. On loopback nobody balances loads, so it stops without notice.
    pub fn new(loopback: bool) -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            max_connections: 2_000,
            notice: Duration::from_secs(if loopback { 0 } else { 3 }),
            drain: Duration::from_secs(25),
        }
    }
}

/// The order to stop.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Stop: readiness answers 503, then no new connections, then the end of the running requests.
    pub stop: CancellationToken,
    /// Stop at once.
    pub now: CancellationToken,
}

impl Shutdown {
    /// Ordered by SIGTERM or SIGINT; the second signal means at once.
    pub fn on_signals() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = Self::default();
        let order = shutdown.clone();
        tokio::spawn(async move {
            for token in [&order.stop, &order.now] {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
                token.cancel();
            }
        });
        Ok(shutdown)
    }
}

/// How the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request was answered.
    Completely,
    /// Some were cut.
    Cut,
}

/// Serves `app` on `listener` until `shutdown` is ordered, then drains. Always returns within
/// `notice` and `drain` of the order.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    settings: ServeSettings,
    shutdown: Shutdown,
) -> Drained {
    run(listener, app, settings, shutdown).await
}

/// What connections come from; tests replace it to make accepting fail.
trait Accept: Send {
    fn accept(&mut self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        TcpListener::accept(self).await
    }
}

async fn run(mut listener: impl Accept, app: Router, settings: ServeSettings, shutdown: Shutdown) -> Drained {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(settings.header_timeout).max_buf_size(64 * 1024);
    let places = Arc::new(Semaphore::new(settings.max_connections));
    let (graceful, cut, tasks) = (GracefulShutdown::new(), CancellationToken::new(), TaskTracker::new());

    let mut closing = pin!(async {
        shutdown.stop.cancelled().await;
        tokio::select! { () = sleep(settings.notice) => {}, () = shutdown.now.cancelled() => {} }
    });
    let mut pause = ACCEPT_PAUSE;
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((listener.accept().await?, place))
        };
        let ((stream, peer), place) = tokio::select! {
            biased;
            () = &mut closing => break,
            next = next => match next {
                Ok(next) => next,
                Err(error) => {
                    // Out of file descriptors, most likely: connections that end give some back.
                    if pause == ACCEPT_PAUSE {
                        tracing::warn!(kind = %error.kind(), "connections cannot be accepted, trying again");
                    }
                    tokio::select! { () = &mut closing => break, () = sleep(pause) => {} }
                    pause = (pause * 2).min(LONGEST_ACCEPT_PAUSE);
                    continue;
                }
            },
        };
        pause = ACCEPT_PAUSE;
        // Without it small answers wait for the client's acknowledgement; failing costs only time.
        let _ = stream.set_nodelay(true);

        let app = app.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            app.clone().oneshot(request)
        });
        let stream = TokioIo::new(WriteTimeout::new(stream, settings.write_timeout));
        let connection = graceful.watch(http.serve_connection(stream, service));
        let cut = cut.clone();
        tasks.spawn(async move {
            // How a connection ends is the client's affair.
            tokio::select! { _ = connection => {}, () = cut.cancelled() => {} }
            drop(place);
        });
    }

    drop(listener);
    let drained = tokio::select! {
        () = graceful.shutdown() => Drained::Completely,
        () = sleep(settings.drain) => Drained::Cut,
        () = shutdown.now.cancelled() => Drained::Cut,
    };
    cut.cancel();
    tasks.close();
    tasks.wait().await;
    drained
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_ACCEPT_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
