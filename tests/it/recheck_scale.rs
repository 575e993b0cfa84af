//! Hundreds of keys of each provider that are due at once: on two nodes, over a restart of both, and after a provider's
//! outage of an hour. The nodes share the work, each keeps to its own pace, and every key is asked about once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
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

use crate::support::{App, Engine, HOUR, MINUTE, both};

/// A check of each is one request.
const PROVIDERS: [&str; 4] = ["openai", "anthropic", "google_ai", "mistral"];
const USERS: usize = 400;
const KEYS: usize = USERS * PROVIDERS.len();
const NODES: usize = 2;
/// What one node asks one provider at a time by schedule …
const AT_A_TIME: usize = 4;
/// … and in a minute, with what it may have saved before: see ARCHITECTURE.md, "Adding a provider".
const IN_A_MINUTE: usize = 120 + 20;

/// What the providers were asked.
#[derive(Default)]
struct Journal {
    /// Whom, about which key, and when by the nodes' clock.
    calls: Vec<(String, String, i64)>,
    inside: BTreeMap<String, usize>,
    most_inside: usize,
    down: bool,
}

impl Journal {
    /// Every key once: `count` of them.
    fn expect_each_once(&self, count: usize) {
        let keys: BTreeSet<_> = self.calls.iter().map(|(_, key, _)| key).collect();
        assert_eq!((self.calls.len(), keys.len()), (count, count), "asked, and keys");
    }

    /// No minute saw more of one provider than `most`, and some came near enough for that to mean something.
    fn expect_pace(&self, most: usize) {
        let mut busiest = 0;
        for provider in PROVIDERS {
            let of_it = self.calls.iter().filter(|(asked, _, _)| asked == provider);
            let mut times: Vec<_> = of_it.map(|(_, _, at)| *at).collect();
            times.sort_unstable();
            let minute = i64::try_from(MINUTE.as_micros()).unwrap();
            for (place, begin) in times.iter().enumerate() {
                let in_it = times[place..].partition_point(|at| at - begin < minute);
                busiest = busiest.max(in_it);
            }
        }
        assert!(busiest <= most, "{busiest} in one minute");
        assert!(busiest > IN_A_MINUTE / 2, "only {busiest} in one minute: that proves nothing");
        assert!((2..=AT_A_TIME * NODES).contains(&self.most_inside), "{} at a time", self.most_inside);
    }
}

/// The nodes, and the providers that they ask.
struct Scene {
    nodes: Vec<App>,
    journal: Arc<Mutex<Journal>>,
    /// What the nodes' clocks show.
    time: Arc<AtomicI64>,
}

impl Scene {
    /// Keys of many users, stored while nothing was checked, so that all are due at once when that is switched on.
    async fn new(engine: Engine) -> Self {
        let mut app = App::start_with(engine, &[("ENABLE_API_KEY_VALIDATION", "false")]).await;
        let users: Vec<_> = (0..USERS).map(|_| UserId::generate()).collect();
        let mut rows = String::new();
        for (n, user) in users.iter().enumerate() {
            let id = match engine {
                Engine::Sqlite => format!("x'{}'", user.to_string().replace('-', "")),
                Engine::Postgres => format!("'{user}'"),
            };
            let comma = if n == 0 { "" } else { "," };
            write!(rows, "{comma}({id}, 'u{n}@example.org', 'x', 'user', 'free', 0, FALSE, 0, 0)").unwrap();
        }
        let columns = "id, email, password_hash, role, plan, epoch, disabled, created_at, updated_at";
        app.sql.execute(&format!("INSERT INTO users ({columns}) VALUES {rows}")).await;
        for (n, user) in users.into_iter().enumerate() {
            for provider in PROVIDERS {
                let caller = Caller { user, address: [127, 0, 0, 1].into() };
                let fields = [("api_key".to_owned(), format!("key-{provider}-{n:012}").into())];
                app.state
                    .use_cases
                    .keys
                    .store(caller, &provider.parse().unwrap(), fields.into(), Spending::Refused)
                    .await
                    .unwrap();
            }
        }
        let (journal, time) = (Arc::<Mutex<Journal>>::default(), Arc::new(AtomicI64::new(app.now().0)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        app.simulator = listener.local_addr().unwrap();
        let (kept, clock) = (journal.clone(), time.clone());
        let answer = move |request| answer(kept.clone(), clock.clone(), request);
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        let first = app.restarted(&[("ENABLE_API_KEY_VALIDATION", "true")]).await;
        let second = first.second_node().await;
        Self { nodes: vec![first, second], journal, time }
    }

    /// Both nodes make the checks that are due, while their clocks run thirty times as fast as others, until `done`;
    /// then they finish what they have begun.
    async fn work(&self, done: impl AsyncFn() -> bool) {
        let over = AtomicBool::new(false);
        let goes_on = || !over.load(Ordering::Relaxed);
        let ticking = async {
            while goes_on() {
                self.advance(Duration::from_millis(300));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let working = self.nodes.iter().map(async |node| {
            while goes_on() {
                if node.recheck.check_due().await == 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
        let watching = async {
            while !done().await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            over.store(true, Ordering::Relaxed);
        };
        tokio::join!(ticking, futures::future::join_all(working), watching);
    }

    fn advance(&self, time: Duration) {
        self.nodes.iter().for_each(|node| node.clock.advance(time));
        self.time.store(self.nodes[0].now().0, Ordering::Relaxed);
    }

    async fn number(&self, query: &str) -> i64 {
        self.nodes[0].sql.number(query).await
    }

    /// Whether every key has its definite answer.
    async fn is_idle(&self) -> bool {
        let open = "SELECT COUNT(*) FROM user_api_keys WHERE due_since IS NOT NULL OR last_validated IS NULL";
        self.number(open).await == 0
    }

    fn asked(&self) -> usize {
        self.journal.lock().unwrap().calls.len()
    }
}

/// What every one of the providers takes for a yes, unless it is down.
async fn answer(journal: Arc<Mutex<Journal>>, time: Arc<AtomicI64>, request: Request) -> Response {
    let provider = request.uri().path().split('/').nth(1).unwrap().to_owned();
    let key = request.headers().values().find_map(|value| {
        let text = value.to_str().ok()?;
        Some(text[text.find("key-")?..].to_owned())
    });
    let down = {
        let mut journal = journal.lock().unwrap();
        journal.calls.push((provider.clone(), key.unwrap(), time.load(Ordering::Relaxed)));
        let inside = journal.inside.entry(provider.clone()).or_default();
        *inside += 1;
        let inside = *inside;
        journal.most_inside = journal.most_inside.max(inside);
        journal.down
    };
    tokio::time::sleep(Duration::from_millis(3)).await;
    *journal.lock().unwrap().inside.get_mut(&provider).unwrap() -= 1;
    if down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    Json(json!({"object": "list", "data": [], "models": []})).into_response()
}

/// The installation is made by the test itself.
struct Given(Engine);

impl Given {
    async fn start(engine: Engine) -> Self {
        Self(engine)
    }
}

both! {
    async fn many_due_keys_are_asked_about_once_and_at_a_bounded_pace(given: Given) {
        let mut scene = Scene::new(given.0).await;
        assert_eq!(scene.number("SELECT COUNT(*) FROM user_api_keys WHERE status = 'unverified'").await, KEYS as i64);
        scene.work(async || scene.asked() > KEYS / 3).await;
        assert!(scene.asked() < KEYS, "all nodes start again in the middle of it");
        let mut nodes = Vec::new();
        for node in scene.nodes {
            nodes.push(node.restarted(&[]).await);
        }
        scene.nodes = nodes;
        scene.work(async || scene.is_idle().await).await;
        {
            let mut journal = scene.journal.lock().unwrap();
            journal.expect_each_once(KEYS);
            // Each start has something saved.
            journal.expect_pace(NODES * (IN_A_MINUTE + 20));
            *journal = Journal { down: true, ..Journal::default() };
        }
        // The next checks are spread, so that they are never due at once again.
        let spread = scene.number("SELECT MAX(next_check_at) - MIN(next_check_at) FROM user_api_keys").await;
        assert!(spread > i64::try_from((4 * HOUR).as_micros()).unwrap(), "{spread} microseconds");

        // All keys of one provider are due, and it fails for an hour, the first minutes of it while it is asked.
        let begin = scene.nodes[0].now();
        let due = format!("UPDATE user_api_keys SET next_check_at = {0}, due_since = {0} WHERE provider = 'openai'", begin.0);
        assert_eq!(scene.nodes[0].sql.execute(&due).await, USERS as u64);
        scene.work(async || scene.nodes[0].now() > begin.plus(2 * MINUTE)).await;
        let asked = scene.asked();
        assert!((5..50).contains(&asked), "{asked} checks of a provider that does not answer");
        assert_eq!(scene.number("SELECT COUNT(*) FROM user_api_keys WHERE status <> 'valid'").await, 0);
        scene.advance(HOUR);
        *scene.journal.lock().unwrap() = Journal::default();
        scene.work(async || scene.is_idle().await).await;
        let journal = scene.journal.lock().unwrap();
        journal.expect_each_once(USERS);
        journal.expect_pace(NODES * IN_A_MINUTE);
    }
}
