//! The loop that checks due keys.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, DAY, HOUR, MINUTE, both, literal};

async fn store(app: &App, id: &str) {
    let mut client = app.user("ana").await;
    let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", id)});
    let answer = client.post("/api/user-api-keys/store", &body).await;
    assert!(answer.status.is_success(), "{}", answer.text);
}

/// The key as its owner sees it, in a session that is not too old.
async fn seen(app: &App) -> Value {
    app.log_in("ana").await.get("/api/user-api-keys").await.json()["items"][0].clone()
}

async fn status(app: &App) -> String {
    seen(app).await["status"].as_str().unwrap().to_owned()
}

async fn scraper_opens(app: &App) {
    app.log_in("ana").await.get("/api/services/data-scraper/access").await.expect(200);
}

async fn becomes(app: &App, id: &str, situation: &str) {
    app.control("PUT", &format!("/keys/serpapi/{id}"), Some(json!({"situation": situation}))).await;
}

both! {
    async fn an_unverified_key_is_asked_again_after_1_5_15_and_60_minutes(app: App) {
        store(&app, "down").await;
        let asked = "SELECT COUNT(*) FROM usage_events WHERE source = 'check'";
        // Each wait is spread by up to a fifth.
        for (minutes, checks) in [(0, 0), (2, 1), (4, 1), (2, 2), (14, 2), (5, 3), (55, 3), (18, 4), (73, 5)] {
            app.pass(minutes * MINUTE).await;
            assert_eq!(app.sql.number(asked).await, checks, "{minutes} minutes later");
        }
        assert_eq!(status(&app).await, "unverified");
        becomes(&app, "down", "plenty").await;
        app.pass(73 * MINUTE).await;
        assert_eq!(status(&app).await, "valid");
        scraper_opens(&app).await;
    }

    async fn a_provider_that_asks_for_a_pause_is_not_asked_before_it_is_over(app: App) {
        let mut client = app.user("ana").await;
        let key = json!({"provider": "anthropic", "credentials": App::test_key("anthropic", "plenty")});
        client.post("/api/user-api-keys/store", &key).await.expect(201);
        let asked = "SELECT COUNT(*) FROM usage_events WHERE source = 'check'";
        app.control("PUT", "/keys/anthropic/plenty", Some(json!({"situation": "throttled"}))).await;
        // The simulator asks for 20 s, as Anthropic does.
        let stored = json!({"provider": "anthropic"});
        client.post("/api/user-api-keys/validate", &stored).await.expect(200);
        app.control("PUT", "/keys/anthropic/plenty", Some(json!({"situation": "plenty"}))).await;
        app.clock.advance(Duration::from_secs(5));
        let answer = client.post("/api/user-api-keys/validate", &stored).await;
        assert_eq!(answer.headers["retry-after"], "15");
        let problem = answer.problem(429, "rate-limited");
        assert_eq!((&problem["retry_after"], &problem["reason"]), (&json!(15), &json!("rate_limited")));
        assert_eq!(problem["detail"], "Anthropic asked for slower requests. Try again in 15 seconds.");
        // Nor does the loop ask, however due the key is.
        let store = &app.state.store;
        let row = store.claim_due_keys(8, MINUTE, &[], app.now().plus(HOUR)).await.unwrap().remove(0);
        store.make_due(row.user, row.id, true, app.now()).await.unwrap();
        app.pass(Duration::from_secs(14)).await;
        assert_eq!(app.sql.number(asked).await, 1);
        app.pass(Duration::from_secs(1)).await;
        assert_eq!(app.sql.number(asked).await, 2);
        client.post("/api/user-api-keys/validate", &stored).await.expect(200);
        // In real use as well.
        store.hold_back(row.user, row.id, app.now().plus(MINUTE)).await.unwrap();
        client.post("/api/user-api-keys/validate", &stored).await.problem(429, "rate-limited");
        app.clock.advance(MINUTE);
        client.post("/api/user-api-keys/validate", &stored).await.expect(200);
    }

    async fn no_status_is_a_dead_end(app: App) {
        store(&app, "plenty").await;
        for (situation, status_after, wait) in [
            ("invalid", "invalid", 29 * HOUR),
            ("plenty", "valid", 73 * MINUTE),
            ("exhausted", "exhausted", 29 * HOUR),
            ("plenty", "valid", 40 * DAY),
            ("no_permission", "invalid", 29 * HOUR),
            ("plenty", "valid", 73 * MINUTE),
        ] {
            becomes(&app, "plenty", situation).await;
            app.pass(wait).await;
            assert_eq!(status(&app).await, status_after, "{situation}");
        }
    }

    async fn suspended_limited_and_undecryptable_are_no_dead_ends_either(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "twilio", "credentials": App::test_key("twilio", "full")});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
        let row = "SELECT encrypted_key FROM user_api_keys";
        let own = app.sql.blobs(row).await.remove(0);
        let put = |bytes: &[u8]| {
            format!("UPDATE user_api_keys SET encrypted_key = {}", literal(app.sql.engine, bytes))
        };
        for (situation, damaged, status_after, opens, wait) in [
            ("suspended", false, "suspended", 403, 29 * HOUR),
            ("full", false, "valid", 200, 73 * MINUTE),
            ("no_voice_number", false, "limited", 403, 29 * HOUR),
            ("full", false, "valid", 200, 29 * HOUR),
            ("full", true, "valid", 403, 29 * HOUR),
            ("full", false, "valid", 200, 29 * HOUR),
        ] {
            let what = format!("{situation}, damaged: {damaged}");
            app.control("PUT", "/keys/twilio/full", Some(json!({"situation": situation}))).await;
            let envelope = if damaged { own[..own.len() - 1].to_vec() } else { own.clone() };
            app.sql.execute(&put(&envelope)).await;
            app.pass(wait).await;
            let key = seen(&app).await;
            assert_eq!((&key["status"], &key["undecryptable"]), (&json!(status_after), &json!(damaged)), "{what}");
            assert!(key["next_check_at"].is_string(), "{what}: {key}");
            assert_eq!(app.sql.blobs(row).await, [envelope], "{what}");
            let access = app.log_in("ana").await.get("/api/services/calling/access").await;
            assert_eq!(access.status.as_u16(), opens, "{what}: {}", access.text);
        }
    }

    async fn a_key_that_is_refused_in_use_is_checked_at_once(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "elevenlabs", "credentials": App::test_key("elevenlabs", "plenty")});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
        app.clock.advance(MINUTE);
        let voices = "/api/services/voice-cloning/voices";
        client.get(voices).await.expect(200);
        let due = format!("SELECT COUNT(*) FROM user_api_keys WHERE next_check_at <= {}", app.now().0);
        let checks = "SELECT COUNT(*) FROM usage_events WHERE source = 'check'";
        assert_eq!((app.sql.number(&due).await, app.recheck.check_due().await), (0, 0));

        app.control("PUT", "/keys/elevenlabs/plenty", Some(json!({"situation": "invalid"}))).await;
        assert_eq!(client.get(voices).await.problem(422, "provider-refused")["key_status"], "invalid");
        // The refusal itself changes nothing but when the key is checked.
        assert_eq!((app.sql.number(&due).await, app.sql.number(checks).await), (1, 0));
        assert_eq!(status(&app).await, "valid");
        client.get("/api/services/voice-cloning/access").await.expect(200);
        app.pass(Duration::ZERO).await;
        assert_eq!(status(&app).await, "invalid");
        client.get("/api/services/voice-cloning/access").await.problem(403, "missing-api-keys");
    }

    async fn an_outage_leaves_a_valid_key_valid_and_marks_it_stale_after_a_day(app: App) {
        store(&app, "plenty").await;
        becomes(&app, "plenty", "down").await;
        app.pass(29 * HOUR).await;
        let key = seen(&app).await;
        assert_eq!((&key["status"], &key["stale"], &key["is_active"]), (&json!("valid"), &json!(false), &json!(true)));
        for _ in 0..26 {
            app.pass(HOUR).await;
        }
        let key = seen(&app).await;
        assert_eq!((&key["status"], &key["stale"]), (&json!("valid"), &json!(true)));
        // The card says so.
        let label = "SerpAPI has given no definite answer for more than a day.";
        let page = app.log_in("ana").await.get("/settings/api-keys").await.expect(200).text;
        assert!(page.contains(label));
        scraper_opens(&app).await;
        becomes(&app, "plenty", "plenty").await;
        app.pass(2 * HOUR).await;
        let key = seen(&app).await;
        assert_eq!((&key["status"], &key["stale"]), (&json!("valid"), &json!(false)));
        let page = app.log_in("ana").await.get("/settings/api-keys").await.expect(200).text;
        assert!(page.contains("Valid") && !page.contains(label));
    }

    async fn a_claim_is_exclusive_until_its_lease_ends_and_fences_off_the_late(app: App) {
        store(&app, "plenty").await;
        app.clock.advance(2 * DAY);
        let store = &app.state.store;
        let first = store.claim_due_keys(8, 2 * MINUTE, &[], app.now()).await.unwrap();
        assert_eq!(first.len(), 1);
        assert!(store.claim_due_keys(8, 2 * MINUTE, &[], app.now()).await.unwrap().is_empty());
        app.clock.advance(3 * MINUTE);
        let second = store.claim_due_keys(8, 2 * MINUTE, &[], app.now()).await.unwrap();
        assert_eq!(second.len(), 1);
        // The first worker wakes up: its answer no longer counts.
        let keys = &app.state.use_cases.keys;
        keys.check(&first[0]).await.unwrap();
        let revision = "SELECT revision FROM user_api_keys";
        assert_eq!(app.sql.number(revision).await, second[0].revision);
        keys.check(&second[0]).await.unwrap();
        assert_eq!(app.sql.number(revision).await, second[0].revision + 1);
    }

    async fn what_a_check_under_way_cannot_know_fences_its_answer_off(app: App) {
        store(&app, "plenty").await;
        let (store, keys) = (&app.state.store, &app.state.use_cases.keys);
        let revision = "SELECT revision FROM user_api_keys";
        for what in ["refused", "held back", "scheduled"] {
            app.clock.advance(2 * DAY);
            let mut client = app.log_in("ana").await;
            let row = store.claim_due_keys(8, 2 * MINUTE, &[], app.now()).await.unwrap().remove(0);
            match what {
                "refused" => store.make_due(row.user, row.id, true, app.now()).await.unwrap(),
                "held back" => store.hold_back(row.user, row.id, app.now().plus(3 * MINUTE)).await.unwrap(),
                _ => drop(client.put("/api/user-api-keys/serpapi/schedule", &json!({"check_every": "hour"})).await.expect(200)),
            }
            keys.check(&row).await.unwrap();
            assert_eq!(app.sql.number(revision).await, row.revision + 1, "{what}");
            if what == "refused" {
                // Further refusals call for no further checks while the one that is due is to come.
                assert_eq!(store.claim_due_keys(8, 2 * MINUTE, &[], app.now()).await.unwrap().len(), 1);
                store.make_due(row.user, row.id, true, app.now()).await.unwrap();
                assert!(store.claim_due_keys(8, 2 * MINUTE, &[], app.now()).await.unwrap().is_empty());
            }
            // It is asked about again, and then what is known holds.
            app.pass(4 * MINUTE).await;
            assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_api_keys WHERE NOT suspect AND due_since IS NULL").await, 1);
        }
        let hour = format!("SELECT COUNT(*) FROM user_api_keys WHERE next_check_at < {}", app.now().plus(2 * HOUR).0);
        assert_eq!((&seen(&app).await["check_every"], app.sql.number(&hour).await), (&json!("hour"), 1));
    }

    async fn an_empty_account_in_use_is_no_doubt_of_the_key(app: App) {
        store(&app, "plenty").await;
        let key = app.sql.number("SELECT COUNT(*) FROM user_api_keys").await;
        let row = app.state.store.claim_due_keys(8, MINUTE, &[], app.now().plus(2 * DAY)).await.unwrap().remove(0);
        app.state.store.make_due(row.user, row.id, false, app.now()).await.unwrap();
        let due = format!("SELECT COUNT(*) FROM user_api_keys WHERE NOT suspect AND next_check_at <= {}", app.now().0);
        assert_eq!(app.sql.number(&due).await, key);
    }

    async fn two_nodes_share_the_work_without_doing_it_twice(app: App) {
        for n in 0..20 {
            let mut client = app.user(&format!("u{n}")).await;
            let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
            client.post("/api/user-api-keys/store", &body).await.expect(201);
        }
        app.clock.advance(2 * DAY);
        let (a, b) = tokio::join!(
            async { while app.recheck.check_due().await > 0 {} },
            async { while app.recheck.check_due().await > 0 {} },
        );
        let ((), ()) = (a, b);
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM usage_events WHERE source = 'check'").await, 20);
    }
}
