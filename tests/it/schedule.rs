//! The schedule of many keys: over a day with an outage of their provider in it, and over three nodes. The real schedule,
//! database, recognition of outages and fencing, without the loop and the way to the provider, whose answers are given. The
//! nodes are of one process, and have connections of their own.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use keyward::{
    model::{
        check::{CheckReport, Outcome},
        ids::{KeyId, ProviderId, UserId},
        key::KeyMetadata,
        outage::Outage,
        schedule::Schedule,
        status::Reason,
        time::Timestamp,
    },
    monitor::{
        Outages, jitter,
        transition::{Known, after_check},
    },
    store::Store,
    vault::{AuditKey, INSTANCE, KekRing, Vault},
};
use tokio::sync::Notify;

use crate::support::{App, DAY, Engine, HOUR, MINUTE, START, both, literal};

const KEYS: u32 = 10_000;
/// How often an accepted key is checked: a day, and up to a fifth of it more.
const INTERVAL: Duration = Duration::from_secs(DAY.as_secs() * 11 / 10);
const STEP: Duration = Duration::from_secs(20);
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

/// What was asked in each minute, and how many answers there were.
#[derive(Default)]
struct Count {
    minutes: BTreeMap<i64, u32>,
    answers: u32,
}

impl Count {
    fn asked(&self) -> u32 {
        self.minutes.values().sum()
    }

    /// The most in so many minutes in a row, and the minute in which they begin.
    fn peak(&self, minutes: i64) -> (u32, i64) {
        let in_a_row = |begin: i64| self.minutes.range(begin..begin + minutes).map(|(_, count)| count).sum();
        let begins = self.minutes.keys().flat_map(|minute| minute - minutes + 1..=*minute);
        begins.map(|begin| (in_a_row(begin), begin)).max().unwrap()
    }
}

/// So many checks as are usual in that time.
fn usual(time: Duration) -> f64 {
    f64::from(KEYS) * time.as_secs_f64() / INTERVAL.as_secs_f64()
}

/// Makes the checks that are due until `end`. The provider fails while `down` says so.
async fn work(app: &App, outages: &Outages, end: Timestamp, down: impl Fn(Timestamp) -> bool) -> Count {
    let (audit, mut count) = (audit_key(), Count::default());
    while app.now() < end {
        let now = app.now();
        loop {
            let claimed = outages.claim(32, LEASE, &[]).await.unwrap();
            if claimed.is_empty() {
                break;
            }
            for key in claimed {
                *count.minutes.entry(now.seconds() / 60).or_default() += 1;
                let report = if down(now) {
                    report(Outcome::Unreachable, Reason::ProviderFault)
                } else {
                    count.answers += 1;
                    report(Outcome::Valid, Reason::Accepted)
                };
                outages.note(key.user, &key.provider, &report, now).await.unwrap();
                let mut result = after_check(&Known::of(&key, Schedule::default()), &report, now, jitter());
                if let Some(place) = outages.place(&key, &report) {
                    result.next_check_at = place;
                }
                assert!(app.state.store.record_check(&key, &result, &audit, now).await.unwrap());
            }
        }
        app.clock.advance(STEP);
    }
    count
}

/// Pure: the checks of a day with an outage of an hour in it, a week after keys were stored at random times.
fn a_day_after_a_week(seed: u64) -> (Count, i64) {
    let mut state = seed;
    let mut random = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64
    };
    let mut due: BinaryHeap<_> = (0..KEYS).map(|_| Reverse(START.plus(INTERVAL.mul_f64(random())))).collect();
    let day = START.plus(DAY * 7);
    let began_at = day.plus((DAY / 4).mul_f64(random()));
    let outage = Outage {
        provider: ProviderId::OPENAI,
        began_at,
        ended_at: Some(began_at.plus(HOUR)),
        held_at: began_at,
    };
    let accepted = report(Outcome::Valid, Reason::Accepted);
    let (mut now, mut count) = (START, Count::default());
    while now < day.plus(DAY) {
        let until = if now < began_at { now } else { outage.due_until(now) };
        while due.peek().is_some_and(|Reverse(at)| *at <= until) {
            due.pop();
            if now >= day {
                *count.minutes.entry(now.seconds() / 60).or_default() += 1;
                count.answers += 1;
            }
            let known = Known::candidate(now);
            due.push(Reverse(after_check(&known, &accepted, now, jitter()).next_check_at));
        }
        now = now.plus(Duration::from_secs(5));
    }
    (count, began_at.seconds() / 60)
}

#[test]
fn keys_that_chance_has_spread_come_back_without_a_rush() {
    for seed in 0..8 {
        let (day, began) = a_day_after_a_week(seed);
        let (done, expected) = (f64::from(day.answers), usual(DAY));
        assert!((done / expected - 1.0).abs() <= 0.01, "seed {seed}: {done} checks, {expected} expected");
        let (peak, begin) = day.peak(5);
        let times = f64::from(peak) / usual(5 * MINUTE);
        eprintln!(
            "seed {seed}: at most {times:.2} times the usual in five minutes, {:.2} in one",
            f64::from(day.peak(1).0) / usual(MINUTE)
        );
        assert!(times <= 1.5, "seed {seed}: {times} times the usual, {} minutes after", begin - began);
    }
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
                let result = after_check(&Known::of(&key, Schedule::default()), &found, now, jitter());
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

fn percent(done: u32, expected: f64) -> f64 {
    (f64::from(done) / expected - 1.0) * 100.0
}

both! {
    async fn a_day_with_an_outage_costs_as_many_checks_as_one_without_and_has_no_rush(app: App) {
        let begin = app.now();
        // One after the other, over an interval.
        seed(&app, KEYS, |n| begin.plus(INTERVAL * n / KEYS)).await;
        let outages = Outages::new(app.state.store.clone(), Arc::clone(&app.clock) as Arc<_>);
        let fails = |now: Timestamp| now >= begin.plus(6 * HOUR) && now < begin.plus(7 * HOUR);
        let day = work(&app, &outages, begin.plus(DAY), fails).await;

        let expected = usual(DAY);
        assert!(percent(day.answers, expected).abs() <= 1.0, "{} answers, {expected} expected", day.answers);
        assert!(percent(day.asked(), expected).abs() <= 1.0, "{} checks, {expected} expected", day.asked());
        let steady = usual(MINUTE);
        let (peak, minute) = day.peak(1);
        let after = minute - begin.seconds() / 60;
        assert!(f64::from(peak) <= 1.5 * steady, "{peak} in minute {after}, {steady} on the whole");
        let during = |minute: i64| fails(Timestamp::from_seconds(minute * 60 + 59));
        let asked: u32 = day.minutes.iter().filter(|(minute, _)| during(**minute)).map(|(_, count)| count).sum();
        assert!((40..80).contains(&asked), "{asked} checks of a provider that does not answer");
        // Each key once, none rejected, none left behind.
        let number = async |condition: &str| {
            app.sql.number(&format!("SELECT COUNT(*) FROM user_api_keys WHERE {condition}")).await
        };
        assert_eq!(number("last_validated > 0").await, i64::from(day.answers));
        assert_eq!(number("status <> 'valid'").await, 0);
        assert_eq!(number(&format!("next_check_at <= {}", app.now().minus(STEP).0)).await, 0);
        assert_eq!(app.sql.number("SELECT COUNT(*) FROM provider_outages WHERE ended_at IS NOT NULL").await, 1);
    }

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
        // Every effect is there once: the state, the line in its owner's audit log, the notice, and the events.
        for count in [
            "SELECT COUNT(*) FROM user_api_keys WHERE status = 'exhausted'",
            "SELECT COUNT(*) FROM audit_log WHERE action = 'key.status_changed'",
            "SELECT COUNT(*) FROM user_events WHERE topic = 'keys'",
            "SELECT COUNT(*) FROM notices WHERE kind = 'key.exhausted' AND resolved_at IS NULL",
            "SELECT COUNT(*) FROM user_events WHERE topic = 'notices'",
        ] {
            assert_eq!(app.sql.number(count).await, i64::from(DUE), "{count}");
        }
    }
}
