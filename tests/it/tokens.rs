//! Personal API tokens, and the tokens of other programs of the operator's.

use keyward::providers::UsageOutcome;
use serde_json::{Value, json};

use crate::support::{App, Client, DAY, Engine, MINUTE, PASSWORD, both};

/// What a program sends that has a token and no cookie.
async fn by_token(app: &App, token: &str, method: &str, path: &str, body: Value) -> crate::support::Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    app.visitor().send(method, path, &headers, body).await
}

async fn issue(client: &mut Client, scopes: &[&str]) -> Value {
    let body = json!({"name": "nightly", "scopes": scopes});
    client.post("/api/tokens", &body).await.expect(201).json()
}

fn text(issued: &Value) -> String {
    issued["token"].as_str().unwrap().to_owned()
}

both! {
    async fn a_token_is_shown_once_listed_used_and_revoked(app: App) {
        let mut ana = app.user("ana").await;
        let issued = issue(&mut ana, &["read"]).await;
        let token = text(&issued);
        assert!(token.starts_with("kwd_") && token.len() == 52, "{token}");
        let list = ana.get("/api/tokens").await.expect(200).text;
        assert!(!list.contains(&token), "a token is shown once");
        let list: Value = serde_json::from_str(&list).unwrap();
        assert_eq!(list["items"][0]["id"], issued["id"]);
        assert_eq!((&list["items"][0]["scopes"], &list["items"][0]["last_used_at"]), (&json!(["read"]), &Value::Null));

        let me = by_token(&app, &token, "GET", "/api/auth/me", Value::Null).await.expect(200).json();
        assert_eq!(me["email"], "ana@example.org");
        assert_ne!(ana.get("/api/tokens").await.json()["items"][0]["last_used_at"], Value::Null);
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM api_tokens").await, 1);

        let path = format!("/api/tokens/{}", issued["id"].as_str().unwrap());
        app.user("eve").await.delete(&path).await.problem(404, "not-found");
        by_token(&app, &token, "GET", "/api/auth/me", Value::Null).await.expect(200);
        ana.delete(&path).await.expect(204);
        by_token(&app, &token, "GET", "/api/auth/me", Value::Null).await.problem(401, "unauthenticated");
        ana.delete(&path).await.problem(404, "not-found");
    }

    async fn each_scope_allows_its_part_and_no_other(app: App) {
        let mut ana = app.user("ana").await;
        let key = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        let reading = text(&issue(&mut ana, &["read"]).await);
        let writing = text(&issue(&mut ana, &["keys:write"]).await);
        let using = text(&issue(&mut ana, &["services:use"]).await);

        for token in [&reading, &using] {
            let problem = by_token(&app, token, "POST", "/api/user-api-keys/store", key.clone()).await.problem(403, "insufficient-scope");
            assert!(problem["detail"].as_str().unwrap().contains("keys:write"), "{problem}");
        }
        by_token(&app, &writing, "POST", "/api/user-api-keys/store", key).await.expect(201);
        by_token(&app, &writing, "GET", "/api/user-api-keys", Value::Null).await.problem(403, "insufficient-scope");
        by_token(&app, &reading, "GET", "/api/user-api-keys", Value::Null).await.expect(200);

        let searches = "/api/services/data-scraper/searches";
        let search = json!({"query": "coffee", "place": "Berlin, Germany"});
        for token in [&reading, &writing] {
            by_token(&app, token, "POST", searches, search.clone()).await.problem(403, "insufficient-scope");
        }
        let started = by_token(&app, &using, "POST", searches, search).await.expect(201);
        let cancel = format!("{}/cancel", started.location());
        by_token(&app, &reading, "POST", &cancel, json!({})).await.problem(403, "insufficient-scope");
        by_token(&app, &using, "POST", &cancel, json!({})).await.expect(200);
        by_token(&app, &using, "GET", started.location(), Value::Null).await.problem(403, "insufficient-scope");
    }

    async fn no_token_reaches_the_account_itself(app: App) {
        let mut ana = app.user("ana").await;
        let token = text(&issue(&mut ana, &["read", "keys:write", "services:use"]).await);
        let session = ana.get("/api/auth/sessions").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        for (method, path, body) in [
            ("GET", "/api/tokens".to_owned(), Value::Null),
            ("POST", "/api/tokens".to_owned(), json!({"name": "more", "scopes": ["read"]})),
            ("GET", "/api/auth/sessions".to_owned(), Value::Null),
            ("DELETE", "/api/auth/sessions".to_owned(), Value::Null),
            ("DELETE", format!("/api/auth/sessions/{session}"), Value::Null),
            ("PUT", "/api/auth/password".to_owned(), json!({"current": PASSWORD, "new": "another good one"})),
            ("POST", "/api/auth/logout".to_owned(), json!({})),
            // Server functions belong to the pages.
            ("POST", "/api/rpc/me".to_owned(), Value::Null),
        ] {
            let bearer = format!("Bearer {token}");
            let mut headers = vec![("authorization", bearer.as_str())];
            let form = path.starts_with("/api/rpc/");
            headers.push(("content-type", if form { "application/x-www-form-urlencoded" } else { "application/json" }));
            let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
            let answer = app.visitor().send(method, &path, &headers, body).await;
            assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
            assert!(answer.text.contains("insufficient-scope"), "{}", answer.text);
        }
        ana.get("/api/auth/me").await.expect(200);
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM api_tokens").await, 1);
    }

    async fn tokens_end_in_time_and_with_the_password(app: App) {
        let mut ana = app.user("ana").await;
        let body = json!({"name": "short", "scopes": ["read"], "expires_in_days": 1});
        let short = text(&ana.post("/api/tokens", &body).await.expect(201).json());
        let long = text(&issue(&mut ana, &["read"]).await);
        app.clock.advance(DAY);
        by_token(&app, &short, "GET", "/api/auth/me", Value::Null).await.problem(401, "unauthenticated");
        by_token(&app, &long, "GET", "/api/auth/me", Value::Null).await.expect(200);
        let mut ana = app.log_in("ana").await;
        assert_eq!(ana.get("/api/tokens").await.json()["items"].as_array().unwrap().len(), 1);

        ana.put("/api/auth/password", &json!({"current": PASSWORD, "new": "another good one"})).await.expect(200);
        by_token(&app, &long, "GET", "/api/auth/me", Value::Null).await.problem(401, "unauthenticated");
        assert_eq!(ana.get("/api/tokens").await.json()["items"], json!([]));
    }

    async fn a_token_that_is_no_token_proves_nobody(app: App) {
        let mut ana = app.user("ana").await;
        let token = text(&issue(&mut ana, &["read"]).await);
        let cut = &token[..50];
        let swapped = format!("{}{}", &token[..51], if token.ends_with('A') { "B" } else { "A" });
        for wrong in [cut, &swapped, "kwd_", "kwd_ü", "nonsense"] {
            let answer = by_token(&app, wrong, "GET", "/api/auth/me", Value::Null).await;
            answer.problem(401, "unauthenticated");
        }
        // Never twice: it would be a guess which one counts.
        let bearer = format!("Bearer {token}");
        ana.send("GET", "/api/auth/me", &[("authorization", &bearer)], Vec::new()).await.problem(400, "ambiguous-credentials");
        app.sql.execute("UPDATE users SET disabled = TRUE").await;
        by_token(&app, &token, "GET", "/api/auth/me", Value::Null).await.problem(401, "unauthenticated");
    }

    async fn what_is_wrong_with_a_request_for_a_token_is_said(app: App) {
        let mut ana = app.user("ana").await;
        let wrong = json!({"name": " ", "scopes": [], "expires_in_days": 366});
        let problem = ana.post("/api/tokens", &wrong).await.problem(422, "invalid-input");
        assert_eq!(problem["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), ["expires_in_days", "name", "scopes"]);
        ana.post("/api/tokens", &json!({"name": "x", "scopes": ["admin"]})).await.problem(400, "bad-request");
        for _ in 0..50 {
            issue(&mut ana, &["read"]).await;
        }
        ana.post("/api/tokens", &json!({"name": "one more", "scopes": ["read"]})).await.problem(409, "too-many-tokens");
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM api_tokens").await, 50);
    }
}

const OLD: &str = "old-token-of-32-characters-at-least";
const NEW: &str = "new-token-of-32-characters-at-least";

/// An installation with tokens for other programs of the operator's.
struct WithTokens(App);

impl WithTokens {
    async fn start(engine: Engine) -> Self {
        let tokens = format!("{NEW},{OLD}");
        Self(App::start_with(engine, &[("SYSTEM_API_TOKEN", &tokens), ("METRICS_TOKEN", OLD)]).await)
    }
}

both! {
    async fn another_back_end_asks_about_access_and_each_call_is_audited(it: WithTokens) {
        let app = it.0;
        let mut ana = app.user("ana").await;
        let user = ana.get("/api/auth/me").await.json()["id"].as_str().unwrap().to_owned();
        let path = format!("/api/system/users/{user}/services/data-scraper/access");
        for token in [OLD, NEW] {
            let problem =
                by_token(&app, token, "GET", &path, Value::Null).await.problem(403, "missing-api-keys");
            assert_eq!(problem["missing_providers"], json!(["serpapi"]));
        }
        let key = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        ana.post("/api/user-api-keys/store", &key).await.expect(201);
        assert_eq!(by_token(&app, NEW, "GET", &path, Value::Null).await.expect(200).json()["granted"], true);
        let audited =
            "SELECT COUNT(*) FROM audit_log WHERE action = 'system.access_read' AND subject = 'data-scraper'";
        assert_eq!(app.sql.number(audited).await, 3);
        let id = user.parse().unwrap();
        assert!(app.state.use_cases.accounts.verify_audit(id).await.unwrap().is_ok());

        // It opens nothing else, and nothing else opens it.
        by_token(&app, NEW, "GET", "/api/auth/me", Value::Null).await.problem(401, "unauthenticated");
        by_token(&app, NEW, "GET", "/metrics", Value::Null).await.problem(401, "unauthenticated");
        let own = text(&issue(&mut ana, &["read", "keys:write", "services:use"]).await);
        for wrong in [own.as_str(), &OLD[1..], ""] {
            by_token(&app, wrong, "GET", &path, Value::Null).await.problem(401, "unauthenticated");
        }
        ana.get(&path).await.problem(401, "unauthenticated");
        app.visitor().get(&path).await.problem(401, "unauthenticated");

        let unknown = path.replace(&user, "0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001");
        by_token(&app, NEW, "GET", &unknown, Value::Null).await.problem(404, "not-found");
        by_token(&app, NEW, "GET", &path.replace("data-scraper", "coffee"), Value::Null)
            .await
            .problem(404, "not-found");
        app.sql.execute("UPDATE users SET disabled = TRUE").await;
        by_token(&app, NEW, "GET", &path, Value::Null).await.problem(404, "not-found");
    }

    async fn the_metrics_count_requests_and_calls_and_name_nobody(it: WithTokens) {
        let app = it.0;
        let mut ana = app.user("ana").await;
        let key = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        ana.post("/api/user-api-keys/store", &key).await.expect(201);
        // Five who have a key and five who have none: enough for figures about users to be told.
        for number in 1..10 {
            let mut other = app.user(&format!("user{number}")).await;
            if number < 5 {
                other.post("/api/user-api-keys/store", &key).await.expect(201);
            }
        }
        app.clock.advance(MINUTE);
        let answer = by_token(&app, OLD, "GET", "/metrics", Value::Null).await.expect(200);
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
        for line in [
            r#"keyward_provider_calls_total{provider="serpapi",purpose="candidate",outcome="done"} 5"#,
            r#"keyward_http_request_duration_seconds_count{method="POST",route="/api/user-api-keys/store",status="2xx"} 5"#,
        ] {
            assert!(answer.text.contains(line), "{line} is not in\n{}", answer.text);
        }
        // The dashboard asks for nothing that there is not.
        let dashboard: Value = serde_json::from_str(include_str!("../../monitoring/grafana.json")).unwrap();
        let targets = dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
        let queries: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
        assert!(queries.len() >= 8, "{queries:?}");
        let outcomes = [
            UsageOutcome::Done, UsageOutcome::Limited, UsageOutcome::Exhausted, UsageOutcome::Invalid,
            UsageOutcome::Suspended, UsageOutcome::RateLimited, UsageOutcome::Unreachable,
            UsageOutcome::BadRequest, UsageOutcome::Cancelled,
        ].map(UsageOutcome::code);
        let has = |metric: &str, label: &str| answer.text.lines().any(|line| line.starts_with(metric) && line[metric.len()..].starts_with('{') && line.contains(&format!("{label}=\"")));
        let templates = dashboard["templating"]["list"].as_array().unwrap().iter();
        let templates = templates.filter(|template| template["type"] == "query").map(|template| template["query"]["query"].as_str().unwrap());
        for template in templates {
            let (metric, label) = template.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')?.split_once(", ")).unwrap();
            assert!(has(metric, label), "{template}");
        }
        for query in queries {
            for (at, _) in query.match_indices('{') {
                let metric = query[..at].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
                for matcher in query[at + 1..].split('}').next().unwrap().split(',') {
                    let (label, value) = matcher.split_once(['=', '!']).unwrap();
                    assert!(has(metric, label), "{matcher} in {query}");
                    let value = value.trim_start_matches(['=', '~']).trim_matches('"');
                    assert!(label != "outcome" || value.split('|').all(|value| outcomes.contains(&value)), "{matcher} in {query}");
                }
            }
            let mut names = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|name| name.starts_with("keyward_"));
            assert!(names.all(|name| answer.text.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))), "{query}");
            for labels in query.split("by (").skip(1).map(|rest| rest.split(')').next().unwrap()) {
                assert!(labels.split(", ").all(|label| answer.text.contains(&format!("{label}=\""))), "{query}");
            }
        }
        for private in ["ana@", OLD, key["credentials"]["api_key"].as_str().unwrap()] {
            assert!(!answer.text.contains(private));
        }
        app.visitor().get("/metrics").await.problem(401, "unauthenticated");
    }

    async fn without_tokens_those_ways_in_are_closed(app: App) {
        let path = "/api/system/users/0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001/services/calling/access";
        for path in [path, "/metrics"] {
            by_token(&app, "", "GET", path, Value::Null).await.problem(401, "unauthenticated");
            by_token(&app, OLD, "GET", path, Value::Null).await.problem(401, "unauthenticated");
        }
    }
}
