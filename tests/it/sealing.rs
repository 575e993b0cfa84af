//! What a database writer can do to sealed rows: nothing that opens.

use serde_json::json;

use crate::support::{App, Client, both, literal};

async fn with_keys(app: &App, name: &str) -> Client {
    let mut client = app.user(name).await;
    for (provider, id) in [("serpapi", "plenty"), ("twilio", "full")] {
        let body = json!({"provider": provider, "credentials": App::test_key(provider, id)});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
    }
    client
}

/// Asks for a check and expects the row to be refused, flagged, and otherwise as it was.
async fn expect_refused(app: &App, client: &mut Client, provider: &str, what: &str) {
    let journal = app.control("GET", "/journal", None).await;
    let rows = "SELECT encrypted_key FROM user_api_keys ORDER BY id";
    let before = app.sql.blobs(rows).await;
    let key =
        client.post("/api/user-api-keys/validate", &json!({"provider": provider})).await.expect(200).json();
    assert_eq!(key["undecryptable"], true, "{what}");
    assert_eq!(app.sql.blobs(rows).await, before, "{what}: the row must stay");
    assert_eq!(app.control("GET", "/journal", None).await, journal, "{what}: nothing may be sent");
    let service = if provider == "serpapi" { "data-scraper" } else { "calling" };
    let problem =
        client.get(&format!("/api/services/{service}/access")).await.problem(403, "missing-api-keys");
    assert_eq!(problem["blocked_providers"][0]["reason"], "undecryptable");
}

async fn expect_opens(client: &mut Client, provider: &str) {
    let key =
        client.post("/api/user-api-keys/validate", &json!({"provider": provider})).await.expect(200).json();
    assert_eq!((&key["undecryptable"], &key["status"]), (&json!(false), &json!("valid")));
}

both! {
    async fn rows_swapped_between_users_providers_slots_and_versions_are_refused(app: App) {
        let mut ana = with_keys(&app, "ana").await;
        let mut eve = with_keys(&app, "eve").await;
        let id = |client: &mut Client| {
            let mut client = client.clone();
            async move { client.get("/api/auth/me").await.json()["id"].as_str().unwrap().to_owned() }
        };
        let (ana_id, eve_id) = (id(&mut ana).await, id(&mut eve).await);
        let quoted = |id: &str| match app.sql.engine {
            crate::support::Engine::Sqlite => format!("x'{}'", id.replace('-', "")),
            crate::support::Engine::Postgres => format!("'{id}'"),
        };
        let (ana_sql, eve_sql) = (quoted(&ana_id), quoted(&eve_id));
        let select = |user: &str, provider: &str| {
            format!("SELECT encrypted_key FROM user_api_keys WHERE user_id = {user} AND provider = '{provider}'")
        };
        let own = app.sql.blobs(&select(&ana_sql, "serpapi")).await.remove(0);
        let restore = format!(
            "UPDATE user_api_keys SET encrypted_key = {} WHERE user_id = {ana_sql} AND provider = 'serpapi'",
            literal(app.sql.engine, &own)
        );
        let place = format!("WHERE user_id = {ana_sql} AND provider = 'serpapi'");

        // Another user's envelope, alone and together with that user's DEK; another provider's envelope.
        let other = app.sql.blobs(&select(&eve_sql, "serpapi")).await.remove(0);
        let dek = |user: &str| format!("(SELECT dek_id FROM user_api_keys WHERE user_id = {user} AND provider = 'serpapi')");
        app.sql.execute(&format!("UPDATE user_api_keys SET encrypted_key = {} {place}", literal(app.sql.engine, &other))).await;
        expect_refused(&app, &mut ana, "serpapi", "another user's envelope").await;
        let ana_dek = app.sql.blobs(&format!("SELECT wrapped FROM deks WHERE owner = '{ana_id}'")).await;
        let own_dek = dek(&ana_sql);
        app.sql.execute(&format!("UPDATE user_api_keys SET dek_id = {} {place}", dek(&eve_sql))).await;
        expect_refused(&app, &mut ana, "serpapi", "another user's envelope and DEK").await;
        app.sql.execute(&format!(
            "UPDATE user_api_keys SET dek_id = (SELECT id FROM deks WHERE owner = '{ana_id}') {place}"
        )).await;
        drop((own_dek, ana_dek));
        let twilio = app.sql.blobs(&select(&ana_sql, "twilio")).await.remove(0);
        app.sql.execute(&format!("UPDATE user_api_keys SET encrypted_key = {} {place}", literal(app.sql.engine, &twilio))).await;
        expect_refused(&app, &mut ana, "serpapi", "another provider's envelope").await;
        app.sql.execute(&restore).await;
        expect_opens(&mut ana, "serpapi").await;

        // The row moved: to another id, another version, another provider, another owner.
        for (what, change, back) in [
            ("version", "credential_version = credential_version + 1", "credential_version = credential_version - 1"),
        ] {
            app.sql.execute(&format!("UPDATE user_api_keys SET {change} {place}")).await;
            expect_refused(&app, &mut ana, "serpapi", what).await;
            app.sql.execute(&format!("UPDATE user_api_keys SET {back} {place}")).await;
            expect_opens(&mut ana, "serpapi").await;
        }
        app.sql.execute(&format!("DELETE FROM user_api_keys WHERE user_id = {eve_sql} AND provider = 'serpapi'")).await;
        app.sql.execute(&format!("UPDATE user_api_keys SET user_id = {eve_sql} {place}")).await;
        expect_refused(&app, &mut eve, "serpapi", "a row given to another owner").await;
        app.sql.execute(&format!("UPDATE user_api_keys SET user_id = {ana_sql} WHERE user_id = {eve_sql} AND provider = 'serpapi'")).await;
        expect_opens(&mut ana, "serpapi").await;

        // An old envelope put back after a replacement.
        let with = json!({"credentials": App::test_key("serpapi", "nearly_used_up")});
        ana.put("/api/user-api-keys/serpapi", &with).await.expect(200);
        app.sql.execute(&restore).await;
        expect_refused(&app, &mut ana, "serpapi", "an old version").await;
        // A retired copy put in the live one's place.
        let retired = app.sql.blobs("SELECT encrypted_key FROM retired_credentials").await.remove(0);
        app.sql.execute(&format!("UPDATE user_api_keys SET encrypted_key = {} {place}", literal(app.sql.engine, &retired))).await;
        expect_refused(&app, &mut ana, "serpapi", "a retired copy").await;
        let webhook = app.sql.blobs("SELECT sealed FROM webhook_secrets").await.remove(0);
        app.sql.execute(&format!("UPDATE user_api_keys SET encrypted_key = {} {place}", literal(app.sql.engine, &webhook))).await;
        expect_refused(&app, &mut ana, "serpapi", "a webhook copy").await;

        // Replacing heals: it is possible whatever the row holds.
        let with = json!({"credentials": App::test_key("serpapi", "plenty")});
        let key = ana.put("/api/user-api-keys/serpapi", &with).await.expect(200).json();
        assert_eq!(key["undecryptable"], false);
        expect_opens(&mut ana, "serpapi").await;
    }

    async fn a_changed_region_or_account_beside_the_envelope_is_refused(app: App) {
        let mut ana = with_keys(&app, "ana").await;
        let before = app.sql.number("SELECT COUNT(*) FROM user_api_keys WHERE CAST(config AS TEXT) LIKE '%us1%'").await;
        assert_eq!(before, 1);
        let set = |text: &str| match app.sql.engine {
            crate::support::Engine::Sqlite => format!("UPDATE user_api_keys SET config = replace(config, {text}) WHERE provider = 'twilio'"),
            crate::support::Engine::Postgres => format!("UPDATE user_api_keys SET config = replace(config::text, {text})::jsonb WHERE provider = 'twilio'"),
        };
        app.sql.execute(&set("'us1', 'ie1'")).await;
        expect_refused(&app, &mut ana, "twilio", "another region").await;
        app.sql.execute(&set("'ie1', 'us1'")).await;
        expect_opens(&mut ana, "twilio").await;
        app.sql.execute(&set("'decafbad', 'decafbae'")).await;
        expect_refused(&app, &mut ana, "twilio", "another account").await;
        app.sql.execute(&set("'decafbae', 'decafbad'")).await;
        expect_opens(&mut ana, "twilio").await;
    }

    async fn damaged_and_cut_envelopes_and_plaintext_are_refused(app: App) {
        let mut ana = with_keys(&app, "ana").await;
        let own = app.sql.blobs("SELECT encrypted_key FROM user_api_keys WHERE provider = 'serpapi'").await.remove(0);
        let set = |bytes: &[u8]| format!(
            "UPDATE user_api_keys SET encrypted_key = {} WHERE provider = 'serpapi'", literal(app.sql.engine, bytes)
        );
        // Every bit and every length is the vault's own test; here one of each part of the format.
        for at in [0, 2, 3, 4, 5, 8, 30, 60, 90, 101, own.len() - 1] {
            let mut damaged = own.clone();
            damaged[at] ^= 1;
            app.sql.execute(&set(&damaged)).await;
            expect_refused(&app, &mut ana, "serpapi", &format!("a flipped bit in byte {at}")).await;
        }
        for length in [0, 1, 99, 115, own.len() - 1] {
            app.sql.execute(&set(&own[..length])).await;
            expect_refused(&app, &mut ana, "serpapi", &format!("cut to {length}")).await;
        }
        let plain = App::test_key("serpapi", "plenty").to_string();
        app.sql.execute(&set(plain.as_bytes())).await;
        expect_refused(&app, &mut ana, "serpapi", "a plaintext row").await;
        app.sql.execute(&set(&own)).await;
        expect_opens(&mut ana, "serpapi").await;
    }
}
