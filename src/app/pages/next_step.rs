use super::service_list::listed;
use crate::model::{
    access::{AccessDecision, Block, ProviderVerdict, Verdict},
    provider::provider_name,
    service::{Needs, ServiceId},
};

/// The one thing that helps most now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NextStep {
    /// What it is about, in a few words.
    pub(super) title: String,
    /// Why.
    pub(super) why: String,
    /// The words of the control; none where there is nothing to do but wait.
    pub(super) label: Option<String>,
    /// Where it leads.
    pub(super) href: String,
}

/// What a user should do next: mend what broke, then wait for what is being asked, then open the service that
/// needs least. Nothing when every service is open.
pub(super) fn next_step(decisions: &[AccessDecision]) -> Option<NextStep> {
    let closed: Vec<_> = decisions.iter().filter(|decision| !decision.granted).collect();
    broken(&closed).or_else(|| waiting(&closed)).or_else(|| nearest(decisions, &closed))
}

/// A stored key that keeps services closed; the one that closes most.
fn broken(closed: &[&AccessDecision]) -> Option<NextStep> {
    let broken = |verdict: &&ProviderVerdict| !is_blocked_by(verdict, &[Block::Missing, Block::Unverified]);
    let verdicts: Vec<_> = closed.iter().flat_map(|decision| decision.blocking()).filter(broken).collect();
    let closes = |verdict: &ProviderVerdict| {
        closed.iter().filter(|decision| decision.blocking().any(|b| b.provider == verdict.provider)).count()
    };
    // Of equals the first, which stands first on the pages: `max_by_key` takes the last.
    let worst = verdicts.into_iter().rev().max_by_key(|verdict| closes(verdict))?;
    let services = services_closed_by(closed, worst);
    let first = services.first().copied()?;
    let name = provider_name(&worst.provider);
    let label =
        if worst.wants_a_new_key() { format!("Replace the {name} key") } else { "See what to do".into() };
    let names = services.iter().map(|service| service.name().to_owned()).collect();
    Some(NextStep {
        title: format!("{name} needs attention"),
        why: format!("{} It closes {}.", worst.sentence(&name), listed(names)),
        label: Some(label),
        href: first.setup_path(),
    })
}

/// Keys whose first answer is still to come.
fn waiting(closed: &[&AccessDecision]) -> Option<NextStep> {
    let waits = |verdict: &&ProviderVerdict| is_blocked_by(verdict, &[Block::Unverified]);
    let verdict = closed.iter().flat_map(|decision| decision.blocking()).find(waits)?;
    let name = provider_name(&verdict.provider);
    Some(NextStep {
        title: format!("Waiting for {name}"),
        why: format!("{} Keyward asks again by itself.", verdict.sentence(&name)),
        label: None,
        href: String::new(),
    })
}

/// The closed service that needs the fewest keys.
fn nearest(all: &[AccessDecision], closed: &[&AccessDecision]) -> Option<NextStep> {
    let nearest = closed
        .iter()
        .filter(|decision| decision.service.needs() != Needs::AnyStored)
        .min_by_key(|decision| decision.blocking().count())?;
    let service = nearest.service;
    let names: Vec<_> = nearest.blocking().map(|verdict| provider_name(&verdict.provider)).collect();
    // Any stored key opens the one that needs just that.
    let nothing_stored = all.iter().any(|d| d.service.needs() == Needs::AnyStored && !d.granted);
    let title = match (nothing_stored, names.as_slice()) {
        (true, [_]) => format!("Start with {}", service.name()),
        (false, [_]) => format!("One key opens {}", service.name()),
        _ => format!("Open {}", service.name()),
    };
    let why = match names.as_slice() {
        [one] => format!("{} One key opens it: {one}.", service.summary()),
        _ => format!("{} It needs {}.", service.summary(), listed(names.clone())),
    };
    let label = match names.as_slice() {
        [one] => format!("Add a {one} key"),
        _ => format!("Set up {}", service.name()),
    };
    Some(NextStep { title, why, label: Some(label), href: service.setup_path() })
}

fn services_closed_by(closed: &[&AccessDecision], verdict: &ProviderVerdict) -> Vec<ServiceId> {
    let by = |decision: &&&AccessDecision| decision.blocking().any(|b| b.provider == verdict.provider);
    closed.iter().filter(by).map(|decision| decision.service).collect()
}

fn is_blocked_by(verdict: &ProviderVerdict, blocks: &[Block]) -> bool {
    matches!(&verdict.verdict, Verdict::Blocked { block, .. } if blocks.contains(block))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{
        access::{CredentialState, Policy, decide},
        ids::ProviderId,
        key::Source,
        status::{KeyStatus, Reason},
    };

    fn step(keys: &[(ProviderId, KeyStatus)]) -> Option<NextStep> {
        let states: Vec<_> = keys
            .iter()
            .map(|(provider, status)| CredentialState {
                provider: provider.clone(),
                status: *status,
                reason: (*status == KeyStatus::Invalid).then_some(Reason::Rejected),
                undecryptable: false,
                quota_unit: None,
                capabilities: BTreeMap::new(),
                source: Source::User,
            })
            .collect();
        let decisions = ServiceId::ALL.map(|id| decide(id, &states, Policy { unverified_counts: false }));
        next_step(&decisions)
    }

    #[test]
    fn a_newcomer_starts_with_the_service_that_needs_one_key() {
        let step = step(&[]).unwrap();
        assert_eq!(
            (step.title.as_str(), step.label.as_deref()),
            ("Start with Data Scraper", Some("Add a SerpAPI key"))
        );
        assert_eq!(step.href, ServiceId::DataScraper.setup_path());
    }

    #[test]
    fn what_broke_comes_before_what_is_missing_and_the_worst_first() {
        let step =
            step(&[(ProviderId::SERPAPI, KeyStatus::Exhausted), (ProviderId::TWILIO, KeyStatus::Invalid)])
                .unwrap();
        assert_eq!(
            (step.title.as_str(), step.label.as_deref()),
            ("Twilio needs attention", Some("Replace the Twilio key"))
        );
        assert!(step.why.ends_with("It closes AI Calling Agent and Calling Operations."), "{}", step.why);
    }

    #[test]
    fn who_waits_is_told_so() {
        let step = step(&[(ProviderId::SERPAPI, KeyStatus::Unverified)]).unwrap();
        assert_eq!((step.title.as_str(), step.label), ("Waiting for SerpAPI", None));
    }

    #[test]
    fn the_last_key_is_asked_for_and_then_nothing() {
        let all = [ProviderId::SERPAPI, ProviderId::TWILIO, ProviderId::ELEVENLABS, ProviderId::OPENAI];
        let mut keys: Vec<_> = all.into_iter().map(|id| (id, KeyStatus::Valid)).collect();
        assert_eq!(step(&keys), None);
        keys.pop();
        assert_eq!(step(&keys).unwrap().title, "One key opens AI Calling Agent");
    }
}
