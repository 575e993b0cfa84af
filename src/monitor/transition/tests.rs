use proptest::prelude::*;

use super::*;
use crate::model::{
    key::Quota,
    schedule::{Bounds, Every},
};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn report(outcome: Outcome, resets_at: Option<Timestamp>, retry_after: Option<Duration>) -> CheckReport {
    let quota = Quota { used: Some(1), limit: Some(100), unit: "searches".into(), resets_at };
    CheckReport {
        outcome,
        reason: Reason::Accepted,
        metadata: KeyMetadata { quota: Some(quota), ..KeyMetadata::default() },
        http_status: None,
        provider_code: None,
        retry_after,
        latency: Duration::ZERO,
    }
}

fn known(status: KeyStatus, step: i64, due_since: Option<Timestamp>) -> Known {
    Known { status, check_step: step, due_since, ..Known::candidate(NOW) }
}

const OUTCOMES: [Outcome; 7] = [
    Outcome::Valid,
    Outcome::Limited,
    Outcome::Exhausted,
    Outcome::Invalid,
    Outcome::Suspended,
    Outcome::RateLimited,
    Outcome::Unreachable,
];

proptest! {
    #[test]
    fn no_status_is_a_dead_end_and_only_a_definite_answer_changes_it(
        status in prop::sample::select(KeyStatus::ALL[1..].to_vec()),
        outcome in prop::sample::select(OUTCOMES.to_vec()),
        step in 0i64..20,
        due in prop::option::of(0u64..200_000),
        resets in prop::option::of(-1_000_000i64..3_000_000),
        retry in prop::option::of(0u64..1_000_000),
        jitter in 0.0f64..=1.0,
    ) {
        let before = known(status, step, due.map(|s| NOW.minus(Duration::from_secs(s))));
        let resets_at = resets.map(|s| Timestamp::from_seconds(NOW.seconds() + s));
        let report = report(outcome, resets_at, retry.map(Duration::from_secs));
        let after = after_check(&before, &report, NOW, jitter);
        prop_assert!(after.next_check_at > NOW);
        prop_assert_eq!(after.evidence.as_ref(), Some(&Evidence::of(&report, NOW)));
        prop_assert!(after.next_check_at <= NOW.plus(Duration::from_secs(41 * DAY)));
        prop_assert!(after.not_before.is_none_or(|until| after.next_check_at >= until));
        match outcome.status() {
            Some(status) => {
                prop_assert_eq!(after.not_before, None);
                prop_assert_eq!(after.status, status);
                prop_assert_eq!(after.last_validated, Some(NOW));
                prop_assert_eq!(after.due_since, None);
            }
            None => {
                prop_assert_eq!(after.status, status);
                prop_assert_eq!(after.last_validated, before.last_validated);
                prop_assert!(after.due_since.is_some());
                let asked = retry.map(|s| NOW.plus(Duration::from_secs(s).min(LONGEST_PAUSE)));
                prop_assert_eq!(after.not_before, asked);
                prop_assert!(after.next_check_at <= NOW.plus(Duration::from_secs(2 * HOUR)));
            }
        }
    }
}

/// The waits of `count` checks in a row with the same outcome, in minutes, without jitter.
fn waits(mut state: Known, outcome: Outcome, count: usize) -> Vec<u64> {
    (0..count)
        .map(|_| {
            let after = after_check(&state, &report(outcome, None, None), NOW, 0.0);
            let waited = after.next_check_at.since(NOW).as_secs() / MINUTE;
            state = Known {
                status: after.status,
                check_step: after.check_step,
                last_result: after.last_result,
                due_since: after.due_since,
                ..state.clone()
            };
            waited
        })
        .collect()
}

#[test]
fn the_ladders_are_those_of_the_policy() {
    let fresh = Known::candidate(NOW);
    assert_eq!(waits(fresh.clone(), Outcome::Unreachable, 6), [1, 5, 15, 60, 60, 60]);
    assert_eq!(waits(fresh.clone(), Outcome::Invalid, 5), [60, 360, 1440, 10080, 10080]);
    assert_eq!(waits(fresh.clone(), Outcome::Exhausted, 3), [360, 360, 360]);
    assert_eq!(waits(fresh, Outcome::Valid, 2), [1440, 1440]);
}

proptest! {
    /// Whatever is chosen, an accepted key is checked within the bounds, and by a refusal on schedule alone only
    /// looked at again, soon; the second one counts.
    #[test]
    fn one_refusal_by_schedule_is_a_doubt_and_two_are_a_verdict(
        status in prop::sample::select(KeyStatus::ALL[1..].to_vec()),
        outcome in prop::sample::select(vec![Outcome::Invalid, Outcome::Suspended]),
        between in prop::sample::select(OUTCOMES.to_vec()),
        jitter in 0.0f64..=1.0,
    ) {
        let before = known(status, 3, None);
        let first = after_scheduled_check(&before, &report(outcome, None, None), NOW, jitter);
        if !status.is_accepted() {
            prop_assert_eq!(Some(first.status), outcome.status());
            return Ok(());
        }
        prop_assert_eq!((first.status, first.suspect, &first.evidence), (status, true, &before.evidence));
        let soon = first.next_check_at.since(NOW).as_secs();
        prop_assert!((20..=24).contains(&soon), "{} s", soon);
        let doubted = Known::after(first, Schedule::default());
        let second = after_scheduled_check(&doubted, &report(outcome, None, None), NOW, jitter);
        prop_assert_eq!((Some(second.status), second.suspect), (outcome.status(), false));
        // A definite answer settles it; anything else leaves the doubt.
        let other = after_scheduled_check(&doubted, &report(between, None, None), NOW, jitter);
        prop_assert_eq!(other.suspect, between.status().is_none());
        prop_assert_eq!(other.status, between.status().unwrap_or(status));
    }

    /// A key in use is put off, but never beyond twice its interval, and once between two checks.
    #[test]
    fn a_key_in_use_is_checked_less_and_written_seldom(
        every in prop::sample::select(Every::ALL.to_vec()),
        pauses in prop::collection::vec(1_u64..20_000, 1..200),
        jitter in 0.0f64..=1.0,
    ) {
        let schedule = Bounds::default().schedule(Some(every));
        let interval = every.time();
        let fresh = Known { schedule, ..Known::candidate(NOW) };
        let checked = after_check(&fresh, &report_without_quota(), NOW, jitter);
        let mut known = Known { schedule, ..Known::after(checked, Schedule::default()) };
        let (mut now, mut written) = (NOW, false);
        for pause in pauses {
            now = now.plus(Duration::from_secs(pause));
            if now >= known.next_check_at {
                break;
            }
            let Some(next) = after_use(&known, now, jitter) else { continue };
            prop_assert!(next > known.next_check_at);
            prop_assert!(next > now && next <= NOW.plus(interval * 2));
            prop_assert!(!written);
            (known.next_check_at, written) = (next, true);
        }
    }

    /// Another schedule counts from the last check, is due now at the earliest, and changes nothing while there is
    /// trouble.
    #[test]
    fn another_schedule_counts_from_the_last_check(
        every in prop::sample::select(Every::ALL.to_vec()),
        status in prop::sample::select(KeyStatus::ALL[1..].to_vec()),
        passed in 0_u64..2_000_000,
        trouble in any::<bool>(),
        jitter in 0.0f64..=1.0,
    ) {
        let now = NOW.plus(Duration::from_secs(passed));
        let before = Known {
            schedule: Bounds::default().schedule(Some(every)),
            last_validated: Some(NOW),
            last_result: trouble.then_some(Reason::Unreachable),
            ..known(status, 0, None)
        };
        let next = rescheduled(&before, now, jitter);
        if trouble || !matches!(status, KeyStatus::Valid | KeyStatus::Limited) {
            prop_assert_eq!(next, before.next_check_at);
        } else {
            prop_assert!(next >= now && next <= now.max(NOW.plus(every.time() * 6 / 5)));
            prop_assert!(next >= NOW.plus(every.time()));
        }
    }
}

fn report_without_quota() -> CheckReport {
    CheckReport { metadata: KeyMetadata::default(), ..report(Outcome::Valid, None, None) }
}

#[test]
fn a_key_that_works_is_not_put_off_while_anything_is_wrong_with_it() {
    let now = NOW.plus(Duration::from_secs(23 * HOUR));
    let good = Known {
        last_validated: Some(NOW),
        next_check_at: NOW.plus(Duration::from_secs(DAY)),
        ..known(KeyStatus::Valid, 0, None)
    };
    assert_eq!(after_use(&good, now, 1.0), Some(NOW.plus(Duration::from_secs(2 * DAY))));
    let quota = Quota { used: Some(95), limit: Some(100), ..Quota::default() };
    let nearly = KeyMetadata { quota: Some(quota), ..KeyMetadata::default() };
    for other in [
        Known { suspect: true, ..good.clone() },
        Known { status: KeyStatus::Exhausted, ..good.clone() },
        Known { due_since: Some(NOW), ..good.clone() },
        Known { last_result: Some(Reason::Unreachable), ..good.clone() },
        Known { metadata: nearly, ..good.clone() },
        Known { last_validated: None, ..good.clone() },
    ] {
        assert_eq!(after_use(&other, now, 0.0), None, "{other:?}");
    }
    // Long before its check there is nothing to put off.
    assert_eq!(after_use(&good, NOW.plus(Duration::from_secs(10 * HOUR)), 0.0), None);
}

#[test]
fn what_is_not_asked_changes_nothing_and_is_never_overdue() {
    let report = report(Outcome::NotAsked, None, None);
    let after = after_check(&Known::candidate(NOW), &report, NOW, 0.0);
    assert_eq!((after.status, after.last_validated, after.due_since), (KeyStatus::Unverified, None, None));
    assert_eq!(after.next_check_at, NOW.plus(Duration::from_secs(DAY)));
    assert_eq!(after_check(&known(KeyStatus::Valid, 2, None), &report, NOW, 0.0).status, KeyStatus::Valid);
    // What a check found that was agreed to stays, and so does what it rests on.
    let paid = CheckReport { outcome: Outcome::Valid, http_status: Some(200), ..report.clone() };
    let found = Known::after(after_check(&Known::candidate(NOW), &paid, NOW, 0.0), Schedule::default());
    let later = Known::after(
        after_check(&found, &report, NOW.plus(Duration::from_secs(DAY)), 0.0),
        Schedule::default(),
    );
    assert_eq!((later.status, later.last_result), (KeyStatus::Valid, found.last_result));
    assert_eq!((&later.evidence, later.last_validated), (&found.evidence, Some(NOW)));
}

#[test]
fn a_provider_that_asks_for_a_pause_gets_it_for_an_hour_at_most() {
    let minute = Duration::from_secs(MINUTE);
    for (asked, waits) in [(7 * minute, 7 * minute), (9999 * minute, LONGEST_PAUSE)] {
        let throttled = report(Outcome::RateLimited, None, Some(asked));
        let after =
            Known::after(after_check(&Known::candidate(NOW), &throttled, NOW, 0.0), Schedule::default());
        assert_eq!(after.must_wait(NOW), Some(waits));
        assert_eq!(after.next_check_at, NOW.plus(waits));
        assert_eq!(after.must_wait(NOW.plus(waits)), None);
        // The clock was moved back by a day: that is no reason to wait for a day.
        assert_eq!(after.must_wait(NOW.minus(Duration::from_secs(DAY))), None);
    }
}

#[test]
fn a_check_that_was_not_made_leaves_what_the_last_one_found() {
    let not_made = CheckReport {
        outcome: Outcome::NotAsked,
        reason: Reason::NotAnswering,
        ..report(Outcome::Unreachable, None, Some(Duration::from_secs(90)))
    };
    let failed = report(Outcome::Unreachable, None, None);
    let down =
        Known::after(after_check(&known(KeyStatus::Valid, 2, None), &failed, NOW, 0.0), Schedule::default());
    let later = NOW.plus(Duration::from_secs(HOUR));
    let after = after_check(&down, &not_made, later, 0.0);
    assert_eq!(after.next_check_at, later.plus(Duration::from_secs(90)));
    let next_check_at = NOW;
    assert_eq!(
        Known { next_check_at, ..Known::after(after, Schedule::default()) },
        Known { next_check_at, ..down }
    );
    let after = after_check(&Known::candidate(NOW), &not_made, NOW, 0.0);
    assert_eq!((after.status, after.evidence), (KeyStatus::Unverified, None));
    assert_eq!(after.last_result, Some(Reason::NotAnswering));
}

#[test]
fn an_empty_quota_is_checked_when_it_is_renewed() {
    let renewal = NOW.plus(Duration::from_secs(9 * DAY));
    let after =
        after_check(&Known::candidate(NOW), &report(Outcome::Exhausted, Some(renewal), None), NOW, 0.0);
    assert_eq!(after.next_check_at, renewal);
}

#[test]
fn an_outage_never_makes_a_good_key_invalid_and_keeps_what_is_known() {
    let mut good = known(KeyStatus::Valid, 3, None);
    good.metadata.plan = Some("Starter".into());
    let after = after_check(&good, &report(Outcome::Unreachable, None, None), NOW, 0.5);
    assert_eq!(after.status, KeyStatus::Valid);
    assert_eq!(after.metadata.plan.as_deref(), Some("Starter"));
    assert!(!is_stale(after.due_since, NOW));
    assert!(is_stale(after.due_since, NOW.plus(STALE_AFTER)));
}
