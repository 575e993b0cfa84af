//! Checks of credentials: of candidates, of stored ones whose user asks, and of those that are due.

use std::time::Duration;

use super::{Caller, Fields, Keys, Spending, jitter, seal};
use crate::{
    account::{Limit, internal},
    model::{
        check::CheckReport,
        error::{AppError, ErrorCode},
        ids::{ProviderId, UserId},
        key::KeyView,
        schedule::Every,
        status::Reason,
        time::Timestamp,
    },
    monitor::transition::{self, Known},
    providers::{Candidate, UsageSource},
    store::{CheckResult, KeyRow},
    vault::Undecryptable,
};

/// The longest wait of a due check for its turn. Shorter than its claim, which must not end before the answer is
/// written down.
const TURN: Duration = Duration::from_secs(60);

/// How an answer changes what is known.
type After = fn(&Known, &CheckReport, Timestamp, f64) -> CheckResult;

impl Keys {
    /// The candidate's check as it will stand on the row; an error when the provider rejects it.
    pub(super) async fn check_for_storing(
        &self,
        user: UserId,
        candidate: &Candidate,
        spending: Spending,
        every: Option<Every>,
    ) -> Result<CheckResult, AppError> {
        if !self.checking.enabled {
            return Ok(transition::unchecked(self.clock.now()));
        }
        let asked_at = self.clock.now();
        let report = self.providers.check_candidate(user, candidate, spending).await;
        if self.tells_of_outages(candidate.provider())
            && let Err(error) =
                self.outages.note_candidate(user, candidate.provider(), &report, asked_at).await
        {
            tracing::error!(%error, "the end of an outage could not be noted");
        }
        if let Some(status) = report.outcome.status()
            && !status.is_accepted()
        {
            let provider = candidate.provider().clone();
            return Err(AppError::refused(ErrorCode::InvalidApiKey, provider, Some(status), report.reason));
        }
        let now = self.clock.now();
        let schedule = self.checking.schedules.of(candidate.provider(), every);
        let known = Known { schedule, ..Known::candidate(now) };
        Ok(transition::after_check(&known, &report, now, jitter()))
    }

    /// Asks the provider about a credential that is not stored, and stores nothing.
    pub async fn check_candidate(
        &self,
        caller: Caller,
        provider: &ProviderId,
        fields: Fields,
        spending: Spending,
    ) -> Result<CheckReport, AppError> {
        let candidate = self.providers.prepare(provider, fields)?;
        self.count_new_key(caller).await?;
        Ok(self.providers.check_candidate(caller.user, &candidate, spending).await)
    }

    /// Asks the provider about the stored credential now, also while scheduled checks are off. Where the provider
    /// wants to be left alone, that is the answer, and how long.
    pub async fn check_now(
        &self,
        user: UserId,
        provider: &ProviderId,
        spending: Spending,
    ) -> Result<KeyView, AppError> {
        let key = self.askable(user, provider).await?;
        self.limiter.check(Limit::Checks, &[&user.to_string()]).await?;
        // Whoever asks wants to know at once, and looks again by asking again.
        self.ask_at_once(&key, spending, transition::after_check).await
    }

    /// The same for a service that has spent from the credential and wants the account's new figures. It counts as
    /// nothing that its user has asked for.
    pub async fn refresh(&self, user: UserId, provider: &ProviderId) -> Result<KeyView, AppError> {
        let key = self.askable(user, provider).await?;
        self.ask_at_once(&key, Spending::Refused, transition::after_scheduled_check).await
    }

    /// The stored credential, unless its provider wants to be left alone.
    async fn askable(&self, user: UserId, provider: &ProviderId) -> Result<KeyRow, AppError> {
        let key = self.stored(user, provider).await?;
        match self.known_of(&key).must_wait(self.clock.now()) {
            Some(wait) => Err(AppError::asked_to_wait(provider.clone(), wait)),
            None => Ok(key),
        }
    }

    async fn ask_at_once(&self, key: &KeyRow, spending: Spending, after: After) -> Result<KeyView, AppError> {
        let asked_at = self.clock.now();
        let outcome = self.ask(key, spending).await;
        // Calls that cost money are not made to find out when an outage ends, and so tell of none.
        if let (Ok(report), Spending::Refused) = (&outcome, spending) {
            self.note(key, report, asked_at).await;
        }
        if let Ok(report) = &outcome
            && report.reason == Reason::NotAnswering
        {
            return Err(not_answering(&key.provider, report.retry_after));
        }
        self.write_down(key, outcome, after).await?;
        self.view(key.user, &key.provider).await
    }

    /// Asks the provider about a stored credential whose check is due, when it is its turn, and writes down the
    /// answer, unless the row has changed meanwhile. What has to wait too long for its turn is left as it is, and so is
    /// what a process that stood still for longer than its claim has lost to others.
    pub async fn check(&self, key: &KeyRow) -> Result<(), AppError> {
        let turn = tokio::time::timeout(TURN, self.providers.background(&key.provider)).await;
        let Ok(_turn) = turn else { return Ok(()) };
        let asked_at = self.clock.now();
        if self.has_lost(key) {
            return Ok(());
        }
        let check = self.traces.check(&key.provider);
        let outcome = check.around(self.ask(key, Spending::Refused)).await;
        match &outcome {
            Ok(report) => check.ended(report.reason.code(), true),
            Err(Undecryptable) => check.ended("undecryptable", false),
        }
        if let (Ok(report), false) = (&outcome, self.has_lost(key)) {
            self.note(key, report, asked_at).await;
        }
        self.write_down(key, outcome, transition::after_scheduled_check).await
    }

    /// Whether the claim of a key that is checked by schedule is over.
    fn has_lost(&self, key: &KeyRow) -> bool {
        self.clock.now() >= key.next_check_at
    }

    /// The providers that are asked by schedule as much as is good just now.
    pub fn crowded(&self) -> Vec<ProviderId> {
        self.providers.crowded()
    }

    /// Claims stored credentials whose check is due, for the time of `lease`.
    pub async fn claim_due(
        &self,
        limit: i64,
        lease: Duration,
        crowded: &[ProviderId],
    ) -> Result<Vec<KeyRow>, AppError> {
        self.outages.claim(limit, lease, crowded).await.map_err(|e| internal(&e))
    }

    async fn ask(&self, key: &KeyRow, spending: Spending) -> Result<CheckReport, Undecryptable> {
        self.providers.check_stored(&seal::stored(key), UsageSource::Check, spending).await
    }

    /// Notes what an answer says of the provider.
    async fn note(&self, key: &KeyRow, report: &CheckReport, asked_at: Timestamp) {
        if self.tells_of_outages(&key.provider)
            && let Err(error) = self.outages.note(key.user, &key.provider, report, asked_at).await
        {
            tracing::error!(%error, "an outage could not be noted");
        }
    }

    /// Whether trouble is the provider's: at an address that its user typed it is not. While nothing is asked by
    /// schedule, nobody would find out that it is over.
    fn tells_of_outages(&self, provider: &ProviderId) -> bool {
        self.checking.enabled && !self.providers.is_hosted_by_users(provider)
    }

    /// Ends what is known of outages, where keys are not checked by schedule.
    pub async fn forget_outages(&self) {
        if let Err(error) = self.outages.end_all().await {
            tracing::error!(%error, "outages could not be ended");
        }
    }

    async fn write_down(
        &self,
        key: &KeyRow,
        outcome: Result<CheckReport, Undecryptable>,
        after: After,
    ) -> Result<(), AppError> {
        let now = self.clock.now();
        match outcome {
            Ok(report) => {
                let mut result = after(&self.known_of(key), &report, now, jitter());
                if let Some(place) = self.outages.place(key, &report) {
                    result.next_check_at = result.not_before.map_or(place, |until| place.max(until));
                }
                let written = self.store.record_check(key, &result, &self.audit, now).await;
                if !written.map_err(|e| internal(&e))? {
                    tracing::info!(provider = %key.provider, "an answer came late and is fenced off: the key has changed, or others check it");
                }
            }
            Err(Undecryptable) => {
                let again = now.plus(transition::UNDECRYPTABLE);
                let flagged = self.store.record_undecryptable(key, again, &self.audit, now).await;
                flagged.map_err(|e| internal(&e))?;
            }
        }
        Ok(())
    }
}

/// Nobody was asked: the provider fails whoever asks it.
fn not_answering(provider: &ProviderId, wait: Option<Duration>) -> AppError {
    let code = ErrorCode::ProviderUnreachable;
    let error = AppError::refused(code, provider.clone(), None, Reason::NotAnswering);
    AppError { retry_after: wait.map(|wait| wait.as_secs() + 1), ..error }
}
