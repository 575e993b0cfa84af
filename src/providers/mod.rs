//! The providers: what each needs, whether a credential works, and the only way out to them.
//!
//! - `catalogue` reads one TOML file for each provider: fields, places, probe, operations, answers. `describe`
//!   tells of it in words, and `conformance` tries a file on a real key.
//! - `forms` checks what somebody entered; `stored` opens what was sealed.
//! - `probe` asks whether a credential works; `call` uses it, and `stream` does so where the answer is no JSON. All go through `exchange`, which
//!   sends by `egress`, judges by `rules` and reports to the [`UsageObserver`].
//!
//! - `outgoing` sends notices to addresses that users typed; nothing of a provider's goes that way.
//!
//! A provider's words never leave this room: answers are mapped to closed lists, and the few texts
//! that are kept are picked by name, cut and searched for the credential.

mod call;
mod catalogue;
mod conformance;
mod describe;
mod egress;
mod exchange;
mod forms;
mod inbound;
mod metadata;
mod outgoing;
mod probe;
mod retired;
mod rules;
mod settings;
mod stored;
mod stream;
mod template;
mod usage;
mod verdict;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, num::NonZeroU32, sync::Arc};

use secrecy::SecretString;

pub use self::{
    call::{Answer, Call, CallError},
    catalogue::{Catalogue, CatalogueError},
    conformance::{Fields, Findings, TrialError},
    describe::{json_schema, list, matrix},
    egress::collector::Collector,
    forms::{Candidate, Credential},
    inbound::{Forged, Inbound, Parameters, SealedWebhookSecret},
    outgoing::{Address, NoReceipt, Outgoing, Receipt},
    probe::Spending,
    settings::{EgressSettings, SettingError},
    stored::{PlatformCredential, RecordPlace, StoredCredential, Usable},
    stream::{CutOff, Stream},
    usage::{UsageEvent, UsageObserver, UsageOutcome, UsageSource},
};
use self::{
    egress::{
        breakers::Breakers,
        bulkhead::Bulkheads,
        client::Client,
        pace::{BackgroundPlace, CHECKS_PER_MINUTE, Paces},
    },
    exchange::Caller,
};
use crate::{
    clock::Clock,
    model::{
        check::CheckReport,
        error::{AppError, ErrorCode},
        ids::{ProviderId, UserId},
        key::Source,
        provider::ProviderInfo,
    },
    vault::{Undecryptable, Vault},
};

/// The providers of the catalogue, and the way out to them.
pub struct Providers {
    catalogue: Catalogue,
    infos: Vec<ProviderInfo>,
    settings: EgressSettings,
    client: Client,
    bulkheads: Bulkheads,
    breakers: Breakers,
    paces: Paces,
    vault: Arc<Vault>,
    observer: Arc<dyn UsageObserver>,
    clock: Arc<dyn Clock>,
}

/// The permission to make one check that nobody asked for.
#[derive(Debug)]
pub struct Background<'a>(#[expect(dead_code, reason = "held, not read")] BackgroundPlace<'a>);

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.infos.iter().map(|info| info.id.as_str()).collect();
        f.debug_struct("Providers").field("ids", &ids).finish_non_exhaustive()
    }
}

impl Providers {
    /// Makes the HTTP client for the providers of `catalogue`. The process must have installed a default `rustls`
    /// crypto provider before.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn new(
        catalogue: Catalogue,
        settings: EgressSettings,
        vault: Arc<Vault>,
        observer: Arc<dyn UsageObserver>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CatalogueError> {
        let overridden = |id: &ProviderId| settings.base_urls.contains_key(id);
        let (operator, own): (Vec<_>, Vec<_>) = catalogue.iter().partition(|p| overridden(&p.info.id));
        let origins = own.iter().flat_map(|provider| &provider.file.realms);
        let linked = own.iter().flat_map(|provider| provider.file.operations.values());
        let linked =
            linked.flat_map(|operation| operation.link.iter().flat_map(|link| link.hosts.iter().cloned()));
        let known = origins.map(|realm| realm.origin.host().to_owned()).chain(linked).collect();
        let set = settings.base_urls.values().map(|base| base.host().to_owned()).collect();
        let client = Client::new(
            settings.proxy.as_ref(),
            (!own.is_empty()).then_some(known),
            (!operator.is_empty()).then_some(set),
        )
        .map_err(|_| CatalogueError::Client)?;
        let infos = catalogue.iter().map(|provider| ProviderInfo {
            base_url_override: settings.base_urls.get(&provider.info.id).map(ToString::to_string),
            ..provider.info.clone()
        });
        let infos = infos.collect();
        let bulkheads = Bulkheads::new(catalogue.iter().map(|provider| provider.info.id.clone()));
        let breakers = Breakers::new(Arc::clone(&clock));
        let budgets = catalogue.iter().map(|provider| {
            let rule = provider.file.egress.checks_per_minute;
            (provider.info.id.clone(), rule.map_or(CHECKS_PER_MINUTE, NonZeroU32::get))
        });
        let paces = Paces::new(budgets, Arc::clone(&clock));
        Ok(Self { catalogue, infos, settings, client, bulkheads, breakers, paces, vault, observer, clock })
    }

    /// The same, but whatever fails is asked again all the same: for measurements of what trouble costs.
    #[doc(hidden)]
    #[must_use]
    pub fn without_rest(self) -> Self {
        Self { breakers: Breakers::without_rest(Arc::clone(&self.clock)), ..self }
    }

    /// Every provider, in the order of the pages.
    pub fn infos(&self) -> Vec<ProviderInfo> {
        self.infos.clone()
    }

    /// Whether each user has an address of their own at the provider.
    pub fn is_hosted_by_users(&self, provider: &ProviderId) -> bool {
        self.catalogue.get(provider).is_some_and(|provider| provider.file.endpoint.is_some())
    }

    /// One provider.
    pub fn info(&self, provider: &ProviderId) -> Option<&ProviderInfo> {
        self.infos.iter().find(|info| info.id == *provider)
    }

    /// Checks what was entered and picks the form it fits: unknown, missing and too long fields,
    /// control characters, choices not offered. Refuses no value for its shape.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown provider, else [`ErrorCode::InvalidInput`] with the fields.
    pub fn prepare(
        &self,
        provider: &ProviderId,
        fields: BTreeMap<String, SecretString>,
    ) -> Result<Candidate, AppError> {
        let provider = self.catalogue.get(provider).ok_or_else(|| AppError::new(ErrorCode::NotFound))?;
        forms::prepare(provider, &fields)
    }

    /// Asks the provider whether a candidate works.
    pub async fn check_candidate(
        &self,
        owner: UserId,
        candidate: &Candidate,
        spending: Spending,
    ) -> CheckReport {
        let caller = Caller {
            user: Some(owner),
            key: None,
            service: None,
            source: UsageSource::Candidate,
            key_source: Source::User,
        };
        self.probe(candidate, caller, spending).await
    }

    /// Asks the provider whether the operator's own credential works.
    pub async fn check_platform(&self, credential: &Candidate) -> CheckReport {
        let caller = Caller {
            user: None,
            key: None,
            service: None,
            source: UsageSource::Check,
            key_source: Source::Platform,
        };
        self.probe(credential, caller, Spending::Refused).await
    }

    /// Waits until a check that nobody asked for may be made; it counts for as long as it is held. Nothing for a
    /// provider that is not in the catalogue.
    pub async fn background(&self, provider: &ProviderId) -> Option<Background<'_>> {
        self.paces.enter(provider).await.map(Background)
    }

    /// The providers of which such a check would have to wait now.
    pub fn crowded(&self) -> Vec<ProviderId> {
        self.paces.crowded()
    }

    /// Asks the provider whether a stored credential works.
    ///
    /// # Errors
    /// It does not open: wrong place, wrong key, or the fields beside it were changed.
    pub async fn check_stored(
        &self,
        stored: &StoredCredential,
        source: UsageSource,
        spending: Spending,
    ) -> Result<CheckReport, Undecryptable> {
        let credential = self.open(stored)?;
        let caller = Caller {
            user: Some(stored.owner),
            key: Some(stored.key_version()),
            service: None,
            source,
            key_source: Source::User,
        };
        Ok(self.probe(&credential, caller, spending).await)
    }
}
