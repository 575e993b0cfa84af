//! Accounts and sessions.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Body, List, PathId, Person, Who};
use crate::{
    account::{Begun, ClientAddr, Origin, credentials},
    api::context::UseCases,
    model::{
        error::{AppError, ErrorCode},
        ids::{SessionId, UserId},
        page::SessionView,
    },
    server::problem::Problem,
};

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Register {
    /// The e-mail address; it is stored in lower case.
    #[serde(default)]
    #[schema(required = true, format = "email", max_length = 254)]
    email: String,
    /// None of the most common passwords.
    #[serde(default)]
    #[schema(value_type = String, format = Password, write_only, required = true, min_length = 8, max_length = 256)]
    password: SecretString,
    /// The code of an invitation, where the installation asks for one.
    #[serde(default)]
    code: Option<String>,
}

/// Who logs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogIn {
    /// The e-mail address of the account.
    #[serde(default)]
    #[schema(required = true, format = "email", max_length = 254)]
    email: String,
    /// The password of the account.
    #[serde(default)]
    #[schema(value_type = String, format = Password, write_only, required = true)]
    password: SecretString,
    /// Also answer a token for the `Authorization` header.
    #[serde(default)]
    token: bool,
}

/// A change of the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePassword {
    /// The password until now.
    #[serde(default)]
    #[schema(value_type = String, format = Password, write_only, required = true)]
    current: SecretString,
    /// The password from now on; none of the most common ones.
    #[serde(default)]
    #[schema(value_type = String, format = Password, write_only, required = true, min_length = 8, max_length = 256)]
    new: SecretString,
}

/// A session that has begun. Its cookie is in the header.
#[derive(Serialize, ToSchema)]
pub(in crate::server) struct Entered {
    /// The user.
    pub(in crate::server) id: UserId,
    /// The e-mail address, as stored.
    pub(in crate::server) email: String,
    /// A token for the `Authorization` header, where one was asked for. It works for ten minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) token: Option<String>,
}

/// Make an account
///
/// Begins a session: the answer sets its cookie.
#[utoipa::path(
    post,
    path = "/api/auth/register",
    operation_id = "register",
    tag = "Accounts",
    request_body(content = Register, example = json!({"email": "ana@example.org", "password": "correct horse battery"})),
    responses((status = 201, description = "The account is made.", body = Entered, headers(("Set-Cookie" = String, description = "The session.")))),
    extensions(("x-problems" = json!(["invalid-input", "registration-closed", "email-taken", "rate-limited", "busy"])))
)]
pub(super) async fn register(
    State(app): State<UseCases>,
    Extension(ClientAddr(address)): Extension<ClientAddr>,
    headers: HeaderMap,
    Body(body): Body<Register>,
) -> Result<Response, Problem> {
    let origin = Origin::new(address, &headers);
    let begun = app.accounts.register(&body.email, body.password, body.code.as_deref(), &origin).await?;
    entered(&app, StatusCode::CREATED, begun, false)
}

/// Log in
///
/// Begins a session: the answer sets its cookie. With `"token": true` it also holds a token for the `Authorization`
/// header, which works for ten minutes and no longer than the session.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    operation_id = "log_in",
    tag = "Accounts",
    request_body(content = LogIn, example = json!({"email": "ana@example.org", "password": "correct horse battery", "token": true})),
    responses((status = 200, description = "The session has begun.", body = Entered, headers(("Set-Cookie" = String, description = "The session.")))),
    extensions(("x-problems" = json!(["invalid-input", "wrong-login", "rate-limited", "busy"])))
)]
pub(super) async fn log_in(
    State(app): State<UseCases>,
    Extension(ClientAddr(address)): Extension<ClientAddr>,
    headers: HeaderMap,
    Body(body): Body<LogIn>,
) -> Result<Response, Problem> {
    let begun = app.accounts.log_in(&body.email, body.password, &Origin::new(address, &headers)).await?;
    entered(&app, StatusCode::OK, begun, body.token)
}

/// End this session
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    operation_id = "log_out",
    tag = "Accounts",
    responses((status = 204, description = "The session has ended, with the tokens that are bound to it.", headers(("Set-Cookie" = String, description = "Takes the cookie away.")))),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn log_out(State(app): State<UseCases>, Person(who): Person) -> Result<Response, Problem> {
    app.accounts.log_out(&who).await?;
    let cookie = cookie(&credentials::no_session_cookie(app.secure).into())?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Who is asking
#[utoipa::path(
    get,
    path = "/api/auth/me",
    operation_id = "read_me",
    tag = "Accounts",
    responses((status = 200, description = "The account that the request belongs to.", body = Entered)),
    security(("session" = []), ("login_token" = []), ("api_token" = ["read"]))
)]
pub(super) async fn me(Who(who): Who) -> Json<Entered> {
    Json(Entered { id: who.user, email: who.email, token: None })
}

/// Change the password
///
/// Ends every session and every token of the account, and begins a new session for whoever asks.
#[utoipa::path(
    put,
    path = "/api/auth/password",
    operation_id = "change_password",
    tag = "Accounts",
    request_body(content = ChangePassword, example = json!({"current": "correct horse battery", "new": "staple correct horse"})),
    responses((status = 200, description = "The password is changed and a new session has begun.", body = Entered, headers(("Set-Cookie" = String, description = "The new session.")))),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["invalid-input", "conflict", "rate-limited"])))
)]
pub(super) async fn change_password(
    State(app): State<UseCases>,
    Person(who): Person,
    Extension(ClientAddr(address)): Extension<ClientAddr>,
    headers: HeaderMap,
    Body(body): Body<ChangePassword>,
) -> Result<Response, Problem> {
    let origin = Origin::new(address, &headers);
    let begun = app.accounts.change_password(&who, body.current, body.new, &origin).await?;
    entered(&app, StatusCode::OK, begun, false)
}

/// List the sessions that are alive
#[utoipa::path(
    get,
    path = "/api/auth/sessions",
    operation_id = "list_sessions",
    tag = "Accounts",
    responses((status = 200, description = "The sessions, the most recently used first.", body = List<SessionView>)),
    security(("session" = []), ("login_token" = []))
)]
pub(super) async fn sessions(
    State(app): State<UseCases>,
    Person(who): Person,
) -> Result<Json<List<SessionView>>, Problem> {
    Ok(List::whole(app.accounts.page(&who).await?.sessions))
}

/// End a session
#[utoipa::path(
    delete,
    path = "/api/auth/sessions/{id}",
    operation_id = "end_session",
    tag = "Accounts",
    params(("id" = SessionId, Path, description = "The session.")),
    responses((status = 204, description = "The session has ended.")),
    security(("session" = []), ("login_token" = [])),
    extensions(("x-problems" = json!(["not-found"])))
)]
pub(super) async fn end_session(
    State(app): State<UseCases>,
    Person(who): Person,
    PathId(session): PathId<SessionId>,
) -> Result<StatusCode, Problem> {
    app.accounts.end_session(&who, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End every session but this one
#[utoipa::path(
    delete,
    path = "/api/auth/sessions",
    operation_id = "end_other_sessions",
    tag = "Accounts",
    responses((status = 204, description = "The other sessions have ended.")),
    security(("session" = []), ("login_token" = []))
)]
pub(super) async fn end_other_sessions(
    State(app): State<UseCases>,
    Person(who): Person,
) -> Result<StatusCode, Problem> {
    app.accounts.end_other_sessions(&who).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn entered(app: &UseCases, status: StatusCode, begun: Begun, with_token: bool) -> Result<Response, Problem> {
    let token = with_token.then(|| app.accounts.issue_jwt(&begun)).transpose()?;
    // EXPOSE: the client asked for its token and gets it once.
    let token = token.map(|token| token.expose_secret().to_owned());
    let cookie = cookie(&credentials::session_cookie(&begun, app.accounts.now(), app.secure))?;
    let body = Json(Entered { id: begun.user, email: begun.email, token });
    Ok((status, [(header::SET_COOKIE, cookie)], body).into_response())
}

fn cookie(text: &SecretString) -> Result<HeaderValue, Problem> {
    // EXPOSE: the client gets its cookie.
    let value = HeaderValue::from_str(text.expose_secret());
    let mut value = value.map_err(|_| AppError::new(ErrorCode::Internal))?;
    value.set_sensitive(true);
    Ok(value)
}
