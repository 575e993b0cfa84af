//! Figures that take long to read, kept for a while.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Mutex as Turn;

use crate::{
    account::internal,
    clock::Clock,
    model::{
        error::{AppError, ErrorCode},
        time::Timestamp,
    },
    store::StoreError,
};

/// Figures are read again after this long, or after many times what reading them took.
const KEPT: Duration = Duration::from_secs(60);
const TIMES: u32 = 20;

/// Figures of one kind, once they were read.
pub(super) struct Shelf<T> {
    kept: Mutex<Option<Kept<T>>>,
    /// Of several who ask at once, one reads.
    turn: Turn<()>,
}

/// Figures, and when they were read.
pub(super) struct Kept<T> {
    pub(super) figures: Arc<T>,
    at: Timestamp,
    until: Timestamp,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { figures: Arc::clone(&self.figures), at: self.at, until: self.until }
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { kept: Mutex::new(None), turn: Turn::new(()) }
    }
}

impl<T> Shelf<T> {
    fn kept(&self) -> MutexGuard<'_, Option<Kept<T>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was read last, however long ago.
    pub(super) fn last(&self) -> Option<Kept<T>> {
        self.kept().clone()
    }

    /// The same, if it is not too old. A clock that was set back must not keep it for good.
    fn fresh(&self, now: Timestamp) -> Option<(Arc<T>, Timestamp)> {
        let kept = self.last().filter(|kept| kept.at <= now && now < kept.until)?;
        Some((kept.figures, kept.at))
    }
}

/// What is kept, unless it is too old; else what `read` answers, and when. It is read to its end also when nobody waits for
/// it any more, so that whoever asks next has it.
pub(super) async fn kept<T: Send + Sync + 'static>(
    shelf: &Arc<Shelf<T>>,
    clock: &Arc<dyn Clock>,
    read: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<(Arc<T>, Timestamp), AppError> {
    if let Some(fresh) = shelf.fresh(clock.now()) {
        return Ok(fresh);
    }
    let (shelf, clock) = (Arc::clone(shelf), Arc::clone(clock));
    let reading = tokio::spawn(async move {
        let _turn = shelf.turn.lock().await;
        let now = clock.now();
        if let Some(fresh) = shelf.fresh(now) {
            return Ok(fresh);
        }
        let begin = Instant::now();
        let figures = Arc::new(read.await.map_err(|e| internal(&e))?);
        let until = now.plus(KEPT.max(begin.elapsed() * TIMES));
        *shelf.kept() = Some(Kept { figures: Arc::clone(&figures), at: now, until });
        Ok((figures, now))
    });
    reading.await.unwrap_or_else(|error| {
        tracing::error!(%error, "reading figures over all users broke down");
        Err(AppError::new(ErrorCode::Internal))
    })
}
