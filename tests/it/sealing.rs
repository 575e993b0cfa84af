//! What a database writer can do to sealed rows: nothing that opens.

use serde_json::json;

use crate::support::{App, Client, Engine, both, literal};

async fn with_keys(app: &App, name: &str) -> Client {
    let mut client = app.user(name).await;
    for (provider, id) in [("serpapi", "plenty"), ("twilio", "full")] {
        let body = json!({"provider": provider, "credentials": App::test_key(provider, id)});
        client.post("/api/user-api-keys/store", &body).await.expect(201);
    }
    client
}

/// Asks for a check twice and expects the row to be refused, flagged, and otherwise as it was. Of a row that opened
/// before, the first refusal is in the audit log, once.
async fn expect_refused(app: &App, client: &mut Client, provider: &str, what: &str) {
    let journal = app.control("GET", "/journal", None).await;
    let rows = "SELECT encrypted_key FROM user_api_keys ORDER BY id";
    let before = app.sql.blobs(rows).await;
    let owner = id_of(client).await;
    let lines = refusals_of(app, &owner, provider).await;
    for _ in 0..2 {
        let key = client
            .post("/api/user-api-keys/validate", &json!({"provider": provider}))
            .await
            .expect(200)
            .json();
        assert_eq!(key["undecryptable"], true, "{what}");
        assert_eq!(app.sql.blobs(rows).await, before, "{what}: the row must stay");
        assert_eq!(refusals_of(app, &owner, provider).await, lines + 1, "{what}: one line in the audit log");
    }
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

async fn id_of(client: &mut Client) -> String {
    client.get("/api/auth/me").await.expect(200).json()["id"].as_str().unwrap().to_owned()
}

async fn refusals_of(app: &App, owner: &str, provider: &str) -> i64 {
    app.sql
        .number(&format!(
            "SELECT COUNT(*) FROM audit_log
             WHERE action = 'key.undecryptable' AND owner = '{owner}' AND subject = '{provider}'"
        ))
        .await
}

/// An id as a literal.
fn quoted(app: &App, id: &str) -> String {
    match app.sql.engine {
        Engine::Sqlite => format!("x'{}'", id.replace('-', "")),
        Engine::Postgres => format!("'{id}'"),
    }
}

/// A stored credential, as it lies in the database.
struct Row {
    /// `WHERE` it is.
    place: String,
    envelope: Vec<u8>,
    config: String,
}

impl Row {
    async fn read(app: &App, provider: &str, slot: &str) -> Self {
        let place = format!("WHERE provider = '{provider}' AND slot = '{slot}'");
        let envelope =
            app.sql.blobs(&format!("SELECT encrypted_key FROM user_api_keys {place}")).await.remove(0);
        let config = app.sql.text(&format!("SELECT CAST(config AS TEXT) FROM user_api_keys {place}")).await;
        Self { place, envelope, config }
    }

    /// Puts what `other` holds into this row.
    async fn fill_with(&self, app: &App, other: &Self) {
        let json = if app.sql.engine == Engine::Postgres { "::jsonb" } else { "" };
        let envelope = literal(app.sql.engine, &other.envelope);
        let change = format!("encrypted_key = {envelope}, config = '{}'{json}", other.config);
        app.sql.execute(&format!("UPDATE user_api_keys SET {change} {}", self.place)).await;
    }

    async fn is_flagged(&self, app: &App) -> bool {
        let flag =
            format!("SELECT CASE WHEN undecryptable THEN 1 ELSE 0 END FROM user_api_keys {}", self.place);
        app.sql.text(&format!("SELECT CAST(({flag}) AS TEXT)")).await == "1"
    }
}

/// Lets the loop check these rows, and no others.
async fn check(app: &App, rows: [&Row; 2]) {
    for row in rows {
        app.sql.execute(&format!("UPDATE user_api_keys SET next_check_at = 0 {}", row.place)).await;
    }
    assert_eq!(app.recheck.check_due().await, 2);
}

both! {
    async fn rows_swapped_between_users_providers_and_versions_are_refused(app: App) {
        let mut ana = with_keys(&app, "ana").await;
        let mut eve = with_keys(&app, "eve").await;
        let (ana_id, eve_id) = (id_of(&mut ana).await, id_of(&mut eve).await);
        let (ana_sql, eve_sql) = (quoted(&app, &ana_id), quoted(&app, &eve_id));
        let place = format!("WHERE user_id = {ana_sql} AND provider = 'serpapi'");
        let select = |user: &str, provider: &str| {
            format!("SELECT encrypted_key FROM user_api_keys WHERE user_id = {user} AND provider = '{provider}'")
        };
        let put = |bytes: &[u8]| {
            format!("UPDATE user_api_keys SET encrypted_key = {} {place}", literal(app.sql.engine, bytes))
        };
        let dek = |owner: &str| {
            format!("UPDATE user_api_keys SET dek_id = (SELECT id FROM deks WHERE owner = '{owner}') {place}")
        };
        let own = app.sql.blobs(&select(&ana_sql, "serpapi")).await.remove(0);

        // Another user's envelope, alone and together with that user's DEK; another provider's envelope.
        let other = app.sql.blobs(&select(&eve_sql, "serpapi")).await.remove(0);
        app.sql.execute(&put(&other)).await;
        expect_refused(&app, &mut ana, "serpapi", "another user's envelope").await;
        app.sql.execute(&put(&own)).await;
        expect_opens(&mut ana, "serpapi").await;
        app.sql.execute(&put(&other)).await;
        app.sql.execute(&dek(&eve_id)).await;
        expect_refused(&app, &mut ana, "serpapi", "another user's envelope and DEK").await;
        app.sql.execute(&put(&own)).await;
        app.sql.execute(&dek(&ana_id)).await;
        expect_opens(&mut ana, "serpapi").await;
        let twilio = app.sql.blobs(&select(&ana_sql, "twilio")).await.remove(0);
        app.sql.execute(&put(&twilio)).await;
        expect_refused(&app, &mut ana, "serpapi", "another provider's envelope").await;
        app.sql.execute(&put(&own)).await;
        expect_opens(&mut ana, "serpapi").await;

        // The row changed: to another version, to another owner.
        app.sql.execute(&format!("UPDATE user_api_keys SET credential_version = credential_version + 1 {place}")).await;
        expect_refused(&app, &mut ana, "serpapi", "another version").await;
        app.sql.execute(&format!("UPDATE user_api_keys SET credential_version = credential_version - 1 {place}")).await;
        expect_opens(&mut ana, "serpapi").await;
        app.sql.execute(&format!("DELETE FROM user_api_keys WHERE user_id = {eve_sql} AND provider = 'serpapi'")).await;
        app.sql.execute(&format!("UPDATE user_api_keys SET user_id = {eve_sql} {place}")).await;
        expect_refused(&app, &mut eve, "serpapi", "a row given to another owner").await;
        app.sql.execute(&format!("UPDATE user_api_keys SET user_id = {ana_sql} WHERE user_id = {eve_sql} AND provider = 'serpapi'")).await;
        expect_opens(&mut ana, "serpapi").await;

        // An old envelope put back after a replacement; a retired copy and one for webhooks in the live one's place.
        let with = json!({"credentials": App::test_key("serpapi", "nearly_used_up")});
        ana.put("/api/user-api-keys/serpapi", &with).await.expect(200);
        let new = app.sql.blobs(&select(&ana_sql, "serpapi")).await.remove(0);
        let retired = app.sql.blobs("SELECT encrypted_key FROM retired_credentials").await.remove(0);
        let webhook = app.sql.blobs("SELECT sealed FROM webhook_secrets").await.remove(0);
        for (what, envelope) in [("an old version", own), ("a retired copy", retired), ("a webhook copy", webhook)] {
            app.sql.execute(&put(&envelope)).await;
            expect_refused(&app, &mut ana, "serpapi", what).await;
            app.sql.execute(&put(&new)).await;
            expect_opens(&mut ana, "serpapi").await;
        }

        // Replacing heals: it is possible whatever the row holds.
        app.sql.execute(&put(&other)).await;
        expect_refused(&app, &mut ana, "serpapi", "another user's envelope").await;
        let with = json!({"credentials": App::test_key("serpapi", "plenty")});
        let key = ana.put("/api/user-api-keys/serpapi", &with).await.expect(200).json();
        assert_eq!(key["undecryptable"], false);
        expect_opens(&mut ana, "serpapi").await;
    }

    async fn what_is_exchanged_between_slots_and_providers_is_refused(app: App) {
        // The interface fills one slot; what lies in it is moved to a second one, and it is filled again.
        let mut ana = with_keys(&app, "ana").await;
        app.sql.execute("UPDATE user_api_keys SET slot = 'second'").await;
        for (provider, id) in [("serpapi", "nearly_used_up"), ("twilio", "api_key_and_token")] {
            let body = json!({"provider": provider, "credentials": App::test_key(provider, id)});
            ana.post("/api/user-api-keys/store", &body).await.expect(201);
        }
        let owner = id_of(&mut ana).await;
        let mut rows = Vec::new();
        for (provider, slot) in
            [("serpapi", "default"), ("serpapi", "second"), ("twilio", "default"), ("twilio", "second")]
        {
            rows.push(Row::read(&app, provider, slot).await);
        }
        let lines = async || {
            let of = async |provider| refusals_of(&app, &owner, provider).await;
            of("serpapi").await + of("twilio").await
        };
        let all = "SELECT encrypted_key FROM user_api_keys ORDER BY id";
        for (place, one) in rows.iter().enumerate() {
            for other in &rows[place + 1..] {
                let what = format!("{} and {}", one.place, other.place);
                let (journal, audited) = (app.control("GET", "/journal", None).await, lines().await);
                one.fill_with(&app, other).await;
                other.fill_with(&app, one).await;
                let exchanged = app.sql.blobs(all).await;
                for _ in 0..2 {
                    check(&app, [one, other]).await;
                    assert!(one.is_flagged(&app).await && other.is_flagged(&app).await, "{what}");
                    assert_eq!(app.sql.blobs(all).await, exchanged, "{what}: the rows must stay");
                    assert_eq!(lines().await, audited + 2, "{what}: one line for each");
                }
                assert_eq!(app.control("GET", "/journal", None).await, journal, "{what}: nothing may be sent");
                let shown = ana.get("/api/user-api-keys").await.expect(200).json();
                let closed: Vec<_> = shown["items"].as_array().unwrap().iter().filter(|key| key["undecryptable"] == true).collect();
                assert_eq!(closed.len(), 2, "{what}: {shown}");
                one.fill_with(&app, one).await;
                other.fill_with(&app, other).await;
                check(&app, [one, other]).await;
                assert!(!one.is_flagged(&app).await && !other.is_flagged(&app).await, "{what}");
            }
        }
        // The rows themselves, each under the other's provider.
        let audited = lines().await;
        let rename = async |slot: &str, from: &str, to: &str| {
            let set = format!("UPDATE user_api_keys SET provider = '{to}' WHERE slot = '{slot}' AND provider = '{from}'");
            assert_eq!(app.sql.execute(&set).await, 1);
        };
        for (from, to) in [("serpapi", "away"), ("twilio", "serpapi"), ("away", "twilio")] {
            rename("second", from, to).await;
        }
        check(&app, [&rows[1], &rows[3]]).await;
        assert!(rows[1].is_flagged(&app).await && rows[3].is_flagged(&app).await);
        assert_eq!(lines().await, audited + 2);
        for (from, to) in [("serpapi", "away"), ("twilio", "serpapi"), ("away", "twilio")] {
            rename("second", from, to).await;
        }
        check(&app, [&rows[1], &rows[3]]).await;
        assert!(!rows[1].is_flagged(&app).await && !rows[3].is_flagged(&app).await);
    }

    async fn a_changed_region_or_account_beside_the_envelope_is_refused(app: App) {
        let mut ana = with_keys(&app, "ana").await;
        let before = app.sql.number("SELECT COUNT(*) FROM user_api_keys WHERE CAST(config AS TEXT) LIKE '%us1%'").await;
        assert_eq!(before, 1);
        let set = |text: &str| match app.sql.engine {
            Engine::Sqlite => format!("UPDATE user_api_keys SET config = replace(config, {text}) WHERE provider = 'twilio'"),
            Engine::Postgres => format!("UPDATE user_api_keys SET config = replace(config::text, {text})::jsonb WHERE provider = 'twilio'"),
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
            app.sql.execute(&set(&own)).await;
            expect_opens(&mut ana, "serpapi").await;
        }
        for length in [0, 1, 99, 115, own.len() - 1] {
            app.sql.execute(&set(&own[..length])).await;
            expect_refused(&app, &mut ana, "serpapi", &format!("cut to {length}")).await;
            app.sql.execute(&set(&own)).await;
            expect_opens(&mut ana, "serpapi").await;
        }
        let plain = App::test_key("serpapi", "plenty").to_string();
        app.sql.execute(&set(plain.as_bytes())).await;
        expect_refused(&app, &mut ana, "serpapi", "a plaintext row").await;
        app.sql.execute(&set(&own)).await;
        expect_opens(&mut ana, "serpapi").await;
    }
}
