//! An installation with many users.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use keyward::{
    clock::{Clock, SystemClock},
    config::{Config, Purpose, SiteDefaults, read_secret_file},
    model::ids::UserId,
    server::boot::{self, Installation},
};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The server on which databases may be made.
const POSTGRES: &str = "KEYWARD_TEST_POSTGRES";

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    pub(crate) fn is_given(self) -> bool {
        self == Self::Sqlite || std::env::var_os(POSTGRES).is_some()
    }
}

/// An installation whose users each have a session and six valid keys.
pub(crate) struct Seeded {
    dir: TempDir,
    database: String,
}

impl Seeded {
    pub(crate) async fn new(engine: Engine, users: u64) -> Self {
        println!("Seeding {users} users with 6 keys each on {}…", engine.name());
        let dir = tempfile::tempdir().unwrap();
        let database = match engine {
            Engine::Sqlite => format!("sqlite:{}/keyward.db", dir.path().display()),
            Engine::Postgres => new_database().await,
        };
        let seeded = Self { dir, database };
        seeded.install().await.state.store.close().await;
        match engine {
            Engine::Sqlite => seeded.fill_sqlite(users).await,
            Engine::Postgres => seeded.fill_postgres(users).await,
        }
        seeded
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The token of the session of user number `user`.
    pub(crate) fn token(user: u64) -> String {
        format!("{user:0>43}")
    }

    pub(crate) async fn install(&self) -> Installation {
        let variables = BTreeMap::from([
            ("DATABASE_URL".to_owned(), self.database.clone()),
            ("KEYWARD_DATA_DIR".to_owned(), self.dir.path().display().to_string()),
        ]);
        let site = SiteDefaults { addr: ([127, 0, 0, 1], 3000).into(), root: "target/site".into() };
        let config = Config::read(&variables, read_secret_file, Purpose::Production, site).unwrap();
        boot::install(&config, Purpose::Production, clock(), CancellationToken::new()).await.unwrap()
    }

    /// The id of user number `user`.
    pub(crate) async fn user(&self, user: u64) -> UserId {
        let id = "SELECT id FROM users WHERE email = $1";
        let id: Uuid = if self.database.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.database).await.unwrap();
            sqlx::query_scalar(id).bind(email(user)).fetch_one(&mut connection).await.unwrap()
        } else {
            let mut connection = PgConnection::connect(&self.database).await.unwrap();
            sqlx::query_scalar(id).bind(email(user)).fetch_one(&mut connection).await.unwrap()
        };
        UserId(id)
    }

    /// What hourly checks of the keys of `user` told of their quotas for 90 days, up to `now`.
    pub(crate) async fn quotas(&self, user: UserId, now: i64) {
        let sql = "WITH RECURSIVE hours (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM hours WHERE n < 2159)
             INSERT INTO quota_points (user_id, key_id, version, at, unit, used, units_max, resets_at)
             SELECT user_id, id, credential_version, $1 - n * 3600000000, 'searches', 2160 - n, 9000, NULL
             FROM user_api_keys CROSS JOIN hours WHERE user_id = $2";
        let written = if self.database.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.database).await.unwrap();
            sqlx::query(sql).bind(now).bind(user.0).execute(&mut connection).await.unwrap().rows_affected()
        } else {
            let mut connection = PgConnection::connect(&self.database).await.unwrap();
            sqlx::query(sql).bind(now).bind(user.0).execute(&mut connection).await.unwrap().rows_affected()
        };
        assert_eq!(written, 6 * 2_160);
    }

    /// So many keys become due.
    pub(crate) async fn make_due(&self, keys: u64) {
        let due = format!(
            "UPDATE user_api_keys SET next_check_at = 0 WHERE id IN (SELECT id FROM user_api_keys LIMIT {keys})"
        );
        if self.database.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.database).await.unwrap();
            connection.execute(AssertSqlSafe(due)).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.database).await.unwrap();
            connection.execute(AssertSqlSafe(due)).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    async fn fill_sqlite(&self, users: u64) {
        let (now, later) = times();
        let mut connection = SqliteConnection::connect(&self.database).await.unwrap();
        let mut tx = connection.begin().await.unwrap();
        for n in 0..users {
            let user = Uuid::now_v7();
            sqlx::query(
                "INSERT INTO users (id, email, password_hash, role, plan, epoch, disabled, created_at, updated_at)
                 VALUES ($1, $2, 'x', 'user', 'free', 0, 0, $3, $3)",
            )
            .bind(user)
            .bind(email(n))
            .bind(now)
            .execute(&mut *tx)
            .await
            .unwrap();
            sqlx::query(
                "INSERT INTO sessions (id, user_id, token_hash, epoch, user_agent, address, created_at, last_seen_at, expires_at)
                 VALUES ($1, $2, $3, 0, '', '', $4, $4, $5)",
            )
            .bind(Uuid::now_v7())
            .bind(user)
            .bind(token_hash(n))
            .bind(now)
            .bind(later)
            .execute(&mut *tx)
            .await
            .unwrap();
        }
        sqlx::query(
            "INSERT INTO user_api_keys (id, user_id, provider, encrypted_key, dek_id, config, metadata, hint, status,
                undecryptable, is_active, last_validated, next_check_at, check_step, revision, credential_version,
                created_at, updated_at)
             SELECT randomblob(16), u.id, p.value, zeroblob(220), (SELECT id FROM deks LIMIT 1), '{}', $1, '…0001',
                'valid', 0, 1, $2, $3, 0, 1, 1, $2, $2
             FROM users u CROSS JOIN json_each('[\"serpapi\",\"twilio\",\"elevenlabs\",\"openai\",\"anthropic\",\"google_ai\"]') p",
        )
        .bind(METADATA)
        .bind(now)
        .bind(later)
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
        connection.close().await.unwrap();
    }

    async fn fill_postgres(&self, users: u64) {
        let (now, later) = times();
        let mut connection = PgConnection::connect(&self.database).await.unwrap();
        let ids: Vec<Uuid> = (0..users).map(|_| Uuid::now_v7()).collect();
        sqlx::query(
            "INSERT INTO users (id, email, password_hash, role, plan, epoch, disabled, created_at, updated_at)
             SELECT id, email, 'x', 'user', 'free', 0, false, $3, $3
             FROM unnest($1::uuid[], $2::text[]) AS u (id, email)",
        )
        .bind(&ids)
        .bind((0..users).map(email).collect::<Vec<_>>())
        .bind(now)
        .execute(&mut connection)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO sessions (id, user_id, token_hash, epoch, user_agent, address, created_at, last_seen_at, expires_at)
             SELECT gen_random_uuid(), user_id, token_hash, 0, '', '', $3, $3, $4
             FROM unnest($1::uuid[], $2::bytea[]) AS s (user_id, token_hash)",
        )
        .bind(&ids)
        .bind((0..users).map(token_hash).collect::<Vec<_>>())
        .bind(now)
        .bind(later)
        .execute(&mut connection)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO user_api_keys (id, user_id, provider, encrypted_key, dek_id, config, metadata, hint, status,
                undecryptable, is_active, last_validated, next_check_at, check_step, revision, credential_version,
                created_at, updated_at)
             SELECT gen_random_uuid(), u.id, p, decode(repeat('00', 220), 'hex'), (SELECT id FROM deks LIMIT 1), '{}',
                $1::jsonb, '…0001', 'valid', false, true, $2, $3, 0, 1, 1, $2, $2
             FROM users u CROSS JOIN
                unnest(ARRAY['serpapi', 'twilio', 'elevenlabs', 'openai', 'anthropic', 'google_ai']) AS p",
        )
        .bind(METADATA)
        .bind(now)
        .bind(later)
        .execute(&mut connection)
        .await
        .unwrap();
        connection.execute("VACUUM ANALYZE").await.unwrap();
        connection.close().await.unwrap();
    }
}

const METADATA: &str = r#"{"account":"a…@example.org","plan":"Starter","quota":{"used":42,"limit":1000,"unit":"searches","resets_at":null},"capabilities":{},"facts":{}}"#;

fn email(n: u64) -> String {
    format!("user{n}@example.org")
}

fn token_hash(n: u64) -> Vec<u8> {
    Sha256::digest(Seeded::token(n)).to_vec()
}

/// Now, and tomorrow, when sessions end and checks are due.
fn times() -> (i64, i64) {
    let now = clock().now().0;
    (now, now + 1_000_000 * 3600 * 24)
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

async fn new_database() -> String {
    let server = std::env::var(POSTGRES).unwrap();
    let name = format!("keyward_bench_{}", Uuid::now_v7().simple());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let mut address = url::Url::parse(&server).unwrap();
    address.set_path(&name);
    address.into()
}
