//! The access decision over HTTP, against a bare route behind the same middleware.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Json, Router, routing::get};
use keyward::server::{
    middleware, router,
    serve::{ServeSettings, Shutdown, serve},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    Effort, Row,
    seed::{Engine, Seeded},
};

const CLIENTS: u64 = 8;
const GOAL: &str = "≥ 0.25 ×";

pub(crate) async fn rows(effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let many = effort.or(100_000, 10_000);
        let what = format!("access decision over HTTP, {many} users × 6 keys, {}", engine.name());
        if !engine.is_given() {
            rows.push(Row::not_measured(what, "KEYWARD_TEST_POSTGRES names no server", GOAL));
            continue;
        }
        let large = measure(engine, many, effort).await;
        let small = measure(engine, 1_000, effort).await;
        let slower = small.share() / large.share();
        rows.push(Row {
            what,
            measured: format!("{:.0} requests/s", large.decision),
            reference: format!("bare JSON route: {:.0} requests/s", large.bare),
            ratio: format!("{:.2} ×", large.share()),
            goal: GOAL,
            met: Some(large.share() >= 0.25),
        });
        rows.push(Row {
            what: format!("the same against 1000 users, {}", engine.name()),
            measured: format!("{:.2} × the bare route", large.share()),
            reference: format!("{:.2} × the bare route", small.share()),
            ratio: format!("{slower:.2} × slower"),
            goal: "≤ 1.4 × slower",
            met: Some(slower <= 1.4),
        });
    }
    rows
}

/// Requests per second.
struct Rates {
    decision: f64,
    bare: f64,
}

impl Rates {
    fn share(&self) -> f64 {
        self.decision / self.bare
    }
}

/// The middle of several rounds. In each, both are asked in turns, so that both meet the same moods of the machine.
async fn measure(engine: Engine, users: u64, effort: Effort) -> Rates {
    let seeded = Seeded::new(engine, users).await;
    let installed = seeded.install().await;
    let bare = Router::new().route("/api/bare", get(|| async { Json(serde_json::json!({"granted": true})) }));
    let bare = start(middleware::around(bare, installed.site.clone())).await;
    let store = installed.state.store.clone();
    let whole = start(router(installed.state, installed.site)).await;
    let time = Duration::from_millis(effort.or(3_000, 1_000));
    let mut rounds = Vec::new();
    // The first round fills caches, and does not count.
    for round in 0..=effort.or(5, 1) {
        let rates = Rates {
            bare: load(bare, "/api/bare", users, time).await,
            decision: load(whole, "/api/services/data-scraper/access", users, time).await,
        };
        if round > 0 {
            rounds.push(rates);
        }
    }
    store.close().await;
    rounds.sort_by(|a, b| a.share().total_cmp(&b.share()));
    rounds.swap_remove(rounds.len() / 2)
}

async fn start(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, app, ServeSettings::new(true), Shutdown::default()));
    address
}

/// Requests per second of a few clients that keep their connections, each request as another user.
async fn load(address: SocketAddr, path: &'static str, users: u64, time: Duration) -> f64 {
    let done = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let done = done.clone();
        clients.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut buffer = vec![0; 16 * 1024];
            let mut user = client * 7919;
            while begin.elapsed() < time {
                user = (user + 104_729) % users;
                let request = format!(
                    "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:3000\r\ncookie: keyward={}\r\n\r\n",
                    Seeded::token(user)
                );
                stream.write_all(request.as_bytes()).await.unwrap();
                let read = stream.read(&mut buffer).await.unwrap();
                assert!(
                    buffer[..read].starts_with(b"HTTP/1.1 200"),
                    "{}",
                    String::from_utf8_lossy(&buffer[..read])
                );
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    clients.join_all().await;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let count = done.load(Ordering::Relaxed) as f64;
    count / begin.elapsed().as_secs_f64()
}
