//! Use cases of stored credentials: store, validate, replace, delete, list, decide access.

mod checks;
mod platform;
mod schedule;
mod seal;
mod view;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use secrecy::SecretString;

use crate::{
    account::{Limit, Limiter, internal, network},
    clock::Clock,
    model::{
        access::{self, AccessDecision, CredentialState, Policy},
        error::{AppError, ErrorCode},
        ids::{KeyId, ProviderId, UserId},
        key::KeyView,
        page::{ProviderCard, SettingsPage},
        provider::ProviderInfo,
        schedule::Schedules,
        service::ServiceId,
        status::{KeyStatus, Reason},
        time::Timestamp,
    },
    monitor::{Outages, PlatformKeys},
    providers::Providers,
    store::{KeyRow, NewKey, Replacement, Store, StoreError},
    telemetry::traces::Traces,
    vault::{AuditKey, Vault},
};

pub use crate::providers::Spending;

/// Replaced credentials are destroyed after this long.
const RETIREMENT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Unverified credentials count for this long after checking is switched on again.
const SWITCHED_ON_GRACE: Duration = Duration::from_secs(24 * 3600);

pub use crate::monitor::jitter;

/// How the installation treats checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checking {
    /// Credentials are checked when they are stored, and by schedule.
    pub enabled: bool,
    /// When that was last switched on again.
    pub on_since: Option<Timestamp>,
    /// How often keys are checked, and users may have them checked.
    pub schedules: Schedules,
}

/// Who stores a key, and from where: both are limited.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// The client's address.
    pub address: IpAddr,
}

/// The permission to spend a user's keys on a service. Only the evaluator's yes makes one, so a use
/// case that asks for a grant cannot be reached around the gate.
#[derive(Debug)]
pub struct Grant {
    user: UserId,
    decision: AccessDecision,
}

impl Grant {
    /// Whose keys may be spent.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The service they may be spent on.
    pub fn service(&self) -> ServiceId {
        self.decision.service
    }

    /// The decision behind the permission.
    pub fn into_decision(self) -> AccessDecision {
        self.decision
    }
}

/// The fields of a credential as they were sent.
pub type Fields = BTreeMap<String, SecretString>;

/// The use cases of stored credentials.
pub struct Keys {
    store: Store,
    vault: Arc<Vault>,
    providers: Arc<Providers>,
    limiter: Limiter,
    audit: Arc<AuditKey>,
    clock: Arc<dyn Clock>,
    checking: Checking,
    platform: Arc<PlatformKeys>,
    outages: Outages,
    traces: Traces,
}

impl Keys {
    /// The use cases over these rooms.
    pub fn new(
        store: Store,
        vault: Arc<Vault>,
        providers: Arc<Providers>,
        limiter: Limiter,
        audit: Arc<AuditKey>,
        clock: Arc<dyn Clock>,
        checking: Checking,
    ) -> Self {
        let (platform, traces) = (Arc::default(), Traces::default());
        let outages = Outages::new(store.clone(), clock.clone());
        Self { store, vault, providers, limiter, audit, clock, checking, platform, outages, traces }
    }

    /// The same, with a span for each check by schedule.
    #[must_use]
    pub fn traced(self, traces: Traces) -> Self {
        Self { traces, ..self }
    }

    /// The same, with the operator's keys standing in where users have none.
    #[must_use]
    pub fn supplied_with(self, platform: Arc<PlatformKeys>) -> Self {
        Self { platform, ..self }
    }

    /// The catalogue.
    pub fn providers(&self) -> Vec<ProviderInfo> {
        self.providers.infos()
    }

    /// Checks a credential with its provider and stores it. An accepted one is stored with what the
    /// provider told; one whose provider could not be asked is stored as unverified; a rejected one is
    /// not stored.
    pub async fn store(
        &self,
        caller: Caller,
        provider: &ProviderId,
        fields: Fields,
        spending: Spending,
    ) -> Result<KeyView, AppError> {
        let candidate = self.providers.prepare(provider, fields)?;
        if self.find(caller.user, provider).await?.is_some() {
            return Err(exists(provider));
        }
        self.count_new_key(caller).await?;
        let check = self.check_for_storing(caller.user, &candidate, spending, None).await?;
        let id = KeyId::generate();
        let now = self.clock.now();
        let dek = self.dek_of(caller.user).await?;
        let sealed = self.seal(caller.user, id, &dek, &candidate, 1)?;
        let config = candidate.config();
        let key = NewKey {
            id,
            user: caller.user,
            provider,
            encrypted_key: &sealed.envelope,
            dek: &dek,
            config: &config,
            hint: &candidate.hint(),
            webhook: sealed.webhook,
            check: &check,
        };
        match self.store.insert_key(&key, &self.audit, now).await {
            Ok(()) => self.view(caller.user, provider).await,
            Err(StoreError::Duplicate) => Err(exists(provider)),
            Err(error) => Err(internal(&error)),
        }
    }

    /// Checks a credential and puts it in the place of the stored one. The old one stays untouched
    /// unless the provider accepted the new one (or checking is switched off).
    pub async fn replace(
        &self,
        caller: Caller,
        provider: &ProviderId,
        fields: Fields,
        spending: Spending,
    ) -> Result<KeyView, AppError> {
        let candidate = self.providers.prepare(provider, fields)?;
        let old = self.stored(caller.user, provider).await?;
        self.count_new_key(caller).await?;
        let check = self.check_for_storing(caller.user, &candidate, spending, old.check_every).await?;
        let reason = check.last_result.unwrap_or(Reason::Unreachable);
        // One that was not tried takes the place of one that was not tried either.
        let untried = reason == Reason::CheckCostsMoney && !old.status.is_accepted();
        let unanswered = check.status == KeyStatus::Unverified && !untried;
        if self.checking.enabled && unanswered {
            return Err(AppError::refused(ErrorCode::ProviderUnreachable, provider.clone(), None, reason));
        }
        let now = self.clock.now();
        let dek = self.dek_of(caller.user).await?;
        let sealed =
            self.seal(caller.user, old.id, &dek, &candidate, old.credential_version.saturating_add(1))?;
        let config = candidate.config();
        let replacement = Replacement {
            old: &old,
            retired: self.retire(&old),
            destroy_after: now.plus(RETIREMENT),
            encrypted_key: &sealed.envelope,
            dek: &dek,
            config: &config,
            hint: &candidate.hint(),
            webhook: sealed.webhook,
            check: &check,
        };
        let swapped = self.store.replace_key(&replacement, &self.audit, now).await;
        if !swapped.map_err(|e| internal(&e))? {
            return Err(AppError { provider: Some(provider.clone()), ..AppError::new(ErrorCode::Conflict) });
        }
        self.view(caller.user, provider).await
    }

    /// Deletes the stored credential. What was made with it stays.
    pub async fn delete(&self, user: UserId, provider: &ProviderId) -> Result<(), AppError> {
        let deleted = self.store.delete_key(user, provider, &self.audit, self.clock.now()).await;
        if deleted.map_err(|e| internal(&e))? { Ok(()) } else { Err(self.missing(provider)) }
    }

    /// The user's credentials, masked, by provider; and the operator's where the user has none.
    pub async fn list(&self, user: UserId) -> Result<Vec<KeyView>, AppError> {
        let rows = self.store.keys(user).await.map_err(|e| internal(&e))?;
        let quotas = self.quotas(user).await?;
        let mut views: Vec<_> = rows.iter().map(|row| self.view_of(row, &quotas)).collect();
        let capped = self.is_capped(user).await?;
        views.extend(self.platform_views(&views, capped));
        views.sort_by(|a, b| a.provider.cmp(&b.provider));
        self.tell_outages(&mut views).await?;
        Ok(views)
    }

    /// One of the user's own credentials, masked.
    pub async fn view(&self, user: UserId, provider: &ProviderId) -> Result<KeyView, AppError> {
        let row = self.stored(user, provider).await?;
        let mut view = self.view_of(&row, &self.quotas(user).await?);
        self.tell_outages(std::slice::from_mut(&mut view)).await?;
        Ok(view)
    }

    /// Whether a service may spend the user's keys.
    pub async fn decide(&self, user: UserId, service: ServiceId) -> Result<AccessDecision, AppError> {
        let own = self.store.credential_states(user).await.map_err(|e| internal(&e))?;
        Ok(access::decide(service, &self.with_platform(user, &own).await?, self.policy()))
    }

    /// The decisions for all services.
    pub async fn decisions(&self, user: UserId) -> Result<Vec<AccessDecision>, AppError> {
        let own = self.store.credential_states(user).await.map_err(|e| internal(&e))?;
        self.decide_all(user, &own).await
    }

    /// The decisions for all services, by how the user's own credentials stand.
    pub async fn decide_all(
        &self,
        user: UserId,
        own: &[CredentialState],
    ) -> Result<Vec<AccessDecision>, AppError> {
        let states = self.with_platform(user, own).await?;
        Ok(ServiceId::ALL.map(|service| access::decide(service, &states, self.policy())).into())
    }

    /// The services that are open for a user whose own credentials stand like this. Where the operator's stand in, it is
    /// as if the user had not used them today.
    pub fn open_services(&self, own: &[CredentialState]) -> impl Iterator<Item = ServiceId> {
        let (states, policy) = (self.filled_up(own, false), self.policy());
        ServiceId::ALL.into_iter().filter(move |service| access::decide(*service, &states, policy).granted)
    }

    /// The decision as a gate: an error that says how to open the service when it is closed.
    pub async fn require(&self, user: UserId, service: ServiceId) -> Result<Grant, AppError> {
        let own = self.store.credential_states(user).await.map_err(|e| internal(&e))?;
        self.require_with(user, service, &own).await
    }

    /// The same, where it is known already how the user's own credentials stand.
    pub async fn require_with(
        &self,
        user: UserId,
        service: ServiceId,
        own: &[CredentialState],
    ) -> Result<Grant, AppError> {
        let decision = access::decide(service, &self.with_platform(user, own).await?, self.policy());
        if decision.granted { Ok(Grant { user, decision }) } else { Err(AppError::blocked(decision)) }
    }

    /// Whether credentials are checked when they are stored.
    pub fn checks_on_store(&self) -> bool {
        self.checking.enabled
    }

    /// All that the settings page shows.
    pub async fn settings(&self, user: UserId) -> Result<SettingsPage, AppError> {
        let views = self.list(user).await?;
        let own = self.store.credential_states(user).await.map_err(|e| internal(&e))?;
        let policy = self.policy();
        let decisions = self.decide_all(user, &own).await?;
        let cards = self
            .providers
            .infos()
            .into_iter()
            .map(|info| {
                let key = views.iter().find(|view| view.provider == info.id).cloned();
                let without: Vec<_> = own.iter().filter(|s| s.provider != info.id).cloned().collect();
                let closes = if without.len() == own.len() {
                    Vec::new()
                } else {
                    // Where the user's own key goes, the operator's may stand in.
                    let left = self.filled_up(&without, false);
                    let open = decisions.iter().filter(|decision| decision.granted);
                    let closed = open.filter(|open| !access::decide(open.service, &left, policy).granted);
                    closed.map(|decision| decision.service).collect()
                };
                ProviderCard { key, closes, info }
            })
            .collect();
        Ok(SettingsPage { cards, decisions, checking: self.checking.enabled })
    }

    fn policy(&self) -> Policy {
        let grace = self.checking.on_since.is_some_and(|on| self.clock.now().since(on) < SWITCHED_ON_GRACE);
        Policy { unverified_counts: !self.checking.enabled || grace }
    }

    async fn count_new_key(&self, caller: Caller) -> Result<(), AppError> {
        self.limiter.check(Limit::KeysPerUser, &[&caller.user.to_string()]).await?;
        self.limiter.check(Limit::KeysPerAddress, &[&network(caller.address)]).await?;
        self.limiter.check(Limit::Keys, &[]).await
    }

    async fn find(&self, user: UserId, provider: &ProviderId) -> Result<Option<KeyRow>, AppError> {
        self.store.key(user, provider).await.map_err(|e| internal(&e))
    }

    async fn stored(&self, user: UserId, provider: &ProviderId) -> Result<KeyRow, AppError> {
        self.find(user, provider).await?.ok_or_else(|| self.missing(provider))
    }

    /// The provider, where the catalogue knows it: what else was sent in its place may be a secret, and no error repeats
    /// it.
    pub fn known(&self, provider: &ProviderId) -> Option<ProviderId> {
        self.providers.info(provider).map(|info| info.id.clone())
    }

    fn missing(&self, provider: &ProviderId) -> AppError {
        AppError { provider: self.known(provider), ..AppError::new(ErrorCode::NotFound) }
    }
}

fn exists(provider: &ProviderId) -> AppError {
    AppError { provider: Some(provider.clone()), ..AppError::new(ErrorCode::KeyExists) }
}
