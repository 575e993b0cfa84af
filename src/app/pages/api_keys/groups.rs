use crate::model::{access::AccessDecision, ids::ProviderId, page::SettingsPage, service::ServiceId};

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

/// Sorts the cards: first what `service` needs, what it lacks before the rest; then what any service needs;
/// then the others. Groups without cards are left out.
pub(super) fn group(page: &SettingsPage, service: Option<ServiceId>) -> Vec<Group> {
    let decision = service.and_then(|service| page.decision(service));
    let (lacking, ready) = decision.map(needed).unwrap_or_default();
    let first: Vec<_> = lacking.into_iter().chain(ready).collect();
    let open = decision.map(without_key).unwrap_or_default();

    let rest: Vec<_> = page.cards.iter().map(|card| &card.info.id).filter(|id| !first.contains(id)).collect();
    let (needed, others): (Vec<_>, Vec<_>) = rest.into_iter().cloned().partition(is_required);

    let first = Group {
        id: "service",
        title: service.map(|service| format!("Needed by {}", service.name())).unwrap_or_default(),
        note: "",
        providers: first,
        counted: true,
        open,
    };
    let title =
        if first.providers.is_empty() { "Needed by your services" } else { "Needed by other services" };
    let needed = Group {
        id: "needed",
        title: title.to_owned(),
        note: "",
        providers: needed,
        counted: true,
        open: Vec::new(),
    };
    let others = Group {
        id: "optional",
        title: "Optional".to_owned(),
        note: "no service depends on these",
        providers: others,
        counted: false,
        open: Vec::new(),
    };
    [first, needed, others].into_iter().filter(|group| !group.providers.is_empty()).collect()
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
        page::ProviderCard,
        provider::{Category, Cost, Links, ProviderInfo, provider_name},
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

    fn providers(groups: &[Group]) -> Vec<(&'static str, Vec<&str>)> {
        groups.iter().map(|g| (g.id, g.providers.iter().map(ProviderId::as_str).collect())).collect()
    }

    #[test]
    fn without_a_service_the_required_come_before_the_optional() {
        let groups = group(&page(&[ProviderId::ANTHROPIC, ProviderId::SERPAPI, ProviderId::TWILIO]), None);
        assert_eq!(
            providers(&groups),
            [("needed", vec!["serpapi", "twilio"]), ("optional", vec!["anthropic"])]
        );
        assert!(groups.iter().all(|group| group.open.is_empty()));
    }

    #[test]
    fn a_service_puts_what_it_lacks_first_and_opens_its_form() {
        let groups = group(&page(&[ProviderId::SERPAPI, ProviderId::TWILIO]), Some(ServiceId::Calling));
        assert_eq!(providers(&groups), [("service", vec!["twilio"]), ("needed", vec!["serpapi"])]);
        assert_eq!(groups[0].open, [ProviderId::TWILIO]);
        assert_eq!(groups[0].title, "Needed by Calling Operations");
    }
}
