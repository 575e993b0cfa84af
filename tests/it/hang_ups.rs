//! Calls that their owners end: whatever else waits, and however far they have come.

use std::time::Duration;

use keyward::{
    model::{
        ids::WorkerId,
        job::{LEASE, Lane},
    },
    store::{Claiming, Hold, Sending, Turn},
};
use serde_json::{Value, json};

use crate::{
    calls::{
        CALLS, Reported, fault, is_over, order, orders, place, ringing, until, until_in_steps_of, with_key,
    },
    jobs::rest,
    support::{App, Client, both},
};

/// Searches of one process at a time.
const SEARCHES_AT_A_TIME: i64 = 16;

async fn hang_up(client: &mut Client, address: &str) -> Value {
    client.post(&format!("{address}/hang-up"), &json!({})).await.expect(200).json()
}

/// Reads a number until it is as wanted.
async fn reaches(app: &App, query: &str, wanted: i64) {
    for _ in 0..1_000 {
        if app.sql.number(query).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{query}: {}", app.sql.number(query).await);
}

/// Claims the next call as another process would.
async fn claim(app: &App) -> Option<Hold> {
    let claiming = Claiming { worker: WorkerId::generate(), now: app.now(), judges_leases: true };
    app.state.store.claim_job(&claiming, Lane::Call).await.unwrap().map(|claim| claim.hold)
}

/// Notes that a call is being placed.
async fn send(app: &App, hold: Hold) -> Turn {
    let sending = Sending { key: None, account: "AC0".to_owned(), reported: false };
    app.state.store.send_call(hold, &sending, app.now().plus(LEASE), app.now()).await.unwrap()
}

both! {
    async fn searches_hold_up_no_call_and_no_hang_up(app: App) {
        let slow = json!({"provider": "serpapi", "path": "search", "times": 10_000,
                          "fault": {"kind": "slow", "milliseconds": 60_000}});
        app.control("POST", "/faults", Some(slow)).await;
        let mut ana = with_key(&app, "ana", "full").await;
        let search = json!({"query": "bakery", "place": "52.52, 13.405", "limit": 120});
        let serpapi = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
        // So many users that each place for searches is taken, and ana with a queue of her own.
        for n in 0..=SEARCHES_AT_A_TIME / 2 {
            let mut other = app.user(&format!("u{n}")).await;
            let (user, searches) = if n == 0 { (&mut ana, 12) } else { (&mut other, 3) };
            user.post("/api/user-api-keys/store", &serpapi).await.expect(201);
            for _ in 0..searches {
                user.post("/api/services/data-scraper/searches", &search).await.expect(201);
            }
        }
        let searching = "SELECT COUNT(*) FROM jobs WHERE lane = 'search' AND state = 'running'";
        reaches(&app, searching, SEARCHES_AT_A_TIME).await;

        let number = "+12125550177";
        app.control("PUT", &format!("/twilio/callees/{number}"), Some(json!({"rings": 50.0}))).await;
        let pace = json!({"second_ms": 1_000, "webhook_timeout_ms": 15_000, "price_after": 1.0});
        app.control("PUT", "/twilio/pace", Some(pace)).await;
        let address = place(&mut ana, number).await;
        let step = Duration::from_millis(20);
        let call = until_in_steps_of(step, &app, &mut ana, &address, |call| !call["sid"].is_null()).await;
        assert_eq!(call["ended_at"], Value::Null);
        hang_up(&mut ana, &address).await;
        let call = until_in_steps_of(step, &app, &mut ana, &address, is_over).await;
        assert!(["canceled", "completed"].contains(&call["state"].as_str().unwrap()), "{call}");
        assert_eq!(app.sql.number(searching).await, SEARCHES_AT_A_TIME);
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM jobs WHERE lane = 'search' AND state = 'done'").await, 0);
    }

    async fn a_hang_up_during_a_step_is_carried_out_right_after_it(it: Reported) {
        let app = &it.app;
        let mut client = with_key(app, "ana", "full").await;
        let (address, _) = ringing(&it, &mut client).await;
        fault(app, "/Calls/CA", json!({"kind": "slow", "milliseconds": 1_500})).await;
        app.clock.advance(Duration::from_secs(15));
        reaches(app, "SELECT COUNT(*) FROM jobs WHERE state = 'running'", 1).await;
        // Asked how the call stands, which takes a while.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let attempts = app.sql.number("SELECT attempt FROM jobs").await;
        assert_eq!(hang_up(&mut client, &address).await["hanging_up"], true);
        // Far less than the 15 s after which it would be asked about again.
        let call = until_in_steps_of(Duration::from_millis(10), app, &mut client, &address, is_over).await;
        assert!(["canceled", "completed"].contains(&call["state"].as_str().unwrap()), "{call}");
        assert!(app.sql.number("SELECT attempt FROM jobs").await > attempts);
    }

    async fn a_call_that_twilio_never_got_is_not_placed_after_a_hang_up(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        fault(&app, "/Calls.json", json!({"kind": "hang_up"})).await;
        let address = place(&mut client, "+12125550187").await;
        until(&app, &mut client, &address, |call| call["state"] == "placing").await;
        assert_eq!(hang_up(&mut client, &address).await["hanging_up"], true);
        let call = until(&app, &mut client, &address, is_over).await;
        assert_eq!((&call["state"], &call["notice"], &call["sid"]), (&json!("canceled"), &Value::Null, &Value::Null));
        // The one that broke off.
        assert_eq!(orders(&app).await, 1);

        // Twilio has it, and its answer breaks off: it is found, and ended.
        app.control("PUT", "/twilio/callees/+12125550186", Some(json!({"rings": 50.0}))).await;
        let pace = json!({"second_ms": 1_000, "webhook_timeout_ms": 15_000, "price_after": 1.0});
        app.control("PUT", "/twilio/pace", Some(pace)).await;
        fault(&app, "/Calls.json", json!({"kind": "hang_up", "after_bytes": 9})).await;
        let address = place(&mut client, "+12125550186").await;
        until(&app, &mut client, &address, |call| call["state"] != "queued").await;
        hang_up(&mut client, &address).await;
        let call = until(&app, &mut client, &address, is_over).await;
        assert!(["canceled", "completed"].contains(&call["state"].as_str().unwrap()) && !call["sid"].is_null(), "{call}");
        assert_eq!(orders(&app).await, 2);
    }

    async fn whoever_hangs_up_while_twilio_is_asked_is_heard(app: App) {
        let mut client = with_key(&app, "ana", "full").await;
        rest(&app).await;
        let store = &app.state.store;
        // Twilio has too much to do: surely not placed, and not wanted any more.
        let address = client.post(CALLS, &order("+12125550188")).await.expect(201).location().to_owned();
        let hold = claim(&app).await.unwrap();
        assert_eq!(send(&app, hold).await, Turn::Now);
        hang_up(&mut client, &address).await;
        let again = app.now().plus(Duration::from_secs(5));
        assert!(store.unsend_call(hold, again, app.now()).await.unwrap());
        let call = client.get(&address).await.json();
        assert_eq!((&call["state"], call["ended_at"].is_null()), (&json!("canceled"), false));
        assert_eq!(app.sql.text("SELECT state FROM jobs").await, "cancelled");
        app.clock.advance(Duration::from_secs(60));
        assert_eq!(claim(&app).await, None);

        // Nor is it placed anew where nobody found it at Twilio.
        let address = client.post(CALLS, &order("+12125550189")).await.expect(201).location().to_owned();
        let hold = claim(&app).await.unwrap();
        assert_eq!(send(&app, hold).await, Turn::Now);
        hang_up(&mut client, &address).await;
        assert_eq!(send(&app, hold).await, Turn::Later);
        // One that is open keeps its job.
        client.delete(&address).await.problem(409, "conflict");
        assert!(store.renew_job(hold, app.now().plus(LEASE)).await.unwrap());
        // Without that, it is placed again.
        let address = client.post(CALLS, &order("+12125550190")).await.expect(201).location().to_owned();
        let hold = claim(&app).await.unwrap();
        assert_eq!(send(&app, hold).await, Turn::Now);
        assert!(store.unsend_call(hold, again, app.now()).await.unwrap());
        assert_eq!(client.get(&address).await.json()["state"], "queued");
        assert_eq!(claim(&app).await.map(|again| again.job), Some(hold.job));
    }
}
