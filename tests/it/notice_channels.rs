//! Where users are told besides the pages: real receivers on loopback, which the operator has named.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use standardwebhooks::Webhook;

use keyward::clock::{Clock, SystemClock};

use crate::support::{App, Client, DAY, Engine, HOUR, MINUTE, MailServer, NEVER, Received, Receiver, both};

pub(crate) const CHANNELS: &str = "/api/notifications/channels";
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// An installation with somebody to send to, and with a user whose key works.
pub(crate) struct Told {
    pub(crate) app: App,
    pub(crate) receiver: Receiver,
    pub(crate) mail: MailServer,
}

impl Told {
    pub(crate) async fn start(engine: Engine) -> Self {
        let (receiver, mail) = (Receiver::start().await, MailServer::start().await);
        let smtp = format!("smtp://{}", mail.address);
        let settings = [
            ("KEYWARD_NOTIFY_ORIGINS", receiver.origin()),
            ("KEYWARD_SMTP_URL", smtp),
            ("KEYWARD_MAIL_FROM", "Keyward <keyward@example.org>".to_owned()),
        ];
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Self { app: App::start_with(engine, &settings).await, receiver, mail }
    }

    pub(crate) async fn ana(&self) -> Client {
        let mut ana = self.app.user("ana").await;
        for provider in ["serpapi", "elevenlabs"] {
            let body = json!({"provider": provider, "credentials": App::test_key(provider, "plenty")});
            ana.post("/api/user-api-keys/store", &body).await.expect(201);
        }
        ana
    }

    pub(crate) async fn add(&self, ana: &mut Client, kind: &str) -> Value {
        let address = format!("{}/{kind}/T0P-S3CRET-PATH", self.receiver.origin());
        ana.post(CHANNELS, &json!({"kind": kind, "address": address})).await.expect(201).json()
    }

    /// The provider's answer changes, somebody looks, and what is due is sent.
    pub(crate) async fn becomes(&self, ana: &mut Client, provider: &str, situation: &str) {
        let path = format!("/keys/{provider}/plenty");
        self.app.control("PUT", &path, Some(json!({"situation": situation}))).await;
        self.app.clock.advance(SECOND);
        ana.post("/api/user-api-keys/validate", &json!({"provider": provider})).await.expect(200);
    }

    /// Time passes, and what is due is sent; the words for programs of what arrived.
    pub(crate) async fn sent(&self, after: Duration) -> Vec<String> {
        self.app.clock.advance(after);
        self.app.messages.send_due().await;
        let word = |one: &Received| one.json()["type"].as_str().unwrap_or_default().to_owned();
        self.receiver.take().iter().map(word).collect()
    }
}

/// Whether one of the signatures is what the library makes of the message, whatever the time is.
fn is_signed_by(webhook: &Webhook, message: &Received) -> bool {
    let header = |name: &str| message.headers[name].to_str().unwrap();
    let time = header("webhook-timestamp").parse().unwrap();
    let own = webhook.sign(header("webhook-id"), time, &message.body).unwrap();
    header("webhook-signature").split(' ').any(|signature| signature == own)
}

pub(crate) fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

pub(crate) async fn log(ana: &mut Client, channel: &Value) -> Vec<Value> {
    let list = ana.get(&format!("{CHANNELS}/{}/messages", id(channel))).await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

pub(crate) async fn state(ana: &mut Client) -> String {
    let list = ana.get(CHANNELS).await.expect(200).json();
    list["items"][0]["state"].as_str().unwrap().to_owned()
}

both! {
    async fn a_webhook_is_signed_as_the_published_library_verifies(told: Told) {
        // The library compares with the time of this machine.
        told.app.clock.set(SystemClock.now());
        let mut ana = told.ana().await;
        let hook = told.add(&mut ana, "webhook").await;
        let secret = hook["secret"].as_str().unwrap();
        assert_eq!(hook["label"], told.receiver.address.to_string());
        // The address is shown nowhere again, nor is the secret, and neither stands in the database.
        for path in [CHANNELS, "/settings/notifications"] {
            let text = ana.get(path).await.expect(200).text;
            assert!(!text.contains("T0P-S3CRET") && !text.contains(secret), "{path}");
        }
        let sealed = told.app.sql.blobs("SELECT sealed FROM notice_channels").await.remove(0);
        assert!(sealed.windows(6).all(|part| part != b"S3CRET") && sealed.starts_with(&[0xB1, 0x4B, 1, 1, 5]));

        told.becomes(&mut ana, "serpapi", "invalid").await;
        told.app.messages.send_due().await;
        let received = told.receiver.take();
        let [message] = received.as_slice() else { panic!("{received:?}") };
        assert_eq!(message.path, "/webhook/T0P-S3CRET-PATH");
        let verifier = Webhook::new(secret).unwrap();
        verifier.verify(&message.body, &message.headers).unwrap();
        assert_eq!(message.headers["webhook-timestamp"], told.app.now().seconds().to_string());
        let mut forged = message.body.clone();
        forged[10] ^= 1;
        assert!(verifier.verify(&forged, &message.headers).is_err());
        let body = message.json();
        assert_eq!((&body["type"], &body["data"]["provider"]), (&json!("key.invalid"), &json!("serpapi")));
        assert_eq!(body["data"]["url"], "http://127.0.0.1:3000/settings/api-keys#card-serpapi");
        let entry = log(&mut ana, &hook).await.remove(0);
        assert_eq!(message.headers["webhook-id"], id(&entry));
        assert_eq!((&entry["state"], &entry["http_status"], &entry["kind"]), (&json!("sent"), &json!(204), &json!("key.invalid")));

        // Another secret: both sign for a day.
        let rotated = ana.post(&format!("{CHANNELS}/{}/rotate", id(&hook)), &json!({})).await.expect(200).json();
        let new = Webhook::new(rotated["secret"].as_str().unwrap()).unwrap();
        for (wait, old_counts) in [(HOUR, true), (DAY, false)] {
            told.app.clock.advance(wait);
            let mut ana = told.app.log_in("ana").await;
            ana.post(&format!("{CHANNELS}/{}/test", id(&hook)), &json!({})).await.expect(200);
            let message = told.receiver.take().remove(0);
            assert_eq!(message.json()["type"], "test");
            assert!(is_signed_by(&new, &message));
            assert_eq!(is_signed_by(&verifier, &message), old_counts);
        }
    }

    async fn what_comes_and_goes_is_told_when_it_settles(told: Told) {
        let mut ana = told.ana().await;
        told.add(&mut ana, "webhook").await;
        told.becomes(&mut ana, "serpapi", "invalid").await;
        assert_eq!(told.sent(SECOND).await, ["key.invalid"]);
        // Back and broken again before anything more was sent: what the receiver knows is right.
        told.becomes(&mut ana, "serpapi", "plenty").await;
        told.becomes(&mut ana, "serpapi", "invalid").await;
        assert_eq!(told.sent(HOUR).await, [""; 0]);
        told.becomes(&mut ana, "serpapi", "plenty").await;
        assert_eq!(told.sent(SECOND).await, ["key.invalid.resolved"]);
        // Once more, soon: not before ten minutes have passed since the last message.
        told.becomes(&mut ana, "serpapi", "invalid").await;
        assert_eq!(told.sent(MINUTE).await, [""; 0]);
        assert_eq!(told.sent(10 * MINUTE).await, ["key.invalid"]);
        // What makes room for something worse is over for programs.
        let mut ana = told.app.log_in("ana").await;
        told.app.clock.advance(10 * MINUTE);
        told.becomes(&mut ana, "serpapi", "exhausted").await;
        assert_eq!(told.sent(SECOND).await, ["key.invalid.resolved", "key.exhausted"]);
        // What is silenced is sent nowhere.
        ana.put("/api/notifications/rules", &json!({"on": []})).await.expect(200);
        told.becomes(&mut ana, "elevenlabs", "invalid").await;
        assert_eq!(told.sent(DAY).await, [""; 0]);
    }

    async fn a_receiver_that_fails_is_tried_again_and_given_up_after_days(told: Told) {
        let mut ana = told.ana().await;
        let hook = told.add(&mut ana, "webhook").await;
        told.receiver.answer(&[500, 503, 404]);
        told.becomes(&mut ana, "serpapi", "invalid").await;
        assert_eq!(told.sent(SECOND).await.len(), 1);
        assert_eq!(state(&mut ana).await, "failing");
        let entry = log(&mut ana, &hook).await.remove(0);
        assert_eq!((&entry["state"], &entry["fault"], &entry["http_status"]), (&json!("waiting"), &json!("refused"), &json!(500)));
        // The receiver asks for ten minutes, which is longer than the first two pauses.
        assert_eq!(told.sent(9 * MINUTE).await.len(), 0);
        assert_eq!(told.sent(MINUTE).await.len(), 1);
        assert_eq!(told.sent(11 * MINUTE).await.len(), 1);
        assert_eq!(told.sent(29 * MINUTE).await.len(), 0);
        let received_last = told.sent(2 * MINUTE).await;
        assert_eq!((received_last.len(), state(&mut ana).await.as_str()), (1, "active"));
        let entry = log(&mut ana, &hook).await.remove(0);
        assert_eq!((&entry["state"], &entry["attempts"]), (&json!("sent"), &json!(4)));

        // For good: ten attempts. Five days after the first of them the place is off, once another has had all of its own.
        told.becomes(&mut ana, "elevenlabs", "invalid").await;
        told.receiver.answer(&[500; 40]);
        let mut attempts = 0;
        for _ in 0..80 {
            attempts += told.sent(HOUR).await.len();
        }
        assert_eq!(attempts, 10);
        told.app.clock.advance(3 * DAY);
        let mut ana = told.app.log_in("ana").await;
        assert_eq!(state(&mut ana).await, "failing");
        told.becomes(&mut ana, "elevenlabs", "plenty").await;
        assert_eq!(told.sent(SECOND).await.len(), 1);
        assert_eq!(state(&mut ana).await, "failing", "one attempt says little");
        let given_up = "Nothing of this is sent to";
        assert!(!ana.get("/notifications").await.expect(200).text.contains(given_up));
        let mut events = ana.events("", &[]).await;
        let hello = events.next().await.unwrap().id.unwrap();
        for _ in 0..80 {
            told.sent(HOUR).await;
        }
        events.expect(hello + 1, "notices", "").await;
        let mut ana = told.app.log_in("ana").await;
        assert_eq!(state(&mut ana).await, "off");
        assert_eq!(log(&mut ana, &hook).await[0]["state"], "failed");
        assert!(ana.get("/notifications").await.expect(200).text.contains(given_up));
        told.becomes(&mut ana, "serpapi", "plenty").await;
        assert_eq!(told.sent(DAY).await.len(), 0);
        let mut ana = told.app.log_in("ana").await;
        ana.post(&format!("{CHANNELS}/{}/enable", id(&hook)), &json!({})).await.expect(200);
        assert_eq!(state(&mut ana).await, "active");
        // One that wants nothing more is off at once.
        told.receiver.answer(&[410]);
        told.becomes(&mut ana, "serpapi", "invalid").await;
        assert_eq!(told.sent(SECOND).await.len(), 1);
        assert_eq!(state(&mut ana).await, "off");
    }

    async fn a_receiver_that_redirects_is_silent_or_lies_inside_harms_nothing(told: Told) {
        let mut ana = told.ana().await;
        let hook = told.add(&mut ana, "webhook").await;
        let test = format!("{CHANNELS}/{}/test", id(&hook));
        told.receiver.answer(&[302]);
        let sent = ana.post(&test, &json!({})).await.expect(200).json();
        assert_eq!((&sent["state"], &sent["fault"], &sent["http_status"]), (&json!("failed"), &json!("redirected"), &json!(302)));
        let paths: Vec<_> = told.receiver.take().into_iter().map(|one| one.path).collect();
        assert_eq!(paths, ["/webhook/T0P-S3CRET-PATH"], "the redirect was followed");

        told.receiver.answer(&[NEVER]);
        let began = Instant::now();
        let sent = ana.post(&test, &json!({})).await.expect(200).json();
        assert_eq!(sent["fault"], "timed_out");
        assert!(began.elapsed() < Duration::from_secs(20));

        for inside in [
            "https://127.0.0.1/x",
            "http://127.0.0.1:1/x",
            "https://10.1.2.3/x",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/x",
            "https://db.internal/x",
            "http://hooks.example.com/x",
            "https://user:pw@hooks.example.com/x",
            "file:///etc/passwd",
        ] {
            let answer = ana.post(CHANNELS, &json!({"kind": "webhook", "address": inside})).await;
            assert_eq!(answer.problem(422, "invalid-input")["errors"]["address"]["code"], "not_a_receiver", "{inside}");
        }
        let foreign = json!({"kind": "slack", "address": "https://hooks.example.com/x"});
        ana.post(CHANNELS, &foreign).await.problem(422, "invalid-input");

        // What the operator names no more is sent nothing more.
        let Told { app, receiver, mail: _mail } = told;
        let app = app.restarted(&[("KEYWARD_NOTIFY_ORIGINS", "")]).await;
        let mut ana = app.log_in("ana").await;
        let sent = ana.post(&test, &json!({})).await.expect(200).json();
        assert_eq!((&sent["fault"], receiver.take().len()), (&json!("no_connection"), 1), "only the silent one");
    }

    async fn chats_are_told_together_in_their_own_form(told: Told) {
        let mut ana = told.ana().await;
        for kind in ["slack", "discord", "teams"] {
            assert_eq!(told.add(&mut ana, kind).await["secret"], Value::Null);
        }
        told.becomes(&mut ana, "serpapi", "invalid").await;
        told.becomes(&mut ana, "elevenlabs", "invalid").await;
        assert_eq!(told.sent(20 * SECOND).await.len(), 0);
        told.app.clock.advance(20 * SECOND);
        told.app.messages.send_due().await;
        let mut received = told.receiver.take();
        received.sort_by(|a, b| a.path.cmp(&b.path));
        let [discord, slack, teams] = received.as_slice() else { panic!("{received:?}") };
        assert_eq!(discord.json()["embeds"][1]["title"], "ElevenLabs does not accept your key any more");
        assert_eq!(slack.json()["text"], "2 notices about your keys");
        assert_eq!(teams.json()["attachments"][0]["content"]["body"].as_array().unwrap().len(), 6);
        assert!(!slack.headers.contains_key("webhook-signature"));
        // Well again before anybody was told of anything.
        told.app.clock.advance(HOUR);
        told.becomes(&mut ana, "serpapi", "plenty").await;
        told.becomes(&mut ana, "serpapi", "invalid").await;
        told.app.clock.advance(HOUR);
        told.app.messages.send_due().await;
        assert_eq!(told.receiver.take().len(), 0);
    }

    async fn people_are_left_alone_in_their_quiet_hours(told: Told) {
        let mut ana = told.ana().await;
        told.add(&mut ana, "slack").await;
        told.add(&mut ana, "webhook").await;
        // All tests begin at 12:06:40 in Berlin.
        let quiet = json!({"on": ["key.invalid"], "quiet": {"from": 12, "to": 14, "zone": "Europe/Berlin"}});
        ana.put("/api/notifications/rules", &quiet).await.expect(200);
        told.becomes(&mut ana, "serpapi", "invalid").await;
        assert_eq!(told.sent(MINUTE).await, ["key.invalid"], "programs do not sleep");
        assert_eq!(told.sent(HOUR + 50 * MINUTE).await.len(), 0);
        assert_eq!(told.sent(5 * MINUTE).await.len(), 1);
        // What was over before they ended is not told at all.
        told.app.clock.advance(22 * HOUR + 30 * MINUTE);
        let mut ana = told.app.log_in("ana").await;
        told.becomes(&mut ana, "elevenlabs", "invalid").await;
        assert_eq!(told.sent(MINUTE).await, ["key.invalid"]);
        told.becomes(&mut ana, "elevenlabs", "plenty").await;
        assert_eq!(told.sent(20 * MINUTE).await, ["key.invalid.resolved"]);
        assert_eq!(told.sent(3 * HOUR).await.len(), 0);
    }

    async fn e_mail_goes_to_an_address_that_was_proven(told: Told) {
        let mut ana = told.ana().await;
        let added = ana.post(CHANNELS, &json!({"kind": "email"})).await.expect(201).json();
        assert_eq!((&added["label"], &added["state"]), (&json!("ana@example.org"), &json!("unconfirmed")));
        ana.post(CHANNELS, &json!({"kind": "email"})).await.problem(422, "invalid-input");
        let mail = told.mail.take().remove(0);
        assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("keyward@example.org", &["ana@example.org".to_owned()][..]));
        let code = mail.text.lines().find(|line| line.len() == 13 && line.contains('-')).unwrap().to_owned();

        // Nothing is sent before.
        told.becomes(&mut ana, "serpapi", "invalid").await;
        told.app.clock.advance(MINUTE);
        told.app.messages.send_due().await;
        assert!(told.mail.take().is_empty());
        let path = "/api/rpc/confirm_notice_channel";
        ana.form(path, "/settings/notifications", &[("code", "aaaaaa-bbbbbb")]).await.expect(302);
        assert_eq!(state(&mut ana).await, "unconfirmed");
        let mut eve = told.app.user("eve").await;
        eve.form(path, "/settings/notifications", &[("code", &code)]).await.expect(302);
        assert_eq!(state(&mut ana).await, "unconfirmed");
        ana.form(path, "/settings/notifications", &[("code", &code.to_uppercase())]).await.expect(302);
        assert_eq!(state(&mut ana).await, "active");

        told.becomes(&mut ana, "serpapi", "plenty").await;
        told.app.clock.advance(HOUR);
        told.becomes(&mut ana, "serpapi", "invalid").await;
        told.becomes(&mut ana, "elevenlabs", "invalid").await;
        told.app.clock.advance(MINUTE);
        told.app.messages.send_due().await;
        let mails = told.mail.take();
        let [mail] = mails.as_slice() else { panic!("{mails:?}") };
        assert!(mail.text.contains("Subject: [Keyward] 2 notices about your keys"), "{}", mail.text);
        assert_eq!(mail.hello, "[127.0.0.1]", "the host of PUBLIC_URL");
        assert!(mail.text.contains("Message-ID: <") && mail.text.contains("@127.0.0.1>"), "{}", mail.text);
        assert!(mail.text.contains("Content-Type: text/plain") && mail.text.contains("Content-Type: text/html"));
        assert!(mail.text.contains("/settings/api-keys#card-serpapi"));

        // A server that refuses says so, and nothing is kept.
        let mut refused = told.app.user("refused").await;
        let problem = refused.post(CHANNELS, &json!({"kind": "email"})).await.problem(422, "invalid-input");
        assert_eq!(problem["errors"]["kind"]["code"], "mail_refused");
        assert_eq!(refused.get(CHANNELS).await.expect(200).json()["items"], json!([]));
    }

    async fn places_are_few_and_one_s_own(told: Told) {
        let mut ana = told.ana().await;
        let mut hooks = Vec::new();
        for _ in 0..5 {
            hooks.push(told.add(&mut ana, "webhook").await);
        }
        let sixth = json!({"kind": "webhook", "address": format!("{}/x", told.receiver.origin())});
        ana.post(CHANNELS, &sixth).await.problem(409, "too-many-channels");
        let mut eve = told.app.user("eve").await;
        let own = format!("{CHANNELS}/{}", id(&hooks[0]));
        for (method, rest) in [("POST", "/test"), ("POST", "/rotate"), ("POST", "/enable"), ("GET", "/messages"), ("DELETE", "")] {
            let path = format!("{own}{rest}");
            let answer = match method {
                "POST" => eve.post(&path, &json!({})).await,
                "GET" => eve.get(&path).await,
                _ => eve.delete(&path).await,
            };
            answer.problem(404, "not-found");
        }
        assert!(told.receiver.take().is_empty());
        ana.delete(&own).await.expect(204);
        ana.delete(&own).await.problem(404, "not-found");
        told.becomes(&mut ana, "serpapi", "invalid").await;
        assert_eq!(told.sent(SECOND).await.len(), 4);
        // A token reads and does no more.
        let token = ana.post("/api/tokens", &json!({"name": "x", "scopes": ["read", "keys:write", "services:use"]})).await.expect(201).json();
        let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
        let mut program = told.app.visitor();
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        program.send("GET", CHANNELS, &headers, Vec::new()).await.expect(200);
        let body = serde_json::to_vec(&sixth).unwrap();
        program.send("POST", CHANNELS, &headers, body).await.problem(403, "insufficient-scope");
    }
}
