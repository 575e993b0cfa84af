//! The Data Scraper: searches over REST, and its page without JavaScript.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{App, Client, DAY, Engine, HOUR, both};

const SEARCHES: &str = "/api/services/data-scraper/searches";

async fn with_key(app: &App, name: &str, key: &str) -> Client {
    let mut client = app.user(name).await;
    let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", key)});
    client.post("/api/user-api-keys/store", &body).await.expect(201);
    client
}

fn berlin(query: &str, limit: u32) -> Value {
    json!({"query": query, "place": "Berlin, Germany", "limit": limit})
}

/// Waits until a search has ended.
async fn ended(client: &mut Client, address: &str) -> Value {
    for _ in 0..1_000 {
        let search = client.get(address).await.expect(200).json();
        if search["state"] != "running" {
            return search;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not end");
}

async fn search(client: &mut Client, body: &Value) -> (String, Value) {
    let answer = client.post(SEARCHES, body).await.expect(201);
    let address = answer.location().to_owned();
    assert_eq!(answer.json()["state"], "running");
    let search = ended(client, &address).await;
    (address, search)
}

fn positions(list: &Value) -> Vec<u64> {
    list["items"].as_array().unwrap().iter().map(|row| row["position"].as_u64().unwrap()).collect()
}

both! {
    async fn a_search_is_made_kept_and_reached_without_the_key(app: App) {
        let mut client = app.user("ana").await;
        let problem = client.post(SEARCHES, &berlin("coffee", 20)).await.problem(403, "missing-api-keys");
        assert_eq!(problem["missing_providers"], json!(["serpapi"]));
        let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        client.post("/api/user-api-keys/store", &body).await.expect(201);

        let (address, found) = search(&mut client, &berlin("many odd coffee", 80)).await;
        assert_eq!((&found["state"], &found["notice"]), (&json!("finished"), &Value::Null));
        assert_eq!(found["resolved_place"], "Berlin, Berlin, Germany");
        assert_eq!((&found["found"], &found["pages_done"], &found["pages_planned"]), (&json!(80), &json!(4), &json!(4)));
        let (before, after) = (found["searches_left_before"].as_i64().unwrap(), found["searches_left_after"].as_i64().unwrap());
        assert_eq!(before - after, 4);

        let first = client.get(&format!("{address}/results?sort=-rating")).await.expect(200).json();
        let next = first["next"].as_str().unwrap();
        let second = client.get(&format!("{address}/results?sort=-rating&cursor={next}")).await.expect(200).json();
        assert_eq!(second["next"], Value::Null);
        let mut all = positions(&first);
        all.extend(positions(&second));
        all.sort_unstable();
        assert_eq!(all, (1..=80).collect::<Vec<_>>());

        let csv = client.get(&format!("{address}/results.csv")).await.expect(200);
        assert!(csv.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
        assert!(csv.headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"many-odd-coffee-"));
        assert!(csv.text.contains("'=1+1") && !csv.text.contains(",=1+1"));

        client.delete("/api/user-api-keys/serpapi").await.expect(204);
        client.post(SEARCHES, &berlin("coffee", 20)).await.problem(403, "missing-api-keys");
        assert_eq!(client.get(SEARCHES).await.expect(200).json()["items"][0]["found"], 80);
        client.get(&format!("{address}/results.csv")).await.expect(200);
        let page = client.get("/services/data-scraper").await.expect(200);
        assert!(page.text.contains("many odd coffee") && page.text.contains("Data Scraper needs SerpAPI"));

        let mut other = app.user("bo").await;
        for path in [address.clone(), format!("{address}/results"), format!("{address}/results.csv")] {
            other.get(&path).await.problem(404, "not-found");
        }
        other.delete(&address).await.problem(404, "not-found");
        client.delete(&address).await.expect(204);
        client.get(&address).await.problem(404, "not-found");
        assert_eq!(client.get(SEARCHES).await.json(), json!({"items": [], "next": null}));
    }

    async fn the_web_is_searched_as_well(app: App) {
        let mut client = with_key(&app, "ana", "plenty").await;
        let body = json!({"engine": "web", "query": "tea \u{fc}ber alles", "limit": 40});
        let (address, found) = search(&mut client, &body).await;
        assert_eq!((&found["state"], &found["found"], &found["pages_done"]), (&json!("finished"), &json!(25), &json!(3)));
        assert_eq!((&found["request"]["engine"], &found["request"]["place"]), (&json!("web"), &json!("")));
        let list = client.get(&format!("{address}/results?sort=website&email=true")).await.expect(200).json();
        let rows = list["items"].as_array().unwrap();
        assert!(!rows.is_empty() && rows.len() < 25);
        for row in rows {
            assert!(row["snippet"].as_str().unwrap().contains(row["email"].as_str().unwrap()), "{row}");
            assert!(row["website"].as_str().unwrap().starts_with("https://") && row["displayed_link"].is_string());
        }
        let csv = client.get(&format!("{address}/results.csv")).await.expect(200).text;
        assert!(csv.starts_with("\u{feff}No.,Title,Link,Displayed link,Snippet,E-mail\r\n") && csv.lines().count() == 26);
        let json = client.get(&format!("{address}/results.json")).await.expect(200).json();
        assert_eq!(json.as_array().unwrap().len(), 25);
        let page = client.get(&address.replace("/api/", "/")).await.expect(200).text;
        assert!(page.contains("Snippet") && page.contains("tea über alles") && !page.contains(">Rating<"));
        // In a place that SerpAPI knows, and in one that it does not.
        search(&mut client, &json!({"engine": "web", "query": "few cakes", "place": "Berlin"})).await;
        let (_, unknown) = search(&mut client, &json!({"engine": "web", "query": "few cakes", "place": "Atlantis", "limit": 20})).await;
        assert_eq!((&unknown["place_unknown"], &unknown["pages_planned"]), (&json!(true), &json!(2)));
        let asked = app.control("GET", "/journal", None).await.to_string();
        assert!(asked.contains("Berlin, Berlin, Germany") && asked.contains("few cakes Atlantis"));
        let wrong = json!({"engine": "web", "query": "tea", "place": "52.52, 13.405"});
        let problem = client.post(SEARCHES, &wrong).await.problem(422, "invalid-input");
        assert!(problem["errors"].get("place").is_some());
        client.post(SEARCHES, &json!({"engine": "moon", "query": "tea"})).await.problem(400, "bad-request");
    }

    async fn every_ending_has_its_own_words(app: App) {
        let mut client = with_key(&app, "ana", "plenty").await;
        let mut ending = async |body: Value| {
            let (_, found) = search(&mut client, &body).await;
            (found["state"].clone(), found["notice"].clone(), found["found"].clone())
        };
        assert_eq!(ending(berlin("nothing", 40)).await, (json!("finished"), json!("no_results"), json!(0)));
        assert_eq!(ending(berlin("single bakery", 40)).await, (json!("finished"), Value::Null, json!(1)));
        assert_eq!(ending(berlin("few bakeries", 40)).await, (json!("finished"), Value::Null, json!(7)));
        assert_eq!(ending(berlin("many, fail on page 2", 60)).await, (json!("partial"), json!("provider_fault"), json!(20)));
        assert_eq!(ending(berlin("many, fail on page 1", 60)).await, (json!("failed"), json!("provider_fault"), json!(0)));
        let unknown = json!({"query": "many bakeries", "place": "Kleinkleckersdorf", "limit": 60});
        assert_eq!(ending(unknown).await, (json!("finished"), Value::Null, json!(20)));
        let point = json!({"query": "many bakeries", "place": "48.8566, 2.3522", "limit": 40});
        assert_eq!(ending(point).await, (json!("finished"), Value::Null, json!(40)));

        let mut poor = with_key(&app, "bo", "nearly_used_up").await;
        let (_, found) = search(&mut poor, &berlin("many hotels", 120)).await;
        assert_eq!((&found["state"], &found["notice"]), (&json!("partial"), &json!("quota_used_up")));
        assert_eq!((&found["found"], &found["searches_left_after"]), (&json!(60), &json!(0)));
        // The key is known to be used up at once, and nothing more is started with it.
        poor.post(SEARCHES, &berlin("coffee", 20)).await.problem(403, "missing-api-keys");
    }

    async fn a_running_search_is_stopped(app: App) {
        let mut client = with_key(&app, "ana", "plenty").await;
        let slow = client.post(SEARCHES, &berlin("slow coffee", 120)).await.expect(201).location().to_owned();
        client.post(SEARCHES, &berlin("slow tea", 120)).await.expect(201);
        let cancel = async |client: &mut Client, address: &str| {
            let stopped = client.send("POST", &format!("{address}/cancel"), &[], Vec::new()).await.expect(200).json();
            assert_eq!((&stopped["state"], &stopped["notice"]), (&json!("cancelled"), &json!("cancelled")));
        };
        // Two run, so others wait; one that waits is stopped without any call, one that runs makes room.
        let mut waiting = Vec::new();
        for query in ["never asked", "few cakes"] {
            let answer = client.post(SEARCHES, &berlin(query, 20)).await.expect(201);
            assert_eq!(answer.json()["state"], "queued");
            waiting.push(answer.location().to_owned());
        }
        let page = client.get(&waiting[0].replace("/api/", "/")).await.expect(200).text;
        assert!(page.contains("Waiting") && page.contains("at most 2 of your searches run at the same time"));
        cancel(&mut client, &waiting[0]).await;
        cancel(&mut client, &slow).await;
        while client.get(&waiting[1]).await.json()["state"] == "queued" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(ended(&mut client, &waiting[1]).await["found"], 7);
        let asked = app.control("GET", "/journal", None).await.to_string();
        assert!(asked.contains("few cakes") && !asked.contains("never asked"));
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM jobs WHERE state = 'cancelled'").await, 2);
    }

    async fn a_search_that_ended_early_goes_on_without_paying_twice(app: App) {
        let mut client = with_key(&app, "ana", "plenty").await;
        app.control("PUT", "/keys/serpapi/plenty", Some(json!({"searches_left": 2}))).await;
        let (address, found) = search(&mut client, &berlin("many hotels", 120)).await;
        assert_eq!((&found["state"], &found["notice"], &found["found"]), (&json!("partial"), &json!("quota_used_up"), &json!(40)));
        assert_eq!(found["can_resume"], true);
        let page = client.get(&address.replace("/api/", "/")).await.expect(200).text;
        assert!(page.contains("Go on") && page.contains("4 pages are missing, for up to 4 searches."));
        let resume = format!("{address}/resume");
        // Going on spends the key, so the service must be open.
        client.post(&resume, &json!({})).await.problem(403, "missing-api-keys");
        app.control("PUT", "/keys/serpapi/plenty", Some(json!({"searches_left": 100}))).await;
        client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200);
        app.user("bo").await.post(&resume, &json!({})).await.problem(403, "missing-api-keys");
        with_key(&app, "eve", "plenty").await.post(&resume, &json!({})).await.problem(404, "not-found");
        assert_eq!(client.post(&resume, &json!({})).await.expect(200).json()["state"], "running");
        let found = ended(&mut client, &address).await;
        assert_eq!((&found["state"], &found["found"], &found["pages_done"]), (&json!("finished"), &json!(120), &json!(6)));
        assert_eq!(found["searches_left_after"], 96);
        client.post(&resume, &json!({})).await.problem(409, "conflict");
    }

    async fn the_page_works_without_javascript(app: App) {
        let mut client = with_key(&app, "ana", "plenty").await;
        let page = client.get("/services/data-scraper").await.expect(200);
        assert!(page.text.contains("action=\"/api/rpc/start_search\"") && page.text.contains("60 results, 3 searches"));
        let fields = [("query", "few <b>bakeries"), ("place", "Berlin"), ("language", "de"), ("country", ""), ("limit", "20")];
        let answer = client.form("/api/rpc/start_search", "/services/data-scraper", &fields).await.expect(302);
        let path = answer.location().to_owned();
        let id = path.strip_prefix("/services/data-scraper/searches/").unwrap().to_owned();
        ended(&mut client, &format!("{SEARCHES}/{id}")).await;

        let page = client.get(&format!("{path}?sort=-rating")).await.expect(200);
        assert!(page.text.contains("few &lt;b&gt;bakeries, Berlin") && !page.text.contains("few <b>"));
        assert!(page.text.contains("aria-sort=\"descending\"") && page.text.contains("7 of 7 shown"));
        assert!(page.text.contains("results.csv"));
        let page = client.get(&format!("{path}?filter=surelynotthere")).await.expect(200);
        assert!(page.text.contains("No result passes the filter."));

        let wrong = [("query", ""), ("place", "91, 0"), ("limit", "20")];
        let back = client.form("/api/rpc/start_search", "/services/data-scraper", &wrong).await.expect(302);
        let page = client.get(back.location().trim_start_matches("http://127.0.0.1:3000")).await.expect(200);
        assert!(page.text.contains("What is missing.") && page.text.contains("Where is outside the allowed range."));

        let again = client.get("/services/data-scraper?query=tea&place=Bonn&limit=30").await.expect(200);
        assert!(again.text.contains("value=\"tea\"") && again.text.contains("30 results, 2 searches"));

        let gone = client.form("/api/rpc/delete_search", &path, &[("id", &id)]).await.expect(302);
        assert_eq!(gone.location(), "/services/data-scraper");
        client.get(&path).await.expect(404);
        client.get("/services/data-scraper/searches/nonsense").await.expect(404);
    }

    async fn what_cannot_be_read_is_refused(app: App) {
        let mut client = with_key(&app, "ana", "plenty").await;
        let problem = client.post(SEARCHES, &json!({"query": "a\u{7}", "place": "", "limit": 121})).await.problem(422, "invalid-input");
        for field in ["query", "place", "limit"] {
            assert!(problem["errors"].get(field).is_some(), "{field}: {problem}");
        }
        client.post(SEARCHES, &json!({"query": "a", "place": "b", "speed": 9})).await.problem(400, "bad-request");
        client.post(SEARCHES, &json!({"query": 1})).await.problem(400, "bad-request");
        for limit in [json!(20.5), json!(-1), json!(1e12), json!("20")] {
            client.post(SEARCHES, &json!({"query": "few", "place": "Berlin", "limit": limit})).await.problem(400, "bad-request");
        }
        search(&mut client, &json!({"query": "few", "place": "Berlin", "limit": 20.0})).await;
        client.get(&format!("{SEARCHES}?cursor=1")).await.problem(422, "invalid-input");
        client.get(&format!("{SEARCHES}?page=2")).await.problem(400, "bad-request");
        client.get(&format!("{SEARCHES}/1")).await.problem(404, "not-found");
        let (address, _) = search(&mut client, &berlin("few", 20)).await;
        client.get(&format!("{address}/results?sort=password")).await.problem(422, "invalid-input");
        for wrong in ["cursor=-1", "rating=9", "rating=nan", "phone=yes", "filter=%00"] {
            client.get(&format!("{address}/results?{wrong}")).await.problem(422, "invalid-input");
        }
        app.visitor().get(SEARCHES).await.problem(401, "unauthenticated");
    }
}

#[test]
fn the_figures_after_a_search_are_not_taken_from_what_its_user_may_check() {
    crate::support::run(async {
        let limit = [("KEYWARD_LIMIT_CHECKS_PER_USER_PER_HOUR", "1")];
        let app = App::start_with(Engine::Sqlite, &limit).await;
        let mut client = with_key(&app, "ana", "plenty").await;
        let check = json!({"provider": "serpapi"});
        for left in [957, 956, 955] {
            let (_, found) = search(&mut client, &berlin(&format!("few {left}"), 20)).await;
            assert_eq!(found["searches_left_after"], left);
        }
        client.post("/api/user-api-keys/validate", &check).await.expect(200);
        client.post("/api/user-api-keys/validate", &check).await.problem(429, "rate-limited");
        let (_, found) = search(&mut client, &berlin("few more", 20)).await;
        assert_eq!(found["searches_left_after"], 954);
        // Where SerpAPI wants to be left alone, it is.
        let row =
            app.state.store.claim_due_keys(8, HOUR, &[], app.now().plus(2 * DAY)).await.unwrap().remove(0);
        app.state.store.hold_back(row.user, row.id, app.now().plus(Duration::from_secs(60))).await.unwrap();
        let (_, found) = search(&mut client, &berlin("few others", 20)).await;
        assert_eq!((&found["state"], &found["searches_left_after"]), (&json!("finished"), &Value::Null));
    });
}
