//! How a check's answer changes what is known of a credential, and when to ask again. Pure.
//!
//! Only a definite answer changes the status. No status is a dead end: every result sets the time of
//! the next check.

use std::time::Duration;

use crate::{
    model::{
        check::{CheckReport, Evidence, Outcome},
        key::KeyMetadata,
        schedule::{Schedule, is_nearly_used_up},
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
/// Waiting time of a credential that may not be asked about.
const NOT_ASKED: &[u64] = &[DAY];
/// How soon a refusal of an accepted credential is looked at again.
const SECOND_LOOK: &[u64] = &[20];

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
    /// It was refused, and no definite answer has confirmed or denied that yet.
    pub suspect: bool,
    /// How often it is checked while it is accepted.
    pub schedule: Schedule,
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
            suspect: false,
            schedule: Schedule::default(),
        }
    }

    /// A stored credential that is checked by this schedule.
    pub fn of(key: &KeyRow, schedule: Schedule) -> Self {
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
            suspect: key.suspect,
            schedule,
        }
    }

    /// What a check has left, of a credential that is checked by this schedule.
    pub fn after(result: CheckResult, schedule: Schedule) -> Self {
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
            suspect: result.suspect,
            schedule,
        }
    }

    /// Nothing has changed but when the next check is due.
    fn unchanged(&self, next_check_at: Timestamp) -> CheckResult {
        CheckResult {
            status: self.status,
            status_reason: self.status_reason,
            last_result: self.last_result,
            last_validated: self.last_validated,
            next_check_at,
            not_before: self.not_before,
            due_since: self.due_since,
            check_step: self.check_step,
            metadata: self.metadata.clone(),
            evidence: self.evidence.clone(),
            suspect: self.suspect,
        }
    }

    /// How long it takes until the provider wants to be asked again, if it does not now.
    pub fn must_wait(&self, now: Timestamp) -> Option<Duration> {
        // A longer wait than any provider is granted means that the clock was moved.
        let left = self.not_before?.since(now);
        (!left.is_zero() && left <= LONGEST_PAUSE).then_some(left)
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

/// The state after a check by schedule: one refusal does not turn an accepted credential away, a second look does. One
/// that was refused in real use before has had its first.
pub fn after_scheduled_check(
    known: &Known,
    report: &CheckReport,
    now: Timestamp,
    jitter: f64,
) -> CheckResult {
    let refused = matches!(report.outcome, Outcome::Invalid | Outcome::Suspended);
    if refused && known.status.is_accepted() && !known.suspect {
        return doubted(known, now, jitter);
    }
    after_check(known, report, now, jitter)
}

/// Nothing is known that was not known before, but for the doubt.
fn doubted(known: &Known, now: Timestamp, jitter: f64) -> CheckResult {
    CheckResult {
        due_since: Some(known.due_since.unwrap_or(now)),
        suspect: true,
        ..known.unchanged(now.plus(wait(SECOND_LOOK, 0, jitter)))
    }
}

/// When the next check is due of a credential that has just worked in real use: when it is most of an interval ago that it
/// was checked, one check is left out. Nothing where that is no reason to put it off, or one is left out already, so that the
/// row is written once between two checks, however much it is used. Near the end of a quota only a check tells how much
/// is left.
pub fn after_use(known: &Known, now: Timestamp, jitter: f64) -> Option<Timestamp> {
    let sound = matches!(known.status, KeyStatus::Valid | KeyStatus::Limited)
        && !known.suspect
        && known.last_result.is_none()
        && known.due_since.is_none();
    let quota = known.metadata.quota.as_ref();
    if !sound || quota.is_some_and(is_nearly_used_up) {
        return None;
    }
    let (interval, last) = (known.schedule.interval(quota), known.last_validated?);
    let place = last.plus(interval * 2 - interval / 5 + spread(interval, jitter));
    let late = now.since(last) >= interval * 3 / 5;
    (late && place > known.next_check_at.plus(interval / 2)).then_some(place)
}

/// When the next check is due after its owner has chosen another schedule: as if that had been in force at the last.
pub fn rescheduled(known: &Known, now: Timestamp, jitter: f64) -> Timestamp {
    let last = match (known.status, known.last_result, known.due_since) {
        (KeyStatus::Valid | KeyStatus::Limited, None, None) if !known.suspect => known.last_validated,
        _ => None,
    };
    let Some(last) = last else { return known.next_check_at };
    let interval = known.schedule.interval(known.metadata.quota.as_ref());
    last.plus(interval + spread(interval, jitter)).max(known.not_before.unwrap_or(now)).max(now)
}

/// Nobody was asked, so no answer is overdue; and as nothing changes by waiting, a day is soon enough. What a check
/// found to which the owner agreed stays.
fn not_asked(known: &Known, report: &CheckReport, now: Timestamp, jitter: f64) -> CheckResult {
    let found = known.evidence.clone().filter(|_| known.last_validated.is_some());
    CheckResult {
        last_result: if found.is_some() { known.last_result } else { Some(report.reason) },
        due_since: None,
        check_step: 0,
        evidence: Some(found.unwrap_or_else(|| Evidence::of(report, now))),
        ..known.unchanged(now.plus(wait(NOT_ASKED, 0, jitter)))
    }
}

/// Nobody was asked, because the provider does not answer at the moment: what the last real check found stays, and
/// the next comes soon.
fn put_off(known: &Known, report: &CheckReport, now: Timestamp, jitter: f64) -> CheckResult {
    let pause = wait(UNVERIFIED, 0, jitter).max(report.retry_after.unwrap_or_default());
    CheckResult {
        last_result: known.last_result.or(Some(report.reason)),
        due_since: Some(known.due_since.unwrap_or(now)),
        check_step: if known.last_result.is_some() { known.check_step } else { 0 },
        ..known.unchanged(now.plus(pause))
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
        suspect: false,
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
        (KeyStatus::Valid | KeyStatus::Limited, _) => {
            let interval = known.schedule.interval(report.metadata.quota.as_ref());
            now.plus(interval + spread(interval, jitter))
        }
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
        suspect: false,
    }
}

fn no_answer(known: &Known, report: &CheckReport, now: Timestamp, jitter: f64) -> CheckResult {
    let step = if known.last_result.is_some() { known.check_step.saturating_add(1) } else { 0 };
    let asked = report.retry_after.map(|asked| asked.min(LONGEST_PAUSE));
    let pause = asked.map(|asked| asked + spread(asked, jitter)).unwrap_or_default();
    CheckResult {
        last_result: Some(report.reason),
        not_before: asked.map(|asked| now.plus(asked)),
        due_since: Some(known.due_since.unwrap_or(now)),
        check_step: step,
        evidence: Some(Evidence::of(report, now)),
        ..known.unchanged(now.plus(pause.max(wait(UNVERIFIED, step, jitter))))
    }
}

fn ladder(status: KeyStatus) -> &'static [u64] {
    match status {
        // Accepted ones follow their schedule.
        KeyStatus::Missing | KeyStatus::Unverified | KeyStatus::Valid | KeyStatus::Limited => UNVERIFIED,
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
mod tests;
