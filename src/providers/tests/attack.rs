//! Twelve hostile providers and five hundred checks at each, all at once. The checks are made in a process
//! of their own, whose memory is measured; the servers are in the process that starts it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use super::{
    behaviours::twelve,
    support::{CANARY, Room, Server, in_own_process, yes},
};
use crate::{
    clock::SystemClock,
    model::{check::Outcome, ids::ProviderId},
    providers::{Candidate, EgressSettings, catalogue::Catalogue, egress::breakers::Breakers},
};

/// The provider that means harm: of all checks, its answers may be the longest.
const HOSTILE: ProviderId = ProviderId::OPENAI;
const LONGEST_ANSWER: usize = 1 << 20;
/// A provider of other users.
const HONEST: ProviderId = ProviderId::ANTHROPIC;
const CHECKS_AT_EACH: usize = 500;
/// Where the servers are: the honest one, then the twelve.
const ADDRESSES: &str = "KEYWARD_TEST_ADDRESSES";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_providers_take_neither_memory_nor_time_from_others() {
    let mut addresses = vec![honest().to_string()];
    for behaviour in twelve(LONGEST_ANSWER) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap().to_string());
        tokio::spawn(behaviour.serve(listener));
    }
    let addresses = addresses.join(",");
    let ask = move || {
        // The C library's allocator, which only tests use, gives large blocks back at once: what is measured
        // is what is held, not what was.
        let variables =
            [(ADDRESSES, addresses.as_str()), ("MALLOC_MMAP_THRESHOLD_", "65536"), ("MALLOC_ARENA_MAX", "2")];
        println!("{}", in_own_process("attack::asks_twelve_hostile_providers", &variables));
    };
    tokio::task::spawn_blocking(ask).await.unwrap();
}

/// An honest provider on a thread of its own, until the process ends: the twelve leave none to others.
fn honest() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::answering(|_| yes()).await;
            tell.send(server.addr).unwrap();
            std::future::pending::<()>().await;
        });
    });
    told.recv().unwrap()
}

/// So many checks of other users are answered meanwhile; with time to spare, there are thousands.
const OTHERS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by hostile_providers_take_neither_memory_nor_time_from_others"]
async fn asks_twelve_hostile_providers() {
    let addresses = std::env::var(ADDRESSES).unwrap();
    let addresses: Vec<SocketAddr> = addresses.split(',').map(|address| address.parse().unwrap()).collect();
    let (honest, hostile) = addresses.split_first().unwrap();
    let rooms: Vec<_> = hostile.iter().map(|addr| Arc::new(Attacked::new(*addr, *honest))).collect();
    assert_eq!(rooms.len(), 12);
    // What is made once and kept is there before anything is measured.
    for room in &rooms {
        room.ask_the_honest_provider().await;
    }

    let before = resident_kibibytes();
    let watch = Watch::begin();
    let mut checks = JoinSet::new();
    for room in &rooms {
        for _ in 0..CHECKS_AT_EACH {
            checks.spawn(Arc::clone(room).suffer());
        }
    }
    let mut checks = std::pin::pin!(checks.join_all());
    let mut others = 0;
    let ended = loop {
        tokio::select! {
            ended = &mut checks => break ended,
            () = rooms[others % rooms.len()].ask_the_honest_provider() => others += 1,
        }
    };
    let grown = watch.most_kibibytes().saturating_sub(before);
    let longest = ended.iter().max().copied().unwrap_or_default();
    println!("{others} checks of others, {grown} KiB, longest {longest:?}, late {:?}", watch.lateness());
    assert!(grown < 50 << 10, "memory grew by {grown} KiB");
    assert!(others >= OTHERS, "{others} checks of others");
    assert_eq!(ended.len(), 12 * CHECKS_AT_EACH);
    // A check's budget of 15 s, one more to end in, and what this machine was late for anything at all.
    let allowed = Duration::from_secs(16) + watch.lateness();
    assert!(longest <= allowed, "{longest:?} of {allowed:?}");
    for room in &rooms {
        let of_hostile = room.room.events().into_iter().filter(|event| event.provider == HOSTILE);
        assert_eq!(of_hostile.count(), CHECKS_AT_EACH);
    }
}

/// An installation of which one provider is hostile.
struct Attacked {
    room: Room,
    hostile: Candidate,
    honest: Candidate,
}

impl Attacked {
    fn new(hostile: SocketAddr, honest: SocketAddr) -> Self {
        let catalogue = Catalogue::shared();
        let base = |id: &ProviderId| {
            let address = if *id == HOSTILE { hostile } else { honest };
            (id.clone(), format!("http://{address}"))
        };
        let settings = EgressSettings::new(catalogue, &catalogue.ids().map(base).collect(), None).unwrap();
        // With the budgets of the catalogue.
        let mut room = Room::new(settings, |_| {});
        // Every request is sent: the attack is not over after five failures.
        Arc::get_mut(&mut room.providers).unwrap().breakers = Breakers::without_rest(Arc::new(SystemClock));
        let candidate = |id| room.candidate(&id, &[("api_key", CANARY)]);
        Self { hostile: candidate(HOSTILE), honest: candidate(HONEST), room }
    }

    /// How long a check at the hostile provider takes.
    async fn suffer(self: Arc<Self>) -> Duration {
        let begin = Instant::now();
        let report = self.room.check(&self.hostile).await;
        assert_eq!(report.outcome, Outcome::Unreachable);
        begin.elapsed()
    }

    async fn ask_the_honest_provider(&self) {
        let report = self.room.check(&self.honest).await;
        assert_eq!(report.outcome, Outcome::Valid, "{report:?}");
    }
}

/// Watches how much memory this process takes, and how late its timers are.
struct Watch {
    most_kibibytes: Arc<AtomicU64>,
    latest_ms: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Watch {
    fn begin() -> Self {
        const EVERY: Duration = Duration::from_millis(20);
        let (most_kibibytes, latest_ms) = <(Arc<AtomicU64>, Arc<AtomicU64>)>::default();
        let (most, latest) = (Arc::clone(&most_kibibytes), Arc::clone(&latest_ms));
        let task = tokio::spawn(async move {
            loop {
                let begin = Instant::now();
                sleep(EVERY).await;
                let late = begin.elapsed().saturating_sub(EVERY).as_millis();
                latest.fetch_max(u64::try_from(late).unwrap(), Ordering::Relaxed);
                most.fetch_max(resident_kibibytes(), Ordering::Relaxed);
            }
        });
        Self { most_kibibytes, latest_ms, task }
    }

    fn most_kibibytes(&self) -> u64 {
        self.most_kibibytes.load(Ordering::Relaxed)
    }

    fn lateness(&self) -> Duration {
        Duration::from_millis(self.latest_ms.load(Ordering::Relaxed))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Without the pages of the program itself, which are read when they are first needed.
fn resident_kibibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
