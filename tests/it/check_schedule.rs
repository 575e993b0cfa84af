//! How often a key is checked: as its owner chose within the operator's bounds, more often near the end of its quota, less
//! while it works; and that one refusal is looked at twice.

use std::time::Duration;

use keyward::model::ids::ProviderId;
use serde_json::{Value, json};

use crate::support::{App, Client, DAY, Engine, HOUR, MINUTE, both};

const DUE: &str = "SELECT next_check_at FROM user_api_keys";
const CHECKS: &str = "SELECT COUNT(*) FROM usage_events WHERE source = 'check'";

async fn store(client: &mut Client, provider: &str, id: &str) -> Value {
    let body = json!({"provider": provider, "credentials": App::test_key(provider, id)});
    client.post("/api/user-api-keys/store", &body).await.expect(201).json()
}

async fn key(client: &mut Client) -> Value {
    client.get("/api/user-api-keys").await.expect(200).json()["items"][0].clone()
}

async fn becomes(app: &App, provider: &str, id: &str, situation: &str) {
    app.control("PUT", &format!("/keys/{provider}/{id}"), Some(json!({"situation": situation}))).await;
}

/// Hours from now until the only key is checked next.
async fn hours(app: &App) -> f64 {
    (app.sql.number(DUE).await - app.now().0) as f64 / 3.6e9
}

/// The installation is made by the test itself.
struct Given(Engine);

impl Given {
    async fn start(engine: Engine) -> Self {
        Self(engine)
    }
}

both! {
    async fn a_key_is_checked_as_often_as_its_owner_chose(app: App) {
        let mut client = app.user("ana").await;
        // By itself as its provider's file says: every six hours where that costs nothing and tells what is left, else a day.
        let stored = store(&mut client, "serpapi", "plenty").await;
        assert_eq!(stored["check_every"], "six_hours");
        assert_eq!(store(&mut app.user("bo").await, "openai", "plenty").await["check_every"], "day");
        app.sql.execute("DELETE FROM user_api_keys WHERE provider = 'openai'").await;
        assert_eq!(stored["check_choices"], json!(["hour", "six_hours", "day", "week"]));
        assert!((6.0..=7.2).contains(&hours(&app).await));
        let schedule = "/api/user-api-keys/serpapi/schedule";
        for (every, least) in [("week", 168.0), ("six_hours", 6.0), ("hour", 1.0)] {
            let key = client.put(schedule, &json!({"check_every": every})).await.expect(200).json();
            assert_eq!(key["check_every"], every);
            let hours = hours(&app).await;
            assert!((least..=least * 1.2).contains(&hours), "{every}: {hours}");
        }
        for _ in 0..5 {
            app.pass(73 * MINUTE).await;
        }
        assert_eq!(app.sql.number(CHECKS).await, 5);
        // It stays with the key when that is replaced, and what is due at once is asked about at once.
        let mut client = app.log_in("ana").await;
        let new = json!({"credentials": App::test_key("serpapi", "plenty")});
        let replaced = client.put("/api/user-api-keys/serpapi", &new).await.expect(200).json();
        assert_eq!(replaced["check_every"], "hour");
        assert!(hours(&app).await <= 1.2);
        client.put(schedule, &json!({"check_every": "week"})).await.expect(200);
        let checks = app.sql.number(CHECKS).await;
        app.pass(2 * DAY).await;
        assert_eq!(app.sql.number(CHECKS).await, checks);
        let mut client = app.log_in("ana").await;
        let key = client.put(schedule, &json!({})).await.expect(200).json();
        assert_eq!(key["check_every"], "six_hours");
        app.pass(Duration::ZERO).await;
        assert_eq!(app.sql.number(CHECKS).await, checks + 1);
        client.put(schedule, &json!({"check_every": "month"})).await.problem(400, "bad-request");
        client.put("/api/user-api-keys/openai/schedule", &json!({"check_every": "day"})).await.problem(404, "not-found");
    }

    async fn the_operator_narrows_the_choice(given: Given) {
        let bounds = [("KEYWARD_CHECK_EVERY_MIN", "six_hours"), ("KEYWARD_CHECK_EVERY_MAX", "day")];
        let app = App::start_with(given.0, &bounds).await;
        let mut client = app.user("ana").await;
        let key = store(&mut client, "serpapi", "plenty").await;
        assert_eq!(key["check_choices"], json!(["six_hours", "day"]));
        let schedule = "/api/user-api-keys/serpapi/schedule";
        for every in ["hour", "week"] {
            let wrong = client.put(schedule, &json!({"check_every": every})).await.problem(422, "invalid-input");
            assert_eq!(wrong["errors"]["check_every"]["code"], "out_of_range", "{wrong}");
        }
        client.put(schedule, &json!({"check_every": "six_hours"})).await.expect(200);
        // What was chosen under other bounds is moved to the nearest.
        let app = app.restarted(&[("KEYWARD_CHECK_EVERY_MIN", "day"), ("KEYWARD_CHECK_EVERY_MAX", "week")]).await;
        let mut client = app.log_in("ana").await;
        let seen = client.get("/api/user-api-keys").await.json()["items"][0].clone();
        assert_eq!(seen["check_every"], "day");
        app.pass(8 * HOUR).await;
        assert!(hours(&app).await >= 24.0);
    }

    async fn the_card_says_how_often_and_changes_it_without_javascript(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client, "serpapi", "plenty").await;
        let page = client.get("/settings/api-keys").await.expect(200).text;
        assert!(page.contains("serpapi-check-every") && page.contains("six_hours"));
        let fields = [("provider", "serpapi"), ("check_every", "week")];
        client.form("/api/rpc/schedule_key", "/settings/api-keys", &fields).await;
        assert_eq!(key(&mut client).await["check_every"], "week");
    }

    async fn a_key_near_the_end_of_its_quota_is_checked_more_often(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client, "serpapi", "nearly_used_up").await;
        assert!((1.0..=1.2).contains(&hours(&app).await), "{}", hours(&app).await);
        becomes(&app, "serpapi", "nearly_used_up", "plenty").await;
        app.pass(2 * HOUR).await;
        assert!((6.0..=7.2).contains(&hours(&app).await), "{}", hours(&app).await);
    }

    async fn a_key_that_works_in_use_is_checked_half_as_often_and_its_row_is_seldom_written(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client, "elevenlabs", "plenty").await;
        client.put("/api/user-api-keys/elevenlabs/schedule", &json!({"check_every": "day"})).await.expect(200);
        let voices = "/api/services/voice-cloning/voices";
        let due = app.sql.number(DUE).await;
        // Long before its check there is nothing to put off.
        client.get(voices).await.expect(200);
        assert_eq!(app.sql.number(DUE).await, due);
        let mut changes = 0;
        let mut last = due;
        for _ in 0..42 {
            app.pass(HOUR).await;
            let mut client = app.log_in("ana").await;
            client.get(voices).await.expect(200);
            client.get(voices).await.expect(200);
            let next = app.sql.number(DUE).await;
            changes += usize::from(next != last);
            last = next;
        }
        assert_eq!((changes, app.sql.number(CHECKS).await), (1, 0));
        // After twice its interval it is checked whatever it is used for.
        app.pass(7 * HOUR).await;
        let checked = format!("SELECT COUNT(*) FROM user_api_keys WHERE last_validated = {}", app.now().0);
        assert_eq!(app.sql.number(&checked).await, 1);
    }

    async fn one_refusal_by_schedule_is_looked_at_again_before_a_service_closes(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client, "serpapi", "plenty").await;
        let before = key(&mut client).await;
        let suspects = "SELECT COUNT(*) FROM user_api_keys WHERE suspect";
        let changes = "SELECT COUNT(*) FROM audit_log WHERE action = 'key.status_changed'";
        becomes(&app, "serpapi", "plenty", "invalid").await;
        app.clock.advance(29 * HOUR);
        assert_eq!(app.recheck.check_due().await, 1);
        // Nobody sees the doubt, and nothing closes.
        let mut client = app.log_in("ana").await;
        let doubted = key(&mut client).await;
        assert_eq!((&doubted["status"], &doubted["evidence"]), (&json!("valid"), &before["evidence"]));
        client.get("/api/services/data-scraper/access").await.expect(200);
        assert_eq!(app.sql.number(suspects).await, 1);
        assert_eq!(app.recheck.check_due().await, 0);
        // The provider was wrong: as if nothing had been.
        becomes(&app, "serpapi", "plenty", "plenty").await;
        app.clock.advance(Duration::from_secs(24));
        assert_eq!(app.recheck.check_due().await, 1);
        assert_eq!((app.sql.number(suspects).await, app.sql.number(changes).await), (0, 0));
        // It was right: the second look says so, half a minute later.
        becomes(&app, "serpapi", "plenty", "invalid").await;
        app.clock.advance(29 * HOUR);
        assert_eq!(app.recheck.check_due().await, 1);
        app.clock.advance(Duration::from_secs(24));
        assert_eq!(app.recheck.check_due().await, 1);
        let mut client = app.log_in("ana").await;
        assert_eq!(key(&mut client).await["status"], "invalid");
        client.get("/api/services/data-scraper/access").await.problem(403, "missing-api-keys");
        assert_eq!((app.sql.number(suspects).await, app.sql.number(changes).await), (0, 1));
    }

    async fn a_refusal_after_a_search_is_looked_at_again_too(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client, "serpapi", "plenty").await;
        let (keys, user) = (&app.state.use_cases.keys, crate::jobs::user_id(&mut client).await);
        becomes(&app, "serpapi", "plenty", "invalid").await;
        keys.refresh(user, &ProviderId::SERPAPI).await.unwrap();
        assert_eq!(key(&mut client).await["status"], "valid");
        app.pass(Duration::from_secs(24)).await;
        assert_eq!(key(&mut client).await["status"], "invalid");
    }

    async fn whoever_asks_is_told_of_a_refusal_at_once(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client, "serpapi", "plenty").await;
        becomes(&app, "serpapi", "plenty", "invalid").await;
        let stored = json!({"provider": "serpapi"});
        let key = client.post("/api/user-api-keys/validate", &stored).await.expect(200).json();
        assert_eq!(key["status"], "invalid");
    }

    async fn a_key_that_an_outage_holds_back_is_called_stale_after_a_day(app: App) {
        for name in ["ana", "ben", "eve", "mia"] {
            store(&mut app.user(name).await, "openai", "plenty").await;
        }
        let due = app.now().0;
        app.sql.execute(&format!("UPDATE user_api_keys SET next_check_at = CASE WHEN user_id =
            (SELECT id FROM users WHERE email LIKE 'mia%') THEN {} ELSE {due} END", due + 60_000_000)).await;
        becomes(&app, "openai", "plenty", "down").await;
        app.pass(Duration::ZERO).await;
        app.clock.advance(DAY);
        assert_eq!(key(&mut app.log_in("mia").await).await["stale"], false);
        app.clock.advance(2 * MINUTE);
        // Nobody has claimed it: it is the outage that keeps it from an answer.
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_api_keys WHERE due_since IS NULL").await, 1);
        assert_eq!(key(&mut app.log_in("mia").await).await["stale"], true);
    }
}
