//! The connections that read SQLite.
//!
//! sqlx's own pool asks each connection that comes back whether it lives: a task, and a second hand-over to the
//! connection's thread, about as much as a small query itself. A file does not hang up, so that is spared.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// Connections at the most.
const PLACES: u32 = 8;
/// How long to wait for one.
const PATIENCE: Duration = Duration::from_secs(30);

/// The connections. They are made when they are needed, and stay.
#[derive(Debug)]
pub(super) struct Readers {
    options: SqliteConnectOptions,
    places: Semaphore,
    /// The one that was used last is used next: its cache is warm, and fewer threads wake up.
    idle: Mutex<Vec<SqliteConnection>>,
}

/// A connection, lent for one statement. Dropped in the middle of it, it goes back all the same: its thread ends
/// the statement before it takes the next.
pub(super) struct Reader<'a> {
    readers: &'a Readers,
    connection: Option<SqliteConnection>,
    _place: SemaphorePermit<'a>,
}

impl Readers {
    /// Opens the first connection.
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let first = SqliteConnection::connect_with(&options).await?;
        Ok(Self { options, places: Semaphore::new(PLACES as usize), idle: Mutex::new(vec![first]) })
    }

    /// Waits for a connection.
    pub(super) async fn take(&self) -> Result<Reader<'_>, sqlx::Error> {
        let place = timeout(PATIENCE, self.places.acquire()).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let place = place.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options).await?,
        };
        Ok(Reader { readers: self, connection: Some(connection), _place: place })
    }

    /// Waits for what is being read, and ends the connections.
    pub(super) async fn close(&self) {
        let Ok(_all) = self.places.acquire_many(PLACES).await else { return };
        self.places.close();
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            // Nothing is in it that could be lost.
            let _ = connection.close().await;
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader<'_> {
    /// The connection.
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)
    }

    /// Hands `answer` through, and gives the connection back unless its thread has ended.
    pub(super) fn done<T>(mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if matches!(answer, Err(sqlx::Error::WorkerCrashed)) {
            self.connection = None;
        }
        answer
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.readers.idle().push(connection);
        }
    }
}
