//! Three processes share the checks of many keys. One is killed while it asks, one is frozen for longer than its claims.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use keyward::{
    keys::{Caller, Spending},
    model::ids::UserId,
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{App, Engine, Process};

/// A process makes few checks of one provider at a time, and of many providers many.
const PROVIDERS: usize = 20;
const USERS: usize = 80;
const KEYS: usize = USERS * PROVIDERS;
/// The provider that is slow, so that there is always something under way.
const SLOW: &str = "acme00";
/// So long it takes to write down the answers of the others.
const QUIET: Duration = Duration::from_millis(700);
const NODES: [&str; 3] = ["killed", "frozen", "healthy"];

/// What the providers were asked.
#[derive(Default)]
struct Journal {
    /// About which key, and by which process.
    calls: Vec<(String, String)>,
    /// How many requests to the slow provider are open, by process.
    open: BTreeMap<String, usize>,
    /// When each process last asked a quick one.
    last: BTreeMap<String, Instant>,
    /// What the frozen process asked for is refused now.
    refuses_the_frozen: bool,
}

impl Journal {
    fn open(&self, node: &str) -> usize {
        self.open.get(node).copied().unwrap_or_default()
    }

    /// Whether a process waits for the slow provider and for nothing else.
    fn waits(&self, node: &str) -> bool {
        self.open(node) > 0 && self.last.get(node).is_some_and(|last| last.elapsed() > QUIET)
    }

    /// How many keys this process and another have asked about.
    fn shared(&self, node: &str) -> usize {
        let of = |mine: bool| {
            let calls = self.calls.iter().filter(move |(_, by)| (by == node) == mine);
            calls.map(|(key, _)| key).collect::<BTreeSet<_>>()
        };
        of(true).intersection(&of(false)).count()
    }
}

/// Answers for every provider, at `/PROCESS/PROVIDER/…`.
async fn answer(journal: Arc<Mutex<Journal>>, request: Request) -> Response {
    let mut path = request.uri().path().split('/').skip(1);
    let (node, provider) = (path.next().unwrap().to_owned(), path.next().unwrap().to_owned());
    let key = request.headers()["authorization"].to_str().unwrap().trim_start_matches("Bearer ").to_owned();
    let slow = provider == SLOW;
    {
        let mut journal = journal.lock().unwrap();
        journal.calls.push((key, node.clone()));
        *journal.open.entry(node.clone()).or_default() += usize::from(slow);
        if !slow {
            journal.last.insert(node.clone(), Instant::now());
        }
    }
    tokio::time::sleep(Duration::from_millis(if slow { 4_000 } else { 2 })).await;
    let mut journal = journal.lock().unwrap();
    *journal.open.entry(node.clone()).or_default() -= usize::from(slow);
    if journal.refuses_the_frozen && node == "frozen" {
        return (StatusCode::UNAUTHORIZED, Json(json!({"detail": "Unauthorized"}))).into_response();
    }
    Json(json!({"object": "list", "data": []})).into_response()
}

/// So many providers of the operator's own.
fn write_providers(folder: &Path) {
    for n in 0..PROVIDERS {
        let file = format!(
            r#"id = "acme{n:02}"
name = "Acme {n}"
monogram = "A"
category = "language_models"
summary = "Models of Acme."
noun = "API key"
steps = ["Open the page.", "Make a key, and paste it here."]

[links]
keys = "https://acme{n:02}.example.com/keys"
documentation = "https://acme{n:02}.example.com/docs"
billing = "https://acme{n:02}.example.com/billing"
revoke = "https://acme{n:02}.example.com/keys"

[[forms]]
id = "api_key"
label = "API key"
auth = {{ header = {{ name = "authorization", value = "Bearer {{api_key}}" }} }}

  [[forms.fields]]
  name = "api_key"
  label = "API key"
  secret = true
  placeholder = "letters"
  help = "A key."

[[realms]]
binding = "https://api.acme{n:02}.example.com:443"
origin = "https://api.acme{n:02}.example.com"

[budgets]
probe = {{ max_bytes = 65536, deadline_ms = 15000 }}

[[probe]]
operation = "models"
decides = true
path = "/v1/models"
rules = [
  {{ status = 401, json = {{ "/detail" = {{ equals = "Unauthorized" }} }}, then = "invalid" }},
  {{ status = 200, json = {{ "/data" = {{ exists = true }} }}, then = "accepted" }},
]

[[answers]]
call = "models"
status = 200
json = '{{"object": "list", "data": []}}'
outcome = "valid"
shows = {{  }}
source = "vendor documentation"

[[answers]]
call = "models"
status = 401
json = '{{"detail": "Unauthorized"}}'
outcome = "invalid"
source = "vendor documentation"
"#
        );
        fs::write(folder.join(format!("acme{n:02}.toml")), file).unwrap();
    }
}

/// Keys of many users, stored while nothing was checked, that are not due yet.
async fn store_keys(app: &App) {
    let users: Vec<_> = (0..USERS).map(|_| UserId::generate()).collect();
    let mut rows = String::new();
    for (n, user) in users.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        write!(rows, "{comma}('{user}', 'u{n}@example.org', 'x', 'user', 'free', 0, FALSE, 0, 0)").unwrap();
    }
    let columns = "id, email, password_hash, role, plan, epoch, disabled, created_at, updated_at";
    app.sql.execute(&format!("INSERT INTO users ({columns}) VALUES {rows}")).await;
    for (n, user) in users.into_iter().enumerate() {
        for provider in 0..PROVIDERS {
            let id = format!("acme{provider:02}").parse().unwrap();
            let fields = [("api_key".to_owned(), format!("key-{provider}-{n:012}").into())];
            let caller = Caller { user, address: [127, 0, 0, 1].into() };
            let keys = &app.state.use_cases.keys;
            keys.store(caller, &id, fields.into(), Spending::Refused).await.unwrap();
        }
    }
    app.sql.execute(&format!("UPDATE user_api_keys SET next_check_at = {}", i64::MAX / 2)).await;
}

async fn process(app: &App, node: &str, providers: &Path, answering: SocketAddr) -> Process {
    let mut variables = vec![("KEYWARD_PROVIDERS_DIR".to_owned(), providers.to_str().unwrap().to_owned())];
    for n in 0..PROVIDERS {
        let address = format!("http://{answering}/{node}/acme{n:02}");
        variables.push((format!("KEYWARD_ACME{n:02}_BASE_URL"), address));
    }
    let log = app.dir.path().join(node);
    Process::start_with(&app.sql.url, app.dir.path(), app.simulator, &log, &variables).await
}

async fn until(app: &App, query: &str, wanted: impl Fn(i64) -> bool) {
    for _ in 0..4_000 {
        if wanted(app.sql.number(query).await) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{query}: {}", app.sql.number(query).await);
}

async fn until_so(what: &str, so: impl Fn() -> bool) {
    for _ in 0..12_000 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came so far: {what}");
}

async fn what_a_killed_and_a_frozen_process_asked_has_one_effect() {
    let providers = tempfile::tempdir().unwrap();
    write_providers(providers.path());
    let folder = providers.path().to_str().unwrap();
    let unchecked = [("ENABLE_API_KEY_VALIDATION", "false"), ("KEYWARD_PROVIDERS_DIR", folder)];
    let app = App::start_with(Engine::Postgres, &unchecked).await;
    store_keys(&app).await;
    app.worker.drain(&tokio_util::sync::CancellationToken::new()).await;
    app.state.store.close().await;

    let journal = Arc::<Mutex<Journal>>::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let answering = listener.local_addr().unwrap();
    let kept = journal.clone();
    let router = Router::new().fallback(move |request| answer(kept.clone(), request));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let [killed, frozen, healthy] = NODES;
    let (killed, frozen, healthy) = tokio::join!(
        process(&app, killed, providers.path(), answering),
        process(&app, frozen, providers.path(), answering),
        process(&app, healthy, providers.path(), answering),
    );
    app.sql.execute("UPDATE user_api_keys SET next_check_at = 0").await;
    until_so("all three work, and two are in the middle of it", || {
        let journal = journal.lock().unwrap();
        journal.calls.len() > KEYS / 4 && journal.waits("killed") && journal.waits("frozen")
    })
    .await;
    frozen.signal("STOP");
    killed.kill_now();
    drop(killed);
    journal.lock().unwrap().refuses_the_frozen = true;

    // The healthy one does all the rest, and what the others hold once their claims are over, two minutes later.
    let open = "SELECT COUNT(*) FROM user_api_keys WHERE last_validated IS NULL";
    until(&app, open, |open| open == 0).await;
    // The frozen one goes on where it was, with answers that would turn the keys away.
    let done = "SELECT COUNT(*) FROM audit_log WHERE action = 'key.status_changed'";
    assert_eq!(app.sql.number(done).await, KEYS as i64);
    frozen.signal("CONT");
    let log = app.dir.path().join("frozen");
    until_so("stale answers are fenced off", || fs::read_to_string(&log).unwrap().contains("fenced off"))
        .await;
    until_so("it has no more of them", || journal.lock().unwrap().open("frozen") == 0).await;
    assert_eq!(frozen.stop(), Some(0));
    assert_eq!(healthy.stop(), Some(0));

    assert_eq!(
        app.sql.number("SELECT COUNT(*) FROM user_api_keys WHERE status = 'valid'").await,
        KEYS as i64
    );
    assert_eq!(
        app.sql.number("SELECT COUNT(*) FROM user_api_keys WHERE due_since IS NOT NULL OR suspect").await,
        0
    );
    // Each key has changed once, and its owner was told of it once.
    assert_eq!(app.sql.number(done).await, KEYS as i64);
    assert_eq!(app.sql.number("SELECT COUNT(*) FROM provider_outages").await, 0);
    let journal = journal.lock().unwrap();
    let keys: BTreeSet<_> = journal.calls.iter().map(|(key, _)| key).collect();
    let by: BTreeSet<_> = journal.calls.iter().map(|(_, node)| node.as_str()).collect();
    assert_eq!((keys.len(), by), (KEYS, NODES.into()));
    let (twice, shared) = (journal.calls.len() - KEYS, ["killed", "frozen"].map(|node| journal.shared(node)));
    assert!(shared.iter().all(|keys| *keys > 0), "{shared:?} keys were taken over");
    assert!(twice <= KEYS / 100, "{twice} checks made twice of {KEYS}");
}

#[test]
fn what_a_killed_and_a_frozen_process_asked_has_one_effect_postgres() {
    if Engine::postgres_is_given() {
        crate::support::run(what_a_killed_and_a_frozen_process_asked_has_one_effect());
    }
}
