//! An installation with two providers: one that makes trouble, and its neighbour, which must not feel it. Their servers
//! are processes of their own, so that what they compute is not counted.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Instant,
};

use async_trait::async_trait;
use keyward::{
    clock::SystemClock,
    model::{
        check::Outcome,
        ids::{ProviderId, UserId},
    },
    providers::{Candidate, Catalogue, EgressSettings, Providers, Spending, UsageEvent, UsageObserver},
    vault::{KekRing, Vault},
};

const TROUBLE: ProviderId = ProviderId::OPENAI;
const NEIGHBOUR: ProviderId = ProviderId::ANTHROPIC;

pub(crate) struct Neighbours {
    providers: Providers,
    trouble: Candidate,
    neighbour: Candidate,
}

impl Neighbours {
    /// By the addresses of the one that makes trouble and of the other.
    pub(crate) fn new(trouble: SocketAddr, neighbour: SocketAddr) -> Self {
        Self::observed(trouble, neighbour, Arc::new(Unheard))
    }

    /// The same, whose calls are reported to `observer`.
    pub(crate) fn observed(
        trouble: SocketAddr,
        neighbour: SocketAddr,
        observer: Arc<dyn UsageObserver>,
    ) -> Self {
        let base_urls = BTreeMap::from([
            (TROUBLE, format!("http://{trouble}")),
            (NEIGHBOUR, format!("http://{neighbour}")),
        ]);
        let vault = Arc::new(Vault::new(KekRing::parse(&KekRing::generate().unwrap()).unwrap()));
        let catalogue = Catalogue::read(None).unwrap();
        let settings = EgressSettings::new(&catalogue, &base_urls, None).unwrap();
        let providers = Providers::new(catalogue, settings, vault, observer, Arc::new(SystemClock)).unwrap();
        let candidate = |id| {
            let fields = BTreeMap::from([("api_key".to_owned(), "sk-ant-0123456789abcdef".into())]);
            providers.prepare(&id, fields).unwrap()
        };
        Self { trouble: candidate(TROUBLE), neighbour: candidate(NEIGHBOUR), providers }
    }

    /// The same, but the one that makes trouble is asked however often it failed.
    pub(crate) fn without_rest(self) -> Self {
        Self { providers: self.providers.without_rest(), ..self }
    }

    /// How a check of the one that makes trouble ends.
    pub(crate) async fn ask_the_trouble(&self) -> Outcome {
        self.providers.check_candidate(UserId::generate(), &self.trouble, Spending::Refused).await.outcome
    }

    /// Seconds that a check of the other takes.
    pub(crate) async fn ask_the_neighbour(&self) -> f64 {
        self.ask_the_neighbour_for(UserId::generate()).await
    }

    /// The same, in the name of a user.
    pub(crate) async fn ask_the_neighbour_for(&self, user: UserId) -> f64 {
        let begin = Instant::now();
        let report = self.providers.check_candidate(user, &self.neighbour, Spending::Refused).await;
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

/// A process that serves; dropped, it ends.
pub(crate) struct Servers {
    child: Child,
    /// Where, in its order.
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Servers {
    /// Starts this program by `command`, with the argument that makes it `count` servers.
    pub(crate) fn start(command: &mut Command, argument: &str, count: usize) -> Self {
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
