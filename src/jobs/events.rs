//! Wakes the open event streams of users who have news, whichever node it was made on.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{MissedTickBehavior, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    model::{event::Event, ids::UserId},
    store::{Position, Store, StoreError},
};

/// How often the database is asked for news of other nodes while a stream is open.
const TICK: Duration = Duration::from_millis(300);
/// It is asked at once when this process made the news, but not more often than this.
const GAP: Duration = Duration::from_millis(30);
/// How far back it is asked each time: what took longer from its time to its commit, or was timed by a slower
/// clock, a stream finds with its next beat.
const OVERLAP: Duration = Duration::from_secs(10);
/// Streams of one user at a time.
const USER_MAX: usize = 8;
/// Streams of this process at a time, half of the connections that it takes.
const STREAMS_MAX: usize = 1_000;
/// Events that are read at once.
const BATCH: i64 = 100;

/// The open streams of this process, and the loop that wakes them.
pub struct EventWatch {
    store: Store,
    clock: Arc<dyn Clock>,
    open: Mutex<Open>,
    somebody: Notify,
}

#[derive(Default)]
struct Open {
    last: u64,
    count: usize,
    users: HashMap<UserId, VecDeque<Seat>>,
}

struct Seat {
    id: u64,
    /// The number of the last event that the loop has seen.
    news: watch::Sender<i64>,
    crowded_out: CancellationToken,
}

/// What calls a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Its user has news.
    News,
    /// Newer streams of the user have taken its place.
    CrowdedOut,
}

/// A user's open stream. Dropped, it makes room.
pub struct Listener {
    watch: Arc<EventWatch>,
    user: UserId,
    id: u64,
    news: watch::Receiver<i64>,
    crowded_out: CancellationToken,
}

impl EventWatch {
    /// A loop over `store`; it does nothing while no stream is open.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, open: Mutex::default(), somebody: Notify::new() }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Each change is whole before the lock is let go, also if a panic came between two.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a stream of `user`; the user's oldest one ends when there are too many of them. None when the
    /// process has too many.
    pub fn listen(self: &Arc<Self>, user: UserId) -> Option<Listener> {
        let mut open = self.open();
        if open.count >= STREAMS_MAX {
            return None;
        }
        open.last += 1;
        let id = open.last;
        let (sender, news) = watch::channel(0);
        let crowded_out = CancellationToken::new();
        let seats = open.users.entry(user).or_default();
        seats.push_back(Seat { id, news: sender, crowded_out: crowded_out.clone() });
        let oldest = if seats.len() > USER_MAX { seats.pop_front() } else { None };
        match oldest {
            Some(oldest) => oldest.crowded_out.cancel(),
            None => open.count += 1,
        }
        drop(open);
        self.somebody.notify_one();
        Some(Listener { watch: Arc::clone(self), user, id, news, crowded_out })
    }

    /// Runs until it is dropped.
    pub async fn run(&self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.store.news() => {}
            }
            if self.open().count == 0 {
                self.somebody.notified().await;
            }
            match self.store.event_heads(self.clock.now().minus(OVERLAP)).await {
                Ok(heads) => {
                    failing = false;
                    self.wake(&heads);
                }
                Err(error) => {
                    // Once, not three times a second.
                    if !failing {
                        tracing::warn!(%error, "the events cannot be read, trying again");
                    }
                    failing = true;
                }
            }
            sleep(GAP).await;
        }
    }

    fn wake(&self, heads: &[(UserId, i64)]) {
        let open = self.open();
        for (user, seq) in heads {
            for seat in open.users.get(user).into_iter().flatten() {
                seat.news.send_if_modified(|seen| {
                    let newer = *seen < *seq;
                    *seen = (*seen).max(*seq);
                    newer
                });
            }
        }
    }
}

impl Listener {
    /// Waits until something calls the stream.
    pub async fn called(&mut self) -> Call {
        tokio::select! {
            biased;
            () = self.crowded_out.cancelled() => Call::CrowdedOut,
            // Its other half is gone only when the stream is crowded out.
            news = self.news.changed() => news.map_or(Call::CrowdedOut, |()| Call::News),
        }
    }

    /// Where the stream begins, having read up to `after`.
    pub async fn position(&self, after: Option<i64>) -> Result<Position, StoreError> {
        self.watch.store.event_position(self.user, after).await
    }

    /// The user's next events after `after`, and whether there may be more.
    pub async fn read(&self, after: i64) -> Result<(VecDeque<Event>, bool), StoreError> {
        let events = self.watch.store.events(self.user, after, BATCH).await?;
        let more = i64::try_from(events.len()).is_ok_and(|count| count >= BATCH);
        Ok((events.into(), more))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut open = self.watch.open();
        let Some(seats) = open.users.get_mut(&self.user) else { return };
        let before = seats.len();
        seats.retain(|seat| seat.id != self.id);
        let left = seats.len();
        if left == 0 {
            open.users.remove(&self.user);
        }
        // One that was crowded out is not counted any more.
        open.count -= before - left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    async fn watch() -> Arc<EventWatch> {
        let dir = tempfile::tempdir().unwrap();
        // The loop does not run: nothing is asked of the database.
        let store = Store::open(&format!("sqlite:{}/events.db", dir.path().display())).await.unwrap();
        Arc::new(EventWatch::new(store, Arc::new(SystemClock)))
    }

    #[tokio::test]
    async fn a_ninth_stream_ends_the_first() {
        let watch = watch().await;
        let user = UserId::generate();
        let mut streams: Vec<_> = (0..8).map(|_| watch.listen(user).unwrap()).collect();
        assert!(streams.iter().all(|stream| !stream.crowded_out.is_cancelled()));
        streams.push(watch.listen(user).unwrap());
        assert!(streams[0].crowded_out.is_cancelled());
        assert!(streams[1..].iter().all(|stream| !stream.crowded_out.is_cancelled()));
        assert_eq!(watch.open().count, 8);
        assert_eq!(streams.remove(0).called().await, Call::CrowdedOut);
        assert_eq!(watch.open().count, 8);
        streams.clear();
        assert_eq!(watch.open().count, 0);
        assert!(watch.open().users.is_empty());
    }

    #[tokio::test]
    async fn a_process_takes_no_more_than_it_can() {
        let watch = watch().await;
        let streams: Vec<_> = (0..STREAMS_MAX).map(|_| watch.listen(UserId::generate()).unwrap()).collect();
        assert!(watch.listen(UserId::generate()).is_none());
        drop(streams);
        assert!(watch.listen(UserId::generate()).is_some());
    }

    #[tokio::test]
    async fn only_news_wakes() {
        let watch = watch().await;
        let (ana, eve) = (UserId::generate(), UserId::generate());
        let (mut anas, eves) = (watch.listen(ana).unwrap(), watch.listen(eve).unwrap());
        watch.wake(&[(ana, 3)]);
        assert!(anas.news.has_changed().unwrap());
        assert!(!eves.news.has_changed().unwrap());
        assert_eq!(anas.called().await, Call::News);
        watch.wake(&[(ana, 3)]);
        assert!(!anas.news.has_changed().unwrap());
        watch.wake(&[(ana, 4)]);
        assert!(anas.news.has_changed().unwrap());
    }
}
