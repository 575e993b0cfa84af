//! OpenAI, Anthropic, the Gemini API and ElevenLabs: every documented answer.

use serde_json::{Value, json as value};

use super::support::{CANARY, Room, Server, json, response};
use crate::model::{
    check::{CheckReport, Outcome},
    ids::ProviderId,
    key::KeyMetadata,
    status::Reason,
    time::Timestamp,
};

use Outcome::{Exhausted, Invalid, Limited, RateLimited, Suspended, Unreachable, Valid};

async fn check(provider: &ProviderId, answer: Vec<u8>) -> (CheckReport, Server) {
    let server = Server::answering(move |_| answer.clone()).await;
    let room = Room::at(server.addr);
    let report = room.check(&room.candidate(provider, &[("api_key", CANARY)])).await;
    (report, server)
}

async fn expect(provider: ProviderId, cases: Vec<(Vec<u8>, Outcome, Reason)>) {
    for (answer, outcome, reason) in cases {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        let (report, server) = check(&provider, answer).await;
        assert_eq!((report.outcome, report.reason), (outcome, reason), "{provider} {shown}");
        if matches!(outcome, Invalid | Suspended | Unreachable | RateLimited) {
            assert_eq!(report.metadata, KeyMetadata::default(), "{provider} {shown}");
        }
        assert!(!format!("{report:?}").contains(CANARY), "{provider} {shown}");
        assert!(server.heads().iter().all(|head| head.starts_with("GET ")), "{provider}");
    }
}

/// What any provider behind a gateway may answer: never a verdict on the key.
fn noise() -> Vec<(Vec<u8>, Outcome, Reason)> {
    vec![
        (response(401, "", b"<html>Proxy</html>"), Unreachable, Reason::UnexpectedAnswer),
        (json(401, &value!({})), Unreachable, Reason::UnexpectedAnswer),
        (response(403, "", b"<html>Attention Required</html>"), Unreachable, Reason::UnexpectedAnswer),
        (response(429, "", b""), RateLimited, Reason::RateLimited),
        (json(500, &value!({})), Unreachable, Reason::ProviderFault),
        (response(503, "", b"<html>"), Unreachable, Reason::ProviderFault),
        (response(200, "", b"<html>Welcome to the hotel</html>"), Unreachable, Reason::UnexpectedAnswer),
        (json(200, &value!({})), Unreachable, Reason::UnexpectedAnswer),
        (json(200, &value!([])), Unreachable, Reason::UnexpectedAnswer),
    ]
}

fn lacking(report: &CheckReport) -> Vec<&str> {
    let all = report.metadata.capabilities.iter();
    all.filter(|(_, there)| **there == Some(false)).map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn openai() {
    let error = |kind: &str, code: Value, message: &str| value!({"error": {"message": message, "type": kind, "param": null, "code": code}});
    let bad = "invalid_request_error";
    let wrong = format!(
        "Incorrect API key provided: {CANARY}. You can find your API key at https://platform.openai.com/account/api-keys."
    );
    let scopes = "You have insufficient permissions for this operation. Missing scopes: api.model.read.";
    let mut cases = noise();
    cases.extend([
        (json(200, &value!({"object": "list", "data": []})), Valid, Reason::Accepted),
        (json(401, &error(bad, value!("invalid_api_key"), &wrong)), Invalid, Reason::Rejected),
        (json(401, &error(bad, value!("account_deactivated"), "…")), Suspended, Reason::AccountSuspended),
        (json(401, &error(bad, value!(null), scopes)), Limited, Reason::MissingPermissions),
        (json(403, &error(bad, value!(null), scopes)), Limited, Reason::MissingPermissions),
        (
            json(403, &error("request_forbidden", value!("unsupported_country_region_territory"), "…")),
            Unreachable,
            Reason::CountryRefused,
        ),
        // Neither the address nor the membership of an organisation is the key's fault.
        (
            json(401, &error(bad, value!(null), "Your IP is not authorized")),
            Unreachable,
            Reason::UnexpectedAnswer,
        ),
        (
            json(429, &error("insufficient_quota", value!("insufficient_quota"), "…")),
            Exhausted,
            Reason::QuotaUsedUp,
        ),
        (json(429, &error("insufficient_quota", value!(null), "…")), Exhausted, Reason::QuotaUsedUp),
        (json(429, &error("requests", value!("rate_limit_exceeded"), "…")), RateLimited, Reason::RateLimited),
    ]);
    expect(ProviderId::OPENAI, cases).await;

    let (report, server) = check(&ProviderId::OPENAI, json(403, &error(bad, value!(null), scopes))).await;
    assert_eq!(lacking(&report), ["models_read"]);
    let head = &server.heads()[0];
    assert!(head.starts_with("GET /v1/models HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {CANARY}\r\n")), "{head}");
}

#[tokio::test]
async fn anthropic() {
    let error = |kind: &str, message: &str| value!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"});
    let coded = |kind: &str, code: &str| value!({"type": "error", "error": {"type": kind, "message": "…", "details": {"error_code": code}}});
    let request = "invalid_request_error";
    let mut cases = noise();
    cases.extend([
        (json(200, &value!({"data": [], "has_more": false})), Valid, Reason::Accepted),
        (json(401, &error("authentication_error", "invalid x-api-key")), Invalid, Reason::Rejected),
        (json(404, &error("not_found_error", "…")), Unreachable, Reason::UnexpectedAnswer),
        (
            json(
                400,
                &error(
                    request,
                    "You have reached your specified API usage limits. You will regain access on 2026-12-01.",
                ),
            ),
            Exhausted,
            Reason::QuotaUsedUp,
        ),
        (
            json(400, &error(request, "Your credit balance is too low to access the Anthropic API.")),
            Exhausted,
            Reason::QuotaUsedUp,
        ),
        (json(402, &error("billing_error", "…")), Exhausted, Reason::QuotaUsedUp),
        (
            json(400, &error(request, "This organization has been disabled.")),
            Suspended,
            Reason::AccountSuspended,
        ),
        (json(400, &coded(request, "organization_on_hold")), Suspended, Reason::AccountSuspended),
        (
            json(400, &error(request, "anthropic-version: header is required")),
            Unreachable,
            Reason::UnexpectedAnswer,
        ),
        (
            json(429, &coded("rate_limit_error", "enforced_spend_limit_reached")),
            Exhausted,
            Reason::QuotaUsedUp,
        ),
        (
            json(429, &coded("rate_limit_error", "contract_spend_limit_reached")),
            Exhausted,
            Reason::QuotaUsedUp,
        ),
        (json(429, &coded("rate_limit_error", "ramp_limit_exceeded")), RateLimited, Reason::RateLimited),
        (json(403, &error("permission_error", "…")), Limited, Reason::MissingPermissions),
        (json(403, &error("forbidden", "Request not allowed")), Unreachable, Reason::CountryRefused),
        (json(529, &error("overloaded_error", "Overloaded")), Unreachable, Reason::ProviderFault),
    ]);
    expect(ProviderId::ANTHROPIC, cases).await;

    let (_, server) = check(&ProviderId::ANTHROPIC, json(200, &value!({"data": []}))).await;
    let head = &server.heads()[0];
    assert!(head.starts_with("GET /v1/models?limit=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("x-api-key: {CANARY}\r\n")), "{head}");
    assert!(head.contains("anthropic-version: 2023-06-01\r\n") && !head.contains("authorization"), "{head}");
}

#[tokio::test]
async fn google_ai() {
    let error = |status: u16, name: &str, message: &str, reason: Option<&str>| {
        let details: Vec<_> = reason
            .iter()
            .map(|r| value!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": r}))
            .collect();
        json(
            status,
            &value!({"error": {"code": status, "message": message, "status": name, "details": details}}),
        )
    };
    let quota = |id: &str| {
        json(
            429,
            &value!({"error": {"code": 429, "message": "…", "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "…", "violations": [{"quotaMetric": "…", "quotaId": id}]}]}}),
        )
    };
    let echo = format!("Consumer 'api_key:{CANARY}' has been suspended.");
    let (argument, denied) = ("INVALID_ARGUMENT", "PERMISSION_DENIED");
    let mut cases = noise();
    cases.extend([
        (json(200, &value!({"models": [{"name": "models/gemini-3.8-flash"}]})), Valid, Reason::Accepted),
        (error(400, argument, "…", Some("API_KEY_INVALID")), Invalid, Reason::Rejected),
        (
            error(400, argument, "API key not valid. Please pass a valid API key.", None),
            Invalid,
            Reason::Rejected,
        ),
        (error(400, argument, "API key expired. Please renew the API key.", None), Invalid, Reason::Rejected),
        (
            error(400, argument, "API Key not found. Please pass a valid API key.", None),
            Invalid,
            Reason::Rejected,
        ),
        (error(400, argument, "Invalid page size", None), Unreachable, Reason::UnexpectedAnswer),
        (
            error(
                401,
                "UNAUTHENTICATED",
                "Expected OAuth 2 access token",
                Some("ACCESS_TOKEN_TYPE_UNSUPPORTED"),
            ),
            Invalid,
            Reason::WrongKind,
        ),
        (error(403, denied, &echo, Some("CONSUMER_SUSPENDED")), Suspended, Reason::AccountSuspended),
        (
            error(403, denied, "Your API key was reported as leaked. Please use another API key.", None),
            Invalid,
            Reason::ReportedLeaked,
        ),
        (
            error(403, denied, "Your project has been denied access.", None),
            Suspended,
            Reason::AccountSuspended,
        ),
        (error(403, denied, "…", Some("SERVICE_DISABLED")), Limited, Reason::MissingPermissions),
        (error(403, denied, "…", Some("API_KEY_SERVICE_BLOCKED")), Limited, Reason::MissingPermissions),
        (
            error(403, denied, "Method doesn't allow unregistered callers", None),
            Unreachable,
            Reason::UnexpectedAnswer,
        ),
        (
            error(400, "FAILED_PRECONDITION", "User location is not supported for the API use.", None),
            Unreachable,
            Reason::CountryRefused,
        ),
        (quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), Exhausted, Reason::QuotaUsedUp),
        (quota("GenerateRequestsPerMinutePerProjectPerModel"), RateLimited, Reason::RateLimited),
    ]);
    expect(ProviderId::GOOGLE_AI, cases).await;

    let (_, server) = check(&ProviderId::GOOGLE_AI, json(200, &value!({"models": []}))).await;
    let head = &server.heads()[0];
    assert!(head.starts_with("GET /v1beta/models?pageSize=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("x-goog-api-key: {CANARY}\r\n")), "{head}");
}

/// What ElevenLabs answers, by the path.
async fn elevenlabs(subscription: Vec<u8>, models: Vec<u8>, voices: Vec<u8>) -> (CheckReport, Server) {
    let server = Server::answering(move |head| {
        match head.split([' ', '?']).nth(1) {
            Some("/v1/user/subscription") => &subscription,
            Some("/v1/models") => &models,
            _ => &voices,
        }
        .clone()
    })
    .await;
    let room = Room::at(server.addr);
    let report = room.check(&room.candidate(&ProviderId::ELEVENLABS, &[("api_key", CANARY)])).await;
    (report, server)
}

fn subscription(used: i64, beyond: Value, status: &str) -> Vec<u8> {
    json(
        200,
        &value!({"tier": "creator", "status": status, "character_count": used, "character_limit": 100_000,
            "max_credit_limit_extension": beyond, "next_character_count_reset_unix": 1_797_552_000,
            "voice_slots_used": 3, "voice_limit": 30, "can_use_instant_voice_cloning": true}),
    )
}

fn refusal(status: &str) -> Vec<u8> {
    json(401, &value!({"detail": {"status": status, "message": CANARY}}))
}

fn models() -> Vec<u8> {
    json(200, &value!([{"model_id": "eleven_flash_v2_5"}]))
}

fn voices() -> Vec<u8> {
    json(200, &value!({"voices": [], "has_more": false}))
}

#[tokio::test]
async fn elevenlabs_plan_and_quota() {
    let (report, server) = elevenlabs(subscription(17_231, value!(0), "active"), models(), voices()).await;
    assert_eq!((report.outcome, report.reason), (Valid, Reason::Accepted));
    let quota = report.metadata.quota.as_ref().unwrap();
    assert_eq!((quota.left(), quota.unit.as_str()), (Some(82_769), "characters"));
    assert_eq!(quota.resets_at, Some(Timestamp::from_seconds(1_797_552_000)));
    assert_eq!(report.metadata.plan.as_deref(), Some("creator"));
    assert_eq!(report.metadata.capabilities["instant_voice_cloning"], Some(true));
    assert!(lacking(&report).is_empty());
    assert_eq!(server.heads().len(), 3);
    assert!(server.heads().iter().all(|head| head.contains(&format!("xi-api-key: {CANARY}\r\n"))));

    for (used, beyond, outcome) in [
        (100_000, value!(0), Exhausted),
        (100_001, value!(null), Exhausted),
        (100_000, value!("unlimited"), Valid),
        (100_000, value!(5_000), Valid),
        (99_999, value!(0), Valid),
    ] {
        let (report, _) = elevenlabs(subscription(used, beyond.clone(), "active"), models(), voices()).await;
        assert_eq!(report.outcome, outcome, "{used} {beyond}");
    }
}

#[tokio::test]
async fn elevenlabs_refusals() {
    for (status, outcome, reason) in [
        ("invalid_api_key", Invalid, Reason::Rejected),
        ("quota_exceeded", Exhausted, Reason::QuotaUsedUp),
        ("detected_unusual_activity", Suspended, Reason::AccountSuspended),
        ("something_new", Unreachable, Reason::UnexpectedAnswer),
    ] {
        let (report, _) = elevenlabs(refusal(status), refusal(status), refusal(status)).await;
        assert_eq!((report.outcome, report.reason), (outcome, reason), "{status}");
    }
    // `code` is read before `status`.
    let newer = |code: &str| json(401, &value!({"detail": {"code": code, "status": "invalid_api_key"}}));
    for (code, outcome) in [
        ("invalid_api_key", Invalid),
        ("detected_unusual_activity", Suspended),
        ("something_new", Unreachable),
    ] {
        let (report, _) = elevenlabs(newer(code), newer(code), newer(code)).await;
        assert_eq!(report.outcome, outcome, "{code}");
    }
    let disabled = subscription(0, value!(0), "free_disabled");
    assert_eq!(elevenlabs(disabled, models(), voices()).await.0.outcome, Suspended);
    expect(ProviderId::ELEVENLABS, noise()).await;
}

#[tokio::test]
async fn an_elevenlabs_key_without_permissions_is_good_and_says_what_it_lacks() {
    let missing = || refusal("missing_permissions");
    let newer =
        json(401, &value!({"detail": {"type": "authorization_error", "code": "missing_permissions"}}));
    for (subscription, models, voices, lacks) in [
        (missing(), models(), voices(), vec!["user_read"]),
        (newer, models(), voices(), vec!["user_read"]),
        (missing(), missing(), voices(), vec!["models_read", "user_read"]),
        (missing(), missing(), missing(), vec!["models_read", "user_read", "voices_read"]),
    ] {
        let (report, _) = elevenlabs(subscription, models, voices).await;
        assert_eq!((report.outcome, report.reason), (Limited, Reason::MissingPermissions), "{lacks:?}");
        assert_eq!(lacking(&report), lacks);
        // What the plan allows stays unknown, which does not close a service.
        assert_eq!(report.metadata.capabilities["instant_voice_cloning"], None);
    }
}
