//! Processes that are killed, stopped and frozen while they fetch searches.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    jobs::pages_asked,
    support::{App, Engine, Process},
};

const SEARCHES: &str = "/api/services/data-scraper/searches";

/// Only the installation's simulator, database and directory are used; the program runs beside it.
async fn prepared(engine: Engine, page_takes: Duration) -> App {
    let app = App::start(engine).await;
    app.worker.drain(&tokio_util::sync::CancellationToken::new()).await;
    app.state.store.close().await;
    slow_down(&app, "plenty", page_takes).await;
    app
}

async fn slow_down(app: &App, key: &str, page_takes: Duration) {
    let fault = json!({"provider": "serpapi", "key": key, "path": "search", "times": 100_000,
                       "fault": {"kind": "slow", "milliseconds": page_takes.as_millis()}});
    app.control("POST", "/faults", Some(fault)).await;
}

async fn process(app: &App, log: &str) -> Process {
    Process::start(&app.sql.url, app.dir.path(), app.simulator, &log_file(app, log)).await
}

fn log_file(app: &App, log: &str) -> PathBuf {
    app.dir.path().join(log)
}

/// Somebody with a key.
async fn user(process: &Process, name: &str, key: &str) -> String {
    let cookie = process.register(name).await.unwrap();
    let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", key)});
    let (status, _) = process.json("POST", "/api/user-api-keys/store", &cookie, &body).await.unwrap();
    assert_eq!(status, 201);
    cookie
}

async fn start(process: &Process, cookie: &str, query: &str, limit: u32) -> Value {
    let body = json!({"query": query, "place": "52.52, 13.405", "limit": limit});
    let (status, search) = process.json("POST", SEARCHES, cookie, &body).await.unwrap();
    assert_eq!(status, 201, "{search}");
    search
}

async fn until(app: &App, query: &str, wanted: impl Fn(i64) -> bool) {
    for _ in 0..2_400 {
        if wanted(app.sql.number(query).await) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{query}: {}", app.sql.number(query).await);
}

const ROWS: &str = "SELECT COUNT(*) FROM search_results";
const OPEN: &str = "SELECT COUNT(*) FROM searches WHERE state IN ('queued', 'running')";

async fn a_long_scrape_survives_a_crash_and_a_restart(engine: Engine) {
    const QUERIES: i64 = 17;
    let app = prepared(engine, Duration::from_millis(60)).await;
    let first = process(&app, "log").await;
    let cookie = user(&first, "ana", "plenty").await;
    for n in 0..QUERIES {
        let search = start(&first, &cookie, &format!("many bakeries {n}"), 120).await;
        assert_eq!(search["state"], if n < 2 { "running" } else { "queued" });
    }
    until(&app, ROWS, |rows| rows >= 500).await;
    first.kill_now();
    drop(first);
    let rows = app.sql.number(ROWS).await;
    assert!((500..1_500).contains(&rows), "{rows}");

    let second = process(&app, "log").await;
    until(&app, ROWS, |rows| rows >= 1_200).await;
    let begin = Instant::now();
    assert_eq!(second.stop(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(30));
    // What was under way is given back, and the process that comes next goes on at once.
    assert_eq!(app.sql.number("SELECT COUNT(*) FROM jobs WHERE state = 'running'").await, 0);
    let third = process(&app, "log").await;
    until(&app, OPEN, |open| open == 0).await;

    assert_eq!(app.sql.number(ROWS).await, QUERIES * 120);
    let whole = "SELECT COUNT(*) FROM searches WHERE state = 'finished' AND found = 120 AND pages_done = 6";
    assert_eq!(app.sql.number(whole).await, QUERIES);
    let distinct =
        "SELECT COUNT(*) FROM (SELECT DISTINCT search_id, place_key FROM search_results) AS places";
    assert_eq!(app.sql.number(distinct).await, QUERIES * 120);
    let asked = pages_asked(&app).await;
    let pages: BTreeSet<_> = asked.iter().collect();
    assert_eq!(pages.len(), 17 * 6);
    // Two searches ran when the process was killed.
    assert!(asked.len() <= pages.len() + 2, "{} requests for {} pages", asked.len(), pages.len());
    assert_eq!(third.stop(), Some(0));
}

#[test]
fn a_long_scrape_survives_a_crash_and_a_restart_sqlite() {
    crate::support::run(a_long_scrape_survives_a_crash_and_a_restart(Engine::Sqlite));
}

#[test]
fn a_long_scrape_survives_a_crash_and_a_restart_postgres() {
    if Engine::postgres_is_given() {
        crate::support::run(a_long_scrape_survives_a_crash_and_a_restart(Engine::Postgres));
    }
}

/// Three processes share the work. One is killed, one is frozen for longer than its leases.
async fn what_a_killed_and_a_frozen_process_held_is_done_once() {
    // As many as all three have places for, at two for each user.
    const USERS: usize = 24;
    const EACH: usize = 3;
    let app = prepared(Engine::Postgres, Duration::from_millis(1_500)).await;
    let (killed, frozen, healthy) =
        (process(&app, "killed").await, process(&app, "frozen").await, process(&app, "healthy").await);
    let mut users = Vec::new();
    for n in 0..USERS {
        users.push(user(&healthy, &format!("u{n}"), "plenty").await);
    }
    let patient = user(&healthy, "patient", "nearly_used_up").await;
    for n in 0..EACH {
        for (u, cookie) in users.iter().enumerate() {
            start(&healthy, cookie, &format!("many shops {u} {n}"), 40).await;
        }
    }
    let held = "SELECT CASE WHEN COUNT(*) = 3 THEN MIN(n) ELSE 0 END
                FROM (SELECT COUNT(*) AS n FROM jobs WHERE state = 'running' GROUP BY worker) AS workers";
    until(&app, held, |least| least >= 4).await;
    frozen.signal("STOP");
    killed.kill_now();
    drop(killed);
    // A call may take longer than a lease: whoever is alive renews it.
    slow_down(&app, "nearly_used_up", Duration::from_secs(40)).await;
    start(&healthy, &patient, "many cakes", 20).await;
    until(&app, OPEN, |open| open == 0).await;
    frozen.signal("CONT");
    // It answers again, having found out that it holds nothing any more.
    until_logged(&app, "frozen", "fenced").await;
    assert_eq!(frozen.stop(), Some(0));
    assert_eq!(healthy.stop(), Some(0));

    let all = i64::try_from(USERS * EACH).unwrap();
    assert_eq!(app.sql.number(ROWS).await, all * 40 + 20);
    let whole = "SELECT COUNT(*) FROM searches
                 WHERE state = 'finished' AND found = request_limit AND pages_done = pages_planned"
        .replace("request_limit", "CAST(request ->> 'limit' AS BIGINT)");
    assert_eq!(app.sql.number(&whole).await, all + 1);
    assert_eq!(app.sql.number("SELECT COUNT(*) FROM jobs WHERE state <> 'done'").await, 0);
    let patient = "SELECT attempt FROM jobs WHERE id = (SELECT id FROM searches ORDER BY id DESC LIMIT 1)";
    assert_eq!(app.sql.number(patient).await, 1);
    let asked = pages_asked(&app).await;
    let pages: BTreeSet<_> = asked.iter().collect();
    assert_eq!(pages.len(), USERS * EACH * 2 + 1);
    // Only pages that were under way where they could not arrive were asked for again.
    let taken_over = app.sql.number("SELECT COUNT(*) FROM jobs WHERE attempt > 1").await;
    assert!(taken_over > 0);
    let repeated = i64::try_from(asked.len() - pages.len()).unwrap();
    assert!(repeated <= taken_over, "{repeated} pages repeated, {taken_over} jobs taken over");
}

async fn until_logged(app: &App, log: &str, word: &str) {
    for _ in 0..600 {
        if std::fs::read_to_string(log_file(app, log)).unwrap().contains(word) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{word} is not in the log");
}

#[test]
fn what_a_killed_and_a_frozen_process_held_is_done_once_postgres() {
    if Engine::postgres_is_given() {
        crate::support::run(what_a_killed_and_a_frozen_process_held_is_done_once());
    }
}
