//! A check: the calls of the catalogue's probe, one verdict, and what was learnt of the account.

use std::time::Instant;

use super::{
    Providers,
    catalogue::{rule::Then, schema::Probe},
    exchange::{Caller, Outgoing},
    forms::Credential,
    metadata::{Collector, Told},
    rules::{Finding, Reply},
    verdict::combine,
};
use crate::model::{
    check::{CheckReport, Outcome},
    key::KeyMetadata,
    provider::Cost,
    status::Reason,
};

/// Whether a check may make calls that cost money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spending {
    /// It may not: nobody was asked.
    Refused,
    /// Whoever owns the credential agreed to it.
    Agreed,
}

impl From<bool> for Spending {
    fn from(agreed: bool) -> Self {
        if agreed { Self::Agreed } else { Self::Refused }
    }
}

impl Providers {
    /// Asks the provider whether `credential` works. All calls together keep to the probe's budget. Where only a
    /// call that costs money could tell, and that is refused, nothing is asked.
    pub(super) async fn probe(
        &self,
        credential: &Credential,
        caller: Caller,
        spending: Spending,
    ) -> CheckReport {
        let started = Instant::now();
        let file = &credential.catalogue().file;
        let budget = file.budgets.get("probe").copied();
        let deadline = tokio::time::Instant::now() + budget.map(|b| b.deadline()).unwrap_or_default();
        let scrubber = credential.scrubber();
        let mut collector = Collector::new(&scrubber, self.clock.now());
        let mut findings = Vec::new();
        let mut settled = false;
        let mut spared = false;
        for call in &file.probe {
            if !due(call, credential, &collector) || !(settled || call.decides) {
                continue;
            }
            if call.cost == Cost::Billed && spending == Spending::Refused {
                spared |= call.decides;
                continue;
            }
            let outgoing = Outgoing {
                operation: &call.operation,
                method: call.method,
                path: call.path.fill_path(|name| credential.value(name)),
                query: call.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
                body: call.body.as_ref(),
                form: &[],
                upload: None,
                rules: &call.rules,
                max_bytes: budget.map(|b| b.max_bytes).unwrap_or_default(),
                deadline,
                units: 0,
                cost_header: None,
            };
            let (finding, reply) = self.exchange(credential, caller, outgoing).await;
            learn(&mut collector, call, &finding, reply.as_ref());
            if !settled {
                settled = !finding.ask_on;
                findings.push(finding);
                if settled && !combine(&findings).is_some_and(|verdict| verdict.then.is_accepted()) {
                    break;
                }
            } else if matches!(finding.then, Then::Limited | Then::Exhausted) {
                findings.push(finding);
            }
        }
        let verdict = combine(&findings);
        if verdict.is_none() && spared {
            return not_asked(credential, started);
        }
        let metadata = match &verdict {
            Some(verdict) if verdict.then.is_accepted() => complete(collector, credential),
            _ => KeyMetadata::default(),
        };
        report(verdict, metadata, started)
    }
}

fn due(call: &Probe, credential: &Credential, collector: &Collector<'_>) -> bool {
    let when = &call.when;
    when.fits(&credential.form().id)
        && when.present.as_ref().is_none_or(|name| credential.value(name).is_some())
        && when.unless.as_ref().is_none_or(|capability| !collector.has(capability))
}

/// Only an answer that the rules understand is read: 200 alone may be a page of some gateway.
fn learn(collector: &mut Collector<'_>, call: &Probe, finding: &Finding, reply: Option<&Reply>) {
    let understood = finding.then.is_accepted() && finding.http_status == Some(200);
    match reply.and_then(|reply| Some(Told { document: reply.body.json()?, headers: &reply.headers })) {
        Some(told) if understood => collector.take(&call.read, told),
        _ => {
            let rule = finding.rule.and_then(|place| call.rules.get(place));
            collector.miss(&call.read, rule.map(|rule| rule.lacks.as_slice()).unwrap_or_default());
        }
    }
}

fn complete(mut collector: Collector<'_>, credential: &Credential) -> KeyMetadata {
    let file = &credential.catalogue().file;
    if let Some(account) = &file.account
        && let Some(value) = credential.value(&account.field)
    {
        collector.account(value, account.mask);
    }
    for (name, field) in &file.present {
        collector.capability(name, Some(credential.value(field).is_some()));
    }
    collector.finish()
}

fn not_asked(credential: &Credential, started: Instant) -> CheckReport {
    tracing::debug!(provider = %credential.provider(), "not asked: every check costs money");
    CheckReport {
        outcome: Outcome::NotAsked,
        reason: Reason::CheckCostsMoney,
        metadata: KeyMetadata::default(),
        http_status: None,
        provider_code: None,
        retry_after: None,
        latency: started.elapsed(),
    }
}

/// An accepted credential that definitely lacks a capability is limited.
fn report(verdict: Option<Finding>, metadata: KeyMetadata, started: Instant) -> CheckReport {
    let (outcome, reason) =
        verdict.as_ref().map_or((Outcome::Unreachable, Reason::UnexpectedAnswer), |verdict| {
            // What was not asked is no answer of the provider's.
            let asked = verdict.reason != Reason::NotAnswering;
            (if asked { verdict.then.outcome() } else { Outcome::NotAsked }, verdict.reason)
        });
    let lacks = metadata.capabilities.values().any(|capability| *capability == Some(false));
    CheckReport {
        outcome: if outcome == Outcome::Valid && lacks { Outcome::Limited } else { outcome },
        reason,
        metadata,
        http_status: verdict.as_ref().and_then(|verdict| verdict.http_status),
        retry_after: verdict.as_ref().and_then(|verdict| verdict.retry_after),
        provider_code: verdict.and_then(|verdict| verdict.code),
        latency: started.elapsed(),
    }
}
