//! A provider that means harm: every behaviour ends in bounded time and memory, and condemns no key.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::support::{Room, Server, response};
use crate::{
    model::{check::Outcome, service::ServiceId},
    providers::{Call, CallError},
};

/// What a misbehaving server writes: a start, and then the same piece for ever, with a pause between.
#[derive(Clone)]
struct Behaviour {
    name: &'static str,
    start: Vec<u8>,
    then: Vec<u8>,
    pause: Duration,
    /// Holds the connection open after the last byte.
    hold: bool,
}

impl Behaviour {
    fn once(name: &'static str, start: impl Into<Vec<u8>>) -> Self {
        Self { name, start: start.into(), then: Vec::new(), pause: Duration::ZERO, hold: false }
    }

    fn endless(name: &'static str, start: impl Into<Vec<u8>>, then: impl Into<Vec<u8>>) -> Self {
        Self { then: then.into(), ..Self::once(name, start) }
    }

    async fn play(self, mut stream: TcpStream, written: Arc<AtomicUsize>) {
        if stream.write_all(&self.start).await.is_err() {
            return;
        }
        while !self.then.is_empty() {
            match stream.write(&self.then).await {
                Ok(count) => written.fetch_add(count, Ordering::Relaxed),
                Err(_) => return,
            };
            tokio::time::sleep(self.pause).await;
        }
        if self.hold {
            let _ = stream.read_u8().await;
        }
    }
}

fn behaviours() -> Vec<Behaviour> {
    let ok = "HTTP/1.1 200 OK\r\n";
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let drip = Duration::from_millis(20);
    vec![
        Behaviour::endless(
            "ten gibibytes",
            format!("{ok}content-length: 10737418240\r\n\r\n"),
            vec![b' '; 1 << 16],
        ),
        Behaviour::endless("endless chunks", format!("{ok}transfer-encoding: chunked\r\n\r\n"), chunk),
        Behaviour::endless("until closed", format!("{ok}\r\n"), vec![b'['; 1 << 16]),
        Behaviour {
            pause: drip,
            ..Behaviour::endless("drip", format!("{ok}content-length: 9999\r\n\r\n"), " ")
        },
        Behaviour { pause: drip, ..Behaviour::endless("drip of a head", ok, "x") },
        Behaviour::endless("endless headers", ok, "x-header: value\r\n"),
        Behaviour::endless("one endless header", format!("{ok}x-header: "), vec![b'x'; 1 << 16]),
        Behaviour::endless("endless 1xx", "", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"),
        Behaviour::endless("endless garbage", "", vec![0xff; 1 << 16]),
        Behaviour::once(
            "compressed",
            response(200, "content-encoding: gzip\r\n", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]),
        ),
        Behaviour::once("compressed twice", response(200, "content-encoding: br, gzip\r\n", &[0; 64])),
        Behaviour::once("deep", response(200, "", "[".repeat(60_000).as_bytes())),
        Behaviour::once("deep objects", response(200, "", "{\"a\":".repeat(12_000).as_bytes())),
        Behaviour::once("hang-up", ""),
        Behaviour::once("hang-up in the head", "HTTP/1.1 200 OK\r\nconte"),
        Behaviour::once("hang-up in the body", format!("{ok}content-length: 100\r\n\r\n{{")),
        Behaviour { hold: true, ..Behaviour::once("silence", "") },
        Behaviour {
            hold: true,
            ..Behaviour::once("silence in the body", format!("{ok}content-length: 9\r\n\r\n{{"))
        },
        Behaviour {
            hold: true,
            ..Behaviour::once("error without end", "HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\n{")
        },
        Behaviour {
            hold: true,
            ..Behaviour::once("401 without end", "HTTP/1.1 401 No\r\ncontent-length: 99\r\n\r\n{")
        },
        Behaviour::once("two lengths", format!("{ok}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}x")),
        Behaviour::once("a length that is none", format!("{ok}content-length: -1\r\n\r\n{{}}")),
        Behaviour::once(
            "length and chunks",
            format!("{ok}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
        ),
        Behaviour::once("a bad chunk", format!("{ok}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}")),
        Behaviour::once("not HTTP", "SSH-2.0-OpenSSH_9.9\r\n"),
        Behaviour::once("not UTF-8", response(200, "", &[b'"', 0xff, 0xfe, b'"'])),
        Behaviour::once("status 99", "HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n"),
        Behaviour::once("status 999", "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn harm_is_bounded() {
    let mut behaviours = behaviours();
    while !behaviours.is_empty() {
        let some = behaviours.split_off(behaviours.len().saturating_sub(7));
        futures::future::join_all(some.into_iter().map(suffer)).await;
    }
}

async fn suffer(behaviour: Behaviour) {
    let name = behaviour.name;
    let written = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&written);
    let server = Server::raw(move |stream, _| behaviour.clone().play(stream, Arc::clone(&counted))).await;
    let room = Room::hasty(server.addr);

    let started = Instant::now();
    let report = room.check(&room.serpapi()).await;
    assert_eq!(report.outcome, Outcome::Unreachable, "{name}");
    let stored = room.store(&room.serpapi());
    let call = room.providers.call(&stored.clone().into(), Call::new(ServiceId::DataScraper, "search")).await;
    let expected = matches!(call, Err(CallError::Refused { outcome: Outcome::Unreachable, .. }));
    assert!(expected, "{name}: {call:?}");
    // Two calls of 400 ms each; the rest is room for a busy machine.
    assert!(started.elapsed() < Duration::from_secs(6), "{name}: {:?}", started.elapsed());
    assert_eq!(room.events().len(), 2, "{name}");

    // What was taken is the cap, or what 400 ms bring where there is no cap, and the system's buffers.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let taken = written.load(Ordering::Relaxed);
    assert!(taken < 64 << 20 || name == "endless 1xx", "{name}: {taken} bytes");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(written.load(Ordering::Relaxed), taken, "{name}: the connection is still open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_end_as_well() {
    let server = Server::raw(|stream, _| async move {
        let start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
        Behaviour::endless("many", start, chunk).play(stream, Arc::default()).await;
    })
    .await;
    let room = Room::hasty(server.addr);
    let candidate = room.serpapi();
    let started = Instant::now();
    let reports = futures::future::join_all((0..200).map(|_| room.check(&candidate))).await;
    assert!(reports.iter().all(|report| report.outcome == Outcome::Unreachable));
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(room.events().len(), 200);
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let target = Server::answering(|_| response(200, "", b"{}")).await;
    for status in [300, 301, 302, 303, 304, 305, 307, 308] {
        for location in [
            format!("http://{}/account.json", target.addr),
            format!("http://localhost:{}/", target.addr.port()),
            format!("https://{}/", target.addr),
            format!("//{}/x", target.addr),
            "/elsewhere.json".to_owned(),
        ] {
            let answer = response(status, &format!("location: {location}\r\n"), b"");
            let server = Server::answering(move |_| answer.clone()).await;
            let room = Room::at(server.addr);
            for candidate in [room.serpapi(), room.twilio()] {
                let report = room.check(&candidate).await;
                assert_eq!((report.outcome, report.http_status), (Outcome::Unreachable, Some(status)));
            }
            assert_eq!(
                server.heads().len(),
                2,
                "{status} {location}: one request each, none to the other path"
            );
        }
    }
    assert!(target.heads().is_empty());
}
