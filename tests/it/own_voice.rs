//! Calls that a voice of the user's speaks.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    calls::{CALLS, FROM, Reported, fault, is_over, orders, until, with_key},
    support::{App, Client, both},
};

/// A voice of every simulated account.
const SARAH: &str = "EXAVITQu4vr4xnSDxMaL";

fn order(message: &str) -> Value {
    json!({"to": "+12125550188", "from": FROM, "message": message, "voice": SARAH})
}

async fn with_voices(app: &App, name: &str) -> Client {
    let mut client = with_key(app, name, "full").await;
    let body = json!({"provider": "elevenlabs", "credentials": App::test_key("elevenlabs", "plenty")});
    client.post("/api/user-api-keys/store", &body).await.expect(201);
    client
}

/// How often something was spoken, and for how many characters.
async fn spoken(app: &App) -> (i64, i64) {
    let told = "FROM usage_events WHERE provider = 'elevenlabs' AND operation = 'speak'";
    let units = format!("SELECT CAST(COALESCE(SUM(units), 0) AS BIGINT) {told}");
    (app.sql.number(&format!("SELECT COUNT(*) {told}")).await, app.sql.number(&units).await)
}

async fn happened(app: &App, call: &Value) -> Vec<Value> {
    let sid = call["sid"].as_str().unwrap();
    let journal = app.control("GET", &format!("/twilio/calls/{sid}"), None).await;
    journal["journal"].as_array().unwrap().clone()
}

both! {
    async fn a_voice_of_the_user_s_is_heard_once_and_paid_for_once(it: Reported) {
        let app = &it.app;
        let mut client = with_voices(app, "ana").await;
        let page = client.get("/services/calling").await.expect(200).text;
        assert!(page.contains(&format!("value=\"{SARAH}\"")), "the page offers it");
        let headers = [("content-type", "application/json"), ("idempotency-key", "order-1")];
        let body = order("Your order is ready. Bye & <thanks>.").to_string();
        let placed = client.send("POST", CALLS, &headers, body.clone().into()).await.expect(201);
        assert_eq!(placed.json()["request"]["voice"], SARAH);
        let address = placed.location().to_owned();
        let call = until(app, &mut client, &address, is_over).await;
        assert_eq!(call["state"], "completed");
        let happened = happened(app, &call).await;
        let played: Vec<_> = happened.iter().filter(|entry| entry["does"] == "play").collect();
        assert_eq!(played.len(), 1);
        assert_eq!(played[0]["content_type"], "audio/mpeg");
        assert!(played[0]["bytes"].as_u64().unwrap() > 1_000);
        assert!(happened.iter().all(|entry| entry["does"] != "say"));
        let (times, units) = spoken(app).await;
        assert!(times == 1 && units > 0, "{times} {units}");
        // Sent again, it is the same call, and nothing is spoken.
        let again = client.send("POST", CALLS, &headers, body.into()).await.expect(201);
        assert_eq!(again.location(), address);
        assert_eq!((orders(app).await, spoken(app).await.0), (1, 1));

        // Two of one order at once are spoken once, and what is refused is not spoken at all.
        let mut same = app.log_in("ana").await;
        let headers = [("content-type", "application/json"), ("idempotency-key", "order-2")];
        let body = order("Hello.").to_string();
        let (first, second) = tokio::join!(
            client.send("POST", CALLS, &headers, body.clone().into()),
            same.send("POST", CALLS, &headers, body.into()),
        );
        let (first, second) = (first.expect(201), second.expect(201));
        assert_eq!(first.location(), second.location());
        until(app, &mut client, first.location(), is_over).await;
        let other = order("Something else.").to_string();
        client.send("POST", CALLS, &headers, other.into()).await.problem(422, "idempotency-key-reused");
        assert_eq!(spoken(app).await.0, 2);

        // Whoever has the address hears it, for an hour; nobody hears anything under another.
        let url = played[0]["url"].as_str().unwrap();
        let path = url.strip_prefix(&it.origin).unwrap();
        assert_eq!(app.visitor().get(path).await.expect(200).headers["content-type"], "audio/mpeg");
        let (said, signature) = path.rsplit_once('.').unwrap();
        for forged in [format!("{said}x.{signature}"), path.replace("speech", "recordings"), path.replace(".speech.", ".RE1.")] {
            app.visitor().get(&forged).await.problem(404, "not-found");
        }
        app.clock.advance(Duration::from_secs(3_600));
        app.visitor().get(path).await.problem(404, "not-found");
        // After the call it is forgotten.
        app.state.store.sweep(app.now()).await.unwrap();
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM call_speech").await, 0);
    }

    async fn what_cannot_be_spoken_is_said_and_nobody_is_called(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        let problem = client.post(CALLS, &order("Hello.")).await.problem(403, "missing-api-keys");
        assert_eq!(problem["service"], "voice-cloning");
        let body = json!({"provider": "elevenlabs", "credentials": App::test_key("elevenlabs", "plenty")});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
        let mut wrong = order("Hello.");
        wrong["voice"] = json!("no such voice");
        let problem = client.post(CALLS, &wrong).await.problem(422, "invalid-input");
        assert_eq!(problem["errors"]["voice"]["code"], "malformed");
        wrong["voice"] = json!("nobody");
        client.post(CALLS, &wrong).await.problem(404, "not-found");
        // What broke off in the middle is no message.
        let cut = json!({"provider": "elevenlabs", "path": "text-to-speech", "fault": {"kind": "stream_error", "after_events": 1}});
        app.control("POST", "/faults", Some(cut)).await;
        client.post(CALLS, &order("Hello, this is Ana.")).await.problem(503, "provider-unreachable");
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM calls").await, 0);
        // Twilio refuses the call: the speech is forgotten with it.
        fault(app, "/Calls.json", json!({"kind": "status", "status": 400})).await;
        let placed = client.post(CALLS, &order("Hello.")).await.expect(201).location().to_owned();
        until(app, &mut client, &placed, is_over).await;
        app.state.store.sweep(app.now()).await.unwrap();
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM call_speech").await, 0);
    }

    async fn where_twilio_does_not_reach_keyward_there_is_twilio_s_own_voice(app: App) {
        let mut client = with_voices(&app, "ana").await;
        let page = client.get("/services/calling").await.expect(200).text;
        assert!(!page.contains("name=\"voice\""));
        let problem = client.post(CALLS, &order("Hello.")).await.problem(422, "invalid-input");
        assert_eq!(problem["errors"]["voice"]["code"], "out_of_reach");
        assert_eq!(spoken(&app).await.0, 0);
    }
}
