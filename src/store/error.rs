//! What can go wrong in the database.

/// A failure of the database. Its text names tables and codes, never bound values.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused, or could not be reached.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    /// The schema is not the one this version knows.
    #[error("schema: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row holds a word that this version does not know.
    #[error("the column {column} holds an unknown word")]
    UnknownWord {
        /// The column.
        column: &'static str,
    },
    /// Something with this name exists.
    #[error("it exists already")]
    Duplicate,
    /// The audit key refused its work.
    #[error("audit chain: {0}")]
    Audit(&'static str),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) if cause.is_unique_violation() => Self::Duplicate,
            _ => Self::Database(error),
        }
    }
}

impl StoreError {
    /// Whether the database was too busy or away, so that the same request may succeed in a moment.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::PoolClosed) => true,
            Self::Database(sqlx::Error::Database(cause)) => {
                // SQLITE_BUSY and SQLITE_LOCKED; PostgreSQL's classes "connection exception",
                // "transaction rollback" and "operator intervention".
                cause.code().is_some_and(|code| {
                    matches!(&*code, "5" | "6" | "261" | "517")
                        || ["08", "40", "57"].iter().any(|class| code.len() == 5 && code.starts_with(class))
                })
            }
            _ => false,
        }
    }
}
