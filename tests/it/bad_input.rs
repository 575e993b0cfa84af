//! Whatever is sent, the answer is a problem document or a clean page, never a 500, and nothing is
//! stored.

use serde_json::json;

use crate::support::{App, PASSWORD, both};

const JSON: (&str, &str) = ("content-type", "application/json");

both! {
    async fn bodies_that_cannot_be_read(app: App) {
        let mut client = app.user("ana").await;
        let long = "x".repeat(1_000_000);
        let oversized = json!({"provider": "serpapi", "credentials": {"api_key": &long[..5000]}}).to_string();
        let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
            ("no body", vec![], 400, "bad-request"),
            ("no JSON", b"{".to_vec(), 400, "bad-request"),
            ("not UTF-8", b"{\"provider\":\"\xff\xfe\"}".to_vec(), 400, "bad-request"),
            ("a list", b"[]".to_vec(), 400, "bad-request"),
            ("null", b"null".to_vec(), 400, "bad-request"),
            ("a number for a key", br#"{"provider":"serpapi","credentials":{"api_key":7}}"#.to_vec(), 400, "bad-request"),
            ("an unknown top field", br#"{"provider":"serpapi","credentials":{},"owner":"x"}"#.to_vec(), 400, "bad-request"),
            ("an unknown provider", br#"{"provider":"nobody","credentials":{"api_key":"x"}}"#.to_vec(), 404, "not-found"),
            ("no provider's name", br#"{"provider":"../etc","credentials":{"api_key":"x"}}"#.to_vec(), 422, "invalid-input"),
            ("no provider", br#"{"credentials":{"api_key":"x"}}"#.to_vec(), 422, "invalid-input"),
            ("no credentials", br#"{"provider":"serpapi"}"#.to_vec(), 422, "invalid-input"),
            ("a missing field", br#"{"provider":"serpapi","credentials":{}}"#.to_vec(), 422, "invalid-input"),
            ("an extra field", br#"{"provider":"serpapi","credentials":{"api_key":"abc","secret":"x"}}"#.to_vec(), 422, "invalid-input"),
            ("an empty field", br#"{"provider":"serpapi","credentials":{"api_key":"  "}}"#.to_vec(), 422, "invalid-input"),
            ("a line break", br#"{"provider":"serpapi","credentials":{"api_key":"a\nb"}}"#.to_vec(), 422, "invalid-input"),
            ("an oversized field", oversized.into(), 422, "invalid-input"),
            ("1 MB", long.into(), 413, "too-large"),
        ];
        for (what, body, status, code) in cases {
            let answer = client.send("POST", "/api/user-api-keys/store", &[JSON], body).await;
            if what == "a list" {
                // An empty list reads as a struct without fields.
                assert!([400, 422].contains(&answer.status.as_u16()), "{}", answer.text);
                continue;
            }
            assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text);
            answer.problem(status, code);
        }
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_api_keys").await, 0);
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM usage_events").await, 0);
    }

    async fn wrong_content_types(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")}).to_string();
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "application/jsonx"] {
            client.send("POST", "/api/user-api-keys/store", &[("content-type", kind)], body.clone().into()).await.problem(415, "unsupported-media-type");
        }
        client.send("POST", "/api/user-api-keys/store", &[], body.clone().into()).await.problem(415, "unsupported-media-type");
        for kind in ["text/plain", "multipart/form-data; boundary=x"] {
            let answer = client.send("POST", "/api/rpc/delete_key", &[("content-type", kind)], b"provider=serpapi".to_vec()).await;
            assert_eq!(answer.status.as_u16(), 415, "{}", answer.text);
        }
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_api_keys").await, 0);
    }

    async fn requests_from_other_sites_change_nothing(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")}).to_string();
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1.evil.example:3000"),
        ] {
            client.send("POST", "/api/user-api-keys/store", &[JSON, (name, value)], body.clone().into()).await.problem(403, "cross-site");
            let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html"), (name, value)];
            let answer = client.send("POST", "/api/rpc/logout", &form, Vec::new()).await;
            assert_eq!(answer.status.as_u16(), 403);
        }
        // Neither header: only without a session cookie.
        let cookie = client.cookie.clone().unwrap();
        let bare = app.visitor().send("POST", "/api/user-api-keys/store", &[JSON, ("cookie", &cookie)], body.clone().into()).await;
        bare.problem(403, "cross-site");
        let login = json!({"email": "ana@example.org", "password": PASSWORD}).to_string();
        app.visitor().send("POST", "/api/auth/login", &[JSON], login.into()).await.expect(200);
        client.send("POST", "/api/user-api-keys/store", &[JSON, ("origin", "http://127.0.0.1:3000")], body.into()).await.expect(201);
        client.get("/api/auth/me").await.expect(200);
    }

    async fn proofs_that_prove_nothing(app: App) {
        app.user("ana").await;
        for value in ["Bearer", "Bearer x.y.z", "Basic YTpi", "Bearer eyJhbGciOiJub25lIn0.e30.", "token"] {
            app.visitor().send("GET", "/api/user-api-keys", &[("authorization", value)], Vec::new()).await.problem(401, "unauthenticated");
        }
        for value in ["keyward=", "keyward=short", "keyward=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "keyward=\u{e4}"] {
            app.visitor().send("GET", "/api/user-api-keys", &[("cookie", value)], Vec::new()).await.problem(401, "unauthenticated");
        }
    }

    async fn next_never_leads_away(app: App) {
        let body = [("email", "ana@example.org"), ("password", PASSWORD), ("next", "//evil.example")];
        let mut client = app.visitor();
        let answer = client.form("/api/rpc/register", "/register?next=//evil.example", &body).await;
        assert_eq!(answer.location(), "/");
        for evil in ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/login"] {
            let body = [("email", "ana@example.org"), ("password", PASSWORD), ("next", evil)];
            let answer = app.visitor().form("/api/rpc/login", "/login", &body).await;
            assert_eq!(answer.location(), "/", "{evil}");
            let encoded: String = url::form_urlencoded::byte_serialize(evil.as_bytes()).collect();
            let page = client.get(&format!("/settings/api-keys?service=data-scraper&next={encoded}")).await.expect(200);
            assert!(!page.text.contains("href=\"//evil") && !page.text.contains("href=\"https://evil") && !page.text.contains("href=\"javascript"));
        }
        let body = [("email", "ana@example.org"), ("password", PASSWORD), ("next", "/services/data-scraper")];
        assert_eq!(app.visitor().form("/api/rpc/login", "/login", &body).await.location(), "/services/data-scraper");
    }

    async fn routes_that_do_not_exist_and_methods_that_do_not_fit(app: App) {
        let mut client = app.user("ana").await;
        client.get("/api/nothing").await.problem(404, "not-found");
        client.send("PATCH", "/api/user-api-keys", &[JSON], b"{}".to_vec()).await.problem(405, "method-not-allowed");
        client.delete("/api/user-api-keys/..%2f..").await.problem(404, "not-found");
        let page = client.send("GET", "/nothing", &[("accept", "text/html")], Vec::new()).await.expect(404);
        assert!(page.text.contains("<!DOCTYPE html>"));
        let answer = client.send("GET", "/api/auth/me", &[("host", "evil.example")], Vec::new()).await;
        assert_eq!(answer.status.as_u16(), 421);
    }

    async fn server_functions_answer_bad_arguments_without_quoting_them(app: App) {
        let mut client = app.user("ana").await;
        let canary = "sk-canary-1234567890";
        for (path, fields, status) in [
            ("/api/rpc/delete_key", vec![("provider", canary)], 400),
            ("/api/rpc/store_key", vec![("provider", "SERP API"), ("credentials[api_key]", canary)], 400),
            ("/api/rpc/store_key", vec![("credentials[api_key]", canary)], 400),
            ("/api/rpc/end_session", vec![("id", canary)], 400),
            ("/api/rpc/gate", vec![("service", canary)], 400),
        ] {
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
            let answer = client.send("POST", path, &headers, body.into()).await;
            assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text);
            assert!(!answer.text.contains(canary), "{path}: {}", answer.text);
            let form = client.form(path, "/settings/api-keys", &fields).await;
            assert!(form.status.is_redirection(), "{path}: {}", form.text);
            let back = form.location().to_owned();
            let page = client.get(back.strip_prefix("http://127.0.0.1:3000").unwrap_or(&back)).await.expect(200);
            assert!(!page.text.contains(canary), "{path}: the page it leads back to");
            assert!(!form.text.contains(canary) && !format!("{:?}", form.headers).contains(canary), "{path}");
        }
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_api_keys").await, 0);
    }
}
