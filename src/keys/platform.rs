//! The operator's own keys stand in where a user has none, and only there: a user's own broken key is never
//! replaced silently.

use std::borrow::Cow;

use super::Keys;
use crate::{
    account::Limit,
    model::{
        access::CredentialState,
        error::AppError,
        ids::{ProviderId, UserId},
        key::{KeyMetadata, KeyView, Source},
        status::{KeyStatus, Reason},
    },
    monitor::{PlatformKey, jitter, transition},
    providers::{PlatformCredential, Usable},
};

impl Keys {
    /// The credential a service may call its provider with: the user's own, else the operator's, which counts
    /// against the user's day.
    pub async fn credential(&self, user: UserId, provider: &ProviderId) -> Result<Usable, AppError> {
        let usable = self.credential_at_hand(user, provider).await?;
        self.count_use(&usable).await?;
        Ok(usable)
    }

    /// The same, uncounted: for what has been ordered before and must be brought to its end.
    pub async fn credential_at_hand(&self, user: UserId, provider: &ProviderId) -> Result<Usable, AppError> {
        if let Some(own) = self.find(user, provider).await? {
            return Ok(super::seal::stored(&own).into());
        }
        let key = self.platform.get(provider).ok_or_else(|| self.missing(provider))?;
        Ok(Usable::Platform(PlatformCredential { user, credential: key.credential }))
    }

    /// Counts a use of the operator's key against the user's day. A key of the user's own does not count.
    pub async fn count_use(&self, usable: &Usable) -> Result<(), AppError> {
        let Usable::Platform(PlatformCredential { user, credential }) = usable else { return Ok(()) };
        self.limiter.check(Limit::PlatformCalls, &[&user.to_string()]).await.map_err(|error| AppError {
            provider: Some(credential.provider().clone()),
            ..error.as_platform_limit()
        })
    }

    /// How all credentials stand that count for a user: their own, and the operator's where they have none.
    pub(super) async fn with_platform<'a>(
        &self,
        user: UserId,
        own: &'a [CredentialState],
    ) -> Result<Cow<'a, [CredentialState]>, AppError> {
        if self.platform.is_empty() {
            return Ok(Cow::Borrowed(own));
        }
        Ok(Cow::Owned(self.filled_up(own, self.is_capped(user).await?)))
    }

    /// Whether the user has used the operator's keys as often as a day allows.
    pub(super) async fn is_capped(&self, user: UserId) -> Result<bool, AppError> {
        if self.platform.is_empty() {
            return Ok(false);
        }
        self.limiter.is_full(Limit::PlatformCalls, &[&user.to_string()]).await
    }

    /// `own`, and the operator's keys for providers that are not among them.
    pub(super) fn filled_up(&self, own: &[CredentialState], capped: bool) -> Vec<CredentialState> {
        let supplied = self.platform.all();
        let supplied = supplied.iter().map(|key| platform_state(key, capped));
        let more = supplied.filter(|state| own.iter().all(|own| own.provider != state.provider));
        own.iter().cloned().chain(more).collect()
    }

    /// The operator's keys as a user sees them who has none for their providers. Account, plan and figures are
    /// the operator's own business.
    pub(super) fn platform_views(&self, own: &[KeyView], capped: bool) -> Vec<KeyView> {
        let supplied = self.platform.all();
        let more = supplied.into_iter().filter(|key| {
            let provider = key.credential.provider();
            own.iter().all(|own| own.provider != *provider)
        });
        more.map(|key| self.platform_view(&key, capped)).collect()
    }

    fn platform_view(&self, key: &PlatformKey, capped: bool) -> KeyView {
        let provider = key.credential.provider();
        let known = &key.known;
        let name = self.provider_name(provider);
        KeyView {
            provider: provider.clone(),
            status: known.status,
            status_reason: super::view::sentence(known.status, known.status_reason, known.last_result, &name),
            is_active: known.status.is_accepted(),
            undecryptable: false,
            stale: transition::is_stale(known.due_since, self.clock.now()),
            provider_down_since: None,
            hint: String::new(),
            form: String::new(),
            region: key.credential.region().map(str::to_owned),
            last_validated: known.last_validated,
            next_check_at: None,
            check_every: known.schedule.every(),
            check_choices: Vec::new(),
            metadata: KeyMetadata {
                capabilities: known.metadata.capabilities.clone(),
                ..KeyMetadata::default()
            },
            forecast: None,
            services: self.abilities(&platform_state(key, capped), &known.metadata),
            evidence: None,
            source: Source::Platform,
            version: 0,
            created_at: key.since,
            updated_at: known.last_validated.unwrap_or(key.since),
            name,
        }
    }

    /// Asks the providers about the operator's keys whose check is due; answers how many there were.
    pub async fn check_platform_keys(&self) -> usize {
        let due = self.platform.due(self.clock.now());
        let checks = due.iter().map(|key| async move {
            let provider = key.credential.provider();
            let _turn = self.providers.background(provider).await;
            let check = self.traces.check(provider);
            let report = check.around(self.providers.check_platform(&key.credential)).await;
            check.ended(report.reason.code(), true);
            self.platform.record(provider, &report, self.clock.now(), jitter());
            let status = report.outcome.status().unwrap_or(KeyStatus::Unverified);
            if !status.is_accepted() {
                tracing::warn!(%provider, %status, reason = report.reason.code(), "the installation's own key is not usable");
            }
        });
        futures::future::join_all(checks).await;
        due.len()
    }
}

fn platform_state(key: &PlatformKey, capped: bool) -> CredentialState {
    let known = &key.known;
    let (status, reason) = match capped && known.status.is_accepted() {
        true => (KeyStatus::Exhausted, Some(Reason::PlatformLimit)),
        false => (known.status, known.status_reason),
    };
    let provider = key.credential.provider().clone();
    CredentialState::of(provider, status, reason, &known.metadata, Source::Platform)
}
