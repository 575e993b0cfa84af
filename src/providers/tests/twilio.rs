//! Twilio's probe: both forms, every documented answer, and calls that fail beside the deciding one.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json as value};

use super::support::{CANARY, KEY_SID, Room, SID, Server, json, response};
use crate::model::{
    check::{CheckReport, Outcome},
    key::KeyMetadata,
    status::Reason,
};

fn account(status: &str, kind: &str) -> Vec<u8> {
    json(
        200,
        &value!({"sid": SID, "owner_account_sid": SID, "status": status, "type": kind, "auth_token": CANARY}),
    )
}

fn error(status: u16, code: i64) -> Vec<u8> {
    let more = format!("https://www.twilio.com/docs/errors/{code}");
    json(status, &value!({"code": code, "message": "Authenticate", "more_info": more, "status": status}))
}

fn numbers(voice: &[bool], next: Value) -> Vec<u8> {
    let number = |(at, voice): (usize, &bool)| value!({"sid": "PN1", "phone_number": format!("+1212555010{at}"), "capabilities": {"voice": voice, "sms": true}});
    let list: Vec<_> = voice.iter().enumerate().map(number).collect();
    json(200, &value!({"incoming_phone_numbers": list, "next_page_uri": next}))
}

fn caller_ids(ids: &[&str]) -> Vec<u8> {
    let list: Vec<_> = ids.iter().map(|id| value!({"phone_number": id})).collect();
    json(200, &value!({"outgoing_caller_ids": list, "next_page_uri": null}))
}

/// What the account answers, by the last part of the path.
type Script = Vec<(&'static str, Vec<u8>)>;

fn healthy() -> Script {
    vec![
        ("Account", account("active", "Full")),
        ("Calls.json", json(200, &value!({"calls": [], "page_size": 1}))),
        ("IncomingPhoneNumbers.json", numbers(&[false, true], Value::Null)),
        ("OutgoingCallerIds.json", caller_ids(&[])),
        ("Balance.json", json(200, &value!({"balance": "12.35", "currency": "USD"}))),
    ]
}

fn with(name: &'static str, answer: Vec<u8>) -> Script {
    let mut script = healthy();
    script.iter_mut().filter(|(known, _)| *known == name).for_each(|(_, old)| *old = answer.clone());
    script
}

fn also(mut script: Script, name: &'static str, answer: Vec<u8>) -> Script {
    script.iter_mut().filter(|(known, _)| *known == name).for_each(|(_, old)| *old = answer.clone());
    script
}

async fn serve(script: Script) -> Server {
    Server::answering(move |head| {
        let path = head.split([' ', '?']).nth(1).unwrap_or_default();
        let name = match path.rsplit('/').next() {
            Some(last) if last.starts_with("AC") => "Account",
            Some(last) => last,
            None => "",
        };
        let known = script.iter().find(|(known, _)| *known == name);
        known.map_or_else(|| error(404, 20404), |(_, answer)| answer.clone())
    })
    .await
}

async fn with_token(script: Script) -> CheckReport {
    let server = serve(script).await;
    let room = Room::at(server.addr);
    room.check(&room.twilio()).await
}

async fn with_key(script: Script) -> CheckReport {
    let server = serve(script).await;
    let room = Room::at(server.addr);
    room.check(&room.twilio_key()).await
}

fn capabilities(report: &CheckReport) -> (Option<bool>, Option<bool>) {
    let get = |name: &str| report.metadata.capabilities[name];
    (get("voice_calls"), get("signed_webhooks"))
}

#[tokio::test]
async fn a_good_token_tells_of_its_account() {
    let server = serve(healthy()).await;
    let room = Room::at(server.addr);
    let report = room.check(&room.twilio()).await;
    assert_eq!((report.outcome, report.reason), (Outcome::Valid, Reason::Accepted));
    assert_eq!(capabilities(&report), (Some(true), Some(true)));
    let KeyMetadata { account, plan, quota, facts, .. } = report.metadata;
    assert_eq!((account.as_deref(), plan.as_deref(), quota), (Some("AC…9f31"), Some("Full"), None));
    let expected = [("Balance", "12.35 USD"), ("Phone number", "+12125550101")];
    assert_eq!(facts, BTreeMap::from(expected.map(|(name, text)| (name.to_owned(), text.to_owned()))));

    let heads = server.heads();
    let targets: Vec<_> = heads.iter().filter_map(|head| head.split(' ').nth(1)).collect();
    let base = format!("/2010-04-01/Accounts/{SID}");
    assert_eq!(
        targets,
        [
            format!("{base}.json"),
            format!("{base}/IncomingPhoneNumbers.json?PageSize=20"),
            format!("{base}/Balance.json")
        ]
    );
    let basic = format!("authorization: Basic {}\r\n", STANDARD.encode(format!("{SID}:{CANARY}")));
    assert!(heads.iter().all(|head| head.contains(&basic)));
    assert_eq!(room.events().len(), 3);
}

#[tokio::test]
async fn an_api_key_never_asks_for_the_account() {
    let server = serve(with("Account", error(401, 20003))).await;
    let room = Room::at(server.addr);
    let report = room.check(&room.twilio_key()).await;
    // Without the auth token the webhooks cannot be verified.
    assert_eq!((report.outcome, report.reason), (Outcome::Limited, Reason::Accepted));
    assert_eq!(capabilities(&report), (Some(true), Some(false)));
    assert_eq!(report.metadata.account.as_deref(), Some("AC…9f31"));
    let basic = format!("authorization: Basic {}\r\n", STANDARD.encode(format!("{KEY_SID}:{CANARY}")));
    let heads = server.heads();
    assert!(heads.iter().all(|head| head.contains(&basic) && !head.contains(&format!("{SID}.json"))));

    let fields = [
        ("account_sid", SID),
        ("api_key_sid", KEY_SID),
        ("api_key_secret", CANARY),
        ("auth_token", "0123456789abcdef"),
    ];
    let complete = room.candidate(&crate::model::ids::ProviderId::TWILIO, &fields);
    assert_eq!(room.check(&complete).await.outcome, Outcome::Valid);
}

#[tokio::test]
async fn every_answer_to_a_token() {
    use Outcome::{Invalid, Limited, RateLimited, Suspended, Unreachable};
    let cases = [
        (error(401, 20003), Invalid, Reason::RejectedOrSuspended),
        (error(401, 20404), Unreachable, Reason::UnexpectedAnswer),
        (response(401, "", b"<html>"), Unreachable, Reason::UnexpectedAnswer),
        (error(403, 70051), Limited, Reason::MissingPermissions),
        (error(403, 20003), Limited, Reason::MissingPermissions),
        (error(403, 99999), Unreachable, Reason::UnexpectedAnswer),
        (response(403, "", b"<html>"), Unreachable, Reason::UnexpectedAnswer),
        (error(404, 20404), Unreachable, Reason::UnexpectedAnswer),
        (error(429, 20429), RateLimited, Reason::RateLimited),
        (error(500, 20500), Unreachable, Reason::ProviderFault),
        (error(503, 20503), Unreachable, Reason::ProviderFault),
        (account("suspended", "Full"), Suspended, Reason::AccountSuspended),
        (account("closed", "Full"), Suspended, Reason::AccountClosed),
        (json(200, &value!({})), Unreachable, Reason::UnexpectedAnswer),
    ];
    for (answer, outcome, reason) in cases {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        let report = with_token(with("Account", answer)).await;
        assert_eq!((report.outcome, report.reason), (outcome, reason), "{shown}");
        assert_eq!(report.metadata == KeyMetadata::default(), outcome != Limited, "{shown}");
    }
}

#[tokio::test]
async fn a_refused_key_is_asked_about_twice() {
    use Outcome::{Invalid, Limited, RateLimited, Unreachable};
    let (refused, restricted, down) = (error(401, 20003), error(403, 70051), error(503, 20503));
    let fine = numbers(&[true], Value::Null);
    let cases = [
        (&refused, &refused, Invalid, Reason::RejectedOrSuspended),
        (&refused, &fine, Limited, Reason::MissingPermissions),
        (&refused, &restricted, Limited, Reason::MissingPermissions),
        (&refused, &down, Unreachable, Reason::ProviderFault),
        (&restricted, &fine, Limited, Reason::MissingPermissions),
        (&error(401, 70051), &fine, Limited, Reason::MissingPermissions),
        (&error(401, 20404), &fine, Unreachable, Reason::UnexpectedAnswer),
        (&restricted, &restricted, Limited, Reason::MissingPermissions),
        (&restricted, &refused, Limited, Reason::MissingPermissions),
        (&restricted, &down, Limited, Reason::MissingPermissions),
        (&error(429, 20429), &fine, RateLimited, Reason::RateLimited),
        (&down, &fine, Unreachable, Reason::ProviderFault),
    ];
    for (calls, numbers, outcome, reason) in cases {
        let script = also(with("Calls.json", calls.clone()), "IncomingPhoneNumbers.json", numbers.clone());
        let shown: Vec<_> = [calls, numbers].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).into();
        let report = with_key(script).await;
        assert_eq!((report.outcome, report.reason), (outcome, reason), "{shown:?}");
    }
}

#[tokio::test]
async fn voice_is_yes_no_or_unknown() {
    let next = value!("/2010-04-01/next");
    let down = error(503, 20503);
    let cases = [
        (numbers(&[true], Value::Null), down.clone(), Some(true)),
        (numbers(&[false], Value::Null), caller_ids(&["+4930123456"]), Some(true)),
        (numbers(&[], Value::Null), caller_ids(&[]), Some(false)),
        (numbers(&[false], next), caller_ids(&[]), None),
        (numbers(&[], Value::Null), down.clone(), None),
        (down, caller_ids(&[]), None),
        (error(403, 70051), caller_ids(&["+4930123456"]), Some(true)),
        (error(403, 70051), error(403, 70051), None),
        (json(200, &value!({"incoming_phone_numbers": "none"})), caller_ids(&[]), None),
    ];
    for (numbers, callers, expected) in cases {
        let shown = String::from_utf8_lossy(&numbers).into_owned();
        let restricted = shown.starts_with("HTTP/1.1 403");
        let script = also(with("IncomingPhoneNumbers.json", numbers), "OutgoingCallerIds.json", callers);
        let report = with_token(script).await;
        assert_eq!(capabilities(&report).0, expected, "{shown}");
        let outcome = if expected == Some(false) || restricted { Outcome::Limited } else { Outcome::Valid };
        assert_eq!(report.outcome, outcome, "{shown}");
    }
}

#[tokio::test]
async fn calls_beside_the_deciding_one_never_spoil_it() {
    for broken in
        [error(401, 20003), error(404, 20404), error(500, 20500), response(200, "", b"<html>"), Vec::new()]
    {
        let report = with_token(with("Balance.json", broken.clone())).await;
        assert_eq!(report.outcome, Outcome::Valid);
        assert!(!report.metadata.facts.contains_key("Balance"));
        let report = with_token(with("IncomingPhoneNumbers.json", broken)).await;
        assert_eq!((report.outcome, capabilities(&report).0), (Outcome::Valid, None));
    }
}

#[tokio::test]
async fn trial_and_subaccounts_are_told() {
    let owner = "ACffffffffffffffffffffffffffff0001";
    let body = value!({"sid": SID, "owner_account_sid": owner, "status": "active", "type": "Trial"});
    let report = with_token(with("Account", json(200, &body))).await;
    assert_eq!(report.metadata.plan.as_deref(), Some("Trial"));
    assert_eq!(report.metadata.facts["Subaccount of"], "AC…0001");
}
