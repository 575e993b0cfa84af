//! Security headers on every answer, errors included.

use crate::support::{Answer, App, both};

both! {
    async fn every_answer_carries_the_security_headers(app: App) {
        let mut visitor = app.visitor();
        let mut user = app.user("ana").await;
        for (signed_in, path) in [
            (false, "/"), (false, "/login"), (false, "/register"), (false, "/nothing"), (false, "/api/nothing"),
            (false, "/api/auth/me"), (false, "/settings/api-keys"), (false, "/healthz"), (false, "/readyz"),
            (true, "/"), (true, "/settings/api-keys"), (true, "/settings/account"), (true, "/services/data-scraper"),
            (true, "/services/ai-calling"), (true, "/services/voice-cloning"), (true, "/services/calling"),
            (true, "/analytics"), (true, "/api/user-api-keys"), (true, "/api/services"),
        ] {
            let client = if signed_in { &mut user } else { &mut visitor };
            let answer = client.send("GET", path, &[("accept", "text/html,*/*")], Vec::new()).await;
            assert!(answer.status.as_u16() < 500, "{path}: {}", answer.status);
            answer.is_guarded(path);
        }
    }

    async fn a_file_never_takes_the_headers_of_a_page(app: App) {
        let policy = |answer: &Answer| answer.headers["content-security-policy"].to_str().unwrap().to_owned();
        let pages = async || {
            for _ in 0..20 {
                let policy = policy(&app.visitor().get("/login").await.expect(200));
                assert!(policy.contains("'nonce-"), "{policy}");
            }
        };
        let files = async || {
            for _ in 0..200 {
                let policy = policy(&app.visitor().get("/favicon.svg").await.expect(200));
                assert!(!policy.contains("'nonce-"), "{policy}");
            }
        };
        // In turns on one thread.
        tokio::join!(pages(), files(), pages(), files());
    }

    async fn a_problem_is_readable_for_clients_that_ask_for_compression(app: App) {
        let mut client = app.user("ana").await;
        let headers = [("content-type", "application/json"), ("accept-encoding", "gzip, br")];
        let body = serde_json::json!({"provider": "serpapi", "credentials": {"api_key": "x".repeat(40)}});
        let answer = client.send("POST", "/api/user-api-keys/store", &headers, body.to_string().into()).await;
        assert!(!answer.headers.contains_key("content-encoding"));
        answer.problem(422, "invalid-api-key");
    }

    async fn signed_out_pages_lead_to_the_log_in(app: App) {
        let mut visitor = app.visitor();
        for path in ["/settings/api-keys", "/settings/account", "/services/data-scraper", "/analytics"] {
            let answer = visitor.get(path).await;
            assert!([302, 303].contains(&answer.status.as_u16()), "{path}: {}", answer.status);
            assert!(answer.location().starts_with("/login?next="), "{path}: {}", answer.location());
            assert!(!answer.text.contains("credentials["), "{path} shows a form");
        }
    }

    async fn a_closed_service_never_renders_what_it_protects(app: App) {
        let mut client = app.user("ana").await;
        let closed = client.get("/services/data-scraper").await.expect(200).text;
        assert!(closed.contains("SerpAPI") && !closed.contains("name=\"query\""), "{closed}");
        let body = serde_json::json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
        let open = client.get("/services/data-scraper").await.expect(200).text;
        assert!(open.contains("name=\"query\""), "{open}");
    }
}
