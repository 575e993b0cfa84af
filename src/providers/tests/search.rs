//! Calls by services, with SerpAPI's search.

use std::time::Duration;

use serde_json::{Value, json as value};

use super::support::{CANARY, Room, Server, eventually, json, response};
use crate::{
    model::{check::Outcome, service::ServiceId, status::Reason},
    providers::{Answer, Call, CallError, UsageOutcome, UsageSource},
};

fn search() -> Call {
    Call::new(ServiceId::DataScraper, "search").query("engine", "google_maps").query("q", "coffee & cake")
}

async fn run(answer: Vec<u8>) -> (Result<Answer, CallError>, Room, Server) {
    let server = Server::answering(move |_| answer.clone()).await;
    let room = Room::at(server.addr);
    let stored = room.store(&room.serpapi());
    let result = room.providers.call(&stored.clone().into(), search()).await;
    (result, room, server)
}

fn success(more: &Value) -> Value {
    let mut body = value!({"search_metadata": {"id": "65", "status": "Success"}});
    let members = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
    body
}

#[tokio::test]
async fn a_search_is_sent_and_counted() {
    let (result, room, server) = run(json(200, &success(&value!({"local_results": [{"title": "X"}]})))).await;
    let answer = result.unwrap();
    assert_eq!(answer.body["local_results"][0]["title"], "X");
    assert_eq!(answer.http_status, 200);
    let target = format!("GET /search.json?engine=google_maps&q=coffee+%26+cake&api_key={CANARY} HTTP/1.1");
    assert!(server.heads()[0].starts_with(&target));
    let events = room.events();
    let [event] = events.as_slice() else { panic!("one event") };
    assert_eq!((event.operation.as_str(), event.outcome, event.units), ("search", UsageOutcome::Done, 1));
    assert_eq!((event.source, event.service), (UsageSource::Use, Some(ServiceId::DataScraper)));
    assert!(event.key.is_some() && event.latency > Duration::ZERO);
}

#[tokio::test]
async fn nothing_found_is_a_success() {
    let nothing = value!({"error": "Google hasn't returned any results for this query."});
    for body in [success(&nothing), nothing] {
        let (result, ..) = run(json(200, &body)).await;
        assert!(result.unwrap().body.get("local_results").is_none());
    }
}

#[tokio::test]
async fn every_documented_failure() {
    let error = |text: &str| value!({"error": text});
    let refused = |outcome, reason, status| CallError::Refused {
        outcome,
        reason,
        retry_after: None,
        http_status: Some(status),
    };
    let unusable = "We couldn't get valid results for this search. Please try again later.";
    let failed = value!({"search_metadata": {"status": "Error"}, "error": unusable});
    let cases = [
        (json(401, &error("Invalid API key.")), refused(Outcome::Invalid, Reason::Rejected, 401)),
        (json(401, &error("Who are you?")), refused(Outcome::Unreachable, Reason::UnexpectedAnswer, 401)),
        (json(403, &error("No permission.")), refused(Outcome::Invalid, Reason::NoPermission, 403)),
        (
            json(429, &error("Your account has run out of searches.")),
            refused(Outcome::Exhausted, Reason::QuotaUsedUp, 429),
        ),
        (json(429, &error("Slow down.")), refused(Outcome::RateLimited, Reason::RateLimited, 429)),
        (json(503, &failed), refused(Outcome::Unreachable, Reason::ProviderFault, 503)),
        (json(200, &failed), refused(Outcome::Unreachable, Reason::ProviderFault, 200)),
        (json(500, &error("Oops")), refused(Outcome::Unreachable, Reason::ProviderFault, 500)),
        (
            json(200, &value!({"search_metadata": {"status": "Processing"}})),
            refused(Outcome::Unreachable, Reason::UnexpectedAnswer, 200),
        ),
        (response(200, "", b"<html>"), refused(Outcome::Unreachable, Reason::UnexpectedAnswer, 200)),
        (
            json(400, &error("Missing query `q` parameter.")),
            CallError::NotUnderstood { reason: Reason::UnexpectedAnswer, http_status: Some(400), code: None },
        ),
        (
            json(404, &error("Not found")),
            CallError::NotUnderstood { reason: Reason::UnexpectedAnswer, http_status: Some(404), code: None },
        ),
        (
            json(410, &error("Archived")),
            CallError::NotUnderstood { reason: Reason::UnexpectedAnswer, http_status: Some(410), code: None },
        ),
    ];
    for (answer, expected) in cases {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        let (result, room, _) = run(answer).await;
        assert_eq!(result.err(), Some(expected), "{shown}");
        let events = room.events();
        assert_eq!((events.len(), events[0].units), (1, 0), "{shown}");
        let definite = matches!(
            expected,
            CallError::Refused { outcome: Outcome::Invalid | Outcome::Exhausted | Outcome::Suspended, .. }
        );
        assert_eq!(events[0].outcome.refuses_the_key(), definite, "{shown}");
    }
}

#[tokio::test]
async fn a_call_must_fit_the_catalogue() {
    let server = Server::answering(|_| json(200, &value!({}))).await;
    let room = Room::at(server.addr);
    let stored = room.store(&room.serpapi());
    for call in [
        Call::new(ServiceId::DataScraper, "nothing"),
        search().query("API_KEY", "mine"),
        search().query("api_key", "mine"),
    ] {
        assert_eq!(room.providers.call(&stored.clone().into(), call).await.err(), Some(CallError::Misfit));
    }
    assert!(server.heads().is_empty() && room.events().is_empty());
}

#[tokio::test]
async fn a_call_that_is_given_up_is_reported() {
    let server = Server::raw(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(stream);
    })
    .await;
    let room = Room::at(server.addr);
    let stored = room.store(&room.serpapi());
    let given_up = tokio::time::timeout(
        Duration::from_millis(150),
        room.providers.call(&stored.clone().into(), search()),
    )
    .await;
    assert!(given_up.is_err());
    eventually(|| !room.events().is_empty()).await;
    let events = room.events();
    assert_eq!((events.len(), events[0].outcome, events[0].units), (1, UsageOutcome::Cancelled, 0));
}
