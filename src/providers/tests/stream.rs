//! Calls whose answer is handed on as it comes, and forms with files, with ElevenLabs' voices.

use std::time::{Duration, Instant};

use serde_json::json as value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

use super::support::{CANARY, Room, Server, eventually, json, response};
use crate::{
    model::{check::Outcome, ids::ProviderId, service::ServiceId, status::Reason},
    providers::{Call, CallError, CutOff, Stream, Usable, UsageOutcome, egress::bulkhead::STREAMS_PER_USER},
};

const SOUND: &str = "content-type: audio/mpeg; x=1\r\ncharacter-cost: 7\r\n";

pub(super) fn speak() -> Call {
    Call::new(ServiceId::VoiceCloning, "speak").path("voice_id", "v/1").member("text", "hello").units(5)
}

pub(super) fn preview() -> Call {
    Call::new(ServiceId::VoiceCloning, "preview").path("voice_id", "v1").units(0)
}

pub(super) fn stored(room: &Room) -> Usable {
    room.store(&room.candidate(&ProviderId::ELEVENLABS, &[("api_key", CANARY)])).into()
}

/// Reads what a request has after its head.
pub(super) async fn rest(stream: &mut TcpStream, head: &str) -> Vec<u8> {
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    body
}

/// A server that reads whole requests before it answers them.
async fn serve(answer: Vec<u8>) -> Server {
    Server::raw(move |mut stream, head| {
        let answer = answer.clone();
        async move {
            rest(&mut stream, &head).await;
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

async fn ask(answer: Vec<u8>, call: Call) -> (Result<Stream, CallError>, Room, Server) {
    let server = serve(answer).await;
    let room = Room::at(server.addr);
    let result = room.providers.stream(&stored(&room), call).await;
    (result, room, server)
}

/// All that comes, and whether it came to its end.
async fn drain(mut stream: Stream) -> (Vec<u8>, Result<(), CutOff>) {
    let mut all = Vec::new();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(bytes) => all.extend_from_slice(&bytes),
            Err(error) => return (all, Err(error)),
        }
    }
    (all, Ok(()))
}

#[tokio::test]
async fn sound_is_handed_on_and_counted_as_the_provider_counts_it() {
    let sound: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    let (stream, room, server) = ask(response(200, SOUND, &sound), speak()).await;
    let stream = stream.unwrap();
    assert_eq!((stream.media_type.as_str(), stream.units), ("audio/mpeg", 7));
    // Not shown where it fails: it is long.
    assert!(drain(stream).await == (sound, Ok(())));
    let head = &server.heads()[0];
    assert!(head.starts_with("POST /v1/text-to-speech/v%2F1/stream HTTP/1.1"), "{head}");
    assert!(head.contains(&format!("xi-api-key: {CANARY}")) && head.contains("accept: */*"), "{head}");
    let events = room.events();
    let [event] = events.as_slice() else { panic!("one event: {events:?}") };
    assert_eq!((event.operation.as_str(), event.outcome, event.units), ("speak", UsageOutcome::Done, 7));
}

#[tokio::test]
async fn without_a_word_on_the_cost_the_estimate_counts() {
    let (stream, room, _server) = ask(response(200, "content-type: audio/mpeg\r\n", b"x"), speak()).await;
    assert_eq!(drain(stream.unwrap()).await, (b"x".to_vec(), Ok(())));
    assert_eq!(room.events()[0].units, 5);
    // Nor does one that no sum could hold.
    for told in ["9223372036854775807", "-1", "many"] {
        let head = format!("content-type: audio/mpeg\r\ncharacter-cost: {told}\r\n");
        let (stream, room, _server) = ask(response(200, &head, b"x"), speak()).await;
        assert_eq!(drain(stream.unwrap()).await, (b"x".to_vec(), Ok(())));
        assert_eq!(room.events()[0].units, 5, "{told}");
    }
}

#[tokio::test]
async fn what_is_no_sound_is_an_error_and_none_of_it_comes_through() {
    let refused = |outcome, reason, status| CallError::Refused {
        outcome,
        reason,
        retry_after: None,
        http_status: Some(status),
    };
    let not_understood =
        |reason, status| CallError::NotUnderstood { reason, http_status: Some(status), code: None };
    let detail = |status: &str| value!({"detail": {"status": status, "message": "words"}});
    let cases = [
        (json(401, &detail("quota_exceeded")), refused(Outcome::Exhausted, Reason::QuotaUsedUp, 401)),
        (
            json(401, &detail("missing_permissions")),
            refused(Outcome::Limited, Reason::MissingPermissions, 401),
        ),
        (json(402, &detail("payment_required")), refused(Outcome::Limited, Reason::PlanNeeded, 402)),
        (json(403, &detail("only_for_creator+")), refused(Outcome::Limited, Reason::PlanNeeded, 403)),
        (json(404, &detail("voice_not_found")), not_understood(Reason::NotThere, 404)),
        (json(400, &detail("max_character_limit_exceeded")), not_understood(Reason::ContentRefused, 400)),
        (json(200, &value!({"audio": "x"})), refused(Outcome::Unreachable, Reason::UnexpectedAnswer, 200)),
        (
            response(200, "content-type: audio/mpeg\r\ncontent-encoding: gzip\r\n", b"x"),
            refused(Outcome::Unreachable, Reason::UnexpectedAnswer, 200),
        ),
        (json(500, &value!({})), refused(Outcome::Unreachable, Reason::ProviderFault, 500)),
    ];
    for (answer, expected) in cases {
        let (result, room, _server) = ask(answer, speak()).await;
        assert_eq!(result.err(), Some(expected));
        eventually(|| room.events().len() == 1).await;
        assert_eq!(room.events()[0].units, 0);
    }
}

#[tokio::test]
async fn an_answer_is_cut_off_at_its_limit_and_where_it_holds_the_key() {
    let echo = [&vec![b'a'; 70_000][..], CANARY.as_bytes(), b"rest"].concat();
    let endless = response(200, SOUND, &vec![0; 4 << 20]);
    let endless = String::from_utf8(endless).unwrap().replacen("content-length: 4194304\r\n", "", 1);
    for (answer, most) in [(response(200, SOUND, &echo), usize::MAX), (endless.into_bytes(), 1 << 20)] {
        let server = serve(answer).await;
        let room = Room::with(&format!("http://{}", server.addr), |catalogue| {
            catalogue.edit(&ProviderId::ELEVENLABS, |file| {
                file.budgets.get_mut("audio").unwrap().max_bytes = most;
            });
        });
        let stream = room.providers.stream(&stored(&room), speak()).await.unwrap();
        let (came, end) = drain(stream).await;
        assert_eq!(end, Err(CutOff));
        assert!(came.len() <= most && !came.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()));
        eventually(|| room.events().len() == 1).await;
        // It was paid for.
        assert_eq!((room.events()[0].outcome, room.events()[0].units), (UsageOutcome::Unreachable, 7));
    }
}

#[tokio::test]
async fn a_reader_who_leaves_ends_the_call_which_stays_paid_for() {
    let server = Server::raw(|mut stream, asked| async move {
        rest(&mut stream, &asked).await;
        let head = format!("HTTP/1.1 200 OK\r\n{SOUND}transfer-encoding: chunked\r\n\r\n4\r\nsome\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        Notify::new().notified().await;
    })
    .await;
    let room = Room::at(server.addr);
    let mut stream = room.providers.stream(&stored(&room), speak()).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), "some");
    assert!(room.events().is_empty());
    drop(stream);
    eventually(|| room.events().len() == 1).await;
    assert_eq!((room.events()[0].outcome, room.events()[0].units), (UsageOutcome::Cancelled, 7));
}

#[tokio::test]
async fn whoever_leaves_before_the_answer_ends_the_call_too() {
    let server = Server::raw(|mut stream, asked| async move {
        rest(&mut stream, &asked).await;
        Notify::new().notified().await;
    })
    .await;
    let room = Room::at(server.addr);
    let usable = stored(&room);
    let asked = room.providers.stream(&usable, speak());
    assert!(tokio::time::timeout(Duration::from_millis(300), asked).await.is_err());
    eventually(|| room.events().len() == 1).await;
    assert_eq!((room.events()[0].outcome, room.events()[0].units), (UsageOutcome::Cancelled, 0));
}

#[tokio::test]
async fn the_head_comes_soon_and_the_rest_takes_its_time() {
    let silent = Server::raw(|mut stream, asked| async move {
        rest(&mut stream, &asked).await;
        Notify::new().notified().await;
    })
    .await;
    let room = Room::at(silent.addr);
    let begun = Instant::now();
    let late = room.providers.stream(&stored(&room), speak()).await.err();
    assert!(matches!(late, Some(CallError::Refused { reason: Reason::TimedOut, .. })), "{late:?}");
    // The whole of it may take ten minutes.
    assert!(begun.elapsed() < Duration::from_secs(30));

    let slow = Server::raw(|mut stream, asked| async move {
        rest(&mut stream, &asked).await;
        let head = format!("HTTP/1.1 200 OK\r\n{SOUND}content-length: 8\r\n\r\nsome");
        stream.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        let _ = stream.write_all(b"more").await;
    })
    .await;
    let room = Room::at(slow.addr);
    let stream = room.providers.stream(&stored(&room), speak()).await.unwrap();
    assert_eq!(drain(stream).await, (b"somemore".to_vec(), Ok(())));
}

#[tokio::test]
async fn listeners_hold_up_no_calls_and_have_not_too_many_streams() {
    let server = Server::raw(|mut stream, asked| async move {
        rest(&mut stream, &asked).await;
        if !asked.starts_with("POST /v1/text-to-speech/") {
            let _ = stream.write_all(&json(200, &value!({"voice_id": "v2"}))).await;
            return;
        }
        let head = format!("HTTP/1.1 200 OK\r\n{SOUND}transfer-encoding: chunked\r\n\r\n4\r\nsome\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        Notify::new().notified().await;
    })
    .await;
    let room = Room::at(server.addr);
    let usable = stored(&room);
    let mut streams = Vec::new();
    for _ in 0..STREAMS_PER_USER {
        streams.push(room.providers.stream(&usable, speak()).await.unwrap());
    }
    assert_eq!(room.providers.stream(&usable, speak()).await.err(), Some(CallError::Busy));
    assert_eq!((server.heads().len(), room.events().len()), (STREAMS_PER_USER, 0), "nothing was sent");
    let call = Call::new(ServiceId::VoiceCloning, "clone").part("name", "Desk").units(0);
    room.providers.call(&usable, call).await.unwrap();
    drop(streams.pop());
    let mut next = room.providers.stream(&usable, speak()).await;
    for _ in 0..500 {
        if next.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        next = room.providers.stream(&usable, speak()).await;
    }
    assert!(next.is_ok(), "whoever leaves makes room");
}

#[tokio::test]
async fn a_link_is_followed_to_known_hosts_only_and_without_the_key() {
    let server = Server::answering(|head| {
        let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
        if head.starts_with("GET /previews/") {
            return response(200, "content-type: audio/mpeg\r\n", b"la la");
        }
        json(200, &value!({"voice_id": "v1", "preview_url": format!("http://{host}/previews/v1.mp3?a=b")}))
    })
    .await;
    let room = Room::at(server.addr);
    let stream = room.providers.stream(&stored(&room), preview()).await.unwrap();
    assert_eq!(drain(stream).await, (b"la la".to_vec(), Ok(())));
    let heads = server.heads();
    assert!(heads[0].starts_with("GET /v1/voices/v1 HTTP/1.1") && heads[0].contains(CANARY));
    assert!(heads[1].starts_with("GET /previews/v1.mp3?a=b HTTP/1.1") && !heads[1].contains(CANARY));
    assert_eq!(room.events().len(), 2);

    for elsewhere in [
        "http://127.0.0.1:1/x.mp3",
        "http://storage.googleapis.com/x.mp3",
        "https://storage.googleapis.com:8443/x.mp3",
        "https://user@storage.googleapis.com/x.mp3",
        "https://storage.googleapis.com.evil.example/x.mp3",
        "https://evilelevenlabs.io/x.mp3",
        "https://elevenlabs.io/x.mp3",
        "https://169.254.169.254/x.mp3",
        "file:///etc/passwd",
        "x.mp3",
        "",
    ] {
        let (result, room, server) =
            ask(json(200, &value!({"voice_id": "v1", "preview_url": elsewhere})), preview()).await;
        let expected = CallError::NotUnderstood { reason: Reason::NotThere, http_status: None, code: None };
        assert_eq!(result.err(), Some(expected), "{elsewhere}");
        assert_eq!((server.heads().len(), room.events().len()), (1, 1), "{elsewhere}");
    }
}

#[tokio::test]
async fn a_form_with_files_is_sent_whole() {
    let server = Server::raw(|mut stream, head| async move {
        let body = rest(&mut stream, &head).await;
        let body = String::from_utf8_lossy(&body).into_owned();
        let _ = stream.write_all(&json(200, &value!({"voice_id": "v2", "seen": body}))).await;
    })
    .await;
    let room = Room::at(server.addr);
    let call = Call::new(ServiceId::VoiceCloning, "clone")
        .part("name", "Front \"desk\"\r\nx: y")
        .file("files", "sample-1.wav", "audio/wav", "RIFF\0".into())
        .file("files", "sample-2.webm", "audio/webm", "second".into())
        .units(0);
    let answer = room.providers.call(&stored(&room), call).await.unwrap();
    let seen = answer.body["seen"].as_str().unwrap();
    for part in [
        "form-data; name=\"name\"\r\n\r\nFront \"desk\"\r\nx: y\r\n",
        "form-data; name=\"files\"; filename=\"sample-1.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\0\r\n",
        "form-data; name=\"files\"; filename=\"sample-2.webm\"\r\nContent-Type: audio/webm\r\n\r\nsecond\r\n",
    ] {
        assert!(seen.contains(part), "{seen}");
    }
    assert_eq!(room.events()[0].outcome, UsageOutcome::Done);
}
