//! The middleware as a whole, through the front door.

use crate::account::{ClientAddr, RequestUser};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Extension, Json, Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderValue, Request, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::{
    model::{
        error::{AppError, ErrorCode},
        ids::ProviderId,
        status::Reason,
    },
    server::problem::Problem,
    telemetry::{LogFormat, metrics::Metrics, testing::Captured, traces::Traces},
};

pub(in crate::server) fn site(public: &str) -> Site {
    Site {
        public_url: PublicUrl::parse(public).unwrap(),
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        session_cookie: "session",
        provider_names: Arc::new(|id| (*id == ProviderId::SERPAPI).then(|| "SerpAPI".to_owned())),
        metrics: Arc::new(Metrics::new(0)),
        traces: Traces::default(),
        body_limit: 64,
        body_timeout: Duration::from_millis(200),
    }
}

const PUBLIC: &str = "https://keys.example.org";

fn app(public: &str) -> Router {
    async fn unreachable() -> Problem {
        AppError::refused(ErrorCode::ProviderUnreachable, ProviderId::SERPAPI, None, Reason::TimedOut).into()
    }
    let echo = post(|body: Bytes| async move { body });
    let routes = Router::new()
        .route("/api/echo", echo.clone())
        .route("/api/rpc/echo", echo)
        .route("/api/json", post(|Json(value): Json<Value>| async move { Json(value) }))
        .route("/api/id", get(|Extension(id): Extension<RequestId>| async move { id.to_string() }))
        .route(
            "/api/client",
            get(|Extension(client): Extension<ClientAddr>| async move { client.0.to_string() }),
        )
        .route("/api/provider", get(unreachable))
        .route("/api/panic", get(|| async { panic!("hunter2") as () }))
        .route("/api/rpc/panic", get(|| async { panic!("hunter2") as () }))
        .route("/page", get(|| async { ([(header::CONTENT_SECURITY_POLICY, "of the page")], "page") }))
        .route("/pkg/keyward.js", get(|| async { "js" }))
        .route("/favicon.svg", get(|| async { "svg" }));
    around(routes, site(public))
}

async fn answer_on(public: &str, request: http::request::Builder, body: impl Into<Body>) -> Response {
    app(public).oneshot(request.body(body.into()).unwrap()).await.unwrap()
}

async fn get_(path: &str) -> Response {
    answer_on(PUBLIC, Request::get(path), Body::empty()).await
}

async fn post_(path: &str, kind: &str, body: impl Into<Body>) -> Response {
    answer_on(PUBLIC, Request::post(path).header(header::CONTENT_TYPE, kind), body).await
}

async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn problem(response: Response) -> Value {
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    serde_json::from_str(&text(response).await).unwrap()
}

#[tokio::test]
async fn every_answer_has_the_headers_errors_included() {
    const JSON: &str = "application/json";
    let large = post_("/api/echo", JSON, vec![b'x'; 65]).await;
    let cross = Request::post("/api/echo").header("sec-fetch-site", "cross-site");
    let answers = [
        (200, get_("/api/id").await),
        (404, get_("/nothing").await),
        (405, get_("/api/echo").await),
        (500, get_("/api/panic").await),
        (413, large),
        (415, post_("/api/echo", "text/plain", "x").await),
        (403, answer_on(PUBLIC, cross, Body::empty()).await),
        (421, answer_on("http://127.0.0.1:3000", Request::get("/api/id"), Body::empty()).await),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.status().as_u16(), status);
        let headers = answer.headers();
        for (name, value) in [
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(headers[name], value, "{status}");
        }
        assert!(headers.contains_key("permissions-policy") && headers.contains_key("x-request-id"));
        assert_eq!(headers.contains_key("strict-transport-security"), status != 421);
    }
}

#[tokio::test]
async fn a_page_keeps_its_policy_and_files_may_be_kept() {
    let page = get_("/page").await;
    assert_eq!(page.headers()["content-security-policy"], "of the page");
    assert_eq!(page.headers()["cache-control"], "no-store");
    for file in ["/pkg/keyward.js", "/favicon.svg"] {
        assert_eq!(get_(file).await.headers()["cache-control"], "no-cache", "{file}");
    }
    for absent in ["/pkg/absent.js", "/absent.svg"] {
        assert_eq!(get_(absent).await.headers()["cache-control"], "no-store", "{absent}");
    }
}

#[tokio::test]
async fn the_request_id_is_made_here() {
    let forged = Request::get("/api/id").header("x-request-id", "forged");
    let answer = answer_on(PUBLIC, forged, Body::empty()).await;
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(id.len(), 36);
    assert_eq!(text(answer).await, id);
    assert_ne!(get_("/api/id").await.headers()["x-request-id"], HeaderValue::from_str(&id).unwrap());
}

#[tokio::test]
async fn a_panic_tells_the_id_and_nothing_else() {
    let answer = get_("/api/panic").await;
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(
        problem(answer).await,
        json!({
            "type": "/problems/internal",
            "title": "Something went wrong on our side",
            "status": 500,
            "detail": format!("Something went wrong on our side. The log has it as {id}."),
            "code": "internal",
            "reference": id,
        })
    );
    let browser = Request::get("/api/rpc/panic").header(header::ACCEPT, "text/html,*/*");
    let answer = answer_on(PUBLIC, browser, Body::empty()).await;
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    assert!(!text(answer).await.contains("hunter2"));
}

#[tokio::test]
async fn a_problem_gets_the_name_of_its_provider() {
    let detail = problem(get_("/api/provider").await).await["detail"].clone();
    assert!(detail.as_str().unwrap().starts_with("SerpAPI did not answer in time."));
}

#[tokio::test]
async fn bare_errors_of_rest_become_problem_documents() {
    let absent = get_("/api/nothing").await;
    assert_eq!(problem(absent).await["code"], "not-found");
    let method = get_("/api/echo").await;
    assert_eq!(method.headers()[header::ALLOW], "POST");
    assert_eq!(problem(method).await["code"], "method-not-allowed");
    let garbage = post_("/api/json", "application/json", "{\"canary").await;
    assert_eq!(garbage.status(), 400);
    let document = problem(garbage).await;
    assert_eq!(document["code"], "bad-request");
    assert!(!document.to_string().contains("canary"));
    let page = get_("/nothing").await;
    assert_eq!((page.status().as_u16(), text(page).await), (404, String::new()));
}

#[tokio::test]
async fn bodies_are_bounded_in_size_with_and_without_a_stated_length() {
    const JSON: &str = "application/json";
    let chunked = |size: usize| {
        Body::from_stream(futures::stream::iter((0..size).map(|_| Ok::<_, std::io::Error>(vec![b'x']))))
    };
    assert_eq!(text(post_("/api/echo", JSON, vec![b'x'; 64]).await).await.len(), 64);
    assert_eq!(text(post_("/api/echo", JSON, chunked(64)).await).await.len(), 64);
    for body in [Body::from(vec![b'x'; 65]), Body::from(vec![b'x'; 1 << 20]), chunked(65), chunked(10_000)] {
        let answer = post_("/api/echo", JSON, body).await;
        assert_eq!(
            (answer.status().as_u16(), problem(answer).await["code"].clone()),
            (413, json!("too-large"))
        );
    }
    let form = post_("/api/rpc/echo", "application/x-www-form-urlencoded", vec![b'x'; 65]).await;
    assert_eq!(form.status(), 413);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let stalled = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    assert_eq!(post_("/api/echo", "application/json", stalled).await.status(), 400);
}

#[tokio::test]
async fn content_types_are_checked_where_there_is_a_body() {
    assert_eq!(post_("/api/rpc/echo", "application/json", "{}").await.status(), 415);
    assert_eq!(post_("/api/echo", "application/x-www-form-urlencoded", "a=b").await.status(), 415);
    assert_eq!(answer_on(PUBLIC, Request::post("/api/rpc/echo"), Body::empty()).await.status(), 200);
}

#[tokio::test]
async fn the_client_is_the_peer_or_who_a_trusted_proxy_names() {
    for (peer, expected) in [("192.0.2.1", "192.0.2.1"), ("10.0.0.1", "198.51.100.7")] {
        let peer = ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1));
        let request = Request::get("/api/client").header("x-forwarded-for", "198.51.100.7").extension(peer);
        assert_eq!(text(answer_on(PUBLIC, request, Body::empty()).await).await, expected);
    }
}

#[tokio::test]
async fn another_host_gets_the_sentence_that_says_what_to_set() {
    let local = "http://127.0.0.1:3000";
    let request = |host| Request::get("/api/id").header(header::HOST, host);
    assert_eq!(answer_on(local, request("localhost:3000"), Body::empty()).await.status(), 200);
    let other = answer_on(local, request("keys.example.org"), Body::empty()).await;
    assert_eq!(other.status(), 421);
    assert!(problem(other).await["detail"].as_str().unwrap().contains("PUBLIC_URL"));
    let person = Request::get("/page").header(header::HOST, "x").header(header::ACCEPT, "text/html");
    assert!(text(answer_on(local, person, Body::empty()).await).await.contains("PUBLIC_URL"));
}

#[tokio::test]
async fn a_refused_request_never_reaches_its_handler() {
    let calls = Arc::new(Mutex::new(0));
    let counted = calls.clone();
    let handler = post(move || async move {
        *counted.lock().unwrap() += 1;
        "done".into_response()
    });
    let app =
        around(Router::new().route("/api/rpc/f", handler.clone()).route("/api/f", handler), site(PUBLIC));
    for path in ["/api/rpc/f", "/api/f"] {
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "null"), ("cookie", "session=x")] {
            let request = Request::post(path).header(name, value).body(Body::empty()).unwrap();
            let answer = app.clone().oneshot(request).await.unwrap();
            assert_eq!(problem(answer).await["code"], "cross-site", "{path} {name}");
        }
    }
    assert_eq!(*calls.lock().unwrap(), 0);
}

#[tokio::test]
async fn the_log_has_route_and_user_and_nothing_the_client_wrote() {
    let note = |Extension(user): Extension<RequestUser>| async move {
        user.note("0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001".parse().unwrap());
        tracing::warn!(target: "keyward::keys", "within");
    };
    let app = around(Router::new().route("/api/keys/{id}", post(note)), site(PUBLIC));
    let captured = Captured::start("trace", LogFormat::Json);
    let request = Request::post("/api/keys/canary?next=canary")
        .header("content-type", "application/json")
        .header("authorization", "Bearer canary")
        .header("user-agent", "canary")
        .body(Body::from("canary"))
        .unwrap();
    let id = app.oneshot(request).await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned();

    let text = captured.text();
    assert!(!text.contains("canary"), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [within, answered] = &lines[..] else { panic!("{text}") };
    assert_eq!((&within["span"]["id"], &answered["span"]["id"]), (&json!(id), &json!(id)));
    assert_eq!(
        [&answered["method"], &answered["route"], &answered["status"], &answered["user"]],
        [
            &json!("POST"),
            &json!("/api/keys/{id}"),
            &json!(200),
            &json!("0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001")
        ]
    );
    assert!(answered["latency_ms"].is_u64());
}
