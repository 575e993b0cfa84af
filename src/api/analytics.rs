//! Analytics. Reads the ledger, and spends no key.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
use crate::model::{
    error::AppError,
    usage::{Range, UsageReport},
};

/// What was used, in the zone that is `offset` minutes ahead of UTC.
#[server(name = ReadUsage, prefix = "/api/rpc", endpoint = "usage", protocol = Rpc)]
pub async fn usage(
    #[server(default)] range: Range,
    #[server(default)] offset: i32,
) -> Result<UsageReport, AppError> {
    let who = principal().await?;
    use_cases()?.analytics.report(who.user, range, offset).await
}
