//! Keys that are due, over three nodes: the real schedule, database and fencing, without the loop and the way to the
//! provider, whose answers are given. The nodes are of one process, and have connections of their own.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use keyward::{
    keys,
    model::{
        check::{CheckReport, Outcome},
        ids::{KeyId, UserId},
        key::KeyMetadata,
        status::Reason,
        time::Timestamp,
    },
    monitor::{
        Outages,
        transition::{Known, after_check},
    },
    store::Store,
    vault::{AuditKey, INSTANCE, KekRing, Vault},
};
use tokio::sync::Notify;

use crate::support::{App, Engine, both, literal};

const LEASE: Duration = Duration::from_secs(120);

/// So many accepted keys of as many users.
async fn seed(app: &App, count: u32, due: impl Fn(u32) -> Timestamp) {
    let id = |id: String| match app.sql.engine {
        Engine::Sqlite => format!("x'{}'", id.replace('-', "")),
        Engine::Postgres => format!("'{id}'"),
    };
    let envelope = literal(app.sql.engine, b"never opened");
    for batch in 0..count / 500 {
        let (mut users, mut keys) = (String::new(), String::new());
        for n in batch * 500..(batch + 1) * 500 {
            let (user, key) = (id(UserId::generate().to_string()), id(KeyId::generate().to_string()));
            let (comma, due) = (if n % 500 == 0 { "" } else { "," }, due(n).0);
            write!(users, "{comma}({user}, 'u{n}@example.org', 'x', 'user', 'free', 0, FALSE, 0, 0)")
                .unwrap();
            write!(
                keys,
                "{comma}({key}, {user}, 'openai', {envelope}, (SELECT id FROM deks LIMIT 1), '{{}}', '{{}}', '…', 'valid',
                    FALSE, TRUE, 0, {due}, 0, 0, 1, 0, 0)"
            )
            .unwrap();
        }
        let columns = "id, email, password_hash, role, plan, epoch, disabled, created_at, updated_at";
        app.sql.execute(&format!("INSERT INTO users ({columns}) VALUES {users}")).await;
        let columns = "id, user_id, provider, encrypted_key, dek_id, config, metadata, hint, status, undecryptable,
            is_active, last_validated, next_check_at, check_step, revision, credential_version, created_at, updated_at";
        app.sql.execute(&format!("INSERT INTO user_api_keys ({columns}) VALUES {keys}")).await;
    }
}

fn report(outcome: Outcome, reason: Reason) -> CheckReport {
    CheckReport {
        outcome,
        reason,
        metadata: KeyMetadata::default(),
        http_status: None,
        provider_code: None,
        retry_after: None,
        latency: Duration::ZERO,
    }
}

/// A key for audit chains of this test alone.
fn audit_key() -> AuditKey {
    let vault = Vault::new(KekRing::parse(&KekRing::generate().unwrap()).unwrap());
    let dek = vault.new_dek(INSTANCE).unwrap();
    vault.open_audit_key(&dek, &vault.new_audit_key(&dek).unwrap()).unwrap()
}

/// What becomes of a node.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Works,
    /// Ends between answers and the writing of them.
    Dies,
    /// The same, but it wakes up when its claims are over and others have taken them on.
    Stalls,
}

/// What all nodes together did.
#[derive(Default)]
struct Work {
    asked: BTreeMap<KeyId, u32>,
    written: u32,
    fenced: u32,
    fates: u32,
}

/// One of several nodes over the same database, with connections of its own.
struct Node<'a> {
    app: &'a App,
    store: Store,
    audit: &'a AuditKey,
    work: &'a Mutex<Work>,
    wake: &'a Notify,
}

impl Node<'_> {
    /// Makes the checks that are due; each finds that the key's quota is used up. A node with another fate meets it
    /// with its fifth claim, and what it then found is different.
    async fn run(&self, fate: Fate) {
        let outages = Outages::new(self.store.clone(), Arc::clone(&self.app.clock) as Arc<_>);
        for claims in 1.. {
            let claimed = outages.claim(8, LEASE, &[]).await.unwrap();
            if claimed.is_empty() {
                return;
            }
            for key in &claimed {
                *self.work.lock().unwrap().asked.entry(key.id).or_default() += 1;
            }
            tokio::task::yield_now().await;
            let ends = fate != Fate::Works && claims == 5;
            if ends {
                self.work.lock().unwrap().fates += 1;
                if fate == Fate::Dies {
                    return;
                }
                self.wake.notified().await;
            }
            let found = if ends {
                report(Outcome::Invalid, Reason::Rejected)
            } else {
                report(Outcome::Exhausted, Reason::QuotaUsedUp)
            };
            let now = self.app.now();
            for key in claimed {
                let result = after_check(&Known::from(&key), &found, now, keys::jitter());
                let written = self.store.record_check(&key, &result, self.audit, now).await.unwrap();
                let mut work = self.work.lock().unwrap();
                if written { work.written += 1 } else { work.fenced += 1 }
            }
            if ends {
                return;
            }
        }
    }
}

both! {
    async fn of_three_nodes_one_dies_and_one_stalls_and_each_key_has_one_answer(app: App) {
        const DUE: u32 = 2_000;
        let begin = app.now();
        seed(&app, DUE, |_| begin).await;
        let (audit, work, wake) = (audit_key(), Mutex::default(), Notify::new());
        let node = async || Node {
            app: &app,
            store: Store::open(&app.sql.url).await.unwrap(),
            audit: &audit,
            work: &work,
            wake: &wake,
        };
        let (first, second, third) = (node().await, node().await, node().await);
        let others = async {
            tokio::join!(first.run(Fate::Works), second.run(Fate::Dies));
            assert_eq!(app.sql.number("SELECT COUNT(*) FROM user_api_keys WHERE status = 'valid'").await, 16);
            app.clock.advance(LEASE);
            first.run(Fate::Works).await;
            wake.notify_one();
        };
        tokio::join!(third.run(Fate::Stalls), others);
        let work = work.into_inner().unwrap();
        assert_eq!((work.fates, work.fenced, work.written), (2, 8, DUE));
        let keys = u32::try_from(work.asked.len()).unwrap();
        let asked: u32 = work.asked.values().sum();
        assert_eq!((keys, asked), (DUE, DUE + 16), "keys asked about, and checks");
        assert!(f64::from(asked - DUE) <= 0.01 * f64::from(DUE));
        // Every effect is there once: the state, the line in its owner's audit log, and the event.
        for count in [
            "SELECT COUNT(*) FROM user_api_keys WHERE status = 'exhausted'",
            "SELECT COUNT(*) FROM audit_log WHERE action = 'key.status_changed'",
            "SELECT COUNT(*) FROM user_events",
        ] {
            assert_eq!(app.sql.number(count).await, i64::from(DUE), "{count}");
        }
    }
}
