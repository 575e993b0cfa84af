//! A provider that fails several times in a row is left alone for a while.

use std::time::Duration;

use keyward::model::ids::ProviderId;
use serde_json::{Value, json};

use crate::support::{App, Client, HOUR, MINUTE, both};

const REST: Duration = Duration::from_secs(30);

fn credential() -> Value {
    json!({"provider": "openai", "credentials": App::test_key("openai", "plenty")})
}

async fn store(client: &mut Client) -> Value {
    client.post("/api/user-api-keys/store", &credential()).await.json()
}

async fn becomes(app: &App, situation: &str) {
    app.control("PUT", "/keys/openai/plenty", Some(json!({"situation": situation}))).await;
}

async fn key(client: &mut Client) -> Value {
    client.get("/api/user-api-keys").await.json()["items"][0].clone()
}

/// How often the provider was asked.
async fn asked(app: &App) -> i64 {
    app.sql.number("SELECT COUNT(*) FROM usage_events").await
}

both! {
    async fn after_five_failures_nothing_is_asked_for_half_a_minute(app: App) {
        let stored = json!({"provider": "openai"});
        let (mut ana, mut ben) = (app.user("ana").await, app.user("ben").await);
        store(&mut ana).await;
        becomes(&app, "down").await;
        for _ in 0..5 {
            let key = ana.post("/api/user-api-keys/validate", &stored).await.expect(200).json();
            assert_eq!((&key["status"], &key["evidence"]["reason"]), (&json!("valid"), &json!("provider_fault")));
        }
        let (before, calls) = (key(&mut ana).await, asked(&app).await);
        app.clock.advance(Duration::from_secs(10));
        let answer = ana.post("/api/user-api-keys/validate", &stored).await;
        assert_eq!(answer.headers["retry-after"], "21");
        let problem = answer.problem(503, "provider-unreachable");
        assert_eq!(problem["reason"], "not_answering");
        assert_eq!(
            problem["detail"],
            "OpenAI does not answer at the moment, so Keyward waits a little before it asks again. Nothing was changed; try again in a moment."
        );
        let replacement = json!({"credentials": App::test_key("openai", "plenty")});
        ana.put("/api/user-api-keys/openai", &replacement).await.problem(503, "provider-unreachable");
        let candidate = ana.post("/api/user-api-keys/validate", &credential()).await.expect(200).json();
        assert_eq!((&candidate["status"], &candidate["reason"]), (&json!("unverified"), &json!("not_answering")));
        assert_eq!((key(&mut ana).await, asked(&app).await), (before, calls), "nothing was asked, nothing changed");

        // It may be what this one user asks for that fails: it closes the way for nobody else.
        becomes(&app, "plenty").await;
        assert_eq!(store(&mut ben).await["status"], "valid");
        ana.post("/api/user-api-keys/validate", &stored).await.problem(503, "provider-unreachable");
        app.clock.advance(REST);
        let key = ana.post("/api/user-api-keys/validate", &stored).await.expect(200).json();
        assert_eq!((&key["status"], &key["status_reason"]), (&json!("valid"), &Value::Null));
    }

    async fn an_outage_that_several_meet_spares_the_others_and_their_keys_are_checked_later(app: App) {
        for name in ["ana", "ben", "eve"] {
            let mut client = app.user(name).await;
            store(&mut client).await;
        }
        becomes(&app, "down").await;
        for name in ["ana", "ben", "eve"] {
            let mut client = app.log_in(name).await;
            for _ in 0..2 {
                client.post("/api/user-api-keys/validate", &json!({"provider": "openai"})).await;
            }
        }
        let calls = asked(&app).await;
        let mut zoe = app.user("zoe").await;
        let answer = zoe.post("/api/user-api-keys/store", &credential()).await.expect(202).json();
        assert_eq!((&answer["status"], &answer["evidence"]), (&json!("unverified"), &Value::Null));
        assert!(answer["status_reason"].as_str().unwrap().starts_with("OpenAI does not answer at the moment"));
        // Other providers are asked.
        let serpapi = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        zoe.post("/api/user-api-keys/store", &serpapi).await.expect(201);
        // The loop does not ask either, and leaves what was known.
        app.sql.execute("UPDATE user_api_keys SET next_check_at = 0 WHERE provider = 'openai'").await;
        app.pass(Duration::ZERO).await;
        assert_eq!(asked(&app).await, calls + 1);
        let known = key(&mut app.log_in("ana").await).await;
        assert_eq!((&known["status"], &known["evidence"]["reason"]), (&json!("valid"), &json!("provider_fault")));
        assert_eq!(key(&mut zoe).await["evidence"], Value::Null);
        // Soon it does. The first to ask finds out for all; whoever came while it asked comes again a minute later.
        becomes(&app, "plenty").await;
        app.pass(Duration::from_secs(75)).await;
        app.pass(Duration::from_secs(75)).await;
        assert_eq!(asked(&app).await, calls + 5);
        assert_eq!(key(&mut zoe).await["status"], "valid");
    }
    async fn one_check_at_a_time_finds_out_whether_an_outage_is_over_and_all_nodes_know(app: App) {
        for name in ["ana", "ben", "eve", "kim", "lea", "mia"] {
            store(&mut app.user(name).await).await;
        }
        // Three are due now, the others a minute later.
        app.clock.advance(MINUTE);
        let due = "UPDATE user_api_keys SET next_check_at = (SELECT 60000000 * COUNT(*) FROM users u
             WHERE u.id = user_api_keys.user_id AND u.email > 'f') +";
        app.sql.execute(&format!("{due} {}", app.now().0)).await;
        becomes(&app, "down").await;
        let calls = asked(&app).await;
        app.pass(Duration::ZERO).await;
        assert_eq!(asked(&app).await, calls + 3);
        let on = "SELECT COUNT(*) FROM provider_outages WHERE ended_at IS NULL";
        assert_eq!(app.sql.number(on).await, 1);
        // Each sees it on their own key, whether that was asked about or not, and nobody on another provider's.
        let mut ana = app.log_in("ana").await;
        let serpapi = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        ana.post("/api/user-api-keys/store", &serpapi).await.expect(201);
        let seen = ana.get("/api/user-api-keys").await.json();
        assert!(seen["items"][0]["provider_down_since"].is_string(), "{seen}");
        assert_eq!((&seen["items"][1]["provider"], &seen["items"][1]["provider_down_since"]), (&json!("serpapi"), &Value::Null));
        // The pages of everybody who has such a key learn of it.
        let news = "SELECT COUNT(*) FROM user_events e JOIN users u ON u.id = e.user_id
             WHERE u.email LIKE 'mia%' AND e.topic = 'keys' AND e.subject = 'openai'";
        assert_eq!(app.sql.number(news).await, 2);
        let unasked = key(&mut app.log_in("mia").await).await;
        assert_eq!(unasked["provider_down_since"], seen["items"][0]["provider_down_since"]);
        let since = unasked["provider_down_since"].as_str().unwrap();
        assert!(since.ends_with(":00Z"), "{since} is more than to the minute");
        let calls = asked(&app).await - 3;
        let second = app.second_node().await;
        for minute in 1..=4 {
            app.clock.advance(MINUTE);
            second.clock.set(app.now());
            assert_eq!(second.recheck.check_due().await + app.recheck.check_due().await, 1, "minute {minute}");
            assert_eq!(second.recheck.check_due().await + app.recheck.check_due().await, 0, "minute {minute}");
        }
        // What either node still holds back is written before it is counted.
        let asked = async || asked(&second).await.max(asked(&app).await);
        assert_eq!(asked().await, calls + 7);
        let known = "SELECT COUNT(*) FROM user_api_keys WHERE status = 'valid'";
        assert_eq!(app.sql.number(known).await, 7);
        // A key that is held back is checked all the same once it was refused in use, and asked about until it is known.
        let keys = &app.state.store;
        let held = keys.claim_scout(&ProviderId::OPENAI, Duration::ZERO, app.now()).await.unwrap().unwrap();
        app.pass(Duration::ZERO).await;
        assert_eq!(asked().await, calls + 7, "it is due, and held back");
        keys.make_due(held.user, held.id, true, app.now()).await.unwrap();
        app.pass(Duration::ZERO).await;
        assert_eq!(asked().await, calls + 8);
        let suspects = "SELECT COUNT(*) FROM user_api_keys WHERE suspect";
        assert_eq!(app.sql.number(suspects).await, 1);
        // The first answer ends it, on whichever node, and what was held back comes back.
        becomes(&app, "plenty").await;
        second.clock.advance(2 * MINUTE);
        assert!(second.recheck.check_due().await >= 1);
        assert_eq!(app.sql.number(on).await, 0);
        assert_eq!(key(&mut app.log_in("mia").await).await["provider_down_since"], Value::Null);
        app.pass(2 * HOUR).await;
        app.pass(2 * HOUR).await;
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_api_keys WHERE due_since IS NOT NULL").await, 0);
        assert_eq!(app.sql.number(suspects).await, 0);
    }

    async fn an_outage_is_over_whoever_finds_out(app: App) {
        for name in ["ana", "ben", "eve"] {
            store(&mut app.user(name).await).await;
        }
        let on = "SELECT COUNT(*) FROM provider_outages WHERE ended_at IS NULL";
        let goes_away = async |app: &App| {
            becomes(app, "down").await;
            app.clock.advance(HOUR);
            app.sql.execute(&format!("UPDATE user_api_keys SET due_since = NULL, next_check_at = {}", app.now().0)).await;
            app.pass(Duration::ZERO).await;
            assert_eq!(app.sql.number(on).await, 1);
            becomes(app, "plenty").await;
            app.clock.advance(MINUTE);
        };
        let news = "SELECT COUNT(*) FROM user_events e JOIN users u ON u.id = e.user_id
             WHERE u.email LIKE 'ben%' AND e.topic = 'keys' AND e.subject = 'openai'";
        // Somebody who stores a key.
        goes_away(&app).await;
        let told = app.sql.number(news).await;
        let stored = store(&mut app.user("zoe").await).await;
        assert_eq!((&stored["status"], &stored["provider_down_since"]), (&json!("valid"), &Value::Null));
        assert_eq!((app.sql.number(on).await, app.sql.number(news).await), (0, told + 1));
        // A key that is not due, where none is.
        goes_away(&app).await;
        let later = app.now().plus(3 * HOUR).0;
        app.sql.execute(&format!("UPDATE user_api_keys SET due_since = NULL, next_check_at = {later}")).await;
        assert_eq!(app.recheck.check_due().await, 1);
        assert_eq!(app.sql.number(on).await, 0);
        // An installation that asks nobody any more.
        goes_away(&app).await;
        let app = app.restarted(&[("ENABLE_API_KEY_VALIDATION", "false")]).await;
        assert_eq!(app.sql.number(on).await, 0);
    }
}
