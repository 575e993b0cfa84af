//! What a server function finds in its context.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderValue, header, request::Parts};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    account::{
        Accounts, ClientAddr, Origin, RequestUser,
        credentials::{self, Presented},
    },
    keys::{Caller, Keys},
    model::{
        error::{AppError, ErrorCode},
        input,
        page::DemoKey,
    },
    notices::Notices,
    operator::Overview,
    services::{analytics::Analytics, calling::Calling, scraper::Scraper, voices::Voices},
    store::{Principal, Standing},
};

/// The use cases, for server functions and REST alike.
#[derive(Clone)]
pub struct UseCases {
    /// Accounts and sessions.
    pub accounts: Arc<Accounts>,
    /// Stored credentials.
    pub keys: Arc<Keys>,
    /// The Data Scraper.
    pub scraper: Arc<Scraper>,
    /// Calling Operations.
    pub calling: Arc<Calling>,
    /// Voice Cloning.
    pub voices: Arc<Voices>,
    /// What keys were used for.
    pub analytics: Arc<Analytics>,
    /// What users are told of.
    pub notices: Arc<Notices>,
    /// Figures over all users, for the operator.
    pub overview: Arc<Overview>,
    /// The installation's address is https.
    pub secure: bool,
    /// The simulator's test keys, where the installation is a demonstration.
    pub demo: Option<Arc<[DemoKey]>>,
}

impl UseCases {
    /// The same, with how their credentials stand.
    pub async fn authenticate_with_credentials(
        &self,
        headers: &http::HeaderMap,
    ) -> Result<Option<Standing>, AppError> {
        self.accounts.authenticate_with_credentials(&self.presented(headers)?).await
    }

    /// Who sent a request with these headers, if anybody proves to be somebody.
    pub async fn authenticate(&self, headers: &http::HeaderMap) -> Result<Option<Principal>, AppError> {
        self.accounts.authenticate(&self.presented(headers)?).await
    }

    /// The proof on a request with these headers.
    pub fn presented(&self, headers: &http::HeaderMap) -> Result<Presented, AppError> {
        credentials::presented(headers, self.secure)
    }
}

/// The use cases behind this server function.
pub(super) fn use_cases() -> Result<UseCases, AppError> {
    use_context().ok_or_else(|| AppError::new(ErrorCode::Internal))
}

fn parts() -> Result<Parts, AppError> {
    use_context().ok_or_else(|| AppError::new(ErrorCode::Internal))
}

/// Who asks, if anybody proves to be somebody. Server functions belong to the pages, and take sessions only:
/// a token's scopes would have to be asked for in each of them.
pub(super) async fn visitor() -> Result<Option<Principal>, AppError> {
    let parts = parts()?;
    let who = use_cases()?.authenticate(&parts.headers).await?;
    known(&parts, who)
}

/// Who asks, for what a page asks by itself: a page that is left open must not keep its session alive. An error for
/// visitors.
pub(super) async fn onlooker() -> Result<Principal, AppError> {
    let (parts, app) = (parts()?, use_cases()?);
    let who = app.accounts.identify(&app.presented(&parts.headers)?).await?;
    known(&parts, who)?.ok_or_else(|| AppError::new(ErrorCode::Unauthenticated))
}

fn known(parts: &Parts, who: Option<Principal>) -> Result<Option<Principal>, AppError> {
    if let (Some(who), Some(log)) = (&who, parts.extensions.get::<RequestUser>()) {
        log.note(who.user);
    }
    who.as_ref().map(Principal::session).transpose()?;
    Ok(who)
}

/// Whether a browser without JavaScript posted a form.
pub(super) fn posted_plainly() -> Result<bool, AppError> {
    Ok(super::accepts_html(&parts()?.headers))
}

/// Who asks; an error for visitors.
pub(super) async fn principal() -> Result<Principal, AppError> {
    visitor().await?.ok_or_else(|| AppError::new(ErrorCode::Unauthenticated))
}

fn address() -> Result<IpAddr, AppError> {
    parts()?.extensions.get::<ClientAddr>().map(|a| a.0).ok_or_else(|| AppError::new(ErrorCode::Internal))
}

/// Where the request comes from.
pub(super) fn origin() -> Result<Origin, AppError> {
    Ok(Origin::new(address()?, &parts()?.headers))
}

/// Who asks, and from where, for what is limited.
pub(super) async fn caller() -> Result<Caller, AppError> {
    Ok(Caller { user: principal().await?.user, address: address()? })
}

/// Hands a cookie to the browser.
pub(super) fn set_cookie(cookie: &SecretString) -> Result<(), AppError> {
    let response = use_context::<ResponseOptions>().ok_or_else(|| AppError::new(ErrorCode::Internal))?;
    // EXPOSE: the browser gets its cookie.
    let mut value =
        HeaderValue::from_str(cookie.expose_secret()).map_err(|_| AppError::new(ErrorCode::Internal))?;
    value.set_sensitive(true);
    response.append_header(header::SET_COOKIE, value);
    Ok(())
}

/// Sends the browser on to `next` if that is a known path of this site, else to `otherwise`.
pub(super) fn go_on(next: Option<&str>, otherwise: &str) {
    leptos_axum::redirect(next.and_then(input::next_path).unwrap_or(otherwise));
}
