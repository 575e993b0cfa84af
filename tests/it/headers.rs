//! Security headers on every answer, errors included.

use serde_json::json;

use crate::{
    boot::new_kek,
    support::{Answer, App, Engine, PASSWORD, both},
};

/// An installation for others, behind a proxy that speaks TLS.
struct Public(App);

impl Public {
    async fn start(engine: Engine) -> Self {
        let (kek, jwt) = (new_kek(), new_kek());
        let settings = [
            ("PUBLIC_URL", "https://keys.example.org"),
            ("API_KEY_ENCRYPTION_SECRET", &kek),
            ("JWT_SECRET", &jwt),
            ("KEYWARD_REGISTRATION", "open"),
        ];
        Self(App::start_with(engine, &settings).await)
    }
}

/// The cookies that an answer sets.
fn cookies(answer: &Answer) -> Vec<String> {
    answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
}

/// Fails unless it is the session's cookie, made for https and this host alone.
#[track_caller]
fn is_for_https(cookie: &str, value: bool) {
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    let (name, given) = pair.split_once('=').unwrap();
    assert_eq!((name, !given.is_empty()), ("__Host-keyward", value), "{cookie}");
    let mut attributes: Vec<_> = attributes.split("; ").filter(|it| !it.starts_with("Max-Age=")).collect();
    attributes.sort_unstable();
    // No `Domain`: a browser refuses `__Host-` with one.
    assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"], "{cookie}");
}

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

    async fn over_https_every_answer_says_so_and_the_session_s_cookie_stays_there(public: Public) {
        let app = &public.0;
        let mut ana = app.visitor();
        let body = json!({"email": "ana@example.org", "password": PASSWORD});
        let registered = ana.post("/api/auth/register", &body).await.expect(201);
        let form = [("email", "ana@example.org"), ("password", PASSWORD)];
        let mut tab = app.visitor();
        let by_form = tab.form("/api/rpc/login", "/login", &form).await;
        let out = tab.post("/api/auth/logout", &json!({})).await.expect(204);
        for (answer, value) in [(&registered, true), (&by_form, true), (&out, false)] {
            let [cookie] = cookies(answer).try_into().unwrap();
            is_for_https(&cookie, value);
        }
        ana.get("/api/auth/me").await.expect(200);
        // The same token under the name that plain http has counts for nothing.
        let mut plain = app.visitor();
        plain.cookie = ana.cookie.clone().map(|cookie| cookie.replace("__Host-", ""));
        let refused = plain.get("/api/auth/me").await.expect(401);

        let mut answers = vec![registered, by_form, out, refused];
        for (signed_in, path) in [
            (false, "/"), (false, "/login"), (false, "/nothing"), (false, "/api/nothing"), (false, "/docs/api"),
            (false, "/problems/not-found"), (false, "/settings/api-keys"), (false, "/healthz"),
            (false, "/favicon.svg"), (false, "/media/recordings/x"), (false, "/media/speech/x"), (true, "/"), (true, "/settings/api-keys"),
            (true, "/api/user-api-keys"), (true, "/api/events"),
        ] {
            let mut client = if signed_in { ana.clone() } else { app.visitor() };
            answers.push(client.send("GET", path, &[("accept", "text/html,*/*")], Vec::new()).await);
        }
        for answer in &answers {
            let told = answer.headers.get_all("strict-transport-security").iter().collect::<Vec<_>>();
            assert_eq!(told, ["max-age=31536000"], "{answer:?}");
        }
    }

    async fn over_plain_http_nothing_is_said_of_https(app: App) {
        let mut ana = app.visitor();
        let body = json!({"email": "ana@example.org", "password": PASSWORD});
        let answer = ana.post("/api/auth/register", &body).await.expect(201);
        assert!(!answer.headers.contains_key("strict-transport-security"));
        let [cookie] = cookies(&answer).try_into().unwrap();
        assert!(cookie.starts_with("keyward=") && !cookie.contains("Secure"), "{cookie}");
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
