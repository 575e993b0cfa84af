//! What the installation tells everybody.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
use crate::model::{
    error::AppError,
    page::{DemoKey, Installation},
};

/// How the installation is set up, as far as visitors need to know.
#[server(name = AskInstallation, prefix = "/api/rpc", endpoint = "installation", protocol = Rpc)]
pub async fn installation() -> Result<Installation, AppError> {
    let UseCases { accounts, demo, .. } = use_cases()?;
    Ok(Installation { demo: demo.is_some(), needs_code: accounts.needs_code() })
}

/// The simulator's test keys. Only a demonstration has them.
#[server(prefix = "/api/rpc", endpoint = "demo_keys", protocol = Rpc)]
pub async fn demo_keys() -> Result<Vec<DemoKey>, AppError> {
    let demo = use_cases()?.demo;
    demo.map(|keys| keys.to_vec()).ok_or_else(|| AppError::new(crate::model::error::ErrorCode::NotFound))
}
