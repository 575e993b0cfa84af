//! Stored credentials.

use std::collections::HashMap;

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
use crate::model::{error::AppError, ids::ProviderId, key::KeyView, page::SettingsPage, schedule::Every};

/// What the settings page shows.
#[server(prefix = "/api/rpc", endpoint = "key_settings", protocol = Rpc)]
pub async fn key_settings() -> Result<SettingsPage, AppError> {
    let who = principal().await?;
    use_cases()?.keys.settings(who.user).await
}

/// Checks a new credential with its provider, then stores it.
#[server(prefix = "/api/rpc", endpoint = "store_key", protocol = Rpc)]
pub async fn store_key(
    provider: ProviderId,
    #[server(default)] credentials: HashMap<String, String>,
    #[server(default)] spend: Option<String>,
) -> Result<KeyView, AppError> {
    let stored = async {
        use_cases()?.keys.store(caller().await?, &provider, secret(credentials), agreed(spend)).await
    };
    stored.await.map_err(about(provider))
}

/// Checks a new credential, then puts it in the place of the stored one.
#[server(prefix = "/api/rpc", endpoint = "replace_key", protocol = Rpc)]
pub async fn replace_key(
    provider: ProviderId,
    #[server(default)] credentials: HashMap<String, String>,
    #[server(default)] spend: Option<String>,
) -> Result<KeyView, AppError> {
    let replaced = async {
        use_cases()?.keys.replace(caller().await?, &provider, secret(credentials), agreed(spend)).await
    };
    replaced.await.map_err(about(provider))
}

/// Asks the provider about the stored credential now.
#[server(prefix = "/api/rpc", endpoint = "check_key", protocol = Rpc)]
pub async fn check_key(
    provider: ProviderId,
    #[server(default)] spend: Option<String>,
) -> Result<KeyView, AppError> {
    let checked =
        async { use_cases()?.keys.check_now(principal().await?.user, &provider, agreed(spend)).await };
    checked.await.map_err(about(provider))
}

/// Has the stored credential checked this often.
#[server(prefix = "/api/rpc", endpoint = "schedule_key", protocol = Rpc)]
pub async fn schedule_key(provider: ProviderId, check_every: Every) -> Result<KeyView, AppError> {
    let scheduled =
        async { use_cases()?.keys.schedule(principal().await?.user, &provider, Some(check_every)).await };
    scheduled.await.map_err(about(provider))
}

/// Deletes the stored credential. What was made with it stays.
#[server(prefix = "/api/rpc", endpoint = "delete_key", protocol = Rpc)]
pub async fn delete_key(provider: ProviderId) -> Result<(), AppError> {
    let deleted = async { use_cases()?.keys.delete(principal().await?.user, &provider).await };
    deleted.await.map_err(about(provider))
}

/// The error of a card: it says which provider it is about, so that a page with many cards knows where
/// it belongs.
#[cfg(feature = "ssr")]
fn about(provider: ProviderId) -> impl FnOnce(AppError) -> AppError {
    move |error| {
        let known = use_cases().ok().and_then(|app| app.keys.known(&provider));
        AppError { provider: known, ..error }
    }
}

/// A box that is not ticked is not sent.
#[cfg(feature = "ssr")]
fn agreed(spend: Option<String>) -> crate::keys::Spending {
    spend.is_some().into()
}

#[cfg(feature = "ssr")]
fn secret(credentials: HashMap<String, String>) -> crate::keys::Fields {
    credentials.into_iter().map(|(name, value)| (name, value.into())).collect()
}
