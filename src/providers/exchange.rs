//! One request with one credential: sent, judged, reported.

use std::sync::Arc;

use reqwest::Request;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{
    Providers,
    catalogue::{
        rule::{Rule, Then},
        schema::Method,
    },
    egress::{
        Fault,
        breakers::is_patient,
        client::{Accept, FIRST_ANSWER, Patience},
        credential,
        origin::Destination,
        upload::Upload,
    },
    forms::Credential,
    rules::{Finding, Reply, judge},
    usage::{Pending, UsageEvent, UsageOutcome, UsageSource},
};
use crate::model::{
    ids::UserId,
    key::{KeyVersion, Source},
    service::ServiceId,
};

/// A provider that claims that a call used up more is not believed: sums must stay numbers.
const UNITS_MAX: i64 = 1_000_000_000;

/// On whose behalf, and what for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub(super) user: Option<UserId>,
    pub(super) key: Option<KeyVersion>,
    pub(super) service: Option<ServiceId>,
    pub(super) source: UsageSource,
    pub(super) key_source: Source,
}

/// One request, still without address and credential.
pub(super) struct Outgoing<'a> {
    pub(super) operation: &'a str,
    pub(super) method: Method,
    /// Absolute and encoded; nothing if it could not be filled.
    pub(super) path: Option<String>,
    pub(super) query: Vec<(&'a str, &'a str)>,
    /// The body of a POST, as JSON or a form.
    pub(super) body: Option<&'a Map<String, Value>>,
    /// The form of a POST that has no `body`.
    pub(super) form: &'a [(&'static str, String)],
    /// A form with files in place of `body`.
    pub(super) upload: Option<&'a Upload>,
    pub(super) rules: &'a [Rule],
    pub(super) max_bytes: usize,
    pub(super) deadline: Instant,
    /// Reported as used up if it succeeds, and the answer does not tell it better in `cost_header`.
    pub(super) units: i64,
    pub(super) cost_header: Option<&'a str>,
}

impl Outgoing<'_> {
    /// What a successful answer used up.
    pub(super) fn cost(&self, reply: &Reply) -> i64 {
        let told = self.cost_header.and_then(|name| reply.headers.get(name)?.to_str().ok()?.parse().ok());
        told.filter(|units| (0..=UNITS_MAX).contains(units)).unwrap_or(self.units)
    }
}

impl Providers {
    /// Sends `outgoing` with `credential` to the realm the credential belongs to.
    pub(super) async fn exchange(
        &self,
        credential: &Credential,
        caller: Caller,
        outgoing: Outgoing<'_>,
    ) -> (Finding, Option<Reply>) {
        let at = self.clock.now();
        let pending = self.pending(credential, caller, outgoing.operation);
        let answer = self.answer(credential, caller, &outgoing).await;
        let (finding, reply) = match answer {
            Err(fault @ Fault::Resting(_)) => {
                pending.withdraw();
                return (Finding::from(fault), None);
            }
            Ok(reply) => (judge(outgoing.rules, &reply, at), Some(reply)),
            Err(fault) => (Finding::from(fault), None),
        };
        tracing::debug!(
            provider = %credential.provider(),
            operation = outgoing.operation,
            http_status = finding.http_status,
            reason = finding.reason.code(),
            "provider answered"
        );
        let units = match &reply {
            Some(reply) if finding.then == Then::Accepted => outgoing.cost(reply),
            _ => 0,
        };
        pending.finish(finding.then.into(), units, finding.retry_after).await;
        (finding, reply)
    }

    /// The usage event of a call that begins now.
    pub(super) fn pending(&self, credential: &Credential, caller: Caller, operation: &str) -> Pending {
        let event = UsageEvent {
            at: self.clock.now(),
            user: caller.user,
            key: caller.key.map(|key| key.id),
            key_version: caller.key.map(|key| key.version),
            provider: credential.provider().clone(),
            service: caller.service,
            operation: operation.to_owned(),
            outcome: UsageOutcome::Cancelled,
            latency: std::time::Duration::ZERO,
            units: 0,
            retry_after: None,
            source: caller.source,
            key_source: caller.key_source,
        };
        Pending::start(Arc::clone(&self.observer), event)
    }

    /// The credential goes into a request only once the request has its place.
    async fn answer(
        &self,
        credential: &Credential,
        caller: Caller,
        outgoing: &Outgoing<'_>,
    ) -> Result<Reply, Fault> {
        let destination = self.destination(credential).ok_or(Fault::NotSent)?;
        let way = self.breakers.way(credential.provider(), destination.origin, caller.user);
        // Before the wait for a place, so that it fails at once; and once more after it.
        way.look()?;
        let place = self.bulkheads.enter(credential.provider(), caller.source, outgoing.deadline).await?;
        let attempt = way.enter()?;
        let request = self.request(credential, destination, outgoing)?;
        let (upload, deadline) = (outgoing.upload, outgoing.deadline);
        let patient = is_patient(deadline.saturating_duration_since(Instant::now()));
        let patience = Patience { all: deadline, first: caller.source.is_check().then_some(FIRST_ANSWER) };
        // On the heap, so that those who wait for a place are small.
        let end = Box::pin(async {
            let begun = self.client.begin(destination, request, upload, Accept::Json, patience).await?;
            begun.whole(&place, outgoing.max_bytes).await
        })
        .await;
        attempt.ended(&end, patient);
        end
    }

    pub(super) fn request(
        &self,
        credential: &Credential,
        destination: Destination<'_>,
        outgoing: &Outgoing<'_>,
    ) -> Result<Request, Fault> {
        let path = outgoing.path.as_deref().ok_or(Fault::NotSent)?;
        let mut url = destination.url(path).ok_or(Fault::NotSent)?;
        if !outgoing.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&outgoing.query);
        }
        let method = match outgoing.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = Request::new(method, url);
        let headers = &credential.catalogue().file.headers;
        let auth = &credential.form().auth;
        credential::place(&mut request, auth, headers, outgoing.body, |name| credential.value(name))?;
        if !outgoing.form.is_empty() {
            credential::write_form(&mut request, outgoing.form);
        }
        Ok(request)
    }

    /// The operator's address for the provider if there is one, else the address that was typed or the origin of
    /// the credential's realm.
    pub(super) fn destination<'a>(&'a self, credential: &'a Credential) -> Option<Destination<'a>> {
        if let Some(base) = self.settings.base_urls.get(credential.provider()) {
            return Some(Destination::operator(base));
        }
        let provider = self.catalogue.get(credential.provider())?;
        if let Some(rule) = &provider.file.endpoint {
            // The rule may have become narrower since the credential was stored.
            return credential.endpoint().filter(|origin| rule.allows(origin)).map(Destination::catalogue);
        }
        provider.realm(&credential.config()).map(|realm| Destination::catalogue(&realm.origin))
    }
}
