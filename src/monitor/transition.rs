//! How a check's answer changes what is known of a credential, and when to ask again. Pure.
//!
//! Only a definite answer changes the status. No status is a dead end: every result sets the time of
//! the next check.

use std::time::Duration;

use crate::{
    model::{
        check::{CheckReport, Evidence, Outcome},
        key::KeyMetadata,
        status::{KeyStatus, Reason},
        time::Timestamp,
    },
    store::{CheckResult, KeyRow},
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Waiting times of a credential without a definite answer, in seconds; the last one repeats.
const UNVERIFIED: &[u64] = &[MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR];
/// Waiting times of a rejected credential.
const REJECTED: &[u64] = &[HOUR, 6 * HOUR, DAY, 7 * DAY];
/// Waiting time of a credential with an empty quota whose renewal the provider does not tell.
const EXHAUSTED: &[u64] = &[6 * HOUR];
/// Waiting time of an accepted credential.
const ACCEPTED: &[u64] = &[DAY];

/// A definite answer is called overdue after this long.
pub const STALE_AFTER: Duration = Duration::from_secs(DAY);
/// A provider that asks to be left alone is left alone for this long at most.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(HOUR);
/// Waiting time of a credential that this installation cannot open.
pub const UNDECRYPTABLE: Duration = Duration::from_secs(DAY);

/// What is known of a credential before a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The status.
    pub status: KeyStatus,
    /// Why.
    pub status_reason: Option<Reason>,
    /// Why the last check gave no definite answer, if it gave none.
    pub last_result: Option<Reason>,
    /// The step on the ladder of waiting times.
    pub check_step: i64,
    /// When the provider last gave a definite answer.
    pub last_validated: Option<Timestamp>,
    /// Since when a definite answer is due.
    pub due_since: Option<Timestamp>,
    /// When the next check is due.
    pub next_check_at: Timestamp,
    /// The provider asked to be left alone until then.
    pub not_before: Option<Timestamp>,
    /// What the provider told of the account.
    pub metadata: KeyMetadata,
    /// What the last check rests on.
    pub evidence: Option<Evidence>,
}

impl Known {
    /// A candidate: nothing is known yet.
    pub fn candidate(now: Timestamp) -> Self {
        Self {
            status: KeyStatus::Unverified,
            status_reason: None,
            last_result: None,
            check_step: 0,
            last_validated: None,
            due_since: None,
            next_check_at: now,
            not_before: None,
            metadata: KeyMetadata::default(),
            evidence: None,
        }
    }

    /// How long it takes until the provider wants to be asked again, if it does not now.
    pub fn must_wait(&self, now: Timestamp) -> Option<Duration> {
        // A longer wait than any provider is granted means that the clock was moved.
        let left = self.not_before?.since(now);
        (!left.is_zero() && left <= LONGEST_PAUSE).then_some(left)
    }
}

impl From<&KeyRow> for Known {
    fn from(key: &KeyRow) -> Self {
        Self {
            status: key.status,
            status_reason: key.status_reason,
            last_result: key.last_result,
            check_step: key.check_step,
            last_validated: key.last_validated,
            due_since: key.due_since,
            next_check_at: key.next_check_at,
            not_before: key.not_before,
            metadata: key.metadata.clone(),
            evidence: key.evidence.clone(),
        }
    }
}

impl From<CheckResult> for Known {
    fn from(result: CheckResult) -> Self {
        Self {
            status: result.status,
            status_reason: result.status_reason,
            last_result: result.last_result,
            check_step: result.check_step,
            last_validated: result.last_validated,
            due_since: result.due_since,
            next_check_at: result.next_check_at,
            not_before: result.not_before,
            metadata: result.metadata,
            evidence: result.evidence,
        }
    }
}

/// The state after a check. `jitter`, from 0 to 1, spreads checks over a fifth of the waiting time.
pub fn after_check(known: &Known, report: &CheckReport, now: Timestamp, jitter: f64) -> CheckResult {
    match report.outcome.status() {
        Some(status) => definite(known, report, status, now, jitter),
        None if report.reason == Reason::NotAnswering => put_off(known, report, now, jitter),
        None if report.outcome == Outcome::NotAsked => not_asked(known, report, now, jitter),
        None => no_answer(known, report, now, jitter),
    }
}

/// Nobody was asked, so no answer is overdue; and as nothing changes by waiting, a day is soon enough. What a check
/// found to which the owner agreed stays.
fn not_asked(known: &Known, report: &CheckReport, now: Timestamp, jitter: f64) -> CheckResult {
    let found = known.evidence.clone().filter(|_| known.last_validated.is_some());
    CheckResult {
        status: known.status,
        status_reason: known.status_reason,
        last_result: if found.is_some() { known.last_result } else { Some(report.reason) },
        last_validated: known.last_validated,
        next_check_at: now.plus(wait(ACCEPTED, 0, jitter)),
        not_before: known.not_before,
        due_since: None,
        check_step: 0,
        metadata: known.metadata.clone(),
        evidence: Some(found.unwrap_or_else(|| Evidence::of(report, now))),
    }
}

/// Nobody was asked, because the provider does not answer at the moment: what the last real check found stays, and
/// the next comes soon.
fn put_off(known: &Known, report: &CheckReport, now: Timestamp, jitter: f64) -> CheckResult {
    let pause = wait(UNVERIFIED, 0, jitter).max(report.retry_after.unwrap_or_default());
    CheckResult {
        status: known.status,
        status_reason: known.status_reason,
        last_result: known.last_result.or(Some(report.reason)),
        last_validated: known.last_validated,
        next_check_at: now.plus(pause),
        not_before: known.not_before,
        due_since: Some(known.due_since.unwrap_or(now)),
        check_step: if known.last_result.is_some() { known.check_step } else { 0 },
        metadata: known.metadata.clone(),
        evidence: known.evidence.clone(),
    }
}

/// The state of a credential that is stored without a check, because checking is switched off.
pub fn unchecked(now: Timestamp) -> CheckResult {
    CheckResult {
        status: KeyStatus::Unverified,
        status_reason: Some(Reason::CheckingOff),
        last_result: None,
        last_validated: None,
        next_check_at: now,
        not_before: None,
        due_since: None,
        check_step: 0,
        metadata: KeyMetadata::default(),
        evidence: None,
    }
}

fn definite(
    known: &Known,
    report: &CheckReport,
    status: KeyStatus,
    now: Timestamp,
    jitter: f64,
) -> CheckResult {
    let accepted = status.is_accepted();
    let again = status == known.status && known.last_result.is_none();
    let step = if again { known.check_step.saturating_add(1) } else { 0 };
    let renewal = report.metadata.quota.as_ref().and_then(|quota| quota.resets_at).filter(|at| *at > now);
    let next_check_at = match (status, renewal) {
        (KeyStatus::Exhausted, Some(at)) => at.plus(spread(Duration::from_secs(10 * MINUTE), jitter)),
        _ => now.plus(wait(ladder(status), step, jitter)),
    };
    CheckResult {
        status,
        status_reason: Some(report.reason),
        last_result: None,
        last_validated: Some(now),
        next_check_at,
        not_before: None,
        due_since: None,
        check_step: step,
        // What a rejected key's account was stays visible: it tells which key it was.
        metadata: if accepted { report.metadata.clone() } else { known.metadata.clone() },
        evidence: Some(Evidence::of(report, now)),
    }
}

fn no_answer(known: &Known, report: &CheckReport, now: Timestamp, jitter: f64) -> CheckResult {
    let step = if known.last_result.is_some() { known.check_step.saturating_add(1) } else { 0 };
    let asked = report.retry_after.map(|asked| asked.min(LONGEST_PAUSE));
    let pause = asked.map(|asked| asked + spread(asked, jitter)).unwrap_or_default();
    CheckResult {
        status: known.status,
        status_reason: known.status_reason,
        last_result: Some(report.reason),
        last_validated: known.last_validated,
        next_check_at: now.plus(pause.max(wait(UNVERIFIED, step, jitter))),
        not_before: asked.map(|asked| now.plus(asked)),
        due_since: Some(known.due_since.unwrap_or(now)),
        check_step: step,
        metadata: known.metadata.clone(),
        evidence: Some(Evidence::of(report, now)),
    }
}

fn ladder(status: KeyStatus) -> &'static [u64] {
    match status {
        KeyStatus::Missing | KeyStatus::Unverified => UNVERIFIED,
        KeyStatus::Valid | KeyStatus::Limited => ACCEPTED,
        KeyStatus::Exhausted => EXHAUSTED,
        KeyStatus::Invalid | KeyStatus::Suspended => REJECTED,
    }
}

fn wait(ladder: &[u64], step: i64, jitter: f64) -> Duration {
    let index = usize::try_from(step).unwrap_or(0).min(ladder.len().saturating_sub(1));
    let base = Duration::from_secs(ladder.get(index).copied().unwrap_or(DAY));
    base + spread(base, jitter)
}

/// Up to a fifth of `base`, so that keys stored together are not checked together for ever.
fn spread(base: Duration, jitter: f64) -> Duration {
    base.mul_f64(jitter.clamp(0.0, 1.0) / 5.0)
}

/// Whether a definite answer is overdue: a label that never blocks.
pub fn is_stale(due_since: Option<Timestamp>, now: Timestamp) -> bool {
    due_since.is_some_and(|since| now.since(since) >= STALE_AFTER)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::key::Quota;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn report(outcome: Outcome, resets_at: Option<Timestamp>, retry_after: Option<Duration>) -> CheckReport {
        let quota = Quota { used: Some(1), limit: Some(1), unit: "searches".into(), resets_at };
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

    #[test]
    fn what_is_not_asked_changes_nothing_and_is_never_overdue() {
        let report = report(Outcome::NotAsked, None, None);
        let after = after_check(&Known::candidate(NOW), &report, NOW, 0.0);
        assert_eq!(
            (after.status, after.last_validated, after.due_since),
            (KeyStatus::Unverified, None, None)
        );
        assert_eq!(after.next_check_at, NOW.plus(Duration::from_secs(DAY)));
        assert_eq!(
            after_check(&known(KeyStatus::Valid, 2, None), &report, NOW, 0.0).status,
            KeyStatus::Valid
        );
        // What a check found that was agreed to stays, and so does what it rests on.
        let paid = CheckReport { outcome: Outcome::Valid, http_status: Some(200), ..report.clone() };
        let found = Known::from(after_check(&Known::candidate(NOW), &paid, NOW, 0.0));
        let later = Known::from(after_check(&found, &report, NOW.plus(Duration::from_secs(DAY)), 0.0));
        assert_eq!((later.status, later.last_result), (KeyStatus::Valid, found.last_result));
        assert_eq!((&later.evidence, later.last_validated), (&found.evidence, Some(NOW)));
    }

    #[test]
    fn a_provider_that_asks_for_a_pause_gets_it_for_an_hour_at_most() {
        let minute = Duration::from_secs(MINUTE);
        for (asked, waits) in [(7 * minute, 7 * minute), (9999 * minute, LONGEST_PAUSE)] {
            let throttled = report(Outcome::RateLimited, None, Some(asked));
            let after = Known::from(after_check(&Known::candidate(NOW), &throttled, NOW, 0.0));
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
        let down = Known::from(after_check(&known(KeyStatus::Valid, 2, None), &failed, NOW, 0.0));
        let later = NOW.plus(Duration::from_secs(HOUR));
        let after = after_check(&down, &not_made, later, 0.0);
        assert_eq!(after.next_check_at, later.plus(Duration::from_secs(90)));
        let next_check_at = NOW;
        assert_eq!(Known { next_check_at, ..Known::from(after) }, Known { next_check_at, ..down });
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
}
