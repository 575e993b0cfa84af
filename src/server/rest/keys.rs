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
use utoipa::{
    ToSchema,
    openapi::{
        KnownFormat, Object, ObjectBuilder, SchemaFormat,
        schema::{SchemaType, Type},
    },
};

use super::{Body, List, PathId, Who};
use crate::{
    api::context::UseCases,
    keys::{Caller, Fields},
    model::{
        error::{AppError, FieldError},
        ids::ProviderId,
        input::CREDENTIAL_MAX,
        key::KeyView,
        provider::ProviderInfo,
        schedule::Every,
        status::{KeyStatus, Reason},
    },
    server::problem::Problem,
};

/// A provider with the fields of its credential. `api_key` at the top stands for the field of that
/// name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credential {
    /// The provider.
    #[serde(default)]
    #[schema(value_type = ProviderId, required = true)]
    provider: String,
    /// The fields by name, as `GET /api/providers` lists them.
    #[serde(default)]
    #[schema(schema_with = credential_fields)]
    credentials: Option<BTreeMap<String, SecretString>>,
    /// In place of `credentials`, for providers with this one field.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, write_only, max_length = 4096)]
    api_key: Option<SecretString>,
    /// Agrees to a check that the provider charges for, where it offers no other (`check_cost` is `billed`). Without, the
    /// key is not tried.
    #[serde(default)]
    spend: bool,
}

/// Secrets by the name of their field.
fn credential_fields() -> Object {
    let secret = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
        .max_length(Some(CREDENTIAL_MAX));
    ObjectBuilder::new()
        .schema_type([Type::Object, Type::Null].into_iter().collect::<SchemaType>())
        .description(Some("The fields by name, as `GET /api/providers` lists them."))
        .additional_properties(Some(secret))
        .write_only(true)
        .build()
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
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Replacement {
    /// The fields by name, as `GET /api/providers` lists them.
    #[serde(default)]
    #[schema(schema_with = credential_fields)]
    credentials: Option<BTreeMap<String, SecretString>>,
    /// In place of `credentials`, for providers with this one field.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, write_only, max_length = 4096)]
    api_key: Option<SecretString>,
    /// Agrees to a check that the provider charges for, where it offers no other (`check_cost` is `billed`). Without, the
    /// key is not tried.
    #[serde(default)]
    spend: bool,
}

/// How often a stored key is checked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckSchedule {
    /// One of the key's `check_choices`; `null`, or nothing, for what the installation does by itself.
    #[serde(default)]
    check_every: Option<Every>,
}

/// The provider's answer about a candidate.
#[derive(Serialize, ToSchema)]
pub(in crate::server) struct CandidateAnswer {
    /// The provider that was asked.
    pub(in crate::server) provider: ProviderId,
    /// The status that the candidate would have; `unverified` when the provider gave no definite answer.
    pub(in crate::server) status: KeyStatus,
    /// One sentence that explains the status.
    pub(in crate::server) status_reason: String,
    /// Why.
    pub(in crate::server) reason: Reason,
}

/// What a check found: the stored key as it stands now, or the answer about a candidate.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::server) enum Checked {
    /// The stored key.
    Stored(Box<KeyView>),
    /// The candidate.
    Candidate(CandidateAnswer),
}

/// List the providers
///
/// Each with the fields of its credential, where to obtain one, and the services that use it.
#[utoipa::path(
    get,
    path = "/api/providers",
    operation_id = "list_providers",
    tag = "Keys",
    responses((status = 200, description = "The catalogue.", body = List<ProviderInfo>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"]))
)]
pub(super) async fn providers(State(app): State<UseCases>, Who(_): Who) -> Json<List<ProviderInfo>> {
    List::whole(app.keys.providers())
}

/// List the stored keys, masked
///
/// Each with what Keyward's services can and cannot do with it, and why: `services` has an entry for each service that can
/// use the key, and none where no service uses its provider.
#[utoipa::path(
    get,
    path = "/api/user-api-keys",
    operation_id = "list_keys",
    tag = "Keys",
    responses((status = 200, description = "The stored keys.", body = List<KeyView>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"]))
)]
pub(super) async fn list(State(app): State<UseCases>, Who(who): Who) -> Result<Json<List<KeyView>>, Problem> {
    Ok(List::whole(app.keys.list(who.user).await?))
}

/// Store a key
///
/// Keyward asks the provider first. A key that it rejects is not stored; one whose provider cannot be asked is stored as
/// `unverified` and checked again by schedule.
#[utoipa::path(
    post,
    path = "/api/user-api-keys/store",
    operation_id = "store_key",
    tag = "Keys",
    request_body(content = Credential, example = json!({"provider": "serpapi", "credentials": {"api_key": "decafbad4a89a9edec9bd6634df7940e42c1151f6cfa1f06c87635a8b6850001"}})),
    responses(
        (status = 201, description = "The key is stored: the provider accepted it, or checking is switched off.", body = KeyView),
        (status = 202, description = "The key is stored as `unverified`: the provider could not be asked.", body = KeyView),
    ),
    security(("session" = []), ("login_token" = []), ("api_token" = ["keys:write"])),
    extensions(("x-problems" = json!(["invalid-input", "invalid-api-key", "not-found", "key-exists", "rate-limited"])))
)]
pub(super) async fn store(
    State(app): State<UseCases>,
    caller: Caller,
    Body(body): Body<Credential>,
) -> Result<Response, Problem> {
    let (provider, spending) = (body.provider()?, body.spend.into());
    let key = app.keys.store(caller, &provider, body.required_fields()?, spending).await?;
    // Stored, though the provider could not be asked: accepted, and checked again by schedule.
    let pending = key.status == KeyStatus::Unverified && app.keys.checks_on_store();
    let status = if pending { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    Ok((status, Json(key)).into_response())
}

/// Check a key now
///
/// Without `credentials` the stored key, whose new status is kept. With `credentials` a candidate: nothing is stored.
#[utoipa::path(
    post,
    path = "/api/user-api-keys/validate",
    operation_id = "validate_key",
    tag = "Keys",
    request_body(content = Credential, example = json!({"provider": "serpapi"})),
    responses((status = 200, description = "What the provider says.", body = Checked)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["keys:write"])),
    extensions(("x-problems" = json!(["invalid-input", "not-found", "rate-limited", "provider-unreachable"])))
)]
pub(super) async fn validate(
    State(app): State<UseCases>,
    caller: Caller,
    Body(body): Body<Credential>,
) -> Result<Response, Problem> {
    let (provider, spending) = (body.provider()?, body.spend.into());
    match body.fields()? {
        None => {
            let key = app.keys.check_now(caller.user, &provider, spending).await?;
            Ok(Json(Checked::Stored(Box::new(key))).into_response())
        }
        Some(fields) => {
            let report = app.keys.check_candidate(caller, &provider, fields, spending).await?;
            let status = report.outcome.status().unwrap_or(KeyStatus::Unverified);
            let name = app.keys.provider_name(&provider);
            let status_reason = report.reason.sentence(&name);
            let answer = CandidateAnswer { provider, status, status_reason, reason: report.reason };
            Ok(Json(Checked::Candidate(answer)).into_response())
        }
    }
}

/// Replace a stored key
///
/// The provider is asked about the new key first. Unless it accepts the new one, the old one stays as it is.
#[utoipa::path(
    put,
    path = "/api/user-api-keys/{provider}",
    operation_id = "replace_key",
    tag = "Keys",
    params(("provider" = ProviderId, Path, description = "The provider.")),
    request_body(content = Replacement, example = json!({"credentials": {"api_key": "decafbad2d4952fefb12244fa16a241fb1550062c1e3640ba2e7fd7125d20002"}})),
    responses((status = 200, description = "The key is replaced.", body = KeyView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["keys:write"])),
    extensions(("x-problems" = json!(["invalid-input", "invalid-api-key", "not-found", "conflict", "rate-limited", "provider-unreachable"])))
)]
pub(super) async fn replace(
    State(app): State<UseCases>,
    caller: Caller,
    PathId(provider): PathId<ProviderId>,
    Body(body): Body<Replacement>,
) -> Result<Json<KeyView>, Problem> {
    let Replacement { credentials, api_key, spend } = body;
    let body = Credential { provider: provider.to_string(), credentials, api_key, spend };
    Ok(Json(app.keys.replace(caller, &provider, body.required_fields()?, spend.into()).await?))
}

/// Choose how often a stored key is checked
///
/// That counts from its last check, while it is accepted. Near the end of its quota it is checked more often, and less while
/// it works in use.
#[utoipa::path(
    put,
    path = "/api/user-api-keys/{provider}/schedule",
    operation_id = "schedule_key",
    tag = "Keys",
    params(("provider" = ProviderId, Path, description = "The provider.")),
    request_body(content = CheckSchedule, example = json!({"check_every": "six_hours"})),
    responses((status = 200, description = "The key, with its schedule.", body = KeyView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["keys:write"])),
    extensions(("x-problems" = json!(["invalid-input", "not-found"])))
)]
pub(super) async fn schedule(
    State(app): State<UseCases>,
    caller: Caller,
    PathId(provider): PathId<ProviderId>,
    Body(body): Body<CheckSchedule>,
) -> Result<Json<KeyView>, Problem> {
    Ok(Json(app.keys.schedule(caller.user, &provider, body.check_every).await?))
}

/// Delete a stored key
///
/// It is destroyed at once. Services that need it close.
#[utoipa::path(
    delete,
    path = "/api/user-api-keys/{provider}",
    operation_id = "delete_key",
    tag = "Keys",
    params(("provider" = ProviderId, Path, description = "The provider.")),
    responses((status = 204, description = "The key is deleted.")),
    security(("session" = []), ("login_token" = []), ("api_token" = ["keys:write"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn delete(
    State(app): State<UseCases>,
    caller: Caller,
    PathId(provider): PathId<ProviderId>,
) -> Result<StatusCode, Problem> {
    app.keys.delete(caller.user, &provider).await?;
    Ok(StatusCode::NO_CONTENT)
}
