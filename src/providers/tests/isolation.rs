//! Where requests must not go, and what must not be logged. Two of the tests need a process of their
//! own, for its environment and its log; they start this test binary again.

use std::{collections::BTreeMap, net::SocketAddr};

use secrecy::SecretString;
use serde_json::json as value;

use super::{
    echo, stream,
    support::{CANARY, KEY_SID, Room, SID, Server, hurry, in_own_process, json, yes},
};
use crate::{
    model::{check::Outcome, ids::ProviderId, service::ServiceId},
    providers::{
        Call, EgressSettings,
        catalogue::Catalogue,
        egress::{origin::Origin, scrub::Scrubber},
    },
};

/// A room whose catalogue, not its operator, leads to `origin`.
pub(super) fn leading_to(origin: &str) -> Room {
    let origin = Origin::try_from(origin.to_owned()).unwrap();
    Room::new(EgressSettings::default(), |catalogue| {
        hurry(catalogue, 1000);
        for id in Catalogue::shared().ids() {
            let origin = origin.clone();
            catalogue.edit(id, |file| {
                file.realms.iter_mut().for_each(|realm| realm.origin = origin.clone());
            });
        }
    })
}

#[tokio::test]
async fn the_catalogue_cannot_lead_into_private_networks() {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.1",
        "127.0.0.2",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost.",
        "LOCALHOST",
        "127.0.0.1.",
    ] {
        let room = leading_to(&format!("https://{host}:{port}"));
        // Typed addresses do not come from the catalogue; they have tests of their own.
        for candidate in room.candidates().into_iter().filter(|candidate| candidate.endpoint().is_none()) {
            assert_eq!(room.check(&candidate).await.outcome, Outcome::Unreachable, "{host} {candidate:?}");
        }
        assert!(listener.accept().is_err(), "{host}: somebody connected");
    }
    // The control: the same listener is reached when the operator says so.
    let room = Room::with(&format!("https://127.0.0.1:{port}"), |catalogue| hurry(catalogue, 300));
    room.check(&room.serpapi()).await;
    assert!(listener.accept().is_ok());
}

#[tokio::test]
async fn the_configured_proxy_sees_the_name_and_nothing_else() {
    let proxy = Server::answering(|_| json(502, &value!({}))).await;
    let address = SecretString::from(format!("http://me:hunter2@{}", proxy.addr));
    let room = Room::new(
        EgressSettings::new(Catalogue::shared(), &BTreeMap::new(), Some(&address)).unwrap(),
        |_| {},
    );
    assert_eq!(room.check(&room.serpapi()).await.outcome, Outcome::Unreachable);
    let heads = proxy.heads();
    assert!(heads[0].starts_with("CONNECT serpapi.com:443 HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[0].to_ascii_lowercase().contains("proxy-authorization: basic "), "{heads:?}");
    assert!(!Scrubber::new([CANARY]).finds_in(&heads.join("\n")));
    // What is on this machine is asked directly.
    let server = Server::answering(|_| yes()).await;
    let base_urls = BTreeMap::from([(ProviderId::SERPAPI, format!("http://{}", server.addr))]);
    let room =
        Room::new(EgressSettings::new(Catalogue::shared(), &base_urls, Some(&address)).unwrap(), |_| {});
    assert_eq!(room.check(&room.serpapi()).await.outcome, Outcome::Valid);
    assert_eq!(proxy.heads().len(), heads.len());
}

#[tokio::test]
async fn a_region_is_asked_at_its_own_host_and_at_no_other() {
    let proxy = Server::answering(|_| json(502, &value!({}))).await;
    let address = SecretString::from(format!("http://{}", proxy.addr));
    let room = Room::new(
        EgressSettings::new(Catalogue::shared(), &BTreeMap::new(), Some(&address)).unwrap(),
        |_| {},
    );
    let key = [("account_sid", SID), ("api_key_sid", KEY_SID), ("api_key_secret", CANARY)];
    for (region, host) in [
        ("us1", "api.twilio.com"),
        ("ie1", "api.dublin.ie1.twilio.com"),
        ("au1", "api.sydney.au1.twilio.com"),
    ] {
        let before = proxy.heads().len();
        let fields: Vec<_> = key.into_iter().chain([("region", region)]).collect();
        room.check(&room.candidate(&ProviderId::TWILIO, &fields)).await;
        let heads = proxy.heads();
        let connect = format!("CONNECT {host}:443 HTTP/1.1\r\n");
        let asked = &heads[before..];
        assert!(
            !asked.is_empty() && asked.iter().all(|head| head.starts_with(&connect)),
            "{region}: {asked:?}"
        );
    }
}

async fn ask_everything(addr: SocketAddr) {
    let room = Room::at(addr);
    for candidate in room.candidates() {
        let outcome = room.check(&candidate).await.outcome;
        // Without an auth token, webhooks of Twilio cannot be verified.
        assert!(matches!(outcome, Outcome::Valid | Outcome::Limited), "{candidate:?}: {outcome:?}");
    }
    let stored = room.store(&room.serpapi());
    let call = Call::new(ServiceId::DataScraper, "search").query("q", "x");
    assert!(room.providers.call(&stored.clone().into(), call).await.is_ok());
    // A failure too: TLS where there is none.
    let room = Room::with(&format!("https://{addr}"), |catalogue| hurry(catalogue, 300));
    for candidate in room.candidates() {
        assert_eq!(room.check(&candidate).await.outcome, Outcome::Unreachable, "{candidate:?}");
    }
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let mut variables: Vec<_> = names.map(|name| (name, proxy.as_str())).into();
    variables.extend([("NO_PROXY", ""), ("no_proxy", "")]);
    in_own_process("isolation::asks_in_a_process_with_proxies", &variables);
    assert!(listener.accept().is_err(), "somebody connected to the proxy");
}

#[tokio::test]
#[ignore = "run by proxies_of_the_environment_are_not_used"]
async fn asks_in_a_process_with_proxies() {
    assert!(std::env::var("HTTPS_PROXY").is_ok());
    let server = Server::answering(|_| yes()).await;
    ask_everything(server.addr).await;
    assert!(server.heads().len() > 5);
    // An address outside this machine, which a proxy would be asked for.
    let room = Room::with("https://192.0.2.1", |catalogue| hurry(catalogue, 200));
    assert_eq!(room.check(&room.serpapi()).await.outcome, Outcome::Unreachable);
}

#[test]
fn nothing_logs_the_key_even_at_trace_level() {
    let log = in_own_process("isolation::asks_in_a_process_that_logs_everything", &[]);
    assert!(!Scrubber::new([CANARY]).finds_in(&log), "{log}");
    for expected in ["provider answered", "TRACE", "reqwest", "hyper_util"] {
        assert!(log.contains(expected), "{expected} is not in the log");
    }
}

#[tokio::test]
#[ignore = "run by nothing_logs_the_key_even_at_trace_level"]
async fn asks_in_a_process_that_logs_everything() {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(std::io::stdout)
        .init();
    let server = Server::answering(|_| yes()).await;
    ask_everything(server.addr).await;
    // The key in a query, in a header and as a password; checks, calls and streams; and answers that repeat it.
    for body in echo::bodies() {
        let server = Server::answering(move |_| body.clone()).await;
        let room = Room::at(server.addr);
        for candidate in
            [room.serpapi(), room.twilio(), room.candidate(&ProviderId::OPENAI, &[("api_key", CANARY)])]
        {
            room.check(&candidate).await;
        }
        let call = Call::new(ServiceId::DataScraper, "search").query("q", "x");
        let _ = room.providers.call(&room.store(&room.serpapi()).into(), call).await;
        if let Ok(mut stream) = room.providers.stream(&stream::stored(&room), stream::speak()).await {
            while stream.next().await.is_some() {}
        }
    }
}
