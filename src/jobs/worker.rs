//! The loop that works on jobs. Several processes share the work; what each may write is decided by its holds
//! (`store/jobs.rs`), so that one that was frozen, or cut off from the database, does no harm when it wakes up.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::MissedTickBehavior,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::Clock,
    keys::jitter,
    model::{
        ids::WorkerId,
        job::{JobState, LEASE, Lane, wait_after},
        time::Timestamp,
    },
    services::{Dispatch, Ended, Held, Staff, Stops},
    store::{Claim, Claiming, Hold, Store, StoreError},
    telemetry::traces::Traces,
};

/// How often the loop looks for due jobs that nobody has called it for.
const TICK: Duration = Duration::from_secs(1);
/// Jobs of one process at a time, in each lane.
const PLACES: usize = 16;
/// The longest that an attempt may take. A search of six pages, each with its budget of a minute, stays below.
const PATIENCE: Duration = Duration::from_secs(900);
/// How long calls under way may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(20);
/// How often a job's state is written again while the database is away, and the waits between.
const WRITES: u32 = 5;
const BETWEEN_WRITES: Duration = Duration::from_millis(200);

/// The worker of one process.
pub struct Worker {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    places: [(Lane, Arc<Semaphore>); 2],
    stop: CancellationToken,
    traces: Traces,
}

struct Shared {
    id: WorkerId,
    store: Store,
    clock: Arc<dyn Clock>,
    staff: Arc<dyn Staff>,
    dispatch: Arc<Dispatch>,
    /// The server stops: no new calls.
    stop: CancellationToken,
    /// Jobs are dropped where they are and given back.
    cut: CancellationToken,
}

impl Worker {
    /// A worker that takes no more jobs, and ends those it has after the call under way, when `stop` is cancelled.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        staff: Arc<dyn Staff>,
        dispatch: Arc<Dispatch>,
        stop: CancellationToken,
    ) -> Self {
        let (cut, id) = (CancellationToken::new(), WorkerId::generate());
        let shared = Shared { id, store, clock, staff, dispatch, stop: stop.clone(), cut };
        Self {
            shared: Arc::new(shared),
            tasks: TaskTracker::new(),
            places: Lane::ALL.map(|lane| (lane, Arc::new(Semaphore::new(PLACES)))),
            stop,
            traces: Traces::default(),
        }
    }

    /// The same, with a span for each attempt.
    #[must_use]
    pub fn traced(self, traces: Traces) -> Self {
        Self { traces, ..self }
    }

    /// Runs until the stop. Jobs that have been begun go on if this is dropped.
    pub async fn run(&self) {
        // Who waits for the jobs waits for this as well: it may have claimed one.
        let _running = self.tasks.token();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watch = ClockWatch::new(self.shared.clock.now());
        let mut failing = false;
        while !self.stop.is_cancelled() {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.shared.dispatch.called() => {}
                _ = ticks.tick() => {}
            }
            let looked = self.look(&mut watch).await;
            if let Err(error) = &looked
                && !failing
            {
                // Once, not every second.
                tracing::error!(%error, "jobs cannot be claimed, trying again");
            }
            failing = looked.is_err();
        }
    }

    /// Takes as many due jobs as there are places.
    async fn look(&self, watch: &mut ClockWatch) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        let judges_leases = watch.is_steady(now);
        let claiming = Claiming { worker: self.shared.id, now, judges_leases };
        if judges_leases {
            let dead = self.shared.store.bury_jobs(&claiming).await?;
            if dead > 0 {
                tracing::error!(dead, "jobs whose workers disappeared again and again have been given up");
            }
        }
        for (lane, places) in &self.places {
            while !self.stop.is_cancelled() {
                let Ok(place) = places.clone().try_acquire_owned() else { break };
                let Some(claim) = self.shared.store.claim_job(&claiming, *lane).await? else { break };
                self.begin(*lane, claim, place);
            }
        }
        Ok(())
    }

    fn begin(&self, lane: Lane, claim: Claim, place: OwnedSemaphorePermit) {
        let (shared, traces) = (Arc::clone(&self.shared), self.traces.clone());
        let held = shared.dispatch.hold(claim.hold.job, claim.hold.attempt);
        self.tasks.spawn(async move {
            let piece = traces.job(lane.code(), claim.hold.attempt);
            let ended = piece.around(shared.attempt(&claim, &held)).await;
            piece.ended(word(ended), ended != Ended::Broken);
            drop(piece);
            shared.report(&claim, ended).await;
            drop((held, place));
            // There is a place again, and perhaps a job of this user that waited for it.
            shared.dispatch.call();
        });
    }

    /// Waits until the jobs of this process have ended or are given back; those whose call takes too long, or
    /// all of them after `now`, are dropped where they are.
    pub async fn drain(&self, now: &CancellationToken) {
        self.stop.cancel();
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => return,
            () = now.cancelled() => {}
            () = tokio::time::sleep(FAREWELL) => {}
        }
        self.shared.cut.cancel();
        self.tasks.wait().await;
    }
}

impl Shared {
    /// One attempt, from the claim to its end or the loss of the hold.
    async fn attempt(&self, claim: &Claim, held: &Held) -> Ended {
        let stops = Stops { owner: held.stopped(), server: self.stop.clone() };
        let work = AssertUnwindSafe(self.work(claim, stops)).catch_unwind();
        tokio::select! {
            biased;
            () = self.cut.cancelled() => Ended::Interrupted,
            done = tokio::time::timeout(PATIENCE, work) => match done {
                Ok(Ok(ended)) => ended,
                Ok(Err(_)) => {
                    tracing::error!(job = %claim.hold.job, "a job panicked");
                    Ended::Broken
                }
                Err(_) => {
                    tracing::error!(job = %claim.hold.job, "a job took too long");
                    Ended::Broken
                }
            },
            () = self.until_lost(claim.hold, held) => Ended::Fenced,
        }
    }

    async fn work(&self, claim: &Claim, stops: Stops) -> Ended {
        match &claim.work {
            Some(work) if work.job() != claim.hold.job => {
                tracing::error!(job = %claim.hold.job, "a job names something else");
                Ended::Broken
            }
            Some(work) => self.staff.work(work, claim.hold, stops).await,
            None => {
                tracing::error!(job = %claim.hold.job, "a job cannot be read");
                Ended::Broken
            }
        }
    }

    /// Keeps the hold for as long as the database lets it; returns when it is lost.
    async fn until_lost(&self, hold: Hold, held: &Held) {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(LEASE / 3).await;
            match self.store.renew_job(hold, self.clock.now().plus(LEASE)).await {
                Ok(true) => renewed = Instant::now(),
                // Its owner's stop is the job's own affair: it still looks what is left.
                Ok(false) if held.stopped().is_cancelled() => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, job = %hold.job, "a lease could not be renewed");
                    // Somebody else may hold it by now.
                    if renewed.elapsed() >= LEASE {
                        return;
                    }
                }
            }
        }
    }

    /// Writes down how an attempt ended.
    async fn report(&self, claim: &Claim, ended: Ended) {
        let Hold { job, attempt, .. } = claim.hold;
        let mut pause = BETWEEN_WRITES;
        for _ in 0..WRITES {
            match self.write(claim, ended).await {
                Ok(true) => return,
                Ok(false) => {
                    return tracing::warn!(%job, attempt, "fenced off; somebody else has the job or ended it");
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, %job, "a job's state could not be written down, trying again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(error) => return tracing::error!(%error, %job, "a job's state could not be written down"),
            }
        }
        tracing::error!(%job, "a job's state could not be written down; its lease will end");
    }

    /// Answers whether the job was still held.
    async fn write(&self, claim: &Claim, ended: Ended) -> Result<bool, StoreError> {
        let now = self.clock.now();
        match ended {
            Ended::Finished => Ok(true),
            Ended::Fenced => Ok(false),
            Ended::Interrupted => self.store.release_job(claim.hold, now).await,
            Ended::Broken => {
                let wait = wait_after(claim.failures.saturating_add(1), jitter());
                let state = self.store.fail_job(claim.hold, now.plus(wait), now).await?;
                if state == Some(JobState::Dead) {
                    tracing::error!(job = %claim.hold.job, "a job broke down too often and has been given up");
                }
                Ok(state.is_some())
            }
        }
    }
}

/// How an attempt ended, for its span.
const fn word(ended: Ended) -> &'static str {
    match ended {
        Ended::Finished => "finished",
        Ended::Interrupted => "interrupted",
        Ended::Fenced => "fenced",
        Ended::Broken => "broken",
    }
}

/// Notices when the clock is set. Just afterwards no lease counts as over: those who hold one renew it within a
/// third of its time, by clocks that cannot be set.
struct ClockWatch {
    seen: Timestamp,
    at: Instant,
    unsteady_until: Option<Instant>,
}

impl ClockWatch {
    fn new(now: Timestamp) -> Self {
        Self { seen: now, at: Instant::now(), unsteady_until: None }
    }

    /// Whether the clock runs as it should for the time of a lease.
    fn is_steady(&mut self, now: Timestamp) -> bool {
        let here = Instant::now();
        let expected = self.seen.plus(here.duration_since(self.at));
        let off = now.since(expected).max(expected.since(now));
        (self.seen, self.at) = (now, here);
        if off > LEASE / 3 {
            tracing::warn!(seconds = off.as_secs(), "the clock was set; leases count again after their time");
            self.unsteady_until = Some(here + LEASE);
        }
        self.unsteady_until.is_none_or(|until| until <= here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_either_way_is_noticed() {
        let start = Timestamp::from_seconds(1_795_000_000);
        let day = Duration::from_secs(86_400);
        for set in [start.plus(day), start.minus(day)] {
            let mut watch = ClockWatch::new(start);
            assert!(watch.is_steady(start));
            assert!(!watch.is_steady(set));
            assert!(!watch.is_steady(set), "not for the time of a lease");
            watch.unsteady_until = Some(Instant::now());
            assert!(watch.is_steady(set));
        }
    }
}
