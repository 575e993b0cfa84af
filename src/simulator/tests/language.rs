//! What the SDKs of the language models do not show.

use axum::http::Method;
use serde_json::{Value, json};

use super::{Answer, Client, field};
use crate::model::ids::ProviderId;

const GEMINI: &str = "/v1beta/models/gemini-3.8-flash";

fn chat(text: &str) -> Value {
    json!({ "model": "gpt-5.2", "messages": [{ "role": "user", "content": text }] })
}

fn message(text: &str) -> Value {
    json!({ "model": "claude-haiku-4-5", "max_tokens": 50, "messages": [{ "role": "user", "content": text }] })
}

fn content(text: &str) -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": text }] }] })
}

async fn chat_of(client: &Client, key: &str) -> Answer {
    client.ask(&ProviderId::OPENAI, key, "/v1/chat/completions", chat("hello")).await
}

/// Asks each of the three models the same and gives back what it says.
async fn everybody(client: &Client, text: &str) -> [Value; 3] {
    let openai = client.ask(&ProviderId::OPENAI, "plenty", "/v1/chat/completions", chat(text)).await;
    let anthropic = client.ask(&ProviderId::ANTHROPIC, "plenty", "/v1/messages", message(text)).await;
    let gemini = client
        .ask(&ProviderId::GOOGLE_AI, "plenty", &format!("{GEMINI}:generateContent"), content(text))
        .await;
    [
        openai.json["choices"][0]["message"]["content"].clone(),
        anthropic.json["content"][0]["text"].clone(),
        gemini.json["candidates"][0]["content"]["parts"][0]["text"].clone(),
    ]
}

#[tokio::test]
async fn the_script_is_read_from_top_to_bottom_and_used_up() {
    let client = Client::new();
    for line in [
        json!({ "provider": "anthropic", "to": "price", "text": "Ask a human." }),
        json!({ "to": "price", "text": "Two pounds.", "times": 2 }),
    ] {
        client.control(Method::POST, "/replies", line).await;
    }
    assert_eq!(everybody(&client, "The PRICE?").await, ["Two pounds.", "Ask a human.", "Two pounds."]);
    let said = "You said: The PRICE?";
    assert_eq!(everybody(&client, "The PRICE?").await, [said, "Ask a human.", said]);
    let lines = client.control(Method::GET, "/replies", Value::Null).await;
    assert_eq!((&lines["items"][0]["times"], &lines["items"][1]["times"]), (&Value::Null, &json!(0)));
    client.control(Method::DELETE, "/replies", Value::Null).await;
    assert_eq!(everybody(&client, "The PRICE?").await, [said; 3]);
    client.control(Method::POST, "/replies", json!({ "text": "Later." })).await;
    client.control(Method::POST, "/reset", Value::Null).await;
    assert_eq!(everybody(&client, "The PRICE?").await, [said; 3]);
}

#[tokio::test]
async fn the_same_requests_after_a_reset_get_the_same_answers() {
    let client = Client::new();
    let ask = async || {
        let mut answer = chat_of(&client, "plenty").await;
        answer.json["created"] = Value::Null;
        (answer.json, answer.headers["x-request-id"].clone())
    };
    let (first, second) = (ask().await, ask().await);
    assert_ne!(first, second);
    client.control(Method::POST, "/reset", Value::Null).await;
    assert_eq!((ask().await, ask().await), (first, second));
}

#[tokio::test]
async fn each_key_has_tokens_of_its_own_and_a_switch_renews_them() {
    let client = Client::new();
    client.control(Method::PUT, "/keys/openai/plenty", json!({ "tokens_left": 1 })).await;
    assert_eq!(chat_of(&client, "plenty").await.status, 200);
    let refused = chat_of(&client, "plenty").await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json["error"]["code"]),
        (429, &json!("insufficient_quota"))
    );
    assert_eq!(chat_of(&client, "restricted").await.status, 200);
    client.control(Method::PUT, "/keys/openai/plenty", json!({ "situation": "plenty" })).await;
    assert_eq!(chat_of(&client, "plenty").await.status, 200);
}

#[tokio::test]
async fn a_refused_request_uses_nothing() {
    let client = Client::new();
    client.control(Method::PUT, "/keys/openai/plenty", json!({ "tokens_left": 1 })).await;
    for wrong in [json!("text"), json!({}), json!({ "model": "gpt-5.2" }), json!({ "model": "gpt-0" })] {
        let refused = client.ask(&ProviderId::OPENAI, "plenty", "/v1/chat/completions", wrong).await;
        assert!(refused.status.is_client_error(), "{}", refused.text);
        let members = refused.json["error"].as_object().map(serde_json::Map::len);
        assert_eq!(members, Some(4), "{}", refused.text);
    }
    assert_eq!(chat_of(&client, "plenty").await.status, 200);
}

#[tokio::test]
async fn a_key_that_may_not_list_models_may_use_them() {
    let client = Client::new();
    let key = field(&ProviderId::ANTHROPIC, "restricted", "api_key");
    let list = client.post("/anthropic/v1/models", &[("x-api-key", &key)], "").await;
    assert_eq!(list.status, 405);
    let answer = client.ask(&ProviderId::ANTHROPIC, "restricted", "/v1/messages", message("hello")).await;
    assert_eq!(answer.json["content"][0]["text"], "You said: hello");
}

#[tokio::test]
async fn anthropic_wants_a_version_and_names_what_is_missing() {
    let client = Client::new();
    let key = field(&ProviderId::ANTHROPIC, "plenty", "api_key");
    let body = message("hello").to_string();
    let without = client.post("/anthropic/v1/messages", &[("x-api-key", &key)], body).await;
    assert_eq!(without.json["error"]["message"], "anthropic-version: header is required");
    for member in ["model", "max_tokens", "messages"] {
        let mut body = message("hello");
        body.as_object_mut().unwrap().remove(member);
        let refused = client.ask(&ProviderId::ANTHROPIC, "plenty", "/v1/messages", body).await;
        assert_eq!(refused.json["error"]["message"], format!("{member}: Field required"));
        assert_eq!(refused.json["error"]["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn without_events_a_stream_of_gemini_is_one_list() {
    let client = Client::new();
    let path = format!("{GEMINI}:streamGenerateContent");
    let answer = client.ask(&ProviderId::GOOGLE_AI, "plenty", &path, content("hello there")).await;
    let pieces = answer.json.as_array().unwrap();
    let texts: Vec<_> = pieces
        .iter()
        .map(|piece| piece["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["You ", "said: ", "hello ", "there"]);
    assert_eq!(pieces[3]["candidates"][0]["finishReason"], "STOP");
    let refused = client.ask(&ProviderId::GOOGLE_AI, "invalid", &path, content("hello")).await;
    assert_eq!((refused.status.as_u16(), &refused.json[0]["error"]["code"]), (400, &json!(400)));
    let events =
        client.ask(&ProviderId::GOOGLE_AI, "invalid", &format!("{path}?alt=sse"), content("hello")).await;
    assert_eq!(events.json["error"]["details"][0]["reason"], "API_KEY_INVALID");
}

#[tokio::test]
async fn gemini_tells_no_key_from_a_wrong_one() {
    let client = Client::new();
    let none = client.get("/google_ai/v1beta/models").await;
    assert_eq!((none.status.as_u16(), &none.json["error"]["details"]), (403, &Value::Null));
    let wrong = client.get("/google_ai/v1beta/models?key=AQ.wrong").await;
    assert_eq!(wrong.json["error"]["details"][0]["reason"], "API_KEY_INVALID");
}

#[tokio::test]
async fn a_stream_that_fails_half_way_says_so_as_its_provider_does() {
    let client = Client::new();
    let events = async |provider: ProviderId, path: &str, mut body: Value| {
        let fault = json!({ "kind": "stream_error", "after_events": 1 });
        client.control(Method::POST, "/faults", json!({ "provider": provider, "fault": fault })).await;
        if body["contents"].is_null() {
            body["stream"] = true.into();
        }
        let answer = client.ask(&provider, "plenty", path, body).await;
        assert_eq!(answer.status, 200);
        let blocks: Vec<String> = answer.text.trim_end().split("\n\n").map(str::to_owned).collect();
        assert_eq!(blocks.len(), 2, "{}", answer.text);
        blocks[1].clone()
    };
    let openai = events(ProviderId::OPENAI, "/v1/chat/completions", chat("hello")).await;
    assert!(openai.starts_with(r#"data: {"error":{"#), "{openai}");
    let responses =
        events(ProviderId::OPENAI, "/v1/responses", json!({ "model": "gpt-5.2", "input": "hello" })).await;
    assert!(responses.starts_with("event: error\ndata: "), "{responses}");
    let anthropic = events(ProviderId::ANTHROPIC, "/v1/messages", message("hello")).await;
    assert!(anthropic.starts_with("event: error\n") && anthropic.contains("overloaded_error"), "{anthropic}");
    let path = format!("{GEMINI}:streamGenerateContent?alt=sse");
    let gemini = events(ProviderId::GOOGLE_AI, &path, content("hello")).await;
    assert!(gemini.contains(r#""status":"UNAVAILABLE""#), "{gemini}");
}

#[tokio::test]
async fn the_journal_knows_the_operation_and_nothing_that_was_said() {
    let client = Client::new();
    everybody(&client, "my secret wish").await;
    let lines = client.control(Method::GET, "/journal", Value::Null).await;
    let text = lines.to_string();
    assert!(!text.contains("secret") && text.contains("/openai/v1/chat/completions"), "{text}");
    let paths: Vec<_> = lines["items"].as_array().unwrap().iter().map(|line| line["path"].clone()).collect();
    assert_eq!(paths[2], format!("/google_ai{GEMINI}:generateContent"));
    for provider in [ProviderId::OPENAI, ProviderId::ANTHROPIC, ProviderId::GOOGLE_AI] {
        assert!(!text.contains(&field(&provider, "plenty", "api_key")));
    }
}
