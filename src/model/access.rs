//! The evaluator: one pure function that decides, in browser and server alike, whether a service is
//! open. What it closes is the spending of a key, nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ids::ProviderId,
    key::{KeyMetadata, Source},
    service::{Needs, Requirement, ServiceId, capability_label, without_capability},
    status::{KeyStatus, Reason},
};

/// What the evaluator has to know of one stored credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialState {
    /// The provider.
    pub provider: ProviderId,
    /// Its status.
    pub status: KeyStatus,
    /// Why.
    pub reason: Option<Reason>,
    /// It cannot be opened now.
    pub undecryptable: bool,
    /// The unit of its quota, where the provider has one.
    pub quota_unit: Option<String>,
    /// Capabilities by name: yes, no, unknown.
    pub capabilities: BTreeMap<String, Option<bool>>,
    /// Who supplied it.
    pub source: Source,
}

impl CredentialState {
    /// A credential that can be opened, by its status and what its provider told.
    pub fn of(
        provider: ProviderId,
        status: KeyStatus,
        reason: Option<Reason>,
        known: &KeyMetadata,
        source: Source,
    ) -> Self {
        Self {
            provider,
            status,
            reason,
            undecryptable: false,
            quota_unit: known.quota.as_ref().map(|quota| quota.unit.clone()),
            capabilities: known.capabilities.clone(),
            source,
        }
    }
}

/// The installation's part of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Unverified credentials count: while checking is switched off, and for 24 h after it is
    /// switched on again.
    pub unverified_counts: bool,
}

/// Whether a service may spend keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct AccessDecision {
    /// The service.
    pub service: ServiceId,
    /// The answer.
    pub granted: bool,
    /// The answer for each provider the service names, in the order of the table.
    pub providers: Vec<ProviderVerdict>,
}

/// The part of a decision that concerns one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ProviderVerdict {
    /// The provider.
    pub provider: ProviderId,
    /// The service works without it.
    pub optional: bool,
    /// The status of the credential that the verdict is about.
    pub status: KeyStatus,
    /// Why the credential has that status.
    pub reason: Option<Reason>,
    /// The verdict.
    pub verdict: Verdict,
    /// Who supplied the credential.
    pub source: Source,
}

/// Whether one provider's credential serves one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It does.
    Ready {
        /// Needed capabilities that the provider does not reveal for this credential. They grant.
        unknown: Vec<String>,
    },
    /// It does not.
    Blocked {
        /// Why.
        block: Block,
        /// Needed capabilities that the credential definitely lacks.
        lacking: Vec<String>,
    },
}

/// Why a credential does not serve a service, the most helpful to say first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// Accepted, but it lacks a capability the service needs.
    LacksCapability,
    /// Accepted, but the quota that the service uses up is empty.
    Exhausted,
    /// Stored, no definite answer yet.
    Unverified,
    /// The installation cannot open it.
    Undecryptable,
    /// The account is suspended or closed.
    Suspended,
    /// Rejected.
    Invalid,
    /// Nothing is stored.
    Missing,
}

impl ProviderVerdict {
    /// Whether this verdict keeps the service closed.
    pub fn blocks(&self) -> bool {
        !self.optional && matches!(self.verdict, Verdict::Blocked { .. })
    }

    /// Whether another key is what helps.
    pub fn wants_a_new_key(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::Blocked { block: Block::Missing | Block::Invalid | Block::Undecryptable, .. }
        )
    }

    /// One sentence that says how the credential stands, the provider's name first.
    pub fn sentence(&self, provider: &str) -> String {
        match &self.verdict {
            Verdict::Ready { unknown } if unknown.is_empty() => format!("{provider} is ready."),
            Verdict::Ready { unknown } => {
                let names: Vec<_> = unknown.iter().map(|c| capability_label(c)).collect();
                format!(
                    "{provider} is ready. It does not reveal whether this key has {}.",
                    names.join(" and ")
                )
            }
            Verdict::Blocked { block, lacking } => match block {
                Block::Missing => format!("{provider} is not set up."),
                Block::Unverified => format!("{provider} has not confirmed this key yet."),
                Block::Undecryptable => {
                    format!("The stored {provider} key cannot be opened on this installation.")
                }
                Block::Exhausted => {
                    let limit = self.reason.filter(|reason| *reason == Reason::PlatformLimit);
                    limit.unwrap_or(Reason::QuotaUsedUp).sentence(provider)
                }
                Block::LacksCapability => {
                    let why: Vec<_> = lacking.iter().map(|c| without_capability(c)).collect();
                    format!("{provider} accepted this key, but {}.", why.join(", and "))
                }
                Block::Invalid => self.reason.unwrap_or(Reason::Rejected).sentence(provider),
                Block::Suspended => self.reason.unwrap_or(Reason::AccountSuspended).sentence(provider),
            },
        }
    }
}

impl AccessDecision {
    /// The verdicts that keep the service closed.
    pub fn blocking(&self) -> impl Iterator<Item = &ProviderVerdict> {
        self.providers.iter().filter(|verdict| verdict.blocks())
    }
}

/// Decides whether `service` may spend the keys of the owner of `credentials`.
///
/// ```
/// use keyward::model::{access::{Policy, decide}, service::ServiceId};
///
/// let decision = decide(ServiceId::DataScraper, &[], Policy { unverified_counts: false });
/// assert!(!decision.granted);
/// assert_eq!(decision.providers[0].sentence("SerpAPI"), "SerpAPI is not set up.");
/// ```
pub fn decide(service: ServiceId, credentials: &[CredentialState], policy: Policy) -> AccessDecision {
    match service.needs() {
        Needs::AnyStored => {
            let own = credentials.iter().any(|credential| credential.source == Source::User);
            AccessDecision { service, granted: own, providers: Vec::new() }
        }
        Needs::Each(requirements) => {
            let providers: Vec<_> =
                requirements.iter().map(|requirement| judge(requirement, credentials, policy)).collect();
            AccessDecision { service, granted: !providers.iter().any(ProviderVerdict::blocks), providers }
        }
    }
}

/// The best verdict among the owner's credentials of the required provider.
pub(super) fn judge(
    requirement: &Requirement,
    credentials: &[CredentialState],
    policy: Policy,
) -> ProviderVerdict {
    let verdict = |state: Option<&CredentialState>, verdict: Verdict| ProviderVerdict {
        provider: requirement.provider.clone(),
        optional: requirement.optional,
        status: state.map_or(KeyStatus::Missing, |s| s.status),
        reason: state.and_then(|s| s.reason),
        source: state.map_or(Source::User, |s| s.source),
        verdict,
    };
    credentials
        .iter()
        .filter(|state| state.provider == *requirement.provider)
        .map(|state| verdict(Some(state), judge_one(requirement, state, policy)))
        .min_by_key(|v| match v.verdict {
            Verdict::Ready { ref unknown } => (None, unknown.len()),
            Verdict::Blocked { block, .. } => (Some(block), 0),
        })
        .unwrap_or_else(|| verdict(None, Verdict::Blocked { block: Block::Missing, lacking: Vec::new() }))
}

fn judge_one(requirement: &Requirement, state: &CredentialState, policy: Policy) -> Verdict {
    let blocked = |block| Verdict::Blocked { block, lacking: Vec::new() };
    if state.undecryptable {
        return blocked(Block::Undecryptable);
    }
    match state.status {
        KeyStatus::Missing => return blocked(Block::Missing),
        KeyStatus::Invalid => return blocked(Block::Invalid),
        KeyStatus::Suspended => return blocked(Block::Suspended),
        KeyStatus::Unverified if !policy.unverified_counts => return blocked(Block::Unverified),
        // The installation's limit counts every call, whatever it uses up.
        KeyStatus::Exhausted if state.reason == Some(Reason::PlatformLimit) => {
            return blocked(Block::Exhausted);
        }
        // A quota whose unit is unknown is taken to be the one the service needs.
        KeyStatus::Exhausted
            if requirement
                .consumes
                .is_some_and(|unit| state.quota_unit.as_deref().is_none_or(|own| own == unit)) =>
        {
            return blocked(Block::Exhausted);
        }
        KeyStatus::Unverified | KeyStatus::Valid | KeyStatus::Limited | KeyStatus::Exhausted => {}
    }
    let with = |answer: Option<bool>| -> Vec<String> {
        requirement
            .capabilities
            .iter()
            .filter(|name| state.capabilities.get(**name).copied().flatten() == answer)
            .map(|name| (*name).to_owned())
            .collect()
    };
    let lacking = with(Some(false));
    if lacking.is_empty() {
        Verdict::Ready { unknown: with(None) }
    } else {
        Verdict::Blocked { block: Block::LacksCapability, lacking }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state() -> impl Strategy<Value = CredentialState> {
        let provider = prop::sample::select(vec![
            ProviderId::SERPAPI,
            ProviderId::TWILIO,
            ProviderId::ELEVENLABS,
            ProviderId::OPENAI,
            ProviderId::ANTHROPIC,
            ProviderId::GOOGLE_AI,
        ]);
        let capability =
            prop::sample::select(vec!["voice_calls", "signed_webhooks", "instant_voice_cloning"]);
        let answer = prop::sample::select(vec![None, Some(true), Some(false)]);
        (
            provider,
            prop::sample::select(KeyStatus::ALL.to_vec()),
            any::<bool>(),
            prop::sample::select(vec![None, Some("searches"), Some("characters")]),
            prop::collection::btree_map(capability.prop_map(str::to_owned), answer, 0..4),
            prop::sample::select(vec![
                (Source::User, None),
                (Source::Platform, None),
                (Source::Platform, Some(Reason::PlatformLimit)),
            ]),
        )
            .prop_map(|(provider, status, undecryptable, unit, capabilities, (source, reason))| {
                CredentialState {
                    provider,
                    status,
                    reason,
                    undecryptable,
                    quota_unit: unit.map(str::to_owned),
                    capabilities,
                    source,
                }
            })
    }

    /// The documentation's table, written again as a predicate on one credential.
    fn counts(state: &CredentialState, need: &Requirement, policy: Policy) -> bool {
        let by_status = match state.status {
            KeyStatus::Missing | KeyStatus::Invalid | KeyStatus::Suspended => false,
            KeyStatus::Unverified => policy.unverified_counts,
            KeyStatus::Valid | KeyStatus::Limited => true,
            KeyStatus::Exhausted if state.reason == Some(Reason::PlatformLimit) => false,
            KeyStatus::Exhausted => match (&state.quota_unit, need.consumes) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(own), Some(unit)) => own != unit,
            },
        };
        let lacks = need.capabilities.iter().any(|c| state.capabilities.get(*c) == Some(&Some(false)));
        by_status && !lacks && !state.undecryptable
    }

    fn valid(provider: ProviderId) -> CredentialState {
        CredentialState {
            provider,
            status: KeyStatus::Valid,
            reason: None,
            undecryptable: false,
            quota_unit: None,
            capabilities: BTreeMap::new(),
            source: Source::User,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_table(states in prop::collection::vec(state(), 0..8), unverified_counts: bool) {
            let policy = Policy { unverified_counts };
            for service in ServiceId::ALL {
                let decision = decide(service, &states, policy);
                let expected = match service.needs() {
                    Needs::AnyStored => states.iter().any(|state| state.source == Source::User),
                    Needs::Each(needs) => needs.iter().filter(|need| !need.optional).all(|need| {
                        states.iter().any(|s| s.provider == *need.provider && counts(s, need, policy))
                    }),
                };
                prop_assert_eq!(decision.granted, expected);
                if service != ServiceId::Analytics {
                    prop_assert_eq!(decision.granted, decision.blocking().next().is_none());
                }
            }
        }

        #[test]
        fn one_more_credential_never_closes_a_service(states in prop::collection::vec(state(), 0..6), more in state()) {
            let policy = Policy { unverified_counts: false };
            let mut grown = states.clone();
            grown.push(more);
            for service in ServiceId::ALL {
                prop_assert!(!decide(service, &states, policy).granted || decide(service, &grown, policy).granted);
            }
        }
    }

    /// Every status, flag, quota unit and capability answer for the one-provider services.
    #[test]
    fn every_combination_of_one_credential() {
        let answers = [None, Some(None), Some(Some(true)), Some(Some(false))];
        for service in [ServiceId::DataScraper, ServiceId::Calling, ServiceId::VoiceCloning] {
            let [need] = service.requirements() else { panic!("one provider each") };
            for status in KeyStatus::ALL {
                for undecryptable in [false, true] {
                    for unit in [None, Some("searches"), Some("characters")] {
                        for answer in answers {
                            for unverified_counts in [false, true] {
                                let mut state =
                                    CredentialState { status, undecryptable, ..valid(need.provider.clone()) };
                                state.quota_unit = unit.map(str::to_owned);
                                if let (Some(answer), Some(name)) = (answer, need.capabilities.first()) {
                                    state.capabilities.insert((*name).to_owned(), answer);
                                }
                                let policy = Policy { unverified_counts };
                                let decision = decide(service, std::slice::from_ref(&state), policy);
                                assert_eq!(
                                    decision.granted,
                                    counts(&state, need, policy),
                                    "{service} {state:?}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_unknown_capability_grants_with_a_warning() {
        let decision =
            decide(ServiceId::Calling, &[valid(ProviderId::TWILIO)], Policy { unverified_counts: false });
        assert!(decision.granted);
        assert_eq!(decision.providers[0].verdict, Verdict::Ready { unknown: vec!["voice_calls".to_owned()] });
    }
}
