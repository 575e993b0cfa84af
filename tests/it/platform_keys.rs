//! The operator's own keys, which stand in where a user has none.

use std::{fmt::Write as _, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    calls,
    support::{App, Client, DAY, Engine, both},
};

/// An installation whose operator supplies a SerpAPI and an ElevenLabs key.
struct Supplied(App);

impl Supplied {
    async fn start(engine: Engine) -> Self {
        Self::with(engine, "plenty", &[]).await
    }

    async fn with(engine: Engine, serpapi: &str, more: &[(&str, &str)]) -> Self {
        Self::of(engine, &[("serpapi", serpapi), ("elevenlabs", "plenty")], more).await
    }

    async fn of(engine: Engine, keys: &[(&str, &str)], more: &[(&str, &str)]) -> Self {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap().keep().unwrap().1;
        write_keys(&file, keys);
        let mut settings = vec![
            ("REQUIRE_USER_API_KEYS", "false"),
            ("KEYWARD_PLATFORM_KEYS_FILE", file.to_str().unwrap()),
            ("KEYWARD_REGISTRATION", "invite"),
        ];
        settings.extend_from_slice(more);
        let app = App::start_with(engine, &settings).await;
        std::fs::remove_file(&file).unwrap();
        app.pass(Duration::ZERO).await;
        Self(app)
    }
}

/// One whose operator lets a user make two calls a day.
struct Twice(App);

impl Twice {
    async fn start(engine: Engine) -> Self {
        let limit = [("KEYWARD_LIMIT_PLATFORM_CALLS_PER_USER_PER_DAY", "2")];
        Self(Supplied::with(engine, "plenty", &limit).await.0)
    }
}

/// One whose operator supplies a Twilio key for one call a day.
struct OneCall(App);

impl OneCall {
    async fn start(engine: Engine) -> Self {
        let limit = [("KEYWARD_LIMIT_PLATFORM_CALLS_PER_USER_PER_DAY", "1")];
        Self(Supplied::of(engine, &[("twilio", "full")], &limit).await.0)
    }
}

/// One whose SerpAPI key has little left.
struct NearlyUsedUp(App);

impl NearlyUsedUp {
    async fn start(engine: Engine) -> Self {
        Self(Supplied::with(engine, "nearly_used_up", &[]).await.0)
    }
}

fn write_keys(file: &Path, keys: &[(&str, &str)]) {
    let mut text = String::new();
    for (provider, id) in keys {
        writeln!(text, "[{provider}]").unwrap();
        for (name, value) in App::test_key(provider, id).as_object().unwrap() {
            writeln!(text, "{name} = {value}").unwrap();
        }
    }
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

async fn invited(app: &App, name: &str) -> Client {
    let code = app.state.use_cases.accounts.invite(keyward::store::Role::User).await.unwrap();
    let mut client = app.visitor();
    let body =
        json!({"email": format!("{name}@example.org"), "password": crate::support::PASSWORD, "code": code});
    client.post("/api/auth/register", &body).await.expect(201);
    client
}

async fn search(client: &mut Client) -> Value {
    let body = json!({"query": "coffee", "place": "52.52, 13.405", "limit": 20});
    let started = client.post("/api/services/data-scraper/searches", &body).await.expect(201);
    for _ in 0..1_000 {
        let search = client.get(started.location()).await.expect(200).json();
        if search["state"] != "running" {
            return search;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not end");
}

async fn store(client: &mut Client, id: &str) -> u16 {
    let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", id)});
    client.post("/api/user-api-keys/store", &body).await.status.as_u16()
}

both! {
    async fn a_user_without_keys_uses_the_operators_and_sees_nothing_of_them(supplied: Supplied) {
        let app = &supplied.0;
        let mut ana = invited(app, "ana").await;
        let decision = ana.get("/api/services/data-scraper/access").await.expect(200).json();
        assert_eq!(decision["providers"][0]["source"], "platform");
        // What nobody supplied stays closed, and analytics waits for a key of the user's own.
        ana.get("/api/services/calling/access").await.problem(403, "missing-api-keys");
        ana.get("/api/services/analytics/access").await.problem(403, "missing-api-keys");

        let keys = ana.get("/api/user-api-keys").await.expect(200);
        let secret = App::test_key("serpapi", "plenty")["api_key"].as_str().unwrap().to_owned();
        assert!(!keys.text.contains(&secret), "{}", keys.text);
        let keys = keys.json();
        assert_eq!(keys["items"].as_array().unwrap().len(), 2);
        let key = &keys["items"][1];
        assert_eq!((&key["provider"], &key["source"], &key["status"]), (&json!("serpapi"), &json!("platform"), &json!("valid")));
        assert_eq!(key["hint"], "");
        let can = &key["services"][0]["abilities"][0];
        assert_eq!((&can["id"], &can["answer"], &can["reason"]), (&json!("search_maps"), &json!("yes"), &Value::Null));
        assert_eq!((&key["metadata"]["account"], &key["metadata"]["plan"], &key["metadata"]["quota"]), (&Value::Null, &Value::Null, &Value::Null));

        let search = search(&mut ana).await;
        assert_eq!((&search["state"], &search["found"]), (&json!("finished"), &json!(20)));
        assert_eq!((&search["searches_left_before"], &search["searches_left_after"]), (&Value::Null, &Value::Null));
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM usage_events WHERE key_source = 'platform' AND source = 'use' AND key_id IS NULL").await, 1);
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM usage_events WHERE key_source = 'user'").await, 0);

        // They are not the user's to check, replace or delete.
        ana.delete("/api/user-api-keys/serpapi").await.problem(404, "not-found");
        ana.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.problem(404, "not-found");
        let with = json!({"credentials": App::test_key("serpapi", "plenty")});
        ana.put("/api/user-api-keys/serpapi", &with).await.problem(404, "not-found");
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_api_keys").await, 0);
    }

    async fn a_users_own_broken_key_never_falls_back(supplied: Supplied) {
        let app = &supplied.0;
        let mut ana = invited(app, "ana").await;
        assert_eq!(store(&mut ana, "nearly_used_up").await, 201);
        let decision = ana.get("/api/services/data-scraper/access").await.expect(200).json();
        assert_eq!(decision["providers"][0]["source"], "user");
        app.control("PUT", "/keys/serpapi/nearly_used_up", Some(json!({"situation": "invalid"}))).await;
        app.pass(2 * DAY).await;
        let mut ana = app.log_in("ana").await;
        let problem = ana.get("/api/services/data-scraper/access").await.problem(403, "missing-api-keys");
        assert_eq!(problem["blocked_providers"][0]["status"], "invalid");
        ana.delete("/api/user-api-keys/serpapi").await.expect(204);
        ana.get("/api/services/data-scraper/access").await.expect(200);
    }

    async fn switching_platform_keys_off_and_on_over_the_same_data(supplied: Supplied) {
        let app = supplied.0;
        let mut ana = invited(&app, "ana").await;
        ana.get("/api/services/data-scraper/access").await.expect(200);
        let mut ben = invited(&app, "ben").await;
        assert_eq!(store(&mut ben, "nearly_used_up").await, 201);
        let file = app.dir.path().join("platform.toml");
        write_keys(&file, &[("serpapi", "plenty")]);
        let path = file.to_str().unwrap().to_owned();

        let app = app.restarted(&[("REQUIRE_USER_API_KEYS", "true"), ("KEYWARD_PLATFORM_KEYS_FILE", &path)]).await;
        let (mut ana, mut ben) = (app.log_in("ana").await, app.log_in("ben").await);
        ana.get("/api/services/data-scraper/access").await.problem(403, "missing-api-keys");
        assert_eq!(ana.get("/api/user-api-keys").await.json()["items"], json!([]));
        ben.get("/api/services/data-scraper/access").await.expect(200);

        let app = app.restarted(&[("REQUIRE_USER_API_KEYS", "false")]).await;
        // Nothing is known of the key yet, so it does not count yet.
        let (mut ana, mut ben) = (app.log_in("ana").await, app.log_in("ben").await);
        ana.get("/api/services/data-scraper/access").await.problem(403, "missing-api-keys");
        app.pass(Duration::ZERO).await;
        assert_eq!(ana.get("/api/services/data-scraper/access").await.expect(200).json()["providers"][0]["source"], "platform");
        assert_eq!(ben.get("/api/services/data-scraper/access").await.expect(200).json()["providers"][0]["source"], "user");
    }
}

both! {
    async fn a_day_has_a_limit_for_each_user(it: Twice) {
        let app = it.0;
        let mut ana = invited(&app, "ana").await;
        let body = json!({"query": "many odd coffee", "place": "52.52, 13.405", "limit": 60});
        let started = ana.post("/api/services/data-scraper/searches", &body).await.expect(201);
        let ended = loop {
            let search = ana.get(started.location()).await.json();
            if search["state"] != "running" {
                break search;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        assert_eq!(
            (&ended["state"], &ended["notice"], &ended["found"]),
            (&json!("partial"), &json!("platform_limit"), &json!(40))
        );
        let problem = ana.get("/api/services/data-scraper/access").await.problem(403, "missing-api-keys");
        assert!(
            problem["blocked_providers"][0]["message"].as_str().unwrap().contains("a key of your own"),
            "{problem}"
        );
        let keys = ana.get("/api/user-api-keys").await.expect(200).json();
        for service in
            keys["items"].as_array().unwrap().iter().flat_map(|key| key["services"].as_array().unwrap())
        {
            assert_eq!(
                (&service["serves"], &service["abilities"][0]["answer"]),
                (&json!(false), &json!("no"))
            );
        }
        // Voice cloning uses up no quota, and still makes calls.
        ana.get("/api/services/voice-cloning/access").await.problem(403, "missing-api-keys");
        invited(&app, "ben").await.get("/api/services/data-scraper/access").await.expect(200);
        // A key of one's own has no such limit.
        assert_eq!(store(&mut ana, "nearly_used_up").await, 201);
        ana.get("/api/services/data-scraper/access").await.expect(200);
        ana.delete("/api/user-api-keys/serpapi").await.expect(204);
        app.pass(DAY).await;
        app.log_in("ana").await.get("/api/services/data-scraper/access").await.expect(200);
    }

    async fn a_supplied_key_that_dies_closes_what_it_opened(it: NearlyUsedUp) {
        let app = it.0;
        let mut ana = invited(&app, "ana").await;
        ana.get("/api/services/data-scraper/access").await.expect(200);
        app.control("PUT", "/keys/serpapi/nearly_used_up", Some(json!({"situation": "invalid"}))).await;
        // Found out in real use: the key is due at once.
        let search = search(&mut ana).await;
        assert_eq!((&search["state"], &search["notice"]), (&json!("failed"), &json!("key_rejected")));
        app.pass(Duration::ZERO).await;
        let problem = ana.get("/api/services/data-scraper/access").await.problem(403, "missing-api-keys");
        assert_eq!(problem["blocked_providers"][0]["status"], "invalid");
    }

    async fn a_start_is_refused_with_the_reason_and_no_value(app: App) {
        let dir = &app.dir;
        let file = dir.path().join("platform.toml");
        let path = file.to_str().unwrap().to_owned();
        let refusal = async |registration: &str| {
            let variables = [
                ("DATABASE_URL", app.sql.url.clone()),
                ("KEYWARD_DATA_DIR", dir.path().join("data").to_str().unwrap().to_owned()),
                ("REQUIRE_USER_API_KEYS", "false".to_owned()),
                ("KEYWARD_PLATFORM_KEYS_FILE", path.clone()),
                ("KEYWARD_REGISTRATION", registration.to_owned()),
            ];
            crate::support::refused(variables.map(|(name, value)| (name.to_owned(), value)).into()).await
        };
        write_keys(&file, &[("serpapi", "plenty")]);
        assert!(refusal("open").await.contains("everybody could spend these keys"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(refusal("invite").await.contains("may be read by others"));
        for (text, words) in [
            ("[serpapi]\napi_key = hunter2", "line 2"),
            ("[serpapi]\nkey = \"hunter2hunter2\"", "[serpapi] cannot be used"),
            ("[nobody]\nkey = \"hunter2\"", "there is no such provider"),
        ] {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            let refusal = refusal("invite").await;
            assert!(refusal.contains(words) && !refusal.contains("hunter2"), "{refusal}");
        }
    }
}

both! {
    async fn a_call_that_was_ordered_is_followed_and_ended_beyond_the_limit(it: OneCall) {
        let app = it.0;
        let number = "+12125550177";
        app.control("PUT", &format!("/twilio/callees/{number}"), Some(json!({"rings": 1_000.0}))).await;
        let pace = json!({"second_ms": 1_000, "webhook_timeout_ms": 15_000, "price_after": 1.0});
        app.control("PUT", "/twilio/pace", Some(pace)).await;
        let mut ana = invited(&app, "ana").await;
        let address = calls::place(&mut ana, number).await;
        calls::until(&app, &mut ana, &address, |call| call["state"] == "ringing").await;
        // The order has used up the day.
        ana.post(calls::CALLS, &calls::order("+12125550178")).await.problem(403, "missing-api-keys");
        let asked = "SELECT COUNT(*) FROM usage_events WHERE operation = 'fetch_call' AND outcome = 'done'";
        let mut steps = 0;
        while app.sql.number(asked).await < 4 {
            steps += 1;
            assert!(steps < 500, "it is not followed");
            app.clock.advance(Duration::from_millis(200));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(ana.get(&address).await.expect(200).json()["ended_at"].is_null());
        ana.post(&format!("{address}/hang-up"), &json!({})).await.expect(200);
        let call = calls::until(&app, &mut ana, &address, calls::is_over).await;
        assert!(["canceled", "completed"].contains(&call["state"].as_str().unwrap()), "{call}");
        assert_eq!(calls::orders(&app).await, 1);
    }
}
