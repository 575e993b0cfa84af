//! Two hundred checks at once at a provider that takes five seconds for each answer: how much longer the checks of
//! another provider take meanwhile. Both servers are a process of their own, the one of the other measurements of
//! providers.

use std::{net::SocketAddr, process::Command, sync::Arc, time::Duration};

use keyward::model::check::Outcome;
use tokio::{io::AsyncWriteExt, net::TcpListener, task::JoinSet, time::sleep};

use crate::{
    Effort, Row,
    behaviours::read_head,
    median,
    neighbours::{Neighbours, Servers},
    percentile,
};

/// The argument that makes this program the servers.
pub(crate) const SERVERS: &str = "--slow-servers";
/// The argument that makes it servers that answer at once.
pub(crate) const AT_ONCE: &str = "--quick-servers";
const CHECKS: usize = 200;

/// Serves for ever, and says where: the provider that answers after so long, then the other.
pub(crate) async fn serve(answers_after: [Duration; 2]) {
    for answers_after in answers_after {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    while read_head(&mut stream).await.ends_with(b"\r\n\r\n") {
                        sleep(answers_after).await;
                        let body = r#"{"object":"list","data":[]}"#;
                        let answer =
                            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                });
            }
        });
    }
    std::future::pending().await
}

pub(crate) async fn rows(effort: Effort) -> Vec<Row> {
    let servers = Servers::start(&mut Command::new(std::env::current_exe().unwrap()), SERVERS, 2);
    println!("Asking a slow provider {CHECKS} times at once…");
    measure(servers.addresses[0], servers.addresses[1], effort.or(300, 60)).await
}

async fn measure(slow: SocketAddr, other: SocketAddr, samples: usize) -> Vec<Row> {
    let neighbours = Arc::new(Neighbours::new(slow, other));
    for _ in 0..20 {
        neighbours.ask_the_neighbour().await;
    }
    let mut quiet = Vec::new();
    for _ in 0..samples {
        quiet.push(neighbours.ask_the_neighbour().await);
    }
    let mut checks = JoinSet::new();
    for _ in 0..CHECKS {
        let neighbours = Arc::clone(&neighbours);
        checks.spawn(async move { neighbours.ask_the_trouble().await });
    }
    // Until the places of the slow provider are taken.
    sleep(Duration::from_millis(500)).await;
    let mut meanwhile = Vec::new();
    for _ in 0..samples {
        meanwhile.push(neighbours.ask_the_neighbour().await);
    }
    let waiting = checks.len();
    let outcomes = checks.join_all().await;
    let answered = outcomes.iter().filter(|outcome| **outcome == Outcome::Valid).count();
    let (calm, busy) = (median(quiet.clone()), median(meanwhile.clone()));
    let (calm_p99, busy_p99) = (percentile(&mut quiet, 99), percentile(&mut meanwhile, 99));
    let row = |what: &str, calm: f64, busy: f64| Row {
        what: format!("check of another provider while a slow one is asked {CHECKS} times at once, {what}"),
        measured: format!("{:.1} ms ({waiting} of them waiting, {answered} answered in time)", busy * 1e3),
        reference: format!("before: {:.1} ms", calm * 1e3),
        ratio: format!("{:.2} ×", busy / calm),
        goal: "< 1.2 ×",
        met: Some(busy < 1.2 * calm),
    };
    vec![row("median", calm, busy), row("99th percentile", calm_p99, busy_p99)]
}
