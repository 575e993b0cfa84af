//! A database of its own for each test, and a way to look and meddle behind Keyward's back.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use keyward::store::Store;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub fn postgres_is_given() -> bool {
        std::env::var_os("KEYWARD_TEST_POSTGRES").is_some()
    }
}

/// Works on a connection of the test's engine, closed at once, so that nothing is written later.
macro_rules! on_either {
    ($sql:ident, |$connection:ident| $work:expr) => {
        match $sql.engine {
            Engine::Sqlite => on_either!(SqliteConnection, $sql, $connection, $work),
            Engine::Postgres => on_either!(PgConnection, $sql, $connection, $work),
        }
    };
    ($type:ident, $sql:ident, $connection:ident, $work:expr) => {{
        $sql.settle().await;
        let mut $connection = $type::connect(&$sql.url).await.unwrap();
        let answer = $work;
        $connection.close().await.unwrap();
        answer
    }};
}

/// A test's database.
pub struct Sql {
    pub engine: Engine,
    pub url: String,
    /// What may hold back calls that are yet to be written to the ledger.
    store: Mutex<Option<Store>>,
}

impl Sql {
    /// The database at this address.
    pub fn at(engine: Engine, url: String) -> Self {
        Self { engine, url, store: Mutex::default() }
    }

    /// Looks at the database as `store` does, which has its ledger up to date.
    pub fn follow(&self, store: Store) {
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Some(store);
    }

    async fn settle(&self) {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // One that is closed has written everything before.
        if let Some(store) = store {
            let _ = store.write_usage().await;
        }
    }

    pub async fn new(engine: Engine, dir: &Path) -> Self {
        let url = match engine {
            Engine::Sqlite => format!("sqlite:{}/keyward.db", dir.display()),
            Engine::Postgres => {
                let server = std::env::var("KEYWARD_TEST_POSTGRES").unwrap();
                let name = format!("keyward_{}", uuid::Uuid::now_v7().simple());
                let mut connection = PgConnection::connect(&server).await.unwrap();
                connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
                let mut url = url::Url::parse(&server).unwrap();
                url.set_path(&name);
                url.to_string()
            }
        };
        Self::at(engine, url)
    }

    /// Runs a statement; answers how many rows it changed.
    pub async fn execute(&self, statement: &str) -> u64 {
        on_either!(self, |it| it.execute(AssertSqlSafe(statement.to_owned())).await.unwrap().rows_affected())
    }

    /// The first column of the first row, a whole number.
    pub async fn number(&self, query: &str) -> i64 {
        on_either!(self, |it| it.fetch_one(AssertSqlSafe(query.to_owned())).await.unwrap().get(0))
    }

    /// The first column of the first row, a text.
    pub async fn text(&self, query: &str) -> String {
        on_either!(self, |it| it.fetch_one(AssertSqlSafe(query.to_owned())).await.unwrap().get(0))
    }

    /// Every table of a PostgreSQL database: its name, and its rows as text. A row that was written again differs,
    /// even if it holds the same.
    pub async fn dump(&self) -> Vec<(String, Vec<u8>)> {
        assert_eq!(self.engine, Engine::Postgres, "on SQLite, the file says it all");
        let tables =
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
        let mut dump = Vec::new();
        for name in self.blobs(&format!("SELECT convert_to(t, 'UTF8') FROM ({tables}) AS names (t)")).await {
            let name = String::from_utf8(name).unwrap();
            let rows = format!(
                "SELECT convert_to(t.xmin::text || ' ' || t::text, 'UTF8') FROM \"{name}\" t ORDER BY 1"
            );
            let rows = self.blobs(&rows).await.join(&b'\n');
            dump.push((name, rows));
        }
        dump
    }

    /// The first column of all rows, as bytes.
    pub async fn blobs(&self, query: &str) -> Vec<Vec<u8>> {
        on_either!(self, |it| {
            let rows = it.fetch_all(AssertSqlSafe(query.to_owned())).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        })
    }
}

/// Bytes as a literal of either engine.
pub fn literal(engine: Engine, bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match engine {
        Engine::Sqlite => format!("x'{hex}'"),
        Engine::Postgres => format!("'\\x{hex}'::bytea"),
    }
}
