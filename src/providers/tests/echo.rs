//! A provider that repeats the key wherever it can, and failures whose texts could hold it.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use serde_json::json as value;

use super::support::{CANARY, Room, Server, hurry, json, response};
use crate::{
    model::service::ServiceId,
    providers::{Call, EgressSettings, Spending, UsageSource, catalogue::Catalogue, egress::scrub::Scrubber},
};

/// Everything that the room lets out about checks and calls with the canary, as text.
async fn traces(room: &Room) -> String {
    let candidates = room.candidates();
    let checks = candidates.iter().map(async |candidate| {
        let report = room.check(candidate).await;
        let wire = serde_json::to_string(&report).unwrap();
        let stored = room.store(candidate);
        let again = room.providers.check_stored(&stored, UsageSource::Check, Spending::Refused).await;
        let (config, hint) = (candidate.config(), candidate.hint());
        format!("{report:?} {wire} {candidate:?} {config} {hint} {stored:?} {again:?}\n")
    });
    let mut out = futures::future::join_all(checks).await.concat();
    let stored = room.store(&room.serpapi());
    let call = Call::new(ServiceId::DataScraper, "search").query("q", "x");
    match room.providers.call(&stored.clone().into(), call).await {
        Ok(answer) => write!(out, "{answer:?} {}", answer.body).unwrap(),
        Err(error) => write!(out, "{error:?} {error}").unwrap(),
    }
    write!(out, "{:?} {:?}", room.events(), room.providers).unwrap();
    out
}

/// A one-member gzip stream whose only block is stored, so that the text is in it as it is.
fn gzip(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    bytes.extend(length.to_le_bytes());
    bytes.extend((!length).to_le_bytes());
    bytes.extend_from_slice(text);
    bytes.extend([0; 8]);
    bytes
}

/// Answers that repeat the key in every place and in every spelling.
pub(super) fn bodies() -> Vec<Vec<u8>> {
    let hex: String = CANARY.bytes().map(|b| format!("{b:02x}")).collect();
    let percent = percent();
    let text =
        format!("{CANARY} {hex} {} {}", STANDARD.encode(CANARY), STANDARD.encode(format!("x{CANARY}")));
    let full = value!({
        "account_id": text, "account_email": format!("{CANARY}@{CANARY}.org"), "plan_name": text,
        "account_rate_limit_per_hour": text, "extra_credits": CANARY, "plan_renewal_date": CANARY,
        "search_metadata": {"status": "Success", "json_endpoint": format!("https://x/?api_key={CANARY}")},
        "local_results": [{"title": text, CANARY: 1}],
        "sid": text, "owner_account_sid": format!("{text}."), "type": STANDARD.encode(CANARY), "status": CANARY,
        "calls": [CANARY], "balance": CANARY, "currency": CANARY, "error": text, "code": 20003, "message": text,
        "incoming_phone_numbers": [{"phone_number": CANARY, "capabilities": {"voice": true}}],
        "outgoing_caller_ids": [{"phone_number": hex}],
        "tier": text, "character_count": CANARY, "character_limit": CANARY, "voice_slots_used": text,
        "voice_limit": CANARY, "next_character_count_reset_unix": CANARY, "detail": text, "voices": [CANARY],
        "object": "list", "data": [{"id": text, "display_name": CANARY}], "models": [{"name": text}],
    });
    // The other way to write an error: as an object, whose words the rules look at.
    let mut coded = full.clone();
    coded["error"] = value!({
        "code": text, "type": CANARY, "status": CANARY, "message": text, "param": CANARY,
        "details": [{"reason": CANARY, "violations": [{"quotaId": text}]}],
    });
    coded["detail"] = value!({"code": CANARY, "status": text, "message": text});
    let mut bodies = vec![
        json(200, &full),
        json(200, &coded),
        response(200, "", format!("<html>{text} {percent}</html>").as_bytes()),
        response(200, "content-encoding: gzip\r\n", &gzip(full.to_string().as_bytes())),
        response(
            200,
            &format!("x-echo: {CANARY}\r\nset-cookie: k={CANARY}\r\nlocation: /{CANARY}\r\n"),
            b"{}",
        ),
        format!("HTTP/1.1 200 {CANARY}\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes(),
        response(302, &format!("location: https://example.org/?k={CANARY}\r\n"), CANARY.as_bytes()),
        format!("HTTP/1.1 {CANARY}\r\n\r\n").into_bytes(),
    ];
    for status in [400, 401, 402, 403, 404, 408, 422, 429, 500, 503] {
        bodies.push(json(status, &full));
        bodies.push(json(status, &coded));
        bodies.push(response(status, &format!("retry-after: {CANARY}\r\n"), text.as_bytes()));
    }
    let mut chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n".to_vec();
    for byte in full.to_string().bytes() {
        chunked.extend([b"1\r\n", [byte].as_slice(), b"\r\n"].concat());
    }
    chunked.extend(format!("0\r\nx-trailer: {CANARY}\r\n\r\n").bytes());
    bodies.push(chunked);
    bodies
}

fn percent() -> String {
    CANARY.bytes().map(|b| format!("%{b:02X}")).collect()
}

#[tokio::test]
async fn a_key_that_is_repeated_goes_nowhere() {
    let percent = percent();
    let finder = Scrubber::new([CANARY]);
    let mut good_answers = 0;
    for body in bodies() {
        let answer = body.clone();
        let server = Server::answering(move |_| answer.clone()).await;
        let traces = traces(&Room::at(server.addr)).await;
        let shown = String::from_utf8_lossy(&body);
        assert!(!finder.finds_in(&traces) && !traces.contains(&percent), "{shown}\n{traces}");
        assert!(server.heads().iter().any(|head| finder.finds_in(head)), "the key was sent");
        good_answers += usize::from(traces.contains("\"status\":\"Success\""));
    }
    assert_eq!(good_answers, 3, "the plain and the chunked answers are passed on, without the key");
}

#[tokio::test]
async fn the_text_of_a_failure_does_not_hold_the_key() {
    let finder = Scrubber::new([CANARY]);
    let plain = Server::answering(|_| response(200, "", b"not json")).await;
    let silent = Server::raw(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(stream);
    })
    .await;
    let hung_up = Server::raw(|stream, _| async move { drop(stream) }).await;
    let redirect = Server::answering(|head| {
        let target = head.split(' ').nth(1).unwrap_or_default();
        response(307, &format!("location: http://127.0.0.1:1{target}\r\n"), b"")
    })
    .await;
    let refused = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    for base in [
        format!("http://{refused}"),
        format!("http://{}", plain.addr),
        format!("http://{}", silent.addr),
        format!("http://{}", hung_up.addr),
        format!("http://{}", redirect.addr),
        // TLS where there is none, and a name that does not exist.
        format!("https://{}", plain.addr),
        "https://keyward.invalid".to_owned(),
    ] {
        let room = Room::with(&base, |catalogue| hurry(catalogue, 300));
        let traces = traces(&room).await;
        assert!(!finder.finds_in(&traces), "{base}\n{traces}");
        assert!(traces.contains("Unreachable"), "{base}\n{traces}");
    }
    // The real addresses, through a proxy that is not there.
    let proxy = SecretString::from(format!("http://{refused}"));
    let settings = EgressSettings::new(Catalogue::shared(), &BTreeMap::new(), Some(&proxy)).unwrap();
    let room = Room::new(settings, |catalogue| hurry(catalogue, 300));
    let traces = traces(&room).await;
    assert!(!finder.finds_in(&traces) && traces.contains("Unreachable"), "{traces}");
}
