//! SerpAPI's account call: every documented answer.

use std::time::Duration;

use serde_json::{Value, json as value};

use super::support::{CANARY, Room, Server, json, response};
use crate::{
    model::{
        check::{CheckReport, Outcome},
        key::KeyMetadata,
        status::Reason,
        time::Timestamp,
    },
    providers::{UsageOutcome, UsageSource},
};

fn account() -> Value {
    value!({
        "account_id": "0123456789abcdef01234567", "api_key": CANARY, "account_email": "ana@example.org",
        "account_status": "Active", "plan_id": "starter_v4", "plan_name": "Starter",
        "plan_monthly_price": 25.0, "plan_renewal_date": "2026-12-01", "searches_per_month": 1000,
        "plan_searches_left": 958, "extra_credits": 0, "total_searches_left": 958, "this_month_usage": 42,
        "this_hour_searches": 3, "last_hour_searches": 1, "account_rate_limit_per_hour": 200,
    })
}

fn account_with(name: &str, changed: Value) -> Value {
    let mut account = account();
    account[name] = changed;
    account
}

async fn check(answer: Vec<u8>) -> (CheckReport, Room, Server) {
    let server = Server::answering(move |_| answer.clone()).await;
    let room = Room::at(server.addr);
    let report = room.check(&room.serpapi()).await;
    (report, room, server)
}

#[tokio::test]
async fn a_good_key_tells_of_its_account() {
    let (report, room, server) = check(json(200, &account())).await;
    assert_eq!(
        (report.outcome, report.reason, report.http_status),
        (Outcome::Valid, Reason::Accepted, Some(200))
    );
    let KeyMetadata { account, plan, quota, capabilities, facts } = report.metadata;
    assert_eq!(account.as_deref(), Some("a…@example.org"));
    assert_eq!(plan.as_deref(), Some("Starter"));
    let quota = quota.unwrap();
    assert_eq!(
        (quota.used, quota.limit, quota.left(), quota.unit.as_str()),
        (Some(42), Some(1000), Some(958), "searches")
    );
    assert_eq!(quota.resets_at, Timestamp::parse("2026-12-01"));
    assert!(capabilities.is_empty());
    assert_eq!(facts["Searches per hour"], "200");

    let heads = server.heads();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].starts_with(&format!("GET /account.json?api_key={CANARY} HTTP/1.1\r\n")));
    assert!(!heads[0].to_ascii_lowercase().contains("referer"));

    let events = room.events();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((event.operation.as_str(), event.outcome, event.units), ("account", UsageOutcome::Done, 0));
    assert_eq!(
        (event.source, event.key, event.service, event.user),
        (UsageSource::Candidate, None, None, Some(room.owner))
    );
}

#[tokio::test]
async fn every_documented_answer() {
    use Outcome::{Exhausted, Invalid, RateLimited, Suspended, Unreachable, Valid};
    let error = |text: &str| value!({"error": text});
    let rejected = "Invalid API key. Your API key should be here: https://serpapi.com/manage-api-key";
    let cases = [
        (json(401, &error(rejected)), Invalid, Reason::Rejected),
        (json(401, &error("Something else")), Unreachable, Reason::UnexpectedAnswer),
        (json(401, &value!({})), Unreachable, Reason::UnexpectedAnswer),
        (response(401, "", b"<html>Proxy authentication</html>"), Unreachable, Reason::UnexpectedAnswer),
        (json(403, &error("Your account has no permission.")), Invalid, Reason::NoPermission),
        (response(403, "", b"<html>Attention Required</html>"), Unreachable, Reason::UnexpectedAnswer),
        (json(429, &error("Your account has run out of searches.")), Exhausted, Reason::QuotaUsedUp),
        (
            json(429, &error("You have exceeded the throughput of your plan.")),
            RateLimited,
            Reason::RateLimited,
        ),
        (response(429, "", b""), RateLimited, Reason::RateLimited),
        (json(500, &error(rejected)), Unreachable, Reason::ProviderFault),
        (response(503, "", b"<html>"), Unreachable, Reason::ProviderFault),
        (json(400, &error("Missing query `q` parameter.")), Unreachable, Reason::UnexpectedAnswer),
        (json(404, &error("Not found")), Unreachable, Reason::UnexpectedAnswer),
        (json(408, &value!({})), Unreachable, Reason::TimedOut),
        (json(410, &error("Archived")), Unreachable, Reason::UnexpectedAnswer),
        (json(200, &account_with("account_status", value!("ACTIVE"))), Valid, Reason::Accepted),
        (json(200, &account_with("account_status", value!("Something new"))), Valid, Reason::Accepted),
        (json(200, &account_with("account_status", value!(null))), Valid, Reason::Accepted),
        (
            json(200, &account_with("account_status", value!("Suspended"))),
            Suspended,
            Reason::AccountSuspended,
        ),
        (json(200, &account_with("account_status", value!("deleted"))), Suspended, Reason::AccountClosed),
        (json(200, &account_with("total_searches_left", value!(0))), Exhausted, Reason::QuotaUsedUp),
        (json(200, &account_with("total_searches_left", value!(null))), Valid, Reason::Accepted),
        (json(200, &value!({"account_email": "ana@example.org"})), Valid, Reason::Accepted),
        (json(200, &error(rejected)), Unreachable, Reason::UnexpectedAnswer),
        (json(200, &value!([])), Unreachable, Reason::UnexpectedAnswer),
        (response(200, "", b"<html>Welcome to the hotel</html>"), Unreachable, Reason::UnexpectedAnswer),
        (response(204, "", b""), Unreachable, Reason::UnexpectedAnswer),
    ];
    for (answer, outcome, reason) in cases {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        let (report, ..) = check(answer).await;
        assert_eq!((report.outcome, report.reason), (outcome, reason), "{shown}");
        let told = report.metadata != KeyMetadata::default();
        assert_eq!(
            told,
            shown.starts_with("HTTP/1.1 200") && matches!(outcome, Valid | Exhausted),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn an_empty_account_keeps_its_quota() {
    let mut empty = account_with("total_searches_left", value!(0));
    empty["this_month_usage"] = value!(1000);
    let (report, ..) = check(json(200, &empty)).await;
    let quota = report.metadata.quota.unwrap();
    assert_eq!((quota.left(), quota.limit), (Some(0), Some(1000)));
}

#[tokio::test]
async fn the_wait_is_the_provider_s_or_the_next_hour() {
    let throughput = value!({"error": "exceeded the hourly throughput"});
    let (report, ..) = check(json(429, &throughput)).await;
    assert_eq!(report.retry_after, Some(Duration::from_secs(600)));
    let (report, ..) = check(response(429, "retry-after: 17\r\n", throughput.to_string().as_bytes())).await;
    assert_eq!(report.retry_after, Some(Duration::from_secs(17)));
}
