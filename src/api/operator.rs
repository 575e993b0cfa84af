//! The operator's view.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::context::*;
use super::wire::Rpc;
use crate::model::{error::AppError, operator::HealthReport, usage::Range};

/// How the installation does, over all users. For operators only.
#[server(name = ReadHealth, prefix = "/api/rpc", endpoint = "operator_health", protocol = Rpc)]
pub async fn operator_health(#[server(default)] range: Range) -> Result<HealthReport, AppError> {
    let (who, app) = (principal().await?, use_cases()?);
    app.accounts.operator(&who).await?;
    app.overview.report(range).await
}
