use crate::model::{
    access::AccessDecision,
    ids::ProviderId,
    page::{ProviderCard, SettingsPage},
    provider::{Category, ProviderInfo},
    service::ServiceId,
};

/// Cards that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Identifies the group on the page.
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) title: String,
    /// Beside the heading, where the group is not counted.
    pub(super) note: &'static str,
    /// Its providers, in order.
    pub(super) providers: Vec<ProviderId>,
    /// Whether the heading says how many are ready.
    pub(super) counted: bool,
    /// Those whose forms are open at first.
    pub(super) open: Vec<ProviderId>,
}

impl Group {
    fn new(id: &'static str, title: impl Into<String>, providers: Vec<ProviderId>) -> Self {
        Self { id, title: title.into(), note: "", providers, counted: false, open: Vec::new() }
    }
}

/// Sorts the cards: first what `service` needs, what it lacks before the rest; then what any service needs, what
/// else is stored, what services can use, and the others by what they are for. Groups without cards are left out.
pub(super) fn group(page: &SettingsPage, service: Option<ServiceId>) -> Vec<Group> {
    let decision = service.and_then(|service| page.decision(service));
    let (lacking, ready) = decision.map(needed).unwrap_or_default();
    let first: Vec<_> = lacking.into_iter().chain(ready).collect();
    let open = decision.map(without_key).unwrap_or_default();

    let rest = page.cards.iter().filter(|card| !first.contains(&card.info.id));
    let (needed, rest): (Vec<_>, Vec<_>) = rest.partition(|card| is_required(&card.info.id));
    let (stored, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|card| card.key.is_some());
    let (usable, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|card| !card.info.used_by.is_empty());

    let title = if first.is_empty() { "Needed by your services" } else { "Needed by other services" };
    let mut groups = vec![
        Group {
            counted: true,
            open,
            ..Group::new(
                "service",
                service.map(|service| format!("Needed by {}", service.name())).unwrap_or_default(),
                first,
            )
        },
        Group { counted: true, ..Group::new("needed", title, ids(&needed)) },
        Group { counted: true, ..Group::new("stored", "Your other keys", ids(&stored)) },
        Group { note: "no service depends on these", ..Group::new("optional", "Optional", ids(&usable)) },
    ];
    groups.extend(Category::ALL.into_iter().map(|category| {
        let members: Vec<_> = rest.iter().copied().filter(|card| card.info.category == category).collect();
        // Each card says by itself that no service uses it yet.
        Group::new(category.code(), category.label(), ids(&members))
    }));
    groups.retain(|group| !group.providers.is_empty());
    groups
}

fn ids(cards: &[&ProviderCard]) -> Vec<ProviderId> {
    cards.iter().map(|card| card.info.id.clone()).collect()
}

/// Whether a provider is what somebody looks for who typed `words`: each is in its name, its purpose, or the name of
/// a service that uses it.
pub(super) fn is_meant(info: &ProviderInfo, words: &str) -> bool {
    let services = info.used_by.iter().map(|service| service.name());
    let text = [info.name.as_str(), info.summary.as_str(), info.category.label()];
    let text = text.into_iter().chain(services).collect::<Vec<_>>().join(" ").to_lowercase();
    words.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

/// What a service needs: the providers that keep it closed, and the others.
fn needed(decision: &AccessDecision) -> (Vec<ProviderId>, Vec<ProviderId>) {
    let required = decision.providers.iter().filter(|verdict| !verdict.optional);
    let (lacking, ready): (Vec<_>, Vec<_>) = required.partition(|verdict| verdict.blocks());
    let ids = |verdicts: Vec<&crate::model::access::ProviderVerdict>| {
        verdicts.into_iter().map(|verdict| verdict.provider.clone()).collect()
    };
    (ids(lacking), ids(ready))
}

/// The providers of a closed service whose form is what helps.
fn without_key(decision: &AccessDecision) -> Vec<ProviderId> {
    decision
        .blocking()
        .filter(|verdict| verdict.wants_a_new_key())
        .map(|verdict| verdict.provider.clone())
        .collect()
}

/// Whether any service cannot do without the provider.
fn is_required(provider: &ProviderId) -> bool {
    ServiceId::ALL
        .iter()
        .flat_map(|service| service.requirements())
        .any(|requirement| !requirement.optional && requirement.provider == provider)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        access::{Policy, decide},
        key::{KeyMetadata, KeyView, Source},
        provider::{Cost, Links, provider_name},
        status::KeyStatus,
        time::Timestamp,
    };

    fn page(providers: &[ProviderId]) -> SettingsPage {
        let cards = providers
            .iter()
            .map(|id| ProviderCard {
                info: ProviderInfo {
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
                    by_operator: false,
                    links: Links {
                        keys: String::new(),
                        documentation: String::new(),
                        billing: String::new(),
                        revoke: String::new(),
                        numbers: None,
                    },
                    used_by: Vec::new(),
                    base_url_override: None,
                },
                key: None,
                closes: Vec::new(),
            })
            .collect();
        let decisions =
            ServiceId::ALL.map(|service| decide(service, &[], Policy { unverified_counts: false })).to_vec();
        SettingsPage { cards, decisions, checking: true }
    }

    fn key(provider: ProviderId) -> KeyView {
        KeyView {
            name: provider_name(&provider),
            provider,
            status: KeyStatus::Valid,
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
            services: Vec::new(),
            metadata: KeyMetadata::default(),
            evidence: None,
            source: Source::User,
            version: 1,
            created_at: Timestamp::from_seconds(0),
            updated_at: Timestamp::from_seconds(0),
        }
    }

    fn providers(groups: &[Group]) -> Vec<(&'static str, Vec<&str>)> {
        groups.iter().map(|g| (g.id, g.providers.iter().map(ProviderId::as_str).collect())).collect()
    }

    #[test]
    fn without_a_service_the_required_come_before_the_optional() {
        let groups = group(&page(&[ProviderId::ANTHROPIC, ProviderId::SERPAPI, ProviderId::TWILIO]), None);
        assert_eq!(providers(&groups), [("needed", vec!["serpapi", "twilio"]), ("other", vec!["anthropic"])]);
        assert!(groups.iter().all(|group| group.open.is_empty()));
    }

    #[test]
    fn what_is_stored_comes_before_what_is_not_and_the_rest_goes_by_purpose() {
        let other = "mistral".parse::<ProviderId>().unwrap();
        let mut page =
            page(&[ProviderId::GOOGLE_AI, ProviderId::ANTHROPIC, ProviderId::SERPAPI, other.clone()]);
        page.cards[0].info.used_by = vec![ServiceId::AiCalling];
        page.cards[1].info.category = Category::LanguageModels;
        page.cards[3].info.category = Category::LanguageModels;
        page.cards[3].key = Some(key(other));
        // What a service needs stays where it is once it is stored.
        page.cards[2].key = Some(key(ProviderId::SERPAPI));
        let groups = group(&page, None);
        assert_eq!(
            providers(&groups),
            [
                ("needed", vec!["serpapi"]),
                ("stored", vec!["mistral"]),
                ("optional", vec!["google_ai"]),
                ("language_models", vec!["anthropic"])
            ]
        );
    }

    #[test]
    fn a_provider_is_found_by_name_purpose_and_service() {
        let mut page = page(&[ProviderId::ELEVENLABS]);
        page.cards[0].info.used_by = vec![ServiceId::VoiceCloning];
        page.cards[0].info.category = Category::VoiceAndSpeech;
        let info = &page.cards[0].info;
        for words in ["", " eleven ", "SPEECH", "cloning", "voice eleven"] {
            assert!(is_meant(info, words), "{words}");
        }
        assert!(!is_meant(info, "eleven mail"));
    }

    #[test]
    fn a_service_puts_what_it_lacks_first_and_opens_its_form() {
        let groups = group(&page(&[ProviderId::SERPAPI, ProviderId::TWILIO]), Some(ServiceId::Calling));
        assert_eq!(providers(&groups), [("service", vec!["twilio"]), ("needed", vec!["serpapi"])]);
        assert_eq!(groups[0].open, [ProviderId::TWILIO]);
        assert_eq!(groups[0].title, "Needed by Calling Operations");
    }
}
