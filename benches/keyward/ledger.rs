//! What the usage ledger adds to a call, against the same call with nobody listening; and what a report of a year takes.

use std::{process::Command, sync::Arc, time::Instant};

use keyward::{
    clock::{Clock, SystemClock},
    model::{
        ids::{ProviderId, UserId},
        key::KeyVersion,
        service::ServiceId,
        time::Timestamp,
        usage::{HOUR_US, Range},
    },
    monitor::{Ledger, PlatformKeys},
    store::{Store, UsageRow},
    telemetry::metrics::Metrics,
};

use crate::{
    Effort, Row, median,
    neighbours::{Neighbours, Servers},
    seed::{Engine, Seeded},
    slow,
};

const ADDED: &str = "≤ 20 µs";
const REPORT: &str = "≤ 50 ms";
/// What a user asks in each hour: of whom, for what, how it ends, and how long it takes in milliseconds.
const KINDS: [(ProviderId, Option<ServiceId>, &str, &str, i64); 12] = [
    (ProviderId::SERPAPI, Some(ServiceId::DataScraper), "search", "done", 300),
    (ProviderId::SERPAPI, Some(ServiceId::DataScraper), "search", "done", 700),
    (ProviderId::SERPAPI, Some(ServiceId::DataScraper), "search", "done", 1_500),
    (ProviderId::SERPAPI, Some(ServiceId::DataScraper), "search", "rate_limited", 70),
    (ProviderId::SERPAPI, None, "account", "done", 200),
    (ProviderId::TWILIO, Some(ServiceId::Calling), "create_call", "done", 300),
    (ProviderId::TWILIO, Some(ServiceId::Calling), "create_call", "unreachable", 10_000),
    (ProviderId::TWILIO, Some(ServiceId::Calling), "fetch_call", "done", 150),
    (ProviderId::TWILIO, Some(ServiceId::Calling), "fetch_call", "done", 300),
    (ProviderId::ELEVENLABS, Some(ServiceId::VoiceCloning), "speak", "done", 500),
    (ProviderId::ELEVENLABS, Some(ServiceId::VoiceCloning), "speak", "done", 1_000),
    (ProviderId::ELEVENLABS, Some(ServiceId::VoiceCloning), "speak", "invalid", 100),
];

pub(crate) async fn rows(effort: Effort) -> Vec<Row> {
    let mut rows = Vec::new();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let call = format!("what the usage ledger adds to a call, {}", engine.name());
        let weeks = effort.or(104, 26);
        let report = format!(
            "report of 52 weeks for one user, {} kinds of calls in each hour of {weeks} weeks, hourly figures of six quotas, {}",
            KINDS.len(),
            engine.name()
        );
        if !engine.is_given() {
            let why = "KEYWARD_TEST_POSTGRES names no server";
            rows.push(Row::not_measured(call, why, ADDED));
            rows.push(Row::not_measured(report, why, REPORT));
            continue;
        }
        let seeded = Seeded::new(engine, 10).await;
        let installed = seeded.install().await;
        let store = installed.state.store.clone();
        rows.push(added(call, &store, seeded.user(0).await, effort).await);
        let user = seeded.user(1).await;
        let now = SystemClock.now();
        println!("Writing down the calls of {weeks} weeks…");
        fill(&store, user, now, weeks * 7 * 24).await;
        seeded.quotas(user, now.0).await;
        let mut times = Vec::new();
        for _ in 0..effort.or(31, 11) {
            let begin = Instant::now();
            let report =
                installed.state.use_cases.analytics.report(user, Range::Year, 330, None).await.unwrap();
            times.push(begin.elapsed().as_secs_f64() * 1e3);
            assert!(report.totals.calls > 0 && report.steps.len() == 52 && report.quotas.len() == 6);
        }
        let time = median(times);
        rows.push(Row::absolute(report, format!("{time:.1} ms"), REPORT, time <= 50.0));
        store.close().await;
    }
    rows
}

/// The middle of many calls with the ledger, less that of as many without, asked in turns.
async fn added(what: String, store: &Store, user: UserId, effort: Effort) -> Row {
    let servers = Servers::start(&mut Command::new(std::env::current_exe().unwrap()), slow::AT_ONCE, 2);
    let [trouble, neighbour] = [servers.addresses[0], servers.addresses[1]];
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let metrics = Arc::new(Metrics::new(clock.now().seconds()));
    let ledger = Ledger::new(store.clone(), Arc::new(PlatformKeys::default()), metrics, clock);
    let with = Neighbours::observed(trouble, neighbour, Arc::new(ledger));
    let without = Neighbours::new(trouble, neighbour);
    let (mut noted, mut unheard) = (Vec::new(), Vec::new());
    for call in 0..effort.or(5_000, 1_000) {
        // Neither is always the one that finds the machine awake.
        let (first, second) = if call % 2 == 0 {
            let first = with.ask_the_neighbour_for(user).await;
            (first, without.ask_the_neighbour_for(user).await)
        } else {
            let second = without.ask_the_neighbour_for(user).await;
            (with.ask_the_neighbour_for(user).await, second)
        };
        // The first ones make connections.
        if call >= 100 {
            noted.push(first);
            unheard.push(second);
        }
    }
    let (noted, unheard) = (median(noted) * 1e6, median(unheard) * 1e6);
    let added = noted - unheard;
    Row {
        what,
        measured: format!("{noted:.0} µs"),
        reference: format!("with nobody listening: {unheard:.0} µs"),
        ratio: format!("{added:+.0} µs"),
        goal: ADDED,
        met: Some(added <= 20.0),
    }
}

async fn fill(store: &Store, user: UserId, now: Timestamp, hours: i64) {
    let keys = store.keys(user).await.unwrap();
    for hour in 0..hours {
        for (provider, service, operation, outcome, milliseconds) in KINDS {
            let key = keys.iter().find(|key| key.provider == provider).unwrap();
            let row = UsageRow {
                user,
                key: Some(KeyVersion { id: key.id, version: key.credential_version }),
                provider,
                service,
                operation: operation.to_owned(),
                outcome,
                latency_us: milliseconds * 1_000,
                units: 1,
                source: "use",
                key_source: "user",
                at: Timestamp(now.0 - hour * HOUR_US),
            };
            store.note_usage(row).await;
        }
    }
    store.write_usage().await.unwrap();
}
