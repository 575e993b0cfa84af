//! What the report says beside totals: who answered, which version of a key was used, what failed at what; and its
//! tables as files.

use keyward::{
    model::{ids::ProviderId, service::ServiceId},
    store::UsageRow,
};
use serde_json::{Value, json};

use crate::{
    jobs::user_id,
    support::{App, Client, DAY, Engine, both},
};

async fn store(client: &mut Client) {
    let body = json!({"provider": "serpapi", "credentials": App::test_key("serpapi", "plenty")});
    client.post("/api/user-api-keys/store", &body).await.expect(201);
}

async fn check(app: &App, client: &mut Client, situation: &str) {
    app.control("PUT", "/keys/serpapi/plenty", Some(json!({"situation": situation}))).await;
    client.post("/api/user-api-keys/validate", &json!({"provider": "serpapi"})).await.expect(200);
}

async fn report(client: &mut Client, query: &str) -> Value {
    client.get(&format!("/api/usage{query}")).await.expect(200).json()
}

async fn table(client: &mut Client, table: &str) -> Vec<String> {
    let file = client.get(&format!("/api/usage.csv?range=7d&table={table}")).await.expect(200);
    assert!(file.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    let name = format!("attachment; filename=\"usage-{table}-7d-");
    assert!(file.headers["content-disposition"].to_str().unwrap().starts_with(&name));
    file.text.strip_prefix('\u{feff}').unwrap().lines().map(str::to_owned).collect()
}

both! {
    async fn what_a_provider_did_not_answer_is_not_the_keys_fault(app: App) {
        let mut client = app.user("ana").await;
        assert_eq!(report(&mut client, "").await["availability"]["providers"], json!([]));
        store(&mut client).await;
        check(&app, &mut client, "invalid").await;
        check(&app, &mut client, "down").await;
        check(&app, &mut client, "hangs_up").await;
        let first = report(&mut client, "?range=24h").await;
        let serpapi = first["availability"]["providers"][0].clone();
        assert_eq!((&serpapi["provider"], &serpapi["failed"], &serpapi["calls"]), (&json!("serpapi"), &json!(2), &first["totals"]["calls"]));
        assert_eq!(first["totals"]["failed"], 3);
        let mut failed: Vec<_> = first["failures"].as_array().unwrap().iter().map(|f| (f["outcome"].clone(), f["service"].clone(), f["operation"].clone(), f["calls"].clone())).collect();
        failed.sort_by_key(|(outcome, ..)| outcome.to_string());
        let account = json!("account");
        assert_eq!(failed, [(json!("invalid"), Value::Null, account.clone(), json!(1)), (json!("unreachable"), Value::Null, account, json!(2))]);

        app.clock.advance(DAY);
        let mut client = app.log_in("ana").await;
        check(&app, &mut client, "plenty").await;
        for (offset, begin) in [(0, "T00:00:00Z"), (840, "T10:00:00Z"), (-480, "T08:00:00Z")] {
            let found = report(&mut client, &format!("?offset={offset}")).await["availability"].clone();
            let days = found["providers"][0]["days"].as_array().unwrap();
            let failed: Vec<_> = days.iter().map(|day| day["failed"].as_i64().unwrap()).collect();
            assert_eq!(failed, [2, 0], "{found}");
            assert!(days.iter().all(|day| day["begins"].as_str().unwrap().ends_with(begin)), "{found}");
            assert!(found["begins"].as_str().unwrap().ends_with(begin));
        }
        let page = client.get("/analytics").await.expect(200).text;
        for said in ["with trouble on 1 day", "18 Nov 2026: 2 of ", "2 of 5 services open", "/settings/api-keys?service=calling"] {
            assert!(page.contains(said), "{said}: {page}");
        }
        let days = table(&mut client, "availability").await;
        assert_eq!((days.len(), days[0].as_str()), (3, "Provider,Day begins,Calls,Not answered"));
        assert!(days[1].starts_with("SerpAPI,2026-11-18T00:00:00Z,") && days[1].ends_with(",2"), "{days:?}");

        let mut other = app.user("bo").await;
        assert_eq!(report(&mut other, "").await["availability"]["providers"], json!([]));
    }

    async fn calls_know_the_version_of_their_key(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client).await;
        assert_eq!(report(&mut client, "").await["versions"], json!([]), "a candidate has no version");
        check(&app, &mut client, "plenty").await;
        check(&app, &mut client, "invalid").await;
        let credentials = App::test_key("serpapi", "nearly_used_up");
        client.put("/api/user-api-keys/serpapi", &json!({"credentials": credentials})).await.expect(200);
        app.clock.advance(DAY);
        let mut client = app.log_in("ana").await;
        check(&app, &mut client, "plenty").await;
        let short = |versions: &Value| -> Vec<_> {
            let version = |v: &Value| (v["version"].as_i64().unwrap(), v["in_use"].as_bool().unwrap(), v["calls"].as_i64().unwrap(), v["failed"].as_i64().unwrap());
            versions.as_array().unwrap().iter().map(version).collect()
        };
        let versions = report(&mut client, "").await["versions"].clone();
        assert_eq!(short(&versions), [(2, true, 1, 0), (1, false, 2, 1)]);
        assert!(versions[1]["last_at"].as_str() < versions[0]["first_at"].as_str());
        // Only what falls in the range is counted.
        assert_eq!(short(&report(&mut client, "?range=24h").await["versions"]), [(2, true, 1, 0)]);
        app.clock.advance(DAY);
        let mut client = app.log_in("ana").await;
        check(&app, &mut client, "plenty").await;
        assert_eq!(short(&report(&mut client, "?range=24h").await["versions"]), [(2, true, 1, 0)]);
        assert_eq!(short(&report(&mut client, "?range=7d").await["versions"]), [(2, true, 2, 0), (1, false, 2, 1)]);
        let known = report(&mut client, "?range=7d").await["versions"][1].clone();
        assert_eq!((&known["failure"], &known["units"]), (&json!("invalid"), &json!(0)), "{known}");
        assert!(known["p99_ms"].as_i64() >= known["p50_ms"].as_i64() && known["p50_ms"].as_i64() > Some(0), "{known}");
        let page = client.get("/analytics").await.expect(200).text;
        assert!(page.contains("2, in use") && page.contains("1, replaced or deleted") && page.contains("Failed mostly"), "{page}");
        let file = table(&mut client, "versions").await;
        assert!(file.len() == 3 && file[2].contains(",no,") && file[2].contains(",2,1,50.00,invalid,0,"), "{file:?}");
        // They stay when the key goes, and a new key begins at 1.
        client.delete("/api/user-api-keys/serpapi").await.expect(204);
        store(&mut client).await;
        app.clock.advance(std::time::Duration::from_secs(60));
        check(&app, &mut client, "plenty").await;
        let all = report(&mut client, "").await["versions"].clone();
        assert_eq!(all.as_array().unwrap().iter().map(|v| v["in_use"] == true).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(all[0]["version"], 1);

        let mut other = app.user("bo").await;
        assert_eq!(report(&mut other, "").await["versions"], json!([]));
        app.state.store.sweep(app.now().plus(733 * DAY)).await.unwrap();
        for table in ["usage_hours", "usage_days", "usage_providers"] {
            assert_eq!(app.sql.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0);
        }
    }

    async fn what_was_called_off_says_nothing_of_the_provider(app: App) {
        let mut client = app.user("ana").await;
        let user = user_id(&mut client).await;
        let row = |outcome, provider| UsageRow {
            user,
            key: None,
            provider,
            service: Some(ServiceId::Calling),
            operation: "create_call".to_owned(),
            outcome,
            latency_us: 7,
            units: 0,
            source: "use",
            key_source: "platform",
            at: app.now(),
        };
        for outcome in ["done", "cancelled", "cancelled", "unreachable", "exhausted"] {
            app.state.store.note_usage(row(outcome, ProviderId::TWILIO)).await;
        }
        app.state.store.note_usage(row("cancelled", ProviderId::SERPAPI)).await;
        let found = report(&mut client, "?range=24h").await;
        let answered = found["availability"]["providers"].as_array().unwrap();
        assert_eq!(answered.len(), 1, "{found}");
        assert_eq!((&answered[0]["calls"], &answered[0]["failed"]), (&json!(3), &json!(1)), "{found}");
        assert_eq!((&found["totals"]["calls"], &found["totals"]["failed"]), (&json!(6), &json!(2)));
        // Those of older calls are counted by the migration.
        let migration = match app.sql.engine {
            Engine::Sqlite => include_str!("../../migrations/sqlite/20261127110001_usage_by_key.sql"),
            Engine::Postgres => include_str!("../../migrations/postgres/20261127110001_usage_by_key.sql"),
        };
        app.sql.execute("UPDATE usage_providers SET cancelled = 0").await;
        assert_ne!(report(&mut client, "?range=24h").await["availability"], found["availability"]);
        let begin = migration.find("UPDATE usage_providers").unwrap();
        app.sql.execute(migration[begin..].split(';').next().unwrap()).await;
        assert_eq!(report(&mut client, "?range=24h").await["availability"], found["availability"]);
        // They were made with the operator's key, so there is none of the user's to be mended.
        assert!(found["failures"].as_array().unwrap().iter().all(|failure| failure["key_source"] == "platform"), "{found}");
        assert_eq!(found["versions"], json!([]));
        let (begin, end) = (app.now().minus(DAY), app.now().plus(DAY));
        let store = &app.state.store;
        assert_eq!(store.busiest_hour(user, &ProviderId::TWILIO, begin, end).await.unwrap(), None);
        store.note_usage(UsageRow { key_source: "user", ..row("done", ProviderId::TWILIO) }).await;
        store.write_usage().await.unwrap();
        let busiest = store.busiest_hour(user, &ProviderId::TWILIO, begin, end).await.unwrap();
        assert_eq!(busiest.map(|(calls, _)| calls), Some(1));
    }

    async fn without_a_call_in_the_range_all_else_is_said(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client).await;
        check(&app, &mut client, "down").await;
        app.clock.advance(DAY * 5 / 2);
        let mut client = app.log_in("ana").await;
        let page = client.get("/analytics?range=24h").await.expect(200).text;
        for said in ["No call in this time.", "What is left", "with trouble on 1 day", "id=\"hatch\"", "All days"] {
            assert!(page.contains(said), "{said}: {page}");
        }
        assert!(!page.contains("What was asked"));
    }

    async fn older_hours_are_added_up_by_provider_by_the_migration(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client).await;
        check(&app, &mut client, "down").await;
        let counted = report(&mut client, "").await["availability"].clone();
        assert_eq!(counted["providers"][0]["failed"], 1);
        let migration = match app.sql.engine {
            Engine::Sqlite => include_str!("../../migrations/sqlite/20261127070002_usage_sums.sql"),
            Engine::Postgres => include_str!("../../migrations/postgres/20261127070002_usage_sums.sql"),
        };
        let begin = migration.find("INSERT INTO usage_providers").unwrap();
        app.sql.execute("DELETE FROM usage_providers").await;
        assert_ne!(report(&mut client, "").await["availability"], counted);
        app.sql.execute(migration[begin..].split(';').next().unwrap()).await;
        assert_eq!(report(&mut client, "").await["availability"], counted);
    }

    async fn a_report_of_one_provider_has_nothing_of_the_others(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client).await;
        check(&app, &mut client, "invalid").await;
        check(&app, &mut client, "plenty").await;
        let key = json!({"provider": "elevenlabs", "credentials": App::test_key("elevenlabs", "plenty")});
        client.post("/api/user-api-keys/store", &key).await.expect(201);
        let all = report(&mut client, "?range=7d").await;
        assert_eq!((&all["provider"], &all["providers"]), (&Value::Null, &json!(["elevenlabs", "serpapi"])));
        let mut calls = 0;
        for (provider, failed) in [("serpapi", 1), ("elevenlabs", 0)] {
            let found = report(&mut client, &format!("?range=7d&provider={provider}")).await;
            assert_eq!((&found["provider"], &found["providers"]), (&json!(provider), &all["providers"]));
            let steps = found["steps"].as_array().unwrap();
            let sum = |what: &str| steps.iter().map(|step| step[what].as_i64().unwrap()).sum::<i64>();
            assert_eq!((json!(sum("calls")), json!(sum("failed"))), (found["totals"]["calls"].clone(), json!(failed)));
            assert_eq!(found["totals"]["failed"], failed);
            calls += sum("calls");
            for list in ["operations", "failures", "quotas", "costs", "versions"] {
                for row in found[list].as_array().unwrap() {
                    assert_eq!(row["provider"], provider, "{list}");
                }
            }
            assert_eq!(found["quotas"].as_array().unwrap().len(), 1);
            let answered = found["availability"]["providers"].as_array().unwrap();
            assert!(answered.len() == 1 && answered[0]["provider"] == provider);
            let file = client.get(&format!("/api/usage.csv?range=7d&provider={provider}")).await.expect(200).text;
            assert_eq!(file.lines().count(), 1 + found["operations"].as_array().unwrap().len());
        }
        assert_eq!(all["totals"]["calls"], calls);
        let page = client.get("/analytics?range=7d&provider=serpapi").await.expect(200).text;
        assert!(page.contains("/api/usage.csv?table=steps&amp;range=7d&amp;offset=0&amp;provider=serpapi"), "{page}");
        assert!(page.contains("href=\"/analytics?range=24h&amp;provider=serpapi\"") && page.contains("href=\"/analytics?range=7d&amp;provider=elevenlabs\""), "{page}");
        // One that was never called, and none that could be.
        let none = report(&mut client, "?provider=twilio").await;
        assert_eq!((&none["totals"]["calls"], &none["providers"]), (&json!(0), &json!(["elevenlabs", "serpapi", "twilio"])));
        let problem = client.get("/api/usage?provider=No!").await.problem(422, "invalid-input");
        assert!(problem["errors"].get("provider").is_some(), "{problem}");
        client.get("/analytics?provider=No!").await.expect(200);
    }

    async fn each_table_is_a_file_in_which_nothing_is_a_formula(app: App) {
        let mut client = app.user("ana").await;
        store(&mut client).await;
        let user = user_id(&mut client).await;
        let row = UsageRow {
            user,
            key: None,
            provider: ProviderId::SERPAPI,
            service: Some(ServiceId::DataScraper),
            operation: "=1+1,\"x\"".to_owned(),
            outcome: "rate_limited",
            latency_us: 7,
            units: 1,
            source: "use",
            key_source: "user",
            at: app.now(),
        };
        for _ in 0..3 {
            app.state.store.note_usage(row.clone()).await;
        }
        let guarded = "\"'=1+1,\"\"x\"\"\"";
        let operations = table(&mut client, "operations").await;
        assert!(operations[1].starts_with(&format!("SerpAPI,Data Scraper,{guarded},3,3,0.00,3,1,1,1")), "{operations:?}");
        let failures = table(&mut client, "failures").await;
        let line = format!("SerpAPI,Data Scraper,{guarded},rate_limited,3,{},Too many requests at a time.,", app.now());
        assert!(failures[1].starts_with(&line), "{failures:?}");
        let steps = table(&mut client, "steps").await;
        assert_eq!((steps.len(), steps[0].as_str()), (8, "Begins,Calls,Failed"));
        assert_eq!(table(&mut client, "costs").await, ["Provider,For,Operation,Priced,Cost,Currency"]);
        assert_eq!(table(&mut client, "quotas").await.len(), 2);

        // As the page links them, without anything chosen.
        let page = client.get("/analytics").await.expect(200).text;
        for table in ["operations", "steps", "failures", "quotas", "availability"] {
            assert!(page.contains(&format!("/api/usage.csv?table={table}&amp;range=30d&amp;offset=0")), "{table}: {page}");
        }
        let named = client.get("/api/usage.csv").await.expect(200);
        assert!(named.headers["content-disposition"].to_str().unwrap().contains("usage-operations-30d-"));
        for (query, field) in [("?table=users", "table"), ("?range=1y", "range"), ("?offset=a", "offset")] {
            let problem = client.get(&format!("/api/usage.csv{query}")).await.problem(422, "invalid-input");
            assert!(problem["errors"].get(field).is_some(), "{problem}");
        }
        client.get("/api/usage.csv?user=bo").await.problem(400, "bad-request");
        app.visitor().get("/api/usage.csv").await.problem(401, "unauthenticated");
    }
}
