use axum::http::StatusCode;
use serde_json::json;

use super::{Answer, Client, field};
use crate::model::ids::ProviderId;

fn assert_error(answer: &Answer, status: u16, code: u32) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    assert_eq!((&answer.json["status"], &answer.json["code"]), (&json!(status), &json!(code)));
    assert_eq!(answer.json["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
    assert!(answer.json["message"].is_string());
}

#[tokio::test]
async fn the_account_call_tells_status_and_type_and_echoes_the_token() {
    let account = Client::new().twilio("full", ".json").await;
    assert_eq!(account.status, StatusCode::OK);
    let sid = field(&ProviderId::TWILIO, "full", "account_sid");
    assert_eq!(account.json["sid"], sid);
    assert_eq!(account.json["owner_account_sid"], sid);
    assert_eq!(account.json["auth_token"], field(&ProviderId::TWILIO, "full", "auth_token"));
    assert_eq!((&account.json["status"], &account.json["type"]), (&json!("active"), &json!("Full")));
    assert_eq!(account.json["subresource_uris"]["calls"], format!("/2010-04-01/Accounts/{sid}/Calls.json"));
    assert_eq!(Client::new().twilio("trial", ".json").await.json["type"], "Trial");
}

#[tokio::test]
async fn every_test_key_meets_its_situation() {
    let client = Client::new();
    for (key, account, calls, numbers, callers, balance) in [
        ("full", 200, 200, 200, 200, 200),
        ("trial", 200, 200, 200, 200, 200),
        ("api_key_and_token", 401, 200, 200, 200, 200),
        ("api_key", 401, 200, 200, 200, 200),
        ("caller_id_only", 200, 200, 200, 200, 200),
        ("no_voice_number", 200, 200, 200, 200, 200),
        ("suspended", 200, 401, 401, 401, 401),
        ("closed", 200, 401, 401, 401, 401),
        ("calls_only", 401, 200, 403, 403, 403),
        ("no_calls", 401, 403, 200, 200, 200),
        ("subaccount", 200, 200, 200, 200, 404),
        ("negative_balance", 200, 200, 200, 200, 200),
        ("invalid", 401, 401, 401, 401, 401),
        ("throttled", 429, 429, 429, 429, 429),
        ("down", 503, 503, 503, 503, 503),
    ] {
        for (rest, status) in [
            (".json", account),
            ("/Calls.json?PageSize=1", calls),
            ("/IncomingPhoneNumbers.json", numbers),
            ("/OutgoingCallerIds.json", callers),
            ("/Balance.json", balance),
        ] {
            assert_eq!(client.twilio(key, rest).await.status, status, "{key} {rest}");
        }
    }
}

#[tokio::test]
async fn a_wrong_credential_is_20003() {
    let client = Client::new();
    assert_error(&client.twilio("invalid", ".json").await, 401, 20_003);
    let sid = field(&ProviderId::TWILIO, "full", "account_sid");
    let wrong = client.twilio_as(&sid, "nonsense", &format!("/{sid}.json")).await;
    assert_error(&wrong, 401, 20_003);
    assert!(wrong.headers.contains_key("www-authenticate"));
    assert_error(&client.get(&format!("/twilio/2010-04-01/Accounts/{sid}.json")).await, 401, 20_003);
}

#[tokio::test]
async fn one_account_does_not_open_another() {
    let client = Client::new();
    let value = |id: &str, name: &str| field(&ProviderId::TWILIO, id, name);
    let (sid, token) = (value("full", "account_sid"), value("full", "auth_token"));
    let other = value("trial", "account_sid");
    for rest in [format!("/{other}.json"), format!("/{other}/Calls.json")] {
        assert_error(&client.twilio_as(&sid, &token, &rest).await, 401, 20_003);
    }
}

#[tokio::test]
async fn an_api_key_is_refused_on_the_account_only() {
    let client = Client::new();
    let refused = client.twilio("api_key", ".json").await;
    assert_error(&refused, 401, 20_003);
    assert_eq!(refused.json["message"], "Authentication Error - invalid username");
    let value = |name: &str| field(&ProviderId::TWILIO, "api_key_and_token", name);
    let by_token = format!("/{}.json", value("account_sid"));
    let by_token = client.twilio_as(&value("account_sid"), &value("auth_token"), &by_token).await;
    assert_eq!(by_token.status, StatusCode::OK);
}

#[tokio::test]
async fn a_restricted_key_hears_which_permission_it_lacks() {
    let answer = Client::new().twilio("calls_only", "/Balance.json").await;
    assert_error(&answer, 403, 70_051);
    assert!(answer.json["message"].as_str().is_some_and(|text| text.contains("balance")));
}

#[tokio::test]
async fn suspended_and_closed_are_told_by_the_account_alone() {
    let client = Client::new();
    for key in ["suspended", "closed"] {
        assert_eq!(client.twilio(key, ".json").await.json["status"], key);
        assert_error(&client.twilio(key, "/Calls.json").await, 401, 20_003);
    }
}

#[tokio::test]
async fn numbers_and_caller_ids_say_who_can_call() {
    let client = Client::new();
    for (key, voice, callers) in [
        ("full", json!(true), 0),
        ("trial", json!(true), 1),
        ("no_voice_number", json!(false), 0),
        ("caller_id_only", json!(null), 1),
    ] {
        let numbers = client.twilio(key, "/IncomingPhoneNumbers.json").await.json;
        assert_eq!(numbers["incoming_phone_numbers"][0]["capabilities"]["voice"], voice, "{key}");
        let found = client.twilio(key, "/OutgoingCallerIds.json").await.json;
        assert_eq!(found["outgoing_caller_ids"].as_array().map(Vec::len), Some(callers), "{key}");
    }
}

#[tokio::test]
async fn the_balance_is_text_and_a_subaccount_has_none() {
    let client = Client::new();
    let sid = field(&ProviderId::TWILIO, "negative_balance", "account_sid");
    let balance = client.twilio("negative_balance", "/Balance.json").await.json;
    assert_eq!(balance, json!({ "account_sid": sid, "balance": "-3.50", "currency": "USD" }));
    let account = client.twilio("subaccount", ".json").await.json;
    assert_ne!(account["sid"], account["owner_account_sid"]);
    assert_error(&client.twilio("subaccount", "/Balance.json").await, 404, 20_404);
}

#[tokio::test]
async fn a_list_is_paged_by_relative_addresses() {
    let client = Client::new();
    let mut rest = "/Calls.json?PageSize=3".to_owned();
    let mut sids = Vec::new();
    loop {
        let page = client.twilio("full", &rest).await.json;
        assert_eq!(page["page_size"], 3);
        sids.extend(page["calls"].as_array().unwrap().iter().map(|call| call["sid"].clone()));
        assert_eq!(page["end"], sids.len() - 1);
        let Some(next) = page["next_page_uri"].as_str() else { break };
        let sid = field(&ProviderId::TWILIO, "full", "account_sid");
        rest = next.strip_prefix(&format!("/2010-04-01/Accounts/{sid}")).unwrap().to_owned();
        assert!(rest.contains("PageToken="), "{rest}");
    }
    sids.dedup();
    assert_eq!(sids.len(), 7);
    let busy = client.twilio("full", "/Calls.json?Status=busy").await.json;
    assert_eq!(busy["calls"].as_array().map(Vec::len), Some(1));
    assert_eq!(client.twilio("full", "/Calls.json?PageSize=3&Page=99").await.json["calls"], json!([]));
}

#[tokio::test]
async fn an_unknown_resource_is_20404() {
    let client = Client::new();
    for rest in ["/Faxes.json", "/Calls", "/Calls/CA1/Recordings.json"] {
        assert_error(&client.twilio("full", rest).await, 404, 20_404);
    }
}

#[tokio::test]
async fn too_many_requests_name_their_number() {
    let answer = Client::new().twilio("throttled", "/Calls.json").await;
    assert_error(&answer, 429, 20_429);
    assert_eq!(answer.headers["twilio-concurrent-requests"], "100");
    assert_error(&Client::new().twilio("down", ".json").await, 503, 20_503);
}
