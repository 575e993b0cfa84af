//! Twelve hostile providers and five hundred checks at each, all at once: what it takes from the users of another
//! provider, and from the memory. The servers are two processes of their own: the honest one, and the twelve, which
//! give way to all others, for in life they do not compute on this machine.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
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

use crate::{
    Row,
    behaviours::{read_head, twelve},
    percentile, resident_megabytes,
};

/// The argument that makes this program the honest server.
const HONEST_SERVER: &str = "--honest-server";
/// The argument that makes this program the twelve.
const HOSTILE_SERVERS: &str = "--hostile-servers";
/// The longest answer to a check of [`HOSTILE`].
const LONGEST_ANSWER: usize = 1 << 20;
const HOSTILE: ProviderId = ProviderId::OPENAI;
const HONEST: ProviderId = ProviderId::ANTHROPIC;
const CHECKS_AT_EACH: usize = 500;

/// Serves for ever if the arguments say so.
pub(crate) async fn serve(arguments: &[String]) -> Option<Infallible> {
    let is_given = |name: &str| arguments.iter().any(|argument| argument == name);
    if is_given(HONEST_SERVER) {
        serve_honestly().await;
    } else if is_given(HOSTILE_SERVERS) {
        for behaviour in twelve(LONGEST_ANSWER) {
            tokio::spawn(behaviour.serve(bind().await));
        }
    } else {
        return None;
    }
    std::future::pending().await
}

/// Listens, and says where.
async fn bind() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    listener
}

async fn serve_honestly() {
    let listener = bind().await;
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            while read_head(&mut stream).await.ends_with(b"\r\n\r\n") {
                // As quick as a near provider may be.
                sleep(Duration::from_millis(10)).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"data\":[]}").await;
            }
        });
    }
}

/// A process that serves; dropped, it ends.
struct Servers {
    child: Child,
    addresses: Vec<SocketAddr>,
}

impl Servers {
    fn start(command: &mut Command, argument: &str, count: usize) -> Self {
        let mut child = command.arg(argument).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addresses = lines.take(count).map(|line| line.unwrap().parse().unwrap()).collect();
        Self { child, addresses }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn rows() -> Vec<Row> {
    let program = std::env::current_exe().unwrap();
    let honest = Servers::start(&mut Command::new(&program), HONEST_SERVER, 1);
    let hostile = Servers::start(Command::new("nice").arg("-n19").arg(&program), HOSTILE_SERVERS, 12);
    let names: Vec<_> = twelve(1).iter().map(|behaviour| behaviour.name).collect();
    println!("Asking twelve hostile providers: {}…", names.join(", "));
    attack(&hostile.addresses, honest.addresses[0]).await
}

async fn attack(hostile: &[SocketAddr], honest: SocketAddr) -> Vec<Row> {
    let attacked: Vec<_> = hostile.iter().map(|addr| Arc::new(Attacked::new(*addr, honest))).collect();
    let mut quiet = Vec::new();
    for n in 0..500 {
        quiet.push(attacked[n % attacked.len()].ask_the_honest_provider().await);
    }
    let me = std::process::id();
    let before = resident_megabytes(me);

    let mut checks = JoinSet::new();
    for one in &attacked {
        for _ in 0..CHECKS_AT_EACH {
            checks.spawn(Arc::clone(one).suffer());
        }
    }
    let mut checks = std::pin::pin!(checks.join_all());
    let (mut meanwhile, mut most) = (Vec::new(), before);
    let ended = loop {
        let other = attacked[meanwhile.len() % attacked.len()].ask_the_honest_provider();
        tokio::select! {
            ended = &mut checks => break ended,
            took = other => meanwhile.push(took),
        }
        most = most.max(resident_megabytes(me));
    };
    let longest = ended.into_iter().max().unwrap().as_secs_f64();
    let (calm, busy) = (percentile(&mut quiet, 99), percentile(&mut meanwhile, 99));
    let grown = most - before;
    vec![
        Row {
            what: "check of another provider while 12 hostile ones are asked 500 times each, 99th percentile"
                .into(),
            measured: format!("{:.1} ms ({} checks)", busy * 1e3, meanwhile.len()),
            reference: format!("before: {:.1} ms", calm * 1e3),
            ratio: format!("{:.2} ×", busy / calm),
            goal: "< 2 ×",
            met: Some(busy < 2.0 * calm),
        },
        Row::absolute(
            "the longest of those 6,000 checks",
            format!("{longest:.1} s"),
            "≤ 16 s",
            longest <= 16.0,
        ),
        Row::absolute("memory that they take", format!("{grown:.1} MB"), "< 52.4 MB (50 MiB)", grown < 52.4),
    ]
}

/// An installation of which one provider is hostile.
struct Attacked {
    providers: Providers,
    hostile: Candidate,
    honest: Candidate,
}

impl Attacked {
    fn new(hostile: SocketAddr, honest: SocketAddr) -> Self {
        let base_urls =
            BTreeMap::from([(HOSTILE, format!("http://{hostile}")), (HONEST, format!("http://{honest}"))]);
        let vault = Vault::new(KekRing::parse(&KekRing::generate().unwrap()).unwrap());
        let catalogue = Catalogue::read(None).unwrap();
        let settings = EgressSettings::new(&catalogue, &base_urls, None).unwrap();
        let providers =
            Providers::new(catalogue, settings, Arc::new(vault), Arc::new(Unheard), Arc::new(SystemClock))
                .unwrap();
        let candidate = |id| {
            let fields = BTreeMap::from([("api_key".to_owned(), "sk-ant-0123456789abcdef".into())]);
            providers.prepare(&id, fields).unwrap()
        };
        Self { hostile: candidate(HOSTILE), honest: candidate(HONEST), providers }
    }

    async fn suffer(self: Arc<Self>) -> Duration {
        let begin = Instant::now();
        let report = self.providers.check_candidate(UserId::generate(), &self.hostile).await;
        // After several failures a provider is not asked for a while.
        assert!(matches!(report.outcome, Outcome::Unreachable | Outcome::NotAsked));
        begin.elapsed()
    }

    /// Seconds that a check takes.
    async fn ask_the_honest_provider(&self) -> f64 {
        let begin = Instant::now();
        let report = self.providers.check_candidate(UserId::generate(), &self.honest).await;
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
