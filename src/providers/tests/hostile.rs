//! A provider that means harm: every behaviour ends in bounded time and memory, and condemns no key.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json as value;
use tokio::{io::AsyncWriteExt, time::timeout};

use super::{
    behaviours::{Behaviour, twelve},
    stream,
    support::{Room, Server, json, response},
};
use crate::{
    model::{check::Outcome, service::ServiceId, status::Reason},
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_waits_ten_seconds_for_an_answer_to_begin_and_a_call_longer() {
    let ok = "HTTP/1.1 200 OK\r\n";
    let drip = Duration::from_millis(500);
    let behaviours = [
        Behaviour::silent("silence", ""),
        Behaviour::silent("half a head", format!("{ok}content-le")),
        Behaviour::slow("drip of a head", ok, "x", drip),
        Behaviour::slow("drip of 1xx", "", "HTTP/1.1 103 Early Hints\r\n\r\n", drip),
    ];
    let asked = behaviours.map(async |behaviour| {
        let name = behaviour.name;
        let server = Server::raw(move |stream, _| behaviour.clone().play(stream, Arc::default())).await;
        // With the budgets of the catalogue.
        let room = Room::at(server.addr);
        let check = async {
            let started = Instant::now();
            (room.check(&room.serpapi()).await, started.elapsed())
        };
        let stored = room.store(&room.serpapi()).into();
        let call = room.providers.call(&stored, Call::new(ServiceId::DataScraper, "search"));
        let call = timeout(Duration::from_millis(11_500), call);
        let ((report, took), call) = tokio::join!(check, call);
        assert_eq!((report.outcome, report.reason), (Outcome::Unreachable, Reason::TimedOut), "{name}");
        assert!((Duration::from_secs(9)..=Duration::from_secs(11)).contains(&took), "{name}: {took:?}");
        assert!(call.is_err(), "{name}: {call:?}");
    });
    futures::future::join_all(asked).await;
}

#[tokio::test]
async fn no_call_stream_upload_or_link_follows_a_redirect() {
    let target = Server::answering(|_| response(200, "", b"{}")).await;
    let upload = || {
        Call::new(ServiceId::VoiceCloning, "clone").part("name", "n").file(
            "files",
            "a.wav",
            "audio/wav",
            "RIFF".into(),
        )
    };
    for status in [300, 301, 302, 303, 304, 305, 307, 308] {
        for location in [
            format!("http://{}/elsewhere", target.addr),
            format!("https://{}/", target.addr),
            "/elsewhere".to_owned(),
        ] {
            let away = response(status, &format!("location: {location}\r\n"), b"");
            let server = Server::raw(move |mut stream, head| {
                let away = away.clone();
                async move {
                    stream::rest(&mut stream, &head).await;
                    let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
                    let link = value!({"voice_id": "v1", "preview_url": format!("http://{host}/previews/a")});
                    let voice = head.starts_with("GET /v1/voices/v1 ");
                    let _ = stream.write_all(&if voice { json(200, &link) } else { away }).await;
                    let _ = stream.shutdown().await;
                }
            })
            .await;
            let room = Room::at(server.addr);
            let search = Call::new(ServiceId::DataScraper, "search").query("q", "x");
            let serpapi = room.store(&room.serpapi()).into();
            let elevenlabs = stream::stored(&room);
            let providers = &room.providers;
            for (what, error) in [
                ("call", providers.call(&serpapi, search).await.err()),
                ("upload", providers.call(&elevenlabs, upload()).await.err()),
                ("stream", providers.stream(&elevenlabs, stream::speak()).await.err()),
                ("link", providers.stream(&elevenlabs, stream::preview()).await.err()),
            ] {
                let expected = CallError::Refused {
                    outcome: Outcome::Unreachable,
                    reason: Reason::UnexpectedAnswer,
                    retry_after: None,
                    http_status: Some(status),
                };
                assert_eq!(error, Some(expected), "{what} {status} {location}");
            }
            // One request each, and the link's own.
            let heads = server.heads();
            assert_eq!(heads.len(), 5, "{status} {location}: {heads:?}");
            assert!(!heads.iter().any(|head| head.contains(" /elsewhere")), "{heads:?}");
        }
    }
    assert!(target.heads().is_empty());
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
