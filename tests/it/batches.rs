//! Several searches at once: over REST, and their pages without JavaScript.

use std::time::Duration;

use keyward::{
    model::{
        ids::{BatchId, SearchId},
        job::LEASE,
        scraper::{BatchInput, ResultRow},
    },
    store::{NewSearch, PageOfResults, Taken},
};
use serde_json::{Value, json};

use crate::{
    jobs::{claim, pages_asked, rest, user_id},
    support::{App, Client, both},
};

const BATCHES: &str = "/api/services/data-scraper/batches";

async fn with_key(app: &App, name: &str) -> Client {
    let mut client = app.user(name).await;
    let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
    client.post("/api/user-api-keys/store", &body).await.expect(201);
    client
}

async fn ended(client: &mut Client, address: &str) -> Value {
    for _ in 0..2_000 {
        let batch = client.get(address).await.expect(200).json();
        let open = |search: &Value| search["state"] == "running" || search["state"] == "queued";
        if !batch["searches"].as_array().unwrap().iter().any(open) {
            return batch;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not end");
}

both! {
    async fn a_batch_is_estimated_started_and_downloaded_with_each_place_once(app: App) {
        let mut client = app.user("ana").await;
        // One query twice: its second time is left out.
        let body = json!({"queries": ["many cafes", "few shops", "Many Cafes"], "place": "52.52, 13.405", "limit": 40});
        let estimate = client.post(&format!("{BATCHES}/estimate"), &body).await.expect(200).json();
        assert_eq!(estimate, json!({"queries": 2, "searches": 4, "left": null}));
        client.post(BATCHES, &body).await.problem(403, "missing-api-keys");
        let mut client = with_key(&app, "bo").await;
        let estimate = client.post(&format!("{BATCHES}/estimate"), &body).await.expect(200).json();
        assert_eq!(estimate["left"], 958);
        assert!(pages_asked(&app).await.is_empty());

        let started = client.post(BATCHES, &body).await.expect(201);
        let address = started.location().to_owned();
        let batch = ended(&mut client, &address).await;
        assert_eq!((batch["searches"].as_array().unwrap().len(), &batch["found"]), (2, &json!(47)));
        assert_eq!(batch["searches"][0]["batch"], batch["id"]);
        assert_eq!(pages_asked(&app).await.len(), 3);
        let csv = client.get(&format!("{address}/results.csv")).await.expect(200);
        assert_eq!(csv.text.lines().count(), 1 + 47);
        let last = csv.text.lines().last().unwrap();
        assert!(last.starts_with("47,") && last.ends_with(",few shops"));
        let json = client.get(&format!("{address}/results.json")).await.expect(200).json();
        assert_eq!((&json[46]["position"], &json[46]["query"]), (&json!(47), &json!("few shops")));
        let list = client.get(&format!("{address}/results?filter=SHOPS&sort=-name")).await.expect(200).json();
        let found = list["items"].as_array().unwrap();
        assert!(!found.is_empty() && found.iter().all(|row| row["query"] == "few shops"));

        let page = client.get(&address.replace("/api/", "/")).await.expect(200).text;
        assert!(page.contains("many cafes") && page.contains("47 found") && page.contains("results.csv"));
        let mut other = app.user("eve").await;
        other.get(&address).await.problem(404, "not-found");
        other.get(&format!("{address}/results.csv")).await.problem(404, "not-found");
        other.delete(&address).await.problem(404, "not-found");
        client.delete(&address).await.expect(204);
        client.get(&address).await.problem(404, "not-found");
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM jobs").await, 0);
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM search_results").await, 0);
    }

    async fn a_batch_that_ended_early_goes_on_as_a_whole_without_paying_twice(app: App) {
        let mut client = with_key(&app, "ana").await;
        app.control("PUT", "/keys/serpapi/plenty", Some(json!({"searches_left": 3}))).await;
        let body = json!({"queries": ["many cafes", "many hotels", "many gyms"], "place": "52.52, 13.405", "limit": 60});
        let address = client.post(BATCHES, &body).await.expect(201).location().to_owned();
        let batch = ended(&mut client, &address).await;
        assert_eq!(batch["found"], 60);
        let page = client.get(&address.replace("/api/", "/")).await.expect(200).text;
        assert!(page.contains("Go on with all") && page.contains("6 pages are missing, for up to 6 searches."));
        let resume = format!("{address}/resume");
        client.post(&resume, &json!({})).await.problem(403, "missing-api-keys");
        app.control("PUT", "/keys/serpapi/plenty", Some(json!({"searches_left": 100}))).await;
        client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200);
        with_key(&app, "eve").await.post(&resume, &json!({})).await.problem(404, "not-found");
        let going = client.post(&resume, &json!({})).await.expect(200).json();
        let states: Vec<_> = going["searches"].as_array().unwrap().iter().map(|search| &search["state"]).collect();
        assert!(states.iter().all(|state| ["running", "queued", "finished"].contains(&state.as_str().unwrap())), "{states:?}");
        let batch = ended(&mut client, &address).await;
        assert_eq!(batch["found"], 180);
        assert!(batch["searches"].as_array().unwrap().iter().all(|search| search["state"] == "finished"));
        // Nine pages in all: three of the first 3 searches, six of the 100 since.
        let key = client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200).json();
        let quota = &key["metadata"]["quota"];
        assert_eq!(quota["limit"].as_i64().unwrap() - quota["used"].as_i64().unwrap(), 94, "{quota}");
        client.post(&resume, &json!({})).await.problem(409, "conflict");
    }

    async fn a_place_that_two_queries_find_is_a_result_of_the_first(app: App) {
        let user = user_id(&mut app.user("ana").await).await;
        rest(&app).await;
        let input = BatchInput {
            queries: ["bakery", "pastry shop"].map(str::to_owned).into(),
            place: "52.52, 13.405".to_owned(),
            ..BatchInput::default()
        };
        let (requests, batch) = (input.check().unwrap(), Some(BatchId::generate()));
        let searches: Vec<_> = requests
            .iter()
            .map(|request| NewSearch { id: SearchId::generate(), user, request, left_before: None, batch })
            .collect();
        let store = &app.state.store;
        assert_eq!(store.insert_batch(&searches, None, app.now()).await.unwrap(), Taken::New);
        let (one, two) = (claim(&app).await.unwrap(), claim(&app).await.unwrap());
        // The same places in the opposite order, at the same time.
        let mut rows: Vec<_> = (0..20).map(|n| (format!("place {n}"), ResultRow::default())).collect();
        let until = app.now().plus(LEASE);
        let there = rows.clone();
        rows.reverse();
        let page = |rows| PageOfResults { rows, limit: 120, next: None, lease_until: until, query: None };
        let (first, second) = (page(&there), page(&rows));
        let (first, second) =
            tokio::join!(store.save_page(one, &first, app.now()), store.save_page(two, &second, app.now()));
        let found = [first.unwrap().unwrap(), second.unwrap().unwrap()];
        assert!(found == [20, 0] || found == [0, 20], "{found:?}");
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM search_results").await, 20);
    }

    async fn a_batch_is_taken_on_as_a_whole_or_not_at_all(app: App) {
        let mut client = with_key(&app, "ana").await;
        rest(&app).await;
        let batch = |n: usize, count: usize| {
            let queries: Vec<_> = (0..count).map(|query| format!("bakery {n} {query}")).collect();
            json!({"queries": queries, "place": "52.52, 13.405"})
        };
        client.post(BATCHES, &batch(0, 101)).await.problem(422, "invalid-input");
        client.post(BATCHES, &batch(0, 0)).await.problem(422, "invalid-input");
        let first = client.post(BATCHES, &batch(1, 50)).await.expect(201).location().to_owned();
        client.post(BATCHES, &batch(2, 49)).await.expect(201);
        client.post(BATCHES, &batch(3, 2)).await.problem(409, "too-many-searches");
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM searches").await, 99);
        let stopped = client.post(&format!("{first}/cancel"), &json!({})).await.expect(200).json();
        assert!(stopped["searches"].as_array().unwrap().iter().all(|search| search["state"] == "cancelled"));
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM jobs WHERE state = 'cancelled'").await, 50);
        client.post(BATCHES, &batch(3, 2)).await.expect(201);
    }

    async fn the_pages_work_without_javascript(app: App) {
        let mut client = with_key(&app, "ana").await;
        let path = "/services/data-scraper/batches";
        assert!(client.get("/services/data-scraper").await.expect(200).text.contains(path));
        let page = client.get(path).await.expect(200).text;
        assert!(page.contains("action=\"/api/rpc/start_batch\"") && page.contains("SerpAPI has 958 left."));
        let fields = [("queries", "few bakeries, late\r\n\r\nfew <b>\tx\r\n"), ("place", "52.52, 13.405"), ("limit", "20")];
        let answer = client.form("/api/rpc/start_batch", path, &fields).await.expect(302);
        let page = answer.location().to_owned();
        ended(&mut client, &format!("/api{page}")).await;
        let text = client.get(&page).await.expect(200).text;
        assert!(text.contains("few bakeries, late") && text.contains("few &lt;b&gt;") && !text.contains("few <b>"));
        let id = page.rsplit('/').next().unwrap();
        let gone = client.form("/api/rpc/delete_batch", &page, &[("id", id)]).await.expect(302);
        assert_eq!(gone.location(), "/services/data-scraper");
        client.get(&page).await.expect(404);
    }
}
