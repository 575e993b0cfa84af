//! Processes that are killed and frozen while they place calls: no call is placed twice, and none is lost.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    calls::{CALLS, FROM},
    support::{App, Engine, Process},
};

const USERS: usize = 4;
const EACH: usize = 25;

/// Only the installation's simulator, database and directory are used; the program runs beside it.
async fn prepared(engine: Engine) -> App {
    let app = App::start(engine).await;
    app.worker.drain(&tokio_util::sync::CancellationToken::new()).await;
    app.state.store.close().await;
    app
}

fn log_file(app: &App, log: &str) -> PathBuf {
    app.dir.path().join(log)
}

fn logged(app: &App, log: &str) -> String {
    std::fs::read_to_string(log_file(app, log)).unwrap()
}

async fn process(app: &App, log: &str) -> Process {
    Process::start(&app.sql.url, app.dir.path(), app.simulator, &log_file(app, log)).await
}

async fn user(process: &Process, name: &str) -> String {
    let cookie = process.register(name).await.unwrap();
    let body = json!({"provider": "twilio", "credentials": App::test_key("twilio", "full")});
    let (status, _) = process.json("POST", "/api/user-api-keys/store", &cookie, &body).await.unwrap();
    assert_eq!(status, 201);
    cookie
}

async fn place(process: &Process, cookie: &str, to: &str) {
    let body = json!({"to": to, "from": FROM, "message": "Hello."});
    let (status, call) = process.json("POST", CALLS, cookie, &body).await.unwrap();
    assert_eq!(status, 201, "{call}");
}

async fn until(app: &App, query: &str, wanted: impl Fn(i64) -> bool) {
    for _ in 0..3_600 {
        if wanted(app.sql.number(query).await) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{query}: {}", app.sql.number(query).await);
}

/// How often each number was called, by Twilio's own list.
async fn called(app: &App) -> BTreeMap<String, usize> {
    let key = App::test_key("twilio", "full");
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    let (account, token) = (text("account_sid"), text("auth_token"));
    let request = format!(
        "GET /twilio/2010-04-01/Accounts/{account}/Calls.json?PageSize=1000&From=%2B{} HTTP/1.1\r\nhost: {}\r\n\
         authorization: Basic {}\r\nconnection: close\r\n\r\n",
        &FROM[1..],
        app.simulator,
        STANDARD.encode(format!("{account}:{token}")),
    );
    let mut stream = TcpStream::connect(app.simulator).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let list: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(list["next_page_uri"], Value::Null);
    let mut called = BTreeMap::new();
    for call in list["calls"].as_array().unwrap() {
        let to = call["to"].as_str().unwrap();
        if to.starts_with("+1212555") {
            *called.entry(to.to_owned()).or_default() += 1;
        }
    }
    called
}

/// How Twilio answers orders and lists from now on.
async fn answer(app: &App, fault: Value) {
    app.control("DELETE", "/faults", None).await;
    let order = json!({"provider": "twilio", "path": "/Calls.json", "times": 100_000, "fault": fault});
    app.control("POST", "/faults", Some(order)).await;
}

async fn calls_are_placed_once_although_processes_are_killed(engine: Engine) {
    let app = prepared(engine).await;
    answer(&app, json!({"kind": "slow", "milliseconds": 300})).await;

    let mut running = process(&app, "log").await;
    for u in 0..USERS {
        let cookie = user(&running, &format!("u{u}")).await;
        for n in 0..EACH {
            place(&running, &cookie, &format!("+1212555{u}1{n:02}")).await;
        }
    }
    let total = i64::try_from(USERS * EACH).unwrap();
    const PLACED: &str = "SELECT COUNT(*) FROM calls WHERE sid IS NOT NULL";
    const IN_BETWEEN: &str = "SELECT COUNT(*) FROM calls WHERE state = 'placing' AND sid IS NULL";
    for part in [1, 2] {
        until(&app, PLACED, |placed| placed >= total * part / 4).await;
        // Twilio has a call long before Keyward has read that it does.
        answer(&app, json!({"kind": "drip", "milliseconds": 2})).await;
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        until(&app, IN_BETWEEN, |open| open >= 1).await;
        running.kill_now();
        drop(running);
        answer(&app, json!({"kind": "slow", "milliseconds": 50})).await;
        running = process(&app, "log").await;
    }
    until(&app, PLACED, |placed| placed == total).await;

    let called = called(&app).await;
    assert_eq!(called.len(), USERS * EACH);
    let twice: Vec<_> = called.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(app.sql.number("SELECT COUNT(DISTINCT sid) FROM calls").await, total);
    assert!(logged(&app, "log").contains("was found at Twilio"), "no call was in between");
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn calls_are_placed_once_although_processes_are_killed_sqlite() {
    crate::support::run(calls_are_placed_once_although_processes_are_killed(Engine::Sqlite));
}

#[test]
fn calls_are_placed_once_although_processes_are_killed_postgres() {
    if Engine::postgres_is_given() {
        crate::support::run(calls_are_placed_once_although_processes_are_killed(Engine::Postgres));
    }
}

/// Three processes share the work. One is killed, one is frozen for longer than its leases.
async fn calls_that_a_killed_and_a_frozen_process_held_are_placed_once() {
    const SHARING: usize = 12;
    const EACH: usize = 8;
    /// Calls of one user that are placed at the same time.
    const AT_ONCE: usize = 2;
    let app = prepared(Engine::Postgres).await;
    // Twilio has a call long before Keyward has read that it does.
    answer(&app, json!({"kind": "drip", "milliseconds": 6})).await;
    let (killed, frozen, healthy) =
        (process(&app, "killed").await, process(&app, "frozen").await, process(&app, "healthy").await);
    let mut users = Vec::new();
    for u in 0..SHARING {
        users.push(user(&healthy, &format!("u{u}")).await);
    }
    let order = async |process: &Process, u: usize, n: usize| {
        place(process, &users[u], &format!("+1212555{:04}", 1_000 + u * EACH + n)).await;
    };
    for u in 0..SHARING {
        for n in 0..AT_ONCE {
            order([&killed, &frozen, &healthy][(u + n) % 3], u, n).await;
        }
    }
    let held = "SELECT CASE WHEN COUNT(*) = 3 THEN MIN(n) ELSE 0 END
                FROM (SELECT COUNT(*) AS n FROM jobs JOIN calls ON calls.id = jobs.id
                      WHERE jobs.state = 'running' AND calls.state = 'placing' GROUP BY worker) AS workers";
    until(&app, held, |least| least >= 2).await;
    // An order that is frozen on its way goes out when the process wakes up, which nobody can prevent: whatever is
    // frozen here waits for the answer.
    tokio::time::sleep(Duration::from_millis(500)).await;
    frozen.signal("STOP");
    killed.kill_now();
    drop(killed);
    assert!(app.sql.number(held).await >= 2, "the orders were over before anything happened");
    answer(&app, json!({"kind": "slow", "milliseconds": 50})).await;
    for u in 0..SHARING {
        for n in AT_ONCE..EACH {
            order(&healthy, u, n).await;
        }
    }
    let total = i64::try_from(SHARING * EACH).unwrap();
    until(&app, "SELECT COUNT(*) FROM calls WHERE ended_at IS NULL", |open| open == 0).await;
    frozen.signal("CONT");
    // It answers again, having found out that it holds nothing any more.
    for _ in 0..600 {
        if logged(&app, "frozen").contains("fenced") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(logged(&app, "frozen").contains("fenced"), "it held nothing");
    assert_eq!(frozen.stop(), Some(0));
    assert_eq!(healthy.stop(), Some(0));

    let called = called(&app).await;
    assert_eq!(called.len(), SHARING * EACH);
    let twice: Vec<_> = called.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let whole = "SELECT COUNT(DISTINCT sid) FROM calls WHERE state = 'completed' AND notice IS NULL";
    assert_eq!(app.sql.number(whole).await, total);
    assert!(logged(&app, "healthy").contains("was found at Twilio"), "no call was taken over in between");
}

#[test]
fn calls_that_a_killed_and_a_frozen_process_held_are_placed_once_postgres() {
    if Engine::postgres_is_given() {
        crate::support::run(calls_that_a_killed_and_a_frozen_process_held_are_placed_once());
    }
}
