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

/// Orders `each` calls for as many `users`, each to a number of its own.
async fn order_calls(process: &Process, users: usize, each: usize) {
    let mut cookies = Vec::new();
    for u in 0..users {
        cookies.push(user(process, &format!("u{u}")).await);
    }
    for (u, cookie) in cookies.iter().enumerate() {
        for n in 0..each {
            let body = json!({"to": format!("+1212555{u:02}{n:02}"), "from": FROM, "message": "Hello."});
            let (status, call) = process.json("POST", CALLS, cookie, &body).await.unwrap();
            assert_eq!(status, 201, "{call}");
        }
    }
}

/// Each of these calls was made once.
async fn expect_called_once(app: &App, total: usize) {
    let called = called(app).await;
    assert_eq!(called.len(), total);
    let twice: Vec<_> = called.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let sids = app.sql.number("SELECT COUNT(DISTINCT sid) FROM calls").await;
    assert_eq!(usize::try_from(sids).unwrap(), total);
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
    order_calls(&running, USERS, EACH).await;
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

    expect_called_once(&app, USERS * EACH).await;
    let log = std::fs::read_to_string(log_file(&app, "log")).unwrap();
    assert!(log.contains("was found at Twilio"), "no call was in between");
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

/// Three processes place calls. One is killed, one is frozen for longer than its leases.
async fn what_a_killed_and_a_frozen_process_held_is_called_once() {
    // As many as all three have places for, at two for each user.
    const USERS: usize = 24;
    const EACH: usize = 2;
    let app = prepared(Engine::Postgres).await;
    answer(&app, json!({"kind": "slow", "milliseconds": 6_000})).await;
    let (killed, frozen, healthy) =
        (process(&app, "killed").await, process(&app, "frozen").await, process(&app, "healthy").await);
    order_calls(&healthy, USERS, EACH).await;
    // All three are placing calls at the same moment.
    let held = "SELECT CASE WHEN COUNT(*) = 3 THEN MIN(n) ELSE 0 END
                FROM (SELECT COUNT(*) AS n FROM jobs JOIN calls ON calls.id = jobs.id
                      WHERE jobs.state = 'running' AND calls.state = 'placing' AND calls.sid IS NULL
                      GROUP BY worker) AS workers";
    until(&app, held, |least| least >= 2).await;
    frozen.signal("STOP");
    killed.kill_now();
    drop(killed);
    answer(&app, json!({"kind": "slow", "milliseconds": 50})).await;
    until(&app, "SELECT COUNT(*) FROM calls WHERE ended_at IS NULL", |open| open == 0).await;
    frozen.signal("CONT");
    // It answers again, having found out that it holds nothing any more.
    let fenced = async {
        while !std::fs::read_to_string(log_file(&app, "frozen")).unwrap().contains("fenced") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), fenced).await.unwrap();
    assert_eq!(frozen.stop(), Some(0));
    assert_eq!(healthy.stop(), Some(0));

    expect_called_once(&app, USERS * EACH).await;
    assert_eq!(app.sql.number("SELECT COUNT(*) FROM calls WHERE state <> 'completed'").await, 0);
    // What the frozen process had ordered was looked for, and not ordered again.
    let found =
        std::fs::read_to_string(log_file(&app, "healthy")).unwrap().matches("was found at Twilio").count();
    assert!(found >= 1, "{found}");
}

#[test]
fn what_a_killed_and_a_frozen_process_held_is_called_once_postgres() {
    if Engine::postgres_is_given() {
        crate::support::run(what_a_killed_and_a_frozen_process_held_is_called_once());
    }
}
