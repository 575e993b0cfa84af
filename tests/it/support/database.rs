//! A database of its own for each test, and a way to look and meddle behind Keyward's back.

use std::path::Path;

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

/// A test's database.
pub struct Sql {
    pub engine: Engine,
    pub url: String,
}

impl Sql {
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
        Self { engine, url }
    }

    /// Runs a statement; answers how many rows it changed.
    pub async fn execute(&self, statement: &str) -> u64 {
        let statement = AssertSqlSafe(statement.to_owned());
        match self.engine {
            Engine::Sqlite => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                let answer = connection.execute(statement).await.unwrap().rows_affected();
                // Here and now, so that nothing is written later.
                connection.close().await.unwrap();
                answer
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                let answer = connection.execute(statement).await.unwrap().rows_affected();
                // Here and now, so that nothing is written later.
                connection.close().await.unwrap();
                answer
            }
        }
    }

    /// The first column of the first row, a whole number.
    pub async fn number(&self, query: &str) -> i64 {
        let query = AssertSqlSafe(query.to_owned());
        match self.engine {
            Engine::Sqlite => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                let answer = connection.fetch_one(query).await.unwrap().get(0);
                // Here and now, so that nothing is written later.
                connection.close().await.unwrap();
                answer
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                let answer = connection.fetch_one(query).await.unwrap().get(0);
                // Here and now, so that nothing is written later.
                connection.close().await.unwrap();
                answer
            }
        }
    }

    /// The first column of the first row, a text.
    pub async fn text(&self, query: &str) -> String {
        let query = AssertSqlSafe(query.to_owned());
        match self.engine {
            Engine::Sqlite => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                let answer = connection.fetch_one(query).await.unwrap().get(0);
                // Here and now, so that nothing is written later.
                connection.close().await.unwrap();
                answer
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                let answer = connection.fetch_one(query).await.unwrap().get(0);
                // Here and now, so that nothing is written later.
                connection.close().await.unwrap();
                answer
            }
        }
    }

    /// The first column of all rows, as bytes.
    pub async fn blobs(&self, query: &str) -> Vec<Vec<u8>> {
        let query = AssertSqlSafe(query.to_owned());
        match self.engine {
            Engine::Sqlite => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                let answer =
                    connection.fetch_all(query).await.unwrap().iter().map(|row| row.get(0)).collect();
                // Here and now, so that nothing is written later.
                connection.close().await.unwrap();
                answer
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                let answer =
                    connection.fetch_all(query).await.unwrap().iter().map(|row| row.get(0)).collect();
                // Here and now, so that nothing is written later.
                connection.close().await.unwrap();
                answer
            }
        }
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
