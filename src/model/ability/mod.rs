//! What one key can and cannot do, for each service that can use it. It follows from what is stored and what the
//! provider told, so nobody is asked; and it never says yes where the evaluator says no.

mod table;

use serde::{Deserialize, Serialize};

use self::table::{Remedy, Spec};
use super::{
    access::{Block, CredentialState, Policy, ProviderVerdict, Verdict, judge},
    key::{KeyMetadata, Source},
    provider::ProviderInfo,
    service::{ServiceId, capability_label, without_capability},
    status::{KeyStatus, Reason},
};

/// What a key can do for one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ServiceAbilities {
    /// The service.
    pub service: ServiceId,
    /// Whether the service may use this key. Where not, at least one of the abilities is missing.
    pub serves: bool,
    /// What the service does with such a key, and whether this one can.
    pub abilities: Vec<Ability>,
}

/// One thing that a service does with a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Ability {
    /// Identifies it: `clone_voices`.
    pub id: String,
    /// What it is, for people: `Clone voices from recordings`.
    pub label: String,
    /// Whether the key can do it.
    pub answer: Answer,
    /// Why, in a sentence or two.
    pub reason: Option<String>,
    /// What to do about it.
    pub advice: Option<String>,
    /// Where at the provider that is done.
    pub link: Option<AbilityLink>,
}

/// Whether a key can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It can, by all that the provider reveals.
    Yes,
    /// It cannot.
    No,
    /// The provider does not reveal it.
    Unknown,
}

impl Answer {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "Yes",
            Self::No => "No",
            Self::Unknown => "Not known",
        }
    }
}

/// A page of the provider's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct AbilityLink {
    /// The words.
    pub label: String,
    /// The address.
    pub url: String,
}

/// What the credential in `state` can do for each service that can use its provider; nothing where none can.
pub fn abilities(
    state: &CredentialState,
    metadata: &KeyMetadata,
    provider: &ProviderInfo,
    policy: Policy,
) -> Vec<ServiceAbilities> {
    let of_service = |service: ServiceId| {
        let requirement = service.requirements().iter().find(|need| *need.provider == state.provider)?;
        let verdict = judge(requirement, std::slice::from_ref(state), policy);
        let key = Key { state, metadata, provider, verdict: &verdict };
        let abilities = table::of(service, &state.provider).iter().map(|spec| key.ability(spec)).collect();
        let serves = matches!(verdict.verdict, Verdict::Ready { .. });
        Some(ServiceAbilities { service, serves, abilities })
    };
    ServiceId::ALL.into_iter().filter_map(of_service).collect()
}

/// A key, and what is known of it.
struct Key<'a> {
    state: &'a CredentialState,
    metadata: &'a KeyMetadata,
    provider: &'a ProviderInfo,
    verdict: &'a ProviderVerdict,
}

/// An answer, why, and what to do.
struct Finding {
    answer: Answer,
    reason: Option<String>,
    remedy: Option<Remedy>,
}

impl Finding {
    fn no(reason: impl Into<String>, remedy: Option<Remedy>) -> Self {
        Self { answer: Answer::No, reason: Some(reason.into()), remedy }
    }

    fn unknown(reason: impl Into<String>) -> Self {
        Self { answer: Answer::Unknown, reason: Some(reason.into()), remedy: None }
    }
}

impl Key<'_> {
    fn ability(&self, spec: &Spec) -> Ability {
        let Finding { answer, reason, remedy } = self
            .whole()
            .or_else(|| self.used_up(spec))
            .or_else(|| self.without(spec))
            .or_else(|| self.no_room(spec))
            .or_else(|| self.doubtful(spec))
            .unwrap_or_else(|| self.can(spec));
        let remedy = remedy.filter(|_| self.is_own());
        Ability {
            id: spec.id.to_owned(),
            label: spec.label.to_owned(),
            answer,
            reason,
            advice: remedy.map(|remedy| self.advice(remedy)),
            link: remedy.and_then(|remedy| self.link(remedy)),
        }
    }

    /// Whether whoever sees the answer may know of the account, and can do something about it.
    fn is_own(&self) -> bool {
        self.state.source == Source::User
    }

    fn has(&self, capability: &str) -> Option<bool> {
        self.state.capabilities.get(capability).copied().flatten()
    }

    /// What holds for all that the key could do: it does not work, or nobody knows yet.
    fn whole(&self) -> Option<Finding> {
        let block = match self.verdict.verdict {
            Verdict::Blocked { block, .. } => Some(block),
            Verdict::Ready { .. } => None,
        };
        let sentence = || self.verdict.sentence(&self.provider.name);
        match block {
            Some(Block::Missing | Block::Undecryptable) => Some(Finding::no(sentence(), None)),
            Some(Block::Invalid) => Some(Finding::no(sentence(), Some(Remedy::Replace))),
            Some(Block::Suspended) => Some(Finding::no(sentence(), Some(Remedy::Settle))),
            Some(Block::Unverified) => Some(Finding::unknown(sentence())),
            // The installation's own limit.
            Some(Block::Exhausted) if self.state.reason == Some(Reason::PlatformLimit) => {
                Some(Finding::no(sentence(), None))
            }
            _ if !self.state.status.is_accepted() => {
                Some(Finding::unknown(format!("{} has not confirmed this key yet.", self.provider.name)))
            }
            _ => None,
        }
    }

    /// Nothing is left of what this uses up.
    fn used_up(&self, spec: &Spec) -> Option<Finding> {
        let unit = spec.consumes?;
        let empty = self.state.status == KeyStatus::Exhausted
            && self.state.quota_unit.as_deref().is_none_or(|own| own == unit);
        let why = Reason::QuotaUsedUp.sentence(&self.provider.name);
        empty.then(|| Finding::no(why, Some(Remedy::More)))
    }

    /// The capability that decides is not there, or not revealed.
    fn without(&self, spec: &Spec) -> Option<Finding> {
        let capability = spec.capability?;
        match self.has(capability) {
            Some(true) => None,
            Some(false) => {
                let why = capitalised(&without_capability(capability));
                let why = format!("{why}{}{}", self.on_this_plan(spec), spec.instead);
                // What is done without needs no remedy.
                Some(Finding::no(why, Some(spec.remedy).filter(|_| spec.instead.is_empty())))
            }
            None => Some(Finding::unknown(self.unread(spec).unwrap_or_else(|| {
                let (name, label) = (&self.provider.name, capability_label(capability));
                format!("{name} does not reveal whether this key has {label}.")
            }))),
        }
    }

    /// The end of the sentence that names a plan: which one the account has.
    fn on_this_plan(&self, spec: &Spec) -> String {
        let plan = self.metadata.plan.as_deref().filter(|_| spec.by_plan && self.is_own());
        match plan {
            None => ".".to_owned(),
            Some(plan) if plan.eq_ignore_ascii_case("free") => {
                format!("; this account has {}.", capitalised(plan))
            }
            Some(plan) => {
                format!(
                    "; {} does not allow it on this account, which has {}.",
                    self.provider.name,
                    capitalised(plan)
                )
            }
        }
    }

    /// Why the provider did not say: the key may not read it.
    fn unread(&self, spec: &Spec) -> Option<String> {
        let (permission, why) = spec.unread?;
        (self.has(permission) == Some(false)).then(|| why.to_owned())
    }

    /// Every place that the account has for what this makes is taken.
    fn no_room(&self, spec: &Spec) -> Option<Finding> {
        let (used, allowed) = self.room(spec)?;
        let reason = match allowed {
            0 => "The plan allows no voices of one’s own.".to_owned(),
            _ if self.is_own() => format!("All {allowed} voices that the plan allows are in use."),
            _ => "All voices that the plan allows are in use.".to_owned(),
        };
        (used >= allowed).then(|| Finding::no(reason, Some(Remedy::Room)))
    }

    fn room(&self, spec: &Spec) -> Option<(u64, u64)> {
        let (used, allowed) = spec.room?;
        let number = |label: &str| self.metadata.facts.get(label)?.parse().ok();
        Some((number(used)?, number(allowed)?))
    }

    /// Nothing says no, and the provider does not say yes either.
    fn doubtful(&self, spec: &Spec) -> Option<Finding> {
        let name = &self.provider.name;
        if let Some((capability, why)) = spec.doubt
            && self.has(capability) == Some(false)
        {
            return Some(Finding::unknown(why));
        }
        if let Some(why) = spec.hidden {
            return Some(Finding::unknown(format!("{name} {why}")));
        }
        // What is left of the installation's own account is its operator's business.
        if let Some(unit) = spec.consumes.filter(|_| spec.capability.is_none() && self.is_own()) {
            let told = self.metadata.quota.as_ref().is_some_and(|quota| quota.left().is_some());
            let why = || {
                self.unread(spec)
                    .unwrap_or_else(|| format!("{name} does not reveal what is left of its {unit}."))
            };
            return (!told).then(|| Finding::unknown(why()));
        }
        let balance = self.metadata.facts.get("Balance").filter(|_| spec.by_balance && self.is_own())?;
        balance.starts_with('-').then(|| Finding {
            remedy: Some(Remedy::More),
            ..Finding::unknown(format!("The balance is {balance}: {name} may refuse until it is above zero."))
        })
    }

    fn can(&self, spec: &Spec) -> Finding {
        let metadata = Some(self.metadata).filter(|_| self.is_own());
        let plan = metadata.and_then(|metadata| metadata.plan.as_deref());
        let limited =
            spec.on_plan.filter(|(limited, _)| plan.is_some_and(|plan| plan.eq_ignore_ascii_case(limited)));
        let facts = spec.from.iter().find_map(|label| metadata?.facts.get(*label));
        let quota = metadata.and_then(|metadata| metadata.quota.as_ref()).filter(|_| spec.consumes.is_some());
        let reason = if let Some((_, remark)) = limited {
            Some(remark.to_owned())
        } else if let Some(from) = facts {
            Some(format!("Calls come from {from}."))
        } else if let (Some((used, allowed)), true) = (self.room(spec), self.is_own()) {
            Some(format!("{used} of {allowed} voices in use."))
        } else if quota.is_some_and(|quota| quota.left() == Some(0)) {
            Some("The plan’s share is used up; the account may go on beyond it, at extra cost.".to_owned())
        } else {
            quota.and_then(|quota| Some(format!("{}.", quota.left_in_words()?)))
        };
        Finding { answer: Answer::Yes, reason, remedy: limited.map(|_| Remedy::Plan) }
    }

    fn advice(&self, remedy: Remedy) -> String {
        let name = &self.provider.name;
        match remedy {
            Remedy::Replace => "Replace it with a new one.".to_owned(),
            Remedy::Settle => format!("Settle it with {name}, then check again."),
            Remedy::More => {
                let renewal = self.metadata.quota.as_ref().and_then(|quota| quota.resets_at);
                let wait = renewal.map(|at| format!("wait until {}, or ", at.date_for_people()));
                capitalised(&format!("{}add more.", wait.unwrap_or_default()))
            }
            Remedy::Plan => "Change the plan, then check again.".to_owned(),
            Remedy::Room => "Delete a voice there or change the plan, then check again.".to_owned(),
            Remedy::Permission => "Allow it for the key, then check again.".to_owned(),
            Remedy::Number => "Buy a number or verify one of your own, then check again.".to_owned(),
            Remedy::Token => "Replace the key and give the auth token with it.".to_owned(),
        }
    }

    fn link(&self, remedy: Remedy) -> Option<AbilityLink> {
        let (name, links) = (&self.provider.name, &self.provider.links);
        let (label, url) = match remedy {
            Remedy::Replace | Remedy::Permission | Remedy::Token => (format!("Keys at {name}"), &links.keys),
            Remedy::Settle => (format!("Your account at {name}"), &links.billing),
            Remedy::More => (format!("Add more at {name}"), &links.billing),
            Remedy::Plan | Remedy::Room => (format!("Plans at {name}"), &links.billing),
            Remedy::Number => (format!("Numbers at {name}"), links.numbers.as_ref()?),
        };
        Some(AbilityLink { label, url: url.clone() })
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
