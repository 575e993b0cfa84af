//! The same statement on either engine. Texts are literals: sqlx takes nothing else.

use sqlx::{PgPool, SqlitePool};

use super::readers::Readers;

/// Connections to either engine; those of SQLite either write or read.
pub(super) enum Pool<'a> {
    Sqlite(&'a SqlitePool),
    Readers(&'a Readers),
    Postgres(&'a PgPool),
}

/// Runs a query on a reading connection of SQLite.
macro_rules! read {
    ($readers:expr, $method:ident, $query:expr) => {
        match $readers.take().await {
            Ok(mut reader) => {
                let answer = match reader.connection() {
                    Ok(connection) => $query.$method(connection).await,
                    Err(error) => Err(error),
                };
                reader.done(answer)
            }
            Err(error) => Err(error),
        }
    };
}

macro_rules! fetch {
    ($method:ident, $pool:expr, $row:ty, $sql:expr $(, $bind:expr)*) => {
        match $pool {
            $crate::store::sql::Pool::Readers(readers) => {
                $crate::store::sql::read!(readers, $method, sqlx::query_as::<_, $row>($sql)$(.bind($bind))*)
            }
            $crate::store::sql::Pool::Sqlite(pool) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.$method(pool).await
            }
            $crate::store::sql::Pool::Postgres(pool) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.$method(pool).await
            }
        }
    };
}

/// One row.
macro_rules! fetch_one {
    ($pool:expr, $row:ty, $($rest:tt)*) => { $crate::store::sql::fetch!(fetch_one, $pool, $row, $($rest)*) };
}

/// One row or none.
macro_rules! fetch_optional {
    ($pool:expr, $row:ty, $($rest:tt)*) => { $crate::store::sql::fetch!(fetch_optional, $pool, $row, $($rest)*) };
}

/// All rows.
macro_rules! fetch_all {
    ($pool:expr, $row:ty, $($rest:tt)*) => { $crate::store::sql::fetch!(fetch_all, $pool, $row, $($rest)*) };
}

/// The number of rows that a statement changed.
macro_rules! execute {
    ($pool:expr, $sql:expr $(, $bind:expr)*) => {
        match $pool {
            // Refused by the connection, which only reads.
            $crate::store::sql::Pool::Readers(readers) => {
                $crate::store::sql::read!(readers, execute, sqlx::query($sql)$(.bind($bind))*)
                    .map(|done| done.rows_affected())
            }
            $crate::store::sql::Pool::Sqlite(pool) => {
                sqlx::query($sql)$(.bind($bind))*.execute(pool).await.map(|done| done.rows_affected())
            }
            $crate::store::sql::Pool::Postgres(pool) => {
                sqlx::query($sql)$(.bind($bind))*.execute(pool).await.map(|done| done.rows_affected())
            }
        }
    };
}

/// One row or none, inside a transaction.
macro_rules! tx_fetch_optional {
    ($tx:expr, $row:ty, $sql:expr $(, $bind:expr)*) => {
        match &mut ($tx).on {
            $crate::store::TxOn::Sqlite(tx) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_optional(&mut **tx).await
            }
            $crate::store::TxOn::Postgres(tx) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_optional(&mut **tx).await
            }
        }
    };
}

/// All rows, inside a transaction.
macro_rules! tx_fetch_all {
    ($tx:expr, $row:ty, $sql:expr $(, $bind:expr)*) => {
        match &mut ($tx).on {
            $crate::store::TxOn::Sqlite(tx) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_all(&mut **tx).await
            }
            $crate::store::TxOn::Postgres(tx) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.fetch_all(&mut **tx).await
            }
        }
    };
}

/// The number of rows that a statement changed, inside a transaction.
macro_rules! tx_execute {
    ($tx:expr, $sql:expr $(, $bind:expr)*) => {
        match &mut ($tx).on {
            $crate::store::TxOn::Sqlite(tx) => {
                sqlx::query($sql)$(.bind($bind))*.execute(&mut **tx).await.map(|done| done.rows_affected())
            }
            $crate::store::TxOn::Postgres(tx) => {
                sqlx::query($sql)$(.bind($bind))*.execute(&mut **tx).await.map(|done| done.rows_affected())
            }
        }
    };
}

pub(super) use {
    execute, fetch, fetch_all, fetch_one, fetch_optional, read, tx_execute, tx_fetch_all, tx_fetch_optional,
};
