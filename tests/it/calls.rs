//! Calling Operations through the front door: placed, followed, ended, priced, reported on.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{App, Client, Engine, both};

pub const CALLS: &str = "/api/services/calling/calls";
/// The number of every simulated account that has one.
pub const FROM: &str = "+12025550142";

/// An installation that Twilio can report to.
pub struct Reported {
    pub app: App,
    pub origin: String,
}

impl Reported {
    pub async fn start(engine: Engine) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let app = App::start_with(engine, &[("PUBLIC_URL", &origin)]).await;
        app.serve(listener);
        Self { app, origin }
    }
}

pub async fn with_key(app: &App, name: &str, key: &str) -> Client {
    let mut client = app.user(name).await;
    let body = json!({"provider": "twilio", "credentials": App::test_key("twilio", key)});
    client.post("/api/user-api-keys/store", &body).await.expect(201);
    client
}

pub fn order(to: &str) -> Value {
    json!({"to": to, "from": FROM, "message": "Your order is ready. Bye & <thanks>."})
}

pub async fn place(client: &mut Client, to: &str) -> String {
    let placed = client.post(CALLS, &order(to)).await.expect(201);
    assert!(placed.json()["ended_at"].is_null());
    placed.location().to_owned()
}

/// Reads the call until it is as wanted. The installation's clock goes on meanwhile, so that what is due is done.
pub async fn until(app: &App, client: &mut Client, address: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until_in_steps_of(Duration::from_millis(200), app, client, address, wanted).await
}

/// The same, by this much with each look.
pub async fn until_in_steps_of(
    step: Duration,
    app: &App,
    client: &mut Client,
    address: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    let mut call = Value::Null;
    for _ in 0..900 {
        call = client.get(address).await.expect(200).json();
        if wanted(&call) {
            return call;
        }
        app.clock.advance(step);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{call}");
}

pub fn is_over(call: &Value) -> bool {
    !call["ended_at"].is_null()
}

/// The orders for a call that arrived at the simulator.
pub async fn orders(app: &App) -> usize {
    let journal = app.control("GET", "/journal", None).await;
    let requests = journal["items"].as_array().unwrap().iter();
    requests
        .filter(|request| {
            request["method"] == "POST" && request["path"].as_str().unwrap().ends_with("/Calls.json")
        })
        .count()
}

pub async fn fault(app: &App, path: &str, fault: Value) {
    let order = json!({"provider": "twilio", "path": path, "fault": fault});
    app.control("POST", "/faults", Some(order)).await;
}

async fn callback_fault(app: &App, order: Value) {
    app.control("POST", "/twilio/callback_faults", Some(order)).await;
}

/// A call that rings and rings, of which no report arrives but those that the test sends.
pub async fn ringing(it: &Reported, client: &mut Client) -> (String, Value) {
    let app = &it.app;
    callback_fault(app, json!({"times": 10_000, "fault": {"kind": "lost"}})).await;
    let number = "+12125550177";
    app.control("PUT", &format!("/twilio/callees/{number}"), Some(json!({"rings": 50.0}))).await;
    let pace = json!({"second_ms": 1_000, "webhook_timeout_ms": 15_000, "price_after": 1.0});
    app.control("PUT", "/twilio/pace", Some(pace)).await;
    let address = place(client, number).await;
    let call = until(app, client, &address, |call| !call["sid"].is_null()).await;
    (address, call)
}

both! {
    async fn a_call_is_placed_followed_by_reports_and_priced(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        let account = client.get("/api/services/calling/account").await.expect(200).json();
        assert_eq!((&account["balance"], &account["currency"]), (&json!("48.20"), &json!("USD")));
        assert_eq!((&account["trial"], &account["reports"]), (&json!(false), &json!(true)));
        assert_eq!((&account["numbers"][0]["number"], &account["numbers"][0]["voice"]), (&json!(FROM), &json!(true)));

        let mut body = order("(212) 555-0188");
        body["country"] = json!("US");
        body["record"] = json!(true);
        let placed = client.post(CALLS, &body).await.expect(201);
        let address = placed.location().to_owned();
        assert_eq!(placed.json()["request"]["to"], "+12125550188");
        let call = until(app, &mut client, &address, |call| {
            !call["price"].is_null() && !call["recordings"].as_array().unwrap().is_empty()
        }).await;
        assert_eq!((&call["state"], &call["notice"], &call["price_unit"]), (&json!("completed"), &Value::Null, &json!("USD")));
        assert_eq!(call["price"], "0.01400");
        assert!(call["seconds"].as_i64().unwrap() > 0 && !call["answered_at"].is_null());
        let heard: Vec<_> = call["events"].as_array().unwrap().iter()
            .filter(|event| event["source"] == "report")
            .map(|event| event["state"].as_str().unwrap()).collect();
        assert_eq!(heard, ["initiated", "ringing", "in_progress", "completed"]);
        assert!(call["recordings"][0]["sid"].as_str().unwrap().starts_with("RE"));

        // What was said is the message, as a text.
        let journal = app.control("GET", &format!("/twilio/calls/{}", call["sid"].as_str().unwrap()), None).await;
        let said = journal["journal"].as_array().unwrap().iter().find(|entry| entry["does"] == "say").unwrap();
        assert_eq!(said["text"], "Your order is ready. Bye & <thanks>.");
        assert_eq!(orders(app).await, 1);
        let used = "SELECT COUNT(*) FROM usage_events WHERE service = 'calling' AND operation = 'create_call' AND outcome = 'done'";
        assert_eq!(app.sql.number(used).await, 1);

        // The sound is Twilio's, under an address that works for a while.
        let links = client.get(&format!("{address}/recordings")).await.expect(200).json();
        let url = links["items"][0]["url"].as_str().unwrap().to_owned();
        let sound = app.visitor().get(&url).await.expect(200);
        assert_eq!(sound.headers["content-type"], "audio/x-wav");
        assert!(sound.text.starts_with("RIFF"), "{}", &sound.text[..20]);
        let forged = url.replace(".RE", ".RA");
        app.visitor().get(&forged).await.problem(404, "not-found");
        app.clock.advance(Duration::from_secs(301));
        app.visitor().get(&url).await.problem(404, "not-found");
        let links = client.get(&format!("{address}/recordings")).await.expect(200).json();
        let url = links["items"][0]["url"].as_str().unwrap().to_owned();
        client.delete("/api/user-api-keys/twilio").await.expect(204);
        app.visitor().get(&url).await.problem(403, "missing-api-keys");
        client.get(&format!("{address}/recordings")).await.problem(403, "missing-api-keys");
        client.delete(&address).await.expect(204);
        client.get(&address).await.problem(404, "not-found");
    }

    async fn without_reports_keyward_asks(app: App) {
        let mut client = with_key(&app, "ana", "api_key").await;
        let account = client.get("/api/services/calling/account").await.expect(200).json();
        assert_eq!((&account["reports"], &account["trial"]), (&json!(false), &Value::Null));
        let address = place(&mut client, "+12125550188").await;
        let call = until(&app, &mut client, &address, |call| !call["price"].is_null()).await;
        assert_eq!((&call["state"], &call["price"]), (&json!("completed"), &json!("0.01400")));
        let job = "SELECT COUNT(*) FROM jobs WHERE state = 'done'";
        for _ in 0..200 {
            if app.sql.number(job).await == 1 {
                break;
            }
            app.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(app.sql.number(job).await, 1);
    }

    async fn calls_that_nobody_takes_end_so(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        for (to, state) in [("+15005550010", "busy"), ("+15005550011", "no_answer"), ("+15005550012", "failed")] {
            let address = place(&mut client, to).await;
            let call = until(&app, &mut client, &address, is_over).await;
            assert_eq!((&call["state"], &call["price"]), (&json!(state), &Value::Null), "{to}");
        }
        for (to, notice) in [
            ("+15005550001", "number_refused"),
            ("+15005550002", "number_refused"),
            ("+15005550003", "country_refused"),
        ] {
            let address = place(&mut client, to).await;
            let call = until(&app, &mut client, &address, is_over).await;
            assert_eq!((&call["state"], &call["notice"]), (&json!("not_placed"), &json!(notice)), "{to}");
        }
        let mut body = order("+12125550188");
        body["from"] = json!("+12125550199");
        let placed = client.post(CALLS, &body).await.expect(201);
        let call = until(&app, &mut client, placed.location(), is_over).await;
        assert_eq!(call["notice"], "caller_refused");

        let mut trial = with_key(&app, "ben", "trial").await;
        assert_eq!(trial.get("/api/services/calling/account").await.expect(200).json()["trial"], true);
        let address = place(&mut trial, "+12125550100").await;
        let call = until(&app, &mut trial, &address, is_over).await;
        assert_eq!((&call["state"], &call["notice"]), (&json!("not_placed"), &json!("not_verified")));
        trial.get(CALLS).await.expect(200);
        // One list each.
        assert_eq!(trial.get(CALLS).await.json()["items"].as_array().unwrap().len(), 1);
    }

    async fn what_is_sent_is_checked_at_once(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        let wrong = json!({"to": "030 901820", "from": "front desk", "message": " ", "language": "xx", "country": ""});
        let problem = client.post(CALLS, &wrong).await.problem(422, "invalid-input");
        let fields: Vec<_> = problem["errors"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, ["from", "language", "message", "to"]);
        assert!(problem["errors"]["to"].to_string().contains("no_country"), "{problem}");
        client.get(&format!("{CALLS}?group=all")).await.problem(422, "invalid-input");
        client.get(&format!("{CALLS}?since=yesterday")).await.problem(422, "invalid-input");
        assert_eq!(orders(&app).await, 0);
    }

    async fn the_history_is_filtered_and_has_pages(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        for n in 0..23 {
            app.clock.advance(Duration::from_millis(10));
            place(&mut client, &format!("+121255501{n:02}")).await;
        }
        let first = client.get(CALLS).await.expect(200).json();
        assert_eq!(first["items"].as_array().unwrap().len(), 20);
        assert_eq!(first["items"][0]["request"]["to"], "+12125550122");
        let next = first["next"].as_str().unwrap();
        let second = client.get(&format!("{CALLS}?cursor={next}")).await.expect(200).json();
        let rest: Vec<_> = second["items"].as_array().unwrap().iter().map(|call| call["request"]["to"].clone()).collect();
        assert_eq!((rest, &second["next"]), (vec![json!("+12125550102"), json!("+12125550101"), json!("+12125550100")], &Value::Null));
        let found = client.get(&format!("{CALLS}?number=555-0107")).await.expect(200).json();
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
        let found = client.get(&format!("{CALLS}?number=%25")).await.expect(200).json();
        assert_eq!(found["items"].as_array().unwrap().len(), 20);
        let third = first["items"][19]["created_at"].as_str().unwrap().to_owned();
        let older = client.get(&format!("{CALLS}?until={third}")).await.expect(200).json();
        assert_eq!(older["items"].as_array().unwrap().len(), 3);
        let newer = client.get(&format!("{CALLS}?since={third}")).await.expect(200).json();
        assert_eq!(newer["items"].as_array().unwrap().len(), 20);
        let mut other = app.user("ben").await;
        assert_eq!(other.get(CALLS).await.expect(200).json()["items"], json!([]));
        let failed = client.get(&format!("{CALLS}?group=failed")).await.expect(200).json();
        assert_eq!(failed["items"], json!([]));
    }

    async fn the_page_lists_the_calls_of_some_days(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        let mut days = Vec::new();
        for (n, pass) in [(0, Duration::from_secs(3 * 86_400)), (1, Duration::ZERO)] {
            let address = place(&mut client, &format!("+1212555018{n}")).await;
            until(&app, &mut client, &address, is_over).await;
            days.push(app.now().iso_date());
            app.clock.advance(pass);
            client = app.log_in("ana").await;
        }
        let (first, second) = (days[0].as_str(), days[1].as_str());
        let (one, two) = ("+12125550180", "+12125550181");
        for (query, shown, hidden) in [
            (format!("since={second}"), vec![two], vec![one]),
            // The last day belongs to it.
            (format!("until={first}"), vec![one], vec![two]),
            (format!("since={first}&until={first}"), vec![one], vec![two]),
            (format!("since={first}&until={second}&number=0181"), vec![two], vec![one]),
            (format!("since={second}&until={first}"), vec![], vec![one, two]),
            // What is no day is no filter.
            ("since=yesterday&until=".to_owned(), vec![one, two], vec![]),
        ] {
            let page = client.get(&format!("/services/calling?{query}")).await.expect(200).text;
            let lists = |number: &&str| page.contains(*number);
            assert!(shown.iter().all(lists) && !hidden.iter().any(lists), "{query}: {page}");
            if query.starts_with("since=2") && !query.contains('&') {
                assert!(page.contains(&format!("value=\"{second}\"")) && page.contains("Days are those of UTC."));
            }
        }
    }

    async fn a_call_is_ended_before_and_while_it_lasts(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        let (address, _) = ringing(&it, &mut client).await;
        // Two at a time are placed; this one, between the same numbers, waits for nobody.
        let ended = client.post(&format!("{address}/hang-up"), &json!({})).await.expect(200).json();
        assert_eq!(ended["hanging_up"], true);
        let call = until(app, &mut client, &address, is_over).await;
        assert!(["canceled", "completed"].contains(&call["state"].as_str().unwrap()), "{call}");
        let again = client.post(&format!("{address}/hang-up"), &json!({})).await.expect(200).json();
        assert_eq!(again["state"], call["state"]);

        // One that waits takes no key.
        app.worker.drain(&tokio_util::sync::CancellationToken::new()).await;
        let address = place(&mut client, "+12125550111").await;
        client.delete(&address).await.problem(409, "conflict");
        client.delete("/api/user-api-keys/twilio").await.expect(204);
        let ended = client.post(&format!("{address}/hang-up"), &json!({})).await.expect(200).json();
        assert_eq!((&ended["state"], &ended["hanging_up"]), (&json!("canceled"), &json!(false)));
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM jobs WHERE state = 'cancelled'").await, 1);
    }

    async fn without_the_key_the_history_stays_and_nothing_is_spent(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        // It rings for as long as the test takes.
        let number = "+12125550188";
        app.control("PUT", &format!("/twilio/callees/{number}"), Some(json!({"rings": 1_000.0}))).await;
        let pace = json!({"second_ms": 1_000, "webhook_timeout_ms": 15_000, "price_after": 1.0});
        app.control("PUT", "/twilio/pace", Some(pace)).await;
        let address = place(&mut client, number).await;
        until(&app, &mut client, &address, |call| !call["sid"].is_null()).await;
        client.delete("/api/user-api-keys/twilio").await.expect(204);
        assert_eq!(client.get(CALLS).await.expect(200).json()["items"].as_array().unwrap().len(), 1);
        client.get("/api/services/calling/account").await.problem(403, "missing-api-keys");
        client.post(CALLS, &order("+12125550189")).await.problem(403, "missing-api-keys");
        let call = until(&app, &mut client, &address, is_over).await;
        assert_eq!((&call["state"], &call["notice"]), (&json!("unknown"), &json!("key_gone")));
        client.delete(&address).await.expect(204);
        assert_eq!(orders(&app).await, 1);
    }

    async fn an_answer_that_is_lost_is_looked_for_and_not_asked_for_again(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        // Twilio has the call, and its answer breaks off.
        fault(&app, "/Calls.json", json!({"kind": "hang_up", "after_bytes": 9})).await;
        let address = place(&mut client, "+12125550188").await;
        let call = until(&app, &mut client, &address, is_over).await;
        assert_eq!(call["state"], "completed");
        assert_eq!(orders(&app).await, 1);

        // Twilio never got it: once it would have to be there, it is placed.
        fault(&app, "/Calls.json", json!({"kind": "hang_up"})).await;
        let address = place(&mut client, "+12125550187").await;
        let call = until(&app, &mut client, &address, is_over).await;
        assert_eq!(call["state"], "completed");
        // One broke off, one was carried out.
        assert_eq!(orders(&app).await, 3);

        // Refused as one too many at a time: surely not carried out, and tried again.
        fault(&app, "/Calls.json", json!({"kind": "too_many_requests"})).await;
        let address = place(&mut client, "+12125550186").await;
        let call = until(&app, &mut client, &address, is_over).await;
        assert_eq!((&call["state"], orders(&app).await), (&json!("completed"), 5));
    }

    async fn reports_tell_of_a_call_whose_answer_was_lost(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        fault(app, "/Calls.json", json!({"kind": "hang_up", "after_bytes": 9})).await;
        callback_fault(app, json!({"status": "ringing", "fault": {"kind": "forged"}})).await;
        callback_fault(app, json!({"status": "in-progress", "fault": {"kind": "duplicate"}})).await;
        let address = place(&mut client, "+12125550188").await;
        let call = until(app, &mut client, &address, is_over).await;
        let heard: Vec<_> = call["events"].as_array().unwrap().iter()
            .filter(|event| event["source"] == "report")
            .map(|event| event["state"].as_str().unwrap()).collect();
        assert_eq!(heard, ["initiated", "in_progress", "completed"]);
        assert_eq!((&call["state"], orders(app).await), (&json!("completed"), 1));
    }

    async fn several_that_may_be_the_call_leave_it_in_doubt(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        let address = place(&mut client, "+12125550188").await;
        until(&app, &mut client, &address, is_over).await;
        let address = place(&mut client, "+12125550188").await;
        until(&app, &mut client, &address, is_over).await;
        // As if those two had been made by another program.
        app.sql.execute("UPDATE calls SET sid = NULL").await;
        fault(&app, "/Calls.json", json!({"kind": "hang_up", "after_bytes": 9})).await;
        let address = place(&mut client, "+12125550188").await;
        let call = until(&app, &mut client, &address, is_over).await;
        assert_eq!((&call["state"], &call["notice"]), (&json!("unknown"), &json!("in_doubt")));
        assert_eq!(orders(&app).await, 3);
    }
}
