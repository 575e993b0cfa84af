//! Store, validate, replace, delete, list: every outcome, over REST.

use serde_json::{Value, json};

use crate::support::{App, Client, both};

fn credential(provider: &str, id: &str) -> Value {
    json!({"provider": provider, "credentials": App::test_key(provider, id)})
}

async fn store(client: &mut Client, provider: &str, id: &str) -> Value {
    client.post("/api/user-api-keys/store", &credential(provider, id)).await.expect(201).json()
}

async fn only_key(client: &mut Client) -> Value {
    let list = client.get("/api/user-api-keys").await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    list["items"][0].clone()
}

both! {
    async fn an_accepted_key_is_stored_with_what_the_provider_told(app: App) {
        let mut client = app.user("ana").await;
        let key = store(&mut client, "serpapi", "plenty").await;
        assert_eq!(key["status"], "valid");
        assert_eq!(key["is_active"], true);
        assert_eq!(key["version"], 1);
        assert_eq!(key["source"], "user");
        let quota = &key["metadata"]["quota"];
        assert_eq!((&quota["unit"], &quota["limit"]), (&json!("searches"), &json!(1000)));
        assert_eq!(quota["used"], 42);
        assert!(key["metadata"]["plan"].is_string());
        let secret = App::test_key("serpapi", "plenty")["api_key"].as_str().unwrap().to_owned();
        assert_eq!(key["hint"], format!("…{}", &secret[secret.len() - 4..]));
        assert!(!key.to_string().contains(&secret));
        assert_eq!(only_key(&mut client).await, key);
    }

    async fn the_key_may_stand_at_the_top_for_providers_with_one_field(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "serpapi", "api_key": App::test_key("serpapi", "plenty")["api_key"]});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
    }

    async fn an_exhausted_key_is_stored_as_exhausted(app: App) {
        let mut client = app.user("ana").await;
        assert_eq!(store(&mut client, "serpapi", "exhausted").await["status"], "exhausted");
        client.get("/api/services/data-scraper/access").await.problem(403, "missing-api-keys");
    }

    async fn a_rejected_key_is_not_stored(app: App) {
        let mut client = app.user("ana").await;
        for (provider, id, status) in [
            ("serpapi", "invalid", "invalid"),
            ("serpapi", "no_permission", "invalid"),
            ("twilio", "invalid", "invalid"),
            ("twilio", "suspended", "suspended"),
            ("twilio", "closed", "suspended"),
        ] {
            let answer = client.post("/api/user-api-keys/store", &credential(provider, id)).await;
            let problem = answer.problem(422, "invalid-api-key");
            assert_eq!(problem["key_status"], status, "{provider} {id}");
            assert!(problem["detail"].as_str().unwrap().contains("The key was not stored"));
        }
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_api_keys").await, 0);
    }

    async fn an_unreachable_provider_stores_as_unverified(app: App) {
        let mut client = app.user("ana").await;
        for id in ["down", "hangs_up"] {
            let key = client.post("/api/user-api-keys/store", &credential("serpapi", id)).await.expect(202).json();
            assert_eq!(key["status"], "unverified");
            assert_eq!(key["is_active"], false);
            assert!(key["next_check_at"].is_string());
            assert!(key["status_reason"].as_str().unwrap().starts_with("SerpAPI"));
            client.get("/api/services/data-scraper/access").await.problem(403, "missing-api-keys");
            client.delete("/api/user-api-keys/serpapi").await.expect(204);
        }
        let key = client.post("/api/user-api-keys/store", &credential("twilio", "throttled")).await.expect(202).json();
        assert_eq!(key["status"], "unverified");
    }

    async fn both_forms_of_twilio_are_taken(app: App) {
        for (id, webhooks, form) in
            [("full", 1, "auth_token"), ("api_key_and_token", 1, "api_key"), ("api_key", 0, "api_key")]
        {
            let mut client = app.user(id).await;
            let key = store(&mut client, "twilio", id).await;
            assert_eq!(key["metadata"]["capabilities"]["signed_webhooks"], webhooks == 1, "{id}: {key}");
            assert_eq!(key["metadata"]["capabilities"]["voice_calls"], true, "{id}: {key}");
            assert_eq!((&key["region"], &key["form"]), (&json!("us1"), &json!(form)));
            client.get("/api/services/calling/access").await.expect(200);
            let copies = app.sql.number("SELECT COUNT(*) FROM webhook_secrets").await;
            assert_eq!(copies, webhooks, "{id}");
            client.delete("/api/user-api-keys/twilio").await.expect(204);
            assert_eq!(app.sql.number("SELECT COUNT(*) FROM webhook_secrets").await, 0);
        }
    }

    async fn a_second_key_is_a_conflict_and_replacement_keeps_the_old_one_until_accepted(app: App) {
        let mut client = app.user("ana").await;
        let old = store(&mut client, "serpapi", "plenty").await;
        client.post("/api/user-api-keys/store", &credential("serpapi", "nearly_used_up")).await.problem(409, "key-exists");
        let with = |id: &str| json!({"credentials": App::test_key("serpapi", id)});
        client.put("/api/user-api-keys/serpapi", &with("invalid")).await.problem(422, "invalid-api-key");
        client.put("/api/user-api-keys/serpapi", &with("down")).await.problem(503, "provider-unreachable");
        assert_eq!(only_key(&mut client).await, old);

        let new = client.put("/api/user-api-keys/serpapi", &with("nearly_used_up")).await.expect(200).json();
        assert_eq!(new["version"], 2);
        assert_eq!(new["status"], "valid");
        assert_ne!(new["hint"], old["hint"]);
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM retired_credentials").await, 1);
        client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200);
        // The new key opens; the old one stays, re-sealed, for a week.
        app.state.store.sweep(app.now().plus(7 * crate::support::DAY)).await.unwrap();
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM retired_credentials").await, 0);
        client.put("/api/user-api-keys/twilio", &with("plenty")).await.problem(422, "invalid-input");
        client.put("/api/user-api-keys/twilio", &json!({"credentials": App::test_key("twilio", "full")})).await.problem(404, "not-found");
    }

    async fn validating_a_candidate_stores_nothing(app: App) {
        let mut client = app.user("ana").await;
        for (id, status) in [("plenty", "valid"), ("exhausted", "exhausted"), ("invalid", "invalid"), ("down", "unverified")] {
            let answer = client.post("/api/user-api-keys/validate", &credential("serpapi", id)).await.expect(200).json();
            assert_eq!(answer["status"], status, "{answer}");
        }
        client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.problem(404, "not-found");
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_api_keys").await, 0);
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM usage_events WHERE source = 'candidate' AND provider = 'serpapi'").await, 4);
    }

    async fn check_now_follows_the_provider(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client, "serpapi", "plenty").await;
        for (situation, status, access) in [
            ("invalid", "invalid", 403),
            ("plenty", "valid", 200),
            ("exhausted", "exhausted", 403),
            ("down", "exhausted", 403),
            ("plenty", "valid", 200),
            ("down", "valid", 200),
        ] {
            app.control("PUT", "/keys/serpapi/plenty", Some(json!({"situation": situation}))).await;
            let key = client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200).json();
            assert_eq!(key["status"], status, "after {situation}");
            let decision = client.get("/api/services/data-scraper/access").await;
            assert_eq!(decision.status.as_u16(), access, "after {situation}");
        }
        let key = only_key(&mut client).await;
        assert!(key["status_reason"].as_str().unwrap().contains("fault") , "{key}");
    }

    async fn a_401_that_says_something_else_never_makes_a_key_invalid(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client, "serpapi", "plenty").await;
        let fault = json!({"provider": "serpapi", "times": 1, "fault": {"kind": "status", "status": 401, "body": "{\"error\":\"Please verify your e-mail address.\"}"}});
        app.control("POST", "/faults", Some(fault)).await;
        let key = client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200).json();
        assert_eq!(key["status"], "valid");
    }

    async fn deleting_closes_the_service_and_is_complete(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client, "serpapi", "plenty").await;
        client.get("/api/services/data-scraper/access").await.expect(200);
        // With a retired copy, and another key's beside it.
        let with = |provider: &str, id: &str| json!({"credentials": App::test_key(provider, id)});
        client.put("/api/user-api-keys/serpapi", &with("serpapi", "nearly_used_up")).await.expect(200);
        store(&mut client, "twilio", "full").await;
        client.put("/api/user-api-keys/twilio", &with("twilio", "api_key_and_token")).await.expect(200);
        let rows = async |table: &str, of: &str| {
            app.sql.number(&format!("SELECT COUNT(*) FROM {table} WHERE provider = '{of}'")).await
        };
        assert_eq!(rows("retired_credentials", "serpapi").await, 1);
        client.delete("/api/user-api-keys/serpapi").await.expect(204);
        for (provider, left) in [("serpapi", 0), ("twilio", 1)] {
            for table in ["user_api_keys", "retired_credentials"] {
                assert_eq!(rows(table, provider).await, left, "{provider} in {table}");
            }
        }
        client.delete("/api/user-api-keys/serpapi").await.problem(404, "not-found");
        let problem = client.get("/api/services/data-scraper/access").await.problem(403, "missing-api-keys");
        assert_eq!(problem["missing_providers"], json!(["serpapi"]));
        assert!(problem["setup_url"].as_str().unwrap().starts_with("/settings/api-keys"));
    }

    async fn nobody_sees_or_touches_the_keys_of_another(app: App) {
        let mut ana = app.user("ana").await;
        let mut eve = app.user("eve").await;
        store(&mut ana, "serpapi", "plenty").await;
        assert_eq!(eve.get("/api/user-api-keys").await.json()["items"], json!([]));
        eve.delete("/api/user-api-keys/serpapi").await.problem(404, "not-found");
        eve.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.problem(404, "not-found");
        eve.put("/api/user-api-keys/serpapi", &json!({"credentials": App::test_key("serpapi", "plenty")})).await.problem(404, "not-found");
        eve.get("/api/services/data-scraper/access").await.problem(403, "missing-api-keys");
        only_key(&mut ana).await;
    }

    async fn parallel_first_stores_leave_one_dek_and_one_key(app: App) {
        let client = app.user("ana").await;
        let owner = client.clone().get("/api/auth/me").await.json()["id"].as_str().unwrap().to_owned();
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..8 {
            let mut client = client.clone();
            let body = if n % 2 == 0 { credential("serpapi", "plenty") } else { credential("twilio", "full") };
            tasks.spawn(async move { client.post("/api/user-api-keys/store", &body).await.status.as_u16() });
        }
        let mut statuses = tasks.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 201, 409, 409, 409, 409, 409, 409]);
        assert_eq!(app.sql.number(&format!("SELECT COUNT(*) FROM deks WHERE owner = '{owner}'")).await, 1);
        let mut client = client;
        for provider in ["serpapi", "twilio"] {
            let key = client.post("/api/user-api-keys/validate", &json!({"provider": provider})).await.expect(200).json();
            assert_eq!(key["undecryptable"], false);
            assert_eq!(key["status"], "valid");
        }
    }
}

mod settings {
    use super::*;
    use crate::support::{Engine, HOUR};

    #[test]
    fn without_checking_keys_are_stored_unasked_and_count() {
        crate::support::run(async {
            let app = App::start_with(Engine::Sqlite, &[("ENABLE_API_KEY_VALIDATION", "false")]).await;
            let mut client = app.user("ana").await;
            let key = store(&mut client, "serpapi", "invalid").await;
            assert_eq!(key["status"], "unverified");
            client.get("/api/services/data-scraper/access").await.expect(200);
            assert_eq!(app.sql.number("SELECT COUNT(*) FROM usage_events").await, 0);
        });
    }

    #[test]
    fn switched_on_again_unverified_keys_count_for_a_day() {
        crate::support::run(async {
            let app = App::start_with(Engine::Sqlite, &[("ENABLE_API_KEY_VALIDATION", "false")]).await;
            let mut client = app.user("ana").await;
            store(&mut client, "serpapi", "down").await;
            let app = app.restarted(&[("ENABLE_API_KEY_VALIDATION", "true")]).await;
            let cookie = client.cookie.clone();
            let mut client = app.visitor();
            client.cookie = cookie;
            client.get("/api/services/data-scraper/access").await.expect(200);
            app.clock.advance(11 * HOUR);
            client.get("/api/services/data-scraper/access").await.expect(200);
            app.clock.advance(11 * HOUR);
            client.get("/api/services/data-scraper/access").await.expect(200);
            app.clock.advance(3 * HOUR);
            client.get("/api/services/data-scraper/access").await.problem(403, "missing-api-keys");
        });
    }

    #[test]
    fn switched_off_unverified_keys_count_and_nothing_is_asked_by_schedule() {
        crate::support::run(async {
            let app = App::start(Engine::Sqlite).await;
            let mut client = app.user("ana").await;
            client.post("/api/user-api-keys/store", &credential("serpapi", "down")).await.expect(202);
            client.get("/api/services/data-scraper/access").await.problem(403, "missing-api-keys");
            let app = app.restarted(&[("ENABLE_API_KEY_VALIDATION", "false")]).await;
            let mut client = app.log_in("ana").await;
            client.get("/api/services/data-scraper/access").await.expect(200);
            // What was found out before stays: a rejected key does not come back to life.
            store(&mut client, "twilio", "full").await;
            app.control("PUT", "/keys/twilio/full", Some(json!({"situation": "invalid"}))).await;
            client.post("/api/user-api-keys/validate", &json!({"provider": "twilio"})).await.expect(200);
            client.get("/api/services/calling/access").await.problem(403, "missing-api-keys");
        });
    }

    #[test]
    fn new_keys_are_limited_for_an_address_whoever_sends_them() {
        crate::support::run(async {
            let app =
                App::start_with(Engine::Sqlite, &[("KEYWARD_LIMIT_KEYS_PER_ADDRESS_PER_HOUR", "2")]).await;
            let [mut ana, mut bo, mut eve] =
                [app.user("ana").await, app.user("bo").await, app.user("eve").await];
            for client in [&mut ana, &mut bo] {
                store(client, "serpapi", "plenty").await;
            }
            let answer = eve.post("/api/user-api-keys/store", &credential("serpapi", "plenty")).await;
            assert!(answer.headers.contains_key("retry-after"));
            answer.problem(429, "rate-limited");
            // What was not counted was not asked either.
            assert_eq!(
                app.sql.number("SELECT COUNT(*) FROM usage_events WHERE source = 'candidate'").await,
                2
            );
            eve.peer = ([192, 0, 2, 9], 1).into();
            store(&mut eve, "serpapi", "plenty").await;
            app.clock.advance(HOUR);
            store(&mut ana, "twilio", "full").await;
        });
    }

    #[test]
    fn new_keys_are_limited_for_the_installation_wherever_they_come_from() {
        crate::support::run(async {
            let app = App::start_with(Engine::Sqlite, &[("KEYWARD_LIMIT_KEYS_PER_HOUR", "2")]).await;
            let mut statuses = Vec::new();
            for host in 1..=3 {
                let mut client = app.user(&format!("u{host}")).await;
                client.peer = ([192, 0, 2, host], 1).into();
                let answer = client.post("/api/user-api-keys/store", &credential("serpapi", "plenty")).await;
                statuses.push(answer.status.as_u16());
            }
            assert_eq!(statuses, [201, 201, 429]);
            app.clock.advance(HOUR);
            let mut client = app.log_in("u3").await;
            client.peer = ([192, 0, 2, 3], 1).into();
            store(&mut client, "serpapi", "plenty").await;
        });
    }

    #[test]
    fn new_replaced_and_candidate_keys_are_limited_together() {
        crate::support::run(async {
            let app = App::start_with(Engine::Sqlite, &[("KEYWARD_LIMIT_KEYS_PER_USER_PER_HOUR", "3")]).await;
            let mut client = app.user("ana").await;
            store(&mut client, "serpapi", "plenty").await;
            let with = json!({"credentials": App::test_key("serpapi", "nearly_used_up")});
            client.put("/api/user-api-keys/serpapi", &with).await.expect(200);
            client.post("/api/user-api-keys/validate", &credential("serpapi", "plenty")).await.expect(200);
            client
                .post("/api/user-api-keys/validate", &credential("serpapi", "plenty"))
                .await
                .problem(429, "rate-limited");
            client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200);
            app.clock.advance(HOUR);
            client.post("/api/user-api-keys/validate", &credential("serpapi", "plenty")).await.expect(200);
        });
    }
}
