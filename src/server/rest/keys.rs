//! Stored credentials and the catalogue.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Body, List, PathId, Who};
use crate::{
    api::context::UseCases,
    keys::{Caller, Fields},
    model::{
        error::{AppError, FieldError},
        ids::ProviderId,
        key::KeyView,
        provider::ProviderInfo,
        status::{KeyStatus, Reason},
    },
    server::problem::Problem,
};

/// A provider with the fields of its credential. `api_key` at the top stands for the field of that
/// name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credential {
    #[serde(default)]
    provider: String,
    #[serde(default)]
    credentials: Option<BTreeMap<String, SecretString>>,
    #[serde(default)]
    api_key: Option<SecretString>,
}

impl Credential {
    fn provider(&self) -> Result<ProviderId, AppError> {
        if self.provider.is_empty() {
            return Err(AppError::field("provider", FieldError::Required));
        }
        self.provider.parse().map_err(|_| AppError::field("provider", FieldError::Unknown))
    }

    /// The fields, or `None` when the request has none at all.
    fn fields(self) -> Result<Option<Fields>, AppError> {
        match (self.credentials, self.api_key) {
            (Some(_), Some(_)) => Err(AppError::field("api_key", FieldError::Unknown)),
            (Some(fields), None) => Ok(Some(fields)),
            (None, Some(key)) => Ok(Some(BTreeMap::from([("api_key".to_owned(), key)]))),
            (None, None) => Ok(None),
        }
    }

    fn required_fields(self) -> Result<Fields, AppError> {
        self.fields()?.ok_or_else(|| AppError::field("credentials", FieldError::Required))
    }
}

/// A replacement: the path names the provider.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replacement {
    #[serde(default)]
    credentials: Option<BTreeMap<String, SecretString>>,
    #[serde(default)]
    api_key: Option<SecretString>,
}

/// The provider's answer about a candidate.
#[derive(Serialize)]
struct CandidateAnswer {
    provider: ProviderId,
    status: KeyStatus,
    status_reason: String,
    reason: Reason,
}

pub(super) async fn providers(State(app): State<UseCases>, Who(_): Who) -> Json<List<ProviderInfo>> {
    List::whole(app.keys.providers())
}

pub(super) async fn list(State(app): State<UseCases>, Who(who): Who) -> Result<Json<List<KeyView>>, Problem> {
    Ok(List::whole(app.keys.list(who.user).await?))
}

pub(super) async fn store(
    State(app): State<UseCases>,
    caller: Caller,
    Body(body): Body<Credential>,
) -> Result<Response, Problem> {
    let provider = body.provider()?;
    let key = app.keys.store(caller, &provider, body.required_fields()?).await?;
    // Stored, though the provider could not be asked: accepted, and checked again by schedule.
    let pending = key.status == KeyStatus::Unverified && app.keys.checks_on_store();
    let status = if pending { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    Ok((status, Json(key)).into_response())
}

pub(super) async fn validate(
    State(app): State<UseCases>,
    caller: Caller,
    Body(body): Body<Credential>,
) -> Result<Response, Problem> {
    let provider = body.provider()?;
    match body.fields()? {
        None => Ok(Json(app.keys.check_now(caller.user, &provider).await?).into_response()),
        Some(fields) => {
            let report = app.keys.check_candidate(caller, &provider, fields).await?;
            let status = report.outcome.status().unwrap_or(KeyStatus::Unverified);
            let name = app.keys.provider_name(&provider);
            let status_reason = report.reason.sentence(&name);
            let answer = CandidateAnswer { provider, status, status_reason, reason: report.reason };
            Ok(Json(answer).into_response())
        }
    }
}

pub(super) async fn replace(
    State(app): State<UseCases>,
    caller: Caller,
    PathId(provider): PathId<ProviderId>,
    Body(body): Body<Replacement>,
) -> Result<Json<KeyView>, Problem> {
    let body =
        Credential { provider: provider.to_string(), credentials: body.credentials, api_key: body.api_key };
    Ok(Json(app.keys.replace(caller, &provider, body.required_fields()?).await?))
}

pub(super) async fn delete(
    State(app): State<UseCases>,
    caller: Caller,
    PathId(provider): PathId<ProviderId>,
) -> Result<StatusCode, Problem> {
    app.keys.delete(caller.user, &provider).await?;
    Ok(StatusCode::NO_CONTENT)
}
