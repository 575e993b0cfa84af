//! Searches that are kept under a name: over REST, and their page without JavaScript.

use serde_json::{Value, json};

use crate::support::{App, both};

const SAVED: &str = "/api/services/data-scraper/saved-searches";

fn named(name: &str) -> Value {
    json!({"name": name, "search": {"query": "few cakes", "place": "52.52, 13.405", "limit": 40}})
}

both! {
    async fn a_search_is_saved_run_renamed_and_deleted(app: App) {
        // Nothing of it but running takes a key.
        let mut client = app.user("ana").await;
        let saved = client.post(SAVED, &named(" Bakers ")).await.expect(201);
        let address = saved.location().to_owned();
        assert_eq!(saved.json()["name"], "Bakers");
        let problem = client.post(SAVED, &named("Bakers")).await.problem(422, "invalid-input");
        assert_eq!(problem["errors"]["name"]["code"], "taken");
        let problem = client.post(SAVED, &json!({"name": "x", "search": {"query": "", "place": "91, 0"}})).await.problem(422, "invalid-input");
        assert!(problem["errors"].get("query").is_some() && problem["errors"].get("place").is_some());
        client.post(SAVED, &named("Cooks")).await.expect(201);
        client.put(&address, &json!({"name": "Cooks"})).await.problem(422, "invalid-input");
        assert_eq!(client.put(&address, &json!({"name": "Bakers"})).await.expect(200).json()["name"], "Bakers");
        assert_eq!(client.put(&address, &json!({"name": "Pastry"})).await.expect(200).json()["name"], "Pastry");
        let run = format!("{address}/run");
        client.post(&run, &json!({})).await.problem(403, "missing-api-keys");
        let key = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        client.post("/api/user-api-keys/store", &key).await.expect(201);
        let started = client.post(&run, &json!({})).await.expect(201);
        assert_eq!((&started.json()["request"]["query"], &started.json()["request"]["limit"]), (&json!("few cakes"), &json!(40)));
        client.get(started.location()).await.expect(200);

        // Somebody else's is not there; the same name is free to them.
        let mut other = app.user("bo").await;
        other.post("/api/user-api-keys/store", &key).await.expect(201);
        other.get(&address).await.problem(404, "not-found");
        other.put(&address, &json!({"name": "Mine"})).await.problem(404, "not-found");
        other.post(&run, &json!({})).await.problem(404, "not-found");
        other.delete(&address).await.problem(404, "not-found");
        other.post(SAVED, &named("Pastry")).await.expect(201);
        assert_eq!(client.get(&address).await.expect(200).json()["name"], "Pastry");

        client.delete(&address).await.expect(204);
        client.delete(&address).await.problem(404, "not-found");
        let names: Vec<_> = client.get(SAVED).await.expect(200).json()["items"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
        assert_eq!(names, [json!("Cooks")]);
        client.get(started.location()).await.expect(200);
    }

    async fn a_user_keeps_a_hundred(app: App) {
        let mut client = app.user("ana").await;
        for n in 0..100 {
            client.post(SAVED, &named(&format!("Search {n}"))).await.expect(201);
        }
        client.post(SAVED, &named("One more")).await.problem(409, "too-many-saved");
    }

    async fn the_page_works_without_javascript(app: App) {
        let mut client = app.user("ana").await;
        let path = "/services/data-scraper/saved";
        assert!(client.get("/services/data-scraper").await.expect(200).text.contains(path));
        let page = client.get(&format!("{path}?engine=web&query=tea&place=Bonn&limit=40")).await.expect(200).text;
        assert!(page.contains("action=\"/api/rpc/save_search\"") && page.contains("value=\"tea\""));
        let fields = [("name", "Tea <b>"), ("engine", "web"), ("query", "tea"), ("place", ""), ("limit", "40")];
        client.form("/api/rpc/save_search", path, &fields).await.expect(302);
        let page = client.get(path).await.expect(200).text;
        assert!(page.contains("Tea &lt;b&gt;") && !page.contains("Tea <b>"));
        assert!(page.contains("The web: tea, 40 results, up to 4 searches"), "{page}");
        let id = client.get(SAVED).await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        client.form("/api/rpc/rename_saved", path, &[("id", &id), ("name", "Teas")]).await.expect(302);
        assert_eq!(client.get(&format!("{SAVED}/{id}")).await.json()["name"], "Teas");
        client.form("/api/rpc/delete_saved", path, &[("id", &id)]).await.expect(302);
        assert!(client.get(path).await.expect(200).text.contains("No search is saved yet."));
    }
}
