//! Orders that arrive twice: over REST by their `Idempotency-Key`, from pages by the number of their form.

use serde_json::{Value, json};

use crate::{
    calls::{self, CALLS, FROM, order, orders, with_key},
    support::{Answer, App, Client, DAY, both},
};

const SCRAPER: &str = "/api/services/data-scraper";

async fn named(client: &mut Client, path: &str, name: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", name)];
    client.send("POST", path, &headers, body.to_string().into()).await
}

async fn count(client: &mut Client, path: &str) -> usize {
    client.get(path).await.expect(200).json()["items"].as_array().unwrap().len()
}

both! {
    async fn a_call_that_is_ordered_twice_is_made_once(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        let mut same = app.log_in("ana").await;
        let body = order("+12125550188");
        // Both at once, as when a client that waits too long tries again.
        let (first, second) = tokio::join!(
            named(&mut client, CALLS, "order-17", &body),
            named(&mut same, CALLS, "order-17", &body),
        );
        let (first, second) = (first.expect(201), second.expect(201));
        assert_eq!(first.location(), second.location());
        let address = first.location().to_owned();
        calls::until(&app, &mut client, &address, calls::is_over).await;
        // Later, it is answered as it stands, and nobody is called.
        let again = named(&mut client, CALLS, "order-17", &body).await.expect(201);
        assert_eq!((again.location(), &again.json()["state"]), (address.as_str(), &json!("completed")));
        assert_eq!((orders(&app).await, count(&mut client, CALLS).await), (1, 1));

        // The same name for something else is a mistake.
        let problem = named(&mut client, CALLS, "order-17", &order("+12125550199")).await;
        problem.problem(422, "idempotency-key-reused");
        // Other names, no name, and other users' names are orders of their own.
        let mut other = with_key(&app, "bo", "full").await;
        for (who, name) in [(&mut other, "order-17"), (&mut client, "order-18")] {
            let placed = named(who, CALLS, name, &body).await.expect(201);
            assert_ne!(placed.location(), address);
        }
        let unnamed = client.post(CALLS, &body).await.expect(201).location().to_owned();
        assert_ne!(unnamed, address);
        assert_eq!(count(&mut client, CALLS).await, 3);

        // After a day the name is free.
        app.state.store.sweep(app.now().plus(DAY)).await.unwrap();
        assert_ne!(named(&mut client, CALLS, "order-17", &body).await.expect(201).location(), address);
    }

    async fn what_was_refused_can_be_ordered_under_the_same_name(app: App) {
        let mut client = app.user("ana").await;
        let body = json!({"query": "bakery", "place": "Berlin", "limit": 20});
        let searches = format!("{SCRAPER}/searches");
        named(&mut client, &searches, "monday", &body).await.problem(403, "missing-api-keys");
        let key = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        client.post("/api/user-api-keys/store", &key).await.expect(201);
        named(&mut client, &searches, "monday", &json!({"query": ""})).await.problem(422, "invalid-input");
        let started = named(&mut client, &searches, "monday", &body).await.expect(201);
        assert_eq!(named(&mut client, &searches, "monday", &body).await.expect(201).location(), started.location());
        assert_eq!(count(&mut client, &searches).await, 1);

        for wrong in ["", "two words", &"x".repeat(256)] {
            named(&mut client, &searches, wrong, &body).await.problem(400, "bad-request");
        }
        let twice = [("content-type", "application/json"), ("idempotency-key", "a"), ("idempotency-key", "a")];
        let answer = client.send("POST", &searches, &twice, body.to_string().into()).await;
        answer.problem(400, "bad-request");
    }

    async fn batches_and_saved_searches_are_started_once_under_a_name(app: App) {
        let mut client = app.user("ana").await;
        let key = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        client.post("/api/user-api-keys/store", &key).await.expect(201);
        let batch = json!({"queries": ["bakery", "cafe"], "place": "Berlin", "limit": 20});
        let search = json!({"query": "few cakes", "place": "52.52, 13.405", "limit": 20});
        let saved = json!({"name": "Bakers", "search": search});
        let saved = client.post(&format!("{SCRAPER}/saved-searches"), &saved).await.expect(201);
        let run = format!("{}/run", saved.location());
        for (path, name, body) in [(format!("{SCRAPER}/batches"), "b", batch), (run, "s", json!({}))] {
            let first = named(&mut client, &path, name, &body).await.expect(201);
            let again = named(&mut client, &path, name, &body).await.expect(201);
            assert_eq!(first.location(), again.location());
        }
        // A saved search is not the search that it starts.
        let searches = format!("{SCRAPER}/searches");
        named(&mut client, &searches, "s", &search).await.problem(422, "idempotency-key-reused");
        assert_eq!(count(&mut client, &searches).await, 3);
    }

    async fn a_form_that_is_sent_twice_counts_once(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        let page = client.get("/services/calling").await.expect(200).text;
        let (_, rest) = page.split_once("name=\"once\" value=\"").unwrap();
        let number = rest.split_once('"').unwrap().0;
        assert!(!client.get("/services/calling").await.expect(200).text.contains(number));
        let mut fields = [("to", "+12125550188"), ("from", FROM), ("message", "Hello"), ("once", number)];
        let mut led = Vec::new();
        for message in ["Hello", "Hello", "Hello again"] {
            fields[2].1 = message;
            let answer = client.form("/api/rpc/place_call", "/services/calling", &fields).await.expect(302);
            led.push(answer.location().to_owned());
        }
        assert_eq!(led[0], led[1]);
        // Other words are another call.
        assert_ne!(led[0], led[2]);
        assert_eq!(count(&mut client, CALLS).await, 2);
    }
}
