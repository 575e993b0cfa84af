//! Which messages are sent, and what becomes of those that do not arrive.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    notice_channels::{CHANNELS, SECOND, Told, id, log, state},
    support::{App, Client, HOUR, MINUTE, both, literal},
};

/// Stores the keys of these providers.
async fn store(ana: &mut Client, providers: &[&str]) {
    for provider in providers {
        let body = json!({"provider": provider, "credentials": App::test_key(provider, "plenty")});
        ana.post("/api/user-api-keys/store", &body).await.expect(201);
    }
}

fn words(log: &[Value], part: &str) -> Vec<String> {
    log.iter().map(|one| one[part].as_str().unwrap().to_owned()).collect()
}

both! {
async fn what_may_not_have_arrived_is_told_again(told: Told) {
    let mut ana = told.ana().await;
    told.add(&mut ana, "webhook").await;
    told.receiver.answer(&[500]);
    told.becomes(&mut ana, "serpapi", "invalid").await;
    assert_eq!(told.sent(SECOND).await.len(), 1, "refused");
    // To and fro while it waits: nobody has been told that the key is dead.
    told.becomes(&mut ana, "serpapi", "plenty").await;
    told.becomes(&mut ana, "serpapi", "invalid").await;
    assert_eq!(told.sent(HOUR).await, ["key.invalid"]);
    // And nobody that it works again.
    told.receiver.answer(&[500]);
    told.becomes(&mut ana, "serpapi", "plenty").await;
    assert_eq!(told.sent(SECOND).await.len(), 1, "refused");
    told.becomes(&mut ana, "serpapi", "invalid").await;
    told.becomes(&mut ana, "serpapi", "plenty").await;
    assert_eq!(told.sent(HOUR).await, ["key.invalid.resolved"]);
}

async fn what_arrived_although_it_was_dropped_has_arrived(told: Told) {
    let mut ana = told.ana().await;
    let hook = told.add(&mut ana, "webhook").await;
    told.becomes(&mut ana, "serpapi", "invalid").await;
    let notices = &told.app.state.use_cases.notices;
    let taken = notices.take(true).await.unwrap().unwrap();
    told.becomes(&mut ana, "serpapi", "plenty").await;
    notices.send(&taken).await;
    assert_eq!(words(&log(&mut ana, &hook).await, "state"), ["waiting", "sent"]);
    told.becomes(&mut ana, "serpapi", "invalid").await;
    told.receiver.take();
    assert_eq!(told.sent(HOUR).await, [""; 0], "it knows");
}

async fn each_message_has_its_own_attempts(told: Told) {
    let mut ana = told.ana().await;
    let slack = told.add(&mut ana, "slack").await;
    told.becomes(&mut ana, "serpapi", "invalid").await;
    told.becomes(&mut ana, "elevenlabs", "invalid").await;
    let old = "UPDATE notice_messages SET attempts = 9
        WHERE notice_id = (SELECT id FROM notices WHERE provider = 'serpapi')";
    assert_eq!(told.app.sql.execute(old).await, 1);
    told.receiver.answer(&[500]);
    assert_eq!(told.sent(MINUTE).await.len(), 1, "together");
    assert_eq!(words(&log(&mut ana, &slack).await, "state"), ["waiting", "failed"]);
    assert_eq!(told.sent(11 * MINUTE).await.len(), 1);
    assert_eq!(words(&log(&mut ana, &slack).await, "state"), ["sent", "failed"]);
}

async fn a_test_goes_alone_and_speaks_for_the_place_when_it_arrives(told: Told) {
    let mut ana = told.ana().await;
    let slack = told.add(&mut ana, "slack").await;
    told.receiver.answer(&[500]);
    told.becomes(&mut ana, "serpapi", "invalid").await;
    assert_eq!(told.sent(MINUTE).await.len(), 1);
    assert_eq!(state(&mut ana).await, "failing");
    // Whoever sends the test dies.
    let store = &told.app.state.store;
    let user = ana.get("/api/auth/me").await.json()["id"].as_str().unwrap().parse().unwrap();
    let place = id(&slack).parse().unwrap();
    store.queue_test(user, place, MINUTE, told.app.now()).await.unwrap().unwrap();
    told.becomes(&mut ana, "elevenlabs", "invalid").await;
    told.app.clock.advance(HOUR);
    told.app.messages.send_due().await;
    let received = told.receiver.take();
    let texts: Vec<_> = received.iter().map(|one| one.json()["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts.contains(&"A test from Keyward".to_owned()) && texts.contains(&"2 notices about your keys".to_owned()));
    // One that arrives shows that the place works, one that does not says nothing of it.
    let test = format!("{CHANNELS}/{}/test", id(&slack));
    told.app.sql.execute("UPDATE notice_channels SET failing_since = 1").await;
    assert_eq!(ana.post(&test, &json!({})).await.expect(200).json()["state"], "sent");
    assert_eq!(state(&mut ana).await, "active");
    told.receiver.answer(&[500]);
    assert_eq!(ana.post(&test, &json!({})).await.expect(200).json()["state"], "failed");
    assert_eq!(state(&mut ana).await, "active");
}

async fn what_is_wrong_on_this_side_is_not_the_fault_of_the_place(told: Told) {
    let mut ana = told.ana().await;
    let hook = told.add(&mut ana, "webhook").await;
    let mail = ana.post(CHANNELS, &json!({"kind": "email"})).await.expect(201).json();
    let damaged = literal(told.app.sql.engine, b"damaged");
    let statement = format!("UPDATE notice_channels SET sealed = {damaged} WHERE kind = 'webhook'");
    told.app.sql.execute(&statement).await;
    told.app.sql.execute("UPDATE notice_channels SET confirmed_at = 1 WHERE kind = 'email'").await;
    told.mail.end();
    told.becomes(&mut ana, "serpapi", "invalid").await;
    told.sent(MINUTE).await;
    for (place, fault) in [(&hook, "undecryptable"), (&mail, "mail_away")] {
        let entry = log(&mut ana, place).await.remove(0);
        assert_eq!((&entry["fault"], &entry["state"]), (&json!(fault), &json!("waiting")));
    }
    let places = ana.get(CHANNELS).await.expect(200).json();
    assert_eq!(words(places["items"].as_array().unwrap(), "state"), ["active", "active"]);
}

async fn what_nobody_wants_to_hear_of_does_not_keep_the_rest_from_being_over(told: Told) {
    let mut ana = told.ana().await;
    told.add(&mut ana, "slack").await;
    ana.put("/api/notifications/rules", &json!({"on": ["key.invalid"]})).await.expect(200);
    told.becomes(&mut ana, "serpapi", "invalid").await;
    assert_eq!(told.sent(MINUTE).await.len(), 1);
    told.becomes(&mut ana, "serpapi", "nearly_used_up").await;
    told.app.clock.advance(HOUR);
    told.app.messages.send_due().await;
    let received = told.receiver.take();
    let [over] = received.as_slice() else { panic!("{received:?}") };
    assert!(over.json()["text"].as_str().unwrap().starts_with("Over: "));
}

async fn the_loop_goes_on_whenever_one_is_sent_and_failing_places_have_their_share(told: Told) {
    let mut ana = told.ana().await;
    store(&mut ana, &["openai", "anthropic"]).await;
    for _ in 0..5 {
        told.add(&mut ana, "webhook").await;
    }
    for provider in ["serpapi", "elevenlabs", "openai", "anthropic"] {
        told.becomes(&mut ana, provider, "invalid").await;
    }
    let notices = &told.app.state.use_cases.notices;
    told.app.sql.execute("UPDATE notice_channels SET failing_since = 1").await;
    assert_eq!(notices.take(false).await.unwrap(), None);
    // Two of a user at a time: with pauses of a second, that would be ten seconds.
    let began = Instant::now();
    let sent = async {
        while told.app.sql.number("SELECT COUNT(*) FROM notice_messages WHERE state = 'sent'").await < 20 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = told.app.messages.run() => {}
        () = sent => {}
    }
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}
async fn a_message_is_finished_by_whoever_holds_it(told: Told) {
    let mut ana = told.ana().await;
    let hook = told.add(&mut ana, "webhook").await;
    told.becomes(&mut ana, "serpapi", "invalid").await;
    let (store, notices) = (&told.app.state.store, &told.app.state.use_cases.notices);
    let first = notices.take(true).await.unwrap().unwrap();
    assert_eq!(notices.take(true).await.unwrap(), None, "it is held");
    // Whoever holds it is frozen; another takes it up when the lease is over, and sends it.
    told.app.clock.advance(2 * MINUTE);
    let second = notices.take(true).await.unwrap().unwrap();
    assert_eq!((second[0].id, second[0].attempt), (first[0].id, 2));
    notices.send(&second).await;
    let failed = keyward::store::Attempted {
        http_status: Some(500),
        fault: Some(keyward::model::notice::DeliveryFault::Refused),
        counts: true,
    };
    store.finish_messages(&[(first[0], Some(told.app.now()))], &failed, told.app.now()).await.unwrap();
    let entry = log(&mut ana, &hook).await.remove(0);
    assert_eq!((&entry["state"], &entry["fault"]), (&json!("sent"), &Value::Null));
    assert_eq!(state(&mut ana).await, "active");
}}
