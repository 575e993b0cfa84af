//! What Twilio reports of calls, and what others pretend to report.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use keyward::model::time::Timestamp;
use serde_json::{Value, json};
use sha1::Sha1;

use crate::{
    calls::{CALLS, Reported, order, ringing, with_key},
    support::{Answer, App, both},
};

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

fn path(address: &str, about: &str) -> String {
    format!("/webhooks/twilio/calls/{}/{about}", address.rsplit('/').next().unwrap())
}

both! {
    // A.63
    async fn what_is_not_signed_for_this_call_is_refused(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        let (address, call) = ringing(&it, &mut client).await;
        let known = Known::of(&call, "full");
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
        let (address, call) = ringing(&it, &mut client).await;
        let known = Known::of(&call, "full");
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

    async fn how_long_a_call_lasted_says_when_it_was_answered(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        let (address, call) = ringing(&it, &mut client).await;
        let known = Known::of(&call, "full");
        let status = path(&address, "status");
        let url = format!("{}{status}", it.origin);
        app.clock.advance(Duration::from_secs(60));
        let mut params = known.status("completed", "3");
        params.push(("CallDuration", "40"));
        send(app, &status, &[&sign(&known.token, &url, &params)], FORM, &body(&params)).await.expect(204);
        let call = client.get(&address).await.json();
        assert_eq!((&call["state"], &call["seconds"]), (&json!("completed"), &json!(40)));
        let at = |name: &str| serde_json::from_value::<Timestamp>(call[name].clone()).unwrap();
        assert_eq!(at("ended_at").since(at("answered_at")), Duration::from_secs(40));

        // Its recordings may follow for an hour, and so long the copy stays that verifies them, whatever is replaced.
        let versions = "SELECT COUNT(*) FROM webhook_secrets";
        let fields = json!({"credentials": App::test_key("twilio", "full")});
        for _ in 0..2 {
            client.put("/api/user-api-keys/twilio", &fields).await.expect(200);
            assert_eq!(app.sql.number(versions).await, 2);
        }
        app.clock.advance(Duration::from_secs(3_700));
        client.put("/api/user-api-keys/twilio", &fields).await.expect(200);
        assert_eq!(app.sql.number(versions).await, 1);
    }

    async fn a_replaced_token_verifies_while_its_calls_live(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        let (address, call) = ringing(&it, &mut client).await;
        let known = Known::of(&call, "full");
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
}
