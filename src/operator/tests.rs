use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::*;
use crate::clock::ManualClock;

fn row(outcome: &str, latency_le_us: i64, calls: i64) -> EverybodysCalls {
    EverybodysCalls { provider: "serpapi".to_owned(), outcome: outcome.to_owned(), latency_le_us, calls }
}

fn users(slowest_le_us: i64, users: i64, [unanswered, refused, failed]: [i64; 3]) -> Callers {
    Callers { provider: "serpapi".to_owned(), slowest_le_us, users, unanswered, refused, failed }
}

fn health(calls: &[EverybodysCalls], callers: &[Callers]) -> Option<CallHealth> {
    healths(calls, callers).get(&ProviderId::SERPAPI).copied()
}

#[test]
fn calls_of_all_users_add_up() {
    let calls =
        [row("done", 100_000, 90), row("rate_limited", 150_000, 5), row("unreachable", 10_000_000, 5)];
    let callers = [users(150_000, 5, [0, 5, 5]), users(10_000_000, 5, [5, 0, 5])];
    let told = health(&calls, &callers).unwrap();
    assert_eq!((told.calls, told.failed, told.unanswered), (100, Some(10), Some(5)));
    assert_eq!([told.p50_ms, told.p95_ms, told.p99_ms], [Some(100), Some(150), Some(10_000)]);
    assert_eq!((told.success_percent(), told.available_percent()), (Some(90.0), Some(95.0)));
}

#[test]
fn what_few_users_stand_behind_is_not_told_of_the_calls_of_many() {
    let calls = [row("done", 1_000, 90), row("unreachable", 10_000_000, 10)];
    // A single user is behind all failures, and behind all slow calls.
    let told = health(&calls, &[users(1_000, 9, [0; 3]), users(10_000_000, 1, [1, 0, 1])]).unwrap();
    assert_eq!((told.calls, told.failed, told.unanswered), (100, None, None));
    assert_eq!([told.p50_ms, told.p95_ms, told.p99_ms], [Some(1), None, None]);
    assert_eq!((told.success_percent(), told.available_percent()), (None, None));

    // Calls of two users that were refused are what is left of the failures without those of the provider.
    let calls = [row("done", 1_000, 90), row("unreachable", 1_000, 7), row("invalid", 1_000, 3)];
    let told = health(&calls, &[users(1_000, 9, [6, 2, 7])]).unwrap();
    assert_eq!((told.failed, told.unanswered), (None, Some(7)));
    let told = health(&calls, &[users(1_000, 9, [4, 2, 6])]).unwrap();
    assert_eq!((told.failed, told.unanswered), (Some(10), None));

    assert_eq!(health(&calls, &[users(1_000, 4, [4, 4, 4])]), None);
}

#[tokio::test]
async fn a_slow_reading_goes_on_when_whoever_asked_has_left() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_seconds(1_795_000_000)));
    let shelf: Arc<Shelf<usize>> = Arc::default();
    let (slow, readings) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let read = || {
        let (slow, readings) = (Arc::clone(&slow), Arc::clone(&readings));
        async move {
            slow.notified().await;
            Ok(readings.fetch_add(1, Ordering::SeqCst) + 1)
        }
    };
    for _ in 0..3 {
        assert!(timeout(Duration::from_millis(5), kept(&shelf, &clock, read())).await.is_err());
    }
    assert!(shelf.last().is_none());
    slow.notify_one();
    while shelf.last().is_none() {
        sleep(Duration::from_millis(1)).await;
    }
    let (figures, _) = kept(&shelf, &clock, read()).await.unwrap();
    assert_eq!((*figures, readings.load(Ordering::SeqCst)), (1, 1));
}
