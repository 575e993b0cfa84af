//! A stored credential as its owner sees it.

use super::Keys;
use crate::{
    account::internal,
    model::{
        ability::{ServiceAbilities, abilities},
        access::CredentialState,
        error::AppError,
        ids::{ProviderId, UserId},
        key::{KeyMetadata, KeyView, Source},
        outage::Outage,
        provider,
        quota::{LOOK_BACK, forecast},
        status::{KeyStatus, Reason},
        time::Timestamp,
    },
    monitor::transition,
    store::{KeyRow, QuotaSeries},
};

impl Keys {
    /// A provider's name for people.
    pub fn provider_name(&self, provider: &ProviderId) -> String {
        self.providers
            .info(provider)
            .map_or_else(|| provider::provider_name(provider), |info| info.name.clone())
    }

    /// What a credential can do for the services that can use it.
    pub(super) fn abilities(&self, state: &CredentialState, known: &KeyMetadata) -> Vec<ServiceAbilities> {
        let info = self.providers.info(&state.provider);
        info.map(|info| abilities(state, known, info, self.policy())).unwrap_or_default()
    }

    /// Says of each whose provider answers nobody since when.
    pub(super) async fn tell_outages(&self, views: &mut [KeyView]) -> Result<(), AppError> {
        if !self.checking.enabled {
            // Nobody asks, so nobody finds out that it is over.
            return Ok(());
        }
        for outage in self.store.outages().await.map_err(|e| internal(&e))?.into_iter().filter(Outage::is_on)
        {
            for view in views.iter_mut().filter(|view| view.provider == outage.provider) {
                // To the minute: more would tell when somebody else's key was checked.
                view.provider_down_since =
                    Some(Timestamp::from_seconds(outage.began_at.seconds().div_euclid(60) * 60));
            }
        }
        Ok(())
    }

    /// Since when a definite answer is due. A key that an outage holds back has not been claimed, and is due all the same.
    fn due_since(&self, row: &KeyRow) -> Option<Timestamp> {
        row.due_since.or_else(|| self.checking.enabled.then_some(row.next_check_at))
    }

    /// What checks told lately of the quotas of the user's keys.
    pub(super) async fn quotas(&self, user: UserId) -> Result<Vec<QuotaSeries>, AppError> {
        let since = self.clock.now().minus(LOOK_BACK);
        self.store.quota_points(user, since).await.map_err(|e| internal(&e))
    }

    pub(super) fn view_of(&self, row: &KeyRow, quotas: &[QuotaSeries]) -> KeyView {
        let quota = quotas.iter().find(|quota| quota.provider == row.provider);
        let name = self.provider_name(&row.provider);
        let field = |name| row.config.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        KeyView {
            provider: row.provider.clone(),
            status: row.status,
            status_reason: sentence(row.status, row.status_reason, row.last_result, &name),
            is_active: row.status.is_accepted() && !row.undecryptable,
            undecryptable: row.undecryptable,
            stale: transition::is_stale(self.due_since(row), self.clock.now()),
            provider_down_since: None,
            hint: row.hint.clone(),
            form: field("form").unwrap_or_default(),
            region: field("region"),
            last_validated: row.last_validated,
            next_check_at: self.checking.enabled.then_some(row.next_check_at),
            check_every: self.checking.schedules.of(&row.provider, row.check_every).every(),
            check_choices: self.choices(&row.provider),
            metadata: row.metadata.clone(),
            forecast: quota.and_then(|quota| forecast(&quota.points, &quota.unit, self.clock.now())),
            services: self.abilities(&state_of(row), &row.metadata),
            evidence: row.evidence.clone(),
            source: Source::User,
            version: row.credential_version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            name,
        }
    }
}

/// What the evaluator has to know of a user's own credential.
fn state_of(row: &KeyRow) -> CredentialState {
    let provider = row.provider.clone();
    CredentialState {
        undecryptable: row.undecryptable,
        ..CredentialState::of(provider, row.status, row.status_reason, &row.metadata, Source::User)
    }
}

/// What there is to say beyond the status: why the last check brought nothing new, or why the status
/// is not simply "valid".
pub(super) fn sentence(
    status: KeyStatus,
    why: Option<Reason>,
    last_result: Option<Reason>,
    name: &str,
) -> Option<String> {
    let why = why.filter(|reason| {
        *reason != Reason::Accepted && !(status == KeyStatus::Unverified && last_result.is_some())
    });
    let parts: Vec<_> = why.into_iter().chain(last_result).map(|reason| reason.sentence(name)).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}
