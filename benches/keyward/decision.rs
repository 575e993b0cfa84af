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
use keyward::{
    clock::{Clock, SystemClock},
    server::{
        middleware, router,
        serve::{ServeSettings, Shutdown, serve},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{Row, process::Seeded};

const CLIENTS: u64 = 8;
const TIME: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;

pub(crate) async fn rows() -> Vec<Row> {
    let large = rates(100_000).await;
    let small = rates(1_000).await;
    let share = large.decision / large.bare;
    let slower = (small.decision / small.bare) / share;
    vec![
        Row {
            what: "access decision over HTTP, 100,000 users × 6 keys, SQLite".into(),
            measured: format!("{:.0} requests/s = {share:.2} × the reference", large.decision),
            reference: format!("bare JSON route: {:.0} requests/s", large.bare),
            bar: "≥ 0.25 ×",
            reached: share >= 0.25,
        },
        Row {
            what: "the same against 1,000 users".into(),
            measured: format!("{slower:.2} × slower"),
            reference: format!("{:.0} of {:.0} requests/s", small.decision, small.bare),
            bar: "≤ 1.4 ×",
            reached: slower <= 1.4,
        },
    ]
}

struct Rates {
    decision: f64,
    bare: f64,
}

async fn rates(users: u64) -> Rates {
    println!("Seeding {users} users with 6 keys each…");
    let seeded = Seeded::new(users).await;
    let installed = seeded.install().await;
    let bare = Router::new().route("/api/bare", get(|| async { Json(serde_json::json!({"granted": true})) }));
    let bare = start(middleware::around(bare, installed.site.clone())).await;
    let whole = start(router(installed.state, installed.site)).await;
    let mut best = Rates { decision: 0.0, bare: 0.0 };
    // In turns, so that both meet the same moods of the machine.
    for _ in 0..ROUNDS {
        best.bare = best.bare.max(load(bare, "/api/bare", users).await);
        best.decision = best.decision.max(load(whole, "/api/services/data-scraper/access", users).await);
    }
    best
}

async fn start(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, app, ServeSettings::new(true), Shutdown::default()));
    address
}

/// Requests per second of a few clients that keep their connections, each request as another user.
async fn load(address: SocketAddr, path: &'static str, users: u64) -> f64 {
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
            while begin.elapsed() < TIME {
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

/// The clock of the measured installation.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}
