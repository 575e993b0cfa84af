//! The guard over REST.

use keyward::{
    model::{
        ids::ProviderId,
        provider::{ProviderInfo, lookalike},
    },
    simulator,
};
use serde_json::json;

use crate::support::{App, both};

both! {
    async fn every_service_says_what_it_needs(app: App) {
        let mut client = app.user("ana").await;
        let list = client.get("/api/services").await.expect(200).json();
        let services: Vec<_> = list["items"].as_array().unwrap().iter().map(|s| s["service"].as_str().unwrap()).collect();
        assert_eq!(services, ["data-scraper", "ai-calling", "voice-cloning", "calling", "analytics"]);
        assert!(list["items"].as_array().unwrap().iter().all(|s| s["granted"] == false));
        for service in services {
            let problem = client.get(&format!("/api/services/{service}/access")).await.problem(403, "missing-api-keys");
            assert_eq!(problem["service"], service);
        }
        client.get("/api/services/coffee/access").await.problem(404, "not-found");
    }

    async fn each_key_opens_the_services_that_waited_for_it(app: App) {
        let mut client = app.user("ana").await;
        for (provider, id, open) in [
            ("serpapi", "plenty", vec!["data-scraper", "analytics"]),
            ("twilio", "full", vec!["data-scraper", "calling", "analytics"]),
            ("elevenlabs", "plenty", vec!["data-scraper", "voice-cloning", "calling", "analytics"]),
            // Neither is needed by any service.
            ("anthropic", "plenty", vec!["data-scraper", "voice-cloning", "calling", "analytics"]),
            ("google_ai", "plenty", vec!["data-scraper", "voice-cloning", "calling", "analytics"]),
            ("openai", "plenty", vec!["data-scraper", "ai-calling", "voice-cloning", "calling", "analytics"]),
        ] {
            let body = json!({"provider": provider, "credentials": App::test_key(provider, id)});
            client.post("/api/user-api-keys/store", &body).await.expect(201);
            let list = client.get("/api/services").await.json();
            let granted: Vec<_> = list["items"].as_array().unwrap().iter().filter(|s| s["granted"] == true).map(|s| s["service"].as_str().unwrap()).collect();
            assert_eq!(granted, open);
        }
        client.delete("/api/user-api-keys/openai").await.expect(204);
        let problem = client.get("/api/services/ai-calling/access").await.problem(403, "missing-api-keys");
        assert_eq!(problem["missing_providers"], json!(["openai"]));
    }

    async fn what_a_plan_or_a_key_lacks_closes_what_needs_it_and_nothing_else(app: App) {
        let mut client = app.user("ana").await;
        for (id, status, cloning) in [
            ("free_plan", "limited", Err("lacks_capability")),
            // The plan stays unknown, and what is unknown grants.
            ("restricted", "limited", Ok(())),
            ("nothing_readable", "limited", Ok(())),
            ("overage", "valid", Ok(())),
            // Cloning a voice uses up no characters.
            ("exhausted", "exhausted", Ok(())),
        ] {
            let body = json!({"provider": "elevenlabs", "credentials": App::test_key("elevenlabs", id)});
            let key = client.post("/api/user-api-keys/store", &body).await.expect(201).json();
            assert_eq!(key["status"], status, "{id}");
            let answer = client.get("/api/services/voice-cloning/access").await;
            match cloning {
                Ok(()) => drop(answer.expect(200)),
                Err(reason) => assert_eq!(answer.problem(403, "missing-api-keys")["blocked_providers"][0]["reason"], reason, "{id}"),
            }
            client.delete("/api/user-api-keys/elevenlabs").await.expect(204);
        }
    }

    async fn every_test_key_ends_as_its_situation_says(app: App) {
        let mut client = app.user("ana").await;
        for key in simulator::test_keys() {
            let (provider, expected) = (key.provider.as_str(), match key.id {
                "invalid" | "no_permission" | "suspended" | "closed" | "wrong_kind" | "reported_leaked" => 422,
                "throttled" | "down" | "hangs_up" | "country_refused" => 202,
                // Takes as long as a check may.
                "never_answers" => continue,
                _ => 201,
            });
            // SerpAPI's account call answers a throttled key too.
            let expected = if (provider, key.id) == ("serpapi", "throttled") { 201 } else { expected };
            let body = json!({"provider": provider, "credentials": App::test_key(provider, key.id)});
            let answer = client.post("/api/user-api-keys/store", &body).await;
            assert_eq!(answer.status.as_u16(), expected, "{provider} {}: {}", key.id, answer.text);
            let secret = &key.fields.last().unwrap().1;
            assert!(!answer.text.contains(secret.as_str()), "{provider} {}", key.id);
            if expected != 422 {
                client.delete(&format!("/api/user-api-keys/{provider}")).await.expect(204);
            }
        }
    }

    async fn test_keys_look_as_keys_usually_do_and_like_nobody_elses(app: App) {
        let mut client = app.user("ana").await;
        let list = client.get("/api/providers").await.expect(200).json();
        let infos: Vec<ProviderInfo> = serde_json::from_value(list["items"].clone()).unwrap();
        assert_eq!(infos.len(), 30);
        for key in simulator::test_keys() {
            let own = infos.iter().find(|info| info.id == key.provider).unwrap();
            let fields: Vec<_> = own.forms.iter().flat_map(|form| &form.fields).collect();
            for (name, value) in &key.fields {
                let mut shapes = fields.iter().filter(|field| field.name == *name).flat_map(|field| &field.shapes).peekable();
                assert!(shapes.peek().is_none() || shapes.any(|shape| shape.matches(value)), "{} {} {name}", key.provider, key.id);
                assert_eq!(lookalike(&infos, &key.provider, value), None, "{} {}", key.provider, key.id);
                if value.starts_with("sk") || value.starts_with("AQ.") {
                    let other = lookalike(&infos, &ProviderId::SERPAPI, value).unwrap();
                    assert_eq!(other.id, key.provider);
                }
            }
        }
    }

    async fn keys_that_can_never_work_are_refused_unasked(app: App) {
        let mut client = app.user("ana").await;
        for (provider, value, error) in [
            ("openai", "sk-admin-0123456789abcdef0123456789abcdef", "admin_key"),
            ("anthropic", "sk-ant-admin01-0123456789abcdef0123456789", "admin_key"),
            ("anthropic", "sk-ant-oat01-0123456789abcdef0123456789ab", "subscription_token"),
        ] {
            let body = json!({"provider": provider, "credentials": {"api_key": value}});
            let problem = client.post("/api/user-api-keys/store", &body).await.problem(422, "invalid-input");
            assert_eq!(problem["errors"]["api_key"]["code"], error, "{problem}");
            assert!(!problem.to_string().contains(value));
        }
        let journal = app.control("GET", "/journal", None).await;
        assert!(!journal.to_string().contains("/v1/models"), "{journal}");
    }

    async fn a_number_without_voice_keeps_calling_closed(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "twilio", "credentials": App::test_key("twilio", "no_voice_number")});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
        let problem = client.get("/api/services/calling/access").await.problem(403, "missing-api-keys");
        assert_eq!(problem["missing_providers"], json!([]));
        assert_eq!(problem["blocked_providers"][0]["reason"], "lacks_capability");
    }
}
