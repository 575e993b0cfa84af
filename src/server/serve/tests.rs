use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use axum::{
    body::Bytes,
    routing::{get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
    time::timeout,
};

use super::*;
use crate::server::middleware;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn settings() -> ServeSettings {
    ServeSettings {
        header_timeout: MS(300),
        write_timeout: MS(300),
        max_connections: 50,
        notice: MS(0),
        drain: MS(600),
    }
}

fn app() -> Router {
    Router::new()
        .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }))
        .route(
            "/slow",
            get(|| async {
                sleep(MS(300)).await;
                "done"
            }),
        )
        .route("/stuck", get(std::future::pending::<()>))
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/large", get(|| async { vec![b'x'; 64 << 20] }))
}

struct Server {
    addr: SocketAddr,
    shutdown: Shutdown,
    loop_: JoinHandle<Drained>,
}

async fn start(settings: ServeSettings) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let shutdown = Shutdown::default();
    let loop_ = tokio::spawn(serve(listener, app(), settings, shutdown.clone()));
    Server { addr, shutdown, loop_ }
}

impl Server {
    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

/// All that comes until the server closes; a reset counts as closing.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = async { while stream.read_buf(&mut bytes).await.is_ok_and(|n| n > 0) {} };
    timeout(Duration::from_secs(5), read).await.expect("the connection stays open");
    String::from_utf8_lossy(&bytes).into_owned()
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn a_request_is_answered_and_knows_its_peer() {
    let server = start(settings()).await;
    let answer = rest(server.send(GET).await).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn silent_and_dawdling_clients_are_closed() {
    let server = start(settings()).await;
    let begin = Instant::now();
    for beginning in
        ["", "GET / HTTP/1.1\r\nHost: x\r\nX-A: ", "PRI * HT", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"]
    {
        rest(server.send(beginning).await).await;
    }
    // Four times the deadline, with room for a busy machine.
    assert!(begin.elapsed() < Duration::from_secs(4));
    assert!(rest(server.send(GET).await).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_sends_its_header_a_byte_at_a_time_is_closed() {
    let server = start(settings()).await;
    let (mut reading, mut writing) = server.send("GET / HTTP/1.1\r\n").await.into_split();
    let drip = tokio::spawn(async move {
        while writing.write_all(b"a").await.is_ok() {
            sleep(MS(50)).await
        }
    });
    let mut bytes = Vec::new();
    let closed = async { while reading.read_buf(&mut bytes).await.is_ok_and(|n| n > 0) {} };
    timeout(Duration::from_secs(5), closed).await.expect("the connection stays open");
    drip.abort();
}

#[tokio::test]
async fn a_client_that_never_reads_is_closed() {
    let server = start(ServeSettings { max_connections: 1, ..settings() }).await;
    let _unread = server.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
    // The only place is free again, so this one is served.
    assert!(rest(server.send(GET).await).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_full_house_makes_new_connections_wait() {
    let server = start(ServeSettings { max_connections: 1, header_timeout: MS(800), ..settings() }).await;
    let _idle = server.send("").await;
    sleep(MS(50)).await;
    let begin = Instant::now();
    assert!(rest(server.send(GET).await).await.starts_with("HTTP/1.1 200"));
    assert!(begin.elapsed() >= MS(500));
}

#[tokio::test]
async fn stopping_finishes_what_runs_and_refuses_what_is_new() {
    let server = start(settings()).await;
    let slow = server.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let _half = server.send("GET / HT").await;
    sleep(MS(50)).await;
    server.shutdown.stop.cancel();
    sleep(MS(50)).await;
    assert!(TcpStream::connect(server.addr).await.is_err());
    let answer = rest(slow).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    assert_eq!(server.loop_.await.unwrap(), Drained::Completely);
}

#[tokio::test]
async fn a_stuck_request_is_cut_at_the_deadline() {
    let server = start(settings()).await;
    let stuck = server.send("GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let stalled = server.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc").await;
    sleep(MS(50)).await;
    let begin = Instant::now();
    server.shutdown.stop.cancel();
    assert_eq!(server.loop_.await.unwrap(), Drained::Cut);
    assert!(begin.elapsed() >= MS(500) && begin.elapsed() < Duration::from_secs(4));
    assert_eq!((rest(stuck).await, rest(stalled).await), (String::new(), String::new()));
}

#[tokio::test]
async fn the_second_order_stops_at_once() {
    let hour = Duration::from_secs(3_600);
    let server = start(ServeSettings { notice: hour, drain: hour, ..settings() }).await;
    let _stuck = server.send("GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n").await;
    sleep(MS(50)).await;
    server.shutdown.stop.cancel();
    sleep(MS(50)).await;
    assert!(!server.loop_.is_finished());
    server.shutdown.now.cancel();
    let ended = timeout(Duration::from_secs(4), server.loop_).await.expect("the loop goes on");
    assert_eq!(ended.unwrap(), Drained::Cut);
}

#[tokio::test]
async fn notice_is_given_before_the_door_closes() {
    let server = start(ServeSettings { notice: MS(500), ..settings() }).await;
    server.shutdown.stop.cancel();
    sleep(MS(100)).await;
    assert!(rest(server.send(GET).await).await.starts_with("HTTP/1.1 200"));
    assert_eq!(server.loop_.await.unwrap(), Drained::Completely);
}

/// Fails once, as a process without free file descriptors does.
struct Exhausted(TcpListener, Arc<AtomicBool>);

impl Accept for Exhausted {
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        const EMFILE: i32 = 24;
        if !self.1.swap(true, Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        self.0.accept().await
    }
}

#[tokio::test]
async fn the_loop_survives_a_lack_of_file_descriptors() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let failed = Arc::new(AtomicBool::new(false));
    let shutdown = Shutdown::default();
    let loop_ = tokio::spawn(run(Exhausted(listener, failed.clone()), app(), settings(), shutdown.clone()));
    let server = Server { addr, shutdown, loop_ };
    assert!(rest(server.send(GET).await).await.starts_with("HTTP/1.1 200"));
    assert!(failed.load(Ordering::SeqCst));
}

#[tokio::test]
async fn behind_the_middleware_a_stalled_body_is_answered() {
    let site = middleware::tests::site("https://keys.example.org");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let shutdown = Shutdown::default();
    let app = middleware::around(app(), site);
    let server =
        Server { addr, loop_: tokio::spawn(serve(listener, app, settings(), shutdown.clone())), shutdown };
    let stalled = server.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc").await;
    assert!(rest(stalled).await.starts_with("HTTP/1.1 400"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_first_signal_drains_and_the_second_cuts() {
    use rustix::process::{Signal, getpid, kill_process};

    let shutdown = Shutdown::on_signals().unwrap();
    kill_process(getpid(), Signal::TERM).unwrap();
    timeout(Duration::from_secs(5), shutdown.stop.cancelled()).await.unwrap();
    assert!(!shutdown.now.is_cancelled());
    kill_process(getpid(), Signal::INT).unwrap();
    timeout(Duration::from_secs(5), shutdown.now.cancelled()).await.unwrap();
}
