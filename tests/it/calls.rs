//! Calling Operations through the front door: placed, followed, ended, priced, reported on.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;
use tokio::net::TcpListener;

use crate::support::{Answer, App, Client, Engine, both};

pub const CALLS: &str = "/api/services/calling/calls";
/// The number of every simulated account that has one.
pub const FROM: &str = "+12025550142";

/// An installation that Twilio can report to.
struct Reported {
    app: App,
    origin: String,
}

impl Reported {
    async fn start(engine: Engine) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let app = App::start_with(engine, &[("PUBLIC_URL", &origin)]).await;
        app.serve(listener);
        Self { app, origin }
    }
}

async fn with_key(app: &App, name: &str, key: &str) -> Client {
    let mut client = app.user(name).await;
    let body = json!({"provider": "twilio", "credentials": App::test_key("twilio", key)});
    client.post("/api/user-api-keys/store", &body).await.expect(201);
    client
}

fn order(to: &str) -> Value {
    json!({"to": to, "from": FROM, "message": "Your order is ready. Bye & <thanks>."})
}

async fn place(client: &mut Client, to: &str) -> String {
    let placed = client.post(CALLS, &order(to)).await.expect(201);
    assert_eq!(placed.json()["state"], "queued");
    placed.location().to_owned()
}

/// Reads the call until it is as wanted. The installation's clock goes on meanwhile, so that what is due is done.
async fn until(app: &App, client: &mut Client, address: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut call = Value::Null;
    for _ in 0..900 {
        call = client.get(address).await.expect(200).json();
        if wanted(&call) {
            return call;
        }
        app.clock.advance(Duration::from_millis(200));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{call}");
}

fn is_over(call: &Value) -> bool {
    !call["ended_at"].is_null()
}

/// The orders for a call that arrived at the simulator.
async fn orders(app: &App) -> usize {
    let journal = app.control("GET", "/journal", None).await;
    let requests = journal["items"].as_array().unwrap().iter();
    requests
        .filter(|request| {
            request["method"] == "POST" && request["path"].as_str().unwrap().ends_with("/Calls.json")
        })
        .count()
}

async fn fault(app: &App, path: &str, fault: Value) {
    let order = json!({"provider": "twilio", "path": path, "fault": fault});
    app.control("POST", "/faults", Some(order)).await;
}

async fn callback_fault(app: &App, order: Value) {
    app.control("POST", "/twilio/callback_faults", Some(order)).await;
}

/// `X-Twilio-Signature`, made here once more.
fn sign(token: &str, url: &str, params: &[(&str, &str)]) -> String {
    let mut sorted = params.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

async fn send(app: &App, path: &str, signatures: &[&str], kind: &str, body: &str) -> Answer {
    let mut headers = vec![("content-type", kind)];
    headers.extend(signatures.iter().map(|signature| ("x-twilio-signature", *signature)));
    app.visitor().send("POST", path, &headers, body.as_bytes().to_vec()).await
}

const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";

fn body(params: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

/// The call's name at Twilio and the account's, and what signs for them.
struct Known {
    sid: String,
    account: String,
    token: String,
}

impl Known {
    fn of(call: &Value, key: &str) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let fields = App::test_key("twilio", key);
        Self {
            sid: text(&call["sid"]),
            account: text(&fields["account_sid"]),
            token: text(&fields["auth_token"]),
        }
    }

    fn status<'a>(&'a self, status: &'a str, sequence: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("AccountSid", &self.account),
            ("CallSid", &self.sid),
            ("CallStatus", status),
            ("SequenceNumber", sequence),
            ("CallbackSource", "call-progress-events"),
        ]
    }
}

/// A call that rings and rings, of which no report arrives but those that the test sends.
async fn ringing(it: &Reported, client: &mut Client) -> (String, Known) {
    let app = &it.app;
    callback_fault(app, json!({"times": 10_000, "fault": {"kind": "lost"}})).await;
    let number = "+12125550177";
    app.control("PUT", &format!("/twilio/callees/{number}"), Some(json!({"rings": 50.0}))).await;
    let pace = json!({"second_ms": 1_000, "webhook_timeout_ms": 15_000, "price_after": 1.0});
    app.control("PUT", "/twilio/pace", Some(pace)).await;
    let address = place(client, number).await;
    let call = until(app, client, &address, |call| !call["sid"].is_null()).await;
    (address, Known::of(&call, "full"))
}

fn path(address: &str, about: &str) -> String {
    format!("/webhooks/twilio/calls/{}/{about}", address.rsplit('/').next().unwrap())
}

both! {
    async fn a_call_is_placed_followed_by_reports_and_priced(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        let account = client.get("/api/services/calling/account").await.expect(200).json();
        assert_eq!((&account["balance"], &account["currency"]), (&json!("48.20"), &json!("USD")));
        assert_eq!((&account["trial"], &account["reports"]), (&json!(false), &json!(true)));
        assert_eq!((&account["numbers"][0]["number"], &account["numbers"][0]["voice"]), (&json!(FROM), &json!(true)));

        let mut body = order("(212) 555-0188");
        body["country"] = json!("US");
        body["record"] = json!(true);
        let placed = client.post(CALLS, &body).await.expect(201);
        let address = placed.location().to_owned();
        assert_eq!(placed.json()["request"]["to"], "+12125550188");
        let call = until(app, &mut client, &address, |call| {
            !call["price"].is_null() && !call["recordings"].as_array().unwrap().is_empty()
        }).await;
        assert_eq!((&call["state"], &call["notice"], &call["price_unit"]), (&json!("completed"), &Value::Null, &json!("USD")));
        assert_eq!(call["price"], "0.01400");
        assert!(call["seconds"].as_i64().unwrap() > 0 && !call["answered_at"].is_null());
        let heard: Vec<_> = call["events"].as_array().unwrap().iter()
            .filter(|event| event["source"] == "report")
            .map(|event| event["state"].as_str().unwrap()).collect();
        assert_eq!(heard, ["initiated", "ringing", "in_progress", "completed"]);
        assert!(call["recordings"][0]["sid"].as_str().unwrap().starts_with("RE"));

        // What was said is the message, as a text.
        let journal = app.control("GET", &format!("/twilio/calls/{}", call["sid"].as_str().unwrap()), None).await;
        let said = journal["journal"].as_array().unwrap().iter().find(|entry| entry["does"] == "say").unwrap();
        assert_eq!(said["text"], "Your order is ready. Bye & <thanks>.");
        assert_eq!(orders(app).await, 1);
        let used = "SELECT COUNT(*) FROM usage_events WHERE service = 'calling' AND operation = 'create_call' AND outcome = 'done'";
        assert_eq!(app.sql.number(used).await, 1);

        // The sound is Twilio's, under an address that works for a while.
        let links = client.get(&format!("{address}/recordings")).await.expect(200).json();
        let url = links["items"][0]["url"].as_str().unwrap().to_owned();
        let sound = app.visitor().get(&url).await.expect(200);
        assert_eq!(sound.headers["content-type"], "audio/x-wav");
        assert!(sound.text.starts_with("RIFF"), "{}", &sound.text[..20]);
        let forged = url.replace(".RE", ".RA");
        app.visitor().get(&forged).await.problem(404, "not-found");
        app.clock.advance(Duration::from_secs(301));
        app.visitor().get(&url).await.problem(404, "not-found");
        let links = client.get(&format!("{address}/recordings")).await.expect(200).json();
        let url = links["items"][0]["url"].as_str().unwrap().to_owned();
        client.delete("/api/user-api-keys/twilio").await.expect(204);
        app.visitor().get(&url).await.problem(403, "missing-api-keys");
        client.get(&format!("{address}/recordings")).await.problem(403, "missing-api-keys");
        client.delete(&address).await.expect(204);
        client.get(&address).await.problem(404, "not-found");
    }

    async fn without_reports_keyward_asks(app: App) {
        let mut client = with_key(&app, "ana", "api_key").await;
        let account = client.get("/api/services/calling/account").await.expect(200).json();
        assert_eq!((&account["reports"], &account["trial"]), (&json!(false), &Value::Null));
        let address = place(&mut client, "+12125550188").await;
        let call = until(&app, &mut client, &address, |call| !call["price"].is_null()).await;
        assert_eq!((&call["state"], &call["price"]), (&json!("completed"), &json!("0.01400")));
        let job = "SELECT COUNT(*) FROM jobs WHERE state = 'done'";
        for _ in 0..200 {
            if app.sql.number(job).await == 1 {
                break;
            }
            app.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(app.sql.number(job).await, 1);
    }

    async fn calls_that_nobody_takes_end_so(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        for (to, state) in [("+15005550010", "busy"), ("+15005550011", "no_answer"), ("+15005550012", "failed")] {
            let address = place(&mut client, to).await;
            let call = until(&app, &mut client, &address, is_over).await;
            assert_eq!((&call["state"], &call["price"]), (&json!(state), &Value::Null), "{to}");
        }
        for (to, notice) in [
            ("+15005550001", "number_refused"),
            ("+15005550002", "number_refused"),
            ("+15005550003", "country_refused"),
        ] {
            let address = place(&mut client, to).await;
            let call = until(&app, &mut client, &address, is_over).await;
            assert_eq!((&call["state"], &call["notice"]), (&json!("not_placed"), &json!(notice)), "{to}");
        }
        let mut body = order("+12125550188");
        body["from"] = json!("+12125550199");
        let placed = client.post(CALLS, &body).await.expect(201);
        let call = until(&app, &mut client, &placed.location().to_owned(), is_over).await;
        assert_eq!(call["notice"], "caller_refused");

        let mut trial = with_key(&app, "ben", "trial").await;
        assert_eq!(trial.get("/api/services/calling/account").await.expect(200).json()["trial"], true);
        let address = place(&mut trial, "+12125550100").await;
        let call = until(&app, &mut trial, &address, is_over).await;
        assert_eq!((&call["state"], &call["notice"]), (&json!("not_placed"), &json!("not_verified")));
        trial.get(CALLS).await.expect(200);
        // One list each.
        assert_eq!(trial.get(CALLS).await.json()["items"].as_array().unwrap().len(), 1);
    }

    async fn what_is_sent_is_checked_at_once(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        let wrong = json!({"to": "030 901820", "from": "front desk", "message": " ", "language": "xx", "country": ""});
        let problem = client.post(CALLS, &wrong).await.problem(422, "invalid-input");
        let fields: Vec<_> = problem["errors"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, ["from", "language", "message", "to"]);
        assert!(problem["errors"]["to"].to_string().contains("no_country"), "{problem}");
        client.get(&format!("{CALLS}?group=all")).await.problem(422, "invalid-input");
        client.get(&format!("{CALLS}?since=yesterday")).await.problem(422, "invalid-input");
        assert_eq!(orders(&app).await, 0);
    }

    async fn the_history_is_filtered_and_has_pages(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        for n in 0..23 {
            app.clock.advance(Duration::from_millis(10));
            place(&mut client, &format!("+121255501{n:02}")).await;
        }
        let first = client.get(CALLS).await.expect(200).json();
        assert_eq!(first["items"].as_array().unwrap().len(), 20);
        assert_eq!(first["items"][0]["request"]["to"], "+12125550122");
        let next = first["next"].as_str().unwrap();
        let second = client.get(&format!("{CALLS}?cursor={next}")).await.expect(200).json();
        let rest: Vec<_> = second["items"].as_array().unwrap().iter().map(|call| call["request"]["to"].clone()).collect();
        assert_eq!((rest, &second["next"]), (vec![json!("+12125550102"), json!("+12125550101"), json!("+12125550100")], &Value::Null));
        let found = client.get(&format!("{CALLS}?number=555-0107")).await.expect(200).json();
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
        let found = client.get(&format!("{CALLS}?number=%25")).await.expect(200).json();
        assert_eq!(found["items"].as_array().unwrap().len(), 20);
        let third = first["items"][19]["created_at"].as_str().unwrap().to_owned();
        let older = client.get(&format!("{CALLS}?until={third}")).await.expect(200).json();
        assert_eq!(older["items"].as_array().unwrap().len(), 3);
        let newer = client.get(&format!("{CALLS}?since={third}")).await.expect(200).json();
        assert_eq!(newer["items"].as_array().unwrap().len(), 20);
        let mut other = app.user("ben").await;
        assert_eq!(other.get(CALLS).await.expect(200).json()["items"], json!([]));
        let failed = client.get(&format!("{CALLS}?group=failed")).await.expect(200).json();
        assert_eq!(failed["items"], json!([]));
    }

    async fn a_call_is_ended_before_and_while_it_lasts(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        let (address, _) = ringing(&it, &mut client).await;
        // Two at a time are placed; this one, between the same numbers, waits for nobody.
        let ended = client.post(&format!("{address}/hang-up"), &json!({})).await.expect(200).json();
        assert_eq!(ended["hanging_up"], true);
        let call = until(app, &mut client, &address, is_over).await;
        assert!(["canceled", "completed"].contains(&call["state"].as_str().unwrap()), "{call}");
        let again = client.post(&format!("{address}/hang-up"), &json!({})).await.expect(200).json();
        assert_eq!(again["state"], call["state"]);

        // One that waits takes no key.
        app.worker.drain(&tokio_util::sync::CancellationToken::new()).await;
        let address = place(&mut client, "+12125550111").await;
        client.delete(&address).await.problem(409, "conflict");
        client.delete("/api/user-api-keys/twilio").await.expect(204);
        let ended = client.post(&format!("{address}/hang-up"), &json!({})).await.expect(200).json();
        assert_eq!((&ended["state"], &ended["hanging_up"]), (&json!("canceled"), &json!(false)));
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM jobs WHERE state = 'cancelled'").await, 1);
    }

    async fn without_the_key_the_history_stays_and_nothing_is_spent(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        let address = place(&mut client, "+12125550188").await;
        until(&app, &mut client, &address, |call| !call["sid"].is_null()).await;
        client.delete("/api/user-api-keys/twilio").await.expect(204);
        assert_eq!(client.get(CALLS).await.expect(200).json()["items"].as_array().unwrap().len(), 1);
        client.get("/api/services/calling/account").await.problem(403, "missing-api-keys");
        client.post(CALLS, &order("+12125550189")).await.problem(403, "missing-api-keys");
        let call = until(&app, &mut client, &address, is_over).await;
        if call["state"] == "unknown" {
            assert_eq!(call["notice"], "key_gone");
        }
        client.delete(&address).await.expect(204);
        assert_eq!(orders(&app).await, 1);
    }

    // A.63
    async fn what_is_not_signed_for_this_call_is_refused(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        let (address, known) = ringing(&it, &mut client).await;
        let status = path(&address, "status");
        let url = format!("{}{status}", it.origin);
        let params = known.status("in-progress", "2");
        let right = sign(&known.token, &url, &params);
        let before = client.get(&address).await.json();
        let refuse = |answer: Answer| { answer.problem(401, "unauthenticated"); };

        let other = App::test_key("twilio", "trial")["auth_token"].as_str().unwrap().to_owned();
        refuse(send(app, &status, &[], FORM, &body(&params)).await);
        refuse(send(app, &status, &[&right, &right], FORM, &body(&params)).await);
        refuse(send(app, &status, &["", &right], FORM, &body(&params)).await);
        refuse(send(app, &status, &[&sign(&other, &url, &params)], FORM, &body(&params)).await);
        refuse(send(app, &status, &[&sign("", &url, &params)], FORM, &body(&params)).await);
        refuse(send(app, &status, &[&sign(&known.token, &format!("https://evil.example{status}"), &params)], FORM, &body(&params)).await);
        refuse(send(app, &status, &[&sign(&known.token, &format!("{url}?a=b"), &params)], FORM, &body(&params)).await);
        for at in 0..params.len() {
            let mut fewer = params.clone();
            fewer.remove(at);
            refuse(send(app, &status, &[&right], FORM, &body(&fewer)).await);
        }
        let mut more = params.clone();
        more.push(("CallDuration", "7"));
        refuse(send(app, &status, &[&right], FORM, &body(&more)).await);
        let mut bits = STANDARD.decode(&right).unwrap();
        bits[7] ^= 1;
        refuse(send(app, &status, &[&STANDARD.encode(&bits)], FORM, &body(&params)).await);
        // JSON has no parameters, so the signature covers nothing of it.
        let empty = sign(&known.token, &url, &[]);
        refuse(send(app, &status, &[&empty], "application/json", &json!({"CallStatus": "completed"}).to_string()).await);
        refuse(send(app, &status, &[&empty], "text/plain", &body(&params)).await);
        // The right signature, for another address: another call, and the other kind of report.
        let mut ben = with_key(app, "ben", "trial").await;
        let bens = ben.post(CALLS, &order("+12125550100")).await.expect(201).location().to_owned();
        refuse(send(app, &path(&bens, "status"), &[&right], FORM, &body(&params)).await);
        let recording = path(&address, "recording");
        refuse(send(app, &recording, &[&right], FORM, &body(&params)).await);
        refuse(send(app, &path("/0190b3d1-7b7a-7cc1-8c1e-6c2b6f0a0001", "status"), &[&right], FORM, &body(&params)).await);
        send(app, "/webhooks/twilio/calls/1/status", &[&right], FORM, &body(&params)).await.problem(404, "not-found");
        // The right token, and another call or account in what it signs.
        let mut foreign = known.status("in-progress", "2");
        foreign[1] = ("CallSid", "CA0123456789abcdef0123456789abcdef");
        refuse(send(app, &status, &[&sign(&known.token, &url, &foreign)], FORM, &body(&foreign)).await);
        foreign = known.status("in-progress", "2");
        foreign[0] = ("AccountSid", "AC0123456789abcdef0123456789abcdef");
        refuse(send(app, &status, &[&sign(&known.token, &url, &foreign)], FORM, &body(&foreign)).await);
        assert_eq!(client.get(&address).await.json()["events"], before["events"]);

        send(app, &status, &[&right], FORM, &body(&params)).await.expect(204);
        let mut turned = params.clone();
        turned.reverse();
        send(app, &status, &[&right], FORM, &body(&turned)).await.expect(204);
        assert_eq!(client.get(&address).await.json()["state"], "in_progress");
        // A port that the scheme implies, or words of a later version, are no reason to refuse.
        let news = known.status("transferred", "3");
        send(app, &status, &[&sign(&known.token, &url, &news)], FORM, &body(&news)).await.expect(204);
        assert_eq!(client.get(&address).await.json()["state"], "in_progress");
    }

    // A.64
    async fn a_report_counts_once_and_a_call_never_goes_back(it: Reported) {
        let app = &it.app;
        let node = app.second_node().await;
        let mut client = with_key(app, "ana", "full").await;
        let (address, known) = ringing(&it, &mut client).await;
        let status = path(&address, "status");
        let url = format!("{}{status}", it.origin);
        let told = |word: &'static str, sequence: &'static str| {
            let params = known.status(word, sequence);
            (sign(&known.token, &url, &params), body(&params))
        };
        // Last first.
        let mut over = known.status("completed", "3");
        over.push(("CallDuration", "42"));
        let (signature, text) = (sign(&known.token, &url, &over), body(&over));
        let copies = (0..100).map(|n| {
            let (app, status, signature, text) = (if n % 2 == 0 { app } else { &node }, &status, &signature, &text);
            async move { send(app, status, &[signature], FORM, text).await.status.as_u16() }
        });
        let answers = futures::future::join_all(copies).await;
        assert!(answers.iter().all(|status| *status == 204), "{answers:?}");
        let call = client.get(&address).await.json();
        assert_eq!((&call["state"], &call["seconds"]), (&json!("completed"), &json!(42)));
        for (word, sequence) in [("ringing", "1"), ("in-progress", "2"), ("initiated", "0"), ("busy", "4")] {
            let (signature, text) = told(word, sequence);
            send(app, &status, &[&signature], FORM, &text).await.expect(204);
            let now = client.get(&address).await.json();
            assert_eq!((&now["state"], &now["seconds"], &now["ended_at"]), (&call["state"], &call["seconds"], &call["ended_at"]));
        }
        let once = "SELECT COUNT(*) FROM call_events WHERE source = 'report' AND word = 'completed'";
        assert_eq!(app.sql.number(once).await, 1);
        let about = path(&address, "recording");
        let url = format!("{}{about}", it.origin);
        let recorded = [
            ("AccountSid", known.account.as_str()), ("CallSid", &known.sid), ("RecordingStatus", "completed"),
            ("RecordingSid", "RE0123456789abcdef0123456789abcdef"), ("RecordingDuration", "40"),
        ];
        for _ in 0..3 {
            send(app, &about, &[&sign(&known.token, &url, &recorded)], FORM, &body(&recorded)).await.expect(204);
        }
        let call = client.get(&address).await.json();
        assert_eq!(call["recordings"], json!([{"sid": "RE0123456789abcdef0123456789abcdef", "seconds": 40}]));
    }

    async fn a_replaced_token_verifies_while_its_calls_live(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        let (address, known) = ringing(&it, &mut client).await;
        let fields = json!({"credentials": App::test_key("twilio", "full")});
        client.put("/api/user-api-keys/twilio", &fields).await.expect(200);
        let versions = "SELECT COUNT(*) FROM webhook_secrets";
        assert_eq!(app.sql.number(versions).await, 2);
        // Only the old one is left to verify with.
        app.sql.execute("DELETE FROM webhook_secrets WHERE version = 2").await;
        let status = path(&address, "status");
        let url = format!("{}{status}", it.origin);
        let params = known.status("in-progress", "2");
        send(app, &status, &[&sign(&known.token, &url, &params)], FORM, &body(&params)).await.expect(204);
        let params = known.status("completed", "3");
        send(app, &status, &[&sign(&known.token, &url, &params)], FORM, &body(&params)).await.expect(204);
        // An hour after its end nobody needs it any more.
        let forget = || app.state.store.forget_webhook_secrets(app.now());
        assert_eq!(forget().await.unwrap(), 0);
        app.clock.advance(Duration::from_secs(3_700));
        assert_eq!(forget().await.unwrap(), 1);
        let params = known.status("in-progress", "9");
        let late = send(app, &status, &[&sign(&known.token, &url, &params)], FORM, &body(&params)).await;
        late.problem(401, "unauthenticated");
        // A key that is gone takes its copies along.
        client.put("/api/user-api-keys/twilio", &fields).await.expect(200);
        client.delete("/api/user-api-keys/twilio").await.expect(204);
        assert_eq!(app.sql.number(versions).await, 0);
    }

    async fn an_answer_that_is_lost_is_looked_for_and_not_asked_for_again(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        // Twilio has the call, and its answer breaks off.
        fault(&app, "/Calls.json", json!({"kind": "hang_up", "after_bytes": 9})).await;
        let address = place(&mut client, "+12125550188").await;
        let call = until(&app, &mut client, &address, is_over).await;
        assert_eq!(call["state"], "completed");
        assert_eq!(orders(&app).await, 1);

        // Twilio never got it: once it would have to be there, it is placed.
        fault(&app, "/Calls.json", json!({"kind": "hang_up"})).await;
        let address = place(&mut client, "+12125550187").await;
        let call = until(&app, &mut client, &address, is_over).await;
        assert_eq!(call["state"], "completed");
        // One broke off, one was carried out.
        assert_eq!(orders(&app).await, 3);

        // Refused as one too many at a time: surely not carried out, and tried again.
        fault(&app, "/Calls.json", json!({"kind": "too_many_requests"})).await;
        let address = place(&mut client, "+12125550186").await;
        let call = until(&app, &mut client, &address, is_over).await;
        assert_eq!((&call["state"], orders(&app).await), (&json!("completed"), 5));
    }

    async fn reports_tell_of_a_call_whose_answer_was_lost(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        fault(app, "/Calls.json", json!({"kind": "hang_up", "after_bytes": 9})).await;
        callback_fault(app, json!({"status": "ringing", "fault": {"kind": "forged"}})).await;
        callback_fault(app, json!({"status": "in-progress", "fault": {"kind": "duplicate"}})).await;
        let address = place(&mut client, "+12125550188").await;
        let call = until(app, &mut client, &address, is_over).await;
        let heard: Vec<_> = call["events"].as_array().unwrap().iter()
            .filter(|event| event["source"] == "report")
            .map(|event| event["state"].as_str().unwrap()).collect();
        assert_eq!(heard, ["initiated", "in_progress", "completed"]);
        assert_eq!((&call["state"], orders(app).await), (&json!("completed"), 1));
    }

    async fn several_that_may_be_the_call_leave_it_in_doubt(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        let address = place(&mut client, "+12125550188").await;
        until(&app, &mut client, &address, is_over).await;
        let address = place(&mut client, "+12125550188").await;
        until(&app, &mut client, &address, is_over).await;
        // As if those two had been made by another program.
        app.sql.execute("UPDATE calls SET sid = NULL").await;
        fault(&app, "/Calls.json", json!({"kind": "hang_up", "after_bytes": 9})).await;
        let address = place(&mut client, "+12125550188").await;
        let call = until(&app, &mut client, &address, is_over).await;
        assert_eq!((&call["state"], &call["notice"]), (&json!("unknown"), &json!("in_doubt")));
        assert_eq!(orders(&app).await, 3);
    }
}
