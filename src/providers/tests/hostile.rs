//! A provider that means harm: every behaviour ends in bounded time and memory, and condemns no key.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    behaviours::{Behaviour, twelve},
    support::{Room, Server, response},
};
use crate::{
    model::{check::Outcome, service::ServiceId},
    providers::{Call, CallError},
};

/// All that is tried, singly.
fn behaviours() -> Vec<Behaviour> {
    let ok = "HTTP/1.1 200 OK\r\n";
    let drip = Duration::from_millis(20);
    let mut all = twelve(64 << 10);
    // Too slow to be seen to end here; a quicker one is below.
    all.retain(|behaviour| behaviour.name != "a byte per second");
    all.extend([
        Behaviour::endless("until closed", format!("{ok}\r\n"), vec![b'['; 1 << 16]),
        Behaviour::slow("drip", format!("{ok}content-length: 9999\r\n\r\n"), " ", drip),
        Behaviour::slow("drip of a head", ok, "x", drip),
        Behaviour::endless("one endless header", format!("{ok}x-header: "), vec![b'x'; 1 << 16]),
        Behaviour::endless("endless 1xx", "", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"),
        Behaviour::endless("endless garbage", "", vec![0xff; 1 << 16]),
        Behaviour::once("compressed twice", response(200, "content-encoding: br, gzip\r\n", &[0; 64])),
        Behaviour::once("deep", response(200, "", "[".repeat(60_000).as_bytes())),
        Behaviour::once("deep objects", response(200, "", "{\"a\":".repeat(12_000).as_bytes())),
        Behaviour::once("hang-up", ""),
        Behaviour::once("hang-up in the head", "HTTP/1.1 200 OK\r\nconte"),
        Behaviour::silent("silence in the body", format!("{ok}content-length: 9\r\n\r\n{{")),
        Behaviour::silent("error without end", "HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\n{"),
        Behaviour::silent("401 without end", "HTTP/1.1 401 No\r\ncontent-length: 99\r\n\r\n{"),
        Behaviour::once("two lengths", format!("{ok}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}x")),
        Behaviour::once("a length that is none", format!("{ok}content-length: -1\r\n\r\n{{}}")),
        Behaviour::once(
            "length and chunks",
            format!("{ok}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"),
        ),
        Behaviour::once("a bad chunk", format!("{ok}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}")),
        Behaviour::once("not UTF-8", response(200, "", &[b'"', 0xff, 0xfe, b'"'])),
        Behaviour::once("status 99", "HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n"),
        Behaviour::once("status 999", "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"),
    ]);
    all
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
            let candidates = room.candidates();
            for candidate in &candidates {
                let report = room.check(candidate).await;
                let found = (report.outcome, report.http_status);
                assert_eq!(found, (Outcome::Unreachable, Some(status)), "{candidate:?} {location}");
            }
            // One request each, and none to the other path.
            assert_eq!(server.heads().len(), candidates.len(), "{status} {location}");
        }
    }
    assert!(target.heads().is_empty());
}
