use super::*;

const EVENTS: [(&str, &str); 4] = [
    ("StatusCallbackEvent", "initiated"),
    ("StatusCallbackEvent", "ringing"),
    ("StatusCallbackEvent", "answered"),
    ("StatusCallbackEvent", "completed"),
];

/// The callbacks of a call that `fault` meets, once there are `count`.
async fn told(fault: Value, count: usize) -> Vec<Heard> {
    let (client, server) = (quick().await, Server::new(&[]).await);
    assert_eq!(client.order("POST", "/twilio/callback_faults", fault).await.status, StatusCode::CREATED);
    let status = server.url("/status");
    let mut form = vec![("Twiml", "<Response><Pause/></Response>"), ("StatusCallback", &status)];
    form.extend(EVENTS);
    let sid = client.call(&form).await;
    client.ended(&sid).await;
    let heard = server.heard("/status", count).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.at("/status").len(), count, "{heard:?}");
    let left = client.order("GET", "/twilio/callback_faults", Value::Null).await.json;
    assert_eq!(left["items"], json!([]));
    heard
}

fn numbers(heard: &[Heard]) -> Vec<&str> {
    heard.iter().map(|heard| heard.get("SequenceNumber").unwrap()).collect()
}

#[tokio::test]
async fn a_callback_arrives_twice() {
    let heard = told(json!({ "status": "ringing", "fault": { "kind": "duplicate" } }), 5).await;
    let mut all = numbers(&heard);
    all.sort_unstable();
    assert_eq!(all, ["0", "1", "1", "2", "3"]);
    assert!(heard.iter().all(|heard| heard.is_signed_by("full")));
}

#[tokio::test]
async fn a_callback_arrives_after_the_next() {
    let heard = told(json!({ "status": "in-progress", "fault": { "kind": "reordered" } }), 4).await;
    assert_eq!(numbers(&heard), ["0", "1", "3", "2"]);
    // The last one has none after it, and is not lost.
    let heard = told(json!({ "status": "completed", "fault": { "kind": "reordered" } }), 4).await;
    assert_eq!(numbers(&heard), ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn a_callback_is_late_or_lost() {
    let late = json!({ "status": "initiated", "fault": { "kind": "delayed", "milliseconds": 1000 } });
    assert_eq!(numbers(&told(late, 4).await), ["1", "2", "3", "0"]);
    assert_eq!(
        numbers(&told(json!({ "status": "ringing", "fault": { "kind": "lost" } }), 3).await),
        ["0", "2", "3"]
    );
}

#[tokio::test]
async fn a_callback_is_forged() {
    let signed = |heard: &[Heard]| heard.iter().map(|heard| heard.is_signed_by("full")).collect::<Vec<_>>();
    let heard = told(json!({ "about": "status", "fault": { "kind": "forged" } }), 4).await;
    assert_eq!(signed(&heard), [false, true, true, true]);
    let heard = told(json!({ "about": "status", "times": 2, "fault": { "kind": "unsigned" } }), 4).await;
    assert_eq!(signed(&heard), [false, false, true, true]);
    assert!(!heard[0].headers.contains_key("x-twilio-signature"));
    let tampered = json!({ "kind": "tampered", "name": "CallStatus", "value": "failed" });
    let heard = told(json!({ "url": "/status", "status": "completed", "fault": tampered }), 4).await;
    assert_eq!((heard[3].get("CallStatus"), signed(&heard)), (Some("failed"), vec![true, true, true, false]));
}

#[tokio::test]
async fn a_request_for_twiml_is_lost_or_made_twice() {
    let (client, server) = (quick().await, Server::new(&[("/twiml", Reply::twiml("<Say>Hi</Say>"))]).await);
    let twiml = server.url("/twiml");
    client
        .order("POST", "/twilio/callback_faults", json!({ "about": "twiml", "fault": { "kind": "lost" } }))
        .await;
    let sid = client.call(&[("Url", &twiml)]).await;
    client.ended(&sid).await;
    assert_eq!((client.codes(&sid).await, server.at("/twiml").len()), (vec!["11205".to_owned()], 0));

    let twice = json!({ "about": "twiml", "fault": { "kind": "duplicate" } });
    client.order("POST", "/twilio/callback_faults", twice).await;
    let sid = client.call(&[("Url", &twiml)]).await;
    client.ended(&sid).await;
    assert_eq!(server.at("/twiml").len(), 2);
}

#[tokio::test]
async fn every_callback_is_written_down() {
    let (client, server) = (quick().await, Server::new(&[("/status", Reply::status(500))]).await);
    let status = server.url("/status");
    let sid = client.call(&[("Twiml", "<Response/>"), ("StatusCallback", &status)]).await;
    client.ended(&sid).await;
    server.heard("/status", 1).await;
    let delivery = until(|| async {
        let all = client.order("GET", "/twilio/callbacks", Value::Null).await.json;
        Some(all["items"][0].clone()).filter(|delivery| delivery["status"] == 500)
    })
    .await;
    assert_eq!(
        (&delivery["about"], &delivery["call"], &delivery["url"]),
        (&json!("status"), &json!(sid), &json!(status))
    );
    let token = field(&ProviderId::TWILIO, "full", "auth_token");
    assert!(!delivery.to_string().contains(&token));
    until(|| async { Some(client.codes(&sid).await).filter(|codes| *codes == ["15003"]) }).await;
    assert_eq!(client.order("DELETE", "/twilio/callbacks", Value::Null).await.status, 204);
    assert_eq!(client.order("GET", "/twilio/callbacks", Value::Null).await.json["items"], json!([]));
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let client = Client::new();
    for (path, body) in [
        ("/twilio/pace", json!({ "second_ms": 0 })),
        ("/twilio/pace", json!({ "minute_ms": 5 })),
        ("/twilio/callees/+14155550123", json!({ "outcome": "asleep" })),
    ] {
        assert_eq!(client.order("PUT", path, body).await.status, 422, "{path}");
    }
    let fault = json!({ "fault": { "kind": "eaten" } });
    assert_eq!(client.order("POST", "/twilio/callback_faults", fault).await.status, 422);
    assert_eq!(client.order("GET", "/twilio/calls/CA0", Value::Null).await.status, 404);
}
