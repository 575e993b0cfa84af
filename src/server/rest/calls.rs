//! Calls of Calling Operations. Placing one, ending one that Twilio has, and asking for the account need the service to
//! be open.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Body, Given, Granted, IdempotencyKey, List, PathId, Protected, ServicesUser, Who, read};
use crate::{
    api::context::UseCases,
    model::{
        calling::{AccountView, CallFilter, CallInput, CallView, Group, RecordingLink},
        error::{AppError, FieldError},
        ids::CallId,
        service::ServiceId,
        time::Timestamp,
    },
    server::problem::Problem,
};

/// Routes that spend the key of Calling Operations.
pub(super) struct Calling;

impl Protected for Calling {
    const SERVICE: ServiceId = ServiceId::Calling;
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CallsQuery {
    /// The `next` of the part before.
    #[param(value_type = CallId, required = false)]
    cursor: Option<String>,
    /// Part of either number.
    #[serde(default)]
    #[param(required = false, max_length = 40, example = "30901820")]
    number: String,
    /// How they stand.
    #[param(value_type = String, required = false, pattern = "^(open|completed|failed)$")]
    group: Option<String>,
    /// Ordered at this time or later.
    #[param(value_type = Timestamp, required = false)]
    since: Option<String>,
    /// Ordered before this time.
    #[param(value_type = Timestamp, required = false)]
    until: Option<String>,
}

/// Longest part of a number, in characters.
const NUMBER_MAX: usize = 40;

impl CallsQuery {
    fn filter(&self) -> Result<CallFilter, AppError> {
        if self.number.chars().count() > NUMBER_MAX {
            return Err(AppError::field("number", FieldError::TooLong));
        }
        let time = |name: &str, text: Option<&str>| match text.map(|text| (text, Timestamp::parse(text))) {
            Some((_, None)) => Err(AppError::field(name, FieldError::Malformed)),
            other => Ok(other.and_then(|(_, time)| time)),
        };
        let group = self.group.as_deref().map(str::parse::<Group>).transpose();
        Ok(CallFilter {
            number: self.number.clone(),
            group: group.map_err(|()| AppError::field("group", FieldError::Malformed))?,
            since: time("since", self.since.as_deref())?,
            until: time("until", self.until.as_deref())?,
        })
    }
}

/// Read what there is to call with
///
/// Numbers, verified caller IDs and balance, as Twilio tells of them at this moment.
#[utoipa::path(
    get,
    path = "/api/services/calling/account",
    operation_id = "read_calling_account",
    tag = "Calling Operations",
    responses((status = 200, description = "The account.", body = AccountView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["missing-api-keys", "provider-unreachable", "platform-limit"])))
)]
pub(super) async fn account(
    State(app): State<UseCases>,
    granted: Granted<Calling>,
) -> Result<Json<AccountView>, Problem> {
    Ok(Json(app.calling.account(&granted.0).await?))
}

/// Place a call
///
/// A message is read out to whoever answers. The answer comes at once; the call is placed as soon as those before it
/// are, also over a restart of the server, and never twice: where Keyward was cut off while it asked Twilio, it looks
/// there for the call instead of calling again, and where that says nothing certain, the call ends as `unknown`.
#[utoipa::path(
    post,
    path = "/api/services/calling/calls",
    operation_id = "place_call",
    tag = "Calling Operations",
    params(IdempotencyKey),
    request_body(content = CallInput, example = json!({
        "to": "+49 30 901820", "from": "+12025550142", "message": "Your order is ready.", "language": "en-US"
    })),
    responses((
        status = 201,
        description = "The call waits to be placed.",
        body = CallView,
        headers(("Location" = String, description = "The address of the call.")),
        links(
            ("how it stands" = (operation_id = "read_call", parameters(("id" = "$response.body#/id")))),
            ("end it" = (operation_id = "hang_up_call", parameters(("id" = "$response.body#/id")))),
            ("delete" = (operation_id = "delete_call", parameters(("id" = "$response.body#/id")))),
        ),
    )),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["invalid-input", "missing-api-keys", "too-many-calls", "idempotency-key-reused"])))
)]
pub(super) async fn place(
    State(app): State<UseCases>,
    granted: Granted<Calling>,
    IdempotencyKey(once): IdempotencyKey,
    Body(input): Body<CallInput>,
) -> Result<Response, Problem> {
    let call = app.calling.place(&granted.0, &input, &once).await?;
    let location = format!("/api/services/calling/calls/{}", call.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(call)).into_response())
}

/// List the calls, the latest first
#[utoipa::path(
    get,
    path = "/api/services/calling/calls",
    operation_id = "list_calls",
    tag = "Calling Operations",
    params(CallsQuery),
    responses((status = 200, description = "At most 20 calls.", body = List<CallView>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["bad-request", "invalid-input"])))
)]
pub(super) async fn list(
    State(app): State<UseCases>,
    Who(who): Who,
    query: Given<CallsQuery>,
) -> Result<Json<List<CallView>>, Problem> {
    let query = read(query)?;
    let before = query.cursor.as_deref().map(str::parse).transpose();
    let before = before.map_err(|_| AppError::field("cursor", FieldError::Malformed))?;
    let calls = app.calling.list(who.user, &query.filter()?, before).await?;
    Ok(Json(List { items: calls.items, next: calls.next.map(|id| id.to_string()) }))
}

/// Read how a call stands
#[utoipa::path(
    get,
    path = "/api/services/calling/calls/{id}",
    operation_id = "read_call",
    tag = "Calling Operations",
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 200, description = "The call.", body = CallView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn get(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(id): PathId<CallId>,
) -> Result<Json<CallView>, Problem> {
    Ok(Json(app.calling.get(who.user, id).await?))
}

/// End a call
///
/// One that waits is not placed any more, which takes no key. Any other ends at Twilio in a moment. A call that is over
/// stays as it is.
#[utoipa::path(
    post,
    path = "/api/services/calling/calls/{id}/hang-up",
    operation_id = "hang_up_call",
    tag = "Calling Operations",
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 200, description = "The call, which ends.", body = CallView)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["missing-api-keys", "not-found"])))
)]
pub(super) async fn hang_up(
    State(app): State<UseCases>,
    ServicesUser(who): ServicesUser,
    PathId(id): PathId<CallId>,
) -> Result<Json<CallView>, Problem> {
    Ok(Json(app.calling.hang_up(who.user, id).await?))
}

/// List the recordings of a call
///
/// Each has the path of its sound, which works for five minutes and needs no other proof. The sound itself stays at
/// Twilio, and comes from there.
#[utoipa::path(
    get,
    path = "/api/services/calling/calls/{id}/recordings",
    operation_id = "list_recordings",
    tag = "Calling Operations",
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 200, description = "All that are ready.", body = List<RecordingLink>)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["missing-api-keys", "not-found"])))
)]
pub(super) async fn recordings(
    State(app): State<UseCases>,
    granted: Granted<Calling>,
    PathId(id): PathId<CallId>,
) -> Result<Json<List<RecordingLink>>, Problem> {
    Ok(List::whole(app.calling.recordings(&granted.0, id).await?))
}

/// Delete a call from the history
///
/// It must be over. What Twilio keeps of it, recordings included, stays there.
#[utoipa::path(
    delete,
    path = "/api/services/calling/calls/{id}",
    operation_id = "delete_call",
    tag = "Calling Operations",
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 204, description = "The call is deleted.")),
    security(("session" = []), ("login_token" = []), ("api_token" = ["services:use"])),
    extensions(("x-problems" = json!(["not-found", "conflict"])))
)]
pub(super) async fn delete(
    State(app): State<UseCases>,
    ServicesUser(who): ServicesUser,
    PathId(id): PathId<CallId>,
) -> Result<StatusCode, Problem> {
    app.calling.delete(who.user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
