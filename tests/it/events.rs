//! Events: what a user's browsers and programs are told of changes, on one node and on several.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{App, Client, HOUR, MINUTE, PASSWORD, both};

const ACCESS: &str = "/api/services/data-scraper/access";

async fn store(client: &mut Client, provider: &str, key: &str) {
    let body = json!({"provider": provider, "credentials": App::test_key(provider, key)});
    client.post("/api/user-api-keys/store", &body).await.expect(201);
}

async fn forget(client: &mut Client, provider: &str) {
    client.delete(&format!("/api/user-api-keys/{provider}")).await.expect(204);
}

async fn change(app: &App, key: &str, situation: &str) {
    app.control("PUT", &format!("/keys/serpapi/{key}"), Some(json!({"situation": situation}))).await;
}

async fn check(client: &mut Client) -> Value {
    client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200).json()
}

both! {
    async fn changes_are_told_in_order_and_a_stream_goes_on_after_any_of_them(app: App) {
        let mut ana = app.user("ana").await;
        let mut open = ana.events("", &[("accept-encoding", "gzip, br")]).await;
        assert_eq!(open.headers["content-type"], "text/event-stream");
        assert_eq!(open.headers["cache-control"], "no-store");
        assert_eq!(open.headers["x-accel-buffering"], "no");
        assert!(!open.headers.contains_key("content-encoding"), "a compressed stream would be collected first");
        open.expect(0, "hello", "").await;
        store(&mut ana, "serpapi", "plenty").await;
        open.expect(1, "keys", "serpapi").await;
        app.clock.advance(MINUTE);
        check(&mut ana).await;
        open.expect(2, "keys", "serpapi").await;
        let new = json!({"credentials": App::test_key("serpapi", "nearly_used_up")});
        ana.put("/api/user-api-keys/serpapi", &new).await.expect(200);
        open.expect(3, "keys", "serpapi").await;
        forget(&mut ana, "serpapi").await;
        open.expect(4, "keys", "serpapi").await;

        let mut resumed = ana.events("", &[("last-event-id", "1")]).await;
        resumed.expect(1, "hello", "").await;
        for seq in 2..=4 {
            resumed.expect(seq, "keys", "serpapi").await;
        }
        ana.events("?after=4", &[]).await.expect(4, "hello", "").await;
        // A browser that reconnects repeats the old address; what it heard since then counts.
        let mut both = ana.events("?after=1", &[("last-event-id", "3")]).await;
        both.expect(3, "hello", "").await;
        both.expect(4, "keys", "serpapi").await;
        ana.events("", &[]).await.expect(4, "hello", "").await;
    }

    async fn a_number_that_is_forgotten_or_unknown_starts_over(app: App) {
        let mut ana = app.user("ana").await;
        store(&mut ana, "serpapi", "plenty").await;
        ana.events("?after=0", &[]).await.expect(0, "hello", "").await;
        for unknown in ["99", "-1", "x", "9223372036854775807", "9223372036854775808"] {
            ana.events(&format!("?after={unknown}"), &[]).await.expect(1, "reset", "").await;
        }
        app.clock.advance(HOUR);
        app.state.store.sweep(app.now()).await.unwrap();
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_events").await, 0);
        let mut lost = ana.events("?after=0", &[]).await;
        lost.expect(1, "reset", "").await;
        ana.events("?after=1", &[]).await.expect(1, "hello", "").await;
        forget(&mut ana, "serpapi").await;
        lost.expect(2, "keys", "serpapi").await;
    }

    async fn nobody_hears_of_somebody_else(app: App) {
        let (mut ana, mut eve) = (app.user("ana").await, app.user("eve").await);
        let (mut anas, mut eves) = (ana.events("", &[]).await, eve.events("", &[]).await);
        anas.expect(0, "hello", "").await;
        eves.expect(0, "hello", "").await;
        store(&mut ana, "serpapi", "plenty").await;
        anas.expect(1, "keys", "serpapi").await;
        store(&mut eve, "twilio", "full").await;
        eves.expect(1, "keys", "twilio").await;
        // Ana's numbers mean nothing in Eve's stream.
        ana.post("/api/auth/logout", &json!({})).await.expect(204);
        forget(&mut eve, "twilio").await;
        eves.expect(2, "keys", "twilio").await;
        eve.events("?after=0", &[]).await.expect(0, "hello", "").await;
        app.visitor().get("/api/events").await.problem(401, "unauthenticated");
        let mut forged = app.visitor();
        forged.cookie = eve.cookie.clone().map(|cookie| format!("{cookie}x"));
        forged.get("/api/events").await.problem(401, "unauthenticated");
    }

    async fn a_stream_ends_with_its_session(app: App) {
        let mut desk = app.user("ana").await;
        let mut phone = app.log_in("ana").await;
        let (mut at_desk, mut on_phone) = (desk.events("", &[]).await, phone.events("", &[]).await);
        at_desk.expect(0, "hello", "").await;
        on_phone.expect(0, "hello", "").await;
        let sessions = desk.get("/api/auth/sessions").await.json();
        let other = sessions["items"].as_array().unwrap().iter().find(|s| s["current"] == false).unwrap();
        desk.delete(&format!("/api/auth/sessions/{}", other["id"].as_str().unwrap())).await.expect(204);
        // It is told why, and nothing more.
        on_phone.expect(1, "account", "").await;
        on_phone.ends_with_its_session().await;
        phone.get("/api/events").await.problem(401, "unauthenticated");
        at_desk.expect(1, "account", "").await;

        let mut tablet = app.log_in("ana").await;
        let mut on_tablet = tablet.events("", &[]).await;
        on_tablet.expect(1, "hello", "").await;
        desk.delete("/api/auth/sessions").await.expect(204);
        on_tablet.expect(2, "account", "").await;
        on_tablet.ends_with_its_session().await;
        at_desk.expect(2, "account", "").await;

        let mut at_desk = desk.events("", &[]).await;
        at_desk.expect(2, "hello", "").await;
        desk.put("/api/auth/password", &json!({"current": PASSWORD, "new": "another good one"})).await.expect(200);
        at_desk.expect(3, "account", "").await;
        // The session is a new one.
        at_desk.ends_with_its_session().await;
        let mut again = desk.events("", &[("last-event-id", "3")]).await;
        again.expect(3, "hello", "").await;
        desk.post("/api/auth/logout", &json!({})).await.expect(204);
        again.expect(4, "account", "").await;
        again.ends_with_its_session().await;
    }

    async fn a_stream_ends_without_an_event_when_its_user_is_shut_out(app: App) {
        let mut ana = app.user("ana").await;
        let mut stream = ana.events("", &[]).await;
        stream.expect(0, "hello", "").await;
        app.sql.execute("UPDATE users SET disabled = TRUE").await;
        let begin = Instant::now();
        stream.ends_with_its_session().await;
        assert!(begin.elapsed() < Duration::from_secs(30));
    }

    async fn an_open_stream_does_not_keep_a_session_alive(app: App) {
        let mut ana = app.user("ana").await;
        let before = app.sql.number("SELECT last_seen_at FROM sessions").await;
        app.clock.advance(HOUR);
        ana.events("", &[]).await.expect(0, "hello", "").await;
        assert_eq!(app.sql.number("SELECT last_seen_at FROM sessions").await, before);
        app.clock.advance(11 * HOUR);
        ana.get("/api/events").await.problem(401, "unauthenticated");
    }

    async fn the_ninth_stream_of_a_user_ends_the_first(app: App) {
        let mut ana = app.user("ana").await;
        let mut streams = Vec::new();
        for _ in 0..9 {
            streams.push(ana.events("", &[]).await);
        }
        streams[0].expect(0, "hello", "").await;
        assert_eq!(streams[0].next().await.unwrap().retry, Some(60_000));
        assert_eq!(streams[0].next().await, None);
        store(&mut ana, "serpapi", "plenty").await;
        for stream in &mut streams[1..] {
            stream.expect(0, "hello", "").await;
            stream.expect(1, "keys", "serpapi").await;
        }
    }

    async fn a_server_that_stops_ends_its_streams(app: App) {
        let mut ana = app.user("ana").await;
        let mut stream = ana.events("", &[]).await;
        stream.expect(0, "hello", "").await;
        app.state.stopping.0.cancel();
        assert_eq!(stream.next().await, None);
        ana.get("/api/events").await.problem(503, "busy");
    }

    async fn a_check_is_told_when_it_shows(app: App) {
        let mut ana = app.user("ana").await;
        store(&mut ana, "serpapi", "plenty").await;
        let mut stream = ana.events("", &[]).await;
        stream.expect(1, "hello", "").await;
        // A check by schedule finds it working: the time of that shows.
        let make_due = "UPDATE user_api_keys SET next_check_at = 0";
        app.sql.execute(make_due).await;
        app.pass(MINUTE).await;
        stream.expect(2, "keys", "serpapi").await;
        change(&app, "plenty", "invalid").await;
        app.sql.execute(make_due).await;
        app.pass(MINUTE).await;
        stream.expect(3, "keys", "serpapi").await;
        stream.expect(4, "notices", "").await;
        ana.get(ACCESS).await.problem(403, "missing-api-keys");
        change(&app, "plenty", "hangs_up").await;
        check(&mut ana).await;
        stream.expect(5, "keys", "serpapi").await;
        // No answer again: nothing new to see.
        check(&mut ana).await;
        app.sql.execute("UPDATE user_api_keys SET hint = 'x', config = '{}', encrypted_key = encrypted_key || encrypted_key").await;
        check(&mut ana).await;
        stream.expect(6, "keys", "serpapi").await;
        stream.expect(7, "notices", "").await;
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_api_keys WHERE undecryptable").await, 1);
        check(&mut ana).await;
        forget(&mut ana, "serpapi").await;
        stream.expect(8, "keys", "serpapi").await;
        stream.expect(9, "notices", "").await;
    }

    async fn a_search_is_told_from_its_start_to_its_deletion(app: App) {
        let mut ana = app.user("ana").await;
        store(&mut ana, "serpapi", "plenty").await;
        let mut stream = ana.events("", &[]).await;
        stream.expect(1, "hello", "").await;
        let body = json!({"query": "bakery", "place": "Berlin, Germany", "limit": 40});
        let started = ana.post("/api/services/data-scraper/searches", &body).await.expect(201);
        let (address, id) = (started.location().to_owned(), started.json()["id"].as_str().unwrap().to_owned());
        let mut found = Vec::new();
        loop {
            let heard = stream.next().await.unwrap();
            let search = ana.get(&address).await.expect(200).json();
            // At its end the key is checked once more.
            if heard.topic != "keys" {
                assert_eq!((&*heard.topic, &*heard.subject), ("searches", &*id));
                found.push(search["found"].as_i64().unwrap());
            }
            // The search may be faster than whoever listens: what is left was told all the same.
            if search["state"] != "running" && heard.id == Some(app.sql.number("SELECT seq FROM user_event_heads").await) {
                break;
            }
        }
        // Its start, two pages and its end.
        assert!(found.is_sorted() && found.len() >= 4, "{found:?}");
        let last = app.sql.number("SELECT seq FROM user_event_heads").await;
        let mut rest = ana.events(&format!("?after={last}"), &[]).await;
        rest.expect(last, "hello", "").await;
        ana.delete(&address).await.expect(204);
        rest.expect(last + 1, "searches", &id).await;
        ana.delete(&address).await.problem(404, "not-found");
        store(&mut ana, "twilio", "full").await;
        rest.expect(last + 2, "keys", "twilio").await;
    }

    async fn a_key_deleted_on_one_node_closes_the_service_on_the_other_within_a_second(app: App) {
        let other = app.second_node().await;
        let mut here = app.user("ana").await;
        let mut there = other.visitor();
        there.cookie = here.cookie.clone();
        store(&mut here, "serpapi", "plenty").await;
        there.get(ACCESS).await.expect(200);
        let mut stream = there.events("", &[]).await;
        stream.expect(1, "hello", "").await;
        for seq in [2, 4] {
            let begin = Instant::now();
            forget(&mut here, "serpapi").await;
            stream.expect(seq, "keys", "serpapi").await;
            there.get(ACCESS).await.problem(403, "missing-api-keys");
            assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
            store(&mut here, "serpapi", "plenty").await;
            stream.expect(seq + 1, "keys", "serpapi").await;
            there.get(ACCESS).await.expect(200);
        }
    }

    async fn a_session_ended_on_one_node_is_refused_by_the_other_within_a_second(app: App) {
        let other = app.second_node().await;
        let mut here = app.user("ana").await;
        let phone = app.log_in("ana").await;
        let mut there = other.visitor();
        there.cookie = phone.cookie.clone();
        there.get("/api/auth/me").await.expect(200);
        let mut stream = there.events("", &[]).await;
        stream.expect(0, "hello", "").await;
        let begin = Instant::now();
        here.delete("/api/auth/sessions").await.expect(204);
        there.get("/api/auth/me").await.problem(401, "unauthenticated");
        stream.expect(1, "account", "").await;
        stream.ends_with_its_session().await;
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    }

    async fn tokens_that_end_on_one_node_are_refused_by_the_other_within_a_second(app: App) {
        let other = app.second_node().await;
        let mut here = app.user("ana").await;
        // A log-in token lives as long as its session, a personal one until it is revoked.
        let body = json!({"email": "ana@example.org", "password": PASSWORD, "token": true});
        let session = app.visitor().post("/api/auth/login", &body).await.expect(200).json();
        let personal = here.post("/api/tokens", &json!({"name": "nightly", "scopes": ["read"]})).await.expect(201).json();
        let revoke = format!("/api/tokens/{}", personal["id"].as_str().unwrap());
        for (seq, issued, ends) in [(1, &session, "/api/auth/sessions"), (2, &personal, revoke.as_str())] {
            let bearer = format!("Bearer {}", issued["token"].as_str().unwrap());
            let headers = [("authorization", bearer.as_str())];
            let mut there = other.visitor();
            there.send("GET", "/api/user-api-keys", &headers, Vec::new()).await.expect(200);
            let mut stream = there.events("", &headers).await;
            stream.expect(seq, "hello", "").await;
            let begin = Instant::now();
            here.delete(ends).await.expect(204);
            there.send("GET", "/api/user-api-keys", &headers, Vec::new()).await.problem(401, "unauthenticated");
            stream.expect(seq + 1, "account", "").await;
            stream.ends_with_its_session().await;
            assert!(begin.elapsed() < Duration::from_secs(1), "{ends}: {:?}", begin.elapsed());
        }
    }

    async fn changes_made_at_once_on_two_nodes_leave_no_gap(app: App) {
        const TIMES: i64 = 10;
        let other = app.second_node().await;
        let mut here = app.user("ana").await;
        let mut there = other.visitor();
        there.cookie = here.cookie.clone();
        let mut listener = here.clone();
        let mut stream = listener.events("", &[]).await;
        stream.expect(0, "hello", "").await;
        let one = async {
            for _ in 0..TIMES {
                store(&mut here, "serpapi", "plenty").await;
                forget(&mut here, "serpapi").await;
            }
        };
        let two = async {
            for _ in 0..TIMES {
                store(&mut there, "twilio", "full").await;
                forget(&mut there, "twilio").await;
            }
        };
        let read = async {
            for seq in 1..=4 * TIMES {
                let heard = stream.next().await.unwrap();
                assert_eq!(heard.id, Some(seq));
            }
        };
        tokio::join!(one, two, read);
    }
}
