//! Two nodes over one PostgreSQL database change, send, read and remove what a user is told of, all at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use keyward::{
    model::{
        ids::{ProviderId, UserId},
        notice::NoticeKind,
    },
    store::About,
};
use serde_json::{Value, json};

use crate::{
    notice_channels::{CHANNELS, Told, id},
    support::{App, Client, Engine, HOUR, MINUTE, run},
};

const KINDS: [NoticeKind; 3] = [NoticeKind::Failing, NoticeKind::Slow, NoticeKind::Unusual];

/// What is told comes and goes, each by two nodes at the same time.
async fn to_and_fro(node: &App, user: UserId, kind: NoticeKind) {
    let store = &node.state.store;
    let about = About { user, provider: ProviderId::ELEVENLABS, kind };
    for _ in 0..40 {
        store.open_notice(&about, Some("x"), node.now()).await.unwrap();
        store.resolve_notice(&about, node.now()).await.unwrap();
    }
}

/// A key dies and lives again, and somebody looks.
async fn checks(node: &App, ana: &mut Client) {
    for situation in ["invalid", "plenty", "exhausted"].into_iter().cycle().take(15) {
        node.control("PUT", "/keys/serpapi/plenty", Some(json!({"situation": situation}))).await;
        ana.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200);
    }
}

async fn send(node: &App, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        node.messages.send_due().await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn reads(node: &App, user: UserId, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        node.state.store.read_notices(user, None, node.now()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn two_nodes_neither_lose_nor_double_a_message_nor_wait_for_each_other() {
    if Engine::postgres_is_given() {
        run(test());
    }
}

async fn test() {
    let told = Told::start(Engine::Postgres).await;
    let mut ana = told.ana().await;
    let (hook, _slack) = (told.add(&mut ana, "webhook").await, told.add(&mut ana, "slack").await);
    let user: UserId = ana.get("/api/auth/me").await.json()["id"].as_str().unwrap().parse().unwrap();
    let (one, other) = (&told.app, &told.app.second_node().await);
    let mut at_other = other.log_in("ana").await;
    let done = AtomicBool::new(false);
    let places = async {
        for _ in 0..12 {
            let place = told.add(&mut ana, "discord").await;
            tokio::time::sleep(Duration::from_millis(30)).await;
            ana.delete(&format!("{CHANNELS}/{}", id(&place))).await.expect(204);
        }
    };
    // Slower than leases are long, so that nothing is taken up twice by right.
    let time = async {
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            one.clock.advance(Duration::from_secs(1));
            other.clock.advance(Duration::from_secs(1));
        }
    };
    let mut at_one = one.log_in("ana").await;
    let work = async {
        tokio::join!(
            places,
            time,
            checks(one, &mut at_one),
            checks(other, &mut at_other),
            to_and_fro(one, user, KINDS[0]),
            to_and_fro(other, user, KINDS[0]),
            to_and_fro(one, user, KINDS[1]),
            to_and_fro(other, user, KINDS[2]),
        );
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(
        work,
        send(one, &done),
        send(other, &done),
        reads(one, user, &done),
        reads(other, user, &done)
    );

    assert_eq!(one.sql.number("SELECT COUNT(*) FROM notice_messages WHERE attempts > 1").await, 0);
    // What waits is sent, and once the leases are over whatever was not written down would be sent again.
    for node in [one, other] {
        node.clock.advance(HOUR);
    }
    for _ in 0..3 {
        one.messages.send_due().await;
        one.clock.advance(2 * MINUTE);
    }
    assert_eq!(one.sql.number("SELECT COUNT(*) FROM notice_messages WHERE attempts > 1").await, 0);
    let unsent = "SELECT COUNT(*) FROM notice_messages WHERE state NOT IN ('sent', 'dropped')";
    assert_eq!(one.sql.number(unsent).await, 0);
    let heard: Vec<_> =
        told.receiver.take().into_iter().filter(|one| one.path.starts_with("/webhook")).collect();
    let ids: BTreeSet<_> = heard.iter().map(|one| one.headers["webhook-id"].to_str().unwrap()).collect();
    assert_eq!(ids.len(), heard.len(), "a message came twice");

    // What the receiver heard last of each notice is how it stands.
    let mut known = BTreeMap::new();
    for message in &heard {
        let data = message.json()["data"].clone();
        known.insert(data["notice"].as_str().unwrap().to_owned(), data["state"] == "open");
    }
    assert!(!known.is_empty() && id(&hook).len() == 36);
    let notices = one.log_in("ana").await.get("/api/notifications").await.expect(200).json();
    for notice in notices["items"].as_array().unwrap() {
        let open = notice["resolved_at"] == Value::Null;
        let heard = known.get(notice["id"].as_str().unwrap()).copied().unwrap_or_default();
        assert_eq!(heard, open, "{notice}");
    }
}
