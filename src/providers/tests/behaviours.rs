//! How a server misbehaves. The tests of this room and `make bench` share this file, so it stands alone.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

const OK: &str = "HTTP/1.1 200 OK\r\n";

/// What a misbehaving server writes once it has read a request: a start, and then the same piece for ever.
#[derive(Clone)]
pub(crate) struct Behaviour {
    pub(crate) name: &'static str,
    /// Before the first byte.
    wait: Duration,
    start: Vec<u8>,
    then: Vec<u8>,
    /// After each piece.
    pause: Duration,
    /// Holds the connection open after the last byte.
    hold: bool,
}

impl Behaviour {
    /// Writes `start` and hangs up.
    pub(crate) fn once(name: &'static str, start: impl Into<Vec<u8>>) -> Self {
        let (wait, pause) = (Duration::ZERO, Duration::ZERO);
        Self { name, wait, start: start.into(), then: Vec::new(), pause, hold: false }
    }

    /// Writes `start`, and `then` for ever.
    pub(crate) fn endless(name: &'static str, start: impl Into<Vec<u8>>, then: impl Into<Vec<u8>>) -> Self {
        Self { then: then.into(), ..Self::once(name, start) }
    }

    /// Writes `start`, and then nothing more.
    pub(crate) fn silent(name: &'static str, start: impl Into<Vec<u8>>) -> Self {
        Self { hold: true, ..Self::once(name, start) }
    }

    /// Writes `start`, and `then` again and again, slowly.
    pub(crate) fn slow(name: &'static str, start: impl Into<Vec<u8>>, then: &str, pause: Duration) -> Self {
        Self { pause, ..Self::endless(name, start, then) }
    }

    /// Misbehaves on one connection, and counts what it could write after the start.
    pub(crate) async fn play(self, mut stream: TcpStream, written: Arc<AtomicUsize>) {
        sleep(self.wait).await;
        if stream.write_all(&self.start).await.is_err() {
            return;
        }
        while !self.then.is_empty() {
            match stream.write(&self.then).await {
                Ok(count) => written.fetch_add(count, Ordering::Relaxed),
                Err(_) => return,
            };
            sleep(self.pause).await;
        }
        if self.hold {
            let _ = stream.read_u8().await;
        }
    }

    /// Misbehaves on every connection of `listener`.
    pub(crate) async fn serve(self, listener: TcpListener) {
        while let Ok((mut stream, _)) = listener.accept().await {
            let behaviour = self.clone();
            tokio::spawn(async move {
                read_head(&mut stream).await;
                behaviour.play(stream, Arc::default()).await;
            });
        }
    }
}

/// Reads one request's head.
pub(crate) async fn read_head(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    head
}

/// The twelve that a provider may try on many at once. `cap` is the longest answer that is read.
pub(crate) fn twelve(cap: usize) -> Vec<Behaviour> {
    let whole = |headers: &str, body: &[u8]| {
        let head = format!("{OK}content-length: {}\r\n{headers}\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let almost = format!("{OK}content-length: {cap}\r\n\r\n{}", " ".repeat(cap - 1));
    vec![
        Behaviour::endless(
            "ten gibibytes",
            format!("{OK}content-length: 10737418240\r\n\r\n"),
            vec![b' '; 1 << 16],
        ),
        Behaviour::endless(
            "endless chunks",
            format!("{OK}transfer-encoding: chunked\r\n\r\n"),
            format!("10000\r\n{}\r\n", "x".repeat(0x10000)),
        ),
        Behaviour::once("a gzip bomb", whole("content-encoding: gzip\r\n", &bomb())),
        Behaviour::slow(
            "a byte per second",
            format!("{OK}content-length: 9999\r\n\r\n"),
            " ",
            Duration::from_secs(1),
        ),
        Behaviour::endless("endless headers", OK, "x-header: value\r\n"),
        Behaviour::once("JSON 100,000 deep", whole("", "[".repeat(100_000).as_bytes())),
        Behaviour::once(
            "a redirect loop",
            "HTTP/1.1 307 Again\r\nlocation: /again\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ),
        Behaviour::silent("silence", ""),
        Behaviour::once("a hang-up in the body", format!("{OK}content-length: 100\r\n\r\n{{")),
        // The most that can be made to be held: all but one byte of the longest answer.
        Behaviour::silent("a length one byte too long", almost),
        Behaviour::once("a garbage status line", "SSH-2.0-OpenSSH_9.9\r\n\r\n"),
        Behaviour { wait: Duration::from_secs(20), ..Behaviour::once("a late first byte", whole("", b"{}")) },
    ]
}

/// 16 MiB of zeros, compressed.
fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // A vector takes every byte.
    let _ = (0..16).try_for_each(|_| encoder.write_all(&[0; 1 << 20]));
    encoder.finish().unwrap_or_default()
}
