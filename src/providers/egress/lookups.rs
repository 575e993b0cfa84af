//! Lookups of names by the system's resolver, which keeps a thread for as long as a name server is silent. So there is
//! never more than one lookup of a name, and of names that users typed never more than a few; nobody waits longer
//! than two seconds; and what was found is kept for a short time.

use std::{
    collections::{HashMap, HashSet},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout_at},
};

/// Lookups at a time of names that are neither the catalogue's nor the operator's.
const PLACES: usize = 16;

/// How long things take and last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// The longest wait for an answer.
    pub(crate) budget: Duration,
    /// An answer is used without asking again for this long.
    pub(crate) fresh: Duration,
    /// An answer is used for this long where the resolver fails or is slow.
    pub(crate) kept: Duration,
}

/// Shorter than the lives of most names' entries, for the system does not tell how long they are. Tests see each
/// change of a name at once.
pub(crate) const TIMES: Times = Times {
    budget: Duration::from_secs(2),
    fresh: Duration::from_secs(if cfg!(test) { 0 } else { 10 }),
    kept: Duration::from_secs(60),
};

/// The name has no address, or nobody said in time. Holds no name and no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name could not be resolved")]
pub(crate) struct Unresolved;

type Found = Result<Vec<SocketAddr>, Unresolved>;
type Ask = Box<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The lookups of one client.
pub(crate) struct Lookups {
    ask: Ask,
    times: Times,
    /// Names that need no place: there are only so many of them.
    known: HashSet<String>,
    places: Arc<Semaphore>,
    names: Mutex<HashMap<String, Entry>>,
}

#[derive(Default)]
struct Entry {
    /// The last answer, and when it came.
    found: Option<(Instant, Vec<SocketAddr>)>,
    /// The lookup under way.
    running: Option<watch::Receiver<Option<Found>>>,
}

impl Entry {
    fn found_within(&self, age: Duration) -> Option<Vec<SocketAddr>> {
        let (at, addresses) = self.found.as_ref()?;
        (at.elapsed() < age).then(|| addresses.clone())
    }
}

impl Lookups {
    /// The system's resolver.
    pub(crate) fn system(known: HashSet<String>) -> Arc<Self> {
        let ask = |name: String| -> BoxFuture<'static, _> {
            Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
        };
        Arc::new(Self::new(Box::new(ask), TIMES, known))
    }

    fn new(ask: Ask, times: Times, known: HashSet<String>) -> Self {
        Self { ask, times, known, places: Arc::new(Semaphore::new(PLACES)), names: Mutex::default() }
    }

    /// The addresses of `name`.
    pub(crate) async fn find(self: &Arc<Self>, name: &str) -> Found {
        let fresh = self.lock().get(name).and_then(|entry| entry.found_within(self.times.fresh));
        if let Some(addresses) = fresh {
            return Ok(addresses);
        }
        let asked = timeout_at(Instant::now() + self.times.budget, self.ask_once(name)).await;
        match asked.unwrap_or(Err(Unresolved)) {
            Ok(addresses) => Ok(addresses),
            Err(error) => {
                self.lock().get(name).and_then(|entry| entry.found_within(self.times.kept)).ok_or(error)
            }
        }
    }

    /// Waits for the lookup that is under way, or starts one. It goes on when nobody waits any more.
    async fn ask_once(self: &Arc<Self>, name: &str) -> Found {
        let running = self.lock().get(name).and_then(|entry| entry.running.clone());
        let mut running = match running {
            Some(running) => running,
            None if self.known.contains(name) => self.start(name, None),
            None => {
                let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Unresolved)?;
                self.start(name, Some(place))
            }
        };
        let done = running.wait_for(Option::is_some).await.map_err(|_| Unresolved)?;
        done.clone().unwrap_or(Err(Unresolved))
    }

    fn start(
        self: &Arc<Self>,
        name: &str,
        place: Option<OwnedSemaphorePermit>,
    ) -> watch::Receiver<Option<Found>> {
        let mut names = self.lock();
        names.retain(|_, entry| entry.running.is_some() || entry.found_within(self.times.kept).is_some());
        let entry = names.entry(name.to_owned()).or_default();
        // Somebody else may have started one while this one waited for a place.
        if let Some(running) = &entry.running {
            return running.clone();
        }
        let (tell, running) = watch::channel(None);
        entry.running = Some(running.clone());
        drop(names);
        let (lookups, name) = (Arc::clone(self), name.to_owned());
        tokio::spawn(async move {
            let found = (lookups.ask)(name.clone()).await;
            drop(place);
            let found = found.ok().filter(|found| !found.is_empty()).ok_or(Unresolved);
            if let Some(entry) = lookups.lock().get_mut(&name) {
                entry.running = None;
                if let Ok(addresses) = &found {
                    entry.found = Some((Instant::now(), addresses.clone()));
                }
            }
            tell.send_replace(Some(found));
        });
        running
    }

    // A panic elsewhere leaves the map whole: each change is one assignment.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Lookups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookups").field("names", &self.lock().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(30);
    const LONG: Duration = Duration::from_secs(60);

    /// A resolver that is told what to do.
    #[derive(Default)]
    struct Script {
        asked: AtomicUsize,
        /// How many lookups go unanswered from here on.
        silent: AtomicUsize,
        fails: AtomicUsize,
        speak: Notify,
    }

    fn lookups(script: &Arc<Script>, fresh: Duration, kept: Duration, known: &[&str]) -> Arc<Lookups> {
        let script = Arc::clone(script);
        let ask = move |_: String| -> BoxFuture<'static, _> {
            let script = Arc::clone(&script);
            Box::pin(async move {
                let n = script.asked.fetch_add(1, Ordering::SeqCst);
                let take = |counter: &AtomicUsize| {
                    counter
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                        .is_ok()
                };
                if take(&script.silent) {
                    script.speak.notified().await;
                }
                if take(&script.fails) {
                    return Err(io::Error::other("no such name"));
                }
                Ok(vec![SocketAddr::from(([192, 0, 2, u8::try_from(n).unwrap()], 0))])
            })
        };
        let times = Times { budget: MOMENT, fresh, kept };
        Arc::new(Lookups::new(Box::new(ask), times, known.iter().map(|name| (*name).to_owned()).collect()))
    }

    fn last(found: &Found) -> Option<u8> {
        found.as_ref().ok().map(|addresses| match addresses[0] {
            SocketAddr::V4(address) => address.ip().octets()[3],
            SocketAddr::V6(_) => panic!("an address of version 6"),
        })
    }

    #[tokio::test]
    async fn what_is_fresh_is_not_asked_for_again() {
        let script = Arc::<Script>::default();
        let names = lookups(&script, LONG, LONG, &[]);
        for _ in 0..3 {
            assert_eq!(last(&names.find("a.example").await), Some(0));
        }
        assert_eq!(last(&names.find("b.example").await), Some(1));
        let names = lookups(&script, Duration::ZERO, LONG, &[]);
        for n in 2..5 {
            assert_eq!(last(&names.find("a.example").await), Some(n));
        }
    }

    #[tokio::test]
    async fn what_was_found_helps_out_for_a_while_then_there_is_an_error() {
        for kept in [LONG, Duration::ZERO] {
            let script = Arc::<Script>::default();
            let names = lookups(&script, Duration::ZERO, kept, &[]);
            assert_eq!(last(&names.find("a.example").await), Some(0));
            script.fails.store(1, Ordering::SeqCst);
            assert_eq!(last(&names.find("a.example").await), (kept == LONG).then_some(0));
            script.silent.store(1, Ordering::SeqCst);
            assert_eq!(last(&names.find("a.example").await), (kept == LONG).then_some(0));
            let never_found = names.find("b.example");
            script.fails.store(1, Ordering::SeqCst);
            assert_eq!(never_found.await, Err(Unresolved));
            assert_eq!(Unresolved.to_string(), "the name could not be resolved");
        }
    }

    #[tokio::test]
    async fn a_silent_resolver_is_asked_once_for_a_name_and_holds_up_no_other() {
        let script = Arc::<Script>::default();
        let names = lookups(&script, Duration::ZERO, Duration::ZERO, &[]);
        script.silent.store(1, Ordering::SeqCst);
        let begin = Instant::now();
        let all = futures::future::join_all((0..50).map(|_| names.find("slow.example"))).await;
        assert!(all.iter().all(|found| *found == Err(Unresolved)));
        assert!(begin.elapsed() >= MOMENT);
        assert_eq!(script.asked.load(Ordering::SeqCst), 1);
        assert_eq!(last(&names.find("quick.example").await), Some(1));
        // The lookup went on without anybody, and its answer ends it.
        script.speak.notify_one();
        tokio::task::yield_now().await;
        assert!(names.find("slow.example").await.is_ok());
    }

    #[tokio::test]
    async fn names_that_users_typed_take_no_place_from_the_catalogue_s() {
        let script = Arc::<Script>::default();
        let names = lookups(&script, Duration::ZERO, Duration::ZERO, &["api.example.org"]);
        script.silent.store(PLACES, Ordering::SeqCst);
        let slow: Vec<_> = (0..PLACES + 20).map(|n| format!("{n}.slow.example")).collect();
        let all = futures::future::join_all(slow.iter().map(|name| names.find(name))).await;
        assert!(all.iter().all(|found| *found == Err(Unresolved)));
        assert_eq!(script.asked.load(Ordering::SeqCst), PLACES, "each holds a thread");
        assert!(names.find("api.example.org").await.is_ok());
        assert_eq!(names.find("quick.example").await, Err(Unresolved), "all places are taken");
        script.speak.notify_waiters();
        tokio::task::yield_now().await;
        assert!(names.find("quick.example").await.is_ok());
        assert!(names.lock().len() <= 2, "what is over is forgotten");
    }
}
