//! Two hundred checks at once at a provider that takes five seconds for each answer: how much longer the checks of
//! another provider take meanwhile. Both servers are a process of their own, the one of the other measurements of
//! providers.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use keyward::{
    clock::SystemClock,
    model::{
        check::Outcome,
        ids::{ProviderId, UserId},
    },
    providers::{Candidate, Catalogue, EgressSettings, Providers, UsageEvent, UsageObserver},
    vault::{KekRing, Vault},
};
use tokio::{io::AsyncWriteExt, net::TcpListener, task::JoinSet, time::sleep};

use crate::{Effort, Row, behaviours::read_head, median, percentile};

/// The argument that makes this program the servers.
pub(crate) const SERVERS: &str = "--slow-servers";
const SLOW: ProviderId = ProviderId::OPENAI;
const OTHER: ProviderId = ProviderId::ANTHROPIC;
const CHECKS: usize = 200;

/// Serves for ever, and says where: the slow provider, then the other.
pub(crate) async fn serve() {
    for answers_after in [Duration::from_secs(5), Duration::from_millis(10)] {
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
    let mut servers =
        Command::new(std::env::current_exe().unwrap()).arg(SERVERS).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(servers.stdout.take().unwrap()).lines();
    let addresses: Vec<SocketAddr> = lines.take(2).map(|line| line.unwrap().parse().unwrap()).collect();
    println!("Asking a slow provider {CHECKS} times at once…");
    let rows = measure(addresses[0], addresses[1], effort.or(300, 60)).await;
    servers.kill().unwrap();
    servers.wait().unwrap();
    rows
}

async fn measure(slow: SocketAddr, other: SocketAddr, samples: usize) -> Vec<Row> {
    let installation = Arc::new(Installation::new(slow, other));
    for _ in 0..20 {
        installation.ask_the_other().await;
    }
    let mut quiet = Vec::new();
    for _ in 0..samples {
        quiet.push(installation.ask_the_other().await);
    }
    let mut checks = JoinSet::new();
    for _ in 0..CHECKS {
        let installation = Arc::clone(&installation);
        checks.spawn(async move {
            installation.providers.check_candidate(UserId::generate(), &installation.slow).await.outcome
        });
    }
    // Until the places of the slow provider are taken.
    sleep(Duration::from_millis(500)).await;
    let mut meanwhile = Vec::new();
    for _ in 0..samples {
        meanwhile.push(installation.ask_the_other().await);
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

struct Installation {
    providers: Providers,
    slow: Candidate,
    other: Candidate,
}

impl Installation {
    fn new(slow: SocketAddr, other: SocketAddr) -> Self {
        let base_urls =
            BTreeMap::from([(SLOW, format!("http://{slow}")), (OTHER, format!("http://{other}"))]);
        let vault = Arc::new(Vault::new(KekRing::parse(&KekRing::generate().unwrap()).unwrap()));
        let catalogue = Catalogue::read(None).unwrap();
        let settings = EgressSettings::new(&catalogue, &base_urls, None).unwrap();
        let providers =
            Providers::new(catalogue, settings, vault, Arc::new(Unheard), Arc::new(SystemClock)).unwrap();
        let candidate = |id| {
            let fields = BTreeMap::from([("api_key".to_owned(), "sk-ant-0123456789abcdef".into())]);
            providers.prepare(&id, fields).unwrap()
        };
        Self { slow: candidate(SLOW), other: candidate(OTHER), providers }
    }

    /// Seconds that a check takes.
    async fn ask_the_other(&self) -> f64 {
        let begin = Instant::now();
        let report = self.providers.check_candidate(UserId::generate(), &self.other).await;
        assert_eq!(report.outcome, Outcome::Valid);
        begin.elapsed().as_secs_f64()
    }
}

/// Nobody listens to the usage.
struct Unheard;

#[async_trait]
impl UsageObserver for Unheard {
    async fn observe(&self, _: UsageEvent) {}
}
