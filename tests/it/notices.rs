//! What users are told of their keys.

use keyward::{
    model::{
        ids::{ProviderId, UserId},
        notice::NoticeKind,
        outage::Outage,
        service::ServiceId,
        time::Timestamp,
    },
    store::UsageRow,
};
use serde_json::{Value, json};

use crate::support::{App, Client, DAY, Engine, HOUR, MINUTE, both, literal};

const LIST: &str = "/api/notifications";

async fn store(client: &mut Client, id: &str) {
    let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", id)});
    client.post("/api/user-api-keys/store", &body).await.expect(201);
}

/// The provider's answer changes, and somebody looks.
async fn becomes(app: &App, client: &mut Client, situation: &str) {
    app.control("PUT", "/keys/serpapi/plenty", Some(json!({"situation": situation}))).await;
    app.clock.advance(MINUTE);
    client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200);
}

async fn list(client: &mut Client) -> Vec<Value> {
    client.get(LIST).await.expect(200).json()["items"].as_array().unwrap().clone()
}

fn call(user: UserId, outcome: &'static str, at: Timestamp) -> UsageRow {
    UsageRow {
        user,
        key: None,
        provider: ProviderId::SERPAPI,
        service: Some(ServiceId::DataScraper),
        operation: "search".to_owned(),
        outcome,
        latency_us: 1_000,
        units: 1,
        source: "use",
        key_source: "user",
        at,
    }
}

/// Kind, whether it is over, whether it is read.
fn brief(notices: &[Value]) -> Vec<(String, bool, bool)> {
    let brief = |one: &Value| {
        let kind = one["kind"].as_str().unwrap().to_owned();
        (kind, !one["resolved_at"].is_null(), one["read"] == true)
    };
    notices.iter().map(brief).collect()
}

fn told(kind: &str, over: bool, read: bool) -> (String, bool, bool) {
    (kind.to_owned(), over, read)
}

both! {
    async fn a_key_that_dies_while_it_is_replaced_leaves_no_notice_behind(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client, "plenty").await;
        becomes(&app, &mut client, "invalid").await;
        // So the row looked when the new key's check began.
        app.sql.execute("UPDATE user_api_keys SET status = 'valid', status_reason = 'accepted'").await;
        let new = json!({"credentials": App::test_key("serpapi", "nearly_used_up")});
        client.put("/api/user-api-keys/serpapi", &new).await.expect(200);
        assert_eq!(brief(&list(&mut client).await), [told("key.invalid", true, false)]);
    }

    async fn a_key_that_stops_working_is_told_once_and_again_when_it_works(app: App) {
        let mut ana = app.user("ana").await;
        store(&mut ana, "plenty").await;
        assert!(list(&mut ana).await.is_empty(), "what one stores oneself is no news");
        let mut events = ana.events("", &[]).await;
        events.expect(1, "hello", "").await;

        becomes(&app, &mut ana, "invalid").await;
        events.expect(2, "keys", "serpapi").await;
        events.expect(3, "notices", "").await;
        let notices = list(&mut ana).await;
        assert_eq!(brief(&notices), [told("key.invalid", false, false)]);
        let notice = &notices[0];
        assert_eq!(notice["title"], "SerpAPI does not accept your key any more");
        assert_eq!(
            notice["text"],
            "SerpAPI did not accept this key. It may have been deleted or copied in part. Replace it to open what needs it."
        );
        assert_eq!((&notice["fix"], &notice["times"]), (&json!("/settings/api-keys#card-serpapi"), &json!(1)));
        // The page says it too, and so does every page's frame.
        let page = ana.get("/notifications").await.expect(200).text;
        assert!(page.contains("SerpAPI does not accept your key any more"));
        assert!(page.contains(r#"href="/settings/api-keys#card-serpapi""#));
        let home = ana.get("/").await.expect(200).text;
        assert!(home.contains(r#"class="badge""#));

        // A second look that finds the same is no news, and neither is an outage.
        becomes(&app, &mut ana, "invalid").await;
        becomes(&app, &mut ana, "down").await;
        assert_eq!(brief(&list(&mut ana).await), [told("key.invalid", false, false)]);

        becomes(&app, &mut ana, "plenty").await;
        assert_eq!(brief(&list(&mut ana).await), [told("key.invalid", true, false)]);
        // To and fro within an hour is one notice.
        becomes(&app, &mut ana, "invalid").await;
        becomes(&app, &mut ana, "plenty").await;
        becomes(&app, &mut ana, "invalid").await;
        let notices = list(&mut ana).await;
        assert_eq!(brief(&notices), [told("key.invalid", false, false)]);
        assert_eq!(notices[0]["times"], 3);
        // Later it is another one.
        becomes(&app, &mut ana, "plenty").await;
        app.clock.advance(2 * HOUR);
        becomes(&app, &mut ana, "invalid").await;
        let notices = list(&mut ana).await;
        assert_eq!(brief(&notices), [told("key.invalid", false, false), told("key.invalid", true, false)]);

        // Somebody else hears nothing.
        assert!(list(&mut app.user("eve").await).await.is_empty());
    }

    async fn each_way_to_stop_has_its_own_notice(app: App) {
        let mut ana = app.user("ana").await;
        store(&mut ana, "plenty").await;
        becomes(&app, &mut ana, "nearly_used_up").await;
        let low = list(&mut ana).await.remove(0);
        assert_eq!(low["kind"], "key.nearly_exhausted");
        assert!(low["text"].as_str().unwrap().ends_with("searches left. Top it up before services stop."), "{low}");
        becomes(&app, &mut ana, "exhausted").await;
        becomes(&app, &mut ana, "no_permission").await;
        assert_eq!(
            brief(&list(&mut ana).await),
            [told("key.invalid", false, false), told("key.exhausted", true, false), told("key.nearly_exhausted", true, false)]
        );
        // Replaced by one that works: that little is left of that, whoever stores it sees.
        let new = json!({"credentials": App::test_key("serpapi", "nearly_used_up")});
        ana.put("/api/user-api-keys/serpapi", &new).await.expect(200);
        assert!(list(&mut ana).await.iter().all(|one| !one["resolved_at"].is_null()));
    }

    async fn what_cannot_be_opened_is_told_until_it_can(app: App) {
        let mut ana = app.user("ana").await;
        store(&mut ana, "plenty").await;
        let own = app.sql.blobs("SELECT encrypted_key FROM user_api_keys").await.remove(0);
        let put = |bytes: &[u8]| format!("UPDATE user_api_keys SET encrypted_key = {}", literal(app.sql.engine, bytes));
        app.sql.execute(&put(&own[..own.len() - 1])).await;
        app.pass(2 * DAY).await;
        let mut ana = app.log_in("ana").await;
        assert_eq!(brief(&list(&mut ana).await), [told("key.undecryptable", false, false)]);
        app.sql.execute(&put(&own)).await;
        app.pass(2 * DAY).await;
        let mut ana = app.log_in("ana").await;
        assert_eq!(brief(&list(&mut ana).await), [told("key.undecryptable", true, false)]);
        // Those that are over are forgotten after 90 days.
        app.clock.advance(91 * DAY);
        app.state.store.sweep(app.now()).await.unwrap();
        assert!(list(&mut app.log_in("ana").await).await.is_empty());
    }

    async fn use_that_fails_or_is_unusual_and_keys_that_are_old_are_told(app: App) {
        let mut ana = app.user("ana").await;
        store(&mut ana, "plenty").await;
        let user: UserId = ana.get("/api/auth/me").await.json()["id"].as_str().unwrap().parse().unwrap();
        let notices = &app.state.use_cases.notices;
        let calls = async |count: usize, outcome: &'static str| {
            for _ in 0..count {
                app.state.store.note_usage(call(user, outcome, app.now())).await;
            }
            app.state.store.write_usage().await.unwrap();
            notices.look_round().await.unwrap();
        };
        calls(19, "unreachable").await;
        assert!(list(&mut ana).await.is_empty(), "too few to tell");
        calls(1, "unreachable").await;
        let failing = list(&mut ana).await.remove(0);
        assert_eq!((&failing["kind"], &failing["fix"]), (&json!("usage.failing"), &json!("/analytics")));
        assert_eq!(failing["text"], "20 of 20 calls in an hour failed. Analytics says why.");
        calls(21, "done").await;
        assert_eq!(brief(&list(&mut ana).await), [told("usage.failing", true, false)]);

        // Many calls say nothing before it is known what is usual, nor while they are not ten times that.
        calls(300, "done").await;
        assert_eq!(list(&mut ana).await.len(), 1);
        app.clock.advance(4 * DAY);
        calls(400, "done").await;
        assert_eq!(list(&mut app.log_in("ana").await).await.len(), 1);
        app.clock.advance(13 * DAY);
        calls(1, "done").await;
        app.clock.advance(3 * DAY + HOUR);
        calls(250, "done").await;
        let unusual = list(&mut app.log_in("ana").await).await.remove(0);
        assert_eq!(
            (&unusual["kind"], &unusual["text"]),
            (
                &json!("usage.unusual"),
                &json!("250 calls in the last hour, against 1 in the busiest hour of two weeks. If that is not you, replace the key.")
            )
        );
        // It does not become usual by going on.
        for _ in 0..4 {
            app.clock.advance(HOUR);
            calls(250, "done").await;
        }
        assert_eq!(brief(&list(&mut app.log_in("ana").await).await)[0], told("usage.unusual", false, false));
        app.clock.advance(2 * HOUR);
        notices.look_round().await.unwrap();

        app.clock.advance(345 * DAY);
        notices.look_round().await.unwrap();
        notices.look_round().await.unwrap();
        let mut ana = app.log_in("ana").await;
        let brief_now = brief(&list(&mut ana).await);
        assert_eq!(brief_now[..2], [told("key.replacement_due", false, false), told("usage.unusual", true, false)]);
        let new = json!({"credentials": App::test_key("serpapi", "nearly_used_up")});
        ana.put("/api/user-api-keys/serpapi", &new).await.expect(200);
        notices.look_round().await.unwrap();
        assert_eq!(brief(&list(&mut ana).await)[0], told("key.replacement_due", true, false));
    }

    async fn calls_that_take_far_longer_than_before_are_told(app: App) {
        let mut ana = app.user("ana").await;
        store(&mut ana, "plenty").await;
        let user: UserId = ana.get("/api/auth/me").await.json()["id"].as_str().unwrap().parse().unwrap();
        let calls = async |count: usize, latency_us: i64| {
            for _ in 0..count {
                app.state.store.note_usage(UsageRow { latency_us, ..call(user, "done", app.now()) }).await;
            }
            app.state.store.write_usage().await.unwrap();
            app.state.use_cases.notices.look_round().await.unwrap();
        };
        calls(150, 400_000).await;
        app.clock.advance(3 * DAY);
        let mut ana = app.log_in("ana").await;
        calls(20, 900_000).await;
        assert!(list(&mut ana).await.is_empty(), "quick enough");
        app.clock.advance(3 * HOUR);
        calls(30, 4_000_000).await;
        let slow = list(&mut ana).await.remove(0);
        assert_eq!((&slow["kind"], &slow["title"]), (&json!("usage.slow"), &json!("SerpAPI is far slower than usual")));
        assert!(slow["text"].as_str().unwrap().starts_with("Half of the calls take up to "), "{slow}");
        app.clock.advance(3 * HOUR);
        calls(1, 400_000).await;
        assert_eq!(brief(&list(&mut ana).await), [told("usage.slow", true, false)]);
    }

    async fn a_provider_that_is_away_is_told_to_whoever_has_a_key_of_it(app: App) {
        let (mut ana, mut ben) = (app.user("ana").await, app.user("ben").await);
        store(&mut ana, "plenty").await;
        let (store, notices) = (&app.state.store, &app.state.use_cases.notices);
        let began = app.now();
        let outage = Outage { provider: ProviderId::SERPAPI, began_at: began, ended_at: None, held_at: began };
        assert!(store.begin_outage(&outage, began.plus(MINUTE)).await.unwrap());
        app.clock.advance(4 * MINUTE);
        notices.look_round().await.unwrap();
        assert!(list(&mut ana).await.is_empty(), "a short one is not told");
        app.clock.advance(2 * MINUTE);
        // More than are read at a time.
        let columns = "email, password_hash, role, plan, epoch, disabled, created_at, updated_at";
        let users: Vec<_> = (0..250).map(|n| {
            let id = literal(app.sql.engine, &[&[0, 0, 0, n], &[7; 12][..]].concat());
            let id = if app.sql.engine == Engine::Postgres { format!("encode({id}, 'hex')::uuid") } else { id };
            format!("({id}, 'many{n}@example.org', 'x', 'user', 'free', 0, FALSE, 0, 0)")
        }).collect();
        app.sql.execute(&format!("INSERT INTO users (id, {columns}) VALUES {}", users.join(", "))).await;
        let columns = "slot, encrypted_key, dek_id, config, metadata, hint, status, undecryptable, is_active, \
            next_check_at, check_step, revision, credential_version";
        app.sql.execute(&format!(
            "INSERT INTO user_api_keys (id, user_id, provider, created_at, updated_at, {columns})
             SELECT u.id, u.id, provider, 0, 0, {columns} FROM user_api_keys k CROSS JOIN users u WHERE u.email LIKE 'many%'"
        )).await;
        notices.look_round().await.unwrap();
        let told_of = "SELECT COUNT(*) FROM notices WHERE kind = 'provider.outage'";
        assert_eq!(app.sql.number(told_of).await, 251);
        notices.look_round().await.unwrap();
        assert_eq!(brief(&list(&mut ana).await), [told("provider.outage", false, false)]);
        assert!(list(&mut ben).await.is_empty(), "who has no key of it does not care");
        assert!(store.end_outage(&ProviderId::SERPAPI, app.now(), app.now()).await.unwrap());
        notices.look_round().await.unwrap();
        assert_eq!(brief(&list(&mut ana).await), [told("provider.outage", true, false)]);
    }

    async fn a_deleted_key_leaves_nothing_open(app: App) {
        let mut ana = app.user("ana").await;
        store(&mut ana, "plenty").await;
        becomes(&app, &mut ana, "invalid").await;
        ana.delete("/api/user-api-keys/serpapi").await.expect(204);
        assert_eq!(brief(&list(&mut ana).await), [told("key.invalid", true, false)]);
    }

    async fn what_is_silenced_is_not_told(app: App) {
        let mut ana = app.user("ana").await;
        store(&mut ana, "plenty").await;
        let rules = ana.get("/api/notifications/rules").await.expect(200).json();
        assert_eq!(rules["on"].as_array().unwrap().len(), NoticeKind::ALL.len());
        let on = json!({"on": ["key.suspended"], "quiet": null});
        assert_eq!(ana.put("/api/notifications/rules", &on).await.expect(200).json(), on);
        becomes(&app, &mut ana, "invalid").await;
        assert!(list(&mut ana).await.is_empty());
        assert_eq!(ana.get("/api/notifications/rules").await.expect(200).json(), on);
        ana.put("/api/notifications/rules", &json!({"on": ["key.unheard_of"]})).await.problem(400, "bad-request");

        // By a form without JavaScript.
        let page = ana.get("/settings/notifications").await.expect(200).text;
        assert!(page.contains(r#"name="on[key.suspended]""#) && page.contains("Tell me when"));
        let fields = [("on[key.invalid]", "on"), ("on[key.limited]", "on")];
        ana.form("/api/rpc/set_notice_rules", "/settings/notifications", &fields).await.expect(302);
        let rules = ana.get("/api/notifications/rules").await.expect(200).json();
        assert_eq!(rules, json!({"on": ["key.invalid", "key.limited"], "quiet": null}));
        let quiet = json!({"on": [], "quiet": {"from": 22, "to": 7, "zone": "Europe/Berlin"}});
        assert_eq!(ana.put("/api/notifications/rules", &quiet).await.expect(200).json(), quiet);
        let nowhere = json!({"on": [], "quiet": {"from": 22, "to": 7, "zone": "Mars/Olympus"}});
        let problem = ana.put("/api/notifications/rules", &nowhere).await.problem(422, "invalid-input");
        assert_eq!(problem["errors"]["zone"]["code"], "no_zone");
        assert_eq!(ana.get("/api/notifications/rules").await.expect(200).json(), quiet);
    }

    async fn notices_are_marked_as_read_and_come_in_parts(app: App) {
        let mut ana = app.user("ana").await;
        store(&mut ana, "plenty").await;
        for _ in 0..52 {
            becomes(&app, &mut ana, "invalid").await;
            becomes(&app, &mut ana, "plenty").await;
            app.sql.execute("UPDATE notices SET resolved_at = resolved_at - 7200000000").await;
        }
        let first = ana.get(LIST).await.expect(200).json();
        assert_eq!(first["items"].as_array().unwrap().len(), 50);
        let rest = ana.get(&format!("{LIST}?cursor={}", first["next"].as_str().unwrap())).await.expect(200).json();
        assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (2, &Value::Null));
        ana.get(&format!("{LIST}?cursor=x")).await.problem(422, "invalid-input");
        assert!(ana.get("/").await.expect(200).text.contains(">52<"));

        // Those of somebody else are passed over.
        let id = first["items"][0]["id"].clone();
        let mut eve = app.user("eve").await;
        eve.post("/api/notifications/read", &json!({"ids": [id]})).await.expect(204);
        assert_eq!(list(&mut ana).await[0]["read"], false);
        let mut events = ana.events("", &[]).await;
        let hello = events.next().await.unwrap().id.unwrap();
        ana.post("/api/notifications/read", &json!({"ids": [id]})).await.expect(204);
        events.expect(hello + 1, "notices", "").await;
        assert_eq!(brief(&list(&mut ana).await)[..2], [told("key.invalid", true, true), told("key.invalid", true, false)]);
        ana.post("/api/notifications/read", &json!({})).await.expect(204);
        assert!(list(&mut ana).await.iter().all(|one| one["read"] == true));
        assert!(!ana.get("/").await.expect(200).text.contains(r#"class="badge""#));
        let many: Vec<_> = (0..101).map(|_| id.clone()).collect();
        ana.post("/api/notifications/read", &json!({"ids": many})).await.problem(422, "invalid-input");
    }
}
