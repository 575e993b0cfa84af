//! The guard over REST.

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

    async fn keys_open_the_services_that_need_nothing_else(app: App) {
        let mut client = app.user("ana").await;
        for (provider, id, open) in [
            ("serpapi", "plenty", vec!["data-scraper", "analytics"]),
            ("twilio", "full", vec!["data-scraper", "calling", "analytics"]),
        ] {
            let body = json!({"provider": provider, "credentials": App::test_key(provider, id)});
            client.post("/api/user-api-keys/store", &body).await.expect(201);
            let list = client.get("/api/services").await.json();
            let granted: Vec<_> = list["items"].as_array().unwrap().iter().filter(|s| s["granted"] == true).map(|s| s["service"].as_str().unwrap()).collect();
            assert_eq!(granted, open);
        }
        let problem = client.get("/api/services/ai-calling/access").await.problem(403, "missing-api-keys");
        assert_eq!(problem["missing_providers"], json!(["elevenlabs", "openai"]));
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
