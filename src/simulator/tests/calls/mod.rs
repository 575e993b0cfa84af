//! Calls that are carried out, with a server that Twilio calls back.

mod faults;
mod life;
mod talk;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, StatusCode, Uri, header},
    response::IntoResponse as _,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Answer, Client, field, optional_field};
use crate::{
    model::ids::ProviderId,
    simulator::{credential::Params, twilio::signature::sign},
};

/// The number that every account calls from.
const FROM: &str = "+12025550142";
/// A number whose owner answers.
const TO: &str = "+14155550123";

/// A request that Twilio made.
#[derive(Clone, Debug)]
struct Heard {
    method: Method,
    /// The address as it was asked for.
    url: String,
    path: String,
    headers: HeaderMap,
    body: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Heard {
    /// The value of a parameter, wherever it was sent.
    fn get(&self, name: &str) -> Option<&str> {
        let all = self.body.iter().chain(&self.query);
        all.into_iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the account of the test key `key` signed it.
    fn is_signed_by(&self, key: &str) -> bool {
        let token = field(&ProviderId::TWILIO, key, "auth_token");
        let signature = self.headers.get("x-twilio-signature").and_then(|value| value.to_str().ok());
        signature == Some(sign(&token, &self.url, &self.body).as_str())
    }
}

/// What the server answers: status, content type, body, and how long it takes.
#[derive(Clone)]
struct Reply(u16, &'static str, String, Duration);

impl Reply {
    fn twiml(inside: &str) -> Self {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{inside}</Response>");
        Self(200, "text/xml", text, Duration::ZERO)
    }

    fn status(status: u16) -> Self {
        Self(status, "text/plain", "no".to_owned(), Duration::ZERO)
    }
}

/// A server that Twilio calls back, in place of Keyward.
#[derive(Clone)]
struct Server {
    base: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    replies: Arc<Mutex<HashMap<String, Reply>>>,
}

impl Server {
    /// A server that answers at some paths; elsewhere 204.
    async fn new(replies: &[(&str, Reply)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            heard: Arc::default(),
            replies: Arc::default(),
        };
        for (path, reply) in replies {
            server.replies.lock().unwrap().insert((*path).to_owned(), reply.clone());
        }
        let own = server.clone();
        let router =
            Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                let own = own.clone();
                async move {
                    let pairs = |params: Params| {
                        params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
                    };
                    own.heard.lock().unwrap().push(Heard {
                        method,
                        url: format!("{}{uri}", own.base),
                        path: uri.path().to_owned(),
                        headers,
                        body: pairs(Params::form(&body)),
                        query: pairs(Params::of(&uri)),
                    });
                    let reply = own.replies.lock().unwrap().get(uri.path()).cloned();
                    let Some(Reply(status, kind, text, wait)) = reply else {
                        return StatusCode::NO_CONTENT.into_response();
                    };
                    tokio::time::sleep(wait).await;
                    (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, kind)], text)
                        .into_response()
                }
            });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// What was asked for at `path` so far.
    fn at(&self, path: &str) -> Vec<Heard> {
        self.heard.lock().unwrap().iter().filter(|heard| heard.path == path).cloned().collect()
    }

    /// What was asked for at `path`, once it is `count` requests.
    async fn heard(&self, path: &str, count: usize) -> Vec<Heard> {
        until(|| async { Some(self.at(path)).filter(|heard| heard.len() >= count) }).await
    }
}

/// What `ask` answers, once it does.
async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..1_000 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still nothing after ten seconds");
}

/// A simulator whose seconds take five milliseconds.
async fn quick() -> Client {
    let client = Client::new();
    pace(&client, json!({ "second_ms": 5, "price_after": 5 })).await;
    client
}

async fn pace(client: &Client, pace: Value) {
    assert_eq!(client.order("PUT", "/twilio/pace", pace).await.status, StatusCode::NO_CONTENT);
}

/// Says what whoever answers at `number` does.
async fn script(client: &Client, number: &str, callee: Value) {
    let path = format!("/twilio/callees/{number}");
    assert_eq!(client.order("PUT", &path, callee).await.status, StatusCode::NO_CONTENT);
}

impl Client {
    async fn order(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = Request::builder().method(method).uri(format!("/_control{path}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A call below the account of the test key `key`, with a form.
    async fn twilio_form(&self, key: &str, method: &str, rest: &str, form: &[(&str, &str)]) -> Answer {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let value = |name: &str| optional_field(&ProviderId::TWILIO, key, name);
        let sid = value("account_sid").unwrap();
        let user = value("api_key_sid").unwrap_or_else(|| sid.clone());
        let password = value("api_key_secret").or_else(|| value("auth_token")).unwrap();
        let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::builder()
            .method(method)
            .uri(format!("/twilio/2010-04-01/Accounts/{sid}{rest}"))
            .header(header::HOST, "127.0.0.1:4010")
            .header(header::AUTHORIZATION, basic)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// A new call of the account `full`, with what is not said otherwise.
    async fn call(&self, form: &[(&str, &str)]) -> String {
        let mut whole = form.to_vec();
        for (name, usual) in [("To", TO), ("From", FROM)] {
            if !form.iter().any(|(known, _)| *known == name) {
                whole.push((name, usual));
            }
        }
        let made = self.twilio_form("full", "POST", "/Calls.json", &whole).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        assert_eq!((&made.json["status"], &made.json["price"]), (&json!("queued"), &Value::Null));
        made.json["sid"].as_str().unwrap().to_owned()
    }

    /// The call, once `is` what is waited for.
    async fn call_when(&self, sid: &str, is: impl Fn(&Value) -> bool) -> Value {
        until(|| async {
            let call = self.twilio("full", &format!("/Calls/{sid}.json")).await;
            assert_eq!(call.status, StatusCode::OK, "{}", call.text);
            Some(call.json).filter(|call| is(call))
        })
        .await
    }

    /// The call, once it is over.
    async fn ended(&self, sid: &str) -> Value {
        self.call_when(sid, |call| !call["end_time"].is_null()).await
    }

    /// The call, once it was answered.
    async fn answered(&self, sid: &str) {
        self.call_when(sid, |call| call["status"] == "in-progress").await;
    }

    /// What happened in the call, but for the times.
    async fn journal(&self, sid: &str) -> Vec<Value> {
        let call = self.order("GET", &format!("/twilio/calls/{sid}"), Value::Null).await.json;
        let mut entries = call["journal"].as_array().unwrap().clone();
        for entry in &mut entries {
            assert!(entry.as_object_mut().unwrap().remove("second").is_some_and(|second| second.is_f64()));
        }
        entries
    }

    /// The codes of what was wrong with the call, oldest first.
    async fn codes(&self, sid: &str) -> Vec<String> {
        let found = self.twilio("full", &format!("/Calls/{sid}/Notifications.json")).await.json;
        let all = found["notifications"].as_array().unwrap().iter().rev();
        all.map(|one| one["error_code"].as_str().unwrap().to_owned()).collect()
    }
}
