//! Calls that wait to be written to the ledger. Many are written in one transaction, so that no call waits for the disk.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as Turn, Notify, OwnedMutexGuard, Semaphore},
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::{
    Store, StoreError,
    usage::{Noted, UsageRow},
};

/// A call waits so long for others to be written with it. A crash loses those that wait, and no others.
const TOGETHER_WITHIN: Duration = Duration::from_millis(100);
/// So many are written together at the most, and at once when there are so many.
const BATCH: usize = 256;
/// So many wait at the most: what a second brings while the database is busy.
const ROOM: usize = 4_096;
/// Without room, a call waits so long for some before it is given up.
const PATIENCE: Duration = Duration::from_secs(5);
/// Whoever reads the ledger waits so long for the last calls to be written.
const READERS_WAIT: Duration = Duration::from_secs(2);
/// After a database that is away, before it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// The queue, and the turn of whoever empties it.
#[derive(Debug)]
pub(super) struct UsageQueue {
    waiting: Mutex<Waiting>,
    room: Semaphore,
    /// There are enough for a batch.
    enough: Notify,
    turn: Arc<Turn<()>>,
}

#[derive(Debug, Default)]
struct Waiting {
    calls: Vec<Noted>,
    /// Somebody is going to write them.
    expected: bool,
}

impl Default for UsageQueue {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            room: Semaphore::new(ROOM),
            enough: Notify::new(),
            turn: Arc::default(),
        }
    }
}

impl UsageQueue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest, a batch at the most.
    fn take(&self) -> Vec<Noted> {
        let calls = &mut self.waiting().calls;
        let count = calls.len().min(BATCH);
        calls.drain(..count).collect()
    }

    fn put_back(&self, calls: Vec<Noted>) {
        self.waiting().calls.splice(..0, calls);
    }
}

/// Calls that were taken out of the queue to be written. What is left of them when this goes waits on; each of the others
/// gives its place back.
struct Batch<'a> {
    queue: &'a UsageQueue,
    calls: Vec<Noted>,
    taken: usize,
}

impl<'a> Batch<'a> {
    fn take(queue: &'a UsageQueue) -> Self {
        let calls = queue.take();
        Self { queue, taken: calls.len(), calls }
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Whatever broke the writing would break it again, and keep all others from being written.
            tracing::error!(calls = self.calls.len(), "calls are not written to the usage ledger");
            self.calls.clear();
        }
        self.queue.room.add_permits(self.taken - self.calls.len());
        if !self.calls.is_empty() {
            self.queue.put_back(std::mem::take(&mut self.calls));
        }
    }
}

impl Store {
    /// Takes note of a call, which is written soon. Waits only while thousands wait already, because the database does
    /// not keep up; if that lasts, the call is not written, and the log says so.
    pub async fn note_usage(&self, row: UsageRow) {
        let queue = &self.usage;
        match timeout(PATIENCE, queue.room.acquire()).await {
            Ok(Ok(place)) => place.forget(),
            _ => return tracing::error!("the usage ledger has no room; a call is not written to it"),
        }
        let (count, is_first) = {
            let mut waiting = queue.waiting();
            waiting.calls.push((Uuid::now_v7(), row));
            (waiting.calls.len(), !std::mem::replace(&mut waiting.expected, true))
        };
        if is_first {
            tokio::spawn(self.clone().write_usage_soon());
        }
        if count >= BATCH {
            queue.enough.notify_one();
        }
    }

    /// How many calls wait to be written.
    pub fn usage_waiting(&self) -> usize {
        self.usage.waiting().calls.len()
    }

    /// Writes until none waits.
    async fn write_usage_soon(self) {
        loop {
            let _ = timeout(TOGETHER_WITHIN, self.usage.enough.notified()).await;
            if let Err(error) = self.write_usage().await {
                tracing::error!(%error, "calls could not be written to the usage ledger yet");
                sleep(PAUSE).await;
            }
            let mut waiting = self.usage.waiting();
            if waiting.calls.is_empty() || self.is_closed() {
                waiting.expected = false;
                return;
            }
        }
    }

    /// Writes what waits now. What is read from the ledger afterwards knows every call that has ended in this process.
    pub async fn write_usage(&self) -> Result<(), StoreError> {
        let turn = Arc::clone(&self.usage.turn).lock_owned().await;
        let count = self.usage.waiting().calls.len();
        if count == 0 {
            return Ok(());
        }
        // In a task of its own: whoever waits for it may leave, and what was taken must not be lost.
        let written = tokio::spawn(self.clone().write_batches(count, turn)).await;
        written.unwrap_or_else(|error| {
            tracing::error!(%error, "writing to the usage ledger broke down");
            Ok(())
        })
    }

    /// The same, for those who would rather read what there is than nothing while the database takes nothing on.
    pub async fn write_usage_if_possible(&self) {
        match timeout(READERS_WAIT, self.write_usage()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the usage ledger is read without the last calls"),
            Err(_) => {
                tracing::warn!("the usage ledger is read without the last calls, which take long to write")
            }
        }
    }

    async fn write_batches(self, mut count: usize, _turn: OwnedMutexGuard<()>) -> Result<(), StoreError> {
        while count > 0 {
            let mut batch = Batch::take(&self.usage);
            count = count.saturating_sub(batch.taken);
            match self.insert_usage(&batch.calls).await {
                Ok(()) => batch.calls.clear(),
                Err(error) if error.is_transient() => return Err(error),
                Err(_) => self.write_apart(&mut batch.calls).await?,
            }
        }
        Ok(())
    }

    /// One that cannot be written, such as that of an account that is gone, must not take others with it: whatever fails
    /// is halved until it stands alone. Leaves in `calls` what is yet to be written when the database goes away meanwhile.
    async fn write_apart(&self, calls: &mut Vec<Noted>) -> Result<(), StoreError> {
        let mut size = calls.len() / 2;
        while !calls.is_empty() {
            size = size.clamp(1, calls.len());
            match self.insert_usage(&calls[..size]).await {
                Ok(()) => {}
                Err(error) if error.is_transient() => return Err(error),
                Err(_) if size > 1 => {
                    size /= 2;
                    continue;
                }
                // Written before, when the answer to the commit was lost.
                Err(StoreError::Duplicate) => {}
                Err(error) => tracing::error!(%error, "a call could not be written to the usage ledger"),
            }
            calls.drain(..size);
            size *= 2;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        ids::{ProviderId, UserId},
        time::Timestamp,
    };

    fn call() -> Noted {
        let row = UsageRow {
            user: UserId::generate(),
            key: None,
            provider: ProviderId::SERPAPI,
            service: None,
            operation: "search".to_owned(),
            outcome: "done",
            latency_us: 1,
            units: 1,
            source: "use",
            key_source: "user",
            at: Timestamp(1),
        };
        (Uuid::now_v7(), row)
    }

    fn queue_of(count: usize) -> UsageQueue {
        let queue = UsageQueue::default();
        queue.waiting().calls.extend(std::iter::repeat_with(call).take(count));
        queue.room.forget_permits(count);
        queue
    }

    #[test]
    fn what_was_not_written_waits_on_in_its_order_and_keeps_its_places() {
        let queue = queue_of(10);
        let order: Vec<_> = queue.waiting().calls.iter().map(|(id, _)| *id).collect();
        let mut batch = Batch::take(&queue);
        assert!(queue.waiting().calls.is_empty());
        batch.calls.drain(..4);
        drop(batch);
        assert_eq!(queue.waiting().calls.iter().map(|(id, _)| *id).collect::<Vec<_>>(), order[4..]);
        assert_eq!(queue.room.available_permits(), ROOM - 6);
    }

    #[test]
    fn a_batch_that_breaks_the_writing_takes_no_room_for_good() {
        let queue = queue_of(BATCH + 10);
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _batch = Batch::take(&queue);
            panic!("the test's own");
        }));
        assert!(broken.is_err());
        assert_eq!((queue.waiting().calls.len(), queue.room.available_permits()), (10, ROOM - 10));
    }
}
