//! Accounts and sessions.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{Body, List, PathId, Who};
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Register {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    code: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogIn {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    /// Also answer a token for the `Authorization` header.
    #[serde(default)]
    token: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePassword {
    #[serde(default)]
    current: SecretString,
    #[serde(default)]
    new: SecretString,
}

#[derive(Serialize)]
struct Entered {
    id: UserId,
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

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

pub(super) async fn log_in(
    State(app): State<UseCases>,
    Extension(ClientAddr(address)): Extension<ClientAddr>,
    headers: HeaderMap,
    Body(body): Body<LogIn>,
) -> Result<Response, Problem> {
    let begun = app.accounts.log_in(&body.email, body.password, &Origin::new(address, &headers)).await?;
    entered(&app, StatusCode::OK, begun, body.token)
}

pub(super) async fn log_out(State(app): State<UseCases>, Who(who): Who) -> Result<Response, Problem> {
    app.accounts.log_out(&who).await?;
    let cookie = cookie(&credentials::no_session_cookie(app.secure).into())?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

pub(super) async fn me(Who(who): Who) -> impl IntoResponse {
    Json(Entered { id: who.user, email: who.email, token: None })
}

pub(super) async fn change_password(
    State(app): State<UseCases>,
    Who(who): Who,
    Extension(ClientAddr(address)): Extension<ClientAddr>,
    headers: HeaderMap,
    Body(body): Body<ChangePassword>,
) -> Result<Response, Problem> {
    let origin = Origin::new(address, &headers);
    let begun = app.accounts.change_password(&who, body.current, body.new, &origin).await?;
    entered(&app, StatusCode::OK, begun, false)
}

pub(super) async fn sessions(
    State(app): State<UseCases>,
    Who(who): Who,
) -> Result<Json<List<SessionView>>, Problem> {
    Ok(List::whole(app.accounts.page(&who).await?.sessions))
}

pub(super) async fn end_session(
    State(app): State<UseCases>,
    Who(who): Who,
    PathId(session): PathId<SessionId>,
) -> Result<StatusCode, Problem> {
    app.accounts.end_session(&who, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn end_other_sessions(
    State(app): State<UseCases>,
    Who(who): Who,
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
