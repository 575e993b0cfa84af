//! Accounts and sessions.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
#[cfg(feature = "ssr")]
use crate::account::{Begun, credentials};
use crate::model::{
    error::AppError,
    ids::SessionId,
    page::{AccountPage, Me},
};

/// Makes an account and signs in. `code` is an invitation, where one is needed.
#[server(prefix = "/api/rpc", endpoint = "register", protocol = Rpc)]
pub async fn register(
    email: String,
    password: String,
    #[server(default)] code: Option<String>,
    #[server(default)] next: Option<String>,
) -> Result<(), AppError> {
    let begun = async {
        let accounts = use_cases()?.accounts;
        accounts.register(&email, password.into(), code.as_deref(), &origin()?).await
    };
    enter(begun.await?, next.as_deref())
}

/// Signs in.
#[server(prefix = "/api/rpc", endpoint = "login", protocol = Rpc)]
pub async fn login(
    email: String,
    password: String,
    #[server(default)] next: Option<String>,
) -> Result<(), AppError> {
    let begun = async { use_cases()?.accounts.log_in(&email, password.into(), &origin()?).await };
    enter(begun.await?, next.as_deref())
}

#[cfg(feature = "ssr")]
fn enter(begun: Begun, next: Option<&str>) -> Result<(), AppError> {
    hand_over(&begun)?;
    go_on(next, "/");
    Ok(())
}

#[cfg(feature = "ssr")]
fn hand_over(begun: &Begun) -> Result<(), AppError> {
    let UseCases { secure, accounts, .. } = use_cases()?;
    set_cookie(&credentials::session_cookie(begun, accounts.now(), secure))
}

/// Signs out.
#[server(prefix = "/api/rpc", endpoint = "logout", protocol = Rpc)]
pub async fn logout() -> Result<(), AppError> {
    let UseCases { secure, accounts, .. } = use_cases()?;
    // Whoever has no live session is signed out already.
    if let Some(who) = visitor().await? {
        accounts.log_out(&who).await?;
    }
    set_cookie(&credentials::no_session_cookie(secure).into())?;
    go_on(None, "/login");
    Ok(())
}

/// Who is signed in.
#[server(name = WhoAmI, prefix = "/api/rpc", endpoint = "me", protocol = Rpc)]
pub async fn me() -> Result<Option<Me>, AppError> {
    let who = visitor().await?;
    let Some(who) = who else { return Ok(None) };
    let app = use_cases()?;
    let seen = app.accounts.seen(who.user).await?;
    let operator = app.accounts.is_operator(who.user).await?;
    let unread = app.notices.unread(who.user).await?;
    Ok(Some(Me { id: who.user, email: who.email, seen, unread, operator }))
}

/// What the account page shows.
#[server(prefix = "/api/rpc", endpoint = "account", protocol = Rpc)]
pub async fn account() -> Result<AccountPage, AppError> {
    let who = principal().await?;
    use_cases()?.accounts.page(&who).await
}

/// Changes the password, which ends every other session.
#[server(prefix = "/api/rpc", endpoint = "change_password", protocol = Rpc)]
pub async fn change_password(current: String, new: String) -> Result<(), AppError> {
    let changed = async {
        let who = principal().await?;
        use_cases()?.accounts.change_password(&who, current.into(), new.into(), &origin()?).await
    };
    hand_over(&changed.await?)
}

/// Ends one of the caller's sessions.
#[server(prefix = "/api/rpc", endpoint = "end_session", protocol = Rpc)]
pub async fn end_session(id: SessionId) -> Result<(), AppError> {
    let who = principal().await?;
    use_cases()?.accounts.end_session(&who, id).await
}

/// Ends all of the caller's sessions but this one.
#[server(prefix = "/api/rpc", endpoint = "end_other_sessions", protocol = Rpc)]
pub async fn end_other_sessions() -> Result<(), AppError> {
    let who = principal().await?;
    use_cases()?.accounts.end_other_sessions(&who).await?;
    Ok(())
}
