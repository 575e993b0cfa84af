//! What keys were used for, over REST.

use std::time::Duration;

use keyward::{
    model::{
        ids::{ProviderId, UserId},
        time::Timestamp,
        usage::Range,
    },
    store::UsageRow,
};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, SqliteConnection};

use crate::support::{Answer, App, Client, DAY, Engine, HOUR, Process, both};

/// Stores a key that works, which takes the calls of one check.
async fn store(client: &mut Client) {
    let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
    client.post("/api/user-api-keys/store", &body).await.expect(201);
}

async fn refused_key(client: &mut Client) {
    let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "invalid")});
    client.post("/api/user-api-keys/store", &body).await.problem(422, "invalid-api-key");
}

async fn report(client: &mut Client, query: &str) -> Value {
    client.get(&format!("/api/usage{query}")).await.expect(200).json()
}

fn calls(report: &Value) -> (i64, i64) {
    (report["totals"]["calls"].as_i64().unwrap(), report["totals"]["failed"].as_i64().unwrap())
}

/// A call of `user` that was asked for at `at`.
fn call(user: UserId, at: Timestamp) -> UsageRow {
    UsageRow {
        user,
        key: None,
        provider: ProviderId::SERPAPI,
        service: None,
        operation: "search".to_owned(),
        outcome: "done",
        latency_us: 7,
        units: 1,
        source: "use",
        key_source: "user",
        at,
    }
}

/// As the page asks.
async fn ask(client: &mut Client, what: &str) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    client.send("POST", "/api/rpc/usage", &headers, what.to_owned().into()).await
}

/// The part of a migration that fills `table`.
fn filling<'a>(migration: &'a str, table: &str) -> &'a str {
    let begin = migration.find(&format!("INSERT INTO {table}")).unwrap();
    migration[begin..].split(';').next().unwrap()
}

both! {
    async fn calls_are_counted_and_compared_with_the_time_before(app: App) {
        let mut client = app.user("ana").await;
        let nothing = report(&mut client, "").await;
        assert_eq!((calls(&nothing), &nothing["totals"]["p50_ms"]), ((0, 0), &Value::Null));
        assert_eq!(nothing["steps"].as_array().unwrap().len(), 30);

        refused_key(&mut client).await;
        store(&mut client).await;
        let first = report(&mut client, "?range=24h").await;
        let (all, failed) = calls(&first);
        assert!(all >= 2 && failed == 1, "{first}");
        assert_eq!(first["operations"][0]["provider"], "serpapi");
        assert_eq!(first["operations"][0]["service"], Value::Null);
        assert!(first["totals"]["p99_ms"].as_i64().unwrap() >= first["totals"]["p50_ms"].as_i64().unwrap());
        assert_eq!((&first["failures"][0]["outcome"], &first["failures"][0]["calls"]), (&json!("invalid"), &json!(1)));
        let steps: Vec<_> = first["steps"].as_array().unwrap().iter().map(|step| step["calls"].as_i64().unwrap()).collect();
        assert_eq!((steps.len(), steps[23], steps.iter().sum::<i64>()), (24, all, all));

        // A search is one call of a service, with a unit for the page.
        let search = json!({"query": "few cakes", "place": "52.52, 13.405"});
        let search = client.post("/api/services/data-scraper/searches", &search).await.expect(201);
        while client.get(search.location()).await.expect(200).json()["state"] != "finished" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        app.clock.advance(Duration::from_secs(30 * 3_600));
        let mut client = app.log_in("ana").await;
        let later = report(&mut client, "?range=24h").await;
        assert_eq!(calls(&later), (0, 0));
        assert!(later["before"]["calls"].as_i64().unwrap() > all, "{later}");
        let week = report(&mut client, "?range=7d").await;
        let service = week["operations"].as_array().unwrap().iter().find(|row| row["service"] == "data-scraper").unwrap();
        assert_eq!((&service["operation"], &service["calls"], &service["units"]), (&json!("search"), &json!(1), &json!(1)));

        // Nobody sees what is another's.
        let mut other = app.user("bo").await;
        assert_eq!(calls(&report(&mut other, "?range=52w").await), (0, 0));
    }

    async fn the_last_call_is_the_newest_in_whatever_order_they_end(app: App) {
        let mut client = app.user("ana").await;
        let user = crate::jobs::user_id(&mut client).await;
        let newest = app.now();
        for ago in [60, 0, 30] {
            app.state.store.note_usage(call(user, newest.minus(Duration::from_secs(ago)))).await;
        }
        app.state.store.write_usage().await.unwrap();
        app.state.store.note_usage(call(user, newest.minus(Duration::from_secs(10)))).await;
        let hours = "SELECT COUNT(*) FROM usage_hours";
        assert_eq!((app.sql.number(hours).await, app.sql.number("SELECT last_at FROM usage_hours").await), (1, newest.0));
    }

    async fn what_no_report_can_be_about_is_refused(app: App) {
        let mut client = app.user("ana").await;
        for (query, field) in [("?range=1y", "range"), ("?offset=841", "offset"), ("?offset=a", "offset")] {
            let problem = client.get(&format!("/api/usage{query}")).await.problem(422, "invalid-input");
            assert!(problem["errors"].get(field).is_some(), "{problem}");
        }
        client.get("/api/usage?until=now").await.problem(400, "bad-request");
        let east = report(&mut client, "?range=7d&offset=840").await;
        assert!(east["begins"].as_str().unwrap().ends_with("T10:00:00Z"), "{east}");
    }

    async fn a_page_that_is_left_open_does_not_keep_its_session(app: App) {
        let mut client = app.user("ana").await;
        let mut left_open = client.clone();
        let seen = "SELECT CAST(MAX(last_seen_at) AS BIGINT) FROM sessions";
        let before = app.sql.number(seen).await;
        for _ in 0..11 {
            app.clock.advance(HOUR);
            ask(&mut left_open, "again=true").await.expect(200);
        }
        assert_eq!(app.sql.number(seen).await, before);
        ask(&mut client, "range=7d").await.expect(200);
        assert_ne!(app.sql.number(seen).await, before);
        app.clock.advance(12 * HOUR);
        assert_eq!(ask(&mut left_open, "again=true").await.status, 401);
    }

    async fn the_hours_of_older_calls_are_counted_by_the_migration(app: App) {
        let mut client = app.user("ana").await;
        refused_key(&mut client).await;
        store(&mut client).await;
        let counted = report(&mut client, "?range=24h").await;
        let migration = match app.sql.engine {
            Engine::Sqlite => include_str!("../../migrations/sqlite/20261126190001_usage_hours.sql"),
            Engine::Postgres => include_str!("../../migrations/postgres/20261126190001_usage_hours.sql"),
        };
        let (_, insert) = migration.split_once("INSERT INTO usage_hours").unwrap();
        let (insert, _) = insert.split_once(';').unwrap();
        app.sql.execute("DELETE FROM usage_hours").await;
        assert_eq!(calls(&report(&mut client, "?range=24h").await), (0, 0));
        // The table had these columns then.
        let columns = "user_id, hour, provider, service, operation, outcome, latency_le_us, calls, units, last_at";
        app.sql.execute(&format!("INSERT INTO usage_hours ({columns}) {insert}")).await;
        assert_eq!(report(&mut client, "?range=24h").await, counted);
    }

    async fn a_range_from_any_midnight_holds_what_the_ledger_holds(app: App) {
        let mut client = app.user("ana").await;
        let user = crate::jobs::user_id(&mut client).await;
        // Every 47 minutes for 80 days, some of which failed; they slow down, so that no two buckets are alike.
        let mut at = app.now().minus(80 * DAY);
        let mut number = 0;
        while at <= app.now() {
            let outcome = if number % 7 == 0 { "rate_limited" } else { "done" };
            let latency_us = 900 + number * number;
            app.state.store.note_usage(UsageRow { outcome, latency_us, ..call(user, at) }).await;
            at = at.plus(47 * HOUR / 60);
            number += 1;
        }
        for range in Range::ALL {
            for offset in [0, 330, -480, 840] {
                let window = range.window(app.now(), offset);
                let found = report(&mut client, &format!("?range={}&offset={offset}", range.code())).await;
                for (window, found) in [(window, &found["totals"]), (window.before(app.now()), &found["before"])] {
                    let count = |of: &str| format!("SELECT COUNT(*) FROM usage_events WHERE at >= {} AND at < {} {of}", window.begins.0, window.ends.0);
                    let all = app.sql.number(&count("")).await;
                    let failed = app.sql.number(&count("AND outcome <> 'done'")).await;
                    assert_eq!((&found["calls"], &found["units"], &found["failed"]), (&json!(all), &json!(all), &json!(failed)), "{range} {offset}");
                }
                let steps = found["steps"].as_array().unwrap();
                let sum = |what: &str| steps.iter().map(|step| step[what].as_i64().unwrap()).sum::<i64>();
                assert_eq!((&found["totals"]["calls"], &found["totals"]["failed"]), (&json!(sum("calls")), &json!(sum("failed"))));
            }
        }
    }

    async fn days_and_totals_of_older_hours_are_added_up_by_the_migration(app: App) {
        let mut client = app.user("ana").await;
        let user = crate::jobs::user_id(&mut client).await;
        for hours in 0..100 {
            let outcome = if hours % 9 == 0 { "invalid" } else { "done" };
            app.state.store.note_usage(UsageRow { outcome, ..call(user, app.now().minus(hours * HOUR)) }).await;
        }
        let counted = report(&mut client, "?range=30d").await;
        assert_eq!(calls(&counted), (100, 12));
        let migration = match app.sql.engine {
            Engine::Sqlite => include_str!("../../migrations/sqlite/20261127030001_usage_days.sql"),
            Engine::Postgres => include_str!("../../migrations/postgres/20261127030001_usage_days.sql"),
        };
        for table in ["usage_days", "usage_totals"] {
            app.sql.execute(&format!("DELETE FROM {table}")).await;
        }
        assert_ne!(report(&mut client, "?range=30d").await, counted);
        for table in ["usage_days", "usage_totals"] {
            app.sql.execute(filling(migration, table)).await;
        }
        assert_eq!(report(&mut client, "?range=30d").await, counted);
        // After two years nothing of it is left, and to find it no table is read from end to end.
        app.state.store.sweep(app.now().plus(733 * DAY)).await.unwrap();
        let swept = [
            ("usage_events", "at"),
            ("usage_hours", "hour"),
            ("usage_days", "day"),
            ("usage_totals", "hour"),
            ("usage_providers", "hour"),
            ("usage_costs", "hour"),
            ("quota_points", "at"),
        ];
        for (table, time) in swept {
            assert_eq!(app.sql.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0);
            let indexes = match app.sql.engine {
                Engine::Sqlite => format!("SELECT COUNT(*) FROM pragma_index_list('{table}') AS l JOIN pragma_index_info(l.name) AS i WHERE i.seqno = 0 AND i.name = '{time}'"),
                Engine::Postgres => format!("SELECT COUNT(*) FROM pg_indexes WHERE tablename = '{table}' AND indexdef LIKE '%({time})'"),
            };
            assert_eq!(app.sql.number(&indexes).await, 1, "{table}");
        }
    }

    async fn a_call_that_cannot_be_written_takes_no_other_with_it(app: App) {
        let mut client = app.user("ana").await;
        let user = crate::jobs::user_id(&mut client).await;
        // More than one batch, from many at once, and in each one of nobody.
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..8 {
            let (store, at) = (app.state.store.clone(), app.now());
            callers.spawn(async move {
                for number in 0..100 {
                    let user = if number == 50 { UserId::generate() } else { user };
                    store.note_usage(UsageRow { latency_us: caller, ..call(user, at) }).await;
                }
            });
        }
        callers.join_all().await;
        assert_eq!(calls(&report(&mut client, "?range=24h").await), (792, 0));
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM usage_events").await, 792);
        for table in ["usage_hours", "usage_days", "usage_totals"] {
            assert_eq!(app.sql.number(&format!("SELECT CAST(SUM(calls) AS BIGINT) FROM {table}")).await, 792);
        }
    }

    async fn what_waits_is_written_before_the_database_is_closed(app: App) {
        let mut client = app.user("ana").await;
        let user = crate::jobs::user_id(&mut client).await;
        for _ in 0..300 {
            app.state.store.note_usage(call(user, app.now())).await;
        }
        let app = app.restarted(&[]).await;
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM usage_events").await, 300);
    }

    async fn a_process_that_is_told_to_stop_has_written_every_call(app: App) {
        // Only its simulator, database and directory are used; the program runs beside it.
        app.state.store.close().await;
        let process = Process::start(&app.sql.url, app.dir.path(), app.simulator, &app.dir.path().join("log")).await;
        let cookie = process.register("ana").await.unwrap();
        let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "invalid")});
        for _ in 0..3 {
            let (status, _) = process.json("POST", "/api/user-api-keys/store", &cookie, &body).await.unwrap();
            assert_eq!(status, 422);
        }
        assert_eq!(process.stop(), Some(0));
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM usage_events WHERE outcome = 'invalid'").await, 3);
    }
}

/// SQLite says so when another program has the database for longer than its patience.
#[test]
fn calls_wait_for_a_database_that_is_busy() {
    crate::support::run(async {
        let app = App::start(Engine::Sqlite).await;
        let mut client = app.user("ana").await;
        let user = crate::jobs::user_id(&mut client).await;
        let mut other = SqliteConnection::connect(&app.sql.url).await.unwrap();
        other.execute("BEGIN IMMEDIATE").await.unwrap();
        let begin = std::time::Instant::now();
        for _ in 0..10 {
            app.state.store.note_usage(call(user, app.now())).await;
        }
        assert!(begin.elapsed() < Duration::from_secs(1), "the calls themselves have waited");
        let busy = app.state.store.write_usage().await.unwrap_err();
        assert!(busy.is_transient(), "{busy}");
        other.execute("ROLLBACK").await.unwrap();
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM usage_events").await, 10);
        assert_eq!(calls(&report(&mut client, "?range=24h").await), (10, 0));
    });
}
