//! Checks by schedule: what a claim costs among many keys that are not due, and how many answers are written down.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use keyward::{
    clock::{Clock, SystemClock},
    model::{
        check::{CheckReport, Outcome},
        key::KeyMetadata,
        schedule::Schedule,
        status::Reason,
    },
    monitor::{
        Outages,
        transition::{Known, after_check},
    },
    store::Store,
    vault::{INSTANCE, KekRing, Vault},
};

use crate::{
    Effort, Row, median,
    seed::{Engine, Seeded},
};

const BATCH: i64 = 8;
const CLAIMS: u64 = 200;
const LEASE: Duration = Duration::from_secs(120);
const CLAIM_GOAL: &str = "≤ 1.3 ×";
const RECORD_GOAL: &str = "≥ 2,000/s";
/// How long the provider takes, and how many claimed batches are worked on at a time.
const LATENCY: Duration = Duration::from_millis(5);
const AT_A_TIME: usize = 16;

pub(crate) async fn rows(effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    let many = effort.or(1_000_000, 100_000);
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let what = format!("claim of {BATCH} due keys beside {many} that are not due, {}", engine.name());
        if !engine.is_given() {
            rows.push(Row::not_measured(what, "KEYWARD_TEST_POSTGRES names no server", CLAIM_GOAL));
            continue;
        }
        let (large, small) = (claim(engine, many).await, claim(engine, 10_000).await);
        rows.push(Row {
            what,
            measured: format!("{:.2} ms", large * 1e3),
            reference: format!("beside 10000: {:.2} ms", small * 1e3),
            ratio: format!("{:.2} ×", large / small),
            goal: CLAIM_GOAL,
            met: Some(large / small <= 1.3),
        });
    }
    let what = format!(
        "checks written down, PostgreSQL, provider takes {} ms, {} keys at a time",
        LATENCY.as_millis(),
        AT_A_TIME * usize::try_from(BATCH).unwrap()
    );
    rows.push(if Engine::Postgres.is_given() {
        let rate = record(effort.or(40_000, 8_000)).await;
        Row::absolute(what, format!("{rate:.0}/s"), RECORD_GOAL, rate >= 2_000.0)
    } else {
        Row::not_measured(what, "KEYWARD_TEST_POSTGRES names no server", RECORD_GOAL)
    });
    rows
}

/// Seconds for a claim, the middle of many.
async fn claim(engine: Engine, keys: u64) -> f64 {
    let seeded = Seeded::new(engine, keys / 6).await;
    seeded.make_due(CLAIMS * u64::try_from(BATCH).unwrap()).await;
    let store = Store::open(seeded.database()).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..CLAIMS {
        let begun = Instant::now();
        let claimed = store.claim_due_keys(BATCH, LEASE, &[], SystemClock.now()).await.unwrap();
        times.push(begun.elapsed().as_secs_f64());
        assert_eq!(claimed.len(), 8);
    }
    store.close().await;
    median(times)
}

/// Checks a second, from the claim to the answer on the row.
async fn record(due: u64) -> f64 {
    let seeded = Seeded::new(Engine::Postgres, due / 6 + 1).await;
    seeded.make_due(due).await;
    let store = Store::open(seeded.database()).await.unwrap();
    let vault = Vault::new(KekRing::parse(&KekRing::generate().unwrap()).unwrap());
    let dek = vault.new_dek(INSTANCE).unwrap();
    let audit = Arc::new(vault.open_audit_key(&dek, &vault.new_audit_key(&dek).unwrap()).unwrap());
    let outages = Arc::new(Outages::new(store.clone(), Arc::new(SystemClock)));
    let written = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let workers = (0..AT_A_TIME).map(|_| {
        let (store, audit, outages, written) =
            (store.clone(), audit.clone(), outages.clone(), written.clone());
        tokio::spawn(async move {
            loop {
                let claimed = outages.claim(BATCH, LEASE, &[]).await.unwrap();
                if claimed.is_empty() {
                    return;
                }
                let asked_at = SystemClock.now();
                tokio::time::sleep(LATENCY).await;
                let checks = claimed.iter().map(async |key| {
                    let (report, now) = (accepted(key.metadata.clone()), SystemClock.now());
                    outages.note(key.user, &key.provider, &report, asked_at).await.unwrap();
                    let result = after_check(&Known::of(key, Schedule::default()), &report, now, 0.5);
                    assert!(store.record_check(key, &result, &audit, now).await.unwrap());
                    written.fetch_add(1, Ordering::Relaxed);
                });
                futures::future::join_all(checks).await;
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let rate = written.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    store.close().await;
    rate
}

fn accepted(metadata: KeyMetadata) -> CheckReport {
    CheckReport {
        outcome: Outcome::Valid,
        reason: Reason::Accepted,
        metadata,
        http_status: Some(200),
        provider_code: None,
        retry_after: None,
        latency: LATENCY,
    }
}
