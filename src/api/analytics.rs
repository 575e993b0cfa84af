//! Analytics. Reads the ledger, and spends no key.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
use crate::model::{error::AppError, ids::ProviderId, report::AnalyticsPage, usage::Range};

/// What was used, and how far the services are set up, in the zone that is `offset` minutes ahead of UTC.
/// Asked `again` by a page that is open, which nobody may be looking at, it is no use of the session.
#[server(name = ReadUsage, prefix = "/api/rpc", endpoint = "usage", protocol = Rpc)]
pub async fn usage(
    #[server(default)] range: Range,
    #[server(default)] offset: i32,
    #[server(default)] provider: Option<ProviderId>,
    #[server(default)] again: bool,
) -> Result<AnalyticsPage, AppError> {
    let who = if again { onlooker().await? } else { principal().await? };
    let app = use_cases()?;
    let usage = app.analytics.report(who.user, range, offset, provider).await?;
    Ok(AnalyticsPage { usage, services: app.keys.decisions(who.user).await? })
}
