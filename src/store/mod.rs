//! The database: SQLite or PostgreSQL behind one set of methods.
//!
//! One statement serves both engines; a pair exists only where they differ. Rows are private to the
//! file that reads them. A transaction is a method named after the use case, never a handle passed
//! upward. Every statement on a user's data carries the owner's id; the few that do not, because the
//! scheduler or the operator looks across owners, are in [`scheduler`] and [`operator`].

mod audit;
mod batches;
mod call_reports;
mod call_runs;
mod calls;
mod deks;
mod error;
mod events;
mod installation;
mod jobs;
mod key_checks;
mod key_rows;
mod key_schedule;
mod keys;
mod limits;
mod notice_channels;
mod notice_log;
mod notice_messages;
mod notices;
pub mod operator;
mod orders;
mod outages;
mod quotas;
mod readers;
mod results;
mod saved;
pub mod scheduler;
mod search_runs;
mod searches;
mod sessions;
mod sql;
mod tokens;
mod usage;
mod usage_costs;
mod usage_queue;
mod usage_sums;
mod users;
mod voice_clones;

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Notify;

use self::{readers::Readers, usage_queue::UsageQueue};
pub use audit::SecurityEvent;
pub use call_reports::{CallSecrets, Effect, Heard, WebhookSecretRow};
pub use call_runs::{Answered, CallRun, Next, Sending, Turn};
pub use calls::NewCall;
pub use error::StoreError;
pub use events::Position;
pub use installation::{Installation, InstanceSecret};
pub use jobs::{Claim, Hold};
pub use key_rows::{CheckResult, KeyRow, NewKey, Replacement, WebhookCopy};
pub use notice_channels::{NewChannel, SealedChannel};
pub use notice_log::{MessageContent, ToldNotice};
pub use notice_messages::{Attempted, TOGETHER_MAX, TakenMessage};
pub use notices::{About, NoticeRow};
pub use orders::{Order, Taken};
pub use quotas::QuotaSeries;
pub use saved::Kept;
pub use scheduler::{Claiming, HourOfUse};
pub use search_runs::{End, FoundPlace, PageOfResults, SearchRun};
pub use searches::NewSearch;
pub use sessions::{Means, NewSession, Principal, SessionRow, Standing};
pub use tokens::NewToken;
pub use usage::{NO_FAILURES, UsageCell, UsageRow};
pub use usage_costs::CostRow;
pub use usage_sums::AnsweredRow;
pub use users::{NewUser, Role, UserRow};

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// Called when a transaction with an event was committed here.
    news: Arc<Notify>,
    /// Calls that are yet to be written.
    usage: Arc<UsageQueue>,
}

#[derive(Debug, Clone)]
enum Db {
    /// One connection writes, so that writers queue in order instead of polling for the lock.
    Sqlite {
        read: Arc<Readers>,
        write: SqlitePool,
    },
    Postgres(PgPool),
}

/// A transaction; dropped without a commit, it is rolled back.
struct Tx {
    on: TxOn,
    /// Called after the commit, once an event was written.
    news: Arc<Notify>,
    told: bool,
}

enum TxOn {
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

static SQLITE_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

impl Store {
    /// Opens `sqlite:PATH` (made if missing) or `postgres://…`. Changes nothing in it.
    pub async fn open(database_url: &str) -> Result<Self, StoreError> {
        let db = if database_url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(database_url)?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(5))
                .foreign_keys(true)
                // Deleted secrets leave the file, not only the index.
                .pragma("secure_delete", "ON");
            // First the writer: it makes the file, which does not hang up, so nobody asks whether it lives.
            let write = SqlitePoolOptions::new().test_before_acquire(false).max_connections(1);
            let write = write.connect_with(options.clone()).await?;
            let read = Readers::open(options.read_only(true)).await?;
            Db::Sqlite { read: Arc::new(read), write }
        } else {
            let options = PgConnectOptions::from_str(database_url)?;
            let pool = PgPoolOptions::new()
                .max_connections(16)
                .acquire_timeout(Duration::from_secs(5))
                // A process that is frozen in a transaction must not hold its locks against all others.
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        let limit = "SET idle_in_transaction_session_timeout = '10s'";
                        sqlx::query(limit).execute(connection).await.map(drop)
                    })
                });
            Db::Postgres(pool.connect_with(options).await?)
        };
        Ok(Self { db, news: Arc::default(), usage: Arc::default() })
    }

    /// Brings the schema up to date. Refuses a database that a newer version has changed.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.db {
            Db::Sqlite { write, .. } => SQLITE_MIGRATIONS.run(write).await?,
            Db::Postgres(pool) => POSTGRES_MIGRATIONS.run(pool).await?,
        }
        Ok(())
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sql::fetch_one!(self.reader(), (i64,), "SELECT CAST(1 AS BIGINT)")?;
        Ok(())
    }

    /// Writes what waits to be written, then ends the connections; the write-ahead log is folded into the file.
    pub async fn close(&self) {
        if let Err(error) = self.write_usage().await {
            tracing::error!(%error, "the last calls could not be written to the usage ledger");
        }
        match &self.db {
            Db::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }

    fn is_closed(&self) -> bool {
        match &self.db {
            Db::Sqlite { write, .. } => write.is_closed(),
            Db::Postgres(pool) => pool.is_closed(),
        }
    }

    fn reader(&self) -> sql::Pool<'_> {
        match &self.db {
            Db::Sqlite { read, .. } => sql::Pool::Readers(read),
            Db::Postgres(pool) => sql::Pool::Postgres(pool),
        }
    }

    fn writer(&self) -> sql::Pool<'_> {
        match &self.db {
            Db::Sqlite { write, .. } => sql::Pool::Sqlite(write),
            Db::Postgres(pool) => sql::Pool::Postgres(pool),
        }
    }

    async fn begin(&self) -> Result<Tx, StoreError> {
        let on = match &self.db {
            // A deferred transaction that reads before it writes fails at once when another one wrote.
            Db::Sqlite { write, .. } => TxOn::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Db::Postgres(pool) => TxOn::Postgres(pool.begin().await?),
        };
        Ok(Tx { on, news: Arc::clone(&self.news), told: false })
    }
}

impl Tx {
    async fn commit(self) -> Result<(), StoreError> {
        match self.on {
            TxOn::Sqlite(tx) => tx.commit().await?,
            TxOn::Postgres(tx) => tx.commit().await?,
        }
        if self.told {
            self.news.notify_one();
        }
        Ok(())
    }
}
