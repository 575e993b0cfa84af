//! Quotas over time: what checks told, how long it lasts, on the card, on the page and over REST.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, Client, DAY, both};

async fn store(client: &mut Client) {
    let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
    client.post("/api/user-api-keys/store", &body).await.expect(201);
}

/// A day goes by, then so many searches are left, which the next check tells.
async fn a_day_with(app: &App, left: u32) -> Client {
    app.clock.advance(DAY);
    told(app, left).await
}

async fn told(app: &App, left: u32) -> Client {
    app.control("PUT", "/keys/serpapi/plenty", Some(json!({"searches_left": left}))).await;
    let mut client = app.log_in("ana").await;
    client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200);
    client
}

async fn forecast(client: &mut Client) -> Value {
    client.get("/api/user-api-keys").await.expect(200).json()["items"][0]["forecast"].clone()
}

async fn quotas(client: &mut Client, range: &str) -> Value {
    client.get(&format!("/api/usage?range={range}")).await.expect(200).json()["quotas"].clone()
}

both! {
    async fn a_pace_says_when_the_searches_end(app: App) {
        let mut client = app.user("ana").await;
        assert_eq!(quotas(&mut client, "7d").await, json!([]));
        app.control("PUT", "/keys/serpapi/plenty", Some(json!({"searches_left": 600}))).await;
        store(&mut client).await;
        assert_eq!(forecast(&mut client).await["outlook"], "too_early");
        let mut client = a_day_with(&app, 500).await;
        assert_eq!(forecast(&mut client).await["outlook"], "too_early");
        let mut client = a_day_with(&app, 400).await;

        let told = forecast(&mut client).await;
        let end = app.now().plus(4 * DAY);
        assert_eq!((&told["outlook"], &told["per_day"], &told["unit"]), (&json!("ends"), &json!(100), &json!("searches")));
        assert_eq!(told["at"], end.to_string());
        let history = quotas(&mut client, "24h").await;
        assert_eq!(history[0]["forecast"], told);
        let used: Vec<_> = history[0]["points"].as_array().unwrap().iter().map(|point| (point["used"].as_i64().unwrap(), point["limit"].as_i64().unwrap())).collect();
        assert_eq!(used, [(400, 1_000), (500, 1_000), (600, 1_000)]);

        // 18 November 2026, where all begins, is a Wednesday.
        let page = client.get("/analytics").await.expect(200).text;
        assert!(page.contains("About 100 a day."), "{page}");
        let card = client.get("/settings/api-keys").await.expect(200).text;
        for said in [page, card] {
            assert!(said.contains("At this pace your SerpAPI searches end") && said.contains(">on Tuesday<"), "{said}");
        }

        let csv = client.get("/api/usage.csv?table=quotas&range=7d").await.expect(200);
        assert!(csv.headers["content-disposition"].to_str().unwrap().ends_with("filename=\"usage-quotas-7d-2026-11-20.csv\""));
        let lines: Vec<_> = csv.text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (4, "\u{feff}Provider,Unit,When,Used,Of,Left,Renewed"));
        assert!(lines[3].starts_with(&format!("SerpAPI,searches,{},600,1000,400,", app.now())), "{csv:?}", csv = csv.text);

        // Nobody sees what is another's.
        let mut other = app.user("bo").await;
        assert_eq!(quotas(&mut other, "52w").await, json!([]));
        assert_eq!(other.get("/api/usage.csv?table=quotas").await.expect(200).text.lines().count(), 1);
    }

    async fn a_slow_pace_lasts_until_the_renewal(app: App) {
        let mut client = app.user("ana").await;
        app.control("PUT", "/keys/serpapi/plenty", Some(json!({"searches_left": 1_000}))).await;
        store(&mut client).await;
        a_day_with(&app, 1_000).await;
        let mut client = a_day_with(&app, 1_000).await;
        assert_eq!(forecast(&mut client).await["outlook"], "unused");
        let mut client = a_day_with(&app, 999).await;
        let told = forecast(&mut client).await;
        let key = client.get("/api/user-api-keys").await.json()["items"][0].clone();
        assert_eq!((&told["outlook"], &told["at"]), (&json!("lasts_until_renewal"), &key["metadata"]["quota"]["resets_at"]));
        let page = client.get("/settings/api-keys").await.expect(200).text;
        assert!(page.contains("At this pace your SerpAPI searches last until they are renewed"));
        // A renewal, after which nothing is known of the new pace.
        told_again(&app, &mut client, 900).await;
        let mut client = a_day_with(&app, 1_000).await;
        assert_eq!(forecast(&mut client).await["outlook"], "too_early");
        // Nothing is left; and nobody has heard anything for days.
        let mut client = a_day_with(&app, 0).await;
        assert_eq!(forecast(&mut client).await["outlook"], "used_up");
        app.clock.advance(4 * DAY);
        let mut client = app.log_in("ana").await;
        assert_eq!(forecast(&mut client).await["outlook"], "outdated");
    }

    async fn a_figure_is_written_down_when_it_changes_or_after_an_hour(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client).await;
        let points = "SELECT COUNT(*) FROM quota_points";
        assert_eq!(app.sql.number(points).await, 1);
        let minute = Duration::from_secs(60);
        for (after, left, count) in [(minute, 958, 1), (minute, 957, 2), (59 * minute, 957, 2), (minute, 957, 3), (minute, 957, 3)] {
            app.clock.advance(after);
            told(&app, left).await;
            assert_eq!(app.sql.number(points).await, count, "{after:?}");
        }
        // What brings no definite answer, or a no, tells no figure.
        for situation in ["down", "invalid"] {
            app.clock.advance(DAY);
            app.control("PUT", "/keys/serpapi/plenty", Some(json!({"situation": situation}))).await;
            let mut client = app.log_in("ana").await;
            client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200);
        }
        assert_eq!(app.sql.number(points).await, 3);

        // A replaced key begins anew; a deleted one leaves nothing, and old figures go.
        app.control("PUT", "/keys/serpapi/plenty", Some(json!({"situation": "plenty"}))).await;
        let mut client = app.log_in("ana").await;
        let credentials = App::test_key("serpapi", "nearly_used_up");
        client.put("/api/user-api-keys/serpapi", &json!({"credentials": credentials})).await.expect(200);
        assert_eq!(app.sql.number(points).await, 4);
        let history = quotas(&mut client, "30d").await;
        assert_eq!((history[0]["points"].as_array().unwrap().len(), &history[0]["forecast"]["outlook"]), (1, &json!("too_early")));
        app.state.store.sweep(app.now().plus(89 * DAY)).await.unwrap();
        assert_eq!(app.sql.number(points).await, 1);
        let mut client = app.log_in("ana").await;
        client.delete("/api/user-api-keys/serpapi").await.expect(204);
        assert_eq!(app.sql.number(points).await, 0);
    }

    async fn a_key_that_is_checked_once_a_week_has_a_pace(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client).await;
        // Checks come up to a fifth later than they should.
        for (weeks, used) in [(1, 22), (2, 2), (3, 1)] {
            let at = app.now().minus(weeks * DAY * 42 / 5).0;
            let insert = format!(
                "INSERT INTO quota_points (user_id, key_id, version, at, unit, used, units_max)
                 SELECT user_id, id, 1, {at}, 'searches', {used}, 1000 FROM user_api_keys"
            );
            app.sql.execute(&insert).await;
        }
        let mut forecasts = Vec::new();
        for range in ["24h", "52w"] {
            let history = quotas(&mut client, range).await;
            forecasts.push(history[0]["forecast"].clone());
            assert!(history[0]["points"].as_array().unwrap().len() >= 3, "{history}");
        }
        assert!(forecasts[0]["per_day"] == 3 && forecasts[0] == forecasts[1], "{forecasts:?}");
        let keys = client.get("/api/user-api-keys").await.expect(200).json();
        assert!(keys.to_string().contains("\"per_day\":3"), "{keys}");
    }

    async fn a_long_time_is_drawn_from_the_last_figures_of_its_parts(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client).await;
        let hours = 90 * 24;
        for hour in (1..hours).rev() {
            let at = app.now().0 - hour * 3_600_000_000;
            let insert = format!(
                "INSERT INTO quota_points (user_id, key_id, version, at, unit, used, units_max)
                 SELECT user_id, id, 1, {at}, 'searches', {used}, 9000 FROM user_api_keys",
                used = hours - hour
            );
            app.sql.execute(&insert).await;
        }
        for (range, most) in [("24h", 102), ("30d", 102), ("90d", 102), ("52w", 30)] {
            let history = quotas(&mut client, range).await;
            let points = history[0]["points"].as_array().unwrap();
            let used: Vec<_> = points.iter().map(|point| point["used"].as_i64().unwrap()).collect();
            assert!((20..=most).contains(&points.len()), "{range}: {}", points.len());
            // The last is that of now, whatever is left out before.
            assert_eq!(used.last(), Some(&42));
            assert!(used[..used.len() - 1].is_sorted(), "{range}: {used:?}");
        }
    }
}

/// The same moment, another figure.
async fn told_again(app: &App, client: &mut Client, left: u32) {
    app.clock.advance(Duration::from_secs(60));
    app.control("PUT", "/keys/serpapi/plenty", Some(json!({"searches_left": left}))).await;
    client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200);
}
