//! What `keyward provider test` finds wrong.

use std::collections::BTreeMap;

use serde_json::json as value;

use super::support::{CANARY, Room, Server, json, yes};
use crate::{
    model::ids::ProviderId,
    providers::{Fields, Spending},
};

fn key() -> Fields {
    BTreeMap::from([("api_key".to_owned(), CANARY.into())])
}

/// All lines, and whether the file passed.
async fn tried(room: &Room, limited: Option<Fields>) -> (bool, String) {
    let provider = ProviderId::SERPAPI;
    let findings = room.providers.try_out(&provider, key(), limited, Spending::Refused).await.unwrap();
    (findings.passed(), findings.to_string())
}

/// Takes this one key, as a provider that knows its own does.
fn knows_its_own(head: &str) -> Vec<u8> {
    if head.contains(CANARY) {
        yes()
    } else {
        json(401, &value!({"error": "Invalid API key. Your API key…"}))
    }
}

#[tokio::test]
async fn a_file_that_tells_keys_apart_passes() {
    let server = Server::answering(knows_its_own).await;
    let (passed, text) = tried(&Room::at(server.addr), None).await;
    assert!(passed, "{text}");
    assert!(text.contains("ok    the real key: valid"), "{text}");
    assert!(text.contains("ok    the made-up key: invalid"), "{text}");
    // A fact, and no verdict.
    assert!(
        text.starts_with("      keys are sealed for https://serpapi.com:443 and sent to http://127"),
        "{text}"
    );
}

#[tokio::test]
async fn a_made_up_key_that_is_accepted_fails() {
    let server = Server::answering(|_| yes()).await;
    let (passed, text) = tried(&Room::at(server.addr), None).await;
    assert!(!passed && text.contains("FAIL  the made-up key: valid"), "{text}");
}

#[tokio::test]
async fn a_limited_key_that_lacks_nothing_fails() {
    let server = Server::answering(knows_its_own).await;
    let (passed, text) = tried(&Room::at(server.addr), Some(key())).await;
    assert!(!passed && text.contains("FAIL  the limited key: valid"), "{text}");
}

#[tokio::test]
async fn a_key_that_would_be_kept_fails() {
    // A file whose author has pasted the key into a rule: it would be kept as the provider's code.
    let server = Server::answering(|_| json(403, &value!({"error": CANARY}))).await;
    let rule =
        format!("status = 403\njson = {{ \"/error\" = {{ equals = \"{CANARY}\" }} }}\nthen = \"invalid\"");
    let room = Room::with(&format!("http://{}", server.addr), |catalogue| {
        catalogue
            .edit(&ProviderId::SERPAPI, |file| file.probe[0].rules.insert(0, toml::from_str(&rule).unwrap()));
    });
    let (passed, text) = tried(&room, None).await;
    assert!(!passed && text.contains("FAIL  the real key: nothing of it is in what Keyward keeps"), "{text}");
    assert!(text.contains("ok    the made-up key: nothing of it"), "{text}");
    assert!(!text.contains(CANARY), "{text}");
}
