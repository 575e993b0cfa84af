//! Distinctive secrets, driven through the real program on both engines, are searched for wherever they could have
//! leaked.

use std::{
    io::{Cursor, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use memchr::memmem;
use serde_json::{Value, json};

use crate::{
    calls::{CALLS, order},
    support::{App, Engine, PASSWORD, Process, both},
};

const SEARCHES: &str = "/api/services/data-scraper/searches";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// What must be found: the user's address, which is stored and shown.
const CONTROL: &str = "canary-control@example.org";

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

/// Somewhere a secret could be: its name, and what is there.
type Place = (String, Vec<u8>);

/// The places in which any spelling of `secret` is found, and which spelling it is.
fn found<'a>(places: &'a [Place], secret: &str) -> Vec<(&'a str, usize)> {
    let spellings = spellings(secret);
    let finders: Vec<_> = spellings.iter().map(memmem::Finder::new).collect();
    let mut found = Vec::new();
    for (name, bytes) in places {
        let hits = finders.iter().enumerate().filter(|(_, finder)| finder.find(bytes).is_some());
        found.extend(hits.map(|(spelling, _)| (name.as_str(), spelling)));
    }
    found
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

/// Somebody who walks through the program and keeps every answer.
struct Walk {
    process: Process,
    cookie: String,
    answers: Vec<Place>,
}

impl Walk {
    async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, Vec<u8>) {
        let (status, head, body) = self.process.try_bytes(method, path, headers, body).await.unwrap();
        // Its own cookie is what a new session is handed over by.
        let kept: Vec<_> = head.lines().filter(|line| !line.starts_with("set-cookie")).collect();
        let name = format!("the answer to {method} {}", path.split('?').next().unwrap());
        self.answers.push((name, [kept.join("\n").as_bytes(), b"\n", &body].concat()));
        (status, head, body)
    }

    /// Asks as a page or a program does that has the session.
    async fn ask(&mut self, method: &str, path: &str, body: Value) -> (u16, String, Vec<u8>) {
        let cookie = self.cookie.clone();
        let headers =
            [("cookie", cookie.as_str()), ("content-type", JSON), ("accept", "text/html,application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &headers, &body).await
    }

    async fn get(&mut self, path: &str) -> Vec<u8> {
        let (status, _, body) = self.ask("GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}");
        body
    }

    /// Calls a server function as a page does, and posts the same form without JavaScript, with the page that
    /// the browser is led back to.
    async fn post(&mut self, function: &str, fields: &[(String, String)]) {
        let cookie = self.cookie.clone();
        let path = format!("/api/rpc/{function}");
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let called = [("cookie", cookie.as_str()), ("content-type", FORM), ("accept", JSON)];
        self.send("POST", &path, &called, &body).await;
        let origin = format!("http://127.0.0.1:{}", self.process.port);
        let referer = format!("{origin}/settings/api-keys");
        let posted = [
            ("cookie", cookie.as_str()),
            ("content-type", FORM),
            ("accept", "text/html,application/xhtml+xml"),
            ("referer", referer.as_str()),
        ];
        let (status, head, _) = self.send("POST", &path, &posted, &body).await;
        assert!([302, 303].contains(&status), "{function}: {head}");
        let location = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
        let page = location.strip_prefix(&origin).unwrap_or(location).to_owned();
        self.get(&page).await;
    }

    /// Makes a search and waits for its end; its address.
    async fn search(&mut self, query: &str) -> String {
        let body = json!({"query": query, "place": "52.52, 13.405", "limit": 20});
        let (status, head, _) = self.ask("POST", SEARCHES, body).await;
        assert_eq!(status, 201, "{head}");
        let address = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
        for _ in 0..300 {
            let search: Value = serde_json::from_slice(&self.get(&address).await).unwrap();
            if search["state"] == "finished" {
                return address;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it does not end");
    }

    /// A token is in the one answer that hands it over, and nowhere else.
    async fn use_a_token(&mut self) -> String {
        let token = json!({"name": "canary", "scopes": ["read"]});
        let (_, token) = self.process.json("POST", "/api/tokens", &self.cookie, &token).await.unwrap();
        let token = token["token"].as_str().unwrap().to_owned();
        let bearer = format!("Bearer {token}");
        for path in ["/api/auth/me", "/api/tokens", "/settings/account", "/api/nothing"] {
            self.send("GET", path, &[("authorization", bearer.as_str())], "").await;
        }
        token
    }

    /// The address of a receiver and what signs messages to it are given once, and are nowhere afterwards.
    async fn use_a_place(&mut self) -> [String; 2] {
        let path = "decafbad-path-of-a-receiver-4711";
        let channels = "/api/notifications/channels";
        let place = json!({"kind": "webhook", "address": format!("https://hooks.example/{path}")});
        let (_, made) = self.process.json("POST", channels, &self.cookie, &place).await.unwrap();
        let address = format!("{channels}/{}", made["id"].as_str().unwrap());
        assert_eq!(self.ask("POST", &format!("{address}/test"), json!({})).await.0, 200);
        for page in [channels, &format!("{address}/messages"), "/settings/notifications", "/notifications"] {
            self.get(page).await;
        }
        let wrong = format!("http://hooks.example/{path}");
        self.ask("POST", channels, json!({"kind": "slack", "address": wrong})).await;
        self.post(
            "add_notice_channel",
            &[("kind".to_owned(), "slack".to_owned()), ("address".to_owned(), wrong)],
        )
        .await;
        [path.to_owned(), made["secret"].as_str().unwrap().trim_start_matches("whsec_").to_owned()]
    }

    /// Every way in that a key has, whatever becomes of it.
    async fn give(&mut self, provider: &str, credentials: &Value) {
        let key = json!({"provider": provider, "credentials": credentials});
        let stored = json!({"provider": provider});
        let address = format!("/api/user-api-keys/{provider}");
        let mut fields = vec![("provider".to_owned(), provider.to_owned())];
        for (name, value) in credentials.as_object().unwrap() {
            fields.push((format!("credentials[{name}]"), value.as_str().unwrap().to_owned()));
        }
        self.ask("POST", "/api/user-api-keys/validate", key.clone()).await;
        self.ask("POST", "/api/user-api-keys/store", key).await;
        self.ask("PUT", &address, json!({"credentials": credentials})).await;
        self.ask("POST", "/api/user-api-keys/validate", stored).await;
        self.post("replace_key", &fields).await;
        self.ask("DELETE", &address, Value::Null).await;
        self.post("store_key", &fields).await;
        for page in [
            "/",
            "/settings/api-keys",
            "/settings/account",
            "/analytics",
            "/services/data-scraper",
            "/services/calling",
            "/services/voice-cloning",
            "/api/user-api-keys",
            "/api/services",
            "/api/tokens",
        ] {
            self.get(page).await;
        }
        // A key in the wrong place: a provider's name, a field that does not exist, a path.
        let secret = credentials.as_object().unwrap().values().next_back().unwrap();
        let named = json!({"provider": secret, "credentials": {}});
        self.ask("POST", "/api/user-api-keys/store", named).await;
        let misplaced = json!({"provider": provider, "credentials": {"wrong": secret}});
        self.ask("POST", "/api/user-api-keys/store", misplaced).await;
        self.post("store_key", &[("provider".to_owned(), secret.as_str().unwrap().to_owned())]).await;
        self.ask("DELETE", &address, Value::Null).await;
    }

    /// What working keys are for: searches with their files, calls, voices, usage, events.
    async fn work(&mut self) {
        for (provider, id) in [("serpapi", "plenty"), ("twilio", "full"), ("elevenlabs", "plenty")] {
            let key = json!({"provider": provider, "credentials": App::test_key(provider, id)});
            let (status, head, _) = self.ask("POST", "/api/user-api-keys/store", key).await;
            assert_eq!(status, 201, "{head}");
        }
        let cookie = self.cookie.clone();
        let events = self.process.listen("/api/events", &[("cookie", cookie.as_str())]);
        let search = self.search("many odd coffee").await;
        // The control in the spellings of a secret, as somebody would have leaked it.
        for spelling in spellings(CONTROL) {
            self.search(&String::from_utf8(spelling).unwrap()).await;
        }
        let id = search.rsplit('/').next().unwrap().to_owned();
        for path in
            [format!("/services/data-scraper/searches/{id}"), search.clone(), format!("{search}/results")]
        {
            self.get(&path).await;
        }
        for kind in ["csv", "json"] {
            self.get(&format!("{search}/results.{kind}")).await;
        }
        let book = self.get(&format!("{search}/results.xlsx")).await;
        let mut book = zip::ZipArchive::new(Cursor::new(book)).unwrap();
        for place in 0..book.len() {
            let mut part = book.by_index(place).unwrap();
            let mut bytes = Vec::new();
            part.read_to_end(&mut bytes).unwrap();
            self.answers.push((format!("{} of the workbook", part.name().unwrap()), bytes));
        }
        let (status, head, _) = self.ask("POST", CALLS, order("+4930901820")).await;
        assert_eq!(status, 201, "{head}");
        let call = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
        let voices = "/api/services/voice-cloning";
        let page = call.strip_prefix("/api").unwrap().to_owned();
        for path in [
            call,
            page,
            CALLS.to_owned(),
            "/api/services/calling/account".to_owned(),
            format!("{voices}/voices"),
            format!("{voices}/studio"),
            format!("{voices}/clones"),
            "/services/voice-cloning".to_owned(),
            "/services/calling".to_owned(),
            "/services/data-scraper".to_owned(),
            "/analytics".to_owned(),
            "/api/usage?range=7d".to_owned(),
            "/api/usage.csv?table=quotas".to_owned(),
            SEARCHES.to_owned(),
        ] {
            self.get(&path).await;
        }
        let speech = format!("{voices}/voices/EXAVITQu4vr4xnSDxMaL/speech");
        self.ask("POST", &speech, json!({"text": "Good morning"})).await;
        for provider in ["serpapi", "twilio", "elevenlabs"] {
            self.ask("DELETE", &format!("/api/user-api-keys/{provider}"), Value::Null).await;
        }
        let heard = events.await.unwrap();
        assert!(String::from_utf8_lossy(&heard).contains("event: searches"), "the stream is silent");
        self.answers.push(("the stream of events".to_owned(), heard));
    }
}

both! {
    async fn no_key_password_or_token_is_found_anywhere(app: App) {
        app.state.store.close().await;
        let log = app.dir.path().join("server.log");
        let (collector, traces) = crate::traces::collector().await;
        let endpoint = format!("http://{collector}");
        // Sent at once, and not after seconds.
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
        let process =
            Process::start_with(&app.sql.url, app.dir.path(), app.simulator, &log, &variables).await;
        let cookie = process.register("canary-control").await.unwrap();
        let mut secrets: Vec<String> = vec![PASSWORD.to_owned(), cookie.split_once('=').unwrap().1.to_owned()];
        let mut walk = Walk { process, cookie, answers: Vec::new() };
        secrets.push(walk.use_a_token().await);
        secrets.extend(walk.use_a_place().await);
        // Before keys are given whose providers do not answer.
        walk.work().await;
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
            walk.give(provider, &credentials).await;
        }
        // One lies in the database while it is searched.
        let key = json!({"provider": "google_ai", "credentials": App::test_key("google_ai", "plenty")});
        assert_eq!(walk.ask("POST", "/api/user-api-keys/store", key).await.0, 201);

        // While it runs: database, WAL and log as they lie on the disk, every row, every answer, and the traces.
        let mut paths = Vec::new();
        files(app.dir.path(), &mut paths);
        let mut places: Vec<Place> = paths
            .iter()
            .filter(|path| !path.starts_with(app.dir.path().join("data/secrets")))
            .map(|path| (path.file_name().unwrap().display().to_string(), std::fs::read(path).unwrap()))
            .collect();
        let expected: &[_] = match app.sql.engine {
            Engine::Sqlite => &["keyward.db", "keyward.db-wal", "server.log"],
            Engine::Postgres => {
                places.extend(app.sql.dump().await);
                &["user_api_keys", "audit_log", "usage_events", "server.log"]
            }
        };
        for expected in expected {
            assert!(places.iter().any(|(name, bytes)| name == expected && !bytes.is_empty()), "{expected}");
        }
        places.append(&mut walk.answers);
        let sent = traces.lock().unwrap().concat();
        assert!(memmem::find(&sent, b"keyward.outcome").is_some() && sent.len() > 5_000, "too few traces");
        places.push(("traces".to_owned(), sent));

        secrets.sort();
        secrets.dedup();
        assert!(secrets.len() >= 12, "{}", secrets.len());
        for secret in &secrets {
            let found = found(&places, secret);
            assert!(found.is_empty(), "a secret is in {found:?}");
        }
        // The control: what must be there is found by the same search, in every spelling.
        let found = found(&places, CONTROL);
        let stored = if app.sql.engine == Engine::Sqlite { "keyward.db" } else { "searches" };
        for spelling in 0..spellings(CONTROL).len() {
            for place in [stored, "the answer to GET /api/services/data-scraper/searches"] {
                let hit = found.iter().any(|(name, hit)| name.starts_with(place) && *hit == spelling);
                assert!(hit, "spelling {spelling} is not found in {place}");
            }
        }
        let log = places.iter().find(|(name, _)| name == "server.log").unwrap();
        let answered = memmem::find(&log.1, b"answered").is_some();
        assert!(answered && log.1.len() > 5_000, "the log is too quiet to prove anything");
    }
}
