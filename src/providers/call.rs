//! Calls that services make with a user's credential.

use std::{fmt, time::Duration};

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{
    Providers,
    catalogue::{
        rule::Then,
        schema::{Auth, Budget, Method, Operation},
    },
    egress::upload::Upload,
    exchange::Outgoing,
    forms::Credential,
    rules::Finding,
    stored::Usable,
};
use crate::{
    model::{check::Outcome, service::ServiceId, status::Reason},
    vault::Undecryptable,
};

/// One operation of the catalogue, asked for by a service. Its `Debug` shows no more: the rest is the user's.
#[derive(Clone)]
pub struct Call {
    pub(super) service: ServiceId,
    pub(super) operation: &'static str,
    path: Vec<(&'static str, String)>,
    query: Vec<(&'static str, String)>,
    form: Vec<(&'static str, String)>,
    body: Option<Map<String, Value>>,
    upload: Option<Upload>,
    units: i64,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("operation", &self.operation).finish_non_exhaustive()
    }
}

impl Call {
    /// `operation` is a name under `operations` in the provider's catalogue file.
    pub fn new(service: ServiceId, operation: &'static str) -> Self {
        Self {
            service,
            operation,
            path: Vec::new(),
            query: Vec::new(),
            form: Vec::new(),
            body: None,
            upload: None,
            units: 1,
        }
    }

    /// Fills a field of the operation's path that is not a field of the credential.
    #[must_use]
    pub fn path(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.path.push((name, value.into()));
        self
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a field to the form that a POST sends. A name may be there several times.
    #[must_use]
    pub fn form(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.form.push((name, value.into()));
        self
    }

    /// Adds a member to the body: as JSON, or as a form where the credential goes into one.
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.body.get_or_insert_default().insert(name.to_owned(), value.into());
        self
    }

    /// Adds a text to a form with files, which takes the place of any other body.
    #[must_use]
    pub fn part(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.upload.get_or_insert_default().text(name, text.into());
        self
    }

    /// Adds a file to a form.
    #[must_use]
    pub fn file(
        mut self,
        part: &'static str,
        name: impl Into<String>,
        media_type: &'static str,
        bytes: Bytes,
    ) -> Self {
        self.upload.get_or_insert_default().file(part, name.into(), media_type, bytes);
        self
    }

    /// What it uses up if it succeeds, in the unit of the provider's quota; 1 unless set.
    #[must_use]
    pub fn units(mut self, units: i64) -> Self {
        self.units = units;
        self
    }
}

/// A successful answer. Its `Debug` shows the status only.
pub struct Answer {
    /// The JSON document, without the credential's secrets should the provider have repeated them.
    pub body: Value,
    /// The HTTP status.
    pub http_status: u16,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("http_status", &self.http_status).finish_non_exhaustive()
    }
}

/// Why a call brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The stored credential cannot be opened on this installation now.
    #[error("the stored credential cannot be opened")]
    Undecryptable,
    /// The provider refused, or gave no usable answer.
    #[error("the provider refused or did not answer: {}", reason.code())]
    Refused {
        /// What it means for the credential. Never [`Outcome::Valid`].
        outcome: Outcome,
        /// Why.
        reason: Reason,
        /// How long the provider asks to wait, if it does.
        retry_after: Option<Duration>,
        /// The HTTP status, if there was an answer.
        http_status: Option<u16>,
    },
    /// The provider did not understand the request; the credential is not to blame.
    #[error("the provider did not understand the request")]
    NotUnderstood {
        /// What it could not do, as far as the catalogue knows.
        reason: Reason,
        /// The HTTP status.
        http_status: Option<u16>,
        /// The provider's own code, where the catalogue knows it and it is a number.
        code: Option<u32>,
    },
    /// Nothing was sent: too many answers of the provider are being handed on already.
    #[error("too many answers are being handed on")]
    Busy,
    /// The catalogue has no such operation, or the call does not fit it.
    #[error("the call does not fit the catalogue")]
    Misfit,
}

impl CallError {
    /// Whether the provider may have carried out what it was asked for, for all that is known here.
    pub fn may_have_worked(&self) -> bool {
        match self {
            Self::Undecryptable | Self::Misfit | Self::Busy => false,
            Self::NotUnderstood { http_status, .. } => !matches!(http_status, Some(400..=499)),
            Self::Refused { outcome, .. } => *outcome == Outcome::Unreachable,
        }
    }
}

impl From<Undecryptable> for CallError {
    fn from(_: Undecryptable) -> Self {
        Self::Undecryptable
    }
}

impl Providers {
    /// Makes a call. A stored credential is opened right before; either kind is sent to its own realm only,
    /// and reported to the observer however the call ends.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&self, usable: &Usable, call: Call) -> Result<Answer, CallError> {
        let (operation, budget) = self.operation(usable, &call)?;
        let credential = self.open_usable(usable)?;
        let outgoing = outgoing(&credential, operation, budget, &call)?;
        let (finding, reply) = self.exchange(&credential, usable.caller(call.service), outgoing).await;
        match reply {
            Some(reply) if finding.then == Then::Accepted => {
                let status = reply.status;
                // Nothing was to be answered, and nothing was.
                let body = if status == 204 { Some(Value::Null) } else { reply.body.into_json() };
                let mut body = body.ok_or(CallError::NotUnderstood {
                    reason: Reason::UnexpectedAnswer,
                    http_status: finding.http_status,
                    code: None,
                })?;
                credential.scrubber().clean(&mut body);
                Ok(Answer { body, http_status: status })
            }
            _ => Err(refusal(&finding)),
        }
    }

    /// The operation that a call names, and what it may take.
    pub(super) fn operation(&self, usable: &Usable, call: &Call) -> Result<(&Operation, Budget), CallError> {
        let provider = self.catalogue.get(usable.provider()).ok_or(CallError::Misfit)?;
        let operation = provider.file.operations.get(call.operation).ok_or(CallError::Misfit)?;
        let budget = provider.file.budgets.get(&operation.budget).copied().ok_or(CallError::Misfit)?;
        Ok((operation, budget))
    }
}

/// The request of a call, which must fit its operation.
pub(super) fn outgoing<'a>(
    credential: &Credential,
    operation: &'a Operation,
    budget: Budget,
    call: &'a Call,
) -> Result<Outgoing<'a>, CallError> {
    if let Auth::Query { name, .. } = &credential.form().auth
        && call.query.iter().any(|(given, _)| given.eq_ignore_ascii_case(name))
    {
        return Err(CallError::Misfit);
    }
    let bodies = [call.body.is_some(), call.upload.is_some(), !call.form.is_empty()];
    let formless = operation.method != Method::Post && !call.form.is_empty();
    if formless || bodies.into_iter().filter(|given| *given).count() > 1 {
        return Err(CallError::Misfit);
    }
    let value = |name: &str| {
        let given = call.path.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str());
        given.or_else(|| credential.value(name))
    };
    let path = operation.path.fill_path(value).ok_or(CallError::Misfit)?;
    Ok(Outgoing {
        operation: call.operation,
        method: operation.method,
        path: Some(path),
        query: call.query.iter().map(|(name, value)| (*name, value.as_str())).collect(),
        body: call.body.as_ref(),
        form: &call.form,
        upload: call.upload.as_ref(),
        rules: &operation.rules,
        max_bytes: budget.max_bytes,
        deadline: Instant::now() + budget.deadline(),
        units: call.units,
        cost_header: operation.cost_header.as_deref(),
    })
}

/// What a finding that is no success means for whoever called.
pub(super) fn refusal(finding: &Finding) -> CallError {
    let (reason, http_status) = (finding.reason, finding.http_status);
    match finding.then {
        Then::BadRequest => CallError::NotUnderstood {
            reason,
            http_status,
            code: finding.code.as_deref().and_then(|code| code.parse().ok()),
        },
        then => CallError::Refused {
            outcome: if reason == Reason::NotAnswering { Outcome::NotAsked } else { then.outcome() },
            reason,
            retry_after: finding.retry_after,
            http_status,
        },
    }
}
