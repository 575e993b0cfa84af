//! A distinctive key, driven through the real program, is searched for wherever it could have leaked.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{App, Engine, PASSWORD, Process};

/// The forms a secret can take on its way out.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut spellings = vec![
        secret.as_bytes().to_vec(),
        secret.to_uppercase().into_bytes(),
        secret.chars().rev().collect::<String>().into_bytes(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
    ];
    // Base64 of a longer text looks different for each of three alignments; its middle does not.
    for shift in 0..3 {
        let padded = [&vec![b'x'; shift][..], secret.as_bytes()].concat();
        let encoded = STANDARD.encode(padded);
        let inner = &encoded[4..encoded.len() - 4];
        spellings.push(inner.as_bytes().to_vec());
    }
    spellings
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn no_key_password_or_token_is_found_anywhere() {
    crate::support::run(async {
        let app = App::start(Engine::Sqlite).await;
        app.state.store.close().await;
        let log = app.dir.path().join("server.log");
        let process = Process::start(&app.sql.url, app.dir.path(), app.simulator, &log).await;
        let cookie = process.register("canary-control").await.unwrap();
        let mut answers = Vec::new();
        let mut secrets: Vec<String> =
            vec![PASSWORD.to_owned(), cookie.split_once('=').unwrap().1.to_owned()];

        // A token is in the one answer that hands it over, and nowhere else.
        let token = json!({"name": "canary", "scopes": ["read"]});
        let (_, token) = process.json("POST", "/api/tokens", &cookie, &token).await.unwrap();
        let token = token["token"].as_str().unwrap().to_owned();
        let bearer = format!("Bearer {token}");
        for path in ["/api/auth/me", "/api/tokens", "/settings/account", "/api/nothing"] {
            let headers = [("authorization", bearer.as_str())];
            let (_, head, text) = process.try_send("GET", path, &headers, "").await.unwrap();
            answers.push(format!("{head}\n{text}"));
        }
        secrets.push(token);

        let mut exchange = async |method: &str, path: &str, body: Value| {
            let headers = [
                ("cookie", cookie.as_str()),
                ("content-type", "application/json"),
                ("accept", "text/html,application/json"),
            ];
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let (status, head, text) = process.try_send(method, path, &headers, &body).await.unwrap();
            let head: Vec<_> = head.lines().filter(|line| !line.starts_with("set-cookie")).collect();
            answers.push(format!("{}\n{text}", head.join("\n")));
            status
        };
        for (provider, id) in [
            ("serpapi", "plenty"),
            ("serpapi", "exhausted"),
            ("serpapi", "invalid"),
            ("serpapi", "no_permission"),
            ("serpapi", "throttled"),
            ("serpapi", "down"),
            ("serpapi", "hangs_up"),
            ("twilio", "full"),
            ("twilio", "api_key_and_token"),
            ("twilio", "invalid"),
            ("twilio", "suspended"),
            ("twilio", "throttled"),
            ("twilio", "down"),
            ("elevenlabs", "plenty"),
            ("elevenlabs", "invalid"),
            ("openai", "plenty"),
            ("openai", "invalid"),
            ("anthropic", "plenty"),
            ("anthropic", "invalid"),
            ("google_ai", "plenty"),
            ("google_ai", "invalid"),
        ] {
            let credentials = App::test_key(provider, id);
            for (name, value) in credentials.as_object().unwrap() {
                if !name.ends_with("_sid") {
                    secrets.push(value.as_str().unwrap().to_owned());
                }
            }
            exchange(
                "POST",
                "/api/user-api-keys/validate",
                json!({"provider": provider, "credentials": credentials}),
            )
            .await;
            exchange(
                "POST",
                "/api/user-api-keys/store",
                json!({"provider": provider, "credentials": credentials}),
            )
            .await;
            exchange("PUT", &format!("/api/user-api-keys/{provider}"), json!({"credentials": credentials}))
                .await;
            exchange("POST", "/api/user-api-keys/validate", json!({"provider": provider})).await;
            for page in [
                "/",
                "/settings/api-keys",
                "/settings/account",
                "/services/data-scraper",
                "/services/calling",
                "/api/user-api-keys",
                "/api/services",
                "/api/tokens",
            ] {
                exchange("GET", page, Value::Null).await;
            }
            // A key in the wrong place: a provider's name, a field that does not exist, a query.
            let secret = secrets.last().unwrap().clone();
            exchange("POST", "/api/user-api-keys/store", json!({"provider": secret, "credentials": {}}))
                .await;
            exchange(
                "POST",
                "/api/user-api-keys/store",
                json!({"provider": provider, "credentials": {"wrong": secret}}),
            )
            .await;
            exchange("DELETE", &format!("/api/user-api-keys/{provider}"), Value::Null).await;
        }
        let credentials = App::test_key("serpapi", "plenty");
        exchange(
            "POST",
            "/api/user-api-keys/store",
            json!({"provider": "serpapi", "credentials": credentials}),
        )
        .await;
        let search = json!({"query": "coffee", "place": "Berlin", "limit": 20});
        exchange("POST", "/api/services/data-scraper/searches", search).await;
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        exchange("GET", "/api/services/data-scraper/searches", Value::Null).await;

        // While it runs: database, WAL and log as they lie on the disk, and every answer.
        let mut paths = Vec::new();
        files(app.dir.path(), &mut paths);
        let names: Vec<_> =
            paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        for expected in ["keyward.db", "keyward.db-wal", "server.log"] {
            assert!(names.iter().any(|name| name == expected), "{names:?}");
        }
        let mut places: Vec<(String, Vec<u8>)> = paths
            .iter()
            .filter(|path| !path.starts_with(app.dir.path().join("data/secrets")))
            .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
            .collect();
        places.extend(answers.into_iter().map(|answer| ("an answer".to_owned(), answer.into_bytes())));

        secrets.sort();
        secrets.dedup();
        assert!(secrets.len() >= 12, "{}", secrets.len());
        for secret in &secrets {
            for spelling in spellings(secret) {
                for (place, bytes) in &places {
                    assert!(!holds(bytes, &spelling), "a secret is in {place}");
                }
            }
        }
        // The control: what must be there is found by the same search.
        let control = b"canary-control@example.org";
        for place in ["keyward.db", "an answer"] {
            assert!(
                places.iter().any(|(name, bytes)| name.contains(place) && holds(bytes, control)),
                "{place}"
            );
        }
        let log = places.iter().find(|(name, _)| name.ends_with("server.log")).unwrap();
        assert!(holds(&log.1, b"answered") && log.1.len() > 5_000, "the log is too quiet to prove anything");
    });
}
