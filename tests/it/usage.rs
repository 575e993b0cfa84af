//! What keys were used for, over REST.

use std::time::Duration;

use keyward::store::UsageRow;
use serde_json::{Value, json};

use crate::support::{App, Client, Engine, both};

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
            let row = UsageRow {
                user,
                key: None,
                provider: "serpapi",
                service: None,
                operation: "search",
                outcome: "done",
                latency_us: 7,
                units: 1,
                source: "use",
                key_source: "user",
                at: newest.minus(Duration::from_secs(ago)),
            };
            app.state.store.insert_usage(&row).await.unwrap();
        }
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
        app.sql.execute(&format!("INSERT INTO usage_hours{insert}")).await;
        assert_eq!(report(&mut client, "?range=24h").await, counted);
    }
}
