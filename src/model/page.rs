//! What the pages read: the answers of the server functions, as they cross the wire.

use serde::{Deserialize, Serialize};

use super::{
    ability::{Ability, Answer},
    access::AccessDecision,
    ids::{ProviderId, SessionId, UserId},
    key::KeyView,
    provider::ProviderInfo,
    service::ServiceId,
    status::KeyStatus,
    time::Timestamp,
    token::TokenView,
};

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Me {
    /// The user.
    pub id: UserId,
    /// The e-mail address, as stored.
    pub email: String,
    /// The number of the last event that the page has seen: the stream of events goes on after it.
    pub seen: i64,
    /// How many notices are not read.
    pub unread: i64,
    /// Whether they run the installation.
    pub operator: bool,
}

/// How the installation is set up, as far as visitors need to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// It is a demonstration: a simulator stands in for every provider.
    pub demo: bool,
    /// Registering takes an invitation or the operator's one-time code.
    pub needs_code: bool,
}

/// A key that only the simulator of a demonstration accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoKey {
    /// The provider it belongs to.
    pub provider: ProviderId,
    /// A few words that name it.
    pub label: String,
    /// The names and values of the fields to fill in.
    pub fields: Vec<(String, String)>,
    /// One sentence on what it shows.
    pub shows: String,
}

/// What the account page shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPage {
    /// The e-mail address, as stored.
    pub email: String,
    /// The sessions that are alive, the most recently used first.
    pub sessions: Vec<SessionView>,
    /// The personal API tokens that are alive, the latest first.
    pub tokens: Vec<TokenView>,
}

/// A log-in session. Not its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// The session.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_seen_at: Timestamp,
    /// The browser's `User-Agent` at log-in.
    pub user_agent: Option<String>,
    /// The client's address at log-in.
    pub address: Option<String>,
}

/// What the API key page, and a closed service, show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsPage {
    /// A card for each provider of the catalogue, in its order.
    pub cards: Vec<ProviderCard>,
    /// The decision on each service, in the order of the pages.
    pub decisions: Vec<AccessDecision>,
    /// Whether keys are checked when they are stored and by schedule.
    pub checking: bool,
}

/// What the guard of a service needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Whether the service is open.
    pub decision: AccessDecision,
    /// What opens it, where it is closed.
    pub settings: Option<SettingsPage>,
    /// What it cannot do with the keys that it has, where it is open.
    pub limits: Vec<Limit>,
}

/// Something that an open service cannot do with a key that it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The provider's name.
    pub provider: String,
    /// What cannot be done, and why.
    pub ability: Ability,
}

impl Limit {
    /// The sentence that says it, without the reason.
    pub fn sentence(&self) -> String {
        let mut letters = self.ability.label.chars();
        let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
        format!("This {} key cannot {first}{}.", self.provider, letters.as_str())
    }
}

/// What the service of `decision` cannot do with these keys, although it is open.
pub fn limits<'k>(decision: &AccessDecision, keys: impl IntoIterator<Item = &'k KeyView>) -> Vec<Limit> {
    if !decision.granted {
        return Vec::new();
    }
    let needed = |key: &&KeyView| {
        decision.providers.iter().any(|need| !need.optional && need.provider == key.provider)
    };
    let of_key = |key: &'k KeyView| {
        let services = key.services.iter().filter(|one| one.service == decision.service);
        let lacking = services.flat_map(|one| &one.abilities).filter(|one| one.answer == Answer::No);
        lacking.map(|ability| Limit { provider: key.name.clone(), ability: ability.clone() })
    };
    keys.into_iter().filter(needed).flat_map(of_key).collect()
}

/// One provider and the key stored for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderCard {
    /// The provider.
    pub info: ProviderInfo,
    /// The stored key, if there is one.
    pub key: Option<KeyView>,
    /// The services that are open and would close if the key were deleted.
    pub closes: Vec<ServiceId>,
}

impl SettingsPage {
    /// The card of a provider; none when the catalogue does not have the provider.
    pub fn card(&self, provider: &ProviderId) -> Option<&ProviderCard> {
        self.cards.iter().find(|card| card.info.id == *provider)
    }

    /// What an open service cannot do with the keys that are stored.
    pub fn limits(&self, decision: &AccessDecision) -> Vec<Limit> {
        limits(decision, self.cards.iter().filter_map(|card| card.key.as_ref()))
    }

    /// The address that stands in for every provider's own, with the provider's id at its end.
    pub fn diverted(&self) -> Option<&str> {
        let bases = || self.cards.iter().map(|card| card.info.diverted());
        let first = bases().flatten().next()?;
        let shared = bases().filter(|base| *base == Some(first)).count();
        let all = self.cards.iter().all(|card| card.info.base_url_override.is_some());
        (all && shared > 1).then_some(first)
    }

    /// The decision on a service.
    pub fn decision(&self, service: ServiceId) -> Option<&AccessDecision> {
        self.decisions.iter().find(|decision| decision.service == service)
    }
}

impl ProviderCard {
    /// Whether the stored key works as far as anybody knows: accepted, something left, and openable.
    pub fn is_ready(&self) -> bool {
        self.key.as_ref().is_some_and(|key| {
            matches!(key.status, KeyStatus::Valid | KeyStatus::Limited) && !key.undecryptable
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        ability::abilities,
        access::{CredentialState, Policy, decide},
        key::{KeyMetadata, Source},
        provider::{Category, Cost, Links, provider_name},
        status::KeyStatus,
    };

    const POLICY: Policy = Policy { unverified_counts: false };

    fn info(id: &ProviderId, address: Option<&str>) -> ProviderInfo {
        ProviderInfo {
            id: id.clone(),
            name: provider_name(id),
            monogram: String::new(),
            category: Category::Other,
            summary: String::new(),
            noun: String::new(),
            forms: Vec::new(),
            steps: Vec::new(),
            least_privilege: None,
            check_cost: Cost::Free,
            links: Links {
                keys: String::new(),
                documentation: String::new(),
                billing: String::new(),
                revoke: String::new(),
                numbers: None,
            },
            by_operator: false,
            used_by: Vec::new(),
            base_url_override: address.map(str::to_owned),
        }
    }

    #[test]
    fn an_address_that_stands_in_for_all_is_told_once() {
        let page = |addresses: [Option<&str>; 3]| {
            let ids = [ProviderId::SERPAPI, ProviderId::TWILIO, ProviderId::OPENAI];
            let card =
                |(id, address)| ProviderCard { info: info(id, address), key: None, closes: Vec::new() };
            let cards = ids.iter().zip(addresses).map(card).collect();
            SettingsPage { cards, decisions: Vec::new(), checking: true }
        };
        let (serpapi, twilio) = (Some("http://sim:1/serpapi"), Some("http://sim:1/twilio/"));
        let diverted = |addresses| page(addresses).diverted().map(str::to_owned);
        assert_eq!(
            diverted([serpapi, twilio, Some("http://sim:1/openai")]).as_deref(),
            Some("http://sim:1/")
        );
        // The third says by itself where its requests go.
        assert_eq!(diverted([serpapi, twilio, Some("https://proxy/v1")]).as_deref(), Some("http://sim:1/"));
        assert_eq!(diverted([serpapi, twilio, None]), None);
        assert_eq!(diverted([serpapi, Some("https://a/"), Some("https://b/")]), None);
        assert_eq!(diverted([None, None, None]), None);
    }

    #[test]
    fn an_open_service_tells_what_its_keys_cannot_do() {
        let mut metadata = KeyMetadata::default();
        metadata.capabilities.insert("voice_calls".to_owned(), Some(true));
        metadata.capabilities.insert("signed_webhooks".to_owned(), Some(false));
        let id = ProviderId::TWILIO;
        let state = CredentialState::of(id.clone(), KeyStatus::Limited, None, &metadata, Source::User);
        let key = KeyView {
            provider: id.clone(),
            name: "Twilio".to_owned(),
            status: KeyStatus::Limited,
            status_reason: None,
            is_active: true,
            undecryptable: false,
            stale: false,
            provider_down_since: None,
            hint: String::new(),
            form: String::new(),
            region: None,
            last_validated: None,
            next_check_at: None,
            check_every: crate::model::schedule::Every::Day,
            check_choices: Vec::new(),
            forecast: None,
            services: abilities(&state, &metadata, &info(&id, None), POLICY),
            metadata,
            evidence: None,
            source: Source::User,
            version: 1,
            created_at: Timestamp::from_seconds(0),
            updated_at: Timestamp::from_seconds(0),
        };
        let of = |service| limits(&decide(service, std::slice::from_ref(&state), POLICY), [&key]);
        let sentences: Vec<_> = of(ServiceId::Calling).iter().map(Limit::sentence).collect();
        assert_eq!(sentences, ["This Twilio key cannot receive signed reports of calls."]);
        assert_eq!(of(ServiceId::AiCalling), [], "a closed service says what closes it");
        assert_eq!(of(ServiceId::DataScraper), []);
    }
}
