use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{Client, field};
use crate::{
    model::ids::ProviderId,
    simulator::{keys::ENTRIES, serve, test_keys},
};

async fn order(client: &Client, order: Value) {
    client.control(Method::POST, "/faults", order).await;
}

async fn journal(client: &Client) -> Vec<Value> {
    client.control(Method::GET, "/journal", Value::Null).await["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_fault_meets_as_many_requests_as_ordered() {
    let client = Client::new();
    order(
        &client,
        json!({ "provider": "serpapi", "times": 2, "fault": { "kind": "status", "status": 502 } }),
    )
    .await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(client.serpapi("plenty", "/account.json", "").await.status.as_u16());
    }
    assert_eq!(statuses, [502, 502, 200]);
    assert_eq!(client.control(Method::GET, "/faults", Value::Null).await["items"], json!([]));
}

#[tokio::test]
async fn a_fault_meets_only_the_key_and_path_it_names() {
    let client = Client::new();
    order(
        &client,
        json!({ "provider": "twilio", "key": "full", "path": "/Balance", "fault": { "kind": "status", "status": 500 } }),
    )
    .await;
    assert_eq!(client.serpapi("plenty", "/account.json", "").await.status, 200);
    assert_eq!(client.twilio("trial", "/Balance.json").await.status, 200);
    assert_eq!(client.twilio("full", "/Calls.json").await.status, 200);
    let met = client.twilio("full", "/Balance.json").await;
    assert_eq!((met.status.as_u16(), &met.json["code"]), (500, &json!(20_500)));
    assert_eq!(client.twilio("full", "/Balance.json").await.status, 200);
}

#[tokio::test]
async fn each_fault_looks_like_what_it_is() {
    let client = Client::new();
    let met = async |fault: Value| {
        order(&client, json!({ "provider": "serpapi", "fault": fault })).await;
        client.serpapi("plenty", "/account.json", "").await
    };
    let body = json!({ "error": "Maintenance." });
    let status = met(json!({ "kind": "status", "status": 401, "body": body })).await;
    assert_eq!((status.status.as_u16(), status.json), (401, body));
    let many = met(json!({ "kind": "too_many_requests" })).await;
    assert!(many.status == 429 && many.text.contains("throughput"));
    let garbage = met(json!({ "kind": "garbage" })).await;
    assert_eq!((garbage.status.as_u16(), garbage.json), (200, Value::Null));
    assert_eq!(garbage.headers["content-type"], "application/json");
    let huge = met(json!({ "kind": "huge", "bytes": 5_000_000 })).await;
    assert!(huge.text.len() >= 5_000_000 && huge.json["padding"].is_string());
    let redirect = met(json!({ "kind": "redirect" })).await;
    assert_eq!(redirect.status, StatusCode::FOUND);
    assert_eq!(redirect.headers["location"], "http://127.0.0.1:4010/elsewhere");
    let away = met(json!({ "kind": "redirect", "location": "http://169.254.169.254/latest" })).await;
    assert_eq!(away.headers["location"], "http://169.254.169.254/latest");
    let begun = Instant::now();
    let slow = met(json!({ "kind": "slow", "milliseconds": 60 })).await;
    assert!(slow.status == 200 && begun.elapsed() >= Duration::from_millis(60));
    let drip = met(json!({ "kind": "drip", "milliseconds": 0 })).await;
    assert_eq!(drip.json["this_month_usage"], 42);
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused() {
    let client = Client::new();
    for order in [
        json!({ "provider": "serpapi", "fault": { "kind": "status", "status": 999 } }),
        json!({ "provider": "serpapi", "fault": { "kind": "explode" } }),
        json!({ "provider": "deep_gram", "fault": { "kind": "garbage" } }),
        json!({ "provider": "serpapi", "fault": { "kind": "garbage" }, "tims": 3 }),
        json!({ "provider": "serpapi", "fault": { "kind": "redirect", "location": "a\nb" } }),
    ] {
        let request = Request::post("/_control/faults").header("content-type", "application/json");
        let answer = client.send(request.body(Body::from(order.to_string())).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{order}");
    }
}

#[tokio::test]
async fn texts_stand_where_they_were_ordered_in_turn_and_nowhere_else() {
    let client = Client::new();
    let own = client.serpapi("plenty", "/account.json", "").await.json;
    let order = json!({ "provider": "serpapi", "member": "plan_name", "texts": ["<b>", "</script>"] });
    client.control(Method::POST, "/texts", order.clone()).await;
    assert_eq!(client.control(Method::GET, "/texts", Value::Null).await["items"], json!([order]));
    for expected in ["<b>", "</script>", "<b>"] {
        let answer = client.serpapi("plenty", "/account.json", "").await;
        assert_eq!(answer.json["plan_name"], expected);
        assert_eq!(answer.json["account_email"], own["account_email"]);
        assert_eq!(answer.json["this_month_usage"], 42);
    }
    // A number is no text, and another provider's answers are its own.
    let number = json!({ "provider": "serpapi", "member": "this_month_usage", "texts": ["x"] });
    client.control(Method::POST, "/texts", number).await;
    assert_eq!(client.serpapi("plenty", "/account.json", "").await.json["this_month_usage"], 42);
    let name = json!({ "provider": "serpapi", "member": "friendly_name", "texts": ["x"] });
    client.control(Method::POST, "/texts", name).await;
    assert_ne!(client.twilio("full", ".json").await.json["friendly_name"], "x");
    client.control(Method::DELETE, "/texts", Value::Null).await;
    assert_eq!(client.serpapi("plenty", "/account.json", "").await.json["plan_name"], own["plan_name"]);
    let nothing = json!({ "provider": "serpapi", "member": "plan_name", "texts": [] });
    let request = Request::post("/_control/texts").header("content-type", "application/json");
    let answer = client.send(request.body(Body::from(nothing.to_string())).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_key_changes_at_run_time_and_a_reset_brings_it_back() {
    let client = Client::new();
    let status = async || client.serpapi("plenty", "/account.json", "").await;
    client.control(Method::PUT, "/keys/serpapi/plenty", json!({ "situation": "invalid" })).await;
    assert_eq!(status().await.status, 401);
    client.control(Method::PUT, "/keys/serpapi/plenty", json!({ "situation": "exhausted" })).await;
    assert_eq!(status().await.json["total_searches_left"], 0);
    let change = json!({ "situation": "plenty", "searches_left": 2 });
    client.control(Method::PUT, "/keys/serpapi/plenty", change).await;
    assert_eq!(status().await.json["total_searches_left"], 2);
    client.control(Method::PUT, "/keys/twilio/full", json!({ "situation": "closed" })).await;
    assert_eq!(client.twilio("full", ".json").await.json["status"], "closed");
    client.control(Method::POST, "/reset", Value::Null).await;
    assert_eq!(status().await.json["total_searches_left"], 958);
    assert_eq!(client.twilio("full", ".json").await.json["status"], "active");
}

#[tokio::test]
async fn a_situation_of_another_provider_or_an_unknown_key_is_refused() {
    let client = Client::new();
    for (path, situation, status) in
        [("serpapi/plenty", "trial", 422), ("serpapi/none", "invalid", 404), ("serpapi/plenty", "rich", 422)]
    {
        let request =
            Request::put(format!("/_control/keys/{path}")).header("content-type", "application/json");
        let body = json!({ "situation": situation }).to_string();
        assert_eq!(client.send(request.body(Body::from(body)).unwrap()).await.status, status, "{path}");
    }
    assert_eq!(client.serpapi("plenty", "/account.json", "").await.status, 200);
}

#[tokio::test]
async fn the_journal_names_requests_and_never_a_credential() {
    let client = Client::new();
    let stranger = "sk-somebodys-real-key-0123456789";
    client.serpapi("plenty", "/search.json", "engine=google&q=tea").await;
    client.twilio("api_key", "/Balance.json").await;
    client.get(&format!("/serpapi/account.json?api_key={stranger}&apikey={stranger}")).await;
    client.get("/elsewhere").await;
    let requests = journal(&client).await;
    assert_eq!(requests.len(), 4);
    let line = |place: usize, members: &[&str]| -> Vec<Value> {
        members.iter().map(|member| requests[place][*member].clone()).collect()
    };
    let first = line(0, &["provider", "method", "path", "key", "status"]);
    assert_eq!(json!(first), json!(["serpapi", "GET", "/serpapi/search.json", "plenty", 200]));
    assert_eq!(requests[0]["parameters"], json!([["engine", "google"], ["q", "tea"]]));
    assert_eq!(json!(line(1, &["provider", "key", "status"])), json!(["twilio", "api_key", 200]));
    assert_eq!(json!(line(2, &["key", "status", "parameters"])), json!([null, 401, []]));
    assert_eq!(json!(line(3, &["provider", "credential", "status"])), json!([null, null, 401]));
    assert!(requests[..3].iter().all(|r| r["credential"].as_str().is_some_and(|print| print.len() == 12)));
    let text = json!(requests).to_string();
    assert!(!text.contains(stranger));
    let secrets = ["api_key", "auth_token", "api_key_sid", "api_key_secret"];
    for (name, value) in test_keys().into_iter().flat_map(|key| key.fields) {
        assert!(!secrets.contains(&name) || !text.contains(&value), "{name}");
    }
    client.control(Method::DELETE, "/journal", Value::Null).await;
    assert!(journal(&client).await.is_empty());
}

#[tokio::test]
async fn the_list_of_keys_has_values_and_situations() {
    let keys = Client::new().control(Method::GET, "/keys", Value::Null).await;
    assert_eq!(keys["items"].as_array().map(Vec::len), Some(ENTRIES.len()));
    let first = &keys["items"][0];
    assert_eq!((&first["id"], &first["situation"]), (&json!("plenty"), &json!("plenty")));
    assert_eq!(first["fields"]["api_key"], field(&ProviderId::SERPAPI, "plenty", "api_key"));
}

/// What a client that sends one request gets within `wait`; none when the connection stays open and silent.
async fn over_tcp(path: &str, fault: Option<Value>, wait: Duration) -> Option<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, stop.clone()));
    let ask = async |text: String| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A connection that is reset has told what it had to tell.
        let read = timeout(wait, stream.read_to_end(&mut answer)).await;
        read.is_ok().then(|| String::from_utf8_lossy(&answer).into_owned())
    };
    if let Some(fault) = fault {
        let body = json!({ "provider": "serpapi", "fault": fault }).to_string();
        let head = "POST /_control/faults HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json";
        let ordered = ask(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
        assert!(ordered.is_some_and(|answer| answer.starts_with("HTTP/1.1 201")));
    }
    let answer = ask(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).await;
    stop.cancel();
    timeout(Duration::from_secs(5), server).await.unwrap().unwrap().unwrap();
    answer
}

fn account_path(id: &str) -> String {
    format!("/serpapi/account.json?api_key={}", field(&ProviderId::SERPAPI, id, "api_key"))
}

const SOON: Duration = Duration::from_millis(300);
const LATE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_hang_up_sends_nothing() {
    assert_eq!(over_tcp(&account_path("hangs_up"), None, LATE).await.as_deref(), Some(""));
    let ordered = over_tcp(&account_path("plenty"), Some(json!({ "kind": "hang_up" })), LATE).await;
    assert_eq!(ordered.as_deref(), Some(""));
}

#[tokio::test]
async fn a_hang_up_half_way_sends_the_first_bytes_and_no_end() {
    let fault = json!({ "kind": "hang_up", "after_bytes": 12 });
    let cut = over_tcp(&account_path("plenty"), Some(fault), LATE).await.unwrap();
    assert!(cut.starts_with("HTTP/1.1 200") && cut.contains("account"), "{cut}");
    assert!(!cut.contains("this_month_usage") && !cut.ends_with("0\r\n\r\n"), "{cut}");
}

#[tokio::test]
async fn no_answer_is_no_answer_and_the_server_still_stops() {
    assert_eq!(over_tcp(&account_path("never_answers"), None, SOON).await, None);
    let ordered = over_tcp(&account_path("plenty"), Some(json!({ "kind": "never_answers" })), SOON).await;
    assert_eq!(ordered, None);
    let stalled = json!({ "kind": "stall", "after_bytes": 12 });
    assert_eq!(over_tcp(&account_path("plenty"), Some(stalled), SOON).await, None);
}

#[tokio::test]
async fn a_listener_open_to_others_is_refused() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(listener, CancellationToken::new()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
}
