//! What a key can and cannot do, as REST tells it.

use std::collections::BTreeMap;

use keyward::simulator;
use serde_json::{Value, json};

use crate::support::{App, both};

/// The answers for one service, by ability.
fn answers(key: &Value, service: &str) -> BTreeMap<String, String> {
    let services = key["services"].as_array().unwrap();
    let one = services.iter().find(|one| one["service"] == service).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    one["abilities"].as_array().unwrap().iter().map(|one| (text(&one["id"]), text(&one["answer"]))).collect()
}

fn ability<'k>(key: &'k Value, id: &str) -> &'k Value {
    let services = key["services"].as_array().unwrap().iter();
    services.flat_map(|one| one["abilities"].as_array().unwrap()).find(|one| one["id"] == id).unwrap()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(id, answer)| ((*id).to_owned(), (*answer).to_owned())).collect()
}

both! {
    async fn a_key_says_what_each_service_can_do_with_it(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "elevenlabs", "credentials": App::test_key("elevenlabs", "free_plan")});
        let key = client.post("/api/user-api-keys/store", &body).await.expect(201).json();
        assert_eq!(answers(&key, "ai-calling"), map(&[("speak", "yes"), ("list_voices", "yes")]));
        assert_eq!(answers(&key, "voice-cloning"), map(&[("clone_voices", "no")]));
        let cloning = ability(&key, "clone_voices");
        assert_eq!(cloning["reason"], "Cloning voices needs the Starter plan or higher; this account has Free.");
        assert_eq!(cloning["link"], json!({"label": "Plans at ElevenLabs", "url": "https://elevenlabs.io/app/subscription"}));
        // The guard closes for the same reason, in the same words.
        let problem = client.get("/api/services/voice-cloning/access").await.problem(403, "missing-api-keys");
        assert_eq!(problem["blocked_providers"][0]["message"], "ElevenLabs accepted this key, but cloning voices needs the Starter plan or higher.");

        let body = json!({"provider": "twilio", "credentials": App::test_key("twilio", "calls_only")});
        let key = client.post("/api/user-api-keys/store", &body).await.expect(201).json();
        assert_eq!(answers(&key, "calling"), map(&[("place_calls", "unknown"), ("read_calls", "yes"), ("signed_reports", "no")]));
        let with = json!({"credentials": App::test_key("twilio", "trial")});
        let key = client.put("/api/user-api-keys/twilio", &with).await.expect(200).json();
        assert_eq!(answers(&key, "ai-calling"), map(&[("place_calls", "yes"), ("signed_reports", "yes")]));
        assert_eq!(ability(&key, "place_calls")["reason"], "A trial account calls verified numbers only.");

        let body = json!({"provider": "mistral", "credentials": {"api_key": "0123456789abcdefghijklmnopqrstuv"}});
        let key = client.post("/api/user-api-keys/store", &body).await.expect(202).json();
        assert_eq!(key["services"], json!([]), "no service uses it");
    }

    async fn an_open_service_may_be_unable_to_do_something(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"tier": "creator", "status": "active", "character_count": 1, "character_limit": 100_000, "voice_slots_used": 30, "voice_limit": 30, "can_use_instant_voice_cloning": true});
        let fault = json!({"provider": "elevenlabs", "fault": {"kind": "status", "status": 200, "body": body}});
        app.control("POST", "/faults", Some(fault)).await;
        let body = json!({"provider": "elevenlabs", "credentials": App::test_key("elevenlabs", "plenty")});
        let key = client.post("/api/user-api-keys/store", &body).await.expect(201).json();
        assert_eq!(ability(&key, "clone_voices")["reason"], "All 30 voices that the plan allows are in use.");
        assert_eq!(ability(&key, "list_voices")["answer"], "yes");
        client.get("/api/services/voice-cloning/access").await.expect(200);
    }

    async fn every_test_key_agrees_with_the_guard(app: App) {
        let mut client = app.user("ana").await;
        for key in simulator::test_keys().into_iter().filter(|key| key.id != "never_answers") {
            let provider = key.provider.as_str();
            let body = json!({"provider": provider, "credentials": App::test_key(provider, key.id)});
            let answer = client.post("/api/user-api-keys/store", &body).await;
            if answer.status.as_u16() == 422 {
                continue;
            }
            let list = client.get("/api/services").await.expect(200).json();
            let stored = answer.json();
            for one in stored["services"].as_array().unwrap() {
                let decisions = list["items"].as_array().unwrap();
                let decision = decisions.iter().find(|decision| decision["service"] == one["service"]).unwrap();
                let verdicts = decision["providers"].as_array().unwrap();
                let verdict = verdicts.iter().find(|verdict| verdict["provider"] == provider).unwrap();
                let serves = verdict["verdict"]["verdict"] == "ready";
                assert_eq!(one["serves"], serves, "{provider} {}: {one}", key.id);
                let yes = one["abilities"].as_array().unwrap().iter().all(|one| one["answer"] == "yes");
                assert!(serves || !yes, "{provider} {}: {one}", key.id);
            }
            assert!(!stored["services"].as_array().unwrap().is_empty(), "{provider}");
            client.delete(&format!("/api/user-api-keys/{provider}")).await.expect(204);
        }
    }
}
