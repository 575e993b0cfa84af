//! What the operator sees of everybody, and that it tells nothing of anybody.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{App, Client, Engine, HOUR, MINUTE, both};

const METRICS: &str = "metrics-token-of-32-characters-and-more";

/// An installation with an operator and ten other users, of whom some have keys.
struct Crowd {
    app: App,
    operator: Client,
    users: Vec<Client>,
}

impl Crowd {
    async fn start(engine: Engine) -> Self {
        let app = App::start_with(engine, &[("METRICS_TOKEN", METRICS)]).await;
        let operator = app.user("op").await;
        assert!(give_role(&app, "op@example.org").await);
        let mut users = Vec::new();
        for number in 0..10 {
            users.push(app.user(&format!("user{number}")).await);
        }
        Self { app, operator, users }
    }

    async fn health(&mut self, query: &str) -> Value {
        // What was read is kept for a minute.
        self.app.clock.advance(MINUTE);
        self.operator.get(&format!("/api/operator/health{query}")).await.expect(200).json()
    }

    async fn store(&mut self, number: usize, provider: &str, key: &str) {
        let body = json!({"provider": provider, "credentials": App::test_key(provider, key)});
        self.users[number].post("/api/user-api-keys/store", &body).await.expect(201);
    }

    async fn metrics(&self) -> String {
        let bearer = format!("Bearer {METRICS}");
        let headers = [("authorization", bearer.as_str())];
        self.app.visitor().send("GET", "/metrics", &headers, Vec::new()).await.expect(200).text
    }
}

async fn give_role(app: &App, email: &str) -> bool {
    let role = keyward::store::Role::Operator;
    app.state.use_cases.accounts.give_role(email, role).await.unwrap()
}

fn provider<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["providers"].as_array().unwrap().iter().find(|row| row["provider"] == id).unwrap()
}

fn open(report: &Value, service: &str) -> (Option<i64>, bool) {
    let row = report["services"].as_array().unwrap().iter().find(|row| row["service"] == service).unwrap();
    (row["open"].as_i64(), row["nearly_all"].as_bool().unwrap())
}

fn gauge(metrics: &str, name: &str) -> Option<i64> {
    let rest = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(rest.parse().unwrap())
}

both! {
    async fn a_figure_is_told_from_five_users_on(crowd: Crowd) {
        let mut crowd = crowd;
        let nothing = crowd.health("").await;
        assert_eq!((&nothing["users"], &nothing["range"]), (&json!(11), &json!("30d")));
        assert_eq!(provider(&nothing, "serpapi")["calls"], Value::Null);

        for number in 0..4 {
            crowd.store(number, "serpapi", "plenty").await;
        }
        let few = crowd.health("?range=24h").await;
        let serpapi = provider(&few, "serpapi");
        assert_eq!((&serpapi["calls"], &serpapi["keys"], &serpapi["name"]), (&Value::Null, &json!([]), &json!("SerpAPI")));
        assert_eq!(open(&few, "data-scraper"), (None, false));
        let metrics = crowd.metrics().await;
        assert_eq!(gauge(&metrics, r#"keyward_keys{provider="serpapi",status="valid"}"#), None, "{metrics}");
        assert_eq!(gauge(&metrics, r#"keyward_service_open_users{service="data-scraper"}"#), None);
        assert_eq!(gauge(&metrics, "keyward_users"), Some(11), "{metrics}");

        crowd.store(4, "serpapi", "plenty").await;
        for range in ["24h", "7d", "30d"] {
            let enough = crowd.health(&format!("?range={range}")).await;
            let serpapi = provider(&enough, "serpapi");
            // That nobody's failed cannot be told from that few users' did.
            assert_eq!((&serpapi["calls"]["calls"], &serpapi["calls"]["failed"]), (&json!(5), &Value::Null), "{enough}");
            assert_eq!(serpapi["keys"], json!([{"standing": "valid", "keys": 5}]));
            assert_eq!(open(&enough, "data-scraper"), (Some(5), false));
            // Nobody's calls are among those of others.
            assert_eq!(provider(&enough, "twilio")["calls"], Value::Null);
        }
        let metrics = crowd.metrics().await;
        assert_eq!(gauge(&metrics, r#"keyward_keys{provider="serpapi",status="valid"}"#), Some(5), "{metrics}");
        assert_eq!(gauge(&metrics, r#"keyward_service_open_users{service="data-scraper"}"#), Some(5));
        assert_eq!(gauge(&metrics, "keyward_usage_queue_calls"), Some(0));

        // Three more leave three for whom it is closed, who are as few.
        for number in 5..8 {
            crowd.store(number, "serpapi", "plenty").await;
        }
        let nearly = crowd.health("?range=24h").await;
        assert_eq!(open(&nearly, "data-scraper"), (None, true));
        let text = nearly.to_string();
        assert!(!text.contains("@example.org") && !text.contains(&App::test_key("serpapi", "plenty")["api_key"].to_string()));
    }

    async fn a_failing_provider_is_told_from_failing_keys(crowd: Crowd) {
        let mut crowd = crowd;
        for number in 0..6 {
            crowd.store(number, "serpapi", "plenty").await;
        }
        let key = App::test_key("serpapi", "invalid");
        let body = json!({"provider": "serpapi", "credentials": key});
        for user in &mut crowd.users[6..] {
            user.post("/api/user-api-keys/store", &body).await.problem(422, "invalid-api-key");
        }
        let counted = |report: &Value| {
            let calls = &provider(report, "serpapi")["calls"];
            (calls["calls"].clone(), calls["failed"].clone(), calls["unanswered"].clone())
        };
        // Four users are behind all that failed: too few.
        assert_eq!(counted(&crowd.health("?range=24h").await), (json!(10), Value::Null, Value::Null));

        let fault = json!({"provider": "serpapi", "times": 4, "fault": {"kind": "status", "status": 503}});
        crowd.app.control("POST", "/faults", Some(fault.clone())).await;
        for user in &mut crowd.users[..4] {
            user.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await;
        }
        let report = crowd.health("?range=24h").await;
        // Four are behind either kind, and eight behind both together.
        assert_eq!(counted(&report), (json!(14), json!(8), Value::Null), "{report}");
        // Four keys without an answer are too few to be told of.
        assert_eq!(provider(&report, "serpapi")["keys"], json!([{"standing": "valid", "keys": 6}]));

        crowd.app.control("POST", "/faults", Some(json!({"provider": "serpapi", "times": 1, "fault": fault["fault"]}))).await;
        crowd.users[4].post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await;
        // Now the provider's failures are told; all failures less those would be the calls of the four that were refused.
        assert_eq!(counted(&crowd.health("?range=7d").await), (json!(15), Value::Null, json!(5)));
        let op = crowd.operator.post("/api/user-api-keys/store", &body).await;
        op.problem(422, "invalid-api-key");
        assert_eq!(counted(&crowd.health("?range=30d").await), (json!(16), json!(10), json!(5)));
        let page = crowd.operator.get("/operator/health?range=52w").await.expect(200).text;
        assert!(page.contains("Calls to providers in the last 30 days"), "{page}");
    }

    async fn checks_that_wait_are_counted(crowd: Crowd) {
        let mut crowd = crowd;
        crowd.store(0, "serpapi", "plenty").await;
        assert_eq!(gauge(&crowd.metrics().await, "keyward_checks_due"), Some(0));
        crowd.app.sql.execute(&format!("UPDATE user_api_keys SET next_check_at = {}", crowd.app.now().0)).await;
        let metrics = crowd.metrics().await;
        assert_eq!((gauge(&metrics, "keyward_checks_due"), gauge(&metrics, "keyward_checks_late")), (Some(1), Some(0)));
        crowd.app.clock.advance(HOUR);
        let metrics = crowd.metrics().await;
        assert_eq!((gauge(&metrics, "keyward_checks_due"), gauge(&metrics, "keyward_checks_late")), (Some(1), Some(1)));
        crowd.app.pass(MINUTE).await;
        assert_eq!(gauge(&crowd.metrics().await, "keyward_checks_due"), Some(0));
    }

    async fn only_operators_see_it_and_only_for_as_long_as_they_are(crowd: Crowd) {
        let mut crowd = crowd;
        crowd.users[0].get("/api/operator/health").await.problem(403, "forbidden");
        let page = crowd.operator.get("/operator/health").await.expect(200);
        assert!(page.text.contains("Health of this installation") && page.text.contains("fewer than 5 users"));
        assert!(!crowd.users[0].get("/").await.text.contains("/operator/health"));
        assert!(crowd.operator.get("/").await.text.contains("/operator/health"));
        for (query, code) in [("?range=52w", "invalid-input"), ("?range=1y", "invalid-input")] {
            crowd.operator.get(&format!("/api/operator/health{query}")).await.problem(422, code);
        }
        crowd.operator.get("/api/operator/health?user=me").await.problem(400, "bad-request");
        let role = keyward::store::Role::User;
        assert!(crowd.app.state.use_cases.accounts.give_role("OP@example.org ", role).await.unwrap());
        crowd.operator.get("/api/operator/health").await.problem(403, "forbidden");
        assert!(!give_role(&crowd.app, "nobody@example.org").await);
        let user = crowd.operator.get("/api/auth/me").await.json()["id"].as_str().unwrap().parse().unwrap();
        assert!(crowd.app.state.use_cases.accounts.verify_audit(user).await.unwrap().is_ok());
    }

    async fn the_command_makes_an_operator(app: App) {
        let mut ana = app.user("ana").await;
        ana.get("/api/operator/health").await.problem(403, "forbidden");
        let run = |words: &[&str]| {
            let program = Command::new(env!("CARGO_BIN_EXE_keyward")).args(words).env_clear().envs(&app.variables).output();
            program.unwrap().status.success()
        };
        assert!(run(&["user", "operator", "ana@example.org"]));
        ana.get("/api/operator/health").await.expect(200);
        assert!(run(&["user", "operator", "--withdraw", "ana@example.org"]));
        ana.get("/api/operator/health").await.problem(403, "forbidden");
        assert!(!run(&["user", "operator", "nobody@example.org"]));
    }
}
