//! A database with many users, and the program over it: time to the first answer, idle memory.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use keyward::{
    config::{Config, Purpose, SiteDefaults, read_secret_file},
    server::boot::{self, Installation},
};
use sha2::{Digest, Sha256};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Row, decision::clock};

const PROVIDERS: [&str; 6] = ["serpapi", "twilio", "elevenlabs", "openai", "anthropic", "google_ai"];

/// An installation whose users each have a session and six valid keys.
pub(crate) struct Seeded {
    dir: TempDir,
}

impl Seeded {
    pub(crate) async fn new(users: u64) -> Self {
        let seeded = Self { dir: tempfile::tempdir().unwrap() };
        seeded.install().await.state.store.close().await;
        seeded.fill(users).await;
        seeded
    }

    fn database(&self) -> String {
        format!("sqlite:{}/keyward.db", self.dir.path().display())
    }

    /// The token of the session of user number `user`.
    pub(crate) fn token(user: u64) -> String {
        format!("{user:0>43}")
    }

    pub(crate) async fn install(&self) -> Installation {
        let variables = BTreeMap::from([
            ("DATABASE_URL".to_owned(), self.database()),
            ("KEYWARD_DATA_DIR".to_owned(), self.dir.path().display().to_string()),
        ]);
        let site = SiteDefaults { addr: ([127, 0, 0, 1], 3000).into(), root: "target/site".into() };
        let config = Config::read(&variables, read_secret_file, Purpose::Production, site).unwrap();
        boot::install(&config, Purpose::Production, clock(), CancellationToken::new()).await.unwrap()
    }

    async fn fill(&self, users: u64) {
        let now = clock().now().0;
        let later = now + 1_000_000 * 3600 * 24;
        let mut connection = SqliteConnection::connect(&self.database()).await.unwrap();
        let (dek,): (Uuid,) =
            sqlx::query_as("SELECT id FROM deks LIMIT 1").fetch_one(&mut connection).await.unwrap();
        let mut tx = connection.begin().await.unwrap();
        for n in 0..users {
            let user = Uuid::now_v7();
            sqlx::query(
                "INSERT INTO users (id, email, password_hash, role, plan, epoch, disabled, created_at, updated_at)
                 VALUES ($1, $2, 'x', 'user', 'free', 0, 0, $3, $3)",
            )
            .bind(user)
            .bind(format!("user{n}@example.org"))
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
            .bind(Sha256::digest(Self::token(n)).to_vec())
            .bind(now)
            .bind(later)
            .execute(&mut *tx)
            .await
            .unwrap();
            for provider in PROVIDERS {
                sqlx::query(
                    "INSERT INTO user_api_keys (id, user_id, provider, encrypted_key, dek_id, config, metadata, hint,
                        status, undecryptable, is_active, last_validated, next_check_at, check_step, revision,
                        credential_version, created_at, updated_at)
                     VALUES ($1, $2, $3, $4, $5, '{}', $6, '…0001', 'valid', 0, 1, $7, $8, 0, 1, 1, $7, $7)",
                )
                .bind(Uuid::now_v7())
                .bind(user)
                .bind(provider)
                .bind(vec![7_u8; 220])
                .bind(dek)
                .bind(r#"{"account":"a…@example.org","plan":"Starter","quota":{"used":42,"limit":1000,"unit":"searches","resets_at":null},"capabilities":{},"facts":{}}"#)
                .bind(now)
                .bind(later)
                .execute(&mut *tx)
                .await
                .unwrap();
            }
        }
        tx.commit().await.unwrap();
    }
}

pub(crate) async fn rows() -> Vec<Row> {
    const USERS: u64 = 10_000 / 6 + 1;
    let seeded = Seeded::new(USERS).await;
    let mut starts = Vec::new();
    let mut memory = 0.0;
    for _ in 0..3 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let begin = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_keyward"))
            .env_clear()
            .env("DATABASE_URL", seeded.database())
            .env("KEYWARD_DATA_DIR", seeded.dir.path())
            .env("LEPTOS_SITE_ADDR", format!("127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !is_ready(port) {
            assert!(begin.elapsed() < Duration::from_secs(30), "the server did not become ready");
            std::thread::sleep(Duration::from_millis(2));
        }
        starts.push(begin.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_secs(6));
        memory = resident_megabytes(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    starts.sort_by(f64::total_cmp);
    vec![
        Row {
            what: "start to first answer with 10,000 keys, median of three".into(),
            measured: format!("{:.0} ms", starts[1]),
            reference: "none: absolute".into(),
            bar: "≤ 300 ms",
            reached: starts[1] <= 300.0,
        },
        Row {
            what: "idle memory with 10,000 keys".into(),
            measured: format!("{memory:.1} MB"),
            reference: "none: absolute".into(),
            bar: "≤ 40 MB",
            reached: memory <= 40.0,
        },
    ]
}

fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let request = format!("GET /readyz HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

fn resident_megabytes(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1e3
}
